"""Average annual losses: the scripts aalcalc, aalcalcmeanonly and summaryindex as functions, and their
accumulators.

What is worked out, with the formulas, is told in ktc._core.averages. `root` is the folder that holds input/
and work/. Read of input/ are occurrence.bin and, where they are there, periods.bin (weights) and ensemble.bin
(legacy form only). memory: MiB that losses by period may take; when they are more, the files are read several
times, for some of the summaries each time.
"""

from __future__ import annotations

import os

from .building import Run, with_parquet
from .errors import UsageError, warn
from .work import MEMORY, Accumulator, feed, feed_all, folder_of, limit_of, optional_table, summary_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._types import PathLike, RowTarget
    from .results import ResultTable


__all__ = ["AverageLoss", "AverageLossMeanOnly", "aalcalc", "aalcalcmeanonly", "summaryindex"]


def periods_of(root):
    """The occurrences of a run, and the weights of its periods."""
    from ._core.occurrence import Occurrences, PeriodWeights

    occurrences = Occurrences(Run(None, root).table("occurrence"))
    return occurrences, PeriodWeights(optional_table(root, "periods"), occurrences.number_of_periods)


def checked_confidence(confidence):
    if not 0 <= confidence <= 1:
        raise UsageError(f"the confidence level is {confidence}, expected 0 to 1")
    return confidence


class Averages(Accumulator):
    """An accumulator of annual losses."""

    def result(self, report, write, *options):
        from ._core.rows import Rows
        from .results import ResultTable

        table = ResultTable(report)
        write(Rows(table.report, table.rows), *options)
        return table


class AverageLoss(Averages):
    """Average annual losses of what it is fed: the destination of a summary set in a chain, or feed(streams).

        average = AverageLoss()
        Chain(Events(), GetModel(), GulCalc(sample_size=100, alloc_rule=1), SummaryCalc({1: average})).run()
        average.table().numpy()

    The tables can be asked for at any time, and more be fed afterwards. root: the folder that holds input/
    with occurrence.bin and, where they are there, periods.bin (weights) and ensemble.bin. exact: weights in
    double. memory: MiB for losses by period, 8 bytes for each sample and some 50 more for each period with
    losses of a summary; beyond it feeding raises MemoryError; None is no limit. Losses of a period that two
    merged accumulators have parts of are not added up in the order of the stream. Float32 losses add up
    exactly in float64 unless they differ by a factor of more than some 10**8, and then the order has no
    effect.
    """

    def __init__(self, root: PathLike = ".", *, exact: bool = False, memory: float | None = None) -> None:
        self.start(*periods_of(root), optional_table(root, "ensemble"), limit_of(memory), exact)

    def make(self, occurrences, weights, ensembles, limit, exact):
        from ._core.averages import AverageLoss as Kernel

        return Kernel(
            occurrences, weights=weights, convergence=True, ensembles=ensembles, limit=limit, exact=exact
        )

    def result(self, report, write, *options):
        self.kernel.forget()
        self.kernel.work_out()
        return super().result(report, write, *options)

    def table(self) -> ResultTable:
        """The Average Loss Table (ALT): a ResultTable of average_loss_table. By summary, mean and standard
        deviation of the annual loss: of the analytical mean (SampleType 1), then of the samples (2)."""
        return self.result("average_loss_table", self.kernel.write)

    def convergence(self, confidence: float = 0.95) -> ResultTable:
        """The Average Loss Convergence Table (ALCT): a ResultTable of average_loss_convergence_table. By
        summary, the same for growing subsets of the samples and for all of them, with what the mean's
        variance is made of and the interval that holds it with this probability."""
        return self.result(
            "average_loss_convergence_table", self.kernel.write_convergence, checked_confidence(confidence)
        )

    def legacy(self) -> ResultTable:
        """The legacy table: a ResultTable of average_loss, or average_loss_ensembles where there is an
        ensemble table."""
        return self.result(
            "average_loss" if self.tables[2] is None else "average_loss_ensembles", self.kernel.write
        )


class AverageLossMeanOnly(Averages):
    """Average annual losses without a deviation; its memory follows the summaries alone. Fed as AverageLoss
    is."""

    def __init__(self, root: PathLike = ".") -> None:
        self.start(*periods_of(root))

    def make(self, occurrences, weights):
        from ._core.averages import AverageLossMeanOnly as Kernel

        return Kernel(occurrences, weights)

    def table(self) -> ResultTable:
        """A ResultTable of average_loss_table_mean_only: by summary, the analytical mean's (SampleType 1) and
        the samples' (2)."""
        return self.result("average_loss_table_mean_only", self.kernel.write)

    def legacy(self) -> ResultTable:
        """The same as average_loss_mean_only."""
        return self.result("average_loss_mean_only", self.kernel.write)


def destinations(target, ord, parquet):
    """Where the main table goes: csv unless parquet alone is asked for, and parquet."""
    targets = target if isinstance(target, list) else [target]
    return with_parquet(targets if ord or parquet is None else None, parquet)


def named(path, ending, others=False):
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
    """Average annual losses of the summary streams work/<folder>/*.bin of a run.

    Unless parquet alone is asked for, csv goes to target: the legacy table, with ord the Average Loss Table
    of Open Results Data. parquet: a path for the latter as parquet. convergence: a path for the convergence
    table, as csv (".csv" is added where the name has no ending; "-" is standard output, after the other
    table) and parquet (".parquet") like the other. confidence: of its intervals, 0 to 1. Ensembles are in the
    legacy csv only. exact: weights in double.
    """
    from ._core.averages import AverageLoss as Kernel
    from ._core.io import Outputs

    checked_confidence(confidence)
    limit = limit_of(memory)
    with_csv = ord or parquet is None
    ensembles = optional_table(root, "ensemble")
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
    paths = summary_files(folder_of(root, folder))
    with Outputs() as outputs:
        run = Run(outputs, root)
        subsets = None
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
        occurrences, weights = periods_of(root)
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

    Csv goes to target, in the legacy form or with ord in that of Open Results Data, unless parquet, a path,
    alone is asked for. Summaries of events that do not occur have rows of 0.
    """
    from ._core.averages import AverageLossMeanOnly as Kernel
    from ._core.io import Outputs

    report = "average_loss_table_mean_only" if ord or parquet is not None else "average_loss_mean_only"
    paths = summary_files(folder_of(root, folder))
    with Outputs() as outputs:
        table = Run(outputs, root).rows(report, destinations(target, ord, parquet), not skip_header)
        kernel = Kernel(*periods_of(root))
        feed_all(kernel, paths)
        kernel.write(table)


def summaryindex(folder: PathLike | None = None, *, root: PathLike = ".") -> None:
    """Index the summary streams work/<folder>/*.bin of a run: writes there filelist.idx (their names, in the
    folder's order), summaries.idx ("summary_id, file number, byte offset" of each packet, by summary) and
    max_summary_id.idx."""
    from ._core.io import Outputs, write_all
    from ._core.summaryindex import SummaryIndex

    folder = folder_of(root, folder)
    paths = summary_files(folder)
    with Outputs() as outputs:
        files, packets, highest = [
            outputs.open(os.path.join(folder, name))
            for name in ("filelist.idx", "summaries.idx", "max_summary_id.idx")
        ]
        kernel = SummaryIndex()
        feed_all(kernel, paths)
        write_all(files, b"".join(os.fsencode(os.path.basename(path)) + b"\n" for path in paths))
        write_all(highest, b"%d" % kernel.write(packets))
