"""The example model: the same bytes everywhere, the sizes that were asked for, and sense in the numbers."""

import hashlib
from pathlib import Path

import numpy
import pytest
from golden_cases import EXAMPLES, SMALL

from ktc.errors import UsageError
from ktc.example import COVERAGES, PERILS, vulnerability_id, write_example

GOLDEN = Path(__file__).parent / "golden"

FOOTPRINT = [("areaperil_id", "<u4"), ("intensity_bin", "<i4"), ("probability", "<f4")]
INDEX = [("event_id", "<i4"), ("offset", "<i8"), ("size", "<i8")]
VULNERABILITY = [
    ("vulnerability_id", "<i4"),
    ("intensity_bin", "<i4"),
    ("damage_bin", "<i4"),
    ("probability", "<f4"),
]
BINS = [("bin", "<i4"), ("low", "<f4"), ("high", "<f4"), ("mean", "<f4"), ("type", "<i4")]
ITEMS = [
    ("item", "<i4"),
    ("coverage", "<i4"),
    ("areaperil", "<u4"),
    ("vulnerability", "<i4"),
    ("group", "<i4"),
]


def read(path, dtype, skip=0):
    data = path.read_bytes()[skip:]
    assert len(data) % numpy.dtype(dtype).itemsize == 0
    return numpy.frombuffer(data, dtype)


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    return write_example(tmp_path_factory.mktemp("example"))


def test_files_are_the_same_bytes_everywhere(tmp_path):
    """zlib's output depends on its release, so the compressed footprint is left out."""
    for name, options in EXAMPLES.items():
        write_example(tmp_path / name, **options)
    for line in (GOLDEN / "example.sha256").read_text().splitlines():
        digest, name = line.split()
        assert hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == digest, name


def test_a_seed_decides_everything(tmp_path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        write_example(tmp_path / name, **{**SMALL, "seed": seed})
    for file in (
        "static/footprint.bin",
        "static/random.bin",
        "input/items.bin",
        "input/coverages.bin",
        "input/occurrence.bin",
    ):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
        assert (tmp_path / "a" / file).read_bytes() != (tmp_path / "c" / file).read_bytes()


def test_summary_agrees_with_the_files(example):
    items = read(example.folder / "input/items.bin", ITEMS)
    coverages = read(example.folder / "input/coverages.bin", "<f4")
    index = read(example.folder / "static/footprint.idx", INDEX)
    assert (example.items, example.coverages, example.events) == (len(items), len(coverages), len(index))
    assert example.locations == 100 == items["group"].max()
    assert example.tiv == coverages.sum(dtype=float)
    assert (coverages >= 1000).all() and (coverages % 100 == 0).all()
    assert items["item"].tolist() == list(range(1, len(items) + 1))
    assert set(items["coverage"].tolist()) == set(range(1, len(coverages) + 1))
    assert items["areaperil"].max() <= example.areaperils
    # homes have two coverages and businesses three, each with an item for every peril
    assert set(numpy.unique(items["group"], return_counts=True)[1].tolist()) == {6, 9}
    files = [str(p.relative_to(example.folder)) for p in example.folder.rglob("*") if p.is_file()]
    assert sorted(files) == sorted(example.files)


@pytest.mark.parametrize(
    "options", [{}, {"intensity_bins": 2}, {"intensity_bins": 300, "events": 20}, {"grid": 2}]
)
def test_footprint(tmp_path, options):
    example = write_example(tmp_path, **options)
    bins, flags = read(tmp_path / "static/footprint.bin", "<i4")[:2].tolist()
    assert (bins, flags) == (options.get("intensity_bins", 20), 1)
    data = (tmp_path / "static/footprint.bin").read_bytes()
    index = read(tmp_path / "static/footprint.idx", INDEX)
    assert index["event_id"].tolist() == list(range(1, example.events + 1))
    assert index["offset"][0] == 8 and index["offset"][-1] + index["size"][-1] == len(data)
    several = 0
    for event in index:
        rows = numpy.frombuffer(data, FOOTPRINT, int(event["size"]) // 12, int(event["offset"]))
        assert len(rows)
        assert (numpy.diff(rows["areaperil_id"].astype(int)) >= 0).all()
        assert rows["intensity_bin"].min() >= 1 and rows["intensity_bin"].max() <= bins
        assert rows["probability"].min() > 0
        ids, first, count = numpy.unique(rows["areaperil_id"], return_index=True, return_counts=True)
        assert ids[0] >= 1 and ids[-1] <= example.areaperils
        assert numpy.allclose(numpy.add.reduceat(rows["probability"].astype(float), first), 1, atol=1e-6)
        several += (count > 1).sum()
    assert several


def test_footprint_without_uncertainty_is_one_bin_each(tmp_path):
    write_example(tmp_path, uncertainty=False)
    assert read(tmp_path / "static/footprint.bin", "<i4")[:2].tolist() == [20, 0]
    data = (tmp_path / "static/footprint.bin").read_bytes()
    for event in read(tmp_path / "static/footprint.idx", INDEX):
        rows = numpy.frombuffer(data, FOOTPRINT, int(event["size"]) // 12, int(event["offset"]))
        assert (rows["probability"] == 1).all() and (numpy.diff(rows["areaperil_id"].astype(int)) > 0).all()


def test_compressed_footprint_holds_the_plain_one(tmp_path):
    import zlib

    write_example(tmp_path / "plain")
    write_example(tmp_path / "packed", compress=True)
    plain = (tmp_path / "plain/static/footprint.bin").read_bytes()
    packed = (tmp_path / "packed/static/footprint.bin.z").read_bytes()
    assert numpy.frombuffer(packed, "<i4", 2).tolist() == [20, 3]
    at = 8
    for event in read(tmp_path / "packed/static/footprint.idx.z", INDEX + [("original", "<i8")]):
        rows = zlib.decompress(packed[event["offset"] : event["offset"] + event["size"]])
        assert len(rows) == event["original"] and rows == plain[at : at + len(rows)]
        at += len(rows)
    assert at == len(plain)


def test_eight_byte_areaperils(tmp_path):
    write_example(tmp_path / "4", **SMALL)
    write_example(tmp_path / "8", **SMALL, areaperil_bytes=8)
    wide = [
        ("item", "<i4"),
        ("coverage", "<i4"),
        ("areaperil", "<u8"),
        ("vulnerability", "<i4"),
        ("group", "<i4"),
    ]
    narrow, wide = read(tmp_path / "4/input/items.bin", ITEMS), read(tmp_path / "8/input/items.bin", wide)
    assert narrow.tolist() == wide.tolist()
    small, big = (
        read(tmp_path / width / "static/footprint.bin", [("areaperil_id", f"<u{width}")] + FOOTPRINT[1:], 8)
        for width in ("4", "8")
    )
    assert small.tolist() == big.tolist()


@pytest.mark.parametrize("count", [3, 4, 22, 200])
def test_damage_bins(tmp_path, count):
    write_example(tmp_path, **{**SMALL, "damage_bins": count})
    bins = read(tmp_path / "static/damage_bin_dict.bin", BINS)
    assert len(bins) == count and bins["bin"].tolist() == list(range(1, count + 1))
    assert bins[0].tolist()[1:4] == (0, 0, 0) and bins[-1].tolist()[1:4] == (1, 1, 1)
    inner = bins[1:-1]
    assert inner["low"][0] == 0 and inner["high"][-1] == 1 and (inner["low"][1:] == inner["high"][:-1]).all()
    assert ((inner["low"] < inner["mean"]) & (inner["mean"] < inner["high"])).all()
    if count >= 22:
        width = inner["high"].astype(float) - inner["low"]
        assert width[-1] > 2 * width[0]
        # the middle of the bin, to the five digits that decide between linear and quadratic interpolation
        x = numpy.round((inner["mean"] - inner["low"]) / (inner["high"] - inner["low"]) * 100000)
        assert 0.2 < (x == 50000).mean() < 0.5


@pytest.mark.parametrize(
    "options", [{}, {"damage_bins": 3}, {"damage_bins": 200, "intensity_bins": 60, "perils": 5}]
)
def test_vulnerability_rises_with_intensity(tmp_path, options):
    example = write_example(tmp_path, events=5, **options)
    damage_bins, intensity_bins = options.get("damage_bins", 22), options.get("intensity_bins", 20)
    assert read(tmp_path / "static/vulnerability.bin", "<i4")[0] == damage_bins
    rows = read(tmp_path / "static/vulnerability.bin", VULNERABILITY, 4)
    mean = read(tmp_path / "static/damage_bin_dict.bin", BINS)["mean"].astype(float)
    table = numpy.zeros((example.vulnerabilities, intensity_bins, damage_bins))
    at = rows["vulnerability_id"] - 1, rows["intensity_bin"] - 1, rows["damage_bin"] - 1
    assert len(set(zip(*at))) == len(rows)
    table[at] = rows["probability"]
    assert numpy.allclose(table.sum(axis=2), 1, atol=1e-6) and table.min() >= 0
    # bins of a row without gaps
    key = rows["vulnerability_id"].astype(int) * intensity_bins + rows["intensity_bin"]
    step = numpy.diff(rows["damage_bin"])
    assert (step[numpy.diff(key) == 0] == 1).all()
    damage = table @ mean
    assert (numpy.diff(damage, axis=1) > 0).all()
    if damage_bins > 3:
        assert damage[:, 0].max() < 0.12 and damage[:, -1].min() > 0.3
    for peril in range(options.get("perils", 3)):
        for coverage in range(len(COVERAGES)):
            timber, masonry, concrete = (damage[vulnerability_id(peril, c, coverage) - 1] for c in range(3))
            assert (timber >= masonry).all() and (masonry >= concrete).all()


def test_intensity_falls_with_distance(tmp_path):
    """Of one peril's cells, those struck harder than average lie nearer to the hardest one."""
    write_example(tmp_path, uncertainty=False, perils=1, grid=32)
    data = (tmp_path / "static/footprint.bin").read_bytes()
    nearer = total = 0
    for event in read(tmp_path / "static/footprint.idx", INDEX):
        rows = numpy.frombuffer(data, FOOTPRINT, int(event["size"]) // 12, int(event["offset"]))
        cell, bin_ = rows["areaperil_id"].astype(int) - 1, rows["intensity_bin"]
        if len(rows) < 20 or bin_.min() == bin_.max():
            continue
        x, y = cell % 32, cell // 32
        far = numpy.hypot(x - x[bin_ == bin_.max()].mean(), y - y[bin_ == bin_.max()].mean())
        nearer += far[bin_ > bin_.mean()].mean() < far[bin_ <= bin_.mean()].mean()
        total += 1
    assert total > 50 and nearer == total


def test_summary_sets_are_portfolio_lines_and_locations(example):
    xref = read(
        example.folder / "input/gulsummaryxref.bin", [("id", "<i4"), ("summary", "<i4"), ("set", "<i4")]
    )
    assert len(xref) == 3 * example.items
    groups = {n: xref[xref["set"] == n] for n in (1, 2, 3)}
    for n, many in ((1, 1), (2, 2), (3, example.locations)):
        assert groups[n]["id"].tolist() == list(range(1, example.items + 1))
        assert set(groups[n]["summary"].tolist()) == set(range(1, many + 1))


def test_occurrences_have_dates_in_their_periods(tmp_path):
    example = write_example(tmp_path, **{**SMALL, "periods": 400})
    head = read(tmp_path / "input/occurrence.bin", "<i4")
    assert head[:2].tolist() == [1, 400]
    events, periods, dates = head[2:].reshape(-1, 3).T
    assert len(events) == 200 and (numpy.diff(periods) >= 0).all()
    assert (
        events.min() >= 1 and events.max() <= example.events and periods.min() >= 1 and periods.max() <= 400
    )
    # 1 March of year 0 is day 0; a year is 365.2425 days
    year = (dates + 60) / 365.2425
    assert (numpy.abs(year - periods - 0.5) < 0.51).all()


@pytest.mark.parametrize(
    "options",
    [
        {"seed": -1},
        {"events": 0},
        {"locations": 0},
        {"perils": 0},
        {"perils": len(PERILS) + 1},
        {"grid": 1},
        {"items_per_coverage": 4},
        {"items_per_coverage": 0},
        {"damage_bins": 2},
        {"damage_bins": 201},
        {"intensity_bins": 1},
        {"periods": 0},
        {"areaperil": 5},
        {"summaries": "group"},
        {"random_numbers": 0},
    ],
)
def test_options_out_of_range(tmp_path, options):
    with pytest.raises(UsageError, match=str(next(iter(options)))):
        write_example(tmp_path / "x", **options)
    assert not (tmp_path / "x").exists()


def test_ktools_accepts_the_model(example, oracle, run):
    """The oracle's own validators, and its whole chain down to insured losses."""

    def step(tool, *flags, stdin=b"", below="."):
        status, out, err = run([oracle(tool), *flags], stdin, example.folder / below)
        assert status == 0, f"{tool}: {err}"
        return out

    for table, tool in (("damage_bin_dict", "damagebin"), ("vulnerability", "vulnerability")):
        binary = (example.folder / f"static/{table}.bin").read_bytes()
        step(f"validate{tool}", stdin=step(f"{tool}tocsv", stdin=binary))
    step("validatefootprint", stdin=step("footprinttocsv", below="static"))
    cdf = step("getmodel", stdin=step("eve", "-n", "1", "1"))
    gul = step("gulcalc", "-S10", "-a1", "-i", "-", stdin=cdf)
    losses = numpy.frombuffer(gul[8 : len(gul) - 8], "<f4")[1::2]
    assert numpy.isfinite(losses).all()
    for rule in ("-a0", "-a1", "-a2"):
        insured = step("fmcalc", rule, stdin=gul)
        assert len(insured) > 1000


def test_layouts_are_the_registry_s(example):
    from ktc.schemas import TABLES

    for file in example.files:
        assert any(t.path == file for t in TABLES.values()), file
