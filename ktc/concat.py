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
    from collections.abc import Iterable

    from ._types import BufferLike, PathLike, SourceLike, SupportsRead, TargetLike


__all__ = ["kat", "katparquet"]

EVENT, PERIOD = ("EventId", "event_id"), ("Period", "period_no")


def column(report, names):
    """The place, from 0, of the column that has one of these names; None where there is none."""
    return next((i for i, field in enumerate(report.fields) if field.name in names), None)


# The tables that have events. Where a row may be of two of them (MELT and QPLT), it is the one with more
# whole numbers.
TABLES = sorted(
    (report for report in REPORTS.values() if column(report, EVENT) is not None),
    key=lambda report: -sum(field.type[0] == "i" for field in report.fields),
)
COUNTS = sorted({len(report.fields) for report in TABLES})
BY_HEADER = {report.csv_header: report for report in REPORTS.values()}


def inputs(files, folder):
    """The files to read: those of the folder in the order of their names, then the others as they are
    given."""
    found = []
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


def without_output(found, sink):
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
        except OSError:  # opening it tells why
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

    files: paths (named pipes too), descriptors, file objects or buffers, all of one kind of table: an ELT or
    PLT of ktools or of Open Results Data, or losses by summary. folder: read its regular files too, in the
    order of their names and before `files`; hidden ones are left out. All are opened first, in that order,
    and then read as streams. The header comes first, once, of those files that have one. unsorted: the files'
    bytes one behind the other, whatever they are. process_id: accepted without effect (ktools leaves an empty
    file of that name, which nothing reads).

    Raises DataError, with file and line, for a row of another kind or with too few columns; UsageError,
    InputError, OutputError.
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
            merge.run(len(table.fields), column(table, EVENT), column(table, PERIOD))


def heads(merge):
    """The first of the header lines of all files, which are read, and the kind of table that they hold: None
    without rows."""
    first, header, place_of_header, table, place_of_table = b"", None, None, None, None
    for i in range(len(merge.sources)):
        own, blank = None, False
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


def fits(value, type):
    """Whether text is a number of a field's type."""
    try:
        int(value) if type[0] == "i" else float(value)
    except ValueError:
        return False
    return True


def table_of(text, header, place):
    """The kind of table that a row is of; its header tells, where it has one that is known."""
    row, known = text.split(","), BY_HEADER.get(header)
    if known is not None and known not in TABLES:
        raise DataError(f"{place}: {known.name} has no events to merge by (-u takes it as it is)")
    for report in [known] if known else TABLES:
        if len(row) == len(report.fields) and all(map(fits, row, (field.type for field in report.fields))):
            return report
    expected = (
        f"{known.name} ({known.csv_header}), as its header says"
        if known
        else f"an event or period loss table, which have {', '.join(map(str, COUNTS))} columns of numbers"
    )
    raise DataError(f"{place}: {text[:120]!r}: this is no row of {expected}")


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
    """Parquet tables of one kind to one, merged by event, or by period and event.

    Exactly one of mplt, qplt, splt, melt, qelt and selt names the kind. files: paths, file objects that can
    seek, or buffers. folder: read its regular files too, in the order of their names and before `files`;
    hidden ones are left out. Every file must have the columns that eltcalc, pltcalc and summarycalctocsv
    write: int32 and float32, none of them null. Rows are read as the merge goes on: some 2**18 are in memory,
    whatever the files hold. Needs pyarrow: pip install 'ktc[parquet]'.

    Raises DataError, naming file and column, for a file of another kind or a damaged one; UsageError,
    InputError, OutputError.
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


def joined(parts):
    """Record batches as one."""
    import pyarrow

    return pyarrow.Table.from_batches(parts).combine_chunks().to_batches()[0]


class Trouble:
    """A context in which pyarrow's errors about a file become ours."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        import pyarrow

        if isinstance(error, OSError) and error.errno:
            raise InputError(f"{self.name}: cannot read: {os.strerror(error.errno)}") from None
        if isinstance(error, (OSError, UnicodeDecodeError, pyarrow.ArrowException)):
            what = (str(error) or kind.__name__).splitlines()[0]
            raise DataError(f"{self.name}: not a parquet file, or a damaged one: {printable(what)}") from None


class ParquetTable:
    """A parquet file that is being merged: rows that are not yet written, and where each of them may go.

    That is the largest key up to it: what is behind a row with a large key has to wait for it. keys holds one
    for each of rows, in rising order.
    """

    def __init__(self, file, report, size):
        import numpy
        import pyarrow
        import pyarrow.parquet

        self.report, self.size, self.found = report, size, 0
        path = isinstance(file, (str, os.PathLike))
        self.name = os.fspath(file) if path else str(getattr(file, "name", "memory"))
        self.keys, self.last = numpy.empty(0, "i8"), None
        if path and os.path.isdir(file):
            raise InputError(f"{self.name}: cannot read: Is a directory")
        with Trouble(self.name):
            if path:
                file = pyarrow.OSFile(self.name)
            elif not hasattr(file, "read"):
                file = pyarrow.py_buffer(file)
            # in pieces: a row group may be the whole file
            self.file = pyarrow.parquet.ParquetFile(file, buffer_size=1 << 16, pre_buffer=False)
            self.check(self.file.schema_arrow)
            self.batches = self.file.iter_batches(self.size)
        self.rows = pyarrow.RecordBatch.from_pylist([], schema=self.schema)
        self.ended = False
        self.fill()

    def check(self, found):
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

    def fill(self):
        """Read on, unless there are rows enough."""
        import numpy
        import pyarrow

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
            keys = batch.column(column(self.report, EVENT)).to_numpy().astype("i8") + (1 << 31)  # below 2**32
            period = column(self.report, PERIOD)
            if period is not None:
                keys += batch.column(period).to_numpy().astype("i8") << 32
            if self.last is not None:
                keys[0] = max(keys[0], self.last)
            numpy.maximum.accumulate(keys, out=keys)
            self.last = keys[-1]
            batch = pyarrow.RecordBatch.from_arrays(batch.columns, schema=self.schema)
            self.rows = pyarrow.concat_batches([self.rows, batch])
            self.keys = numpy.concatenate([self.keys, keys])

    def take(self, n):
        """The first n rows and their keys, which are taken out."""
        rows, keys = self.rows.slice(0, n), self.keys[:n]
        self.rows, self.keys = self.rows.slice(n), self.keys[n:]
        return rows, keys


def merged(tables):
    """The rows of all tables as record batches, in order.

    A row is due when its key in ParquetTable.keys is the smallest, of equal ones that of the earlier table:
    written one by one, that is the merge by heads. So everything up to the last row that is known of some
    table is sorted at once.
    """
    import numpy

    while tables := [table for table in tables if table.rows.num_rows]:
        open_ends = [(table.keys[-1], k) for k, table in enumerate(tables) if not table.ended]
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
