"""The financial module from Python: a programme as a value (Plan), and its calculation rules one by one.

plan = ktc.read_plan("input")
plan.nodes(1)[0].layers[0].terms
ktc.chain.FmCalc(plan=plan, alloc_rule=2)           # as often as you like, on any number of threads
ktc.apply_rule(1, {"deductible1": 100, "limit": 500}, 250)
"""

from __future__ import annotations

import os

from . import schemas
from ._core.fmplan import Plan
from ._core.fmrules import apply_rule
from ._core.io import Mapped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._core.named import Layer, Node, RuleResult
    from ._types import AreaperilBytes, PathLike


__all__ = ["Layer", "Node", "Plan", "RuleResult", "apply_rule", "read_plan"]


def __getattr__(name):
    """Node, Layer and RuleResult: fmcalc, which needs read_plan, has no use for them."""
    if name not in ("Layer", "Node", "RuleResult"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ._core import named

    return getattr(named, name)


def read_plan(
    folder: PathLike = "input",
    *,
    by_aggregate: bool = False,
    stepped: bool = False,
    max_level: int | None = None,
    areaperil_bytes: AreaperilBytes = 4,
    exact: bool = False,
) -> Plan:
    """The programme of a folder, compiled: fm_programme, fm_policytc, fm_profile (fm_profile_step if stepped)
    and fm_xref.

    Where there is a coverages.bin, it and items.bin give the TIVs. by_aggregate: outputs are aggregates of
    the last level, as by allocation rule 0, and fm_xref_a0 numbers them where there is one. fm_xref may be
    missing: outputs then have the ids of their items or aggregates, in one layer. max_level: leave out the
    levels above. exact: TIVs are added up in double. Raises as Plan does, and InputError.
    """

    def path(name):
        return os.path.join(folder, os.path.basename(schemas.TABLES[name].path))

    def table(name, needed=True):
        return Mapped(path(name)) if needed or os.path.exists(path(name)) else None

    exposed = os.path.exists(path("coverages"))
    xref = "fm_xref_a0" if by_aggregate and os.path.exists(path("fm_xref_a0")) else "fm_xref"
    return Plan(
        table("fm_programme"),
        table("fm_policytc"),
        table("fm_profile_step" if stepped else "fm_profile"),
        table(xref, False),
        coverages=table("coverages", exposed),
        items=table("items", exposed),
        max_level=max_level,
        stepped=stepped,
        areaperil=areaperil_bytes,
        exact=exact,
    )
