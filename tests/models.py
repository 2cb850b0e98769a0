"""Small random catastrophe models for tests: a seed and a few sizes -> complete input/ and static/ folders.

    model = make(seed, n_events=20, n_items=50, uncertain=True)
    write(model, folder, footprint="sized", vulnerability="indexed")

The files are laid out here by hand (see the layouts in ktc/schemas/tables.py), not by the code under test.
"""

import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

FOOTPRINTS = ("plain", "compressed", "sized")
VULNERABILITIES = ("plain", "indexed", "compressed")


@dataclass
class Model:
    """The tables of one model, as arrays and lists. A test may change them before it writes them."""

    n_intensity: int
    n_damage: int
    uncertain: bool
    events: np.ndarray  # event ids to run
    items: list  # (item_id, coverage_id, areaperil_id, vulnerability_id, group_id)
    tiv: np.ndarray  # by coverage
    damage_bins: list  # (bin_index, bin_from, bin_to, interpolation, interval_type)
    footprint: dict  # event id -> (areaperil ids, intensity bins, probabilities)
    vulnerability: dict  # vulnerability id -> (intensity bins, damage bins, probabilities)
    summaries: list  # (item_id, summary_id, summaryset_id)
    random: np.ndarray  # uniform numbers

    def events_bin(self):
        """input/events.bin, which is also what eve would write for one process."""
        return self.events.astype("<i4").tobytes()


def damage_dictionary(rng, n):
    """n damage bins: point masses at 0 and 1 where there is room, means off the middle here and there."""
    edges = np.linspace(0, 1, max(n - 1, 2), dtype="f4")
    bins = [(0.0, 0.0)] + [(float(a), float(b)) for a, b in zip(edges[:-1], edges[1:])] + [(1.0, 1.0)]
    bins = bins[:n] if n > 1 else [(0.0, 1.0)]
    out = []
    for k, (low, high) in enumerate(bins):
        at = 0.5 if rng.random() < 0.7 else rng.uniform(0.1, 0.9)
        out.append((k + 1, low, high, low + (high - low) * at, 1202 if low == high else 1200))
    return out


def share_out(rng, n, total=1.0):
    """n probabilities with the sum `total`."""
    p = rng.dirichlet(np.full(n, 0.5))
    return (p * total).astype("f4")


def make(
    seed,
    *,
    n_events=12,
    n_areaperils=20,
    n_vulnerabilities=4,
    n_items=30,
    n_intensity=6,
    n_damage=8,
    uncertain=True,
    items_per_coverage=2,
    items_per_group=3,
    intensities_per_areaperil=4,
    footprint_share=0.6,
    insured_share=0.7,
    missing_events=0.15,
    sub_one=0.2,
    odd_ids=False,
    irregular=False,
):
    """A random Model.

    footprint_share: of all areaperils, those an event touches. insured_share: of all areaperils, those with
    items. missing_events: of the events to run, those not in the footprint. sub_one: of the cdfs, those that
    end below 1. odd_ids: ids across the whole range of their type, negative ones included. irregular:
    footprints with probabilities of 0, intensity bins given twice or out of order, and areaperils in several
    runs.
    """
    rng = np.random.default_rng(seed)

    def ids(n, low, high):
        return rng.choice(high - low, n, replace=False) + low if odd_ids else np.arange(1, n + 1)

    event_ids = ids(n_events, -(2**31), 2**31 - 1)
    areaperils = np.sort(ids(n_areaperils, 1, 2**32 - 1)).astype(np.int64)
    vulnerabilities = ids(n_vulnerabilities, -(2**31), 2**31 - 1)

    insured = rng.choice(areaperils, max(1, int(n_areaperils * insured_share)), replace=False)
    items = [
        (
            k + 1,
            k // items_per_coverage + 1,
            int(rng.choice(insured)),
            int(rng.choice(vulnerabilities)),
            int(rng.integers(1, max(2, n_items // items_per_group + 1))),
        )
        for k in range(n_items)
    ]
    n_coverages = (n_items - 1) // items_per_coverage + 1 if n_items else 0
    tiv = np.where(rng.random(n_coverages) < 0.1, 0, np.round(rng.lognormal(11, 2, n_coverages), 2)).astype(
        "f4"
    )

    vulnerability = {}
    for v in sorted(int(v) for v in vulnerabilities):
        rows = []
        for i in range(
            1, n_intensity + 1 + int(rng.integers(0, 2))
        ):  # at times one more than the footprint has
            fate = rng.random()
            if fate < 0.05 and i > 1:
                continue  # no rows for this intensity
            first = int(rng.integers(0, n_damage))
            n = int(rng.integers(1, n_damage - first + 1))
            p = np.zeros(n_damage, "f4")
            if fate > 0.1:
                p[first : first + n] = share_out(
                    rng, n, rng.uniform(0.2, 0.99) if rng.random() < sub_one else 1.0
                )
            keep = np.arange(n_damage) if rng.random() < 0.5 else np.flatnonzero(p)
            rows += [(i, int(d) + 1, float(p[d])) for d in keep]
        if not rows or rows[0][0] > n_intensity:
            rows.insert(0, (1, 1, 1.0))
        vulnerability[v] = tuple(np.array(column, t) for column, t in zip(zip(*rows), ("i4", "i4", "f4")))

    footprint = {}
    for e in event_ids:
        if rng.random() < missing_events:
            continue
        a = areaperils[rng.random(n_areaperils) < footprint_share]
        if uncertain:
            n = rng.integers(1, min(intensities_per_areaperil, n_intensity) + 1, len(a))
            first = rng.integers(1, n_intensity - n + 2)
            within = np.arange(n.sum()) - np.repeat(np.cumsum(n) - n, n)
            bins = np.repeat(first, n) + within
            weight = rng.exponential(size=len(bins)) + 1e-6
            p = weight / np.repeat(np.add.reduceat(weight, np.cumsum(n) - n), n) if len(a) else weight
            a = np.repeat(a, n)
        else:
            bins, p = rng.integers(1, n_intensity + 1, len(a)), np.ones(len(a))
        if irregular and len(a):
            again = rng.integers(0, len(a), len(a) // 4 + 1)
            where = rng.integers(0, len(a) + 1, len(again))
            a = np.insert(a, where, a[again])
            bins = np.insert(bins, where, rng.integers(1, n_intensity + 1, len(again)))
            p = np.where(rng.random(len(a)) < 0.1, 0, np.insert(p, where, rng.random(len(again))))
        footprint[int(e)] = (a, bins.astype("i4"), p.astype("f4"))

    summaries = [(item[0], 1 + int(rng.integers(0, 3)), 1) for item in items] + [
        (item[0], 1, 2) for item in items
    ]
    return Model(
        n_intensity,
        n_damage,
        uncertain,
        np.asarray(event_ids),
        items,
        tiv,
        damage_dictionary(rng, n_damage),
        footprint,
        vulnerability,
        summaries,
        rng.random(4096).astype("f4"),
    )


def records(kinds, *columns):
    """Packed records of the given NumPy types, a column each, as bytes."""
    table = np.zeros(len(columns[0]), [(f"f{k}", "<" + kind) for k, kind in enumerate(kinds.split())])
    for k, column in enumerate(columns):
        table[f"f{k}"] = column
    return table.tobytes()


def pack_rows(format, rows):
    return b"".join(struct.pack(format, *row) for row in rows)


def write_footprint(model, static, variant="plain", areaperil_bytes=4):
    """footprint.bin and footprint.idx, or both with .z."""
    sized, zipped = variant == "sized", variant != "plain"
    body, index, offset = [], [], 8
    for event, columns in model.footprint.items():
        rows = records(f"u{areaperil_bytes} i4 f4", *columns)
        packed = zlib.compress(rows) if zipped else rows
        index.append(
            struct.pack("<iqq", event, offset, len(packed)) + (struct.pack("<q", len(rows)) if sized else b"")
        )
        body.append(packed)
        offset += len(packed)
    suffix = ".z" if zipped else ""
    header = struct.pack("<ii", model.n_intensity, model.uncertain | sized << 1)
    (static / f"footprint.bin{suffix}").write_bytes(header + b"".join(body))
    (static / f"footprint.idx{suffix}").write_bytes(b"".join(index))


def write_vulnerability(model, static, variant="plain"):
    """vulnerability.bin, with vulnerability.idx, or both with .z."""
    body, index, offset = [], [], 4
    for v, columns in model.vulnerability.items():
        if variant == "plain":
            rows = records("i4 i4 i4 f4", np.full(len(columns[0]), v), *columns)
        else:
            rows = records("i4 i4 f4", *columns)
        packed = zlib.compress(rows) if variant == "compressed" else rows
        index.append(
            struct.pack("<iqqq", v, offset, len(packed), len(rows) if variant == "compressed" else 0)
        )
        body.append(packed)
        offset += len(packed)
    suffix = ".z" if variant == "compressed" else ""
    (static / f"vulnerability.bin{suffix}").write_bytes(struct.pack("<i", model.n_damage) + b"".join(body))
    if variant != "plain":
        (static / f"vulnerability.idx{suffix}").write_bytes(b"".join(index))


def write(model, folder, footprint="plain", vulnerability="plain", areaperil_bytes=4):
    """Write the whole model below folder and return folder as a Path."""
    folder = Path(folder)
    inputs, static = folder / "input", folder / "static"
    for place in (inputs, static):
        place.mkdir(parents=True, exist_ok=True)
    (inputs / "events.bin").write_bytes(model.events_bin())
    (inputs / "items.bin").write_bytes(pack_rows("<iiIii" if areaperil_bytes == 4 else "<iiQii", model.items))
    (inputs / "coverages.bin").write_bytes(model.tiv.astype("<f4").tobytes())
    (inputs / "gulsummaryxref.bin").write_bytes(pack_rows("<iii", model.summaries))
    (static / "damage_bin_dict.bin").write_bytes(pack_rows("<ifffi", model.damage_bins))
    (static / "random.bin").write_bytes(model.random.astype("<f4").tobytes())
    write_footprint(model, static, footprint, areaperil_bytes)
    write_vulnerability(model, static, vulnerability)
    return folder
