"""Stages joined in memory give what the scripts give through pipes."""
import os
import subprocess

import numpy
import pytest

import ktc
from ktc.chain import (CdfStream, CdfToCsv, Chain, EltCalc, Events, GetModel, GulCalc, GulToCsv, LossStream, SummaryCalc,
                       SummaryToCsv)
from ktc.errors import DataError, InputError, UsageError


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    ktc.write_example(folder, events=30, locations=12, grid=6)
    return folder


@pytest.fixture(scope="module")
def piped(model, tool):
    """What the scripts give in pipes, by name."""
    def shell(command):
        path = f"{os.path.dirname(tool('gulcalc'))}{os.pathsep}{os.environ['PATH']}"
        return subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=model, check=True, capture_output=True,
                              env={**os.environ, "PATH": path}).stdout
    gul = "eve 1 1 | getmodel | gulcalc -S20 -a1 -i -"
    return {"cdf": shell("eve 1 1 | getmodel"), "gul": shell(gul), "coverage": shell("eve 1 1 | getmodel | gulcalc -S20 -c -"),
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
          [at("gul"), GulToCsv(at("gul.csv")),
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


def test_partitions_add_up(model, piped):
    """The events of three processes are those of one."""
    def losses(*share):
        return {(b.event_id, i): b.loss[b.starts[k]:b.starts[k + 1]].tolist()
                for b in Chain(Events(*share), GetModel(), GulCalc(**GUL), root=model) for k, i in enumerate(b.ids.tolist())}
    parts = [losses(process, 3) for process in (1, 2, 3)]
    assert sum(map(len, parts)) == len({k for part in parts for k in part})
    assert {k: v for part in parts for k, v in part.items()} == losses()


@pytest.mark.parametrize("stages", [(GetModel(),), (GetModel(), GulCalc(**GUL))], ids=["cdfs", "losses"])
def test_iterated(model, piped, stages):
    expected = list(ktc.read_stream(piped["cdf" if len(stages) == 1 else "gul"]))
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
