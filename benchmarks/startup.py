"""What a program costs before it works: CPU time of every stage on next to no data, beside the interpreter's
own.

    python benchmarks/startup.py [--runs 60] [--only fmcalc,kat] [--out benchmarks/startup.md]

Run it with the interpreter of a virtual environment in which ktc is installed from a wheel (an editable
installation looks for modules in its own slow way). Each program runs on a model of three events; `python -c
pass`, by the same interpreter, takes turns with all of them, on one and the same core. Ratios are of CPU
time, user and system, to that of `python -c pass` in the same run. With KTC_ORACLE, the folder of ktools
3.12.4's programs, theirs are beside them.
"""

import argparse
import os
import statistics
import sys
import tempfile
from pathlib import Path

import ktc

SCRIPTS = Path(sys.executable).parent
# program and flags, the file of its standard input
STARTS = (
    ("eve 1 1", None),
    ("getmodel", "events.bin"),
    ("gulcalc -S2 -a1 -i -", "cdf.bin"),
    ("placalc", "gul.bin"),
    ("fmcalc -a2", "gul.bin"),
    ("summarycalc -f -1 -", "fm.bin"),
    ("eltcalc", "summary.bin"),
    ("eltcalc -M melt.csv", "summary.bin"),
    ("pltcalc", "summary.bin"),
    ("leccalc -r -F aep.csv", "summary.bin"),
    ("ordleccalc -r -F -f -O ept.csv", "summary.bin"),
    ("leccalc -r -K gul -F aep.csv", None),
    ("aalcalc -K gul", None),
    ("aalcalc -K gul -o", None),
    ("kat elt1.csv elt2.csv", None),
    ("cdftocsv", "cdf.bin"),
    ("gultocsv", "gul.bin"),
    ("fmtocsv", "fm.bin"),
    ("summarycalctocsv", "summary.bin"),
    ("gultobin -S2", "gul.csv"),
    ("itemtobin", "items.csv"),
    ("itemtocsv", "input/items.bin"),
    ("coveragetocsv", "input/coverages.bin"),
    ("footprinttocsv -b static/footprint.bin -x static/footprint.idx", None),
    ("vulnerabilitytocsv", "static/vulnerability.bin"),
    ("occurrencetocsv", "input/occurrence.bin"),
    ("evetocsv", "input/events.bin"),
)


def model(folder):
    """A model of three events in a folder, with what the stages make of each other."""
    example = ktc.write_example(folder, events=3, locations=2, grid=2)
    (folder / "work" / "gul").mkdir(parents=True)
    ktc.tobin(
        "amplifications",
        ("item_id,amplification_id\n" + "".join(f"{n + 1},1\n" for n in range(example.items))).encode(),
        folder / "input" / "amplifications.bin",
    )
    ktc.tobin(
        "lossfactors", b"event_id,amplification_id,factor\n1,1,1.5\n", folder / "static" / "lossfactors.bin"
    )
    name = lambda file: folder / file
    ktc.eve(1, 1, name("events.bin"), root=folder)
    ktc.getmodel(name("events.bin"), name("cdf.bin"), root=folder)
    ktc.gulcalc(name("cdf.bin"), item=name("gul.bin"), sample_size=2, alloc_rule=1, root=folder)
    ktc.fmcalc(name("gul.bin"), name("fm.bin"), alloc_rule=2, root=folder)
    ktc.summarycalc(name("fm.bin"), {1: name("summary.bin")}, fm=True, root=folder)
    name("work/gul/P1.bin").write_bytes(name("summary.bin").read_bytes())
    ktc.eltcalc(name("summary.bin"), name("elt1.csv"), root=folder)
    name("elt2.csv").write_bytes(name("elt1.csv").read_bytes())
    ktc.gultocsv(name("gul.bin"), name("gul.csv"))
    ktc.tocsv("items", folder / "input" / "items.bin", name("items.csv"))


def cpu(command, stdin):
    """User and system time in milliseconds of a command that succeeds; its output goes nowhere."""
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, stdin or os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
    ]
    _, status, usage = os.wait4(os.posix_spawn(command[0], command, os.environ, file_actions=actions), 0)
    if status:
        sys.exit(f"{' '.join(command)}: wait status {status}")
    return 1000 * (usage.ru_utime + usage.ru_stime)


def figures(folder, starts, runs, oracle):
    """{command: {side: times}}, the sides being ktc, bare and ktools; all of them take turns."""
    os.chdir(folder)
    sides = {}
    for line, _ in starts:
        program, *flags = line.split()
        sides[line] = {"ktc": [str(SCRIPTS / program), *flags], "bare": [sys.executable, "-c", "pass"]}
        if oracle is not None:
            sides[line]["ktools"] = [str(oracle / program), *flags]
    times = {line: {side: [] for side in each} for line, each in sides.items()}
    for turn in range(runs + 2):
        for line, stdin in starts:
            for side, command in sides[line].items():
                taken = cpu(command, stdin)
                if turn > 1:  # the first runs fill the caches
                    times[line][side].append(taken)
    return times


def table(times):
    """Markdown: the least and the median of each side, and ktc's ratios to the bare interpreter."""
    sides = list(next(iter(times.values())))
    lines = [
        "| program | "
        + " | ".join(f"{side}, ms" for side in sides)
        + " | ratio of the least | of the medians |",
        "|---|" + "--:|" * (len(sides) + 2),
    ]
    for line, each in times.items():
        least, middle = ({side: f(taken) for side, taken in each.items()} for f in (min, statistics.median))
        lines.append(
            f"| `{line}` | "
            + " | ".join(f"{least[side]:.1f} / {middle[side]:.1f}" for side in sides)
            + f" | {least['ktc'] / least['bare']:.2f} | {middle['ktc'] / middle['bare']:.2f} |"
        )
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=60)
    parser.add_argument("--only", default="", help="programs, with commas between them")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if "site-packages" not in Path(ktc.__file__).parts:
        print(
            "warning: ktc is not installed from a wheel: the figures are not those of an installation",
            file=sys.stderr,
        )
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    only = {name for name in options.only.split(",") if name}
    starts = [each for each in STARTS if not only or each[0].split()[0] in only]
    oracle = Path(os.environ["KTC_ORACLE"]) if os.environ.get("KTC_ORACLE") else None
    out = options.out.resolve() if options.out else None
    with tempfile.TemporaryDirectory() as folder:
        model(Path(folder))
        found = table(figures(folder, starts, options.runs, oracle))
        os.chdir("/")
    head = (
        f"# Start-up\n\nCPU time on next to no data, least / median of {options.runs} runs each in turn, "
        f"CPython "
        f"{sys.version.split()[0]};\nmade by `python benchmarks/startup.py`. *bare* is `python -c pass` by "
        f"the same interpreter.\n\n"
    )
    print(found)
    if out is not None:
        out.write_text(head + found)


if __name__ == "__main__":
    main()
