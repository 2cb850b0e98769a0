# The financial module at work on one event after another; see fmcalc.pyx.
cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t

from ktc._core.blocks cimport LossBlock, LossConsumer, LossHeader, LossRows
from ktc._core.fmplan cimport Plan
from ktc._core.fmrules cimport LANES, Amounts


# One level of the programme, as far as the event at hand reaches: nodes 0 .. n - 1 are its aggregates in the
# order in which the event's items lead to them. The items below node k are row[first[k]] ... row[first[k + 1]
# - 1], rows of the event.
cdef struct Reached:
    Py_ssize_t n
    Py_ssize_t room
    int32_t *agg                    # by node
    int32_t *part_of                # by node: the node of the level above
    int32_t *node_of                # by aggregate: 1 + node, or 0
    int64_t *first
    int32_t *row
    # the nodes of the level below that are part of node k: from first_child[k] on
    int32_t *child
    int64_t *first_child
    # the same nodes in the order of a hash table, where layers have shares of their own
    int32_t *hashed
    Py_ssize_t share_room           # the rest is kept where it is wanted
    # by place in row, LANES each: its part of the node's loss, when allocated back
    float *share
    int32_t *shares_of              # by node, LANES each: the level whose share stands for this node's
    # by layer: share in that layer, where it is another than in the first; else NULL
    float **layer_share


# What is known of a level of a block of lanes: its loss in the first layer, the sum of the proportions of the
# level below, whether the level pays nothing while that one had shares, and of the lanes, whether nodes
# without loss have shares and whether there are shares without a loss of the first layer.
cdef struct Shares:
    float total[LANES]
    float proportions[LANES]
    int32_t unpaid[LANES]
    int32_t full[LANES]
    int32_t always[LANES]


@cython.final
cdef class FmCalc(LossConsumer):
    cdef public LossConsumer out
    cdef public LossConsumer left   # takes net losses where `out` takes gross ones
    cdef readonly Plan plan
    cdef readonly int alloc_rule
    cdef readonly bint net, both, debug, full_shares
    cdef int64_t few                # additions that a float sum takes
    cdef double tolerance
    cdef bint by_item               # outputs are items, not aggregates of the last level
    # the first results are what is left of each row or aggregate, from layer to layer
    cdef bint remaining
    cdef bint traced                # the rows of a node are known on every level
    cdef bint listed                # the TIVs of items come from the tables, not from the stream
    cdef int32_t sample_size
    cdef Py_ssize_t blocks          # of LANES lanes: TIV, mean, samples 1 .. sample_size
    cdef Py_ssize_t width           # floats from row to row
    cdef LossRows rows

    # The event: a row of ground-up losses for each packet of the stream.
    cdef Py_ssize_t n, room
    cdef int32_t *item              # by row
    cdef float *loss                # by row and lane
    cdef Reached *level             # by level
    # A block of lanes: amounts by layer on even and odd levels, of each node the first `kept` fields of
    # Amounts.
    cdef Py_ssize_t nodes
    cdef int kept
    cdef float **amounts[2]
    cdef bint keep_shares           # of every level, not only parts of the level's loss
    cdef bint apart                 # some layer has shares of its own
    cdef float *part                # by row: its part of the loss of a whole level
    cdef float *layer_total         # by node: what a layer hands on to it
    cdef int64_t *next_place        # by node: where its next row goes
    cdef int32_t *following         # a hash table at work: see hash_children()
    cdef int32_t *before
    cdef int beyond                 # a result is no number, or infinite
    # What goes out: a row of results for each place (row or aggregate) where results are what remains of it,
    # and behind these one for each output.
    cdef Py_ssize_t remains, results, result_room
    cdef float *result
    cdef int64_t *result_of         # by layer and place: which result has its output, or -1
    cdef Py_ssize_t result_of_room
    cdef int32_t *output_id         # by result
    cdef int64_t *order             # results in ascending order of their output ids, and room to sort them
    cdef uint8_t *felt              # by sample: an item has a loss

    cdef int add_row(self, const LossBlock *block, Py_ssize_t i) except -1 nogil
    cdef int fail_loss(self, const LossBlock *block, Py_ssize_t i) except -1
    cdef int reach(self) except -1 nogil
    cdef int hash_children(self, Reached *level, Py_ssize_t n) except -1 nogil
    cdef int place_results(self) except -1 nogil
    cdef void merge_unnamed(self, int64_t places, int32_t layers) noexcept nogil
    cdef int calculate(self) except -1 nogil
    cdef int make_room(self) except -1 nogil
    cdef int keep_room(self) except -1 nogil
    cdef bint run(self, Py_ssize_t block) noexcept nogil
    cdef void climb(self, int32_t l, Py_ssize_t block, float *total) noexcept nogil
    cdef void gather(self, Amounts *into, int32_t l, Py_ssize_t k, int32_t layer,
                     Py_ssize_t block) noexcept nogil
    cdef void add_rows(self, float *total, Reached *level, Py_ssize_t k, Py_ssize_t block) noexcept nogil
    cdef const float *portion(self, int32_t l, int64_t row, Py_ssize_t block) noexcept nogil
    cdef void divide(self, int32_t l, Shares *shares, Py_ssize_t block) noexcept nogil
    cdef float lent(self, int32_t l, Py_ssize_t k, int64_t place, int lane) noexcept nogil
    cdef bint shares_apart(self, int32_t l, int32_t layer) noexcept nogil
    cdef void divide_layer(self, int32_t l, int32_t layer) noexcept nogil
    cdef void settle_aggregates(self, Py_ssize_t block) noexcept nogil
    cdef void clear_results(self, Py_ssize_t block) noexcept nogil
    cdef bint settle_items(self, const Shares *shares, Py_ssize_t block) noexcept nogil
    cdef int check(self, int32_t event_id) except -1 nogil
    cdef int fail_result(self, int32_t event_id) except -1
    cdef int write(self, LossConsumer out, int32_t event_id, int64_t first, int64_t end) except -1 nogil
    cdef int find_felt(self) except -1 nogil
    cdef void sort(self, int64_t n) noexcept nogil
