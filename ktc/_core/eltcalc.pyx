"""eltcalc: the event loss table, two lines for each summary of an event.

    summary_id,type,event_id,mean,standard_deviation,exposure_value

Type 1 is the analytical mean (sidx -1; 0 where the stream has none), type 2 the mean and standard deviation over the
samples, a missing sample counting as a loss of 0. Summaries without exposure have no lines; a stream without samples
has no type 2. All arithmetic is float, in the order of the records, as in ktools:

    mean = sum / S        sd = sqrt((sum of squares - sum * sum / S) / (S - 1)), 0 where that is rounding noise

Sums beyond the largest float are worked out again in double.
"""
from libc.math cimport isfinite, sqrt
from libc.stdint cimport int32_t, int64_t, uint32_t

from ktc._core.blocks cimport LossBlock, LossConsumer, LossHeader
from ktc._core.io cimport Sink
from ktc._core.text cimport put_fixed, put_i32
from ktc.errors import UsageError
from ktc.schemas import REPORTS
from ktc.schemas import streams as _streams

cdef extern from "<math.h>" nogil:
    float sqrtf(float value)

cdef enum:
    FLOAT_MAX = 48                      # a float with six decimals
    LINES_MAX = 2 * (3 * 12 + 3 * FLOAT_MAX + 6)

cdef int32_t MEAN = _streams.MEAN
cdef uint32_t SUMMARY = _streams.SUMMARY
# A variance below this part of the sum of squares is the noise of float sums.
cdef double NOISE = 0.0000001


cdef struct Moments:
    float mean
    float sd


cdef Moments float_moments(float total, float squares, int32_t sample_size) noexcept nogil:
    """The moments from float sums, in the reference's order and widths."""
    cdef Moments moments
    cdef float variance, size
    moments.mean = moments.sd = 0
    if sample_size >= 1:
        size = <float>sample_size
        moments.mean = total / size
        if sample_size > 1:
            variance = (squares - ((total * total) / size)) / <float>(sample_size - 1)
            if variance / squares < NOISE:
                variance = 0
            moments.sd = sqrtf(variance)
    return moments


cdef int widen(Moments *moments, const int32_t *sidx, const float *loss, int64_t n, int32_t sample_size) noexcept nogil:
    """Work out in double what float sums could not hold."""
    cdef double total = 0, squares = 0, variance = 0
    cdef int64_t k
    for k in range(n):
        if sidx[k] > 0:
            total += loss[k]
            squares += <double>loss[k] * loss[k]
    if sample_size > 1:
        variance = (squares - total * total / sample_size) / (sample_size - 1)
        if variance / squares < NOISE:
            variance = 0
    if not isfinite(moments.mean):
        moments.mean = <float>(total / sample_size)
    moments.sd = <float>sqrt(variance)
    return 0


cdef class EltCalc(LossConsumer):
    """Writes the event loss table of a summary stream. header: the first line, or None for none."""
    cdef Sink sink
    cdef str header
    cdef int32_t sample_size

    def __cinit__(self, Sink sink not None, str header=REPORTS["event_loss_table"].csv_header):
        self.sink, self.header = sink, header

    cdef int begin(self, const LossHeader *header) except -1 nogil:
        self.sample_size = header.sample_size
        if header.kind != SUMMARY:
            with gil:
                raise UsageError("losses by summary are wanted here, the stream holds others")
        if self.header is not None:
            with gil:
                line = self.header.encode() + b"\n"
                self.sink.write(<const char *>line, len(line))
        return 0

    cdef int accept(self, const LossBlock *block) except -1 nogil:
        cdef Py_ssize_t i
        cdef int64_t k, first, stop
        cdef float total, squares, analytical, loss
        cdef Moments moments
        cdef char *p
        for i in range(block.n):
            if not block.exposure[i] > 0:
                continue
            first, stop = block.start[i], block.start[i + 1]
            total = squares = analytical = 0
            for k in range(first, stop):
                if block.sidx[k] > 0:
                    loss = block.loss[k]
                    total += loss
                    squares += loss * loss
                elif block.sidx[k] == MEAN:
                    analytical = block.loss[k]
            p = self.sink.reserve(LINES_MAX)
            p = put_line(p, block, i, 1, analytical, 0)
            if self.sample_size:            # -1, gulcalc without samples, has the line too
                moments = float_moments(total, squares, self.sample_size)
                if not isfinite(squares) or not isfinite(total * total):
                    widen(&moments, block.sidx + first, block.loss + first, stop - first, self.sample_size)
                p = put_line(p, block, i, 2, moments.mean, moments.sd)
            self.sink.pos = p
        return 0


cdef char *put_line(char *p, const LossBlock *block, Py_ssize_t i, int32_t type, float mean, float sd) noexcept nogil:
    p = put_i32(p, block.id[i])
    p[0] = c','
    p = put_i32(p + 1, type)
    p[0] = c','
    p = put_i32(p + 1, block.event_id)
    p[0] = c','
    p = put_fixed(p + 1, mean, 6)
    p[0] = c','
    p = put_fixed(p + 1, sd, 6)
    p[0] = c','
    p = put_fixed(p + 1, block.exposure[i], 6)
    p[0] = c'\n'
    return p + 1
