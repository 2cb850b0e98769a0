"""Stages joined in memory: events -> getmodel -> gulcalc -> summarycalc -> outputs.

All run in one process, with no pipe in between.
A chain starts with a source (Events, CdfStream, LossStream, LossCsv) and goes on through stages. Nothing is
opened before run(), output files appear complete or not at all, and the GIL is released for the whole run.
The console scripts are chains of one stage (ktc.stages).

Wherever a stream can go there stands a *destination*:

- a stage;
- a list of destinations, each of which gets everything;
- a tuple of stages, one after the other;
- a path, descriptor or file object, where the stream is written as the console script writes it.

A chain that ends in a stage without a destination can be iterated: it gives blocks (ktc.Cdfs, ktc.Losses) as
the events come.

Examples
--------
>>> from ktc.chain import Chain, EltCalc, Events, GetModel, GulCalc, SummaryCalc
>>> stages = GetModel(), GulCalc(sample_size=100, alloc_rule=1), SummaryCalc({1: EltCalc("elt.csv")})
>>> Chain(Events(), *stages).run()
"""

from __future__ import annotations

import os

from . import schemas
from ._core.codec import CdfDecoder, CdfEncoder, EventDecoder, LossDecoder, LossEncoder
from ._core.io import Outputs, Source
from .building import KERNELS, Block, Folder, Generic, Producer, Run, Stage
from .errors import DataError, UsageError
from .schemas import streams as kinds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Any, Literal, Never, overload

    import numpy as np
    from numpy.typing import NDArray

    from ._core.eve import Eve
    from ._core.fmplan import Plan
    from ._core.frames import Cdfs, Losses  # noqa: F401
    from ._core.io import Mapped, Sink
    from ._types import AreaperilBytes, Destination, PathLike, RowTarget, SourceLike, TargetLike
    from .schemas.model import Report, Stream


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
    """Event ids as the source of a chain: the share of one process in input/events.bin, or given ids.

    Parameters
    ----------
    process : int, default 1
        The process, counted from 1.
    total : int, default 1
        How many processes share the events.
    ids : array of int32, bytes-like, str or path, int or file object, optional
        Event ids to use instead of that file.
    in_order, fisher_yates, legacy_shuffle : bool, default False
        How events are shared out, as for ktc.eve; the first one set counts.

    Examples
    --------
    >>> import ktc
    >>> ktc.Events(process=1, total=100).array().tolist()
    [1, 101, 201]
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
        self.mode: Literal["deal", "none", "fisher-yates", "legacy"] = (
            "none" if in_order else "fisher-yates" if fisher_yates else "legacy" if legacy_shuffle else "deal"
        )

    def array(self, root: PathLike = ".") -> NDArray[np.int32]:
        """The event ids, as an array.

        Parameters
        ----------
        root : str or path, default "."
            The folder that holds input/.

        Returns
        -------
        numpy.ndarray of int32
            The ids of this process.
        """
        import numpy

        return numpy.frombuffer(self.share(Folder(root)).ids(), numpy.int32)

    def share(self, folder: Folder) -> Eve:
        """The kernel that deals out input/events.bin."""
        from ._core.eve import Eve

        return Eve(folder.table("events"), self.process, self.total, self.mode)

    def decoder(self, run: Run, steps: int | None = None) -> Any:
        """A decoder over the ids; with steps, in about that many blocks."""
        if self.ids is not None:
            return EventDecoder(Source(self.ids))
        ids = self.share(run.folder).ids()
        return EventDecoder(Source(ids), max(1, len(ids) // 4 // steps) if steps else None)


class CdfStream(Producer):
    """A cdf stream as the source of a chain.

    Parameters
    ----------
    source : str or path, int, file object or bytes-like, optional
        Where the stream comes from; None or "-" is standard input.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.
    whole_events : bool, default True
        Hold an event back until its last byte has come.
    """

    gives = "cdfs"

    def __init__(
        self, source: SourceLike = None, *, areaperil_bytes: AreaperilBytes = 4, whole_events: bool = True
    ) -> None:
        self.source, self.areaperil_bytes, self.whole_events = source, areaperil_bytes, whole_events

    def encoder(self, sink: Sink) -> Any:
        return CdfEncoder(sink, self.areaperil_bytes)

    def decoder(self, run: Run, steps: int | None = None) -> Any:
        return CdfDecoder(Source(self.source), self.areaperil_bytes, self.whole_events)


class LossStream(Producer):
    """A stream of losses as the source of a chain.

    Parameters
    ----------
    source : str or path, int, file object or bytes-like, optional
        Where the stream comes from; None or "-" is standard input.
    kinds : iterable of int, optional
        The first words to accept (constants of ktc.schemas.streams); all by default.
    whole_events : bool, default True
        Hold an event back until its last byte has come.
    as_written : bool, default False
        Keep several records of one sidx in a packet of summaries apart; otherwise they become one, with the
        sum of their losses.
    """

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

    def decoder(self, run: Run, steps: int | None = None) -> Any:
        decoder: type[LossDecoder] = LossDecoder
        if run.open_end:
            from ._core.placalc import OpenEndDecoder

            decoder = OpenEndDecoder
        return decoder(Source(self.source), self.kinds, self.whole_events, self.as_written)


class LossCsv(Producer):
    """Losses of a csv file as the source of a chain.

    Parameters
    ----------
    source : str or path, int, file object or bytes-like, optional
        Csv with a header line; None or "-" is standard input.
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


class LossCopy(Producer):
    """Losses of a LossStream, written with a last terminator if that has one."""

    gives = "losses"

    def encoder(self, sink: Sink) -> Any:
        from ._core.placalc import OpenEndEncoder

        return OpenEndEncoder(sink)


# Stages


class GetModel(Stage["Cdfs"]):
    """The stage getmodel: events in, cumulative damage distributions out. See ktc.getmodel.

    Parameters
    ----------
    out : destination, optional
        Where the cdf stream goes, if no stage follows.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.
    """

    takes, gives = "events", "cdfs"

    def __init__(self, out: Destination = None, *, areaperil_bytes: AreaperilBytes = 4) -> None:
        self.out, self.areaperil_bytes = out, areaperil_bytes

    def encoder(self, sink: Sink) -> Any:
        return CdfEncoder(sink, self.areaperil_bytes)

    def build(self, run: Run, out: Any = None) -> Any:
        from ._core.getmodel import GetModel as Kernel
        from ._core.getmodel import Model

        following = run.consumer(self.out if out is None else out, self)
        stage = Kernel(Model(run.folder.root, self.areaperil_bytes))
        stage.out = following
        return stage


class GulCalc(Stage["Losses"]):
    """The stage gulcalc: distributions in, ground-up losses out. See ktc.gulcalc, whose options it takes.

    Parameters
    ----------
    item : destination, optional
        Where losses by item go, if no stage follows.
    coverage : destination, optional
        Where losses by coverage go.
    correlated : destination, optional
        Where losses with full correlation go.
    sample_size : int, default -1
        Samples of each item; -1 for none.
    alloc_rule : int, default -1
        How items share the loss of their coverage, -1 to 3.
    loss_threshold : float, default 0.000001
        Samples below it, in currency, are left out.
    random : {"hashed", "cached", "file"}, default "hashed"
        Where the random numbers come from.
    vector_size : int, default 1000000
        How many random numbers "cached" keeps.
    seed : int, default 0
        The seed of the random numbers.
    debug : bool, default False
        Random numbers instead of losses.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.
    """

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
        self.options: dict[str, Any] = dict(
            sample_size=sample_size,
            alloc_rule=alloc_rule,
            loss_threshold=loss_threshold,
            random=random,
            vector_size=vector_size,
            seed=seed,
            debug=debug,
            areaperil=areaperil_bytes,
        )

    def encoder(self, sink: Sink) -> Any:
        return LossEncoder(sink, merge=True)

    def build(self, run: Run, out: Any = None) -> Any:
        import time

        from ._core.gulcalc import GulCalc as Kernel

        destinations = {
            "item": self.item if out is None else out,
            "coverage": self.coverage,
            "correlated": self.correlated,
        }
        following = {name: run.consumer(to, self) for name, to in destinations.items() if to is not None}
        tables = [run.folder.table(name) for name in ("items", "coverages", "damage_bin_dict")]
        stage = Kernel(
            *tables,
            random_file=run.folder.table("random") if self.random == "file" else None,
            clock=int(time.time()) & 0x7FFFFFFF,
            **self.options,
        )
        for name, consumer in following.items():
            setattr(stage, name, consumer)
        return stage


class PlaCalc(Stage["Losses"]):
    """The stage placalc: losses by item in, the same times post-loss amplification factors out.

    They are written as what feeds the stage would write them. See ktc.placalc.

    Parameters
    ----------
    out : destination, optional
        Where the losses go, if no stage follows.
    relative_factor : float, default 1.0
        The part of a factor that counts, 0 to 1.
    absolute_factor : float, default 0.0
        Unless 0, the factor of all losses.
    """

    takes, gives = "losses", "losses"

    def __init__(
        self, out: Destination = None, *, relative_factor: float = 1.0, absolute_factor: float = 0.0
    ) -> None:
        self.out = out
        self.factors: dict[str, float] = dict(relative=relative_factor, absolute=absolute_factor)

    def build(self, run: Run, out: Any = None) -> Any:
        from ._core.placalc import PlaCalc as Kernel

        producer: Any = run.producer
        if isinstance(producer, LossStream):
            run.open_end, producer = True, LossCopy()
        following = run.consumer(self.out if out is None else out, producer)
        table = run.folder.table
        tables = () if self.factors["absolute"] else (table("amplifications"), table("lossfactors"))
        stage: Any = Kernel(*tables, **self.factors)  # type: ignore[arg-type]
        stage.out = following
        return stage


class FmCalc(Stage["Losses"]):
    """The stage fmcalc: losses in, insured or reinsured losses by output id out. See ktc.fmcalc.

    Parameters
    ----------
    out : destination, optional
        Where the losses go, if no stage follows.
    gross : destination, optional
        Where what is paid goes when what is left goes on (net=True); otherwise another name of out.
    net : bool or destination, default False
        True: what is left goes on instead of what is paid. A destination gets what is left, beside what is
        paid.
    alloc_rule : {0, 1, 2, 3}, default 0
        How losses are shared out among the items.
    debug : bool, default False
        Samples without loss too.
    full_shares : bool, default False
        Shares of nodes without loss in every sample (rule 2).
    plan : Plan, optional
        A programme that is compiled already (ktc.read_plan), instead of the tables that max_level, stepped,
        input_path and areaperil_bytes choose.
    max_level : int, optional
        Stop at this level.
    stepped : bool, default False
        Read fm_profile_step.bin instead of fm_profile.bin.
    input_path : str or path, optional
        The folder that stands for input/.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.
    exact : bool, default False
        Sums in double, in every digit.

    Raises
    ------
    UsageError
        Both out and gross are given, but not net=True.

    Notes
    -----
    With gross and net, both add up to the losses that came in (see ktc._core.fmcalc), and a treaty's losses
    and the next one's input come of one pass.

    Examples
    --------
    What a treaty pays goes to a table of its own, what is left goes on:

    >>> from ktc.chain import EltCalc, FmCalc, SummaryCalc
    >>> ceded = SummaryCalc({1: EltCalc("ceded.csv")}, stream="fm")
    >>> treaty = FmCalc(alloc_rule=3, input_path="input/RI_1", gross=ceded, net=True)
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
        self.options: dict[str, Any] = dict(
            alloc_rule=alloc_rule,
            net=self.net and not both,
            both=both,
            debug=debug,
            full_shares=full_shares,
            exact=exact,
        )
        self.input_path = "input" if input_path is None else input_path
        self.tables: dict[str, Any] = dict(
            by_aggregate=alloc_rule == 0,
            stepped=stepped,
            max_level=max_level,
            areaperil_bytes=areaperil_bytes,
            exact=exact,
        )

    def build(self, run: Run, out: Any = None) -> Any:
        from ._core.fmcalc import FmCalc as Kernel
        from .financial import read_plan

        following = run.consumer(self.out if out is None else out, self)
        beside = None if self.beside is None else run.consumer(self.beside, self)
        plan = self.plan
        if plan is None:
            plan = read_plan(os.path.join(run.folder.root, self.input_path), **self.tables)
        stage = Kernel(plan, **self.options)
        stage.out, stage.left = (
            (beside, following) if self.net and beside is not None else (following, beside)
        )
        return stage


class SummaryCalc(Stage["Never"]):
    """The stage summarycalc: losses in, losses by summary out, for up to ten summary sets.

    See ktc.summarycalc.

    Parameters
    ----------
    outputs : mapping or sequence of pairs
        The destination of each summary set, by its number.
    stream : {"item", "coverage", "fm", "legacy item"}, default "item"
        What the losses are of.
    zeros : bool, default False
        Summaries without exposure and losses of 0 too.
    index : bool, default False
        Write an index file beside each output that is a path.
    input_path : str or path, optional
        The folder that stands for input/.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.
    exact : bool, default False
        Sums in double, in every digit.
    """

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
        self.outputs: dict[int, Any] = dict(outputs)
        self.stream, self.zeros, self.index = stream, zeros, index
        self.input_path, self.areaperil_bytes, self.exact = input_path, areaperil_bytes, exact

    def build(self, run: Run, out: Any = None) -> Any:
        from ._core.summarycalc import SummaryCalc as Kernel

        if out is not None:
            raise UsageError(
                "what follows SummaryCalc is given for each summary set, as in SummaryCalc({1: ...})"
            )
        # All outputs before any index, in the order asked for: that is the order in which named pipes meet
        # their readers.
        sinks: dict[int, Any] = {
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

        def table(name: str) -> Mapped:
            return run.folder.table(name, self.input_path)

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
    def is_target(destination: Any) -> bool:
        """Whether a stream is written here, and not handed on."""
        return not isinstance(destination, (Stage, list, tuple, *KERNELS))

    def has_index(self, target: Any) -> bool:
        """Whether an index is written beside this target."""
        return self.index and isinstance(target, (str, os.PathLike)) and os.fspath(target) != "-"

    @staticmethod
    def index_name(target: PathLike) -> str:
        """<path without .bin>.idx, as ktools names it."""
        name = os.fspath(target)
        return (name[:-4] if name[4:] and name.endswith(".bin") else name) + ".idx"


class Last(Stage["Never"]):
    """Base of the stages that nothing follows."""

    def build(self, run: Run, out: Any = None) -> Any:
        if out is not None:
            raise UsageError(f"nothing can follow {type(self).__name__}")
        return self.end(run)

    def end(self, run: Run) -> Any:
        """The kernel, joined to its outputs."""
        raise NotImplementedError


class Writer(Last):
    """Base of the stages that end in a file.

    Parameters
    ----------
    target : str or path, int or file object, optional
        Where the text goes; None or "-" is standard output.
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
    """Event ids as text, one a line.

    Parameters
    ----------
    target : str or path, int or file object, optional
        Where the text goes; None or "-" is standard output.
    skip_header : bool, default False
        Without effect: there is no header.
    """

    takes = "events"

    def kernel(self, sink: Sink) -> Any:
        from ._core.eve import EventText as Kernel

        return Kernel(sink)


class LossTables(Last):
    """Base of the stages that end in tables of reports: losses by summary in, tables out.

    Parameters
    ----------
    target : destination of rows or None
        Where the legacy table goes; None is standard output if no other table is wanted, and else nowhere.
    skip_header : bool
        Write csv without the line of column names.
    exact : bool
        Double arithmetic, in every digit.
    **tables : destination of rows or None
        Where the tables of Open Results Data go, by name.
    """

    takes = "losses"

    def __init__(self, target: RowTarget, skip_header: bool, exact: bool, **tables: RowTarget) -> None:
        self.tables: dict[str, Any] = {name: to for name, to in tables.items() if to is not None and to != []}
        if target is not None or not self.tables:
            self.tables["legacy"] = target
        self.skip_header, self.exact = skip_header, exact

    def rows(self, run: Run, reports: Mapping[str, str]) -> dict[str, Any]:
        """Where the rows of each table that is wanted go. reports: {table: report}, in the order of
        opening."""
        return {
            name: run.rows(report, self.tables[name], not self.skip_header)
            for name, report in reports.items()
            if name in self.tables
        }

    def quantiles(self, run: Run) -> Any:
        """The quantiles, if there is a table of them."""
        from ._core.samples import Quantiles

        return Quantiles(run.folder.table("quantile"), self.exact) if "quantile" in self.tables else None


class EltCalc(LossTables):
    """The stage eltcalc: losses by summary in, event loss tables out. See ktc.eltcalc.

    A destination is a path, descriptor or file object (csv), ktc.Parquet, ktc.ResultTable or a list of these.

    Parameters
    ----------
    target : destination of rows, optional
        Where the legacy table goes; None is standard output unless there is another table.
    moment : destination of rows, optional
        Where MELT goes.
    quantile : destination of rows, optional
        Where QELT goes.
    skip_header : bool, default False
        Write csv without the line of column names.
    exact : bool, default False
        Double arithmetic, in every digit.
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

    def end(self, run: Run) -> Any:
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
    def event_rates(run: Run) -> Any:
        """The rates of input/event_rates.csv if there is one, else those of the occurrence table."""
        from ._core.eltcalc import EventRates
        from ._core.occurrence import Occurrences
        from .schemas.tables import EVENT_RATES

        path = os.path.join(run.folder.root, EVENT_RATES.path)
        if not os.path.exists(path):
            return EventRates(occurrences=Occurrences(run.folder.table("occurrence")))
        from ._core.csvrows import CsvRows
        from .tables import layout_of

        return EventRates(CsvRows(Source(path), layout_of(EVENT_RATES)))


class PltCalc(LossTables):
    """The stage pltcalc: losses by summary in, period loss tables out. See ktc.pltcalc.

    Destinations are as for EltCalc.

    Parameters
    ----------
    target : destination of rows, optional
        Where the legacy table goes; None is standard output unless there is another table.
    moment : destination of rows, optional
        Where MPLT goes.
    quantile : destination of rows, optional
        Where QPLT goes.
    sample : destination of rows, optional
        Where SPLT goes.
    skip_header : bool, default False
        Write csv without the line of column names.
    exact : bool, default False
        Double arithmetic, in every digit.
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

    def end(self, run: Run) -> Any:
        from ._core.occurrence import Occurrences, PeriodWeights
        from ._core.pltcalc import PltCalc as Kernel

        reports = {
            "moment": "moment_period_loss_table",
            "quantile": "quantile_period_loss_table",
            "sample": "sample_period_loss_table",
        }
        occurrences = None
        if "legacy" in self.tables:  # the occurrence table says whether it has dates
            occurrences = Occurrences(run.folder.table("occurrence"))
            reports = {"legacy": f"period_loss_table{'_dates' if occurrences.dated else ''}", **reports}
        rows = self.rows(run, reports)
        if occurrences is None:
            occurrences = Occurrences(run.folder.table("occurrence"))
        weights = run.folder.optional("periods") if rows.keys() - {"legacy"} else None
        if weights is not None:
            weights = PeriodWeights(weights, occurrences.number_of_periods)
        return Kernel(occurrences, weights=weights, quantiles=self.quantiles(run), exact=self.exact, **rows)


class CdfToCsv(Writer):
    """Distributions as csv. See ktc.cdftocsv.

    Parameters
    ----------
    target : str or path, int or file object, optional
        Where the text goes; None or "-" is standard output.
    skip_header : bool, default False
        Write csv without the line of column names.
    """

    takes = "cdfs"

    def kernel(self, sink: Sink) -> Any:
        from ._core.csvforms import CdfToCsv as Kernel

        return Kernel(sink, self.header(kinds.CDF_STREAM))


class LossToCsv(Writer):
    """Losses as csv, with the header of the stream in `layouts` (by its first word).

    Parameters
    ----------
    target : str or path, int or file object, optional
        Where the text goes; None or "-" is standard output.
    skip_header : bool, default False
        Write csv without the line of column names.
    full_precision : bool, default False
        Six decimals of a loss instead of two.
    """

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
    """Ground-up losses as csv. See ktc.gultocsv.

    Parameters
    ----------
    target : str or path, int or file object, optional
        Where the text goes; None or "-" is standard output.
    skip_header : bool, default False
        Write csv without the line of column names.
    full_precision : bool, default False
        Six decimals of a loss instead of two.
    """

    # ktools calls the ids of a loss stream items here: ground-up losses have nothing else
    layouts = {
        kinds.ITEM: kinds.ITEM_STREAM,
        kinds.LOSS: kinds.ITEM_STREAM,
        kinds.COVERAGE: kinds.COVERAGE_STREAM,
        kinds.COVERAGE_LOSS: kinds.COVERAGE_LOSS_STREAM,
    }


class FmToCsv(LossToCsv):
    """Losses of the financial module as csv. See ktc.fmtocsv.

    Parameters
    ----------
    target : str or path, int or file object, optional
        Where the text goes; None or "-" is standard output.
    skip_header : bool, default False
        Write csv without the line of column names.
    full_precision : bool, default False
        Six decimals of a loss instead of two.
    """


class SummaryToCsv(Writer):
    """Losses by summary as csv. See ktc.summarycalctocsv.

    Parameters
    ----------
    target : str or path, int or file object, optional
        Where the text goes; None or "-" is standard output. With ord a destination as for EltCalc.
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
        SELT, the sample event loss table of Open Results Data.
    """

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


# The chain


class Chain(Generic[Block]):
    """A source and the stages that follow it.

    Parameters
    ----------
    source : Events, CdfStream, LossStream or LossCsv
        What feeds the first stage.
    *stages : stage or destination
        One after the other; the last may be any destination.
    root : str or path, default "."
        The folder that holds input/ and static/.

    Examples
    --------
    >>> import ktc
    >>> chain = ktc.Chain(ktc.Events(), ktc.GetModel(), ktc.GulCalc(sample_size=10, alloc_rule=1))
    >>> block = next(iter(chain))
    >>> block.event_id, block.dense(10).shape[1]
    (1, 10)
    """

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
        """Run to the end.

        Parameters
        ----------
        progress : callable, optional
            Called with the number of events done and of all, some hundred times, in a chain that starts with
            Events.

        Raises
        ------
        DataError
            Wrong input; the message says where. Records that came before it have been handed on.
        UsageError
            Stages that do not fit together, or options that do not.
        InputError
            A file is missing or cannot be read.
        OutputError
            An output cannot be written.
        """
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

    def build(self, run: Run, stages: Any, steps: int | None) -> tuple[Any, Any]:
        """The first kernel, with all that follows it, and the decoder that feeds it. Outputs are opened
        first."""
        first = run.consumer(stages, self.source)
        return first, self.source.decoder(run, steps)

    def __iter__(self) -> Iterator[Block]:
        """The blocks that the last stage gives, event by event.

        Yields
        ------
        Cdfs or Losses
            An event, or a part of one. On bad input those that are due come before the error.

        Raises
        ------
        UsageError
            The last stage gives no blocks.
        """
        from ._core import frames

        last = self.stages[-1] if self.stages else self.source
        if not isinstance(last, Producer) or last.gives not in ("cdfs", "losses"):
            raise UsageError(f"{last!r} gives no blocks")
        catcher = last.catcher()
        with Outputs() as outputs:
            first, decoder = self.build(Run(outputs, self.root), (*self.stages, catcher), PROGRESS_STEPS)
            blocks: Iterator[Any] = frames.each_block(decoder, first, catcher)
            yield from blocks
