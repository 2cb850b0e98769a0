"""Exceedance curves (OEP, AEP) and tail values at risk from losses by summary: the scripts leccalc and
ordleccalc, and ExceedanceCurves, which they are fed from files.

The curves, with the names that ktools has for them, are drawn in ktc/_core/curves.pyx; each comes for the
largest loss of a period (OEP) and for the sum of its losses (AEP). Losses are summed in float, in the order
in which they are fed: two accumulators that are merged give the sum of both sums, which can differ in the
last digit of a float from a sum in one go.

Memory: 4 bytes for each period with losses, sample (and the mean) and summary, as many again where both OEP
and AEP are asked for, and some 50 for each period with losses of a summary. The functions that read files
keep that below `memory` (2 GiB unless told otherwise) or what one summary needs, if that is more, and read
the files several times where it must be. Sorting takes 8 bytes more for each loss of one summary, 24 with
weights.
"""

from __future__ import annotations

import os

from . import work
from ._core.io import Outputs
from .building import Run, with_parquet
from .errors import UsageError, warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import Any, Literal

    from ._types import CurveName, PathLike, RowTarget, SourceLike, TargetLike
    from .results import ResultTable


__all__ = ["ExceedanceCurves", "leccalc", "ordleccalc"]

OEP: Literal["oep"] = "oep"
AEP: Literal["aep"] = "aep"
WHEATSHEAF = "wheatsheaf"  # a curve for each sample
CALCULATIONS: tuple[Literal["full_uncertainty", "wheatsheaf_mean", "sample_mean"], ...] = (
    "full_uncertainty",
    "wheatsheaf_mean",
    "sample_mean",
)
NAMES = [f"{type}_{kind}" for type in (AEP, OEP) for kind in (WHEATSHEAF, *CALCULATIONS)]  # leccalc's outputs


class Section:
    """One kind of curves for one loss (OEP, AEP) on its way to its outputs, which are builders of rows (Rows)
    or None.

    choice: 0 all samples, from 1 on the ensembles. With tails, the tail values at risk follow behind the
    curves of all summaries: they wait in a spool until then. Where the summaries come in several lots, so do
    the curves.
    """

    def __init__(self, kind, largest, out=None, mean=None, *, choice=0, tails=False):
        from ._core.rows import Rows, RowSpool

        self.kind, self.largest, self.choice, self.outs, self.ord = kind, largest, choice, (out, mean), tails
        self.spools = [
            [None if rows is None else RowSpool(rows.report) for rows in self.outs] for _ in range(2)
        ]
        self.lots, self.tails = [
            [None if spool is None else Rows(spool.report, spool) for spool in spools]
            for spools in self.spools
        ]
        if not tails:
            self.tails = None, None

    def write(self, kernel, first, last, in_lots=False):
        (out, mean), (tail, mean_tail) = self.lots if in_lots else self.outs, self.tails
        kernel.section(
            self.kind, self.largest, self.choice, first, last, out, tail, mean, mean_tail, ord=self.ord
        )
        if not in_lots:
            self.release()

    def release(self):
        """Give the outputs what waits for them."""
        for spools in self.spools:
            for out, spool in zip(self.outs, spools):
                if spool is not None:
                    spool.replay(out)


class Report:
    """Sections in the order in which they are written, and the outputs (Rows) that they share."""

    def __init__(self, sections, outputs):
        self.sections, self.outputs, self.lots = sections, list(outputs), 0

    def take(self, kernel):
        """Write the summaries that the kernel holds."""
        n = kernel.settle()
        if not self.lots:
            for rows in self.outputs:
                if any(rows in section.outs for section in self.sections):  # else there is not even a header
                    rows.open()
        self.lots += 1
        if kernel.all_summaries:  # each summary for itself
            for i in range(n):
                for section in self.sections:
                    section.write(kernel, i, i + 1)
        else:
            for section in self.sections:
                section.write(kernel, 0, n, in_lots=self.lots > 1 or not kernel.complete)

    def close(self):
        for section in self.sections:
            section.release()
        for rows in self.outputs:
            rows.close()


def legacy_sections(outs, ensembles):
    """The sections of leccalc. outs: {name: Rows}. ensembles: how many there are."""
    from ._core.curves import MEANS, PER_SAMPLE, SAMPLE_MEANS, SAMPLES

    means, found = [], []
    for kind, name, second in (
        (SAMPLES, "full_uncertainty", None),
        (PER_SAMPLE, WHEATSHEAF, "wheatsheaf_mean"),
        (SAMPLE_MEANS, "sample_mean", None),
    ):
        for type, largest in (OEP, True), (AEP, False):
            out, mean = outs.get(f"{type}_{name}"), outs.get(f"{type}_{second}")
            means += [
                Section(MEANS, largest, rows) for rows in (mean if kind == PER_SAMPLE else out,) if rows
            ]
            if out or mean:
                found += [Section(kind, largest, out, mean, choice=choice) for choice in range(ensembles + 1)]
    return means + found


def ord_sections(curves, ept=None, psept=None):
    """The sections of ordleccalc. curves: names of NAMES, and <type>_mean; ept, psept: Rows or None."""
    from ._core.curves import MEANS, PER_SAMPLE, SAMPLE_MEANS, SAMPLES

    found = []
    for kind, name, by_sample in (
        (MEANS, "mean", None),
        (SAMPLES, "full_uncertainty", None),
        (PER_SAMPLE, "wheatsheaf_mean", WHEATSHEAF),
        (SAMPLE_MEANS, "sample_mean", None),
    ):
        for type, largest in (OEP, True), (AEP, False):
            out = ept if f"{type}_{name}" in curves else None
            samples = psept if by_sample and f"{type}_{by_sample}" in curves else None
            if out or samples:
                found.append(Section(kind, largest, *((samples, out) if by_sample else (out,)), tails=True))
    return found


def means_beside(curves):
    """The analytical means that ordleccalc writes beside curves of the EPT: those of the same types."""
    return [
        f"{type}_mean"
        for type in (OEP, AEP)
        if any(name.startswith(type) and not name.endswith(WHEATSHEAF) for name in curves)
    ]


class Tables:
    """What curves need beside losses: occurrences, weights of the periods, return periods, ensembles."""

    def __init__(self, root=".", return_periods=None, ensembles=True, exact=False):
        from ._core.curves import ensembles_of, return_periods_of
        from ._core.occurrence import Occurrences, PeriodWeights

        run, self.exact = Run(None, root), exact
        self.occurrences = Occurrences(run.table("occurrence"))
        self.weights = PeriodWeights(work.optional_table(root, "periods"), self.occurrences.number_of_periods)
        self.zeros = bool(return_periods)
        if return_periods is True:
            return_periods = return_periods_of(run.table("returnperiods"))
            if not return_periods:
                warn("the table of return periods is empty: every loss gets its own")
        elif return_periods is not None:
            return_periods = list(return_periods)
            if not all(period >= 0 for period in return_periods):
                raise UsageError("return periods are to be numbers from 0 on")
        self.return_periods = return_periods or None
        table = work.optional_table(root, "ensemble") if ensembles else None
        self.ensembles = ensembles_of(table) if table is not None else {}

    def kernel(self, curves, *, by_summary=False, **limits):
        """A kernel for some curves (see NAMES)."""
        from ._core.curves import Curves

        return Curves(
            self.occurrences,
            weights=self.weights,
            return_periods=self.return_periods,
            ensembles=self.ensembles,
            occurrence=any(name.startswith(OEP) for name in curves),
            aggregate=any(name.startswith(AEP) for name in curves) or not curves,
            zeros=self.zeros or by_summary,
            all_summaries=by_summary,
            exact=self.exact,
            **limits,
        )

    def drop_unsupported(self, curves):
        """The curves without those that cannot be had: the mean of the samples' curves, where periods have
        weights and no return periods are given, because the samples' points then have different return
        periods."""
        lost = {name for name in curves if name.endswith("wheatsheaf_mean")}
        if self.weights.given and not self.return_periods and lost:
            warn("periods have weights: the mean of the samples' curves needs return periods and is left out")
            return [name for name in curves if name not in lost]
        return list(curves)


def sources_of(source, root, folder):
    """The summary streams to read, whether each has an index beside it, and whether they can be read more
    than once."""
    if not folder:
        return [source], False, isinstance(source, (bytes, os.PathLike, str)) and source != "-"
    paths = work.summary_files(work.folder_of(root, folder))
    indexed = sum(os.path.exists(path[:-4] + ".idx") for path in paths)
    if 0 < indexed < len(paths):
        warn(f"{len(paths) - indexed} of {len(paths)} summary streams have no index: all indexes are ignored")
    return paths, indexed == len(paths), True


def checked(curves):
    """The names of curves, none twice."""
    if isinstance(curves, str):
        raise UsageError(f"curves are {curves!r}, expected a list of names")
    for name in curves:
        if name not in NAMES:
            raise UsageError(f"there is no curve {name!r}, expected one of {', '.join(NAMES)}")
    return list(dict.fromkeys(curves))


def calculate(source, root, folder, tables, curves, report, memory):
    """Feed the streams to a kernel and write the report that comes out."""
    sources, by_summary, again = sources_of(source, root, folder)
    limit = work.limit_of(memory)
    kernel = tables.kernel(curves, by_summary=by_summary, can_drop=again, limit=limit if again else 0)
    work.feed(kernel, sources, lambda: report.take(kernel))
    report.close()


def leccalc(
    source: SourceLike = None,
    outputs: Mapping[CurveName, RowTarget] | Sequence[tuple[CurveName, RowTarget]] | None = None,
    *,
    folder: str | None = None,
    return_periods: bool | Sequence[int] = False,
    skip_header: bool = False,
    exact: bool = False,
    memory: float | None = work.MEMORY,
    root: PathLike = ".",
) -> None:
    """Exceedance curves as ktools' legacy tables: one table for each kind of curve, as csv.

    Reads the summary streams work/<folder>/*.bin, or source; input/occurrence.bin and, where they are,
    periods.bin, ensemble.bin and, with return_periods, returnperiods.bin. outputs: {name: destination} or
    pairs of them; the names are aep_ and oep_ with full_uncertainty, wheatsheaf, sample_mean and
    wheatsheaf_mean. The curve of the analytical means (type 1) stands before that of the samples (type 2),
    but in the wheatsheaf tables. Where every stream of the folder has an index file beside it, losses of 0
    are points too, and summary follows on summary, as in ktools. exact: double arithmetic, in every digit.
    memory: MiB for losses by period of streams that can be read more than once (None: no limit).
    """
    pairs: list[Any] = list(getattr(outputs, "items", lambda: outputs or ())())
    if not pairs:
        raise UsageError("no output: name at least one curve and where it goes, as in -F aep.csv")
    if len(checked([name for name, _ in pairs])) < len(pairs):
        raise UsageError("a curve is asked for twice: give it a list of destinations")
    with Outputs() as opened:
        tables = Tables(root, return_periods or None, exact=exact)
        run, ending = Run(opened, root), "_ensembles" if tables.ensembles else ""
        rows = {
            name: run.rows(
                ("sample_exceedance_curve" if name.endswith(WHEATSHEAF) else "exceedance_curve") + ending,
                destination,
                not skip_header,
            )
            for name, destination in pairs
        }
        wanted = tables.drop_unsupported(rows)
        sections = legacy_sections({name: rows[name] for name in wanted}, len(tables.ensembles))
        calculate(source, root, folder, tables, wanted, Report(sections, rows.values()), memory)


def ordleccalc(
    source: SourceLike = None,
    curves: Iterable[CurveName] = (),
    *,
    ept: RowTarget = None,
    psept: RowTarget = None,
    ept_parquet: TargetLike = None,
    psept_parquet: TargetLike = None,
    folder: str | None = None,
    return_periods: bool | Sequence[int] = False,
    skip_header: bool = False,
    exact: bool = False,
    memory: float | None = work.MEMORY,
    root: PathLike = ".",
) -> None:
    """Exceedance probability tables of Open Results Data: EPT (with EPCalc 1, the analytical mean, and 2 to 4
    as asked for) and PSEPT (by sample), with tail values at risk, as csv and parquet.

    curves: names as leccalc's outputs; those with wheatsheaf make the PSEPT, all others the EPT. The rest is
    leccalc's.
    """
    destinations = {"EPT": with_parquet(ept, ept_parquet), "PSEPT": with_parquet(psept, psept_parquet)}
    curves = checked(curves)
    if not curves:
        raise UsageError("no curves: ask for one at least, as in -F")
    asked = {
        "EPT": [name for name in curves if not name.endswith(WHEATSHEAF)],
        "PSEPT": [name for name in curves if name.endswith(WHEATSHEAF)],
    }
    for table, names in asked.items():
        if names and destinations[table] is None:
            raise UsageError(f"no destination for the {table}: asked for {', '.join(names)}, but for no file")
    for table, names in asked.items():
        if destinations[table] is not None and not names:
            warn(f"nothing is asked for that goes to the {table}")
    with Outputs() as opened:
        run = Run(opened, root)
        rows = {
            name: run.rows(report, destinations[table], not skip_header)
            for name, table, report in (
                ("ept", "EPT", "exceedance_probability_table"),
                ("psept", "PSEPT", "sample_exceedance_probability_table"),
            )
            if destinations[table] is not None
        }
        tables = Tables(root, return_periods or None, ensembles=False, exact=exact)
        wanted = tables.drop_unsupported(curves)
        sections = ord_sections(wanted + means_beside(wanted), **rows)
        calculate(source, root, folder, tables, wanted, Report(sections, rows.values()), memory)


class ExceedanceCurves(work.Accumulator):
    """Exceedance curves, summed up from losses by summary: a destination in a chain, fed with streams,
    merged, and then asked for tables as often as wanted.

    curves: which to keep losses for, by type: any of "oep" and "aep". return_periods: None for a point for
    each loss, True for input/returnperiods.bin, or numbers, best in descending order. exact: double
    arithmetic, in every digit. memory: MiB that losses by period may take; beyond, feeding raises
    MemoryError. root: the folder that holds input/ with occurrence.bin, and periods.bin and ensemble.bin
    where they are. Raises DataError, InputError and UsageError.
    """

    def __init__(
        self,
        curves: Collection[Literal["oep", "aep"]] = (OEP, AEP),
        *,
        return_periods: bool | Sequence[int] | None = None,
        exact: bool = False,
        memory: float | None = None,
        root: PathLike = ".",
    ) -> None:
        types = [type for type in (OEP, AEP) if type in curves]
        if not types or isinstance(curves, str) or set(curves) - {OEP, AEP}:
            raise UsageError(f"curves are {curves!r}, expected a list of oep, aep or both")
        self.start(Tables(root, return_periods, exact=exact), types, work.limit_of(memory))

    def make(self, tables, types, limit):
        return tables.kernel(types, limit=limit)

    def table(
        self,
        calculations: Sequence[Literal["mean", "full_uncertainty", "wheatsheaf_mean", "sample_mean"]] = (
            "mean",
            *CALCULATIONS,
        ),
    ) -> ResultTable:
        """The EPT, a ResultTable: SummaryId, EPCalc, EPType, ReturnPeriod, Loss, with tail values at risk."""
        if isinstance(calculations, str) or set(calculations) - {"mean", *CALCULATIONS}:
            raise UsageError(
                f"calculations are {calculations!r}, expected a list of {', '.join(('mean', *CALCULATIONS))}"
            )
        return self.collect("exceedance_probability_table", "ept", calculations)

    def samples(self) -> ResultTable:
        """The PSEPT, a ResultTable: SummaryId, SampleId, EPType, ReturnPeriod, Loss, with tail values at
        risk."""
        return self.collect("sample_exceedance_probability_table", "psept", [WHEATSHEAF])

    def legacy(self, name: CurveName) -> ResultTable:
        """One of leccalc's tables, a ResultTable."""
        tables, types, _ = self.tables
        (name,) = checked([name])
        if name[:3] not in types:
            raise UsageError(f"{name}: only {types[0]} is kept here")
        report = "sample_exceedance_curve" if name.endswith(WHEATSHEAF) else "exceedance_curve"
        table, rows = self.rows(report + "_ensembles" * bool(tables.ensembles))
        outs = dict.fromkeys(tables.drop_unsupported([name]), rows)
        return self.finish(table, Report(legacy_sections(outs, len(tables.ensembles)), [rows]))

    def collect(self, report, output, calculations):
        tables, types, _ = self.tables
        table, rows = self.rows(report)
        curves = tables.drop_unsupported([f"{type}_{each}" for type in types for each in calculations])
        return self.finish(table, Report(ord_sections(curves, **{output: rows}), [rows]))

    @staticmethod
    def rows(report):
        from ._core.rows import Rows
        from .results import ResultTable

        table = ResultTable(report)
        return table, Rows(table.report, table.rows)

    def finish(self, table, report):
        report.take(self.kernel)
        report.close()
        return table
