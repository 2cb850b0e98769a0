"""Footprints in parquet: from binary and to it, against the platform's own layout by hand."""

import json
import struct

import pytest

import ktc
from ktc.errors import DataError, InputError, UsageError
from ktc.footprintparquet import footprint_bin_to_parquet, footprint_parquet_to_bin

pytest.importorskip("pyarrow")
import pyarrow as pa
import pyarrow.parquet as pq

CSV = (
    b"event_id,areaperil_id,intensity_bin_id,probability\n"
    b"1,40,1,0.25\n1,40,2,0.75\n1,41,2,1\n2,5,3,1\n4,30,1,0.5\n4,30,3,0.5\n"
)
EVENTS = {1: [(40, 1, 0.25), (40, 2, 0.75), (41, 2, 1)], 2: [(5, 3, 1)], 4: [(30, 1, 0.5), (30, 3, 0.5)]}


def binary(folder, csv=CSV, **options):
    ktc.tobin(
        "footprint",
        csv,
        str(folder / "footprint.bin"),
        index=str(folder / "footprint.idx"),
        max_intensity_bin=6,
        **options,
    )
    return contents(folder)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.glob("footprint.*") if path.is_file()}


def tuples(table):
    return list(zip(*(table.column(name).to_pylist() for name in table.column_names)))


@pytest.mark.parametrize("areaperil_bytes", [4, 8])
@pytest.mark.parametrize("options", [{}, {"compress": True}, {"compress": True, "sized": True}])
@pytest.mark.parametrize("chunk", [{}, {"chunk": True}, {"chunk": True, "chunk_size": 1}])
def test_there_and_back(tmp_path, options, chunk, areaperil_bytes):
    made = binary(tmp_path, areaperil_bytes=areaperil_bytes, **options)
    footprint_bin_to_parquet(tmp_path, areaperil_bytes=areaperil_bytes, **chunk)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    for name in made:
        (tmp_path / name).unlink()
    footprint_parquet_to_bin(tmp_path, areaperil_bytes=areaperil_bytes, **options)
    assert contents(tmp_path) == made


def test_by_event(tmp_path):
    (tmp_path / "footprint.parquet").mkdir()
    (tmp_path / "footprint.parquet" / "old").touch()
    binary(tmp_path, no_uncertainty=True)
    footprint_bin_to_parquet(tmp_path)
    folder = tmp_path / "footprint.parquet"
    assert sorted(path.name for path in folder.iterdir()) == ["event_id=1", "event_id=2", "event_id=4"]
    for event, rows in EVENTS.items():
        (path,) = (folder / f"event_id={event}").iterdir()
        table = pq.ParquetFile(path).read()
        assert table.schema.types == [pa.uint32(), pa.int32(), pa.float32()]
        assert table.column_names == ["areaperil_id", "intensity_bin_id", "probability"]
        assert tuples(table) == rows
    assert json.loads((tmp_path / "footprint_parquet_meta.json").read_text()) == {
        "num_intensity_bins": 6,
        "has_intensity_uncertainty": False,
    }


def test_chunks(tmp_path):
    """Events by their smallest areaperil id; a chunk ends with the event that makes it large enough."""
    binary(tmp_path)
    footprint_bin_to_parquet(tmp_path, chunk=True, chunk_size=40)
    lookup = pq.read_table(tmp_path / "footprint_lookup.parquet")
    assert lookup.column_names == ["event_id", "partition", "min_areaperil_id", "max_areaperil_id"]
    assert tuples(lookup) == [(2, 1, 5, 5), (4, 1, 30, 30), (1, 2, 40, 41)]
    folder = tmp_path / "footprint_chunk"
    assert sorted(path.name for path in folder.iterdir()) == ["footprint_1.parquet", "footprint_2.parquet"]
    for number, events in ((1, (2, 4)), (2, (1,))):
        assert tuples(pq.read_table(folder / f"footprint_{number}.parquet")) == [
            (*row, event) for event in events for row in EVENTS[event]
        ]
    assert json.loads((tmp_path / "footprint_parquet_meta.json").read_text())["has_intensity_uncertainty"]


def test_what_others_write(tmp_path):
    """Other types and several files of an event; values that fit; and the chunks first, where both are."""
    event = tmp_path / "footprint.parquet" / "event_id=7"
    event.mkdir(parents=True)
    for name, rows in (("b", [(9, 2, 0.5)]), ("a", [(9, 1, 0.5)])):
        columns = dict(zip(("areaperil_id", "intensity_bin_id", "probability"), zip(*rows)))
        pq.write_table(pa.table({**columns, "more": ["x"]}), event / f"{name}.parquet")
    meta = tmp_path / "footprint_parquet_meta.json"
    meta.write_text('{"num_intensity_bins": 2, "has_intensity_uncertainty": true}')
    footprint_parquet_to_bin(tmp_path)
    rows = struct.pack("<Iif", 9, 1, 0.5) + struct.pack("<Iif", 9, 2, 0.5)
    assert contents(tmp_path) == {
        "footprint.bin": struct.pack("<ii", 2, 1) + rows,
        "footprint.idx": struct.pack("<iqq", 7, 8, 24),
    }
    (tmp_path / "footprint_chunk").mkdir()
    chunk = tmp_path / "footprint_chunk" / "footprint_3.parquet"
    pq.write_table(
        pa.table(
            {
                "event_id": [8, 7, 8],
                "areaperil_id": [1, 2, 3],
                "intensity_bin_id": [1, 1, 2],
                "probability": [0.5, 1, 0.25],
            }
        ),
        chunk,
    )
    lookup = tmp_path / "footprint_lookup.parquet"
    pq.write_table(pa.table({"event_id": [7, 8], "partition": [3, 3]}), lookup)
    footprint_parquet_to_bin(tmp_path)
    assert contents(tmp_path) == {
        "footprint.bin": struct.pack("<ii", 2, 1)
        + b"".join(struct.pack("<Iif", *row) for row in ((2, 1, 1), (1, 1, 0.5), (3, 2, 0.25))),
        "footprint.idx": struct.pack("<iqqiqq", 7, 8, 12, 8, 20, 24),
    }
    pq.write_table(pa.table({"event_id": [7], "partition": [3]}), lookup)
    with pytest.raises(DataError, match="footprint_3.parquet: event_id 8 is here, where .* has it nowhere"):
        footprint_parquet_to_bin(tmp_path)


@pytest.mark.parametrize(
    "columns, words",
    [
        ({"areaperil_id": [1 << 32]}, "row 1: areaperil_id is 4294967296, expected a value of uint32"),
        ({"areaperil_id": [-1]}, "row 1: areaperil_id is -1, expected a value of uint32"),
        ({"areaperil_id": [1.0]}, "areaperil_id is of type double, expected uint32"),
        (
            {"intensity_bin_id": [None]},
            "intensity_bin_id is of type null|a value of intensity_bin_id is missing",
        ),
        ({"probability": [float("nan")]}, "row 1: probability is nan, expected a value of float32"),
        ({"probability": [1e99]}, r"row 1: probability is 1e\+99, expected a value of float32"),
        (
            {"probability": None},
            "no column probability; expected areaperil_id, intensity_bin_id, probability",
        ),
    ],
)
def test_wrong_values(tmp_path, columns, words):
    event = tmp_path / "footprint.parquet" / "event_id=7"
    event.mkdir(parents=True)
    columns = {"areaperil_id": [1], "intensity_bin_id": [1], "probability": [1.0], **columns}
    table = pa.table({name: values for name, values in columns.items() if values is not None})
    pq.write_table(table, event / "x.parquet")
    (tmp_path / "footprint_parquet_meta.json").write_text(
        '{"num_intensity_bins": 2, "has_intensity_uncertainty": 1}'
    )
    with pytest.raises(DataError, match=words):
        footprint_parquet_to_bin(tmp_path)
    assert contents(tmp_path) == {}


def test_faults(tmp_path):
    with pytest.raises(InputError, match="footprint.bin: cannot read: no such file"):
        footprint_bin_to_parquet(tmp_path)
    with pytest.raises(InputError, match="footprint.parquet: cannot read: no such folder"):
        footprint_parquet_to_bin(tmp_path)
    made = binary(tmp_path)
    with pytest.raises(UsageError, match="the size of a chunk is 0"):
        footprint_bin_to_parquet(tmp_path, chunk=True, chunk_size=0)
    index = made["footprint.idx"]
    (tmp_path / "footprint.idx").write_bytes(index + index[:20])
    for chunk in (True, False):
        with pytest.raises(DataError, match="footprint.idx: event_id 1 comes a second time"):
            footprint_bin_to_parquet(tmp_path, chunk=chunk)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["footprint.bin", "footprint.idx"]
    (tmp_path / "footprint.idx").write_bytes(index)
    footprint_bin_to_parquet(tmp_path)
    meta = tmp_path / "footprint_parquet_meta.json"
    for text in ("{", "[]", '{"num_intensity_bins": "x", "has_intensity_uncertainty": 1}'):
        meta.write_text(text)
        with pytest.raises(DataError, match="meta.json: expected num_intensity_bins"):
            footprint_parquet_to_bin(tmp_path)
    meta.unlink()
    with pytest.raises(InputError, match="meta.json: cannot read"):
        footprint_parquet_to_bin(tmp_path)
    meta.write_text('{"num_intensity_bins": 6, "has_intensity_uncertainty": true}')
    (tmp_path / "footprint.parquet" / "event_id=2" / "part-0.parquet").write_bytes(b"PAR1 and more")
    with pytest.raises(DataError, match="part-0.parquet: not a parquet file, or a damaged one"):
        footprint_parquet_to_bin(tmp_path)
    (tmp_path / "footprint.parquet" / "event_id=x").mkdir()
    with pytest.raises(DataError, match="event_id=x: expected event_id= and a whole number"):
        footprint_parquet_to_bin(tmp_path)
    assert contents(tmp_path) == made


def test_scripts(tmp_path, run, tool):
    made = binary(tmp_path)
    assert run([tool("footprint_bin_to_parquet"), "-p", tmp_path, "--chunk", "--chunk-size", "40"]) == (
        0,
        b"",
        "",
    )
    assert run([tool("footprint_bin_to_parquet")], cwd=tmp_path) == (0, b"", "")
    for path in (tmp_path / "footprint_chunk").iterdir():
        path.unlink()
    (tmp_path / "footprint_chunk").rmdir()
    (tmp_path / "footprint.bin").unlink()
    assert run([tool("footprint_parquet_to_bin"), "--static-path", tmp_path]) == (0, b"", "")
    assert contents(tmp_path) == made
