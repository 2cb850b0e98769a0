# Post-loss amplification; see placalc.pyx.
cimport cython
from libc.stdint cimport int32_t, int64_t

from ktc._core.blocks cimport LossBlock, LossConsumer, LossHeader
from ktc._core.codec cimport LossDecoder, LossEncoder
from ktc._core.io cimport Mapped
from ktc._core.arena cimport Memory

# LossBlock.end_of_event of the last block of a stream whose last packet has no terminator.
cdef enum:
    OPEN_END = 2


@cython.final
cdef class PlaCalc(LossConsumer):
    cdef public LossConsumer out
    cdef readonly float relative, absolute
    cdef Mapped factors             # kept for as long as packets point into it
    cdef str items_name
    cdef Memory memory              # all arrays are its
    # The distinct amplifications of items, ascending, and the factor of each in the event at hand.
    cdef Py_ssize_t n_amplifications
    cdef int32_t *amplification
    cdef float *factor
    cdef int64_t last_item
    cdef int32_t *place             # by item id, 0 to last_item: where its amplification is
    # The packets of the factors' file by event, those of one event in the file's order.
    cdef Py_ssize_t n_packets
    cdef int32_t *packet_event
    cdef int64_t *packet_at         # of its head, in bytes
    cdef bint looked_up             # factor is that of event_id
    cdef int32_t event_id
    cdef float *loss                # of a block that goes out
    cdef int64_t room

    cdef int load_items(self, Mapped items) except -1
    cdef int load_factors(self) except -1
    cdef void look_up(self, int32_t event_id) noexcept nogil
    cdef int fail_loss(self, const LossBlock *block, Py_ssize_t i, float factor) except -1


@cython.final
cdef class OpenEndDecoder(LossDecoder):
    cdef bint unended               # the packet read last has no terminator


@cython.final
cdef class OpenEndEncoder(LossEncoder):
    pass
