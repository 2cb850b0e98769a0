from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike

from ._core.io import _AreaperilBytes

_Folder = str | PathLike[str]

@dataclass
class FileVerdict:
    path: str
    table: str
    rows: int = 0
    header: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

@dataclass
class Verdict:
    files: list[FileVerdict] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)
    @property
    def faults(self) -> list[str]: ...
    @property
    def warnings(self) -> list[str]: ...
    @property
    def sound(self) -> bool: ...

def validate_run(folder: _Folder = ".", *, areaperil: _AreaperilBytes = 4) -> Verdict: ...
def validate_csv(paths: Mapping[str, _Folder], *, areaperil: _AreaperilBytes = 4) -> Verdict: ...
def validateoasisfiles(
    folder: _Folder | None = None, *, ground_up: bool = False, areaperil: _AreaperilBytes = 4
) -> None: ...
def crossvalidation(
    *,
    damage_bins: _Folder | None = None,
    footprint: _Folder | None = None,
    vulnerability: _Folder | None = None,
    areaperil: _AreaperilBytes = 4,
) -> None: ...
