"""leccalc and ordleccalc: exceedance curves and tail values at risk, by hand and beside the oracle."""

import io
import shutil
import struct
import warnings

import numpy as np
import pytest
from support import summaries
from support.beside import same_bytes
from support.doubles import OF_TAILS, weighted_tails, weighted_tails_at
from support.summaries import random_occurrences, random_packets, split, stream, write_tables, write_work

from ktc import curves
from ktc.errors import DataError, TruncatedError, UsageError
from ktc.schemas import streams
from ktc.schemas.tools import CURVES

LETTERS = {letter: name for letter, name, _ in CURVES}
# full uncertainty, each sample, sample mean, mean of the samples' curves; capital letters: aggregate, else
# occurrence
FLAGS = "FWSMfwsm"
ANALYTIC, FULL, MEAN_OF_SAMPLES, SAMPLE_MEAN = 1, 2, 3, 4
OEP, OEP_TVAR, AEP, AEP_TVAR = 1, 2, 3, 4
EPT_HEADER = "SummaryId,EPCalc,EPType,ReturnPeriod,Loss"
PSEPT_HEADER = "SummaryId,SampleId,EPType,ReturnPeriod,Loss"


def legacy(flags=FLAGS):
    """leccalc's arguments for a file each in out/: agg_F, occ_f and so on."""
    return [arg for flag in flags for arg in (f"-{flag}", f"out/{'occ' if flag.islower() else 'agg'}_{flag}")]


def ord_flags(flags=FLAGS, *to):
    return [*(f"-{flag}" for flag in flags), *(to or ("-O", "out/EPT", "-o", "out/PSEPT"))]


def outputs(run, program, folder, args, status=0, name="run", **keywords):
    """{file: bytes} of what a run leaves in out/."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    (folder / "out").mkdir()
    done = run([program, "-K", name, *args], cwd=folder, **keywords)
    assert done[0] == status, done
    for notes in ("filelist.idx", "summaries.idx"):  # ktools leaves these beside its input
        (folder / "work" / name / notes).unlink(missing_ok=True)
    return {path.name: path.read_bytes() for path in (folder / "out").iterdir()}


def functions(folder, flags=(), **keywords):
    """The same files by the functions of Python, all curves at once."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    (folder / "out").mkdir()
    keywords = {
        "folder": "run",
        "root": folder,
        "return_periods": "-r" in flags,
        "skip_header": "-H" in flags,
        **keywords,
    }
    files = {LETTERS[flag[1:]]: folder / path for flag, path in zip(legacy()[::2], legacy()[1::2])}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        curves.leccalc(outputs=files, **keywords)
        curves.ordleccalc(
            curves=list(files), ept=folder / "out" / "EPT", psept=folder / "out" / "PSEPT", **keywords
        )
    return {path.name: path.read_bytes() for path in (folder / "out").iterdir()}


def rows(data, header=None):
    """The rows of a csv as tuples of numbers."""
    lines = data.decode().splitlines()
    if header is not None:
        assert lines.pop(0) == header
    return [tuple(float(v) if "." in v else int(v) for v in line.split(",")) for line in lines]


def close(found, expected):
    """The same rows, numbers within a float's precision."""
    assert [r[:-2] for r in found] == [r[:-2] for r in expected]
    assert [r[-2:] for r in found] == [pytest.approx(r[-2:], rel=1e-6, abs=1e-6) for r in expected]


# --- by hand

# Two samples in five periods. Events 2 and 3 occur twice, periods 1 and 5 have two events each, period 4 has
# none.
OCCURRENCES = [(1, 1, 1), (2, 1, 1), (2, 3, 1), (3, 2, 1), (3, 5, 1), (4, 5, 1)]
PERIODS = 5
PACKETS = [
    (1, 1, 100.0, [(-5, 99.0), (-1, 10.0), (1, 8.0), (2, 12.0)]),
    (1, 2, 100.0, [(-1, 1.0), (2, 3.0)]),
    (2, 1, 100.0, [(-1, 20.0), (1, 5.0)]),
    (3, 1, 50.0, [(-1, 4.0), (1, 7.0), (2, 9.0)]),
    (4, 2, 1.0, [(1, 2.0)]),
    (9, 3, 1.0, [(-1, 4.0), (1, 7.0), (2, 9.0)]),
]


@pytest.mark.posix
@pytest.mark.parametrize(
    "name, flags", [("leccalc", legacy()), ("leccalc", ["-r", *legacy("FfSs")]), ("ordleccalc", ord_flags())]
)
def test_periods_cost_no_memory(name, flags, tmp_path, tool, run):
    """However many periods the header of the occurrence table has; the largest loss is of so long a return
    period."""
    most = 2**31 - 1
    write_tables(tmp_path, occurrences=OCCURRENCES, periods=most, return_periods=[most, 100])
    write_work(tmp_path, [stream(2, PACKETS)])
    (tmp_path / "out").mkdir()
    command = ["bash", "-c", 'ulimit -v 1000000; exec "$@"', "bash", tool(name), "-K", "run", *flags]
    assert run(command, cwd=tmp_path) == (0, b"", "")
    if name == "leccalc":
        sampled = (tmp_path / "out/agg_S").read_text().splitlines()
        assert [line for line in sampled if line.startswith("1,2")][0] == f"1,2,{most}.000000,12.500000"
    else:
        assert f"1,1,{AEP},{most}.000000,30.000000" in (tmp_path / "out/EPT").read_text().splitlines()


def by_period(packets, occurrences, kind):
    """{summary: {sidx: {period: the largest (OEP) or the sum (AEP) of its events' losses}}}."""
    found = {}
    for event, period, _ in occurrences:
        for packet_event, summary, _, records in packets:
            for sidx, loss in records:
                if packet_event == event and sidx >= -1 and loss > 0:
                    periods = found.setdefault(summary, {}).setdefault(sidx, {})
                    before = periods.get(period, 0)
                    periods[period] = max(before, loss) if kind == OEP else before + loss
    return found


def curve(losses, size):
    """The i-th largest loss is reached once in size / i periods."""
    return [(size / i, loss) for i, loss in enumerate(sorted(losses, reverse=True), 1)]


def tail(points):
    """The tail value at risk: the mean of the losses from there on."""
    return [(period, sum(loss for _, loss in points[:i]) / i) for i, (period, _) in enumerate(points, 1)]


def curves_by_definition(packets, occurrences, periods, samples, kind):
    """{(EPCalc, summary): points}."""
    found = {}
    for summary, by_sidx in sorted(by_period(packets, occurrences, kind).items()):
        drawn = {sidx: list(v.values()) for sidx, v in by_sidx.items() if sidx > 0}
        if -1 in by_sidx:
            found[ANALYTIC, summary] = curve(by_sidx[-1].values(), periods)
        found[FULL, summary] = curve([v for values in drawn.values() for v in values], periods * samples)
        ordered = [sorted(values, reverse=True) for values in drawn.values()]
        longest = max(map(len, ordered))
        ranks = [sum(values[i] for values in ordered if i < len(values)) / samples for i in range(longest)]
        found[MEAN_OF_SAMPLES, summary] = curve(ranks, periods)
        means = {p: sum(by_sidx[s].get(p, 0) for s in drawn) / samples for s in drawn for p in by_sidx[s]}
        found[SAMPLE_MEAN, summary] = curve(means.values(), periods)
    return found


def small(
    folder, packets=PACKETS, sample_size=2, periods=PERIODS, occurrences=OCCURRENCES, *, index=False, **tables
):
    """A folder with one stream and its tables."""
    write_tables(folder, occurrences=occurrences, periods=periods, **tables)
    write_work(folder, [stream(sample_size, packets)], index)
    return folder


def test_tables_by_definition(tool, run, tmp_path):
    small(tmp_path)
    files = outputs(run, tool("leccalc"), tmp_path, legacy())
    tables = outputs(run, tool("ordleccalc"), tmp_path, ord_flags())
    ept, psept = [], []
    for kind, case, tvar in ((OEP, str.lower, OEP_TVAR), (AEP, str.upper, AEP_TVAR)):
        area = "occ_" if kind == OEP else "agg_"
        found = curves_by_definition(PACKETS, OCCURRENCES, PERIODS, 2, kind)
        analytic = [
            (s, 1, *point) for (calc, s), points in found.items() if calc == ANALYTIC for point in points
        ]
        for calc, flag in ((FULL, "f"), (MEAN_OF_SAMPLES, "m"), (SAMPLE_MEAN, "s")):
            ours = [(s, 2, *point) for (c, s), points in found.items() if c == calc for point in points]
            close(rows(files[area + case(flag)], "summary_id,type,return_period,loss"), analytic + ours)
        for calc in (ANALYTIC, FULL, MEAN_OF_SAMPLES, SAMPLE_MEAN):
            of_calc = {s: points for (c, s), points in found.items() if c == calc}
            ept += [(s, calc, kind, *point) for s, points in of_calc.items() for point in points]
            ept += [(s, calc, tvar, *point) for s, points in of_calc.items() for point in tail(points)]
        samples = {
            (s, i): curve(losses.values(), PERIODS)
            for s, by_sidx in sorted(by_period(PACKETS, OCCURRENCES, kind).items())
            for i, losses in sorted(by_sidx.items())
            if i > 0
        }
        close(
            rows(files[area + case("w")], "summary_id,sidx,return_period,loss"),
            [(s, i, *point) for (s, i), points in samples.items() for point in points],
        )
        psept += [(s, i, kind, *point) for (s, i), points in samples.items() for point in points]
        psept += [(s, i, tvar, *point) for (s, i), points in samples.items() for point in tail(points)]
    ept.sort(key=lambda row: row[1])  # by EPCalc, as they stand within one
    close(rows(tables["EPT"], EPT_HEADER), ept)
    close(rows(tables["PSEPT"], PSEPT_HEADER), psept)
    # and a few in numbers: period 1 has 8 + 5 and 12, period 3 has 5, periods 2 and 5 have 7 and 9
    assert [r[3:] for r in ept if r[:3] == (1, FULL, AEP)] == [
        (10, 13),
        (5, 12),
        (10 / 3, 9),
        (2.5, 9),
        (2, 7),
        (10 / 6, 7),
        (10 / 7, 5),
    ]
    assert [r[3:] for r in ept if r[:3] == (1, MEAN_OF_SAMPLES, AEP)] == [
        (5, 12.5),
        (2.5, 8),
        (5 / 3, 8),
        (1.25, 2.5),
    ]


def test_return_periods(tool, run, tmp_path):
    """Analytic losses by period are 30, 20, 4, 4. Between two losses of a curve lies a line; above the first
    is nothing, below the last is 0. A tail value at risk counts the return periods since the last loss in,
    too."""
    small(tmp_path, return_periods=[20, 10, 5, 4, 3, 2, 1])
    found = rows(outputs(run, tool("ordleccalc"), tmp_path, ["-r", *ord_flags("F")])["EPT"], EPT_HEADER)
    assert [r[3:] for r in found if r[:3] == (1, ANALYTIC, AEP)] == [
        (5, 30),
        (4, 26),
        (3, 22),
        (2, pytest.approx(10.4)),
        (1, 0),
    ]
    assert [r[3:] for r in found if r[:3] == (1, ANALYTIC, AEP_TVAR)] == [
        (5, 30),
        (4, 28),  # 30 - (30 - 26) / 2
        (3, 26),  # 28 - (28 - 22) / 3
        (2, pytest.approx(25 - (25 - 10.4) / 3, abs=1e-6)),  # behind the losses 30 and 20
        (1, pytest.approx(14.5 - 14.5 / 5)),
    ]  # behind all four
    assert [r[3:] for r in found if r[:3] == (1, FULL, AEP)] == [
        (10, 13),
        (5, 12),
        (4, pytest.approx(10.2)),
        (3, 9),
        (2, 7),
        (1, 0),
    ]
    data = outputs(run, tool("leccalc"), tmp_path, ["-r", *legacy("F")])["agg_F"]
    assert [r[2:] for r in rows(data, "summary_id,type,return_period,loss") if r[:2] == (1, 2)] == [
        (10, 13),
        (5, 12),
        (4, pytest.approx(10.2)),
        (3, 9),
        (2, 7),
        (1, 0),
    ]


def test_no_rows_above_the_curve_and_none_without_losses(tool, run, tmp_path):
    small(tmp_path, return_periods=[20000, 11])
    assert (
        outputs(run, tool("ordleccalc"), tmp_path, ["-r", *ord_flags()])["EPT"].decode() == EPT_HEADER + "\n"
    )


WEIGHTS = {1: 0.1, 2: 0.2, 3: 0.3, 4: 0.15, 5: 0.0}


def weighted(losses, weights):
    """{period: loss} to points: the return period is one over the weight of all losses from there on."""
    points, total = [], 0.0
    for period, loss in sorted(losses.items(), key=lambda item: -item[1]):
        total += weights.get(period, 0.0)
        if weights.get(period, 0.0):
            points.append((1 / total, loss))
    return points


def test_weights_by_definition(tool, run, tmp_path):
    """ktools has no rows of the samples' own curves with weights: -W and -w are header lines only, as is the
    PSEPT."""
    small(tmp_path, weights=WEIGHTS)
    files = outputs(run, tool("leccalc"), tmp_path, legacy("FWSfws"))
    tables = outputs(run, tool("ordleccalc"), tmp_path, ord_flags("FWSfws"))
    ept, psept = rows(tables["EPT"], EPT_HEADER), rows(tables["PSEPT"], PSEPT_HEADER)
    for kind, tvar, end in ((OEP, OEP_TVAR, "occ_w"), (AEP, AEP_TVAR, "agg_W")):
        found = by_period(PACKETS, OCCURRENCES, kind)
        expected = {
            (s, i): weighted(losses, WEIGHTS)
            for s, by_sidx in sorted(found.items())
            for i, losses in sorted(by_sidx.items())
        }
        own = [(*key, *point) for key, points in expected.items() if key[1] > 0 for point in points]
        close(rows(files[end], "summary_id,sidx,return_period,loss"), own)
        close([(*r[:2], *r[3:]) for r in psept if r[2] == kind], own)
        close(
            [(*r[:2], *r[3:]) for r in psept if r[2] == tvar],
            [
                (*key, *point)
                for key, points in expected.items()
                if key[1] > 0
                for point in weighted_tails(points)
            ],
        )
        for summary in (1, 2):
            close(
                [r for r in ept if r[:3] == (summary, ANALYTIC, kind)],
                [(summary, ANALYTIC, kind, *point) for point in expected[summary, -1]],
            )
        # all samples: each has half the weight
        points = weighted(
            {(p, i): v for i in (1, 2) for p, v in found[1][i].items()},
            {(p, i): w / 2 for p, w in WEIGHTS.items() for i in (1, 2)},
        )
        close([r for r in ept if r[:3] == (1, FULL, kind)], [(1, FULL, kind, *point) for point in points])
        close(
            [r for r in ept if r[:3] == (1, FULL, tvar)],
            [(1, FULL, tvar, *point) for point in weighted_tails(points)],
        )
    assert [r for r in psept if r[:3] == (1, 2, AEP)] == [
        (1, 2, AEP, 10, 12),
        (1, 2, AEP, pytest.approx(1 / 0.3), 9),
    ]


def test_weighted_means_at_return_periods(tool, run, tmp_path):
    """The mean over the samples that have the return period. Where none has it there is a row of return
    period 0 and loss 0, as in ktools."""
    packets = [(1, 1, 1.0, [(-1, 3.0), (1, 4.0), (2, 8.0)]), (2, 1, 1.0, [(-1, 2.0), (1, 2.0)])]
    small(
        tmp_path,
        packets,
        occurrences=[(1, 1, 1), (2, 2, 1)],
        weights={1: 0.1, 2: 0.1, 3: 0.8},
        return_periods=[100, 10, 5, 2, 1],
    )
    found = rows(outputs(run, tool("ordleccalc"), tmp_path, ["-r", *ord_flags("M")])["EPT"], EPT_HEADER)
    expected = [(0, 0), (10, 6), (5, 1), (2, 0), (1, 0)]
    assert [r[3:] for r in found if r[1] == MEAN_OF_SAMPLES] == [pytest.approx(point) for point in expected]
    data = outputs(run, tool("leccalc"), tmp_path, ["-r", *legacy("M")])["agg_M"]
    found = rows(data, "summary_id,type,return_period,loss")
    assert [r[2:] for r in found if r[1] == 2] == [pytest.approx(point) for point in expected]


def test_weights_without_samples(tool, run, tmp_path):
    """ktools multiplies by the number of samples: return periods of inf, and with -r losses of 0 (here in
    place of 6 and 5.4). The tail value at risk is a weighted mean."""
    packets = [(1, 1, 1.0, [(-1, 5.0)]), (2, 1, 1.0, [(-1, 6.0)])]
    small(
        tmp_path,
        packets,
        0,
        occurrences=[(1, 1, 1), (2, 2, 1)],
        weights={1: 0.1, 2: 0.2},
        return_periods=[5, 4],
    )
    found = rows(outputs(run, tool("ordleccalc"), tmp_path, ord_flags("F"))["EPT"], EPT_HEADER)
    close(
        found,
        [
            (1, 1, AEP, 5, 6),
            (1, 1, AEP, 1 / 0.3, 5),
            (1, 1, AEP_TVAR, 5, 6),
            (1, 1, AEP_TVAR, 1 / 0.3, 1.7 / 0.3),
        ],
    )
    found = rows(outputs(run, tool("ordleccalc"), tmp_path, ["-r", *ord_flags("F")])["EPT"], EPT_HEADER)
    close([r for r in found if r[2] == AEP], [(1, 1, AEP, 5, 6), (1, 1, AEP, 4, 5.4)])


def test_an_event_twice_in_a_period(tool, run, tmp_path):
    """Counts twice in the sum, once in the maximum."""
    small(tmp_path, [(7, 1, 1.0, [(1, 3.0)])], 1, 2, [(7, 2, 1), (7, 2, 9)])
    files = outputs(run, tool("leccalc"), tmp_path, legacy("Ff"))
    assert files["agg_F"].endswith(b"\n1,2,2.000000,6.000000\n")
    assert files["occ_f"].endswith(b"\n1,2,2.000000,3.000000\n")


def test_a_sample_twice_in_a_packet(oracle, run, tmp_path):
    """Adds up (ktools takes the larger one for the largest loss of a period)."""
    records = [(-1, 2.0), (-1, 1.0), (1, 3.0), (1, 4.0), (2, 6.0), (2, 5.0)]
    one, two = (
        small(tmp_path / "1", [(1, 1, 1.0, [(-1, 3.0), (1, 7.0), (2, 11.0)])]),
        small(tmp_path / "2", [(1, 1, 1.0, records)]),
    )
    expected = compare(run, oracle, one)
    assert expected == functions(two, ())
    for table in ("agg_W", "occ_w"):
        assert expected[table].endswith(b"\n1,1,5.000000,7.000000\n1,2,5.000000,11.000000\n")


def test_ensembles(tool, run, tmp_path):
    """Each ensemble has its curves behind those of all samples, for its own number of samples."""
    packets = [(1, 1, 1.0, [(-1, 5.0), (1, 3.0), (2, 4.0), (3, 8.0)])]
    small(tmp_path, packets, 3, occurrences=[(1, 1, 1)], ensemble=[(1, 2), (2, 2), (3, 1)])
    files = outputs(run, tool("leccalc"), tmp_path, legacy("FWSM"))
    header = "summary_id,type,return_period,loss,ensemble_id"

    def lines(name, header=header):
        text, *found = files[name].decode().splitlines()
        assert text == header
        return [line.replace(".000000", "") for line in found]

    assert lines("agg_F") == [
        "1,1,5,5,0",
        "1,2,15,8,0",
        "1,2,7.500000,4,0",
        "1,2,5,3,0",
        "1,2,5,8,1",
        "1,2,10,4,2",
        "1,2,5,3,2",
    ]
    assert lines("agg_S") == lines("agg_M") == ["1,1,5,5,0", "1,2,5,5,0", "1,2,5,8,1", "1,2,5,3.500000,2"]
    assert lines("agg_W", header.replace("type", "sidx")) == [
        "1,1,5,3,0",
        "1,2,5,4,0",
        "1,3,5,8,0",
        "1,3,5,8,1",
        "1,1,5,3,2",
        "1,2,5,4,2",
    ]
    assert rows(outputs(run, tool("ordleccalc"), tmp_path, ord_flags("S"))["EPT"], EPT_HEADER)[-2:] == [
        (1, SAMPLE_MEAN, AEP, 5, 5),
        (1, SAMPLE_MEAN, AEP_TVAR, 5, 5),
    ]


# --- beside the oracle


def random_case(folder, seed):
    """The tables and streams of a random case; gives (weights, return periods)."""
    rng = np.random.default_rng(seed)
    periods, events = int(rng.choice([1, 5, 20, 60])), int(rng.choice([1, 5, 30, 60]))
    sample_size, files = (
        int(rng.choice([0, 1, 2, 5, 10], p=[0.1, 0.2, 0.2, 0.2, 0.3])),
        int(rng.choice([1, 1, 2, 3])),
    )
    parts = [
        stream(
            sample_size,
            random_packets(
                rng,
                events=[e for e in range(1, events + 1) if e % files == n],
                summaries=int(rng.choice([1, 3])),
                sample_size=sample_size,
                ties=bool(rng.random() < 0.4),
                mean=bool(rng.random() < 0.9),
                max_loss=bool(rng.random() < 0.5),
            ),
        )
        for n in range(files)
    ]
    weights = None
    if sample_size and rng.random() < 0.5:
        weights = {
            p: float(rng.choice([0.0, 0.5 / periods, 1 / periods, 2 / periods, rng.random() / periods]))
            for p in range(1, periods + 1)
            if rng.random() < 0.9
        } or {1: 0.5}
        if rng.random() < 0.3:
            weights = dict.fromkeys(range(1, periods + 1), 1 / periods)
    choice = rng.choice([0, 1, 2, 3, 4, 5, 7, 10, 20, 50, 60, 100, 200, 300, 600, 1000, 5000], 8)
    return_periods = sorted({int(p) for p in choice if p or weights is None} or {1}, reverse=True)
    ensemble = (
        [(s, int(rng.integers(1, 4))) for s in range(1, sample_size + 1)] if rng.random() < 0.4 else None
    )
    index = bool(rng.random() < 0.5) if rng.random() < 0.8 else [n > 0 for n in range(files)]
    write_tables(
        folder,
        occurrences=random_occurrences(rng, events=events, periods=periods),
        periods=periods,
        date_options=int(rng.choice([0, 1, 3])),
        weights=weights,
        return_periods=return_periods,
        ensemble=ensemble,
    )
    write_work(folder, parts, index)
    return weights


def corrected(theirs, weights):
    """What ktools writes but for what it loses and the summary -1 that it makes up, which tests of their own
    are about."""
    return {
        name: b"".join(line for line in data.splitlines(keepends=True) if not line.startswith(b"-1,"))
        for name, data in theirs.items()
        if not weights or name not in ("agg_W", "occ_w", "PSEPT")
    }


def unequal(weights):
    """Have periods weights that differ? The tail values at risk, of which ktools takes plain means, are
    others then."""
    return bool(weights) and len({w for w in weights.values() if w}) > 1


def without_tails(data):
    return [line for line in data.splitlines() if line.split(b",")[2] not in (b"2", b"4")]


def of_table(data):
    """{(summary, EPCalc or sample, type): [(return period, loss)]} of an EPT or PSEPT."""
    found = {}
    for line in data.decode().splitlines():
        if line[0].isdigit():
            *key, period, loss = line.split(",")
            found.setdefault(tuple(map(int, key)), []).append((float(period), float(loss)))
    return found


def check_weighted_tails(table, points):
    """Tail values at risk beside the points of the same curves; what lies below the last point falls on."""
    table, points = of_table(table), of_table(points)
    n = 0
    for (summary, which, type), found in table.items():
        if type in (OEP_TVAR, AEP_TVAR):
            curve = table[summary, which, type - 1]
            whole = [point for point in points.get((summary, which, type - 1), ()) if point[1] > 0]
            if curve != whole and (
                len({loss for _, loss in whole}) < len(whole)
                or any(
                    period == pytest.approx(wanted, abs=2e-6) for period, _ in whole for wanted, _ in curve
                )
            ):
                continue  # which of equal losses comes next, or which side of a point this is, no csv tells
            expected = list(weighted_tails(whole) if curve == whole else weighted_tails_at(whole, curve))
            assert [period for period, _ in found][: len(expected)] == [
                pytest.approx(period) for period, _ in expected
            ]
            assert [loss for _, loss in found][: len(expected)] == [
                pytest.approx(loss, rel=1.01 * OF_TAILS, abs=1e-5) for _, loss in expected
            ]
            losses = np.array([loss for _, loss in found])
            assert (losses[1:] <= losses[:-1] * (1 + 2 * OF_TAILS) + 1e-6).all() and losses.min() >= 0
            n += len(expected)
    return n


def compare(run, oracle, folder, flags=(), weights=None):
    """Both with all outputs, in one folder: the order in which files are found in it is the same. Gives
    ktc's."""
    theirs = outputs(run, oracle("leccalc"), folder, [*flags, *legacy()])
    theirs |= outputs(run, oracle("ordleccalc"), folder, [*flags, *ord_flags()])
    ours = functions(folder, flags)
    assert ours.keys() == theirs.keys()
    points = functions(folder, set(flags) - {"-r"}) if unequal(weights) and "-r" in flags else ours
    for file, data in corrected(theirs, weights).items():
        if file == "EPT" and unequal(weights):
            assert without_tails(ours[file]) == without_tails(data), (file, flags, folder)
            assert [line.rpartition(b",")[0] for line in ours[file].splitlines()] == [
                line.rpartition(b",")[0] for line in data.splitlines()
            ]
        else:
            of_ord = file in ("EPT", "PSEPT")
            command = ["ordleccalc" if of_ord else "leccalc", "-K", "run", *flags]
            command += ord_flags() if of_ord else legacy()
            same_bytes(ours[file], data, command=command, folder=folder, note=file)
    if unequal(weights):
        checked = sum(check_weighted_tails(ours[file], points[file]) for file in ("EPT", "PSEPT"))
        assert checked or flags or len(points["EPT"].splitlines()) < 2
    return ours


@pytest.mark.parametrize("flags", [(), ("-r",), ("-H",), ("-r", "-H")])
def test_random_cases(oracle, run, tmp_path, flags):
    """And once more with memory for one summary at a time, which is to change nothing."""
    for seed in range(50) if "-H" not in flags else range(100, 105):
        folder = tmp_path / str(seed)
        weights = random_case(folder, seed)
        ours = compare(run, oracle, folder, flags, weights)
        assert functions(folder, flags, memory=0.001) == ours


@pytest.mark.parametrize("flags", [(), ("-r",), ("-r", "-H")])
def test_scripts(oracle, tool, run, tmp_path, flags):
    for seed in (5, 9):
        random_case(tmp_path / str(seed), seed)
        for name, args in (("leccalc", legacy()), ("ordleccalc", ord_flags())):
            theirs = outputs(run, oracle(name), tmp_path / str(seed), [*flags, *args])
            assert outputs(run, tool(name), tmp_path / str(seed), [*flags, *args]) == theirs


@pytest.mark.parametrize("index", [False, True])
@pytest.mark.parametrize("flags", [(), ("-r",)])
def test_what_leaves_gaps(oracle, run, tmp_path, index, flags):
    """Zero losses, summaries whose events never occur, packets without samples, header-only streams, no
    samples."""
    occurrences = [(1, 1, 1), (2, 1, 1), (2, 3, 1), (3, 2, 1), (3, 5, 1)]
    packets = [
        (1, 1, 1.0, [(-1, 0.0), (1, 0.0), (2, 0.0)]),
        (2, 3, 1.0, [(-1, 20.0), (1, 5.0), (2, 0.0)]),
        (3, 4, 1.0, []),
        (3, 5, 1.0, [(-1, 1.0)]),
        (9, 2, 1.0, [(-1, 1.0), (2, 3.0)]),
    ]
    cases = {
        "zeros": [stream(2, packets)],
        "none": [stream(2, packets[-1:])],
        "mean": [stream(0, packets[3:4])],
        "parts": [stream(2, part) for part in (packets[:1], packets[-1:], packets[1:3], packets[:3])],
    }
    if not flags:
        cases["unset"] = [stream(-1, packets[3:4])]
    if not (index and flags):  # there ktools makes up a summary -1
        cases["header"] = [stream(2, [])]
    for name, parts in cases.items():
        write_tables(tmp_path / name, occurrences=occurrences, periods=5, return_periods=[10, 5, 3, 1, 0])
        write_work(tmp_path / name, parts, index)
        compare(run, oracle, tmp_path / name, flags)


def test_ties_with_weights(oracle, run, tmp_path):
    """Weights of equal losses add up in the order that ktools' sort leaves them in, which is no stable one.
    Musser's sequence drives it to heap sort."""
    n = 256
    value = [0] * n
    for i in range(1, n // 2 + 1):
        if i % 2:
            value[i - 1], value[i] = i, n // 2 + i
        value[n // 2 + i - 1] = 2 * i
    value = [float(v - (v % 3 == 0)) for v in reversed(value)]
    write_tables(
        tmp_path,
        occurrences=[(i, i, 1) for i in range(1, n + 1)],
        periods=n,
        weights={i: i / n / n for i in range(1, n + 1)},
        return_periods=[5000, 1000, 100, 50, 20, 10, 5, 2],
    )
    write_work(tmp_path, [stream(1, [(i, 1, 1.0, [(-1, v), (1, v)]) for i, v in enumerate(value, 1)])])
    weights = {i: i / n / n for i in range(1, n + 1)}
    compare(run, oracle, tmp_path, (), weights)
    compare(run, oracle, tmp_path, ("-r",), weights)


def test_sums_in_the_order_of_the_files(oracle, run, tmp_path):
    """Float sums depend on it, and ktools reads the files as the folder lists them."""
    for index in (False, True):
        rng = np.random.default_rng(index)
        write_tables(tmp_path / str(index), occurrences=[(e, e % 3 + 1, 1) for e in range(40)] * 2, periods=3)
        parts = [
            random_packets(rng, events=range(40), summaries=2, sample_size=3, scale=1e7) for _ in range(5)
        ]
        write_work(tmp_path / str(index), [stream(3, packets) for packets in parts], index)
        compare(run, oracle, tmp_path / str(index))


@pytest.mark.parametrize("weights", [False, True])
def test_a_larger_case(oracle, run, tmp_path, weights):
    rng = np.random.default_rng(11)
    weights = {p: p / 500500 for p in range(1, 1001)} if weights else None
    return_periods = [40000, 10000, 1000, 500, 250, 200, 100, 50, 25, 10, 5, 2, 1]
    write_tables(
        tmp_path,
        occurrences=random_occurrences(rng, events=200, periods=1000, per_event=4),
        periods=1000,
        return_periods=return_periods,
        weights=weights,
    )
    for name in ("lognormal", "ties"):
        packets = random_packets(rng, events=200, summaries=2, sample_size=40, ties=name == "ties")
        write_work(tmp_path, [stream(40, packets)])
        for flags in ((), ("-r",)):
            compare(run, oracle, tmp_path, flags, weights)


@pytest.mark.parametrize("index", [False, True])
def test_many_summaries(oracle, run, tmp_path, index):
    """More curves than are worked out side by side, of very different lengths, some of them without a
    loss."""
    rng = np.random.default_rng(13)
    write_tables(
        tmp_path,
        occurrences=random_occurrences(rng, events=60, periods=100, per_event=2),
        periods=100,
        return_periods=[3500, 100, 99, 50, 7, 2, 1],
    )
    packets = random_packets(rng, events=60, summaries=40, sample_size=35)
    packets = [p for p in packets if p[1] % 7 or p[0] % 30 == 1]
    write_work(tmp_path, [stream(35, packets)], index)
    compare(run, oracle, tmp_path, ("-r",))


def test_standard_input_and_output(oracle, tool, run, tmp_path):
    rng = np.random.default_rng(4)
    occurrences = random_occurrences(rng, events=20, periods=9)
    write_tables(tmp_path, occurrences=occurrences, periods=9, return_periods=[20, 9, 4])
    data = stream(4, random_packets(rng, events=20, summaries=2, sample_size=4))
    for args in (
        ["leccalc", "-M", "-"],
        ["leccalc", "-r", "-H", "-w", "-"],
        ["leccalc", "-K", "", "-F", "-"],
        ["ordleccalc", "-r", "-s", "-F", "-O", "-"],
        ["ordleccalc", "-W", "-o", "-"],
    ):
        theirs = run([oracle(args[0]), *args[1:]], data, cwd=tmp_path)
        assert run([tool(args[0]), *args[1:]], data, cwd=tmp_path) == theirs and theirs[1].count(b"\n") > 5
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize("flags", FLAGS)
def test_flags_alone(oracle, tool, run, tmp_path, flags):
    """The analytic mean comes with each curve but those of the samples."""
    small(tmp_path)
    theirs = outputs(run, oracle("leccalc"), tmp_path, legacy(flags))
    assert outputs(run, tool("leccalc"), tmp_path, legacy(flags)) == theirs
    theirs = outputs(run, oracle("ordleccalc"), tmp_path, ord_flags(flags))
    assert outputs(run, tool("ordleccalc"), tmp_path, ord_flags(flags)) == theirs


def test_very_many_periods(oracle, tool, run, tmp_path):
    """10 ** 13 pairs of period and sample."""
    small(tmp_path, [(1, 1, 1.0, [(-1, 5.0), (1, 6.0), (7, 2.0)])], 100000, 100000000, [(1, 7, 1)])
    theirs = outputs(run, oracle("leccalc"), tmp_path, legacy("FM"))
    assert outputs(run, tool("leccalc"), tmp_path, legacy("FM")) == theirs
    assert b"1,2,10000000000000.000000,6.000000\n" in theirs["agg_F"]


# --- parquet


def parquet_rows(path):
    table = pytest.importorskip("pyarrow.parquet").read_table(path)
    return [(f.name, str(f.type), f.nullable) for f in table.schema], list(
        zip(*(c.to_pylist() for c in table.columns))
    )


PARQUET = ["-P", "out/EPT.parquet", "-p", "out/PSEPT.parquet"]


@pytest.mark.parametrize("seed", [1, 5, 9, 13, 17])
@pytest.mark.parametrize("flags", [(), ("-r",)])
def test_parquet_like_ktools(oracle, tool, run, tmp_path, seed, flags):
    """With weights ktools' parquet has the samples' curves, which its csv lacks."""
    pytest.importorskip("pyarrow")
    weights = random_case(tmp_path, seed)
    args = [*flags, *ord_flags(FLAGS, *PARQUET, "-O", "out/EPT", "-o", "out/PSEPT")]
    found = []
    for programs in (oracle, tool):
        files = outputs(run, programs("ordleccalc"), tmp_path, args)
        paths = [tmp_path / "out" / name for name in ("EPT.parquet", "PSEPT.parquet")]
        found.append([parquet_rows(path) if path.exists() else None for path in paths] + [files])
    theirs, ours = found
    for k in (0, 1):
        if theirs[k] is None:  # ktools writes no file where there are no rows
            assert ours[k] is None or ours[k][1] == []
        else:
            assert ours[k][0] == theirs[k][0]
            assert [r for r in ours[k][1] if r[2] in (OEP, AEP) or not unequal(weights)] == [
                r for r in theirs[k][1] if r[2] in (OEP, AEP) or not unequal(weights)
            ]
            assert [r[:4] for r in ours[k][1]] == [r[:4] for r in theirs[k][1]]
    if theirs[1] is not None:
        psept = rows(ours[2]["PSEPT"], PSEPT_HEADER)
        assert [r[:3] for r in psept] == [r[:3] for r in theirs[1][1]]
        assert [np.float32(r[3]) for r in psept] == [
            pytest.approx(r[3], abs=1e-6, rel=1e-6) for r in theirs[1][1]
        ]
        assert ["%.6f" % r[4] for r in psept] == ["%.6f" % r[4] for r in ours[1][1]]


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize(
    "args",
    [
        ["-r", "-W", "-p", "P"],  # ktools: tail values only
        ["-r", "-W", "-F", "-P", "E", "-o", "P.csv"],  # ktools: aborts
        ["-r", "-M", "-P", "E"],  # with weights ktools aborts
        ["-f", "-P", "E"],  # ktools: rows of the aggregate losses too
        ["-W", "-w", "-p", "P"],
    ],
    ids=" ".join,
)
def test_parquet_has_the_rows_of_csv(tool, run, tmp_path, args, weights):
    pytest.importorskip("pyarrow")
    small(tmp_path, weights=weights, return_periods=[20, 10, 5, 3, 1])
    text = [
        {"-P": "-O", "-p": "-o", "E": "out/E", "P": "out/P", "P.csv": "out/P.csv"}.get(a, a) for a in args
    ]
    expected = outputs(run, tool("ordleccalc"), tmp_path, text)
    place = {"E": "out/E", "P": "out/P", "P.csv": "out/P.csv"}
    found = outputs(run, tool("ordleccalc"), tmp_path, [place.get(a, a) for a in args])
    assert expected.keys() == found.keys()
    for name in expected.keys() & {"E", "P"}:
        want = rows(expected[name], EPT_HEADER if name == "E" else PSEPT_HEADER)
        have = parquet_rows(tmp_path / "out" / name)[1]
        assert want
        close(have, want)
    if "P.csv" in expected:
        assert found["P.csv"] == expected["P.csv"] and expected["P.csv"].count(b"\n") > 1


# --- accumulators


@pytest.mark.parametrize("flags", [(), ("-r",)])
@pytest.mark.parametrize("seed", [1, 5, 9, 13, 17])
def test_accumulators(tmp_path, seed, flags):
    """Fed whole, they have the tables of the functions; merged from two halves of whole losses, too."""
    random_case(tmp_path, seed)
    sample_size, _, packets = split((tmp_path / "work" / "run" / "summary_P1.bin").read_bytes())
    packets = [(*p[:3], [(sidx, float(np.floor(loss))) for sidx, loss in p[3]]) for p in packets]
    shutil.rmtree(tmp_path / "work")
    write_work(tmp_path, [stream(sample_size, packets)])
    expected = functions(tmp_path, flags)
    half = len(packets) // 2

    def new():
        return curves.ExceedanceCurves(return_periods=True if flags else None, root=tmp_path)

    whole = new().feed(stream(sample_size, packets))
    merged = (
        new().feed(stream(sample_size, packets[:half])).merge(new().feed(stream(sample_size, packets[half:])))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for each in whole, merged:
            for table, header, name in (
                (each.table(), EPT_HEADER, "EPT"),
                (each.samples(), PSEPT_HEADER, "PSEPT"),
            ):
                assert ["%d,%d,%d,%f,%f" % tuple(row) for row in table.numpy().tolist()] == expected[
                    name
                ].decode().replace(header, "").split()
            for flag, name in LETTERS.items():
                text = expected[("occ_" if flag.islower() else "agg_") + flag].decode().splitlines()[1:]
                ours = [
                    "%d,%d,%f,%f" % tuple(row)[:4] + "".join(",%d" % e for e in tuple(row)[4:])
                    for row in each.legacy(name).numpy().tolist()
                ]
                assert ours == text, name


# --- where ktools is wrong


def test_no_summary_that_is_none(tool, run, tmp_path):
    """ktools: with -r rows of summary -1 where the index files are empty, or where no file is there at
    all."""
    small(tmp_path, [], index=True, return_periods=[5, 3, 1])
    tables = outputs(run, tool("ordleccalc"), tmp_path, ["-r", *ord_flags()])
    assert tables["EPT"].decode() == EPT_HEADER + "\n" and tables["PSEPT"].decode() == PSEPT_HEADER + "\n"
    for name in ("summary_P1.bin", "summary_P1.idx"):
        (tmp_path / "work" / "run" / name).unlink()
    shutil.rmtree(tmp_path / "out")
    (tmp_path / "out").mkdir()
    run([tool("ordleccalc"), "-K", "run", "-r", *ord_flags()], cwd=tmp_path)
    assert not any(b"-1," in path.read_bytes() for path in (tmp_path / "out").iterdir())


@pytest.mark.parametrize("index", [False, True])
def test_records_that_are_no_samples(oracle, tool, run, tmp_path, index):
    """ktools counts records of sidx -2 and -3 as two more samples, in every curve."""
    rng = np.random.default_rng(8)
    packets = random_packets(rng, events=20, summaries=2, sample_size=3, special=True)
    occurrences = random_occurrences(rng, events=20, periods=6)
    write_tables(tmp_path, occurrences=occurrences, periods=6)
    write_work(tmp_path, [stream(3, [(*p[:3], [r for r in p[3] if r[0] >= -1]) for p in packets])], index)
    expected = outputs(run, oracle("leccalc"), tmp_path, legacy())
    expected |= outputs(run, oracle("ordleccalc"), tmp_path, ord_flags())
    write_work(tmp_path, [stream(3, packets)], index)
    found = outputs(run, tool("leccalc"), tmp_path, legacy()) | outputs(
        run, tool("ordleccalc"), tmp_path, ord_flags()
    )
    assert found == expected


def test_negative_return_periods_end(tool, run, tmp_path):
    """ktools never ends."""
    small(tmp_path, return_periods=[5, -3])
    outputs(run, tool("leccalc"), tmp_path, ["-r", *legacy("F")], 1, timeout=10)


# --- bad input

STREAM = stream(2, PACKETS)


def fails(run, program, folder, args, status, *words, name="run"):
    """One line that has the words, and no output under its final name."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    (folder / "out").mkdir()
    done = run([program, "-K", name, *args], cwd=folder)
    assert done[0] == status, done
    assert done[1] == b"" and done[2].count("\n") == 1 and all(word in done[2] for word in words), done
    assert not list((folder / "out").iterdir()), "a part of an output is there"


@pytest.mark.parametrize("index", [False, True])
def test_streams_that_are_wrong(tool, run, tmp_path, index):
    def nan(loss):
        return stream(2, [*PACKETS, (4, 1, 1.0, [(1, loss)])])

    cases = {
        "empty": (b"", "byte 0"),
        "head": (STREAM[:10], "byte"),
        "packet": (STREAM[:-50], "byte"),
        "record": (STREAM[:-3], "byte"),
        "losses": (struct.pack("<Iii", streams.LOSS, 2, 1) + STREAM[12:], "summary"),
        "nan": (nan(np.nan), "event 4"),
        "inf": (nan(np.inf), "event 4"),
        "above": (stream(2, [(3, 1, 1.0, [(3, 2.0)])]), "sidx 3"),
        "below": (stream(2, [(3, 1, 1.0, [(-7, 2.0)])]), "sidx -7"),
    }

    for name, (data, word) in cases.items():
        folder = small(tmp_path / name)
        (folder / "work" / "run" / "summary_P1.bin").write_bytes(data)
        if index:
            (folder / "work" / "run" / "summary_P1.idx").write_bytes(summaries.index_of(STREAM))
        with pytest.raises(DataError, match=f"summary_P1.bin.*{word}"):
            functions(folder)
        assert not list((folder / "out").iterdir())
    fails(run, tool("leccalc"), folder, legacy("Fw"), 1, "summary_P1.bin", word)
    fails(run, tool("ordleccalc"), folder, ord_flags("Fw"), 1, "summary_P1.bin", word)


def test_streams_cut_anywhere(tmp_path):
    small(tmp_path)
    ends = [len(stream(2, PACKETS[:n])) for n in range(len(PACKETS))]
    for size in range(len(STREAM)):
        out = io.BytesIO()
        if size in ends:  # no reader can see that
            curves.leccalc(STREAM[:size], {"aep_full_uncertainty": out}, root=tmp_path)
            continue
        with pytest.raises(TruncatedError, match="byte"):
            curves.leccalc(STREAM[:size], {"aep_full_uncertainty": out}, root=tmp_path)
        assert out.getvalue() == b""


def test_files_of_different_sample_sizes(tool, run, tmp_path):
    """ktools takes the size of the file that the folder lists first: largest return periods of 10 or 35."""
    write_tables(tmp_path, occurrences=OCCURRENCES, periods=PERIODS)
    write_work(tmp_path, [stream(2, PACKETS[:1]), stream(7, PACKETS[1:])])
    fails(run, tool("leccalc"), tmp_path, legacy("F"), 1, "7")


DOUBTFUL = {  # tables that are defined, if not as meant: ktools' bytes, and a warning of `ktc validate`
    "ascending": dict(return_periods=[1, 2, 3, 5, 10, 20]),
    "any order": dict(return_periods=[5, 20, 2, 3, 10, 1]),
    "twice": dict(return_periods=[2, 2, 10, 10, 5]),
    "0 first": dict(return_periods=[0, 10, 5]),
    "0 amid": dict(return_periods=[10, 0, 5]),
    "weights of periods that there are not": dict(weights=dict.fromkeys(range(31), 0.05)),
    "few weights, and some beyond": dict(weights={1: 0.2, 4: 0.3, 13: 0.2, 400: 0.1}),
    "weights twice": dict(
        weights=[(3, 0.9), *((period, 0.05) for period in range(1, 21)), (3, 0.05), (5, 0.4)]
    ),
    "records of zeros": dict(occurrences=[(0, 0, 0)] * 3),
}


@pytest.mark.parametrize("case", DOUBTFUL)
def test_doubtful_tables(oracle, tool, run, tmp_path, case):
    """Byte by byte, with and without return periods and indexes. The mean of the samples' curves needs the
    one or no weights."""
    rng, tables = np.random.default_rng(5), dict(DOUBTFUL[case])
    occurrences = random_occurrences(rng, events=15, periods=20) + tables.pop("occurrences", [])
    packets = random_packets(rng, events=15, summaries=2, sample_size=4)
    tables.setdefault("return_periods", [1000, 100, 20, 10, 5, 3, 2, 1, 0])
    for index in (False, True):
        small(tmp_path, packets, 4, 20, occurrences, index=index, **tables)
        for flags in (["-r"], []):
            curves = "FfSsMm" if flags else "FfSs"
            for name, args in ("leccalc", legacy(curves)), ("ordleccalc", ord_flags(curves, "-O", "out/EPT")):
                ours, theirs = (
                    outputs(run, find(name), tmp_path, [*flags, *args]) for find in (tool, oracle)
                )
                if "weights" in tables and name == "ordleccalc":  # a TVaR is a weighted mean
                    ours, theirs = (
                        {
                            "EPT": [
                                line
                                for line in each["EPT"].splitlines()
                                if line.split(b",")[2] not in (b"2", b"4")
                            ]
                        }
                        for each in (ours, theirs)
                    )
                assert ours == theirs and any(map(len, theirs.values()))


TABLES = {
    "missing": (lambda f: (f / "occurrence.bin").unlink(), 3, "occurrence.bin"),
    "cut": (lambda f: cut(f / "occurrence.bin"), 1, "occurrence.bin"),
    "header": (lambda f: (f / "occurrence.bin").write_bytes(bytes(6)), 1, "occurrence.bin"),
    "period 6": (lambda f: write_tables(f.parent, occurrences=[(1, 6, 1)], periods=5), 1, "period 6"),
    "period 0": (lambda f: write_tables(f.parent, occurrences=[(1, 0, 1)], periods=5), 1, "period 0"),
    "no periods": (lambda f: write_tables(f.parent, occurrences=[], periods=0), 1, "occurrence.bin"),
    "options": (
        lambda f: write_tables(f.parent, occurrences=[], periods=5, date_options=9),
        1,
        "occurrence.bin",
    ),
    "return periods missing": (lambda f: (f / "returnperiods.bin").unlink(), 3, "returnperiods.bin"),
    "return periods cut": (lambda f: cut(f / "returnperiods.bin"), 1, "returnperiods.bin"),
    "weights cut": (lambda f: cut(f / "periods.bin"), 1, "periods.bin"),
    "weight nan": (
        lambda f: (f / "periods.bin").write_bytes(struct.pack("<id", 1, np.nan)),
        1,
        "periods.bin",
    ),
    "weight below 0": (
        lambda f: (f / "periods.bin").write_bytes(struct.pack("<id", 1, -0.5)),
        1,
        "periods.bin",
    ),
    "no period of the run": (
        lambda f: (f / "periods.bin").write_bytes(struct.pack("<idid", 0, 0.5, 6, 0.5)),
        1,
        "none of the 2",
    ),
    "weight of a period far off": (
        lambda f: write_tables(f.parent, occurrences=OCCURRENCES, periods=2**31 - 1, weights={2**30: 1.0}),
        1,
        "an id of 1073741824 in 1 records",
    ),
    "weight of period -1": (
        lambda f: (f / "periods.bin").write_bytes(struct.pack("<id", -1, 0.5)),
        1,
        "period -1",
    ),
    "ensemble cut": (lambda f: cut(f / "ensemble.bin"), 1, "ensemble.bin"),
    "a sample without ensemble": (lambda f: write_ensemble(f, 1, 1), 1, "ensemble.bin"),
    "sample twice": (lambda f: write_ensemble(f, 1, 1, 2, 1, 2, 1), 1, "second time"),
    "ensemble 0": (lambda f: write_ensemble(f, 1, 1, 2, 0), 1, "ensemble 0"),
    # ktools writes out of bounds with these: "double free" and a segmentation fault
    "sample -1": (lambda f: write_ensemble(f, 1, 1, 2, 1, -1, 2), 1, "ensemble.bin"),
    "sample 10 ** 9": (lambda f: write_ensemble(f, 1, 1, 2, 1, 10**9, 2), 1, "ensemble.bin"),
}


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def write_ensemble(folder, *values):
    (folder / "ensemble.bin").write_bytes(struct.pack(f"<{len(values)}i", *values))


@pytest.mark.parametrize("case", TABLES)
def test_tables_that_are_wrong(tool, run, tmp_path, case):
    small(tmp_path, return_periods=[5, 2], weights=dict.fromkeys(range(1, 6), 0.2), ensemble=[(1, 1), (2, 1)])
    change, status, word = TABLES[case]
    change(tmp_path / "input")
    fails(run, tool("leccalc"), tmp_path, ["-r", *legacy("F")], status, word)


@pytest.mark.posix
def test_usage(tool, run, tmp_path):
    small(tmp_path)
    fails(run, tool("ordleccalc"), tmp_path, ["-F"], 2, "EPT")
    fails(run, tool("ordleccalc"), tmp_path, ["-W", "-F", "-O", "out/E"], 2, "PSEPT")
    fails(run, tool("leccalc"), tmp_path, ["-F"], 2)
    fails(run, tool("leccalc"), tmp_path, ["-x", "-F", "out/F"], 2)
    fails(run, tool("leccalc"), tmp_path, ["-F", "-", "-S", "-"], 2)
    fails(run, tool("leccalc"), tmp_path, ["-F", "out/one", "-S", "out/one"], 2)
    fails(run, tool("ordleccalc"), tmp_path, ["-F", "-W", "-O", "-", "-o", "-"], 2)
    fails(run, tool("leccalc"), tmp_path, legacy("F"), 3, "nowhere", name="nowhere")
    fails(run, tool("leccalc"), tmp_path, ["-F", "out/missing/file"], 4, "missing")
    fails(run, tool("leccalc"), tmp_path, ["-F", "/dev/full"], 4)
    for name in ("leccalc", "ordleccalc"):
        assert run([tool(name), "-h"], cwd=tmp_path)[0] == run([tool(name), "-v"], cwd=tmp_path)[0] == 1
        assert run([tool(name)], cwd=tmp_path)[0] == 2
    (tmp_path / "log").mkdir()
    done = run([tool("ordleccalc"), "-K", "run", "-F", "-O", "out/E", "-o", "out/P"], cwd=tmp_path)
    (log,) = (tmp_path / "log").iterdir()
    assert done == (0, b"", "") and "PSEPT" in log.read_text(), (
        "a destination that nothing fills is worth a warning"
    )
    assert (tmp_path / "out" / "P").read_bytes() == b""


def test_sums_beyond_a_float(tool, run, tmp_path):
    """ktools: inf, and nan behind it."""
    small(tmp_path, [(1, 1, 1.0, [(1, 3e38)]), (2, 1, 1.0, [(1, 3e38)])], occurrences=[(1, 1, 1), (2, 1, 1)])
    fails(run, tool("ordleccalc"), tmp_path, ["-F", "-O", "out/E"], 1, "summary 1")
    assert outputs(run, tool("leccalc"), tmp_path, legacy("f"))["occ_f"].count(b"\n") == 2


def test_no_samples_and_an_ensemble(tool, run, tmp_path):
    small(tmp_path, [(1, 1, 1.0, [(-1, 5.0)])], 0, occurrences=[(1, 2, 1)], ensemble=[(1, 1)])
    assert outputs(run, tool("leccalc"), tmp_path, legacy("F"))["agg_F"] == (
        b"summary_id,type,return_period,loss,ensemble_id\n1,1,5.000000,5.000000,0\n"
    )


def test_names(tmp_path):
    small(tmp_path)
    for call in (
        lambda: curves.ordleccalc(folder="run", root=tmp_path, curves=["nonsense"], ept=io.BytesIO()),
        lambda: curves.ordleccalc(
            folder="run", root=tmp_path, curves="aep_full_uncertainty", ept=io.BytesIO()
        ),
        lambda: curves.leccalc(folder="run", root=tmp_path, outputs={"aep": io.BytesIO()}),
        lambda: curves.ExceedanceCurves("oep", root=tmp_path),
        lambda: curves.ExceedanceCurves(root=tmp_path).legacy("nonsense"),
        lambda: curves.ExceedanceCurves(["oep"], root=tmp_path).legacy("aep_full_uncertainty"),
        lambda: curves.ExceedanceCurves(root=tmp_path).table(["nonsense"]),
        lambda: curves.ExceedanceCurves(root=tmp_path).merge(curves.ExceedanceCurves(["oep"], root=tmp_path)),
    ):
        with pytest.raises(UsageError):
            call()


def test_another_shares_the_tables(tmp_path):
    small(tmp_path)
    path = tmp_path / "work" / "run" / "summary_P1.bin"
    whole = curves.ExceedanceCurves(root=tmp_path).feed(path)
    other = whole.another()
    assert len(other.table()) == 0
    assert other.feed(path).table().numpy().tolist() == whole.table().numpy().tolist()
