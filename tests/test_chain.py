"""Stages joined in memory give what the scripts give through pipes."""
import os
import subprocess

import numpy
import pytest

import ktc
import programmes
from ktc.chain import (CdfStream, CdfToCsv, Chain, EltCalc, Events, FmCalc, FmToCsv, GetModel, GulCalc, GulToCsv,
                       LossStream, SummaryCalc, SummaryToCsv)
from ktc.errors import DataError, InputError, UsageError


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    made = ktc.write_example(folder, events=30, locations=12, grid=6)
    # each reinsures what the one before leaves; the insurance has two layers of each item
    for seed, name, options in ((1, "RI_1", dict(levels=2)), (2, "RI_2", dict(levels=1, shape="some"))):
        programmes.write(programmes.make(seed, 2 * made.items, rules=programmes.BACK_ALLOCATED, coverages=False,
                                         scale=100_000.0, order="items", **options), folder / name)
    return folder


@pytest.fixture(scope="module")
def piped(model, tool):
    """What the scripts give in pipes, by name."""
    def shell(command):
        path = f"{os.path.dirname(tool('gulcalc'))}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=model, check=True, capture_output=True,
                              env={**os.environ, "PATH": path}).stdout
    gul = "eve 1 1 | getmodel | gulcalc -S20 -a1 -i -"
    fm = f"{gul} | fmcalc -a2"
    ri = f"{fm} | fmcalc -a2 -n -p RI_1 | fmcalc -a2 -p RI_2"
    return {"fm": shell(fm), "fm.csv": shell(f"{fm} | fmtocsv"), "fm1": shell(f"{fm} | summarycalc -f -1 -"),
            "fm3": shell(f"{fm} | summarycalc -f -3 -"), "fm.elt": shell(f"{fm} | summarycalc -f -1 - | eltcalc"),
            "net": shell(f"{gul} | fmcalc -a2 -n"), "ri": shell(ri),
            "ri.elt": shell(f"{ri} | summarycalc -f -3 - | eltcalc"),
            "cdf": shell("eve 1 1 | getmodel"), "gul": shell(gul), "coverage": shell("eve 1 1 | getmodel | gulcalc -S20 -c -"),
            "summary1": shell(f"{gul} | summarycalc -i -1 -"), "summary2": shell(f"{gul} | summarycalc -i -2 -"),
            "elt": shell(f"{gul} | summarycalc -i -1 - | eltcalc"), "gul.csv": shell(f"{gul} | gultocsv"),
            "summary.csv": shell(f"{gul} | summarycalc -i -2 - | summarycalctocsv"),
            "cdf.csv": shell("eve 1 1 | getmodel | cdftocsv")}


GUL = dict(sample_size=20, alloc_rule=1)


def test_everything_at_once(model, piped, tmp_path):
    at = lambda name: tmp_path / name  # noqa: E731
    seen = []
    Chain(Events(), GetModel([at("cdf"), CdfToCsv(at("cdf.csv")), (GulCalc(sample_size=20, coverage=at("coverage")),)]),
          root=model).run()
    Chain(Events(), GetModel(), GulCalc(**GUL),
          [at("gul"), GulToCsv(at("gul.csv")), FmCalc(at("net"), alloc_rule=2, net=True),
           (FmCalc(alloc_rule=2),
            [at("fm"), FmToCsv(at("fm.csv")),
             SummaryCalc({1: [at("fm1"), EltCalc(at("fm.elt"))], 3: at("fm3")}, stream="fm"),
             (FmCalc(alloc_rule=2, net=True, input_path="RI_1"), FmCalc(alloc_rule=2, input_path="RI_2"),
              [at("ri"), SummaryCalc({3: EltCalc(at("ri.elt"))}, stream="fm")])]),
           SummaryCalc({1: [at("summary1"), EltCalc(at("elt"))], 2: [at("summary2"), SummaryToCsv(at("summary.csv"))]})],
          root=model).run(progress=lambda done, total: seen.append((done, total)))
    for name, expected in piped.items():
        assert at(name).read_bytes() == expected, name
    assert sorted(os.listdir(tmp_path)) == sorted(piped)
    assert seen[-1] == (30, 30) and seen == sorted(seen)


def test_from_the_middle(model, piped, tmp_path):
    Chain(CdfStream(piped["cdf"]), GulCalc(**GUL), tmp_path / "gul", root=model).run()
    assert (tmp_path / "gul").read_bytes() == piped["gul"]
    Chain(LossStream(tmp_path / "gul"), SummaryCalc({1: tmp_path / "summary1"}), root=model).run()
    assert (tmp_path / "summary1").read_bytes() == piped["summary1"]
    Chain(LossStream(piped["gul"]), FmCalc(tmp_path / "fm", alloc_rule=2), root=model).run()
    assert (tmp_path / "fm").read_bytes() == piped["fm"]


def test_inuring_programmes(model, piped, tmp_path):
    """Reinsurance upon reinsurance in one process; programmes compiled once do as well as folders."""
    Chain(LossStream(piped["gul"]), FmCalc(alloc_rule=2), FmCalc(alloc_rule=2, net=True, input_path="RI_1"),
          FmCalc(alloc_rule=2, input_path="RI_2"), tmp_path / "ri", root=model).run()
    assert (tmp_path / "ri").read_bytes() == piped["ri"] and len(piped["ri"]) > 10_000
    plans = [ktc.read_plan(model / name) for name in ("input", "RI_1", "RI_2")]
    for name in ("again", "and again"):
        Chain(LossStream(piped["gul"]), FmCalc(plan=plans[0], alloc_rule=2),
              FmCalc(plan=plans[1], alloc_rule=2, net=True), FmCalc(tmp_path / name, plan=plans[2], alloc_rule=2)).run()
        assert (tmp_path / name).read_bytes() == piped["ri"]


def test_partitions_add_up(model, piped):
    """The events of three processes are those of one."""
    def losses(*share):
        return {(b.event_id, i): b.loss[b.starts[k]:b.starts[k + 1]].tolist()
                for b in Chain(Events(*share), GetModel(), GulCalc(**GUL), root=model) for k, i in enumerate(b.ids.tolist())}
    parts = [losses(process, 3) for process in (1, 2, 3)]
    assert sum(map(len, parts)) == len({k for part in parts for k in part})
    assert {k: v for part in parts for k, v in part.items()} == losses()


@pytest.mark.parametrize("stages, name", [
    ((GetModel(),), "cdf"), ((GetModel(), GulCalc(**GUL)), "gul"),
    ((GetModel(), GulCalc(**GUL), FmCalc(alloc_rule=2)), "fm"),
    ((GetModel(), GulCalc(**GUL), FmCalc(alloc_rule=2), FmCalc(alloc_rule=2, net=True, input_path="RI_1"),
      FmCalc(alloc_rule=2, input_path="RI_2")), "ri")], ids=["cdfs", "losses", "insured losses", "reinsured losses"])
def test_iterated(model, piped, stages, name):
    expected = list(ktc.read_stream(piped[name]))
    blocks = list(Chain(Events(), *stages, root=model))
    ids = [[b.vulnerability_id if hasattr(b, "vulnerability_id") else b.ids for b in some] for some in (blocks, expected)]
    assert numpy.array_equal(*map(numpy.concatenate, ids))
    values = [[b.prob_to if hasattr(b, "prob_to") else b.loss for b in some] for some in (blocks, expected)]
    assert numpy.array_equal(*map(numpy.concatenate, values))
    assert [b.event_id for b in blocks if b.end_of_event] == [b.event_id for b in expected if b.end_of_event]


def test_events_from_an_array(model, piped):
    ids = numpy.frombuffer((model / "input" / "events.bin").read_bytes(), "<i4")
    some = list(Chain(Events(ids=ids[:3].copy()), GetModel(), root=model))
    assert {b.event_id for b in some} <= set(ids[:3].tolist())
    # the same event twice running is one event, as it is in a stream
    twice = list(Chain(Events(ids=numpy.repeat(ids[:1], 2)), GetModel(), root=model))
    assert sum(b.end_of_event for b in twice) == 1 and sum(map(len, twice)) == 2 * len(some[0])


def test_chains_that_make_no_sense(model, tmp_path):
    with pytest.raises(UsageError, match="GulCalc takes cdfs, but Events gives events"):
        Chain(Events(), GulCalc(), root=model).run()
    with pytest.raises(UsageError, match="FmCalc takes losses, but GetModel gives cdfs"):
        Chain(Events(), GetModel(), FmCalc(tmp_path / "a"), root=model).run()
    with pytest.raises(UsageError, match="nothing can follow FmToCsv"):
        Chain(LossStream(b""), FmToCsv(tmp_path / "a"), FmCalc(tmp_path / "b"), root=model).run()
    with pytest.raises(UsageError, match="allocation rule 4: expected 0, 1, 2 or 3"):
        Chain(LossStream(b""), FmCalc(tmp_path / "a", alloc_rule=4), root=model).run()
    with pytest.raises(UsageError, match="nothing can follow EltCalc"):
        Chain(LossStream(b""), EltCalc(tmp_path / "a"), EltCalc(tmp_path / "b"), root=model).run()
    with pytest.raises(UsageError, match="summary set"):
        Chain(LossStream(b""), SummaryCalc({1: tmp_path / "a"}), tmp_path / "b", root=model).run()
    with pytest.raises(UsageError, match="gives no blocks"):
        list(Chain(LossStream(b""), EltCalc(tmp_path / "a"), root=model))
    assert os.listdir(tmp_path) == []


def test_a_fault_leaves_no_file(model, piped, tmp_path):
    with pytest.raises(DataError, match="memory: byte"):
        Chain(CdfStream(piped["cdf"][:-1]), GulCalc(**GUL), tmp_path / "gul", root=model).run()
    with pytest.raises(DataError, match="memory: byte"):
        Chain(LossStream(piped["gul"][:-1]), FmCalc(alloc_rule=2), FmCalc(alloc_rule=2, net=True, input_path="RI_1"),
              [tmp_path / "fm", FmToCsv(tmp_path / "csv")], root=model).run()
    with pytest.raises(InputError, match="fm_programme.bin: cannot read: No such file"):
        Chain(LossStream(piped["gul"]), FmCalc(tmp_path / "fm", alloc_rule=2), root=tmp_path).run()
    with pytest.raises(InputError, match="footprint.bin: cannot read: No such file"):
        Chain(Events(), GetModel(), tmp_path / "cdf", root=tmp_path).run()
    assert os.listdir(tmp_path) == []


def test_events_of_many_blocks(tmp_path):
    """An event that passes in several blocks is what it is in one piece: through a pipe gulcalc gets whole events."""
    ktc.write_example(tmp_path, events=3, locations=6000, grid=60, damage_bins=60)
    Chain(Events(), GetModel(), [tmp_path / "cdf", (GulCalc(tmp_path / "gul", coverage=tmp_path / "coverage",
                                                            sample_size=5, alloc_rule=0),)], root=tmp_path).run()
    blocks = list(ktc.read_stream(tmp_path / "cdf"))
    assert len(blocks) > sum(block.end_of_event for block in blocks) == 3
    ktc.gulcalc(tmp_path / "cdf", item=tmp_path / "gul2", coverage=tmp_path / "coverage2", sample_size=5, alloc_rule=0,
                root=tmp_path)
    assert (tmp_path / "gul").read_bytes() == (tmp_path / "gul2").read_bytes()
    assert (tmp_path / "coverage").read_bytes() == (tmp_path / "coverage2").read_bytes()
