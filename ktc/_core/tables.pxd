# Tables between csv and binary: see tables.pyx.
from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from ktc._core cimport records as rec
from ktc._core.io cimport Mapped, Sink, Source
from ktc._core.keys cimport Keys, KeySet
from ktc._core.text cimport put_exponent, put_fixed, put_i32, put_i64, put_shortest, put_u32, put_u64

# How a column is written.
cdef enum:
    PUT_I4, PUT_U4, PUT_I8, PUT_U8, PUT_FIXED_F4, PUT_FIXED_F8, PUT_EXPONENT_F4, PUT_SHORTEST_F4, PUT_LEAD

# How a column is read, and how its value is kept in a Cell.
cdef enum:
    I4, U4, I8, U8, WORD, F4, F8    # WORD: 32 bits, signed or not

cdef enum:
    MOST_COLUMNS = 32
    AHEAD = 1 << 13                 # bytes in which rows are marked at once


# One value of a csv row, by the column's type. Its first bytes are the record's: values are little-endian.
cdef union Cell:
    int64_t i
    uint64_t u
    float f
    double d


cdef struct Column:
    int type                        # how it is read
    int style                       # how it is written
    int decimals
    int offset                      # in the record; -1: in the csv only
    uint64_t most                   # the largest integer it holds
    bint signed
    bint passed                     # a column of a csv that its table has not


# A column that the record has.
cdef struct Stored:
    int offset, column


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


cdef class Layout:
    cdef Column *column
    cdef Stored stored[MOST_COLUMNS]        # by offset
    cdef int n_stored
    cdef readonly int n             # csv columns
    cdef readonly int required      # of them, without the optional ones
    cdef readonly size_t size       # bytes of a record
    cdef size_t room                # the longest csv line
    cdef readonly list names
    cdef readonly object table      # the registry's entry, or None
    cdef bint infinite
    cdef char separator[2]
    cdef int separator_size
    cdef char prefix[1]             # before the first value of a line
    cdef int prefix_size


# The rows of a table, whatever they are read from.
cdef class Rows:
    cdef Layout layout
    cdef readonly str name          # of the file
    cdef readonly int64_t line      # number of the current row's line or record, from 1
    cdef int found                  # columns of the current row that were there
    cdef readonly list faults       # what is wrong, where all of it is wanted; else None
    cdef bint lost                  # the row before could not be read
    cdef readonly bint incomplete   # some row could not be read
    cdef int start(self) except -1 nogil            # before the first row
    cdef int next(self, Cell *cell) except -1 nogil     # the next row: 1, or 0 at the end
    cdef str place(self)            # of the current row, in messages
    cdef str shown(self)            # what it holds, in messages
    cdef int fault(self, str message) except -1     # of the current row


cdef class CsvRows(Rows):
    cdef Source source
    cdef bint header
    # what is read of a line, in its order: the layout's columns, or `arranged`
    cdef const Column *column
    cdef int n, required            # so many columns; those that every line must have
    cdef int whole                  # columns of the table among them
    cdef Column *arranged           # where a header names the table's columns in an order of its own
    cdef Cell *aside                # their values
    cdef int column_at[MOST_COLUMNS]   # which of them each column of the table is; -1: none
    cdef readonly list titles       # their names
    cdef readonly list passed       # names in the header that the table has not
    cdef const char *text           # the current line, without its end
    cdef Py_ssize_t length
    cdef int bad                    # the column that could not be read
    cdef const char *bad_at
    cdef uint16_t mark[AHEAD]       # where the bytes from `marked` on are no digits
    cdef size_t marks, at           # how many there are; the first one that is not behind pos
    cdef const char *marked
    cdef int64_t from_offset        # of it in the input
    cdef int next_any(self, Cell *cell) except -1 nogil
    cdef int look_ahead(self) except -1 nogil
    cdef void skip_marks(self) noexcept nogil
    cdef bint quick(self, Cell *cell) noexcept nogil
    cdef int next_line(self) except -1 nogil
    cdef int read_header(self) except -1
    cdef void arrange(self, Cell *cell) noexcept nogil
    cdef bint parse(self, Cell *cell) noexcept nogil
    cdef bint not_a_row(self, int column, const char *at) noexcept nogil
    cdef const char *value_start(self, const char *p) noexcept nogil
    cdef int fault_of_column(self) except -1


# A value as text, for messages.
cdef str number_of(const Column *column, const Cell *cell)


# What must hold for the rows, checked as they come.
cdef class Checks:
    cdef Rows rows
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


# The columns from `column` to `last` of a record as text, with separators between them. lead: the value of
# one that the record does not have.
cdef inline char *put_cells(char *p, const Column *column, const Column *last, const char *record,
                            uint16_t separator,
                            size_t step, int64_t lead) noexcept nogil:
    cdef const char *field
    cdef int32_t i4
    cdef uint32_t u4
    cdef int64_t i8
    cdef uint64_t u8
    cdef float f4
    cdef double f8
    while True:
        field = record + column.offset
        if column.style == PUT_I4:
            memcpy(&i4, field, 4)
            p = put_i32(p, i4)
        else:                               # whole numbers do not go through the switch
            if column.style == PUT_LEAD:
                p = put_i64(p, lead)
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
        if column == last:
            return p
        column += 1
        memcpy(p, &separator, 2)
        p += step


# Records of a table into csv.
cdef class TableReader:
    cdef Layout layout
    cdef Sink sink
    cdef int64_t lead               # value of the csv-only column
    cdef bint counted
    cdef int write_records(self, const char *record, int64_t n) except -1 nogil
    cdef int copy(self, Source source, int64_t limit) except -1 nogil
    cdef int copy_packets(self, Source source, int64_t limit) except -1 nogil
    cdef int copy_dates(self, Source source, bint granular) except -1 nogil
    cdef int copy_indexed(self, Mapped data, Mapped index, int64_t begin, int64_t end, int64_t entry_size,
                          int64_t header_size, bint compressed, bint sized, int64_t first,
                          int64_t last) except -1 nogil
    cdef int write_compressed(self, Mapped data, const rec.vulnerability_index *entry, bint sized) except -1
