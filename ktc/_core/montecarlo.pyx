"""What full Monte Carlo needs of a model and a portfolio.

A vulnerability function is a matrix: by intensity bin, the probability of each damage bin. Its columns' cdfs
do not depend on an event, so they are made once, with what a mean needs of them.

A cdf ends with the bin at which the sum of its probabilities, in double precision, reaches the single
precision value next to 1, and without the bins at its end that add nothing; the sums are kept in single
precision.
"""
from libc.math cimport fabs, isfinite
from libc.stdint cimport uint64_t
from libc.string cimport memcpy, memset

from ktc._core cimport records as rec
from ktc._core.arena cimport Memory
from ktc._core.hashing cimport add_number, free_numbers, start_numbers
from ktc._core.io cimport Mapped

from ktc.errors import DataError

cdef extern from *:
    """
    #include <math.h>
    #include "compilers.h"

    /* Mean and mean square of a cdf's bins. A variance is a small difference of large numbers, so these are
       the reference's operations as they were compiled there: fused ones in the squares, and sums of eight
       bins at a time after the first n % 8. */
    static KTC_ALWAYS_INLINE void
    ktc_add_up(const float *cdf, const float *middle, int n, double *mean, double *square) {
        double before = 0, sum = 0, squares = 0, part[8];
        int d = n & 7, k;
        for (k = 0; k < d; k++) {
            part[k] = (cdf[k] - before) * middle[k];
            before = cdf[k];
            sum += part[k];
            squares = fma(part[k], middle[k], squares);
        }
        for (; d < n; d += 8) {
            for (k = 0; k < 8; k++) {
                part[k] = (cdf[d + k] - before) * middle[d + k];
                before = cdf[d + k];
            }
            sum = ((sum + part[0]) + (part[1] + part[2])) + ((part[3] + part[4]) + part[5]);
            sum += part[6] + part[7];
            for (k = 0; k < 8; k++)
                squares = fma(part[k], middle[d + k], squares);
        }
        *mean = sum;
        *square = squares;
    }

    #if defined(__GNUC__) && defined(__x86_64__) && !defined(__FMA__)
    __attribute__((target("fma")))
    static void ktc_add_up_fused(const float *cdf, const float *middle, int n, double *mean, double *square) {
        ktc_add_up(cdf, middle, n, mean, square);
    }
    #endif

    /* A processor's instruction and the library's function give the same numbers; the latter takes longer. */
    static void ktc_moments(const float *cdf, const float *middle, int n, double *mean, double *square) {
    #if defined(__GNUC__) && defined(__x86_64__) && !defined(__FMA__)
        if (__builtin_cpu_supports("fma")) {
            ktc_add_up_fused(cdf, middle, n, mean, square);
            return;
        }
    #endif
        ktc_add_up(cdf, middle, n, mean, square);
    }
    """
    void moments "ktc_moments"(const float *cdf, const float *middle, int n, double *mean,
                               double *square) noexcept nogil


ALL = 0.999999940


cdef int32_t without_tail(const float *cdf, int32_t n) noexcept nogil:
    while n > 1 and cdf[n - 2] == cdf[n - 1]:
        n -= 1
    return n


cdef int32_t cumulate(const float *probability, int32_t n, float *cdf) noexcept nogil:
    cdef double sum = 0
    cdef int32_t k
    for k in range(n):
        sum += probability[k]
        cdf[k] = <float>sum
        if sum >= ALL:
            n = k + 1
            break
    return without_tail(cdf, n)


cdef int32_t cumulate_sums(const double *probability, int32_t n, float *cdf) noexcept nogil:
    cdef double sum = 0
    cdef int32_t k
    cdf[0] = 0
    for k in range(n):
        sum += probability[k]
        cdf[k] = <float>sum
        if sum >= ALL:
            n = k + 1
            break
    return without_tail(cdf, max(n, 1))


cdef class FullModel:
    """The model and the portfolio for GulMC kernels.

    columns: by name, a Mapped of one column of the items, which are in the order of areaperils' first rows,
    vulnerability ids and item ids; of the kinds of distributions that they number; of the draws; and of what
    else is a list. See ktc.fullkernel.Compiled, which makes them. DataError for values that cannot be.
    """

    def __cinit__(self, dict columns not None, list matrices not None, int32_t n_damage, int32_t n_intensity,
                  *, bint dynamic=False):
        self.memory, self.kept = Memory(), []
        start_numbers(&self.areaperils)
        self.n_damage, self.n_intensity, self.dynamic = n_damage, n_intensity, dynamic
        self.stride = 4
        while self.stride < n_damage + 2:
            self.stride *= 2
        self.load_bins(columns["damage_bins"])
        self.load_items(columns)
        self.load_kinds(columns)
        self.n_matrices = len(matrices)
        self.matrix = <Matrix *>self.memory.allot(self.n_matrices, sizeof(Matrix))
        for v, array in enumerate(matrices):
            self.add_matrix(v, array)

    def __dealloc__(self):
        free_numbers(&self.areaperils)

    cdef const int32_t *numbers(self, dict columns, str name, int64_t n=-1) except? NULL:
        cdef Mapped column = columns[name]
        assert n < 0 or <int64_t>column.size == 4 * n, name
        self.kept.append(column)
        return <const int32_t *>column.data

    cdef int load_bins(self, Mapped table) except -1:
        cdef int64_t k, n = table.records(sizeof(rec.damage_bin_dict), "a damage bin")
        cdef const rec.damage_bin_dict *record = <const rec.damage_bin_dict *>table.data
        cdef float bin_from, bin_to, mean, width, x
        cdef DamageBins *bins = &self.bins
        cdef Memory memory = self.memory
        if n < self.n_damage:
            raise DataError(f"{table.name}: {n} damage bins, expected {self.n_damage}, the largest damage "
                            "bin of the vulnerability functions")
        bins.bin_from, bins.bin_to = <double *>memory.allot(n, 8), <double *>memory.allot(n, 8)
        bins.width, bins.width_squared = <double *>memory.allot(n, 8), <double *>memory.allot(n, 8)
        bins.slope, bins.rest = <double *>memory.allot(n, 8), <double *>memory.allot(n, 8)
        bins.mean = <float *>memory.allot(n, 4)
        bins.damage_type, bins.form = <int32_t *>memory.allot(n, 4), <int32_t *>memory.allot(n, 4)
        for k in range(n):
            bin_from, bin_to, mean = record[k].bin_from, record[k].bin_to, record[k].interpolation
            if not (isfinite(bin_from) and isfinite(bin_to) and isfinite(mean)):
                table.fail(k * sizeof(rec.damage_bin_dict), f"record {k + 1}: the damage bin goes from "
                           f"{bin_from} to {bin_to} with the mean {mean}, expected numbers")
            # the widths of the reference: some are kept in single precision
            width = bin_to - bin_from
            bins.bin_from[k], bins.bin_to[k], bins.mean[k] = bin_from, bin_to, mean
            bins.width[k], bins.width_squared[k] = width, <double>(<float>(width * width))
            bins.damage_type[k] = record[k].interval_type
            bins.form[k] = POINT
            if width != 0:
                x = <float>(mean - bin_from) / width
                bins.slope[k], bins.rest[k] = 2. * <double>x - 1., 2. - 3. * <double>x
                bins.form[k] = STRAIGHT if fabs(<double>x - .5) <= 5e-6 else PARABOLA
        return 0

    cdef int load_items(self, dict columns) except -1:
        cdef Mapped areaperils = columns["areaperil_id"], tiv = columns["tiv"]
        cdef int64_t n = areaperils.size // 8, k
        cdef const uint64_t *areaperil = <const uint64_t *>areaperils.data
        cdef const int32_t *item_id = self.numbers(columns, "item_id", n)
        cdef const int32_t *coverage_id = self.numbers(columns, "coverage_id", n)
        cdef const int32_t *kind = self.numbers(columns, "kind", n)
        cdef const int32_t *damage_draw = self.numbers(columns, "damage_draw", n)
        cdef const int32_t *hazard_draw = self.numbers(columns, "hazard_draw", n)
        cdef const int32_t *return_period = self.numbers(columns, "return_period", n)
        cdef const int32_t *source = self.numbers(columns, "source", n)
        cdef const float *factor = <const float *>self.numbers(columns, "factor", n)
        cdef int32_t number = -1
        self.n_items, self.n_coverages = n, tiv.size // 4
        self.tiv = <const float *>tiv.data
        self.kept.append(tiv)
        self.item = <Item *>self.memory.allot(n, sizeof(Item))
        self.start = <int64_t *>self.memory.allot(n + 1, sizeof(int64_t))
        for k in range(n):
            if k == 0 or areaperil[k] != areaperil[k - 1]:
                number = add_number(&self.areaperils, areaperil[k])
                self.start[number] = k
            self.start[number + 1] = k + 1
            self.item[k].item_id, self.item[k].coverage_id = item_id[k], coverage_id[k]
            self.item[k].distribution, self.item[k].damage_draw = kind[k], damage_draw[k]
            self.item[k].hazard_draw, self.item[k].return_period = hazard_draw[k], return_period[k]
            self.item[k].source, self.item[k].factor = source[k], factor[k]
            self.dependent |= source[k] >= 0
        return 0

    cdef int load_kinds(self, dict columns) except -1:
        cdef int64_t k, n
        cdef Mapped column = columns["vulnerability"]
        cdef const int32_t *vulnerability = self.numbers(columns, "vulnerability")
        cdef const int32_t *peril
        cdef const int32_t *adjustment
        cdef const int32_t *weights
        n = self.n_kinds = column.size // 4
        peril, adjustment = self.numbers(columns, "peril", n), self.numbers(columns, "adjustment", n)
        weights = self.numbers(columns, "weights", n)
        self.kind = <Kind *>self.memory.allot(n, sizeof(Kind))
        for k in range(n):
            self.kind[k].vulnerability, self.kind[k].peril = vulnerability[k], peril[k]
            self.kind[k].adjustment, self.kind[k].weights = adjustment[k], weights[k]
        column = columns["draw_group"]
        vulnerability = self.numbers(columns, "draw_group")
        n = self.n_draws = column.size // 4
        peril = self.numbers(columns, "draw_peril_group", n)
        adjustment = self.numbers(columns, "draw_correlation", n)
        self.draw = <Draw *>self.memory.allot(n, sizeof(Draw))
        for k in range(n):
            self.draw[k].group_id, self.draw[k].peril_group = vulnerability[k], peril[k]
            memcpy(&self.draw[k].correlation, adjustment + k, 4)
        column = columns["peril_group"]
        self.n_peril_groups = column.size // 4
        self.peril_group = <int32_t *>self.numbers(columns, "peril_group")
        column = columns["member_start"]
        self.kept.append(column)
        self.member_start = <int64_t *>column.data
        self.member = <int32_t *>self.numbers(columns, "member")
        self.weight = <const float *>self.numbers(columns, "weight")
        self.intensity_bin = self.numbers(columns, "intensity_bin")
        self.n_intensities = <int32_t>columns["n_intensities"]
        self.source_coverage = <int32_t *>self.numbers(columns, "source_coverage")
        column = columns["follower_start"]
        self.kept.append(column)
        self.follower_start = <int64_t *>column.data
        self.follower = <int32_t *>self.numbers(columns, "follower")
        return 0

    cdef int add_matrix(self, int64_t v, object array) except -1:
        """A matrix: float32, a row of n_damage probabilities for each intensity bin."""
        cdef Mapped mapped = Mapped(array)
        cdef Matrix *matrix = &self.matrix[v]
        cdef Memory memory = self.memory
        self.kept.append(mapped)
        matrix.probability = <float *>mapped.data
        matrix.n_columns = <int32_t>(<int64_t>mapped.size // (4 * self.n_damage))
        self.most_columns = max(self.most_columns, <int64_t>matrix.n_columns)
        matrix.cdf = <float *>memory.allot(<int64_t>matrix.n_columns * self.n_damage, sizeof(float))
        matrix.summary = <Summary *>memory.allot(matrix.n_columns, sizeof(Summary))
        matrix.first = <int32_t *>memory.allot(matrix.n_columns, sizeof(int32_t))
        matrix.end = <int32_t *>memory.allot(matrix.n_columns, sizeof(int32_t))
        with nogil:
            self.complete(matrix)
        return 0

    cdef void complete(self, Matrix *matrix) noexcept nogil:
        """All that follows from its probabilities."""
        cdef int32_t c, d, n
        cdef const float *probability
        cdef float *cdf
        for c in range(matrix.n_columns):
            probability = matrix.probability + <int64_t>c * self.n_damage
            cdf = matrix.cdf + <int64_t>c * self.n_damage
            matrix.first[c], matrix.end[c] = self.n_damage, 0
            for d in range(self.n_damage):
                if probability[d] != 0:
                    matrix.first[c], matrix.end[c] = min(matrix.first[c], d), d + 1
            n = cumulate(probability, self.n_damage, cdf)
            self.summarise(cdf, n, &matrix.summary[c])

    cdef void summarise(self, const float *cdf, int32_t n, Summary *summary) noexcept nogil:
        moments(cdf, self.bins.mean, n, &summary.mean, &summary.second)
        summary.first, summary.n = cdf[0], n

    cdef void combine(self, const Kind *kind, int32_t c, float *column) noexcept nogil:
        """The probabilities of an aggregate's damage at one intensity: its members', by their weights. What
        divides them is inverted first, as the reference's compiler does."""
        cdef int32_t aggregate = -1 - kind.vulnerability
        cdef int64_t first = self.member_start[aggregate]
        cdef int64_t n = self.member_start[aggregate + 1] - first
        cdef int64_t m
        cdef int32_t d
        cdef double weight
        cdef double whole = 0
        cdef float share
        cdef bint any
        cdef const float *probability
        memset(column, 0, self.n_damage * sizeof(float))
        for m in range(n):
            weight = self.weight[kind.weights + m]
            if not weight > 0:
                continue
            whole += weight
            any = False
            probability = (self.matrix[self.member[first + m]].probability
                           + <int64_t>c * self.n_damage)
            for d in range(self.n_damage):
                if probability[d] > 0:
                    any = True
                    column[d] = <float>(<double>column[d] + <double>probability[d] * weight)
            if not any:                 # none of it is damaged
                column[0] = <float>(<double>column[0] + weight)
        if whole > 0:
            whole = 1. / whole
            for d in range(self.n_damage):
                column[d] = <float>(<double>column[d] * whole)
            return
        for m in range(n):
            probability = (self.matrix[self.member[first + m]].probability
                           + <int64_t>c * self.n_damage)
            for d in range(self.n_damage):
                column[d] = column[d] + probability[d]
        share = <float>(<float>1 / <float>n)
        for d in range(self.n_damage):
            column[d] = column[d] * share
