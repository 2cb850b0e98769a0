"""The cases of gulmc: random models and portfolios of every kind that it reads, and what pytools' gulmc made
of them.

    write(make(seed, hazard_rows=6, aggregates=2), folder, footprint="parquet")
    KTC_ORACLE2=DIR python tests/support/gulmc_cases.py --make           # renews the golden streams

A model comes from a seed by NumPy's RandomState, whose numbers never change, and by arithmetic that is the
same everywhere: only the streams are stored, each with a digest of its model. Files are laid out here by hand
(see the layouts in ktc/schemas/tables.py), not by the code under test.
"""

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.models import pack_rows, write_footprint, write_vulnerability

GOLDEN = Path(__file__).parents[1] / "golden_gulmc" / "streams.npz"
LARGEST = 20_000  # bytes of a stored stream; a longer one is stored as its SHA-256
FIRST_AGGREGATE, FIRST_CONDITIONAL = 1001, 501
PERILS = ("WSS", "WTC", "QEQ", "OO1")
ITEM_FIELDS = "item_id,coverage_id,areaperil_id,vulnerability_id,group_id"
CORRELATION_FIELDS = (
    "item_id,peril_correlation_group,damage_correlation_value,hazard_group_id,hazard_correlation_value,"
    "source_item_id"
)
FOOTPRINTS = ("plain", "compressed", "sized", "csv", "parquet", "chunks")
VULNERABILITIES = ("plain", "indexed", "csv", "parquet")


@dataclass
class Model:
    """The tables of a model and a portfolio, as arrays and lists. A test may change them before it writes
    them."""

    n_intensity: int
    n_damage: int
    events: np.ndarray  # ids to run
    items: list  # (item_id, coverage_id, areaperil_id, vulnerability_id, group_id)
    correlations: list  # as CORRELATION_FIELDS
    tiv: np.ndarray  # by coverage
    damage_bins: list  # (bin_index, bin_from, bin_to, interpolation, damage_type)
    footprint: dict  # event id -> (areaperil ids, intensity bins, probabilities)
    vulnerability: dict  # vulnerability id -> (intensity bins, damage bins, probabilities)
    aggregates: list = field(default_factory=list)  # (aggregate id, vulnerability id)
    weights: list = field(default_factory=list)  # (areaperil_id, vulnerability_id, weight)
    conditional: list = field(default_factory=list)  # (vulnerability_id, source bin, damage bin, probability)
    keys: list = field(default_factory=list)  # (LocID, PerilID, CoverageTypeID, AreaPerilID, VulnerabilityID)
    adjustments: dict = field(default_factory=dict)  # vulnerability_adjustments of analysis_settings.json
    dynamic: dict = field(default_factory=dict)  # name of a table -> its columns
    uncertain: bool = True

    def digest(self):
        """Of everything in it: says whether a golden stream belongs to it."""
        seen = hashlib.sha256()
        for value in vars(self).values():
            seen.update(repr(plain(value)).encode())
        return seen.hexdigest()[:16]


def plain(value):
    """Arrays and their scalars as Python's own."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, dict):
        return {plain(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value


def shares(rng, n, total=1.0):
    """n probabilities with the sum `total`, none of them 0."""
    weight = rng.randint(1, 1000, n)
    return (weight * (total / weight.sum())).astype("f4")


def damage_dictionary(rng, n, types=(0,), top=1.0):
    """n damage bins from 0 to `top`: points at both ends and one between where there is room, means off the
    middle in most others."""
    width = rng.randint(1, 200, max(n, 4)).astype(float)
    width[0] = 0
    if n > 2:
        width[n - 1] = 0
    if n > 6:
        width[n // 2] = 0
    edges = np.concatenate(([0.0], np.cumsum(width[:n]) * (top / width[:n].sum())))
    out = []
    for k in range(n):
        low, high = np.float32(edges[k]), np.float32(edges[k + 1])
        at = rng.choice([8, 8, 8, 6, 7, 9, 10, 5, 11, 3, 13]) / 16
        mean = np.float32(edges[k] + (edges[k + 1] - edges[k]) * at)
        out.append((k + 1, float(low), float(high), float(mean), int(types[k % len(types)])))
    return out


def vulnerability_rows(rng, n_intensity, n_damage, first=False):
    """(intensity bins, damage bins, probabilities) of a function: gaps, columns that end below 1, intensities
    without rows or beyond the footprint's. first: an intensity's damage begins in the first bin."""
    rows = []
    for intensity in range(1, n_intensity + 1 + rng.randint(2)):
        fate = rng.randint(20)
        if fate == 0 and intensity > 1:
            continue
        low = 0 if first else rng.randint(n_damage)
        high = rng.randint(low, n_damage) + 1
        bins = np.arange(low, high)
        bins = bins[(rng.randint(4, size=len(bins)) > 0) | (bins == low)]
        probability = shares(rng, len(bins), 0.9 if fate == 1 else 1.0)
        rows += [(intensity, int(d) + 1, p) for d, p in zip(bins, probability)]
        if fate == 2 and high < n_damage:
            rows.append((intensity, n_damage, np.float32(0)))
    return tuple(np.array(column, kind) for column, kind in zip(zip(*rows), ("i4", "i4", "f4")))


def footprint_rows(rng, areaperils, n_intensity, hazard_rows, zeros, shuffled):
    """(areaperil ids, intensity bins, probabilities) of an event that touches these areaperils."""
    columns = [[], [], []]
    for areaperil in rng.permutation(areaperils) if shuffled else areaperils:
        n = rng.randint(1, min(hazard_rows, n_intensity) + 1)
        bins = rng.permutation(n_intensity)[:n] + 1
        if not shuffled:
            bins.sort()
        probability = shares(rng, n)
        if zeros and n > 1:
            probability[rng.randint(n)] = 0
        for column, values in zip(columns, ([areaperil] * n, bins, probability)):
            column.extend(values)
    return tuple(np.array(column, kind) for column, kind in zip(columns, ("i8", "i4", "f4")))


def make(
    seed,
    *,
    n_events=6,
    n_areaperils=8,
    n_vulnerabilities=5,
    n_coverages=5,
    items_per_coverage=3,
    n_groups=6,
    n_hazard_groups=4,
    n_perils=3,
    damage_correlation=(0.7, 0.0, 0.25),
    hazard_correlation=(0.4, 0.9, 0.0),
    n_intensity=7,
    n_damage=9,
    hazard_rows=6,
    footprint_share=0.7,
    damage_types=(0,),
    top=1.0,
    aggregates=0,
    zero_tiv=False,
    zeros=False,
    shuffled=False,
    large_ids=False,
    keys=False,
    factors=(),
    replaced=0,
    dependents=0,
    dynamic=False,
    group_zero=False,
):
    """A random Model.

    hazard_rows: at most so many of an areaperil; 1 is a certain hazard. damage_types: of the rows of the
    damage bin dictionary, in turns; top: where its bins end. zeros: rows of probability 0. shuffled:
    footprints whose areaperils and intensities are in no order. keys: keys.csv, without one areaperil.
    factors: of the uniform numbers, by vulnerability; replaced: functions that the settings replace.
    dependents: coverages whose damage follows that of another one. group_zero: items without any correlation
    are in peril correlation group 0.
    """
    rng = np.random.RandomState(seed)
    areaperils = np.sort(rng.permutation(4 * n_areaperils)[:n_areaperils] + 1).astype("i8")
    event_ids = np.sort(rng.permutation(9 * n_events)[:n_events] + 1)
    group_step = 1
    if large_ids:
        areaperils += 2**32 - 200
        event_ids += 2**31 - 200
        group_step = 300_000_007
    insured = areaperils[: max(1, n_areaperils * 3 // 4)]
    vulnerability_ids = [7 * k + 3 for k in range(n_vulnerabilities)]
    damage_bins = damage_dictionary(rng, n_damage, damage_types, top)
    vulnerability = {v: vulnerability_rows(rng, n_intensity, n_damage) for v in vulnerability_ids}

    aggregate_rows, weights = [], []
    aggregate_ids = [FIRST_AGGREGATE + k for k in range(aggregates)]
    for aggregate in aggregate_ids:
        members = rng.permutation(vulnerability_ids)[: 2 + rng.randint(n_vulnerabilities - 1)]
        aggregate_rows += [(aggregate, int(v)) for v in members]
    for position, areaperil in enumerate(areaperils if aggregates else ()):
        for v in vulnerability_ids:
            weight = 0 if position == 0 else rng.choice([0, 0, 1, 1, 1]) * rng.randint(1, 5000) / 997
            if rng.randint(8):
                weights.append((int(areaperil), v, float(np.float32(weight))))

    def correlated(areaperil):
        """The peril correlation group and the two values of an item there."""
        peril = int(areaperil) % n_perils
        values = (
            damage_correlation[peril % len(damage_correlation)],
            hazard_correlation[peril % len(hazard_correlation)],
        )
        return (0 if group_zero and not any(values) else peril + 1, *values)

    items, correlations = [], []
    for coverage in range(1, n_coverages + 1):
        group = rng.randint(n_groups) * group_step + 1
        for _ in range(1 + rng.randint(items_per_coverage)):
            areaperil, item = int(rng.choice(insured)), len(items) + 1
            v = int(rng.choice(aggregate_ids if rng.randint(3) and aggregates else vulnerability_ids))
            items.append((item, coverage, areaperil, v, int(group)))
            peril_group, damage, hazard = correlated(areaperil)
            hazard_group = int(rng.randint(n_hazard_groups) * group_step + 1)
            correlations.append((item, peril_group, damage, hazard_group, hazard, 0))

    conditional = []
    for k in range(dependents):
        coverage = n_coverages + k + 1
        source = 1 + rng.randint(coverage - 1)  # chains and several dependents of one source
        conditional_id = FIRST_CONDITIONAL + k % 2
        for source_item, _, areaperil, _, _ in [each for each in items if each[1] == source]:
            item = len(items) + 1
            items.append((item, coverage, areaperil, conditional_id, int(rng.randint(n_groups)) + 1))
            peril_group, damage, hazard = correlated(areaperil)
            correlations.append(
                (item, peril_group, damage, int(rng.randint(n_hazard_groups)) + 1, hazard, source_item)
            )
    for conditional_id in {FIRST_CONDITIONAL + k % 2 for k in range(dependents)}:
        for source_bin in range(1, n_damage + 1):
            if source_bin % 4 == 2:
                continue  # damage of the source without any of the dependent one
            bins = np.flatnonzero(rng.randint(2, size=n_damage) + (np.arange(n_damage) == source_bin - 1))
            conditional += [
                (conditional_id, source_bin, int(d) + 1, float(p))
                for d, p in zip(bins, shares(rng, len(bins)))
            ]

    tiv = (rng.randint(1_000, 90_000_000, n_coverages + dependents) / 100).astype("f4")
    if zero_tiv:
        tiv[::2] = 0

    footprint = {}
    for position, event in enumerate(event_ids):
        touched = areaperils[rng.random_sample(n_areaperils) < footprint_share]
        if position != 1 and len(touched):  # which is not in the footprint
            footprint[int(event)] = footprint_rows(rng, touched, n_intensity, hazard_rows, zeros, shuffled)
    events = np.concatenate((event_ids[::-1], event_ids[:1])) if shuffled else event_ids

    settings = {}
    if factors:
        settings["adjustments"] = {
            str(v): factor for v, factor in zip([*vulnerability_ids, *aggregate_ids], factors) if factor != 1
        }
    if replaced:
        settings["replace_data"] = {
            str(v): [
                [int(i), int(d), float(p)] for i, d, p in zip(*vulnerability_rows(rng, n_intensity, n_damage))
            ]
            for v in vulnerability_ids[:replaced]
        }
    return Model(
        n_intensity=n_intensity,
        n_damage=n_damage,
        events=events.astype("i4"),
        items=items,
        correlations=correlations,
        tiv=tiv,
        damage_bins=damage_bins,
        footprint=footprint,
        vulnerability=vulnerability,
        aggregates=aggregate_rows,
        weights=weights,
        conditional=conditional,
        keys=key_rows(insured, n_perils) if keys else [],
        adjustments=settings,
        dynamic=dynamic_tables(rng, event_ids, insured, items, n_perils, n_intensity) if dynamic else {},
        uncertain=hazard_rows > 1,
    )


def key_rows(areaperils, n_perils):
    """keys.csv: a row for each areaperil but the last."""
    return [(k + 1, PERILS[int(a) % n_perils], 1, int(a), 1) for k, a in enumerate(areaperils[:-1])]


def dynamic_tables(rng, event_ids, areaperils, items, n_perils, n_intensity):
    """What a dynamic footprint is made of: sections with hazard at return periods, events between them."""
    sections, periods = (1, 2, 3), (10, 50, 100, 250)
    definition = {name: [] for name in ("event_id", "section_id", "rp_from", "rp_to", "interpolation")}
    for event in event_ids:
        for section in sections:
            if rng.randint(4) == 0:
                continue
            low = rng.randint(len(periods) - 1)
            row = (int(event), section, periods[low], periods[low + 1], float(rng.randint(0, 17)) / 16)
            for column, value in zip(definition.values(), row):
                column.append(value)
    case = {name: [] for name in ("section_id", "areaperil_id", "return_period", "intensity", "probability")}
    for k, areaperil in enumerate(areaperils):
        section, realisations = sections[k % len(sections)], 1 + rng.randint(3)
        for step, period in enumerate(periods):
            if rng.randint(8) == 0:
                continue
            for probability in shares(rng, realisations):
                row = (section, int(areaperil), period, int(rng.randint(20) + 12 * step), float(probability))
                for column, value in zip(case.values(), row):
                    column.append(value)
    bins = {"peril_id": [], "intensity": [], "intensity_bin": []}
    for peril in PERILS[:n_perils]:
        for intensity in range(50):
            if intensity % 11 == 10:
                continue  # an intensity without a bin
            row = (peril, intensity, min(n_intensity, 1 + intensity * n_intensity // 48))
            for column, value in zip(bins.values(), row):
                column.append(value)
    adjusted = {
        "item_id": [item[0] for item in items],
        "intensity_adjustment": [int(rng.choice([0, 0, 3, 9, 40])) for _ in items],
        "return_period": [int(rng.choice([0, 0, 50, 100])) for _ in items],
    }
    summary = {
        "item_id": [item[0] for item in items],
        "peril_id": [PERILS[item[2] % n_perils] for item in items],
    }
    return {
        "event_definition": definition,
        "hazard_case": case,
        "intensity_bin_dict": bins,
        "item_adjustments": adjusted,
        "gul_summary_map": summary,
        "sections": {"section_id": list(sections)},
    }


def write(model, folder, footprint="plain", vulnerability="plain", tables="bin", correlations="csv"):
    """Writes a model below a folder; returns the folder as a Path.

    tables: "bin" or "csv" of all that has both; both has twice the same. correlations: "csv", "bin" with
    records of 24 bytes, or "old", of 20.
    """
    folder = Path(folder)
    inputs, static = folder / "input", folder / "static"
    for place in (inputs, static):
        place.mkdir(parents=True, exist_ok=True)
    (inputs / "events.bin").write_bytes(model.events.astype("<i4").tobytes())
    both = {
        inputs / "items": (ITEM_FIELDS, "<iIIiI", model.items),
        inputs / "coverages": ("coverage_id,tiv", "<f", [(float(tiv),) for tiv in model.tiv]),
        static / "damage_bin_dict": (
            "bin_index,bin_from,bin_to,interpolation,damage_type",
            "<ifffi",
            model.damage_bins,
        ),
    }
    if model.aggregates:
        both[static / "aggregate_vulnerability"] = (
            "aggregate_vulnerability_id,vulnerability_id",
            "<ii",
            model.aggregates,
        )
        both[static / "weights"] = ("areaperil_id,vulnerability_id,weight", "<Iif", model.weights)
    if model.conditional:
        both[static / "conditional_vulnerability"] = (
            "vulnerability_id,source_damage_bin,damage_bin,probability",
            "<iiif",
            model.conditional,
        )
    for path, (header, layout, rows) in both.items():
        if tables in ("bin", "both"):
            head = np.int32(model.n_damage).tobytes() if path.name.startswith("conditional") else b""
            path.with_suffix(".bin").write_bytes(head + pack_rows(layout, rows))
        if tables in ("csv", "both"):
            if path.name == "coverages":
                rows = [(k, *row) for k, row in enumerate(rows, 1)]
            path.with_suffix(".csv").write_text(csv(header, rows))
    if correlations == "csv":
        (inputs / "correlations.csv").write_text(csv(CORRELATION_FIELDS, model.correlations))
    else:
        old = correlations == "old"
        rows = [row[:5] if old else row for row in model.correlations]
        (inputs / "correlations.bin").write_bytes(pack_rows("<iifif" if old else "<iififi", rows))
    if model.keys:
        (inputs / "keys.csv").write_text(
            csv("LocID,PerilID,CoverageTypeID,AreaPerilID,VulnerabilityID", model.keys)
        )
    if model.adjustments:
        settings = {
            "model_settings": {},
            "model_supplier_id": "any",
            "model_name_id": "any",
            "number_of_samples": 10,
            "gul_output": True,
            "gul_summaries": [{"id": 1}],
            "vulnerability_adjustments": model.adjustments,
        }
        (folder / "analysis_settings.json").write_text(json.dumps(settings))
    if model.dynamic:
        write_dynamic(model, inputs, static)
    else:
        put_footprint(model, static, footprint)
    put_vulnerability(model, static, vulnerability)
    return folder


def csv(header, rows):
    """A table as text; a number has the digits that bring it back."""
    lines = [",".join(number(value) for value in row) for row in rows]
    return "\n".join([header, *lines]) + "\n"


def number(value):
    return f"{value:.9g}" if isinstance(value, float | np.floating) else str(value)


def put_footprint(model, static, variant):
    """The footprint in one of FOOTPRINTS."""
    if variant in ("plain", "compressed", "sized"):
        write_footprint(model, static, variant)
        return
    columns = {
        "event_id": np.repeat(list(model.footprint), [len(rows[0]) for rows in model.footprint.values()]),
        **{
            name: np.concatenate([rows[k] for rows in model.footprint.values()])
            for k, name in enumerate(("areaperil_id", "intensity_bin_id", "probability"))
        },
    }
    if variant == "csv":
        (static / "footprint.csv").write_text(csv(",".join(columns), zip(*columns.values())))
        return
    kinds = dict(event_id="i4", areaperil_id="u4", intensity_bin_id="i4", probability="f4")
    columns = {name: values.astype(kinds[name]) for name, values in columns.items()}
    meta = {"num_intensity_bins": model.n_intensity, "has_intensity_uncertainty": model.uncertain}
    (static / "footprint_parquet_meta.json").write_text(json.dumps(meta))
    if variant == "parquet":
        for event in model.footprint:
            place = static / "footprint.parquet" / f"event_id={event}"
            place.mkdir(parents=True)
            here = columns["event_id"] == event
            parquet(place / "part.0.parquet", {k: v[here] for k, v in columns.items() if k != "event_id"})
        return
    (static / "footprint_chunk").mkdir()
    events = np.array(list(model.footprint), "i4")
    partition = np.arange(len(events), dtype="i4") // 2
    parquet(static / "footprint_lookup.parquet", {"event_id": events, "partition": partition})
    for part in np.unique(partition):
        here = np.isin(columns["event_id"], events[partition == part])
        parquet(
            static / "footprint_chunk" / f"footprint_{part}.parquet", {k: v[here] for k, v in columns.items()}
        )


def put_vulnerability(model, static, variant):
    """The vulnerability functions in one of VULNERABILITIES."""
    if variant in ("plain", "indexed"):
        write_vulnerability(model, static, variant)
    elif variant == "csv":
        rows = [(v, *row) for v, columns in model.vulnerability.items() for row in zip(*columns)]
        header = "vulnerability_id,intensity_bin_id,damage_bin_id,probability"
        (static / "vulnerability.csv").write_text(csv(header, rows))
    else:
        import pyarrow as pa

        cells = np.zeros((len(model.vulnerability), model.n_damage, model.n_intensity), "f4")
        for k, (intensity, damage, probability) in enumerate(model.vulnerability.values()):
            within = intensity <= model.n_intensity
            cells[k, damage[within] - 1, intensity[within] - 1] = probability[within]
        place = static / "vulnerability_dataset.parquet"
        place.mkdir()
        size = model.n_damage * model.n_intensity
        parquet(
            place / "part_0.parquet",
            {
                "vulnerability_id": np.array(list(model.vulnerability), "i4"),
                "vuln_array": pa.FixedSizeListArray.from_arrays(pa.array(cells.ravel()), size),
            },
        )
        meta = {
            "num_vulnerability_id": len(cells),
            "num_intensity_bins": model.n_intensity,
            "num_damage_bins": model.n_damage,
        }
        (static / "vulnerability_parquet_meta.json").write_text(json.dumps(meta))


def write_dynamic(model, inputs, static):
    """The tables of a dynamic footprint."""
    for name in ("event_definition", "hazard_case"):
        parquet(static / f"{name}.parquet", {k: np.array(v) for k, v in model.dynamic[name].items()})
    places = {
        "intensity_bin_dict": static,
        "item_adjustments": inputs,
        "gul_summary_map": inputs,
        "sections": inputs,
    }
    for name, place in places.items():
        columns = model.dynamic[name]
        (place / f"{name}.csv").write_text(csv(",".join(columns), zip(*columns.values())))
    meta = {"num_intensity_bins": model.n_intensity, "has_intensity_uncertainty": 0}
    (static / "footprint_parquet_meta.json").write_text(json.dumps(meta))


def parquet(path, columns):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table(columns), path)


class Case(NamedTuple):
    """model: make's seed and options. files: write's options. flags: gulmc's, but for files."""

    name: str
    model: dict
    flags: str
    files: dict = {}

    def made(self):
        options = dict(self.model)
        return make(options.pop("seed"), **options)

    def write(self, folder):
        return write(self.made(), folder, **self.files)

    def arguments(self):
        """What follows the program's name, in the folder of the model."""
        return [*self.flags.split(), "-i", "input/events.bin", "-o", "out.bin"]

    def key(self):
        """What its stream depends on."""
        return hashlib.sha256(f"{self.made().digest()} {self.flags} {self.files}".encode()).hexdigest()[:24]

    def needs_arrow(self):
        return bool(self.model.get("dynamic")) or bool({"parquet", "chunks"} & set(self.files.values()))


OFF = {
    "on": "",
    "damage": "--ignore-haz-correlation",
    "hazard": "--ignore-correlation",
    "off": "--ignore-correlation --ignore-haz-correlation",
}


def cases():
    """Yield every case whose stream is stored."""
    plain = dict(seed=1)
    both = "-S10 -L0"
    yield Case("generator-0", plain, f"{both} --random-generator 0")
    yield Case("generator-1-rule-1", plain, f"{both} -a1 --random-generator 1")
    yield Case("generator-2-rule-2", plain, f"{both} -a2 --random-generator 2")
    yield Case("default-generator-rule-3", plain, f"{both} -a3")
    effective = "--effective-damageability"
    yield Case("effective-generator-0-rule-3", dict(seed=2), f"{both} -a3 --random-generator 0 {effective}")
    yield Case("effective-generator-1-rule-2", dict(seed=2), f"{both} -a2 --random-generator 1 {effective}")
    yield Case("effective-generator-2-rule-1", dict(seed=2), f"{both} -a1 {effective}")
    for name, flags in list(OFF.items())[1:]:
        yield Case(f"correlated-{name}", dict(seed=3), f"{both} -a1 {flags}")
    yield Case("no-damage-correlation", dict(seed=4, damage_correlation=(0,)), f"{both} -a2")
    yield Case("no-hazard-correlation", dict(seed=4, hazard_correlation=(0,)), f"{both} -a3")
    yield Case(
        "no-correlation-group-zero",
        dict(seed=4, damage_correlation=(0,), hazard_correlation=(0,), group_zero=True),
        both,
    )
    yield Case(
        "correlation-one", dict(seed=5, damage_correlation=(1, 1e-3), hazard_correlation=(1, 0.999)), both
    )
    yield Case("samples-0", dict(seed=6, n_events=9), "-a1 -L0")
    yield Case("samples-0-effective", dict(seed=6, n_events=9), f"-S0 -a3 -L0 {effective}")
    for generator in 0, 1, 2:
        yield Case(
            f"samples-1-generator-{generator}",
            dict(seed=7),
            f"-S1 -a{generator + 1} -L0 --random-generator {generator}",
        )
    few = dict(n_events=2, n_areaperils=2, n_coverages=1, items_per_coverage=3, footprint_share=1.1)
    for generator in 0, 1, 2:
        yield Case(
            f"samples-1000-generator-{generator}",
            dict(seed=15, **few),
            f"-S1000 -a{generator} -L0 --random-generator {generator}",
        )
    yield Case("samples-37-threshold", dict(seed=8), "-S37 -a1 -L2000.5")
    yield Case("threshold-default", dict(seed=8), "-S10 -a2")
    yield Case("certain", dict(seed=9, hazard_rows=1), f"{both} -a1")
    yield Case("certain-effective", dict(seed=9, hazard_rows=1), f"{both} -a1 {effective}")
    yield Case("hazard-zeros", dict(seed=10, zeros=True), both)
    yield Case("hazard-zeros-effective", dict(seed=10, zeros=True), f"{both} {effective}")
    yield Case("shuffled", dict(seed=11, shuffled=True), f"{both} -a1")
    yield Case("large-ids", dict(seed=12, large_ids=True), f"{both} -a1")
    for kind in 1, 2, 3:
        yield Case(f"damage-type-{kind}", dict(seed=12 + kind, damage_types=(kind,)), f"{both} -a{kind - 1}")
    yield Case("damage-types-mixed", dict(seed=16, damage_types=(0, 1, 3, 2), n_damage=11), f"{both} -a3")
    yield Case("absolute", dict(seed=17, top=60_000.0), f"{both} -a1")
    yield Case("aggregate", dict(seed=18, aggregates=3), f"{both} -a1")
    yield Case("aggregate-effective", dict(seed=18, aggregates=3), f"{both} -a2 {effective}")
    yield Case("aggregate-only", dict(seed=19, aggregates=9, n_vulnerabilities=7), both)
    for rule in 0, 1, 2, 3:
        yield Case(f"tiv-0-rule-{rule}", dict(seed=20, zero_tiv=True, n_events=4), f"{both} -a{rule}")
    factors = (1.25, 0.8, 1, 1.5, 0.1, 2)
    yield Case("factors", dict(seed=21, factors=factors), both)
    yield Case("factors-effective", dict(seed=21, factors=factors, aggregates=1), f"{both} -a3 {effective}")
    for vulnerability in VULNERABILITIES:
        yield Case(
            f"replaced-{vulnerability}",
            dict(seed=22, replaced=2, n_events=3),
            f"{both} -a1",
            dict(vulnerability=vulnerability),
        )
    for footprint in FOOTPRINTS:
        yield Case(
            f"footprint-{footprint}", dict(seed=23, n_events=4), f"{both} -a1", dict(footprint=footprint)
        )
    yield Case(
        "footprint-csv-shuffled", dict(seed=24, shuffled=True, n_events=4), both, dict(footprint="csv")
    )
    for vulnerability in VULNERABILITIES[1:]:
        yield Case(
            f"vulnerability-{vulnerability}",
            dict(seed=25, n_events=3),
            both,
            dict(vulnerability=vulnerability),
        )
    text = dict(footprint="csv", vulnerability="csv", tables="csv")
    yield Case("all-csv", dict(seed=26, aggregates=2), f"{both} -a2", text)
    yield Case(
        "bin-ignored",
        dict(seed=26, aggregates=2),
        f"{both} -a1 --ignore-file-type bin idx",
        {**text, "tables": "both"},
    )
    yield Case("correlations-bin", dict(seed=27), f"{both} -a1", dict(correlations="bin"))
    yield Case("keys", dict(seed=28, keys=True), both)
    yield Case("peril-filter", dict(seed=28, keys=True), f"{both} -a1 --peril-filter WTC QEQ")
    yield Case("dependents", dict(seed=29, dependents=4), f"{both} -a1")
    yield Case("dependents-effective", dict(seed=29, dependents=4), f"{both} -a0 {effective}")
    yield Case(
        "dependents-certain", dict(seed=30, dependents=3, hazard_rows=1), f"{both} -a3", dict(tables="csv")
    )
    yield Case("dynamic", dict(seed=31, dynamic=True), f"{both} -a1 --dynamic-footprint True")
    yield Case(
        "dynamic-effective",
        dict(seed=31, dynamic=True, aggregates=2),
        f"{both} -a0 {effective} --dynamic-footprint True",
    )
    yield Case(
        "together",
        dict(
            seed=32,
            aggregates=2,
            damage_types=(0, 3, 1),
            zero_tiv=True,
            zeros=True,
            factors=factors,
            dependents=2,
        ),
        f"{both} -a3 --random-generator 1",
    )


def grid():
    """Yield a case for each combination of generator, rule, correlation and damageability."""
    for generator in 0, 1, 2:
        for rule in 0, 1, 2, 3:
            for on, flags in OFF.items():
                for effective in "", "--effective-damageability":
                    name = f"grid-{generator}-{rule}-{on}{'-effective' if effective else ''}"
                    yield Case(
                        name,
                        dict(seed=33, aggregates=1, n_events=5),
                        f"-S10 -a{rule} -L0 --random-generator {generator} {flags} {effective}".strip(),
                    )


def every_case():
    return [*cases(), *grid()]


class Difference(NamedTuple):
    """What two streams of losses have not in common. samples: their sample records; off: of these, losses
    one unit in the last place apart. first: the first difference that is more than that, or none."""

    samples: int
    off: int
    first: str = ""

    def tolerable(self):
        return not self.first and self.off <= self.samples / 10_000


class Stream:
    """A stream of losses: sample size, packets as (event, item, start, end) of its records."""

    def __init__(self, data):
        assert data[:4] == b"\1\0\0\2", f"not a stream of item losses: it begins with {data[:8].hex()}"
        assert len(data) % 8 == 0, f"cut off: {len(data)} bytes"
        self.sample_size = int.from_bytes(data[4:8], "little")
        rows = np.frombuffer(data, [("sidx", "<i4"), ("loss", "<u4")], offset=8)
        ends = np.flatnonzero(rows["sidx"] == 0)
        assert len(ends) == 0 if not len(rows) else ends[-1] == len(rows) - 1, "the last packet has no end"
        starts = np.concatenate(([0], ends[:-1] + 1)) if len(ends) else ends
        self.sidx, self.bits = rows["sidx"], rows["loss"]
        self.losses = self.bits.view("<f4")
        self.ids = list(zip(self.sidx[starts].tolist(), self.bits[starts].tolist()))
        self.packets = list(zip(self.ids, (starts + 1).tolist(), ends.tolist()))

    def rows(self):
        """{(event, item): (sidx, losses)}"""
        return {ids: (self.sidx[a:b], self.losses[a:b]) for ids, a, b in self.packets}


def compare(ours, theirs):
    """The Difference of two streams: order of packets, sidx and every loss."""
    if ours == theirs:
        stream = Stream(ours)
        return Difference(int((stream.sidx > 0).sum()) - len(stream.ids), 0)
    mine, other = Stream(ours), Stream(theirs)
    if mine.sample_size != other.sample_size:
        return Difference(0, 0, f"sample size {mine.sample_size}, not {other.sample_size}")
    samples = off = 0
    for (ids, a, b), (their_ids, c, d) in zip(mine.packets, other.packets):
        if ids != their_ids:
            return Difference(samples, off, f"packet of event, item {ids}, not {their_ids}")
        place = f"event {ids[0]}, item {ids[1]}"
        if not np.array_equal(mine.sidx[a:b], other.sidx[c:d]):
            only, missing = (
                sorted(set(x.tolist()) - set(y.tolist()))
                for x, y in ((mine.sidx[a:b], other.sidx[c:d]), (other.sidx[c:d], mine.sidx[a:b]))
            )
            return Difference(samples, off, f"{place}: samples {only[:9]} too many, {missing[:9]} missing")
        samples += int((mine.sidx[a:b] > 0).sum())
        apart = np.abs(ordered(mine.bits[a:b]) - ordered(other.bits[c:d]))
        far = np.flatnonzero((apart > 1) | ((apart == 1) & (mine.sidx[a:b] < 0)))
        if len(far):
            k = int(far[0])
            return Difference(
                samples,
                off,
                f"{place}, sidx {mine.sidx[a + k]}: {mine.losses[a + k]!s} ({mine.bits[a + k]:08x}), "
                f"not {other.losses[c + k]!s} ({other.bits[c + k]:08x}); {len(far)} of this item",
            )
        off += int((apart == 1).sum())
    if len(mine.packets) != len(other.packets):
        return Difference(samples, off, f"{len(mine.packets)} packets, not {len(other.packets)}")
    return Difference(samples, off)


def ordered(bits):
    """The bits of floats as integers in the order of the numbers."""
    bits = bits.astype("i8")
    return np.where(bits >> 31, 0x80000000 - bits, bits)


def oracle_folder():
    """The folder of pytools' programs: KTC_ORACLE2, else none."""
    folder = os.environ.get("KTC_ORACLE2")
    return Path(folder) if folder and (Path(folder) / "gulmc").exists() else None


def run_gulmc(program, case, folder, timeout=600):
    """(stream, what went wrong) of a program that computes a case whose model is in folder."""
    done = subprocess.run(
        [str(program), *case.arguments()], cwd=folder, capture_output=True, timeout=timeout, check=False
    )
    if done.returncode:
        return b"", f"exit status {done.returncode}: {done.stderr.decode(errors='replace')[-2000:]}"
    return (Path(folder) / "out.bin").read_bytes(), ""


# Runs gulmc on one case after another: [folder, [argument, ...]] a line. Each has a process of its own, as
# what gulmc knows of a folder's files outlives a run; all have what is imported and compiled.
MANY = """
import json, os, sys, traceback
from oasislmf.pytools.gulmc.cli import main
for line in sys.stdin:
    folder, sys.argv[1:] = json.loads(line)
    os.chdir(folder)
    child = os.fork()
    if child == 0:
        try:
            main()
        except BaseException:
            with open("trouble", "w") as out:
                out.write(traceback.format_exc())
        os._exit(0)
    os.waitpid(child, 0)
"""


def oracle_streams(cases, folder, refused=None):
    """{name: what pytools' gulmc makes of that case}; folder: for their models.

    refused: a list that takes the names of those that it cannot compute; without it, they are an error.
    Streams are kept in KTC_ORACLE2_CACHE, if that is set. All that are to be made come from one process.
    """
    cache = os.environ.get("KTC_ORACLE2_CACHE")
    found, wanted = {}, []
    for case in cases:
        kept = Path(cache) / f"{case.name}-{case.key()}.bin" if cache else None
        if kept is not None and kept.exists():
            found[case.name] = kept.read_bytes()
        else:
            wanted.append((case, case.write(Path(folder) / case.name).resolve(), kept))
    if wanted:
        # of a relative run directory it does not find a footprint in csv
        lines = [
            json.dumps([str(place), [*case.arguments(), "--run-dir", str(place)]])
            for case, place, _ in wanted
        ]
        done = subprocess.run(
            [oracle_folder() / "python", "-c", MANY],
            input="\n".join(lines),
            capture_output=True,
            text=True,
            check=False,
        )
    for case, place, kept in wanted:
        trouble = place / "trouble"
        if trouble.exists() or not (place / "out.bin").exists():
            if refused is not None:
                refused.append(case.name)
                continue
            said = trouble.read_text() if trouble.exists() else done.stderr
            raise RuntimeError(f"{case.name}: pytools' gulmc: {said[-2000:]}")
        found[case.name] = (place / "out.bin").read_bytes()
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.with_suffix(f".{os.getpid()}").write_bytes(found[case.name])
            kept.with_suffix(f".{os.getpid()}").replace(kept)
    return found


def goldens():
    """({case: stream, or its SHA-256 as text}, {case: digest of its model}, what made them)."""
    with np.load(GOLDEN) as stored:
        about = json.loads(stored["about"].tobytes())
        streams = {name: stored[name].tobytes() for name in stored.files if name != "about"}
    return {**streams, **about["sha256"]}, about["models"], about["made by"]


def make_goldens(only=()):
    """Runs pytools' gulmc on every case and stores its streams."""
    streams, hashes, digests = {}, {}, {}
    chosen = [case for case in every_case() if not only or case.name in only]
    with tempfile.TemporaryDirectory() as folder:
        made = oracle_streams(chosen, folder)
    for case in chosen:
        stream = made[case.name]
        print(f"{case.name}: {len(stream)} bytes, {len(Stream(stream).ids)} packets", flush=True)
        digests[case.name] = case.made().digest()
        if len(stream) > LARGEST or case.name.startswith("grid"):
            hashes[case.name] = hashlib.sha256(stream).hexdigest()
        else:
            streams[case.name] = np.frombuffer(stream, "u1")
    python = oracle_folder() / "python"
    versions = "; import importlib.metadata as m; print(' '.join(p+' '+m.version(p) for p in %s))" % (
        ["oasislmf", "numba", "llvmlite", "numpy", "scipy"],
    )
    made_by = {
        "oracle": subprocess.run(
            [python, "-c", "0" + versions], capture_output=True, text=True, check=True
        ).stdout.strip(),
        "processor": processor(),
    }
    about = json.dumps({"made by": made_by, "models": digests, "sha256": hashes})
    if not only:
        np.savez_compressed(GOLDEN, about=np.frombuffer(about.encode(), "u1"), **streams)
        print(f"{GOLDEN}: {GOLDEN.stat().st_size} bytes, {len(streams)} streams, {len(hashes)} hashes")


def processor():
    """The processor's name and the extensions that compilers choose by."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    found = dict(line.split(":", 1) for line in reversed(lines) if ":" in line)
    found = {key.strip(): value.strip() for key, value in found.items()}
    used = [flag for flag in ("fma", "avx2", "avx512f") if flag in found.get("flags", "").split()]
    return " ".join([found.get("model name", ""), *used])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--make", action="store_true", help="run pytools' gulmc and store its streams")
    parser.add_argument("--only", nargs="*", default=(), help="run these and store nothing")
    parser.add_argument("--write", nargs=2, metavar=("CASE", "DIR"), help="write the model of a case")
    options = parser.parse_args()
    if options.write:
        case = next(each for each in every_case() if each.name == options.write[0])
        case.write(options.write[1])
        print("cd", options.write[1], "&& gulmc", *case.arguments())
    if options.make:
        make_goldens(options.only)
