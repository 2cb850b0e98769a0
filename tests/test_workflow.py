"""A run as platforms script it (support/workflow.sh): beside the oracle, held against itself, and when a
stage fails or is killed."""

import os
import signal
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from support.workflow import PERIODS, PROCESSES, workflow, write_model

pytestmark = pytest.mark.posix
PERSPECTIVES = ("gul", "il", "ri")
# Stages that keep a log, of one process and of one perspective's reports
STAGES = Counter(eve=1, getmodel=1, gulcalc=1, fmcalc=2, summarycalc=3, eltcalc=6)
REPORTS = Counter(leccalc=2, ordleccalc=2, aalcalc=2, aalcalcmeanonly=2)


def complete(find, folder):
    """A model's folder after a run that must succeed without a word."""
    write_model(folder)
    process = workflow([Path(find("gulcalc")).parent], folder)
    assert (process.communicate(timeout=120)[0], process.returncode) == ("", 0)
    return folder


@pytest.fixture(scope="module")
def done(tool, tmp_path_factory):
    return complete(tool, tmp_path_factory.mktemp("ktc"))


def logged(folder, word):
    """How often each tool has logged a word."""
    return Counter(
        path.name.split("_")[0]
        for path in (folder / "log").iterdir()
        for line in path.read_text().splitlines()
        if word in line
    )


def contents(folder):
    """The files that a run leaves, by path. Of work/ only what summarycalc wrote: ktools' reports leave
    indexes there."""
    paths = [path for name in ("tables", "results") for path in (folder / name).iterdir()]
    paths += [
        folder / "work" / of / f"P{p}.{end}" for of in PERSPECTIVES for p in (1, 2) for end in ("bin", "idx")
    ]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def result(folder, name):
    """A report as an array, its columns by the names of its header."""
    return np.genfromtxt(folder / "results" / name, delimiter=",", names=True)


def test_every_report_beside_the_oracle(done, oracle, tmp_path):
    """Every file byte for byte, and every stage as often in the logs."""
    theirs, ours = contents(complete(oracle, tmp_path)), contents(done)
    # 8 tables of each process and of both; 8 curves, EPT and PSEPT twice; AAL, ALT, ALCT, and the means of
    # two
    assert theirs.keys() == ours.keys() and len(ours) == 3 * (8 * PROCESSES + 8 + 2 * 10 + 5 + 2 * PROCESSES)
    assert [name for name in ours if ours[name] != theirs[name]] == []
    assert min(map(len, ours.values())) > 50
    assert (
        logged(done, "finish")
        == logged(tmp_path, "finish")
        == Counter(
            {name: PROCESSES * n for name, n in STAGES.items()}
            | {name: len(PERSPECTIVES) * n for name, n in REPORTS.items()}
        )
    )


@pytest.mark.parametrize("of", PERSPECTIVES)
def test_joined_tables_have_all_rows(of, done):
    """Those of both processes, which have every other event each; event tables in the order of events."""
    for table in ("elt", "melt", "qelt", "selt", "plt", "mplt", "qplt", "splt"):
        parts = [(done / "tables" / f"{of}_{table}_P{p}").read_text().splitlines() for p in (1, 2)]
        whole = (done / "results" / f"{of}_{table}").read_text().splitlines()
        assert whole[0] == parts[0].pop(0) and sorted(whole[1:]) == sorted(parts[0] + parts[1])
        if table in ("melt", "qelt", "selt"):
            events = [int(row.split(",")[0]) for row in whole[1:]]
            assert events == sorted(events) and len(set(events)) > 10
            for p, part in enumerate(parts):
                assert {int(row.split(",")[0]) for row in part} == {
                    event for event in set(events) if event % 2 != p
                }


def test_terms_only_take_away(done):
    """For every event, summary and sample: reinsured <= insured <= ground-up, and all three differ."""
    losses = [{tuple(row)[:3]: row["Loss"] for row in result(done, f"{of}_selt")} for of in PERSPECTIVES]
    for gross, net in zip(losses, losses[1:]):
        assert net.keys() <= gross.keys() and all(net[key] <= gross[key] for key in net)
        assert 0 < sum(net.values()) < 0.95 * sum(gross.values())


@pytest.mark.parametrize("of", PERSPECTIVES)
def test_reports_agree(of, done):
    """Mean annual losses are the period tables' by period; curves fall, and an OEP is never above its AEP."""
    alt, mean, mplt = (result(done, f"{of}_{name}") for name in ("alt", "alt_mean", "mplt"))
    assert alt[["SummaryId", "SampleType"]].tolist() == [(1, 1), (2, 1), (1, 2), (2, 2)]
    for row in alt:
        rows = mplt[(mplt["SummaryId"] == row["SummaryId"]) & (mplt["SampleType"] == row["SampleType"])]
        assert row["MeanLoss"] == pytest.approx(rows["MeanLoss"].sum() / PERIODS, rel=1e-5)
    assert {tuple(row) for row in mean} == {tuple(row)[:3] for row in alt}
    ept = result(done, f"{of}_ept")
    for summary in (1, 2):
        for calculation in (1, 2, 3, 4):
            aep, oep = (
                ept[(ept["SummaryId"] == summary) & (ept["EPCalc"] == calculation) & (ept["EPType"] == kind)][
                    "Loss"
                ]
                for kind in (3, 1)
            )
            assert len(aep) > 10 and (np.diff(aep) <= 0).all() and (np.diff(oep) <= 0).all()
            assert (aep[: len(oep)] >= oep[: len(aep)] * (1 - 1e-6)).all()


# When something goes wrong


def assert_failed(process, folder):
    """The run has ended with all of its stages, says so, and leaves no report."""
    try:
        words = process.communicate(timeout=20)[0]  # until no stage has the pipe open
    finally:
        process.kill()
    assert process.returncode != 0 and (folder / "log" / "failed").exists()
    assert list((folder / "results").iterdir()) == []
    return words


@pytest.fixture
def held(tool, tmp_path, monkeypatch):
    """A run of one process whose eve gives ten events, which fill more than a buffer, and then waits for
    ever: its folder and the process. On its way out, the script gets a signal before each command."""
    (tmp_path / "bin").mkdir()
    os.mkfifo(tmp_path / "bin" / "nobody")
    (tmp_path / "bin" / "eve").write_text(
        f'#!/bin/sh\n{tool("eve")} "$@" | head -n 10\nread never < {tmp_path}/bin/nobody\n'
    )
    (tmp_path / "bin" / "eve").chmod(0o755)
    (tmp_path / "leaving").write_text(f"""set -T
trap '[[ ${{FUNCNAME[0]-}} != leave ]] || {{ : > {tmp_path}/signalled; kill -TERM $$; }}' DEBUG
""")
    monkeypatch.setenv("BASH_ENV", str(tmp_path / "leaving"))
    write_model(tmp_path / "model")
    process = workflow(
        [tmp_path / "bin", Path(tool("gulcalc")).parent], tmp_path / "model", processes=1, samples=1000
    )
    yield tmp_path / "model", process
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)


def wait_for_stages(folder, process):
    """Until all stages of a held run are there."""
    patience = time.monotonic() + 20
    while not (folder / "log").exists() or logged(folder, "starting") != STAGES:
        assert time.monotonic() < patience and process.poll() is None
        time.sleep(0.02)


@pytest.mark.parametrize("name", ["getmodel", "gulcalc", "fmcalc", "summarycalc", "eltcalc"])
def test_a_stage_that_is_killed_fails_the_run(name, held):
    folder, process = held
    wait_for_stages(folder, process)
    log = next((folder / "log").glob(f"{name}_*"))
    os.kill(int(log.stem.split("_")[1]), signal.SIGKILL)
    assert_failed(process, folder)
    assert "finish" not in log.read_text()


def test_signals_while_it_leaves_leave_no_stage_behind(held, tmp_path):
    folder, process = held
    wait_for_stages(folder, process)
    process.send_signal(signal.SIGTERM)
    assert_failed(process, folder)
    assert (tmp_path / "signalled").exists()


def test_a_stage_that_fails_fails_the_run(tool, tmp_path):
    write_model(tmp_path)
    os.truncate(tmp_path / "static" / "footprint.bin", 5000)
    words = assert_failed(workflow([Path(tool("gulcalc")).parent], tmp_path, processes=1), tmp_path)
    assert "getmodel: error: static/footprint.bin: byte" in words and "getmodel" not in logged(
        tmp_path, "finish"
    )
