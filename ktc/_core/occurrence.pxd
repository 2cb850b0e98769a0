# When events happen: the occurrence table by event, and the weights of the periods.
from libc.stdint cimport INT32_MAX, int32_t, int64_t, uint32_t, uint64_t

from ktc._core.sorting cimport find_sorted

cdef enum:
    MINUTES = 1440                  # of a day


# Year, month and day of a day number: days since 0000-03-01 of the proleptic Gregorian calendar. Division
# truncates towards 0.
cdef inline void date_of(int64_t number, int32_t *date) noexcept nogil:
    cdef int64_t year, day, m
    cdef uint32_t y, n
    if 0 <= number <= INT32_MAX:                   # the same as below, of small numbers without a sign
        y = <uint32_t>((10000 * <uint64_t>number + 14780) // 3652425)
        day = number - (365 * <int64_t>y + (y >> 2) - y // 100 + y // 400)
        if day < 0:
            y -= 1
            day = number - (365 * <int64_t>y + (y >> 2) - y // 100 + y // 400)
        n = (100 * <uint32_t>day + 52) // 3060
        date[0] = <int32_t>(y + (n >= 10))
        date[1] = <int32_t>(n + 3 if n < 10 else n - 9)
        date[2] = <int32_t>(<uint32_t>day - (n * 306 + 5) // 10 + 1)
        return
    year = (10000 * number + 14780) // 3652425
    day = number - (365 * year + year // 4 - year // 100 + year // 400)
    if day < 0:
        year -= 1
        day = number - (365 * year + year // 4 - year // 100 + year // 400)
    m = (100 * day + 52) // 3060
    date[0] = <int32_t>(year + (m + 2) // 12)
    date[1] = <int32_t>((m + 2) % 12 + 1)
    date[2] = <int32_t>(day - (m * 306 + 5) // 10 + 1)


# The occurrences of event_id[i] are start[i] <= k < start[i + 1], in the file's order: in period[k], 1 to
# number_of_periods, at date[k] (days, minutes or a number of the model's own, as dated and granular say).
cdef class Occurrences:
    cdef readonly int32_t number_of_periods
    cdef readonly bint dated, granular
    cdef readonly int64_t n                 # records
    cdef Py_ssize_t n_events
    cdef int32_t *event_id                  # ascending
    cdef int64_t *start
    cdef int32_t *period
    cdef int64_t *date

    cdef int64_t read(self, const char *p, int64_t size) noexcept nogil
    cdef int sort(self) except -1

    # Where the occurrences of an event are, or -1.
    cdef inline Py_ssize_t find(self, int32_t event_id) noexcept nogil:
        return find_sorted(self.event_id, self.n_events, event_id)


# given: whether there is a table of weights with at least one row. n: periods that have one. last: the
# highest of these, which may be beyond number_of_periods, and 0 without a table: memory follows the table,
# not what another file's header says of periods. weight[p]: that of period p, 0 to last; has[p]: whether it
# has one.
cdef class PeriodWeights:
    cdef readonly bint given
    cdef readonly int64_t n
    cdef readonly int32_t number_of_periods, last, heaviest     # heaviest: a period of the largest weight
    cdef double *weight
    cdef char *has

    # The weight of a period, 0 where it has none.
    cdef inline double of(self, int32_t period) noexcept nogil:
        return self.weight[period] if period <= self.last else 0

    # Whether a period has a weight.
    cdef inline bint knows(self, int32_t period) noexcept nogil:
        return period <= self.last and self.has[period]
