# Rows of a report on their way out.
#
# A kernel fills packed records, the struct of records.pxd that has the report's name, and hands them on in blocks: to csv, to
# memory or to parquet. Call order on a consumer: begin once, accept any number of times, finish once.
from libc.stdint cimport int64_t

from ktc._core.io cimport Sink
from ktc._core.tables cimport Layout, TableReader


cdef class RowConsumer:
    cdef int begin(self) except -1 nogil
    # n rows that belong to the caller.
    cdef int accept(self, const char *rows, int64_t n) except -1 nogil
    cdef int finish(self) except -1 nogil


# Where a kernel builds rows: next() is room for one more, flush() hands on what there is.
cdef class Rows:
    cdef readonly object report
    cdef RowConsumer to
    cdef size_t size                # bytes of a row
    cdef char *block
    cdef Py_ssize_t n, room

    cdef inline char *next(self) except NULL nogil:
        if self.n == self.room:
            self.flush()
        self.n += 1
        return self.block + (self.n - 1) * self.size

    cdef int begin(self) except -1 nogil
    cdef int flush(self) except -1 nogil
    cdef int finish(self) except -1 nogil


cdef class RowTee(RowConsumer):
    cdef RowConsumer first, second


cdef class RowsToCsv(RowConsumer):
    cdef TableReader writer
    cdef Sink sink
    cdef bytes header


cdef class RowMemory(RowConsumer):
    cdef readonly object report
    cdef size_t size
    cdef char *rows
    cdef int64_t n, room
    cdef Py_ssize_t exports         # buffers that are out: the rows stay where they are
    cdef Py_ssize_t shape[1]
    cdef Py_ssize_t strides[1]
    cdef int grow(self, int64_t n) except -1 nogil


cdef class RowGroups(RowMemory):
    cdef object write, end
    cdef int64_t limit
    cdef int hand_on(self) except -1 nogil
