# Losses of summaries by period: what exceedance curves and average annual losses are worked out from.
#
# Fed with any number of summary streams of one sample size. For every period in which an event of a summary
# occurs there is one row, of `cells` bytes whose meaning is a subclass's. A summary's rows lie together:
#
#     slot ---> table: { period row } ...     open addressing by period, a power of two, half empty at least;
#               row_of: row row ...           instead, by period, once a quarter of the periods have rows
#          ---> chunks of rows, which never move
#
# A packet comes as the vector loss[0 .. sample_size]: loss[0] is the analytical mean's, loss[s] that of
# sample s, and ABSENT where the packet has none (or, unless `zeros`, none above 0). Call order for a
# subclass's owner: feed, settle, read, and then either drop everything or go on feeding.
from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.string cimport memcpy

from ktc._core.blocks cimport LossBlock, LossConsumer, LossHeader
from ktc._core.compilers cimport prefetch
from ktc._core.hashing cimport Numbers
from ktc._core.occurrence cimport Occurrences

cdef extern from *:
    """
    /* -0.0: no loss has it, and adding it changes nothing. */
    #define KTC_ABSENT (-0.0f)
    """
    const float ABSENT "KTC_ABSENT"


cdef inline bint present(float value) noexcept nogil:
    cdef uint32_t bits
    memcpy(&bits, &value, 4)
    return bits != 0x80000000u          # ABSENT


cdef struct Entry:
    char *row                       # NULL: the place is free
    int32_t period


cdef struct Chunk:
    Chunk *next
    int64_t bytes


cdef struct Slot:
    int32_t summary_id
    int64_t n                       # rows
    int64_t places                  # of the table, or the periods of row_of
    Entry *table
    char **row_of                   # NULL until it takes the table's place
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
    cdef Numbers numbers            # of summary ids: their slots
    # settled: slots in ascending order of summary id
    cdef int64_t *by_summary

    # For subclasses. start_cells: set self.cells, now that the sample size is known. clear: an empty row.
    # add: self.loss is another loss of its period. join: a row of the same period and summary, fed elsewhere.
    cdef int start_cells(self) except -1 nogil
    cdef void clear(self, char *row) noexcept nogil
    cdef void add(self, char *row) noexcept nogil
    cdef void join(self, char *row, const char *other) noexcept nogil

    cdef bint unpack(self, const float *sample) noexcept nogil
    cdef int spread(self, Slot *slot, Py_ssize_t event) except -1 nogil
    cdef int refuse(self, const LossBlock *block, Py_ssize_t i, int64_t k) except -1 nogil

    # Ask for a row's memory, which is to be used soon.
    cdef inline void fetch(self, const char *row) noexcept nogil:
        cdef size_t at = 0
        while at < self.cells:
            prefetch(row + at)
            at += 64

    cdef Slot *find_slot(self, int32_t summary_id) except NULL nogil
    cdef char *find_row(self, Slot *slot, int32_t period) except NULL nogil
    cdef int grow_table(self, Slot *slot) except -1 nogil
    cdef int spread_table(self, Slot *slot) except -1 nogil
    cdef char *new_row(self, Slot *slot) except NULL nogil
    cdef int make_room(self) except -1 nogil
    cdef void drop_slot(self, Slot *slot) noexcept nogil
    cdef int sort_slot(self, Slot *slot, Entry *entries) except -1 nogil
