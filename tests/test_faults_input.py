"""Input of another kind than is expected, or none.

The rules that every script is held to stand in support/faults.py.
"""

import io
import struct

import pytest
from support.faults import READERS, command_of, folder, message_of, model  # noqa: F401

from ktc import stages
from ktc.errors import DataError
from ktc.schemas.streams import COVERAGE, ITEM, LOSS, SUMMARY


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
    with pytest.raises(DataError, match=r"byte 0: this is (an?|not a) .*stream.*, expected an? .* stream"):
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
