"""A model and a portfolio as the kernels of full Monte Carlo have them: items numbered by what they share."""

from __future__ import annotations

from copy import copy

import numpy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from .fullmodel import FullModel


def numbered(*columns: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Rows numbered by what is in these columns: the first row of each number, and the number of each row.

    Numbers ascend in the order of these first rows, in which a kernel will mostly come upon them."""
    order = numpy.lexsort(columns[::-1])
    new = numpy.zeros(len(order), bool)
    new[:1] = True
    for column in columns:
        new[1:] |= column[order[1:]] != column[order[:-1]]
    number = numpy.empty(len(order), "<i4")
    number[order] = numpy.cumsum(new, dtype="<i4") - 1
    first = order[new]
    by_row = numpy.argsort(first)
    rank = numpy.empty(len(first), "<i4")
    rank[by_row] = numpy.arange(len(first), dtype="<i4")
    return first[by_row], rank[number]


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
            vulnerability[(kinds["vulnerability_id"] == id) & dependent[first]] = (
                len(model.vulnerability_ids) + k
            )
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
            return copy(self.model.footprint)  # what it has loaded last is its own, in each thread
        place, index, compressed = files
        return Footprint(Mapped(place), Mapped(index), compressed)
