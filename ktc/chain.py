"""Stages joined in memory: events -> getmodel -> gulcalc -> summarycalc -> sinks, in one process, with no
pipe in between.

    Chain(Events(), GetModel(), GulCalc(sample_size=100, alloc_rule=1), SummaryCalc({1:
    EltCalc("elt.csv")})).run()

A chain starts with a source (Events, CdfStream, LossStream, LossCsv) and goes on through stages. Wherever a
stream can go there stands a *destination*: a stage; a list of destinations, each of which gets everything
(tee); a tuple of stages, one after the other; or a path, descriptor or file object, where the stream is
written as the console script writes it. Nothing is opened before run(), output files appear complete or not
at all, and the GIL is released for the whole run.

A chain that ends in a stage without a destination can be iterated: it gives blocks (ktc.Cdfs, ktc.Losses) as
the events come. The console scripts are chains of one stage (ktc.stages).
"""

from __future__ import annotations

import os

from . import schemas
from ._core.codec import CdfDecoder, CdfEncoder, EventDecoder, LossDecoder, LossEncoder
from ._core.io import Outputs, Source
from .building import KERNELS, Block, Generic, Producer, Run, Stage, optional_table
from .errors import DataError, UsageError
from .schemas import streams as kinds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any, Literal, Never, overload

    import numpy as np
    from numpy.typing import NDArray

    from ._core.fmplan import Plan
    from ._core.frames import Cdfs, Losses  # noqa: F401
    from ._types import AreaperilBytes, Destination, PathLike, RowTarget, SourceLike, TargetLike


__all__ = [
    "CdfStream",
    "CdfToCsv",
    "Chain",
    "EltCalc",
    "Events",
    "EventsToText",
    "FmCalc",
    "FmToCsv",
    "GetModel",
    "GulCalc",
    "GulToCsv",
    "Last",
    "LossCsv",
    "LossStream",
    "LossTables",
    "LossToCsv",
    "PlaCalc",
    "PltCalc",
    "Stage",
    "SummaryCalc",
    "SummaryToCsv",
    "Writer",
]

PROGRESS_STEPS = 200


# Sources


class Events(Producer):
    """The share of one process in the events of input/events.bin (as eve deals them out), or the event ids
    given.

    ids: a path, buffer, file object or array of int32 instead of that file. The other arguments are those of
    ktc.eve.
    """

    gives = "events"

    def __init__(
        self,
        process: int = 1,
        total: int = 1,
        *,
        ids: SourceLike = None,
        in_order: bool = False,
        fisher_yates: bool = False,
        legacy_shuffle: bool = False,
    ) -> None:
        self.process, self.total, self.ids = process, total, ids
        # the first that is set counts, as in ktools
        self.mode = (
            "none" if in_order else "fisher-yates" if fisher_yates else "legacy" if legacy_shuffle else "deal"
        )

    def array(self, root: PathLike = ".") -> NDArray[np.int32]:
        """The event ids, as an array."""
        import numpy

        return numpy.frombuffer(self.share(Run(None, root)).ids(), numpy.int32)

    def share(self, run):
        """The kernel that deals out input/events.bin."""
        from ._core.eve import Eve

        return Eve(run.table("events"), self.process, self.total, self.mode)

    def decoder(self, run, steps=None):
        """A decoder over the ids; with steps, in about so many blocks."""
        if self.ids is not None:
            return EventDecoder(Source(self.ids))
        ids = self.share(run).ids()
        return EventDecoder(Source(ids), max(1, len(ids) // 4 // steps) if steps else None)


class CdfStream(Producer):
    """A cdf stream. areaperil_bytes: bytes of an areaperil id. whole_events: hold an event back until its
    last byte has come."""

    gives = "cdfs"

    def __init__(
        self, source: SourceLike = None, *, areaperil_bytes: AreaperilBytes = 4, whole_events: bool = True
    ) -> None:
        self.source, self.areaperil_bytes, self.whole_events = source, areaperil_bytes, whole_events

    def encoder(self, sink):
        return CdfEncoder(sink, self.areaperil_bytes)

    def decoder(self, run, steps=None):
        return CdfDecoder(Source(self.source), self.areaperil_bytes, self.whole_events)


class LossStream(Producer):
    """A stream of losses. kinds: the first words to accept (ktc.schemas.streams). whole_events: as for cdfs.
    as_written: several records of one sidx in a packet of summaries stay several; otherwise they become one,
    with the sum of their losses."""

    gives = "losses"

    def __init__(
        self,
        source: SourceLike = None,
        *,
        kinds: Iterable[int] | None = None,
        whole_events: bool = True,
        as_written: bool = False,
    ) -> None:
        self.source, self.kinds, self.whole_events, self.as_written = source, kinds, whole_events, as_written

    def decoder(self, run, steps=None):
        decoder = LossDecoder
        if run.open_end:
            from ._core.placalc import OpenEndDecoder as decoder
        return decoder(Source(self.source), self.kinds, self.whole_events, self.as_written)


class LossCsv(Producer):
    """Losses from csv. kind: what they are (ktc.schemas.streams): of items or coverages in gultocsv's
    columns, or summaries (of set 1) in those of summarycalctocsv -e. sample_size: rows of samples above it
    are left out, or of summaries are an error. whole_events: as for cdfs.
    """

    gives = "losses"

    def __init__(
        self,
        source: SourceLike = None,
        *,
        sample_size: int,
        kind: int = kinds.LOSS,
        whole_events: bool = True,
    ) -> None:
        self.source, self.sample_size, self.kind, self.whole_events = source, sample_size, kind, whole_events

    def encoder(self, sink):
        return LossEncoder(sink, merge=self.kind != kinds.SUMMARY)

    def decoder(self, run, steps=None):
        from ._core.csvrows import Layout
        from ._core.losscsv import LossCsvDecoder

        summaries = self.kind == kinds.SUMMARY
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


class LossCopy(Producer):
    """Losses of a LossStream, written with a last terminator if that has one."""

    gives = "losses"

    def encoder(self, sink):
        from ._core.placalc import OpenEndEncoder

        return OpenEndEncoder(sink)


# Stages


class GetModel(Stage["Cdfs"]):
    """Events in, cumulative damage distributions out. See ktc.getmodel."""

    takes, gives = "events", "cdfs"

    def __init__(self, out: Destination = None, *, areaperil_bytes: AreaperilBytes = 4) -> None:
        self.out, self.areaperil_bytes = out, areaperil_bytes

    def encoder(self, sink):
        return CdfEncoder(sink, self.areaperil_bytes)

    def build(self, run, out=None):
        from ._core.getmodel import GetModel as Kernel
        from ._core.getmodel import Model

        following = run.consumer(self.out if out is None else out, self)
        stage = Kernel(Model(run.root, self.areaperil_bytes))
        stage.out = following
        return stage


class GulCalc(Stage["Losses"]):
    """Distributions in, ground-up losses out: by item, by coverage and with full correlation. See
    ktc.gulcalc."""

    takes, gives = "cdfs", "losses"

    def __init__(
        self,
        item: Destination = None,
        *,
        coverage: Destination = None,
        correlated: Destination = None,
        sample_size: int = -1,
        alloc_rule: int = -1,
        loss_threshold: float = 0.000001,
        random: Literal["hashed", "cached", "file"] = "hashed",
        vector_size: int = 1000000,
        seed: int = 0,
        debug: bool = False,
        areaperil_bytes: AreaperilBytes = 4,
    ) -> None:
        self.item, self.coverage, self.correlated = item, coverage, correlated
        self.random = random
        self.options = dict(
            sample_size=sample_size,
            alloc_rule=alloc_rule,
            loss_threshold=loss_threshold,
            random=random,
            vector_size=vector_size,
            seed=seed,
            debug=debug,
            areaperil=areaperil_bytes,
        )

    def encoder(self, sink):
        return LossEncoder(sink, merge=True)

    def build(self, run, out=None):
        import time

        from ._core.gulcalc import GulCalc as Kernel

        destinations = {
            "item": self.item if out is None else out,
            "coverage": self.coverage,
            "correlated": self.correlated,
        }
        following = {name: run.consumer(to, self) for name, to in destinations.items() if to is not None}
        tables = [run.table(name) for name in ("items", "coverages", "damage_bin_dict")]
        stage = Kernel(
            *tables,
            random_file=run.table("random") if self.random == "file" else None,
            clock=int(time.time()) & 0x7FFFFFFF,
            **self.options,
        )
        for name, consumer in following.items():
            setattr(stage, name, consumer)
        return stage


class PlaCalc(Stage["Losses"]):
    """Losses by item in, the same times post-loss amplification factors out, written as what feeds it would
    write them. See ktc.placalc.
    """

    takes, gives = "losses", "losses"

    def __init__(
        self, out: Destination = None, *, relative_factor: float = 1.0, absolute_factor: float = 0.0
    ) -> None:
        self.out = out
        self.factors = dict(relative=relative_factor, absolute=absolute_factor)

    def build(self, run, out=None):
        from ._core.placalc import PlaCalc as Kernel

        producer = run.producer
        if isinstance(producer, LossStream):
            run.open_end, producer = True, LossCopy()
        following = run.consumer(self.out if out is None else out, producer)
        tables = () if self.factors["absolute"] else (run.table("amplifications"), run.table("lossfactors"))
        stage = Kernel(*tables, **self.factors)
        stage.out = following
        return stage


class FmCalc(Stage["Losses"]):
    """Losses in, insured or reinsured losses by output id out. See ktc.fmcalc.

    net: True, what is left goes on instead of what is paid; or a destination, which gets what is left beside
    that. gross: where what is paid goes when what is left goes on (net=True), or else another name of out.
    With both, gross and net add up to the losses that came in (see ktc._core.fmcalc), and a treaty's losses
    and the next one's input come of one pass:

        FmCalc(alloc_rule=3, input_path="input/RI_1", gross=SummaryCalc({1: EltCalc("ceded.csv")},
        stream="fm"), net=True)

    plan: a programme that is compiled already (ktc.read_plan), instead of the tables that the arguments
    behind it choose.
    """

    takes, gives = "losses", "losses"

    def __init__(
        self,
        out: Destination = None,
        *,
        gross: Destination = None,
        net: bool | Destination = False,
        alloc_rule: int = 0,
        debug: bool = False,
        full_shares: bool = False,
        plan: Plan | None = None,
        max_level: int | None = None,
        stepped: bool = False,
        input_path: PathLike | None = None,
        areaperil_bytes: AreaperilBytes = 4,
        exact: bool = False,
    ) -> None:
        beside = gross if net is True else None if net is False else net
        if net is not True and gross is not None:
            if out is not None:
                raise UsageError("what is paid has two destinations, out and gross: expected one, or a list")
            out = gross
        self.out, self.beside, self.net, self.plan = out, beside, net is True, plan
        both = beside is not None
        self.options = dict(
            alloc_rule=alloc_rule,
            net=self.net and not both,
            both=both,
            debug=debug,
            full_shares=full_shares,
            exact=exact,
        )
        self.input_path = "input" if input_path is None else input_path
        self.tables = dict(
            by_aggregate=alloc_rule == 0,
            stepped=stepped,
            max_level=max_level,
            areaperil_bytes=areaperil_bytes,
            exact=exact,
        )

    def build(self, run, out=None):
        from ._core.fmcalc import FmCalc as Kernel
        from .financial import read_plan

        following = run.consumer(self.out if out is None else out, self)
        beside = None if self.beside is None else run.consumer(self.beside, self)
        plan = self.plan
        if plan is None:
            plan = read_plan(os.path.join(run.root, self.input_path), **self.tables)
        stage = Kernel(plan, **self.options)
        stage.out, stage.left = (
            (beside, following) if self.net and beside is not None else (following, beside)
        )
        return stage


class SummaryCalc(Stage["Never"]):
    """Losses in, losses by summary out, for up to ten summary sets: {set number: destination}. See
    ktc.summarycalc."""

    takes, gives = "losses", "losses"

    def __init__(
        self,
        outputs: Mapping[int, Destination] | Sequence[tuple[int, Destination]],
        *,
        stream: Literal["item", "coverage", "fm", "legacy item"] = "item",
        zeros: bool = False,
        index: bool = False,
        input_path: PathLike | None = None,
        areaperil_bytes: AreaperilBytes = 4,
        exact: bool = False,
    ) -> None:
        if stream not in ("item", "coverage", "fm", "legacy item"):
            raise UsageError(f"the kind of losses is {stream!r}, expected item, coverage, fm or legacy item")
        self.outputs, self.stream, self.zeros, self.index = dict(outputs), stream, zeros, index
        self.input_path, self.areaperil_bytes, self.exact = input_path, areaperil_bytes, exact

    def build(self, run, out=None):
        from ._core.summarycalc import SummaryCalc as Kernel

        if out is not None:
            raise UsageError(
                "what follows SummaryCalc is given for each summary set, as in SummaryCalc({1: ...})"
            )
        # All outputs before any index, in the order asked for: that is the order in which named pipes meet
        # their readers.
        sinks = {
            number: run.outputs.open(to) if self.is_target(to) else None
            for number, to in self.outputs.items()
        }
        following = {
            number: run.consumer(to, self)
            if sinks[number] is None
            else LossEncoder(
                sinks[number], run.outputs.open(self.index_name(to)) if self.has_index(to) else None
            )
            for number, to in self.outputs.items()
        }
        by_coverage, legacy = self.stream == "coverage", self.stream == "legacy item"
        table = lambda name: run.table(name, self.input_path)
        return Kernel(
            table("fmsummaryxref" if self.stream == "fm" else "gulsummaryxref"),
            following,
            self.zeros,
            table("coverages") if by_coverage or legacy else None,
            table("items") if legacy else None,
            self.areaperil_bytes,
            self.exact,
        )

    @staticmethod
    def is_target(destination):
        return not isinstance(destination, (Stage, list, tuple, *KERNELS))

    def has_index(self, target):
        return self.index and isinstance(target, (str, os.PathLike)) and os.fspath(target) != "-"

    @staticmethod
    def index_name(target):
        """<path without .bin>.idx, as ktools names it."""
        name = os.fspath(target)
        return (name[:-4] if name[4:] and name.endswith(".bin") else name) + ".idx"


class Last(Stage["Never"]):
    """A stage that nothing follows."""

    def build(self, run, out=None):
        if out is not None:
            raise UsageError(f"nothing can follow {type(self).__name__}")
        return self.end(run)

    def end(self, run):
        """The kernel, joined to its outputs."""
        raise NotImplementedError


class Writer(Last):
    """A stage that ends in a file: target is a path, descriptor or file object, None or "-" standard
    output."""

    def __init__(self, target: TargetLike = None, *, skip_header: bool = False) -> None:
        self.target, self.skip_header = target, skip_header

    def end(self, run):
        return self.kernel(run.outputs.open(self.target))

    def header(self, layout):
        """The header line of a stream's or report's csv, unless it is to be skipped."""
        return None if self.skip_header else layout.csv_header

    def kernel(self, sink):
        raise NotImplementedError


class EventsToText(Writer):
    """Event ids as text, one a line."""

    takes = "events"

    def kernel(self, sink):
        from ._core.eve import EventText as Kernel

        return Kernel(sink)


class LossTables(Last):
    """Losses by summary in, tables out. target: where the legacy table goes; None is standard output if no
    table of Open Results Data is wanted, and else nowhere. The other destinations are those tables'. A
    destination is what Run.rows takes."""

    takes = "losses"

    def __init__(self, target, skip_header, exact, **tables):
        self.tables = {name: to for name, to in tables.items() if to is not None and to != []}
        if target is not None or not self.tables:
            self.tables["legacy"] = target
        self.skip_header, self.exact = skip_header, exact

    def rows(self, run, reports):
        """Where the rows of each table that is wanted go. reports: {table: report}, in the order of
        opening."""
        return {
            name: run.rows(report, self.tables[name], not self.skip_header)
            for name, report in reports.items()
            if name in self.tables
        }

    def quantiles(self, run):
        """The quantiles, if there is a table of them."""
        from ._core.samples import Quantiles

        return Quantiles(run.table("quantile"), self.exact) if "quantile" in self.tables else None


class EltCalc(LossTables):
    """Losses by summary in, event loss tables out: the legacy one to target unless there are others; moment:
    MELT; quantile: QELT. A destination is a path, descriptor or file object (csv), ktc.Parquet,
    ktc.ResultTable or a list of these. See ktc.eltcalc.
    """

    def __init__(
        self,
        target: RowTarget = None,
        *,
        moment: RowTarget = None,
        quantile: RowTarget = None,
        skip_header: bool = False,
        exact: bool = False,
    ) -> None:
        super().__init__(target, skip_header, exact, moment=moment, quantile=quantile)

    def end(self, run):
        from ._core.eltcalc import EltCalc as Kernel

        rows = self.rows(
            run,
            {
                "legacy": "event_loss_table",
                "moment": "moment_event_loss_table",
                "quantile": "quantile_event_loss_table",
            },
        )
        return Kernel(
            rates=self.event_rates(run) if "moment" in rows else None,
            quantiles=self.quantiles(run),
            exact=self.exact,
            **rows,
        )

    @staticmethod
    def event_rates(run):
        """The rates of input/event_rates.csv if there is one, else those of the occurrence table."""
        from ._core.eltcalc import EventRates
        from ._core.occurrence import Occurrences
        from .schemas.tables import EVENT_RATES

        path = os.path.join(run.root, EVENT_RATES.path)
        if not os.path.exists(path):
            return EventRates(occurrences=Occurrences(run.table("occurrence")))
        from ._core.csvrows import CsvRows
        from .tables import layout_of

        return EventRates(CsvRows(Source(path), layout_of(EVENT_RATES)))


class PltCalc(LossTables):
    """Losses by summary in, period loss tables out: the legacy one to target unless there are others; moment:
    MPLT; quantile: QPLT; sample: SPLT. Destinations are as for EltCalc. See ktc.pltcalc.
    """

    def __init__(
        self,
        target: RowTarget = None,
        *,
        moment: RowTarget = None,
        quantile: RowTarget = None,
        sample: RowTarget = None,
        skip_header: bool = False,
        exact: bool = False,
    ) -> None:
        super().__init__(target, skip_header, exact, moment=moment, quantile=quantile, sample=sample)

    def end(self, run):
        from ._core.occurrence import Occurrences, PeriodWeights
        from ._core.pltcalc import PltCalc as Kernel

        reports = {
            "moment": "moment_period_loss_table",
            "quantile": "quantile_period_loss_table",
            "sample": "sample_period_loss_table",
        }
        occurrences = None
        if "legacy" in self.tables:  # the occurrence table says whether it has dates
            occurrences = Occurrences(run.table("occurrence"))
            reports = {"legacy": f"period_loss_table{'_dates' if occurrences.dated else ''}", **reports}
        rows = self.rows(run, reports)
        if occurrences is None:
            occurrences = Occurrences(run.table("occurrence"))
        weights = optional_table(run.root, "periods") if rows.keys() - {"legacy"} else None
        if weights is not None:
            weights = PeriodWeights(weights, occurrences.number_of_periods)
        return Kernel(occurrences, weights=weights, quantiles=self.quantiles(run), exact=self.exact, **rows)


class CdfToCsv(Writer):
    """Distributions as csv. See ktc.cdftocsv."""

    takes = "cdfs"

    def kernel(self, sink):
        from ._core.csvforms import CdfToCsv as Kernel

        return Kernel(sink, self.header(kinds.CDF_STREAM))


class LossToCsv(Writer):
    """Losses as csv, with the header of the stream in `layouts` (by its first word)."""

    takes = "losses"
    layouts = {kinds.LOSS: kinds.LOSS_STREAM}

    def __init__(
        self, target: TargetLike = None, *, skip_header: bool = False, full_precision: bool = False
    ) -> None:
        super().__init__(target, skip_header=skip_header)
        self.decimals = 6 if full_precision else 2

    def kernel(self, sink):
        from ._core.csvforms import LossToCsv as Kernel

        headers = {kind: layout.csv_header for kind, layout in self.layouts.items()}
        return Kernel(sink, None if self.skip_header else headers, self.decimals)


class GulToCsv(LossToCsv):
    """Ground-up losses as csv. See ktc.gultocsv."""

    # ktools calls the ids of a loss stream items here: ground-up losses have nothing else
    layouts = {
        kinds.ITEM: kinds.ITEM_STREAM,
        kinds.LOSS: kinds.ITEM_STREAM,
        kinds.COVERAGE: kinds.COVERAGE_STREAM,
        kinds.COVERAGE_LOSS: kinds.COVERAGE_LOSS_STREAM,
    }


class FmToCsv(LossToCsv):
    """Losses of the financial module as csv. See ktc.fmtocsv."""


class SummaryToCsv(Writer):
    """Losses by summary as csv; ord: as SELT, whose destinations are those of EltCalc. See
    ktc.summarycalctocsv."""

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
        super().__init__(target, skip_header=skip_header)  # type: ignore[arg-type]
        self.decimals, self.exposure, self.ord = 6 if full_precision else 2, exposure, ord
        self.choice = dict(max_loss=max_loss, drop_unexposed=drop_unexposed)

    def end(self, run):
        if not self.ord or not (isinstance(self.target, list) or hasattr(self.target, "consumer")):
            return super().end(run)  # csv is written at once
        from ._core.eltcalc import SampleLosses as Kernel

        return Kernel(
            run.rows("sample_event_loss_table", self.target, not self.skip_header, self.decimals),
            **self.choice,
        )

    def kernel(self, sink):
        from ._core.csvforms import SummaryToCsv as Kernel

        report = "sample_event_loss_table" if self.ord else "summary_with_exposure" if self.exposure else None
        layout = schemas.REPORTS[report] if report else kinds.SUMMARY_STREAM
        return Kernel(sink, self.header(layout), self.decimals, self.exposure, ord=self.ord, **self.choice)


# The chain


class Chain(Generic[Block]):
    """A source and what follows it. root: the folder that holds input/ and static/."""

    if TYPE_CHECKING:

        @overload
        def __init__(
            self,
            source: Producer,
            *stages: *tuple[*tuple[Stage[Any], ...], Stage[Block]],
            root: PathLike = ".",
        ) -> None: ...
        @overload
        def __init__(
            self: Chain[Never], source: Producer, *stages: Destination, root: PathLike = "."
        ) -> None: ...

    def __init__(  # type: ignore[misc]
        self, source: Producer, *stages: Any, root: PathLike = "."
    ) -> None:
        self.source, self.stages, self.root = source, stages, root

    def run(self, progress: Callable[[int, int], object] | None = None) -> None:
        """Run to the end. progress: called with the number of events done and of all, some hundred times
        (from Events)."""
        with Outputs() as outputs:
            first, decoder = self.build(
                Run(outputs, self.root), self.stages, PROGRESS_STEPS if progress else None
            )
            try:
                if progress is None:
                    decoder.run(first)
                    return
                total = decoder.total
                while decoder.advance(first):
                    progress(decoder.done, total)
            except DataError:
                from ._core.frames import complete

                complete(first)
                raise

    def build(self, run, stages, steps):
        """The first kernel, with all that follows it, and the decoder that feeds it. Outputs are opened
        first."""
        first = run.consumer(stages, self.source)
        return first, self.source.decoder(run, steps)

    def __iter__(self) -> Iterator[Block]:
        """The blocks that the last stage gives, event by event; on bad input those that are due before the
        error."""
        from ._core import frames

        last = self.stages[-1] if self.stages else self.source
        if not isinstance(last, Producer) or last.gives not in ("cdfs", "losses"):
            raise UsageError(f"{last!r} gives no blocks")
        catcher = last.catcher()
        with Outputs() as outputs:
            first, decoder = self.build(Run(outputs, self.root), (*self.stages, catcher), PROGRESS_STEPS)
            yield from frames.each_block(decoder, first, catcher)  # type: ignore[misc]
