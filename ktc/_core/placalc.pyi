from typing import Self, final

from .blocks import LossConsumer
from .codec import LossDecoder, LossEncoder
from .io import Mapped

@final
class PlaCalc(LossConsumer):
    out: LossConsumer | None
    @property
    def relative(self) -> float: ...
    @property
    def absolute(self) -> float: ...
    def __new__(
        cls, items: Mapped, factors: Mapped | None = None, *, relative: float = 1, absolute: float = 0
    ) -> Self: ...

@final
class OpenEndDecoder(LossDecoder): ...

@final
class OpenEndEncoder(LossEncoder): ...
