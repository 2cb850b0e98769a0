"""Whole pipelines of scripts in the shell, beside the oracle: a real model, partitions, every allocation rule, named pipes."""
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import ktc

PIWIND = Path(__file__).resolve().parents[2] / "shared" / "data" / "piwind10"
RULES = ["", "-a0", "-a1", "-a2", "-a3"]
PARTITIONS = [(1, 1), (1, 2), (2, 2)]
CASES = [(rule, partition) for rule in RULES for partition in PARTITIONS]


def shell(programs, command, cwd):
    """Run a command line with the programs of a folder first on PATH."""
    env = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=120)


def outputs(programs, folder, model, rule, process, total, tag):
    """The streams and tables of one ground-up run, by name."""
    at = {name: folder / f"{tag}{rule}-{process}-{total}-{name}" for name in ("cdf", "gul", "summary", "elt")}
    # the deprecated item form, which an unset rule gives, is what -x reads
    command = (f"eve {process} {total} | getmodel | tee {at['cdf']} | gulcalc -S100 {rule} -i - | tee {at['gul']} | "
               f"summarycalc {'-i' if rule else '-x'} -1 - | tee {at['summary']} | eltcalc > {at['elt']}")
    if not rule:
        command = f"eve {process} {total} | getmodel | tee {at['cdf']} | gulcalc -S100 -i - > {at['gul']}"
    done = shell(programs, command, model)
    assert done.returncode == 0, done.stderr.decode()
    return {name: path.read_bytes() for name, path in at.items() if path.exists()}


def compare(model, folder, oracle, tool, cases):
    ours, theirs = Path(tool("gulcalc")).parent, Path(oracle("gulcalc")).parent
    with ThreadPoolExecutor(8) as pool:
        expected = list(pool.map(lambda case: outputs(theirs, folder, model, case[0], *case[1], "ktools"), cases))
    for case, streams in zip(cases, expected):
        assert all(streams.values())
        assert outputs(ours, folder, model, case[0], *case[1], "ktc") == streams, case


@pytest.mark.skipif(not PIWIND.is_dir(), reason="the real model lies beside the repository where it can be had")
def test_a_real_model_in_partitions(oracle, tool, tmp_path):
    compare(PIWIND, tmp_path, oracle, tool, CASES)


def test_the_example_model_in_partitions(oracle, tool, tmp_path):
    ktc.write_example(tmp_path / "model", events=25, locations=10, grid=5)
    compare(tmp_path / "model", tmp_path, oracle, tool, [(rule, (process, 3)) for rule in RULES for process in (1, 2, 3)])


SCRIPT = """
mkdir -p log fifo work
mkfifo fifo/gul_P1 fifo/gul_P2 fifo/s1_P1 fifo/s2_P1 fifo/s1_P2 fifo/s2_P2 fifo/elt_P1 fifo/elt_P2
for p in 1 2; do
    eltcalc < fifo/elt_P$p > work/elt_P$p.csv & waits="$waits $!"
    tee < fifo/s1_P$p fifo/elt_P$p work/s1_P$p.bin > /dev/null & waits="$waits $!"
    summarycalctocsv -s < fifo/s2_P$p > work/s2_P$p.csv & waits="$waits $!"
    summarycalc -m -i -1 fifo/s1_P$p -2 fifo/s2_P$p < fifo/gul_P$p & waits="$waits $!"
    ( eve $p 2 | getmodel | gulcalc -S20 -a1 -i - > fifo/gul_P$p ) & waits="$waits $!"
done
for w in $waits; do wait $w || exit 1; done
cat work/elt_P1.csv work/elt_P2.csv > elt.csv
cat work/s1_P1.bin work/s1_P2.bin > s1.bin
cat work/s2_P1.csv work/s2_P2.csv > s2.csv
"""


def test_named_pipes_and_logs(oracle, tool, tmp_path):
    """A script with named pipes and tee in two partitions: the oracle's tables, and a log with `finish` for every stage."""
    tables = []
    for name, programs in (("ktc", tool("gulcalc")), ("ktools", oracle("gulcalc"))):
        ktc.write_example(tmp_path / name, events=25, locations=10, grid=5)
        done = shell(Path(programs).parent, SCRIPT, tmp_path / name)
        assert done.returncode == 0, done.stderr.decode()
        tables.append([(tmp_path / name / file).read_bytes() for file in ("elt.csv", "s1.bin", "s2.csv")])
    assert tables[0] == tables[1]
    logs = [path.read_text() for path in (tmp_path / "ktc" / "log").iterdir()]
    # eve, getmodel, gulcalc, summarycalc and eltcalc, twice each
    assert len(logs) == 10 and all(text.count("finish") == 1 for text in logs)


def test_a_stage_that_fails_fails_the_run(tool, tmp_path):
    ktc.write_example(tmp_path, events=25, locations=10, grid=5)
    os.truncate(tmp_path / "static" / "footprint.bin", 5000)
    done = shell(Path(tool("gulcalc")).parent, SCRIPT, tmp_path)
    assert done.returncode == 1
    assert b"getmodel: error: static/footprint.bin: byte" in done.stderr
    finished = [path.name.split("_")[0] for path in (tmp_path / "log").iterdir() if "finish" in path.read_text()]
    assert "getmodel" not in finished and not (tmp_path / "elt.csv").exists()


def test_wide_areaperils(tool, tmp_path, monkeypatch):
    """A model with 8-byte areaperil ids gives the losses of its 4-byte twin; taken for the other width, it is refused."""
    programs = Path(tool("gulcalc")).parent
    command = "eve 1 1 | getmodel | gulcalc -S10 -a1 -i - | summarycalc -i -1 - | eltcalc"
    for width in (4, 8):
        ktc.write_example(tmp_path / str(width), events=25, locations=10, grid=5, areaperil=width)
    narrow = shell(programs, command, tmp_path / "4")
    assert narrow.returncode == 0 and shell(programs, command, tmp_path / "8").returncode == 1
    monkeypatch.setenv("KTC_AREAPERIL_BYTES", "8")
    assert shell(programs, command, tmp_path / "8").stdout == narrow.stdout
    monkeypatch.setenv("KTC_AREAPERIL_BYTES", "5")
    done = shell(programs, "getmodel < /dev/null", tmp_path / "8")
    assert (done.returncode, done.stderr) == (2, b"getmodel: error: KTC_AREAPERIL_BYTES is '5', expected 4 or 8\n")
