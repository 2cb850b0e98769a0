"""What gulmc reads of a model and a portfolio: joined, checked, and only what is needed."""

import json
import struct
import zlib

import numpy as np
import pytest

import ktc.tables
from ktc.errors import DataError, InputError
from ktc.fullmodel import ITEMS, load

# item_id, coverage_id, areaperil_id, vulnerability_id, group_id
ITEM_ROWS = [(1, 1, 20, 2, 7), (2, 1, 10, 3, 7), (3, 2, 10, 2, 8), (4, 3, 10, 2, 9), (5, 3, 30, 3, 9)]
# vulnerability_id, intensity_bin_id, damage_bin_id, probability
VULNERABILITY = [
    (1, 1, 1, 1.0),
    (2, 1, 1, 0.5),
    (2, 1, 2, 0.5),
    (2, 2, 3, 1.0),
    (3, 1, 2, 1.0),
    (3, 2, 2, 0.25),
    (3, 2, 3, 0.75),
    (3, 3, 3, 1.0),  # of an intensity that the footprint has not
]
TWO = [[0.5, 0.5, 0], [0, 0, 1]]
THREE = [[0, 1, 0], [0, 0.25, 0.75]]
ONE = [[1, 0, 0], [0, 0, 0]]
BINS = [(1, 0, 0, 0, 1), (2, 0, 0.5, 0.25, 0), (3, 0.5, 1, 0.75, 2)]


def csv(head, rows):
    return head + "\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)


class Case:
    """A small run that a test changes before it is read."""

    def __init__(self, root):
        self.root = root
        for name in ("input", "static"):
            (root / name).mkdir()
        self.items(ITEM_ROWS)
        np.array([100, 200, 300], "<f4").tofile(root / "input/coverages.bin")
        self.pack("static/damage_bin_dict.bin", "<ifffi", BINS)
        self.pack("static/vulnerability.bin", "<iiif", VULNERABILITY, struct.pack("<i", 3))
        self.text("static/footprint.csv", "event_id,areaperil_id,intensity_bin_id,probability\n1,10,2,1\n")

    def items(self, rows):
        self.pack("input/items.bin", "<iiIii", rows)

    def pack(self, place, format, rows, head=b""):
        (self.root / place).write_bytes(head + b"".join(struct.pack(format, *row) for row in rows))

    def text(self, place, text):
        (self.root / place).write_text(text)

    def remove(self, place):
        (self.root / place).unlink()

    def load(self, **options):
        return load(self.root, **options)

    def settings(self, **adjustments):
        return {"vulnerability_adjustments": adjustments}

    def fails(self, message, error=DataError, **options):
        with pytest.raises(error, match=message):
            self.load(**options)


@pytest.fixture
def case(tmp_path):
    return Case(tmp_path)


def matrices(model):
    return {id: m.tolist() for id, m in zip(model.vulnerability_ids.tolist(), model.vulnerabilities)}


# Items


def test_items_stand_by_areaperil_vulnerability_and_item(case):
    model = case.load()
    assert model.items.dtype == ITEMS
    assert model.items["item_id"].tolist() == [3, 4, 2, 1, 5]
    assert model.items["areaperil_id"].tolist() == [10, 10, 10, 20, 30]
    assert model.items["vulnerability_id"].tolist() == [2, 2, 3, 2, 3]
    assert model.items["coverage_id"].tolist() == [2, 3, 1, 1, 3]
    assert model.items["group_id"].tolist() == [8, 9, 7, 7, 9]
    assert model.items["factor"].tolist() == [1] * 5
    for name in ("peril_correlation_group", "damage_correlation_value", "hazard_group_id", "source_item_id"):
        assert model.items[name].tolist() == [0] * 5
    assert model.tiv.tolist() == [100, 200, 300]
    assert (model.n_damage, model.n_intensity, model.intensity_table) == (3, 2, None)
    assert model.bins["bin_to"].tolist() == [0, 0.5, 1]
    assert model.bins[model.bins.dtype.names[4]].tolist() == [1, 0, 2]
    assert (model.aggregates, model.weights, model.conditional) == ({}, {}, {})


def test_csv_stands_for_a_table_that_is_not_there_in_binary(case):
    expected = case.load()
    for place in ("input/items.bin", "input/coverages.bin", "static/damage_bin_dict.bin"):
        case.remove(place)
    head = "item_id,coverage_id,areaperil_id,vulnerability_id,group_id"
    case.text("input/items.csv", csv(head, ITEM_ROWS))
    case.text("input/coverages.csv", "coverage_id,tiv\n1,100\n2,200\n3,300\n")
    head = "bin_index,bin_from,bin_to,interpolation,damage_type"
    case.text("static/damage_bin_dict.csv", csv(head, BINS))
    model = case.load()
    assert np.array_equal(model.items, expected.items)
    assert np.array_equal(model.tiv, expected.tiv)
    assert model.bins.tolist() == expected.bins.tolist()


def test_endings_that_are_passed_over(case):
    case.text("input/coverages.csv", "coverage_id,tiv\n1,1\n2,2\n3,3\n")
    assert case.load().tiv.tolist() == [100, 200, 300]
    case.text("input/items.csv", csv("item_id,coverage_id,areaperil_id,vulnerability_id,group_id", ITEM_ROWS))
    case.text(
        "static/damage_bin_dict.csv", csv("bin_index,bin_from,bin_to,interpolation", [b[:4] for b in BINS])
    )
    head = "vulnerability_id,intensity_bin_id,damage_bin_id,probability"
    case.text("static/vulnerability.csv", csv(head, VULNERABILITY))
    assert case.load(ignore_file_type=["bin"]).tiv.tolist() == [1, 2, 3]


def test_group_ids_keep_their_bits(case):
    case.pack("input/items.bin", "<iiIiI", [(1, 1, 10, 2, 4_000_000_000)])
    assert case.load().items["group_id"].view("<u4").tolist() == [4_000_000_000]


def test_wide_areaperils(case):
    case.pack("input/items.bin", "<iiQii", [(1, 1, 1 << 40, 2, 7)])
    assert case.load(areaperil_bytes=8).items["areaperil_id"].tolist() == [1 << 40]


def test_places_that_a_run_has_chosen(case):
    case.pack("static/bins.bin", "<ifffi", [(1, 0, 1, 0.5, 0)] * 4)

    def find(place):
        return str(case.root / place.replace("damage_bin_dict", "bins"))

    assert len(case.load(find=find).bins) == 4


def test_wrong_items(case):
    case.items([(1, 1, 10, 2, 1), (1, 2, 10, 2, 1)])
    case.fails("items.bin: item 1 is there more than once")
    case.items([(1, 1, 10, 2, 1), (2, 4, 10, 2, 1)])
    case.fails("items.bin: item 2: coverage 4, expected 1 to 3")
    case.remove("input/items.bin")
    case.fails("items.bin: not there, nor a csv", InputError)


# Correlations

FIVE = [(5, 2, 0.5, 11, 0.25), (1, 1, 1.0, 12, 0.0), (3, 1, 0.75, 13, 0.5)]  # item_id, ...
HEAD = "item_id,peril_correlation_group,damage_correlation_value,hazard_group_id,hazard_correlation_value"


def correlated(model):
    names = ("item_id", "peril_correlation_group", "damage_correlation_value", "hazard_group_id")
    columns = [model.items[name].tolist() for name in (*names, "hazard_correlation_value", "source_item_id")]
    return sorted(zip(*columns))


JOINED = [
    (1, 1, 1.0, 12, 0.0, 0),
    (2, 0, 0.0, 0, 0.0, 0),
    (3, 1, 0.75, 13, 0.5, 0),
    (4, 0, 0.0, 0, 0.0, 0),
    (5, 2, 0.5, 11, 0.25, 0),
]


@pytest.mark.parametrize("size", [20, 24])
def test_correlations_in_binary_with_and_without_source(case, size):
    if size == 20:
        case.pack("input/correlations.bin", "<iifif", FIVE)
    else:
        case.pack("input/correlations.bin", "<iififi", [(*row, 0) for row in FIVE])
    assert correlated(case.load()) == JOINED


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("columns", [5, 6])
def test_correlations_as_csv(case, header, columns):
    head = HEAD + (",source_item_id" if columns == 6 else "") + "\n"
    text = csv(head.strip(), [(*row, 0)[:columns] for row in FIVE])
    case.text("input/correlations.csv", text if header else text[len(head) :])
    assert correlated(case.load()) == JOINED


def test_columns_of_correlations_by_name(case):
    case.text(
        "input/correlations.csv",
        "hazard_group_id,item_id,peril_correlation_group,hazard_correlation_value,damage_correlation_value\n"
        "12,1,1,0,1\n13,3,1,0.5,0.75\n11,5,2,0.25,0.5\n",
    )
    assert correlated(case.load()) == JOINED


def test_an_empty_binary_file_leaves_it_to_the_csv(case):
    case.text("input/correlations.bin", "")
    assert correlated(case.load()) == [(k, 0, 0.0, 0, 0.0, 0) for k in range(1, 6)]
    case.text("input/correlations.csv", csv(HEAD, FIVE))
    assert correlated(case.load()) == JOINED


@pytest.mark.parametrize("n", [6, 12])
def test_a_size_that_may_be_of_both_forms_is_told_by_the_items(case, n):
    rows = [(k, 1, 10, 2, 1) for k in range(1, n + 1)]
    case.items(rows)
    five = [(k, 1, 0.5, k, 0.25) for k in range(1, n + 1)]
    case.pack("input/correlations.bin", "<iifif", five)  # 20 n bytes, a multiple of 24
    assert correlated(case.load()) == [(*row, 0) for row in five]
    six = [(k, 2, 0.25, k, 0.5, 0) for k in range(1, n // 6 * 5 + 1)]
    case.pack("input/correlations.bin", "<iififi", six)  # as many bytes
    assert correlated(case.load())[: len(six)] == six
    assert not any(any(row[1:]) for row in correlated(case.load())[len(six) :])


def test_a_size_that_may_be_of_both_forms_and_fits_neither(case):
    case.pack("input/correlations.bin", "<iifif", [(k, 1, 0.5, 1, 0.25) for k in range(1, 7)])
    case.fails(
        r"correlations.bin: 120 bytes may be records of 20 bytes or of 24 \(with a source item\), and in "
        "neither every item is one of the portfolio and there once"
    )


def test_wrong_correlations(case):
    (case.root / "input/correlations.bin").write_bytes(bytes(30))
    case.fails("correlations.bin: 30 bytes, expected records of 20 bytes or of 24")
    case.pack("input/correlations.bin", "<iifif", [(1, 1, 0.5, 1, 0.5), (1, 1, 0.5, 1, 0.5)])
    case.fails("correlations.bin: item 1 is there more than once")
    case.pack("input/correlations.bin", "<iifif", [(1, 1, 0.5, 1, 1.5)])
    case.fails("correlations.bin: item 1: hazard_correlation_value is 1.5, expected 0 to 1")
    case.remove("input/correlations.bin")
    case.text("input/correlations.csv", HEAD + "\n1,1,x,1,0\n")
    case.fails("correlations.csv: line 2: .*damage_correlation_value")


# Keys


def keys(case, rows):
    rows = [(1, peril, 1, areaperil, 2) for peril, areaperil in rows]
    case.text("input/keys.csv", csv("LocID,PerilID,CoverageTypeID,AreaPerilID,VulnerabilityID", rows))


def test_items_whose_areaperil_is_not_in_the_keys_are_dropped(case):
    keys(case, [("WTC", 10), ("WSS", 30)])
    assert case.load().items["item_id"].tolist() == [3, 4, 2, 5]


@pytest.mark.parametrize(
    "perils, kept", [(["WTC"], [3, 4, 2]), (["WSS"], [5]), (["WTC", "WSS"], [3, 4, 2, 5]), (["XXX"], [])]
)
def test_perils_that_are_chosen(case, perils, kept):
    keys(case, [("WTC", 10), ("WSS", 30)])
    model = case.load(peril_filter=perils)
    assert model.items["item_id"].tolist() == kept
    assert model.vulnerability_ids.tolist() == sorted(set(model.items["vulnerability_id"].tolist()))


def test_perils_need_keys(case):
    case.fails("keys.csv: not there, expected the perils of areaperils, to .* WTC", InputError,
               peril_filter=["WTC"])  # fmt: skip
    case.text("input/keys.csv", "LocID,PerilID\n1,WTC\n")
    case.fails("keys.csv: line 1: no column AreaPerilID, expected AreaPerilID")
    (case.root / "input/keys.csv").write_bytes(b"AreaPerilID,PerilID,Ort\n10,WTC,K\xf6ln\n")
    assert case.load(peril_filter=["WTC"]).items["item_id"].tolist() == [3, 4, 2]
    keys(case, [("WTC", 10), ("WTC", "x")])
    case.fails("keys.csv: line 3: '1,WTC,1,x,2': expected AreaPerilID as columns 4")
    case.fails(
        "keys.csv: line 3: '1,WTC,1,x,2': expected PerilID, AreaPerilID as columns 2, 4", peril_filter=["WTC"]
    )


# Vulnerability


def forms(case, form):
    case.remove("static/vulnerability.bin")
    text = csv("vulnerability_id,intensity_bin_id,damage_bin_id,probability", VULNERABILITY)
    places = [case.root / "static/vulnerability.bin", case.root / "static/vulnerability.idx"]
    if form == "csv":
        case.text("static/vulnerability.csv", text)
    elif form == "parquet":
        pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        arrays = []
        for id in (1, 2, 3):
            array = np.zeros((3, 3), "f4")  # damage bin, intensity bin
            for _, intensity, damage, p in (row for row in VULNERABILITY if row[0] == id):
                array[damage - 1, intensity - 1] = p
            arrays.append(array.ravel())
        table = pa.table({"vulnerability_id": pa.array([1, 2, 3], pa.int32()), "vuln_array": arrays})
        (case.root / "static/vulnerability_dataset.parquet").mkdir()
        pq.write_table(table, case.root / "static/vulnerability_dataset.parquet/part_0.parquet")
        case.text("static/vulnerability_parquet_meta.json", json.dumps({"num_damage_bins": 3}))
    else:
        ktc.tables.vulnerability_tobin(
            text.encode(), *(places if form != "plain" else places[:1]), max_damage_bin=3,
            indexed=form == "indexed", compress=form == "compressed", validate=False,
        )  # fmt: skip


FORMS = ("plain", "indexed", "compressed", "csv", "parquet")


@pytest.mark.parametrize("form", FORMS)
def test_vulnerability_in_every_form(case, form):
    forms(case, form)
    model = case.load()
    assert model.n_damage == 3
    assert model.vulnerability_ids.dtype == np.int32
    assert matrices(model) == {2: TWO, 3: THREE}
    for matrix in model.vulnerabilities:
        assert (matrix.dtype, matrix.shape, matrix.flags.c_contiguous) == (np.float32, (2, 3), True)


@pytest.mark.parametrize("form", FORMS)
def test_a_vulnerability_that_is_missing(case, form):
    forms(case, form)
    case.items([*ITEM_ROWS, (6, 1, 10, 9, 1), (7, 1, 10, 8, 1)])
    case.fails(r"vulnerability\S*: no vulnerability 8, 9, which the items need")


@pytest.mark.parametrize("form", FORMS)
def test_a_replaced_vulnerability_is_replaced_whole(case, form):
    forms(case, form)
    settings = case.settings(replace_data={"3": [[2, 1, 0.125], [2, 3, 0.875], [3, 1, 1]], "77": [[1, 1, 1]]})
    assert matrices(case.load(settings=settings)) == {2: TWO, 3: [[0, 0, 0], [0.125, 0, 0.875]]}


def test_the_last_of_equal_rows_counts(case):
    case.pack("static/vulnerability.bin", "<iiif", [*VULNERABILITY, (2, 1, 1, 0.125)], struct.pack("<i", 3))
    assert matrices(case.load())[2] == [[0.125, 0.5, 0], [0, 0, 1]]


def test_the_footprint_may_have_more_intensities(case):
    case.text("static/footprint.csv", "event_id,areaperil_id,intensity_bin_id,probability\n1,10,4,1\n")
    assert matrices(case.load())[3] == [*THREE, [0, 0, 1], [0, 0, 0]]
    forms(case, "parquet")
    assert matrices(case.load())[3] == [*THREE, [0, 0, 1], [0, 0, 0]]


@pytest.mark.parametrize(
    "row, why",
    [
        ((2, 0, 1, 1), "intensity bin 0, expected 1 or more"),
        ((2, 1, 0, 1), "damage bin 0, expected 1 to 3"),
        ((2, 9, 4, 1), "damage bin 4, expected 1 to 3"),
        ((2, 1, 1, -0.5), "probability -0.5, expected 0 to 1"),
        ((2, 1, 1, float("nan")), "probability nan, expected 0 to 1"),
    ],
)
def test_wrong_rows_of_vulnerability(case, row, why):
    at = 4 + 16 * len(VULNERABILITY)
    case.pack("static/vulnerability.bin", "<iiif", [*VULNERABILITY, row], struct.pack("<i", 3))
    case.fails(f"vulnerability.bin: byte {at}: vulnerability 2: {why}")
    case.pack("static/vulnerability.bin", "<iiif", [*VULNERABILITY, (1, *row[1:])], struct.pack("<i", 3))
    assert matrices(case.load()) == {2: TWO, 3: THREE}  # nobody has vulnerability 1


def test_wrong_index_of_vulnerability(case):
    forms(case, "indexed")
    case.pack("static/vulnerability.idx", "<iqqq", [(2, 4, 1000, 0)])
    case.fails(r"vulnerability.idx: byte 0: vulnerability 2: 1000 bytes at 4, expected a place in the \d+ by")
    case.pack("static/vulnerability.idx", "<iqqq", [(1, 4, 12, 0), (2, 4, 11, 0)])
    case.fails("vulnerability.bin: byte 4: vulnerability 2: 11 bytes, expected a multiple of 12")


def test_wrong_compressed_vulnerability(case):
    forms(case, "compressed")
    rows = zlib.compress(struct.pack("<iif", 1, 5, 1.0))
    case.pack("static/vulnerability.bin.z", "", [], struct.pack("<i", 3) + rows)
    case.pack("static/vulnerability.idx.z", "<iqqq", [(2, 4, len(rows), 13)])
    case.fails("vulnerability.bin.z: byte 4: vulnerability 2: 12 bytes, expected 13, by the index")
    case.pack("static/vulnerability.idx.z", "<iqqq", [(2, 4, len(rows), 12)])
    case.fails("vulnerability.bin.z: byte 4: row 1: vulnerability 2: damage bin 5, expected 1 to 3")
    case.pack("static/vulnerability.idx.z", "<iqqq", [(2, 6, len(rows) - 2, 12)])
    case.fails("vulnerability.bin.z: byte 6: vulnerability 2: .*header")


def test_numbers_of_damage_bins(case):
    case.pack("static/vulnerability.bin", "<iiif", VULNERABILITY, struct.pack("<i", 4))
    case.fails(
        "vulnerability.bin: the largest damage bin is 4, expected 1 to 3, the number of bins in the dama"
    )
    case.pack("static/vulnerability.bin", "<iiif", VULNERABILITY, struct.pack("<i", 0))
    case.fails(
        "vulnerability.bin: the largest damage bin is 0, expected 1 to 3, the number of bins in the dam"
    )
    case.pack("static/damage_bin_dict.bin", "<ifffi", [*BINS[:2], (3, 0.5, float("inf"), 1, 0)])
    case.fails("damage_bin_dict.bin: damage bin 3: bin_to is inf, expected a number")


def test_wrong_parquet_vulnerability(case):
    forms(case, "parquet")
    case.text("static/vulnerability_parquet_meta.json", json.dumps({"num_damage_bins": 2}))
    case.fails("vulnerability 2: 9 probabilities, expected a multiple of 2, the number of damage bins")
    case.text("static/vulnerability_parquet_meta.json", "{}")
    case.fails("vulnerability_parquet_meta.json: expected an object with the number num_damage_bins")


def test_no_vulnerability(case):
    case.remove("static/vulnerability.bin")
    case.fails("vulnerability.bin: not there, nor another of its formats", InputError)


# Aggregates


def aggregates(case):
    case.items([*ITEM_ROWS, (6, 1, 20, 50, 1), (7, 1, 10, 50, 1), (8, 2, 10, 60, 1), (9, 2, 10, 50, 1)])
    pairs = [(50, 3), (50, 1), (60, 3), (50, 3), (70, 99)]
    case.pack("static/aggregate_vulnerability.bin", "<ii", pairs)
    weights = [(10, 1, 0.25), (10, 3, 0.5), (20, 3, 0.75), (20, 3, 2.0), (30, 1, 9.0), (20, 2, 8.0)]
    case.pack("static/weights.bin", "<Iif", weights)
    return pairs, weights


def of_aggregates(model):
    return (
        {id: model.vulnerability_ids[places].tolist() for id, places in model.aggregates.items()},
        {id: places.tolist() for id, places in model.weight_areaperils.items()},
        {id: weights.tolist() for id, weights in model.weights.items()},
    )


AGGREGATED = (
    {50: [3, 1, 3], 60: [3]},
    {50: [10, 20], 60: [10]},
    {50: [[0.5, 0.25, 0.5], [2.0, 0.0, 2.0]], 60: [[0.5]]},
)


def test_aggregates_have_their_members_in_the_files_order_and_the_last_of_equal_weights(case):
    aggregates(case)
    model = case.load()
    assert of_aggregates(model) == AGGREGATED
    assert matrices(model) == {1: ONE, 2: TWO, 3: THREE}
    assert model.weights[50].dtype == np.float32
    assert model.aggregates[50].dtype == np.int32


def test_aggregates_as_csv(case):
    pairs, weights = aggregates(case)
    case.remove("static/aggregate_vulnerability.bin")
    case.remove("static/weights.bin")
    head = "aggregate_vulnerability_id,vulnerability_id"
    case.text("static/aggregate_vulnerability.csv", csv(head, pairs))
    case.text("static/weights.csv", csv("areaperil_id,vulnerability_id,weight", weights))
    assert of_aggregates(case.load()) == AGGREGATED


@pytest.mark.parametrize("wide", [False, True])
def test_weights_where_areaperils_are_wide(case, wide):
    _, weights = aggregates(case)
    items = [*ITEM_ROWS, (6, 1, 20, 50, 1), (7, 1, 10, 50, 1), (8, 2, 10, 60, 1), (9, 2, 10, 50, 1)]
    case.pack("input/items.bin", "<iiQii", items)
    for n in (6, 5, 4):  # 4: 48 bytes may be of both forms
        case.pack("static/weights.bin", "<Qif" if wide else "<Iif", weights[:n])
        assert of_aggregates(case.load(areaperil_bytes=8))[2][60] == [[0.5]]


def test_aggregates_need_weights(case):
    aggregates(case)
    case.remove("static/weights.bin")
    case.fails("weights.bin: not there, expected the weights of .*aggregate_vulnerability.bin", InputError)


def test_members_must_be_there(case):
    aggregates(case)
    case.items([(1, 1, 10, 70, 1)])
    case.fails("vulnerability.bin: no vulnerability 99, which the items need")


# Adjustments


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("file", [False, True])
def test_factors(case, wrapped, file):
    aggregates(case)
    settings = case.settings(adjustments={"2": 1.25, "50": 0.5, "3": 0.75, "99": 4})
    settings = {"analysis_settings": settings} if wrapped else settings
    if file:
        case.text("analysis_settings.json", json.dumps(settings))
    items = case.load(settings=None if file else settings).items
    assert dict(zip(items["item_id"].tolist(), items["factor"].tolist())) == {
        1: 1.25, 2: 0.75, 3: 1.25, 4: 1.25, 5: 0.75, 6: 1, 7: 1, 8: 1, 9: 1,
    }  # fmt: skip


def test_settings_that_ask_for_nothing(case):
    for settings in ({}, {"vulnerability_adjustments": None}, case.settings(replace_data=None)):
        assert matrices(case.load(settings=settings)) == {2: TWO, 3: THREE}


@pytest.mark.parametrize("header", ["vulnerability_id,intensity_bin_id,damage_bin_id,probability\n", ""])
def test_a_file_of_replacements(case, header):
    case.text("new.csv", header + "2,1,3,1\n9,1,1,1\n")
    path = str(case.root / "new.csv")
    model = case.load(settings=case.settings(replace_file=path))
    assert matrices(model) == {2: [[0, 0, 1], [0, 0, 0]], 3: THREE}
    data = {"2": [[1, 2, 1]]}  # which goes before a file
    model = case.load(settings=case.settings(replace_file=path, replace_data=data))
    assert matrices(model)[2] == [[0, 1, 0], [0, 0, 0]]


def test_a_file_of_replacements_beside_the_settings(case):
    case.text("new.csv", "vulnerability_id,intensity_bin_id,damage_bin_id,probability\n2,1,3,1\n")
    assert matrices(case.load(settings=case.settings(replace_file="new.csv")))[2] == [[0, 0, 1], [0, 0, 0]]
    case.fails("gone.csv: not there, though .*replace_file names it", InputError,
               settings=case.settings(replace_file="gone.csv"))  # fmt: skip


@pytest.mark.parametrize(
    "adjustments, why",
    [
        ({"adjustments": {"2": "x"}}, "adjustments: vulnerability 2: 'x', expected a number from 0"),
        ({"adjustments": {"2": -1}}, "adjustments: vulnerability 2: -1, expected a number from 0"),
        ({"adjustments": [1]}, "adjustments: expected an object whose keys are vulnerability ids"),
        ({"adjustments": {"a": 1}}, "adjustments: expected an object whose keys are vulnerability ids"),
        ({"replace_data": {"2": [[1, 2]]}}, r"replace_data: vulnerability 2: expected a list of \[intensity"),
        (
            {"replace_data": {"2": [[1, 4, 1]]}},
            "replace_data: row 1: vulnerability 2: damage bin 4, expected",
        ),
    ],
)
def test_wrong_adjustments(case, adjustments, why):
    case.fails(why, settings=case.settings(**adjustments))


def test_wrong_settings(case):
    case.text("analysis_settings.json", "{")
    case.fails("analysis_settings.json: not json")
    case.text("analysis_settings.json", '{"vulnerability_adjustments": 1}')
    case.fails("analysis_settings.json: vulnerability_adjustments: expected an object")


# Coverages that depend on others

CONDITIONAL = [(80, 1, 1, 1.0), (80, 3, 2, 0.25), (80, 3, 3, 0.75), (90, 1, 1, 1.0)]


def dependent(case, sources, items=None, rows=CONDITIONAL):
    """Items of which some depend on others: {item: source}. Those have vulnerability 80."""
    items = items or [(1, 1, 10, 2, 1), (2, 2, 10, 80, 1), (3, 3, 10, 80, 1), (4, 3, 20, 2, 1)]
    case.items(items)
    rows_of = [(item[0], 1, 0.5, 1, 0.5, sources.get(item[0], 0)) for item in items]
    case.pack("input/correlations.bin", "<iififi", rows_of)
    case.pack("static/conditional_vulnerability.bin", "<iiif", rows, struct.pack("<i", 3))


CONDITIONED = {80: [[1, 0, 0], [1, 0, 0], [0, 0.25, 0.75]]}


@pytest.mark.parametrize("form", ["bin", "csv", "csv without a header"])
def test_conditional_vulnerability(case, form):
    dependent(case, {2: 1, 3: 2})
    if form != "bin":
        case.remove("static/conditional_vulnerability.bin")
        head = "vulnerability_id,source_damage_bin,damage_bin,probability"
        text = csv(head, CONDITIONAL)
        case.text("static/conditional_vulnerability.csv", text if form == "csv" else text[len(head) + 1 :])
    model = case.load()
    assert {id: m.tolist() for id, m in model.conditional.items()} == CONDITIONED
    assert model.vulnerability_ids.tolist() == [2]
    assert model.items["source_item_id"].tolist() == [0, 1, 2, 0]


def test_a_dictionary_of_more_bins_than_vulnerability(case):
    dependent(case, {2: 1, 3: 2})
    case.pack("static/damage_bin_dict.bin", "<ifffi", [*BINS, (4, 1, 1, 1, 0)])
    assert case.load().conditional[80].tolist() == [*CONDITIONED[80], [1, 0, 0]]
    dependent(case, {2: 1, 3: 2}, rows=[*CONDITIONAL, (80, 2, 4, 0.0), (80, 4, 1, 1.0)])
    assert case.load().conditional[80].tolist() == [*CONDITIONED[80], [1, 0, 0]]
    dependent(case, {2: 1, 3: 2}, rows=[*CONDITIONAL, (80, 2, 4, 0.5)])
    case.fails("conditional_vulnerability.bin: vulnerability 80: damage bin 4, expected 1 to 3")


def test_wrong_conditional_vulnerability(case):
    dependent(case, {2: 1, 3: 2}, rows=[*CONDITIONAL, (80, 4, 1, 1.0)])
    case.fails("conditional_vulnerability.bin: vulnerability 80: source damage bin 4, expected 1 to 3")
    dependent(case, {2: 1, 3: 2}, rows=[*CONDITIONAL, (80, 2, 1, -1.0)])
    case.fails("conditional_vulnerability.bin: vulnerability 80: probability -1.0, expected 0 to 1")
    dependent(case, {2: 1, 3: 2})
    case.pack("static/damage_bin_dict.bin", "<ifffi", [(1, 0, 0.25, 0.1, 0), *BINS[1:]])
    case.fails("no row of source damage bin 2, which means no damage; expected a first damage bin of 0 to 0, "
               "not 0.0 to 0.25")  # fmt: skip
    (case.root / "static/conditional_vulnerability.bin").write_bytes(bytes(21))
    case.fails("conditional_vulnerability.bin: 21 bytes, expected 4 and records of 16")


@pytest.mark.parametrize(
    "sources, items, why",
    [
        ({2: 1, 3: 9}, None, "no source item 9, though others depend on it"),
        ({2: 4, 3: 1}, None, "item 2: its source item has another areaperil, expected the same"),
        ({2: 3, 3: 2}, None, "coverage [23] depends on itself"),
        ({2: 2, 3: 1}, None, "coverage 2 depends on itself"),
        (
            {3: 1, 4: 2},
            [(1, 1, 10, 2, 1), (2, 2, 10, 2, 1), (3, 3, 10, 80, 1), (4, 3, 10, 80, 1)],
            "coverage 3: its source items are of coverages 1 and 2, expected one",
        ),
        (
            {2: 1},
            None,
            "item 3: vulnerability 80: the item depends on no other, but its vulnerability is in ",
        ),
        (
            {2: 1},
            [(1, 1, 10, 2, 1), (2, 2, 10, 3, 1)],
            "item 2: vulnerability 3: the item depends on another, but its vulnerability is not in ",
        ),
    ],
)
def test_wrong_sources(case, sources, items, why):
    dependent(case, sources, items)
    case.fails(f"{'items' if 'vulnerability' in why else 'correlations'}.bin: {why}")


def test_a_source_that_the_keys_have_not(case):
    dependent(case, {2: 1, 3: 2})
    keys(case, [("WTC", 10)])
    assert case.load().items["item_id"].tolist() == [1, 2, 3]


def test_an_aggregate_depends_on_nothing(case):
    case.pack("static/aggregate_vulnerability.bin", "<ii", [(80, 2)])
    case.pack("static/weights.bin", "<Iif", [(10, 2, 1.0)])
    dependent(case, {2: 1, 3: 2})
    case.fails("item 2: vulnerability 80: the item depends on another, but its vulnerability is an aggregate")


# Dynamic footprints


def dynamic(case):
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    case.text("input/sections.csv", "section_id\n1\n")
    case.text(
        "static/footprint_parquet_meta.json", '{"num_intensity_bins": 2, "has_intensity_uncertainty": 0}'
    )
    hazard = {"section_id": [1], "areaperil_id": [10], "return_period": [50], "intensity": [3]}
    event = {"event_id": [1], "section_id": [1], "rp_from": [50], "rp_to": [50], "interpolation": [0.0]}
    pq.write_table(pa.table(hazard), case.root / "static/hazard_case.parquet")
    pq.write_table(pa.table(event), case.root / "static/event_definition.parquet")
    case.text("static/intensity_bin_dict.csv", "intensity,peril_id,intensity_bin\n"
              "0,ORF,1\n3,ORF,2\n1,osf,1\n0,OSF,2\n2,AAZ,1\n")  # fmt: skip
    case.text("input/gul_summary_map.csv", "loc_id,item_id,peril_id\n"
              "1,1,OSF\n1,2,ORF\n1,3,ORF\n1,4,XYZ\n")  # fmt: skip


def test_dynamic_footprints(case):
    dynamic(case)
    model = case.load(dynamic=True)
    # perils by their last letter first: ORF, OSF, AAZ; intensities without a row have the bin of 0
    assert model.intensity_table.tolist() == [[1, 1, 1, 2], [2, 1, 2, 2], [0, 0, 1, 0]]
    items = dict(zip(model.items["item_id"].tolist(), model.items["peril"].tolist()))
    assert items == {1: 1, 2: 0, 3: 0, 4: 0, 5: 0}
    assert not model.items["intensity_adjustment"].any()
    assert model.footprint.rows(1)["intensity"].tolist() == [3]


def test_adjustments_of_intensity(case):
    dynamic(case)
    case.text(
        "input/item_adjustments.csv", "item_id,intensity_adjustment,return_period\n5,7,0\n1,2,100\n9,1,1\n"
    )
    items = case.load(dynamic=True).items
    rows = zip(
        items["item_id"].tolist(), items["intensity_adjustment"].tolist(), items["return_period"].tolist()
    )
    assert sorted(rows) == [(1, 2, 100), (2, 0, 0), (3, 0, 0), (4, 0, 0), (5, 7, 0)]


def test_what_dynamic_footprints_lack(case):
    dynamic(case)
    case.text("static/intensity_bin_dict.csv", "intensity,peril_id,intensity_bin\n-1,ORF,1\n")
    case.fails("intensity_bin_dict.csv: intensity -1, expected 0 or more", dynamic=True)
    case.text("static/intensity_bin_dict.csv", "intensity,peril_id,intensity_bin\n")
    case.fails("intensity_bin_dict.csv: no rows", dynamic=True)
    case.remove("static/intensity_bin_dict.csv")
    case.fails("intensity_bin_dict.csv: cannot read", InputError, dynamic=True)
