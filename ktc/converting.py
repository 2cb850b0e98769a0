"""How tables are converted: the registry's tables as layouts of the engine (ktc._core), and what is converted
with nothing but its layout. ktc.converters has the tables that take more.
"""

from __future__ import annotations

import sys

from ._core.checks import Checks
from ._core.csvrows import CsvRows, Layout
from ._core.io import Mapped, Outputs, Sink, Source
from ._core.tables import TableReader, TableWriter, take_header
from .errors import DataError, UsageError, binary, warn
from .schemas import TABLES
from .schemas.model import TYPES, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from ._types import AreaperilBytes, SourceLike, TargetLike
    from .schemas.tables import Rule


SIZED, UNCERTAIN = 2, 1  # flags of a footprint: its index has original sizes; its intensity is uncertain
DAYS, MINUTES = 1, 3  # date_options of an occurrence table; 0: numbers of the model's own


def table_of(name: str) -> Table:
    """The registry's table, or UsageError."""
    if name not in TABLES:
        raise UsageError(f"no table is called {name!r}; there are {', '.join(TABLES)}")
    table: Table = TABLES[name]
    return table


def layout_of(table: Table, areaperil_bytes: int = 4, columns: int | None = None) -> Any:
    """The engine's Layout of a table. columns: only the first N csv columns."""
    if areaperil_bytes not in (4, 8):
        raise UsageError(f"areaperil_bytes is {areaperil_bytes!r}, expected 4 or 8")
    offset, at = {}, 0
    for field in table.fields:
        offset[field.name] = at
        at += field.width(areaperil_bytes)
    chosen = table.csv_columns()[:columns]
    return Layout(
        [
            (f.name, f.resolved(areaperil_bytes), f.csv, offset[f.name] if stored else -1)
            for f, stored in chosen
        ],
        at,
        len(chosen) - (0 if columns else table.optional),
        separator=table.separator,
        prefix=table.prefix,
        infinite=table.infinite,
        table=table,
    )


def record_layout(table: Table, areaperil_bytes: int = 4) -> Any:
    """A Layout whose columns are the fields of the record, whatever its csv has."""
    columns, at = [], 0
    for field in table.fields:
        columns.append((field.name, field.resolved(areaperil_bytes), field.csv, at))
        at += field.width(areaperil_bytes)
    return Layout(columns, at)


def packed_layout(table: Table, areaperil_bytes: int = 4) -> tuple[Any, list[tuple[str, str]]]:
    """A Layout whose record holds every csv column, and its dtype: [(name, NumPy type)]."""
    columns, at = [], 0
    for field, _ in table.csv_columns():
        columns.append((field.name, field.resolved(areaperil_bytes), field.csv, at))
        at += field.width(areaperil_bytes)
    layout = Layout(columns, at, len(columns) - table.optional, infinite=table.infinite, table=table)
    return layout, [(name, TYPES[type][1]) for name, type, *_ in columns]


def dates_layout(table: Table) -> tuple[Any, Any]:
    """How an occurrence table with dates is read (its number in the place of the year) and written (all
    apart)."""
    fields = [f for f, _ in table.csv_columns()]
    read = [(f.name, "i4", "%d", (0, 4, 8, -1, -1, -1, -1)[i]) for i, f in enumerate(fields)]
    write = [(f.name, "i4", "%d", 4 * i) for i, f in enumerate(fields)]
    return (
        Layout(read, table.size(), len(fields) - table.optional, table=table),
        Layout(write, 4 * len(fields), separator=table.separator),
    )


def header_of(table: Table, values: Mapping[str, int]) -> bytes:
    """The bytes before the first record of a table, from {field: value}."""
    if not table.header:
        return b""
    import struct

    try:
        return struct.pack(
            "<" + "".join(TYPES[f.type][0] for f in table.header),
            *(values.get(f.name, 0) for f in table.header),
        )
    except struct.error as error:
        raise UsageError(f"header of {table.name} {values}: {error}") from None


def header_values(table: Table, source: Source) -> dict[str, Any]:
    """{field: value} of the header that source begins with."""
    if not table.header:
        return {}
    import struct

    data = take_header(source, table.header_size())
    return dict(
        zip(
            (f.name for f in table.header),
            struct.unpack("<" + "".join(TYPES[f.type][0] for f in table.header), data),
        )
    )


def header_line(table: Table, skip: bool, columns: int | None = None) -> bytes:
    """The csv header line as bytes, or nothing."""
    text = table.csv_header if columns is None else ", ".join(table.csv_header.split(", ")[:columns])
    return b"" if skip else text.encode() + b"\n"


def mapped(source: Any, default: str) -> Mapped:
    """A whole file or buffer, or the file that stands for None."""
    return Mapped(default if source is None else source)


def tell(lines: Iterable[str]) -> None:
    """Warn of what is allowed but strange."""
    for line in lines:
        warn(line, 2)


def convert(
    table: Table,
    source: Source,
    data: Sink,
    layout: Any,
    *,
    header: bool = True,
    values: Mapping[str, int] | None = None,
    validate: bool = True,
    rules: Sequence[Rule] | None = None,
    uniform: bool = False,
    index: Sink | None = None,
    **options: Any,
) -> int:
    """Run the engine over a csv, with all its options, and give the number of rows. values: of the table's
    header.
    """
    rows = CsvRows(source, layout, header)
    checks = Checks(
        rows, table.rules if rules is None else rules, values or {}, validate, uniform, table.empty
    )
    writer = TableWriter(rows, checks, data, index, **options)
    writer.run(header_of(table, values or {}))
    tell(checks.warnings)
    count: int = writer.n
    return count


def tobin(
    table: str,
    source: SourceLike = None,
    target: TargetLike = None,
    *,
    areaperil_bytes: AreaperilBytes = 4,
    no_header: bool = False,
) -> None:
    """ktc.tobin of a table without options of its own."""
    entry = alone(table)
    with Outputs() as outputs:
        convert(
            entry,
            Source(source),
            outputs.open(binary(target)),
            layout_of(entry, areaperil_bytes),
            header=not no_header,
            packets=bool(entry.packet),
        )


def tocsv(
    table: str,
    source: SourceLike = None,
    target: TargetLike = None,
    *,
    areaperil_bytes: AreaperilBytes = 4,
    skip_header: bool = False,
) -> None:
    """ktc.tocsv of a table without options of its own."""
    entry = alone(table)
    data = Source(source).refuse_csv(f"{entry.tool}tobin")
    header_values(entry, data)
    with Outputs() as outputs:
        reader = TableReader(
            layout_of(entry, areaperil_bytes),
            outputs.open(target),
            header_line(entry, skip_header),
            counted=table == "coverages",
        )
        if entry.packet:
            reader.packets(data)
        else:
            reader.records(data)


def alone(name: str) -> Table:
    """The registry's table, which must be one that the engine converts with nothing but its layout."""
    table = table_of(name)
    if not table.packet and name != "coverages" and not all(stored for _, stored in table.csv_columns()):
        raise UsageError(f"{name} is a part or a form of another table, and is converted with that one")
    return table


def correlations_form(source: Source) -> Table:
    """Which table a correlations.bin is: correlations, of 20 bytes a record, or correlations_sourced, of 24.

    Nothing in the file says it. Its size does, unless it fits both, or a file that is cut off; then it is the
    one whose rows make sense. DataError if that is no help either. Nothing is taken from the source.
    """
    five, six = TABLES["correlations"], TABLES["correlations_sourced"]
    n = 1 << 16
    while len(content := source.peek(n)) == n:
        n *= 2
    if len(content) % six.size():
        return five
    sense = [makes_sense(content, table.size() // 4) for table in (five, six)]
    if len(content) % five.size():
        return five if sense == [True, False] else six
    if content and sense[0] == sense[1]:
        counts = f"{len(content) // five.size()} records of 5 fields or {len(content) // six.size()} of 6"
        raise DataError(
            f"{source.name}: byte 0: {len(content)} bytes are {counts}, and "
            f"{'both make' if sense[0] else 'neither makes'} sense; say which (--fields)"
        )
    return six if sense[1] else five


def makes_sense(content: bytes, fields: int) -> bool:
    """Whether records of correlations have item ids from 1, none twice, and correlations from 0 to 1."""
    from array import array

    content = content[: len(content) // (4 * fields) * 4 * fields]
    ids, reals = array("i", content), array("f", content)
    if sys.byteorder == "big":
        ids.byteswap()
        reals.byteswap()
    items = ids[::fields]
    # a whole number is tiny as a real one
    values = [value for column in (2, 4) for value in set(reals[column::fields])]
    return (
        min(items, default=0) > 0
        and len(set(items)) == len(items)
        and all(value == 0 or 1e-30 < value <= 1 for value in values)
        and (fields == 5 or min(ids[5::fields]) >= 0)
    )


def rules_of(table: Table, any_intensity_bins: bool) -> list[Rule]:
    """The rules of a table, without the one on intensity bins that some functions lack."""
    return [r for r in table.rules if not (any_intensity_bins and r.kind == "complete")]
