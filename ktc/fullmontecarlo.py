"""The stage of full Monte Carlo, as a class for a chain and as a function: gulmc."""

from __future__ import annotations

from .building import Run, Stage
from .console import no_idle_threads
from .sources import Chain, Events, done

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Literal

    from ._core.frames import Losses
    from ._types import AreaperilBytes, Destination, PathLike, SourceLike, TargetLike


__all__ = ["GulMC", "gulmc"]


class GulMC(Stage["Losses"]):
    """The stage gulmc: events in, ground-up losses out.

    See ktc.gulmc, whose options it takes.

    Parameters
    ----------
    out : destination, optional
        Where the losses go, if no stage follows.
    """

    takes, gives = "events", "losses"

    def __init__(
        self,
        out: Destination = None,
        *,
        sample_size: int = 0,
        alloc_rule: int = 0,
        loss_threshold: float = 0.000001,
        debug: int = 0,
        random_generator: int = 2,
        effective_damageability: bool = False,
        ignore_correlation: bool = False,
        ignore_haz_correlation: bool = False,
        ignore_file_type: Iterable[str] = (),
        peril_filter: Iterable[str] = (),
        dynamic_footprint: bool = False,
        settings: Mapping[str, Any] | None = None,
        areaperil_bytes: AreaperilBytes = 4,
    ) -> None:
        self.out = out
        self.options: dict[str, Any] = dict(
            sample_size=sample_size,
            alloc_rule=alloc_rule,
            loss_threshold=loss_threshold,
            debug=debug,
            generator=random_generator,
            effective=effective_damageability,
            areaperil=areaperil_bytes,
        )
        self.reading: dict[str, Any] = dict(
            ignore_file_type=ignore_file_type,
            peril_filter=peril_filter,
            dynamic=dynamic_footprint,
            settings=settings,
            areaperil_bytes=areaperil_bytes,
        )
        self.correlated = dict(
            correlated=not ignore_correlation, correlated_hazard=not ignore_haz_correlation
        )

    def build(self, run: Run, out: Any = None) -> Any:
        from ._core.gulmc import GulMC as Kernel

        following = run.consumer(self.out if out is None else out, self)
        compiled = self.compiled(run)
        stage: Any = Kernel(compiled.kernel, compiled.footprint(), **self.options)
        stage.out = following
        return stage

    def compiled(self, run: Run) -> Any:
        """The model and the portfolio."""
        from .fullkernel import Compiled
        from .fullmodel import load

        return Compiled(load(run.folder.root, **self.reading), **self.correlated)


def gulmc(
    source: SourceLike = None,
    target: TargetLike = None,
    *,
    sample_size: int = 0,
    alloc_rule: int = 0,
    loss_threshold: float = 0.000001,
    debug: Literal[0, 1, 2] = 0,
    random_generator: Literal[0, 1, 2] = 2,
    effective_damageability: bool = False,
    ignore_correlation: bool = False,
    ignore_haz_correlation: bool = False,
    ignore_file_type: Iterable[str] = (),
    peril_filter: Iterable[str] = (),
    dynamic_footprint: bool = False,
    settings: Mapping[str, Any] | None = None,
    create_structures: bool = False,
    root: PathLike = ".",
    areaperil_bytes: AreaperilBytes = 4,
) -> Chain[Losses] | None:
    """Ground-up losses by full Monte Carlo: event ids in, a loss stream out.

    The intensity at each areaperil is sampled, then the damage from the vulnerability at that intensity.
    Reads, of input/, items, coverages, correlations and keys; of static/, damage_bin_dict, the footprint and
    the vulnerability functions in any of the Oasis platform's formats, aggregate_vulnerability and weights;
    and vulnerability_adjustments of analysis_settings.json. See docs/ground-up-losses.md.

    Parameters
    ----------
    source : array of int32 or source, optional
        Event ids.
    target : target, optional
        Where the stream goes; blocks are returned without it.
    sample_size : int, default 0
        Samples of each item.
    alloc_rule : {0, 1, 2, 3}, default 0
        How items share their coverage's loss: 0 not; 1 in proportion where it exceeds the TIV; 2 the largest;
        3 as if independent.
    loss_threshold : float, default 0.000001
        Samples below it, in currency, are left out. It has single precision.
    debug : {0, 1, 2}, default 0
        1: random numbers of the intensity instead of losses; 2: those of the damage.
    random_generator : {0, 1, 2}, default 2
        0: MT19937; 1: a Latin hypercube on it; 2: a Latin hypercube on Philox4x32-7.
    effective_damageability : bool, default False
        Sample the damage from its effective distribution, the mixture over intensities.
    ignore_correlation, ignore_haz_correlation : bool, default False
        No correlation of damage, or of intensity, within peril correlation groups.
    ignore_file_type : iterable of str, default ()
        Endings of model files that are passed over: "parquet", "json", "z", "bin", "idx", "csv".
    peril_filter : iterable of str, default ()
        Perils of input/keys.csv whose areaperils are kept; all without any.
    dynamic_footprint : bool, default False
        The footprint is made of event_definition.parquet and hazard_case.parquet.
    settings : mapping, optional
        What analysis_settings.json holds; without it that file of root.
    create_structures : bool, default False
        Do nothing. The platform's gulmc then prepares files for itself, which are not needed here.
    root : str or path, default "."
        The folder that holds input/ and static/.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.

    Returns
    -------
    Chain or None
        Without a target an iterable of Losses, else None.

    Raises
    ------
    UsageError
        An option is out of range.
    InputError, DataError
        A file is missing, or wrong.

    Examples
    --------
    >>> import ktc
    >>> for block in ktc.gulmc(ktc.eve(1, 100), sample_size=10, alloc_rule=1):
    ...     print(block.event_id, block.dense(10).shape[1])
    1 10
    101 10
    201 10
    """
    if create_structures:
        return None
    stage = GulMC(
        target,
        sample_size=sample_size,
        alloc_rule=alloc_rule,
        loss_threshold=loss_threshold,
        debug=debug,
        random_generator=random_generator,
        effective_damageability=effective_damageability,
        ignore_correlation=ignore_correlation,
        ignore_haz_correlation=ignore_haz_correlation,
        ignore_file_type=ignore_file_type,
        peril_filter=peril_filter,
        dynamic_footprint=dynamic_footprint,
        settings=settings,
        areaperil_bytes=areaperil_bytes,
    )
    events = Events(ids=source if source is not None else "-")
    return done(Chain(events, stage, root=root), target)


def run_gulmc(*, dynamic_footprint: str = "False", **options: Any) -> None:
    """gulmc as the script has it: any word but False makes the footprint a dynamic one."""
    no_idle_threads()
    gulmc(dynamic_footprint=dynamic_footprint not in ("False", ""), **options)
