"""gultobin, summarycalctobin, fmprofilebinconv and footprintconv: beside the oracle, there and back, worked
examples, faults."""

import io
import os
import random
import shutil
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.models import make, write

import ktc
from ktc import stages
from ktc.chain import Chain, EltCalc, FmCalc, LossCsv, LossStream, PlaCalc, SummaryCalc
from ktc.errors import DataError, TruncatedError, UsageError
from ktc.schemas import REPORTS, TABLES, streams

ITEMS, SUMMARIES = streams.ITEM_STREAM.csv_header, REPORTS["summary_with_exposure"].csv_header
TOOLS = ["gultobin", "summarycalctobin"]


def csv_of(tool, *rows):
    return "".join(f"{line}\n" for line in (ITEMS if tool == "gultobin" else SUMMARIES, *rows)).encode()


def binary(tool, csv, sample_size=2, **keywords):
    out = io.BytesIO()
    try:
        getattr(ktc, tool)(csv, out, sample_size=sample_size, **keywords)
    except DataError as error:
        error.written = out.getvalue()
        raise
    return out.getvalue()


def text(function, stream, **keywords):
    out = io.BytesIO()
    function(stream, out, full_precision=True, **keywords)
    return out.getvalue()


def records(*pairs):
    return b"".join(struct.pack("<if", *pair) for pair in pairs)


def row_of(tool, event, id, exposure, sidx, loss):
    return f"{event},{id},{sidx},{loss}" if tool == "gultobin" else f"{event},{exposure},{id},{sidx},{loss}"


def generated(tool, rng, sample_size):
    """Rows of events that also come again, ids without order, samples in any order; gultobin's may have
    samples to leave out."""
    number = lambda: (
        rng.choice(("%.2f", "%.6f", "%.9g", "%.10e", "%d", " %g", "-%.3f")) % rng.lognormvariate(5, 4)
    )
    beyond = [sample_size + 1, 2**31 - 1] if tool == "gultobin" else []
    rows = []
    for _ in range(rng.choice((1, 40))):
        event = rng.choice((1, 2, 2**31 - 1, -7, rng.randint(1, 10**6)))
        for _ in range(rng.choice((1, 5))):
            id, exposure = rng.choice((1, -3, 2**31 - 1, rng.randint(1, 99))), rng.choice(("0", number()))
            first = rng.choice([-5, -3, -1])
            some = (
                range(1, sample_size + 1)
                if rng.random() < 0.5
                else [
                    rng.choice([-4, -2, *range(1, sample_size + 1), *beyond])
                    for _ in range(rng.randint(0, 20))
                ]
            )
            rows += [
                row_of(tool, event, id, exposure, sidx, number()) + rng.choice(("", "", " ,more", "\r"))
                for sidx in (first, *some)
            ]
    return csv_of(tool, *rows, row_of(tool, 5, 6, 7, -1, 8.5))


# Streams, beside the oracle


@pytest.mark.parametrize("tool_name", TOOLS)
@pytest.mark.parametrize("sample_size", [0, 1, 10, 300])
def test_streams_like_ktools(tool_name, sample_size, oracle, tool, run):
    for seed in range(6):
        csv = generated(tool_name, random.Random(f"{tool_name} {sample_size} {seed}"), sample_size)
        flags, keywords = [f"-S{sample_size}"], {}
        if tool_name == "gultobin" and seed % 3:
            flags, keywords = [*flags, f"-t{seed % 3}"], {"stream_type": seed % 3}
        status, theirs, said = run([oracle(tool_name), *flags], csv)
        assert (status, said) == (0, "")
        assert binary(tool_name, csv, sample_size, **keywords) == theirs
    assert run([tool(tool_name), *flags], csv) == (0, theirs, "")


@pytest.mark.parametrize("tool_name", TOOLS)
def test_more_than_any_buffer(tool_name, oracle, run):
    """Packets of two million records in all, of one id and of thousands."""
    samples = [f"{1000 + sidx}.25" for sidx in range(40_001)]
    rows = [row_of(tool_name, 1, 1, 2, sidx, loss) for sidx, loss in enumerate(samples) if sidx]
    rows += [
        row_of(tool_name, event, id, 2, sidx, samples[sidx])
        for event in range(1, 6)
        for id in range(1, 2001)
        for sidx in (-1, 1, 2, 3)
    ]
    csv = csv_of(tool_name, *rows)
    assert binary(tool_name, csv, 40_000) == run([oracle(tool_name), "-S40000"], csv)[1]


@pytest.mark.parametrize("tool_name", TOOLS)
def test_rows_of_one_packet_in_other_words(tool_name, oracle, run):
    """Ids that are written as before, or otherwise, or after a row in another form; short and long."""
    rng = random.Random(tool_name)
    rows = []
    for _ in range(5000):
        event, id = rng.choice((1, 12, 123456789)), rng.choice((1, 2, 1234567890))
        rows.append(
            row_of(
                tool_name,
                rng.choice(("", "", "", "0", " ", "+")) + str(event),
                id,
                rng.choice(("9", "9.0", "12345.67")),
                rng.choice((-1, 1, 2)),
                rng.choice(("1", "2.50", "3e2", "+4", "5.")),
            )
        )
    csv = csv_of(tool_name, *rows)
    assert binary(tool_name, csv) == run([oracle(tool_name), "-S2"], csv)[1]


@pytest.mark.parametrize("tool_name", TOOLS)
def test_a_long_row_between_short_ones(tool_name):
    """Columns that no losses have are left alone, however many (ktools takes 4095 bytes for a line)."""
    rows = [row_of(tool_name, 1, 1, 9, -1, 5.5)] * 50
    for other in (rows[0], row_of(tool_name, 2, 1, 9, -1, 5.5)):
        long = csv_of(tool_name, *rows, other + ",more" * 2000, *rows)
        assert binary(tool_name, long) == binary(tool_name, csv_of(tool_name, *rows, other, *rows))


# There and back

losses = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.integers(-2, 3),
        st.sampled_from([0.0, 1.5, 1e6]),
        st.lists(
            st.tuples(
                st.sampled_from([-5, -4, -3, -2, -1, 1, 2, 3]),
                st.integers(-(10**7), 10**7).map(lambda n: n / 64),
            ),
            min_size=1,
        ),
    )
)


@settings(deadline=None)
@given(losses)
def test_round_trip(packets):
    """64ths have six decimals at most, and below 2**18 they are floats."""
    gul, summaries, before = [], [], None
    for event, id, exposure, some in packets:
        body = struct.pack("<ii", event, id) + records(*some) + bytes(8), some[-1][0]
        if (event, id) != before:  # else it would become the same packet
            gul.append(body)
            summaries.append(struct.pack("<iif", event, id, exposure) + body[0][8:])
        before = event, id
    stream = struct.pack("<Iii", streams.SUMMARY, 3, 1) + b"".join(summaries)
    csv = text(stages.summarycalctocsv, stream, exposure=True, max_loss=True)
    assert binary("summarycalctobin", csv, 3) == stream
    for kind, type in ((streams.ITEM, 1), (streams.LOSS, 2)):
        stream = struct.pack("<Ii", kind, 3) + b"".join(body for body, _ in gul)
        if gul and gul[-1][1] >= -1:  # the last terminator is left out behind a mean or a sample
            stream = stream[:-8]
        back = binary("gultobin", text(stages.gultocsv, stream), 3, stream_type=type)
        assert back == stream


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """An example with its streams, and the csv of them."""
    root = tmp_path_factory.mktemp("model")
    ktc.write_example(root, events=30, locations=12, grid=6)
    items = len(ktc.read_table("items", root / "input" / "items.bin"))
    (root / "input" / "amplifications.bin").write_bytes(
        bytes(4) + b"".join(struct.pack("<ii", i + 1, 1) for i in range(items))
    )
    ktc.eve(1, 1, root / "events.bin", root=root)
    ktc.getmodel(root / "events.bin", root / "cdf.bin", root=root)
    ktc.gulcalc(root / "cdf.bin", item=root / "gul.bin", sample_size=10, alloc_rule=1, root=root)
    ktc.summarycalc(root / "gul.bin", {2: root / "summary.bin"}, item=True, root=root)
    ktc.gultocsv(root / "gul.bin", root / "gul.csv")
    ktc.summarycalctocsv(root / "summary.bin", root / "summary.csv", exposure=True, max_loss=True)
    return root


def test_streams_of_stages(model):
    """What gulcalc and summarycalc write comes back, but for the set's number and what two decimals cannot
    hold."""
    gul = binary("gultobin", model / "gul.csv", 10)
    assert len(gul) == (model / "gul.bin").stat().st_size > 10_000
    assert text(stages.gultocsv, gul) != text(stages.gultocsv, model / "gul.bin")
    assert binary("gultobin", text(stages.gultocsv, gul), 10) == gul
    summary = binary("summarycalctobin", model / "summary.csv", 10)
    assert (
        summary[8:12] == struct.pack("<i", 1)
        and len(summary) == (model / "summary.bin").stat().st_size > 1000
    )


@pytest.mark.parametrize(
    "stage",
    [
        lambda out: FmCalc(out, alloc_rule=2),
        lambda out: SummaryCalc({1: out, 2: EltCalc(io.BytesIO())}),
        lambda out: PlaCalc(out, absolute_factor=1.5),
        lambda out: out,
    ],
)
def test_csv_is_a_source_of_a_chain(model, stage):
    """Blocks from csv are those of the stream that the csv becomes."""
    through_stream, at_once = io.BytesIO(), io.BytesIO()
    stream = binary("gultobin", model / "gul.csv", 10)
    Chain(LossStream(stream), stage(through_stream), root=model).run()
    Chain(LossCsv(model / "gul.csv", sample_size=10), stage(at_once), root=model).run()
    assert len(at_once.getvalue()) > 1000
    # written by themselves, losses of a stream have every terminator
    assert through_stream.getvalue() in (at_once.getvalue(), at_once.getvalue() + bytes(8))


def test_csv_of_summaries_is_a_source_of_a_chain(model):
    from_stream, at_once = io.BytesIO(), io.BytesIO()
    stages.eltcalc(binary("summarycalctobin", model / "summary.csv", 10), from_stream)
    Chain(LossCsv(model / "summary.csv", sample_size=10, kind=streams.SUMMARY), EltCalc(at_once)).run()
    assert at_once.getvalue() == from_stream.getvalue() and at_once.getvalue().count(b"\n") > 10
    coverages = io.BytesIO()
    Chain(
        LossCsv(b"event_id,coverage_id,sidx,loss\n1,2,-1,3\n", sample_size=0, kind=streams.COVERAGE),
        coverages,
    ).run()
    assert coverages.getvalue() == struct.pack("<Iiii", streams.COVERAGE, 0, 1, 2) + records((-1, 3))
    with pytest.raises(UsageError, match="kind of losses"):
        Chain(LossCsv(b"", sample_size=0, kind=streams.CDF), coverages).run()


# Streams, where ktools goes wrong


def test_samples_beyond_the_sample_size_are_left_out():
    """ktools writes a packet's first record whatever its sidx."""
    csv = csv_of("gultobin", "1,1,3,9", "1,1,1,2.5", "1,2,7,1", "2,1,9,1", "2,1,-1,4", "3,1,4,4")
    packet = lambda event, *some: struct.pack("<ii", event, 1) + records(*some)
    assert binary("gultobin", csv) == struct.pack("<Ii", streams.LOSS, 2) + packet(
        1, (1, 2.5), (0, 0)
    ) + packet(2, (-1, 4))
    assert binary("gultobin", csv_of("gultobin", "1,1,3,9")) == struct.pack("<Ii", streams.LOSS, 2)
    with pytest.raises(
        DataError, match=r"line 3: '1,1,1,3,9': sidx is 3, expected -5 to -1 or 1 to 2, the sample size"
    ):
        binary("summarycalctobin", csv_of("summarycalctobin", "1,1,1,2,9", "1,1,1,3,9"))


def test_last_packet_without_a_mean_or_sample_has_its_terminator():
    """Without it, readers would take the stream for one that is cut."""
    for last, tail in ((-3, 8), (-2, 8), (-1, 0), (2, 0)):
        stream = binary("gultobin", csv_of("gultobin", "1,1,-1,9", f"1,1,{last},9"))
        assert stream == struct.pack("<Iiii", streams.LOSS, 2, 1, 1) + records((-1, 9), (last, 9)) + bytes(
            tail
        )
        assert text(stages.gultocsv, stream).count(b"\n") == 3


@pytest.mark.parametrize("tool_name", TOOLS)
def test_no_rows(tool_name, oracle, run):
    """A stream without events. ktools' summarycalctobin writes a terminator that ends no packet."""
    csv = csv_of(tool_name)
    header = (
        struct.pack("<Ii", streams.LOSS, 2)
        if tool_name == "gultobin"
        else struct.pack("<Iii", streams.SUMMARY, 2, 1)
    )
    assert binary(tool_name, csv) == binary(tool_name, csv[:-1]) == header
    assert run([oracle(tool_name), "-S2"], csv)[1] == header + bytes(0 if tool_name == "gultobin" else 8)


@pytest.mark.parametrize("tool_name", TOOLS)
@pytest.mark.parametrize(
    "bad, told",
    [
        (("2", "1", "9", "0", "1"), "sidx is 0, expected"),
        (("2", "1", "9", "-6", "1"), "sidx is -6, expected"),
        (("2", "1", "9", "1", "nan"), "(loss): expected a finite number"),
        (("2", "1", "9", "1", "1e39"), "(loss): expected"),
        (("2", "1", "9", "1", "1x"), "(loss): expected"),
        (("2", "4294967297", "9", "1", "1"), "_id): expected a whole number"),
        (("2", "1.5", "9", "1", "1"), "_id): expected a whole number"),
        (("x", "1", "9", "1", "1"), "(event_id): expected"),
    ],
)
def test_wrong_rows(tool_name, bad, told, tool, run):
    """The line, exit 1, and whole events before it. ktools takes the number for another one, or ends there
    with exit 0."""
    good = [row_of(tool_name, event, 1, 9, 1, 5.5) for event in (1, 2)]
    csv = csv_of(tool_name, *good, row_of(tool_name, *bad), row_of(tool_name, 3, 1, 9, 1, 5.5))
    status, out, err = run([tool(tool_name), "-S2"], csv)
    assert status == 1 and err.startswith(f"{tool_name}: error: standard input: line 4: '") and told in err
    assert err.count("\n") == 1
    whole = binary(tool_name, csv_of(tool_name, good[0]))
    assert out == whole


def test_a_last_packet_before_a_fault_has_its_end(tool, run):
    """Where the stream would else be cut to whoever reads it."""
    csv = csv_of("gultobin", "1,1,-3,5.5", "2,1,1,5.5", "3,1,0,1")
    status, out, _ = run([tool("gultobin"), "-S2"], csv)
    assert (
        status == 1 and out == binary("gultobin", csv_of("gultobin", "1,1,-3,5.5")) and out.endswith(bytes(8))
    )


@pytest.mark.parametrize("tool_name", TOOLS)
def test_what_is_no_csv_of_losses(tool_name):
    row = row_of(tool_name, 1, 1, 9, 1, 5.5)
    with pytest.raises(DataError, match="line 1: .*this is data; expected a header line"):
        binary(tool_name, row.encode())
    with pytest.raises(TruncatedError, match="empty input, expected a header line"):
        binary(tool_name, b"")
    with pytest.raises(DataError, match=r"line 2: '1,1,9': expected . columns \(event_id,"):
        binary(tool_name, csv_of(tool_name, "1,1,9"))
    with pytest.raises(DataError, match="line 1: .* has no end|line 2: .*expected a whole number") as caught:
        binary(tool_name, b"\1\0\0\2\2\0\0\0" + b"\n" + bytes(30))
    assert len(caught.value.written) <= 12


def test_exposed_values_that_are_no_number():
    for value in ("nan", "inf", ""):
        with pytest.raises(
            DataError, match=r"line 2: .*column 2 \(exposure_value\): expected a finite number"
        ):
            binary("summarycalctobin", csv_of("summarycalctobin", f"1,{value},1,1,2"))


@pytest.mark.parametrize(
    "tool_name, flags",
    [(name, flags) for name in TOOLS for flags in ([], ["-S-1"], ["-S-2"], ["-Sx"], ["-S16777217"])]
    + [("gultobin", ["-S2", "-t3"]), ("summarycalctobin", ["-S2", "-t2"])],
)
def test_usage(tool_name, flags, tool, run):
    status, out, err = run([tool(tool_name), *flags], csv_of(tool_name))
    assert (status, out) == (2, b"") and err.startswith(f"{tool_name}: error: ")


@pytest.mark.parametrize("tool_name", TOOLS)
def test_cut_csv(tool_name):
    """A cut is seen up to a row's last comma; behind it, a row with another loss, or a shorter csv."""
    rows = [row_of(tool_name, event, 2, 3, -1, 45.5) for event in (1, 1, 2, 3)]
    csv = csv_of(tool_name, *rows)
    for size in range(csv.index(b"\n") + 1, len(csv)):
        row = csv[:size].split(b"\n")[-1]
        if row and (row.count(b",") < rows[0].count(",") or row.endswith(b",")):
            with pytest.raises(DataError):
                binary(tool_name, csv[:size])
        else:
            assert binary(tool_name, csv).startswith(
                binary(tool_name, csv[: size - len(row)]).removesuffix(bytes(8))
            )


# Old policy terms

OLD = struct.Struct("<4i8f")
RULES = sorted(TABLES["fm_profile_old"].terms)


def converted(data):
    out = io.BytesIO()
    ktc.fmprofilebinconv(data, out)
    return out.getvalue()


def test_policy_terms_like_ktools(oracle, tool, run):
    rng = random.Random(5)
    term = lambda: rng.choice((0.0, float("inf"), -1.5, rng.uniform(0, 1), rng.lognormvariate(8, 3)))
    data = b"".join(
        OLD.pack(
            rng.randint(-2, 10**6),
            rng.choice(RULES),
            rng.randint(-9, 9),
            rng.randint(0, 99),
            *(term() for _ in range(8)),
        )
        for _ in range(20_000)
    )
    status, theirs, said = run([oracle("fmprofilebinconv")], data)
    assert (status, said, len(theirs)) == (0, "", 20_000 * 40)
    assert run([tool("fmprofilebinconv")], data) == (0, theirs, "")
    assert converted(data) == theirs and converted(b"") == b""


def test_policy_terms_by_hand():
    """deductible, limits, share, deductible and limit by loss, both by TIV, deductible by limit: 11 to 18."""
    places = {
        1: (11, 0, 0, 0, 12, 0),
        2: (11, 0, 0, 0, 12, 13),
        3: (11, 0, 0, 0, 12, 0),
        5: (14, 0, 0, 0, 15, 0),
        9: (18, 0, 0, 0, 12, 0),
        10: (0, 0, 11, 0, 0, 0),
        11: (0, 11, 0, 0, 0, 0),
        12: (11, 0, 0, 0, 0, 0),
        14: (0, 0, 0, 0, 12, 0),
        15: (0, 0, 0, 0, 15, 0),
        16: (14, 0, 0, 0, 0, 0),
    }
    assert list(places) == RULES
    for rule, terms in places.items():
        assert converted(OLD.pack(70, rule, 3, 4, *range(11, 19))) == struct.pack(
            "<2i8f", 70, rule, *terms, 0, 0
        )


def test_wrong_policy_terms(oracle, tool, run):
    """ktools writes terms of 0 for a rule that it does not know, passes NaN on, and drops a record that is
    cut."""
    good, nan = OLD.pack(1, 12, 1, 1, *range(8)), float("nan")
    for rule in (0, 4, 13, 17, 32, 100, -1, 2**31 - 1):
        bad = OLD.pack(7, rule, 1, 1, *range(8))
        status, out, err = run([tool("fmprofilebinconv")], good + bad)
        assert (status, out) == (1, converted(good))
        assert err == (
            f"fmprofilebinconv: error: standard input: byte 52: policy terms 7 have calculation rule {rule}, "
            f"expected "
            "one of 1, 2, 3, 5, 9, 10, 11, 12, 14, 15, 16\n"
        )
        assert run([oracle("fmprofilebinconv")], bad)[:2] == (0, struct.pack("<2i8f", 7, rule, *[0] * 8))
    with pytest.raises(DataError, match="byte 68: a term of policy terms 1 is not a number"):
        converted(good + OLD.pack(1, 2, 1, 1, 1, nan, *[0] * 6))
    assert converted(OLD.pack(1, 12, 1, 1, 1, *[nan] * 7)) == converted(OLD.pack(1, 12, 1, 1, 1, *[0] * 7))
    for cut in range(1, OLD.size):
        with pytest.raises(TruncatedError, match=f"byte {OLD.size + cut}: the input ends inside a record"):
            converted(good + good[:cut])


# Footprints

FILES = ("footprint.bin.z", "footprint.idx.z")


def footprint(path, rng, areaperil_bytes=4, flags=1, events=30):
    """Rows that lie in another order than the index names them, with a gap between; one event has many, one
    none."""
    row = struct.Struct("<IIf" if areaperil_bytes == 4 else "<QIf")
    data, index = struct.pack("<ii", 10, flags), []
    for event in rng.sample(range(1, 1000), events):
        n = {1: 0, 2: 60_000}.get(len(index), rng.randint(1, 200))
        rows = b"".join(row.pack(k + 1, rng.randint(1, 10), rng.random()) for k in range(n))
        index.append(struct.pack("<iqq", event, len(data), len(rows)))
        data += rows + bytes(5)
    rng.shuffle(index)
    path.mkdir(exist_ok=True)
    (path / "footprint.bin").write_bytes(data)
    (path / "footprint.idx").write_bytes(b"".join(index))


def made(folder):
    return [(folder / name).read_bytes() for name in FILES]


@pytest.mark.parametrize("flags", [0, 1])
def test_footprint_like_ktools(flags, oracle, tool, run, tmp_path):
    for events in (30, 0):
        footprint(tmp_path, random.Random(flags), flags=flags, events=events)
        assert run([oracle("footprintconv")], cwd=tmp_path)[0] == 0
        theirs = made(tmp_path)
        for name in FILES:
            (tmp_path / name).unlink()
        assert run([tool("footprintconv")], cwd=tmp_path) == (
            0,
            b"",
            "",
        )  # ktools has words on standard output
        assert made(tmp_path) == theirs and len(theirs[1]) == 20 * events


def test_wide_areaperils(tool, run, tmp_path):
    """ktools knows the record's width from how it was built, and this build's is 4 bytes; it copies any
    bytes."""
    footprint(tmp_path, random.Random(2), 8)
    status, _out, err = run([tool("footprintconv")], cwd=tmp_path)
    assert status == 1 and "bytes are not a whole number of records of 12 bytes" in err
    assert run([tool("footprintconv"), "--areaperil-bytes", "8"], cwd=tmp_path) == (0, b"", "")
    plain, packed = io.BytesIO(), io.BytesIO()
    at = [str(tmp_path / name) for name in ("footprint.bin", "footprint.idx", *FILES)]
    ktc.tocsv("footprint", at[0], plain, index=at[1], areaperil_bytes=8)
    ktc.tocsv("footprint", at[2], packed, index=at[3], areaperil_bytes=8, compressed=True)
    assert plain.getvalue() == packed.getvalue() and plain.getvalue().count(b"\n") > 60_000


@pytest.mark.parametrize("uncertain, flags", [(True, 1), (False, 0), (True, 3), (True, 2)])
def test_getmodel_on_the_compressed_footprint(uncertain, flags, tmp_path):
    """The same distributions. Bit 1 of the flags promises an index with sizes; ktools passes it on with one
    that has none."""
    write(make(4, uncertain=uncertain, irregular=uncertain), tmp_path)
    static, events = tmp_path / "static", (tmp_path / "input" / "events.bin").read_bytes()
    data = (static / "footprint.bin").read_bytes()
    (static / "footprint.bin").write_bytes(data[:4] + struct.pack("<i", flags) + data[8:])
    plain, packed = io.BytesIO(), io.BytesIO()
    stages.getmodel(events, plain, root=tmp_path)
    source, index, *targets = (str(static / name) for name in ("footprint.bin", "footprint.idx", *FILES))
    ktc.footprintconv(source, targets[0], source_index=index, target_index=targets[1])
    for name in (source, index):
        os.unlink(name)
    stages.getmodel(events, packed, root=tmp_path)
    assert packed.getvalue() == plain.getvalue() and len(plain.getvalue()) > 1000
    assert made(static)[0][4:8] == struct.pack("<i", uncertain)


def test_wrong_footprints(tool, run, tmp_path):
    """An error that names the place, and neither file, or both as they were. ktools ends with exit 0 or
    aborts."""
    footprint(tmp_path, random.Random(3))
    data, index = (tmp_path / "footprint.bin"), (tmp_path / "footprint.idx")
    good, entries = data.read_bytes(), index.read_bytes()
    entry = lambda offset, size: entries + struct.pack("<iqq", 1000, offset, size)
    end = 20 * 30
    for name in FILES:
        (tmp_path / name).write_bytes(b"earlier")
    for bin, idx, told in (
        (b"", entries, "footprint.bin: byte 0: the input ends inside the header"),
        (good[:7], entries, "footprint.bin: byte 7: the input ends inside the header"),
        (
            good[:4] + b"\7\0\0\0" + good[8:],
            entries,
            "footprint.bin: byte 4: the flags are 7, expected 0 to 3",
        ),
        (good[:-6], entries, "are not in footprint.bin"),
        (good, entries[:-1], f"footprint.idx: byte {end - 1}: the file ends inside a record of 20 bytes"),
        (good, entry(4, 12), f"footprint.idx: byte {end}: event_id 1000: 12 bytes from byte 4 on are not in"),
        (good, entry(8, -12), f"byte {end}: event_id 1000: -12 bytes"),
        (good, entry(1 << 62, 1 << 62), f"byte {end}: event_id 1000"),
        (good, entry(8, 13), f"byte {end}: event_id 1000: 13 bytes are not a whole number of records"),
    ):
        data.write_bytes(bin)
        index.write_bytes(idx)
        status, out, err = run([tool("footprintconv")], cwd=tmp_path)
        assert (status, out) == (1, b"") and err.startswith("footprintconv: error: ") and told in err, told
        assert made(tmp_path) == [b"earlier"] * 2 and len(os.listdir(tmp_path)) == 4
    for missing in (index, data):
        missing.unlink()
        status, out, err = run([tool("footprintconv")], cwd=tmp_path)
        assert (status, out) == (3, b"") and missing.name in err and made(tmp_path) == [b"earlier"] * 2


@pytest.mark.posix
def test_both_footprint_files_or_none(tool, run, tmp_path):
    """A disk that fills up takes neither of them away."""
    footprint(tmp_path, random.Random(3))
    status, out, err = run(
        ["bash", "-c", 'ulimit -f 16; exec "$@"', "bash", tool("footprintconv")], cwd=tmp_path
    )
    assert (status, out) == (4, b"") and "footprint.bin.z: byte " in err
    assert sorted(os.listdir(tmp_path)) == ["footprint.bin", "footprint.idx"]
    shutil.rmtree(tmp_path)
