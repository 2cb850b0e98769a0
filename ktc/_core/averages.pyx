"""Average annual losses: mean and standard deviation of each summary's loss by period, and how they converge
with the samples.

With x the loss of a sample in a period, that is the sum of what its events cost, w the period's weight, P
periods, S samples, and sums over periods and samples:

    mean                    sum(w x) / S / P
    standard deviation      sqrt((sum(w x x) - sum(w x)**2 / (P S)) / (P S - 1))

The analytical mean is one sample of its own. Weights are those of the periods table, as float32, times the
number of its rows; without one they are 1. Sums are float64, period by period in ascending order and in each
from the first sample to the last.

The convergence table has the same for subsets of the samples, 1, 2-3, 4-7, 8-15 and so on as far as they are
complete, and for all S. With m the mean and M = sum over periods of (sum over samples of w x)**2 / S**2, it
takes the variance of the mean apart:

    due to the samples      (sum(w x x) - S M) / (P S - S) / (P S)
    due to the hazard       S (M - P m**2) / (P - 1) / (P S)

The interval is m +- z times the root of the first; z after Abramowitz and Stegun, Handbook of Mathematical
Functions, 26.2.23.

What is not defined (a deviation of one sample in one period, the root of a variance below 0, a quotient of 0
and 0) is 0.
"""

from libc.math cimport isfinite, log, sqrt
from libc.stdint cimport uint32_t
from libc.stdlib cimport free
from libc.string cimport memset

from ktc._core cimport records as rec
from ktc._core.blocks cimport LossBlock, LossHeader
from ktc._core.hashing cimport add_number, find_number, free_numbers, start_numbers
from ktc._core.io cimport Mapped, most_id
from ktc._core.memory cimport allot, resize
from ktc._core.records cimport MEAN, SUMMARY
from ktc._core.sorting cimport order_by
from ktc.errors import DataError, UsageError


cdef double normal_quantile(double confidence) noexcept nogil:
    """z such that a normal value lies within +-z of its mean with this probability; the sum of 1 and it is a
    float32."""
    cdef float twice = 1 + <float>confidence
    cdef double t = sqrt(-2.0 * log(1 - twice / 2.0))
    return t - ((0.010328 * t + 0.802853) * t + 2.515517) / (((0.001308 * t + 0.189269) * t + 1.432788) * t
                                                             + 1.0)


cdef inline double root(double value) noexcept nogil:
    return sqrt(value) if value > 0 and isfinite(value) else 0


cdef inline double quotient(double above, double below) noexcept nogil:
    return above / below if below != 0 else 0


cdef class AverageLoss(PeriodLosses):
    """Sums of losses by period and sample, and the average annual losses that they make.

    weights: of the periods. convergence: the subsets of samples are wanted. ensembles: input/ensemble.bin or
    None. exact: weights in double. Otherwise as PeriodLosses. Feed, then work_out (once, or once for each
    part of the summaries), then write and write_convergence.
    """

    def __cinit__(self, Occurrences occurrences not None, *, PeriodWeights weights not None,
                  bint convergence=False,
                  Mapped ensembles=None, bint exact=False, **rest):
        cdef int32_t heaviest = weights.heaviest
        self.convergence, self.weights, self.exact = convergence, weights, exact
        if not isfinite(<float>weights.of(heaviest)):
            raise DataError(f"the weight of period {heaviest} is {weights.of(heaviest)}, more than a float32 "
                            f"holds")
        if ensembles is not None:
            self.ensemble_file = ensembles.name
            ensembles.records(sizeof(rec.ensemble))
            import struct

            self.ensembles = list(struct.iter_unpack("<ii", ensembles.data[:ensembles.size]))

    def __dealloc__(self):
        free(self.ensemble_id)
        free(self.ensemble_size)
        free(self.ensemble_of)
        free(self.result_id)
        free(self.sums)
        free(self.entry)

    # --- feeding

    cdef int start_cells(self) except -1 nogil:
        self.cells = self.width * sizeof(double)
        self.n_subsets = 0
        if self.convergence and self.sample_size > 1:
            while (2LL << self.n_subsets) - 1 <= self.sample_size:
                self.n_subsets += 1
        return 0

    cdef int match_ensembles(self) except -1:
        """Which samples make up an ensemble, now that it is known how many there are."""
        cdef int64_t i
        if self.ensembles is None:
            return 0
        wrong = self.ensemble_file + ": record {}: {} is {}, expected {}"
        for i, (sidx, ensemble) in enumerate(self.ensembles):
            if not 1 <= sidx <= self.sample_size:
                raise DataError(wrong.format(i + 1, "sidx", sidx,
                                             f"1 to {self.sample_size}, as the streams have"))
            if ensemble < 1:
                raise DataError(wrong.format(i + 1, f"the ensemble of sidx {sidx}", ensemble, "1 or more"))
        of = dict(self.ensembles)                       # of one sidx twice the last counts
        for i in range(1, self.width):
            if i not in of:
                raise DataError(f"{self.ensemble_file}: sidx {i} is in no ensemble, expected all of 1 to "
                                f"{self.sample_size}")
        ids = sorted(set(of.values()))
        self.n_ensembles = len(ids)
        self.ensemble_id = <int32_t *>allot(self.n_ensembles, sizeof(int32_t))
        self.ensemble_size = <int64_t *>allot(self.n_ensembles, sizeof(int64_t))
        self.ensemble_of = <int32_t *>allot(self.width, sizeof(int32_t))
        for i in range(self.n_ensembles):
            self.ensemble_id[i] = ids[i]
        place = {ensemble: i for i, ensemble in enumerate(ids)}
        for i in range(1, self.width):
            self.ensemble_of[i] = place[of[i]]
            self.ensemble_size[self.ensemble_of[i]] += 1
        return 0

    cdef void clear(self, char *row) noexcept nogil:
        memset(row, 0, self.cells)

    cdef void add(self, char *row) noexcept nogil:
        cdef double *total = <double *>row
        cdef const float *loss = self.loss
        cdef int64_t s
        for s in range(self.width):
            total[s] += loss[s]

    cdef void join(self, char *row, const char *other) noexcept nogil:
        cdef double *total = <double *>row
        cdef const double *more = <const double *>other
        cdef int64_t s
        for s in range(self.width):
            total[s] += more[s]

    # --- working out

    def forget(self):
        """Drop what was worked out. What was fed stays."""
        self.n_results = 0

    def work_out(self):
        """Work out the sums of the summaries that are held; they go after those worked out before."""
        cdef int64_t i, n = self.settle()
        cdef Slot *slot
        if n and self.stride == 0:
            self.match_ensembles()
            self.stride = FIRST_SUBSET + self.n_subsets + self.n_ensembles
        if self.n_results + n > self.result_room:
            self.result_room = max(2 * self.result_room, self.n_results + n)
            resize(<void **>&self.result_id, self.result_room, sizeof(int32_t))
            resize(<void **>&self.sums, self.result_room * self.stride, sizeof(Sums))
        with nogil:
            for i in range(n):
                slot = &self.slot[self.by_summary[i]]
                if slot.n > self.entry_room:
                    self.entry_room = max(2 * self.entry_room, slot.n)
                    resize(<void **>&self.entry, self.entry_room, sizeof(Entry))
                self.sort_slot(slot, self.entry)
                self.result_id[self.n_results] = slot.summary_id
                self.sum_up(slot, self.sums + self.n_results * self.stride)
                self.n_results += 1

    cdef int sum_up(self, Slot *slot, Sums *sums) except -1 nogil:
        """The sums over a summary's periods, which lie in self.entry. Every chain of additions is in ktools'
        order; they do not depend on each other, so the processor works on all of them at a time."""
        cdef Sums all
        cdef Sums part
        cdef Sums *one
        cdef double weight, loss, square, of_period, of_part
        cdef const double *x
        cdef int64_t i, k, s, first, stop
        memset(sums, 0, self.stride * sizeof(Sums))
        memset(&all, 0, sizeof(all))
        for i in range(slot.n):
            # rows lie in the order of feeding: ask for the next one now
            if i + 1 < slot.n:
                self.fetch(self.entry[i + 1].row)
            weight = 1
            if self.weights.given:
                weight = self.weights.of(self.entry[i].period)
                weight = (weight if self.exact else <double><float>weight) * self.weights.n
            if weight == 0:
                continue
            x = <const double *>self.entry[i].row
            sums[ANALYTICAL].losses += x[0] * weight
            sums[ANALYTICAL].squares += x[0] * x[0] * weight
            of_period = 0
            stop = 1
            for k in range(self.n_subsets):
                first, stop = stop, 2 * stop
                one = &sums[FIRST_SUBSET + k]
                part = one[0]
                of_part = 0
                for s in range(first, stop):
                    loss, square = x[s] * weight, x[s] * x[s] * weight
                    part.losses += loss
                    part.squares += square
                    of_part += loss
                    all.losses += loss
                    all.squares += square
                    of_period += loss
                part.periods += of_part * of_part
                one[0] = part
            for s in range(stop, self.width):
                loss, square = x[s] * weight, x[s] * x[s] * weight
                all.losses += loss
                all.squares += square
                of_period += loss
            all.periods += of_period * of_period
            if self.n_ensembles:
                for s in range(1, self.width):
                    one = &sums[FIRST_SUBSET + self.n_subsets + self.ensemble_of[s]]
                    one.losses += x[s] * weight
                    one.squares += x[s] * x[s] * weight
        sums[SAMPLES] = all
        return 0

    # --- writing

    cdef Moments moments(self, const Sums *sums, int64_t samples) noexcept nogil:
        cdef Moments found
        cdef double periods = self.occurrences.number_of_periods, values = periods * samples
        found.mean = sums.losses / samples / periods
        found.deviation = 0
        if values > 1:
            found.deviation = root((sums.squares - sums.losses * sums.losses / values) / (values - 1))
        return found

    cdef int put(self, Rows rows, int64_t result, int32_t type, int64_t which, int64_t samples,
                  int32_t ensemble) except -1 nogil:
        cdef Moments found = self.moments(&self.sums[result * self.stride + which], samples)
        # a legacy row, an ALT row and the beginning of one with ensembles are alike
        cdef rec.average_loss_ensembles *row = <rec.average_loss_ensembles *>rows.next()
        row.summary_id, row.type = self.result_id[result], type
        row.mean, row.standard_deviation = found.mean, found.deviation
        if rows.size == sizeof(rec.average_loss_ensembles):
            row.ensemble_id = ensemble
        return 0

    def write(self, Rows rows not None):
        """What was worked out, as average_loss_table, average_loss or average_loss_ensembles: the analytical
        means of all summaries, then the samples', then (in the last of these) each ensemble's."""
        cdef int64_t i, k
        cdef bint ensembles = rows.size == sizeof(rec.average_loss_ensembles)
        with nogil:
            rows.begin()
            for i in range(self.n_results):
                self.put(rows, i, 1, ANALYTICAL, 1, 0)
            if self.sample_size > 0:
                for i in range(self.n_results):
                    self.put(rows, i, 2, SAMPLES, self.sample_size, 0)
                if ensembles:
                    for i in range(self.n_results):
                        for k in range(self.n_ensembles):
                            self.put(rows, i, 2, FIRST_SUBSET + self.n_subsets + k, self.ensemble_size[k],
                                     self.ensemble_id[k])
            rows.finish()

    cdef int put_convergence(self, Rows rows, int32_t summary_id, const Sums *sums, int32_t samples,
                              double z) except -1 nogil:
        cdef Moments found = self.moments(sums, samples)
        cdef double periods = self.occurrences.number_of_periods, size = samples, mean = found.mean
        cdef double by_period = sums.periods / (size * size)
        cdef double vulnerability = 0, hazard = 0, interval
        cdef rec.average_loss_convergence_table *row = <rec.average_loss_convergence_table *>rows.next()
        if periods > 1:
            vulnerability = (sums.squares - size * by_period) / (size * periods - size) / (size * periods)
            hazard = size * (by_period - periods * mean * mean) / (periods - 1) / (size * periods)
        row.SummaryId, row.MeanLoss, row.SDLoss, row.SampleSize = summary_id, mean, found.deviation, samples
        row.VarElementVuln, row.StandardErrorVuln = vulnerability, root(vulnerability)
        row.RelativeErrorVuln = quotient(row.StandardErrorVuln, mean)
        row.VarElementHaz, row.StandardErrorHaz = hazard, root(hazard)
        row.RelativeErrorHaz = quotient(row.StandardErrorHaz, mean)
        row.StandardError, row.RelativeError = row.StandardErrorVuln, row.RelativeErrorVuln
        row.LowerCI = row.UpperCI = 0
        interval = z * row.StandardError
        if interval > 0 and isfinite(interval):
            row.LowerCI, row.UpperCI = mean - interval, mean + interval
        return 0

    def write_convergence(self, Rows rows not None, double confidence):
        """What was worked out as average_loss_convergence_table: each summary's subsets of samples, then all
        of them. A summary id between 1 and the highest that has no losses has rows of 0. confidence:
        probability of the interval, 0 to 1."""
        cdef int64_t i, id, following = 1
        cdef double z = normal_quantile(confidence)
        cdef Sums *none
        if not self.convergence:
            raise UsageError("this accumulator was not made for a convergence table")
        if self.n_results and self.result_id[self.n_results - 1] > most_id(self.n_results):
            raise DataError(f"summary {self.result_id[self.n_results - 1]} among {self.n_results} summaries: "
                            f"expected ids up to {most_id(self.n_results)}, as the convergence table has "
                            "rows for all of them")
        none = <Sums *>allot(self.stride, sizeof(Sums))
        try:
            with nogil:
                rows.begin()
                for i in range(self.n_results if self.sample_size > 0 else 0):
                    id = self.result_id[i]
                    if id > 0:
                        while following < id:
                            self.put_subsets(rows, <int32_t>following, none, z)
                            following += 1
                        following = id + 1
                    self.put_subsets(rows, <int32_t>id, self.sums + i * self.stride, z)
                rows.finish()
        finally:
            free(none)

    cdef int put_subsets(self, Rows rows, int32_t summary_id, const Sums *sums, double z) except -1 nogil:
        cdef int64_t k
        for k in range(self.n_subsets):
            self.put_convergence(rows, summary_id, &sums[FIRST_SUBSET + k], <int32_t>1 << k, z)
        return self.put_convergence(rows, summary_id, &sums[SAMPLES], self.sample_size, z)


cdef class AverageLossMeanOnly(LossConsumer):
    """Average annual losses without a deviation, summed up record by record in float64: loss * weight /
    samples. The weight of an event is the sum of those of its occurrences' periods (float64 here), 0 for one
    that does not occur. Memory follows the summaries alone. Streams may differ in their number of samples."""

    def __cinit__(self, Occurrences occurrences not None, PeriodWeights weights not None):
        cdef int64_t i, k
        cdef double weight
        self.occurrences = occurrences
        start_numbers(&self.numbers)
        self.event_weight = <double *>allot(occurrences.n_events, sizeof(double))
        for i in range(occurrences.n_events):
            weight = 0
            for k in range(occurrences.start[i], occurrences.start[i + 1]):
                weight += weights.of(occurrences.period[k]) * weights.n if weights.given else 1
            self.event_weight[i] = weight

    def __dealloc__(self):
        free(self.event_weight)
        free(self.slot)
        free_numbers(&self.numbers)

    cdef int begin(self, const LossHeader *header) except -1 nogil:
        if header.kind != SUMMARY:
            with gil:
                raise UsageError("losses by summary are wanted here, the stream holds others")
        self.size = max(header.sample_size, 1)
        return 0

    cdef int accept(self, const LossBlock *block) except -1 nogil:
        cdef Py_ssize_t i, event = self.occurrences.find(block.event_id)
        cdef double weight = self.event_weight[event] if event >= 0 else 0
        cdef double mean = 0, samples = 0
        cdef MeanSlot *slot
        cdef int64_t k
        cdef float loss
        for i in range(block.n):
            slot = NULL
            for k in range(block.start[i], block.start[i + 1]):
                if block.sidx[k] < MEAN:
                    continue
                loss = block.loss[k]
                if not isfinite(loss):
                    with gil:
                        raise DataError(f"event {block.event_id}, summary {block.id[i]}: the loss of sample "
                                        f"{block.sidx[k]} is {loss}, expected a finite number")
                if slot == NULL:
                    slot = self.find(block.id[i])
                    mean, samples = slot.mean[0], slot.mean[1]
                if block.sidx[k] == MEAN:
                    mean += loss * weight
                else:
                    samples += loss * weight / self.size
            if slot != NULL:
                slot.mean[0], slot.mean[1] = mean, samples
        return 0

    cdef MeanSlot *find(self, int32_t summary_id) except NULL nogil:
        cdef int32_t number = find_number(&self.numbers, <uint32_t>summary_id)
        if number < 0:
            if self.numbers.n == self.room:
                self.room = max(2 * self.room, <int64_t>64)
                resize(<void **>&self.slot, self.room, sizeof(MeanSlot))
            number = add_number(&self.numbers, <uint32_t>summary_id)
            memset(&self.slot[number], 0, sizeof(MeanSlot))
            self.slot[number].summary_id = summary_id
        return &self.slot[number]

    def merge(self, AverageLossMeanOnly other not None):
        """Add what another accumulator over the same occurrences holds."""
        cdef int64_t i
        cdef MeanSlot *slot
        if other is self:
            raise UsageError("an accumulator cannot be merged with itself")
        if other.occurrences is not self.occurrences and (
                other.occurrences.number_of_periods != self.occurrences.number_of_periods
                or other.occurrences.n != self.occurrences.n):
            raise UsageError("only accumulators of the same occurrences can be merged")
        for i in range(other.numbers.n):
            slot = self.find(other.slot[i].summary_id)
            slot.mean[0] += other.slot[i].mean[0]
            slot.mean[1] += other.slot[i].mean[1]

    def write(self, Rows rows not None):
        """average_loss_mean_only or average_loss_table_mean_only: by summary, the analytical mean's and the
        samples'."""
        cdef rec.average_loss_mean_only *row
        cdef int64_t i, type, n = self.numbers.n
        cdef int64_t *order = NULL
        cdef int64_t *spare = NULL
        cdef int32_t *id = NULL
        try:
            order = <int64_t *>allot(n, sizeof(int64_t))
            spare = <int64_t *>allot(n, sizeof(int64_t))
            id = <int32_t *>allot(n, sizeof(int32_t))
            with nogil:
                for i in range(n):
                    id[i] = self.slot[i].summary_id
                order_by(id, n, order, spare)
                rows.begin()
                for i in range(n):
                    for type in range(2):
                        row = <rec.average_loss_mean_only *>rows.next()
                        row.summary_id, row.type = id[order[i]], <int32_t>type + 1
                        row.mean = self.slot[order[i]].mean[type] / self.occurrences.number_of_periods
                rows.finish()
        finally:
            free(order)
            free(spare)
            free(id)
