"""A whole analysis: from a run directory of the Oasis platform, or a folder with input/ and static/, to every
report that its settings ask for.

`ktc run` and ktc.run(). What is to be done is a plan (ktc.planning). The stages are joined in memory
(ktc.perspectives) and run on threads over blocks of events (ktc.engine). What comes out is put in the order
of the events before it is written or added up (ktc.reporting), so the bytes are those of one process,
whatever the threads and blocks. What was done is kept in output/.ktc until the run is complete;
output/manifest.json says what came of it.
"""

from __future__ import annotations

import os
import time

from .errors import Cancelled, UsageError
from .planning import Plan, plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from ._types import PathLike
    from .results import ResultTable
    from .settings import OutputFile


__all__ = ["Analysis", "Progress", "run"]


class Analysis:
    """A run and what came of it.

    `run["il", 1, "ept"]` is a table, by perspective, summary set and report. Inner net losses and what
    reinsurers pay are perspectives of their own: "ri_IP1", "rl_IP2"; with full correlation
    "full_correlation/gul".

    Attributes
    ----------
    plan : Plan
        What was asked for.
    manifest : dict
        What is in output/manifest.json.
    """

    def __init__(self, plan: Plan, output: str | None) -> None:
        self.plan, self.output = plan, output
        self.manifest: dict[str, Any] = {}
        self.kept: dict[str, Any] = {}  # tables in memory, by the name of their file

    def tables(self) -> list[tuple[str, int, str]]:
        """The keys of all tables.

        Returns
        -------
        list of tuple
            (perspective, summary set, report).
        """
        return [key_of(file) for file in self.plan.files]

    def __getitem__(self, key: tuple[str, int, str]) -> ResultTable:
        """A table: in memory, or read from the file that was written."""
        for file in self.plan.files:
            if key_of(file) == key:
                if file.path in self.kept:
                    table: ResultTable = self.kept[file.path]
                    return table
                from .reporting import read_report

                assert self.output is not None
                return read_report(os.path.join(self.output, file.path), file.what, self.plan.folder)
        raise KeyError(key)

    def __iter__(self) -> Iterator[tuple[str, int, str]]:
        return iter(self.tables())

    def __len__(self) -> int:
        return len(self.plan.files)

    def __repr__(self) -> str:
        where = "in memory" if self.output is None else f"in {self.output}"
        return f"<ktc.Analysis: {len(self)} tables {where}>"


def key_of(file: OutputFile) -> tuple[str, int, str]:
    """The key of a run's table."""
    inner = "" if file.priority is None else f"_IP{file.priority}"
    return (
        f"{'full_correlation/' if file.correlated else ''}{file.perspective}{inner}",
        file.summary_set,
        file.what,
    )


class Progress:
    """What a run tells while it goes on: `stage` ("loading", "events", "reports", "publishing"), `done` and
    `total` events, `losses`, the records of losses by summary so far, `seconds` since the start, and `left`,
    the seconds that the rest of the events may take, or None."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.stage, self.done, self.total, self.first, self.losses = "loading", 0, 0, 0, 0

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    @property
    def left(self) -> float | None:
        done = self.done - self.first
        if not done or self.stage != "events":
            return None
        return self.seconds / done * (self.total - self.done)


def run(
    folder: PathLike = ".",
    *,
    settings: Mapping[str, Any] | PathLike | None = None,
    outputs: PathLike | None = "output",
    threads: int | None = None,
    memory: float | None = None,
    progress: Callable[[Progress], object] | None = None,
    resume: bool = False,
    block_events: int | None = None,
    cancel: Callable[[], bool] | None = None,
    **options: Any,
) -> Analysis:
    """Run a whole analysis.

    Parameters
    ----------
    folder : str or path, default "."
        A run directory: input/, static/ and, where the Oasis platform prepared it, analysis_settings.json.
    settings : mapping, str or path, optional
        Other settings, or another file of them.
    outputs : str, path or None, default "output"
        The folder of the reports, in `folder` unless it is absolute; None keeps the tables in memory and
        writes nothing.
    threads : int, optional
        All processors by default. The reports do not depend on it.
    memory : float, optional
        MiB that the run may take.
    progress : callable, optional
        Called with a Progress several times a second.
    resume : bool, default False
        Go on with a run that was broken off.
    block_events : int, optional
        Events that a thread takes at once; chosen by the time that they take, by default.
    cancel : callable, optional
        Asked several times a second; the run ends when it says True.
    **options
        As of ktc.planning.plan: samples, reports, perspectives, alloc_gul, alloc_il, alloc_ri, ri_zeros,
        kernel, skip_missing, skip_unsupported, input, static, areaperil_bytes, exact.

    Returns
    -------
    Analysis
        Its tables, by perspective, summary set and report.

    Raises
    ------
    UsageError
        Settings or arguments that cannot be done.
    InputError
        A file is missing or cannot be read.
    DataError
        A file is wrong.
    OutputError
        Something cannot be written, or another run writes into the folder.

    Examples
    --------
    >>> import ktc
    >>> run = ktc.run(".", outputs=None, samples=10, reports=["alt"], perspectives=["gul"])
    >>> run["gul", 1, "palt"].numpy()["SampleType"].tolist()
    [1, 2]
    """
    made = plan(folder, settings=settings, rows=outputs is None, **options)
    place = None if outputs is None else os.path.join(made.folder.root, outputs)
    return carry_out(made, place, threads, memory, progress, resume, block_events, cancel)


def carry_out(
    made: Plan,
    output: str | None,
    threads: int | None,
    memory: float | None,
    progress: Callable[[Progress], object] | None,
    resume: bool,
    block_events: int | None,
    cancel: Callable[[], bool] | None,
) -> Analysis:
    """Run a plan."""
    from .accumulators import limit_of
    from .execution import Execution

    threads = processors() if threads is None else threads
    if threads < 1:
        raise UsageError(f"the number of threads is {threads}, expected at least 1")
    if block_events is not None and block_events < 1:
        raise UsageError(f"the events of a block are {block_events}, expected at least 1")
    state = Progress()
    execution = Execution(made, output, threads, limit_of(memory) or None, block_events, state)

    def tell() -> None:
        if cancel is not None and cancel():
            raise Cancelled("the run was cancelled; --resume goes on with it")
        if progress is not None:
            progress(state)

    complete = False
    try:
        execution.prepare(resume)
        tell()
        execution.run(tell)
        analysis = Analysis(made, output)
        if output is not None:
            analysis.manifest = execution.publish()
        else:
            analysis.kept = execution.tables
            analysis.manifest = {**execution.facts(), "status": "complete", "inputs": execution.inputs}
        complete = True
        if progress is not None:
            progress(state)
        return analysis
    except BaseException as error:
        if not complete:
            execution.broken_off(error)
        raise
    finally:
        execution.close(complete)


def processors() -> int:
    """How many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1
