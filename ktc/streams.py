"""Streams as Python reads them: blocks of one event, whose arrays are NumPy views of the memory that was
decoded into."""

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

    kind: a name in ktc.schemas.STREAMS: "cdf", "item", "coverage", "loss", "coverage loss" or "summary".
    sample_size: number of samples (None for cdfs; -1 where gulcalc was run without -S). summary_set: of a
    summary stream, else None. Blocks are Cdfs or Losses.
    """

    def __init__(
        self, source: SourceLike = None, *, areaperil_bytes: AreaperilBytes = 4, whole_events: bool = False
    ) -> None:
        opened = Source(source)
        head = opened.peek(4)
        if len(head) < 4:
            raise TruncatedError(f"{opened.name}: byte {len(head)}: the input ends inside the stream header")
        (word,) = struct.unpack("<I", head)
        if word == STREAMS["cdf"].kind:
            self._blocks: Iterator[Cdfs | Losses] = read_cdfs(
                CdfDecoder(opened, areaperil_bytes, whole_events)
            )
            self.kind: str = "cdf"
            self.sample_size: int | None = None
            self.summary_set: int | None = None
            return
        decoder = LossDecoder(opened, whole_events=whole_events, as_written=True)
        self.kind = next(name for name, stream in STREAMS.items() if stream.kind == decoder.kind)
        self.sample_size, self.summary_set = decoder.sample_size, decoder.summary_set
        self._blocks = read_losses(decoder)

    def __iter__(self) -> Iterator[Cdfs | Losses]:
        return self._blocks

    def __next__(self) -> Cdfs | Losses:
        return next(self._blocks)

    def __repr__(self):
        return f"<StreamReader: {self.kind}>"


def read_stream(
    source: SourceLike = None, *, areaperil_bytes: AreaperilBytes = 4, whole_events: bool = False
) -> StreamReader:
    """Read a binary stream: a StreamReader over blocks of part of one event each, or of all of it with
    whole_events.

    source: a path, file object, buffer or array; None or "-" standard input. areaperil: bytes of an areaperil
    id in a cdf stream. Raises DataError, with the byte offset, for anything that is not as it should be.
    """
    return StreamReader(source, areaperil_bytes=areaperil_bytes, whole_events=whole_events)
