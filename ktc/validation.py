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
    from collections.abc import Mapping

    from ._types import AreaperilBytes, PathLike


__all__ = ["FileVerdict", "Verdict", "crossvalidation", "validate_csv", "validate_run", "validateoasisfiles"]

GROUND_UP_FILES = ("coverages", "items")
INSURED_FILES = ("fm_programme", *GROUND_UP_FILES, "fm_profile", "fm_policytc")
MODEL_FILES = ("damage_bin_dict", "vulnerability", "footprint")
PROGRAMME = ("fm_programme", "fm_policytc", "fm_profile", "fm_profile_step", "fm_xref", "fmsummaryxref")
MOST_IDS = 10  # that a message shows


@dataclass
class FileVerdict:
    """What was found in one file. table: its name in the registry. rows: how many were read. header: its
    header's values.

    faults: one line for each, 20 at most, which name file, line or record, and value. warnings: what is
    allowed but strange.
    """

    path: str
    table: str
    rows: int = 0
    header: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass
class Verdict:
    """What was found in some files: a FileVerdict each. missing: lines about files that should be there.
    lacking: about files that only some runs need.

    sound: no fault, and nothing missing. str() of it is a summary for people.
    """

    files: list[FileVerdict] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        return [*self.missing, *(line for file in self.files for line in file.faults)]

    @property
    def warnings(self) -> list[str]:
        return [*self.lacking, *(line for file in self.files for line in file.warnings)]

    @property
    def sound(self) -> bool:
        return not self.faults

    def __str__(self):
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


def count(n, what):
    return f"{n:,} {what}{'' if n == 1 else 's'}"


@dataclass
class Place:
    """Where a table lies. form: "csv", "plain", "indexed" or "compressed" (each of these with an index)."""

    table: str
    form: str
    path: str
    index: str | None = None


def place_of(table, folder, stem=None):
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

    def __init__(self, places, areaperil_bytes=4, only_always=False):
        self.places, self.areaperil_bytes, self.only_always = places, areaperil_bytes, only_always
        self.verdict, self.headers = Verdict(), {}
        self.keys = {}  # (table, columns, condition): Keys that a pass over the table fills
        self.unread = (
            set()
        )  # tables with rows that could not be read: what they lack is not held against others
        self.completing = []  # (Ref, table, Keys)

    def run(self):
        """Check every table, those that others refer to first; the Verdict, with the files in the registry's
        order."""
        order = []

        def visit(table, above=()):
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

    def targets(self, ref):
        """The tables at hand that may have a reference's ids; none without the one that has most of them."""
        if ref.table not in self.places:
            return []
        return [ref.table] + ([ref.also[0]] if ref.also and ref.also[0] in self.places else [])

    def keys_wanted(self, table):
        """Links that fill the Keys for which references of any table ask, over the rows of this one."""
        links = []
        for place in self.places:
            for ref in TABLES[place].refs:
                for other, columns in ((ref.table, ref.keys), ref.also or (None, None)):
                    name = (other, columns, ref.of, id(ref) if ref.complete else None)
                    if other == table and name not in self.keys:
                        self.keys[name] = Keys()
                        links.append(("add", columns, self.keys[name], {"when": ref.of}))
        return links

    def references(self, table):
        """Links that look for the ids of a table's references, where the tables that have them could be
        read."""
        links = []
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

    def check(self, table, wanted):
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
        rules = list(
            TABLES[csv_form(place)].extra.get("rules", ())
            if place.form == "csv"
            else entry.extra.get("rules", ())
        )
        if self.only_always:
            rules = [rule for rule in rules if rule.always]
        else:
            rules = [
                relaxed(rule) if place.form != "csv" else rule
                for rule in rules
                if rule.kind not in ("complete", "centre")
            ]
            rules += entry.extra.get("sound", ())
        file = FileVerdict(place.path, table)
        unique = [
            ("unique", columns, Keys(), {"warning": warning})
            for columns, warning in (
                (entry.key, entry.extra.get("last_counts", False)),
                (entry.extra.get("counts_once"), True),
            )
            if columns
        ]
        if not self.read(place, file, rules, wanted + self.references(table) + unique):
            self.unread.add(table)
        self.headers.update({f"{table}.{name}": value for name, value in file.header.items()})
        self.verdict.files.append(file)

    def read(self, place, file, rules, links):
        """Hold the rows of a table against rules and links; what is found goes to file. Whether all rows
        could be read."""
        rows = checks = None
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

                def reader_of(layout, header, first=-1, counted=False):
                    nonlocal rows, checks
                    file.header = header
                    rows = RecordRows(place.path, layout, first)
                    checks = self.checks(rows, TABLES[place.table], rules, links, header)
                    return RecordChecker(
                        layout,
                        rows=rows,
                        checks=checks,
                        counted=counted,
                        padded=TABLES[place.table].extra.get("padded", False),
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

    def checks(self, rows, entry, rules, links, header):
        return Checks(
            rows,
            rules,
            {**self.headers, **header},
            uniform=entry.name == "damage_bin_dict",
            empty=entry.extra.get("empty", True),
            links=links,
        )

    def check_complete(self):
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


def relaxed(rule):
    """A rule as a binary file must obey it: no stage needs the order of the rows in a group, which a csv must
    have."""
    if rule.within and rule.kind in ("numbered", "consecutive", "ascending"):
        return Rule(rule.kind, rule.field, rule.within, warning=True)
    return rule


def csv_form(place):
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


def read_binary(place, reader_of, areaperil_bytes, source=None):
    """Send the records of a binary table to the TableReader that reader_of(layout, header values, ...) gives;
    the reader.

    source: the Source of a table without an index, where it is open already.
    """
    if place.form != "plain":
        records = footprint_records if place.table == "footprint" else vulnerability_records
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
    if "packet" in entry.extra:
        reader = reader_of(layout, header)
        reader.packets(source)
    else:
        reader = reader_of(layout, header, entry.header_size(), place.table == "coverages")
        reader.records(source)
    return reader


# --- a run


def validate_run(folder: PathLike = ".", *, areaperil_bytes: AreaperilBytes = 4) -> Verdict:
    """Check every table of a run's folder, below input/ and static/, binary or else csv, alone and with each
    other; a Verdict.

    Programmes of reinsurance in folders of their own (RI_1/, input/RI_1/, ...) are checked with their own
    tables. Programmes are compiled, too, as fmcalc does it, if their tables have no fault. InputError if
    there is no such folder, or no table in it.
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


def missing(places, *groups):
    """Lines about tables that runs of these groups of losses need and that are not there."""
    return [
        f"{entry.path}: missing; a run of {entry.extra['needed']} needs it"
        for entry in TABLES.values()
        if entry.extra.get("needed") in groups
        and entry.name not in places
        and f"{entry.name}_step" not in places
    ]


def programme_folders(folder):
    """Folders with programmes of their own, below a run's and below its input/."""
    found = []
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


def compile_programme(places, folder, below, verdict, areaperil_bytes):
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

    stepped, error = "fm_profile" not in places, None
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


def report_run(folder=".", *, areaperil_bytes=4):
    """validate_run(), with its summary on standard output; the exit status."""
    from .console import say

    verdict = validate_run(folder, areaperil_bytes=areaperil_bytes)
    say(f"{verdict}\n")
    return 0 if verdict.sound else 1


# --- csv files, as ktools checks them


def validate_csv(paths: Mapping[str, PathLike], *, areaperil_bytes: AreaperilBytes = 4) -> Verdict:
    """Check csv files against each other: {table: path}; a Verdict. Of the rules of each, only those count
    that no converter leaves out. InputError if a file is missing."""
    for table, path in paths.items():
        if table not in TABLES:
            raise UsageError(f"no table is called {table!r}")
        if not os.path.exists(path):
            raise InputError(f"{path}: cannot read: No such file or directory")
    places = {table: Place(table, "csv", os.fspath(path)) for table, path in paths.items()}
    return Checker(places, areaperil_bytes, only_always=True).run()


def judge(verdict, words):
    """Warn, and raise DataError with a line for each fault, or say on standard error that all is well."""
    tell(verdict.warnings)
    if verdict.faults:
        raise DataError("\n".join(verdict.faults))
    print(words, file=sys.stderr)


def validateoasisfiles(
    folder: PathLike | None = None, *, ground_up: bool = False, areaperil_bytes: AreaperilBytes = 4
) -> None:
    """Check coverages.csv and items.csv of a folder and, unless ground_up, fm_programme.csv, fm_profile.csv
    and fm_policytc.csv with them, as ktools does: coverages of items, items of the programme, groups of the
    level below, terms.

    Without fm_programme.csv, only the first two, with a warning. Raises DataError with a line for each fault,
    20 for a file.
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
    """Check three csv files with each other, as ktools does: damage bins of the vulnerability, intensity bins
    of the footprint.

    Raises DataError with a line for each fault, 20 for a file.
    """
    paths = dict(zip(MODEL_FILES, (damage_bins, vulnerability, footprint)))
    absent = [flag for flag, path in zip(("-d", "-s", "-f"), paths.values()) if path is None]
    if absent:
        raise UsageError(
            "name the damage bins (-d), the vulnerability (-s) and the footprint (-f); "
            f"missing: {', '.join(absent)}"
        )
    given = {table: path for table, path in paths.items() if path is not None}
    judge(validate_csv(given, areaperil_bytes=areaperil_bytes), "Cross checks pass.")
