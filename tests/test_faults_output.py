"""Output that cannot be written, readers that leave, signals.

The rules that every script is held to stand in support/faults.py.
"""

import os
import signal
import subprocess
import threading
import time

import pytest
from support.faults import (  # noqa: F401
    BY_NAME,
    HEADS,
    SAMPLES,
    SCRIPTS,
    command_of,
    feed,
    folder,
    message_of,
    model,
    needs_arrow,
    packets,
)

import ktc
from ktc import stages


@pytest.mark.posix
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


@pytest.mark.posix
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


@pytest.mark.posix
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


@pytest.mark.posix
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


@pytest.mark.posix
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


TABLE_PATHS = [path for path in PATHS if path.values[0] in ("eltcalc", "pltcalc", "summarycalctocsv")]


@pytest.mark.parametrize("name, flags, call", PATHS)
def test_missing_output_folder(name, flags, call, folder, model, tool, run):
    status, out, err = run([tool(name), *flags, "nowhere/out.bin"], model.input_of(name), cwd=folder)
    assert (status, out) == (4, b"") and "nowhere/out.bin" in message_of(err, name)


@pytest.mark.slow
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


@pytest.mark.posix
@pytest.mark.parametrize("name, flags, call", PATHS)
def test_full_device_by_its_path(name, flags, call, model, tool, run):
    status, out, err = run([tool(name), *flags, "/dev/full"], model.input_of(name), cwd=model.root)
    assert (status, out) == (4, b"") and os.strerror(28) in message_of(err, name)


@pytest.mark.posix
@pytest.mark.parametrize("name, flags, call", TABLE_PATHS)
def test_disk_that_fills_up(name, flags, call, folder, model, tool, run):
    """Beyond so many KiB a file cannot grow: an error with the path, and no part of the file stays."""
    listing = sorted(os.listdir(folder))
    data = model.data["summary"]
    data = data[:12] + data[12 : packets("summary", data)[0][2]] * 20_000
    command = ["bash", "-c", 'ulimit -f 16; exec "$@"', "bash", tool(name), *flags, "out.bin"]
    status, out, err = run(command, data, cwd=folder)
    assert (status, out) == (4, b"") and "out.bin: byte " in message_of(err, name) and os.strerror(27) in err
    assert sorted(os.listdir(folder)) == listing


@pytest.mark.posix
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


@pytest.mark.posix
def test_null_device_twice(folder, model, tool, run):
    command = [tool("gulcalc"), "-S2", "-a0", "-i", "/dev/null", "-c", "/dev/null"]
    assert run(command, model.input_of("gulcalc"), cwd=folder) == (0, b"", "")


def test_empty_path(folder, model, tool, run):
    status, _out, err = run([tool("summarycalc"), "-i", "-1", ""], model.input_of("summarycalc"), cwd=folder)
    assert (status, err) == (4, "summarycalc: error: an empty path cannot be written to\n")


@pytest.mark.posix
def test_standard_output_by_its_path(folder, model, tool):
    """/dev/stdout is what the shell opened: appended to where >> opened it."""
    data = model.input_of("summarycalc")
    (folder / "out.bin").write_bytes(b"before")
    with open(folder / "out.bin", "ab") as out:
        subprocess.run(
            [tool("summarycalc"), "-i", "-1", "/dev/stdout"], input=data, stdout=out, cwd=folder, check=True
        )
    assert (folder / "out.bin").read_bytes() == b"before" + model.through(BY_NAME["summarycalc"], data)


@pytest.mark.posix
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
