"""Summary streams of a run in files, and the accumulators that are fed with them.

A run keeps the summary streams of its processes in a folder work/<name>/. What is worked out from all of them
together (average annual losses, exceedance curves) is summed by summary and period in memory first. Where a
limit does not allow that for all summaries at once, the files are read several times, for some summaries each
time.
"""

from __future__ import annotations

import os

from ._core.codec import LossDecoder
from ._core.io import Source
from .building import Stage, optional_table
from .errors import DataError, InputError, UsageError
from .schemas import streams as kinds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Never, Self  # noqa: F401

    from ._core.blocks import LossConsumer
    from ._types import PathLike, SourceLike


__all__ = ["Accumulator", "feed", "feed_all", "folder_of", "limit_of", "optional_table", "summary_files"]

MEMORY: int = 2048  # MiB for losses by period of the scripts and functions, unless they are told otherwise


def limit_of(memory: float | None) -> int:
    """Bytes of so many MiB, as a kernel wants its limit; None is no limit, which a kernel calls 0."""
    if memory is None:
        return 0
    if not memory > 0:
        raise UsageError(f"the memory is {memory} MiB, expected a number above 0")
    if memory >= 1 << 40:  # more than there is anywhere, perhaps infinite
        return 0
    return max(1, int(memory * (1 << 20)))


def summary_files(folder: PathLike) -> list[str]:
    """The paths of the *.bin files of a folder, in the folder's own order, which is the order in which ktools
    adds them up."""
    try:
        with os.scandir(folder) as entries:
            found = [entry.path for entry in entries if entry.name.endswith(".bin") and entry.name != ".bin"]
    except OSError as error:
        raise InputError(f"{os.fspath(folder)}: cannot read: {error.strerror}") from None
    if not found:
        raise InputError(f"{os.fspath(folder)}: no file *.bin is there, expected summary streams")
    return found


def feed_all(kernel: LossConsumer, sources: Iterable[SourceLike]) -> None:
    """Send every stream of losses by summary to a kernel, without the GIL. What is wrong is told with the
    source's name."""
    for each in sources:
        source = Source(each)
        try:
            LossDecoder(source, [kinds.SUMMARY]).run(kernel)
        except DataError as error:
            if str(error).startswith(source.name):
                raise
            raise type(error)(f"{source.name}: {error}") from None


def feed(kernel: Any, sources: Iterable[SourceLike], take: Callable[[], object]) -> None:
    """Feed a kernel (a PeriodLosses) with all sources and call take(), which uses the summaries that it
    holds; again and again while the kernel's limit of memory made it drop some. take() sees ascending
    summaries, and none before every source has been read to its end once."""
    feed_all(kernel, sources)
    take()
    while not kernel.complete:
        kernel.next_summaries()
        feed_all(kernel, sources)
        take()


def folder_of(root: PathLike, name: PathLike | None) -> str:
    """work/<name> of a run."""
    if not name:
        raise UsageError("no folder of summary streams is named: -K DIR reads work/DIR/*.bin")
    return os.path.join("" if root == "." else root, "work", name)


class Accumulator(Stage["Never"]):
    """What sums up losses by summary, to be asked for results at the end. It can stand in a chain, more than
    once, as the destination of a summary set; feed() reads streams; merge() adds what another one holds.

    One accumulator belongs to one thread at a time. Threads or partitions of the events each have one, and
    they are merged. After an error it holds a part of what it was fed with, and is of no use.
    """

    takes = "losses"

    def start(self, *tables) -> None:
        """Make a kernel over some tables, which it shares with those of another()."""
        self.tables, self.kernel = tables, self.make(*tables)

    def make(self, *tables):
        """The kernel: a LossConsumer with merge()."""
        raise NotImplementedError

    def another(self) -> Self:
        """An empty accumulator over this one's tables: for another thread, to be merged in the end."""
        fresh = type(self).__new__(type(self))
        fresh.start(*self.tables)
        return fresh

    def build(self, run, out=None):
        return self.kernel

    def feed(self, *sources) -> Self:
        """Add summary streams: paths, file objects or buffers. Gives the accumulator."""
        feed_all(self.kernel, sources)
        return self

    def merge(self, other: Self) -> Self:
        """Add what another accumulator of the same kind and tables holds. Gives the accumulator."""
        self.kernel.merge(other.kernel)
        return self
