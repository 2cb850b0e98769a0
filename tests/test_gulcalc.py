"""gulcalc beside ktools on generated models, and what must hold of any ground-up losses."""

import io
import os
import struct
import subprocess
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from support.beside import same_bytes

from ktc import stages
from ktc._core.codec import CdfDecoder, LossEncoder
from ktc._core.gulcalc import GulCalc
from ktc._core.io import Mapped, Sink, Source
from ktc.errors import DataError, InputError, TruncatedError, UsageError
from ktc.schemas import TABLES

MEAN, DEVIATION, TIV, MAX_LOSS = -1, -2, -3, -5


class Portfolio:
    """A portfolio, a damage bin dictionary, random numbers, and a cdf stream over them.

    items: rows of items.bin. bins: (bin_from, bin_to) of the dictionary. cdfs: (event, areaperil,
    vulnerability, prob_to, bin_mean) in the order of the stream.
    """

    def __init__(self, items, tivs, bins, cdfs, random=(), areaperil_bytes=4):
        self.items, self.tivs, self.bins, self.cdfs = items, np.asarray(tivs, "<f4"), bins, cdfs
        self.random, self.areaperil_bytes = np.asarray(random, "<f4"), areaperil_bytes

    def write(self, folder):
        (folder / "input").mkdir(parents=True)
        (folder / "static").mkdir()
        items = np.array(self.items, TABLES["items"].dtype(self.areaperil_bytes))
        (folder / "input/items.bin").write_bytes(items.tobytes())
        (folder / "input/coverages.bin").write_bytes(self.tivs.tobytes())
        (folder / "static/damage_bin_dict.bin").write_bytes(
            b"".join(struct.pack("<ifffi", i + 1, a, b, (a + b) / 2, 0) for i, (a, b) in enumerate(self.bins))
        )
        (folder / "static/random.bin").write_bytes(self.random.tobytes())
        return folder

    def stream(self):
        head = "<iIii" if self.areaperil_bytes == 4 else "<iQii"
        parts = [struct.pack("<i", 1)]
        for event, areaperil_bytes, vulnerability, prob_to, mean in self.cdfs:
            parts.append(struct.pack(head, event, areaperil_bytes, vulnerability, len(prob_to)))
            parts.append(np.column_stack([prob_to, mean]).astype("<f4").tobytes())
        return b"".join(parts)


def dictionary(rng, n, points):
    """n damage bins over 0 .. 1, the first and the last being points if asked for, and some more in
    between."""
    edges = np.sort(rng.random(n + 1).astype("<f4"))
    edges[0], edges[-1] = 0, 1
    bins = [(float(a), float(b)) for a, b in zip(edges[:-1], edges[1:])]
    if points:
        bins = [(0.0, 0.0)] + bins + [(1.0, 1.0)]
        if n > 4:
            bins[3] = (bins[3][0], bins[3][0])
    return bins


def cdf(rng, bins):
    """A distribution over the first bins, some without mass; its total is 1, just under or over, half, or
    nothing."""
    n = int(rng.integers(1, len(bins) + 1))
    weight = rng.random(n) * (rng.random(n) < rng.choice([0.2, 0.6, 1.0]))
    if weight.sum() == 0:
        weight[rng.integers(n)] = 1
    prob_to = np.cumsum(weight / weight.sum())
    kind = rng.integers(12)
    prob_to = prob_to * {0: 0.0, 1: 0.5, 2: 0.999999, 3: 1.000001}.get(kind, 1.0)
    prob_to = prob_to.astype("<f4")
    if kind > 6:
        prob_to[-1] = 1.0
    low, high = np.array(bins[:n]).T
    place = np.where(
        rng.random(n) < 0.5, 0.5, rng.uniform(0.3, 0.7, n)
    )  # means off the middle make parabolas
    return prob_to, (low + (high - low) * place).astype("<f4")


def make(
    seed, n_items=40, n_events=12, n_bins=20, points=True, perils=3, groups=8, areaperil_bytes=4, random=5000
):
    rng = np.random.default_rng(seed)
    bins = dictionary(rng, n_bins, points)
    n_coverages = max(n_items // perils, 1)
    tivs = np.round(rng.lognormal(10, 2, n_coverages), 2)
    tivs[rng.random(n_coverages) < 0.1] = 0
    keys = [
        (int(a), int(v))
        for a, v in zip(
            rng.integers(1, 2 ** (8 * areaperil_bytes) - 1, 12, dtype="u8"), rng.integers(-5, 2**31 - 1, 12)
        )
    ]
    group_ids = rng.integers(1, 2**31 - 1, groups)
    items = []
    for i in range(n_items):
        area, vulnerability = keys[rng.integers(len(keys))]
        coverage, group = int(rng.integers(n_coverages)) + 1, int(group_ids[rng.integers(groups)])
        items.append((i + 1, coverage, area, vulnerability, group))
    if seed % 2:
        rng.shuffle(items)
    events = np.unique(rng.integers(1, 2**31 - 1, n_events) if seed % 3 else np.arange(1, n_events + 1))
    cdfs = []
    for event in rng.permutation(events):
        for k in sorted(rng.choice(len(keys), rng.integers(1, len(keys) + 1), replace=False)):
            cdfs.append((int(event), *keys[k], *cdf(rng, bins)))
        if rng.random() < 0.3:
            cdfs.append((int(event), 77, 77, *cdf(rng, bins)))  # nobody's
    return Portfolio(items, tivs, bins, cdfs, rng.random(random), areaperil_bytes)


def oracle_losses(program, folder, stream, options):
    """What the oracle writes: its exit status and its outputs by flag."""
    args, outputs = [program], {}
    for flag in options:
        if flag in ("-i", "-c", "-j"):
            outputs[flag] = folder / f"out{len(list(folder.iterdir()))}-{os.urandom(6).hex()}"
            args += [flag, outputs[flag]]
        else:
            args.append(flag)
    done = subprocess.run([str(a) for a in args], input=stream, cwd=folder, capture_output=True, timeout=60)
    return done.returncode, {flag: path.read_bytes() for flag, path in outputs.items()}


def ktc_losses(folder, stream, options):
    """What ktc writes for the same flags."""
    from ktc.cli import arguments
    from ktc.schemas import TOOLS

    argv = [part for flag in options for part in ((flag, "-") if flag in ("-i", "-c", "-j") else (flag,))]
    keywords = arguments(TOOLS["gulcalc"], argv)
    names = {"-i": "item", "-c": "coverage", "-j": "correlated"}
    outputs = {flag: io.BytesIO() for flag in options if flag in names}
    keywords.update({names[flag]: output for flag, output in outputs.items()}, root=str(folder))
    stages.gulcalc(stream, **keywords)
    return 0, {flag: output.getvalue() for flag, output in outputs.items()}


def losses(stream):
    """A loss stream as {(event, id): {sidx: loss}}; the last packet may lack its terminator."""
    found, at = {}, 8
    while at < len(stream):
        packet = found.setdefault(struct.unpack_from("<ii", stream, at), {})
        at += 8
        while at < len(stream):
            sidx, loss = struct.unpack_from("<if", stream, at)
            at += 8
            if sidx == 0:
                break
            packet[sidx] = loss
    return found


# Beside ktools

RANDOM = ([], ["-r"], ["-l", "-R500", "-s7"], ["-s99"], ["-s-5"], ["-A", "-s2147483647"])
SAMPLES = (0, 1, 10, 100, 400)
OPTIONS = (
    ["-i"],
    ["-a0", "-i", "-c", "-j"],
    ["-c"],
    ["-a0", "-i", "-L0"],
    ["-a-3", "-i", "-L500"],
    ["-c", "-L1000"],
    ["-c", "-L0", "-j"],
    ["-a1", "-i", "-j"],
    ["-a2", "-i", "-j"],
    ["-a3", "-i", "-j"],
    ["-a1", "-i", "-L-1"],
    ["-a2", "-i", "-L0"],
    ["-a3", "-i", "-L500"],
    ["-d", "-i", "-c"],
    ["-d", "-a1", "-i"],
    ["-d", "-a2", "-i", "-j", "-L0.3"],
)


def differing(oracle, tmp_path, models, options):
    """The cases, of each model with each list of options, in which ktools fails. Where both give losses, they
    must be the same bytes."""

    def differs(case):
        folder, stream, flags = case
        status, wanted = oracle_losses(oracle("gulcalc"), folder, stream, flags)
        ours = ktc_losses(folder, stream, flags)[1] if status == 0 else {}
        for name in ours:  # the others to nowhere: all to standard output would be one stream
            command = ["gulcalc"]
            for flag in flags:
                command += [flag, "-" if flag == name else "/dev/null"] if flag in ours else [flag]
            same_bytes(ours[name], wanted[name], command=command, stdin=stream, folder=folder)
        return status != 0 or ours.keys() != wanted.keys()

    cases = []
    for n, model in enumerate(models):
        folder, stream = model.write(tmp_path / str(n)), model.stream()
        cases += [(folder, stream, flags) for flags in options(n)]
    with ThreadPoolExecutor(24) as pool:  # ktools sleeps for a second before it starts
        return [(case[0].name, *case[2]) for case, bad in zip(cases, pool.map(differs, cases)) if bad]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda flags: "".join(flags))
def test_same_bytes_as_ktools(oracle, tmp_path, option):
    k = OPTIONS.index(option)
    models = [make(10 * k + n) for n in range(12)]
    assert (
        differing(
            oracle,
            tmp_path,
            models,
            lambda n: [[f"-S{SAMPLES[(n + k) % 5]}", *RANDOM[(5 * n + k) % 6], *option]],
        )
        == []
    )


def test_same_bytes_without_sample_size(oracle, tmp_path):
    assert (
        differing(
            oracle,
            tmp_path,
            [make(3), make(4)],
            lambda n: [["-i", "-c"], ["-a0", "-i", "-r"], ["-a1", "-i", "-j"], ["-a3", "-i", "-l", "-s1"]],
        )
        == []
    )


def test_same_bytes_with_large_events(oracle, tmp_path):
    """Events of many blocks, more groups than vectors that are kept, and more samples than one state has
    numbers."""
    models = [
        make(1, n_items=3000, n_events=2, n_bins=60, groups=2900, random=1500000),
        make(2, n_items=400, n_events=2, n_bins=100, perils=40, groups=300),
    ]
    assert (
        differing(
            oracle,
            tmp_path,
            models,
            lambda n: [
                [f"-S{1000 if n else 150}", "-a0", "-i", "-c", "-r"],
                [f"-S{1000 if n else 150}", "-a0", "-i", "-j"],
                ["-S150", "-a1", "-i", "-j"],
                ["-S40", "-a2", "-i"],
                ["-S40", "-a3", "-i", "-l", "-s3"],
            ],
        )
        == []
    )


def test_same_bytes_of_straight_lines_and_beyond_the_tiv(oracle, tmp_path):
    """Distributions without parabolas, of few bins and of many; coverages of one item, some of which lose
    more than their TIV."""
    models = []
    for seed, n_bins in enumerate((1, 5, 30)):
        model = make(seed, n_bins=n_bins, perils=1)
        model.bins = [(1.5 * low, 1.5 * high) for low, high in model.bins]
        middle = np.array(model.bins).mean(axis=1).astype("<f4")
        model.cdfs = [(*key, prob_to, middle[: len(prob_to)]) for *key, prob_to, _ in model.cdfs]
        models.append(model)
    assert (
        differing(
            oracle,
            tmp_path,
            models,
            lambda n: [
                ["-S10", "-a0", "-i", "-c"],
                ["-S10", "-a1", "-i"],
                ["-S10", "-a1", "-i", "-j"],
                ["-S300", "-a1", "-i", "-r"],
                ["-S10", "-a1", "-i", "-L5000"],
                ["-S0", "-a1", "-i"],
            ],
        )
        == []
    )


def test_same_bytes_with_repeated_items_and_cdfs(oracle, tmp_path):
    """An item listed twice, under one coverage or two, and a distribution that comes twice in an event."""
    models = []
    for seed in range(4):
        model = make(seed)
        model.items += [(i, c, k[1], k[2], g) for (i, c, _, _, g), k in zip(model.items[:9], model.cdfs)]
        model.items += [(i, c % len(model.tivs) + 1, a, v, g) for i, c, a, v, g in model.items[5:9]]
        model.cdfs = [row for row in model.cdfs for _ in range(1 + (row[1] % 3 == 0))]
        models.append(model)
    assert (
        differing(
            oracle,
            tmp_path,
            models,
            lambda n: [
                ["-S10", "-a0", "-i", "-c"],
                ["-S10", "-a1", "-i", "-j"],
                ["-S10", "-a2", "-i"],
                ["-S10", "-a3", "-i"],
            ],
        )
        == []
    )


# What must hold


def gulcalc(folder, stream, outputs=("item",), **keywords):
    """The streams of the outputs asked for."""
    files = {name: io.BytesIO() for name in outputs}
    stages.gulcalc(stream, root=str(folder), **files, **keywords)
    return [files[name].getvalue() for name in outputs]


@pytest.fixture
def model():
    return make(11, n_items=60, perils=4, groups=20)


@pytest.fixture
def folder(tmp_path, model):
    return model.write(tmp_path / "model")


def by_coverage(model, found):
    """Sums over the items of each (event, coverage, sample)."""
    coverage_of = {item[0]: item[1] for item in model.items}
    sums = {}
    for (event, item), packet in found.items():
        for sidx, loss in packet.items():
            key = event, coverage_of[item], sidx
            sums[key] = sums.get(key, 0) + loss
    return sums


@pytest.mark.parametrize("rule", [0, 1, 2, 3])
def test_losses_are_within_the_tiv(model, folder, rule):
    tiv = {item[0]: float(model.tivs[item[1] - 1]) for item in model.items}
    (stream,) = gulcalc(folder, model.stream(), sample_size=50, alloc_rule=rule)
    found = losses(stream)
    assert len(found) > 100
    for (_, item), packet in found.items():
        assert all(0 <= loss <= tiv[item] * (1 + 1e-6) for loss in packet.values())
    if rule:
        for (_, coverage, sidx), total in by_coverage(model, found).items():
            if sidx != DEVIATION or rule < 3:
                assert total <= model.tivs[coverage - 1] * (1 + 1e-5)


def test_allocation_leaves_small_sums_alone_and_cuts_large_ones_to_the_tiv(model, folder):
    free, cut = (
        losses(gulcalc(folder, model.stream(), sample_size=50, alloc_rule=rule)[0]) for rule in (0, 1)
    )
    coverage_of = {item[0]: item[1] for item in model.items}
    sums, kept, scaled = by_coverage(model, free), 0, 0
    for (event, item), packet in free.items():
        for sidx, loss in packet.items():
            if sidx == TIV:
                continue
            tiv, total = float(model.tivs[coverage_of[item] - 1]), sums[event, coverage_of[item], sidx]
            if total < tiv * (1 - 1e-6):
                assert cut[event, item][sidx] == loss
                kept += 1
            elif total > tiv * (1 + 1e-6):
                assert cut[event, item][sidx] == pytest.approx(loss / total * tiv, rel=1e-5)
                scaled += 1
    assert kept > 1000 and scaled > 1000


def test_largest_item_takes_the_coverage_loss(model, folder):
    free, shared = (
        losses(gulcalc(folder, model.stream(), sample_size=50, alloc_rule=rule)[0]) for rule in (0, 2)
    )
    coverage_of = {item[0]: item[1] for item in model.items}
    largest = {}
    for (event, item), packet in free.items():
        for sidx, loss in packet.items():
            key = event, coverage_of[item], sidx
            largest[key] = max(largest.get(key, 0), loss)
    for (event, coverage, sidx), total in by_coverage(model, shared).items():
        if sidx > 0:
            assert total == pytest.approx(largest[event, coverage, sidx], rel=1e-6)


def test_coverage_losses_are_the_sums_of_the_items(model, folder):
    item, coverage = gulcalc(folder, model.stream(), ("item", "coverage"), sample_size=20, alloc_rule=0)
    sums, found = by_coverage(model, losses(item)), losses(coverage)
    assert len(found) > 50
    for (event, coverage_id), packet in found.items():
        tiv = float(model.tivs[coverage_id - 1])
        assert MEAN in packet and DEVIATION not in packet
        for sidx, loss in packet.items():
            assert loss == pytest.approx(min(sums.get((event, coverage_id, sidx), 0), tiv), rel=1e-5)


def test_special_samples_of_a_worked_example(tmp_path):
    """Half the probability at no damage, half spread evenly over 0.2 .. 0.6, on a TIV of 1000."""
    model = Portfolio([(1, 1, 5, 6, 7)], [1000], [(0, 0), (0.2, 0.6)], [(3, 5, 6, [0.5, 1.0], [0.0, 0.4])])
    found = losses(gulcalc(model.write(tmp_path / "m"), model.stream(), sample_size=200, alloc_rule=0)[0])
    packet = found[3, 1]
    assert packet[MAX_LOSS] == pytest.approx(600) and packet[TIV] == 1000
    assert packet[MEAN] == pytest.approx(200) and packet[DEVIATION] == pytest.approx(200)
    samples = [loss for sidx, loss in packet.items() if sidx > 0]
    assert 70 < len(samples) < 130 and all(200 <= loss <= 600 for loss in samples)  # no loss, no record
    # the random number that debug shows is where the loss lies along the bin
    shown = losses(gulcalc(tmp_path / "m", model.stream(), sample_size=200, alloc_rule=0, debug=True)[0])[
        3, 1
    ]
    for sidx, loss in packet.items():
        if sidx > 0:
            assert loss == pytest.approx(1000 * (0.2 + 0.4 * (shown[sidx] - 0.5) / 0.5), rel=1e-5)


def drawn(seed, n):
    """n uniform numbers of a Mersenne twister, as C++ makes them: NumPy has the generator too."""
    words = np.random.RandomState(seed)._bit_generator.random_raw(2 * n)
    return ((words[0::2].astype("f8") + words[1::2].astype("f8") * 2.0**32) / 2.0**64).astype("f4")


@pytest.mark.parametrize("sample_size", [1, 113, 114, 227, 312, 313, 1000])
def test_random_numbers_are_those_of_the_group_and_event(tmp_path, sample_size):
    groups = [1, 2, 3, 2147483647, -4, -2147483648] + list(range(100, 130))
    model = Portfolio(
        [(i + 1, 1, 9, 9, g) for i, g in enumerate(groups)],
        [100],
        [(0, 1)],
        [(event, 9, 9, [2.0], [0.5]) for event in (1, 7, 2147483647)],
    )
    found = losses(
        gulcalc(
            model.write(tmp_path / "m"),
            model.stream(),
            sample_size=sample_size,
            debug=True,
            seed=5,
            loss_threshold=-1,
        )[0]
    )
    assert len(found) == 3 * len(groups)
    for (event, item), packet in found.items():
        wanted = drawn((groups[item - 1] * 1543270363 + event * 1943272559 + 5) % 2**31, sample_size)
        assert [packet[sidx] for sidx in range(1, sample_size + 1)] == wanted.tolist()


def test_fully_correlated_items_share_the_random_numbers_of_the_event(tmp_path):
    model = Portfolio([(i + 1, 1, 9, 9, i) for i in range(20)], [100], [(0, 1)], [(4, 9, 9, [2.0], [0.5])])
    _, stream = gulcalc(
        model.write(tmp_path / "m"),
        model.stream(),
        ("item", "correlated"),
        sample_size=30,
        debug=True,
        loss_threshold=-1,
    )
    wanted = drawn(4 * 1943272559 % 2**31, 30).tolist()
    for packet in losses(stream).values():
        assert [packet[sidx] for sidx in range(1, 31)] == wanted


def test_areaperil_ids_of_eight_bytes(tmp_path):
    for wide, narrow in zip((make(5, areaperil_bytes=8), make(5, areaperil_bytes=8)), (4, 8)):
        # ids beyond 32 bits are told apart: the same model with small ids gives the same losses
        ids = {
            a: n + 1
            for n, a in enumerate(sorted({item[2] for item in wide.items} | {row[1] for row in wide.cdfs}))
        }
        small = Portfolio(
            [(i, c, ids[a], v, g) for i, c, a, v, g in wide.items],
            wide.tivs,
            wide.bins,
            [(e, ids[a], *rest) for e, a, *rest in wide.cdfs],
            areaperil_bytes=narrow,
        )
        one, two = tmp_path / f"wide{narrow}", tmp_path / f"small{narrow}"
        assert gulcalc(wide.write(one), wide.stream(), sample_size=10, areaperil_bytes=8) == gulcalc(
            small.write(two), small.stream(), sample_size=10, areaperil_bytes=narrow
        )


# Where ktools is wrong or undefined


@pytest.mark.parametrize(
    "rule, output", [(-1, "item"), (0, "coverage"), (1, "item"), (2, "item"), (3, "correlated")]
)
def test_events_stand_alone_whatever_their_ids(model, folder, rule, output):
    """ktools forgets, or mixes into the next, the coverages of an event whose id is not above 0."""
    events = sorted({row[0] for row in model.cdfs})
    ids = dict(zip(events, [-7, 0, -1, 5, -2147483648, 2147483647, -3, 1, 2, 3, 4, 6]))
    model.cdfs = [(ids[row[0]], *row[1:]) for row in model.cdfs]

    def run():
        outputs = ("item", "correlated") if output == "correlated" else (output,)
        return losses(gulcalc(folder, model.stream(), outputs, sample_size=5, alloc_rule=rule)[-1])

    together, cdfs = run(), model.cdfs
    assert len({event for event, _ in together}) == len(events)
    for event in ids.values():
        model.cdfs = [row for row in cdfs if row[0] == event]
        assert run() == {key: packet for key, packet in together.items() if key[0] == event}


def test_random_file_goes_round(tmp_path):
    """ktools reads outside the table for negative groups, and when there are more samples than numbers."""
    numbers = (np.arange(7) / 8).astype("f4")
    groups = [-5, -1, 0, 1, 6, 2147483647, -2147483648]
    model = Portfolio(
        [(i + 1, 1, 9, 9, g) for i, g in enumerate(groups)],
        [100],
        [(0, 1)],
        [(event, 9, 9, [2.0], [0.5]) for event in (-9, 1, 2)],
        numbers,
    )
    found = losses(
        gulcalc(
            model.write(tmp_path / "m"),
            model.stream(),
            sample_size=30,
            random="file",
            debug=True,
            loss_threshold=-1,
        )[0]
    )
    p1, p2, p3 = 5, 7, 31  # the primes after 7 // 2, after p1 and after 30
    assert len(found) == 3 * len(groups)
    for (event, item), packet in found.items():
        start = groups[item - 1] * p1 * p3 + event * p2
        assert [packet[sidx] for sidx in range(1, 31)] == [numbers[(start + k) % 7] for k in range(30)]


def test_rule_3_leaves_a_coverage_without_value_alone(tmp_path):
    """Debug output has random numbers on it; ktools makes them NaN."""
    model = Portfolio([(1, 1, 9, 9, 1)], [0], [(0, 1)], [(1, 9, 9, [1.0], [0.5])])
    folder = model.write(tmp_path / "m")
    one, three = (
        losses(gulcalc(folder, model.stream(), sample_size=10, alloc_rule=rule, debug=True)[0])
        for rule in (1, 3)
    )
    assert one == three and len(one[1, 1]) > 8


def test_coverage_output_beside_an_allocation_rule_is_left_out(model, folder):
    with pytest.warns(UserWarning, match="allocation rule 1 gives no coverage losses"):
        item, coverage = gulcalc(folder, model.stream(), ("item", "coverage"), sample_size=2, alloc_rule=1)
    assert coverage == b"" and item == gulcalc(folder, model.stream(), sample_size=2, alloc_rule=1)[0]


def test_without_seed_the_clock_seeds_the_cached_vector(model, folder):
    (stream,) = gulcalc(folder, model.stream(), sample_size=2, random="cached")
    assert stream[:8] == struct.pack("<ii", 1 << 24 | 1, 2) and len(stream) > 1000


def test_correlated_output_named_minus_is_a_file(tmp_path, monkeypatch, model, folder):
    monkeypatch.chdir(tmp_path)
    item = io.BytesIO()
    stages.gulcalc(model.stream(), item=item, correlated="-", sample_size=2, root=str(folder))
    assert (tmp_path / "-").read_bytes()[:8] == struct.pack("<ii", 2 << 24 | 1, 2)


# Errors


@pytest.mark.parametrize(
    "keywords, said",
    [
        ({"sample_size": -2}, "the sample size is -2, expected -1 to 16777216"),
        ({"sample_size": 2**24 + 1}, "the sample size is 16777217, expected -1 to 16777216"),
        ({"alloc_rule": 4}, "the allocation rule is 4, expected"),
        ({"seed": 2**31}, "the random seed is 2147483648, expected"),
        ({"loss_threshold": float("nan")}, "the loss threshold is not a number"),
        ({"random": "dice"}, "unknown source of random numbers 'dice'"),
        ({"random": "cached", "vector_size": 0}, "the vector of random numbers has 0 numbers, expected 1"),
    ],
)
def test_options_out_of_range(model, folder, keywords, said):
    with pytest.raises(UsageError, match=said):
        gulcalc(folder, model.stream(), **keywords)


def test_no_output_is_a_usage_error(model, folder):
    with pytest.raises(UsageError, match="no output option selected"):
        gulcalc(folder, model.stream(), ("correlated",))
    with (
        pytest.warns(UserWarning, match="ignoring the coverage output"),
        pytest.raises(UsageError, match="no output option selected"),
    ):
        gulcalc(folder, model.stream(), ("coverage",), alloc_rule=1)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("rule", [-1, 0, 1])
def test_cdfs_that_are_no_numbers(tmp_path, bad, rule):
    """ktools writes losses of NaN, or of a bin that was never drawn; here nothing of the event goes out."""
    for prob_to, mean in (([0.5, bad], [0.1, 0.2]), ([0.5, 1.0], [0.1, bad])):
        cdfs = [(6, 9, 9, [1.0], [0.5]), (7, 9, 9, [1.0], [0.5]), (7, 9, 8, prob_to, mean)]
        model = Portfolio([(1, 1, 9, 9, 1)], [100], [(0, 0.5), (0.5, 1)], cdfs)
        folder, out = tmp_path / "model", io.BytesIO()
        if not folder.exists():
            model.write(folder)
        said = f"event 7, areaperil 9, vulnerability 8: damage bin 2 has the probability {prob_to[1]} and "
        with pytest.raises(DataError, match=f"{said}the mean .*, expected numbers"):
            stages.gulcalc(model.stream(), item=out, sample_size=2, alloc_rule=rule, root=str(folder))
        assert {event for event, _ in losses(out.getvalue())} == {6}


@pytest.mark.parametrize(
    "name, spoil, said",
    [
        (
            "input/items.bin",
            lambda b: b[:-3],
            r"items.bin: byte 1180: the file ends inside record 60: expected 20 bytes .* found 17",
        ),
        (
            "input/items.bin",
            lambda b: b[:24] + struct.pack("<i", 99) + b[28:],
            r"items.bin: byte 20: record 2: coverage_id is 99, expected 1 to 15 \(.*coverages.bin\)",
        ),
        (
            "input/items.bin",
            lambda b: b[:4] + bytes(4) + b[8:],
            r"items.bin: byte 0: record 1: coverage_id is 0, expected 1 to 15",
        ),
        (
            "input/coverages.bin",
            lambda b: b[:-1],
            r"coverages.bin: byte 56: the file ends inside record 15: expected 4 bytes, found 3",
        ),
        (
            "input/coverages.bin",
            lambda b: b[:8] + struct.pack("<f", float("nan")) + b[12:],
            r"coverages.bin: byte 8: record 3: the TIV is nan, expected a number",
        ),
        (
            "static/damage_bin_dict.bin",
            lambda b: b[:30],
            r"damage_bin_dict.bin: byte 20: the file ends inside record 2",
        ),
        (
            "static/damage_bin_dict.bin",
            lambda b: b[:4] + struct.pack("<f", float("inf")) + b[8:],
            r"damage_bin_dict.bin: byte 0: record 1: the damage bin goes from inf to 0.0, expected numbers",
        ),
        (
            "static/damage_bin_dict.bin",
            lambda b: b[:20],
            r"event \d+, areaperil \d+, vulnerability -?\d+: the cdf has \d+ damage bins, expected 1 to 1 ",
        ),
        (
            "static/random.bin",
            lambda b: b"",
            r"random.bin: byte 0: expected numbers of 4 bytes each, at least one; found 0 bytes",
        ),
        ("static/random.bin", lambda b: b[:10], r"random.bin: byte 8: expected numbers of 4 bytes each"),
    ],
)
def test_tables_that_cannot_be_used(model, folder, name, spoil, said):
    (folder / name).write_bytes(spoil((folder / name).read_bytes()))
    with pytest.raises(DataError, match=said):
        gulcalc(folder, model.stream(), sample_size=3, random="file")


@pytest.mark.parametrize(
    "name", ["input/items.bin", "input/coverages.bin", "static/damage_bin_dict.bin", "static/random.bin"]
)
def test_missing_tables(model, folder, name):
    (folder / name).unlink()
    with pytest.raises(InputError, match=name):
        gulcalc(folder, model.stream(), sample_size=3, random="file")


@pytest.mark.parametrize("rule", [0, 1])
def test_no_part_of_an_event_goes_out(model, folder, rule):
    """Of a stream that ends inside an event's cdfs, the events before that one have gone out, and nothing of
    it."""
    stream = model.stream()
    complete = losses(gulcalc(folder, stream, sample_size=3, alloc_rule=rule)[0])
    order = list(dict.fromkeys(row[0] for row in model.cdfs))
    for cut in range(len(stream) - 1, len(stream) // 2, -997):
        sink = Sink.memory()
        stage = GulCalc(
            *(Mapped(folder / TABLES[name].path) for name in ("items", "coverages", "damage_bin_dict")),
            sample_size=3,
            alloc_rule=rule,
        )
        stage.item = LossEncoder(sink, merge=True)
        with pytest.raises(TruncatedError):
            CdfDecoder(Source(stream[:cut]), whole_events=rule == 0).run(stage)
        found = losses(sink.getvalue())
        events = {event for event, _ in found}
        assert order[: len(events)] == [event for event in order if event in events]
        assert found == {key: packet for key, packet in complete.items() if key[0] in events}


def test_a_cdf_beyond_the_dictionary_stops_its_event(tmp_path):
    model = Portfolio(
        [(1, 1, 5, 6, 7)],
        [1000],
        [(0, 0), (0.2, 0.6)],
        [(3, 5, 6, [0.5, 1.0], [0.0, 0.4]), (3, 1, 1, [0.2, 0.5, 1.0], [0.0, 0.4, 0.5])],
    )
    with pytest.raises(
        DataError, match="event 3, areaperil 1, vulnerability 1: the cdf has 3 damage bins, expected 1"
    ):
        gulcalc(model.write(tmp_path / "m"), model.stream(), sample_size=3)


def test_empty_stream_of_cdfs_gives_headers(model, folder):
    item, coverage = gulcalc(folder, struct.pack("<i", 1), ("item", "coverage"), sample_size=3)
    assert item == struct.pack("<ii", 1 << 24 | 1, 3) and coverage == struct.pack("<ii", 1 << 24 | 2, 3)


def test_script_speaks_as_the_function_does(tool, run, model, folder):
    stream = model.stream()
    status, out, err = run([tool("gulcalc"), "-S5", "-a1", "-i", "-"], stream, cwd=folder)
    assert (status, err) == (0, "") and out == gulcalc(folder, stream, sample_size=5, alloc_rule=1)[0]
    assert run([tool("gulcalc"), "-S5"], stream, cwd=folder)[0] == 2
    assert run([tool("gulcalc"), "-S5", "-a4", "-i", "-"], stream, cwd=folder)[0] == 2
    assert run([tool("gulcalc"), "-S5", "-i", "-"], stream, cwd=folder / "input")[0] == 3
