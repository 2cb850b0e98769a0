"""Streams as csv: consumers that write one line for each bin or sample, in ktools' columns and number
formats.

    cdf          event_id,areaperil_id,vulnerability_id,bin_index,prob_to,bin_mean
    loss         event_id,<id>,sidx,loss
    summary      event_id,summary_id,sidx,loss    or with the exposure
                 event_id,exposure_value,summary_id,sidx,loss
    sample ELT   EventId,SummaryId,SampleId,Loss,ImpactedExposure         (Open Results Data)

What is the same in every line of a row is put into text once: a line is its row's head, the sample, and its
row's tail.
"""
from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.string cimport memcpy

from ktc._core.blocks cimport CdfBlock, CdfConsumer, LossBlock, LossConsumer, LossHeader
from ktc._core.io cimport Sink
from ktc._core.puttext cimport put_cents_line, put_fixed, put_i32, put_u64
from ktc._core.records cimport MAX_LOSS, SUMMARY
from ktc.errors import UsageError
from ktc.schemas import streams as _streams

cdef enum:
    FLOAT_MAX = 48              # a float with six decimals: sign, 39 digits, point, decimals
    HEAD_MAX = 24 + FLOAT_MAX   # two ids, a float, commas
    TAIL_MAX = FLOAT_MAX + 4
    SHORT_HEAD = 24             # two ids and their commas
    LINES = 128                 # lines that one reservation of the sink is for
    TAGS = 1024                 # samples whose text is kept


# "sidx,", of which 8 bytes are copied: the length is the last one.
cdef struct Tag:
    char text[7]
    char length

cdef Tag[TAGS] tag_of                   # by sidx - MAX_LOSS, the lowest one


cdef void make_tags() noexcept:
    cdef int k
    cdef char *p
    for k in range(TAGS):
        p = put_i32(tag_of[k].text, k + MAX_LOSS)
        p[0] = c','
        tag_of[k].length = <char>(p + 1 - tag_of[k].text)


make_tags()


cdef int write_header(Sink sink, str header) except -1:
    if header is not None:
        line = header.encode() + b"\n"
        sink.write(<const char *>line, len(line))
    return 0


# The text around the samples of a row.
cdef struct Around:
    char head[HEAD_MAX]             # "event_id,id,"
    char tail[TAIL_MAX]             # "\n", or ",exposure\n"
    char zero_tail[TAIL_MAX]        # the tail of a zero loss
    size_t head_length, tail_length, zero_tail_length


cdef inline char *write_short(char *p, const Around *row, const int32_t *sidx, const float *loss, int64_t n,
                              int32_t left_out) noexcept nogil:
    """Lines of two ids, a sample and a loss with two decimals, which is what most streams are written as."""
    cdef int64_t k
    cdef uint32_t place
    for k in range(n):
        if sidx[k] == left_out:
            continue
        memcpy(p, row.head, SHORT_HEAD)
        p += row.head_length
        place = <uint32_t>sidx[k] - <uint32_t>MAX_LOSS
        if place < <uint32_t>TAGS:
            memcpy(p, &tag_of[place], sizeof(Tag))
            p += tag_of[place].length
        else:
            p = put_i32(p, sidx[k])
            p[0] = c','
            p += 1
        p = put_cents_line(p, loss[k])
    return p


cdef int write_samples(Sink sink, const Around *row, const int32_t *sidx, const float *loss, int64_t n,
                       int decimals,
                       int32_t left_out) except -1 nogil:
    """One line for each record of a row, but for those whose sidx is left_out."""
    cdef int64_t k = 0, stop
    cdef bint short = decimals == 2 and row.tail_length == 1 and row.head_length <= SHORT_HEAD
    cdef char *p
    while k < n:
        stop = min(k + LINES, n)
        p = sink.reserve(LINES * (HEAD_MAX + 12 + FLOAT_MAX + TAIL_MAX))
        if short:
            sink.pos = write_short(p, row, sidx + k, loss + k, stop - k, left_out)
            k = stop
            continue
        while k < stop:
            if sidx[k] != left_out:
                # a fixed size is a few moves; the length is what counts
                memcpy(p, row.head, HEAD_MAX)
                p = put_i32(p + row.head_length, sidx[k])
                p[0] = c','
                p = put_fixed(p + 1, loss[k], decimals)
                if row.tail_length == 1:
                    p[0] = c'\n'
                    p += 1
                elif loss[k] == 0:
                    memcpy(p, row.zero_tail, TAIL_MAX)
                    p += row.zero_tail_length
                else:
                    memcpy(p, row.tail, TAIL_MAX)
                    p += row.tail_length
            k += 1
        sink.pos = p
    return 0


cdef class CdfToCsv(CdfConsumer):
    """Writes cdfs as csv, prob_to and bin_mean with six decimals. header: the first line, or None for none.
    """
    cdef Sink sink
    cdef str header

    def __cinit__(self, Sink sink not None, str header=_streams.CDF_STREAM.csv_header):
        self.sink, self.header = sink, header

    cdef int begin(self) except -1 nogil:
        with gil:
            return write_header(self.sink, self.header)

    cdef int accept(self, const CdfBlock *block) except -1 nogil:
        cdef Py_ssize_t i
        cdef int64_t k, stop
        cdef int32_t bin_index
        cdef char head[HEAD_MAX]
        cdef char *p
        cdef size_t length
        for i in range(block.n):
            p = put_i32(head, block.event_id)
            p[0] = c','
            p = put_u64(p + 1, block.areaperil_id[i])
            p[0] = c','
            p = put_i32(p + 1, block.vulnerability_id[i])
            p[0] = c','
            length = p + 1 - head
            k, bin_index = block.start[i], 0
            while k < block.start[i + 1]:
                stop = min(k + LINES, block.start[i + 1])
                p = self.sink.reserve(LINES * (HEAD_MAX + 12 + 2 * FLOAT_MAX))
                while k < stop:
                    bin_index += 1
                    memcpy(p, head, HEAD_MAX)
                    p = put_i32(p + length, bin_index)
                    p[0] = c','
                    p = put_fixed(p + 1, block.prob_to[k], 6)
                    p[0] = c','
                    p = put_fixed(p + 1, block.bin_mean[k], 6)
                    p[0] = c'\n'
                    p += 1
                    k += 1
                self.sink.pos = p
        return 0


cdef class LossToCsv(LossConsumer):
    """Writes losses of items, coverages or outputs as csv. headers: the first line by the stream's kind, or
    None for none."""
    cdef Sink sink
    cdef dict headers
    cdef int decimals
    cdef Around row

    def __cinit__(self, Sink sink not None, dict headers=None, int decimals=2):
        self.sink, self.headers, self.decimals = sink, headers, decimals
        self.row.tail[0] = c'\n'
        self.row.tail_length = 1

    cdef int begin(self, const LossHeader *header) except -1 nogil:
        with gil:
            return write_header(self.sink, self.headers and self.headers[header.kind])

    cdef int accept(self, const LossBlock *block) except -1 nogil:
        cdef Py_ssize_t i
        cdef int64_t first
        cdef char *p
        for i in range(block.n):
            p = put_i32(self.row.head, block.event_id)
            p[0] = c','
            p = put_i32(p + 1, block.id[i])
            p[0] = c','
            self.row.head_length = p + 1 - self.row.head
            first = block.start[i]
            write_samples(self.sink, &self.row, block.sidx + first, block.loss + first,
                          block.start[i + 1] - first,
                          self.decimals, 0)
        return 0


cdef class SummaryToCsv(LossConsumer):
    """Writes losses by summary as csv.

    header: the first line, or None for none. exposure: each line shows the exposed value of its summary.
    max_loss: the maximum loss (sidx -5) too. drop_unexposed: no line where the exposed value is 0. ord: the
    Sample Event Loss Table, whose impacted exposure is the exposed value, or 0 where the loss is 0 (exposure
    is then without effect); eltcalc.SampleLosses makes rows of it.
    """
    cdef Sink sink
    cdef str header
    cdef int decimals
    cdef bint exposure, drop_unexposed, ord
    cdef int32_t left_out
    cdef Around row

    def __cinit__(self, Sink sink not None, str header=None, int decimals=2, bint exposure=False,
                  bint max_loss=False,
                  bint drop_unexposed=False, bint ord=False):
        self.sink, self.header, self.decimals = sink, header, decimals
        self.exposure, self.drop_unexposed, self.ord = exposure and not ord, drop_unexposed, ord
        self.left_out = 0 if max_loss else MAX_LOSS     # 0 ends a packet and is no record's
        self.row.tail[0] = c'\n'
        self.row.tail_length = 1
        if ord:
            self.row.zero_tail_length = self.put_tail(self.row.zero_tail, 0)

    cdef size_t put_tail(self, char *tail, float impacted) noexcept nogil:
        cdef char *p
        tail[0] = c','
        p = put_fixed(tail + 1, impacted, self.decimals)
        p[0] = c'\n'
        return p + 1 - tail

    cdef int begin(self, const LossHeader *header) except -1 nogil:
        with gil:
            if header.kind != SUMMARY:
                raise UsageError("losses by summary are wanted here, the stream holds others")
            return write_header(self.sink, self.header)

    cdef int accept(self, const LossBlock *block) except -1 nogil:
        cdef Py_ssize_t i
        cdef int64_t first
        cdef char *p
        for i in range(block.n):
            if self.drop_unexposed and block.exposure[i] == 0:
                continue
            p = put_i32(self.row.head, block.event_id)
            p[0] = c','
            p += 1
            if self.exposure:
                p = put_fixed(p, block.exposure[i], self.decimals)
                p[0] = c','
                p += 1
            p = put_i32(p, block.id[i])
            p[0] = c','
            self.row.head_length = p + 1 - self.row.head
            if self.ord:
                self.row.tail_length = self.put_tail(self.row.tail, block.exposure[i])
            first = block.start[i]
            write_samples(self.sink, &self.row, block.sidx + first, block.loss + first,
                          block.start[i + 1] - first,
                          self.decimals, self.left_out)
        return 0
