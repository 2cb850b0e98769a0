"""The sources of a chain, and Chain, which joins one to the stages that follow.

What every stage needs, and no more: a script loads this and the module of its stage.
"""

from __future__ import annotations

from ._core.codec import CdfDecoder, CdfEncoder, EventDecoder, LossDecoder
from ._core.io import Outputs, Source
from .building import Block, Folder, Generic, Producer, Run, Stage
from .errors import DataError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, Literal, Never, overload

    import numpy as np
    from numpy.typing import NDArray

    from ._core.eve import Eve
    from ._core.frames import Cdfs, Losses  # noqa: F401
    from ._core.io import Sink
    from ._types import AreaperilBytes, Destination, PathLike, SourceLike


__all__ = ["CdfStream", "Chain", "Events", "LossStream"]

PROGRESS_STEPS = 200


class Events(Producer):
    """Event ids as the source of a chain: the share of one process in input/events.bin, or given ids.

    Parameters
    ----------
    process : int, default 1
        The process, counted from 1.
    total : int, default 1
        How many processes share the events.
    ids : array of int32, bytes-like, str or path, int or file object, optional
        Event ids to use instead of that file.
    in_order, fisher_yates, legacy_shuffle : bool, default False
        How events are shared out, as for ktc.eve; the first one set counts.

    Examples
    --------
    >>> import ktc
    >>> ktc.Events(process=1, total=100).array().tolist()
    [1, 101, 201]
    """

    gives = "events"

    def __init__(
        self,
        process: int = 1,
        total: int = 1,
        *,
        ids: SourceLike = None,
        in_order: bool = False,
        fisher_yates: bool = False,
        legacy_shuffle: bool = False,
    ) -> None:
        self.process, self.total, self.ids = process, total, ids
        # the first that is set counts, as in ktools
        self.mode: Literal["deal", "none", "fisher-yates", "legacy"] = (
            "none" if in_order else "fisher-yates" if fisher_yates else "legacy" if legacy_shuffle else "deal"
        )

    def array(self, root: PathLike = ".") -> NDArray[np.int32]:
        """The event ids, as an array.

        Parameters
        ----------
        root : str or path, default "."
            The folder that holds input/.

        Returns
        -------
        numpy.ndarray of int32
            The ids of this process.
        """
        import numpy

        return numpy.frombuffer(self.share(Folder(root)).ids(), numpy.int32)

    def share(self, folder: Folder) -> Eve:
        """The kernel that deals out input/events.bin."""
        from ._core.eve import Eve

        return Eve(folder.table("events"), self.process, self.total, self.mode)

    def decoder(self, run: Run, steps: int | None = None) -> Any:
        """A decoder over the ids; with steps, in about that many blocks."""
        if self.ids is not None:
            return EventDecoder(Source(self.ids))
        ids = self.share(run.folder).ids()
        return EventDecoder(Source(ids), max(1, len(ids) // 4 // steps) if steps else None)


class CdfStream(Producer):
    """A cdf stream as the source of a chain.

    Parameters
    ----------
    source : source, optional
        A cdf stream.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.
    whole_events : bool, default True
        Hold an event back until its last byte has come.
    """

    gives = "cdfs"

    def __init__(
        self, source: SourceLike = None, *, areaperil_bytes: AreaperilBytes = 4, whole_events: bool = True
    ) -> None:
        self.source, self.areaperil_bytes, self.whole_events = source, areaperil_bytes, whole_events

    def encoder(self, sink: Sink) -> Any:
        return CdfEncoder(sink, self.areaperil_bytes)

    def decoder(self, run: Run, steps: int | None = None) -> Any:
        return CdfDecoder(Source(self.source), self.areaperil_bytes, self.whole_events)


class LossStream(Producer):
    """A stream of losses as the source of a chain.

    Parameters
    ----------
    source : source, optional
        A stream of losses.
    kinds : iterable of int, optional
        The first words to accept (constants of ktc.schemas.streams); all by default.
    whole_events : bool, default True
        Hold an event back until its last byte has come.
    as_written : bool, default False
        Keep several records of one sidx in a packet of summaries apart; otherwise they become one, with the
        sum of their losses.
    """

    gives = "losses"

    def __init__(
        self,
        source: SourceLike = None,
        *,
        kinds: Iterable[int] | None = None,
        whole_events: bool = True,
        as_written: bool = False,
    ) -> None:
        self.source, self.kinds, self.whole_events, self.as_written = source, kinds, whole_events, as_written

    def decoder(self, run: Run, steps: int | None = None) -> Any:
        decoder: type[LossDecoder] = LossDecoder
        if run.open_end:
            from ._core.placalc import OpenEndDecoder

            decoder = OpenEndDecoder
        return decoder(Source(self.source), self.kinds, self.whole_events, self.as_written)


class Chain(Generic[Block]):
    """A source and the stages that follow it.

    Parameters
    ----------
    source : Events, CdfStream, LossStream or LossCsv
        What feeds the first stage.
    *stages : stage or destination
        One after the other; the last may be any destination.
    root : str or path, default "."
        The folder that holds input/ and static/.

    Examples
    --------
    >>> import ktc
    >>> chain = ktc.Chain(ktc.Events(), ktc.GetModel(), ktc.GulCalc(sample_size=10, alloc_rule=1))
    >>> block = next(iter(chain))
    >>> block.event_id, block.dense(10).shape[1]
    (1, 10)
    """

    if TYPE_CHECKING:

        @overload
        def __init__(
            self,
            source: Producer,
            *stages: *tuple[*tuple[Stage[Any], ...], Stage[Block]],
            root: PathLike = ".",
        ) -> None: ...
        @overload
        def __init__(
            self: Chain[Never], source: Producer, *stages: Destination, root: PathLike = "."
        ) -> None: ...

    def __init__(  # type: ignore[misc]
        self, source: Producer, *stages: Any, root: PathLike = "."
    ) -> None:
        self.source, self.stages, self.root = source, stages, root

    def run(self, progress: Callable[[int, int], object] | None = None) -> None:
        """Run to the end.

        Parameters
        ----------
        progress : callable, optional
            Called with the number of events done and of all, some hundred times, in a chain that starts with
            Events.

        Raises
        ------
        DataError
            Wrong input; the message says where. Records that came before it have been handed on.
        UsageError
            Stages that do not fit together, or options that do not.
        InputError
            A file is missing or cannot be read.
        OutputError
            An output cannot be written.
        """
        with Outputs() as outputs:
            first, decoder = self.build(
                Run(outputs, self.root), self.stages, PROGRESS_STEPS if progress else None
            )
            try:
                if progress is None:
                    decoder.run(first)
                    return
                total = decoder.total
                while decoder.advance(first):
                    progress(decoder.done, total)
            except DataError:
                from ._core.frames import complete

                complete(first)
                raise

    def build(self, run: Run, stages: Any, steps: int | None) -> tuple[Any, Any]:
        """The first kernel, with all that follows it, and the decoder that feeds it. Outputs are opened
        first."""
        first = run.consumer(stages, self.source)
        return first, self.source.decoder(run, steps)

    def __iter__(self) -> Iterator[Block]:
        """The blocks that the last stage gives, event by event.

        Yields
        ------
        Cdfs or Losses
            An event, or a part of one. On bad input those that are due come before the error.

        Raises
        ------
        UsageError
            The last stage gives no blocks.
        """
        from ._core import frames

        last = self.stages[-1] if self.stages else self.source
        if not isinstance(last, Producer) or last.gives not in ("cdfs", "losses"):
            raise UsageError(f"{last!r} gives no blocks")
        catcher = last.catcher()
        with Outputs() as outputs:
            first, decoder = self.build(Run(outputs, self.root), (*self.stages, catcher), PROGRESS_STEPS)
            blocks: Iterator[Any] = frames.each_block(decoder, first, catcher)
            yield from blocks


def done(whole: Chain[Block], target: object) -> Chain[Block] | None:
    """A chain that has a target, run; one that has none is for its user to iterate."""
    if target is None:
        return whole
    whole.run()
    return None
