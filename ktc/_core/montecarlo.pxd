# What full Monte Carlo needs of a model and a portfolio, loaded once and shared read-only by all threads.
from libc.stdint cimport int32_t, int64_t, uint8_t

from ktc._core.arena cimport Memory
from ktc._core.hashing cimport Numbers
from ktc._core.io cimport Mapped

# The largest single precision value below 1: a distribution ends where its sum reaches it.
cdef double ALL


# source: the place of the item whose damage this one's follows, or -1.
cdef struct Item:
    int32_t item_id, coverage_id
    int32_t distribution, damage_draw, hazard_draw
    int32_t return_period, source
    float factor                    # of its damage's random numbers


# What items with the same distribution of damage share. vulnerability: the number of a matrix, or -1 - the
# number of an aggregate, whose members' weights begin at `weights`.
cdef struct Kind:
    int32_t vulnerability, peril, adjustment
    int64_t weights


# A row of random numbers: those of a group, or of a hazard group, correlated within a peril group.
cdef struct Draw:
    int32_t group_id, peril_group   # peril_group: a number
    float correlation


# What is known of a damage distribution beforehand: mean damage and its square's, the first bin's
# probability, and how many bins it has.
cdef struct Summary:
    double mean, second
    float first
    int32_t n


# By damage bin: in which way and between what a random number is placed.
cdef struct DamageBins:
    double *bin_from
    double *bin_to
    double *width
    double *width_squared
    double *slope                   # 2x - 1, x being where the mean lies within the bin
    double *rest                    # 2 - 3x
    float *mean
    int32_t *damage_type
    int32_t *form                   # POINT, STRAIGHT, PARABOLA


cdef enum:
    POINT, STRAIGHT, PARABOLA


# The probabilities of damage bins at every intensity of a vulnerability function: those outside first <= bin
# < end are zero. cdf has the sums.
cdef struct Matrix:
    float *probability
    float *cdf
    Summary *summary
    int32_t *first
    int32_t *end
    int32_t n_columns


cdef class FullModel:
    cdef Memory memory
    cdef list kept                  # arrays of which only the address is here
    cdef readonly int64_t n_items, n_coverages, n_draws, n_kinds
    cdef int32_t n_damage, n_intensity
    cdef readonly int32_t stride    # floats of a cdf's row: a power of two, at least n_damage + 2
    cdef bint dynamic, dependent
    cdef Numbers areaperils
    cdef int64_t *start             # by areaperil number: its items are start[a] to start[a + 1] - 1
    cdef Item *item
    cdef Kind *kind
    cdef Draw *draw
    cdef const float *tiv           # of coverage 1, 2, ...
    cdef DamageBins bins
    cdef Matrix *matrix
    cdef int64_t n_matrices, most_columns
    cdef int64_t *member_start      # by aggregate: its members
    cdef int32_t *member
    cdef const float *weight
    cdef int32_t n_peril_groups
    cdef int32_t *peril_group       # ids by number
    # intensity bins by peril and intensity (dynamic footprints)
    cdef const int32_t *intensity_bin
    cdef int32_t n_intensities
    # by coverage: its source, 0 for none; and those that follow it
    cdef int32_t *source_coverage
    cdef int64_t *follower_start
    cdef int32_t *follower
    cdef const int32_t *numbers(self, dict columns, str name, int64_t n=*) except? NULL
    cdef int load_bins(self, Mapped table) except -1
    cdef int load_items(self, dict columns) except -1
    cdef int load_kinds(self, dict columns) except -1
    # The probabilities of an aggregate's damage at the intensity of a column.
    cdef void combine(self, const Kind *kind, int32_t c, float *column) noexcept nogil
    cdef int add_matrix(self, int64_t v, object array) except -1
    cdef void complete(self, Matrix *matrix) noexcept nogil
    cdef void summarise(self, const float *cdf, int32_t n, Summary *summary) noexcept nogil


# The cdf of n probabilities at `cdf`: how many bins it has. cumulate_sums: of probabilities in double
# precision, and of one bin at least.
cdef int32_t cumulate_sums(const double *probability, int32_t n, float *cdf) noexcept nogil
cdef int32_t cumulate(const float *probability, int32_t n, float *cdf) noexcept nogil
# How many of n bins are left without those at the end that add nothing.
cdef int32_t without_tail(const float *cdf, int32_t n) noexcept nogil
