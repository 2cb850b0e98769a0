"""How the items of a coverage share its loss, which cannot be more than its TIV; and which samples' losses go
out.
"""
from libc.math cimport INFINITY
from libc.string cimport memcpy, memset


cdef void allocate(int rule, float *cell, int64_t n, int64_t columns, float tiv, float *total, float *best,
                   double *share) noexcept nogil:
    """Cut the coverage's losses down by the rule, column by column, where they lie.

    ktools keeps these losses in double and their sums in single precision; a column's items are summed in
    the order of their arrival.
    """
    cdef int64_t i, c
    cdef float *row
    cdef double value, part, whole, limit
    cdef int64_t by_sum
    cdef bint over = False
    memset(total, 0, columns * sizeof(float))
    if rule == 3:
        # The coverage loses what is left undamaged by none; items get that in proportion to their own
        # losses.
        if tiv == 0:
            return
        for c in range(columns):
            share[c] = 1
        for i in range(n):
            row = cell + i * columns
            for c in range(columns):
                total[c] += row[c] if row[c] == row[c] else 0
                share[c] *= 1 - <double>row[c] / <double>tiv if row[c] == row[c] else 1
        for c in range(columns):
            share[c] = <double>tiv * (1. - share[c]) / <double>total[c] if total[c] > 0 else 1
        for i in range(n):
            row = cell + i * columns
            for c in range(columns):
                row[c] = <float>(<double>row[c] * share[c])
        return
    if rule == 2:
        # The largest is the coverage's loss, and items that have it share it; others have none.
        for c in range(COLUMN_DEVIATION, columns):
            best[c] = 0
            share[c] = 0
        for i in range(n):
            row = cell + i * columns
            for c in range(COLUMN_DEVIATION, columns):
                best[c] = row[c] if row[c] > best[c] else best[c]
        for i in range(n):
            row = cell + i * columns
            for c in range(COLUMN_DEVIATION, columns):
                share[c] += 1 if <double>row[c] == <double>best[c] else 0
        for c in range(COLUMN_DEVIATION, columns):
            value, whole = best[c], share[c]
            share[c] = value / whole if whole > 0 else 0
        for i in range(n):
            row = cell + i * columns
            for c in range(COLUMN_DEVIATION):
                total[c] += row[c]
            for c in range(COLUMN_DEVIATION, columns):
                part = share[c]
                total[c] = <float>(<double>total[c] + (part if <double>row[c] == <double>best[c] else 0))
    else:
        for i in range(n):
            row = cell + i * columns
            for c in range(columns):
                total[c] += row[c] if row[c] == row[c] else 0
    if tiv > 0:
        for c in range(columns):
            over |= total[c] > tiv
    if not over and rule == 1:
        return
    # What a condition chooses from is at hand before, and in double: so several columns are worked on at
    # once.
    limit = tiv if over else INFINITY
    by_sum = COLUMN_DEVIATION if rule == 2 else columns
    for i in range(n):
        row = cell + i * columns
        for c in range(by_sum):
            value, whole = row[c], total[c]
            row[c] = <float>(value / whole * <double>tiv if whole > limit else value)
        for c in range(by_sum, columns):
            value, whole, part = row[c], total[c], share[c]
            part = part if value == <double>best[c] else 0
            part = part if value == value else value
            row[c] = <float>(part / whole * <double>tiv if whole > limit else part)


cdef inline bint sum_columns(const float *cell, int64_t n, int64_t columns, int64_t stride, float tiv,
                             float *total) noexcept nogil:
    """The sums of the first columns of n rows; whether any is above the TIV. Most coverages have one item or
    two."""
    cdef const float *other = cell + stride
    cdef int64_t i, c
    cdef int32_t over = 0
    if n == 1:
        for c in range(columns):
            total[c] = cell[c]
            over |= total[c] > tiv
        return over
    if n == 2:
        for c in range(columns):
            total[c] = cell[c] + other[c]
            over |= total[c] > tiv
        return over
    memset(total, 0, columns * sizeof(float))
    for i in range(n):
        for c in range(columns):
            total[c] += cell[i * stride + c]
    for c in range(columns):
        over |= total[c] > tiv
    return over


cdef void allocate_full(int rule, float *cell, int64_t n, int64_t first, int64_t columns, float tiv,
                        float *total, double *share) noexcept nogil:
    cdef int64_t i, c
    cdef float *row
    cdef double value
    cdef double whole = tiv
    if rule == 2:
        # total: the largest; share: how many items have it
        for c in range(first, columns):
            total[c], share[c] = 0, 0
        for i in range(n):
            row = cell + i * columns
            for c in range(first, columns):
                total[c] = row[c] if row[c] > total[c] else total[c]
        for i in range(n):
            row = cell + i * columns
            for c in range(first, columns):
                share[c] += 1. if row[c] == total[c] else 0.
        for i in range(n):
            row = cell + i * columns
            for c in range(first, columns):
                value = <double>total[c] / share[c]
                row[c] = <float>value if row[c] == total[c] else <float>0
    if not tiv > 0:
        return
    if rule == 3:
        # share: what is left undamaged by all; its complement is the coverage's loss
        for c in range(first, columns):
            share[c] = 1
        for i in range(n):
            row = cell + i * columns
            for c in range(first, columns):
                share[c] *= 1. - <double>row[c] / whole
        for c in range(first, columns):
            value = 0
            for i in range(n):
                value += cell[i * columns + c]
            share[c] = whole * (1. - share[c]) / value if value > 0 else 1.
    else:
        if not sum_columns(cell + first, n, columns - first, columns, tiv, total + first):
            return
        for c in range(first, columns):
            share[c] = whole / <double>total[c] if <double>total[c] > whole else 1.
    for i in range(n):
        row = cell + i * columns
        for c in range(first, columns):
            row[c] = <float>(<double>row[c] * share[c])


cdef int64_t put_kept(const float *loss, int64_t n, double threshold, const int32_t *number, float *kept_loss,
                      int32_t *kept_sidx) noexcept nogil:
    """Copy those of n losses that reach the threshold, with the numbers of their samples; how many they are.

    kept_loss may be loss. A NaN reaches no threshold.
    """
    cdef int64_t i, kept = 0
    cdef float value
    for i in range(n):
        kept += <double>loss[i] >= threshold
    if kept == n:
        if kept_loss != loss:
            memcpy(kept_loss, loss, n * sizeof(float))
        memcpy(kept_sidx, number, n * sizeof(int32_t))
        return n
    kept = 0
    for i in range(n):
        value = loss[i]
        kept_loss[kept] = value
        kept_sidx[kept] = <int32_t>(i + 1)
        kept += <double>value >= threshold
    return kept
