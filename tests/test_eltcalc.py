"""eltcalc: worked examples, the order of float arithmetic, and bytes beside the oracle."""
import io
import math
import struct
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ktc import stages
from ktc.errors import DataError, TruncatedError
from ktc.schemas import streams

HEADER = b"summary_id,type,event_id,mean,standard_deviation,exposure_value\n"
HUGE = 2147483647 - 64
F = np.float32


def summary_stream(sample_size, packets):
    """packets: (event, summary, exposure, [(sidx, loss)])."""
    return struct.pack("<Iii", streams.SUMMARY, sample_size, 1) + b"".join(
        struct.pack("<iif", event, summary, exposure) + b"".join(struct.pack("<if", *r) for r in records) + bytes(8)
        for event, summary, exposure, records in packets)


def elt(stream, **keywords):
    out = io.BytesIO()
    stages.eltcalc(stream, out, **keywords)
    return out.getvalue()


def rows(stream):
    return [line.split(",") for line in elt(stream, skip_header=True).decode().splitlines()]


def test_worked_example():
    """Losses 10, 20, 30 and a missing one of S = 4: mean 60 / 4, variance (1400 - 60 * 60 / 4) / 3 = 166.67."""
    records = [(-5, 99.0), (-3, 3.0), (-2, 4.0), (-1, 14.25), (1, 10.0), (3, 20.0), (4, 30.0)]
    stream = summary_stream(4, [(5, 7, 1000.5, records), (6, 8, 2.0, [(2, 8.0)])])
    lines = b"7,1,5,14.250000,0.000000,1000.500000\n7,2,5,15.000000,12.909945,1000.500000\n" \
            b"8,1,6,0.000000,0.000000,2.000000\n8,2,6,2.000000,4.000000,2.000000\n"
    assert elt(stream) == HEADER + lines
    assert elt(stream, skip_header=True) == lines


def test_what_has_lines():
    packets = [(1, 1, 0.0, [(-1, 5.0)]), (1, 2, -1.0, [(-1, 5.0)]), (1, 3, math.nan, [(-1, 5.0)]), (1, 4, 1e-30, []),
               (1, 5, 1.0, [(-1, 5.0), (-1, 6.0)])]
    assert [r[:2] for r in rows(summary_stream(2, packets))] == [["4", "1"], ["4", "2"], ["5", "1"], ["5", "2"]]
    assert [r[:4] for r in rows(summary_stream(0, packets))] == [["4", "1", "1", "0.000000"],
                                                                 ["5", "1", "1", "6.000000"]]
    assert elt(summary_stream(3, [])) == HEADER


def test_one_sample_has_no_deviation():
    assert rows(summary_stream(1, [(1, 1, 1.0, [(1, 8.0)])]))[1] == ["1", "2", "1", "8.000000", "0.000000", "1.000000"]


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
                records = records[::-1] + records[:3]
            packets.append((event * 1000 - 5000, summary, float(rng.choice([0, -1, 0.001, 1e5, 1e30])), records))
    return packets + [(2147483647, -2147483648, 1.0, [(-1, -0.0)]),
                      (-2147483648, 2147483647, 3.4e38, [(1, 5.0)] * min(sample_size, 1))]


def test_like_ktools(oracle, tool, run):
    """The oracle sleeps for a second after its first line, so its runs go side by side."""
    jobs = [(size, flags) for size in (-1, 0, 1, 2, 3, 60, 100000, HUGE) for flags in ([], ["-s"])]
    sources = {size: summary_stream(size, random_packets(size, max(size, 0))) for size, _ in jobs}
    with ThreadPoolExecutor(len(jobs)) as pool:
        runs = list(pool.map(lambda job: run([oracle("eltcalc"), *job[1]], sources[job[0]]), jobs))
    for (size, flags), theirs in zip(jobs, runs):
        assert theirs[0] == 0 and theirs[1].count(b"\n") > 150
        assert elt(sources[size], skip_header=bool(flags)) == theirs[1], (size, flags)
    assert run([tool("eltcalc")], sources[60]) == (0, runs[jobs.index((60, []))][1], "")


def test_broken_input():
    stream = summary_stream(2, [(1, 1, 1.0, [(1, 2.0)]), (2, 1, 1.0, [(-1, 2.0), (2, 3.0)])])
    for size in range(len(stream)):
        if size in (12, 40):            # behind the header, and behind the first event
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
