# The ground-up loss kernel: takes cdfs, gives losses of items, of coverages, and of items with full
# correlation.
cimport cython
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

from ktc._core.blocks cimport CdfBlock, CdfConsumer, LossConsumer, LossRows
from ktc._core.arena cimport Memory
from ktc._core.mersenne cimport LANES, CachedVector, Mersenne
from ktc._core.sampling cimport Distribution, Item, ItemIndex, RandomFile


# A place for the random numbers of a group: the event and the group's number, and the chunk of the last use.
cdef struct Place:
    uint64_t key
    int64_t chunk


# An item hit by the event, and the next one on its coverage (mode 1).
cdef struct Hit:
    const Item *item
    int64_t row, next


# A coverage hit by the event, with its items in the order of their arrival (mode 1).
cdef struct HitCoverage:
    int64_t first, last, count


@cython.final
cdef class GulCalc(CdfConsumer):
    cdef public LossConsumer item, coverage, correlated
    cdef readonly int sample_size, alloc_rule
    cdef Memory memory              # all arrays are its
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
    cdef Place *place               # given away in turns
    cdef int32_t *place_of          # by number of a group: the place that was its last
    cdef int32_t places, next_place
    cdef uint64_t latest_key        # that vector_of was asked for in this chunk, or 0; and what it gave
    cdef float *latest_vector
    cdef float *vectors             # one of each place
    cdef float *common              # the event's own, which all items share when fully correlated
    cdef const float *common_vector
    cdef float *unused
    cdef uint32_t *pending_seed
    cdef float **pending_vector
    cdef int64_t n_pending

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
    cdef float *gathered            # random numbers of items that share a distribution
    cdef double *ratios             # damage ratios of those
    cdef double *ratio              # the item's among them
    cdef double *common_ratio
    cdef bint common_ready
    cdef LossRows item_rows, coverage_rows, correlated_rows
    cdef int32_t *row_sidx          # of a row that has them all: the special samples, then
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
    cdef float *vector_of(self, const Item *item) noexcept nogil
    cdef void draw(self) noexcept nogil
    cdef int run_chunk(self) except -1 nogil
    cdef int64_t prepare(self, int64_t first) noexcept nogil
    cdef int emit_item(self, const Item *item) except -1 nogil
    cdef int put_item(self, LossRows rows, const Item *item, const float *special,
                      const double *ratio) except -1 nogil
    cdef int64_t fill_row(self, LossRows rows, const Item *item, const float *special, const double *ratio,
                          bint *over) except -1 nogil
    cdef int add_to_coverage(self, const Item *item, float mean, const double *ratio) except -1 nogil
    cdef int emit_coverages(self, LossRows rows) except -1 nogil
    cdef int fill_cell(self, const Item *item) except -1 nogil
    cdef bint put_alone(self, LossRows rows, const Item *item) except -1 nogil
    cdef void losses(self, const double *ratio, float tiv, float *loss) noexcept nogil
    cdef int emit_coverage_items(self, LossRows rows, LossConsumer to, float *cell, float tiv) except -1 nogil
    cdef int put_cells(self, LossRows rows, const float *cell, int64_t first, int64_t n) except -1 nogil
