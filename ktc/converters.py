"""The converters of tables that take more than a layout: damage bins, conditional vulnerability,
correlations, return periods, occurrences and random numbers; and fm_profile from the form that it once had.
Those of tables with an index are in ktc.indexed.
"""

from __future__ import annotations

import os

from ._core.io import Outputs, Sink, Source, write_all
from ._core.tables import TableReader
from .converting import (
    DAYS,
    MINUTES,
    convert,
    correlations_form,
    dates_layout,
    header_line,
    header_values,
    layout_of,
)
from .errors import DataError, UsageError, binary
from .schemas import TABLES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._types import SourceLike, TargetLike
    from .schemas.model import Table


__all__ = [
    "conditional_vulnerability_tobin",
    "correlations_tobin",
    "correlations_tocsv",
    "damage_bin_dict_tobin",
    "damage_bin_dict_tocsv",
    "fmprofilebinconv",
    "occurrence_tobin",
    "occurrence_tocsv",
    "random_tocsv",
    "returnperiods_tobin",
]


def damage_bin_dict_tobin(
    source: SourceLike = None, target: TargetLike = None, *, no_header: bool = False, validate: bool = True
) -> None:
    """damage_bin_dict.bin from csv, with or without the deprecated column interval_type. See ktc.tobin.

    Parameters
    ----------
    validate : bool, default True
        False: any bins, and rows with and without interval_type mixed.
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


def damage_bin_dict_tocsv(
    source: SourceLike = None,
    target: TargetLike = None,
    *,
    skip_header: bool = False,
    interval_type: bool = False,
) -> None:
    """damage_bin_dict.bin as csv. See ktc.tocsv.

    Parameters
    ----------
    interval_type : bool, default False
        With that deprecated column.
    """
    table = TABLES["damage_bin_dict"]
    columns = None if interval_type else len(table.fields) - 1
    with Outputs() as outputs:
        TableReader(
            layout_of(table, columns=columns), outputs.open(target), header_line(table, skip_header, columns)
        ).records(Source(source).refuse_csv("damagebintobin"))


def conditional_vulnerability_tobin(
    source: SourceLike = None,
    target: TargetLike = None,
    *,
    no_header: bool = False,
    max_damage_bin: int | None = None,
    validate: bool = True,
) -> None:
    """conditional_vulnerability.bin from csv. See ktc.tobin.

    The csv has vulnerability_id, source_damage_bin, damage_bin and probability. Damage bins of the other item
    may be missing: its damage then causes none.

    Parameters
    ----------
    max_damage_bin : int
        The largest damage bin; none may exceed it.
    validate : bool, default True
        False: the only checks are that values fit and bins do not exceed the largest.
    """
    if max_damage_bin is None:
        raise UsageError("the largest damage bin (-d) is missing")
    table = TABLES["conditional_vulnerability"]
    with Outputs() as outputs:
        convert(
            table,
            Source(source),
            outputs.open(binary(target)),
            layout_of(table),
            header=not no_header,
            values={"max_damage_bin": max_damage_bin},
            validate=validate,
        )


def correlations_tobin(
    source: SourceLike = None,
    target: TargetLike = None,
    *,
    no_header: bool = False,
    fields: int | None = None,
) -> None:
    """correlations.bin from csv, with or without the column source_item_id. See ktc.tobin.

    Parameters
    ----------
    fields : {5, 6}, optional
        Of a record: 6 with source_item_id, 5 without. By default as the header has it, or without a header
        the first row.
    """
    data = Source(source)
    table = correlations_of(fields)
    if table is None:
        from .headers import first_line, key, titles

        names = titles(first_line(data.peek(1 << 12)) or "")
        sourced = len(names) == 6 if no_header else key("source_item_id") in map(key, names)
        table = TABLES["correlations_sourced" if sourced else "correlations"]
    with Outputs() as outputs:
        convert(table, data, outputs.open(binary(target)), layout_of(table), header=not no_header)


def correlations_tocsv(
    source: SourceLike = None,
    target: TargetLike = None,
    *,
    skip_header: bool = False,
    fields: int | None = None,
) -> None:
    """correlations.bin as csv, in the form that it has. See ktc.tocsv.

    Parameters
    ----------
    fields : {5, 6}, optional
        Of a record: 6 with source_item_id, 5 without. By default as many as the size of the file shows.
        Where it shows nothing, since 120 bytes are 6 records of 5 fields or 5 of 6, item ids and correlations
        decide.

    Raises
    ------
    DataError
        Nothing shows how many fields there are.
    """
    data = Source(source).refuse_csv("correlationtobin")
    table = correlations_of(fields) or correlations_form(data)
    with Outputs() as outputs:
        TableReader(layout_of(table), outputs.open(target), header_line(table, skip_header)).records(data)


def correlations_of(fields: int | None) -> Table | None:
    """The table of correlations whose records have this many fields."""
    if fields not in (None, 5, 6):
        raise UsageError(f"fields is {fields}, expected 5 or 6")
    return None if fields is None else TABLES["correlations_sourced" if fields == 6 else "correlations"]


def returnperiods_tobin(
    source: SourceLike = None, target: TargetLike = None, *, no_header: bool = False
) -> None:
    """returnperiods.bin from csv: in descending order, none twice. See ktc.tobin."""
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
    """occurrence.bin from csv. See ktc.tobin.

    The csv has event_id, period_no and the date: year, month and day, with granular also hour and minute (0
    when they are missing), or with date_id one number of the model's own.

    Parameters
    ----------
    periods : int
        How many periods there are; no period_no may exceed it.
    date_id : bool, default False
        Dates are numbers of the model's own.
    granular : bool, default False
        Dates have hours and minutes.
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


def occurrence_tocsv(
    source: SourceLike = None, target: TargetLike = None, *, skip_header: bool = False
) -> None:
    """occurrence.bin as csv: with dates, with dates and times, or with date numbers, as its header says.

    See ktc.tocsv.
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
    """random.bin as csv, or N numbers of a Mersenne twister. See ktc.tocsv.

    Parameters
    ----------
    convert : bool, default False
        Read random.bin, also when generate is given.
    generate : int, optional
        How many numbers to generate instead of reading any.
    seed : int, default 0
        The seed of the twister, of 32 bits; 0: another one each time.
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


def fmprofilebinconv(source: SourceLike = None, target: TargetLike = None) -> None:
    """fm_profile.bin from the form that it had before (fm_profile_old).

    Each term goes where its calculation rule has it today.

    Parameters
    ----------
    source : source, optional
        The binary table.
    target : target
        Where the binary table goes.

    Raises
    ------
    DataError
        A rule without a counterpart, or a term that is NaN.
    """
    from ._core.oldforms import convert_profiles

    with Outputs() as outputs:
        convert_profiles(Source(source), outputs.open(binary(target)))
