"""Two outputs that must be the same bytes, ktc's and ktools': where they are not, the first record that
differs and a line of shell that repeats the run.

    same_bytes(ours, theirs, command=["fmcalc", "-a2"], stdin=losses, folder=root)
"""

import shlex
import tempfile
from itertools import zip_longest
from pathlib import Path

import pytest

from ktc import compare
from ktc.errors import KtcError


def same_bytes(ours, theirs, *, command=(), stdin=None, folder=None, kind=None, areaperil_bytes=4, note=""):
    """Fails unless both are the same bytes. What differs, and stdin, are then kept in a new folder.

    command: the program's name and its arguments. folder: where it runs. kind: of a table or stream, where
    its first bytes do not say it. note: what else names the case.
    """
    __tracebackhide__ = True
    if ours == theirs:
        return
    kept = Path(tempfile.mkdtemp(prefix="differs-", dir=folder))
    (kept / "ours").write_bytes(ours)
    (kept / "theirs").write_bytes(theirs)
    lines = [f"{note}: ktc's bytes differ from ktools'" if note else "ktc's bytes differ from ktools'"]
    lines.append(
        of_lines(ours, theirs)
        if is_text(ours) and is_text(theirs)
        else of_records(kept, kind, areaperil_bytes)
    )
    lines.append(of_place(ours, theirs))
    if command:
        if stdin is not None:
            (kept / "stdin").write_bytes(stdin)
        lines.append(f"again: {repeat(command, kept, folder, stdin is not None)}")
    pytest.fail("\n".join(filter(None, lines)), pytrace=True)


def repeat(command, kept, folder, reads):
    """The line of shell that runs the command once more."""
    place = f"cd {shlex.quote(str(folder))} && " if folder else ""
    return place + shlex.join(map(str, command)) + (f" < {shlex.quote(str(kept / 'stdin'))}" if reads else "")


def is_text(data):
    return b"\0" not in data and data.isascii()


def of_lines(ours, theirs):
    """The first line that differs; under a header, by the names of its columns."""
    ours, theirs = ours.decode().splitlines(), theirs.decode().splitlines()
    header = next((each[0].split(",") for each in (ours, theirs) if each and each[0][:1].isalpha()), None)
    for number, pair in enumerate(zip_longest(ours, theirs), 1):
        if pair[0] == pair[1]:
            continue
        if None in pair:
            return f"line {number}: only {'ktools' if pair[0] is None else 'ktc'} has {pair[0] or pair[1]}"
        fields = [line.split(",") for line in pair]
        names = ""
        if header and len(fields[0]) == len(fields[1]) == len(header) and number > 1:
            names = "".join(f"; {n} {a} and {b}" for n, a, b in zip(header, *fields) if a != b)
        return f"line {number}: ktc {pair[0]}, ktools {pair[1]}{names}"
    return "the lines are the same, their ends are not"


def of_records(kept, kind, areaperil_bytes):
    """The first record that differs, as `ktc diff` shows it."""
    try:
        found = compare.diff(
            kept / "ours", kept / "theirs", limit=1, kind=kind, areaperil_bytes=areaperil_bytes
        )
    except KtcError as error:
        return f"not compared by record: {error}"
    header = [f"{name}: ktc {a}, ktools {b}" for name, (a, b) in found.header.items()]
    first = [found.line(each).strip() for each in found.first]
    return "\n".join([*header, *first]) or "the records are the same, their order or form is not"


def of_place(ours, theirs):
    at = next((k for k, (a, b) in enumerate(zip(ours, theirs)) if a != b), min(len(ours), len(theirs)))
    return f"first at byte {at:,} of {len(ours):,} and {len(theirs):,}"
