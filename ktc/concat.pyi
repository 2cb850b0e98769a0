from collections.abc import Iterable

from ._core.io import _BufferLike, _Path, _SourceLike, _SupportsRead, _TargetLike

def kat(
    files: _Path | Iterable[_SourceLike] = (),
    target: _TargetLike = None,
    *,
    folder: _Path | None = None,
    unsorted: bool = False,
    process_id: int = 0,
) -> None: ...
def katparquet(
    files: _Path | Iterable[_Path | _BufferLike | _SupportsRead] = (),
    target: _TargetLike = None,
    *,
    folder: _Path | None = None,
    mplt: bool = False,
    qplt: bool = False,
    splt: bool = False,
    melt: bool = False,
    qelt: bool = False,
    selt: bool = False,
) -> None: ...
