"""Footprints in parquet, as the Oasis platform's gulmc and modelpy read them, from and to footprint.bin.

    by event   footprint.parquet/event_id=7/part-0.parquet     areaperil_id, intensity_bin_id, probability
    in chunks  footprint_chunk/footprint_1.parquet, _2, ...    the same and event_id, events whole
               footprint_lookup.parquet                        event_id, partition (the chunk's number),
                                                               min_areaperil_id, max_areaperil_id
    of both    footprint_parquet_meta.json                     num_intensity_bins, has_intensity_uncertainty

Needs pyarrow.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile

from ._core.io import Mapped, Outputs, Sink, write_all
from ._core.tables import source_of
from .concat import Trouble
from .converting import SIZED, UNCERTAIN, header_of, header_values, layout_of, tell
from .errors import DataError, InputError, OutputError, UsageError
from .indexed import footprint_records
from .places import BY_EVENT, CHUNKS, Place, place_of
from .results import arrow
from .schemas import TABLES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from ._types import AreaperilBytes, PathLike


__all__ = ["footprint_bin_to_parquet", "footprint_parquet_to_bin"]

LOOKUP, META = "footprint_lookup.parquet", "footprint_parquet_meta.json"
CHUNK_SIZE = 8 << 20  # bytes of rows, before they are compressed
COLUMNS = ("areaperil_id", "intensity_bin_id", "probability")


def footprint_bin_to_parquet(
    static_path: PathLike = ".",
    *,
    chunk: bool = False,
    chunk_size: int = CHUNK_SIZE,
    areaperil_bytes: AreaperilBytes = 4,
) -> None:
    """A footprint in parquet, from footprint.bin and footprint.idx (or those that end in .z). Needs pyarrow.

    What is there of it already is replaced once all is written. Events without rows are left out.

    Parameters
    ----------
    static_path : str or path, default "."
        The folder of the footprint.
    chunk : bool, default False
        Files of many events and a table of which event is where, instead of a file for each event.
    chunk_size : int, default 8388608
        Bytes of rows, before they are compressed, after which a chunk ends; events stay whole.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.

    Raises
    ------
    InputError
        There is no footprint in the folder.
    DataError
        The footprint or its index is damaged, or an event comes twice.
    UsageError
        pyarrow is not installed.
    """
    arrow()
    if chunk_size < 1:
        raise UsageError(f"the size of a chunk is {chunk_size}, expected 1 or more")
    place = place_of("footprint", static_path, "footprint")
    if place is None or place.form == "csv":
        raise InputError(f"{os.path.join(static_path, 'footprint.bin')}: cannot read: no such file")
    events = Events(place, areaperil_bytes)
    with Folder(static_path, CHUNKS if chunk else BY_EVENT) as folder:
        if chunk:
            write_chunks(folder, events, chunk_size)
        else:
            for event_id, rows in events.in_order():
                below = os.path.join(folder.path, f"event_id={event_id}")
                os.mkdir(below)
                write_parquet(os.path.join(below, "part-0.parquet"), columns_of(rows, COLUMNS))
        folder.write(
            META,
            json.dumps(
                {
                    "num_intensity_bins": events.header["max_intensity_bin"],
                    "has_intensity_uncertainty": bool(events.header["flags"] & UNCERTAIN),
                }
            ),
        )


class Events:
    """The events of a footprint with an index; header: the values of its header."""

    def __init__(self, place: Place, areaperil_bytes: AreaperilBytes) -> None:
        import numpy

        table = TABLES["footprint"]
        self.place, self.areaperil_bytes = place, areaperil_bytes
        self.data, self.index = Mapped(place.path), Mapped(place.index or "")
        self.header = header_values(table, source_of(self.data))
        self.dtype = numpy.dtype([("event_id", "<i4"), *table.dtype(areaperil_bytes).descr])
        sized = place.form == "compressed" and self.header["flags"] & SIZED
        self.entry = TABLES["footprint_index_sized" if sized else "footprint_index"].dtype()

    def read(self, index: Mapped) -> Iterator[NDArray[Any]]:
        """The rows of each event in an index that has some."""
        import numpy

        from ._core.batches import RecordBatches

        reader = footprint_records(
            lambda layout, header: RecordBatches(layout, Sink.memory(), with_lead=True),
            self.data,
            index,
            areaperil_bytes=self.areaperil_bytes,
            compressed=self.place.form == "compressed",
        )
        more = True
        while more:
            more = reader.advance(1)
            rows = numpy.frombuffer(reader.take(), self.dtype)
            if len(rows):
                yield rows

    def in_order(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """(id, rows) of each event that has some; DataError if one comes twice."""
        seen: set[int] = set()
        for rows in self.read(self.index):
            event_id = int(rows["event_id"][0])
            if event_id in seen:
                raise DataError(f"{self.place.index}: event_id {event_id} comes a second time")
            seen.add(event_id)
            yield event_id, rows

    def of(self, ids: Iterable[int]) -> Iterator[NDArray[Any]]:
        """The rows of these events, once in_order() has found no fault."""
        import numpy

        index = numpy.frombuffer(self.index.tobytes(), self.entry)
        place = {event_id: i for i, event_id in enumerate(index["event_id"].tolist())}
        for event_id in ids:
            i = place[event_id]
            yield next(self.read(Mapped(index[i : i + 1].tobytes(), self.place.index)))


def write_chunks(folder: Folder, events: Events, chunk_size: int) -> None:
    """Events by their smallest areaperil id, so that those of one region are together, and where each is."""
    import numpy

    ranges = {
        event_id: (int(rows["areaperil_id"].min()), int(rows["areaperil_id"].max()))
        for event_id, rows in events.in_order()
    }
    order = sorted(ranges, key=lambda event_id: ranges[event_id][0])
    held: list[NDArray[Any]] = []
    size, number, lookup = 0, 1, []
    for event_id, rows in zip(order, events.of(order)):
        lookup.append((event_id, number, *ranges[event_id]))
        held.append(rows)
        size += rows.nbytes
        if size >= chunk_size or len(lookup) == len(order):
            path = os.path.join(folder.path, f"footprint_{number}.parquet")
            write_parquet(path, columns_of(numpy.concatenate(held), (*COLUMNS, "event_id")))
            held, size, number = [], 0, number + 1
    area = f"<u{events.areaperil_bytes}"
    names = ("event_id", "partition", "min_areaperil_id", "max_areaperil_id")
    table = numpy.array(lookup, list(zip(names, ("<i4", "<i8", area, area))))
    folder.write(LOOKUP, lambda path: write_parquet(path, columns_of(table, names)))


def columns_of(rows: NDArray[Any], names: Sequence[str]) -> dict[str, Any]:
    """Fields of an array as Arrow's columns."""
    import numpy

    pa = arrow()
    return {name: pa.array(numpy.ascontiguousarray(rows[name])) for name in names}


def write_parquet(path: str, columns: dict[str, Any]) -> None:
    """Columns as a parquet file."""
    pa = arrow()
    import pyarrow.parquet  # noqa: F401

    pa.parquet.write_table(
        pa.table(columns), path, compression="brotli" if pa.Codec.is_available("brotli") else "zstd"
    )


class Folder:
    """A folder below another, and files beside it, that appear when all is written, or not at all.

    path: where to write what goes into the folder.
    """

    def __init__(self, above: PathLike, name: str) -> None:
        self.above, self.name = os.fspath(above), name
        self.beside: dict[str, str | Callable[[str], None]] = {}

    def __enter__(self) -> Folder:
        try:
            self.all = tempfile.mkdtemp(prefix=f".{self.name}.", dir=self.above)
        except OSError as error:
            raise OutputError(f"{self.above}: cannot write: {error.strerror}") from None
        self.path = os.path.join(self.all, self.name)
        os.mkdir(self.path)
        return self

    def write(self, name: str, content: str | Callable[[str], None]) -> None:
        """A file beside the folder: its text, or what writes it to a path."""
        path = os.path.join(self.all, name)
        if callable(content):
            content(path)
        else:
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
        self.beside[name] = path

    def __exit__(self, kind: type[BaseException] | None, error: object, traceback: object) -> None:
        try:
            if kind is None:
                target = os.path.join(self.above, self.name)
                if os.path.lexists(target):
                    os.replace(target, os.path.join(self.all, "old"))
                os.replace(self.path, target)
                for name in self.beside:
                    os.replace(os.path.join(self.all, name), os.path.join(self.above, name))
        except OSError as fault:
            raise OutputError(f"{self.above}: cannot write: {fault.strerror}") from None
        finally:
            shutil.rmtree(self.all, ignore_errors=True)
        if isinstance(error, OSError) and error.errno:
            raise OutputError(f"{self.above}: cannot write: {error.strerror}") from None


# --- parquet to binary


def footprint_parquet_to_bin(
    static_path: PathLike = ".",
    *,
    compress: bool = False,
    sized: bool = False,
    areaperil_bytes: AreaperilBytes = 4,
) -> None:
    """footprint.bin and footprint.idx from a footprint in parquet. Needs pyarrow.

    From chunks if there are some, else by event, as gulmc prefers them. Events are in the order of their ids.

    Parameters
    ----------
    static_path : str or path, default "."
        The folder of the footprint.
    compress : bool, default False
        footprint.bin.z and footprint.idx.z, each event's rows as a zlib stream.
    sized : bool, default False
        The index of a compressed footprint has the original sizes.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.

    Raises
    ------
    InputError
        There is no footprint in parquet in the folder.
    DataError
        A file is damaged, a column or a value is missing, or a value does not fit.
    UsageError
        pyarrow is not installed.
    """
    import zlib

    import numpy

    arrow()
    if sized and not compress:
        tell(["the index has no original sizes (-u) unless the footprint is compressed (-z)"])
        sized = False
    source = ParquetFootprint(os.fspath(static_path), areaperil_bytes)
    table, entry = TABLES["footprint"], TABLES["footprint_index_sized" if sized else "footprint_index"]
    layout_of(table, areaperil_bytes)  # refuses another width
    at, found = table.header_size(), []
    target = os.path.join(static_path, "footprint")
    suffix = ".z" if compress else ""
    with Outputs() as outputs:
        data = outputs.open(f"{target}.bin{suffix}")
        index = outputs.open(f"{target}.idx{suffix}")
        write_all(
            data,
            header_of(
                table,
                {"max_intensity_bin": source.bins, "flags": SIZED * sized | UNCERTAIN * source.uncertain},
            ),
        )
        for event_id, rows in source.events():
            content = rows.tobytes()
            original = len(content)
            if compress:
                content = zlib.compress(content)
            write_all(data, content)
            found.append((event_id, at, len(content), original)[: len(entry.fields)])
            at += len(content)
        write_all(index, numpy.array(found, entry.dtype()).tobytes())


class ParquetFootprint:
    """A footprint in parquet. bins, uncertain: what its json says."""

    def __init__(self, folder: str, areaperil_bytes: int) -> None:
        self.folder = folder
        self.dtype = TABLES["footprint"].dtype(areaperil_bytes)
        self.chunked = all(os.path.exists(os.path.join(folder, name)) for name in (CHUNKS, LOOKUP))
        if not self.chunked and not os.path.isdir(os.path.join(folder, BY_EVENT)):
            raise InputError(f"{os.path.join(folder, BY_EVENT)}: cannot read: no such folder")
        path = os.path.join(folder, META)
        try:
            with open(path, encoding="utf-8") as file:
                facts = json.load(file)
            self.bins = int(facts["num_intensity_bins"])
            self.uncertain = bool(facts["has_intensity_uncertainty"])
        except OSError as error:
            raise InputError(f"{path}: cannot read: {error.strerror}") from None
        except (ValueError, KeyError, TypeError):
            raise DataError(
                f"{path}: expected num_intensity_bins, a whole number, and has_intensity_uncertainty"
            ) from None

    def events(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """(id, rows) of each event, by id."""
        return self.of_chunks() if self.chunked else self.of_folders()

    def of_folders(self) -> Iterator[tuple[int, NDArray[Any]]]:
        import numpy

        head, above = "event_id=", os.path.join(self.folder, BY_EVENT)
        names = [name for name in os.listdir(above) if name.startswith(head)]
        wrong = [name for name in names if not name[len(head) :].isdecimal()]
        if wrong:
            raise DataError(f"{os.path.join(above, wrong[0])}: expected {head} and a whole number")
        for event_id, name in sorted((int(name[len(head) :]), name) for name in names):
            below = os.path.join(above, name)
            files = sorted(each for each in os.listdir(below) if each.endswith(".parquet"))
            parts = [self.rows(os.path.join(below, each)) for each in files]
            if parts:
                yield event_id, numpy.concatenate(parts)

    def of_chunks(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """By event id. A chunk is read once: its events wait in a file without a name."""
        import numpy

        places: dict[int, tuple[int, int]] = {}
        with tempfile.TemporaryFile(dir=self.folder) as waiting:
            for event_id, rows in self.by_chunk():
                places[event_id] = waiting.tell(), rows.nbytes
                waiting.write(rows.tobytes())
            for event_id, (at, size) in sorted(places.items()):
                waiting.seek(at)
                yield event_id, numpy.frombuffer(waiting.read(size), self.dtype)

    def by_chunk(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """By chunk, and there by event id; an event is in the chunk that the lookup names."""
        import numpy

        path = os.path.join(self.folder, LOOKUP)
        lookup = self.columns(path, {"event_id": "<i4", "partition": "<i8"})
        where = dict(zip(lookup["event_id"].tolist(), lookup["partition"].tolist()))
        if len(where) != len(lookup):
            raise DataError(f"{path}: an event_id comes a second time")
        for number in sorted(set(where.values())):
            chunk = os.path.join(self.folder, CHUNKS, f"footprint_{number}.parquet")
            rows = self.rows(chunk, event=True)
            rows = rows[numpy.argsort(rows["event_id"], kind="stable")]
            ids, first = numpy.unique(rows["event_id"], return_index=True)
            for event_id, part in zip(ids.tolist(), numpy.split(rows, first[1:])):
                if where.get(event_id) != number:
                    raise DataError(
                        f"{chunk}: event_id {event_id} is here, where {LOOKUP} has it "
                        + (f"in chunk {where[event_id]}" if event_id in where else "nowhere")
                    )
                event = numpy.empty(len(part), self.dtype)
                for name in COLUMNS:
                    event[name] = part[name]
                yield event_id, event

    def rows(self, path: str, event: bool = False) -> NDArray[Any]:
        types = {name: self.dtype[name].str for name in COLUMNS}
        return self.columns(path, {"event_id": "<i4", **types} if event else types)

    def columns(self, path: str, types: dict[str, str]) -> NDArray[Any]:
        """Columns of a parquet file as a packed array; DataError where one is missing, or a value is or does
        not fit."""
        import numpy

        pa = arrow()
        import pyarrow.parquet  # noqa: F401

        with Trouble(path):
            file = pa.parquet.ParquetFile(path)
            missing = [name for name in types if name not in file.schema_arrow.names]
            table = None if missing else file.read(columns=list(types))
        if table is None:
            raise DataError(f"{path}: no column {', '.join(missing)}; expected {', '.join(types)}")
        found = numpy.empty(len(table), list(types.items()))
        for name, type in types.items():
            column = table.column(name)
            if column.null_count:
                raise DataError(f"{path}: a value of {name} is missing")
            values = column.to_numpy()
            if values.dtype.kind not in "iuf" or (values.dtype.kind == "f") != (type[1] == "f"):
                raise DataError(f"{path}: {name} is of type {column.type}, expected {numpy.dtype(type)}")
            with numpy.errstate(over="ignore"):
                found[name] = values
            right = numpy.isfinite(found[name]) if type[1] == "f" else found[name] == values
            if not right.all():
                row = int(numpy.argmin(right))
                raise DataError(
                    f"{path}: row {row + 1}: {name} is {values[row]}, expected a value of {numpy.dtype(type)}"
                )
        return found
