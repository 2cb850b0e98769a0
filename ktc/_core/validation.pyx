"""Tables as their binary files have them, held against the rules that their csv must obey, and against each
other.

A TableReader finds the records, wherever they lie; here they do not become text but rows, and Checks judges
them as it judges the rows of a csv.
"""
cimport cython
from libc.math cimport isfinite, isnan
from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.string cimport memcpy

from ktc._core.io cimport Mapped, Source, is_zero
from ktc._core.tables cimport F4, F8, I4, U4, WORD, Cell, Checks, Column, Layout, Rows, TableReader, number_of


@cython.final
cdef class RecordRows(Rows):
    """The rows of a binary table. Every fault is kept (see Rows)."""
    cdef const Cell *cell           # the current row
    cdef int64_t first, size        # where the records begin, if they lie one behind the other; else -1

    def __cinit__(self, str name not None, Layout layout not None, int64_t first=-1):
        self.name, self.layout, self.first, self.size = name, layout, first, layout.size
        self.faults = []

    cdef str place(self):
        byte = f" (byte {self.first + (self.line - 1) * self.size})" if self.first >= 0 else ""
        return f"{self.name}: record {self.line}{byte}"

    cdef str shown(self):
        values = [number_of(&self.layout.column[i], &self.cell[i]) for i in range(self.layout.n)]
        return f"{', '.join(values)!r}: "


@cython.final
cdef class RecordChecker(TableReader):
    """Holds every record that it reads against Checks over RecordRows; then finish()."""
    cdef RecordRows rows
    cdef Checks checks
    cdef bint padded                # records of zeros are passed over
    cdef int64_t passed             # how many were

    def __cinit__(self, Layout layout, sink=None, *, RecordRows rows not None, Checks checks not None,
                  counted=False,
                  padded=False):
        self.rows, self.checks, self.padded = rows, checks, padded

    cdef int write_records(self, const char *record, int64_t n) except -1 nogil:
        cdef const Column *column
        cdef const Column *stop = self.layout.column + self.layout.n
        cdef const char *field
        cdef Cell *cell
        cdef int32_t i4
        cdef uint32_t u4
        cdef int64_t k
        for k in range(n):
            self.rows.line += 1
            if self.padded and is_zero(record, self.layout.size):
                self.passed += 1
                record += self.layout.size
                self.lead += self.counted
                continue
            cell = self.checks.cell
            self.rows.cell = cell
            column = self.layout.column
            while column < stop:
                field = record + column.offset
                if column.offset < 0:
                    cell.i = self.lead
                elif column.type == I4:
                    memcpy(&i4, field, 4)
                    cell.i = i4
                elif column.type == U4 or column.type == WORD:
                    memcpy(&u4, field, 4)
                    cell.i = u4
                elif column.type == F4:
                    memcpy(&cell.f, field, 4)
                else:
                    memcpy(&cell.i, field, 8)
                if column.type >= F4:
                    self.check_real(column, cell)
                column += 1
                cell += 1
            self.checks.accept()
            record += self.layout.size
            self.lead += self.counted
        return 0

    cdef int check_real(self, const Column *column, const Cell *cell) except -1 nogil:
        cdef double value = cell.f if column.type == F4 else cell.d
        if isfinite(value) or (self.layout.infinite and not isnan(value)):
            return 0
        with gil:
            self.rows.fault(f"{self.layout.names[column - self.layout.column]} is {value}, expected a finite "
                            f"number")
        return 0

    def finish(self):
        """The end of the table."""
        with nogil:
            self.checks.finish()
        if self.passed:
            self.checks.warnings.append(f"{self.rows.name}: {self.passed:,} records of zeros are passed over")
