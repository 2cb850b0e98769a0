"""Number text: Python's own formatting and parsing (correct by definition) over random bits and the hard
cases."""

import locale
import math
import random
import shutil
import struct
import subprocess

import numpy as np
import pytest

from ktc._core import gettext, puttext

RNG = np.random.default_rng(20240229)


def packed(values):
    return np.asarray(values, dtype="<f8").tobytes()


def fixed(values, decimals):
    return puttext.format_fixed(packed(values), decimals).decode().splitlines()


def general(values, digits=6):
    return puttext.format_general(packed(values), digits).decode().splitlines()


def parse_f8(lines):
    return np.frombuffer(gettext.parse(("\n".join(lines) + "\n").encode(), "f8"), "<f8")


def parse_f4(lines):
    return np.frombuffer(gettext.parse(("\n".join(lines) + "\n").encode(), "f4"), "<f4")


def random_floats(n):
    """Finite float32 of random bits, as float64."""
    values = RNG.integers(0, 1 << 32, n, dtype=np.uint32).view(np.float32)
    return values[np.isfinite(values)].astype(np.float64)


def random_doubles(n):
    values = RNG.integers(0, 1 << 64, n, dtype=np.uint64).view(np.float64)
    return values[np.isfinite(values)]


def money(n, dtype):
    """Amounts as losses are: most of 1 to 10**9, some with few decimals."""
    values = np.exp(RNG.uniform(-12, 22, n))
    values[::3] = np.round(values[::3], 2)
    ends = RNG.choice([0, 0.5, 0.25, 0.125, 0.375, 0.625, 0.0625, 2.0**-20], len(values[::7]))
    values[::7] = np.floor(values[::7]) + ends
    return values.astype(dtype).astype(np.float64)


def powers():
    """Every power of two and what lies beside it, in float and double."""
    doubles = np.ldexp(1.0, np.arange(-1074, 1024))
    floats = np.ldexp(np.float32(1), np.arange(-149, 128)).astype(np.float32)
    all64 = np.concatenate([doubles, np.nextafter(doubles, np.inf), np.nextafter(doubles, 0)])
    all32 = np.concatenate(
        [floats, np.nextafter(floats, np.float32(np.inf)), np.nextafter(floats, np.float32(0))]
    )
    return np.concatenate([all64[np.isfinite(all64)], all32[np.isfinite(all32)].astype(np.float64)])


def tens():
    values = [
        float(f"{digits}e{power}")
        for digits in ("1", "5", "9.5", "9.999995", "99999.95")
        for power in range(-60, 60)
    ]
    return np.concatenate([values, np.nextafter(values, 0), np.nextafter(values, np.inf)])


# Writing


@pytest.mark.parametrize(
    "value, decimals, expected",
    [
        (0.5, 0, "0"),
        (1.5, 0, "2"),
        (2.5, 0, "2"),
        (0.25, 1, "0.2"),
        (0.75, 1, "0.8"),
        (0.125, 2, "0.12"),
        (0.375, 2, "0.38"),
        (2.675, 2, "2.67"),
        (1.005, 2, "1.00"),
        (0.999, 2, "1.00"),
        (9.995, 2, "9.99"),
        (99.999, 2, "100.00"),
        (-0.0, 2, "-0.00"),
        (-0.001, 2, "-0.00"),
        (0.0, 6, "0.000000"),
        (1e-7, 6, "0.000000"),
        (5e-7, 6, "0.000000"),
        (0.9999996, 6, "1.000000"),
        (2.0**-7, 6, "0.007812"),
        (3 * 2.0**-7, 6, "0.023438"),
        (5e-324, 15, "0.000000000000000"),
        (float("inf"), 2, "inf"),
        (float("-inf"), 2, "-inf"),
        (2.0**53, 2, "9007199254740992.00"),
        (2.0**63, 0, "9223372036854775808"),
        (2.0**64, 2, "18446744073709551616.00"),
        (3.4028234663852886e38, 2, "340282346638528859811704183484516925440.00"),
    ],
)
def test_fixed_hard_cases(value, decimals, expected):
    assert fixed([value], decimals) == [expected] == ["%.*f" % (decimals, value)]


def test_not_a_number_keeps_its_sign():
    nans = np.array([0x7FF8000000000000, 0xFFF8000000000000], np.uint64).view(np.float64)
    assert fixed(nans, 2) == general(nans) == ["nan", "-nan"]
    assert general([math.inf, -math.inf, 0.0, -0.0]) == ["inf", "-inf", "0", "-0"]


@pytest.mark.parametrize("decimals", [0, 1, 2, 3, 6, 10, 15])
def test_fixed_is_exact(decimals):
    values = np.concatenate(
        [
            random_floats(60000),
            random_doubles(30000),
            money(60000, np.float32),
            money(60000, np.float64),
            powers(),
            tens(),
        ]
    )
    values = np.concatenate([values, -values])
    form = f"%.{decimals}f"
    assert fixed(values, decimals) == [form % v for v in values.tolist()]


@pytest.mark.parametrize("decimals", [1, 2, 6])
def test_fixed_ties_go_to_even(decimals):
    """Odd multiples of 2**-(decimals + 1) end in a 5 behind the last decimal kept."""
    values = RNG.integers(0, 1 << 23, 50000) * 2.0 ** -(decimals + 1)
    form = f"%.{decimals}f"
    assert fixed(values, decimals) == [form % v for v in values.tolist()]


@pytest.mark.parametrize("digits", [1, 2, 6, 9, 15, 17, 25])
def test_general(digits):
    values = np.concatenate(
        [
            random_floats(20000),
            random_doubles(10000),
            money(20000, np.float32),
            money(20000, np.float64),
            powers(),
            tens(),
            np.arange(2000) / 8,
            10.0 ** np.arange(-300, 300),
        ]
    )
    values = np.concatenate([values, -values])
    form = f"%.{digits}g"
    assert general(values, digits) == [form % v for v in values.tolist()]


@pytest.mark.parametrize("kind", ["i4", "u4", "i8", "u8"])
def test_integers(kind):
    limits = np.iinfo(kind)
    values = [limits.min, limits.max, limits.max - 1, limits.min + 1, 0]
    for power in range(20):
        values += [10**power + d for d in (-1, 0, 1)] + [-(10**power) + d for d in (-1, 0, 1)]
    values += [random.Random(power).getrandbits(power) for power in range(1, 65) for _ in range(200)]
    values = np.array([v for v in values if limits.min <= v <= limits.max], dtype=kind)
    lines = puttext.format_integers(values.tobytes(), kind)
    assert lines.decode().splitlines() == [str(v) for v in values.tolist()]
    assert gettext.parse(lines, kind) == values.tobytes()


# Reading


def test_integers_that_do_not_fit():
    for kind, lines in {
        "i4": ["2147483648", "-2147483649", "4294967297"],
        "u4": ["4294967296", "-1"],
        "i8": ["9223372036854775808", "-9223372036854775809", "99999999999999999999"],
        "u8": ["18446744073709551616", "18446744073709551620", "-1", "100000000000000000000"],
    }.items():
        for line in lines + ["", " ", "-", "+", "x", "1x", "1 ", "--1", "0x10", "1.0"]:
            with pytest.raises(ValueError, match="line 1"):
                gettext.parse(line.encode() + b"\n", kind)
    assert gettext.parse(b" \t\r\v\f-7\n+8\n-0\n00012\n", "i4") == struct.pack("4i", -7, 8, 0, 12)
    assert gettext.parse(b"-0\n+0\n", "u8") == bytes(16)


def float_lines():
    doubles = np.concatenate([random_doubles(40000), money(40000, np.float64), powers(), tens()]).tolist()
    floats = np.concatenate([random_floats(40000), money(40000, np.float32)]).tolist()
    lines = [repr(v) for v in doubles + floats]
    lines += (
        ["%.6f" % v for v in doubles if v < 1e30]
        + ["%.9g" % v for v in floats]
        + ["%.2f" % v for v in floats]
    )
    columns = [RNG.integers(low, high, 5000).tolist() for low, high in ((0, 10**6), (0, 10**9), (1, 18))]
    lines += [f"{whole}.{part:0{width}d}" for whole, part, width in zip(*columns)]
    lines += ["0." + "0" * zeros + "123456789012345678901234567890" for zeros in range(0, 340, 7)]
    return lines


def test_doubles_are_nearest():
    lines = float_lines()
    assert np.array_equal(parse_f8(lines), np.array([float(s) for s in lines]))


def nearest_float(line):
    """The float nearest to a decimal, ties to even, by exact rational arithmetic."""
    from fractions import Fraction

    exact = Fraction(line)
    near = np.float32(float(line))
    best = [near, np.nextafter(near, np.float32(np.inf)), np.nextafter(near, np.float32(-np.inf))]
    best = [b for b in best if np.isfinite(b)]
    return min(best, key=lambda b: (abs(Fraction(float(b)) - exact), b.view(np.uint32) & 1))


def test_floats_are_nearest():
    lines = [s for s in float_lines() if abs(float(s)) < 3.4e38]
    got = parse_f4(lines)
    # A double rounded again is right unless it lies on a midpoint of two floats: those go the exact way.
    doubles = np.array([float(s) for s in lines])
    tail = doubles.view(np.uint64) & ((1 << 29) - 1)
    doubtful = (tail == 1 << 28) | (abs(doubles) < 2.0**-126)
    assert np.array_equal(got[~doubtful], doubles[~doubtful].astype(np.float32))
    for i in np.flatnonzero(doubtful)[:4000]:
        assert got[i] == nearest_float(lines[i]), lines[i]


def test_floats_beside_their_midpoints():
    """A midpoint of two floats in full decimals, and what lies closer above and below it than doubles
    resolve."""
    low = np.abs(RNG.integers(1 << 23, 255 << 23, 1500, dtype=np.uint32).view(np.float32))
    low = np.concatenate([low, RNG.integers(1, 1 << 23, 300, dtype=np.uint32).view(np.float32)])
    high = np.nextafter(low, np.float32(np.inf))
    keep = np.isfinite(high)
    low, high = low[keep], high[keep]
    middle = (low.astype(np.float64) + high.astype(np.float64)) / 2
    exact = ["%.200f" % m if m < 1 else "%.30f" % m for m in middle.tolist()]
    even = np.where(low.view(np.uint32) & 1, high, low)
    assert np.array_equal(parse_f4(exact), even)
    assert np.array_equal(parse_f4([s + "0" * 700 + "1" for s in exact]), high)

    def below(line):  # take one from the last non-zero digit and add nines behind it
        head = line.rstrip("0").rstrip(".") if "." in line else line
        return None if head[-1] == "0" or "." not in head else head[:-1] + str(int(head[-1]) - 1) + "9" * 30

    pairs = [(below(s), v) for s, v in zip(exact, low) if below(s)]
    assert len(pairs) > 500
    assert np.array_equal(parse_f4([p[0] for p in pairs]), np.array([p[1] for p in pairs]))


def test_doubles_beside_their_midpoints():
    low = np.abs(random_doubles(2000))
    low = low[(low > 1e-290) & (low < 1e300)]
    from fractions import Fraction

    for value in low[:300].tolist():
        middle = (Fraction(value) + Fraction(math.nextafter(value, math.inf))) / 2
        shift = max(0, middle.denominator.bit_length() - 1)
        digits = str(middle.numerator * 5**shift) + f"e-{shift}" if shift else str(middle.numerator)
        mantissa, _, exponent = digits.partition("e")
        for line in (digits, f"{mantissa}{'0' * 60}1e{int(exponent or 0) - 61}"):
            assert parse_f8([line])[0] == float(line)


def test_forms_of_floats():
    lines = [
        "1",
        "+1.",
        ".5",
        "-.5e1",
        "1E+2",
        "1e-2",
        "0",
        "-0",
        "0e999999999999",
        "00000000000000000000001.50",
        "5e-324",
        "1" + "0" * 400 + "e-400",
        "0." + "0" * 400 + "1e401",
        "2e-324",
        "1e-99999999999999999999",
        " \t7",
    ]
    values = np.array([float(s) for s in lines])
    assert parse_f8(lines).tobytes() == values.tobytes()
    assert parse_f4(lines).tobytes() == values.astype("f4").tobytes()
    assert np.array_equal(parse_f8(["inf", "-INF", "Infinity"]), [math.inf, -math.inf, math.inf])
    assert np.isnan(parse_f4(["nan", "-NaN"])).all() and math.copysign(1, parse_f8(["-nan"])[0]) == -1
    for line in ("", "-", ".", "e5", "1e", "1e+", "1x", "0x1p3", "1,5", "--1", "1 ", "infinit"):
        for kind in ("f4", "f8"):
            with pytest.raises(ValueError, match="line 1"):
                gettext.parse(line.encode() + b"\n", kind)


def test_floats_that_do_not_fit():
    largest = "340282346638528859811704183484516925440"
    assert parse_f4([largest, "340282356779733661637539395458142568447.9"])[1] == np.finfo("f4").max
    for kind, line in (
        ("f4", "340282356779733661637539395458142568448"),
        ("f4", "1e39"),
        ("f4", "-1e300"),
        ("f8", "1e309"),
        ("f8", "1" + "0" * 309),
        ("f4", "1e400"),
    ):
        with pytest.raises(ValueError, match="line 1"):
            gettext.parse(line.encode() + b"\n", kind)


def test_text_does_not_depend_on_the_locale(tmp_path, monkeypatch):
    before = locale.setlocale(locale.LC_NUMERIC)
    if shutil.which("localedef"):
        made = subprocess.run(
            ["localedef", "-i", "de_DE", "-f", "UTF-8", tmp_path / "de_DE.UTF-8"], capture_output=True
        )
        if made.returncode == 0:
            monkeypatch.setenv("LOCPATH", str(tmp_path))
    for name in ("de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "nl_NL.UTF-8"):
        try:
            locale.setlocale(locale.LC_NUMERIC, name)
            break
        except locale.Error:
            continue
    else:
        pytest.skip("no locale with a decimal comma is installed")
    try:
        assert locale.localeconv()["decimal_point"] == ","
        assert fixed([1.5, 1e300], 2) == ["1.50", "%.2f" % 1e300]
        assert general([1.5, 1.25e-200], 6) == ["1.5", "1.25e-200"]
        assert parse_f8(["1.5", "1.2345678901234567890123"]).tolist() == [1.5, 1.2345678901234567890123]
        assert parse_f4(["16777217.0000000001"]).tolist() == [16777218.0]
    finally:
        locale.setlocale(locale.LC_NUMERIC, before)
