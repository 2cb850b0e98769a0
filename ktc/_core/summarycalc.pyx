"""summarycalc: losses of items, coverages or outputs of the financial module, summed by summary, for up to
ten sets.

    loss, coverage or item stream -> for each set: a summary stream

    event e, summary s of a set:    exposure = sum of the exposures of the ids of s that e affects
                                    loss[sidx] = sum of the losses of those ids; sidx -5, -1 and 1 .. S

Sums are float, in the order of the stream, as in ktools. A summary that more ids of an event add to than a
float sum takes has a second row, in double, from there on; it goes out where the float one is wrong (see
numbers.pxd). An id's exposure is its record of sidx -3 (loss streams), wherever it stands in the packet, or
the coverage's TIV (coverage and item streams); it is added when the id is another one than that of the packet
before. The records of sidx -2, -3 and -4 are not passed on.

Summaries come out in ascending order, one packet each: [-5] -1 1 .. S. Those without exposure and loss are
left out, and so are records of 0 other than the mean. With `zeros` everything is written; the maximum loss
from the first event on that has one, and for the event before it when the maximum loss comes first there:
ktools writes an event when the next begins.
"""
from libc.stdint cimport INT32_MAX
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from ktc._core cimport records as rec
from ktc._core.compilers cimport lowest_bit
from ktc._core.items cimport coverages_of_items
from ktc._core.memory cimport allot, resize
from ktc._core.numbers cimport FEW, TOLERANCE, checked
from ktc._core.records cimport AFFECTED_RISKS, MAX_LOSS, MEAN, SPECIAL_SAMPLES, SUMMARY, TIV

from ktc.errors import DataError, UsageError

cdef enum:
    SETS = 10                           # 0 to 9, as summarycalc has flags
    SLAB = 1 << 16                              # floats in one allocation of rows, at least

cdef enum:
    ORIGIN = SPECIAL_SAMPLES                    # row[sidx + ORIGIN]


cdef inline float tiv_of(const int32_t *sidx, const float *loss, int64_t n) noexcept nogil:
    """The TIV among n records, 0 without one."""
    cdef int64_t k
    for k in range(n):
        if sidx[k] == TIV:
            return loss[k]
    return 0


cdef inline int32_t summary_at(const SummarySet *group, const int32_t *key, Py_ssize_t i,
                               Py_ssize_t n) noexcept nogil:
    """The summary of row i of n, 0 without one."""
    return group.summary_of[key[i]] if i < n and key[i] >= 0 else 0


cdef inline void add_losses(float *row, double *right, const LossBlock *block, Py_ssize_t i,
                            Py_ssize_t end, int32_t sample_size) noexcept nogil:
    """Add the losses of rows i .. end - 1 to a summary's, by sidx; right: its row in double, or NULL."""
    cdef const int32_t *sidx = block.sidx
    cdef const float *loss = block.loss
    cdef int64_t k = block.start[i], after, s
    cdef bint dense
    cdef float value
    while i < end:
        # Records of rows that follow each other are one loop, but for the samples of a dense row.
        dense = block.dense[i]
        i += 1
        while not dense and i < end and not block.dense[i]:
            i += 1
        after = block.start[i] - (sample_size if dense else 0)
        if right == NULL:
            while k < after:
                row[sidx[k]] += loss[k]
                k += 1
        else:
            while k < after:
                s, value = sidx[k], loss[k]
                row[s] += value
                right[s] += value
                k += 1
        if dense:
            for s in range(sample_size):
                row[s + 1] += loss[k + s]
            if right != NULL:
                for s in range(sample_size):
                    right[s + 1] += loss[k + s]
            k += sample_size


cdef class SummaryCalc(LossConsumer):
    """Sums losses into summaries.

    xref: the records of gulsummaryxref or fmsummaryxref. outputs: {set number: LossConsumer}. zeros: write
    everything. exact: double results. coverages: the TIVs (float32), for a stream by coverage. items: the
    items as well, for the deprecated item stream, whose losses are summed by the item's coverage. areaperil:
    bytes of an areaperil id in items.

    Ids without an entry in a set do not count in it. Raises DataError for entries out of range, for an id in
    two summaries of a set, for a set whose smallest summary id is not 1, and, when running, for ids that no
    set of the file could know: beyond its last id, or beyond the coverages.
    """

    def __cinit__(self, Mapped xref not None, outputs, bint zeros=False, Mapped coverages=None,
                  Mapped items=None,
                  int areaperil=4, bint exact=False, bint any_set=False):
        # A sum in double begins with one of FEW floats, which is off by half of what is allowed.
        self.few = 0 if exact else FEW
        self.tolerance = 0 if exact else TOLERANCE / 2
        self.zeros, self.coverages, self.by_coverage = zeros, coverages, coverages is not None
        self.xref_name = xref.name
        self.outputs = []
        self.rows = LossRows(False, True)
        self.first_id, self.last_id, self.id_name = 0, 0, "id"
        self._load(xref, sorted(outputs.items()), INT32_MAX if any_set else SETS - 1)
        if self.by_coverage:
            self.first_id = 1
            self.last_id = <int32_t>min(coverages.records(sizeof(float), "a record"), <int64_t>INT32_MAX)
            self.id_name, self.xref_name = "coverage", coverages.name
        if items is not None:
            self._load_items(items, areaperil)

    def _load(self, Mapped xref, outputs, int32_t most):
        cdef Py_ssize_t i, n = xref.records(sizeof(rec.gulsummaryxref), "a record")
        cdef const rec.gulsummaryxref *entry = <const rec.gulsummaryxref *>xref.data
        cdef SummarySet *group
        cdef size_t last
        self.sets = <SummarySet *>allot(len(outputs), sizeof(SummarySet))
        for number, out in outputs:
            if not 0 <= number <= most:
                raise UsageError(f"summary set {number}: expected 0 to {most}")
            group = &self.sets[self.n_sets]
            group.number, group.out = number, <PyObject *>out
            if not isinstance(out, LossConsumer):
                raise TypeError(f"summary set {number}: {type(out).__name__} takes no losses")
            self.outputs.append(out)
            self.n_sets += 1
        for i in range(n):
            if not 0 <= entry[i].summaryset_id <= most:
                xref.fail(i * sizeof(entry[i]), f"record {i + 1}: summary set {entry[i].summaryset_id}, "
                                                f"expected 0 to {most}")
            if entry[i].coverage_id < 0:
                xref.fail(i * sizeof(entry[i]),
                          f"record {i + 1}: id {entry[i].coverage_id}, expected 1 or more")
            xref.check_id(i, sizeof(entry[i]), n, max(entry[i].coverage_id, entry[i].summary_id))
            self.last_id = max(self.last_id, entry[i].coverage_id)
            group = self.find_set(entry[i].summaryset_id)
            if group != NULL:
                if entry[i].summary_id < 1:
                    xref.fail(i * sizeof(entry[i]),
                              f"record {i + 1}: summary id {entry[i].summary_id} in set "
                                                    f"{group.number}, expected 1 or more")
                group.last_summary = max(group.last_summary, entry[i].summary_id)
                group.used |= entry[i].summary_id == 1          # here: summary 1 has been seen
        last = self.last_id
        if self.by_coverage:
            last = max(last, self.coverages.size // sizeof(float))
        for i in range(self.n_sets):
            group = &self.sets[i]
            if not group.used:
                raise DataError(f"{xref.name}: summary set {group.number} "
                                + ("has no summary 1: the ids of its summaries must start from 1"
                                   if group.last_summary
                                   else "has no entries"))
            group.used = 0
            group.summary_of = <int32_t *>allot(last + 1, sizeof(int32_t))
            group.slot_of = <int32_t *>allot(<size_t>group.last_summary + 1, sizeof(int32_t))
            group.met = <uint64_t *>allot(<size_t>group.last_summary // 64 + 1, sizeof(uint64_t))
        for i in range(n):
            group = self.find_set(entry[i].summaryset_id)
            if group == NULL:
                continue
            if group.summary_of[entry[i].coverage_id] not in (0, entry[i].summary_id):
                xref.fail(i * sizeof(entry[i]),
                          f"record {i + 1}: id {entry[i].coverage_id} is in summary {entry[i].summary_id} of "
                          f"set {group.number}, but in summary {group.summary_of[entry[i].coverage_id]} in a "
                          f"record before")
            group.summary_of[entry[i].coverage_id] = entry[i].summary_id

    cdef SummarySet *find_set(self, int32_t number) noexcept:
        """The set of a number, or NULL. Entries of a set mostly follow each other."""
        cdef int at = self.latest_set
        for _ in range(self.n_sets):
            if self.sets[at].number == number:
                self.latest_set = at
                return &self.sets[at]
            at = at + 1 if at + 1 < self.n_sets else 0
        return NULL

    def _load_items(self, Mapped items, int areaperil):
        cdef int64_t n
        self.coverage_of = coverages_of_items(items, areaperil, self.last_id, &n)
        self.last_id, self.id_name, self.xref_name = <int32_t>min(n, <int64_t>INT32_MAX), "item", items.name

    def __dealloc__(self):
        cdef SummarySet *group
        cdef Py_ssize_t i, slot
        for i in range(self.n_sets):
            group = &self.sets[i]
            for slot in range(0, group.room, max(self.slab, 1)):
                free(group.row[slot])
            for slot in range(group.dealt):
                free(group.slot[slot].right)
            free(group.row)
            free(group.slot)
            free(group.met)
            free(group.slot_of)
            free(group.summary_of)
        free(self.sets)
        free(self.coverage_of)
        free(self.blank)
        free(self.key)
        free(self.exposure)

    cdef int begin(self, const LossHeader *header) except -1 nogil:
        cdef LossHeader summary
        cdef int i
        self.sample_size = max(header.sample_size, 0)
        self.stride = <Py_ssize_t>self.sample_size + ORIGIN + 1
        self.slab = max(SLAB // self.stride, <Py_ssize_t>1)
        with gil:
            self.blank = <float *>allot(self.stride, sizeof(float))
        summary.kind, summary.sample_size = SUMMARY, header.sample_size
        for i in range(self.n_sets):
            summary.summary_set = self.sets[i].number
            (<LossConsumer>self.sets[i].out).begin(&summary)
        return 0

    cdef int accept(self, const LossBlock *block) except -1 nogil:
        cdef int g
        self.look(block)
        for g in range(self.n_sets):
            self.add_rows(&self.sets[g], block)
        if block.end_of_event and self.open and not self.ended:
            self.ended = True
            # Whether a maximum loss of 0 is written may depend on how the next event begins.
            if self.by_coverage or self.max_loss_met or not self.zeros:
                self.write_event()
        return 0

    cdef int look(self, const LossBlock *block) except -1 nogil:
        """The key and the exposure of each row of the block."""
        cdef Py_ssize_t i
        cdef int64_t k, first, end
        cdef int32_t id, s
        cdef bint affected, exposed, entered = False
        cdef float exposure
        if block.n > self.key_room:
            self.key_room = 2 * block.n
            resize(<void **>&self.key, self.key_room, sizeof(int32_t))
            resize(<void **>&self.exposure, self.key_room, sizeof(float))
        for i in range(block.n):
            id, first, end = block.id[i], block.start[i], block.start[i + 1]
            if id < self.first_id or id > self.last_id:
                with gil:
                    raise DataError(f"event {block.event_id}: {self.id_name} {id} is not in "
                                    f"{self.xref_name}: expected "
                                    f"{self.first_id or 1} to {self.last_id}")
            affected = exposed = False
            exposure = 0
            if self.by_coverage:
                if self.coverage_of != NULL:
                    id = self.coverage_of[id]
                affected = exposed = end > first
                if affected:
                    exposure = (<const float *>self.coverages.data)[id - 1]
            else:
                for k in range(first, end):
                    s = block.sidx[k]
                    if s == TIV:
                        exposure = block.loss[k]
                    elif s == MAX_LOSS:
                        affected = self.max_loss_met = True
                    elif s != AFFECTED_RISKS:
                        affected = exposed = True
                        if exposure == 0:               # it may come after
                            exposure = tiv_of(block.sidx + k, block.loss + k, end - k)
                        break
            if affected and not entered:
                self.enter(block.event_id)
                entered = True
            # Only the zeros depend on whether there is a maximum loss anywhere.
            if self.zeros and not self.max_loss_met and not self.by_coverage:
                for k in range(first, end):
                    if block.sidx[k] == MAX_LOSS:
                        self.max_loss_met = True
                        break
            self.key[i] = id if affected else -1
            self.exposure[i] = exposure if exposed and id != self.last_key else 0
            if exposed:
                self.last_key = id
        return 0

    cdef int finish(self) except -1 nogil:
        cdef int i
        if self.open:
            self.write_event()
        for i in range(self.n_sets):
            (<LossConsumer>self.sets[i].out).finish()
        return 0

    cdef int enter(self, int32_t event_id) except -1 nogil:
        """There is a loss of this event."""
        if self.open and self.ended:
            self.write_event()
        if not self.open:
            self.open, self.ended, self.event_id, self.last_key = True, False, event_id, -1
        return 0

    cdef int add_rows(self, SummarySet *group, const LossBlock *block) except -1 nogil:
        """Add the rows of a block to the summaries of a set: those of one summary that follow each other
        together."""
        cdef Py_ssize_t i = 0, end
        cdef int64_t some
        cdef int32_t summary_id, following = summary_at(group, self.key, i, block.n)
        cdef float *row
        cdef double *right
        cdef Slot *held
        while i < block.n:
            summary_id = following
            if summary_id == 0:
                i += 1
                following = summary_at(group, self.key, i, block.n)
                continue
            if group.slot_of[summary_id] == 0:
                self.deal(group, summary_id)
            held = group.slot + (group.slot_of[summary_id] - 1)
            row = group.row[group.slot_of[summary_id] - 1]
            end = i
            while True:
                held.exposure += self.exposure[end]
                held.right_exposure += self.exposure[end]
                end += 1
                following = summary_at(group, self.key, end, block.n)
                if following != summary_id:
                    break
            while i < end:
                right, some = NULL, end - i
                if held.additions < self.few:
                    some = min(some, self.few - held.additions)
                else:
                    right = self.right_row(held, row) + ORIGIN
                held.additions += some
                # Special samples that are not passed on fall into columns that are not read.
                add_losses(row + ORIGIN, right, block, i, i + some, self.sample_size)
                i += some
        return 0

    cdef double *right_row(self, Slot *held, const float *row) except NULL nogil:
        """The row in double of a summary, which begins with what there is of the float one."""
        cdef Py_ssize_t k
        if held.right == NULL:
            resize(<void **>&held.right, self.stride, sizeof(double))
        if held.additions == self.few:
            for k in range(self.stride):
                held.right[k] = row[k]
        return held.right

    cdef int deal(self, SummarySet *group, int32_t summary_id) except -1 nogil:
        """Give a summary a slot."""
        cdef Py_ssize_t slot = group.used, i
        cdef float *memory
        if slot == group.room:
            if slot + self.slab > group.pointer_room:
                group.pointer_room = 2 * slot + self.slab
                resize(<void **>&group.slot, group.pointer_room, sizeof(Slot))
                resize(<void **>&group.row, group.pointer_room, sizeof(float *))
            memory = <float *>calloc(self.slab * self.stride, sizeof(float))
            if memory == NULL:
                self.no_memory()
            for i in range(self.slab):
                group.row[slot + i] = memory + i * self.stride
            group.room += self.slab
        # New memory is zeros already, and pages of it that no loss falls into are never touched.
        if slot < group.dealt:
            memset(group.row[slot], 0, self.stride * sizeof(float))
        else:
            group.dealt = slot + 1
            group.slot[slot].right = NULL
        group.slot[slot].exposure = 0
        group.slot[slot].right_exposure = group.slot[slot].additions = 0
        group.slot_of[summary_id] = <int32_t>(slot + 1)
        group.met[summary_id >> 6] |= <uint64_t>1 << (summary_id & 63)
        group.used += 1
        return 0

    cdef int no_memory(self) except -1 nogil:
        with gil:
            raise MemoryError(f"event {self.event_id}: no memory for summaries of {self.sample_size} samples "
                              f"each")

    cdef int write_event(self) except -1 nogil:
        """Write the open event to every set and forget it."""
        cdef SummarySet *group
        cdef int32_t summary_id
        cdef int64_t word
        cdef uint64_t bits
        cdef int g
        for g in range(self.n_sets):
            group = &self.sets[g]
            if self.zeros:
                for word in range(1, <int64_t>group.last_summary + 1):
                    self.write_row(group, <int32_t>word)
            for word in range((<int64_t>group.last_summary >> 6) + 1):
                bits = group.met[word]
                group.met[word] = 0
                while bits:
                    summary_id = <int32_t>(word * 64 + lowest_bit(bits))
                    bits &= bits - 1
                    if not self.zeros:
                        self.write_row(group, summary_id)
                    group.slot_of[summary_id] = 0
            group.used = 0
            if self.rows.n:
                self.rows.emit(<LossConsumer>group.out, self.event_id, True)
        self.open = False
        return 0

    cdef float check(self, SummarySet *group, Py_ssize_t slot) noexcept nogil:
        """Losses that are wrong in float become right. Gives the exposure."""
        cdef Slot *held = &group.slot[slot]
        cdef Py_ssize_t k
        if held.additions <= self.few:
            return held.exposure
        for k in range(self.stride):
            group.row[slot][k] = checked(group.row[slot][k], held.right[k], self.tolerance)
        return checked(held.exposure, held.right_exposure, self.tolerance)

    cdef bint has_loss(self, const float *row) noexcept nogil:
        cdef int32_t s
        for s in range(MEAN, self.sample_size + 1):
            if row[s] > 0:
                return True
        return row[MAX_LOSS] > 0

    cdef int write_row(self, SummarySet *group, int32_t summary_id) except -1 nogil:
        """Write one summary of the open event, if there is something to write."""
        cdef int32_t slot = group.slot_of[summary_id], s
        cdef float exposure = 0
        cdef float *row = (group.row[slot - 1] if slot else self.blank) + ORIGIN
        cdef int64_t used, samples
        cdef int32_t *sidx
        cdef float *loss
        if slot:
            exposure = self.check(group, slot - 1)
        if not (exposure > 0 or self.zeros or slot and self.has_loss(row)):
            return 0
        if self.rows.full():
            self.rows.emit(<LossConsumer>group.out, self.event_id, False)
        self.rows.room(<int64_t>self.sample_size + 2)
        used, sidx, loss = self.rows.used, self.rows.sidx, self.rows.loss
        if not self.by_coverage and (self.max_loss_met if self.zeros else row[MAX_LOSS] > 0):
            sidx[used], loss[used] = MAX_LOSS, row[MAX_LOSS]
            used += 1
        sidx[used], loss[used] = MEAN, row[MEAN]
        used += 1
        samples = used
        if self.zeros:
            for s in range(1, self.sample_size + 1):
                sidx[used + s - 1], loss[used + s - 1] = s, row[s]
            used += self.sample_size
        else:
            for s in range(1, self.sample_size + 1):
                sidx[used], loss[used] = s, row[s]
                used += row[s] > 0
        self.rows.exposure[self.rows.n] = exposure
        self.rows.close_row(summary_id, used, used - samples == self.sample_size)
        return 0
