"""What is worked out of the samples of a summary's loss: moments and quantiles. A missing sample is a loss of 0.

    mean = sum / S        sd = sqrt((sum of squares - sum * sum / S) / (S - 1)), 0 where that is rounding noise

All of it is float, in ktools' order; sums beyond the largest float are worked out again in double. A quantile q lies at
(S - 1) q of the S samples in ascending order, numbered from 0, and its loss is on the line between the two beside it.
"""
from libc.float cimport FLT_MIN
from libc.math cimport isfinite, sqrt
from libc.stdlib cimport free
from libc.string cimport memcpy

from ktc._core.io cimport Mapped
from ktc._core.memory cimport allot, resize
from ktc._core.sorting cimport sort_descending
from ktc.errors import DataError

cdef extern from "<math.h>" nogil:
    float sqrtf(float value)

# A variance below this part of the sum of squares is the noise of float sums.
cdef double NOISE = 0.0000001


cdef Moments moments_of(const LossBlock *block, Py_ssize_t i, float total, float squares, int32_t sample_size) noexcept nogil:
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
        if not isfinite(squares) or not isfinite(total * total):
            widen(&moments, block.sidx + block.start[i], block.loss + block.start[i], block.start[i + 1] - block.start[i],
                  sample_size)
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


cdef class Quantiles:
    """The quantiles of input/quantile.bin, a table of floats from 0 to 1; one that comes twice is reported once."""

    def __cinit__(self, Mapped table not None):
        cdef float value
        cdef int64_t i
        values = {}                                 # in which 0 and -0 are one, the first that comes
        for i in range(table.records(sizeof(float))):
            memcpy(&value, table.data + i * sizeof(float), sizeof(float))
            # a whole number, of another table, would be a float too small for any quantile
            if not 0 <= value <= 1 or 0 < value < FLT_MIN:
                table.fail(i * sizeof(float), f"record {i + 1}: the quantile is {value}, expected 0 to 1")
            values.setdefault(value)
        self.n = len(values)
        self.quantile = <float *>allot(self.n, sizeof(float))
        self.loss = <float *>allot(self.n, sizeof(float))
        self.below = <int64_t *>allot(self.n, sizeof(int64_t))
        self.part = <float *>allot(self.n, sizeof(float))
        for i, each in enumerate(sorted(values)):
            self.quantile[i] = each

    def __dealloc__(self):
        free(self.quantile)
        free(self.loss)
        free(self.below)
        free(self.part)
        free(self.sample)
        free(self.latest)

    cdef int prepare(self, int32_t sample_size) except -1 nogil:
        cdef Py_ssize_t i
        cdef float place
        if sample_size != self.sample_size:
            free(self.latest)
            self.latest = NULL
        self.sample_size = sample_size
        for i in range(self.n):
            place = <float>(sample_size - 1) * self.quantile[i] + 1
            self.below[i] = <int64_t>place - 1
            self.part[i] = place - <float><int64_t>place
            if self.below[i] >= sample_size - 1:    # at the last sample, and where floats are too coarse to count samples
                self.below[i], self.part[i] = sample_size - 1, 0
        return 0

    cdef int64_t take(self, const LossBlock *block, Py_ssize_t i, bint records) except -1 nogil:
        """The samples of a row that are not 0, into sample; how many there are."""
        cdef int64_t k = block.start[i], stop = block.start[i + 1], n = 0, met = 0
        cdef int32_t sidx, last = 0
        cdef float loss
        cdef float *sample
        if stop - k > self.room:
            self.room = 2 * (stop - k)
            resize(<void **>&self.sample, 2 * self.room, sizeof(float))
        sample = self.sample
        if block.dense[i] and not records:
            k = stop - self.sample_size
        while k < stop:
            sidx, loss = block.sidx[k], block.loss[k]
            k += 1
            if sidx <= 0:
                continue
            if sidx <= last and not records:
                return self.take_latest(block, i)
            last = sidx
            if records:
                if met == self.sample_size:
                    break
                met += 1
            sample[n] = loss
            n += loss != 0
        return n

    cdef int64_t take_latest(self, const LossBlock *block, Py_ssize_t i) except -1 nogil:
        """The same where the records of a row are in no order."""
        cdef int64_t k, n = 0
        if self.latest == NULL:
            with gil:
                self.latest = <float *>allot(self.sample_size, sizeof(float))
        for k in range(block.start[i], block.start[i + 1]):
            if block.sidx[k] > 0:
                self.latest[block.sidx[k] - 1] = block.loss[k]
        for k in range(block.start[i], block.start[i + 1]):
            if block.sidx[k] > 0 and self.latest[block.sidx[k] - 1] != 0:
                self.sample[n] = self.latest[block.sidx[k] - 1]
                self.latest[block.sidx[k] - 1] = 0
                n += 1
        return n

    cdef int refuse(self, const LossBlock *block, Py_ssize_t i) except -1 nogil:
        with gil:
            raise DataError(f"event {block.event_id}, summary {block.id[i]}: a loss is no finite number: there are no "
                            "quantiles")

    cdef int work_out(self, const LossBlock *block, Py_ssize_t i, bint records) except -1 nogil:
        cdef int64_t n = self.take(block, i, records), k, positive = 0
        cdef float *sample = self.sample
        cdef float low, high
        cdef bint finite = True
        for k in range(n):
            finite &= isfinite(sample[k])
            positive += sample[k] > 0
        if not finite:
            self.refuse(block, i)
        sort_descending(sample, n, sample + self.room)
        for k in range(self.n):
            low = ascending(sample, n, positive, self.sample_size, self.below[k])
            if self.below[k] < self.sample_size - 1:
                high = ascending(sample, n, positive, self.sample_size, self.below[k] + 1)
                low = (high - low) * self.part[k] + low
            self.loss[k] = low
        return 0


cdef inline float ascending(const float *sample, int64_t n, int64_t positive, int32_t sample_size, int64_t k) noexcept nogil:
    """Sample k in ascending order, of n in descending order and zeros between the positive and the negative ones."""
    k = sample_size - 1 - k
    if k < positive:
        return sample[k]
    k -= sample_size - n
    return sample[k] if k >= positive else 0
