"""Accumulators over summary streams, and how files are fed to them.

A run keeps the summary streams of its processes in a folder work/<name>/. What is worked out from all of them
together (average annual losses, exceedance curves) is summed by summary and period in memory first. Where a
limit does not allow that for all summaries at once, the files are read several times, for some summaries each
time.
"""

from __future__ import annotations

from ._core.codec import LossDecoder
from ._core.io import Source
from .building import Stage
from .errors import DataError, UsageError
from .schemas import streams as kinds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Never, Self  # noqa: F401

    from ._core.blocks import LossConsumer
    from ._types import SourceLike
    from .building import Run


__all__ = ["MEMORY", "Accumulator", "feed", "feed_all", "limit_of"]

MEMORY: int = 2048  # MiB for losses by period: the default of scripts and functions


def limit_of(memory: float | None) -> int:
    """Bytes of a limit in MiB, as a kernel wants it; None is no limit, which a kernel calls 0."""
    if memory is None:
        return 0
    if not memory > 0:
        raise UsageError(f"the memory is {memory} MiB, expected a number above 0")
    if memory >= 1 << 40:  # more than there is anywhere, perhaps infinite
        return 0
    return max(1, int(memory * (1 << 20)))


def feed_all(kernel: LossConsumer, sources: Iterable[SourceLike]) -> None:
    """Send every stream of losses by summary to a kernel, without the GIL. Errors name the source."""
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


class Accumulator(Stage["Never"]):
    """Base of what sums up losses by summary and is asked for results at the end.

    It can stand in a chain, more than once, as the destination of a summary set; feed() reads streams;
    merge() adds what another one holds.

    Notes
    -----
    One accumulator belongs to one thread at a time. Threads or partitions of the events each have one, and
    they are merged. After an error it holds a part of what it was fed with, and is of no use.
    """

    takes = "losses"

    def start(self, *tables: Any) -> None:
        """Make a kernel over some tables, which it shares with those of another()."""
        self.tables: tuple[Any, ...] = tables
        self.kernel = self.make(*tables)

    def make(self, *tables: Any) -> Any:
        """The kernel: a LossConsumer with merge()."""
        raise NotImplementedError

    def another(self) -> Self:
        """An empty accumulator over this one's tables: for another thread, to be merged in the end.

        Returns
        -------
        Accumulator
            Of the same class and options.
        """
        fresh = type(self).__new__(type(self))
        fresh.start(*self.tables)
        return fresh

    def build(self, run: Run, out: Any = None) -> Any:
        """The kernel, which any number of chains may feed."""
        return self.kernel

    def feed(self, *sources: SourceLike) -> Self:
        """Add summary streams.

        Parameters
        ----------
        *sources : str or path, int, file object or bytes-like
            Summary streams, read to their ends in this order.

        Returns
        -------
        Accumulator
            This one.

        Raises
        ------
        DataError
            Not a summary stream, or a damaged one; the message names the source and the place.
        InputError
            A file cannot be read.
        MemoryError
            Losses by period take more than the accumulator's `memory`.
        """
        feed_all(self.kernel, sources)
        return self

    def merge(self, other: Self) -> Self:
        """Add what another accumulator of the same kind and tables holds.

        Parameters
        ----------
        other : Accumulator
            Not this one itself.

        Returns
        -------
        Accumulator
            This one.

        Raises
        ------
        UsageError
            The other one is this one, or its tables or options differ.
        """
        self.kernel.merge(other.kernel)
        return self
