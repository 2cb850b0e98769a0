from collections.abc import Callable
from typing import Self

from .._types import AreaperilBytes, PathLike
from .blocks import CdfConsumer, EventConsumer

class Model:
    @property
    def areaperil(self) -> int: ...
    def __new__(
        cls,
        root: PathLike = ".",
        areaperil: AreaperilBytes = 4,
        find: Callable[[str, str], str | bytes] | None = None,
    ) -> Self: ...

class GetModel(EventConsumer):
    out: CdfConsumer
    @property
    def model(self) -> Model: ...
    def __new__(cls, model: Model) -> Self: ...
    def complete(self) -> None: ...
