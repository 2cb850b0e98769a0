"""When events happen: input/occurrence.bin by event, and input/periods.bin, the weights of the periods.

    occurrence.bin      date_options number_of_periods | { event_id period_no occ_date_id } ...

date_options: bit 0, occ_date_id is a date; bit 1, it has 8 bytes and counts minutes. An event has as many
records as it has occurrences.
"""
from libc.math cimport isfinite
from libc.stdlib cimport free
from libc.string cimport memcpy

from ktc._core cimport records as rec
from ktc._core.io cimport Mapped
from ktc._core.memory cimport allot
from ktc._core.sorting cimport order_by


cdef class Occurrences:
    """The occurrences of each event. table: input/occurrence.bin."""

    def __cinit__(self, Mapped table not None):
        cdef rec.occurrence_header header
        cdef int64_t size, i, k
        if table.size < sizeof(header):
            table.records(1, None, sizeof(header))
        memcpy(&header, table.data, sizeof(header))
        if header.date_options < 0 or header.date_options > 3:
            table.fail(0, f"date options are {header.date_options}, expected 0, 1 or 3: is this an "
                          f"occurrence table?")
        if header.number_of_periods < 1:
            table.fail(4, f"the number of periods is {header.number_of_periods}, expected 1 or more")
        self.number_of_periods = header.number_of_periods
        self.dated, self.granular = header.date_options & 1, header.date_options >> 1
        size = sizeof(rec.occurrence_granular) if self.granular else sizeof(rec.occurrence)
        self.n = table.records(size, None, sizeof(header))
        self.period = <int32_t *>allot(self.n, sizeof(int32_t))
        self.date = <int64_t *>allot(self.n, sizeof(int64_t))
        self.event_id = <int32_t *>allot(self.n, sizeof(int32_t))
        with nogil:
            i = self.read(table.data + sizeof(header), size)
        if i < self.n:
            table.fail(sizeof(header) + i * size, f"record {i + 1}: period {self.period[0]}, expected 1 to "
                       f"{self.number_of_periods}")
        self.sort()
        # self.event_id has one for each record, in ascending order
        self.start = <int64_t *>allot(self.n + 1, sizeof(int64_t))
        k = 0
        for i in range(self.n):
            if i == 0 or self.event_id[i] != self.event_id[k - 1]:
                self.event_id[k] = self.event_id[i]
                self.start[k] = i
                k += 1
        self.start[k] = self.n
        self.n_events = k

    def __dealloc__(self):
        free(self.event_id)
        free(self.start)
        free(self.period)
        free(self.date)

    cdef int64_t read(self, const char *p, int64_t size) noexcept nogil:
        """Read the records, but for those of zeros, which fill up a file: self.n of them then. The number of
        the first record with a period that there is not, which is in period[0] then, or self.n."""
        cdef rec.occurrence plain
        cdef rec.occurrence_granular granular
        cdef int64_t i, kept = 0
        for i in range(self.n):
            if self.granular:
                memcpy(&granular, p + i * size, sizeof(granular))
                self.event_id[kept], self.period[kept] = granular.event_id, granular.period_no
                self.date[kept] = granular.occ_date_id
            else:
                memcpy(&plain, p + i * size, sizeof(plain))
                self.event_id[kept], self.period[kept] = plain.event_id, plain.period_no
                self.date[kept] = plain.occ_date_id
            if self.event_id[kept] == 0 and self.period[kept] == 0 and self.date[kept] == 0:
                continue
            if self.period[kept] < 1 or self.period[kept] > self.number_of_periods:
                self.period[0] = self.period[kept]
                return i
            kept += 1
        self.n = kept
        return kept

    cdef int sort(self) except -1:
        """Bring the records into the order of their events, unless they are."""
        cdef int64_t i, n = self.n
        cdef int64_t *order
        cdef int64_t *spare = NULL
        cdef int32_t *narrow
        for i in range(1, n):
            if self.event_id[i] < self.event_id[i - 1]:
                break
        else:
            return 0
        order = <int64_t *>allot(n, sizeof(int64_t))
        try:
            spare = <int64_t *>allot(n, sizeof(int64_t))
            narrow = <int32_t *>spare
            with nogil:
                order_by(self.event_id, n, order, spare)
                for i in range(n):
                    narrow[i] = self.event_id[order[i]]
                memcpy(self.event_id, narrow, n * sizeof(int32_t))
                for i in range(n):
                    narrow[i] = self.period[order[i]]
                memcpy(self.period, narrow, n * sizeof(int32_t))
                for i in range(n):
                    spare[i] = self.date[order[i]]
                memcpy(self.date, spare, n * sizeof(int64_t))
        finally:
            free(order)
            free(spare)
        return 0


cdef class PeriodWeights:
    """The weights of the periods. table: input/periods.bin, or None where there is none."""

    def __cinit__(self, Mapped table, int32_t number_of_periods):
        cdef rec.periods row
        cdef int64_t i
        cdef bint some
        self.number_of_periods = number_of_periods
        self.n = 0 if table is None else table.records(sizeof(row))
        self.given = self.n > 0
        for i in range(self.n):
            memcpy(&row, table.data + i * sizeof(row), sizeof(row))
            if row.period_no < 0:
                table.fail(i * sizeof(row),
                           f"record {i + 1}: period {row.period_no}, expected 1 to {number_of_periods}")
            table.check_id(i, sizeof(row), self.n, row.period_no)
            self.last = max(self.last, row.period_no)
        self.weight = <double *>allot(<int64_t>self.last + 1, sizeof(double))
        self.has = <char *>allot(<int64_t>self.last + 1, 1)
        for i in range(self.n):
            memcpy(&row, table.data + i * sizeof(row), sizeof(row))
            if not isfinite(row.weighting) or row.weighting < 0:
                table.fail(i * sizeof(row),
                           f"record {i + 1}: the weight of period {row.period_no} is {row.weighting}, "
                           "expected a number from 0 on")
            # of two the last counts
            self.weight[row.period_no], self.has[row.period_no] = row.weighting, True
        some, self.n = not self.given, 0
        for i in range(self.last + 1):
            self.n += self.has[i]
            some |= self.has[i] and 1 <= i <= number_of_periods
            if self.weight[i] > self.weight[self.heaviest]:
                self.heaviest = i
        if not some:
            table.fail(0, f"none of the {self.n} periods is one of 1 to {number_of_periods}, which would all "
                       "weigh nothing: is this a table of weights?")

    def __dealloc__(self):
        free(self.weight)
        free(self.has)
