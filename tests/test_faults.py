"""What goes wrong around the stages: input that is cut, wrong or missing, output that fails, readers that leave.

Every script is held to the same rules: exit status 1 for bad data, 3 for a missing file, 4 for output that cannot be
written, SIGPIPE when the reader has gone; one line on standard error that names the place; whole events or nothing on a
pipe; a regular file complete or not at all.
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
from models import make, write

import ktc
from ktc import stages
from ktc.errors import DataError, KtcError, TruncatedError
from ktc.schemas.streams import COVERAGE, ITEM, LOSS, SUMMARY

SAMPLES = 3


def record_end(data, at):
    """Places in a packet of losses behind `at` where a record ends, with their sidx; the last is the packet's end."""
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
    at, head = {"cdf": (4, 16), "loss": (8, 8), "summary": (12, 12)}[kind]
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
    """A stage as a function of bytes and as a script with its arguments."""

    def __init__(self, name, reads, arguments, call):
        self.name, self.reads, self.arguments, self.call = name, reads, arguments, call

    def __repr__(self):
        return self.name


STAGES = [
    Stage("getmodel", "events", [], lambda s, t, root: stages.getmodel(s, t, root=root)),
    Stage("gulcalc", "cdf", [f"-S{SAMPLES}", "-a1", "-i", "-"],
          lambda s, t, root: stages.gulcalc(s, item=t, sample_size=SAMPLES, alloc_rule=1, root=root)),
    Stage("fmcalc", "loss", ["-a2"], lambda s, t, root: stages.fmcalc(s, t, alloc_rule=2, root=root)),
    Stage("summarycalc", "loss", ["-i", "-1", "-"],
          lambda s, t, root: stages.summarycalc(s, {1: t}, item=True, root=root)),
    Stage("eltcalc", "summary", [], lambda s, t, root: stages.eltcalc(s, t)),
    Stage("cdftocsv", "cdf", [], lambda s, t, root: stages.cdftocsv(s, t)),
    Stage("gultocsv", "loss", [], lambda s, t, root: stages.gultocsv(s, t)),
    Stage("fmtocsv", "loss", [], lambda s, t, root: stages.fmtocsv(s, t)),
    Stage("summarycalctocsv", "summary", [], lambda s, t, root: stages.summarycalctocsv(s, t)),
]
BY_NAME = {stage.name: stage for stage in STAGES}
READERS = [stage for stage in STAGES if stage.reads != "events"]
# name: arguments and what it reads, of every script that these tests start
SCRIPTS = {"eve": (["-n", "1", "1"], None), **{s.name: (s.arguments, s.reads) for s in STAGES},
           "itemtobin": ([], "csv"), "itemtocsv": ([], "items")}
LOGGED = ("eve", "getmodel", "gulcalc", "fmcalc", "summarycalc", "eltcalc")


def insurance(model):
    """A programme for the items of a model: by coverage, then all in two layers."""
    coverages = range(1, len(model.tiv) + 1)
    return programmes.Programme(
        programme=[(item[0], 1, item[1]) for item in model.items] + [(coverage, 2, 1) for coverage in coverages],
        policytc=[(1, coverage, 1, 1) for coverage in coverages] + [(2, 1, 1, 2), (2, 1, 2, 3)],
        profiles=[(1, 12, 5.0, *[0.0] * 7), (2, 2, 0.0, 0, 0, 20.0, 200.0, 0.5, 0, 0), (3, 100, *[0.0] * 8)],
        xref=[(10 * layer + item[0], item[0], layer) for item in model.items for layer in (1, 2)])


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
        (root / "input" / "fm_profile_step.bin").write_bytes(programmes.pack_rows(programmes.PROFILE_STEP, (
            (*profile, 1, *[0.0] * 7) for profile in plain.profiles)))
        shutil.copy(root / "input" / "gulsummaryxref.bin", root / "input" / "fmsummaryxref.bin")
        self.data = {"events": (root / "input" / "events.bin").read_bytes()}
        for name, gives in (("getmodel", "cdf"), ("gulcalc", "loss"), ("summarycalc", "summary")):
            self.data[gives] = self.through(BY_NAME[name], self.data[BY_NAME[name].reads])
        self.data["items"] = (root / "input" / "items.bin").read_bytes()
        self.data["csv"] = b"item_id,coverage_id,areaperil_id,vulnerability_id,group_id\n1,1,4,8,1\n2,1,5,8,1\n"
        for kind in ("events", "cdf", "loss", "summary"):
            assert len({packet[0] for packet in packets(kind, self.data[kind])}) > 2

    def through(self, stage, data, out=None):
        out = io.BytesIO() if out is None else out
        stage.call(data, out, str(self.root))
        return out.getvalue()

    def input_of(self, name):
        return self.data.get(SCRIPTS[name][1], b"")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return Run(tmp_path_factory.mktemp("model"))


@pytest.fixture
def folder(tmp_path, model):
    """A folder of its own for a run that changes files."""
    for name in ("input", "static"):
        shutil.copytree(model.root / name, tmp_path / name)
    return tmp_path


def message_of(stderr, name):
    """The one line that a script leaves behind."""
    lines = stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith(f"{name}: error: "), stderr
    return lines[0]


# Cut input

@pytest.mark.parametrize("stage", STAGES, ids=repr)
def test_cut_at_every_byte(stage, model):
    """An error that names the place, and whole events before it; the few cuts that a format cannot show are known."""
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
    status, out, err = run([tool(name), *SCRIPTS[name][0]], data[:-3], cwd=model.root)
    assert status == 1 and f"standard input: byte {len(data) - 3}: " in message_of(err, name)
    assert model.through(BY_NAME[name], data).startswith(out)


@pytest.mark.parametrize("name", ["gulcalc", "fmcalc", "summarycalc"])
def test_large_output_before_a_cut_is_whole_events(name, model):
    """More than a buffer: what the reader got ends where an event ends."""
    stage = BY_NAME[name]
    kind, head = stage.reads, {"cdf": 4, "loss": 8}[stage.reads]
    found = packets(kind, model.data[kind])
    last = next(p for p in found[::-1] if p[0] != found[-1][0])
    body = model.data[kind][head:last[2]]               # events in full, so that they can be repeated
    data = model.data[kind][:head] + body * (400_000 // len(model.through(stage, model.data[kind])) + 400)
    whole, out = model.through(stage, data), io.BytesIO()
    assert len(whole) > 1 << 18
    with pytest.raises(TruncatedError):
        model.through(stage, data + body[:9], out)
    got = out.getvalue()
    assert whole.startswith(got) and len(got) > len(whole) - 4096
    if name != "gulcalc":
        packets("summary" if name == "summarycalc" else "loss", got)        # parses to its end


@pytest.mark.parametrize("stage", STAGES, ids=repr)
def test_one_byte_at_a_time(stage, model):
    class Slow(io.BytesIO):
        def readinto(self, room):
            return super().readinto(memoryview(room)[:1])

    data = model.data[stage.reads]
    out = io.BytesIO()
    stage.call(Slow(data), out, str(model.root))
    assert out.getvalue() == model.through(stage, data)


@pytest.mark.parametrize("name", ["gulcalc", "fmcalc", "summarycalctocsv"])
def test_script_on_a_slow_pipe(name, model, tool):
    found = packets(SCRIPTS[name][1], model.input_of(name))
    data = model.input_of(name)[:max(end for _, _, end, _ in found if end <= 600)]
    with subprocess.Popen([tool(name), *SCRIPTS[name][0]], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          cwd=model.root, bufsize=0) as process:
        for k in range(len(data)):
            process.stdin.write(data[k:k + 1])
        process.stdin.close()
        assert process.stdout.read() == model.through(BY_NAME[name], data)
    assert process.returncode == 0


# Nothing, or the wrong thing

@pytest.mark.parametrize("name", [stage.name for stage in READERS])
def test_no_bytes_at_all(name, model, tool, run):
    status, out, err = run([tool(name), *SCRIPTS[name][0]], b"", cwd=model.root)
    assert status == 1 and "standard input: byte 0: the input ends inside the stream header" in message_of(err, name)
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


@pytest.mark.parametrize("stage, given", [(stage, given) for stage in READERS
                                          for given in ("cdf", "loss", "summary", "text") if given != stage.reads])
def test_another_stream(stage, given, model):
    data, out = b"event_id,item_id\n1,2\n" if given == "text" else model.data[given], io.BytesIO()
    with pytest.raises(DataError, match=r"byte 0: this is (an?|no) .*stream.*, expected an? .* stream"):
        model.through(stage, data, out)
    assert out.getvalue() == b""


@pytest.mark.parametrize("name, given", [("gulcalc", "loss"), ("fmcalc", "summary"), ("fmtocsv", "cdf"),
                                         ("summarycalc", "cdf"), ("eltcalc", "loss")])
def test_script_on_another_stream(name, given, model, tool, run):
    status, out, err = run([tool(name), *SCRIPTS[name][0]], model.data[given], cwd=model.root)
    assert (status, out) == (1, b"") and "standard input: byte 0: this is a" in message_of(err, name)


@pytest.mark.parametrize("flag, kind", [("item", COVERAGE), ("item", ITEM), ("fm", ITEM), ("fm", SUMMARY),
                                        ("coverage", LOSS), ("legacy_item", LOSS)])
def test_losses_by_another_key(flag, kind, model):
    with pytest.raises(DataError, match="byte 0: this is a"):
        stages.summarycalc(struct.pack("<Ii", kind, 1), {1: io.BytesIO()}, root=str(model.root), **{flag: True})


# Numbers out of range

@pytest.mark.parametrize("sidx", [SAMPLES + 1, 2**31 - 1, -6, -2**31])
@pytest.mark.parametrize("name", ["fmcalc", "summarycalc", "gultocsv", "fmtocsv", "eltcalc", "summarycalctocsv"])
def test_sample_beyond_the_sample_size(name, sidx, model):
    stage = BY_NAME[name]
    at = 16 if stage.reads == "loss" else 24
    head = model.data[stage.reads][:at]
    with pytest.raises(DataError, match=rf"byte {at + 8}: event \d+.*: sidx {sidx}, expected -5 to {SAMPLES}"):
        model.through(stage, head + struct.pack("<ififif", -1, 1.0, sidx, 1.0, 0, 0.0))


@pytest.mark.parametrize("size", [-2, -2**31, 2**31 - 1])
@pytest.mark.parametrize("name", ["fmcalc", "summarycalc", "gultocsv", "fmtocsv", "eltcalc", "summarycalctocsv"])
def test_sample_size_out_of_range(name, size, model):
    stage = BY_NAME[name]
    data = bytearray(model.data[stage.reads])
    struct.pack_into("<i", data, 4, size)
    with pytest.raises(DataError, match=f"byte 4: the sample size is {size}"):
        model.through(stage, bytes(data))


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
@pytest.mark.parametrize("sidx", [-3, -1, 1, SAMPLES])
def test_losses_that_are_no_numbers(sidx, loss, model):
    """In the financial module, where sums and shares would make all losses of an event NaN."""
    others = [s for s in (-3, -1, *range(1, SAMPLES + 1)) if s != sidx]
    for records in ([(sidx, loss)], [(s, 1.0 if s != sidx else loss) for s in sorted([*others, sidx])]):
        data = programmes.encode([(1, 2, [(-1, 3.0)]), (7, 2, records)], SAMPLES)
        out = io.BytesIO()
        with pytest.raises(DataError, match=f"event 7, item 2, sidx {sidx}: a loss of {loss}, expected a number"):
            model.through(BY_NAME["fmcalc"], data, out)
        assert out.getvalue() == model.through(BY_NAME["fmcalc"], programmes.encode([(1, 2, [(-1, 3.0)])], SAMPLES))


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
    ended = model.data["loss"] + bytes(8)               # gulcalc leaves the last terminator out
    data = ended + struct.pack("<2iifif", 99, item, -1, 1.0, 0, 0.0)
    status, out, err = run([tool("fmcalc"), *SCRIPTS["fmcalc"][0]], data, cwd=model.root)
    assert status == 1 and f"event 99: item {item} is not in input/fm_programme.bin" in message_of(err, "fmcalc")
    assert out == model.through(BY_NAME["fmcalc"], ended)       # the events before it


@pytest.mark.parametrize("seed", range(16))
def test_flipped_bits(seed, tmp_path):
    """fmcalc on tables and streams with a few bits flipped: losses that are numbers, or an error of one line."""
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
                stages.fmcalc(bytes(broken) if name == "stream" else whole["stream"], out, input_path=str(folder),
                              alloc_rule=seed // 2 % 4, stepped=stepped, net=case % 3 == 0)
            except (DataError, MemoryError) as error:           # some ids ask for more memory than a machine may have
                refused += 1
                assert "\n" not in str(error)
            else:
                for block in ktc.read_stream(out.getvalue()):
                    assert np.isfinite(block.loss).all() and (block.loss >= 0).all()
        if name != "stream":
            name.write_bytes(data)
    assert 5 < refused < 40


# Files that are missing or cut

FILES = [("eve", "input/events.bin"), ("getmodel", "input/items.bin"), ("getmodel", "static/damage_bin_dict.bin"),
         ("getmodel", "static/footprint.bin"), ("getmodel", "static/footprint.idx"),
         ("getmodel", "static/vulnerability.bin"), ("gulcalc", "input/items.bin"),
         ("gulcalc", "input/coverages.bin"), ("gulcalc", "static/damage_bin_dict.bin"),
         ("gulcalc -r", "static/random.bin"),
         *(("fmcalc", f"input/{name}.bin") for name in ("fm_programme", "fm_policytc", "fm_profile", "items")),
         ("fmcalc -S", "input/fm_profile_step.bin"), ("summarycalc", "input/gulsummaryxref.bin")]


@pytest.mark.parametrize("name, file", FILES)
def test_missing_file(name, file, folder, model, tool, run):
    name, *flags = name.split()
    os.unlink(folder / file)
    status, out, err = run([tool(name), *flags, *SCRIPTS[name][0]], model.input_of(name), cwd=folder)
    assert (status, out) == (3, b"") and file in message_of(err, name)


@pytest.mark.parametrize("name, file", FILES)
def test_cut_file(name, file, folder, model, tool, run):
    name, *flags = name.split()
    path = folder / file
    path.write_bytes(path.read_bytes()[:-1])
    status, out, err = run([tool(name), *flags, *SCRIPTS[name][0]], model.input_of(name), cwd=folder)
    assert status == 1 and file in message_of(err, name)
    if name in BY_NAME:
        assert model.through(BY_NAME[name], model.input_of(name)).startswith(out)
    else:
        assert out == b""


@pytest.mark.parametrize("name, file", FILES)
def test_folder_in_the_place_of_a_file(name, file, folder, model, tool, run):
    name, *flags = name.split()
    os.unlink(folder / file)
    os.mkdir(folder / file)
    status, out, err = run([tool(name), *flags, *SCRIPTS[name][0]], model.input_of(name), cwd=folder)
    assert (status, out) == (3, b"") and file in message_of(err, name)


# Output

@pytest.mark.parametrize("name", SCRIPTS)
def test_full_device(name, model, tool):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([tool(name), *SCRIPTS[name][0]], input=model.input_of(name), stdout=full,
                              stderr=subprocess.PIPE, cwd=model.root, timeout=20)
    assert done.returncode == 4
    assert os.strerror(28) in message_of(done.stderr.decode(), name)


@pytest.mark.parametrize("name", SCRIPTS)
def test_reader_that_has_gone(name, model, tool):
    """Quiet, as if by SIGPIPE, whatever the script that started it does with that signal."""
    for ignored in (False, True):
        reader, writer = os.pipe()
        os.close(reader)
        done = subprocess.run([tool(name), *SCRIPTS[name][0]], input=model.input_of(name), stdout=writer,
                              stderr=subprocess.PIPE, cwd=model.root, timeout=20, restore_signals=not ignored)
        os.close(writer)
        assert (done.returncode, done.stderr) == (-signal.SIGPIPE, b"")


def test_reader_that_leaves_early(model, tool):
    """It takes ten bytes and goes while there is more to come than a pipe holds."""
    data = model.data["loss"][:8] + model.data["loss"][8:packets("loss", model.data["loss"])[0][2]] * 20_000
    process = subprocess.Popen([tool("gultocsv")], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    try:
        feeder = threading.Thread(target=feed, args=(process.stdin, data))
        feeder.start()
        assert process.stdout.read(10) == b"event_id,i"
        process.stdout.close()
        feeder.join(20)
        assert process.wait(20) == -signal.SIGPIPE and process.stderr.read() == b""
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


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
        subprocess.run([tool(name), *SCRIPTS[name][0]], input=model.input_of(name), stdout=file, cwd=folder, check=True,
                       timeout=20)
    got = (folder / "out").read_bytes()
    assert got.startswith(b"before") and len(got) > 10


@pytest.mark.parametrize("name", SCRIPTS)
def test_closed_descriptors(name, model, tool, run):
    """<&- is input that cannot be read, >&- output that cannot be written; no other file takes their place."""
    command = [tool(name), *SCRIPTS[name][0]]
    status, out, err = run(["sh", "-c", 'exec "$@" >&-', "sh", *command], model.input_of(name), cwd=model.root)
    assert (status, out) == (4, b"") and message_of(err, name)
    if SCRIPTS[name][1]:
        status, out, err = run(["sh", "-c", 'exec "$@" <&-', "sh", *command], cwd=model.root)
        assert (status, out) == (3, b"") and message_of(err, name)


FILE_OUTPUTS = {"gulcalc": [f"-S{SAMPLES}", "-a1", "-i"], "summarycalc": ["-m", "-i", "-1"]}


@pytest.mark.parametrize("name", FILE_OUTPUTS)
def test_missing_output_folder(name, folder, model, tool, run):
    status, out, err = run([tool(name), *FILE_OUTPUTS[name], "nowhere/out.bin"], model.input_of(name), cwd=folder)
    assert (status, out) == (4, b"") and "nowhere/out.bin" in message_of(err, name)


@pytest.mark.parametrize("before", [None, b"earlier"])
@pytest.mark.parametrize("name", FILE_OUTPUTS)
def test_file_is_complete_or_as_it_was(name, before, folder, model, tool, run):
    out, data = folder / "out.bin", model.input_of(name)
    listing = sorted(os.listdir(folder) + ["out.bin"] * (before is not None))
    if before is not None:
        out.write_bytes(before)
    command = [tool(name), *FILE_OUTPUTS[name], "out.bin"]
    assert run(command, data[:-3], cwd=folder)[0] == 1
    assert sorted(os.listdir(folder)) == listing and (before is None or out.read_bytes() == before)
    assert run(command, data, cwd=folder) == (0, b"", "")
    assert out.read_bytes() == model.through(BY_NAME[name], data)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", FILE_OUTPUTS)
def test_interrupt(name, number, folder, model, tool):
    """Ctrl-C or kill ends a script that waits for input: quietly, by the signal, and without a trace of its output."""
    listing = sorted(os.listdir(folder))
    process = subprocess.Popen([tool(name), *FILE_OUTPUTS[name], "out.bin"], stdin=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=folder)
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
    status, out, err = run([tool("summarycalc"), "-i", "-1", ""], model.input_of("summarycalc"), cwd=folder)
    assert (status, err) == (4, "summarycalc: error: an empty path cannot be written to\n")


def test_standard_output_by_its_path(folder, model, tool):
    """/dev/stdout is what the shell opened: appended to where >> opened it."""
    data = model.input_of("summarycalc")
    (folder / "out.bin").write_bytes(b"before")
    with open(folder / "out.bin", "ab") as out:
        subprocess.run([tool("summarycalc"), "-i", "-1", "/dev/stdout"], input=data, stdout=out, cwd=folder, check=True)
    assert (folder / "out.bin").read_bytes() == b"before" + model.through(BY_NAME["summarycalc"], data)


def test_outputs_are_opened_before_anything_can_fail(folder, model, tool):
    """Who waits at the other end of a named pipe sees it end when a table is missing."""
    os.unlink(folder / "input" / "items.bin")
    os.mkfifo(folder / "pipe")
    reader = subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE, cwd=folder)
    try:
        gulcalc = subprocess.run([tool("gulcalc"), "-S2", "-a0", "-i", "-", "-c", "pipe"], input=model.input_of("gulcalc"),
                                 cwd=folder, capture_output=True, timeout=20)
        assert gulcalc.returncode == 3 and b"items.bin" in gulcalc.stderr
        assert reader.communicate(timeout=20)[0] == b""
    finally:
        reader.kill()
        reader.wait()


# Logs

@pytest.mark.parametrize("name", LOGGED)
def test_log(name, folder, model, tool):
    """Two lines on success; on failure no line that says finish."""
    (folder / "log").mkdir()
    for data in (model.input_of(name), model.input_of(name)[:-3]):
        if name == "eve" and data == model.input_of(name)[:-3]:
            (folder / "input" / "events.bin").write_bytes(model.data["events"][:-3])
        process = subprocess.Popen([tool(name), *SCRIPTS[name][0]], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, cwd=folder)
        process.communicate(data, timeout=20)
        lines = (folder / "log" / f"{name}_{process.pid}.log").read_text().splitlines()
        assert lines[0] == f"INFO:{name}:{process.pid}:starting process.."
        if process.returncode == 0:
            assert lines[1:] == [f"INFO:{name}:{process.pid}:finishing process.."]
        else:
            assert process.returncode == 1 and not any("finish" in line for line in lines)
        if name == "eve":
            (folder / "input" / "events.bin").write_bytes(model.data["events"][:-3])
    assert process.returncode == 1


def test_usage(model, tool, run):
    """Status 2, nothing read or written."""
    for command in (["eve", "1"], ["eve", "3", "2"], ["eve", "0", "2"], ["gulcalc", "-S3"],
                    ["gulcalc", "-Sx", "-i", "-"], ["summarycalc", "-i"], ["summarycalc", "-1", "-"],
                    ["summarycalc", "-i", "-f", "-1", "-"],
                    ["summarycalc", "-i", "-1", "a", "-1", "b"], ["summarycalc", "-i", "-1", "-", "-2", "-"],
                    ["eltcalc", "--nonsense"], ["gultocsv", "operand"]):
        status, out, err = run([tool(command[0]), *command[1:]], cwd=model.root)
        assert (status, out) == (2, b"") and message_of(err, command[0]), command
    assert sorted(os.listdir(model.root)) == ["input", "static"]


def test_every_error_has_its_status():
    assert {cls.__name__: cls.status for cls in KtcError.__subclasses__()} == {
        "DataError": 1, "UsageError": 2, "InputError": 3, "OutputError": 4}
