# The ground-up loss kernel of full Monte Carlo: takes event ids, gives losses of items.
from libc.stdint cimport int32_t, int64_t, uint64_t

from ktc._core.arena cimport Memory
from ktc._core.blocks cimport LossConsumer, LossRows
from ktc._core.damage cimport Rows
from ktc._core.footprint cimport EventRows, EventStage
from ktc._core.montecarlo cimport FullModel, Item, Kind, Matrix, Summary
from ktc._core.uniforms cimport Copula, Uniforms


# An areaperil of the event that has items: its intensity bins from `first` on in the arrays below, n of them
# as they stand in the footprint, `kept` in their cdf.
cdef struct Hazard:
    int64_t first
    int32_t n, kept, return_period


# An item that the event hits, and the next one of its coverage.
cdef struct Hit:
    int32_t item, hazard
    int64_t next


cdef struct HitCoverage:
    int64_t first, last
    int32_t coverage_id, count, depth


# A distribution of the chunk. Its rows begin at `row`: one for each intensity, or the effective one.
cdef struct Distribution:
    int32_t row, n_rows
    int64_t hazard_row              # of the intensities' cdf; -1: there is one
    Summary summary                 # of the effective distribution


# An item of the chunk.
cdef struct Place:
    const Item *item
    int32_t hazard, distribution, source            # source: the place of the item that it follows, or -1
    bint unhurt                     # protected from the event
    const double *damage
    const double *intensity         # its random numbers, NULL where none are needed
    float tiv
    int32_t count                   # items of its coverage that the event hits


# Where a draw's random numbers are: in a row of the round.
cdef struct Drawn:
    int64_t round
    int32_t row


cdef class GulMC(EventStage):
    cdef public LossConsumer out
    cdef readonly int sample_size, alloc_rule, debug
    cdef Memory memory              # all arrays are its
    cdef FullModel model
    cdef EventRows event_rows       # of a binary footprint
    cdef object source              # of another one
    cdef float loss_threshold
    cdef bint effective
    cdef int64_t samples, columns
    cdef int32_t *sample_number
    cdef LossRows rows

    # the event
    cdef int64_t event
    cdef Hazard *hazard
    cdef int64_t n_hazards, hazard_room
    cdef int32_t *intensity         # by row: its bin (dynamic footprints: the intensity)
    cdef float *probability
    cdef float *hazard_cdf
    cdef int64_t n_intensities, intensity_room
    cdef Hit *hit
    cdef int64_t n_hits, hit_room
    cdef int32_t *coverage_number   # by coverage id: number of those hit, or -1
    cdef HitCoverage *coverage
    cdef int64_t n_coverages, coverage_room
    # where coverages depend on others: their order, those that wait for their turn, and by item its place in
    # the chunk, of the event item_event
    cdef int32_t *order
    cdef int32_t *stack
    cdef int64_t order_room
    cdef int32_t *item_place
    cdef int64_t *item_event
    cdef float *effective_cdfs      # by distribution of the chunk
    cdef int64_t effective_room
    cdef float *source_probability

    # the chunk: items that are worked on together
    cdef int64_t chunk, chunk_items
    cdef Place *place
    cdef int64_t n_places, place_room
    cdef int64_t row_values         # that their distributions may have
    cdef Distribution *distribution
    cdef int64_t n_distributions, distribution_room
    cdef int32_t *distribution_of   # by kind: its distribution in the chunk of kind_chunk
    cdef int64_t *kind_chunk
    cdef Rows damage_rows
    cdef int64_t n_rows, row_room
    cdef Rows hazard_rows
    cdef int64_t n_hazard_rows, hazard_row_room
    cdef int32_t last_hazard        # whose row is the last one
    cdef double *number             # by item and sample, from here on
    cdef int32_t *row_of
    cdef int32_t *bin
    cdef double *damage
    cdef int64_t number_room
    cdef int64_t *chunk_coverage    # by coverage: the place after its last item
    cdef int64_t n_chunk_coverages, chunk_coverage_room
    cdef float *cell
    cdef float *total
    cdef double *share
    cdef double *sum                # by damage bin
    cdef float *column

    # random numbers
    cdef Uniforms uniforms
    cdef Copula copula
    cdef double *numbers
    cdef int64_t n_numbers, number_rows, round
    cdef Drawn *drawn               # by draw
    cdef double *common             # by peril group: the scores of its own numbers
    cdef int64_t *common_event
    cdef int64_t *pending_seed
    cdef double **pending_row
    cdef int32_t *pending_draw
    cdef const double **pending_common  # of those that are correlated, which come first
    cdef float *pending_correlation
    cdef int64_t n_pending, pending_room

    cdef int find_source(self, int32_t event_id) except -1
    cdef int refuse(self, int32_t event_id, uint64_t areaperil_id, int64_t row, str message) except -1
    cdef int add_intensity(self, int32_t intensity, float probability) except -1 nogil
    cdef int add_hazard(self, int32_t event_id, int32_t areaperil, int64_t first, int64_t n,
                        int32_t return_period) except -1 nogil
    cdef int add_hit(self, int32_t item) except -1 nogil
    cdef int give_out(self) except -1 nogil
    cdef int put_in_order(self) except -1 nogil
    cdef int add_coverage(self, const HitCoverage *coverage) except -1 nogil
    cdef int run_chunk(self) except -1 nogil
    cdef int make_room(self) except -1 nogil
    cdef int32_t distribution_for(self, const Place *place) except -1 nogil
    cdef int32_t column_of(self, const Place *place, int64_t k) noexcept nogil
    cdef int refuse_intensity(self, const Place *place, int32_t column) except -1 nogil
    cdef int fill(self, const Place *place, Distribution *to) except -1 nogil
    cdef int add_rows(self, int64_t n) except -1 nogil
    cdef void put_row(self, const float *cdf, int32_t n) noexcept nogil
    cdef int64_t add_hazard_row(self, int32_t number) except -1 nogil
    cdef int remember(self, Distribution *to, const float *cdf) except -1 nogil
    cdef int32_t follow(self, const Place *place, const Matrix *matrix) noexcept nogil
    cdef int ask_for_numbers(self, Place *place) except -1 nogil
    cdef const double *numbers_of(self, int32_t draw, bint hazard) noexcept nogil
    cdef int draw_numbers(self) except -1 nogil
    cdef const double *common_scores(self, int32_t group) noexcept nogil
    cdef int sample(self, int64_t first, int64_t last) except -1 nogil
    cdef void random_numbers(self, const Place *place, float *loss) noexcept nogil
    cdef double scale_of(self, const Place *place) noexcept nogil
    cdef void specials(self, const Place *place, double scale, float *cell) noexcept nogil
    cdef int put(self) except -1 nogil
