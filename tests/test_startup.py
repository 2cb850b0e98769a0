"""What a script imports before it works. A script of the Oasis platform starts some fifty programs, so each
module counts.

The programs and their inputs are those that benchmarks/startup.py times. No test asserts a time.
"""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.benchmarks import startup

import ktc
import ktc._core.io
from ktc._core import codeflags
from ktc.schemas import TOOLS

# Modules of ktc, without its name, in the order of the rooms: what every script has, then by program. Their
# sum is the list that must not grow unless there is a reason.
SCRIPT = "cli errors schemas schemas.model schemas.tools _core _core.machine _core.io _core.puttext"
STREAM = "building schemas.streams _core.blocks _core.codec"
TABLES = "schemas.tables"
CSV = "_core.csvrows _core.gettext"
REPORT = f"{CSV} schemas.reports _core.rows _core.occurrence _core.sorting"
SORTED = "_core.samples"
CONVERTER = f"converting {TABLES} {CSV} _core.checks _core.keys _core.tables"
CURVES = f"{STREAM} {TABLES} {REPORT} accumulators curves _core.curvelosses _core.curves _core.periodlosses"
STAGES = f"{STREAM} sources"
GROUND_UP = f"{STAGES} groundup"
TEXT = f"{STAGES} streamcsv"
MODULES = {
    "eve": f"{GROUND_UP} {TABLES} _core.eve _core.keys",
    "getmodel": f"{GROUND_UP} {TABLES} _core.getmodel _core.footprint",
    "gulcalc": f"{GROUND_UP} {TABLES} _core.gulcalc _core.allocation _core.arena _core.mersenne"
    " _core.sampling",
    "placalc": f"{GROUND_UP} {TABLES} _core.placalc _core.arena _core.sorting",
    "fmcalc": f"{STAGES} insured {TABLES} financial _core.fmcalc _core.fmevent _core.fmplan"
    " _core.fmrules _core.arena _core.sorting",
    "summarycalc": f"{STAGES} summaries {TABLES} _core.summarycalc",
    "eltcalc": f"{STAGES} losstables {TABLES} {REPORT} {SORTED} _core.eltcalc",
    "pltcalc": f"{STAGES} losstables {TABLES} {REPORT} {SORTED} accumulators _core.pltcalc",
    "leccalc": CURVES,
    "ordleccalc": CURVES,
    "aalcalc": f"{STREAM} {TABLES} {REPORT} accumulators averages _core.averages _core.periodlosses",
    "kat": "schemas.reports concat _core.kat _core.gettext",
    **dict.fromkeys(("cdftocsv", "gultocsv", "fmtocsv", "summarycalctocsv"), f"{TEXT} _core.csvforms"),
    "gultobin": f"{TEXT} {CSV} _core.losscsv",
    **dict.fromkeys(("itemtobin", "itemtocsv", "coveragetocsv", "evetocsv"), CONVERTER),
    **dict.fromkeys(("footprinttocsv", "vulnerabilitytocsv"), f"{CONVERTER} indexed"),
    "occurrencetocsv": f"{CONVERTER} converters",
}
# Read models in many forms
WITH_NUMPY = {"gulmc"}
# Of the standard library, beyond what the interpreter has loaded when it starts: modules in C, but for
# struct, which reads headers
LIBRARY = {"__future__", "gc", "errno", "mmap"}  # the first takes 0.2 ms
HEADERS = {"struct", "_struct"}
# What Cython's modules import by themselves where they are built for the stable ABI
OF_STABLE_ABI = {
    "types",
    "collections",
    "collections.abc",
    "_collections",
    "keyword",
    "operator",
    "_operator",
    "reprlib",
    "itertools",
    "functools",
    "_functools",
}
# site would load more into this process in some installations; os and stat are its work in all of them
PROBE = """
import os, stat, sys
sys.path.insert(0, {folder!r})
before = set(sys.modules)
from ktc.cli import main
sys.argv = {argv!r}
status = main()
print(*(name for name in sys.modules if name not in before), file=sys.stderr)
sys.exit(status)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("startup")
    startup.model(folder)
    return folder


def imports(argv, stdin, cwd):
    """The modules that a program imports."""
    script = PROBE.format(folder=str(Path(ktc.__file__).parent.parent), argv=argv)
    with open(cwd / stdin if stdin else os.devnull, "rb") as file:
        done = subprocess.run(
            [sys.executable, "-S", "-E", "-c", script],
            stdin=file,
            cwd=cwd,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


@pytest.mark.parametrize("line, stdin", startup.STARTS, ids=[line for line, _ in startup.STARTS])
def test_a_script_imports_no_more_than_it_did(line, stdin, folder):
    name, *flags = line.split()
    found = imports([name, *flags], stdin, folder)
    ours = {module.removeprefix("ktc.") for module in found if module.startswith("ktc.")}
    if ".abi3." in ktc._core.io.__file__:
        ours.discard("_core.codeflags")
        found -= OF_STABLE_ABI
    assert sorted(ours - set(f"{SCRIPT} {MODULES[name]}".split())) == [], (
        "a module more: is it needed at every start?"
    )
    theirs = {module for module in found if module.split(".")[0] in sys.stdlib_module_names}
    assert sorted(theirs - LIBRARY - (HEADERS if CONVERTER in MODULES[name] else set())) == []
    assert "numpy" not in found


def test_what_is_wrong_may_cost_more(folder):
    """The probe sees what a command line imports that only argparse can judge."""
    assert {"argparse", "ktc.usage"} <= imports(
        ["evetocsv", "-s", "--"], "input/events.bin", folder
    ) | imports(["gulcalc", "-S=2", "-a1", "-i", "-"], "cdf.bin", folder)


def test_every_stage_has_its_list():
    stages = {name for name, tool in TOOLS.items() if tool.group in ("stages",)}
    assert stages - WITH_NUMPY <= set(MODULES)
    assert {line.split()[0] for line, _ in startup.STARTS} == set(MODULES)


def test_the_benchmark_prints_ratios(monkeypatch, tmp_path, capsys):
    """It runs here on what is installed, whatever the installation; figures are for the page."""
    monkeypatch.chdir(tmp_path)  # where this process is again behind the test
    monkeypatch.setattr(
        sys, "argv", ["startup.py", "--runs", "1", "--only", "eve", "--out", str(tmp_path / "table.md")]
    )
    monkeypatch.delenv("KTC_ORACLE", raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", lambda *_: None, raising=False)
    startup.main()
    _, rule, row = capsys.readouterr().out.strip().split("\n")
    assert set(rule) <= set("|-:") and row.startswith("| `eve 1 1` | ") and row.count("|") == 6
    assert (tmp_path / "table.md").read_text().endswith(row + "\n")


def test_flags_of_code_objects():
    """Those that modules for the stable ABI take from ktc, instead of importing inspect."""
    flags = {name: value for name, value in vars(codeflags).items() if name.startswith("CO_")}
    assert len(flags) == 7 and flags == {name: getattr(inspect, name) for name in flags}
