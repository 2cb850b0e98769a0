"""docs/financial-module.md says what is so, and the doubtful corners that docs/differences.md names are as it
says.

The csv blocks of the page are the tables of its worked example, the losses that go in, and what comes out;
its Python is run as it stands.
"""

import csv
import doctest
import io
import os
import re
import struct
import subprocess
from itertools import groupby
from pathlib import Path

import pytest
from support import programmes
from support.programmes import MEAN, NONE, TIV, Programme, decode, encode

import ktc
from ktc.errors import DataError, InputError

PAGE = (Path(__file__).parent.parent / "docs" / "financial-module.md").read_text()
BLOCKS = dict(re.findall(r"^`([^`]+)`[^\n]*\n\n```csv\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
TABLES = {name: text for name, text in BLOCKS.items() if name.endswith(".csv") and name != "gul.csv"}
RUNS = {name: text for name, text in BLOCKS.items() if name.startswith("fmcalc")}


def stream_of(text):
    """The loss stream of a csv."""
    rows = [
        (int(row[0]), int(row[1]), int(row[2]), float(row[3]))
        for row in list(csv.reader(io.StringIO(text)))[1:]
    ]
    packets = [(*key, [row[2:] for row in records]) for key, records in groupby(rows, lambda row: row[:2])]
    return encode(packets, max(row[2] for row in rows))


def csv_of(stream):
    out = io.BytesIO()
    ktc.fmtocsv(stream, out)
    return out.getvalue().decode()


@pytest.fixture
def example(tmp_path, monkeypatch):
    """A folder with the worked example, to work in: input/ and gul.bin."""
    (tmp_path / "input").mkdir()
    for name, text in TABLES.items():
        name = name.removesuffix(".csv")
        if name == "fm_xref_a0":  # the same columns, a file of its own
            ktc.tobin("fm_xref", text.encode(), tmp_path / "input" / "fm_xref_a0.bin")
        else:
            ktc.tobin(name, text.encode(), tmp_path / "input" / f"{name}.bin")
    (tmp_path / "gul.bin").write_bytes(stream_of(BLOCKS["gul.csv"]))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def options_of(run):
    """(keywords, arguments) of a heading such as `fmcalc -a2 -n`."""
    flags = run.split()[1:]
    names = {
        "-n": ("net", True),
        **{f"-a{rule}": ("alloc_rule", rule) for rule in range(4)},
        "-M1": ("max_level", 1),
    }
    return dict(names[flag] for flag in flags), flags


def test_the_page_has_its_example():
    assert set(TABLES) == {
        f"{name}.csv"
        for name in (
            "coverages",
            "items",
            "fm_programme",
            "fm_profile",
            "fm_policytc",
            "fm_xref",
            "fm_xref_a0",
        )
    }
    assert list(RUNS) == [
        "fmcalc -a0 -M1",
        "fmcalc -a0",
        "fmcalc -a1",
        "fmcalc -a2",
        "fmcalc -a2 -n",
        "fmcalc -a0 -n",
    ]


@pytest.mark.parametrize("run", RUNS)
def test_worked_example(example, run):
    if "-M1" in run:
        for name in ("fm_xref", "fm_xref_a0"):
            os.remove(f"input/{name}.bin")
    out = io.BytesIO()
    ktc.fmcalc("gul.bin", out, **options_of(run)[0])
    assert csv_of(out.getvalue()) == RUNS[run]


@pytest.mark.parametrize("run", RUNS)
def test_worked_example_with_ktools(oracle, example, run):
    if "-M1" in run:  # it needs numbers, of layer 2 too
        os.remove("input/fm_xref_a0.bin")
        ktc.tobin("fm_xref", b"output_id,agg_id,layer_id\n1,1,1\n2,2,1\n3,9,2\n", "input/fm_xref.bin")
    out = subprocess.run(
        [oracle("fmcalc"), *options_of(run)[1]],
        input=Path("gul.bin").read_bytes(),
        capture_output=True,
        check=True,
        timeout=60,
    ).stdout
    assert csv_of(out) == RUNS[run]


def test_python_of_the_page(example):
    session = "\n".join(re.findall(r"^```pycon\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
    test = doctest.DocTestParser().get_doctest(session, {}, "financial-module.md", None, 0)
    failures = io.StringIO()
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=failures.write)
    assert result.attempted > 10 and not result.failed, failures.getvalue()


@pytest.mark.posix
def test_inuring_chain_of_the_page(example, tool, run, monkeypatch):
    """The shell's line and the chain give the same."""
    for folder, terms in (
        ("RI_1", (25, *[0.0] * 5, 0.4, 1, 1)),
        ("RI_2", (24, 0, 0, 0, 50.0, 400.0, 1, 1, 1)),
    ):
        programmes.write(
            Programme(
                [(output, 1, 1) for output in range(1, 7)] + [(1, 2, 1)],
                [(1, 1, 1, 1), (2, 1, 1, 2)],
                [(1, 100, *[0.0] * 8), (2, *terms)],
                [(output, output, 1) for output in range(1, 7)],
            ),
            folder,
        )
    (chain,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (line,) = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    exec(compile(chain, "financial-module.md", "exec"), {})
    of_chain = Path("net.bin").read_bytes()
    os.remove("net.bin")
    path = f"{Path(tool('fmcalc')).parent}{os.pathsep}{os.environ['PATH']}"
    assert run(["bash", "-o", "pipefail", "-c", line], cwd=example, env={"PATH": path})[0] == 0
    assert Path("net.bin").read_bytes() == of_chain
    insured, after, left = (
        decode(Path(name).read_bytes())[2]["loss"].sum() for name in ("insured.bin", "after_1.bin", "net.bin")
    )
    assert insured > 0 and after == pytest.approx(0.6 * insured, rel=1e-4) and 0 < left < after


# docs/differences.md: what ktc does otherwise. Losses are of sample 1 unless it says more

NO_TERMS = (100, *[0.0] * 8)


def terms(rule, deductible1=0.0, deductible3=0.0, attachment=0.0, limit=0.0, share1=0.0):
    return rule, deductible1, 0.0, deductible3, attachment, limit, share1, 0.0, 0.0


def programme(levels, profiles, policytc, xref):
    """levels: for each one the aggregates of those below, which are 1, 2, ..."""
    return Programme(
        [(below, level, agg) for level, aggs in enumerate(levels, 1) for below, agg in enumerate(aggs, 1)],
        policytc,
        [(number, *profile) for number, profile in enumerate(profiles, 1)],
        xref,
    )


def five_off(**tables):
    """Items 1, 2 and 3; 1 and 2 are part of aggregate 1 of level 1, 3 of aggregate 2, and all of level 2: 5
    off."""
    made = programme(
        [(1, 1, 2), (1, 1)],
        [terms(12, 5.0)],
        [(1, 1, 1, 1), (1, 2, 1, 1), (2, 1, 1, 1)],
        [(item, item, 1) for item in (1, 2, 3)],
    )
    for name, rows in tables.items():
        setattr(made, name, rows)
    return made


def two_layers(**tables):
    made = programme(
        [(1, 1)],
        [terms(2, limit=10, share1=1), terms(2, attachment=10, limit=10, share1=1)],
        [(1, 1, 1, 1), (1, 1, 2, 2)],
        [(1, 1, 1), (2, 2, 1), (3, 1, 2), (4, 2, 2)],
    )
    for name, rows in tables.items():
        setattr(made, name, rows)
    return made


def packet(item, loss, event=1):
    return event, item, [(TIV, 500.0), (MEAN, loss), (1, loss)]


THREE = [packet(item, 30.0) for item in (1, 2, 3)]


def calculate(folder, losses, alloc_rule=1, **options):
    out = io.BytesIO()
    ktc.fmcalc(losses, out, input_path=folder, alloc_rule=alloc_rule, **options)
    return out.getvalue()


def paid(data, sidx=1):
    """{output: loss in a sample}, of the losses above 0."""
    return {
        int(row["id"]): float(row["loss"])
        for row in decode(data)[2]
        if row["sidx"] == sidx and row["loss"] > 0
    }


@pytest.mark.parametrize(
    "packets, left",
    [
        # the mean is 20 + 30, the sample 30 + 40, beside an item of 30
        (
            [
                (1, 1, [(TIV, 100.0), (TIV, 100.0), (MEAN, 20.0), (MEAN, 30.0), (1, 30.0), (1, 40.0)]),
                packet(2, 30.0),
            ],
            {MEAN: {1: 43.75, 2: 26.25}, 1: {1: 63.0, 2: 27.0}},
        ),
        ([(1, 1, [(MEAN, 30.0), (1, 30.0)]), packet(2, 30.0)], {TIV: {2: 490.0}, 1: {1: 25.0, 2: 25.0}}),
        (
            [(1, 1, [(MEAN, 30.0), (1, 30.0), (TIV, 500.0)]), packet(2, 30.0)],
            {TIV: {1: 495.0, 2: 495.0}, 1: {1: 25.0, 2: 25.0}},
        ),
        (
            [(1, 1, [(TIV, 500.0), (MEAN, -50.0), (1, -20.0)]), packet(2, 30.0)],
            {MEAN: {2: 20.0}, 1: {2: 20.0}},
        ),
    ],
)
def test_records_in_any_number_and_order(tmp_path, packets, left):
    folder = programmes.write(five_off(), tmp_path)
    out = calculate(folder, encode(packets, 1))
    for sidx, losses in left.items():
        assert paid(out, sidx) == pytest.approx(losses)


def test_an_event_of_minus_one(tmp_path):
    out = calculate(
        programmes.write(five_off(), tmp_path), encode([packet(1, 30.0, -1), packet(2, 30.0, 2)], 1)
    )
    assert {(int(row["event"]), int(row["id"])) for row in decode(out)[2]} == {(-1, 1), (2, 2)}


def test_no_samples(tmp_path):
    """gulcalc without -S says sample size -1."""
    out = calculate(
        programmes.write(five_off(), tmp_path), encode([(1, 1, [(TIV, 500.0), (MEAN, 30.0)])], -1)
    )
    assert decode(out)[1] == -1 and paid(out, MEAN) == {1: 20.0}


@pytest.mark.parametrize(
    "losses, message",
    [
        (
            encode([(1, 1, [(TIV, 500.0), (MEAN, float("nan"))])], 1),
            "event 1, item 1, sidx -1: a loss of nan",
        ),
        (
            encode([(1, 1, [(TIV, 500.0), (MEAN, float("inf"))])], 1),
            "event 1, item 1, sidx -1: a loss of inf",
        ),
        (encode(THREE, -2), "the sample size is -2"),
        (encode(THREE, 1, 0x02000000), "first word 0x02000000"),
        (
            struct.pack("<Iii", 0x03000001, 1, 1) + struct.pack("<iif", 1, 1, 500.0) + bytes(8),
            "this is a summary stream",
        ),
    ],
)
def test_losses_that_are_none(tmp_path, losses, message):
    with pytest.raises(DataError, match=message):
        calculate(programmes.write(five_off(), tmp_path), losses)


@pytest.mark.parametrize(
    "made, message",
    [
        (two_layers(xref=[(1, 1, 3), (2, 2, 3)]), "no output ids of a layer of the programme"),
        (
            two_layers(xref=[(0, 1, 1), (2, 2, 1), (3, 1, 2)]),
            "output 0 is layer 1 of 1: expected ids of 1 or more",
        ),
        (
            two_layers(xref=[(1, -1, 1), (2, 2, 1), (3, 1, 2)]),
            "output 1 is layer 1 of -1: expected ids of 1 or more",
        ),
        (two_layers(policytc=[(1, 1, 0, 1)]), "layer 0 of aggregate 1 of level 1: expected ids of 1 or more"),
        (two_layers(policytc=[(1, 1, 40000, 1)]), "32767 layers at most"),
        (two_layers(policytc=[(1, 1, 1, -4)]), "profile -4 of aggregate 1 of level 1, layer 1, is not in"),
        (
            two_layers(programme=[(1, 1, 1), (2, 1, 1), (2, 1, 2)]),
            "item 2 is part of aggregate 2 of level 1, but of aggregate 1",
        ),
        (five_off(tiv=[1000.0], coverage=[1, 1]), "item 3 is not in .*items.bin"),
        (five_off(tiv=[1000.0], coverage=[1, 1, 2]), "item 3 is part of coverage 2, expected 1 to 1"),
        # ktools pads the last level up to the highest aggregate that has terms
        (
            programme([(1, 2)], [NO_TERMS], [(1, 1, 1, 1)], [(1, 1, 1), (2, 2, 1)]),
            "aggregate 2 of level 1 has no terms",
        ),
    ],
)
def test_tables_that_are_refused(tmp_path, made, message):
    with pytest.raises(DataError, match=message):
        calculate(programmes.write(made, tmp_path), encode(THREE[:2], 1))


def test_a_programme_without_fm_xref(tmp_path):
    """Outputs are items or aggregates in one layer; several layers must be numbered."""
    folder = programmes.write(five_off(), tmp_path / "one")
    os.remove(folder / "fm_xref.bin")
    assert paid(calculate(folder, encode(THREE, 1))) == {1: 25.0, 2: 25.0, 3: 25.0}
    assert paid(calculate(folder, encode(THREE, 1), 0)) == {1: 75.0}
    folder = programmes.write(two_layers(), tmp_path / "two")
    os.remove(folder / "fm_xref.bin")
    with pytest.raises(DataError, match="the programme has 2 layers: fm_xref must number their outputs"):
        calculate(folder, encode(THREE[:2], 1))
    os.remove(folder / "fm_policytc.bin")
    with pytest.raises(InputError, match="fm_policytc.bin: cannot read"):
        calculate(folder, encode(THREE[:2], 1))


@pytest.mark.parametrize(
    "layers, second", [((2, 1, 1), [1]), ((2, 1, 2), [1, 3]), ((1, 2, 2), [2, 3]), ((1, 1, 2), [3])]
)
def test_different_numbers_of_layers_below_the_last_level(tmp_path, layers, second):
    """Layer 2 is of the aggregates that have one, each with its own loss."""
    made = programme(
        [(1, 2, 3), (1, 1, 1)],
        [NO_TERMS],
        [(1, agg, layer, 1) for agg, n in enumerate(layers, 1) for layer in range(1, n + 1)]
        + [(2, 1, 1, 1), (2, 1, 2, 1)],
        [(10 * layer + item, item, layer) for layer in (1, 2) for item in (1, 2, 3)],
    )
    folder = programmes.write(made, tmp_path)
    losses = encode([packet(item, 100.0 * item) for item in (1, 2, 3)], 1)
    assert paid(calculate(folder, losses, 2)) == pytest.approx(
        {11: 100, 12: 200, 13: 300, **{20 + item: 100 * item for item in second}}
    )

    # deductibles of 1, 10 and 100
    made.profiles = [
        (agg, *terms(12, deductible)) for agg, deductible in ((1, 1.0), (2, 10.0), (3, 100.0))
    ] + [(4, *NO_TERMS)]
    made.policytc = [(level, agg, layer, agg if level == 1 else 4) for level, agg, layer, _ in made.policytc]
    made.xref = [(1, 1, 1), (2, 1, 2)]
    folder = programmes.write(made, tmp_path / "by_aggregate")
    assert paid(calculate(folder, losses, 0)) == {1: 489, 2: sum((99, 190, 200)[item - 1] for item in second)}


# docs/differences.md: what is kept

LOSSES_50 = [packet(1, 50.0), packet(2, 50.0)]
BY_LAYER = [(1, 1, 1), (2, 2, 1), (3, 1, 2), (4, 2, 2)]
FIRST_PAYS_NOTHING = programme(
    [(1, 1), (1,)], [NO_TERMS, terms(12, NONE)], [(1, 1, 1, 1), (2, 1, 1, 2), (2, 1, 2, 1)], BY_LAYER
)
REVIVED = programme(
    [(1, 2, 2, 3), (1, 1, 2)],
    [terms(12, 100.0), terms(10, deductible3=20.0)],
    [*((1, agg, 1, 1) for agg in (1, 2, 3)), (2, 1, 1, 2), (2, 2, 1, 2)],
    [(item, item, 1) for item in (1, 2, 3, 4)],
)
REVIVED_LOSSES = [packet(1, 50.0), packet(2, 30.0), packet(3, 10.0), packet(4, 50.0)]
NOTHING_RETAINED = programme(
    [(1, 2), (1, 2)],
    [terms(1, 1e6), NO_TERMS],
    [(1, 1, 1, 2), (1, 2, 1, 2), (2, 1, 1, 1), (2, 1, 2, 2), (2, 2, 1, 2), (2, 2, 2, 2)],
    BY_LAYER,
)
RAGGED = programme(
    [(1, 2)],
    [terms(2, limit=10, share1=1), terms(2, attachment=10, limit=10, share1=1)],
    [(1, 1, 1, 1), (1, 1, 2, 2), (1, 2, 1, 1)],
    BY_LAYER,
)
UNEVEN = programme(
    [(1, 2), (1, 1)],
    [terms(12, 10.0), terms(12), terms(14, limit=60.0)],
    [(1, 1, 1, 1), (1, 2, 1, 2), (2, 1, 1, 3)],
    BY_LAYER[:2],
)
RULE_1 = programme(
    [(1, 1), (1,)], [terms(1, 10.0, limit=60.0), NO_TERMS], [(1, 1, 1, 1), (2, 1, 1, 2)], BY_LAYER[:2]
)
MORE_BELOW = programme(
    [(1,), (1,)], [NO_TERMS], [(1, 1, 1, 1), (1, 1, 2, 1), (2, 1, 1, 1)], [(1, 1, 1), (2, 1, 2)]
)


def under_a_maximum(*lower):
    return programme(
        [(1,), (1,)], [terms(*lower), terms(10, deductible3=5.0)], [(1, 1, 1, 1), (2, 1, 1, 2)], [(1, 1, 1)]
    )


def by_aggregate(made, outputs):
    return Programme(made.programme, made.policytc, made.profiles, outputs)


KEPT = {
    "nothing in the first layer": (
        FIRST_PAYS_NOTHING,
        [packet(1, 10.0), packet(2, 30.0)],
        {"-a1": {3: 10, 4: 30}, "-a2": {}, "-a2 -o": {}, "-a3": {}, "-a2 -n": {3: 10, 4: 30}},
    ),
    "nothing in the first layer, by aggregate": (
        by_aggregate(FIRST_PAYS_NOTHING, [(1, 1, 1), (2, 1, 2)]),
        [packet(1, 10.0), packet(2, 30.0)],
        {"-a0": {2: 40}},
    ),
    "revived": (
        REVIVED,
        REVIVED_LOSSES,
        {
            "-a1": {1: 70 * 50 / 90, 2: 70 * 30 / 90, 3: 70 * 10 / 90, 4: 30},
            "-a2": {1: 70, 4: 22.5},
            "-a3": {1: 70, 4: 22.5},
        },
    ),
    "revived, by aggregate": (by_aggregate(REVIVED, BY_LAYER[:2]), REVIVED_LOSSES, {"-a0": {1: 70, 2: 30}}),
    "nothing retained": (
        NOTHING_RETAINED,
        LOSSES_50,
        {
            "-a1": {2: 50, 3: 50, 4: 50},
            "-a2": {2: 50, 4: 50},
            "-a2 -o": {2: 50, 3: 50, 4: 50},
            "-a3": {2: 50, 3: 50, 4: 50},
            "-a2 -n": {3: 50},
        },
    ),
    "ragged": (
        RAGGED,
        LOSSES_50,
        {"-a1": {1: 10, 2: 10, 3: 10, 4: 50}, "-a1 -n": {3: 30}, "-a2 -n": {3: 30}, "-a0 -n": {3: 30}},
    ),
    "uneven": (
        UNEVEN,
        LOSSES_50,
        {
            "-a1": {1: 30, 2: 30},
            "-a2": {1: 60 * 4 / 9, 2: 60 * 5 / 9},
            "-a1 -n": {1: 20, 2: 20},
            "-a2 -n": {1: 50 - 60 * 4 / 9, 2: 50 - 60 * 5 / 9},
        },
    ),
    "rule 1": (RULE_1, LOSSES_50, {"-a1": {1: 30, 2: 30}, "-a1 -n": {}, "-a2 -n": {1: 20, 2: 20}}),
    "rule 1, by aggregate": (by_aggregate(RULE_1, [(1, 1, 1)]), LOSSES_50, {"-a0 -n": {}}),
    # 100 less 20, cut to 50; the maximum of 5 gives 15 back
    "limit": (under_a_maximum(1, 20.0, 0, 0, 50.0), [packet(1, 100.0)], {"-a1": {1: 50}}),
    "limit as a ratio": (under_a_maximum(5, 0.2, 0, 0, 0.5), [packet(1, 100.0)], {"-a1": {1: 0.5}}),
    "more layers below": (
        MORE_BELOW,
        [packet(1, 50.0)],
        {"-a1": {1: 50}, "-a0 -n": {}, "-a1 -n": {}, "-a2 -n": {}},
    ),
    "a layer that fm_xref does not name": (
        two_layers(xref=[(1, 1, 2), (2, 2, 2)]),
        LOSSES_50,
        {"-a1": {1: 5, 2: 5}, "-a2": {1: 5, 2: 5}, "-a2 -n": {1: 40, 2: 40}},
    ),
    "an aggregate of the last level without terms": (
        programme([(1, 2)], [terms(12, 5.0)], [(1, 2, 1, 1)], BY_LAYER[:2]),
        LOSSES_50,
        {"-a1": {1: 50, 2: 45}, "-a2": {1: 50, 2: 45}, "-a1 -n": {2: 5}},
    ),
    "two profiles for a layer": (
        two_layers(policytc=[(1, 1, 1, 1), (1, 1, 2, 2), (1, 1, 1, 2)]),
        LOSSES_50,
        {"-a1": {1: 5, 2: 5, 3: 5, 4: 5}},
    ),
    "no record in fm_xref": (
        two_layers(xref=[(1, 1, 1), (2, 2, 1), (3, 1, 2)]),
        LOSSES_50,
        {"-a1": {1: 5, 2: 5, 3: 5}},
    ),
}


@pytest.mark.parametrize("case", KEPT)
def test_kept(tmp_path, case):
    made, packets, runs = KEPT[case]
    folder = programmes.write(made, tmp_path)
    for run, expected in runs.items():
        options = options_of(f"fmcalc {run.replace(' -o', '')}")[0]
        assert paid(
            calculate(folder, encode(packets, 1), full_shares="-o" in run, **options)
        ) == pytest.approx(expected), run


@pytest.mark.parametrize("case", KEPT)
def test_kept_as_ktools_has_it(oracle, tmp_path, case):
    made, packets, runs = KEPT[case]
    folder, losses = programmes.write(made, tmp_path), encode(packets, 1)
    for run in runs:
        theirs = subprocess.run(
            [oracle("fmcalc"), *run.split(), "-p", folder],
            input=losses,
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
        options = options_of(f"fmcalc {run.replace(' -o', '')}")[0]
        assert calculate(folder, losses, full_shares="-o" in run, **options) == theirs, run


def test_the_mean_has_shares_where_samples_and_the_tiv_have_none(tmp_path):
    out = calculate(programmes.write(NOTHING_RETAINED, tmp_path), encode(LOSSES_50, 1), 2)
    assert [paid(out, sidx).get(3, 0) for sidx in (TIV, MEAN, 1)] == [0, 50, 0]


@pytest.mark.posix
def test_insured_and_reinsured_losses_of_the_guide(tmp_path, tool, run):
    """Its shell lines, on the example model with a quota share behind its programme."""
    guide = (Path(__file__).parent.parent / "docs" / "guide.md").read_text()
    (lines,) = (
        block
        for block in re.findall(r"^<!-- not run -->\n```sh\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
        if "RI_1" in block
    )
    ktc.write_example(tmp_path, events=20, locations=10)
    outputs = ktc.read_table("fm_xref", tmp_path / "input" / "fm_xref.bin")["output_id"].tolist()
    programmes.write(
        Programme(
            [(output, 1, 1) for output in outputs],
            [(1, 1, 1, 1)],
            [(1, 25, *[0.0] * 5, 0.4, 1, 1)],
            [(output, output, 1) for output in outputs],
        ),
        tmp_path / "RI_1",
    )
    path = f"{Path(tool('fmcalc')).parent}{os.pathsep}{os.environ['PATH']}"
    status, _, err = run(["bash", "-euo", "pipefail", "-c", lines], cwd=tmp_path, env={"PATH": path})
    assert (status, err) == (0, "")
    insured, net = (
        decode((tmp_path / name).read_bytes())[2]["loss"].sum(dtype=float)
        for name in ("insured.bin", "net.bin")
    )
    assert insured > 0 and net == pytest.approx(0.6 * insured, rel=1e-5)
    assert (tmp_path / "insured_elt.csv").read_text().count("\n") > 10
