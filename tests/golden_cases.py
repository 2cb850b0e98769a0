"""The golden cases: commands that ktools 3.12.4 and ktc both run on the example model, to the same bytes.

tests/make_golden.py runs them with the oracle and keeps the outputs in tests/golden/; tests/test_golden.py runs them
with ktc.
"""
from typing import NamedTuple

SMALL = dict(seed=7, events=20, locations=8, grid=6, damage_bins=12, intensity_bins=10, periods=50, random_numbers=500)

# The example folders that the cases run in: write_example's options.
EXAMPLES = {
    "items": {**SMALL, "weighted_periods": True},
    "coverages": {**SMALL, "summaries": "coverage"},
    "certain": {**SMALL, "uncertainty": False},
    "compressed": {**SMALL, "compress": True},
}

# An output longer than this, or equal to one that is kept already, is kept as its SHA-256 in tests/golden/sha256.
LONGEST = 16_000


class Case(NamedTuple):
    """name: the output's file. command: tool and flags. stdin: an earlier case's name, or a file of the example folder.

    The command runs in the example folder; its standard output is the output, or the file that takes the place of `@`.
    """

    name: str
    command: str
    stdin: str = ""
    example: str = "items"


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
    yield Case("cdf.csv", "cdftocsv", "cdf.bin")
    yield Case("gul-a1.csv", "gultocsv", "gul-a1.bin")
    yield Case("gul-a1-full.csv", "gultocsv -f", "gul-a1.bin")
    yield Case("gul-coverage.csv", "gultocsv", "gul-coverage.bin")
    yield Case("summary2.csv", "summarycalctocsv", "summary2.bin")
    yield Case("summary2-full.csv", "summarycalctocsv -f", "summary2.bin")
    yield Case("selt2.csv", "summarycalctocsv -o", "summary2.bin")
    for file, tool, back in TABLES:
        csv = f"{file.split('/')[-1]}.csv"
        yield Case(csv, f"{tool}tocsv{' -r' if tool == 'rand' else ''}", f"{file}.bin")
        yield Case(f"{csv}.bin", f"{tool}tobin{back}", csv)
    yield Case("footprint.csv", "footprinttocsv -b static/footprint.bin -x static/footprint.idx")
    yield Case("footprint.csv.bin", "footprinttobin -i10 -b @ -x index.tmp", "footprint.csv")
    yield Case("footprint.csv.idx", "footprinttobin -i10 -b data.tmp -x @", "footprint.csv")


TABLES = (
    ("input/events", "eve", ""), ("input/items", "item", ""), ("input/coverages", "coverage", ""),
    ("input/gulsummaryxref", "gulsummaryxref", ""), ("input/fmsummaryxref", "fmsummaryxref", ""),
    ("input/fm_programme", "fmprogramme", ""), ("input/fm_policytc", "fmpolicytc", ""),
    ("input/fm_profile", "fmprofile", ""), ("input/fm_xref", "fmxref", ""),
    ("input/occurrence", "occurrence", " -P50"), ("input/returnperiods", "returnperiod", ""),
    ("input/periods", "periods", ""), ("input/quantile", "quantile", ""),
    ("static/damage_bin_dict", "damagebin", " -N"), ("static/vulnerability", "vulnerability", " -d12 -N"),
    ("static/random", "rand", ""),
)


def run_cases(folder, find, run):
    """Run every case below folder; yields (case, output bytes or None, what went wrong or "").

    find: tool name -> path of the program. run: (arguments, stdin bytes, cwd) -> (exit status, stdout, stderr).
    """
    from ktc.example import write_example

    for name, options in EXAMPLES.items():
        write_example(folder / name, **options)
    outputs = {}
    for case in cases():
        cwd = folder / case.example
        if case.stdin and case.stdin not in outputs and not (cwd / case.stdin).exists():
            yield case, None, f"its input {case.stdin} was not made"
            continue
        stdin = outputs[case.stdin] if case.stdin in outputs else (cwd / case.stdin).read_bytes() if case.stdin else b""
        tool, *flags = case.command.split()
        file = cwd / "output"
        status, stdout, stderr = run([find(tool)] + [str(file) if f == "@" else f for f in flags], stdin, cwd)
        output = file.read_bytes() if "@" in flags and file.exists() else stdout
        file.unlink(missing_ok=True)
        if status:
            yield case, None, f"exit {status}: {stderr.strip()}"
            continue
        outputs[case.name] = output
        yield case, output, ""
