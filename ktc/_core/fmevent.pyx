"""fmcalc's event: from packets to the rows and nodes that the arithmetic works on, and from results back to
packets.

    packets -> rows -> level 0: items -> level 1 -> ... -> last level        add_row, find_nodes
    outputs of its rows or aggregates -> results -> packets                  place_results, write

Level by level the event's items lead to aggregates, of which the first one that is met is node 0. Each level
lists the rows below its nodes, and the nodes of the level below that are part of them.
"""
cimport cython
from libc.math cimport INFINITY
from libc.string cimport memset

from ktc._core.fmplan cimport Level
from ktc._core.lanes cimport LANES, positive
from ktc._core.arena cimport Memory
from ktc._core.records cimport MEAN, TIV
from ktc._core.sorting cimport free_table, hash_order, make_table, sort_by

from ktc.errors import DataError

cdef enum:
    FIRST_ROOM = 1 << 18            # losses of an event


@cython.final
cdef class Event:
    """An event of a plan. by_item: outputs are items, not aggregates of the last level. net, both: what goes
    out, as for FmCalc. remaining: the first results are what is left of each row or aggregate. debug: samples
    without loss are written too. apart: some layer has shares of its own.
    """

    def __cinit__(self, Plan plan not None, *, bint by_item, bint net, bint both, bint remaining, bint debug,
                  bint apart):
        cdef int32_t l
        self.plan = plan
        self.by_item, self.net, self.both, self.remaining = by_item, net, both, remaining
        self.debug, self.apart = debug, apart
        self.traced = by_item or both
        self.rows, self.memory = LossRows(), Memory()
        self.level = <Nodes *>self.memory.allot(plan.last_level + 1, sizeof(Nodes))
        for l in range(plan.last_level + 1):
            self.level[l].node_of = <int32_t *>self.memory.allot(<int64_t>plan.level[l].last + 1,
                                                                 sizeof(int32_t))
            self.level[l].layer_share = <float **>self.memory.allot(<int64_t>plan.level[l].layers + 1,
                                                                    sizeof(float *))

    def __dealloc__(self):
        free_table(&self.table)

    cdef void begin(self, int32_t sample_size, bint listed) noexcept nogil:
        """A stream of this many samples; listed: without TIVs of its own."""
        self.sample_size, self.listed = max(sample_size, 0), listed
        self.blocks = (<Py_ssize_t>self.sample_size + SAMPLE_LANES + LANES - 1) // LANES
        # An odd number of cache lines: rows would else fall into the same sets of the cache.
        self.width = (self.blocks | 1) * LANES

    # Collecting it

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
                                f"expected a record from {item} of level 1")
        if self.n == self.room:
            self.room = max(2 * self.room, FIRST_ROOM // self.width + 1)
            self.memory.resize(<void **>&self.item, self.room, sizeof(int32_t))
            self.memory.resize(<void **>&self.loss, self.room * self.width, sizeof(float))
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
                                f"of {block.loss[k]}, expected a number")
        return 0

    cdef int find_nodes(self) except -1 nogil:
        """Find the nodes that the event's items lead to, level by level."""
        cdef Nodes *below = NULL
        cdef Nodes *level
        cdef int32_t l, agg
        cdef int64_t k, m, to
        cdef Py_ssize_t i, n = self.n
        for l in range(self.plan.last_level + 1):
            level = &self.level[l]
            if n > level.room:
                level.room = n + n // 4
                self.memory.resize(<void **>&level.agg, level.room, sizeof(int32_t))
                self.memory.resize(<void **>&level.part_of, level.room, sizeof(int32_t))
                self.memory.resize(<void **>&level.first, level.room + 2, sizeof(int64_t))
                self.memory.resize(<void **>&level.row, level.room, sizeof(int32_t))
                self.memory.resize(<void **>&level.child, level.room, sizeof(int32_t))
                self.memory.resize(<void **>&level.first_child, level.room + 2, sizeof(int64_t))
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
                self.hash_children(level, <int32_t>below.n)
            below = level
        for l in range(self.plan.last_level + 1):
            level = &self.level[l]
            for i in range(level.n):
                level.node_of[level.agg[i]] = 0
        return 0

    cdef int hash_children(self, Nodes *level, int32_t n) except -1 nogil:
        """The children of each node, of n below, in the order in which ktools adds up what a layer hands on:
        that of a hash table into which they were put in ascending order."""
        cdef int64_t k, first
        self.memory.resize(<void **>&level.hashed, level.room, sizeof(int32_t))
        make_table(&self.table, n)
        for k in range(level.n):
            first = level.first_child[k]
            hash_order(&self.table, level.child + first, level.first_child[k + 1] - first,
                       level.hashed + first)
        return 0

    cdef int place_results(self) except -1 nogil:
        """Give each output of the event a result: a row of lanes."""
        cdef Level *last = &self.plan.level[self.plan.last_level]
        cdef Nodes *level = &self.level[self.plan.last_level]
        cdef int32_t layer, output_id, id
        cdef int64_t places = self.n if self.by_item else level.n
        cdef int64_t place, first, end, i
        cdef Py_ssize_t k
        cdef bint highest
        if places * (last.layers + 1) > self.result_of_room:
            self.result_of_room = places * (last.layers + 1) + places // 4
            self.memory.resize(<void **>&self.result_of, self.result_of_room, sizeof(int64_t))
            self.memory.resize(<void **>&self.output_id, self.result_of_room, sizeof(int32_t))
            self.memory.resize(<void **>&self.order, 2 * self.result_of_room, sizeof(int64_t))
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
            self.memory.resize(<void **>&self.result, self.result_room * self.width, sizeof(float))
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

    # Writing it

    cdef int fail_result(self, int32_t event_id) except -1:
        """Some result is not a finite number: an error if it is an output's, for others do not go out."""
        for i in range(self.results):
            for lane in range(self.sample_size + SAMPLE_LANES if self.output_id[i] else 0):
                if not self.result[<int64_t>i * self.width + <int64_t>lane] < INFINITY:
                    raise DataError(f"event {event_id}, output {self.output_id[<int64_t>i]}: a loss is "
                                    "beyond the range of float32")
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
        sort_by(self.output_id, n, self.order, self.order + self.result_of_room)
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
        self.memory.resize(<void **>&self.felt, <int64_t>self.sample_size + 1, sizeof(uint8_t))
        memset(self.felt, 0, <size_t>self.sample_size + 1)
        for i in range(self.n):
            row = self.loss + i * self.width + SAMPLE_LANES - 1
            for s in range(1, self.sample_size + 1):
                self.felt[s] |= row[s] > 0
        return 0
