"""From random numbers to damage, for full Monte Carlo.

A number falls into the first bin of its distribution whose cdf is not below it, or else into the last one; in
a bin it is placed as gulcalc places it, but for how the root of the parabola is worked out. What lies beyond
the cdf's end is not cut off: the last bin's line or parabola goes on.

Numbers and their distributions lie side by side, so that eight of them are worked on at once; what a
condition chooses from is at hand beforehand.
"""
from libc.math cimport sqrt
from libc.stdint cimport int32_t, int64_t

from ktc._core.montecarlo cimport PARABOLA, POINT


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
    cdef int64_t k
    cdef int32_t b, at, form
    cdef int32_t stride = rows.stride
    cdef const float *row = rows.row
    cdef const double *bin_from = bins.bin_from
    cdef const double *bin_to = bins.bin_to
    cdef const double *widths = bins.width
    cdef const double *squares = bins.width_squared
    cdef const double *slope = bins.slope
    cdef const double *rest = bins.rest
    cdef const int32_t *forms = bins.form
    cdef float before, to
    cdef double height, over, width, a, b2, root, above, below, value
    for k in range(n):
        b = bin[k]
        at = place[k] * stride + b
        before, to = row[at], row[at + 1]
        height, over = <double>(to - before), v[k] - <double>before
        width, form = widths[b], forms[b]
        # at^2 + bt = over, where a and b follow from the height, the width and the place of the mean
        a = 3. * height / squares[b] * slope[b]
        b2 = 2. * height / width * rest[b]
        root = b2 * b2 + 4. * a * over
        root = sqrt(root if root > 0. else 0.)
        above = 2. * over if b2 > 0. else root - b2
        below = b2 + root if b2 > 0. else 2. * a
        above = above if form == PARABOLA else over * width
        below = below if form == PARABOLA else height
        value = bin_from[b] + above / below
        damage[k] = bin_to[b] if form == POINT else value
