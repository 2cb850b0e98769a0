"""What is worked out of the samples of a summary's loss: moments and quantiles. A missing sample is a loss of
0.

    mean = sum / S        sd = sqrt((sum of squares - sum * sum / S) / (S - 1)), 0 where that is rounding
                          noise

This is float, in ktools' order. It counts where it is right; where it may not be, both are worked out again
in double, of differences from one of the losses, which loses nothing to cancellation.

A quantile q lies at (S - 1) q of the S samples in ascending order, numbered from 0, and its loss is on the
line between the two beside it: in float, and in double, q then being the decimal number that the float stands
for.
"""
from libc.float cimport FLT_MIN
from libc.math cimport fabs, isfinite, round, sqrt
from libc.stdlib cimport free
from libc.string cimport memcpy

from ktc._core.io cimport Mapped
from ktc._core.memory cimport allot, resize
from ktc._core.numbers cimport checked, tolerance_of
from ktc._core.sorting cimport sort_descending
from ktc.errors import DataError

cdef extern from "<math.h>" nogil:
    float sqrtf(float value)

cdef enum:
    FEW_SAMPLES = 100               # see near_enough()
    LENIENCY = 20
    AT_ONCE = 32                    # sums side by side: more than gcc unrolls before it looks for vectors

# A variance below this part of the sum of squares is the noise of float sums, to ktools.
cdef double NOISE = 0.0000001
# What one rounding to float changes, at most.
cdef double ROUNDING = 2.0 ** -24


cdef inline double near_enough(double tolerance, int32_t sample_size) noexcept nogil:
    """What a deviation in float may be off by. Of few samples it is no more than an estimate, uncertain by 1
    / sqrt(2 (S - 1)): a hundredth of that is near enough, LENIENCY tolerances at most."""
    if sample_size > FEW_SAMPLES:
        return tolerance
    return tolerance * min(<double>LENIENCY, 100 / sqrt(2.0 * (sample_size - 1)))


cdef Moments moments_of(const LossBlock *block, Py_ssize_t i, float total, float squares, int32_t sample_size,
                        double tolerance) noexcept nogil:
    cdef Moments moments, right
    cdef float variance, size
    cdef double doubt = (1.5 * sample_size + 4) * ROUNDING
    cdef int64_t first = block.start[i]
    moments.mean = moments.sd = 0
    if sample_size < 1:
        return moments
    size = <float>sample_size
    moments.mean = total / size
    if sample_size > 1:
        variance = (squares - ((total * total) / size)) / <float>(sample_size - 1)
        # Roundings of the sums change the variance by this much of the sum of squares, and the deviation by
        # half as much.
        if doubt * squares <= tolerance * (<double>variance * (sample_size - 1)) and isfinite(squares):
            moments.sd = sqrtf(variance)
            return moments
        if variance / squares < NOISE:
            variance = 0
        moments.sd = sqrtf(variance)
    right = moments_in_double(block.sidx + first, block.loss + first, block.start[i + 1] - first, sample_size,
                              block.dense[i])
    moments.mean = checked(moments.mean, right.mean, tolerance)
    moments.sd = checked(moments.sd, right.sd, near_enough(tolerance, sample_size))
    return moments


cdef void add_differences(const float *loss, int64_t n, double start, double *total,
                          double *square) noexcept nogil:
    """Add up those of n losses from `start`, and their squares: on sums side by side, which stay in
    registers."""
    cdef double[AT_ONCE] sums, squares
    cdef double difference
    cdef int i
    for i in range(AT_ONCE):
        sums[i] = squares[i] = 0
    while n >= AT_ONCE:
        for i in range(AT_ONCE):
            difference = loss[i] - start
            sums[i] += difference
            squares[i] += difference * difference
        loss, n = loss + AT_ONCE, n - AT_ONCE
    for i in range(<int>n):
        difference = loss[i] - start
        total[0] += difference
        square[0] += difference * difference
    for i in range(AT_ONCE):
        total[0] += sums[i]
        square[0] += squares[i]


cdef Moments moments_in_double(const int32_t *sidx, const float *loss, int64_t n, int32_t sample_size,
                               bint dense) noexcept nogil:
    """Of the samples among n records. With x0 a sample's loss and d = x - x0, also of the samples that are
    missing, sum = S x0 + sum(d), and the sum of the squares of x - mean is that of d: sum(d d) - sum(d)**2 /
    S."""
    cdef Moments moments
    cdef double total = 0, square = 0, missing = sample_size, start = 0
    cdef int64_t k = n - sample_size if dense else 0, first
    while k < n:
        if sidx[k] <= 0:
            k += 1
            continue
        first = k                       # of a run of samples
        if missing == sample_size:
            start = loss[k] if isfinite(loss[k]) else 0
        if dense:
            k = n
        while k < n and sidx[k] > 0:
            k += 1
        add_differences(loss + first, k - first, start, &total, &square)
        missing -= k - first
    total -= missing * start
    square += missing * start * start
    moments.mean, moments.sd = <float>(start + total / sample_size), 0
    square -= total * total / sample_size
    if sample_size > 1 and not square <= 0:
        moments.sd = <float>sqrt(square / (sample_size - 1))
    return moments


cdef class Quantiles:
    """The quantiles of input/quantile.bin, a table of floats from 0 to 1; one that comes twice is reported
    once."""

    def __cinit__(self, Mapped table not None, bint exact=False):
        cdef float value
        cdef int64_t i
        self.tolerance = tolerance_of(exact)
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
        self.decimal = <double *>allot(self.n, sizeof(double))
        self.place = <Place *>allot(self.n, sizeof(Place))
        self.right = <Place *>allot(self.n, sizeof(Place))
        for i, each in enumerate(sorted(values)):
            self.quantile[i], self.decimal[i] = each, decimal_of(each)

    def __dealloc__(self):
        free(self.quantile)
        free(self.loss)
        free(self.decimal)
        free(self.place)
        free(self.right)
        free(self.sample)
        free(self.latest)

    cdef int prepare(self, int32_t sample_size) except -1 nogil:
        cdef Py_ssize_t i
        cdef float place
        cdef double right
        if sample_size != self.sample_size:
            free(self.latest)
            self.latest = NULL
        self.sample_size = sample_size
        for i in range(self.n):
            place = <float>(sample_size - 1) * self.quantile[i] + 1
            set_place(&self.place[i], <int64_t>place - 1, place - <float><int64_t>place, sample_size)
            right = <double>(sample_size - 1) * self.decimal[i]
            # a sample itself, as far as a float can say so
            if fabs(right - round(right)) <= right * ROUNDING:
                right = round(right)
            set_place(&self.right[i], <int64_t>right, right - <double><int64_t>right, sample_size)
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
            raise DataError(f"event {block.event_id}, summary {block.id[i]}: a loss is not a finite number: "
                            "there are no quantiles")

    cdef int work_out(self, const LossBlock *block, Py_ssize_t i, bint records) except -1 nogil:
        cdef int64_t n = self.take(block, i, records), k, positive = 0
        cdef float *sample = self.sample
        cdef float low, high
        cdef double right
        cdef bint finite = True
        for k in range(n):
            finite &= isfinite(sample[k])
            positive += sample[k] > 0
        if not finite:
            self.refuse(block, i)
        sort_descending(sample, n, sample + self.room)
        for k in range(self.n):
            right = low = ascending(sample, n, positive, self.sample_size, self.right[k].below)
            if self.right[k].part > 0:
                high = ascending(sample, n, positive, self.sample_size, self.right[k].below + 1)
                right += (<double>high - low) * self.right[k].part
            low = ascending(sample, n, positive, self.sample_size, self.place[k].below)
            if self.place[k].below < self.sample_size - 1:
                high = ascending(sample, n, positive, self.sample_size, self.place[k].below + 1)
                low = (high - low) * <float>self.place[k].part + low
            self.loss[k] = checked(low, right, self.tolerance)
        return 0


cdef inline void set_place(Place *place, int64_t below, double part, int32_t sample_size) noexcept nogil:
    place.below, place.part = below, part
    if below >= sample_size - 1:        # at the last sample, and where floats are too coarse to count samples
        place.below, place.part = sample_size - 1, 0


cdef double decimal_of(float value) except -1:
    """The decimal number of the fewest digits that is this float: 0.2, not 0.200000003."""
    cdef int digits
    cdef double decimal
    for digits in range(1, 9):
        decimal = float(f"{value:.{digits}g}")
        if <float>decimal == value:
            return decimal
    return value


cdef inline float ascending(const float *sample, int64_t n, int64_t positive, int32_t sample_size,
                            int64_t k) noexcept nogil:
    """Sample k in ascending order, of n in descending order and zeros between the positive and the negative
    ones."""
    k = sample_size - 1 - k
    if k < positive:
        return sample[k]
    k -= sample_size - n
    return sample[k] if k >= positive else 0
