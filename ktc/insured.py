"""The stage fmcalc, as a class for a chain and as a function: insured losses, or reinsured ones."""

from __future__ import annotations

import os

from .building import Run, Stage
from .errors import UsageError
from .schemas import streams as kinds
from .sources import Chain, LossStream, done

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._core.fmplan import Plan
    from ._core.frames import Losses
    from ._types import AreaperilBytes, Destination, PathLike, SourceLike, TargetLike


__all__ = ["FmCalc", "fmcalc"]


class FmCalc(Stage["Losses"]):
    """The stage fmcalc: losses in, insured or reinsured losses by output id out.

    See ktc.fmcalc, whose options it takes but for net.

    Parameters
    ----------
    out : destination, optional
        Where the losses go, if no stage follows.
    gross : destination, optional
        Where what is paid goes when what is left goes on (net=True); otherwise another name of out.
    net : bool or destination, default False
        True: what is left goes on instead of what is paid. A destination gets what is left, beside what is
        paid.
    plan : Plan, optional
        A programme that is compiled already (ktc.read_plan), instead of the tables that max_level, stepped,
        input_path and areaperil_bytes choose.

    Raises
    ------
    UsageError
        Both out and gross are given, but not net=True.

    Notes
    -----
    With gross and net, both add up to the losses that came in (see ktc._core.fmcalc), and a treaty's losses
    and the next one's input come of one pass.

    Examples
    --------
    What a treaty pays goes to a table of its own, what is left goes on:

    >>> from ktc.chain import EltCalc, FmCalc, SummaryCalc
    >>> ceded = SummaryCalc({1: EltCalc("ceded.csv")}, stream="fm")
    >>> treaty = FmCalc(alloc_rule=3, input_path="input/RI_1", gross=ceded, net=True)
    """

    takes, gives = "losses", "losses"

    def __init__(
        self,
        out: Destination = None,
        *,
        gross: Destination = None,
        net: bool | Destination = False,
        alloc_rule: int = 0,
        debug: bool = False,
        full_shares: bool = False,
        plan: Plan | None = None,
        max_level: int | None = None,
        stepped: bool = False,
        input_path: PathLike | None = None,
        areaperil_bytes: AreaperilBytes = 4,
        exact: bool = False,
    ) -> None:
        beside = gross if net is True else None if net is False else net
        if net is not True and gross is not None:
            if out is not None:
                raise UsageError("what is paid has two destinations, out and gross: expected one, or a list")
            out = gross
        self.out, self.beside, self.net, self.plan = out, beside, net is True, plan
        both = beside is not None
        self.options: dict[str, Any] = dict(
            alloc_rule=alloc_rule,
            net=self.net and not both,
            both=both,
            debug=debug,
            full_shares=full_shares,
            exact=exact,
        )
        self.input_path = "input" if input_path is None else input_path
        self.tables: dict[str, Any] = dict(
            by_aggregate=alloc_rule == 0,
            stepped=stepped,
            max_level=max_level,
            areaperil_bytes=areaperil_bytes,
            exact=exact,
        )

    def build(self, run: Run, out: Any = None) -> Any:
        from ._core.fmcalc import FmCalc as Kernel
        from .financial import read_plan

        following = run.consumer(self.out if out is None else out, self)
        beside = None if self.beside is None else run.consumer(self.beside, self)
        plan = self.plan
        if plan is None:
            plan = read_plan(os.path.join(run.folder.root, self.input_path), **self.tables)
        stage = Kernel(plan, **self.options)
        stage.out, stage.left = (
            (beside, following) if self.net and beside is not None else (following, beside)
        )
        return stage


def fmcalc(
    source: SourceLike = None,
    target: TargetLike = None,
    *,
    alloc_rule: int = 0,
    net: bool = False,
    net_to: TargetLike = None,
    debug: bool = False,
    full_shares: bool = False,
    stepped: bool = False,
    max_level: int | None = None,
    input_path: PathLike | None = None,
    root: PathLike = ".",
    areaperil_bytes: AreaperilBytes = 4,
    exact: bool = False,
) -> Chain[Losses] | None:
    """Insured losses from ground-up losses, or reinsured ones from those: loss streams in and out.

    Reads input/fm_programme.bin, fm_policytc.bin, fm_profile.bin (fm_profile_step.bin if stepped),
    fm_xref.bin and, where there is a coverages.bin, that and items.bin for the TIVs. The ids that come out
    are output ids.

    Parameters
    ----------
    source : source, optional
        A stream of losses.
    target : target, optional
        Where the stream goes; blocks are returned without it.
    alloc_rule : {0, 1, 2, 3}, default 0
        0: losses of the last level's aggregates; 1: shared out among the items in proportion to the ground-up
        loss; 2 and 3: in proportion to the losses from level to level (see ktc._core.fmcalc).
    net : bool, default False
        What is left instead of what is paid.
    net_to : target, optional
        Where what is left goes, beside what is paid; the two add up to what came in.
    debug : bool, default False
        Samples without loss too.
    full_shares : bool, default False
        Shares of nodes without loss in every sample (rule 2).
    stepped : bool, default False
        Profiles with steps: read fm_profile_step.bin.
    max_level : int, optional
        Stop at this level; None or -1 is the last.
    input_path : str or path, optional
        The folder that stands for input/.
    root : str or path, default "."
        The folder that holds input/ and static/.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.
    exact : bool, default False
        Sums in double, in every digit.

    Returns
    -------
    Chain or None
        Without a target an iterable of Losses, else None.
    """
    if net and net_to is not None:
        raise UsageError("net losses (-n) instead of gross ones, or beside them (--net-to): choose one")
    stage = FmCalc(
        target,
        alloc_rule=alloc_rule,
        net=net if net_to is None else net_to,
        debug=debug,
        full_shares=full_shares,
        stepped=stepped,
        max_level=None if max_level == -1 else max_level,  # ktools' own way to say all of them
        input_path=input_path or None,
        areaperil_bytes=areaperil_bytes,
        exact=exact,
    )
    stream = LossStream(source, kinds=[kinds.LOSS, kinds.COVERAGE_LOSS, kinds.ITEM], whole_events=False)
    return done(Chain(stream, stage, root=root), target)
