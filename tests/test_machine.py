"""Which instruction set the kernels use: chosen by the processor or by KTC_INSTRUCTION_SET, with the same
results."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ktc
from ktc import _core
from ktc._core import machine
from ktc.errors import UsageError

SETS = machine.INSTRUCTION_SETS
# the modules that are built once more for each newer set
NEWER = {
    "x86-64-v4": {"allocation", "damage", "fmcalc", "fmevent", "fmrules", "gulcalc", "mersenne", "sampling"},
    "x86-64-v3": {"damage", "fmevent", "mersenne"},
}
# what runs on them: sampling, the financial module and the random numbers under both
PIPE = (
    "eve 1 1 | getmodel | gulcalc -S30 {rule} -i - | tee {gul} | fmcalc {rule} | tee {fm}"
    " | summarycalc -f -1 - | eltcalc"
)


def modules_of(name):
    """The folder that modules come from with this set."""
    return Path(_core.__file__).parent / ("" if name == SETS[-1] else name.replace("-", "_"))


def test_the_newest_is_chosen_unless_another_is_wanted():
    assert _core.choose() == _core.choose(SETS[0])
    assert _core.choose(SETS[-1]) == (SETS[-1], None)
    for name in SETS[:-1]:
        assert _core.choose(name) == (name, str(modules_of(name)))
    with pytest.raises(
        UsageError,
        match="KTC_INSTRUCTION_SET is 'x86-64-v9', expected one that this build and this machine have: ",
    ):
        _core.choose("x86-64-v9")


def test_a_set_that_the_machine_lacks(tool, run):
    status, out, error = run([tool("itemtocsv")], env={_core.VARIABLE: "6502"})
    assert (status, out) == (2, b"") and error.startswith(
        "itemtocsv: error: KTC_INSTRUCTION_SET is '6502', expected one that "
    )


@pytest.mark.parametrize("name", SETS[:-1])
def test_modules_that_are_built_once_more(name):
    built = {path.name.partition(".")[0] for path in modules_of(name).glob("*.so")}
    assert built == NEWER[name]


@pytest.mark.parametrize("name", SETS)
def test_modules_come_from_the_set_that_is_asked_for(name, tmp_path):
    script = "import ktc._core.mersenne as m, ktc._core as c; print(c.INSTRUCTION_SET, m.__file__)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, _core.VARIABLE: name},
        capture_output=True,
        text=True,
    )
    used, file = done.stdout.split()
    assert used == name and Path(file).parent == modules_of(name)


@pytest.mark.posix
def test_results_are_the_same_on_all(tool, tmp_path):
    ktc.write_example(tmp_path, events=25, locations=10, grid=5)
    found = {}
    for name in SETS:
        env = {
            **os.environ,
            _core.VARIABLE: name,
            "PATH": f"{Path(tool('eve')).parent}{os.pathsep}{os.environ['PATH']}",
        }
        for rule in ("-a0", "-a1", "-a2", "-a3"):
            files = {stage: tmp_path / f"{stage}{rule}" for stage in ("gul", "fm")}
            done = subprocess.run(
                ["bash", "-o", "pipefail", "-c", PIPE.format(rule=rule, **files)],
                cwd=tmp_path,
                env=env,
                capture_output=True,
            )
            assert done.returncode == 0, done.stderr.decode()
            found.setdefault(rule, set()).add((done.stdout, *(path.read_bytes() for path in files.values())))
    assert [len(results) for results in found.values()] == [1, 1, 1, 1] and len(
        {min(each) for each in found.values()}
    ) == 4
