from typing import NamedTuple

class Layer(NamedTuple):
    layer_id: int
    profile_id: int | None
    terms: tuple[dict[str, float], ...]

class Node(NamedTuple):
    level: int
    agg_id: int
    parent: int | None
    children: tuple[int, ...]
    tiv: float | None
    layers: tuple[Layer, ...]

class RuleResult(NamedTuple):
    loss: float | list[float]
    retained: float | list[float]
    deductible: float | list[float]
    over_limit: float | list[float]
    under_limit: float | list[float]
