# What numbers to text (puttext) and text to numbers (gettext) have in common: powers of ten, and words of the
# machine as memory has their bytes.
from libc.stdint cimport int64_t, uint64_t

cdef enum:
    FLOAT_TAIL = 29                 # low bits of a double that no float has

cdef extern from *:
    """
    #include <string.h>
    #include "compilers.h"
    #if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    #define KTC_LITTLE(x) __builtin_bswap64(x)
    #define KTC_LITTLE_4(x) __builtin_bswap32(x)
    #else
    #define KTC_LITTLE(x) (x)
    #define KTC_LITTLE_4(x) (x)
    #endif

    static inline uint64_t ktc_ten_to(int64_t power) {          /* 0 .. 19 */
        static const uint64_t tens[] = {
            1ull, 10ull, 100ull, 1000ull, 10000ull, 100000ull, 1000000ull, 10000000ull,
            100000000ull, 1000000000ull,
            10000000000ull, 100000000000ull, 1000000000000ull, 10000000000000ull, 100000000000000ull,
            1000000000000000ull, 10000000000000000ull, 100000000000000000ull, 1000000000000000000ull,
            10000000000000000000ull};
        return tens[power];
    }

    /* Every power of ten that a double holds exactly. */
    static const double ktc_exact_tens[] = {
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9,
        1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20, 1e21, 1e22};
    """
    uint64_t ten_to "ktc_ten_to"(int64_t power) noexcept nogil
    const double ktc_exact_tens[]
