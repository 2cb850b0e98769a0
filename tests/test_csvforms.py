"""cdftocsv, gultocsv, fmtocsv and summarycalctocsv: beside the oracle on extremes, worked examples, broken
input."""

import io
import itertools
import struct
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import ktc
from ktc import stages
from ktc.errors import DataError, TruncatedError, UsageError
from ktc.schemas import REPORTS, streams

HUGE = streams.MOST_SAMPLES
LOSSES = [
    0.0,
    -0.0,
    1.0,
    -1.5,
    0.005,
    0.015,
    0.125,
    0.375,
    2.675,
    0.995,
    0.999,
    1e-45,
    1e-30,
    4.5e-7,
    5e-7,
    99999.995,
    123456.78,
    16777216.0,
    1e10,
    1.8446744e19,
    1e30,
    3.4028235e38,
    -3.4028235e38,
    2.0**-7,
    3 * 2.0**-7,
    float("inf"),
    float("-inf"),
]
KINDS = {"item": streams.ITEM, "coverage": streams.COVERAGE, "loss": streams.LOSS}


def packet(head, records, end=True):
    return head + b"".join(struct.pack("<if", *r) for r in records) + (bytes(8) if end else b"")


def loss_stream(kind, sample_size, packets, last_terminator=True):
    """packets: (event, id, records), or (event, id, exposure, records) of a summary stream, whose set is
    1."""
    summary = kind == streams.SUMMARY
    parts = [struct.pack("<Ii", kind, sample_size) + (struct.pack("<i", 1) if summary else b"")]
    for i, (event, key, *rest) in enumerate(packets):
        head = struct.pack("<iif", event, key, rest[0]) if summary else struct.pack("<ii", event, key)
        parts.append(packet(head, rest[-1], last_terminator or i < len(packets) - 1))
    return b"".join(parts)


def extremes(sample_size, seed=1):
    """Packets (event, id, exposure, records): special samples, gaps, disorder, repeats, none, odd ids and
    losses."""
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 1 << 32, 4000, dtype=np.uint32).view(np.float32)
    wild = iter(bits[np.isfinite(bits)].tolist())
    money = iter(np.exp(rng.normal(6, 4, 20000)).astype(np.float32).tolist())
    some = [
        s for s in (1, 2, 3, 9, 10, 99, 100, 12345, sample_size - 1, sample_size) if 1 <= s <= sample_size
    ]
    special = [(s, next(money)) for s in (-5, -4, -3, -2, -1)]
    packets = [
        (1, 1, 0.0, special + [(s, next(money)) for s in some]),
        (1, 2, 1e6, special),
        (1, 3, 2.5, []),
        (1, 4, 1e38, [(s, next(wild)) for s in some[::-1] + some]),
        (1, -2147483648, -1.0, [(-1, 0.0)]),
        (2147483647, 2147483647, 123.456, [(-1, v) for v in LOSSES]),
        (-2147483648, 5, 0.004, [(-3, 7.0)] + [(s, v) for v in LOSSES for s in some[:1]] + [(-5, 3.0)]),
        (-7, 0, 0.0, [(-1, next(wild)) for _ in range(3000)]),
        (0, 10, 0.5, [(-5, 1.0), (-1, 2.0)]),
    ]
    for event in range(100, 160):
        dense = [(s, next(money)) for s in range(1, min(sample_size, 60) + 1)]
        packets += [(event, i, float(event * i), special + dense[:: 1 + i % 2]) for i in (1, 2, 3)]
    return packets


def without_exposure(packets):
    return [(event, key, records) for event, key, _, records in packets]


def cdf_stream(rows, areaperil_bytes=4):
    form = "<iIii" if areaperil_bytes == 4 else "<iQii"
    return struct.pack("<I", streams.CDF) + b"".join(
        struct.pack(form, event, area, vulnerability, len(bins))
        + b"".join(struct.pack("<ff", *b) for b in bins)
        for event, area, vulnerability, bins in rows
    )


def cdf_rows():
    rng = np.random.default_rng(3)
    grow = np.sort(rng.uniform(0, 1, (60, 40)).astype(np.float32), axis=1).astype(float)
    rows = [
        (event, int(rng.integers(1, 1 << 32)), int(rng.integers(1, 500)), list(zip(p[:n], p[:n] / 2)))
        for event, (p, n) in enumerate(zip(grow.tolist() if False else grow, rng.integers(1, 41, 60)), 1)
    ]
    return rows + [
        (2147483647, 4294967295, 2147483647, [(1.0, 0.0)]),
        (-1, 0, -2147483648, [(v, -v) for v in LOSSES]),
    ]


def text_of(function, source, **keywords):
    out = io.BytesIO()
    function(source, out, **keywords)
    return out.getvalue()


@pytest.fixture
def dictionary(tmp_path):
    """A folder with static/damage_bin_dict.bin of 40 bins, which the oracle's cdftocsv wants for a buffer."""
    (tmp_path / "static").mkdir()
    (tmp_path / "static/damage_bin_dict.bin").write_bytes(
        b"".join(struct.pack("<ifffi", i + 1, i / 40, (i + 1) / 40, i / 40, 1) for i in range(40))
    )
    return tmp_path


# Worked examples


def test_cdftocsv_writes_six_decimals():
    rows = [(1, 4294967295, 7, [(0.5, 0.0), (1.0, 0.125)]), (2, 3, 8, [(1.0, 2.0**-21)])]
    assert text_of(stages.cdftocsv, cdf_stream(rows)) == (
        b"event_id,areaperil_id,vulnerability_id,bin_index,prob_to,bin_mean\n"
        b"1,4294967295,7,1,0.500000,0.000000\n1,4294967295,7,2,1.000000,0.125000\n2,3,8,1,1.000000,0.000000\n"
    )
    wide = [(1, 1 << 63, 7, [(0.5, 0.25)])]
    assert text_of(stages.cdftocsv, cdf_stream(wide, 8), areaperil_bytes=8, skip_header=True) == (
        b"1,9223372036854775808,7,1,0.500000,0.250000\n"
    )


@pytest.mark.parametrize(
    "kind, name", [("item", b"item_id"), ("coverage", b"coverage_id"), ("loss", b"item_id")]
)
def test_gultocsv_names_the_id_after_the_stream(kind, name):
    stream = loss_stream(KINDS[kind], 2, [(1, 3, [(-1, 0.125), (2, 2.5)])])
    assert text_of(stages.gultocsv, stream) == b"event_id," + name + b",sidx,loss\n1,3,-1,0.12\n1,3,2,2.50\n"
    full = text_of(stages.gultocsv, stream, full_precision=True, skip_header=True)
    assert full == b"1,3,-1,0.125000\n1,3,2,2.500000\n"


def test_gultocsv_rounds_exactly():
    """Floats of every magnitude, what lies halfway between two cents, and samples of every length."""
    rng = np.random.default_rng(5)
    bits = np.concatenate(
        [
            rng.integers(0, 1 << 32, 100_000, dtype=np.uint32),
            np.arange(0, 256 << 23, 1 << 20, dtype=np.uint32),
            np.concatenate([np.arange(-3, 4) + (exponent << 23) for exponent in range(1, 255)]).astype("u4"),
        ]
    ).view("f4")
    halves = (rng.integers(0, 1 << 21, 50_000) / 8).astype("f4")
    losses = np.concatenate([bits[np.isfinite(bits)], halves, -halves]).tolist()
    samples = [*range(1, 12), 99, 100, 999, 1000, 1018, 1019, 9999, 10_000, 123_456]
    records = [(samples[i % len(samples)], loss) for i, loss in enumerate(losses)]
    found = text_of(stages.gultocsv, loss_stream(streams.ITEM, 200_000, [(7, 12, records)]), skip_header=True)
    assert found.decode().splitlines() == [f"7,12,{sidx},{loss:.2f}" for sidx, loss in records]


def test_fmtocsv_columns():
    stream = loss_stream(
        streams.LOSS, 2, [(1, 3, [(-3, 100.0), (-1, 0.125), (2, 2.5)]), (4, 1, [(-1, 1e10)])]
    )
    assert text_of(stages.fmtocsv, stream) == (
        b"event_id,output_id,sidx,loss\n1,3,-3,100.00\n1,3,-1,0.12\n1,3,2,2.50\n4,1,-1,10000000000.00\n"
    )
    full = text_of(stages.fmtocsv, stream, full_precision=True, skip_header=True)
    assert full == b"1,3,-3,100.000000\n1,3,-1,0.125000\n1,3,2,2.500000\n4,1,-1,10000000000.000000\n"


def test_summarycalctocsv_columns():
    stream = loss_stream(
        streams.SUMMARY, 2, [(1, 3, 1000.5, [(-5, 9.0), (-1, 0.125), (2, 0.0)]), (2, 3, 0.0, [(1, 4.0)])]
    )
    assert text_of(stages.summarycalctocsv, stream) == (
        b"event_id,summary_id,sidx,loss\n1,3,-1,0.12\n1,3,2,0.00\n2,3,1,4.00\n"
    )
    assert text_of(stages.summarycalctocsv, stream, exposure=True, max_loss=True, drop_unexposed=True) == (
        b"event_id,exposure_value,summary_id,sidx,loss\n1,1000.50,3,-5,9.00\n1,1000.50,3,-1,0.12\n1,1000.50,3,2,0.00\n"
    )
    for exposure in (False, True):
        assert text_of(stages.summarycalctocsv, stream, ord=True, exposure=exposure, full_precision=True) == (
            b"EventId,SummaryId,SampleId,Loss,ImpactedExposure\n1,3,-1,0.125000,1000.500000\n1,3,2,0.000000,0.000000\n"
            b"2,3,1,4.000000,0.000000\n"
        )


def test_streams_without_packets_have_a_header_line_only():
    assert text_of(stages.cdftocsv, struct.pack("<I", 1)).count(b"\n") == 1
    assert text_of(stages.gultocsv, loss_stream(streams.LOSS, 0, [])).count(b"\n") == 1
    assert text_of(stages.fmtocsv, loss_stream(streams.LOSS, 0, [])) == b"event_id,output_id,sidx,loss\n"
    assert text_of(stages.summarycalctocsv, loss_stream(streams.SUMMARY, 10, []), skip_header=True) == b""


# Beside the oracle


@pytest.mark.parametrize("flags", [[], ["-s"]])
def test_cdftocsv_like_ktools(oracle, tool, run, dictionary, flags):
    stream = cdf_stream(cdf_rows())
    theirs = run([oracle("cdftocsv"), *flags], stream, cwd=dictionary)
    assert theirs[0] == 0 and theirs[1].count(b"\n") > 1000
    assert run([tool("cdftocsv"), *flags], stream, cwd=dictionary) == (0, theirs[1], "")


@pytest.mark.parametrize("flags", [[], ["-s"], ["-f"], ["-f", "-s"]])
@pytest.mark.parametrize("kind", KINDS)
def test_gultocsv_like_ktools(oracle, tool, run, kind, flags):
    for sample_size in (0, 60, HUGE):
        for last_terminator in (True, False):
            stream = loss_stream(
                KINDS[kind], sample_size, without_exposure(extremes(sample_size)), last_terminator
            )
            theirs = run([oracle("gultocsv"), *flags], stream)
            assert theirs[0] == 0 and theirs[1].count(b"\n") > 3000
            keywords = {"skip_header": "-s" in flags, "full_precision": "-f" in flags}
            assert text_of(stages.gultocsv, stream, **keywords) == theirs[1]
    assert run([tool("gultocsv"), *flags], stream) == (0, theirs[1], "")


@pytest.mark.parametrize("flags", [[], ["-s"], ["-f"], ["-f", "-s"]])
def test_fmtocsv_like_ktools(oracle, tool, run, flags):
    keywords = {"skip_header": "-s" in flags, "full_precision": "-f" in flags}
    inputs = [
        loss_stream(streams.LOSS, sample_size, without_exposure(extremes(sample_size)), last_terminator)
        for sample_size in (0, 60, HUGE)
        for last_terminator in (True, False)
    ]
    inputs += [loss_stream(streams.LOSS, sample_size, []) for sample_size in (0, 10)]
    for stream in inputs:
        theirs = run([oracle("fmtocsv"), *flags], stream)
        assert theirs[0] == 0 and (theirs[1].count(b"\n") > 3000 or len(stream) == 8)
        assert text_of(stages.fmtocsv, stream, **keywords) == theirs[1]
        assert run([tool("fmtocsv"), *flags], stream) == (0, theirs[1], "")


FLAGS = {
    "-s": "skip_header",
    "-f": "full_precision",
    "-e": "exposure",
    "-a": "max_loss",
    "-z": "drop_unexposed",
    "-o": "ord",
}


def test_summarycalctocsv_like_ktools(oracle, tool, run):
    """The oracle sleeps for a second after its first line, so its runs go side by side."""
    jobs = [
        (60, flags.split())
        for flags in (
            "",
            "-s",
            "-f",
            "-e",
            "-a",
            "-z",
            "-o",
            "-e -o",
            "-f -e",
            "-f -o",
            "-f -z -a",
            "-a -z -o",
            "-f -e -a -z",
            "-s -f -e -a -z -o",
        )
    ]
    jobs += [(0, ["-f", "-e", "-a"]), (HUGE, ["-a"])]
    sources = {size: loss_stream(streams.SUMMARY, size, extremes(size)) for size in (0, 60, HUGE)}
    with ThreadPoolExecutor(len(jobs)) as pool:
        runs = list(pool.map(lambda job: run([oracle("summarycalctocsv"), *job[1]], sources[job[0]]), jobs))
    for (size, flags), theirs in zip(jobs, runs):
        assert theirs[0] == 0 and theirs[1].count(b"\n") > 300
        ours = text_of(stages.summarycalctocsv, sources[size], **{FLAGS[flag]: True for flag in flags})
        assert ours == theirs[1], (size, flags)
    assert run([tool("summarycalctocsv"), *jobs[-3][1]], sources[60]) == (0, runs[-3][1], "")


def test_sample_event_loss_table_is_one_table(oracle, run, tmp_path):
    """As csv, in memory and as parquet; the oracle's parquet file has the same rows. -p without -o writes no
    csv."""
    parquet = pytest.importorskip("pyarrow.parquet")
    jobs = [
        ["-p", "0"],
        ["-o", "-p", "1"],
        ["-a", "-p", "2"],
        ["-z", "-s", "-o", "-p", "3"],
        ["-f", "-e", "-p", "4"],
    ]
    stream = loss_stream(streams.SUMMARY, 60, extremes(60))
    with ThreadPoolExecutor(len(jobs)) as pool:
        runs = list(
            pool.map(lambda flags: run([oracle("summarycalctocsv"), *flags], stream, cwd=tmp_path), jobs)
        )
    for (*flags, _, name), theirs in zip(jobs, runs):
        keywords = {FLAGS[flag]: True for flag in flags}
        assert theirs[0] == 0
        assert text_of(stages.summarycalctocsv, stream, parquet=tmp_path / "ours", **keywords) == theirs[1]
        table = ktc.ResultTable("sample_event_loss_table")
        out = io.BytesIO()
        stages.summarycalctocsv(stream, [table, out], **{**keywords, "ord": True})
        assert out.getvalue() == text_of(stages.summarycalctocsv, stream, **{**keywords, "ord": True})
        want = parquet.read_table(tmp_path / name)
        for got in (parquet.read_table(tmp_path / "ours"), table.arrow()):
            assert got.equals(want) and len(got) > 3000


def test_sample_event_loss_table_by_script(tool, run, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    stream = loss_stream(streams.SUMMARY, 2, [(1, 3, 1000.5, [(-5, 9.0), (-1, 0.125), (2, 0.0)])])
    assert run([tool("summarycalctocsv"), "-p", "t.parquet"], stream, cwd=tmp_path) == (0, b"", "")
    assert parquet.read_table(tmp_path / "t.parquet").to_pylist() == [
        {"EventId": 1, "SummaryId": 3, "SampleId": -1, "Loss": 0.125, "ImpactedExposure": 1000.5},
        {"EventId": 1, "SummaryId": 3, "SampleId": 2, "Loss": 0.0, "ImpactedExposure": 0.0},
    ]
    assert run([tool("summarycalctocsv"), "-o", "-p", "u.parquet"], stream, cwd=tmp_path) == (
        0,
        b"EventId,SummaryId,SampleId,Loss,ImpactedExposure\n1,3,-1,0.12,1000.50\n1,3,2,0.00,0.00\n",
        "",
    )
    assert (tmp_path / "u.parquet").read_bytes() == (tmp_path / "t.parquet").read_bytes()
    assert run([tool("summarycalctocsv"), "-p", "v.parquet"], stream[:-1], cwd=tmp_path)[0] == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.parquet", "u.parquet"]


# Input that is not what it should be


def check_cuts(function, stream, whole, ends):
    """Cut `stream` at every byte: an error, or an end that the form allows."""
    for size in range(len(stream)):
        if size in ends:
            assert whole.startswith(text_of(function, stream[:size]))
        else:
            with pytest.raises(TruncatedError):
                text_of(function, stream[:size])


def test_every_cut_is_noticed():
    packets = [(1, 2, 3.0, [(-1, 1.0), (2, 5.0)]), (4, 2, 3.0, [(-3, 1.0), (-1, 2.0)])]
    stream = loss_stream(streams.SUMMARY, 2, packets)
    check_cuts(stages.summarycalctocsv, stream, text_of(stages.summarycalctocsv, stream), {12, 12 + 36})
    stream = loss_stream(streams.LOSS, 2, without_exposure(packets))
    # the last packet's terminator may be missing behind the mean or a sample
    check_cuts(stages.gultocsv, stream, text_of(stages.gultocsv, stream), {8, 24, 32, 40, 64})
    check_cuts(stages.fmtocsv, stream, text_of(stages.fmtocsv, stream), {8, 24, 32, 40, 64})
    stream = cdf_stream([(1, 2, 3, [(0.5, 0.5), (1.0, 0.7)]), (2, 2, 3, [(1.0, 0.5)])])
    check_cuts(stages.cdftocsv, stream, text_of(stages.cdftocsv, stream), {4, 36})


def test_output_has_whole_events_only(tool, run, tmp_path):
    """300 events of 100 lines, cut inside the last: no line of that one, exit status 1, and no file."""
    packets = [
        (event, i, [(s, 1000.0 * s) for s in range(1, 11)]) for event in range(1, 301) for i in range(1, 11)
    ]
    whole = loss_stream(streams.LOSS, 10, packets)
    status, out, message = run([tool("gultocsv"), "-s"], whole[:-20])
    assert status == 1 and message.startswith("gultocsv: error: standard input: byte ")
    assert out.count(b"\n") == 29900 and out.endswith(b"\n299,10,10,10000.00\n")
    assert text_of(stages.gultocsv, whole, skip_header=True).startswith(out)
    with pytest.raises(TruncatedError):
        stages.gultocsv(whole[:-20], tmp_path / "out.csv")
    assert list(tmp_path.iterdir()) == []


def test_wrong_streams_are_refused():
    summary = loss_stream(streams.SUMMARY, 1, [(1, 1, 1.0, [(-1, 1.0)])])
    loss = loss_stream(streams.LOSS, 1, [(1, 1, [(-1, 1.0)])])
    for function, stream in (
        (stages.gultocsv, summary),
        (stages.cdftocsv, loss),
        (stages.summarycalctocsv, loss),
        (stages.gultocsv, struct.pack("<Ii", 0x01000003, 1)),
        (stages.fmtocsv, summary),
        (stages.fmtocsv, loss_stream(streams.ITEM, 1, [(1, 1, [(-1, 1.0)])])),
        (stages.fmtocsv, loss_stream(streams.COVERAGE, 1, [(1, 1, [(-1, 1.0)])])),
    ):
        with pytest.raises(DataError, match="byte 0: .*expected a"):
            text_of(function, stream)
    for function, sidx in itertools.product((stages.gultocsv, stages.fmtocsv), (2, -6, HUGE)):
        with pytest.raises(DataError, match=f"event 7, id 8: sidx {sidx}"):
            text_of(function, loss_stream(streams.LOSS, 1, [(7, 8, [(-1, 1.0), (sidx, 1.0)])]))


def test_a_consumer_of_summaries_takes_nothing_else():
    from ktc._core.occurrence import Occurrences
    from ktc._core.rows import RowMemory, Rows

    from ktc._core.codec import LossDecoder
    from ktc._core.csvforms import SummaryToCsv
    from ktc._core.eltcalc import EltCalc, SampleLosses
    from ktc._core.io import Mapped, Sink, Source
    from ktc._core.pltcalc import PltCalc

    stream = loss_stream(streams.LOSS, 1, [(1, 1, [(-1, 1.0)])])
    report = REPORTS["sample_event_loss_table"]
    for consumer in (
        SummaryToCsv(Sink.memory()),
        SampleLosses(Rows(report, RowMemory(report))),
        EltCalc(),
        PltCalc(Occurrences(Mapped(struct.pack("<ii", 0, 1)))),
    ):
        with pytest.raises(UsageError, match="by summary"):
            LossDecoder(Source(stream)).run(consumer)


def test_cdftocsv_needs_no_dictionary(tool, run, tmp_path):
    """ktools opens static/damage_bin_dict.bin to size a buffer, and writes beyond it when a cdf has more
    bins."""
    bins = [(k / 20000, 0.5) for k in range(1, 20001)]
    status, out, message = run([tool("cdftocsv"), "-s"], cdf_stream([(1, 2, 3, bins)]), cwd=tmp_path)
    assert (status, message, out.count(b"\n")) == (0, "", 20000)
    assert out.endswith(b"1,2,3,20000,1.000000,0.500000\n")
