"""Exceedance curves (OEP, AEP) and tail values at risk from losses by summary.

The scripts leccalc and ordleccalc as functions, and ExceedanceCurves, the accumulator.

The curves, named as in ktools, are drawn in ktc/_core/curves.pyx; each comes for the largest loss of a period
(OEP) and for the sum of its losses (AEP). Losses are summed in float, in the order in which they are fed: two
accumulators that are merged give the sum of both sums, which can differ in the last digit of a float from a
sum in one go.

Memory: 4 bytes for each period with losses, sample (and the mean) and summary, as many again where both OEP
and AEP are asked for, and some 50 for each period with losses of a summary. The functions that read files
keep that below `memory` (2 GiB by default) or what one summary needs, if that is more, and read the files
several times where necessary. Sorting takes 8 bytes more for each loss of one summary, 24 with weights; with
return periods, curves of several summaries are worked out side by side, as long as 32 MiB hold their losses.
"""

from __future__ import annotations

import os

from ._core.io import Outputs
from .accumulators import MEMORY, Accumulator, feed, limit_of
from .building import Folder, Run, with_parquet
from .errors import UsageError, warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import Any, Final, Literal

    from ._types import Calculation, CurveName, PathLike, RowTarget, SourceLike, TargetLike
    from .results import ResultTable


__all__ = ["ExceedanceCurves", "leccalc", "ordleccalc"]

OEP: Final = "oep"
AEP: Final = "aep"
WHEATSHEAF = "wheatsheaf"  # a curve for each sample
CALCULATIONS: tuple[Calculation, ...] = ("full_uncertainty", "wheatsheaf_mean", "sample_mean")
NAMES = [f"{type}_{kind}" for type in (AEP, OEP) for kind in (WHEATSHEAF, *CALCULATIONS)]  # leccalc's outputs


class Section:
    """One kind of curves for one loss (OEP, AEP) on its way to its outputs, which are builders of rows (Rows)
    or None.

    choice: 0 all samples, from 1 on the ensembles. With tails, the tail values at risk come after the curves
    of all summaries: they wait in a spool until then. Where the summaries come in several lots, so do the
    curves.
    """

    def __init__(
        self,
        kind: int,
        largest: bool,
        out: Any = None,
        mean: Any = None,
        *,
        choice: int = 0,
        tails: bool = False,
    ) -> None:
        from ._core.rows import Rows, RowSpool

        self.kind, self.largest, self.choice, self.outs, self.ord = kind, largest, choice, (out, mean), tails
        self.spools = [
            [None if rows is None else RowSpool(rows.report) for rows in self.outs] for _ in range(2)
        ]
        self.lots: Any
        self.tails: Any
        self.lots, self.tails = [
            [None if spool is None else Rows(spool.report, spool) for spool in spools]
            for spools in self.spools
        ]
        if not tails:
            self.tails = None, None

    def write(self, kernel: Any, first: int, last: int, in_lots: bool = False) -> None:
        """Write the curves of the summaries from place `first` up to `last`."""
        (out, mean), (tail, mean_tail) = self.lots if in_lots else self.outs, self.tails
        kernel.section(
            self.kind, self.largest, self.choice, first, last, out, tail, mean, mean_tail, ord=self.ord
        )
        if not in_lots:
            self.release()

    def release(self) -> None:
        """Give the outputs what waits for them."""
        for spools in self.spools:
            for out, spool in zip(self.outs, spools):
                if spool is not None:
                    spool.replay(out)


class Report:
    """Sections in the order in which they are written, and the outputs (Rows) that they share."""

    def __init__(self, sections: list[Section], outputs: Iterable[Any]) -> None:
        self.sections, self.outputs, self.lots = sections, list(outputs), 0

    def take(self, kernel: Any) -> None:
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

    def close(self) -> None:
        """Write what waits, and the end of each output."""
        for section in self.sections:
            section.release()
        for rows in self.outputs:
            rows.close()


def legacy_sections(outs: Mapping[str, Any], ensembles: int) -> list[Section]:
    """The sections of leccalc. outs: {name: Rows}. ensembles: how many there are."""
    from ._core.curves import MEANS, PER_SAMPLE, SAMPLE_MEANS, SAMPLES

    means: list[Section] = []
    found: list[Section] = []
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


def ord_sections(curves: Collection[str], ept: Any = None, psept: Any = None) -> list[Section]:
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


def means_beside(curves: Collection[str]) -> list[str]:
    """The analytical means that ordleccalc writes beside curves of the EPT: those of the same types."""
    return [
        f"{type}_mean"
        for type in (OEP, AEP)
        if any(name.startswith(type) and not name.endswith(WHEATSHEAF) for name in curves)
    ]


class Tables:
    """What curves need beside losses: occurrences, weights of the periods, return periods, ensembles."""

    def __init__(
        self,
        root: PathLike | Folder = ".",
        return_periods: bool | Sequence[int] | None = None,
        ensembles: bool = True,
        exact: bool = False,
    ) -> None:
        from ._core.curvelosses import ensembles_of, return_periods_of

        folder, self.exact = Folder.of(root), exact
        self.occurrences, self.weights = folder.occurrences(), folder.period_weights()
        self.zeros = bool(return_periods)
        if return_periods is True:
            return_periods = return_periods_of(folder.table("returnperiods"))
            if not return_periods:
                warn("the table of return periods is empty: every loss gets its own")
        elif return_periods:
            return_periods = list(return_periods)
            if not all(period >= 0 for period in return_periods):
                raise UsageError("return periods are to be numbers from 0 on")
        self.return_periods = return_periods or None
        table = folder.optional("ensemble") if ensembles else None
        self.ensembles: dict[int, Any] = ensembles_of(table) if table is not None else {}

    def kernel(self, curves: Collection[str], *, by_summary: bool = False, **limits: Any) -> Any:
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

    def drop_unsupported(self, curves: Collection[str]) -> list[str]:
        """The curves without those that cannot be had: the mean of the samples' curves, where periods have
        weights and no return periods are given, because the samples' points then have different return
        periods."""
        lost = {name for name in curves if name.endswith("wheatsheaf_mean")}
        if self.weights.given and not self.return_periods and lost:
            warn("periods have weights: the mean of the samples' curves needs return periods and is left out")
            return [name for name in curves if name not in lost]
        return list(curves)


def sources_of(
    source: SourceLike, root: PathLike, folder: str | None
) -> tuple[Sequence[SourceLike], bool, bool]:
    """The summary streams to read, whether each has an index beside it, and whether they can be read more
    than once."""
    if not folder:
        return [source], False, isinstance(source, (bytes, os.PathLike, str)) and source != "-"
    paths = Folder(root).summaries(folder)
    indexed = sum(os.path.exists(path[:-4] + ".idx") for path in paths)
    if 0 < indexed < len(paths):
        warn(f"{len(paths) - indexed} of {len(paths)} summary streams have no index: all indexes are ignored")
    return paths, indexed == len(paths), True


def checked(curves: Iterable[str]) -> list[str]:
    """The names of curves, none twice."""
    if isinstance(curves, str):
        raise UsageError(f"curves are {curves!r}, expected a list of names")
    for name in curves:
        if name not in NAMES:
            raise UsageError(f"there is no curve {name!r}, expected one of {', '.join(NAMES)}")
    return list(dict.fromkeys(curves))


def calculate(
    source: SourceLike,
    root: PathLike,
    folder: str | None,
    tables: Tables,
    curves: Collection[str],
    report: Report,
    memory: float | None,
) -> None:
    """Feed the streams to a kernel and write the report that comes out."""
    sources, by_summary, again = sources_of(source, root, folder)
    limit = limit_of(memory)
    kernel = tables.kernel(curves, by_summary=by_summary, can_drop=again, limit=limit if again else 0)
    feed(kernel, sources, lambda: report.take(kernel))
    report.close()


def leccalc(
    source: SourceLike = None,
    outputs: Mapping[CurveName, RowTarget] | Sequence[tuple[CurveName, RowTarget]] | None = None,
    *,
    folder: str | None = None,
    return_periods: bool | Sequence[int] = False,
    skip_header: bool = False,
    exact: bool = False,
    memory: float | None = MEMORY,
    root: PathLike = ".",
) -> None:
    """Exceedance curves as ktools' legacy tables: one table for each kind of curve, as csv.

    Reads summary streams, input/occurrence.bin and, where they are there, periods.bin (weights) and
    ensemble.bin.

    Parameters
    ----------
    source : source, optional
        A stream of losses by summary.
    outputs : mapping or sequence of pairs
        Where each curve goes, by its name: aep_ or oep_ with full_uncertainty, wheatsheaf, sample_mean or
        wheatsheaf_mean.
    folder : str, optional
        Read the summary streams work/<folder>/*.bin instead of source.
    return_periods : bool or sequence of int, default False
        The return periods, in years, best in descending order, at which the curves are read off; True: those
        of input/returnperiods.bin; False: a point for each loss.
    skip_header : bool, default False
        Write csv without the line of column names.
    exact : bool, default False
        Double arithmetic, in every digit.
    memory : float or None, default 2048
        MiB for losses by period of streams that can be read more than once; None is no limit.
    root : str or path, default "."
        The folder that holds input/ and work/.

    Raises
    ------
    UsageError
        No curve, an unknown one, or one without a destination.

    Notes
    -----
    The curve of the analytical means (type 1) stands before that of the samples (type 2), except in the
    wheatsheaf tables. Where every stream of the folder has an index file beside it, losses of 0 are points
    too, and each summary's curves come together, as in ktools. The mean of the samples' curves is left out
    with a warning where periods have weights and there are no return periods.
    """
    given = outputs or ()
    pairs = list(given.items() if hasattr(given, "items") else given)
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
    memory: float | None = MEMORY,
    root: PathLike = ".",
) -> None:
    """Exceedance probability tables of Open Results Data, with tail values at risk: EPT and PSEPT.

    The EPT has the analytical mean (EPCalc 1) beside the curves that are asked for (2 to 4), the PSEPT a
    curve for each sample. Reads what leccalc reads, without ensembles. See leccalc, whose other options it
    takes.

    Parameters
    ----------
    source : source, optional
        A stream of losses by summary.
    curves : iterable of str
        Names as leccalc's outputs: those that end in _wheatsheaf make the PSEPT, all others the EPT.
    ept : destination of rows, optional
        Where the EPT goes.
    psept : destination of rows, optional
        Where the PSEPT goes.
    ept_parquet : target, optional
        Where the EPT goes as parquet.
    psept_parquet : target, optional
        Where the PSEPT goes as parquet.
    """
    destinations = {"EPT": with_parquet(ept, ept_parquet), "PSEPT": with_parquet(psept, psept_parquet)}
    names = checked(curves)
    if not names:
        raise UsageError("no curves: ask for one at least, as in -F")
    asked = {
        "EPT": [name for name in names if not name.endswith(WHEATSHEAF)],
        "PSEPT": [name for name in names if name.endswith(WHEATSHEAF)],
    }
    for table, own in asked.items():
        if own and destinations[table] is None:
            raise UsageError(f"no destination for the {table}: asked for {', '.join(own)}, but for no file")
    for table, own in asked.items():
        if destinations[table] is not None and not own:
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
        wanted = tables.drop_unsupported(names)
        sections = ord_sections(wanted + means_beside(wanted), **rows)
        calculate(source, root, folder, tables, wanted, Report(sections, rows.values()), memory)


class ExceedanceCurves(Accumulator):
    """Exceedance curves, summed up from losses by summary.

    It is a destination in a chain, or is fed with streams, may be merged, and is then asked for tables, as
    often as wanted.

    Parameters
    ----------
    curves : collection of {"oep", "aep"}, default both
        The types to keep losses for.
    return_periods : bool or sequence of int, optional
        The return periods, in years, best in descending order; True: those of input/returnperiods.bin; None:
        a point for each loss.
    exact : bool, default False
        Double arithmetic, in every digit.
    memory : float, optional
        MiB that losses by period may take; beyond it feeding raises MemoryError. None is no limit.
    root : str or path, default "."
        The folder that holds input/ with occurrence.bin and, where they are there, periods.bin and
        ensemble.bin.

    Raises
    ------
    DataError
        A table is wrong.
    InputError
        A table is missing or cannot be read.
    UsageError
        An unknown type, or return periods below 0.

    Examples
    --------
    >>> import ktc
    >>> curves = ktc.ExceedanceCurves(["aep"], return_periods=[100, 10])
    >>> stages = ktc.GetModel(), ktc.GulCalc(sample_size=10, alloc_rule=1), ktc.SummaryCalc({1: curves})
    >>> ktc.Chain(ktc.Events(), *stages).run()
    >>> len(curves.table(["full_uncertainty"])), len(curves.samples())
    (4, 40)
    """

    def __init__(
        self,
        curves: Collection[Literal["oep", "aep"]] = (OEP, AEP),
        *,
        return_periods: bool | Sequence[int] | None = None,
        exact: bool = False,
        memory: float | None = None,
        root: PathLike | Folder = ".",
    ) -> None:
        types = [type for type in (OEP, AEP) if type in curves]
        if not types or isinstance(curves, str) or set(curves) - {OEP, AEP}:
            raise UsageError(f"curves are {curves!r}, expected a list of oep, aep or both")
        self.start(Tables(root, return_periods, exact=exact), types, limit_of(memory))

    def make(self, tables: Tables, types: list[str], limit: int) -> Any:
        return tables.kernel(types, limit=limit)

    def table(
        self, calculations: Sequence[Literal["mean"] | Calculation] = ("mean", *CALCULATIONS)
    ) -> ResultTable:
        """The EPT, with tail values at risk.

        Parameters
        ----------
        calculations : sequence of str
            Any of "mean", "full_uncertainty", "wheatsheaf_mean" and "sample_mean"; all by default.

        Returns
        -------
        ResultTable
            Rows of exceedance_probability_table: SummaryId, EPCalc, EPType, ReturnPeriod (years), Loss
            (currency).

        Raises
        ------
        UsageError
            An unknown calculation.
        """
        if isinstance(calculations, str) or set(calculations) - {"mean", *CALCULATIONS}:
            raise UsageError(
                f"calculations are {calculations!r}, expected a list of {', '.join(('mean', *CALCULATIONS))}"
            )
        return self.collect("exceedance_probability_table", "ept", calculations)

    def samples(self) -> ResultTable:
        """The PSEPT, the curves of each sample, with tail values at risk.

        Returns
        -------
        ResultTable
            Rows of sample_exceedance_probability_table: SummaryId, SampleId, EPType, ReturnPeriod (years),
            Loss (currency).
        """
        return self.collect("sample_exceedance_probability_table", "psept", [WHEATSHEAF])

    def legacy(self, name: CurveName) -> ResultTable:
        """One of leccalc's tables.

        Parameters
        ----------
        name : str
            A curve's name, as in leccalc's outputs.

        Returns
        -------
        ResultTable
            Rows of exceedance_curve or sample_exceedance_curve, or of their forms with ensembles.

        Raises
        ------
        UsageError
            There is no such curve, or losses of its type are not kept.
        """
        tables, types, _ = self.tables
        (curve,) = checked([name])
        if curve[:3] not in types:
            raise UsageError(f"{curve}: only {types[0]} is kept here")
        report = "sample_exceedance_curve" if curve.endswith(WHEATSHEAF) else "exceedance_curve"
        table, rows = self.rows(report + "_ensembles" * bool(tables.ensembles))
        outs = dict.fromkeys(tables.drop_unsupported([curve]), rows)
        return self.finish(table, Report(legacy_sections(outs, len(tables.ensembles)), [rows]))

    def collect(self, report: str, output: str, calculations: Iterable[str]) -> ResultTable:
        """A table of Open Results Data. output: which argument of ord_sections it is."""
        tables, types, _ = self.tables
        table, rows = self.rows(report)
        curves = tables.drop_unsupported([f"{type}_{each}" for type in types for each in calculations])
        return self.finish(table, Report(ord_sections(curves, **{output: rows}), [rows]))

    @staticmethod
    def rows(report: str) -> tuple[ResultTable, Any]:
        """An empty table, and the builder of its rows."""
        from ._core.rows import Rows
        from .results import ResultTable

        table = ResultTable(report)
        return table, Rows(table.report, table.rows)

    def finish(self, table: ResultTable, report: Report) -> ResultTable:
        """The table, once the report is written."""
        report.take(self.kernel)
        report.close()
        return table
