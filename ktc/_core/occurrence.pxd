# When events happen: the occurrence table by event, and the weights of the periods.
from libc.stdint cimport int32_t, int64_t


# The places of n keys in ascending order, equal ones as they stand, into order. spare: room for as many.
cdef int order_by(const int32_t *key, int64_t n, int64_t *order, int64_t *spare) noexcept nogil


# The occurrences of event_id[i] are start[i] <= k < start[i + 1], in the file's order: in period[k], 1 to number_of_periods,
# at date[k] (days, minutes or a number of the model's own, as dated and granular say).
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
        cdef Py_ssize_t low = 0, high = self.n_events, middle
        while low < high:
            middle = (low + high) // 2
            if self.event_id[middle] < event_id:
                low = middle + 1
            else:
                high = middle
        return low if low < self.n_events and self.event_id[low] == event_id else -1


# given: whether there is a table of weights with at least one row. n: its rows. weight[p]: that of period p, 1 to
# number_of_periods; 0 where there is none. has[p]: whether there is one.
cdef class PeriodWeights:
    cdef readonly bint given
    cdef readonly int64_t n
    cdef readonly int32_t number_of_periods
    cdef double *weight
    cdef char *has
