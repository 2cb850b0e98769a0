"""Time ktc beside ktools 3.12.4 on the same files in the same run.

    python benchmarks/run.py --oracle DIR           every benchmark; DIR holds ktools' programs (default:
                                                    $KTC_ORACLE)
    python benchmarks/run.py --only gulcalc --only pipe
    python benchmarks/run.py --events 1000 --locations 5000 --samples 50 --runs 7
    python benchmarks/run.py --out benchmarks/results   also write results.json and results.md

The input is ktc's example model, at the sizes asked for. Every program reads prepared files and writes to
/dev/null, or to files in memory (tmpfs) where it has several outputs; the two sides take turns, all on one
core. CPU is user + system of the process and what it started, as the kernel counts it (wait4). Before the
timed runs each side runs once with its output hashed; `same` says whether the bytes agree, or the tables
where they are parquet.

Needs Linux, an installed ktc, and nothing beyond the standard library; pyarrow for the benchmarks of parquet.
"""

import argparse
import array
import datetime
import hashlib
import importlib.util
import itertools
import json
import os
import platform
import random
import shlex
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

TIMEOUT = 600
PERIODS, DAMAGE_BINS, INTENSITY_BINS = 2_000_000, 120, 300  # of the folder whose tables are converted
REPEAT = (
    10  # how often long-events.bin and long.bin hold what events.bin and gul.bin do: their readers are quick
)
CONVERTED = (
    ("item", "input/items", ""),
    ("coverage", "input/coverages", ""),
    ("gulsummaryxref", "input/gulsummaryxref", ""),
    ("fmprogramme", "input/fm_programme", ""),
    ("fmpolicytc", "input/fm_policytc", ""),
    ("occurrence", "input/occurrence", f"-P{PERIODS}"),
    ("vulnerability", "static/vulnerability", f"-d {DAMAGE_BINS}"),
    ("rand", "static/random", ""),
)
# Reinsurance: items and samples of each stream, and how many losses it holds at any of these sizes.
TREATIES = ((12_000, 10), (12_000, 100), (12_000, 1000), (3_000, 100), (48_000, 100))
TREATY_LOSSES, EXCESS_LOSSES = (
    12_000_000,
    2_400_000,
)  # ktools' time for several layers rises with items squared
RISK = 3  # items of a risk
# Output calculations: summary streams of several processes, in which every event has losses in all summaries.
PARTS, OUTPUT_EVENTS, OUTPUT_PERIODS, OUTPUT_LOCATIONS = 4, 5_000, 20_000, 10
CURVES = "FWSMfwsm"
ROOM = 4 << 30  # bytes of outputs; where they lie in memory, so much must be free
# A parquet file is the same as another one if its table is: names, types, values and their order.
TABLE_HASH = """
import hashlib, sys
from pyarrow import parquet
table = parquet.read_table(sys.argv[1])
digest = hashlib.sha256(repr([(field.name, field.type) for field in table.schema]).encode())
for column in table.columns:
    for chunk in column.chunks:
        digest.update(chunk.to_numpy().tobytes())
print(digest.hexdigest())
"""


class Benchmark(NamedTuple):
    """command: as bash runs it, in `folder`; `@` is where output files go. stdin: a file below the work
    folder, or "".

    ktc: where ktc has another way to the same result, that; it is timed against `command` with ktc's own
    programs. alone: ktools takes too long; only ktc is timed.
    """

    name: str
    command: str
    stdin: str = ""
    folder: str = "model"
    ktc: str = ""
    alone: bool = False


class Run(NamedTuple):
    cpu: float  # seconds, user + system, all processes
    wall: float  # seconds
    rss: int  # KiB, the largest process


def benchmarks(args):
    """Yield the benchmarks in the order of a run."""
    yield Benchmark("eve", "eve 1 2", folder="many")
    yield Benchmark("getmodel", "getmodel", "long-events.bin")
    yield Benchmark("getmodel, no hazard uncertainty", "getmodel", "long-events.bin", "certain")
    yield Benchmark("getmodel, compressed footprint", "getmodel", "long-events.bin", "compressed")
    for rule in range(4):
        yield Benchmark(f"gulcalc -a{rule}", f"gulcalc -S{args.samples} -a{rule} -i -", "cdf.bin")
    yield Benchmark("gulcalc -c", f"gulcalc -S{args.samples} -c -", "cdf.bin")
    yield Benchmark("gulcalc -r", f"gulcalc -S{args.samples} -r -a1 -i -", "cdf.bin")
    for rule in range(4):
        yield Benchmark(f"fmcalc -a{rule}", f"fmcalc -a{rule}", "direct.bin")
    yield Benchmark("fmcalc -a2, 10 samples", "fmcalc -a2", "direct10.bin")
    yield Benchmark("fmcalc -a2, 1000 samples", "fmcalc -a2", "direct1000.bin")
    yield Benchmark("fmcalc -a2, ten times the items", "fmcalc -a2", "large.bin", "large")
    for items, samples in TREATIES:
        size = f"{items}x{samples}"
        yield Benchmark(
            f"fmcalc -a3 -n, treaty {size}", "fmcalc -a3 -n", f"treaty{size}.bin", f"treaty{items}"
        )
    for items, samples in TREATIES[:4]:
        size = f"{items}x{samples}"
        yield Benchmark(
            f"fmcalc -a3 -n, two layers {size}",
            "fmcalc -a3 -n",
            f"excess{size}.bin",
            f"excess{items}",
            alone=samples == 1000,
        )
    yield Benchmark("fmcalc -a2 -n, treaty 12000x100", "fmcalc -a2 -n", "treaty12000x100.bin", "treaty12000")
    yield Benchmark(
        "fmcalc -a2 -n, two layers 12000x100", "fmcalc -a2 -n", "excess12000x100.bin", "excess12000"
    )
    yield Benchmark("summarycalc, portfolio", "summarycalc -i -1 -", "long.bin")
    yield Benchmark("summarycalc, locations", "summarycalc -i -3 -", "long.bin")
    yield Benchmark("summarycalc -f, locations", "summarycalc -f -3 -", "insured.bin")
    yield Benchmark("cdftocsv", "cdftocsv", "long-cdf.bin")
    yield Benchmark("gultocsv", "gultocsv", "direct10.bin")
    yield Benchmark("gultocsv -f", "gultocsv -f", "direct10.bin")
    yield Benchmark("fmtocsv", "fmtocsv", "insured10.bin")
    yield Benchmark("fmtocsv -f", "fmtocsv -f", "insured10.bin")
    yield from output_calculations()
    for tool, file, flags in CONVERTED:
        yield Benchmark(
            f"{tool}tocsv", f"{tool}tocsv{' -r' if tool == 'rand' else ''}", f"tables/{file}.bin", "tables"
        )
        yield Benchmark(f"{tool}tobin", f"{tool}tobin {flags}", f"{tool}.csv", "tables")
    yield Benchmark("footprinttocsv", "footprinttocsv", folder="tables/static")
    yield Benchmark(
        "footprinttobin",
        f"footprinttobin -i {INTENSITY_BINS} -b @/f.bin -x @/f.idx",
        "footprint.csv",
        "tables",
    )
    chain = f"eve -n 1 1 | getmodel | gulcalc -S{args.samples} -a1 -i - | summarycalc -i -3 - | eltcalc"
    yield Benchmark("pipe: eve to eltcalc", chain)
    script = (
        "from ktc.chain import *; Chain(Events(in_order=True), GetModel(), GulCalc("
        f"sample_size={args.samples}, alloc_rule=1), SummaryCalc({{3: EltCalc()}})).run()"
    )
    yield Benchmark(
        "pipe in one process", chain, ktc=f"{shlex.quote(sys.executable)} -c {shlex.quote(script)}"
    )
    insured = (
        f"eve -n 1 1 | getmodel | gulcalc -S{args.samples} -a1 -i - | fmcalc -a2 | summarycalc -f -3 - "
        "| eltcalc"
    )
    yield Benchmark("pipe: eve to eltcalc, insured", insured)
    script = (
        "from ktc.chain import *; Chain(Events(in_order=True), GetModel(), GulCalc("
        f"sample_size={args.samples}, alloc_rule=1), FmCalc(alloc_rule=2), "
        "SummaryCalc({3: EltCalc()}, stream='fm')).run()"
    )
    yield Benchmark(
        "pipe in one process, insured", insured, ktc=f"{shlex.quote(sys.executable)} -c {shlex.quote(script)}"
    )
    yield Benchmark("pipe: insured, then reinsured", "fmcalc -a2 | fmcalc -a3 -n -p RI", "gul.bin")
    yield Benchmark("start-up: gulcalc, one item", "gulcalc -S1 -a0 -i -", "tiny.bin", "tiny")
    yield Benchmark("start-up: itemtocsv, one item", "itemtocsv", "tiny/input/items.bin", "tiny")


def output_calculations():
    """Yield the benchmarks of what comes after summarycalc."""
    parts = [f"../selt{part}" for part in range(1, PARTS + 1)]
    csv, parquet = (" ".join(part + ending for part in parts) for ending in (".csv", ".parquet"))
    curves = " ".join(f"-{curve}" for curve in CURVES)
    files = " ".join(f"-{curve} @/{curve}.csv" for curve in CURVES)
    few, many = (
        "-K lines",
        "-r -K locations",
    )  # a line for each loss, of few summaries; return periods of many
    calculations = [
        ("summary3.bin", "summarycalctocsv", "summarycalctocsv -o"),
        ("long-losses.bin", "eltcalc", "eltcalc -M -", "eltcalc -Q -", "eltcalc -M @/melt.csv -Q @/qelt.csv"),
        ("long-losses.bin", "pltcalc", "pltcalc -M -", "pltcalc -Q -"),
        ("losses.bin", "pltcalc -S -"),
        (
            "",
            *(f"leccalc {run} {files}" for run in (few, many)),
            *(f"ordleccalc {run} {curves} -O @/ept.csv -o @/psept.csv" for run in (few, many)),
            "aalcalc -K long",
            "aalcalc -K long -o -c @/alct.csv",
            "aalcalcmeanonly -K long",
            "summaryindex -K long && cat work/long/{filelist,summaries,max_summary_id}.idx",
            f"kat {csv}",
            f"kat -u {csv}",
        ),
    ]
    if importlib.util.find_spec("pyarrow"):
        calculations += [
            ("long-losses.bin", "eltcalc -m @/melt.parquet"),
            ("losses.bin", "pltcalc -s @/splt.parquet"),
            (
                "",
                f"ordleccalc {few} {curves} -P @/ept.parquet -p @/psept.parquet",
                f"katparquet -s -o @/selt.parquet {parquet}",
            ),
        ]
    for stdin, *commands in calculations:
        for command in commands:
            # without the names of files, and of curves where there are all
            words = [word for word in command.partition(" && ")[0].split() if "/" not in word and word != "-"]
            name = " ".join(words).replace(curves, "all curves")
            yield Benchmark(name, command, stdin, "model" if stdin == "summary3.bin" else "output")


def measure(command, path, stdin, cwd, output=subprocess.DEVNULL, timeout=TIMEOUT):
    """Run a command with the programs of the folder `path` first; its Run. RuntimeError when it fails."""
    env = {**os.environ, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}"}
    # bash waits for every member of a pipeline, so that their times are in its own; a lone command replaces
    # it
    shell = command if "|" in command or "&&" in command else f"exec {command}"
    with open(stdin or os.devnull, "rb") as source:
        began = time.perf_counter()
        process = subprocess.Popen(
            ["bash", "-o", "pipefail", "-c", shell],
            stdin=source,
            stdout=output,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=env,
            start_new_session=True,
        )
        timer = threading.Timer(timeout, lambda: os.killpg(process.pid, 9))
        timer.start()
        message = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        timer.cancel()
        process.stderr.close()
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(
            f"{path}: {command}: exit {process.returncode}: {message.decode(errors='replace').strip()}"
        )
    return Run(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss)


def repeat(path, target, head, tail, times=REPEAT):
    """Write target: the file at path, all but its first `head` bytes so many times over, with tail behind
    each."""
    with open(path, "rb") as source, open(target, "wb") as file:
        file.write(source.read(head))
        for _ in range(times):
            source.seek(head)
            shutil.copyfileobj(source, file)
            file.write(tail)


def write_treaty(folder, items, excess=False):
    """Write the terms of a treaty over all items, as they lie in a folder RI_1: items, risks, the treaty.

    A third of the risks is ceded by a share, a third above a retention, a third not at all; what is ceded has
    a limit. excess: instead, all items are one risk, and there are two layers of excess of loss.
    """
    folder.mkdir(parents=True)
    in_risk = items if excess else RISK
    ids, risks = range(1, items + 1), range(1, (items - 1) // in_risk + 2)
    layers = 2 if excess else 1
    if excess:
        value = items * 100_000.0
        terms = [
            (2, 24, 0, 0, 0, value, 3 * value, 1, 0.9, 1),
            (3, 24, 0, 0, 0, 4 * value, 9 * value, 1, 0.75, 1),
        ]
        treaty = [(2, 1, 1, 1), (2, 1, 2, 1), (3, 1, 1, 2), (3, 1, 2, 3)]
    else:
        terms = [
            (2, 24, 0, 0, 0, 0, 1e12, 0.3, 1, 1),
            (3, 24, 0, 0, 0, 2e5, 1e6, 1, 1, 1),
            (4, 14, 0, 0, 0, 0, 0, 0, 0, 0),
            (5, 23, 0, 0, 0, 0, items * 5_000.0, 0, 0.9, 1),
        ]
        treaty = itertools.chain(((2, risk, 1, 2 + risk % 3) for risk in risks), [(3, 1, 1, 5)])
    tables = {
        "fm_programme": (
            "3i",
            ((item, 1, item) for item in ids),
            ((i, 2, (i - 1) // in_risk + 1) for i in ids),
            ((risk, 3, 1) for risk in risks),
        ),
        "fm_policytc": ("4i", ((1, item, 1, 1) for item in ids), treaty),
        "fm_profile": ("2i8f", [(1, 12, 0, 0, 0, 0, 0, 0, 0, 0)], terms),
        "fm_xref": ("3i", ((1 + n, 1 + n // layers, 1 + n % layers) for n in range(items * layers))),
    }
    for name, (form, *parts) in tables.items():
        with open(folder / f"{name}.bin", "wb") as file:
            # row by row: the peak memory of this process counts as that of its children
            for row in itertools.chain(*parts):
                file.write(struct.pack(f"<{form}", *row))


def loss_packets(draw, samples, without=0.25):
    """Some packets, less their ids, as random numbers make them. without: the part of the samples that have
    no loss."""
    packets = []
    for _ in range(97):
        tiv = 100_000.0 * draw.randint(1, 50)
        sampled = [max(0.0, draw.random() - without) * tiv for _ in range(samples)]
        records = [
            (-3, tiv),
            (-1, sum(sampled) / samples),
            *((s, x) for s, x in enumerate(sampled, 1) if x),
            (0, 0.0),
        ]
        packets.append(b"".join(struct.pack("<if", *record) for record in records))
    return packets


def write_losses(path, items, samples, losses, part=1, parts=1):
    """Write a stream in which every event hits all items: so many losses in all, drawn from some packets.

    part: 1 to parts; the stream has those of the events that are this part's when they are dealt out.
    """
    draw = random.Random(samples * part)
    packets = loss_packets(draw, samples)
    with open(path, "wb") as file:
        file.write(struct.pack("<2i", 2 << 24 | 1, samples))
        for event in range(part, max(1, losses // (items * samples)) + 1, parts):
            for item in range(1, items + 1):
                file.write(struct.pack("<2i", event, item) + draw.choice(packets))


def prepare(work, tools, args, chosen):
    """Make the inputs below work: example folders, and the streams with the programs of the folder tools."""
    sizes = dict(events=args.events, locations=args.locations, grid=args.grid, perils=args.perils)
    models = {
        "model": sizes,
        "certain": {**sizes, "uncertainty": False},
        "compressed": {**sizes, "compress": True},
        "tiny": dict(events=1, locations=1, perils=1, grid=2, damage_bins=4, intensity_bins=2),
        "large": {**sizes, "events": max(1, args.events // 10), "locations": 10 * args.locations},
        "output": dict(events=OUTPUT_EVENTS, locations=OUTPUT_LOCATIONS, perils=1, periods=OUTPUT_PERIODS),
    }
    needed = {name for b in chosen for name in (b.stdin, b.folder)}
    if args.tables:
        models["tables"] = dict(
            events=1000,
            locations=400_000,
            grid=40,
            periods=PERIODS,
            random_numbers=3_000_000,
            damage_bins=DAMAGE_BINS,
            intensity_bins=INTENSITY_BINS,
        )
    # in a process of its own: a child's peak memory counts from that of its parent
    maker = (
        "import json, sys; from ktc.example import write_example; models = json.load(sys.stdin)\n"
        "made = {name: write_example(name, **options) for name, options in models.items()}\n"
        "print(json.dumps({k: v for k, v in vars(made['model']).items() if isinstance(v, int)}))"
    )
    made = subprocess.run(
        [sys.executable, "-c", maker], input=json.dumps(models), cwd=work, capture_output=True, text=True
    )
    if made.returncode:
        sys.exit(made.stderr)
    example = json.loads(made.stdout)
    (work / "many" / "input").mkdir(parents=True)
    with open(work / "many" / "input" / "events.bin", "wb") as file:
        for first in range(1, 5_000_000, 100_000):
            array.array("i", range(first, first + 100_000)).tofile(file)

    def make(name, command, stdin="", folder="model"):
        with open(work / name, "wb") as target:
            measure(command, tools, work / stdin if stdin else "", work / folder, target)

    def reuse(name, source, times):
        """Losses of few events several times over; gulcalc leaves the last end of packet out."""
        repeat(work / source, work / name, 8, bytes(8), times)

    make("events.bin", "eve -n 1 1")
    make("cdf.bin", "getmodel", "events.bin")
    make("gul.bin", f"gulcalc -S{args.samples} -a1 -i -", "cdf.bin")
    make("gul10.bin", "gulcalc -S10 -a1 -i -", "cdf.bin")
    repeat(work / "events.bin", work / "long-events.bin", 0, b"")
    repeat(work / "cdf.bin", work / "long-cdf.bin", 4, b"", 4)
    reuse("long.bin", "gul.bin", REPEAT)
    reuse("direct.bin", "gul.bin", 4)
    reuse("direct10.bin", "gul10.bin", REPEAT)
    if "direct1000.bin" in needed:
        few = 4 * max(1, args.events // 4)  # bytes
        make("direct1000.bin", f"head -c {few} | getmodel | gulcalc -S1000 -a1 -i -", "events.bin")
    if "large" in needed:
        make("large.bin", f"eve -n 1 1 | getmodel | gulcalc -S{args.samples} -a1 -i -", folder="large")
    make("insured.bin", "fmcalc -a2", "direct.bin")
    make("insured10.bin", "fmcalc -a2", "direct10.bin")
    write_treaty(work / "model" / "RI", 2 * example["items"])  # outputs of two layers
    for items, samples in TREATIES:
        size = f"{items}x{samples}"
        for kind, losses in (("treaty", TREATY_LOSSES), ("excess", EXCESS_LOSSES)):
            if f"{kind}{size}.bin" in needed:
                write_losses(work / f"{kind}{size}.bin", items, samples, losses)
                if not (work / f"{kind}{items}").exists():
                    write_treaty(work / f"{kind}{items}" / "input", items, kind == "excess")
    if "output" in needed:
        folder = work / "output" / "work"
        for name in ("lines", "locations", "long"):
            (folder / name).mkdir(parents=True)
        commands = " ".join(b.command for b in chosen)
        items = (
            os.path.getsize(work / "output" / "input" / "coverages.bin") // 4
        )  # one peril: one of each coverage
        for part in range(1, PARTS + 1):
            write_losses(
                work / "part.bin", items, args.samples, OUTPUT_EVENTS * items * args.samples, part, PARTS
            )
            measure(
                f"summarycalc -m -i -2 work/lines/summary_P{part}.bin -3 work/locations/summary_P{part}.bin",
                tools,
                work / "part.bin",
                work / "output",
            )
            stream = folder / "locations" / f"summary_P{part}.bin"
            repeat(stream, folder / "long" / stream.name, 12, b"")
            if f"selt{part}.csv" in commands:
                make(f"selt{part}.csv", "summarycalctocsv -o", stream)
            if f"selt{part}.parquet" in commands:
                measure(f"summarycalctocsv -p selt{part}.parquet", tools, stream, work)
        repeat(stream, work / "losses.bin", 12, b"", 3)
        repeat(stream, work / "long-losses.bin", 12, b"", 40)
    make("summary3.bin", "summarycalc -i -3 -", "long.bin")
    make("tiny.bin", "eve 1 1 | getmodel", folder="tiny")
    if args.tables:
        make("footprint.csv", "footprinttocsv", folder="tables/static")
    for benchmark in benchmarks(args):
        if benchmark.stdin.startswith("tables/") and (work / benchmark.stdin).exists():
            make(f"{benchmark.name[:-5]}.csv", benchmark.command, benchmark.stdin)
    return example


def side_commands(benchmark, args, results):
    """The two sides: label -> (command, folder of programs)."""
    command = benchmark.command.replace("@", str(results))
    if benchmark.ktc:
        return {"ktc, pipes": (command, args.ktc), "ktc, one process": (benchmark.ktc, args.ktc)}
    sides = {"ktools": (command, args.oracle)} if args.oracle and not benchmark.alone else {}
    return {**sides, "ktc": (command, args.ktc)}


def side_folder(benchmark, label, work):
    """Where a side runs: a copy of its own, made of links, where index files are written beside the
    streams."""
    folder = work / benchmark.folder
    if not (folder / "work").is_dir():
        return folder
    own = work / f"{benchmark.folder} of {label}"
    if not own.exists():
        shutil.copytree(folder, own, copy_function=os.link)
    return own


def digest_of(path):
    """A hash of what a file holds. Of a parquet file in a process of its own: see the peak memory of children
    above."""
    if path.suffix == ".parquet":
        return subprocess.run(
            [sys.executable, "-c", TABLE_HASH, path], capture_output=True, check=True
        ).stdout
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def compare(benchmark, args, work, results):
    """Run one benchmark, with the empty folder results for its files; its entry in the results."""
    stdin = work / benchmark.stdin if benchmark.stdin else ""
    sides = side_commands(benchmark, args, results)

    def run(label, output=subprocess.DEVNULL):
        command, path = sides[label]
        for file in results.iterdir():
            file.unlink()
        return measure(command, path, stdin, side_folder(benchmark, label, work), output)

    digests = set()
    for label in sides:
        with open(work / "stdout", "wb") as target:
            run(label, target)
        written = [work / "stdout", *sorted(results.iterdir())]
        digests.add(tuple((file.name, digest_of(file)) for file in written))
        size = sum(file.stat().st_size for file in written)
    (work / "stdout").unlink()
    runs = {label: [] for label in sides}
    for _ in range(args.runs):
        for label in sides:
            runs[label].append(run(label))
    both = len(sides) == 2
    first, last = ([None] if not both else []) + list(runs.values())

    def medians(part):
        return [statistics.median(getattr(run, part) for run in of) if of else None for of in (first, last)]

    cpu = medians("cpu")
    return {
        "name": benchmark.name,
        "command": benchmark.command,
        "sides": list(sides),
        "input_bytes": os.path.getsize(stdin) if stdin else 0,
        "output_bytes": size,
        "same": len(digests) == 1 if both else None,
        "cpu": cpu,
        "wall": medians("wall"),
        "rss": medians("rss"),
        "ratio": cpu[0] / cpu[1] if both else None,
        "runs": {label: [run._asdict() for run in many] for label, many in runs.items()},
    }


HEAD = ("benchmark", "CPU s", "ktc CPU s", "ratio", "wall s", "ktc wall s", "RSS MiB", "ktc RSS MiB", "same")


def row(entry):
    same = {True: "yes", False: "NO", None: ""}[entry["same"]]
    ratio = f"{entry['ratio']:.1f}" if entry["ratio"] else ""
    return (
        entry["name"],
        *seconds(entry["cpu"]),
        ratio,
        *seconds(entry["wall"]),
        *("" if kib is None else f"{kib / 1024:.0f}" for kib in entry["rss"]),
        same,
    )


def seconds(times):
    return ["" if time is None else f"{time:.3f}" for time in times]


SCALING_HEAD = ("fmcalc, ns of CPU per record read", "ktools", "ktc")


def scaling(results):
    """Rows: what the financial module takes for each record read: the same at all sizes where it is
    linear."""
    for entry in results:
        if entry["command"].startswith("fmcalc") and "|" not in entry["command"]:
            yield (
                entry["name"],
                *("" if s is None else f"{s * 8e9 / entry['input_bytes']:.0f}" for s in entry["cpu"]),
            )


def machine():
    """Processor, system and Python, in a line."""
    model = platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release().split('-')[0]}, "
        f"Python {platform.python_version()}"
    )


def markdown(report):
    """The report as a page."""
    sizes = ", ".join(f"{value:,} {name}" for name, value in report["sizes"].items())
    lines = [
        "# Benchmark results",
        "",
        "Written by `benchmarks/run.py`; see README.md for what is measured.",
        "",
        f"- Date: {report['date']}",
        f"- Machine: {report['machine']}, one core used",
        f"- ktc {report['ktc']}",
        f"- Input: {sizes}",
        f"- Runs: medians of {report['runs']}, the sides taking turns",
        "",
        "The first of each pair is ktools 3.12.4; in `pipe in one process` it is ktc's own programs in a "
        "pipe.",
        "",
        f"| {' | '.join(HEAD)} |",
        "|---|" + "---:|" * (len(HEAD) - 1),
    ]
    lines += [f"| {' | '.join(row(entry))} |" for entry in report["results"]]
    rows = list(scaling(report["results"]))
    if rows:
        lines += [
            "",
            "A treaty of 12000x100: 12,000 items, all hit by every event, in 100 samples.",
            "",
            f"| {' | '.join(SCALING_HEAD)} |",
            "|---|---:|---:|",
        ] + [f"| {' | '.join(cells)} |" for cells in rows]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--oracle", type=Path, default=os.environ.get("KTC_ORACLE"), help="folder of ktools' programs"
    )
    parser.add_argument(
        "--ktc", type=Path, default=Path(sys.executable).parent, help="folder of ktc's scripts"
    )
    parser.add_argument("--events", type=int, default=400)
    parser.add_argument("--locations", type=int, default=500)
    parser.add_argument("--items", type=int, help="about so many items, instead of --locations")
    parser.add_argument("--grid", type=int, default=30, help="cells on a side")
    parser.add_argument("--perils", type=int, default=3)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--runs", type=int, default=5, help="timed runs of each side")
    parser.add_argument(
        "--only", action="append", default=[], help="benchmarks whose name contains this; repeatable"
    )
    parser.add_argument("--core", type=int, help="the core to run on (default: the last one allowed)")
    parser.add_argument("--out", type=Path, help="write <out>.json and <out>.md")
    args = parser.parse_args()
    if args.items:
        args.locations = max(1, round(args.items / (2.3 * args.perils)))
    core = max(os.sched_getaffinity(0)) if args.core is None else args.core
    os.sched_setaffinity(0, {core})
    chosen = [b for b in benchmarks(args) if not args.only or any(text in b.name for text in args.only)]
    args.tables = any("tables" in (b.folder + b.stdin) for b in chosen)

    from ktc import __version__

    memory = Path("/dev/shm")
    in_memory = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= ROOM
    with (
        tempfile.TemporaryDirectory(prefix="ktc-benchmark-") as work,
        tempfile.TemporaryDirectory(prefix="ktc-benchmark-", dir=memory if in_memory else work) as results,
    ):
        work, results = Path(work), Path(results)
        example = prepare(work, args.oracle or args.ktc, args, chosen)
        sizes = {name.replace("_", " "): count for name, count in example.items()}
        report = {
            "date": datetime.date.today().isoformat(),
            "machine": machine(),
            "ktc": __version__,
            "runs": args.runs,
            "sizes": {**sizes, "samples": args.samples},
            "results": [],
        }
        width = max(len(b.name) for b in chosen)
        print("  ".join([HEAD[0].ljust(width), *HEAD[1:]]))
        failed = []
        for benchmark in chosen:
            try:
                entry = compare(benchmark, args, work, results)
            except RuntimeError as error:
                failed.append(f"{benchmark.name}: {error}")
                continue
            report["results"].append(entry)
            name, *cells = row(entry)
            print(
                "  ".join([name.ljust(width), *(c.rjust(len(h)) for c, h in zip(cells, HEAD[1:]))]),
                flush=True,
            )
        rows = list(scaling(report["results"]))
        if rows:
            print()
            for name, *cells in [SCALING_HEAD, *rows]:
                print("  ".join([name.ljust(max(width, len(SCALING_HEAD[0]))), *(c.rjust(8) for c in cells)]))
    if args.out:
        args.out.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")
        args.out.with_suffix(".md").write_text(markdown(report))
    failed += [f"{entry['name']}: outputs differ" for entry in report["results"] if entry["same"] is False]
    if failed:
        sys.exit("\n".join(failed))


if __name__ == "__main__":
    main()
