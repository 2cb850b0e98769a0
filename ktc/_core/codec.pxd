# Streams <-> blocks. The wire layouts are drawn in ktc/schemas/streams.py.
from libc.stdint cimport int32_t, int64_t, uint32_t

from ktc._core.blocks cimport (CdfBlock, CdfConsumer, CdfRows, EventConsumer, LossBlock, LossConsumer,
                               LossHeader, LossRows, next_of_dense)
from ktc._core.io cimport Sink, Source


cdef class EventDecoder:
    cdef Source source
    cdef int32_t *event_id
    cdef Py_ssize_t block
    cdef readonly int64_t done
    cdef bint begun
    cdef bint step(self, EventConsumer to) except -1 nogil


# Decoders of blocks. pending(): the bins or records that no block has taken along yet. flush: send them on
# before their event has come in as a whole. take_memory: the memory of the block that `to` has just accepted
# goes to `rows`, which the decoder has no more use for; it goes on with that of `rows`.
cdef class CdfDecoder:
    cdef Source source
    cdef CdfRows rows
    cdef bint wide                  # areaperil ids of 8 bytes
    cdef bint begun, in_event
    cdef int32_t event_id
    cdef bint step(self, CdfConsumer to) except -1 nogil
    cdef int64_t pending(self) noexcept nogil
    cdef int flush(self, CdfConsumer to, bint end_of_event) except -1 nogil
    cdef void take_memory(self, CdfRows rows) noexcept nogil


cdef class LossDecoder:
    cdef Source source
    cdef LossRows rows
    cdef LossHeader header
    cdef tuple kinds
    cdef bint begun, in_event
    cdef int32_t event_id
    cdef bint as_written
    cdef int64_t *place             # see add_up()
    cdef int64_t *offset            # of the rows' packets, in a stream of summaries
    cdef Py_ssize_t offset_room
    cdef bint step(self, LossConsumer to) except -1 nogil
    cdef int64_t pending(self) noexcept nogil
    cdef int flush(self, LossConsumer to, bint end_of_event) except -1 nogil
    cdef void take_memory(self, LossRows rows) noexcept nogil
    cdef int read_header(self) except -1 nogil
    cdef int check_kind(self, uint32_t kind) except -1
    cdef int read_packet(self, LossConsumer to) except -1 nogil
    cdef int64_t add_up(self, int64_t end) except -1 nogil


cdef class EventEncoder(EventConsumer):
    cdef Sink sink


cdef class CdfEncoder(CdfConsumer):
    cdef Sink sink
    cdef bint wide


cdef class LossEncoder(LossConsumer):
    cdef Sink sink, index
    cdef bint merge, indexed
    cdef bint open                  # a packet waits for its terminator
    cdef int32_t event_id, id, sidx  # of the open packet, and of its last record
    cdef int64_t packet_offset
    cdef int end_packet(self) except -1 nogil
