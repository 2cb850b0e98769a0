"""Reports as tables: in memory, as Arrow and pandas, as parquet; several destinations at once; rows that
wait."""

import gc
import io
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
from support import summaries

import ktc
from ktc.errors import DataError, TruncatedError, UsageError
from ktc.schemas import REPORTS

# Two events, one summary: a mean and two samples each
PACKETS = [(1, 7, 100.0, [(-5, 90.0), (-1, 10.0), (1, 5.0), (2, 15.0)]), (3, 7, 50.0, [(-1, 1.5), (2, 3.0)])]
SELT = [
    (1, 7, -1, 10.0, 100.0),
    (1, 7, 1, 5.0, 100.0),
    (1, 7, 2, 15.0, 100.0),
    (3, 7, -1, 1.5, 50.0),
    (3, 7, 2, 3.0, 50.0),
]
COLUMNS = ["EventId", "SummaryId", "SampleId", "Loss", "ImpactedExposure"]


@pytest.fixture
def table():
    """A sample event loss table of two events."""
    made = ktc.ResultTable("sample_event_loss_table")
    ktc.summarycalctocsv(summaries.stream(2, PACKETS), made, ord=True)
    return made


@pytest.fixture(scope="module")
def large():
    """A stream that gives more rows than a row group of parquet has, and the array of its SELT."""
    events = 1400
    packets = [
        (event, 1, 1000.0, [(-1, event / 2), *((sidx, event + sidx / 4) for sidx in range(1, 101))])
        for event in range(1, events + 1)
    ]
    sidx = np.tile(np.array([-1, *range(1, 101)]), events)
    event = np.repeat(np.arange(1, events + 1), 101)
    rows = np.zeros(len(event), REPORTS["sample_event_loss_table"].dtype())
    rows["EventId"], rows["SummaryId"], rows["SampleId"], rows["ImpactedExposure"] = event, 1, sidx, 1000
    rows["Loss"] = np.where(sidx < 0, event / 2, event + sidx / 4)
    assert len(rows) == 141_400 > 131_072
    return summaries.stream(100, packets), rows


def selt(stream, target, **keywords):
    ktc.summarycalctocsv(stream, target, ord=True, **keywords)


# In memory


def test_numpy(table):
    array = table.numpy()
    assert array.tolist() == SELT and len(table) == 5
    assert array.dtype == np.dtype([(name, "<i4" if name.endswith("Id") else "<f4") for name in COLUMNS])
    assert not array.flags.writeable and not array.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        array["Loss"][0] = 1
    assert repr(table) == "<ktc.ResultTable: 5 rows of sample_event_loss_table>"


@pytest.mark.parametrize("report", REPORTS.values(), ids=lambda report: report.name)
def test_every_report_has_a_table(report):
    """Packed, in the order of the columns; empty, it has its columns all the same."""
    empty = ktc.ResultTable(report.name)
    array = empty.numpy()
    assert len(empty) == len(array) == 0 and array.dtype.names == tuple(field.name for field in report.fields)
    assert (
        array.dtype.itemsize == report.size == sum({"i4": 4, "f4": 4, "f8": 8}[f.type] for f in report.fields)
    )
    assert len(ktc.ResultTable(report)) == 0


def test_view_keeps_the_rows(table):
    """An array outlives its table, and while it is in use nothing can be added; a copied column does not
    matter."""
    array, copied = table.numpy(), table.numpy()["Loss"].copy()
    with pytest.raises(BufferError, match="in use"):
        selt(summaries.stream(2, PACKETS), table)
    with pytest.raises(BufferError, match="in use"):
        table.merge(table)
    assert len(table) == 5
    del array
    gc.collect()
    selt(summaries.stream(2, PACKETS), table)
    assert table.numpy().tolist() == SELT + SELT and copied.tolist() == [row[3] for row in SELT]
    array = table.numpy()
    del table
    gc.collect()
    assert array.tolist() == SELT + SELT


def test_merge(table):
    other = ktc.ResultTable("sample_event_loss_table")
    assert other.merge(table) is other
    assert other.merge(table).merge(ktc.ResultTable(table.report)).numpy().tolist() == SELT * 2
    assert table.numpy().tolist() == SELT
    assert table.merge(table).numpy().tolist() == SELT * 2


def test_another_report(table):
    with pytest.raises((UsageError, ValueError), match="moment_event_loss_table.*sample_event_loss_table"):
        table.merge(ktc.ResultTable("moment_event_loss_table"))
    with pytest.raises(
        UsageError, match="rows of event_loss_table cannot go to a table of sample_event_loss_table"
    ):
        ktc.eltcalc(summaries.stream(2, PACKETS), table)
    with pytest.raises(KeyError):
        ktc.ResultTable("no_such_table")
    assert table.numpy().tolist() == SELT


def test_rows_of_a_failed_run(table):
    """A table in memory has what came before the fault, as a pipe has: whole events."""
    fresh = ktc.ResultTable(table.report)
    with pytest.raises(TruncatedError):
        selt(summaries.stream(2, PACKETS)[:-3], fresh)
    assert fresh.numpy().tolist() in ([], SELT[:3])


def test_pandas(table):
    pandas = pytest.importorskip("pandas")
    frame = table.pandas()
    assert list(frame.columns) == COLUMNS and list(frame.itertuples(index=False, name=None)) == SELT
    assert [str(dtype) for dtype in frame.dtypes] == ["int32"] * 3 + ["float32"] * 2
    frame["Loss"] *= 2  # a copy
    selt(summaries.stream(2, PACKETS), table)
    assert table.numpy().tolist() == SELT * 2
    empty = ktc.ResultTable("exceedance_probability_table").pandas()
    assert isinstance(empty, pandas.DataFrame) and empty.shape == (0, 5)
    assert str(empty.dtypes["ReturnPeriod"]) == "float64"


def test_arrow(table):
    arrow = pytest.importorskip("pyarrow")
    made, types = table.arrow(), [arrow.int32()] * 3 + [arrow.float32()] * 2
    assert made.to_pydict() == {name: [row[i] for row in SELT] for i, name in enumerate(COLUMNS)}
    assert made.schema == arrow.schema([arrow.field(name, type, False) for name, type in zip(COLUMNS, types)])
    selt(summaries.stream(2, PACKETS), table)  # copied: nothing is held
    assert made.num_rows == 5 and len(table) == 10
    empty = ktc.ResultTable("average_loss_convergence_table").arrow()
    assert empty.num_rows == 0 and {str(field.type) for field in empty.schema} == {"int32", "float"}


# Parquet


def test_parquet(table, tmp_path):
    """What ktools' own reader takes: not compressed, never null, int32 and float32."""
    parquet = pytest.importorskip("pyarrow.parquet")
    selt(summaries.stream(2, PACKETS), ktc.Parquet(tmp_path / "selt"))
    file = parquet.ParquetFile(tmp_path / "selt")
    found = [file.schema.column(i) for i in range(len(COLUMNS))]
    assert [c.name for c in found] == COLUMNS and [c.physical_type for c in found] == ["INT32"] * 3 + [
        "FLOAT"
    ] * 2
    assert {c.max_definition_level for c in found} == {0}  # REQUIRED
    group = file.metadata.row_group(0)
    assert {group.column(i).compression for i in range(5)} == {"UNCOMPRESSED"}
    assert file.metadata.num_row_groups == 1 and file.read().equals(table.arrow())


def test_parquet_of_several_row_groups(large, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    stream, expected = large
    selt(stream, ktc.Parquet(tmp_path / "selt"))
    file = parquet.ParquetFile(tmp_path / "selt")
    sizes = [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)]
    assert sizes == [131_072, len(expected) - 131_072]
    for name in COLUMNS:
        assert np.array_equal(file.read([name])[name].to_numpy(), expected[name]), name


def test_parquet_without_rows(tmp_path):
    """A file that readers take, with its columns."""
    parquet = pytest.importorskip("pyarrow.parquet")
    selt(summaries.stream(2, []), ktc.Parquet(tmp_path / "selt"))
    found = parquet.read_table(tmp_path / "selt")
    assert found.num_rows == 0 and found.column_names == COLUMNS


def test_parquet_file_is_complete_or_as_it_was(large, tmp_path):
    pytest.importorskip("pyarrow")
    stream, _expected = large
    path = tmp_path / "selt"
    for before in (None, b"earlier"):
        if before:
            path.write_bytes(before)
        with pytest.raises(TruncatedError):
            selt(stream[:-3], ktc.Parquet(path))  # a row group has been written by then
        assert os.listdir(tmp_path) == ["selt"] * bool(before) and (not before or path.read_bytes() == before)
    selt(stream, ktc.Parquet(path))
    assert os.listdir(tmp_path) == ["selt"] and path.stat().st_size > 500_000
    assert path.read_bytes()[:4] == path.read_bytes()[-4:] == b"PAR1"


def test_parquet_to_a_file_object(table):
    parquet = pytest.importorskip("pyarrow.parquet")
    out = io.BytesIO()
    selt(summaries.stream(2, PACKETS), ktc.Parquet(out))
    assert parquet.read_table(io.BytesIO(out.getvalue())).equals(table.arrow())


# Several destinations


def test_csv_and_tables_at_once(large, tmp_path):
    """Each of a list gets every row; csv has the rounding of its columns."""
    stream, expected = large
    one, two = ktc.ResultTable("sample_event_loss_table"), ktc.ResultTable("sample_event_loss_table")
    selt(stream, [tmp_path / "selt.csv", one, two])
    assert one.numpy().tobytes() == two.numpy().tobytes() == expected.tobytes()
    header, *lines = (tmp_path / "selt.csv").read_text().splitlines()
    assert header == ",".join(COLUMNS)
    assert lines == ["%d,%d,%d,%.2f,%.2f" % row for row in expected.tolist()]


def test_csv_parquet_and_table_at_once(tmp_path):
    """Of every table of eltcalc and pltcalc: three destinations, the same rows."""
    parquet = pytest.importorskip("pyarrow.parquet")
    rng = np.random.default_rng(5)
    stream = summaries.stream(10, summaries.random_packets(rng, events=12, summaries=3, sample_size=10))
    summaries.write_tables(
        tmp_path,
        occurrences=summaries.random_occurrences(rng, events=12, periods=20),
        periods=20,
        quantiles=[0, 0.25, 0.5, 1],
    )
    names = {
        "moment": "moment_{}_loss_table",
        "quantile": "quantile_{}_loss_table",
        "sample": "sample_{}_loss_table",
    }
    for function, kind, wanted in (
        (ktc.eltcalc, "event", ("moment", "quantile")),
        (ktc.pltcalc, "period", names),
    ):
        tables = {name: ktc.ResultTable(names[name].format(kind)) for name in wanted}
        at = {name: tmp_path / f"{kind}-{name}" for name in wanted}
        function(
            stream,
            root=tmp_path,
            **{
                name: [at[name].with_suffix(".csv"), ktc.Parquet(at[name]), table]
                for name, table in tables.items()
            },
        )
        for name, table in tables.items():
            assert len(table) > 20
            assert parquet.read_table(at[name]).equals(table.arrow())
            header, *lines = at[name].with_suffix(".csv").read_text().splitlines()
            assert header == ",".join(table.numpy().dtype.names)
            form = ",".join(field.csv or "%d" for field in table.report.fields)
            assert lines == [form % row for row in table.numpy().tolist()], name


def test_a_fault_in_one_of_several(table, tmp_path):
    """Nothing is written when one destination cannot be had."""
    with pytest.raises(ktc.OutputError, match="nowhere"):
        selt(summaries.stream(2, PACKETS), [tmp_path / "a", tmp_path / "nowhere" / "b"])
    with pytest.raises(UsageError, match="cannot go to a table of"):
        selt(summaries.stream(2, PACKETS), [tmp_path / "a", ktc.ResultTable("event_loss_table")])
    with pytest.raises(DataError):
        selt(summaries.stream(2, PACKETS)[:-1], [tmp_path / "a", tmp_path / "b"])
    assert os.listdir(tmp_path) == []


# Rows that wait


@pytest.mark.slow
def test_rows_that_wait_in_a_file(tmp_path, monkeypatch):
    """Tail values at risk follow behind all curves, however many: beyond 64 MiB they wait in a temporary
    file."""
    rng = np.random.default_rng(8)
    samples, periods = 400, 300
    packets = [
        (event, summary, 1.0, [(-1, 1.0), *enumerate(rng.lognormal(3, 1, samples).astype("f4").tolist(), 1)])
        for event in range(1, periods + 1)
        for summary in range(1, 31)
    ]
    summaries.write_tables(tmp_path, periods=periods, occurrences=[(n, n, 1) for n in range(1, periods + 1)])
    summaries.write_work(tmp_path, [summaries.stream(samples, packets)])
    kept = ktc.ResultTable("sample_exceedance_probability_table")
    ktc.ordleccalc(curves=["oep_wheatsheaf"], psept=kept, folder="run", root=tmp_path)
    rows = kept.numpy()
    points = 30 * samples * periods
    assert len(rows) == 2 * points and points * rows.dtype.itemsize > 64 << 20
    assert (rows["EPType"][:points] == 1).all() and (rows["EPType"][points:] == 2).all()
    losses = rows["Loss"][:points].reshape(30 * samples, periods)
    assert (np.diff(losses, axis=1) <= 0).all()
    means = np.cumsum(losses.astype("f8"), axis=1) / np.arange(1, periods + 1)
    assert np.allclose(rows["Loss"][points:].reshape(means.shape), means, rtol=1e-5)

    def none(*args, **keywords):
        raise FileNotFoundError(2, "No usable temporary directory")

    monkeypatch.setattr("tempfile.TemporaryFile", none)
    with pytest.raises(ktc.OutputError, match="no temporary file can be made: No usable"):
        ktc.ordleccalc(curves=["oep_wheatsheaf"], psept=tmp_path / "psept.csv", folder="run", root=tmp_path)
    assert not (tmp_path / "psept.csv").exists()
    for name in "SummaryId", "SampleId", "ReturnPeriod":
        assert np.array_equal(rows[name][:points], rows[name][points:])


def test_little_memory_gives_the_same_bytes(tmp_path):
    """The files are read for a few summaries each time, and all rows but the first lot's wait."""
    rng = np.random.default_rng(9)
    summaries.write_tables(
        tmp_path,
        return_periods=[1000, 400, 100, 30, 10, 5, 2],
        periods=400,
        occurrences=summaries.random_occurrences(rng, events=200, periods=400),
    )
    summaries.write_work(
        tmp_path,
        [
            summaries.stream(30, summaries.random_packets(rng, events=events, summaries=12, sample_size=30))
            for events in (range(1, 101), range(101, 201))
        ],
    )
    curves = [
        "oep_full_uncertainty",
        "aep_full_uncertainty",
        "oep_wheatsheaf",
        "aep_wheatsheaf_mean",
        "oep_sample_mean",
    ]
    for return_periods in (False, True):
        results = []
        for memory in (None, 0.1, 0.000001):
            out = io.BytesIO(), io.BytesIO()
            ktc.ordleccalc(
                curves=curves,
                ept=out[0],
                psept=out[1],
                folder="run",
                return_periods=return_periods,
                memory=memory,
                root=tmp_path,
            )
            results.append([each.getvalue() for each in out])
        assert results[0] == results[1] == results[2] and min(map(len, results[0])) > 10_000
    averages = []
    for memory in (1000, 0.1, 0.000001):
        out = io.BytesIO()
        ktc.aalcalc("run", out, memory=memory, root=tmp_path)
        averages.append(out.getvalue())
    assert averages[0] == averages[1] == averages[2] and averages[0].count(b"\n") == 1 + 2 * 12


# Without pyarrow

WITHOUT = "import sys\nsys.modules['pyarrow'] = None\nimport ktc\nfrom ktc.errors import UsageError\n"
CALLS = {
    "eltcalc": "ktc.eltcalc('fifo', moment='csv', moment_parquet='out', root='.')",
    "pltcalc": "ktc.pltcalc('fifo', sample_parquet='out')",
    "summarycalctocsv": "ktc.summarycalctocsv('fifo', parquet='out')",
    "ordleccalc": "ktc.ordleccalc('fifo', ['oep_sample_mean'], ept='csv', ept_parquet='out')",
    "aalcalc": "ktc.aalcalc('run', 'csv', ord=True, parquet='out')",
    "aalcalcmeanonly": "ktc.aalcalcmeanonly('run', parquet='out')",
    "katparquet": "ktc.katparquet(['fifo'], 'out', melt=True)",
    "a chain": "from ktc import chain; ktc.Chain(chain.LossStream('fifo'), "
    "chain.EltCalc(ktc.Parquet('out'))).run()",
}


@pytest.mark.posix
@pytest.mark.parametrize("name", CALLS)
def test_without_pyarrow(name, tmp_path):
    """An error that says what to install, before anything is read (a named pipe without a writer waits) or
    written."""
    summaries.write_tables(tmp_path, occurrences=[(1, 1, 1)], periods=1)
    summaries.write_work(tmp_path, [b"no stream"])
    os.mkfifo(tmp_path / "fifo")
    code = f"{WITHOUT}try:\n    {CALLS[name]}\nexcept UsageError as error:\n    print(error)\n"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=20
    )
    assert "pip install 'ktc[parquet]'" in done.stdout and "pyarrow" in done.stdout, done.stderr
    assert sorted(os.listdir(tmp_path)) == ["fifo", "input", "work"] and os.listdir(
        tmp_path / "work" / "run"
    ) == ["summary_P1.bin"]


def test_all_else_without_pyarrow(tmp_path):
    """Csv and tables do not want it; Arrow does."""
    (tmp_path / "summary").write_bytes(summaries.stream(2, PACKETS))
    code = (
        WITHOUT
        + """
table = ktc.ResultTable('sample_event_loss_table')
ktc.summarycalctocsv('summary', ['csv', table], ord=True)
print(len(table), len(table.numpy()), len(open('csv').readlines()))
try:
    table.arrow()
except UsageError as error:
    print(error)
"""
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=20
    )
    first, second = done.stdout.splitlines()
    assert first == "5 5 6" and "pip install 'ktc[parquet]'" in second


def test_nothing_is_kept_back(tmp_path):
    """No temporary file, no warning left behind, whatever is written."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        selt(summaries.stream(2, PACKETS), [tmp_path / "a", ktc.ResultTable("sample_event_loss_table")])
    gc.collect()
    assert os.listdir(tmp_path) == ["a"]
