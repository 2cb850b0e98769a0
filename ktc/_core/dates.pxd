# The proleptic Gregorian calendar. A day number counts days since 0000-03-01: a year that begins in March has
# its leap day at its end.
from libc.stdint cimport INT32_MAX, int32_t, int64_t, uint32_t, uint64_t

cdef enum:
    MINUTES = 1440                  # of a day


# The day number of a date.
cdef inline int64_t day_number(int64_t year, int64_t month, int64_t day) noexcept nogil:
    cdef int64_t m = (month + 9) % 12
    cdef int64_t y = year - m // 10
    return 365 * y + y // 4 - y // 100 + y // 400 + (m * 306 + 5) // 10 + day - 1


# The days of a month.
cdef inline int64_t days_of(int64_t year, int64_t month) noexcept nogil:
    if month == 2:
        return 28 + (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))
    return 30 + ((month + (month > 7)) & 1)


# Whether there is such a day.
cdef inline bint is_date(int64_t year, int64_t month, int64_t day) noexcept nogil:
    return 1 <= month <= 12 and 1 <= day <= days_of(year, month)


# Whether there is such a time of day.
cdef inline bint is_time(int64_t hour, int64_t minute) noexcept nogil:
    return 0 <= hour <= 23 and 0 <= minute <= 59


# Year, month and day of a day number. Division truncates towards 0.
cdef inline void date_of(int64_t number, int32_t *date) noexcept nogil:
    cdef int64_t year, day, m
    cdef uint32_t y, n
    if 0 <= number <= INT32_MAX:                   # the same as below, of small numbers without a sign
        y = <uint32_t>((10000 * <uint64_t>number + 14780) // 3652425)
        day = number - (365 * <int64_t>y + (y >> 2) - y // 100 + y // 400)
        if day < 0:
            y -= 1
            day = number - (365 * <int64_t>y + (y >> 2) - y // 100 + y // 400)
        n = (100 * <uint32_t>day + 52) // 3060
        date[0] = <int32_t>(y + (n >= 10))
        date[1] = <int32_t>(n + 3 if n < 10 else n - 9)
        date[2] = <int32_t>(<uint32_t>day - (n * 306 + 5) // 10 + 1)
        return
    year = (10000 * number + 14780) // 3652425
    day = number - (365 * year + year // 4 - year // 100 + year // 400)
    if day < 0:
        year -= 1
        day = number - (365 * year + year // 4 - year // 100 + year // 400)
    m = (100 * day + 52) // 3060
    date[0] = <int32_t>(year + (m + 2) // 12)
    date[1] = <int32_t>((m + 2) % 12 + 1)
    date[2] = <int32_t>(day - (m * 306 + 5) // 10 + 1)
