"""Whole pipelines of scripts in the shell, beside the oracle: a real model, partitions, named pipes, every report."""
import os
import subprocess
from collections import Counter
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


# As the platform's scripts have it: a tee for all that read a summary stream, and one for its index
SUMMARIES = """
mkdir -p log fifo tables work/{gul,il}
mkfifo fifo/{gul,il}_P{1,2} fifo/{gul,il}_{summary,elt,melt,plt,mplt,selt}_P{1,2} fifo/{gul,il}_summary_P{1,2}.idx
for p in 1 2; do
    for kind in gul il; do
        at=fifo/$kind
        eltcalc < ${at}_elt_P$p > tables/${kind}_elt_P$p & waits="$waits $!"
        eltcalc -M tables/${kind}_melt_P$p -Q tables/${kind}_qelt_P$p < ${at}_melt_P$p & waits="$waits $!"
        pltcalc < ${at}_plt_P$p > tables/${kind}_plt_P$p & waits="$waits $!"
        pltcalc -M tables/${kind}_mplt_P$p -Q tables/${kind}_qplt_P$p -S tables/${kind}_splt_P$p < ${at}_mplt_P$p &
        waits="$waits $!"
        summarycalctocsv -o < ${at}_selt_P$p > tables/${kind}_selt_P$p & waits="$waits $!"
        tee < ${at}_summary_P$p ${at}_{elt,melt,plt,mplt,selt}_P$p work/$kind/P$p.bin > /dev/null & waits="$waits $!"
        tee < ${at}_summary_P$p.idx work/$kind/P$p.idx > /dev/null & waits="$waits $!"
    done
    summarycalc -m -i -2 fifo/gul_summary_P$p < fifo/gul_P$p & waits="$waits $!"
    summarycalc -m -f -1 fifo/il_summary_P$p < fifo/il_P$p & waits="$waits $!"
    ( eve $p 2 | getmodel | gulcalc -S20 -a1 -i - | tee fifo/gul_P$p | fmcalc -a2 > fifo/il_P$p ) & waits="$waits $!"
done
for w in $waits; do wait $w || exit 1; done
for kind in gul il; do
    for table in elt melt qelt plt mplt qplt splt selt; do
        kat tables/${kind}_${table}_P1 tables/${kind}_${table}_P2 > tables/${kind}_$table || exit 1
    done
done
"""
# Over the streams of all partitions; one tool at a time in each folder, since ktools' leave files there
REPORTS = """
out={}
mkdir -p $out
(
    ordleccalc -K gul -F -f -W -w -S -s -M -m -O $out/ept -o $out/psept &&
    ordleccalc -K gul -r -F -f -W -w -S -s -M -m -O $out/ept-r -o $out/psept-r &&
    aalcalc -K gul > $out/aal && aalcalcmeanonly -K gul -o > $out/alt-mean
) & gul=$!
leccalc -K il -r -F $out/F -W $out/W -S $out/S -M $out/M -f $out/f -w $out/w -s $out/s -m $out/m &&
aalcalc -K il -o -c $out/alct.csv > $out/alt && aalcalcmeanonly -K il > $out/aal-mean && wait $gul
"""


def finished(folder):
    """How often each tool has logged that it has finished."""
    return Counter(path.name.split("_")[0] for path in (folder / "log").iterdir()
                   for line in path.read_text().splitlines() if "finish" in line)


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_report(oracle, tool, tmp_path):
    """Ground-up and insured losses in two partitions: the oracle's tables, curves, averages and counts of log lines."""
    programs = {name: Path(find("gulcalc")).parent for name, find in (("ktools", oracle), ("ktc", tool))}
    for name in programs:
        ktc.write_example(tmp_path / name, events=25, locations=10, grid=5, periods=200)
    with ThreadPoolExecutor() as pool:
        runs = list(pool.map(lambda name: shell(programs[name], SUMMARIES, tmp_path / name), programs))
    for done in runs:
        assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode()
    for place in ("tables", "work/gul", "work/il"):
        theirs, ours = (files_of(tmp_path / name / place) for name in programs)
        assert theirs.keys() == ours.keys() and len(ours) == (48 if place == "tables" else 4) and all(ours.values())
        assert [file for file in ours if ours[file] != theirs[file]] == []
    assert finished(tmp_path / "ktc") == finished(tmp_path / "ktools") == {
        "eve": 2, "getmodel": 2, "gulcalc": 2, "fmcalc": 2, "summarycalc": 4, "eltcalc": 8}
    # of one folder, whose files both find in the same order
    for name in programs:
        done = shell(programs[name], REPORTS.format(f"reports-{name}"), tmp_path / "ktc")
        assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode()
    theirs, ours = (files_of(tmp_path / "ktc" / f"reports-{name}") for name in programs)
    assert theirs.keys() == ours.keys() and len(ours) == 17 and min(map(len, ours.values())) > 50
    assert [file for file in ours if ours[file] != theirs[file]] == []


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
