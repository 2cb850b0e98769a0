# The columns of a table, and its rows as csv: see csvrows.pyx.
from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from ktc._core.gettext cimport put_shortest
from ktc._core.io cimport Source
from ktc._core.puttext cimport put_exponent, put_fixed, put_i32, put_i64, put_u32, put_u64

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
cdef class RowSource:
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


cdef class CsvRows(RowSource):
    cdef Source source
    cdef bint header
    # what is read of a line, in its order: the layout's columns, or `arranged`
    cdef const Column *column
    cdef int n, required            # the columns; those that every line must have
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
    cdef uint16_t mark[AHEAD]       # where the bytes from `marked` on are not digits
    cdef size_t marks, at           # how many there are; the first one not yet passed
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


# A value as a double.
cdef inline double as_real(const Column *column, Cell a) noexcept nogil:
    if column.type == F4:
        return a.f
    if column.type == F8:
        return a.d
    return <double>a.u if column.type == U8 else <double>a.i


# A value as text, for messages.
cdef str number_of(const Column *column, const Cell *cell)


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
