"""The script ktc: what it lists, what it runs, and that every tool's help has an example that works."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy
import pytest

import ktc
from ktc import completion
from ktc.schemas import COMMANDS, TABLES, TOOLS
from ktc.usage import parser_of

EVERYTHING = {**COMMANDS, **TOOLS}


@pytest.fixture
def door(run, tool):
    """Run the script ktc with arguments."""
    return lambda *args, **options: run([tool("ktc"), *args], **options)


def test_help_lists_everything_by_group(door):
    status, out, err = door("--help")
    assert (status, err) == (0, "") and door("-h") == (status, out, err)
    groups = {}
    for line in out.decode().split("\n"):
        if line.endswith(":") and not line.startswith(" "):
            group = groups.setdefault(line[:-1], {})
        elif line.startswith("  ") and groups:
            name, _, text = line.strip().partition(" ")
            group[name] = text.strip()
    groups.pop("pipeline")
    assert groups == {
        group: {t.name: t.help for t in EVERYTHING.values() if t.group == group}
        for group in {t.group for t in EVERYTHING.values()}
    }


def test_a_tool_behind_ktc_is_the_tool(door, run, tool, tmp_path):
    ktc.write_example(tmp_path, events=5, locations=3, grid=3)
    for args in (["itemtocsv"], ["eve", "-t", "1", "2"], ["eve", "3", "2"], ["gultocsv"]):
        data = (tmp_path / "input" / "items.bin").read_bytes()
        assert door(*args, cwd=tmp_path, stdin=data) == run(
            [tool(args[0]), *args[1:]], cwd=tmp_path, stdin=data
        )
    (tmp_path / "log").mkdir()
    door("eve", "1", "1", cwd=tmp_path)
    (log,) = (tmp_path / "log").iterdir()
    assert log.name.startswith("eve_") and "finish" in log.read_text()


def test_version(door):
    from ktc import _core

    status, out, error = door("--version")
    first, build, machine = out.decode().splitlines()
    assert (status, error, first) == (0, "", f"ktc {ktc.__version__} (ktools 3.12.4)")
    assert re.match(
        r"built for CPython 3\.\d+.* by (gcc|clang|MSVC) .*: .*(-ffp-contract=off|/fp:precise)", build
    )
    assert machine.startswith(f"instruction set {_core.INSTRUCTION_SET} of ")


def test_unknown_words(door):
    assert door("gulclac", "-S1") == (
        2,
        b"",
        "ktc: error: there is no command or tool 'gulclac', but gulcalc and gulmc; see ktc --help\n",
    )
    assert door() == (2, b"", "ktc: error: name a command or a tool; see ktc --help\n")
    status, out, err = door("demo", "--event", "3")
    assert (status, out) == (
        2,
        b"",
    ) and err == "ktc demo: error: unrecognized arguments: --event; see ktc demo --help\n"


@pytest.mark.parametrize(
    "arguments, status",
    [
        (["gulclac\n"], 2),
        (["eve", "1\nx", "2"], 2),
        (["correlationtobin", "a\r\nb"], 2),
        (["aalcalc", "-K", "a\nb"], 3),
        (["evetobin", "--no\x1b[2Jsuch\u2028flag"], 2),
        (["fmcalc", "-p", "no\nfolder"], 3),
        (["kat", "-u", "a\nb"], 3),
    ],
)
def test_a_message_is_one_line_whatever_the_arguments(door, arguments, status):
    found, out, err = door(*arguments)
    assert (
        (found, out) == (status, b"")
        and len(err.splitlines()) == 1
        and err[:-1].isprintable()
        and err[-1] == "\n"
    )


def test_a_fault_of_ktc_is_one_line(monkeypatch, capfd):
    from ktc import cli

    def broken():
        raise ZeroDivisionError("division by zero")

    assert cli.guarded("eve", broken) == 1
    assert capfd.readouterr().err == (
        "eve: error: this is a fault of ktc: ZeroDivisionError: division by zero (KTC_TRACEBACK=1 shows "
        "where)\n"
    )
    monkeypatch.setenv("KTC_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        cli.guarded("eve", broken)


@pytest.mark.posix
def test_nobody_reads_or_nothing_can_be_written(tool):
    for command, status in (
        (f"{tool('ktc')} --help > /dev/full", 4),
        (f"{tool('ktc')} completion fish | true", 141),
    ):
        done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True)
        assert done.returncode == status and done.stderr.count("\n") == (status == 4)


@pytest.mark.parametrize("name", EVERYTHING)
def test_help_says_what_goes_in_and_comes_out(name):
    entry = EVERYTHING[name]
    text = parser_of(entry).format_help()
    assert "{" not in entry.help and entry.writes and entry.example
    assert entry.reads or name in ("demo", "completion")
    for head in ("writes", "example") + (("reads",) if entry.reads else ()):
        assert f"\n{head}:\n  " in text
    command = text[text.index("\nexample:\n") :]
    assert "{" not in command and (name if name in TOOLS else f"ktc {name}") in command


# Tables that the example model does without, as csv.
OTHERS = {
    "amplifications": "1,1\n2,1\n",
    "lossfactors": "1,1,1.25\n2,1,1.5\n",
    "aggregate_vulnerability": "100001,1\n100001,2\n",
    "weights": "1,1,0.5\n1,2,0.5\n",
    "ensemble": "".join(f"{sidx},{1 + sidx % 2}\n" for sidx in range(1, 101)),
    "correlations": "1,1,0.5,1,0.25\n",
    "conditional_vulnerability": "99,1,1,1\n99,3,1,0.25\n99,3,4,0.75\n",
}


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """An example model with the tables that it usually lacks, and a shell in it."""
    folder = tmp_path_factory.mktemp("examples")
    made = ktc.write_example(folder, events=20, locations=5, grid=4, weighted_periods=True)
    OTHERS["amplifications"] = "".join(f"{item},1\n" for item in range(1, made.items + 1))
    for name, rows in OTHERS.items():
        options = {"max_damage_bin": 22} if name == "conditional_vulnerability" else {}
        text = TABLES[name].csv_header + "\n" + rows
        ktc.tobin(name, text.encode(), folder / TABLES[name].path, **options)
    (folder / "work" / "gul").mkdir(parents=True)
    scripts = Path(shutil.which("ktc", path=str(Path(os.sys.executable).parent))).parent
    path = f"{scripts}{os.pathsep}{os.environ['PATH']}"

    def shell(command):
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=folder,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout

    return folder, shell


@pytest.mark.slow
@pytest.mark.posix
def test_every_example_works(scratch):
    """In an order in which each finds what it reads, and each leaves what it says behind."""
    folder, shell = scratch
    kept = {path: path.read_bytes() for path in folder.glob("*/*.bin")}
    first = ["eve", "getmodel", "gulcalc", "placalc", "fmcalc", "summarycalc"]
    (folder / "fm_profile_old.bin").write_bytes(
        numpy.array([(1, 1, 0, 0, *[0.5] * 8)], ",".join(["i4"] * 4 + ["f4"] * 8)).tobytes()
    )
    makers = [name for name in TOOLS if name.endswith("tocsv")]
    for name in first:
        shell(EVERYTHING[name].told()["example"])
    shell(
        "cp summary.bin work/gul/P1.bin; eltcalc -M melt_P1.csv -m melt_P1.parquet < summary.bin; "
        "eltcalc -s -M melt_P2.csv -m melt_P2.parquet < summary.bin"
    )
    for name in [*makers, *(name for name in EVERYTHING if name not in first and name not in makers)]:
        example = EVERYTHING[name].told()["example"]
        shell(example)
        target = example.rsplit("> ", 1)[-1]
        if " > " in example and "|" not in target:
            assert (folder / target).stat().st_size > 0, name
    # out as csv and in again is the same, but for what no csv has: every digit of a float
    same = [path for path, data in kept.items() if path.read_bytes() == data]
    assert {path.stem for path in kept} - {path.stem for path in same} <= {"coverages", "periods", "random"}


@pytest.mark.posix
def test_completion_in_bash(scratch):
    _, shell = scratch

    def completed(*words):
        line = " ".join(f"'{word}'" for word in words)
        return shell(
            f'eval "$(ktc completion bash)"; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _ktc; '
            'printf "%s " "${COMPREPLY[@]}"'
        ).split()

    assert completed("gulcalc", "-") == completion.flags(TOOLS["gulcalc"])
    assert completed("/usr/bin/itemtobin", "--a") == ["--areaperil-bytes"]
    assert completed("ktc", "summarycalct") == [name for name in TOOLS if name.startswith("summarycalct")]
    assert completed("ktc", "eve", "-") == completion.flags(TOOLS["eve"])
    assert completed("ktc", "demo", "--s") == ["--samples", "--seed"]
    assert completed("gulcalc", "") == []
    assert (
        shell('eval "$(ktc completion bash)"; complete -p eve ktc').split("\n")[0]
        == "complete -o default -F _ktc eve"
    )


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_completion_is_code_of_the_shell(shell, tool):
    code = {"zsh": completion.zsh, "fish": completion.fish}[shell]()
    assert all(name in code for name in EVERYTHING)
    if shutil.which(shell):
        assert subprocess.run([shell, "-n"], input=code, text=True, capture_output=True).stderr == ""
