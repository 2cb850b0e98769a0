"""The I/O layer and the codec: what goes in comes out, however it arrives; what is wrong is named with its
place."""

import io
import os
import struct
import threading

import pytest

from ktc._core.codec import CdfDecoder, CdfEncoder, EventDecoder, EventEncoder, LossDecoder, LossEncoder
from ktc._core.frames import read_cdfs, read_losses
from ktc._core.io import Mapped, Outputs, Sink, Source
from ktc.errors import DataError, InputError, OutputError, TruncatedError, UsageError
from ktc.schemas import streams
from ktc.streams import read_stream


def cdf_stream(areaperil_bytes="I"):
    """Two events, three cdfs."""
    rows = [
        (1, 10, 100, [(0.5, 0.0), (1.0, 0.25)]),
        (1, 11, 100, [(1.0, 0.5)]),
        (7, 10, 101, [(0.25, 0.1)] * 5),
    ]
    out = struct.pack("<I", streams.CDF)
    for event, area, vulnerability, bins in rows:
        out += struct.pack(f"<i{areaperil_bytes}ii", event, area, vulnerability, len(bins))
        out += b"".join(struct.pack("<ff", *b) for b in bins)
    return out


def packet(event, id, records, end=True, exposure=None):
    head = struct.pack("<ii", event, id) + (b"" if exposure is None else struct.pack("<f", exposure))
    return head + b"".join(struct.pack("<if", *r) for r in records) + (bytes(8) if end else b"")


SPECIAL = [(-5, 9.0), (-3, 10.0), (-2, 1.0), (-1, 2.0)]
LOSSES = (
    struct.pack("<Ii", streams.LOSS, 3)
    + packet(1, 1, SPECIAL + [(1, 1.0), (2, 0.0), (3, 5.0)])
    + packet(1, 2, SPECIAL + [(2, 4.0)])
    + packet(4, 1, SPECIAL)
)
SUMMARIES = (
    struct.pack("<Iii", streams.SUMMARY, 2, 7)
    + packet(1, 1, [(-1, 2.0), (1, 3.0), (2, 1.0)], exposure=10.0)
    + packet(2, 1, [(-1, 2.0)], exposure=10.0)
)


def copied(data, **options):
    """data through a decoder and an encoder of its kind."""
    sink = Sink.memory()
    if struct.unpack_from("<I", data if isinstance(data, bytes) else data.all)[0] == streams.CDF:
        area = options.pop("areaperil_bytes", 4)
        CdfDecoder(Source(data), area, **options).run(CdfEncoder(sink, area))
    else:
        LossDecoder(Source(data), **options).run(LossEncoder(sink))
    return sink.getvalue()


class Trickle(io.RawIOBase):
    """A file that gives one byte at a time."""

    def __init__(self, data):
        self.all, self.at = data, 0

    def readinto(self, room):
        if self.at == len(self.all):
            return 0
        room[:1] = self.all[self.at : self.at + 1]
        self.at += 1
        return 1


STREAMS = {"cdf": cdf_stream(), "losses": LOSSES, "summaries": SUMMARIES}


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("whole_events", [False, True])
def test_round_trip(name, whole_events):
    data = STREAMS[name]
    assert copied(data, whole_events=whole_events) == data
    assert copied(Trickle(data), whole_events=whole_events) == data


def test_wide_areaperils():
    data = cdf_stream("Q").replace(struct.pack("<Q", 11), struct.pack("<Q", 2**63 + 1))
    assert copied(data, areaperil_bytes=8) == data
    assert [block.areaperil_id.tolist() for block in read_cdfs(CdfDecoder(Source(data), 8))] == [
        [10, 2**63 + 1],
        [10],
    ]


@pytest.mark.parametrize("name", STREAMS)
def test_cut_at_every_byte(name):
    """A cut is an error that names its offset, but where the format itself allows an end."""
    data = STREAMS[name]
    legal = {len(data)}
    if name == "cdf":
        legal |= {4, 36, 60}  # between packets, which carry no count
    if name == "losses":
        ends = [8, 80, 136]  # between packets
        # the last packet may lack its terminator, behind the mean or a sample (ktools' gulcalc leaves it out)
        unterminated = [48, 56, 64, 72, 120, 128, 176]
        legal |= set(ends) | set(unterminated)
    if name == "summaries":
        legal |= {12, 56}
    for cut in range(len(data)):
        if cut in legal:
            copied(Cut(data, cut))
        else:
            with pytest.raises(TruncatedError, match=rf"byte {cut}: the input ends inside"):
                copied(Cut(data, cut))


class Cut(io.BytesIO):
    def __init__(self, data, size):
        super().__init__(data[:size])
        self.all = data


def test_whole_events_keeps_a_cut_event_back():
    sink = Sink.memory()
    with pytest.raises(TruncatedError):
        LossDecoder(Source(LOSSES[:100]), whole_events=True).run(LossEncoder(sink))
    assert sink.getvalue() == LOSSES[:8]
    sink = Sink.memory()
    with pytest.raises(TruncatedError):
        CdfDecoder(Source(cdf_stream()[:-3]), whole_events=True).run(CdfEncoder(sink))
    assert sink.getvalue() == cdf_stream()[:60]


def test_blocks_before_a_fault():
    """Events that are whole come out before the error does."""
    for data, given in ((LOSSES[:-17], [(1, 2)]), (SUMMARIES[:-3], [(1, 1)]), (cdf_stream()[:-3], [(1, 2)])):
        found, blocks = [], read_stream(data, whole_events=True)
        with pytest.raises(TruncatedError):
            for block in blocks:
                found.append((block.event_id, len(block)))
        assert found == given


@pytest.mark.parametrize("sidx", [4, -6, 2**31 - 1, -(2**31)])
def test_sidx_out_of_range(sidx):
    bad = LOSSES + packet(9, 3, [(-1, 1.0), (sidx, 1.0)])
    with pytest.raises(
        DataError, match=rf"byte {len(LOSSES) + 16}: event 9, id 3: sidx {sidx}, expected -5 to 3"
    ):
        copied(bad)


@pytest.mark.parametrize("n_bins", [0, -1, 2**31 - 1])
def test_bin_count_out_of_range(n_bins):
    bad = struct.pack("<Iiiii", streams.CDF, 3, 4, 5, n_bins)
    with pytest.raises(
        DataError, match=rf"byte 16: event 3, areaperil 4, vulnerability 5: {n_bins} damage bins"
    ):
        copied(bad)


def test_wrong_header():
    with pytest.raises(DataError, match="byte 0: this is a loss stream, expected a cdf stream"):
        CdfDecoder(Source(LOSSES)).run(CdfEncoder(Sink.memory()))
    with pytest.raises(DataError, match="byte 0: this is a cdf stream, expected a summary stream"):
        LossDecoder(Source(cdf_stream()), kinds=[streams.SUMMARY]).run(LossEncoder(Sink.memory()))
    with pytest.raises(DataError, match="this is not a stream that ktc knows"):
        LossDecoder(Source(b"event_id,")).run(LossEncoder(Sink.memory()))
    with pytest.raises(DataError, match="byte 4: the sample size is -7"):
        LossDecoder(Source(struct.pack("<Ii", streams.LOSS, -7))).run(LossEncoder(Sink.memory()))


def test_gulcalc_form():
    """Rows of one id that follow each other share a packet, and the last packet is open."""
    twice = (
        struct.pack("<Ii", streams.LOSS, 3)
        + packet(1, 1, SPECIAL)
        + packet(1, 1, [(-1, 3.0)])
        + packet(2, 1, SPECIAL)
    )
    sink = Sink.memory()
    LossDecoder(Source(twice)).run(LossEncoder(sink, merge=True))
    assert sink.getvalue() == (
        struct.pack("<Ii", streams.LOSS, 3)
        + packet(1, 1, SPECIAL + [(-1, 3.0)])
        + packet(2, 1, SPECIAL, end=False)
    )


def test_index():
    sink, index = Sink.memory(), Sink.memory()
    LossDecoder(Source(SUMMARIES)).run(LossEncoder(sink, index))
    assert index.getvalue() == b"1,12\n1,56\n"


def test_blocks_as_arrays():
    blocks = list(read_losses(LossDecoder(Source(LOSSES))))
    assert [(b.event_id, b.end_of_event, len(b)) for b in blocks] == [(1, True, 2), (4, True, 1)]
    assert blocks[0].id.tolist() == [1, 2]
    assert blocks[0].start.tolist() == [0, 7, 12]
    assert blocks[0].sidx.tolist() == [-5, -3, -2, -1, 1, 2, 3, -5, -3, -2, -1, 2]
    assert blocks[0].loss.tolist() == [9, 10, 1, 2, 1, 0, 5, 9, 10, 1, 2, 4]
    assert blocks[0].exposure is None
    assert not blocks[0].loss.flags.writeable
    loss = blocks[0].loss
    assert loss.base is not None and loss.ctypes.data == blocks[0].loss.ctypes.data
    first, _ = read_losses(LossDecoder(Source(SUMMARIES)))
    assert first.exposure.tolist() == [10.0]


def test_large_packets():
    """A packet larger than any buffer."""
    n = 200_000
    data = struct.pack("<Ii", streams.LOSS, n) + packet(1, 1, [(s, float(s)) for s in range(1, n + 1)])
    assert copied(data) == data
    (block,) = read_losses(LossDecoder(Source(data)))
    assert block.loss[-1] == n


def test_events():
    for n in (0, 1, 10_000, 70_000):
        data = struct.pack(f"<{n}i", *range(n))
        sink = Sink.memory()
        EventDecoder(Source(data)).run(EventEncoder(sink))
        assert sink.getvalue() == data
    with pytest.raises(TruncatedError, match="byte 6: the input ends inside an event id"):
        EventDecoder(Source(bytes(6))).run(EventEncoder(Sink.memory()))


# --- the I/O layer ---


def test_missing_input(tmp_path):
    for kind in (Source, Mapped):
        with pytest.raises(InputError, match="nowhere.bin: cannot (open|read): No such file"):
            kind(tmp_path / "nowhere.bin")


def test_a_folder_is_no_input(tmp_path):
    with pytest.raises(InputError, match="cannot read: Is a directory"):
        LossDecoder(Source(tmp_path)).run(LossEncoder(Sink.memory()))


def test_text_files_are_refused():
    with pytest.raises(InputError, match="binary mode"):
        LossDecoder(Source(io.StringIO("abc"))).run(LossEncoder(Sink.memory()))


def test_output_appears_complete_or_not_at_all(tmp_path):
    target = tmp_path / "out.bin"
    target.write_bytes(b"before")
    with pytest.raises(TruncatedError), Outputs() as outputs:
        LossDecoder(Source(LOSSES[:-1])).run(LossEncoder(outputs.open(target)))
    assert target.read_bytes() == b"before"
    assert os.listdir(tmp_path) == ["out.bin"]
    with Outputs() as outputs:
        LossDecoder(Source(LOSSES)).run(LossEncoder(outputs.open(target)))
        assert target.read_bytes() == b"before"
    assert target.read_bytes() == LOSSES
    assert os.listdir(tmp_path) == ["out.bin"]


def test_output_through_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "link.bin"
    link.symlink_to(tmp_path / "real" / "out.bin")
    with Outputs() as outputs:
        LossDecoder(Source(LOSSES)).run(LossEncoder(outputs.open(link)))
    assert link.is_symlink() and (tmp_path / "real" / "out.bin").read_bytes() == LOSSES


def test_missing_folder(tmp_path):
    with pytest.raises(OutputError, match="cannot create: No such file"):
        Sink(tmp_path / "none" / "out.bin")


def test_same_output_twice(tmp_path):
    with pytest.raises(UsageError, match="asked for as an output twice"), Outputs() as outputs:
        outputs.open(tmp_path / "a")
        outputs.open(f"{tmp_path}/./a")
    assert os.listdir(tmp_path) == []


@pytest.mark.posix
def test_full_device():
    with (
        pytest.raises(OutputError, match="/dev/full: byte 0: cannot write: No space left"),
        Outputs() as outputs,
    ):
        LossDecoder(Source(LOSSES)).run(LossEncoder(outputs.open("/dev/full")))


@pytest.mark.posix
def test_named_pipe(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    with Outputs() as outputs:
        LossDecoder(Source(LOSSES)).run(LossEncoder(outputs.open(pipe)))
    reader.join()
    assert got == [LOSSES]


def test_file_objects():
    target = io.BytesIO()
    with Outputs() as outputs:
        LossDecoder(Source(io.BytesIO(LOSSES))).run(LossEncoder(outputs.open(target)))
    assert target.getvalue() == LOSSES


def test_coverage_losses_in_the_form_of_a_loss_stream(tool, run):
    """Other vendors' stages may write them; gultocsv reads them as coverages, as ktools does."""
    data = struct.pack("<Ii", 2 << 24 | 2, 1) + packet(1, 7, [(-1, 2.5), (1, 3.25)])
    assert copied(data) == data
    assert run([tool("gultocsv")], data) == (
        0,
        b"event_id,coverage_id,sidx,loss\n1,7,-1,2.50\n1,7,1,3.25\n",
        "",
    )
