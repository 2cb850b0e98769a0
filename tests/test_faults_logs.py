"""Logs, usage and messages.

The rules that every script is held to stand in support/faults.py.
"""

import os
import shutil
import subprocess

import pytest
from support.faults import LOGGED, command_of, folder, message_of, model  # noqa: F401

from ktc import stages
from ktc.errors import InputError, KtcError

# The file that a script reads where that is not standard input
READS_FILE = {
    "eve": "input/events.bin",
    "aalcalc": "work/run/summary_P1.bin",
    "aalcalcmeanonly": "work/run/summary_P2.bin",
}


@pytest.mark.parametrize("name", LOGGED)
def test_log(name, folder, model, tool):
    """Two lines on success; on failure no line that says finish."""
    (folder / "log").mkdir()
    for cut in (False, True):
        data = model.input_of(name)[: -3 if cut else None]
        if cut and name in READS_FILE:
            path = folder / READS_FILE[name]
            path.write_bytes(path.read_bytes()[:-3])
        process = subprocess.Popen(
            command_of(tool, name),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=folder,
        )
        process.communicate(data, timeout=20)
        lines = (folder / "log" / f"{name}_{process.pid}.log").read_text().splitlines()
        assert lines[0] == f"INFO:{name}:{process.pid}:starting process.."
        if cut:
            assert process.returncode == 1 and not any("finish" in line for line in lines)
        else:
            assert lines[1:] == [f"INFO:{name}:{process.pid}:finishing process.."]


@pytest.mark.parametrize("name", ["pltcalc", "summarycalctocsv", "kat"])
def test_no_log(name, folder, model, tool, run):
    """As in ktools; who counts `finish` lines counts on it."""
    (folder / "log").mkdir()
    assert run(command_of(tool, name), model.input_of(name), cwd=folder)[0] == 0
    assert os.listdir(folder / "log") == []


@pytest.mark.slow
def test_usage(model, tool, run):
    """Status 2, nothing read or written."""
    for command in (
        ["eve", "1"],
        ["eve", "3", "2"],
        ["eve", "0", "2"],
        ["gulcalc", "-S3"],
        ["gulcalc", "-Sx", "-i", "-"],
        ["summarycalc", "-i"],
        ["summarycalc", "-1", "-"],
        ["summarycalc", "-i", "-f", "-1", "-"],
        ["summarycalc", "-i", "-1", "a", "-1", "b"],
        ["summarycalc", "-i", "-1", "-", "-2", "-"],
        ["eltcalc", "--nonsense"],
        ["gultocsv", "operand", "-q"],
        ["gultobin"],
        ["summarycalctobin", "-S"],
        ["correlationtobin", "operand"],
        ["eltcalc", "-M"],
        ["pltcalc", "-S"],
        ["leccalc"],
        ["leccalc", "-K", "run"],
        ["leccalc", "-F"],
        ["leccalc", "-F", "-", "-K", "run", "--memory", "0"],
        ["ordleccalc"],
        ["ordleccalc", "-O", "-"],
        ["ordleccalc", "-F"],
        ["ordleccalc", "-W"],
        ["aalcalc"],
        ["aalcalc", "-K", "run", "-l", "2"],
        ["aalcalc", "-K", "run", "--memory", "x"],
        ["aalcalcmeanonly"],
        ["summaryindex"],
        ["kat"],
        ["katparquet"],
        ["katparquet", "-m", "-o", "x"],
        ["katparquet", "-m", "-M", "-o", "x", "y"],
        ["katparquet", "-m", "y"],
        ["fmcalc", "-a", "2147483648"],
        ["fmcalc", "-a", "9" * 20],
        ["eve", "1", "4294967296"],
        ["footprinttobin", "-i", "9" * 5000],
    ):
        status, out, err = run([tool(command[0]), *command[1:]], cwd=model.root)
        assert (status, out) == (2, b"") and message_of(err, command[0]), command
    assert sorted(os.listdir(model.root)) == ["input", "static", "tables", "work"]


def test_a_name_that_is_not_printable(folder, tool, run):
    """A message is one line, also about what is wrong in such a file."""
    shutil.copy(folder / "tables" / "elt_P1.csv", folder / "a\nb")
    (folder / "tables" / "elt_P2.csv").write_bytes(b"1,1\n")
    status, _, err = run([tool("kat"), "a\nb", "tables/elt_P2.csv"], cwd=folder)
    assert status == 1 and "elt_P2.csv: line 1" in message_of(err, "kat")
    (folder / "a\nb").write_bytes(b"x,y\n1,1\n")
    assert r"a\nb: line 2: " in message_of(run([tool("kat"), "a\nb"], cwd=folder)[2], "kat")
    with pytest.raises(InputError, match=r"no\\nfile: cannot open"):
        stages.eltcalc("no\nfile")


def test_every_error_has_its_status():
    assert {cls.__name__: cls.status for cls in KtcError.__subclasses__()} == {
        "DataError": 1,
        "UsageError": 2,
        "InputError": 3,
        "OutputError": 4,
        "Cancelled": 130,
    }
