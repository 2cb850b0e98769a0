"""What ktc diff finds: the record that was changed, missing or moved, tolerances to their edge, and exit
statuses."""

import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_inspect import PLAIN, cdfs, losses, made

import ktc
from ktc import compare, stages
from ktc.compare import diff
from ktc.schemas import REPORTS, STREAMS, TABLES

EVENTS = [(1, 2, [(-1, 5.0), (1, 1.0), (2, 4.0)]), (1, 3, [(-1, 0.5), (2, 0.0)]), (4, 2, [(1, 8.0)])]


@pytest.fixture
def pair(tmp_path):
    """Two files of these bytes compared, and their names."""

    def call(a, b, *, name="x", **options):
        paths = [tmp_path / side / name for side in "ab"]
        for path, data in zip(paths, (a, b)):
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        return diff(*paths, **options)

    return call


def changed(packets, place, record=None, value=None):
    """Packets with one record replaced, or left out if the value is None; a whole packet without record."""
    packets = [list(packet) for packet in packets]
    if record is None:
        return packets[:place] + packets[place + 1 :]
    records = list(packets[place][2])
    packets[place][2] = (
        records[:record] + ([] if value is None else [(records[record][0], value)]) + records[record + 1 :]
    )
    return packets


# --- streams


def test_one_loss(pair):
    found = pair(losses(packets=EVENTS), losses(packets=changed(EVENTS, 1, 0, 0.75)))
    assert (found.kind, found.records, found.differing, found.only_a, found.only_b, found.equal) == (
        "loss",
        6,
        1,
        0,
        0,
        False,
    )
    (first,) = found.first
    # a header of 8 bytes, a packet of 8 + 4 * 8, another's head of 8
    assert (first.key, first.record_a, first.byte_a) == ({"event_id": 1, "output_id": 3, "sidx": -1}, 4, 56)
    assert first.values == {"loss": (0.5, 0.75)} and (first.record_b, first.byte_b) == (4, 56)
    assert found.fields["loss"] == compare.FieldDifference(1, 0.25, 0.25 / 0.75)
    assert "  event_id 1, output_id 3, sidx -1, record 4 (byte 56): loss 0.5 and 0.75\n" in str(found)
    assert str(found).endswith("different")


def test_bytes_are_where_records_lie(pair):
    """The byte that a difference names is the byte of the file."""
    data = losses(packets=EVENTS)
    for place, record, value in ((0, 0, 77.0), (0, 2, 77.0), (1, 1, 77.0), (2, 0, 77.0)):
        (first,) = pair(data, losses(packets=changed(EVENTS, place, record, value))).first
        assert struct.unpack_from("<if", data, first.byte_a) == EVENTS[place][2][record]


@pytest.mark.parametrize("kind", [name for name in STREAMS if name not in ("cdf", "summary")])
def test_every_stream_of_losses(kind, pair):
    word = STREAMS[kind].kind
    found = pair(losses(word, EVENTS), losses(word, changed(EVENTS, 2, 0, 8.5)))
    assert (found.kind, list(found.first[0].key)[1]) == (kind, STREAMS[kind].packet[1].name)


def test_a_missing_record_and_a_missing_loss_of_0(pair):
    data = losses(packets=EVENTS)
    found = pair(data, losses(packets=changed(EVENTS, 1, 1)))
    assert (found.records, found.differing, found.only_a, found.zeros_a, found.only_b) == (
        5,
        0,
        1,
        1,
        0,
    ) and not found.equal
    assert "only in" in str(found) and "1 record, all of them losses of 0" in str(found)
    found = pair(losses(packets=changed(EVENTS, 0, 1)), data)
    assert (found.only_a, found.only_b, found.zeros_b) == (0, 1, 0)
    assert (found.first[0].record_a, found.first[0].record_b, found.first[0].byte_b) == (None, 2, 24)
    found = pair(data, losses(packets=changed(EVENTS, 1)))
    assert (found.only_a, found.zeros_a, found.packets) == (2, 1, (3, 2))


def test_order_does_not_count_but_is_told(pair):
    data, permuted = losses(packets=EVENTS), losses(packets=[EVENTS[1], EVENTS[0], EVENTS[2]])
    found = pair(data, permuted)
    assert found.equal and (found.reordered, found.moved, found.records) == (1, 0, 6)
    assert "other order of records in 1 event\nequal" in str(found)
    turned = [EVENTS[0], (1, 3, EVENTS[1][2][::-1]), EVENTS[2]]
    assert pair(data, losses(packets=turned)).reordered == 1
    found = pair(data, losses(packets=[EVENTS[2], *EVENTS[:2]]))
    assert found.equal and (found.reordered, found.moved) == (0, 1)
    found = pair(data, losses(packets=[EVENTS[2], (1, 2, [(-1, 5.0), (1, 1.5), (2, 4.0)]), EVENTS[1]]))
    assert (found.differing, found.moved, found.first[0].record_a, found.first[0].record_b) == (1, 1, 2, 3)


def test_events_that_come_back(pair):
    """The first time goes with the first time, the second with the second."""
    again = [*EVENTS, (1, 2, [(1, 2.0)])]
    assert pair(losses(packets=again), losses(packets=again), name="x").identical
    found = pair(losses(packets=again), losses(packets=changed(again, 3, 0, 2.5)))
    assert (found.differing, found.first[0].record_a) == (1, 7)
    found = pair(losses(packets=again), losses(packets=EVENTS))
    assert (found.only_a, found.first[0].record_a) == (1, 7)
    twice = [(1, 2, [(1, 1.0), (1, 3.0)])]  # a record that comes twice
    found = pair(losses(packets=twice), losses(packets=[(1, 2, [(1, 1.0), (1, 4.0), (2, 1.0)])]))
    assert (found.records, found.differing, found.only_b, found.first[0].record_a) == (2, 1, 1, 2)


def test_headers_and_packets(pair):
    found = pair(losses(packets=EVENTS), losses(packets=EVENTS, sample_size=5))
    assert found.header == {"sample_size": (3, 5)} and found.records == 6 and not found.equal
    found = pair(losses(packets=EVENTS), losses(packets=[*EVENTS, (4, 9, [])]))
    assert found.equal and "packets: 3 and 4" in str(found)


def test_summaries(pair):
    from summaries import stream

    one = [(1, 1, 100.0, [(-1, 2.0), (1, 4.0)]), (2, 3, 50.0, [(1, 1.0)])]
    found = pair(stream(2, one), stream(2, [(1, 1, 120.0, one[0][3]), one[1]], summary_set=2))
    assert (
        found.header == {"summary_set": (1, 2)} and found.fields["exposure"].records == 2 == found.differing
    )
    assert found.first[0].values == {"exposure": (100.0, 120.0)} and found.fields["loss"].records == 0


def test_cdfs(pair):
    other = ((3, 10, 4, [(0.25, 0.0), (1.0, 0.5)]), (3, 11, 4, [(1.0, 1.0)]), (5, 10, 1, [(1.0, 0.75)]))
    found = pair(cdfs(), cdfs(packets=other))
    (first,) = found.first
    assert first.key == {"event_id": 5, "areaperil_id": 10, "vulnerability_id": 1, "bin_index": 1}
    assert first.values == {"bin_mean": (0.25, 0.75)} and first.byte_a == len(cdfs()) - 8
    assert pair(cdfs("Q"), cdfs("Q", other[::-1]), areaperil_bytes=8).moved == 1


def test_large_streams_of_many_batches(pair):
    """More records than a batch has, so that batches of the two do not lie side by side."""
    rng = np.random.default_rng(1)
    packets = [
        (event, id, [(-1, 1.0)] + [(sidx, float(rng.integers(1, 100))) for sidx in range(1, 21)])
        for event in range(1, 1501)
        for id in range(1, 1 + int(rng.integers(1, 8)))
    ]
    data = losses(packets=packets, sample_size=20)
    records = sum(len(packet[2]) for packet in packets)
    assert records > 1.5 * (1 << 16)
    found = pair(data, losses(packets=changed(changed(packets, 4000, 3, 0.5), 2, 1), sample_size=20))
    assert (found.records, found.differing, found.only_a, found.only_b) == (records - 1, 1, 1, 0)
    assert found.first[1].key == {"event_id": packets[4000][0], "output_id": packets[4000][1], "sidx": 3}
    events = {}
    for packet in packets:
        events.setdefault(packet[0], []).append(packet)
    shuffled = [packet for event in rng.permutation(list(events)) for packet in events[event]]
    found = pair(data, losses(packets=shuffled, sample_size=20))
    assert found.equal and found.records == records and found.moved > 1000


# --- tolerances


@pytest.mark.parametrize(
    "a, b, options, equal",
    [
        (1.0, 1.5, {"absolute": 0.5}, True),
        (1.0, 1.5, {"absolute": math.nextafter(0.5, 0)}, False),
        (1.0, -1.0, {"absolute": 2}, True),
        (3.0, 4.0, {"relative": 0.25}, True),
        (4.0, 3.0, {"relative": 0.25}, True),
        (3.0, 4.0, {"relative": math.nextafter(0.25, 0)}, False),
        (-3.0, -4.0, {"relative": 0.25}, True),
        (0.0, 1e-9, {"relative": 0.99}, False),
        (0.0, 1e-9, {"relative": 1}, True),
        (0.0, -0.0, {}, True),
        (math.nan, math.nan, {}, True),
        (math.nan, 1.0, {"absolute": 1e30, "relative": 1e30}, False),
        (math.inf, math.inf, {}, True),
        (math.inf, -math.inf, {"relative": 5}, False),
        (math.inf, 1.0, {"relative": 1}, False),
    ],
)
def test_tolerances(a, b, options, equal, pair):
    # a record beside it, so that the bytes are not the same
    one, other = ([(1, 1, [(1, value), (2, 1.0)])] for value in (a, b))
    found = pair(losses(packets=one), losses(packets=[*other, (1, 2, [])]), **options)
    assert found.equal is equal and found.records == 2
    assert found.differing == (not equal)


def test_ids_have_no_tolerance(pair):
    data, rows = made("items")
    rows["group_id"][3] += 1
    found = pair(data, rows.tobytes(), name="items.bin", absolute=5, relative=1)
    assert found.differing == 1 and found.first[0].values == {"group_id": (8, 9)}


# --- tables


@pytest.mark.parametrize("name", PLAIN)
def test_every_table(name, pair):
    """The record that is changed is the one that is named: by its key, where the registry has one, or by its
    place."""
    data, rows = made(name, 7)
    key = TABLES[name].key
    field = rows.dtype.names[-1]
    rows[field][4] += 50
    start, size = TABLES[name].header_size(), TABLES[name].size()
    other = data[:start] + rows.tobytes()
    found = pair(data, other, kind=name)
    first = found.first[0]
    before = made(name, 7)[1][4]
    assert (first.record_a, first.byte_a, first.key) == (
        5,
        start + 4 * size,
        {column: before[column] for column in key},
    )
    if field in key:  # nothing but keys: another record
        assert (found.records, found.differing, found.only_a, found.only_b) == (6, 0, 1, 1)
    else:
        assert (found.records, found.differing, found.only_a, list(first.values)) == (7, 1, 0, [field])
    found = pair(data, data[:-size], kind=name)
    assert (found.only_a, found.only_b, found.records) == (1, 0, 6) and found.first[0].record_a == 7
    assert pair(data, data, kind=name).identical


def test_keys_match_rows_of_another_order(pair):
    rows = np.array([(1, 0.25), (2, 0.5), (3, 0.25)], TABLES["periods"].dtype())
    assert pair(rows.tobytes(), rows[::-1].tobytes(), name="periods.bin").equal
    found = pair(rows.tobytes(), rows[[2, 0]].tobytes(), name="periods.bin")
    assert (found.records, found.only_a, found.first[0].key) == (2, 1, {"period_no": 2})


def test_header_of_a_table(pair):
    data, _ = made("vulnerability")
    found = pair(data, struct.pack("<i", 8) + data[4:], kind="vulnerability")
    assert found.header == {"max_damage_bin": (1, 8)} and found.differing == 0 and not found.equal


def test_footprints(tmp_path):
    """A compressed one and a plain one hold the same; their flags do, too, unless the index has sizes."""
    csv = "event_id,areaperil_id,intensity_bin_id,probability\n2,4,1,0.5\n2,4,2,0.5\n3,4,1,1\n"
    for name, text, options in (
        ("a", csv, {}),
        ("b", csv, {"compress": True}),
        ("c", csv.replace("3,4,1", "3,5,1"), {}),
        ("d", csv.replace("\n3,4", "\n8,4"), {}),
    ):
        (tmp_path / name).mkdir()
        ktc.tobin(
            "footprint",
            text.encode(),
            tmp_path / name / "footprint.bin",
            index=tmp_path / name / "footprint.idx",
            max_intensity_bin=5,
            **options,
        )
    a, b, c, d = (
        tmp_path / name / f"footprint.bin{z}" for name, z in (("a", ""), ("b", ".z"), ("c", ""), ("d", ""))
    )
    assert diff(a, a).identical and not diff(a, b).identical and diff(a, b).equal and diff(a, b).records == 3
    assert diff(a, c).first[0].values == {"areaperil_id": (4, 5)} and diff(a, c).first[0].record_a == 3
    (tmp_path / "footprint.bin").write_bytes(a.read_bytes())
    with pytest.raises(ktc.UsageError, match="only one of them has an index beside it"):
        diff(a, tmp_path / "footprint.bin")
    assert a.read_bytes() == d.read_bytes() and diff(a, d).first[0].values == {
        "event_id": (3, 8)
    }  # only the index differs


def test_a_pipe_and_a_file(run, tool, tmp_path):
    (tmp_path / "a").write_bytes(losses(packets=EVENTS))
    call = [tool("ktc"), "diff", tmp_path / "a", "-"]
    assert run(call, losses(packets=EVENTS)) == (
        0,
        f"{tmp_path}/a and standard input: 6 records of loss in both, none of them "
        f"different\nequal\n".encode(),
        "",
    )
    assert run(call, losses(packets=EVENTS)[:-20])[0] == 1


# --- reports

ELT = REPORTS["event_loss_table"].csv_header


def test_reports(pair):
    rows = ["1,1,7,10.5,0.0,100.0", "1,2,7,12.0,nan,100.0", "1,2,9,3.0,1.0,100.0"]
    text = "\n".join([ELT, *rows, ""]).encode()
    assert (
        pair(text, text).identical
        and pair(text, text.replace(b"10.5", b"10.50")).equal
        and pair(text, text[:-1]).equal
    )
    found = pair(text, text.replace(b"12.0", b"12.5"))
    assert (found.kind, found.records, found.differing) == ("event_loss_table", 3, 1)
    assert found.first[0].values == {"mean": (12.0, 12.5)} and found.first[0].record_a == 2
    assert "  line 3: mean 12.0 and 12.5\n" in str(found)
    assert pair(text, text.replace(b"12.0", b"12.5"), relative=0.04).equal
    found = pair(text, "\n".join([ELT, *rows[:2], ""]).encode())
    assert (found.only_a, found.only_b, found.first[0].record_a) == (1, 0, 3)
    assert pair(text, ELT.encode() + b"\n").only_a == 3 and pair(text, text.replace(b"\n", b"\r\n")).equal
    many = ELT.encode() + b"".join(
        b"\n%d,1,1,0.5,0.5,0.5" % n for n in range(100000)
    )  # no end of line at its end
    found = pair(many, many + b"1")
    assert (found.records, found.first[0].values) == (100000, {"exposure_value": (0.5, 0.51)})
    with pytest.raises(ktc.DataError, match="lines 2 to 4: .*x"):
        pair(text, text.replace(b"12.0", b"1x2"))
    with pytest.raises(
        ktc.UsageError,
        match="csv of event_loss_table and .* is csv of average_loss: expected two of one kind",
    ):
        pair(text, REPORTS["average_loss"].csv_header.encode() + b"\n")
    with pytest.raises(ktc.UsageError, match="are csv, but no report's"):
        pair(b"a,b\n1,2\n", b"a,b\n1,2\n")


def test_reports_of_a_model(tmp_path):
    ktc.write_example(tmp_path, events=20, locations=5, grid=4)
    stages.eve(1, 1, tmp_path / "events", root=tmp_path)
    stages.getmodel(tmp_path / "events", tmp_path / "cdf.bin", root=tmp_path)
    for seed in (1, 2):
        stages.gulcalc(
            tmp_path / "cdf.bin",
            item=tmp_path / f"gul{seed}",
            sample_size=10,
            alloc_rule=1,
            seed=seed,
            root=tmp_path,
        )
        stages.summarycalc(
            tmp_path / f"gul{seed}", {1: tmp_path / f"summary{seed}"}, item=True, root=tmp_path
        )
        stages.eltcalc(tmp_path / f"summary{seed}", tmp_path / f"elt{seed}.csv", root=tmp_path)
    found = diff(tmp_path / "elt1.csv", tmp_path / "elt2.csv")
    assert (
        0 < found.fields["mean"].records == found.differing <= found.records // 2
    )  # analytical means are the same
    found = diff(tmp_path / "gul1", tmp_path / "gul2")
    assert not found.equal and all(each.key["sidx"] > 0 for each in found.first)
    assert not diff(tmp_path / "gul1", tmp_path / "gul2", absolute=1e12).differing


# --- scripts


def test_exit_statuses(run, tool, tmp_path):
    for name, data in (
        ("a", losses(packets=EVENTS)),
        ("b", losses(packets=changed(EVENTS, 0, 1, 1.25))),
        ("c", cdfs()),
        ("cut", losses(packets=EVENTS)[:-20]),
    ):
        (tmp_path / name).write_bytes(data)
    call = lambda *args: run([tool("ktc"), "diff", *args], cwd=tmp_path)
    assert call("a", "a") == (0, b"a and a: the same bytes\n", "")
    status, out, err = call("a", "b")
    assert (status, err) == (1, "") and out.decode().split("\n") == [
        "a and b: 6 records of loss in both, 1 of them different",
        "  loss: 1 record; the largest difference is 0.25, relative 0.2",
        "  event_id 1, output_id 2, sidx 1, record 2 (byte 24): loss 1.0 and 1.25",
        "different",
        "",
    ]
    assert call("a", "b", "--abs", "0.25")[0] == 0 and call("a", "b", "--rel", "0.19")[0] == 1
    assert b"... and 1 more" in call("a", "b", "--limit", "0")[1]
    assert call("a", "c") == (
        2,
        b"",
        "ktc diff: error: a is a loss stream and c is a cdf stream: expected two of one kind\n",
    )
    assert (
        call("a", "none")[0] == 3
        and call("a")[0] == 2
        and call("-", "-")[0] == 2
        and call("a", "b", "--abs", "-1")[0] == 2
    )
    status, out, err = call("a", "cut")
    assert (status, out) == (1, b"") and err.startswith("ktc diff: error: cut: byte ")


# --- whatever the records are

ids = st.integers(1, 4)
values = st.floats(width=32, allow_nan=True, allow_infinity=True)
records = st.lists(st.tuples(st.sampled_from([-5, -3, -1, 1, 2, 3]), values), max_size=4)
packets = st.lists(st.tuples(ids, ids, records), max_size=8)


@settings(max_examples=60, deadline=None)
@given(packets, st.randoms())
def test_the_changed_record_is_the_one_named(tmp_path_factory, packets, random):
    folder = tmp_path_factory.mktemp("any")
    a, b = folder / "a", folder / "b"
    a.write_bytes(losses(packets=packets))
    b.write_bytes(losses(packets=[*packets, (9, 9, [])]))  # other bytes, the same records
    found = diff(a, b)
    assert (
        found.equal
        and found.records == sum(len(packet[2]) for packet in packets)
        and not (found.reordered or found.moved)
    )
    places = [(place, record) for place, packet in enumerate(packets) for record in range(len(packet[2]))]
    if places:
        place, record = random.choice(places)
        event, id, records = packets[place]
        value = 1.0 if records[record][1] != 1.0 else 2.0
        b.write_bytes(losses(packets=changed(packets, place, record, value)))
        found = diff(a, b)
        (first,) = found.first
        assert found.differing == 1 and first.key == {
            "event_id": event,
            "output_id": id,
            "sidx": records[record][0],
        }
        assert (
            first.record_a == first.record_b == 1 + places.index((place, record))
            and first.values["loss"][1] == value
        )
