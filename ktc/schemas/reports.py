"""The reports: tables that end a pipeline, as csv."""
from .model import Field, Report

EVENT_ID = Field("event_id", "i4", "the event")
SUMMARY_ID = Field("summary_id", "i4", "the summary group")

REPORTS = {r.name: r for r in (
    Report("event_loss_table", (
        SUMMARY_ID,
        Field("type", "i4", "1: analytical mean, 2: moments of the samples"),
        EVENT_ID,
        Field("mean", "f4", "mean loss", "%.6f", unit="currency"),
        Field("standard_deviation", "f4", "standard deviation of the loss; 0 in type 1", "%.6f", unit="currency"),
        Field("exposure_value", "f4", "exposed value", "%.6f", unit="currency")),
        "Mean and standard deviation of each summary's loss, by event (eltcalc)."),
    Report("sample_event_loss_table", (
        Field("EventId", "i4", "the event"),
        Field("SummaryId", "i4", "the summary group"),
        Field("SampleId", "i4", "sample index"),
        Field("Loss", "f4", "loss of that sample", "%.2f", unit="currency"),
        Field("ImpactedExposure", "f4", "exposed value, 0 where the loss is 0", "%.2f", unit="currency")),
        "SELT of Open Results Data (summarycalctocsv -o)."),
    Report("summary_with_exposure", (
        EVENT_ID,
        Field("exposure_value", "f4", "exposed value", "%.2f", unit="currency"),
        SUMMARY_ID,
        Field("sidx", "i4", "sample index"),
        Field("loss", "f4", "loss of that sample", "%.2f", unit="currency")),
        "Losses by summary with their exposed value (summarycalctocsv -e)."),
)}
