from typing import TypeAlias

from ._core.io import _Path, _TargetLike
from .results import Parquet, ResultTable
from .work import Accumulator

_Destination: TypeAlias = _TargetLike | Parquet | ResultTable | list[_TargetLike | Parquet | ResultTable]

class Averages(Accumulator): ...

class AverageLoss(Averages):
    def __init__(self, root: _Path = ".", *, exact: bool = False, memory: float | None = None) -> None: ...
    def table(self) -> ResultTable: ...
    def convergence(self, confidence: float = 0.95) -> ResultTable: ...
    def legacy(self) -> ResultTable: ...

class AverageLossMeanOnly(Averages):
    def __init__(self, root: _Path = ".") -> None: ...
    def table(self) -> ResultTable: ...
    def legacy(self) -> ResultTable: ...

def aalcalc(
    folder: _Path | None = None,
    target: _Destination = None,
    *,
    ord: bool = False,
    parquet: _Path | None = None,
    convergence: _Path | None = None,
    confidence: float = 0.95,
    skip_header: bool = False,
    exact: bool = False,
    memory: float | None = 2048,
    root: _Path = ".",
) -> None: ...
def aalcalcmeanonly(
    folder: _Path | None = None,
    target: _Destination = None,
    *,
    ord: bool = False,
    parquet: _Path | None = None,
    skip_header: bool = False,
    root: _Path = ".",
) -> None: ...
def summaryindex(folder: _Path | None = None, *, root: _Path = ".") -> None: ...
