"""docs/output-calculations.md says what is so.

The csv blocks of the page are the tables and losses of its worked example and what comes out of them. Here
that is worked out again by plain arithmetic, from the definitions that the page gives, and compared with the
page, with ktc and with the oracle. The page's Python is run as it stands.
"""

import csv
import io
import math
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

import numpy
import pytest
from support import doubles, summaries

import ktc
from ktc.errors import DataError, UsageError
from ktc.schemas import REPORTS, TOOLS
from ktc.schemas.tools import OUTPUT

PAGE = (Path(__file__).parent.parent / "docs" / "output-calculations.md").read_text()
BLOCKS = dict(re.findall(r"^`([^`]+)`[^\n]*\n\n```csv\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
MEAN, MAX_LOSS = -1, -5
PERIODS, SAMPLES = 5, 4


def rows_of(text):
    """The rows of a csv with a header: dictionaries of text."""
    return list(csv.DictReader(io.StringIO(text)))


def table_below(text):
    """The first table of the page below a text: its cells by row, the header with them."""
    lines = PAGE[PAGE.index(text) :].splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("|"))
    table = []
    for line in lines[first:]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split("|")])
    return [table[0], *table[2:]]


def short(number, decimals):
    """A number as the page writes it."""
    return f"{float(number):.{decimals}f}".rstrip("0").rstrip(".")


# The example: losses[event][sidx], and in which periods an event occurs

LOSSES = {
    int(event): {int(row["sidx"]): float(row["loss"]) for row in rows}
    for event, rows in groupby(rows_of(BLOCKS["losses.csv"]), lambda row: row["event_id"])
}
OCCURRENCES = [(int(row["event_id"]), int(row["period_no"])) for row in rows_of(BLOCKS["occurrence.csv"])]
RETURN_PERIODS, QUANTILES, WEIGHTS, ENSEMBLES = (
    [tuple(float(cell) for cell in each.split()) for each in cells.split(", ")]
    for _, cells in table_below("| Table | Rows")[1:]
)
RETURN_PERIODS, QUANTILES = [int(each) for (each,) in RETURN_PERIODS], [each for (each,) in QUANTILES]
WEIGHTS, ENSEMBLES = (
    {int(period): weight for period, weight in WEIGHTS},
    [tuple(map(int, pair)) for pair in ENSEMBLES],
)
EXPOSURE = 1000.0


def write(folder, zeros=(), **tables):
    """A run of the example in a folder, which it gives."""
    folder.mkdir()
    summaries.write_tables(
        folder, occurrences=[], periods=1, quantiles=QUANTILES, **{"return_periods": RETURN_PERIODS, **tables}
    )
    ktc.tobin(
        "occurrence", BLOCKS["occurrence.csv"].encode(), folder / "input" / "occurrence.bin", periods=PERIODS
    )
    packets = [(event, 1, EXPOSURE, [*losses.items(), *zeros]) for event, losses in LOSSES.items()]
    summaries.write_work(folder, [summaries.stream(SAMPLES, packets)])
    return folder


STREAM = Path("work", "run", "summary_P1.bin")


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    return write(tmp_path_factory.mktemp("plain") / "run")


@pytest.fixture(scope="module")
def weighted(tmp_path_factory):
    return write(tmp_path_factory.mktemp("weighted") / "run", weights=WEIGHTS)


@pytest.fixture(scope="module")
def grouped(tmp_path_factory):
    return write(tmp_path_factory.mktemp("ensembles") / "run", ensemble=ENSEMBLES)


def text_of(function, *args, **options):
    """What a function writes as csv to its target."""
    out = io.BytesIO()
    function(*args, target=out, **options)
    return out.getvalue().decode()


def test_the_losses_and_tables_of_the_page(example):
    assert (
        text_of(ktc.summarycalctocsv, example / STREAM, exposure=True, max_loss=True) == BLOCKS["losses.csv"]
    )
    out = io.BytesIO()
    ktc.tocsv("occurrence", example / "input" / "occurrence.bin", out)
    assert out.getvalue().decode() == BLOCKS["occurrence.csv"]


# 1. The table of reports


def test_every_report_and_flag_is_named():
    head, *rows = table_below("## What there is")
    assert head == ["Report", "Script", "csv", "parquet", "In Python"]
    named, flags = set(), {}
    import ktc.chain

    for report, script, *forms, python in rows:
        names = re.findall(r"`(\w+)`", report)
        named |= set(names)
        (script,) = re.findall(r"`(\w+)`", script)
        for cell in forms:
            for letters in re.findall(r"`-(\w+)", cell):
                flags.setdefault(script, set()).update(f"-{letter}" for letter in letters)
        for first, rest in re.findall(r"`(\w+)((?:\.\w+)?)\(", python):
            found = getattr(ktc, first, None) or getattr(ktc.chain, first)
            assert not rest or hasattr(found, rest[1:]), (first, rest)
    assert named == set(REPORTS)
    assert set(flags) == {
        name
        for name, tool in TOOLS.items()
        if tool.group == OUTPUT and name != "katparquet" and name not in ("kat", "summaryindex")
    } | {"summarycalctocsv"}
    for name, there in flags.items():
        known = {option.flag for option in TOOLS[name].options}
        assert there <= known, name
        # whatever names an output is in the table
        outputs = {
            option.flag
            for option in TOOLS[name].options
            if option.metavar == "FILE" or option.dest in ("ord", "exposure", "curves")
        }
        assert outputs <= there, name
    for each in ("kat", "katparquet", "summaryindex"):
        assert f"`{each}" in PAGE


def test_the_flags_of_curves():
    head, *rows = table_below("| Curve | `EPCalc`")
    assert head == ["Curve", "`EPCalc`", "AEP", "OEP", "In Python"]
    for tool in ("leccalc", "ordleccalc"):
        of = {
            option.flag: option.const
            for option in TOOLS[tool].options
            if option.dest in ("outputs", "curves")
        }
        named = {}
        for _, _, aep, oep, name in rows[1:]:
            named[aep.strip("`")], named[oep.strip("`")] = f"aep_{name.strip('`')}", f"oep_{name.strip('`')}"
        assert named == of


# 2. Events and periods


def samples_of(event):
    return [LOSSES[event].get(sidx, 0.0) for sidx in range(1, SAMPLES + 1)]


def quantile_of(losses, q):
    losses, place = sorted(losses), (len(losses) - 1) * q
    low = math.floor(place)
    return losses[low] + (place - low) * (losses[min(low + 1, len(losses) - 1)] - losses[low])


def moments_of(event):
    """MELT's columns of both types, from EventRate on."""
    rate = sum(e == event for e, _ in OCCURRENCES) / PERIODS
    losses, largest = samples_of(event), LOSSES[event][MAX_LOSS]
    mean, n = sum(losses) / SAMPLES, sum(loss > 0 for loss in losses)
    sd = math.sqrt((sum(x * x for x in losses) - sum(losses) ** 2 / SAMPLES) / (SAMPLES - 1))
    return [
        [rate, 0, LOSSES[event][MEAN], 0, largest, EXPOSURE, EXPOSURE, EXPOSURE],
        [rate, n / SAMPLES, mean, sd, largest, EXPOSURE, EXPOSURE * n / SAMPLES, EXPOSURE],
    ]


def test_moments(example):
    rows = rows_of(
        text_of(lambda source, target: ktc.eltcalc(source, moment=target, root=example), example / STREAM)
    )
    expected = [
        [event, 1, type, *values] for event in LOSSES for type, values in enumerate(moments_of(event), 1)
    ]
    found = [[float(cell) for cell in row.values()] for row in rows]
    assert found == [pytest.approx(row, abs=2e-6) for row in expected]
    head, *page = table_below("### Moments")
    assert [row[0].strip("`") for row in [head, *page]] == list(rows[0])
    for name, *cells in [head, *page]:
        assert cells == [short(row[name.strip("`")], 6) for row in rows]
    legacy = rows_of(text_of(ktc.eltcalc, example / STREAM, root=example))
    assert [(row["mean"], row["standard_deviation"]) for row in legacy] == [
        (row["MeanLoss"], row["SDLoss"]) for row in rows
    ]


def test_quantiles(example):
    text = text_of(
        lambda source, target: ktc.eltcalc(source, quantile=target, root=example), example / STREAM
    )
    assert text == BLOCKS["eltcalc -Q"]
    for row in rows_of(text):
        assert float(row["Loss"]) == pytest.approx(
            quantile_of(samples_of(int(row["EventId"])), float(row["Quantile"]))
        )


def test_small_deviations(tmp_path):
    """Samples that differ in the last digit of a float, or not at all."""
    for losses, sd in (
        ([1e6, 1e6 + 0.0625], 0.0625 / 2**0.5),
        ([1e6, 1e6], 0.0),
        ([1000.0, 1100.0], 5000**0.5),
    ):
        data = summaries.stream(2, [(1, 1, 5.0, [(-1, 1.0), (1, losses[0]), (2, losses[1])])])
        found = float(rows_of(text_of(ktc.eltcalc, data))[1]["standard_deviation"])
        assert found == pytest.approx(sd, rel=1e-3)


def test_summaries_without_exposure(example):
    """eltcalc leaves those out that have no loss either, pltcalc does not."""
    data = summaries.stream(1, [(1, 1, 0.0, [(-1, 0.0), (1, 0.0)]), (1, 2, 0.0, [(-1, 1.0), (1, 3.0)])])
    assert [row["summary_id"] for row in rows_of(text_of(ktc.eltcalc, data))] == ["2", "2"]
    assert len(rows_of(text_of(ktc.pltcalc, data, root=example))) == 4


def test_one_sample_and_the_chance_of_loss(example):
    data = summaries.stream(1, [(1, 1, 9.0, [(-1, 1.0), (1, 3.0)])])
    of_events = rows_of(
        text_of(lambda source, target: ktc.eltcalc(source, moment=target, root=example), data)
    )
    of_periods = rows_of(
        text_of(lambda source, target: ktc.pltcalc(source, moment=target, root=example), data)
    )
    assert [float(row["ChanceOfLoss"]) for row in of_events if row["SampleType"] == "2"] == [0]
    assert {float(row["ChanceOfLoss"]) for row in of_periods if row["SampleType"] == "2"} == {1}


def test_rows_by_occurrence(example, weighted):
    text = text_of(lambda source, target: ktc.pltcalc(source, sample=target, root=example), example / STREAM)
    assert text.startswith(BLOCKS["pltcalc -S"]) and BLOCKS["pltcalc -S"].count("\n") == 5
    rows = rows_of(text)
    dates = {
        (row["event_id"], row["period_no"]): (row["occ_year"], row["occ_month"], row["occ_day"])
        for row in rows_of(BLOCKS["occurrence.csv"])
    }
    expected = [
        (event, period, sidx, loss)
        for event in LOSSES
        for sidx, loss in LOSSES[event].items()
        if sidx >= MEAN
        for e, period in OCCURRENCES
        if e == event
    ]
    assert [
        (*(int(row[name]) for name in ("EventId", "Period", "SampleId")), float(row["Loss"])) for row in rows
    ] == expected
    for row in rows:
        assert dates[row["EventId"], row["Period"]] == (row["Year"], row["Month"], row["Day"])
        assert float(row["PeriodWeight"]) == 1 / PERIODS and float(row["ImpactedExposure"]) == EXPOSURE
    rows = rows_of(
        text_of(lambda source, target: ktc.pltcalc(source, sample=target, root=weighted), weighted / STREAM)
    )
    assert {int(row["Period"]): float(row["PeriodWeight"]) for row in rows} == {
        p: WEIGHTS[p] for _, p in OCCURRENCES
    }


def test_event_rates_of_a_csv(tmp_path):
    folder = write(tmp_path / "run", event_rates={1: 0.125, 2: 0.5})
    rows = rows_of(
        text_of(lambda source, target: ktc.eltcalc(source, moment=target, root=folder), folder / STREAM)
    )
    assert [(row["EventId"], float(row["EventRate"])) for row in rows[::2]] == [("1", 0.125), ("2", 0.5)]


@pytest.mark.parametrize("date, day", [((0, 3, 1), 0), ((2000, 3, 1), 730485), ((2024, 2, 29), 739250)])
def test_day_numbers(tmp_path, date, day):
    out = io.BytesIO()
    date = ",".join(map(str, date))
    ktc.tobin(
        "occurrence", f"event_id,period_no,occ_year,occ_month,occ_day\n1,1,{date}\n".encode(), out, periods=1
    )
    assert numpy.frombuffer(out.getvalue(), "<i4").tolist() == [1, 1, 1, 1, day]


@pytest.mark.parametrize("options, number", [(0, 739250), (1, 739250), (3, 739250 * 1440 + 12 * 60 + 30)])
def test_dates(tmp_path, options, number):
    summaries.write_tables(tmp_path, occurrences=[(1, 1, number)], periods=1, date_options=options)
    data = summaries.stream(1, [(1, 1, 1.0, [(-1, 1.0)])])
    (row,) = rows_of(text_of(lambda source, target: ktc.pltcalc(source, sample=target, root=tmp_path), data))
    time = ["12", "30"] if options == 3 else ["0", "0"]
    assert [row[name] for name in ("Year", "Month", "Day", "Hour", "Minute")] == ["2024", "2", "29", *time]
    (row,) = rows_of(text_of(ktc.pltcalc, data, root=tmp_path))
    assert row.get("occ_date_id", row.get("occ_year")) == ("2024" if options else str(number))


def test_what_has_no_row_in_period_tables(example, tmp_path):
    """Moments of 0, and events that do not occur; a period that periods.bin lacks weighs 0."""
    data = summaries.stream(
        2,
        [
            (1, 1, 1.0, [(-1, 0.0), (1, 2.0)]),
            (2, 1, 1.0, [(-1, 5.0), (1, 0.0)]),
            (3, 1, 1.0, [(-1, 5.0), (1, 2.0)]),
        ],
    )
    rows = rows_of(text_of(lambda source, target: ktc.pltcalc(source, moment=target, root=example), data))
    assert {(row["EventId"], row["SampleType"]) for row in rows} == {("1", "2"), ("2", "1")}
    folder = write(tmp_path / "run", weights={5: 0.5})
    rows = rows_of(text_of(lambda source, target: ktc.pltcalc(source, moment=target, root=folder), data))
    assert {(row["Period"], float(row["PeriodWeight"])) for row in rows} == {("2", 0), ("4", 0), ("5", 0.5)}


# 3. Curves


def annual_losses(combine):
    """{period: {sidx: its largest loss, or their sum}}, of the mean and the samples."""
    found = {}
    for event, period in sorted(OCCURRENCES):
        for sidx, loss in LOSSES[event].items():
            if sidx >= MEAN:
                row = found.setdefault(period, {})
                row[sidx] = combine((row.get(sidx, 0), loss))
    return dict(sorted(found.items()))


OEP, AEP = annual_losses(max), annual_losses(sum)
ALL = range(1, SAMPLES + 1)


def points(pairs, each, periods=PERIODS):
    """A curve of (loss, period) pairs: [(return period, loss)]. each: what a loss weighs by its period, or
    None."""
    pairs, total, found = sorted(pairs, key=lambda pair: -pair[0]), 0.0, []
    for i, (loss, period) in enumerate(pairs, 1):
        total += each(period) if each else 0
        found.append((1 / total if each else periods / i, loss))
    return found


def curve(losses, calculation, weights=None, samples=ALL):
    """The curve of one EPCalc (a sample's: minus its sidx) as points. samples: of an ensemble."""
    each = weights.get if weights else None
    if calculation == 1:
        return points([(row[MEAN], period) for period, row in losses.items()], each)
    if calculation < 0:
        return points(
            [(row[-calculation], period) for period, row in losses.items() if -calculation in row], each
        )
    if calculation == 2:
        share = (lambda period: weights[period] / SAMPLES) if weights else None
        pairs = [
            (loss, period) for period, row in losses.items() for sidx, loss in row.items() if sidx in samples
        ]
        return points(pairs, share, PERIODS * len(samples))
    if calculation == 4:
        return points(
            [
                (sum(row.get(sidx, 0) for sidx in samples) / len(samples), period)
                for period, row in losses.items()
                if set(row) & set(samples)
            ],
            each,
        )
    curves = [curve(losses, -sidx) for sidx in samples]
    return [
        (PERIODS / (i + 1), sum(each[i][1] for each in curves if i < len(each)) / len(samples))
        for i in range(max(map(len, curves)))
    ]


def with_tails(points):
    """[(return period, loss, TVaR)]"""
    return [
        (period, loss, sum(loss for _, loss in points[:i]) / i) for i, (period, loss) in enumerate(points, 1)
    ]


def with_weighted_tails(points):
    """The same where periods have weights: those of the points are what 1 / return period grows by."""
    return [(*point, tail) for point, (_, tail) in zip(points, doubles.weighted_tails(points))]


def read_off(points, periods=PERIODS, wanted=RETURN_PERIODS):
    """The same at return periods; no weights."""
    points = points + [(periods / i, 0.0) for i in range(len(points) + 1, 100)]
    found = []
    for period in wanted:
        if period > points[0][0]:
            continue
        i = next(i for i, point in enumerate(points) if point[0] <= period)
        (below, loss), (above, larger) = points[i], points[i - 1]
        if below < period:
            loss = loss and loss + (larger - loss) * (period - below) / (above - below)
        group = [point for place, point in found if place == i]
        losses = [loss for _, loss in points[:i]] + [value for _, value, _ in group] + [loss]
        found.append((i, (period, loss, sum(losses) / len(losses))))
    return [point for _, point in found]


def of_table(rows, key):
    """{(key, EPType): [(return period, loss)]} of an EPT or PSEPT."""
    found = {}
    for row in rows:
        point = float(row["ReturnPeriod"]), float(row["Loss"])
        found.setdefault((int(row[key]), int(row["EPType"])), []).append(point)
    return found


CURVES = [option.const for option in TOOLS["ordleccalc"].options if option.dest == "curves"]


def tables_of(folder, **options):
    """EPT and PSEPT of a run as rows."""
    ept, psept = io.BytesIO(), io.BytesIO()
    ktc.ordleccalc(curves=CURVES, ept=ept, psept=psept, folder="run", root=folder, **options)
    return [rows_of(out.getvalue().decode()) for out in (ept, psept)]


def same(found, expected):
    """Whether points of a table are those that are expected, (return period, loss, TVaR)."""
    for type in (1, 2):
        assert found[type - 1] == [pytest.approx((row[0], row[type]), abs=2e-5) for row in expected]


def check(rows, key, calculations, expected):
    """expected: what gives (return period, loss, TVaR) of the losses (OEP or AEP) and a calculation."""
    found = of_table(rows, key)
    assert set(found) == {(each, type) for each in calculations for type in (1, 2, 3, 4)}
    for each in calculations:
        for type, losses in (1, OEP), (3, AEP):
            same([found[each, type], found[each, type + 1]], expected(losses, each))


def pivot(rows, key):
    """The rows of an EPT or PSEPT as the page has them: both curves and their TVaR in one line."""
    found, lines = of_table(rows, key), [f"{key},ReturnPeriod,OEP,OEP TVaR,AEP,AEP TVaR"]
    for each in sorted({each for each, _ in found}):
        for columns in zip(*(found[each, type] for type in (1, 2, 3, 4)), strict=True):
            (period,) = {short(period, 2) for period, _ in columns}
            lines.append(",".join([str(each), period, *(short(loss, 2) for _, loss in columns)]))
    return "\n".join(lines) + "\n"


def test_annual_losses_of_the_page():
    head, *rows = table_below("| Period | mean")
    assert head == ["Period", "mean", *(str(sidx) for sidx in ALL)]
    for name, losses in (("OEP", OEP), ("AEP", AEP)):
        of_type = {row[0].split(",")[0]: row[1:] for row in rows if "," not in row[0] or name in row[0]}
        assert {
            int(period): {sidx: float(cell) for sidx, cell in zip((MEAN, *ALL), cells) if cell}
            for period, cells in of_type.items()
        } == losses


def test_curves(example):
    ept, psept = tables_of(example)
    check(ept, "EPCalc", (1, 2, 3, 4), lambda losses, each: with_tails(curve(losses, each)))
    check(psept, "SampleId", ALL, lambda losses, each: with_tails(curve(losses, -each)))
    assert pivot(ept, "EPCalc") == BLOCKS["ordleccalc -O"]
    assert pivot(psept, "SampleId") == BLOCKS["ordleccalc -o"]


def test_curves_at_return_periods(example):
    ept, psept = tables_of(example, return_periods=True)
    check(
        ept,
        "EPCalc",
        (1, 2, 3, 4),
        lambda losses, each: read_off(curve(losses, each), PERIODS * (SAMPLES if each == 2 else 1)),
    )
    check(psept, "SampleId", ALL, lambda losses, each: read_off(curve(losses, -each)))
    assert pivot([row for row in ept if row["EPCalc"] in "12"], "EPCalc") == BLOCKS["ordleccalc -r -O"]
    curves = ktc.ExceedanceCurves(return_periods=RETURN_PERIODS, root=example).feed(example / STREAM)
    assert [tuple(row)[1:3] for row in curves.table().numpy().tolist()] == [
        (int(row["EPCalc"]), int(row["EPType"])) for row in ept
    ]
    with pytest.raises(UsageError, match="from 0 on"):
        ktc.ExceedanceCurves(return_periods=[5, -10], root=example)


def test_weighted_curves(weighted):
    with pytest.warns(UserWarning, match="the mean of the samples' curves needs return periods"):
        ept, psept = tables_of(weighted)
    check(ept, "EPCalc", (1, 2, 4), lambda losses, each: with_weighted_tails(curve(losses, each, WEIGHTS)))
    check(psept, "SampleId", ALL, lambda losses, each: with_weighted_tails(curve(losses, -each, WEIGHTS)))
    found = of_table(ept, "EPCalc")
    lines = [
        f"1,{short(period, 2)},{short(loss, 2)},{short(tail, 2)}"
        for (period, loss), (_, tail) in zip(found[1, 3], found[1, 4])
    ]
    assert "\n".join(["EPCalc,ReturnPeriod,AEP,AEP TVaR", *lines, ""]) == BLOCKS["ordleccalc -F -O"]


def test_weighted_means_of_samples_curves_at_return_periods(weighted):
    """The mean over the samples that reach a return period; no TVaR."""
    ept, _ = tables_of(weighted, return_periods=True)
    found = of_table(ept, "EPCalc")
    assert (3, 2) not in found and (3, 4) not in found
    by_sample = {
        sidx: dict(found)
        for sidx in ALL
        for found in [of_table(tables_of(weighted, return_periods=True)[1], "SampleId").get((sidx, 3), [])]
    }
    for period, loss in found[3, 3]:
        reached = [each[period] for each in by_sample.values() if period in each]
        if reached:
            assert loss == pytest.approx(sum(reached) / len(reached), abs=1e-5)
    assert dict(found[3, 3])[8] == 40 and dict(found[3, 3])[5] == pytest.approx(220 / 3, abs=1e-5)


def test_weighted_curves_end(tmp_path):
    """Below 1 / the sum of all weights there is a loss of 0, and no TVaR."""
    folder = write(tmp_path / "run", weights=WEIGHTS, return_periods=[20, 1])
    found = of_table(tables_of(folder, return_periods=True)[0], "EPCalc")
    assert found[2, 3] == [(20, 140), (1, 0)] and found[2, 4] == [(20, 140)]


def test_sums_beyond_float32(example):
    data = summaries.stream(1, [(event, 1, 1.0, [(1, 3e38)]) for event in (1, 2)])
    curves = ktc.ExceedanceCurves(root=example).feed(data)
    with pytest.raises(DataError, match="more than a float holds"):
        curves.table()


def test_a_period_without_weight(tmp_path):
    """Its losses are left out."""
    some = {period: weight for period, weight in WEIGHTS.items() if period != 4}
    folder = write(tmp_path / "run", weights=some)
    curves = ktc.ExceedanceCurves(root=folder).feed(folder / STREAM)
    found = [row for row in curves.table(["mean"]).numpy().tolist() if row[2] == 3]
    assert [row[3:] for row in found] == [pytest.approx((5, 80)), pytest.approx((1 / 0.3, 50))]


def legacy(folder, name, **options):
    out = io.BytesIO()
    ktc.leccalc(outputs={name: out}, folder="run", root=folder, **options)
    return rows_of(out.getvalue().decode())


def test_ensembles(grouped, tmp_path):
    for name, calculation in (("full_uncertainty", 2), ("wheatsheaf_mean", 3), ("sample_mean", 4)):
        for type, losses in ("oep", OEP), ("aep", AEP):
            found = {}
            for row in legacy(grouped, f"{type}_{name}"):
                found.setdefault((int(row["type"]), int(row["ensemble_id"])), []).append(
                    (float(row["return_period"]), float(row["loss"]))
                )
            members = {(2, each): [s for s, e in ENSEMBLES if e == each] for each in (1, 2)}
            groups = {(1, 0): None, (2, 0): ALL, **members}
            assert set(found) == set(groups)
            for key, samples in groups.items():
                expected = (
                    curve(losses, 1) if samples is None else curve(losses, calculation, samples=samples)
                )
                assert found[key] == [pytest.approx(point, abs=2e-6) for point in expected]
    for make in (
        lambda: ktc.ExceedanceCurves(root=tmp_path / "some").feed(grouped / STREAM),
        lambda: ktc.AverageLoss(tmp_path / "some").feed(grouped / STREAM).legacy(),
    ):
        if not (tmp_path / "some").exists():
            write(tmp_path / "some", ensemble=ENSEMBLES[:-1])
        with pytest.raises(DataError, match="4"):
            make()
    # with weights, a sample's share is still the period's weight / all samples
    folder = write(tmp_path / "both", weights=WEIGHTS, ensemble=ENSEMBLES)
    found = [row for row in legacy(folder, "aep_full_uncertainty") if row["ensemble_id"] == "1"]
    assert float(found[0]["return_period"]) == pytest.approx(SAMPLES / WEIGHTS[5])


def test_index_files(tmp_path):
    """With an index beside every stream, losses of 0 are points, and summary follows on summary; else a
    warning."""
    folder = write(tmp_path / "run")
    packets = [
        (event, summary, EXPOSURE, [*LOSSES[event].items(), (3, 0.0)][: 4 + summary])
        for event in (1,)
        for summary in (1, 2)
    ]
    data = summaries.stream(SAMPLES, packets)
    summaries.write_work(folder, [data])
    plain = [(row["summary_id"], row["type"], row["loss"]) for row in legacy(folder, "aep_full_uncertainty")]
    summaries.write_work(folder, [data], index=True)
    indexed = [
        (row["summary_id"], row["type"], row["loss"]) for row in legacy(folder, "aep_full_uncertainty")
    ]
    assert [key for key, _ in groupby(plain, lambda row: row[:2])] == [
        ("1", "1"),
        ("2", "1"),
        ("1", "2"),
        ("2", "2"),
    ]
    assert [key for key, _ in groupby(indexed, lambda row: row[:2])] == [
        ("1", "1"),
        ("1", "2"),
        ("2", "1"),
        ("2", "2"),
    ]
    zeros = [row for row in indexed if float(row[2]) == 0]
    assert len(zeros) == 2 and sorted(row for row in indexed if row not in zeros) == sorted(
        plain
    )  # two periods
    summaries.write_work(folder, [data, summaries.stream(SAMPLES, [])])
    with pytest.warns(UserWarning, match="1 of 2 summary streams have no index"):
        found = [
            (row["summary_id"], row["type"], row["loss"]) for row in legacy(folder, "aep_full_uncertainty")
        ]
    assert found == plain


# 4. Average annual loss


def normal(confidence):
    """Abramowitz & Stegun 26.2.23, in both tails; 1 + confidence is a float32, as in ktools."""
    t = math.sqrt(-2 * math.log(1 - float(1 + numpy.float32(confidence)) / 2))
    return t - (2.515517 + 0.802853 * t + 0.010328 * t * t) / (
        1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t**3
    )


def average(samples, weights=None):
    """Mean and standard deviation of the annual loss, of the samples (or the mean, -1)."""
    weight = {period: weights[period] * len(weights) if weights else 1 for period in AEP}
    n = PERIODS * len(samples)
    total = sum(weight[p] * row.get(s, 0) for p, row in AEP.items() for s in samples)
    squares = sum(weight[p] * row.get(s, 0) ** 2 for p, row in AEP.items() for s in samples)
    return total / n, math.sqrt((squares - total**2 / n) / (n - 1))


def convergence(samples, confidence=0.95):
    """A row of the convergence table, from MeanLoss on."""
    S, P = len(samples), PERIODS
    mean, sd = average(samples)
    squares = sum(row.get(s, 0) ** 2 for row in AEP.values() for s in samples)
    M = sum((sum(row.get(s, 0) for s in samples) / S) ** 2 for row in AEP.values())
    vulnerability = (squares - S * M) / (P * S - S) / (P * S)
    hazard = S * (M - P * mean**2) / (P - 1) / (P * S)
    error = math.sqrt(vulnerability)
    interval = [mean - normal(confidence) * error, mean + normal(confidence) * error] if error else [0, 0]
    return [
        mean,
        sd,
        S,
        *interval,
        error,
        error / mean,
        hazard,
        math.sqrt(hazard),
        math.sqrt(hazard) / mean,
        vulnerability,
        error,
        error / mean,
    ]


def aal(folder, **options):
    out = io.BytesIO()
    ktc.aalcalc("run", out, root=folder, **options)
    return out.getvalue().decode()


def test_averages(example, weighted, grouped):
    text = aal(example, ord=True)
    assert text == BLOCKS["aalcalc -o"]
    numbers = [[float(cell) for cell in row.values()] for row in rows_of(text)]
    assert numbers == [
        pytest.approx([1, type, *average(samples)], abs=1e-6) for type, samples in ((1, [MEAN]), (2, ALL))
    ]
    rows = rows_of(aal(weighted))
    assert [[float(row["mean"]), float(row["standard_deviation"])] for row in rows] == [
        pytest.approx(average(samples, WEIGHTS), abs=2e-5) for samples in ([MEAN], ALL)
    ]
    # float32 weights
    assert f"{average([MEAN], WEIGHTS)[0]:.6f}" == "30.000000" and rows[0]["mean"] == "30.000001"
    out = io.BytesIO()
    ktc.aalcalcmeanonly("run", out, root=weighted)
    assert [row["mean"] for row in rows_of(out.getvalue().decode())] == ["30.000000", "28.500000"]
    found = {
        int(row["ensemble_id"]): float(row["mean"]) for row in rows_of(aal(grouped)) if row["type"] == "2"
    }
    assert found == pytest.approx({0: average(ALL)[0], 1: average([1, 2])[0], 2: average([3, 4])[0]})
    with pytest.warns(UserWarning, match="ensembles are not part of"):
        assert aal(grouped, ord=True) == text


def test_convergence(example, tmp_path):
    aal(example, convergence=tmp_path / "alct.csv")
    rows = rows_of((tmp_path / "alct.csv").read_text())
    subsets = [[1], [2, 3], ALL]
    assert [[float(cell) for cell in row.values()][1:] for row in rows] == [
        pytest.approx(convergence(samples), abs=2e-6) for samples in subsets
    ]
    head, *page = table_below("### Convergence")
    for name, *cells in [head, *page]:
        assert cells == [short(row[name.strip("`")], 6) for row in rows]
    assert [row[0].strip("`") for row in [head, *page]] == [
        "SampleSize",
        *(name for name in rows[0] if name not in ("SummaryId", "SampleSize")),
    ]
    average = ktc.AverageLoss(example).feed(example / STREAM)
    low, high = (average.convergence(0.5).numpy()[name][-1] for name in ("LowerCI", "UpperCI"))
    assert (low, high) == pytest.approx(convergence(ALL, 0.5)[3:5], abs=1e-6)
    assert f"{normal(0.95):.4f}" == "1.9604" and f"{1.959964:.4f}" == "1.9600"


@pytest.mark.parametrize(
    "size, subsets", [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (6, [1, 2, 6]), (7, [1, 2, 4, 7])]
)
def test_subsets_of_samples(example, size, subsets):
    data = summaries.stream(size, [(1, 1, 1.0, [(-1, 1.0), *((s, float(s)) for s in range(1, size + 1))])])
    table = ktc.AverageLoss(example).feed(data).convergence().numpy()
    assert table["SampleSize"].tolist() == subsets


# The oracle


def test_the_example_with_ktools(oracle, example, weighted, grouped, tmp_path):
    letters = [option.flag for option in TOOLS["ordleccalc"].options if option.dest == "curves"]
    runs = [
        (example, ["eltcalc", "-M", "melt.csv", "-Q", "qelt.csv"]),
        (example, ["pltcalc", "-M", "mplt.csv", "-Q", "qplt.csv", "-S", "splt.csv"]),
        (example, ["ordleccalc", "-K", "run", *letters, "-O", "ept.csv", "-o", "psept.csv"]),
        (example, ["ordleccalc", "-K", "run", "-r", *letters, "-O", "ept_r.csv", "-o", "psept_r.csv"]),
        (weighted, ["ordleccalc", "-K", "run", "-F", "-f", "-S", "-s", "-O", "ept.csv"]),
        (weighted, ["ordleccalc", "-K", "run", "-r", "-F", "-f", "-S", "-s", "-O", "ept_r.csv"]),
        (grouped, ["leccalc", "-K", "run", "-F", "F.csv", "-w", "w.csv", "-M", "M.csv", "-s", "s.csv"]),
        (example, ["aalcalc", "-K", "run", "-o", "-c", "alct.csv"]),
        (weighted, ["aalcalc", "-K", "run", "-c", "alct.csv"]),
        (grouped, ["aalcalc", "-K", "run"]),
        (weighted, ["aalcalcmeanonly", "-K", "run"]),
    ]

    def outputs(number, side, path):
        folder, (name, *flags) = runs[number]
        folder = Path(shutil.copytree(folder, tmp_path / f"{side}{number}"))
        done = subprocess.run(
            [path(name), *flags],
            input=(folder / STREAM).read_bytes(),
            cwd=folder,
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == 0, (name, done.stderr)
        return done.stdout, {path.name: path.read_bytes() for path in folder.glob("*.csv")}

    from support.installed import SCRIPTS

    with ThreadPoolExecutor(8) as pool:
        ours = list(pool.map(lambda i: outputs(i, "ours", lambda name: SCRIPTS / name), range(len(runs))))
        theirs = list(pool.map(lambda i: outputs(i, "theirs", oracle), range(len(runs))))
    for (folder, flags), mine, other in zip(runs, ours, theirs):
        if folder is weighted and flags[0] == "ordleccalc":  # ktools' tail values at risk are plain means
            mine, other = (
                [
                    [line for line in text.splitlines() if line.split(b",")[2] not in (b"2", b"4")]
                    for _, text in sorted(side[1].items())
                ]
                for side in (mine, other)
            )
            assert mine == other and mine[0], flags
            continue
        assert mine == other and (mine[0] or mine[1]), flags


# 5. In Python


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    """The names that the page's Python leaves behind, and the folder where it ran."""
    folder = tmp_path_factory.mktemp("model")
    ktc.write_example(folder, events=40, locations=10, periods=100)
    names = {}
    optional = all(map(find_spec, ("pandas", "pyarrow")))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for block in re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL):
            if optional or not re.search("pandas|arrow|Parquet", block):
                exec(compile(block, "output-calculations.md", "exec"), names)
        yield names, folder


def test_chain_of_the_page(session):
    names, folder = session
    melt = names["melt"].numpy()
    assert len(melt) > 20 and set(melt["SampleType"]) == {1, 2}
    assert rows_of((folder / "melt.csv").read_text())[0]["EventId"] == str(melt["EventId"][0])
    ept, alt = names["curves"].table().numpy(), names["average"].table().numpy()
    assert len(ept) > 100 and names["largest"] == ept["Loss"].max() and alt["SampleType"].tolist() == [1, 2]
    # period by period, the losses of SPLT are what curves and averages are about
    splt = names["splt"].numpy()
    samples = splt[splt["SampleId"] > 0]
    assert alt["MeanLoss"][1] == pytest.approx(samples["Loss"].sum(dtype=float) / 100 / 100, rel=1e-6)
    largest = ept[(ept["EPCalc"] == 2) & (ept["EPType"] == 1)]["Loss"][0]
    assert largest == samples["Loss"].max()


def test_threads_of_the_page(session):
    names, _ = session
    whole, merged = names["curves"].table().numpy(), names["all_curves"].table().numpy()
    for name in ("SummaryId", "EPCalc", "EPType", "ReturnPeriod"):
        assert (whole[name] == merged[name]).all()
    assert merged["Loss"] == pytest.approx(whole["Loss"], rel=1e-6)
    assert [tuple(row) for row in names["all_average"].table().numpy()] == [
        pytest.approx(tuple(row), rel=1e-12) for row in names["average"].table().numpy()
    ]


def test_files_of_the_page(session):
    """Streams of two processes in work/gul: a function and an accumulator give the same table."""
    names, folder = session
    from_files = rows_of((folder / "ept.csv").read_text())
    table = names["from_files"].numpy()
    assert len(from_files) == len(table) > 50
    for row, line in zip(table.tolist(), from_files):
        assert row == pytest.approx([float(cell) for cell in line.values()], rel=1e-6, abs=1e-6)


def test_tables_of_the_page(session):
    pytest.importorskip("pandas")
    parquet = pytest.importorskip("pyarrow.parquet")
    names, folder = session
    assert names["frame"]["Loss"].tolist() == names["ept"].numpy()["Loss"].tolist()
    assert (
        names["arrow"].num_rows == len(names["ept"])
        and str(names["frame"]["ReturnPeriod"].dtype) == "float64"
    )
    for name in ("melt.parquet", "legacy.parquet"):
        file = parquet.ParquetFile(folder / name)
        group = file.metadata.row_group(0)
        assert {group.column(k).compression for k in range(group.num_columns)} == {"UNCOMPRESSED"}
        assert {str(field.type) for field in file.schema_arrow} == {"int32", "float"}
        assert not any(field.nullable for field in file.schema_arrow)
    means = parquet.read_table(folder / "melt.parquet")["MeanLoss"].to_numpy()
    assert means.tolist() == names["melt"].numpy()["MeanLoss"].tolist()
    ktc.eltcalc(summaries.stream(1, []), quantile=ktc.Parquet(folder / "none.parquet"), root=folder)
    assert parquet.read_table(folder / "none.parquet").num_rows == 0
    pair = [folder / "melt.parquet"] * 2
    ktc.katparquet(pair, folder / "pair.parquet", melt=True)
    assert parquet.read_table(folder / "pair.parquet").num_rows == 2 * len(means)


# 6. Memory


@pytest.mark.parametrize("samples", [10, 100])
def test_bytes_of_accumulators(tmp_path, samples):
    """4 bytes a loss for each type of curve, 8 for averages, and at most some 70 for each period of a
    summary."""
    periods = 2000
    occurrences = [(event, event, 1) for event in range(1, periods + 1)]
    summaries.write_tables(tmp_path, occurrences=occurrences, periods=periods)
    records = [(-1, 1.0), *((s, 2.0) for s in range(1, samples + 1))]
    data = summaries.stream(samples, [(event, 1, 1.0, records) for event in range(1, periods + 1)])
    for make, each in (
        (lambda: ktc.ExceedanceCurves(root=tmp_path), 8),
        (lambda: ktc.AverageLoss(tmp_path), 8),
        (lambda: ktc.ExceedanceCurves(["aep"], root=tmp_path), 4),
    ):
        held = make().feed(data).kernel.bytes
        losses = periods * (samples + 1) * each
        assert losses < held < 2 * losses + 70 * periods  # chunks of rows double, up to 1 MiB
        fed_twice = make().feed(data).feed(data)
        assert fed_twice.kernel.bytes == held  # the number of events does not count


def test_memory_limits(example, tmp_path):
    """Files are read again and again; a stream or an accumulator cannot."""
    folder = write(tmp_path / "run")
    packets = [
        (event, summary, EXPOSURE, [(s, loss * summary) for s, loss in LOSSES[event].items()])
        for event in LOSSES
        for summary in (1, 2, 3)
    ]
    summaries.write_work(folder, [summaries.stream(SAMPLES, packets)])
    assert tables_of(folder, memory=0.0001) == tables_of(folder)
    assert aal(folder, memory=0.0001) == aal(folder)
    for make in (
        lambda: ktc.ExceedanceCurves(root=folder, memory=0.0001),
        lambda: ktc.AverageLoss(folder, memory=0.0001),
    ):
        with pytest.raises(MemoryError, match="bytes allowed"):
            make().feed(folder / STREAM)
    out, again = io.BytesIO(), io.BytesIO()
    with open(folder / STREAM, "rb") as stream:  # no limit
        ktc.leccalc(stream, {"aep_full_uncertainty": out}, root=folder, memory=0.0001)
    ktc.leccalc(folder / STREAM, {"aep_full_uncertainty": again}, root=folder, memory=0.0001)
    assert out.getvalue() == again.getvalue() and out.getvalue().count(b"\n") == 1 + 3 * (3 + 9)


# 7. kat


def test_order_of_kat():
    first, second = (
        b"EventId,SummaryId,Quantile,Loss\n" + b"".join(b"%d,1,0.500000,%d.000000\n" % row for row in rows)
        for rows in ([(1, 10), (4, 11), (2, 12)], [(1, 20), (3, 21), (4, 22)])
    )
    out = io.BytesIO()
    ktc.kat([first, second], out)
    header, *rows = out.getvalue().decode().splitlines()
    assert header == "EventId,SummaryId,Quantile,Loss"
    # the smallest event at the heads of the files; of equal ones the first file's
    assert [(int(row.split(",")[0]), float(row.split(",")[3])) for row in rows] == [
        (1, 10),
        (1, 20),
        (3, 21),
        (4, 11),
        (2, 12),
        (4, 22),
    ]


def test_lines_are_short():
    assert max(map(len, PAGE.splitlines())) <= 128 and len(PAGE.splitlines()) <= 500
