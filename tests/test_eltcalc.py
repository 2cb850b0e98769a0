"""eltcalc: worked examples, the order of float arithmetic, every table beside the oracle, and input that is
wrong."""

import io
import math
import os
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from support import summaries
from support.beside import same_bytes
from support.doubles import OF_FEW_SAMPLES, TOLERANCE, by_rule, moments

import ktc
from ktc import stages
from ktc.errors import DataError, InputError, OutputError, TruncatedError
from ktc.schemas import REPORTS, streams

HEADER = b"summary_id,type,event_id,mean,standard_deviation,exposure_value\n"
HUGE = streams.MOST_SAMPLES
F = np.float32


MELT = (
    b"EventId,SummaryId,SampleType,EventRate,ChanceOfLoss,MeanLoss,SDLoss,MaxLoss,FootprintExposure,"
    b"MeanImpactedExposure,MaxImpactedExposure\n"
)
QELT = b"EventId,SummaryId,Quantile,Loss\n"
QUANTILES = [0.0, 1.0, 0.5, 0.25, 0.99, 0.5, 0.0, 0.9, 1 / 3]
# the function's keyword, the flags for csv and parquet, and the report
TABLES = (
    ("moment", "-M", "-m", "moment_event_loss_table"),
    ("quantile", "-Q", "-q", "quantile_event_loss_table"),
)

summary_stream = summaries.stream


def elt(stream, **keywords):
    out = io.BytesIO()
    stages.eltcalc(stream, out, **keywords)
    return out.getvalue()


def rows(stream):
    return [line.split(",") for line in elt(stream, skip_header=True).decode().splitlines()]


def test_worked_example():
    """Losses 10, 20, 30 and a missing one of S = 4: mean 60 / 4, variance (1400 - 60 * 60 / 4) / 3 =
    166.67."""
    records = [(-5, 99.0), (-3, 3.0), (-2, 4.0), (-1, 14.25), (1, 10.0), (3, 20.0), (4, 30.0)]
    stream = summary_stream(4, [(5, 7, 1000.5, records), (6, 8, 2.0, [(2, 8.0)])])
    lines = (
        b"7,1,5,14.250000,0.000000,1000.500000\n7,2,5,15.000000,12.909945,1000.500000\n"
        b"8,1,6,0.000000,0.000000,2.000000\n8,2,6,2.000000,4.000000,2.000000\n"
    )
    assert elt(stream) == HEADER + lines
    assert elt(stream, skip_header=True) == lines


def test_what_has_lines():
    packets = [
        (1, 1, 0.0, [(-1, 0.0)]),
        (1, 2, -1.0, []),
        (1, 3, math.nan, [(-1, 0.0)]),
        (1, 4, 1e-30, []),
        (1, 5, 1.0, [(-1, 5.0), (-1, 6.0)]),
        (1, 6, 0.0, [(-1, 7.0)]),
    ]
    assert [r[:2] for r in rows(summary_stream(2, packets))] == [[id, type] for id in "456" for type in "12"]
    assert [r[:4] for r in rows(summary_stream(0, packets))] == [
        ["4", "1", "1", "0.000000"],
        ["5", "1", "1", "11.000000"],
        ["6", "1", "1", "7.000000"],
    ]
    assert elt(summary_stream(3, [])) == HEADER


def test_one_sample_has_no_deviation():
    assert rows(summary_stream(1, [(1, 1, 1.0, [(1, 8.0)])]))[1] == [
        "1",
        "2",
        "1",
        "8.000000",
        "0.000000",
        "1.000000",
    ]


def test_equal_losses_have_no_deviation():
    """Sums of large floats leave noise, which is not a deviation."""
    for size in (2, 3, 10, 100):
        for loss in (16777217.0, 1e9 / 3, 123456.789):
            records = [(s, loss) for s in range(1, size + 1)]
            assert rows(summary_stream(size, [(1, 1, 1.0, records)]))[1][4] == "0.000000"


def float_by_float(sample_size, records):
    """Mean and standard deviation with every operation rounded to float, in the records' order."""
    total = squares = F(0)
    for sidx, loss in records:
        if sidx > 0:
            total = F(total + F(loss))
            squares = F(squares + F(F(loss) * F(loss)))
    size = F(sample_size)
    variance = F(F(squares - F(F(total * total) / size)) / F(sample_size - 1))
    if float(F(variance / squares)) < 0.0000001:
        variance = F(0)
    return "%.6f" % F(total / size), "%.6f" % np.sqrt(variance)


def test_arithmetic_is_float_in_the_records_order():
    rng = np.random.default_rng(5)
    for sample_size in (2, 7, 100):
        packets = []
        for event in range(1, 30):
            losses = np.exp(rng.normal(rng.uniform(0, 15), rng.uniform(0, 3), sample_size)).astype(F).tolist()
            order = rng.permutation(sample_size) + 1
            records = list(zip(order.tolist(), losses))[: rng.integers(1, sample_size + 1)]
            packets.append((event, 1, 1e6, records))
        with np.errstate(invalid="ignore"):
            expected = [list(float_by_float(sample_size, p[3])) for p in packets]
        assert [r[3:5] for r in rows(summary_stream(sample_size, packets)) if r[1] == "2"] == expected


@pytest.mark.parametrize("losses", [[3e19, 1e19, 2e19], [3e38, 1e38, 3e38], [1.5e19, 1.5e19, 1.4e19]])
def test_sums_beyond_float(losses):
    """ktools' sums overflow and it writes inf or nan."""
    losses = [float(F(v)) for v in losses]
    mean = sum(losses) / 3
    row = rows(summary_stream(3, [(1, 1, 1.0, list(enumerate(losses, 1)))]))[1]
    assert float(row[3]) == pytest.approx(mean, rel=1e-6)
    assert float(row[4]) == pytest.approx(math.sqrt(sum((v - mean) ** 2 for v in losses) / 2), rel=1e-6)


def random_packets(sample_size, seed):
    rng = np.random.default_rng(seed)
    packets = []
    for event in range(1, 120):
        for summary in range(1, 4):
            losses = np.exp(rng.normal(rng.uniform(-5, 16), rng.uniform(0, 4), 40)).astype(F)
            losses[rng.random(40) < 0.3] = 0
            if summary == 3:
                losses[:] = losses[0]
            sidx = np.sort(rng.choice(np.arange(1, 61), 40, replace=False))
            records = [(-s, float(losses[s])) for s in rng.permutation(5) + 1][: rng.integers(0, 6)]
            records += [(int(s), float(v)) for s, v in zip(sidx, losses) if s <= sample_size]
            if event % 10 == 0:
                records = records[::-1]
            # without exposure ktools leaves losses out
            packets.append(
                (
                    event * 1000 - 5000,
                    summary,
                    float(rng.choice([0, -1, 0.001, 1e5, 1e30] if not records else [0.001, 1e5, 1e30])),
                    records,
                )
            )
    return packets + [
        (2147483647, -2147483648, 1.0, [(-1, -0.0)]),
        (-2147483648, 2147483647, 3.4e38, [(1, 5.0)] * min(sample_size, 1)),
    ]


def by_rule_for_numbers(text, packets, sample_size):
    """ktools' csv, with the moments that are wrong made right."""
    if sample_size < 1:
        return text
    right = {
        (str(summary), str(event)): moments([loss for sidx, loss in records if sidx > 0], sample_size)
        for event, summary, _, records in packets
    }
    lines = [line.split(",") for line in text.decode().splitlines()]
    for line in lines:
        if line[1] == "2":
            mean, sd = right[line[0], line[2]]
            line[3:5] = (
                by_rule(line[3], mean),
                by_rule(line[4], sd, OF_FEW_SAMPLES if sample_size <= 30 else TOLERANCE),
            )
    return "".join(",".join(line) + "\n" for line in lines).encode()


def test_like_ktools(oracle, tool, run):
    """The oracle sleeps for a second after its first line, so its runs go side by side."""
    jobs = [(size, flags) for size in (-1, 0, 1, 2, 3, 60, 100000, HUGE) for flags in ([], ["-s"])]
    packets = {size: random_packets(size, max(size, 0)) for size, _ in jobs}
    sources = {size: summary_stream(size, packets[size]) for size in packets}
    with ThreadPoolExecutor(len(jobs)) as pool:
        runs = list(pool.map(lambda job: run([oracle("eltcalc"), *job[1]], sources[job[0]]), jobs))
    for (size, flags), theirs in zip(jobs, runs):
        assert theirs[0] == 0 and theirs[1].count(b"\n") > 150
        expected = by_rule_for_numbers(theirs[1], packets[size], size)
        same_bytes(
            elt(sources[size], skip_header=bool(flags)),
            expected,
            command=["eltcalc", *flags],
            stdin=sources[size],
            note=f"{size} samples",
        )
        changed = [
            line for line, other in zip(expected.splitlines(), theirs[1].splitlines()) if line != other
        ]
        # two or three losses that are close to each other; beyond 10^7 samples every variance is noise to
        # ktools
        assert len(changed) < 3 or size == HUGE
    assert run([tool("eltcalc")], sources[60]) == (0, runs[jobs.index((60, []))][1], "")


def test_broken_input():
    stream = summary_stream(2, [(1, 1, 1.0, [(1, 2.0)]), (2, 1, 1.0, [(-1, 2.0), (2, 3.0)])])
    for size in range(len(stream)):
        if size in (12, 40):  # behind the header, and behind the first event
            assert elt(stream).startswith(elt(stream[:size]))
        else:
            with pytest.raises(TruncatedError):
                elt(stream[:size])
    with pytest.raises(DataError, match="event 9, id 1: sidx 3"):
        elt(summary_stream(2, [(9, 1, 1.0, [(3, 2.0)])]))
    with pytest.raises(DataError, match="byte 0: .*expected a summary stream"):
        elt(struct.pack("<Ii", streams.LOSS, 1))


def test_log_of_a_run(tool, run, tmp_path):
    """Scripts of the Oasis platform count the lines with finish in log/."""
    (tmp_path / "log").mkdir()
    assert run([tool("eltcalc")], summary_stream(1, []), cwd=tmp_path)[0] == 0
    (log,) = (tmp_path / "log").glob("eltcalc_*.log")
    assert log.read_text().count("finish") == 1


# MELT and QELT


def table_of(stream, name, root, **keywords):
    out = io.BytesIO()
    stages.eltcalc(stream, **{name: out}, root=root, **keywords)
    return out.getvalue()


def lines_of(stream, name, root):
    return table_of(stream, name, root, skip_header=True).decode().splitlines()


def folder(tmp_path, occurrences=(), periods=10, **tables):
    summaries.write_tables(tmp_path, occurrences=list(occurrences), periods=periods, **tables)
    return tmp_path


def test_moments(tmp_path):
    """The losses of test_worked_example; event 5 happens three times in ten periods, event 6 never."""
    records = [(-5, 99.0), (-1, 14.25), (1, 10.0), (3, 20.0), (4, 30.0), (2, 0.0)]
    stream = summary_stream(4, [(5, 7, 1000.5, records), (6, 8, 2.0, [(2, 8.0)]), (6, 9, 0.0, records[:0])])
    root = folder(tmp_path, [(5, 1, 0), (4, 1, 0), (5, 1, 0), (5, 10, 0)])
    assert table_of(stream, "moment", root) == MELT + (
        b"5,7,1,0.300000,0.000000,14.250000,0.000000,99.000000,1000.500000,1000.500000,1000.500000\n"
        b"5,7,2,0.300000,0.750000,15.000000,12.909945,99.000000,1000.500000,750.375000,1000.500000\n"
        b"6,8,1,0.000000,0.000000,0.000000,0.000000,0.000000,2.000000,2.000000,2.000000\n"
        b"6,8,2,0.000000,0.250000,2.000000,4.000000,0.000000,2.000000,0.500000,2.000000\n"
    )


def test_moments_of_few_samples(tmp_path):
    root = folder(tmp_path)
    one = lines_of(summary_stream(1, [(1, 1, 8.0, [(1, 3.0)])]), "moment", root)
    assert (
        one[1] == "1,1,2,0.000000,0.000000,3.000000,0.000000,0.000000,8.000000,8.000000,8.000000"
    )  # chance 0: as ktools
    assert len(lines_of(summary_stream(0, [(1, 1, 8.0, [(-1, 3.0)])]), "moment", root)) == 1
    none = lines_of(summary_stream(-1, [(1, 1, 8.0, [(-1, 3.0)])]), "moment", root)
    assert none[1] == "1,1,2,0.000000,0.000000,0.000000,0.000000,0.000000,8.000000,0.000000,0.000000"


def test_event_rates_from_csv(tmp_path):
    """It wins over the occurrence table, which need not be there; the last line of an event counts; columns
    behind are left."""
    stream = summary_stream(1, [(event, 1, 1.0, []) for event in (-3, 5, 6, 7)])
    (tmp_path / "input").mkdir()
    (tmp_path / "input/event_rates.csv").write_text("event_id,rate\n7,0.125\n5,2\n-3,1e-3,x\n7,0.5\n")
    assert [line.split(",")[3] for line in lines_of(stream, "moment", tmp_path)[::2]] == [
        "0.001000",
        "2.000000",
        "0.000000",
        "0.500000",
    ]


def test_quantiles(tmp_path):
    """Samples 0, 10, 20, 40 at 0, 1/3, 2/3 and 1; in float, 3 * 0.9 + 1 is 3.6999998. Losses of a sidx add
    up."""
    root = folder(tmp_path, quantiles=[1.0, 0.25, 0.9, 0.0, 0.25, 0.5])
    wanted = (
        b"1,1,0.000000,0.000000\n1,1,0.250000,7.500000\n1,1,0.500000,15.000000\n1,1,0.900000,33.999996\n"
        b"1,1,1.000000,40.000000\n"
    )
    for records in (
        [(4, 20.0), (2, 40.0), (1, 10.0)],
        [(-1, 9.0), (1, 0.0), (2, 10.0), (3, 20.0), (4, 40.0)],
        [(1, 6.0), (4, 20.0), (2, 40.0), (1, 4.0)],
        [(1, 10.0), (2, 15.0), (4, 20.0), (3, 0.0), (2, 25.0)],
    ):
        assert table_of(summary_stream(4, [(1, 1, 1.0, records)]), "quantile", root) == QELT + wanted
    for size in (0, -1):  # ktools cannot make a vector of -1 losses
        assert table_of(summary_stream(size, [(1, 1, 1.0, [(-1, 9.0)])]), "quantile", root) == QELT
    # the most samples there can be: float has just room for all places
    many = summary_stream(2**24, [(1, 1, 1.0, [(9, 5.0)])])
    assert [line.split(",")[3] for line in lines_of(many, "quantile", root)] == ["0.000000"] * 4 + [
        "5.000000"
    ]


def test_losses_of_a_summary_without_exposure_are_not_the_next_ones(tmp_path):
    """ktools takes them for samples that the next summary does not have: 70 in place of 0. They stay its
    own."""
    root = folder(tmp_path, quantiles=[1.0])
    stream = summary_stream(2, [(1, 1, 0.0, [(1, 70.0)]), (1, 2, 1.0, [(2, 5.0)])])
    assert lines_of(stream, "quantile", root) == ["1,1,1.000000,70.000000", "1,2,1.000000,5.000000"]


def test_exposures_beyond_float(tmp_path):
    """ktools adds exposed values up in float, which ends at 3.4e38."""
    stream = summary_stream(3, [(1, 1, float(F(3e38)), [(1, 1.0), (2, 1.0), (3, 1.0)])])
    assert float(lines_of(stream, "moment", folder(tmp_path))[1].split(",")[9]) == pytest.approx(
        3e38, rel=1e-6
    )


def ord_cases():
    """(name, sample size, stream, tables)."""
    made = []
    for seed, (options, size, periods, how) in enumerate(
        [
            (0, 10, 3, dict(ties=True)),
            (1, 100, 10000, dict(special=True)),
            (3, 37, 50, dict(max_loss=False)),
            (0, 1, 5, dict(zeros=0.5)),
            (1, 2, 7, dict(missing=0.9)),
            (0, 0, 5, {}),
            (3, 700, 4, dict(zeros=0.6)),
            (1, -1, 5, {}),
        ]
    ):
        rng = np.random.default_rng(seed)
        packets = summaries.random_packets(
            rng, events=40 if size < 700 else 6, summaries=3, sample_size=size, **how
        )
        if seed == 2:  # records in any order
            packets = [(e - 20, s, x, [r[i] for i in rng.permutation(len(r))]) for e, s, x, r in packets]
        if seed == 4:
            packets = [(e, s, (x, x, 0.0, -1.0)[e % 4], r if e % 4 < 2 else []) for e, s, x, r in packets]
        occurrences = summaries.random_occurrences(
            rng, events=[*range(-20, 41)] if seed == 2 else 40, periods=periods
        )
        rates = {event: float(rng.uniform(0, 2)) for event in range(-20, 30)} if seed % 4 == 2 else None
        made.append(
            (
                seed,
                size,
                summary_stream(size, packets),
                dict(
                    occurrences=occurrences,
                    periods=periods,
                    date_options=options,
                    event_rates=rates,
                    quantiles=QUANTILES,
                ),
            )
        )
    return made


def flags_of(root, size, seed):
    """Both tables as csv and parquet into root; not QELT where ktools crashes, or mixes summaries up (the
    case has exposures of 0)."""
    return [
        part
        for name, csv, parquet, _ in TABLES
        if name == "moment" or (size >= 0 and seed != 4)
        for part in (csv, str(root / f"{name}.csv"), parquet, str(root / f"{name}.parquet"))
    ]


def test_moments_and_quantiles_like_ktools(oracle, tool, run, tmp_path):
    jobs = []
    for seed, size, stream, tables in ord_cases():
        root = folder(tmp_path / f"case{seed}", **tables)
        jobs.append((seed, size, root, stream, flags_of(root, size, seed)))
    with ThreadPoolExecutor(len(jobs)) as pool:
        runs = list(pool.map(lambda job: run([oracle("eltcalc"), *job[4]], job[3], cwd=job[2]), jobs))
    rows = 0
    for (seed, _size, root, stream, flags), theirs in zip(jobs, runs):
        assert theirs == (0, b"", ""), seed
        for name, csv, _, report in TABLES:
            if csv in flags:
                table, out = ktc.ResultTable(report), io.BytesIO()
                stages.eltcalc(stream, **{name: [table, out]}, root=root)
                same_bytes(
                    out.getvalue(),
                    (root / f"{name}.csv").read_bytes(),
                    command=["eltcalc", csv, "-"],
                    stdin=stream,
                    folder=root,
                    note=f"seed {seed}, {name}",
                )
                assert table.numpy().dtype == REPORTS[report].dtype()
                rows += same_parquet(table, root / f"{name}.parquet")
    assert rows == 0 or rows > 4000
    root = folder(tmp_path / "ours", **ord_cases()[2][3])
    assert run([tool("eltcalc"), "-s", "-M", "m.csv", "-Q", "-"], jobs[2][3], cwd=root) == (
        0,
        (jobs[2][2] / "quantile.csv").read_bytes().removeprefix(QELT),
        "",
    )
    assert MELT + (root / "m.csv").read_bytes() == (jobs[2][2] / "moment.csv").read_bytes()


def same_parquet(table, path):
    """A ResultTable and a parquet file of the oracle's have the same rows. How many; 0 without pyarrow."""
    try:
        from pyarrow import parquet
    except ImportError:
        return 0
    theirs, ours = parquet.read_table(path), table.arrow()
    assert theirs.equals(ours), path
    return len(ours)


def test_parquet_by_script(tool, run, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    _, size, stream, tables = ord_cases()[0]
    root = folder(tmp_path, **tables)
    assert run([tool("eltcalc"), *flags_of(root, size, 0)], stream, cwd=root) == (0, b"", "")
    for name, _, _, report in TABLES:
        table = ktc.ResultTable(report)
        stages.eltcalc(stream, **{name: table}, root=root)
        assert len(table) > 100 and parquet.read_table(root / f"{name}.parquet").equals(table.arrow())


def test_process_file(oracle, tool, run, tmp_path):
    """-P leaves work/sema_elt/N.id. ktools ends in a segfault where that folder is missing."""
    stream = summary_stream(1, [(1, 1, 1.0, [(1, 2.0)])])
    for name, script in (("theirs", oracle("eltcalc")), ("ours", tool("eltcalc"))):
        root = tmp_path / name
        (root / "work/sema_elt").mkdir(parents=True)
        assert run([script, "-P", "3"], stream, cwd=root)[:2] == (0, elt(stream))
        assert run([script, "-P", "0"], stream, cwd=root)[:2] == (0, elt(stream))
        assert [p.name for p in (root / "work/sema_elt").iterdir()] == ["3.id"]
        assert (root / "work/sema_elt/3.id").read_bytes() == b""
    status, out, message = run([tool("eltcalc"), "-P", "3"], stream, cwd=tmp_path)
    assert (status, out) == (4, b"") and "work/sema_elt/3.id" in message
    with pytest.raises(OutputError):
        stages.eltcalc(stream, io.BytesIO(), process=3, root=tmp_path)


def test_event_rates_without_a_header(tmp_path):
    """ktools takes the first event for the header."""
    summaries.write_tables(tmp_path, occurrences=[(7, 1, 1)], periods=10)
    (tmp_path / "input/event_rates.csv").write_text("7,0.5\n8,0.5\n")
    with pytest.raises(DataError, match="event_rates.csv: line 1"):
        stages.eltcalc(summary_stream(1, []), moment=io.BytesIO(), root=tmp_path)


@pytest.mark.parametrize(
    "line, problem",
    [
        ("1", "line 3: '1': expected 2 columns"),
        ("1;0.5", "line 3: '1;0.5'"),
        ("x,0.5", "line 3: 'x,0.5': column 1"),
        ("1,nan", "line 3: '1,nan': column 2"),
        ("4294967296,1", "line 3"),
        ("", "line 4: .*a blank line before"),
    ],
)
def test_event_rates_that_are_wrong(tmp_path, line, problem):
    (tmp_path / "input").mkdir()
    (tmp_path / "input/event_rates.csv").write_text(f"event_id,rate\n2,0.5\n{line}\n3,0.5\n")
    with pytest.raises(DataError, match=f"input/event_rates.csv: {problem}"):
        lines_of(summary_stream(1, []), "moment", tmp_path)


def test_tables_that_are_wrong(tmp_path):
    stream = summary_stream(1, [(1, 8, 1.0, [(1, 2.0)])])
    root = folder(tmp_path, quantiles=[0.5, 1.5])
    with pytest.raises(
        DataError, match="quantile.bin: byte 4: record 2: the quantile is 1.5, expected 0 to 1"
    ):
        lines_of(stream, "quantile", root)
    (root / "input/quantile.bin").write_bytes(struct.pack("<fH", 0.5, 1))
    with pytest.raises(DataError, match="quantile.bin: byte 4"):
        lines_of(stream, "quantile", root)
    (root / "input/quantile.bin").write_bytes(struct.pack("<f", 0.5))
    with pytest.raises(DataError, match="event 1, summary 8: .*not a finite number"):
        lines_of(summary_stream(1, [(1, 8, 1.0, [(1, math.inf)])]), "quantile", root)
    for name, file in (("quantile", "quantile.bin"), ("moment", "occurrence.bin")):
        (root / "input" / file).unlink()
        with pytest.raises(InputError, match=file):
            lines_of(stream, name, root)
    (root / "input/event_rates.csv").write_bytes(b"")
    with pytest.raises(TruncatedError, match="event_rates.csv"):
        lines_of(stream, "moment", root)


@pytest.mark.posix
def test_cuts_in_front_of_tables(tool, run, tmp_path):
    stream = summary_stream(2, [(1, 1, 1.0, [(1, 2.0)]), (2, 1, 1.0, [(-1, 2.0), (2, 3.0)])])
    root = folder(tmp_path, quantiles=[0.5])
    for size in set(range(len(stream))) - {12, 40}:
        for name, *_ in TABLES:
            with pytest.raises(TruncatedError):
                table_of(stream[:size], name, root)
    assert run([tool("eltcalc"), "-M", "m.csv", "-Q", "q.csv"], stream[:-1], cwd=root)[:2] == (1, b"")
    assert run([tool("eltcalc"), "-M", "/dev/full"], stream, cwd=root)[0] == 4
    assert run([tool("eltcalc"), "-M", "-", "-Q", "-"], stream, cwd=root)[0] == 2
    assert [p.name for p in root.iterdir()] == ["input"]


def test_without_pyarrow(tmp_path):
    """A usage error before anything is read or written."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['pyarrow'] = None\n")
    code = "import sys; from ktc.cli import main; sys.argv[0] = {!r}; sys.exit(main())"
    for name, flags in (
        ("eltcalc", ["-M", "m.csv", "-q", "q.parquet"]),
        ("summarycalctocsv", ["-p", "s.parquet"]),
    ):
        done = subprocess.run(
            [sys.executable, "-c", code.format(name), *flags],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            timeout=60,
        )
        assert done.returncode == 2 and "pyarrow" in done.stderr and done.stderr.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "__pycache__") == ["sitecustomize.py"]
