"""The stage of full Monte Carlo, as a class for a chain and as a function: gulmc."""

from __future__ import annotations

import numpy

from .building import Run, Stage
from .errors import UsageError
from .schemas import TABLES
from .sources import Chain, Events, done

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, Literal

    from numpy.typing import NDArray

    from ._core.frames import Losses
    from ._types import AreaperilBytes, Destination, PathLike, SourceLike, TargetLike
    from .fullmodel import FullModel


__all__ = ["GulMC", "gulmc"]


def numbered(*columns: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Rows numbered by what is in these columns: the first row of each number, and the number of each row."""
    order = numpy.lexsort(columns[::-1])
    new = numpy.zeros(len(order), bool)
    new[:1] = True
    for column in columns:
        new[1:] |= column[order[1:]] != column[order[:-1]]
    number = numpy.empty(len(order), "<i4")
    number[order] = numpy.cumsum(new, dtype="<i4") - 1
    return order[new], number


class Compiled:
    """A FullModel as its kernels have it.

    Parameters
    ----------
    model : FullModel
        What was read.
    correlated, correlated_hazard : bool
        Whether damage and intensity are correlated within peril correlation groups.
    """

    def __init__(self, model: FullModel, *, correlated: bool = True, correlated_hazard: bool = True) -> None:
        from ._core.io import Mapped
        from ._core.montecarlo import FullModel as Kernel

        items = model.items
        place = self.places_of_sources(items)
        columns = {
            **self.items(items, place, correlated, correlated_hazard),
            **self.kinds(model, place),
            **self.dependencies(items, place, len(model.tiv)),
        }
        table = model.intensity_table
        columns["intensity_bin"] = numpy.zeros(0, "<i4") if table is None else table.astype("<i4").ravel()
        columns["tiv"] = model.tiv
        columns["damage_bins"] = model.bins
        matrices = [*model.vulnerabilities, *model.conditional.values()]
        self.model = model
        self.kernel: Any = Kernel(
            {
                **{name: Mapped(numpy.ascontiguousarray(column), name) for name, column in columns.items()},
                "n_intensities": 0 if table is None else table.shape[1],
            },
            [numpy.ascontiguousarray(matrix, "<f4") for matrix in matrices],
            model.n_damage,
            model.n_intensity,
            dynamic=table is not None,
        )

    @staticmethod
    def places_of_sources(items: NDArray[Any]) -> NDArray[Any]:
        """By item: the place of the item whose damage it follows, or -1."""
        order = numpy.argsort(items["item_id"], kind="stable")
        ids = items["item_id"][order]
        at = numpy.searchsorted(ids, items["source_item_id"])
        at[at == len(ids)] = 0
        there = (items["source_item_id"] > 0) & (ids[at] == items["source_item_id"]) if len(ids) else at > 0
        return numpy.where(there, order[at] if len(ids) else at, -1).astype("<i4")

    @staticmethod
    def items(
        items: NDArray[Any], place: NDArray[Any], correlated: bool, correlated_hazard: bool
    ) -> dict[str, Any]:
        """Items, and the rows of random numbers that they share."""
        group = items["peril_correlation_group"]
        columns: dict[str, Any] = {
            name: items[name]
            for name in ("item_id", "coverage_id", "areaperil_id", "return_period", "factor")
        }
        groups = numpy.unique(group).astype("<i4")
        draws: list[NDArray[Any]] = []
        for use, of, value, wanted in (
            ("damage_draw", "group_id", "damage_correlation_value", correlated),
            ("hazard_draw", "hazard_group_id", "hazard_correlation_value", correlated_hazard),
        ):
            correlation = numpy.where((items[value] > 0) & wanted, items[value], numpy.float32(0))
            within = numpy.where(correlation > 0, numpy.searchsorted(groups, group), 0).astype("<i4")
            first, number = numbered(items[of], within, correlation)
            columns[use] = number + numpy.int32(sum(len(each) for each in draws[::3]))
            draws += [items[of][first], within[first], correlation[first].astype("<f4")]
        for k, name in enumerate(("draw_group", "draw_peril_group", "draw_correlation")):
            columns[name] = numpy.concatenate([draws[k], draws[k + 3]])
        columns["peril_group"] = groups
        columns["source"] = place
        return columns

    @staticmethod
    def kinds(model: FullModel, place: NDArray[Any]) -> dict[str, Any]:
        """The distributions that items share, aggregates' members and their weights."""
        items = model.items
        dependent = place >= 0
        first, number = numbered(
            items["areaperil_id"],
            items["vulnerability_id"],
            items["peril"],
            items["intensity_adjustment"],
            dependent,
        )
        kinds = items[first]
        vulnerability = numpy.searchsorted(model.vulnerability_ids, kinds["vulnerability_id"]).astype("<i4")
        weights = numpy.zeros(len(kinds), "<i4")
        for k, id in enumerate(model.conditional):
            vulnerability[(kinds["vulnerability_id"] == id) & dependent[first]] = len(model.vulnerability_ids) + k
        members: list[NDArray[Any]] = [numpy.zeros(0, "<i4")]
        values: list[NDArray[Any]] = [numpy.zeros(0, "<f4")]
        starts, at = [0], 0
        for k, (id, own) in enumerate(model.aggregates.items()):
            mine = kinds["vulnerability_id"] == id
            vulnerability[mine] = -1 - k
            row = numpy.searchsorted(model.weight_areaperils[id], kinds["areaperil_id"][mine])
            weights[mine] = at + row * len(own)
            members.append(own)
            values.append(model.weights[id].ravel())
            starts.append(starts[-1] + len(own))
            at += model.weights[id].size
        return {
            "kind": number,
            "vulnerability": vulnerability,
            "peril": kinds["peril"],
            "adjustment": kinds["intensity_adjustment"],
            "weights": weights,
            "member": numpy.concatenate(members).astype("<i4"),
            "member_start": numpy.array(starts, "<i8"),
            "weight": numpy.concatenate(values).astype("<f4"),
        }

    @staticmethod
    def dependencies(items: NDArray[Any], place: NDArray[Any], n_coverages: int) -> dict[str, Any]:
        """Which coverage each coverage follows."""
        source = numpy.zeros(n_coverages + 1, "<i4")
        dependent = place >= 0
        source[items["coverage_id"][dependent]] = items["coverage_id"][place[dependent]]
        followers = numpy.flatnonzero(source)
        order = numpy.argsort(source[followers], kind="stable")
        start = numpy.searchsorted(source[followers][order], numpy.arange(n_coverages + 2))
        return {
            "source_coverage": source,
            "follower": followers[order].astype("<i4"),
            "follower_start": start.astype("<i8"),
        }

    def footprint(self) -> Any:
        """The hazard, for a kernel."""
        from ._core.footprint import Footprint
        from ._core.io import Mapped

        files = self.model.footprint.files
        if files is None:
            return self.model.footprint
        place, index, compressed = files
        return Footprint(Mapped(place), Mapped(index), compressed)


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
        from .fullmodel import load

        following = run.consumer(self.out if out is None else out, self)
        compiled = Compiled(load(run.folder.root, **self.reading), **self.correlated)
        stage: Any = Kernel(compiled.kernel, compiled.footprint(), **self.options)
        stage.out = following
        return stage


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
    root: PathLike = ".",
    areaperil_bytes: AreaperilBytes = 4,
) -> Chain[Losses] | None:
    """Ground-up losses by full Monte Carlo: event ids in, a loss stream out.

    The intensity at each areaperil is sampled, then the damage from the vulnerability at that intensity. Reads
    of input/ items, coverages, correlations and keys; of static/ damage_bin_dict, the footprint and the
    vulnerability functions in any of the Oasis platform's formats, aggregate_vulnerability and weights; and
    vulnerability_adjustments of analysis_settings.json. See docs/ground-up-losses.md.

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
