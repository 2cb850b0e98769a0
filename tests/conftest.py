"""Shared fixtures: where the scripts under test lie, and the oracle (ktools 3.12.4's own programs) where it
is installed."""

import ast
import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(sys.executable).parent
POSIX = r'mkfifo|/dev/|"(ba)?sh"|shell=True|signal\.SIG|preexec_fn'


@functools.cache
def posix_only(path):
    """The functions of a file of tests that speak of what only POSIX has (POSIX), or of another such
    function."""
    text = path.read_text(encoding="utf-8")
    code = {
        node.name: "\n".join(
            text.split("\n")[min(part.lineno for part in (node, *node.decorator_list)) - 1 : node.end_lineno]
        )
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef)
    }
    found, sought = set(), POSIX
    while more := {name for name, lines in code.items() if re.search(sought, lines)} - found:
        found |= more
        sought = rf"\b({'|'.join(found)})\b"
    return found


def pytest_collection_modifyitems(items):
    """Where there is no POSIX, tests that need its shell, named pipes, devices or signals are skipped."""
    if os.name != "posix":
        for item in items:
            if item.originalname in posix_only(item.path):
                item.add_marker(pytest.mark.skip("needs POSIX"))


def oracle_folder():
    """The folder of the oracle's programs: KTC_ORACLE, else none."""
    folder = os.environ.get("KTC_ORACLE")
    return Path(folder) if folder and (Path(folder) / "gulcalc").exists() else None


@pytest.fixture(scope="session")
def oracle():
    """A callable: the path of one of the oracle's programs. Skips without an oracle, fails if one was
    promised."""
    folder = oracle_folder()
    if folder is None:
        if os.environ.get("KTC_ORACLE"):
            pytest.fail(f"KTC_ORACLE={os.environ['KTC_ORACLE']} holds no ktools programs")
        pytest.skip("the oracle is not installed (set KTC_ORACLE to the folder of ktools 3.12.4's programs)")
    return lambda name: str(folder / name)


@pytest.fixture(scope="session")
def tool():
    """A callable: the path of one of ktc's console scripts, as installed beside this interpreter."""

    def find(name):
        path = shutil.which(name, path=str(SCRIPTS))
        assert path, f"{name} is not installed in {SCRIPTS}"
        return path

    return find


@pytest.fixture(scope="session")
def run():
    """A callable: run a command with bytes on standard input; gives (exit status, stdout, stderr as text)."""

    def call(args, stdin=b"", cwd=None, timeout=60, env=None):
        done = subprocess.run(
            [str(a) for a in args],
            input=stdin,
            cwd=cwd,
            timeout=timeout,
            capture_output=True,
            env={**os.environ, **(env or {})},
        )
        return done.returncode, done.stdout, done.stderr.decode(errors="replace")

    return call
