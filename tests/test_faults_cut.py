"""Streams that are cut: at every byte, in large outputs, by a stage that was killed. Slow ones are not.

The rules that every script is held to stand in support/faults.py.
"""

import io
import signal
import subprocess
import threading
import time

import pytest
from support.faults import BY_NAME, HEADS, SCRIPTS, STAGES, command_of, feed, message_of, model, packets  # noqa: F401

from ktc.errors import TruncatedError


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


@pytest.mark.posix
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
