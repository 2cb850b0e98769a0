"""What exceedance curves are drawn from: the largest loss of each period, and the sum of its losses, by
summary and sample.

A row of a summary and period, with width = sample_size + 1 values that begin with the analytical mean:

    sums            float[width]        where sums are kept (AEP)
    largest         float[width]        where the largest are kept (OEP)
    double sums     double[width]       where a float sum may be wrong: see numbers.pxd

Beside them stands in which periods there is a loss at all, for each choice of samples, where periods have
weights.
"""
from libc.stdint cimport INT32_MIN, int32_t, int64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from ktc._core cimport records as rec
from ktc._core.blocks cimport LossBlock
from ktc._core.io cimport Mapped
from ktc._core.memory cimport allot
from ktc._core.numbers cimport FEW, checked, tolerance_of
from ktc._core.occurrence cimport Occurrences, PeriodWeights
from ktc._core.periodlosses cimport ABSENT, PeriodLosses, Slot
from ktc._core.records cimport MEAN as MEAN_SIDX
from ktc.errors import DataError, UsageError
from ktc.schemas import TABLES as _tables

ENSEMBLES = _tables["ensemble"].path


def return_periods_of(Mapped table not None):
    """The return periods of a table, none below 0. Where they do not descend, a curve has been passed by the
    time that it is read off: what comes out then is ktools' answer, and a doubt of `ktc validate`."""
    cdef rec.returnperiods row
    cdef int64_t i
    found = []
    for i in range(table.records(sizeof(row))):
        memcpy(&row, table.data + i * sizeof(row), sizeof(row))
        if row.return_period < 0:
            table.fail(i * sizeof(row),
                       f"record {i + 1}: the return period is {row.return_period}, expected 0 or more")
        found.append(row.return_period)
    return found


def ensembles_of(Mapped table not None):
    """{ensemble id: its samples} of a table."""
    cdef rec.ensemble row
    cdef int64_t i
    found = {}
    for i in range(table.records(sizeof(row))):
        memcpy(&row, table.data + i * sizeof(row), sizeof(row))
        if row.ensemble_id < 1:
            table.fail(i * sizeof(row), f"record {i + 1}: ensemble {row.ensemble_id}, expected 1 or more")
        samples = found.setdefault(row.ensemble_id, {})
        if row.sidx in samples:
            table.fail(i * sizeof(row),
                       f"record {i + 1}: sample {row.sidx} a second time in ensemble {row.ensemble_id}")
        samples[row.sidx] = True
    return {ensemble_id: list(samples) for ensemble_id, samples in found.items()}


cdef bint crowded(Occurrences occurrences) except -1:
    """May a period have more occurrences than a float sum takes? Periods are counted in buckets, as there may
    be many."""
    cdef int64_t i, places = 1
    cdef int32_t most = 0
    cdef int32_t *count
    if occurrences.n <= FEW:
        return False
    while places < occurrences.n // 64:
        places *= 2
    count = <int32_t *>allot(places, sizeof(int32_t))
    for i in range(occurrences.n):
        count[occurrences.period[i] & (places - 1)] += 1
    for i in range(places):
        most = max(most, count[i])
    free(count)
    return most > FEW


cdef class CurveLosses(PeriodLosses):
    """Largest losses and sums of losses by summary, period and sample.

    occurrence, aggregate: which of the two to keep. ensembles: {ensemble id: [sidx, ...]}. return_periods:
    whether curves will be read off at some. exact: double results (see numbers.pxd). The rest is
    PeriodLosses'.
    """

    def __cinit__(self, Occurrences occurrences not None, *, PeriodWeights weights not None,
                  bint occurrence=True, bint aggregate=True, return_periods=None, dict ensembles=None,
                  bint exact=False, **rest):
        self.weights, self.occurrence, self.aggregate = weights, occurrence, aggregate
        self.exact, self.tolerance = exact, tolerance_of(exact)
        self.doubles = aggregate and (exact or crowded(occurrences))
        self.ensembles = sorted((ensembles or {}).items())
        self.n_returns = len(return_periods or ())

    def __dealloc__(self):
        cdef int64_t i
        for i in range(self.n_choices):
            free(self.choice[i].sidx)
            free(self.choice[i].member)
        free(self.choice)
        free(self.touched)
        free(self.entry)

    # --- rows

    cdef int start_cells(self) except -1 nogil:
        self.largest_at = self.aggregate * self.width * sizeof(float)
        self.cells = self.largest_at + self.occurrence * self.width * sizeof(float)
        if self.doubles:
            self.double_at = (self.cells + sizeof(double) - 1) // sizeof(double) * sizeof(double)
            self.cells = self.double_at + self.width * sizeof(double)
        with gil:
            self.make_choices()
        return 0

    def make_choices(self):
        cdef int64_t i, k
        cdef Choice *choice
        wanted = [(0, range(1, self.sample_size + 1)),
                  *((ensemble_id, samples if self.sample_size else []) for ensemble_id,
                    samples in self.ensembles)]
        self.choice = <Choice *>allot(len(wanted), sizeof(Choice))
        self.n_choices = len(wanted)
        for i, (ensemble_id, samples) in enumerate(wanted):
            choice = &self.choice[i]
            choice.ensemble_id, choice.n = ensemble_id, len(samples)
            choice.sidx = <int32_t *>allot(choice.n, sizeof(int32_t))
            choice.member = <char *>allot(self.width, 1)
            for k, sidx in enumerate(sorted(samples)):
                if not 0 < sidx <= self.sample_size:
                    raise DataError(f"{ENSEMBLES}: ensemble {ensemble_id} has sample {sidx}, expected 1 to "
                                    f"{self.sample_size}")
                choice.sidx[k] = sidx
                choice.member[sidx] = True
        if self.ensembles:
            for k in range(1, self.width):
                for i in range(1, self.n_choices):
                    if self.choice[i].member[k]:
                        break
                else:
                    raise DataError(f"{ENSEMBLES}: sample {k} belongs to no ensemble, expected one for each "
                                    f"of the "
                                    f"{self.sample_size} samples")
        if self.weights.given and self.n_returns and not self.all_summaries:
            self.touched = <char *>allot((self.n_choices + 1) * (<int64_t>self.weights.last + 1), 1)

    cdef void clear(self, char *row) noexcept nogil:
        cdef float *value = <float *>row
        cdef int64_t k
        for k in range(<int64_t>((self.double_at if self.doubles else self.cells) // sizeof(float))):
            value[k] = ABSENT
        if self.doubles:
            memset(row + self.double_at, 0, self.width * sizeof(double))

    cdef void add(self, char *row) noexcept nogil:
        cdef double *sums = <double *>(row + self.double_at)
        cdef int64_t k
        self.join_with(row, self.loss, self.loss)
        if self.doubles:
            for k in range(self.width):
                sums[k] += self.loss[k]

    cdef void join(self, char *row, const char *other) noexcept nogil:
        cdef double *sums = <double *>(row + self.double_at)
        cdef const double *more = <const double *>(other + self.double_at)
        cdef int64_t k
        self.join_with(row, <const float *>other, <const float *>(other + self.largest_at))
        if self.doubles:
            for k in range(self.width):
                sums[k] += more[k]

    cdef void check_sums(self, Slot *slot) noexcept nogil:
        """The sums of a summary's periods that are wrong in float become right; its rows are in self.entry.
        """
        cdef float *sums
        cdef const double *right
        cdef int64_t r, k
        for r in range(slot.n):
            sums, right = <float *>self.entry[r].row, <const double *>(self.entry[r].row + self.double_at)
            for k in range(self.width):
                sums[k] = checked(sums[k], right[k], self.tolerance)

    cdef void join_with(self, char *row, const float *total, const float *most) noexcept nogil:
        """Add to the sums, and keep the largest: as integers ABSENT is the smallest, and losses are in their
        order."""
        cdef float *sums = <float *>row
        cdef int32_t *largest = <int32_t *>(row + self.largest_at)
        cdef const int32_t *loss = <const int32_t *>most
        cdef int64_t k, n = self.width
        if self.aggregate:
            for k in range(n):
                sums[k] += total[k]
        if self.occurrence:
            for k in range(n):
                largest[k] = loss[k] if loss[k] > largest[k] else largest[k]

    cdef int accept(self, const LossBlock *block) except -1 nogil:
        if self.touched != NULL and self.low == INT32_MIN:
            self.note(block)
        return PeriodLosses.accept(self, block)

    cdef int note(self, const void *of) except -1 nogil:
        """Note for each choice of samples, and for the analytical mean, in which periods there is a loss."""
        cdef const LossBlock *block = <const LossBlock *>of
        cdef Py_ssize_t i, event = self.occurrences.find(block.event_id)
        cdef int64_t c, k, o, periods = <int64_t>self.weights.last + 1
        cdef int32_t sidx
        cdef bint hit
        if event < 0:
            return 0
        for i in range(block.n):
            for c in range(self.n_choices + 1):
                hit = False
                for k in range(block.start[i], block.start[i + 1]):
                    sidx = block.sidx[k]
                    if not (block.loss[k] > 0 or self.zeros):
                        continue
                    if sidx > 0:
                        hit = c < self.n_choices and self.choice[c].member[sidx]
                    else:
                        hit = c == self.n_choices and sidx == MEAN_SIDX
                    if hit:
                        break
                if hit:
                    for o in range(self.occurrences.start[event], self.occurrences.start[event + 1]):
                        if self.occurrences.period[o] < periods:
                            self.touched[c * periods + self.occurrences.period[o]] = True
        return 0

    def merge(self, PeriodLosses other not None):
        """Add what another accumulator of the same kind holds: sums are added, and the largest of both kept.
        """
        cdef int64_t k
        cdef CurveLosses same = other if isinstance(other, CurveLosses) else None
        if same is None or (same.occurrence, same.aggregate, same.exact) != (
                self.occurrence, self.aggregate, self.exact):
            raise UsageError("only accumulators that keep the same losses can be merged")
        if same.weights.last != self.weights.last:
            raise UsageError("only accumulators with the same weights of periods can be merged")
        PeriodLosses.merge(self, other)
        if self.touched != NULL and same.touched != NULL:
            for k in range((self.n_choices + 1) * (<int64_t>self.weights.last + 1)):
                self.touched[k] |= same.touched[k]
