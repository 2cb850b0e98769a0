"""Where the tables of a run lie, and their records, in whichever form they have."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ._core.io import Mapped, Source
from .converting import DAYS, MINUTES, correlations_form, header_values, layout_of, record_layout
from .errors import DataError, InputError
from .headers import key, titles
from .indexed import footprint_records, vulnerability_records
from .schemas import TABLES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._types import PathLike


BY_EVENT, CHUNKS = "footprint.parquet", "footprint_chunk"  # folders of a footprint in parquet


@dataclass
class Place:
    """Where a table lies. form: "csv", "plain", "indexed" or "compressed" (each of these with an index)."""

    table: str
    form: str
    path: str
    index: str | None = None


def place_of(table: str, folder: PathLike, stem: str | None = None) -> Place | None:
    """Where a table lies below folder, as the stages would find it, or else its csv; None if it is nowhere.
    Of correlations, its table is the form that the file has.

    stem: the path without its ending, instead of the registry's.
    """
    stem = stem or os.path.splitext(TABLES[table].path)[0]
    path = os.path.join("" if folder == "." else folder, stem)
    if table in ("footprint", "vulnerability"):
        for form, suffix in (("compressed", ".z"), ("indexed", "")):
            if os.path.exists(f"{path}.idx{suffix}"):
                return Place(table, form, f"{path}.bin{suffix}", f"{path}.idx{suffix}")
    if table == "correlations" and os.path.exists(f"{path}.bin"):
        return Place(form_of_correlations(Source(f"{path}.bin")), "plain", f"{path}.bin")
    if os.path.exists(f"{path}.bin"):  # of a footprint, to say that its index is missing
        return Place(table, "indexed" if table == "footprint" else "plain", f"{path}.bin", f"{path}.idx")
    for csv in (path, os.path.join("" if folder == "." else folder, os.path.basename(stem))):
        if os.path.exists(f"{csv}.csv"):
            place = Place(table, "csv", f"{csv}.csv")
            return Place(csv_form(place), "csv", place.path) if table == "correlations" else place
    return None


def form_of_correlations(source: Source) -> str:
    """The registry's table that binary correlations are; where nothing shows it, correlations."""
    try:
        return correlations_form(source).name
    except DataError:
        return "correlations"


def csv_form(place: Place) -> str:
    """The registry's table whose columns a csv has: those with dates and those with steps are others."""
    forms = {
        "occurrence": ("occ_year", "occurrence_granular"),
        "fm_profile": ("step_id", "fm_profile_step"),
        "correlations": ("source_item_id", "correlations_sourced"),
    }
    if place.table in forms:
        column, other = forms[place.table]
        try:
            with open(place.path, encoding="utf-8-sig", errors="replace") as file:
                if key(column) in map(key, titles(file.readline(1 << 16).rstrip("\n"))):
                    return other
        except OSError as error:
            raise InputError(f"{place.path}: cannot read: {error.strerror}") from None
    return place.table


def read_binary(
    place: Place, reader_of: Callable[..., Any], areaperil_bytes: int, source: Source | None = None
) -> Any:
    """Send the records of a binary table to the TableReader that reader_of(layout, header values, ...) gives;
    the reader.

    source: the Source of a table without an index, where it is open already.
    """
    if place.form != "plain":
        assert place.index is not None
        records: Any = footprint_records if place.table == "footprint" else vulnerability_records
        options = {"areaperil_bytes": areaperil_bytes} if place.table == "footprint" else {}
        return records(
            reader_of,
            Mapped(place.path),
            Mapped(place.index),
            compressed=place.form == "compressed",
            **options,
        )
    entry, source = TABLES[place.table], source or Source(place.path).refuse_csv()
    header = header_values(entry, source)
    if place.table == "occurrence":
        if header["date_options"] not in (0, DAYS, MINUTES):
            raise DataError(
                f"{place.path}: byte 0: date_options is {header['date_options']}, expected 0, 1 or 3"
            )
        if header["date_options"] == MINUTES:
            entry = TABLES["occurrence_granular"]
        layout = record_layout(entry)
    else:
        layout = layout_of(entry, areaperil_bytes)
    if entry.packet:
        reader = reader_of(layout, header)
        reader.packets(source)
    else:
        reader = reader_of(layout, header, entry.header_size(), place.table == "coverages")
        reader.records(source)
    return reader
