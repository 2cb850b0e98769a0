# Numbers as text, exactly as printf of the C locale has them, without calling it.
#
# put_*: write at p, return the pointer behind the last character. The caller has room: 12 bytes for 32-bit
# integers, 21 for 64-bit ones, 24 for put_exponent, FIXED_MAX for put_fixed of a float (sign, 39 digits,
# point, decimals), and 4 more behind the last of them, which may be overwritten.
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from ktc._core.text cimport FLOAT_TAIL

cdef enum:
    FIXED_MAX = 400

cdef extern from *:
    """
    /* "0000" "0001" ... "9999" */
    #define KTC_1(a) a "0" a "1" a "2" a "3" a "4" a "5" a "6" a "7" a "8" a "9"
    #define KTC_2(a) KTC_1(a "0") KTC_1(a "1") KTC_1(a "2") KTC_1(a "3") KTC_1(a "4") \\
                     KTC_1(a "5") KTC_1(a "6") KTC_1(a "7") KTC_1(a "8") KTC_1(a "9")
    #define KTC_3(a) KTC_2(a "0") KTC_2(a "1") KTC_2(a "2") KTC_2(a "3") KTC_2(a "4") \\
                     KTC_2(a "5") KTC_2(a "6") KTC_2(a "7") KTC_2(a "8") KTC_2(a "9")
    static const char ktc_fours[] = KTC_3("0") KTC_3("1") KTC_3("2") KTC_3("3") KTC_3("4")
                                    KTC_3("5") KTC_3("6") KTC_3("7") KTC_3("8") KTC_3("9");

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

    /* The same of value < 10**8, and 8 bytes. */
    static inline char *ktc_put_eight(char *p, uint32_t value) {
        uint32_t upper = value / 10000, part;
        uint64_t text;
        int blank;
        memcpy(&part, ktc_fours + 4 * (value - 10000 * upper), 4);
        text = (uint64_t)KTC_LITTLE_4(part) << 32;
        memcpy(&part, ktc_fours + 4 * upper, 4);
        text |= KTC_LITTLE_4(part);
        blank = ktc_lowest_bit((text & 0x0f0f0f0f0f0f0f0full) | 1ull << 56) & 56;
        text = KTC_LITTLE(text >> blank);
        memcpy(p, &text, 8);
        return p + 8 - (blank >> 3);
    }

    /* printf("%.2f\\n") of a float of these bits, below 2**24 either way. No branch depends on it. */
    static inline char *ktc_put_cents_line(char *p, uint32_t bits) {
        int shift = 151 - (int)(bits >> 23 & 0xff);     /* 1 at least; cents = number / 2**shift */
        uint64_t number = 200 * (uint64_t)((bits & 0x7fffff) | 0x800000), half;
        uint32_t whole, line;
        shift = shift < 63 ? shift : 63;        /* there number is less than half a cent, as from 33 on */
        half = 1ull << (shift - 1);
        number = (number + half - 1 + (number >> shift & 1)) >> shift;  /* to nearest, ties to even */
        whole = (uint32_t)number / 100;
        *p = '-';
        p = ktc_put_eight(p + (bits >> 31), whole);
        memcpy(&line, ktc_fours + 4 * ((uint32_t)number - 100 * whole), 4);
        line = KTC_LITTLE_4((KTC_LITTLE_4(line) >> 16 << 8) | '.' | (uint32_t)'\\n' << 24);
        memcpy(p, &line, 4);
        return p + 4;
    }
    """
    const char ktc_fours[]
    char *put_short "ktc_put_short"(char *p, uint32_t value) noexcept nogil
    char *put_eight "ktc_put_eight"(char *p, uint32_t value) noexcept nogil
    char *ktc_put_cents_line(char *p, uint32_t bits) noexcept nogil


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
        p = put_eight(p, <uint32_t>whole)
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


# printf("%.2f\n", value).
cdef inline char *put_cents_line(char *p, float value) noexcept nogil:
    cdef uint32_t bits
    memcpy(&bits, &value, 4)
    if (bits >> 23 & 0xff) < 151:                   # |value| < 2**24
        return ktc_put_cents_line(p, bits)
    p = put_fixed_any(p, value, 2)
    p[0] = c'\n'
    return p + 1


# printf("%g") / ("%.<digits>g", value).
cdef char *put_general(char *p, double value, int digits) noexcept nogil
# printf("%.10e", value) of a float.
cdef char *put_exponent(char *p, float value) noexcept nogil
