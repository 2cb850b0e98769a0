"""Streams as Python reads them: blocks of one event each.

Their arrays are NumPy views of the memory that was decoded into.
"""

from __future__ import annotations

import struct

from ._core.codec import CdfDecoder, LossDecoder
from ._core.frames import Cdfs, Losses, read_cdfs, read_losses
from ._core.io import Source
from .errors import TruncatedError
from .schemas import STREAMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._types import AreaperilBytes, SourceLike


__all__ = ["Cdfs", "Losses", "StreamReader", "read_stream"]


class StreamReader:
    """A stream of any kind, iterated once, block by block.

    Parameters
    ----------
    source : str or path, int, file object or bytes-like, optional
        Where the stream comes from; None or "-" is standard input.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id in a cdf stream.
    whole_events : bool, default False
        Give each event as one block; otherwise a block is a part of an event, or all of it.

    Attributes
    ----------
    kind : str
        A name in ktc.schemas.STREAMS: "cdf", "item", "coverage", "loss", "coverage loss" or "summary".
    sample_size : int or None
        The number of samples; None for cdfs, -1 where gulcalc was run without -S.
    summary_set : int or None
        The number of a summary stream's set, else None.

    Yields
    ------
    Cdfs or Losses
        An event, or a part of one.

    Raises
    ------
    DataError
        Anything that is not as it should be, with the byte offset; while iterating too.
    InputError
        The source cannot be read.
    """

    def __init__(
        self, source: SourceLike = None, *, areaperil_bytes: AreaperilBytes = 4, whole_events: bool = False
    ) -> None:
        self._blocks: Iterator[Cdfs | Losses]
        self.kind: str
        self.sample_size: int | None
        self.summary_set: int | None
        stream = Source(source)
        head = stream.peek(4)
        if len(head) < 4:
            raise TruncatedError(f"{stream.name}: byte {len(head)}: the input ends inside the stream header")
        (word,) = struct.unpack("<I", head)
        if word == STREAMS["cdf"].kind:
            self._blocks = read_cdfs(CdfDecoder(stream, areaperil_bytes, whole_events))
            self.kind, self.sample_size, self.summary_set = "cdf", None, None
            return
        decoder = LossDecoder(stream, whole_events=whole_events, as_written=True)
        self.kind = next(name for name, entry in STREAMS.items() if entry.kind == decoder.kind)
        self.sample_size, self.summary_set = decoder.sample_size, decoder.summary_set
        self._blocks = read_losses(decoder)

    def __iter__(self) -> Iterator[Cdfs | Losses]:
        return self._blocks

    def __next__(self) -> Cdfs | Losses:
        return next(self._blocks)

    def __repr__(self) -> str:
        return f"<StreamReader: {self.kind}>"


def read_stream(
    source: SourceLike = None, *, areaperil_bytes: AreaperilBytes = 4, whole_events: bool = False
) -> StreamReader:
    """Read a binary stream.

    Parameters
    ----------
    source : str or path, int, file object or bytes-like, optional
        Where the stream comes from; None or "-" is standard input.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id in a cdf stream.
    whole_events : bool, default False
        Give each event as one block; otherwise a block is a part of an event, or all of it.

    Returns
    -------
    StreamReader
        An iterable of Cdfs or Losses.

    Raises
    ------
    DataError
        Anything that is not as it should be, with the byte offset; while iterating too.
    InputError
        The source cannot be read.

    Examples
    --------
    >>> import ktc
    >>> ktc.getmodel(ktc.eve(1, 100), "cdfs.bin")
    >>> stream = ktc.read_stream("cdfs.bin", whole_events=True)
    >>> stream.kind, [cdfs.event_id for cdfs in stream]
    ('cdf', [1, 101, 201])
    """
    return StreamReader(source, areaperil_bytes=areaperil_bytes, whole_events=whole_events)
