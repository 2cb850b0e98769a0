# What is worked out of the samples of a summary's loss: moments and quantiles.
from libc.stdint cimport int32_t, int64_t

from ktc._core.blocks cimport LossBlock


# Mean and standard deviation.
cdef struct Moments:
    float mean
    float sd


# The moments of row i's samples; total and squares are their sums, added up in float in the order of the
# records.
cdef Moments moments_of(const LossBlock *block, Py_ssize_t i, float total, float squares, int32_t sample_size,
                        double tolerance) noexcept nogil


# Where a quantile is: the sample at or below it, from 0, and how far it is from there to the next one.
cdef struct Place:
    int64_t below
    double part


# The quantiles to report: quantile[k], ascending, none twice, and loss[k], the loss there of the row that
# work_out() was given.
cdef class Quantiles:
    cdef Py_ssize_t n
    cdef float *quantile
    cdef float *loss
    cdef double *decimal            # quantile as a decimal number
    cdef Place *place               # in float, as ktools has it
    cdef Place *right               # in double
    cdef double tolerance
    cdef float *sample              # the samples of a row that are not 0, and as much room again
    cdef int64_t room
    cdef float *latest              # by sidx - 1, for records of one sidx; all 0 between rows
    cdef int32_t sample_size

    # For streams of this many samples, 1 or more.
    cdef int prepare(self, int32_t sample_size) except -1 nogil
    # records: every record but those of sidx -1, -4 and -5 is a sample, up to the stream's number of samples;
    # else each sidx is one, with the loss of its last record.
    cdef int work_out(self, const LossBlock *block, Py_ssize_t i, bint records) except -1 nogil
    cdef int64_t take(self, const LossBlock *block, Py_ssize_t i, bint records) except -1 nogil
    cdef int64_t take_latest(self, const LossBlock *block, Py_ssize_t i) except -1 nogil
    cdef int refuse(self, const LossBlock *block, Py_ssize_t i) except -1 nogil
