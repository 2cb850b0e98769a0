"""gulmc: CPU and wall time and bytes beside pytools' gulmc, in turns.

    KTC_ORACLE2=DIR python benchmarks/gulmc.py [--runs 5] [--only full,S1000] [--run-dir RUN] [--out PAGE]

DIR holds the programs of oasislmf 2.5.8. The model and the portfolio are drawn as the tests' are, by
tests/support/gulmc_cases.py, and larger: an event hits two thirds of the areaperils, each with up to five
intensities. Both sides read files and write to a file in memory (/dev/shm) where there is one; a first run of
each is not counted, in which pytools compiles itself, and in which the streams are compared. Run it with the
interpreter of a virtual environment in which ktc is installed from a wheel.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from support import gulmc_cases  # noqa: E402

SIZE = dict(
    seed=1,
    n_events=400,
    n_areaperils=400,
    n_vulnerabilities=40,
    n_coverages=2_000,
    items_per_coverage=3,
    n_groups=1_500,
    n_hazard_groups=800,
    n_intensity=30,
    n_damage=40,
    hazard_rows=5,
    footprint_share=0.66,
)
EFFECTIVE = "--effective-damageability"
UNCORRELATED = "--ignore-correlation --ignore-haz-correlation"
# name: (changes of SIZE, flags)
BENCHMARKS = {
    "full S10": ({}, "-S10 -a1"),
    "full S100": (dict(n_events=80), "-S100 -a1"),
    "full S1000": (dict(n_events=8), "-S1000 -a1"),
    "effective S100": (dict(n_events=80), f"-S100 -a1 {EFFECTIVE}"),
    "uncorrelated S100": (dict(n_events=80), f"-S100 -a1 {UNCORRELATED}"),
    "uncorrelated effective S100": (dict(n_events=80), f"-S100 -a1 {EFFECTIVE} {UNCORRELATED}"),
    "generator 0 S100": (dict(n_events=80), "-S100 -a1 --random-generator 0"),
    "generator 1 S100": (dict(n_events=80), "-S100 -a1 --random-generator 1"),
    "rule 3 S100": (dict(n_events=80), "-S100 -a3"),
    "certain hazard S100": (dict(n_events=80, hazard_rows=1), "-S100 -a1"),
    "aggregates S100": (dict(n_events=80, aggregates=20), "-S100 -a1"),
    "start-up": (dict(n_events=2, n_coverages=5, n_areaperils=6), "-S1"),
}


class Taken:
    """What a run took: seconds of CPU and wall."""

    def __init__(self, cpu, wall):
        self.cpu, self.wall = cpu, wall


def once(program, flags, folder, target):
    """Runs a program in the folder of a model; its process and what it started are waited for."""
    command = [str(program), *flags.split(), "-i", "input/events.bin", "-o", str(target)]
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE)
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)}: {said.decode(errors='replace')[-2000:]}")
    return Taken(used.ru_utime + used.ru_stime, wall)


def compared(targets):
    """Whether the streams are the same, in words."""
    ours, theirs = (target.read_bytes() for target in targets)
    if ours == theirs:
        return "bytes"
    found = gulmc_cases.compare(ours, theirs)
    return found.first or f"{found.off} of {found.samples:,} samples off by 1 ulp"


def benchmark(name, sides, runs, place=None):
    """A line of the table. place: a run directory, instead of a generated model."""
    options, flags = BENCHMARKS.get(name, ({}, "-S10 -a1"))
    shared = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory(dir=shared) as memory:
        model = {**SIZE, **options}
        if place is None:
            gulmc_cases.write(gulmc_cases.make(model.pop("seed"), **model), folder)
        folder = place or folder
        targets = {side: Path(memory) / side for side in sides}
        for side, program in sides.items():
            once(program, flags, folder, targets[side])
        same = compared(list(targets.values())) if len(sides) > 1 else ""
        records = targets["ktc"].stat().st_size // 8
        times = {side: [] for side in sides}
        for _ in range(runs):
            for side, program in sides.items():
                times[side].append(once(program, flags, folder, targets[side]))
    middle = {
        side: [statistics.median(getattr(each, what) for each in taken) for what in ("cpu", "wall")]
        for side, taken in times.items()
    }
    cells = [name, f"{records:,}"]
    for k, layout in enumerate(("{:.2f}", "{:.2f}")):
        cells += [layout.format(values[k]) for values in middle.values()]
    if len(sides) > 1:
        cells.append(f"{middle['pytools'][0] / middle['ktc'][0]:.1f}")
    cells += [f"{middle['ktc'][0] / records * 1e9:.0f}", same]
    return "| " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default="", help="names or parts of them, with commas")
    parser.add_argument("--run-dir", type=Path, help="a run directory of the platform, timed as well")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    # its threads would wait for each other on one core
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    sides = {"ktc": Path(sys.executable).parent / "gulmc"}
    if gulmc_cases.oracle_folder() is not None:
        sides["pytools"] = gulmc_cases.oracle_folder() / "gulmc"
    heads = ["", "records", *(f"{what} {side}" for what in ("CPU, s:", "wall, s:") for side in sides)]
    heads += [*(["ratio of CPU"] if len(sides) > 1 else []), "ktc, ns a record", "same"]
    print("| " + " | ".join(heads) + " |", flush=True)
    lines = ["| " + " | ".join(heads) + " |", "|---" + "|--:" * (len(heads) - 2) + "|---|"]
    wanted = options.only.split(",")
    for name in BENCHMARKS:
        if any(part in name for part in wanted):
            lines.append(benchmark(name, sides, options.runs))
            print(lines[-1], flush=True)
    if options.run_dir is not None:
        lines.append(benchmark(options.run_dir.name, sides, options.runs, options.run_dir))
        print(lines[-1], flush=True)
    if options.out is not None:
        options.out.write_text(
            "# gulmc\n\nMedians of "
            f"{options.runs} runs in turn on one core ({gulmc_cases.processor() or platform.machine()});\n"
            "made by `python benchmarks/gulmc.py`. *same* is of the streams' bytes.\n\n"
            + "\n".join(lines)
            + "\n"
        )


if __name__ == "__main__":
    main()
