"""Tables between csv and binary: one engine, driven by what the registry says of a table.

    csv         a header line, then rows: value , value , ...
    plain       header | record | record | ...
    indexed     header | records of the first key | records of the second ...   and beside it the index
                { key  offset  size  [original size] } x keys; a key's records may be compressed, each key by itself
    packets     header | { key  count | record x count } ...

Records are packed and little-endian. Rows are read where they lie in the Source's buffer and written where they go in
the Sink's; what is kept is at most one key's records, and only for packets and compression.

A csv may have blanks around its values, lines that end in CRLF, a UTF-8 byte-order mark, blank lines and no newline at
its end, and columns behind the last one that the table has, which are left alone as ktools does.
"""
import zlib

from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.math cimport fabs, isfinite, isnan, trunc
from libc.stdint cimport INT32_MAX, INT32_MIN, INT64_MAX, UINT32_MAX, int32_t, int64_t, uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memchr, memcmp, memcpy, memset

from ktc._core cimport records as rec
from ktc._core.io cimport Mapped, Sink, Source
from ktc._core.mersenne cimport LANES, Mersenne
from ktc._core.text cimport (FIXED_MAX, get_f32, get_f64, get_i32, get_i64, get_u32, get_u64, put_fixed, put_general,
                             put_i32, put_i64, put_u32, put_u64)

from ktc.errors import DataError, TruncatedError

cdef extern from "Python.h":
    int PyBUF_READ

cdef enum:
    LONGEST_LINE = 1 << 16
    MOST_COLUMNS = 32
    MOST_WARNINGS = 20
    MINUTES = 1440                  # of a day
    DRAWS = 1024                    # random numbers made at once

# How a column is read, and how its value is kept in a Cell.
cdef enum:
    I4, U4, I8, U8, WORD, F4, F8    # WORD: 32 bits, signed or not

# How a column is written.
cdef enum:
    PUT_I4, PUT_U4, PUT_I8, PUT_U8, PUT_FIXED_F4, PUT_FIXED_F8, PUT_EXPONENT_F4, PUT_SHORTEST_F4

TYPES = {"i4": I4, "u4": U4, "i8": I8, "u8": U8, "f4": F4, "f8": F8}
EXPECTED = {I4: "a whole number of 32 bits", U4: "a whole number from 0 to 4294967295", I8: "a whole number of 64 bits",
            U8: "a whole number of 64 bits, not negative", WORD: "a whole number of 32 bits",
            F4: "a finite number that fits a float", F8: "a finite number"}

cdef enum:
    NUMBERED, CONSECUTIVE, ASCENDING, DISTINCT, SUMS, RANGE, AT_MOST, BETWEEN, CENTRE, FIRST, LAST, COMPLETE

KINDS = {"numbered": NUMBERED, "consecutive": CONSECUTIVE, "ascending": ASCENDING, "distinct": DISTINCT,
         "sums to one": SUMS, "range": RANGE, "at most": AT_MOST, "between": BETWEEN, "centre": CENTRE, "first": FIRST,
         "last": LAST, "complete": COMPLETE}


cdef class Layout:
    """How a table's csv columns lie in its record.

    columns: (name, type, csv format, offset in the record or -1, bytes there) of each. size: bytes of a record.
    """

    def __cinit__(self, columns, size, required=None, str separator=", ", str prefix="", infinite=False):
        cdef int i
        self.n, self.size, self.infinite = len(columns), size, infinite
        if self.n > MOST_COLUMNS:
            raise ValueError(f"{self.n} columns, expected {MOST_COLUMNS} at most")
        self.required = self.n if required is None else required
        self.names = [c[0] for c in columns]
        self.column = <Column *>malloc(self.n * sizeof(Column))
        if self.column == NULL:
            raise MemoryError
        self.room = len(prefix) + 1
        self.prefix_size = len(prefix)
        if prefix:
            self.prefix[0] = ord(prefix)
        for i, (name, type, style, offset, width) in enumerate(columns):
            self.column[i].type = TYPES[type]
            self.column[i].offset, self.column[i].width, self.column[i].decimals = offset, width, 0
            if type == "u4" and style == "%d":
                self.column[i].type = WORD
            if type[0] != "f":
                self.column[i].style = {"%d4": PUT_I4, "%u4": PUT_U4, "%d8": PUT_I8, "%u8": PUT_U8}[style + type[1]]
            elif style == "%.10e":
                self.column[i].style = PUT_EXPONENT_F4
            elif style == "%r":
                self.column[i].style = PUT_SHORTEST_F4
            else:
                self.column[i].style = PUT_FIXED_F4 if type == "f4" else PUT_FIXED_F8
                self.column[i].decimals = 6 if style == "%f" else int(style[2:].rstrip("f"))
            self.room += len(separator) + (FIXED_MAX if type[0] == "f" else 21)
        for i, char in enumerate(separator):
            self.separator[i] = ord(char)
        self.separator_size = len(separator)

    def __dealloc__(self):
        free(self.column)


# --- reading csv

cdef inline const char *skip_blanks(const char *p, const char *end) noexcept nogil:
    while p < end and (p[0] == c' ' or p[0] == c'\t' or p[0] == c'\r'):
        p += 1
    return p


cdef extern from *:
    """
    /* The leading digits of 8 bytes as a number, their count in *n, without a branch on how many there are: the bytes
       that are no digits show in mask; the digits move up, so that zeros lead, and are added in pairs and fours. */
    static inline uint64_t ktc_digits(const char *p, int *n) {
        uint64_t x, mask;
        memcpy(&x, p, 8);
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        x = __builtin_bswap64(x);
    #endif
        x ^= 0x3030303030303030ull;
        mask = (((x & 0x7f7f7f7f7f7f7f7full) + 0x7676767676767676ull) | x) & 0x8080808080808080ull;
        *n = mask ? __builtin_ctzll(mask) >> 3 : 8;
        if (*n == 0) return 0;
        x <<= 64 - 8 * *n;
        x = (x * 10 + (x >> 8)) & 0x00ff00ff00ff00ffull;
        x = (x * 100 + (x >> 16)) & 0x0000ffff0000ffffull;
        return (x * 10000 + (x >> 32)) & 0xffffffffull;
    }
    """
    uint64_t ktc_digits(const char *p, int *n) noexcept nogil


cdef extern from *:
    """
    static const double ktc_tens[] = {
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22, 1e23, 1e24, 1e25, 1e26, 1e27, 1e28, 1e29, 1e30, 1e31, 1e32, 1e33, 1e34, 1e35, 1e36, 1e37,
        1e38, 1e39, 1e40, 1e41, 1e42, 1e43, 1e44, 1e45, 1e46, 1e47, 1e48, 1e49, 1e50, 1e51, 1e52, 1e53, 1e54, 1e55,
        1e56};
    """
    const double ktc_tens[]


cdef inline const char *get_short(const char *p, const char *end, const char *readable, double *value) noexcept nogil:
    """A number of 1 to 7 digits, a point and decimals, 15 digits or less altogether; NULL for every other form.

    Its digits and the power of ten that divides them are exact doubles, so the quotient is the nearest double; it is
    refused where rounding that to a float would fall on a tie that the number itself may not be on.
    """
    cdef uint64_t digits, bits
    cdef int whole = 0, some = 0, more = 0
    if readable - p < 32:
        return NULL
    digits = ktc_digits(p, &whole)
    p += whole
    if whole == 0 or p[0] != c'.':
        return NULL
    digits = digits * <uint64_t>ktc_tens[8] + ktc_digits(p + 1, &some) * <uint64_t>ktc_tens[8 - some]
    p += 1 + some
    if some == 8:
        bits = ktc_digits(p, &more)
        digits = digits * <uint64_t>ktc_tens[more] + bits
        p += more
    else:
        some = 8                                    # digits has eight decimals now
    if whole + some + more > 15 or more == 8 or (p < end and (p[0] | 32) == c'e'):
        return NULL
    value[0] = <double>digits / ktc_tens[some + more]
    memcpy(&bits, value, 8)
    if (bits & 0x1fffffff) == 0x10000000:
        return NULL
    return p


cdef inline const char *get_cell(const Column *column, const char *p, const char *end, const char *readable, Cell *cell,
                                 bint infinite) noexcept nogil:
    """The value at p; NULL when there is none, or when it does not fit, or is not finite where it must be.

    end: of the line; readable: of the bytes that may be looked at."""
    cdef int32_t i4 = 0
    cdef uint32_t u4 = 0
    cdef float f4 = 0
    cdef int n = 0
    cdef const char *stop
    if column.type <= U8 and readable - p >= 8:     # what most integers are; others go the long way
        cell.u = ktc_digits(p, &n)
        if 0 < n < 8:
            return p + n
        while n >= 8 and p + n < end and c'0' <= p[n] <= c'9':
            if n == 18:
                n = 0
                break
            cell.u = 10 * cell.u + (p[n] - 48)
            n += 1
        if n and cell.u <= (<uint64_t>INT32_MAX if column.type == I4 else
                            UINT32_MAX if column.type == U4 else INT64_MAX):
            return p + n
    if column.type >= F4:
        stop = get_short(p, end, readable, &cell.d)
        if stop != NULL:
            if column.type == F4:
                cell.d = <float>cell.d
            return stop
    if column.type == I4:
        p = get_i32(p, end, &i4)
        cell.i = i4
    elif column.type == F4:
        p = get_f32(p, end, &f4)
        cell.d = f4
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
    if column.type >= F4 and p != NULL and not isfinite(cell.d):
        if isnan(cell.d) or not infinite:
            return NULL
    return p


cdef class CsvRows:
    """The rows of a csv, one after the other. header: its first line is a header."""

    def __cinit__(self, Source source, Layout layout, header=True):
        self.source, self.layout, self.header = source, layout, header

    cdef int fail(self, str message) except -1:
        text = self.text[:min(self.length, 120)].decode("utf-8", "replace").rstrip("\r")
        if self.length > 120:
            text += "..."
        raise DataError(f"{self.source.name}: line {self.line}: {text!r}: {message}")

    cdef int fail_column(self) except -1:
        names = ",".join(self.layout.names[:self.layout.required])
        rest = self.bad_at[:self.text + self.length - self.bad_at]
        found = rest.split(b",")[0].decode("utf-8", "replace").strip()
        if not found and b"," not in rest:
            self.fail(f"expected {self.layout.required} columns ({names}), found {self.bad}")
        expected = EXPECTED[self.layout.column[self.bad].type]
        self.fail(f"column {self.bad + 1} ({self.layout.names[self.bad]}): expected {expected}, found {found!r}")

    # The next line into text and length: 1, or 0 at the end of the input.
    cdef int next_line(self) except -1 nogil:
        cdef size_t have = self.source.ready(1), scanned = 0
        cdef const char *stop
        while True:
            if have == scanned:                     # the input has ended
                if have == 0:
                    return 0
                stop = NULL
                break
            stop = <const char *>memchr(self.source.pos + scanned, c'\n', have - scanned)
            if stop != NULL:
                break
            scanned = have
            if scanned > LONGEST_LINE:
                break
            have = self.source.ready(have + 1)
        self.line += 1
        self.text = self.source.pos
        if stop == NULL:
            self.length = have
            self.source.pos += have
        else:
            self.length = stop - self.text
            self.source.pos = stop + 1
        if self.length > LONGEST_LINE:
            with gil:
                self.fail(f"the line has no end within {LONGEST_LINE} bytes")
        if self.line == 1 and self.length >= 3 and memcmp(self.text, <const char *>b"\xef\xbb\xbf", 3) == 0:
            self.text += 3
            self.length -= 3
        return 1

    # The current line as a row; False with the place in bad and bad_at when it is none.
    cdef bint parse(self, Cell *cell) noexcept nogil:
        # Locals: what a store through cell could change for all the compiler knows, it would load again for each
        # column.
        cdef const Column *column = self.layout.column
        cdef int n = self.layout.n, required = self.layout.required
        cdef bint infinite = self.layout.infinite
        cdef const char *p = self.text
        cdef const char *end = p + self.length
        cdef const char *readable = self.source.end
        cdef const char *q
        cdef int i
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
            q = get_cell(&column[i], p, end, readable, &cell[i], infinite)
            if q == NULL:
                q = skip_blanks(p, end)
                if i < required or (q < end and q[0] != c','):
                    return self.not_a_row(i, p)
                memset(&cell[i], 0, (n - i) * sizeof(Cell))         # an optional column left out
                self.found = i
                return True
            p = q
        self.found = n
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
            with gil:
                self.fail("this is data; expected a header line "
                          f"({','.join(self.layout.names[:self.layout.required])})")
        return 0

    cdef int next(self, Cell *cell) except -1 nogil:
        cdef bint gap = False
        while True:
            if self.next_line() == 0:
                return 0
            if skip_blanks(self.text, self.text + self.length) < self.text + self.length:
                break
            gap = True
        if gap:
            with gil:
                self.fail("a blank line before this row; blank lines may only be at the end")
        if not self.parse(cell):
            with gil:
                self.fail_column()
        return 1


# --- what must hold

cdef inline bint is_less(const Column *column, Cell a, Cell b) noexcept nogil:
    if column.type >= F4:
        return a.d < b.d
    if column.type == U8:
        return a.u < b.u
    return a.i < b.i


# What ktools compares of a probability or damage ratio: ten thousandths, rounded half up.
cdef inline double ten_thousandths(float value) noexcept nogil:
    return trunc(<double>(value * <float>10000) + 0.5)


cdef class Checks:
    """The rules of a table over its rows.

    rules: the registry's. limits: values of header fields that rules refer to. validate: False keeps only those that
    always hold. warnings: lines about what is allowed but strange.
    """

    def __cinit__(self, CsvRows rows, rules, limits, validate=True):
        cdef Check *check
        names = rows.layout.names
        self.rows, self.layout = rows, rows.layout
        self.warnings, self.spans = [], []
        rules = [r for r in rules if validate or r.always]
        self.check = <Check *>malloc(max(1, len(rules)) * sizeof(Check))
        self.last = <Cell *>malloc(rows.layout.n * sizeof(Cell))
        if self.check == NULL or self.last == NULL:
            raise MemoryError
        for rule in rules:
            check = &self.check[self.n]
            memset(check, 0, sizeof(Check))
            check.kind, check.column, check.within = KINDS[rule.kind], names.index(rule.field), rule.within
            check.warning = rule.warning
            if rule.kind in ("between", "centre"):
                check.low_column, check.high_column = names.index(rule.low), names.index(rule.high)
            else:
                check.has_low, check.has_high = rule.low is not None, rule.high is not None
                check.low, check.high = rule.low or 0, rule.high or 0
            if rule.limit is not None:
                check.limit = limits[rule.limit]
            self.depth = max(self.depth, rule.within)
            self.n += 1

    def __dealloc__(self):
        free(self.check)
        free(self.last)
        free(self.seen)

    def _warn(self, message):
        if len(self.warnings) < MOST_WARNINGS:
            self.warnings.append(f"{self.rows.source.name}: line {self.rows.line}: {message}")
        elif len(self.warnings) == MOST_WARNINGS:
            self.warnings.append(f"{self.rows.source.name}: more warnings are not shown")

    def _number(self, int i, bint before):
        cdef Cell cell = self.last[i]
        if self.layout.column[i].type >= F4:
            return f"{cell.d:g}"
        return str(cell.u if self.layout.column[i].type == U8 else cell.i)

    def _group(self, int within):
        return ", ".join(f"{self.layout.names[i]} {self._number(i, True)}" for i in range(within))

    cdef int accept(self, const Cell *cell) except -1 nogil:
        cdef const Check *check
        cdef const Column *column
        cdef Cell value, before
        cdef int k, same = 0
        cdef bint fresh
        cdef double centre
        cdef int64_t i
        if not self.n:
            return 0
        if self.any:
            while same < self.depth and cell[same].i == self.last[same].i:
                same += 1
        for k in range(self.n):
            check = &self.check[k]
            column = &self.layout.column[check.column]
            value, before = cell[check.column], self.last[check.column]
            fresh = not self.any or same < check.within
            if check.kind == NUMBERED:
                if value.i != (1 if fresh else before.i + 1):
                    with gil:
                        self.rows.fail(f"{self.layout.names[check.column]} is {value.i}, expected "
                                       f"{1 if fresh else before.i + 1}: it runs from 1 without a gap")
            elif check.kind == CONSECUTIVE:
                if not fresh and value.i != before.i and value.i != before.i + 1:
                    with gil:
                        self.rows.fail(f"{self.layout.names[check.column]} is {value.i}, expected {before.i} or "
                                       f"{before.i + 1}: it has no gaps")
            elif check.kind == ASCENDING:
                if self.any and same < check.within and is_less(&self.layout.column[same], cell[same], self.last[same]):
                    with gil:
                        self.rows.fail(f"{self.layout.names[same]} is less than in the row before, which has "
                                       f"{self._number(same, True)}: expected ascending order")
            elif check.kind == DISTINCT:
                if fresh:
                    self.n_seen = 0
                elif value.i <= self.highest_seen:
                    for i in range(self.n_seen):
                        if self.seen[i] == value.i:
                            with gil:
                                self.rows.fail(f"{self.layout.names[check.column]} {value.i} comes twice for "
                                               f"{self._group(check.within)}")
                if self.n_seen == self.seen_room:
                    self.grow_seen()
                self.seen[self.n_seen] = value.i
                self.highest_seen = value.i if not self.n_seen else max(value.i, self.highest_seen)
                self.n_seen += 1
            elif check.kind == SUMS:
                if fresh:
                    if self.any:
                        self.check_total(check)
                    self.total = <float>value.d
                else:
                    self.total = self.total + <float>value.d
            elif check.kind == RANGE:
                if column.type >= F4:
                    centre = value.d
                elif column.type == U8:
                    centre = <double>value.u
                else:
                    centre = <double>value.i
                if (check.has_low and centre < check.low) or (check.has_high and centre > check.high):
                    self.fail_range(check, centre)
            elif check.kind == AT_MOST:
                if value.i > check.limit:
                    with gil:
                        self.rows.fail(f"{self.layout.names[check.column]} is {value.i}, more than the maximum given, "
                                       f"{check.limit}")
            elif check.kind == BETWEEN:
                if value.d < cell[check.low_column].d or value.d > cell[check.high_column].d:
                    with gil:
                        self.rows.fail(f"{self.layout.names[check.column]} {value.d:g} lies outside "
                                       f"{cell[check.low_column].d:g} to {cell[check.high_column].d:g}")
            elif check.kind == CENTRE:
                centre = <float>cell[check.high_column].d - <float>cell[check.low_column].d
                centre = centre / 2.0 + cell[check.low_column].d
                if ten_thousandths(<float>value.d) != ten_thousandths(<float>centre):
                    with gil:
                        self._warn(f"{self.layout.names[check.column]} {value.d:g} is not the centre {centre:g} of the "
                                   "bin")
            elif check.kind == FIRST:
                if not self.any and value.d != check.low:
                    with gil:
                        self._warn(f"{self.layout.names[check.column]} of the first row is {value.d:g}, "
                                   f"usually {check.low:g}")
            elif check.kind == COMPLETE:
                if not self.any or cell[0].i != self.last[0].i:
                    with gil:
                        self.spans.append([cell[0].i, value.i, value.i])
                elif value.i != before.i:
                    with gil:
                        self.spans[len(self.spans) - 1][2] = value.i
        memcpy(self.last, cell, self.layout.n * sizeof(Cell))
        self.any = True
        return 0

    # Messages are made in functions of their own: a nogil function with Python variables would take the GIL on every
    # call.
    cdef int fail_range(self, const Check *check, double value) except -1 nogil:
        with gil:
            low = f"at least {check.low:g}" if check.has_low else ""
            high = f"at most {check.high:g}" if check.has_high else ""
            self.rows.fail(f"{self.layout.names[check.column]} is {value:.9g}, expected "
                           f"{low}{' and ' if low and high else ''}{high}")
        return 0

    cdef int grow_seen(self) except -1 nogil:
        cdef Py_ssize_t room = 2 * self.seen_room + 64
        cdef int64_t *moved = <int64_t *>realloc(self.seen, room * sizeof(int64_t))
        if moved == NULL:
            with gil:
                raise MemoryError
        self.seen, self.seen_room = moved, room
        return 0

    cdef int check_total(self, const Check *check) except -1 nogil:
        if ten_thousandths(self.total) != 10000:
            with gil:
                self.rows.fail(f"before this, the {self.layout.names[check.column]} values of "
                               f"{self._group(check.within)} sum to {self.total:.6f}, expected 1")
        return 0

    cdef int finish(self) except -1 nogil:
        cdef int k
        if not self.any:
            return 0
        for k in range(self.n):
            if self.check[k].kind == SUMS:
                if ten_thousandths(self.total) != 10000:
                    with gil:
                        self.rows.fail(f"the {self.layout.names[self.check[k].column]} values of "
                                       f"{self._group(self.check[k].within)} sum to {self.total:.6f}, expected 1")
            elif self.check[k].kind == LAST and self.last[self.check[k].column].d != self.check[k].low:
                with gil:
                    self._warn(f"{self.layout.names[self.check[k].column]} of the last row is "
                               f"{self.last[self.check[k].column].d:g}, usually {self.check[k].low:g}")
            elif self.check[k].kind == COMPLETE:
                with gil:
                    self._warn_incomplete(self.layout.names[self.check[k].column])
        return 0

    def _warn_incomplete(self, name):
        everything = set()
        for first, last in {(span[1], span[2]) for span in self.spans}:
            everything.update(range(first, last + 1))
        for key, first, last in self.spans:
            if last - first + 1 != len(everything):
                missing = sorted(everything.difference(range(first, last + 1)))
                shown = ", ".join(map(str, missing[:10])) + (", ..." if len(missing) > 10 else "")
                self._warn(f"{self.layout.names[0]} {key} has no {name} {shown}, which others have; in a model of one "
                           "peril every one has all")


# --- dates: days since 0000-03-01 of the proleptic Gregorian calendar

cdef inline int64_t day_number(int64_t year, int64_t month, int64_t day) noexcept nogil:
    cdef int64_t m = (month + 9) % 12
    cdef int64_t y = year - m // 10
    return 365 * y + y // 4 - y // 100 + y // 400 + (m * 306 + 5) // 10 + day - 1


cdef inline void date_of(int64_t number, int32_t *date) noexcept nogil:
    """Year, month and day of a day number. Division truncates towards zero, here and above."""
    cdef int64_t year = (10000 * number + 14780) // 3652425
    cdef int64_t day = number - (365 * year + year // 4 - year // 100 + year // 400)
    cdef int64_t m
    if day < 0:
        year -= 1
        day = number - (365 * year + year // 4 - year // 100 + year // 400)
    m = (100 * day + 52) // 3060
    date[0] = <int32_t>(year + (m + 2) // 12)
    date[1] = <int32_t>((m + 2) % 12 + 1)
    date[2] = <int32_t>(day - (m * 306 + 5) // 10 + 1)


# --- csv to binary

cdef class TableWriter:
    """Rows of a csv into a table. What run() does is chosen by what it was given:

    plain     records go to `data` as they come
    index     (a Sink) each key's records lie together and the index gets an entry of index_size bytes; compress: each
              key's records are a zlib stream; original: the entries' original size is filled in
    packets   each key's records follow a head with their number
    dates     1: columns 3 to 5 are a date, written as days; 2: columns 3 to 7 a date and time, written as minutes
    uniform   every row has as many columns as the first one
    """

    cdef CsvRows rows
    cdef Layout layout
    cdef Checks checks
    cdef Sink data, index
    cdef bint indexed, compress, packets, original, uniform
    cdef size_t index_size
    cdef int dates
    cdef rec.vulnerability_index entry
    cdef int64_t key, n_key             # the key whose records are coming, how many there are
    cdef char *held                     # its records, where they must wait
    cdef size_t held_room
    cdef readonly int64_t n             # records written

    def __cinit__(self, CsvRows rows, Checks checks, Sink data, Sink index=None, *, index_size=0, compress=False,
                  original=False, packets=False, dates=0, uniform=False):
        self.rows, self.layout, self.checks, self.data, self.index = rows, rows.layout, checks, data, index
        self.indexed, self.index_size, self.compress = index is not None, index_size, compress
        self.original, self.packets, self.dates, self.uniform = original, packets, dates, uniform

    def __dealloc__(self):
        free(self.held)

    def run(self, bytes header=b"", empty=True):
        """Convert everything; header: the bytes before the first record. empty=False: no rows are an error."""
        self.data.write(<const char *>header, len(header))
        self.entry.offset = len(header)
        with nogil:
            self.convert()
        if not self.n and not empty:
            raise DataError(f"{self.rows.source.name}: line {self.rows.line + 1}: the input ends here, expected rows "
                            f"({','.join(self.layout.names[:self.layout.required])})")

    cdef int convert(self) except -1 nogil:
        cdef Cell cell[MOST_COLUMNS]
        cdef int i, columns = 0
        cdef bint grouped = self.indexed or self.packets
        cdef bint waits = self.packets or self.compress
        cdef char *record
        cdef const Column *column
        cdef float f4
        self.rows.start()
        while self.rows.next(cell):
            if self.uniform:
                if columns == 0:
                    columns = self.rows.found
                elif columns != self.rows.found:
                    with gil:
                        self.rows.fail(f"{self.rows.found} columns, expected {columns} as in the first row")
            self.checks.accept(cell)
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
                record = self.data.reserve(self.layout.size)
                self.data.pos += self.layout.size
            for i in range(self.layout.n):
                column = &self.layout.column[i]
                if column.offset < 0:
                    continue
                if column.type == F4:
                    f4 = <float>cell[i].d
                    memcpy(record + column.offset, &f4, 4)
                elif column.width == 4:
                    memcpy(record + column.offset, &cell[i], 4)
                else:
                    memcpy(record + column.offset, &cell[i], 8)
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
        if used + self.layout.size > self.held_room:
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
                    self.rows.fail(f"more than {INT32_MAX} rows of one {self.layout.names[0]}")
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
        cdef bytes packed = zlib.compress(PyMemoryView_FromMemory(self.held, size, PyBUF_READ))
        self.data.write(<const char *>packed, len(packed))
        self.entry.size = len(packed)
        return 0

    # The date of columns 3 to 5 or 7 becomes one number in column 3.
    cdef int to_number(self, Cell *cell) except -1 nogil:
        cdef int64_t number = day_number(cell[2].i, cell[3].i, cell[4].i)
        cdef bint good = 1 <= cell[3].i <= 12 and 1 <= cell[4].i <= 31
        if self.dates == 2:
            if self.rows.found == self.layout.n - 1:
                with gil:
                    self.rows.fail("an hour without a minute")
            number = number * MINUTES + 60 * cell[5].i + cell[6].i
            good = good and 0 <= cell[5].i <= 23 and 0 <= cell[6].i <= 59
        elif number < INT32_MIN or number > INT32_MAX:
            good = False
        if not good:
            with gil:
                self.rows.fail("not a date: expected a month of 1 to 12, a day of 1 to 31, an hour of 0 to 23 and a "
                               "minute of 0 to 59, in a year whose days fit 32 bits")
        cell[2].i = number
        return 0


# --- binary to csv

cdef extern from "<math.h>" nogil:
    double frexp(double value, int *exponent)
    int signbit(double value)


cdef char *put_exponent(char *p, float value) noexcept nogil:
    """printf("%.10e", value) of a float.

    The eleven digits are value * 10**k in double arithmetic, wrong by less than two units in the last of 53 bits where
    eleven digits take 37; they are certain unless what follows them is that close to a half, and then printf has the
    word.
    """
    cdef char text[64]
    cdef double size = value, scaled, fraction
    cdef uint64_t digits
    cdef int power, i
    cdef char *q
    if not isfinite(size):
        return put_fixed(p, size, 10)
    if signbit(size):
        p[0] = c'-'
        p += 1
        size = -size
    if size == 0:
        memcpy(p, <const char *>b"0.0000000000e+00", 16)
        return p + 16
    frexp(size, &power)                             # 2**(power - 1) <= size < 2**power
    power = ((power - 1) * 1233) >> 12              # its decimal exponent, or one less
    while True:
        scaled = size * ktc_tens[10 - power] if power <= 10 else size / ktc_tens[power - 10]
        if scaled >= 1e11:
            power += 1
        elif scaled < 1e10:
            power -= 1
        else:
            break
    digits = <uint64_t>scaled
    fraction = scaled - <double>digits
    if fabs(fraction - 0.5) < 1e-3:
        i = snprintf(text, sizeof(text), b"%.10e", size)
        q = text
        while q[0] != c'e':
            q += 1
        p[0] = text[0]                              # what is between may be any locale's point
        p[1] = c'.'
        memcpy(p + 2, q - 10, 10 + (text + i - q))
        return p + 12 + (text + i - q)
    if fraction > 0.5:
        digits += 1
        if digits == 100000000000ULL:
            digits = 10000000000ULL
            power += 1
    for i in range(11, 1, -1):
        p[i] = 48 + <char>(digits % 10)
        digits //= 10
    p[1] = c'.'
    p[0] = 48 + <char>digits
    p[12] = c'e'
    p[13] = c'-' if power < 0 else c'+'
    if power < 0:
        power = -power
    p[14] = 48 + <char>(power // 10)
    p[15] = 48 + <char>(power % 10)
    return p + 16


cdef char *put_shortest(char *p, float value) noexcept nogil:
    """The fewest digits that read back as the same float, always with a point or an exponent."""
    cdef char *q = p
    cdef float again = 0
    cdef int digits
    for digits in range(1, 10):
        q = put_general(p, value, digits)
        if not isfinite(value) or (get_f32(p, q, &again) != NULL and again == value):
            break
    if not isfinite(value) or memchr(p, c'.', q - p) != NULL or memchr(p, c'e', q - p) != NULL:
        return q
    q[0] = c'.'
    q[1] = c'0'
    return q + 2


cdef class TableReader:
    """Records of a table into csv. header: the first line, or nothing. counted: the csv-only column numbers them."""

    cdef Layout layout
    cdef Sink sink
    cdef int64_t lead                   # value of the csv-only column
    cdef bint counted

    def __cinit__(self, Layout layout, Sink sink, bytes header=b"", counted=False):
        self.layout, self.sink, self.counted, self.lead = layout, sink, counted, 1
        sink.write(<const char *>header, len(header))

    cdef int write_records(self, const char *record, int64_t n) except -1 nogil:
        cdef const Column *column
        cdef const char *field
        cdef int64_t r
        cdef int i
        cdef char *p
        cdef int32_t i4
        cdef uint32_t u4
        cdef int64_t i8
        cdef uint64_t u8
        cdef float f4
        cdef double f8
        for r in range(n):
            p = self.sink.reserve(self.layout.room)
            p[0] = self.layout.prefix[0]
            p += self.layout.prefix_size
            for i in range(self.layout.n):
                column = &self.layout.column[i]
                if i:
                    p[0] = self.layout.separator[0]
                    p[1] = self.layout.separator[1]
                    p += self.layout.separator_size
                if column.offset < 0:
                    p = put_i64(p, self.lead)
                    continue
                field = record + column.offset
                if column.style == PUT_I4:
                    memcpy(&i4, field, 4)
                    p = put_i32(p, i4)
                elif column.style == PUT_FIXED_F4:
                    memcpy(&f4, field, 4)
                    p = put_fixed(p, f4, column.decimals)
                elif column.style == PUT_U4:
                    memcpy(&u4, field, 4)
                    p = put_u32(p, u4)
                elif column.style == PUT_EXPONENT_F4:
                    memcpy(&f4, field, 4)
                    p = put_exponent(p, f4)
                elif column.style == PUT_FIXED_F8:
                    memcpy(&f8, field, 8)
                    p = put_fixed(p, f8, column.decimals)
                elif column.style == PUT_I8:
                    memcpy(&i8, field, 8)
                    p = put_i64(p, i8)
                elif column.style == PUT_U8:
                    memcpy(&u8, field, 8)
                    p = put_u64(p, u8)
                else:
                    memcpy(&f4, field, 4)
                    p = put_shortest(p, f4)
            p[0] = c'\n'
            self.sink.pos = p + 1
            record += self.layout.size
            self.lead += self.counted
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

    def random_numbers(self, uint32_t seed, int64_t n):
        """n random numbers of a seed, as records of one float."""
        cdef Mersenne generator = Mersenne()
        cdef uint32_t seeds[LANES]
        cdef float number[DRAWS]
        cdef float other[DRAWS]                 # of the lanes that nobody needs here
        cdef float *out[LANES]
        cdef int64_t some
        cdef int lane
        for lane in range(LANES):
            seeds[lane], out[lane] = seed, other
        out[0] = number
        with nogil:
            generator.seed(seeds)
            while n > 0:
                some = min(n, <int64_t>DRAWS)
                generator.uniform(out, some)
                self.write_records(<const char *>number, some)
                n -= some

    def packets(self, Source source):
        """Every packet: an id and a count of 32 bits each, then so many records."""
        with nogil:
            self.copy_packets(source)

    cdef int copy_packets(self, Source source) except -1 nogil:
        cdef int32_t head[2]
        cdef int64_t left, n, at
        cdef const char *record
        while source.ready(1):
            at = source.offset()
            memcpy(head, source.take(8, b"the head of a packet"), 8)
            if head[1] < 0:
                with gil:
                    source.fail(at + 4, f"count of {self.layout.names[0]} {head[0]} is {head[1]}, expected 0 or more")
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
        cdef int32_t word[7]
        cdef size_t size = sizeof(fine) if granular else sizeof(coarse)
        cdef int64_t minutes
        while source.ready(1):
            if granular:
                memcpy(&fine, source.take(size, b"a record"), size)
                word[0], word[1] = fine.event_id, fine.period_no
                if fine.occ_date_id // MINUTES < INT32_MIN or fine.occ_date_id // MINUTES > INT32_MAX:
                    with gil:
                        source.fail(source.offset() - 8, f"occ_date_id {fine.occ_date_id} is no date: too large")
                date_of(fine.occ_date_id // MINUTES, &word[2])
                minutes = fine.occ_date_id % MINUTES
                word[5], word[6] = <int32_t>(minutes // 60), <int32_t>(minutes % 60)
            else:
                memcpy(&coarse, source.take(size, b"a record"), size)
                word[0], word[1] = coarse.event_id, coarse.period_no
                date_of(coarse.occ_date_id, &word[2])
            self.write_records(<const char *>word, 1)
        return 0

    def indexed(self, Mapped data, Mapped index, *, int64_t entry_size, int64_t header_size, bint compressed=False,
                bint sized=False, int64_t first=INT32_MIN, int64_t last=INT32_MAX):
        """The records of every key in the index, in its order; first and last: only keys of this range.

        compressed: a key's records are a zlib stream that reaches to the next key's; sized: the index has their
        length."""
        cdef int64_t n = index.size // entry_size
        if index.size % entry_size:
            raise TruncatedError(f"{index.name}: byte {index.size}: the file ends inside a record of {entry_size} "
                                 "bytes")
        with nogil:
            self.copy_indexed(data, index, n, entry_size, header_size, compressed, sized, first, last)

    cdef int copy_indexed(self, Mapped data, Mapped index, int64_t n, int64_t entry_size, int64_t header_size,
                          bint compressed, bint sized, int64_t first, int64_t last) except -1 nogil:
        cdef rec.vulnerability_index entry, following
        cdef int64_t i, size = self.layout.size
        entry.original_size = 0
        for i in range(n):
            memcpy(&entry, index.data + i * entry_size, entry_size)
            if entry.vulnerability_id < first or entry.vulnerability_id > last:
                continue
            if compressed:
                entry.size = data.size - entry.offset
                if i + 1 < n:
                    memcpy(&following, index.data + (i + 1) * entry_size, entry_size)
                    entry.size = following.offset - entry.offset
            if entry.offset < header_size or entry.size < 0 or entry.offset > <int64_t>data.size or (
                    entry.size > <int64_t>data.size - entry.offset):
                with gil:
                    index.fail(i * entry_size, f"{self.layout.names[0]} {entry.vulnerability_id}: {entry.size} bytes "
                                               f"from byte {entry.offset} on are not in {data.name}, which has "
                                               f"{data.size}")
            self.lead = entry.vulnerability_id
            if compressed:
                with gil:
                    self.write_compressed(data, &entry, sized)
                continue
            if entry.size % size:
                with gil:
                    index.fail(i * entry_size, f"{self.layout.names[0]} {entry.vulnerability_id}: {entry.size} bytes "
                                               f"are not a whole number of records of {size} bytes")
            self.write_records(data.data + entry.offset, entry.size // size)
        return 0

    cdef int write_compressed(self, Mapped data, const rec.vulnerability_index *entry, bint sized) except -1:
        cdef bytes plain
        cdef const char *record
        cdef int64_t n
        where = f"{self.layout.names[0]} {entry.vulnerability_id}"
        try:
            stream = zlib.decompressobj()
            plain = stream.decompress(PyMemoryView_FromMemory(<char *>data.data + entry.offset, entry.size, PyBUF_READ))
        except zlib.error as error:
            data.fail(entry.offset, f"{where}: cannot decompress: {error}")
        if not stream.eof:
            data.fail(entry.offset + entry.size, f"{where}: the compressed records end too early")
        if sized and len(plain) != entry.original_size:
            data.fail(entry.offset, f"{where}: {len(plain)} bytes after decompression, the index has "
                                    f"{entry.original_size}")
        if len(plain) % self.layout.size:
            data.fail(entry.offset, f"{where}: {len(plain)} bytes after decompression are not a whole number of "
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
