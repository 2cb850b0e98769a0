"""Whole runs of the Oasis platform: their scripts with ktools' programs and with ktc's, and `ktc run`.

    python benchmarks/whole_run.py DIR ... --oracle BIN     every way of each run directory, in turns
    python benchmarks/whole_run.py DIR --only "ktc run"     some ways only; repeatable
    python benchmarks/whole_run.py DIR --repeat 5 --work /dev/shm --out benchmarks/whole_run.md

DIR is a run directory as the platform prepares it: input/, static/, analysis_settings.json and run_ktools.sh,
with named pipes in DIR/fifo (`oasislmf model run --ktools-fifo-relative`). Optional beside them:

    run_ktools_1.sh      the script for one process. Rows of `ktc run` are in its order, since that of period
                         loss tables depends on the number of processes
    reports, reports_1   reports that ktools' programs made of the two scripts

Each run has a copy of DIR of its own. The first of each way is not timed: its memory is watched, and its
reports are compared with those kept in DIR or, where there are none, with those of the first way of the same
script (csv by bytes, parquet by tables). Then the ways take turns.

Needs Linux. Run it with the interpreter of a virtual environment in which ktc is installed from a wheel.
"""

import argparse
import contextlib
import datetime
import itertools
import os
import re
import shutil
import statistics
import sys
import tempfile
import threading
from pathlib import Path
from typing import NamedTuple

from run import digest_of, machine, measure

SCRIPTS = {"run_ktools.sh": "reports", "run_ktools_1.sh": "reports_1"}  # and where their reports are kept
THREADS = (1, 2)
TIMEOUT = 3600
PREPARED = ("*summary-info*", "*.json")  # in output/ before a run
HEAD = ("way", "wall, s", "ratio", "CPU, s", "largest process, MiB", "all processes, MiB", "reports")
EXPLAINED = """\
Wall: least / median. The ratio is that of the median to the first line's. CPU: median of user and system time
of all processes. Largest process: the median of its peak resident set, as the kernel counts it (nothing is
below that of the benchmark itself). All processes: the highest sum of their proportional sets (what several
share is counted once), looked at ten times a second in a run that is not timed. Reports: how many are those
that ktools makes, byte for byte."""


class Way(NamedTuple):
    """A command in a run directory, the folder of its programs, and the script whose reports it must give."""

    name: str
    command: str
    programs: Path
    script: str
    timed: bool = True


def ways(folder, args):
    """The ways of a run directory, in the order in which they take turns."""
    several, one = SCRIPTS
    sides = {"ktools": args.oracle, "ktc": args.ktc} if args.oracle else {"ktc": args.ktc}
    name = counted(processes(folder / several), "process", "es")
    for side, programs in sides.items():
        yield Way(f"script of {name}, {side}", f"bash {several}", programs, several)
    if not (folder / one).exists():
        one = several
    elif not (folder / SCRIPTS[one]).exists():
        side, programs = next(iter(sides.items()))
        yield Way(f"script of 1 process, {side}", f"bash {one}", programs, one, timed=False)
    for threads in THREADS:
        command = f"ktc run . {args.run_args} --threads {threads}"
        yield Way(f"ktc run, {counted(threads, 'thread')}", command, args.ktc, one)


def processes(script):
    """How many processes a script deals the events out to: the last number of its first `eve 1 2`."""
    found = re.search(r"\beve (?:-\w+ )*\d+ (\d+)", script.read_text())
    if not found:
        sys.exit(f"{script}: no eve in it")
    return int(found[1])


def counted(number, noun, plural="s"):
    return f"{number} {noun}{plural * (number != 1)}"


@contextlib.contextmanager
def fresh_copy(folder, work):
    """A copy of a run directory, with the folders that a script expects and without reports."""
    with tempfile.TemporaryDirectory(prefix="run-", dir=work) as copy:
        copy = Path(copy)
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(*SCRIPTS.values()), dirs_exist_ok=True)
        for name in ("output", "work", "log", "fifo"):
            (copy / name).mkdir(exist_ok=True)
        for file in reports(copy / "output"):
            file.unlink()
        yield copy


def reports(output):
    """The files of an output folder that are reports."""
    return [
        file
        for file in sorted(output.rglob("*"))
        if file.suffix in (".csv", ".parquet") and not any(map(file.match, PREPARED))
    ]


def digests(output):
    """Hashes of the reports in an output folder, by name."""
    return {str(file.relative_to(output)): digest_of(file) for file in reports(output)}


def apart(text, other):
    """How far two cells of a csv file are from each other, in proportion; infinite if one is not a number."""
    try:
        one, two = float(text), float(other)
    except ValueError:
        return float("inf")
    return abs(one - two) / (max(abs(one), abs(two)) or 1)


def difference(path, other):
    """In how many lines a csv file differs from another, and how far at most in each column; words."""
    with open(path) as file, open(other) as target:
        head = file.readline()
        if head != target.readline():
            return "another header"
        names, count, columns = head.rstrip().split(","), 0, {}
        for line, wanted in itertools.zip_longest(file, target, fillvalue=""):
            if line != wanted:
                count += 1
                cells = itertools.zip_longest(names, line.split(","), wanted.split(","), fillvalue="")
                for name, cell, want in cells:
                    if cell != want:
                        columns[name] = max(columns.get(name, 0.0), apart(cell, want))
    worst = (f"{name} by {most:.1e}" for name, most in columns.items())
    return f"{counted(count, 'line')}, {', '.join(worst)}"


def wrong_reports(output, wanted):
    """What differs between the reports of an output folder and those wanted: name -> words."""
    found, want = digests(output), digests(wanted)
    wrong = dict.fromkeys(want.keys() - found.keys(), "missing")
    wrong |= dict.fromkeys(found.keys() - want.keys(), "not expected")
    for name in found.keys() & want.keys():
        if found[name] != want[name]:
            csv = name.endswith(".csv")
            wrong[name] = difference(output / name, wanted / name) if csv else "another table"
    return wrong


def execute(way, copy, monitor):
    """Run a way in a copy; its Run. RuntimeError when it fails, with what its programs said."""
    try:
        return measure(way.command, f"{monitor}{os.pathsep}{way.programs}", "", copy, timeout=TIMEOUT)
    except RuntimeError as error:
        errors = copy / "log" / "stderror.err"
        said = errors.read_text(errors="replace").strip() if errors.exists() else ""
        raise RuntimeError(f"{error} {said}".strip()[:600]) from None


class MemoryWatch(threading.Thread):
    """The most memory that the processes of a run have at once. A run is a child of this process that leads a
    session."""

    PAUSE = 0.1  # seconds

    def __init__(self):
        super().__init__(daemon=True)
        self.peak = 0  # KiB
        self.ended = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()

    def run(self):
        while not self.ended.wait(self.PAUSE):
            self.peak = max(self.peak, sum(map(proportional_set, session_members())))


def session_members():
    """Ids of the processes in sessions that children of this process lead."""
    own, sessions, children = str(os.getpid()), {}, set()
    for process in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{process}/stat") as file:
            # the name of the program, in brackets, may hold anything
            _, parent, _, session = file.read().rpartition(")")[2].split()[:4]
            sessions[process] = session
            if parent == own:
                children.add(process)
    return [process for process, session in sessions.items() if session in children]


def proportional_set(process):
    """Proportional set size of a process in KiB; 0 if it has ended."""
    with contextlib.suppress(OSError), open(f"/proc/{process}/smaps_rollup") as file:
        for line in file:
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0


def rows(folder, args, work, failed):
    """Run the ways of a run directory, and yield the lines of its table. What fails or differs is said in the
    list `failed`."""
    chosen = [w for w in ways(folder, args) if not args.only or any(text in w.name for text in args.only)]
    wanted = {script: folder / kept for script, kept in SCRIPTS.items() if (folder / kept).is_dir()}
    memory, same, runs = {}, {}, {}
    for way in chosen:
        try:
            with fresh_copy(folder, work) as copy:
                with MemoryWatch() as watch:
                    execute(way, copy, args.monitor)
                if way.script not in wanted:
                    wanted[way.script] = Path(work, f"{folder.resolve().name} {SCRIPTS[way.script]}")
                    shutil.copytree(copy / "output", wanted[way.script])
                wrong = wrong_reports(copy / "output", wanted[way.script])
        except RuntimeError as error:
            failed.append(f"{folder}: {way.name}: {error}")
            continue
        failed += [f"{folder}: {way.name}: {name}: {how}" for name, how in sorted(wrong.items())]
        names = {str(file.relative_to(wanted[way.script])) for file in reports(wanted[way.script])}
        memory[way] = watch.peak / 1024
        same[way] = f"{len(names - wrong.keys())} of {len(names)}"
        if way.timed:
            runs[way] = []
    for _ in range(args.repeat):
        for way, done in runs.items():
            with fresh_copy(folder, work) as copy:
                done.append(execute(way, copy, args.monitor))
    middle = {
        way: [statistics.median(getattr(run, part) for run in done) for part in ("wall", "cpu", "rss")]
        for way, done in runs.items()
    }
    for way, (wall, cpu, rss) in middle.items():
        least = min(run.wall for run in runs[way])
        ratio = next(iter(middle.values()))[0] / wall
        cells = (
            way.name,
            f"{least:.2f} / {wall:.2f}",
            f"{ratio:.1f}",
            f"{cpu:.2f}",
            f"{rss / 1024:.0f}",
            f"{memory[way]:.0f}",
            same[way],
        )
        yield f"| {' | '.join(cells)} |"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", metavar="DIR", type=Path, nargs="+", help="a prepared run directory")
    parser.add_argument(
        "--oracle", type=Path, default=os.environ.get("KTC_ORACLE"), help="folder of ktools' programs"
    )
    parser.add_argument(
        "--ktc", type=Path, default=Path(sys.executable).parent, help="folder of ktc's scripts"
    )
    parser.add_argument("--repeat", type=int, default=3, help="timed runs of each way (default 3)")
    parser.add_argument("--only", action="append", default=[], help="ways whose name contains this")
    parser.add_argument(
        "--run-args",
        default="--alloc-gul 1",
        help="what `ktc run` is told beside threads (default: %(default)s)",
    )
    parser.add_argument("--work", type=Path, help="where copies are made (default: the temporary folder)")
    parser.add_argument("--out", type=Path, help="write the page to this file, too")
    args = parser.parse_args()
    args.oracle, args.ktc = (folder and Path(folder).absolute() for folder in (args.oracle, args.ktc))

    from ktc import __version__

    lines = []

    def say(line):
        lines.append(line)
        print(line, flush=True)

    say("# Whole runs\n\nWritten by `benchmarks/whole_run.py`, which says what is run.\n")
    say(f"- Date: {datetime.date.today().isoformat()}\n- Machine: {machine()}\n- ktc {__version__}")
    say(f"- {counted(args.repeat, 'timed run')} of each way, in turns")
    failed = []
    with tempfile.TemporaryDirectory(prefix="ktc-benchmark-", dir=args.work) as work:
        # The platform's script starts a monitor of the platform's own, which stops it when a program says
        # anything.
        args.monitor = Path(work, "monitor")
        args.monitor.mkdir()
        (args.monitor / "ktools_monitor.sh").write_text("#!/bin/sh\nexit 0\n")
        (args.monitor / "ktools_monitor.sh").chmod(0o755)
        for folder in args.folders:
            say(f"\n## {folder.resolve().name}\n\n| {' | '.join(HEAD)} |\n|---|{'--:|' * (len(HEAD) - 1)}")
            for line in rows(folder, args, work, failed):
                say(line)
    say(f"\n{EXPLAINED}")
    if failed:
        say("\nWhat failed, or differs from ktools (see docs/differences.md):\n")
        say("\n".join(f"- {line}" for line in failed))
    if args.out:
        args.out.write_text("\n".join(lines) + "\n")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
