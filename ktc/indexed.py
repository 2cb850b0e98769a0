"""The converters of tables that may lie beside an index, each event or function by itself: footprint and
vulnerability.
"""

from __future__ import annotations

import os

from ._core.io import Mapped, Outputs, Source
from ._core.tables import TableReader, source_of
from .converting import (
    SIZED,
    UNCERTAIN,
    convert,
    header_line,
    header_of,
    header_values,
    layout_of,
    mapped,
    rules_of,
    tell,
)
from .errors import DataError, UsageError, binary
from .schemas import TABLES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._types import AreaperilBytes, BufferLike, PathLike, SourceLike, TargetLike


__all__ = [
    "footprint_tobin",
    "footprint_tocsv",
    "footprintconv",
    "vulnerability_tobin",
    "vulnerability_tocsv",
]


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

    See ktc.tobin, whose other options it takes.

    Parameters
    ----------
    target : target, default "footprint.bin"
        Where the footprint goes.
    index : target, default "footprint.idx"
        Where its index goes.
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
    """footprint.bin and footprint.idx as csv. See ktc.tocsv, whose other options it takes.

    Parameters
    ----------
    source : str or path or bytes-like, default "footprint.bin"
        The footprint.
    index : str or path or bytes-like, default "footprint.idx"
        Its index; source and index are given together or not at all.
    compressed : bool, default False
        They are compressed, and by default footprint.bin.z and footprint.idx.z.
    events : str or int, optional
        "7" or "7-12": only these event ids.
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
    target : target, default "footprint.bin.z"
        Where the compressed footprint goes.
    source_index : str or path or bytes-like, default "footprint.idx"
        The footprint's index.
    target_index : target, default "footprint.idx.z"
        Where the new index goes.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.
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

    See ktc.tobin, whose other options it takes.

    Parameters
    ----------
    target : target, optional
        Where the functions go. With an index, "vulnerability.bin" unless it is given.
    index : target, default "vulnerability.idx"
        Where the index goes, if there is one.
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


def vulnerability_tocsv(
    source: SourceLike = None,
    target: TargetLike = None,
    index: PathLike | BufferLike | None = None,
    *,
    skip_header: bool = False,
    indexed: bool = False,
    compressed: bool = False,
) -> None:
    """vulnerability.bin as csv. See ktc.tocsv, whose other options it takes.

    Parameters
    ----------
    source : source, optional
        The functions. With an index a path or bytes-like, by default "vulnerability.bin".
    index : str or path or bytes-like, default "vulnerability.idx"
        The index, if there is one.
    indexed : bool, default False
        There is an index.
    compressed : bool, default False
        There is an index, and the functions are compressed: by default vulnerability.bin.z and
        vulnerability.idx.z.
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


def with_suffix(target: Any) -> Any:
    """A path with .z at its end; anything else as it is."""
    if isinstance(target, (str, os.PathLike)) and not os.fspath(target).endswith(".z"):
        return os.fspath(target) + ".z"
    return target
