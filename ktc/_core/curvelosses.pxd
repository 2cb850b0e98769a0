# What exceedance curves are drawn from: see curvelosses.pyx.
from libc.stdint cimport int32_t, int64_t

from ktc._core.occurrence cimport PeriodWeights
from ktc._core.periodlosses cimport Entry, PeriodLosses, Slot


# A choice of samples: all of them, or an ensemble's.
cdef struct Choice:
    int32_t ensemble_id             # 0: all samples
    int64_t n
    int32_t *sidx                   # ascending
    char *member                    # by sidx: whether it is one of them


cdef class CurveLosses(PeriodLosses):
    cdef readonly bint occurrence, aggregate    # which losses are kept: the largest of a period, their sum
    cdef PeriodWeights weights
    cdef int64_t n_returns          # return periods that are wanted
    cdef list ensembles
    cdef Choice *choice
    cdef int64_t n_choices
    cdef size_t largest_at          # where the largest losses are in a row; the sums are at its start
    cdef size_t double_at           # and the sums in double, where doubles says that they are kept
    cdef bint doubles
    cdef bint exact
    cdef double tolerance
    # by choice (the last one: the analytical mean) and period: there is a loss
    cdef char *touched
    cdef Entry *entry               # of the summary at hand

    cdef void join_with(self, char *row, const float *total, const float *most) noexcept nogil
    cdef void check_sums(self, Slot *slot) noexcept nogil
    cdef int note(self, const void *block) except -1 nogil
