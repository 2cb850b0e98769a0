"""summaryindex: its three files by hand, and their bytes beside the oracle."""

import os

import numpy as np
import pytest
from support.summaries import random_packets, stream, write_work

import ktc
from ktc.errors import DataError, InputError, TruncatedError, UsageError

NAMES = "filelist.idx", "summaries.idx", "max_summary_id.idx"


def index(root, function=None):
    (function or (lambda: ktc.summaryindex("run", root=root)))()
    found = [root / "work" / "run" / name for name in NAMES]
    content = [path.read_bytes() for path in found]
    for path in found:
        path.unlink()
    return content


def test_by_hand(tmp_path):
    """A header has 12 bytes, as has that of a packet; a record has 8, and the packet's end is one."""
    first = stream(2, [(1, 3, 1.0, [(-1, 1.0), (1, 2.0)]), (1, 5, 1.0, []), (2, 3, 1.0, [(1, 1.0)])])
    second = stream(2, [(3, 3, 1.0, [(1, 1.0)]), (3, -1, 1.0, [(1, 1.0)])])
    write_work(tmp_path, [first, second])
    names = [entry.name for entry in os.scandir(tmp_path / "work" / "run")]
    one, two = names.index("summary_P1.bin"), names.index("summary_P2.bin")
    of_3 = sorted([(one, 12), (one, 68), (two, 12)])
    lines = [f"-1, {two}, 40", *(f"3, {file}, {offset}" for file, offset in of_3), f"5, {one}, 48"]
    assert [text.decode() for text in index(tmp_path)] == [
        "".join(f"{name}\n" for name in names),
        "".join(f"{line}\n" for line in lines),
        "5",
    ]
    write_work(tmp_path, [stream(0, []), stream(0, [(1, -7, 1.0, [])])])
    assert index(tmp_path)[1:] == [f"-7, {two}, 12\n".encode(), b"0"]


@pytest.mark.parametrize("files", [1, 4])
def test_like_ktools(oracle, tool, run, tmp_path, files):
    rng = np.random.default_rng(files)
    packets = random_packets(rng, events=80, summaries=[1, 2, 9, 1000000, 2147483647], sample_size=30)
    write_work(tmp_path, [stream(30, [p for p in packets if p[0] % files == part]) for part in range(files)])
    theirs = index(tmp_path, lambda: run([oracle("summaryindex"), "-K", "run"], cwd=tmp_path))
    assert theirs[1].count(b"\n") == len(packets) > 300
    assert index(tmp_path) == theirs
    assert index(tmp_path, lambda: run([tool("summaryindex"), "-K", "run"], cwd=tmp_path)) == theirs


def test_packets_with_a_sample_twice(oracle, run, tmp_path):
    """Offsets are those of the file, though the records of a sample become one."""
    packets = [(1, 3, 1.0, [(1, 1.0), (1, 2.0), (2, 1.0), (1, 4.0)]), (1, 5, 1.0, [(1, 1.0)])]
    write_work(tmp_path, [stream(2, packets)])
    found = index(tmp_path)
    assert found[1] == b"3, 0, 12\n5, 0, 64\n"
    assert index(tmp_path, lambda: run([oracle("summaryindex"), "-K", "run"], cwd=tmp_path)) == found


def test_faults(tool, run, tmp_path):
    """Nothing is written but three whole files."""
    good = stream(1, [(1, 1, 1.0, [(1, 2.0)])])
    folder = write_work(tmp_path, [good, good])
    for data, error in (
        (good[:-1], TruncatedError),
        (good[:4], TruncatedError),
        (b"", TruncatedError),
        (b"\1\0\0\2" + good[4:], DataError),
    ):
        (folder / "summary_P2.bin").write_bytes(data)
        with pytest.raises(error, match="summary_P2.bin"):
            ktc.summaryindex("run", root=tmp_path)
    assert sorted(os.listdir(folder)) == ["summary_P1.bin", "summary_P2.bin"]
    for path in folder.iterdir():
        path.unlink()
    with pytest.raises(InputError, match="no file"):
        ktc.summaryindex("run", root=tmp_path)
    with pytest.raises(InputError, match="cannot read"):
        ktc.summaryindex("other", root=tmp_path)
    with pytest.raises(UsageError, match="-K"):
        ktc.summaryindex(root=tmp_path)
    assert run([tool("summaryindex"), "-K", "other"], cwd=tmp_path)[0] == 3
