# Text as numbers, exactly as strtod of the C locale has them, without calling it.
#
# get_*: read at p, stop at end, return the pointer past the number or NULL when there is none or it does
# not fit the type. Leading blanks are skipped as scanf does. quick_*: the common forms of get_* where
# no_digits() has found the ends of the digits; False leaves the rest to get_*.
from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from ktc._core.compilers cimport lowest_bit
from ktc._core.text cimport FLOAT_TAIL, ktc_exact_tens

cdef extern from *:
    """
    /* Eight bytes at p as a word, the first in the lowest. */
    static inline uint64_t ktc_load(const char *p) {
        uint64_t x;
        memcpy(&x, p, 8);
        return KTC_LITTLE(x);
    }

    /* One bit for each of the 64 bytes at p that is not a digit. */
    static inline uint64_t ktc_no_digits(const char *p) {
        uint64_t mask = 0;
        int i;
    #ifdef KTC_SSE2
        for (i = 0; i < 4; i++) {
            __m128i x = _mm_loadu_si128((const __m128i *)(p + 16 * i));
            x = _mm_cmpgt_epi8(_mm_add_epi8(x, _mm_set1_epi8(80)),   /* '0' + 80 wraps to -128 */
                               _mm_set1_epi8(-119));
            mask |= (uint64_t)(unsigned)_mm_movemask_epi8(x) << (16 * i);
        }
    #else
        for (i = 0; i < 8; i++) {
            uint64_t x = ktc_load(p + 8 * i) ^ 0x3030303030303030ull;
            x = (((x & 0x7f7f7f7f7f7f7f7full) + 0x7676767676767676ull) | x) & 0x8080808080808080ull;
            mask |= ((x >> 7) * 0x0102040810204080ull >> 56) << (8 * i);
        }
    #endif
        return mask;
    }
    """
    uint64_t ktc_load(const char *p) noexcept nogil
    uint64_t ktc_no_digits(const char *p) noexcept nogil


cdef const char *get_i32(const char *p, const char *end, int32_t *value) noexcept nogil
cdef const char *get_u32(const char *p, const char *end, uint32_t *value) noexcept nogil
cdef const char *get_i64(const char *p, const char *end, int64_t *value) noexcept nogil
cdef const char *get_u64(const char *p, const char *end, uint64_t *value) noexcept nogil
# The nearest float / double, as strtof / strtod round.
cdef const char *get_f32(const char *p, const char *end, float *value) noexcept nogil
cdef const char *get_f64(const char *p, const char *end, double *value) noexcept nogil


# The places from p on of what is not a digit, in 64 * blocks bytes (65536 at most), into mark; how many there
# are.
cdef inline size_t no_digits(const char *p, size_t blocks, uint16_t *mark) noexcept nogil:
    cdef size_t i, n = 0
    cdef uint64_t mask
    for i in range(blocks):
        mask = ktc_no_digits(p + 64 * i)
        while mask:
            mark[n] = <uint16_t>(64 * i + lowest_bit(mask))
            mask &= mask - 1
            n += 1
    return n


# The n digits at p, 1 to 8, as a number; 8 bytes are read. Pairs, fours and eights are added side by side.
cdef inline uint64_t short_digits(const char *p, size_t n) noexcept nogil:
    cdef uint64_t x = ktc_load(p) << (64 - 8 * n) & 0x0f0f0f0f0f0f0f0fULL       # zeros lead now
    x = x * 2561 >> 8 & 0x00ff00ff00ff00ffULL
    x = x * 6553601 >> 16 & 0x0000ffff0000ffffULL
    return x * 42949672960001ULL >> 32


# The n digits at p as a number, 1 to 16. 16 bytes are read at most.
cdef inline uint64_t quick_digits(const char *p, size_t n) noexcept nogil:
    if n <= 8:
        return short_digits(p, n)
    return short_digits(p, n - 8) * 100000000 + short_digits(p + n - 8, 8)


# digits * 10**exponent as the nearest float; False where that is not certain here. digits < 2**63.
cdef inline bint quick_f32(uint64_t digits, int64_t exponent, float *value) noexcept nogil:
    cdef double wide = <double><int64_t>digits
    cdef uint64_t bits
    if exponent < -22 or exponent > 15:
        return False
    if exponent < 0:
        wide /= ktc_exact_tens[-exponent]
    else:
        wide *= ktc_exact_tens[exponent]
    # wide is within two units of its last place; a midpoint of two floats has 1 and zeros after a float's
    # bits.
    memcpy(&bits, &wide, 8)
    if (bits & ((1 << FLOAT_TAIL) - 1)) - ((1 << (FLOAT_TAIL - 1)) - 4) <= 8:
        return False
    value[0] = <float>wide
    return True


cdef inline bint quick_f64(uint64_t digits, int64_t exponent, double *value) noexcept nogil:
    cdef double wide = <double><int64_t>digits
    if exponent < -22 or exponent > 22 or digits > 1ULL << 53:
        return False
    value[0] = wide / ktc_exact_tens[-exponent] if exponent < 0 else wide * ktc_exact_tens[exponent]
    return True


# The fewest digits that read back as the same float, always with a point or an exponent. It is here since it
# reads what it wrote; a program that writes numbers only does not load this module. Room and result are those
# of puttext.
cdef char *put_shortest(char *p, float value) noexcept nogil
