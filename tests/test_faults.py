"""What goes wrong around the stages: input that is cut, wrong or missing, output that fails, readers that
leave.

Every script is held to the same rules: exit status 1 for bad data, 3 for a missing file, 4 for output that
cannot be written, SIGPIPE when the reader has gone; one line on standard error that names the place; whole
events or nothing on a pipe; a regular file complete or not at all.
"""

import io
import os
import shutil
import signal
import struct
import subprocess
import threading
import time

import numpy as np
import programmes
import pytest
import summaries
from models import make, write

import ktc
from ktc import stages
from ktc.errors import DataError, InputError, KtcError, TruncatedError
from ktc.schemas.streams import COVERAGE, ITEM, LOSS, SUMMARY
from ktc.schemas.tools import CURVES

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
    """A folder of its own for a run that changes files."""
    for name in ("input", "static", "work", "tables"):
        shutil.copytree(model.root / name, tmp_path / name)
    return tmp_path


def message_of(stderr, name):
    """The one line that a script leaves behind."""
    lines = stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith(f"{name.split()[0]}: error: "), stderr
    return lines[0]


# Cut input


@pytest.mark.parametrize("stage", STAGES, ids=repr)
def test_cut_at_every_byte(stage, model):
    """An error that names the place, and whole events before it; the few cuts that a format cannot show are
    known."""
    data = model.data[stage.reads]
    found = packets(stage.reads, data)
    start = found[0][1]
    ends = [end for (event, _, end, _), after in zip(found, found[1:] + [(None,)]) if event != after[0]]
    hidden = {start} | {end for _, _, end, _ in found} | {place for packet in found for place in packet[3]}
    assert len(hidden) <= len(data) / 3
    whole = {0: b""} | {end: model.through(stage, data[:end]) for end in [start] + ends}
    for cut in range(len(data)):
        out = io.BytesIO()
        if cut in hidden:
            model.through(stage, data[:cut], out)
            continue
        with pytest.raises(TruncatedError, match=rf"byte {cut}: the input ends inside"):
            model.through(stage, data[:cut], out)
        assert out.getvalue() in {whole[end] for end in whole if end <= cut}, cut


@pytest.mark.parametrize("name", [stage.name for stage in STAGES])
def test_script_on_cut_input(name, model, tool, run):
    data = model.input_of(name)
    status, out, err = run(command_of(tool, name), data[:-3], cwd=model.root)
    assert status == 1 and f"standard input: byte {len(data) - 3}: " in message_of(err, name)
    assert model.through(BY_NAME[name], data).startswith(out)


@pytest.mark.parametrize("name", ["gulcalc", "fmcalc", "summarycalc"])
def test_large_output_before_a_cut_is_whole_events(name, model):
    """More than a buffer: what the reader got ends where an event ends."""
    stage = BY_NAME[name]
    kind, head = stage.reads, HEADS[stage.reads]
    found = packets(kind, model.data[kind])
    last = next(p for p in found[::-1] if p[0] != found[-1][0])
    body = model.data[kind][head : last[2]]  # events in full, so that they can be repeated
    data = model.data[kind][:head] + body * (400_000 // len(model.through(stage, model.data[kind])) + 400)
    whole, out = model.through(stage, data), io.BytesIO()
    assert len(whole) > 1 << 18
    with pytest.raises(TruncatedError):
        model.through(stage, data + body[:9], out)
    got = out.getvalue()
    assert whole.startswith(got) and len(got) > len(whole) - 4096
    if name != "gulcalc":
        packets("summary" if name == "summarycalc" else "loss", got)  # parses to its end


def repeated(model, kind, size):
    """Whole events of a stream of the model again and again, until it has so many bytes."""
    data, head = model.data[kind], HEADS[kind]
    found = packets(kind, data)
    body = data[
        head : next(p for p in found[::-1] if p[0] != found[-1][0])[2]
    ]  # the last packet may lack its end
    return data[:head] + body * (1 + size // len(body))


@pytest.mark.parametrize("taken", [1, 60_000, 262_144, 300_001])
@pytest.mark.parametrize(
    "name, readers",
    [
        ("getmodel", ["cdftocsv", "gulcalc"]),
        ("gulcalc", ["gultocsv", "summarycalc", "fmcalc"]),
        ("fmcalc", ["fmtocsv"]),
        ("summarycalc", ["summarycalctocsv", "eltcalc", "pltcalc -S", "leccalc"]),
    ],
)
def test_killed_in_a_large_stream(name, readers, taken, model, tool):
    """What a stage has written when it is killed is never a shorter stream: it ends inside a record.

    Its reader has taken so much; the stage then waits for room in a pipe, or is on its way there.
    """
    stage = BY_NAME[name]
    small = model.data[stage.reads]
    data = repeated(model, stage.reads, 2_000_000 * len(small) // len(model.through(stage, small)))
    process = subprocess.Popen(
        command_of(tool, name),
        cwd=model.root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    feeder = threading.Thread(target=feed, args=(process.stdin, data))
    try:
        feeder.start()
        got = process.stdout.read(taken)
        if taken % 2 == 0:  # and now it waits, too
            time.sleep(0.05)
        process.kill()
        got += process.stdout.read()
        feeder.join(20)
        assert (
            process.wait(20) == -signal.SIGKILL
            and process.stderr.read() == b""
            and taken <= len(got) < 1_500_000
        )
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()
    for reader in readers:
        with pytest.raises(TruncatedError, match=f"byte {len(got)}: the input ends inside"):
            model.through(BY_NAME[reader], got)


@pytest.mark.parametrize("stage", STAGES, ids=repr)
def test_one_byte_at_a_time(stage, model):
    class Slow(io.BytesIO):
        def readinto(self, room):
            return super().readinto(memoryview(room)[:1])

    data = model.data[stage.reads]
    out = io.BytesIO()
    stage.call(Slow(data), out, str(model.root))
    assert out.getvalue() == model.through(stage, data)


@pytest.mark.parametrize("name", ["gulcalc", "fmcalc", "summarycalctocsv", "pltcalc -S", "leccalc"])
def test_script_on_a_slow_pipe(name, model, tool):
    found = packets(SCRIPTS[name][1], model.input_of(name))
    data = model.input_of(name)[: max(end for _, _, end, _ in found if end <= 600)]
    with subprocess.Popen(
        command_of(tool, name), stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=model.root, bufsize=0
    ) as process:
        for k in range(len(data)):
            process.stdin.write(data[k : k + 1])
        process.stdin.close()
        assert process.stdout.read() == model.through(BY_NAME[name], data)
    assert process.returncode == 0


# Nothing, or the wrong thing


@pytest.mark.parametrize("name", [stage.name for stage in READERS])
def test_no_bytes_at_all(name, model, tool, run):
    status, out, err = run(command_of(tool, name), b"", cwd=model.root)
    assert status == 1 and "standard input: byte 0: the input ends inside the stream header" in message_of(
        err, name
    )
    assert out == b""


def test_no_events_is_not_an_error(folder, tool, run):
    (folder / "input" / "events.bin").write_bytes(b"")
    assert run([tool("eve"), "1", "2"], cwd=folder) == (0, b"", "")
    assert run([tool("getmodel")], b"", cwd=folder) == (0, struct.pack("<I", 1), "")


@pytest.mark.parametrize("stage", READERS, ids=repr)
def test_header_only_is_not_an_error(stage, model):
    """A stream without events gives one without events."""
    head = {"cdf": 4, "loss": 8, "summary": 12}[stage.reads]
    out = model.through(stage, model.data[stage.reads][:head])
    assert model.through(stage, model.data[stage.reads]).startswith(out) and len(out) < 200


@pytest.mark.parametrize(
    "stage, given",
    [
        (stage, given)
        for stage in READERS
        for given in ("cdf", "loss", "summary", "text")
        if given != stage.reads
    ],
)
def test_another_stream(stage, given, model):
    data, out = b"event_id,item_id\n1,2\n" if given == "text" else model.data[given], io.BytesIO()
    with pytest.raises(DataError, match=r"byte 0: this is (an?|no) .*stream.*, expected an? .* stream"):
        model.through(stage, data, out)
    assert out.getvalue() == b""


@pytest.mark.parametrize(
    "name, given",
    [
        ("gulcalc", "loss"),
        ("fmcalc", "summary"),
        ("fmtocsv", "cdf"),
        ("summarycalc", "cdf"),
        ("eltcalc", "loss"),
        ("pltcalc -Q", "loss"),
        ("leccalc", "loss"),
        ("ordleccalc", "cdf"),
    ],
)
def test_script_on_another_stream(name, given, model, tool, run):
    status, out, err = run(command_of(tool, name), model.data[given], cwd=model.root)
    assert (status, out) == (1, b"") and "standard input: byte 0: this is a" in message_of(err, name)


@pytest.mark.parametrize(
    "flag, kind",
    [
        ("item", COVERAGE),
        ("item", ITEM),
        ("fm", ITEM),
        ("fm", SUMMARY),
        ("coverage", LOSS),
        ("legacy_item", LOSS),
    ],
)
def test_losses_by_another_key(flag, kind, model):
    with pytest.raises(DataError, match="byte 0: this is a"):
        stages.summarycalc(
            struct.pack("<Ii", kind, 1), {1: io.BytesIO()}, root=str(model.root), **{flag: True}
        )


# Numbers out of range


@pytest.mark.parametrize("sidx", [SAMPLES + 1, 2**31 - 1, -6, -(2**31)])
@pytest.mark.parametrize("name", ["fmcalc", "summarycalc", "gultocsv", "fmtocsv", *BY_SUMMARY])
def test_sample_beyond_the_sample_size(name, sidx, model):
    stage = BY_NAME[name]
    at = 16 if stage.reads == "loss" else 24
    head = model.data[stage.reads][:at]
    with pytest.raises(
        DataError, match=rf"byte {at + 8}: event \d+.*: sidx {sidx}, expected -5 to {SAMPLES}"
    ):
        model.through(stage, head + struct.pack("<ififif", -1, 1.0, sidx, 1.0, 0, 0.0))


@pytest.mark.parametrize("size", [-2, -(2**31), 2**24 + 1, 2**31 - 1])
@pytest.mark.parametrize("name", ["fmcalc", "summarycalc", "gultocsv", "fmtocsv", *BY_SUMMARY])
def test_sample_size_out_of_range(name, size, model):
    stage = BY_NAME[name]
    data = bytearray(model.data[stage.reads])
    struct.pack_into("<i", data, 4, size)
    with pytest.raises(DataError, match=f"byte 4: the sample size is {size}, expected 0 to 16777216"):
        model.through(stage, bytes(data))


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
@pytest.mark.parametrize("sidx", [-3, -1, 1, SAMPLES])
def test_losses_that_are_no_numbers(sidx, loss, model):
    """In the financial module, where sums and shares would make all losses of an event NaN."""
    others = [s for s in (-3, -1, *range(1, SAMPLES + 1)) if s != sidx]
    for records in ([(sidx, loss)], [(s, 1.0 if s != sidx else loss) for s in sorted([*others, sidx])]):
        data = programmes.encode([(1, 2, [(-1, 3.0)]), (7, 2, records)], SAMPLES)
        out = io.BytesIO()
        with pytest.raises(
            DataError, match=f"event 7, item 2, sidx {sidx}: a loss of {loss}, expected a number"
        ):
            model.through(BY_NAME["fmcalc"], data, out)
        assert out.getvalue() == model.through(
            BY_NAME["fmcalc"], programmes.encode([(1, 2, [(-1, 3.0)])], SAMPLES)
        )


@pytest.mark.parametrize("bins", [0, -1, 2**31 - 1])
@pytest.mark.parametrize("name", ["gulcalc", "cdftocsv"])
def test_number_of_bins_out_of_range(name, bins, model):
    data = bytearray(model.data["cdf"])
    struct.pack_into("<i", data, 4 + 12, bins)
    with pytest.raises(DataError, match=f"byte 16: .*{bins} damage bins"):
        model.through(BY_NAME[name], bytes(data))


def test_more_bins_than_the_dictionary(model):
    data = struct.pack("<I4i", 1, *struct.unpack_from("<3i", model.data["cdf"], 4), 9)
    data += b"".join(struct.pack("<2f", (k + 1) / 9, 0.5) for k in range(9))
    with pytest.raises(DataError, match="9"):
        model.through(BY_NAME["gulcalc"], data)


@pytest.mark.parametrize("coverage", [0, -1, 1000])
def test_item_of_an_unknown_coverage(coverage, folder, model, tool, run):
    data = bytearray(model.data["items"])
    struct.pack_into("<i", data, 4, coverage)
    (folder / "input" / "items.bin").write_bytes(data)
    status, out, err = run([tool("gulcalc"), *SCRIPTS["gulcalc"][0]], model.data["cdf"], cwd=folder)
    assert (status, out) == (1, b"") and "items.bin" in message_of(err, "gulcalc") and str(coverage) in err


def test_item_that_no_summary_knows(model, tool, run):
    data = struct.pack("<Ii" + "2iifif", LOSS, SAMPLES, 4, 1000, -1, 1.0, 0, 0.0)
    status, _, err = run([tool("summarycalc"), *SCRIPTS["summarycalc"][0]], data, cwd=model.root)
    assert status == 1 and "event 4: id 1000 is not in " in message_of(err, "summarycalc")


@pytest.mark.parametrize("item", [0, -1, 6, 1000, 2**31 - 1])
def test_item_that_no_programme_knows(item, model, tool, run):
    ended = model.data["loss"] + bytes(8)  # gulcalc leaves the last terminator out
    data = ended + struct.pack("<2iifif", 99, item, -1, 1.0, 0, 0.0)
    status, out, err = run([tool("fmcalc"), *SCRIPTS["fmcalc"][0]], data, cwd=model.root)
    assert status == 1 and f"event 99: item {item} is not in input/fm_programme.bin" in message_of(
        err, "fmcalc"
    )
    assert out == model.through(BY_NAME["fmcalc"], ended)  # the events before it


@pytest.mark.parametrize("seed", range(16))
def test_flipped_bits(seed, tmp_path):
    """fmcalc on tables and streams with a few bits flipped: losses that are numbers, or an error of one
    line."""
    stepped, refused = bool(seed % 2), 0
    programme = programmes.make(seed, 8, levels=2, layers=2, lower_layers=1 + seed // 8, stepped=stepped)
    folder = programmes.write(programme, tmp_path)
    whole = {path: path.read_bytes() for path in sorted(folder.iterdir())}
    whole["stream"] = programmes.stream(seed, programme, samples=10)
    for name, data in whole.items():
        for case in range(6):
            rng = np.random.default_rng([seed, case])
            broken = bytearray(data)
            for at in rng.integers(8 * len(data), size=rng.integers(1, 4)).tolist():
                broken[at // 8] ^= 1 << at % 8
            if name != "stream":
                name.write_bytes(broken)
            out = io.BytesIO()
            try:
                stages.fmcalc(
                    bytes(broken) if name == "stream" else whole["stream"],
                    out,
                    input_path=str(folder),
                    alloc_rule=seed // 2 % 4,
                    stepped=stepped,
                    net=case % 3 == 0,
                )
            except (DataError, MemoryError) as error:  # some ids ask for more memory than a machine may have
                refused += 1
                assert "\n" not in str(error)
            else:
                for block in ktc.read_stream(out.getvalue()):
                    assert np.isfinite(block.loss).all() and (block.loss >= 0).all()
        if name != "stream":
            name.write_bytes(data)
    assert 5 < refused < 40


# Files that are missing or cut

FILES = [
    ("eve", "input/events.bin"),
    ("getmodel", "input/items.bin"),
    ("getmodel", "static/damage_bin_dict.bin"),
    ("getmodel", "static/footprint.bin"),
    ("getmodel", "static/footprint.idx"),
    ("getmodel", "static/vulnerability.bin"),
    ("gulcalc", "input/items.bin"),
    ("gulcalc", "input/coverages.bin"),
    ("gulcalc", "static/damage_bin_dict.bin"),
    ("gulcalc -r", "static/random.bin"),
    *(("fmcalc", f"input/{name}.bin") for name in ("fm_programme", "fm_policytc", "fm_profile", "items")),
    ("fmcalc -S", "input/fm_profile_step.bin"),
    ("summarycalc", "input/gulsummaryxref.bin"),
    *(
        (name, "input/occurrence.bin")
        for name in (
            "eltcalc -M",
            "pltcalc",
            "pltcalc -M",
            "leccalc",
            "ordleccalc -K",
            "aalcalc",
            "aalcalcmeanonly",
        )
    ),
    ("eltcalc -Q", "input/quantile.bin"),
    ("pltcalc -Q", "input/quantile.bin"),
    ("leccalc -r", "input/returnperiods.bin"),
    ("ordleccalc -r", "input/returnperiods.bin"),
    ("kat", "tables/elt_P2.csv"),
    ("kat -u", "tables/elt_P1.csv"),
]
# Those that a run may lack, and their bytes if it is not they that the example has
OPTIONAL = [
    *(
        (name, "input/periods.bin", None)
        for name in ("pltcalc -M", "leccalc", "ordleccalc", "aalcalc", "aalcalcmeanonly")
    ),
    ("leccalc", "input/ensemble.bin", struct.pack("<6i", 1, 1, 2, 1, 3, 2)),
    ("aalcalc", "input/ensemble.bin", struct.pack("<6i", 1, 1, 2, 1, 3, 2)),
    ("eltcalc -M", "input/event_rates.csv", b"event_id,rate\n1,0.25\n2,0.5\n3,x\n"),
]


@pytest.mark.parametrize("name, file", FILES)
def test_missing_file(name, file, folder, model, tool, run):
    os.unlink(folder / file)
    status, out, err = run(command_of(tool, name), model.input_of(name), cwd=folder)
    assert (status, out) == (3, b"") and file in message_of(err, name)


@pytest.mark.parametrize("name, file", [case for case in FILES if case[0].split()[0] != "kat"])
def test_cut_file(name, file, folder, model, tool, run):
    path = folder / file
    path.write_bytes(path.read_bytes()[:-1])
    status, out, err = run(command_of(tool, name), model.input_of(name), cwd=folder)
    assert status == 1 and file in message_of(err, name)
    if name in BY_NAME:
        assert model.through(BY_NAME[name], model.input_of(name)).startswith(out)
    else:
        assert out == b""


@pytest.mark.parametrize("name, file", FILES)
def test_folder_in_the_place_of_a_file(name, file, folder, model, tool, run):
    os.unlink(folder / file)
    os.mkdir(folder / file)
    status, out, err = run(command_of(tool, name), model.input_of(name), cwd=folder)
    assert (status, out) == (3, b"") and file in message_of(err, name)


@pytest.mark.parametrize("name, file, data", OPTIONAL)
def test_file_that_a_run_may_lack(name, file, data, folder, model, tool, run):
    """Without it all is well; one that is cut, or that cannot be read, is not taken for one that is
    missing."""
    path, command = folder / file, command_of(tool, name)
    data = path.read_bytes() if data is None else data
    path.unlink(missing_ok=True)
    assert run(command, model.input_of(name), cwd=folder)[::2] == (0, "")
    path.write_bytes(data[:-1])
    status, out, err = run(command, model.input_of(name), cwd=folder)
    assert (status, out) == (1, b"") and file in message_of(err, name)
    path.unlink()
    path.mkdir()
    status, out, err = run(command, model.input_of(name), cwd=folder)
    assert (status, out) == (3, b"") and file in message_of(err, name)


# Summary streams of a folder, and tables in files


def tables_in(out, **names):
    """Keywords of files in a folder: {keyword: name}; those of parquet where there is pyarrow."""
    return {keyword: out / name for keyword, name in names.items() if WITH_ARROW or "parquet" not in keyword}


LETTERS = [name for _, name, _ in CURVES]
# Every table that a function can write, to files of the folder `out`
TABLES = {
    "eltcalc": lambda s, out, root: stages.eltcalc(
        s,
        out / "legacy",
        root=root,
        **tables_in(
            out,
            moment="melt",
            quantile="qelt",
            moment_parquet="melt.parquet",
            quantile_parquet="qelt.parquet",
        ),
    ),
    "pltcalc": lambda s, out, root: stages.pltcalc(
        s,
        out / "legacy",
        root=root,
        **tables_in(out, moment="mplt", quantile="qplt", sample="splt", sample_parquet="splt.parquet"),
    ),
    "summarycalctocsv": lambda s, out, root: stages.summarycalctocsv(
        s, out / "selt", ord=True, **tables_in(out, parquet="selt.parquet")
    ),
}
FOLDER_TABLES = {
    "leccalc": lambda root, out: ktc.leccalc(
        outputs={name: out / name for name in LETTERS}, folder="run", return_periods=True, root=root
    ),
    "ordleccalc": lambda root, out: ktc.ordleccalc(
        curves=LETTERS,
        folder="run",
        root=root,
        **tables_in(out, ept="ept", psept="psept", ept_parquet="ept.parquet", psept_parquet="psept.parquet"),
    ),
    "aalcalc": lambda root, out: ktc.aalcalc(
        "run",
        out / "alt",
        ord=True,
        convergence=out / "alct",
        root=root,
        **tables_in(out, parquet="alt.parquet"),
    ),
    "aalcalcmeanonly": lambda root, out: ktc.aalcalcmeanonly(
        "run", out / "alt", ord=True, root=root, **tables_in(out, parquet="alt.parquet")
    ),
    "summaryindex": lambda root, out: ktc.summaryindex("run", root=root),
}


def hidden_in(data):
    """Where a summary stream can be cut unseen."""
    return {12, *(end for _, _, end, _ in packets("summary", data))}


@pytest.mark.parametrize("name", TABLES)
def test_no_table_of_a_cut_stream(name, model, tmp_path):
    """Several tables at once in files, csv and parquet: all of them, or none."""
    data, hidden = model.parts[1], hidden_in(model.parts[1])
    for cut in range(len(data)):
        if cut not in hidden:
            with pytest.raises(TruncatedError, match=f"byte {cut}: the input ends inside"):
                TABLES[name](data[:cut], tmp_path, model.root)
            assert os.listdir(tmp_path) == []
    TABLES[name](data, tmp_path, model.root)
    sizes = [os.path.getsize(tmp_path / file) for file in os.listdir(tmp_path)]
    assert (
        len(sizes)
        == {"eltcalc": 3, "pltcalc": 4, "summarycalctocsv": 1}[name]
        + ({"eltcalc": 2}.get(name, 1) if WITH_ARROW else 0)
        and min(sizes) > 50
    )


@pytest.mark.filterwarnings("ignore:periods have weights")
@pytest.mark.parametrize("name", FOLDER_TABLES)
def test_no_table_of_a_folder_with_a_cut_stream(name, folder):
    path, out = folder / "work" / "run" / "summary_P2.bin", folder / "out"
    data, before = path.read_bytes(), sorted(os.listdir(path.parent))
    out.mkdir()
    for cut in range(len(data)):
        if cut not in hidden_in(data):
            path.write_bytes(data[:cut])
            with pytest.raises(
                TruncatedError, match=rf"^\S*/summary_P2\.bin: byte {cut}: the input ends inside"
            ):
                FOLDER_TABLES[name](folder, out)
            assert os.listdir(out) == [] and sorted(os.listdir(path.parent)) == before
    path.write_bytes(data)
    FOLDER_TABLES[name](folder, out)
    csv = {"leccalc": 8, "ordleccalc": 2, "aalcalc": 2, "aalcalcmeanonly": 1, "summaryindex": 0}[name]
    assert len(os.listdir(out)) == csv * (1 + (WITH_ARROW and name != "leccalc"))
    assert ("summaries.idx" in os.listdir(path.parent)) == (name == "summaryindex")


FOLDER_SCRIPTS = ["aalcalc", "aalcalcmeanonly", "leccalc -K", "ordleccalc -K", "summaryindex"]


@pytest.mark.parametrize("name", FOLDER_SCRIPTS)
def test_script_on_a_folder(name, folder, model, tool, run):
    """What may be wrong in work/run/: a file cut, empty, of another stream or sample size; no file, no
    folder."""
    command = [tool(name.split()[0]), *SCRIPTS.get(name, (["-K", "run"],))[0]]
    place = folder / "work" / "run"
    path = place / "summary_P2.bin"
    data = path.read_bytes()
    listing = sorted(os.listdir(place))
    other = bytearray(data)
    struct.pack_into("<i", other, 4, SAMPLES + 1)
    for wrong, told in (
        (data[:-3], f"byte {len(data) - 3}: the input ends inside"),
        (b"", "byte 0: the input ends inside the stream header"),
        (model.data["loss"], "byte 0: this is a loss stream"),
        (b"event_id,loss\n", "byte 0: this is no "),
        (bytes(other), " samples, those before it "),
    ):
        if wrong == other and name in ("aalcalcmeanonly", "summaryindex"):
            continue
        path.write_bytes(wrong)
        status, out, err = run(command, cwd=folder)
        assert (status, out) == (1, b"") and told in message_of(err, name)
        assert "work/run/summary_P2.bin: " in err or (wrong == other and "work/run/summary_P" in err)
        assert sorted(os.listdir(place)) == listing
    path.unlink()
    path.mkdir()
    status, out, err = run(command, cwd=folder)
    assert (status, out) == (3, b"") and "work/run/summary_P2.bin" in message_of(err, name)
    for step in (lambda: (path.rmdir(), (place / "summary_P1.bin").unlink()), place.rmdir):
        step()
        status, out, err = run(command, cwd=folder)
        assert (status, out) == (3, b"") and "work/run" in message_of(err, name)


@pytest.mark.parametrize(
    "name, to, from_",
    [
        ("eltcalc -M", "occurrence", "periods"),
        ("pltcalc", "occurrence", "returnperiods"),
        ("leccalc", "occurrence", "quantile"),
        ("aalcalc", "occurrence", "events"),
        ("pltcalc -M", "periods", "occurrence"),
        ("aalcalc", "periods", "quantile"),
        ("pltcalc -Q", "quantile", "coverages"),
    ],
)
def test_another_table(name, to, from_, folder, model, tool, run):
    """Return periods are not among them: numbers from 0 on in any order are good ones, and `ktc validate`
    doubts them."""
    shutil.copy(folder / "input" / f"{from_}.bin", folder / "input" / f"{to}.bin")
    status, out, err = run(command_of(tool, name), model.input_of(name), cwd=folder)
    assert (status, out) == (1, b"") and f"input/{to}.bin: byte " in message_of(err, name)


FOLDER_PATHS = [
    ("aalcalc", ["-K", "run", "-p"]),
    ("aalcalcmeanonly", ["-K", "run", "-p"]),
    ("leccalc", ["-K", "run", "-w"]),
    ("ordleccalc", ["-K", "run", "-W", "-p"]),
    ("katparquet", ["-m", "tables/melt_P1.parquet", "tables/melt_P2.parquet", "-o"]),
]


@needs_arrow
@pytest.mark.parametrize("name, flags", FOLDER_PATHS)
def test_output_of_a_folder(name, flags, folder, tool, run):
    """Complete, or an error that names the path."""
    for path, reason in (("nowhere/out", "No such file"), ("/dev/full", os.strerror(28))):
        status, out, err = run([tool(name), *flags, path], cwd=folder)
        assert (status, out) == (4, b"") and path in message_of(err, name) and reason in err
    assert run([tool(name), *flags, "out"], cwd=folder) == (0, b"", "")
    assert (folder / "out").read_bytes()[:4] == (b"summ" if name == "leccalc" else b"PAR1")


@needs_arrow
def test_katparquet_on_damaged_files(folder, tool, run):
    command = [tool("katparquet"), "-m", "-o", "out", "tables/melt_P1.parquet", "tables/melt_P2.parquet"]
    path = folder / "tables" / "melt_P2.parquet"
    data = path.read_bytes()
    for wrong in (data[:-1], data[: len(data) // 2], b"", (folder / "tables" / "elt_P1.csv").read_bytes()):
        path.write_bytes(wrong)
        status, out, err = run(command, cwd=folder)
        assert (status, out) == (
            1,
            b"",
        ) and "tables/melt_P2.parquet: not a parquet file, or a damaged" in message_of(err, "katparquet")
    path.unlink()
    status, _, err = run(command, cwd=folder)
    assert status == 3 and "tables/melt_P2.parquet" in message_of(err, "katparquet")
    assert not (folder / "out").exists()


# Output


@pytest.mark.parametrize("name", SCRIPTS)
def test_full_device(name, model, tool):
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            command_of(tool, name),
            input=model.input_of(name),
            stdout=full,
            stderr=subprocess.PIPE,
            cwd=model.root,
            timeout=20,
        )
    assert done.returncode == 4
    assert os.strerror(28) in message_of(done.stderr.decode(), name)


@pytest.mark.parametrize("name", SCRIPTS)
def test_reader_that_has_gone(name, model, tool):
    """Quiet, as if by SIGPIPE, whatever the script that started it does with that signal."""
    for ignored in (False, True):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run(
            command_of(tool, name),
            input=model.input_of(name),
            stdout=writer,
            stderr=subprocess.PIPE,
            cwd=model.root,
            timeout=20,
            restore_signals=not ignored,
        )
        os.close(writer)
        assert (done.returncode, done.stderr) == (-signal.SIGPIPE, b"")


@pytest.mark.parametrize(
    "name, start", [("gultocsv", b"event_id,i"), ("eltcalc -M", b"EventId,Su"), ("pltcalc -S", b"Period,Per")]
)
def test_reader_that_leaves_early(name, start, model, tool):
    """It takes ten bytes and goes while there is more to come than a pipe holds."""
    kind = "loss" if name == "gultocsv" else "summary"
    head = HEADS[kind]
    data = model.data[kind][:head] + model.data[kind][head : packets(kind, model.data[kind])[0][2]] * 20_000
    process = subprocess.Popen(
        command_of(tool, name),
        cwd=model.root,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        feeder = threading.Thread(target=feed, args=(process.stdin, data))
        feeder.start()
        assert process.stdout.read(10) == start
        process.stdout.close()
        feeder.join(20)
        assert process.wait(20) == -signal.SIGPIPE and process.stderr.read() == b""
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@needs_arrow
def test_reader_of_parquet_that_has_gone(model, tool):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [tool("eltcalc"), "-m", "/dev/stdout"],
        input=model.data["summary"],
        stdout=writer,
        stderr=subprocess.PIPE,
        cwd=model.root,
        timeout=20,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (-signal.SIGPIPE, b"")


def feed(pipe, data):
    try:
        pipe.write(data)
        pipe.close()
    except BrokenPipeError:
        pass


@pytest.mark.parametrize("name", SCRIPTS)
def test_appending(name, model, tool, folder):
    """>> keeps what the file had."""
    with open(folder / "out", "wb") as file:
        file.write(b"before")
    with open(folder / "out", "ab") as file:
        subprocess.run(
            command_of(tool, name),
            input=model.input_of(name),
            stdout=file,
            cwd=folder,
            check=True,
            timeout=20,
        )
    got = (folder / "out").read_bytes()
    assert got.startswith(b"before") and len(got) > 10


@pytest.mark.parametrize("name", SCRIPTS)
def test_closed_descriptors(name, model, tool, run):
    """<&- is input that cannot be read, >&- output that cannot be written; no other file takes their
    place."""
    command = command_of(tool, name)
    status, out, err = run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *command], model.input_of(name), cwd=model.root
    )
    assert (status, out) == (4, b"") and message_of(err, name)
    if SCRIPTS[name][1]:
        status, out, err = run(["sh", "-c", 'exec "$@" <&-', "sh", *command], cwd=model.root)
        assert (status, out) == (3, b"") and message_of(err, name)


# Flags whose last one is followed by a path, and how the function writes there
FILE_OUTPUTS = {
    "gulcalc": ([f"-S{SAMPLES}", "-a1", "-i"], BY_NAME["gulcalc"].call),
    "summarycalc": (["-m", "-i", "-1"], BY_NAME["summarycalc"].call),
    "eltcalc": (["-M"], BY_NAME["eltcalc -M"].call),
    "pltcalc": (["-S"], BY_NAME["pltcalc -S"].call),
    "leccalc": (["-F"], BY_NAME["leccalc"].call),
    "ordleccalc": (["-F", "-O"], BY_NAME["ordleccalc"].call),
}
PARQUET_OUTPUTS = {
    "eltcalc": (["-m"], lambda s, t, root: stages.eltcalc(s, moment_parquet=t, root=root)),
    "pltcalc": (["-q"], lambda s, t, root: stages.pltcalc(s, quantile_parquet=t, root=root)),
    "summarycalctocsv": (["-p"], lambda s, t, root: stages.summarycalctocsv(s, parquet=t)),
    "ordleccalc": (
        ["-F", "-P"],
        lambda s, t, root: ktc.ordleccalc(s, ["aep_full_uncertainty"], ept_parquet=t, root=root),
    ),
}
PATHS = [
    pytest.param(name, *output, marks=marks, id=f"{name} {output[0][-1]}")
    for outputs, marks in ((FILE_OUTPUTS, ()), (PARQUET_OUTPUTS, needs_arrow))
    for name, output in outputs.items()
]


@pytest.mark.parametrize("name, flags, call", PATHS)
def test_missing_output_folder(name, flags, call, folder, model, tool, run):
    status, out, err = run([tool(name), *flags, "nowhere/out.bin"], model.input_of(name), cwd=folder)
    assert (status, out) == (4, b"") and "nowhere/out.bin" in message_of(err, name)


@pytest.mark.parametrize("name, flags, call", PATHS)
def test_file_is_complete_or_as_it_was(name, flags, call, folder, model, tool, run):
    out, data = folder / "out.bin", model.input_of(name)
    listing = sorted(os.listdir(folder))
    command = [tool(name), *flags, "out.bin"]
    assert run(command, data[:-3], cwd=folder)[0] == 1
    assert sorted(os.listdir(folder)) == listing
    out.write_bytes(b"earlier")
    assert run(command, data[:-3], cwd=folder)[0] == 1
    assert sorted(os.listdir(folder)) == sorted([*listing, "out.bin"]) and out.read_bytes() == b"earlier"
    assert run(command, data, cwd=folder) == (0, b"", "")
    call(data, folder / "again.bin", str(model.root))
    assert out.read_bytes() == (folder / "again.bin").read_bytes() and out.stat().st_size > 100


@pytest.mark.parametrize("name, flags, call", PATHS)
def test_full_device_by_its_path(name, flags, call, model, tool, run):
    status, out, err = run([tool(name), *flags, "/dev/full"], model.input_of(name), cwd=model.root)
    assert (status, out) == (4, b"") and os.strerror(28) in message_of(err, name)


@pytest.mark.parametrize("name, flags, call", [path for path in PATHS if path.values[0] in TABLES])
def test_disk_that_fills_up(name, flags, call, folder, model, tool, run):
    """Beyond so many KiB a file cannot grow: an error with the path, and no part of the file stays."""
    listing = sorted(os.listdir(folder))
    data = model.data["summary"]
    data = data[:12] + data[12 : packets("summary", data)[0][2]] * 20_000
    command = ["bash", "-c", 'ulimit -f 16; exec "$@"', "bash", tool(name), *flags, "out.bin"]
    status, out, err = run(command, data, cwd=folder)
    assert (status, out) == (4, b"") and "out.bin: byte " in message_of(err, name) and os.strerror(27) in err
    assert sorted(os.listdir(folder)) == listing


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name, flags, call", [path for path in PATHS if path.id != "summarycalctocsv -p"])
def test_interrupt(name, flags, call, number, folder, model, tool):
    """Ctrl-C or kill ends a script that waits for input: quietly, by the signal, and without a trace of its
    output."""
    listing = sorted(os.listdir(folder))
    process = subprocess.Popen(
        [tool(name), *flags, "out.bin"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=folder,  # a shell's background jobs ignore Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        process.stdin.write(model.input_of(name)[:-3])
        process.stdin.flush()
        patience = time.monotonic() + 20
        while sorted(os.listdir(folder)) == listing and time.monotonic() < patience:
            time.sleep(0.01)
        time.sleep(0.1)
        process.send_signal(number)
        _, err = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, err) == (-number, b"")
    assert sorted(os.listdir(folder)) == listing


def test_null_device_twice(folder, model, tool, run):
    command = [tool("gulcalc"), "-S2", "-a0", "-i", "/dev/null", "-c", "/dev/null"]
    assert run(command, model.input_of("gulcalc"), cwd=folder) == (0, b"", "")


def test_empty_path(folder, model, tool, run):
    status, _out, err = run([tool("summarycalc"), "-i", "-1", ""], model.input_of("summarycalc"), cwd=folder)
    assert (status, err) == (4, "summarycalc: error: an empty path cannot be written to\n")


def test_standard_output_by_its_path(folder, model, tool):
    """/dev/stdout is what the shell opened: appended to where >> opened it."""
    data = model.input_of("summarycalc")
    (folder / "out.bin").write_bytes(b"before")
    with open(folder / "out.bin", "ab") as out:
        subprocess.run(
            [tool("summarycalc"), "-i", "-1", "/dev/stdout"], input=data, stdout=out, cwd=folder, check=True
        )
    assert (folder / "out.bin").read_bytes() == b"before" + model.through(BY_NAME["summarycalc"], data)


def test_outputs_are_opened_before_anything_can_fail(folder, model, tool):
    """Who waits at the other end of a named pipe sees it end when a table is missing."""
    os.unlink(folder / "input" / "items.bin")
    os.mkfifo(folder / "pipe")
    reader = subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE, cwd=folder)
    try:
        gulcalc = subprocess.run(
            [tool("gulcalc"), "-S2", "-a0", "-i", "-", "-c", "pipe"],
            input=model.input_of("gulcalc"),
            cwd=folder,
            capture_output=True,
            timeout=20,
        )
        assert gulcalc.returncode == 3 and b"items.bin" in gulcalc.stderr
        assert reader.communicate(timeout=20)[0] == b""
    finally:
        reader.kill()
        reader.wait()


# Logs

# The file that a script reads where that is not standard input
READS_FILE = {
    "eve": "input/events.bin",
    "aalcalc": "work/run/summary_P1.bin",
    "aalcalcmeanonly": "work/run/summary_P2.bin",
}


@pytest.mark.parametrize("name", LOGGED)
def test_log(name, folder, model, tool):
    """Two lines on success; on failure no line that says finish."""
    (folder / "log").mkdir()
    for cut in (False, True):
        data = model.input_of(name)[: -3 if cut else None]
        if cut and name in READS_FILE:
            path = folder / READS_FILE[name]
            path.write_bytes(path.read_bytes()[:-3])
        process = subprocess.Popen(
            command_of(tool, name),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=folder,
        )
        process.communicate(data, timeout=20)
        lines = (folder / "log" / f"{name}_{process.pid}.log").read_text().splitlines()
        assert lines[0] == f"INFO:{name}:{process.pid}:starting process.."
        if cut:
            assert process.returncode == 1 and not any("finish" in line for line in lines)
        else:
            assert lines[1:] == [f"INFO:{name}:{process.pid}:finishing process.."]


@pytest.mark.parametrize("name", ["pltcalc", "summarycalctocsv", "kat"])
def test_no_log(name, folder, model, tool, run):
    """As in ktools; who counts `finish` lines counts on it."""
    (folder / "log").mkdir()
    assert run(command_of(tool, name), model.input_of(name), cwd=folder)[0] == 0
    assert os.listdir(folder / "log") == []


def test_usage(model, tool, run):
    """Status 2, nothing read or written."""
    for command in (
        ["eve", "1"],
        ["eve", "3", "2"],
        ["eve", "0", "2"],
        ["gulcalc", "-S3"],
        ["gulcalc", "-Sx", "-i", "-"],
        ["summarycalc", "-i"],
        ["summarycalc", "-1", "-"],
        ["summarycalc", "-i", "-f", "-1", "-"],
        ["summarycalc", "-i", "-1", "a", "-1", "b"],
        ["summarycalc", "-i", "-1", "-", "-2", "-"],
        ["eltcalc", "--nonsense"],
        ["gultocsv", "operand", "-q"],
        ["gultobin"],
        ["summarycalctobin", "-S"],
        ["correlationtobin", "operand"],
        ["eltcalc", "-M"],
        ["pltcalc", "-S"],
        ["leccalc"],
        ["leccalc", "-K", "run"],
        ["leccalc", "-F"],
        ["leccalc", "-F", "-", "-K", "run", "--memory", "0"],
        ["ordleccalc"],
        ["ordleccalc", "-O", "-"],
        ["ordleccalc", "-F"],
        ["ordleccalc", "-W"],
        ["aalcalc"],
        ["aalcalc", "-K", "run", "-l", "2"],
        ["aalcalc", "-K", "run", "--memory", "x"],
        ["aalcalcmeanonly"],
        ["summaryindex"],
        ["kat"],
        ["katparquet"],
        ["katparquet", "-m", "-o", "x"],
        ["katparquet", "-m", "-M", "-o", "x", "y"],
        ["katparquet", "-m", "y"],
        ["fmcalc", "-a", "2147483648"],
        ["fmcalc", "-a", "9" * 20],
        ["eve", "1", "4294967296"],
        ["footprinttobin", "-i", "9" * 5000],
    ):
        status, out, err = run([tool(command[0]), *command[1:]], cwd=model.root)
        assert (status, out) == (2, b"") and message_of(err, command[0]), command
    assert sorted(os.listdir(model.root)) == ["input", "static", "tables", "work"]


def test_a_name_that_is_not_printable(folder, tool, run):
    """A message is one line, also about what is wrong in such a file."""
    shutil.copy(folder / "tables" / "elt_P1.csv", folder / "a\nb")
    (folder / "tables" / "elt_P2.csv").write_bytes(b"1,1\n")
    status, _, err = run([tool("kat"), "a\nb", "tables/elt_P2.csv"], cwd=folder)
    assert status == 1 and "elt_P2.csv: line 1" in message_of(err, "kat")
    (folder / "a\nb").write_bytes(b"x,y\n1,1\n")
    assert r"a\nb: line 2: " in message_of(run([tool("kat"), "a\nb"], cwd=folder)[2], "kat")
    with pytest.raises(InputError, match=r"no\\nfile: cannot open"):
        stages.eltcalc("no\nfile")


def test_every_error_has_its_status():
    assert {cls.__name__: cls.status for cls in KtcError.__subclasses__()} == {
        "DataError": 1,
        "UsageError": 2,
        "InputError": 3,
        "OutputError": 4,
    }
