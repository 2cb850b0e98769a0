"""Whether two files or streams hold the same, record by record: ktc diff.

    difference = ktc.compare.diff("before.bin", "after.bin", relative=1e-6)
    if not difference.equal:
        print(difference)

Records of a stream are matched by event, id and sidx (a cdf's by areaperil, vulnerability and bin), those of
a table by the key that the registry has for it, or else by their place, rows of a report's csv by their
place. Two real numbers a and b are equal if |a - b| <= max(absolute, relative * max(|a|, |b|)), or if neither
is a number; whole numbers have no tolerance.

Memory follows the event of a stream, where both have their events in the same order; an event whose
counterpart comes later is kept until then. Tables that have a key are held as a whole.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from .checker import count
from .errors import UsageError
from .files import csv_batches, open_file, open_records
from .schemas import REPORTS, STREAMS, TABLES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TypeAlias

    from numpy.typing import NDArray

    from ._types import AreaperilBytes, PathLike
    from .files import File

    Array: TypeAlias = NDArray[Any]
    Rows: TypeAlias = Sequence[Array]  # two: rows, and their numbers from 0
    Turn: TypeAlias = tuple[int, int]  # an event, and which time it comes up


__all__ = ["Difference", "FieldDifference", "RecordDifference", "diff"]

LIMIT = 10
BLOCK = 1 << 20  # bytes of both files that are compared at once


@dataclass
class FieldDifference:
    """How one column differs.

    Attributes
    ----------
    records : int
        In how many records it differs by more than the tolerance.
    largest_absolute, largest_relative : float
        The largest |a - b| and |a - b| / max(|a|, |b|), over all records that both sides have, within the
        tolerance or not.
    """

    records: int = 0
    largest_absolute: float = 0.0
    largest_relative: float = 0.0


@dataclass
class RecordDifference:
    """One record that differs, or that one side lacks.

    Attributes
    ----------
    key : dict
        What it was matched by, {column: value}; empty where records are matched by place.
    record_a, record_b : int or None
        Its number on each side, from 1, None where it is missing.
    byte_a, byte_b : int or None
        The byte where it begins, from 0; None of csv, and of records that are compressed or found by an
        index.
    values : dict of str to (a, b)
        The values that differ, by column.
    """

    key: dict[str, Any]
    record_a: int | None = None
    record_b: int | None = None
    byte_a: int | None = None
    byte_b: int | None = None
    values: dict[str, tuple[Any, Any]] = field(default_factory=dict)


@dataclass
class Difference:
    """What differs between two files. str() of it is a summary for people.

    Attributes
    ----------
    a, b : str
        The names of the two.
    kind : str
        Their table, stream or report.
    identical : bool
        They hold the same bytes; nothing else was looked at then.
    records : int
        Number of records that both have.
    differing : int
        How many of these differ.
    only_a, only_b : int
        Number of records that the other side lacks.
    zeros_a, zeros_b : int
        How many of these are losses of 0.
    fields : dict of str to FieldDifference
        By column.
    first : list of RecordDifference
        In the order in which they were found, at most as many as were asked for.
    header : dict of str to (a, b)
        The header fields that differ.
    packets : (int, int)
        Number of packets on each side, of streams; else empty.
    reordered : int
        Number of events whose records come in another order.
    moved : int
        Number of events that come at another place among the events.
    """

    a: str
    b: str
    kind: str
    identical: bool = False
    records: int = 0
    differing: int = 0
    only_a: int = 0
    only_b: int = 0
    zeros_a: int = 0
    zeros_b: int = 0
    fields: dict[str, FieldDifference] = field(default_factory=dict)
    first: list[RecordDifference] = field(default_factory=list)
    header: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    packets: tuple[()] | tuple[int, int] = ()
    reordered: int = 0
    moved: int = 0

    @property
    def equal(self) -> bool:
        """Whether no record and no header field differs and none is missing; order and packets alone do not
        count."""
        return not (self.differing or self.only_a or self.only_b or self.header)

    def __str__(self) -> str:
        if self.identical:
            return f"{self.a} and {self.b}: the same bytes"
        lines = [
            f"{self.a} and {self.b}: {count(self.records, 'record')} of {self.kind} in both, "
            f"{f'{self.differing:,}' if self.differing else 'none'} of them different"
        ]
        lines += [f"  {name} is {a} and {b}" for name, (a, b) in self.header.items()]
        for name, found in self.fields.items():
            if found.largest_absolute or found.records:
                lines.append(
                    f"  {name}: {count(found.records, 'record')}; the largest difference is "
                    f"{found.largest_absolute:.6g}, relative {found.largest_relative:.6g}"
                )
        for name, n, zeros in ((self.a, self.only_a, self.zeros_a), (self.b, self.only_b, self.zeros_b)):
            if n:
                lines.append(
                    f"  only in {name}: {count(n, 'record')}"
                    + (f", {'all' if zeros == n else f'{zeros:,}'} of them losses of 0" if zeros else "")
                )
        if self.packets and self.packets[0] != self.packets[1]:
            lines.append(f"  packets: {self.packets[0]:,} and {self.packets[1]:,}")
        for n, words in (
            (self.reordered, "other order of records in"),
            (self.moved, "other place among the events of"),
        ):
            if n:
                lines.append(f"  {words} {count(n, 'event')}")
        lines += [self.line(each) for each in self.first]
        total = self.differing + self.only_a + self.only_b
        if total > len(self.first):
            lines.append(f"  ... and {total - len(self.first):,} more")
        return "\n".join([*lines, "equal" if self.equal else "different"])

    def line(self, each: RecordDifference) -> str:
        """A line about one record."""

        def place(record: int, byte: int | None) -> str:
            if self.kind in REPORTS:
                return f"line {record + 1:,}"
            return f"record {record:,}" + (f" (byte {byte:,})" if byte is not None else "")

        sides = [
            place(record, byte)
            for record, byte in ((each.record_a, each.byte_a), (each.record_b, each.byte_b))
            if record is not None
        ]
        where = ", ".join(
            [f"{name} {value}" for name, value in each.key.items()] + [" and ".join(dict.fromkeys(sides))]
        )
        values = ", ".join(f"{name} {a} and {b}" for name, (a, b) in each.values.items())
        if len(sides) == 1:
            values = f"only in {self.a if each.record_b is None else self.b}"
        return f"  {where}: {values}"


class Side:
    """One of the two: batches of its records, each with their numbers from 0."""

    def __init__(self, file: File) -> None:
        self.file, self.done, self.number, self.events = file, False, 0, 0
        self.parts = (
            csv_batches(file) if file.form == "csv" else file.batches(whole_events=file.form == "stream")
        )
        self.runs: dict[int, int] = {}  # event: how often it has come up
        # place among the events, rows, numbers; and the number of records in all of them
        self.waiting: dict[Turn, tuple[int, Array, Array]] = {}
        self.held = 0

    def read(self) -> Rows | None:
        """(rows, numbers) of the next batch; None at the end."""
        import numpy

        for rows in self.parts:
            if len(rows):
                numbers = numpy.arange(self.number, self.number + len(rows))
                self.number += len(rows)
                return rows, numbers
        self.done = True
        return None

    def hold(self, rows: Array, numbers: Array) -> list[Turn]:
        """Let a batch of whole events wait, event by event; under which names."""
        names, starts = [], run_starts(rows["event_id"])
        for event, first, last in zip(rows["event_id"][starts].tolist(), starts, [*starts[1:], len(rows)]):
            turn = self.runs[event] = self.runs.get(event, 0) + 1
            self.waiting[event, turn] = self.events, rows[first:last], numbers[first:last]
            names.append((event, turn))
            self.events += 1
        self.held += len(rows)
        return names


def run_starts(values: Array) -> Array:
    """Where a value begins that is another than the one before."""
    import numpy

    return numpy.flatnonzero(numpy.concatenate(([True], values[1:] != values[:-1])))


def matched(a: Sequence[Array], b: Sequence[Array]) -> tuple[Array, Array, Array, Array]:
    """Rows of a and b that have the same key: (places in a, places in b, ascending in a; places only in a;
    only in b).

    a, b: lists of columns. Where a key comes several times, the first of a goes with the first of b, and so
    on.
    """
    import numpy

    n, m = len(a[0]), len(b[0])
    if n == m and all(numpy.array_equal(x, y) for x, y in zip(a, b)):
        every = numpy.arange(n)
        return every, every, every[:0], every[:0]

    def turns(columns: Sequence[Array]) -> Array:
        order = numpy.lexsort(columns[::-1])
        new = numpy.concatenate(([True], numpy.any([c[order][1:] != c[order][:-1] for c in columns], axis=0)))
        place = numpy.arange(len(order))
        turn = numpy.empty(len(order), int)
        turn[order] = place - numpy.maximum.accumulate(numpy.where(new, place, 0))
        return turn

    sides: tuple[list[Any], list[Any]] = [*a, turns(a) if n else []], [*b, turns(b) if m else []]
    columns = [numpy.concatenate(pair) for pair in zip(*sides)]
    order = numpy.lexsort((numpy.arange(n + m) >= n, *columns[::-1]))
    same = numpy.flatnonzero(numpy.all([c[order][1:] == c[order][:-1] for c in columns], axis=0))
    alone = numpy.ones(n + m, bool)
    alone[same] = alone[same + 1] = False
    in_a, in_b, rest = order[same], order[same + 1] - n, numpy.sort(order[alone])
    by = numpy.argsort(in_a)
    return in_a[by], in_b[by], rest[rest < n], rest[rest >= n] - n


class Comparison:
    """Collects what differs into a Difference."""

    def __init__(
        self, a: Side, b: Side, found: Difference, absolute: float, relative: float, limit: int
    ) -> None:
        self.a, self.b, self.found = a, b, found
        self.absolute, self.relative, self.limit = absolute, relative, limit
        file, self.last = a.file, (-1, -1)
        names = tuple(f.name for f in file.columns)
        self.key: tuple[str, ...] = (
            getattr(file.entry, "key", ())
            if file.form != "stream"
            else names[:-2]
            if file.kind == "cdf"
            else names[:-1]
        )
        self.fields = [name for name in file.dtype.names if name not in self.key and name != "packet"]
        found.fields = {name: FieldDifference() for name in self.fields}

    def run(self) -> None:
        if self.a.file.form == "stream":
            self.by_event()
            self.found.packets = self.a.file.reader.packets, self.b.file.reader.packets
        elif self.key:
            self.by_key()
        else:
            self.by_place()

    def unequal(self, name: str, a: Array, b: Array) -> Array | None:
        """Which of the values differ by more than the tolerance; the largest differences are kept."""
        import numpy

        if numpy.array_equal(a, b):
            return None
        x, y = a.astype(numpy.float64), b.astype(numpy.float64)
        different: Array
        with numpy.errstate(invalid="ignore", over="ignore"):
            gap, scale = numpy.abs(x - y), numpy.maximum(numpy.abs(x), numpy.abs(y))
            finite = numpy.isfinite(gap)
            if a.dtype.kind == "f":
                close = finite & (gap <= numpy.maximum(self.absolute, self.relative * scale))
                different = ~(close | (a == b) | (numpy.isnan(a) & numpy.isnan(b)))
            else:
                different = a != b
        if finite.any():
            most, gap, scale = self.found.fields[name], gap[finite], scale[finite]
            share = numpy.divide(gap, scale, out=gap * 0, where=scale > 0)
            most.largest_absolute = max(most.largest_absolute, float(gap.max()))
            most.largest_relative = max(most.largest_relative, float(share.max()))
        return different

    def pairs(self, a: Rows, b: Rows, alone_a: Rows | None = None, alone_b: Rows | None = None) -> None:
        """Count what differs in matched records, and those that one side has alone: each is (rows,
        numbers)."""
        import numpy

        (rows_a, numbers_a), (rows_b, numbers_b) = a, b
        self.found.records += len(rows_a)
        unequal = {name: self.unequal(name, rows_a[name], rows_b[name]) for name in self.fields}
        masks = {name: mask for name, mask in unequal.items() if mask is not None and mask.any()}
        for name, mask in masks.items():
            self.found.fields[name].records += int(mask.sum())
        changed: Any = numpy.flatnonzero(numpy.any(list(masks.values()), axis=0)) if masks else []
        self.found.differing += len(changed)
        listed = []
        for i in changed[: self.limit]:
            values = {name: (rows_a[name][i], rows_b[name][i]) for name, mask in masks.items() if mask[i]}
            listed.append(self.record((rows_a[i], numbers_a[i]), (rows_b[i], numbers_b[i]), values))
        for side, alone in (("a", alone_a), ("b", alone_b)):
            if alone is not None and len(alone[0]):
                rows, numbers = alone
                setattr(self.found, f"only_{side}", getattr(self.found, f"only_{side}") + len(rows))
                if "loss" in (rows.dtype.names or ()):
                    zeros = getattr(self.found, f"zeros_{side}") + int((rows["loss"] == 0).sum())
                    setattr(self.found, f"zeros_{side}", zeros)
                for row, number in zip(rows[: self.limit], numbers):
                    listed.append(
                        self.record((row, number), None) if side == "a" else self.record(None, (row, number))
                    )
        listed.sort(key=lambda each: each.record_a or each.record_b or 0)
        self.found.first += listed[: self.limit - len(self.found.first)]

    def record(
        self, a: tuple[Any, int] | None, b: tuple[Any, int] | None, values: dict[str, Any] | None = None
    ) -> RecordDifference:
        """A RecordDifference of a record on each side: (row, number), or None where it is missing."""
        either = a or b
        assert either is not None
        found = RecordDifference({name: either[0][name] for name in self.key}, values=values or {})
        for side, record in (("a", a), ("b", b)):
            if record is not None:
                file = getattr(self, side).file
                setattr(found, f"record_{side}", int(record[1]) + 1)
                if file.form != "csv":
                    setattr(found, f"byte_{side}", file.byte(int(record[1]), record[0]))
        return found

    def by_place(self) -> None:
        """Record n of a with record n of b."""
        a, b = self.a.read(), self.b.read()
        while a and b:
            n = min(len(a[0]), len(b[0]))
            self.pairs(*(tuple(part[:n] for part in side) for side in (a, b)))
            a, b = (
                tuple(part[n:] for part in side) if len(side[0]) > n else reader.read()
                for side, reader in ((a, self.a), (b, self.b))
            )
        while a or b:
            none = tuple(part[:0] for part in (a or b or ()))
            self.pairs(none, none, a, b)
            a, b = a and self.a.read(), b and self.b.read()

    def by_key(self) -> None:
        """All records of a table by its key."""
        a, b = (joined(list(iter(side.read, None)), side.file.dtype) for side in (self.a, self.b))
        self.join(a, b, [[rows[name] for name in self.key] for rows in (a[0], b[0])])

    def join(self, a: Rows, b: Rows, columns: Sequence[Sequence[Array]]) -> tuple[Array, Array]:
        """Compare what has the same key; the places matched."""
        in_a, in_b, only_a, only_b = matched(*columns)
        if in_a is in_b:  # all of them, as they are
            self.pairs(a, b)
        else:
            self.pairs(
                (a[0][in_a], a[1][in_a]),
                (b[0][in_b], b[1][in_b]),
                (a[0][only_a], a[1][only_a]),
                (b[0][only_b], b[1][only_b]),
            )
        return in_a, in_b

    def by_event(self) -> None:
        """Records of streams by event and key, in whatever order the events come."""
        import numpy

        a, b = self.a, self.b
        while not (a.done and b.done):
            # the side that is ahead waits for the other
            part_a = a.read() if not a.done and (b.done or a.held <= b.held) else None
            part_b = b.read() if not b.done and (a.done or b.held <= a.held) else None
            if (
                part_a
                and part_b
                and not a.waiting
                and not b.waiting
                and len(part_a[0]) == len(part_b[0])
                and all(numpy.array_equal(part_a[0][name], part_b[0][name]) for name in self.key)
            ):
                for side, part in ((a, part_a), (b, part_b)):
                    side.events += len(run_starts(part[0]["event_id"]))
                self.pairs(part_a, part_b)
                continue
            fresh = [event for side, part in ((a, part_a), (b, part_b)) if part for event in side.hold(*part)]
            both = [event for event in dict.fromkeys(fresh) if event in a.waiting and event in b.waiting]
            self.events(sorted(both, key=lambda event: a.waiting[event][0]))
        nothing = joined([], a.file.dtype)
        self.pairs(
            nothing,
            nothing,
            *(joined([rest for _, *rest in side.waiting.values()], a.file.dtype) for side in (a, b)),
        )

    def events(self, events: Sequence[Turn]) -> None:
        """Compare events that both sides have."""
        import numpy

        if not events:
            return
        sides = []
        for side in (self.a, self.b):
            places, rows, numbers = zip(*(side.waiting.pop(event) for event in events))
            which = numpy.repeat(numpy.arange(len(events)), [len(part) for part in rows])
            sides.append((places, which, joined(list(zip(rows, numbers)), side.file.dtype)))
            side.held -= len(which)
        (places_a, which, a), (places_b, which_b, b) = sides
        in_a, in_b = self.join(
            a,
            b,
            [
                [event, *(rows[name] for name in self.key[1:])]
                for event, rows in ((which, a[0]), (which_b, b[0]))
            ],
        )
        back = (in_b[1:] < in_b[:-1]) & (which[in_a[1:]] == which[in_a[:-1]])
        self.found.reordered += len(numpy.unique(which[in_a[1:]][back]))
        for place_a, place_b in zip(places_a, places_b):
            self.found.moved += place_a < self.last[0] or place_b < self.last[1]
            self.last = max(place_a, self.last[0]), max(place_b, self.last[1])


def joined(parts: Sequence[Rows], dtype: Any) -> Rows:
    """Batches (rows, numbers) as one."""
    import numpy

    if len(parts) == 1:
        return parts[0]
    if not parts:
        return numpy.empty(0, dtype), numpy.empty(0, int)
    plain = f"V{dtype.itemsize}"  # which is copied as it is, and not field by field
    rows = numpy.concatenate([part[0].view(plain) for part in parts]).view(dtype)
    return rows, numpy.concatenate([part[1] for part in parts])


def diff(
    a: PathLike,
    b: PathLike,
    *,
    absolute: float = 0.0,
    relative: float = 0.0,
    limit: int = LIMIT,
    kind: str | None = None,
    areaperil_bytes: AreaperilBytes = 4,
) -> Difference:
    """Compare two files or streams of one kind, record by record.

    They are binary tables and streams of the registry, or reports as csv.

    Parameters
    ----------
    a, b : str or path
        The two; one of them may be "-", standard input.
    absolute, relative : float, default 0
        Two real numbers are equal if |a - b| <= max(absolute, relative * max(|a|, |b|)), or if neither is a
        number; whole numbers have no tolerance. The largest differences do not depend on these.
    limit : int, default 10
        Most RecordDifferences to keep.
    kind : str, optional
        The name of a table or stream in ktc.schemas. Default: identify it by its first bytes and its name.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.

    Returns
    -------
    Difference
        What differs; its `equal` says whether anything does.

    Raises
    ------
    UsageError
        The two are of different kinds, or of an unknown one.
    InputError
        A file is missing.
    DataError
        A file is cut or wrong.

    Examples
    --------
    >>> import ktc
    >>> ktc.compare.diff("input/items.bin", "input/items.bin").equal
    True
    """
    if absolute < 0 or relative < 0 or limit < 0 or absolute != absolute or relative != relative:
        raise UsageError(f"tolerances {absolute} and {relative}, limit {limit}: expected 0 or more")
    if a == b == "-":
        raise UsageError("standard input can be read once")
    files = [open_file(path, kind, areaperil_bytes) for path in (a, b)]
    if files[0].kind != files[1].kind or (files[0].form == "csv" and files[0].entry is not files[1].entry):
        raise UsageError(
            " and ".join(f"{file.name} is {kind_words(file)}" for file in files)
            + ": expected two of one kind"
        )
    file, other = files
    if file.form == "parquet" or (
        file.form == "csv" and (file.entry is None or file.entry.name not in REPORTS)
    ):
        raise UsageError(
            f"{file.name} and {other.name} are {file.form}, but not of a report: expected binary files or "
            f"csv of reports"
        )
    for each in files:
        open_records(each)
    if file.dtype.names != other.dtype.names:
        raise UsageError(
            f"{file.name} and {other.name}: only one of them has an index beside it, or both have other "
            f"columns"
        )
    found = Difference(file.name, other.name, file.entry.name if file.form == "csv" else file.kind)
    if all(same_bytes(*pair) for pair in ((file.path, other.path), (file.index, other.index))):
        found.identical = True
        return found
    found.header = {
        name: (value, other.header[name])
        for name, value in file.header.items()
        if other.header[name] != value
    }
    Comparison(Side(file), Side(other), found, absolute, relative, limit).run()
    return found


def kind_words(file: File) -> str:
    if file.form == "csv":
        return f"csv of {file.entry.name}" if file.entry else "csv of other columns"
    return (
        f"a table ({file.kind})"
        if file.kind in TABLES
        else file.kind
        if file.kind not in STREAMS
        else f"a {file.kind} stream"
    )


def same_bytes(a: str | None, b: str | None) -> bool:
    """Whether two paths are of regular files that hold the same bytes, or both are None."""
    if a is None or b is None:
        return a is b
    if not (os.path.isfile(a) and os.path.isfile(b) and os.path.getsize(a) == os.path.getsize(b)):
        return False
    with open(a, "rb") as first, open(b, "rb") as second:
        while (block := first.read(BLOCK)) == second.read(BLOCK):
            if not block:
                return True
    return False


def report_diff(
    a: str,
    b: str,
    *,
    absolute: float = 0.0,
    relative: float = 0.0,
    limit: int = LIMIT,
    kind: str | None = None,
    areaperil_bytes: AreaperilBytes = 4,
) -> int:
    """diff() on standard output; the exit status, 1 where the two differ."""
    from .console import say

    found = diff(
        a, b, absolute=absolute, relative=relative, limit=limit, kind=kind, areaperil_bytes=areaperil_bytes
    )
    say(f"{found}\n")
    return 0 if found.equal else 1
