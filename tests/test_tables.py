"""Tables between csv and binary: the oracle over generated data, csv as people have it, faults, cuts,
NumPy."""

import calendar
import io
import random
import struct
import warnings
from fractions import Fraction
from importlib import import_module

import numpy as np
import pytest
from support.beside import same_bytes

from ktc import _records, converting, indexed, tables
from ktc.errors import DataError, InputError, TruncatedError, UsageError
from ktc.schemas import TABLES, TOOLS
from ktc.schemas.model import TYPES

CONVERTED = sorted(t.name for t in TABLES.values() if t.tool)
PLAIN = [
    n
    for n in CONVERTED
    if n
    not in (
        "footprint",
        "vulnerability",
        "lossfactors",
        "occurrence",
        "correlations",
        "conditional_vulnerability",
    )
]
NUMBERED = {"items": 0, "coverages": 0, "amplifications": 0, "damage_bin_dict": 0}


class Trickle(io.RawIOBase):
    """A file that gives one byte at a time."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def readable(self):
        return True

    def readinto(self, room):
        part = self.data[self.at : self.at + 1]
        room[: len(part)] = part
        self.at += 1
        return len(part)


def tobin(table, csv, **options):
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tables.tobin(table, csv.encode() if isinstance(csv, str) else csv, out, **options)
    return out.getvalue()


def tocsv(table, data, **options):
    out = io.BytesIO()
    tables.tocsv(table, data, out, **options)
    return out.getvalue().decode()


def whole(rng, type):
    low, high = {
        "i4": (-1 << 31, (1 << 31) - 1),
        "u4": (0, (1 << 32) - 1),
        "i8": (-1 << 63, (1 << 63) - 1),
        "u8": (0, (1 << 64) - 1),
    }[type]
    return rng.choice((low, high, rng.randint(low, high), rng.randint(0, 9), rng.randint(0, 100000)))


def real(rng, type):
    value = rng.choice(
        (
            0.0,
            rng.random(),
            rng.uniform(-1e6, 1e6),
            10 ** rng.uniform(-44, 38),
            -(10 ** rng.uniform(-9, 9)),
            rng.randint(0, 1 << 24) / 64,
        )
    )
    return value if type == "f8" else struct.unpack("f", struct.pack("f", value))[0]


def number_text(rng, value):
    return rng.choice(("%.6f", "%.9g", "%.10e", "%g", "%.2f", "%.17g")) % value


def generated(name, rng, n, areaperil_bytes=4):
    """Rows of a table as text, valid for it."""
    table = TABLES[name]
    lines = []
    for row in range(n):
        values = []
        for field, _ in table.csv_columns():
            type = field.resolved(areaperil_bytes)
            if type[0] != "f":
                values.append(str(whole(rng, type if name != "weights" else "i4")))
            elif name == "quantile":
                values.append(number_text(rng, rng.random()))
            else:
                values.append(number_text(rng, real(rng, type)))
        if name in NUMBERED:
            values[0] = str(row + 1)
        if name == "coverages":
            values[1] = values[1].lstrip("-")
        if name == "events":
            values[0] = str(rng.randint(1, (1 << 31) - 1))
        if name == "damage_bin_dict":
            low, high = sorted(rng.random() for _ in range(2))
            values[1:4] = f"{low:.6f}", f"{high:.6f}", f"{(low + high) / 2:.6f}"
        if name == "returnperiods":
            values[0] = str(rng.choice((5, 10, rng.randint(1, 1000))))
        lines.append(",".join(values))
    return table.csv_header.split("\n")[0] + "\n" + "".join(f"{line}\n" for line in lines)


def packed(name, rng, n):
    """A binary table of n records with any values."""
    table = TABLES[name]
    out = [converting.header_of(table, {})]
    for _row in range(n):
        for field in table.fields:
            type = field.resolved(4)
            value = whole(rng, type) if type[0] != "f" else real(rng, type)
            out.append(struct.pack("<" + TYPES[type][0], value))
    return b"".join(out)


# --- the registry


def test_structs_have_the_sizes_of_the_dtypes():
    sizes = {name: sum(TYPES[type][3] for _, type in fields) for name, fields in _records.structs()}
    for table in TABLES.values():
        for width in (4, 8):
            name = table.name if table.name in sizes else f"{table.name}_u{width}"
            assert table.dtype(width).itemsize == table.size(width) == sizes[name]
            assert list(table.dtype(width).names) == [f.name for f in table.fields]


@pytest.mark.parametrize("name", CONVERTED)
def test_every_table_has_its_tools(name):
    for way in ("tobin", "tocsv"):
        tool = TOOLS[TABLES[name].tool + way]
        module, function = tool.function.split(":")
        assert callable(getattr(import_module(f"ktc.{module}"), function)) and function in tables.__all__
        assert tool.fixed.get("table", name) == name


def test_rules_name_columns_and_header_fields():
    for table in TABLES.values():
        columns = [f.name for f, _ in table.csv_columns()]
        for rule in table.rules:
            assert rule.field in columns
            assert rule.limit is None or rule.limit in [f.name for f in table.header]
            if rule.kind in ("between", "centre"):
                assert rule.low in columns and rule.high in columns


# --- against the oracle


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("seed", range(3))
def test_plain_tables_both_ways(name, seed, oracle, run):
    rng = random.Random(f"{name} {seed}")
    tool = TABLES[name].tool
    csv = generated(name, rng, rng.choice((1, 7, 300)))
    status, binary, said = run([oracle(f"{tool}tobin")], csv.encode())
    assert status == 0, said
    same_bytes(tobin(name, csv), binary, command=[f"{tool}tobin"], stdin=csv.encode(), kind=name)
    for data in (binary, packed(name, rng, 200)):
        flags = ["-r"] if name == "random" else []
        status, text, said = run([oracle(f"{tool}tocsv"), *flags], data)
        assert status == 0, said
        ours = tocsv(name, data, **({"convert": True} if flags else {}))
        same_bytes(ours.encode(), text, command=[f"{tool}tocsv", *flags], stdin=data)


def test_fm_profile_step(oracle, run):
    rng = random.Random(7)
    csv = generated("fm_profile_step", rng, 100)
    binary = run([oracle("fmprofiletobin"), "-S"], csv.encode())[1]
    same_bytes(tobin("fm_profile_step", csv), binary, kind="fm_profile_step")
    text = run([oracle("fmprofiletocsv"), "-S"], binary)[1]
    same_bytes(
        tocsv("fm_profile_step", binary).encode(), text, command=["fmprofiletocsv", "-S"], stdin=binary
    )


def test_damage_bins_with_interval_type(oracle, run):
    data = packed("damage_bin_dict", random.Random(3), 50)
    assert (
        tocsv("damage_bin_dict", data, interval_type=True)
        == run([oracle("damagebintocsv"), "-i"], data)[1].decode()
    )
    csv = "bin_index,bin_from,bin_to,interpolation\n1,0,0,0\n2,0,1,0.5\n"
    assert tobin("damage_bin_dict", csv) == run([oracle("damagebintobin")], csv.encode())[1]


def occurrence_csv(rng, n, form):
    lines = []
    for _ in range(n):
        row = [rng.randint(1, 10**6), rng.randint(1, 1000)]
        if form == "-D":
            row.append(whole(rng, "i4"))
        else:
            year, month = rng.choice((rng.randint(0, 3000), rng.randint(0, 100000))), rng.randint(1, 12)
            row += [year, month, rng.randint(1, calendar.monthrange(2000 + year % 400, month)[1])]
            if form == "-H" and rng.random() < 0.7:
                row += [rng.randint(0, 23), rng.randint(0, 59)]
        lines.append(",".join(map(str, row)) + "\n")
    return "header\n" + "".join(lines)


@pytest.mark.parametrize("form", ["", "-D", "-H"])
def test_occurrence_forms(form, oracle, run):
    csv = occurrence_csv(random.Random(form), 2000, form)
    status, binary, said = run([oracle("occurrencetobin"), "-P1000", *([form] if form else [])], csv.encode())
    assert status == 0, said
    assert tobin("occurrence", csv, periods=1000, date_id=form == "-D", granular=form == "-H") == binary
    text = run([oracle("occurrencetocsv")], binary)[1]
    same_bytes(tocsv("occurrence", binary).encode(), text, command=["occurrencetocsv"], stdin=binary)


def test_lossfactors(oracle, run):
    rng = random.Random(5)
    csv = "event_id,amplification_id,factor\n" + "".join(
        f"{event},{rng.randint(1, 99)},{rng.random():.6f}\n"
        for event in (3, 1, 9, 3)
        for _ in range(rng.randint(1, 40))
    )
    binary = run([oracle("lossfactorstobin")], csv.encode())[1]
    same_bytes(tobin("lossfactors", csv), binary, command=["lossfactorstobin"], stdin=csv.encode())
    text = run([oracle("lossfactorstocsv")], binary)[1]
    same_bytes(tocsv("lossfactors", binary).encode(), text, command=["lossfactorstocsv"], stdin=binary)


def footprint_csv(rng, events=20, maximum=12, digits=6):
    lines = ["event_id,areaperil_id,intensity_bin_id,probability\n"]
    event = 0
    for _ in range(events):
        event += rng.randint(1, 1000)
        for areaperil_bytes in sorted(rng.sample(range(1, 1 << 32), rng.randint(1, 30))):
            bins = rng.sample(range(1, maximum + 1), rng.randint(1, maximum))
            left = 1.0
            for i, bin in enumerate(bins):
                part = left if i == len(bins) - 1 else round(left * rng.random(), digits)
                left -= part
                lines.append(f"{event},{areaperil_bytes},{bin},{part:.{digits}f}\n")
    return "".join(lines)


@pytest.mark.parametrize("flags", [(), ("-n",), ("-N",), ("-z",), ("-z", "-u"), ("-z", "-u", "-N", "-n")])
def test_footprint_both_ways(flags, oracle, run, tmp_path):
    rng = random.Random(11)
    csv = footprint_csv(rng).encode()
    (tmp_path / "csv").write_bytes(csv)
    status, _, said = run([oracle("footprinttobin"), "-i", "12", *flags], csv, cwd=tmp_path)
    assert status == 0, said
    suffix = ".z" if "-z" in flags else ""
    tables.tobin(
        "footprint",
        csv,
        tmp_path / "ours.bin",
        index=tmp_path / "ours.idx",
        max_intensity_bin=12,
        no_uncertainty="-n" in flags,
        compress="-z" in flags,
        sized="-u" in flags,
        validate="-N" not in flags,
    )
    for end in ("bin", "idx"):
        assert (tmp_path / f"ours.{end}{suffix}").read_bytes() == (
            tmp_path / f"footprint.{end}{suffix}"
        ).read_bytes()
    for events in (None, "1-5000", "3000"):
        args = ([] if events is None else ["-e", events]) + (["-z"] if suffix else [])
        status, text, said = run([oracle("footprinttocsv"), *args], cwd=tmp_path)
        assert status == 0, said
        assert (
            tocsv(
                "footprint",
                tmp_path / f"ours.bin{suffix}",
                index=tmp_path / f"ours.idx{suffix}",
                events=events,
                compressed=bool(suffix),
            )
            == text.decode()
        )


def vulnerability_csv(rng):
    lines = ["vulnerability_id,intensity_bin_id,damage_bin_id,probability\n"]
    for vulnerability in sorted(rng.sample(range(1, 1 << 31), 20)):
        for intensity in range(rng.randint(1, 3), rng.randint(4, 9)):
            part = np.array([rng.random() + 0.01 for _ in range(rng.randint(1, 30))])
            for bin, value in enumerate(part / part.sum()):
                lines.append(f"{vulnerability},{intensity},{bin + 1},{value:.9f}\n")
    return "".join(lines)


@pytest.mark.parametrize("flags", [(), ("-N",), ("-S",), ("-i",), ("-z",), ("-z", "-i", "-N")])
def test_vulnerability_both_ways(flags, oracle, run, tmp_path, recwarn):
    csv = vulnerability_csv(random.Random(13)).encode()
    status, out, said = run([oracle("vulnerabilitytobin"), "-d", "30", *flags], csv, cwd=tmp_path)
    assert status == 0, said
    suffix = ".z" if "-z" in flags else ""
    indexed = "-i" in flags or "-z" in flags
    tables.tobin(
        "vulnerability",
        csv,
        tmp_path / "ours.bin",
        max_damage_bin=30,
        validate="-N" not in flags,
        any_intensity_bins="-S" in flags,
        indexed="-i" in flags,
        compress="-z" in flags,
        index=tmp_path / "ours.idx",
    )
    if not indexed:
        same_bytes((tmp_path / "ours.bin").read_bytes(), out, kind="vulnerability_rows")
        text = run([oracle("vulnerabilitytocsv")], out)[1].decode()
        assert tocsv("vulnerability", out) == text
        assert bool(recwarn.list) == ("Vulnerability ID" in said and "WARNING" in said)
        return
    for end in ("bin", "idx"):
        theirs = tmp_path / f"vulnerability.{end}{suffix}"
        assert (tmp_path / f"ours.{end}{suffix}").read_bytes() == theirs.read_bytes()
    text = run([oracle("vulnerabilitytocsv"), "-z" if suffix else "-i"], cwd=tmp_path)[1].decode()
    assert (
        tocsv(
            "vulnerability",
            tmp_path / f"ours.bin{suffix}",
            index=tmp_path / f"ours.idx{suffix}",
            indexed=not suffix,
            compressed=bool(suffix),
        )
        == text
    )


def test_random_numbers_of_a_seed(oracle, run):
    out = io.BytesIO()
    tables.random_tocsv(None, out, generate=3000, seed=1234)
    assert out.getvalue() == run([oracle("randtocsv"), "-g", "3000", "-S", "1234"])[1]


# --- number formats


def test_probabilities_are_printed_as_printf_does():
    rng = random.Random(17)
    bits = [rng.getrandbits(32) for _ in range(50000)]
    values = np.array(bits, np.uint32).view(np.float32)
    values = np.concatenate(
        [
            values[np.isfinite(values)],
            np.float32([0, -0.0, 1, 0.5, 1e-45, 3.4e38, 1e10, 1e11, 99999999999]),
            np.float32(10.0) ** np.arange(-40, 38, dtype=np.float32),
            np.arange(1, 40000, dtype=np.float32) / 32768,
        ]
    )
    records = np.zeros(len(values), TABLES["vulnerability"].dtype())
    records["probability"] = values
    lines = tocsv("vulnerability", struct.pack("<i", 1) + records.tobytes()).splitlines()[1:]
    assert [line.split(", ")[3] for line in lines] == ["%.10e" % v for v in values.tolist()]


def test_correlations_are_printed_shortest():
    table = TABLES["correlations"]
    values = np.float32([0, 1, 0.7, 0.1, 1e-7, 1 / 3, 16777216, -0.25])
    records = np.zeros(len(values), table.dtype())
    records["damage_correlation_value"] = values
    lines = tocsv("correlations", records.tobytes()).splitlines()
    assert lines[0] == (
        "item_id,peril_correlation_group,damage_correlation_value,hazard_group_id,hazard_correlation_value"
    )
    assert lines[1] == "0,0,0.0,0,0.0"
    shown = [line.split(",")[2] for line in lines[1:]]
    assert shown[:4] == ["0.0", "1.0", "0.7", "0.1"]
    assert np.array_equal(np.float32(shown), values)
    assert tobin("correlations", "\n".join(lines).replace("0,0", "0,0")) == records.tobytes()


def correlations(name, n, damage=0.5, **values):
    records = np.zeros(n, TABLES[name].dtype())
    records["item_id"], records["peril_correlation_group"] = range(1, n + 1), 1
    records["damage_correlation_value"] = damage
    for field, value in values.items():
        records[field] = value
    return records.tobytes()


@pytest.mark.parametrize("name, fields", [("correlations", 5), ("correlations_sourced", 6)])
def test_correlations_have_five_fields_or_six(name, fields):
    """The header of the csv says it, and the size of the binary, or its rows where 120 bytes are both."""
    for n in (1, 5, 6, 24, 30, 4096):
        data = correlations(name, n)
        text = tocsv("correlations", data)
        assert text.splitlines()[0] == TABLES[name].csv_header and text.count("\n") == n + 1
        assert tobin("correlations", text) == tobin("correlations", text, fields=fields) == data
        assert text == tocsv("correlations", data, fields=fields)
        rows = text.split("\n", 1)[1]
        assert tobin("correlations", rows, no_header=True) == data
    assert tocsv("correlations", Trickle(data)) == text
    with pytest.raises(TruncatedError):
        tocsv("correlations", correlations(name, 7)[:-1])


def test_correlations_that_may_be_either():
    for data in (correlations("correlations", 6, damage=1.5), correlations("correlations_sourced", 5, 2)):
        with pytest.raises(DataError) as error:
            tocsv("correlations", data)
        assert str(error.value) == (
            "memory: byte 0: 120 bytes are 6 records of 5 fields or 5 of 6, and neither makes sense; "
            "say which (--fields)"
        )
        for fields, n in ((5, 6), (6, 5)):
            assert tocsv("correlations", data, fields=fields).count("\n") == 1 + n
    # of 24 bytes a record, or cut off
    assert tocsv("correlations", correlations("correlations_sourced", 1, damage=9)).endswith("9.0,0,0.0,0\n")
    with pytest.raises(TruncatedError, match="byte 48: .* expected 20 bytes"):
        tocsv("correlations", correlations("correlations", 3)[:48])
    assert tocsv("correlations", b"") == TABLES["correlations"].csv_header + "\n"
    with pytest.raises(UsageError, match="expected 5 or 6"):
        tocsv("correlations", b"", fields=7)


def test_correlations_that_lose_or_lack_a_column():
    text = tocsv("correlations", correlations("correlations_sourced", 3, source_item_id=[0, 1, 1]))
    assert tobin("correlations", text, fields=5) == correlations("correlations", 3)
    with pytest.raises(DataError, match="source_item_id"):
        tobin("correlations", tocsv("correlations", correlations("correlations", 3)), fields=6)


def test_conditional_vulnerability():
    header = TABLES["conditional_vulnerability"].csv_header
    text = header + "\n9,1,1,1\n9,3,1,0.25\n9,3,4,0.75\n"
    data = struct.pack("<i", 4) + b"".join(
        struct.pack("<3if", *row) for row in ((9, 1, 1, 1), (9, 3, 1, 0.25), (9, 3, 4, 0.75))
    )
    assert tobin("conditional_vulnerability", text, max_damage_bin=4) == data
    shown = text.replace(",1\n", ",1.0000000000e+00\n").replace("0.25", "2.5000000000e-01")
    assert tocsv("conditional_vulnerability", data) == shown.replace("0.75", "7.5000000000e-01")
    for rows, words in (
        ("9,1,1,0.5", "line 2: .* sum to 0.500000, expected 1"),
        ("9,1,5,1", "line 2: .*damage_bin is 5, more than the maximum given, 4"),
        ("9,2,1,1\n9,1,1,1", "line 3: .*source_damage_bin is less than in the row before"),
        ("9,1,1,0.5\n9,1,1,0.5", "line 3: .*damage_bin 1 comes twice"),
        ("0,1,1,1", "line 2: .*vulnerability_id is 0, expected at least 1"),
    ):
        with pytest.raises(DataError, match=words):
            tobin("conditional_vulnerability", f"{header}\n{rows}\n", max_damage_bin=4)
    tobin("conditional_vulnerability", f"{header}\n9,1,1,0.5\n", max_damage_bin=4, validate=False)
    with pytest.raises(UsageError, match="-d"):
        tobin("conditional_vulnerability", text)


def test_numbers_are_read_as_strtof_and_strtod_do():
    rng = random.Random(19)
    texts = []
    for _ in range(20000):
        digits = rng.randint(0, 17)
        texts.append(
            rng.choice(
                (
                    f"{rng.random():.{digits}f}",
                    f"{rng.uniform(0, 10 ** rng.randint(0, 9)):.{digits}f}",
                    f"{rng.randint(0, 1 << 24)}.{rng.randint(0, 10**digits)}",
                    f"{rng.random():.{digits}e}",
                    f"{(rng.randint(0, 1 << 25) + 0.5) / 2 ** rng.randint(0, 25):.{digits}f}",
                )
            )
        )
    # float32 of a text is not float32 of its float64: the exact value decides
    exact = [nearest_float(t) for t in texts]
    got = tables.read_csv("random", ("h\n" + "\n".join(texts)).encode())["random_no"]
    assert got.tolist() == [float(v) for v in exact]
    got = tables.read_csv("periods", ("h\n" + "\n".join(f"1,{t}" for t in texts)).encode())["weighting"]
    assert got.tolist() == [float(t) for t in texts]


def nearest_float(text):
    """The float32 nearest to a decimal, ties to even."""
    exact, near = Fraction(text), np.float32(text)
    around = [np.nextafter(near, np.float32(-np.inf)), near, np.nextafter(near, np.float32(np.inf))]
    return min(around, key=lambda v: (abs(Fraction(float(v)) - exact), int(v.view(np.uint32)) & 1))


@pytest.mark.parametrize(
    "text", ["0", "2147483647", "-2147483648", "+7", "007", "99999999", "100000000", "000000000000001"]
)
def test_whole_numbers(text):
    expected = struct.pack("<i", int(text))
    assert tobin("returnperiods", f"h\n{text}\n") == tobin("returnperiods", f"h\n{text}") == expected


@pytest.mark.parametrize(
    "table, tool_name",
    [("returnperiods", "returnperiodtobin"), ("events", "evetobin"), ("items", "itemtobin")],
)
def test_whole_numbers_with_decimals_of_0(table, tool_name, oracle, run):
    """As pandas writes a column of whole numbers with a gap, and settings have return_periods: [250.0].
    Behind the last column, for which ktools takes the digits before the point; others are data that it does
    not take."""
    row = "1,1,1,1," if table == "items" else ""
    for text in ("250.0", "10.00", "7.", "3.0,note", "5.0 "):
        csv = f"h\n{row}{text}\n{row.replace('1', '2', 1)}2.0\n".encode()
        status, binary, _ = run([oracle(tool_name)], csv)
        assert status == 0 and tobin(table, csv) == binary
    for text in ("2.5", "2.05", "2.0x", "2.0.0"):
        with pytest.raises(DataError, match="line 2"):
            tobin(table, f"h\n{row}{text}\n")


@pytest.mark.parametrize(
    "text", ["2147483648", "-2147483649", "12345678901234567890123", "1e3", "", "x", "-", "1_0", "0x1"]
)
def test_what_is_no_whole_number(text):
    with pytest.raises(DataError):
        tobin("returnperiods", f"h\n{text},\n")


# --- csv as people have it

ITEMS = (
    "item_id,coverage_id,areaperil_id,vulnerability_id,group_id\n1,1,4294967295,8,1\n2,1,54,2,-2147483648\n"
)


@pytest.mark.parametrize(
    "csv",
    [
        ITEMS.replace("\n", "\r\n"),
        "\ufeff" + ITEMS,
        ITEMS[:-1],
        ITEMS + "\n\n \r\n",
        ITEMS.replace(",", " , "),
        ITEMS.replace(",", "\t,\t"),
        ITEMS.replace("\n", ",77,a note\n"),
        ITEMS.replace("1,1,", "+01,1,"),
        "\ufeff" + ITEMS.replace("\n", "\r\n")[:-2],
    ],
)
def test_csv_variants(csv):
    assert (
        tobin("items", csv)
        == tobin("items", ITEMS)
        == struct.pack("<iiIii", 1, 1, 4294967295, 8, 1) + struct.pack("<iiIii", 2, 1, 54, 2, -2147483648)
    )


def test_exponents_and_signs():
    assert tobin("random", "number\n1e3\n 1E-3\n+2.5e+1\n-.5\n5.\n") == struct.pack(
        "<5f", 1000, 0.001, 25, -0.5, 5
    )


def test_header_may_be_missing_where_it_is_said():
    assert tobin("events", "1\n5\n", no_header=True) == struct.pack("<2i", 1, 5)
    assert tobin("events", "", no_header=True) == b""
    assert tobin("items", ITEMS.split("\n", 1)[1], no_header=True) == tobin("items", ITEMS)


def test_wide_areaperils():
    csv = ITEMS.replace("4294967295", "18446744073709551615")
    data = tobin("items", csv, areaperil_bytes=8)
    assert data == struct.pack("<iiQii", 1, 1, (1 << 64) - 1, 8, 1) + struct.pack(
        "<iiQii", 2, 1, 54, 2, -2147483648
    )
    assert tocsv("items", data, areaperil_bytes=8) == csv.replace(",", ", ").replace(
        "item_id, coverage_id, areaperil_id, vulnerability_id, group_id", ITEMS[:58]
    )


def test_weights_keep_areaperils_beyond_31_bits():
    data = tobin("weights", "areaperil_id,vulnerability_id,weight\n3000000000,1,0.5\n")
    assert data == struct.pack("<Iif", 3000000000, 1, 0.5)
    text = tocsv("weights", data)
    assert text.splitlines()[1] == "-1294967296,1,0.500000"
    assert tobin("weights", text) == data


def test_rows_alone_and_one_byte_at_a_time(tmp_path):
    rng = random.Random(23)
    for name in PLAIN + ["fm_profile_step", "lossfactors"]:
        csv = generated(name, rng, 5).encode()
        data = tobin(name, csv)
        out = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tables.tobin(name, Trickle(csv), out)
        assert out.getvalue() == data
        options = {"convert": True} if name == "random" else {}
        assert tocsv(name, Trickle(data), **options) == tocsv(name, data, **options)
    csv = footprint_csv(rng, 3).encode()
    tables.tobin("footprint", csv, tmp_path / "a", index=tmp_path / "ai", max_intensity_bin=12)
    tables.tobin("footprint", Trickle(csv), tmp_path / "b", index=tmp_path / "bi", max_intensity_bin=12)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "ai").read_bytes() == (tmp_path / "bi").read_bytes()


def test_lines_longer_and_shorter_than_the_buffer():
    n = 40000
    csv = "event_id\n" + "".join(f"{i}{' ' * (i % 40)}\n" for i in range(1, n + 1))
    assert tobin("events", io.BytesIO(csv.encode())) == np.arange(1, n + 1, dtype="<i4").tobytes()


def test_return_periods_are_sorted_once_each():
    assert tobin("returnperiods", "return_period\n5\n100\n5\n20\n") == struct.pack("<3i", 100, 20, 5)


# --- faults

F, V, D = (TABLES[n].csv_header + "\n" for n in ("footprint", "vulnerability", "damage_bin_dict"))


@pytest.mark.parametrize(
    "table, csv, options, pieces",
    [
        ("items", "", {}, ["byte 0", "empty input", "header"]),
        ("items", "1,1,1,1,1\n2,1,1,1,1\n", {}, ["line 1: '1,1,1,1,1'", "header"]),
        ("items", ITEMS + "3,x,1,1,1\n", {}, ["line 4: '3,x,1,1,1'", "column 2 (coverage_id)", "'x'"]),
        ("items", ITEMS + "3,1,1\n", {}, ["line 4: '3,1,1'", "expected 5 columns", "found 3"]),
        ("items", ITEMS + "3,,1,1,1\n", {}, ["line 4", "column 2 (coverage_id)", "''"]),
        ("items", ITEMS + "4,1,1,1,1\n", {}, ["line 4: '4,1,1,1,1'", "item_id is 4, expected 3"]),
        ("items", ITEMS + "\n3,1,1,1,1\n", {}, ["line 5", "blank line"]),
        ("items", ITEMS + "3,1,-1,1,1\n", {}, ["line 4", "column 3 (areaperil_id)", "'-1'"]),
        ("items", ITEMS + "3,1,4294967296,1,1\n", {}, ["column 3 (areaperil_id)", "4294967296"]),
        ("items", ITEMS + "3,2147483648,1,1,1\n", {}, ["column 2 (coverage_id)", "2147483648"]),
        ("items", ITEMS + "3,1.5,1,1,1\n", {}, ["line 4", "column 2 (coverage_id)", "'1.5'"]),
        ("items", ITEMS + "3,1,1,1,1x\n", {}, ["line 4", "column 5 (group_id)", "'1x'"]),
        ("items", ITEMS + "3;1;1;1;1\n", {}, ["line 4", "column 1 (item_id)", "'3;1;1;1;1'"]),
        ("items", ITEMS + "3,1,1,1,1" + " " * 70000 + "\n", {}, ["line 4", "no end within"]),
        ("coverages", "id,tiv\n1,nan\n", {}, ["line 2: '1,nan'", "finite"]),
        ("coverages", "id,tiv\n1,1e39\n", {}, ["line 2: '1,1e39'", "fits a float"]),
        ("coverages", "id,tiv\n1,5\n3,5\n", {}, ["line 3", "coverage_id is 3, expected 2"]),
        ("events", "event_id\n0\n", {}, ["line 2: '0'", "event_id is 0, expected at least 1"]),
        ("quantile", "quantile\n1.1\n", {}, ["line 2: '1.1'", "quantile is 1.1"]),
        (
            "amplifications",
            "item_id,amplification_id\n1,1\n3,1\n",
            {},
            ["line 3", "item_id is 3, expected 2"],
        ),
        ("occurrence", "h\n1,11,1\n", {"periods": 10, "date_id": True}, ["line 2", "period_no is 11", "10"]),
        ("occurrence", "h\n1,1,2000,13,1\n", {"periods": 10}, ["line 2", "not a date"]),
        ("occurrence", "h\n1,1,2000,1,1,24,0\n", {"periods": 10, "granular": True}, ["line 2", "not a date"]),
        (
            "occurrence",
            "h\n1,1,2000,1,1,23\n",
            {"periods": 10, "granular": True},
            ["line 2", "hour without a minute"],
        ),
        ("occurrence", "h\n1,1,99999999,1,1\n", {"periods": 10}, ["line 2", "not a date"]),
        ("damage_bin_dict", D, {}, ["line 2", "expected rows"]),
        ("damage_bin_dict", D + "2,0,0,0\n", {}, ["line 2", "bin_index is 2, expected 1"]),
        ("damage_bin_dict", D + "1,0,0,0\n2,0,1,0.5,7\n", {}, ["line 3", "5 columns, expected 4"]),
        ("damage_bin_dict", D + "1,0.5,1,0.4\n", {}, ["line 2", "0.4 lies outside 0.5 to 1"]),
        ("vulnerability", V, {"max_damage_bin": 9}, ["line 2", "expected rows"]),
        (
            "vulnerability",
            V + "1,1,1,1\n1,2,1,.5\n",
            {"max_damage_bin": 9},
            ["intensity_bin_id 2", "sum to 0.5"],
        ),
        (
            "vulnerability",
            V + "1,1,1,1\n1,3,1,1\n",
            {"max_damage_bin": 9},
            ["line 3", "intensity_bin_id is 3"],
        ),
        ("vulnerability", V + "2,1,1,1\n1,1,1,1\n", {"max_damage_bin": 9}, ["line 3", "ascending"]),
        (
            "vulnerability",
            V + "1,1,2,1\n",
            {"max_damage_bin": 9},
            ["line 2", "damage_bin_id is 2, expected 1"],
        ),
        (
            "vulnerability",
            V + "1,1,1,1\n",
            {"max_damage_bin": 0},
            ["line 2", "damage_bin_id is 1", "maximum"],
        ),
        ("vulnerability", V + "1,1,9,1\n", {"max_damage_bin": 8, "validate": False}, ["line 2", "maximum"]),
    ],
)
def test_wrong_rows_are_named(table, csv, options, pieces):
    with pytest.raises(DataError) as caught:
        tobin(table, csv, **options)
    for piece in pieces:
        assert piece in str(caught.value)


@pytest.mark.parametrize(
    "rows, pieces",
    [
        ("1,1,1,.5\n", ["line 2", "event_id 1, areaperil_id 1", "sum to 0.5"]),
        ("1,1,1,.5\n1,2,1,1\n", ["line 3", "event_id 1, areaperil_id 1", "sum to 0.5"]),
        ("2,1,1,1\n1,1,1,1\n", ["line 3", "event_id is less"]),
        ("1,2,1,1\n1,1,1,1\n", ["line 3", "areaperil_id is less"]),
        ("1,1,1,.5\n1,1,2,0\n1,1,1,.5\n", ["line 4", "intensity_bin_id 1 comes twice"]),
        ("0,1,1,1\n", ["line 2", "event_id is 0"]),
        ("1,0,1,1\n", ["line 2", "areaperil_id is 0"]),
        ("1,1,13,1\n", ["line 2", "intensity_bin_id is 13", "maximum"]),
    ],
)
def test_wrong_footprints_are_named_and_leave_nothing(rows, pieces, tmp_path):
    with pytest.raises(DataError) as caught:
        tables.tobin(
            "footprint",
            (F + rows).encode(),
            tmp_path / "f.bin",
            index=tmp_path / "f.idx",
            max_intensity_bin=12,
        )
    for piece in pieces:
        assert piece in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_strange_rows_are_warned_of():
    with pytest.warns(UserWarning, match="bin_from of the first row is 0.1"):
        tables.tobin("damage_bin_dict", (D + "1,0.1,1,0.55\n").encode(), io.BytesIO())
    with pytest.warns(UserWarning, match="line 2: interpolation 0.6 is not the centre 0.5"):
        tables.tobin("damage_bin_dict", (D + "1,0,1,0.6\n").encode(), io.BytesIO())
    with pytest.warns(UserWarning, match="vulnerability_id 2 has no intensity_bin_id 2"):
        tables.tobin(
            "vulnerability", (V + "1,1,1,1\n1,2,1,1\n2,1,1,1\n").encode(), io.BytesIO(), max_damage_bin=1
        )


def test_usage():
    with pytest.raises(UsageError):
        tables.tobin("nothing", b"")
    for part in ("occurrence_dates", "vulnerability_rows"):
        with pytest.raises(UsageError, match="part or a form"):
            tables.tobin(part, b"h\n", io.BytesIO())
        with pytest.raises(UsageError, match="part or a form"):
            tables.tocsv(part, b"", io.BytesIO())
    with pytest.raises(UsageError):
        tables.tobin("occurrence", b"h\n", io.BytesIO())
    with pytest.raises(UsageError):
        tables.tobin("items", b"h\n", io.BytesIO(), validate=False)
    with pytest.raises(UsageError):
        tables.tocsv("footprint", "only the data")
    with pytest.raises(InputError):
        tables.tocsv("items", "there is no such file", io.BytesIO())
    for events in ("0-5", "x", "1-2-3", "-4"):
        with pytest.raises(UsageError):
            indexed.event_range(events)


@pytest.mark.parametrize("name", [n for n in CONVERTED if n != "footprint"])
def test_cut_binaries(name):
    rng = random.Random(29)
    if name == "lossfactors":
        data, whole_sizes = tobin(name, "h\n1,1,1\n1,2,1\n2,1,1\n"), (4, 28, 44)
    elif name == "occurrence":
        data = tobin(name, "h\n1,1,2000,1,1,2,3\n2,1,2001,1,1\n", periods=5, granular=True)
        whole_sizes = (8, 24, 40)
    else:
        data = packed(name, rng, 3)
        header, size = TABLES[name].header_size(), TABLES[name].size()
        whole_sizes = tuple(header + i * size for i in range(4))
    options = {"random": {"convert": True}, "correlations": {"fields": 5}}.get(name, {})
    for cut in range(len(data) + 1):
        if cut in whole_sizes:
            lines = tocsv(name, data[:cut], **options).count("\n")
            assert lines == {4: 1, 28: 3, 44: 4}[cut] if name == "lossfactors" else 1 + whole_sizes.index(cut)
            continue
        with pytest.raises(TruncatedError) as caught:
            tocsv(name, data[:cut], **options)
        assert f"byte {cut}" in str(caught.value)
        if name not in ("lossfactors",):
            with pytest.raises(TruncatedError):
                tables.read_table(name, data[:cut])


@pytest.mark.parametrize("compress", [False, True])
def test_cut_footprints(compress, tmp_path):
    suffix = ".z" if compress else ""
    csv = F + "1,1,1,1\n2,1,1,.5\n2,1,2,.5\n"
    tables.tobin(
        "footprint",
        csv.encode(),
        tmp_path / "f",
        index=tmp_path / "i",
        max_intensity_bin=2,
        compress=compress,
        sized=compress,
    )
    data, index = (tmp_path / f"f{suffix}").read_bytes(), (tmp_path / f"i{suffix}").read_bytes()
    (tmp_path / "index").write_bytes(index)
    for cut in range(len(data)):
        (tmp_path / "data").write_bytes(data[:cut])
        with pytest.raises(DataError):
            tocsv("footprint", tmp_path / "data", index=tmp_path / "index", compressed=compress)
    (tmp_path / "data").write_bytes(data)
    for cut in range(len(index)):
        (tmp_path / "index").write_bytes(index[:cut])
        if cut % (28 if compress else 20):
            with pytest.raises(TruncatedError):
                tocsv("footprint", tmp_path / "data", index=tmp_path / "index", compressed=compress)


@pytest.mark.parametrize(
    "name, csv, options",
    [
        ("footprint", F + "1,1,1,1\n2,1,1,.5\n2,1,2,.5\n", {"max_intensity_bin": 2}),
        (
            "vulnerability",
            "vulnerability_id,intensity_bin_id,damage_bin_id,probability\n1,1,1,1\n2,1,1,1\n",
            {"max_damage_bin": 1, "indexed": True},
        ),
    ],
)
def test_tables_with_an_index_in_memory(name, csv, options, tmp_path):
    tables.tobin(name, csv.encode(), tmp_path / "data", index=tmp_path / "index", **options)
    reading = {"indexed": True} if "indexed" in options else {}
    files = tmp_path / "data", tmp_path / "index"
    expected = tocsv(name, files[0], index=files[1], **reading)
    for kind in (bytes, memoryview, lambda data: np.frombuffer(data, "u1")):
        data, index = (kind(path.read_bytes()) for path in files)
        assert tocsv(name, data, index=index, **reading) == expected
    with pytest.raises(
        TruncatedError, match="memory: byte 0: .*header"
    ):  # none, and not the file of that name
        tocsv(name, np.empty(0, "u1"), index=files[1], **reading)
    with pytest.raises(TypeError, match="cannot map BytesIO; expected a path or a buffer"):
        tocsv(name, io.BytesIO(files[0].read_bytes()), index=files[1], **reading)


def test_packets_with_a_wrong_count():
    with pytest.raises(DataError, match="byte 8: count of event_id 1 is -1"):
        tocsv("lossfactors", struct.pack("<3i", 0, 1, -1))


def test_lossfactors_of_no_event():
    assert tobin("lossfactors", "event_id,amplification_id,factor\n") == bytes(4)
    assert tobin("lossfactors", "h\n0,1,2\n") == struct.pack("<4if", 0, 0, 1, 1, 2)


def test_hours_without_the_flag_do_not_move_the_date():
    day = tobin("occurrence", "h\n1,1,2000,1,2\n", periods=1)
    assert tobin("occurrence", "h\n1,1,2000,1,2,23,59\n", periods=1) == day


def test_unknown_date_options():
    with pytest.raises(DataError, match="date_options is 2"):
        tocsv("occurrence", struct.pack("<2i", 2, 1))


def test_header_line_can_be_left_out():
    data = tobin("items", ITEMS)
    assert tocsv("items", data, skip_header=True) == tocsv("items", data).split("\n", 1)[1]


# --- NumPy


@pytest.mark.parametrize("name", PLAIN)
def test_read_and_write_tables(name, tmp_path):
    data = packed(name, random.Random(31), 20)
    path = tmp_path / "table.bin"
    path.write_bytes(data)
    array = tables.read_table(name, path)
    assert array.dtype == TABLES[name].dtype() and len(array) == 20 and isinstance(array, np.memmap)
    assert np.array_equal(tables.read_table(name, data), array)
    assert np.array_equal(tables.read_table(name, io.BytesIO(data)), array)
    tables.write_table(name, array, tmp_path / "again.bin")
    assert (tmp_path / "again.bin").read_bytes() == data


def test_read_csv():
    items = tables.read_csv("items", ITEMS.encode())
    assert items.tolist() == [(1, 1, 4294967295, 8, 1), (2, 1, 54, 2, -2147483648)]
    footprint = tables.read_csv("footprint", (F + "7,8,1,.25\n7,8,3,.75\n").encode(), areaperil_bytes=8)
    assert footprint.dtype.names == ("event_id", "areaperil_id", "intensity_bin_id", "probability")
    assert footprint.tolist() == [(7, 8, 1, 0.25), (7, 8, 3, 0.75)]
    assert tables.read_csv("coverages", b"coverage_id,tiv\n1,5\n").tolist() == [(1, 5.0)]
    assert tables.read_csv("fm_policytc", b"h\n1,2,3,4\n").tolist() == [(1, 2, 3, 4)]


def test_read_table_of_other_shapes():
    factors = tables.read_table("lossfactors", tobin("lossfactors", "h\n1,1,1.5\n1,2,2\n2,1,3\n"))
    assert factors.tolist() == [(1, 1, 1.5), (1, 2, 2.0), (2, 1, 3.0)]
    dates = tables.read_table(
        "occurrence", tobin("occurrence", "h\n4,1,0,3,2,1,1\n", periods=1, granular=True)
    )
    assert dates.tolist() == [(4, 1, 1440 + 61)]
    out = io.BytesIO()
    tables.write_table("occurrence", dates, out, number_of_periods=9)
    assert out.getvalue() == struct.pack("<4i", 0, 9, 4, 1) + struct.pack("<i", 1501)


def test_write_table_refuses_what_does_not_fit():
    array = np.array([(1 << 40,)], [("event_id", "i8")])
    with pytest.raises(DataError, match="event_id"):
        tables.write_table("events", array, io.BytesIO())
    with pytest.raises(DataError, match="tiv"):
        tables.write_table("coverages", np.array([(1e300,)], [("tiv", "f8")]), io.BytesIO())
    with pytest.raises(UsageError):
        tables.write_table("items", array, io.BytesIO())
    with pytest.raises(UsageError):
        tables.write_table("events", array, io.BytesIO(), number_of_periods=4)


# --- the console scripts


def test_scripts(tool, run, tmp_path):
    data = struct.pack("<2i", 1, 5)
    assert (
        run([tool("evetobin")], b"event_id\n1\n5\n")[:2]
        == run([tool("evetobin"), "-n"], b"1\n5\n")[:2]
        == (0, data)
    )
    assert run([tool("evetocsv")], data)[:2] == (0, b"event_id\n1\n5\n")
    assert run([tool("evetocsv"), "-s"], data)[:2] == (0, b"1\n5\n")
    status, _out, said = run([tool("itemtobin")], (ITEMS + "3,1,x,1,1\n").encode())
    assert (
        status == 1
        and "itemtobin: error: standard input: line 4: '3,1,x,1,1': column 3 (areaperil_id)" in said
    )
    status, _out, said = run([tool("occurrencetobin")], b"h\n")
    assert status == 2 and "-P" in said
    status, _out, said = run([tool("footprinttocsv")], cwd=tmp_path)
    assert status == 3 and "footprint.bin" in said
    status, _out, said = run(
        [tool("footprinttobin"), "-i", "1", "-zu"], (F + "1,1,1,1\n").encode(), cwd=tmp_path
    )
    assert status == 0 and sorted(p.name for p in tmp_path.iterdir()) == [
        "footprint.bin.z",
        "footprint.idx.z",
    ]
    assert run([tool("footprinttocsv"), "-z"], cwd=tmp_path)[1].decode() == F + "1, 1, 1, 1.0000000000e+00\n"
    step = tobin("fm_profile_step", generated("fm_profile_step", random.Random(1), 2))
    assert run([tool("fmprofiletocsv"), "-S"], step)[1].decode() == tocsv("fm_profile_step", step)


def test_wide_areaperils_by_the_environment(tool, run):
    data = tobin("items", ITEMS, areaperil_bytes=8)
    assert run([tool("itemtobin")], ITEMS.encode(), env={"KTC_AREAPERIL_BYTES": "8"})[1] == data
    assert run([tool("itemtobin"), "--areaperil-bytes", "8"], ITEMS.encode())[1] == data


@pytest.mark.posix
def test_output_that_cannot_be_written(tool, run):
    data = struct.pack("<i", 1) * 1000
    status, _, said = run(["sh", "-c", f"{tool('evetocsv')} > /dev/full"], data)
    assert status == 4 and "No space left" in said


# Files of some length are read by the quick form, their last 80 bytes or so by the general one, which has the
# word.


def odd_number(rng, type):
    if type[0] != "f" and rng.random() < 0.6:
        return str(rng.randrange(10 ** rng.randint(1, 9)))
    if type[0] != "f":
        return rng.choice(
            (
                str(whole(rng, type)),
                str(whole(rng, type)),
                str(rng.randrange(10 ** rng.randint(1, 19))),
                f"-{rng.randrange(10 ** rng.randint(1, 11))}",
                f"+{rng.randrange(100)}",
                "-0",
                "-",
                "",
                "1.0",
                "007",
                "1e3",
                "12a",
                "0x1f",
                "- 1",
                "--1",
            )
        )
    digits = str(rng.randrange(10 ** rng.randint(1, 10)))
    return rng.choice(
        (
            number_text(rng, real(rng, type)),
            number_text(rng, real(rng, type)),
            f"{digits}.{rng.randrange(10 ** rng.randint(1, 18))}",
            f"{digits}.{rng.randrange(10 ** rng.randint(1, 11))}e{rng.choice('+-')}{rng.randrange(45)}",
            f"{digits}e5",
            f"{digits}.E+2",
            f"-{digits}",
            f"-.{digits}",
            f"{digits}.",
            ".5",
            "1e",
            "1e+",
            "-0.0",
            "1.5.2",
            "nan",
            "inf",
            "1e39",
            "-1e-60",
            "16777217",
            "16777219.0",
            "0.1000000014901161193847656",
        )
    )


def odd_line(rng, fields, areaperil_bytes):
    values = [
        rng.choice(("", "", "", " ", "  ", "\t"))
        + odd_number(rng, f.resolved(areaperil_bytes))
        + rng.choice(("",) * 12 + (" ", "\t", "x"))
        for f in fields
    ]
    if rng.random() < 0.05:
        values = values[:-1]
    if rng.random() < 0.05:
        values += ["1", "and more"]
    return ",".join(values) + rng.choice(("\n", "\n", "\n", "\r\n", "\r\r\n"))


@pytest.mark.parametrize(
    "name, areaperil_bytes",
    [
        ("gulsummaryxref", 4),
        ("weights", 4),
        ("footprint", 8),
        ("fm_policytc", 4),
        ("fm_profile", 4),
        ("periods", 4),
        ("random", 4),
        ("ensemble", 4),
    ],
)
def test_quick_reading_is_general_reading(name, areaperil_bytes, monkeypatch):
    monkeypatch.setattr(TABLES[name], "rules", ())
    rng = random.Random(name)
    fields = [f for f, _ in TABLES[name].csv_columns()]
    good, whole_file, refused = [], [], 0
    for _ in range(4000):
        line = odd_line(rng, fields, areaperil_bytes)
        if len(line) > 78 or not line.strip():
            line = ",".join(["1"] * len(fields)) + "\n"
        try:
            good.append(tables.read_csv(name, line.encode(), areaperil_bytes, no_header=True).tobytes())
        except DataError as error:
            refused += 1
            padding = ",".join(["1"] * len(fields)) + "\n"
            before = rng.randrange(40)
            with pytest.raises(DataError) as far:
                tables.read_csv(
                    name, (padding * before + line + padding * 200).encode(), areaperil_bytes, no_header=True
                )
            assert str(far.value) == str(error).replace("line 1:", f"line {before + 1}:", 1)
        else:
            whole_file.append(line)
    assert refused > 300 and len(good) > 300
    data = "".join(whole_file).encode()
    assert tables.read_csv(name, data, areaperil_bytes, no_header=True).tobytes() == b"".join(good)
    assert tables.read_csv(name, Trickle(data), areaperil_bytes, no_header=True).tobytes() == b"".join(good)


@pytest.mark.parametrize("length", [8, 80, 8190, 8192, 70000, (1 << 18) - 30])
def test_rows_across_every_edge(length):
    rows = "".join(f"{i},{i * 7},{i % 5}\n" for i in range(1, 30000))
    csv = "1,1,1," + "x" * min(length, 60000) + "\n" + "2,2,2\n" * (length // 6) + rows
    got = tables.read_csv("gulsummaryxref", csv.encode(), no_header=True)
    assert got["coverage_id"][-29999:].tolist() == list(range(1, 30000))
    assert got["summary_id"][-29999:].tolist() == list(range(7, 210000, 7))
    assert len(got) == 1 + length // 6 + 29999


def test_probabilities_are_printf():
    rng = np.random.default_rng(3)
    bits = np.concatenate(
        [
            rng.integers(0, 1 << 32, 60000, np.uint32),
            (rng.random(60000).astype("f4")).view("u4"),
            (10.0 ** rng.integers(-40, 38, 2000)).astype("f4").view("u4"),
            np.nextafter((10.0 ** np.arange(-30, 30)).astype("f4"), np.float32(0)).view("u4"),
            (rng.integers(1, 4096, 20000) / 4096).astype("f4").view("u4"),
            np.uint32([0, 1 << 31, 1]),
        ]
    )
    values = bits.view("f4")
    values = values[np.isfinite(values)]
    rows = np.zeros(len(values), TABLES["vulnerability"].dtype())
    rows["probability"] = values
    text = tocsv("vulnerability", struct.pack("<i", 5) + rows.tobytes(), skip_header=True)
    assert text.splitlines() == [f"0, 0, 0, {v:.10e}" for v in values.tolist()]


def test_every_day_has_a_date():
    days = np.unique(np.concatenate([np.arange(-3000, 800000, 7), np.arange(0, 2**31, 999983)]))
    days = days[days < 1 << 31]
    rows = np.zeros(len(days), TABLES["occurrence_dates"].dtype())
    rows["occ_date_id"] = days
    dated = [
        line.split(",")[2:]
        for line in tocsv(
            "occurrence", struct.pack("<ii", 1, 9) + rows.tobytes(), skip_header=True
        ).splitlines()
    ]
    epoch = np.datetime64("0000-03-01")
    for day, date in list(zip(days.tolist(), dated))[::17]:
        if 0 <= day < 3000000:
            there = str(epoch + np.timedelta64(day, "D")).split("-")
            assert [int(d) for d in date] == [int(d) for d in there], day


def test_header_left_out_where_ktools_has_only_help(run, tool):
    assert run([tool("gulsummaryxreftocsv"), "-s"], struct.pack("<3i", 4, 5, 6)) == (0, b"4, 5, 6\n", "")
    dates = struct.pack("<2i3i", 1, 9, 7, 3, 0)
    assert run([tool("occurrencetocsv"), "-s"], dates) == (
        0,
        tocsv("occurrence", dates).split("\n", 1)[1].encode(),
        "",
    )


def test_randtocsv_without_a_flag_converts_standard_input(run, tool):
    numbers = struct.pack("<2f", 0.25, 0.5)
    with_flag = run([tool("randtocsv"), "-r"], numbers)
    assert with_flag[1].split()[-2:] == [b"0.250000", b"0.500000"]
    assert run([tool("randtocsv")], numbers) == with_flag
