"""Streams as csv, as classes for a chain and as functions: cdftocsv, gultocsv, fmtocsv and summarycalctocsv,
and the way back, gultobin and summarycalctobin."""

from __future__ import annotations

from . import schemas
from ._core.codec import LossEncoder
from ._core.io import Source
from .building import Last, Producer, Run, with_parquet
from .errors import UsageError
from .schemas import streams as kinds
from .sources import CdfStream, Chain, LossStream, done

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    from ._core.frames import Losses
    from ._core.io import Sink
    from ._types import AreaperilBytes, RowTarget, SourceLike, TargetLike
    from .schemas.model import Report, Stream


__all__ = [
    "CdfToCsv",
    "EventsToText",
    "FmToCsv",
    "GulToCsv",
    "LossCsv",
    "LossToCsv",
    "SummaryToCsv",
    "Writer",
    "cdftocsv",
    "fmtocsv",
    "gultobin",
    "gultocsv",
    "summarycalctobin",
    "summarycalctocsv",
]


class Writer(Last):
    """Base of the stages that end in a file.

    Parameters
    ----------
    target : target, optional
        Csv; standard output by default.
    skip_header : bool, default False
        Write csv without the line of column names.
    """

    def __init__(self, target: TargetLike = None, *, skip_header: bool = False) -> None:
        self.target: Any = target
        self.skip_header = skip_header

    def end(self, run: Run) -> Any:
        return self.kernel(run.outputs.open(self.target))

    def header(self, layout: Stream | Report) -> str | None:
        """The header line of a stream's or report's csv, unless it is to be skipped."""
        header: str = layout.csv_header
        return None if self.skip_header else header

    def kernel(self, sink: Sink) -> Any:
        """The kernel that writes to a sink."""
        raise NotImplementedError


class EventsToText(Writer):
    """Event ids as text, one a line. There is no header, whatever skip_header says."""

    takes = "events"

    def kernel(self, sink: Sink) -> Any:
        from ._core.eve import EventText as Kernel

        return Kernel(sink)


class CdfToCsv(Writer):
    """Distributions as csv. See ktc.cdftocsv, whose options it takes."""

    takes = "cdfs"

    def kernel(self, sink: Sink) -> Any:
        from ._core.csvforms import CdfToCsv as Kernel

        return Kernel(sink, self.header(kinds.CDF_STREAM))


def cdftocsv(
    source: SourceLike = None,
    target: TargetLike = None,
    *,
    skip_header: bool = False,
    areaperil_bytes: AreaperilBytes = 4,
) -> None:
    """A cdf stream as csv: event_id,areaperil_id,vulnerability_id,bin_index,prob_to,bin_mean.

    Parameters
    ----------
    source : source, optional
        A cdf stream.
    target : target, optional
        Csv; standard output by default.
    skip_header : bool, default False
        Write csv without the line of column names.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.
    """
    Chain(CdfStream(source, areaperil_bytes=areaperil_bytes), CdfToCsv(target, skip_header=skip_header)).run()


class LossToCsv(Writer):
    """Losses as csv, with the header of the stream in `layouts` (by its first word). See ktc.gultocsv."""

    takes = "losses"
    layouts: dict[int, Stream] = {kinds.LOSS: kinds.LOSS_STREAM}

    def __init__(
        self, target: TargetLike = None, *, skip_header: bool = False, full_precision: bool = False
    ) -> None:
        super().__init__(target, skip_header=skip_header)
        self.decimals = 6 if full_precision else 2

    def kernel(self, sink: Sink) -> Any:
        from ._core.csvforms import LossToCsv as Kernel

        headers = {kind: layout.csv_header for kind, layout in self.layouts.items()}
        return Kernel(sink, None if self.skip_header else headers, self.decimals)


class GulToCsv(LossToCsv):
    """Ground-up losses as csv. See ktc.gultocsv, whose options it takes."""

    # ktools calls the ids of a loss stream items here: ground-up losses have nothing else
    layouts = {
        kinds.ITEM: kinds.ITEM_STREAM,
        kinds.LOSS: kinds.ITEM_STREAM,
        kinds.COVERAGE: kinds.COVERAGE_STREAM,
        kinds.COVERAGE_LOSS: kinds.COVERAGE_LOSS_STREAM,
    }


def gultocsv(
    source: SourceLike = None,
    target: TargetLike = None,
    *,
    skip_header: bool = False,
    full_precision: bool = False,
) -> None:
    """Ground-up losses as csv: event_id,item_id (or coverage_id),sidx,loss.

    Parameters
    ----------
    source : source, optional
        A stream of losses by item or coverage.
    target : target, optional
        Csv; standard output by default.
    skip_header : bool, default False
        Write csv without the line of column names.
    full_precision : bool, default False
        Six decimals of a loss instead of two.
    """
    Chain(
        LossStream(source, kinds=[kinds.ITEM, kinds.COVERAGE, kinds.LOSS, kinds.COVERAGE_LOSS]),
        GulToCsv(target, skip_header=skip_header, full_precision=full_precision),
    ).run()


class FmToCsv(LossToCsv):
    """Losses of the financial module as csv. See ktc.fmtocsv, whose options it takes."""


def fmtocsv(
    source: SourceLike = None,
    target: TargetLike = None,
    *,
    skip_header: bool = False,
    full_precision: bool = False,
) -> None:
    """Losses of the financial module as csv: event_id,output_id,sidx,loss. See ktc.gultocsv."""
    Chain(
        LossStream(source, kinds=[kinds.LOSS]),
        FmToCsv(target, skip_header=skip_header, full_precision=full_precision),
    ).run()


class SummaryToCsv(Writer):
    """Losses by summary as csv. See ktc.summarycalctocsv, whose options it takes but for parquet."""

    takes = "losses"

    def __init__(
        self,
        target: RowTarget = None,
        *,
        skip_header: bool = False,
        full_precision: bool = False,
        exposure: bool = False,
        max_loss: bool = False,
        drop_unexposed: bool = False,
        ord: bool = False,
    ) -> None:
        super().__init__(skip_header=skip_header)
        self.target = target
        self.decimals, self.exposure, self.ord = 6 if full_precision else 2, exposure, ord
        self.choice: dict[str, bool] = dict(max_loss=max_loss, drop_unexposed=drop_unexposed)

    def end(self, run: Run) -> Any:
        if not self.ord or not (isinstance(self.target, list) or hasattr(self.target, "consumer")):
            return super().end(run)  # csv is written at once
        from ._core.eltcalc import SampleLosses as Kernel

        return Kernel(
            run.rows("sample_event_loss_table", self.target, not self.skip_header, self.decimals),
            **self.choice,
        )

    def kernel(self, sink: Sink) -> Any:
        from ._core.csvforms import SummaryToCsv as Kernel

        report = "sample_event_loss_table" if self.ord else "summary_with_exposure" if self.exposure else None
        layout = schemas.REPORTS[report] if report else kinds.SUMMARY_STREAM
        return Kernel(sink, self.header(layout), self.decimals, self.exposure, ord=self.ord, **self.choice)


def summarycalctocsv(
    source: SourceLike = None,
    target: RowTarget = None,
    *,
    skip_header: bool = False,
    full_precision: bool = False,
    exposure: bool = False,
    max_loss: bool = False,
    drop_unexposed: bool = False,
    ord: bool = False,
    parquet: TargetLike = None,
) -> None:
    """Losses by summary as csv: event_id,summary_id,sidx,loss.

    Parameters
    ----------
    source : source, optional
        A stream of losses by summary.
    target : target, optional
        Csv; standard output by default, or nowhere if parquet alone is asked for. With ord, a destination of
        rows.
    skip_header : bool, default False
        Write csv without the line of column names.
    full_precision : bool, default False
        Six decimals of a loss instead of two.
    exposure : bool, default False
        With the column exposure_value; without effect on SELT.
    max_loss : bool, default False
        The records of sidx -5 too.
    drop_unexposed : bool, default False
        No lines for summaries whose exposed value is 0.
    ord : bool, default False
        SELT, the sample event loss table of Open Results Data (sample_event_loss_table).
    parquet : target, optional
        Where SELT goes as parquet; without ord, it is all that is written.
    """
    if parquet is not None:
        target = (
            with_parquet("-" if target is None else target, parquet) if ord else with_parquet(None, parquet)
        )
        ord = True
    Chain(
        LossStream(source, kinds=[kinds.SUMMARY], as_written=True),
        SummaryToCsv(
            target,
            skip_header=skip_header,
            full_precision=full_precision,
            exposure=exposure,
            max_loss=max_loss,
            drop_unexposed=drop_unexposed,
            ord=ord,
        ),
    ).run()


class LossCsv(Producer):
    """Losses of a csv file as the source of a chain.

    Parameters
    ----------
    source : source, optional
        Csv with a header line.
    sample_size : int
        The number of samples. Rows of samples above it are left out; of summaries they are an error.
    kind : int, default ktc.schemas.streams.LOSS
        What the losses are: of items or coverages, in the columns of gultocsv, or of summaries (of set 1), in
        those of summarycalctocsv -e.
    whole_events : bool, default True
        Hold an event back until its last byte has come.
    """

    gives = "losses"

    def __init__(
        self,
        source: SourceLike = None,
        *,
        sample_size: int | None,
        kind: int = kinds.LOSS,
        whole_events: bool = True,
    ) -> None:
        self.source, self.sample_size, self.kind, self.whole_events = source, sample_size, kind, whole_events

    def encoder(self, sink: Sink) -> Any:
        return LossEncoder(sink, merge=self.kind != kinds.SUMMARY)

    def decoder(self, run: Run, steps: int | None = None) -> Any:
        from ._core.csvrows import Layout
        from ._core.losscsv import LossCsvDecoder

        summaries = self.kind == kinds.SUMMARY
        entry: Any
        if summaries:
            entry = schemas.REPORTS["summary_with_exposure"]
            fields = entry.fields
        elif self.kind in GulToCsv.layouts:
            entry = GulToCsv.layouts[self.kind]
            fields = entry.packet + entry.record
        else:
            raise UsageError(f"the kind of losses is {self.kind!r}, which no csv has")
        return LossCsvDecoder(
            Source(self.source),
            Layout([(f.name, f.type, f.csv, -1) for f in fields], 0, table=entry),
            self.kind,
            self.sample_size,
            strict=summaries,
            whole_events=self.whole_events,
        )


def gultobin(
    source: SourceLike = None,
    target: TargetLike = None,
    *,
    sample_size: int | None = None,
    stream_type: Literal[1, 2] = 2,
) -> Chain[Losses] | None:
    """Ground-up losses from csv: event_id,item_id,sidx,loss in, a loss or item stream out.

    Rows of one event and item that follow each other are a packet. As gulcalc's, the stream ends without the
    last packet's terminator.

    Parameters
    ----------
    source : source, optional
        Csv with a header line.
    target : target, optional
        Where the stream goes; blocks are returned without it.
    sample_size : int
        The number of samples of the stream; rows of samples above it are left out.
    stream_type : {1, 2}, default 2
        1: an item stream; 2: a loss stream.

    Returns
    -------
    Chain or None
        Without a target an iterable of Losses, else None.
    """
    if stream_type not in (1, 2):
        raise UsageError(
            f"the stream type (-t) is {stream_type}, expected 1 (item stream) or 2 (loss stream)"
        )
    kind = kinds.ITEM if stream_type == 1 else kinds.LOSS
    return from_csv(source, target, sample_size, kind)


def summarycalctobin(
    source: SourceLike = None, target: TargetLike = None, *, sample_size: int | None = None
) -> Chain[Losses] | None:
    """Losses by summary from csv: a stream of summary set 1.

    The csv is as summarycalctocsv writes it with exposed values:
    event_id,exposure_value,summary_id,sidx,loss. Rows of one event, summary and exposed value that follow
    each other are a packet.

    Parameters
    ----------
    source : source, optional
        Csv with a header line.
    target : target, optional
        Where the stream goes; blocks are returned without it.
    sample_size : int
        The number of samples of the stream; a row of a sample above it is an error.

    Returns
    -------
    Chain or None
        Without a target an iterable of Losses, else None.
    """
    return from_csv(source, target, sample_size, kinds.SUMMARY)


def from_csv(
    source: SourceLike, target: TargetLike, sample_size: int | None, kind: int
) -> Chain[Losses] | None:
    """Losses of csv to a target, or without one their blocks."""
    losses = LossCsv(source, sample_size=sample_size, kind=kind)
    return done(Chain(losses, *([] if target is None else [target])), target)
