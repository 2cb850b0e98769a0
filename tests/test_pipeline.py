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
INSURED = ["-a0", "-a1", "-a2", "-a3", "-a1 -n", "-a2 -n"]


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


def insured(programs, folder, model, flags, process, total, tag):
    """The streams and tables of one run through the financial module, by name."""
    at = {name: folder / f"{tag}{flags.replace(' ', '')}-{process}-{total}-{name}"
          for name in ("losses", "summary", "elt", "csv")}
    command = (f"eve {process} {total} | getmodel | gulcalc -S50 -a1 -i - | fmcalc {flags} | tee {at['losses']} | "
               f"summarycalc -f -1 - | tee {at['summary']} | eltcalc > {at['elt']} && "
               f"fmtocsv < {at['losses']} > {at['csv']}")
    done = shell(programs, command, model)
    assert done.returncode == 0, done.stderr.decode()
    return {name: path.read_bytes() for name, path in at.items()}


def compare(model, folder, oracle, tool, cases, outputs=outputs):
    ours, theirs = Path(tool("gulcalc")).parent, Path(oracle("gulcalc")).parent
    with ThreadPoolExecutor(12) as pool:
        expected = list(pool.map(lambda case: outputs(theirs, folder, model, case[0], *case[1], "ktools"), cases))
    for case, streams in zip(cases, expected):
        assert all(streams.values())
        assert outputs(ours, folder, model, case[0], *case[1], "ktc") == streams, case


@pytest.mark.skipif(not PIWIND.is_dir(), reason="the real model lies beside the repository where it can be had")
def test_a_real_model_in_partitions(oracle, tool, tmp_path):
    compare(PIWIND, tmp_path, oracle, tool, CASES)


@pytest.mark.skipif(not PIWIND.is_dir(), reason="the real model lies beside the repository where it can be had")
def test_insured_losses_of_a_real_model(oracle, tool, tmp_path):
    """Also reinsured, by a programme that takes what the first one pays."""
    compare(PIWIND, tmp_path, oracle, tool, [(flags, (1, 1)) for flags in INSURED], insured)
    command = "eve 1 1 | getmodel | gulcalc -S50 -a1 -i - | fmcalc -a2 | fmcalc -a2 -n -p input/RI_1 | tee {} "
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
    compare(tmp_path / "model", tmp_path, oracle, tool, [(rule, (process, 3)) for rule in RULES for process in (1, 2, 3)])


SCRIPT = """
mkdir -p log fifo work
mkfifo fifo/{gul,il,s1,s2,elt,il_s1,il_elt}_P{1,2}
for p in 1 2; do
    eltcalc < fifo/elt_P$p > work/elt_P$p.csv & waits="$waits $!"
    tee < fifo/s1_P$p fifo/elt_P$p work/s1_P$p.bin > /dev/null & waits="$waits $!"
    summarycalctocsv -s < fifo/s2_P$p > work/s2_P$p.csv & waits="$waits $!"
    summarycalc -m -i -1 fifo/s1_P$p -2 fifo/s2_P$p < fifo/gul_P$p & waits="$waits $!"
    eltcalc -s < fifo/il_elt_P$p > work/il_elt_P$p.csv & waits="$waits $!"
    tee < fifo/il_s1_P$p fifo/il_elt_P$p work/il_s1_P$p.bin > /dev/null & waits="$waits $!"
    summarycalc -m -f -1 fifo/il_s1_P$p < fifo/il_P$p & waits="$waits $!"
    ( eve $p 2 | getmodel | gulcalc -S20 -a1 -i - | tee fifo/gul_P$p | fmcalc -a2 > fifo/il_P$p ) & waits="$waits $!"
done
for w in $waits; do wait $w || exit 1; done
cat work/elt_P1.csv work/elt_P2.csv > elt.csv
cat work/s1_P1.bin work/s1_P2.bin > s1.bin
cat work/s2_P1.csv work/s2_P2.csv > s2.csv
cat work/il_elt_P1.csv work/il_elt_P2.csv > il_elt.csv
cat work/il_s1_P1.bin work/il_s1_P2.bin > il_s1.bin
"""


def test_named_pipes_and_logs(oracle, tool, tmp_path):
    """A script with named pipes and tee in two partitions: the oracle's tables, and a log with `finish` for every stage."""
    tables = []
    for name, programs in (("ktc", tool("gulcalc")), ("ktools", oracle("gulcalc"))):
        ktc.write_example(tmp_path / name, events=25, locations=10, grid=5)
        done = shell(Path(programs).parent, SCRIPT, tmp_path / name)
        assert done.returncode == 0, done.stderr.decode()
        tables.append([(tmp_path / name / file).read_bytes()
                       for file in ("elt.csv", "s1.bin", "s2.csv", "il_elt.csv", "il_s1.bin")])
    assert tables[0] == tables[1] and all(tables[0])
    logs = [path.read_text() for path in (tmp_path / "ktc" / "log").iterdir()]
    # eve, getmodel, gulcalc, fmcalc, and summarycalc and eltcalc for both kinds of losses, twice each
    assert len(logs) == 16 and all(text.count("finish") == 1 for text in logs)


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
