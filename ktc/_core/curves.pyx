"""Exceedance curves: from losses by summary, period and sample to losses by return period.

A curve is a list of n losses, the largest first. Over so many periods (each sample of a period counts as one
where all samples make one curve) the return period of the i-th is periods / i, and its tail value at risk
(TVaR) the mean of the first i losses. With weights, the return period is 1 / the sum of the weights of the
first i.

    analytical mean         one curve: the analytical means of the periods
    all samples             one curve: the losses of all samples (full uncertainty)
    per sample              a curve for each sample (wheatsheaf)
    mean of the samples'    one curve: the mean of those curves, rank by rank (wheatsheaf mean)
    sample mean             one curve: the means over the samples of each period

Each for the largest loss of a period (OEP) and for the sum of its losses (AEP). With return periods given,
the curve is read off at them: linear between two losses, nothing above the first, 0 below the last.
Arithmetic is float, in ktools' order, and return periods are double. Beside means and sums of many numbers
there is one in double, which goes out where the float is wrong (see numbers.pxd); with weights a TVaR is the
weighted mean of the losses.
"""
from libc.math cimport INFINITY, isfinite
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free
from libc.string cimport memset

from ktc._core cimport records as rec
from ktc._core.curvelosses cimport Choice, CurveLosses
from ktc._core.memory cimport allot, resize
from ktc._core.numbers cimport FEW, checked, checked_mean
from ktc._core.occurrence cimport Occurrences, PeriodWeights
from ktc._core.periodlosses cimport Entry, PeriodLosses, Slot, present
from ktc._core.rows cimport Rows
from ktc._core.sorting cimport Weighted, sort_descending, sort_weighted
from ktc._core.tails cimport CURVES, read_off
from ktc.errors import DataError

cdef enum:
    COLUMNS = CURVES                # samples that are taken out of the rows at once: a line of the cache
    N_KINDS = 4                     # of SECTIONS
    OEP = 1                         # TVaR: one more; the type for AEP: two more
    BATCH = 1 << 23                 # losses of curves that are worked out side by side

# EPCalc of ORD
cdef enum:
    ANALYTICAL_MEAN = 1, ALL_SAMPLES, MEAN_OF_SAMPLES, SAMPLE_MEAN

SECTIONS = MEANS, SAMPLES, PER_SAMPLE, SAMPLE_MEANS = range(4)
# The largest return period of weights is this much longer when return periods are compared with it.
cdef double LENIENCY = 0.0001


cdef inline float cell(const char *row, size_t at, int64_t k, bint largest) noexcept nogil:
    """A loss of a row as it is (ABSENT where there is none); the largest of negative losses is 0."""
    cdef float value = (<const float *>(row + at))[k]
    cdef float least = 0 if largest else -INFINITY
    return least if value < least else value


cdef int64_t rank_of(double wanted, double most, int64_t first) noexcept nogil:
    """The first rank, from `first` on, whose return period (most / rank) is not above the one that is wanted.
    """
    cdef int64_t rank
    if wanted <= 0:
        return first                    # no rank has it: what comes next stands for it
    rank = max(first, <int64_t>(most / wanted) - 1)
    while most / <double>rank > wanted:
        rank += 1
    return rank


cdef inline Tail extended(Tail tail, int64_t rank, float loss, double weight) noexcept nogil:
    """The mean with one more loss, which makes them `rank`."""
    tail.mean = tail.mean - (tail.mean - loss) / <float>rank
    tail.losses += loss * weight
    tail.weight += weight
    return tail


cdef inline float value_of(Tail tail, double tolerance) noexcept nogil:
    """Of a million ranks, as many as ktools' own control files have, float is off by up to 1.2e-4. That is
    near enough."""
    return checked_mean(tail.mean, tail.losses, tail.weight, 1.25 * tolerance)


cdef class Curves(CurveLosses):
    """Exceedance curves of losses by summary, period and sample.

    return_periods: numbers from 0 on, best in descending order, or None for a point for each loss. The rest
    is CurveLosses'.
    """

    def __cinit__(self, Occurrences occurrences not None, *, PeriodWeights weights not None,
                  return_periods=None, **rest):
        cdef int64_t i
        if return_periods:
            self.return_period = <double *>allot(self.n_returns, sizeof(double))
            for i in range(self.n_returns):
                self.return_period[i] = return_periods[i]
        self.mean = <Mean *>allot(self.n_returns, sizeof(Mean))
        self.rank = <int64_t *>allot(self.n_returns, sizeof(int64_t))
        self.point = <Point *>allot(CURVES * self.n_returns, sizeof(Point))
        self.mine = <char *>allot(<int64_t>weights.last + 1, 1)

    def __dealloc__(self):
        cdef int64_t i
        free(self.return_period)
        free(self.mean)
        free(self.mine)
        for i in range(self.n_batches):
            free(self.batch[i].point)
        free(self.batch)
        free(self.rank)
        free(self.values)
        free(self.spare)
        free(self.point)
        free(self.sums)
        free(self.double_sums)
        free(self.block)
        free(self.weighted)

    cdef int start_cells(self) except -1 nogil:
        CurveLosses.start_cells(self)
        self.n_batches = 2 * N_KINDS * self.n_choices
        with gil:
            self.batch = <Batch *>allot(self.n_batches, sizeof(Batch))
        return 0

    # --- the points of a curve

    cdef int put(self, Rows rows, int32_t summary_id, int32_t type, double period,
                 float loss) except -1 nogil:
        cdef rec.exceedance_probability_table *ord
        cdef rec.exceedance_curve_ensembles *row
        if self.ord:
            ord = <rec.exceedance_probability_table *>rows.next()
            ord.SummaryId, ord.EPCalc, ord.EPType = summary_id, self.calculation, type
            ord.ReturnPeriod, ord.Loss = period, loss
            return 0
        row = <rec.exceedance_curve_ensembles *>rows.next()
        row.summary_id, row.type, row.return_period, row.loss = summary_id, self.calculation, period, loss
        if self.n_choices > 1:          # else the row ends here
            row.ensemble_id = type
        return 0

    cdef int reach(self, Reached *reached, int32_t summary_id, double period, float loss, double most,
                   int64_t counter,
                   double weight, Tail tail) except -1 nogil:
        """The curve comes to a loss of this return period: points for the return periods that lie behind it.

        counter, weight, tail: the loss's rank and weight, and the mean of those before it. A loss that is
        read off counts in the tail like the one that the curve comes to."""
        cdef double wanted
        cdef float value
        while reached.next < self.n_returns:
            wanted = self.return_period[reached.next]
            if period > wanted:
                break
            if most >= wanted:
                if period == 0 or loss == 0:
                    value = 0
                elif period == wanted:
                    value = loss
                else:
                    value = <float>((wanted - period) * (<double>reached.last_loss - <double>loss)
                                    / (reached.last_period - period) + <double>loss)
                if self.out is not None:
                    self.put(self.out, summary_id, self.type, wanted, value)
                self.mean[reached.next].period = wanted
                self.mean[reached.next].total += value
                self.mean[reached.next].n += 1
                if period != 0:
                    tail = extended(tail, counter, value, weight)
                    if self.tail is not None:
                        self.put(self.tail, summary_id, self.type + 1, wanted, value_of(tail, self.tolerance))
                counter += 1
            reached.next += 1
        if period > 0:
            reached.last_period, reached.last_loss = period, loss
        return 0

    cdef int all_points(self, int32_t summary_id, const float *loss, int64_t n, double most) except -1 nogil:
        """A point for each of n losses, the largest first; most: the longest return period."""
        cdef int64_t i
        cdef double period
        cdef Tail tail
        memset(&tail, 0, sizeof(tail))
        for i in range(n):
            period = most / <double>(i + 1)
            self.put(self.out, summary_id, self.type, period, loss[i])
            if self.tail is not None:
                tail = extended(tail, i + 1, loss[i], 1)
                self.put(self.tail, summary_id, self.type + 1, period, value_of(tail, self.tolerance))
        return 0

    cdef void plan(self, double most) noexcept nogil:
        """The ranks at which curves are read off: the first one that each return period is not below, less
        those that share one. most: the longest return period."""
        cdef int64_t next = 0, first = 1
        cdef double period
        self.n_ranks = 0
        while next < self.n_returns:
            first = rank_of(self.return_period[next], most, first)
            period = most / <double>first if self.return_period[next] > 0 else 0
            while next < self.n_returns and period <= self.return_period[next]:
                next += 1
            self.rank[self.n_ranks] = first
            self.n_ranks += 1
            first += 1

    cdef int put_curve(self, int32_t summary_id, int64_t n, double most, const Point *point) except -1 nogil:
        """The return periods of a curve of n losses, which has been read off at the ranks of the plan."""
        cdef Reached reached
        cdef Tail tail
        cdef int64_t k, i
        cdef double period
        memset(&reached, 0, sizeof(reached))
        for k in range(self.n_ranks):
            i = self.rank[k]
            if 1 < i <= n + 1:
                reached.last_period, reached.last_loss = most / <double>(i - 1), point[k].before
            period = most / <double>i if self.return_period[reached.next] > 0 else 0
            tail.mean, tail.losses, tail.weight = point[k].mean, point[k].losses, i - 1
            self.reach(&reached, summary_id, period, point[k].at, most, i, 1, tail)
        return 0

    cdef int curve(self, int32_t summary_id, const float *loss, int64_t n, double most) except -1 nogil:
        """One curve of n losses, the largest first."""
        if not self.n_returns:
            return self.all_points(summary_id, loss, n, most)
        self.plan(most)
        read_off(&loss, &n, 1, self.rank, self.n_ranks, self.tail is not None, self.point)
        return self.put_curve(summary_id, n, most, self.point)

    cdef int weighted_curve(self, int32_t summary_id, Weighted *loss, int64_t n, double constant,
                            bint per_sample) except -1 nogil:
        """A curve of n losses with weights, each of which counts `constant` times; per_sample: in float."""
        cdef Reached reached
        cdef int64_t i, k
        cdef int32_t p
        cdef double period, weight, total = 0, most = 0
        cdef float value
        cdef Tail tail
        cdef Weighted held
        memset(&tail, 0, sizeof(tail))
        for i in range(n // 2):                     # std::sort is given them from the last to the first
            held = loss[i]
            loss[i] = loss[n - 1 - i]
            loss[n - 1 - i] = held
        sort_weighted(loss, n)
        self.check_sum(summary_id, loss[n - 1].loss)
        memset(&reached, 0, sizeof(reached))
        i = 1
        for k in range(n - 1, -1, -1):
            if per_sample:
                total += <float>loss[k].weight * <float>constant
            else:
                total += loss[k].weight * constant
            if loss[k].weight == 0:
                continue
            period, value = 1 / total, loss[k].loss
            if most == 0:
                most = period + LENIENCY
            if self.n_returns:
                self.reach(&reached, summary_id, period, value, most, i, loss[k].weight, tail)
            tail = extended(tail, i, value, loss[k].weight)
            if not self.n_returns:
                if self.out is not None:
                    self.put(self.out, summary_id, self.type, period, value)
                if self.tail is not None:
                    self.put(self.tail, summary_id, self.type + 1, period, value_of(tail, self.tolerance))
            i += 1
        p = 0                                       # a period 0, which no occurrence has, can have a weight
        while reached.next < self.n_returns:
            period = weight = 0
            while p <= self.weights.last and not (self.weights.has[p] and not self.unused[p]):
                p += 1
            if p <= self.weights.last:
                weight = self.weight_of(p)
                total += weight * constant
                period = 1 / total
                p += 1
            self.reach(&reached, summary_id, period, 0, most, i, weight, tail)
            tail = extended(tail, i, 0, weight)
            i += 1
        return 0

    cdef int check_sum(self, int32_t summary_id, float largest) except -1 nogil:
        if not isfinite(largest):
            with gil:
                raise DataError(f"summary {summary_id}: losses add up to more than a float holds")
        return 0

    cdef double weight_of(self, int32_t period) noexcept nogil:
        """A period's weight, shared among its samples."""
        return self.weights.of(period) / self.sample_size if self.sample_size else self.weights.of(period)

    cdef double all_samples_weigh(self) noexcept nogil:
        """What makes a sample's share of the weight a period's again."""
        return <double><float>self.sample_size if self.sample_size else 1

    # --- the losses of a curve

    cdef int room(self, int64_t n) except -1 nogil:
        """Room for n losses of one curve, behind the first `used` values."""
        if self.weights.given:
            if n > self.weighted_room:
                resize(<void **>&self.weighted, n, sizeof(Weighted))
                self.weighted_room = n
            return 0
        if self.used + n > self.value_room:
            self.value_room = max(self.used + n, min(2 * self.value_room, <int64_t>BATCH))
            resize(<void **>&self.values, self.value_room, sizeof(float))
        self.value = self.values + self.used
        if n > self.spare_room:
            resize(<void **>&self.spare, n, sizeof(float))
            self.spare_room = n
        return 0

    cdef inline int64_t take(self, int64_t n, int32_t period, float loss) noexcept nogil:
        """The loss becomes the n-th of the curve, if its period counts; how many there are now."""
        if not self.weights.given:
            self.value[n] = loss
            return n + 1
        if self.weights.knows(period):
            self.weighted[n].loss, self.weighted[n].weight = loss, self.weight_of(period)
            return n + 1
        return n

    cdef int64_t mean_losses(self, Slot *slot, size_t at, bint largest) except -1 nogil:
        """The analytical means of the periods; how many, here and below."""
        cdef int64_t r, n = 0
        cdef float value
        self.room(slot.n)
        for r in range(slot.n):
            value = cell(self.entry[r].row, at, 0, largest)
            if present(value):
                n = self.take(n, self.entry[r].period, value)
        return n

    cdef int64_t all_losses(self, Slot *slot, const Choice *choice, size_t at,
                            bint largest) except -1 nogil:
        """Those of all samples of all periods."""
        cdef int64_t r, k, n = 0
        cdef float value
        cdef float *to
        cdef const char *row
        cdef const int32_t *sidx = choice.sidx
        self.room(slot.n * choice.n)
        to = self.value
        for r in range(slot.n):
            if self.weights.given:
                for k in range(choice.n):
                    value = cell(self.entry[r].row, at, choice.sidx[k], largest)
                    if present(value):
                        n = self.take(n, self.entry[r].period, value)
            else:
                row = self.entry[r].row
                for k in range(choice.n):
                    value = cell(row, at, sidx[k], largest)
                    to[n] = value
                    n += present(value)
        return n

    cdef int64_t sample_means(self, Slot *slot, const Choice *choice, size_t at,
                              bint largest) except -1 nogil:
        """The means over the samples of each period."""
        cdef int64_t r, k, n = 0
        cdef float value, total, size = <float>choice.n
        cdef double right
        cdef bint any
        self.room(slot.n)
        for r in range(slot.n):
            total, right, any = 0, 0, False
            for k in range(choice.n):
                value = cell(self.entry[r].row, at, choice.sidx[k], largest)
                any |= present(value)
                total += value / size               # ABSENT changes nothing
                right += value
            if any:
                n = self.take(n, self.entry[r].period, checked(total, right / choice.n, self.tolerance))
        return n

    cdef int64_t losses_of(self, int kind, Slot *slot, const Choice *choice, size_t at,
                           bint largest) except -1 nogil:
        """The losses of a summary's one curve of a kind; unless they have weights, the largest first."""
        cdef int64_t n
        if kind == 0:
            n = self.mean_losses(slot, at, largest)
        elif kind == 1:
            n = self.all_losses(slot, choice, at, largest)
        else:
            n = self.sample_means(slot, choice, at, largest)
        if not self.weights.given:
            sort_descending(self.value, n, self.spare)
        return n

    cdef double most_of(self, int kind, const Choice *choice) noexcept nogil:
        """The longest return period of a kind of curves."""
        cdef int64_t periods = self.occurrences.number_of_periods
        return <double>(periods * choice.n if kind == 1 else periods)

    cdef int one_curve(self, int kind, Slot *slot, const Choice *choice, size_t at,
                       bint largest) except -1 nogil:
        cdef int64_t n = self.losses_of(kind, slot, choice, at, largest)
        if n == 0:
            return 0
        if self.weights.given:
            return self.weighted_curve(slot.summary_id, self.weighted, n,
                                       1 if kind == 1 else self.all_samples_weigh(), False)
        self.check_sum(slot.summary_id, self.value[0])
        return self.curve(slot.summary_id, self.value, n, self.most_of(kind, choice))

    # --- curves of several summaries side by side

    cdef int fill_batch(self, Batch *batch, int kind, const Choice *choice, size_t at, bint largest,
                        int64_t first) except -1 nogil:
        """Read off the curves of the settled summaries from `first` on, as many as BATCH losses allow."""
        cdef const float *loss[CURVES]
        cdef int64_t starts[CURVES]
        cdef int64_t n
        cdef int c
        cdef Slot *slot
        batch.first, batch.n = first, 0
        self.used = 0
        while batch.n < CURVES and first + batch.n < self.settled:
            slot = &self.slot[self.by_summary[first + batch.n]]
            if self.used and self.used + slot.n * (choice.n if kind == 1 else 1) > <int64_t>BATCH:
                break
            self.load(slot, largest)
            n = self.losses_of(kind, slot, choice, at, largest)
            batch.losses[batch.n], batch.largest[batch.n] = n, self.value[0] if n else 0
            starts[batch.n] = self.used
            self.used += n
            batch.n += 1
        self.used = 0
        for c in range(batch.n):
            loss[c] = self.values + starts[c]
        if batch.point == NULL:
            resize(<void **>&batch.point, CURVES * self.n_returns, sizeof(Point))
        self.plan(self.most_of(kind, choice))
        read_off(loss, batch.losses, batch.n, self.rank, self.n_ranks, True, batch.point)
        return 0

    cdef int batched_curve(self, int kind, int64_t which, size_t at, bint largest, int64_t i) except -1 nogil:
        """The curve of the settled summary i at return periods."""
        cdef const Choice *choice = NULL if kind == 0 else &self.choice[which]
        cdef Batch *batch = &self.batch[(2 * which + largest) * N_KINDS + kind]
        cdef int32_t summary_id = self.slot[self.by_summary[i]].summary_id
        cdef double most = self.most_of(kind, choice)
        cdef int64_t k
        if not batch.first <= i < batch.first + batch.n:
            self.fill_batch(batch, kind, choice, at, largest, i)
        k = i - batch.first
        if batch.losses[k] == 0:
            return 0
        self.check_sum(summary_id, batch.largest[k])
        self.plan(most)
        return self.put_curve(summary_id, batch.losses[k], most, batch.point + k * self.n_ranks)

    # --- curves of samples

    cdef int per_sample_section(self, Slot *slot, const Choice *choice, size_t at, bint largest, Rows mean,
                                Rows mean_tail, int32_t mean_calculation) except -1 nogil:
        """A curve for each sample, and the mean of them all to mean and mean_tail; any of the four outputs
        may be None."""
        cdef int64_t first = 0, columns, c, r, k, longest = 0, rows = slot.n
        # columns are an odd number of cache lines apart: else they fall on the same sets of the cache
        cdef int64_t stride = 16 * ((rows // 16 + 1) | 1)
        cdef double periods = self.occurrences.number_of_periods
        cdef float value, size = <float>choice.n
        cdef bint weighted = self.weights.given, doubles = self.exact or choice.n > FEW
        cdef float *column
        cdef const char *row
        cdef const float *loss[COLUMNS]
        cdef int64_t n[COLUMNS]
        if choice.n == 0:
            return 0
        self.room(rows)
        if doubles:
            resize(<void **>&self.double_sums, rows, sizeof(double))
            memset(self.double_sums, 0, rows * sizeof(double))
        if rows > self.sum_room:
            resize(<void **>&self.sums, rows, sizeof(float))
            resize(<void **>&self.block, stride, COLUMNS * sizeof(float))
            self.sum_room = rows
        for r in range(rows):
            self.sums[r] = 0
        memset(self.mean, 0, self.n_returns * sizeof(Mean))
        while first < choice.n:
            columns = min(<int64_t>COLUMNS, choice.n - first)
            for r in range(rows):
                row, column = self.entry[r].row, self.block + r
                for c in range(columns):
                    column[c * stride] = cell(row, at, choice.sidx[first + c], largest)
            for c in range(columns):
                column, k = self.block + c * stride, 0
                for r in range(rows):
                    value = column[r]
                    if not weighted:
                        column[k] = value
                        k += present(value)
                    elif present(value):
                        k = self.take(k, self.entry[r].period, value)
                if weighted:
                    self.calculation = choice.sidx[first + c]
                    if k:
                        self.weighted_curve(slot.summary_id, self.weighted, k, self.sample_size, True)
                    continue
                sort_descending(column, k, self.spare)
                for r in range(k):
                    self.sums[r] += column[r]
                if doubles:
                    for r in range(k):
                        self.double_sums[r] += column[r]
                longest = max(longest, k)
                loss[c], n[c] = column, k
            if self.out is not None and not weighted:
                self.put_samples(slot.summary_id, choice.sidx + first, loss, n, columns)
            first += columns
        if mean is None:
            return 0
        with gil:
            self.out, self.tail = mean, mean_tail
        self.calculation = mean_calculation
        if weighted:
            for r in range(self.n_returns):
                self.put(mean, slot.summary_id, self.type, self.mean[r].period,
                         <float>(self.mean[r].total / max(self.mean[r].n, <int64_t>1)))
            return 0
        if longest == 0:
            return self.curve(slot.summary_id, self.sums, 0, periods)
        for r in range(longest):
            if doubles:
                self.sums[r] = checked(self.sums[r], self.double_sums[r], self.tolerance)
            self.sums[r] /= size
        sort_descending(self.sums, longest, self.spare)
        self.check_sum(slot.summary_id, self.sums[0])
        return self.curve(slot.summary_id, self.sums, longest, periods)

    cdef int put_samples(self, int32_t summary_id, const int32_t *sidx, const float **loss, const int64_t *n,
                         int64_t columns) except -1 nogil:
        """Curves of some samples, which are read off side by side."""
        cdef double periods = self.occurrences.number_of_periods
        cdef int64_t c
        if self.n_returns:
            self.plan(periods)
            read_off(loss, n, <int>columns, self.rank, self.n_ranks, self.tail is not None, self.point)
        for c in range(columns):
            if n[c] == 0:
                continue
            self.calculation = sidx[c]
            self.check_sum(summary_id, loss[c][0])
            if self.n_returns:
                self.put_curve(summary_id, n[c], periods, self.point + c * self.n_ranks)
            else:
                self.all_points(summary_id, loss[c], n[c], periods)
        return 0

    # --- sections

    def settle(self):
        """As in PeriodLosses; what was read off before is forgotten."""
        cdef int64_t i
        for i in range(self.n_batches):
            self.batch[i].n = 0
        self.settled = PeriodLosses.settle(self)
        return self.settled

    cdef int load(self, Slot *slot, bint largest) except -1 nogil:
        """self.entry: the rows of a summary in the order of their periods."""
        if slot.n > self.entry_room:
            resize(<void **>&self.entry, slot.n, sizeof(Entry))
            self.entry_room = slot.n
        self.sort_slot(slot, self.entry)
        if self.doubles and not largest:
            self.check_sums(slot)
        return 0

    cdef int touch(self, Slot *slot, const Choice *choice) except -1 nogil:
        """self.unused: the periods that count among a choice of samples (NULL: the analytical mean) of all
        summaries, or of this one if each stands for itself."""
        cdef int64_t r, k, periods = <int64_t>self.weights.last + 1
        cdef float value
        cdef size_t at = 0 if self.aggregate else self.largest_at
        if not (self.weights.given and self.n_returns):
            return 0
        if self.touched != NULL:
            self.unused = self.touched + (self.n_choices if choice == NULL
                                          else choice - self.choice) * periods
            return 0
        memset(self.mine, 0, periods)
        for r in range(slot.n):
            if self.entry[r].period >= periods:
                continue
            for k in range(1 if choice == NULL else choice.n):
                value = cell(self.entry[r].row, at, 0 if choice == NULL else choice.sidx[k], False)
                if present(value):
                    self.mine[self.entry[r].period] = True
                    break
        self.unused = self.mine
        return 0

    def section(self, int kind, bint largest, int64_t which, int64_t first, int64_t last, Rows out=None,
                Rows tail=None,
                Rows mean=None, Rows mean_tail=None, *, bint ord=True):
        """Write one of SECTIONS for the settled summaries first <= i < last.

        largest: of the largest losses (OEP), else of the sums (AEP). which: 0 all samples, from 1 on the
        ensembles. out takes the curves and tail the tail values at risk (ORD only); PER_SAMPLE has them by
        sample, and mean and mean_tail take the mean of the samples' curves.
        """
        cdef int64_t i
        cdef Slot *slot
        cdef size_t at = self.largest_at if largest else 0
        cdef const Choice *choice
        if not (self.occurrence if largest else self.aggregate):
            raise ValueError("these losses were not kept")
        self.ord = ord
        with nogil:
            choice = NULL if kind == 0 else &self.choice[which]
            self.type = (OEP if largest else OEP + 2) if ord else 0 if kind == 0 else choice.ensemble_id
            for i in range(first, last):
                slot = &self.slot[self.by_summary[i]]
                with gil:
                    self.out, self.tail = out, tail
                if kind != 2:
                    self.calculation = (ANALYTICAL_MEAN if kind == 0 else ALL_SAMPLES if kind == 1
                                        else SAMPLE_MEAN if ord else 2)
                    # Without tails there is nothing to wait for, and a summary's rows are better left in
                    # the cache from section to section.
                    if self.n_returns and tail is not None and not self.weights.given:
                        self.batched_curve(kind, which, at, largest, i)
                        continue
                self.load(slot, largest)
                self.touch(slot, choice)
                if kind == 2:
                    self.per_sample_section(slot, choice, at, largest, mean, mean_tail,
                                            MEAN_OF_SAMPLES if ord else 2)
                else:
                    self.one_curve(kind, slot, choice, at, largest)
        self.out = self.tail = None
        for each in (out, tail, mean, mean_tail):
            if each is not None:
                (<Rows>each).flush()
