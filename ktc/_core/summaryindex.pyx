"""Where each summary's packets lie in a set of summary streams: the index that ktools writes beside them.

A line for each packet, by ascending summary id, of one summary by file and place: "summary_id, file number,
byte offset".
"""
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free

from ktc._core.blocks cimport LossBlock, LossConsumer, LossHeader
from ktc._core.io cimport Sink
from ktc._core.memory cimport allot, resize
from ktc._core.puttext cimport put_i32, put_i64
from ktc._core.records cimport SUMMARY
from ktc._core.sorting cimport order_by

from ktc.errors import UsageError

cdef enum:
    LINE_MAX = 12 + 12 + 21 + 5


cdef class SummaryIndex(LossConsumer):
    """Notes the packets of the summary streams that it is fed with, which are the files 0, 1, 2, ..."""
    cdef int32_t file
    cdef int64_t n, room
    cdef int32_t *summary_id
    cdef int32_t *file_of
    cdef int64_t *offset_of

    def __cinit__(self):
        self.file = -1

    def __dealloc__(self):
        free(self.summary_id)
        free(self.file_of)
        free(self.offset_of)

    cdef int begin(self, const LossHeader *header) except -1 nogil:
        if header.kind != SUMMARY:
            with gil:
                raise UsageError("losses by summary are wanted here, the stream holds others")
        self.file += 1
        return 0

    cdef int accept(self, const LossBlock *block) except -1 nogil:
        cdef Py_ssize_t i
        if self.n + block.n > self.room:
            self.room = max(2 * self.room, self.n + <int64_t>block.n)
            resize(<void **>&self.summary_id, self.room, sizeof(int32_t))
            resize(<void **>&self.file_of, self.room, sizeof(int32_t))
            resize(<void **>&self.offset_of, self.room, sizeof(int64_t))
        for i in range(block.n):
            self.summary_id[self.n], self.file_of[self.n] = block.id[i], self.file
            self.offset_of[self.n] = block.offset[i]
            self.n += 1
        return 0

    def write(self, Sink sink not None):
        """The lines, to a sink. Gives the highest summary id, 0 at least."""
        cdef int64_t i, k, highest = 0
        cdef int64_t *order = NULL
        cdef int64_t *spare = NULL
        cdef char *p
        try:
            order, spare = <int64_t *>allot(self.n, sizeof(int64_t)), <int64_t *>allot(self.n,
                                                                                       sizeof(int64_t))
            with nogil:
                order_by(self.summary_id, self.n, order, spare)
                for i in range(self.n):
                    k = order[i]
                    p = put_i32(sink.reserve(LINE_MAX), self.summary_id[k])
                    p[0], p[1] = c',', c' '
                    p = put_i32(p + 2, self.file_of[k])
                    p[0], p[1] = c',', c' '
                    p = put_i64(p + 2, self.offset_of[k])
                    p[0] = c'\n'
                    sink.pos = p + 1
                    highest = max(highest, <int64_t>self.summary_id[k])
        finally:
            free(order)
            free(spare)
        return highest
