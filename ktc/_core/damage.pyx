"""From random numbers to damage, for full Monte Carlo.

A number falls into the first bin of its distribution whose cdf is not below it, or else into the last one; in
a bin it is placed as gulcalc places it, but for how the root of the parabola is worked out. What lies beyond
the cdf's end is not cut off: the last bin's line or parabola goes on.

Numbers and their distributions lie side by side, so that several are worked on at once. Most numbers mean no
damage: those that a point takes are told apart beforehand.
"""
from libc.math cimport INFINITY, sqrt
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy

from ktc._core.compilers cimport count_below
from ktc._core.montecarlo cimport PARABOLA, STRAIGHT

cdef enum:
    TILE = 256                      # numbers at once
    SHORT = 16                      # floats of a row that count_below takes


cdef void find_bins(const Rows *rows, const double *v, const int32_t *place, int64_t n,
                    int32_t *bin) noexcept nogil:
    cdef int64_t k
    cdef int32_t stride = rows.stride
    cdef int32_t half = stride // 2
    cdef int32_t at
    cdef const float *row = rows.row
    cdef const int32_t *last = rows.last
    if stride == SHORT:
        find_in_short(rows, v, place, n, bin)
        return
    for k in range(n):
        bin[k] = 0
    while half:
        for k in range(n):
            at = bin[k] + half
            bin[k] = at if <double>row[place[k] * stride + at] < v[k] else bin[k]
        half //= 2
    for k in range(n):
        at = last[place[k]]
        bin[k] = at if bin[k] > at else bin[k]


cdef inline float not_below(double v) noexcept nogil:
    """For v above 0 the least float that is not below it: floats are below both or neither. For any other v a
    float that no value of a cdf is below."""
    cdef float value = <float>v
    cdef int32_t bits
    memcpy(&bits, &value, sizeof(float))
    bits += <double>value < v
    memcpy(&value, &bits, sizeof(float))
    return value


cdef void find_in_short(const Rows *rows, const double *v, const int32_t *place, int64_t n,
                        int32_t *bin) noexcept nogil:
    """The same where rows have SHORT floats: as these ascend, a number's bin is how many, but the first, are
    below it."""
    cdef float limit[TILE]
    cdef int64_t first = 0, k, some
    cdef int32_t below, at
    while first < n:
        some = min(<int64_t>TILE, n - first)
        for k in range(some):
            limit[k] = not_below(v[first + k])
        for k in range(some):
            below = count_below(rows.row + place[first + k] * SHORT, limit[k])
            at = rows.last[place[first + k]]
            bin[first + k] = at if below > at else below
        first += some


cdef void damages(const Rows *rows, const DamageBins *bins, const double *v, const int32_t *place,
                  const int32_t *bin, int64_t n, double *damage) noexcept nogil:
    cdef int32_t straight[TILE]
    cdef int32_t parabola[TILE]
    cdef int64_t first = 0, k, some, n_straight, n_parabola
    cdef int32_t form
    while first < n:
        some = min(<int64_t>TILE, n - first)
        n_straight = n_parabola = 0
        for k in range(some):
            form = bins.form[bin[first + k]]
            damage[first + k] = bins.bin_to[bin[first + k]]
            straight[n_straight] = parabola[n_parabola] = <int32_t>k
            n_straight += form == STRAIGHT
            n_parabola += form == PARABOLA
        along_lines(rows, bins, v + first, place + first, bin + first, straight, n_straight, damage + first)
        along_parabolas(rows, bins, v + first, place + first, bin + first, parabola, n_parabola,
                        damage + first)
        first += some


cdef void along_lines(const Rows *rows, const DamageBins *bins, const double *v, const int32_t *place,
                      const int32_t *bin, const int32_t *which, int64_t n, double *damage) noexcept nogil:
    """Numbers whose bins have their means in the middle. which: their places."""
    cdef double height[TILE]
    cdef double over[TILE]
    cdef double base[TILE]
    cdef const float *row
    cdef int64_t k
    cdef int32_t w, b
    for k in range(n):
        w = which[k]
        b = bin[w]
        row = rows.row + place[w] * rows.stride + b
        height[k] = <double>(row[1] - row[0])
        over[k] = (v[w] - <double>row[0]) * bins.width[b]
        base[k] = bins.bin_from[b]
    for k in range(n):
        over[k] = base[k] + over[k] / height[k]
    for k in range(n):
        damage[which[k]] = over[k]


cdef void along_parabolas(const Rows *rows, const DamageBins *bins, const double *v, const int32_t *place,
                          const int32_t *bin, const int32_t *which, int64_t n, double *damage) noexcept nogil:
    """The same where they lie elsewhere: at^2 + bt = over, where a and b follow from the height, the width
    and the place of the mean."""
    cdef double height[TILE]
    cdef double over[TILE]
    cdef double base[TILE]
    cdef double width[TILE]
    cdef double square[TILE]
    cdef double slope[TILE]
    cdef double rest[TILE]
    cdef const float *row
    cdef double a, b, root, above, below
    cdef int64_t k
    cdef int32_t w, number
    for k in range(n):
        w = which[k]
        number = bin[w]
        row = rows.row + place[w] * rows.stride + number
        height[k] = <double>(row[1] - row[0])
        over[k] = v[w] - <double>row[0]
        base[k], width[k], square[k] = bins.bin_from[number], bins.width[number], bins.width_squared[number]
        slope[k], rest[k] = bins.slope[number], bins.rest[number]
    for k in range(n):
        a = 3. * height[k] / square[k] * slope[k]
        b = 2. * height[k] / width[k] * rest[k]
        root = b * b + 4. * a * over[k]
        root = sqrt(root if root > 0. else 0.)
        above = 2. * over[k] if b > 0. else root - b
        below = b + root if b > 0. else 2. * a
        over[k] = base[k] + above / below
    for k in range(n):
        damage[which[k]] = over[k]


# ---- from Python

def bins_of(rows, last, numbers, places):
    """The bin of each number in its row, as an array of 32-bit integers.

    rows: an array of (any, stride) floats, laid out as Rows are; last: the number of each row's last bin."""
    import numpy as np

    cdef Rows those
    cdef bytes row = np.ascontiguousarray(rows, np.float32).tobytes()
    cdef bytes ends = np.ascontiguousarray(last, np.int32).tobytes()
    cdef bytes v = np.ascontiguousarray(numbers, np.float64).tobytes()
    cdef bytes place = np.ascontiguousarray(places, np.int32).tobytes()
    cdef int64_t n = len(v) // sizeof(double)
    cdef bytearray bin = bytearray(n * sizeof(int32_t))
    those.row, those.last, those.stride = <float *><char *>row, <int32_t *><char *>ends, rows.shape[1]
    find_bins(&those, <const double *><const char *>v, <const int32_t *><const char *>place, n,
              <int32_t *><char *>bin)
    return np.frombuffer(bin, np.int32)


cdef void fill_row(float *row, const float *cdf, int32_t n, int64_t stride) noexcept nogil:
    cdef int64_t k
    row[0] = 0
    memcpy(row + 1, cdf, n * sizeof(float))
    for k in range(n + 1, stride):
        row[k] = <float>INFINITY
