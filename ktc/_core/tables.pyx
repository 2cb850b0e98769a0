"""Tables between csv and binary: one engine, driven by what the registry says of a table.

    csv         a header line, then rows: value , value , ...
    plain       header | record | record | ...
    indexed     header | records of the first key | records of the second ...   and beside it the index
                { key  offset  size  [original size] } x keys; a key's records may be compressed, each key by
                       itself
    packets     header | { key  count | record x count } ...

Records are packed and little-endian. Rows are read where they lie in the Source's buffer and written where
they go in the Sink's; what is kept is at most one key's records, and only for packets and compression.
"""

cimport cython
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.math cimport isfinite, isnan
from libc.stdint cimport INT32_MAX, INT32_MIN, INT64_MAX, int32_t, int64_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from ktc._core cimport records as rec
from ktc._core.checks cimport Checks, RecordRows
from ktc._core.csvrows cimport F4, I4, U4, WORD, Cell, Column, CsvRows, Layout, Stored, put_cells
from ktc._core.dates cimport MINUTES, date_of, day_number
from ktc._core.io cimport Mapped, Sink, Source, is_zero

from ktc.errors import TruncatedError

cdef extern from "Python.h":
    int PyBUF_READ

cdef enum:
    LINES = 64                      # that one reservation of a sink is for
    LINES_BYTES = 1 << 15           # of them at most, more than any line has


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
        cdef const Stored *end = self.layout.stored + self.layout.n_stored
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
            while place < end:
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
        """Every packet: an id and a count of 32 bits each, then as many records."""
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
        cdef int32_t *end = row + LINES * (7 if granular else 5)
        cdef int64_t days, minutes
        while source.ready(1):
            if granular:
                memcpy(&fine, source.take(size, b"a record"), size)
                row[0], row[1] = fine.event_id, fine.period_no
                days, minutes = fine.occ_date_id // MINUTES, fine.occ_date_id % MINUTES
                if days < INT32_MIN or days > INT32_MAX:
                    with gil:
                        source.fail(source.offset() - 8,
                                    f"occ_date_id {fine.occ_date_id} is not a date: too large")
                date_of(days, &row[2])
                row[5], row[6] = <int32_t>(minutes // 60), <int32_t>(minutes % 60)
                row += 7
            else:
                memcpy(&coarse, source.take(size, b"a record"), size)
                row[0], row[1] = coarse.event_id, coarse.period_no
                date_of(coarse.occ_date_id, &row[2])
                row += 5
            if row == end:
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
                                 f"{entry_size} bytes")
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
                               f"{self.layout.names[0]} {entry.vulnerability_id}: {entry.size} bytes from "
                               f"byte {entry.offset} on are not in {data.name}, which has {data.size}")
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
                      f"{where}: {len(plain)} bytes after decompression are not a whole number of records")
        record, n = plain, len(plain) // self.layout.size
        with nogil:
            self.write_records(record, n)
        return 0


# --- binary checked

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
        for _ in range(n):
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
