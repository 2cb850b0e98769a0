"""getmodel: the oracle's bytes on generated models of every file variant, worked examples, and what must not
pass."""

import io
import struct
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from models import FOOTPRINTS, VULNERABILITIES, Model, make, write, write_footprint, write_vulnerability

from ktc._core.io import Sink
from ktc.errors import DataError, InputError, TruncatedError, UsageError
from ktc.stages import getmodel

SHARED = Path(__file__).parents[2] / "shared"

# Knobs of the generator: what each kind of model is there for.
KINDS = (
    {},
    {"irregular": True, "n_areaperils": 30, "n_events": 20},
    {"odd_ids": True, "irregular": True, "sub_one": 0.8},
    {"n_damage": 1, "n_intensity": 1, "n_items": 3},
    {
        "n_damage": 40,
        "n_intensity": 15,
        "intensities_per_areaperil": 15,
        "n_vulnerabilities": 12,
        "n_items": 80,
    },
    {"n_items": 1, "n_vulnerabilities": 1, "n_areaperils": 2, "missing_events": 0.5},
)


def cdfs(root, events, areaperil_bytes=4):
    out = io.BytesIO()
    getmodel(events, out, root=root, areaperil_bytes=areaperil_bytes)
    return out.getvalue()


def event_ids(*ids):
    return struct.pack(f"<{len(ids)}i", *ids)


def rows_of(stream, areaperil_bytes=4):
    """A cdf stream as a list of (event id, areaperil id, vulnerability id, bins as bytes)."""
    assert stream[:4] == b"\1\0\0\0"
    rows, at = [], 4
    packet = struct.Struct("<iIii" if areaperil_bytes == 4 else "<iQii")
    while at < len(stream):
        *key, n = packet.unpack_from(stream, at)
        at += packet.size
        rows.append((*key, stream[at : at + 8 * n]))
        at += 8 * n
    assert at == len(stream)
    return rows


def tiny(uncertain=True, footprint=None, vulnerability=None, items=None, n_damage=3, n_intensity=2):
    """A model of two intensity and three damage bins, small enough to work out by hand."""
    return Model(
        n_intensity,
        n_damage,
        uncertain,
        np.array([1]),
        items or [(1, 1, 7, 1, 1)],
        np.array([100.0], "f4"),
        [(1, 0, 0, 0, 1202), (2, 0, 0.5, 0.25, 1200), (3, 0.5, 1, 0.75, 1200)],
        {
            e: tuple(np.array(c, t) for c, t in zip(zip(*rows), ("i8", "i4", "f4")))
            if rows
            else tuple(np.zeros((3, 0)))
            for e, rows in (footprint or {1: [(7, 1, 0.25), (7, 2, 0.75)]}).items()
        },
        {
            v: tuple(np.array(c, t) for c, t in zip(zip(*rows), ("i4", "i4", "f4")))
            for v, rows in (
                vulnerability or {1: [(1, 1, 0.5), (1, 2, 0.5), (2, 2, 0.5), (2, 3, 0.25)]}
            ).items()
        },
        [],
        np.zeros(1, "f4"),
    )


def bins(*values):
    return struct.pack(f"<{len(values)}f", *values)


# Against the oracle


@pytest.mark.parametrize("uncertain", [True, False])
@pytest.mark.parametrize("vulnerability", VULNERABILITIES)
@pytest.mark.parametrize("footprint", FOOTPRINTS)
def test_same_as_ktools(tmp_path, oracle, footprint, vulnerability, uncertain):
    roots = []
    for k, kind in enumerate(KINDS):
        seed = (
            1000 * FOOTPRINTS.index(footprint)
            + 100 * VULNERABILITIES.index(vulnerability)
            + 10 * uncertain
            + k
        )
        roots.append(
            write(make(seed, uncertain=uncertain, **kind), tmp_path / str(k), footprint, vulnerability)
        )

    def reference(root):
        events = (root / "input" / "events.bin").read_bytes()
        return subprocess.run(
            [oracle("getmodel")], input=events, cwd=root, capture_output=True, timeout=60
        ).stdout

    with ThreadPoolExecutor(len(roots)) as pool:
        for root, expected in zip(roots, pool.map(reference, roots)):
            assert cdfs(root, (root / "input" / "events.bin").read_bytes()) == expected
            assert len(expected) >= 4


@pytest.mark.parametrize("uncertain", [True, False])
def test_events_in_any_order_and_again(tmp_path, oracle, run, uncertain):
    model = make(5, uncertain=uncertain, n_events=6, missing_events=0)
    del model.footprint[4]
    root = write(model, tmp_path)
    events = event_ids(3, 3, 1, 4, 1, 1, 4, 4, 77, 2, 6, 5, 3)
    assert cdfs(root, events) == run([oracle("getmodel")], events, cwd=root)[1]


def test_large_events_are_cut_into_blocks(tmp_path, oracle, run):
    model = make(6, n_events=4, n_areaperils=900, n_items=3000, n_vulnerabilities=9, n_damage=20)
    root = write(model, tmp_path)
    events = model.events_bin() * 2
    expected = run([oracle("getmodel")], events, cwd=root)[1]
    assert len(expected) > 1 << 20
    assert cdfs(root, events) == expected


@pytest.mark.parametrize("name", ["piwind10"])
def test_real_model(oracle, run, name):
    root = SHARED / "data" / name
    if not root.exists():
        pytest.skip("the real model is not beside the checkout")
    events = (root / "input" / "events.bin").read_bytes()
    assert cdfs(root, events) == run([oracle("getmodel")], events, cwd=root)[1]


# Worked examples


def test_distribution_of_intensity(tmp_path):
    root = write(tiny(), tmp_path)
    # P(bin 1) = .5 x .25, P(bin 2) = .5 x .25 + .5 x .75, P(bin 3) = .25 x .75
    assert rows_of(cdfs(root, event_ids(1))) == [(1, 7, 1, bins(0.125, 0, 0.625, 0.25, 0.8125, 0.75))]


def test_certain_intensity(tmp_path):
    root = write(tiny(uncertain=False, footprint={1: [(7, 2, 0.0)], 2: [(7, 1, 1.0)]}), tmp_path)
    # the row's probability is not looked at; a cdf ends where nothing is left
    assert rows_of(cdfs(root, event_ids(1, 2))) == [
        (1, 7, 1, bins(0, 0, 0.5, 0.25, 0.75, 0.75)),
        (2, 7, 1, bins(0.5, 0, 1, 0.25)),
    ]


def test_rows_of_an_areaperil(tmp_path):
    vulnerability = {1: [(1, 1, 1.0), (2, 2, 1.0)]}
    footprint = {
        1: [(7, 1, 0.25), (7, 2, 0.5), (7, 1, 0.5)],  # a bin given twice: its last probability
        2: [(7, 2, 0.5), (8, 1, 1.0), (7, 1, 0.5)],  # two runs: two distributions
        3: [(7, 1, 0.0), (7, 2, 0.0)],  # nothing has a probability: nothing is likely
        4: [(7, 1, 0.5), (7, 1, 0.0), (7, 2, 0.25)],  # a probability of 0 does not count
        5: [],
    }
    root = write(tiny(footprint=footprint, vulnerability=vulnerability), tmp_path)
    assert rows_of(cdfs(root, event_ids(1, 2, 3, 4, 5, 6))) == [
        (1, 7, 1, bins(0.5, 0, 1, 0.25)),
        (2, 7, 1, bins(0, 0, 0.5, 0.25, 0.5, 0.75)),
        (2, 7, 1, bins(0.5, 0, 0.5, 0.25, 0.5, 0.75)),
        (3, 7, 1, bins(0, 0, 0, 0.25, 0, 0.75)),
        (4, 7, 1, bins(0.5, 0, 0.75, 0.25, 0.75, 0.75)),
    ]


def test_vulnerabilities_in_order_of_their_ids(tmp_path):
    items = [(1, 1, 7, 3, 1), (2, 1, 7, -5, 1), (3, 2, 7, 3, 1), (4, 2, 9, 1, 1)]
    curve = [(1, 1, 1.0)]
    vulnerability = dict.fromkeys((1, 3, -5, 4), curve)
    root = write(tiny(items=items, vulnerability=vulnerability, footprint={1: [(7, 1, 1.0)]}), tmp_path)
    assert [row[:3] for row in rows_of(cdfs(root, event_ids(1)))] == [(1, 7, -5), (1, 7, 3)]


def test_no_events_and_no_items(tmp_path):
    root = write(tiny(), tmp_path)
    assert cdfs(root, b"") == b"\1\0\0\0"
    (root / "input" / "items.bin").write_bytes(b"")
    assert cdfs(root, event_ids(1)) == b"\1\0\0\0"


def test_which_file_wins(tmp_path):
    root = write(tiny(footprint={1: [(7, 1, 1.0)]}), tmp_path)
    first = cdfs(root, event_ids(1))
    other = tiny(footprint={1: [(7, 2, 1.0)]}, vulnerability={1: [(1, 3, 0.5), (2, 3, 1.0)]})
    write_footprint(other, root / "static", "sized")
    second = cdfs(root, event_ids(1))
    assert second != first  # the compressed footprint
    write_vulnerability(other, root / "static", "compressed")
    third = cdfs(root, event_ids(1))
    assert rows_of(third) == [(1, 7, 1, bins(0, 0, 0, 0.25, 1, 0.75))]
    (
        root / "static" / "vulnerability.idx.z"
    ).unlink()  # without its index the compressed file is not looked at
    assert cdfs(root, event_ids(1)) == second


@pytest.mark.parametrize("footprint", FOOTPRINTS)
def test_areaperils_of_eight_bytes(tmp_path, footprint):
    narrow, wide = make(11), make(11)
    shift = 2**40
    wide.items = [(i, c, a + shift, v, g) for i, c, a, v, g in wide.items]
    wide.footprint = {e: (a + shift, b, p) for e, (a, b, p) in wide.footprint.items()}
    expected = rows_of(cdfs(write(narrow, tmp_path / "4"), narrow.events_bin()))
    root = write(wide, tmp_path / "8", footprint, areaperil_bytes=8)
    found = rows_of(cdfs(root, wide.events_bin(), areaperil_bytes=8), areaperil_bytes=8)
    assert found == [(e, a + shift, v, rest) for e, a, v, rest in expected]
    with pytest.raises(UsageError, match="areaperil"):
        cdfs(tmp_path / "4", b"", areaperil_bytes=5)


# Where ktools loses rows or cannot go on (docs/differences.md)


def test_first_areaperil_may_be_the_largest_id(tmp_path):
    top = 2**32 - 1
    root = write(tiny(items=[(1, 1, top, 1, 1)], footprint={1: [(top, 1, 1.0)]}), tmp_path)
    assert [row[:3] for row in rows_of(cdfs(root, event_ids(1)))] == [(1, top, 1)]


def test_vulnerability_in_two_places(tmp_path):
    root = write(tiny(items=[(1, 1, 7, 1, 1), (2, 1, 7, 2, 1)]), tmp_path)
    rows = [(1, 1, 1, 0.5), (2, 1, 1, 1.0), (1, 1, 2, 0.5), (1, 2, 2, 0.5), (1, 2, 3, 0.25), (2, 2, 1, 1.0)]
    (root / "static" / "vulnerability.bin").write_bytes(
        struct.pack("<i", 3) + b"".join(struct.pack("<iiif", *row) for row in rows)
    )
    assert rows_of(cdfs(root, event_ids(1))) == [
        (1, 7, 1, bins(0.125, 0, 0.625, 0.25, 0.8125, 0.75)),
        (1, 7, 2, bins(1, 0)),
    ]


@pytest.mark.parametrize("uncertain", [True, False])
@pytest.mark.parametrize("variant", ["compressed", "sized"])
def test_footprint_that_compresses_well(tmp_path, variant, uncertain):
    model = tiny(uncertain, footprint={1: [(9, 1, 1.0)] * 5000 + [(7, 1, 1.0)]})
    root = write(model, tmp_path, variant)
    assert (root / "static" / "footprint.bin.z").stat().st_size < 5000 * 12 // 20
    assert rows_of(cdfs(root, event_ids(1))) == [(1, 7, 1, bins(0.5, 0, 1, 0.25))]


# What must not pass


def poke(path, offset, format, *values):
    data = bytearray(path.read_bytes())
    struct.pack_into(format, data, offset, *values)
    path.write_bytes(data)


def cut(path, n):
    path.write_bytes(path.read_bytes()[:n])


FOOTPRINT, FOOTPRINT_INDEX = "static/footprint.bin", "static/footprint.idx"
VULNERABILITY, BINS = "static/vulnerability.bin", "static/damage_bin_dict.bin"
WRONG = [
    (
        FOOTPRINT,
        lambda p: poke(p, 12, "<i", 3),
        "footprint.bin: byte 8: event 1: areaperil 7: intensity bin 3, expected 1 to 2",
    ),
    (
        FOOTPRINT,
        lambda p: poke(p, 24, "<i", 0),
        "footprint.bin: byte 20: event 1: areaperil 7: intensity bin 0, expected 1 to 2",
    ),
    (
        FOOTPRINT,
        lambda p: poke(p, 16, "<f", float("nan")),
        "byte 8: event 1: areaperil 7: probability nan, expected 0 to 1",
    ),
    (
        FOOTPRINT,
        lambda p: poke(p, 16, "<f", -0.5),
        "byte 8: event 1: areaperil 7: probability -0.5, expected 0 to 1",
    ),
    (FOOTPRINT, lambda p: poke(p, 16, "<f", float("inf")), "probability inf"),
    (FOOTPRINT, lambda p: poke(p, 0, "<i", 0), "footprint.bin: byte 0: the largest intensity bin is 0"),
    (FOOTPRINT, lambda p: poke(p, 4, "<i", 8), "footprint.bin: byte 4: the flags are 8"),
    (FOOTPRINT, lambda p: cut(p, 7), "footprint.bin: byte 0: the file ends inside its header"),
    (FOOTPRINT, lambda p: cut(p, 31), "footprint.bin: byte 8: event 1: the index gives it 24 bytes at 8"),
    (FOOTPRINT_INDEX, lambda p: poke(p, 4, "<q", -4), "event 1: the index gives it 24 bytes at -4"),
    (FOOTPRINT_INDEX, lambda p: poke(p, 4, "<q", 4), "event 1: the index gives it 24 bytes at 4"),
    (
        FOOTPRINT_INDEX,
        lambda p: poke(p, 4, "<q", 2**63 - 1),
        "event 1: the index gives it 24 bytes at 9223372036854775807",
    ),
    (
        FOOTPRINT_INDEX,
        lambda p: poke(p, 12, "<q", 2**63 - 1),
        "event 1: the index gives it 9223372036854775807 bytes at 8",
    ),
    (FOOTPRINT_INDEX, lambda p: poke(p, 12, "<q", -12), "event 1: the index gives it -12 bytes at 8"),
    (
        FOOTPRINT_INDEX,
        lambda p: poke(p, 12, "<q", 13),
        "event 1: 13 bytes of rows, expected a multiple of 12",
    ),
    (FOOTPRINT_INDEX, lambda p: cut(p, 19), "footprint.idx: byte 0: the file ends inside an entry"),
    (
        VULNERABILITY,
        lambda p: poke(p, 4 + 8, "<i", 4),
        "vulnerability.bin: byte 4: vulnerability 1: damage bin 4, expected 1 to 3",
    ),
    (
        VULNERABILITY,
        lambda p: poke(p, 20 + 8, "<i", 0),
        "byte 20: vulnerability 1: damage bin 0, expected 1 to 3",
    ),
    (
        VULNERABILITY,
        lambda p: poke(p, 4 + 4, "<i", 0),
        "byte 4: vulnerability 1: intensity bin 0, expected 1 or more",
    ),
    (
        VULNERABILITY,
        lambda p: poke(p, 4 + 12, "<f", float("nan")),
        "byte 4: vulnerability 1: probability nan",
    ),
    (VULNERABILITY, lambda p: poke(p, 4 + 12, "<f", -1), "byte 4: vulnerability 1: probability -1.0"),
    (VULNERABILITY, lambda p: poke(p, 0, "<i", 0), "vulnerability.bin: byte 0: the largest damage bin is 0"),
    (
        VULNERABILITY,
        lambda p: poke(p, 0, "<i", 4),
        "damage_bin_dict.bin: 3 damage bins, expected 4, the largest damage bin of",
    ),
    (VULNERABILITY, lambda p: cut(p, 3), "vulnerability.bin: byte 0: the file ends inside its header"),
    (
        VULNERABILITY,
        lambda p: cut(p, 30),
        "vulnerability.bin: byte 20: the file ends inside a row: expected 16 bytes, found 10",
    ),
    (
        VULNERABILITY,
        lambda p: cut(p, 4),
        "items.bin: event 1: areaperil 7 has vulnerability 1, of which .*vulnerability.bin has no",
    ),
    (BINS, lambda p: cut(p, 41), "damage_bin_dict.bin: byte 40: the file ends inside a damage bin"),
    (
        BINS,
        lambda p: poke(p, 32, "<f", float("nan")),
        "damage_bin_dict.bin: byte 20: damage bin 2: interpolation is nan",
    ),
    (
        "input/items.bin",
        lambda p: cut(p, 19),
        "items.bin: byte 0: the file ends inside an item: expected 20 bytes, found 19",
    ),
]


@pytest.mark.parametrize("name, damage, message", WRONG)
def test_wrong_values(tmp_path, name, damage, message):
    root = write(tiny(), tmp_path)
    damage(root / name)
    with pytest.raises(DataError, match=message):
        cdfs(root, event_ids(1))


@pytest.mark.parametrize(
    "name, size",
    [
        (BINS, 41),
        (BINS, 19),
        ("input/items.bin", 19),
        ("static/footprint.idx", 19),
        ("static/footprint.bin", 7),
        ("static/vulnerability.bin", 5),
    ],
)
def test_cut_tables(tmp_path, name, size):
    root = write(tiny(), tmp_path)
    cut(root / name, size)
    with pytest.raises(TruncatedError, match=rf"{name}: byte \d+: the file ends inside"):
        cdfs(root, event_ids(1))


@pytest.mark.parametrize(
    "damage, message",
    [
        (lambda p: cut(p, p.stat().st_size - 1), "event 1: the index gives it"),
        (lambda p: poke(p, 8, "<H", 0), "footprint.bin.z: byte 8: event 1: cannot decompress"),
        (
            lambda p: p.write_bytes(p.read_bytes()[:-4] + b"\0\0\0\0"),
            "footprint.bin.z: byte 8: event 1: cannot decompress",
        ),
    ],
)
@pytest.mark.parametrize("variant", ["compressed", "sized"])
def test_wrong_compressed_footprint(tmp_path, variant, damage, message):
    root = write(tiny(), tmp_path, variant)
    damage(root / "static" / "footprint.bin.z")
    with pytest.raises(DataError, match=message):
        cdfs(root, event_ids(1))


@pytest.mark.parametrize(
    "size, message",
    [
        (23, "24 bytes when decompressed, expected 23"),
        (36, "24 bytes when decompressed, expected 36"),
        (2**60, "more than .* bytes can hold"),
    ],
)
def test_wrong_original_sizes(tmp_path, size, message):
    root = write(tiny(), tmp_path, "sized", "compressed")
    poke(root / "static" / "footprint.idx.z", 20, "<q", size)
    with pytest.raises(DataError, match=f"footprint.bin.z: byte 8: event 1: .*{message}"):
        cdfs(root, event_ids(1))
    write(tiny(), tmp_path, "sized", "compressed")
    poke(root / "static" / "vulnerability.idx.z", 20, "<q", 12)
    with pytest.raises(
        DataError, match="vulnerability.bin.z: byte 4: vulnerability 1: 48 bytes .*, expected 12"
    ):
        cdfs(root, event_ids(1))


def test_wrong_compressed_values(tmp_path):
    root = write(tiny(footprint={1: [(7, 1, 0.5), (7, 9, 0.5)]}), tmp_path, "compressed")
    with pytest.raises(
        DataError, match="footprint.bin.z: byte 8: event 1: row 2: areaperil 7: intensity bin 9"
    ):
        cdfs(root, event_ids(1))
    root = write(tiny(vulnerability={1: [(1, 1, 0.5), (1, 7, 0.5)]}), tmp_path, "plain", "compressed")
    (root / "static" / "footprint.bin.z").unlink()
    with pytest.raises(DataError, match="vulnerability.bin.z: byte 4: vulnerability 1, row 2: damage bin 7"):
        cdfs(root, event_ids(1))


@pytest.mark.parametrize(
    "at, format, value, message",
    [
        (4, "<q", 3, "vulnerability.idx: byte 0: vulnerability 1: 48 bytes at 3"),
        (4, "<q", 5, "vulnerability.idx: byte 0: vulnerability 1: 48 bytes at 5"),
        (12, "<q", -1, "vulnerability.idx: byte 0: vulnerability 1: -1 bytes at 4"),
        (12, "<q", 13, "vulnerability.bin: byte 4: vulnerability 1: 13 bytes, expected a multiple of 12"),
    ],
)
def test_wrong_vulnerability_index(tmp_path, at, format, value, message):
    root = write(tiny(), tmp_path, "plain", "indexed")
    poke(root / "static" / "vulnerability.idx", at, format, value)
    with pytest.raises(DataError, match=message):
        cdfs(root, event_ids(1))


@pytest.mark.parametrize("missing", ["input/items.bin", FOOTPRINT, FOOTPRINT_INDEX, VULNERABILITY, BINS])
def test_missing_files(tmp_path, tool, run, missing):
    root = write(tiny(), tmp_path)
    (root / missing).unlink()
    with pytest.raises(InputError, match=f"{Path(missing).name}: cannot read"):
        cdfs(root, event_ids(1))
    status, out, err = run([tool("getmodel")], event_ids(1), cwd=root)
    assert (
        (status, out) == (3, b"") and err.startswith(f"getmodel: error: {missing}: ") and err.count("\n") == 1
    )


def test_events_before_a_wrong_one_are_complete(tmp_path):
    model = make(
        6, n_events=3, missing_events=0, n_areaperils=900, n_items=3000, n_vulnerabilities=9, n_damage=20
    )
    _areaperil, intensity, _probability = model.footprint[3]
    intensity[-200:] = 99
    root = write(model, tmp_path)
    for before in ((1,), (1, 2), (2, 1, 1)):
        sink = Sink.memory()
        with pytest.raises(
            DataError, match="footprint.bin: byte [0-9]*: event 3: areaperil [0-9]*: intensity bin 99"
        ):
            getmodel(event_ids(*before, 3), sink, root=root)
        assert sink.getvalue() == cdfs(root, event_ids(*before))  # and no row of event 3
    # what is wrong in an event that nobody runs does no harm
    assert {row[0] for row in rows_of(cdfs(root, event_ids(1, 2)))} == {1, 2}


def test_truncated_events(tmp_path):
    root = write(tiny(), tmp_path)
    for n in (1, 2, 3, 5, 7):
        sink = Sink.memory()
        with pytest.raises(TruncatedError, match=f"byte {n}: the input ends inside an event id"):
            getmodel(event_ids(1, 1)[:n], sink, root=root)
        assert sink.getvalue() == cdfs(root, event_ids(1)[: n // 4 * 4])


@pytest.mark.parametrize("uncertain", [True, False])
@pytest.mark.parametrize("footprint, vulnerability", list(zip(FOOTPRINTS, VULNERABILITIES)))
def test_any_damage_ends_in_an_error_or_a_stream(tmp_path, footprint, vulnerability, uncertain):
    model = make(17, uncertain=uncertain, irregular=True)
    root = write(model, tmp_path, footprint, vulnerability)
    rng = np.random.default_rng(18)
    files = [
        p
        for p in sorted(root.glob("*/*"))
        if p.name.split(".")[0] in ("items", "damage_bin_dict", "footprint", "vulnerability")
    ]
    whole = {p: p.read_bytes() for p in files}
    for _ in range(250):
        path = files[rng.integers(len(files))]
        data = bytearray(whole[path])
        if rng.random() < 0.2:
            del data[rng.integers(len(data)) :]
        else:
            at = int(rng.integers(min(len(data), 40) if rng.random() < 0.5 else len(data)))
            data[at] = rng.choice([0, 1, 127, 128, 255])
        path.write_bytes(data)
        sink = Sink.memory()
        try:
            getmodel(model.events_bin(), sink, root=root)
        except DataError as error:
            assert "\n" not in str(error)
        if sink.getvalue():
            for *_, bins_of_row in rows_of(sink.getvalue()):
                assert 0 < len(bins_of_row) <= 8 * model.n_damage
        path.write_bytes(whole[path])


def test_console_script(tmp_path, tool, run):
    model = make(3)
    root = write(model, tmp_path)
    expected = cdfs(root, model.events_bin())
    assert run([tool("getmodel")], model.events_bin(), cwd=root) == (0, expected, "")
    status, _, err = run([tool("getmodel")], b"\1\0", cwd=root)
    assert status == 1 and "standard input: byte 2" in err
    assert run([tool("getmodel"), "-x"], b"", cwd=root)[0] == 2
    status, out, _ = run([tool("getmodel"), "--areaperil-bytes", "8"], model.events_bin(), cwd=root)
    assert status == 1 and len(out) <= 4
