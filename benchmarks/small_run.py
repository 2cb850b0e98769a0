"""A small run by a shell script: its wall time with ktc's programs and with ktools', in turns.

    KTC_ORACLE=DIR python benchmarks/small_run.py [--runs 9] [--out benchmarks/small_run.md]

The run is that of tests/support/workflow.sh: the example model with 10 locations and 25 events, 20 samples,
ground-up, insured and reinsured losses, every report, named pipes; some 50 programs are started. Run it with
the interpreter of a virtual environment in which ktc is installed from a wheel.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
from support import workflow  # noqa: E402


def seconds(programs, processes):
    """Wall time of a run that succeeds, in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        workflow.write_model(Path(folder))
        began = time.perf_counter()
        process = workflow.workflow([programs], folder, processes)
        said, _ = process.communicate()
        taken = time.perf_counter() - began
        if process.returncode:
            sys.exit(f"{programs}: {said}")
        return taken


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    sides = {"ktc": Path(sys.executable).parent, "ktools": Path(os.environ["KTC_ORACLE"])}
    lines = ["| processes | ktc, s | ktools, s | ratio of the medians |", "|--:|--:|--:|--:|"]
    for processes in (1, 2):
        times = {side: [] for side in sides}
        for _ in range(options.runs):
            for side, programs in sides.items():
                times[side].append(seconds(programs, processes))
        least, middle = ({side: f(taken) for side, taken in times.items()} for f in (min, statistics.median))
        lines.append(
            f"| {processes} | "
            + " | ".join(f"{least[side]:.2f} / {middle[side]:.2f}" for side in sides)
            + f" | {middle['ktools'] / middle['ktc']:.1f} |"
        )
    table = "\n".join(lines) + "\n"
    print(table)
    if options.out is not None:
        options.out.write_text(
            "# A small run\n\nWall time of `tests/support/workflow.sh` with 10 locations, 25 events and 20 "
            "samples, least / median "
            f"of {options.runs} runs in turn;\nmade by `python benchmarks/small_run.py`.\n\n{table}"
        )


if __name__ == "__main__":
    main()
