# Back-allocation of a coverage's losses to its items; see allocation.pyx.
from libc.stdint cimport int32_t, int64_t

cdef enum:
    # columns of a coverage's losses: the special samples that a row of items begins with, then the samples
    SPECIAL = 4
    COLUMN_TIV = 1
    COLUMN_DEVIATION = 2            # from this column on, rule 2 takes the largest


# Cut down a coverage's losses: n rows of cell, one for each item in the order of arrival, NaN where there is
# none. rule: 1 to 3. tiv: the coverage's. total, best, share: room for a row each.
cdef void allocate(int rule, float *cell, int64_t n, int64_t columns, float tiv, float *total, float *best,
                   double *share) noexcept nogil

# The same as full Monte Carlo does it: a tiv of 0 cuts nothing down, a total is compared and scaled in double
# precision. first: the columns before it are left as they are.
cdef void allocate_full(int rule, float *cell, int64_t n, int64_t first, int64_t columns, float tiv,
                        float *total, double *share) noexcept nogil

# Copy the losses that reach the threshold, with their samples' numbers; returns how many they are.
cdef int64_t put_kept(const float *loss, int64_t n, double threshold, const int32_t *number, float *kept_loss,
                      int32_t *kept_sidx) noexcept nogil
