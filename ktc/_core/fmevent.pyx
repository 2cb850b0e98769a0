"""fmcalc's event: from packets to the rows and nodes that the arithmetic works on, and from results back to
packets.

    packets -> rows -> level 0: items -> level 1 -> ... -> last level        add_rows, find_nodes
    outputs of its rows or aggregates -> results -> packets                  place_results, write

Level by level the event's items lead to aggregates, of which the first one that is met is node 0. Each level
lists the rows below its nodes, and the nodes of the level below that are part of them. Where these follow
each other, the lists are those of the level below. An event that has the items of the one before has its
nodes and results too.
"""
cimport cython
from libc.math cimport INFINITY
from libc.string cimport memcmp, memcpy, memset

from ktc._core.fmplan cimport Level
from ktc._core.compilers cimport count_bits, four_above, pick_eight, word
from ktc._core.lanes cimport LANES, clear, positive
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
        self.set_bits = <uint8_t *>self.memory.allot(256, 8)
        for l in range(256):
            for place, i in enumerate(i for i in range(8) if l >> i & 1):
                self.set_bits[8 * l + <Py_ssize_t>place] = i
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

    cdef int add_rows(self, const LossBlock *block) except -1 nogil:
        """The packets of a block as rows of lanes."""
        cdef Py_ssize_t i
        for i in range(block.n):
            if block.start[i + 1] > block.start[i]:     # else nothing of this item
                self.add_row(block, i)
        return 0

    cdef inline int add_row(self, const LossBlock *block, Py_ssize_t i) except -1 nogil:
        cdef int32_t item = block.id[i], sample_size = self.sample_size
        cdef int64_t k, end = block.start[i + 1] - block.start[i]
        cdef const int32_t *sidx = block.sidx + block.start[i]
        cdef const float *losses = block.loss + block.start[i]
        cdef const float *samples
        cdef Level *items = self.plan.level
        cdef float *row
        cdef float loss
        cdef int others = 0                             # losses that are not finite
        if item < 1 or item > items.last or items.parent[item] == 0:
            with gil:
                raise DataError(f"event {block.event_id}: item {item} is not in {self.plan.programme}: "
                                f"expected a record from {item} of level 1")
        if self.n == self.room:
            if self.room == 0:
                self.number_lanes()
            self.room = max(2 * self.room, FIRST_ROOM // self.width + 1)
            self.memory.resize(<void **>&self.item, self.room, sizeof(int32_t))
            self.memory.resize(<void **>&self.loss, self.room * self.width, sizeof(float))
        self.item[self.n] = item
        row = self.loss + self.n * self.width
        self.n += 1
        for k in range(self.blocks):
            clear(row + k * LANES)
        if block.dense[i]:
            end -= sample_size
            samples = losses + end
            for k in range(sample_size):
                row[SAMPLE_LANES + k] = positive(samples[k])
                others |= not samples[k] < INFINITY
        for k in range(end):
            loss = positive(losses[k])
            others |= not losses[k] < INFINITY
            # Records of the same sidx add up: outputs that share an id have several in one packet.
            if sidx[k] > 0:
                row[SAMPLE_LANES - 1 + sidx[k]] += loss
            elif sidx[k] == MEAN:
                row[MEAN_LANE] += loss
            elif sidx[k] == TIV:
                row[TIV_LANE] += loss
        if others:
            with gil:
                self.fail_loss(block, i)
        if self.listed:
            row[TIV_LANE] = items.tiv[item]
        return 0

    cdef int number_lanes(self) except -1 nogil:
        cdef Py_ssize_t lane
        self.memory.resize(<void **>&self.sidx_of, self.blocks * LANES, sizeof(int32_t))
        for lane in range(self.blocks * LANES):
            self.sidx_of[lane] = <int32_t>lane - SAMPLE_LANES + 1
            if lane >= <Py_ssize_t>self.sample_size + SAMPLE_LANES:
                self.sidx_of[lane] = 0
        self.sidx_of[TIV_LANE], self.sidx_of[MEAN_LANE] = TIV, MEAN
        return 0

    cdef int fail_loss(self, const LossBlock *block, Py_ssize_t i) except -1:
        for k in range(block.start[i], block.start[i + 1]):
            if not block.loss[k] < INFINITY:
                raise DataError(f"event {block.event_id}, item {block.id[i]}, sidx {block.sidx[k]}: a loss "
                                f"of {block.loss[k]}, expected a number")
        return 0

    cdef int find_layout(self) except -1 nogil:
        """Nodes and results of the event: those of the event before, where that had the same items."""
        if self.n != self.n_before or memcmp(self.item, self.item_before, self.n * sizeof(int32_t)):
            self.n_before = 0                           # nothing is at hand if this fails
            self.find_nodes()
            self.place_results()
            memcpy(self.item_before, self.item, self.n * sizeof(int32_t))
            self.n_before = self.n
        if self.results > self.result_room // self.width:
            self.result_room = (self.results + self.results // 4) * self.width
            self.memory.resize(<void **>&self.result, self.result_room, sizeof(float))
        # Rows of a lone node are settled once all of them were looked at: what remains takes their place.
        self.rest = (self.loss if self.remaining and self.by_item and self.level[self.plan.last_level].n == 1
                     else self.result)
        return 0

    cdef int find_nodes(self) except -1 nogil:
        """Find the nodes that the event's items lead to, level by level."""
        cdef int32_t l
        cdef Py_ssize_t i
        if self.n > self.count_room:
            self.count_room = self.n + self.n // 4
            self.memory.resize(<void **>&self.count, self.count_room, sizeof(int32_t))
            self.memory.resize(<void **>&self.item_before, self.count_room, sizeof(int32_t))
            for i in range(self.count_room):
                self.count[i] = <int32_t>i
        for l in range(self.plan.last_level + 1):
            self.make_room(&self.level[l], self.n)
            if l == 0:
                self.number_items()
            else:
                self.number_level(l)
                if self.apart:
                    self.hash_children(&self.level[l], <int32_t>self.level[l - 1].n)
        return 0

    cdef int make_room(self, Nodes *level, Py_ssize_t n) except -1 nogil:
        if n > level.room:
            level.room = n + n // 4
            self.memory.resize(<void **>&level.agg, level.room, sizeof(int32_t))
            self.memory.resize(<void **>&level.part_of, level.room, sizeof(int32_t))
            self.memory.resize(<void **>&level.first, level.room + 2, sizeof(int64_t))
            self.memory.resize(<void **>&level.rows, level.room, sizeof(int32_t))
            self.memory.resize(<void **>&level.children, level.room, sizeof(int32_t))
            self.memory.resize(<void **>&level.first_child, level.room + 2, sizeof(int64_t))
        return 0

    cdef void number_items(self) noexcept nogil:
        """Level 0: a node for each item, whose rows are the packets that it has."""
        cdef Nodes *level = &self.level[0]
        cdef int32_t item
        cdef int64_t k
        cdef Py_ssize_t i
        cdef bint ascending = True
        for i in range(1, self.n):
            ascending &= self.item[i - 1] < self.item[i]
        if ascending:                                   # as most streams have them: one packet each
            level.n, level.row = self.n, self.count
            memcpy(level.agg, self.item, self.n * sizeof(int32_t))
            for i in range(self.n + 1):
                level.first[i] = i
            return
        level.n, level.row = 0, level.rows
        for i in range(self.n):
            item = self.item[i]
            if level.node_of[item] == 0:
                level.agg[level.n] = item
                level.first[level.n + 2] = 0
                level.n += 1
                level.node_of[item] = <int32_t>level.n
            level.first[level.node_of[item] + 1] += 1
        # first[k + 1] is where node k's next row goes, and at last where its rows end
        level.first[0] = level.first[1] = 0
        for k in range(2, level.n + 1):
            level.first[k] += level.first[k - 1]
        for i in range(self.n):
            k = level.node_of[self.item[i]]
            level.rows[level.first[k]] = <int32_t>i
            level.first[k] += 1
        for i in range(level.n):
            level.node_of[level.agg[i]] = 0

    cdef void number_level(self, int32_t l) noexcept nogil:
        """The nodes of a level above the items."""
        cdef Nodes *level = &self.level[l]
        cdef Nodes *below = &self.level[l - 1]
        cdef const int32_t *parent = self.plan.level[l - 1].parent
        cdef int32_t *node_of = level.node_of
        cdef int32_t agg, k, n = 0
        cdef Py_ssize_t i
        cdef bint together = True                       # what is part of a node follows each other
        for i in range(below.n):
            agg = parent[below.agg[i]]
            k = node_of[agg] - 1
            if k < 0:
                k = n
                level.agg[k], level.first_child[k] = agg, i
                n += 1
                node_of[agg] = n
            together &= k == n - 1
            below.part_of[i] = k
        level.n = n
        for i in range(level.n):
            node_of[level.agg[i]] = 0
        if not together:
            self.list_children(level, below)
            return
        level.first_child[level.n] = below.n
        level.child, level.row = self.count, below.row
        if self.traced:
            for i in range(level.n + 1):
                level.first[i] = below.first[level.first_child[i]]

    cdef void list_children(self, Nodes *level, Nodes *below) noexcept nogil:
        """The nodes below that are part of each node, and the rows below it."""
        cdef int64_t k, m, to
        cdef Py_ssize_t i
        memset(level.first_child, 0, (level.n + 2) * sizeof(int64_t))
        memset(level.first, 0, (level.n + 2) * sizeof(int64_t))
        level.child, level.row = level.children, level.rows
        for i in range(below.n):
            k = below.part_of[i]
            level.first_child[k + 2] += 1
            if self.traced:
                level.first[k + 2] += below.first[i + 1] - below.first[i]
        # first_child[k + 1] is where node k's next child goes, and at last where its children end; first the
        # same of rows
        for k in range(2, level.n + 1):
            level.first[k] += level.first[k - 1]
            level.first_child[k] += level.first_child[k - 1]
        for i in range(below.n):
            k = below.part_of[i] + 1
            level.children[level.first_child[k]] = <int32_t>i
            level.first_child[k] += 1
            if self.traced:
                to = level.first[k]
                for m in range(below.first[i], below.first[i + 1]):
                    level.rows[to] = below.row[m]
                    to += 1
                level.first[k] = to

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
        cdef int32_t layer, layers = last.layers, lowest = self.plan.layers if self.net else 1
        cdef int32_t output_id, id, count
        cdef int64_t places = self.n if self.by_item else level.n
        cdef int64_t place, m, first, end, i
        cdef Py_ssize_t k
        if places * (layers + 1) > self.result_of_room:
            self.result_of_room = places * (layers + 1) + places // 4
            self.memory.resize(<void **>&self.result_of, self.result_of_room, sizeof(int64_t))
            self.memory.resize(<void **>&self.output_id, self.result_of_room, sizeof(int32_t))
            self.memory.resize(<void **>&self.order, 2 * self.result_of_room, sizeof(int64_t))
        self.remains = self.results = places if self.remaining else 0
        memset(self.output_id, 0, self.remains * sizeof(int32_t))
        # first the output ids; net losses go out with the highest layer, of any level
        for k in range(level.n):
            count = last.layer_count[level.agg[k]]
            first = level.first[k] if self.by_item else k
            end = level.first[k + 1] if self.by_item else k + 1
            for m in range(first, end):
                place = level.row[m] if self.by_item else m
                id = self.item[place] if self.by_item else level.agg[k]
                for layer in range(1, layers + 1):
                    output_id = self.plan.output_id(id, layer) if lowest <= layer <= count else 0
                    self.result_of[place * layers + layer - 1] = output_id
                    if self.remaining and not self.both and output_id:
                        self.output_id[place] = output_id
        for i in range(places * layers):
            output_id = <int32_t>self.result_of[i]
            self.result_of[i] = -1
            if output_id and (self.both or not self.remaining):
                self.result_of[i] = self.results
                self.output_id[self.results] = output_id
                self.results += 1
        self.outputs = self.list_ascending(self.remains, self.results, self.order + self.remains)
        if self.both:
            self.merge_unnamed(places, layers)
        self.left = self.list_ascending(0, self.remains, self.order)
        return 0

    cdef int64_t list_ascending(self, int64_t first, int64_t end, int64_t *order) noexcept nogil:
        """Results first .. end - 1 that go out, in ascending order of output ids: how many."""
        cdef Nodes *level = &self.level[self.plan.last_level]
        cdef int32_t layer, layers = self.plan.level[self.plan.last_level].layers, before = 0
        cdef int64_t n = 0, places = self.n if self.by_item else level.n
        cdef int64_t i, m
        cdef bint ascending = True
        for i in range(first, end):
            if self.output_id[i]:
                ascending &= self.output_id[i] > before
                before = self.output_id[i]
                order[n] = i
                n += 1
        if ascending:
            return n
        # Results of the same output id stay in the order of layers, and in a layer of nodes.
        n = 0
        for layer in range(1 if first < self.remains else layers):
            for m in range(places):
                i = level.row[m] if self.by_item else m
                if first >= self.remains:
                    i = self.result_of[i * layers + layer]
                if i >= 0 and self.output_id[i]:
                    order[n] = i
                    n += 1
        sort_by(self.output_id, n, order, self.order + self.result_of_room)
        return n

    cdef void merge_unnamed(self, int64_t places, int32_t layers) noexcept nogil:
        """What layers without an output pay goes to the result of the highest layer that has one, and so does
        what is left."""
        cdef int64_t place, named
        cdef int32_t layer
        for place in range(places):
            named = -1
            for layer in range(layers, 0, -1):
                if named < 0:
                    named = self.result_of[place * layers + layer - 1]
            for layer in range(layers):
                if self.result_of[place * layers + layer] < 0:
                    self.result_of[place * layers + layer] = named
            if named >= 0:
                self.output_id[place] = self.output_id[named]

    # Writing it

    cdef int fail_result(self, int32_t event_id) except -1:
        """Some result is not a finite number: an error if it is an output's, for others do not go out."""
        cdef const float *result
        for i in range(self.results):
            result = (self.rest if i < self.remains else self.result) + <int64_t>i * self.width
            for lane in range(self.sample_size + SAMPLE_LANES if self.output_id[i] else 0):
                if not result[<int64_t>lane] < INFINITY:
                    raise DataError(f"event {event_id}, output {self.output_id[<int64_t>i]}: a loss is "
                                    "beyond the range of float32")
        return 0

    cdef int write(self, LossRows rows, LossConsumer out, int32_t event_id, const float *results,
                   const int64_t *order, int64_t n) except -1 nogil:
        """n results of the event, in this order, which has those of the same output id together."""
        cdef const int32_t *output_ids = self.output_id
        cdef int32_t output_id, sample_size = self.sample_size
        cdef int64_t at = 0, following, most, used
        while at < n:
            output_id = output_ids[order[at]]
            following = at + 1
            while following < n and output_ids[order[following]] == output_id:
                following += 1
            if rows.full():
                rows.emit(out, event_id, False)
            most = (following - at) * (<int64_t>sample_size + SAMPLE_LANES)
            rows.room(most + LANES)                     # whole blocks of lanes are copied
            if following == at + 1 and not self.debug:
                used = self.put_result(rows.sidx + rows.used, rows.loss + rows.used,
                                       results + order[at] * self.width)
            else:
                used = self.put_results(rows.sidx + rows.used, rows.loss + rows.used, results, order + at,
                                        following - at)
            rows.close_row(output_id, rows.used + used, following == at + 1 and used == most)
            at = following
        if rows.n:
            rows.emit(out, event_id, True)
        return 0

    cdef inline int64_t put_result(self, int32_t *sidx, float *loss, const float *result) noexcept nogil:
        """The records of a result: how many."""
        cdef int32_t bits, always = (1 << SAMPLE_LANES) - 1     # TIV and mean go out with any loss
        cdef int32_t left = self.sample_size + SAMPLE_LANES
        cdef int64_t used = 0
        cdef Py_ssize_t lane
        for lane in range(0, self.blocks * LANES, 8):
            bits = (four_above(result + lane) | four_above(result + lane + 4) << 4) & 0xff
            if left < 8:
                bits &= (1 << max(left, 0)) - 1
            bits |= always
            pick_eight(<word *>(sidx + used), <const word *>(self.sidx_of + lane), self.set_bits + 8 * bits)
            pick_eight(<word *>(loss + used), <const word *>(result + lane), self.set_bits + 8 * bits)
            used += count_bits(bits)
            left -= 8
            always = 0
        return used

    cdef int64_t put_results(self, int32_t *sidx, float *loss, const float *results, const int64_t *order,
                             int64_t n) noexcept nogil:
        """The records of n results that share an output id: how many."""
        cdef int64_t k, used = 0
        cdef int32_t lane, s
        cdef float value
        for lane in range(self.sample_size + SAMPLE_LANES):
            s = self.sidx_of[lane]
            for k in range(n):
                value = results[order[k] * self.width + lane]
                sidx[used], loss[used] = s, value
                if s < 0 or value > 0 or self.debug and self.felt[s]:
                    used += 1
        return used

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
