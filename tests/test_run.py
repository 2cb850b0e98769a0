"""Whole runs: their bytes are those of the programs in pipes, whatever the threads, the blocks and what
was resumed; reinsurance adds up; settings choose; what is wrong ends with one line and leaves nothing half
done."""

import json
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import time

import numpy
import pytest
from support.wholeruns import cancelled_after

import ktc
from ktc import execution
from ktc.errors import Cancelled, DataError, InputError, OutputError, UsageError
from ktc.planning import plan

EVENTS, LOCATIONS, SAMPLES = 60, 15, 6
TYPES = ("aep", "oep")
LEC_CURVES = [
    f"{kind}_{type}"
    for kind in ("full_uncertainty", "wheatsheaf", "sample_mean", "wheatsheaf_mean")
    for type in TYPES
]
EPT = [
    f"ept_{kind}_{type}" for kind in ("full_uncertainty", "mean_sample", "per_sample_mean") for type in TYPES
]
TABLES = ["elt_sample", "elt_quantile", "elt_moment", "plt_sample", "plt_quantile", "plt_moment"]
AVERAGES = ["alt_period", "alct_convergence", "alt_meanonly"]
CURVES = dict.fromkeys(LEC_CURVES, True)
ORD = dict.fromkeys([*TABLES, *AVERAGES, *EPT, "psept_aep", "psept_oep"], True)
LEGACY_NAMES = ["eltcalc", "pltcalc", "summarycalc", "aalcalc", "aalcalcmeanonly", "lec_output"]
LEGACY = dict.fromkeys(LEGACY_NAMES, True)


def settings_of(perspectives, *, more=(), **top):
    """Settings that ask for every report of set 1, and average losses of set 2."""
    sets = [
        {"id": 1, "ord_output": ORD, **LEGACY, "leccalc": {"return_period_file": True, **CURVES}},
        {"id": 2, "ord_output": {"elt_moment": True, "alt_period": True}},
        *more,
    ]
    return {
        "number_of_samples": SAMPLES,
        **{f"{name}_output": True for name in perspectives},
        **{f"{name}_summaries": sets for name in perspectives},
        **top,
    }


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """A run directory with reinsurance; nobody writes into it but into folders of its own."""
    folder = tmp_path_factory.mktemp("run")
    ktc.write_example(folder, events=EVENTS, locations=LOCATIONS, reinsurance=True)
    (folder / "analysis_settings.json").write_text(json.dumps(settings_of(["gul", "il", "ri"])))
    return folder


@pytest.fixture(scope="module")
def reports(example):
    """What one thread makes of the example, in one block: {name: bytes}."""
    ktc.run(example, outputs="plain", threads=1, block_events=EVENTS)
    return contents(example / "plain")


@pytest.fixture
def own(example, tmp_path):
    """A copy of the run directory, to be written into."""
    shutil.copytree(example, tmp_path / "own", ignore=shutil.ignore_patterns("plain"))
    return tmp_path / "own"


def contents(folder):
    """{name: bytes} of the reports in a folder and those below it."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.suffix in (".csv", ".parquet")
    }


# --- the bytes


STREAMS = {
    "gul": "eve -n 1 1 | getmodel | gulcalc -S6 -L0 -a0 -i -",
    "il": "cat gul.stream | fmcalc -a2",
    "ri": "cat il.stream | fmcalc -a3 -p input/RI_1 -n | fmcalc -a3 -p input/RI_2 -n",
}
SUMMARIES = {"gul": "-i", "il": "-f", "ri": "-f -p input/RI_2"}
COMMANDS = {
    "eltcalc.csv": "eltcalc < {s}",
    "melt.csv": "eltcalc -M {to} < {s}",
    "qelt.csv": "eltcalc -Q {to} < {s}",
    "pltcalc.csv": "pltcalc < {s}",
    "splt.csv": "pltcalc -S {to} < {s}",
    "mplt.csv": "pltcalc -M {to} < {s}",
    "qplt.csv": "pltcalc -Q {to} < {s}",
    "selt.csv": "summarycalctocsv -o < {s}",
    "summarycalc.csv": "summarycalctocsv < {s}",
    "palt.csv": "aalcalc -K{k} -o",
    "alct.csv": "aalcalc -K{k} -o -c {to} > /dev/null",
    "aalcalc.csv": "aalcalc -K{k}",
    "altmeanonly.csv": "aalcalcmeanonly -K{k} -o",
    "aalcalcmeanonly.csv": "aalcalcmeanonly -K{k}",
    "ept.csv": "ordleccalc -K{k} -F -f -S -s -M -m -O {to}",
    "psept.csv": "ordleccalc -K{k} -W -w -o {to}",
    "leccalc_full_uncertainty_aep.csv": "leccalc -r -K{k} -F {to}",
    "leccalc_full_uncertainty_oep.csv": "leccalc -r -K{k} -f {to}",
    "leccalc_wheatsheaf_aep.csv": "leccalc -r -K{k} -W {to}",
    "leccalc_wheatsheaf_oep.csv": "leccalc -r -K{k} -w {to}",
    "leccalc_sample_mean_aep.csv": "leccalc -r -K{k} -S {to}",
    "leccalc_sample_mean_oep.csv": "leccalc -r -K{k} -s {to}",
    "leccalc_wheatsheaf_mean_aep.csv": "leccalc -r -K{k} -M {to}",
    "leccalc_wheatsheaf_mean_oep.csv": "leccalc -r -K{k} -m {to}",
}


def by_programs(folder, programs):
    """The same reports by programs in pipes: {name: bytes}."""
    path = f"{programs}:{os.environ['PATH']}"
    (folder / "work").mkdir()
    (folder / "by").mkdir()

    def shell(command):
        environment = {**os.environ, "PATH": path}
        subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=folder, check=True, env=environment)

    for name, command in STREAMS.items():
        shell(f"{command} > {name}.stream")
        for number in (1, 2):
            (folder / f"work/{name}{number}").mkdir()
            stream = f"work/{name}{number}/P1.bin"
            shell(f"summarycalc -m {SUMMARIES[name]} -{number} {stream} < {name}.stream")
            for what in COMMANDS if number == 1 else ("melt.csv", "palt.csv"):
                to = f"by/{name}_S{number}_{what}"
                command = COMMANDS[what].format(s=stream, k=f"{name}{number}", to=to)
                shell(command if to in command else f"{command} > {to}")
    return contents(folder / "by")


@pytest.mark.posix
@pytest.mark.slow
def test_same_bytes_as_the_programs_in_pipes(own, reports, tool):
    expected = by_programs(own, os.path.dirname(tool("eve")))
    assert expected.keys() == reports.keys() and len(reports) == 3 * (len(COMMANDS) + 2)
    for name in reports:
        assert reports[name] == expected[name], name


@pytest.mark.posix
@pytest.mark.slow
def test_same_bytes_as_ktools(own, reports, oracle):
    """But for deviations of samples that are nearly equal, where ktools' float32 is off."""
    expected = by_programs(own, os.path.dirname(oracle("eve")))
    for name in reports:
        ours, theirs = (content.decode().splitlines() for content in (reports[name], expected[name]))
        assert len(ours) == len(theirs), name
        for line, other in zip(ours, theirs):
            if line != other:
                cells = [tuple(map(float, pair)) for pair in zip(line.split(","), other.split(","))]
                differ = [pair for pair in cells if pair[0] != pair[1]]
                largest = max(a for a, _ in cells)
                assert len(differ) == 1 and abs(differ[0][0] - differ[0][1]) < 1e-6 * largest, (
                    name,
                    line,
                    other,
                )


@pytest.mark.parametrize("threads, block", [(1, 1), (2, None), (2, 1), (4, 7), (3, EVENTS)])
def test_threads_and_blocks_change_nothing(example, reports, tmp_path, threads, block):
    ktc.run(example, outputs=tmp_path / "out", threads=threads, block_events=block)
    assert contents(tmp_path / "out") == reports


def test_an_event_that_is_listed_twice(own, tmp_path):
    """It is one, as for eve, wherever a block would end."""
    (own / "analysis_settings.json").unlink()
    found = []
    for ids in ([3, 5, 5, 5, 9, 3], [3, 5, 9]):
        (own / "input/events.bin").write_bytes(struct.pack(f"<{len(ids)}i", *ids))
        for block in (1, 2, 6):
            run = ktc.run(own, outputs=None, block_events=block, reports=["selt"], perspectives=["gul"])
            found.append(run["gul", 1, "selt"].numpy().tobytes())
    assert found[0] and len(set(found)) == 1


def test_tables_in_memory_are_those_of_the_files(example, reports):
    run = ktc.run(example, outputs=None, threads=2)
    assert not (example / "output").exists() and len(run.tables()) == len(reports) == len(run)
    written = ktc.Analysis(run.plan, str(example / "plain"))
    for key in run:
        if key[2] != "summarycalc":
            table, read = run[key].numpy(), written[key].numpy()
            assert len(table) == len(read) > 0, key
            for field in table.dtype.names:
                numpy.testing.assert_allclose(
                    read[field], table[field], rtol=1e-5, atol=0.006, err_msg=str(key)
                )
    assert run["gul", 1, "summarycalc"].encode() == reports["gul_S1_summarycalc.csv"]
    with pytest.raises(KeyError):
        run["rl", 1, "ept"]


def test_parquet_has_the_rows_of_the_tables(example, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    settings = settings_of(["gul", "ri"])
    for name in ("gul", "ri"):
        settings[f"{name}_summaries"] = [
            {"id": 1, "ord_output": {**ORD, "parquet_format": True}, "eltcalc": True}
        ]
    run = ktc.run(example, settings=settings, outputs=tmp_path / "out")
    memory = ktc.run(example, settings=settings, outputs=None)
    names = sorted(os.listdir(tmp_path / "out"))
    assert "gul_S1_eltcalc.csv" in names and "ri_S1_altmeanonly.parquet" in names
    for key in run:
        if key[2] != "eltcalc":
            table = parquet.read_table(tmp_path / "out" / f"{key[0]}_S1_{key[2]}.parquet")
            assert table.equals(memory[key].arrow()), key
            rows = run.manifest["outputs"][f"{key[0]}_S1_{key[2]}.parquet"]["rows"]
            assert rows == table.num_rows == len(run[key])


def test_memory_changes_nothing(own, tmp_path):
    """Curves that do not fit are worked out for some summaries at a time."""
    settings = settings_of(["gul"], more=[{"id": 3, "ord_output": ORD, "aalcalc": True}])
    ktc.run(own, settings=settings, outputs=tmp_path / "much")
    made = plan(own, settings=settings)
    run = execution.Execution(made, str(tmp_path / "little"), 2, 1 << 40, None, ktc.analysis.Progress())
    run.allot_memory = lambda: run.shares.update({group.name: 40_000 for group in made.losses.groups})
    run.prepare(False)
    limits = [each.kernel.limit for each in run.accumulations if hasattr(each.kernel, "limit")]
    assert limits and max(limits) <= 40_000
    again = []
    for each in run.accumulations:
        each.feed = lambda old=each.feed, name=each.name: (again.append(name), old())
    run.run(lambda: None)
    assert any("ept" in name for name in again) and any("palt" in name for name in again)
    run.publish()
    run.close(True)
    assert contents(tmp_path / "little") == contents(tmp_path / "much")


def test_too_little_memory_is_said_before(example, tmp_path):
    with pytest.raises(
        UsageError, match=r"the run needs .* of memory at least on 2 threads, and may take 10.0 MiB"
    ):
        ktc.run(example, outputs=tmp_path / "out", threads=2, memory=10)


# --- reinsurance


def by_sample(table):
    rows = table.numpy()
    keys = zip(rows["EventId"].tolist(), rows["SummaryId"].tolist(), rows["SampleId"].tolist())
    return dict(zip(keys, rows["Loss"].tolist()))


def test_what_is_paid_and_what_is_left_add_up(example):
    """For every inuring priority, for every summary, event and sample; two layers in the second one."""
    settings = settings_of([], ri_inuring_priorities=[1])
    for name in ("il", "ri", "rl"):
        settings[f"{name}_output"] = True
        settings[f"{name}_summaries"] = [{"id": n, "ord_output": {"elt_sample": True}} for n in (1, 3)]
    run = ktc.run(example, settings=settings, outputs=None)
    assert {key[0] for key in run} == {"il", "ri_IP1", "ri", "rl_IP1", "rl_IP2"}
    for summary_set in (1, 3):
        insured, one, net, paid, excess = (
            by_sample(run[name, summary_set, "selt"]) for name in ("il", "ri_IP1", "ri", "rl_IP1", "rl_IP2")
        )
        assert insured and excess
        for before, after, ceded in ((insured, one, paid), (one, net, excess)):
            for key, loss in before.items():
                assert after.get(key, 0) + ceded.get(key, 0) == pytest.approx(loss, rel=1e-5, abs=0.01)
            assert before.keys() >= after.keys() and before.keys() >= ceded.keys()
    alone = ktc.run(example, settings={**settings, "ri_output": False, "il_output": False}, outputs=None)
    for key in alone:  # as if net losses were asked for, too
        assert alone[key].numpy().tobytes() == run[key].numpy().tobytes() != b"", key
    assert max(paid.values()) > 0 and sum(net.values()) < sum(one.values()) < sum(insured.values())


def test_priorities_of_the_platforms_own_numbers(own):
    """ri_inuring_priority_output_levels.json says after which programme a priority ends."""
    settings = settings_of(["ri"], ri_inuring_priorities=[10])
    with pytest.raises(UsageError, match="ri_inuring_priorities has 10, expected of 1, 2"):
        plan(own, settings=settings)
    (own / "input/ri_inuring_priority_output_levels.json").write_text('{"10": 1, "20": 2}')
    names = {file.path.split("_S")[0] for file in plan(own, settings=settings).files}
    assert names == {"ri_IP1", "ri"}
    last = plan(own, settings={**settings, "ri_inuring_priorities": [20]})
    assert {file.path.split("_S")[0] for file in last.files} == {"ri"}


def test_programmes_beside_input(own, reports, tmp_path):
    """Where older versions of the platform put them."""
    for n in (1, 2):
        (own / f"input/RI_{n}").rename(own / f"RI_{n}")
    ktc.run(own, outputs=tmp_path / "out")
    assert contents(tmp_path / "out") == reports


# --- inputs


def test_csv_in_place_of_binary(own, reports, tmp_path):
    portfolio = ("items", "coverages", "gulsummaryxref", "fmsummaryxref", "events", "returnperiods")
    programme = ("fm_programme", "fm_policytc", "fm_profile", "fm_xref")
    for name in (*portfolio, *programme):
        path = own / ktc.schemas.TABLES[name].path
        ktc.tocsv(name, path, path.with_suffix(".csv"))
        path.unlink()
    for n in (1, 2):
        for name in (*programme, "fmsummaryxref"):
            path = own / f"input/RI_{n}/{name}.bin"
            ktc.tocsv(name, path, path.with_suffix(".csv"))
            path.unlink()
    ktc.run(own, outputs=tmp_path / "out")
    assert contents(tmp_path / "out") == reports


def test_sets_are_chosen_by_their_ids(own, tmp_path):
    """What input/ lacks comes of static/; what it has is used as it is."""
    settings = settings_of(["gul"], model_settings={"event_set": "H 1", "event_occurrence_id": 2})
    assert plan(own, settings=settings).events().tolist() == list(range(1, EVENTS + 1))
    (own / "input/events.bin").unlink()
    (own / "input/occurrence.bin").rename(own / "static/occurrence_2.bin")
    with pytest.raises(
        InputError, match=r"events_h_1.bin: not there, though model_settings.event_set asks for 'H 1'"
    ):
        plan(own, settings=settings)
    (own / "static/events_h_1.bin").write_bytes(struct.pack("<3i", 2, 4, 8))
    made = plan(own, settings=settings)
    assert made.events().tolist() == [2, 4, 8] and made.folder.path("occurrence").endswith("occurrence_2.bin")
    ids = plan(own, settings={**settings, "event_ids": [9, 4], "event_ranges": "1-3, 9"})
    assert ids.events().tolist() == [1, 2, 3, 4, 9]
    before = contents(own / "input"), contents(own / "static")
    ktc.run(own, settings=settings, outputs=tmp_path / "out")
    assert before == (contents(own / "input"), contents(own / "static"))


def test_sets_of_the_model(own):
    run = ktc.run(own, outputs=None, reports=["melt"], perspectives=["gul"])
    for name in ("footprint.bin", "footprint.idx", "vulnerability.bin"):
        stem, ending = name.split(".")
        (own / "static" / name).rename(own / "static" / f"{stem}_B.{ending}")
    settings = {**settings_of(["gul"]), "model_settings": {"footprint_set": "B", "vulnerability_set": "B"}}
    other = ktc.run(own, settings=settings, outputs=None)
    assert other["gul", 1, "melt"].numpy().tobytes() == run["gul", 1, "melt"].numpy().tobytes()


def test_amplification_and_full_correlation(own, tool, tmp_path):
    count = len(ktc.read_table("items", own / "input/items.bin"))
    items = numpy.zeros(count, ktc.schemas.TABLES["amplifications"].dtype())
    items["item_id"], items["amplification_id"] = range(1, count + 1), 1
    ktc.write_table("amplifications", items, own / "input/amplifications.bin")
    packets = [struct.pack("<ii", event, 1) + struct.pack("<if", 1, 1.5) for event in range(1, EVENTS + 1)]
    (own / "static/lossfactors.bin").write_bytes(struct.pack("<i", 0) + b"".join(packets))
    settings = settings_of(["gul"], full_correlation=True)
    plain = ktc.run(own, settings=settings, outputs=None)
    assert {key[0] for key in plain} == {"gul", "full_correlation/gul"}
    assert (
        plain["gul", 1, "melt"].numpy().tobytes()
        != plain["full_correlation/gul", 1, "melt"].numpy().tobytes()
    )
    for factor, options in (
        (1.5, {}),
        (1.25, {"pla_secondary_factor": 0.5}),
        (2.0, {"pla_uniform_factor": 2}),
    ):
        run = ktc.run(own, settings={**settings, "pla": True, **options}, outputs=None)
        for name, expected in (("gul", factor), ("full_correlation/gul", 1)):  # which the platform leaves
            before, after = (each[name, 1, "palt"].numpy()["MeanLoss"] for each in (plain, run))
            assert after.tolist() == pytest.approx((before * expected).tolist(), rel=1e-6)


def test_summary_sets_of_any_number(own):
    """More than ten, and with numbers beyond 9."""
    xref = ktc.read_table("gulsummaryxref", own / "input/gulsummaryxref.bin")
    one = xref[xref["summaryset_id"] == 1]
    numbers = [*range(1, 12), 40]
    sets = []
    for number in numbers:
        copy = one.copy()
        copy["summaryset_id"] = number
        sets.append(copy)
    ktc.write_table("gulsummaryxref", numpy.concatenate(sets), own / "input/gulsummaryxref.bin")
    settings = settings_of(["gul"])
    settings["gul_summaries"] = [{"id": n, "eltcalc": True} for n in numbers]
    run = ktc.run(own, settings=settings, outputs=None)
    tables = [run["gul", number, "eltcalc"].numpy().tobytes() for number in numbers]
    assert tables[0] and len(set(tables)) == 1


def test_without_settings(example, own, tmp_path, run, tool):
    """A folder with input/ and static/ alone: average losses, curves and event losses of what there is."""
    (own / "analysis_settings.json").unlink()
    made = plan(own)
    assert {file.path for file in made.files if file.summary_set == 1} == {
        f"{name}_S1_{what}.csv" for name in ("gul", "il", "ri") for what in ("palt", "ept", "melt")
    }
    status, _, err = run(
        [tool("ktc"), "run", own, "--perspectives", "gul", "--reports", "alt,ept", "--samples", "5"]
    )
    assert (status, err) == (0, "") and sorted(os.listdir(own / "output")) == sorted(
        [*(f"gul_S{n}_{what}.csv" for n in (1, 2, 3) for what in ("palt", "ept")), "manifest.json"]
    )
    shutil.rmtree(own / "input/RI_1")
    shutil.rmtree(own / "input/RI_2")
    (own / "input/ri_layers.json").unlink()
    (own / "input/fm_programme.bin").unlink()
    assert {file.perspective for file in plan(own).files} == {"gul"}


# --- broken off, and resumed


@pytest.mark.parametrize("events", [1, 20, 50])
def test_a_run_that_was_cancelled_goes_on(example, reports, tmp_path, monkeypatch, events):
    monkeypatch.setattr(execution, "CHECKPOINT", 0)
    cancel, progress = cancelled_after(events, monkeypatch)
    out = tmp_path / "out"
    with pytest.raises(Cancelled):
        ktc.run(example, outputs=out, threads=2, block_events=1, progress=progress, cancel=cancel)
    assert contents(out) == {} and json.loads((out / "manifest.json").read_text())["status"] == "broken off"
    done = json.loads((out / ".ktc/journal.json").read_text())["events done"]
    assert events <= done <= EVENTS
    run = ktc.run(example, outputs=out, resume=True, threads=2)
    assert contents(out) == reports and run.manifest["resumed after events"] == done
    assert not (out / ".ktc").exists() and run.manifest["status"] == "complete"


# A run that takes 0.02 s for an event and for a group of reports, and may kill itself at one of these moments
SLOW = """
import os, signal, sys, threading, time
import ktc
from ktc import execution

moment, delay = int(sys.argv[1]), float(sys.argv[2])
execution.CHECKPOINT, ktc.engine.TICK = 0.02, 0.005


def slow(work):
    def then(*arguments):
        global moment
        moment -= 1
        if moment == 0:
            threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL)).start()
        time.sleep(0.02)
        return work(*arguments)

    return then


execution.write_accumulation = slow(execution.write_accumulation)
ktc.perspectives.Worker.feed = slow(ktc.perspectives.Worker.feed)
"""


@pytest.mark.posix
@pytest.mark.slow
def test_killed_at_any_moment(example, reports, tmp_path):
    """kill -9 and --resume, until it is done."""
    out = tmp_path / "out"
    code = SLOW + (
        f"ktc.run({str(example)!r}, outputs={str(out)!r}, threads=2, block_events=1, resume='r' in sys.argv)"
    )
    random = numpy.random.default_rng(1)
    kills, resume, status = 0, [], -signal.SIGKILL
    while status:
        moment = random.integers(1, EVENTS // 2) if kills < 15 else 0  # 0: let it end
        process = [sys.executable, "-c", code, str(moment), str(random.uniform(0, 0.03)), *resume]
        status = subprocess.run(process, cwd=tmp_path, timeout=60).returncode  # not where ktc's sources are
        assert status in (0, -signal.SIGKILL)
        kills, resume = kills + (status != 0), ["r"]
        found = contents(out) if out.exists() else {}
        assert all(reports[name] == content for name, content in found.items())
    assert contents(out) == reports and kills > 0


def test_a_spool_knows_its_length_after_every_block(tmp_path):
    """Of a spool that is ahead of the others only what all have is kept, its head in any case."""
    spool = ktc.reporting.Spool("losses", str(tmp_path / "losses"), b"head\n")
    for block, data in enumerate((b"one\n", b"", b"three\n")):
        spool.append(block, data)
    spool.spill()
    assert [spool.length_at(blocks) for blocks in (0, 1, 2, 3)] == [5, 9, 9, 15]
    again = ktc.reporting.Spool("losses", str(tmp_path / "losses"), b"head\n")
    again.restore(9)
    again.append(0, b"other\n")
    assert [again.length_at(blocks) for blocks in (0, 1)] == [9, 15]
    assert again.body() == b"one\nother\n"


def test_other_inputs_and_settings_are_not_resumed(own, tmp_path, monkeypatch):
    monkeypatch.setattr(execution, "CHECKPOINT", 0)
    cancel, progress = cancelled_after(5, monkeypatch)
    out = tmp_path / "out"
    with pytest.raises(Cancelled):
        ktc.run(own, outputs=out, block_events=1, progress=progress, cancel=cancel)
    other = settings_of(["gul", "il", "ri"], return_periods=[7])
    for changed in (dict(samples=3), dict(settings=other), dict(alloc_gul=1)):
        with pytest.raises(UsageError, match="is of other settings: start anew, without --resume"):
            ktc.run(own, outputs=out, resume=True, **changed)
    content = bytearray((own / "input/coverages.bin").read_bytes())
    content[0:4] = struct.pack("<f", 5000)
    (own / "input/coverages.bin").write_bytes(content)
    with pytest.raises(InputError, match=r"these inputs have changed: .*coverages.bin$"):
        ktc.run(own, outputs=out, resume=True)
    ktc.run(own, outputs=out)
    assert json.loads((out / "manifest.json").read_text())["status"] == "complete"


def test_an_input_that_changes_under_way(own, tmp_path, monkeypatch):
    monkeypatch.setattr(ktc.engine, "TICK", 0.001)
    out = tmp_path / "out"

    def change(state):
        os.utime(own / "input/items.bin")

    with pytest.raises(InputError, match=r"items.bin: the file has changed while the run was reading it"):
        ktc.run(own, outputs=out, progress=change, block_events=1)
    assert contents(out) == {}


def test_two_runs_in_one_folder(example, tmp_path):
    out = tmp_path / "out"

    def second(state):
        with pytest.raises(OutputError, match="another run writes there"):
            ktc.run(example, outputs=out)

    ktc.run(example, outputs=out, progress=second)


# --- faults


def test_a_damaged_footprint(own, tmp_path, run, tool):
    """One line that says where; no report."""
    index = ktc.read_table("footprint_index", own / "static/footprint.idx")
    data = bytearray((own / "static/footprint.bin").read_bytes())
    row = index[index["event_id"] == 30][0]
    for at in range(int(row["offset"]) + 4, len(data), 12):  # of all events from there on
        struct.pack_into("<i", data, at, 9999)
    (own / "static/footprint.bin").write_bytes(data)
    status, out, err = run([tool("ktc"), "run", own, "--threads", "2", "--output", tmp_path / "out"])
    assert status == 1 and out == b"" and len(err.splitlines()) == 1
    assert re.match(r"ktc run: error: .*event \d+.*intensity bin 9999", err)
    assert contents(tmp_path / "out") == {}
    assert json.loads((tmp_path / "out/manifest.json").read_text())["status"] == "broken off"


@pytest.mark.posix
def test_a_disk_that_is_full(example, tmp_path, tool):
    limit = "import resource, signal, sys, os; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000)); os.execv(sys.argv[1], sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", limit, tool("ktc"), "run", example, "--output", tmp_path / "out"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 4 and len(done.stderr.splitlines()) == 1
    assert "cannot write: File too large" in done.stderr and contents(tmp_path / "out") == {}


@pytest.mark.posix
def test_a_folder_that_cannot_be_made(example, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file/out/.ktc: cannot be made: Not a directory"):
        ktc.run(example, outputs=tmp_path / "file/out")


@pytest.mark.posix
@pytest.mark.slow
def test_sigterm_ends_it_and_it_goes_on(example, reports, tmp_path, tool):
    out = tmp_path / "out"
    options = ["run", example, "--output", out, "--block-events", "1", "--threads", "2", "--progress", "none"]
    code = SLOW + "sys.argv[:3] = ['ktc']; from ktc.cli import main; sys.exit(main())"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "0", "0", *options],
        cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 20
    while not (out / "manifest.json").exists() and time.monotonic() < deadline:
        time.sleep(0.001)
    process.send_signal(signal.SIGTERM)
    err = process.communicate(timeout=20)[1]
    assert process.returncode == -signal.SIGTERM and len(err.splitlines()) == 1
    assert "broken off; ktc run --resume goes on with it" in err and contents(out) == {}
    subprocess.run([tool("ktc"), *options, "--resume"], check=True, stdout=subprocess.DEVNULL, timeout=60)
    assert contents(out) == reports


@pytest.mark.parametrize(
    "change, error, message",
    [
        (lambda d: (d / "input").rename(d / "inputs"), InputError, r"input: not a folder"),
        (
            lambda d: (d / "analysis_settings.json").write_text("{"),
            DataError,
            r"settings.json: line 1, column 2",
        ),
        (lambda d: (d / "analysis_settings.json").write_text("[]"), DataError, r"a list, expected an object"),
        (
            lambda d: (d / "input/fm_xref.bin").unlink(),
            DataError,
            r"2 layers: fm_xref must number their outputs",
        ),
        (
            lambda d: shutil.rmtree(d / "input/RI_2"),
            InputError,
            r"RI_2: not there, though .*ri_layers.json names",
        ),
        (
            lambda d: (d / "input/gulsummaryxref.bin").unlink(),
            InputError,
            r"gul_output is asked for.*gulsummary",
        ),
        (
            lambda d: (d / "input/ri_layers.json").write_text('{"2": {}}'),
            DataError,
            r"programmes \[2\], expected 1",
        ),
        (lambda d: (d / "static/damage_bin_dict.bin").unlink(), InputError, r"damage_bin_dict.bin"),
        (lambda d: (d / "input/occurrence.bin").unlink(), InputError, r"occurrence.bin"),
        (lambda d: (d / "input/fmsummaryxref.bin").write_bytes(b"\0" * 7), DataError, r"fmsummaryxref.bin"),
    ],
)
def test_what_lacks_is_said(own, tmp_path, change, error, message):
    change(own)
    with pytest.raises(error, match=message):
        ktc.run(own, outputs=tmp_path / "out")
    assert not (tmp_path / "out").exists() or contents(tmp_path / "out") == {}


def test_what_is_not_done_is_refused(own):
    asked = settings_of(["gul", "rl"], peril_filter=["WTC"], analysis_tag=3, something=1)
    with pytest.raises(UsageError, match=r"peril_filter: .*--skip-unsupported goes on without it"):
        plan(own, settings=asked)
    made = plan(own, settings=asked, skip_unsupported=True)
    assert any("left out: peril_filter" in note for note in made.notes)
    assert any("not known: something" in note for note in made.notes)
    assert not any("analysis_tag" in note for note in made.notes)
    asked = settings_of(["gul"])
    asked["gul_summaries"] = [{"id": 1, "ord_output": {"elt_momment": True, "elt_moment": True}}]
    (note,) = [note for note in plan(own, settings=asked).notes if "elt" in note]
    assert note == "not known: gul_summaries[0].ord_output.elt_momment: ktc does not know this key"
    with pytest.raises(UsageError, match="the allocation rule of il is 9, expected 0 to 3"):
        plan(own, alloc_il=9)
    asked = settings_of(["gul"], il_output=True)
    with pytest.raises(UsageError, match=r"il_output: there are no reports in il_summaries; --skip-missing"):
        plan(own, settings=asked)
    assert {f.perspective for f in plan(own, settings=asked, skip_missing=True).files} == {"gul"}


# --- what people see


def test_dry_run_says_all_and_does_nothing(example, run, tool, tmp_path):
    status, out, err = run(
        [tool("ktc"), "run", example, "--dry-run", "--output", tmp_path / "out", "--alloc-gul", "1"]
    )
    text = out.decode()
    assert (status, err) == (0, "") and not (tmp_path / "out").exists()
    for line in (
        "gulcalc -S6 -L0 -a1 -i -",
        "fmcalc -a3 -p input/RI_2 -n",
        "summarycalc -m -f -p input/RI_2 -1 -2 (ri)",
    ):
        assert f"  {line}\n" in text
    assert "ri_S1_mplt.csv" in text and "ri_summaries[0].ord_output.plt_moment" in text
    assert "footprint.bin" in text and "fm_xref.bin" in text and "Estimate" in text


def test_progress_for_programs(example, run, tool, tmp_path):
    status, out, err = run([tool("ktc"), "run", example, "--progress", "jsonl", "--output", tmp_path / "out"])
    lines = [json.loads(line) for line in out.splitlines()]
    assert (status, err) == (0, "") and lines[-1]["events"] == lines[-1]["of"] == EVENTS
    assert lines[-1]["stage"] == "publishing" and lines[-1]["losses"] > 0
    assert [line["events"] for line in lines] == sorted(line["events"] for line in lines)


def test_closing_figures_are_those_of_the_reports(example, run, tool, tmp_path):
    status, out, err = run([tool("ktc"), "run", example, "--output", tmp_path / "out", "--progress", "none"])
    assert (status, err) == (0, "")
    lines = {
        line.split()[0]: line.split()[1:]
        for line in out.decode().splitlines()
        if line.startswith(("gul", "il", "ri"))
    }
    found = ktc.run(example, outputs=None)
    for name in ("gul", "il", "ri"):
        palt = found[name, 1, "palt"].numpy()
        mean = palt["MeanLoss"][palt["SampleType"] == 2].sum()
        assert lines[name][0] == f"{mean:,.0f}"
        ept = found[name, 1, "ept"].numpy()
        curve = ept[(ept["EPCalc"] == 2) & (ept["EPType"] == 1) & (ept["ReturnPeriod"] >= 100)]
        assert lines[name][1] == f"{curve['Loss'].min():,.0f}"


def test_init_writes_settings_that_run(own, run, tool):
    (own / "analysis_settings.json").unlink()
    status, out, _ = run([tool("ktc"), "run", own, "--init"])
    assert status == 0 and b"analysis_settings.json" in out
    names = {file.path for file in plan(own).files}
    assert {"gul_S1_palt.csv", "il_S1_ept.csv", "il_S1_melt.csv"} <= names
    status, _, err = run([tool("ktc"), "run", own, "--init"])
    assert status == 2 and "is there already" in err


def test_manifest_says_what_was_done(example, reports):
    manifest = json.loads((example / "plain/manifest.json").read_text())
    assert manifest["status"] == "complete" and manifest["events"] == EVENTS
    assert manifest["outputs"].keys() == reports.keys()
    import hashlib

    for name, facts in manifest["outputs"].items():
        content = reports[name]
        assert facts["sha256"] == hashlib.sha256(content).hexdigest() and facts["bytes"] == len(content)
        assert facts["rows"] == content.count(b"\n") - 1
    inputs = {os.path.basename(path) for path in manifest["inputs"]}
    assert {"items.bin", "footprint.bin", "fm_xref.bin", "occurrence.bin", "ri_layers.json"} <= inputs
