"""What a file or stream is, and what its first records are: ktc info and ktc head.

    ktc.inspect.info("gul.bin").events          # how many events a stream has
    print(ktc.inspect.head("input/items.bin"))  # the first ten items

ktc.files identifies kinds. A stream is read in batches, so memory does not grow with it; head() stops where
it has enough.
"""

from __future__ import annotations

import json
import math
import os
import sys
from dataclasses import asdict, dataclass, field

from ._core.csvrows import Layout
from ._core.io import STDIN, Outputs, Sink, Source, write_all
from ._core.tables import TableReader
from .checker import count
from .converting import DAYS, MINUTES, dates_layout
from .errors import KtcError, TruncatedError, UsageError
from .files import BATCH, PARQUET, named_kind, open_file, open_records
from .schemas import STREAMS, TABLES
from .schemas.streams import MEAN, SPECIAL, SPECIAL_SAMPLES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from ._types import AreaperilBytes, PathLike
    from .files import File
    from .schemas import Field


__all__ = ["FileInfo", "head", "info"]

TOTALS = {"coverages": "tiv", "periods": "weighting"}  # columns whose sum means something


@dataclass
class FileInfo:
    """What a file or stream is, and what is in it. str() of it is a summary for people.

    Attributes
    ----------
    path : str
        The path, or a name for standard input.
    kind : str or None
        The name of a table or stream in ktc.schemas, "csv" or "parquet"; None if it could not be identified.
    form : {"table", "indexed", "compressed", "stream", "csv", "parquet"} or None
        Indexed and compressed are tables with an index.
    doc : str
        What that is, in words.
    size : int or None
        Bytes, None of a pipe.
    index : str or None
        The path of a table's index.
    header : dict
        The values of the header, by field.
    records : int or None
        Number of records.
    ranges : dict of str to (number, number)
        Smallest and largest value, by column.
    events : int or None
        Number of events, each counted once.
    returning : int or None
        Number of times that an event comes back later in a stream.
    first_returning : int or None
        The first event that does.
    packets : int or None
        Number of packets of a stream.
    largest_sidx : int or None
        Of the samples.
    special : dict of int to int
        Number of records, by sidx below 0.
    totals : dict of str to float
        Sums in float64, by name (currency; of periods, probability).
    fault : str or None
        What is wrong, if it is not whole or cannot be read; all else is then about what came before.
    status : int
        The exit status for that, else 0.
    """

    path: str
    kind: str | None = None
    form: str | None = None
    doc: str = ""
    size: int | None = None
    index: str | None = None
    header: dict[str, Any] = field(default_factory=dict)
    records: int | None = None
    ranges: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    events: int | None = None
    returning: int | None = None
    first_returning: int | None = None
    packets: int | None = None
    largest_sidx: int | None = None
    special: dict[int, int] = field(default_factory=dict)
    totals: dict[str, float] = field(default_factory=dict)
    fault: str | None = None
    status: int = 0

    @property
    def whole(self) -> bool:
        """Whether there is no fault."""
        return self.fault is None

    def __str__(self) -> str:
        lines = [f"{self.path}: {self.words()}"]

        def line(name: str, text: object) -> None:
            lines.append(f"  {name:24}{text}")

        if self.size is not None:
            line("bytes", f"{self.size:,}")
        for name, value in self.header.items():
            line(name, value)
        if self.index:
            line("index", self.index)
        for name in ("events", "packets", "records"):
            if getattr(self, name) is not None:
                line(name, f"{getattr(self, name):,}")
        if self.returning:
            line("events that come back", f"{self.returning:,}, the first of them {self.first_returning}")
        for name, (least, most) in self.ranges.items():
            line(name, f"{shown(least)} to {shown(most)}")
        if self.largest_sidx is not None:
            line("largest sidx", self.largest_sidx)
        for sidx, n in self.special.items():
            line(f"sidx {sidx}", f"{count(n, 'record')}: {SPECIAL[sidx]}")
        for name, total in self.totals.items():
            line(f"sum of {name}", f"{total:,.2f}")
        if self.kind in TABLES or self.kind in STREAMS:
            line("whole" if self.whole else "not whole", "yes" if self.whole else self.fault)
        return "\n".join(lines)

    def words(self) -> str:
        """Kind and form, and what that is."""
        noun = "table" if self.kind in TABLES else "stream"
        name = (
            f"{self.kind}"
            if self.kind == self.form
            else f"{self.kind} {noun}"
            if self.form in ("table", "stream")
            else (f"{self.kind} {noun}, {self.form}")
        )
        return f"{name}. {self.doc}" if self.doc else name


def shown(value: object) -> str:
    return f"{value:.7g}" if isinstance(value, float) else str(value)


def info(
    path: PathLike | None = None, *, kind: str | None = None, areaperil_bytes: AreaperilBytes = 4
) -> FileInfo:
    """Identify a file or stream and count what is in it.

    Bad data and what cannot be read are not raised: they go to the result's fault and status.

    Parameters
    ----------
    path : str or path, optional
        The file. Default, or "-": standard input.
    kind : str, optional
        The name of a table or stream in ktc.schemas. Default: identify it by its first bytes and its name.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.

    Returns
    -------
    FileInfo
        Kind, header, number and range of records, totals.

    Raises
    ------
    UsageError
        There is no such kind, or the kind cannot be identified.

    Examples
    --------
    >>> import ktc
    >>> found = ktc.inspect.info("input/items.bin")
    >>> found.kind, found.whole
    ('items', True)
    """
    found = FileInfo(str(path) if path is not None and path != "-" else STDIN)
    try:
        file = open_file(path, kind, areaperil_bytes)
        found.kind, found.form, found.size = file.kind, file.form, file.size
        describe(file, found)
        found.form, found.index = file.form, file.index
        if file.form not in ("csv", "parquet"):
            add_records(file, found)
    except UsageError:
        raise
    except KtcError as error:
        found.fault, found.status = str(error), error.status
    return found


def describe(file: File, found: FileInfo) -> None:
    """What the opened file says before its first record."""
    if file.form == "csv":
        entry = file.entry
        found.doc = (
            f"The columns of {entry.name}: {entry.doc}" if entry else "Columns that no table or report has."
        )
    elif file.form == "parquet":
        check_parquet(file)
    else:
        found.doc = (TABLES | STREAMS)[file.kind].doc
        open_records(file)
        found.header = file.header
        if file.kind == "footprint" and file.form == "table":
            found.doc += " There is no index beside it, so the records' events are not known."


def check_parquet(file: File) -> None:
    """The last bytes of a parquet file are its first."""
    if file.path and file.size is not None:
        with open(file.path, "rb") as data:
            data.seek(-min(len(PARQUET), file.size), os.SEEK_END)
            if data.read() != PARQUET:
                raise TruncatedError(
                    f"{file.name}: byte {file.size}: the file does not end with PAR1, as parquet does"
                )


class Counts:
    """What the records of a file add up to, batch by batch."""

    def __init__(self, file: File) -> None:
        self.file, self.records = file, 0
        self.ranges: dict[str, tuple[Any, Any]] = {}
        self.special = [0] * (SPECIAL_SAMPLES + 1)
        self.largest: int | None = None
        self.totals: dict[str, float] = {}
        self.events: set[int] = set()  # of a table

    def add(self, rows: NDArray[Any]) -> None:
        import numpy

        if not len(rows):
            return
        self.records += len(rows)
        for f in self.file.columns:
            if self.file.form != "stream" or f.name not in ("sidx", "loss", "bin_index"):
                low, high = rows[f.name].min(), rows[f.name].max()
                before = self.ranges.get(f.name, (low, high))
                self.ranges[f.name] = numpy.minimum(before[0], low), numpy.maximum(before[1], high)
        name = TOTALS.get(self.file.kind)
        if name:
            self.totals[name] = self.totals.get(name, 0.0) + float(rows[name].sum(dtype=numpy.float64))
        if self.file.form == "stream" and self.file.kind != "cdf":
            self.add_losses(rows["sidx"], rows["loss"])
        elif self.file.form != "stream" and "event_id" in (rows.dtype.names or ()):
            events = rows["event_id"]
            self.events.update(events[:1].tolist(), events[1:][events[1:] != events[:-1]].tolist())

    def add_losses(self, sidx: NDArray[Any], loss: NDArray[Any]) -> None:
        import numpy

        sample = sidx > 0
        if sample.any():
            self.largest = max(self.largest or 0, int(sidx.max()))
        for number, n in enumerate(
            numpy.bincount(numpy.where(sample, 0, -sidx), minlength=len(self.special))
        ):
            self.special[number] += int(n)
        for name, chosen in ((SPECIAL[MEAN], sidx == MEAN), ("samples", sample)):
            self.totals[name] = self.totals.get(name, 0.0) + float(loss[chosen].sum(dtype=numpy.float64))


def add_records(file: File, found: FileInfo) -> None:
    """Count all records, up to a fault if there is one."""
    counts = Counts(file)
    try:
        for rows in file.batches():
            counts.add(rows)
    finally:
        found.records = counts.records
        found.ranges = {name: (low.item(), high.item()) for name, (low, high) in counts.ranges.items()}
        if file.form == "stream":
            events = file.reader.events
            found.packets, found.events, found.returning = file.reader.packets, events.n, events.returned
            found.first_returning = events.first_returned if events.returned else None
            if file.kind != "cdf":
                found.largest_sidx = counts.largest
                found.special = {-n: records for n, records in enumerate(counts.special) if n and records}
                samples = max(file.header["sample_size"], 1)
                found.totals = {
                    f"{SPECIAL[MEAN]}s": counts.totals.get(SPECIAL[MEAN], 0.0),
                    "sample means": counts.totals.get("samples", 0.0) / samples,
                }
        else:
            found.totals = counts.totals
            if "event_id" in (file.dtype.names or ()):
                found.events = len(counts.events)


def report_info(
    files: Sequence[str] = (),
    *,
    kind: str | None = None,
    areaperil_bytes: AreaperilBytes = 4,
    json: bool = False,
) -> int:
    """info() of each file, on standard output, with faults on standard error; the exit status of the worst.
    json: one array of objects, a FileInfo each; a number that is not finite is a string there."""
    from .console import say

    if files.count("-") > 1:
        raise UsageError("standard input can be read once")
    if kind is not None:
        named_kind(kind)
    infos = []
    for path in files or ["-"]:
        try:
            infos.append(info(path, kind=kind, areaperil_bytes=areaperil_bytes))
        except UsageError as error:
            infos.append(FileInfo(path, fault=str(error), status=error.status))
    if json:
        say(as_json(infos))
    else:
        say("\n".join(f"{each}\n" for each in infos if each.kind is not None))
    for each in infos:
        if each.fault:
            print(f"ktc info: error: {each.fault}", file=sys.stderr)
    return max(each.status for each in infos)


def as_json(infos: Sequence[FileInfo]) -> str:
    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {str(key): plain(each) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [plain(each) for each in value]
        return str(value) if isinstance(value, float) and not math.isfinite(value) else value

    return json.dumps([plain({**asdict(each), "whole": each.whole}) for each in infos], indent=1) + "\n"


# --- the first records


def head(
    path: PathLike | None = None,
    n: int = 10,
    *,
    skip: int = 0,
    kind: str | None = None,
    areaperil_bytes: AreaperilBytes = 4,
) -> NDArray[Any]:
    """Read the first records of a binary table or stream.

    No more is read than is needed; the skipped records of a table are not read.

    Parameters
    ----------
    path : str or path, optional
        The file. Default, or "-": standard input.
    n : int, default 10
        Number of records, or as many as there are.
    skip : int, default 0
        Number of records before the first one returned.
    kind : str, optional
        The name of a table or stream in ktc.schemas. Default: identify it by its first bytes and its name.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.

    Returns
    -------
    numpy.ndarray
        Structured, of the columns that its csv has (of an occurrence table, the date as its number).

    Raises
    ------
    DataError
        Bad data before the last record asked for.
    UsageError
        There is no such kind, the kind cannot be identified, or it is csv or parquet.

    Examples
    --------
    >>> import ktc
    >>> ktc.inspect.head("input/items.bin", 2)["item_id"].tolist()
    [1, 2]
    """
    import numpy

    file = open_head(path, n, skip, kind, areaperil_bytes)
    parts = list(first_records(file, n, skip))
    return numpy.concatenate(parts or [numpy.empty(0, file.dtype)])[[f.name for f in file.columns]]


def open_head(
    path: PathLike | None, n: int, skip: int, kind: str | None, areaperil_bytes: AreaperilBytes
) -> File:
    """The File of head()'s arguments."""
    if n < 0 or skip < 0:
        raise UsageError(f"{n} records after {skip}: expected 0 or more of both")
    file = open_file(path, kind, areaperil_bytes)
    if file.form in ("csv", "parquet"):
        raise UsageError(f"{file.name}: this is {file.form}, expected a binary table or stream")
    return open_records(file)


def first_records(file: File, n: int, skip: int) -> Iterator[NDArray[Any]]:
    """Batches of the records skip .. skip + n."""
    for rows in file.batches(min(n + skip if file.form == "stream" else n, BATCH), skip=skip) if n else ():
        yield rows[:n]
        n -= len(rows)
        if n <= 0:
            return


class Csv:
    """How the converters write a File's records: header is their header line, names the columns, of which
    damage_bin_dict's tool leaves the last out."""

    def __init__(self, file: File) -> None:
        self.file = file
        self.dates: Any = None  # the Layout of dates
        self.fields: Sequence[Field] = file.columns
        entry = file.entry
        if file.kind in ("occurrence_dates", "occurrence_granular") or file.header.get("date_options") in (
            DAYS,
            MINUTES,
        ):
            entry = TABLES[
                "occurrence_granular" if entry.name == "occurrence_granular" else "occurrence_dates"
            ]
            self.dates, self.fields = dates_layout(entry)[1], [f for f, _ in entry.csv_columns()]
        elif entry.name == "damage_bin_dict":
            self.fields = self.fields[:-1]
        self.names = [f.name for f in self.fields]
        stream = file.form == "stream"
        self.separator: str = "," if stream else entry.separator
        self.prefix: str = "" if stream else entry.prefix
        if entry.name == "damage_bin_dict":
            self.header = ", ".join(entry.csv_header.split(", ")[:-1])
        else:  # a footprint without its index lacks a column
            self.header = (
                ",".join(self.names) if file.kind == "footprint" and not file.index else entry.csv_header
            )

    def write(self, rows: NDArray[Any], sink: Sink) -> None:
        """Rows as csv lines."""
        data = Source(rows.tobytes())
        if self.dates is not None:
            TableReader(self.dates, sink).dates(data, self.file.entry.name == "occurrence_granular")
            return
        places = rows.dtype.fields
        assert places is not None
        columns = [
            (f.name, f.resolved(self.file.areaperil_bytes), f.csv, places[f.name][1]) for f in self.fields
        ]
        TableReader(
            Layout(columns, rows.dtype.itemsize, separator=self.separator, prefix=self.prefix), sink
        ).records(data)


def report_head(
    file: str | None = None,
    *,
    n: int = 10,
    skip: int = 0,
    kind: str | None = None,
    csv: bool = False,
    areaperil_bytes: AreaperilBytes = 4,
) -> int:
    """head() on standard output, in columns for people, or as the converters write csv."""
    opened = open_head(file, n, skip, kind, areaperil_bytes)
    form = Csv(opened)
    with Outputs() as outputs:
        sink = outputs.open()
        if csv:
            write_all(sink, f"{form.header}\n".encode())
            for rows in first_records(opened, n, skip):
                form.write(rows, sink)
            return 0
        widths, head = [len(name) for name in form.names], [form.names]
        for rows in first_records(opened, n, skip):
            memory = Sink.memory()
            form.write(rows, memory)
            cells = head + [
                [cell.strip() for cell in line.split(",")] for line in memory.getvalue().decode().splitlines()
            ]
            widths = (
                [max(width, *map(len, column)) for width, column in zip(widths, zip(*cells))]
                if cells
                else widths
            )
            write_all(
                sink, "".join(f"{'  '.join(map(str.rjust, line, widths))}\n" for line in cells).encode()
            )
            head = []
        if head:  # no records
            write_all(sink, f"{'  '.join(form.names)}\n".encode())
    return 0
