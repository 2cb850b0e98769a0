from typing import Literal, Self

from .blocks import EventConsumer
from .io import Mapped, Sink

class Eve:
    def __new__(
        cls,
        events: Mapped,
        process: int,
        total: int,
        mode: Literal["deal", "none", "fisher-yates", "legacy"] = "deal",
    ) -> Self: ...
    def __len__(self) -> int: ...
    def ids(self) -> bytes: ...

class EventText(EventConsumer):
    def __new__(cls, sink: Sink) -> Self: ...
