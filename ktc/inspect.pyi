from dataclasses import dataclass, field
from os import PathLike
from typing import Any

from numpy.typing import NDArray

from ._core.io import _AreaperilBytes

_File = str | PathLike[str]

@dataclass
class FileInfo:
    path: str
    kind: str | None = None
    form: str | None = None
    doc: str = ""
    size: int | None = None
    index: str | None = None
    header: dict[str, int] = field(default_factory=dict)
    records: int | None = None
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    events: int | None = None
    returning: int | None = None
    first_returning: int | None = None
    packets: int | None = None
    largest_sidx: int | None = None
    special: dict[int, int] = field(default_factory=dict)
    totals: dict[str, float] = field(default_factory=dict)
    fault: str | None = None
    status: int = 0
    @property
    def whole(self) -> bool: ...

def info(
    path: _File | None = None, *, kind: str | None = None, areaperil: _AreaperilBytes = 4
) -> FileInfo: ...
def head(
    path: _File | None = None,
    n: int = 10,
    *,
    skip: int = 0,
    kind: str | None = None,
    areaperil: _AreaperilBytes = 4,
) -> NDArray[Any]: ...
