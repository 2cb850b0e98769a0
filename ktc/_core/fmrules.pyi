from collections.abc import Mapping, Sequence

from .named import RuleResult

PLAIN: dict[int, tuple[str, ...]]
STEPPED: dict[int, tuple[str, ...]]
RULES: dict[int, tuple[str, ...]]
CARRIED: frozenset[int]

def apply_rule(
    rule: int,
    terms: Mapping[str, float] | Sequence[Mapping[str, float]],
    loss: float | Sequence[float],
    *,
    tiv: float = 0.0,
    retained: float | Sequence[float] = 0.0,
    deductible: float | Sequence[float] = 0.0,
    over_limit: float | Sequence[float] = 0.0,
    under_limit: float | Sequence[float] = 0.0,
    previous_retained: float | Sequence[float] | None = None,
    stepped: bool = False,
) -> RuleResult: ...
