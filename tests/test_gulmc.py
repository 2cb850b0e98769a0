"""gulmc beside pytools' gulmc 2.5.8: on a stored corpus, and on random models where that is installed
(KTC_ORACLE2); its distributions; and inputs that are at fault."""

import dataclasses
import hashlib
import os
import struct
from statistics import NormalDist

import numpy as np
import pytest
from support import gulmc_cases
from support.faults import message_of
from support.gulmc_cases import Case, Model, Stream, cases, compare, grid, make, run_gulmc, write

import ktc

CASES = list(cases())
GRID = list(grid())
EFFECTIVE = "--effective-damageability"
UNCORRELATED = "--ignore-correlation --ignore-haz-correlation"


@pytest.fixture(scope="module")
def goldens():
    return gulmc_cases.goldens()


@pytest.fixture
def gulmc(tool, tmp_path):
    """A callable: the stream of a model, written below a new folder, with some flags."""

    def call(model, flags, name="model", **files):
        folder = tmp_path / name
        write(model, folder, **files)
        stream, trouble = run_gulmc(tool("gulmc"), Case(name, {}, flags), folder)
        assert not trouble, trouble
        return Stream(stream)

    return call


@pytest.fixture(scope="session")
def pytools():
    """The folder of pytools' programs. Skips without them, fails if they were promised."""
    folder = gulmc_cases.oracle_folder()
    if folder is None:
        if os.environ.get("KTC_ORACLE2"):
            pytest.fail(f"KTC_ORACLE2={os.environ['KTC_ORACLE2']} holds no gulmc")
        pytest.skip("pytools is not installed (set KTC_ORACLE2 to the folder of oasislmf 2.5.8's programs)")
    return folder


def same_stream(ours, theirs, note):
    """Fails unless both are the same bytes; says which record differs first."""
    __tracebackhide__ = True
    if ours != theirs:
        found = compare(ours, theirs)
        pytest.fail(
            f"{note}: {found.first or f'{found.off} of {found.samples} samples differ in their last place'}"
        )


# The corpus


def test_every_golden_stream_belongs_to_a_case(goldens):
    streams, models, made_by = goldens
    names = {case.name for case in CASES + GRID}
    assert len(names) == len(CASES + GRID)
    assert set(streams) == set(models) == names
    assert "oasislmf 2.5.8" in made_by["oracle"]
    assert made_by["processor"]
    assert gulmc_cases.GOLDEN.stat().st_size < 300 * 1024


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_same_bytes_as_pytools(case, goldens, tool, tmp_path):
    if case.needs_arrow():
        pytest.importorskip("pyarrow")
    streams, models, _ = goldens
    assert case.made().digest() == models[case.name], "the generator has changed: make the goldens again"
    case.write(tmp_path)
    ours, trouble = run_gulmc(tool("gulmc"), case, tmp_path)
    assert not trouble, trouble
    # functions are replaced whole, whatever the format: pytools only does so with plain files
    name = "replaced-plain" if case.name.startswith("replaced-") else case.name
    same_stream(ours, streams[name], f"gulmc {case.flags}")


@pytest.mark.slow
@pytest.mark.parametrize("generator", [0, 1, 2])
def test_every_combination_of_generator_rule_correlation_and_damageability(
    generator, goldens, tool, tmp_path
):
    streams, models, _ = goldens
    here = [case for case in GRID if case.name.startswith(f"grid-{generator}")]
    assert len(here) == 32
    folder = here[0].write(tmp_path)
    differ = []
    for case in here:
        assert case.made().digest() == models[case.name]
        ours, trouble = run_gulmc(tool("gulmc"), case, folder)
        assert not trouble, f"{case.flags}: {trouble}"
        if hashlib.sha256(ours).hexdigest() != streams[case.name]:
            differ.append(case.flags)
    assert not differ


def test_the_corpus_tells_its_options_apart(goldens):
    streams, _, _ = goldens
    for first, second in (
        ("generator-0", "default-generator-rule-3"),
        ("correlated-damage", "correlated-off"),
        ("correlated-hazard", "correlated-off"),
        ("correlated-hazard", "correlated-damage"),
        ("certain", "hazard-zeros"),
        ("tiv-0-rule-0", "tiv-0-rule-1"),
        ("tiv-0-rule-1", "tiv-0-rule-2"),
        ("tiv-0-rule-1", "tiv-0-rule-3"),
        ("replaced-plain", "replaced-indexed"),
        ("replaced-plain", "replaced-parquet"),
        ("samples-1000-generator-0", "samples-1000-generator-1"),
        ("samples-1000-generator-1", "samples-1000-generator-2"),
        ("dependents", "dependents-effective"),
    ):
        assert streams[first] != streams[second], (first, second)
    by_grid = {}
    for case in GRID:
        by_grid.setdefault(streams[case.name], []).append(case.name)
    # with effective damageability there is no hazard to correlate
    assert len(by_grid) == 3 * 4 * (4 + 2), [names for names in by_grid.values() if len(names) > 1]
    for name in ("compressed", "sized", "csv", "parquet", "chunks"):
        assert streams[f"footprint-{name}"] == streams["footprint-plain"]
    assert streams["keys"] != streams["peril-filter"]


def test_comparer_counts_last_places_and_names_the_first_record():
    def stream(*losses, item=3, size=2):
        records = zip((-1, 1, 2), losses)
        return (
            struct.pack("<Iiii", 0x02000001, size, 7, item)
            + b"".join(struct.pack("<if", *record) for record in records)
            + bytes(8)
        )

    one = np.float32(1)
    up = np.nextafter(one, np.float32(2))
    assert compare(stream(1, 1, 2), stream(1, 1, 2)) == (2, 0, "")
    assert compare(stream(1, 1, 2), stream(1, up, 2)) == (2, 1, "")
    assert not compare(stream(1, 1, 2), stream(1, up, 2)).tolerable()
    assert compare(stream(1, 0.0, 2), stream(1, -0.0, 2)).off == 0
    far = compare(stream(1, 1, 2), stream(1, np.nextafter(up, np.float32(2)), 2)).first
    assert far.startswith("event 7, item 3, sidx 1: 1.0 (3f800000), not 1.0000002 (3f800002)")
    assert "sidx -1" in compare(stream(1, 1, 2), stream(up, 1, 2)).first
    assert "item (7, 3)" in compare(stream(1), stream(1, item=4)).first
    assert "[] too many, [2] missing" in compare(stream(1, 1), stream(1, 1, 2)).first
    assert "sample size 2, not 3" in compare(stream(1), stream(1, size=3)).first
    assert "1 packets, not 2" in compare(stream(1), stream(1) + stream(1)[8:]).first


# Beside pytools' program


def drawn(seed):
    """A case that a seed chooses: options, files and flags."""
    rng = np.random.RandomState(seed)

    def one(*choices):
        return choices[rng.randint(len(choices))]

    model = dict(
        seed=10_000 + seed,
        n_events=int(rng.randint(1, 12)),
        n_areaperils=int(rng.randint(1, 30)),
        n_vulnerabilities=int(rng.randint(2, 9)),
        n_coverages=int(rng.randint(1, 12)),
        items_per_coverage=int(rng.randint(1, 5)),
        n_perils=int(rng.randint(1, 5)),
        damage_correlation=one((0,), (0.5,), (0.7, 0, 0.25), (1,)),
        hazard_correlation=one((0,), (0.5,), (0.4, 0.9, 0), (1,)),
        n_intensity=int(rng.randint(1, 15)),
        n_damage=int(rng.randint(3, 20)),
        hazard_rows=int(rng.randint(1, 7)),
        damage_types=one((0,), (0,), (1,), (2,), (3,), (0, 1, 2, 3)),
        top=one(1.0, 1.0, 5_000.0),
        aggregates=int(rng.randint(0, 4)),
        zero_tiv=bool(rng.randint(3) == 0),
        zeros=bool(rng.randint(3) == 0),
        shuffled=bool(rng.randint(3) == 0),
        large_ids=bool(rng.randint(4) == 0),
        keys=bool(rng.randint(4) == 0),
        factors=one((), (), (1.25, 0.8, 1, 1.5)),
        dependents=int(one(0, 0, 1, 5)),
    )
    files = dict(
        footprint=one(*gulmc_cases.FOOTPRINTS),
        vulnerability=one(*gulmc_cases.VULNERABILITIES),
        tables=one("bin", "csv"),
        correlations=one("csv", "bin"),
    )
    if (
        files["vulnerability"] == "csv"
    ):  # has no more damage bins than are in use, which conditional ones may exceed
        model["dependents"] = 0
    flags = (
        f"-S{one(1, 2, 10, 10, 100)} -a{rng.randint(4)} -L{one(0, 0, 1e-6, 500)} "
        f"--random-generator {rng.randint(3)} {one('', EFFECTIVE)} {one(*gulmc_cases.OFF.values())}"
    )
    return Case(f"drawn-{seed}", model, flags, files)


@pytest.mark.slow
@pytest.mark.oracle
def test_random_models_beside_pytools(pytools, tool, tmp_path, capsys):
    pytest.importorskip("pyarrow")
    some = [drawn(seed) for seed in range(int(os.environ.get("KTC_ORACLE2_MODELS", "40")))]
    refused = []
    theirs = gulmc_cases.oracle_streams(some, tmp_path / "theirs", refused)
    assert len(refused) < len(some) / 4
    samples = off = 0
    for case in [case for case in some if case.name not in refused]:
        folder = case.write(tmp_path / "ours" / case.name)
        ours, trouble = run_gulmc(tool("gulmc"), case, folder)
        assert not trouble, f"{case}: {trouble}"
        found = compare(ours, theirs[case.name])
        assert not found.first, f"{case}: {found.first}"
        samples, off = samples + found.samples, off + found.off
    with capsys.disabled():
        print(f" {off} of {samples:,} sample records differ by one unit in the last place ", end="")
    assert off <= samples / 10_000


@pytest.mark.oracle
def test_corpus_is_what_pytools_makes(pytools, goldens, tmp_path):
    """Of what this machine's processor makes of a few cases: fastmath may choose otherwise on another one."""
    streams, _, _ = goldens
    some = [case for case in CASES if case.name in ("default-generator-rule-3", "aggregate-effective")]
    for name, stream in gulmc_cases.oracle_streams(some, tmp_path).items():
        found = compare(stream, streams[name])
        assert not found.first, f"{name}: {found.first}"


# Ways to call it


def test_python_and_pipes_give_the_same_stream(goldens, tool, run, tmp_path):
    case = next(case for case in CASES if case.name == "default-generator-rule-3")
    expected = goldens[0][case.name]
    folder = case.write(tmp_path / "model")
    events = (folder / "input" / "events.bin").read_bytes()
    assert run([tool("gulmc"), "-S10", "-a3", "-L0"], events, folder) == (0, expected, "")
    elsewhere = run([tool("gulmc"), "-S10", "-a3", "-L0", "--run-dir", "model"], events, tmp_path)
    assert elsewhere == (0, expected, "")
    target = tmp_path / "api.bin"
    ktc.gulmc(events, target, root=folder, sample_size=10, alloc_rule=3, loss_threshold=0)
    assert target.read_bytes() == expected


def test_no_events_give_a_header(tool, run, tmp_path):
    write(make(1), tmp_path)
    header = struct.pack("<Ii", 0x02000001, 10)
    assert run([tool("gulmc"), "-S10"], b"", tmp_path) == (0, header, "")
    unknown = struct.pack("<2i", 987_654, -5)
    assert run([tool("gulmc"), "-S10"], unknown, tmp_path) == (0, header, "")


def test_old_correlations_give_the_same_losses(gulmc):
    model = make(27, n_coverages=5)
    assert len(model.items) % 6  # else their file could hold records of either size
    flags = "-S10 -L0 -a1"
    new, old = (gulmc(model, flags, each, correlations=each) for each in ("csv", "old"))
    assert new.losses.tobytes() == old.losses.tobytes()
    assert new.ids == old.ids


def test_an_event_s_losses_do_not_depend_on_other_events(gulmc):
    model = make(40, n_events=5, aggregates=1)
    together = gulmc(model, "-S10 -L0").rows()
    seen = {}
    for event in model.events[::-1]:
        alone = dataclasses.replace(model, events=np.array([event], "i4"))
        seen.update(gulmc(alone, "-S10 -L0", f"event-{event}").rows())
    assert set(seen) == set(together)
    for ids, (sidx, losses) in together.items():
        assert np.array_equal(seen[ids][0], sidx)
        assert seen[ids][1].tobytes() == losses.tobytes()


def test_uniform_numbers_instead_of_losses(gulmc):
    """-d2 gives the damage uniforms, -d1 the hazard ones; pytools' gulmc breaks off at both."""
    model = make(41, n_events=4)
    flags = f"-S20 -L0 --random-generator 0 {UNCORRELATED}"
    groups = {item[0]: item[4] for item in model.items}
    hazard_groups = {row[0]: row[3] for row in model.correlations}
    areaperils = {item[0]: item[2] for item in model.items}

    def numbers(seed):
        return np.random.RandomState(seed).random_sample(20).astype("f4")

    damage = gulmc(model, f"{flags} -d2", "damage").rows()
    assert damage
    for (event, item), (sidx, found) in damage.items():
        modulus = 2**31
        seed = (groups[item] * 1543270363 % modulus + event * 1943272559 % modulus) % modulus
        assert found[sidx > 0].tolist() == numbers(seed).tolist(), (event, item)
    compared = 0
    for (event, item), (sidx, found) in gulmc(model, f"{flags} -d1", "hazard").rows().items():
        if (model.footprint[event][0] == areaperils[item]).sum() == 1:
            continue  # nothing is drawn
        modulus = 1957483729
        seed = (hazard_groups[item] * 1143271949 % modulus + event * 1243274353 % modulus) % modulus
        assert found[sidx > 0].tolist() == numbers(seed).tolist(), (event, item)
        compared += 1
    assert compared


# Distributions


SAMPLES = 100_000


def regular(seed, **options):
    """A random model whose means are those of its distributions: functions without gaps that add up to 1,
    and within a bin no mean beyond its middle third. Its hazard is not correlated: where both are, hazard
    and damage of a peril group have a number in common, and losses another distribution."""
    model = make(
        seed, n_events=3, n_areaperils=5, n_coverages=3, n_damage=8, hazard_correlation=(0,), **options
    )
    rng = np.random.RandomState(seed)
    model.damage_bins = [
        (k, low, high, low + (high - low) * rng.choice([6, 7, 8, 9, 10]) / 16, kind)
        for k, low, high, _, kind in model.damage_bins
    ]
    model.vulnerability = {}
    for v in sorted({item[3] for item in model.items}):
        rows = []
        for intensity in range(1, model.n_intensity + 1):
            cut = np.concatenate(([0], np.sort(rng.permutation(1023)[: model.n_damage - 1] + 1), [1024]))
            rows += [(intensity, d, p) for d, p in enumerate(np.diff(cut) / 1024, 1)]  # exact in float32
        model.vulnerability[v] = tuple(np.array(c, k) for c, k in zip(zip(*rows), ("i4", "i4", "f4")))
    return model


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["", EFFECTIVE])
@pytest.mark.parametrize("generator", [0, 1, 2])
def test_means_of_samples(generator, mode, gulmc):
    found = gulmc(regular(50), f"-S{SAMPLES} -L0 --random-generator {generator} {mode}").rows()
    assert len(found) > 5
    for ids, (sidx, losses) in found.items():
        special = dict(zip(sidx[:5].tolist(), losses[:5].tolist()))
        samples = losses[5:].astype("f8")
        assert len(samples) == SAMPLES
        error = samples.std() / SAMPLES**0.5
        assert abs(samples.mean() - special[-1]) < 4 * error + 1e-6 * special[-1], ids
        share = (samples > 0).mean()
        assert abs(share - special[-4]) < 4 * (special[-4] * (1 - special[-4]) / SAMPLES) ** 0.5 + 1e-6, ids
        assert samples.max() <= special[-5] * (1 + 1e-6), ids


def distance(first, second):
    """The statistic of Kolmogorov and Smirnov of two samples."""
    both = np.sort(np.concatenate((first, second)))
    cdfs = [np.searchsorted(np.sort(each), both, side="right") / len(each) for each in (first, second)]
    return np.abs(cdfs[0] - cdfs[1]).max()


CRITICAL = 1.95 * (2 / SAMPLES) ** 0.5  # of two samples of one distribution: passed once in 1000


@pytest.mark.slow
def test_full_and_effective_samples_have_one_distribution(gulmc):
    model = regular(51)
    full, effective = (
        gulmc(model, f"-S{SAMPLES} -L0 --random-generator 0 {mode}", f"m{mode}").rows()
        for mode in ("", EFFECTIVE)
    )
    assert full.keys() == effective.keys()
    for ids in full:
        assert full[ids][1][:5].tobytes() == effective[ids][1][:5].tobytes()  # the special samples
        assert distance(full[ids][1][5:], effective[ids][1][5:]) < CRITICAL, ids


def test_certain_hazard_leaves_nothing_to_draw_but_damage(gulmc):
    model = make(52, hazard_rows=1, aggregates=1)
    full, effective = (gulmc(model, f"-S50 -L0 -a1 {mode}", f"m{mode}") for mode in ("", EFFECTIVE))
    assert full.ids == effective.ids
    assert full.losses.tobytes() == effective.losses.tobytes()


def numbers_model(perils, correlations, groups, hazard=False):
    """A model whose losses are its uniform numbers: each item has TIV 1 and one bin of damage from 0 to 1.

    perils: each item's peril correlation group. correlations: each one's value. groups: of each. hazard:
    these are of the hazard, of two intensities alike, one without damage and one with all.
    """
    n = len(perils)
    return Model(
        n_intensity=2,
        n_damage=2 if hazard else 1,
        events=np.array([7], "i4"),
        items=[(k + 1, k + 1, 1, 1, 900 + k if hazard else groups[k]) for k in range(n)],
        correlations=[
            (k + 1, perils[k], *((0.0, groups[k], rho) if hazard else (rho, 1, 0.0)), 0)
            for k, rho in enumerate(correlations)
        ],
        tiv=np.ones(n, "f4"),
        damage_bins=[(1, 0.0, 0.0, 0.0, 0), (2, 1.0, 1.0, 1.0, 0)] if hazard else [(1, 0.0, 1.0, 0.5, 0)],
        footprint={
            7: (
                np.ones(1 + hazard, "i8"),
                np.arange(1, 2 + hazard, dtype="i4"),
                np.full(1 + hazard, 1 / (1 + hazard), "f4"),
            )
        },
        vulnerability={
            1: (np.array([1, 2], "i4"), np.array([1, 2 if hazard else 1], "i4"), np.ones(2, "f4"))
        },
        uncertain=hazard,
    )


def columns(stream):
    return np.array([losses[5:] for _, losses in stream.rows().values()], "f8")


@pytest.mark.slow
@pytest.mark.parametrize("generator", [0, 1, 2])
def test_normal_scores_of_a_peril_group_are_correlated(generator, gulmc):
    rho = [0.64, 0.64, 0.64, 0.25, 0.0, 1.0, 1.0]
    perils = [1, 1, 2, 1, 1, 3, 3]
    groups = [11, 12, 13, 14, 15, 16, 17]
    flags = f"-S{SAMPLES} -L0 --random-generator {generator}"
    uniform = columns(gulmc(numbers_model(perils, rho, groups), flags))
    grid = (np.arange(SAMPLES) + 0.5) / SAMPLES
    for column in uniform:
        assert np.abs(np.sort(column) - grid).max() < 1.95 / SAMPLES**0.5
    inverse = NormalDist().inv_cdf
    scores = np.array([[inverse(v) for v in np.clip(column, 1e-7, 1 - 1e-7).tolist()] for column in uniform])
    found = np.corrcoef(scores)
    for i in range(len(rho)):
        for j in range(i):
            expected = (rho[i] * rho[j]) ** 0.5 if perils[i] == perils[j] else 0.0
            assert abs(found[i, j] - expected) < 4.5 * (1 - expected**2) / SAMPLES**0.5 + 1e-4, (i, j)
    assert uniform[5].tolist() == uniform[6].tolist()  # all that is common to the group
    alone = columns(gulmc(numbers_model(perils, rho, groups), f"{flags} --ignore-correlation", "ignored"))
    assert np.abs(np.corrcoef(alone) - np.eye(len(rho))).max() < 4.5 / SAMPLES**0.5


def test_items_of_a_group_have_the_same_numbers(gulmc):
    model = numbers_model([1, 1, 2, 1], [0.5, 0.5, 0.5, 0.0], [11, 11, 11, 11])
    correlated = columns(gulmc(model, "-S100 -L0"))
    assert correlated[0].tolist() == correlated[1].tolist()
    assert correlated[0].tolist() != correlated[2].tolist()
    alone = columns(gulmc(model, "-S100 -L0 --ignore-correlation", "ignored"))
    assert all(column.tolist() == correlated[3].tolist() for column in alone)


@pytest.mark.slow
def test_hazards_of_a_peril_group_are_correlated(gulmc):
    rho = 0.7
    model = numbers_model([1, 1, 2], [rho, rho, rho], [21, 22, 23], hazard=True)
    hit = columns(gulmc(model, f"-S{SAMPLES} -L0 --random-generator 0"))
    assert set(np.unique(hit)) == {0.0, 1.0}
    together = 0.25 + np.arcsin(rho) / (2 * np.pi)  # that two normal numbers are both above their mean
    for i, j, expected in (0, 1, together), (0, 2, 0.25), (1, 2, 0.25):
        error = (expected * (1 - expected) / SAMPLES) ** 0.5
        assert abs((hit[i] * hit[j]).mean() - expected) < 4.5 * error, (i, j)
    alone = columns(gulmc(model, f"-S{SAMPLES} -L0 --random-generator 0 --ignore-haz-correlation", "ignored"))
    assert abs((alone[0] * alone[1]).mean() - 0.25) < 4.5 * (0.25 * 0.75 / SAMPLES) ** 0.5


# Inputs at fault


@pytest.fixture(scope="module")
def sound():
    """A model that has every table."""
    model = make(62, n_coverages=6, aggregates=2, dependents=2)
    assert len(model.tiv) * 4 % 20 and len(model.items) % 5 and len(model.items) % 6
    return model


FILES = {
    "input/items.bin": {},
    "input/coverages.bin": {},
    "input/correlations.bin": dict(correlations="bin"),
    "static/damage_bin_dict.bin": {},
    "static/footprint.bin": {},
    "static/footprint.idx": {},
    "static/footprint.bin.z": dict(footprint="compressed"),
    "static/footprint.idx.z": dict(footprint="sized"),
    "static/vulnerability.bin": {},
    "static/vulnerability.idx": dict(vulnerability="indexed"),
    "static/aggregate_vulnerability.bin": {},
    "static/weights.bin": {},
    "static/conditional_vulnerability.bin": {},
}
TEXTS = {
    "input/items.csv": dict(tables="csv"),
    "input/coverages.csv": dict(tables="csv"),
    "input/correlations.csv": {},
    "static/damage_bin_dict.csv": dict(tables="csv"),
    "static/footprint.csv": dict(footprint="csv"),
    "static/vulnerability.csv": dict(vulnerability="csv"),
    "static/aggregate_vulnerability.csv": dict(tables="csv"),
    "static/weights.csv": dict(tables="csv"),
    "static/conditional_vulnerability.csv": dict(tables="csv"),
}


def fails(tool, run, folder, *names, flags=("-S10", "-a1"), stdin=None):
    """gulmc's one line on standard error; it must name one of these files."""
    args = [tool("gulmc"), *flags, *([] if stdin is not None else ["-i", "input/events.bin"])]
    status, _, stderr = run(args, stdin or b"", folder)
    assert status != 0, f"exit status 0; {stderr}"
    line = message_of(stderr, "gulmc")
    assert any(name in line for name in names), f"{line!r} names none of {names}"
    return line


@pytest.mark.parametrize("file", FILES)
def test_input_cut_in_a_record(file, sound, tool, run, tmp_path):
    write(sound, tmp_path, **FILES[file])
    path = tmp_path / file
    path.write_bytes(path.read_bytes()[:-3])
    # of footprints, what lies outside may be said of the index
    fails(tool, run, tmp_path, path.name, *(["footprint.idx"] if "footprint.bin" in file else []))


@pytest.mark.parametrize("file", TEXTS)
def test_csv_cut_in_a_line(file, sound, tool, run, tmp_path):
    write(sound, tmp_path, **TEXTS[file])
    path = tmp_path / file
    text = path.read_text()
    end = text.rstrip().rindex(",")
    if file in ("input/correlations.csv", "static/damage_bin_dict.csv"):  # whose last column may be missing
        end = text.rindex(",", 0, end)
    path.write_text(text[:end])
    fails(tool, run, tmp_path, path.name)


# Tables of which no record is as good as some, for getmodel, too
MAY_BE_EMPTY = ("input/items.bin", "static/footprint.idx", "static/footprint.idx.z", "static/weights.bin")


@pytest.mark.parametrize("file", {**FILES, **TEXTS})
def test_input_empty(file, sound, tool, run, tmp_path):
    write(sound, tmp_path, **{**FILES, **TEXTS}[file])
    path = tmp_path / file
    path.write_bytes(b"")
    if file in MAY_BE_EMPTY:
        status, out, stderr = run([tool("gulmc"), "-S1", "-i", "input/events.bin"], b"", tmp_path)
        assert (status, stderr) == (0, "") and (file == "static/weights.bin" or len(out) == 8)
        return
    # what refers to it may be what is at fault
    names = "items", "footprint", "aggregate_vulnerability", "damage bin dictionary"
    fails(tool, run, tmp_path, path.name, *names)


NEEDED = [
    file
    for file in {**FILES, **TEXTS}
    if not any(part in file for part in ("aggregate", "ity.idx", "correlations"))
]


@pytest.mark.parametrize("file", NEEDED)
def test_input_missing(file, sound, tool, run, tmp_path):
    write(sound, tmp_path, **{**FILES, **TEXTS}[file])
    path = tmp_path / file
    path.unlink()
    stem = path.name.split(".")[0]
    fails(tool, run, tmp_path, stem, *(["items"] if "conditional" in file else []))


@pytest.mark.parametrize(
    "first, second",
    [
        ("input/items.bin", "input/coverages.bin"),
        ("input/items.bin", "input/correlations.bin"),
        ("static/footprint.bin", "static/footprint.idx"),
        ("static/footprint.bin", "static/vulnerability.bin"),
        ("static/damage_bin_dict.bin", "static/vulnerability.bin"),
        ("static/weights.bin", "static/aggregate_vulnerability.bin"),
        ("static/conditional_vulnerability.bin", "static/footprint.bin"),
    ],
)
def test_inputs_swapped(first, second, sound, tool, run, tmp_path):
    write(sound, tmp_path, correlations="bin")
    one, other = tmp_path / first, tmp_path / second
    held = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(held)
    fails(tool, run, tmp_path, one.name, other.name, "footprint.idx", "items.bin", "vulnerability.bin")


@pytest.mark.parametrize("cut", [1, 3])
def test_events_cut_in_an_id(cut, sound, tool, run, tmp_path):
    write(sound, tmp_path)
    fails(tool, run, tmp_path, "standard input", "stdin", "input", stdin=sound.events.tobytes()[:-cut])


def changed(rows, at, **values):
    """Rows with other values, by column number `c3`, in the row `at`."""
    rows = [tuple(row) for row in rows]
    row = list(rows[at])
    for name, value in values.items():
        row[int(name[1:])] = value
    rows[at] = tuple(row)
    return rows


def put(model, event, column, value):
    """The footprint with another value in the first row of an event."""
    arrays = [each.copy() for each in model.footprint[event]]
    arrays[column][0] = value
    return {**model.footprint, event: tuple(arrays)}


def put_function(model, column, value):
    v = next(item[3] for item in model.items if item[3] in model.vulnerability)
    arrays = [each.copy() for each in model.vulnerability[v]]
    arrays[column][0] = value
    return {**model.vulnerability, v: tuple(arrays)}


def dependent(model):
    return next(k for k, row in enumerate(model.correlations) if row[5])


def first_event(model):
    """Of the footprint, one whose first row is of an areaperil with items."""
    insured = {item[2] for item in model.items}
    return next(event for event, rows in model.footprint.items() if int(rows[0][0]) in insured)


NAN = float("nan")
OUT_OF_RANGE = {
    "coverage 0": ("items", lambda m: dict(items=changed(m.items, 0, c1=0))),
    "coverage beyond coverages": ("items", lambda m: dict(items=changed(m.items, 0, c1=len(m.tiv) + 1))),
    "unknown vulnerability": ("vulnerability items", lambda m: dict(items=changed(m.items, 0, c3=77))),
    "item twice": ("items", lambda m: dict(items=changed(m.items, 1, c0=1))),
    "TIV not a number": ("coverages", lambda m: dict(tiv=np.array([NAN, *m.tiv[1:]], "f4"))),
    "damage bin 0": ("vulnerability", lambda m: dict(vulnerability=put_function(m, 1, 0))),
    "damage bin beyond": ("vulnerability", lambda m: dict(vulnerability=put_function(m, 1, m.n_damage + 1))),
    "intensity bin 0 of a function": ("vulnerability", lambda m: dict(vulnerability=put_function(m, 0, 0))),
    "probability of damage": ("vulnerability", lambda m: dict(vulnerability=put_function(m, 2, NAN))),
    "short dictionary": ("damage_bin_dict vulnerability", lambda m: dict(damage_bins=m.damage_bins[:-1])),
    "intensity bin 0": ("footprint", lambda m: dict(footprint=put(m, first_event(m), 1, 0))),
    "intensity bin beyond": (
        "footprint",
        lambda m: dict(footprint=put(m, first_event(m), 1, m.n_intensity + 1)),
    ),
    "probability of hazard": ("footprint", lambda m: dict(footprint=put(m, first_event(m), 2, NAN))),
    "correlation above 1": ("correlations", lambda m: dict(correlations=changed(m.correlations, 0, c2=1.5))),
    "correlation below 0": ("correlations", lambda m: dict(correlations=changed(m.correlations, 0, c4=-0.5))),
    "correlation not a number": (
        "correlations",
        lambda m: dict(correlations=changed(m.correlations, 0, c2=NAN)),
    ),
    "unknown member": (
        "aggregate_vulnerability vulnerability",
        lambda m: dict(aggregates=[(a, 4) for a, _ in m.aggregates]),
    ),
    "weight not a number": ("weights", lambda m: dict(weights=[(*row[:2], NAN) for row in m.weights])),
    "source bin 0": (
        "conditional_vulnerability",
        lambda m: dict(conditional=changed(m.conditional, 0, c1=0)),
    ),
    "source bin beyond": (
        "conditional_vulnerability",
        lambda m: dict(conditional=changed(m.conditional, 0, c1=m.n_damage + 1)),
    ),
    "dependent bin beyond": (
        "conditional_vulnerability",
        lambda m: dict(conditional=changed(m.conditional, 0, c2=m.n_damage + 1)),
    ),
    "unknown source": (
        "correlations",
        lambda m: dict(correlations=changed(m.correlations, dependent(m), c5=9999)),
    ),
    "its own source": (
        "correlations",
        lambda m: dict(correlations=changed(m.correlations, dependent(m), c5=dependent(m) + 1)),
    ),
    "source elsewhere": (
        "correlations",
        lambda m: dict(
            correlations=changed(
                m.correlations,
                dependent(m),
                c5=next(item[0] for item in m.items if item[2] != m.items[dependent(m)][2]),
            )
        ),
    ),
    "dependent without a conditional function": (
        "items correlations vulnerability",
        lambda m: dict(items=changed(m.items, dependent(m), c3=next(iter(m.vulnerability)))),
    ),
    "conditional function without a source": (
        "items correlations vulnerability",
        lambda m: dict(correlations=changed(m.correlations, dependent(m), c5=0)),
    ),
}


@pytest.mark.parametrize("fault", OUT_OF_RANGE)
def test_value_out_of_range(fault, sound, tool, run, tmp_path):
    names, change = OUT_OF_RANGE[fault]
    write(dataclasses.replace(sound, **change(sound)), tmp_path)
    fails(tool, run, tmp_path, *names.split())


@pytest.mark.parametrize(
    "offset, value", [(4, 2**40), (4, -8), (12, 2**40), (12, -12), (12, 7)], ids=lambda each: str(each)
)
def test_index_points_outside(offset, value, sound, tool, run, tmp_path):
    write(sound, tmp_path)
    path = tmp_path / "static" / "footprint.idx"
    data = bytearray(path.read_bytes())
    struct.pack_into("<q", data, offset, value)
    path.write_bytes(data)
    fails(tool, run, tmp_path, "footprint.idx", "footprint.bin")


@pytest.mark.parametrize(
    "flags", ["-S10 -a4", "-S-1", "-S10 -a-1", "-S10 --random-generator 3", "-S10 -a1 -d1", "-S10 -d3"]
)
def test_flags_out_of_range(flags, sound, tool, run, tmp_path):
    write(sound, tmp_path)
    status, stdout, stderr = run([tool("gulmc"), *flags.split(), "-i", "input/events.bin"], cwd=tmp_path)
    assert status != 0
    assert not stdout
    assert "Traceback" not in stderr
    assert stderr.splitlines()[-1].startswith("gulmc: error: ")


# The worked example of docs/ground-up-losses.md


@pytest.fixture
def page(tmp_path):
    """One item of two intensities and three damage bins."""
    for name in ("input", "static"):
        (tmp_path / name).mkdir()
    rows = {
        "items": [(1, 1, 1, 1, 1)],
        "coverages": [(1000,)],
        "damage_bin_dict": [(1, 0, 0, 0, 0), (2, 0, 0.5, 0.25, 0), (3, 0.5, 1, 0.75, 0)],
        "events": [(1,)],
    }
    for name, records in rows.items():
        table = ktc.schemas.TABLES[name]
        ktc.write_table(name, np.array(records, table.dtype()), tmp_path / table.path)
    damage = [(1, 1, 1, 0.7), (1, 1, 2, 0.3), (1, 2, 1, 0.2), (1, 2, 2, 0.5), (1, 2, 3, 0.3)]
    head = ktc.schemas.TABLES["vulnerability"].csv_header
    for name, records in (("vulnerability", damage), ("footprint", [(1, 1, 1, 0.6), (1, 1, 2, 0.4)])):
        head = ktc.schemas.TABLES[name].csv_header
        lines = [head, *(",".join(map(str, row)) for row in records)]
        (tmp_path / f"static/{name}.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_the_worked_example(page):
    """Samples are placed by hand, at the random numbers that -d gives."""
    options = dict(sample_size=50, loss_threshold=0, root=page)
    (block,) = ktc.gulmc(np.array([1], "i4"), **options)
    assert block.sidx[:5].tolist() == [-5, -4, -3, -2, -1]
    assert block.loss[:5].tolist() == pytest.approx([1000, 0.5, 1000, 238.80, 185], abs=0.005)
    numbers = [
        next(iter(ktc.gulmc(np.array([1], "i4"), debug=level, **options))).loss[5:].tolist()
        for level in (1, 2)
    ]
    for intensity, damage, loss in zip(*numbers, block.loss[5:].tolist()):
        cdf = [0, 0.7, 1, 1] if intensity <= 0.6 else [0, 0.2, 0.7, 1]
        k = next(k for k in range(3) if damage <= cdf[k + 1])
        low = (0, 0, 0.5)[k]
        expected = low + (damage - cdf[k]) / (cdf[k + 1] - cdf[k]) * 0.5 if k else 0
        assert loss == pytest.approx(1000 * expected, abs=0.01)


def test_effective_damage_of_the_worked_example(page):
    (block,) = ktc.gulmc(np.array([1], "i4"), sample_size=50, loss_threshold=0, root=page,
                         effective_damageability=True)  # fmt: skip
    (numbers,) = ktc.gulmc(np.array([1], "i4"), sample_size=50, loss_threshold=0, root=page, debug=2,
                           effective_damageability=True)  # fmt: skip
    cdf = [0, 0.5, 0.88, 1]
    for damage, loss in zip(numbers.loss[5:].tolist(), block.loss[5:].tolist()):
        k = next(k for k in range(3) if damage <= cdf[k + 1])
        expected = (0, 0, 0.5)[k] + (damage - cdf[k]) / (cdf[k + 1] - cdf[k]) * 0.5 if k else 0
        assert loss == pytest.approx(1000 * expected, abs=0.01)


@pytest.mark.parametrize("bin", [0, -3, 99])
def test_intensities_without_a_bin(bin, tool, run, tmp_path):
    """Of a dynamic footprint: what intensity_bin_dict.csv has for them is looked at before it is used."""
    pytest.importorskip("pyarrow")
    case = next(case for case in CASES if case.name == "dynamic")
    case.write(tmp_path)
    path = tmp_path / "static/intensity_bin_dict.csv"
    head, *rows = path.read_text().splitlines()
    at = head.split(",").index("intensity_bin")
    rows = [",".join(str(bin) if k == at else cell for k, cell in enumerate(row.split(","))) for row in rows]
    path.write_text("\n".join([head, *rows]) + "\n")
    line = fails(tool, run, tmp_path, "intensity_bin_dict", flags=("-S2", "--dynamic-footprint", "True"))
    assert f"gives the intensity bin {bin}, expected 1 to " in line
