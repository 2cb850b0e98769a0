"""Whether the files of a run are sound: each by the rules that the registry states, and all of them with each
other.

    verdict = ktc.validate_run("run")       # every table of a run's folder
    if not verdict.sound:
        print(verdict)

Rules and references are the registry's (ktc.schemas.TABLES: rules, sound, key, refs). Files are read once,
one after the other, in an order in which ids are known before they are looked for; memory follows the ids,
not the files.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field

from ._core.checks import Checks, RecordRows
from ._core.csvrows import CsvRows
from ._core.io import Mapped, Source
from ._core.keys import Keys
from ._core.tables import RecordChecker
from .errors import DataError, InputError, KtcError, UsageError
from .headers import key, titles
from .schemas import TABLES
from .schemas.tables import Rule
from .tables import (
    DAYS,
    MINUTES,
    footprint_records,
    header_values,
    layout_of,
    record_layout,
    tell,
    vulnerability_records,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, TypeAlias

    from ._types import AreaperilBytes, PathLike
    from .schemas import Ref, Table

    # ("add", "find" or "unique", columns, Keys, options), as ktc._core.tables.Checks takes them.
    Link: TypeAlias = tuple[str, Any, Any, dict[str, Any]]


__all__ = ["FileVerdict", "Verdict", "crossvalidation", "validate_csv", "validate_run", "validateoasisfiles"]

GROUND_UP_FILES = ("coverages", "items")
INSURED_FILES = ("fm_programme", *GROUND_UP_FILES, "fm_profile", "fm_policytc")
MODEL_FILES = ("damage_bin_dict", "vulnerability", "footprint")
PROGRAMME = ("fm_programme", "fm_policytc", "fm_profile", "fm_profile_step", "fm_xref", "fmsummaryxref")
MOST_IDS = 10  # that a message shows


@dataclass
class FileVerdict:
    """What was found in one file.

    Attributes
    ----------
    path : str
        The file.
    table : str
        Its name in the registry.
    rows : int
        Number of rows read.
    header : dict
        The values of its header, by field.
    faults : list of str
        One line for each, 20 at most, with file, line or record, and value.
    warnings : list of str
        What is allowed but strange.
    """

    path: str
    table: str
    rows: int = 0
    header: dict[str, Any] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass
class Verdict:
    """What was found in several files. str() of it is a summary for people.

    Attributes
    ----------
    files : list of FileVerdict
        One for each file.
    missing : list of str
        Lines about files that should be there.
    lacking : list of str
        Lines about files that only some runs need.
    """

    files: list[FileVerdict] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """Lines about what is missing and about the faults of all files."""
        return [*self.missing, *(line for file in self.files for line in file.faults)]

    @property
    def warnings(self) -> list[str]:
        """Lines about what is lacking and the warnings of all files."""
        return [*self.lacking, *(line for file in self.files for line in file.warnings)]

    @property
    def sound(self) -> bool:
        """Whether there is no fault and nothing is missing."""
        return not self.faults

    def __str__(self) -> str:
        width = max([len(file.path) for file in self.files], default=0)
        lines = [
            f"  {file.path:{width}}{file.rows:>16,} rows   "
            f"{count(len(file.faults), 'fault') if file.faults else 'ok'}"
            f"{', ' + count(len(file.warnings), 'warning') if file.warnings else ''}"
            for file in self.files
        ]
        for head, found in (("faults", self.faults), ("warnings", self.warnings)):
            lines += [f"\n{head}:", *(f"  {line}" for line in found)] if found else []
        lines += [
            "",
            f"{count(len(self.files), 'file')}, {count(len(self.faults), 'fault')}, "
            f"{count(len(self.warnings), 'warning')}: {'sound' if self.sound else 'not sound'}",
        ]
        return "\n".join(lines)


def count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


@dataclass
class Place:
    """Where a table lies. form: "csv", "plain", "indexed" or "compressed" (each of these with an index)."""

    table: str
    form: str
    path: str
    index: str | None = None


def place_of(table: str, folder: PathLike, stem: str | None = None) -> Place | None:
    """Where a table lies below folder, as the stages would find it, or else its csv; None if it is nowhere.

    stem: the path without its ending, instead of the registry's.
    """
    stem = stem or os.path.splitext(TABLES[table].path)[0]
    path = os.path.join("" if folder == "." else folder, stem)
    if table in ("footprint", "vulnerability"):
        for form, suffix in (("compressed", ".z"), ("indexed", "")):
            if os.path.exists(f"{path}.idx{suffix}"):
                return Place(table, form, f"{path}.bin{suffix}", f"{path}.idx{suffix}")
    if os.path.exists(f"{path}.bin"):  # of a footprint, to say that its index is missing
        return Place(table, "indexed" if table == "footprint" else "plain", f"{path}.bin", f"{path}.idx")
    for csv in (path, os.path.join("" if folder == "." else folder, os.path.basename(stem))):
        if os.path.exists(f"{csv}.csv"):
            return Place(table, "csv", f"{csv}.csv")
    return None


class Checker:
    """Checks tables one after the other and keeps what they know of ids.

    places: {table: Place}. Each check appends to verdict.files. only_always: just the rules that converters
    cannot switch off.
    """

    def __init__(
        self, places: Mapping[str, Place], areaperil_bytes: int = 4, only_always: bool = False
    ) -> None:
        self.places, self.areaperil_bytes, self.only_always = places, areaperil_bytes, only_always
        self.verdict = Verdict()
        self.headers: dict[str, Any] = {}  # "table.field": value
        # (table, columns, condition): Keys that a pass over the table fills
        self.keys: dict[tuple[Any, ...], Any] = {}
        # tables with rows that could not be read: what they lack is not held against others
        self.unread: set[str] = set()
        self.completing: list[tuple[Ref, str, Any]] = []  # the last are Keys

    def run(self) -> Verdict:
        """Check every table, those that others refer to first; the Verdict, with the files in the registry's
        order."""
        order: list[str] = []

        def visit(table: str, above: tuple[str, ...] = ()) -> None:
            for ref in TABLES[table].refs:
                for other in self.targets(ref):
                    if other != table and other not in order and other not in above:
                        visit(other, (*above, table))
            if table not in order:
                order.append(table)

        for table in self.places:
            visit(table)
        wanted = {table: self.keys_wanted(table) for table in order}
        for table in order:
            self.check(table, wanted[table])
        self.check_complete()
        self.verdict.files.sort(key=lambda file: list(self.places).index(file.table))
        return self.verdict

    def targets(self, ref: Ref) -> list[str]:
        """The tables at hand that may have a reference's ids; none without the one that has most of them."""
        if ref.table not in self.places:
            return []
        return [ref.table] + ([ref.also[0]] if ref.also and ref.also[0] in self.places else [])

    def keys_wanted(self, table: str) -> list[Link]:
        """Links that fill the Keys for which references of any table ask, over the rows of this one."""
        links: list[Link] = []
        for place in self.places:
            for ref in TABLES[place].refs:
                for other, columns in ((ref.table, ref.keys), ref.also or (None, None)):
                    name = (other, columns, ref.of, id(ref) if ref.complete else None)
                    if other == table and name not in self.keys:
                        self.keys[name] = Keys()
                        links.append(("add", columns, self.keys[name], {"when": ref.of}))
        return links

    def references(self, table: str) -> list[Link]:
        """Links that look for the ids of a table's references, where the tables that have them could be
        read."""
        links: list[Link] = []
        for ref in TABLES[table].refs:
            targets = self.targets(ref)
            if not targets or self.unread.intersection(targets):
                continue
            found = [
                self.keys[name]
                for name in (
                    (ref.table, ref.keys, ref.of, id(ref) if ref.complete else None),
                    (*ref.also, ref.of, None) if ref.also else None,
                )
                if name in self.keys
            ]
            keys = found[0]
            if len(found) > 1:
                keys = Keys()
                for each in found:
                    keys.update(each)
            where = " or ".join(os.path.basename(self.places[target].path) for target in targets)
            level = " of the level below" if ref.less else ""
            links.append(
                (
                    "find",
                    ref.columns,
                    keys,
                    {
                        "where": f"{where} ({' and '.join(ref.keys)}{level})",
                        "when": ref.when,
                        "less": ref.less,
                        "warning": ref.warning,
                        "one_is_enough": ref.one_is_enough,
                    },
                )
            )
            if ref.complete:
                self.completing.append((ref, table, keys))
        return links

    def check(self, table: str, wanted: list[Link]) -> None:
        """Check one table, after the tables that it refers to."""
        place, entry = self.places[table], TABLES[table]
        own = [
            link
            for link in wanted
            for ref in entry.refs
            if ref.table == table and link[2] is self.keys.get((table, ref.keys, ref.of, None))
        ]
        if own:  # ids of its own rows, wherever they stand
            self.read(place, FileVerdict(place.path, table), (), own)
        rules = list(TABLES[csv_form(place)].rules if place.form == "csv" else entry.rules)
        if self.only_always:
            rules = [rule for rule in rules if rule.always]
        else:
            rules = [
                relaxed(rule) if place.form != "csv" else rule
                for rule in rules
                if rule.kind not in ("complete", "centre")
            ]
            rules += entry.sound
        file = FileVerdict(place.path, table)
        unique: list[Link] = [
            ("unique", columns, Keys(), {"warning": warning})
            for columns, warning in ((entry.key, entry.last_counts), (entry.counts_once, True))
            if columns
        ]
        if not self.read(place, file, rules, wanted + self.references(table) + unique):
            self.unread.add(table)
        self.headers.update({f"{table}.{name}": value for name, value in file.header.items()})
        self.verdict.files.append(file)

    def read(self, place: Place, file: FileVerdict, rules: Sequence[Rule], links: Sequence[Link]) -> bool:
        """Hold the rows of a table against rules and links; what is found goes to file. Whether all rows
        could be read."""
        rows: Any = None
        checks: Any = None
        complete = False
        try:
            if place.form == "csv":
                entry = TABLES[csv_form(place)]
                rows = CsvRows(Source(place.path), layout_of(entry, self.areaperil_bytes), every_fault=True)
                checks = self.checks(rows, entry, rules, links, {})
                checks.run()
                if rows.passed and not self.only_always:
                    checks.warnings.append(
                        f"{place.path}: {', '.join(rows.passed)}: not a column of {file.table}, passed over"
                    )
                file.rows = rows.line - 1
            else:

                def reader_of(
                    layout: Any, header: dict[str, Any], first: int = -1, counted: bool = False
                ) -> Any:
                    nonlocal rows, checks
                    file.header = header
                    rows = RecordRows(place.path, layout, first)
                    checks = self.checks(rows, TABLES[place.table], rules, links, header)
                    return RecordChecker(
                        layout, rows=rows, checks=checks, counted=counted, padded=TABLES[place.table].padded
                    )

                read_binary(place, reader_of, self.areaperil_bytes).finish()
                file.rows = rows.line
            file.faults, complete = rows.faults, not rows.incomplete
        except (DataError, InputError) as error:
            file.rows = rows.line if rows is not None else 0
            file.faults = (rows.faults if rows is not None and "and more" not in rows.faults else []) + str(
                error
            ).split("\n")
        if checks is not None:
            file.warnings = checks.warnings
        return complete

    def checks(
        self, rows: Any, entry: Table, rules: Sequence[Rule], links: Sequence[Link], header: Mapping[str, Any]
    ) -> Any:
        """The Checks of a table's rows."""
        return Checks(
            rows,
            rules,
            {**self.headers, **header},
            uniform=entry.name == "damage_bin_dict",
            empty=entry.empty,
            links=links,
        )

    def check_complete(self) -> None:
        """Ids that should have come up and did not."""
        files = {file.table: file for file in self.verdict.files}
        for ref, table, keys in self.completing:
            if table in self.unread:
                continue
            n, some = keys.unused(MOST_IDS)
            if n:
                shown = ", ".join(map(str, some)) + (f", ... ({n:,} in all)" if n > len(some) else "")
                when = f" with {ref.when[0]} {ref.when[1]}" if ref.when else ""
                files[ref.table].faults.append(
                    f"{self.places[ref.table].path}: {ref.keys[0]} {shown}: expected in "
                    f"{self.places[table].path} too, as {ref.columns[0]}{when}"
                )


def relaxed(rule: Rule) -> Rule:
    """A rule as a binary file must obey it: no stage needs the order of the rows in a group, which a csv must
    have."""
    if rule.within and rule.kind in ("numbered", "consecutive", "ascending"):
        return Rule(rule.kind, rule.field, rule.within, warning=True)
    return rule


def csv_form(place: Place) -> str:
    """The registry's table whose columns a csv has: those with dates and those with steps are others."""
    forms = {"occurrence": ("occ_year", "occurrence_granular"), "fm_profile": ("step_id", "fm_profile_step")}
    if place.table in forms:
        column, other = forms[place.table]
        try:
            with open(place.path, encoding="utf-8-sig", errors="replace") as file:
                if key(column) in map(key, titles(file.readline(1 << 16))):
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


# --- a run


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
    )
    places = {table: place for table in TABLES if table not in forms and (place := place_of(table, folder))}
    if not places:
        raise InputError(f"{folder}: none of a run's files is there, such as {TABLES['items'].path}")
    verdict = Checker(places, areaperil_bytes).run()
    verdict.missing += missing(places, "ground-up losses")
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


# --- csv files, as ktools checks them


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
