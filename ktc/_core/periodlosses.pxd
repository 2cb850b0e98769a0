# Losses of summaries by period: what exceedance curves and average annual losses are worked out from.
#
# Fed with any number of summary streams of one sample size. For every period in which an event of a summary occurs there is one
# row, of `cells` bytes whose meaning is a subclass's. A summary's rows lie together:
#
#     slot ---> table: { period row } ...     open addressing by period, a power of two, half empty at least
#          ---> chunks of rows, which never move
#
# A packet comes as the vector loss[0 .. sample_size]: loss[0] is the analytical mean's, loss[s] that of sample s, and ABSENT
# where the packet has none (or, unless `zeros`, none above 0). Call order for a subclass's owner: feed, settle, read, and
# then either drop everything or go on feeding.
from libc.stdint cimport int32_t, int64_t, uint32_t

from ktc._core.blocks cimport LossBlock, LossConsumer, LossHeader
from ktc._core.occurrence cimport Occurrences

cdef extern from *:
    """
    /* -0.0: no loss has it, and adding it changes nothing. */
    #define KTC_ABSENT (-0.0f)
    """
    const float ABSENT "KTC_ABSENT"


cdef struct Entry:
    char *row                       # NULL: the place is free
    int32_t period


cdef struct Chunk:
    Chunk *next
    int64_t bytes


cdef struct Slot:
    int32_t summary_id
    int64_t n                       # rows
    int64_t places                  # of the table
    Entry *table
    Chunk *chunk                    # the newest one first
    char *free                      # room for `left` rows
    int64_t left


cdef class PeriodLosses(LossConsumer):
    cdef readonly Occurrences occurrences
    cdef readonly int32_t sample_size   # UNKNOWN until a stream has said it
    cdef readonly bint zeros        # a loss of 0 is a loss; else only what is above 0 is one
    cdef readonly bint all_summaries    # a summary counts even if none of its events occurs
    cdef size_t cells               # bytes of a row, set by start_cells
    cdef int64_t width              # values of a vector: sample_size + 1
    cdef float *loss                # the current packet
    cdef readonly int64_t bytes     # that rows and tables take
    cdef readonly int64_t limit     # of bytes; 0: none
    cdef bint can_drop              # beyond the limit the highest summaries are dropped; else it is an error
    cdef readonly int64_t low, high     # summary ids that are held: low <= id < high
    cdef Slot *slot
    cdef int64_t n_slots, slot_room
    cdef int32_t *slot_of           # open addressing by summary id: slot + 1, 0 where free
    cdef int64_t slot_places
    # settled: slots in ascending order of summary id
    cdef int64_t *by_summary

    # For subclasses. start_cells: set self.cells, now that the sample size is known. clear: an empty row. add: self.loss is
    # another loss of its period. join: a row of the same period and summary, fed elsewhere.
    cdef int start_cells(self) except -1 nogil
    cdef void clear(self, char *row) noexcept nogil
    cdef void add(self, char *row) noexcept nogil
    cdef void join(self, char *row, const char *other) noexcept nogil

    cdef Slot *find_slot(self, int32_t summary_id) except NULL nogil
    cdef int64_t place_of(self, int32_t summary_id) noexcept nogil
    cdef int grow_slots(self) except -1 nogil
    cdef char *find_row(self, Slot *slot, int32_t period) except NULL nogil
    cdef int grow_table(self, Slot *slot) except -1 nogil
    cdef char *new_row(self, Slot *slot) except NULL nogil
    cdef int make_room(self) except -1 nogil
    cdef void drop_slot(self, Slot *slot) noexcept nogil
    cdef int sort_slot(self, Slot *slot, Entry *entries) except -1 nogil
