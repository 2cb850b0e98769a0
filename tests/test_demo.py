"""`ktc demo`: what it writes, what it says, and when it refuses."""

import subprocess

import numpy
import pytest

from ktc.demo import Progress, demo, largest_events
from ktc.errors import UsageError

SMALL = dict(samples=10, events=30, locations=12)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    return folder, *demo(folder, **SMALL)


@pytest.fixture
def ktc(run, tool):
    """Run the script ktc with arguments."""
    return lambda *args, **options: run([tool("ktc"), *args], **options)


def chain(find, folder, flags, *more):
    """What the shell's pipeline gives, with the programs that find finds."""
    tools = [
        ["eve", "-n", "1", "1"],
        ["getmodel"],
        ["gulcalc", "-S10", "-a1", "-i", "-"],
        ["summarycalc", "-i", *flags],
        *more,
    ]
    data = b""
    for tool, *args in tools:
        done = subprocess.run(
            [find(tool), *args], input=data, cwd=folder, capture_output=True, check=True, timeout=60
        )
        data = done.stdout
    return data


def agree(find, folder, results):
    assert results[0].read_bytes() == chain(find, folder, ["-1", "-"])
    assert results[1].read_bytes() == chain(find, folder, ["-1", "-"], ["eltcalc"])
    assert results[2].read_bytes() == chain(find, folder, ["-2", "-"], ["eltcalc"])


def test_same_bytes_as_the_programs_in_a_pipe(made, tool):
    folder, _, results = made
    agree(tool, folder, results)


def test_same_bytes_as_ktools(made, oracle):
    folder, _, results = made
    agree(oracle, folder, results)


def test_largest_events_are_those_of_the_samples(made):
    """Worked out again from the words of the stream."""
    _, _, results = made
    words = numpy.frombuffer(results[0].read_bytes(), "<i4")
    samples, at = {}, 3
    assert words[:3].tolist() == [3 << 24 | 1, 10, 1]
    while at < len(words):
        event, at = int(words[at]), at + 3
        samples[event] = numpy.zeros(10)
        while words[at]:
            if words[at] > 0:
                samples[event][words[at] - 1] = words[at + 1 : at + 2].view("<f4")[0]
            at += 2
        at += 2
    rows = largest_events(results[0], results[1], 30)
    assert sorted(row[0] for row in rows) == sorted(samples)
    assert [row[1] for row in rows] == sorted((row[1] for row in rows), reverse=True)
    for event, mean, deviation, largest in rows:
        assert mean == pytest.approx(samples[event].mean(), rel=1e-5)
        assert deviation == pytest.approx(samples[event].std(ddof=1), rel=1e-3, abs=1)
        assert largest == samples[event].max()
    assert largest_events(results[0], results[1], 5) == rows[:5]


def test_progress_reaches_the_end(tmp_path):
    seen = []
    demo(tmp_path, **SMALL, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (30, 30) and seen == sorted(seen) and len(seen) > 5


def test_the_bar_is_for_terminals_only():
    class Screen:
        def __init__(self, terminal):
            self.terminal, self.text = terminal, ""

        def isatty(self):
            return self.terminal

        def write(self, text):
            self.text += text

        def flush(self):
            pass

    screen, file = Screen(True), Screen(False)
    for progress in (Progress(screen), Progress(file)):
        progress(1500, 3000)
        progress.clear()
    assert "[###############               ] 1,500 of 3,000 events" in screen.text and screen.text.endswith(
        "\r\033[K"
    )
    assert file.text == ""


def test_command_tells_what_it_did(ktc, tmp_path):
    arguments = ("demo", "--events", "30", "--locations", "12", "--samples", "10")
    status, out, err = ktc(*arguments, cwd=tmp_path)
    assert (status, err) == (0, "")
    text = out.decode()
    _, (portfolio, elt, _) = demo(tmp_path / "same", **SMALL)
    table = [line.split() for line in text.split("largest sample\n")[1].split("\n\nFiles")[0].splitlines()]
    assert table == [
        [str(event), *(f"{loss / 1000:,.0f}" for loss in losses)]
        for event, *losses in largest_events(portfolio, elt)
    ]
    for path in (tmp_path / "ktc-demo").rglob("*.*"):
        assert f"  {path.relative_to(tmp_path / 'ktc-demo')} " in text
    assert (
        "\n  cd ktc-demo\n  eve -n 1 1 | getmodel | gulcalc -S10 -a1 -i - | summarycalc -i -1 - | eltcalc"
        in text
    )
    # again into its own folder
    assert ktc(*arguments, cwd=tmp_path)[0] == 0


@pytest.mark.posix
def test_the_pipelines_it_suggests_run(made, tool, run):
    import os
    from pathlib import Path

    folder, *_ = made
    text = (folder / "README.txt").read_text()
    lines = [line.strip() for line in text.splitlines() if line.startswith("    ") and "|" in line]
    assert len(lines) == 3
    path = f"{Path(tool('eve')).parent}{os.pathsep}{os.environ['PATH']}"
    for line in lines:
        status, out, err = run(["bash", "-c", line], cwd=folder, env={"PATH": path})
        assert (status, err) == (0, ""), line
        assert out or ">" in line
    assert (folder / "elt.csv").read_bytes() == (folder / "results/elt.csv").read_bytes()


def test_a_folder_of_others_is_left_alone(ktc, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    status, out, err = ktc("demo", tmp_path, "--events", "3", "--locations", "2")
    assert (status, out) == (2, b"") and err.count("\n") == 1
    assert err.startswith("ktc demo: error: ") and "not empty" in err and "--force" in err
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
    assert ktc("demo", tmp_path, "--events", "3", "--locations", "2", "--force")[0] == 0
    assert (tmp_path / "mine.txt").read_text() == "mine" and (tmp_path / "results/elt.csv").exists()


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
