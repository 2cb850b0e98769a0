"""From random numbers to damage, for full Monte Carlo.

A number falls into the first bin of its distribution whose cdf is not below it, or else into the last one; in
a bin it is placed as gulcalc places it, but for how the root of the parabola is worked out. What lies beyond
the cdf's end is not cut off: the last bin's line or parabola goes on.

Numbers and their distributions lie side by side, so that several are worked on at once. Most numbers mean no
damage: those that a point takes are told apart beforehand.
"""
from libc.math cimport sqrt
from libc.stdint cimport int32_t, int64_t

from ktc._core.montecarlo cimport PARABOLA, STRAIGHT

cdef enum:
    TILE = 256                      # numbers at once


cdef void find_bins(const Rows *rows, const double *v, const int32_t *place, int64_t n, int32_t *bin) noexcept nogil:
    cdef int64_t k
    cdef int32_t stride = rows.stride
    cdef int32_t half = stride // 2
    cdef int32_t at
    cdef const float *row = rows.row
    cdef const int32_t *last = rows.last
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
    """The same where they lie elsewhere: at^2 + bt = over, where a and b follow from the height, the width and
    the place of the mean."""
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
