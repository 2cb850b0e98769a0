"""docs/parity.md: what its generator makes of the registry, and nothing of ktools' own programs is missing
from it."""

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.installed import oracle_folder

from ktc.schemas import TOOLS

DOCS = Path(__file__).parent.parent / "docs"
sys.path.insert(0, str(DOCS))
import parity  # noqa: E402

PAGE = (DOCS / "parity.md").read_text()
TABLES = [
    [re.split(r" \| |^\| | \|$", re.sub(r"\| (?=\|)", "|  ", line))[1:-1] for line in table.splitlines()]
    for table in re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE)
]
PROGRAMS = {
    (row[0].strip("`"), row[1].strip("` ")): row[2:]
    for table in TABLES
    if table[0][1] == "flag"
    for row in table[2:]
}
FLAGS = re.compile(r"[-=](\w) ")  # of a help; one of them is written "=v version"
EVERYWHERE = {"-h", "-v"}
# what a virtual environment has of its own
ENVIRONMENT = re.compile(r"python.*|pip.*|[Aa]ctivate.*")


def programs(head):
    """The files of the oracle's folder that begin with these bytes."""
    return sorted(
        path.name
        for path in oracle_folder().iterdir()
        if not ENVIRONMENT.fullmatch(path.name) and path.is_file() and path.open("rb").read(len(head)) == head
    )


def test_the_page_is_what_the_registry_makes_of_it():
    assert parity.parity() == PAGE, "run python docs/parity.py"


def test_every_script_and_short_flag_has_a_full_row():
    for tool in TOOLS.values():
        if tool.name not in parity.OURS:
            for flag in ["", *(option.flag for option in tool.options if not option.flag.startswith("--"))]:
                meaning, place, _ = PROGRAMS[tool.name, flag]
                assert meaning.strip() and place.strip() and place != "no", (tool.name, flag)
    for (tool, flag), cells in PROGRAMS.items():
        assert all(cell.strip() for cell in cells[:2]), (tool, flag)
        assert cells[1] != "no" or cells[2].strip(), f"{tool} {flag} is missing for no reason"


def test_keywords_are_those_of_the_functions():
    for tool in TOOLS.values():
        module, name = parity.public(tool.function).rsplit(".", 1)
        parameters = inspect.signature(getattr(importlib.import_module(module), name)).parameters
        if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            assert {option.dest for option in tool.options if option.dest} <= set(parameters), tool.name


def test_every_program_and_flag_of_ktools_has_a_row(oracle, tmp_path):
    """And no row is of a program or flag that ktools does not have."""
    found = set()
    for name in programs(b"\x7fELF"):
        found.add((name, ""))
        if name != "footprintconv":  # it takes no flags and reads none
            help = subprocess.run(
                [oracle(name), "-h"], cwd=tmp_path, capture_output=True, text=True, timeout=10
            ).stderr
            flags = {f"-{letter}" for letter in FLAGS.findall(help)}
            assert flags >= EVERYWHERE, (name, help)
            found |= {(name, flag) for flag in flags - EVERYWHERE}
    found |= {("summarycalc", f"-{digit}") for digit in range(10)}  # "-[summarysetid]" in its help
    assert not found & parity.SILENT
    found |= parity.SILENT
    assert len({name for name, _ in found}) == 72
    assert (sorted(found - set(PROGRAMS)), sorted(set(PROGRAMS) - found)) == ([], [])


@pytest.mark.parametrize("name, flag", sorted(parity.SILENT | parity.REFUSED))
def test_flags_on_which_ktools_help_is_wrong(name, flag, oracle, tmp_path):
    done = subprocess.run(
        [oracle(name), flag, "-h"], cwd=tmp_path, capture_output=True, text=True, timeout=10
    )
    assert ("invalid option" in done.stderr) == ((name, flag) in parity.REFUSED and name == "occurrencetocsv")


def test_flags_without_effect(run, tool, oracle):
    """Those that ktools accepts in silence change nothing here either."""
    losses = b"\1\0\0\2" + b"\1\0\0\0" + b"\1\0\0\0" * 2 + b"\1\0\0\0\0\0\x80\x3f" + bytes(8)
    profile = b"\1\0\0\0\1\0\0\0" + bytes(32)
    for data, name, *flags in (losses, "fmtocsv", "-I", "x", "-O", "y"), (profile, "fmprofiletocsv", "-o"):
        expected = run([tool(name)], data)
        assert expected[0] == 0 and run([tool(name), *flags], data) == expected
        assert run([oracle(name), *flags], data)[:2] == expected[:2]


def test_the_other_programs_of_the_wheel_have_their_rows(oracle):
    assert set(programs(b"#!")) == set(parity.PEERS)


def test_what_is_said_to_do_their_work_is_there(tool):
    for _, ours in parity.PEERS.values():
        for name in re.findall(r"`(\w+)", ours):
            assert name == "ktc" or ours.startswith("no") or (name in TOOLS and tool(name)), name
