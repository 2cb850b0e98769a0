# Rows of a report on their way out.
#
# A kernel fills packed records, the struct of records.pxd that has the report's name, and hands them on in
# blocks: to csv, to memory or to parquet. Call order on a consumer: begin once, accept any number of times,
# finish once.
from libc.stdint cimport int64_t

from ktc._core.io cimport Sink
from ktc._core.csvrows cimport Layout


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


# The same of a table that may be None, which is one that is not wanted.
cdef inline int begin_rows(Rows rows) except -1 nogil:
    return 0 if rows is None else rows.begin()


cdef inline int flush_rows(Rows rows) except -1 nogil:
    return 0 if rows is None else rows.flush()


cdef inline int finish_rows(Rows rows) except -1 nogil:
    return 0 if rows is None else rows.finish()


cdef class RowTee(RowConsumer):
    cdef RowConsumer first, second


cdef class RowsToCsv(RowConsumer):
    cdef Layout layout
    cdef Sink sink
    cdef bytes header
    cdef int lead                   # leading columns whose text is kept
    cdef int words                  # of four bytes, that they are in a row
    cdef char *kept                 # LEADS of these: length of the text, the words, the text
    cdef size_t kept_size
    cdef char *put_lead(self, char *p, const char *row) noexcept nogil


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


cdef class RowSpool(RowMemory):
    cdef object file
    cdef Sink sink                  # on the file
    cdef int64_t limit, filed       # rows in memory at most; rows in the file
    cdef int move(self) except -1
