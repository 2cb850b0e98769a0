"""Tables held against the rules and references that the registry states, each by itself and all with each
other (ktc.schemas.TABLES: rules, sound, key, refs).

Files are read once, one after the other, in an order in which ids are known before they are looked for;
memory follows the ids, not the files.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from ._core.checks import Checks, RecordRows
from ._core.csvrows import CsvRows
from ._core.io import Source
from ._core.keys import Keys
from ._core.tables import RecordChecker
from .converting import header_values, layout_of
from .errors import DataError, InputError
from .places import csv_form, read_binary
from .schemas import TABLES
from .schemas.tables import Rule

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, TypeAlias

    from .places import Place
    from .schemas import Ref, Table

    # ("add", "find" or "unique", columns, Keys, options), as ktc._core.tables.Checks takes them.
    Link: TypeAlias = tuple[str, Any, Any, dict[str, Any]]


__all__ = ["FileVerdict", "Verdict"]

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
        self.headers.update(footprint_header(self.places.get("footprint")))
        for table in order:
            self.check(table, wanted[table])
        self.check_complete()
        self.verdict.files.sort(key=lambda file: list(self.places).index(file.table))
        return self.verdict

    def targets(self, ref: Ref) -> list[str]:
        """The tables at hand that may have a reference's ids; none without the one that has most of them."""
        if ref.table not in self.places:
            return []
        return [ref.table, *(other for other, _ in ref.also if other in self.places)]

    def keys_wanted(self, table: str) -> list[Link]:
        """Links that fill the Keys for which references of any table ask, over the rows of this one."""
        links: list[Link] = []
        for place in self.places:
            for ref in TABLES[place].refs:
                for other, columns in ((ref.table, ref.keys), *ref.also):
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
                    *((*other, ref.of, None) for other in ref.also),
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


def footprint_header(place: Place | None) -> dict[str, Any]:
    """{"footprint.field": value} of a binary footprint's header, for rules of tables that are checked before
    it."""
    if place is None or place.form == "csv":
        return {}
    try:
        header = header_values(TABLES["footprint"], Source(place.path))
    except (DataError, InputError):
        return {}  # which its own check will find
    return {f"footprint.{name}": value for name, value in header.items()}


def relaxed(rule: Rule) -> Rule:
    """A rule as a binary file must obey it: no stage needs the order of the rows in a group, which a csv must
    have."""
    if rule.within and rule.kind in ("numbered", "consecutive", "ascending"):
        return Rule(rule.kind, rule.field, rule.within, warning=True)
    return rule
