"""Text as numbers, as strtod has them under the C locale, whatever locale the process runs in.

Reading keeps 18 digits in an integer and scales it by an exact power of ten. Where that cannot be proven
right, the digits go to strtod or strtof on a bounded copy without a decimal point ("12345e-3"), which no
locale reads differently. Blanks are scanf's, except the newline: a number that is missing at the end of a
line is missing. Hexadecimal floats are not numbers here, a minus does not fit an unsigned type, and a finite
number beyond the largest float or double does not fit either.
"""
from libc.math cimport isfinite
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport strtod
from libc.string cimport memchr, memcpy
from cpython.bytes cimport PyBytes_FromStringAndSize

from ktc._core.puttext cimport put_general, put_i64
from ktc._core.text cimport FLOAT_TAIL, ktc_exact_tens

cdef extern from "<stdlib.h>" nogil:
    float strtof(const char *text, char **stop)

cdef extern from "<math.h>" nogil:
    bint isinf(double value)
    double INFINITY

cdef enum:
    DIGITS_KEPT = 800           # more than the 767 that decide how any double rounds


cdef inline const char *skip_blanks(const char *p, const char *end) noexcept nogil:
    while p < end and (p[0] == c' ' or p[0] == c'\t' or p[0] == c'\r' or p[0] == c'\v' or p[0] == c'\f'):
        p += 1
    return p


# The digits at p as a number; NULL when there are none or more than 64 bits.
cdef inline const char *get_magnitude(const char *p, const char *end, uint64_t *value) noexcept nogil:
    cdef const char *start = p
    cdef uint64_t total = 0
    cdef uint8_t digit
    while p < end:
        digit = <uint8_t>(p[0] - 48)
        if digit > 9:
            break
        if total >= 1844674407370955161ULL and (total > 1844674407370955161ULL or digit > 5):
            return NULL
        total = 10 * total + digit
        p += 1
    value[0] = total
    return p if p > start else NULL


cdef inline const char *get_signed(const char *p, const char *end, uint64_t largest,
                                   int64_t *value) noexcept nogil:
    cdef uint64_t magnitude
    cdef bint negative = False
    p = skip_blanks(p, end)
    if p < end and (p[0] == c'-' or p[0] == c'+'):
        negative = p[0] == c'-'
        p += 1
    p = get_magnitude(p, end, &magnitude)
    if p == NULL or magnitude > largest + negative:
        return NULL
    value[0] = <int64_t>(<uint64_t>0 - magnitude if negative else magnitude)
    return p


cdef inline const char *get_unsigned(const char *p, const char *end, uint64_t largest,
                                     uint64_t *value) noexcept nogil:
    cdef bint negative = False
    p = skip_blanks(p, end)
    if p < end and (p[0] == c'-' or p[0] == c'+'):
        negative = p[0] == c'-'
        p += 1
    p = get_magnitude(p, end, value)
    if p == NULL or value[0] > largest or (negative and value[0]):
        return NULL
    return p


cdef const char *get_i32(const char *p, const char *end, int32_t *value) noexcept nogil:
    cdef int64_t number = 0
    p = get_signed(p, end, 0x7fffffff, &number)
    if p != NULL:
        value[0] = <int32_t>number
    return p


cdef const char *get_u32(const char *p, const char *end, uint32_t *value) noexcept nogil:
    cdef uint64_t number = 0
    p = get_unsigned(p, end, 0xffffffff, &number)
    if p != NULL:
        value[0] = <uint32_t>number
    return p


cdef const char *get_i64(const char *p, const char *end, int64_t *value) noexcept nogil:
    cdef int64_t number = 0
    p = get_signed(p, end, 0x7fffffffffffffff, &number)
    if p != NULL:
        value[0] = number
    return p


cdef const char *get_u64(const char *p, const char *end, uint64_t *value) noexcept nogil:
    cdef uint64_t number = 0
    p = get_unsigned(p, end, 0xffffffffffffffff, &number)
    if p != NULL:
        value[0] = number
    return p


# A decimal number taken apart: mantissa * 10**exponent, exact while the mantissa has fewer than 18 digits.
cdef struct Decimal:
    bint negative
    bint special                # inf or nan: `value`
    uint64_t mantissa
    int64_t exponent
    int64_t written             # what stands after the e
    double value
    const char *digits          # from here
    const char *stop            # to here: digits and at most one point


cdef bint match(const char *p, const char *end, const char *word, int length) noexcept nogil:
    cdef int i
    if end - p < length:
        return False
    for i in range(length):
        if (p[i] | 32) != word[i]:
            return False
    return True


# inf or nan at p, after the sign.
cdef const char *scan_special(const char *p, const char *end, Decimal *number) noexcept nogil:
    cdef uint64_t nan = 0x7ff8000000000000ULL       # the sign of C's NAN is the library's choice
    if match(p, end, b"inf", 3):
        number.value = INFINITY
        p += 8 if match(p, end, b"infinity", 8) else 3
    elif match(p, end, b"nan", 3):
        memcpy(&number.value, &nan, 8)
        p += 3
    else:
        return NULL
    number.special = True
    if number.negative:
        number.value = -number.value
    return p


# Keep the first 18 significant of a number's digits.
cdef void shorten(Decimal *number) noexcept nogil:
    cdef const char *p = number.digits
    cdef uint8_t digit
    cdef int kept = 0
    cdef bint point = False
    number.mantissa, number.exponent = 0, number.written
    while p < number.stop:
        digit = <uint8_t>(p[0] - 48)
        if digit > 9:
            point = True
        elif kept < 18:
            number.mantissa = 10 * number.mantissa + digit
            kept += number.mantissa != 0
            number.exponent -= point
        else:
            number.exponent += not point
        p += 1


cdef inline const char *scan(const char *p, const char *end, Decimal *number) noexcept nogil:
    cdef uint64_t mantissa = 0
    cdef int64_t decimals = 0, written = 0
    cdef const char *q
    cdef uint8_t digit
    cdef bint negative
    number.negative = number.special = False
    p = skip_blanks(p, end)
    if p < end and (p[0] == c'-' or p[0] == c'+'):
        number.negative = p[0] == c'-'
        p += 1
    number.digits = p
    while p < end:
        digit = <uint8_t>(p[0] - 48)
        if digit > 9:
            break
        mantissa = 10 * mantissa + digit            # may wrap round: shorten() counts the digits then
        p += 1
    if p < end and p[0] == c'.':
        p += 1
        q = p
        while p < end:
            digit = <uint8_t>(p[0] - 48)
            if digit > 9:
                break
            mantissa = 10 * mantissa + digit
            p += 1
        decimals = p - q
        if p - number.digits == 1:
            return NULL
    elif p == number.digits:
        return scan_special(p, end, number)
    number.stop = p
    if p < end and (p[0] | 32) == c'e':
        q = p + 1
        negative = False
        if q < end and (q[0] == c'-' or q[0] == c'+'):
            negative = q[0] == c'-'
            q += 1
        if q < end and <uint8_t>(q[0] - 48) <= 9:
            while q < end and <uint8_t>(q[0] - 48) <= 9:
                if written < 1000000000:            # beyond any exponent that digits could bring back
                    written = 10 * written + (q[0] - 48)
                q += 1
            if negative:
                written = -written
            p = q
    number.mantissa, number.exponent, number.written = mantissa, written - decimals, written
    if number.stop - number.digits > 18:
        shorten(number)
    return p


# The number as "digits e exponent" in at most DIGITS_KEPT digits; a 1 stands for whatever non-zero digits
# follow.
cdef void rewrite(const Decimal *number, char *text) noexcept nogil:
    cdef const char *p = number.digits
    cdef int64_t exponent = number.written
    cdef int n = 0
    cdef bint point = False, more = False
    while p < number.stop:
        if p[0] == c'.':
            point = True
        elif n == 0 and p[0] == c'0':
            exponent -= point
        elif n < DIGITS_KEPT:
            text[n] = p[0]
            n += 1
            exponent -= point
        else:
            more |= p[0] != c'0'
            exponent += not point
        p += 1
    if more:
        text[n] = c'1'
        n += 1
        exponent -= 1
    text[n] = c'e'
    put_i64(text + n + 1, exponent)[0] = 0


cdef double slow_f64(const Decimal *number) noexcept nogil:
    cdef char text[DIGITS_KEPT + 32]
    rewrite(number, text)
    return strtod(text, NULL)


cdef float slow_f32(const Decimal *number) noexcept nogil:
    cdef char text[DIGITS_KEPT + 32]
    rewrite(number, text)
    return strtof(text, NULL)


cdef const char *get_f64(const char *p, const char *end, double *value) noexcept nogil:
    cdef Decimal number
    cdef double result
    p = scan(p, end, &number)
    if p == NULL:
        return NULL
    if number.special:
        value[0] = number.value
        return p
    if not number.mantissa:
        result = 0
    elif number.mantissa <= <uint64_t>1 << 53 and -22 <= number.exponent <= 22:
        # both operands exact, so the one operation rounds correctly
        if number.exponent < 0:
            result = <double><int64_t>number.mantissa / ktc_exact_tens[-number.exponent]
        else:
            result = <double><int64_t>number.mantissa * ktc_exact_tens[number.exponent]
    else:
        result = slow_f64(&number)
        if isinf(result):
            return NULL
    value[0] = -result if number.negative else result
    return p


cdef const char *get_f32(const char *p, const char *end, float *value) noexcept nogil:
    cdef Decimal number
    cdef double wide = 0
    cdef float result
    cdef uint64_t bits
    cdef int64_t tail
    p = scan(p, end, &number)
    if p == NULL:
        return NULL
    if number.special:
        value[0] = <float>number.value
        return p
    if -22 <= number.exponent <= 22:
        if number.exponent < 0:
            wide = <double><int64_t>number.mantissa / ktc_exact_tens[-number.exponent]
        else:
            wide = <double><int64_t>number.mantissa * ktc_exact_tens[number.exponent]
    # wide is within two units of its last place; a midpoint of two normal floats has 1 and zeros after a
    # float's bits.
    memcpy(&bits, &wide, 8)
    tail = <int64_t>(bits & ((1 << FLOAT_TAIL) - 1)) - (1 << (FLOAT_TAIL - 1))
    if not number.mantissa:
        result = 0
    elif wide >= 1.1754943508222875e-38 and (tail > 4 or tail < -4):
        result = <float>wide
    else:
        result = slow_f32(&number)
    if isinf(result):
        return NULL
    value[0] = -result if number.negative else result
    return p


cdef char *put_shortest(char *p, float value) noexcept nogil:
    cdef char *q = p
    cdef float again = 0
    cdef int digits
    for digits in range(1, 10):
        q = put_general(p, value, digits)
        if not isfinite(value) or (get_f32(p, q, &again) != NULL and again == value):
            break
    if not isfinite(value) or memchr(p, c'.', q - p) != NULL or memchr(p, c'e', q - p) != NULL:
        return q
    q[0] = c'.'
    q[1] = c'0'
    return q + 2


# The same from Python, into packed native values: for tests, which compare millions.

def parse(bytes lines, str kind):
    """One number a line -> packed values of a registry type (i4, u4, i8, u8, f4, f8).

    Raises ValueError, with the line's number, unless every line holds one number that fits the type and no
    more.
    """
    cdef Py_ssize_t width = 4 if kind[1] == "4" else 8, n = 0
    cdef bytes room = PyBytes_FromStringAndSize(NULL, lines.count(b"\n") * width)
    cdef char *out = room
    cdef const char *p = lines
    cdef const char *end = p + len(lines)
    cdef const char *stop
    cdef const char *after
    cdef int code = ("i4", "u4", "i8", "u8", "f4", "f8").index(kind)
    while p < end:
        stop = <const char *>memchr(p, c'\n', end - p)
        if stop == NULL:
            raise ValueError("the last line does not end")
        if code == 0:
            after = get_i32(p, stop, <int32_t *>out)
        elif code == 1:
            after = get_u32(p, stop, <uint32_t *>out)
        elif code == 2:
            after = get_i64(p, stop, <int64_t *>out)
        elif code == 3:
            after = get_u64(p, stop, <uint64_t *>out)
        elif code == 4:
            after = get_f32(p, stop, <float *>out)
        else:
            after = get_f64(p, stop, <double *>out)
        n += 1
        if after != stop:
            raise ValueError(f"line {n}: not one number of type {kind}")
        out += width
        p = stop + 1
    return room
