"""The tables as functions: csv to binary, binary to csv, and either to a NumPy array.

Every function takes the registry's name of a table ("items", "footprint", ...; see ktc.schemas.TABLES).
Sources may be None or "-" (standard input), a path, a descriptor, a file object, or anything with a buffer;
targets None or "-" (standard output), a path, a descriptor or a file object. Outputs that are regular files
appear complete or not at all. areaperil=8 is for models whose areaperil ids have 8 bytes.

A csv that breaks a rule raises DataError naming the line and its text; a binary file that is cut,
TruncatedError with the byte; what is allowed but strange is a warning.
"""

from __future__ import annotations

import os
import sys

from ._core.io import Mapped, Outputs, Sink, Source
from ._core.tables import Checks, CsvRows, Layout, TableReader, TableWriter, source_of, take_header, write_all
from .errors import DataError, InputError, TruncatedError, UsageError, binary, warn
from .schemas import TABLES
from .schemas.model import TYPES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

    from ._types import AreaperilBytes, BufferLike, PathLike, SourceLike, SupportsRead, TargetLike


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


def table_of(name):
    """The registry's table, or UsageError."""
    if name not in TABLES:
        raise UsageError(f"no table is called {name!r}; there are {', '.join(TABLES)}")
    return TABLES[name]


def layout_of(table, areaperil_bytes=4, columns=None):
    """The engine's Layout of a table. columns: only so many csv columns."""
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


def record_layout(table, areaperil_bytes=4):
    """A Layout whose columns are the fields of the record, whatever its csv has."""
    columns, at = [], 0
    for field in table.fields:
        columns.append((field.name, field.resolved(areaperil_bytes), field.csv, at))
        at += field.width(areaperil_bytes)
    return Layout(columns, at)


def packed_layout(table, areaperil_bytes=4):
    """A Layout whose record holds every csv column, and its dtype: [(name, NumPy type)]."""
    columns, at = [], 0
    for field, _ in table.csv_columns():
        columns.append((field.name, field.resolved(areaperil_bytes), field.csv, at))
        at += field.width(areaperil_bytes)
    layout = Layout(columns, at, len(columns) - table.optional, infinite=table.infinite, table=table)
    return layout, [(name, TYPES[type][1]) for name, type, *_ in columns]


def dates_layout(table):
    """How an occurrence table with dates is read (its number in the place of the year) and written (all
    apart)."""
    fields = [f for f, _ in table.csv_columns()]
    read = [(f.name, "i4", "%d", (0, 4, 8, -1, -1, -1, -1)[i]) for i, f in enumerate(fields)]
    write = [(f.name, "i4", "%d", 4 * i) for i, f in enumerate(fields)]
    return (
        Layout(read, table.size(), len(fields) - table.optional, table=table),
        Layout(write, 4 * len(fields), separator=table.separator),
    )


def header_of(table, values):
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


def header_values(table, source):
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


def mapped(source, default):
    """A whole file or buffer, or the file that stands for None."""
    return Mapped(default if source is None else source)


def tell(lines):
    """What is allowed but strange."""
    for line in lines:
        warn(line, 2)


def width_of(table, areaperil_bytes):
    """What the function of a table is told of the width of areaperil ids: of those here only the footprint
    has some."""
    return {"areaperil_bytes": areaperil_bytes} if table == "footprint" else {}


def alone(name, options):
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
    **options,
) -> None:
    """Convert the csv of a table to binary.

    no_header: the csv has no header line. Options by table: validate (damage_bin_dict), periods, date_id,
    granular (occurrence), everything that footprint_tobin and vulnerability_tobin take (their output goes to
    files).
    """
    if table in TO_BINARY:
        return TO_BINARY[table](
            source, target, no_header=no_header, **width_of(table, areaperil_bytes), **options
        )
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
    table,
    source,
    data,
    layout,
    *,
    header=True,
    values=None,
    validate=True,
    rules=None,
    uniform=False,
    index=None,
    **options,
):
    """Run the engine over a csv; everything it can be told. values: of the table's header."""
    rows = CsvRows(source, layout, header)
    checks = Checks(
        rows, table.rules if rules is None else rules, values or {}, validate, uniform, table.empty
    )
    writer = TableWriter(rows, checks, data, index, **options)
    writer.run(header_of(table, values or {}))
    tell(checks.warnings)
    return writer.n


def damage_bin_dict_tobin(
    source: SourceLike = None, target: TargetLike = None, *, no_header: bool = False, validate: bool = True
) -> None:
    """damage_bin_dict.bin from csv, with or without the deprecated column interval_type.

    validate=False: any bins, and rows with and without interval_type mixed.
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
    """returnperiods.bin from csv: in descending order, none twice."""
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
    """occurrence.bin from csv; periods: how many there are, which no period_no may exceed.

    The csv has event_id, period_no and the date: year, month and day, with granular also hour and minute (0
    when they are missing), or with date_id one number of the model's own.
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
    """footprint.bin and footprint.idx (target and index) from csv: event_id, areaperil_id, intensity_bin_id,
    probability.

    max_intensity_bin: no bin may exceed it. no_uncertainty: recorded in the file, for models whose intensity
    is certain. compress: each event's rows as a zlib stream, and the names end in .z; sized: the index has
    their original sizes. validate=False: the only checks are that values fit and bins do not exceed the
    largest.
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

    max_damage_bin: no bin may exceed it. indexed: to target and index (vulnerability.bin and
    vulnerability.idx), where the records have no vulnerability_id; compress: the same with each function's
    rows as a zlib stream, names ending in .z. validate=False: the only checks are that values fit and bins do
    not exceed the largest. any_intensity_bins: no warning when functions lack intensity bins that others
    have.
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


def rules_of(table, any_intensity_bins):
    """The rules of a table, without the one on intensity bins that some functions lack."""
    return [r for r in table.rules if not (any_intensity_bins and r.kind == "complete")]


def with_suffix(target):
    """A path with .z at its end; anything else as it is."""
    if isinstance(target, (str, os.PathLike)) and not os.fspath(target).endswith(".z"):
        return os.fspath(target) + ".z"
    return target


TO_BINARY = {
    "damage_bin_dict": damage_bin_dict_tobin,
    "returnperiods": returnperiods_tobin,
    "occurrence": occurrence_tobin,
    "footprint": footprint_tobin,
    "vulnerability": vulnerability_tobin,
}


# --- csv checked

# What ktools calls the tables that it validates, and the bins whose largest it tells.
VALIDATED = {
    "damage_bin_dict": ("Damage Bin Dictionary", ""),
    "footprint": ("Footprint", "intensity"),
    "vulnerability": ("Vulnerability", "damage"),
}


def checked(table, source, areaperil_bytes, any_intensity_bins):
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

    Returns the largest intensity bin of a footprint or the largest damage bin of a vulnerability, which tobin
    asks for, else None. DataError has a line for each fault, 20 at most. What a line that cannot be read
    leaves open, such as the sum of its group, is not judged. any_intensity_bins: as in vulnerability_tobin.
    Memory does not grow with the rows, but with those of one areaperil in an event, and with the number of
    vulnerability functions.
    """
    return checked(table, source, areaperil_bytes, any_intensity_bins).largest


def report_validation(table, source=None, *, areaperil_bytes=4, any_intensity_bins=False):
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
    **options,
) -> None:
    """Convert a table to csv.

    skip_header: leave its header line out. Options by table: interval_type (damage_bin_dict), everything that
    footprint_tocsv and vulnerability_tocsv take (they read two files).
    """
    if table in TO_CSV:
        return TO_CSV[table](
            source, target, skip_header=skip_header, **width_of(table, areaperil_bytes), **options
        )
    entry = alone(table, options)
    source = Source(source).refuse_csv(f"{entry.tool}tobin")
    header_values(entry, source)
    with Outputs() as outputs:
        reader = TableReader(
            layout_of(entry, areaperil_bytes),
            outputs.open(target),
            header_line(entry, skip_header),
            counted=table == "coverages",
        )
        if entry.packet:
            reader.packets(source)
        else:
            reader.records(source)


def header_line(table, skip, columns=None):
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
    """damage_bin_dict.bin as csv; interval_type: with that deprecated column."""
    table = TABLES["damage_bin_dict"]
    columns = None if interval_type else len(table.fields) - 1
    with Outputs() as outputs:
        TableReader(
            layout_of(table, columns=columns), outputs.open(target), header_line(table, skip_header, columns)
        ).records(Source(source).refuse_csv("damagebintobin"))


def occurrence_tocsv(
    source: SourceLike = None, target: TargetLike = None, *, skip_header: bool = False
) -> None:
    """occurrence.bin as csv: with dates, with dates and times, or with date numbers, as its header says."""
    source = Source(source).refuse_csv("occurrencetobin")
    options = header_values(TABLES["occurrence"], source)["date_options"]
    names = {0: "occurrence", DAYS: "occurrence_dates", MINUTES: "occurrence_granular"}
    if options not in names:
        from .headers import told_csv

        raise DataError(
            f"{source.name}: byte 0: date_options is {options}, expected 0, 1 or 3"
            f"{told_csv(source.start(), source.converter)}"
        )
    table = TABLES[names[options]]
    with Outputs() as outputs:
        reader = TableReader(
            dates_layout(table)[1] if options else layout_of(table),
            outputs.open(target),
            header_line(table, skip_header),
        )
        if options:
            reader.dates(source, options == MINUTES)
        else:
            reader.records(source)


def random_tocsv(
    source: SourceLike = None,
    target: TargetLike = None,
    *,
    skip_header: bool = False,
    convert: bool = False,
    generate: int | None = None,
    seed: int = 0,
) -> None:
    """random.bin as csv, or with generate so many numbers of a Mersenne twister; seed 0: another one each
    time.

    convert: reads random.bin, also when generate is given.
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
    """footprint.bin and footprint.idx (source and index) as csv. compressed: they are footprint.bin.z and
    footprint.idx.z.

    events: "7" or "7-12", only these event ids.
    """
    if (source is None) != (index is None):
        raise UsageError("the footprint (-b) and its index (-x) must be given together")
    suffix = ".z" if compressed else ""
    data, index = mapped(source, f"footprint.bin{suffix}"), mapped(index, f"footprint.idx{suffix}")
    options = {}
    if events is not None:
        options["first"], options["last"] = event_range(events)
    with Outputs() as outputs:
        footprint_records(
            lambda layout, header: TableReader(
                layout, outputs.open(target), header_line(TABLES["footprint"], skip_header)
            ),
            data,
            index,
            areaperil_bytes=areaperil_bytes,
            compressed=compressed,
            **options,
        )


def footprint_records(reader_of, data, index, *, areaperil_bytes=4, compressed=False, **events):
    """Send the records of a footprint to the TableReader that reader_of(layout, header values) gives; the
    reader."""
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


def event_range(text):
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
    """vulnerability.bin as csv. indexed: from vulnerability.bin and vulnerability.idx (source and index) of
    the working directory; compressed: from vulnerability.bin.z and vulnerability.idx.z."""
    table = TABLES["vulnerability"]
    if not indexed and not compressed:
        source = Source(source).refuse_csv("vulnerabilitytobin")
        header_values(table, source)
        with Outputs() as outputs:
            TableReader(layout_of(table), outputs.open(target), header_line(table, skip_header)).records(
                source
            )
        return
    suffix = ".z" if compressed else ""
    data, index = mapped(source, f"vulnerability.bin{suffix}"), mapped(index, f"vulnerability.idx{suffix}")
    with Outputs() as outputs:
        vulnerability_records(
            lambda layout, header: TableReader(layout, outputs.open(target), header_line(table, skip_header)),
            data,
            index,
            compressed=compressed,
        )


def vulnerability_records(reader_of, data, index, *, compressed=False):
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


TO_CSV = {
    "damage_bin_dict": damage_bin_dict_tocsv,
    "occurrence": occurrence_tocsv,
    "random": random_tocsv,
    "footprint": footprint_tocsv,
    "vulnerability": vulnerability_tocsv,
}


# --- old forms


def fmprofilebinconv(source: SourceLike = None, target: TargetLike = None) -> None:
    """fm_profile.bin from the form that it had before (fm_profile_old): each term goes where its calculation
    rule has it today.

    A rule without a counterpart, or a term that is NaN, is an error.
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
    """footprint.bin.z and footprint.idx.z (target and target_index) from footprint.bin and footprint.idx
    (source and source_index), each event's rows as a zlib stream. The index has no original sizes."""
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
    """The records of a binary table as a structured array; of a path, mapped from the file without a copy.

    Its dtype is TABLES[name].dtype(areaperil); an occurrence table has the dtype that its header asks for.
    lossfactors come with their event_id. A size that is not a whole number of records raises TruncatedError.
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
        data = numpy.frombuffer(source.read() if hasattr(source, "read") else source, numpy.uint8)
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


def read_packets(table, data, at, place):
    """The records of a table of packets, each with its packet's key."""
    import numpy

    dtype, parts = table.dtype(), []
    full = numpy.dtype([(table.packet[0].name, "<i4")] + dtype.descr)
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
        part[full.names[0]] = key
        for field in dtype.names:
            part[field] = records[field]
        parts.append(part)
        at += 8 + count * dtype.itemsize
    return numpy.concatenate(parts) if parts else numpy.empty(0, full)


def write_table(
    name: str, array: ArrayLike, target: TargetLike, areaperil_bytes: AreaperilBytes = 4, **header
) -> None:
    """Write a structured array as a binary table. header: values of the table's header fields (0 when not
    given).

    The array's fields are taken by name. Tables that lie in packets or beside an index are written by tobin.
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
    missing = [n for n in dtype.names if array.dtype.names is None or n not in array.dtype.names]
    if missing:
        raise UsageError(f"{name}: the array has no field {', '.join(missing)}")
    records = numpy.empty(len(array), dtype)
    for field in dtype.names:
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
    """The rows of a table's csv as a structured array with a field for each csv column, checked as tobin
    checks them.

    Rules that need a number from outside (the largest bin, the number of periods) are left out.
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
