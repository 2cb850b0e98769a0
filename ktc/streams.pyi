from collections.abc import Iterator
from typing import Literal

from ._core.frames import Cdfs as Cdfs
from ._core.frames import Losses as Losses
from ._core.io import _AreaperilBytes, _SourceLike

class StreamReader(Iterator[Cdfs | Losses]):
    kind: Literal["cdf", "item", "coverage", "coverage loss", "loss", "summary"]
    sample_size: int | None
    summary_set: int | None
    def __init__(
        self, source: _SourceLike = None, *, areaperil: _AreaperilBytes = 4, whole_events: bool = False
    ) -> None: ...
    def __iter__(self) -> Iterator[Cdfs | Losses]: ...
    def __next__(self) -> Cdfs | Losses: ...

def read_stream(
    source: _SourceLike = None, *, areaperil: _AreaperilBytes = 4, whole_events: bool = False
) -> StreamReader: ...
