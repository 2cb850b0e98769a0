"""Rows of a report on their way out: built by a kernel, taken by csv, by memory or by parquet. The contract is in rows.pxd."""
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND, PyBUF_STRIDES, PyBUF_WRITABLE
from libc.stdlib cimport free
from libc.string cimport memcpy

from ktc._core.memory cimport allot, resize

cdef enum:
    ROWS = 512                      # of a block
    ROW_GROUP = 1 << 17             # of a row group of a parquet file


cdef char *BYTES = b"B"


def layout_of(report):
    """How a report's rows are written as csv."""
    columns, at = [], 0
    for field in report.fields:
        columns.append((field.name, field.type, field.csv, at))
        at += field.width()
    return Layout(columns, at, separator=",")


cdef class RowConsumer:
    """Takes rows of a report."""

    cdef int begin(self) except -1 nogil:
        return 0

    cdef int accept(self, const char *rows, int64_t n) except -1 nogil:
        with gil:
            raise NotImplementedError

    cdef int finish(self) except -1 nogil:
        return 0


cdef class Rows:
    """Builds rows of a report for a consumer."""

    def __cinit__(self, report, RowConsumer to not None):
        self.report, self.to, self.size, self.room = report, to, report.size, ROWS
        self.block = <char *>allot(self.room, self.size)

    def __dealloc__(self):
        free(self.block)

    cdef int begin(self) except -1 nogil:
        self.n = 0
        return self.to.begin()

    cdef int flush(self) except -1 nogil:
        cdef Py_ssize_t n = self.n
        self.n = 0
        return self.to.accept(self.block, n) if n else 0

    cdef int finish(self) except -1 nogil:
        self.flush()
        return self.to.finish()


cdef class RowTee(RowConsumer):
    """Gives the same rows to two."""

    def __cinit__(self, RowConsumer first not None, RowConsumer second not None):
        self.first, self.second = first, second

    cdef int begin(self) except -1 nogil:
        self.first.begin()
        return self.second.begin()

    cdef int accept(self, const char *rows, int64_t n) except -1 nogil:
        self.first.accept(rows, n)
        return self.second.accept(rows, n)

    cdef int finish(self) except -1 nogil:
        self.first.finish()
        return self.second.finish()


cdef class RowsToCsv(RowConsumer):
    """Writes rows of a report as csv. header: with the line of the columns' names."""

    def __cinit__(self, report, Sink sink not None, bint header=True):
        self.sink, self.writer = sink, TableReader(layout_of(report), sink)
        self.header = (report.csv_header + "\n").encode() if header else b""

    cdef int begin(self) except -1 nogil:
        with gil:
            self.sink.write(<const char *>self.header, len(self.header))
        return 0

    cdef int accept(self, const char *rows, int64_t n) except -1 nogil:
        return self.writer.write_records(rows, n)


cdef class RowMemory(RowConsumer):
    """Keeps rows of a report. A buffer of their bytes; while one is in use, no rows can be added."""

    def __cinit__(self, report, *rest):
        self.report, self.size = report, report.size

    def __dealloc__(self):
        free(self.rows)

    def __len__(self):
        return self.n

    def __getbuffer__(self, Py_buffer *view, int flags):
        if flags & PyBUF_WRITABLE:
            raise BufferError("a report's rows are read-only")
        self.shape[0], self.strides[0] = self.n * <int64_t>self.size, 1
        view.buf = self.rows if self.rows != NULL else <char *>&self.shape[0]
        view.obj, view.len, view.itemsize, view.readonly, view.ndim = self, self.shape[0], 1, True, 1
        view.format = BYTES if flags & PyBUF_FORMAT else NULL
        view.shape = self.shape if flags & PyBUF_ND else NULL
        view.strides = self.strides if flags & PyBUF_STRIDES == PyBUF_STRIDES else NULL
        view.suboffsets = view.internal = NULL
        self.exports += 1

    def __releasebuffer__(self, Py_buffer *view):
        self.exports -= 1

    def extend(self, RowMemory other not None):
        """Add the rows of another one of the same report."""
        if other.report is not self.report:
            raise ValueError(f"rows of {other.report.name} cannot be added to {self.report.name}")
        self.accept(other.rows, other.n)

    cdef int accept(self, const char *rows, int64_t n) except -1 nogil:
        if n:
            self.grow(n)
            memcpy(self.rows + self.n * self.size, rows, n * self.size)
            self.n += n
        return 0

    cdef int grow(self, int64_t n) except -1 nogil:
        if self.exports:
            with gil:
                raise BufferError("a report's rows are in use: nothing can be added now")
        if self.n + n > self.room:
            self.room = max(2 * self.room, self.n + n)
            resize(<void **>&self.rows, self.room, self.size)
        return 0


cdef class RowGroups(RowMemory):
    """Hands rows of a report to write(buffer of their bytes), many at a time, and then calls end()."""

    def __cinit__(self, report, write, end):
        self.write, self.end, self.limit = write, end, ROW_GROUP

    cdef int accept(self, const char *rows, int64_t n) except -1 nogil:
        cdef int64_t some
        while n:
            some = min(n, self.limit - self.n)
            RowMemory.accept(self, rows, some)
            rows += some * self.size
            n -= some
            if self.n == self.limit:
                self.hand_on()
        return 0

    cdef int hand_on(self) except -1 nogil:
        if self.n:
            with gil:
                self.write(self)
                if self.exports:
                    raise BufferError("a row group was kept by whom it was written to")
            self.n = 0
        return 0

    cdef int finish(self) except -1 nogil:
        self.hand_on()
        with gil:
            self.end()
        return 0
