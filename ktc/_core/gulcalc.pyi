from typing import Literal, Self, final

from .._types import AreaperilBytes
from .blocks import CdfConsumer, LossConsumer
from .io import Mapped

@final
class GulCalc(CdfConsumer):
    item: LossConsumer | None
    coverage: LossConsumer | None
    correlated: LossConsumer | None
    @property
    def sample_size(self) -> int: ...
    @property
    def alloc_rule(self) -> int: ...
    def __new__(
        cls,
        items: Mapped,
        coverages: Mapped,
        damage_bin_dict: Mapped,
        *,
        sample_size: int = -1,
        alloc_rule: int = -1,
        loss_threshold: float = 0.000001,
        debug: bool = False,
        random: Literal["hashed", "cached", "file"] = "hashed",
        random_file: Mapped | None = None,
        vector_size: int = 1000000,
        seed: int = 0,
        clock: int = 0,
        areaperil: AreaperilBytes = 4,
    ) -> Self: ...
