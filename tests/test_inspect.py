"""What a file is and what stands first in it: every kind by name and by --as, worked values, files cut at
every kind of place."""

import json
import os
import struct
import subprocess
import zlib

import numpy as np
import pytest
from support.files import PACKETS, PLAIN, cdfs, losses, made
from support.summaries import stream

import ktc
from ktc import inspect, stages
from ktc.schemas import STREAMS, TABLES, streams


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    ktc.write_example(folder, events=20, locations=5, grid=4, weighted_periods=True)
    stages.eve(1, 1, folder / "events", root=folder)
    stages.getmodel(folder / "events", folder / "cdf.bin", root=folder)
    stages.gulcalc(folder / "cdf.bin", item=folder / "gul.bin", sample_size=10, alloc_rule=1, root=folder)
    stages.summarycalc(folder / "gul.bin", {1: folder / "summary.bin"}, item=True, root=folder)
    return folder


@pytest.fixture
def door(run, tool):
    """Run the script ktc with arguments."""
    return lambda *args, **options: run([tool("ktc"), *args], **options)


# --- kinds


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("named", [True, False], ids=["by name", "by --as"])
def test_every_table(name, named, tmp_path):
    data, rows = made(name)
    path = tmp_path / (os.path.basename(TABLES[name].path) if named else "x.dat")
    path.write_bytes(data)
    found = inspect.info(path, kind=None if named else name)
    same_name = [other for other in TABLES if os.path.basename(TABLES[other].path) == path.name]
    if named and name == "correlations_sourced":  # these 120 bytes may be 6 records of the other form, too
        assert found.kind == "correlations"
        rows["damage_correlation_value"] = rows["hazard_correlation_value"] = 0.5
        path.write_bytes(rows.tobytes())
        found, same_name = inspect.info(path), [name]
    assert (found.kind, found.form) == (same_name[0] if named else name, "table")
    if named and name == "vulnerability_rows":
        return  # without an index it is read as what it mostly is
    assert (
        found.whole
        and found.size == len(data)
        and list(found.header) == [f.name for f in TABLES[name].header]
    )
    assert found.records == 5
    assert len(found.ranges) == len(rows.dtype.names) + (name == "coverages")
    for field in rows.dtype.names:
        assert found.ranges[field] == (rows[field][0], rows[field][-1])
    assert found.events == (5 if "event_id" in rows.dtype.names else None)
    head = inspect.head(path, 2, skip=1, kind=name)
    assert all(head[field].tolist() == rows[field][1:3].tolist() for field in rows.dtype.names)


@pytest.mark.parametrize("kind", [name for name in STREAMS if name not in ("cdf", "summary")])
def test_every_stream_of_losses(kind, tmp_path, door):
    path = tmp_path / "x"
    path.write_bytes(losses(STREAMS[kind].kind))
    id = STREAMS[kind].packet[1].name
    for given in (None, kind):
        found = inspect.info(path, kind=given)
        assert (found.kind, found.form, found.header) == (kind, "stream", {"sample_size": 3}) and found.whole
        assert (found.packets, found.records, found.events, found.returning, found.first_returning) == (
            4,
            10,
            2,
            1,
            7,
        )
        assert found.ranges == {"event_id": (7, 9), id: (1, 5)} and found.largest_sidx == 2
        assert found.special == {-5: 1, -3: 1, -2: 1, -1: 3}
        assert list(found.totals.values()) == [4.0, pytest.approx((1 + 4 + 0.25 + 3) / 3)]
    assert inspect.head(path, 2, skip=5).tolist() == [(7, 2, 2, 4.0), (7, 5, -1, 0.5)]
    status, out, err = door("info", "-", stdin=path.read_bytes())
    assert (status, err) == (0, "") and out.decode().startswith(f"standard input: {kind} stream. ")
    assert b"events that come back   1, the first of them 7\n" in out


@pytest.mark.parametrize("width, letter", [(4, "I"), (8, "Q")])
def test_cdfs(width, letter, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(cdfs(letter))
    found = inspect.info(path, areaperil_bytes=width)
    assert (found.kind, found.packets, found.records, found.events, found.returning) == ("cdf", 3, 4, 2, 0)
    assert found.ranges == {
        "event_id": (3, 5),
        "areaperil_id": (10, 11),
        "vulnerability_id": (1, 4),
        "prob_to": (0.25, 1.0),
        "bin_mean": (0.0, 1.0),
    }
    assert inspect.head(path, 2, skip=1, areaperil_bytes=width).tolist() == [
        (3, 10, 4, 2, 1.0, 0.5),
        (3, 11, 4, 1, 1.0, 1.0),
    ]


def test_summaries(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(stream(2, [(1, 1, 100.0, [(-1, 2.0), (1, 4.0)]), (2, 3, 50.0, [])], summary_set=4))
    found = inspect.info(path)
    assert (found.kind, found.header) == ("summary", {"sample_size": 2, "summary_set": 4})
    assert (found.packets, found.records, found.events) == (2, 2, 2)
    assert found.totals == {"analytical means": 2.0, "sample means": 2.0}
    assert inspect.head(path).dtype.names == ("event_id", "summary_id", "sidx", "loss")


def test_a_table_that_begins_like_a_cdf_stream(tmp_path):
    """The number 1 is a cdf stream's first word, and the first id of many tables."""
    (tmp_path / "ids").write_bytes(np.arange(1, 50, dtype="<i4").tobytes())
    with pytest.raises(ktc.UsageError, match="196 bytes it may be events, coverages, .*name it with --as"):
        inspect.info(tmp_path / "ids")
    assert inspect.info(tmp_path / "ids", kind="events").records == 49
    for name, rows in (
        ("weights", [(1, 1, 0.5), (2, 1, 0.5), (3, 4, 0.25)]),
        ("items", [(1, 1, 7, 2, 1), (2, 1, 8, 3, 1)]),
        ("damage_bin_dict", [(1, 0, 0, 0, 1201), (2, 0, 1, 0.5, 1200)]),
        ("periods", [(1, 0.1), (2, 0.3), (3, 0.6)]),
    ):
        (tmp_path / "ids").write_bytes(np.array(rows, TABLES[name].dtype()).tobytes())
        with pytest.raises(ktc.UsageError, match=f"it may be .*{name}"):
            inspect.info(tmp_path / "ids")
    (tmp_path / "none").write_bytes(struct.pack("<I", streams.CDF))
    assert inspect.info(tmp_path / "none").kind == "cdf"


def test_places_of_a_model(model):
    """The example's own files: names decide, wherever they lie."""
    for path in [*(model / "input").glob("*.bin"), *(model / "static").glob("*.bin")]:
        found = inspect.info(path)
        assert found.kind == path.stem and found.whole
        if path.stem not in ("footprint", "occurrence"):
            assert found.records == len(ktc.read_table(path.stem, path))
    (model / "RI_1").mkdir(exist_ok=True)
    (model / "RI_1" / "fm_xref.bin").write_bytes((model / "input" / "fm_xref.bin").read_bytes())
    assert inspect.info(model / "RI_1" / "fm_xref.bin").kind == "fm_xref"
    assert inspect.info(model / "static" / "footprint.idx").kind == "footprint_index"
    tivs = ktc.read_table("coverages", model / "input" / "coverages.bin")["tiv"]
    assert inspect.info(model / "input" / "coverages.bin").totals == {"tiv": tivs.sum(dtype=float)}
    assert inspect.info(model / "gul.bin").kind == "loss" and inspect.info(model / "cdf.bin").kind == "cdf"


@pytest.mark.parametrize("form", ["plain", "compressed", "sized"])
def test_footprints(form, tmp_path):
    options = {"plain": {}, "compressed": {"compress": True}, "sized": {"compress": True, "sized": True}}[
        form
    ]
    csv = b"event_id,areaperil_id,intensity_bin_id,probability\n" + b"".join(
        b"%d,%d,%d,0.5\n" % (event, area, bin) for event in (2, 3, 8) for area in (4, 6) for bin in (1, 2)
    )
    path = tmp_path / "footprint.bin"
    ktc.tobin("footprint", csv, path, index=tmp_path / "footprint.idx", max_intensity_bin=5, **options)
    suffix = "" if form == "plain" else ".z"
    path = tmp_path / f"footprint.bin{suffix}"
    found = inspect.info(path)
    assert (found.kind, found.form) == ("footprint", "compressed" if suffix else "indexed") and found.whole
    assert found.header == {"max_intensity_bin": 5, "flags": 3 if form == "sized" else 1}
    assert (found.records, found.events) == (12, 3) and found.index == str(
        tmp_path / f"footprint.idx{suffix}"
    )
    assert found.ranges["event_id"] == (2, 8) and found.ranges["areaperil_id"] == (4, 6)
    assert inspect.head(path, 1, skip=5).tolist() == [(3, 4, 2, 0.5)]
    index = inspect.info(tmp_path / f"footprint.idx{suffix}")
    assert (
        index.kind == ("footprint_index_sized" if form == "sized" else "footprint_index")
        and index.records == 3
    )
    os.remove(tmp_path / f"footprint.idx{suffix}")
    found = inspect.info(path)
    if suffix:
        assert (found.status, found.fault) == (
            3,
            f"{tmp_path}/footprint.idx.z: cannot read: No such file or directory",
        )
    else:
        assert (found.form, found.records, found.events) == (
            "table",
            12,
            None,
        ) and "no index beside it" in found.doc


@pytest.mark.parametrize("form", ["plain", "indexed", "compressed"])
def test_vulnerabilities(form, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    header = b"vulnerability_id,intensity_bin_id,damage_bin_id,probability\n"
    csv = header + b"1,1,1,1\n1,2,1,0.5\n1,2,2,0.5\n4,1,1,1\n4,2,1,1\n"
    options = {"plain": {}, "indexed": {"indexed": True}, "compressed": {"compress": True}}[form]
    ktc.tobin(
        "vulnerability", csv, "vulnerability.bin" if form == "plain" else None, max_damage_bin=2, **options
    )
    path = "vulnerability.bin.z" if form == "compressed" else "vulnerability.bin"
    found = inspect.info(path)
    assert (found.kind, found.form) == ("vulnerability", "table" if form == "plain" else form)
    assert list(found.ranges.items()) == [
        ("vulnerability_id", (1, 4)),
        ("intensity_bin_id", (1, 2)),
        ("damage_bin_id", (1, 2)),
        ("probability", (0.5, 1)),
    ]
    assert inspect.head(path, 2, skip=2).tolist() == [(1, 2, 2, 0.5), (4, 1, 1, 1.0)]


def test_loss_factors(tmp_path):
    path = tmp_path / "lossfactors.bin"
    ktc.tobin("lossfactors", b"event_id,amplification_id,factor\n4,1,1.25\n4,2,1.5\n6,1,2\n", path)
    found = inspect.info(path)
    assert (found.records, found.events, found.ranges["event_id"]) == (3, 2, (4, 6))
    assert inspect.head(path).tolist() == [(4, 1, 1.25), (4, 2, 1.5), (6, 1, 2.0)]


def test_csv_and_parquet_are_named(tmp_path, model):
    csv = tmp_path / "x"
    stages.eltcalc(model / "summary.bin", csv)
    assert inspect.info(csv).kind == "csv" and "The columns of event_loss_table: " in inspect.info(csv).doc
    csv.write_bytes(b"a,b\n1,2\n")
    assert inspect.info(csv).doc == "Columns that no table or report has."
    parquet = tmp_path / "y"
    parquet.write_bytes(b"PAR1....PAR1")
    assert (inspect.info(parquet).kind, inspect.info(parquet).whole) == ("parquet", True)
    parquet.write_bytes(b"PAR1....PA")
    assert (
        inspect.info(parquet).fault == f"{parquet}: byte 10: the file does not end with PAR1, as parquet does"
    )
    with pytest.raises(ktc.UsageError, match="this is parquet, expected a binary table or stream"):
        inspect.head(parquet)


# --- what is cut, empty or wrong


def test_streams_cut_at_every_byte(tmp_path):
    """All packets before the cut are told. Only between packets, and where gulcalc ends a stream, is a
    shorter stream whole."""
    data, path = losses(), tmp_path / "x"
    ends, at = [8], 8  # where packets end
    for _, _, records in PACKETS:
        at += 8 + 8 * (len(records) + 1)
        ends.append(at)
    for cut in range(4, len(data)):
        path.write_bytes(data[:cut])
        found = inspect.info(path)
        last = max([n for n, end in enumerate(ends) if end <= cut], default=0)
        start = ends[last]
        open_end = (
            cut > start + 8 and (cut - start) % 8 == 0 and struct.unpack_from("<i", data, cut - 8)[0] >= -1
        )
        assert found.whole == (cut in ends or open_end), cut
        if not found.whole:
            assert found.status == 1 and f"byte {cut}: the input ends inside" in found.fault
            if cut >= 8:
                assert (found.packets, found.records) == (last, sum(len(p[2]) for p in PACKETS[:last]))


@pytest.mark.parametrize("name", ["items", "occurrence_granular", "vulnerability", "random"])
def test_tables_cut(name, tmp_path):
    data, _rows = made(name)
    start, size, path = TABLES[name].header_size(), TABLES[name].size(), tmp_path / "x"
    for cut in (0, start - 1, start, start + 1, start + size, start + size + 1, len(data) - 1):
        if cut < 0:
            continue
        path.write_bytes(data[:cut])
        found = inspect.info(path, kind=name)
        assert found.whole == (cut >= start and (cut - start) % size == 0)
        assert (found.records or 0) == max(0, (cut - start) // size)
        if not found.whole:
            whole = start + (cut - start) // size * size if cut >= start else 0
            assert (
                f"byte {cut}: the input ends inside" in found.fault and f"found {cut - whole}" in found.fault
            )
        if cut == start + size + 1:
            assert len(inspect.head(path, 1, kind=name)) == 1  # the fault is not reached
            with pytest.raises(ktc.TruncatedError):
                inspect.head(path, 2, kind=name)


def test_a_footprint_shorter_than_its_index_says(tmp_path):
    (tmp_path / "footprint.bin").write_bytes(struct.pack("<ii", 5, 1) + struct.pack("<Iif", 4, 1, 1.0))
    (tmp_path / "footprint.idx").write_bytes(struct.pack("<iqqiqq", 1, 8, 12, 2, 20, 12))
    found = inspect.info(tmp_path / "footprint.bin")
    assert (found.records, found.events, found.status) == (1, 1, 1)
    assert "event_id 2: 12 bytes from byte 20 on are not in" in found.fault
    (tmp_path / "footprint.bin.z").write_bytes(
        struct.pack("<ii", 5, 1) + zlib.compress(struct.pack("<Iif", 4, 1, 1.0))[:-3]
    )
    (tmp_path / "footprint.idx.z").write_bytes(struct.pack("<iqq", 1, 8, 12))
    assert "the compressed records end too early" in inspect.info(tmp_path / "footprint.bin.z").fault


@pytest.mark.slow
def test_exit_statuses(door, tmp_path, model):
    gul = (model / "gul.bin").read_bytes()
    (tmp_path / "gul.bin").write_bytes(gul)
    (tmp_path / "cut.bin").write_bytes(gul[:1003])
    (tmp_path / "what").write_bytes(b"\2\0\0")
    cut = "ktc info: error: cut.bin: byte 1003: the input ends inside a record: "
    cut += "expected 8 bytes from byte 1000, found 3\n"
    call = lambda *args, **options: door("info", *args, cwd=tmp_path, **options)
    assert call("gul.bin")[::2] == (0, "")
    assert call("cut.bin", "gul.bin")[::2] == (1, cut) and call("cut.bin", "gul.bin")[1].count(b"whole") == 2
    assert call("cut.bin", "what")[0] == 2 and call("what", "missing", "cut.bin")[0] == 3
    assert call("what")[2] == (
        "ktc info: error: what: neither its first bytes nor its name say what this is; "
        "no table has 3 bytes; name it with --as\n"
    )
    assert call("--as", "itms", "gul.bin") == (
        2,
        b"",
        "ktc info: error: no table or stream is called 'itms', but items and item\n",
    )
    assert (
        call("--as", "summary", "gul.bin")[0] == 1
        and "this is a loss stream, expected a summary stream" in call("--as", "summary", "gul.bin")[2]
    )
    assert call("-", "-")[0] == 2 and call(stdin=b"")[0] == 2 and call(".")[0] == 3
    assert call("--as", "items", stdin=(model / "input" / "items.bin").read_bytes())[0] == 0
    status, out, _err = call("--json", "cut.bin", "missing")
    first, second = json.loads(out)
    assert status == 3 and (first["kind"], first["whole"], first["fault"]) == ("loss", False, cut[17:-1])
    assert second["kind"] is None and "cannot open" in second["fault"]


def test_json_has_no_number_that_json_lacks(door, tmp_path):
    (tmp_path / "random.bin").write_bytes(np.array([0.5, np.nan, np.inf], "<f4").tobytes())
    (found,) = json.loads(door("info", "--json", "random.bin", cwd=tmp_path)[1])
    assert found["ranges"] == {"random_no": ["nan", "nan"]} and found["records"] == 3


# --- the first records

CONVERTED = [
    "events",
    "items",
    "coverages",
    "damage_bin_dict",
    "random",
    "fm_programme",
    "fm_policytc",
    "fm_profile",
    "fm_xref",
    "fmsummaryxref",
    "gulsummaryxref",
    "occurrence",
    "returnperiods",
    "periods",
    "quantile",
    "vulnerability",
]


def lines_of(csv, n, skip=0):
    lines = csv.decode().splitlines(True)
    return "".join([lines[0], *lines[1 + skip : 1 + skip + n]]).encode()


@pytest.mark.parametrize("name", CONVERTED)
def test_csv_of_tables_is_the_converter_s(name, model, door, tmp_path, capfdbinary):
    path = model / TABLES[name].path
    ktc.tocsv(name, path, tmp_path / "csv")
    csv = (tmp_path / "csv").read_bytes()
    for n, skip in ((3, 4), (10**6, 0)):
        assert inspect.report_head(path, n=n, skip=skip, csv=True) == 0
        assert capfdbinary.readouterr() == (lines_of(csv, n, skip), b"")
    piped = door("head", "--as", name, "--csv", "-n", 3, "--skip", 2, stdin=path.read_bytes())
    assert piped == (0, lines_of(csv, 3, 2), "")


@pytest.mark.parametrize("options", [{}, {"granular": True}, {"date_id": True}], ids=str)
def test_csv_of_dates(options, tmp_path, door):
    csv = (
        b"event_id,period_no,occ_date_id\n1,2,77\n2,2,78\n"
        if "date_id" in options
        else (
            b"event_id,period_no,occ_year,occ_month,occ_day,occ_hour,occ_minute\n1,2,2020,2,29,23,59\n2,2,1,1,1,0,0\n"
        )
    )
    path, out = tmp_path / "occurrence.bin", tmp_path / "csv"
    if not options:
        csv = csv.replace(b",occ_hour,occ_minute", b"").replace(b",23,59", b"").replace(b",0,0", b"")
    ktc.tobin("occurrence", csv, path, periods=3, **options)
    ktc.tocsv("occurrence", path, out)
    assert door("head", "--csv", path) == (0, out.read_bytes(), "")


@pytest.mark.parametrize(
    "file, tool_name, flags",
    [("gul.bin", "fmtocsv", []), ("summary.bin", "summarycalctocsv", ["-a"]), ("cdf.bin", "cdftocsv", [])],
)
def test_csv_of_streams_is_the_tool_s(file, tool_name, flags, model, door, run, tool, capfdbinary):
    csv = run([tool(tool_name), *flags], (model / file).read_bytes())[1]
    for n, skip in ((5, 7), (10**6, 0), (7, 10**6)):
        assert inspect.report_head(model / file, n=n, skip=skip, csv=True) == 0
        assert capfdbinary.readouterr() == (lines_of(csv, n, skip), b"")
    ids = {"item": "item_id", "coverage": "coverage_id", "coverage loss": "coverage_id"}
    for kind, id in ids.items():
        status, out, _ = door("head", "--csv", stdin=losses(STREAMS[kind].kind))
        assert (
            status == 0
            and out == run([tool("gultocsv")], losses(STREAMS[kind].kind))[1]
            and id in out.decode()
        )


def test_footprint_as_csv(model, door, run, tool):
    static = model / "static"
    csv = run([tool("footprinttocsv"), "-b", static / "footprint.bin", "-x", static / "footprint.idx"])[1]
    assert door("head", static / "footprint.bin", "--csv", "-n", 50, "--skip", 20) == (
        0,
        lines_of(csv, 50, 20),
        "",
    )


def test_columns_for_people(door, tmp_path):
    (tmp_path / "quantile.bin").write_bytes(b"")
    assert door("head", tmp_path / "quantile.bin") == (0, b"quantile\n", "")
    assert inspect.info(tmp_path / "quantile.bin").records == 0
    (tmp_path / "s").write_bytes(losses())
    assert door("head", "-n", "4", "--skip", "4", tmp_path / "s") == (
        0,
        b"event_id  output_id  sidx  loss\n       7          2     1  1.00\n       7          2     2  4.00\n"
        b"       7          5    -1  0.50\n       9          1     2  0.25\n",
        "",
    )
    assert door("head", "-n", "0", tmp_path / "s")[1] == b"event_id  output_id  sidx  loss\n"
    (tmp_path / "s").write_bytes(losses()[:-4])
    status, out, err = door("head", tmp_path / "s")
    assert status == 1 and out.count(b"\n") == 9 and err.startswith(f"ktc head: error: {tmp_path}/s: byte ")
    assert door("head", "-n", "-1", tmp_path / "s")[0] == 2 and door("head", tmp_path / "none")[0] == 3


def test_8_byte_areaperils(tmp_path, door):
    (tmp_path / "items.bin").write_bytes(struct.pack("<iiQii", 1, 2, 1 << 40, 3, 4))
    status, out, _ = door("head", "--csv", "items.bin", cwd=tmp_path, env={"KTC_AREAPERIL_BYTES": "8"})
    assert status == 0 and out.endswith(b"\n1, 2, 1099511627776, 3, 4\n")
    assert inspect.info(tmp_path / "items.bin", areaperil_bytes=8).ranges["areaperil_id"] == (
        1 << 40,
        1 << 40,
    )


@pytest.mark.posix
def test_head_reads_no_more_than_it_needs(tool, tmp_path):
    """An endless pipe, and a file far longer than what is read of it."""
    many = losses(packets=[(event, 1, [(-1, 1.0), (1, 2.0)]) for event in range(1, 20000)])
    (tmp_path / "many").write_bytes(many)
    ktc_script = tool("ktc")
    for command in (
        f"(while cat many; do tail -c +9 many; done) 2>/dev/null | {ktc_script} head -n 3",
        f"yes | {ktc_script} head --as items -n 3 --skip 5",
    ):
        done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, timeout=20)
        assert done.stdout.count(b"\n") == 4 and done.stderr == b""
    for data, kind in (
        (losses(packets=PACKETS), "loss"),
        (cdfs(), "cdf"),
    ):  # the pipe stays open, in the middle of an event
        with subprocess.Popen(
            [ktc_script, "head", "-n", "2"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            process.stdin.write(data[:90])
            process.stdin.flush()
            assert process.stdout.read().count(b"\n") == 3, kind
    with open(tmp_path / "items.bin", "wb") as file:
        file.truncate(20 * 10**9)  # sparse: 1e9 items
    assert inspect.head(tmp_path / "items.bin", 2, skip=10**9 - 1).tolist() == [(0, 0, 0, 0, 0)]


@pytest.mark.posix
def test_a_reader_that_leaves(tool, model):
    for command in ("head -n 50000 static/random.bin", "head --csv -n 50000 static/random.bin"):
        done = subprocess.run(
            ["bash", "-c", f"{tool('ktc')} {command} | head -1; echo ${{PIPESTATUS[0]}}"],
            cwd=model,
            capture_output=True,
            text=True,
        )
        assert done.stdout in ("random_no\n141\n", "random_no\n0\n") and done.stderr == ""
