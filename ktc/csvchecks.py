"""The csv of one table held against its rules, as ktools' validators of damage bins, footprints and
vulnerabilities do it."""

from __future__ import annotations

import sys

from ._core.checks import Checks
from ._core.csvrows import CsvRows
from ._core.io import Source
from .converting import layout_of, rules_of, tell
from .errors import UsageError
from .schemas import TABLES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._types import AreaperilBytes, SourceLike


__all__ = ["validate"]

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
    source : source, optional
        Csv.
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
