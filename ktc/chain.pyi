from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, Literal, Never, TypeAlias, TypeVar, overload

from ._core.fmplan import Plan
from ._core.frames import Cdfs, Losses
from ._core.io import _AreaperilBytes, _Path, _SourceLike, _TargetLike
from .results import Parquet, ResultTable

_Block = TypeVar("_Block", covariant=True)
_Source: TypeAlias = Events | CdfStream | LossStream | LossCsv
_Destination: TypeAlias = Stage[Any] | _TargetLike | list[_Destination] | tuple[_Destination, ...]

# Where the rows of a report can go.
_RowTarget: TypeAlias = _TargetLike | Parquet | ResultTable | list[_TargetLike | Parquet | ResultTable]

class Producer:
    gives: str | None

class Stage(Producer, Generic[_Block]):
    takes: str | None

class Events(Producer):
    def __init__(
        self,
        process: int = 1,
        total: int = 1,
        *,
        ids: _SourceLike = None,
        in_order: bool = False,
        fisher_yates: bool = False,
        legacy_shuffle: bool = False,
    ) -> None: ...

class CdfStream(Producer):
    def __init__(
        self, source: _SourceLike = None, *, areaperil: _AreaperilBytes = 4, whole_events: bool = True
    ) -> None: ...

class LossStream(Producer):
    def __init__(
        self,
        source: _SourceLike = None,
        *,
        kinds: Iterable[int] | None = None,
        whole_events: bool = True,
        as_written: bool = False,
    ) -> None: ...

class LossCsv(Producer):
    def __init__(
        self, source: _SourceLike = None, *, sample_size: int, kind: int = ..., whole_events: bool = True
    ) -> None: ...

class GetModel(Stage[Cdfs]):
    def __init__(self, out: _Destination = None, *, areaperil: _AreaperilBytes = 4) -> None: ...

class GulCalc(Stage[Losses]):
    def __init__(
        self,
        item: _Destination = None,
        *,
        coverage: _Destination = None,
        correlated: _Destination = None,
        sample_size: int = -1,
        alloc_rule: int = -1,
        loss_threshold: float = 0.000001,
        random: Literal["hashed", "cached", "file"] = "hashed",
        vector_size: int = 1000000,
        seed: int = 0,
        debug: bool = False,
        areaperil: _AreaperilBytes = 4,
    ) -> None: ...

class PlaCalc(Stage[Losses]):
    def __init__(
        self, out: _Destination = None, *, relative_factor: float = 1.0, absolute_factor: float = 0.0
    ) -> None: ...

class FmCalc(Stage[Losses]):
    def __init__(
        self,
        out: _Destination = None,
        *,
        gross: _Destination = None,
        net: bool | _Destination = False,
        alloc_rule: int = 0,
        debug: bool = False,
        full_shares: bool = False,
        plan: Plan | None = None,
        max_level: int | None = None,
        stepped: bool = False,
        input_path: _Path | None = None,
        areaperil: _AreaperilBytes = 4,
        exact: bool = False,
    ) -> None: ...

class SummaryCalc(Stage[Never]):
    def __init__(
        self,
        outputs: Mapping[int, _Destination] | Sequence[tuple[int, _Destination]],
        *,
        stream: Literal["item", "coverage", "fm", "legacy item"] = "item",
        zeros: bool = False,
        index: bool = False,
        input_path: _Path | None = None,
        areaperil: _AreaperilBytes = 4,
        exact: bool = False,
    ) -> None: ...

class Last(Stage[Never]): ...

class Writer(Last):
    def __init__(self, target: _TargetLike = None, *, skip_header: bool = False) -> None: ...

class EventsToText(Writer): ...
class LossTables(Last): ...

class EltCalc(LossTables):
    def __init__(
        self,
        target: _RowTarget = None,
        *,
        moment: _RowTarget = None,
        quantile: _RowTarget = None,
        skip_header: bool = False,
        exact: bool = False,
    ) -> None: ...

class PltCalc(LossTables):
    def __init__(
        self,
        target: _RowTarget = None,
        *,
        moment: _RowTarget = None,
        quantile: _RowTarget = None,
        sample: _RowTarget = None,
        skip_header: bool = False,
        exact: bool = False,
    ) -> None: ...

class CdfToCsv(Writer): ...

class LossToCsv(Writer):
    def __init__(
        self, target: _TargetLike = None, *, skip_header: bool = False, full_precision: bool = False
    ) -> None: ...

class GulToCsv(LossToCsv): ...
class FmToCsv(LossToCsv): ...

class SummaryToCsv(Writer):
    def __init__(
        self,
        target: _RowTarget = None,
        *,
        skip_header: bool = False,
        full_precision: bool = False,
        exposure: bool = False,
        max_loss: bool = False,
        drop_unexposed: bool = False,
        ord: bool = False,
    ) -> None: ...

class Chain(Generic[_Block]):
    @overload
    def __init__(
        self, source: _Source, *stages: *tuple[*tuple[Stage[Any], ...], Stage[_Block]], root: _Path = "."
    ) -> None: ...
    @overload
    def __init__(self: Chain[Never], source: _Source, *stages: _Destination, root: _Path = ".") -> None: ...
    def run(self, progress: Callable[[int, int], object] | None = None) -> None: ...
    def __iter__(self) -> Iterator[_Block]: ...
