# From random numbers to damage: many of them at once, each in a distribution of its own.
from libc.stdint cimport int32_t, int64_t

from ktc._core.montecarlo cimport DamageBins


# Distributions as rows of `stride` floats: 0, the cdf, then what lies above every number. last[r]: the number
# of row r's last bin.
cdef struct Rows:
    float *row
    int32_t *last
    int32_t stride


# Make a row of a cdf of n values: 0, these, and what lies above every number.
cdef void fill_row(float *row, const float *cdf, int32_t n, int64_t stride) noexcept nogil
# The bin of each number v[k] in the row place[k]: the first one whose cdf is not below it, or the last one.
cdef void find_bins(const Rows *rows, const double *v, const int32_t *place, int64_t n,
                    int32_t *bin) noexcept nogil
# The damage at each of these numbers.
cdef void damages(const Rows *rows, const DamageBins *bins, const double *v, const int32_t *place,
                  const int32_t *bin, int64_t n, double *damage) noexcept nogil
