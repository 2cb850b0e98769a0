from typing import Self

from .._types import AreaperilBytes
from .io import Mapped
from .named import Node

class Plan:
    @property
    def n_levels(self) -> int: ...
    @property
    def layers(self) -> int: ...
    @property
    def stepped(self) -> bool: ...
    @property
    def exposed(self) -> bool: ...
    @property
    def programme(self) -> str: ...
    @property
    def doubts(self) -> list[str]: ...
    def __new__(
        cls,
        programme: Mapped,
        policytc: Mapped,
        profile: Mapped,
        xref: Mapped | None = None,
        *,
        coverages: Mapped | None = None,
        items: Mapped | None = None,
        max_level: int | None = None,
        stepped: bool = False,
        areaperil: AreaperilBytes = 4,
        exact: bool = False,
    ) -> Self: ...
    def nodes(self, level: int) -> list[Node]: ...
    def output(self, id: int, layer: int = 1) -> int | None: ...
