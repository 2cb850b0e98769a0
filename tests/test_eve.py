"""eve: shares of the events, byte for byte as ktools deals them out, and together always the whole."""

import io
import struct

import pytest

from ktc.errors import DataError, InputError, UsageError
from ktc.stages import eve

MODES = {"": {}, "-n": {"in_order": True}, "-r": {"fisher_yates": True}, "-R": {"legacy_shuffle": True}}


def events_folder(folder, ids):
    (folder / "input").mkdir(exist_ok=True)
    (folder / "input" / "events.bin").write_bytes(struct.pack(f"<{len(ids)}i", *ids))
    return folder


def share(root, process, total, **mode):
    out = io.BytesIO()
    eve(process, total, out, root=root, **mode)
    return list(struct.unpack(f"<{len(out.getvalue()) // 4}i", out.getvalue()))


@pytest.mark.parametrize(
    "mode, order",
    [
        ("", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ("-n", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
        ("-r", [1, 4, 6, 10, 7, 3, 5, 2, 9, 8]),
        ("-R", [6, 1, 5, 9, 2, 3, 8, 7, 4, 10]),
    ],
)
def test_order_of_ten_events(tmp_path, mode, order):
    assert share(events_folder(tmp_path, range(1, 11)), 1, 1, **MODES[mode]) == order


def test_dealt_and_consecutive_shares(tmp_path):
    root = events_folder(tmp_path, range(1, 11))
    assert [share(root, p, 4) for p in (1, 2, 3, 4)] == [[1, 5, 9], [2, 6, 10], [3, 7], [4, 8]]
    assert [share(root, p, 4, in_order=True) for p in (1, 2, 3, 4)] == [[1, 2, 3], [4, 5, 6], [7, 8], [9, 10]]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, 64, 1001])
@pytest.mark.parametrize("total", [1, 2, 3, 8, 1003])
def test_shares_are_the_whole(tmp_path, mode, n, total):
    ids = [(-1) ** k * (k * 7919 + 5) for k in range(n)]
    root = events_folder(tmp_path, ids)
    parts = [share(root, p, total, **MODES[mode]) for p in range(1, total + 1)]
    assert sorted(sum(parts, [])) == sorted(ids)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "n", [0, 1, 2, 3, 10, 11, 1000, 46340, 46341]
)  # the legacy shuffle changes behind 46340
def test_same_as_ktools(tmp_path, oracle, run, mode, n):
    root = events_folder(tmp_path, [k * 31 - 7 for k in range(n)])
    for process, total in ((1, 1), (1, 2), (2, 2), (3, 7), (7, 7), (5, 13)):
        for text in (False, True):
            args = [oracle("eve"), *filter(None, [mode, "-t" if text else ""]), process, total]
            out = io.BytesIO()
            eve(process, total, out, root=root, text=text, **MODES[mode])
            assert out.getvalue() == run(args, cwd=tmp_path)[1]


@pytest.mark.parametrize("mode", MODES)
def test_an_event_that_comes_twice_counts_once(tmp_path, mode):
    """Its losses would count twice, or rows of it be lost where the tables of processes are merged."""
    distinct = [7, -3, 5, 900, 2, 11]
    twice = [7, -3, 7, 5, 900, 2, 5, 5, 11, -3]
    for total in (1, 2, 4):
        for process in range(1, total + 1):
            assert share(events_folder(tmp_path, twice), process, total, **MODES[mode]) == share(
                events_folder(tmp_path, distinct), process, total, **MODES[mode]
            )


@pytest.mark.parametrize("flags", ["-n -r", "-n -R", "-r -R", "-nrR", "-tn"])
def test_flags_together_as_ktools(tmp_path, oracle, tool, run, flags):
    events_folder(tmp_path, range(100, 160))
    for args in (flags.split() + ["2", "3"], ["2", "3"] + flags.split()):
        assert run([tool("eve"), *args], cwd=tmp_path)[:2] == (
            0,
            run([oracle("eve"), *args], cwd=tmp_path)[1],
        )


def test_bad_processes(tmp_path, tool, run):
    root = events_folder(tmp_path, [1, 2, 3])
    for process, total in ((0, 2), (3, 2), (-1, 2), (1, 0), (1, 2**31)):
        with pytest.raises(UsageError, match="expected 1 to"):
            eve(process, total, io.BytesIO(), root=root)
    for args in (["0", "2"], ["3", "2"], ["-1", "2"], ["one", "2"], ["1", "2x"], ["1"], []):
        status, out, err = run([tool("eve"), *args], cwd=tmp_path)
        assert (status, out) == (2, b"") and err.startswith("eve: error: ") and err.count("\n") == 1


def test_bad_files(tmp_path, tool, run):
    with pytest.raises(InputError, match="events.bin: cannot read"):
        eve(1, 1, io.BytesIO(), root=tmp_path)
    events_folder(tmp_path, [1, 2, 3])
    path = tmp_path / "input" / "events.bin"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match="events.bin: byte 8: the file ends inside an event id"):
        eve(1, 1, io.BytesIO(), root=tmp_path)
    status, out, err = run([tool("eve"), "1", "1"], cwd=tmp_path)
    assert (status, out) == (1, b"") and "byte 8" in err
    path.unlink()
    assert run([tool("eve"), "1", "1"], cwd=tmp_path)[0] == 3
