"""Rows of a report on their way out: built by a kernel, taken by csv, by memory or by parquet. The contract
is in rows.pxd."""
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND, PyBUF_STRIDES, PyBUF_WRITABLE
from libc.stdint cimport int32_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from ktc._core.io cimport Source
from ktc._core.memory cimport allot, resize
from ktc._core.csvrows cimport Column, put_cells
from ktc._core.puttext cimport FIXED_MAX

from ktc.errors import OutputError

cdef enum:
    ROWS = 512                      # of a block
    ROW_GROUP = 1 << 17             # of a row group of a parquet file
    SPOOL = 1 << 26                 # bytes that a spool keeps in memory
    LINES = 64                      # that one reservation of a sink is for
    COMMA = 44
    LEAD_SHIFT = 24                 # a place among the LEADS is the high bits of 32
    LEADS = 1 << (32 - LEAD_SHIFT)  # leading columns whose text is kept
    LEAD_COPY = 64                  # bytes of it that are copied at once


cdef char *BYTES = b"B"


def layout_of(report, decimals=None):
    """How a report's rows are written as csv. decimals: of every column but whole numbers, instead of
    its own."""
    columns, at = [], 0
    for field in report.fields:
        style = field.csv if decimals is None or field.type[0] == "i" else f"%.{decimals}f"
        columns.append((field.name, field.type, style, at))
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

    def open(self):
        """begin, for those who have no GIL to release: before the first row."""
        self.begin()

    def close(self):
        """finish: after the last row."""
        self.finish()


def give_rows(Rows to not None, rows):
    """All rows of a report, a buffer of its records, to their destination."""
    cdef Source source = Source(rows)
    with nogil:
        to.begin()
        to.to.accept(source.pos, (source.end - source.pos) // <int64_t>to.size)
        to.finish()


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
    """Writes rows of a report as csv. header: with the line of the columns' names. decimals: as for
    layout_of."""

    def __cinit__(self, report, Sink sink not None, bint header=True, decimals=None):
        self.sink, self.layout, self.lead = sink, layout_of(report, decimals), report.lead
        self.header = (report.csv_header + "\n").encode() if header else b""
        self.words = sum(field.width() for field in report.fields[:self.lead]) // sizeof(int32_t)
        self.kept_size = (1 + self.words) * sizeof(int32_t) + max(<int>LEAD_COPY, self.lead * (FIXED_MAX + 4))
        if self.lead:
            self.kept = <char *>allot(LEADS, self.kept_size)

    def __dealloc__(self):
        free(self.kept)

    cdef int begin(self) except -1 nogil:
        with gil:
            self.sink.write(<const char *>self.header, len(self.header))
        return 0

    cdef int accept(self, const char *rows, int64_t n) except -1 nogil:
        cdef const Column *first = self.layout.column + self.lead
        cdef const Column *last = self.layout.column + self.layout.n - 1
        cdef size_t room = self.layout.room + LEAD_COPY, size = self.layout.size
        cdef int64_t some
        cdef char *p
        while n:
            some = min(n, <int64_t>LINES)
            p = self.sink.reserve(some * room)
            n -= some
            while some:
                if self.lead:
                    p = self.put_lead(p, rows)
                p = put_cells(p, first, last, rows, COMMA, 1, 0)
                p[0] = c'\n'
                p += 1
                rows += size
                some -= 1
            self.sink.pos = p
        return 0

    cdef inline char *put_lead(self, char *p, const char *row) noexcept nogil:
        """The leading columns, each with a comma after it. A row finds the text of an earlier one by three
        of its words."""
        cdef const uint32_t *word = <const uint32_t *>row
        cdef uint32_t place = word[0] * 2654435769u + word[self.words // 2] * 2246822519u + (
            word[self.words - 1] * 3266489917u)
        cdef char *kept = self.kept + (place >> LEAD_SHIFT) * self.kept_size
        cdef uint32_t *length = <uint32_t *>kept
        cdef char *text = kept + (1 + self.words) * sizeof(uint32_t)
        cdef const Column *column = self.layout.column
        cdef int i = 0
        while i < self.words and word[i] == length[1 + i]:
            i += 1
        if i < self.words or length[0] == 0:
            memcpy(length + 1, row, self.words * sizeof(uint32_t))
            length[0] = <uint32_t>(put_cells(text, column, column + self.lead - 1, row, COMMA, 1, 0)
                                   + 1 - text)
            text[length[0] - 1] = c','
        memcpy(p, text, LEAD_COPY)                  # a fixed size is a few moves
        if length[0] > LEAD_COPY:
            memcpy(p + LEAD_COPY, text + LEAD_COPY, length[0] - LEAD_COPY)
        return p + length[0]


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
        if other.n:
            self.grow(other.n)                      # first, as the other one may be this one
            memcpy(self.rows + self.n * self.size, other.rows, other.n * self.size)
            self.n += other.n

    def take(self):
        """The bytes of all rows since it was made or asked last."""
        taken = self.rows[:self.n * <int64_t>self.size] if self.n else b""
        self.n = 0
        return taken

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


cdef class RowSpool(RowMemory):
    """Holds rows back until replay(), beyond SPOOL bytes in a temporary file."""

    def __del__(self):
        if self.file is not None:
            self.file.close()

    def __cinit__(self, report):
        self.limit = max(1, SPOOL // <int64_t>self.size)

    cdef int accept(self, const char *rows, int64_t n) except -1 nogil:
        if self.n + n > self.limit and self.n:
            with gil:
                self.move()
        return RowMemory.accept(self, rows, n)

    cdef int move(self) except -1:
        """What is in memory goes to the file."""
        if self.file is None:
            import tempfile

            try:
                self.file = tempfile.TemporaryFile()
            except OSError as error:
                raise OutputError(f"no temporary file can be made: {error.strerror}") from None
            self.sink = Sink(self.file.fileno())
            self.sink.name = "a temporary file"
        self.sink.write(self.rows, self.n * self.size)
        self.filed += self.n
        self.n = 0
        return 0

    def replay(self, Rows to not None):
        """Give all rows to another consumer, and forget them."""
        cdef Source source
        cdef int64_t some
        to.flush()
        if self.filed:
            self.sink.finish()
            self.file.seek(0)
            source = Source(self.file.fileno())
            with nogil:
                while self.filed:
                    some = min(self.filed, <int64_t>ROWS)
                    to.to.accept(source.take(some * self.size, b"a row"), some)
                    self.filed -= some
            self.file.close()
            self.file = self.sink = None
        to.to.accept(self.rows, self.n)
        self.n = 0
