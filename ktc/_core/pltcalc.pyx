"""pltcalc: period loss tables, the losses of each summary in every period in which its event occurs.

    legacy    type,summary_id,period_no,event_id,mean,standard_deviation,exposure_value and when it occurs
    MPLT      the columns of all below,SampleType,ChanceOfLoss,MeanLoss,SDLoss,MaxLoss,FootprintExposure,
              MeanImpactedExposure,MaxImpactedExposure
    SPLT      ...,SampleId,Loss,ImpactedExposure
    QPLT      ...,Quantile,Loss

and what these three begin with: Period,PeriodWeight,EventId,Year,Month,Day,Hour,Minute,SummaryId. In the
first two, type 1 is the analytical mean (sidx -1), where it is above 0, with the maximum loss (sidx -5) as
far as it has come before it; type 2 are mean and standard deviation over the samples, where one of them is
above 0. SPLT has a row for every record of sidx -1 and above; the rows of all occurrences come together for
each record. The arithmetic of moments and quantiles is described in samples.pyx.

The impacted exposure of a sample is the exposed value where it has a loss, else 0; its mean, and the chance
of loss, are sums of S-th parts in float, or in double where those are wrong. Records of sidx -2 to -4 are
left out.
"""
from libc.stdint cimport INT32_MAX, INT32_MIN, int32_t, int64_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from ktc._core cimport records as rec
from ktc._core.blocks cimport LossBlock, LossConsumer, LossHeader
from ktc._core.dates cimport MINUTES, date_of
from ktc._core.memory cimport resize
from ktc._core.occurrence cimport Occurrences, PeriodWeights
from ktc._core.numbers cimport checked, tolerance_of
from ktc._core.records cimport MAX_LOSS, MEAN, SUMMARY
from ktc._core.rows cimport Rows, begin_rows, finish_rows, flush_rows
from ktc._core.samples cimport Moments, Quantiles, moments_of
from ktc.errors import DataError, UsageError

cdef extern from *:
    """
    #include <stddef.h>
    #include "records.h"
    /* The bytes of a row that say when it occurs, and to which summary; they are the same in three tables. */
    #define KTC_WHEN offsetof(ktc_sample_period_loss_table, SampleId)
    static_assert(offsetof(ktc_moment_period_loss_table, SampleType) == KTC_WHEN, "moment_period_loss_table");
    static_assert(offsetof(ktc_quantile_period_loss_table, Quantile) == KTC_WHEN,
                  "quantile_period_loss_table");
    """
    enum:
        WHEN "KTC_WHEN"


cdef class PltCalc(LossConsumer):
    """Writes period loss tables of a summary stream; one that is None is not wanted.

    weights: of the periods, for all but the legacy table; None: they weigh the same, and 1 together. quantile
    wants quantiles. exact: double results (see numbers.pxd).
    """
    cdef Rows legacy, moment, quantile, sample
    cdef Occurrences occurrences
    cdef PeriodWeights weights
    cdef Quantiles quantiles
    cdef int32_t sample_size
    cdef double tolerance
    cdef bint with_dates                        # of the two legacy forms
    cdef bint ord                               # one of moment, quantile and sample is wanted
    cdef rec.sample_period_loss_table *when     # the occurrences of the event
    cdef const int32_t *period
    cdef const int64_t *date
    cdef int64_t n, room

    def __cinit__(self, Occurrences occurrences not None, Rows legacy=None, Rows moment=None,
                  Rows quantile=None,
                  Rows sample=None, PeriodWeights weights=None, Quantiles quantiles=None, bint exact=False):
        cdef int64_t k
        self.tolerance = tolerance_of(exact)
        if (quantile is None) != (quantiles is None):
            raise UsageError("a table of quantiles goes with the quantiles that are wanted")
        self.legacy, self.moment, self.quantile, self.sample = legacy, moment, quantile, sample
        self.occurrences, self.weights, self.quantiles = occurrences, weights, quantiles
        self.ord = moment is not None or quantile is not None or sample is not None
        if legacy is not None:
            self.with_dates = legacy.report.name == "period_loss_table_dates"
            if occurrences.granular and not occurrences.dated:
                raise DataError("occurrence table: byte 0: date options are 2, expected 0, 1 or 3 for the "
                                "legacy table")
        for k in range(occurrences.n if occurrences.granular else 0):
            if not INT32_MIN <= occurrences.date[k] // MINUTES <= INT32_MAX:
                raise DataError(f"occurrence table: period {occurrences.period[k]}: occ_date_id "
                                f"{occurrences.date[k]} is not a date: too large")

    def __dealloc__(self):
        free(self.when)

    cdef int begin(self, const LossHeader *header) except -1 nogil:
        self.sample_size = header.sample_size
        if header.kind != SUMMARY:
            with gil:
                raise UsageError("losses by summary are wanted here, the stream holds others")
        begin_rows(self.legacy)
        begin_rows(self.moment)
        begin_rows(self.quantile)
        if self.quantile is not None and self.sample_size > 0:
            self.quantiles.prepare(self.sample_size)
        begin_rows(self.sample)
        return 0

    cdef int accept(self, const LossBlock *block) except -1 nogil:
        cdef Py_ssize_t i, event = self.occurrences.find(block.event_id)
        cdef int64_t k
        if event < 0:
            return 0
        k = self.occurrences.start[event]
        self.n = self.occurrences.start[event + 1] - k
        self.period, self.date = self.occurrences.period + k, self.occurrences.date + k
        if self.ord:
            self.set_when(block.event_id)
        for i in range(block.n):
            if self.ord:
                for k in range(self.n):
                    self.when[k].SummaryId = block.id[i]
            if self.legacy is not None or self.moment is not None:
                self.add_up(block, i)
            if self.quantile is not None and self.sample_size > 0:
                self.put_quantiles(block, i)
            if self.sample is not None:
                self.put_samples(block, i)
        flush_rows(self.legacy)
        flush_rows(self.moment)
        flush_rows(self.quantile)
        flush_rows(self.sample)
        return 0

    cdef int set_when(self, int32_t event_id) except -1 nogil:
        """What the rows of each occurrence begin with."""
        cdef rec.sample_period_loss_table *when
        cdef bint granular = self.occurrences.granular
        cdef int32_t date[3]
        cdef int64_t k, minutes = 0
        if self.n > self.room:
            self.room = 2 * self.n
            resize(<void **>&self.when, self.room, sizeof(rec.sample_period_loss_table))
        for k in range(self.n):
            when = &self.when[k]
            when.Period, when.EventId = self.period[k], event_id
            if self.weights is None:
                when.PeriodWeight = 1 / <double>self.occurrences.number_of_periods
            else:
                when.PeriodWeight = self.weights.of(self.period[k])
            if granular:
                minutes = self.date[k] % MINUTES
            date_of(self.date[k] // MINUTES if granular else self.date[k], date)
            when.Year, when.Month, when.Day = date[0], date[1], date[2]
            when.Hour, when.Minute = <int32_t>(minutes // 60), <int32_t>(minutes % 60)
        return 0

    cdef int add_up(self, const LossBlock *block, Py_ssize_t i) except -1 nogil:
        """The rows of moments that the records of row i lead to."""
        cdef float total = 0, squares = 0, impacted = 0, chance = 0, max_loss = 0, analytical = 0, loss
        cdef float exposure = block.exposure[i], size = <float>self.sample_size
        cdef float exposure_part = exposure / size, chance_part = 1 / size
        cdef bint any = False
        cdef int64_t k
        cdef int32_t sidx, with_loss = 0
        cdef Moments moments
        for k in range(block.start[i], block.start[i + 1]):
            sidx, loss = block.sidx[k], block.loss[k]
            if sidx > 0:
                any = True
                total += loss
                squares += loss * loss
                with_loss += loss > 0
                impacted += exposure_part if loss > 0 else 0
                chance += chance_part if loss > 0 else 0
            elif sidx == MEAN:
                analytical = loss
            elif sidx == MAX_LOSS:
                max_loss = loss
        if analytical > 0:
            moments.mean, moments.sd = analytical, 0
            self.put(block, i, 1, moments, 0, max_loss, exposure, exposure)
        if not any:
            return 0
        moments = moments_of(block, i, total, squares, self.sample_size, self.tolerance)
        chance = checked(chance, <double>with_loss / self.sample_size, self.tolerance)
        impacted = checked(impacted, <double>exposure * with_loss / self.sample_size, self.tolerance)
        if moments.mean > 0 or moments.sd > 0:
            self.put(block, i, 2, moments, chance, max_loss, impacted, exposure if with_loss
                     and exposure > 0 else 0)
        return 0

    cdef int put(self, const LossBlock *block, Py_ssize_t i, int32_t type, Moments moments, float chance,
                 float max_loss,
                 float mean_impacted, float max_impacted) except -1 nogil:
        """A row for each occurrence, in each of the tables that are wanted."""
        cdef rec.moment_period_loss_table *row
        cdef int64_t k
        if self.legacy is not None:
            self.put_legacy(block, i, type, moments)
        if self.moment is None:
            return 0
        for k in range(self.n):
            row = <rec.moment_period_loss_table *>self.moment.next()
            memcpy(row, &self.when[k], WHEN)
            row.SampleType, row.ChanceOfLoss = type, chance
            row.MeanLoss, row.SDLoss = moments.mean, moments.sd
            row.MaxLoss, row.FootprintExposure = max_loss, block.exposure[i]
            row.MeanImpactedExposure, row.MaxImpactedExposure = mean_impacted, max_impacted
        return 0

    cdef int put_legacy(self, const LossBlock *block, Py_ssize_t i, int32_t type,
                        Moments moments) except -1 nogil:
        # the two forms differ in how they end
        cdef rec.period_loss_table *row
        cdef rec.period_loss_table_dates *dated
        cdef int32_t date[3]
        cdef int64_t k
        for k in range(self.n):
            row = <rec.period_loss_table *>self.legacy.next()
            row.type, row.summary_id = type, block.id[i]
            row.period_no, row.event_id = self.period[k], block.event_id
            row.mean, row.standard_deviation, row.exposure_value = moments.mean, moments.sd, block.exposure[i]
            if self.with_dates:
                dated = <rec.period_loss_table_dates *>row
                date_of(self.date[k] // MINUTES if self.occurrences.granular else self.date[k], date)
                dated.occ_year, dated.occ_month, dated.occ_day = date[0], date[1], date[2]
            else:
                row.occ_date_id = <int32_t>self.date[k]
        return 0

    cdef int put_samples(self, const LossBlock *block, Py_ssize_t i) except -1 nogil:
        cdef rec.sample_period_loss_table *row
        cdef float exposure = block.exposure[i], impacted
        cdef int64_t k, m
        for k in range(block.start[i], block.start[i + 1]):
            if block.sidx[k] < MEAN:
                continue
            # -0 of a negative one, as in ktools
            impacted = exposure if block.loss[k] > 0 else exposure * 0
            for m in range(self.n):
                row = <rec.sample_period_loss_table *>self.sample.next()
                memcpy(row, &self.when[m], WHEN)
                row.SampleId, row.Loss, row.ImpactedExposure = block.sidx[k], block.loss[k], impacted
        return 0

    cdef int put_quantiles(self, const LossBlock *block, Py_ssize_t i) except -1 nogil:
        cdef rec.quantile_period_loss_table *row
        cdef int64_t k
        cdef Py_ssize_t q
        self.quantiles.work_out(block, i, True)
        for k in range(self.n):
            for q in range(self.quantiles.n):
                row = <rec.quantile_period_loss_table *>self.quantile.next()
                memcpy(row, &self.when[k], WHEN)
                row.Quantile, row.Loss = self.quantiles.quantile[q], self.quantiles.loss[q]
        return 0

    cdef int finish(self) except -1 nogil:
        finish_rows(self.legacy)
        finish_rows(self.moment)
        finish_rows(self.quantile)
        finish_rows(self.sample)
        return 0
