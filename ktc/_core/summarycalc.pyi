from collections.abc import Mapping
from typing import Self

from .._types import AreaperilBytes
from .blocks import LossConsumer
from .io import Mapped

class SummaryCalc(LossConsumer):
    def __new__(
        cls,
        xref: Mapped,
        outputs: Mapping[int, LossConsumer],
        zeros: bool = False,
        coverages: Mapped | None = None,
        items: Mapped | None = None,
        areaperil: AreaperilBytes = 4,
        exact: bool = False,
        any_set: bool = False,
    ) -> Self: ...
