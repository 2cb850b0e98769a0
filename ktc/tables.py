"""The tables as functions: csv to binary, binary to csv, and either to a NumPy array.

Every function takes the registry's name of a table ("items", "footprint", ...; see ktc.schemas.TABLES).
Sources may be None or "-" (standard input), a path, a descriptor, a file object, or anything with a buffer;
targets "-" (standard output), a path, a descriptor or a file object, and where csv is written None (standard
output). Outputs that are regular files appear complete or not at all. areaperil_bytes=8 is for models whose
areaperil ids have 8 bytes.

A csv that breaks a rule raises DataError with the line and its text; a binary file that is cut off,
TruncatedError with the byte; what is allowed but strange is a warning.
"""

from __future__ import annotations

import os
import sys

from ._core.checks import Checks
from ._core.csvrows import CsvRows, Layout
from ._core.io import Mapped, Outputs, Sink, Source, write_all
from ._core.tables import TableReader, TableWriter, source_of, take_header
from .errors import DataError, InputError, TruncatedError, UsageError, binary, warn
from .schemas import TABLES
from .schemas.model import TYPES, Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

    from ._types import AreaperilBytes, BufferLike, PathLike, SourceLike, SupportsRead, TargetLike
    from .schemas.tables import Rule


__all__ = [
    "damage_bin_dict_tobin",
    "damage_bin_dict_tocsv",
    "fmprofilebinconv",
    "footprint_tobin",
    "footprint_tocsv",
    "footprintconv",
    "occurrence_tobin",
    "occurrence_tocsv",
    "random_tocsv",
    "read_csv",
    "read_table",
    "returnperiods_tobin",
    "tobin",
    "tocsv",
    "validate",
    "vulnerability_tobin",
    "vulnerability_tocsv",
    "write_table",
]

SIZED, UNCERTAIN = 2, 1  # flags of a footprint: its index has original sizes; its intensity is uncertain
DAYS, MINUTES = 1, 3  # date_options of an occurrence table; 0: numbers of the model's own


# --- the registry's tables as layouts


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


def mapped(source: Any, default: str) -> Mapped:
    """A whole file or buffer, or the file that stands for None."""
    return Mapped(default if source is None else source)


def tell(lines: Iterable[str]) -> None:
    """Warn of what is allowed but strange."""
    for line in lines:
        warn(line, 2)


def width_of(table: str, areaperil_bytes: AreaperilBytes) -> dict[str, Any]:
    """The keywords for the width of areaperil ids: of the tables with functions of their own only the
    footprint has such ids.
    """
    return {"areaperil_bytes": areaperil_bytes} if table == "footprint" else {}


def alone(name: str, options: Iterable[str]) -> Table:
    """The registry's table, which must be one that the engine converts with nothing but its layout."""
    table = table_of(name)
    if options:
        raise UsageError(f"{name} takes no option {', '.join(options)}")
    if not table.packet and name != "coverages" and not all(stored for _, stored in table.csv_columns()):
        raise UsageError(f"{name} is a part or a form of another table, and is converted with that one")
    return table


# --- csv to binary


def tobin(
    table: str,
    source: SourceLike = None,
    target: TargetLike = None,
    *,
    areaperil_bytes: AreaperilBytes = 4,
    no_header: bool = False,
    **options: Any,
) -> None:
    """Convert the csv of a table to binary.

    Parameters
    ----------
    table : str
        The table's name in ktc.schemas.TABLES.
    source : str or path, int, file object or bytes-like, optional
        Csv; None or "-" is standard input.
    target : str or path, int or file object
        Where the binary table goes; "-" is standard output.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.
    no_header : bool, default False
        The csv has no header line.
    **options
        By table: validate (damage_bin_dict); periods, date_id and granular (occurrence); everything that
        footprint_tobin and vulnerability_tobin take, whose output goes to files.

    Raises
    ------
    DataError
        The csv breaks a rule of the table; the message has the line and its text.
    UsageError
        Options that do not make sense, or no target.
    InputError
        A file cannot be read.
    OutputError
        A file cannot be written.

    Examples
    --------
    >>> import ktc
    >>> ktc.tobin("coverages", b"coverage_id,tiv\\n1,100000\\n2,50000\\n", "two.bin")
    >>> ktc.read_table("coverages", "two.bin")["tiv"].tolist()
    [100000.0, 50000.0]
    """
    if table in TO_BINARY:
        TO_BINARY[table](source, target, no_header=no_header, **width_of(table, areaperil_bytes), **options)
        return
    entry = alone(table, options)
    with Outputs() as outputs:
        convert(
            entry,
            Source(source),
            outputs.open(binary(target)),
            layout_of(entry, areaperil_bytes),
            header=not no_header,
            packets=bool(entry.packet),
        )


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


def damage_bin_dict_tobin(
    source: SourceLike = None, target: TargetLike = None, *, no_header: bool = False, validate: bool = True
) -> None:
    """damage_bin_dict.bin from csv, with or without the deprecated column interval_type.

    Parameters
    ----------
    source : str or path, int, file object or bytes-like, optional
        Csv; None or "-" is standard input.
    target : str or path, int or file object
        Where the binary table goes; "-" is standard output.
    no_header : bool, default False
        The csv has no header line.
    validate : bool, default True
        False: any bins, and rows with and without interval_type mixed.

    Raises
    ------
    DataError
        The csv breaks a rule of the table; the message has the line and its text.
    UsageError
        Options that do not make sense, or no target.
    InputError
        A file cannot be read.
    OutputError
        A file cannot be written.
    """
    table = TABLES["damage_bin_dict"]
    with Outputs() as outputs:
        convert(
            table,
            Source(source),
            outputs.open(binary(target)),
            layout_of(table),
            header=not no_header,
            validate=validate,
            uniform=validate,
        )


def returnperiods_tobin(
    source: SourceLike = None, target: TargetLike = None, *, no_header: bool = False
) -> None:
    """returnperiods.bin from csv: in descending order, none twice.

    Parameters
    ----------
    source : str or path, int, file object or bytes-like, optional
        Csv; None or "-" is standard input.
    target : str or path, int or file object
        Where the binary table goes; "-" is standard output.
    no_header : bool, default False
        The csv has no header line.

    Raises
    ------
    DataError
        The csv breaks a rule of the table; the message has the line and its text.
    UsageError
        Options that do not make sense, or no target.
    InputError
        A file cannot be read.
    OutputError
        A file cannot be written.
    """
    from array import array

    table, memory = TABLES["returnperiods"], Sink.memory()
    convert(table, Source(source), memory, layout_of(table), header=not no_header)
    periods = array("i", memory.getvalue())
    with Outputs() as outputs:
        write_all(outputs.open(binary(target)), array("i", sorted(set(periods), reverse=True)).tobytes())


def occurrence_tobin(
    source: SourceLike = None,
    target: TargetLike = None,
    *,
    no_header: bool = False,
    periods: int | None = None,
    date_id: bool = False,
    granular: bool = False,
) -> None:
    """occurrence.bin from csv.

    The csv has event_id, period_no and the date: year, month and day, with granular also hour and minute (0
    when they are missing), or with date_id one number of the model's own.

    Parameters
    ----------
    source : str or path, int, file object or bytes-like, optional
        Csv; None or "-" is standard input.
    target : str or path, int or file object
        Where the binary table goes; "-" is standard output.
    no_header : bool, default False
        The csv has no header line.
    periods : int
        How many periods there are; no period_no may exceed it.
    date_id : bool, default False
        Dates are numbers of the model's own.
    granular : bool, default False
        Dates have hours and minutes.

    Raises
    ------
    DataError
        The csv breaks a rule of the table; the message has the line and its text.
    UsageError
        Options that do not make sense, or no target.
    InputError
        A file cannot be read.
    OutputError
        A file cannot be written.
    """
    if not periods or not 0 < periods < 1 << 31:
        raise UsageError(f"the number of periods (-P) is {periods}, expected 1 or more")
    if date_id and granular:
        raise UsageError("a date id (-D) has no hours and minutes (-H)")
    table = TABLES["occurrence" if date_id else "occurrence_granular" if granular else "occurrence_dates"]
    options = 0 if date_id else MINUTES if granular else DAYS
    with Outputs() as outputs:
        convert(
            table,
            Source(source),
            outputs.open(binary(target)),
            layout_of(table) if date_id else dates_layout(table)[0],
            header=not no_header,
            values={"date_options": options, "number_of_periods": periods},
            dates=0 if date_id else 2 if granular else 1,
        )


def footprint_tobin(
    source: SourceLike = None,
    target: TargetLike = None,
    index: TargetLike = None,
    *,
    areaperil_bytes: AreaperilBytes = 4,
    no_header: bool = False,
    max_intensity_bin: int | None = None,
    no_uncertainty: bool = False,
    compress: bool = False,
    sized: bool = False,
    validate: bool = True,
) -> None:
    """footprint.bin and footprint.idx from csv: event_id, areaperil_id, intensity_bin_id, probability.

    Parameters
    ----------
    source : str or path, int, file object or bytes-like, optional
        Csv; None or "-" is standard input.
    target : str or path, int or file object, default "footprint.bin"
        Where the footprint goes.
    index : str or path, int or file object, default "footprint.idx"
        Where its index goes.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.
    no_header : bool, default False
        The csv has no header line.
    max_intensity_bin : int
        The largest intensity bin; none may exceed it.
    no_uncertainty : bool, default False
        Recorded in the file, for models whose intensity is certain.
    compress : bool, default False
        Each event's rows as a zlib stream; the names end in .z.
    sized : bool, default False
        The index of a compressed footprint has the original sizes.
    validate : bool, default True
        False: the only checks are that values fit and bins do not exceed the largest.

    Raises
    ------
    DataError
        The csv breaks a rule of the table; the message has the line and its text.
    UsageError
        Options that do not make sense, or no target.
    InputError
        A file cannot be read.
    OutputError
        A file cannot be written.
    """
    if max_intensity_bin is None:
        raise UsageError("the largest intensity bin (-i) is missing")
    if sized and not compress:
        tell(["the index has no original sizes (-u) unless the footprint is compressed (-z)"])
        sized = False
    table = TABLES["footprint"]
    target, index = target or "footprint.bin", index or "footprint.idx"
    if compress:
        target, index = with_suffix(target), with_suffix(index)
    entry = TABLES["footprint_index_sized" if sized else "footprint_index"]
    with Outputs() as outputs:
        convert(
            table,
            Source(source),
            outputs.open(target),
            layout_of(table, areaperil_bytes),
            header=not no_header,
            values={
                "max_intensity_bin": max_intensity_bin,
                "flags": SIZED * sized | UNCERTAIN * (not no_uncertainty),
            },
            validate=validate,
            index=outputs.open(index),
            index_size=entry.size(),
            compress=compress,
            original=sized,
        )


def vulnerability_tobin(
    source: SourceLike = None,
    target: TargetLike = None,
    index: TargetLike = None,
    *,
    no_header: bool = False,
    max_damage_bin: int | None = None,
    indexed: bool = False,
    compress: bool = False,
    validate: bool = True,
    any_intensity_bins: bool = False,
) -> None:
    """vulnerability.bin from csv: vulnerability_id, intensity_bin_id, damage_bin_id, probability.

    Parameters
    ----------
    source : str or path, int, file object or bytes-like, optional
        Csv; None or "-" is standard input.
    target : str or path, int or file object, optional
        Where the functions go; "-" is standard output. With an index, "vulnerability.bin" unless it is given.
    index : str or path, int or file object, default "vulnerability.idx"
        Where the index goes, if there is one.
    no_header : bool, default False
        The csv has no header line.
    max_damage_bin : int
        The largest damage bin; none may exceed it.
    indexed : bool, default False
        With an index; the records then have no vulnerability_id.
    compress : bool, default False
        Indexed, with each function's rows as a zlib stream; the names end in .z.
    validate : bool, default True
        False: the only checks are that values fit and bins do not exceed the largest.
    any_intensity_bins : bool, default False
        No warning when functions lack intensity bins that others have.

    Raises
    ------
    DataError
        The csv breaks a rule of the table; the message has the line and its text.
    UsageError
        Options that do not make sense, or no target.
    InputError
        A file cannot be read.
    OutputError
        A file cannot be written.
    """
    if max_damage_bin is None:
        raise UsageError("the largest damage bin (-d) is missing")
    table = TABLES["vulnerability"]
    rules = rules_of(table, any_intensity_bins)
    values = {"max_damage_bin": max_damage_bin}
    with Outputs() as outputs:
        if not indexed and not compress:
            convert(
                table,
                Source(source),
                outputs.open(binary(target)),
                layout_of(table),
                header=not no_header,
                values=values,
                validate=validate,
                rules=rules,
            )
            return
        target = "vulnerability.bin" if target in (None, "-") else target
        index = index or "vulnerability.idx"
        if compress:
            target, index = with_suffix(target), with_suffix(index)
        convert(
            table,
            Source(source),
            outputs.open(target),
            layout_of(TABLES["vulnerability_rows"]),
            header=not no_header,
            values=values,
            validate=validate,
            rules=rules,
            index=outputs.open(index),
            index_size=TABLES["vulnerability_index"].size(),
            compress=compress,
            original=compress,
        )


def rules_of(table: Table, any_intensity_bins: bool) -> list[Rule]:
    """The rules of a table, without the one on intensity bins that some functions lack."""
    return [r for r in table.rules if not (any_intensity_bins and r.kind == "complete")]


def with_suffix(target: Any) -> Any:
    """A path with .z at its end; anything else as it is."""
    if isinstance(target, (str, os.PathLike)) and not os.fspath(target).endswith(".z"):
        return os.fspath(target) + ".z"
    return target


TO_BINARY: dict[str, Callable[..., None]] = {
    "damage_bin_dict": damage_bin_dict_tobin,
    "returnperiods": returnperiods_tobin,
    "occurrence": occurrence_tobin,
    "footprint": footprint_tobin,
    "vulnerability": vulnerability_tobin,
}


# --- csv checked

# What ktools calls the tables that it validates, and the bins whose largest it says.
VALIDATED = {
    "damage_bin_dict": ("Damage Bin Dictionary", ""),
    "footprint": ("Footprint", "intensity"),
    "vulnerability": ("Vulnerability", "damage"),
}


def checked(table: str, source: SourceLike, areaperil_bytes: AreaperilBytes, any_intensity_bins: bool) -> Any:
    """The engine's Checks after a run over a csv that passed them."""
    if table not in VALIDATED:
        raise UsageError(f"{table!r} cannot be validated; {', '.join(VALIDATED)} can")
    if any_intensity_bins and table != "vulnerability":
        raise UsageError(f"{table} takes no option any_intensity_bins")
    entry = TABLES[table]
    rows = CsvRows(Source(source), layout_of(entry, areaperil_bytes), every_fault=True)
    checks = Checks(
        rows, rules_of(entry, any_intensity_bins), {}, uniform=table == "damage_bin_dict", empty=False
    )
    try:
        checks.run()
        rows.raise_faults()
    finally:
        tell(checks.warnings)
    return checks


def validate(
    table: str,
    source: SourceLike = None,
    *,
    areaperil_bytes: AreaperilBytes = 4,
    any_intensity_bins: bool = False,
) -> int | None:
    """Check the csv of a damage_bin_dict, footprint or vulnerability, with its header line, as tobin does.

    Parameters
    ----------
    table : {"damage_bin_dict", "footprint", "vulnerability"}
        The table.
    source : str or path, int, file object or bytes-like, optional
        Csv; None or "-" is standard input.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.
    any_intensity_bins : bool, default False
        No warning when vulnerability functions lack intensity bins that others have.

    Returns
    -------
    int or None
        The largest intensity bin of a footprint or the largest damage bin of a vulnerability, which tobin
        asks for, else None.

    Raises
    ------
    DataError
        With a line for each fault, 20 at most. What a line that cannot be read leaves open, such as the sum
        of its group, is not judged.
    UsageError
        Another table, or an option that it does not take.
    InputError
        The csv cannot be read.

    Notes
    -----
    Memory does not grow with the rows, but with those of one areaperil in an event, and with the number of
    vulnerability functions.
    """
    largest: int | None = checked(table, source, areaperil_bytes, any_intensity_bins).largest
    return largest


def report_validation(
    table: str,
    source: SourceLike = None,
    *,
    areaperil_bytes: AreaperilBytes = 4,
    any_intensity_bins: bool = False,
) -> None:
    """validate(), and ktools' words on standard error for a csv that passed."""
    checks = checked(table, source, areaperil_bytes, any_intensity_bins)
    name, bins = VALIDATED[table]
    if bins:
        print(f"INFO: Maximum value of {bins} bin index = {checks.largest}", file=sys.stderr)
    print(
        f"INFO: All {name} file validation checks have passed."
        + (" Please take note of any warnings." if checks.warnings else ""),
        file=sys.stderr,
    )


# --- binary to csv


def tocsv(
    table: str,
    source: SourceLike = None,
    target: TargetLike = None,
    *,
    areaperil_bytes: AreaperilBytes = 4,
    skip_header: bool = False,
    **options: Any,
) -> None:
    """Convert a binary table to csv.

    Parameters
    ----------
    table : str
        The table's name in ktc.schemas.TABLES.
    source : str or path, int, file object or bytes-like, optional
        The binary table; None or "-" is standard input.
    target : str or path, int or file object, optional
        Where the csv goes; None or "-" is standard output.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.
    skip_header : bool, default False
        Write csv without the header line.
    **options
        By table: interval_type (damage_bin_dict); convert, generate and seed (random); everything that
        footprint_tocsv and vulnerability_tocsv take, which read two files.

    Raises
    ------
    DataError
        Not such a table; the message says where.
    TruncatedError
        The table is cut off; the message has the byte.
    UsageError
        Options that do not make sense.
    InputError
        A file cannot be read.
    OutputError
        A file cannot be written.

    Examples
    --------
    >>> import ktc
    >>> ktc.tocsv("items", "input/items.bin", "items.csv")
    >>> open("items.csv").readline()
    'item_id,coverage_id,areaperil_id,vulnerability_id,group_id\\n'
    """
    if table in TO_CSV:
        TO_CSV[table](source, target, skip_header=skip_header, **width_of(table, areaperil_bytes), **options)
        return
    entry = alone(table, options)
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


def header_line(table: Table, skip: bool, columns: int | None = None) -> bytes:
    """The csv header line as bytes, or nothing."""
    text = table.csv_header if columns is None else ", ".join(table.csv_header.split(", ")[:columns])
    return b"" if skip else text.encode() + b"\n"


def damage_bin_dict_tocsv(
    source: SourceLike = None,
    target: TargetLike = None,
    *,
    skip_header: bool = False,
    interval_type: bool = False,
) -> None:
    """damage_bin_dict.bin as csv.

    Parameters
    ----------
    source : str or path, int, file object or bytes-like, optional
        The binary table; None or "-" is standard input.
    target : str or path, int or file object, optional
        Where the csv goes; None or "-" is standard output.
    skip_header : bool, default False
        Write csv without the header line.
    interval_type : bool, default False
        With that deprecated column.

    Raises
    ------
    DataError
        Not such a table; the message says where.
    TruncatedError
        The table is cut off; the message has the byte.
    UsageError
        Options that do not make sense.
    InputError
        A file cannot be read.
    OutputError
        A file cannot be written.
    """
    table = TABLES["damage_bin_dict"]
    columns = None if interval_type else len(table.fields) - 1
    with Outputs() as outputs:
        TableReader(
            layout_of(table, columns=columns), outputs.open(target), header_line(table, skip_header, columns)
        ).records(Source(source).refuse_csv("damagebintobin"))


def occurrence_tocsv(
    source: SourceLike = None, target: TargetLike = None, *, skip_header: bool = False
) -> None:
    """occurrence.bin as csv: with dates, with dates and times, or with date numbers, as its header says.

    Parameters
    ----------
    source : str or path, int, file object or bytes-like, optional
        The binary table; None or "-" is standard input.
    target : str or path, int or file object, optional
        Where the csv goes; None or "-" is standard output.
    skip_header : bool, default False
        Write csv without the header line.

    Raises
    ------
    DataError
        Not such a table; the message says where.
    TruncatedError
        The table is cut off; the message has the byte.
    UsageError
        Options that do not make sense.
    InputError
        A file cannot be read.
    OutputError
        A file cannot be written.
    """
    data = Source(source).refuse_csv("occurrencetobin")
    options = header_values(TABLES["occurrence"], data)["date_options"]
    names = {0: "occurrence", DAYS: "occurrence_dates", MINUTES: "occurrence_granular"}
    if options not in names:
        from .headers import told_csv

        raise DataError(
            f"{data.name}: byte 0: date_options is {options}, expected 0, 1 or 3"
            f"{told_csv(data.start(), data.converter)}"
        )
    table = TABLES[names[options]]
    with Outputs() as outputs:
        reader = TableReader(
            dates_layout(table)[1] if options else layout_of(table),
            outputs.open(target),
            header_line(table, skip_header),
        )
        if options:
            reader.dates(data, options == MINUTES)
        else:
            reader.records(data)


def random_tocsv(
    source: SourceLike = None,
    target: TargetLike = None,
    *,
    skip_header: bool = False,
    convert: bool = False,
    generate: int | None = None,
    seed: int = 0,
) -> None:
    """random.bin as csv, or N numbers of a Mersenne twister.

    Parameters
    ----------
    source : str or path, int, file object or bytes-like, optional
        The binary table; None or "-" is standard input.
    target : str or path, int or file object, optional
        Where the csv goes; None or "-" is standard output.
    skip_header : bool, default False
        Write csv without the header line.
    convert : bool, default False
        Read random.bin, also when generate is given.
    generate : int, optional
        How many numbers to generate instead of reading any.
    seed : int, default 0
        The seed of the twister, of 32 bits; 0: another one each time.

    Raises
    ------
    DataError
        Not such a table; the message says where.
    TruncatedError
        The table is cut off; the message has the byte.
    UsageError
        Options that do not make sense.
    InputError
        A file cannot be read.
    OutputError
        A file cannot be written.
    """
    table = TABLES["random"]
    if convert or generate is None:
        generate = None
    elif generate < 0 or seed > 0xFFFFFFFF:
        raise UsageError(f"{generate} numbers of seed {seed}: expected 0 or more, of a seed of 32 bits")
    with Outputs() as outputs:
        sink = outputs.open(target)
        if generate is None:
            TableReader(layout_of(table), sink, header_line(table, skip_header)).records(
                Source(source).refuse_csv("randtobin")
            )
            return
        # ktools quotes the name here, and only here
        reader = TableReader(layout_of(table), sink, b"" if skip_header else b'"random_no"\n')
        from ._core.mersenne import Sequence

        numbers, size = Sequence(seed if seed > 0 else int.from_bytes(os.urandom(4), "little")), table.size()
        while generate:
            some = numbers.take(generate)
            reader.records(Source(some))
            generate -= len(some) // size


def footprint_tocsv(
    source: PathLike | BufferLike | None = None,
    target: TargetLike = None,
    index: PathLike | BufferLike | None = None,
    *,
    areaperil_bytes: AreaperilBytes = 4,
    skip_header: bool = False,
    compressed: bool = False,
    events: str | int | None = None,
) -> None:
    """footprint.bin and footprint.idx as csv.

    Parameters
    ----------
    source : str or path or bytes-like, default "footprint.bin"
        The footprint.
    target : str or path, int or file object, optional
        Where the csv goes; None or "-" is standard output.
    index : str or path or bytes-like, default "footprint.idx"
        Its index; source and index are given together or not at all.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.
    skip_header : bool, default False
        Write csv without the header line.
    compressed : bool, default False
        They are compressed, and by default footprint.bin.z and footprint.idx.z.
    events : str or int, optional
        "7" or "7-12": only these event ids.

    Raises
    ------
    DataError
        Not such a table; the message says where.
    TruncatedError
        The table is cut off; the message has the byte.
    UsageError
        Options that do not make sense.
    InputError
        A file cannot be read.
    OutputError
        A file cannot be written.
    """
    if (source is None) != (index is None):
        raise UsageError("the footprint (-b) and its index (-x) must be given together")
    suffix = ".z" if compressed else ""
    data, places = mapped(source, f"footprint.bin{suffix}"), mapped(index, f"footprint.idx{suffix}")
    options = {}
    if events is not None:
        options["first"], options["last"] = event_range(events)
    with Outputs() as outputs:
        footprint_records(
            lambda layout, header: TableReader(
                layout, outputs.open(target), header_line(TABLES["footprint"], skip_header)
            ),
            data,
            places,
            areaperil_bytes=areaperil_bytes,
            compressed=compressed,
            **options,
        )


def footprint_records(
    reader_of: Callable[[Any, dict[str, Any]], Any],
    data: Mapped,
    index: Mapped,
    *,
    areaperil_bytes: int = 4,
    compressed: bool = False,
    **events: int,
) -> Any:
    """Send the records of a footprint to the TableReader that reader_of(layout, header values) gives, and
    give that.
    """
    table = TABLES["footprint"]
    header = header_values(table, source_of(data))
    sized = compressed and bool(header["flags"] & SIZED)
    entry = TABLES["footprint_index_sized" if sized else "footprint_index"]
    reader = reader_of(layout_of(table, areaperil_bytes), header)
    reader.indexed(
        data,
        index,
        entry_size=entry.size(),
        header_size=table.header_size(),
        compressed=compressed,
        sized=sized,
        **events,
    )
    return reader


def event_range(text: str | int) -> tuple[int, int]:
    """ "7" or "7-12" as (first, last)."""
    parts = str(text).split("-")
    try:
        first, last = int(parts[0]), int(parts[-1])
    except ValueError:
        first = last = 0
    if len(parts) > 2 or first < 1 or last < 1:
        raise UsageError(f"events {text!r}: expected an event id or two with a - between them")
    return first, last


def vulnerability_tocsv(
    source: SourceLike = None,
    target: TargetLike = None,
    index: PathLike | BufferLike | None = None,
    *,
    skip_header: bool = False,
    indexed: bool = False,
    compressed: bool = False,
) -> None:
    """vulnerability.bin as csv.

    Parameters
    ----------
    source : str or path, int, file object or bytes-like, optional
        The functions; None or "-" is standard input. With an index a path or bytes-like, by default
        "vulnerability.bin".
    target : str or path, int or file object, optional
        Where the csv goes; None or "-" is standard output.
    index : str or path or bytes-like, default "vulnerability.idx"
        The index, if there is one.
    skip_header : bool, default False
        Write csv without the header line.
    indexed : bool, default False
        There is an index.
    compressed : bool, default False
        There is an index, and the functions are compressed: by default vulnerability.bin.z and
        vulnerability.idx.z.

    Raises
    ------
    DataError
        Not such a table; the message says where.
    TruncatedError
        The table is cut off; the message has the byte.
    UsageError
        Options that do not make sense.
    InputError
        A file cannot be read.
    OutputError
        A file cannot be written.
    """
    table = TABLES["vulnerability"]
    if not indexed and not compressed:
        stream = Source(source).refuse_csv("vulnerabilitytobin")
        header_values(table, stream)
        with Outputs() as outputs:
            TableReader(layout_of(table), outputs.open(target), header_line(table, skip_header)).records(
                stream
            )
        return
    suffix = ".z" if compressed else ""
    data, places = mapped(source, f"vulnerability.bin{suffix}"), mapped(index, f"vulnerability.idx{suffix}")
    with Outputs() as outputs:
        vulnerability_records(
            lambda layout, header: TableReader(layout, outputs.open(target), header_line(table, skip_header)),
            data,
            places,
            compressed=compressed,
        )


def vulnerability_records(
    reader_of: Callable[[Any, dict[str, Any]], Any], data: Mapped, index: Mapped, *, compressed: bool = False
) -> Any:
    """The same for vulnerability functions that have an index."""
    table = TABLES["vulnerability_rows"]
    reader = reader_of(layout_of(table), header_values(table, source_of(data)))
    reader.indexed(
        data,
        index,
        entry_size=TABLES["vulnerability_index"].size(),
        header_size=table.header_size(),
        compressed=compressed,
        sized=compressed,
    )
    return reader


TO_CSV: dict[str, Callable[..., None]] = {
    "damage_bin_dict": damage_bin_dict_tocsv,
    "occurrence": occurrence_tocsv,
    "random": random_tocsv,
    "footprint": footprint_tocsv,
    "vulnerability": vulnerability_tocsv,
}


# --- old forms


def fmprofilebinconv(source: SourceLike = None, target: TargetLike = None) -> None:
    """fm_profile.bin from the form that it had before (fm_profile_old).

    Each term goes where its calculation rule has it today.

    Parameters
    ----------
    source : str or path, int, file object or bytes-like, optional
        The binary table; None or "-" is standard input.
    target : str or path, int or file object
        Where the binary table goes; "-" is standard output.

    Raises
    ------
    DataError
        A rule without a counterpart, or a term that is NaN.
    TruncatedError
        The table is cut off; the message has the byte.
    InputError
        The source cannot be read.
    OutputError
        The target cannot be written.
    """
    from ._core.oldforms import convert_profiles

    with Outputs() as outputs:
        convert_profiles(Source(source), outputs.open(binary(target)))


def footprintconv(
    source: PathLike | BufferLike | None = None,
    target: TargetLike = None,
    *,
    source_index: PathLike | BufferLike | None = None,
    target_index: TargetLike = None,
    areaperil_bytes: AreaperilBytes = 4,
) -> None:
    """footprint.bin.z and footprint.idx.z from footprint.bin and footprint.idx.

    Each event's rows become a zlib stream. The index has no original sizes.

    Parameters
    ----------
    source : str or path or bytes-like, default "footprint.bin"
        The footprint.
    target : str or path, int or file object, default "footprint.bin.z"
        Where the compressed footprint goes.
    source_index : str or path or bytes-like, default "footprint.idx"
        The footprint's index.
    target_index : str or path, int or file object, default "footprint.idx.z"
        Where the new index goes.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.

    Raises
    ------
    DataError
        Not such a table; the message says where.
    TruncatedError
        The table is cut off; the message has the byte.
    UsageError
        Options that do not make sense.
    InputError
        A file cannot be read.
    OutputError
        A file cannot be written.
    """
    from ._core.oldforms import RecordPacker

    table, entry = TABLES["footprint"], TABLES["footprint_index"]
    data, index = mapped(source, "footprint.bin"), mapped(source_index, "footprint.idx")
    header = header_values(table, source_of(data))
    if not 0 <= header["flags"] <= SIZED | UNCERTAIN:
        raise DataError(
            f"{data.name}: byte 4: the flags are {header['flags']}, expected 0 to {SIZED | UNCERTAIN}"
        )
    header["flags"] = UNCERTAIN * (
        header["flags"] != 0
    )  # getmodel reads any flag so where nothing is compressed
    with Outputs() as outputs:
        packer = RecordPacker(
            layout_of(table, areaperil_bytes),
            outputs.open(target or "footprint.bin.z"),
            header_of(table, header),
        )
        packer.index = outputs.open(target_index or "footprint.idx.z")
        packer.indexed(data, index, entry_size=entry.size(), header_size=table.header_size())


# --- NumPy


def read_table(
    name: str, source: PathLike | BufferLike | SupportsRead, areaperil_bytes: AreaperilBytes = 4
) -> NDArray[Any]:
    """The records of a binary table as a structured array.

    Parameters
    ----------
    name : str
        The table's name in ktc.schemas.TABLES.
    source : str or path, file object or bytes-like
        The table. A path is mapped, without a copy.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.

    Returns
    -------
    numpy.ndarray
        Of TABLES[name].dtype(areaperil_bytes); an occurrence table has the dtype that its header asks for,
        and lossfactors come with their event_id.

    Raises
    ------
    DataError
        Not such a table.
    TruncatedError
        The size is not a whole number of records.
    UsageError
        There is no such table.
    InputError
        The file cannot be read.

    Examples
    --------
    >>> import ktc
    >>> ktc.read_table("events", "input/events.bin")["event_id"][:3].tolist()
    [1, 2, 3]
    """
    import numpy

    from .headers import csv_of

    table = table_of(name)
    if isinstance(source, (str, os.PathLike)):
        place = os.fspath(source)
        try:
            data = (
                numpy.memmap(place, numpy.uint8, "r")
                if os.path.getsize(place)
                else numpy.empty(0, numpy.uint8)
            )
        except OSError as error:
            raise InputError(f"{place}: cannot read: {error.strerror}") from None
    else:
        place = str(getattr(source, "name", "memory"))
        given: Any = source
        data = numpy.frombuffer(given.read() if hasattr(given, "read") else given, numpy.uint8)
    wrong = csv_of(data[:512].tobytes())
    if wrong:
        raise DataError(f"{place}: byte 0: {wrong}")
    start = table.header_size(areaperil_bytes)
    if len(data) < start:
        raise TruncatedError(f"{place}: byte {len(data)}: the input ends inside the header of {start} bytes")
    if name == "occurrence":
        options = int(data[:4].view("<i4")[0])
        if options not in (0, DAYS, MINUTES):
            raise DataError(f"{place}: byte 0: date_options is {options}, expected 0, 1 or 3")
        table = TABLES["occurrence_granular"] if options == MINUTES else table
    if table.packet:
        return read_packets(table, data, start, place)
    dtype = table.dtype(areaperil_bytes)
    rest = (len(data) - start) % dtype.itemsize
    if rest:
        raise TruncatedError(
            f"{place}: byte {len(data)}: the input ends inside a record: expected {dtype.itemsize} "
            f"bytes from byte {len(data) - rest}, found {rest}"
        )
    return data[start:].view(dtype)


def read_packets(table: Table, data: NDArray[Any], at: int, place: str) -> NDArray[Any]:
    """The records of a table of packets, each with its packet's key."""
    import numpy

    dtype, parts = table.dtype(), []
    packet_key = table.packet[0].name
    full = numpy.dtype([(packet_key, "<i4")] + dtype.descr)
    while at < len(data):
        count = -1
        if len(data) - at >= 8:
            key, count = (int(word) for word in data[at : at + 8].view("<i4"))
            if count < 0:
                raise DataError(f"{place}: byte {at + 4}: count is {count}, expected 0 or more")
        if count < 0 or len(data) - at - 8 < count * dtype.itemsize:
            raise TruncatedError(
                f"{place}: byte {len(data)}: the input ends inside the packet from byte {at}"
            )
        records = data[at + 8 : at + 8 + count * dtype.itemsize].view(dtype)
        part = numpy.empty(count, full)
        part[packet_key] = key
        for field in table.fields:
            part[field.name] = records[field.name]
        parts.append(part)
        at += 8 + count * dtype.itemsize
    return numpy.concatenate(parts) if parts else numpy.empty(0, full)


def write_table(
    name: str, array: ArrayLike, target: TargetLike, areaperil_bytes: AreaperilBytes = 4, **header: int
) -> None:
    """Write a structured array as a binary table.

    Parameters
    ----------
    name : str
        The table's name in ktc.schemas.TABLES. Tables that lie in packets or beside an index are written by
        tobin.
    array : array-like
        Its fields are taken by name.
    target : str or path, int or file object
        Where the table goes; "-" or None is standard output.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.
    **header : int
        Values of the table's header fields, 0 when not given.

    Raises
    ------
    DataError
        A value does not fit its field.
    UsageError
        There is no such table or header field, or a field is missing from the array.
    OutputError
        The target cannot be written.

    Examples
    --------
    >>> import ktc
    >>> items = ktc.read_table("items", "input/items.bin")
    >>> ktc.write_table("items", items[:10], "ten.bin")
    >>> len(ktc.read_table("items", "ten.bin"))
    10
    """
    import numpy

    table = table_of(name)
    if table.packet or name == "footprint":
        raise UsageError(f"{name} does not lie record by record; write it with tobin")
    unknown = set(header) - {f.name for f in table.header}
    if unknown:
        raise UsageError(f"{name} has no header field {', '.join(sorted(unknown))}")
    dtype = table.dtype(areaperil_bytes)
    array = numpy.asarray(array)
    names = [f.name for f in table.fields]
    missing = [n for n in names if array.dtype.names is None or n not in array.dtype.names]
    if missing:
        raise UsageError(f"{name}: the array has no field {', '.join(missing)}")
    records = numpy.empty(len(array), dtype)
    for field in names:
        with numpy.errstate(over="ignore", invalid="ignore"):
            records[field] = array[field]
        kept = (
            numpy.isfinite(records[field]) == numpy.isfinite(array[field])
            if dtype[field].kind == "f"
            else (records[field] == array[field])
        )
        if not numpy.all(kept):
            raise DataError(f"{name}: a value of {field} does not fit {dtype[field]}")
    with Outputs() as outputs:
        sink = outputs.open(target)
        write_all(sink, header_of(table, header))
        write_all(sink, records.tobytes())


def read_csv(
    name: str, source: SourceLike, areaperil_bytes: AreaperilBytes = 4, no_header: bool = False
) -> NDArray[Any]:
    """The rows of a table's csv as a structured array with a field for each csv column.

    The csv is checked as tobin checks it, but for rules that need a number from outside (the largest bin, the
    number of periods).

    Parameters
    ----------
    name : str
        The table's name in ktc.schemas.TABLES.
    source : str or path, int, file object, bytes-like or None
        Csv; None or "-" is standard input.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.
    no_header : bool, default False
        The csv has no header line.

    Returns
    -------
    numpy.ndarray
        One record for each row.

    Raises
    ------
    DataError
        The csv breaks a rule of the table; the message has the line and its text.
    UsageError
        There is no such table.
    InputError
        The csv cannot be read.

    Examples
    --------
    >>> import ktc
    >>> ktc.read_csv("returnperiods", b"return_period\\n100\\n10\\n")["return_period"].tolist()
    [100, 10]
    """
    import numpy

    table = table_of(name)
    layout, fields = packed_layout(table, areaperil_bytes)
    memory = Sink.memory()
    rules = [r for r in table.rules if r.limit is None]
    rows = CsvRows(Source(source), layout, not no_header)
    checks = Checks(rows, rules, {}, empty=table.empty)
    TableWriter(rows, checks, memory).run()
    tell(checks.warnings)
    return numpy.frombuffer(memory.getvalue(), numpy.dtype(fields))
