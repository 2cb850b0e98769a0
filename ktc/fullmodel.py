"""All that the full Monte Carlo stage (gulmc) reads of a model and a portfolio, checked and joined.

    input/   items, coverages, correlations, keys; of dynamic footprints item_adjustments, gul_summary_map
    static/  damage_bin_dict, footprint (ktc.hazard), vulnerability, aggregate_vulnerability and weights,
             conditional_vulnerability; of dynamic footprints intensity_bin_dict
    analysis_settings.json   vulnerability_adjustments

Of a table in several formats the binary one is read. Only what the portfolio needs is kept.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy

from .arrays import csv_rows
from .errors import DataError, InputError, UsageError
from .fulldamage import (
    by_id,
    check_conditional,
    matrices,
    read_aggregates,
    read_bins,
    read_conditional,
    read_replacements,
    read_vulnerabilities,
    read_weights,
)
from .fulltables import csv_of, has_header, named_columns, needed, some, twice
from .hazard import Files, Footprint, footprint, json_of
from .schemas import TABLES
from .schemas.model import Table
from .schemas.tables import ITEM_ADJUSTMENTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from ._types import AreaperilBytes, PathLike


__all__ = ["ITEMS", "FullModel", "load"]

ITEMS = numpy.dtype(
    [
        ("item_id", "<i4"),
        ("coverage_id", "<i4"),
        ("areaperil_id", "<u8"),
        ("vulnerability_id", "<i4"),
        ("group_id", "<i4"),
        ("peril_correlation_group", "<i4"),
        ("damage_correlation_value", "<f4"),
        ("hazard_group_id", "<i4"),
        ("hazard_correlation_value", "<f4"),
        ("source_item_id", "<i4"),
        ("intensity_adjustment", "<i4"),
        ("return_period", "<i4"),
        ("factor", "<f4"),
        ("peril", "<i4"),
    ]
)

CORRELATIONS = Table(
    "correlations",
    "input/correlations.bin",
    TABLES["correlations_sourced"].fields,
    "Correlations between items.",
    optional=1,
)
PERILS = {"item_id": "i4", "peril_id": "U3"}
INTENSITIES = {"peril_id": "U4", "intensity": "i4", "intensity_bin": "i4"}


@dataclass(slots=True)
class FullModel:
    """What gulmc needs of a model and a portfolio.

    Attributes
    ----------
    items : numpy.ndarray
        Of dtype ITEMS, ascending by areaperil, vulnerability and item; only those kept. group_id has the bits
        of an unsigned number; factor multiplies the uniform numbers of damage; peril is a row of
        intensity_table.
    tiv : numpy.ndarray
        float32 by coverage.
    bins : numpy.ndarray
        The records of the damage bin dictionary; the fifth field is the damage type.
    n_damage, n_intensity : int
        The largest bins of the vulnerability functions and of the footprint.
    vulnerability_ids : numpy.ndarray
        int32, ascending: the plain functions that items or aggregates need.
    vulnerabilities : list of numpy.ndarray
        float32 (n_intensity, n_damage) of each.
    aggregates : dict
        Aggregate id -> int32 places in vulnerability_ids of its members, in the file's order.
    weights : dict
        Aggregate id -> float32 (areaperils, members); 0 where the file has none.
    weight_areaperils : dict
        Aggregate id -> the areaperils of its items, ascending.
    conditional : dict
        Vulnerability id -> float32 (damage bins of the source, n_damage).
    footprint : Footprint
        The hazard.
    intensity_table : numpy.ndarray or None
        int32 (perils, largest intensity + 1): the intensity bin of an intensity of a dynamic footprint.
    """

    items: NDArray[Any]
    tiv: NDArray[numpy.float32]
    bins: NDArray[Any]
    n_damage: int
    n_intensity: int
    vulnerability_ids: NDArray[numpy.int32]
    vulnerabilities: list[NDArray[numpy.float32]]
    aggregates: dict[int, NDArray[numpy.int32]]
    weights: dict[int, NDArray[numpy.float32]]
    weight_areaperils: dict[int, NDArray[numpy.uint64]]
    conditional: dict[int, NDArray[numpy.float32]]
    footprint: Footprint
    intensity_table: NDArray[numpy.int32] | None = None


def load(
    root: PathLike = ".",
    *,
    areaperil_bytes: AreaperilBytes = 4,
    ignore_file_type: Iterable[str] = (),
    peril_filter: Iterable[str] = (),
    dynamic: bool = False,
    settings: Mapping[str, Any] | None = None,
    find: Callable[[str], str] | None = None,
) -> FullModel:
    """Read a model and a portfolio for the full Monte Carlo stage.

    Parameters
    ----------
    root : str or path
        The run's folder.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.
    ignore_file_type : iterable of str
        Endings of files that are passed over: parquet, json, z, bin, idx, csv.
    peril_filter : iterable of str
        Only items whose areaperil has one of these perils in keys.csv. Without it, where there is a keys.csv,
        items whose areaperil it has.
    dynamic : bool, default False
        The footprint is a dynamic one.
    settings : mapping, optional
        What analysis_settings.json holds; by default that file in root, if there is one.
    find : callable, optional
        Gives the path of what a run keeps at a place like "static/footprint.bin".

    Raises
    ------
    InputError
        A file is missing.
    DataError
        One is wrong, or does not fit the others.
    """
    if areaperil_bytes not in (4, 8):
        raise UsageError(f"areaperil_bytes is {areaperil_bytes!r}, expected 4 or 8")
    files = Files(root, ignore_file_type, find)
    adjusted = adjustments_of(files, settings)
    tiv = read_tiv(files)
    items, name = read_items(files, len(tiv), areaperil_bytes, tuple(peril_filter))
    table = read_perils(files, items) if dynamic else None
    check_sources(items, files.there(CORRELATIONS.path) or files.path(csv_of(CORRELATIONS.path)))
    bins = read_bins(files)
    hazard = footprint(
        root,
        areaperil_bytes=areaperil_bytes,
        ignore=files.ignore,
        areaperils=numpy.unique(items["areaperil_id"]),
        dynamic=dynamic,
        find=find,
    )
    members = read_aggregates(files, items)
    aggregate = numpy.isin(items["vulnerability_id"], list(members))
    conditional, conditional_name = read_conditional(files)
    check_conditional(items, aggregate, conditional["vulnerability_id"], name, conditional_name)
    own = numpy.unique(items["vulnerability_id"][~aggregate & (items["source_item_id"] <= 0)])
    ids = numpy.unique(numpy.concatenate([own, *members.values()])).astype("<i4")
    replaced = read_replacements(files, adjusted, ids)
    n_damage, vulnerabilities = read_vulnerabilities(files, ids, hazard.n_intensity, len(bins), replaced)
    dependent = numpy.unique(items["vulnerability_id"][items["source_item_id"] > 0])
    set_factors(items, aggregate, adjusted)
    areaperils = {id: numpy.unique(items["areaperil_id"][items["vulnerability_id"] == id]) for id in members}
    return FullModel(
        items=items,
        tiv=tiv,
        bins=bins,
        n_damage=n_damage,
        n_intensity=hazard.n_intensity,
        vulnerability_ids=ids,
        vulnerabilities=vulnerabilities,
        aggregates={id: numpy.searchsorted(ids, own).astype("<i4") for id, own in members.items()},
        weights=read_weights(files, members, areaperils, areaperil_bytes),
        weight_areaperils=areaperils,
        conditional=matrices(conditional, conditional_name, dependent, bins, n_damage),
        footprint=hazard,
        intensity_table=table,
    )


def read_tiv(files: Files) -> NDArray[numpy.float32]:
    """The TIV by coverage."""
    rows, path = needed(files, "coverages")
    tiv = rows["tiv"].astype("<f4")
    wrong = numpy.flatnonzero(~numpy.isfinite(tiv))
    if len(wrong):
        raise DataError(f"{path}: record {wrong[0] + 1}: the TIV is {tiv[wrong[0]]}, expected a number")
    return tiv


# --- the portfolio


def read_items(
    files: Files, n_coverages: int, areaperil_bytes: AreaperilBytes, peril_filter: Sequence[str]
) -> tuple[NDArray[Any], str]:
    """The items that the keys have, joined with their correlations, and where they were read."""
    rows, name = needed(files, "items", areaperil_bytes)
    id = twice(rows["item_id"])
    if id is not None:
        raise DataError(f"{name}: item {id} is there more than once")
    wrong = (rows["coverage_id"] < 1) | (rows["coverage_id"] > n_coverages)
    if wrong.any():
        first = rows[wrong][0]
        raise DataError(
            f"{name}: item {first['item_id']}: coverage {first['coverage_id']}, expected 1 to {n_coverages}"
        )
    items = numpy.zeros(len(rows), ITEMS)
    for field in ("item_id", "coverage_id", "areaperil_id", "vulnerability_id", "group_id"):
        items[field] = rows[field]
    items["factor"] = 1
    items = items[numpy.argsort(items["item_id"], kind="stable")]
    add_correlations(files, items)
    areaperils = read_keys(files, peril_filter)
    if areaperils is not None:
        items = items[numpy.isin(items["areaperil_id"], areaperils)]
    return items[numpy.lexsort((items["vulnerability_id"], items["areaperil_id"]))], name


def add_correlations(files: Files, items: NDArray[Any]) -> None:
    """Fill the columns of items, ascending by id, with those of correlations of the same ids."""
    rows: NDArray[Any]
    path = files.there(CORRELATIONS.path)
    if path is not None and os.path.getsize(path):
        rows = binary_correlations(path, items["item_id"])
    else:
        path = files.there(csv_of(CORRELATIONS.path))
        if path is None:
            return
        if not os.path.getsize(path):
            raise DataError(f"{path}: byte 0: empty input, expected a header line")
        rows = csv_rows(CORRELATIONS, path, no_header=not has_header(path))
    id = twice(rows["item_id"])
    if id is not None:
        raise DataError(f"{path}: item {id} is there more than once")
    for field in ("damage_correlation_value", "hazard_correlation_value"):
        wrong = ~((rows[field] >= 0) & (rows[field] <= 1))
        if wrong.any():
            first = rows[wrong][0]
            raise DataError(f"{path}: item {first['item_id']}: {field} is {first[field]}, expected 0 to 1")
    rows = rows[numpy.isin(rows["item_id"], items["item_id"])]
    place = numpy.searchsorted(items["item_id"], rows["item_id"])
    for field in (rows.dtype.names or ())[1:]:
        items[field][place] = rows[field]


def binary_correlations(path: str, item_ids: NDArray[Any]) -> NDArray[Any]:
    """Records with or without a source item. Where the size may be of either, those whose items are items of
    the portfolio, none twice."""
    size = os.path.getsize(path)
    whole = CORRELATIONS.dtype()
    forms = [numpy.dtype(whole.descr[:-1]), whole]
    fitting = [numpy.fromfile(path, form) for form in forms if size % form.itemsize == 0]
    if not fitting:
        raise DataError(f"{path}: {size} bytes, expected records of 20 bytes or of 24 (with a source item)")
    if len(fitting) == 1:
        return fitting[0]
    right = [
        rows
        for rows in fitting
        if (rows["item_id"] > 0).all()
        and numpy.isin(rows["item_id"], item_ids).all()
        and twice(rows["item_id"]) is None
    ]
    if len(right) != 1:
        raise DataError(
            f"{path}: {size} bytes may be records of 20 bytes or of 24 (with a source item), and "
            f"{'in both' if right else 'in neither'} every item is one of the portfolio and there once; "
            "expected one of them, or correlations.csv alone"
        )
    return right[0]


def read_keys(files: Files, peril_filter: Sequence[str]) -> NDArray[Any] | None:
    """The areaperils that the keys have, of these perils if there are any; None where there are no keys."""
    path = files.path("input/keys.csv")
    if not os.path.exists(path):
        if peril_filter:
            raise InputError(f"{path}: not there, expected the perils of areaperils, to choose those of "
                             f"{', '.join(peril_filter)}")  # fmt: skip
        return None
    if not peril_filter:
        return named_columns(path, {"AreaPerilID": "u8"})["AreaPerilID"]
    keys = named_columns(path, {"PerilID": "U3", "AreaPerilID": "u8"})
    return keys["AreaPerilID"][numpy.isin(keys["PerilID"], list(peril_filter))]


def check_sources(items: NDArray[Any], name: str) -> None:
    """Items that depend on others: these must be there, at the same areaperil. A coverage depends on one
    other at most, and never on itself, however far around."""
    linked = items[items["source_item_id"] > 0]
    order = numpy.argsort(items["item_id"])
    ids = items["item_id"][order]
    missing = ~numpy.isin(linked["source_item_id"], ids)
    if missing.any():
        raise DataError(f"{name}: no source item {some(linked['source_item_id'][missing])}, though others "
                        "depend on it")  # fmt: skip
    source = items[order[numpy.searchsorted(ids, linked["source_item_id"])]]
    apart = linked["areaperil_id"] != source["areaperil_id"]
    if apart.any():
        raise DataError(
            f"{name}: item {some(linked['item_id'][apart])}: its source item has another areaperil, expected "
            "the same"
        )
    parent: dict[int, int] = {}
    for own, other in zip(linked["coverage_id"].tolist(), source["coverage_id"].tolist()):
        if parent.setdefault(own, other) != other:
            raise DataError(
                f"{name}: coverage {own}: its source items are of coverages {parent[own]} and {other}, "
                "expected one"
            )
    done: set[int] = set()
    for start in parent:
        path: set[int] = set()
        node = start
        while node in parent and node not in done:
            if node in path:
                raise DataError(f"{name}: coverage {node} depends on itself")
            path.add(node)
            node = parent[node]
        done |= path


# --- dynamic footprints


def read_perils(files: Files, items: NDArray[Any]) -> NDArray[numpy.int32]:
    """The intensity bin by peril and intensity. Fill in the peril and the adjustments of each item."""
    path = files.path("static/intensity_bin_dict.csv")
    rows = named_columns(path, INTENSITIES)
    if not len(rows):
        raise DataError(f"{path}: no rows, expected the intensity bins of a dynamic footprint")
    if rows["intensity"].min() < 0:
        raise DataError(f"{path}: intensity {rows['intensity'].min()}, expected 0 or more")
    codes = peril_codes(rows["peril_id"])
    perils = numpy.unique(codes)
    table = numpy.zeros((len(perils), int(rows["intensity"].max()) + 1), "<i4")
    table[numpy.searchsorted(perils, codes), rows["intensity"]] = rows["intensity_bin"]
    table = numpy.where(table == 0, table[:, :1], table)  # without a row: the bin of intensity 0
    own = named_columns(files.path("input/gul_summary_map.csv"), PERILS)
    join(items, own["item_id"], "peril", row_of(perils, peril_codes(own["peril_id"])))
    path = files.path(ITEM_ADJUSTMENTS.path)
    if os.path.exists(path):
        adjustments = csv_rows(ITEM_ADJUSTMENTS, path)
        for field in ("intensity_adjustment", "return_period"):
            join(items, adjustments["item_id"], field, adjustments[field])
    return table


def peril_codes(perils: NDArray[Any]) -> NDArray[numpy.int64]:
    """Numbers in whose order perils stand in the table: the letters, the last of them weighing most."""
    values, inverse = numpy.unique(perils, return_inverse=True)
    codes = [sum(ord(letter) << (8 * k) for k, letter in enumerate(str(v).upper())) for v in values]
    return numpy.array(codes, "i8")[inverse.reshape(-1)]


def row_of(perils: NDArray[Any], codes: NDArray[Any]) -> NDArray[Any]:
    """The table's row of each peril; the first for one that the table lacks."""
    row = numpy.minimum(numpy.searchsorted(perils, codes), len(perils) - 1)
    return numpy.where(perils[row] == codes, row, 0)


def join(items: NDArray[Any], ids: NDArray[Any], field: str, values: NDArray[Any]) -> None:
    """Fill a column of the items that have these ids."""
    order = numpy.argsort(items["item_id"])
    own = items["item_id"][order]
    known = numpy.isin(ids, own)
    items[field][order[numpy.searchsorted(own, ids[known])]] = values[known]


# --- adjustments


def adjustments_of(files: Files, settings: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """vulnerability_adjustments of analysis settings."""
    name = "settings"
    if settings is None:
        name = files.path("analysis_settings.json")
        if not os.path.exists(name):
            return {}
        settings = json_of(name)
    for key in ("analysis_settings", "vulnerability_adjustments"):
        if not isinstance(settings, dict):
            break
        settings = settings.get(key) if key in settings else settings if key == "analysis_settings" else {}
    if settings is None:
        return {}
    if not isinstance(settings, dict):
        raise DataError(f"{name}: vulnerability_adjustments: expected an object")
    return {key: value for key, value in settings.items() if value is not None}


def set_factors(items: NDArray[Any], aggregate: NDArray[Any], adjusted: Mapping[str, Any]) -> None:
    """What the uniform numbers of items are multiplied by, unless their vulnerability is an aggregate."""
    where = "vulnerability_adjustments.adjustments"
    for key, value in by_id(adjusted.get("adjustments", {}), where).items():
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 3e38:
            raise DataError(f"{where}: vulnerability {key}: {value!r}, expected a number from 0")
        items["factor"][(items["vulnerability_id"] == key) & ~aggregate] = value
