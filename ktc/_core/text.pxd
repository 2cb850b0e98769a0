# Numbers as text and back, exactly as printf and strtod of the C locale have them, without calling them.
#
# put_*: write at p, return the pointer behind the last character. The caller has room: 12 bytes for 32-bit
# integers, 21 for 64-bit ones, 24 for put_exponent, FIXED_MAX for put_fixed of a float (sign, 39 digits,
# point, decimals), and 4 more behind the last of them, which may be overwritten. get_*: read at p, stop at
# end, return the pointer behind the number or NULL when there is none or it does not fit the type. Leading
# blanks are skipped as scanf does. quick_*: the common forms of get_* where no_digits() has found the ends of
# the digits; False leaves the rest to get_*.
from libc.stdint cimport int32_t, int64_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from ktc._core.compilers cimport lowest_bit

cdef enum:
    FIXED_MAX = 400
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

    /* "0000" "0001" ... "9999" */
    #define KTC_1(a) a "0" a "1" a "2" a "3" a "4" a "5" a "6" a "7" a "8" a "9"
    #define KTC_2(a) KTC_1(a "0") KTC_1(a "1") KTC_1(a "2") KTC_1(a "3") KTC_1(a "4") \\
                     KTC_1(a "5") KTC_1(a "6") KTC_1(a "7") KTC_1(a "8") KTC_1(a "9")
    #define KTC_3(a) KTC_2(a "0") KTC_2(a "1") KTC_2(a "2") KTC_2(a "3") KTC_2(a "4") \\
                     KTC_2(a "5") KTC_2(a "6") KTC_2(a "7") KTC_2(a "8") KTC_2(a "9")
    static const char ktc_fours[] = KTC_3("0") KTC_3("1") KTC_3("2") KTC_3("3") KTC_3("4")
                                    KTC_3("5") KTC_3("6") KTC_3("7") KTC_3("8") KTC_3("9");

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

    /* Eight bytes at p as a word, the first in the lowest. */
    static inline uint64_t ktc_load(const char *p) {
        uint64_t x;
        memcpy(&x, p, 8);
        return KTC_LITTLE(x);
    }

    /* The digits of value < 10000 without leading zeros. Writes 4 bytes whatever their number: no branch
       depends on it. */
    static inline char *ktc_put_short(char *p, uint32_t value) {
        uint32_t text;
        int blank;                      /* bits of leading zeros, the last digit excepted */
        memcpy(&text, ktc_fours + 4 * value, 4);
        text = KTC_LITTLE_4(text);
        blank = ktc_lowest_bit((text & 0x0f0f0f0fu) | 1u << 24) & 24;
        text = KTC_LITTLE_4(text >> blank);
        memcpy(p, &text, 4);
        return p + 4 - (blank >> 3);
    }

    /* One bit for each of the 64 bytes at p that is no digit. */
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
    const char ktc_fours[]
    uint64_t ten_to "ktc_ten_to"(int64_t power) noexcept nogil
    const double ktc_exact_tens[]
    uint64_t ktc_load(const char *p) noexcept nogil
    char *put_short "ktc_put_short"(char *p, uint32_t value) noexcept nogil
    uint64_t ktc_no_digits(const char *p) noexcept nogil


# Writing

# All two or four digits of value.
cdef inline char *put_pair(char *p, uint32_t value) noexcept nogil:
    memcpy(p, &ktc_fours[4 * value + 2], 2)
    return p + 2


cdef inline char *put_four(char *p, uint32_t value) noexcept nogil:
    memcpy(p, &ktc_fours[4 * value], 4)
    return p + 4


cdef char *put_from_e8(char *p, uint64_t value) noexcept nogil

cdef inline char *put_u64(char *p, uint64_t value) noexcept nogil:
    cdef uint32_t upper
    if value < 10000:
        return put_short(p, <uint32_t>value)
    if value < 100000000:
        upper = <uint32_t>value // 10000
        return put_four(put_short(p, upper), <uint32_t>value - 10000 * upper)
    return put_from_e8(p, value)


cdef inline char *put_u32(char *p, uint32_t value) noexcept nogil:
    return put_u64(p, value)


cdef inline char *put_i64(char *p, int64_t value) noexcept nogil:
    if value < 0:
        p[0] = c'-'
        return put_u64(p + 1, <uint64_t>0 - <uint64_t>value)
    return put_u64(p, <uint64_t>value)


cdef inline char *put_i32(char *p, int32_t value) noexcept nogil:
    return put_i64(p, value)


cdef char *put_fixed_any(char *p, double value, int decimals) noexcept nogil

# printf("%.<decimals>f", value), 0 <= decimals <= 15; nan, inf and every magnitude included. Floats below
# 2**24 with two or six decimals are done here: their 24 bits times 10**decimals fit 44 bits.
cdef inline char *put_fixed(char *p, double value, int decimals) noexcept nogil:
    cdef uint64_t bits, number, rest, half, whole
    cdef int shift
    memcpy(&bits, &value, 8)
    shift = 1046 - <int>((bits >> 52) & 0x7ff)      # |value| = number / 2**shift, of 24 bits
    if bits & ((1 << FLOAT_TAIL) - 1) or shift <= 0 or (decimals != 2 and decimals != 6):
        return put_fixed_any(p, value, decimals)
    p[0] = c'-'
    p += bits >> 63
    number = ((bits & 0xfffffffffffffULL) | 1ULL << 52) >> FLOAT_TAIL
    if shift > 63:
        number, shift = 0, 1                        # less than half of the last decimal, and so is 0
    number *= 100 if decimals == 2 else 1000000
    rest = number & ((1ULL << shift) - 1)
    half = 1ULL << (shift - 1)
    number >>= shift
    number += rest + (number & 1) > half            # to nearest, ties to even
    if decimals == 2:
        whole = number // 100
        p = put_u64(p, whole)
        p[0] = c'.'
        return put_pair(p + 1, <uint32_t>(number - 100 * whole))
    whole = number // 1000000
    if whole < 10:
        p[0] = 48 + <char>whole
        p += 1
    else:
        p = put_u64(p, whole)
    number -= 1000000 * whole
    whole = <uint32_t>number // 10000
    p[0] = c'.'
    return put_four(put_pair(p + 1, <uint32_t>whole), <uint32_t>(number - 10000 * whole))


# printf("%g") / ("%.<digits>g", value).
cdef char *put_general(char *p, double value, int digits) noexcept nogil
# printf("%.10e", value) of a float.
cdef char *put_exponent(char *p, float value) noexcept nogil
# The fewest digits that read back as the same float, always with a point or an exponent.
cdef char *put_shortest(char *p, float value) noexcept nogil


# Reading

cdef const char *get_i32(const char *p, const char *end, int32_t *value) noexcept nogil
cdef const char *get_u32(const char *p, const char *end, uint32_t *value) noexcept nogil
cdef const char *get_i64(const char *p, const char *end, int64_t *value) noexcept nogil
cdef const char *get_u64(const char *p, const char *end, uint64_t *value) noexcept nogil
# The nearest float / double, as strtof / strtod round.
cdef const char *get_f32(const char *p, const char *end, float *value) noexcept nogil
cdef const char *get_f64(const char *p, const char *end, double *value) noexcept nogil


# The places from p on of what is no digit, in 64 * blocks bytes (65536 at most), into mark; how many there
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
    # wide is within two units of its last place; a midpoint of two floats has 1 and zeros behind a float's
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
