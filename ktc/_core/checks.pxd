# The rules of a table over its rows: see checks.pyx.
from libc.stdint cimport int64_t, uint64_t

from ktc._core.csvrows cimport MOST_COLUMNS, Cell, Layout, RowSource
from ktc._core.keys cimport KeySet

cdef struct Check:
    int kind
    int column, within, low_column, high_column
    double low, high
    int64_t limit
    int64_t largest                 # of "at most": the largest value so far, at least 0
    bint warning                    # rows that break it are counted, and a warning in the end
    int64_t broken                  # so many


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
    cdef int next(self) except -1 nogil
    cdef int accept(self) except -1 nogil
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


# The rows of a binary table.
cdef class RecordRows(RowSource):
    cdef const Cell *cell           # the current row
    cdef int64_t first, size        # where the records begin, if they lie one behind the other; else -1
