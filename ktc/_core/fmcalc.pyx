"""fmcalc: ground-up losses to insured losses, or what insurance paid to what reinsurance pays, by a compiled
programme (Plan).

    loss stream -> rows of the event -> level 1 -> level 2 -> ... -> last level, layer 1, 2, ... -> outputs ->
    loss stream

An event is held as a matrix: a row for each packet of the stream, a lane for each sample, lane 0 the TIV
(sidx -3), lane 1 the mean (sidx -1), lane 1 + s sample s. LANES lanes at a time go through the whole
programme. On each level the amounts of a node are the sums over the nodes that are part of it, in the order
in which the event's items lead to them, and then its terms apply (fmrules). A further layer begins with the
same sums as the first, or, where the level below has that layer too, with the sums of that layer.

Back-allocation gives each item its share of a node's loss. With alloc_rule

    0   losses stay with the aggregates of the last level
    1   an item's share is its part of the node's ground-up loss
    2   shares are worked out from level to level, in the first layer: a level's loss is divided among its
        nodes in proportion to their losses, and a node's part among its items in proportion to their parts on
        the level below
    3   as 2, also for samples and nodes that 2 passes over

and 2 and 3 are 1 where there is one level only. A level without any loss has shares of 0 and leaves the parts
as they are. A node without any part of its level takes the shares of the node of the same place on the level
below, in ktools' words the proportions of the same index, which need not be its own items'. Rule 2 gives a
node without loss no shares other than in the mean, and no layer of a sample any where the first layer pays
nothing. Further layers have the shares of the first; where the level below has that layer too, those that the
layer's losses there give.

Net losses are what remains: with rule 0 and 1 the retained loss of the node in the last layer (and its items'
shares of it), with 2 and 3 what each item brought in less what the layers took, at least 0. They go out with
the last layer only. Where gross and net losses go out together, net is what came in less what the layers took
by every rule, with the shares that net losses have alone; and what is paid by a layer whose outputs fm_xref
does not name goes out with the highest layer that it names.

Sums and products are float32 in ktools' order. Where more than some hundred nodes or rows are added up, a
second sum stands in where the float one is wrong (see numbers.pxd); what a loss near an attachment loses to
cancellation stays. Losses below 0 count as 0, coming in and going out.
"""
cimport cython
cdef extern from *:
    """
    #include "compilers.h"
    #undef CYTHON_INLINE    /* what works on lanes is inlined, so that the compiler sees what the lanes are */
    #define CYTHON_INLINE KTC_ALWAYS_INLINE
    """

from libc.math cimport INFINITY
from libc.stdint cimport uint32_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from ktc._core.fmplan cimport Level, Profile
from ktc._core.fmrules cimport LANES, apply
from ktc._core.memory cimport allot, resize
from ktc._core.numbers cimport FEW, TOLERANCE, checked

from ktc.errors import DataError, UsageError
from ktc.schemas import streams as _streams

cdef enum:
    TIV_LANE = 0
    MEAN_LANE = 1
    SAMPLE_LANES = 2                # sample s is in lane SAMPLE_LANES + s - 1
    DIGIT = 11                      # bits of a digit when sorting
    FIRST_ROOM = 1 << 18            # losses of an event


cdef inline float positive(float value) noexcept nogil:
    return value if value > 0 else 0


# On LANES lanes at a time. Inlined, and given arrays that nothing else points to, these are a few vector
# instructions.

cdef inline void clear(float *lanes) noexcept nogil:
    cdef int i
    for i in range(LANES):
        lanes[i] = 0


cdef inline void add(float *sum, const float *lanes) noexcept nogil:
    cdef int i
    for i in range(LANES):
        sum[i] += lanes[i]


cdef inline void divisor(float *whole, const float *sum) noexcept nogil:
    """What to divide parts of a sum by: 1 where it is 0, for they are 0 then."""
    cdef int i
    for i in range(LANES):
        whole[i] = sum[i] if sum[i] > 0 else 1


cdef inline void divide_lanes(float *share, const float *lanes, const float *whole) noexcept nogil:
    cdef int i
    for i in range(LANES):
        share[i] = lanes[i] / whole[i]


cdef inline void multiply(float *lanes, const float *factor) noexcept nogil:
    cdef int i
    for i in range(LANES):
        lanes[i] *= factor[i]


cdef inline void keep(float *to, const float *lanes) noexcept nogil:
    memcpy(to, lanes, LANES * sizeof(float))


# A sum of many numbers for each lane: floats of PART of them at most, added up in double. It is right to PART
# * 2^-24 (1.6e-5).
cdef enum:
    PART = 256
    FIELDS = 5                      # of Amounts

cdef struct RightSum:
    float[LANES] part
    double[LANES] whole
    int additions                   # to part

# Half of what is allowed, since a share is a quotient of two such sums.
cdef double PART_TOLERANCE = TOLERANCE / 2 - PART * 2.0 ** -24


cdef inline void close_part(RightSum *sum) noexcept nogil:
    cdef int i
    for i in range(LANES):
        sum.whole[i] += sum.part[i]
        sum.part[i] = 0
    sum.additions = 0


cdef inline void add_right(RightSum *sum, const float *lanes) noexcept nogil:
    add(sum.part, lanes)
    sum.additions += 1
    if sum.additions == PART:
        close_part(sum)


cdef inline void check(float *sum, RightSum *right, double tolerance) noexcept nogil:
    """A float sum that is wrong becomes right."""
    cdef int i
    close_part(right)
    for i in range(LANES):
        sum[i] = checked(sum[i], right.whole[i], tolerance)


# The sizes of a hash table that grows from nothing.
cdef enum:
    N_BUCKETS = 26
cdef int32_t[N_BUCKETS] BUCKETS = [
    13, 29, 59, 127, 257, 541, 1109, 2357, 5087, 10273, 20753, 42043, 85229, 172933, 351061, 712697, 1447153,
                                   2938679,
    5967347, 12117689, 24607243, 49969847, 101473717, 206062531, 418442303, 849718709]


cdef inline void put_into_bucket(int32_t *following, int32_t *before, int32_t begin, int32_t key,
                                 int32_t size) noexcept nogil:
    cdef int32_t bucket = key % size
    cdef int32_t at = before[bucket] - 1 if before[bucket] else begin
    following[key] = following[at]
    following[at] = key
    if at == begin and before[bucket] == 0 and following[key] >= 0:
        before[following[key] % size] = key + 1
    if before[bucket] == 0:
        before[bucket] = begin + 1


cdef int32_t MEAN = _streams.MEAN
cdef int32_t TIV = _streams.TIV
cdef uint32_t ITEM = _streams.ITEM
cdef uint32_t LOSS = _streams.LOSS


@cython.final
cdef class FmCalc(LossConsumer):
    """The financial module.

    alloc_rule: 0 to 3. net: what remains after the layers, instead of what they pay. both: `out` takes what
    they pay and `left` what remains. debug: samples without loss are written too. full_shares: with
    alloc_rule 2, nodes without loss have shares in every sample, not only in the mean. exact: sums are double
    (see numbers.pxd). `out` takes a loss stream of output ids: sidx -3, -1 and the samples above 0.

    The losses of a stream of kind ITEM have no TIVs of their own; the plan must have been built with
    coverages. Raises UsageError for another alloc_rule, DataError for an item that is not in the programme.
    """

    def __cinit__(self, Plan plan not None, *, alloc_rule=0, bint net=False, bint both=False,
                  bint debug=False,
                  bint full_shares=False, bint exact=False):
        self.few = 0 if exact else FEW
        self.tolerance = 0 if exact else PART_TOLERANCE
        if not 0 <= alloc_rule <= 3:
            raise UsageError(f"allocation rule {alloc_rule}: expected 0, 1, 2 or 3")
        if net and both:
            raise UsageError("net losses instead of gross ones, or both: expected one of them")
        self.plan = plan
        # Where there is one level, its items' parts are those of the ground-up loss.
        self.alloc_rule = 1 if alloc_rule and plan.last_level == 1 else alloc_rule
        self.net, self.both, self.debug = net, both, debug
        self.full_shares, self.by_item = full_shares, alloc_rule > 0
        self.remaining = both or net and self.alloc_rule > 1
        self.traced = self.by_item or both
        # What is kept of a node, in the order of Amounts: the loss; the retained loss, where it goes out,
        # makes terms apply to a loss of 0 or gives a node shares; all, where terms read what deductibles and
        # limits below handed on.
        self.kept = (FIELDS if plan.carried else
                     2 if plan.stepped or self.alloc_rule == 2 or net and not self.remaining else 1)
        self.rows = LossRows()
        cdef int32_t l, layers = plan.layers
        cdef int side
        self.level = <Reached *>allot(plan.last_level + 1, sizeof(Reached))
        for l in range(plan.last_level + 1):
            self.level[l].node_of = <int32_t *>allot(<int64_t>plan.level[l].last + 1, sizeof(int32_t))
            self.level[l].layer_share = <float **>allot(<int64_t>plan.level[l].layers + 1, sizeof(float *))
            self.apart |= l > 1 and self.shares_apart(l, 2)
        for side in range(2):
            self.amounts[side] = <float **>allot(layers + 1, sizeof(float *))

    def __dealloc__(self):
        cdef int32_t l, layer
        cdef Reached *level
        cdef int side
        if self.level != NULL:
            for l in range(self.plan.last_level + 1):
                level = &self.level[l]
                free(level.agg)
                free(level.part_of)
                free(level.node_of)
                free(level.first)
                free(level.row)
                free(level.child)
                free(level.first_child)
                free(level.hashed)
                free(level.share)
                free(level.shares_of)
                if level.layer_share != NULL:
                    for layer in range(self.plan.level[l].layers + 1):
                        free(level.layer_share[layer])
                free(level.layer_share)
        free(self.level)
        for side in range(2):
            if self.amounts[side] != NULL:
                for l in range(self.plan.layers + 1):
                    free(self.amounts[side][l])
            free(self.amounts[side])
        free(self.item)
        free(self.loss)
        free(self.part)
        free(self.layer_total)
        free(self.next_place)
        free(self.following)
        free(self.before)
        free(self.result)
        free(self.result_of)
        free(self.output_id)
        free(self.order)
        free(self.felt)

    cdef int begin(self, const LossHeader *header) except -1 nogil:
        cdef LossHeader losses
        self.listed = header.kind == ITEM
        if self.listed and not self.plan.exposed:
            with gil:
                raise DataError("an item stream has no TIVs: expected coverages.bin and items.bin beside "
                                f"{self.plan.programme}")
        self.sample_size = max(header.sample_size, 0)
        self.blocks = (<Py_ssize_t>self.sample_size + SAMPLE_LANES + LANES - 1) // LANES
        # An odd number of cache lines: rows would else fall into the same sets of the cache.
        self.width = (self.blocks | 1) * LANES
        losses.kind, losses.sample_size, losses.summary_set = LOSS, header.sample_size, 0
        self.out.begin(&losses)
        if self.both:
            self.left.begin(&losses)
        return 0

    cdef int accept(self, const LossBlock *block) except -1 nogil:
        cdef Py_ssize_t i
        for i in range(block.n):
            self.add_row(block, i)
        if block.end_of_event:
            if self.n:
                self.reach()
                self.place_results()
                self.calculate()
                self.check(block.event_id)
                if self.both:
                    self.write(self.out, block.event_id, self.remains, self.results)
                    self.write(self.left, block.event_id, 0, self.remains)
                else:
                    self.write(self.out, block.event_id, 0, self.results)
                self.n = 0
        return 0

    cdef int finish(self) except -1 nogil:
        self.out.finish()
        if self.both:
            self.left.finish()
        return 0

    # Collecting an event

    cdef int add_row(self, const LossBlock *block, Py_ssize_t i) except -1 nogil:
        """One packet of the stream as a row of lanes."""
        cdef int32_t item = block.id[i]
        cdef int64_t k, end = block.start[i + 1]
        cdef Level *items = self.plan.level
        cdef float *row
        cdef float loss
        cdef bint finite = True
        if end == block.start[i]:
            # a packet without records: nothing of this item
            return 0
        if item < 1 or item > items.last or items.parent[item] == 0:
            with gil:
                raise DataError(f"event {block.event_id}: item {item} is not in {self.plan.programme}: "
                                f"expected a record "
                                f"from {item} of level 1")
        if self.n == self.room:
            self.room = max(2 * self.room, FIRST_ROOM // self.width + 1)
            resize(<void **>&self.item, self.room, sizeof(int32_t))
            resize(<void **>&self.loss, self.room * self.width, sizeof(float))
        self.item[self.n] = item
        row = self.loss + self.n * self.width
        self.n += 1
        memset(row, 0, self.blocks * LANES * sizeof(float))
        if block.dense[i]:
            end -= self.sample_size
            for k in range(self.sample_size):
                row[SAMPLE_LANES + k] = positive(block.loss[end + k])
                finite &= block.loss[end + k] < INFINITY
        for k in range(block.start[i], end):
            loss = positive(block.loss[k])
            finite &= block.loss[k] < INFINITY
            # Records of the same sidx add up: outputs that share an id have several in one packet.
            if block.sidx[k] > 0:
                row[SAMPLE_LANES - 1 + block.sidx[k]] += loss
            elif block.sidx[k] == MEAN:
                row[MEAN_LANE] += loss
            elif block.sidx[k] == TIV:
                row[TIV_LANE] += loss
        if not finite:
            with gil:
                self.fail_loss(block, i)
        if self.listed:
            row[TIV_LANE] = items.tiv[item]
        return 0

    cdef int fail_loss(self, const LossBlock *block, Py_ssize_t i) except -1:
        for k in range(block.start[i], block.start[i + 1]):
            if not block.loss[k] < INFINITY:
                raise DataError(f"event {block.event_id}, item {block.id[i]}, sidx {block.sidx[k]}: a loss "
                                f"of "
                                f"{block.loss[k]}, expected a number")
        return 0

    cdef int reach(self) except -1 nogil:
        """Find the nodes that the event's items lead to, level by level."""
        cdef Reached *below = NULL
        cdef Reached *level
        cdef int32_t l, agg
        cdef int64_t k, m, to
        cdef Py_ssize_t i, n = self.n
        for l in range(self.plan.last_level + 1):
            level = &self.level[l]
            if n > level.room:
                level.room = n + n // 4
                resize(<void **>&level.agg, level.room, sizeof(int32_t))
                resize(<void **>&level.part_of, level.room, sizeof(int32_t))
                resize(<void **>&level.first, level.room + 2, sizeof(int64_t))
                resize(<void **>&level.row, level.room, sizeof(int32_t))
                resize(<void **>&level.child, level.room, sizeof(int32_t))
                resize(<void **>&level.first_child, level.room + 2, sizeof(int64_t))
            level.n = 0
            # Level 0: a node for each item, whose rows are the packets that it has.
            for i in range(n if l == 0 else below.n):
                agg = self.item[i] if l == 0 else self.plan.level[l - 1].parent[below.agg[i]]
                if level.node_of[agg] == 0:
                    level.agg[level.n] = agg
                    level.first[level.n + 2] = level.first_child[level.n + 2] = 0
                    level.n += 1
                    level.node_of[agg] = <int32_t>level.n
                k = level.node_of[agg] - 1
                if l == 0:
                    level.first[k + 2] += 1
                else:
                    below.part_of[i] = <int32_t>k
                    level.first_child[k + 2] += 1
                    if self.traced:
                        level.first[k + 2] += below.first[i + 1] - below.first[i]
            # first[k + 1] is where node k's next row goes, and at last where its rows end
            level.first[0] = level.first[1] = level.first_child[0] = level.first_child[1] = 0
            for k in range(2, level.n + 1):
                level.first[k] += level.first[k - 1]
                level.first_child[k] += level.first_child[k - 1]
            for i in range(n if l == 0 else below.n):
                if l == 0:
                    k = level.node_of[self.item[i]]
                    level.row[level.first[k]] = <int32_t>i
                    level.first[k] += 1
                else:
                    k = below.part_of[i] + 1
                    level.child[level.first_child[k]] = <int32_t>i
                    level.first_child[k] += 1
                    if self.traced:
                        to = level.first[k]
                        for m in range(below.first[i], below.first[i + 1]):
                            level.row[to] = below.row[m]
                            to += 1
                        level.first[k] = to
            if self.apart and l:
                self.hash_children(level, below.n)
            below = level
        for l in range(self.plan.last_level + 1):
            level = &self.level[l]
            for i in range(level.n):
                level.node_of[level.agg[i]] = 0
        return 0

    cdef int hash_children(self, Reached *level, Py_ssize_t n) except -1 nogil:
        """The children of each node, of n below, in the order in which ktools adds up what a layer hands on:
        that of a hash table, libstdc++'s std::unordered_set<int>, into which they were put in ascending
        order.

        The table is one list. A new key goes before the others of its bucket, or, where that is empty, before
        all. Whenever the table is full, it grows to one of the sizes in BUCKETS, and its keys are put into a
        new list one by one.
        """
        cdef int32_t *following
        cdef int32_t *before                            # by bucket: 1 + the key before its first one, or 0
        cdef const int32_t *child
        cdef int32_t *hashed
        cdef int32_t key, rest, begin
        cdef int size
        cdef int64_t m, k, count
        resize(<void **>&level.hashed, level.room, sizeof(int32_t))
        for size in range(N_BUCKETS):
            if BUCKETS[size] >= n:
                break
        resize(<void **>&self.following, n + 1, sizeof(int32_t))
        resize(<void **>&self.before, BUCKETS[size], sizeof(int32_t))
        following, before, begin = self.following, self.before, <int32_t>n
        for k in range(level.n):
            child, hashed = level.child + level.first_child[k], level.hashed + level.first_child[k]
            count = level.first_child[k + 1] - level.first_child[k]
            following[begin] = -1
            size = -1
            for m in range(count):
                if size < 0 or m == BUCKETS[size]:
                    size += 1
                    memset(before, 0, BUCKETS[size] * sizeof(int32_t))
                    rest, following[begin] = following[begin], -1
                    while rest >= 0:
                        key, rest = rest, following[rest]
                        put_into_bucket(following, before, begin, key, BUCKETS[size])
                put_into_bucket(following, before, begin, child[m], BUCKETS[size])
            key = following[begin]
            for m in range(count):
                hashed[m] = key
                key = following[key]
        return 0

    cdef int place_results(self) except -1 nogil:
        """Give each output of the event a result: a row of lanes."""
        cdef Level *last = &self.plan.level[self.plan.last_level]
        cdef Reached *level = &self.level[self.plan.last_level]
        cdef int32_t layer, output_id, id
        cdef int64_t places = self.n if self.by_item else level.n
        cdef int64_t place, first, end, i
        cdef Py_ssize_t k
        cdef bint highest
        if places * (last.layers + 1) > self.result_of_room:
            self.result_of_room = places * (last.layers + 1) + places // 4
            resize(<void **>&self.result_of, self.result_of_room, sizeof(int64_t))
            resize(<void **>&self.output_id, self.result_of_room, sizeof(int32_t))
            resize(<void **>&self.order, 2 * self.result_of_room, sizeof(int64_t))
        self.remains = self.results = places if self.remaining else 0
        memset(self.output_id, 0, self.remains * sizeof(int32_t))
        for layer in range(1, last.layers + 1):
            highest = layer == self.plan.layers             # net losses go out with it, of any level
            for k in range(level.n):
                first = level.first[k] if self.by_item else k
                end = level.first[k + 1] if self.by_item else k + 1
                for place in range(first, end):
                    i = (layer - 1) * places + place
                    self.result_of[i] = -1
                    if last.layer_count[level.agg[k]] < layer or not (highest or not self.net):
                        continue
                    id = self.item[level.row[place]] if self.by_item else level.agg[k]
                    output_id = self.plan.output_id(id, layer)
                    if self.remaining and not self.both:
                        self.output_id[place] = output_id
                    if output_id and (self.both or not self.remaining):
                        self.result_of[i] = self.results
                        self.output_id[self.results] = output_id
                        self.results += 1
        if self.both:
            self.merge_unnamed(places, last.layers)
        if self.results > self.result_room:
            self.result_room = self.results + self.results // 4
            resize(<void **>&self.result, self.result_room * self.width, sizeof(float))
        return 0

    cdef void merge_unnamed(self, int64_t places, int32_t layers) noexcept nogil:
        """What layers without an output pay goes to the result of the highest layer that has one, and so does
        what is left."""
        cdef int64_t place, named
        cdef int32_t layer
        for place in range(places):
            named = -1
            for layer in range(layers, 0, -1):
                if named < 0:
                    named = self.result_of[(layer - 1) * places + place]
            for layer in range(layers):
                if self.result_of[layer * places + place] < 0:
                    self.result_of[layer * places + place] = named
            if named >= 0:
                self.output_id[place] = self.output_id[named]

    # Calculating it

    cdef int calculate(self) except -1 nogil:
        """Every block of lanes through the programme."""
        cdef Py_ssize_t block
        self.make_room()
        for block in range(self.blocks):
            # The shares of lower levels are seldom wanted; a block that needs them is calculated again, and
            # those behind it keep them from the start.
            if not self.run(block):
                self.keep_shares = True
                self.keep_room()
                self.run(block)
        return 0

    cdef int make_room(self) except -1 nogil:
        cdef int side
        cdef int32_t layer
        if self.n > self.nodes:
            self.nodes = self.n + self.n // 4
            if self.alloc_rule > 1:
                resize(<void **>&self.part, self.nodes * LANES, sizeof(float))
            for side in range(2):
                for layer in range(1, self.plan.layers + 1):
                    resize(<void **>&self.amounts[side][layer], self.nodes * self.kept, LANES * sizeof(float))
            if self.apart:
                resize(<void **>&self.layer_total, self.nodes * LANES, sizeof(float))
                resize(<void **>&self.next_place, self.nodes, sizeof(int64_t))
        self.keep_shares = self.apart
        if self.apart:
            self.keep_room()
        return 0

    cdef int keep_room(self) except -1 nogil:
        """Room for the shares of every level."""
        cdef Reached *level
        cdef int32_t l, layer
        for l in range(1, self.plan.last_level + 1):
            level = &self.level[l]
            if level.share_room < level.room:
                level.share_room = level.room
                resize(<void **>&level.share, level.room * LANES, sizeof(float))
                resize(<void **>&level.shares_of, level.room * LANES, sizeof(int32_t))
                for layer in range(2, self.plan.level[l].layers + 1):
                    if self.shares_apart(l, layer):
                        resize(<void **>&level.layer_share[layer], level.room * LANES, sizeof(float))
        return 0

    cdef bint run(self, Py_ssize_t block) noexcept nogil:
        """A block of lanes through the programme; False where shares of lower levels are wanted that were not
        kept."""
        cdef Shares shares
        cdef int32_t l, layer
        cdef int i
        memset(&shares, 0, sizeof(shares))
        for i in range(LANES):
            shares.full[i] = self.full_shares or block * LANES + i == MEAN_LANE
            shares.always[i] = self.net or self.both or self.debug or block * LANES + i < SAMPLE_LANES
            if self.alloc_rule == 3:
                shares.full[i] = shares.always[i] = True
        for l in range(1, self.plan.last_level + 1):
            self.climb(l, block, shares.total)
            if self.alloc_rule > 1:
                for i in range(LANES):
                    shares.unpaid[i] = shares.total[i] <= 0 and <double>shares.proportions[i] > 0.01
                for layer in range(2, self.plan.level[l].layers + 1):
                    if self.shares_apart(l, layer):
                        self.divide_layer(l, layer)
                if l < self.plan.last_level:
                    self.divide(l, &shares, block)
        if self.both:
            self.clear_results(block)
        if self.by_item:
            return self.settle_items(&shares, block)
        self.settle_aggregates(block)
        return True

    cdef void climb(self, int32_t l, Py_ssize_t block, float *total) noexcept nogil:
        """The nodes of a level: the sums over what is part of them, and their terms. Gives the level's loss
        in layer 1."""
        cdef Level *planned = &self.plan.level[l]
        cdef Reached *level = &self.level[l]
        cdef int32_t layers_below = self.plan.level[l - 1].layers
        cdef int32_t layer, number, agg
        cdef size_t kept = self.kept * LANES
        cdef bint carried = self.plan.carried
        cdef const Profile *profile
        cdef Amounts entering, x
        cdef float[LANES] before, sum, loss
        cdef Py_ssize_t k
        clear(sum)
        for k in range(level.n):
            agg = level.agg[k]
            for layer in range(1, planned.layer_count[agg] + 1):
                if layer == 1:
                    self.gather(&entering, l, k, 1, block)
                if 1 < layer <= layers_below:
                    self.gather(&x, l, k, layer, block)
                elif carried:
                    x = entering
                else:
                    keep(x.loss, entering.loss)
                    keep(x.retained, entering.retained)
                number = planned.profile[(layer - 1) * (<int64_t>planned.last + 1) + agg]
                profile = &self.plan.profile[number]
                if number and not profile.idle:
                    apply(&self.plan.terms[profile.start], profile.steps, self.plan.stepped, carried, &x,
                          NULL if layer == 1 else before, planned.tiv[agg] if planned.tiv != NULL else 0)
                keep(self.amounts[l & 1][layer] + k * kept, x.loss)
                if kept > LANES:
                    keep(self.amounts[l & 1][layer] + k * kept + LANES, x.retained)
                if carried:
                    memcpy(self.amounts[l & 1][layer] + k * kept + 2 * LANES, x.deductible,
                           3 * LANES * sizeof(float))
                keep(before, x.retained)
                if layer == 1:
                    keep(loss, x.loss)
                    add(sum, loss)
        keep(total, sum)

    cdef inline void gather(self, Amounts *into, int32_t l, Py_ssize_t k, int32_t layer,
                            Py_ssize_t block) noexcept nogil:
        """What comes into a node: the sums over the level below, of the same layer if there is one there,
        else of the first."""
        cdef Reached *level = &self.level[l]
        cdef Reached *below = &self.level[l - 1]
        cdef const int32_t *layers_of = self.plan.level[l - 1].layer_count
        cdef int32_t source = layer if layer <= self.plan.level[l - 1].layers else 1
        cdef Py_ssize_t kept = self.kept * LANES
        cdef const float *base = self.amounts[(l - 1) & 1][source]
        cdef const float *lanes
        cdef float[LANES] loss, retained, deductible, over_limit, under_limit, several
        cdef RightSum[FIELDS] right
        cdef int64_t c, m
        cdef int field, fields = 1 if l == 1 else self.kept
        cdef bint many = level.first_child[k + 1] - level.first_child[k] > self.few
        if many:
            memset(right, 0, sizeof(right))
        clear(loss)
        clear(retained)
        clear(deductible)
        clear(over_limit)
        clear(under_limit)
        for c in range(level.first_child[k], level.first_child[k + 1]):
            m = level.child[c]
            if l == 1:
                lanes = self.loss + below.row[below.first[m]] * self.width + block * LANES
                # several packets of one item: their sum first
                if below.first[m + 1] - below.first[m] > 1:
                    self.add_rows(several, below, m, block)
                    lanes = several
                add(loss, lanes)
                if many:
                    add_right(&right[0], lanes)
                continue
            if source > 1 and layers_of[below.agg[m]] < source:
                continue
            lanes = base + m * kept
            add(loss, lanes)
            if kept > LANES:
                add(retained, lanes + LANES)
            if kept > 2 * LANES:
                add(deductible, lanes + 2 * LANES)
                add(over_limit, lanes + 3 * LANES)
                add(under_limit, lanes + 4 * LANES)
            if many:
                for field in range(fields):
                    add_right(&right[field], lanes + field * LANES)
        if many:
            check(loss, &right[0], self.tolerance)
            if fields > 1:
                check(retained, &right[1], self.tolerance)
            if fields > 2:
                check(deductible, &right[2], self.tolerance)
                check(over_limit, &right[3], self.tolerance)
                check(under_limit, &right[4], self.tolerance)
        keep(into.loss, loss)
        keep(into.retained, retained)
        if kept > 2 * LANES:
            keep(into.deductible, deductible)
            keep(into.over_limit, over_limit)
            keep(into.under_limit, under_limit)

    cdef void add_rows(self, float *total, Reached *level, Py_ssize_t k, Py_ssize_t block) noexcept nogil:
        """The ground-up loss of a node."""
        cdef float[LANES] sum
        cdef RightSum right
        cdef const float *lanes
        cdef int64_t m
        cdef bint many = level.first[k + 1] - level.first[k] > self.few
        if many:
            memset(&right, 0, sizeof(right))
        clear(sum)
        for m in range(level.first[k], level.first[k + 1]):
            lanes = self.loss + level.row[m] * self.width + block * LANES
            add(sum, lanes)
            if many:
                add_right(&right, lanes)
        if many:
            check(sum, &right, self.tolerance)
        keep(total, sum)

    # Back-allocation

    cdef inline const float *portion(self, int32_t l, int64_t row, Py_ssize_t block) noexcept nogil:
        """What a row's share of a node is in proportion to: its part of the level below, or its ground-up
        loss."""
        if l == 1 or self.alloc_rule == 1:
            return self.loss + row * self.width + block * LANES
        return self.part + row * LANES

    cdef void divide(self, int32_t l, Shares *shares, Py_ssize_t block) noexcept nogil:
        """Divide the loss of a level below the last among its rows."""
        cdef Reached *level = &self.level[l]
        cdef const float *amounts
        cdef int32_t *shares_of
        # By rule 3, ktools works a level's shares out anew with each level above, adding up the proportions
        # of a level without loss.
        cdef float times = self.plan.last_level - l + 1 if self.alloc_rule == 3 else 1
        cdef float[LANES] total, whole_level, loss, retained, proportion, proportions
        cdef float[LANES] sum, whole, row, share, part, given
        cdef int32_t[LANES] unpaid, full
        cdef RightSum right
        cdef bint any_unpaid = False, many
        cdef Py_ssize_t k
        cdef int64_t m
        cdef int i
        clear(proportions)
        clear(retained)
        keep(total, shares.total)
        divisor(whole_level, total)
        for i in range(LANES):
            unpaid[i], full[i] = shares.unpaid[i], shares.full[i]
            any_unpaid |= unpaid[i]
        for k in range(level.n):
            amounts = self.amounts[l & 1][1] + k * self.kept * LANES
            keep(loss, amounts)
            divide_lanes(proportion, loss, whole_level)
            clear(sum)
            many = level.first[k + 1] - level.first[k] > self.few
            if many:
                memset(&right, 0, sizeof(right))
            for m in range(level.first[k], level.first[k + 1]):
                keep(row, self.portion(l, level.row[m], block))
                add(sum, row)
                if many:
                    add_right(&right, row)
            if many:
                check(sum, &right, self.tolerance)
            divisor(whole, sum)
            if any_unpaid:
                for i in range(LANES):
                    part[i] = sum[i] * times if unpaid[i] else proportion[i]
                add(proportions, part)
            else:
                add(proportions, proportion)
            for m in range(level.first[k], level.first[k + 1]):
                if level.first[k + 1] - level.first[k] > 1:
                    keep(row, self.portion(l, level.row[m], block))
                    divide_lanes(share, row, whole)
                else:                                   # a lone row is still there, and x / x is 1
                    for i in range(LANES):
                        share[i] = 1 if row[i] > 0 else 0
                for i in range(LANES):
                    part[i] = share[i] * proportion[i]
                if any_unpaid:
                    for i in range(LANES):
                        part[i] = row[i] if unpaid[i] else part[i]
                keep(self.part + <int64_t>level.row[m] * LANES, part)
                if self.keep_shares:
                    keep(level.share + m * LANES, share)
            if self.keep_shares:
                if self.kept > 1:
                    keep(retained, amounts + LANES)
                shares_of = level.shares_of + k * LANES
                for i in range(LANES):
                    given[i] = ((loss[i] > 0) | (retained[i] > 0) | full[i]) & (unpaid[i] ^ 1)
                    shares_of[i] = (l if l == 1 or unpaid[i] or sum[i] > 0
                                    else self.level[l - 1].shares_of[k * LANES + i])
                for m in range(level.first[k], level.first[k + 1]):
                    keep(share, level.share + m * LANES)
                    multiply(share, given)
                    keep(level.share + m * LANES, share)
        keep(shares.proportions, proportions)

    cdef float lent(self, int32_t l, Py_ssize_t k, int64_t place, int lane) noexcept nogil:
        """The share of the row at a place of node k of level l in the first layer: its own, or that of the
        node of the same place on a level below, which may have fewer rows."""
        cdef Reached *lender = &self.level[self.level[l].shares_of[k * LANES + lane]]
        if lender.first[k] + place >= lender.first[k + 1]:
            return 0
        return lender.share[(lender.first[k] + place) * LANES + lane]

    cdef bint shares_apart(self, int32_t l, int32_t layer) noexcept nogil:
        """Has a layer shares of its own? Where the level below has it too; with rule 2 they matter on the
        last level only."""
        return (self.alloc_rule > 1 and self.plan.level[l - 1].layers >= layer > 1
                and (self.alloc_rule == 3 or l == self.plan.last_level))

    cdef void divide_layer(self, int32_t l, int32_t layer) noexcept nogil:
        """Shares in proportion to what the layer's nodes of the level below handed on."""
        cdef Reached *level = &self.level[l]
        cdef Reached *below = &self.level[l - 1]
        cdef const int32_t *layers_below = self.plan.level[l - 1].layer_count
        cdef const float *amounts = self.amounts[(l - 1) & 1][layer]
        cdef Py_ssize_t kept = self.kept * LANES
        cdef float *total = self.layer_total
        cdef float *share
        cdef const float *loss
        cdef bint apart = self.shares_apart(l - 1, layer)
        cdef float there
        cdef RightSum right
        cdef bint many
        cdef Py_ssize_t k
        cdef int64_t m
        cdef int i
        memset(total, 0, level.n * LANES * sizeof(float))
        # Where a node's next row goes: the same order as in reach().
        memcpy(self.next_place, level.first, level.n * sizeof(int64_t))
        for k in range(level.n):
            many = level.first_child[k + 1] - level.first_child[k] > self.few
            if many:
                memset(&right, 0, sizeof(right))
            for m in range(level.first_child[k], level.first_child[k + 1]):
                if layers_below[below.agg[level.hashed[m]]] >= layer:
                    add(total + k * LANES, amounts + level.hashed[m] * kept)
                    if many:
                        add_right(&right, amounts + level.hashed[m] * kept)
            if many:
                check(total + k * LANES, &right, self.tolerance)
        for k in range(below.n):
            loss = amounts + k * kept
            for m in range(below.first[k + 1] - below.first[k]):
                share = level.layer_share[layer] + self.next_place[below.part_of[k]] * LANES
                self.next_place[below.part_of[k]] += 1
                for i in range(LANES):
                    share[i] = 0
                    if layers_below[below.agg[k]] >= layer and loss[i] > 0:
                        there = (below.layer_share[layer][(below.first[k] + m) * LANES + i] if apart
                                 else self.lent(l - 1, k, m, i))
                        share[i] = loss[i] * there / total[<int64_t>below.part_of[k] * LANES + i]

    # Results

    cdef void clear_results(self, Py_ssize_t block) noexcept nogil:
        """Nothing is paid yet, by any of the layers whose losses are added up."""
        cdef Py_ssize_t at
        for at in range(self.remains, self.results):
            clear(self.result + at * self.width + block * LANES)

    cdef void settle_aggregates(self, Py_ssize_t block) noexcept nogil:
        """Of each node of the last level, what its layers pay, what is retained, or what they pay and leave.
        """
        cdef Level *last = &self.plan.level[self.plan.last_level]
        cdef Reached *level = &self.level[self.plan.last_level]
        cdef int64_t at
        cdef const float *amounts
        cdef float *result
        cdef float[LANES] paid, loss
        cdef int32_t[LANES] beyond
        cdef Py_ssize_t k
        cdef int32_t layer
        cdef int i
        memset(beyond, 0, sizeof(beyond))
        if self.both:
            for k in range(level.n):
                self.add_rows(self.result + k * self.width + block * LANES, level, k, block)
        for layer in range(1, last.layers + 1):
            for k in range(level.n):
                if last.layer_count[level.agg[k]] < layer:
                    continue
                at = self.result_of[(layer - 1) * level.n + k]
                if at < 0 and not self.both:
                    continue
                amounts = self.amounts[self.plan.last_level & 1][layer] + k * self.kept * LANES + (LANES
                                                                                                   if self.net
                                                                                                   else 0)
                keep(paid, amounts)
                for i in range(LANES):
                    beyond[i] |= not paid[i] < INFINITY
                    paid[i] = positive(paid[i])
                if at >= 0:
                    result = self.result + at * self.width + block * LANES
                    if self.both:
                        add(result, paid)
                    else:
                        keep(result, paid)
                if self.both:
                    result = self.result + k * self.width + block * LANES
                    for i in range(LANES):
                        loss[i] = positive(result[i] - paid[i])
                    keep(result, loss)
        for i in range(LANES):
            self.beyond |= beyond[i]

    cdef bint settle_items(self, const Shares *shares, Py_ssize_t block) noexcept nogil:
        """Each item's share of what the layers of its node of the last level pay or retain; False as run().
        """
        cdef int32_t l = self.plan.last_level
        cdef Level *last = &self.plan.level[l]
        cdef Reached *level = &self.level[l]
        cdef Py_ssize_t kept = self.kept * LANES
        cdef const float *amounts
        cdef float *result
        cdef float[LANES] sum, whole, row, share, own, loss, retained, paid, given      # given: 1 or 0
        cdef int32_t[LANES] unpaid, full, worked_out, borrowed, beyond
        cdef int32_t layer, layers
        cdef Py_ssize_t k
        cdef int64_t m, at
        cdef RightSum right
        cdef int i
        cdef bint borrows, many
        clear(retained)
        memset(beyond, 0, sizeof(beyond))
        for i in range(LANES):
            unpaid[i], full[i] = shares.unpaid[i], shares.full[i]
            # ktools works shares out when a node of the first layer has a loss to share
            worked_out[i] = (shares.total[i] > 0) | shares.always[i]
        for k in range(level.n):
            layers = last.layer_count[level.agg[k]]
            clear(sum)
            many = level.first[k + 1] - level.first[k] > self.few
            if many:
                memset(&right, 0, sizeof(right))
            for m in range(level.first[k], level.first[k + 1]):
                keep(row, self.portion(l, level.row[m], block))
                add(sum, row)
                if many:
                    add_right(&right, row)
            if many:
                check(sum, &right, self.tolerance)
            divisor(whole, sum)
            borrows = False
            if self.alloc_rule > 1:
                amounts = self.amounts[l & 1][1] + k * kept
                keep(loss, amounts)
                if self.kept > 1:
                    keep(retained, amounts + LANES)
                for i in range(LANES):
                    given[i] = ((loss[i] > 0) | (retained[i] > 0) | full[i]) & (unpaid[i] ^ 1) & worked_out[i]
                    borrowed[i] = (sum[i] <= 0) & (unpaid[i] ^ 1)
                for layer in range(1, layers + 1):
                    keep(paid, self.amounts[l & 1][layer] + k * kept)
                    for i in range(LANES):
                        borrows |= borrowed[i] & (paid[i] > 0)
                if borrows and not self.keep_shares:
                    return False
                if self.keep_shares:
                    for i in range(LANES):
                        level.shares_of[k * LANES + i] = (l if not borrowed[i]
                                                          else self.level[l - 1].shares_of[k * LANES + i])
            for m in range(level.first[k], level.first[k + 1]):
                keep(row, self.portion(l, level.row[m], block))
                divide_lanes(share, row, whole)
                if self.alloc_rule > 1:
                    multiply(share, given)
                    if borrows:
                        for i in range(LANES):
                            if borrowed[i]:
                                share[i] = self.lent(l, k, m - level.first[k], i) if worked_out[i] else 0
                for layer in range(1, layers + 1):
                    at = self.result_of[(layer - 1) * self.n + m]
                    if at < 0 and not self.remaining:
                        continue
                    amounts = self.amounts[l & 1][layer] + k * kept
                    keep(own, share)
                    if self.apart and self.shares_apart(l, layer):
                        keep(own, level.layer_share[layer] + m * LANES)
                    # With one level and layer nothing has been retained yet: what is left is that of the row.
                    if self.net and not self.remaining and (l > 1 or layer > 1):
                        keep(paid, amounts + LANES)
                        for i in range(LANES):
                            loss[i] = positive(paid[i] * own[i])
                            beyond[i] |= not loss[i] < INFINITY
                        keep(self.result + at * self.width + block * LANES, loss)
                        continue
                    keep(paid, amounts)
                    multiply(own, paid)
                    for i in range(LANES):
                        beyond[i] |= not own[i] < INFINITY
                    if not self.net and at >= 0:
                        result = self.result + at * self.width + block * LANES
                        if self.both:
                            add(result, own)
                        else:
                            keep(result, own)
                    if self.remaining or self.net:
                        result = self.result + (m if self.remaining else at) * self.width + block * LANES
                        keep(row, result if layer > 1 else self.loss + level.row[m] * self.width
                             + block * LANES)
                        for i in range(LANES):
                            loss[i] = positive(row[i] - own[i])
                        keep(result, loss)
        for i in range(LANES):
            self.beyond |= beyond[i]
        return True

    # Writing it

    cdef int check(self, int32_t event_id) except -1 nogil:
        """Every result of the event is a number, before any goes out."""
        if self.beyond:
            with gil:
                self.fail_result(event_id)
        if self.debug:
            self.find_felt()
        return 0

    cdef int fail_result(self, int32_t event_id) except -1:
        self.beyond = False                             # it does not go out, unless it is of an output
        for i in range(self.results):
            for lane in range(self.sample_size + SAMPLE_LANES if self.output_id[i] else 0):
                if not self.result[<int64_t>i * self.width + <int64_t>lane] < INFINITY:
                    raise DataError(f"event {event_id}, output {self.output_id[<int64_t>i]}: a loss is "
                                    f"beyond the range of "
                                    "float32")
        return 0

    cdef int write(self, LossConsumer out, int32_t event_id, int64_t first, int64_t end) except -1 nogil:
        """Results first .. end - 1 of the event, in ascending order of output ids."""
        cdef int64_t n = 0, at = 0, following, used, samples, k
        cdef int32_t lane, s, output_id
        cdef const float *result
        cdef int32_t *sidx
        cdef float *loss
        cdef Py_ssize_t i
        cdef float value
        for i in range(first, end):
            if self.output_id[i]:
                self.order[n] = i
                n += 1
        self.sort(n)
        while at < n:
            output_id = self.output_id[self.order[at]]
            following = at + 1
            while following < n and self.output_id[self.order[following]] == output_id:
                following += 1
            if self.rows.full():
                self.rows.emit(out, event_id, False)
            self.rows.room((following - at) * (<int64_t>self.sample_size + SAMPLE_LANES))
            used, sidx, loss = self.rows.used, self.rows.sidx, self.rows.loss
            for lane in range(SAMPLE_LANES):
                for k in range(at, following):
                    sidx[used] = TIV if lane == TIV_LANE else MEAN
                    loss[used] = self.result[self.order[k] * self.width + lane]
                    used += 1
            samples = used
            if following == at + 1 and not self.debug:
                result = self.result + self.order[at] * self.width + SAMPLE_LANES - 1
                for s in range(1, self.sample_size + 1):
                    value = result[s]
                    sidx[used], loss[used] = s, value
                    used += value > 0
            else:
                for s in range(1, self.sample_size + 1):
                    for k in range(at, following):
                        value = self.result[self.order[k] * self.width + SAMPLE_LANES - 1 + s]
                        sidx[used], loss[used] = s, value
                        if value > 0 or self.debug and self.felt[s]:
                            used += 1
            self.rows.close_row(output_id, used, following == at + 1 and used - samples == self.sample_size)
            at = following
        if self.rows.n:
            self.rows.emit(out, event_id, True)
        return 0

    cdef int find_felt(self) except -1 nogil:
        """Which samples have a ground-up loss at all: ktools passes over those that do not, in debug too."""
        cdef Py_ssize_t i
        cdef int32_t s
        cdef const float *row
        resize(<void **>&self.felt, <int64_t>self.sample_size + 1, sizeof(uint8_t))
        memset(self.felt, 0, <size_t>self.sample_size + 1)
        for i in range(self.n):
            row = self.loss + i * self.width + SAMPLE_LANES - 1
            for s in range(1, self.sample_size + 1):
                self.felt[s] |= row[s] > 0
        return 0

    cdef void sort(self, int64_t n) noexcept nogil:
        """Sort order[0 .. n) by output id, keeping the order of equals: digit by digit, from the lowest."""
        cdef int64_t count[1 << DIGIT]
        cdef int64_t *source = self.order
        cdef int64_t *target = self.order + self.result_of_room
        cdef int64_t i, total, here
        cdef uint32_t digit
        cdef int32_t most = 0, shift = 0
        cdef bint ascending = True
        for i in range(n):
            if i and self.output_id[source[i]] < self.output_id[source[i - 1]]:
                ascending = False
            most = max(most, self.output_id[source[i]])
        if ascending:
            return
        while most >> shift:
            memset(count, 0, sizeof(count))
            for i in range(n):
                count[(self.output_id[source[i]] >> shift) & ((1 << DIGIT) - 1)] += 1
            total = 0
            for digit in range(1 << DIGIT):
                here, count[digit] = count[digit], total
                total += here
            for i in range(n):
                digit = (self.output_id[source[i]] >> shift) & ((1 << DIGIT) - 1)
                target[count[digit]] = source[i]
                count[digit] += 1
            source, target = target, source
            shift += DIGIT
            if shift > 30:
                break
        if source != self.order:
            memcpy(self.order, source, n * sizeof(int64_t))
