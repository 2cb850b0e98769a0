# What ground-up losses are sampled from; see sampling.pyx.
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from ktc._core.io cimport Mapped
from ktc._core.arena cimport Memory
from ktc._core.hashing cimport Numbers


# The items of one areaperil and vulnerability: those from `first` to the next key's first, in the order of
# their file.
cdef struct Key:
    uint64_t areaperil_id
    int64_t first
    int32_t vulnerability_id


# group: the number of the item's group.
cdef struct Item:
    int32_t item_id, coverage_id, group
    float tiv


# The damage ratio of a random number r within one bin of a cdf, for point masses, straight lines and
# parabolas alike:
#     t = prob_from - r
#     base + (sqrt(b_squared - four_a * t) - b - minus * t) / divisor * scale
# A point mass and a straight line leave the root zero; a parabola has no linear term. 64 bytes: a line of the
# cache.
cdef struct Curve:
    double prob_from, b_squared, four_a, b, minus, divisor, scale, base


# What is the same in every cdf that has the usual mean in a damage bin.
cdef struct DamageBin:
    float bin_from, bin_to, width
    float mean                      # for which the following were worked out; NaN before
    bint point, straight
    double width_squared
    double two_x_1, two_3x          # 2x - 1 and 2 - 3x, x being where the mean lies within the bin


# Where the search for a key starts.
cdef inline uint64_t place_of(uint64_t areaperil_id, int32_t vulnerability_id, uint64_t mask) noexcept nogil:
    cdef uint64_t h = areaperil_id * <uint64_t>0x9e3779b97f4a7c15
    h ^= <uint32_t>vulnerability_id * <uint64_t>0xc2b2ae3d27d4eb4f
    return (h ^ (h >> 29)) & mask


cdef class ItemIndex:
    cdef Key *key                   # n_keys + 1: the last one only ends its predecessor
    cdef int32_t *table             # open addressing: number of a key, or -1
    cdef Item *item
    cdef Numbers groups
    cdef int64_t n_keys, n_items, n_coverages
    cdef uint64_t mask
    cdef Memory memory
    cdef Mapped coverages
    cdef const float *tiv           # of coverage 1, 2, ...

    cdef void enter(self, int32_t k) noexcept nogil

    cdef inline int32_t group_id(self, const Item *item) noexcept nogil:
        return <int32_t>self.groups.id[item.group]

    cdef inline int64_t find(self, uint64_t areaperil_id, int32_t vulnerability_id) noexcept nogil:
        cdef uint64_t h = place_of(areaperil_id, vulnerability_id, self.mask)
        cdef int32_t k
        while True:
            k = self.table[h]
            if k < 0 or (self.key[k].areaperil_id == areaperil_id
                         and self.key[k].vulnerability_id == vulnerability_id):
                return k
            h = (h + 1) & self.mask


cdef class RandomFile:
    cdef Memory memory
    cdef Mapped file
    cdef const float *number
    # the numbers from `seam_from` on, and then those from the start of the file again
    cdef float *seam
    cdef int64_t count, seam_from, sample_size
    cdef uint64_t event_step, group_step

    cdef const float *vector(self, int64_t event_id, int64_t group_id) noexcept nogil


# One distribution, made ready for its items: the sums of a mean, and the bins that a random number can fall
# into.
cdef class Distribution:
    cdef Memory memory
    cdef DamageBin *bin
    cdef int64_t n_dictionary
    cdef int64_t n                  # bins that can be hit
    cdef float *prob_to             # n of them, rising, and infinity up to the next power of two
    cdef Curve *curve               # n + 1: the last is where a number falls that no bin takes
    cdef int64_t n_mass
    cdef float *mass                # probability x mean damage ratio of each bin
    cdef float *mass_squared        # x mean damage ratio again
    cdef float top, below_top       # the last bin's prob_to, and what a number from there on becomes
    cdef float max_ratio
    cdef bint straight              # no bin is a parabola
    # the first bin is a point: every number below its prob_to has its damage ratio
    cdef bint first_is_point

    cdef void build(self, const float *prob_to, const float *bin_mean, int64_t n) noexcept nogil
    cdef void moments(self, float tiv, float *mean, float *deviation) noexcept nogil
    cdef void ratios(self, const float *random, int64_t n, bint debug, double *ratio) noexcept nogil
    cdef void find_bins(self, const float *value, int64_t n, int32_t *bin) noexcept nogil
