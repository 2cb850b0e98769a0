from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Literal, TypeAlias

from ._core.io import _Path, _SourceLike, _TargetLike
from .results import Parquet, ResultTable
from .work import Accumulator

_Curve: TypeAlias = Literal[
    "aep_full_uncertainty",
    "aep_wheatsheaf",
    "aep_sample_mean",
    "aep_wheatsheaf_mean",
    "oep_full_uncertainty",
    "oep_wheatsheaf",
    "oep_sample_mean",
    "oep_wheatsheaf_mean",
]
_Destination: TypeAlias = _TargetLike | Parquet | ResultTable | list[_TargetLike | Parquet | ResultTable]

def leccalc(
    source: _SourceLike = None,
    outputs: Mapping[_Curve, _Destination] | Sequence[tuple[_Curve, _Destination]] | None = None,
    *,
    folder: str | None = None,
    return_periods: bool | Sequence[int] = False,
    skip_header: bool = False,
    exact: bool = False,
    memory: float | None = 2048,
    root: _Path = ".",
) -> None: ...
def ordleccalc(
    source: _SourceLike = None,
    curves: Iterable[_Curve] = (),
    *,
    ept: _Destination = None,
    psept: _Destination = None,
    ept_parquet: _TargetLike = None,
    psept_parquet: _TargetLike = None,
    folder: str | None = None,
    return_periods: bool | Sequence[int] = False,
    skip_header: bool = False,
    exact: bool = False,
    memory: float | None = 2048,
    root: _Path = ".",
) -> None: ...

class ExceedanceCurves(Accumulator):
    def __init__(
        self,
        curves: Collection[Literal["oep", "aep"]] = ("oep", "aep"),
        *,
        return_periods: bool | Sequence[int] | None = None,
        exact: bool = False,
        memory: float | None = None,
        root: _Path = ".",
    ) -> None: ...
    def table(
        self,
        calculations: Sequence[Literal["mean", "full_uncertainty", "wheatsheaf_mean", "sample_mean"]] = (
            "mean",
            "full_uncertainty",
            "wheatsheaf_mean",
            "sample_mean",
        ),
    ) -> ResultTable: ...
    def samples(self) -> ResultTable: ...
    def legacy(self, name: _Curve) -> ResultTable: ...
