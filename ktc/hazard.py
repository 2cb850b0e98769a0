"""Footprints of every format as sources of an event's hazard.

Of these, below static/, the first that is there with all its files is taken:

    footprint_chunk/, footprint_lookup.parquet     many events to a file footprint_N.parquet
    footprint.parquet/event_id=N/                  a folder for each event
    footprint.bin.z, footprint.idx.z               read by the kernel itself
    footprint.bin, footprint.idx                   read by the kernel itself
    footprint.csv

or, where intensities are to be made as a run goes:

    event_definition.parquet, hazard_case.parquet  the return periods between which an event lies in each
                                                   section, and the intensities that belong to them

Those of parquet come with footprint_parquet_meta.json. An event's rows stay in the order of the file.
"""

from __future__ import annotations

import json
import os
import struct

import numpy

from .arrays import csv_rows
from .errors import DataError, InputError
from .results import arrow
from .schemas import TABLES
from .schemas.model import Field, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from ._types import AreaperilBytes, PathLike


__all__ = ["EVENT", "Files", "Footprint", "footprint"]

# A row of an event's hazard; the last two are of dynamic footprints.
EVENT = numpy.dtype(
    [
        ("areaperil_id", "<u8"),
        ("intensity_bin_id", "<i4"),
        ("probability", "<f4"),
        ("intensity", "<i4"),
        ("return_period", "<i4"),
    ]
)
MAX_INTENSITY = 1 << 20  # as in getmodel
UNCERTAIN = 1  # bit of has_intensity_uncertainty and of a footprint's flags
META = "static/footprint_parquet_meta.json"
LOOKUP = "static/footprint_lookup.parquet"
SECTIONS = Table(
    "sections", "input/sections.csv", (Field("section_id", "i4", "a section of the model"),), "Sections."
)


class Files:
    """Where the files of a run lie.

    root: the run's folder. ignore: endings of files that are passed over. find: gives the path of what a run
    keeps at a place like "static/footprint.bin"; without it they lie below root.
    """

    def __init__(
        self, root: PathLike = ".", ignore: Iterable[str] = (), find: Callable[[str], str] | None = None
    ) -> None:
        self.root = "" if root == "." else os.fspath(root)  # messages name files as users do
        self.ignore, self.find = frozenset(ignore), find

    def path(self, place: str) -> str:
        """Where this lies, or would lie."""
        return os.path.join(self.root, place) if self.find is None else self.find(place)

    def there(self, place: str) -> str | None:
        """The path of this, unless it is absent or of an ending that is passed over."""
        path = self.path(place)
        return None if place.rsplit(".", 1)[-1] in self.ignore or not os.path.exists(path) else path


class Footprint:
    """The hazard of a model.

    n_intensity: the largest intensity bin. uncertain: an areaperil may have several. name: of the file, for
    messages. files: footprint and index, and whether they are compressed, of a format that the kernel reads
    itself.
    """

    places: tuple[str, ...] = ()
    n_intensity = 0
    uncertain = False
    files: tuple[str, str, bool] | None = None

    def __init__(
        self, files: Files, areaperils: NDArray[numpy.uint64], areaperil_bytes: AreaperilBytes
    ) -> None:
        self.name = files.path(self.places[0])
        self.areaperils = numpy.unique(areaperils.astype("u8"))
        self.open(files, areaperil_bytes)
        if not 1 <= self.n_intensity <= MAX_INTENSITY:
            raise DataError(
                f"{self.name}: the largest intensity bin is {self.n_intensity}, expected 1 to {MAX_INTENSITY}"
            )

    def open(self, files: Files, areaperil_bytes: AreaperilBytes) -> None:
        """Read what is not of one event."""
        raise NotImplementedError

    def rows(self, event_id: int) -> NDArray[Any] | None:
        """The event's rows, of dtype EVENT, or None where there are none."""
        raise NotImplementedError(f"{self.name} is read by the kernel")

    def read_meta(self, files: Files) -> None:
        """The number of intensity bins, and whether intensity is uncertain, of a footprint in parquet."""
        path = files.path(META)
        content = json_of(path)
        try:
            self.n_intensity = int(content["num_intensity_bins"])
            self.uncertain = bool(int(content["has_intensity_uncertainty"]) & UNCERTAIN)
        except (KeyError, TypeError, ValueError):
            raise DataError(
                f"{path}: expected an object with the numbers num_intensity_bins and "
                "has_intensity_uncertainty"
            ) from None

    def wanted(
        self, areaperil: NDArray[Any], intensity: NDArray[Any], probability: NDArray[Any]
    ) -> NDArray[Any]:
        """Those of an event's rows whose areaperil the portfolio has."""
        keep = numpy.isin(areaperil.astype("u8"), self.areaperils)
        return event_rows(areaperil[keep], intensity[keep], probability[keep])


class Binary(Footprint):
    """footprint.bin and footprint.idx."""

    places = ("static/footprint.bin", "static/footprint.idx")
    compressed = False

    def open(self, files: Files, areaperil_bytes: AreaperilBytes) -> None:
        path, index = (files.path(place) for place in self.places)
        with open(path, "rb") as file:
            header = file.read(8)
        if len(header) < 8:
            raise DataError(f"{path}: byte {len(header)}: the input ends inside the header of 8 bytes")
        self.n_intensity, flags = struct.unpack("<ii", header)
        self.uncertain = bool(flags & UNCERTAIN)
        self.files = path, index, self.compressed


class Compressed(Binary):
    """footprint.bin.z and footprint.idx.z."""

    places = ("static/footprint.bin.z", "static/footprint.idx.z")
    compressed = True


class Csv(Footprint):
    """footprint.csv, whose events may stand in any order."""

    places = ("static/footprint.csv",)

    def open(self, files: Files, areaperil_bytes: AreaperilBytes) -> None:
        rows = csv_rows(TABLES["footprint"], self.name, areaperil_bytes, validate=False)
        self.n_intensity = int(rows["intensity_bin_id"].max())
        pair = numpy.unique(rows[["event_id", "areaperil_id"]])
        self.uncertain = len(pair) < len(rows)
        self.table = rows[numpy.argsort(rows["event_id"], kind="stable")]

    def rows(self, event_id: int) -> NDArray[Any] | None:
        own = self.table[span(self.table["event_id"], event_id)]
        if not len(own):
            return None
        return event_rows(own["areaperil_id"], own["intensity_bin_id"], own["probability"])


COLUMNS = ("areaperil_id", "intensity_bin_id", "probability")


class Partitioned(Footprint):
    """footprint.parquet/event_id=N/: a folder for each event. One that is absent is an event without
    hazard."""

    places = ("static/footprint.parquet", META)

    def open(self, files: Files, areaperil_bytes: AreaperilBytes) -> None:
        arrow()
        self.read_meta(files)

    def rows(self, event_id: int) -> NDArray[Any] | None:
        folder = os.path.join(self.name, f"event_id={event_id}")
        if not os.path.isdir(folder):
            return None
        paths = [
            os.path.join(folder, name)
            for name in sorted(os.listdir(folder))
            if not name.startswith((".", "_"))  # of a dataset, these are not data
        ]
        if not paths:
            return None
        parts = [parquet_columns(path, COLUMNS) for path in paths]
        return self.wanted(*(numpy.concatenate(column) for column in zip(*parts)))


class Chunked(Footprint):
    """footprint_chunk/: many events to a file. footprint_lookup.parquet says which file has which event.

    The file of the last event is kept, as events that lie side by side are mostly run one after the other.
    """

    places = ("static/footprint_chunk", META, LOOKUP)

    def open(self, files: Files, areaperil_bytes: AreaperilBytes) -> None:
        self.read_meta(files)
        events, partitions = parquet_columns(files.path(LOOKUP), ("event_id", "partition"))
        self.partition = dict(zip(events.tolist(), partitions.tolist()))
        self.loaded: Any = None
        self.events: NDArray[Any] = numpy.empty(0, "i4")
        self.table: NDArray[Any] = numpy.empty(0, EVENT)

    def rows(self, event_id: int) -> NDArray[Any] | None:
        if event_id not in self.partition:
            return None
        if self.partition[event_id] != self.loaded:
            self.load(self.partition[event_id])
        own = self.table[span(self.events, event_id)]
        return own if len(own) else None

    def load(self, partition: Any) -> None:
        path = os.path.join(self.name, f"footprint_{partition}.parquet")
        events, areaperil, *rest = parquet_columns(path, ("event_id", *COLUMNS))
        keep = numpy.isin(areaperil.astype("u8"), self.areaperils)
        events, columns = events[keep], [column[keep] for column in (areaperil, *rest)]
        order = numpy.argsort(events, kind="stable")
        self.events, self.table = events[order], event_rows(*(column[order] for column in columns))
        self.loaded = partition


class Dynamic(Footprint):
    """event_definition.parquet and hazard_case.parquet: intensities that are made of those of two return
    periods.

        event_definition   event_id, section_id, rp_from, rp_to, interpolation
        hazard_case        section_id, areaperil_id, return_period, intensity [, probability]

    Either may be a file, or a folder of section_id=N/. A section or an areaperil that is absent from the
    hazard cases is not at risk.
    """

    places = ("static/event_definition.parquet", "static/hazard_case.parquet", META)

    def open(self, files: Files, areaperil_bytes: AreaperilBytes) -> None:
        self.read_meta(files)
        path = files.path(SECTIONS.path)
        if not os.path.exists(path):
            raise InputError(f"{path}: not there, expected the sections of a dynamic footprint")
        sections = numpy.unique(csv_rows(SECTIONS, path)["section_id"])
        self.read_cases(files.path(self.places[1]), sections)
        event, section, *definition = parquet_columns(
            self.name,
            ("event_id", "section_id", "rp_from", "rp_to", "interpolation"),
            {"section_id": self.case_section},
        )
        order = numpy.argsort(event, kind="stable")
        self.event, self.section = event[order], section[order]
        self.rp_from, self.rp_to, self.interpolation = (column[order] for column in definition)

    def read_cases(self, path: str, sections: NDArray[Any]) -> None:
        """The hazard cases of the portfolio, ascending by section, areaperil, return period and intensity.

        realisation: the rank of a case's intensity among those of its section, areaperil and return period.
        """
        names = ("section_id", "areaperil_id", "return_period", "intensity")
        wanted = {"section_id": sections, "areaperil_id": self.areaperils}
        section, areaperil, period, intensity, probability = parquet_columns(
            path, names, wanted, optional="probability"
        )
        if probability is None:
            probability = numpy.ones(len(section))
        order = numpy.lexsort((intensity, period, areaperil, section))
        section, areaperil, period = section[order], areaperil[order], period[order]
        first = starts_of(section, areaperil, period)
        start = numpy.maximum.accumulate(numpy.where(first, numpy.arange(len(first)), 0))
        self.realisation = numpy.arange(len(first)) - start
        self.areaperil, self.period, self.intensity = areaperil, period, intensity[order]
        self.probability = probability[order]
        self.case_section, begin = numpy.unique(section, return_index=True)
        self.case_begin = numpy.append(begin, len(section))

    def rows(self, event_id: int) -> NDArray[Any] | None:
        own = span(self.event, event_id)
        if own.start == own.stop:
            return None
        section, interpolation, rp_to = self.section[own], self.interpolation[own], self.rp_to[own]
        low, high = self.cases(section, self.rp_from[own]), self.cases(section, rp_to)
        a, b = self.paired(low[0], high[0])
        if not len(a):
            return None
        no_a, no_b = a < 0, b < 0
        from_case, to_case = low[0][a], high[0][b]
        # the definition that a pair belongs to: of its upper side, else the section's first
        first = {number: k for k, number in reversed(list(enumerate(section.tolist())))}
        case = numpy.where(no_b, from_case, to_case)
        number = self.case_section[numpy.searchsorted(self.case_begin, case, "right") - 1]
        of_section = numpy.array([first[each] for each in number.tolist()], "i8")
        definition = numpy.where(no_b, of_section, high[1][b])
        lower = or_zero(self.intensity[from_case], no_a)
        upper = or_zero(self.intensity[to_case], no_b)
        intensity = numpy.floor(lower + (upper - lower) * interpolation[definition]).astype("i8")
        probability = self.probability[numpy.where(no_a, to_case, from_case)]
        return self.collapsed(event_id, self.areaperil[case], intensity, rp_to[definition], probability)

    def cases(self, section: NDArray[Any], period: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """The cases of a return period for each of an event's definitions, and which of them each belongs to.
        Both end with a place for none."""
        parts = [numpy.empty(0, "i8")], [numpy.empty(0, "i8")]
        places = numpy.searchsorted(self.case_section, section)
        for k, place in enumerate(places.tolist()):
            begin, end = self.case_begin[place], self.case_begin[place + 1]
            found = begin + numpy.flatnonzero(self.period[begin:end] == period[k])
            parts[0].append(found)
            parts[1].append(numpy.full(len(found), k))
        case, definition = (numpy.concatenate(part) for part in parts)
        order = numpy.argsort(case, kind="stable")
        return numpy.append(case[order], 0), numpy.append(definition[order], 0)

    def paired(self, low: NDArray[Any], high: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Places in low and high of cases that share section, areaperil and realisation, ascending by these;
        -1 for the side that is missing."""
        case = numpy.concatenate((low[:-1], high[:-1]))
        section = numpy.searchsorted(self.case_begin, case, "right")
        key = (self.realisation[case], self.areaperil[case], section)
        order = numpy.lexsort(key)
        code = numpy.empty(len(case), "i8")
        code[order] = numpy.cumsum(starts_of(*(column[order] for column in key))) - 1
        n, m = int(code.max(initial=-1)) + 1, len(low) - 1
        count_a, count_b = (numpy.bincount(part, minlength=n) for part in (code[:m], code[m:]))
        pairs = numpy.maximum(count_a, 1) * numpy.maximum(count_b, 1)
        group = numpy.repeat(numpy.arange(n), pairs)
        within = numpy.arange(len(group)) - numpy.repeat(numpy.cumsum(pairs) - pairs, pairs)
        width = numpy.maximum(count_b, 1)[group]
        sides = []
        for codes, count, at in ((code[:m], count_a, within // width), (code[m:], count_b, within % width)):
            place = (numpy.cumsum(count) - count)[group] + at
            by_code = numpy.append(numpy.argsort(codes, kind="stable"), -1)
            sides.append(by_code[numpy.where(count[group] > 0, place, -1)])
        return sides[0], sides[1]

    def collapsed(
        self,
        event_id: int,
        areaperil: NDArray[Any],
        intensity: NDArray[Any],
        period: NDArray[Any],
        probability: NDArray[Any],
    ) -> NDArray[Any]:
        """Rows of the same areaperil, intensity and return period as one; the probabilities of an areaperil
        add up to 1; the highest intensity of an areaperil comes first."""
        order = numpy.lexsort((period, intensity, areaperil))
        areaperil, intensity, period = areaperil[order], intensity[order], period[order]
        first = starts_of(areaperil, intensity, period)
        probability = sums(probability[order], first)
        areaperil, intensity, period = areaperil[first], intensity[first], period[first]
        first = starts_of(areaperil)
        total = sums(probability, first)
        if not (total > 0).all():
            wrong = areaperil[first][~(total > 0)][0]
            raise DataError(
                f"{self.name}: event {event_id}: areaperil {wrong}: the probabilities of its hazard cases "
                f"add up to {total[~(total > 0)][0]}, expected more than 0"
            )
        probability = probability / total[numpy.cumsum(first) - 1]
        order = numpy.lexsort((-intensity, areaperil))
        rows = event_rows(areaperil[order], numpy.zeros(len(order)), probability[order])
        rows["intensity"], rows["return_period"] = intensity[order], period[order]
        return rows


FORMATS: tuple[type[Footprint], ...] = (Chunked, Partitioned, Compressed, Binary, Csv)


def footprint(
    root: PathLike = ".",
    *,
    areaperil_bytes: AreaperilBytes = 4,
    ignore: Iterable[str] = (),
    areaperils: NDArray[Any],
    dynamic: bool = False,
    find: Callable[[str], str] | None = None,
) -> Footprint:
    """The footprint of a run.

    Parameters
    ----------
    root : str or path
        The run's folder.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.
    ignore : iterable of str
        Endings of files that are passed over: parquet, json, z, bin, idx, csv.
    areaperils : array of int
        Those that the portfolio has; rows of others may be left out.
    dynamic : bool, default False
        Its intensities are made as the run goes, of event definitions and hazard cases.
    find : callable, optional
        Gives the path of what a run keeps at a place like "static/footprint.bin".

    Raises
    ------
    InputError
        There is no footprint.
    DataError
        It is wrong.
    """
    files = Files(root, ignore, find)
    for kind in (Dynamic,) if dynamic else FORMATS:
        if all(files.there(place) is not None for place in kind.places):
            if kind is Partitioned and not os.path.isdir(files.path(kind.places[0])):
                raise DataError(
                    f"{files.path(kind.places[0])}: a file, expected a folder of event_id=N/ for each event"
                )
            return kind(files, areaperils, areaperil_bytes)
    folder = os.path.dirname(files.path(Binary.places[0]))
    if dynamic:
        raise InputError(
            f"{folder}: no dynamic footprint, expected event_definition.parquet, hazard_case.parquet and "
            "footprint_parquet_meta.json"
        )
    more = " (there is a dynamic one)" if all(map(files.there, Dynamic.places)) else ""
    raise InputError(f"{folder}: no footprint in binary, csv or parquet{more}")


def event_rows(areaperil: NDArray[Any], intensity: NDArray[Any], probability: NDArray[Any]) -> NDArray[Any]:
    rows = numpy.zeros(len(areaperil), EVENT)
    rows["areaperil_id"], rows["intensity_bin_id"], rows["probability"] = areaperil, intensity, probability
    return rows


def span(ascending: NDArray[Any], value: int) -> slice:
    """Where a value stands in a column."""
    return slice(
        int(numpy.searchsorted(ascending, value)), int(numpy.searchsorted(ascending, value, "right"))
    )


def starts_of(*columns: NDArray[Any]) -> NDArray[numpy.bool_]:
    """Where rows that are in order begin to differ from the one before."""
    first = numpy.ones(len(columns[0]), "?")
    first[1:] = False
    for column in columns:
        first[1:] |= column[1:] != column[:-1]
    return first


def sums(values: NDArray[Any], first: NDArray[numpy.bool_]) -> NDArray[Any]:
    """Sums of groups, one after the other, that begin where first is set.

    Each is a compensated sum in the precision of the values, as in pandas, whose sums these have to equal.
    """
    start = numpy.flatnonzero(first)
    count = numpy.diff(numpy.append(start, len(values)))
    total, lost = numpy.zeros(len(start), values.dtype), numpy.zeros(len(start), values.dtype)
    for k in range(int(count.max(initial=0))):
        more = count > k
        value = values[start[more] + k] - lost[more]
        grown = total[more] + value
        lost[more] = grown - total[more] - value
        total[more] = grown
    return total


def or_zero(values: NDArray[Any], missing: NDArray[numpy.bool_]) -> NDArray[Any]:
    """0 where a value is missing. A gap makes whole numbers float64, as in pandas; real ones keep their
    precision."""
    if values.dtype.kind != "f" and missing.any():
        values = values.astype("f8")
    return numpy.where(missing, values.dtype.type(0), values)


def json_of(path: str) -> Any:
    """What a file of json holds."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except OSError as error:
        raise InputError(f"{path}: cannot read: {error.strerror}") from None
    except ValueError as error:
        raise DataError(f"{path}: not json: {error}") from None


def parquet_columns(
    path: str,
    names: Sequence[str],
    wanted: dict[str, NDArray[Any]] | None = None,
    optional: str | None = None,
) -> list[Any]:
    """Columns of a parquet file, or of a folder of them whose names may hold a column's value, as in
    section_id=7.

    wanted: of these columns, the values of the rows that are read. optional: one more column, None where the
    file lacks it.
    """
    pa = arrow()
    import pyarrow.dataset as datasets

    filter = None
    for name, values in (wanted or {}).items():
        one = datasets.field(name).cast(pa.int64()).isin(pa.array(values.astype("i8")))
        filter = one if filter is None else filter & one
    try:
        data = datasets.dataset(path, format="parquet", partitioning="hive")
        there = data.schema.names
        lacking = [name for name in names if name not in there]
        if lacking:
            raise DataError(f"{path}: no column {', '.join(lacking)}, expected {', '.join(names)}")
        chosen = [*names, *([optional] if optional is not None and optional in there else [])]
        table = data.to_table(columns=chosen, filter=filter, use_threads=False)
    except FileNotFoundError:
        raise InputError(f"{path}: not there") from None
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: {str(error).splitlines()[0]}") from None
    for name in chosen:
        if table[name].null_count:
            raise DataError(f"{path}: column {name} has gaps, expected a number in each row")
    columns: list[Any] = [table[name].to_numpy() for name in chosen]
    return columns + [None] * (optional is not None and optional not in chosen)
