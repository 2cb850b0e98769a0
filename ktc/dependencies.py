"""What gulmc demands of a run's tables together, beyond references from one table to another: weights of
combined vulnerability functions, and items whose damage depends on that of other items.

A fault is what gulmc refuses; a warning, what it computes although it is doubtful.
"""

from __future__ import annotations

from .arrays import read_csv, read_table
from .errors import KtcError
from .places import csv_form
from .schemas import TABLES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from numpy.typing import NDArray

    from ._types import AreaperilBytes
    from .checker import FileVerdict, Verdict
    from .places import Place


__all__ = ["check_full_model"]

MOST_IDS = 10  # that a message shows


def check_full_model(places: Mapping[str, Place], verdict: Verdict, areaperil_bytes: AreaperilBytes) -> None:
    """Append to the verdict on each file what the tables show together. Tables with faults, and what needs
    them, are passed over."""
    files = {file.table: file for file in verdict.files}
    sound = {name: place for name, place in places.items() if name in files and not files[name].faults}
    if "items" not in sound or not {"aggregate_vulnerability", "correlations", "correlations_sourced"} & {
        *sound
    }:
        return
    model = Tables(sound, areaperil_bytes)
    try:
        if "aggregate_vulnerability" in sound:
            check_weights(model, places, files, verdict)
        for table in ("correlations", "correlations_sourced"):
            if table in sound:
                check_complete(model, files[table])
        if "correlations_sourced" in sound:
            check_sources(model, files["correlations_sourced"])
            if "conditional_vulnerability" in sound:
                check_conditional(model, files["conditional_vulnerability"])
    except KtcError as error:
        files["items"].faults += str(error).split("\n")


class Tables:
    """The records of a run's tables, read when they are asked for; none of a table that is not there."""

    def __init__(self, places: Mapping[str, Place], areaperil_bytes: AreaperilBytes) -> None:
        self.places, self.areaperil_bytes = places, areaperil_bytes

    def __contains__(self, table: str) -> bool:
        return table in self.places

    def __getitem__(self, table: str) -> NDArray[Any]:
        import numpy

        if table not in self.places:
            return numpy.empty(0, TABLES[table].dtype(self.areaperil_bytes))
        place = self.places[table]
        if place.form == "csv":
            return read_csv(csv_form(place), place.path, self.areaperil_bytes)
        return read_table(table, place.path, self.areaperil_bytes)


def listed(ids: Iterable[Any]) -> str:
    """Ids in words, the first of them."""
    found = sorted({int(each) for each in ids})
    more = f", ... ({len(found):,} in all)" if len(found) > MOST_IDS else ""
    return ", ".join(map(str, found[:MOST_IDS])) + more


def check_weights(
    model: Tables, places: Mapping[str, Place], files: Mapping[str, FileVerdict], verdict: Verdict
) -> None:
    """Each combined function has weights wherever an item has it."""
    import numpy

    aggregates, items = model["aggregate_vulnerability"], model["items"]
    used = items[numpy.isin(items["vulnerability_id"], aggregates["aggregate_vulnerability_id"])]
    if not len(used):
        return
    if "weights" not in places:
        verdict.missing.append(
            f"{TABLES['weights'].path}: missing; gulmc needs it for items with an aggregate_vulnerability_id"
        )
    if "weights" not in model:
        return
    weight: dict[tuple[int, int], float] = {}
    weights = model["weights"]
    for row in weights[numpy.isin(weights["areaperil_id"], used["areaperil_id"])].tolist():
        weight[row[0], row[1]] = row[2]  # the last one counts
    members: dict[int, list[int]] = {}
    for aggregate, member in aggregates.tolist():
        members.setdefault(aggregate, []).append(member)
    pairs = sorted({*zip(used["areaperil_id"].tolist(), used["vulnerability_id"].tolist())})
    bare = [
        (area, aggregate)
        for area, aggregate in pairs
        if sum(weight.get((area, member), 0.0) for member in members[aggregate]) <= 0
    ]
    if bare:
        area, aggregate = bare[0]
        files["weights"].warnings.append(
            f"{files['weights'].path}: no weights for aggregate_vulnerability_id {aggregate} at areaperil_id "
            f"{area}, where items have it: all its functions count alike"
            + (f" ({len(bare):,} pairs are so)" if len(bare) > 1 else "")
        )


def check_complete(model: Tables, file: FileVerdict) -> None:
    """Items without a row are not correlated."""
    import numpy

    left = numpy.setdiff1d(model["items"]["item_id"], model[file.table]["item_id"])
    if len(left):
        file.warnings.append(f"{file.path}: no rows for item_id {listed(left)}: they are not correlated")


def check_sources(model: Tables, file: FileVerdict) -> None:
    """What holds of items that depend on another: the same area and peril, one source for a coverage, no
    circle, and vulnerability functions of the right kind."""
    import numpy

    items, rows = model["items"], model["correlations_sourced"]
    place = {item: i for i, item in enumerate(items["item_id"].tolist())}
    linked = {
        item: source
        for item, source in zip(rows["item_id"].tolist(), rows["source_item_id"].tolist())
        if source > 0
    }

    def column(name: str, ids: Iterable[int]) -> NDArray[Any]:
        return items[name][[place[each] for each in ids]]

    def fault(ids: Iterable[Any], words: str) -> None:
        file.faults.append(f"{file.path}: item_id {listed(ids)}: {words}")

    dependent = numpy.fromiter(linked, numpy.int64, len(linked))
    if linked:
        elsewhere = column("areaperil_id", linked) != column("areaperil_id", linked.values())
        if elsewhere.any():
            fault(dependent[elsewhere], "the source item has another areaperil_id, expected the same")
        above: dict[int, int] = {}
        for item, coverage, source in zip(
            linked, column("coverage_id", linked).tolist(), column("coverage_id", linked.values()).tolist()
        ):
            if above.setdefault(coverage, source) != source:
                fault(
                    [item], f"its coverage_id {coverage} has source items of several coverages, expected one"
                )
        for coverage in circle(above):
            file.faults.append(
                f"{file.path}: coverage_id {coverage}: its items depend on themselves, in a circle of source "
                "items"
            )
    conditional = numpy.unique(model["conditional_vulnerability"]["vulnerability_id"])
    aggregate = numpy.unique(model["aggregate_vulnerability"]["aggregate_vulnerability_id"])
    ids = items["item_id"]
    depends = numpy.isin(ids, dependent)
    combined = numpy.isin(items["vulnerability_id"], aggregate)
    has = numpy.isin(items["vulnerability_id"], conditional)
    for wrong, words in (
        (
            depends & combined,
            "it has a source item and an aggregate vulnerability, expected one of conditional_vulnerability",
        ),
        (
            depends & ~combined & ~has,
            "it has a source item, but its vulnerability_id is not in conditional_vulnerability",
        ),
        (
            ~depends & ~combined & has,
            "its vulnerability_id is in conditional_vulnerability, but it has no source item",
        ),
    ):
        if wrong.any():
            fault(ids[wrong], words)


def circle(above: Mapping[int, int]) -> list[int]:
    """The smallest member of each circle in {each: what it depends on}."""
    found: list[int] = []
    done: set[int] = set()
    for start in above:
        path: dict[int, None] = {}
        at = start
        while at in above and at not in done and at not in path:
            path[at] = None
            at = above[at]
        if at in path:
            members = [*path]
            found.append(min(members[members.index(at) :]))
        done.update(path)
    return sorted(found)


def check_conditional(model: Tables, file: FileVerdict) -> None:
    """A damage bin of the source item without rows causes no damage; the first damage bin must mean that."""
    import numpy

    rows, bins = model["conditional_vulnerability"], model["damage_bin_dict"]
    if not len(bins) or not len(rows):
        return
    if bins["bin_from"][0] == 0 and bins["bin_to"][0] == 0:
        return
    there = rows[rows["probability"] > 0]
    for function in numpy.unique(rows["vulnerability_id"]).tolist():
        left = numpy.setdiff1d(
            numpy.arange(1, len(bins) + 1), there["source_damage_bin"][there["vulnerability_id"] == function]
        )
        if len(left):
            file.faults.append(
                f"{file.path}: vulnerability_id {function} has no rows for source_damage_bin {listed(left)}, "
                "which stands for no damage, and damage bin 1 is none: expected bin_from and bin_to of 0"
            )
            return
