"""pltcalc: worked examples, every table beside the oracle as csv and as parquet, and input that is wrong."""

import io
import os
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from support import summaries
from support.beside import same_bytes

import ktc
from ktc import stages
from ktc.errors import DataError, InputError, TruncatedError, UsageError
from ktc.schemas import REPORTS, streams

WHEN = "Period,PeriodWeight,EventId,Year,Month,Day,Hour,Minute,SummaryId,"
MPLT = (
    WHEN
    + "SampleType,ChanceOfLoss,MeanLoss,SDLoss,MaxLoss,"
    + "FootprintExposure,MeanImpactedExposure,MaxImpactedExposure\n"
)
SPLT, QPLT = WHEN + "SampleId,Loss,ImpactedExposure\n", WHEN + "Quantile,Loss\n"
LEGACY = "type,summary_id,period_no,event_id,mean,standard_deviation,exposure_value,"
QUANTILES = [0.0, 1.0, 0.5, 0.25, 0.99, 0.5, 0.0, 0.9, 1 / 3]
# what a table is called: the function's keyword, the flags for csv and parquet, and the report
TABLES = (
    ("moment", "-M", "-m", "moment_period_loss_table"),
    ("quantile", "-Q", "-q", "quantile_period_loss_table"),
    ("sample", "-S", "-s", "sample_period_loss_table"),
)


def text_of(function, stream, name="target", **keywords):
    """What one of its tables is as csv."""
    out = io.BytesIO()
    function(stream, **{name: out}, **keywords)
    return out.getvalue().decode()


def lines_of(stream, root, name="target"):
    return text_of(stages.pltcalc, stream, name, root=root, skip_header=True).splitlines()


def folder(tmp_path, occurrences, periods=10, date_options=0, **tables):
    summaries.write_tables(
        tmp_path, occurrences=occurrences, periods=periods, date_options=date_options, **tables
    )
    return tmp_path


# Worked examples

RECORDS = [(-5, 99.0), (-1, 14.25), (1, 10.0), (3, 20.0), (4, 30.0)]


def test_moments_by_occurrence(tmp_path):
    """Losses 10, 20, 30 and a missing one of S = 4: mean 60 / 4, variance (1400 - 60 * 60 / 4) / 3 = 166.67;
    three of four have a loss. Event 5 happens twice, event 7 not at all; event 6 has no loss in its samples,
    event 8 no mean."""
    root = folder(tmp_path, [(5, 9, 20), (6, 1, 3), (5, 2, 10), (8, 4, 0)], quantiles=[0.5])
    stream = summaries.stream(
        4,
        [
            (5, 7, 1000.5, RECORDS),
            (6, 7, 100.0, [(-1, 2.0)]),
            (7, 7, 100.0, RECORDS),
            (8, 1, 8.0, [(-1, 0.0), (2, 8.0)]),
        ],
    )
    assert lines_of(stream, root) == [
        "1,7,9,5,14.25,0.00,1000.50,20",
        "1,7,2,5,14.25,0.00,1000.50,10",
        "2,7,9,5,15.00,12.91,1000.50,20",
        "2,7,2,5,15.00,12.91,1000.50,10",
        "1,7,1,6,2.00,0.00,100.00,3",
        "2,1,4,8,2.00,4.00,8.00,0",
    ]
    # day 20 after 1 March of year 0 is the 21st, day 3 the 4th
    when = {
        9: "9,0.100000,5,0,3,21,0,0,7",
        2: "2,0.100000,5,0,3,11,0,0,7",
        1: "1,0.100000,6,0,3,4,0,0,7",
        4: "4,0.100000,8,0,3,1,0,0,1",
    }
    assert lines_of(stream, root, "moment") == [
        f"{when[9]},1,0.0000,14.25,0.00,99.00,1000.50,1000.50,1000.50",
        f"{when[2]},1,0.0000,14.25,0.00,99.00,1000.50,1000.50,1000.50",
        f"{when[9]},2,0.7500,15.00,12.91,99.00,1000.50,750.38,1000.50",
        f"{when[2]},2,0.7500,15.00,12.91,99.00,1000.50,750.38,1000.50",
        f"{when[1]},1,0.0000,2.00,0.00,0.00,100.00,100.00,100.00",
        f"{when[4]},2,0.2500,2.00,4.00,0.00,8.00,2.00,8.00",
    ]
    assert lines_of(stream, root, "sample")[:6] == [
        f"{when[9]},-1,14.25,1000.50",
        f"{when[2]},-1,14.25,1000.50",
        f"{when[9]},1,10.00,1000.50",
        f"{when[2]},1,10.00,1000.50",
        f"{when[9]},3,20.00,1000.50",
        f"{when[2]},3,20.00,1000.50",
    ]
    assert lines_of(stream, root, "sample")[-2:] == [f"{when[4]},-1,0.00,0.00", f"{when[4]},2,8.00,8.00"]
    assert lines_of(stream, root, "quantile") == [
        f"{when[9]},0.50,15.00",
        f"{when[2]},0.50,15.00",
        f"{when[1]},0.50,0.00",
        f"{when[4]},0.50,0.00",
    ]


def test_quantiles_are_on_the_line_between_two_samples(tmp_path):
    """Samples 0, 10, 20, 40 at 0, 1/3, 2/3 and 1: at a quarter 0.75 of the way to the second, at 0.9 0.7 of
    the last third."""
    root = folder(tmp_path, [(1, 1, 1)], quantiles=[1.0, 0.25, 0.9, 0.0, 0.25, 0.5])
    stream = summaries.stream(4, [(1, 1, 1.0, [(4, 20.0), (2, 40.0), (1, 10.0)])])
    assert [line.split(",")[9:] for line in lines_of(stream, root, "quantile")] == [
        ["0.00", "0.00"],
        ["0.25", "7.50"],
        ["0.50", "15.00"],
        ["0.90", "34.00"],
        ["1.00", "40.00"],
    ]


def test_maximum_loss_wherever_it_stands(tmp_path):
    """ktools writes the row of the mean when its record comes, with 0 for a maximum loss after it."""
    root = folder(tmp_path, [(1, 1, 1)])
    late = summaries.stream(1, [(1, 1, 1.0, [(-1, 2.0), (-5, 9.0), (1, 3.0)])])
    assert [line.split(",")[9:14:4] for line in lines_of(late, root, "moment")] == [
        ["1", "9.00"],
        ["2", "9.00"],
    ]


def test_weights_and_dates(tmp_path):
    """Days count from 1 March of year 0. 3 January 2021 is the day 308 (of 306 up to the end of the year)
    after 2020 years."""
    day = 365 * 2020 + 2020 // 4 - 2020 // 100 + 2020 // 400 + 306 + 2
    stream = summaries.stream(1, [(1, 1, 1.0, [(-1, 2.0)])])
    root = folder(
        tmp_path,
        [(1, 3, 1440 * day + 13 * 60 + 5), (1, 4, 1440 * day)],
        date_options=3,
        weights={3: 0.25, 9: 0.75},
    )
    assert lines_of(stream, root, "sample") == [
        "3,0.250000,1,2021,1,3,13,5,1,-1,2.00,1.00",
        "4,0.000000,1,2021,1,3,0,0,1,-1,2.00,1.00",
    ]
    assert lines_of(stream, root) == ["1,1,3,1,2.00,0.00,1.00,2021,1,3", "1,1,4,1,2.00,0.00,1.00,2021,1,3"]
    (root / "input/periods.bin").write_bytes(struct.pack("<id", 4, 1e300))
    assert lines_of(stream, root, "sample")[1] == f"4,{1e300:.6f},1,2021,1,3,0,0,1,-1,2.00,1.00"
    (root / "input/periods.bin").unlink()
    assert lines_of(stream, root, "sample")[0].startswith("3,0.100000,")
    (root / "input/periods.bin").write_bytes(b"")
    assert lines_of(stream, root, "sample")[0].startswith("3,0.000000,")


def test_headers(tmp_path):
    stream = summaries.stream(1, [])
    root = folder(tmp_path, [], quantiles=[])
    assert text_of(stages.pltcalc, stream, root=root) == LEGACY + "occ_date_id\n"
    for name, header in (("moment", MPLT), ("sample", SPLT), ("quantile", QPLT)):
        assert text_of(stages.pltcalc, stream, name, root=root) == header
        assert text_of(stages.pltcalc, stream, name, root=root, skip_header=True) == ""
    folder(tmp_path, [], date_options=1)
    assert text_of(stages.pltcalc, stream, root=root) == LEGACY + "occ_year,occ_month,occ_day\n"


def test_special_records_are_no_samples(tmp_path):
    """sidx -2, -3 and -4 change nothing. ktools counts -2 and -3 as samples: of a chance of loss of 0.75 it
    makes 1.25, and a TIV can be a quantile."""
    root = folder(tmp_path, [(5, 9, 20)], quantiles=[0.0, 0.5, 1.0])
    special = [(-4, 1.0), (-3, 1000.5), (-2, 4.0)]
    plain, mixed = [
        summaries.stream(4, [(5, 7, 1000.5, records)])
        for records in (RECORDS, RECORDS[:1] + special + RECORDS[1:])
    ]
    for name, *_ in TABLES:
        assert lines_of(mixed, root, name) == lines_of(plain, root, name) != []
    assert lines_of(mixed, root) == lines_of(plain, root) != []
    assert lines_of(mixed, root, "quantile")[2].endswith("1.00,30.00")


# Beside the oracle


def far_dates(rng, occurrences, options):
    """Dates before year 0, soon after it, today and in the far future."""
    days = rng.choice(
        [-800000, -366, -365, -61, -1, 0, 1, 59, 60, 365, 366, 146096, 146097, 738000, 900000, 20000000],
        len(occurrences),
    ) + rng.integers(0, 1500, len(occurrences))
    minutes = rng.integers(0, 1440, len(occurrences))
    return [
        (event, period, int(1440 * day + minute) if options == 3 else int(day))
        for (event, period, _), day, minute in zip(occurrences, days, minutes)
    ]


def cases():
    """(name, stream, tables): streams and work folders of many kinds."""
    made = []
    for seed, (options, size, periods, how) in enumerate(
        [
            (0, 10, 3, dict(ties=True)),
            (1, 100, 1000, {}),
            (3, 37, 50, dict(max_loss=False)),
            (3, 1, 5, dict(zeros=0.5)),
            (1, 2, 7, dict(missing=0.9)),
            (0, 0, 5, {}),
            (3, 700, 4, dict(zeros=0.6)),
            (1, -1, 5, {}),
            (0, 60, 9, dict(mean=False)),
        ]
    ):
        rng = np.random.default_rng(seed)
        packets = summaries.random_packets(
            rng, events=40 if size < 700 else 6, summaries=3, sample_size=size, **how
        )
        if seed == 2:  # records in any order; ids of any size
            packets = [(e, s, x, [r[i] for i in rng.permutation(len(r))]) for e, s, x, r in packets]
            packets = [
                (e if e % 5 else -e, s * 100000 - 150000, x if e % 7 else -x, r) for e, s, x, r in packets
            ]
        occurrences = summaries.random_occurrences(
            rng, events=[*range(-40, 41)] if seed == 2 else 40, periods=periods
        )
        some = rng.permutation(periods)[: periods // 2] + 1
        weights = {int(p): float(rng.uniform(0, 1)) for p in some} if seed % 3 else None
        made.append(
            (
                seed,
                size,
                summaries.stream(size, packets),
                dict(
                    occurrences=far_dates(rng, occurrences, options),
                    periods=periods,
                    date_options=options,
                    weights=weights,
                    quantiles=QUANTILES,
                ),
            )
        )
    return made


def flags_of(folder, size, kinds=(1, 2)):
    """All tables as csv and parquet into folder. kinds: 1: csv, 2: parquet."""
    wanted = [
        t for t in TABLES if size > 0 or t[0] != "quantile"
    ]  # without samples the oracle crashes over quantiles
    return [
        part
        for name, *flags, _ in wanted
        for kind in kinds
        for part in (flags[kind - 1], str(folder / f"{name}.{('csv', 'parquet')[kind - 1]}"))
    ]


def test_like_ktools(oracle, run, tmp_path):
    """The oracle sleeps for a second, so its runs go side by side."""
    jobs = []
    for seed, size, stream, tables in cases():
        root = tmp_path / f"case{seed}"
        folder(root, **tables)
        for kind, extra in (("legacy", []), ("bare", ["-H"]), ("ord", None)):
            jobs.append((seed, size, kind, root, stream, flags_of(root, size) if extra is None else extra))
    with ThreadPoolExecutor(len(jobs)) as pool:
        runs = list(pool.map(lambda job: run([oracle("pltcalc"), *job[5]], job[4], cwd=job[3]), jobs))
    rows = 0
    for (seed, size, kind, root, stream, _), theirs in zip(jobs, runs):
        assert theirs[0] == 0, (seed, kind, theirs)
        if kind != "ord":
            same_bytes(
                text_of(stages.pltcalc, stream, root=root, skip_header=kind == "bare").encode(),
                theirs[1],
                command=["pltcalc", *["-H"] * (kind == "bare")],
                stdin=stream,
                folder=root,
                note=f"seed {seed}",
            )
            continue
        for name, csv, _, report in TABLES:
            if size > 0 or name != "quantile":
                table = ktc.ResultTable(report)
                out = io.BytesIO()
                stages.pltcalc(stream, **{name: [out, table]}, root=root)
                same_bytes(
                    out.getvalue(),
                    (root / f"{name}.csv").read_bytes(),
                    command=["pltcalc", csv, "-"],
                    stdin=stream,
                    folder=root,
                    note=f"seed {seed}, {name}",
                )
                same_parquet(table, root / f"{name}.parquet")
                rows += len(table)
    assert rows > 30000


def same_parquet(table, path):
    """A ResultTable and a parquet file of the oracle's: names, types, rows and their order."""
    parquet = pytest.importorskip("pyarrow.parquet")
    theirs, ours = parquet.read_table(path), table.arrow()
    assert theirs.schema.names == ours.schema.names and theirs.schema.types == ours.schema.types
    for column in theirs.schema.names:
        assert np.array_equal(theirs[column].to_numpy(), ours[column].to_numpy(), equal_nan=True), (
            path,
            column,
        )


def test_script_writes_every_table(oracle, tool, run, tmp_path):
    _, size, stream, tables = cases()[2]
    folders = [tmp_path / name for name in ("theirs", "ours")]
    pytest.importorskip("pyarrow")
    for root, script in zip(folders, (oracle("pltcalc"), tool("pltcalc"))):
        folder(root, **tables)
        assert run([script, "-H", *flags_of(root, size)], stream, cwd=root) == (0, b"", "")
    for name, *_, _report in TABLES:
        theirs, ours = (root / f"{name}.csv" for root in folders)
        same_bytes(ours.read_bytes(), theirs.read_bytes(), note=name)
        theirs, ours = (root / f"{name}.parquet" for root in folders)
        parquet = pytest.importorskip("pyarrow.parquet")
        assert parquet.read_table(theirs).equals(parquet.read_table(ours))
    out = run([tool("pltcalc"), "-S", "-"], stream, cwd=folders[1])[1]
    assert out == SPLT.encode() + (folders[1] / "sample.csv").read_bytes()


# Where ktools is undefined


def test_no_samples_no_quantiles(tmp_path):
    """ktools reads beyond its vector, or cannot make one of -1 losses."""
    root = folder(tmp_path, [(1, 1, 1)], quantiles=[0.5])
    for size in (0, -1):
        assert lines_of(summaries.stream(size, [(1, 1, 1.0, [(-1, 2.0)])]), root, "quantile") == []


def test_sums_beyond_float(tmp_path):
    root = folder(tmp_path, [(1, 1, 1)])
    losses = [float(np.float32(v)) for v in (3e38, 1e38, 3e38)]
    (line,) = lines_of(summaries.stream(3, [(1, 1, 1.0, list(enumerate(losses, 1)))]), root)
    assert float(line.split(",")[4]) == pytest.approx(sum(losses) / 3, rel=1e-6)
    assert float(line.split(",")[5]) == pytest.approx(np.std(losses, ddof=1), rel=1e-6)


def test_a_result_table_is_the_csv(tmp_path):
    _, _, stream, tables = cases()[1]
    root = folder(tmp_path, **tables)
    for name, *_, report in TABLES:
        table, out = ktc.ResultTable(report), io.BytesIO()
        stages.pltcalc(stream, **{name: [table, out]}, root=root)
        rows = table.numpy()
        assert rows.dtype == REPORTS[report].dtype() and len(rows) > 100
        formats = [field.csv for field in REPORTS[report].fields]
        lines = [",".join(form % value for form, value in zip(formats, row)) for row in rows.tolist()]
        assert "\n".join(lines) + "\n" == out.getvalue().decode().split("\n", 1)[1]


def test_in_a_chain(tmp_path):
    """Several tables of one stream, in one run: the same rows as one by one."""
    from ktc.chain import Chain, EltCalc, LossStream, PltCalc, SummaryToCsv

    _, _, stream, tables = cases()[2]
    root = folder(tmp_path, **tables)
    made = {name: ktc.ResultTable(report) for name, *_, report in TABLES}
    elt, melt, selt, legacy = (io.BytesIO() for _ in range(4))
    Chain(
        LossStream(stream),
        [PltCalc(legacy, **made), EltCalc(elt), EltCalc(moment=[melt]), SummaryToCsv(selt, ord=True)],
        root=root,
    ).run()
    for name, *_, report in TABLES:
        alone = ktc.ResultTable(report)
        stages.pltcalc(stream, **{name: alone}, root=root)
        assert np.array_equal(alone.numpy(), made[name].numpy()) and len(alone) > 100
    assert legacy.getvalue().decode() == text_of(stages.pltcalc, stream, root=root)
    assert elt.getvalue().decode() == text_of(stages.eltcalc, stream)
    assert melt.getvalue().decode() == text_of(stages.eltcalc, stream, "moment", root=root)
    assert selt.getvalue().decode() == text_of(stages.summarycalctocsv, stream, ord=True)


# Input that is not what it should be


@pytest.fixture
def small(tmp_path):
    """A folder and a stream."""
    stream = summaries.stream(2, [(1, 1, 1.0, [(1, 2.0)]), (2, 1, 1.0, [(-1, 2.0), (2, 3.0)])])
    return folder(tmp_path, [(1, 1, 1), (2, 2, 2)], quantiles=[0.5]), stream


@pytest.mark.parametrize("name", ["target", "moment", "quantile", "sample"])
def test_every_cut_is_noticed(small, name):
    root, stream = small
    for size in range(len(stream)):
        if size in (12, 40):  # behind the header, and behind the first event
            assert text_of(stages.pltcalc, stream, name, root=root).startswith(
                text_of(stages.pltcalc, stream[:size], name, root=root)
            )
        else:
            with pytest.raises(TruncatedError):
                text_of(stages.pltcalc, stream[:size], name, root=root)


def test_wrong_streams(small):
    root, _ = small
    with pytest.raises(DataError, match="byte 0: .*expected a summary stream"):
        text_of(stages.pltcalc, struct.pack("<Ii", streams.LOSS, 1), root=root)
    with pytest.raises(DataError, match="event 9, id 1: sidx 3"):
        text_of(stages.pltcalc, summaries.stream(2, [(9, 1, 1.0, [(3, 2.0)])]), root=root)
    bad = summaries.stream(2, [(1, 8, 1.0, [(2, float("nan"))])])
    with pytest.raises(DataError, match="event 1, summary 8: .*not a finite number"):
        text_of(stages.pltcalc, bad, "quantile", root=root)


def test_tables_that_are_wrong(small):
    root, stream = small
    occurrence, quantile = root / "input/occurrence.bin", root / "input/quantile.bin"
    for value, place in ((float("nan"), 4), (-0.5, 4), (1.5, 4)):
        quantile.write_bytes(struct.pack("<ff", 0.5, value))
        with pytest.raises(DataError, match=f"quantile.bin: byte {place}: record 2: .*expected 0 to 1"):
            text_of(stages.pltcalc, stream, "quantile", root=root)
    quantile.write_bytes(b"abc")
    with pytest.raises(DataError, match="quantile.bin: byte 0"):
        text_of(stages.pltcalc, stream, "quantile", root=root)
    quantile.unlink()
    with pytest.raises(InputError, match="quantile.bin"):
        text_of(stages.pltcalc, stream, "quantile", root=root)
    folder(root, [(1, 1, 1440 * 2**31)], date_options=3)
    with pytest.raises(DataError, match="occ_date_id .* is not a date"):
        text_of(stages.pltcalc, stream, root=root)
    folder(root, [(1, 1, 1440)], date_options=2)
    with pytest.raises(DataError, match="date options are 2"):
        text_of(stages.pltcalc, stream, root=root)
    assert text_of(stages.pltcalc, stream, "sample", root=root).endswith(
        "\n1,0.100000,1,0,3,2,0,0,1,1,2.00,1.00\n"
    )
    folder(root, [(1, 11, 1)], periods=10)
    with pytest.raises(DataError, match="period 11"):
        text_of(stages.pltcalc, stream, root=root)
    occurrence.unlink()
    for name in ("target", "moment", "quantile", "sample"):
        with pytest.raises(InputError, match="occurrence.bin"):
            text_of(stages.pltcalc, stream, name, root=root)


@pytest.mark.posix
def test_nothing_is_left_of_a_table_that_failed(small, tool, run):
    root, stream = small
    before = sorted(root.rglob("*"))
    status, out, message = run([tool("pltcalc"), "-M", "m.csv", "-S", "s.csv"], stream[:-9], cwd=root)
    assert (status, out) == (1, b"") and message.startswith("pltcalc: error: standard input: byte ")
    assert sorted(root.rglob("*")) == before
    assert run([tool("pltcalc"), "-M", "-", "-S", "-"], stream, cwd=root)[0] == 2
    assert run([tool("pltcalc"), "-S", "/nowhere/s.csv"], stream, cwd=root)[0] == 4
    assert run([tool("pltcalc"), "-S", "/dev/full"], stream, cwd=root)[0] == 4
    assert run([tool("pltcalc"), "-x"], stream, cwd=root)[0] == 2
    (root / "log").mkdir()
    assert run([tool("pltcalc")], stream, cwd=root)[0] == 0 and not any((root / "log").iterdir())


def test_without_pyarrow(small):
    """A usage error before anything is read or written."""
    root, _ = small
    block = root / "sitecustomize.py"
    block.write_text("import sys\nsys.modules['pyarrow'] = None\n")
    code = "import sys; from ktc.cli import main; sys.argv[0] = 'pltcalc'; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "-M", "m.csv", "-s", "s.parquet"],
        cwd=root,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
        timeout=60,
    )
    assert done.returncode == 2 and "pyarrow" in done.stderr and done.stderr.count("\n") == 1
    assert sorted(p.name for p in root.iterdir() if p.name != "__pycache__") == ["input", "sitecustomize.py"]


def test_a_table_of_another_report(small):
    root, stream = small
    with pytest.raises(UsageError, match="cannot go to a table of"):
        stages.pltcalc(stream, ktc.ResultTable("period_loss_table_dates"), root=root)
    both = ktc.ResultTable("period_loss_table")
    out = io.BytesIO()
    stages.pltcalc(stream, both, moment=out, root=root)  # a target that is given is written beside others
    assert len(both) == 3 and out.getvalue().count(b"\n") == 4
