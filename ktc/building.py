"""What chains are built with: the folder of a run, a run with its outputs, and what a stage is before it is
built.

Apart from the stages (ktc.chain), because the output calculations that read files need no more than this, and
each class takes its time when a script starts.
"""

from __future__ import annotations

import os

from . import schemas
from ._core.blocks import CdfConsumer, EventConsumer, LossConsumer
from ._core.codec import EventEncoder, LossEncoder
from ._core.io import Mapped
from .errors import InputError, UsageError, binary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Generic, Never, TypeVar  # noqa: F401

    from ._core.io import Outputs, Sink
    from ._types import PathLike, TargetLike

    Block = TypeVar("Block", covariant=True)
else:  # typing takes longer to load than a stage: only a type checker sees the real Generic
    Block = None

    class Generic:
        def __class_getitem__(cls, _):
            return cls


__all__ = ["KERNELS", "Block", "Folder", "Generic", "Last", "Producer", "Run", "Stage", "with_parquet"]

KERNELS = (EventConsumer, CdfConsumer, LossConsumer)


class Folder:
    """The folder of a run, which holds input/, static/ and work/, and where it keeps its files."""

    def __init__(self, root: PathLike) -> None:
        self.root: PathLike = "" if root == "." else root  # messages name files as users do
        self.kept: dict[str, Any] = {}

    @classmethod
    def of(cls, root: PathLike | Folder) -> Folder:
        """A folder as it is, or the one that a path names."""
        return root if isinstance(root, Folder) else cls(root)

    def path(self, name: str, input_path: PathLike | None = None) -> str:
        """Where a table lies. input_path: the folder that stands for input/."""
        path: str = schemas.TABLES[name].path
        if input_path is None:
            return os.path.join(self.root, path)
        return os.path.join(self.root, input_path, os.path.basename(path))

    def table(self, name: str, input_path: PathLike | None = None) -> Mapped:
        """A table, mapped."""
        return Mapped(self.path(name, input_path))

    def optional(self, name: str, input_path: PathLike | None = None) -> Mapped | None:
        """A table, mapped, or None where there is no such file."""
        path = self.path(name, input_path)
        return Mapped(path) if os.path.exists(path) else None

    def event_rates(self) -> str:
        """Where the csv of event rates lies, if there is one."""
        from .schemas.tables import EVENT_RATES

        return os.path.join(self.root, EVENT_RATES.path)

    def occurrences(self) -> Any:
        """The occurrence table, read once."""
        from ._core.occurrence import Occurrences

        if "occurrences" not in self.kept:
            self.kept["occurrences"] = Occurrences(self.table("occurrence"))
        return self.kept["occurrences"]

    def period_weights(self) -> Any:
        """The weights of the periods, read once."""
        from ._core.occurrence import PeriodWeights

        if "weights" not in self.kept:
            self.kept["weights"] = PeriodWeights(
                self.optional("periods"), self.occurrences().number_of_periods
            )
        return self.kept["weights"]

    def work(self, name: PathLike | None) -> str:
        """work/<name>, a folder of summary streams."""
        if not name:
            raise UsageError("no folder of summary streams is named: -K DIR reads work/DIR/*.bin")
        return os.path.join(self.root, "work", name)

    def summaries(self, name: PathLike | None) -> list[str]:
        """The paths of work/<name>/*.bin, in the folder's own order, which is the order in which ktools adds
        them up."""
        folder = self.work(name)
        try:
            with os.scandir(folder) as entries:
                found = [
                    entry.path for entry in entries if entry.name.endswith(".bin") and entry.name != ".bin"
                ]
        except OSError as error:
            raise InputError(f"{folder}: cannot read: {error.strerror}") from None
        if not found:
            raise InputError(f"{folder}: no file *.bin is there, expected summary streams")
        return found


class Run:
    """What is shared while a chain is built: its outputs, and the folder of its tables."""

    def __init__(self, outputs: Outputs, root: PathLike | Folder) -> None:
        self.outputs, self.folder = outputs, Folder.of(root)
        self.producer: Producer | None = None  # what feeds the stage that is being built
        self.open_end = False  # a stage wants to know whether the stream's last packet has a terminator

    def consumer(self, destination: Any, producer: Producer) -> Any:
        """The kernel that takes what `producer` gives and sends it to `destination`."""
        if isinstance(destination, list):
            if not destination:
                raise UsageError("an empty list is not a destination")
            first, *others = [self.consumer(each, producer) for each in destination]
            for each in others:
                first = producer.tee(first, each)
            return first
        if isinstance(destination, tuple):
            first, *following = destination
            return self.stage(first, producer, following) if following else self.consumer(first, producer)
        if isinstance(destination, Stage):
            return self.stage(destination, producer, ())
        if isinstance(destination, KERNELS):
            return destination
        return producer.encoder(self.outputs.open(binary(destination)))

    def rows(self, report: str, destination: Any, header: bool = True, decimals: int | None = None) -> Any:
        """Where a kernel builds the rows of a report (Rows), joined to a destination or to each of a list of
        them; None for an empty list.

        A path, descriptor or file object gets csv: with the line of column names if header, and with
        `decimals` decimals instead of the report's own.
        """
        from ._core.rows import Rows, RowsToCsv, RowTee

        entry = schemas.REPORTS[report]
        all: Any = None
        for each in destination if isinstance(destination, list) else [destination]:
            one = (
                each.consumer(entry, self.outputs)
                if hasattr(each, "consumer")
                else RowsToCsv(entry, self.outputs.open(each), header, decimals)
            )
            all = one if all is None else RowTee(all, one)
        return None if all is None else Rows(entry, all)

    def stage(self, stage: Any, producer: Producer, following: list[Any] | tuple[()]) -> Any:
        """The kernel of a stage that `producer` feeds, joined to the stages that follow."""
        if not isinstance(stage, Stage):
            raise UsageError(f"{stage!r} stands where a stage is expected")
        if stage.takes != producer.gives:
            raise UsageError(
                f"{type(stage).__name__} takes {stage.takes}, but {type(producer).__name__} gives "
                f"{producer.gives}"
            )
        self.producer = producer
        if following:
            return stage.build(self, tuple(following) if len(following) > 1 else following[0])
        return stage.build(self)


def with_parquet(destination: Any, path: TargetLike) -> Any:
    """A destination, and a parquet file if there is a path for one."""
    if path is None:
        return destination
    from .results import Parquet

    if destination is None:
        return Parquet(path)
    return [*(destination if isinstance(destination, list) else [destination]), Parquet(path)]


class Producer:
    """What gives something: `gives` says what, encoder() writes it as ktools' script would, tee() hands it to
    two."""

    gives: str | None = None

    def encoder(self, sink: Sink) -> Any:
        """The kernel that writes what is given as a stream."""
        kernels: dict[str | None, Any] = {"events": EventEncoder, "losses": LossEncoder}
        return kernels[self.gives](sink)

    def tee(self, first: Any, second: Any) -> Any:
        """The kernel that hands what is given to two others."""
        from ._core import frames

        kernels: dict[str | None, Any] = {"cdfs": frames.CdfTee, "losses": frames.LossTee}
        return kernels[self.gives](first, second)

    def catcher(self) -> Any:
        """The kernel that keeps what is given as blocks."""
        from ._core import frames

        kernels: dict[str | None, Any] = {"cdfs": frames.CdfCatcher, "losses": frames.LossCatcher}
        return kernels[self.gives]()

    def decoder(self, run: Run, steps: int | None = None) -> Any:
        """The decoder that feeds the first kernel, if this is a source. steps: in about that many blocks."""
        raise NotImplementedError


class Stage(Producer, Generic[Block]):
    """A stage of a chain before it is built. `takes` says what it consumes, `gives` what it produces:
    "events", "cdfs" or "losses"."""

    takes: str | None = None

    def build(self, run: Run, out: Any = None) -> Any:
        """The kernel, joined to its destinations; out is the one that follows it in a sequence."""
        raise NotImplementedError


class Last(Stage["Never"]):
    """Base of the stages that nothing follows."""

    def build(self, run: Run, out: Any = None) -> Any:
        if out is not None:
            raise UsageError(f"nothing can follow {type(self).__name__}")
        return self.end(run)

    def end(self, run: Run) -> Any:
        """The kernel, joined to its outputs."""
        raise NotImplementedError
