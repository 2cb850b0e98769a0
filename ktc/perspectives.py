"""The stages of a whole run, joined in memory: from events to what each perspective's summary sets report.

    events -> getmodel -> gulcalc [-> placalc] -> gul
                                               -> fmcalc, insured -> il
                                                                  -> fmcalc, RI_1 -> paid: rl 1
                                                                                  -> left: ri 1
                                                                                        -> fmcalc, RI_2 ...

gul, il, ri and rl are perspectives. Each that is reported has one summarycalc for all its summary sets;
behind a set stand the reports by event (eltcalc, pltcalc, summarycalctocsv), whose rows come out of a *tap*,
and the summary stream itself, in another tap, where there are reports that need all events. With full
correlation all that follows gulcalc is there twice.

A worker is such a chain with its taps; it belongs to one thread. Model, portfolio and programmes are shared.
"""

from __future__ import annotations

from typing import NamedTuple

from ._core.blocks import Unwanted
from ._core.codec import EventFeed
from ._core.io import Outputs, Sink
from ._core.rows import RowMemory
from .building import Run
from .chain import (
    EltCalc,
    Events,
    FmCalc,
    GetModel,
    GulCalc,
    GulMC,
    PlaCalc,
    PltCalc,
    SummaryCalc,
    SummaryToCsv,
)
from .financial import plan_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from .rundir import Layer, RunFolder
    from .schemas.model import Report
    from .settings import OutputFile


__all__ = ["Group", "Losses", "Shared", "Tap", "Worker"]

# Reports of single events: by command, the keyword for each table
BY_EVENT: dict[str, tuple[type, dict[str, str]]] = {
    "eltcalc": (EltCalc, {"eltcalc": "target", "qelt": "quantile", "melt": "moment"}),
    "pltcalc": (PltCalc, {"pltcalc": "target", "splt": "sample", "qplt": "quantile", "mplt": "moment"}),
}
SAMPLES = ("selt", "summarycalc")  # summarycalctocsv's


class Group(NamedTuple):
    """A summary set of a perspective, with its reports by their names (ept, melt ...)."""

    correlated: bool
    perspective: str
    priority: int | None
    summary_set: int
    files: dict[str, OutputFile]

    @property
    def name(self) -> str:
        """What the files' names begin with."""
        priority = "" if self.priority is None else f"IP{self.priority}_"
        folder = "full_correlation/" if self.correlated else ""
        return f"{folder}{self.perspective}_{priority}S{self.summary_set}"

    @property
    def accumulates(self) -> bool:
        """Whether there are reports that need all events."""
        by_event = {*SAMPLES, *(what for _, tables in BY_EVENT.values() for what in tables)}
        return any(what not in by_event for what in self.files)


class MonteCarlo(NamedTuple):
    """How gulmc draws ground-up losses."""

    generator: int
    effective: bool
    dynamic: bool
    peril_filter: tuple[str, ...]
    adjustments: Mapping[str, Any]

    def flags(self) -> str:
        """Of the script, where they are not its defaults."""
        return (
            (f" --random-generator {self.generator}" if self.generator != 2 else "")
            + (" --effective-damageability" if self.effective else "")
            + (" --dynamic-footprint True" if self.dynamic else "")
            + (f" --peril-filter {' '.join(self.peril_filter)}" if self.peril_filter else "")
        )


class Losses(NamedTuple):
    """What losses are worked out, and how."""

    groups: tuple[Group, ...]
    layers: tuple[Layer, ...]  # reinsurance programmes that are needed
    insured: bool
    samples: int
    threshold: float
    alloc_gul: int
    alloc_il: int
    alloc_ri: int
    random_file: bool
    correlated: bool  # with full correlation, too
    amplified: tuple[float, float] | None  # relative and absolute factor of placalc
    stepped: bool
    zeros: bool  # reinsured losses of 0 are reported, too
    rows: bool  # reports by event come as rows, for tables and parquet; else as csv
    exact: bool
    montecarlo: MonteCarlo | None = None  # gulmc, and how; else getmodel and gulcalc


class Tap:
    """Where a worker's results come out, in memory: csv, rows or a summary stream."""

    def __init__(self, name: str, kind: str, report: Report | None = None) -> None:
        self.name, self.kind, self.report = name, kind, report
        self.kept: Any = None if kind == "rows" else Sink.memory()

    def consumer(self, report: Report, outputs: Outputs) -> Any:
        """As a destination of rows."""
        self.report, self.kept = report, RowMemory(report)
        return self.kept

    @property
    def target(self) -> Any:
        """As a destination."""
        return self if self.kind == "rows" else self.kept

    def take(self) -> bytes:
        """What has come since it was asked last."""
        taken: bytes = self.kept.take()
        return taken


class Shared:
    """What all workers use: the model, the portfolio, and the programmes of a run."""

    def __init__(self, folder: RunFolder, losses: Losses) -> None:
        self.folder, self.losses = folder, losses
        self.model = self.load()
        self.gul: Any = None  # a kernel whose portfolio others use, too
        options: dict[str, Any] = dict(areaperil=folder.areaperil_bytes, exact=losses.exact)
        self.insured = (
            plan_of(folder, None, stepped=losses.stepped, by_aggregate=losses.alloc_il == 0, **options)
            if losses.insured
            else None
        )
        self.reinsured = {
            layer.number: plan_of(folder, layer.path, by_aggregate=losses.alloc_ri == 0, **options)
            for layer in losses.layers
        }

    def load(self) -> Any:
        """The model, for getmodel or for gulmc."""
        folder, montecarlo = self.folder, self.losses.montecarlo
        if montecarlo is None:
            from ._core.getmodel import Model

            return Model("", folder.areaperil_bytes, find=folder.model_file)
        from .fullkernel import Compiled
        from .fullmodel import load

        return Compiled(
            load(
                folder.root,
                areaperil_bytes=folder.areaperil_bytes,
                peril_filter=montecarlo.peril_filter,
                dynamic=montecarlo.dynamic,
                settings={"vulnerability_adjustments": montecarlo.adjustments},
                find=folder.model_place,
            )
        )


class SharedModel(GetModel):
    """getmodel on a model that is loaded already."""

    def __init__(self, shared: Shared) -> None:
        super().__init__(areaperil_bytes=shared.folder.areaperil_bytes)
        self.shared = shared

    def build(self, run: Run, out: Any = None) -> Any:
        from ._core.getmodel import GetModel as Kernel

        following = run.consumer(out, self)
        stage = Kernel(self.shared.model)
        stage.out = following
        return stage


class SharedMonteCarlo(GulMC):
    """gulmc on a model that is loaded already."""

    def __init__(self, shared: Shared, montecarlo: MonteCarlo, out: Any) -> None:
        super().__init__(
            out,
            sample_size=shared.losses.samples,
            alloc_rule=shared.losses.alloc_gul,
            loss_threshold=shared.losses.threshold,
            random_generator=montecarlo.generator,
            effective_damageability=montecarlo.effective,
            areaperil_bytes=shared.folder.areaperil_bytes,
        )
        self.shared = shared

    def compiled(self, run: Run) -> Any:
        return self.shared.model


class AnySummaryCalc(SummaryCalc):
    """summarycalc for any number of summary sets."""

    any_set = True


class Worker:
    """A chain of its own, from events to taps. `headers`: by tap, what comes before the first event."""

    def __init__(self, shared: Shared) -> None:
        self.shared, self.losses = shared, shared.losses
        self.found: list[Tap] = []
        losses = self.losses
        run = Run(Outputs(), shared.folder)
        if losses.montecarlo is not None:
            first = self.full_monte_carlo(run, losses.montecarlo)
        else:
            first = self.effective_damage(run)
        self.feeder = EventFeed(first)
        self.headers = {tap.name: tap.take() for tap in self.found}
        self.taps = [(tap.name, tap.take) for tap in self.found]

    def full_monte_carlo(self, run: Run, montecarlo: MonteCarlo) -> Any:
        """The chain, with gulmc."""
        return run.stage(SharedMonteCarlo(self.shared, montecarlo, self.after_gul(False)), Events(), ())

    def effective_damage(self, run: Run) -> Any:
        """The chain, with getmodel and gulcalc."""
        shared, losses = self.shared, self.losses
        gul = GulCalc(
            self.after_gul(False),
            correlated=self.after_gul(True) if losses.correlated else None,
            sample_size=losses.samples,
            alloc_rule=losses.alloc_gul,
            loss_threshold=losses.threshold,
            random="file" if losses.random_file else "hashed",
            areaperil_bytes=shared.folder.areaperil_bytes,
        )
        gul.options["like"] = shared.gul
        first: Any = run.stage(SharedModel(shared), Events(), [gul])
        if shared.gul is None:
            shared.gul = first.out
        return first

    def feed(self, ids: NDArray[np.int32]) -> None:
        """Work events out: all that they give is in the taps afterwards."""
        self.feeder.feed(ids)

    # --- from the end to the beginning

    def after_gul(self, correlated: bool) -> Any:
        """What follows gulcalc."""
        losses = self.losses
        direct = self.direct(correlated)
        following = present(self.summaries(correlated, "gul", None, "item", None), direct)
        if losses.amplified and not correlated:  # of those with full correlation the platform amplifies none
            relative, absolute = losses.amplified
            return PlaCalc(following, relative_factor=relative, absolute_factor=absolute)
        return following

    def direct(self, correlated: bool) -> Any:
        """The insured losses and all that follows them, or None."""
        losses = self.losses
        following = None
        for layer in reversed(losses.layers):
            last = layer is losses.layers[-1]
            net = present(
                self.summaries(correlated, "ri", None if last else layer.number, "fm", layer.path), following
            )
            gross = self.summaries(correlated, "rl", layer.number, "fm", layer.path)
            plan, rule = self.shared.reinsured[layer.number], losses.alloc_ri
            if net or gross:  # net=True, so that what is paid is the sum of all layers
                following = FmCalc(
                    net or [Unwanted()], gross=gross, net=True, alloc_rule=rule, plan=plan, exact=losses.exact
                )
        if not losses.insured:
            return None
        return FmCalc(
            present(self.summaries(correlated, "il", None, "fm", None), following),
            alloc_rule=losses.alloc_il,
            plan=self.shared.insured,
            exact=losses.exact,
        )

    def summaries(
        self, correlated: bool, perspective: str, priority: int | None, stream: Any, path: str | None
    ) -> Any:
        """The summarycalc of a perspective, or None where nothing of it is reported."""
        groups = [g for g in self.losses.groups if g[:3] == (correlated, perspective, priority)]
        if not groups:
            return None
        return AnySummaryCalc(
            {group.summary_set: self.reports(group) for group in groups},
            stream=stream,
            zeros=self.losses.zeros and perspective == "ri",
            input_path=path,
            areaperil_bytes=self.shared.folder.areaperil_bytes,
            exact=self.losses.exact,
        )

    def tap(self, group: Group, what: str, kind: str) -> Any:
        """A new tap, as a destination."""
        tap = Tap(f"{group.name}_{what}", kind)
        self.found.append(tap)
        return tap.target

    def reports(self, group: Group) -> list[Any]:
        """What a summary set feeds."""
        exact = self.losses.exact
        found: list[Any] = []
        for stage, tables in BY_EVENT.values():
            wanted = {
                keyword: self.tap(group, what, self.kind(group.files[what]))
                for what, keyword in tables.items()
                if what in group.files
            }
            if wanted:
                found.append(stage(exact=exact, **wanted))
        for what in SAMPLES:
            if what in group.files:
                kind = self.kind(group.files[what])
                if what == "summarycalc" and kind == "rows":
                    kind = "csv"  # its columns are of no report that tables have
                target = self.tap(group, what, kind)
                found.append(SummaryToCsv(target, ord=what == "selt"))
        if group.accumulates:
            found.append(self.tap(group, "summaries", "stream"))
        return found

    def kind(self, file: OutputFile) -> str:
        """How the rows of a report come out of a worker."""
        return "rows" if self.losses.rows or file.path.endswith(".parquet") else "csv"


def present(*stages: Any) -> list[Any]:
    """Those that there are."""
    return [stage for stage in stages if stage is not None]
