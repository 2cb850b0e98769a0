# Exceedance curves: see curves.pyx.
from libc.stdint cimport int32_t, int64_t

from ktc._core.curvelosses cimport Choice, CurveLosses
from ktc._core.periodlosses cimport Slot
from ktc._core.rows cimport Rows
from ktc._core.sorting cimport Weighted
from ktc._core.tails cimport CURVES, Point


# How far along the return periods a curve has come.
cdef struct Reached:
    int64_t next                    # the return period that is due
    double last_period              # the point before: what lies between is interpolated
    float last_loss


# The mean of the losses so far, which is the tail value at risk: ktools' running mean, and in double what it
# should be.
cdef struct Tail:
    float mean
    double losses                   # times their weights
    double weight


# The mean of the samples' curves at a return period, where periods have weights.
cdef struct Mean:
    double period
    double total
    int64_t n


# Curves of one kind of summaries that follow each other, read off at the return periods: n from place `first`
# on. They are worked out side by side when the first one is asked for.
cdef struct Batch:
    int64_t first
    int n
    int64_t[CURVES] losses          # how many each of them has
    float[CURVES] largest           # of them
    Point *point                    # for each curve one by rank


cdef class Curves(CurveLosses):
    cdef double *return_period      # descending
    # the section that is being written
    cdef bint ord
    cdef Rows out, tail
    cdef int32_t type, calculation
    cdef const char *unused         # periods that are touched have had their turn
    cdef char *mine                 # such, of one summary
    cdef Mean *mean
    # curves at return periods: the ranks at which they are read off, and what they are there
    cdef int64_t *rank
    cdef int64_t n_ranks, settled   # summaries
    cdef Batch *batch               # by choice, loss (AEP, OEP) and kind
    cdef int64_t n_batches
    cdef Point *point
    # room that is kept
    cdef int64_t entry_room, value_room, spare_room, weighted_room, sum_room
    cdef float *values              # of one curve or more
    cdef int64_t used               # by curves that are complete
    cdef float *value               # behind them: the losses of the next one
    cdef float *spare
    cdef float *sums                # of the samples' curves, by rank
    cdef double *double_sums        # the same, where they are kept
    cdef float *block               # some samples' losses, by period
    cdef Weighted *weighted

    cdef int check_sum(self, int32_t summary_id, float largest) except -1 nogil
    cdef double weight_of(self, int32_t period) noexcept nogil
    cdef double all_samples_weigh(self) noexcept nogil
    cdef int64_t take(self, int64_t n, int32_t period, float loss) noexcept nogil
    cdef int room(self, int64_t n) except -1 nogil
    cdef int put(self, Rows rows, int32_t summary_id, int32_t type, double period, float loss) except -1 nogil
    cdef int reach(self, Reached *reached, int32_t summary_id, double period, float loss, double most,
                   int64_t counter,
                   double weight, Tail tail) except -1 nogil
    cdef int all_points(self, int32_t summary_id, const float *loss, int64_t n, double most) except -1 nogil
    cdef void plan(self, double most) noexcept nogil
    cdef int put_curve(self, int32_t summary_id, int64_t n, double most, const Point *point) except -1 nogil
    cdef int curve(self, int32_t summary_id, const float *loss, int64_t n, double most) except -1 nogil
    cdef int weighted_curve(self, int32_t summary_id, Weighted *loss, int64_t n, double constant,
                            bint per_sample) except -1 nogil
    cdef int64_t mean_losses(self, Slot *slot, size_t at, bint largest) except -1 nogil
    cdef int64_t all_losses(self, Slot *slot, const Choice *choice, size_t at, bint largest) except -1 nogil
    cdef int64_t sample_means(self, Slot *slot, const Choice *choice, size_t at,
                              bint largest) except -1 nogil
    cdef int64_t losses_of(self, int kind, Slot *slot, const Choice *choice, size_t at,
                           bint largest) except -1 nogil
    cdef double most_of(self, int kind, const Choice *choice) noexcept nogil
    cdef int one_curve(self, int kind, Slot *slot, const Choice *choice, size_t at,
                       bint largest) except -1 nogil
    cdef int fill_batch(self, Batch *batch, int kind, const Choice *choice, size_t at, bint largest,
                        int64_t first) except -1 nogil
    cdef int batched_curve(self, int kind, int64_t which, size_t at, bint largest, int64_t i) except -1 nogil
    cdef int put_samples(self, int32_t summary_id, const int32_t *sidx, const float **loss, const int64_t *n,
                         int64_t columns) except -1 nogil
    cdef int load(self, Slot *slot, bint largest) except -1 nogil
    cdef int per_sample_section(self, Slot *slot, const Choice *choice, size_t at, bint largest, Rows mean,
                                Rows mean_tail, int32_t mean_calculation) except -1 nogil
    cdef int touch(self, Slot *slot, const Choice *choice) except -1 nogil
