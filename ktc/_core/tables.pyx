"""Tables between csv and binary: one engine, driven by what the registry says of a table.

    csv         a header line, then rows: value , value , ...
    plain       header | record | record | ...
    indexed     header | records of the first key | records of the second ...   and beside it the index
                { key  offset  size  [original size] } x keys; a key's records may be compressed, each key by
                       itself
    packets     header | { key  count | record x count } ...

Records are packed and little-endian. Rows are read where they lie in the Source's buffer and written where
they go in the Sink's; what is kept is at most one key's records, and only for packets and compression.

A csv may have blanks and quotes around its values, lines that end in LF, CRLF or CR, a UTF-8 byte-order mark,
blank lines and no newline at its end, and columns that the table has not, which are left alone as ktools
does. Its header says which column is which; without one, or where it has names of nobody's, they come in the
table's order.
"""

cimport cython
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.math cimport INFINITY, isfinite, isnan, trunc
from libc.stdint cimport (INT32_MAX, INT32_MIN, INT64_MAX, UINT32_MAX, UINT64_MAX, int32_t, int64_t, uint16_t,
                          uint32_t, uint64_t)
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset

from ktc._core cimport records as rec
from ktc._core.dates cimport MINUTES, date_of, day_number, days_of, is_date, is_time
from ktc._core.io cimport Mapped, Sink, Source
from ktc._core.keys cimport Keys, add_key, find_key
from ktc._core.text cimport (FIXED_MAX, get_f32, get_f64, get_i32, get_i64, get_u32, get_u64, no_digits,
                             quick_digits,
                             quick_f32, quick_f64, short_digits, ten_to)

from ktc.errors import DataError, TruncatedError

cdef extern from "Python.h":
    int PyBUF_READ

cdef enum:
    LONGEST_LINE = 1 << 16
    MOST_WARNINGS = 20
    MOST_FAULTS = 20
    LINES = 64                      # that one reservation of a sink is for
    LINES_BYTES = 1 << 15           # of them at most, more than any line has
    BEYOND = 16                     # readable bytes that text's quick_* want behind what is marked

TYPES = {"i4": I4, "u4": U4, "i8": I8, "u8": U8, "f4": F4, "f8": F8}
EXPECTED = {I4: "a whole number of 32 bits", U4: "a whole number from 0 to 4294967295",
            I8: "a whole number of 64 bits",
            U8: "a whole number of 64 bits, not negative", WORD: "a whole number of 32 bits",
            F4: "a finite number that fits a float", F8: "a finite number"}

cdef enum:
    NUMBERED, CONSECUTIVE, ASCENDING, DISTINCT, SUMS, RANGE, AT_MOST, BETWEEN, CENTRE, FIRST, LAST, COMPLETE
    DESCENDING, DATE

KINDS = {"numbered": NUMBERED, "consecutive": CONSECUTIVE, "ascending": ASCENDING, "distinct": DISTINCT,
         "sums to one": SUMS, "range": RANGE, "at most": AT_MOST, "between": BETWEEN, "centre": CENTRE,
         "first": FIRST,
         "last": LAST, "complete": COMPLETE, "descending": DESCENDING, "date": DATE}


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


# --- rows

cdef class Rows:
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


# Whether a line ends with the byte at p and the next one goes on behind it.
cdef inline bint ends_line(const char *p) noexcept nogil:
    return p[0] == c'\n' or (p[0] == c'\r' and p[1] != c'\n' and p[1] != c'\r')


cdef inline double as_real(const Column *column, Cell a) noexcept nogil:
    if column.type == F4:
        return a.f
    if column.type == F8:
        return a.d
    return <double>a.u if column.type == U8 else <double>a.i


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
cdef class CsvRows(Rows):
    """The rows of a csv. header: its first line is a header. every_fault: faults are kept (see Rows)."""

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
                    "or areaperil=8 in Python")
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
        cdef size_t have = self.source.ready(1), length = 0, behind
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
        behind = length
        if length < have:
            behind += 1
            if self.source.pos[length] == c'\r':
                have = self.source.ready(length + 3)
                p = self.source.pos + length
                if have > length + 1 and p[1] == c'\n':
                    behind += 1
                elif have > length + 2 and p[1] == c'\r' and p[2] == c'\n':
                    behind += 2
        self.line += 1
        self.text, self.length = self.source.pos, length
        self.source.pos += behind
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


# --- what must hold

cdef inline bint is_less(const Column *column, Cell a, Cell b) noexcept nogil:
    if column.type >= F4:
        return as_real(column, a) < as_real(column, b)
    return a.u < b.u if column.type == U8 else a.i < b.i


# Whether year, month and day, of n = 5 with hour and minute, are a time that there is.
cdef inline bint holds_date(const Cell *date, int n) noexcept nogil:
    return is_date(date[0].i, date[1].i, date[2].i) and (n < 5 or is_time(date[3].i, date[4].i))


# What ktools compares of a probability or damage ratio: ten thousandths, rounded half up.
cdef inline double ten_thousandths(float value) noexcept nogil:
    return trunc(<double>(value * <float>10000) + 0.5)


cdef str number_of(const Column *column, const Cell *cell):
    if column.type >= F4:
        return f"{as_real(column, cell[0]):g}"
    return str(cell.u if column.type == U8 else cell.i)


@cython.final
cdef class Checks:
    """The rules of a table over its rows.

    rules: the registry's. limits: values of header fields that rules refer to; one that is not there is no
    limit. validate: False keeps only those that always hold. uniform: every row has as many columns as the
    first one. empty=False: no rows are an error. warnings: lines about what is allowed but strange. links:
    (action, columns, Keys, options) of each; the key of a row is the value of one column, or of two of 32
    bits:
        "add"       to the Keys
        "unique"    to the Keys, among which it must be new; options: warning as below
        "find"      among the Keys; options: where, in words; warning=True: rows without are counted, and a
                    warning in the end one_is_enough=True: none if one row is found
    and of all, options: when=(column, low, high), only rows whose value there lies between; less, taken off
    the first column.

    Where every fault is wanted (see CsvRows), a row that breaks a rule is still the one that the next is
    compared with. What a row that could not be read leaves open is not held against the rows around it.
    """

    def __cinit__(self, Rows rows, rules, limits, validate=True, uniform=False, empty=True, links=()):
        cdef Check *check
        cdef Link *link
        names = rows.layout.names
        self.rows, self.layout, self.uniform, self.empty = rows, rows.layout, uniform, empty
        self.warnings = []
        rules = [r for r in rules if validate or r.always]
        self.check = <Check *>malloc(max(1, len(rules)) * sizeof(Check))
        if self.check == NULL:
            raise MemoryError
        self.cell, self.last = self.room, &self.room[MOST_COLUMNS]
        for rule in rules:
            check = &self.check[self.n]
            memset(check, 0, sizeof(Check))
            check.kind, check.column, check.within = KINDS[rule.kind], names.index(rule.field), rule.within
            if rule.kind in ("between", "centre"):
                check.low_column, check.high_column = names.index(rule.low), names.index(rule.high)
            else:
                check.low = -INFINITY if rule.low is None else rule.low
                check.high = INFINITY if rule.high is None else rule.high
            if check.kind == COMPLETE:
                self.complete = self.n
            if rule.limit is not None:
                check.limit = limits.get(rule.limit, INT64_MAX)
            check.warning = rule.warning
            self.depth = max(self.depth, rule.within)
            self.n += 1
        self.linked, self.first_broken = [], {}
        self.link = <Link *>calloc(max(1, len(links)), sizeof(Link))
        if self.link == NULL:
            raise MemoryError
        for action, columns, keys, options in links:
            link = &self.link[self.n_links]
            link.action = {"add": ADD, "unique": UNIQUE, "find": FIND}[action]
            link.first = names.index(columns[0])
            link.second = names.index(columns[1]) if len(columns) > 1 else -1
            link.given = -1
            if options.get("when"):
                name, low, high = options["when"]
                link.given, link.low, link.high = names.index(name), low, INT64_MAX if high is None else high
            link.less, link.warning = options.get("less", 0), options.get("warning", False)
            link.one_is_enough = options.get("one_is_enough", False)
            link.keys = &(<Keys?>keys).set
            self.linked.append((keys, columns, options.get("where", "")))
            self.n_links += 1

    def __dealloc__(self):
        free(self.check)
        free(self.link)
        free(self.seen)
        free(self.span)

    def _warn(self, message):
        if len(self.warnings) < MOST_WARNINGS:
            self.warnings.append(f"{self.rows.place()}: {message}")
        elif len(self.warnings) == MOST_WARNINGS:
            self.warnings.append(f"{self.rows.name}: more warnings are not shown")

    cdef str _number(self, const Cell *cell, int i):
        return number_of(&self.layout.column[i], &cell[i])

    # The group of the row before.
    cdef _group(self, int within):
        return ", ".join([f"{self.layout.names[i]} {self._number(self.last, i)}" for i in range(within)])

    @property
    def largest(self):
        """The largest value of the column that a header field of the table limits, at least 0; None without
        one."""
        cdef int k
        for k in range(self.n):
            if self.check[k].kind == AT_MOST:
                return self.check[k].largest
        return None

    def run(self):
        """Read and check every row."""
        with nogil:
            self.rows.start()
            while self.next():
                pass
            self.finish()

    # The next row into `cell`, checked; it is the row before from then on. 1, or 0 at the end of the input.
    cdef inline int next(self) except -1 nogil:
        if not self.rows.next(self.cell):
            return 0
        if self.uniform and self.rows.found != self.columns:
            self.other_columns()
        self.accept()
        return 1

    # The row in `cell` has not as many columns as the first one, or is that.
    cdef int other_columns(self) except -1 nogil:
        with gil:
            if self.columns:
                self.rows.fault(f"{self.rows.found} columns, expected {self.columns} as in the first row")
            else:
                self.columns = self.rows.found
                for name in self.layout.names[self.layout.required:self.columns]:
                    self._warn(f"the column {name} is deprecated: it is no longer needed")
        return 0

    # The row in `cell`, which is the row before from now on.
    cdef inline int accept(self) except -1 nogil:
        cdef Check *check = self.check
        cdef const Check *stop = check + self.n
        cdef const Cell *cell = self.cell
        cdef const Cell *last = self.last
        cdef int64_t value, before
        cdef int same = -1              # leading columns that are as in the row before; -1: there is none
        cdef double real
        if self.any:
            same = 0
            while same < self.depth and cell[same].i == last[same].i:
                same += 1
        while check < stop:
            value = cell[check.column].i
            before = last[check.column].i
            if check.kind == NUMBERED:
                if value != (1 if same < check.within else before + 1) and not self.rows.lost:
                    self.refuse(check, same)
            elif check.kind == CONSECUTIVE:
                if same >= check.within and value != before and value != before + 1 and not self.rows.lost:
                    self.refuse(check, same)
            elif check.kind == ASCENDING:
                if 0 <= same < check.within and is_less(&self.layout.column[same], cell[same], last[same]):
                    self.refuse(check, same)
            elif check.kind == DISTINCT:
                if same < check.within:
                    self.n_seen = 0
                elif value <= self.highest_seen:
                    self.check_seen(check, value)
                if self.n_seen == self.seen_room:
                    self.grow_seen()
                self.seen[self.n_seen] = value
                self.highest_seen = value if not self.n_seen else max(value, self.highest_seen)
                self.n_seen += 1
            elif check.kind == SUMS:
                if same < check.within:
                    if same >= 0 and ten_thousandths(self.total) != 10000 and not (self.partial
                                                                                   or self.rows.lost):
                        self.refuse(check, same)
                    self.total = 0          # and 0 + x is x
                    self.partial = False
                self.partial |= self.rows.lost
                self.total = self.total + cell[check.column].f
            elif check.kind == RANGE:
                real = as_real(&self.layout.column[check.column], cell[check.column])
                if real < check.low or real > check.high:
                    self.refuse(check, same)
            elif check.kind == DESCENDING:
                if same >= 0 and not is_less(&self.layout.column[check.column], cell[check.column],
                                             last[check.column]):
                    self.refuse(check, same)
            elif check.kind == AT_MOST:
                if value > check.limit:
                    self.refuse(check, same)
                check.largest = max(check.largest, value)
            elif check.kind == DATE:
                if not holds_date(&cell[check.column], self.layout.n - check.column):
                    self.refuse(check, same)
            elif check.kind == COMPLETE:
                if same <= 0 and (same < 0 or cell[0].i != last[0].i):
                    self.add_span()
                elif value != before:
                    self.span[self.n_spans - 1].last = value
            else:
                self.check_bin(check)
            check += 1
        if self.n_links:
            self.follow(cell)
        self.cell, self.last = self.last, self.cell
        self.any = True
        self.rows.lost = False
        return 0

    # The keys of a row.
    cdef int follow(self, const Cell *cell) except -1 nogil:
        cdef Link *link = self.link
        cdef Link *stop = link + self.n_links
        cdef uint64_t key
        cdef int64_t given
        cdef bint good
        while link < stop:
            if link.given >= 0:
                given = cell[link.given].i
                if given < link.low or given > link.high:
                    link += 1
                    continue
            key = cell[link.first].u - <uint64_t>link.less
            if link.second >= 0:
                key = key << 32 | <uint32_t>cell[link.second].u
            if link.action != UNIQUE and link.any and key == link.last:
                link += 1
                continue
            if link.action == FIND:
                good = find_key(link.keys, key)
                link.found |= good
            else:
                good = add_key(link.keys, key) or link.action == ADD
            link.last, link.any = key, good
            if not good:
                with gil:
                    self.not_linked(link - self.link, cell)
            link += 1
        return 0

    # The row in `cell` has a key that is missing, or that came before.
    cdef int not_linked(self, Py_ssize_t i, const Cell *cell) except -1:
        cdef Link *link = &self.link[i]
        _, columns, where = self.linked[i]
        shown = f"{columns[0]} {self._number(cell, link.first)}"
        if link.second >= 0:
            shown += f", {columns[1]} {self._number(cell, link.second)}"
        told = f"{shown} comes a second time" if link.action == UNIQUE else f"{shown} is not in {where}"
        if not link.warning:
            self.rows.fault(told)
        else:
            if not link.missed:
                self.first_broken[-1 - i] = f"{self.rows.place()}: {self.rows.shown()}{told}"
            link.missed += 1

    # The rules of damage bins.
    cdef int check_bin(self, Check *check) except -1 nogil:
        cdef float value = self.cell[check.column].f, low, high
        cdef double centre
        if check.kind == FIRST:
            if not self.any and not self.rows.lost and value != check.low:
                with gil:
                    self._warn(f"{self.layout.names[check.column]} of the first row is {value:g}, "
                               f"usually {check.low:g}")
        elif check.kind != LAST:
            low, high = self.cell[check.low_column].f, self.cell[check.high_column].f
            if check.kind == BETWEEN:
                if value < low or value > high:
                    self.refuse(check, 0)
            else:
                centre = high - low
                centre = centre / 2.0 + low
                if ten_thousandths(value) != ten_thousandths(<float>centre):
                    with gil:
                        self._warn(f"{self.layout.names[check.column]} {value:g} is not the centre "
                                   f"{centre:g} of the "
                                   "bin")
        return 0

    cdef int check_seen(self, Check *check, int64_t value) except -1 nogil:
        cdef Py_ssize_t i
        for i in range(self.n_seen):
            if self.seen[i] == value:
                return self.refuse(check, 0)
        return 0

    # The row in `cell` breaks this rule. same: as in accept().
    cdef int refuse(self, Check *check, int same) except -1 nogil:
        with gil:
            self._refuse(check, same)
        return 0

    cdef int _refuse(self, Check *check, int same) except -1:
        cdef bint fresh = same < check.within
        name, value = self.layout.names[check.column], self._number(self.cell, check.column)
        before = self.last[check.column].i
        if check.kind == NUMBERED:
            number = 1 if fresh else before + 1
            message = f"{name} is {value}, expected {number}: it runs from 1 without a gap"
        elif check.kind == CONSECUTIVE:
            message = f"{name} is {value}, expected {before} or {before + 1}: it has no gaps"
        elif check.kind == ASCENDING:
            message = (f"{self.layout.names[same]} is less than in the row before, which has "
                       f"{self._number(self.last, same)}: expected ascending order")
        elif check.kind == DISTINCT:
            message = f"{name} {value} comes twice for {self._group(check.within)}"
        elif check.kind == SUMS:
            message = (f"before this, the {name} values of {self._group(check.within)} sum to "
                       f"{self.total:.6f}, "
                       "expected 1")
        elif check.kind == RANGE:
            low = f"at least {check.low:g}" if check.low > -INFINITY else ""
            high = f"at most {check.high:g}" if check.high < INFINITY else ""
            real = as_real(&self.layout.column[check.column], self.cell[check.column])
            message = f"{name} is {real:.9g}, expected {low}{' and ' if low and high else ''}{high}"
        elif check.kind == DESCENDING:
            last = self._number(self.last, check.column)
            message = f"{name} is {value}, expected less than the {last} before it"
        elif check.kind == DATE:
            message = self._no_date()
        elif check.kind == AT_MOST:
            message = f"{name} is {value}, more than the maximum given, {check.limit}"
        else:
            message = (f"{name} {value} lies outside {self._number(self.cell, check.low_column)} to "
                       f"{self._number(self.cell, check.high_column)}")
        if not check.warning:
            return self.rows.fault(message)
        if not check.broken:
            self.first_broken[check - self.check] = f"{self.rows.place()}: {self.rows.shown()}{message}"
        check.broken += 1

    def _no_date(self):
        cdef int64_t year = self.cell[2].i, month = self.cell[3].i, day = self.cell[4].i
        if 1 <= month <= 12 and days_of(year, month) < day <= 31:
            return f"not a date: month {month} of {year} has {days_of(year, month)} days"
        return ("not a date: expected a month of 1 to 12, a day of 1 to 31" + (
            ", an hour of 0 to 23 and a minute of 0 to 59" if self.layout.n > 5 else ""))

    cdef int add_span(self) except -1 nogil:
        cdef int64_t value = self.cell[self.check[self.complete].column].i
        cdef Py_ssize_t room = 2 * self.span_room + 64
        cdef Span *moved
        if self.n_spans == self.span_room:
            moved = <Span *>realloc(self.span, room * sizeof(Span))
            if moved == NULL:
                with gil:
                    raise MemoryError
            self.span, self.span_room = moved, room
        self.span[self.n_spans].key = self.cell[0].i
        self.span[self.n_spans].first = self.span[self.n_spans].last = value
        self.n_spans += 1
        return 0

    cdef int grow_seen(self) except -1 nogil:
        cdef Py_ssize_t room = 2 * self.seen_room + 64
        cdef int64_t *moved = <int64_t *>realloc(self.seen, room * sizeof(int64_t))
        if moved == NULL:
            with gil:
                raise MemoryError
        self.seen, self.seen_room = moved, room
        return 0

    cdef int finish(self) except -1 nogil:
        cdef int k
        if not self.any:
            if not self.empty and not self.rows.lost:
                with gil:
                    raise DataError(f"{self.rows.name}: line {self.rows.line + 1}: the input ends here, "
                                    f"expected rows ({','.join(self.layout.names[:self.layout.required])})")
            return 0
        for k in range(self.n):
            if self.check[k].kind == SUMS:
                if ten_thousandths(self.total) != 10000 and not (self.partial or self.rows.lost):
                    with gil:
                        self.rows.fault(f"the {self.layout.names[self.check[k].column]} values of "
                                        f"{self._group(self.check[k].within)} sum to {self.total:.6f}, "
                                        f"expected 1")
            elif self.check[k].kind == LAST and self.last[self.check[k].column].f != self.check[k].low:
                if not self.rows.lost:
                    with gil:
                        self._warn(f"{self.layout.names[self.check[k].column]} of the last row is "
                                   f"{self.last[self.check[k].column].f:g}, usually {self.check[k].low:g}")
            elif self.check[k].kind == COMPLETE:
                with gil:
                    if self.rows.faults:            # the spans may have gaps then, of any size
                        continue
                    self._warn_incomplete(self.layout.names[self.check[k].column])
        with gil:
            for k, first in self.first_broken.items():
                n = self.check[k].broken if k >= 0 else self.link[-1 - k].missed
                if k < 0 and self.link[-1 - k].one_is_enough and self.link[-1 - k].found:
                    continue
                self.warnings.append(f"{first} ({n:,} rows are so)" if n > 1 else first)
        return 0

    def _warn_incomplete(self, name):
        cdef Py_ssize_t i
        everything = set()
        spans = [(self.span[i].key, self.span[i].first, self.span[i].last) for i in range(self.n_spans)]
        for first, last in {span[1:] for span in spans}:
            everything.update(range(first, last + 1))
        for key, first, last in spans:
            if last - first + 1 != len(everything):
                missing = sorted(everything.difference(range(first, last + 1)))
                shown = ", ".join(map(str, missing[:10])) + (", ..." if len(missing) > 10 else "")
                self._warn(f"{self.layout.names[0]} {key} has no {name} {shown}, which others have; in a "
                           f"model of one "
                           "peril every one has all")


# --- csv to binary

@cython.final
cdef class TableWriter:
    """Rows of a csv into a table. What run() does is chosen by what it was given:

    plain     records go to `data` as they come
    index     (a Sink) each key's records lie together and the index gets an entry of index_size bytes;
              compress: each key's records are a zlib stream; original: the entries' original size is filled
              in
    packets   each key's records follow a head with their number
    dates     1: columns 3 to 5 are a date, written as days; 2: columns 3 to 7 a date and time, written as
              minutes
    """

    cdef CsvRows rows
    cdef Layout layout
    cdef Checks checks
    cdef Sink data, index
    cdef bint indexed, compress, packets, original
    cdef size_t index_size
    cdef int dates
    cdef rec.vulnerability_index entry
    cdef int64_t key, n_key             # the key whose records are coming, how many there are
    cdef char *held                     # its records, where they must wait
    cdef size_t held_room
    cdef readonly int64_t n             # records written

    def __cinit__(self, CsvRows rows, Checks checks, Sink data, Sink index=None, *, index_size=0,
                  compress=False,
                  original=False, packets=False, dates=0):
        self.rows, self.layout, self.checks, self.data, self.index = rows, rows.layout, checks, data, index
        self.indexed, self.index_size, self.compress = index is not None, index_size, compress
        self.original, self.packets, self.dates = original, packets, dates

    def __dealloc__(self):
        free(self.held)

    def run(self, bytes header=b""):
        """Convert everything; header: the bytes before the first record."""
        self.data.write(<const char *>header, len(header))
        self.entry.offset = len(header)
        with nogil:
            self.convert()

    cdef int convert(self) except -1 nogil:
        cdef Cell *cell
        cdef bint grouped = self.indexed or self.packets
        cdef bint waits = self.packets or self.compress
        cdef char *record
        cdef const Stored *place
        cdef const Stored *behind = self.layout.stored + self.layout.n_stored
        self.rows.start()
        while True:
            cell = self.checks.cell
            if not self.checks.next():
                break
            if self.dates:
                self.to_number(cell)
            if grouped and (self.n == 0 or cell[0].i != self.key):
                if self.n:
                    self.close_key()
                self.key = cell[0].i
                self.n_key = 0
            if waits:
                record = self.hold()
            else:
                record = self.data.reserve(self.layout.size + 8)
                self.data.pos += self.layout.size
            place = self.layout.stored
            # 8 bytes of each; the next one has the place of what is too much
            while place < behind:
                memcpy(record + place.offset, &cell[place.column], 8)
                place += 1
            self.n += 1
            self.n_key += 1
        self.checks.finish()
        if grouped and self.n:
            self.close_key()
        return 0

    # Room for one more waiting record.
    cdef char *hold(self) except NULL nogil:
        cdef size_t used = self.n_key * self.layout.size
        cdef char *moved
        if used + self.layout.size + 8 > self.held_room:
            moved = <char *>realloc(self.held, 2 * self.held_room + (1 << 16))
            if moved == NULL:
                with gil:
                    raise MemoryError(f"no memory for {2 * self.held_room} bytes of records")
            self.held, self.held_room = moved, 2 * self.held_room + (1 << 16)
        return self.held + used

    cdef int close_key(self) except -1 nogil:
        cdef int32_t word[2]
        cdef size_t size = self.n_key * self.layout.size
        if self.packets:
            if self.n_key > INT32_MAX:
                with gil:
                    self.rows.fault(f"more than {INT32_MAX} rows of one {self.layout.names[0]}")
            word[0], word[1] = <int32_t>self.key, <int32_t>self.n_key
            self.data.write(word, 8)
            self.data.write(self.held, size)
            return 0
        self.entry.vulnerability_id = <int32_t>self.key
        self.entry.size = size
        self.entry.original_size = size if self.original else 0
        if self.compress:
            with gil:
                self.write_compressed(size)
        self.index.write(&self.entry, self.index_size)
        self.entry.offset += self.entry.size
        return 0

    cdef int write_compressed(self, size_t size) except -1:
        import zlib

        cdef bytes packed = zlib.compress(PyMemoryView_FromMemory(self.held, size, PyBUF_READ))
        self.data.write(<const char *>packed, len(packed))
        self.entry.size = len(packed)
        return 0

    # The date of columns 3 to 5 or 7 becomes one number in column 3.
    cdef int to_number(self, Cell *cell) except -1 nogil:
        cdef int64_t number = day_number(cell[2].i, cell[3].i, cell[4].i)
        if self.dates == 2:
            if self.rows.found == self.layout.n - 1:
                with gil:
                    self.rows.fault("an hour without a minute")
            number = number * MINUTES + 60 * cell[5].i + cell[6].i
        elif number < INT32_MIN or number > INT32_MAX:
            with gil:
                self.rows.fault("not a date here: expected a year whose days fit 32 bits")
        cell[2].i = number
        return 0


# --- binary to csv

cdef class TableReader:
    """Records of a table into csv. header: the first line, or nothing. counted: the csv-only column numbers
    them.

    A subclass does something else with them: it has a write_records of its own, and needs no sink.
    """

    def __cinit__(self, Layout layout, Sink sink=None, bytes header=b"", counted=False, **others):
        self.layout, self.sink, self.counted, self.lead = layout, sink, counted, 1
        if sink is not None:
            sink.write(<const char *>header, len(header))

    cdef int write_records(self, const char *record, int64_t n) except -1 nogil:
        # Locals: what a store through p could change for all the compiler knows, it would load again for each
        # column.
        cdef const Column *first = self.layout.column
        cdef const Column *last = first + self.layout.n - 1
        cdef size_t room = self.layout.room, size = self.layout.size, step = self.layout.separator_size
        cdef int64_t lines = max(1, min(LINES, LINES_BYTES // <int64_t>room))
        cdef const char *stop = record + n * size
        cdef const char *some
        cdef char *p
        cdef uint16_t separator
        memcpy(&separator, self.layout.separator, 2)
        while record < stop:
            some = record + min(lines, <int64_t>((stop - record) // size)) * size
            p = self.sink.reserve(lines * room)
            while record < some:
                p[0] = self.layout.prefix[0]
                p += self.layout.prefix_size
                p = put_cells(p, first, last, record, separator, step, self.lead)
                p[0] = c'\n'
                p += 1
                record += size
                self.lead += self.counted
            self.sink.pos = p
        return 0

    def records(self, Source source):
        """Every record that source has."""
        with nogil:
            self.copy(source, INT64_MAX)

    cdef int copy(self, Source source, int64_t limit) except -1 nogil:
        cdef size_t size = self.layout.size
        cdef int64_t n
        cdef const char *record
        while limit:
            if source.ready(size) < size:
                if source.end > source.pos:
                    source.need(size, b"a record")
                return 0
            n = min(limit, <int64_t>((source.end - source.pos) // size))
            record = source.pos
            source.pos += n * size
            self.write_records(record, n)
            limit -= n
        return 0

    def packets(self, Source source):
        """Every packet: an id and a count of 32 bits each, then so many records."""
        with nogil:
            self.copy_packets(source, INT64_MAX)

    cdef int copy_packets(self, Source source, int64_t limit) except -1 nogil:
        cdef int32_t head[2]
        cdef int64_t left, n, at
        cdef const char *record
        while limit and source.ready(1):
            limit -= 1
            at = source.offset()
            memcpy(head, source.take(8, b"the head of a packet"), 8)
            if head[1] < 0:
                with gil:
                    source.fail(at + 4,
                                f"count of {self.layout.names[0]} {head[0]} is {head[1]}, expected 0 or more")
            self.lead = head[0]
            left = head[1]
            while left:
                if source.ready(self.layout.size) < self.layout.size:
                    source.need(self.layout.size, b"a packet")
                n = min(left, <int64_t>((source.end - source.pos) // self.layout.size))
                record = source.pos
                source.pos += n * self.layout.size
                self.write_records(record, n)
                left -= n
        return 0

    def dates(self, Source source, bint granular):
        """Records { event_id period_no occ_date_id }, the date taken apart. Columns lie as 32-bit words."""
        with nogil:
            self.copy_dates(source, granular)

    cdef int copy_dates(self, Source source, bint granular) except -1 nogil:
        cdef rec.occurrence_granular fine
        cdef rec.occurrence_dates coarse
        cdef int32_t word[LINES][7]
        cdef int32_t *row = word[0]
        cdef size_t size = sizeof(fine) if granular else sizeof(coarse)
        cdef int32_t *behind = row + LINES * (7 if granular else 5)
        cdef int64_t days, minutes
        while source.ready(1):
            if granular:
                memcpy(&fine, source.take(size, b"a record"), size)
                row[0], row[1] = fine.event_id, fine.period_no
                days, minutes = fine.occ_date_id // MINUTES, fine.occ_date_id % MINUTES
                if days < INT32_MIN or days > INT32_MAX:
                    with gil:
                        source.fail(source.offset() - 8,
                                    f"occ_date_id {fine.occ_date_id} is no date: too large")
                date_of(days, &row[2])
                row[5], row[6] = <int32_t>(minutes // 60), <int32_t>(minutes % 60)
                row += 7
            else:
                memcpy(&coarse, source.take(size, b"a record"), size)
                row[0], row[1] = coarse.event_id, coarse.period_no
                date_of(coarse.occ_date_id, &row[2])
                row += 5
            if row == behind:
                row = word[0]
                self.write_records(<const char *>row, LINES)
        self.write_records(<const char *>word, (row - word[0]) // (7 if granular else 5))
        return 0

    def indexed(self, Mapped data, Mapped index, *, int64_t entry_size, int64_t header_size,
                bint compressed=False,
                bint sized=False, int64_t first=INT32_MIN, int64_t last=INT32_MAX, int64_t begin=0,
                int64_t end=INT64_MAX):
        """The records of every key in the index, in its order; first and last: only keys of this range; begin
        and end: only these entries of the index.

        compressed: a key's records are a zlib stream that reaches to the next key's; sized: the index has
        their length."""
        cdef int64_t n = index.size // entry_size
        if index.size % entry_size:
            raise TruncatedError(f"{index.name}: byte {index.size}: the file ends inside a record of "
                                 f"{entry_size} "
                                 "bytes")
        with nogil:
            self.copy_indexed(data, index, begin, min(end, n), entry_size, header_size, compressed, sized,
                              first, last)

    cdef int copy_indexed(self, Mapped data, Mapped index, int64_t begin, int64_t end, int64_t entry_size,
                          int64_t header_size, bint compressed, bint sized, int64_t first,
                          int64_t last) except -1 nogil:
        cdef rec.vulnerability_index entry, following
        cdef int64_t i, n = index.size // entry_size, size = self.layout.size
        entry.original_size = 0
        for i in range(begin, end):
            memcpy(&entry, index.data + i * entry_size, entry_size)
            if entry.vulnerability_id < first or entry.vulnerability_id > last:
                continue
            if compressed:
                entry.size = data.size - entry.offset
                if i + 1 < n:
                    memcpy(&following, index.data + (i + 1) * entry_size, entry_size)
                    entry.size = <int64_t>(<uint64_t>following.offset - <uint64_t>entry.offset)
            if entry.offset < header_size or entry.size < 0 or entry.offset > <int64_t>data.size or (
                    entry.size > <int64_t>data.size - entry.offset):
                with gil:
                    index.fail(i * entry_size,
                               f"{self.layout.names[0]} {entry.vulnerability_id}: {entry.size} bytes "
                                               f"from byte {entry.offset} on are not in {data.name}, which "
                                               f"has "
                                               f"{data.size}")
            self.lead = entry.vulnerability_id
            if compressed:
                with gil:
                    self.write_compressed(data, &entry, sized)
                continue
            if entry.size % size:
                with gil:
                    index.fail(i * entry_size,
                               f"{self.layout.names[0]} {entry.vulnerability_id}: {entry.size} bytes "
                                               f"are not a whole number of records of {size} bytes")
            self.write_records(data.data + entry.offset, entry.size // size)
        return 0

    cdef int write_compressed(self, Mapped data, const rec.vulnerability_index *entry, bint sized) except -1:
        cdef bytes plain
        cdef const char *record
        cdef int64_t n
        import zlib

        where = f"{self.layout.names[0]} {entry.vulnerability_id}"
        try:
            stream = zlib.decompressobj()
            plain = stream.decompress(PyMemoryView_FromMemory(<char *>data.data + entry.offset, entry.size,
                                                              PyBUF_READ))
        except zlib.error as error:
            data.fail(entry.offset, f"{where}: cannot decompress: {error}")
        if not stream.eof:
            data.fail(entry.offset + entry.size, f"{where}: the compressed records end too early")
        if sized and len(plain) != entry.original_size:
            data.fail(entry.offset, f"{where}: {len(plain)} bytes after decompression, the index has "
                                    f"{entry.original_size}")
        if len(plain) % self.layout.size:
            data.fail(entry.offset,
                      f"{where}: {len(plain)} bytes after decompression are not a whole number of "
                                    "records")
        record, n = plain, len(plain) // self.layout.size
        with nogil:
            self.write_records(record, n)
        return 0


def take_header(Source source, size_t size):
    """The first `size` bytes of a table."""
    cdef const char *p
    if not size:
        return b""
    p = source.take(size, b"the header")
    return p[:size]


def source_of(Mapped mapped):
    """A Source over the bytes of a Mapped."""
    return Source(PyMemoryView_FromMemory(<char *>mapped.data, mapped.size, PyBUF_READ), mapped.name)


def write_all(Sink sink, bytes data):
    """Bytes to a sink as they are."""
    sink.write(<const char *>data, len(data))
