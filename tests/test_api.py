"""The public face: names, types, what an import costs, the README's own code, and the console scripts as
installed."""

import ast
import doctest
import importlib
import importlib.metadata
import inspect
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from support.installed import SCRIPTS

import ktc
from ktc import cli
from ktc.errors import ReaderGone
from ktc.schemas import TOOLS
from ktc.usage import KTOOLS_VERSION

PACKAGE = Path(ktc.__file__).parent
README = Path(__file__).parent.parent / "README.md"
STUBS = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.pyi"))


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    ktc.write_example(folder, events=20, locations=10, grid=6)
    ktc.eve(1, 1, folder / "events.bin", root=folder)
    ktc.getmodel(folder / "events.bin", folder / "cdf.bin", root=folder)
    return folder


# Names and types


def stub_of(path):
    return ast.parse((PACKAGE / path).read_text())


def parameters_of(function):
    """[(name, kind, whether it has a default)] of a function in a stub, as inspect tells it of a real one."""
    a = function.args
    positional = a.posonlyargs + a.args
    first = len(positional) - len(a.defaults)
    found = [(p.arg, "POSITIONAL_OR_KEYWORD", i >= first) for i, p in enumerate(positional)]
    found += [(a.vararg.arg, "VAR_POSITIONAL", False)] if a.vararg else []
    found += [(p.arg, "KEYWORD_ONLY", default is not None) for p, default in zip(a.kwonlyargs, a.kw_defaults)]
    return found + ([(a.kwarg.arg, "VAR_KEYWORD", False)] if a.kwarg else [])


def test_stubs_lie_where_type_checkers_look():
    assert (PACKAGE / "py.typed").exists()
    modules = {str(path) for path in STUBS}
    assert {"__init__.pyi", "_core/codec.pyi", "_core/frames.pyi", "_core/gulcalc.pyi"} <= modules
    # a module of Python says what its types are itself
    assert not [
        path
        for path in modules
        if (PACKAGE / path).with_suffix(".py").exists() and path != "__init__.pyi" and "named" not in path
    ]


@pytest.mark.parametrize("name", ktc.__all__)
def test_public_name(name):
    value = getattr(ktc, name)
    assert name == "__version__" or (value.__doc__ or "").strip()


def test_the_stub_of_ktc_is_written_from_its_names():
    write = runpy.run_path(str(README.parent / ".ci" / "stub.py"))
    assert (PACKAGE / "__init__.pyi").read_text() == write["text"](), "run python .ci/stub.py"


def of_runtime(function):
    return [
        (p.name, p.kind.name, p.default is not p.empty)
        for p in inspect.signature(function).parameters.values()
    ]


@pytest.mark.parametrize("path", STUBS, ids=str)
def test_stub_is_what_there_is(path):
    """Every public name of a stub exists, a Python function with those parameters, a class with those
    attributes."""
    module = importlib.import_module(".".join(("ktc", *path.with_suffix("").parts)).removesuffix(".__init__"))
    for node in stub_of(path).body:
        if isinstance(node, ast.FunctionDef):
            function = getattr(module, node.name)
            if inspect.isfunction(function):
                assert parameters_of(node) == of_runtime(function), node.name
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            found = getattr(module, node.name)
            for method in (each for each in node.body if isinstance(each, ast.FunctionDef)):
                there = inspect.getattr_static(found, method.name)
                if inspect.isfunction(there) and "overload" not in map(ast.unparse, method.decorator_list):
                    assert parameters_of(method) == of_runtime(there), f"{node.name}.{method.name}"


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    return ktc.write_example(tmp_path_factory.mktemp("example"))


WITH_EXAMPLES = sorted(
    path.relative_to(PACKAGE).with_suffix("").as_posix().replace("/", ".")
    for path in [*PACKAGE.glob("*.py"), *PACKAGE.glob("schemas/*.py"), *PACKAGE.glob("_core/*.py")]
    if ">>> " in path.read_text(encoding="utf-8")
)


# What is compiled has its source elsewhere once it is installed
COMPILED_WITH_EXAMPLES = ["_core.fmplan", "_core.fmrules", "_core.frames"]


@pytest.mark.parametrize("module", [*WITH_EXAMPLES, *COMPILED_WITH_EXAMPLES])
def test_examples_of_docstrings(module, example, monkeypatch, tmp_path):
    """They run in the folder of an example."""
    shutil.copytree(example.folder, tmp_path / "run")
    monkeypatch.chdir(tmp_path / "run")
    found = doctest.testmod(importlib.import_module(f"ktc.{module}"))
    assert found.attempted and not found.failed


def imports_of_kernels():
    """(file, line, module, name) of what Python's modules import from compiled ones, which are anything to a
    type checker."""
    for path in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.ImportFrom)
                and node.level == 1
                and (node.module or "").startswith("_core.")
            ):
                yield from ((path.name, node.lineno, node.module, each.name) for each in node.names)


def test_names_of_compiled_modules_are_there():
    found = list(imports_of_kernels())
    assert len(found) > 100
    missing = [each for each in found if not hasattr(importlib.import_module(f"ktc.{each[2]}"), each[3])]
    assert not missing, missing


# What an import costs


def modules_after(code, cwd):
    """The modules that a new interpreter holds after running code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        cwd=cwd,
        check=True,
        capture_output=True,
        text=True,
    )
    return set(done.stdout.splitlines()[-1].split())


def test_importing_ktc_imports_nothing_heavy(tmp_path):
    held = modules_after("import ktc", tmp_path)
    assert "ktc" in held and "numpy" not in held
    assert not [name for name in held if name.startswith("ktc.") and name != "ktc._version"]


@pytest.mark.parametrize(
    "name",
    [
        "stages",
        "tables",
        "streams",
        "chain",
        "curves",
        "averages",
        "concat",
        "results",
        "accumulators",
        "example",
        "errors",
        "schemas",
        "cli",
        "files",
        "inspect",
        "compare",
    ],
)
def test_importing_a_module_imports_no_numpy(name, tmp_path):
    held = modules_after(f"import ktc.{name}", tmp_path)
    assert f"ktc.{name}" in held and "numpy" not in held


ITEM, CDF, SUMMARY = (b"\1\0\0\2" + bytes(4), b"\1\0\0\0", b"\1\0\0\3" + bytes(3) + b"\0" + b"\1\0\0\0")


@pytest.mark.parametrize(
    "call",
    [
        "eve(1, 1, 'out')",
        "eve(1, 1, 'out', text=True)",
        "getmodel(b'', 'out')",
        "getmodel('events.bin', 'out')",
        f"gulcalc({CDF!r}, item='out', sample_size=10, alloc_rule=1)",
        f"gulcalc({CDF!r}, coverage='out', random='cached')",
        f"summarycalc({ITEM!r}, {{1: 'out'}}, item=True)",
        f"eltcalc({SUMMARY!r}, 'out')",
        f"cdftocsv({CDF!r}, 'out')",
        f"gultocsv({ITEM!r}, 'out')",
        f"summarycalctocsv({SUMMARY!r}, 'out')",
        f"eltcalc({SUMMARY!r}, moment='out')",
        f"pltcalc({SUMMARY!r}, 'out')",
        f"leccalc({SUMMARY!r}, {{'aep_sample_mean': 'out'}})",
        f"ordleccalc({SUMMARY!r}, ['oep_wheatsheaf'], psept='out')",
        "kat(['input/events.bin'], 'out', unsorted=True)",
        "tocsv('items', 'input/items.bin', 'out')",
        "tobin('events', b'event_id\\n1\\n', 'out')",
    ],
)
def test_stages_and_converters_import_no_numpy(call, model):
    assert "numpy" not in modules_after(f"import ktc\nktc.{call}", model)
    assert (model / "out").exists()


@pytest.mark.parametrize(
    "call",
    [
        "read_table('items', 'input/items.bin')",
        "read_csv('events', b'event_id\\n1\\n')",
        "write_example('again', events=2, locations=2)",
    ],
)
def test_numpy_is_imported_when_arrays_are_asked_for(call, model):
    assert "numpy" in modules_after(f"import ktc\nktc.{call}", model)


# The README


def readme_blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def scripts(tool, monkeypatch):
    """The console scripts first on PATH."""
    monkeypatch.setenv("PATH", f"{Path(tool('eve')).parent}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.posix
def test_readme(model, scripts, monkeypatch):
    """Its pipeline and its Python give the same bytes, and every example runs in a model's folder."""
    monkeypatch.chdir(model)
    (pipeline,) = (block for block in readme_blocks("sh") if block.startswith("eve "))
    subprocess.run(["bash", "-euo", "pipefail", "-c", pipeline], check=True)
    piped = Path("elt.csv").read_bytes()
    assert piped.count(b"\n") > 20
    os.remove("elt.csv")
    (whole,) = (block for block in readme_blocks("sh") if block.startswith("ktc run "))
    subprocess.run(["bash", "-euo", "pipefail", "-c", whole], check=True, stdout=subprocess.DEVNULL)
    curves = Path("output/il_S1_ept.csv").read_bytes()
    os.remove("output/il_S1_ept.csv")

    blocks, names = readme_blocks("python"), {}
    assert len(blocks) == 5
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
        if 'EltCalc("elt.csv")' in block:
            assert Path("elt.csv").read_bytes() == piped
    assert len(names["run"]["il", 1, "ept"]) == curves.count(b"\n") - 1 > 100
    assert Path("output/il_S1_ept.csv").read_bytes() == curves
    block = names["block"]
    assert (
        isinstance(block.event_id, int)
        and block.loss.dtype == numpy.float32
        and block.loss.flags.writeable is False
    )
    assert len(block.start) == len(block.id) + 1 and len(block.sidx) == len(block.loss) == block.start[-1]
    assert len(names["curves"].table()) > 100 and len(names["melt"]) == 2 * len(piped.splitlines()) // 2 - 1
    items = names["items"]
    assert isinstance(items, numpy.memmap) and len(items) == ktc.read_table("items", "input/items.bin").size
    some = ktc.read_table("items", "some.bin")
    assert len(some) and some.tolist() == items[items["group_id"] == 7].tolist()
    rows = Path("items.csv").read_text().splitlines()
    assert len(rows) == 1 + len(items)
    assert [tuple(map(int, row.split(","))) for row in rows[1:]] == items.tolist()


# The console scripts


def test_installed_scripts_are_the_registry_s():
    try:
        distribution = importlib.metadata.distribution("ktc")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("ktc runs from a source tree")
    installed = {e.name: e.value for e in distribution.entry_points if e.group == "console_scripts"}
    if sys.platform == "linux":  # files of the wheel, which start sooner
        assert installed.keys() == {"ktc"}
        scripts = {
            file.name: file.locate()
            for file in distribution.files
            if file.locate().parent.resolve() == SCRIPTS
        }
        assert set(TOOLS) <= set(scripts)
        texts = {path.read_text().partition("\n") for name, path in scripts.items() if name in TOOLS}
        ((first, _, rest),) = texts
        assert (
            first.startswith("#!")
            and first.endswith(("python", f"python3.{sys.version_info[1]}", "python3"))
            and ("from ktc.cli import main" in rest)
        )
        installed |= dict.fromkeys(TOOLS, "ktc.cli:main")
    assert installed == dict.fromkeys(["ktc", *TOOLS], "ktc.cli:main")


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_script_answers(name, tool, run, monkeypatch, capfd, tmp_path):
    """-h and -v as in ktools on standard error with status 1; the long forms on standard output with 0."""
    status, out, err = run([tool(name), "-h"], cwd=tmp_path)
    assert (status, out) == (1, b"") and err.startswith(f"usage: {name} ")
    usage = err
    answers = {}
    for flag in ("-h", "--help", "-v", "--version"):
        monkeypatch.setattr(sys, "argv", [name, flag])
        with pytest.raises(SystemExit) as leave:
            cli.main()
        out, err = capfd.readouterr()
        answers[flag] = leave.value.code, out, err
    version = f"{name} : version: {KTOOLS_VERSION} - ktc {ktc.__version__}\n"
    assert answers == {
        "-h": (1, "", usage),
        "--help": (0, usage, ""),
        "-v": (1, "", version),
        "--version": (0, version, ""),
    }
    for option in TOOLS[name].options:
        assert option.flag in usage


@pytest.mark.parametrize("started_as", ["gulcalc", "Scripts/gulcalc.exe", "Scripts/gulcalc-script.py"])
def test_a_script_goes_by_its_stem(started_as, monkeypatch, capfd):
    monkeypatch.setattr(sys, "argv", [started_as, "-a9"])
    assert cli.main() == 2 and capfd.readouterr().err.startswith("gulcalc: error: ")


@pytest.mark.parametrize(
    "error, status", [(ReaderGone("gone"), 141), (KeyboardInterrupt(), 130), (cli.Terminated(), 143)]
)
def test_where_processes_do_not_end_by_signals(error, status, monkeypatch, capfd):
    def work():
        monkeypatch.setattr(cli.os, "name", "nt")
        raise error

    assert cli.guarded("eve", work) == status
    monkeypatch.undo()
    assert capfd.readouterr() == ("", "")
