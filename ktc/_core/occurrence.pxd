# When events happen: the occurrence table by event, and the weights of the periods.
from libc.stdint cimport int32_t, int64_t

from ktc._core.sorting cimport find_sorted


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
