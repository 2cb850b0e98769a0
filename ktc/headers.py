"""The header line of a csv: which of a table's columns stand where.

Names are the registry's, those of the line that ktools writes, and what others call the same columns
(ktc.schemas.tables: OTHER_NAMES). Case, blanks, quotes and underscores do not count: "Event ID" is event_id.
Beside others, a part of a column's name, or more than it, is the column where that stands in the table's
order, and nowhere else.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TypeAlias

    from .schemas import Report, Stream, Table

    Csv: TypeAlias = Table | Stream | Report
    # As everybody() gives it: entry, columns, how many of them are needed, tool.
    Known: TypeAlias = tuple[Csv, list[str], int, str | None]
    # As arrange() gives it.
    Order: TypeAlias = list[tuple[int | None, str]] | None


def key(name: str) -> str:
    """A name as it is compared."""
    return "".join(char for char in name.lower() if char not in " \t\"'_\xa0")


def titles(line: str) -> list[str]:
    """The names in a header line, as they stand there; a comma may be in quotes."""
    parts, quoted = [""], False
    for char in line:
        quoted ^= char == '"'
        if char == "," and not quoted:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip(" \t\"'") for part in parts]


def known(table: Csv, names: Sequence[str]) -> dict[str, int]:
    """{name as compared: number of the column} of a table's columns. names: the registry's, in the order of
    the csv."""
    from .schemas.tables import OTHER_NAMES

    theirs = titles(table.csv_header)
    found = {}
    for i, name in enumerate(names):
        others = [*OTHER_NAMES.get(name, "").split(), *OTHER_NAMES.get(f"{table.name}.{name}", "").split()]
        for each in (name, *others, *(theirs[i : i + 1] if len(theirs) == len(names) else ())):
            found[key(each)] = i
    return found


def arrange(line: str, table: Csv, names: Sequence[str], required: int) -> tuple[Order, list[str], str]:
    """What a header says of the columns: (order, passed, wrong).

    names: the table's columns; the first `required` are needed. order: for each column of the csv, up to the
    last that is needed, (number of the table's column or None, its name); None where they are to be read by
    place, since they stand in the table's order or have names of nobody's. passed: names that the table has
    not. wrong: what is wrong with the header, or "".
    """
    found = titles(line)
    keys = [key(name) for name in found]
    if keys == [key(name) for name in titles(table.csv_header)]:
        return None, [], ""
    columns = known(table, names)
    places = [columns.get(each) for each in keys]
    if any(place is not None for place in places):
        for i, (name, each) in enumerate(zip(names, keys)):  # "prob" for probability, where that stands
            if (
                i not in places
                and places[i] is None
                and len(each) > 1
                and (each in key(name) or key(name) in each)
            ):
                places[i] = i
    there = [place for place in places if place is not None]
    missing = [
        name for i, name in enumerate(names) if i not in there and (i < required or i < max(there, default=0))
    ]
    expected = ",".join(names[:required])
    if not there or missing:
        other = owner(keys, len(there))
        if other:
            return (
                None,
                [],
                f"these are the columns of {other}, expected those of {title_of(table)} ({expected})",
            )
        if not there:
            return None, [], ""
        return None, [], f"the header names no {' and no '.join(missing)}, expected {expected} in any order"
    for i in set(there):
        same = [name for name, place in zip(found, places) if place == i]
        if len(same) > 1:
            alike = len({key(name) for name in same}) == 1
            twice = f"{same[0]} twice" if alike else f"{' and '.join(same)}, which are one column"
            return None, [], f"the header names {twice}"
    passed = [name for name, place in zip(found, places) if place is None and name]
    n = len(there)
    if places[:n] == list(range(n)) and n in (len(names), len(found)):
        return None, passed, ""
    last = max(i for i, place in enumerate(places) if place is not None)
    return list(zip(places, found))[: last + 1], passed, ""


def title_of(table: Csv) -> str:
    """What messages call a table: the name of its file, or what a stream is."""
    if hasattr(table, "kind"):
        return f"{'an' if table.name[0] in 'aeiou' else 'a'} {table.name} stream"
    return os.path.splitext(os.path.basename(getattr(table, "path", table.name)))[0]


def everybody() -> Iterator[Known]:
    """Every csv of the registry: (its entry, its columns, how many of them are needed, the tool that makes
    binary of it)."""
    from .schemas import REPORTS, STREAMS, TABLES
    from .schemas.tables import CSV_ONLY

    tool: str | None = None
    for table in (*TABLES.values(), *CSV_ONLY):
        names = [f.name for f, _ in table.csv_columns()]
        tool = table.tool or (tool if table.form is not None else None)
        flag = f" {table.form}" if table.form else ""
        yield table, names, len(names) - table.optional, tool and f"{tool}tobin{flag}"
    for stream in STREAMS.values():
        names = stream.csv_header.split(",")
        yield (
            stream,
            names,
            len(names),
            "gultobin" if names[2:] == ["sidx", "loss"] and "summary_id" not in names else None,
        )
    for report in REPORTS.values():
        names = report.csv_header.split(",")
        yield (
            report,
            names,
            len(names),
            "summarycalctobin" if report.name == "summary_with_exposure" else None,
        )


def owner_of(keys: Sequence[str], least: int = 0) -> Known | None:
    """The entry that has most of the columns with these names, more than `least`, all that it needs among
    them: as everybody() gives it, or None. A table of one column must have all of them."""
    best: Known | None = None
    for entry in everybody():
        table, names, required, _ = entry
        there = {place for each, place in known(table, names).items() if each in keys}
        if len(there) > least and there.issuperset(range(required)) and (len(names) > 1 or len(keys) == 1):
            best, least = entry, len(there)
    return best


def owner(keys: Sequence[str], least: int) -> str:
    """The same in words, or ""."""
    entry = owner_of(keys, least)
    if entry is None:
        return ""
    table, names, required, tool = entry
    return f"{title_of(table)} ({','.join(names[:required])}){f', which {tool} reads' if tool else ''}"


# --- csv where binary is wanted


def first_line(start: bytes) -> str | None:
    """The first line of what begins with these bytes, if that is text; else None."""
    line = start.replace(b"\r", b"\n").split(b"\n")[0]
    if len(line) == len(start):  # it has no end
        return None
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return text if text.replace("\t", " ").isprintable() else None


def told_csv(start: bytes, tool: str | None = None, name: str = "") -> str:
    """What an error of a reader of binary adds where its input begins with these bytes: that it looks like
    csv, and what converts it; else "". If its header does not say what it is: tool, or else the one that
    makes files of that name."""
    line = first_line(start)
    if line is None or not line.strip() or any(byte < 32 and byte not in b"\t\r\n" for byte in start):
        return ""
    entry = owner_of([key(title) for title in titles(line)])
    tool = tool or next(
        (
            each
            for table, _, _, each in everybody()
            if os.path.basename(getattr(table, "path", "-")) == os.path.basename(name)
        ),
        None,
    )
    return f"; this looks like csv{converted(entry) or (f', of which {tool} makes binary' if tool else '')}"


def converted(entry: Known | None) -> str:
    """Which tool makes binary of a csv, as everybody() gives it."""
    if entry is None:
        return ""
    return f" of {title_of(entry[0])}, of which {entry[3] or 'nothing'} makes binary"


def csv_of(start: bytes) -> str:
    """What is wrong with a binary file that begins with these bytes, if they are the header line of a csv
    that the registry has, and 8 bytes of it or more; else "". No table has such records."""
    line = first_line(start)
    keys = [key(name) for name in titles(line)] if line and len(line) >= 8 else []
    entry = owner_of(keys) if all(keys) else None
    if entry is None or not all(each in known(*entry[:2]) for each in keys):
        return ""
    return f"expected binary records, found csv{converted(entry)}"
