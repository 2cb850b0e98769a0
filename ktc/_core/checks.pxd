# The rules of a table over its rows: see checks.pyx. What every row goes through is here, so that it becomes
# part of the loop that asks for rows.
from libc.math cimport trunc
from libc.stdint cimport int64_t, uint64_t

from ktc._core.csvrows cimport F4, MOST_COLUMNS, U8, Cell, Column, Layout, RowSource, as_real
from ktc._core.dates cimport is_date, is_time
from ktc._core.keys cimport KeySet

# Kinds of rules: see the registry's Rule.
cdef enum:
    NUMBERED, CONSECUTIVE, ASCENDING, DISTINCT, SUMS, RANGE, AT_MOST, BETWEEN, CENTRE, FIRST, LAST, COMPLETE
    DESCENDING, DATE


cdef struct Check:
    int kind
    int column, within, low_column, high_column
    double low, high
    int64_t limit
    int64_t largest                 # of "at most": the largest value so far, at least 0
    bint warning                    # rows that break it are counted, and a warning in the end
    int64_t broken                  # how many


# What a row's key, of one or two columns, is to the keys of a table.
cdef enum:
    ADD, UNIQUE, FIND               # one more; one more, and a new one; one of them


cdef struct Link:
    KeySet *keys
    int action
    int first, second               # columns; second -1: there is one only
    int given                       # the column that says whether this holds for a row; -1: for every row
    int64_t low, high               # it does from low to high
    int64_t less                    # taken off the first column's value
    bint warning, one_is_enough     # as in the registry's Ref
    bint found                      # a row's key was
    uint64_t last                   # the key of the row before, found already
    bint any                        # there is one
    int64_t missed                  # rows whose key was not found, where that is a warning


# The values of a "complete" column that come with one key.
cdef struct Span:
    int64_t key, first, last


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


# What must hold for the rows, checked as they come.
cdef class Checks:
    cdef RowSource rows
    cdef Layout layout
    cdef Check *check
    cdef int n
    cdef Link *link
    cdef int n_links
    cdef list linked                # the Keys of each link, and what its ids are, in messages
    cdef dict first_broken          # what the first row is that is only counted, by check and by link
    cdef int depth                  # how many leading columns make the widest group
    cdef Cell room[2 * MOST_COLUMNS]
    cdef Cell *cell                 # where the next row goes
    cdef Cell *last                 # the row before
    cdef bint any                   # there is one
    cdef float total
    cdef int64_t *seen              # values of the group, for "distinct"
    cdef Py_ssize_t n_seen, seen_room
    cdef int64_t highest_seen
    cdef Span *span                 # for "complete", by key
    cdef Py_ssize_t n_spans, span_room
    cdef int complete               # which check that is
    cdef bint partial               # a row of the group could not be read
    cdef bint uniform, empty
    cdef int columns                # of the first row
    cdef readonly list warnings
    cdef int other_columns(self) except -1 nogil
    cdef int finish(self) except -1 nogil
    cdef int check_bin(self, Check *check) except -1 nogil
    cdef int check_seen(self, Check *check, int64_t value) except -1 nogil
    cdef int grow_seen(self) except -1 nogil
    cdef int add_span(self) except -1 nogil
    cdef int follow(self, const Cell *cell) except -1 nogil
    cdef int not_linked(self, Py_ssize_t i, const Cell *cell) except -1
    cdef int refuse(self, Check *check, int same) except -1 nogil
    cdef int _refuse(self, Check *check, int same) except -1
    cdef str _number(self, const Cell *cell, int i)
    cdef _group(self, int within)

    # The next row into `cell`, checked; it is the row before from then on. 1, or 0 at the end of the input.
    cdef inline int next(self) except -1 nogil:
        if not self.rows.next(self.cell):
            return 0
        if self.uniform and self.rows.found != self.columns:
            self.other_columns()
        self.accept()
        return 1

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


# The rows of a binary table.
cdef class RecordRows(RowSource):
    cdef const Cell *cell           # the current row
    cdef int64_t first, size        # where the records begin, if they lie one after the other; else -1
