# The ground-up loss kernel: takes cdfs, gives losses of items, of coverages, and of items with full
# correlation.
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from ktc._core.blocks cimport CdfBlock, CdfConsumer, LossConsumer, LossRows
from ktc._core.io cimport Mapped
from ktc._core.mersenne cimport LANES, CachedVector, Mersenne


# The items of one areaperil and vulnerability: those from `first` to the next key's first, in the order of
# their file.
cdef struct Key:
    uint64_t areaperil_id
    int64_t first
    int32_t vulnerability_id


cdef struct Item:
    int32_t item_id, coverage_id, group_id
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


# A place for one group's random numbers.
cdef struct Way:
    int64_t event, chunk            # of its last use
    int32_t group_id


# An item hit by the event, and the next one on its coverage (mode 1).
cdef struct Hit:
    const Item *item
    int64_t row, next


# A coverage hit by the event, with its items in the order of their arrival (mode 1).
cdef struct HitCoverage:
    int64_t first, last, count


# Where the search for a key starts.
cdef inline uint64_t place_of(uint64_t areaperil_id, int32_t vulnerability_id, uint64_t mask) noexcept nogil:
    cdef uint64_t h = areaperil_id * <uint64_t>0x9e3779b97f4a7c15
    h ^= <uint32_t>vulnerability_id * <uint64_t>0xc2b2ae3d27d4eb4f
    return (h ^ (h >> 29)) & mask


cdef class ItemIndex:
    cdef Key *key                   # n_keys + 1: the last one only ends its predecessor
    cdef int32_t *table             # open addressing: number of a key, or -1
    cdef Item *item
    cdef int64_t n_keys, n_items, n_coverages
    cdef uint64_t mask
    cdef Mapped coverages
    cdef const float *tiv           # of coverage 1, 2, ...

    cdef void enter(self, int32_t k) noexcept nogil

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
    cdef DamageBin *bin
    cdef int64_t n_dictionary
    cdef int64_t n                  # bins that can be hit
    cdef float *prob_to             # n of them, rising, and room to fill up to a power of two
    cdef Curve *curve               # n + 1: the last is where a number falls that no bin takes
    cdef int64_t n_mass
    cdef float *mass                # probability x mean damage ratio of each bin
    cdef float *mass_squared        # x mean damage ratio again
    cdef float top, below_top       # the last bin's prob_to, and what a number from there on becomes
    cdef float max_ratio
    # the first bin is a point: every number below its prob_to has its damage ratio
    cdef bint first_is_point

    cdef void build(self, const float *prob_to, const float *bin_mean, int64_t n) noexcept nogil
    cdef void moments(self, float tiv, float *mean, float *deviation) noexcept nogil
    cdef void ratios(self, const float *random, int64_t n, bint debug, double *ratio) noexcept nogil


cdef class GulCalc(CdfConsumer):
    cdef public LossConsumer item, coverage, correlated
    cdef readonly int sample_size, alloc_rule
    cdef ItemIndex index
    cdef Distribution distribution
    cdef double loss_threshold
    cdef bint debug
    cdef int64_t samples, columns   # samples asked for; those and the special ones
    cdef int64_t seed

    # random numbers
    cdef RandomFile random_file
    cdef CachedVector cached, cached_common
    cdef Mersenne mersenne
    cdef Way *way
    cdef float *vectors             # one of each way, or of each place in the chunk
    cdef float *common              # the event's own, which all items share when fully correlated
    cdef const float *common_vector
    cdef float *unused
    cdef uint32_t *pending_seed
    cdef float **pending_vector
    cdef int64_t n_pending, sets

    # items waiting for their random numbers
    cdef const Item **chunk_item
    cdef int64_t *chunk_row
    cdef const float **chunk_vector
    cdef int64_t chunk_room, n_chunk, chunk

    # the event
    cdef int64_t event
    cdef int32_t event_id
    cdef bint in_event, has_items
    cdef const int64_t *start
    cdef const float *prob_to
    cdef const float *bin_mean
    cdef int64_t built_row
    cdef const float *ratio_of
    cdef double *ratio
    cdef double *common_ratio
    cdef bint common_ready
    cdef LossRows item_rows, coverage_rows, correlated_rows
    cdef int32_t *sample_number     # 1, 2, ... samples

    # coverages of the event: number of each in the arrays below, or -1
    cdef int32_t *coverage_number
    cdef int64_t n_hit_coverages, hit_coverage_room
    cdef uint64_t *touched          # a bit for each coverage (coverage output)
    cdef int64_t first_touched, last_touched
    cdef float *sums                # mean and samples of each coverage hit (coverage output)
    cdef HitCoverage *hit_coverage  # (mode 1)

    # the event's cdfs and items, kept to its end (mode 1)
    cdef int64_t *kept_start
    cdef float *kept_prob_to
    cdef float *kept_bin_mean
    cdef Hit *hit
    cdef int64_t n_rows, kept_row_room, kept_bin_room, n_hits, hit_room

    # one coverage's losses, an item a row, a sample a column; NaN where there is none (mode 1)
    cdef float *cell
    cdef float *common_cell
    cdef int64_t *cell_key          # item id, and in the low half the row
    cdef int64_t n_cells, cell_room
    cdef float *total
    cdef float *best
    cdef double *share

    cdef int refuse(self, const CdfBlock *block, Py_ssize_t i) except -1
    cdef int start_event(self, int32_t event_id) except -1 nogil
    cdef int end_event(self) except -1 nogil
    cdef int keep(self, const CdfBlock *block, int64_t row, int64_t key) except -1 nogil
    cdef int add(self, const Item *item, int64_t row) except -1 nogil
    cdef float *vector_of(self, int32_t group_id) noexcept nogil
    cdef void draw(self) noexcept nogil
    cdef int run_chunk(self) except -1 nogil
    cdef int prepare(self, int64_t row, const float *random) noexcept nogil
    cdef int emit_item(self, const Item *item) except -1 nogil
    cdef int put_item(self, LossRows rows, const Item *item, const float *special,
                      const double *ratio) except -1 nogil
    cdef int add_to_coverage(self, const Item *item, float mean, const double *ratio) except -1 nogil
    cdef int emit_coverages(self, LossRows rows) except -1 nogil
    cdef int fill_cell(self, const Item *item) except -1 nogil
    cdef void losses(self, const double *ratio, float tiv, float *loss) noexcept nogil
    cdef int emit_coverage_items(self, LossRows rows, LossConsumer to, float *cell, float tiv) except -1 nogil
    cdef void allocate(self, float *cell, float tiv) noexcept nogil
    cdef int put_cells(self, LossRows rows, const float *cell, int64_t first, int64_t n) except -1 nogil
