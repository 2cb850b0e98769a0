"""The financial module from Python: a programme as a value (Plan), and its calculation rules one by one.

Examples
--------
>>> import ktc
>>> plan = ktc.read_plan("input")
>>> plan.nodes(1)[0].layers[0].terms[0]["calcrule_id"]
6
>>> stage = ktc.FmCalc(plan=plan, alloc_rule=2)  # as often as you like, on any number of threads
>>> ktc.apply_rule(1, {"deductible1": 100, "limit": 500}, 250).loss
150.0
"""

from __future__ import annotations

from ._core.fmplan import Plan
from ._core.fmrules import apply_rule
from .building import Folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._core.named import Layer, Node, RuleResult
    from ._types import AreaperilBytes, PathLike


__all__ = ["Layer", "Node", "Plan", "RuleResult", "apply_rule", "read_plan"]


def __getattr__(name: str) -> Any:
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
    """The programme of a folder, compiled.

    Reads fm_programme, fm_policytc, fm_profile (fm_profile_step if stepped) and fm_xref. Where there is a
    coverages.bin, it and items.bin give the TIVs. fm_xref may be missing: outputs then have the ids of their
    items or aggregates, in one layer.

    Parameters
    ----------
    folder : str or path, default "input"
        The folder of the tables.
    by_aggregate : bool, default False
        Outputs are aggregates of the last level, as by allocation rule 0, and fm_xref_a0 numbers them where
        there is one.
    stepped : bool, default False
        Profiles with steps: read fm_profile_step.bin.
    max_level : int, optional
        Leave out the levels above.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id (in items.bin).
    exact : bool, default False
        Add TIVs up in double.

    Returns
    -------
    Plan
        For ktc.chain.FmCalc, or to look at.

    Raises
    ------
    DataError
        The tables are not a programme; as Plan.
    UsageError
        As Plan.
    InputError
        A table is missing or cannot be read.
    """

    tables = Folder(".")
    return plan_of(
        tables,
        folder,
        by_aggregate=by_aggregate,
        stepped=stepped,
        max_level=max_level,
        areaperil=areaperil_bytes,
        exact=exact,
    )


def plan_of(
    tables: Folder,
    folder: PathLike | None,
    *,
    stepped: bool = False,
    by_aggregate: bool = False,
    **options: Any,
) -> Plan:
    """The programme of a folder of a run, compiled. options: of Plan."""
    grouped = by_aggregate and tables.optional("fm_xref_a0", folder) is not None
    coverages = tables.optional("coverages", folder)
    return Plan(
        tables.table("fm_programme", folder),
        tables.table("fm_policytc", folder),
        tables.table("fm_profile_step" if stepped else "fm_profile", folder),
        tables.optional("fm_xref_a0" if grouped else "fm_xref", folder),
        coverages=coverages,
        items=None if coverages is None else tables.table("items", folder),
        stepped=stepped,
        **options,
    )
