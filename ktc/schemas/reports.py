"""The reports: tables that end a pipeline, as csv, parquet or arrays.

A column's csv number format is ktools'; in parquet, whole numbers are int32 and everything else is float32,
never null. The names in capitals are those of Open Results Data (ORD).
"""
from __future__ import annotations

from .model import Field, Report


def money(name: str, doc: str, csv: str = "%.6f", type: str = "f4") -> Field:
    return Field(name, type, doc, csv, unit="currency")


SAMPLE_TYPE = "1: analytical mean, 2: moments of the samples"

# The legacy forms
SUMMARY_ID = Field("summary_id", "i4", "the summary group")
EVENT_ID = Field("event_id", "i4", "the event")
TYPE = Field("type", "i4", SAMPLE_TYPE)
PLT_COLUMNS = (
    TYPE, SUMMARY_ID, Field("period_no", "i4", "the period"), EVENT_ID,
    money("mean", "mean loss", "%.2f"), money("standard_deviation",
                                              "standard deviation of the loss; 0 in type 1", "%.2f"),
    money("exposure_value", "exposed value", "%.2f"))
CURVE_TYPE = Field("type", "i4", "1: analytical mean, 2: samples")
RETURN_PERIOD = Field("return_period", "f8", "return period", "%.6f", unit="periods")
CURVE_LOSS = money("loss", "loss that is reached or exceeded once in a return period")
ENSEMBLE_ID = Field("ensemble_id", "i4", "the ensemble; 0: all samples")
AAL_MEAN = money("mean", "average annual loss", type="f8")
AAL_SD = money("standard_deviation", "standard deviation of the annual loss", type="f8")

# Open Results Data
EVENT = Field("EventId", "i4", "the event")
SUMMARY = Field("SummaryId", "i4", "the summary group")
SAMPLE_TYPE_ = Field("SampleType", "i4", SAMPLE_TYPE)
SAMPLE_ID = Field("SampleId", "i4", "sample index; -1: the analytical mean")
LOSS = money("Loss", "loss of that sample", "%.2f")
IMPACTED = money("ImpactedExposure", "exposed value, 0 where the loss is 0", "%.2f")
CHANCE = Field("ChanceOfLoss", "f4", "share of the samples that have a loss; 0 in type 1", unit="probability")
QUANTILE = Field("Quantile", "f4", "the quantile", unit="probability")
EP_TYPE = Field("EPType", "i4", "1: OEP, 2: OEP TVaR, 3: AEP, 4: AEP TVaR")
EP_RETURN_PERIOD = Field("ReturnPeriod", "f8", "return period", "%.6f", unit="periods")
EP_LOSS = money("Loss",
                "loss that is reached or exceeded once in a return period, or the mean of all such losses "
                "(TVaR)")
PERIOD = (Field("Period", "i4", "the period"), Field("PeriodWeight", "f8", "its weight", "%.6f",
                                                     unit="probability"), EVENT,
          Field("Year", "i4", "when it occurs"), Field("Month", "i4", "1 to 12"),
          Field("Day", "i4", "1 to 31"),
          Field("Hour", "i4", "0 to 23"), Field("Minute", "i4", "0 to 59"), SUMMARY)


def moments(csv: str, chance: str) -> tuple[Field, ...]:
    """The columns of MELT and MPLT after their keys."""
    return (Field(CHANCE.name, CHANCE.type, CHANCE.doc, chance, CHANCE.unit),
            money("MeanLoss", "mean loss", csv), money("SDLoss",
                                                       "standard deviation of the loss; 0 in type 1", csv),
            money("MaxLoss", "the maximum loss", csv), money("FootprintExposure", "exposed value", csv),
            money("MeanImpactedExposure",
                  "mean over the samples of the exposed value where the loss is not 0", csv),
            money("MaxImpactedExposure", "the largest of these", csv))


def quantile(csv: str) -> tuple[Field, ...]:
    return (Field(QUANTILE.name, QUANTILE.type, QUANTILE.doc, csv, QUANTILE.unit),
            money("Loss", "loss at that quantile", csv))


REPORTS = {r.name: r for r in (
    Report("event_loss_table", (
        SUMMARY_ID, TYPE, EVENT_ID, money("mean", "mean loss"),
        money("standard_deviation", "standard deviation of the loss; 0 in type 1"),
                                money("exposure_value", "exposed value")),
        "Mean and standard deviation of each summary's loss, by event (eltcalc)."),
    Report("moment_event_loss_table", (
        EVENT, SUMMARY, SAMPLE_TYPE_, Field("EventRate", "f8", "occurrences per period", "%.6f",
                                            unit="1 / period"),
        *moments("%.6f", "%.6f")),
        "MELT: moments of each summary's loss, by event (eltcalc -M)."),
    Report("quantile_event_loss_table", (EVENT, SUMMARY, *quantile("%.6f")),
           "QELT: quantiles of each summary's loss, by event (eltcalc -Q)."),
    Report("sample_event_loss_table", (EVENT, SUMMARY, SAMPLE_ID, LOSS, IMPACTED),
           "SELT: each summary's loss in each sample, by event (summarycalctocsv -o)."),
    Report("summary_with_exposure", (
        EVENT_ID, money("exposure_value", "exposed value", "%.2f"), SUMMARY_ID,
                                     Field("sidx", "i4", "sample index"),
        money("loss", "loss of that sample", "%.2f")),
        "Losses by summary with their exposed value (summarycalctocsv -e)."),
    Report("period_loss_table", (*PLT_COLUMNS, Field("occ_date_id", "i4", "the date's number")),
           "Mean and standard deviation of each summary's loss, by occurrence (pltcalc)."),
    Report("period_loss_table_dates", (
        *PLT_COLUMNS, Field("occ_year", "i4", "when it occurs"), Field("occ_month", "i4", "1 to 12"),
        Field("occ_day", "i4", "1 to 31")),
        "The same where occurrences have dates (pltcalc)."),
    Report("moment_period_loss_table", (*PERIOD, SAMPLE_TYPE_, *moments("%.2f", "%.4f")),
           "MPLT: moments of each summary's loss, by occurrence (pltcalc -M).", lead=len(PERIOD)),
    Report("quantile_period_loss_table", (*PERIOD, *quantile("%.2f")),
           "QPLT: quantiles of each summary's loss, by occurrence (pltcalc -Q).", lead=len(PERIOD)),
    Report("sample_period_loss_table", (*PERIOD, SAMPLE_ID, LOSS, IMPACTED),
           "SPLT: each summary's loss in each sample, by occurrence (pltcalc -S).", lead=len(PERIOD)),
    Report("exceedance_curve", (SUMMARY_ID, CURVE_TYPE, RETURN_PERIOD, CURVE_LOSS),
           "An exceedance curve (leccalc -F, -f, -S, -s, -M, -m)."),
    Report("exceedance_curve_ensembles", (SUMMARY_ID, CURVE_TYPE, RETURN_PERIOD, CURVE_LOSS, ENSEMBLE_ID),
           "The same for all samples and for each ensemble, where there are ensembles."),
    Report("sample_exceedance_curve", (SUMMARY_ID, Field("sidx", "i4", "sample index"), RETURN_PERIOD,
                                       CURVE_LOSS),
           "The exceedance curve of each sample (leccalc -W, -w)."),
    Report("sample_exceedance_curve_ensembles", (
        SUMMARY_ID, Field("sidx", "i4", "sample index"), RETURN_PERIOD, CURVE_LOSS, ENSEMBLE_ID),
        "The same for all samples and for each ensemble, where there are ensembles."),
    Report("exceedance_probability_table", (
        SUMMARY, Field("EPCalc", "i4",
                       "1: analytical mean, 2: all samples (full uncertainty), 3: mean of the samples' "
                       "curves, "
                       "4: mean of the samples"), EP_TYPE, EP_RETURN_PERIOD, EP_LOSS),
        "EPT: exceedance curves and tail values at risk (ordleccalc -O)."),
    Report("sample_exceedance_probability_table", (
        SUMMARY, Field("SampleId", "i4", "sample index"), EP_TYPE, EP_RETURN_PERIOD, EP_LOSS),
        "PSEPT: exceedance curves and tail values at risk of each sample (ordleccalc -o)."),
    Report("average_loss", (SUMMARY_ID, TYPE, AAL_MEAN, AAL_SD), "Average annual loss (aalcalc)."),
    Report("average_loss_ensembles", (SUMMARY_ID, TYPE, AAL_MEAN, AAL_SD, ENSEMBLE_ID),
           "The same for all samples and for each ensemble, where there are ensembles."),
    Report("average_loss_table", (
        SUMMARY, SAMPLE_TYPE_, money("MeanLoss", "average annual loss", type="f8"),
        money("SDLoss", "standard deviation of the annual loss", type="f8")),
        "ALT: average annual loss (aalcalc -o)."),
    Report("average_loss_convergence_table", (
        SUMMARY, money("MeanLoss", "average annual loss", type="f8"),
        money("SDLoss", "standard deviation of the annual loss", type="f8"),
        Field("SampleSize", "i4", "number of samples that the row is about"),
        money("LowerCI", "lower end of the confidence interval of the mean", type="f8"),
        money("UpperCI", "its upper end", type="f8"),
        money("StandardError", "standard error of the mean", type="f8"),
        Field("RelativeError", "f8", "standard error / mean", "%.6f", unit="ratio"),
        Field("VarElementHaz", "f8", "variance of the mean due to the hazard", "%.6f",
              unit="currency squared"),
        money("StandardErrorHaz", "its square root", type="f8"),
        Field("RelativeErrorHaz", "f8", "that / mean", "%.6f", unit="ratio"),
        Field("VarElementVuln", "f8", "variance of the mean due to the samples", "%.6f",
              unit="currency squared"),
        money("StandardErrorVuln", "its square root", type="f8"),
        Field("RelativeErrorVuln", "f8", "that / mean", "%.6f", unit="ratio")),
        "ALCT: how the average annual loss converges with the number of samples (aalcalc -c)."),
    Report("average_loss_mean_only", (SUMMARY_ID, TYPE, AAL_MEAN),
           "Average annual loss without deviation (aalcalcmeanonly)."),
    Report("average_loss_table_mean_only", (SUMMARY, SAMPLE_TYPE_, money("MeanLoss", "average annual loss",
                                                                         type="f8")),
           "The same in Open Results Data (aalcalcmeanonly -o)."),
)}
