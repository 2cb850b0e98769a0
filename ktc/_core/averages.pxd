# Average annual losses: see averages.pyx.
from libc.stdint cimport int32_t, int64_t

from ktc._core.blocks cimport LossConsumer
from ktc._core.hashing cimport Numbers
from ktc._core.occurrence cimport Occurrences, PeriodWeights
from ktc._core.periodlosses cimport Entry, PeriodLosses, Slot
from ktc._core.rows cimport Rows


# Over the periods, with x the loss of a sample in a period and w the period's weight.
cdef struct Sums:
    double losses                   # w x
    double squares                  # w x x
    double periods                  # the square of a period's sum of w x


cdef struct Moments:
    double mean
    double deviation


# What a summary has in `sums`: the analytical mean, all samples, each subset of samples, each ensemble.
cdef enum:
    ANALYTICAL = 0
    SAMPLES = 1
    FIRST_SUBSET = 2


cdef class AverageLoss(PeriodLosses):
    cdef PeriodWeights weights
    cdef bint exact                 # weights are double
    cdef bint convergence           # subsets of samples are wanted
    cdef readonly int64_t n_subsets
    cdef list ensembles             # (record, sidx, ensemble id) as the table has them, or None
    cdef readonly int64_t n_ensembles
    cdef int32_t *ensemble_id       # ascending
    cdef int64_t *ensemble_size     # samples of each
    cdef int32_t *ensemble_of       # by sidx: its place in ensemble_id
    cdef str ensemble_file
    # what was worked out so far: `stride` sums for each summary
    cdef int64_t n_results, result_room, stride
    cdef int32_t *result_id
    cdef Sums *sums
    cdef Entry *entry
    cdef int64_t entry_room

    cdef int match_ensembles(self) except -1
    cdef int sum_up(self, Slot *slot, Sums *sums) except -1 nogil
    cdef Moments moments(self, const Sums *sums, int64_t samples) noexcept nogil
    cdef int put(self, Rows rows, int64_t result, int32_t type, int64_t which, int64_t samples,
                  int32_t ensemble) except -1 nogil
    cdef int put_convergence(self, Rows rows, int32_t summary_id, const Sums *sums, int32_t samples,
                              double z) except -1 nogil
    cdef int put_subsets(self, Rows rows, int32_t summary_id, const Sums *sums, double z) except -1 nogil


cdef struct MeanSlot:
    int32_t summary_id
    double mean[2]                  # the analytical mean's, the samples'


cdef class AverageLossMeanOnly(LossConsumer):
    cdef readonly Occurrences occurrences
    cdef double *event_weight       # of all its occurrences together
    cdef double size                # samples of the stream that is being read
    cdef MeanSlot *slot
    cdef int64_t room               # slots that there is memory for
    cdef Numbers numbers            # of summary ids: their slots

    cdef MeanSlot *find(self, int32_t summary_id) except NULL nogil
