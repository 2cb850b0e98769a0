"""Every parser on damaged input: it ends in time with a result or with an error of ktc that names the place,
in bounded memory.

KTC_FUZZ_EXAMPLES=N gives each parser N examples, the same ones each time; KTC_FUZZ_SECONDS=N lets it run for
N seconds, on other examples each time.
"""

import contextlib
import io
import os
import shutil
import struct
from functools import partial

import pytest
from hypothesis import strategies as st
from support import fuzzing
from support.faults import SAMPLES, STAGES, WITH_ARROW, Run
from support.fuzzing import Parser
from support.rows import ROWS, TOBIN

import ktc
from ktc import cli, stages, tables
from ktc.chain import Chain, EltCalc, Events, FmCalc, GetModel, GulCalc, SummaryCalc
from ktc.csvchecks import VALIDATED
from ktc.schemas import COMMANDS, TABLES, TOOLS, streams
from ktc.schemas.tools import CURVES
from ktc.validation import crossvalidation, validateoasisfiles

pytestmark = pytest.mark.slow
TOCSV = {"random": {"convert": True}}
CONVERTED = [name for name, table in TABLES.items() if table.tool]
INDEXED = {
    "footprint": [{"compress": True}, {"compress": True, "sized": True}, {}],
    "vulnerability": [{"compress": True}, {"indexed": True}],
}
FORMS = [
    (name, f"forms/{name}{n}", options) for name, forms in INDEXED.items() for n, options in enumerate(forms)
]
ELT, ARROW = (
    tuple(f"tables/{name}" for name in pair)
    for pair in (("elt_P1.csv", "elt_P2.csv"), ("melt_P1.parquet", "melt_P2.parquet"))
)
CROSSED = {"damage_bins": "damage_bin_dict", "footprint": "footprint", "vulnerability": "vulnerability"}
FM = tuple(
    f"input/{name}.bin"
    for name in ("fm_programme", "fm_policytc", "fm_profile", "fm_xref", "items", "coverages")
)
MODEL = (
    "input/items.bin",
    *(
        f"static/{name}"
        for name in ("footprint.bin", "footprint.idx", "vulnerability.bin", "damage_bin_dict.bin")
    ),
)
OUTPUT = ("input/occurrence.bin", "input/periods.bin", "input/returnperiods.bin", "input/quantile.bin")
WORK = ("work/run/summary_P1.bin", "work/run/summary_P2.bin", *OUTPUT[:2], "input/ensemble.bin")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A small run with every file that a parser reads: streams/, csv/ and bin/ of every table, forms/ with an
    index."""
    root = tmp_path_factory.mktemp("model")
    made = Run(root)
    for folder in ("streams", "csv", "bin", "forms"):
        (root / folder).mkdir()
    (root / "static/random.bin").write_bytes((root / "static/random.bin").read_bytes()[:200])
    for name in CONVERTED:
        csv, path = root / "csv" / f"{name}.csv", root / TABLES[name].path
        if name in ROWS:
            csv.write_text(
                "\n".join([TABLES[name].csv_header, *(",".join(map(str, row)) for row in ROWS[name]), ""])
            )
            tables.tobin(name, csv, path, **TOBIN.get(name, {}))
        elif name == "footprint":
            tables.tocsv(name, path, csv, index=root / "static/footprint.idx")
        else:
            tables.tocsv(name, path, csv, **TOCSV.get(name, {}))
        shutil.copy(path, root / "bin")
    for name, path, options in FORMS:
        tables.tobin(
            name,
            root / f"csv/{name}.csv",
            root / path,
            index=root / f"{path}.idx",
            validate=False,
            **TOBIN[name],
            **options,
        )
        for file in (root / "forms").glob("*.z"):
            file.rename(file.with_suffix(""))
    for name, data in made.data.items():
        (root / "streams" / f"{name}.bin").write_bytes(data)
    gul, cdf = io.BytesIO(), made.data["cdf"]
    stages.gulcalc(cdf, item=gul, sample_size=SAMPLES, root=str(root))
    (root / "streams/item.bin").write_bytes(gul.getvalue())
    coverage = io.BytesIO()
    stages.gulcalc(cdf, coverage=coverage, sample_size=SAMPLES, root=str(root))
    data = coverage.getvalue()
    (root / "streams/coverage.bin").write_bytes(data)
    (root / "streams/coverage loss.bin").write_bytes(struct.pack("<I", streams.COVERAGE_LOSS) + data[4:])
    stages.gultocsv(made.data["loss"], root / "streams/gul.csv")
    stages.summarycalctocsv(made.data["summary"], root / "streams/summary.csv", exposure=True)
    return root


def path_of(name):
    """A table's binary file, where it is beside those of other tables that have the same place."""
    return f"bin/{os.path.basename(TABLES[name].path)}"


def read_all(source, **options):
    for block in ktc.read_stream(source, **options):
        assert len(block) == len(block.start) - 1


def of(function, source, *others, to="target", rooted=True, table=False, lines=False, **options):
    """The Parser of a function that reads a source, and others, and writes to the argument `to` ({1: ...}: as
    a summary set; "": nowhere); rooted: it takes the run's folder, too."""

    def call(root, out):
        given = {"": {}, "outputs": {"outputs": {1: out}}}.get(to, {to: out})
        function(root / source, **given, **({"root": str(root)} if rooted else {}), **options)

    called = getattr(function, "__name__", None) or f"{function.func.__name__} {function.args[0]}"
    name = " ".join(
        [
            called,
            os.path.basename(source),
            *(f"{key}={value}" for key, value in options.items() if key != "index"),
        ]
    )
    return Parser(name, call, (source, *others), lines, table)


def by_stage(stage):
    """The Parser of a stage of test_faults, with the tables that it reads."""
    tables = {
        "getmodel": MODEL,
        "gulcalc": ("input/items.bin", "input/coverages.bin", "static/damage_bin_dict.bin"),
        "fmcalc": FM,
        "summarycalc": ("input/gulsummaryxref.bin",),
    }
    source = f"streams/{stage.reads}.bin"
    return Parser(
        stage.name,
        lambda root, out: stage.call(root / source, out, str(root)),
        (source, *tables.get(stage.name, OUTPUT if stage.reads == "summary" else ())),
    )


def to_binary(name):
    options = {**TOBIN.get(name, {}), **({"index": io.BytesIO()} if name == "footprint" else {})}
    return of(partial(tables.tobin, name), f"csv/{name}.csv", rooted=False, table=True, **options)


def to_csv(name):
    return of(partial(tables.tocsv, name), path_of(name), rooted=False, **TOCSV.get(name, {}))


def indexed_to_csv(name, path, form):
    def call(root, out):
        options = {"indexed": True} if "indexed" in form else {"compressed": "compress" in form}
        tables.tocsv(name, root / path, out, index=root / f"{path}.idx", **options)

    return Parser(f"{path} to csv", call, (path, f"{path}.idx"))


def read(name):
    def call(root, out):
        ktc.read_table(name, root / path_of(name))
        ktc.read_csv(name, root / f"csv/{name}.csv")

    return Parser(f"read {name}", call, (path_of(name), f"csv/{name}.csv"))


def plan(*files, **options):
    return Parser(
        f"read_plan {options}", lambda root, out: ktc.read_plan(root / "input", **options), (*FM, *files)
    )


def work(function, **options):
    """The Parser of a function over the streams of work/run."""

    def call(root, out):
        places = {id(OUT): out, id(ASIDE): root / "other.csv"}
        function(
            folder="run", root=root, **{key: places.get(id(value), value) for key, value in options.items()}
        )

    return Parser(f"{function.__name__} -K {' '.join(options)}", call, WORK)


def all_curves(source, target, root):
    """leccalc, every table of it."""
    ktc.leccalc(
        source,
        {name: target if name == "aep_full_uncertainty" else io.BytesIO() for _, name, _ in CURVES},
        return_periods=True,
        root=root,
    )


def chain(root, out):
    Chain(
        Events(),
        GetModel(),
        GulCalc(sample_size=SAMPLES, alloc_rule=1),
        FmCalc(alloc_rule=2),
        SummaryCalc({1: EltCalc(out)}, stream="fm"),
        root=str(root),
    ).run()


def merge(root, out):
    ktc.kat([root / path for path in ELT], out)


def merge_parquet(root, out):
    ktc.katparquet([root / path for path in ARROW], io.BytesIO(), melt=True)


def cross(root, out):
    crossvalidation(**{key: root / f"csv/{name}.csv" for key, name in CROSSED.items()})


def names(*stems):
    return tuple(f"csv/{stem}.csv" for stem in stems)


CDF, ITEM, COVERAGE, LOSS, COVERAGE_LOSS, SUMMARY = (f"streams/{kind}.bin" for kind in streams.STREAMS)
OUT, ASIDE = object(), object()  # where a function writes to: the output that is looked at, another one
PARSERS = [
    *(
        of(read_all, source, rooted=False, to="")
        for source in (CDF, ITEM, COVERAGE, LOSS, COVERAGE_LOSS, SUMMARY)
    ),
    of(read_all, CDF, rooted=False, to="", whole_events=True),
    *map(by_stage, STAGES),
    Parser("eve", lambda root, out: stages.eve(1, 2, out, root=str(root)), ("input/events.bin",)),
    of(stages.gulcalc, CDF, "static/random.bin", to="coverage", sample_size=2, random="file"),
    of(stages.gulcalc, CDF, to="item", sample_size=2, alloc_rule=0),
    *(
        of(stages.placalc, source, "input/amplifications.bin", "static/lossfactors.bin")
        for source in (LOSS, ITEM)
    ),
    *(of(stages.placalc, source, absolute_factor=1.5) for source in (COVERAGE, COVERAGE_LOSS)),
    of(stages.fmcalc, ITEM, *FM),
    of(stages.fmcalc, LOSS, alloc_rule=1, net=True),
    of(stages.fmcalc, COVERAGE_LOSS, alloc_rule=3),
    of(stages.fmcalc, LOSS, "input/fm_profile_step.bin", alloc_rule=2, stepped=True),
    of(stages.summarycalc, LOSS, "input/fmsummaryxref.bin", to="outputs", fm=True),
    of(
        stages.summarycalc,
        COVERAGE,
        "input/gulsummaryxref.bin",
        "input/coverages.bin",
        to="outputs",
        coverage=True,
        zeros=True,
    ),
    of(
        stages.summarycalc,
        ITEM,
        "input/gulsummaryxref.bin",
        "input/coverages.bin",
        "input/items.bin",
        to="outputs",
        legacy_item=True,
    ),
    *(of(stages.gultocsv, source, rooted=False) for source in (ITEM, COVERAGE, COVERAGE_LOSS)),
    of(all_curves, SUMMARY, *OUTPUT, "input/ensemble.bin"),
    work(ktc.ordleccalc, curves=[name for _, name, _ in CURVES], ept=OUT, psept=ASIDE),
    work(ktc.aalcalc, target=OUT, convergence=ASIDE),
    work(ktc.aalcalc, target=OUT, ord=True),
    work(ktc.aalcalcmeanonly, target=OUT),
    work(ktc.summaryindex),
    of(stages.gultobin, "streams/gul.csv", rooted=False, sample_size=SAMPLES),
    of(stages.summarycalctobin, "streams/summary.csv", rooted=False, sample_size=SAMPLES),
    *map(to_binary, CONVERTED),
    *(to_csv(name) for name in CONVERTED if name != "footprint"),
    *(indexed_to_csv(*form) for form in FORMS),
    *map(read, CONVERTED),
    of(ktc.fmprofilebinconv, "streams/old terms.bin", rooted=False, table=True),
    Parser(
        "footprintconv",
        lambda root, out: ktc.footprintconv(
            root / MODEL[1], out, source_index=root / MODEL[2], target_index=io.BytesIO()
        ),
        MODEL[1:3],
        table=True,
    ),
    plan(),
    plan(by_aggregate=True),
    plan("input/fm_profile_step.bin", stepped=True),
    Parser("kat", merge, ELT),
    *([Parser("katparquet", merge_parquet, ARROW)] if WITH_ARROW else []),
    *(
        of(partial(tables.validate, name), f"csv/{name}.csv", rooted=False, to="", lines=True)
        for name in VALIDATED
    ),
    Parser(
        "validate_run",
        lambda root, out: ktc.validate_run(root),
        (*MODEL, *FM, *OUTPUT, "input/gulsummaryxref.bin"),
        lines=True,
    ),
    Parser(
        "validateoasisfiles",
        lambda root, out: validateoasisfiles(root / "csv"),
        names("coverages", "items", "fm_programme", "fm_profile", "fm_policytc"),
        lines=True,
    ),
    Parser("crossvalidation", cross, names(*CROSSED.values()), lines=True),
    Parser("chain", chain, (*MODEL, *FM, "input/events.bin", "input/fmsummaryxref.bin")),
]


@pytest.fixture
def folder(model, tmp_path):
    """A copy of the run, whose files are damaged."""
    return shutil.copytree(model, tmp_path / "run")


@pytest.mark.timeout(300 + fuzzing.SECONDS * 2)
@pytest.mark.parametrize("parser", PARSERS, ids=repr)
def test_damaged_input(parser, folder):
    failure = fuzzing.in_worker(lambda tell: fuzzing.examples_of(parser, folder, tell))
    assert not failure, failure


# Command lines

WORDS = {
    int: [
        "0",
        "-1",
        "1",
        "3",
        "2147483647",
        "2147483648",
        "4294967295",
        "-2147483648",
        "9" * 20,
        "x",
        "",
        "1.5",
        "0x10",
        " 2",
        "nan",
        "1\n",
    ],
    float: ["0", "-1", "0.5", "nan", "inf", "-inf", "1e400", "1e-400", "x", ""],
    str: [
        "-",
        "",
        "out",
        "no/such/folder/out",
        "input",
        "/dev/full",
        "a\nb",
        "run",
        "\udcff",
        "x" * 5000,
        "work/run",
    ],
}
LARGE = {("randtocsv", "-g")}  # flags that ask for as much work as the number says
GROUPS = {
    group: [
        tool for tool in (*TOOLS.values(), *COMMANDS.values()) if tool.group == group and tool.name != "demo"
    ]
    for group in dict.fromkeys(tool.group for tool in (*TOOLS.values(), *COMMANDS.values()))
}
READS = {stage.name.split()[0]: f"streams/{stage.reads}.bin" for stage in STAGES} | {
    "placalc": "streams/loss.bin",
    "gultobin": "streams/gul.csv",
    "summarycalctobin": "streams/summary.csv",
}
NUMBER = st.integers(0, 2**16)


def input_of(tool):
    """What a script is given as standard input: what it reads, as far as it reads it from there."""
    if tool.table is None:
        return READS.get(tool.name, os.devnull)
    return path_of(tool.table) if tool.name.endswith("tocsv") else f"csv/{tool.table}.csv"


def command_line(tool, draws):
    """Arguments of a script: its flags with values good and odd, operands, and words that are none of its."""
    argv = []
    for which, a, b in draws:
        options = [*tool.options, None]
        option = options[which % len(options)]
        if option is None:
            argv.append(
                [*WORDS[int], *WORDS[str], "--no-such-flag", "-"][a % (len(WORDS[int]) + len(WORDS[str]) + 2)]
            )
        elif option.type is None:
            argv.append(option.flag)
        else:
            words = WORDS[option.type][:4] if (tool.name, option.flag) in LARGE else WORDS[option.type]
            argv += [option.flag + words[a % len(words)]] if b % 2 else [option.flag, words[a % len(words)]]
    return argv


def call_lines(tools, folder, tell):
    """Command lines of scripts, in a run's folder; raises with the one whose end is not as it should be."""
    os.chdir(folder)

    def ends(which, draws):
        tool = tools[which % len(tools)]
        argv = command_line(tool, draws)
        tell(f"{tool.name} {argv}")
        said = io.StringIO()
        source = os.open(input_of(tool), os.O_RDONLY)
        os.dup2(source, 0)
        os.close(source)
        name = f"ktc {tool.name}" if tool.name in COMMANDS else tool.name
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            status = cli.guarded(name, lambda: cli.run(tool, argv))
        lines = [line for line in said.getvalue().split("\n") if line and ": warning: " not in line]
        errors = [line for line in lines if line.startswith(f"{name}: error: ")]
        assert status in (0, 1, 2, 3, 4), (argv, status, lines)
        # a command gives a verdict, perhaps on several files
        assert tool.name in COMMANDS or len(errors) == (status != 0), (argv, status, lines)
        assert "fault of ktc" not in said.getvalue(), (argv, lines)
        assert tool.group == "validation" or lines == errors, (argv, lines)

    fuzzing.run_examples(
        ends, NUMBER, st.lists(st.tuples(NUMBER, NUMBER, NUMBER), max_size=6), examples=5 * fuzzing.EXAMPLES
    )


@pytest.mark.timeout(300 + fuzzing.SECONDS * 2)
@pytest.mark.parametrize("group", GROUPS)
def test_odd_command_lines(group, folder):
    failure = fuzzing.in_worker(lambda tell: call_lines(GROUPS[group], folder, tell))
    assert not failure, failure
