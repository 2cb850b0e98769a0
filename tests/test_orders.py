"""One meaning for doubles and orders: records of a packet in any order and several of one sidx, a TIV that
comes late, or is missing or 0, ids and events twice."""

import io
import struct

import numpy
import pytest
from support import summaries
from support.losses import loss_stream, parse, write_model

import ktc
from ktc.errors import DataError
from ktc.schemas.streams import LOSS
from ktc.stages import summarycalc, summarycalctocsv

SIZE, EVENTS, PERIODS = 12, 30, 20


def summed(packets, root, **options):
    """The packets of summary set 1 of a stream of items."""
    out = io.BytesIO()
    summarycalc(loss_stream(packets, 4, LOSS), {1: out}, item=True, root=str(root), **options)
    return parse(out.getvalue())[2]


# --- summarycalc

ITEM = [(-5, 60.0), (-3, 100.0), (-2, 1.0), (-1, 50.0), (1, 40.0), (2, 0.0), (4, 60.0)]
SUMMARY = [(-5, 60.0), (-1, 50.0), (1, 40.0), (4, 60.0)]


@pytest.mark.parametrize("seed", range(20))
def test_records_of_a_packet_in_any_order(tmp_path, seed):
    write_model(tmp_path, [(1, 1, 1)])
    rng = numpy.random.default_rng(seed)
    records = [ITEM[k] for k in rng.permutation(len(ITEM))]
    assert summed([(7, 1, records)], tmp_path) == [(7, 1, 100.0, SUMMARY)]


def test_tiv_last_and_missing_and_zero(tmp_path):
    write_model(tmp_path, [(1, 1, 1), (2, 1, 1), (3, 2, 1)])
    assert summed([(7, 1, [(-1, 50.0), (1, 40.0), (-3, 100.0)])], tmp_path) == [
        (7, 1, 100.0, [(-1, 50.0), (1, 40.0)])
    ]
    assert summed([(7, 1, [(1, 40.0), (-3, 100.0)]), (7, 2, [(-3, 5.0), (1, 1.0)])], tmp_path) == [
        (7, 1, 105.0, [(-1, 0.0), (1, 41.0)])
    ]
    for tiv in ([], [(-3, 0.0)]):
        assert summed([(7, 3, tiv + [(-1, 50.0), (2, 40.0)])], tmp_path) == [
            (7, 2, 0.0, [(-1, 50.0), (2, 40.0)])
        ]
        assert summed([(7, 3, tiv + [(-1, 0.0), (2, 0.0)])], tmp_path) == []
        assert summed([(7, 1, [(-3, 9.0), (-1, 1.0)]), (7, 3, tiv + [(-5, 4.0), (-1, 0.0)])], tmp_path) == [
            (7, 1, 9.0, [(-1, 1.0)]),
            (7, 2, 0.0, [(-5, 4.0), (-1, 0.0)]),
        ]


def test_sample_twice_in_a_packet_of_an_item(tmp_path):
    write_model(tmp_path, [(1, 1, 1)])
    assert summed([(7, 1, [(-3, 9.0), (1, 5.0), (2, 3.0), (1, 7.0)])], tmp_path) == [
        (7, 1, 9.0, [(-1, 0.0), (1, 12.0), (2, 3.0)])
    ]


def test_id_in_two_summaries_of_a_set(tmp_path):
    write_model(tmp_path, [(1, 1, 1), (1, 1, 2), (1, 1, 1), (2, 1, 1)])  # the same twice, and another set
    assert summed([(7, 1, [(-3, 9.0), (-1, 2.0)])], tmp_path) == [(7, 1, 9.0, [(-1, 2.0)])]
    write_model(tmp_path, [(1, 1, 1), (2, 1, 1), (1, 2, 1)])
    with pytest.raises(
        DataError,
        match=r"gulsummaryxref.bin: byte 24: record 3: id 1 is in summary 2 of set 1, but in summary 1 ",
    ):
        summed([(7, 1, [(-3, 9.0), (-1, 2.0)])], tmp_path)


# --- what reads summaries


@pytest.fixture
def root(tmp_path):
    rng = numpy.random.default_rng(1)
    summaries.write_tables(
        tmp_path,
        occurrences=summaries.random_occurrences(rng, events=EVENTS, periods=PERIODS),
        periods=PERIODS,
        date_options=1,
        quantiles=[0.0, 0.3, 1.0],
        event_rates=None,
    )
    (tmp_path / "input" / "returnperiods.bin").write_bytes(struct.pack("<4i", 20, 10, 5, 2))
    return tmp_path


def packets_of(seed):
    return summaries.random_packets(
        numpy.random.default_rng(seed), events=EVENTS, summaries=2, sample_size=SIZE
    )


def halves(packets):
    """Every record as two of half its loss, the second ones last: the sums are exact."""
    return [
        (event, id, exposure, [(sidx, loss / 2) for sidx, loss in records] * 2)
        for event, id, exposure, records in packets
    ]


def shuffled(packets, seed):
    rng = numpy.random.default_rng(seed)
    return [(*packet, [records[k] for k in rng.permutation(len(records))]) for *packet, records in packets]


def elt(data, root):
    tables = [ktc.ResultTable(f"{name}_event_loss_table") for name in ("moment", "quantile")]
    legacy = io.BytesIO()
    ktc.eltcalc(data, moment=tables[0], quantile=tables[1], root=root)
    ktc.eltcalc(data, legacy, root=root)
    return *tables, legacy.getvalue()


def plt(data, root):
    tables = [ktc.ResultTable(f"{name}_period_loss_table") for name in ("moment", "quantile", "sample")]
    legacy = io.BytesIO()
    ktc.pltcalc(data, moment=tables[0], quantile=tables[1], sample=tables[2], root=root)
    ktc.pltcalc(data, legacy, root=root)
    return *tables, legacy.getvalue()


def curves(data, root):
    tables = [
        ktc.ResultTable("exceedance_probability_table"),
        ktc.ResultTable("sample_exceedance_probability_table"),
    ]
    ktc.ordleccalc(
        data,
        [
            "aep_full_uncertainty",
            "oep_full_uncertainty",
            "aep_sample_mean",
            "oep_wheatsheaf_mean",
            "aep_wheatsheaf",
        ],
        ept=tables[0],
        psept=tables[1],
        root=root,
    )
    return tables


def averages(data, root):
    folder = root / "work" / "run"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "summary1.bin").write_bytes(data)
    table, subsets = ktc.ResultTable("average_loss_table"), root / "alct.csv"
    ktc.aalcalc("run", table, ord=True, convergence=subsets, root=root)
    return table, subsets.read_bytes()


@pytest.mark.parametrize("calculate", [elt, plt, curves, averages])
def test_sample_twice_adds_up(root, calculate):
    packets = packets_of(3)
    plain, twice = (calculate(summaries.stream(SIZE, each), root) for each in (packets, halves(packets)))
    for one, other in zip(plain, twice):
        if isinstance(one, bytes):
            assert one == other and one.count(b"\n") > 5
        else:
            assert numpy.array_equal(one.numpy(), other.numpy()) and len(one)


@pytest.mark.parametrize("calculate", [elt, plt, curves, averages])
def test_samples_in_any_order(root, calculate):
    """Sums of float32 may differ in their last digits."""
    packets = packets_of(4)
    plain, other = (
        calculate(summaries.stream(SIZE, each), root) for each in (packets, shuffled(halves(packets), 5))
    )
    for one, two in zip(plain, other):
        if isinstance(one, bytes):
            continue
        one, two = one.numpy(), two.numpy()
        if "SampleId" in one.dtype.names and "EventId" in one.dtype.names:  # its rows follow the records
            names = ["EventId", "SummaryId", "Period", "SampleId", "Month", "Day"]
            one, two = (numpy.sort(rows, order=names) for rows in (one, two))
        for name in one.dtype.names:
            numpy.testing.assert_allclose(one[name], two[name], rtol=2e-5, atol=1e-3, err_msg=name)


def test_converters_show_what_is_there():
    data = summaries.stream(2, [(1, 1, 9.0, [(2, 1.0), (1, 5.0), (1, 7.0)])])
    out = io.BytesIO()
    summarycalctocsv(data, out, skip_header=True)
    assert out.getvalue() == b"1,1,2,1.00\n1,1,1,5.00\n1,1,1,7.00\n"
    (block,) = ktc.read_stream(data)
    assert block.sidx.tolist() == [2, 1, 1] and block.loss.tolist() == [1.0, 5.0, 7.0]


def test_chance_of_loss_is_no_more_than_one(root):
    data = summaries.stream(2, [(1, 1, 100.0, [(1, 5.0), (1, 7.0), (2, 3.0)])])
    table = ktc.ResultTable("moment_event_loss_table")
    ktc.eltcalc(data, moment=table, root=root)
    row = table.numpy()[1]
    assert (row["ChanceOfLoss"], row["MeanLoss"]) == (1.0, 7.5)
    assert row["SDLoss"] == numpy.float32(numpy.std([12.0, 3.0], ddof=1))


def test_doubled_samples_of_a_dense_packet(root):
    """All samples there and one of them twice: nothing is taken for the sample that stands in its place."""
    records = [(sidx, float(sidx)) for sidx in range(1, 5)]
    for k in range(5):
        doubled = records[:k] + [(2, 10.0)] + records[k:]
        table = ktc.ResultTable("moment_event_loss_table")
        ktc.eltcalc(
            summaries.stream(4, [(1, 1, 9.0, doubled), (1, 2, 9.0, records)]), moment=table, root=root
        )
        assert table.numpy()["MeanLoss"][[1, 3]].tolist() == [5.0, 2.5], k


# --- tables


def test_event_twice(tmp_path, run, tool):
    ktc.write_example(tmp_path / "run", events=5, locations=3, grid=2)
    place = tmp_path / "run" / "input" / "events.bin"
    events = numpy.frombuffer(place.read_bytes(), "<i4")
    once = run([tool("eve"), "1", "1"], cwd=tmp_path / "run")
    place.write_bytes(events.tobytes() + struct.pack("<i", events[1]))
    assert run([tool("eve"), "1", "1"], cwd=tmp_path / "run") == once
    status, out, _ = run([tool("ktc"), "validate", "run"], cwd=tmp_path)
    assert status == 0 and f"event_id {events[1]} comes a second time" in out.decode()


def test_nothing_to_say_of_an_example(tmp_path):
    """Not all of its events happen, and its bins' means are not their middles."""
    ktc.write_example(tmp_path / "run")
    verdict = ktc.validate_run(tmp_path / "run")
    assert verdict.sound and not verdict.warnings and not verdict.missing, str(verdict)
