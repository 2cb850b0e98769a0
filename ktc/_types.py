"""The aliases of annotations. Nothing imports this when it runs: imports of it stand under TYPE_CHECKING."""

import os
from collections.abc import Sequence
from typing import Any, Literal, Protocol, TypeAlias

from numpy.typing import NDArray
from typing_extensions import Buffer

from ._core.io import Sink
from .building import Stage
from .results import Parquet, ResultTable


class SupportsRead(Protocol):
    """A file object that gives bytes."""

    def read(self, size: int, /) -> bytes: ...


class SupportsWrite(Protocol):
    """A file object that takes bytes."""

    def write(self, data: memoryview, /) -> int | None: ...


PathLike: TypeAlias = str | os.PathLike[str]
# NumPy's stubs give an array the buffer protocol only from Python 3.12 on.
BufferLike: TypeAlias = Buffer | NDArray[Any]
SourceLike: TypeAlias = PathLike | int | BufferLike | SupportsRead | None
TargetLike: TypeAlias = PathLike | int | SupportsWrite | Sink | None
# Where the rows of a report can go.
RowTarget: TypeAlias = TargetLike | Parquet | ResultTable | Sequence[TargetLike | Parquet | ResultTable]
# Where blocks can go: a stage that follows, bytes, several of them, or a row of stages.
Destination: TypeAlias = Stage[Any] | TargetLike | Sequence["Destination"]
AreaperilBytes: TypeAlias = Literal[4, 8]
Calculation: TypeAlias = Literal["full_uncertainty", "wheatsheaf_mean", "sample_mean"]
CurveName: TypeAlias = Literal[
    "aep_full_uncertainty",
    "oep_full_uncertainty",
    "aep_wheatsheaf",
    "oep_wheatsheaf",
    "aep_sample_mean",
    "oep_sample_mean",
    "aep_wheatsheaf_mean",
    "oep_wheatsheaf_mean",
]
