"""Streams <-> blocks: decoders turn the bytes of a Source into blocks for a consumer, encoders are consumers
that write.

Wire layouts (little-endian, packed; stated in ktc/schemas/streams.py, structs in the generated records.pxd):

    events   { event_id }...
    cdf      kind { event_id areaperil_id vulnerability_id n_bins | { prob_to bin_mean } x n_bins }...
    loss     kind sample_size { event_id id | { sidx loss }... 0 0.0 }...
    summary  kind sample_size summary_set { event_id summary_id exposure | { sidx loss }... 0 0.0 }...

A decoder checks everything that a consumer will index with. The end of the input is an end only between
packets, with one exception that ktools' gulcalc makes necessary: it leaves the terminator of the very last
packet out, so item, coverage and loss streams may also end after a record that can be a packet's last (the
mean or a sample).

Records of one sidx in a packet of a summary stream become one, with the sum of their losses, but where the
stream is shown rather than calculated with. In the other streams, where fmcalc writes an output id of several
items so, they stay: their readers add.
"""
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from ktc._core cimport records as rec
from ktc._core.compilers cimport word
from ktc._core.memory cimport allot, resize
from ktc._core.puttext cimport put_i32, put_i64
from ktc._core.records cimport CDF, MEAN, MOST_SAMPLES, SPECIAL_SAMPLES, SUMMARY

from ktc.schemas import streams as _streams

cdef int32_t MAX_BINS = 1 << 24             # a damage bin dictionary of this size is not a dictionary
EVENTS = 1 << 13                            # event ids in one block


def describe_kind(kind):
    """What the first word of a stream says it is, in words."""
    for stream in _streams.STREAMS.values():
        if stream.kind == kind:
            return f"{'an' if stream.name[0] in 'aeiou' else 'a'} {stream.name} stream"
    return f"not a stream that ktc knows (first word {kind:#010x})"


cdef class EventDecoder:
    """Event ids from a Source: 4 bytes each, no header. No ids at all is a valid input. block: ids passed on
    at once.

    done: ids passed on so far. total: ids of the whole input, where it lies in memory.
    """

    def __cinit__(self, Source source not None, block=None):
        self.source, self.block = source, block or EVENTS
        self.event_id = <int32_t *>malloc(self.block * sizeof(int32_t))
        if self.event_id == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.event_id)

    cdef bint step(self, EventConsumer to) except -1 nogil:
        cdef Py_ssize_t n
        if not self.begun:
            self.begun = True
            to.begin()
            with gil:
                self.source.refuse_csv("evetobin")
        n = min(<Py_ssize_t>(self.source.ready(sizeof(int32_t)) // sizeof(int32_t)), self.block)
        if n == 0:
            if self.source.end > self.source.pos:
                self.source.need(sizeof(int32_t), "an event id")
            to.finish()
            return False
        memcpy(self.event_id, self.source.take(n * sizeof(int32_t), "event ids"), n * sizeof(int32_t))
        to.accept(self.event_id, n)
        self.done += n
        return True

    @property
    def total(self):
        """How many ids there are in all, as far as is known now."""
        return self.done + (self.source.end - self.source.pos) // <Py_ssize_t>sizeof(int32_t)

    def run(self, EventConsumer to not None):
        """Send everything to `to`, without the GIL."""
        with nogil:
            while self.step(to):
                pass

    def advance(self, EventConsumer to not None):
        """Send the next part on, without the GIL; False when that was all."""
        cdef bint more
        with nogil:
            more = self.step(to)
        return more


cdef class EventFeed:
    """Event ids for a chain that is asked again and again: all that an event gives has come out when feed()
    returns."""
    cdef EventConsumer to

    def __cinit__(self, EventConsumer to not None):
        self.to = to
        with nogil:
            to.begin()

    def feed(self, ids):
        """Send events on, without the GIL. ids: a buffer of int32."""
        cdef Source source = Source(ids)
        cdef Py_ssize_t n = (source.end - source.pos) // <Py_ssize_t>sizeof(int32_t)
        if n:
            with nogil:
                self.to.accept(<const int32_t *>source.pos, n)
            if hasattr(self.to, "complete"):
                self.to.complete()


cdef class CdfDecoder:
    """A cdf stream. whole_events: pass an event on only when its last byte has arrived and been checked."""

    def __cinit__(self, Source source not None, int areaperil=4, bint whole_events=False):
        self.source, self.wide = source, areaperil == 8
        self.rows = CdfRows(whole_events)

    cdef bint step(self, CdfConsumer to) except -1 nogil:
        """Read one packet; False at the end of the stream."""
        cdef const char *p
        cdef const rec.cdf_record *bin
        cdef rec.cdf_packet_u4 narrow
        cdef rec.cdf_packet_u8 packet
        cdef size_t size = sizeof(rec.cdf_packet_u8) if self.wide else sizeof(rec.cdf_packet_u4)
        cdef uint32_t kind
        cdef int64_t used, k
        if not self.begun:
            memcpy(&kind, self.source.take(sizeof(kind), "the stream header"), sizeof(kind))
            if kind != CDF:
                with gil:
                    self.source.fail(0, f"this is {describe_kind(kind)}, expected a cdf stream")
            self.begun = True
            to.begin()
        if self.source.ready(size) == 0:
            if self.in_event:
                self.rows.emit(to, self.event_id, True)
            to.finish()
            return False
        p = self.source.take(size, "a cdf's header")
        if self.wide:
            memcpy(&packet, p, size)
        else:
            memcpy(&narrow, p, size)
            packet.event_id, packet.areaperil_id = narrow.event_id, narrow.areaperil_id
            packet.vulnerability_id, packet.n_bins = narrow.vulnerability_id, narrow.n_bins
        if packet.n_bins < 1 or packet.n_bins > MAX_BINS:
            with gil:
                self.source.fail(self.source.offset() - 4,
                                 f"event {packet.event_id}, areaperil {packet.areaperil_id}, "
                                 f"vulnerability {packet.vulnerability_id}: {packet.n_bins} damage bins, "
                                 f"expected 1 to {MAX_BINS}")
        if self.in_event and packet.event_id != self.event_id:
            self.rows.emit(to, self.event_id, True)
        elif self.rows.full():
            self.rows.emit(to, self.event_id, False)
        self.event_id, self.in_event = packet.event_id, True
        bin = <const rec.cdf_record *>self.source.take(packet.n_bins * sizeof(rec.cdf_record), "a cdf's bins")
        self.rows.room(packet.n_bins)
        used = self.rows.used
        for k in range(packet.n_bins):
            self.rows.prob_to[used + k] = bin[k].prob_to
            self.rows.bin_mean[used + k] = bin[k].bin_mean
        self.rows.close_row(packet.areaperil_id, packet.vulnerability_id, used + packet.n_bins)
        return True

    cdef int64_t pending(self) noexcept nogil:
        return self.rows.used

    cdef int flush(self, CdfConsumer to, bint end_of_event) except -1 nogil:
        return self.rows.emit(to, self.event_id, end_of_event) if self.rows.n else 0

    cdef void take_memory(self, CdfRows rows) noexcept nogil:
        rows.swap(self.rows)

    def run(self, CdfConsumer to not None):
        """Send everything to `to`, without the GIL."""
        with nogil:
            while self.step(to):
                pass

    def advance(self, CdfConsumer to not None):
        """Read until a block has been sent on, without the GIL; False when that was all."""
        cdef int64_t emitted = self.rows.emitted
        cdef bint more = True
        with nogil:
            while more and self.rows.emitted == emitted:
                more = self.step(to)
        return more


cdef bint take_apart(const rec.loss_record *record, int32_t n, int32_t *sidx, float *loss) noexcept nogil:
    """n records as two arrays; whether their sidx are 1 .. n."""
    cdef const word *from_ = <const word *>record
    cdef word *to = <word *>loss
    cdef word *number = <word *>sidx
    cdef word s, value, other = 0
    cdef int64_t k
    for k in range(n):
        s, value = from_[2 * k], from_[2 * k + 1]
        number[k], to[k] = s, value
        other |= s ^ <word>(k + 1)
    return not other


cdef void put_together(rec.loss_record *record, int64_t n, const int32_t *sidx,
                       const float *loss) noexcept nogil:
    """Two arrays as n records."""
    cdef word *to = <word *>record
    cdef const word *value = <const word *>loss
    cdef int64_t k
    for k in range(n):
        to[2 * k], to[2 * k + 1] = sidx[k], value[k]


cdef class LossDecoder:
    """A stream of losses. kinds: the first words that are accepted (ktc.schemas.streams); whole_events as for
    cdfs. as_written: records of one sidx in a packet of summaries stay several. like: a decoder of the same
    stream's beginning, if the source has the header no more."""

    def __cinit__(self, Source source not None, kinds=None, bint whole_events=False, bint as_written=False,
                  LossDecoder like=None):
        self.source, self.as_written = source, as_written
        self.kinds = tuple(kinds or (s.kind for s in _streams.STREAMS.values() if s.kind != CDF))
        source.converter = "summarycalctobin" if self.kinds == (SUMMARY,) else "gultobin"
        self.rows = LossRows(whole_events, with_exposure=True)
        if like is not None:
            like.read_header()
            self.header, self.rows.with_exposure = like.header, like.rows.with_exposure

    def __dealloc__(self):
        free(self.place)
        free(self.offset)

    @property
    def sample_size(self):
        """The stream's sample size, from its header (read if need be)."""
        self.read_header()
        return self.header.sample_size

    @property
    def kind(self):
        """The stream's first word (read if need be)."""
        self.read_header()
        return self.header.kind

    @property
    def summary_set(self):
        """The summary set of a summary stream, else None."""
        self.read_header()
        return self.header.summary_set if self.header.kind == SUMMARY else None

    cdef int read_header(self) except -1 nogil:
        cdef uint32_t kind
        if self.header.kind:
            return 0
        memcpy(&kind, self.source.take(4, "the stream header"), 4)
        with gil:
            self.check_kind(kind)
        memcpy(&self.header.sample_size, self.source.take(4, "the stream header"), 4)
        # -1 is what gulcalc writes when no -S is given
        if self.header.sample_size < -1 or self.header.sample_size > MOST_SAMPLES:
            with gil:
                self.source.fail(4, f"the sample size is {self.header.sample_size}, expected 0 to "
                                    f"{MOST_SAMPLES}")
        if kind == SUMMARY:
            memcpy(&self.header.summary_set, self.source.take(4, "the stream header"), 4)
        self.header.kind = kind
        self.rows.with_exposure = kind == SUMMARY
        return 0

    cdef int check_kind(self, uint32_t kind) except -1:
        if kind not in self.kinds:
            expected = " or ".join(describe_kind(k) for k in self.kinds)
            self.source.fail(0, f"this is {describe_kind(kind)}, expected {expected}")
        return 0

    cdef bint step(self, LossConsumer to) except -1 nogil:
        """Read one packet; False at the end of the stream."""
        if not self.begun:
            self.read_header()
            self.begun = True
            to.begin(&self.header)
        if self.source.ready(1) == 0:
            if self.in_event:
                self.rows.emit(to, self.event_id, True)
            to.finish()
            return False
        self.read_packet(to)
        return True

    cdef int read_packet(self, LossConsumer to) except -1 nogil:
        cdef rec.summary_packet packet
        cdef bint summary = self.header.kind == SUMMARY
        cdef size_t size = sizeof(rec.summary_packet) if summary else sizeof(rec.loss_packet)
        cdef const rec.loss_record *record
        cdef int32_t *sidx
        cdef float *loss
        cdef int32_t s, sample_size = max(self.header.sample_size, 0)
        cdef int32_t following = 1, last = 0, highest = -SPECIAL_SAMPLES - 1
        cdef int64_t n, k, used
        cdef bint ascending = True
        cdef int64_t offset = self.source.offset()
        packet.exposure = 0
        memcpy(&packet, self.source.take(size, "a packet's header"), size)
        if self.in_event and packet.event_id != self.event_id:
            self.rows.emit(to, self.event_id, True)
        elif self.rows.full():
            self.rows.emit(to, self.event_id, False)
        self.event_id, self.in_event = packet.event_id, True
        used = self.rows.used
        self.rows.room(0)
        while True:
            n = self.source.ready(sizeof(rec.loss_record)) // sizeof(rec.loss_record)
            if n == 0:
                if self.source.end > self.source.pos:
                    self.source.need(sizeof(rec.loss_record), "a record")
                if summary or last < MEAN or (last == 0):
                    self.source.need(sizeof(rec.loss_record), "a packet: no record with sidx 0 ends it")
                break
            record = <const rec.loss_record *>self.source.pos
            n = min(n, <int64_t>(1 << 15))
            self.rows.used = used                       # room() counts from here
            self.rows.room(n)
            sidx, loss = self.rows.sidx + used, self.rows.loss + used
            k = 0
            while k < n:
                s = record[k].sidx
                if s == 0:
                    break
                # Nearly all rows end with all samples: look at them at once.
                if (s == 1 and following == 1 and 1 <= sample_size < n - k
                        and record[k + sample_size].sidx == 0):
                    if take_apart(record + k, sample_size, sidx + k, loss + k):
                        ascending &= highest < 1
                        k += sample_size
                        following = sample_size + 1
                        last = sample_size
                        break
                if s < -SPECIAL_SAMPLES or s > sample_size:
                    self.source.pos += k * sizeof(rec.loss_record)
                    with gil:
                        self.source.fail(self.source.offset(),
                                         f"event {packet.event_id}, id {packet.summary_id}: sidx {s}, "
                                         f"expected -{SPECIAL_SAMPLES} to {sample_size}")
                following = next_of_dense(following, s)
                if summary:
                    ascending &= s > highest
                    highest = max(highest, s)
                sidx[k] = s
                loss[k] = record[k].loss
                last = s
                k += 1
            else:
                used += n
                self.source.pos += n * sizeof(rec.loss_record)
                continue
            used += k
            self.source.pos += (k + 1) * sizeof(rec.loss_record)
            break
        self.rows.used = self.rows.start[self.rows.n]
        if summary:
            if self.rows.row_room > self.offset_room:
                self.offset_room = self.rows.row_room
                resize(<void **>&self.offset, self.offset_room, sizeof(int64_t))
                self.rows.block.offset = self.offset
            self.offset[self.rows.n] = offset
            self.rows.exposure[self.rows.n] = packet.exposure
            k = used if ascending or self.as_written else self.add_up(used)
            if k < used:
                used, following = k, 0
        self.rows.close_row(packet.summary_id, used, following == sample_size + 1)
        return 0

    cdef int64_t add_up(self, int64_t end) except -1 nogil:
        """Records of one sidx of the packet at hand become one, where the first stands; where the packet ends
        then."""
        cdef int64_t k, first = self.rows.start[self.rows.n], kept = first
        cdef int32_t *sidx = self.rows.sidx
        cdef float *loss = self.rows.loss
        cdef int64_t *place
        if self.place == NULL:
            with gil:
                self.place = <int64_t *>allot(<int64_t>max(self.header.sample_size, 0) + SPECIAL_SAMPLES + 1,
                                              sizeof(int64_t))
        place = self.place + SPECIAL_SAMPLES                # by sidx: 1 + the record, 0 between packets
        for k in range(first, end):
            if place[sidx[k]]:
                loss[place[sidx[k]] - 1] += loss[k]
                continue
            sidx[kept], loss[kept] = sidx[k], loss[k]
            kept += 1
            place[sidx[k]] = kept
        for k in range(first, kept):
            place[sidx[k]] = 0
        return kept

    cdef int64_t pending(self) noexcept nogil:
        return self.rows.used

    cdef int flush(self, LossConsumer to, bint end_of_event) except -1 nogil:
        return self.rows.emit(to, self.event_id, end_of_event) if self.rows.n else 0

    cdef void take_memory(self, LossRows rows) noexcept nogil:
        rows.swap(self.rows)

    def run(self, LossConsumer to not None):
        """Send everything to `to`, without the GIL."""
        with nogil:
            while self.step(to):
                pass

    def advance(self, LossConsumer to not None):
        """Read until a block has been sent on, without the GIL; False when that was all."""
        cdef int64_t emitted = self.rows.emitted
        cdef bint more = True
        with nogil:
            while more and self.rows.emitted == emitted:
                more = self.step(to)
        return more


cdef class EventEncoder(EventConsumer):
    """Writes event ids."""

    def __cinit__(self, Sink sink not None):
        self.sink = sink

    cdef int accept(self, const int32_t *event_id, Py_ssize_t n) except -1 nogil:
        return self.sink.write(event_id, n * sizeof(int32_t))


cdef class CdfEncoder(CdfConsumer):
    """Writes a cdf stream."""

    def __cinit__(self, Sink sink not None, int areaperil=4):
        self.sink, self.wide = sink, areaperil == 8

    cdef int begin(self) except -1 nogil:
        cdef uint32_t kind = CDF
        return self.sink.write(&kind, sizeof(kind))

    cdef int accept(self, const CdfBlock *block) except -1 nogil:
        cdef Py_ssize_t i
        cdef int64_t k, first
        cdef int32_t n
        cdef char *p
        cdef rec.cdf_packet_u8 *wide
        cdef rec.cdf_packet_u4 *narrow
        cdef rec.cdf_record *bin
        for i in range(block.n):
            first, n = block.start[i], <int32_t>(block.start[i + 1] - block.start[i])
            p = self.sink.reserve(sizeof(rec.cdf_packet_u8) + n * sizeof(rec.cdf_record))
            if self.wide:
                wide = <rec.cdf_packet_u8 *>p
                wide.event_id, wide.areaperil_id = block.event_id, block.areaperil_id[i]
                wide.vulnerability_id, wide.n_bins = block.vulnerability_id[i], n
                bin = <rec.cdf_record *>(p + sizeof(rec.cdf_packet_u8))
            else:
                narrow = <rec.cdf_packet_u4 *>p
                narrow.event_id, narrow.areaperil_id = block.event_id, <uint32_t>block.areaperil_id[i]
                narrow.vulnerability_id, narrow.n_bins = block.vulnerability_id[i], n
                bin = <rec.cdf_record *>(p + sizeof(rec.cdf_packet_u4))
            for k in range(n):
                bin[k].prob_to = block.prob_to[first + k]
                bin[k].bin_mean = block.bin_mean[first + k]
            self.sink.pos = <char *>(bin + n)
        return 0


cdef class LossEncoder(LossConsumer):
    """Writes a stream of losses, in the form that its header names.

    index: a Sink for "summary_id,offset" lines, one for each packet. merge: the form of ktools' gulcalc,
    where rows of the same event and id that follow each other go on in one packet, and the very last packet
    lacks its terminator, unless it ends with a record after which a reader would take that for a cut.
    """

    def __cinit__(self, Sink sink not None, Sink index=None, *, bint merge=False):
        self.sink, self.index, self.indexed = sink, index, index is not None
        self.merge = merge

    cdef int begin(self, const LossHeader *header) except -1 nogil:
        self.sink.write(&header.kind, sizeof(header.kind))
        self.sink.write(&header.sample_size, sizeof(header.sample_size))
        if header.kind == SUMMARY:
            self.sink.write(&header.summary_set, sizeof(header.summary_set))
        return 0

    cdef int end_packet(self) except -1 nogil:
        cdef rec.loss_record end
        end.sidx, end.loss = 0, 0
        self.open = False
        return self.sink.write(&end, sizeof(end))

    cdef int accept(self, const LossBlock *block) except -1 nogil:
        cdef Py_ssize_t i
        cdef int64_t first, n
        cdef rec.summary_packet packet
        cdef rec.loss_record *record
        cdef char *p
        for i in range(block.n):
            first, n = block.start[i], block.start[i + 1] - block.start[i]
            if not (self.merge and self.open and self.event_id == block.event_id and self.id == block.id[i]):
                if self.open:
                    self.end_packet()
                if self.indexed:
                    p = put_i32(self.index.reserve(40), block.id[i])
                    p[0] = b","
                    p = put_i64(p + 1, self.sink.offset())
                    p[0] = b"\n"
                    self.index.pos = p + 1
                packet.event_id, packet.summary_id = block.event_id, block.id[i]
                if block.exposure == NULL:
                    self.sink.write(&packet, sizeof(rec.loss_packet))
                else:
                    packet.exposure = block.exposure[i]
                    self.sink.write(&packet, sizeof(packet))
                self.event_id, self.id, self.open = block.event_id, block.id[i], True
            record = <rec.loss_record *>self.sink.reserve(n * sizeof(rec.loss_record))
            put_together(record, n, block.sidx + first, block.loss + first)
            self.sink.pos = <char *>(record + n)
            if not self.merge:
                self.end_packet()
            elif n:
                self.sidx = block.sidx[first + n - 1]
        return 0

    cdef int finish(self) except -1 nogil:
        if self.open and self.sidx < MEAN:
            self.end_packet()
        return 0

    def complete(self):
        """Bad input: what was written ends as a stream does."""
        with nogil:
            self.finish()
