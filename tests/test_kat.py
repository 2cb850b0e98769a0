"""kat and katparquet: bytes and rows beside the oracle, equal keys, files that come in pieces, and what goes
wrong."""

import io
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from support import summaries
from support.beside import same_bytes

import ktc.concat
from ktc.concat import PARQUET_TABLES, TABLES, kat, katparquet
from ktc.errors import DataError, InputError, OutputError, UsageError
from ktc.schemas import REPORTS

PLAIN = b"event_id,summary_id,sidx,loss\n"  # summarycalctocsv, which is no report of the registry
# Fields of a row: columns of its key, but for the quantile PLT, which has as many as the moment ELT
KEYS = {4: [0], 5: [0], 6: [2], 8: [2, 3], 10: [2, 3], 11: [0], 12: [0, 2], 17: [0, 2]}


def key_columns(report):
    return [0, 2] if report.name == "quantile_period_loss_table" else KEYS[len(report.fields)]


def merged(report, files):
    """The merge by heads, row by row: files of rows (bytes) -> rows."""
    at, out = [0] * len(files), []

    def key(row):
        cells = row.split(b",")
        return [int(cells[k]) for k in key_columns(report)]

    while any(i < len(rows) for i, rows in zip(at, files)):
        _, k = min((key(rows[i]), k) for k, (i, rows) in enumerate(zip(at, files)) if i < len(rows))
        out.append(files[k][at[k]])
        at[k] += 1
    return out


def random_rows(rng, report, events, repeats=3):
    """Rows as ktools prints them, of the events in this order, each of them some rows."""
    rows = []
    for event in events:
        for _ in range(rng.integers(1, repeats + 1)):
            period, cells = int(rng.integers(1, 20)), []
            for field in report.fields:
                if field.name in ("EventId", "event_id"):
                    cells.append(str(event))
                elif field.name in ("Period", "period_no"):
                    cells.append(str(period))
                elif field.type[0] == "i":
                    cells.append(str(int(rng.integers(-1, 3000))))
                else:
                    cells.append(field.csv % np.float32(np.exp(rng.normal(0, 8))))
            rows.append(",".join(cells).encode() + b"\n")
    return rows


def deal(rng, n_files, n_events, shuffled):
    """Events dealt out to files, each event to one."""
    events = rng.permutation(n_events * 10)[:n_events] - 5
    files = [events[k::n_files] for k in range(n_files)]
    return [file if shuffled else np.sort(file) for file in files]


def write(folder, files):
    paths = []
    for k, data in enumerate(files):
        paths.append(folder / f"t{k}.csv")
        paths[-1].write_bytes(data)
    return paths


def through(files, **keywords):
    out = io.BytesIO()
    kat(files, out, **keywords)
    return out.getvalue()


# Like ktools, which writes a header for each file that has one


def once(header, text):
    before, first, after = text.partition(header)
    return before + first + after.replace(header, b"")


@pytest.mark.parametrize("report", TABLES, ids=lambda report: report.name)
def test_like_ktools(report, oracle, run, tmp_path):
    """Keys differ from file to file, as each event is in one of them; in a PLT the periods go up and down."""
    rng = np.random.default_rng(len(report.fields))
    header = report.csv_header.encode() + b"\n"
    for n_files, headed in ((1, [0]), (3, []), (3, [0]), (4, [1, 2]), (9, range(9))):
        events = deal(rng, n_files, 60, shuffled=n_files == 4)
        rows = [random_rows(rng, report, own) for own in events]
        if n_files > 3:
            rows[1] = []
        data = [header * (k in headed) + b"".join(own) for k, own in enumerate(rows)] + [b""]
        paths = write(tmp_path, data)
        for flags in ([], ["-u"]):
            status, out, _ = run([oracle("kat"), *flags, *paths])
            assert status == 0 and out.count(b"\n") >= 60
            same_bytes(
                through(paths, unsorted=bool(flags)),
                once(header, out),
                command=["kat", *flags, *paths],
                folder=tmp_path,
            )
        assert through(paths) == header * bool(headed) + b"".join(merged(report, rows))


def test_registry_names_every_table_that_ktools_tells_apart():
    assert {len(report.fields) for report in TABLES} == set(KEYS)
    for report in TABLES:
        names = [report.fields[k].name for k in key_columns(report)]
        assert names in (["EventId"], ["event_id"], ["Period", "EventId"], ["period_no", "event_id"])


OUTPUTS = {  # tool: {csv flag: parquet flag, and the table's flag of katparquet}
    "eltcalc": {"-M": ("-m", "melt"), "-Q": ("-q", "qelt")},
    "pltcalc": {"-M": ("-m", "mplt"), "-Q": ("-q", "qplt"), "-S": ("-s", "splt")},
    "summarycalctocsv": {"-o": ("-p", "selt")},
}
FLAG = {"melt": "-m", "qelt": "-q", "mplt": "-M", "qplt": "-Q", "splt": "-S", "selt": "-s"}


@pytest.fixture(scope="module")
def of_processes(oracle, tmp_path_factory):
    """Tables of three processes as the oracle writes them: {table: ([csv], [parquet])}; legacy ones without
    parquet."""
    folder = tmp_path_factory.mktemp("processes")
    rng = np.random.default_rng(8)
    occurrences = summaries.random_occurrences(rng, events=60, periods=30)
    summaries.write_tables(
        folder,
        occurrences=occurrences,
        periods=30,
        date_options=1,
        quantiles=[0.0, 0.5, 0.9, 1.0],
        event_rates=None,
    )
    tables, jobs = {}, []
    for process in range(3):
        packets = summaries.random_packets(rng, events=range(process + 1, 61, 3), summaries=2, sample_size=6)
        data = summaries.stream(6, packets)
        for tool, flags in OUTPUTS.items():
            command = [oracle(tool)]
            for csv_flag, (parquet_flag, table) in flags.items():
                names = folder / f"{table}{process}.csv", folder / f"{table}{process}.parquet"
                for files, name in zip(tables.setdefault(table, ([], [])), names):
                    files.append(name)
                command += [csv_flag, names[0], parquet_flag, names[1]] if tool != "summarycalctocsv" else []
            if tool == "summarycalctocsv":
                jobs.append((command + ["-o"], data, names[0]))
                jobs.append((command + ["-p", names[1]], data, None))
            else:
                jobs.append((command, data, None))
                legacy = folder / f"{tool}{process}.csv"
                tables.setdefault(tool, ([], []))[0].append(legacy)
                jobs.append(([oracle(tool), *["-s"] * (process > 0)], data, legacy))

    def work(job):
        command, data, target = job
        done = subprocess.run(
            list(map(str, command)), input=data, stdout=subprocess.PIPE, cwd=folder, timeout=60
        )
        if target:
            target.write_bytes(done.stdout)

    with ThreadPoolExecutor(len(jobs)) as pool:
        list(pool.map(work, jobs))
    return tables


@pytest.mark.parametrize("table", [*FLAG, "eltcalc", "pltcalc"])
def test_tables_of_ktools(table, of_processes, oracle, tool, run):
    files = of_processes[table][0]
    expected = run([oracle("kat"), *files])
    assert expected[0] == 0 and expected[1].count(b"\n") > 60
    header = expected[1].partition(b"\n")[0] + b"\n"
    same_bytes(through(files), once(header, expected[1]), command=["kat", *files])
    if table == "mplt":
        assert run([tool("kat"), "-P", "7", *files]) == (0, once(header, expected[1]), "")


@pytest.mark.parametrize("table", FLAG)
def test_parquet_of_ktools(table, of_processes, oracle, tool, run, tmp_path):
    """The same rows in the same order, the same columns; and ktools reads what ktc writes."""
    parquet = pytest.importorskip("pyarrow.parquet")
    files, flag = of_processes[table][1], FLAG[table]
    assert run([oracle("katparquet"), flag, "-o", tmp_path / "theirs", *files])[0] == 0
    theirs = parquet.read_table(tmp_path / "theirs")
    assert theirs.num_rows > 60
    if table in ("melt", "splt"):
        assert run([tool("katparquet"), flag, "-o", tmp_path / "ours", *files]) == (0, b"", "")
    else:
        katparquet(files, tmp_path / "ours", **{table: True})
    ours = parquet.read_table(tmp_path / "ours")
    assert ours.schema.equals(theirs.schema) and not any(field.nullable for field in ours.schema)
    assert ours.equals(theirs)
    assert run([oracle("katparquet"), flag, "-o", tmp_path / "again", tmp_path / "ours"])[0] == 0
    assert parquet.read_table(tmp_path / "again").equals(theirs)


# Equal keys


def test_equal_events_of_several_files(tmp_path):
    """ktools loses the first file from its row 2,1 on, as the second has an event 2 at that time."""
    a = [b"1,1,0.500000,10.00\n", b"2,1,0.500000,20.00\n", b"2,2,0.500000,21.00\n", b"5,1,0.500000,50.00\n"]
    b = [b"2,1,0.500000,22.00\n", b"2,3,0.500000,23.00\n", b"5,1,0.500000,51.00\n", b"6,1,0.500000,60.00\n"]
    paths = write(tmp_path, [b"".join(a), b"".join(b)])
    assert through(paths) == b"".join([a[0], a[1], a[2], b[0], b[1], a[3], b[2], b[3]])
    assert through(paths[::-1]) == b"".join([a[0], b[0], b[1], a[1], a[2], b[2], a[3], b[3]])
    assert through([paths[0]] * 2) == b"".join([a[0]] * 2 + a[1:3] * 2 + [a[3]] * 2)


def test_equal_periods_and_events():
    """Period before event, event before file; a row behind a larger one waits for it."""
    row = "{},0.010000,{},2001,1,2,0,0,{},1,5.00,1.00\n".format
    a = row(1, 5, 1) + row(2, 1, 2) + row(1, 1, 3)
    b = row(1, 5, 4) + row(1, 6, 5) + row(2, 1, 6) + row(3, -4, 7)
    out = through([a.encode(), b.encode()]).decode().splitlines()
    assert [int(line.split(",")[8]) for line in out] == [1, 4, 5, 2, 3, 6, 7]


class Slow(io.BytesIO):
    """Gives few bytes at a time."""

    def __init__(self, data, size):
        super().__init__(data)
        self.size = size

    def readinto(self, room):
        return super().readinto(memoryview(room)[: self.size])


@pytest.mark.parametrize("seed", range(12))
def test_no_row_is_lost(seed):
    """Events and periods in any order, most of them in several files: the merge by heads, however the bytes
    come in."""
    rng = np.random.default_rng(seed)
    report = TABLES[seed % len(TABLES)]
    files = [random_rows(rng, report, rng.integers(-3, 12, rng.integers(0, 25))) for _ in range(1 + seed)]
    expected = b"".join(merged(report, files))
    data = [b"".join(rows) for rows in files]
    assert sorted(expected.splitlines()) == sorted(b"".join(data).splitlines())
    assert through(data) == expected
    assert through([Slow(part, int(rng.choice([1, 7, 50, 300]))) for part in data]) == expected
    assert through([part[:-1] for part in data]) == expected  # the last line's end is added


def test_keys_as_large_as_they_can_be():
    low, high = -(2**31), 2**31 - 1
    elt = [f"{event},1,0.5,1.0\n".encode() for event in (low, -1, 0, 1, high)]
    assert through(elt[::-1]) == b"".join(elt)
    plt = [
        f"1,1,{period},{event},1.00,0.00,1.00,5\n".encode()
        for period in (low, -1, 0, high)
        for event in (low, -1, 0, high)
    ]
    assert through(plt[::-1]) == b"".join(plt)
    with pytest.raises(
        DataError, match="memory: line 2: .*column 1: expected a whole number of 32 bits .the event."
    ):
        through([b"1,1,0.5,1.0\n2147483648,1,0.5,1.0\n"])


def test_rows_before_a_fault(tmp_path):
    """What is due of whole rows goes out, into a pipe; a regular file is withdrawn."""
    good = b"".join(b"%d,1,0.5,1.0\n" % event for event in range(1, 9000))
    assert len(good) > 1 << 16
    for others, before in (([], good), ([b"2,2,0.5,1.0\n"], good[:24] + b"2,2,0.5,1.0\n" + good[24:])):
        for bad in (b"9000,1,0.5", b"9000,1\n", b"\n1,1,0.5,1.0\n"):
            out = io.BytesIO()
            with pytest.raises(DataError, match="memory: line 9000: |memory: line 9001: "):
                kat([good + bad, *others], out)
            assert out.getvalue() == before
            with pytest.raises(DataError):
                kat([good + bad, *others], tmp_path / "all.csv")
            assert not list(tmp_path.iterdir())


def test_many_files_and_large_ones(tmp_path):
    rng = np.random.default_rng(4)
    report = REPORTS["sample_event_loss_table"]
    files = [random_rows(rng, report, own) for own in deal(rng, 200, 1200, False)]
    assert through([b"".join(rows) for rows in files]) == b"".join(merged(report, files))
    body = b"".join(
        b"%d,1,%d,1234.50,99999.00\n" % (event, sample) for event in range(1, 4001) for sample in range(10)
    )
    lines = body.splitlines(True)
    one, two = (b"".join(line for line in lines if int(line.split(b",")[0]) % 2 == odd) for odd in (1, 0))
    assert len(one) > 1 << 18
    assert through(write(tmp_path, [one, two])) == body


# What a table may look like


def test_headers():
    melt, qelt = (REPORTS[f"{name}_event_loss_table"].csv_header.encode() for name in ("moment", "quantile"))
    row, other = b"1,1,0.500000,10.00\n", b"2,1,0.500000,10.00\n"
    assert through([qelt + b"\n" + other, row]) == qelt + b"\n" + row + other
    assert through([qelt, row]) == qelt + b"\n" + row
    for unsorted in (False, True):
        assert through([qelt + b"\n"] * 2, unsorted=unsorted) == qelt + b"\n"
        assert through([qelt + b"\n" + row, qelt + b"\n" + other, other], unsorted=unsorted) == (
            qelt + b"\n" + row + other + other
        )
        assert through([row, row], unsorted=unsorted) == row + row
    assert through([qelt + b"\r\n" + other, qelt + b"\n" + row]) == qelt + b"\r\n" + row + other
    assert through([qelt, qelt + b"\n"], unsorted=True) == qelt * 2 + b"\n"
    assert through([PLAIN + b"2,1,-1,5.00\n", b"1,1,3,5.00\n"]) == PLAIN + b"1,1,3,5.00\n2,1,-1,5.00\n"
    assert through([b"", b""]) == b""
    with pytest.raises(
        DataError, match="memory: line 1: the header 'EventId,SummaryId,Quantile,Loss' is another "
    ):
        through([melt + b"\n", qelt + b"\n" + row])
    with pytest.raises(DataError, match="memory: line 1: the header has 3 columns, rows have 4"):
        through([b"EventId,SummaryId,Quan", row])
    with pytest.raises(
        DataError, match="line 2: .*this is not a row of moment_event_loss_table .*, as its header says"
    ):
        through([melt + b"\n" + row])
    ept = REPORTS["exceedance_probability_table"].csv_header.encode() + b"\n1,1,1,10.000000,5.000000\n"
    with pytest.raises(
        DataError, match="line 2: exceedance_probability_table has no events to merge by .-u "
    ):
        through([ept])
    assert through([ept, b"x"], unsorted=True) == ept + b"x"


def test_header_tells_where_the_numbers_do_not():
    """Without decimals a row of MELT looks like one of QPLT."""
    row = b"%d,1,1,1,1,2,0,3,4,5,6\n"
    melt = REPORTS["moment_event_loss_table"].csv_header.encode() + b"\n"
    qplt = REPORTS["quantile_period_loss_table"].csv_header.encode() + b"\n"
    assert (
        through([melt + row % 2 + b"1,2,0,1,1,2,0,3,4,5,6\n"]) == melt + row % 2 + b"1,2,0,1,1,2,0,3,4,5,6\n"
    )
    for header in (melt, qplt):
        assert through([header + row % 2, header + row % 1]) == header + row % 1 + row % 2
    with pytest.raises(
        DataError, match="line 1: this is a row of quantile_period_loss_table; memory: line 1 is "
    ):
        through([b"1,1,1,0.010000,1.0,2.0,0.0,3.0,4.0,5.0,6.0\n", row % 1])


def test_blanks_and_line_ends():
    rows = [b"1,1,0.5,1.0\r\n", b"2, 1,0.5,1.0\n", b" 3 ,1,0.5,1.0\n"]
    assert through([rows[1] + rows[2], rows[0]]) == b"".join(rows)
    assert through([rows[1] + rows[2] + b"\n \r\n\n", rows[0], b"\n\n", b" "]) == b"".join(rows)
    for data in (b"\n" + rows[0], rows[0] + b"\n\n" + rows[1], b"\r\n\nEventId,a,b,c\n"):
        with pytest.raises(DataError, match=r"memory: line \d: .*a blank line before this"):
            through([data])
    wide = b"1,1,0.5," + b"0" * 60000 + b"1.0\n"
    assert through([Slow(wide + rows[1], 4096), rows[0]]) == wide + rows[0] + rows[1]
    for data in (rows[0] + 2 * wide[:-1] + b"\n", rows[0] + 2 * wide[:-1]):
        for source in (data, Slow(data, 4096)):
            with pytest.raises(
                DataError, match=r"(memory|input): line 2: the line has no end within 65536 bytes"
            ):
                through([source])


@pytest.mark.parametrize("seed", range(3))
def test_cut_at_every_byte(seed):
    """A row that lost a field is an error with its line; nothing else of a cut can be seen in a csv."""
    rng = np.random.default_rng(seed)
    report = TABLES[[0, 4, -1][seed]]
    one, two = random_rows(rng, report, [1, 3, 5], 1), random_rows(rng, report, [2, 4, 6], 1)
    data = b"".join(one)
    for cut in range(len(data) + 1):
        part = data[:cut]
        whole, rest = part.splitlines(True), b""
        if whole and not whole[-1].endswith(b"\n"):
            rest = whole.pop()
        if not rest or (rest.count(b",") == len(report.fields) - 1 and not rest.endswith(b",")):
            whole += [rest + b"\n"] * bool(rest)
            assert through([b"".join(two), part]) == b"".join(merged(report, [two, whole]))
        else:
            with pytest.raises(DataError, match=f"^memory: line {len(whole) + 1}: "):
                through([b"".join(two), part])


def test_mixed_kinds(tmp_path):
    rng = np.random.default_rng(0)
    rows = {report.name: b"".join(random_rows(rng, report, [1, 2])) for report in TABLES}
    for one in TABLES:
        for two in TABLES:
            if one is not two:
                paths = write(tmp_path, [rows[one.name], rows[two.name]])
                with pytest.raises(
                    DataError, match=rf"t1.csv: line 1: this is a row of {two.name}; .*t0.csv: line 1"
                ):
                    through(paths)
    for data in (b"1\n", b"1,2,3\n", b"1,2,3,x\n", b"1.5,2,3,4\n", b"1,2,3,4,5,6,7,8,9\n"):
        with pytest.raises(
            DataError, match="memory: line 1: '.*': this is not a row of an event or period loss table"
        ):
            through([data])
    for data in (
        b"1,2,3,4\n5,6,7\n",
        b"1,2,3,4\n5,6,7,8,9\n",
        b"1,2,3,4\nEventId,a,b,c\n",
        b"1,2,3,4\n5x,6,7,8\n",
    ):
        with pytest.raises(
            DataError, match="memory: line 2: '.*': (expected 4 columns, found|column 1: expected a)"
        ):
            through([data])


# Files, folders, pipes

A, B, C = (b"%d,1,0.500000,10.00\n" % event for event in (1, 2, 3))


def test_folder(tool, run, tmp_path):
    """Its regular files by name, without a slash too, then the others; what is hidden or no file is left
    out."""
    folder = tmp_path / "out"
    (folder / "sub").mkdir(parents=True)
    for name, data in (("P10", C), ("P2", A), (".P1.1.0.partial", b"junk"), ("P3", b"")):
        (folder / name).write_bytes(data)
    (tmp_path / "more").write_bytes(B)
    for name in ("out", "out/"):
        assert run([tool("kat"), "-d", name, "more"], cwd=tmp_path) == (0, A + B + C, "")
        assert run([tool("kat"), "-u", "-d", name, "more"], cwd=tmp_path) == (0, C + A + B, "")
    status, out, err = run([tool("kat"), "-d", "nowhere", "more"], cwd=tmp_path)
    assert (status, out) == (3, b"") and "nowhere: cannot open: No such file or directory" in err
    status, out, err = run([tool("kat"), "-d", "out/sub"], cwd=tmp_path)
    assert (status, out) == (2, b"") and "no files to read: out/sub has none" in err


@pytest.mark.parametrize("flags", [[], ["-u"]])
def test_missing_files(flags, tool, run, tmp_path):
    (tmp_path / "a").write_bytes(A)
    for arguments, status, message in (
        (["a", "b"], 3, "b: cannot open: No such file"),
        (["a", "."], 3, ".: byte 0: cannot read: Is a directory"),
        ([], 2, "no files to read"),
        (["-P", "x", "a"], 2, "-P: invalid int"),
        (["-", "-"], 2, "standard input"),
    ):
        found = run([tool("kat"), *flags, *arguments], cwd=tmp_path)
        assert found[:2] == (status, b"") and message in found[2] and found[2].count("\n") == 1
    assert run([tool("kat"), *flags, "a", "-"], B, cwd=tmp_path) == (0, A + B, "")


@pytest.mark.posix
def test_named_pipes(tool, tmp_path):
    """They are opened in the order given; more goes through than pipes and buffers hold."""
    pipes = [tmp_path / f"pipe{k}" for k in range(3)]
    rows = [[b"%d,%d,0.500000,10.00\n" % (event, k) for event in range(k, 60000, 3)] for k in range(3)]
    opened = []

    def feed(k):
        with open(pipes[k], "wb") as pipe:
            opened.append(k)
            pipe.write(b"".join(rows[k]))

    for pipe in pipes:
        os.mkfifo(pipe)
    for flags, expected in (([], [row for each in zip(*rows) for row in each]), (["-u"], sum(rows, []))):
        opened.clear()
        writers = [threading.Thread(target=feed, args=(k,)) for k in range(3)]
        with subprocess.Popen([tool("kat"), *flags, *pipes], stdout=subprocess.PIPE) as process:
            for writer in writers[::-1]:
                writer.start()
            assert process.stdout.read() == b"".join(expected)
        for writer in writers:
            writer.join()
        assert process.returncode == 0 and sorted(opened) == [0, 1, 2]


@pytest.mark.posix
@pytest.mark.parametrize("flags", [[], ["-u"]])
def test_output_that_fails(flags, tool, tmp_path):
    (tmp_path / "a").write_bytes(A * 100000)
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [tool("kat"), *flags, "a"], stdout=full, stderr=subprocess.PIPE, cwd=tmp_path, timeout=60
        )
    assert done.returncode == 4 and b"standard output: byte 0: cannot write: No space left" in done.stderr
    command = [tool("kat"), *flags, tmp_path / "a"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == -13


@pytest.mark.posix
def test_output_among_the_inputs(tool, tmp_path):
    """kat -d . > all.csv reads the others; a file with rows is not written over, nor read while it grows."""
    (tmp_path / "a").write_bytes(A)
    (tmp_path / "b").write_bytes(B)
    for flags in ([], ["-u"]):
        done = subprocess.run(
            f"{tool('kat')} {' '.join(flags)} -d . > z.csv", shell=True, cwd=tmp_path, timeout=60
        )
        assert done.returncode == 0
        assert (tmp_path / "z.csv").read_bytes() == A + B
        done = subprocess.run(
            f"{tool('kat')} {' '.join(flags)} -d . >> z.csv",
            shell=True,
            cwd=tmp_path,
            timeout=60,
            stderr=subprocess.PIPE,
        )
        assert done.returncode == 2 and b"z.csv: asked for as input and as output" in done.stderr
    with pytest.raises(UsageError, match="z.csv: asked for as input and as output"):
        kat(folder=tmp_path, target=tmp_path / "z.csv")
    assert (tmp_path / "z.csv").read_bytes() == A + B


def test_a_file_is_complete_or_not_there(tmp_path):
    target = tmp_path / "out" / "all.csv"
    target.parent.mkdir()
    kat([B, A], target)
    assert target.read_bytes() == A + B
    with pytest.raises(DataError):
        kat([A + b"2,1,0.5\n"], target)
    assert target.read_bytes() == A + B and os.listdir(target.parent) == ["all.csv"]
    kat(str(target), tmp_path / "copy.csv")
    assert (tmp_path / "copy.csv").read_bytes() == A + B


# Parquet


def table_of(name, columns):
    pyarrow = pytest.importorskip("pyarrow")
    schema = pyarrow.schema(
        [
            pyarrow.field(
                field.name, pyarrow.int32() if field.type[0] == "i" else pyarrow.float32(), nullable=False
            )
            for field in REPORTS[PARQUET_TABLES[name]].fields
        ]
    )
    return pyarrow.table(
        [np.asarray(column, field.type.to_pandas_dtype()) for field, column in zip(schema, columns)],
        schema=schema,
    )


def random_table(rng, name, n):
    fields = REPORTS[PARQUET_TABLES[name]].fields
    columns = {
        f.name: rng.integers(0, 9, n) if f.type[0] == "i" else rng.random(n).astype("f4") for f in fields
    }
    if rng.random() < 0.5:
        columns["EventId"] = np.sort(columns["EventId"])
    return table_of(name, columns.values())


def save(folder, tables, **keywords):
    from pyarrow import parquet

    paths = []
    for k, table in enumerate(tables):
        paths.append(folder / f"t{k}.parquet")
        parquet.write_table(table, paths[-1], **keywords)
    return paths


def read(path):
    from pyarrow import parquet

    return parquet.read_table(path)


def merged_rows(name, tables):
    """The merge by heads, row by row."""
    rows, at, out = (
        [[tuple(row.values()) for row in table.to_pylist()] for table in tables],
        [0] * len(tables),
        [],
    )
    keys = [0, 2] if name.endswith("plt") else [0]
    while any(i < len(own) for i, own in zip(at, rows)):
        _, k = min(([own[i][c] for c in keys], k) for k, (i, own) in enumerate(zip(at, rows)) if i < len(own))
        out.append(rows[k][at[k]])
        at[k] += 1
    return out


@pytest.mark.parametrize("name", PARQUET_TABLES)
@pytest.mark.parametrize("at_once", [1, 40, 1 << 18])
def test_parquet_loses_no_row(name, at_once, tmp_path, monkeypatch):
    """Events and periods in any order and in several files, read in pieces of any size: the merge by
    heads."""
    pytest.importorskip("pyarrow")
    monkeypatch.setattr(ktc.concat, "ROWS_AT_ONCE", at_once)
    monkeypatch.setattr(ktc.concat, "LEAST_ROWS", 1)
    monkeypatch.setattr(ktc.concat, "ROW_GROUP", at_once)
    rng = np.random.default_rng(at_once)
    for n_files in (1, 2, 5):
        tables = [random_table(rng, name, int(rng.integers(0, 60))) for _ in range(n_files)]
        paths = save(tmp_path, tables, row_group_size=17)
        katparquet(paths, tmp_path / "out", **{name: True})
        out = read(tmp_path / "out")
        assert out.schema.equals(tables[0].schema)
        assert [tuple(row.values()) for row in out.to_pylist()] == merged_rows(name, tables)


def test_damage_in_a_footer_is_told_in_one_line(tmp_path):
    """pyarrow's own words may hold bytes of the file."""
    (path,) = save(tmp_path, [table_of("qelt", [[1, 2], [1, 1], [0.5] * 2, [10, 20]])])
    data = path.read_bytes()
    for at in range(len(data) - 300, len(data)):
        try:
            katparquet([data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]], io.BytesIO(), qelt=True)
        except DataError as error:
            assert str(error).isprintable() and str(error).startswith("memory: ")


def test_parquet_example(tmp_path):
    """The rows of one event: those of the first file, then those of the second. ktools loses the first
    file's."""
    tables = [
        table_of("qelt", [[1, 2, 2, 4], [1, 1, 2, 1], [0.5] * 4, [10, 20, 21, 40]]),
        table_of("qelt", [[2, 3], [1, 1], [0.5] * 2, [22, 30]]),
        table_of("qelt", [[]] * 4),
    ]
    katparquet(save(tmp_path, tables), tmp_path / "out", qelt=True)
    assert read(tmp_path / "out").column("Loss").to_pylist() == [10, 20, 21, 22, 30, 40]
    katparquet(save(tmp_path, tables[2:]), tmp_path / "out", qelt=True)
    assert read(tmp_path / "out").equals(tables[2])


def test_parquet_from_folders_files_and_buffers(tmp_path, tool, run):
    one, two = (table_of("selt", [[event], [1], [-1], [5], [6]]) for event in (1, 2))
    (tmp_path / "in").mkdir()
    paths = save(tmp_path / "in", [two, one])
    (tmp_path / "in" / ".hidden").write_bytes(b"junk")
    assert run([tool("katparquet"), "-s", "-d", "in", "-o", "out"], cwd=tmp_path) == (0, b"", "")
    assert read(tmp_path / "out").column("EventId").to_pylist() == [1, 2]
    with open(paths[0], "rb") as file:
        katparquet([file, paths[1].read_bytes(), str(paths[1])], tmp_path / "out", selt=True)
    assert read(tmp_path / "out").column("EventId").to_pylist() == [1, 1, 2]
    out = io.BytesIO()
    katparquet(paths[0], out, selt=True)
    assert read(io.BytesIO(out.getvalue())).equals(two)


def test_parquet_of_another_kind(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    good = table_of("selt", [[1], [1], [-1], [5], [6]])
    cases = [
        (
            good.rename_columns(["EventId", "SummaryID", *good.column_names[2:]]),
            r"column 2 is 'SummaryID' \(int32\), expected 'SummaryId' \(int32\)",
        ),
        (good.drop_columns("ImpactedExposure"), r"column 5 is none, expected 'ImpactedExposure' \(float\)"),
        (good.append_column("more", pyarrow.array([1])), r"column 6 is 'more' \(int64\), expected none"),
        (
            good.set_column(0, "EventId", pyarrow.array([1])),
            r"column 1 is 'EventId' \(int64\), expected 'EventId' \(int32\)",
        ),
        (
            good.set_column(3, "Loss", pyarrow.array([1.0])),
            r"column 4 is 'Loss' \(double\), expected 'Loss' \(float\)",
        ),
        (
            table_of("qelt", [[1], [1], [1], [5]]),
            r"column 3 is 'Quantile' \(float\), expected 'SampleId' \(int32\)",
        ),
        (
            good.set_column(3, "Loss", pyarrow.array([None], pyarrow.float32())),
            "column Loss has empty values",
        ),
    ]
    for table, message in cases:
        paths = save(tmp_path, [good, table])
        with pytest.raises(DataError, match=f"t1.parquet: {message}"):
            katparquet(paths, tmp_path / "out", selt=True)
    nullable = good.set_column(3, "Loss", pyarrow.array([5], pyarrow.float32()))
    katparquet(save(tmp_path, [nullable]), tmp_path / "out", selt=True)
    assert read(tmp_path / "out").equals(good)


def test_damaged_parquet(tmp_path, tool, run):
    """Cut anywhere: an error that names the file, and no output."""
    table = random_table(np.random.default_rng(3), "melt", 50)
    (path,) = save(tmp_path, [table], compression="none")
    data = path.read_bytes()
    for cut in [*range(0, len(data), 37), len(data) - 1]:
        path.write_bytes(data[:cut])
        with pytest.raises(DataError, match="t0.parquet: not a parquet file, or a damaged one: "):
            katparquet([path], tmp_path / "out", melt=True)
    status, out, err = run([tool("katparquet"), "-m", "-o", "out", path], cwd=tmp_path)
    assert (status, out) == (1, b"") and err.count("\n") == 1 and "t0.parquet: not a parquet file" in err
    assert sorted(os.listdir(tmp_path)) == ["t0.parquet"]


@pytest.mark.slow
@pytest.mark.posix
def test_usage_of_katparquet(tmp_path, tool, run):
    (path,) = save(tmp_path, [table_of("qelt", [[1], [1], [0.5], [5]])])
    for arguments, status, message in (
        (["-q", path], 2, "no output: name a file with -o"),
        (["-o", "x", path], 2, "name one kind of table"),
        (["-q", "-M", "-o", "x", path], 2, "name one kind of table"),
        (["-q", "-o", "x"], 2, "no files to read"),
        (["-q", "-o", "x", "gone"], 3, "gone: cannot read: No such file"),
        (["-q", "-o", "x", "."], 3, ".: cannot read: Is a directory"),
        (["-q", "-o", path, path], 2, "asked for as input and as output"),
        (["-q", "-o", "no/x", path], 4, "no/x: cannot create: No such file"),
        (["-q", "-o", "/dev/full", path], 4, "/dev/full: byte 0: cannot write: No space left"),
    ):
        found = run([tool("katparquet"), *arguments], cwd=tmp_path)
        assert found[:2] == (status, b"") and message in found[2] and found[2].count("\n") == 1, found
    assert os.listdir(tmp_path) == ["t0.parquet"] and read(path).num_rows == 1


def test_without_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match="pip install 'ktc.parquet.'"):
        katparquet([tmp_path / "gone"], tmp_path / "out", melt=True)
    assert not os.listdir(tmp_path)
    assert through([B, A]) == A + B
    for error, call in (
        (InputError, lambda: kat([tmp_path / "gone"], tmp_path / "out")),
        (OutputError, lambda: kat([A], tmp_path / "gone" / "out")),
    ):
        with pytest.raises(error):
            call()
