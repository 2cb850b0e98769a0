from typing import Any, Self

from .blocks import LossConsumer

class PltCalc(LossConsumer):
    def __new__(
        cls,
        occurrences: Any,
        legacy: Any = None,
        moment: Any = None,
        quantile: Any = None,
        sample: Any = None,
        weights: Any = None,
        quantiles: Any = None,
        exact: bool = False,
    ) -> Self: ...
