from collections.abc import Mapping, Sequence
from typing import Literal

from ._core.io import _AreaperilBytes, _Path, _SourceLike, _TargetLike
from .chain import _RowTarget

def eve(
    process: int,
    total: int,
    target: _TargetLike = None,
    *,
    in_order: bool = False,
    fisher_yates: bool = False,
    legacy_shuffle: bool = False,
    text: bool = False,
    root: _Path = ".",
) -> None: ...
def getmodel(
    source: _SourceLike = None,
    target: _TargetLike = None,
    *,
    root: _Path = ".",
    areaperil: _AreaperilBytes = 4,
) -> None: ...
def gulcalc(
    source: _SourceLike = None,
    *,
    item: _TargetLike = None,
    coverage: _TargetLike = None,
    correlated: _TargetLike = None,
    sample_size: int = -1,
    alloc_rule: int = -1,
    loss_threshold: float = 0.000001,
    random: Literal["hashed", "cached", "file"] = "hashed",
    vector_size: int = 1000000,
    seed: int = 0,
    debug: bool = False,
    benchmark: bool = False,
    root: _Path = ".",
    areaperil: _AreaperilBytes = 4,
) -> None: ...
def placalc(
    source: _SourceLike = None,
    target: _TargetLike = None,
    *,
    relative_factor: float = 1.0,
    absolute_factor: float = 0.0,
    root: _Path = ".",
) -> None: ...
def fmcalc(
    source: _SourceLike = None,
    target: _TargetLike = None,
    *,
    alloc_rule: int = 0,
    net: bool = False,
    net_to: _TargetLike = None,
    debug: bool = False,
    full_shares: bool = False,
    stepped: bool = False,
    max_level: int | None = None,
    input_path: _Path | None = None,
    benchmark: bool = False,
    root: _Path = ".",
    areaperil: _AreaperilBytes = 4,
    exact: bool = False,
) -> None: ...
def fmtocsv(
    source: _SourceLike = None,
    target: _TargetLike = None,
    *,
    skip_header: bool = False,
    full_precision: bool = False,
) -> None: ...
def summarycalc(
    source: _SourceLike = None,
    outputs: Mapping[int, _TargetLike] | Sequence[tuple[int, _TargetLike]] | None = None,
    *,
    item: bool = False,
    fm: bool = False,
    coverage: bool = False,
    legacy_item: bool = False,
    zeros: bool = False,
    index: bool = False,
    input_path: _Path | None = None,
    root: _Path = ".",
    areaperil: _AreaperilBytes = 4,
    exact: bool = False,
) -> None: ...
def eltcalc(
    source: _SourceLike = None,
    target: _RowTarget = None,
    *,
    moment: _RowTarget = None,
    moment_parquet: _TargetLike = None,
    quantile: _RowTarget = None,
    quantile_parquet: _TargetLike = None,
    process: int = 0,
    skip_header: bool = False,
    exact: bool = False,
    root: _Path = ".",
) -> None: ...
def pltcalc(
    source: _SourceLike = None,
    target: _RowTarget = None,
    *,
    moment: _RowTarget = None,
    moment_parquet: _TargetLike = None,
    quantile: _RowTarget = None,
    quantile_parquet: _TargetLike = None,
    sample: _RowTarget = None,
    sample_parquet: _TargetLike = None,
    skip_header: bool = False,
    exact: bool = False,
    root: _Path = ".",
) -> None: ...
def cdftocsv(
    source: _SourceLike = None,
    target: _TargetLike = None,
    *,
    skip_header: bool = False,
    areaperil: _AreaperilBytes = 4,
) -> None: ...
def gultocsv(
    source: _SourceLike = None,
    target: _TargetLike = None,
    *,
    skip_header: bool = False,
    full_precision: bool = False,
) -> None: ...
def gultobin(
    source: _SourceLike = None,
    target: _TargetLike = None,
    *,
    sample_size: int | None = None,
    stream_type: Literal[1, 2] = 2,
) -> None: ...
def summarycalctobin(
    source: _SourceLike = None, target: _TargetLike = None, *, sample_size: int | None = None
) -> None: ...
def summarycalctocsv(
    source: _SourceLike = None,
    target: _RowTarget = None,
    *,
    skip_header: bool = False,
    full_precision: bool = False,
    exposure: bool = False,
    max_loss: bool = False,
    drop_unexposed: bool = False,
    ord: bool = False,
    parquet: _TargetLike = None,
) -> None: ...
