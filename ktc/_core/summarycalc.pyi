from collections.abc import Mapping
from typing import Self

from .blocks import LossConsumer
from .io import Mapped, _AreaperilBytes

class SummaryCalc(LossConsumer):
    def __new__(
        cls,
        xref: Mapped,
        outputs: Mapping[int, LossConsumer],
        zeros: bool = False,
        coverages: Mapped | None = None,
        items: Mapped | None = None,
        areaperil: _AreaperilBytes = 4,
        exact: bool = False,
    ) -> Self: ...
