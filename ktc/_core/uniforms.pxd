# The random numbers of gulmc: the seeds of an event's groups, a row of uniform numbers from each, and the
# Gaussian copula that correlates two rows.
from libc.stdint cimport int32_t, int64_t, uint32_t

from ktc._core.arena cimport Memory
from ktc._core.mersenne cimport Mersenne

cdef int64_t damage_seed(int64_t group_id, int64_t event_id) noexcept nogil
cdef int64_t hazard_seed(int64_t hazard_group_id, int64_t event_id) noexcept nogil
cdef int64_t correlated_seed(int64_t peril_correlation_group, int64_t event_id) noexcept nogil

cdef enum:
    TWISTER = 0                     # MT19937
    HYPERCUBE = 1                   # Latin hypercube on it
    PHILOX = 2                      # Latin hypercube on Philox4x32-7


# Rows of n uniform numbers of 0 .. 1, one of each seed; a row depends on its seed alone. One for each thread:
# it has the scratch.
cdef class Uniforms:
    cdef int generator
    cdef int64_t n
    cdef int64_t at_once            # seeds that the scratch has room for
    cdef Memory memory
    cdef Mersenne twister
    cdef uint32_t *shuffle          # words of Philox, the rows of at_once seeds
    cdef uint32_t *jitter
    cdef int32_t *order             # permutations of 1 .. n

    # The numbers of seed[k] to row[k][0 .. n - 1].
    cdef void rows(self, const int64_t *seed, int64_t count, double **row) noexcept nogil


# The normal distribution's inverse and itself, as tables that all Copulas of the process share.
cdef class Copula:
    cdef Memory memory
    cdef const double *inverse
    cdef const double *normal

    # The normal scores of uniform numbers.
    cdef void scores(self, const double *uniform, int64_t n, double *score) noexcept nogil
    # The same of `count` rows of n scores that follow each other at `own`, where they lie: row k with the
    # scores common[k] by correlation[k].
    cdef void combine_rows(self, const double **common, const float *correlation, double *own, int64_t n,
                           int64_t count) noexcept nogil
    # The correlated uniform numbers of two rows of scores.
    cdef void combine(self, const double *common, const double *own, int64_t n, float correlation,
                      double *out) noexcept nogil
