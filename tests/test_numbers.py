"""The rule for numbers: ktools' bytes where they are right to 1 in 10,000, else what double arithmetic gives.

benchmarks/hunt.py makes streams and knows the right numbers; here it runs small. Beside it are the cases that
users report, and where the rule begins to count.
"""

import importlib.util
import io
import struct
from pathlib import Path

import numpy as np
import pytest
from support import doubles, summaries

import ktc
from ktc import stages
from ktc.cli import arguments
from ktc.errors import UsageError
from ktc.schemas import TOOLS

spec = importlib.util.spec_from_file_location("hunt", Path(__file__).parent.parent / "benchmarks" / "hunt.py")
hunt = importlib.util.module_from_spec(spec)
spec.loader.exec_module(hunt)

EXACT = 2e-7  # two roundings to float32


@pytest.mark.parametrize("name", hunt.HUNTS)
def test_no_column_is_wrong(name):
    for column, error in hunt.HUNTS[name](0.01, np.random.default_rng(2)).items():
        few = column.endswith("up to 100 samples")
        tail = column.endswith("TVaR")  # ktools' control files are off by 1.2e-4
        assert (
            error
            <= (doubles.OF_FEW_SAMPLES if few else doubles.OF_TAILS if tail else doubles.TOLERANCE) * 1.01
        ), column


@pytest.mark.parametrize("name", hunt.HUNTS)
def test_exact(name, monkeypatch):
    monkeypatch.setattr(hunt, "EXACT", True)
    for column, error in hunt.HUNTS[name](0.003, np.random.default_rng(3)).items():
        difference = column == "fmcalc loss" or "allocated" in column  # of float32 losses
        loose = column.startswith(("ALT", "ALCT"))  # ktools' own sums of squares in double
        assert error <= (1e-6 if difference else doubles.TOLERANCE if loose else EXACT), column


# --- deviations


def deviations(losses, sample_size=None, **keywords):
    """Mean and standard deviation of one packet: the legacy tables and those of ORD say the same."""
    data = hunt.stream(
        hunt.SUMMARY,
        sample_size or len(losses),
        1,
        1,
        range(1, len(losses) + 1),
        np.array([losses], "f4"),
        1e9,
    )
    table = ktc.ResultTable("event_loss_table")
    stages.eltcalc(data, table, **keywords)
    return table.numpy()[1]["mean"], table.numpy()[1]["standard_deviation"]


@pytest.mark.parametrize(
    "mean, spread", [(1e9, 3e-4), (1e9, 1e-3), (1e9, 5e-3), (34e6, 1.5e-4), (34e6, 6e-3), (1e5, 1e-3)]
)
def test_a_small_spread_is_one(mean, spread):
    """ktools has 0 for a spread below 1 % of 1,000 samples."""
    losses = np.random.default_rng(5).normal(mean, mean * spread, 1000).astype("f4")
    found = deviations(losses)
    assert found == pytest.approx(doubles.moments(losses, 1000), rel=doubles.TOLERANCE) and found[1] > 0


@pytest.mark.parametrize("samples", [2, 3, 1000, 10000])
@pytest.mark.parametrize("loss", [0.1, 33333.33, 1e9 / 3, 7e12])
def test_no_spread_is_none(samples, loss):
    assert deviations([loss] * samples)[1] == 0
    assert deviations([loss] * samples, exact=True)[1] == 0


def test_samples_that_are_missing_are_losses_of_0():
    losses = np.float32([1e6, 1e6 + 1, 1e6 + 2])
    assert deviations(losses, 1000) == pytest.approx(doubles.moments(losses, 1000), rel=1e-4)
    assert deviations(losses, 1000, exact=True) == pytest.approx(doubles.moments(losses, 1000), rel=EXACT)


def test_a_mean_of_many_samples_that_are_alike(tmp_path):
    """Every addition is rounded the same way."""
    (losses,) = np.full((1, 10000), 1.3e5 / 3, "f4")
    wrong = np.cumsum(losses, dtype="f4")[-1] / 10000
    assert abs(wrong / losses[0] - 1) > 1e-5 and deviations(losses, exact=True)[0] == losses[0]
    assert deviations(losses)[0] == pytest.approx(losses[0], rel=1e-4)


# --- curves


def test_a_running_mean_beyond_what_float_counts(tmp_path):
    """20,000 periods x 2,000 samples: at 2 years the tail holds 2 * 10^7 losses, most of them 0."""
    periods, samples, events, wanted = 20000, 2000, 40, [1000, 200, 50, 10, 5, 2]
    rng = np.random.default_rng(1)
    losses = (rng.lognormal(15, 1.5, (events, 1)) * rng.uniform(0.2, 1.8, (events, samples))).astype("f4")
    hunt.write_occurrences(tmp_path, range(1, events + 1), rng.permutation(periods)[:events] + 1, periods)
    hunt.write(tmp_path, "returnperiods", ("i", wanted))
    data = hunt.stream(hunt.SUMMARY, samples, np.arange(1, events + 1), 1, range(1, samples + 1), losses, 1e9)
    table = ktc.ResultTable("exceedance_probability_table")
    ktc.ordleccalc(data, ["aep_full_uncertainty"], ept=table, return_periods=True, root=tmp_path)
    found = [row["Loss"] for row in table.numpy() if row["EPCalc"] == 2 and row["EPType"] == 4]
    right = [tail for _, tail in hunt.curve_of(losses.ravel(), periods * samples, wanted)]
    assert found == pytest.approx(right, rel=doubles.TOLERANCE)
    assert found[-1] == np.float32(right[-1])  # float32 is some times too high


def test_tails_with_weights(tmp_path):
    """A loss of 80 of weight 0.1 and one of 20 of weight 0.9 have 26 in the mean, not 50; equal weights have
    the plain mean."""
    for weights, right in (((0.1, 0.9), 26), ((0.5, 0.5), 50)):
        summaries.write_tables(
            tmp_path, occurrences=[(1, 1, 1), (2, 2, 1)], periods=2, weights=dict(enumerate(weights, 1))
        )
        curves = ktc.ExceedanceCurves(["aep"], root=tmp_path).feed(
            summaries.stream(1, [(1, 1, 1.0, [(-1, 80.0)]), (2, 1, 1.0, [(-1, 20.0)])])
        )
        tails = [row["Loss"] for row in curves.table(["mean"]).numpy() if row["EPType"] == 4]
        assert tails == pytest.approx([80, right], rel=1e-7)


# --- sums


@pytest.mark.parametrize("n", [700, 900, 5000])
@pytest.mark.parametrize("exact", [False, True])
def test_sums_of_a_summary(tmp_path, n, exact):
    """Exact sums are the double ones; else they are the bytes of float additions, which are right so far."""
    losses = np.random.default_rng(n).uniform(1e4, 1e5, (n, 6)).astype("f4")
    hunt.write(tmp_path, "gulsummaryxref", ("i", np.arange(1, n + 1)), ("i", np.ones(n)), ("i", np.ones(n)))
    out = tmp_path / "out.bin"
    sidx = [hunt.MAX_LOSS, hunt.TIV, hunt.MEAN, 1, 2, 3]
    stages.summarycalc(
        hunt.stream(hunt.LOSS, 3, 1, np.arange(1, n + 1), sidx, losses),
        {1: out},
        item=True,
        root=tmp_path,
        exact=exact,
    )
    ((_, _, exposure, records),) = summaries.split(out.read_bytes())[2]
    right = losses.sum(axis=0, dtype="f8") if exact else np.cumsum(losses, axis=0, dtype="f4")[-1]
    assert [exposure, *(loss for _, loss in records)] == [np.float32(right[k]) for k in (1, 0, 2, 3, 4, 5)]


def test_sums_that_stand_still(tmp_path):
    """2^24 and then ones: each addition of 1 is lost in float32. The second event, a small one, has nothing
    of the first."""
    n = 40000
    losses = np.ones((n + 2, 4), "f4")
    losses[0] = 2**24
    ids, events = np.append(np.arange(1, n + 1), [1, 2]), np.append(np.ones(n), [2, 2])
    hunt.write(tmp_path, "gulsummaryxref", ("i", np.arange(1, n + 1)), ("i", np.ones(n)), ("i", np.ones(n)))
    for zeros in (False, True):
        out = tmp_path / "out.bin"
        stages.summarycalc(
            hunt.stream(hunt.LOSS, 2, events, ids, [hunt.TIV, hunt.MEAN, 1, 2], losses),
            {1: out},
            item=True,
            zeros=zeros,
            root=tmp_path,
        )
        first, second = summaries.split(out.read_bytes())[2]
        assert first[2] == np.float32(2**24 + n - 1) and second[2] == 2
        # the sums in double begin where float32 ends to be enough
        assert [loss for _, loss in first[3]] == pytest.approx([2**24 + n - 1] * 3, rel=5e-5)
        assert [loss for _, loss in second[3]] == [2] * 3


# --- the option


@pytest.mark.parametrize(
    "tool", [name for name, tool in TOOLS.items() if any(o.dest == "exact" for o in tool.options)]
)
def test_environment(tool, monkeypatch):
    monkeypatch.delenv("KTC_EXACT", raising=False)
    assert (
        arguments(TOOLS[tool], [])["exact"] is False and arguments(TOOLS[tool], ["--exact"])["exact"] is True
    )
    for value, exact in (("1", True), ("0", False)):
        monkeypatch.setenv("KTC_EXACT", value)
        assert arguments(TOOLS[tool], [])["exact"] is exact
    monkeypatch.setenv("KTC_EXACT", "yes")
    with pytest.raises(UsageError, match="KTC_EXACT is 'yes', expected 0 or 1"):
        arguments(TOOLS[tool], [])


def test_scripts(tool, run, tmp_path):
    losses = np.random.default_rng(1).uniform(1e4, 1e5, (1, 300)).astype("f4")
    data = hunt.stream(hunt.SUMMARY, 300, 1, 1, range(1, 301), losses, 1e9)
    plain, exact, by_environment = (
        run([tool("eltcalc"), *flags], data, env=env)
        for flags, env in (([], {}), (["--exact"], {}), ([], {"KTC_EXACT": "1"}))
    )
    out = io.BytesIO()
    stages.eltcalc(data, out, exact=True)
    assert exact == by_environment == (0, out.getvalue(), "") and plain[1] != exact[1]
    assert struct.unpack("<f", struct.pack("<f", losses.mean(dtype="f8")))[0] == float(
        exact[1].splitlines()[2].split(b",")[3]
    )
