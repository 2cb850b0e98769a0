"""What the tests of faults share: every stage as a function and as a script, a small run with its streams.

Every script is held to the same rules: exit status 1 for bad data, 3 for a missing file, 4 for output that
cannot be written, SIGPIPE when the reader has gone; one line on standard error that names the place; whole
events or nothing on a pipe; a regular file complete or not at all.
"""

import io
import shutil
import struct

import pytest

import ktc
from ktc import stages
from support import programmes, summaries
from support.models import make, write

SAMPLES = 3


HEADS = {"events": 0, "cdf": 4, "loss": 8, "summary": 12}  # bytes of a stream's header


def record_end(data, at):
    """Places in a packet of losses behind `at` where a record ends, with their sidx; the last is the packet's
    end."""
    while at < len(data):
        (sidx,) = struct.unpack_from("<i", data, at)
        at += 8
        yield at, sidx
        if sidx == 0:
            return


def packets(kind, data):
    """[(event, start, end, places inside where a cut cannot be seen)] of a stream's packets."""
    found = []
    if kind == "events":
        return [(struct.unpack_from("<i", data, at)[0], at, at + 4, ()) for at in range(0, len(data), 4)]
    at, head = HEADS[kind], {"cdf": 16, "loss": 8, "summary": 12}[kind]
    while at < len(data):
        (event,) = struct.unpack_from("<i", data, at)
        if kind == "cdf":
            end, open_ends = at + head + 8 * struct.unpack_from("<i", data, at + 12)[0], ()
        else:
            ends = list(record_end(data, at + head))
            end = ends[-1][0]
            # gulcalc leaves the last packet's terminator out: behind a mean or a sample a stream may end
            open_ends = tuple(place for place, sidx in ends if sidx >= -1) if kind == "loss" else ()
        found.append((event, at, end, open_ends))
        at = end
    return found


class Stage:
    """A stage as a function of bytes and as a script with its arguments. name: the script's, and perhaps a
    flag."""

    def __init__(self, name, reads, arguments, call):
        self.name, self.reads, self.arguments, self.call = name, reads, arguments, call

    def __repr__(self):
        return self.name


STAGES = [
    Stage("getmodel", "events", [], lambda s, t, root: stages.getmodel(s, t, root=root)),
    Stage(
        "gulcalc",
        "cdf",
        [f"-S{SAMPLES}", "-a1", "-i", "-"],
        lambda s, t, root: stages.gulcalc(s, item=t, sample_size=SAMPLES, alloc_rule=1, root=root),
    ),
    Stage("fmcalc", "loss", ["-a2"], lambda s, t, root: stages.fmcalc(s, t, alloc_rule=2, root=root)),
    Stage(
        "summarycalc",
        "loss",
        ["-i", "-1", "-"],
        lambda s, t, root: stages.summarycalc(s, {1: t}, item=True, root=root),
    ),
    Stage("eltcalc", "summary", [], lambda s, t, root: stages.eltcalc(s, t)),
    Stage("eltcalc -M", "summary", ["-M", "-"], lambda s, t, root: stages.eltcalc(s, moment=t, root=root)),
    Stage("eltcalc -Q", "summary", ["-Q", "-"], lambda s, t, root: stages.eltcalc(s, quantile=t, root=root)),
    Stage("pltcalc", "summary", [], lambda s, t, root: stages.pltcalc(s, t, root=root)),
    Stage("pltcalc -M", "summary", ["-M", "-"], lambda s, t, root: stages.pltcalc(s, moment=t, root=root)),
    Stage("pltcalc -Q", "summary", ["-Q", "-"], lambda s, t, root: stages.pltcalc(s, quantile=t, root=root)),
    Stage("pltcalc -S", "summary", ["-S", "-"], lambda s, t, root: stages.pltcalc(s, sample=t, root=root)),
    Stage(
        "leccalc",
        "summary",
        ["-F", "-"],
        lambda s, t, root: ktc.leccalc(s, {"aep_full_uncertainty": t}, root=root),
    ),
    Stage(
        "ordleccalc",
        "summary",
        ["-F", "-O", "-"],
        lambda s, t, root: ktc.ordleccalc(s, ["aep_full_uncertainty"], ept=t, root=root),
    ),
    Stage("cdftocsv", "cdf", [], lambda s, t, root: stages.cdftocsv(s, t)),
    Stage("gultocsv", "loss", [], lambda s, t, root: stages.gultocsv(s, t)),
    Stage("fmtocsv", "loss", [], lambda s, t, root: stages.fmtocsv(s, t)),
    Stage("summarycalctocsv", "summary", [], lambda s, t, root: stages.summarycalctocsv(s, t)),
    Stage(
        "summarycalctocsv -o", "summary", ["-o"], lambda s, t, root: stages.summarycalctocsv(s, t, ord=True)
    ),
]
BY_NAME = {stage.name: stage for stage in STAGES}
READERS = [stage for stage in STAGES if stage.reads != "events"]
BY_SUMMARY = [stage.name for stage in STAGES if stage.reads == "summary"]
# name: arguments and what it reads, of every script that these tests start
SCRIPTS = {
    "eve": (["-n", "1", "1"], None),
    **{s.name: (s.arguments, s.reads) for s in STAGES},
    "itemtobin": ([], "csv"),
    "itemtocsv": ([], "items"),
    "fmprofilebinconv": ([], "old terms"),
    "gultobin": (["-S2"], "losses csv"),
    "summarycalctobin": (["-S2"], "summaries csv"),
    "aalcalc": (["-K", "run"], None),
    "aalcalc -o": (["-K", "run", "-o"], None),
    "aalcalcmeanonly": (["-K", "run"], None),
    "leccalc -K": (["-K", "run", "-F", "-"], None),
    "ordleccalc -K": (["-K", "run", "-W", "-o", "-"], None),
    "kat": (["tables/elt_P1.csv", "tables/elt_P2.csv"], None),
    "kat -u": (["-u", "tables/elt_P1.csv"], None),
}
LOGGED = (
    "eve",
    "getmodel",
    "gulcalc",
    "fmcalc",
    "summarycalc",
    "eltcalc",
    "leccalc",
    "ordleccalc",
    "aalcalc",
    "aalcalcmeanonly",
)
try:
    import pyarrow
except ImportError:
    pyarrow = None
WITH_ARROW = pyarrow is not None
needs_arrow = pytest.mark.skipif(not WITH_ARROW, reason="pyarrow is not installed")


def script_of(name):
    """The key in SCRIPTS of a script's name with flags that follow it, and those flags."""
    known = name if name in SCRIPTS else name.split()[0]
    return known, name[len(known) :].split()


def command_of(tool, name):
    known, flags = script_of(name)
    return [tool(name.split()[0]), *flags, *SCRIPTS[known][0]]


def insurance(model):
    """A programme for the items of a model: by coverage, then all in two layers."""
    coverages = range(1, len(model.tiv) + 1)
    return programmes.Programme(
        programme=[(item[0], 1, item[1]) for item in model.items]
        + [(coverage, 2, 1) for coverage in coverages],
        policytc=[(1, coverage, 1, 1) for coverage in coverages] + [(2, 1, 1, 2), (2, 1, 2, 3)],
        profiles=[(1, 12, 5.0, *[0.0] * 7), (2, 2, 0.0, 0, 0, 20.0, 200.0, 0.5, 0, 0), (3, 100, *[0.0] * 8)],
        xref=[(10 * layer + item[0], item[0], layer) for item in model.items for layer in (1, 2)],
    )


def write_output_tables(root, events):
    """What the output calculations read: each event in one of five periods, one of them in two, at days."""
    summaries.write_tables(
        root,
        occurrences=[
            *((event, 1 + k % 4, 700_000 + k) for k, event in enumerate(events)),
            (events[0], 4, 700_100),
        ],
        periods=5,
        date_options=1,
        weights=dict.fromkeys(range(1, 6), 0.2),
        return_periods=[10, 5, 2],
        quantiles=[0.0, 0.5, 1.0],
    )


class Run:
    """A small model, and what flows between its stages."""

    def __init__(self, root):
        self.root = root
        small = make(11, n_events=4, n_items=5, n_areaperils=4, n_damage=4, missing_events=0)
        small.tiv[:] = 1000
        small.summaries = [(item[0], 1 + item[0] % 2, 1) for item in small.items]
        write(small, root)
        plain = insurance(small)
        programmes.write(plain, root / "input")
        # rules 12 and 2, and no terms, are the same with steps
        (root / "input" / "fm_profile_step.bin").write_bytes(
            programmes.pack_rows(
                programmes.PROFILE_STEP, ((*profile, 1, *[0.0] * 7) for profile in plain.profiles)
            )
        )
        shutil.copy(root / "input" / "gulsummaryxref.bin", root / "input" / "fmsummaryxref.bin")
        self.data = {"events": (root / "input" / "events.bin").read_bytes()}
        write_output_tables(root, small.events.tolist())
        for name, gives in (("getmodel", "cdf"), ("gulcalc", "loss"), ("summarycalc", "summary")):
            self.data[gives] = self.through(BY_NAME[name], self.data[BY_NAME[name].reads])
        self.data["items"] = (root / "input" / "items.bin").read_bytes()
        self.data["csv"] = (
            b"item_id,coverage_id,areaperil_id,vulnerability_id,group_id\n1,1,4,8,1\n2,1,5,8,1\n"
        )
        self.data["old terms"] = struct.pack("<4i8f", 1, 12, *[0] * 10)
        self.data["losses csv"] = b"event_id,item_id,sidx,loss\n1,1,-1,2.5\n"
        self.data["summaries csv"] = b"event_id,exposure_value,summary_id,sidx,loss\n1,9.5,1,-1,2.5\n"
        for kind in ("events", "cdf", "loss", "summary"):
            assert len({packet[0] for packet in packets(kind, self.data[kind])}) > 2
        self.write_run(root)

    def through(self, stage, data, out=None):
        out = io.BytesIO() if out is None else out
        stage.call(data, out, str(self.root))
        return out.getvalue()

    def input_of(self, name):
        return self.data.get(SCRIPTS[script_of(name)[0]][1], b"")

    def copied(self, to):
        """The run's folder once more, for a test that changes files."""
        for name in ("input", "static", "work", "tables"):
            shutil.copytree(self.root / name, to / name)
        return to

    def write_run(self, root):
        """The summaries as those of two processes, in work/run/, and their event loss tables in tables/."""
        sample_size, _, found = summaries.split(self.data["summary"])
        events = sorted({packet[0] for packet in found})
        self.parts = [
            summaries.stream(sample_size, [p for p in found if (p[0] == events[-1]) == last])
            for last in (False, True)
        ]
        summaries.write_work(root, self.parts)
        (root / "tables").mkdir()
        for part, data in enumerate(self.parts, 1):
            stages.eltcalc(data, root / "tables" / f"elt_P{part}.csv")
            if WITH_ARROW:
                stages.eltcalc(data, moment_parquet=root / "tables" / f"melt_P{part}.parquet", root=root)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return Run(tmp_path_factory.mktemp("model"))


@pytest.fixture
def folder(tmp_path, model):
    return model.copied(tmp_path)


def message_of(stderr, name):
    """The one line that a script leaves behind."""
    lines = stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith(f"{name.split()[0]}: error: "), stderr
    return lines[0]


def feed(pipe, data):
    try:
        pipe.write(data)
        pipe.close()
    except BrokenPipeError:
        pass
