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
from libc.math cimport INFINITY
from libc.string cimport memcpy, memset

from ktc._core.fmevent cimport MEAN_LANE, SAMPLE_LANES
from ktc._core.fmplan cimport Level, Profile
from ktc._core.fmrules cimport FIELDS, apply
from ktc._core.lanes cimport (LANES, RightSum, add, add_nothing_right, add_right, all_plain, all_zero, check,
                              clear, divide_lanes, divisor, keep, multiply, positive, sum_tolerance_of)
from ktc._core.numbers cimport FEW
from ktc._core.records cimport ITEM, LOSS

from ktc.errors import DataError, UsageError


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
        self.tolerance = sum_tolerance_of(exact)
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
        # What is kept of a node, in the order of Amounts: the loss; the retained loss, where it goes out,
        # makes terms apply to a loss of 0 or gives a node shares; all, where terms read what deductibles and
        # limits below handed on.
        self.kept = (FIELDS if plan.carried else
                     2 if plan.stepped or self.alloc_rule == 2 or net and not self.remaining else 1)
        cdef int32_t l, layers = plan.layers
        cdef int side
        for l in range(2, plan.last_level + 1):
            self.apart |= self.shares_apart(l, 2)
        self.event = Event(plan, by_item=self.by_item, net=net, both=both, remaining=self.remaining,
                           debug=debug, apart=self.apart)
        self.level, self.memory = self.event.level, self.event.memory
        for side in range(2):
            self.amounts[side] = <float **>self.memory.allot(layers + 1, sizeof(float *))

    cdef int begin(self, const LossHeader *header) except -1 nogil:
        cdef LossHeader losses
        cdef bint listed = header.kind == ITEM
        if listed and not self.plan.exposed:
            with gil:
                raise DataError("an item stream has no TIVs: expected coverages.bin and items.bin beside "
                                f"{self.plan.programme}")
        self.event.begin(header.sample_size, listed)
        losses.kind, losses.sample_size, losses.summary_set = LOSS, header.sample_size, 0
        self.out.begin(&losses)
        if self.both:
            self.left.begin(&losses)
        return 0

    cdef int accept(self, const LossBlock *block) except -1 nogil:
        self.event.add_rows(block)
        if block.end_of_event:
            if self.event.n:
                self.event.find_layout()
                if self.debug:
                    self.event.find_felt()
                self.calculate()
                self.check_results(block.event_id)
                if self.both or not self.remaining:
                    self.event.write(self.event.rows, self.out, block.event_id, self.event.result,
                                     self.event.order + self.remains, self.event.outputs)
                if self.both:
                    self.event.write(self.event.rows, self.left, block.event_id, self.event.rest,
                                     self.event.order, self.event.left)
                elif self.remaining:
                    self.event.write(self.event.rows, self.out, block.event_id, self.event.rest,
                                     self.event.order, self.event.left)
                self.event.n = 0
        return 0

    cdef int finish(self) except -1 nogil:
        self.out.finish()
        if self.both:
            self.left.finish()
        return 0

    cdef int check_results(self, int32_t event_id) except -1 nogil:
        """Every result of the event is a number, before any goes out."""
        if self.beyond:
            self.beyond = False
            with gil:
                self.event.fail_result(event_id)
        return 0

    cdef int calculate(self) except -1 nogil:
        """Every block of lanes through the programme."""
        cdef Py_ssize_t block
        self.n, self.width = self.event.n, self.event.width
        self.loss, self.result, self.result_of = self.event.loss, self.event.result, self.event.result_of
        self.remains, self.results, self.rest = self.event.remains, self.event.results, self.event.rest
        self.make_room()
        for block in range(self.event.blocks):
            # The shares of lower levels are seldom wanted; a block that needs them is calculated again, and
            # those after it keep them from the start.
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
                self.memory.resize(<void **>&self.part, self.nodes * LANES, sizeof(float))
                self.memory.resize(<void **>&self.empty, self.nodes, sizeof(uint8_t))
            for side in range(2):
                for layer in range(1, self.plan.layers + 1):
                    self.memory.resize(<void **>&self.amounts[side][layer], self.nodes * self.kept,
                                       LANES * sizeof(float))
            if self.apart:
                self.memory.resize(<void **>&self.layer_total, self.nodes * LANES, sizeof(float))
                self.memory.resize(<void **>&self.next_place, self.nodes, sizeof(int64_t))
        self.keep_shares = self.apart
        if self.apart:
            self.keep_room()
        return 0

    cdef int keep_room(self) except -1 nogil:
        """Room for the shares of every level."""
        cdef Nodes *level
        cdef int32_t l, layer
        for l in range(1, self.plan.last_level + 1):
            level = &self.level[l]
            if level.share_room < level.room:
                level.share_room = level.room
                self.memory.resize(<void **>&level.share, level.room * LANES, sizeof(float))
                self.memory.resize(<void **>&level.shares_of, level.room * LANES, sizeof(int32_t))
                for layer in range(2, self.plan.level[l].layers + 1):
                    if self.shares_apart(l, layer):
                        self.memory.resize(<void **>&level.layer_share[layer], level.room * LANES,
                                           sizeof(float))
        return 0

    cdef bint run(self, Py_ssize_t block) noexcept nogil:
        """A block of lanes through the programme; False where shares of lower levels are wanted that were not
        kept."""
        cdef Shares shares
        cdef int32_t l, layer
        cdef int i
        memset(&shares, 0, sizeof(shares))
        shares.plain = not self.keep_shares
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
        cdef Nodes *level = &self.level[l]
        cdef int32_t layers_below = self.plan.level[l - 1].layers
        cdef int32_t layer, number, agg
        cdef size_t kept = self.kept * LANES
        cdef bint carried = self.plan.carried
        cdef bint loss_only = l == 1 and self.kept == 1
        cdef const Profile *profile
        cdef Amounts entering, x
        cdef float[LANES] before, sum, loss
        cdef Py_ssize_t k
        clear(sum)
        for k in range(level.n):
            agg = level.agg[k]
            if loss_only and planned.layer_count[agg] == 1 and self.plan.profile[planned.profile[agg]].zero:
                clear(self.amounts[l & 1][1] + k * kept)
                continue
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
        cdef Nodes *level = &self.level[l]
        cdef Nodes *below = &self.level[l - 1]
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

    cdef void add_rows(self, float *total, Nodes *level, Py_ssize_t k, Py_ssize_t block) noexcept nogil:
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
        cdef Nodes *level = &self.level[l]
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
        cdef int64_t m, at
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
            if shares.plain and not any_unpaid and all_zero(loss):
                for m in range(level.first[k], level.first[k + 1]):
                    self.empty[level.row[m]] = True
                continue
            divide_lanes(proportion, loss, whole_level)
            shares.plain = shares.plain and all_plain(proportion)
            clear(sum)
            many = level.first[k + 1] - level.first[k] > self.few
            if many:
                memset(&right, 0, sizeof(right))
            for m in range(level.first[k], level.first[k + 1]):
                if l > 1 and self.empty[level.row[m]]:
                    if many:
                        add_nothing_right(&right)
                    continue
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
                at = level.row[m]
                if l > 1 and self.empty[at]:
                    if shares.plain:
                        continue
                    clear(row)
                else:
                    keep(row, self.portion(l, at, block))
                self.empty[at] = False
                if level.first[k + 1] - level.first[k] > 1:
                    divide_lanes(share, row, whole)
                else:                                   # x / x is 1
                    for i in range(LANES):
                        share[i] = 1 if row[i] > 0 else 0
                for i in range(LANES):
                    part[i] = share[i] * proportion[i]
                if any_unpaid:
                    for i in range(LANES):
                        part[i] = row[i] if unpaid[i] else part[i]
                keep(self.part + at * LANES, part)
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
        cdef Nodes *lender = &self.level[self.level[l].shares_of[k * LANES + lane]]
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
        cdef Nodes *level = &self.level[l]
        cdef Nodes *below = &self.level[l - 1]
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
        # Where a node's next row goes: the same order as in find_nodes().
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
        cdef Nodes *level = &self.level[self.plan.last_level]
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
                at = self.result_of[k * last.layers + layer - 1]
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
        cdef Nodes *level = &self.level[l]
        cdef Py_ssize_t kept = self.kept * LANES
        cdef const float *amounts
        cdef float *result
        cdef float[LANES] sum, whole, row, share, own, loss, retained, paid, given      # given: 1 or 0
        cdef int32_t[LANES] unpaid, full, worked_out, borrowed, beyond
        cdef int32_t layer, layers
        cdef Py_ssize_t k
        cdef int64_t m, at, place
        cdef RightSum right
        cdef int i
        cdef bint borrows, many, plain
        cdef bint parts = l > 1 and self.alloc_rule > 1
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
                if parts and self.empty[level.row[m]]:
                    if many:
                        add_nothing_right(&right)
                    continue
                keep(row, self.portion(l, level.row[m], block))
                add(sum, row)
                if many:
                    add_right(&right, row)
            if many:
                check(sum, &right, self.tolerance)
            divisor(whole, sum)
            if self.alloc_rule == 1 and not self.net and not self.remaining:
                self.share_out(k, whole, beyond, block)
                continue
            borrows = False
            plain = parts and shares.plain
            for layer in range(1, layers + 1 if plain else 1):
                keep(paid, self.amounts[l & 1][layer] + k * kept)
                plain = plain and all_plain(paid)
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
                place = level.row[m]
                if parts and self.empty[place]:
                    if plain:                           # 0 of what is paid
                        self.settle_nothing(place, layers, last.layers, block)
                        continue
                    clear(row)
                else:
                    keep(row, self.portion(l, place, block))
                divide_lanes(share, row, whole)
                if self.alloc_rule > 1:
                    multiply(share, given)
                    if borrows:
                        for i in range(LANES):
                            if borrowed[i]:
                                share[i] = self.lent(l, k, m - level.first[k], i) if worked_out[i] else 0
                for layer in range(1, layers + 1):
                    at = self.result_of[place * last.layers + layer - 1]
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
                        result = (self.rest + place * self.width if self.remaining
                                  else self.result + at * self.width) + block * LANES
                        keep(row, result if layer > 1 else self.loss + place * self.width + block * LANES)
                        for i in range(LANES):
                            loss[i] = positive(row[i] - own[i])
                        keep(result, loss)
        for i in range(LANES):
            self.beyond |= beyond[i]
        return True

    cdef inline void share_out(self, Py_ssize_t k, const float *whole, int32_t *beyond,
                               Py_ssize_t block) noexcept nogil:
        """What layers pay for a node, by its items' ground-up losses."""
        cdef int32_t l = self.plan.last_level
        cdef Nodes *level = &self.level[l]
        cdef int32_t layer, stride = self.plan.level[l].layers
        cdef int32_t layers = self.plan.level[l].layer_count[level.agg[k]]
        cdef const int64_t *result_of = self.result_of
        cdef float **amounts = self.amounts[l & 1]
        cdef Py_ssize_t width = self.width, own_amounts = k * self.kept * LANES
        cdef const float *losses = self.loss + block * LANES
        cdef float *results = self.result + block * LANES
        cdef float[LANES] divided_by, row, share, paid
        cdef int32_t[LANES] above
        cdef int64_t m, at, place
        cdef int i
        keep(divided_by, whole)
        memset(above, 0, sizeof(above))
        for m in range(level.first[k], level.first[k + 1]):
            place = level.row[m]
            keep(row, losses + place * width)
            divide_lanes(share, row, divided_by)
            for layer in range(1, layers + 1):
                at = result_of[place * stride + layer - 1]
                if at < 0:
                    continue
                keep(paid, amounts[layer] + own_amounts)
                multiply(paid, share)
                for i in range(LANES):
                    above[i] |= not paid[i] < INFINITY
                keep(results + at * width, paid)
        for i in range(LANES):
            beyond[i] |= above[i]

    cdef inline void settle_nothing(self, int64_t place, int32_t layers, int32_t stride,
                                    Py_ssize_t block) noexcept nogil:
        """A row that has no share of what its layers pay: all of it is left."""
        cdef int64_t at
        cdef int32_t layer
        if self.remaining:
            if self.rest != self.loss:
                keep(self.rest + place * self.width + block * LANES,
                     self.loss + place * self.width + block * LANES)
            return
        for layer in range(layers):
            at = self.result_of[place * stride + layer]
            if at >= 0:
                clear(self.result + at * self.width + block * LANES)
