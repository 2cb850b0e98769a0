"""eltcalc: event loss tables, a few rows for each summary of an event. Summaries without exposure and loss
have none.

    legacy    summary_id,type,event_id,mean,standard_deviation,exposure_value
    MELT      EventId,SummaryId,SampleType,EventRate,ChanceOfLoss,MeanLoss,SDLoss,MaxLoss,FootprintExposure,
              MeanImpactedExposure,MaxImpactedExposure
    QELT      EventId,SummaryId,Quantile,Loss
    SELT      EventId,SummaryId,SampleId,Loss,ImpactedExposure      (of summarycalctocsv, of all summaries)

In the first two, type 1 is the analytical mean (sidx -1; 0 where the stream has none), type 2 the mean and
standard deviation over the samples; a stream without samples has no type 2. The arithmetic of moments and
quantiles is described in samples.pyx. The impacted exposure of a sample is the exposed value where it has a
loss, else 0; the chance of loss is the part of the samples that have one (0 where there is only one sample,
as in ktools). The maximum loss is that of sidx -5. An event's rate is how often it occurs in a period.
"""
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from ktc._core cimport records as rec
from ktc._core.blocks cimport LossBlock, LossConsumer, LossHeader
from ktc._core.csvrows cimport MOST_COLUMNS, Cell, CsvRows
from ktc._core.memory cimport allot, resize
from ktc._core.occurrence cimport Occurrences
from ktc._core.numbers cimport checked, tolerance_of
from ktc._core.records cimport MAX_LOSS, MEAN, SUMMARY
from ktc._core.rows cimport Rows, begin_rows, finish_rows, flush_rows
from ktc._core.samples cimport Moments, Quantiles, moments_of
from ktc._core.sorting cimport find_sorted, order_by
from ktc.errors import UsageError


cdef class EventRates:
    """How often each event occurs in a period: a csv of event_id and rate, or what an occurrence table makes
    of it.

    An event that is in neither has a rate of 0. If the csv has one twice, the last counts.
    """
    cdef int32_t *event_id              # ascending, none twice
    cdef double *rate
    cdef int64_t n

    def __cinit__(self, CsvRows table=None, Occurrences occurrences=None):
        if table is not None:
            with nogil:
                self.read(table)
            self.sort()
        else:
            self.count(occurrences)

    def __dealloc__(self):
        free(self.event_id)
        free(self.rate)

    cdef int read(self, CsvRows table) except -1 nogil:
        cdef Cell cell[MOST_COLUMNS]
        cdef int64_t room = 0
        table.start()
        while table.next(cell):
            if self.n == room:
                room = 2 * room + 1024
                resize(<void **>&self.event_id, room, sizeof(int32_t))
                resize(<void **>&self.rate, room, sizeof(double))
            self.event_id[self.n], self.rate[self.n] = <int32_t>cell[0].i, cell[1].d
            self.n += 1
        return 0

    cdef int sort(self) except -1:
        """Into ascending order; of rows of one event, the last stays."""
        cdef int64_t i, n = 0
        cdef int64_t *order = <int64_t *>allot(2 * self.n, sizeof(int64_t))
        cdef int32_t *event_id = NULL
        cdef double *rate
        try:
            order_by(self.event_id, self.n, order, order + self.n)
            event_id, rate = <int32_t *>allot(self.n, sizeof(int32_t)), self.rate
            self.rate = <double *>allot(self.n, sizeof(double))
            for i in range(self.n):
                if n and event_id[n - 1] == self.event_id[order[i]]:
                    n -= 1
                event_id[n], self.rate[n] = self.event_id[order[i]], rate[order[i]]
                n += 1
            free(rate)
            self.event_id, event_id, self.n = event_id, self.event_id, n
        finally:
            free(order)
            free(event_id)
        return 0

    cdef int count(self, Occurrences occurrences) except -1:
        cdef int64_t i
        self.n = occurrences.n_events
        self.event_id = <int32_t *>allot(self.n, sizeof(int32_t))
        self.rate = <double *>allot(self.n, sizeof(double))
        memcpy(self.event_id, occurrences.event_id, self.n * sizeof(int32_t))
        for i in range(self.n):
            for _ in range(occurrences.start[i + 1] - occurrences.start[i]):
                self.rate[i] += 1 / <double>occurrences.number_of_periods
        return 0

    cdef double of(self, int32_t event_id) noexcept nogil:
        cdef Py_ssize_t place = find_sorted(self.event_id, self.n, event_id)
        return self.rate[place] if place >= 0 else 0


# What the records of a row come to.
cdef struct Totals:
    float total, squares            # of the samples
    float impacted                  # the exposed value, once for each sample that has a loss
    int32_t with_loss               # samples that have a loss
    float analytical, max_loss


cdef bint has_loss(const LossBlock *block, Py_ssize_t i) noexcept nogil:
    cdef int64_t k
    for k in range(block.start[i], block.start[i + 1]):
        if block.loss[k] > 0:
            return True
    return False


cdef class EltCalc(LossConsumer):
    """Writes event loss tables of a summary stream; one that is None is not wanted. moment wants rates,
    quantile quantiles. exact: double results (see numbers.pxd)."""
    cdef Rows legacy, moment, quantile
    cdef EventRates rates
    cdef Quantiles quantiles
    cdef int32_t sample_size
    cdef double tolerance

    def __cinit__(self, Rows legacy=None, Rows moment=None, Rows quantile=None, EventRates rates=None,
                  Quantiles quantiles=None, bint exact=False):
        if (moment is None) != (rates is None) or (quantile is None) != (quantiles is None):
            raise UsageError("moments go with event rates, and quantiles with the quantiles that are wanted")
        self.legacy, self.moment, self.quantile = legacy, moment, quantile
        self.rates, self.quantiles = rates, quantiles
        self.tolerance = tolerance_of(exact)

    cdef int begin(self, const LossHeader *header) except -1 nogil:
        self.sample_size = header.sample_size
        if header.kind != SUMMARY:
            with gil:
                raise UsageError("losses by summary are wanted here, the stream holds others")
        begin_rows(self.quantile)
        if self.quantile is not None and self.sample_size > 0:
            self.quantiles.prepare(self.sample_size)
        begin_rows(self.legacy)
        begin_rows(self.moment)
        return 0

    cdef int accept(self, const LossBlock *block) except -1 nogil:
        cdef Py_ssize_t i
        cdef Totals totals
        cdef Moments moments
        cdef double rate = 0
        if self.moment is not None:
            rate = self.rates.of(block.event_id)
        for i in range(block.n):
            if not block.exposure[i] > 0 and not has_loss(block, i):
                continue
            if self.legacy is not None or self.moment is not None:
                add_up(block, i, &totals)
                moments = moments_of(block, i, totals.total, totals.squares, self.sample_size, self.tolerance)
            if self.legacy is not None:
                self.put_legacy(block, i, 1, totals.analytical, 0)
                if self.sample_size:            # -1, gulcalc without samples, has the line too
                    self.put_legacy(block, i, 2, moments.mean, moments.sd)
            if self.moment is not None:
                self.put_moments(block, i, rate, &totals, moments)
            if self.quantile is not None and self.sample_size > 0:
                self.put_quantiles(block, i)
        flush_rows(self.legacy)
        flush_rows(self.moment)
        flush_rows(self.quantile)
        return 0

    cdef int put_legacy(self, const LossBlock *block, Py_ssize_t i, int32_t type, float mean,
                        float sd) except -1 nogil:
        cdef rec.event_loss_table *row = <rec.event_loss_table *>self.legacy.next()
        row.summary_id, row.type, row.event_id = block.id[i], type, block.event_id
        row.mean, row.standard_deviation, row.exposure_value = mean, sd, block.exposure[i]
        return 0

    cdef int put_moments(self, const LossBlock *block, Py_ssize_t i, double rate, const Totals *totals,
                         Moments moments) except -1 nogil:
        cdef rec.moment_event_loss_table *row = <rec.moment_event_loss_table *>self.moment.next()
        cdef float exposure = block.exposure[i], size = <float>self.sample_size
        row.EventId, row.SummaryId, row.SampleType, row.EventRate = block.event_id, block.id[i], 1, rate
        row.ChanceOfLoss, row.MeanLoss, row.SDLoss, row.MaxLoss = 0, totals.analytical, 0, totals.max_loss
        row.FootprintExposure = row.MeanImpactedExposure = row.MaxImpactedExposure = exposure
        if not self.sample_size:
            return 0
        row = <rec.moment_event_loss_table *>self.moment.next()
        row.EventId, row.SummaryId, row.SampleType, row.EventRate = block.event_id, block.id[i], 2, rate
        row.ChanceOfLoss, row.MeanLoss, row.SDLoss, row.MaxLoss = 0, moments.mean, moments.sd, totals.max_loss
        row.FootprintExposure, row.MeanImpactedExposure = exposure, totals.impacted
        row.MaxImpactedExposure = exposure if totals.with_loss else 0
        if self.sample_size > 1:
            row.ChanceOfLoss = <float>totals.with_loss / size
            row.MeanImpactedExposure = checked(totals.impacted / size,
                                               <double>exposure * totals.with_loss / self.sample_size,
                                               self.tolerance)
        return 0

    cdef int put_quantiles(self, const LossBlock *block, Py_ssize_t i) except -1 nogil:
        cdef rec.quantile_event_loss_table *row
        cdef Py_ssize_t k
        self.quantiles.work_out(block, i, False)
        for k in range(self.quantiles.n):
            row = <rec.quantile_event_loss_table *>self.quantile.next()
            row.EventId, row.SummaryId = block.event_id, block.id[i]
            row.Quantile, row.Loss = self.quantiles.quantile[k], self.quantiles.loss[k]
        return 0

    cdef int finish(self) except -1 nogil:
        finish_rows(self.legacy)
        finish_rows(self.moment)
        finish_rows(self.quantile)
        return 0


cdef void add_up(const LossBlock *block, Py_ssize_t i, Totals *totals) noexcept nogil:
    """The records of row i, in their order."""
    cdef float total = 0, squares = 0, impacted = 0, analytical = 0, max_loss = 0, loss
    cdef float exposure = block.exposure[i]
    cdef int32_t with_loss = 0
    cdef int64_t k
    for k in range(block.start[i], block.start[i + 1]):
        loss = block.loss[k]
        if block.sidx[k] > 0:
            total += loss
            squares += loss * loss
            impacted += exposure if loss > 0 else 0
            with_loss += loss > 0
        elif block.sidx[k] == MEAN:
            analytical = loss
        elif block.sidx[k] == MAX_LOSS:
            max_loss = loss
    totals.total, totals.squares, totals.impacted, totals.with_loss = total, squares, impacted, with_loss
    totals.analytical, totals.max_loss = analytical, max_loss


cdef class SampleLosses(LossConsumer):
    """Makes rows of the sample event loss table (SELT): for each record, with the exposed value, or 0 where
    the loss is 0.

    max_loss and drop_unexposed are those of csvforms.SummaryToCsv, which writes the same as csv.
    """
    cdef Rows rows
    cdef bint drop_unexposed
    cdef int32_t left_out

    def __cinit__(self, Rows rows not None, bint max_loss=False, bint drop_unexposed=False):
        self.rows, self.drop_unexposed, self.left_out = rows, drop_unexposed, 0 if max_loss else MAX_LOSS

    cdef int begin(self, const LossHeader *header) except -1 nogil:
        if header.kind != SUMMARY:
            with gil:
                raise UsageError("losses by summary are wanted here, the stream holds others")
        return self.rows.begin()

    cdef int accept(self, const LossBlock *block) except -1 nogil:
        cdef Py_ssize_t i
        cdef int64_t k
        cdef float exposure
        cdef rec.sample_event_loss_table *row
        for i in range(block.n):
            exposure = block.exposure[i]
            if self.drop_unexposed and exposure == 0:
                continue
            for k in range(block.start[i], block.start[i + 1]):
                if block.sidx[k] != self.left_out:
                    row = <rec.sample_event_loss_table *>self.rows.next()
                    row.EventId, row.SummaryId, row.SampleId = block.event_id, block.id[i], block.sidx[k]
                    row.Loss, row.ImpactedExposure = block.loss[k], 0 if block.loss[k] == 0 else exposure
        return self.rows.flush()

    cdef int finish(self) except -1 nogil:
        return self.rows.finish()
