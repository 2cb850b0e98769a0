"""Whether the files of a run are sound: each by the rules that the registry states, and all of them with each
other.

    verdict = ktc.validate_run("run")       # every table of a run's folder
    if not verdict.sound:
        print(verdict)

Rules and references are the registry's (ktc.schemas.TABLES: rules, sound, key, refs).
"""

from __future__ import annotations

import os
import sys

from .checker import Checker, FileVerdict, Verdict
from .converting import tell
from .dependencies import check_full_model
from .errors import DataError, InputError, KtcError, UsageError
from .places import BY_EVENT, CHUNKS, Place, place_of
from .schemas import TABLES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ._types import AreaperilBytes, PathLike


__all__ = ["FileVerdict", "Verdict", "crossvalidation", "validate_csv", "validate_run", "validateoasisfiles"]

GROUND_UP_FILES = ("coverages", "items")
INSURED_FILES = ("fm_programme", *GROUND_UP_FILES, "fm_profile", "fm_policytc")
MODEL_FILES = ("damage_bin_dict", "vulnerability", "footprint")
PROGRAMME = ("fm_programme", "fm_policytc", "fm_profile", "fm_profile_step", "fm_xref", "fmsummaryxref")


def validate_run(folder: PathLike = ".", *, areaperil_bytes: AreaperilBytes = 4) -> Verdict:
    """Check every table of a run's folder, alone and with each other.

    Tables lie below input/ and static/, binary or else csv. Reinsurance programmes in folders of their own
    (RI_1/, input/RI_1/, ...) are checked with their own tables. Programmes are also compiled, as fmcalc does
    it, if their tables have no fault.

    Parameters
    ----------
    folder : str or path, default "."
        The folder that holds input/ and static/.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.

    Returns
    -------
    Verdict
        What was found in each file, and what is missing.

    Raises
    ------
    InputError
        There is no such folder, or no table in it.

    Examples
    --------
    >>> import ktc
    >>> verdict = ktc.validate_run(".")
    >>> verdict.sound
    True
    """
    if not os.path.isdir(folder):
        raise InputError(f"{folder}: no such folder")
    forms = (
        "footprint_index",
        "footprint_index_sized",
        "vulnerability_rows",
        "vulnerability_index",
        "occurrence_dates",
        "occurrence_granular",
        "correlations_sourced",
    )
    places = {
        place.table: place for table in TABLES if table not in forms and (place := place_of(table, folder))
    }
    if not places:
        raise InputError(f"{folder}: none of a run's files is there, such as {TABLES['items'].path}")
    verdict = Checker(places, areaperil_bytes).run()
    check_full_model(places, verdict, areaperil_bytes)
    verdict.missing += [
        line
        for line in missing(places, "ground-up losses")
        if not (line.startswith(f"{TABLES['footprint'].path}:") and footprint_in_parquet(folder))
    ]
    if any(place in places for place in ("fm_programme", "fm_policytc", "fm_profile")):
        verdict.missing += missing(places, "insured losses")
        verdict.lacking += missing(places, "insured summaries")
    compile_programme(places, folder, os.path.dirname(TABLES["fm_programme"].path), verdict, areaperil_bytes)
    for below in programme_folders(folder):
        own = {
            table: place
            for table in PROGRAMME
            if (
                place := place_of(
                    table, folder, os.path.join(below, os.path.basename(TABLES[table].path)[: -len(".bin")])
                )
            )
        }
        other = Checker(own, areaperil_bytes).run()
        verdict.files += other.files
        verdict.missing += [
            f"{below}/{table}.bin: missing; fmcalc needs it"
            for table in ("fm_policytc", "fm_profile")
            if table not in own and f"{table}_step" not in own
        ]
        compile_programme(own, folder, below, verdict, areaperil_bytes)
    return verdict


def footprint_in_parquet(folder: PathLike) -> bool:
    """Whether a run has its footprint in one of the forms that only gulmc reads."""
    static = os.path.join(folder, os.path.dirname(TABLES["footprint"].path))
    return any(os.path.isdir(os.path.join(static, name)) for name in (BY_EVENT, CHUNKS))


def missing(places: Mapping[str, Place], *groups: str) -> list[str]:
    """Lines about tables that runs of these groups of losses need and that are not there."""
    return [
        f"{entry.path}: missing; a run of {entry.needed} needs it"
        for entry in TABLES.values()
        if entry.needed in groups and entry.name not in places and f"{entry.name}_step" not in places
    ]


def programme_folders(folder: PathLike) -> list[str]:
    """Folders with programmes of their own, below a run's and below its input/."""
    found: list[str] = []
    for above in ("", "input"):
        where = os.path.join(folder, above)
        if os.path.isdir(where):
            found += [
                os.path.join(above, name)
                for name in sorted(os.listdir(where))
                if name not in ("input", "static")
                and os.path.exists(os.path.join(where, name, "fm_programme.bin"))
            ]
    return found


def compile_programme(
    places: Mapping[str, Place],
    folder: PathLike,
    below: str,
    verdict: Verdict,
    areaperil_bytes: AreaperilBytes,
) -> None:
    """What only a compiled programme shows goes to the verdict on fm_programme: a fault, or what is
    doubtful."""
    tables = [table for table in (*PROGRAMME, *GROUND_UP_FILES) if table in places]
    files = {file.path: file for file in verdict.files}
    if (
        not {"fm_programme", "fm_policytc"} <= set(tables)
        or any(places[table].form == "csv" for table in tables)
        or any(files[places[table].path].faults for table in tables)
    ):
        return
    from .financial import read_plan

    stepped = "fm_profile" not in places
    error: KtcError | None = None
    for by_aggregate in (False, True):  # fm_xref numbers items or, as allocation rule 0 wants it, aggregates
        try:
            plan = read_plan(
                os.path.join(folder, below),
                by_aggregate=by_aggregate,
                stepped=stepped,
                areaperil_bytes=areaperil_bytes,
            )
            files[places["fm_programme"].path].warnings += plan.doubts
            return
        except KtcError as found:
            error = error or found
    files[places["fm_programme"].path].faults += str(error).split("\n")


def report_run(folder: PathLike = ".", *, areaperil_bytes: AreaperilBytes = 4) -> int:
    """validate_run(), with its summary on standard output; the exit status."""
    from .console import say

    verdict = validate_run(folder, areaperil_bytes=areaperil_bytes)
    say(f"{verdict}\n")
    return 0 if verdict.sound else 1


def validate_csv(paths: Mapping[str, PathLike], *, areaperil_bytes: AreaperilBytes = 4) -> Verdict:
    """Check csv files against each other, by the rules that no converter leaves out.

    Parameters
    ----------
    paths : dict of str to (str or path)
        The csv of each table, by the table's name in the registry.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.

    Returns
    -------
    Verdict
        What was found in each file.

    Raises
    ------
    UsageError
        The registry has no such table.
    InputError
        A file is missing.
    """
    for table, path in paths.items():
        if table not in TABLES:
            raise UsageError(f"no table is called {table!r}")
        if not os.path.exists(path):
            raise InputError(f"{path}: cannot read: No such file or directory")
    places = {table: Place(table, "csv", os.fspath(path)) for table, path in paths.items()}
    return Checker(places, areaperil_bytes, only_always=True).run()


def judge(verdict: Verdict, words: str) -> None:
    """Warn, and raise DataError with a line for each fault, or say on standard error that all is well."""
    tell(verdict.warnings)
    if verdict.faults:
        raise DataError("\n".join(verdict.faults))
    print(words, file=sys.stderr)


def validateoasisfiles(
    folder: PathLike | None = None, *, ground_up: bool = False, areaperil_bytes: AreaperilBytes = 4
) -> None:
    """Check a portfolio's csv files against each other, as ktools does.

    These are coverages.csv and items.csv and, unless ground_up, fm_programme.csv, fm_profile.csv and
    fm_policytc.csv: coverages of items, items of the programme, groups of the level below, terms. Without
    fm_programme.csv, only the first two are checked, with a warning. The verdict is printed to standard
    error.

    Parameters
    ----------
    folder : str or path
        The folder of the files.
    ground_up : bool, default False
        Check only coverages and items.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.

    Raises
    ------
    DataError
        With a line for each fault, 20 at most for a file.
    UsageError
        No folder is given.
    InputError
        A file is missing.
    """
    if folder is None:
        raise UsageError("the folder of the files (-d) is missing")
    tables = GROUND_UP_FILES if ground_up else INSURED_FILES
    if not ground_up and not os.path.exists(os.path.join(folder, "fm_programme.csv")):
        tell(
            [
                f"{os.path.join(folder, 'fm_programme.csv')}: there is none: checking only coverages and "
                f"items (as -g asks)"
            ]
        )
        tables = GROUND_UP_FILES
    paths = {table: os.path.join(folder, f"{table}.csv") for table in tables}
    judge(validate_csv(paths, areaperil_bytes=areaperil_bytes), "All checks pass.")


def crossvalidation(
    *,
    damage_bins: PathLike | None = None,
    footprint: PathLike | None = None,
    vulnerability: PathLike | None = None,
    areaperil_bytes: AreaperilBytes = 4,
) -> None:
    """Check a model's csv files against each other, as ktools does.

    Damage bins of the vulnerability and intensity bins of the footprint must be known. The verdict is printed
    to standard error.

    Parameters
    ----------
    damage_bins, footprint, vulnerability : str or path
        The three csv files. All are needed.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.

    Raises
    ------
    DataError
        With a line for each fault, 20 at most for a file.
    UsageError
        A file is not given.
    InputError
        A file is missing.
    """
    paths: dict[str, Any] = dict(zip(MODEL_FILES, (damage_bins, vulnerability, footprint)))
    absent = [flag for flag, path in zip(("-d", "-s", "-f"), paths.values()) if path is None]
    if absent:
        raise UsageError(
            "name the damage bins (-d), the vulnerability (-s) and the footprint (-f); "
            f"missing: {', '.join(absent)}"
        )
    given = {table: path for table, path in paths.items() if path is not None}
    judge(validate_csv(given, areaperil_bytes=areaperil_bytes), "Cross checks pass.")
