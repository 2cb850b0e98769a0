from dataclasses import dataclass, field
from os import PathLike
from typing import Any

from ._core.io import _AreaperilBytes

_File = str | PathLike[str]

@dataclass
class FieldDifference:
    records: int = 0
    largest_absolute: float = 0.0
    largest_relative: float = 0.0

@dataclass
class RecordDifference:
    key: dict[str, int]
    record_a: int | None = None
    record_b: int | None = None
    byte_a: int | None = None
    byte_b: int | None = None
    values: dict[str, tuple[Any, Any]] = field(default_factory=dict)

@dataclass
class Difference:
    a: str
    b: str
    kind: str
    identical: bool = False
    records: int = 0
    differing: int = 0
    only_a: int = 0
    only_b: int = 0
    zeros_a: int = 0
    zeros_b: int = 0
    fields: dict[str, FieldDifference] = field(default_factory=dict)
    first: list[RecordDifference] = field(default_factory=list)
    header: dict[str, tuple[int, int]] = field(default_factory=dict)
    packets: tuple[int, ...] = ()
    reordered: int = 0
    moved: int = 0
    @property
    def equal(self) -> bool: ...

def diff(
    a: _File,
    b: _File,
    *,
    absolute: float = 0.0,
    relative: float = 0.0,
    limit: int = 10,
    kind: str | None = None,
    areaperil: _AreaperilBytes = 4,
) -> Difference: ...
