"""Files and streams of the registry, identified and opened as batches of NumPy rows.

A stream begins with a word that says its kind. A table has no such word: its name says what it is, and where
that is not the registry's, the caller has to. Csv is known by its header line, parquet by its first bytes.
"""

from __future__ import annotations

import os
import stat
import struct
from dataclasses import dataclass, field
from difflib import get_close_matches

from ._core.io import Mapped, Sink, Source
from ._core.tables import source_of, take_header
from .converting import MINUTES, SIZED
from .errors import DataError, UsageError
from .headers import first_line
from .places import Place, form_of_correlations, read_binary
from .schemas import REPORTS, STREAMS, TABLES
from .schemas.model import packed
from .schemas.streams import CDF_ROW, LOSS_ROW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    import numpy
    from numpy.typing import NDArray

    from ._types import AreaperilBytes, PathLike
    from .schemas import Field, Report, Stream, Table

BATCH = 1 << 16  # records
LINE = 1 << 12  # bytes in which a csv's header line must end
CHUNK = 1 << 20  # bytes of a csv at once
PARQUET = b"PAR1"
STREAM_OF = {stream.kind: stream for stream in STREAMS.values()}
COMPRESSIBLE = ("footprint", "footprint_index", "vulnerability", "vulnerability_index")
# The file's name -> the table; of several forms of one table, the first.
TABLE_OF = {os.path.basename(table.path): name for name, table in reversed(TABLES.items())}
TABLE_OF = {**{f"{file}.z": name for file, name in TABLE_OF.items() if name in COMPRESSIBLE}, **TABLE_OF}


def row_dtype(fields: Iterable[Field], names: Mapping[str, str]) -> numpy.dtype[numpy.void]:
    """The dtype of rows of ktc._core.batches; names: of the columns that are wanted, as {the field's: the
    column's}."""
    import numpy

    whole = packed(fields)
    places = whole.fields
    assert places is not None
    return numpy.dtype(
        {
            "names": list(names.values()),
            "formats": [places[name][0] for name in names],
            "offsets": [places[name][1] for name in names],
            "itemsize": whole.itemsize,
        }
    )


def named_kind(kind: str) -> str:
    """The kind that the caller has named; UsageError if the registry has none of that name."""
    if kind not in TABLES and kind not in STREAMS:
        near = get_close_matches(kind, [*TABLES, *STREAMS], 3)
        raise UsageError(
            f"no table or stream is called {kind!r}" + (f", but {' and '.join(near)}" if near else "")
        )
    return kind


def columns_in(line: str) -> tuple[str, ...]:
    """The names in a csv's header line, ktools' quotes and blanks aside."""
    return tuple(name.strip().strip('"').strip() for name in line.split(","))


CSV_OF: dict[tuple[str, ...], Table | Stream | Report] = {}
_entry: Any
for _entry in (*REPORTS.values(), *TABLES.values(), *STREAMS.values()):
    CSV_OF.setdefault(columns_in(_entry.csv_header), _entry)


@dataclass
class File:
    """A file or stream, opened.

    path: None of standard input. kind: the name of a table or stream of the registry, "csv" or "parquet".
    entry: its entry there; of a csv, the one with its columns, or None. form: "table", "indexed",
    "compressed", "stream", "csv" or "parquet". index: the path of a table's index, if it has one. size:
    bytes, None of a pipe. header: the header's values. batches() gives the records, once.
    """

    name: str
    path: str | None = None
    kind: str = ""
    entry: Any = None
    form: str = ""
    size: int | None = None
    index: str | None = None
    areaperil_bytes: AreaperilBytes = 4
    header: dict[str, Any] = field(default_factory=dict)
    source: Any = None
    mapped: Mapped | None = None
    reader: Any = None  # of ktc._core.batches
    dtype: Any = None  # of its rows
    columns: tuple[Field, ...] = ()  # of the rows
    first_byte: int | None = None  # where the first record lies, if they lie one after the other

    def batches(self, most: int = BATCH, whole_events: bool = False, skip: int = 0) -> Iterator[NDArray[Any]]:
        """Structured arrays of about `most` records in order, without the first `skip`. whole_events: of
        a stream, each ends with an event. Where the input is wrong, what was whole comes first, and then the
        error."""
        import numpy

        more = True
        if skip and self.form != "stream":
            skip = self.reader.skip(skip)
        while more:
            try:
                more = (
                    self.reader.advance(most, whole_events)
                    if self.form == "stream"
                    else self.reader.advance(most)
                )
            except DataError:
                yield numpy.frombuffer(self.reader.take(), self.dtype)[skip:]
                raise
            rows = numpy.frombuffer(self.reader.take(), self.dtype)
            yield rows[skip:]
            skip = max(0, skip - len(rows))

    def byte(self, number: int, row: Any) -> int | None:
        """Where the record of this number, from 0, begins in the file; None if it is compressed or found by
        an index."""
        if self.form == "stream":
            header: int
            packet: int
            record: int
            header, packet, record = (
                sum(f.width(self.areaperil_bytes) for f in fields)
                for fields in (self.entry.header, self.entry.packet, self.entry.record)
            )
            before = int(row["packet"])  # packets, each of which has ended with a record of its own
            return (
                4 + header + (before + 1) * packet + (number + (before if self.kind != "cdf" else 0)) * record
            )
        if self.first_byte is None:
            return None
        size: int = self.entry.size(self.areaperil_bytes)
        return self.first_byte + number * size


def open_file(
    path: PathLike | None = None, kind: str | None = None, areaperil_bytes: AreaperilBytes = 4
) -> File:
    """A file or stream as a File: path None or "-" is standard input; kind None: identify it. UsageError
    where that fails.

    Its header and records wait for open_records().
    """
    if areaperil_bytes not in (4, 8):
        raise UsageError(f"areaperil_bytes is {areaperil_bytes!r}, expected 4 or 8")
    kind = None if kind is None else named_kind(kind)
    source = Source(path)
    file = File(source.name, size=size_of(path), areaperil_bytes=areaperil_bytes, source=source)
    file.path = (
        None if path is None or path == "-" else os.fspath(path)
    )  # the name is the path made printable
    file.kind = kind or kind_of(file)
    file.form = (
        file.kind if file.kind in ("csv", "parquet") else "stream" if file.kind in STREAMS else "table"
    )
    if file.form == "csv":
        line = source.peek(LINE).split(b"\n")[0].decode("utf-8-sig", "replace")
        file.entry = CSV_OF.get(columns_in(line))
    return file


def open_records(file: File) -> File:
    """Read the header; batches(), or of csv csv_batches(), has the records then. The File."""
    if file.form == "stream":
        open_stream(file)
    elif file.form == "table":
        open_table(file)
    elif file.form == "csv":
        import numpy

        file.dtype = numpy.dtype([(f.name, "<i8" if f.type[0] == "i" else "<f8") for f in file.entry.fields])
    return file


def size_of(path: PathLike | None) -> int | None:
    """Bytes that a regular file still has, None of anything else."""
    standard = path is None or path == "-"
    status = os.fstat(0) if standard or path is None else os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        return None
    return status.st_size - (os.lseek(0, 0, os.SEEK_CUR) if standard else 0)


def kind_of(file: File) -> str:
    """The kind of a File that has a source, by its first bytes and its name."""
    head = file.source.peek(4)
    word = int.from_bytes(head, "little") if len(head) == 4 else None
    if word in STREAM_OF and word != STREAMS["cdf"].kind:
        return STREAM_OF[word].name
    if head == PARQUET:
        return "parquet"
    base = os.path.basename(file.name)
    if base in TABLE_OF:
        return form_of(file, TABLE_OF[base])
    # 1 begins a cdf stream, and many a table, too, whose next numbers are not probabilities
    if word == STREAMS["cdf"].kind and looks_like_cdf(file):
        return "cdf"
    if base.endswith(".csv") or first_line(file.source.peek(LINE)) is not None:
        return "csv"
    raise UsageError(
        f"{file.name}: neither its first bytes nor its name say what this is; {fitting(file)}name it with "
        f"--as"
    )


def form_of(file: File, kind: str) -> str:
    """Which of two forms of a table this is: of a footprint's index, the footprint beside it says it, if it
    is there; of correlations, their size or their rows."""
    if kind == "correlations":
        return form_of_correlations(file.source)
    if kind == "footprint_index_sized" and file.path and file.size is not None:
        try:
            with open(sibling(file.path, "bin"), "rb") as data:
                flags: int = struct.unpack("<ii", data.read(8))[1]
        except (OSError, struct.error):
            return kind
        return kind if flags & SIZED else "footprint_index"
    return kind


def sibling(path: str, ending: str) -> str:
    """The path of the same name with another ending, .z kept."""
    stem, z = (path[:-2], ".z") if path.endswith(".z") else (path, "")
    return f"{os.path.splitext(stem)[0]}.{ending}{z}"


def looks_like_cdf(file: File) -> bool:
    """Whether a first packet of probabilities follows, or nothing at all. (Small whole numbers are tiny as
    real ones.)"""
    start = 4 + sum(f.width(file.areaperil_bytes) for f in STREAMS["cdf"].packet)
    head = file.source.peek(start + 8)
    if len(head) < start + 8:
        return len(head) == 4
    bins, prob_to, bin_mean = struct.unpack("<iff", head[-12:])
    return bins > 0 and prob_to < 1.01 and all(value == 0 or value > 1e-30 for value in (prob_to, bin_mean))


def fitting(file: File) -> str:
    """Which tables have records of a size that makes up the file, in words."""
    if file.size is None:
        return ""
    names = [
        name
        for name, table in TABLES.items()
        if not table.packet
        and file.size >= table.header_size()
        and (file.size - table.header_size()) % table.size(file.areaperil_bytes) == 0
    ]
    return (
        f"by its {file.size:,} bytes it may be {', '.join(names)}; "
        if names
        else f"no table has {file.size:,} bytes; "
    )


def open_stream(file: File) -> None:
    from ._core.batches import CdfBatches, LossBatches
    from ._core.codec import CdfDecoder, LossDecoder

    file.entry = STREAMS[file.kind]
    file.columns = column_fields(file.entry)
    if file.kind == "cdf":
        file.reader = CdfBatches(CdfDecoder(file.source, file.areaperil_bytes))
        file.dtype = row_dtype(CDF_ROW, {f.name: f.name for f in CDF_ROW})
        return
    decoder = LossDecoder(file.source, [file.entry.kind], as_written=True)
    file.header = {f.name: getattr(decoder, f.name) for f in file.entry.header}
    file.reader = LossBatches(decoder)
    file.dtype = row_dtype(
        LOSS_ROW,
        {
            f.name: file.columns[1].name if f.name == "id" else f.name
            for f in LOSS_ROW
            if f.name != "exposure" or file.kind == "summary"
        },
    )


def column_fields(stream: Stream) -> tuple[Field, ...]:
    """The csv columns of a stream as Fields; areaperil ids come 64 bits wide."""
    fields = {f.name: f for f in (*stream.packet, *stream.record, *(CDF_ROW if stream.name == "cdf" else ()))}
    return tuple(fields[name] for name in columns_in(stream.csv_header))


def open_table(file: File) -> None:
    """Find the records of a table, wherever its index says that they are, as validation does."""
    import numpy

    from ._core.batches import RecordBatches

    table = file.kind
    if file.kind in ("footprint", "vulnerability", "vulnerability_rows"):
        index = sibling(file.path or file.name, "idx")
        if file.name.endswith(".z") or (file.size is not None and os.path.exists(index)):
            file.form, file.index = "compressed" if file.name.endswith(".z") else "indexed", index
    place = Place(
        "vulnerability" if file.index and table == "vulnerability_rows" else table,
        "plain" if file.form == "table" else file.form,
        file.path or file.name,
        file.index,
    )
    if file.path and file.size is not None:
        file.mapped = Mapped(file.path)  # which the source looks into
        file.source = source_of(file.mapped)
    lead = None  # a column that the record lacks, which an index, a packet or a count gives

    def reader_of(layout: Any, header: dict[str, Any], first: int = -1, counted: bool = False) -> Any:
        nonlocal table, lead
        file.header = header
        if table == "occurrence" and header["date_options"] == MINUTES:
            table = "occurrence_granular"
        if table == "vulnerability" and file.index:
            table = "vulnerability_rows"
        field, stored = TABLES[table].csv_columns()[0]
        if not stored and (file.index or counted or TABLES[table].packet):
            lead = field
        return RecordBatches(layout, Sink.memory(), with_lead=lead is not None, counted=counted)

    file.reader = read_binary(place, reader_of, file.areaperil_bytes, file.source)
    file.entry = TABLES[table]
    file.dtype = numpy.dtype(
        ([(lead.name, "<i4")] if lead else []) + file.entry.dtype(file.areaperil_bytes).descr
    )
    if not file.index and not file.entry.packet:
        file.first_byte = file.entry.header_size()
    stored = [f for f, _ in file.entry.csv_columns() if f.name in file.dtype.names]
    file.columns = tuple(
        stored if len(stored) == len(file.dtype.names) else ([lead] if lead else []) + list(file.entry.fields)
    )


def csv_batches(file: File) -> Iterator[NDArray[Any]]:
    """The rows of a csv whose columns are a report's: whole numbers of 8 bytes, all others float64."""
    import numpy

    rest, line, more = b"", 1, True
    while more:
        data = take_header(file.source, len(file.source.peek(CHUNK)))
        more = len(data) == CHUNK
        *lines, rest = (rest + data).split(b"\n")
        if rest and not more:
            lines.append(rest)  # the last line has no end
        if line == 1:
            lines, line = lines[1:], 2
        try:
            if lines:
                yield numpy.atleast_1d(numpy.loadtxt(lines, file.dtype, delimiter=",", comments=None))
        except ValueError as error:
            raise DataError(f"{file.name}: lines {line} to {line + len(lines) - 1}: {error}") from None
        line += len(lines)
