# Tables between csv and binary: see tables.pyx.
from libc.stdint cimport int64_t

from ktc._core cimport records as rec
from ktc._core.csvrows cimport Layout
from ktc._core.io cimport Mapped, Sink, Source

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
