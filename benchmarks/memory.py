"""Peak memory of exceedance and average loss tables, which must not grow with the number of events.

    python benchmarks/memory.py                     writes memory.md beside this script
    python benchmarks/memory.py --scale 0.1         a small version: a tenth of the periods, summaries and
                                                    memory
    python benchmarks/memory.py --summaries 20

Losses by period are kept for as many summaries at once as `--memory` allows, and the streams are read again
for the others. Every period has one event, each event has losses in all summaries and samples, and the same
number of periods is made from few events that occur often and from many that occur seldom: what is kept is
the same, the streams are not. Peak memory is the largest resident set that the kernel saw (wait4).

Needs Linux, an installed ktc, and nothing beyond the standard library.
"""

import argparse
import datetime
import os
import random
import struct
import sys
import tempfile
from pathlib import Path

from run import loss_packets, machine, measure

COMMANDS = ("ordleccalc -r -K run -F -f -M -m -S -s -O ept.csv", "aalcalc -K run -o")
EVENTS = (100, 1000)
RETURN_PERIODS = [n * 10**power for power in range(5, 0, -1) for n in (5, 2.5, 2, 1)]
SUMMARY = 3 << 24 | 1
TIMEOUT = 4 * 3600


def write_run(folder, events, periods, samples, summaries):
    """Write input/ and work/run/ of a run; gives the bytes of its stream."""
    (folder / "input").mkdir(parents=True)
    (folder / "work" / "run").mkdir(parents=True)
    with open(folder / "input" / "occurrence.bin", "wb") as file:
        file.write(struct.pack("<2i", 1, periods))
        for period in range(1, periods + 1):
            file.write(struct.pack("<3i", 1 + period % events, period, 365 * period))
    with open(folder / "input" / "returnperiods.bin", "wb") as file:
        file.writelines(struct.pack("<i", int(n)) for n in RETURN_PERIODS if n <= periods)
    draw = random.Random(events)
    packets = loss_packets(draw, samples, without=0)
    with open(folder / "work" / "run" / "summary.bin", "wb") as file:
        file.write(struct.pack("<3i", SUMMARY, samples, 1))
        for event in range(1, events + 1):
            for summary in range(1, summaries + 1):
                file.write(struct.pack("<2if", event, summary, 1e9) + draw.choice(packets))
        return file.tell()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--ktc", type=Path, default=Path(sys.executable).parent, help="folder of ktc's scripts"
    )
    parser.add_argument("--periods", type=int, default=100_000)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--summaries", type=int, default=100)
    parser.add_argument("--memory", type=float, default=2048, help="MiB for losses by period (default 2048)")
    parser.add_argument("--scale", type=float, default=1, help="factor on periods, summaries and memory")
    parser.add_argument("--only", default="", help="programs whose name contains this")
    parser.add_argument("--out", type=Path, default=Path(__file__).with_suffix(".md"))
    args = parser.parse_args()
    periods, summaries = (max(1, round(n * args.scale)) for n in (args.periods, args.summaries))
    memory = args.memory * args.scale

    from ktc import __version__

    head = ("program", "events", "occurrences of each", "stream MiB", "peak RSS MiB", "CPU s", "wall s")
    lines = [
        "# Memory of exceedance and average loss tables",
        "",
        "Written by `benchmarks/memory.py`, which says what is measured.",
        "",
        f"- Date: {datetime.date.today().isoformat()}",
        f"- Machine: {machine()}",
        f"- ktc {__version__}",
        f"- {periods:,} periods with losses, {args.samples:,} samples, {summaries:,} summaries",
        f"- `--memory {memory:g}` (MiB)",
        "",
        f"| {' | '.join(head)} |",
        "|---|" + "---:|" * (len(head) - 1),
    ]
    print("\n".join(lines), flush=True)
    with tempfile.TemporaryDirectory(prefix="ktc-memory-") as work:
        for events in EVENTS:
            folder = Path(work) / str(events)
            size = write_run(folder, events, periods, args.samples, summaries)
            for command in COMMANDS:
                if args.only not in command:
                    continue
                run = measure(f"{command} --memory {memory}", args.ktc, "", folder, timeout=TIMEOUT)
                cells = (
                    f"{command.split()[0]}",
                    f"{events:,}",
                    f"{periods // events:,}",
                    f"{size / 2**20:.0f}",
                    f"{run.rss / 1024:.0f}",
                    f"{run.cpu:.1f}",
                    f"{run.wall:.1f}",
                )
                lines.append(f"| {' | '.join(cells)} |")
                print(lines[-1], flush=True)
            os.unlink(folder / "work" / "run" / "summary.bin")
    lines += [
        "",
        "The programs, without `--memory`: " + ", ".join(f"`{command}`" for command in COMMANDS) + ".",
    ]
    args.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
