"""What gulmc reads of damage: bins, vulnerability functions in every format of the platform, aggregates of
them and their weights, functions by the damage of another coverage, and those that settings replace.
"""

from __future__ import annotations

import os
import zlib

import numpy

from .arrays import csv_rows, read_table
from .errors import DataError, InputError
from .fulltables import csv_of, has_header, needed, some, table_rows
from .hazard import Files, json_of, parquet_columns
from .results import arrow
from .schemas import TABLES
from .schemas.model import Table
from .schemas.tables import AREAPERIL_ID, DAMAGE_BIN_ID, INTENSITY_BIN_ID, PROBABILITY, VULNERABILITY_ID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from typing import Any

    from numpy.typing import NDArray

    from ._types import AreaperilBytes


CHUNK = 1 << 22  # rows of a vulnerability file at once
CONDITIONAL = TABLES["conditional_vulnerability"]
REPLACEMENTS = Table(
    "vulnerability",
    "vulnerability.csv",
    (VULNERABILITY_ID, INTENSITY_BIN_ID, DAMAGE_BIN_ID, PROBABILITY),
    "Vulnerability functions that replace those of the model.",
)


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
        return csv_rows(CONDITIONAL, path, no_header=not has_header(path), validate=False), path
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
