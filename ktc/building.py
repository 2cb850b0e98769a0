"""What chains are built with: a run, with its outputs and the folder of its tables, and what a stage is
before it is built.

Apart from the stages (ktc.chain), because the output calculations that read files need no more than this, and
each class takes its time when a script starts.
"""

from __future__ import annotations

import os

from . import schemas
from ._core.blocks import CdfConsumer, EventConsumer, LossConsumer
from ._core.codec import EventEncoder, LossEncoder
from ._core.io import Mapped
from .errors import UsageError, binary

KERNELS = (EventConsumer, CdfConsumer, LossConsumer)


class Run:
    """What is shared while a chain is built: its outputs, and the folder that holds input/ and static/."""

    def __init__(self, outputs, root):
        self.outputs, self.root = outputs, "" if root == "." else root  # messages name files as users do
        self.producer = None  # what feeds the stage that is being built
        self.open_end = False  # a stage wants to know whether the stream's last packet has a terminator

    def table(self, name, input_path=None):
        """A table of this run, mapped. input_path: the folder that stands for input/."""
        path = schemas.TABLES[name].path
        if input_path is None:
            return Mapped(os.path.join(self.root, path))
        return Mapped(os.path.join(self.root, input_path, os.path.basename(path)))

    def consumer(self, destination, producer):
        """The kernel that takes what `producer` gives and sends it to `destination`."""
        if isinstance(destination, list):
            if not destination:
                raise UsageError("an empty list is no destination")
            first, *rest = [self.consumer(each, producer) for each in destination]
            for each in rest:
                first = producer.tee(first, each)
            return first
        if isinstance(destination, tuple):
            first, *rest = destination
            return self.stage(first, producer, rest) if rest else self.consumer(first, producer)
        if isinstance(destination, Stage):
            return self.stage(destination, producer, ())
        if isinstance(destination, KERNELS):
            return destination
        return producer.encoder(self.outputs.open(binary(destination)))

    def rows(self, report, destination, header=True, decimals=None):
        """Where a kernel builds the rows of a report, joined to a destination or to each of a list of them: a
        path, descriptor or file object gets csv, with the line of the columns' names if header, and with so
        many decimals instead of the report's own; ktc.Parquet and ktc.ResultTable are what they say. None for
        an empty list."""
        from ._core.rows import Rows, RowsToCsv, RowTee

        report = schemas.REPORTS[report]
        all = None
        for each in destination if isinstance(destination, list) else [destination]:
            one = (
                each.consumer(report, self.outputs)
                if hasattr(each, "consumer")
                else RowsToCsv(report, self.outputs.open(each), header, decimals)
            )
            all = one if all is None else RowTee(all, one)
        return None if all is None else Rows(report, all)

    def stage(self, stage, producer, following):
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


def optional_table(root, name):
    """A table of a run, mapped, or None where there is no such file."""
    path = os.path.join("" if root == "." else root, schemas.TABLES[name].path)
    return Mapped(path) if os.path.exists(path) else None


def with_parquet(destination, path):
    """A destination, and a parquet file if there is a path for one."""
    if path is None:
        return destination
    from .results import Parquet

    if destination is None:
        return Parquet(path)
    return [*(destination if isinstance(destination, list) else [destination]), Parquet(path)]


# typing takes longer to load than a stage: only a type checker sees the real Generic.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Generic as Generic
    from typing import TypeVar

    Block = TypeVar("Block", covariant=True)
else:
    Block = None

    class Generic:
        def __class_getitem__(cls, _):
            return cls


class Producer:
    """What gives something: `gives` says what, encoder() writes it as ktools' script would, tee() hands it to
    two."""

    gives: str | None = None

    def encoder(self, sink):
        return {"events": EventEncoder, "losses": LossEncoder}[self.gives](sink)

    def tee(self, first, second):
        from ._core import frames

        return {"cdfs": frames.CdfTee, "losses": frames.LossTee}[self.gives](first, second)

    def catcher(self):
        from ._core import frames

        return {"cdfs": frames.CdfCatcher, "losses": frames.LossCatcher}[self.gives]()


class Stage(Producer, Generic[Block]):
    """A stage before it is built: `takes` says what it consumes."""

    takes: str | None = None

    def build(self, run, out=None):
        """The kernel, joined to its destinations; out is the one that follows it in a sequence."""
        raise NotImplementedError
