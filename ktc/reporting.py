"""From what workers give to the files of a run: spools that keep it in order, and accumulators of reports
that need all events.

A *spool* holds what lanes bring, in memory until there is much of it or a checkpoint is due, then in a file
of output/.ktc. So a run that is short writes nothing but its reports, and one that is killed goes on from
where its spools were. A summary stream's spool is read again where an accumulator's memory did not suffice
for all summaries at once, and when a run is resumed.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections import deque

from ._core.codec import LossDecoder
from ._core.io import Outputs, Source
from .building import Run
from .curves import WHEATSHEAF, Report, Tables, legacy_sections, means_beside, ord_sections
from .errors import DataError, InputError, OutputError, UsageError
from .schemas import streams as kinds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .perspectives import Group
    from .results import ResultTable
    from .rundir import RunFolder
    from .settings import SummarySet


__all__ = ["Accumulation", "Spool", "accumulations"]


class Spool:
    """Bytes in the order of blocks. head: what comes before all of them.

    `history` says after which block there were how many bytes.
    """

    def __init__(self, name: str, path: str, head: bytes = b"") -> None:
        self.name, self.path, self.head = name, path, head
        self.chunks: list[bytes] = [head]
        self.size = self.memory = len(head)
        self.filed = False
        self.history = deque([(0, self.size)])
        self.lock = threading.Lock()

    def append(self, block: int, data: bytes) -> None:
        """What a block gave."""
        with self.lock:
            if len(data):
                self.chunks.append(data)
                self.size += len(data)
                self.memory += len(data)
            self.history.append((block + 1, self.size))

    def length_at(self, blocks: int) -> int:
        """How many bytes there were when this many blocks had come."""
        while len(self.history) > 1 and self.history[1][0] <= blocks:
            self.history.popleft()
        return self.history[0][1]

    def spill(self) -> None:
        """Move what is in memory to the file."""
        with self.lock:
            if self.filed and not self.chunks:
                return
            try:
                with open(self.path, "ab" if self.filed else "wb") as file:
                    for chunk in self.chunks:
                        file.write(chunk)
            except OSError as error:
                raise OutputError(f"{self.path}: cannot write: {error.strerror}") from None
            self.chunks, self.memory, self.filed = [], 0, True

    def restore(self, size: int) -> None:
        """Go on with the first `size` bytes of the file that an earlier run left."""
        try:
            with open(self.path, "r+b") as file:
                if file.seek(0, os.SEEK_END) < size:
                    raise DataError(
                        f"{self.path}: shorter than the run's journal says: this run cannot be resumed"
                    )
                file.truncate(size)
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read: {error.strerror}") from None
        self.chunks, self.memory, self.filed, self.size = [], 0, True, size
        self.history = deque([(0, size)])

    def source(self) -> Source:
        """All of it, to be read."""
        if self.filed:
            self.spill()
            return Source(self.path)
        return Source(b"".join(self.chunks), self.name)

    def body(self) -> bytes:
        """All but the head, in memory."""
        if self.filed:
            self.spill()
            with open(self.path, "rb") as file:
                return file.read()[len(self.head) :]
        return b"".join(self.chunks[1:])

    def publish(self, path: str) -> None:
        """Become the file of this path."""
        if not self.filed:
            own, self.path = self.path, path
            self.spill()
            self.path = own
            return
        self.spill()
        # The spool stays, for a run that is resumed from here: it is complete, so both may be one file.
        try:
            if os.path.exists(path):
                os.unlink(path)
            os.link(self.path, path)
        except OSError:
            shutil.copyfile(self.path, path)


class Accumulation:
    """A kernel that adds up losses by summary, and the reports that it makes in the end: `whats`, by their
    names in the run."""

    def __init__(
        self,
        group: Group,
        whats: tuple[str, ...],
        kernel: Any,
        finish: Callable[[Accumulation, dict[str, Any]], None],
    ) -> None:
        self.group, self.whats, self.kernel, self.finish = group, whats, kernel, finish
        self.name = f"{group.name}_{whats[0]}"
        self.spool: Spool | None = None
        self.head: LossDecoder | None = None  # of the stream, which payloads are parts of

    def take(self, block: int, payload: bytes) -> None:
        """The summary stream of a block."""
        if payload:
            if self.head is None:
                assert self.spool is not None
                self.head = LossDecoder(Source(self.spool.head, self.name), [kinds.SUMMARY])
            source = Source(payload, self.name)
            LossDecoder(source, [kinds.SUMMARY], like=self.head).run(self.kernel)

    def feed(self) -> None:
        """Everything again, from the spool."""
        assert self.spool is not None
        LossDecoder(self.spool.source(), [kinds.SUMMARY]).run(self.kernel)

    def parts(self, take: Callable[[], object]) -> None:
        """Call take() for the summaries that the kernel holds; again for those it had no room for."""
        take()
        while not self.kernel.complete:
            self.kernel.next_summaries()
            self.feed()
            take()


def limited(memory: int | None) -> dict[str, Any]:
    """The options of a kernel that may take so many bytes."""
    return dict(limit=memory, can_drop=True) if memory else {}


def curves(
    group: Group, folder: RunFolder, chosen: SummarySet, ord: bool, exact: bool, memory: int | None
) -> Accumulation | None:
    """The accumulator of a set's exceedance curves: Open Results Data's, or leccalc's."""
    if ord:
        whats: tuple[str, ...] = tuple(what for what in ("ept", "psept") if what in group.files)
        names: list[Any] = [
            name for what in whats for name in map(ord_curve, group.files[what].options) if name
        ]
        periods = chosen.return_period_file
    else:
        whats = tuple(what for what in group.files if what.startswith("leccalc_"))
        names = [lec_curve(what) for what in whats]
        periods = chosen.lec_return_period_file
    if not whats:
        return None
    names = list(dict.fromkeys(names))
    tables = Tables(folder, periods or None, ensembles=not ord, exact=exact)
    wanted = tables.drop_unsupported(names)
    kernel = tables.kernel(wanted, by_summary=True, **limited(memory))

    def finish(self: Accumulation, rows: dict[str, Any]) -> None:
        if ord:
            sections = ord_sections(wanted + means_beside(wanted), **rows)
        else:
            outs = {lec_curve(what): rows[what] for what in whats if lec_curve(what) in wanted}
            sections = legacy_sections(outs, len(tables.ensembles))
        report = Report(sections, rows.values())
        self.parts(lambda: report.take(self.kernel))
        report.close()

    return Accumulation(group, whats, kernel, finish)


def ord_curve(option: str) -> str | None:
    """The curve of ordleccalc that an option of ord_output asks for: ept_mean_sample_aep and so on."""
    table, _, rest = option.partition("_")
    kind, _, type = rest.rpartition("_")
    if table == "psept":
        return f"{rest}_{WHEATSHEAF}"
    names = {
        "full_uncertainty": "full_uncertainty",
        "mean_sample": "sample_mean",
        "per_sample_mean": "wheatsheaf_mean",
    }
    return f"{type}_{names[kind]}" if table == "ept" and kind in names else None


def lec_curve(what: str) -> str:
    """leccalc_full_uncertainty_aep -> aep_full_uncertainty."""
    kind, _, type = what.removeprefix("leccalc_").rpartition("_")
    return f"{type}_{kind}"


def averages(
    group: Group, folder: RunFolder, chosen: SummarySet, ord: bool, exact: bool, memory: int | None
) -> Accumulation | None:
    """The accumulator of a set's average annual losses."""
    whats = tuple(what for what in (("palt", "alct") if ord else ("aalcalc",)) if what in group.files)
    if not whats:
        return None
    from ._core.averages import AverageLoss as Kernel

    kernel = Kernel(
        folder.occurrences(),
        weights=folder.period_weights(),
        convergence="alct" in whats,
        ensembles=None if ord else folder.optional("ensemble"),
        exact=exact,
        **limited(memory),
    )

    def finish(self: Accumulation, rows: dict[str, Any]) -> None:
        self.parts(self.kernel.work_out)
        self.kernel.write(rows[whats[0]])
        if "alct" in whats:
            self.kernel.write_convergence(rows["alct"], chosen.confidence)

    return Accumulation(group, whats, kernel, finish)


def mean_averages(
    group: Group, folder: RunFolder, chosen: SummarySet, ord: bool, exact: bool, memory: int | None
) -> Accumulation | None:
    """The accumulator of a set's average annual losses without deviations."""
    what = "altmeanonly" if ord else "aalcalcmeanonly"
    if what not in group.files:
        return None
    from ._core.averages import AverageLossMeanOnly as Kernel

    def finish(self: Accumulation, rows: dict[str, Any]) -> None:
        self.kernel.write(rows[what])

    return Accumulation(group, (what,), Kernel(folder.occurrences(), folder.period_weights()), finish)


def accumulations(
    group: Group, folder: RunFolder, chosen: SummarySet, exact: bool, memory: int | None
) -> list[Accumulation]:
    """The accumulators of a summary set. memory: bytes that each may take."""
    made = (
        make(group, folder, chosen, ord, exact, memory)
        for make in (curves, averages, mean_averages)
        for ord in (True, False)
    )
    return [each for each in made if each is not None]


# The report of each table of a run; those with None depend on tables of the model
REPORTS: dict[str, str] = {
    "selt": "sample_event_loss_table",
    "melt": "moment_event_loss_table",
    "qelt": "quantile_event_loss_table",
    "splt": "sample_period_loss_table",
    "mplt": "moment_period_loss_table",
    "qplt": "quantile_period_loss_table",
    "palt": "average_loss_table",
    "alct": "average_loss_convergence_table",
    "altmeanonly": "average_loss_table_mean_only",
    "ept": "exceedance_probability_table",
    "psept": "sample_exceedance_probability_table",
    "eltcalc": "event_loss_table",
    "aalcalcmeanonly": "average_loss_mean_only",
}


def report_of(what: str, folder: RunFolder) -> str | None:
    """The report of a run's table, by its name in the registry; None for summarycalc, which is a stream as
    csv."""
    if what in REPORTS:
        return REPORTS[what]
    if what == "pltcalc":
        return f"period_loss_table{'_dates' if folder.occurrences().dated else ''}"
    ensembles = "_ensembles" if folder.there("ensemble") else ""
    if what == "aalcalc":
        return f"average_loss{ensembles}"
    if what.startswith("leccalc_"):
        return (
            "sample_exceedance_curve" if lec_curve(what).endswith(WHEATSHEAF) else "exceedance_curve"
        ) + ensembles
    return None


def write_rows(report: str, content: bytes, destination: Any) -> None:
    """Rows that are in memory, to where they belong."""
    from ._core.rows import give_rows

    with Outputs() as outputs:
        give_rows(Run(outputs, ".").rows(report, destination), content)


def write_accumulation(each: Accumulation, folder: RunFolder, destinations: dict[str, Any]) -> None:
    """The reports of an accumulator. destinations: by the name of each in the run."""
    with Outputs() as outputs:
        run = Run(outputs, folder)
        rows = {}
        for what in each.whats:
            report = report_of(what, folder)
            assert report is not None
            rows[what] = run.rows(report, destinations[what])
        each.finish(each, rows)


def read_report(path: str, what: str, folder: RunFolder) -> ResultTable:
    """A report that was written, as a table."""
    import numpy

    from . import schemas
    from .results import ResultTable

    name = report_of(what, folder)
    if name is None:
        raise UsageError(f"{path}: losses by sample and summary are a stream: read the file")
    entry = schemas.REPORTS[name]
    table = ResultTable(entry)
    dtype: Any = entry.dtype()
    try:
        if path.endswith(".parquet"):
            import pyarrow.parquet

            columns = pyarrow.parquet.read_table(path)
            rows = numpy.empty(columns.num_rows, dtype)
            for field in entry.fields:
                rows[field.name] = columns[field.name].to_numpy()
        else:
            rows = numpy.atleast_1d(numpy.loadtxt(path, dtype, delimiter=",", skiprows=1))
    except OSError as error:
        raise InputError(f"{path}: cannot read: {error}") from None
    write_rows(name, rows.tobytes(), table)
    return table
