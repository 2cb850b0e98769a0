from typing import Self

from .blocks import LossConsumer
from .io import Sink

class EltCalc(LossConsumer):
    def __new__(cls, sink: Sink, header: str | None = ...) -> Self: ...
