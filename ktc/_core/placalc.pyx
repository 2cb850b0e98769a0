"""placalc: post-loss amplification. A major event raises the cost of repairs; its losses are multiplied by a
factor.

    loss or item stream -> the same stream, every loss times the factor of its event and its item's
    amplification

    amplifications.bin  flags | { item_id amplification_id } ...
    lossfactors.bin     flags | { event_id count | { amplification_id factor } x count } ...

A pair of event and amplification that has no factor has 1; of several the last counts. The records below 0
are multiplied as the samples are, the TIV (sidx -3) too.
"""
cimport cython
from libc.math cimport INFINITY, fabsf, isfinite
from libc.stdint cimport INT32_MAX
from libc.string cimport memcpy

from ktc._core cimport records as rec
from ktc._core.arena cimport Memory
from ktc._core.memory cimport outgrown
from ktc._core.records cimport COVERAGE, COVERAGE_LOSS, ITEM, LOSS
from ktc._core.sorting cimport find_sorted, order_by

from ktc.errors import DataError, TruncatedError, UsageError

from ktc._core.codec import describe_kind


# What stands before the factors of an event.
cdef packed struct Head:
    int32_t event_id, count


cdef inline bint amplify(float *to, const float *loss, int64_t n, float factor) noexcept nogil:
    """to[k] = loss[k] * factor; whether all of them are numbers."""
    cdef int64_t k
    cdef int beyond = 0
    for k in range(n):
        to[k] = loss[k] * factor
        beyond |= not fabsf(to[k]) < INFINITY
    return not beyond


@cython.final
cdef class PlaCalc(LossConsumer):
    """Multiplies losses by factors.

    items: the records of amplifications.bin. factors: lossfactors.bin. Both are None with an absolute factor.
    relative, 0 to 1: how much of what a factor takes off or puts on counts, 1 + relative * (factor - 1).
    absolute: unless 0, the factor of all losses, whatever their ids are, and relative is without effect.
    `out` takes the stream that comes in, with other losses.

    Raises UsageError for factors out of range, DataError for tables that are cut or hold values that no
    amplification has; when running without an absolute factor, for coverages and for an item that the table
    does not have; and for a loss that is not a number of float32, as it comes or as it goes out.
    """

    def __cinit__(self, Mapped items=None, Mapped factors=None, *, float relative=1, double absolute=0):
        if not 0 <= relative <= 1:
            raise UsageError(f"relative factor {relative:g}: expected 0 to 1")
        self.relative, self.absolute, self.memory = relative, absolute, Memory()
        if not 0 <= absolute or not self.absolute < INFINITY or absolute and not self.absolute:
            raise UsageError(f"absolute factor {absolute:g}: expected 0, or a number in the range of float32 "
                             f"above it")
        if (items is None or factors is None) and absolute == 0:
            raise UsageError("no factors: expected amplifications and a table of factors, or an absolute "
                             "factor")
        if absolute == 0:
            self.load_items(items)
            self.factors = factors
            self.load_factors()

    cdef int load_items(self, Mapped items) except -1:
        """The distinct amplifications of items, and which one each item has. Item 0, which no table has, has
        amplification 0."""
        cdef rec.amplifications row
        cdef int64_t i, n = items.records(sizeof(row), None, sizeof(rec.amplifications_header))
        cdef int64_t *order
        cdef int64_t *spare
        cdef Memory spares = Memory()
        if n >= INT32_MAX:
            items.fail(0, f"{n} records, expected less than {INT32_MAX}")
        self.items_name, self.last_item = items.name, n
        self.amplification = <int32_t *>self.memory.allot(n + 1, sizeof(int32_t))
        self.place = <int32_t *>self.memory.allot(n + 1, sizeof(int32_t))
        for i in range(1, n + 1):
            memcpy(&row, items.data + sizeof(rec.amplifications_header) + (i - 1) * sizeof(row), sizeof(row))
            if row.item_id != i:
                items.fail(sizeof(rec.amplifications_header) + (i - 1) * sizeof(row),
                           f"record {i}: item {row.item_id}, "
                           f"expected {i}: items run from 1 without a gap")
            self.place[i] = row.amplification_id
        order = <int64_t *>spares.allot(n + 1, sizeof(int64_t))
        spare = <int64_t *>spares.allot(n + 1, sizeof(int64_t))
        order_by(self.place, n + 1, order, spare)
        for i in range(n + 1):
            if i == 0 or self.place[order[i]] != self.amplification[self.n_amplifications - 1]:
                self.amplification[self.n_amplifications] = self.place[order[i]]
                self.n_amplifications += 1
            spare[order[i]] = self.n_amplifications - 1
        for i in range(n + 1):
            self.place[i] = <int32_t>spare[i]
        self.factor = <float *>self.memory.allot(self.n_amplifications, sizeof(float))
        return 0

    cdef int load_factors(self) except -1:
        """Check the table of factors and note where each event's packets are."""
        cdef Mapped table = self.factors
        cdef int64_t at = sizeof(rec.lossfactors_header), size = table.size, found, k, room = 0, n = 0
        cdef Head head
        cdef rec.lossfactors row
        cdef int64_t *at_of = NULL                  # by packet, as they stand
        cdef int32_t *event_of = NULL
        cdef int64_t *order
        cdef int64_t *spare
        cdef Memory spares = Memory()
        table.records(1, None, at)
        while at < size:
            if size - at < <int64_t>sizeof(head):
                table.fail(at, f"the file ends inside the head of packet {n + 1}: expected "
                           f"{sizeof(head)} bytes, found {size - at}", TruncatedError)
            memcpy(&head, table.data + at, sizeof(head))
            if head.count < 0:
                table.fail(at + sizeof(int32_t),
                           f"event {head.event_id} has {head.count} factors, expected 0 or more")
            found = (size - at - <int64_t>sizeof(head)) // <int64_t>sizeof(row)
            if found < head.count:
                table.fail(at + sizeof(head) + found * sizeof(row),
                           f"the file ends inside the factors of event "
                           f"{head.event_id}: expected {head.count}, found {found}", TruncatedError)
            if outgrown(&room, n + 1, 1024):
                spares.resize(<void **>&at_of, room, sizeof(int64_t))
                spares.resize(<void **>&event_of, room, sizeof(int32_t))
            at_of[n], event_of[n] = at, head.event_id
            n += 1
            at += sizeof(head)
            for _ in range(head.count):
                memcpy(&row, table.data + at, sizeof(row))
                if not isfinite(row.factor) or row.factor < 0:
                    table.fail(at + sizeof(int32_t),
                               f"event {head.event_id}: the factor of amplification "
                               f"{row.amplification_id} is {row.factor:g}, expected a number from 0 on")
                at += sizeof(row)
        self.n_packets = n
        self.packet_at = <int64_t *>self.memory.allot(n, sizeof(int64_t))
        self.packet_event = <int32_t *>self.memory.allot(n, sizeof(int32_t))
        order = <int64_t *>spares.allot(n, sizeof(int64_t))
        spare = <int64_t *>spares.allot(n, sizeof(int64_t))
        order_by(event_of, n, order, spare)
        for k in range(n):
            self.packet_at[k], self.packet_event[k] = at_of[order[k]], event_of[order[k]]
        return 0

    cdef void look_up(self, int32_t event_id) noexcept nogil:
        """The factors of an event."""
        cdef Py_ssize_t packet, place
        cdef int64_t k
        cdef const char *p
        cdef Head head
        cdef rec.lossfactors row
        for place in range(self.n_amplifications):
            self.factor[place] = 1
        packet = find_sorted(self.packet_event, self.n_packets, event_id)
        while 0 <= packet < self.n_packets and self.packet_event[packet] == event_id:
            p = self.factors.data + self.packet_at[packet]
            memcpy(&head, p, sizeof(head))
            p += sizeof(head)
            for k in range(head.count):
                memcpy(&row, p + k * sizeof(row), sizeof(row))
                place = find_sorted(self.amplification, self.n_amplifications, row.amplification_id)
                if place >= 0:                      # double, and float in the end: ktools' widths
                    self.factor[place] = <float>(1.0 + (<double>row.factor - 1.0) * <double>self.relative)
            packet += 1

    cdef int begin(self, const LossHeader *header) except -1 nogil:
        if header.kind != ITEM and header.kind != LOSS and (
                self.absolute == 0 or header.kind != COVERAGE and header.kind != COVERAGE_LOSS):
            with gil:
                raise DataError(f"this is {describe_kind(header.kind)}, expected losses by item")
        self.out.begin(header)
        return 0

    cdef int accept(self, const LossBlock *block) except -1 nogil:
        cdef LossBlock amplified = block[0]
        cdef int64_t first, n
        cdef Py_ssize_t i
        cdef int32_t item
        cdef float factor
        if self.absolute == 0 and not (self.looked_up and self.event_id == block.event_id):
            self.look_up(block.event_id)
            self.looked_up, self.event_id = True, block.event_id
        n = block.start[block.n]
        if n > self.room:
            self.room = max(2 * self.room, n)
            self.memory.resize(<void **>&self.loss, self.room, sizeof(float))
        for i in range(block.n):
            item, first = block.id[i], block.start[i]
            if self.absolute:
                factor = self.absolute
            elif 0 <= item <= self.last_item:
                factor = self.factor[self.place[item]]
            else:
                with gil:
                    raise DataError(f"event {block.event_id}: item {item} is not in {self.items_name}: "
                                    f"expected 1 to {self.last_item}")
            if not amplify(self.loss + first, block.loss + first, block.start[i + 1] - first, factor):
                with gil:
                    self.fail_loss(block, i, factor)
        amplified.loss = self.loss
        return self.out.accept(&amplified)

    cdef int finish(self) except -1 nogil:
        return self.out.finish()

    cdef int fail_loss(self, const LossBlock *block, Py_ssize_t i, float factor) except -1:
        for k in range(block.start[i], block.start[i + 1]):
            where = f"event {block.event_id}, item {block.id[i]}, sidx {block.sidx[k]}"
            if not isfinite(block.loss[k]):
                raise DataError(f"{where}: a loss of {block.loss[k]}, expected a number")
            if not isfinite(self.loss[k]):
                raise DataError(f"{where}: a loss of {block.loss[k]:g} times {factor:g} is beyond the range "
                                f"of float32")
        return 0


# A stream that ktools' gulcalc has written lacks the terminator of its very last packet, and ktools' placalc
# passes on what it reads: its output lacks it when its input does. These two keep that, whatever lies between
# them.

@cython.final
cdef class OpenEndDecoder(LossDecoder):
    """A LossDecoder that tells an OpenEndEncoder when the stream's last packet has no terminator."""

    cdef int read_packet(self, LossConsumer to) except -1 nogil:
        cdef int32_t sidx = -1
        LossDecoder.read_packet(self, to)
        # A terminator has just been consumed and lies before pos; without one, the buffer may be empty.
        if self.source.pos - self.source.buf >= <Py_ssize_t>sizeof(rec.loss_record):
            memcpy(&sidx, self.source.pos - sizeof(rec.loss_record), sizeof(sidx))
        self.unended = sidx != 0
        return 0

    cdef bint step(self, LossConsumer to) except -1 nogil:
        if self.unended:
            self.rows.emit(to, self.event_id, <int>OPEN_END)
            to.finish()
            return False
        return LossDecoder.step(self, to)


@cython.final
cdef class OpenEndEncoder(LossEncoder):
    """A LossEncoder that leaves the last terminator out where an OpenEndDecoder has seen none."""

    cdef int accept(self, const LossBlock *block) except -1 nogil:
        cdef LossBlock part = block[0]
        cdef Py_ssize_t last = block.n - 1
        if block.n == 0:
            return 0
        if <int>block.end_of_event != OPEN_END:
            return LossEncoder.accept(self, block)
        part.n = last
        LossEncoder.accept(self, &part)
        part.n, part.id, part.start, part.dense = 1, block.id + last, block.start + last, block.dense + last
        if block.exposure != NULL:
            part.exposure = block.exposure + last
        self.merge = True                           # the form without a terminator
        return LossEncoder.accept(self, &part)
