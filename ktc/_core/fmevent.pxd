# fmcalc's event as rows, and as nodes of a programme; see fmevent.pyx.
cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t

from ktc._core.blocks cimport LossBlock, LossConsumer, LossRows
from ktc._core.fmplan cimport Plan
from ktc._core.arena cimport Memory
from ktc._core.sorting cimport HashTable

cdef enum:
    TIV_LANE = 0
    MEAN_LANE = 1
    SAMPLE_LANES = 2                # sample s is in lane SAMPLE_LANES + s - 1


# One level of the programme, as far as the event at hand reaches: nodes 0 .. n - 1 are its aggregates in the
# order in which the event's items lead to them. The items below node k are row[first[k]] ... row[first[k + 1]
# - 1], rows of the event.
cdef struct Nodes:
    Py_ssize_t n
    Py_ssize_t room
    int32_t *agg                    # by node
    int32_t *part_of                # by node: the node of the level above
    int32_t *node_of                # by aggregate: 1 + node, or 0
    int64_t *first
    const int32_t *row
    # the nodes of the level below that are part of node k: from first_child[k] on
    const int32_t *child
    int64_t *first_child
    # memory for row and child, where they are not another array
    int32_t *rows
    int32_t *children
    # the same nodes in the order of a hash table, where layers have shares of their own
    int32_t *hashed
    Py_ssize_t share_room           # the rest is kept where it is wanted
    # by place in row, LANES each: its part of the node's loss, when allocated back
    float *share
    int32_t *shares_of              # by node, LANES each: the level whose share stands for this node's
    # by layer: share in that layer, where it is another than in the first; else NULL
    float **layer_share


@cython.final
cdef class Event:
    cdef Plan plan
    cdef bint by_item, net, both, remaining, debug, apart
    cdef bint traced                # the rows of a node are known on every level
    cdef bint listed                # the TIVs of items come from the tables, not from the stream
    cdef int32_t sample_size
    cdef Py_ssize_t blocks          # of LANES lanes: TIV, mean, samples 1 .. sample_size
    cdef Py_ssize_t width           # floats from row to row
    cdef int32_t *sidx_of           # by lane; 0: no sample's
    # a row of ground-up losses for each packet of the stream
    cdef Py_ssize_t n, room
    cdef int32_t *item              # by row
    # the items of the event before, n_before of them, whose nodes and results are at hand
    cdef int32_t *item_before
    cdef Py_ssize_t n_before
    cdef int32_t *count             # 0, 1, 2, ...: nodes or rows that are in order
    cdef Py_ssize_t count_room
    cdef float *loss                # by row and lane
    cdef Nodes *level               # by level
    cdef HashTable table
    # What goes out: a row of results for each row or aggregate, where results are what remains of it, and
    # after these one for each output.
    cdef Py_ssize_t remains, results, result_room
    cdef float *result
    # what remains, by row or node: the first results, or the losses themselves, in their place
    cdef float *rest
    cdef int64_t *result_of         # by row or node, and layer: which result has its output, or -1
    cdef Py_ssize_t result_of_room
    cdef int32_t *output_id         # by result
    # Results in ascending order of their output ids, and room to sort them: `left` of what remains, then
    # `outputs` others.
    cdef int64_t *order
    cdef int64_t left, outputs
    cdef uint8_t *set_bits             # by byte: the places of its bits that are set, from the lowest
    cdef uint8_t *felt              # by sample: an item has a loss
    cdef LossRows rows
    cdef Memory memory              # all arrays are its

    cdef void begin(self, int32_t sample_size, bint listed) noexcept nogil
    cdef int add_rows(self, const LossBlock *block) except -1 nogil
    cdef int add_row(self, const LossBlock *block, Py_ssize_t i) except -1 nogil
    cdef int number_lanes(self) except -1 nogil
    cdef int fail_loss(self, const LossBlock *block, Py_ssize_t i) except -1
    cdef int find_layout(self) except -1 nogil
    cdef int find_nodes(self) except -1 nogil
    cdef int make_room(self, Nodes *level, Py_ssize_t n) except -1 nogil
    cdef void number_items(self) noexcept nogil
    cdef void number_level(self, int32_t l) noexcept nogil
    cdef void list_children(self, Nodes *level, Nodes *below) noexcept nogil
    cdef int hash_children(self, Nodes *level, int32_t n) except -1 nogil
    cdef int place_results(self) except -1 nogil
    cdef int64_t list_ascending(self, int64_t first, int64_t end, int64_t *order) noexcept nogil
    cdef void merge_unnamed(self, int64_t places, int32_t layers) noexcept nogil
    cdef int fail_result(self, int32_t event_id) except -1
    cdef int write(self, LossRows rows, LossConsumer out, int32_t event_id, const float *results,
                   const int64_t *order, int64_t n) except -1 nogil
    cdef int64_t put_result(self, int32_t *sidx, float *loss, const float *result) noexcept nogil
    cdef int64_t put_results(self, int32_t *sidx, float *loss, const float *results, const int64_t *order,
                             int64_t n) noexcept nogil
    cdef int find_felt(self) except -1 nogil
