"""aalcalc and aalcalcmeanonly: worked examples, bytes beside the oracle, the accumulators, bounded memory and
faults."""

import io
import math
import os
import statistics
import struct
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest
from support import summaries
from support.beside import same_bytes
from support.summaries import random_occurrences, random_packets, stream, write_tables, write_work

import ktc
from ktc import AverageLoss, AverageLossMeanOnly, accumulators, chain
from ktc.building import Folder
from ktc.errors import DataError, InputError, TruncatedError, UsageError
from ktc.schemas import streams

LEGACY, ORD = b"summary_id,type,mean,standard_deviation\n", b"SummaryId,SampleType,MeanLoss,SDLoss\n"
SAMPLE_SIZES = (0, 1, 2, 3, 4, 7, 8, 10, 33, 100)
# Two events; the first in period 1, the second in periods 1 and 3 of 4. Sums by period: mean 15 and 5;
# samples 12 and 4, 18 and 6.
PACKETS = [
    (1, 1, 1.0, [(-5, 99.0), (-1, 10.0), (1, 8.0), (2, 12.0)]),
    (2, 1, 1.0, [(-1, 5.0), (1, 4.0), (2, 6.0)]),
]
OCCURRENCES = [(2, 3, 1), (1, 1, 1), (2, 1, 1)]


def prepare(
    root,
    packets=PACKETS,
    sample_size=2,
    *,
    occurrences=OCCURRENCES,
    periods=4,
    files=1,
    index=False,
    **tables,
):
    """A run's folder: the packets in so many files, by event, and the tables."""
    parts = [[p for p in packets if p[0] % files == part] for part in range(files)]
    sizes = sample_size if isinstance(sample_size, list) else [sample_size] * files
    write_tables(root, occurrences=occurrences, periods=periods, **tables)
    write_work(root, [stream(size, part) for size, part in zip(sizes, parts)], index=index)
    return root


def aal(root, function=ktc.aalcalc, **keywords):
    """The table of work/run as csv."""
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        function("run", out, root=root, **keywords)
    return out.getvalue()


def alct(root, **keywords):
    """The convergence table's lines, split, without the header."""
    aal(root, convergence=root / "alct.csv", **keywords)
    header, *lines = (root / "alct.csv").read_text().splitlines()
    assert header == ktc.schemas.REPORTS["average_loss_convergence_table"].csv_header
    return [line.split(",") for line in lines]


def random_run(root, seed):
    """A run of any kind; gives its numbers of samples and periods."""
    rng = np.random.default_rng(seed)
    size, periods = SAMPLE_SIZES[seed % len(SAMPLE_SIZES)], int(rng.choice([1, 2, 3, 10, 1000]))
    events, files = int(rng.integers(1, 40)), int(rng.integers(1, 4))
    packets = random_packets(
        rng,
        events=events,
        summaries=[1, 3, 7] if rng.random() < 0.3 else int(rng.integers(1, 6)),
        sample_size=size,
        ties=bool(rng.random() < 0.3),
        scale=float(rng.choice([0.001, 100, 1e9])),
    )
    share = rng.random(periods)
    weights = [
        None,
        {},
        dict.fromkeys(range(1, periods + 1), 1 / periods),
        {p: float(share[p - 1]) for p in range(1, periods + 1) if rng.random() < 0.6},
        {p: float(share[p - 1] / share.sum()) for p in range(1, periods + 1)},
    ][rng.integers(5)]
    ensemble = (
        [(s, int(rng.choice([1, 2, 5]))) for s in range(1, size + 1)] if size and rng.random() < 0.3 else None
    )
    prepare(
        root,
        packets,
        size,
        files=files,
        index=[bool(rng.random() < 0.3) for _ in range(files)],
        periods=periods,
        occurrences=random_occurrences(
            rng, events=events, periods=periods, per_event=float(rng.choice([1, 3]))
        ),
        date_options=int(rng.choice([0, 1, 3])),
        weights=weights,
        ensemble=ensemble,
    )
    return size, periods


def assert_same(ours, theirs):
    """Equal text, but that what ktools has as NaN (or, dividing by the periods less one, as infinite) is
    0."""
    ours, theirs = ours.decode().splitlines(), theirs.decode().splitlines()
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs):
        assert mine == ",".join(
            "0.000000" if value.lstrip("-") in ("nan", "inf") else value for value in other.split(",")
        )


# By hand


@pytest.mark.posix
@pytest.mark.parametrize("name", ["aalcalc", "aalcalcmeanonly"])
def test_periods_cost_no_memory(name, tmp_path, tool, run):
    """However many periods the header of the occurrence table has: the means are 20 and 40 / 2 over them."""
    prepare(tmp_path, periods=2**31 - 1)
    command = ["bash", "-c", 'ulimit -v 1000000; exec "$@"', "bash", tool(name), "-K", "run"]
    status, out, err = run(command, cwd=tmp_path)
    assert (status, err) == (0, "")
    assert [line.split(",")[:3] for line in out.decode().splitlines()[1:]] == [
        ["1", "1", "0.000000"],
        ["1", "2", "0.000000"],
    ]
    ours = AverageLoss(root=tmp_path).feed(stream(2, PACKETS)).table().numpy()
    assert ours["MeanLoss"].tolist() == [20 / (2**31 - 1)] * 2


def test_worked_example(tmp_path):
    """Type 1: 20 / 4 and sqrt((225 + 25 - 20**2 / 4) / 3); type 2: 40 / 8 and sqrt((144 + 16 + 324 + 36 -
    40**2 / 8) / 7)."""
    prepare(tmp_path)
    lines = b"1,1,5.000000,%.6f\n1,2,5.000000,%.6f\n" % (math.sqrt(150 / 3), math.sqrt(320 / 7))
    assert aal(tmp_path) == LEGACY + lines
    assert aal(tmp_path, skip_header=True) == aal(tmp_path, ord=True, skip_header=True) == lines
    assert aal(tmp_path, ord=True) == ORD + lines
    assert aal(tmp_path, ktc.aalcalcmeanonly) == b"summary_id,type,mean\n1,1,5.000000\n1,2,5.000000\n"
    assert aal(tmp_path, ktc.aalcalcmeanonly, ord=True) == (
        b"SummaryId,SampleType,MeanLoss\n1,1,5.000000\n1,2,5.000000\n"
    )


def test_convergence_by_hand(tmp_path):
    """Sample 1 alone, then both. Of sample 1: sums 12 and 4, mean 4, M = 12**2 + 4**2 = 160; of both: M =
    (30**2 + 10**2) / 4."""
    prepare(tmp_path)
    z = statistics.NormalDist().inv_cdf(0.975)
    one, both = alct(tmp_path)
    assert one[:2] == ["1", "4.000000"] and one[3] == "1" and one[4:8] == ["0.000000"] * 4
    assert one[2] == "%.6f" % math.sqrt((160 - 16**2 / 4) / 3)
    assert one[8] == "%.6f" % ((160 - 4 * 4**2) / 3 / 4) and one[11:] == ["0.000000"] * 3
    vulnerability, hazard = (520 - 2 * 250) / (2 * 4 - 2) / 8, 2 * (250 - 4 * 25) / 3 / 8
    assert both[1:4] == ["5.000000", "%.6f" % math.sqrt(320 / 7), "2"]
    error = vulnerability**0.5
    assert [float(v) for v in both[4:6]] == pytest.approx([5 - z * error, 5 + z * error], abs=3e-4)
    assert both[6:8] == both[12:] == ["%.6f" % vulnerability**0.5, "%.6f" % (vulnerability**0.5 / 5)]
    assert both[8:12] == [
        "%.6f" % hazard,
        "%.6f" % hazard**0.5,
        "%.6f" % (hazard**0.5 / 5),
        "%.6f" % vulnerability,
    ]


def exact_sums(packets, occurrences, weight, first, last):
    """w x, w x x and the squares of the periods' sums of w x, over samples first to last, as fractions."""
    cells = {}
    for event, _, _, records in packets:
        for period in (p for e, p, _ in occurrences if e == event):
            for sidx, loss in records:
                if first <= sidx <= last and loss > 0:
                    cells[period, sidx] = cells.get((period, sidx), 0) + Fraction(loss)
    by_period = {}
    for (period, _), x in cells.items():
        by_period[period] = by_period.get(period, 0) + x * weight(period)
    return (
        sum(x * weight(p) for (p, _), x in cells.items()),
        sum(x * x * weight(p) for (p, _), x in cells.items()),
        sum(x * x for x in by_period.values()),
    )


@pytest.mark.parametrize("weighted", [False, True])
def test_formulas(tmp_path, weighted):
    """The tables of random losses are what exact arithmetic makes of the formulas."""
    rng = np.random.default_rng(3)
    size, periods = 20, 30
    packets = random_packets(rng, events=40, summaries=1, sample_size=size)
    occurrences = random_occurrences(rng, events=40, periods=periods)
    weights = (
        {p: float(w) for p, w in enumerate(rng.uniform(0.02, 0.04, periods), 1) if p % 7}
        if weighted
        else None
    )
    prepare(tmp_path, packets, size, occurrences=occurrences, periods=periods, weights=weights)

    def weight(period):
        return Fraction(float(np.float32(weights.get(period, 0)))) * len(weights) if weighted else 1

    average = AverageLoss(tmp_path).feed(*(tmp_path / "work" / "run").glob("*.bin"))
    table = average.table().numpy()
    for row, (first, last, n) in zip(table, ((-1, -1, 1), (1, size, size))):
        losses, squares, _ = exact_sums(packets, occurrences, weight, first, last)
        assert row["MeanLoss"] == pytest.approx(float(losses / n / periods), rel=1e-12)
        variance = (squares - losses**2 / (n * periods)) / (n * periods - 1)
        assert row["SDLoss"] == pytest.approx(math.sqrt(variance), rel=1e-12)
    z = statistics.NormalDist().inv_cdf(0.95)
    rows = average.convergence(0.9).numpy()
    assert rows["SampleSize"].tolist() == [1, 2, 4, 8, 20]
    for row, (first, last) in zip(rows, ((1, 1), (2, 3), (4, 7), (8, 15), (1, 20))):
        n = last - first + 1
        losses, squares, by_period = exact_sums(packets, occurrences, weight, first, last)
        mean, per = losses / n / periods, by_period / n**2
        vulnerability = (squares - n * per) / (n * periods - n) / (n * periods)
        hazard = n * (per - periods * mean**2) / (periods - 1) / (n * periods)
        assert row["MeanLoss"] == pytest.approx(float(mean), rel=1e-12)
        assert row["VarElementVuln"] == pytest.approx(float(vulnerability), rel=1e-9, abs=1e-9)
        assert row["VarElementHaz"] == pytest.approx(float(hazard), rel=1e-9)
        error = math.sqrt(max(row["VarElementVuln"], 0))
        assert row["StandardError"] == row["StandardErrorVuln"] == pytest.approx(error, rel=1e-12)
        assert (
            row["RelativeError"] == row["RelativeErrorVuln"] == pytest.approx(error / float(mean), rel=1e-12)
        )
        assert row["StandardErrorHaz"] == pytest.approx(math.sqrt(hazard), rel=1e-9)
        assert row["RelativeErrorHaz"] == pytest.approx(math.sqrt(hazard) / float(mean), rel=1e-9)
        if error:
            assert row["UpperCI"] - row["MeanLoss"] == pytest.approx(
                z * error, rel=4.5e-4
            )  # 26.2.23 is that exact
            assert row["MeanLoss"] - row["LowerCI"] == pytest.approx(z * error, rel=4.5e-4)


def test_weights_by_hand(tmp_path):
    """Two of the four periods have weights: those of 0.5 count as 1, period 3 not at all. aalcalc rounds them
    to float32."""
    prepare(tmp_path, weights={1: 0.5, 2: 0.5})
    assert aal(tmp_path).splitlines()[1] == b"1,1,3.750000,%.6f" % math.sqrt((225 - 225 / 4) / 3)
    assert aal(tmp_path, ktc.aalcalcmeanonly).splitlines()[1:] == [b"1,1,3.750000", b"1,2,3.750000"]
    prepare(tmp_path, [(1, 1, 1.0, [(-1, 1e6)])], weights={1: 0.1}, periods=1, occurrences=[(1, 1, 1)])
    assert aal(tmp_path).splitlines()[1].startswith(b"1,1,%.6f," % (1e6 * float(np.float32(0.1))))
    assert aal(tmp_path, ktc.aalcalcmeanonly).splitlines()[1] == b"1,1,100000.000000"


def test_ensembles_by_hand(tmp_path):
    """Sample 2 is ensemble 4 by its last record, sample 1 ensemble 2: each is one sample."""
    prepare(tmp_path, ensemble=[(2, 2), (1, 2), (2, 4)])
    rows = [
        b"1,1,5.000000,7.071068,0",
        b"1,2,5.000000,6.761234,0",
        b"1,2,4.000000,%.6f,2" % math.sqrt((160 - 64) / 3),
        b"1,2,6.000000,%.6f,4" % math.sqrt((360 - 144) / 3),
    ]
    assert aal(tmp_path).splitlines() == [LEGACY.strip() + b",ensemble_id", *rows]
    average = AverageLoss(tmp_path).feed(tmp_path / "work" / "run" / "summary_P1.bin")
    assert average.legacy().numpy()["ensemble_id"].tolist() == [0, 0, 2, 4]
    with pytest.warns(UserWarning, match="ensemble.bin is ignored"):
        ktc.aalcalc("run", io.BytesIO(), ord=True, root=tmp_path)
    assert aal(tmp_path, ord=True).count(b"\n") == 3


# Beside ktools


def test_like_ktools(oracle, run, tmp_path):
    """All flags, over runs of every kind: files, indexes, weights, ensembles, dates."""

    def case(seed):
        root = tmp_path / str(seed)
        size, periods = random_run(root, seed)
        for flags, keywords in (
            ("-c t.csv", {}),
            ("-o -c t -l 0.9", {"ord": True, "confidence": 0.9}),
            ("-o -s", {"ord": True, "skip_header": True}),
            ("", {}),
        ):
            status, theirs, _ = run([oracle("aalcalc"), "-K", "run", *flags.split()], cwd=root)
            if "-c" in flags and size in (3, 7) and (root / "input" / "ensemble.bin").exists():
                continue  # test_ensembles_beside_convergence
            assert status == 0
            with_table = {"convergence": root / "ours"} if "-c" in flags else {}
            assert_same(aal(root, **keywords, **with_table), theirs)
            if with_table:
                assert_same((root / "ours.csv").read_bytes(), (root / "t.csv").read_bytes())
        for flags, keywords in (([], {}), (["-o", "-s"], {"ord": True, "skip_header": True})):
            theirs = run([oracle("aalcalcmeanonly"), "-K", "run", *flags], cwd=root)[1]
            command = ["aalcalcmeanonly", "-K", "run", *flags]
            same_bytes(aal(root, ktc.aalcalcmeanonly, **keywords), theirs, command=command, folder=root)
        return periods > 1

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(case, range(40))) > 20


def test_parquet_like_ktools(oracle, run, tmp_path):
    """Which of the flags write what, and the rows of the parquet tables."""
    pq = pytest.importorskip("pyarrow.parquet")

    def content(path):
        table = pq.read_table(path)
        columns = {name: table[name].to_numpy() for name in table.column_names}
        return [(f.name, f.type, f.nullable) for f in table.schema], columns

    for seed in range(5, 10):
        files = {}
        for who in "theirs", "ours":
            root = tmp_path / f"{who}{seed}"
            random_run(root, seed)
            root = root.rename(tmp_path / f"run{seed}-{who}")
            for number, (flags, keywords) in enumerate(
                (
                    (["-p", "alt", "-c", "alct"], {"parquet": "alt", "convergence": "alct"}),
                    (
                        ["-o", "-p", "both", "-c", "c.parquet"],
                        {"ord": True, "parquet": "both", "convergence": "c.parquet"},
                    ),
                    (["-p", "alone"], {"parquet": "alone"}),
                )
            ):
                for name in ("parquet", "convergence"):
                    if who == "ours" and name in keywords:
                        keywords[name] = root / keywords[name]
                out = (
                    aal(root, **keywords)
                    if who == "ours"
                    else run([oracle("aalcalc"), "-K", "run", *flags], cwd=root)[1]
                )
                (root / f"out{number}").write_bytes(out)
            if who == "ours":
                aal(root, ktc.aalcalcmeanonly, parquet=root / "means")
            else:
                run([oracle("aalcalcmeanonly"), "-K", "run", "-p", "means"], cwd=root)
            files[who] = {path.name: path for path in root.iterdir() if path.is_file()}
        assert (
            set(files["ours"])
            == set(files["theirs"])
            == {
                "alt",
                "alct.parquet",
                "both",
                "c.parquet",
                "c.parquet.csv",
                "alone",
                "means",
                "out0",
                "out1",
                "out2",
            }
        )
        for name, path in files["ours"].items():
            other = files["theirs"][name]
            if name.startswith("out") or name.endswith(".csv"):
                assert_same(path.read_bytes(), other.read_bytes())
                continue
            (ours, mine), (schema, theirs) = content(path), content(other)
            assert ours == schema
            for column, values in theirs.items():
                np.testing.assert_array_equal(
                    mine[column], np.where(np.isfinite(values), values, 0), (name, column)
                )
            assert len(mine["SummaryId"])


def test_scripts(tool, run, tmp_path):
    """The scripts are the functions; nothing is written into the folder of the streams."""
    prepare(tmp_path, files=2)
    before = sorted(os.listdir(tmp_path / "work" / "run"))
    (tmp_path / "log").mkdir()
    assert run([tool("aalcalc"), "-Krun"], cwd=tmp_path) == (0, aal(tmp_path), "")
    assert run([tool("aalcalc"), "-K", "run", "-o", "-s", "-c", "alct", "-l", "0.5"], cwd=tmp_path) == (
        0,
        aal(tmp_path, ord=True, skip_header=True, convergence=tmp_path / "same", confidence=0.5),
        "",
    )
    assert (tmp_path / "alct.csv").read_bytes() == (tmp_path / "same.csv").read_bytes()
    assert run([tool("aalcalc"), "-K", "run", "--memory", "0.0001"], cwd=tmp_path) == (0, aal(tmp_path), "")
    assert run([tool("aalcalcmeanonly"), "-K", "run", "-o"], cwd=tmp_path) == (
        0,
        aal(tmp_path, ktc.aalcalcmeanonly, ord=True),
        "",
    )
    assert sorted(os.listdir(tmp_path / "work" / "run")) == before
    assert sum(path.read_text().count("finish") for path in (tmp_path / "log").iterdir()) == 4


def test_where_the_convergence_table_goes(tool, run, tmp_path):
    """As named, where that has an ending (ktools adds .csv to it); on standard output after the other
    table."""
    prepare(tmp_path, files=2)
    average = aal(tmp_path)
    for name, there in (
        ("x.txt", "x.txt"),
        ("x.csv", "x.csv"),
        ("y", "y.csv"),
        ("z.parquet", "z.parquet.csv"),
    ):
        assert run([tool("aalcalc"), "-K", "run", "-c", name], cwd=tmp_path) == (0, average, "")
        table = (tmp_path / there).read_bytes()
        assert (
            table == (tmp_path / "x.txt").read_bytes()
            and table.startswith(b"SummaryId,")
            and table.count(b"\n") > 2
        )
    assert not (tmp_path / "x.txt.csv").exists()
    assert run([tool("aalcalc"), "-K", "run", "-c", "-"], cwd=tmp_path) == (0, average + table, "")
    assert not list(tmp_path.glob("-*"))


def test_convergence_of_far_summary_ids(tmp_path):
    """It has rows for all ids below the highest: a damaged id would make some hundred million."""
    far = [(1, id, 9.0, [(-1, 5.0), (1, 5.0)]) for id in (1, 2**24 + 1)]
    prepare(tmp_path, far, 3)
    assert aal(tmp_path)
    with pytest.raises(DataError, match="summary 16777217 among 2 summaries: expected ids up to 16777216"):
        aal(tmp_path, convergence=tmp_path / "alct")


# Where ktools is wrong


def test_periods_times_samples_beyond_two_to_the_31(tmp_path):
    """ktools: a deviation of -nan, a standard error of 0.044434 of the mean in place of 0.019180."""
    losses = np.arange(101, 201)
    prepare(
        tmp_path,
        [(1, 1, 1.0, [(s, 100.0 + s) for s in range(1, 101)])],
        100,
        occurrences=[(1, 1, 1)],
        periods=30_000_000,
    )
    n = 100 * 30_000_000
    deviation = math.sqrt((int((losses**2).sum()) - int(losses.sum()) ** 2 / n) / (n - 1))
    assert aal(tmp_path).splitlines()[2] == b"1,2,0.000005,%.6f" % deviation
    row = alct(tmp_path)[-1]
    mean = losses.sum() / n
    error = losses.std() / math.sqrt(n * (n // 100 - 1))
    assert row[3] == "100" and float(row[7]) == pytest.approx(error / mean, abs=1e-6)


@pytest.mark.parametrize("size", [3, 7, 15])
def test_ensembles_beside_convergence(tmp_path, size):
    """With one sample less than a power of two, ktools adds what lies behind its arrays to some ensemble, or
    crashes."""
    rng = np.random.default_rng(size)
    packets = random_packets(rng, events=20, summaries=3, sample_size=size)
    prepare(
        tmp_path,
        packets,
        size,
        occurrences=random_occurrences(rng, events=20, periods=10),
        periods=10,
        ensemble=[(s, 1 + s % 3) for s in range(1, size + 1)],
    )
    assert aal(tmp_path, convergence=tmp_path / "alct") == aal(tmp_path)
    n = sum(s % 3 == 2 for s in range(1, size + 1))
    samples = [
        (event, summary, 1.0, [(1 + sidx // 3, loss) for sidx, loss in records if sidx > 0 and sidx % 3 == 2])
        for event, summary, _, records in packets
    ]
    average = AverageLoss(tmp_path)
    ours = average.feed(stream(size, packets)).legacy().numpy()
    (tmp_path / "input" / "ensemble.bin").unlink()
    alone = AverageLoss(tmp_path).feed(stream(n, samples)).table().numpy()
    for column, other in ("mean", "MeanLoss"), ("standard_deviation", "SDLoss"):
        assert (
            ours[ours["ensemble_id"] == 3][column].tolist() == alone[alone["SampleType"] == 2][other].tolist()
        )


def test_what_is_not_defined_is_0(tmp_path):
    """-nan or inf in ktools: deviations of one value, ratios to a mean of 0, roots of variances that weights
    make negative."""
    prepare(tmp_path, periods=1, occurrences=[(1, 1, 1)])
    assert aal(tmp_path).splitlines()[1:] == [b"1,1,10.000000,0.000000", b"1,2,10.000000,%.6f" % math.sqrt(8)]
    assert [row[8:] for row in alct(tmp_path)] == [["0.000000"] * 6] * 2
    prepare(tmp_path, [(1, 1, 1.0, [(1, 8.0)]), (1, 3, 1.0, [(-1, 0.0)])], occurrences=[(1, 1, 1)])
    rows = alct(tmp_path)
    assert [row[0] for row in rows] == ["1", "1", "2", "2", "3", "3"]  # ids between have rows, in ktools too
    assert [row[1:3] + row[4:] for row in rows[2:]] == [["0.000000"] * 12] * 4
    assert [row[:1] for row in map(bytes.split, aal(tmp_path).splitlines()[1:])] == [
        [b"1,1,0.000000,0.000000"],
        [b"3,1,0.000000,0.000000"],
        [rows_of(4, 8.0)],
        [b"3,2,0.000000,0.000000"],
    ]
    prepare(tmp_path, weights={1: 0.9, 3: 0.1})
    one = alct(tmp_path)[0]
    assert float(one[11]) < 0 and one[4:8] == ["0.000000"] * 4 and one[12:] == ["0.000000"] * 2


def rows_of(periods, loss):
    """The line of two samples of which one has a loss in one period."""
    n = 2 * periods
    return b"1,2,%.6f,%.6f" % (loss / n, math.sqrt((loss**2 - loss**2 / n) / (n - 1)))


def test_no_samples(tmp_path):
    """Only the analytical mean; the convergence table has no rows. ktools crashes on a sample size of -1."""
    for size in (0, -1):
        prepare(tmp_path, [(1, 1, 1.0, [(-1, 10.0)])], size, occurrences=[(1, 1, 1)])
        assert aal(tmp_path) == LEGACY + b"1,1,2.500000,5.000000\n"
        assert alct(tmp_path) == []
        assert aal(tmp_path, ktc.aalcalcmeanonly).splitlines()[1:] == [b"1,1,2.500000", b"1,2,0.000000"]


def test_no_samples_in_parquet(tmp_path):
    """ktools' convergence table has rows of NaN in parquet, and none in csv."""
    pq = pytest.importorskip("pyarrow.parquet")
    prepare(tmp_path, [(1, 1, 1.0, [(-1, 10.0)])], 0, occurrences=[(1, 1, 1)])
    aal(tmp_path, parquet=tmp_path / "alt", convergence=tmp_path / "alct")
    assert pq.read_table(tmp_path / "alct.parquet").num_rows == 0
    assert pq.read_table(tmp_path / "alt").to_pylist() == [
        {"SummaryId": 1, "SampleType": 1, "MeanLoss": 2.5, "SDLoss": 5.0}
    ]


def test_an_index_is_not_read(tmp_path):
    """ktools loses the packets that an index beside a stream does not name."""
    prepare(tmp_path)
    expected = aal(tmp_path)
    (tmp_path / "work" / "run" / "summary_P1.idx").write_bytes(b"1,12\n")
    assert aal(tmp_path) == expected


def test_summary_ids_of_0_and_below(tmp_path):
    """ktools' aalcalc leaves 0 out and writes outside its arrays for -1; its aalcalcmeanonly has rows for
    both."""
    records = [(-1, 10.0), (1, 8.0), (2, 12.0)]
    prepare(tmp_path, [(1, summary, 1.0, records) for summary in (0, 2, -1)], occurrences=[(1, 1, 1)])
    assert [line[:4] for line in aal(tmp_path, skip_header=True).splitlines()] == [
        b"-1,1",
        b"0,1,",
        b"2,1,",
        b"-1,2",
        b"0,2,",
        b"2,2,",
    ]
    rows = alct(tmp_path)
    assert [row[0] for row in rows] == ["-1", "-1", "0", "0", "1", "1", "2", "2"]
    assert rows[0][1:] == rows[2][1:] == rows[6][1:] != rows[4][1:]
    assert aal(tmp_path, ktc.aalcalcmeanonly, skip_header=True).splitlines() == [
        b"%d,%d,2.500000" % (summary, type) for summary in (-1, 0, 2) for type in (1, 2)
    ]


def test_special_samples_are_no_samples(tmp_path):
    """ktools: aalcalc writes outside its array for sidx -2 and -3, aalcalcmeanonly counts them as samples."""
    prepare(tmp_path)
    expected = [aal(tmp_path), aal(tmp_path, ktc.aalcalcmeanonly)]
    special = [(-4, 7.0), (-3, 99.0), (-2, 5.0)]
    prepare(
        tmp_path,
        [(event, summary, exposure, special + records) for event, summary, exposure, records in PACKETS],
    )
    assert [aal(tmp_path), aal(tmp_path, ktc.aalcalcmeanonly)] == expected


def test_two_records_of_a_sample_add_up(tmp_path):
    """As in ktools: sample 1 loses 8 + 9."""
    prepare(tmp_path, [(1, 1, 1.0, [(1, 8.0), (1, 9.0)])], occurrences=[(1, 1, 1)])
    assert aal(tmp_path).splitlines()[2] == rows_of(4, 17.0)
    assert aal(tmp_path, ktc.aalcalcmeanonly).splitlines()[2] == b"1,2,%.6f" % (17 / 8)


def test_events_that_do_not_occur(tmp_path):
    """aalcalc has no rows for summaries without any other event, aalcalcmeanonly rows of 0, both as
    ktools."""
    prepare(tmp_path, [*PACKETS, (9, 2, 1.0, [(-1, 3.0), (1, 4.0)]), (9, 3, 1.0, [(-5, 1.0)])])
    assert {line.split(b",")[0] for line in aal(tmp_path, skip_header=True).splitlines()} == {b"1"}
    assert aal(tmp_path, ktc.aalcalcmeanonly).splitlines()[3:] == [b"2,1,0.000000", b"2,2,0.000000"]


# Accumulators


def whole_run(root, seed=0, **options):
    rng = np.random.default_rng(seed)
    packets = random_packets(rng, events=60, summaries=8, sample_size=20)
    return prepare(
        root,
        packets,
        20,
        occurrences=random_occurrences(rng, events=60, periods=40),
        periods=40,
        weights=dict.fromkeys(range(1, 41), 0.025),
        **options,
    )


def tables(average):
    return [bytes(table.rows) for table in (average.table(), average.convergence(), average.legacy())]


def test_accumulator_is_the_script(tmp_path):
    whole_run(tmp_path, files=2)
    paths = Folder(tmp_path).summaries("run")
    average, means = AverageLoss(tmp_path).feed(*paths), AverageLossMeanOnly(tmp_path).feed(*paths)

    def text(table):
        out = io.BytesIO()
        for row in table.numpy().tolist():
            out.write(",".join("%d" % v if isinstance(v, int) else "%.6f" % v for v in row).encode() + b"\n")
        return out.getvalue()

    assert text(average.table()) == aal(tmp_path, ord=True, skip_header=True) == text(average.legacy())
    assert text(average.convergence()).decode().splitlines() == [",".join(row) for row in alct(tmp_path)]
    assert text(means.table()) == aal(tmp_path, ktc.aalcalcmeanonly, skip_header=True) == text(means.legacy())


def test_feeding_goes_on_after_a_table(tmp_path):
    whole_run(tmp_path)
    whole = (tmp_path / "work" / "run" / "summary_P1.bin").read_bytes()
    size, _, packets = summaries.split(whole)
    average = AverageLoss(tmp_path)
    assert [len(t) for t in (average.table(), average.convergence(), average.legacy())] == [0, 0, 0]
    average.feed(stream(size, packets[:100]))
    assert len(average.table()) == 16
    average.feed(stream(size, packets[100:]))
    assert tables(average) == tables(AverageLoss(tmp_path).feed(io.BytesIO(whole)))


@pytest.mark.parametrize("kind", [AverageLoss, AverageLossMeanOnly])
def test_merged_partitions_are_the_whole(tmp_path, kind):
    """Fed by several threads with parts of the events; float32 losses of like size add up exactly in any
    order."""
    whole_run(tmp_path, files=4)
    paths = list((tmp_path / "work" / "run").glob("*.bin"))
    whole = kind(tmp_path).feed(*paths)
    first = kind(tmp_path)
    parts = [first, *(first.another() for _ in paths[1:])]
    threads = [threading.Thread(target=part.feed, args=(path,)) for part, path in zip(parts, paths)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for part in parts[1:]:
        first.merge(part)
    for name, rows in ((name, getattr(whole, name)().numpy()) for name in ("table", "legacy")):
        merged = getattr(first, name)().numpy()
        for column in rows.dtype.names:
            assert merged[column].tolist() == pytest.approx(rows[column].tolist(), rel=1e-14)
    if kind is AverageLoss:
        assert tables(first) == tables(whole)
        with pytest.raises(UsageError, match="samples"):
            first.merge(first.another().feed(stream(3, [(1, 1, 1.0, [(1, 2.0)])])))
    with pytest.raises(UsageError, match="itself"):
        first.merge(first)


def test_in_a_chain(tmp_path):
    """A whole analysis without files gives what the scripts make of its streams; a second run adds up."""
    ktc.write_example(tmp_path, events=30, locations=20, grid=6)
    (tmp_path / "work" / "run").mkdir(parents=True)
    average, means = AverageLoss(tmp_path), AverageLossMeanOnly(tmp_path)

    def analysis():
        chain.Chain(
            chain.Events(),
            chain.GetModel(),
            chain.GulCalc(sample_size=10, alloc_rule=1),
            chain.SummaryCalc({2: [average, means, tmp_path / "work" / "run" / "s.bin"]}),
            root=tmp_path,
        ).run()

    analysis()
    from_files = AverageLoss(tmp_path).feed(tmp_path / "work" / "run" / "s.bin")
    assert tables(average) == tables(from_files) and len(average.table()) > 2
    once, mean_once = average.table().numpy(), means.table().numpy()
    by_type = np.r_[0 : len(once) : 2, 1 : len(once) : 2]
    assert once["MeanLoss"].tolist() == pytest.approx(mean_once["MeanLoss"][by_type].tolist())
    analysis()
    assert average.table().numpy()["MeanLoss"].tolist() == (2 * once["MeanLoss"]).tolist()
    assert means.table().numpy()["MeanLoss"].tolist() == pytest.approx(
        (2 * mean_once["MeanLoss"]).tolist(), rel=1e-12
    )


# Bounded memory


def test_little_memory_gives_the_same_bytes(tmp_path, monkeypatch):
    """The files are read again for the summaries that did not fit."""
    whole_run(tmp_path, files=3, ensemble=[(s, 1 + s % 3) for s in range(1, 21)])
    passes = []
    real = accumulators.feed_all
    monkeypatch.setattr(
        accumulators, "feed_all", lambda kernel, sources: passes.append(real(kernel, sources))
    )
    expected = aal(tmp_path), alct(tmp_path)
    assert len(passes) == 2
    for memory, times in ((1e-6, 8), (0.03, 2)):
        passes.clear()
        assert (aal(tmp_path, memory=memory), alct(tmp_path, memory=memory)) == expected
        assert len(passes) >= 2 * times
    assert aal(tmp_path, memory=math.inf) == expected[0]
    with pytest.raises(MemoryError):
        AverageLoss(tmp_path, memory=0.01).feed(*(tmp_path / "work" / "run").glob("*.bin"))
    for memory in (0, -1, math.nan):
        with pytest.raises(UsageError, match="MiB"):
            aal(tmp_path, memory=memory)


# Faults

FUNCTIONS = (ktc.aalcalc, ktc.aalcalcmeanonly)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_cut_streams(tmp_path, function):
    prepare(tmp_path, files=2)
    path = tmp_path / "work" / "run" / "summary_P2.bin"
    data = path.read_bytes()
    for size in range(len(data)):
        path.write_bytes(data[:size])
        if size != 12:  # behind the header, it is a stream without losses
            with pytest.raises(TruncatedError, match=r"summary_P2\.bin: byte \d+"):
                function("run", tmp_path / "out.csv", root=tmp_path)
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    "weights", [{0: 0.1, 1: 0.2, 2: 0.3, 9: 0.4}, [(2, 0.9), (1, 0.2), (2, 0.3), (3, 0.1)], None]
)
def test_doubtful_tables_like_ktools(oracle, tool, run, tmp_path, weights):
    """Weights of periods that there are not, and twice (they count once in the number by which weights are
    multiplied); records of zeros in the occurrence table."""
    root, rng = tmp_path, np.random.default_rng(3)
    write_tables(
        root,
        occurrences=[*random_occurrences(rng, events=9, periods=4), (0, 0, 0)],
        periods=4,
        weights=weights,
    )
    write_work(root, [stream(3, random_packets(rng, events=9, summaries=2, sample_size=3))])
    for program, flags in (
        ("aalcalc", ()),
        ("aalcalc", ("-o",)),
        ("aalcalcmeanonly", ()),
        ("aalcalcmeanonly", ("-o",)),
    ):
        theirs = run([oracle(program), "-K", "run", *flags], cwd=root)
        assert run([tool(program), "-K", "run", *flags], cwd=root) == theirs and theirs[0] == 0


@pytest.mark.parametrize("function", FUNCTIONS)
def test_wrong_input(tmp_path, function):
    def wrong(error, match, **keywords):
        out = io.BytesIO()
        with pytest.raises(error, match=match):
            function("run", out, root=tmp_path, **keywords)
        assert out.getvalue() == b""

    prepare(tmp_path)
    path = tmp_path / "work" / "run" / "summary_P1.bin"
    data = path.read_bytes()
    path.write_bytes(struct.pack("<I", streams.LOSS) + data[4:])
    wrong(DataError, "byte 0: this is a loss stream, expected a summary stream")
    for value in (math.nan, math.inf, -math.inf):
        prepare(tmp_path, [(5, 6, 1.0, [(-1, 1.0), (2, value)])], occurrences=[(5, 1, 1)])
        wrong(DataError, "summary_P1.bin: event 5, summary 6: the loss of sample 2 is")
    prepare(tmp_path, [(5, 6, 1.0, [(-1, 1.0), (3, 1.0)])])
    wrong(DataError, "sidx 3")
    prepare(tmp_path, weights={1: 0.5, -5: 0.5})
    wrong(DataError, "periods.bin: .*period -5")
    prepare(tmp_path, occurrences=[(1, 5, 1)])
    wrong(DataError, "occurrence.bin: .*period 5")
    (tmp_path / "input" / "occurrence.bin").unlink()
    wrong(InputError, "occurrence.bin: cannot read")
    path.unlink()
    wrong(InputError, "no file")
    path.parent.rmdir()
    wrong(InputError, "run: cannot read")
    with pytest.raises(UsageError, match="-K"):
        function(root=tmp_path)


def test_wrong_numbers_of_samples(tmp_path):
    """ktools' aalcalc takes the first file's for all, and writes outside its array; aalcalcmeanonly each
    file's own."""
    prepare(
        tmp_path,
        [(1, 1, 1.0, [(1, 8.0), (2, 12.0)]), (2, 1, 1.0, [(1, 8.0), (4, 8.0)])],
        [4, 2],
        files=2,
        occurrences=[(1, 1, 1), (2, 2, 1)],
    )
    with pytest.raises(DataError, match=r"summary_P\d.bin: the stream has \d samples, those before it \d"):
        aal(tmp_path)
    assert aal(tmp_path, ktc.aalcalcmeanonly).splitlines()[1:] == [b"1,1,0.000000", b"1,2,3.500000"]


def test_wrong_ensembles(tmp_path):
    for ensemble, message in (
        ([(1, 1)], "sidx 2 is in no ensemble"),
        ([], "sidx 1 is in no ensemble"),
        ([(1, 1), (2, 1), (3, 1)], "record 3: sidx is 3, expected 1 to 2"),
        ([(1, 1), (2, 0)], "record 2: the ensemble of sidx 2 is 0"),
    ):
        prepare(tmp_path, ensemble=ensemble)
        with pytest.raises(DataError, match=f"ensemble.bin: {message}"):
            aal(tmp_path)
    prepare(tmp_path, weights={1: 1e300})
    with pytest.raises(DataError, match="weight of period 1 is 1e\\+300"):
        aal(tmp_path)


def test_usage(tool, run, tmp_path):
    prepare(tmp_path)
    for confidence in (-0.1, 1.1, math.nan):
        with pytest.raises(UsageError, match="confidence level"):
            aal(tmp_path, confidence=confidence)
    for arguments, message in (
        (["-K", "run", "-l", "2"], "confidence level"),
        (["-K", "run", "-l", "x"], "-l"),
        ([], "-K"),
        (["-K", "run", "-d"], "-d"),
    ):
        status, out, error = run([tool("aalcalc"), *arguments], cwd=tmp_path)
        assert status == 2 and out == b"" and error.startswith("aalcalc: error: ") and message in error
    # at 1 there is no interval, and at 0 none beyond the approximation
    assert alct(tmp_path, confidence=1)[1][4:6] == ["0.000000", "0.000000"]
    assert float(alct(tmp_path, confidence=0)[1][5]) in (0, pytest.approx(5, abs=4.5e-4))


@pytest.mark.posix
def test_output_that_fails(tool, run, tmp_path):
    prepare(tmp_path)
    for name in ("aalcalc", "aalcalcmeanonly"):
        status, _, error = run(["bash", "-c", f"{tool(name)} -K run > /dev/full"], cwd=tmp_path)
        assert status == 4 and error.startswith(f"{name}: error: ") and error.count("\n") == 1
    status, out, error = run([tool("aalcalc"), "-K", "run", "-c", "missing/alct"], cwd=tmp_path)
    assert status == 4 and out == b"" and "missing/alct.csv" in error


def test_without_pyarrow(tmp_path, monkeypatch):
    """Parquet is the only thing that needs it."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    prepare(tmp_path)
    for function in FUNCTIONS:
        with pytest.raises(UsageError, match="pyarrow"):
            function("run", parquet=tmp_path / "t.parquet", root=tmp_path)
    assert not (tmp_path / "t.parquet").exists() and aal(tmp_path, convergence=tmp_path / "alct").startswith(
        LEGACY
    )


def test_no_numpy_is_imported(run, tmp_path):
    prepare(tmp_path)
    code = (
        "import ktc, sys; ktc.aalcalc('run', 'out', convergence='alct'); ktc.aalcalcmeanonly('run', 'm'); "
        "ktc.summaryindex('run'); print('numpy' in sys.modules)"
    )
    assert run([sys.executable, "-c", code], cwd=tmp_path)[:2] == (0, b"False\n")
