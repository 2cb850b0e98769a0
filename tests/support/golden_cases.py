"""The golden cases: commands that ktools 3.12.4 and ktc both run on the example model, to the same bytes.

make_golden.py runs them with the oracle and keeps the outputs in tests/golden/; tests/test_golden.py
runs them with ktc. Beside the example folders lie a stepped and a reinsurance programme, for the example's
items and outputs.
"""

import shutil
from typing import NamedTuple

from support import programmes

SMALL = dict(
    seed=7, events=20, locations=8, grid=6, damage_bins=12, intensity_bins=10, periods=50, random_numbers=500
)

# The example folders that the cases run in: write_example's options.
EXAMPLES = {
    "items": {**SMALL, "weighted_periods": True},
    "coverages": {**SMALL, "summaries": "coverage"},
    "certain": {**SMALL, "uncertainty": False},
    "compressed": {**SMALL, "compress": True},
}

# An output longer than this, or equal to one that is kept already, is kept as its SHA-256 in
# tests/golden/sha256.
LONGEST = 16_000


class Case(NamedTuple):
    """name: the output's file. command: tool and flags. stdin: an earlier case's name, or a file of the
    example folder.

    The command runs in the example folder; its standard output is the output, or the file that takes the
    place of `@`, or `file`, which stays in the folder for later cases.
    """

    name: str
    command: str
    stdin: str = ""
    example: str = "items"
    file: str = ""


def cases():
    """Yield the cases in an order in which each one's input already exists."""
    yield Case("events.bin", "eve -n 1 1")
    yield Case("events-2-of-3.bin", "eve 2 3")
    yield Case("events-R-2-of-3.bin", "eve -R 2 3")
    yield Case("events-r-2-of-3.bin", "eve -r 2 3")
    for example, name in (("items", "cdf"), ("certain", "cdf-certain"), ("compressed", "cdf-compressed")):
        yield Case(f"{name}.bin", "getmodel", "events.bin", example)
    for rule in range(4):
        yield Case(f"gul-a{rule}.bin", f"gulcalc -S10 -a{rule} -i -", "cdf.bin")
        yield Case(f"gul-a{rule}-r.bin", f"gulcalc -S10 -r -L100 -a{rule} -i -", "cdf.bin")
    yield Case("gul-certain.bin", "gulcalc -S10 -a1 -i -", "cdf-certain.bin", "certain")
    yield Case("gul-item.bin", "gulcalc -S10 -i -", "cdf.bin")
    yield Case("gul-coverage.bin", "gulcalc -S10 -c -", "cdf.bin")
    yield Case("gul-mean.bin", "gulcalc -S0 -a1 -i -", "cdf.bin")
    for n in (1, 2, 3):
        yield Case(f"summary{n}.bin", f"summarycalc -i -{n} @", "gul-a1.bin")
    yield Case("summary1-zeros.bin", "summarycalc -i -z -1 @", "gul-a1.bin")
    yield Case("summary2-a0.bin", "summarycalc -i -2 @", "gul-a0.bin")
    for n in (1, 3):
        yield Case(f"summary{n}-coverage.bin", f"summarycalc -c -{n} @", "gul-coverage.bin", "coverages")
    for n in (1, 2, 3):
        yield Case(f"elt{n}.csv", "eltcalc", f"summary{n}.bin")
    yield Case("elt2-bare.csv", "eltcalc -s", "summary2.bin")
    for rule in range(4):
        yield Case(f"fm-a{rule}.bin", f"fmcalc -a{rule}", "gul-a1.bin")
    yield Case("fm-a2-net.bin", "fmcalc -a2 -n", "gul-a1.bin")
    yield Case("fm-a1-M2.bin", "fmcalc -a1 -M2", "gul-a1.bin")
    yield Case("fm-item.bin", "fmcalc -a1", "gul-item.bin")
    yield Case("fm-stepped.bin", "fmcalc -a2 -S -p ../stepped", "gul-a1.bin")
    yield Case("fm-reinsured.bin", "fmcalc -a2 -p ../reinsurance", "fm-a2.bin")
    yield Case("fm-reinsured-net.bin", "fmcalc -a2 -n -p ../reinsurance", "fm-a2.bin")
    yield Case("fm-summary2.bin", "summarycalc -f -2 @", "fm-a2.bin")
    yield Case("fm-elt2.csv", "eltcalc", "fm-summary2.bin")
    yield Case("fm-a0.csv", "fmtocsv", "fm-a0.bin")
    yield Case("fm-a0-full.csv", "fmtocsv -f -s", "fm-a0.bin")
    yield Case("cdf.csv", "cdftocsv", "cdf.bin")
    yield Case("gul-a1.csv", "gultocsv", "gul-a1.bin")
    yield Case("gul-a1-full.csv", "gultocsv -f", "gul-a1.bin")
    yield Case("gul-coverage.csv", "gultocsv", "gul-coverage.bin")
    yield Case("summary2.csv", "summarycalctocsv", "summary2.bin")
    yield Case("summary2-full.csv", "summarycalctocsv -f", "summary2.bin")
    yield Case("selt2.csv", "summarycalctocsv -o", "summary2.bin")
    yield Case("selt2-full.csv", "summarycalctocsv -o -f -a", "summary2.bin")
    yield Case("summary2-exposure.csv", "summarycalctocsv -e", "summary2.bin")
    yield Case("gul-a1.csv.bin", "gultobin -S10", "gul-a1.csv")
    yield Case("gul-coverage.csv.bin", "gultobin -S9 -t1", "gul-coverage.csv")
    yield Case("summary2-exposure.csv.bin", "summarycalctobin -S10", "summary2-exposure.csv")
    yield from reports(
        "", "items", "summary2.bin", "gul-a1.bin", "-i -2"
    )  # periods with weights, and without
    yield from reports("-coverage", "coverages", "summary3-coverage.bin", "gul-coverage.bin", "-c -3")
    for tag, example, losses, flags in (
        ("2", "items", "gul-a1.bin", "-i -2"),
        ("1-coverage", "coverages", "gul-coverage.bin", "-c -1"),
    ):
        # of summaries with losses in every subset of the samples
        yield Case(
            f"packets{tag}.idx", f"summarycalc -m {flags} work/all/P1.bin", losses, example, "work/all/P1.idx"
        )
        yield Case(f"alct{tag}.csv", "aalcalc -K all -o -l 0.9 -c @.csv", "", example)
    for file, tool, back in TABLES:
        csv = f"{file.split('/')[-1]}.csv"
        yield Case(csv, f"{tool}tocsv{' -r' if tool == 'rand' else ''}", f"{file}.bin")
        yield Case(f"{csv}.bin", f"{tool}tobin{back}", csv)
    yield Case("footprint.csv", "footprinttocsv -b static/footprint.bin -x static/footprint.idx")
    yield Case("footprint.csv.bin", "footprinttobin -i10 -b @ -x index.tmp", "footprint.csv")
    yield Case("footprint.csv.idx", "footprinttobin -i10 -b data.tmp -x @", "footprint.csv")
    for file in "footprint.bin.z", "footprint.idx.z":
        yield Case(file, "footprintconv", "", "certain/static", file)
    yield Case("cdf-certain-converted.bin", "getmodel", "events.bin", "certain")


def reports(tag, example, summary, losses, flags):
    """The reports of a summary stream; flags are those with which summarycalc makes it of losses."""
    weighted = example == "items"
    yield Case(f"melt{tag}.csv", "eltcalc -M @", summary, example)
    yield Case(f"qelt{tag}.csv", "eltcalc -Q @", summary, example)
    yield Case(f"plt{tag}.csv", "pltcalc", summary, example)
    for flag, name in ("-M", "mplt"), ("-Q", "qplt"), ("-S", "splt"):
        yield Case(f"{name}{tag}.csv", f"pltcalc {flag} @", summary, example)
    for r in "", "-r":
        # of periods with weights ktools has no curves by sample, and their mean only at return periods
        for letter in "FSfs" + "Mm" * (not weighted or bool(r)) + "Ww" * (not weighted):
            yield Case(f"lec{tag}-{letter}{r}.csv", f"leccalc {r} -{letter} @", summary, example)
        yield Case(f"ept{tag}{r}.csv", f"ordleccalc {r} -F -f -S -s -M -m -O @", summary, example)
        if not weighted:
            yield Case(f"psept{tag}{r}.csv", f"ordleccalc {r} -W -w -o @", summary, example)
    # a folder of streams with indexes
    yield Case(
        f"packets{tag}.idx", f"summarycalc -m {flags} work/run/P1.bin", losses, example, "work/run/P1.idx"
    )
    yield Case(f"lec{tag}-indexed.csv", "leccalc -K run -F @", "", example)
    yield Case(f"ept{tag}-indexed-r.csv", "ordleccalc -K run -r -F -s -O @", "", example)
    yield Case(f"aal{tag}.csv", "aalcalc -K run", "", example)
    yield Case(f"alt{tag}.csv", "aalcalc -K run -o", "", example)
    yield Case(f"aal-mean{tag}.csv", "aalcalcmeanonly -K run", "", example)
    yield Case(f"alt-mean{tag}.csv", "aalcalcmeanonly -K run -o", "", example)
    yield Case(f"summaries{tag}.idx", "summaryindex -K run", "", example, "work/run/summaries.idx")


TABLES = (
    ("input/events", "eve", ""),
    ("input/items", "item", ""),
    ("input/coverages", "coverage", ""),
    ("input/gulsummaryxref", "gulsummaryxref", ""),
    ("input/fmsummaryxref", "fmsummaryxref", ""),
    ("input/fm_programme", "fmprogramme", ""),
    ("input/fm_policytc", "fmpolicytc", ""),
    ("input/fm_profile", "fmprofile", ""),
    ("input/fm_xref", "fmxref", ""),
    ("input/occurrence", "occurrence", " -P50"),
    ("input/returnperiods", "returnperiod", ""),
    ("input/periods", "periods", ""),
    ("input/quantile", "quantile", ""),
    ("static/damage_bin_dict", "damagebin", " -N"),
    ("static/vulnerability", "vulnerability", " -d12 -N"),
    ("static/random", "rand", ""),
)


def stepped(items):
    """Groups of items, each with two steps of one of the step rules; above them one policy."""
    group_of = {item: (item - 1) % len(programmes.STEPS) + 1 for item in range(1, items + 1)}
    groups = range(1, len(programmes.STEPS) + 1)
    profiles = []
    for group, rule in zip(groups, programmes.STEPS):
        start = 5_000 if rule == 32 else 0  # an amount, as are the payouts of rule 31
        payouts = (4_000, 6_000) if rule == 31 else (0.1, 0.3)
        first = 28 if rule == 38 else rule  # which adds to what earlier steps pay
        profiles += [
            (group, first, 500, 0, 0, 0, 100_000, 0, 0, 0, 1, start, 0.25, payouts[0], 0.2, 2_000, 0.1, 0.5),
            (group, rule, 500, 0, 0, 0, 150_000, 0, 0, 0, 2, 0.01, 1, payouts[1], 0.4, 3_000, 0.2, 0.25),
        ]
    policy = len(groups) + 1
    profiles.append((policy, 2, 1_000, 0, 0, 2_000, 250_000, 0.75, 0, 0, 0, *[0] * 7))
    return programmes.Programme(
        programme=[(item, 1, group) for item, group in group_of.items()]
        + [(group, 2, 1) for group in groups],
        policytc=[(1, group, 1, group) for group in groups] + [(2, 1, 1, policy)],
        profiles=profiles,
        xref=[(item, item, 1) for item in group_of],
        stepped=True,
    )


def reinsurance(outputs):
    """Quota shares of two halves of the outputs, and an excess of loss above them."""
    half_of = {output: 1 + (output > outputs // 2) for output in range(1, outputs + 1)}
    return programmes.Programme(
        programme=[(output, 1, half) for output, half in half_of.items()] + [(1, 2, 1), (2, 2, 1)],
        policytc=[(1, 1, 1, 1), (1, 2, 1, 2), (2, 1, 1, 3)],
        profiles=[
            (1, 25, 0, 0, 0, 0, 0, 0.5, 1, 1),
            (2, 23, 0, 0, 0, 0, 40_000, 0, 0.8, 1),
            (3, 24, 0, 0, 0, 1_000, 60_000, 0.9, 1, 1),
        ],
        xref=[(output, output, 1) for output in half_of],
    )


def write_programmes(folder):
    """The two programmes for the items of the example in folder/items."""
    source = folder / "items" / "input"
    items, outputs = (
        (source / "items.bin").stat().st_size // 20,
        (source / "fm_xref.bin").stat().st_size // 12,
    )
    programmes.write(reinsurance(outputs), folder / "reinsurance")
    programmes.write(stepped(items), folder / "stepped")
    for name in ("items.bin", "coverages.bin"):
        shutil.copy(source / name, folder / "stepped")


def run_cases(folder, find, run):
    """Run every case below folder; yields (case, output bytes or None, what went wrong or "").

    find: tool name -> path of the program. run: (arguments, stdin bytes, cwd) -> (exit status, stdout,
    stderr).
    """
    from ktc.example import write_example

    for name, options in EXAMPLES.items():
        write_example(folder / name, **options)
        for work in "run", "all":
            (folder / name / "work" / work).mkdir(parents=True)
    write_programmes(folder)
    outputs = {}
    for case in cases():
        cwd = folder / case.example
        if case.stdin and case.stdin not in outputs and not (cwd / case.stdin).exists():
            yield case, None, f"its input {case.stdin} was not made"
            continue
        stdin = (
            outputs[case.stdin]
            if case.stdin in outputs
            else (cwd / case.stdin).read_bytes()
            if case.stdin
            else b""
        )
        tool, *flags = case.command.split()
        files = [cwd / f.replace("@", "output") for f in flags if "@" in f]
        status, stdout, stderr = run([find(tool)] + [f.replace("@", "output") for f in flags], stdin, cwd)
        output = next((f.read_bytes() for f in [*files, cwd / case.file] if f.is_file()), stdout)
        for file in files:
            file.unlink(missing_ok=True)
        if status:
            yield case, None, f"exit {status}: {stderr.strip()}"
            continue
        outputs[case.name] = output
        yield case, output, ""
