"""The binary streams: what flows through pipes between stages.

Wire layout, all little-endian and packed. The first word of a stream is its kind: the high byte says what
flows, the low three bytes which form.

    cdf          kind | { event_id areaperil_id vulnerability_id n_bins | { prob_to bin_mean } x n_bins } ...
    loss         kind sample_size | { event_id id | { sidx loss } ... 0 0.0 } ...
    summary      kind sample_size summary_set | { event_id summary_id exposure | { sidx loss } ... 0 0.0 } ...

A record with sidx 0 ends a packet. ktools' gulcalc leaves it out after the very last packet of a stream.
"""
from .model import AREAPERIL, Field, Stream

CDF = 1
ITEM = 1 << 24 | 1          # ground-up losses by item (deprecated form)
COVERAGE = 1 << 24 | 2      # ground-up losses by coverage
LOSS = 2 << 24 | 1          # losses by item, or by output id of the financial module
COVERAGE_LOSS = 2 << 24 | 2  # losses by coverage, as other vendors' stages may write them
SUMMARY = 3 << 24 | 1       # losses by summary

# Special samples. Every other sidx is 1 .. sample size; 0 ends a packet.
MEAN = -1
STANDARD_DEVIATION = -2
TIV = -3
AFFECTED_RISKS = -4
MAX_LOSS = -5
SPECIAL = {MEAN: "analytical mean", STANDARD_DEVIATION: "its standard deviation", TIV: "total insured value",
           AFFECTED_RISKS: "number of affected risks, reserved by ktools", MAX_LOSS: "largest possible loss"}
SPECIAL_SAMPLES = 5
# Stages count samples in float32, as ktools does, and up to here float32 has every whole number. Beyond, the
# sample size of a header is taken for damage: stages give it memory before a packet has come.
MOST_SAMPLES = 1 << 24

EVENT = Field("event_id", "i4", "the event")
SIDX = Field("sidx", "i4", "sample index: 1 .. sample size, or -1 .. -5")
LOSS_VALUE = Field("loss", "f4", "loss of that sample", "%.2f", unit="currency")
EXPOSURE = Field("exposure", "f4", "exposed value", unit="currency")
VULNERABILITY = Field("vulnerability_id", "i4", "the vulnerability function")
SAMPLE_SIZE = Field("sample_size", "i4", "number of samples")

CDF_STREAM = Stream(
    "cdf", CDF, (),
    (EVENT, Field("areaperil_id", AREAPERIL, "where and from what peril", "%u"),
     VULNERABILITY, Field("n_bins", "i4", "number of bins that follow")),
    (Field("prob_to", "f4", "cumulative probability up to the end of the bin", unit="probability"),
     Field("bin_mean", "f4", "damage ratio that the bin stands for", unit="damage ratio")),
    "Cumulative damage distributions of each affected areaperil and vulnerability, by event.",
    "event_id,areaperil_id,vulnerability_id,bin_index,prob_to,bin_mean")

ITEM_STREAM = Stream(
    "item", ITEM, (SAMPLE_SIZE,), (EVENT, Field("item_id", "i4", "the item")), (SIDX, LOSS_VALUE),
    "Ground-up losses by item, without allocation (deprecated form).", "event_id,item_id,sidx,loss")

COVERAGE_STREAM = Stream(
    "coverage", COVERAGE, (SAMPLE_SIZE,), (EVENT, Field("coverage_id", "i4", "the coverage")),
                         (SIDX, LOSS_VALUE),
    "Ground-up losses by coverage.", "event_id,coverage_id,sidx,loss")

COVERAGE_LOSS_STREAM = Stream(
    "coverage loss", COVERAGE_LOSS, (SAMPLE_SIZE,), COVERAGE_STREAM.packet, COVERAGE_STREAM.record,
    "Losses by coverage, in the form of a loss stream.", COVERAGE_STREAM.csv_header)

LOSS_STREAM = Stream(
    "loss", LOSS, (SAMPLE_SIZE,), (EVENT, Field("output_id", "i4",
                                                "the item, or the financial module's output")),
    (SIDX, LOSS_VALUE), "Losses by item or by output of the financial module.",
                     "event_id,output_id,sidx,loss")

SUMMARY_STREAM = Stream(
    "summary", SUMMARY, (SAMPLE_SIZE, Field("summary_set", "i4", "which of up to ten groupings")),
    (EVENT, Field("summary_id", "i4", "the group"), EXPOSURE),
    (SIDX, LOSS_VALUE), "Losses by summary group.", "event_id,summary_id,sidx,loss")

STREAMS = {s.name: s for s in (CDF_STREAM, ITEM_STREAM, COVERAGE_STREAM, LOSS_STREAM, COVERAGE_LOSS_STREAM,
                               SUMMARY_STREAM)}

# Rows of ktc._core.batches: every record with its packet and what that says. Areaperil ids of both widths;
# exposure is 0 where the stream has none.
PACKET = Field("packet", "i8", "number of the packet in the stream, from 0")
LOSS_ROW = (PACKET, EVENT, Field("id", "i4", "the item, coverage, output or summary"), EXPOSURE, SIDX,
            LOSS_VALUE)
CDF_ROW = (PACKET, EVENT, Field("areaperil_id", "u8", CDF_STREAM.packet[1].doc, "%u"), VULNERABILITY,
           Field("bin_index", "i4", "the bin, from 1"), *CDF_STREAM.record)
