"""`ktc demo`: what it writes, what it says, and when it refuses."""

import csv
import json
import os
import subprocess
from pathlib import Path

import pytest

from ktc.console import size
from ktc.demo import PERSPECTIVES, demo, largest_events
from ktc.errors import UsageError

SMALL = dict(samples=10, events=30, locations=12)
REPORTS = {
    f"{name}_{table}.csv"
    for name in PERSPECTIVES
    for table in ("S1_palt", "S1_ept", "S1_melt", "S2_palt", "S2_melt")
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(folder, Example, Analysis)."""
    folder = tmp_path_factory.mktemp("demo")
    return folder, *demo(folder, **SMALL)


@pytest.fixture
def ktc(run, tool):
    """Run the script ktc with arguments."""
    return lambda *args, **options: run([tool("ktc"), *args], **options)


def piped(find, model, folder):
    """The reports by name, as programs in a pipe make them: with find's programs, in a folder that has a copy
    of the model."""

    def call(command, data=b""):
        tool, *args = command.split()
        done = subprocess.run(
            [find(tool), *args], input=data, cwd=folder, capture_output=True, check=True, timeout=60
        )
        return done.stdout

    for name in ("input", "static"):
        (folder / name).symlink_to(model / name)
    ground_up = call("gulcalc -S10 -a1 -i -", call("getmodel", call("eve 1 1")))
    insured = call("fmcalc -a2", ground_up)
    left = call("fmcalc -a3 -p input/RI_1 -n -", insured)
    left = call("fmcalc -a3 -p input/RI_2 -n -", left)
    losses = {"gul": ("-i", ground_up), "il": ("-f", insured), "ri": ("-f -p input/RI_2", left)}
    found = {}
    for name, (flags, data) in losses.items():
        for number in (1, 2):
            report = f"{name}_S{number}"
            stream = folder / "work" / report / "P1.bin"
            stream.parent.mkdir(parents=True)
            stream.write_bytes(call(f"summarycalc {flags} -{number} -", data))
            call("eltcalc -M melt.csv", stream.read_bytes())
            found[f"{report}_melt.csv"] = (folder / "melt.csv").read_bytes()
            found[f"{report}_palt.csv"] = call(f"aalcalc -K {report} -o")
        call(f"ordleccalc -r -K {name}_S1 -F -f -S -s -M -m -O ept.csv")
        found[f"{name}_S1_ept.csv"] = (folder / "ept.csv").read_bytes()
    return found


def agree(find, model, folder):
    expected = piped(find, model, folder)
    assert expected.keys() == REPORTS
    for name, data in expected.items():
        assert data.count(b"\n") > 1, name
        assert (model / "output" / name).read_bytes() == data, name


@pytest.mark.posix
def test_same_bytes_as_the_programs_in_a_pipe(made, tool, tmp_path):
    agree(tool, made[0], tmp_path)


def test_same_bytes_as_ktools(made, oracle, tmp_path):
    agree(oracle, made[0], tmp_path)


def test_writes_the_reports_and_nothing_else(made):
    folder, example, analysis = made
    written = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    reports = {f"output/{name}" for name in REPORTS}
    assert written == {
        *example.files,
        *reports,
        "output/manifest.json",
        "analysis_settings.json",
        "README.txt",
    }
    assert {f"output/{file.path}" for file in analysis.plan.files} == reports
    manifest = json.loads((folder / "output" / "manifest.json").read_text())
    assert manifest["status"] == "complete" and manifest["settings"]["allocation rules"] == [1, 2, 3]
    assert analysis.plan.losses.samples == 10 and len(analysis.plan.losses.layers) == 2


def rows_of(folder, name):
    with open(folder / "output" / name, newline="") as file:
        return list(csv.DictReader(file))


def means_of(folder, name):
    """{event: mean of the samples} of the csv."""
    rows = rows_of(folder, f"{name}_S1_melt.csv")
    return {int(row["EventId"]): float(row["MeanLoss"]) for row in rows if row["SampleType"] == "2"}


def test_largest_events_are_those_of_the_reports(made):
    folder, _, analysis = made
    gul, il, ri = (means_of(folder, name) for name in ("gul", "il", "ri"))
    assert len(gul) > 10 and len(set(gul.values())) == len(gul)
    expected = [
        (event, [gul[event], il.get(event, 0), ri.get(event, 0)])
        for event in sorted(gul, key=gul.get, reverse=True)
    ]
    found = largest_events(analysis, 30)
    assert [event for event, _ in found] == [event for event, _ in expected]
    for (_, means), (_, values) in zip(found, expected):
        assert means == pytest.approx(values, abs=1e-4)
    assert largest_events(analysis, 5) == found[:5]


def test_insurance_and_reinsurance_leave_less(made):
    """Of every event's mean, and all of them do something."""
    folder, *_ = made
    gul, il, ri = (means_of(folder, name) for name in ("gul", "il", "ri"))
    for event, loss in ri.items():
        assert loss <= il[event] <= gul[event]
    assert 0 < sum(ri.values()) < 0.9 * sum(il.values()) < 0.9 * 0.9 * sum(gul.values())


def test_progress_reaches_the_end(tmp_path):
    seen = []
    demo(tmp_path, **SMALL, progress=lambda state: seen.append((state.stage, state.done, state.total)))
    assert seen[-1] == ("publishing", 30, 30)
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)


def figures(folder, name):
    """Average annual loss, and 100- and 250-year losses (all samples, OEP), of a perspective's reports."""
    (average,) = (
        float(row["MeanLoss"]) for row in rows_of(folder, f"{name}_S1_palt.csv") if row["SampleType"] == "2"
    )
    curve = {
        float(row["ReturnPeriod"]): float(row["Loss"])
        for row in rows_of(folder, f"{name}_S1_ept.csv")
        if (row["EPCalc"], row["EPType"]) == ("2", "1")
    }
    return [average, curve[100], curve[250]]


def test_command_tells_what_it_did(ktc, tmp_path):
    arguments = ("demo", "--events", "30", "--locations", "12", "--samples", "10")
    status, out, err = ktc(*arguments, cwd=tmp_path)
    assert (status, err) == (0, "")
    text, folder = out.decode(), tmp_path / "ktc-demo"

    def table(head):
        """The rows of a table, in words."""
        rows = text.split(head)[1].split("\n\n")[1].splitlines()[1:]
        return [[word.strip() for word in row.split("  ") if word.strip()] for row in rows]

    def thousands(losses):
        return [f"{loss / 1000:,.0f}" for loss in losses]

    assert table("Losses to the portfolio, in thousands:") == [
        [called, *thousands(figures(folder, name))] for name, called in PERSPECTIVES.items()
    ]
    gul, il, ri = (means_of(folder, name) for name in ("gul", "il", "ri"))
    assert table("The largest events, mean losses in thousands:") == [
        [str(event), *thousands([gul[event], il[event], ri[event]])]
        for event in sorted(gul, key=gul.get, reverse=True)[:5]
    ]
    for path in (*(folder / "output").iterdir(), *folder.glob("*.*")):
        assert f"  {path.relative_to(folder).as_posix()} " in text
    sizes = sum(path.stat().st_size for path in (folder / "static").iterdir())
    assert f"  {'static/':28}{size(sizes):>12}  model, 5 files\n" in text
    assert "\nThe same again: cd ktc-demo; ktc run --alloc-gul 1\n" in text
    assert "\n  eve 1 1 | getmodel | gulcalc -S10 -a1 -i - | summarycalc -i -1 - | eltcalc" in text
    # again into its own folder
    assert ktc(*arguments, cwd=tmp_path)[0] == 0


@pytest.mark.posix
def test_the_commands_it_suggests_run(made, tool, run):
    folder, *_ = made
    text = (folder / "README.txt").read_text()
    lines = [line.strip() for line in text.splitlines() if line.startswith("    ") and "   " not in line[4:]]
    assert len(lines) == 2
    path = f"{Path(tool('eve')).parent}{os.pathsep}{os.environ['PATH']}"
    before = {name: (folder / "output" / name).read_bytes() for name in REPORTS}
    for name in REPORTS:
        (folder / "output" / name).unlink()
    for line in lines:
        status, _, err = run(["bash", "-c", line], cwd=folder, env={"PATH": path})
        assert (status, err) == (0, ""), line
    assert {name: (folder / "output" / name).read_bytes() for name in REPORTS} == before
    assert (folder / "melt.csv").read_bytes() == before["gul_S1_melt.csv"]
    (folder / "melt.csv").unlink()


def test_a_folder_of_others_is_left_alone(ktc, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    status, out, err = ktc("demo", tmp_path, "--events", "3", "--locations", "2")
    assert (status, out) == (2, b"") and err.count("\n") == 1
    assert err.startswith("ktc demo: error: ") and "not empty" in err and "--force" in err
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
    assert ktc("demo", tmp_path, "--events", "3", "--locations", "2", "--force")[0] == 0
    assert (tmp_path / "mine.txt").read_text() == "mine" and (tmp_path / "output/gul_S1_palt.csv").exists()


@pytest.mark.posix
@pytest.mark.parametrize(
    "arguments, status, words",
    [
        (["demo", "--events", "0"], 2, "events is 0"),
        (["demo", "--samples", "0"], 2, "samples is 0"),
        (["demo", "--events", "many"], 2, "invalid int"),
        (["demo", "/dev/null"], 2, "name a folder"),
        (["demo", "/dev/null/x"], 4, "cannot write"),
        ([], 2, "name a command"),
        (["nothing"], 2, "no command"),
    ],
)
def test_exit_statuses(ktc, tmp_path, arguments, status, words):
    got, out, err = ktc(*arguments, cwd=tmp_path)
    assert (got, out) == (status, b"") and words in err and "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.posix
def test_a_full_device_and_a_reader_that_leaves(tool, tmp_path):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [tool("ktc"), "demo", tmp_path / "a", "--events", "3"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (
        done.returncode == 4 and done.stderr.startswith("ktc demo: error: ") and done.stderr.count("\n") == 1
    )
    line = f"{tool('ktc')} demo {tmp_path}/b --events 3 | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    assert done.stdout == "141\n" and done.stderr == ""


def test_version_and_help(ktc):
    from ktc import __version__

    status, out, _ = ktc("--version")
    assert status == 0 and __version__ in out.decode()
    status, out, _ = ktc("demo", "--help")
    assert status == 0 and all(
        name in out.decode() for name in ("FOLDER", "--events", "--samples", "--force")
    )


def test_options_out_of_range_write_nothing(tmp_path):
    with pytest.raises(UsageError, match="perils"):
        demo(tmp_path / "x", perils=9)
    assert not (tmp_path / "x").exists()
