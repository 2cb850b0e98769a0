"""placalc beside ktools on random streams and tables, worked examples, and what it says of faults."""

import io
import math
import struct
import subprocess
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import programmes
import pytest
from programmes import ITEM_STREAM, LOSS_STREAM, encode

import ktc
from ktc.chain import Chain, Events, FmCalc, GetModel, GulCalc, LossStream, PlaCalc, SummaryCalc
from ktc.errors import DataError, InputError, TruncatedError, UsageError

COVERAGE_STREAM, COVERAGE_LOSS_STREAM, SUMMARY_STREAM = 0x01000002, 0x02000002, 0x03000001
FLAGS = {"relative_factor": "-f", "absolute_factor": "-F"}


def amplifications(ids):
    """amplifications.bin: the amplification of item 1, 2, ..."""
    return bytes(4) + b"".join(struct.pack("<ii", k + 1, int(a)) for k, a in enumerate(ids))


def lossfactors(packets):
    """lossfactors.bin of (event_id, [(amplification_id, factor), ...])."""
    return bytes(4) + b"".join(
        struct.pack("<ii", event, len(rows)) + b"".join(struct.pack("<if", *row) for row in rows)
        for event, rows in packets
    )


def write(folder, items, factors):
    for name, data in (("input/amplifications.bin", items), ("static/lossfactors.bin", factors)):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if data is not None:
            (folder / name).write_bytes(data)
    return folder


def amplify(losses, folder, **options):
    out = io.BytesIO()
    ktc.placalc(losses, out, root=folder, **options)
    return out.getvalue()


# Two items of two events: item 1 has amplification 7, item 2 amplification 8, of which event 2 has no factor.
ITEMS = amplifications([7, 8])
FACTORS = lossfactors([(1, [(7, 1.5), (8, 0.5)]), (2, [(7, 3)])])
LOSSES = [
    (1, 1, [(-3, 100), (-1, 10), (1, 10), (2, 20)]),
    (1, 2, [(-1, 10)]),
    (2, 1, [(-1, 8), (1, 4)]),
    (2, 2, [(1, 6)]),
    (3, 1, [(-1, 5)]),
]


@pytest.fixture
def small(tmp_path):
    return write(tmp_path, ITEMS, FACTORS)


def with_factors(*by_packet):
    """LOSSES with those of each packet times a factor."""
    return [
        (event, item, [(sidx, loss * factor) for sidx, loss in records])
        for (event, item, records), factor in zip(LOSSES, by_packet)
    ]


# Worked examples


@pytest.mark.parametrize(
    "options, by_packet",
    [
        ({}, (1.5, 0.5, 3, 1, 1)),
        ({"relative_factor": 1}, (1.5, 0.5, 3, 1, 1)),
        ({"relative_factor": 0.5}, (1.25, 0.75, 2, 1, 1)),  # half of what a factor takes off or puts on
        ({"relative_factor": 0}, (1, 1, 1, 1, 1)),
        ({"absolute_factor": 0.25}, (0.25,) * 5),
        ({"absolute_factor": 0}, (1.5, 0.5, 3, 1, 1)),
    ],
)
@pytest.mark.parametrize("last_terminator", [True, False])
def test_worked_example(options, by_packet, last_terminator, small):
    """Every record is multiplied, the TIV and the mean too; the last terminator is there if it was there."""
    losses = encode(LOSSES, 2, last_terminator=last_terminator)
    assert amplify(losses, small, **options) == encode(
        with_factors(*by_packet), 2, last_terminator=last_terminator
    )


def test_widths(small):
    """A factor is worked out in double from its float32 and rounded once; a loss is multiplied in float32."""
    rng = np.random.default_rng(3)
    factors, losses = rng.uniform(0.3, 3, 500).astype("f4"), rng.lognormal(8, 3, 500).astype("f4")
    share = np.float32(0.7)
    write(
        small, amplifications(range(1, 501)), lossfactors([(1, list(zip(range(1, 501), factors.tolist())))])
    )
    out = amplify(
        encode([(1, k + 1, [(1, x)]) for k, x in enumerate(losses.tolist())], 1), small, relative_factor=0.7
    )
    factor = (1 + (factors.astype("f8") - 1) * float(share)).astype("f4")
    assert programmes.decode(out)[2]["loss"].tolist() == (losses * factor).tolist()


def test_all_special_records(small):
    records = [(-5, 1), (-4, 2), (-3, 3), (-2, 4), (-1, 5), (2, -6)]
    assert amplify(encode([(1, 1, records)], 2), small) == encode(
        [(1, 1, [(s, 1.5 * x) for s, x in records])], 2
    )


def test_packets_stay_as_they_are(small):
    """Packets without records, and several of one item, are neither joined nor left out."""
    packets = [(1, 1, []), (1, 1, [(1, 4)]), (1, 1, [(2, 2)]), (1, 2, []), (1, 1, [(1, 2)])]
    assert amplify(encode(packets, 2), small) == encode(
        [(1, 1, []), (1, 1, [(1, 6)]), (1, 1, [(2, 3)]), (1, 2, []), (1, 1, [(1, 3)])], 2
    )


def test_an_event_that_comes_back(small):
    packets = [(2, 1, [(1, 1)]), (1, 1, [(1, 1)]), (2, 1, [(1, 1)]), (9, 1, [(1, 1)]), (1, 1, [(1, 1)])]
    assert programmes.decode(amplify(encode(packets, 1), small))[2]["loss"].tolist() == [3, 1.5, 3, 1, 1.5]


def test_the_last_factor_counts(small):
    write(
        small,
        ITEMS,
        lossfactors([(1, [(7, 2), (7, 3)]), (2, [(7, 9)]), (1, [(8, 5), (4, 1)]), (2, []), (2, [(7, 4)])]),
    )
    assert amplify(encode(LOSSES, 2), small) == encode(with_factors(3, 5, 4, 1, 1), 2)


@pytest.mark.parametrize("factors", [lossfactors([]), lossfactors([(4, [(7, 2)]), (1, [(6, 2), (9, 2)])])])
def test_no_factor_is_1(factors, small):
    write(small, ITEMS, factors)
    assert amplify(encode(LOSSES, 2), small) == encode(LOSSES, 2)


def test_item_0_has_amplification_0(small):
    write(small, ITEMS, lossfactors([(1, [(0, 4)])]))
    assert amplify(encode([(1, 0, [(1, 10)])], 1), small) == encode([(1, 0, [(1, 40)])], 1)


def test_an_absolute_factor_takes_any_ids(small):
    """They need not be items: outputs of the financial module, coverages."""
    packets = [(1, k, [(1, 10)]) for k in (-(2**31), 0, 2, 3, 2**31 - 1)]
    for kind in (LOSS_STREAM, ITEM_STREAM, COVERAGE_STREAM, COVERAGE_LOSS_STREAM):
        assert amplify(encode(packets, 1, kind), small, absolute_factor=0.5) == encode(
            [(event, k, [(1, 5)]) for event, k, _ in packets], 1, kind
        )


def test_no_losses(small):
    for losses in (encode([], 10), encode([], -1), encode([], 0, ITEM_STREAM)):
        assert amplify(losses, small) == losses


def test_flags_of_the_tables_are_without_effect(small):
    write(small, b"\7\0\0\0" + ITEMS[4:], b"\7\0\0\0" + FACTORS[4:])
    assert amplify(encode(LOSSES, 2), small) == encode(with_factors(1.5, 0.5, 3, 1, 1), 2)


# Beside ktools


def random_case(seed):
    """(amplifications, lossfactors, a stream, options)"""
    rng = np.random.default_rng(seed)
    programme = programmes.make(seed, n_items=int(rng.integers(1, 60)))
    odd = rng.random() < 0.5
    ids = (rng.integers(-(2**31), 2**31 - 1, 12, "i4") if odd else np.arange(12)).tolist()
    items = amplifications(rng.choice(ids, programme.n_items))
    packets = []
    for event in rng.permutation(8) + 1:
        for _ in range(int(rng.choice([0, 1, 1, 1, 2]))):  # events without factors, and in several packets
            some = rng.choice(ids, int(rng.integers(0, 15)))
            packets.append(
                (int(event), [(int(a), float(f)) for a, f in zip(some, rng.lognormal(0, 0.5, len(some)))])
            )
    rng.shuffle(packets)
    options = [
        {},
        {"relative_factor": round(rng.random(), 3)},
        {"relative_factor": float(rng.integers(0, 2))},
        {"absolute_factor": round(rng.lognormal(), 4)},
        {"absolute_factor": 0.0},
        {"absolute_factor": 1.25, "relative_factor": 0.5},
    ][seed % 6]
    kinds = [LOSS_STREAM, ITEM_STREAM] + [COVERAGE_STREAM, COVERAGE_LOSS_STREAM] * bool(
        options.get("absolute_factor")
    )
    losses = programmes.stream(
        seed,
        programme,
        events=6,
        samples=int(rng.choice([0, 1, 10, 33])),
        kind=int(rng.choice(kinds)),
        specials=(-5, -4, -3, -2, -1),
        last_terminator=bool(rng.random() < 0.5),
    )
    return items, lossfactors(packets), losses, options


def test_beside_ktools(oracle, tmp_path, capfd):
    cases = [random_case(seed) for seed in range(120)]
    folders = [write(tmp_path / str(k), items, factors) for k, (items, factors, _, _) in enumerate(cases)]

    def ktools(folder, case):
        args = [word for name, value in case[3].items() for word in (FLAGS[name], str(value))]
        return subprocess.run(
            [oracle("placalc"), *args], input=case[2], cwd=folder, capture_output=True, timeout=60
        )

    with ThreadPoolExecutor(3) as pool:
        expected = list(pool.map(ktools, folders, cases))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for folder, case, done in zip(folders, cases, expected):
            assert done.returncode == 0
            assert amplify(case[2], folder, **case[3]) == done.stdout, (folder, case[3])
    assert len({done.stdout for done in expected}) > 100
    assert (
        sum("ignoring the relative one" in str(each.message) for each in told) == 20
        and capfd.readouterr().err == ""
    )


def test_script_beside_ktools(oracle, tool, run, tmp_path):
    items, factors, losses, _ = random_case(6)
    write(tmp_path, items, factors)
    (tmp_path / "log").mkdir()
    for args in ([], ["-f", "0.3"], ["-F", "1.7"], ["-f0.3", "-F1.7"], ["-f", "1.00000001"]):
        status, out, err = run([tool("placalc"), *args], losses, cwd=tmp_path)
        assert (status, out) == run([oracle("placalc"), *args], losses, cwd=tmp_path)[:2] and err == ""
    logs = [path.read_text() for path in (tmp_path / "log").iterdir()]
    assert len(logs) == 10 and all(text.count("finish") == 1 for text in logs)
    assert sum("WARNING:placalc:" in text for text in logs) == 1


# In a chain


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The example model with amplifications; events have more values than a block."""
    folder = tmp_path_factory.mktemp("model")
    ktc.write_example(folder, events=12, locations=120, grid=2)
    ktc.eve(1, 1, folder / "events.bin", root=folder)
    ktc.getmodel(folder / "events.bin", folder / "cdf.bin", root=folder)
    rng = np.random.default_rng(1)
    events = np.frombuffer((folder / "events.bin").read_bytes(), "<i4")
    write(
        folder,
        amplifications(rng.integers(1, 9, len(ktc.read_table("items", folder / "input/items.bin")))),
        lossfactors(
            [(int(e), [(a, float(f)) for a, f in enumerate(rng.uniform(0.5, 2, 9))]) for e in events[::2]]
        ),
    )
    return folder


@pytest.mark.parametrize("alloc_rule", [-1, 0, 1])
def test_a_chain_writes_what_scripts_write(alloc_rule, model, tmp_path):
    """gulcalc, which leaves the last terminator out, then placalc; in one process and from file to file."""
    gulcalc = dict(sample_size=300, alloc_rule=alloc_rule)
    ktc.gulcalc(model / "cdf.bin", item=tmp_path / "gul.bin", root=model, **gulcalc)
    ktc.placalc(tmp_path / "gul.bin", tmp_path / "pla.bin", root=model)
    expected, losses = (tmp_path / "pla.bin").read_bytes(), (tmp_path / "gul.bin").read_bytes()
    assert len(expected) == len(losses) and expected != losses and expected[-8:-4] != bytes(4)

    Chain(
        Events(),
        GetModel(),
        GulCalc(PlaCalc([tmp_path / "a.bin", PlaCalc(tmp_path / "twice.bin")]), **gulcalc),
        root=model,
    ).run()
    assert (tmp_path / "a.bin").read_bytes() == expected
    Chain(
        LossStream(tmp_path / "gul.bin"),
        PlaCalc(),
        [tmp_path / "b.bin", PlaCalc(tmp_path / "b2.bin")],
        root=model,
    ).run()
    assert (tmp_path / "b.bin").read_bytes() == expected
    twice = amplify(expected, model)
    assert (tmp_path / "twice.bin").read_bytes() == (tmp_path / "b2.bin").read_bytes() == twice
    if alloc_rule < 0:
        return
    ktc.fmcalc(
        tmp_path / "pla.bin", tmp_path / "fm.bin", alloc_rule=2, input_path=str(model / "input"), root=model
    )
    ktc.summarycalc(tmp_path / "pla.bin", {1: tmp_path / "s.bin"}, item=True, root=model)
    Chain(
        Events(),
        GetModel(),
        GulCalc(**gulcalc),
        PlaCalc(),
        [FmCalc(tmp_path / "fm2.bin", alloc_rule=2), SummaryCalc({1: tmp_path / "s2.bin"})],
        root=model,
    ).run()
    for one, other in (("fm.bin", "fm2.bin"), ("s.bin", "s2.bin")):
        assert (tmp_path / one).read_bytes() == (tmp_path / other).read_bytes()


def test_with_fmcalc_in_front(model, tmp_path):
    """What is behind another stage than gulcalc ends as that stage's stream does, with a terminator."""
    ktc.gulcalc(model / "cdf.bin", item=tmp_path / "gul.bin", sample_size=10, alloc_rule=1, root=model)
    Chain(
        LossStream(tmp_path / "gul.bin"),
        FmCalc([tmp_path / "fm.bin", PlaCalc(tmp_path / "pla.bin", absolute_factor=2)], alloc_rule=2),
        root=model,
    ).run()
    insured, amplified = ((tmp_path / name).read_bytes() for name in ("fm.bin", "pla.bin"))
    assert amplified == amplify(insured, model, absolute_factor=2) and amplified[-8:] == bytes(8)


def test_blocks(model):
    """Iterating gives blocks of amplified losses, and leaves those that came in alone."""

    def losses(*stages):
        return [
            (block.event_id, block.id.copy(), block.sidx.copy(), block.loss.copy())
            for block in Chain(
                Events(), GetModel(), GulCalc(sample_size=300, alloc_rule=1), *stages, root=model
            )
        ]

    before, after = losses(), losses(PlaCalc(absolute_factor=0.5))
    assert len(before) == len(after) > 12
    for (event, ids, sidx, loss), (event2, ids2, sidx2, half) in zip(before, after):
        assert event == event2 and (ids == ids2).all() and (sidx == sidx2).all() and (half == loss / 2).all()


# Faults


@pytest.mark.parametrize("last_terminator", [True, False])
def test_cut_anywhere(last_terminator, small):
    """An error, or what a stream may end with; nothing of an unfinished event goes out."""
    losses = encode(LOSSES, 2, last_terminator=last_terminator)
    whole, events = amplify(losses, small), [8]
    for k in range(1, len(LOSSES) + 1):
        if k == len(LOSSES) or LOSSES[k][0] != LOSSES[k - 1][0]:
            events.append(len(encode(LOSSES[:k], 2)))
    ends = 0
    for cut in range(len(losses)):
        out = io.BytesIO()
        try:
            ktc.placalc(losses[:cut], out, root=small)
            assert out.getvalue() == whole[:cut]
            ends += 1
        except TruncatedError as error:
            assert f"byte {cut}" in str(error)
            assert len(out.getvalue()) in [0, *events] and whole.startswith(out.getvalue())
            assert len(out.getvalue()) <= cut
    # behind the header and each packet, and in packets behind the mean or a sample
    assert ends == 1 + (len(LOSSES) - 1) + sum(
        sidx >= -1 for _, _, records in LOSSES for sidx, _ in records
    ) - (0 if last_terminator else 1)


def test_fed_byte_by_byte(small):
    class Trickle(io.RawIOBase):
        def __init__(self, data):
            self.data = io.BytesIO(data)

        def readable(self):
            return True

        def readinto(self, buffer):
            return self.data.readinto(memoryview(buffer)[:1])

    for last_terminator in (True, False):
        losses = encode(LOSSES, 2, last_terminator=last_terminator)
        assert amplify(Trickle(losses), small) == amplify(losses, small)


@pytest.mark.parametrize(
    "losses, options, words",
    [
        (b"", {}, "the stream header"),
        (b"\1\0\0\0", {}, "this is a cdf stream, expected a loss stream or an item stream"),
        (encode(LOSSES, 2, COVERAGE_STREAM), {}, "this is a coverage stream"),
        (encode(LOSSES, 2, COVERAGE_LOSS_STREAM), {"relative_factor": 0.5}, "this is a coverage loss stream"),
        (struct.pack("<Iii", SUMMARY_STREAM, 2, 1), {"absolute_factor": 2}, "this is a summary stream"),
        (
            encode([(5, 3, [(1, 1)])], 2),
            {},
            "event 5: item 3 is not in .*amplifications.bin: expected 1 to 2",
        ),
        (encode([(5, -1, [(1, 1)])], 2), {}, "event 5: item -1 is not"),
        (encode([(5, 2**31 - 1, [(1, 1)])], 2), {"relative_factor": 0}, "event 5: item 2147483647 is not"),
        (encode([(1, 1, [(3, 1)])], 2), {}, "byte 16: event 1, id 1: sidx 3, expected -5 to 2"),
        (
            encode([(1, 1, [(1, 1), (2, 3e38)])], 2),
            {},
            "event 1, item 1, sidx 2: a loss of 3e\\+38 times 1.5 is beyond",
        ),
        (
            encode([(1, 1, [(-1, math.nan)])], 2),
            {},
            "event 1, item 1, sidx -1: a loss of nan, expected a number",
        ),
        (
            encode([(9, 1, [(-1, -math.inf)])], 2),
            {},
            "event 9, item 1, sidx -1: a loss of -inf, expected a number",
        ),
    ],
)
def test_wrong_losses(losses, options, words, small):
    with pytest.raises(DataError, match=words):
        amplify(losses, small, **options)


@pytest.mark.parametrize(
    "items, factors, words",
    [
        (b"", FACTORS, "amplifications.bin: byte 0: the file ends inside its header"),
        (
            ITEMS[:-3],
            FACTORS,
            "amplifications.bin: byte 12: the file ends inside record 2: expected 8 bytes, found 5",
        ),
        (
            bytes(4) + struct.pack("<4i", 1, 1, 3, 1),
            FACTORS,
            "amplifications.bin: byte 12: record 2: item 3, expected 2",
        ),
        (ITEMS, b"\0\0", "lossfactors.bin: byte 0: the file ends inside its header"),
        (
            ITEMS,
            FACTORS[:-12],
            "lossfactors.bin: byte 28: the file ends inside the head of packet 2: expected 8 bytes, found 4",
        ),
        (
            ITEMS,
            FACTORS[:-3],
            "lossfactors.bin: byte 36: the file ends inside the factors of event 2: expected 1, found 0",
        ),
        (
            ITEMS,
            FACTORS[:-8],
            "lossfactors.bin: byte 36: the file ends inside the factors of event 2: expected 1, found 0",
        ),
        (
            ITEMS,
            bytes(4) + struct.pack("<ii", 4, -1),
            "lossfactors.bin: byte 8: event 4 has -1 factors, expected 0 or more",
        ),
        (
            ITEMS,
            bytes(4) + struct.pack("<ii", 4, 2**31 - 1),
            "the factors of event 4: expected 2147483647, found 0",
        ),
        (
            ITEMS,
            lossfactors([(1, [(7, 1), (8, math.nan)])]),
            "byte 24: event 1: the factor of amplification 8 is nan",
        ),
        (
            ITEMS,
            lossfactors([(1, [(7, -1)])]),
            "byte 16: event 1: the factor of amplification 7 is -1, expected a number from 0",
        ),
        (
            ITEMS,
            lossfactors([(1, [(9, math.inf)])]),
            "byte 16: event 1: the factor of amplification 9 is inf",
        ),
    ],
)
def test_wrong_tables(items, factors, words, tmp_path):
    write(tmp_path, items, factors)
    with pytest.raises(DataError, match=words):
        amplify(encode(LOSSES, 2), tmp_path)
    if items == ITEMS:  # an absolute factor needs no others
        assert amplify(encode(LOSSES, 2), tmp_path, absolute_factor=2) == encode(
            with_factors(2, 2, 2, 2, 2), 2
        )


def test_missing_tables(tmp_path):
    write(tmp_path, ITEMS, None)
    with pytest.raises(InputError, match="lossfactors.bin"):
        amplify(encode(LOSSES, 2), tmp_path)
    assert amplify(encode(LOSSES, 2), tmp_path, absolute_factor=1) == encode(LOSSES, 2)
    (tmp_path / "input/amplifications.bin").unlink()
    assert amplify(encode(LOSSES, 2), tmp_path, absolute_factor=1) == encode(LOSSES, 2)
    with pytest.raises(InputError, match="amplifications.bin"):
        amplify(encode(LOSSES, 2), tmp_path)


@pytest.mark.parametrize(
    "options",
    [
        {"relative_factor": -0.1},
        {"relative_factor": 1.1},
        {"relative_factor": math.nan},
        {"absolute_factor": -1},
        {"absolute_factor": math.nan},
        {"absolute_factor": math.inf},
        {"absolute_factor": 1e39},
        {"absolute_factor": 1e-50},
    ],
)
def test_wrong_factors(options, small):
    with pytest.raises(UsageError, match=f"{next(iter(options)).split('_')[0]} factor"):
        amplify(encode(LOSSES, 2), small, **options)


@pytest.mark.parametrize(
    "args, stdin, expected",
    [
        (["-f", "x"], b"", 2),
        (["-f", "-1"], b"", 2),
        (["-F", "-1"], b"", 2),
        (["word", "-x"], b"", 2),
        ([], b"", 1),
        (["-f", "0"], encode([(1, 9, [(1, 1)])], 1), 1),
    ],
)
def test_script_faults(args, stdin, expected, tool, run, small):
    status, _out, err = run([tool("placalc"), *args], stdin, cwd=small)
    assert status == expected and err.startswith("placalc: error: ") and err.count("\n") == 1


def test_script_without_tables(tool, run, tmp_path):
    assert run([tool("placalc")], encode(LOSSES, 2), cwd=tmp_path)[0] == 3


def test_losses_of_another_kind_in_a_chain(small):
    for options in ({}, {"absolute_factor": 2}):
        with pytest.raises(DataError, match="this is a summary stream, expected losses by item"):
            Chain(
                LossStream(struct.pack("<Iii", SUMMARY_STREAM, 2, 1)),
                PlaCalc(io.BytesIO(), **options),
                root=small,
            ).run()


def test_nothing_of_an_event_with_a_wrong_loss_goes_out(small):
    out = io.BytesIO()
    losses = LOSSES[:2] + [(2, 1, [(1, 1)]), (2, 2, [(1, math.nan)])]
    with pytest.raises(DataError):
        ktc.placalc(encode(losses, 2), out, root=small)
    assert out.getvalue() == encode(with_factors(1.5, 0.5), 2)
