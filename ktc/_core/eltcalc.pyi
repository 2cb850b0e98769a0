from typing import Any, Self

from .blocks import LossConsumer

class EventRates:
    def __new__(cls, table: Any = None, occurrences: Any = None) -> Self: ...

class EltCalc(LossConsumer):
    def __new__(
        cls,
        legacy: Any = None,
        moment: Any = None,
        quantile: Any = None,
        rates: EventRates | None = None,
        quantiles: Any = None,
        exact: bool = False,
    ) -> Self: ...

class SampleLosses(LossConsumer):
    def __new__(cls, rows: Any, max_loss: bool = False, drop_unexposed: bool = False) -> Self: ...
