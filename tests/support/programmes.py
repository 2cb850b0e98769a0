"""Small random insurance programmes and loss streams for tests: a seed and a few sizes -> the tables fmcalc
reads.

    programme = make(seed, n_items=12, levels=3, layers=2)
    write(programme, folder)                            # fmcalc -p folder < losses
    losses = stream(seed, programme, events=3, samples=10)
    kind, samples, rows = decode(losses)

The files are laid out here by hand (see the layouts in ktc/schemas/tables.py), not by the code under test.
"""

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LOSS_STREAM, ITEM_STREAM = 0x02000001, 0x01000001
TIV, MEAN = -3, -1
NONE = 1e12  # a limit that is none

# The terms a rule uses: a is an amount, r a share between 0 and 1. Terms it does not use are filled with
# noise.
TERMS = ("deductible1", "deductible2", "deductible3", "attachment", "limit", "share1", "share2", "share3")
RULES = {
    1: "a...a...",
    2: "a..aar..",
    3: "a...a...",
    4: "r...a...",
    5: "r...r...",
    6: "r.......",
    7: "aaa.a...",
    8: "aa..a...",
    9: "r...a...",
    10: "a.a.....",
    11: "aa......",
    12: "a.......",
    13: "aaa.....",
    14: "....a...",
    15: "a...r...",
    16: "r.......",
    17: "r..aar..",
    18: "r..aar..",
    19: "raa.....",
    20: "a.......",
    21: "raa.....",
    22: "....arrr",
    23: "....a.rr",
    24: "...aarrr",
    25: ".....rrr",
    26: "raa.a...",
    33: "r...a...",
    34: "a..a.r..",
    35: "raa.r...",
    36: "aaa.r...",
    100: "........",
}
STEPPED = (2, 12, 14, 27, 28, 29, 30, 31, 32, 34, 37, 38, 100)
STEPS = (27, 28, 29, 30, 31, 32, 37, 38)  # of these a profile may hold several, its steps
BACK_ALLOCATED = (
    3,
    12,
    14,
    20,
    22,
    23,
    24,
    25,
    2,
    34,
)  # rules that keep the retained loss, so fit for net losses

PROFILE = "<ii8f"
PROFILE_STEP = "<ii8fi7f"


@dataclass
class Programme:
    """The tables of one programme, as lists. A test may change them before it writes them."""

    programme: list  # (from_agg_id, level_id, to_agg_id)
    policytc: list  # (level_id, agg_id, layer_id, profile_id)
    profiles: list  # (profile_id, calcrule_id, *TERMS), stepped ones with 8 more
    xref: list  # (output_id, agg_id, layer_id)
    tiv: list = None  # by coverage; None: no coverages.bin and no items.bin
    coverage: list = None  # by item: its coverage
    stepped: bool = False
    n_items: int = 0

    def __post_init__(self):
        self.n_items = self.n_items or max(row[0] for row in self.programme if row[1] == 1)

    @property
    def levels(self):
        return max(row[1] for row in self.programme)

    @property
    def layers(self):
        return max(row[2] for row in self.policytc)

    def last_aggregates(self):
        """By item, from 1: its aggregate of the last level."""
        parents = {row[:2]: row[2] for row in self.programme}
        out = np.arange(self.n_items + 1)
        for level in range(1, self.levels + 1):
            out = np.array([0] + [parents[int(a), level] for a in out[1:]])
        return out


def pack_rows(format, rows):
    return b"".join(struct.pack(format, *row) for row in rows)


def write(programme, folder):
    """Write the files of a programme into folder and return folder as a Path."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "fm_programme.bin").write_bytes(pack_rows("<iii", programme.programme))
    (folder / "fm_policytc.bin").write_bytes(pack_rows("<iiii", programme.policytc))
    (folder / "fm_xref.bin").write_bytes(pack_rows("<iii", programme.xref))
    if programme.stepped:
        (folder / "fm_profile_step.bin").write_bytes(pack_rows(PROFILE_STEP, programme.profiles))
    else:
        (folder / "fm_profile.bin").write_bytes(pack_rows(PROFILE, programme.profiles))
    if programme.tiv is not None:
        (folder / "coverages.bin").write_bytes(np.asarray(programme.tiv, "<f4").tobytes())
        (folder / "items.bin").write_bytes(
            pack_rows("<iiIii", ((k + 1, c, 1, 1, k + 1) for k, c in enumerate(programme.coverage)))
        )
    return folder


def encode(rows, samples, kind=LOSS_STREAM, last_terminator=True):
    """A stream from (event_id, id, [(sidx, loss), ...]) packets."""
    out = [struct.pack("<Ii", kind, samples)]
    for event, key, records in rows:
        out.append(struct.pack("<ii", event, key))
        out += [struct.pack("<if", *record) for record in records]
        out.append(bytes(8))
    if rows and not last_terminator:
        out.pop()
    return b"".join(out)


def decode(data):
    """(kind, sample size, rows with the fields event, id, sidx, loss) of a stream."""
    kind, samples = struct.unpack_from("<Ii", data)
    pairs = np.frombuffer(data, "<i4", offset=8).reshape(-1, 2)
    if len(pairs) and pairs[-1, 0]:
        pairs = np.concatenate([pairs, np.zeros((1, 2), "<i4")])  # the last terminator may be missing
    ends = np.flatnonzero(pairs[:, 0] == 0)  # no event has the id 0
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    counts = ends - starts - 1
    rows = np.zeros(counts.sum(), [("event", "i4"), ("id", "i4"), ("sidx", "i4"), ("loss", "f4")])
    rows["event"], rows["id"] = np.repeat(pairs[starts], counts, axis=0).T
    inside = np.ones(len(pairs), bool)
    inside[starts] = inside[ends] = False
    rows["sidx"] = pairs[inside, 0]
    rows["loss"] = np.ascontiguousarray(pairs[inside, 1]).view("f4")
    return kind, samples, rows


def grid(rng, scale, n=None):
    """Amounts around scale, half of them on a coarse grid so that ties between losses and terms come up."""
    ties, others = scale * rng.integers(1, 9, n) / 4, np.round(scale * rng.lognormal(-0.5, 1, n), 2)
    return np.where(rng.random(n) < 0.5, ties, others).astype("f4")


def amount(rng, scale):
    """A deductible, attachment or limit: at times nothing, at times more than any loss."""
    fate = rng.random()
    return 0.0 if fate < 0.15 else NONE if fate < 0.25 else float(grid(rng, scale / 2))


def share(rng):
    fate = rng.random()
    return (
        0.0 if fate < 0.1 else 1.0 if fate < 0.25 else 0.5 if fate < 0.4 else float(np.float32(rng.random()))
    )


def terms(rng, rule, scale):
    """The terms of one rule for losses around scale."""
    values = [
        amount(rng, scale)
        if use == "a"
        else share(rng)
        if use == "r"
        else float(rng.choice([0, 0, -1, scale]))
        for use in RULES[rule]
    ]
    if RULES[rule][1:3] == "aa" and values[1] > values[2] > 0 and rng.random() < 0.8:
        values[1:3] = values[2:0:-1]  # the least deductible below the greatest
    return values


def steps(rng, rules, scale, n_steps):
    """The steps of one stepped profile, as the columns behind profile_id."""
    first = int(rng.choice(rules))
    if first not in STEPS:
        return [(first, *terms(rng, first, scale), 0, *[0.0] * 7)]
    edges = np.sort(rng.random(n_steps - 1)).round(2)
    out = []
    for k in range(n_steps):
        rule = first if rng.random() < 0.5 else int(rng.choice([r for r in rules if r in STEPS]))
        start, end = (0.0, *edges)[k], (*edges, 1.0)[k]
        if rng.random() < 0.3:
            start, end = 0.0, 1.0  # steps that overlap, and the conditional ones
        if rule == 32:
            start = amount(rng, scale)
        payout = amount(rng, scale) if rule == 31 else share(rng)
        out.append(
            (
                rule,
                amount(rng, scale / 8),
                0.0,
                0.0,
                0.0,
                amount(rng, scale * 2),
                0.0,
                0.0,
                0.0,
                k + 1,
                start,
                end,
                payout,
                share(rng),
                amount(rng, scale),
                share(rng),
                share(rng),
            )
        )
    return out


def tree(rng, n_items, levels, shape):
    """(programme records, aggregates by level). shape: how each level groups the one below, or "random"."""
    records, below, counts = [], np.arange(1, n_items + 1), []
    for level in range(1, levels + 1):
        kind = shape if shape != "random" else rng.choice(["each", "all", "some", "some", "some"])
        if kind == "each":
            groups = rng.permutation(len(below)) + 1
        elif kind == "all":
            groups = np.ones(len(below), int)
        else:
            n = int(rng.integers(1, len(below) + 1))
            groups = rng.permutation(np.concatenate([np.arange(n), rng.integers(0, n, len(below) - n)])) + 1
        records += [(int(a), level, int(g)) for a, g in zip(below, groups)]
        below = np.arange(1, groups.max() + 1)
        counts.append(len(below))
    return records, counts


def make(
    seed,
    n_items=12,
    levels=2,
    layers=1,
    *,
    rules=None,
    stepped=False,
    shape="random",
    ragged=False,
    lower_layers=1,
    bare=0.0,
    xref="items",
    order="shuffled",
    merged=0.0,
    missing=0.0,
    unnamed=0.0,
    coverages=True,
    items_per_coverage=2,
    zero_tiv=0.1,
    profiles=8,
    n_steps=4,
    scale=1000.0,
):
    """A random Programme.

    rules: calculation rules to draw from, all by default; a list of lists draws level by level. shape: "each"
    (one to one), "all" (all in one), "some" or "random". layers: of the last level; ragged: of some
    aggregates only. lower_layers: of the levels below. bare: of the last level's aggregates, those without
    terms (its last one has some). xref: "items" for back-allocated losses, "aggregates" for those that are
    not. order: of output ids, "items", "layers" or "shuffled". merged: of the pairs, those whose outputs are
    drawn once more, so that some share one. missing: of the pairs, those without an output. unnamed: of the
    layers, those whose outputs are all missing; the highest has some in any case. coverages: write
    coverages.bin and items.bin. profiles: for each level to draw from. n_steps: of a stepped profile. scale:
    of the losses of an item.
    """
    rng = np.random.default_rng(seed)
    rules = list(rules or (STEPPED if stepped else RULES))
    by_level = rules if isinstance(rules[0], (list, tuple)) else [rules] * levels
    programme, counts = tree(rng, n_items, levels, shape)

    table, policytc = [], []
    for level in range(1, levels + 1):
        size = max(1, n_items / counts[level - 1]) * scale
        ids = []
        for _ in range(profiles):
            profile_id = (table[-1][0] if table else 0) + 1
            ids.append(profile_id)
            if stepped:
                table += [(profile_id, *step) for step in steps(rng, by_level[level - 1], size, n_steps)]
            else:
                rule = int(rng.choice(by_level[level - 1]))
                table.append((profile_id, rule, *terms(rng, rule, size)))
        for agg in range(1, counts[level - 1] + 1):
            n = layers if level == levels else lower_layers
            n = int(rng.integers(1, n + 1)) if ragged and level == levels else n
            policytc += [(level, agg, layer, int(rng.choice(ids))) for layer in range(1, n + 1)]
    if ragged:
        policytc.append((levels, counts[-1], layers, table[-1][0]))
        policytc = list({row[:3]: row for row in policytc}.values())

    n_coverages = (n_items - 1) // items_per_coverage + 1
    tiv = np.where(rng.random(n_coverages) < zero_tiv, 0, grid(rng, 10 * scale, n_coverages)).tolist()
    coverage = [k // items_per_coverage + 1 for k in range(n_items)]

    keys = range(1, (n_items if xref == "items" else counts[-1]) + 1)
    pairs = [(k, layer) for k in keys for layer in range(1, layers + 1)]
    if order == "layers":
        pairs.sort(key=lambda pair: pair[::-1])
    elif order == "shuffled":
        pairs = [pairs[k] for k in rng.permutation(len(pairs))]
    outputs = np.arange(1, len(pairs) + 1)
    outputs = np.where(rng.random(len(pairs)) < merged, rng.permutation(outputs), outputs)
    rows = [(int(out), *pair) for out, pair in zip(outputs, pairs) if pair[0] == 1 or rng.random() >= missing]
    # Other seeds than those of the terms, so that a programme is the same one with and without
    rng = np.random.default_rng([seed, 3])
    named = {layers, *(layer for layer in range(1, layers) if rng.random() >= unnamed)}
    rows = [row for row in rows if row[2] in named]
    without = {agg for agg in range(1, counts[-1]) if rng.random() < bare}
    policytc = [row for row in policytc if row[0] < levels or row[1] not in without]

    shuffled = [[part[k] for k in rng.permutation(len(part))] for part in (programme, policytc, rows)]
    return Programme(
        shuffled[0],
        shuffled[1],
        table,
        shuffled[2],
        tiv if coverages else None,
        coverage if coverages else None,
        stepped,
        n_items,
    )


def stream(
    seed,
    programme,
    events=3,
    samples=10,
    *,
    kind=LOSS_STREAM,
    absent=0.2,
    missing=0.3,
    zeros=0.1,
    zero_samples=0.1,
    specials=(-5, TIV, -2, MEAN),
    extremes=0.05,
    shuffled=True,
    last_terminator=True,
    scale=1000.0,
):
    """A random loss stream for a programme, laid out as gulcalc writes it, but for the order of items.

    absent: of the items, those an event lacks. missing: of an item's samples, those not in the stream. zeros:
    of those that are, the ones of 0. zero_samples: of the samples, those at 0 for all items. extremes: of the
    losses, the tiny and the huge. shuffled: items in no order. specials: the sample numbers below 0.
    """
    rng = np.random.default_rng([seed, 1])
    packets = []
    for event in rng.permutation(events) + 1:
        items = [int(k) + 1 for k in np.flatnonzero(rng.random(programme.n_items) >= absent)] or [1]
        if shuffled:
            rng.shuffle(items)
        shut = set((np.flatnonzero(rng.random(samples) < zero_samples) + 1).tolist())
        for item in items:
            losses = grid(rng, scale, samples + 1)
            wild = rng.random(samples + 1) < extremes
            losses = np.where(wild, rng.choice(np.array([1e-7, 1e9], "f4"), samples + 1), losses)
            losses = np.where(rng.random(samples + 1) < zeros, 0, losses).tolist()
            if programme.tiv is None:
                tiv = float(grid(rng, 10 * scale))
            else:
                tiv = programme.tiv[programme.coverage[item - 1] - 1]
            special = {-5: max(losses), -4: 1.0, TIV: tiv, -2: 0.5 * losses[0], MEAN: losses[0]}
            records = [(s, special[s]) for s in specials]
            records += [
                (k, 0.0 if k in shut else losses[k])
                for k in range(1, samples + 1)
                if rng.random() >= missing and (k not in shut or rng.random() < 0.2)
            ]
            packets.append((int(event), item, records))
    return encode(packets, samples, kind, last_terminator)
