# Tables between csv and binary: see tables.pyx.
from libc.stdint cimport int32_t, int64_t, uint64_t

from ktc._core.io cimport Mapped, Sink, Source


# One value of a csv row: integers in i or u by the column's type, floats in d (a float32 fits exactly).
cdef union Cell:
    int64_t i
    uint64_t u
    double d


cdef struct Column:
    int type                        # how it is read
    int style                       # how it is written
    int decimals
    int offset                      # in the record; -1: in the csv only
    int width                       # bytes in the record


cdef struct Check:
    int kind
    int column, within, low_column, high_column
    bint has_low, has_high, warning
    double low, high
    int64_t limit


cdef class Layout:
    cdef Column *column
    cdef readonly int n             # csv columns
    cdef readonly int required      # of them, without the optional ones
    cdef readonly size_t size       # bytes of a record
    cdef size_t room                # the longest csv line
    cdef readonly list names
    cdef bint infinite
    cdef char separator[2]
    cdef int separator_size
    cdef char prefix[1]             # before the first value of a line
    cdef int prefix_size


# The rows of a csv.
cdef class CsvRows:
    cdef Source source
    cdef Layout layout
    cdef bint header
    cdef int64_t line               # number of the current line, from 1
    cdef const char *text           # the current line, without its end
    cdef Py_ssize_t length
    cdef int found                  # columns of the current row that were there
    cdef int bad                    # the column that could not be read
    cdef const char *bad_at
    cdef int start(self) except -1 nogil
    cdef int next(self, Cell *cell) except -1 nogil
    cdef int next_line(self) except -1 nogil
    cdef bint parse(self, Cell *cell) noexcept nogil
    cdef bint not_a_row(self, int column, const char *at) noexcept nogil
    cdef const char *value_start(self, const char *p) noexcept nogil
    cdef int fail(self, str message) except -1
    cdef int fail_column(self) except -1


# What must hold for the rows, checked as they come.
cdef class Checks:
    cdef CsvRows rows
    cdef Layout layout
    cdef Check *check
    cdef int n
    cdef int depth                  # how many leading columns make the widest group
    cdef Cell *last                 # the row before
    cdef bint any                   # there is one
    cdef float total
    cdef int64_t *seen              # values of the group, for "distinct"
    cdef Py_ssize_t n_seen, seen_room
    cdef int64_t highest_seen
    cdef list spans                 # [first column, first, last value] by group, for "complete"
    cdef readonly list warnings
    cdef int accept(self, const Cell *cell) except -1 nogil
    cdef int finish(self) except -1 nogil
    cdef int grow_seen(self) except -1 nogil
    cdef int fail_range(self, const Check *check, double value) except -1 nogil
    cdef int check_total(self, const Check *check) except -1 nogil
