# The financial module at work on one event after another; see fmcalc.pyx.
cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t

from ktc._core.blocks cimport LossBlock, LossConsumer, LossHeader
from ktc._core.fmevent cimport Event, Nodes
from ktc._core.fmplan cimport Plan
from ktc._core.fmrules cimport Amounts
from ktc._core.lanes cimport LANES
from ktc._core.arena cimport Memory


# What is known of a level of a block of lanes: its loss in the first layer, the sum of the proportions of the
# level below, whether the level pays nothing while that one had shares, and of the lanes, whether nodes
# without loss have shares and whether there are shares without a loss of the first layer. plain: every
# proportion so far is a number of 0 or more, so that 0 of it is 0, and nobody asks for shares.
cdef struct Shares:
    float total[LANES]
    float proportions[LANES]
    int32_t unpaid[LANES]
    int32_t full[LANES]
    int32_t always[LANES]
    bint plain


@cython.final
cdef class FmCalc(LossConsumer):
    cdef public LossConsumer out
    cdef public LossConsumer left   # takes net losses where `out` takes gross ones
    cdef readonly Plan plan
    cdef readonly int alloc_rule
    cdef readonly bint net, both, debug, full_shares
    cdef int64_t few                # additions that a float sum takes
    cdef double tolerance
    cdef Event event
    cdef Memory memory              # the event's, and all arrays are its
    cdef bint by_item               # outputs are items, not aggregates of the last level
    # the first results are what is left of each row or aggregate, from layer to layer
    cdef bint remaining
    # The event's, at hand while its blocks of lanes are calculated.
    cdef Nodes *level
    cdef Py_ssize_t n, width, remains, results
    cdef const float *loss
    cdef float *result
    cdef float *rest                # by row or node: what remains
    cdef const int64_t *result_of
    # A block of lanes: amounts by layer on even and odd levels, of each node the first `kept` fields of
    # Amounts.
    cdef Py_ssize_t nodes
    cdef int kept
    cdef float **amounts[2]
    cdef bint keep_shares           # of every level, not only parts of the level's loss
    cdef bint apart                 # some layer has shares of its own
    cdef float *part                # by row: its part of the loss of a whole level
    cdef uint8_t *empty             # by row: its part is 0 in all lanes, and not written down
    cdef float *layer_total         # by node: what a layer hands on to it
    cdef int64_t *next_place        # by node: where its next row goes
    cdef int beyond                 # a result is not a number, or infinite

    cdef int check_results(self, int32_t event_id) except -1 nogil
    cdef int calculate(self) except -1 nogil
    cdef int make_room(self) except -1 nogil
    cdef int keep_room(self) except -1 nogil
    cdef bint run(self, Py_ssize_t block) noexcept nogil
    cdef void climb(self, int32_t l, Py_ssize_t block, float *total) noexcept nogil
    cdef void gather(self, Amounts *into, int32_t l, Py_ssize_t k, int32_t layer,
                     Py_ssize_t block) noexcept nogil
    cdef void add_rows(self, float *total, Nodes *level, Py_ssize_t k, Py_ssize_t block) noexcept nogil
    cdef const float *portion(self, int32_t l, int64_t row, Py_ssize_t block) noexcept nogil
    cdef void divide(self, int32_t l, Shares *shares, Py_ssize_t block) noexcept nogil
    cdef float lent(self, int32_t l, Py_ssize_t k, int64_t place, int lane) noexcept nogil
    cdef bint shares_apart(self, int32_t l, int32_t layer) noexcept nogil
    cdef void divide_layer(self, int32_t l, int32_t layer) noexcept nogil
    cdef void settle_aggregates(self, Py_ssize_t block) noexcept nogil
    cdef void clear_results(self, Py_ssize_t block) noexcept nogil
    cdef bint settle_items(self, const Shares *shares, Py_ssize_t block) noexcept nogil
    cdef void share_out(self, Py_ssize_t k, const float *whole, int32_t *beyond,
                        Py_ssize_t block) noexcept nogil
    cdef void settle_nothing(self, int64_t place, int32_t layers, int32_t stride,
                             Py_ssize_t block) noexcept nogil
