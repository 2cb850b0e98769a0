# The rule for numbers: ktools' float where it is right to 1 in 10,000, else what double arithmetic gives.
#
# A float sum of n numbers from 0 on is at most n * 2^-24 of itself off: with up to FEW additions nothing
# beside it is kept. With more there is a second sum, in double, and checked() chooses. Kernels have
# `tolerance`: TOLERANCE, or 0 where double results are wanted everywhere (exact).
from libc.math cimport fabs

cdef enum:
    FEW = 800                       # 4.8e-5

cdef extern from *:
    """
    #define KTC_TOLERANCE 1e-4
    """
    const double TOLERANCE "KTC_TOLERANCE"


cdef inline double tolerance_of(bint exact) noexcept nogil:
    return 0 if exact else TOLERANCE


# ktools' number, unless it is further from the right one than this part of it (a NaN is).
cdef inline float checked(float found, double right, double tolerance) noexcept nogil:
    return found if fabs(found - right) <= tolerance * fabs(right) else <float>right


# The same where the right one is a quotient, which costs a division only where it is wanted.
cdef inline float checked_mean(float found, double sum, double weight, double tolerance) noexcept nogil:
    return found if fabs(found * weight - sum) <= tolerance * fabs(sum) else <float>(sum / weight)
