"""Average annual losses: aalcalc, aalcalcmeanonly and summaryindex as functions, and the accumulators.

ktc._core.averages has the formulas. Read of input/ are occurrence.bin and, where they are there, periods.bin
(weights) and ensemble.bin (legacy form only). When the losses by period take more than `memory`, the files
are read several times, for some of the summaries each time.
"""

from __future__ import annotations

import os

from .accumulators import MEMORY, Accumulator, feed, feed_all, limit_of
from .building import Folder, Run, with_parquet
from .errors import UsageError, warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._types import PathLike, RowTarget
    from .results import ResultTable


__all__ = ["AverageLoss", "AverageLossMeanOnly", "aalcalc", "aalcalcmeanonly", "summaryindex"]


def periods_of(folder: Folder) -> tuple[Any, Any]:
    """The occurrences of a run, and the weights of its periods."""
    return folder.occurrences(), folder.period_weights()


def checked_confidence(confidence: float) -> float:
    """A confidence level that is one."""
    if not 0 <= confidence <= 1:
        raise UsageError(f"the confidence level is {confidence}, expected 0 to 1")
    return confidence


class Averages(Accumulator):
    """An accumulator of annual losses."""

    def result(self, report: str, write: Callable[..., object], *options: Any) -> ResultTable:
        """The table that `write` fills."""
        from ._core.rows import Rows
        from .results import ResultTable

        table = ResultTable(report)
        write(Rows(table.report, table.rows), *options)
        return table


class AverageLoss(Averages):
    """Average annual losses, with deviations, of what it is fed.

    It is the destination of a summary set in a chain, or is fed with streams (feed). The tables can be asked
    for at any time, and more be fed afterwards.

    Parameters
    ----------
    root : str or path, default "."
        The folder that holds input/ with occurrence.bin and, where they are there, periods.bin (weights) and
        ensemble.bin.
    exact : bool, default False
        Weights in double.
    memory : float, optional
        MiB for losses by period; beyond it feeding raises MemoryError. None is no limit.

    Raises
    ------
    DataError
        A table is wrong.
    InputError
        A table is missing or cannot be read.
    UsageError
        `memory` is not above 0.

    Notes
    -----
    Losses by period take 8 bytes for each sample and some 50 more for each period with losses of a summary.

    Losses of a period that two merged accumulators have parts of are not added up in the order of the stream.
    Float32 losses add up exactly in float64 unless they differ by a factor of more than some 10**8, and then
    the order has no effect.

    Examples
    --------
    >>> import ktc
    >>> average = ktc.AverageLoss()
    >>> stages = ktc.GetModel(), ktc.GulCalc(sample_size=10, alloc_rule=1), ktc.SummaryCalc({1: average})
    >>> ktc.Chain(ktc.Events(), *stages).run()
    >>> average.table().numpy()["SampleType"].tolist()
    [1, 2]
    """

    def __init__(
        self, root: PathLike | Folder = ".", *, exact: bool = False, memory: float | None = None
    ) -> None:
        folder = Folder.of(root)
        self.start(*periods_of(folder), folder.optional("ensemble"), limit_of(memory), exact)

    def make(self, occurrences: Any, weights: Any, ensembles: Any, limit: int, exact: bool) -> Any:
        from ._core.averages import AverageLoss as Kernel

        return Kernel(
            occurrences, weights=weights, convergence=True, ensembles=ensembles, limit=limit, exact=exact
        )

    def result(self, report: str, write: Callable[..., object], *options: Any) -> ResultTable:
        """The table that `write` fills, worked out anew: more may have been fed."""
        self.kernel.forget()
        self.kernel.work_out()
        return super().result(report, write, *options)

    def table(self) -> ResultTable:
        """The Average Loss Table (ALT): by summary, mean and standard deviation of the annual loss.

        Returns
        -------
        ResultTable
            Rows of average_loss_table, in currency: of the analytical mean (SampleType 1), then of the
            samples (2).
        """
        return self.result("average_loss_table", self.kernel.write)

    def convergence(self, confidence: float = 0.95) -> ResultTable:
        """The Average Loss Convergence Table (ALCT): the ALT for growing subsets of the samples.

        The last subset is all of them.

        Parameters
        ----------
        confidence : float, default 0.95
            The probability with which the interval holds the mean, 0 to 1.

        Returns
        -------
        ResultTable
            Rows of average_loss_convergence_table: with what the mean's variance is made of, and the
            interval.

        Raises
        ------
        UsageError
            The confidence level is outside 0 to 1.
        """
        return self.result(
            "average_loss_convergence_table", self.kernel.write_convergence, checked_confidence(confidence)
        )

    def legacy(self) -> ResultTable:
        """The legacy table.

        Returns
        -------
        ResultTable
            Rows of average_loss, or of average_loss_ensembles where there is an ensemble table.
        """
        return self.result(
            "average_loss" if self.tables[2] is None else "average_loss_ensembles", self.kernel.write
        )


class AverageLossMeanOnly(Averages):
    """Average annual losses without a deviation. It is fed as AverageLoss is.

    Its memory grows with the number of summaries alone.

    Parameters
    ----------
    root : str or path, default "."
        The folder that holds input/ with occurrence.bin and, where it is there, periods.bin (weights).

    Raises
    ------
    DataError
        A table is wrong.
    InputError
        A table is missing or cannot be read.
    """

    def __init__(self, root: PathLike | Folder = ".") -> None:
        self.start(*periods_of(Folder.of(root)))

    def make(self, occurrences: Any, weights: Any) -> Any:
        from ._core.averages import AverageLossMeanOnly as Kernel

        return Kernel(occurrences, weights)

    def table(self) -> ResultTable:
        """The Average Loss Table without deviations.

        Returns
        -------
        ResultTable
            Rows of average_loss_table_mean_only, in currency: by summary, of the analytical mean (SampleType
            1), then of the samples (2).
        """
        return self.result("average_loss_table_mean_only", self.kernel.write)

    def legacy(self) -> ResultTable:
        """The legacy table.

        Returns
        -------
        ResultTable
            Rows of average_loss_mean_only.
        """
        return self.result("average_loss_mean_only", self.kernel.write)


def destinations(target: RowTarget, ord: bool, parquet: PathLike | None) -> Any:
    """Where the main table goes: csv unless parquet alone is asked for, and parquet."""
    targets = target if isinstance(target, list) else [target]
    return with_parquet(targets if ord or parquet is None else None, parquet)


def named(path: PathLike, ending: str, others: bool = False) -> str:
    """A path with an ending, where it lacks it. others: but for parquet's, any other will do."""
    path = os.fspath(path)
    other = os.path.splitext(path)[1] if others else ""
    return path if path.endswith(ending) or other not in ("", ".parquet") else path + ending


def aalcalc(
    folder: PathLike | None = None,
    target: RowTarget = None,
    *,
    ord: bool = False,
    parquet: PathLike | None = None,
    convergence: PathLike | None = None,
    confidence: float = 0.95,
    skip_header: bool = False,
    exact: bool = False,
    memory: float | None = MEMORY,
    root: PathLike = ".",
) -> None:
    """Average annual losses, with deviations, of the summary streams work/<folder>/*.bin of a run.

    Parameters
    ----------
    folder : str
        The folder below work/ that holds the summary streams.
    target : destination of rows, optional
        Where csv goes; by default standard output, or nowhere if parquet alone is asked for.
    ord : bool, default False
        Csv in the form of Open Results Data, the Average Loss Table, instead of the legacy form.
    parquet : str or path, optional
        Write the Average Loss Table to this parquet file.
    convergence : str or path, optional
        Write the convergence table to this path, as csv (".csv" is added where the name has no ending; "-" is
        standard output, after the other table) and parquet (".parquet") like the other table.
    confidence : float, default 0.95
        The confidence level of the convergence table's intervals, 0 to 1.
    skip_header : bool, default False
        Write csv without the line of column names.
    exact : bool, default False
        Weights in double.
    memory : float or None, default 2048
        MiB for losses by period; None is no limit.
    root : str or path, default "."
        The folder that holds input/ and work/.

    Raises
    ------
    UsageError
        No folder, or a confidence level or a memory out of range.

    Notes
    -----
    Ensembles are in the legacy csv only; otherwise input/ensemble.bin is ignored with a warning.
    """
    from ._core.averages import AverageLoss as Kernel
    from ._core.io import Outputs

    checked_confidence(confidence)
    limit = limit_of(memory)
    with_csv = ord or parquet is None
    ensembles = Folder(root).optional("ensemble")
    if ensembles is not None and (ord or parquet is not None):
        warn("ensembles are not part of Open Results Data: input/ensemble.bin is ignored")
        ensembles = None
    report = (
        "average_loss_table"
        if ord or parquet is not None
        else "average_loss"
        if ensembles is None
        else "average_loss_ensembles"
    )
    paths = Folder(root).summaries(folder)
    with Outputs() as outputs:
        run = Run(outputs, root)
        subsets: Any = None
        if convergence == "-":
            subsets = [outputs.open("-")]
            target = subsets[0] if target in (None, "-") else target
        elif convergence is not None:
            subsets = with_parquet(
                [named(convergence, ".csv", others=True)] if with_csv else None,
                None if parquet is None else named(convergence, ".parquet"),
            )
        table = run.rows(report, destinations(target, ord, parquet), not skip_header)
        if subsets is not None:
            subsets = run.rows("average_loss_convergence_table", subsets)
        occurrences, weights = periods_of(run.folder)
        kernel = Kernel(
            occurrences,
            weights=weights,
            convergence=subsets is not None,
            ensembles=ensembles,
            limit=limit,
            can_drop=True,
            exact=exact,
        )
        feed(kernel, paths, kernel.work_out)
        kernel.write(table)
        if subsets is not None:
            kernel.write_convergence(subsets, confidence)


def aalcalcmeanonly(
    folder: PathLike | None = None,
    target: RowTarget = None,
    *,
    ord: bool = False,
    parquet: PathLike | None = None,
    skip_header: bool = False,
    root: PathLike = ".",
) -> None:
    """Average annual losses without a deviation of the summary streams work/<folder>/*.bin of a run.

    See aalcalc, whose other options it takes.

    Parameters
    ----------
    ord : bool, default False
        Csv in the form of Open Results Data instead of the legacy form.
    parquet : str or path, optional
        Write the table of Open Results Data to this parquet file.

    Notes
    -----
    Summaries of events that do not occur have rows of 0.
    """
    from ._core.averages import AverageLossMeanOnly as Kernel
    from ._core.io import Outputs

    report = "average_loss_table_mean_only" if ord or parquet is not None else "average_loss_mean_only"
    paths = Folder(root).summaries(folder)
    with Outputs() as outputs:
        run = Run(outputs, root)
        table = run.rows(report, destinations(target, ord, parquet), not skip_header)
        kernel = Kernel(*periods_of(run.folder))
        feed_all(kernel, paths)
        kernel.write(table)


def summaryindex(folder: PathLike | None = None, *, root: PathLike = ".") -> None:
    """Index the summary streams work/<folder>/*.bin of a run.

    Writes into that folder filelist.idx (the streams' names, in the folder's order), summaries.idx
    ("summary_id, file number, byte offset" of each packet, by summary) and max_summary_id.idx.

    Parameters
    ----------
    folder : str
        The folder below work/ that holds the summary streams.
    root : str or path, default "."
        The folder that holds work/.

    Raises
    ------
    DataError
        A stream is wrong; the message says where.
    UsageError
        No folder.
    InputError
        A file is missing or cannot be read.
    OutputError
        An output cannot be written.
    """
    from ._core.io import Outputs, write_all
    from ._core.summaryindex import SummaryIndex

    paths = Folder(root).summaries(folder)
    with Outputs() as outputs:
        files, packets, highest = [
            outputs.open(os.path.join(Folder(root).work(folder), name))
            for name in ("filelist.idx", "summaries.idx", "max_summary_id.idx")
        ]
        kernel = SummaryIndex()
        feed_all(kernel, paths)
        write_all(files, b"".join(os.fsencode(os.path.basename(path)) + b"\n" for path in paths))
        write_all(highest, b"%d" % kernel.write(packets))
