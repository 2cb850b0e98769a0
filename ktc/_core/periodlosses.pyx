"""Losses of summaries by period; the layout is in periodlosses.pxd.

Sums are in the order of feeding: float32 addition is not associative, and the order of the stream's packets
is ktools'. Two accumulators that were fed different parts of the events are joined by adding their sums.

What is not used: records of sidx -2 to -5. A loss that is not finite is an error.
"""
from libc.math cimport isfinite
from libc.stdint cimport INT32_MIN, INT64_MAX
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset

from ktc._core.hashing cimport add_number, clear_numbers, find_number, free_numbers, start_numbers
from ktc._core.memory cimport allot, resize
from ktc._core.records cimport MEAN, SUMMARY
from ktc._core.sorting cimport order_by
from ktc.errors import DataError, UsageError

cdef enum:
    UNKNOWN = -2147483648
    LARGE_CHUNK = 1 << 20           # bytes; smaller ones double
    FIRST_PLACES = 8
    AHEAD = 8                       # occurrences whose rows are asked for while their packet is unpacked


cdef inline uint32_t scattered(int32_t key) noexcept nogil:
    return <uint32_t>key * 2654435769u


cdef class PeriodLosses(LossConsumer):
    """Rows by summary and period. zeros: losses of 0 count. limit: bytes of rows and tables; beyond it the
    summaries with the highest ids are dropped, to be fed another time (can_drop: `high` says from which id
    on), or a MemoryError is raised."""

    def __cinit__(self, Occurrences occurrences not None, *, bint zeros=False, bint all_summaries=False,
                  int64_t limit=0,
                  bint can_drop=False, **rest):
        self.occurrences, self.zeros, self.all_summaries = occurrences, zeros, all_summaries
        self.limit, self.can_drop = limit, can_drop
        self.sample_size, self.low, self.high = UNKNOWN, INT32_MIN, INT64_MAX
        start_numbers(&self.numbers)

    def __dealloc__(self):
        cdef int64_t i
        for i in range(self.n_slots):
            self.drop_slot(&self.slot[i])
        free(self.slot)
        free_numbers(&self.numbers)
        free(self.by_summary)
        free(self.loss)

    # --- feeding

    cdef int start_cells(self) except -1 nogil:
        with gil:
            raise NotImplementedError

    cdef void clear(self, char *row) noexcept nogil:
        pass

    cdef void add(self, char *row) noexcept nogil:
        pass

    cdef void join(self, char *row, const char *other) noexcept nogil:
        pass

    cdef int begin(self, const LossHeader *header) except -1 nogil:
        if header.kind != SUMMARY:
            with gil:
                raise UsageError("losses by summary are wanted here, the stream holds others")
        if self.sample_size == UNKNOWN:
            with gil:
                self.set_sample_size(max(header.sample_size, 0))
        elif max(header.sample_size, 0) != self.sample_size:
            with gil:
                raise DataError(f"the stream has {header.sample_size} samples, those before it "
                                f"{self.sample_size}")
        return 0

    def set_sample_size(self, int32_t sample_size):
        """What the streams will say of themselves."""
        cdef int64_t i
        self.sample_size, self.width = sample_size, <int64_t>sample_size + 1
        self.loss = <float *>allot(self.width, sizeof(float))
        for i in range(self.width):
            self.loss[i] = ABSENT
        self.start_cells()

    cdef int accept(self, const LossBlock *block) except -1 nogil:
        cdef Py_ssize_t i, event = self.occurrences.find(block.event_id)
        cdef int64_t k, first, stop
        cdef int32_t sample
        cdef float value
        cdef float *loss = self.loss
        cdef Slot *slot
        if event < 0 and not self.all_summaries:
            return 0
        for i in range(block.n):
            if self.limit and self.bytes > self.limit:
                self.make_room()
            if block.id[i] < self.low or block.id[i] >= self.high:
                continue
            slot = self.find_slot(block.id[i])
            if event < 0:
                continue
            for k in range(self.occurrences.start[event],
                           min(self.occurrences.start[event + 1], self.occurrences.start[event] + AHEAD)):
                self.fetch(self.find_row(slot, self.occurrences.period[k]))
            first, stop = block.start[i], block.start[i + 1]
            if block.dense[i] and self.unpack(block.loss + stop - self.sample_size):
                stop -= self.sample_size
            for k in range(first, stop):
                if block.sidx[k] < MEAN:
                    continue
                sample, value = max(block.sidx[k], 0), block.loss[k]
                if not isfinite(value):
                    self.refuse(block, i, k)
                if value > 0 or self.zeros:
                    if present(loss[sample]):           # a second record of one sample adds up
                        self.spread(slot, event)
                    loss[sample] = value + 0.0          # -0.0 becomes 0
            self.spread(slot, event)
        return 0

    cdef bint unpack(self, const float *sample) noexcept nogil:
        """The packet's samples, which are all there; False if one is not finite."""
        cdef float *loss = self.loss + 1
        cdef int64_t k
        cdef bint wrong = False
        if self.zeros:
            for k in range(self.sample_size):
                wrong |= sample[k] - sample[k] != 0
                loss[k] = sample[k] + 0.0
        else:
            for k in range(self.sample_size):
                wrong |= sample[k] - sample[k] != 0
                loss[k] = sample[k] if sample[k] > 0 else ABSENT
        return not wrong

    cdef int spread(self, Slot *slot, Py_ssize_t event) except -1 nogil:
        """Add the packet to all periods of its event, and make ready for the next one."""
        cdef int64_t k
        for k in range(self.occurrences.start[event], self.occurrences.start[event + 1]):
            self.add(self.find_row(slot, self.occurrences.period[k]))
        for k in range(self.width):
            self.loss[k] = ABSENT
        return 0

    cdef int refuse(self, const LossBlock *block, Py_ssize_t i, int64_t k) except -1 nogil:
        with gil:
            raise DataError(f"event {block.event_id}, summary {block.id[i]}: the loss of sample "
                            f"{block.sidx[k]} is "
                            f"{block.loss[k]}, expected a finite number")

    # --- summaries

    cdef Slot *find_slot(self, int32_t summary_id) except NULL nogil:
        cdef int32_t number = find_number(&self.numbers, <uint32_t>summary_id)
        if number < 0:
            if self.n_slots >= self.slot_room:
                self.slot_room = max(2 * self.slot_room, 64)
                resize(<void **>&self.slot, self.slot_room, sizeof(Slot))
            number = add_number(&self.numbers, <uint32_t>summary_id)
            memset(&self.slot[number], 0, sizeof(Slot))
            self.slot[number].summary_id = summary_id
            self.n_slots += 1
        return &self.slot[number]

    # --- rows

    cdef char *find_row(self, Slot *slot, int32_t period) except NULL nogil:
        """The row of a period, which may be a new one."""
        cdef int64_t place
        if 2 * slot.n >= slot.places and slot.row_of == NULL:
            self.grow_table(slot)
        if slot.row_of != NULL:
            if slot.row_of[period] == NULL:
                slot.row_of[period] = self.new_row(slot)
                slot.n += 1
            return slot.row_of[period]
        place = scattered(period) & (slot.places - 1)
        while slot.table[place].row != NULL:
            if slot.table[place].period == period:
                return slot.table[place].row
            place = (place + 1) & (slot.places - 1)
        slot.table[place].row, slot.table[place].period = self.new_row(slot), period
        slot.n += 1
        return slot.table[place].row

    cdef int spread_table(self, Slot *slot) except -1 nogil:
        """A table by period in place of the one that is searched."""
        cdef int64_t i, periods = <int64_t>self.occurrences.number_of_periods + 1
        cdef char **row_of = <char **>calloc(periods, sizeof(char *))
        if row_of == NULL:
            with gil:
                raise MemoryError(f"no memory for the periods of summary {slot.summary_id}")
        for i in range(slot.places):
            if slot.table[i].row != NULL:
                row_of[slot.table[i].period] = slot.table[i].row
        free(slot.table)
        self.bytes += periods * <int64_t>sizeof(char *) - slot.places * <int64_t>sizeof(Entry)
        slot.table, slot.row_of, slot.places = NULL, row_of, periods
        return 0

    cdef int grow_table(self, Slot *slot) except -1 nogil:
        cdef int64_t i, place, before = slot.places, places = max(2 * before, <int64_t>FIRST_PLACES)
        cdef Entry *old = slot.table
        cdef Entry *table
        if 4 * slot.n >= self.occurrences.number_of_periods and slot.n:
            return self.spread_table(slot)
        table = <Entry *>calloc(places, sizeof(Entry))
        if table == NULL:
            with gil:
                raise MemoryError(f"no memory for the periods of summary {slot.summary_id}")
        for i in range(before):
            if old[i].row != NULL:
                place = scattered(old[i].period) & (places - 1)
                while table[place].row != NULL:
                    place = (place + 1) & (places - 1)
                table[place] = old[i]
        free(old)
        slot.table, slot.places = table, places
        self.bytes += (places - before) * <int64_t>sizeof(Entry)
        return 0

    cdef char *new_row(self, Slot *slot) except NULL nogil:
        cdef int64_t bytes
        cdef Chunk *chunk
        cdef char *row
        if slot.left == 0:
            bytes = sizeof(Chunk) + max(min(<int64_t>LARGE_CHUNK, slot.n * <int64_t>self.cells),
                                        <int64_t>self.cells)
            chunk = <Chunk *>malloc(bytes)
            if chunk == NULL:
                with gil:
                    raise MemoryError(f"no memory for the losses of summary {slot.summary_id} by period")
            chunk.next, chunk.bytes = slot.chunk, bytes
            slot.chunk, slot.free = chunk, <char *>(chunk + 1)
            slot.left = (bytes - sizeof(Chunk)) // <int64_t>self.cells
            self.bytes += bytes
        row = slot.free
        slot.free += self.cells
        slot.left -= 1
        self.clear(row)
        return row

    # --- bounds

    cdef int make_room(self) except -1 nogil:
        """Drop the summaries with the highest ids until the rest are within the limit, but for the lowest
        one."""
        cdef int64_t i, most, held
        cdef Slot *slot
        if not self.can_drop:
            with gil:
                raise MemoryError(f"the losses by period need more than the {self.limit} bytes allowed")
        while self.bytes > self.limit:
            held, most = 0, -1
            for i in range(self.n_slots):
                if self.slot[i].summary_id < self.high:
                    held += 1
                    if most < 0 or self.slot[i].summary_id > self.slot[most].summary_id:
                        most = i
            if held < 2:
                return 0
            slot = &self.slot[most]
            self.high = slot.summary_id
            self.drop_slot(slot)
        return 0

    cdef void drop_slot(self, Slot *slot) noexcept nogil:
        cdef Chunk *chunk = slot.chunk
        cdef Chunk *next
        while chunk != NULL:
            next = chunk.next
            self.bytes -= chunk.bytes
            free(chunk)
            chunk = next
        self.bytes -= slot.places * <int64_t>(sizeof(Entry) if slot.row_of == NULL else sizeof(char *))
        free(slot.table)
        free(slot.row_of)
        slot.table, slot.row_of, slot.chunk, slot.n, slot.places, slot.left = NULL, NULL, NULL, 0, 0, 0

    @property
    def complete(self):
        """Whether every summary that was fed is held: none had to be dropped."""
        return self.high == INT64_MAX

    def next_summaries(self):
        """Drop what is held and make ready for the summaries that were dropped before, which are to be fed
        now."""
        cdef int64_t i
        for i in range(self.n_slots):
            self.drop_slot(&self.slot[i])
        self.n_slots, self.low, self.high = 0, self.high, INT64_MAX
        clear_numbers(&self.numbers)

    # --- reading

    def settle(self):
        """Bring the summaries into the order of their ids; gives how many are held."""
        cdef int64_t i, n = 0
        cdef int64_t *spare = <int64_t *>allot(self.n_slots, sizeof(int64_t))
        cdef int32_t *id = <int32_t *>allot(self.n_slots, sizeof(int32_t))
        free(self.by_summary)
        self.by_summary = NULL
        try:
            self.by_summary = <int64_t *>allot(self.n_slots, sizeof(int64_t))
            for i in range(self.n_slots):
                id[i] = self.slot[i].summary_id
            order_by(id, self.n_slots, self.by_summary, spare)
            while n < self.n_slots and id[self.by_summary[n]] < self.high:
                n += 1
        finally:
            free(spare)
            free(id)
        return n

    cdef int sort_slot(self, Slot *slot, Entry *entries) except -1 nogil:
        """The rows of a summary in the order of their periods, into room for slot.n entries."""
        cdef int64_t i, n = 0
        cdef int64_t *order
        cdef int64_t *spare
        cdef int32_t *period
        cdef Entry *found
        if slot.row_of != NULL:
            for i in range(slot.places):
                if slot.row_of[i] != NULL:
                    entries[n].row, entries[n].period = slot.row_of[i], <int32_t>i
                    n += 1
            return 0
        with gil:
            order, spare = <int64_t *>allot(slot.n, sizeof(int64_t)), <int64_t *>allot(slot.n,
                                                                                       sizeof(int64_t))
            period, found = <int32_t *>allot(slot.n, sizeof(int32_t)), <Entry *>allot(slot.n, sizeof(Entry))
        for i in range(slot.places):
            if slot.table[i].row != NULL:
                found[n] = slot.table[i]
                period[n] = found[n].period
                n += 1
        order_by(period, n, order, spare)
        for i in range(n):
            entries[i] = found[order[i]]
        free(order)
        free(spare)
        free(period)
        free(found)
        return 0

    def merge(self, PeriodLosses other not None):
        """Add what another accumulator of the same kind holds: sums are added, row by row."""
        cdef int64_t i, k
        cdef Slot *slot
        cdef Slot *theirs
        cdef Entry *entries
        if type(other) is not type(self) or other.occurrences is not self.occurrences and (
                other.occurrences.number_of_periods != self.occurrences.number_of_periods
                or other.occurrences.n != self.occurrences.n) or other.zeros != self.zeros:
            raise UsageError("only accumulators of the same kind and occurrences can be merged")
        if other is self:
            raise UsageError("an accumulator cannot be merged with itself")
        if other.sample_size == UNKNOWN:
            return
        if self.sample_size == UNKNOWN:
            self.set_sample_size(other.sample_size)
        if other.sample_size != self.sample_size:
            raise UsageError(f"an accumulator of {other.sample_size} samples cannot be merged with one of "
                             f"{self.sample_size}")
        entries = NULL
        with nogil:
            for i in range(other.n_slots):
                theirs = &other.slot[i]
                if theirs.n == 0 and theirs.summary_id >= other.high:
                    continue                            # dropped
                slot = self.find_slot(theirs.summary_id)
                resize(<void **>&entries, max(theirs.n, <int64_t>1), sizeof(Entry))
                self.sort_slot(theirs, entries)
                for k in range(theirs.n):
                    self.join(self.find_row(slot, entries[k].period), entries[k].row)
        free(entries)
