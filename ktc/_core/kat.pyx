"""kat: tables in csv from several files to one, merged by the keys at the files' heads or just one after the
other.

Each file is read as a stream. The file whose first unwritten row has the smallest key is next, of equal ones
the earlier file; its rows are written until one has a key beyond the smallest head of the others. So rows of
one file keep their order, and rows of one key that stand together stay so. Rows go on as the bytes that they
are: only their keys are read and their fields counted.

    pos                                                                          end
     |--- run: rows to be written ---|--- the first row beyond others' heads ---|--- unread ---|
"""
from cpython.ref cimport PyObject
from libc.stdint cimport INT64_MAX, int32_t, int64_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memchr

from ktc._core.compilers cimport count_bits, lowest_bit
from ktc._core.gettext cimport get_i32
from ktc._core.io cimport Sink, Source
from ktc._core.memory cimport allot
from ktc.errors import DataError

cdef enum:
    LONGEST_LINE = 1 << 16
    LONGEST_HEADER = 1 << 12
    END = 0                         # what looking for a line finds
    FOUND = 1
    # its end has not been read, and what lies before it has to be written first
    UNREAD = 2


cdef struct Input:
    PyObject *source                # Merge.sources keeps it alive
    int64_t number                  # of the line that is next, from 1
    size_t length                   # its bytes, the line's end included
    bint ends                       # whether it has one: the last may not
    int64_t commas
    int64_t key


cdef extern from *:
    """
    #include "compilers.h"

    /* One bit for each of the 64 bytes at p that is c. */
    static inline uint64_t ktc_where(const char *p, char c) {
        uint64_t mask = 0;
        int i;
    #ifdef KTC_SSE2
        for (i = 0; i < 4; i++) {
            __m128i x = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(p + 16 * i)), _mm_set1_epi8(c));
            mask |= (uint64_t)(unsigned)_mm_movemask_epi8(x) << (16 * i);
        }
    #else
        for (i = 0; i < 64; i++)
            mask |= (uint64_t)(p[i] == c) << i;
    #endif
        return mask;
    }
    """
    uint64_t where "ktc_where"(const char *p, char c) noexcept nogil


# The end of the line at p, a '\n' before `end`, or NULL; the commas before either are added.
cdef inline const char *scan(const char *p, const char *end, int64_t *commas) noexcept nogil:
    cdef uint64_t stops, marks
    while end - p >= 64:
        stops, marks = where(p, c'\n'), where(p, c',')
        if stops:
            commas[0] += count_bits(marks & ((stops & (0 - stops)) - 1))
            return p + lowest_bit(stops)
        commas[0] += count_bits(marks)
        p += 64
    while p < end:
        if p[0] == c'\n':
            return p
        commas[0] += p[0] == c','
        p += 1
    return NULL


# The line that is `behind` bytes after pos. Reads on only when that is 0.
cdef int find_line(Source source, Input *line, size_t behind) except -1 nogil:
    cdef size_t have = source.end - source.pos, seen = behind
    cdef const char *stop
    line.commas = 0
    while True:
        stop = scan(source.pos + seen, source.end, &line.commas)
        if stop == NULL and behind:
            return UNREAD
        if (have if stop == NULL else stop - source.pos - behind) > LONGEST_LINE:
            with gil:
                raise DataError(f"{source.name}: line {line.number}: the line has no end within "
                                f"{LONGEST_LINE} bytes")
        if stop != NULL:
            line.length, line.ends = stop + 1 - source.pos - behind, True
            return FOUND
        seen = have
        have = source.ready(have + 1)
        if have == seen:
            line.length, line.ends = have, False
            return FOUND if have else END


cdef bint is_blank(const char *p, size_t n) noexcept nogil:
    cdef size_t i
    for i in range(n):
        if p[i] != c' ' and p[i] != c'\t' and p[i] != c'\r' and p[i] != c'\n':
            return False
    return True


def concatenate(list sources, Sink sink not None):
    """Every byte of the sources, one after the other, but for a header line that repeats the first one."""
    cdef Source source
    cdef size_t n
    header = b""
    for source in sources:
        if not header:
            line, end, _ = source.peek(LONGEST_HEADER).partition(b"\n")
            header = line + end if end and line[:1].isalpha() else b""
        elif source.peek(len(header)) == header:
            source.pos += len(header)
        with nogil:
            n = source.ready(1)
            while n:
                sink.write(source.pos, n)
                source.pos += n
                n = source.ready(1)


cdef class Merge:
    """Several tables to one. Headers are its user's: line() and skip() up to the first row of each; then
    run()."""
    cdef readonly list sources
    cdef Py_ssize_t n               # of them
    cdef Sink sink
    cdef Input *inputs
    cdef int32_t *heap              # the inputs that have rows left, the next one first
    cdef Py_ssize_t live
    cdef int64_t fields             # of a row
    cdef int period, event          # the columns of the key, from 0; period -1: there is none
    cdef size_t due                 # bytes of the heap's first input, from its pos on, that are to be written

    def __cinit__(self, list sources, Sink sink not None):
        cdef Py_ssize_t i
        cdef Source source
        self.sources, self.n, self.sink = sources, len(sources), sink
        self.inputs = <Input *>allot(self.n, sizeof(Input))
        self.heap = <int32_t *>allot(self.n, sizeof(int32_t))
        for i in range(self.n):
            source = sources[i]
            self.inputs[i].source = <PyObject *>source
            self.inputs[i].number = 1

    def __dealloc__(self):
        free(self.inputs)
        free(self.heap)

    def line(self, Py_ssize_t i):
        """The next line of a source, without its end; None at the end of input."""
        cdef Source source = self.sources[i]
        cdef Input *line = &self.inputs[i]
        cdef int found
        with nogil:
            found = find_line(source, line, 0)
        return source.pos[:line.length - line.ends] if found else None

    def skip(self, Py_ssize_t i):
        """Go past the line that line() gave."""
        cdef Source source = self.sources[i]
        source.pos += self.inputs[i].length
        self.inputs[i].length = 0
        self.inputs[i].number += 1

    def place(self, Py_ssize_t i):
        """Where the next line of a source is, for messages."""
        return f"{self.sources[i].name}: line {self.inputs[i].number}"

    def run(self, fields, event, period=None):
        """Merge what is left: rows of this many fields, by the numbers in columns event or (period, event),
        from 0."""
        self.fields, self.event, self.period = fields, event, -1 if period is None else period
        if not -1 <= self.period < self.event < self.fields - 1:
            raise ValueError("the period stands before the event, and both before the last column")
        self.due = 0
        try:
            with nogil:
                self.merge()
        except DataError:
            if self.due:                        # rows before the fault, which are whole
                self.write_due(<Source>self.inputs[self.heap[0]].source)
            raise

    cdef int merge(self) except -1 nogil:
        cdef Py_ssize_t i
        cdef Input *first
        self.live = 0
        for i in range(self.n):
            if self.next_row(<Source>self.inputs[i].source, &self.inputs[i], 0):
                self.heap[self.live] = <int32_t>i
                self.live += 1
        for i in range(self.live // 2 - 1, -1, -1):
            self.sift(i)
        while self.live:
            first = &self.inputs[self.heap[0]]
            if not self.copy(<Source>first.source, first):
                self.live -= 1
                self.heap[0] = self.heap[self.live]
            self.sift(0)
        return 0

    cdef inline bint before(self, int32_t a, int32_t b) noexcept nogil:
        return self.inputs[a].key < self.inputs[b].key or (self.inputs[a].key == self.inputs[b].key and a < b)

    cdef void sift(self, Py_ssize_t at) noexcept nogil:
        """Let what stands at a place of the heap sink to where it belongs."""
        cdef int32_t moving = self.heap[at]
        cdef Py_ssize_t child = 2 * at + 1
        while child < self.live:
            if child + 1 < self.live and self.before(self.heap[child + 1], self.heap[child]):
                child += 1
            if not self.before(self.heap[child], moving):
                break
            self.heap[at] = self.heap[child]
            at, child = child, 2 * child + 1
        self.heap[at] = moving

    cdef bint copy(self, Source source, Input *row) except -1 nogil:
        """Write rows of the heap's first input until one comes after another's head: whether any are left.
        """
        cdef int64_t limit = INT64_MAX
        cdef int32_t rival
        cdef bint ties = True
        cdef int more
        if self.live > 1:
            rival = self.heap[1]
            if self.live > 2 and self.before(self.heap[2], rival):
                rival = self.heap[2]
            limit, ties = self.inputs[rival].key, self.heap[0] < rival
        while True:
            self.due += row.length
            row.number += 1
            more = self.next_row(source, row, self.due)
            if more == UNREAD:
                self.write_due(source)
                if source.pos[-1] != c'\n':
                    self.sink.write(b"\n", 1)
                more = self.next_row(source, row, 0)
            if not more or row.key > limit or (row.key == limit and not ties):
                self.write_due(source)
                return more

    cdef int write_due(self, Source source) except -1 nogil:
        self.sink.write(source.pos, self.due)
        source.pos += self.due
        self.due = 0
        return 0

    cdef int next_row(self, Source source, Input *row, size_t behind) except -1 nogil:
        """Take in the row that is `behind` bytes after pos, and its key."""
        cdef const char *p
        cdef int32_t period = 0, event
        cdef int found = find_line(source, row, behind)
        if found != FOUND:
            return found
        p = source.pos + behind
        if row.commas + 1 != self.fields:
            if is_blank(p, row.length):
                return UNREAD if behind else self.only_blanks(source, row)
            with gil:
                self.fail(source, row, behind, f"expected {self.fields} columns, found {row.commas + 1}")
        if not row.ends and p[row.length - 1] == c',':
            with gil:
                self.fail(source, row, behind, "the file ends inside this row")
        if self.period >= 0:
            p = self.number(source, row, behind, p, self.period, self.period, &period)
            p = self.number(source, row, behind, p, self.event - self.period, self.event, &event)
        else:
            self.number(source, row, behind, p, self.event, self.event, &event)
        # by the period, then by the event
        row.key = period * <int64_t>4294967296 + (event + <int64_t>2147483648)
        return FOUND

    cdef const char *number(self, Source source, Input *row, size_t behind, const char *p, int further,
                            int column,
                            int32_t *value) except NULL nogil:
        """The whole number in a column, `further` columns on from p; where that column begins."""
        cdef const char *stop = source.pos + behind + row.length
        cdef const char *end
        while further:
            p = <const char *>memchr(p, c',', stop - p) + 1
            further -= 1
        end = get_i32(p, stop, value)
        while end != NULL and end[0] == c' ':
            end += 1
        if end == NULL or end[0] != c',':
            # elsewhere: an object among the variables here would need the GIL for every row
            with gil:
                self.no_number(source, row, behind, p[:stop - p], column)
        return p

    cdef int no_number(self, Source source, Input *row, size_t behind, bytes text, int column) except -1:
        found = text.split(b",")[0].decode("utf-8", "replace").strip()
        return self.fail(source, row, behind, f"column {column + 1}: expected a whole number of 32 bits (the "
                         f"{'event' if column == self.event else 'period'}), found {found!r}")

    cdef int only_blanks(self, Source source, Input *line) except -1 nogil:
        """END, as blank lines are not rows and may only be at the end."""
        while True:
            source.pos += line.length
            line.number += 1
            if not find_line(source, line, 0):
                return END
            if not is_blank(source.pos, line.length):
                with gil:
                    self.fail(source, line, 0,
                              "a blank line before this row; blank lines may only be at the end")

    cdef int fail(self, Source source, const Input *line, size_t behind, str message) except -1:
        text = source.pos[behind:behind + min(line.length, 120)].decode("utf-8", "replace").rstrip("\r\n")
        raise DataError(f"{source.name}: line {line.number}: {text!r}{'...' if line.length > 120 else ''}: "
                        f"{message}")
