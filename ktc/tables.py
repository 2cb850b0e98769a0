"""The tables as functions: csv to binary, binary to csv, and either to a NumPy array.

Every function takes the registry's name of a table ("items", "footprint", ...; see ktc.schemas.TABLES), or is
for one of them. Outputs that are regular files appear complete or not at all. Where csv is written, standard
output is the default.

A csv that breaks a rule raises DataError with the line and its text; a binary file that is cut off,
TruncatedError with the byte; what is allowed but strange is a warning.
"""

from __future__ import annotations

from . import converting
from .arrays import read_csv, read_table, write_table
from .converters import (
    conditional_vulnerability_tobin,
    correlations_tobin,
    correlations_tocsv,
    damage_bin_dict_tobin,
    damage_bin_dict_tocsv,
    fmprofilebinconv,
    occurrence_tobin,
    occurrence_tocsv,
    random_tocsv,
    returnperiods_tobin,
)
from .csvchecks import validate
from .errors import UsageError
from .indexed import footprint_tobin, footprint_tocsv, footprintconv, vulnerability_tobin, vulnerability_tocsv

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from ._types import AreaperilBytes, SourceLike, TargetLike


__all__ = [
    "conditional_vulnerability_tobin",
    "correlations_tobin",
    "correlations_tocsv",
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

TO_BINARY: dict[str, Callable[..., None]] = {
    "damage_bin_dict": damage_bin_dict_tobin,
    "returnperiods": returnperiods_tobin,
    "occurrence": occurrence_tobin,
    "footprint": footprint_tobin,
    "vulnerability": vulnerability_tobin,
    "conditional_vulnerability": conditional_vulnerability_tobin,
    "correlations": correlations_tobin,
}
TO_CSV: dict[str, Callable[..., None]] = {
    "damage_bin_dict": damage_bin_dict_tocsv,
    "occurrence": occurrence_tocsv,
    "random": random_tocsv,
    "footprint": footprint_tocsv,
    "vulnerability": vulnerability_tocsv,
    "correlations": correlations_tocsv,
}


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
    source : source, optional
        Csv.
    target : target
        Where the binary table goes.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.
    no_header : bool, default False
        The csv has no header line.
    **options
        By table: validate (damage_bin_dict); max_damage_bin and validate (conditional_vulnerability); fields
        (correlations); periods, date_id and granular (occurrence); everything that footprint_tobin and
        vulnerability_tobin take, whose output goes to files.

    Raises
    ------
    DataError
        The csv breaks a rule of the table; the message has the line and its text.

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
    no_options(table, options)
    converting.tobin(table, source, target, areaperil_bytes=areaperil_bytes, no_header=no_header)


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
    source : source, optional
        The binary table.
    target : target, optional
        Csv; standard output by default.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.
    skip_header : bool, default False
        Write csv without the header line.
    **options
        By table: interval_type (damage_bin_dict); fields (correlations); convert, generate and seed (random);
        everything that footprint_tocsv and vulnerability_tocsv take, which read two files.

    Raises
    ------
    TruncatedError
        The table is cut off; the message has the byte.

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
    no_options(table, options)
    converting.tocsv(table, source, target, areaperil_bytes=areaperil_bytes, skip_header=skip_header)


def width_of(table: str, areaperil_bytes: AreaperilBytes) -> dict[str, Any]:
    """The keywords for the width of areaperil ids: of the tables with functions of their own only the
    footprint has such ids.
    """
    return {"areaperil_bytes": areaperil_bytes} if table == "footprint" else {}


def no_options(name: str, options: Iterable[str]) -> None:
    """Refuse the options that only other tables take."""
    converting.table_of(name)
    if options:
        raise UsageError(f"{name} takes no option {', '.join(options)}")
