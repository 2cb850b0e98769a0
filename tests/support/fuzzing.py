"""Damaged input for every parser: what is done to bytes and to csv, and the worker in which a parser meets
it.

A Parser reads files of a folder. An example is one of these files with some changes; what changes there are
stands in BYTES and TEXT, as functions of the data and two numbers, so that hypothesis finds the smallest set
of them that does harm. A worker is a forked process with bounded memory: one that crashes or hangs is told of
with the example that it had, and pytest lives on.
"""

import os
import re
import resource
import select
import signal
import struct
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

import ktc
from ktc.errors import DataError, KtcError
from ktc.schemas import STREAMS
from ktc.schemas.streams import MOST_SAMPLES

# Of each parser, the same ones every time, unless
EXAMPLES = int(os.environ.get("KTC_FUZZ_EXAMPLES", 20))
SECONDS = float(
    os.environ.get("KTC_FUZZ_SECONDS", 0)
)  # each parser is given so long, and other examples each time
LONGEST = 20  # seconds of one example
MEMORY = 1 << 30  # bytes of address space that a worker may add to what it was born with,
RESIDENT = 1 << 18  # and KiB that it may have used of them

WORDS = [struct.pack("<i", n) for n in (0, -1, 1, 2, -2, -5, 100, 1000000, 2**24, 2**31 - 1, -(2**31))]
WORDS += [struct.pack("<f", x) for x in (float("nan"), float("inf"), -float("inf"), -1.0, 1e38, 1e-42)]
WORDS += [struct.pack("<q", n) for n in (-1, 2**62, -(2**63))]
FIELDS = [
    "",
    " ",
    "nan",
    "-inf",
    "-1",
    "0",
    "1",
    "2147483647",
    "2147483648",
    "-2147483649",
    "9" * 20,
    "1e400",
    "1e-400",
    "0x10",
    "1.5",
    "x",
    '"1"',
    "1 2",
    "\0",
    "\u00e9",
    "9" * 5000,
    "-",
]
CHARACTERS = '0123456789-+.,eE \t\r\n"\0xn;\u00e9\ufeff'

# name: (data, a, b, another file) -> data; a and b are any numbers of 32 bits
BYTES = {
    "flip": lambda d, a, b, other: at(d, a, bytes([d[a % len(d)] ^ 1 << b % 8]), 1),
    "word": lambda d, a, b, other: at(d, a // 2 % (len(d) // 4 + 1) * 4, WORDS[b % len(WORDS)], 4),
    "insert": lambda d, a, b, other: at(d, a, struct.pack("<I", b)[: 1 + b % 4], 0),
    "delete": lambda d, a, b, other: at(d, a, b"", 1 + b % 16),
    "again": lambda d, a, b, other: at(d, a // 4 * 4, d[a // 4 * 4 % (len(d) + 1) :][: b % 32 * 4], 0),
    "cut": lambda d, a, b, other: d[: a % (len(d) + 1)],
    "splice": lambda d, a, b, other: d[: a // 4 * 4 % (len(d) + 1)] + other[b // 4 * 4 % (len(other) + 1) :],
}
TEXT = {
    "character": lambda d, a, b, other: at(d, a, CHARACTERS[b % len(CHARACTERS)].encode(), b % 2),
    "field": lambda d, a, b, other: part(d, rb"[^,\n]+", a, lambda field: FIELDS[b % len(FIELDS)].encode()),
    "drop a field": lambda d, a, b, other: part(d, rb"[^,\n]+,", a, lambda field: b""),
    "again": lambda d, a, b, other: part(d, rb"[^\n]*\n", a, lambda line: line * (2 + b % 3)),
    "drop a line": lambda d, a, b, other: part(d, rb"[^\n]*\n", a, lambda line: b"\n" * (b % 2)),
    "swap": lambda d, a, b, other: part(
        d, rb"[^\n]*\n[^\n]*\n", a, lambda two: b"".join(two.splitlines(True)[::-1])
    ),
    "cut": lambda d, a, b, other: d[: a % (len(d) + 1)],
    "splice": lambda d, a, b, other: d[: a % (len(d) + 1)] + other[b % (len(other) + 1) :],
}
CHANGE = st.tuples(st.integers(0, 2**16), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
EXAMPLE = st.tuples(st.integers(0, 2**16), st.lists(CHANGE, min_size=1, max_size=4))


def at(data, place, new, width):
    """data with `new` in place of the `width` bytes from a place on."""
    place %= len(data) + 1
    return data[:place] + new + data[place + width :]


def part(data, pattern, which, change):
    """data with one of the pattern's matches changed."""
    found = [match.span() for match in re.finditer(pattern, data)]
    if not found:
        return data
    first, last = found[which % len(found)]
    return data[:first] + change(data[first:last]) + data[last:]


def damaged(data, kinds, changes, other):
    """data with changes of these kinds, and what they were."""
    done = []
    for which, a, b in changes:
        name = list(kinds)[which % len(kinds)]
        if data:
            data = kinds[name](data, a, b, other)
            done.append((name, a, b))
    return data, done


@dataclass(frozen=True)
class Parser:
    """What reads files. call: does it in a folder, and writes to a file object as into a pipe, if it writes
    at all. inputs: the files of the folder that are damaged. lines: messages may have several, one for each
    fault. table: what it writes is neither a stream nor text."""

    name: str
    call: Callable
    inputs: tuple
    lines: bool = False
    table: bool = False

    def __repr__(self):
        return self.name


PLACE = re.compile(
    r"\b(byte|line|record|column|event|summary|ensemble|period) |\.(bin|idx|csv|parquet|z)\b|occurrence table"
)


def hold(parser, folder, out):
    """Let a parser read its files and hold it to the rules: a result, or an error of ktc, one line that names
    the place, with whole packets or lines before it in `out`, an empty file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            parser.call(folder, out)
        return
    except KtcError as error:
        message, wrong = str(error), isinstance(error, DataError)
    assert message.isprintable() or (
        parser.lines and all(line.isprintable() for line in message.splitlines())
    ), message
    assert PLACE.search(message) or not wrong, f"no place: {message}"
    out.seek(0)
    data = b"" if parser.table else out.read()
    if int.from_bytes(data[:4], "little") in [stream.kind for stream in STREAMS.values()]:
        for _block in ktc.read_stream(data):
            pass
    else:
        assert data[-1:] in (b"", b"\n"), f"part of a line: {data[-80:]}"


def sane(name, data):
    """Whether memory follows the file: sample sizes up to the limit are believed, and each row of losses
    takes so many floats."""
    size = (
        int.from_bytes(data[4:8], "little")
        if name.startswith(("streams/", "work/")) and name.endswith(".bin")
        else 0
    )
    return not 1 << 14 < size <= MOST_SAMPLES


def examples_of(parser, folder, tell):
    """Run a parser on examples; raises with the smallest one that breaks a rule. tell: called with each
    before it is tried."""
    folder = Path(folder)
    sound = {name: (folder / name).read_bytes() for name in parser.inputs}
    others = list(sound.values())

    def check():
        # a file, since a large id asks rightly for much output, and that is not the parser's memory
        with tempfile.TemporaryFile(dir=folder) as out:
            hold(parser, folder, out)

    def holds(example):
        which, changes = example
        name = parser.inputs[which % len(parser.inputs)]
        data, done = damaged(
            sound[name],
            TEXT if name.endswith(".csv") else BYTES,
            changes,
            others[changes[0][2] % len(others)],
        )
        if not sane(name, data):
            return
        tell(f"{name} {done}\n{data[:400]}")
        (folder / name).write_bytes(data)
        try:
            check()
        except BaseException as error:
            error.add_note(f"{name}: {done}\n{data[:400]}")
            raise
        finally:
            (folder / name).write_bytes(sound[name])

    check()  # what is not damaged
    run_examples(holds, EXAMPLE)


def run_examples(test, *strategies, examples=EXAMPLES):
    """Call test on so many examples of the strategies, or for so long."""
    rules = dict(
        deadline=None, database=None, suppress_health_check=list(HealthCheck), report_multiple_bugs=False
    )
    if not SECONDS:
        settings(max_examples=examples, derandomize=True, **rules)(given(*strategies)(test))()
        return
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        seed(int.from_bytes(os.urandom(4), "little"))(
            settings(max_examples=200, **rules)(given(*strategies)(test))
        )()


def in_worker(work):
    """Call work(tell) in a forked process with bounded memory; what went wrong there, as text, or nothing."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other threads are NumPy's, and wait for work
        child = os.fork()
    if not child:
        status = 1
        try:
            os.close(reading)
            send = lambda kind, text: os.write(writing, struct.pack("<cI", kind, len(text)) + text)
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            for fd in (0, 1, 2):
                os.dup2(os.open(os.devnull, os.O_RDWR), fd)
            try:
                work(lambda example: send(b"e", example.encode("utf-8", "backslashreplace")))
                grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
                assert grown < RESIDENT, f"memory grew by {grown} KiB"
                status = 0
            except BaseException:
                send(b"f", traceback.format_exc().encode("utf-8", "backslashreplace"))
        finally:
            os._exit(status)
    os.close(writing)
    example, failure = "", ""
    with open(reading, "rb") as pipe:
        while True:
            if not select.select([pipe], [], [], LONGEST)[0]:
                os.kill(child, signal.SIGKILL)
                failure = f"still at work after {LONGEST} s"
                break
            head = pipe.read(5)
            if len(head) < 5:
                break
            kind, size = struct.unpack("<cI", head)
            text = pipe.read(size).decode()
            example, failure = (text, failure) if kind == b"e" else (example, text)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == 0:
        return ""
    return failure if status == 1 and failure else f"{failure or 'ended'} (status {status}) on {example}"
