# The grouping of losses into summaries; see summarycalc.pyx.
from cpython.ref cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint64_t

from ktc._core.blocks cimport LossBlock, LossConsumer, LossHeader, LossRows
from ktc._core.io cimport Mapped


# What a summary of the event comes to, beside its losses.
cdef struct Slot:
    float exposure
    double right_exposure           # the same in double
    int64_t additions               # packets
    # the row in double, once there are more additions than a float sum takes; its memory stays
    double *right


# One grouping. A summary that the current event has met owns a slot: its exposure and a row of losses,
# row[sidx + 5] for sidx -5 .. S. Slots are dealt out as summaries are met, so that memory follows the event,
# and cleared only then.
cdef struct SummarySet:
    int32_t number                  # 0 .. 9, or any
    int32_t last_summary            # summary ids run from 1 to this
    int32_t *summary_of             # by input id; 0: not in this set
    int32_t *slot_of                # by summary id: 1 + slot, or 0
    uint64_t *met                   # a bit for each summary id that has a slot
    Py_ssize_t used, room           # slots
    Py_ssize_t dealt                # slots that have ever been used
    Py_ssize_t pointer_room         # length of what is by slot
    Slot *slot
    float **row                     # by slot; every slab-th pointer owns the memory of as many rows
    PyObject *out                   # the LossConsumer; SummaryCalc.outputs keeps it alive


cdef class SummaryCalc(LossConsumer):
    cdef SummarySet *sets
    cdef int n_sets, latest_set
    cdef list outputs
    cdef LossRows rows
    cdef int64_t few                # additions that a float sum takes
    cdef double tolerance           # of sums in double that begin with a float sum
    cdef bint zeros                 # write summaries without exposure and losses of 0 too
    cdef bint by_coverage           # exposure is the coverage's TIV, not a record of the stream
    cdef str id_name, xref_name
    cdef int32_t first_id, last_id  # input ids that are known
    cdef Mapped coverages           # TIV by coverage id - 1
    cdef int32_t *coverage_of       # by item id, in the deprecated item stream
    cdef int32_t sample_size
    cdef Py_ssize_t stride, slab    # floats of a row; rows of one allocation
    cdef float *blank               # a row of zeros
    cdef bint max_loss_met          # the stream has had a record of sidx -5
    cdef bint open, ended           # an event has losses that are not written yet; all of it has been seen
    cdef int32_t event_id
    cdef int64_t last_key           # the id whose exposure was added last, or -1
    # by row of the block: its id, or coverage, and -1 if it affects nothing; the exposure that it adds
    cdef int32_t *key
    cdef float *exposure
    cdef Py_ssize_t key_room

    cdef SummarySet *find_set(self, int32_t number) noexcept
    cdef int enter(self, int32_t event_id) except -1 nogil
    cdef int look(self, const LossBlock *block) except -1 nogil
    cdef int add_rows(self, SummarySet *group, const LossBlock *block) except -1 nogil
    cdef double *right_row(self, Slot *held, const float *row) except NULL nogil
    cdef int deal(self, SummarySet *group, int32_t summary_id) except -1 nogil
    cdef int no_memory(self) except -1 nogil
    cdef int write_event(self) except -1 nogil
    cdef float check(self, SummarySet *group, Py_ssize_t slot) noexcept nogil
    cdef bint has_loss(self, const float *row) noexcept nogil
    cdef int write_row(self, SummarySet *group, int32_t summary_id) except -1 nogil
