"""The validators of csv tables: verdicts and words as ktools', every rule broken once at each end and in the
middle."""

import io
import re
import warnings

import pytest

from ktc import tables
from ktc.errors import DataError, TruncatedError, UsageError
from ktc.schemas import TABLES

TOOL = {
    "damage_bin_dict": "validatedamagebin",
    "footprint": "validatefootprint",
    "vulnerability": "validatevulnerability",
}


def damage_bins():
    """Eight bins of an eighth."""
    return [[str(i + 1), f"{i / 8}", f"{(i + 1) / 8}", f"{(i + 0.5) / 8}"] for i in range(8)]


def footprint():
    """Three events of three areaperils of three intensity bins."""
    return [
        [str(event), str(areaperil_bytes), bin, part]
        for event in (5, 7, 2147483647)
        for areaperil_bytes in (1, 30, 4294967295)
        for bin, part in (("4", "0.25"), ("1", "0.5"), ("2", "0.25"))
    ]


def vulnerability():
    """Three functions of three intensity bins of three damage bins."""
    return [
        [str(function), str(intensity), str(bin), part]
        for function in (2, 3, 2147483647)
        for intensity in (1, 2, 3)
        for bin, part in ((1, "0.25"), (2, "0.5"), (3, "0.25"))
    ]


GOOD = {"damage_bin_dict": damage_bins, "footprint": footprint, "vulnerability": vulnerability}


def csv_of(table, rows, end="\n"):
    return "".join(line + end for line in [TABLES[table].csv_header, *map(",".join, rows)]).encode()


def verdict(table, csv, **options):
    """(the faults of a csv, its warnings)."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            tables.validate(table, csv, **options)
            faults = []
        except DataError as error:
            faults = str(error).split("\n")
    return faults, [str(w.message) for w in caught]


# Each breaks one rule of a table's rows at a place (0, 1, 2: the first, a middle one, the last), and gives
# the line and the words that name it.


def set_value(column, value, pattern):
    def change(rows, place):
        row = (0, len(rows) // 2, len(rows) - 1)[place]
        rows[row][column] = value
        return row + 2, pattern

    return change


def cut_line(rows, place):
    row = (0, len(rows) // 2, len(rows) - 1)[place]
    del rows[row][2:]
    return row + 2, "expected 4 columns.*found 2"


def gap_in_bins(rows, place):
    row = (0, 4, 7)[place]
    for values in rows[row:]:
        values[0] = str(int(values[0]) + 1)
    return row + 2, f"bin_index is {row + 2}, expected {row + 1}"


def another_column(rows, place):
    row = (1, 4, 7)[place]
    rows[row].append("1201")
    return row + 2, "5 columns, expected 4"


def swap_groups(size, pattern):
    def change(rows, place):
        n = len(rows) // size
        first = (0, n // 2 - 1 if n > 3 else 1, n - 2)[place] * size
        rows[first : first + 2 * size] = rows[first + size : first + 2 * size] + rows[first : first + size]
        return first + size + 2, pattern

    return change


def in_group(row_of_group, column, value, pattern):
    def change(rows, place):
        row = (0, 4, 8)[place] * 3 + row_of_group
        rows[row][column] = value
        return row + 2, pattern

    return change


def wrong_sum(rows, place):
    group = (0, 4, 8)[place]
    rows[3 * group + 1][3] = "0.6"
    return min(3 * group + 3, len(rows) - 1) + 2, "values of .* sum to 1.1"


def gap_in_intensities(rows, place):
    row = place * 9 + 6
    for values in rows[row : row + 3]:
        values[1] = "5"
    return row + 2, "intensity_bin_id is 5, expected 2 or 3"


def late_damage_bins(rows, place):
    row = (0, 12, 24)[place]
    for values in rows[row : row + 3]:
        values[2] = str(int(values[2]) + 1)
    return row + 2, "damage_bin_id is 2, expected 1"


ONE_FAULT = {
    ("damage_bin_dict", "numbered"): gap_in_bins,
    ("damage_bin_dict", "between, above"): set_value(3, "1.5", "interpolation 1.5 lies outside"),
    ("damage_bin_dict", "between, below"): set_value(3, "-0.5", "interpolation -0.5 lies outside"),
    ("damage_bin_dict", "uniform"): another_column,
    ("footprint", "ascending areaperil_id"): lambda rows, place: (
        swap_groups(3, "areaperil_id is less")(rows, place)
        if place != 1
        else swap_groups(9, "event_id is less")(rows, place)
    ),
    ("footprint", "ascending event_id"): swap_groups(9, "event_id is less"),
    ("footprint", "distinct"): in_group(2, 2, "4", "intensity_bin_id 4 comes twice"),
    ("footprint", "sums to one"): wrong_sum,
    ("vulnerability", "ascending"): swap_groups(9, "vulnerability_id is less"),
    ("vulnerability", "consecutive"): gap_in_intensities,
    ("vulnerability", "numbered, not from 1"): late_damage_bins,
    ("vulnerability", "numbered, gap"): in_group(2, 2, "4", "damage_bin_id is 4, expected 3"),
    ("vulnerability", "sums to one"): wrong_sum,
    **{(table, "no number"): set_value(0, "x", "column 1 .* found 'x'") for table in GOOD},
    **{(table, "not finite"): set_value(3, "nan", "column 4 .* found 'nan'") for table in GOOD},
    **{(table, "cut line"): cut_line for table in GOOD},
}
# An id out of range stands alone in its group, so other rules are broken as well.
SOME_FAULTS = {
    ("footprint", "range event_id"): set_value(0, "0", "event_id is 0, expected at least 1"),
    ("footprint", "range event_id below"): set_value(0, "-1", "event_id is -1, expected at least 1"),
    ("footprint", "range areaperil_id"): set_value(1, "0", "areaperil_id is 0, expected at least 1"),
    ("vulnerability", "range"): set_value(0, "0", "vulnerability_id is 0, expected at least 1"),
}
LARGE = {
    ("footprint", "large event_id"): set_value(0, "2147483648", "column 1 .*2147483648"),
    ("footprint", "large areaperil_id"): set_value(1, "4294967296", "column 2 .*4294967296"),
    ("footprint", "negative areaperil_id"): set_value(1, "-1", "column 2 .*-1"),
    ("vulnerability", "large vulnerability_id"): set_value(0, "2147483648", "column 1 .*2147483648"),
}
# ktools takes these: see differences.md.
PASSES_THERE = {("vulnerability", "numbered, not from 1", 0)} | {
    ("damage_bin_dict", "not finite", p) for p in range(3)
}


def test_every_rule_is_broken():
    """The rules of the registry, by table; "at most" needs a number from outside, warnings come further
    down."""
    for table in GOOD:
        rules = {r.kind for r in TABLES[table].rules if not r.warning and r.kind != "at most"}
        broken = {
            re.split(r",? ", kind)[0] if not kind.startswith("sums") else kind
            for name, kind in [*ONE_FAULT, *SOME_FAULTS]
            if name == table
        }
        assert rules <= broken


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("table, kind", [*ONE_FAULT, *SOME_FAULTS, *LARGE])
def test_a_fault_is_named(table, kind, place):
    """Its line and nothing else, wherever it alone is wrong."""
    rows = GOOD[table]()
    line, pattern = {**ONE_FAULT, **SOME_FAULTS, **LARGE}[table, kind](rows, place)
    faults, _ = verdict(table, csv_of(table, rows))
    assert [f for f in faults if re.match(rf".*: line {line}: '.*': .*{pattern}", f)]
    if (table, kind) not in SOME_FAULTS:
        assert len(faults) == 1


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_verdicts_are_those_of_ktools(oracle, run, end):
    for (table, kind), change in {**ONE_FAULT, **SOME_FAULTS, **LARGE}.items():
        for place in range(3):
            rows = GOOD[table]()
            change(rows, place)
            csv = csv_of(table, rows, end)
            assert run([oracle(TOOL[table])], csv)[0] == ((table, kind, place) not in PASSES_THERE), (
                table,
                kind,
                place,
            )
            assert verdict(table, csv)[0]


STRANGE = {
    "deprecated": (
        "damage_bin_dict",
        lambda rows: [row.append("1201") for row in rows],
        "interval_type is deprecated",
    ),
    "first": (
        "damage_bin_dict",
        lambda rows: rows[0].__setitem__(1, "0.0625"),
        "bin_from of the first row is 0.0625",
    ),
    "centre": (
        "damage_bin_dict",
        lambda rows: rows[4].__setitem__(3, "0.55"),
        "line 6: interpolation 0.55 is not the centre",
    ),
    "last": (
        "damage_bin_dict",
        lambda rows: rows[7].__setitem__(2, "0.9375"),
        "bin_to of the last row is 0.9375",
    ),
    "complete": (
        "vulnerability",
        lambda rows: rows.__delitem__(slice(24, 27)),
        "vulnerability_id 2147483647 has no intensity_bin_id 3",
    ),
}


@pytest.mark.parametrize("kind", STRANGE)
def test_what_is_strange_is_a_warning(kind):
    table, change, words = STRANGE[kind]
    rows = GOOD[table]()
    change(rows)
    faults, said = verdict(table, csv_of(table, rows))
    assert not faults and any(words in line for line in said)
    if table == "vulnerability":
        assert verdict(table, csv_of(table, rows), any_intensity_bins=True) == ([], [])


def files():
    """Good csv files: (table, flags, csv)."""
    for table, rows in GOOD.items():
        for end in ("\n", "\r\n"):
            yield table, (), csv_of(table, rows(), end)
        yield table, (), csv_of(table, rows())[:-1]
    for table, change, _ in STRANGE.values():
        rows = GOOD[table]()
        change(rows)
        yield table, (), csv_of(table, rows)
    yield table, ("-S",), csv_of(table, rows)
    # a sum of floats that is 1 to four decimals, and bins in any order
    yield "footprint", (), csv_of("footprint", [["1", "1", str(77 - i), "0.014285"] for i in range(70)])
    yield "footprint", (), csv_of("footprint", [["1", "1", "-3", "1"]])
    yield "footprint", (), csv_of("footprint", [["1", "1", "1", "1.5", "9"], ["1", "1", "2", "-0.5", "9"]])


def test_good_files_and_ktools_words(oracle, run, tool):
    """Standard output stays empty; the INFO lines are ktools', and warnings come where ktools has some."""
    for table, flags, csv in files():
        ours, theirs = (run([find(TOOL[table]), *flags], csv) for find in (tool, oracle))
        assert ours[:2] == theirs[:2] == (0, b"")
        info = [[line for line in done[2].splitlines() if line.startswith("INFO")] for done in (ours, theirs)]
        assert info[0] == info[1] and len(info[0]) == 1 + (table != "damage_bin_dict")
        assert ("warning: " in ours[2]) == ("WARNING" in theirs[2]) == ("take note" in info[0][-1])


def test_scripts(run, tool):
    """Without an oracle: status, streams and words."""
    good = "validation checks have passed."
    maximum = "INFO: Maximum value of {} bin index = {}\n".format
    for table, name, said in (
        ("damage_bin_dict", "Damage Bin Dictionary", ""),
        ("footprint", "Footprint", maximum("intensity", 4)),
        ("vulnerability", "Vulnerability", maximum("damage", 3)),
    ):
        rows = GOOD[table]()
        assert run([tool(TOOL[table])], csv_of(table, rows)) == (
            0,
            b"",
            f"{said}INFO: All {name} file {good}\n",
        )
        rows[1][0] = "x"
        status, out, err = run([tool(TOOL[table])], csv_of(table, rows))
        assert (status, out) == (1, b"")
        assert err.startswith(f"{TOOL[table]}: error: standard input: line 3: ") and err.count("\n") == 1
        assert run([tool(TOOL[table]), "-d"], b"")[0] == 2
    assert run([tool("validatefootprint"), "--areaperil-bytes", "8"], b"h\n1,4294967296,1,1\n")[0] == 0


# --- several faults


def test_every_fault_is_reported_in_its_order():
    rows = damage_bins()
    rows[1][3], rows[3][0], rows[5][0], rows[7][1:] = "0.9", "x", "7", []
    faults, said = verdict("damage_bin_dict", csv_of("damage_bin_dict", rows))
    words = [
        "line 3: .* lies outside",
        "line 5: .* found 'x'",
        "line 7: .* is 7, expected 6",
        "line 8: .* is 7, expected 8",
        "line 9: .* expected 4 columns .* found 1",
    ]
    assert len(faults) == len(words) and all(map(re.search, words, faults))
    assert [line for line in said if "not the centre" in line]


def test_no_more_than_twenty():
    for n, shown in ((20, 20), (21, 21), (1000, 21)):
        faults, _ = verdict("footprint", b"h\n" + b"x\n" * n + b"1,1,1,1\n")
        assert len(faults) == shown and (faults[-1] == "and more") == (n > 20)
        assert all(f.startswith(f"memory: line {i + 2}: 'x'") for i, f in enumerate(faults[:20]))


def test_the_rest_is_not_read_when_no_more_is_shown():
    class Endless(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, room):
            room[:] = (b"1,0,1,1\n" * (len(room) // 8 + 1))[: len(room)]
            return len(room)

    faults, _ = verdict("footprint", Endless())
    assert faults[-1] == "and more"


@pytest.mark.parametrize("table", ["footprint", "vulnerability"])
@pytest.mark.parametrize("row", [0, 1, 2, 3, 12, 13, 25, 26])
def test_an_unreadable_row_leaves_open_what_depends_on_it(table, row):
    rows = GOOD[table]()
    rows[row][2] = "?"
    rows[18][3] = "0.35"  # a fault of another group, which is not hidden
    faults, _ = verdict(table, csv_of(table, rows))
    assert len(faults) == 2 and f"line {row + 2}: " in "".join(faults) and "sum to 1.1" in "".join(faults)


def test_spans_with_gaps_are_not_filled_in():
    """Without a fault intensity bins have no gaps, so their number is bounded by the rows."""
    faults, said = verdict("vulnerability", b"h\n1,1,1,1\n1,2147483647,1,1\n2,1,1,1\n")
    assert len(faults) == 1 and "intensity_bin_id is 2147483647" in faults[0] and not said


# --- files that are none


@pytest.mark.parametrize("table", GOOD)
def test_no_file_no_rows_no_header(table):
    with pytest.raises(TruncatedError, match="byte 0: empty input"):
        tables.validate(table, b"")
    for csv in (b"h\n", b"h", b"h\n\n\n"):
        with pytest.raises(DataError, match="the input ends here, expected rows"):
            tables.validate(table, csv)
    faults, _ = verdict(table, csv_of(table, GOOD[table]()).split(b"\n", 1)[1])
    assert (
        len(faults) == 1 and "line 1: " in faults[0] and "this is data; expected a header line" in faults[0]
    )
    assert len(verdict(table, bytes(range(256)) * 1000)[0]) == 21
    assert "no end within" in verdict(table, b"h\n" + bytes(1 << 20))[0][-1]
    # (the rows of a vulnerability could be those of a footprint)
    other = {"damage_bin_dict": "footprint", "footprint": "damage_bin_dict", "vulnerability": "footprint"}[
        table
    ]
    assert verdict(table, csv_of(other, GOOD[other]()))[0]


@pytest.mark.parametrize("table", GOOD)
def test_a_file_cut_anywhere(table):
    """Every cut inside a row is a fault, unless what is left of it is a good row."""
    csv = csv_of(table, GOOD[table]())
    last = len(csv_of(table, GOOD[table]()[:-1]))
    row = csv[last:].decode().rstrip("\n")
    for at in range(last + 1, len(csv) - 1):
        faults, said = verdict(table, csv[:at])
        if table != "damage_bin_dict":
            assert len(faults) == 1, row[: at - last]
        else:  # a shorter number is still a number, and seldom in its bin
            assert faults or said, row[: at - last]


def test_usage():
    with pytest.raises(UsageError, match="'items' cannot be validated"):
        tables.validate("items", b"")
    with pytest.raises(UsageError, match="any_intensity_bins"):
        tables.validate("footprint", b"", any_intensity_bins=True)
    with pytest.raises(UsageError, match="areaperil"):
        tables.validate("footprint", b"", areaperil_bytes=5)


def test_largest_bins():
    assert tables.validate("damage_bin_dict", csv_of("damage_bin_dict", damage_bins())) is None
    assert tables.validate("footprint", csv_of("footprint", footprint())) == 4
    assert tables.validate("footprint", b"h\n1,1,-3,1\n") == 0
    assert tables.validate("vulnerability", csv_of("vulnerability", vulnerability())) == 3


def test_from_a_file_byte_by_byte(tmp_path):
    csv = csv_of("footprint", footprint())
    (tmp_path / "f.csv").write_bytes(csv)
    assert tables.validate("footprint", tmp_path / "f.csv") == 4

    class Trickle(io.BytesIO):
        def readinto(self, room):
            return super().readinto(memoryview(room)[:1])

    assert tables.validate("footprint", Trickle(csv)) == 4


# --- where the verdicts differ on purpose

V, F, D = "vulnerability", "footprint", "damage_bin_dict"
DIFFERENT = [  # table, csv, ktools' verdict, ktc's
    (V, b"h\n1,1,2,1\n", 0, 1),
    (V, b"h\n1,1,0,1\n", 0, 1),
    (V, b"1,1,1,1\n1,2,1,1\n", 0, 1),
    (F, b"1,1,1,1\n1,2,1,1\n", 0, 1),
    (F, b"h\n1,1,1,1x\n", 0, 1),
    (F, b"h\n1,1,1,0x1p0\n", 0, 1),
    (D, b"h\n1,0,1,0.5,x\n", 0, 1),
    (F, b"h\n1,1,4294967297,1\n", 0, 1),
    (V, b"h\n1,1,4294967297,1\n", 0, 1),
    (D, b"h\n4294967297,0,1,0.5\n", 0, 1),
    (D, b"h\n1,0,inf,0.5\n", 0, 1),
    (D, b"h\n1,0,1,nan\n", 0, 1),
    (D, b"h\n1,nan,1,0.5\n", 0, 1),
    (F, b"h\n1,1,1,1\n\n", 1, 0),
    (F, b"h\n1 , 1, 1 ,1\n", 1, 0),
    (D, b"h" * 5000 + b"\n1,0,1,0.5\n", 1, 0),
    (V, b"h\n1,-5,1,1\n", 1, 0),
]


@pytest.mark.parametrize("table, csv, theirs, ours", DIFFERENT)
def test_differences(table, csv, theirs, ours):
    assert bool(verdict(table, csv)[0]) == ours


def test_differences_beside_ktools(oracle, run):
    for table, csv, theirs, _ in DIFFERENT:
        assert run([oracle(TOOL[table])], csv)[0] == theirs, csv
