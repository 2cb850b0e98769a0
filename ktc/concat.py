"""kat and katparquet: the tables of several processes as one, in csv or in parquet.

Tables of losses by event are merged by event, tables of losses by occurrence by period and event. What comes
next is the file whose first row that is not yet written has the smallest key; of equal keys, that of the
earlier file. So no row is lost, rows of a file keep their order, and files that are sorted give a table that
is. Files need not be sorted: those of pltcalc are not.
"""

from __future__ import annotations

import os
import stat

from ._core.io import STDOUT, Outputs, Source
from .errors import DataError, InputError, UsageError, printable
from .schemas import REPORTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType
    from typing import Any, Self

    from numpy.typing import NDArray

    from ._core.io import Sink
    from ._core.kat import Merge
    from ._types import BufferLike, PathLike, SourceLike, SupportsRead, TargetLike
    from .schemas.model import Report


__all__ = ["kat", "katparquet"]

EVENT, PERIOD = ("EventId", "event_id"), ("Period", "period_no")


def column(report: Report, names: tuple[str, str]) -> int | None:
    """The place, from 0, of the column that has one of these names; None where there is none."""
    return next((i for i, field in enumerate(report.fields) if field.name in names), None)


def place_of_event(report: Report) -> int:
    """The place of the column of events, which there is."""
    place = column(report, EVENT)
    assert place is not None
    return place


# The tables that have events. Where a row may be of two of them (MELT and QPLT), it is the one with more
# whole numbers.
TABLES = sorted(
    (report for report in REPORTS.values() if column(report, EVENT) is not None),
    key=lambda report: -sum(field.type[0] == "i" for field in report.fields),
)
COUNTS = sorted({len(report.fields) for report in TABLES})
BY_HEADER: dict[str | None, Report] = {report.csv_header: report for report in REPORTS.values()}


def inputs(files: Any, folder: PathLike | None) -> list[Any]:
    """The files to read: those of the folder in the order of their names, then the others as they are
    given."""
    found: list[Any] = []
    if folder is not None:
        try:
            with os.scandir(folder) as entries:
                # no hidden ones: unfinished outputs are among them
                found = [
                    entry.path for entry in entries if entry.is_file() and not entry.name.startswith(".")
                ]
        except OSError as error:
            raise InputError(f"{os.fspath(folder)}: cannot open: {error.strerror}") from None
        found.sort(key=os.fsencode)
    found += [files] if isinstance(files, (str, os.PathLike)) else files
    if not found:
        raise UsageError(
            "no files to read" if folder is None else f"no files to read: {os.fspath(folder)} has none"
        )
    if sum(file is None or file == "-" for file in found if isinstance(file, (str, type(None)))) > 1:
        raise UsageError("standard input is asked for twice")
    return found


def without_output(found: list[Any], sink: Sink) -> list[Any]:
    """The files to read but for the output, should that lie among them and be empty; UsageError where it is
    not."""
    try:
        status = None if sink.place is None else os.fstat(1) if sink.place == STDOUT else os.stat(sink.place)
    except OSError:  # it is yet to appear
        status = None
    if status is None or not stat.S_ISREG(status.st_mode):
        return found
    rest = []
    for file in found:
        try:
            same = isinstance(file, (str, os.PathLike)) and os.path.samestat(os.stat(file), status)
        except OSError:  # opening it says why
            same = False
        if same and status.st_size:
            raise UsageError(f"{os.fspath(file)}: asked for as input and as output")
        if not same:
            rest.append(file)
    return rest


def kat(
    files: PathLike | Iterable[SourceLike] = (),
    target: TargetLike = None,
    *,
    folder: PathLike | None = None,
    unsorted: bool = False,
    process_id: int = 0,
) -> None:
    """Tables in csv from several files to one, merged by event, or by period and event.

    The header comes first, once, of those files that have one.

    Parameters
    ----------
    files : iterable of str or path, int, file object or bytes-like, optional
        Tables of one kind: an ELT or PLT of ktools or of Open Results Data, or losses by summary. All are
        opened first, in this order, and then read as streams; named pipes will do.
    target : str or path, int or file object, optional
        Where the table goes; None or "-" is standard output.
    folder : str or path, optional
        Read its regular files too, in the order of their names and before `files`; hidden ones are left out.
    unsorted : bool, default False
        The files' bytes one after the other, whatever they are.
    process_id : int, default 0
        Accepted without effect (ktools leaves an empty file of that name, which nothing reads).

    Raises
    ------
    DataError
        A row of another kind or with too few columns; the message has the file and the line.
    UsageError
        No files, or one of them is the output.
    InputError
        A file cannot be read.
    OutputError
        The target cannot be written.

    Examples
    --------
    >>> import ktc
    >>> header = b"summary_id,type,event_id,mean,standard_deviation,exposure_value\\n"
    >>> ktc.kat([header + b"1,1,3,10,0,500\\n", header + b"1,1,2,20,0,500\\n"], "elt.csv")
    >>> open("elt.csv").read().split()[1:]
    ['1,1,2,20,0,500', '1,1,3,10,0,500']
    """
    from ._core.io import write_all
    from ._core.kat import Merge, concatenate

    found = inputs(files, folder)
    with Outputs() as outputs:
        sink = outputs.open(target)
        sources = [Source(file) for file in without_output(found, sink)]
        if unsorted:
            concatenate(sources, sink)
            return
        merge = Merge(sources, sink)
        header, table = heads(merge)
        write_all(sink, header)
        if table is not None:
            merge.run(len(table.fields), place_of_event(table), column(table, PERIOD))


def heads(merge: Merge) -> tuple[bytes, Report | None]:
    """The first of the header lines of all files, which are read, and the kind of table that they hold: None
    without rows."""
    first = b""
    header: str | None = None
    table: Report | None = None
    place_of_header = place_of_table = ""
    for i in range(len(merge.sources)):
        own: str | None = None
        blank = False
        while (line := merge.line(i)) is not None:
            place = merge.place(i)
            text = line.decode("utf-8", "replace").strip().removeprefix("\ufeff")
            if blank and text:
                raise DataError(f"{place}: a blank line before this one; blank lines may only be at the end")
            if text and text[0] in "+-.0123456789":
                kind = table_of(text, own, place)
                if table is None:
                    table, place_of_table = kind, place
                elif kind is not table:
                    raise DataError(
                        f"{place}: this is a row of {kind.name}; {place_of_table} is one of {table.name}"
                    )
                break
            if text:
                if header is None:
                    first, header, place_of_header = line + b"\n", text, place
                elif text != header:
                    raise DataError(
                        f"{place}: the header {text!r} is another than {header!r} of {place_of_header}"
                    )
            own, blank = text or own, not text
            merge.skip(i)
    if header is not None and table is not None and header.count(",") != len(table.fields) - 1:
        raise DataError(
            f"{place_of_header}: the header has {header.count(',') + 1} columns, "
            f"rows have {len(table.fields)}"
        )
    return first, table


def fits(value: str, type: str) -> bool:
    """Whether text is a number of a field's type."""
    try:
        int(value) if type[0] == "i" else float(value)
    except ValueError:
        return False
    return True


def table_of(text: str, header: str | None, place: str) -> Report:
    """The kind of table that a row is of; its header says so, if that is known."""
    row, known = text.split(","), BY_HEADER.get(header)
    if known is not None and known not in TABLES:
        raise DataError(f"{place}: {known.name} has no events to merge by (-u takes it as it is)")
    reports: list[Report] = [known] if known else TABLES
    for report in reports:
        if len(row) == len(report.fields) and all(map(fits, row, (field.type for field in report.fields))):
            return report
    expected = (
        f"{known.name} ({known.csv_header}), as its header says"
        if known
        else f"an event or period loss table, which have {', '.join(map(str, COUNTS))} columns of numbers"
    )
    raise DataError(f"{place}: {text[:120]!r}: this is not a row of {expected}")


PARQUET_TABLES = {
    "mplt": "moment_period_loss_table",
    "qplt": "quantile_period_loss_table",
    "splt": "sample_period_loss_table",
    "melt": "moment_event_loss_table",
    "qelt": "quantile_event_loss_table",
    "selt": "sample_event_loss_table",
}
ROWS_AT_ONCE = 1 << 18  # rows of all inputs together that are held,
LEAST_ROWS = 1 << 11  # or as many of each
ROW_GROUP = 1 << 17  # rows of the output that are written at once


def katparquet(
    files: PathLike | Iterable[PathLike | BufferLike | SupportsRead] = (),
    target: TargetLike = None,
    *,
    folder: PathLike | None = None,
    mplt: bool = False,
    qplt: bool = False,
    splt: bool = False,
    melt: bool = False,
    qelt: bool = False,
    selt: bool = False,
) -> None:
    """Parquet tables of one kind to one, merged by event, or by period and event. Needs pyarrow.

    Exactly one of mplt, qplt, splt, melt, qelt and selt names the kind. Every file must have the columns that
    eltcalc, pltcalc and summarycalctocsv write: int32 and float32, none of them null.

    Parameters
    ----------
    files : iterable of str or path, file object or bytes-like, optional
        Parquet tables; file objects must be able to seek.
    target : str or path, int or file object
        Where the table goes; "-" is standard output.
    folder : str or path, optional
        Read its regular files too, in the order of their names and before `files`; hidden ones are left out.
    mplt, qplt, splt : bool, default False
        Period loss tables: moments, quantiles, samples.
    melt, qelt, selt : bool, default False
        Event loss tables: moments, quantiles, samples.

    Raises
    ------
    DataError
        A file of another kind or a damaged one; the message has the file and the column.
    UsageError
        No files, no kind or several, no target, or pyarrow is not installed.
    InputError
        A file cannot be read.
    OutputError
        The target cannot be written.

    Notes
    -----
    Rows are read as the merge goes on: some 2**18 are in memory, whatever the files hold.
    """
    from .results import ParquetWriter, arrow

    arrow()
    flags = dict(mplt=mplt, qplt=qplt, splt=splt, melt=melt, qelt=qelt, selt=selt)
    kinds = [name for name, given in flags.items() if given]
    if len(kinds) != 1:
        raise UsageError(
            "name one kind of table, and no more: -M (MPLT), -Q (QPLT), -S (SPLT), -m (MELT), -q (QELT) "
            "or -s (SELT)"
        )
    if target is None:
        raise UsageError("no output: name a file with -o")
    report = REPORTS[PARQUET_TABLES[kinds[0]]]
    found = inputs(files, folder)
    with Outputs() as outputs:
        sink = outputs.open(target)
        found = without_output(found, sink)
        tables = [ParquetTable(file, report, max(ROWS_AT_ONCE // len(found), LEAST_ROWS)) for file in found]
        writer = ParquetWriter(report, sink)
        pending, rows = [], 0
        for part in merged(tables):
            pending.append(part)
            rows += part.num_rows
            if rows >= ROW_GROUP:
                writer.write(joined(pending))
                pending, rows = [], 0
        if rows:
            writer.write(joined(pending))
        writer.close()


def joined(parts: list[Any]) -> Any:
    """Record batches as one."""
    import pyarrow

    return pyarrow.Table.from_batches(parts).combine_chunks().to_batches()[0]


class Trouble:
    """A context in which pyarrow's errors about a file become ours."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        import pyarrow

        if isinstance(error, OSError) and error.errno:
            raise InputError(f"{self.name}: cannot read: {os.strerror(error.errno)}") from None
        if isinstance(error, (OSError, UnicodeDecodeError, pyarrow.ArrowException)):
            what = (str(error) or type(error).__name__).splitlines()[0]
            raise DataError(f"{self.name}: not a parquet file, or a damaged one: {printable(what)}") from None


class ParquetTable:
    """A parquet file that is being merged: rows that are not yet written, and where each of them may go.

    That is the largest key up to it: what comes after a row with a large key has to wait for it. keys holds
    one for each of rows, in rising order.
    """

    def __init__(self, file: Any, report: Report, size: int) -> None:
        import numpy
        import pyarrow.parquet  # noqa: F401

        from .results import arrow

        pa = arrow()
        self.report, self.size, self.found = report, size, 0
        path = isinstance(file, (str, os.PathLike))
        self.name = os.fspath(file) if path else str(getattr(file, "name", "memory"))
        self.keys: NDArray[Any] = numpy.empty(0, "i8")
        self.last: Any = None
        if path and os.path.isdir(file):
            raise InputError(f"{self.name}: cannot read: Is a directory")
        with Trouble(self.name):
            if path:
                file = pa.OSFile(self.name)
            elif not hasattr(file, "read"):
                file = pa.py_buffer(file)
            # in pieces: a row group may be the whole file
            self.file = pa.parquet.ParquetFile(file, buffer_size=1 << 16, pre_buffer=False)
            self.check(self.file.schema_arrow)
            self.batches = self.file.iter_batches(self.size)
        self.rows = pa.RecordBatch.from_pylist([], schema=self.schema)
        self.ended = False
        self.fill()

    def check(self, found: Any) -> None:
        """Whether the columns are the report's."""
        from .results import arrow_schema

        self.schema = arrow_schema(self.report)
        for k in range(max(len(found), len(self.schema))):
            there, expected = (
                f"{schema.field(k).name!r} ({schema.field(k).type})" if k < len(schema) else "none"
                for schema in (found, self.schema)
            )
            if there != expected:
                raise DataError(
                    f"{self.name}: column {k + 1} is {there}, expected {expected} of {self.report.name}"
                )

    def fill(self) -> None:
        """Read on, unless there are rows enough."""
        import numpy

        from .results import arrow

        pa = arrow()
        while not self.ended and self.rows.num_rows <= self.size // 2:
            with Trouble(self.name):
                batch = next(self.batches, None)
            if batch is None:
                self.ended = True
                if self.found != self.file.metadata.num_rows:
                    raise DataError(
                        f"{self.name}: expected {self.file.metadata.num_rows} rows as its footer has it, "
                        f"found {self.found}"
                    )
                return
            self.found += batch.num_rows
            for field, column_ in zip(self.schema, batch.columns):
                if column_.null_count:
                    raise DataError(f"{self.name}: column {field.name} has empty values")
            if not batch.num_rows:
                continue
            keys = batch.column(place_of_event(self.report)).to_numpy().astype("i8") + (
                1 << 31
            )  # below 2**32
            period = column(self.report, PERIOD)
            if period is not None:
                keys += batch.column(period).to_numpy().astype("i8") << 32
            if self.last is not None:
                keys[0] = max(keys[0], self.last)
            numpy.maximum.accumulate(keys, out=keys)
            self.last = keys[-1]
            batch = pa.RecordBatch.from_arrays(batch.columns, schema=self.schema)
            self.rows = pa.concat_batches([self.rows, batch])
            self.keys = numpy.concatenate([self.keys, keys])

    def take(self, n: int) -> tuple[Any, NDArray[Any]]:
        """The first n rows and their keys, which are taken out."""
        rows, keys = self.rows.slice(0, n), self.keys[:n]
        self.rows, self.keys = self.rows.slice(n), self.keys[n:]
        return rows, keys


def merged(tables: list[ParquetTable]) -> Iterator[Any]:
    """The rows of all tables as record batches, in order.

    A row is due when its key in ParquetTable.keys is the smallest, of equal ones that of the earlier table:
    written one by one, that is the merge by heads. So everything up to the last row that is known of some
    table is sorted at once.
    """
    import numpy

    while tables := [table for table in tables if table.rows.num_rows]:
        open_ends = [(table.keys[-1], k) for k, table in enumerate(tables) if not table.ended]
        limit: Any
        last: int | None
        limit, last = min(open_ends, default=(None, None))
        parts = []
        for k, table in enumerate(tables):
            n = len(table.keys)
            if last is not None:
                n = int(numpy.searchsorted(table.keys, limit, "right" if k <= last else "left"))
            if n:
                parts.append(table.take(n))
                table.fill()
        rows = joined([rows for rows, _ in parts])
        if len(parts) > 1:
            rows = rows.take(numpy.argsort(numpy.concatenate([keys for _, keys in parts]), kind="stable"))
        yield rows
