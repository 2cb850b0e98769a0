"""The random numbers of gulmc: seeds, rows of uniform numbers, and the copula.

Golden values are from OasisLMF pytools 2.5.8 (numba 0.68.1, numpy 2.4.6, scipy 1.17.1) on an AMD EPYC, family
25, model 1 (znver3). The tests beside it need KTC_ORACLE2, the folder of its programs and of its Python.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ktc._core import uniforms
from ktc._core.uniforms import correlated, tables, uniform_rows
from ktc.errors import UsageError

HIGHEST_SEED = 2**31 - 1
SEEDS = (0, 1543270363, HIGHEST_SEED)
# {generator: the first rows of SEEDS, of five numbers}
ROWS = {
    0: (
        "0x1.18fe1565f12a8p-1 0x1.6e2d4cf608733p-1 0x1.349d66b6e894bp-1 "
        "0x1.16faedb6395f5p-1 0x1.b1d2904fd0ef6p-2",
        "0x1.39f43fac53296p-1 0x1.12245c8a0c7b0p-2 0x1.0d0006d5fd040p-1 "
        "0x1.6d46b14feec76p-2 0x1.f475c20b445a0p-1",
        "0x1.92d51ff22d57ap-2 0x1.5035fb28e6609p-1 0x1.617275662e038p-4 "
        "0x1.edc3b5fabf474p-1 0x1.3e041c51929cep-1",
    ),
    1: (
        "0x1.2933f770d2bbdp-2 0x1.505d5701fe4f6p-1 0x1.c246eb7504af2p-1 "
        "0x1.74d4ea0fa4345p-4 0x1.07d157f804b4ep-1",
        "0x1.c1358cdd88f7cp-1 0x1.17c929f231f3bp-1 0x1.84ccc1dcd1934p-4 "
        "0x1.751287de681f4p-1 0x1.a2d4fe5d62eb4p-3",
        "0x1.d7b77cce2eaa7p-1 0x1.dfea68560a3fdp-2 0x1.76415aa8fb661p-3 "
        "0x1.36d8db9aa68b6p-1 0x1.1a64c178f88e1p-2",
    ),
    2: (
        "0x1.d9d35062ccccdp-1 0x1.8ec566e333334p-2 0x1.1b1633fe66667p-3 "
        "0x1.136b957cccccdp-1 0x1.5cb5763a66667p-1",
        "0x1.a7b659f59999ap-1 0x1.ded014819999ap-2 0x1.7aab4d339999ap-1 "
        "0x1.327edf699999ap-4 0x1.256b1c4b33333p-2",
        "0x1.41c72f8e00000p-1 0x1.8c30091d9999ap-2 0x1.5affd45b33334p-3 "
        "0x1.a082a2899999ap-1 0x1.28345d3333333p-1",
    ),
}
# {(generator, n): the start of the SHA-256 of the rows of MANY_SEEDS}
MANY_SEEDS = [k * 107374182 for k in range(20)]
DIGESTS = {
    (0, 1): "b7150d78ac6bae56",
    (0, 2): "f014d018a3edc399",
    (0, 3): "6e87cab9ce93f7ab",
    (0, 10): "c53fcdc27101aa35",
    (0, 37): "5201f859449c53a0",
    (0, 100): "f6930a26702921aa",
    (0, 1000): "99f9152d92e50cce",
    (1, 1): "ceb73e90e884c06a",
    (1, 2): "69243b1d0d03451c",
    (1, 3): "fc496e8f10ee9658",
    (1, 10): "e9266dcd6431dbe6",
    (1, 37): "fc6813408e12e85d",
    (1, 100): "d9f5b1b8c9967eca",
    (1, 1000): "b42130195ea4d2c4",
    (2, 1): "e0969fb7a9a1f4de",
    (2, 2): "737638abcfe82375",
    (2, 3): "fe85fd5ce8302e83",
    (2, 10): "0d5e5552990ae9fb",
    (2, 37): "68551f7eb8549cb3",
    (2, 100): "673eb7bfd33b6864",
    (2, 1000): "57979e515115cd0d",
}
# {place: (of the inverse, of the distribution)}
ENTRIES = {
    0: ("-0x1.071b4c29e9b5ap+3", "0x1.c0bd0f18806a3p-295"),
    1: ("-0x1.303819be96c8bp+2", "0x1.c11939e77ac7ep-295"),
    25000: ("-0x1.f5c02bf1c1500p+0", "0x1.02d78da55ccf3p-266"),
    135335: ("-0x1.19fd3c25128adp+0", "0x1.3fbe7bef68543p-159"),
    500000: ("0x1.506f2d86419aap-20", "0x1.00010bb9d4970p-1"),
    999998: ("0x1.303819be8fb0fp+2", "0x1.0000000000000p+0"),
    999999: ("0x1.06b48528cea52p+3", "0x1.0000000000000p+0"),
}
# {correlation: correlated numbers of COMMON and OWN}
COMMON = (0, 1, 1e-17, 1e-16, 0.0249, 0.025, 0.3, 0.5, 0.975, 0.9751, 1.0)
OWN = (1, 1, 0.5, 0.01, 0.99, 0.3, 0.7, 0.5, 0.0001, 0.9999, 0.0)
CORRELATED = {
    0.0: (
        "0x1.ffffde720e8c7p-1 0x1.ffffde720e8c7p-1 0x1.ffffde720e8bcp-2 0x1.47ae147de65c5p-7 "
        "0x1.fae147ae08668p-1 0x1.33330439e6562p-2 0x1.66665c551aba6p-1 0x1.ffffde720e8bcp-2 "
        "0x1.a36e2e9cc5f13p-14 0x1.fff2e48e8b19cp-1 0x1.0c6f8b9d0ad04p-20"
    ),
    0.25: (
        "0x1.eb09d647686edp-1 0x1.ffffffffa3aa8p-1 0x1.1e30b42dc0e20p-7 0x1.f04c009ac71e6p-32 "
        "0x1.b2e3c24cc73a9p-1 0x1.365722edfa612p-4 0x1.26f765b8e5c0fp-1 0x1.ffffd229eb5dbp-2 "
        "0x1.9a427cb11fc81p-7 0x1.fffe4359210a7p-1 0x1.4f629b89f6532p-5"
    ),
    0.63: (
        "0x1.831c39ad9e501p-3 0x1.ffffffffe2c32p-1 0x1.52611fd890384p-14 0x1.20b6c51a5ccadp-50 "
        "0x1.c63251ebcd73ep-2 0x1.f26366821203dp-6 0x1.d855643854116p-2 0x1.ffffd0f4e2baep-2 "
        "0x1.eb623bada44a7p-3 0x1.fff739fcf6844p-1 0x1.9f38f194b12b8p-1"
    ),
    1.0: (
        "0x1.0c6f8b9d0ad04p-20 0x1.ffffde720e8c7p-1 0x1.0c6f8b9dd0bc9p-20 0x1.cd2b29de137ecp-54 "
        "0x1.97f62b70cfddcp-6 0x1.999582b4291a9p-6 0x1.33330439e6562p-2 0x1.ffffde720e8bcp-2 "
        "0x1.f333325c41812p-1 0x1.f3404ea479810p-1 0x1.ffffde720e8c7p-1"
    ),
}
# The oracle's compiler orders and fuses the operations of the copula in its own way.
COPULA_ERROR = 4e-15


def floats(text):
    """An array of numbers that are written as hexadecimal."""
    return np.array([float.fromhex(each) for each in text.split()])


def random_seeds(n, rng):
    return np.concatenate([[0, HIGHEST_SEED], rng.integers(0, HIGHEST_SEED, n)])


def philox(counter, key, rounds=7):
    """Philox4x32 in plain Python."""
    a, b, c, d = counter
    k, m = key
    for _ in range(rounds):
        p, q = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = q >> 32 ^ b ^ k, q % 2**32, p >> 32 ^ d ^ m, p % 2**32
        k, m = (k + 0x9E3779B9) % 2**32, (m + 0xBB67AE85) % 2**32
    return a, b, c, d


def hypercube(seed, n):
    """Generator 2 in plain Python."""
    key = seed % 2**32, seed >> 32
    jitter, shuffle = (
        [word for block in range((n + 3) // 4) for word in philox((block, stream, 0, 0), key)]
        for stream in (0, 1)
    )
    order = [*range(1, n + 1)]
    for k in range(n - 1):
        last, place = n - 1 - k, int(shuffle[k] * 2**-32 * (n - k))
        order[last], order[place] = order[place], order[last]
    return [(p - word * 2**-32) * (1 / n) for p, word in zip(order, jitter, strict=False)]


@pytest.mark.parametrize(
    ("kind", "factors", "modulus"),
    [
        ("damage", (1543270363, 1943272559), 2**31),
        ("hazard", (1143271949, 1243274353), 1957483729),
        ("correlated", (1836311903, 1943272559), 2**31),
    ],
)
def test_seeds(kind, factors, modulus):
    ids = [0, 1, 2, 77, 2**31 - 1, 2**31, 2**32 - 1, -1, -(2**31)]
    for event in (0, 1, 12345, 2**31 - 1, -1, -(2**31)):
        expected = [(i * factors[0] % modulus + event * factors[1] % modulus) % modulus for i in ids]
        assert uniforms.seeds(kind, ids, event) == expected


@pytest.mark.parametrize("generator", ROWS)
def test_first_numbers_of_seeds(generator):
    expected = np.array([floats(row) for row in ROWS[generator]])
    assert uniform_rows(generator, SEEDS, 5).tobytes() == expected.tobytes()


@pytest.mark.parametrize(("generator", "n"), DIGESTS)
def test_many_numbers(generator, n):
    rows = uniform_rows(generator, MANY_SEEDS, n)
    assert hashlib.sha256(rows.tobytes()).hexdigest().startswith(DIGESTS[generator, n])


@pytest.mark.parametrize("n", [1, 2, 3, 16, 31, 32, 33, 64, 100, 257, 1025])
def test_the_twister_is_numpys(n):
    seeds = random_seeds(37, np.random.default_rng(n))
    uniform, shuffled = [], []
    for seed in seeds:
        state = np.random.RandomState(seed)
        uniform.append(state.random_sample(n))
        order = np.arange(1.0, n + 1)
        state.shuffle(order)
        shuffled.append((order - uniform[-1]) * (1 / n))
    assert uniform_rows(0, seeds, n).tobytes() == np.array(uniform).tobytes()
    assert uniform_rows(1, seeds, n).tobytes() == np.array(shuffled).tobytes()


def test_philox_of_the_paper():
    # known answers that the authors' library comes with
    assert philox((0,) * 4, (0,) * 2) == (0x5F6FB709, 0x0D893F64, 0x4F121F81, 0x4F730A48)
    assert philox((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2) == (0x5207DDC2, 0x45165E59, 0x4D8EE751, 0x8C52F662)


@pytest.mark.parametrize("n", [*range(1, 20), 60, 61, 63, 64, 65, 68, 100, 128, 130, 1366])
def test_philox_in_plain_python(n):
    seeds = [*random_seeds(9, np.random.default_rng(n)).tolist(), 2**32 + 5, 2**62 + 2**33 + 77]
    assert uniform_rows(2, seeds, n).tolist() == [hypercube(seed, n) for seed in seeds]


@pytest.mark.parametrize("generator", [0, 1, 2])
@pytest.mark.parametrize("n", [1, 7, 100])
def test_a_row_depends_on_its_seed_alone(generator, n):
    # as many seeds as are made at once, one more, and many
    seeds = random_seeds(298, np.random.default_rng(3))
    whole = uniform_rows(generator, seeds, n)
    for some in (1, 3, 4, 5, 15, 16, 17, 256, 257):
        assert np.array_equal(uniform_rows(generator, seeds[:some], n), whole[:some])
    assert np.array_equal(uniform_rows(generator, seeds[::-1], n), whole[::-1])


@pytest.mark.parametrize("generator", [0, 1, 2])
def test_nothing_wanted(generator):
    assert uniform_rows(generator, [], 10).shape == (0, 10)
    assert uniform_rows(generator, [1, 2], 0).shape == (2, 0)


def test_what_there_is_none_of():
    with pytest.raises(UsageError, match="the random number generator is 3, expected 0, 1 or 2"):
        uniform_rows(3, [1], 10)
    with pytest.raises(UsageError, match="the number of samples is -1, expected 0 to 2147483646"):
        uniform_rows(0, [1], -1)


@pytest.mark.parametrize("generator", [1, 2])
@pytest.mark.parametrize("n", [1, 2, 10, 37, 1000])
def test_a_latin_hypercube_has_one_number_in_each_stratum(generator, n):
    rows = np.sort(uniform_rows(generator, random_seeds(50, np.random.default_rng(n)), n))
    # number k is above k / n, as u is below 1, and at most (k + 1) / n, up to a rounding
    edge = np.arange(n + 1) / n
    assert (rows >= edge[:-1] - 1e-15).all() and (rows <= edge[1:] + 1e-15).all()


@pytest.mark.parametrize("generator", [0, 1, 2])
def test_numbers_are_uniform(generator):
    rows = uniform_rows(generator, random_seeds(998, np.random.default_rng(8)), 1000)
    counts = np.bincount((rows.ravel() * 100).astype(int).clip(0, 99), minlength=100)
    # 99 degrees of freedom: 162 is exceeded once in 20,000; a hypercube has hardly any scatter
    assert ((counts - 10000) ** 2 / 10000).sum() < 162
    # the order is random: places are not correlated with each other, nor with the numbers
    assert abs(np.corrcoef(rows[:, :-1].ravel(), rows[:, 1:].ravel())[0, 1]) < 5e-3
    assert abs(rows.mean(0) - 0.5).max() < 5 * 12**-0.5 * 1000**-0.5


@pytest.mark.parametrize("place", ENTRIES)
def test_entries_of_the_tables(place):
    for table, expected in zip(tables(), ENTRIES[place], strict=True):
        # exp and log are the machine's
        assert table[place] == pytest.approx(float.fromhex(expected), rel=4e-15, abs=0)


def test_tables_are_the_normal_distribution():
    from statistics import NormalDist

    normal = NormalDist()
    inverse, distribution = tables()
    assert len(inverse) == len(distribution) == 1000000
    for table in (inverse, distribution):
        assert (np.diff(table) >= 0).all()
    for k in range(100, 1000000 - 100, 9973):
        assert inverse[k] == pytest.approx(normal.inv_cdf(k / 999999), rel=1e-9, abs=1e-12)
        assert distribution[k] == pytest.approx(normal.cdf(-20 + k * 40 / 999999), rel=1e-9, abs=1e-15)


def test_threads_share_the_tables(tmp_path):
    # in a process of its own, where nobody has made them yet, and not where ktc's sources are
    script = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from ktc._core.uniforms import correlated\n"
        "with ThreadPoolExecutor(8) as pool:\n"
        "    found = list(pool.map(lambda _: correlated([0.3], [0.7], 0.5)[0], range(8)))\n"
        "print(len(set(found)))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout.split() == [b"1"]


@pytest.mark.parametrize("correlation", CORRELATED)
def test_correlated_numbers(correlation):
    found = correlated(COMMON, OWN, correlation)
    expected = floats(CORRELATED[correlation])
    assert abs(found - expected).max() <= COPULA_ERROR
    # fewer at once, and more than are looked up at once
    for n in (1, 5, 11):
        assert np.array_equal(correlated(COMMON[:n], OWN[:n], correlation), found[:n])
    assert np.array_equal(correlated(COMMON * 17, OWN * 17, correlation), np.tile(found, 17))


@pytest.mark.parametrize("correlation", [0.0, 0.2, 0.5, 0.95, 1.0])
def test_scores_have_the_correlation(correlation):
    n = 200000
    common, own = uniform_rows(0, [1, 2], n)
    found = correlated(common, own, correlation)
    inverse = tables()[0]

    def scores(numbers):
        return inverse[(numbers * 999999).astype(int)]

    # the correlation of the scores of the common part and of the whole is the root of that between two groups
    expected = correlation**0.5
    error = (1 - correlation) / n**0.5
    assert np.corrcoef(scores(common), scores(found))[0, 1] == pytest.approx(expected, abs=4 * error + 1e-5)
    other = correlated(common, uniform_rows(0, [3], n)[0], correlation)
    error = (1 - correlation**2) / n**0.5
    assert np.corrcoef(scores(other), scores(found))[0, 1] == pytest.approx(correlation, abs=4 * error + 1e-5)
    counts = np.bincount((found * 100).astype(int).clip(0, 99), minlength=100)
    assert ((counts - n / 100) ** 2 / (n / 100)).sum() < 162


def test_a_correlation_that_is_none():
    assert np.isnan(correlated([0.5, 0.1], [0.2, 0.9], 1.5)).all()
    assert np.isnan(correlated([0.5], [0.2], float("nan"))).all()
    with pytest.raises(ValueError, match="rows of 1 and 2 numbers, expected two of one length"):
        correlated([0.5], [0.2, 0.3], 0.5)


BESIDE = """
import sys
import numpy as np
from oasislmf.pytools.gul import random

asked = np.load(sys.argv[1])
found = {}
for n in asked["n"]:
    for generator in range(3):
        make = random.get_random_generator(generator)
        found[f"{generator} {n}"] = make(asked["seeds"], int(n))
inverse = random.compute_norm_inv_cdf_lookup(random.x_min, random.x_max, random.norm_inv_N)
normal = random.compute_norm_cdf_lookup(random.cdf_min, random.cdf_max, random.norm_inv_N)
found["inverse"], found["normal"] = inverse, normal
for k, correlation in enumerate(asked["correlation"]):
    out = np.empty_like(asked["common"])
    random.get_corr_rval(
        asked["common"], asked["own"], correlation, random.x_min, inverse, random.inv_factor,
        random.cdf_min, normal, random.norm_factor, len(out), out,
    )
    found[f"correlated {k}"] = out
events = asked["events"]
found["damage"] = [random.generate_hash(i, e) for i in asked["ids"] for e in events]
found["hazard"] = [random.generate_hash_hazard(i, e) for i in asked["ids"] for e in events]
groups = np.arange(1, 9, dtype=np.int64)
found["correlated seeds"] = []
for event in events:
    seeds = np.zeros(9, np.int64)
    random.generate_correlated_hash_vector(groups, event, seeds)
    found["correlated seeds"].append(seeds[1:])
np.savez(sys.argv[2], **found)
"""


@pytest.fixture(scope="module")
def beside(tmp_path_factory):
    """What is asked of the oracle, at random, and its answers."""
    folder = os.environ.get("KTC_ORACLE2")
    if not folder:
        pytest.skip(
            "the oracle is not installed (set KTC_ORACLE2 to the folder of OasisLMF 2.5.8's programs)"
        )
    rng = np.random.default_rng()
    asked = {
        "seeds": random_seeds(100, rng),
        "n": np.unique([1, 2, 3, 10, 37, 1000, *rng.integers(4, 1500, 6)]),
        "common": np.concatenate([[0.0, 1.0], rng.random(300000)]),
        "own": np.concatenate([[1.0, 0.0], rng.random(300000)]),
        "correlation": np.array([0, 1, *rng.random(5)], np.float32),
        "ids": rng.integers(0, 2**32, 20),
        "events": rng.integers(1, 2**31, 20),
    }
    tmp = tmp_path_factory.mktemp("uniforms")
    np.savez(tmp / "asked.npz", **asked)
    command = [Path(folder) / "python", "-c", BESIDE, tmp / "asked.npz", tmp / "found.npz"]
    subprocess.run(command, check=True, cwd=tmp, timeout=600)
    return asked, np.load(tmp / "found.npz")


def test_rows_beside_the_oracle(beside):
    asked, found = beside
    for n in asked["n"]:
        for generator in range(3):
            rows = uniform_rows(generator, asked["seeds"], n)
            assert rows.tobytes() == found[f"{generator} {n}"].tobytes(), (generator, n)


def test_seeds_beside_the_oracle(beside):
    asked, found = beside
    for kind in ("damage", "hazard"):
        ours = np.transpose([uniforms.seeds(kind, asked["ids"].tolist(), event) for event in asked["events"]])
        assert ours.ravel().tolist() == found[kind].tolist()
    ours = [uniforms.seeds("correlated", range(1, 9), event) for event in asked["events"]]
    assert ours == found["correlated seeds"].tolist()


def test_tables_beside_the_oracle(beside):
    _, found = beside
    for table, name in zip(tables(), ("inverse", "normal"), strict=True):
        assert table.tobytes() == found[name].tobytes()


def test_copula_beside_the_oracle(beside):
    asked, found = beside
    for k, correlation in enumerate(asked["correlation"]):
        ours, theirs = correlated(asked["common"], asked["own"], correlation), found[f"correlated {k}"]
        assert abs(ours - theirs).max() <= COPULA_ERROR
        assert (ours.astype("f4") == theirs.astype("f4")).mean() > 0.999
