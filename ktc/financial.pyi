from ._core.fmplan import Plan as Plan
from ._core.fmrules import apply_rule as apply_rule
from ._core.io import _AreaperilBytes, _Path
from ._core.named import Layer as Layer
from ._core.named import Node as Node
from ._core.named import RuleResult as RuleResult

__all__ = ["Layer", "Node", "Plan", "RuleResult", "apply_rule", "read_plan"]

def read_plan(
    folder: _Path = "input",
    *,
    by_aggregate: bool = False,
    stepped: bool = False,
    max_level: int | None = None,
    areaperil: _AreaperilBytes = 4,
    exact: bool = False,
) -> Plan: ...
