"""Command lines: the two parsers agree, operands that ktools ignores are ignored, and a run that goes well is
silent on stderr."""

import os
import random
import subprocess
import sys

import pytest
from support.benchmarks import startup

import ktc
from ktc import cli, errors
from ktc.errors import UsageError
from ktc.schemas import COMMANDS, TOOLS
from ktc.schemas.tools import IN_RUNS, OWN
from ktc.usage import parsed

EVERYTHING = {**COMMANDS, **TOOLS}
STARTS = {line.split()[0]: (line.split()[1:], stdin) for line, stdin in startup.STARTS}
TEXTS = (
    "",
    "-",
    "1",
    "07",
    "-1",
    "+3",
    "1_0",
    "2.5",
    ".5",
    "1e3",
    "nan",
    "x",
    "a b",
    "=",
    "=4",
    "4",
    "8",
    "bash",
    "-S",
    "-x y",
    "--",
    "2147483648",
    "4294967296",
    "-2147483649",
    "9" * 5000,
    "\u0663",
)


# Both parsers


def by(parser, tool, argv):
    """What a parser makes of a command line: the keywords, or "help", or None for an error."""
    given, operands = cli.split(tool, argv)
    operands, _ = cli.without_ignored(tool, operands)
    words = [word for each, _ in given for word in each]
    try:
        return cli.plain(tool, given, operands) if parser is cli.plain else parsed(tool, words, operands)
    except (KeyError, ValueError):  # a UsageError is one
        return None
    except SystemExit:
        return "help"


def shown(keywords):
    """Keywords that can be compared: a NaN is not equal to itself."""
    return repr(sorted(keywords.items()))


def a_word(draw, tool):
    """A flag of a tool alone, with its value in the same word or behind it, several in one word, or anything
    else."""
    if not tool.options or draw.random() < 0.1:
        return [draw.choice(TEXTS)]
    option = draw.choice(tool.options)
    if option.type is None:
        others = [each.flag[1:] for each in tool.options if each.type is None and len(each.flag) == 2]
        return (
            [option.flag + draw.choice(["", *others, "".join(others), "=1"])]
            if len(option.flag) == 2
            else [option.flag]
        )
    value = draw.choice([*map(str, option.choices or ("1", "1"))] if draw.random() < 0.5 else TEXTS)
    switches = [each.flag for each in tool.options if each.type is None and len(each.flag) == 2]
    flag = (
        draw.choice(switches) + option.flag[1:]
        if switches and len(option.flag) == 2 and draw.random() < 0.2
        else option.flag
    )
    return draw.choice([[flag, value], [flag + ("" if len(option.flag) == 2 else "=") + value], [flag]])


@pytest.mark.posix
@pytest.mark.parametrize("name", EVERYTHING)
def test_where_the_small_parser_answers_argparse_says_the_same(name, capfd):
    tool, draw = EVERYTHING[name], random.Random(name)
    answers = 0
    for _ in range(120):
        operands = [
            draw.choice(("1", "2", "x", "-", "bash"))
            for _ in range(draw.choice((0, 1, 2, 3, *[len(tool.operands)] * 4)))
        ]
        before = draw.random() < 0.5
        argv = sum(
            [a_word(draw, tool) for _ in range(draw.choice((0, 1, 1, 2, 3, 4)))], operands if before else []
        )
        argv += [] if before else operands
        ours = by(cli.plain, tool, argv)
        joined = any(text == "--" for _, pairs in cli.split(tool, argv)[0] for _, text in pairs)
        if ours is not None and not joined:  # argparse loses the -- of `-i--`
            answers += 1
            assert shown(ours) == shown(by(parsed, tool, argv)), argv
    assert answers > 2


@pytest.mark.parametrize("name", EVERYTHING)
def test_every_flag_is_for_the_small_parser(name):
    """Each flag alone, with a value that it takes in both ways; help and versions are argparse's."""
    tool = EVERYTHING[name]
    operands = [
        {int: "1"}.get(type, type[0] if isinstance(type, tuple) else "x") for _, type, _, _ in tool.operands
    ]
    for option in tool.options:
        value = str(option.choices[0]) if option.choices else "1"
        joined = "" if len(option.flag) == 2 else "="
        forms = (
            [[option.flag]]
            if option.type is None
            else [[option.flag, value], [f"{option.flag}{joined}{value}"]]
        )
        found = [by(cli.plain, tool, [*form, *operands]) for form in forms]
        assert found == [by(parsed, tool, [*form, *operands]) for form in forms] and None not in found
        assert all(each == found[0] for each in found) and (option.dest is None or option.dest in found[0])
    for flag in ("-h", "--help", "-v", "--version", "-?", "--nonsense", "-Y"):
        assert by(cli.plain, tool, [flag, *operands]) is None


@pytest.mark.parametrize(
    "argv, given, operands",
    [
        (["a", "-S", "5", "b", "-i", "-"], [["-S", "5"], ["-i", "-"]], ["a", "b"]),
        (["-S5", "-", "-i-"], [["-S5"], ["-i-"]], ["-"]),
        (["-dS", "5", "x"], [["-dS", "5"]], ["x"]),
        (["-S", "--", "-d", "--", "-i", "-"], [["-S", "--"], ["-d"]], ["-i", "-"]),
        (["-d", "-i"], [["-d"], ["-i"]], []),
        (["-1"], [["-1"]], []),
        ([""], [], [""]),
    ],
)
def test_options_and_operands_are_told_apart_as_by_getopt(argv, given, operands):
    words, rest = cli.split(TOOLS["gulcalc"], argv)
    assert ([each for each, _ in words], rest) == (given, operands)


def test_numbers_below_zero_are_operands_where_there_are_some():
    for name, argv, expected in (
        ("eve", ["-1", "4"], ["-1", "4"]),
        ("getmodel", ["-1"], []),
        ("summarycalc", ["-1", "-"], []),
    ):
        assert cli.split(TOOLS[name], argv)[1] == expected


# Operands


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("commandline")
    startup.model(folder)
    return folder


def outcome(program, argv, stdin, folder):
    """What a program does: exit status, standard output and standard error, its name and paths aside."""
    with open(folder / stdin if stdin else os.devnull, "rb") as file:
        done = subprocess.run([program, *argv], stdin=file, cwd=folder, capture_output=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("name", TOOLS)
def test_operands_are_ignored_where_ktools_ignores_them(name, folder, oracle, tool):
    """By every program but those that take some: eve two, kat and katparquet any number."""
    flags, stdin = STARTS.get(name, ([], None))
    programs = [tool(name)] if name in OWN else [tool(name), oracle(name)]
    for program in programs:
        if name == "footprintconv" or (
            name in ("crossvalidation", "validateoasisfiles") and program != tool(name)
        ):
            continue  # ktools' name whatever lies in memory; the first has a test of its own
        expected = outcome(program, flags, stdin, folder)
        for words in (["-"], ["nowhere"], ["nowhere", "-", "1"]):
            for argv in ([*flags, *words], [*words, *flags], [*flags, "--", *words]):
                if name == "eve" and argv[:1] == words[:1]:
                    continue  # these are its operands
                same = outcome(program, argv, stdin, folder) == expected
                assert same == TOOLS[name].ignores_operands or any(
                    count == "*" for _, _, count, _ in TOOLS[name].operands
                ), argv


def test_footprintconv_ignores_operands(folder, oracle, tool):
    for program in (tool("footprintconv"), oracle("footprintconv")):
        (folder / "static" / "footprint.bin.z").unlink(missing_ok=True)
        assert outcome(program, ["nowhere", "-"], None, folder / "static")[0] == 0
        assert (folder / "static" / "footprint.bin.z").stat().st_size > 0


def test_what_the_platform_writes(folder, oracle, tool):
    """The line of a reinsurance run, `fmcalc -a3 -p input/RI_1 -n -`, and what it is on its own."""
    expected = outcome(oracle("fmcalc"), ["-a3", "-p", "input", "-n"], "gul.bin", folder)
    assert expected[0] == 0 and len(expected[1]) > 8
    for argv in (
        ["-a3", "-p", "input", "-n", "-"],
        ["-", "-na3", "-pinput"],
        ["-p", "input", "-na3", "--", "-", "-q"],
    ):
        for program in (tool("fmcalc"), oracle("fmcalc")):
            assert outcome(program, argv, "gul.bin", folder) == expected


def test_flags_behind_operands_count(folder, oracle, tool):
    first, second = "elt1.csv", "elt2.csv"
    path = folder / second  # ktools writes the header of each file
    path.write_text(path.read_text().partition("\n")[2])
    for argv in ([first, "-u", second], [first, second, "-u"], ["-u", "--", first, second]):
        assert outcome(tool("kat"), argv, None, folder) == outcome(oracle("kat"), argv, None, folder)
    status, out, err = outcome(tool("getmodel"), ["x", "-q"], "events.bin", folder)
    assert (status, out, err) == (
        2,
        b"",
        b"getmodel: error: unrecognized arguments: -q; see getmodel --help\n",
    )
    assert outcome(oracle("getmodel"), ["x", "-q"], "events.bin", folder)[0] == 1


def test_a_file_s_name_where_a_terminal_would_be_read(folder, tool):
    """Nothing waits for a person who has left out a `<`."""
    pty = pytest.importorskip("pty")
    there, here = pty.openpty()
    try:
        start = lambda name, *argv: subprocess.run(
            [tool(name), *argv], stdin=here, cwd=folder, capture_output=True, timeout=60
        )
        done = start("fmcalc", "-a2", "gul.bin")
        assert (done.returncode, done.stdout, done.stderr) == (
            2,
            b"",
            b"fmcalc: error: 'gul.bin' would not be read: the input is standard input, as in fmcalc < "
            b"gul.bin\n",
        )
        done = start("leccalc", "-r", "-F", "-", "x\ny")
        assert done.returncode == 2 and done.stderr.count(b"\n") == 1 and rb"x\ny" in done.stderr
        for argv in (
            ["aalcalc", "-K", "gul", "x"],
            ["leccalc", "-r", "-F", "-", "-K", "gul", "x"],
            ["eve", "1", "1", "x"],
        ):
            done = start(*argv)
            assert (done.returncode, done.stderr) == (0, b"") and done.stdout, argv
    finally:
        os.close(there)
        os.close(here)


@pytest.mark.parametrize("name", TOOLS)
def test_what_reads_standard_input_says_so(name):
    unless = TOOLS[name].standard_input
    assert ("standard input" in TOOLS[name].reads) == (unless is not False)
    assert isinstance(unless, bool) or set(unless) <= {option.dest for option in TOOLS[name].options}


# Standard error

# What is no fault but might not be meant: a program, its flags, its input, what is to be in its log; ktools
# tells of it too.
STRANGE = (
    ("gulcalc", ["-S2", "-a1", "-i", "-", "-c", "c.bin"], "cdf.bin", "gives no coverage losses", {}),
    ("placalc", ["-f", "0.5", "-F", "2"], "gul.bin", "ignoring the relative one", {}),
    (
        "ordleccalc",
        ["-F", "-O", "-", "-o", "psept.csv"],
        "summary.bin",
        "nothing is asked for that goes to the PSEPT",
        {},
    ),
    (
        "leccalc",
        ["-r", "-F", "-"],
        "summary.bin",
        "return periods is empty",
        {"input/returnperiods.bin": b""},
    ),
    (
        "leccalc",
        ["-K", "gul", "-r", "-F", "-"],
        None,
        "have no index",
        {"work/gul/P1.idx": b"1,8\n", "work/gul/P2.bin": None},
    ),
    (
        "aalcalc",
        ["-K", "gul", "-o"],
        None,
        "ensembles are not part",
        {"input/ensemble.bin": b"\1\0\0\0\1\0\0\0\2\0\0\0\2\0\0\0"},
    ),
)


@pytest.mark.parametrize(
    "name, argv, stdin, line, files", STRANGE, ids=[line for _, _, _, line, _ in STRANGE]
)
def test_what_is_strange_is_told_in_the_log_alone(name, argv, stdin, line, files, tool, oracle, tmp_path):
    """The platform ends a run as soon as anything stands in its file of standard error."""
    startup.model(tmp_path)
    for path, data in files.items():
        (tmp_path / path).write_bytes((tmp_path / "summary.bin").read_bytes() if data is None else data)
    status, out, err = outcome(oracle(name), argv, stdin, tmp_path)
    assert status == 0 and err, "ktools tells of it, and goes on"
    assert outcome(tool(name), argv, stdin, tmp_path) == (0, out, b"")
    (tmp_path / "log").mkdir()
    assert outcome(tool(name), argv, stdin, tmp_path) == (0, out, b"")
    (log,) = (tmp_path / "log").iterdir()
    first, warning, last = log.read_text().splitlines()
    assert line in warning and warning.startswith(f"WARNING:{name}:") and "finish" not in warning
    assert first.endswith(":starting process..") and last.endswith(":finishing process..")


def test_weights_without_return_periods(tool, oracle, tmp_path):
    """ktools has this in its log, too."""
    startup.model(tmp_path)
    (tmp_path / "log").mkdir()
    ktc.tobin(
        "periods",
        b"period_no,weighting\n" + b"".join(b"%d,0.001\n" % n for n in range(1, 1001)),
        tmp_path / "input" / "periods.bin",
    )
    for program in (tool("leccalc"), oracle("leccalc")):
        assert outcome(program, ["-F", "f.csv", "-M", "m.csv"], "summary.bin", tmp_path) == (0, b"", b"")
    assert [path.read_text().count("WARNING:leccalc:") for path in (tmp_path / "log").iterdir()] == [1, 1]


@pytest.mark.parametrize("line, stdin", startup.STARTS, ids=[line for line, _ in startup.STARTS])
def test_a_run_that_goes_well_is_silent(line, stdin, folder, tool):
    name, *argv = line.split()
    status, _, err = outcome(tool(name), argv, stdin, folder)
    assert (status, err) == (0, b"")


def test_parquet_is_silent_too(folder, tool):
    """NumPy and Arrow come in, which may warn."""
    pytest.importorskip("pyarrow")
    for name, argv, stdin in (
        ("eltcalc", ["-m", "m.parquet"], "summary.bin"),
        ("aalcalc", ["-K", "gul", "-o", "-p", "a.parquet"], None),
        ("ordleccalc", ["-r", "-F", "-P", "e.parquet"], "summary.bin"),
        ("katparquet", ["-m", "-o", "k.parquet", "m.parquet", "m.parquet"], None),
    ):
        status, _, err = outcome(tool(name), argv, stdin, folder)
        assert (status, err) == (0, b""), name


def test_warnings_of_others(monkeypatch, capfd):
    """They are not shown in a run, unless the user wants them; elsewhere they are."""
    script = (
        "import sys; from ktc import cli; from ktc.schemas import TOOLS; tool = TOOLS[sys.argv[1]]; "
        "cli.direct_warnings(tool, cli.Log(tool)); import warnings; warnings.warn('of others', "
        "RuntimeWarning)"
    )
    told = lambda *argv: b"of others" in subprocess.run([sys.executable, *argv], capture_output=True).stderr
    assert not told("-c", script, "eltcalc") and not told("-c", "import warnings; " + script, "eltcalc")
    assert told("-W", "default", "-c", script, "eltcalc") and told("-c", script, "itemtobin")


def test_a_log_that_cannot_be_written_is_no_fault(folder, tool, tmp_path):
    """A folder stands where the log would; nothing else is different."""
    startup.model(tmp_path)
    script = (
        "import os, sys; os.makedirs(f'log/eve_{os.getpid()}.log'); sys.argv = ['eve', '1', '1']; "
        "from ktc.cli import main; sys.exit(main())"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, (tmp_path / "events.bin").read_bytes(), b"")


def test_converters_tell_on_standard_error(tool, folder):
    """As ktools' do: they make files before a run, and no pipeline waits for them."""
    csv = b"bin_index,bin_from,bin_to,interpolation,interval_type\n1,0,0,0,1\n2,0,1,0.5,1\n"
    done = subprocess.run([tool("damagebintobin")], input=csv, capture_output=True, cwd=folder)
    assert done.returncode == 0 and done.stderr.startswith(b"damagebintobin: warning: ")
    assert TOOLS["damagebintobin"].group not in IN_RUNS


def test_in_python_a_warning_is_python_s():
    with pytest.warns(UserWarning, match="gives no coverage losses") as told, pytest.raises(UsageError):
        ktc.gulcalc(b"", coverage="c.bin", alloc_rule=1)
    assert told[0].filename == __file__ and errors.warn_with is None
