"""All that the full Monte Carlo stage (gulmc) reads of a model and a portfolio, checked and joined.

    input/   items, coverages, correlations, keys; of dynamic footprints item_adjustments, gul_summary_map
    static/  damage_bin_dict, footprint (ktc.hazard), vulnerability, aggregate_vulnerability and weights,
             conditional_vulnerability; of dynamic footprints intensity_bin_dict
    analysis_settings.json   vulnerability_adjustments

Of a table in several formats the binary one is read. Only what the portfolio needs is kept.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass

import numpy

from .arrays import csv_rows, read_table
from .errors import DataError, InputError, UsageError
from .hazard import Files, Footprint, footprint, json_of, parquet_columns
from .results import arrow
from .schemas import TABLES
from .schemas.model import Field, Table
from .schemas.tables import (
    AREAPERIL_ID,
    DAMAGE_BIN_ID,
    INTENSITY_BIN_ID,
    ITEM_ID,
    PROBABILITY,
    VULNERABILITY_ID,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
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
CHUNK = 1 << 22  # rows of a vulnerability file at once

SOURCE_ITEM_ID = Field("source_item_id", "i4", "the item whose damage drives this one's; 0: none")
CORRELATIONS = Table(
    "correlations",
    "input/correlations.bin",
    (*TABLES["correlations"].fields, SOURCE_ITEM_ID),
    "Correlations between items.",
    optional=1,
)
CONDITIONAL = Table(
    "conditional_vulnerability",
    "static/conditional_vulnerability.bin",
    (VULNERABILITY_ID, Field("source_damage_bin", "i4", "damage bin of the source"),
     Field("damage_bin", "i4", "damage bin"), PROBABILITY),
    "Damage distributions by damage bin of another coverage.",
    header=(Field("max_damage_bin", "i4", "largest damage bin"),),
)  # fmt: skip
ADJUSTMENTS = Table(
    "item_adjustments",
    "input/item_adjustments.csv",
    (ITEM_ID, Field("intensity_adjustment", "i4", "what is taken off the intensity"),
     Field("return_period", "i4", "return period up to which the item is protected")),
    "Adjustments of a dynamic footprint's intensities.",
)  # fmt: skip
REPLACEMENTS = Table(
    "vulnerability",
    "vulnerability.csv",
    (VULNERABILITY_ID, INTENSITY_BIN_ID, DAMAGE_BIN_ID, PROBABILITY),
    "Vulnerability functions that replace those of the model.",
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


# --- tables


def table_rows(
    files: Files, table: Table, areaperil_bytes: AreaperilBytes = 4
) -> tuple[NDArray[Any], str] | None:
    """The records of a table, of its binary file or of its csv, and the path; None where there is neither."""
    path = files.there(table.path)
    if path is not None:
        return read_table(table.name, path, areaperil_bytes), path
    path = files.there(csv_of(table.path))
    return None if path is None else (csv_rows(table, path, areaperil_bytes, validate=False), path)


def needed(files: Files, name: str, areaperil_bytes: AreaperilBytes = 4) -> tuple[NDArray[Any], str]:
    """The same of one that must be there."""
    found = table_rows(files, TABLES[name], areaperil_bytes)
    if found is None:
        raise InputError(f"{files.path(TABLES[name].path)}: not there, nor a csv of the same name")
    return found


def read_tiv(files: Files) -> NDArray[numpy.float32]:
    """The TIV by coverage."""
    rows, path = needed(files, "coverages")
    tiv = rows["tiv"].astype("<f4")
    wrong = numpy.flatnonzero(~numpy.isfinite(tiv))
    if len(wrong):
        raise DataError(f"{path}: record {wrong[0] + 1}: the TIV is {tiv[wrong[0]]}, expected a number")
    return tiv


def csv_of(path: str) -> str:
    return os.path.splitext(path)[0] + ".csv"


def has_header(path: str) -> bool:
    """Whether a csv of numbers begins with names."""
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        first = file.readline().split(",")[0].strip().strip('"')
    try:
        float(first)
    except ValueError:
        return True
    return False


def named_columns(path: str, columns: Mapping[str, str]) -> NDArray[Any]:
    """Columns of a csv, found by their names; {name: NumPy type}. For those that are not numbers only."""
    try:
        with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
            lines = file.read().splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot read: {error.strerror}") from None
    titles = [title.strip().strip('"') for title in (lines[0] if lines else "").split(",")]
    lacking = [name for name in columns if name not in titles]
    if lacking:
        raise DataError(f"{path}: line 1: no column {', '.join(lacking)}, expected {', '.join(columns)}")
    dtype = numpy.dtype(list(columns.items()))
    at = [titles.index(name) for name in columns]

    def rows(lines: Sequence[str]) -> NDArray[Any]:
        return numpy.loadtxt(lines, dtype, delimiter=",", usecols=at, quotechar='"', ndmin=1, comments=None)

    if not any(line.strip() for line in lines[1:]):
        return numpy.empty(0, dtype)
    try:
        return rows(lines[1:])
    except ValueError:
        for number, line in enumerate(lines[1:], 2):
            try:
                if line.strip():
                    rows([line])
            except ValueError:
                raise DataError(
                    f"{path}: line {number}: {line[:120]!r}: expected {', '.join(columns)} as columns "
                    f"{', '.join(str(k + 1) for k in at)}"
                ) from None
        raise


def twice(ids: NDArray[Any]) -> int | None:
    """An id that comes up more than once."""
    ids = numpy.sort(ids, kind="stable")  # at once where they are in order, as they mostly are
    again = ids[1:][ids[1:] == ids[:-1]]
    return int(again[0]) if len(again) else None


def some(ids: NDArray[Any]) -> str:
    """Ids for a message."""
    shown = [str(each) for each in numpy.unique(ids)[:10].tolist()]
    return ", ".join(shown) + (", ..." if len(numpy.unique(ids)) > 10 else "")


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
    path = files.path(ADJUSTMENTS.path)
    if os.path.exists(path):
        adjustments = csv_rows(ADJUSTMENTS, path)
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


# --- damage


def read_bins(files: Files) -> NDArray[Any]:
    """The damage bin dictionary."""
    rows, name = needed(files, "damage_bin_dict")
    for field in ("bin_from", "bin_to", "interpolation"):
        wrong = ~numpy.isfinite(rows[field])
        if wrong.any():
            k = int(numpy.flatnonzero(wrong)[0])
            raise DataError(f"{name}: damage bin {k + 1}: {field} is {rows[field][k]}, expected a number")
    return rows.astype(TABLES["damage_bin_dict"].dtype())


def read_aggregates(files: Files, items: NDArray[Any]) -> dict[int, NDArray[Any]]:
    """{aggregate id: ids of its members in the file's order} of those that items have."""
    found = table_rows(files, TABLES["aggregate_vulnerability"])
    if found is None:
        return {}
    rows, name = found
    place = TABLES["weights"].path
    if files.there(place) is None and files.there(csv_of(place)) is None:
        raise InputError(f"{files.path(place)}: not there, expected the weights of {name}")
    ids = rows["aggregate_vulnerability_id"]
    return {
        id: rows["vulnerability_id"][ids == id].copy()
        for id in numpy.unique(ids[numpy.isin(ids, items["vulnerability_id"])]).tolist()
    }


def read_weights(
    files: Files,
    members: Mapping[int, NDArray[Any]],
    areaperils: Mapping[int, NDArray[Any]],
    areaperil_bytes: AreaperilBytes,
) -> dict[int, NDArray[numpy.float32]]:
    """{aggregate id: weights (areaperil, member)}; of a weight that is there twice the last."""
    if not members:
        return {}
    rows = weight_rows(files, areaperil_bytes)
    wrong = numpy.flatnonzero(~numpy.isfinite(rows["weight"]))
    if len(wrong):
        path = files.there(TABLES["weights"].path) or files.path(csv_of(TABLES["weights"].path))
        raise DataError(
            f"{path}: row {wrong[0] + 1}: the weight is {rows['weight'][wrong[0]]}, expected a number"
        )
    ids = numpy.unique(numpy.concatenate(list(members.values())))
    places = numpy.unique(numpy.concatenate(list(areaperils.values())))
    rows = rows[numpy.isin(rows["vulnerability_id"], ids) & numpy.isin(rows["areaperil_id"], places)]

    def key(areaperil: NDArray[Any], vulnerability: NDArray[Any]) -> NDArray[Any]:
        return numpy.searchsorted(places, areaperil) * len(ids) + numpy.searchsorted(ids, vulnerability)

    keys = key(rows["areaperil_id"], rows["vulnerability_id"])
    order = numpy.argsort(keys, kind="stable")
    keys, values = keys[order], rows["weight"][order]
    found: dict[int, NDArray[numpy.float32]] = {}
    for id, own in members.items():
        wanted = key(areaperils[id][:, None], own[None, :])
        last = numpy.searchsorted(keys, wanted, "right") - 1
        there = (last >= 0) & (keys[last] == wanted) if len(keys) else numpy.zeros(wanted.shape, "?")
        found[id] = numpy.where(there, values[last] if len(keys) else 0, 0).astype("<f4")
    return found


def weight_rows(files: Files, areaperil_bytes: AreaperilBytes) -> NDArray[Any]:
    """The weights, whose areaperils have four bytes, or eight where those of other tables have as many."""
    table = TABLES["weights"]
    if areaperil_bytes == 4:
        found = table_rows(files, table)
        assert found is not None
        return found[0]
    wide = Table("weights", table.path, (AREAPERIL_ID, *table.fields[1:]), table.doc)
    path = files.there(table.path)
    if path is None:
        return csv_rows(wide, files.path(csv_of(table.path)), 8)
    size = os.path.getsize(path)
    narrow, eight = table.dtype(), wide.dtype(8)
    if size % eight.itemsize == 0 and size % narrow.itemsize:
        return numpy.fromfile(path, eight)
    if size % narrow.itemsize == 0 and size % eight.itemsize:
        return numpy.fromfile(path, narrow)
    if size % narrow.itemsize:
        raise DataError(f"{path}: {size} bytes, expected records of 12 bytes or of 16 (with wide areaperils)")
    right = [
        rows
        for rows in (numpy.fromfile(path, narrow), numpy.fromfile(path, eight))
        if (rows["vulnerability_id"] > 0).all() and ((rows["weight"] == 0) | (rows["weight"] > 1e-30)).all()
    ]
    if len(right) != 1 and size:
        raise DataError(
            f"{path}: {size} bytes may be records of 12 bytes or of 16 (with wide areaperils), and "
            f"{'both make' if right else 'neither makes'} sense; expected one of them, or weights.csv alone"
        )
    return right[0]


class Damage:
    """Vulnerability functions as they are read: probabilities by function, intensity bin and damage bin.

    The last of equal rows counts. Rows whose intensity the footprint does not have are passed over.
    """

    def __init__(self, name: str, ids: NDArray[Any], n_intensity: int, n_damage: int, most: int) -> None:
        if not 1 <= n_damage <= most:
            raise DataError(
                f"{name}: the largest damage bin is {n_damage}, expected 1 to {most}, the number of bins in "
                "the damage bin dictionary"
            )
        self.name, self.ids, self.n_intensity, self.n_damage = name, ids, n_intensity, n_damage
        self.there = numpy.zeros(len(ids), "?")
        self.values = numpy.zeros((len(ids), n_intensity, n_damage), "<f4")

    def add(self, rows: NDArray[Any], what: Callable[[int], str], name: str = "") -> None:
        """Rows of any functions; what(k) says which row k is."""
        keep = numpy.flatnonzero(numpy.isin(rows["vulnerability_id"], self.ids))
        rows = rows[keep]
        number = numpy.searchsorted(self.ids, rows["vulnerability_id"])
        self.assign(number, rows, lambda k: what(int(keep[k])), name)

    def assign(
        self, number: NDArray[Any], rows: NDArray[Any], what: Callable[[int], str], name: str = ""
    ) -> None:
        """Rows of these functions, by their places in ids."""
        intensity, damage = rows["intensity_bin_id"], rows["damage_bin_id"]
        probability = rows["probability"]
        for wrong, field, expected in (
            (intensity < 1, "intensity_bin_id", "1 or more"),
            ((damage < 1) | (damage > self.n_damage), "damage_bin_id", f"1 to {self.n_damage}"),
            (~((probability >= 0) & numpy.isfinite(probability)), "probability", "0 to 1"),
        ):
            if wrong.any():
                k = int(numpy.flatnonzero(wrong)[0])
                title = field.removesuffix("_id").replace("_", " ")
                raise DataError(
                    f"{name or self.name}: {what(k)}: vulnerability {self.ids[number[k]]}: {title} "
                    f"{rows[field][k]}, expected {expected}"
                )
        self.there[number] = True
        inside = intensity <= self.n_intensity
        place = number[inside], intensity[inside] - 1, damage[inside] - 1
        self.values[place] = probability[inside]

    def replace(self, rows: NDArray[Any], name: str) -> None:
        """Whole functions by others."""
        self.values[numpy.isin(self.ids, rows["vulnerability_id"])] = 0
        self.add(rows, lambda k: f"row {k + 1}", name)


if TYPE_CHECKING:
    Make = Callable[[str, int], Damage]  # of a file's name and its largest damage bin


def read_vulnerabilities(
    files: Files, ids: NDArray[Any], n_intensity: int, n_bins: int, replaced: tuple[NDArray[Any], str] | None
) -> tuple[int, list[NDArray[numpy.float32]]]:
    """The largest damage bin, and these functions."""

    def make(name: str, n_damage: int) -> Damage:
        return Damage(name, ids, n_intensity, n_damage, n_bins)

    for place, read in (
        ("static/vulnerability_dataset.parquet", from_parquet),
        ("static/vulnerability.bin", from_binary),
        ("static/vulnerability.bin.z", from_compressed),
        ("static/vulnerability.csv", from_csv),
    ):
        path = files.there(place)
        if path is not None and (found := read(files, path, make)) is not None:
            break
    else:
        raise InputError(f"{files.path('static/vulnerability.bin')}: not there, nor another of its formats")
    if replaced is not None:
        found.replace(*replaced)
    if not found.there.all():
        raise DataError(f"{path}: no vulnerability {some(ids[~found.there])}, which the items need")
    return found.n_damage, list(found.values)


def from_binary(files: Files, path: str, make: Make) -> Damage:
    """vulnerability.bin, with an index if there is one."""
    index = files.there("static/vulnerability.idx")
    if index is not None:
        return from_indexed(path, index, make, compressed=False)
    rows = read_table("vulnerability", path)
    with open(path, "rb") as file:
        found = make(path, int(numpy.frombuffer(file.read(4), "<i4")[0]))
    for at in range(0, len(rows), CHUNK):
        found.add(rows[at : at + CHUNK], lambda k, at=at: f"byte {4 + 16 * (at + k)}")  # type: ignore[misc]
    return found


def from_compressed(files: Files, path: str, make: Make) -> Damage | None:
    """vulnerability.bin.z and its index."""
    index = files.there("static/vulnerability.idx.z")
    return None if index is None else from_indexed(path, index, make, compressed=True)


def from_indexed(path: str, index: str, make: Make, *, compressed: bool) -> Damage:
    """The functions that are needed, each by itself."""
    size = TABLES["vulnerability_rows"].size()
    if os.path.getsize(path) < 4:
        raise DataError(f"{path}: byte {os.path.getsize(path)}: the input ends inside the header of 4 bytes")
    data = numpy.memmap(path, numpy.uint8, "r")
    found = make(path, int(data[:4].view("<i4")[0]))
    ids, entries = found.ids, read_table("vulnerability_index", index)
    for k in numpy.flatnonzero(numpy.isin(entries["vulnerability_id"], ids)).tolist():
        id, offset, length, original = entries[k].item()
        if not (offset >= 4 and 0 <= length <= len(data) - offset):
            raise DataError(
                f"{index}: byte {k * entries.itemsize}: vulnerability {id}: {length} bytes at {offset}, "
                f"expected a place in the {len(data)} bytes of {path}"
            )
        content: Any = data[offset : offset + length]
        if compressed:
            try:
                content = zlib.decompress(content)
            except zlib.error as error:
                raise DataError(f"{path}: byte {offset}: vulnerability {id}: {error}") from None
        if len(content) % size or (compressed and len(content) != original):
            expected = f"{original}, by the index" if compressed else f"a multiple of {size}"
            raise DataError(
                f"{path}: byte {offset}: vulnerability {id}: {len(content)} bytes, expected {expected}"
            )
        rows = numpy.frombuffer(content, TABLES["vulnerability_rows"].dtype())
        number = numpy.full(len(rows), numpy.searchsorted(ids, id))
        found.there[numpy.searchsorted(ids, id)] = True
        found.assign(number, rows, lambda row, at=offset: f"byte {at}: row {row + 1}")  # type: ignore[misc]
    return found


def from_csv(files: Files, path: str, make: Make) -> Damage:
    """vulnerability.csv; its largest damage bin is that of the whole file."""
    rows = csv_rows(TABLES["vulnerability"], path, validate=False)
    found = make(path, int(rows["damage_bin_id"].max()))
    found.add(rows, lambda k: f"row {k + 1}")
    return found


def from_parquet(files: Files, path: str, make: Make) -> Damage:
    """vulnerability_dataset.parquet: each function's probabilities, all intensities of a damage bin side by
    side."""
    arrow()
    meta = files.path("static/vulnerability_parquet_meta.json")
    try:
        n_damage = int(json_of(meta)["num_damage_bins"])
    except (KeyError, TypeError, ValueError):
        raise DataError(f"{meta}: expected an object with the number num_damage_bins") from None
    found = make(path, n_damage)
    ids = found.ids
    own, arrays = parquet_columns(path, ("vulnerability_id", "vuln_array"), {"vulnerability_id": ids})
    number = numpy.searchsorted(ids, own)
    for k, values in zip(number.tolist(), arrays):
        width, rest = divmod(len(values), n_damage)
        if rest or not width:
            raise DataError(
                f"{path}: vulnerability {ids[k]}: {len(values)} probabilities, expected a multiple of "
                f"{n_damage}, the number of damage bins"
            )
        if not (numpy.isfinite(values).all() and (values >= 0).all()):
            raise DataError(f"{path}: vulnerability {ids[k]}: a probability is not 0 to 1")
        n = min(width, found.n_intensity)
        found.values[k] = 0
        found.values[k, :n] = values.reshape(n_damage, width)[:, :n].T
        found.there[k] = True
    return found


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


def by_id(content: Any, where: str) -> dict[int, Any]:
    """{"5": value} -> {5: value}."""
    try:
        return {int(key): value for key, value in content.items()}
    except (AttributeError, ValueError):
        raise DataError(f"{where}: expected an object whose keys are vulnerability ids") from None


def read_replacements(
    files: Files, adjusted: Mapping[str, Any], ids: Collection[int]
) -> tuple[NDArray[Any], str] | None:
    """The rows that stand for those of the model's functions, and where they were read."""
    rows: NDArray[Any]
    if "replace_data" in adjusted:
        where = "vulnerability_adjustments.replace_data"
        flat = []
        for id, triples in by_id(adjusted["replace_data"], where).items():
            try:
                flat += [(id, int(intensity), int(damage), float(p)) for intensity, damage, p in triples]
            except (TypeError, ValueError):
                raise DataError(
                    f"{where}: vulnerability {id}: expected a list of "
                    "[intensity bin, damage bin, probability]"
                ) from None
        rows = numpy.array(flat, REPLACEMENTS.dtype())
    elif "replace_file" in adjusted:
        where = str(adjusted["replace_file"])
        if not os.path.isfile(where):
            where = os.path.join(files.root, where)
        if not os.path.isfile(where):
            raise InputError(f"{adjusted['replace_file']}: not there, though "
                             "vulnerability_adjustments.replace_file names it")  # fmt: skip
        rows = csv_rows(REPLACEMENTS, where, no_header=not has_header(where))
    else:
        return None
    return rows, where


# --- coverages that depend on others


def read_conditional(files: Files) -> tuple[NDArray[Any], str]:
    """The rows of conditional vulnerability functions, and where they were read."""
    path = files.there(CONDITIONAL.path)
    if path is not None:
        size = os.path.getsize(path) - 4
        if size < 0 or size % CONDITIONAL.size():
            raise DataError(f"{path}: {size + 4} bytes, expected 4 and records of {CONDITIONAL.size()}")
        return numpy.fromfile(path, CONDITIONAL.dtype(), offset=4), path
    path = files.there(csv_of(CONDITIONAL.path))
    if path is not None:
        return csv_rows(CONDITIONAL, path, no_header=not has_header(path)), path
    return numpy.empty(0, CONDITIONAL.dtype()), files.path(CONDITIONAL.path)


def check_conditional(
    items: NDArray[Any], aggregate: NDArray[Any], ids: NDArray[Any], name: str, conditional: str
) -> None:
    """Items that depend on others have conditional functions, and only they."""
    dependent = items["source_item_id"] > 0
    known = numpy.isin(items["vulnerability_id"], ids) & ~aggregate
    for wrong, why in (
        (dependent & aggregate, "depends on another, but its vulnerability is an aggregate"),
        (
            dependent & ~aggregate & ~known,
            f"depends on another, but its vulnerability is not in {conditional}",
        ),
        (~dependent & known, f"depends on no other, but its vulnerability is in {conditional}"),
    ):
        if wrong.any():
            first = items[wrong][0]
            raise DataError(
                f"{name}: item {first['item_id']}: vulnerability {first['vulnerability_id']}: the item {why}"
            )


def matrices(
    rows: NDArray[Any], name: str, ids: NDArray[Any], bins: NDArray[Any], n_damage: int
) -> dict[int, NDArray[numpy.float32]]:
    """{vulnerability id: probabilities (damage bin of the source, damage bin)} of the ids that are needed.

    A bin of the source without probabilities means no damage, all of it in the first damage bin.
    """
    found = {}
    rows = rows[numpy.isin(rows["vulnerability_id"], ids)]
    for field, most in (("source_damage_bin", len(bins)), ("damage_bin", n_damage)):
        wrong = (rows[field] < 1) | (rows[field] > most)
        if field == "damage_bin":  # a bin that no function has may be there with a probability of 0
            wrong &= (rows[field] < 1) | (rows[field] > len(bins)) | (rows["probability"] != 0)
        if wrong.any():
            first = rows[wrong][0]
            raise DataError(
                f"{name}: vulnerability {first['vulnerability_id']}: {field.replace('_', ' ')} "
                f"{first[field]}, expected 1 to {most}"
            )
    wrong = ~((rows["probability"] >= 0) & numpy.isfinite(rows["probability"]))
    if wrong.any():
        first = rows[wrong][0]
        raise DataError(f"{name}: vulnerability {first['vulnerability_id']}: probability "
                        f"{first['probability']}, expected 0 to 1")  # fmt: skip
    rows = rows[rows["damage_bin"] <= n_damage]
    for id in ids.tolist():
        own = rows[rows["vulnerability_id"] == id]
        matrix = numpy.zeros((len(bins), n_damage), "<f4")
        matrix[own["source_damage_bin"] - 1, own["damage_bin"] - 1] = own["probability"]
        empty = matrix.sum(axis=1) == 0
        if empty.any() and not (bins["bin_from"][0] == 0 and bins["bin_to"][0] == 0):
            raise DataError(
                f"{name}: vulnerability {id}: no row of source damage bin "
                f"{some(numpy.flatnonzero(empty) + 1)}, which means no damage; expected a first damage bin "
                f"of 0 to 0, not {bins['bin_from'][0]} to {bins['bin_to'][0]}"
            )
        matrix[empty, 0] = 1
        found[id] = matrix
    return found
