from typing import Any

from numpy.typing import ArrayLike, NDArray

from ._core.io import _AreaperilBytes, _BufferLike, _Path, _SourceLike, _SupportsRead, _TargetLike

def tobin(
    table: str,
    source: _SourceLike = None,
    target: _TargetLike = None,
    *,
    areaperil: _AreaperilBytes = 4,
    no_header: bool = False,
    **options: Any,
) -> None: ...
def damage_bin_dict_tobin(
    source: _SourceLike = None,
    target: _TargetLike = None,
    *,
    areaperil: _AreaperilBytes = 4,
    no_header: bool = False,
    validate: bool = True,
) -> None: ...
def returnperiods_tobin(
    source: _SourceLike = None,
    target: _TargetLike = None,
    *,
    areaperil: _AreaperilBytes = 4,
    no_header: bool = False,
) -> None: ...
def occurrence_tobin(
    source: _SourceLike = None,
    target: _TargetLike = None,
    *,
    areaperil: _AreaperilBytes = 4,
    no_header: bool = False,
    periods: int | None = None,
    date_id: bool = False,
    granular: bool = False,
) -> None: ...
def footprint_tobin(
    source: _SourceLike = None,
    target: _TargetLike = None,
    index: _TargetLike = None,
    *,
    areaperil: _AreaperilBytes = 4,
    no_header: bool = False,
    max_intensity_bin: int | None = None,
    no_uncertainty: bool = False,
    compress: bool = False,
    sized: bool = False,
    validate: bool = True,
) -> None: ...
def vulnerability_tobin(
    source: _SourceLike = None,
    target: _TargetLike = None,
    index: _TargetLike = None,
    *,
    areaperil: _AreaperilBytes = 4,
    no_header: bool = False,
    max_damage_bin: int | None = None,
    indexed: bool = False,
    compress: bool = False,
    validate: bool = True,
    any_intensity_bins: bool = False,
) -> None: ...
def validate(
    table: str,
    source: _SourceLike = None,
    *,
    areaperil: _AreaperilBytes = 4,
    any_intensity_bins: bool = False,
) -> int | None: ...
def tocsv(
    table: str,
    source: _SourceLike = None,
    target: _TargetLike = None,
    *,
    areaperil: _AreaperilBytes = 4,
    skip_header: bool = False,
    **options: Any,
) -> None: ...
def damage_bin_dict_tocsv(
    source: _SourceLike = None,
    target: _TargetLike = None,
    *,
    areaperil: _AreaperilBytes = 4,
    skip_header: bool = False,
    interval_type: bool = False,
) -> None: ...
def occurrence_tocsv(
    source: _SourceLike = None,
    target: _TargetLike = None,
    *,
    areaperil: _AreaperilBytes = 4,
    skip_header: bool = False,
) -> None: ...
def random_tocsv(
    source: _SourceLike = None,
    target: _TargetLike = None,
    *,
    areaperil: _AreaperilBytes = 4,
    skip_header: bool = False,
    convert: bool = False,
    generate: int | None = None,
    seed: int = 0,
) -> None: ...
def footprint_tocsv(
    source: _Path | _BufferLike | None = None,
    target: _TargetLike = None,
    index: _Path | _BufferLike | None = None,
    *,
    areaperil: _AreaperilBytes = 4,
    skip_header: bool = False,
    compressed: bool = False,
    events: str | int | None = None,
) -> None: ...
def vulnerability_tocsv(
    source: _SourceLike = None,
    target: _TargetLike = None,
    index: _Path | _BufferLike | None = None,
    *,
    areaperil: _AreaperilBytes = 4,
    skip_header: bool = False,
    indexed: bool = False,
    compressed: bool = False,
) -> None: ...
def fmprofilebinconv(source: _SourceLike = None, target: _TargetLike = None) -> None: ...
def footprintconv(
    source: _Path | _BufferLike | None = None,
    target: _TargetLike = None,
    *,
    source_index: _Path | _BufferLike | None = None,
    target_index: _TargetLike = None,
    areaperil: _AreaperilBytes = 4,
) -> None: ...
def read_table(
    name: str, source: _Path | _BufferLike | _SupportsRead, areaperil: _AreaperilBytes = 4
) -> NDArray[Any]: ...
def write_table(
    name: str, array: ArrayLike, target: _TargetLike, areaperil: _AreaperilBytes = 4, **header: int
) -> None: ...
def read_csv(
    name: str, source: _SourceLike, areaperil: _AreaperilBytes = 4, no_header: bool = False
) -> NDArray[Any]: ...
