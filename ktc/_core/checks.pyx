"""What must hold for the rows of a table: the registry's rules, and ids that other tables have.

Checks judges rows and does not know where they come from: a csv (CsvRows), or a binary table (RecordRows).
"""

cimport cython
from libc.math cimport INFINITY
from libc.stdint cimport INT64_MAX, int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memset

from ktc._core.csvrows cimport MOST_COLUMNS, Cell, Layout, RowSource, as_real, number_of
from ktc._core.dates cimport days_of
from ktc._core.keys cimport Keys, add_key, find_key

from ktc.errors import DataError

cdef enum:
    MOST_WARNINGS = 20

KINDS = {"numbered": NUMBERED, "consecutive": CONSECUTIVE, "ascending": ASCENDING, "distinct": DISTINCT,
         "sums to one": SUMS, "range": RANGE, "at most": AT_MOST, "between": BETWEEN, "centre": CENTRE,
         "first": FIRST,
         "last": LAST, "complete": COMPLETE, "descending": DESCENDING, "date": DATE}


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

    def __cinit__(self, RowSource rows, rules, limits, validate=True, uniform=False, empty=True, links=()):
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
        fault = f"{shown} comes a second time" if link.action == UNIQUE else f"{shown} is not in {where}"
        if not link.warning:
            self.rows.fault(fault)
        else:
            if not link.missed:
                self.first_broken[-1 - i] = f"{self.rows.place()}: {self.rows.shown()}{fault}"
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
                                   f"{centre:g} of the bin")
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
                       f"{self.total:.6f}, expected 1")
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
                           "model of one peril every one has all")


@cython.final
cdef class RecordRows(RowSource):
    """The rows of a binary table. Every fault is kept (see RowSource)."""

    def __cinit__(self, str name not None, Layout layout not None, int64_t first=-1):
        self.name, self.layout, self.first, self.size = name, layout, first, layout.size
        self.faults = []

    cdef str place(self):
        byte = f" (byte {self.first + (self.line - 1) * self.size})" if self.first >= 0 else ""
        return f"{self.name}: record {self.line}{byte}"

    cdef str shown(self):
        values = [number_of(&self.layout.column[i], &self.cell[i]) for i in range(self.layout.n)]
        return f"{', '.join(values)!r}: "
