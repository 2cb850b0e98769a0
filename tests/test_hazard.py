"""Footprints of every format as sources of an event's rows."""

import json
import struct
import sys

import numpy as np
import pytest

import ktc.tables
from ktc.errors import DataError, InputError, UsageError
from ktc.hazard import EVENT, footprint

pa = pytest.importorskip("pyarrow")
import pyarrow.parquet as pq  # noqa: E402

# event_id, areaperil_id, intensity_bin_id, probability
ROWS = [(1, 1, 1, 0.25), (1, 1, 2, 0.75), (1, 3, 2, 1.0), (2, 2, 3, 1.0), (4, 1, 3, 0.5), (4, 2, 1, 0.5)]
CSV = "event_id,areaperil_id,intensity_bin_id,probability\n" + "".join(
    ",".join(map(str, row)) + "\n" for row in ROWS
)
ALL = np.array([1, 2, 3])


@pytest.fixture
def static(tmp_path):
    (tmp_path / "static").mkdir()
    return tmp_path / "static"


def of(static, areaperils=ALL, **options):
    return footprint(static.parent, areaperils=np.asarray(areaperils), **options)


def tuples(rows):
    return [row[:3] for row in rows.tolist()]


def meta(static, n=3, uncertain=True):
    content = {"num_intensity_bins": n, "has_intensity_uncertainty": uncertain}
    (static / "footprint_parquet_meta.json").write_text(json.dumps(content))


def binary(static, **options):
    suffix = ".z" if options.get("compress") else ""
    places = [static / f"footprint.{end}{suffix}" for end in ("bin", "idx")]
    ktc.tables.footprint_tobin(CSV.encode(), *places, max_intensity_bin=3, validate=False, **options)
    return [str(place) for place in places]


def partitioned(static):
    meta(static)
    for event in (1, 2, 4):
        folder = static / "footprint.parquet" / f"event_id={event}"
        folder.mkdir(parents=True)
        own = [row[1:] for row in ROWS if row[0] == event]
        pq.write_table(arrow_rows(own), folder / "part.parquet")


def arrow_rows(rows, event=None):
    columns = list(zip(*rows))
    table = {
        "areaperil_id": pa.array(columns[0], pa.uint32()),
        "intensity_bin_id": pa.array(columns[1], pa.int32()),
        "probability": pa.array(columns[2], pa.float32()),
    }
    return pa.table(table if event is None else {**table, "event_id": pa.array(event, pa.int32())})


def chunked(static):
    meta(static)
    (static / "footprint_chunk").mkdir()
    for number, events in ((1, (4, 1)), (2, (2,))):
        rows = [row for event in events for row in ROWS if row[0] == event]
        table = arrow_rows([row[1:] for row in rows], [row[0] for row in rows])
        pq.write_table(table, static / "footprint_chunk" / f"footprint_{number}.parquet")
    lookup = pa.table({"event_id": [4, 1, 2], "partition": [1, 1, 2], "min_areaperil_id": [1, 1, 2]})
    pq.write_table(lookup, static / "footprint_lookup.parquet")


# Formats


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("no_uncertainty", [False, True])
def test_binary_forms_are_the_kernels(static, compress, no_uncertainty):
    paths = binary(static, compress=compress, no_uncertainty=no_uncertainty)
    found = of(static)
    assert found.files == (*paths, compress)
    assert (found.n_intensity, found.uncertain, found.name) == (3, not no_uncertainty, paths[0])


def test_csv(static):
    (static / "footprint.csv").write_text(CSV)
    found = of(static, [1])
    assert (found.n_intensity, found.uncertain, found.files) == (3, True, None)
    assert found.rows(1).dtype == EVENT
    assert tuples(found.rows(1)) == [(1, 1, 0.25), (1, 2, 0.75), (3, 2, 1.0)]
    assert tuples(found.rows(2)) == [(2, 3, 1.0)]
    assert found.rows(3) is None


def test_events_of_csv_may_stand_in_any_order_and_keep_that_of_their_rows(static):
    lines = CSV.splitlines()
    (static / "footprint.csv").write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    assert tuples(of(static).rows(1)) == [(3, 2, 1.0), (1, 2, 0.75), (1, 1, 0.25)]


def test_intensity_of_csv_is_certain_where_no_areaperil_has_two_rows(static):
    (static / "footprint.csv").write_text("event_id,areaperil_id,intensity_bin_id,probability\n1,1,5,1\n")
    assert not of(static).uncertain
    assert of(static).n_intensity == 5


def test_wide_areaperils(static):
    big = 1 << 40
    (static / "footprint.csv").write_text(
        f"event_id,areaperil_id,intensity_bin_id,probability\n1,{big},1,1\n"
    )
    assert tuples(of(static, [big], areaperil_bytes=8).rows(1)) == [(big, 1, 1.0)]
    with pytest.raises(DataError, match="footprint.csv: line 2: .*areaperil_id"):
        of(static)


@pytest.mark.parametrize("write", [partitioned, chunked])
def test_parquet(static, write):
    write(static)
    found = of(static)
    assert (found.n_intensity, found.uncertain, found.files) == (3, True, None)
    assert tuples(found.rows(1)) == [(1, 1, 0.25), (1, 2, 0.75), (3, 2, 1.0)]
    assert tuples(found.rows(4)) == [(1, 3, 0.5), (2, 1, 0.5)]
    assert tuples(found.rows(2)) == [(2, 3, 1.0)]
    assert tuples(found.rows(1)) == [(1, 1, 0.25), (1, 2, 0.75), (3, 2, 1.0)]
    assert found.rows(3) is None


@pytest.mark.parametrize("write", [partitioned, chunked])
def test_parquet_has_the_portfolios_areaperils_only(static, write):
    write(static)
    found = of(static, [3, 9])
    assert tuples(found.rows(1)) == [(3, 2, 1.0)]
    assert found.rows(4) is None or len(found.rows(4)) == 0


def test_a_parquet_file_must_have_the_columns(static):
    partitioned(static)
    place = static / "footprint.parquet" / "event_id=1" / "part.parquet"
    pq.write_table(pa.table({"areaperil_id": [1], "probability": [1.0]}), place)
    with pytest.raises(DataError, match="part.parquet: no column intensity_bin_id, expected areaperil_id, "):
        of(static).rows(1)
    place.write_bytes(b"no parquet")
    with pytest.raises(DataError, match="part.parquet"):
        of(static).rows(1)


def test_gaps_in_parquet(static):
    partitioned(static)
    table = pa.table({"areaperil_id": [1, None], "intensity_bin_id": [1, 1], "probability": [1.0, 1.0]})
    pq.write_table(table, static / "footprint.parquet" / "event_id=1" / "part.parquet")
    with pytest.raises(DataError, match="part.parquet: column areaperil_id has gaps"):
        of(static).rows(1)


@pytest.mark.parametrize("write", [partitioned, chunked])
def test_parquet_is_an_extra(static, write, monkeypatch):
    write(static)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match=r"pip install 'ktc\[parquet\]'"):
        of(static)


# Which one is taken


def test_order_of_preference(static):
    (static / "footprint.csv").write_text(CSV)
    assert type(of(static)).__name__ == "Csv"
    binary(static)
    assert type(of(static)).__name__ == "Binary"
    binary(static, compress=True)
    assert type(of(static)).__name__ == "Compressed"
    partitioned(static)
    assert type(of(static)).__name__ == "Partitioned"
    chunked(static)
    assert type(of(static)).__name__ == "Chunked"


@pytest.mark.parametrize(
    "ignore, kind",
    [
        (["parquet"], "Compressed"),
        (["json"], "Compressed"),
        (["parquet", "z"], "Binary"),
        (["parquet", "z", "bin"], "Csv"),
        (["parquet", "z", "idx"], "Csv"),
        (["bin"], "Chunked"),
    ],
)
def test_endings_that_are_passed_over(static, ignore, kind):
    (static / "footprint.csv").write_text(CSV)
    binary(static)
    binary(static, compress=True)
    partitioned(static)
    chunked(static)
    assert type(of(static, ignore=ignore)).__name__ == kind


def test_a_format_without_all_of_its_files_is_passed_over(static):
    (static / "footprint.csv").write_text(CSV)
    binary(static)
    (static / "footprint.idx").unlink()
    assert type(of(static)).__name__ == "Csv"


def test_no_footprint(static):
    with pytest.raises(InputError, match="static: no footprint in binary, csv or parquet$"):
        of(static)
    with pytest.raises(InputError, match="static: no dynamic footprint, expected event_definition.parquet"):
        of(static, dynamic=True)


def test_footprint_parquet_must_be_a_folder(static):
    meta(static)
    (static / "footprint.parquet").write_bytes(b"")
    with pytest.raises(DataError, match="footprint.parquet: a file, expected a folder of event_id=N/"):
        of(static)


def test_places_that_a_run_has_chosen(static):
    (static / "footprint_new.csv").write_text(CSV)

    def find(place):
        return str(static.parent / place.replace("footprint.csv", "footprint_new.csv"))

    assert of(static, find=find).name == str(static / "footprint_new.csv")


@pytest.mark.parametrize(
    "content, why",
    [
        ("[]", "expected an object with the numbers num_intensity_bins and"),
        ('{"num_intensity_bins": 3}', "expected an object with the numbers num_intensity_bins and"),
        ("{", "not json: "),
    ],
)
def test_wrong_meta(static, content, why):
    partitioned(static)
    (static / "footprint_parquet_meta.json").write_text(content)
    with pytest.raises(DataError, match=f"footprint_parquet_meta.json: {why}"):
        of(static)


def test_no_intensity_bins(static):
    partitioned(static)
    meta(static, n=0)
    with pytest.raises(DataError, match="footprint.parquet: the largest intensity bin is 0, expected 1 to"):
        of(static)


def test_cut_header(static):
    binary(static)
    (static / "footprint.bin").write_bytes(struct.pack("<i", 3))
    with pytest.raises(DataError, match="footprint.bin: byte 4: the input ends inside the header of 8 bytes"):
        of(static)


# Dynamic footprints

CASES = [  # section_id, areaperil_id, return_period, intensity, probability
    (1, 10, 50, 4, 0.5),
    (1, 10, 50, 2, 0.5),
    (1, 10, 100, 8, 0.5),
    (1, 10, 100, 5, 0.5),
    (1, 11, 100, 3, 1.0),
    (1, 12, 50, 6, 1.0),
    (2, 10, 50, 7, 1.0),
    (3, 13, 50, 7, 1.0),
]
EVENTS = [  # event_id, section_id, rp_from, rp_to, interpolation
    (1, 1, 50, 100, 0.5),
    (2, 2, 0, 50, 0.25),
    (3, 3, 0, 50, 1.0),
    (4, 1, 50, 50, 0.0),
    (5, 1, 200, 500, 0.0),
]


def dynamic(static, cases=CASES, probability=True, by_section=False):
    meta(static, n=9)
    (static.parent / "input").mkdir(exist_ok=True)
    (static.parent / "input" / "sections.csv").write_text("section_id\n1\n2\n1\n")
    columns = [np.array(column) for column in zip(*cases)]
    names = ("section_id", "areaperil_id", "return_period", "intensity", "probability")
    hazard = pa.table(dict(zip(names, columns[: 4 + probability])))
    names = ("event_id", "section_id", "rp_from", "rp_to", "interpolation")
    event = pa.table(dict(zip(names, [np.array(column) for column in zip(*EVENTS)])))
    for table, name in ((hazard, "hazard_case"), (event, "event_definition")):
        place = static / f"{name}.parquet"
        if by_section:
            pq.write_to_dataset(table, place, partition_cols=["section_id"])
        else:
            pq.write_table(table, place)
    return of(static, [10, 11, 12, 13], dynamic=True)


def columns(rows):
    names = ("areaperil_id", "intensity", "return_period", "probability")
    assert not rows["intensity_bin_id"].any()
    return list(zip(*(rows[name].tolist() for name in names)))


@pytest.mark.parametrize("by_section", [False, True])
def test_realisations_of_two_return_periods_are_paired_by_rank(static, by_section):
    found = dynamic(static, by_section=by_section)
    assert (found.n_intensity, found.uncertain) == (9, True)
    # 2 -> 5 and 4 -> 8, halfway; what a return period lacks counts as 0; the highest comes first
    assert columns(found.rows(1)) == [
        (10, 6, 100, 0.5),
        (10, 3, 100, 0.5),
        (11, 1, 100, 1.0),
        (12, 3, 100, 1.0),
    ]


def test_sections_of_the_portfolio_only(static):
    found = dynamic(static)
    assert columns(found.rows(2)) == [(10, 1, 50, 1.0)]  # 0 to 7, a quarter of the way
    assert found.rows(3) is None
    assert found.rows(9) is None


def test_no_case_of_the_return_periods(static):
    found = dynamic(static)
    assert found.rows(5) is None
    assert columns(found.rows(4)) == [(10, 4, 50, 0.5), (10, 2, 50, 0.5), (12, 6, 50, 1.0)]


def test_equal_intensities_become_one(static):
    cases = [(1, 10, 50, 4, 0.1), (1, 10, 50, 5, 0.2), (1, 10, 50, 4, 0.2)]
    found = dynamic(static, cases)
    rows = found.rows(4)
    assert rows["intensity"].tolist() == [5, 4]
    # of a sum of 0.5
    assert rows["probability"].tolist() == [np.float32(0.4), np.float32(0.6)]


def test_without_probabilities_all_cases_are_alike(static):
    found = dynamic(static, probability=False)
    assert columns(found.rows(1))[:2] == [(10, 6, 100, 0.5), (10, 3, 100, 0.5)]


def test_cases_without_probability(static):
    found = dynamic(static, [(1, 10, 50, 4, 0.0)])
    with pytest.raises(DataError, match="event 4: areaperil 10: the probabilities .* add up to 0.0, expect"):
        found.rows(4)


def test_a_dynamic_footprint_needs_its_sections(static):
    dynamic(static)
    (static.parent / "input" / "sections.csv").unlink()
    with pytest.raises(InputError, match="sections.csv: not there"):
        of(static, dynamic=True)


def test_a_dynamic_footprint_is_taken_only_where_it_is_asked_for(static):
    dynamic(static)
    with pytest.raises(
        InputError, match=r"no footprint in binary, csv or parquet \(there is a dynamic one\)"
    ):
        of(static)
    binary(static)
    assert type(of(static)).__name__ == "Binary"
    assert type(of(static, dynamic=True)).__name__ == "Dynamic"
