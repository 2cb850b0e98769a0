"""Numbers as text, in the text of printf under the C locale, whatever locale the process runs in.

Fixed decimals are exact integer arithmetic: a double is m * 2**e, so its k decimals are m * 10**k shifted by
-e bits, and what falls off the end decides the rounding (to nearest, ties to even, as glibc does). 64 bits
hold that product for every float and for doubles with few decimals; 128 bits hold the rest; integers from
2**64 on take limbs of 32 bits. (The shortest text of a float needs reading, and is in gettext.)
"""
from libc.math cimport fabs, isfinite
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.string cimport memcpy, memset
from cpython.bytes cimport PyBytes_FromStringAndSize

from ktc._core.compilers cimport compare, left, low, minus, quotient, right, times, u128
from ktc._core.text cimport FLOAT_TAIL, ktc_exact_tens, ten_to

cdef extern from *:
    """
    /* The largest integers that each power of ten up to 10**15 can multiply within 64 bits. */
    static const uint64_t ktc_fits[] = {
        ~0ull, ~0ull / 10, ~0ull / 100, ~0ull / 1000, ~0ull / 10000,
        ~0ull / 100000, ~0ull / 1000000, ~0ull / 10000000,
        ~0ull / 100000000, ~0ull / 1000000000, ~0ull / 10000000000, ~0ull / 100000000000,
        ~0ull / 1000000000000,
        ~0ull / 10000000000000, ~0ull / 100000000000000, ~0ull / 1000000000000000};
    """
    const uint64_t ktc_fits[]

cdef enum:
    MANTISSA = 52               # stored bits of a double
    LIMBS = 34                  # 32-bit limbs of the largest double, shifted


cdef char *put_from_e8(char *p, uint64_t value) noexcept nogil:
    cdef uint64_t upper = value // 100000000
    cdef uint32_t lower = <uint32_t>(value - 100000000 * upper)
    p = put_four(put_u64(p, upper), lower // 10000)
    return put_four(p, lower % 10000)


# Exactly `width` digits, with leading zeros.
cdef inline char *put_digits(char *p, uint64_t value, int width) noexcept nogil:
    cdef int i = width
    while i >= 2:
        i -= 2
        put_pair(p + i, <uint32_t>(value % 100))
        value //= 100
    if i:
        p[0] = 48 + <char>value
    return p + width


# mantissa * 2**exponent for a whole number of up to 1024 bits.
cdef char *put_large(char *p, uint64_t mantissa, int exponent) noexcept nogil:
    cdef uint32_t limb[LIMBS]
    cdef uint32_t part[36]
    cdef uint64_t rest
    cdef u128 placed = left(times(mantissa, 1), exponent & 31)
    cdef int top = (exponent >> 5) + 3, parts = 0, i
    memset(limb, 0, sizeof(limb))
    for i in range(3):
        if top - 3 + i < LIMBS:
            limb[top - 3 + i] = <uint32_t>low(right(placed, 32 * i))
    if top > LIMBS:
        top = LIMBS
    while top:
        rest = 0
        for i in range(top - 1, -1, -1):
            rest = rest << 32 | limb[i]
            limb[i] = <uint32_t>(rest // 1000000000)
            rest %= 1000000000
        part[parts] = <uint32_t>rest
        parts += 1
        while top and not limb[top - 1]:
            top -= 1
    p = put_u64(p, part[parts - 1])
    for i in range(parts - 2, -1, -1):
        p = put_digits(p, part[i], 9)
    return p


cdef inline char *put_not_finite(char *p, uint64_t mantissa) noexcept nogil:
    if mantissa:
        memcpy(p, <const char *>b"nan", 3)
    else:
        memcpy(p, <const char *>b"inf", 3)
    return p + 3


cdef char *put_fixed_any(char *p, double value, int decimals) noexcept nogil:
    cdef uint64_t bits, mantissa, whole, part, product, rest, half, scale = ten_to(decimals)
    cdef u128 wide
    cdef int exponent, shift
    memcpy(&bits, &value, 8)
    if bits >> 63:
        p[0] = c'-'
        p += 1
    mantissa = bits & ((<uint64_t>1 << MANTISSA) - 1)
    exponent = (bits >> MANTISSA) & 0x7ff
    if exponent == 0x7ff:
        return put_not_finite(p, mantissa)
    if exponent:
        mantissa |= <uint64_t>1 << MANTISSA
    else:
        exponent = 1
    shift = 1075 - exponent                 # value = mantissa / 2**shift
    part = 0
    if shift <= 0:
        if shift < -11:
            p = put_large(p, mantissa, -shift)
        else:
            p = put_u64(p, mantissa << -shift)
    else:
        if shift > MANTISSA:
            whole = 0
        else:
            whole = mantissa >> shift
            mantissa &= (<uint64_t>1 << shift) - 1
        if shift > FLOAT_TAIL and not mantissa & ((1 << FLOAT_TAIL) - 1):
            mantissa >>= FLOAT_TAIL
            shift -= FLOAT_TAIL
        # Now mantissa / 2**shift is the fraction; product / 2**shift its decimals, and rest what they leave.
        if mantissa <= ktc_fits[decimals]:
            product = mantissa * scale
            if shift < 64:
                part = product >> shift
                rest = product & (((<uint64_t>1) << shift) - 1)
                half = (<uint64_t>1) << (shift - 1)
                if rest > half or (rest == half and (part if decimals else whole) & 1):
                    part += 1
            elif shift == 64 and product > <uint64_t>1 << 63:
                part = 1
        elif shift < 128:
            wide = times(mantissa, scale)
            part = low(right(wide, shift))
            wide = minus(wide, left(times(part, 1), shift))
            if compare(wide, left(times(1, 1), shift - 1)) + <int>(part & 1) > 0:
                part += 1
        if part >= scale:
            part = 0
            whole += 1
        p = put_u64(p, whole)
    if decimals:
        p[0] = c'.'
        return put_digits(p + 1, part, decimals)
    return p


# The first `digits` decimal digits of mantissa * 2**exponent = size, rounded, as one integer; *point gets the
# power of ten of the first one. False where 128 bits or the tables are too small.
cdef bint leading_digits(uint64_t mantissa, int exponent, double size, int digits, uint64_t *out,
                         int *point) noexcept nogil:
    cdef u128 number, divisor, rest
    cdef uint64_t result
    cdef int power = 0, k
    if digits > 17 or size < 1e-15 or size >= 1e22:
        return False
    while power < 22 and size >= ktc_exact_tens[power + 1]:
        power += 1
    while size < 1:
        size *= 10
        power -= 1
    while True:                             # twice when that estimate is off by one next to a power of ten
        k = digits - 1 - power              # -22 < k <= 31
        if k > 22:
            return False
        # 53 bits times 10**22, 74 bits
        number = times(mantissa * ten_to(max(k - 19, 0)), ten_to(min(max(k, 0), 19)))
        divisor = times(ten_to(max(-k - 19, 0)), ten_to(min(max(-k, 0), 19)))
        if exponent >= 0:
            number = left(number, exponent)  # size < 10**22 < 2**74: k < 0, or k <= 1 and size < 10**16
        elif exponent < -102 or low(right(divisor, 126 + exponent)):
            return False
        else:
            divisor = left(divisor, -exponent)
        result = quotient(number, divisor, &rest)       # below 10**18
        if result >= ten_to(digits):
            power += 1
        elif result < ten_to(digits - 1):
            power -= 1
        else:
            break
    if compare(rest, minus(divisor, rest)) + <int>(result & 1) > 0:
        result += 1
        if result == ten_to(digits):
            result = ten_to(digits - 1)
            power += 1
    out[0] = result
    point[0] = power
    return True


# More than 40 digits are cut to 40.
cdef char *put_general(char *p, double value, int digits) noexcept nogil:
    cdef uint64_t bits, mantissa, number
    cdef int exponent, point, kept, i
    cdef char text[64]
    cdef char *q
    memcpy(&bits, &value, 8)
    if bits >> 63:
        p[0] = c'-'
        p += 1
    mantissa = bits & ((<uint64_t>1 << MANTISSA) - 1)
    exponent = (bits >> MANTISSA) & 0x7ff
    if exponent == 0x7ff:
        return put_not_finite(p, mantissa)
    if not exponent and not mantissa:
        p[0] = c'0'
        return p + 1
    if digits < 1:
        digits = 1
    if digits > 40:
        digits = 40
    if exponent:
        mantissa |= <uint64_t>1 << MANTISSA
    else:
        exponent = 1
    bits &= 0x7fffffffffffffffULL
    memcpy(&value, &bits, 8)
    if leading_digits(mantissa, exponent - 1075, value, digits, &number, &point):
        put_digits(text, number, digits)
    else:
        # d.ddde+xx: the digits are taken around the point, which may be any character of the locale
        snprintf(text, sizeof(text), b"%.*e", digits - 1, value)
        q = text
        while q[0] != c'e':
            q += 1
        point = 0
        i = 2
        while q[i]:
            point = 10 * point + q[i] - 48
            i += 1
        if q[1] == c'-':
            point = -point
        if digits > 1:
            i = digits - 1
            q -= i
            while i:
                text[digits - i] = q[0]
                q += 1
                i -= 1
    kept = digits
    while kept > 1 and text[kept - 1] == c'0':
        kept -= 1
    if point < -4 or point >= digits:
        p[0] = text[0]
        p += 1
        if kept > 1:
            p[0] = c'.'
            memcpy(p + 1, text + 1, kept - 1)
            p += kept
        p[0] = c'e'
        p[1] = c'-' if point < 0 else c'+'
        if point < 0:
            point = -point
        if point < 100:
            return put_pair(p + 2, point)
        return put_u64(p + 2, point)
    if point < 0:
        memcpy(p, <const char *>b"0.000", 1 - point)
        memcpy(p + 1 - point, text, kept)
        return p + 1 - point + kept
    # text has `digits` digits, of which zeros at the end may count here
    memcpy(p, text, point + 1)
    p += point + 1
    if kept > point + 1:
        p[0] = c'.'
        memcpy(p + 1, text + point + 1, kept - point - 1)
        p += kept - point
    return p


cdef char *put_exponent(char *p, float value) noexcept nogil:
    """The eleven digits are value * 10**k in double arithmetic with exact operands, wrong by half a unit in
    the last of 53 bits where eleven digits take 37; they are certain unless what follows them is that close
    to a half, and then, as for every k that is not from 0 to 22, printf has the word.
    """
    cdef char text[64]
    cdef double size = value, scaled, fraction
    cdef uint64_t digits, bits
    cdef uint32_t upper, lower
    cdef int power, i
    cdef char *q
    if not isfinite(size):
        return put_fixed_any(p, size, 10)
    memcpy(&bits, &size, 8)
    p[0] = c'-'
    p += bits >> 63
    bits &= 0x7fffffffffffffffULL
    memcpy(&size, &bits, 8)
    if bits == 0:
        memcpy(p, <const char *>b"0.0000000000e+00", 16)
        return p + 16
    power = ((<int>(bits >> MANTISSA) - 1023) * 1233) >> 12         # the decimal exponent, or one less
    fraction = 0.5
    if -12 <= power <= 9:
        power += size * ktc_exact_tens[10 - power] >= 1e11
        scaled = size * ktc_exact_tens[10 - power]
        digits = <uint64_t>scaled
        fraction = scaled - <double>digits
    if fabs(fraction - 0.5) < 1e-4:
        i = snprintf(text, sizeof(text), b"%.10e", size)
        q = text
        while q[0] != c'e':
            q += 1
        p[0] = text[0]                              # what is between may be any locale's point
        p[1] = c'.'
        memcpy(p + 2, q - 10, 10 + (text + i - q))
        return p + 12 + (text + i - q)
    digits += fraction > 0.5
    if digits == 100000000000ULL:
        digits = 10000000000ULL
        power += 1
    upper = <uint32_t>(digits // 100000000)
    p[0] = 48 + <char>(upper // 100)
    p[1] = c'.'
    put_pair(p + 2, upper % 100)
    lower = <uint32_t>(digits - 100000000ULL * upper)
    put_four(put_four(p + 4, lower // 10000), lower % 10000)
    p[12] = c'e'
    p[13] = c'-' if power < 0 else c'+'
    return put_pair(p + 14, -power if power < 0 else power)


# The same from Python, over packed native values: for tests, which compare millions.

def format_fixed(bytes values, int decimals):
    """float64 values as bytes -> one line each, as printf("%.<decimals>f")."""
    cdef Py_ssize_t n = len(values) // 8, i
    cdef bytes room = PyBytes_FromStringAndSize(NULL, n * FIXED_MAX)
    cdef char *p = room
    cdef const char *source = values
    cdef double value
    if not 0 <= decimals <= 15:
        raise ValueError("decimals run from 0 to 15")
    for i in range(n):
        memcpy(&value, source + 8 * i, 8)
        p = put_fixed(p, value, decimals)
        p[0] = c'\n'
        p += 1
    return room[:p - <char *>room]


def format_general(bytes values, int digits):
    """float64 values as bytes -> one line each, as printf("%.<digits>g")."""
    cdef Py_ssize_t n = len(values) // 8, i
    cdef bytes room = PyBytes_FromStringAndSize(NULL, n * 64)
    cdef char *p = room
    cdef const char *source = values
    cdef double value
    for i in range(n):
        memcpy(&value, source + 8 * i, 8)
        p = put_general(p, value, digits)
        p[0] = c'\n'
        p += 1
    return room[:p - <char *>room]


def format_integers(bytes values, str kind):
    """Integers of a registry type (i4, u4, i8, u8) as bytes -> one line each."""
    cdef Py_ssize_t width = 4 if kind[1] == "4" else 8, n = len(values) // width, i
    cdef bytes room = PyBytes_FromStringAndSize(NULL, n * 22)
    cdef char *p = room
    cdef const char *source = values
    cdef int code = ("i4", "u4", "i8", "u8").index(kind)
    for i in range(n):
        if code == 0:
            p = put_i32(p, (<const int32_t *>source)[i])
        elif code == 1:
            p = put_u32(p, (<const uint32_t *>source)[i])
        elif code == 2:
            p = put_i64(p, (<const int64_t *>source)[i])
        else:
            p = put_u64(p, (<const uint64_t *>source)[i])
        p[0] = c'\n'
        p += 1
    return room[:p - <char *>room]
