from typing import Self

from .blocks import CdfConsumer, LossConsumer
from .io import Sink

class CdfToCsv(CdfConsumer):
    def __new__(cls, sink: Sink, header: str | None = ...) -> Self: ...

class LossToCsv(LossConsumer):
    def __new__(cls, sink: Sink, headers: dict[int, str] | None = None, decimals: int = 2) -> Self: ...

class SummaryToCsv(LossConsumer):
    def __new__(
        cls,
        sink: Sink,
        header: str | None = None,
        decimals: int = 2,
        exposure: bool = False,
        max_loss: bool = False,
        drop_unexposed: bool = False,
        ord: bool = False,
    ) -> Self: ...
