"""Records of tables and streams, collected as packed rows, some tens of thousands at a time: what looks into
files takes them so.

    table   [lead] record                                   lead: the csv-only column that an index, a packet
            or a count gives
    loss    LOSS_ROW of ktc/schemas/streams.py
    cdf     CDF_ROW

lead is 32 bits wide. A reader collects until advance() has enough; take() hands over what there is. When the
input fails, what was whole until then can still be taken.
"""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memcpy

from ktc._core cimport records as rec
from ktc._core.blocks cimport CdfBlock, CdfConsumer, LossBlock, LossConsumer
from ktc._core.codec cimport CdfDecoder, LossDecoder
from ktc._core.csvrows cimport Layout
from ktc._core.io cimport Mapped, Sink, Source
from ktc._core.keys cimport Keys, add_key
from ktc._core.tables cimport TableReader


cdef bytes taken(Sink sink):
    """What a sink in memory has, which is empty then."""
    data = sink.getvalue()
    sink.pos = sink.buf
    return data


@cython.final
cdef class RecordBatches(TableReader):
    """Records of a table; records(), packets() or indexed() says where they are. Sink: in memory. with_lead:
    rows have a lead."""
    cdef bint with_lead, in_packets
    cdef Source source
    cdef Mapped data, index
    cdef dict how                       # the index is to be read
    cdef int64_t entry, entries         # of the index: the next one, all

    def __cinit__(self, Layout layout, sink=None, *, with_lead=False, counted=False):
        self.with_lead = with_lead

    cdef int write_records(self, const char *record, int64_t n) except -1 nogil:
        cdef size_t size = self.layout.size
        cdef char *p
        if not self.with_lead:
            return self.sink.write(record, n * size)
        p = self.sink.reserve(n * (size + 4))
        for _ in range(n):
            memcpy(p, &self.lead, 4)
            memcpy(p + 4, record, size)
            p += size + 4
            record += size
            self.lead += self.counted
        self.sink.pos = p
        return 0

    def records(self, Source source):
        """Every record that source has."""
        self.source = source

    def packets(self, Source source):
        """Every packet."""
        self.source, self.in_packets = source, True

    def indexed(self, Mapped data, Mapped index, *, int64_t entry_size, **how):
        """The records of every key in the index."""
        self.data, self.index, self.how = data, index, dict(how, entry_size=entry_size)
        self.entries = index.size // entry_size + (index.size % entry_size != 0)

    def skip(self, int64_t n):
        """Pass over records that lie one after the other, without a look at them; how many are still to pass
        over."""
        cdef int64_t some
        if self.source is None or self.in_packets:
            return n
        with nogil:
            while n and self.source.ready(self.layout.size) >= self.layout.size:
                some = min(n, <int64_t>((self.source.end - self.source.pos) // self.layout.size))
                self.source.pos += some * self.layout.size
                self.lead += some * self.counted
                n -= some
        return n

    def advance(self, int64_t most):
        """Collect most records (or a few more, where they belong together); False at the end."""
        cdef size_t enough = most * (self.layout.size + 4 * self.with_lead)
        if self.how is not None:
            while self.entry < self.entries and <size_t>(self.sink.pos - self.sink.buf) < enough:
                TableReader.indexed(self, self.data, self.index, begin=self.entry, end=self.entry + 1,
                                    **self.how)
                self.entry += 1
            return self.entry < self.entries
        with nogil:
            if self.in_packets:
                while self.source.ready(1) and <size_t>(self.sink.pos - self.sink.buf) < enough:
                    self.copy_packets(self.source, 1)
            else:
                self.copy(self.source, most)
        return self.source.ready(1) > 0

    def take(self):
        """The rows collected, as bytes."""
        return taken(self.sink)


cdef class EventCount:
    """Events in their order. n: how many, each once. returned: how often one came back; first_returned: the
    first that did."""
    cdef Keys seen
    cdef readonly int64_t n, returned
    cdef readonly int32_t first_returned

    def __cinit__(self):
        self.seen = Keys()

    cdef int add(self, int32_t event_id) except -1 nogil:
        if add_key(&self.seen.set, <uint64_t>event_id):
            self.n += 1
        else:
            if not self.returned:
                self.first_returned = event_id
            self.returned += 1
        return 0


@cython.final
cdef class LossBatches(LossConsumer):
    """Records of a stream of losses. packets, events: what has come so far."""
    cdef LossDecoder decoder
    cdef Sink sink
    cdef bint end_of_event
    cdef int64_t n                      # rows collected
    cdef readonly int64_t packets
    cdef readonly EventCount events

    def __cinit__(self, LossDecoder decoder not None):
        self.decoder, self.sink, self.events = decoder, Sink.memory(), EventCount()

    cdef int accept(self, const LossBlock *block) except -1 nogil:
        cdef int64_t k, n = block.start[block.n] if block.n else 0
        cdef rec.loss_row *row = <rec.loss_row *>self.sink.reserve(n * sizeof(rec.loss_row))
        cdef Py_ssize_t i
        for i in range(block.n):
            for k in range(block.start[i], block.start[i + 1]):
                row.packet, row.event_id, row.id = self.packets, block.event_id, block.id[i]
                row.exposure = block.exposure[i] if block.exposure != NULL else 0
                row.sidx, row.loss = block.sidx[k], block.loss[k]
                row += 1
            self.packets += 1
        self.sink.pos = <char *>row
        self.n += n
        self.end_of_event = block.end_of_event
        if block.end_of_event:
            self.events.add(block.event_id)
        return 0

    def advance(self, int64_t most, bint whole_events=False):
        """Collect most records or somewhat more; whole_events: up to the end of an event. False at the end.
        """
        return collect(self, most, whole_events)

    def take(self):
        """The rows collected, as bytes."""
        self.n = 0
        return taken(self.sink)


@cython.final
cdef class CdfBatches(CdfConsumer):
    """Bins of a cdf stream, in the same way."""
    cdef CdfDecoder decoder
    cdef Sink sink
    cdef bint end_of_event
    cdef int64_t n                      # rows collected
    cdef readonly int64_t packets
    cdef readonly EventCount events

    def __cinit__(self, CdfDecoder decoder not None):
        self.decoder, self.sink, self.events = decoder, Sink.memory(), EventCount()

    cdef int accept(self, const CdfBlock *block) except -1 nogil:
        cdef int64_t k, n = block.start[block.n] if block.n else 0
        cdef rec.cdf_row *row = <rec.cdf_row *>self.sink.reserve(n * sizeof(rec.cdf_row))
        cdef Py_ssize_t i
        for i in range(block.n):
            for k in range(block.start[i], block.start[i + 1]):
                row.packet, row.event_id = self.packets, block.event_id
                row.areaperil_id = block.areaperil_id[i]
                row.vulnerability_id = block.vulnerability_id[i]
                row.bin_index = <int32_t>(k - block.start[i] + 1)
                row.prob_to, row.bin_mean = block.prob_to[k], block.bin_mean[k]
                row += 1
            self.packets += 1
        self.sink.pos = <char *>row
        self.n += n
        self.end_of_event = block.end_of_event
        if block.end_of_event:
            self.events.add(block.event_id)
        return 0

    def advance(self, int64_t most, bint whole_events=False):
        """Collect most bins or somewhat more; whole_events: up to the end of an event. False at the end."""
        return collect(self, most, whole_events)

    def take(self):
        """The rows collected, as bytes."""
        self.n = 0
        return taken(self.sink)


ctypedef fused Batches:
    LossBatches
    CdfBatches


cdef bint collect(Batches batches, int64_t most, bint whole_events) except -1:
    """advance() of streams."""
    cdef bint more = True
    try:
        with nogil:
            while more and (batches.n + (0 if whole_events else batches.decoder.pending()) < most or (
                    whole_events and not batches.end_of_event)):
                more = batches.decoder.step(batches)
            if more and not whole_events:       # an event that is still coming in
                batches.decoder.flush(batches, False)
    except BaseException:
        batches.decoder.flush(batches, True)    # an event that will not be finished
        raise
    return more
