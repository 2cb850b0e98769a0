"""Pipelines of scripts in the shell, beside the oracle: a real model and the example, in partitions."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import ktc

PIWIND = Path(__file__).resolve().parents[2] / "shared" / "data" / "piwind10"
RULES = ["", "-a0", "-a1", "-a2", "-a3"]
PARTITIONS = [(1, 1), (1, 2), (2, 2)]
CASES = [(rule, partition) for rule in RULES for partition in PARTITIONS]
INSURED = ["-a0", "-a1", "-a2", "-a3", "-a1 -n", "-a2 -n"]


def shell(programs, command, cwd):
    """Run a command line with the programs of a folder first on PATH."""
    env = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
    )


def outputs(programs, folder, model, rule, process, total, tag):
    """The streams and tables of one ground-up run, by name."""
    at = {name: folder / f"{tag}{rule}-{process}-{total}-{name}" for name in ("cdf", "gul", "summary", "elt")}
    # the deprecated item form, which an unset rule gives, is what -x reads
    command = (
        f"eve {process} {total} | getmodel | tee {at['cdf']} | gulcalc -S100 {rule} -i - | tee {at['gul']} | "
        f"summarycalc {'-i' if rule else '-x'} -1 - | tee {at['summary']} | eltcalc > {at['elt']}"
    )
    if not rule:
        command = f"eve {process} {total} | getmodel | tee {at['cdf']} | gulcalc -S100 -i - > {at['gul']}"
    done = shell(programs, command, model)
    assert done.returncode == 0, done.stderr.decode()
    return {name: path.read_bytes() for name, path in at.items() if path.exists()}


def insured(programs, folder, model, flags, process, total, tag):
    """The streams and tables of one run through the financial module, by name."""
    at = {
        name: folder / f"{tag}{flags.replace(' ', '')}-{process}-{total}-{name}"
        for name in ("losses", "summary", "elt", "csv")
    }
    command = (
        f"eve {process} {total} | getmodel | gulcalc -S50 -a1 -i - | fmcalc {flags} | tee {at['losses']} | "
        f"summarycalc -f -1 - | tee {at['summary']} | eltcalc > {at['elt']} && "
        f"fmtocsv < {at['losses']} > {at['csv']}"
    )
    done = shell(programs, command, model)
    assert done.returncode == 0, done.stderr.decode()
    return {name: path.read_bytes() for name, path in at.items()}


def compare(model, folder, oracle, tool, cases, outputs=outputs):
    ours, theirs = Path(tool("gulcalc")).parent, Path(oracle("gulcalc")).parent
    with ThreadPoolExecutor(12) as pool:
        expected = list(
            pool.map(lambda case: outputs(theirs, folder, model, case[0], *case[1], "ktools"), cases)
        )
    for case, streams in zip(cases, expected):
        assert all(streams.values())
        got = outputs(ours, folder, model, case[0], *case[1], "ktc")
        if "elt" in streams:
            assert_right_deviations(got["elt"], streams.pop("elt"), got["summary"])
            del got["elt"]
        assert got == streams, case


def assert_right_deviations(ours, theirs, summaries):
    """Event loss tables that are the same bytes, but for deviations that float32 has wrong: those are what
    double arithmetic gives (docs/differences.md, "A rule for numbers")."""
    right, samples = {}, int.from_bytes(summaries[4:8], "little")
    for block in ktc.read_stream(summaries):
        for i, summary_id in enumerate(block.id.tolist()):
            part = slice(block.start[i], block.start[i + 1])
            losses = np.zeros(samples)
            of = block.sidx[part] > 0
            losses[block.sidx[part][of] - 1] = block.loss[part][of]
            right[block.event_id, summary_id] = np.std(losses, ddof=1)
    lines = list(zip(ours.splitlines(), theirs.splitlines(), strict=True))
    for one, other in lines:
        if one != other:
            (a, b) = (line.decode().split(",") for line in (one, other))
            assert a[:4] + a[5:] == b[:4] + b[5:] and a[1] == "2"
            sd = right[int(a[2]), int(a[0])]
            assert float(a[4]) == pytest.approx(sd, rel=1e-4) and abs(float(b[4]) - sd) > 1e-4 * sd
    assert sum(one != other for one, other in lines) < len(lines) / 20


@pytest.mark.skipif(
    not PIWIND.is_dir(), reason="the real model lies beside the repository where it can be had"
)
def test_a_real_model_in_partitions(oracle, tool, tmp_path):
    compare(PIWIND, tmp_path, oracle, tool, CASES)


@pytest.mark.skipif(
    not PIWIND.is_dir(), reason="the real model lies beside the repository where it can be had"
)
def test_insured_losses_of_a_real_model(oracle, tool, tmp_path):
    """Also reinsured, by a programme that takes what the first one pays."""
    compare(PIWIND, tmp_path, oracle, tool, [(flags, (1, 1)) for flags in INSURED], insured)
    command = (
        "eve 1 1 | getmodel | gulcalc -S50 -a1 -i - | fmcalc -a2 | fmcalc -a2 -n -p input/RI_1 | tee {} "
    )
    command += "| fmtocsv -f"
    results = []
    for name, programs in (("ktools", oracle("fmcalc")), ("ktc", tool("fmcalc"))):
        done = shell(Path(programs).parent, command.format(tmp_path / name), PIWIND)
        results.append((done.returncode, done.stdout, (tmp_path / name).read_bytes()))
    assert results[0] == results[1] and results[0][0] == 0 and min(map(len, results[0][1:])) > 1000


def test_insured_losses_of_the_example_model(oracle, tool, tmp_path):
    ktc.write_example(tmp_path / "model", events=25, locations=10, grid=5)
    cases = [(flags, (process, 2)) for flags in INSURED for process in (1, 2)]
    compare(tmp_path / "model", tmp_path, oracle, tool, cases, insured)


def test_the_example_model_in_partitions(oracle, tool, tmp_path):
    ktc.write_example(tmp_path / "model", events=25, locations=10, grid=5)
    compare(
        tmp_path / "model",
        tmp_path,
        oracle,
        tool,
        [(rule, (process, 3)) for rule in RULES for process in (1, 2, 3)],
    )


def test_wide_areaperils(tool, tmp_path, monkeypatch):
    """A model with 8-byte areaperil ids gives the losses of its 4-byte twin; taken for the other width, it is
    refused."""
    programs = Path(tool("gulcalc")).parent
    command = "eve 1 1 | getmodel | gulcalc -S10 -a1 -i - | summarycalc -i -1 - | eltcalc"
    for width in (4, 8):
        ktc.write_example(tmp_path / str(width), events=25, locations=10, grid=5, areaperil_bytes=width)
    narrow = shell(programs, command, tmp_path / "4")
    assert narrow.returncode == 0 and shell(programs, command, tmp_path / "8").returncode == 1
    monkeypatch.setenv("KTC_AREAPERIL_BYTES", "8")
    assert shell(programs, command, tmp_path / "8").stdout == narrow.stdout
    monkeypatch.setenv("KTC_AREAPERIL_BYTES", "5")
    done = shell(programs, "getmodel < /dev/null", tmp_path / "8")
    assert (done.returncode, done.stderr) == (
        2,
        b"getmodel: error: KTC_AREAPERIL_BYTES is '5', expected 4 or 8\n",
    )
