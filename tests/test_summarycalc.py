"""summarycalc: beside the oracle on generated streams, worked examples, invariants, and what it refuses."""

import io
import os
import struct
import subprocess
import threading

import numpy
import pytest
from support import programmes
from support import summaries as streams
from support.beside import same_bytes
from support.losses import loss_stream, parse, write_model

from ktc.errors import DataError, InputError, OutputError, TruncatedError, UsageError
from ktc.schemas.streams import COVERAGE, ITEM, LOSS
from ktc.stages import fmcalc, summarycalc

MODES = {"-i": "item", "-f": "fm", "-c": "coverage", "-x": "legacy_item"}
KINDS = {"-i": LOSS, "-f": LOSS, "-c": COVERAGE, "-x": ITEM}


def summaries(stream, sets, root, **options):
    """{set: parsed summary stream}, from files in root."""
    targets = {number: root / f"out{number}.bin" for number in sets}
    summarycalc(stream, targets, root=str(root), **options)
    return {number: parse(target.read_bytes()) for number, target in targets.items()}


class Case:
    """A generated run: a stream in every form that the format allows, cross references with gaps, and
    flags."""

    def __init__(self, seed):
        self.rng = rng = numpy.random.default_rng(seed)
        self.mode = ("-i", "-f", "-c")[seed % 3]
        self.zeros = bool(seed & 4)
        self.index = bool(seed & 8)
        self.sample_size = int(rng.choice([0, 1, 3, 17, 70]))
        self.ids = int(rng.integers(1, 60))
        self.sets = sorted(int(n) for n in rng.choice(10, rng.integers(1, 4), replace=False))
        self.tidy = seed % 5 == 0  # as gulcalc writes: -5 -3 -2 -1, samples in order
        self.packets = self.make_packets()
        self.stream = loss_stream(self.packets, self.sample_size, KINDS[self.mode])

    def number(self):
        value = float(numpy.float32(self.rng.exponential() * 10 ** float(self.rng.integers(-3, 8))))
        return self.rng.choice([value, value, value, 0.0, 1.0, -value])

    def records(self):
        rng = self.rng
        samples = list(range(1, self.sample_size + 1))
        if rng.random() < 0.5:
            samples = [s for s in samples if rng.random() < 0.4]
        if self.tidy:
            return [(s, abs(self.number())) for s in [-5, -3, -2, -1] + samples]
        specials = [s for s in (-5, -4, -3, -2, -1) if rng.random() < (0.3 if s == -5 else 0.8)]
        rng.shuffle(specials)
        form = rng.integers(5)
        if form == 0:
            samples = samples + samples[:3]
        elif form == 1:
            rng.shuffle(samples)
        every = samples + specials if form == 2 else specials + samples
        if form == 3:
            rng.shuffle(every)
        every = sorted(every, key=lambda s: s != -3)  # ktools takes a TIV that comes first only
        return [(int(s), self.number()) for s in every]

    def make_packets(self):
        rng, packets = self.rng, []
        for event in rng.permutation(numpy.arange(1, rng.integers(2, 14))):
            some = rng.integers(1, self.ids + 1, rng.integers(1, 40))
            made = []
            for id in some:
                made.append((int(event), int(id), self.records()))
                if rng.random() < 0.1:  # an id twice in a row
                    made.append((int(event), int(id), self.records()))
            packets += made + [(int(event), int(some[0]), [(-1, 5.0)])]
        return packets

    def write(self, root):
        rng, xref = self.rng, []
        for number in range(10):
            top = int(rng.integers(1, 200))
            xref += [
                (id, int(rng.integers(1, top + 1)), number) for id in range(2, self.ids) if rng.random() < 0.9
            ]
            xref += [(1, 1, number)] + [(self.ids, int(rng.integers(1, top + 1)), number)] * (self.ids > 1)
        write_model(root, xref, rng.integers(0, 3, self.ids) * 1000.125, [])
        (root / "stream.bin").write_bytes(self.stream)

    def arguments(self, prefix):
        flags = [self.mode] + ["-z"] * self.zeros + ["-m"] * self.index
        return flags + [a for n in self.sets for a in (f"-{n}", f"{prefix}{n}.bin")]


@pytest.fixture(scope="module")
def cases(tmp_path_factory, oracle):
    """Cases that the oracle has run, all at the same time because it sleeps a second for each set."""
    made, running = [], []
    for seed in range(48):
        case, root = Case(seed), tmp_path_factory.mktemp(f"case{seed}")
        case.write(root)
        made.append((case, root))
        with open(root / "stream.bin", "rb") as stdin:
            running.append(
                subprocess.Popen(
                    [oracle("summarycalc"), *case.arguments("oracle")],
                    cwd=root,
                    stdin=stdin,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.PIPE,
                )
            )
    for (case, _), process in zip(made, running):
        _, message = process.communicate(timeout=60)
        assert process.returncode == 0, (case.mode, message)
    return made


def exposed(data):
    """A stream and its index without the summaries that have a loss and no exposure, which ktools leaves
    out."""
    sample_size, number, packets = streams.split(data)
    for packet in packets:
        assert packet[2] > 0 or any(loss > 0 for _, loss in packet[3])
    data = streams.stream(sample_size, [packet for packet in packets if packet[2] > 0], number)
    return {"bin": data, "idx": streams.index_of(data)}


@pytest.mark.parametrize("seed", range(48))
def test_bytes_are_the_oracles(cases, seed):
    case, root = cases[seed]
    summarycalc(
        case.stream,
        {n: root / f"ktc{n}.bin" for n in case.sets},
        root=str(root),
        zeros=case.zeros,
        index=case.index,
        **{MODES[case.mode]: True},
    )
    for n in case.sets:
        data = (root / f"ktc{n}.bin").read_bytes()
        for ending in ["bin"] + ["idx"] * case.index:
            ours = (root / f"ktc{n}.{ending}").read_bytes()
            if ending == "idx":
                assert ours == streams.index_of(data)
            if not case.zeros:
                ours = exposed(data)[ending]
            same_bytes(
                ours,
                (root / f"oracle{n}.{ending}").read_bytes(),
                command=["summarycalc", *case.arguments("again")],
                stdin=case.stream,
                folder=root,
                note=f"set {n}, {ending}",
            )


def test_script_has_the_oracles_bytes_and_flags(cases, tool, run):
    case, root = cases[12]
    assert case.index and case.zeros
    assert run([tool("summarycalc"), *case.arguments("script")], case.stream, cwd=root) == (0, b"", "")
    for n in case.sets:
        for ending in ("bin", "idx"):
            same_bytes(
                (root / f"script{n}.{ending}").read_bytes(),
                (root / f"oracle{n}.{ending}").read_bytes(),
                command=["summarycalc", *case.arguments("again")],
                stdin=case.stream,
                folder=root,
            )


def test_insured_losses_are_the_oracles(oracle, tmp_path):
    """What fmcalc gives: outputs without a maximum loss, some with several records of a sample in one
    packet."""
    running, lengths = [], []
    for seed in range(8):
        root, options = (
            tmp_path / str(seed),
            {"alloc_rule": seed % 4, "net": seed % 3 == 1, "debug": seed == 3},
        )
        programme = programmes.make(
            seed,
            12,
            layers=1 + seed % 3,
            rules=[1, 2, 12, 14],
            merged=0.3,
            xref="items" if seed % 4 else "aggregates",
        )
        outputs = sorted({row[0] for row in programme.xref})
        write_model(
            root,
            [(out, 1 + k % 3, 1) for k, out in enumerate(outputs)] + [(out, 1, 2) for out in outputs[::2]],
        )
        programmes.write(programme, root / "input")
        losses = io.BytesIO()
        fmcalc(programmes.stream(seed, programme, events=12, samples=20), losses, root=str(root), **options)
        for zeros in (False, True):
            command = [
                oracle("summarycalc"),
                "-f",
                *["-z"] * zeros,
                "-1",
                f"oracle1{zeros}",
                "-2",
                f"oracle2{zeros}",
            ]
            running.append(
                (root, zeros, losses.getvalue(), subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE))
            )
            running[-1][-1].stdin.write(losses.getvalue())
            running[-1][-1].stdin.close()
    for root, zeros, losses, process in running:
        assert process.wait(20) == 0
        summarycalc(losses, {n: root / f"ktc{n}" for n in (1, 2)}, fm=True, zeros=zeros, root=str(root))
        for n in (1, 2):
            ours = (root / f"ktc{n}").read_bytes()
            same_bytes(
                ours if zeros else exposed(ours)["bin"],
                (root / f"oracle{n}{zeros}").read_bytes(),
                command=["summarycalc", "-f", *["-z"] * bool(zeros), f"-{n}", "-"],
                stdin=losses,
                folder=root,
            )
            lengths.append((root / f"ktc{n}").stat().st_size)
    assert len(lengths) == 32 and sum(length > 1000 for length in lengths) > 16, lengths


def test_no_events_and_no_samples_are_the_oracles(oracle, tmp_path, tool, run):
    write_model(tmp_path, [(1, 1, 1)])
    commands = [("summarycalc", "-i", "-1", "-"), ("summarycalc", "-f", "-z", "-1", "-")]
    inputs = [
        loss_stream([], 4),
        loss_stream([], 0),
        loss_stream([(7, 1, [(-5, 3.0), (-3, 8.0), (-1, 2.0)])], -1),
    ]
    for command in commands:
        for data in inputs:
            wanted = run([oracle(command[0]), *command[1:]], data, cwd=tmp_path)
            assert run([tool(command[0]), *command[1:]], data, cwd=tmp_path) == wanted


def test_first_maximum_loss_of_a_stream_is_the_oracles(oracle, tmp_path):
    """With -z a maximum loss is written from the first event on that has one; whether the event before it
    shows one too depends on where it stands."""
    write_model(tmp_path, [(1, 1, 1), (2, 2, 1), (4, 1, 2)])
    plain = [(1, 1, [(-3, 5.0), (-1, 2.0), (2, 1.0)])]
    later = [
        [(3, 2, [(-3, 1.0), (-5, 4.0), (-1, 1.0)])],
        [(3, 2, [(-3, 1.0), (-1, 1.0), (-5, 4.0)])],
        [(3, 3, [(-5, 4.0), (-1, 1.0)])],
        [(3, 2, [(-3, 2.0), (-4, 1.0)]), (3, 1, [(-5, 4.0)])],
        [(3, 2, [(-1, 2.0)]), (3, 1, [(1, 2.0), (-5, 4.0)]), (4, 1, [(-1, 1.0)])],
        [(1, 2, [(2, 1.0), (-5, 4.0)])],
        [],
    ]
    running = [
        subprocess.Popen(
            [oracle("summarycalc"), "-i", "-z", "-1", f"oracle{k}"], cwd=tmp_path, stdin=subprocess.PIPE
        )
        for k in range(len(later))
    ]
    for k, process in enumerate(running):
        stream = loss_stream(plain + later[k], 2)
        process.communicate(stream, timeout=20)
        summarycalc(stream, {1: tmp_path / f"ktc{k}"}, item=True, zeros=True, root=str(tmp_path))
        same_bytes(
            (tmp_path / f"ktc{k}").read_bytes(),
            (tmp_path / f"oracle{k}").read_bytes(),
            command=["summarycalc", "-i", "-z", "-1", "-"],
            stdin=stream,
            folder=tmp_path,
        )


def test_legacy_item_stream_is_the_oracles_but_for_the_last_event(oracle, tmp_path, run):
    """Where an item's id is its coverage's: the oracle maps twice."""
    case = Case(5)
    tivs = [100.5 * id for id in range(1, case.ids + 1)]
    ids = range(1, case.ids + 1)
    write_model(tmp_path, [(id, 1 + (id - 1) % 3, 1) for id in ids], tivs, ids)
    stream = loss_stream(case.packets + [(99, 1, [(-1, 1.0)])], case.sample_size, ITEM)
    status, wanted, _ = run([oracle("summarycalc"), "-x", "-1", "-"], stream, cwd=tmp_path)
    out = io.BytesIO()
    summarycalc(stream, {1: out}, legacy_item=True, root=str(tmp_path))
    assert status == 0 and len(wanted) > 12 and out.getvalue().startswith(wanted)
    assert parse(out.getvalue()[:12] + out.getvalue()[len(wanted) :])[2] == [(99, 1, 100.5, [(-1, 1.0)])]


# Worked examples

XREF = [(1, 1, 1), (2, 2, 1), (3, 1, 1), (1, 1, 4), (2, 1, 4), (3, 1, 4)]
PACKETS = [
    (5, 1, [(-5, 9.0), (-3, 100.0), (-2, 1.0), (-1, 2.0), (1, 3.0)]),
    (5, 2, [(-5, 8.0), (-3, 50.0), (-2, 1.0), (-1, 1.0), (2, 4.0)]),
    (5, 3, [(-5, 7.0), (-3, 10.0), (-2, 1.0), (-1, 0.0), (1, 1.0), (2, 0.0)]),
    (9, 2, [(-5, 8.0), (-3, 50.0), (-2, 0.0), (-1, 0.0)]),
]


def test_two_sets(tmp_path):
    write_model(tmp_path, XREF)
    got = summaries(loss_stream(PACKETS, 2), (4, 1), tmp_path, item=True)
    assert got[1] == (
        2,
        1,
        [
            (5, 1, 110.0, [(-5, 16.0), (-1, 2.0), (1, 4.0)]),
            (5, 2, 50.0, [(-5, 8.0), (-1, 1.0), (2, 4.0)]),
            (9, 2, 50.0, [(-5, 8.0), (-1, 0.0)]),
        ],
    )
    assert got[4] == (
        2,
        4,
        [(5, 1, 160.0, [(-5, 24.0), (-1, 3.0), (1, 4.0), (2, 4.0)]), (9, 1, 50.0, [(-5, 8.0), (-1, 0.0)])],
    )


def test_zeros_write_every_summary_and_sample(tmp_path):
    write_model(tmp_path, XREF)
    got = summaries(loss_stream(PACKETS[3:], 2), (1,), tmp_path, fm=True, zeros=True)
    assert got[1][2] == [
        (9, 1, 0.0, [(-5, 0.0), (-1, 0.0), (1, 0.0), (2, 0.0)]),
        (9, 2, 50.0, [(-5, 8.0), (-1, 0.0), (1, 0.0), (2, 0.0)]),
    ]


def test_coverage_stream_takes_exposure_from_coverages(tmp_path):
    write_model(tmp_path, XREF, tivs=[100.0, 0.0, 7.5])
    packets = [(5, id, [(-5, 9.0), (-1, 2.0), (1, 3.0)]) for id in (1, 2, 3, 3)]
    got = summaries(loss_stream(packets, 2, COVERAGE), (1,), tmp_path, coverage=True)
    assert got[1][2] == [(5, 1, 107.5, [(-1, 6.0), (1, 9.0)]), (5, 2, 0.0, [(-1, 2.0), (1, 3.0)])]


def test_legacy_item_stream_is_summed_by_coverage(tmp_path):
    """An item counts where its coverage does, its exposure once for items of a coverage that follow each
    other; the last event is written (ktools loses it)."""
    write_model(tmp_path, [(1, 1, 1), (2, 2, 1)], tivs=[100.0, 30.0], items=[2, 1, 1])
    packets = [(e, id, [(-1, 2.0), (1, float(id))]) for e in (5, 6) for id in (1, 2, 3)]
    got = summaries(loss_stream(packets, 1, ITEM), (1,), tmp_path, legacy_item=True)
    assert got[1][2] == [
        packet
        for e in (5, 6)
        for packet in ((e, 1, 100.0, [(-1, 4.0), (1, 5.0)]), (e, 2, 30.0, [(-1, 2.0), (1, 1.0)]))
    ]


def test_one_summary_is_the_float_sum_of_all_in_order(tmp_path):
    rng = numpy.random.default_rng(3)
    losses = (rng.exponential(size=(200, 50)) * 10.0 ** rng.integers(-2, 7, (200, 50))).astype("f4")
    packets = [
        (1, i + 1, [(-3, 10.0), (-1, 1.0), *zip(range(1, 51), losses[i].tolist())]) for i in range(200)
    ]
    write_model(tmp_path, [(i + 1, 1, 1) for i in range(200)] + [(i + 1, i // 9 + 1, 2) for i in range(200)])
    got = summaries(loss_stream(packets, 50), (1, 2), tmp_path, item=True)
    total = numpy.zeros(50, "f4")
    for row in losses:
        total += row
    [(_, _, exposure, records)] = got[1][2]
    assert exposure == 2000 and records[0] == (-1, 200.0) and [r[1] for r in records[1:]] == total.tolist()
    parts = numpy.array([[loss for sidx, loss in p[3] if sidx > 0] for p in got[2][2]])
    assert parts.shape == (23, 50)
    numpy.testing.assert_allclose(parts.sum(axis=0), losses.astype("f8").sum(axis=0), rtol=1e-5)
    assert sum(p[2] for p in got[2][2]) == 2000


def test_millions_of_summaries_need_memory_only_for_those_that_are_met(tmp_path):
    """Ten million summaries of 2,000 samples would be 80 GB."""
    write_model(tmp_path, [(1, 1, 1), (2, 10_000_000, 1), (3, 5_000_000, 1)])
    packets = [(e, id, [(-3, 1.0), (-1, 1.0), (2000, 2.0)]) for e in (1, 2) for id in (2, 3)]
    got = summaries(loss_stream(packets, 2000), (1,), tmp_path, item=True)
    assert got[1][2] == [
        (e, s, 1.0, [(-1, 1.0), (2000, 2.0)]) for e in (1, 2) for s in (5_000_000, 10_000_000)
    ]


def test_an_event_of_many_blocks(tmp_path):
    """More summaries than a block of rows or a slab of memory holds, in descending order of ids."""
    n = 30_000
    write_model(tmp_path, [(i, n + 1 - i, 1) for i in range(1, n + 1)])
    packets = [(1, i, [(-3, 1.0), (-1, float(i)), (1, 1.0), (2, 2.0)]) for i in range(1, n + 1)]
    got = summaries(loss_stream(packets, 2), (1,), tmp_path, item=True)
    assert got[1][2] == [(1, s, 1.0, [(-1, float(n + 1 - s)), (1, 1.0), (2, 2.0)]) for s in range(1, n + 1)]


# What ktools gets wrong, and how ktc has it


def test_last_event_without_losses_does_not_take_the_events_before_it(tmp_path):
    write_model(tmp_path, XREF)
    got = summaries(loss_stream(PACKETS[3:] + [(11, 1, [(-3, 4.0)])], 2), (1,), tmp_path, item=True)
    assert [p[0] for p in got[1][2]] == [9]


def test_event_minus_one_is_an_event(tmp_path):
    write_model(tmp_path, XREF)
    got = summaries(
        loss_stream([(e, 1, [(-3, 4.0), (-1, 1.0)]) for e in (-1, 2)], 2), (1,), tmp_path, item=True
    )
    assert got[1][2] == [(e, 1, 4.0, [(-1, 1.0)]) for e in (-1, 2)]


def test_id_that_only_another_set_knows_does_not_count(tmp_path):
    write_model(tmp_path, [(1, 1, 1), (3, 1, 2)])
    got = summaries(
        loss_stream([(5, id, [(-3, 4.0), (-1, 1.0)]) for id in (1, 2, 3)], 2), (1,), tmp_path, item=True
    )
    assert got[1][2] == [(5, 1, 4.0, [(-1, 1.0)])]


@pytest.mark.parametrize("id", [4, 2_000_000_000, -1])
def test_id_that_no_set_knows_is_refused(tmp_path, id):
    write_model(tmp_path, XREF)
    with pytest.raises(DataError, match=rf"event 5: id {id} is not in .*gulsummaryxref.bin: expected 1 to 3"):
        summaries(loss_stream([(5, id, [(-3, 4.0), (-1, 1.0)])], 2), (1,), tmp_path, item=True)
    assert not list(tmp_path.glob("*out1*"))


def test_entries_beyond_the_coverages_do_no_harm(tmp_path):
    """A file made for items has more ids than there are coverages (ktools writes outside its table)."""
    write_model(tmp_path, [(id, 1, 1) for id in range(1, 500)], tivs=[1.0, 2.0])
    got = summaries(
        loss_stream([(5, id, [(-1, 1.0)]) for id in (1, 2)], 2, COVERAGE), (1,), tmp_path, coverage=True
    )
    assert got[1][2] == [(5, 1, 3.0, [(-1, 2.0)])]


@pytest.mark.parametrize("id", [4, 0])
def test_coverage_beyond_the_file_is_refused(tmp_path, id):
    write_model(tmp_path, XREF, tivs=[1.0, 2.0, 3.0])
    with pytest.raises(
        DataError, match=rf"event 5: coverage {id} is not in .*coverages.bin: expected 1 to 3"
    ):
        summaries(loss_stream([(5, id, [(-1, 1.0)])], 2, COVERAGE), (1,), tmp_path, coverage=True)


@pytest.mark.parametrize(
    "xref, message",
    [
        ([(1, 2, 1)], "summary set 1 has no summary 1"),
        ([(1, 1, 2)], "summary set 1 has no entries"),
        ([(1, 1, 1), (2, 0, 1)], "byte 12: record 2: summary id 0 in set 1, expected 1 or more"),
        ([(1, 1, 1), (2, 1, 10)], "byte 12: record 2: summary set 10, expected 0 to 9"),
        ([(1, 1, 1), (2, 1, -1)], "byte 12: record 2: summary set -1, expected 0 to 9"),
        ([(1, 1, 1), (-2, 1, 1)], "byte 12: record 2: id -2, expected 1 or more"),
        (
            [(1, 1, 1), (2**24 + 1, 1, 1)],
            "byte 12: record 2: an id of 16777217 in 2 records, expected ids up to 16777216",
        ),
        (
            [(1, 1, 1), (2, 2**31 - 1, 1)],
            "byte 12: record 2: an id of 2147483647 in 2 records, expected ids up to 16777216",
        ),
    ],
)
def test_cross_references_out_of_range(tmp_path, xref, message):
    write_model(tmp_path, xref)
    with pytest.raises(DataError, match=message):
        summaries(loss_stream([], 2), (1,), tmp_path, item=True)


@pytest.mark.parametrize(
    "mode, name, size",
    [
        ("item", "gulsummaryxref", 12),
        ("fm", "fmsummaryxref", 12),
        ("coverage", "coverages", 4),
        ("legacy_item", "items", 20),
    ],
)
def test_cut_and_missing_files(tmp_path, mode, name, size):
    write_model(tmp_path, XREF, tivs=[1.0, 2.0, 3.0], items=[1, 2, 3])
    kind = {"coverage": COVERAGE, "legacy_item": ITEM}.get(mode, LOSS)
    path = tmp_path / "input" / f"{name}.bin"
    for cut in range(1, size):
        path.write_bytes(path.read_bytes()[: size + cut])
        with pytest.raises(DataError, match=rf"{name}.bin: byte {size}: the file ends inside a record"):
            summaries(loss_stream([], 2, kind), (1,), tmp_path, **{mode: True})
        path.write_bytes(path.read_bytes()[:size] + bytes(size))
    path.unlink()
    with pytest.raises(InputError, match=f"{name}.bin"):
        summaries(loss_stream([], 2, kind), (1,), tmp_path, **{mode: True})
    assert not list(tmp_path.glob("*out1*"))


@pytest.mark.parametrize(
    "items, message",
    [
        ([1, 4], "byte 20: record 2: item 2 is part of coverage 4, expected 1 to 3"),
        ([0], "byte 0: record 1: item 1 is part of coverage 0, expected 1 to 3"),
    ],
)
def test_items_of_unknown_coverages(tmp_path, items, message):
    write_model(tmp_path, XREF, tivs=[1.0, 2.0, 3.0], items=items)
    with pytest.raises(DataError, match=message):
        summaries(loss_stream([], 2, ITEM), (1,), tmp_path, legacy_item=True)


@pytest.mark.parametrize("options", [{}, {"item": True, "fm": True}, {"coverage": True, "legacy_item": True}])
def test_exactly_one_kind_of_input(tmp_path, options):
    with pytest.raises(UsageError, match="one kind of input"):
        summarycalc(b"", {1: tmp_path / "a"}, **options)


@pytest.mark.parametrize(
    "outputs, message",
    [
        ([], "no output"),
        ([(1, "a.bin"), (1, "b.bin")], "asked for twice"),
        ([(1, "-"), (2, "-")], "twice"),
        ([(1, "a.bin"), (2, "./a.bin")], "twice"),
        ([(1, "a.bin"), (2, "a")], "a.idx: asked for as an output twice"),
        ([(10, "a.bin")], "summary set 10"),
    ],
)
def test_outputs_that_make_no_sense(tmp_path, monkeypatch, outputs, message):
    write_model(tmp_path, XREF)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message):
        summarycalc(loss_stream([], 2), outputs, item=True, index=True)
    assert os.listdir(tmp_path) == ["input"]


def test_missing_output_folder(tmp_path):
    write_model(tmp_path, XREF)
    with pytest.raises(OutputError, match="nowhere"):
        summarycalc(loss_stream([], 2), {1: tmp_path / "nowhere" / "a.bin"}, item=True, root=str(tmp_path))


def test_input_path_stands_for_input(tmp_path):
    write_model(tmp_path, XREF)
    (tmp_path / "input").rename(tmp_path / "elsewhere")
    got = summaries(
        loss_stream(PACKETS, 2), (1,), tmp_path, item=True, input_path=str(tmp_path / "elsewhere")
    )
    assert len(got[1][2]) == 3


@pytest.mark.posix
def test_named_pipes_and_index_files(tmp_path):
    """The pipes are read at the same time; an index has the place of each packet."""
    write_model(tmp_path, XREF)
    received, pipes = {}, {n: tmp_path / f"pipe{n}" for n in (4, 1)}
    for pipe in pipes.values():
        os.mkfifo(pipe)
    readers = [
        threading.Thread(target=lambda n=n, p=p: received.update({n: p.read_bytes()}))
        for n, p in pipes.items()
    ]
    for reader in readers:
        reader.start()
    summarycalc(loss_stream(PACKETS, 2), list(pipes.items()), item=True, root=str(tmp_path), index=True)
    for reader in readers:
        reader.join(10)
    assert parse(received[1])[2][2][:2] == (9, 2) and parse(received[4])[1] == 4
    for n in pipes:
        lines = [line.split(",") for line in (tmp_path / f"pipe{n}.idx").read_text().splitlines()]
        places = [(int(id), struct.unpack_from("<ii", received[n], int(offset))) for id, offset in lines]
        assert places == [(p[1], p[:2]) for p in parse(received[n])[2]]


@pytest.mark.posix
def test_reader_of_a_named_pipe_sees_it_end_when_a_file_is_missing(tmp_path, tool, run):
    write_model(tmp_path, XREF)
    os.unlink(tmp_path / "input" / "gulsummaryxref.bin")
    os.mkfifo(tmp_path / "pipe")
    received = []
    reader = threading.Thread(target=lambda: received.append((tmp_path / "pipe").read_bytes()), daemon=True)
    reader.start()
    assert (
        run([tool("summarycalc"), "-i", "-1", "pipe"], loss_stream(PACKETS, 2), cwd=tmp_path, timeout=20)[0]
        == 3
    )
    reader.join(10)
    assert received == [b""]


def test_one_byte_at_a_time(tmp_path):
    class Slow(io.BytesIO):
        def readinto(self, room):
            return super().readinto(memoryview(room)[:1])

    write_model(tmp_path, XREF)
    data = loss_stream(PACKETS, 2)
    assert summaries(Slow(data), (1,), tmp_path, item=True) == summaries(data, (1,), tmp_path, item=True)


def test_cut_stream_is_an_error_that_leaves_whole_events(tmp_path):
    """A cut shows unless it falls between packets or behind a mean or a sample, where gulcalc ends its last
    packet."""
    write_model(tmp_path, XREF)
    data = loss_stream(PACKETS, 2)
    at, hidden = 8, {8}
    for _, _, records in PACKETS:
        hidden |= {at + 16 + 8 * k for k, (sidx, _) in enumerate(records) if sidx >= -1}
        at += 16 + 8 * len(records)
        hidden.add(at)
    whole = io.BytesIO()
    summarycalc(data, {1: whole}, item=True, root=str(tmp_path))
    for cut in range(len(data)):
        out = io.BytesIO()
        if cut in hidden:
            summarycalc(data[:cut], {1: out}, item=True, root=str(tmp_path))
        else:
            with pytest.raises(TruncatedError, match=f"byte {cut}: the input ends inside"):
                summarycalc(data[:cut], {1: out}, item=True, root=str(tmp_path))
            assert whole.getvalue().startswith(out.getvalue())
            assert not out.getvalue() or all(p[0] == 5 for p in parse(out.getvalue())[2])
