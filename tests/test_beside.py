"""support/beside.py: what it says of two outputs that differ."""

import subprocess

import pytest
from support import files, summaries
from support.beside import same_bytes


def said(ours, theirs, **options):
    """The message of a failure."""
    with pytest.raises(pytest.fail.Exception) as failure:
        same_bytes(ours, theirs, **options)
    return str(failure.value)


def changed(sidx, loss):
    """A stream of losses, and the same with another loss of a sample in its first packet."""
    event, id, records = files.PACKETS[0]
    other = [(s, loss if s == sidx else value) for s, value in records]
    return files.losses(), files.losses(packets=[(event, id, other), *files.PACKETS[1:]])


def test_the_same_bytes_pass(tmp_path):
    same_bytes(b"1,2\n", b"1,2\n", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_first_record_of_a_stream(tmp_path):
    message = said(*changed(1, 1.5), folder=tmp_path, note="seed 4")
    assert message.startswith("seed 4: ktc's bytes differ from ktools'\n")
    assert "event_id 7" in message and "_id 2, sidx 1, record 5" in message and "loss 1.0 and 1.5" in message
    assert f"first at byte {8 + 8 + 4 * 8 + 6} of " in message


def test_the_sample_size_of_a_stream(tmp_path):
    assert "sample_size: ktc 3, ktools 4" in said(
        files.losses(), files.losses(sample_size=4), folder=tmp_path
    )


def test_a_record_that_one_side_lacks(tmp_path):
    packets = [(1, 1, 2.0, [(-1, 3.0), (1, 4.0)])]
    more = [(1, 1, 2.0, [(-1, 3.0), (1, 4.0), (2, 5.0)])]
    message = said(summaries.stream(2, packets), summaries.stream(2, more), folder=tmp_path)
    assert "event_id 1, summary_id 1, sidx 2" in message and "only in" in message and "theirs" in message


def test_a_table(tmp_path):
    data, _ = files.made("items")
    message = said(data, data[:24] + b"\x63" + data[25:], folder=tmp_path, kind="items")
    assert "record 2 (byte 20)" in message and "coverage_id 3 and 99" in message


def test_lines_of_csv(tmp_path):
    ours, theirs = b"EventId,Mean\n1,2.5\n3,4.5\n", b"EventId,Mean\n1,2.5\n3,4.0\n"
    assert "line 3: ktc 3,4.5, ktools 3,4.0; Mean 4.5 and 4.0\n" in said(ours, theirs, folder=tmp_path)
    assert "line 3: only ktc has 3,4.5\n" in said(ours, theirs[:19], folder=tmp_path)
    assert "their ends are not" in said(b"1,2\n", b"1,2\r\n", folder=tmp_path)


def test_what_is_no_stream(tmp_path):
    assert "not compared by record" in said(b"\0\1\2\3", b"\0\1\2\4", folder=tmp_path)


@pytest.mark.posix
def test_the_line_repeats_the_run(tmp_path):
    place = tmp_path / "a folder"
    place.mkdir()
    message = said(b"1\n", b"2\n", command=["sed", "s/2/1 x/"], stdin=b"2\n", folder=place)
    (line,) = (line.removeprefix("again: ") for line in message.splitlines() if line.startswith("again: "))
    done = subprocess.run(["sh", "-c", line], capture_output=True, check=True)
    assert done.stdout == b"1 x\n"
