"""Every parser on damaged input: it ends in time with a result or with an error of ktc that names the place, in bounded memory.

KTC_FUZZ_SECONDS=N lets each parser run for so long, on other examples each time.
"""
import contextlib
import io
import os
import shutil
import struct

import fuzzing
import pytest
from fuzzing import Parser
from hypothesis import strategies as st
from test_faults import SAMPLES, STAGES, WITH_ARROW, Run

import ktc
from ktc import cli, stages, tables
from ktc.chain import Chain, EltCalc, Events, FmCalc, GetModel, GulCalc, SummaryCalc
from ktc.schemas import COMMANDS, TABLES, TOOLS, streams
from ktc.schemas.tools import CURVES
from ktc.validation import crossvalidation, validateoasisfiles

# Rows of the tables that a run does not have, and what converters are to be told
ROWS = {
    "amplifications": [(1, 1), (2, 1), (3, 2)], "lossfactors": [(1, 1, 1.25), (1, 2, 1.5), (2, 1, 1.5)],
    "aggregate_vulnerability": [(7, 1), (7, 2)], "weights": [(1, 1, 0.5), (1, 2, 0.5)],
    "correlations": [(1, 1, 0.5, 1, 0.25), (2, 1, 0.5, 1, 0.25)], "ensemble": [(1, 1), (2, 1), (3, 2)]}
TOBIN = {"occurrence": {"periods": 5}, "footprint": {"max_intensity_bin": 6}, "vulnerability": {"max_damage_bin": 4}}
TOCSV = {"random": {"convert": True}}
CONVERTED = [name for name, table in TABLES.items() if "tool" in table.extra]
INDEXED = {"footprint": [{"compress": True}, {"compress": True, "sized": True}, {}],
           "vulnerability": [{"compress": True}, {"indexed": True}]}
FORMS = [(name, f"forms/{name}{n}", options) for name, forms in INDEXED.items() for n, options in enumerate(forms)]
ARROW = [f"tables/melt_P{n}.parquet" for n in (1, 2)]
FM = tuple(f"input/{name}.bin" for name in ("fm_programme", "fm_policytc", "fm_profile", "fm_xref", "items", "coverages"))
MODEL = ("input/items.bin", "static/footprint.bin", "static/footprint.idx", "static/vulnerability.bin", "static/damage_bin_dict.bin")
OUTPUT = ("input/occurrence.bin", "input/periods.bin", "input/returnperiods.bin", "input/quantile.bin")
WORK = ("work/run/summary_P1.bin", "work/run/summary_P2.bin", *OUTPUT[:2], "input/ensemble.bin")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A small run with every file that a parser reads: streams/, csv/ and bin/ of every table, forms/ with an index."""
    root = tmp_path_factory.mktemp("model")
    made = Run(root)
    for folder in ("streams", "csv", "bin", "forms"):
        (root / folder).mkdir()
    (root / "static/random.bin").write_bytes((root / "static/random.bin").read_bytes()[:200])
    for name in CONVERTED:
        csv, path = root / "csv" / f"{name}.csv", root / TABLES[name].path
        if name in ROWS:
            csv.write_text("\n".join([TABLES[name].csv_header, *(",".join(map(str, row)) for row in ROWS[name]), ""]))
            tables.tobin(name, csv, path)
        elif name == "footprint":
            tables.tocsv(name, path, csv, index=root / "static/footprint.idx")
        else:
            tables.tocsv(name, path, csv, **TOCSV.get(name, {}))
        shutil.copy(path, root / "bin")
    for name, path, options in FORMS:
        tables.tobin(name, root / f"csv/{name}.csv", root / path, index=root / f"{path}.idx", validate=False, **TOBIN[name], **options)
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


def of_stream(kind):
    return (f"streams/{kind}.bin",)


def read_all(root, out, kind, **options):
    for block in ktc.read_stream(root / f"streams/{kind}.bin", **options):
        block.starts, len(block)


def chain(root, out):
    Chain(Events(), GetModel(), GulCalc(sample_size=SAMPLES, alloc_rule=1), FmCalc(alloc_rule=2),
          SummaryCalc({1: EltCalc(out)}, stream="fm"), root=str(root)).run()


PARSERS = [
    *(Parser(f"read_stream {kind}", lambda root, out, k=kind: read_all(root, out, k), of_stream(kind)) for kind in streams.STREAMS),
    Parser("read_stream wide", lambda root, out: read_all(root, out, "cdf", areaperil=8), of_stream("item")),
    *(Parser(s.name, lambda root, out, s=s: s.call(root / f"streams/{s.reads}.bin", out, str(root)), of_stream(s.reads) + {
        "getmodel": MODEL, "gulcalc": ("input/items.bin", "input/coverages.bin", "static/damage_bin_dict.bin"), "fmcalc": FM,
        "summarycalc": ("input/gulsummaryxref.bin",)}.get(s.name, OUTPUT if s.reads == "summary" else ())) for s in STAGES),
    Parser("eve", lambda root, out: stages.eve(1, 2, out, root=str(root)), ("input/events.bin",)),
    Parser("gulcalc -c", lambda root, out: stages.gulcalc(root / "streams/cdf.bin", coverage=out, sample_size=2, random="file",
                                                          root=str(root)), (*of_stream("cdf"), "static/random.bin")),
    Parser("gulcalc -a0", lambda root, out: stages.gulcalc(root / "streams/cdf.bin", item=out, sample_size=2, alloc_rule=0,
                                                           root=str(root)), of_stream("cdf")),
    *(Parser(f"placalc {kind}", lambda root, out, k=kind: stages.placalc(root / f"streams/{k}.bin", out, root=str(root)),
             (*of_stream(kind), "input/amplifications.bin", "static/lossfactors.bin")) for kind in ("loss", "item")),
    *(Parser(f"placalc -F {kind}", lambda root, out, k=kind: stages.placalc(
        root / f"streams/{k}.bin", out, absolute_factor=1.5, root=str(root)), of_stream(kind)) for kind in ("coverage", "coverage loss")),
    *(Parser(f"fmcalc -a{rule} {kind}", lambda root, out, k=kind, rule=rule, options=options: stages.fmcalc(
        root / f"streams/{k}.bin", out, alloc_rule=rule, root=str(root), **options), (*of_stream(kind), *files))
      for rule, kind, options, files in ((0, "item", {}, FM), (1, "loss", {"net": True}, ()), (3, "coverage loss", {}, ()),
                                         (2, "loss", {"stepped": True}, ("input/fm_profile_step.bin",)))),
    Parser("summarycalc -f", lambda root, out: stages.summarycalc(root / "streams/loss.bin", {1: out}, fm=True, root=str(root)),
           (*of_stream("loss"), "input/fmsummaryxref.bin")),
    Parser("summarycalc -c -z", lambda root, out: stages.summarycalc(
        root / "streams/coverage.bin", {1: out}, coverage=True, zeros=True, root=str(root)),
        (*of_stream("coverage"), "input/gulsummaryxref.bin", "input/coverages.bin")),
    Parser("summarycalc -x", lambda root, out: stages.summarycalc(root / "streams/item.bin", {1: out}, legacy_item=True, root=str(root)),
           (*of_stream("item"), "input/gulsummaryxref.bin", "input/coverages.bin", "input/items.bin")),
    *(Parser(f"gultocsv {kind}", lambda root, out, k=kind: stages.gultocsv(root / f"streams/{k}.bin", out), of_stream(kind))
      for kind in ("item", "coverage", "coverage loss")),
    Parser("leccalc -r", lambda root, out: ktc.leccalc(root / "streams/summary.bin", {name: out if name.startswith("aep_f") else
        io.BytesIO() for _, name, _ in CURVES}, return_periods=True, root=str(root)), of_stream("summary") + OUTPUT + ("input/ensemble.bin",)),
    Parser("ordleccalc -K", lambda root, out: ktc.ordleccalc(curves=[name for _, name, _ in CURVES], ept=out, psept=io.BytesIO(),
                                                            folder="run", root=str(root)), WORK),
    Parser("aalcalc", lambda root, out: ktc.aalcalc("run", out, convergence=root / "alct.csv", root=str(root)), WORK),
    Parser("aalcalc -o", lambda root, out: ktc.aalcalc("run", out, ord=True, root=str(root)), WORK),
    Parser("aalcalcmeanonly", lambda root, out: ktc.aalcalcmeanonly("run", out, root=str(root)), WORK),
    Parser("summaryindex", lambda root, out: ktc.summaryindex("run", root=str(root)), WORK[:2]),
    Parser("gultobin", lambda root, out: stages.gultobin(root / "streams/gul.csv", out, sample_size=SAMPLES), ("streams/gul.csv",)),
    Parser("summarycalctobin", lambda root, out: stages.summarycalctobin(root / "streams/summary.csv", out, sample_size=SAMPLES),
           ("streams/summary.csv",)),
    *(Parser(f"{name} to binary", lambda root, out, name=name: tables.tobin(name, root / f"csv/{name}.csv", out, **TOBIN.get(name, {}), **(
        {"index": io.BytesIO()} if name == "footprint" else {})), (f"csv/{name}.csv",), table=True) for name in CONVERTED),
    *(Parser(f"{name} to csv", lambda root, out, name=name: tables.tocsv(name, root / f"bin/{os.path.basename(TABLES[name].path)}", out,
        **TOCSV.get(name, {})), (f"bin/{os.path.basename(TABLES[name].path)}",)) for name in CONVERTED if name != "footprint"),
    *(Parser(f"{path} to csv", lambda root, out, name=name, path=path, options=options: tables.tocsv(
        name, root / path, out, index=root / f"{path}.idx", compressed="compress" in options,
        **({"indexed": True} if "indexed" in options else {})), (path, f"{path}.idx")) for name, path, options in FORMS),
    *(Parser(f"read {name}", lambda root, out, name=name: (ktc.read_table(name, root / TABLES[name].path),
                                                         ktc.read_csv(name, root / f"csv/{name}.csv")),
             (TABLES[name].path, f"csv/{name}.csv")) for name in CONVERTED if name != "occurrence"),
    Parser("fmprofilebinconv", lambda root, out: ktc.fmprofilebinconv(root / "streams/old terms.bin", out), of_stream("old terms"), table=True),
    Parser("footprintconv", lambda root, out: ktc.footprintconv(root / MODEL[1], out, source_index=root / MODEL[2],
                                                              target_index=io.BytesIO()), MODEL[1:3], table=True),
    Parser("read_plan", lambda root, out: ktc.read_plan(root / "input"), FM),
    Parser("read_plan by aggregate", lambda root, out: ktc.read_plan(root / "input", by_aggregate=True), FM),
    Parser("read_plan stepped", lambda root, out: ktc.read_plan(root / "input", stepped=True), (*FM, "input/fm_profile_step.bin")),
    Parser("kat", lambda root, out: ktc.kat([root / "tables/elt_P1.csv", root / "tables/elt_P2.csv"], out),
           ("tables/elt_P1.csv", "tables/elt_P2.csv")),
    *([Parser("katparquet", lambda root, out: ktc.katparquet([root / path for path in ARROW], io.BytesIO(), melt=True), tuple(ARROW))]
      if WITH_ARROW else []),
    *(Parser(f"validate {name}", lambda root, out, name=name: tables.validate(name, root / f"csv/{name}.csv"),
             (f"csv/{name}.csv",), lines=True) for name in tables.VALIDATED),
    Parser("validate_run", lambda root, out: ktc.validate_run(root), (*MODEL, *FM, *OUTPUT, "input/gulsummaryxref.bin"), lines=True),
    Parser("validateoasisfiles", lambda root, out: validateoasisfiles(root / "csv"), tuple(
        f"csv/{name}.csv" for name in ("coverages", "items", "fm_programme", "fm_profile", "fm_policytc")), lines=True),
    Parser("crossvalidation", lambda root, out: crossvalidation(**{key: root / f"csv/{name}.csv" for key, name in (
        ("damage_bins", "damage_bin_dict"), ("footprint", "footprint"), ("vulnerability", "vulnerability"))}), tuple(
        f"csv/{name}.csv" for name in ("damage_bin_dict", "footprint", "vulnerability")), lines=True),
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

WORDS = {int: ["0", "-1", "1", "3", "2147483647", "2147483648", "4294967295", "-2147483648", "9" * 20, "x", "", "1.5", "0x10", " 2", "nan", "1\n"],
         float: ["0", "-1", "0.5", "nan", "inf", "-inf", "1e400", "1e-400", "x", ""],
         str: ["-", "", "out", "no/such/folder/out", "input", "/dev/full", "a\nb", "run", "\udcff", "x" * 5000, "work/run"]}
LARGE = {("randtocsv", "-g")}           # flags that ask for as much work as the number says
GROUPS = {group: [tool for tool in (*TOOLS.values(), *COMMANDS.values()) if tool.group == group and tool.name != "demo"]
          for group in dict.fromkeys(tool.group for tool in (*TOOLS.values(), *COMMANDS.values()))}
READS = {stage.name.split()[0]: f"streams/{stage.reads}.bin" for stage in STAGES} | {
    "placalc": "streams/loss.bin", "gultobin": "streams/gul.csv", "summarycalctobin": "streams/summary.csv"}
NUMBER = st.integers(0, 2**16)


def input_of(tool):
    """What a script is given as standard input: what it reads, as far as it reads it from there."""
    if tool.table is None:
        return READS.get(tool.name, os.devnull)
    return f"bin/{os.path.basename(TABLES[tool.table].path)}" if tool.name.endswith("tocsv") else f"csv/{tool.table}.csv"


def command_line(tool, draws):
    """Arguments of a script: its flags with values good and odd, operands, and words that are none of its."""
    argv = []
    for which, a, b in draws:
        options = [*tool.options, None]
        option = options[which % len(options)]
        if option is None:
            argv.append([*WORDS[int], *WORDS[str], "--no-such-flag", "-"][a % (len(WORDS[int]) + len(WORDS[str]) + 2)])
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
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            status = cli.guarded(tool.name, lambda: cli.run(tool, argv))
        lines = [line for line in said.getvalue().split("\n") if line and ": warning: " not in line]
        errors = [line for line in lines if line.startswith(f"{tool.name}: error: ")]
        assert status in (0, 1, 2, 3, 4), (argv, status, lines)
        assert len(errors) == (status != 0) or status == 1 and tool.name in COMMANDS, (argv, status, lines)    # those have verdicts
        assert "fault of ktc" not in said.getvalue(), (argv, lines)
        assert tool.group == "validation" or lines == errors, (argv, lines)

    fuzzing.run_examples(ends, NUMBER, st.lists(st.tuples(NUMBER, NUMBER, NUMBER), max_size=6), examples=5 * fuzzing.EXAMPLES)


@pytest.mark.timeout(300 + fuzzing.SECONDS * 2)
@pytest.mark.parametrize("group", GROUPS)
def test_odd_command_lines(group, folder):
    failure = fuzzing.in_worker(lambda tell: call_lines(GROUPS[group], folder, tell))
    assert not failure, failure
