# Arithmetic on LANES samples at a time. Inlined, and given arrays that nothing else points to, these are a
# few vector instructions.
cdef extern from *:
    """
    #include "compilers.h"
    #undef CYTHON_INLINE    /* what works on lanes is inlined, so that the compiler sees what the lanes are */
    #define CYTHON_INLINE KTC_ALWAYS_INLINE
    """

from libc.stdint cimport int32_t, uint32_t
from libc.string cimport memcpy

from ktc._core.numbers cimport TOLERANCE, checked

cdef enum:
    LANES = 16
    INFINITY_BITS = 0x7f800000      # of a float32


cdef inline float positive(float value) noexcept nogil:
    return value if value > 0 else 0


cdef inline void clear(float *lanes) noexcept nogil:
    cdef int i
    for i in range(LANES):
        lanes[i] = 0


cdef inline void add(float *sum, const float *lanes) noexcept nogil:
    cdef int i
    for i in range(LANES):
        sum[i] += lanes[i]


cdef inline void divisor(float *whole, const float *sum) noexcept nogil:
    """What to divide parts of a sum by: 1 where it is 0, for they are 0 then."""
    cdef int i
    for i in range(LANES):
        whole[i] = sum[i] if sum[i] > 0 else 1


cdef inline void divide_lanes(float *share, const float *lanes, const float *whole) noexcept nogil:
    cdef int i
    for i in range(LANES):
        share[i] = lanes[i] / whole[i]


cdef inline void multiply(float *lanes, const float *factor) noexcept nogil:
    cdef int i
    for i in range(LANES):
        lanes[i] *= factor[i]


cdef inline bint all_zero(const float *lanes) noexcept nogil:
    """All lanes are 0, and none is -0."""
    cdef uint32_t[LANES] bits
    cdef uint32_t any = 0
    cdef int i
    memcpy(bits, lanes, LANES * sizeof(float))
    for i in range(LANES):
        any |= bits[i]
    return any == 0


cdef inline bint all_plain(const float *lanes) noexcept nogil:
    """0 times each lane is 0: none is infinite, not a number, or has a sign."""
    cdef int32_t[LANES] bits
    cdef int32_t other = 0
    cdef int i
    memcpy(bits, lanes, LANES * sizeof(float))
    for i in range(LANES):
        other |= (bits[i] < 0) | (bits[i] >= INFINITY_BITS)
    return other == 0


cdef inline void keep(float *to, const float *lanes) noexcept nogil:
    memcpy(to, lanes, LANES * sizeof(float))


# A sum of many numbers for each lane: floats of PART of them at most, added up in double. It is right to PART
# * 2^-24 (1.6e-5).
cdef enum:
    PART = 256

cdef struct RightSum:
    float[LANES] part
    double[LANES] whole
    int additions                   # to part


# What kernels that check sums of lanes have for `tolerance`: half of what is allowed, since a share is a
# quotient of two such sums.
cdef inline double sum_tolerance_of(bint exact) noexcept nogil:
    return 0 if exact else TOLERANCE / 2 - PART * 2.0 ** -24


cdef inline void close_part(RightSum *sum) noexcept nogil:
    cdef int i
    for i in range(LANES):
        sum.whole[i] += sum.part[i]
        sum.part[i] = 0
    sum.additions = 0


cdef inline void add_right(RightSum *sum, const float *lanes) noexcept nogil:
    add(sum.part, lanes)
    sum.additions += 1
    if sum.additions == PART:
        close_part(sum)


cdef inline void add_nothing_right(RightSum *sum) noexcept nogil:
    """add_right() of zeros."""
    sum.additions += 1
    if sum.additions == PART:
        close_part(sum)


cdef inline void check(float *sum, RightSum *right, double tolerance) noexcept nogil:
    """A float sum that is wrong becomes right."""
    cdef int i
    close_part(right)
    for i in range(LANES):
        sum[i] = checked(sum[i], right.whole[i], tolerance)
