"""Shared fixtures: where the scripts under test lie, and the oracle (ktools 3.12.4's own programs) where it
is installed."""

import os
import shutil
import subprocess

import pytest

pytest.register_assert_rewrite("support")
from support.installed import SCRIPTS, oracle_folder  # noqa: E402


def pytest_collection_modifyitems(items):
    """Marks every test that uses the oracle; skips those marked posix where there is no POSIX."""
    for item in items:
        if "oracle" in item.fixturenames:
            item.add_marker(pytest.mark.oracle)
        if os.name != "posix" and item.get_closest_marker("posix"):
            item.add_marker(pytest.mark.skip("needs POSIX"))


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
