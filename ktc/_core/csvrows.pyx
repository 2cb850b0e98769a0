"""The columns of a table, and its rows as they are read from csv.

    header line     names of the columns
    row             value , value , ...

A csv may have blanks and quotes around its values, lines that end in LF, CRLF or CR, a UTF-8 byte-order mark,
blank lines and no newline at its end, and columns that the table has not, which are left alone as ktools
does. Its header says which column is which; without one, or where it has names of nobody's, they come in the
table's order. Rows are read where they lie in the Source's buffer.
"""

cimport cython
from libc.math cimport isfinite, isnan
from libc.stdint cimport (INT32_MAX, INT32_MIN, INT64_MAX, UINT32_MAX, UINT64_MAX, int32_t, int64_t, uint16_t,
                          uint32_t, uint64_t)
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memset

from ktc._core.gettext cimport (get_f32, get_f64, get_i32, get_i64, get_u32, get_u64, no_digits,
                                quick_digits, quick_f32, quick_f64, short_digits)
from ktc._core.io cimport Source
from ktc._core.puttext cimport FIXED_MAX
from ktc._core.text cimport ten_to

from ktc.errors import DataError, TruncatedError

cdef enum:
    LONGEST_LINE = 1 << 16
    MOST_FAULTS = 20
    BEYOND = 16                     # readable bytes that gettext's quick_* want after what is marked

TYPES = {"i4": I4, "u4": U4, "i8": I8, "u8": U8, "f4": F4, "f8": F8}
EXPECTED = {I4: "a whole number of 32 bits", U4: "a whole number from 0 to 4294967295",
            I8: "a whole number of 64 bits",
            U8: "a whole number of 64 bits, not negative", WORD: "a whole number of 32 bits",
            F4: "a finite number that fits a float", F8: "a finite number"}


@cython.final
cdef class Layout:
    """How a table's csv columns lie in its record.

    columns: (name, type, csv format, offset in the record or -1) of each. size: bytes of a record. table: the
    registry's entry whose columns they are, which a header may name.
    """

    def __cinit__(self, columns, size, required=None, str separator=", ", str prefix="", infinite=False,
                  table=None):
        cdef int i
        self.n, self.size, self.infinite, self.table = len(columns), size, infinite, table
        if self.n > MOST_COLUMNS:
            raise ValueError(f"{self.n} columns, expected {MOST_COLUMNS} at most")
        self.required = self.n if required is None else required
        self.names = [c[0] for c in columns]
        stored = []
        self.column = <Column *>malloc(self.n * sizeof(Column))
        if self.column == NULL:
            raise MemoryError
        self.room = len(prefix) + 1 + 4             # put_* may write 4 bytes more than they need
        self.prefix_size = len(prefix)
        if prefix:
            self.prefix[0] = ord(prefix)
        for i, (name, type, style, offset) in enumerate(columns):
            self.column[i].type = TYPES[type]
            self.column[i].offset, self.column[i].decimals, self.column[i].passed = offset, 0, False
            if type == "u4" and style == "%d":
                self.column[i].type = WORD
            self.column[i].most = {"i4": INT32_MAX, "u4": UINT32_MAX, "i8": INT64_MAX}.get(type, UINT64_MAX)
            self.column[i].signed = type[0] == "i"
            if type[0] != "f":
                self.column[i].style = {"%d4": PUT_I4, "%u4": PUT_U4, "%d8": PUT_I8,
                                        "%u8": PUT_U8}[style + type[1]]
            elif style == "%.10e":
                self.column[i].style = PUT_EXPONENT_F4
            elif style == "%r":
                self.column[i].style = PUT_SHORTEST_F4
            else:
                self.column[i].style = PUT_FIXED_F4 if type == "f4" else PUT_FIXED_F8
                self.column[i].decimals = 6 if style == "%f" else int(style[2:].rstrip("f"))
            if offset < 0:
                self.column[i].style = PUT_LEAD
            else:
                stored.append((offset, i))
            self.room += len(separator) + (FIXED_MAX if type[0] == "f" else 21)
        for i, char in enumerate(separator):
            self.separator[i] = ord(char)
        self.separator_size = len(separator)
        self.n_stored = len(stored)
        for i, place in enumerate(sorted(stored)):
            self.stored[i].offset, self.stored[i].column = place

    def __dealloc__(self):
        free(self.column)


cdef str number_of(const Column *column, const Cell *cell):
    if column.type >= F4:
        return f"{as_real(column, cell[0]):g}"
    return str(cell.u if column.type == U8 else cell.i)


# --- rows

cdef class RowSource:
    """Rows of a table. The first fault is raised, unless `faults` is a list: it is kept there then, a row
    that cannot be read is passed over, and raise_faults() raises what there was, or the fault beyond the most
    that are shown does.
    """

    cdef int start(self) except -1 nogil:
        return 0

    cdef int next(self, Cell *cell) except -1 nogil:
        return 0

    cdef str place(self):
        return f"{self.name}: record {self.line}"

    cdef str shown(self):
        return ""

    cdef int fault(self, str message) except -1:
        line = f"{self.place()}: {self.shown()}{message}"
        if self.faults is None:
            raise DataError(line)
        if len(self.faults) == MOST_FAULTS:
            self.faults.append("and more")
            self.raise_faults()
        self.faults.append(line)

    def raise_faults(self):
        """DataError with a line for each fault, if there are any."""
        if self.faults:
            raise DataError("\n".join(self.faults))


# --- reading csv

cdef inline const char *skip_blanks(const char *p, const char *end) noexcept nogil:
    while p < end and (p[0] == c' ' or p[0] == c'\t' or p[0] == c'\r'):
        p += 1
    return p


# Where the value at p ends, whatever it is: at a comma, which may stand in quotes, or at end.
cdef const char *pass_value(const char *p, const char *end) noexcept nogil:
    cdef bint quoted = False
    while p < end and (quoted or p[0] != c','):
        quoted ^= p[0] == c'"'
        p += 1
    return p


# Whether a line ends with the byte at p and the next one begins after it.
cdef inline bint ends_line(const char *p) noexcept nogil:
    return p[0] == c'\n' or (p[0] == c'\r' and p[1] != c'\n' and p[1] != c'\r')


cdef const char *get_cell(const Column *column, const char *p, const char *end, Cell *cell,
                          bint infinite) noexcept nogil:
    """The value at p; NULL when there is none, or when it does not fit, or is not finite where it must be."""
    cdef int32_t i4 = 0
    cdef uint32_t u4 = 0
    if column.type == I4:
        p = get_i32(p, end, &i4)
        cell.i = i4
    elif column.type == F4:
        p = get_f32(p, end, &cell.f)
    elif column.type == U4:
        p = get_u32(p, end, &u4)
        cell.i = u4
    elif column.type == U8:
        p = get_u64(p, end, &cell.u)
    elif column.type == F8:
        p = get_f64(p, end, &cell.d)
    else:
        p = get_i64(p, end, &cell.i)
        if column.type == WORD and p != NULL and (cell.i < INT32_MIN or cell.i > UINT32_MAX):
            return NULL
    if column.type >= F4 and p != NULL and not isfinite(as_real(column, cell[0])):
        if isnan(as_real(column, cell[0])) or not infinite:
            return NULL
    return p


# The value in quotes at p; otherwise as get_cell.
cdef const char *get_quoted(const Column *column, const char *p, const char *end, Cell *cell,
                            bint infinite) noexcept nogil:
    p = skip_blanks(p, end)
    if p == end or p[0] != c'"':
        return NULL
    p = get_cell(column, p + 1, end, cell, infinite)
    if p == NULL:
        return NULL
    p = skip_blanks(p, end)
    return p + 1 if p < end and p[0] == c'"' else NULL


@cython.final
cdef class CsvRows(RowSource):
    """The rows of a csv. header: its first line is a header. every_fault: faults are kept (see RowSource)."""

    def __cinit__(self, Source source, Layout layout, header=True, every_fault=False):
        self.source, self.name, self.layout, self.header = source, source.name, layout, header
        self.faults = [] if every_fault else None
        self.column, self.n, self.whole, self.required = layout.column, layout.n, layout.n, layout.required
        self.titles, self.passed = layout.names, []

    def __dealloc__(self):
        free(self.arranged)
        free(self.aside)

    cdef str place(self):
        return f"{self.name}: line {self.line}"

    cdef str shown(self):
        text = self.text[:min(self.length, 120)].decode("utf-8", "replace")
        return f"{text + '...' if self.length > 120 else text!r}: "

    cdef int fault_of_column(self) except -1:
        names = ",".join(self.titles[:self.required])
        rest = self.bad_at[:self.text + self.length - self.bad_at]
        found = rest.split(b",")[0].decode("utf-8", "replace").strip()
        more = ""
        # the narrow form of an areaperil id
        if self.column[self.bad].type == U4 and found.isascii() and found.isdigit():
            more = ("; for ids of 8 bytes: --areaperil-bytes 8, KTC_AREAPERIL_BYTES=8, "
                    "or areaperil_bytes=8 in Python")
        if len(found) > 40:
            found = found[:40] + "..."
        if not found and b"," not in rest:
            return self.fault(f"expected {self.required} columns ({names}), found {self.bad}")
        expected = EXPECTED[self.column[self.bad].type]
        self.fault(f"column {self.bad + 1} ({self.titles[self.bad]}): expected {expected}, found "
                   f"{found!r}{more}")

    # The next line into text and length: 1, or 0 at the end of the input. It ends at LF, CRLF, CR, or at
    # CRCRLF, which is what becomes of CRLF that is written as text once more.
    cdef int next_line(self) except -1 nogil:
        cdef size_t have = self.source.ready(1), length = 0, whole
        cdef const char *p
        if have == 0:
            return 0
        while True:
            p = self.source.pos
            while length < have and p[length] != c'\n' and p[length] != c'\r':
                length += 1
            if length < have or length > LONGEST_LINE:
                break
            have = self.source.ready(have + 1)
            if have == length:                      # the input has ended
                break
        whole = length
        if length < have:
            whole += 1
            if self.source.pos[length] == c'\r':
                have = self.source.ready(length + 3)
                p = self.source.pos + length
                if have > length + 1 and p[1] == c'\n':
                    whole += 1
                elif have > length + 2 and p[1] == c'\r' and p[2] == c'\n':
                    whole += 2
        self.line += 1
        self.text, self.length = self.source.pos, length
        self.source.pos += whole
        if self.length > LONGEST_LINE:
            with gil:
                self.fault(f"the line has no end within {LONGEST_LINE} bytes")
                self.raise_faults()
        if self.line == 1 and self.length >= 3 and memcmp(self.text, <const char *>b"\xef\xbb\xbf", 3) == 0:
            self.text += 3
            self.length -= 3
        return 1

    # The current line as a row; False with the place in bad and bad_at when it is none.
    cdef bint parse(self, Cell *cell) noexcept nogil:
        cdef const Column *column = self.column
        cdef int n = self.n, required = self.required
        cdef bint infinite = self.layout.infinite
        cdef const char *p = self.text
        cdef const char *end = p + self.length
        cdef const char *q
        cdef int i, k
        for i in range(n):
            if i:
                if p == end or p[0] != c',':
                    p = skip_blanks(p, end)
                if p < end and p[0] == c',':
                    p += 1
                elif p < end:
                    return self.not_a_row(i - 1, self.value_start(p))
                elif i < required:
                    return self.not_a_row(i, p)
            if column[i].passed:
                p = pass_value(p, end)
                continue
            q = get_cell(&column[i], p, end, &cell[i], infinite)
            if q == NULL:
                q = get_quoted(&column[i], p, end, &cell[i], infinite)
            if q == NULL:
                q = skip_blanks(p, end)
                if i < required or (q < end and q[0] != c','):
                    return self.not_a_row(i, p)
                memset(&cell[i], 0, (n - i) * sizeof(Cell))         # an optional column left out
                self.found = i
                if self.aside != NULL:
                    self.found = 0
                    for k in range(self.layout.n):
                        self.found += 0 <= self.column_at[k] < i
                return True
            p = q
        self.found = self.whole
        # 250.0, as pandas writes the 250 of a column with gaps
        if p < end and p[0] == c'.' and column[n - 1].type < F4:
            p += 1
            while p < end and p[0] == c'0':
                p += 1
        if p < end and p[0] != c',':
            p = skip_blanks(p, end)
            if p < end and p[0] != c',':
                return self.not_a_row(n - 1, self.value_start(p))
        return True

    cdef bint not_a_row(self, int column, const char *at) noexcept nogil:
        self.bad, self.bad_at = column, at
        return False

    # Where the value that ends (or goes on) at p begins.
    cdef const char *value_start(self, const char *p) noexcept nogil:
        while p > self.text and (p - 1)[0] != c',':
            p -= 1
        return p

    cdef int start(self) except -1 nogil:
        cdef Cell cell[MOST_COLUMNS]
        if not self.header:
            return 0
        if self.next_line() == 0:
            with gil:
                raise TruncatedError(f"{self.source.name}: byte 0: empty input, expected a header line")
        if self.parse(cell):
            self.lost = self.incomplete = True
            with gil:
                self.fault("this is data; expected a header line "
                           f"({','.join(self.layout.names[:self.layout.required])})")
        else:
            with gil:
                self.read_header()
        return 0

    # The current line is the header: find out which columns stand where.
    cdef int read_header(self) except -1:
        cdef int i, k
        text = self.text[:self.length].decode("utf-8", "replace")
        if self.layout.table is None or text == self.layout.table.csv_header:
            return 0
        from ktc.headers import arrange

        order, self.passed, wrong = arrange(text, self.layout.table, self.layout.names, self.layout.required)
        if wrong:
            raise DataError(f"{self.place()}: {self.shown()}{wrong}")
        if order is None:
            return 0
        self.n, self.required, self.whole = len(order), 0, 0
        self.arranged = <Column *>calloc(self.n, sizeof(Column))
        self.aside = <Cell *>calloc(self.n, sizeof(Cell))
        if self.arranged == NULL or self.aside == NULL:
            raise MemoryError
        for k in range(self.layout.n):
            self.column_at[k] = -1
        self.titles = []
        for i, (column, title) in enumerate(order):
            self.titles.append(title)
            if column is None:
                # quick() reads it where it is a number
                self.arranged[i].type, self.arranged[i].passed = F8, True
                continue
            k = column
            self.arranged[i], self.column_at[k] = self.layout.column[k], i
            self.whole += 1
            if k < self.layout.required:
                self.required = i + 1
        self.column = self.arranged
        return 0

    # The values of a row in the table's order.
    cdef void arrange(self, Cell *cell) noexcept nogil:
        cdef int k
        for k in range(self.layout.n):
            if self.column_at[k] < 0:
                cell[k].u = 0
            else:
                cell[k] = self.aside[self.column_at[k]]

    # Find the marks of the next rows: whole rows only, so that whoever goes from mark to mark inside a row
    # meets its end.
    cdef int look_ahead(self) except -1 nogil:
        cdef size_t have = self.source.ready(AHEAD + BEYOND)
        cdef const char *p = self.source.pos
        self.at = self.marks = 0
        self.marked, self.from_offset = p, self.source.offset()
        if have > BEYOND:
            self.marks = no_digits(p, min(<size_t>AHEAD, have - BEYOND) // 64, self.mark)
            while self.marks and not ends_line(p + self.mark[self.marks - 1]):
                self.marks -= 1
        return 0

    # The marks from here on, after a row that was read without them. If the Source was filled, its bytes have
    # moved.
    cdef void skip_marks(self) noexcept nogil:
        if self.marked + (self.source.offset() - self.from_offset) != self.source.pos:
            self.marks = 0
        while self.at < self.marks and self.marked + self.mark[self.at] < self.source.pos:
            self.at += 1

    # The marked row at pos, if it is of the common form: all columns there, made of digits, perhaps with a
    # minus, decimals and an exponent, perhaps blanks before them. False leaves it to parse().
    cdef inline bint quick(self, Cell *cell) noexcept nogil:
        cdef const Column *column = self.column
        cdef const Column *last = column + self.n - 1
        cdef const char *marked = self.marked
        cdef const uint16_t *mark = self.mark + self.at
        cdef const char *text = self.source.pos
        cdef const char *p = text                   # where a number begins
        cdef const char *q                          # where its digits end
        cdef uint64_t value
        cdef int64_t exponent
        cdef size_t n
        cdef bint negative
        while True:
            q = marked + mark[0]
            mark += 1
            negative = False
            while q == p:                           # no digit here
                if negative or (p[0] != c' ' and p[0] != c'-'):
                    return False
                negative = p[0] == c'-'
                p += 1
                q = marked + mark[0]
                mark += 1
            n = q - p
            if n > 16:
                return False
            value = quick_digits(p, n)
            if column.type < F4:
                if value > column.most or (negative and not column.signed):
                    return False
                cell.u = 0 - value if negative else value
            else:
                exponent = 0
                if q[0] == c'.':
                    p = q + 1
                    q = marked + mark[0]
                    mark += 1
                    exponent = q - p
                    if exponent == 0 or exponent > 16 or n + exponent > 18:
                        return False
                    value = value * ten_to(exponent) + quick_digits(p, exponent)
                    exponent = -exponent
                if (q[0] | 32) == c'e':
                    p = q + 1
                    if p[0] != c'-' and p[0] != c'+':
                        return False
                    n = mark[1] - mark[0] - 1
                    q = marked + mark[1]
                    mark += 2
                    if n == 0 or n > 8:
                        return False
                    n = short_digits(p + 1, n)
                    exponent += <int64_t>n if p[0] == c'+' else -<int64_t>n
                if column.type == F4:
                    if not quick_f32(value, exponent, &cell.f):
                        return False
                    if negative:
                        cell.f = -cell.f
                else:
                    if not quick_f64(value, exponent, &cell.d):
                        return False
                    if negative:
                        cell.d = -cell.d
            if column == last:
                break
            if q[0] != c',':
                return False
            p = q + 1
            column += 1
            cell += 1
        if q[0] == c',':                            # columns that the table has not
            while q[0] != c'\n' and q[0] != c'\r':
                q = marked + mark[0]
                mark += 1
        if q[0] == c'\r':
            if q[1] == c'\r':
                return False
            if q[1] == c'\n':
                q += 1
                mark += 1
        elif q[0] != c'\n':
            return False
        self.at = mark - self.mark
        self.line += 1
        self.text, self.length, self.found = text, q - text, self.whole
        self.source.pos = q + 1
        return True

    # The next row into cell: 1, or 0 at the end of the input.
    cdef inline int next(self, Cell *cell) except -1 nogil:
        cdef Cell *read = cell if self.aside == NULL else self.aside
        if self.at == self.marks:
            self.look_ahead()
        if not (self.at < self.marks and self.quick(read)) and not self.next_any(read):
            return 0
        if read != cell:
            self.arrange(cell)
        return 1

    cdef int next_any(self, Cell *cell) except -1 nogil:
        cdef bint gap = False
        while True:
            if self.next_line() == 0:
                return 0
            if skip_blanks(self.text, self.text + self.length) == self.text + self.length:
                gap = True
                continue
            if gap:
                with gil:
                    self.fault("a blank line before this row; blank lines may only be at the end")
                gap = False
            if self.parse(cell):
                break
            self.lost = self.incomplete = True
            with gil:
                self.fault_of_column()
        self.skip_marks()
        return 1
