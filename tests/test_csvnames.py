"""Csv by name: columns in any order, under the names that people give them, with every line end; headers of
other tables; dates that there are not; and csv where binary is wanted."""

import io
import os
import struct
import warnings

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.rows import SAMPLES, TOBIN

import ktc
from ktc import headers, stages, tables
from ktc.errors import DataError
from ktc.schemas import TABLES
from ktc.schemas.tables import OTHER_NAMES
from ktc.validation import crossvalidation, validate_run

ITEMS = "item_id,coverage_id,areaperil_id,vulnerability_id,group_id\n1,1,101,7,1\n2,1,102,7,3\n"
FORMS = {"occurrence": {"date_id": True}, "occurrence_dates": {}, "occurrence_granular": {"granular": True}}
ENDS = ["\n", "\r\n", "\r", "\r\r\n"]


def tobin(table, csv, **options):
    """The bytes that a csv becomes, of a table with an index those of both files; warnings aside."""
    csv, out, index = csv.encode() if isinstance(csv, str) else csv, io.BytesIO(), io.BytesIO()
    options = {**TOBIN.get("occurrence" if table in FORMS else table, {}), **FORMS.get(table, {}), **options}
    if table == "footprint":
        options["index"] = index
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tables.tobin("occurrence" if table in FORMS else table, csv, out, **options)
    return out.getvalue() + index.getvalue()


def columns(table):
    return [f.name for f, _ in TABLES[table].csv_columns()][: len(SAMPLES[table][0])]


def text_of(names, rows, end="\n"):
    return "".join(",".join(map(str, row)) + end for row in (names, *rows))


def refused(table, csv, **options):
    """The one line that says why a csv is refused."""
    with pytest.raises(DataError) as error:
        tobin(table, csv, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


# --- names


def test_every_table_is_tried():
    assert set(SAMPLES) == {name for name, table in TABLES.items() if table.tool or table.form is not None}


@pytest.mark.parametrize("table", SAMPLES)
def test_every_order_has_the_same_bytes(table):
    names, rows = columns(table), SAMPLES[table]
    expected = tobin(table, text_of(names, rows))
    assert expected == tobin(table, text_of(["x"] * len(names), rows))  # by place
    assert expected == tobin(table, text_of(headers.titles(TABLES[table].csv_header), rows))
    backwards = text_of(names[::-1], [row[::-1] for row in rows])
    assert tobin(table, backwards) == expected
    extra = text_of(["note", *names[::-1], "x y"], [('"a, b"', *row[::-1], "") for row in rows])
    assert tobin(table, extra) == expected
    numbers = text_of([*names[1:], "spare", names[0]], [(*row[1:], -1.5, row[0]) for row in rows])
    assert tobin(table, numbers) == expected


def test_swapped_columns():
    swapped = "item_id,coverage_id,vulnerability_id,areaperil_id,group_id\n1,1,7,101,1\n2,1,7,102,3\n"
    assert (
        tobin("items", swapped)
        == tobin("items", ITEMS)
        == struct.pack("<10i", 1, 1, 101, 7, 1, 2, 1, 102, 7, 3)
    )
    # as the Oasis platform writes it from 2.5 on, while ktools has the layer first
    platform = "level_id,agg_id,layer_id,profile_id\n1,2,3,4\n"
    assert tobin("fm_policytc", platform) == tobin(
        "fm_policytc", "layer_id,level_id,agg_id,profile_id\n3,1,2,4\n"
    )
    assert tobin(
        "correlations",
        "item_id,peril_correlation_group,hazard_group_id,damage_correlation_value,"
        "hazard_correlation_value\n1,2,3,0.5,0.25\n",
    ) == struct.pack("<iifif", 1, 2, 0.5, 3, 0.25)


@pytest.mark.parametrize(
    "header",
    [
        "Item_ID,COVERAGE_ID,areaperil id,Vulnerability_Id,group_id",
        '\ufeffitem_id,coverage_id,"areaperil_id" , vulnerability_id,group_id ',
        "ItemId,CoverageId,AreaPerilId,VulnerabilityId,GroupId",
        "item_id,coverage_id,area_peril_id,vulnerability_id,group_id,,",
    ],
)
def test_names_however_they_are_written(header):
    assert tobin("items", f"{header}\n1,1,101,7,1\n") == struct.pack("<5i", 1, 1, 101, 7, 1)
    names = header.lstrip("\ufeff").rstrip(",").split(",")
    assert tobin("items", f"{','.join(names[::-1])}\n1,7,101,1,1\n") == struct.pack("<5i", 1, 1, 101, 7, 1)


@pytest.mark.parametrize(
    "table, header, row, plain",
    [
        ("fm_xref", "agg_id,layer_id,output", "2,3,1", (1, 2, 3)),
        ("fmsummaryxref", "summary_set_id,summary_id,output", "3,2,1", (1, 2, 3)),
        ("gulsummaryxref", "summaryset_id,summary_id,item_id", "3,2,1", (1, 2, 3)),
        ("fm_policytc", "policytc_id,layer_id,level_id,agg_id", "4,1,2,3", (1, 2, 3, 4)),
        (
            "damage_bin_dict",
            "damage_type,bin_to,bin_from,interpolation,bin_index",
            "9,1,0,0.5,1",
            (1, 0, 1, 0.5, 9),
        ),
        (
            "fm_profile",
            "limit,attachment,profile_id,calcrule_id,deductible_1,deductible_2,deductible_3,share_1,share_2,share_3",
            "7,6,1,2,3,4,5,8,9,10",
            range(1, 11),
        ),
    ],
)
def test_other_names(table, header, row, plain):
    assert tobin(table, f"{header}\n{row}\n") == tobin(table, text_of(["x"] * len(plain), [plain]))


def test_other_names_are_of_columns_that_there_are():
    known = {f.name for table in TABLES.values() for f, _ in table.csv_columns()} | {
        "rate",
        "sidx",
        "exposure_value",
    }
    for name, others in OTHER_NAMES.items():
        assert name.split(".")[-1] in known and others


def test_part_of_a_name_where_it_stands():
    csv = "event_id,areaperil,intensity_bin,prob\n1,5,1,1\n"
    assert tobin("footprint", csv) == tobin(
        "footprint",
        csv.replace(
            "event_id,areaperil,intensity_bin,prob", "event_id,areaperil_id,intensity_bin_id,probability"
        ),
    )
    assert "no probability" in refused("footprint", "prob,event_id,areaperil_id,intensity_bin_id\n1,1,5,1\n")
    assert "no group_id" in refused("items", ITEMS.replace("group_id", "number"))


def test_csv_of_a_table_without_binary():
    from ktc.schemas.tables import ITEM_ADJUSTMENTS

    names = [f.name for f in ITEM_ADJUSTMENTS.fields]
    assert names == ["item_id", "intensity_adjustment", "return_period"]
    order, passed, wrong = headers.arrange(
        "return_period,item_id,intensity_adjustment", ITEM_ADJUSTMENTS, names, 3
    )
    assert [place for place, _ in order] == [2, 0, 1] and passed == [] and wrong == ""
    assert "these are the columns of item_adjustments" in refused("items", ",".join(names) + "\n1,2,3\n")


def test_losses_by_name():
    def stream(function, text, **options):
        out = io.BytesIO()
        function(text.encode(), out, sample_size=2, **options)
        return out.getvalue()

    plain = stream(stages.gultobin, "event_id,item_id,sidx,loss\n1,2,-1,5\n1,2,1,4.5\n")
    assert stream(stages.gultobin, "loss,sidx,item_id,event_id\n5,-1,2,1\n4.5,1,2,1\n") == plain
    assert stream(stages.gultobin, "loss,SampleId,output_id,EventId\r5,-1,2,1\r4.5,1,2,1") == plain
    assert stream(stages.gultobin, "a,b,c,d\n1,2,-1,5\n1,2,1,4.5\n") == plain
    plain = stream(stages.summarycalctobin, "event_id,exposure_value,summary_id,sidx,loss\n1,100,2,-1,5\n")
    # as a sample event loss table has it
    assert (
        stream(stages.summarycalctobin, "EventId,SummaryId,SampleId,Loss,ImpactedExposure\n1,2,-1,5,100\n")
        == plain
    )
    with pytest.raises(DataError, match="line 1: .*no exposure_value"):
        stream(stages.summarycalctobin, "event_id,summary_id,sidx,loss,x\n1,2,-1,5,6\n")
    with pytest.raises(DataError, match="line 1: .*these are the columns of items .*itemtobin reads"):
        stream(stages.gultobin, ITEMS)


def test_read_csv_by_name():
    rows = ktc.read_csv(
        "items", b"group_id,vulnerability_id,areaperil_id,coverage_id,item_id,note\r1,7,101,1,1,x\r"
    )
    assert rows.tolist() == [(1, 1, 101, 7, 1)] and rows.dtype.names[0] == "item_id"


def test_event_rates_by_name(tmp_path):
    from ktc._core.checks import Checks
    from ktc._core.csvrows import CsvRows
    from ktc._core.tables import TableWriter

    from ktc._core.io import Sink, Source
    from ktc.converting import layout_of
    from ktc.schemas.tables import EVENT_RATES

    for header, row in (
        ("EventIds,Event_rates", "7,0.5"),
        ("rate,event_id", "0.5,7"),
        ("note,rate,event_id", "x,0.5,7"),
    ):
        rows = CsvRows(Source(f"{header}\n{row}\n".encode()), layout_of(EVENT_RATES))
        checks = Checks(rows, (), {})
        memory = Sink.memory()
        TableWriter(rows, checks, memory).run()
        assert memory.getvalue() == struct.pack("<id", 7, 0.5)


# --- headers that are refused


@pytest.mark.parametrize(
    "table, csv, pieces",
    [
        (
            "coverages",
            "period_no,weighting\n1,1\n",
            [
                "'period_no,weighting': these are the columns of periods (period_no,weighting), "
                "which periodstobin reads, expected those of coverages (coverage_id,tiv)"
            ],
        ),
        ("coverages", ITEMS, ["columns of items"]),
        (
            "items",
            "vulnerability_id,intensity_bin_id,damage_bin_id,probability\n1,1,1,1\n",
            ["columns of vulnerability"],
        ),
        (
            "fmsummaryxref",
            "item_id,summary_id,summaryset_id\n1,1,1\n",
            ["columns of gulsummaryxref", "gulsummaryxreftobin"],
        ),
        (
            "occurrence_dates",
            "event_id,period_no,occ_date_id\n1,1,1\n",
            ["columns of occurrence", "occurrencetobin -D reads"],
        ),
        (
            "occurrence",
            "event_id,period_no,occ_year,occ_month,occ_day\n1,1,1,1,1\n",
            ["which occurrencetobin reads"],
        ),
        ("quantile", "return_period\n5\n", ["columns of returnperiods"]),
        (
            "items",
            "event_id,item_id,sidx,loss,x\n1,1,1,1,1\n",
            ["columns of an item stream", "gultobin reads"],
        ),
        (
            "fm_profile",
            text_of([f.name for f in TABLES["fm_profile_old"].fields], [range(12)]),
            ["columns of fm_profile_old"],
        ),
        ("periods", "summary_id,type,mean,standard_deviation\n1,1,1,1\n", ["columns of average_loss"]),
        (
            "items",
            "item_id,coverage_id,areaperil_id,vulnerability_id\n1,1,1,1\n",
            [
                "the header names no group_id, expected "
                "item_id,coverage_id,areaperil_id,vulnerability_id,group_id in any order"
            ],
        ),
        (
            "items",
            "item_id,areaperil_id,x\n1,1,1\n",
            ["no coverage_id and no vulnerability_id and no group_id"],
        ),
        (
            "occurrence_granular",
            "event_id,period_no,occ_year,occ_month,occ_day,occ_minute\n1,1,1,1,1,1\n",
            ["no occ_hour"],
        ),
        (
            "items",
            ITEMS.replace("areaperil_id,", "areaperil_id,AREAPERIL_ID,"),
            ["the header names areaperil_id twice"],
        ),
        (
            "gulsummaryxref",
            "item_id,coverage_id,summary_id,summaryset_id\n1,1,1,1\n",
            ["the header names item_id and coverage_id, which are one column"],
        ),
    ],
)
def test_wrong_headers(table, csv, pieces):
    message = refused(table, csv)
    assert message.startswith("memory: line 1: ") and all(piece in message for piece in pieces), message


def test_one_line_and_exit_1(run, tool):
    status, out, err = run([tool("coveragetobin")], b"period_no,weighting\n1,1\n2,1\n")
    assert (
        (status, out) == (1, b"")
        and err.startswith("coveragetobin: error: standard input: line 1: ")
        and err.count("\n") == 1
    )


def test_without_names_by_place():
    plain = struct.pack("<2f", 5, 6)
    for header in ("a,b", "", "coverages,", "1st,2nd", "coverage_id,tiv,", "id,tiv"):
        assert tobin("coverages", f"{header}\n1,5\n2,6\n") == plain, header
    assert tobin("coverages", "1,5\n2,6\n", no_header=True) == plain
    assert "line 1" in refused("coverages", "tiv,coverage_id\n5,1\n", no_header=True)


def test_messages_name_the_column_of_the_file():
    csv = "note,group_id,item_id,coverage_id,vulnerability_id,areaperil_id\nx,1,1,1,7,{}\n"
    assert "line 2: 'x,1,1,1,7,a': column 6 (areaperil_id): expected a whole number" in refused(
        "items", csv.format("a")
    )
    assert (
        "expected 6 columns (note,group_id,item_id,coverage_id,vulnerability_id,areaperil_id), found 3"
        in refused("items", csv.split("\n")[0] + "\nx,1,1\n")
    )


def test_optional_columns_by_name():
    dates = text_of(["occ_day", "occ_month", "occ_year", "period_no", "event_id"], [(29, 2, 2024, 2, 1)])
    assert tobin("occurrence_granular", dates) == tobin("occurrence_granular", "x\n1,2,2024,2,29,0,0\n")
    # hours at the end of rows that have them
    hours = "period_no,event_id,occ_year,occ_month,occ_day,occ_hour,occ_minute\n"
    hours += "2,1,2024,2,29\n2,3,2024,2,29,5,6\n"
    assert tobin("occurrence_granular", hours) == tobin(
        "occurrence_granular", "x\n1,2,2024,2,29\n3,2,2024,2,29,5,6\n"
    )
    assert "an hour without a minute" in refused("occurrence_granular", hours + "2,1,2024,2,29,5\n")
    assert "3 columns" not in refused("damage_bin_dict", "bin_to,bin_from,bin_index,interpolation\n1,0,1\n")
    with pytest.warns(UserWarning, match="interval_type is deprecated"):
        ktc.tobin(
            "damage_bin_dict",
            b"interval_type,bin_index,bin_from,bin_to,interpolation\n4,1,0,1,0.5\n",
            io.BytesIO(),
        )


# --- line ends, quotes, values


@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("end", ENDS)
def test_line_ends(end, last):
    csv = ITEMS.replace("\n", end)
    csv = csv if last else csv[: -len(end)]
    assert tobin("items", csv) == tobin("items", ITEMS)
    assert tobin("items", csv + end * 3) == tobin("items", ITEMS)
    quoted = "".join(
        ",".join(f'" {value} "' for value in line.split(",")) + end for line in ITEMS.split("\n")[:-1]
    )
    assert tobin("items", quoted) == tobin("items", ITEMS)
    assert "line 3: '2,x'" in refused("items", csv.split("2,1")[0] + "2,x")


@pytest.mark.parametrize("end", ["\r", "\r\n", "\r\r\n"])
def test_long_files_with_other_line_ends(end):
    values = [(n, n * 0.5) for n in range(1, 30_001)]
    csv = text_of(["coverage_id", "tiv"], values)
    assert tobin("coverages", csv.replace("\n", end)) == tobin("coverages", csv)
    mixed = "".join(f"{line}{('', end, chr(10))[1 + n % 2]}" for n, line in enumerate(csv.split("\n")[:-1]))
    assert tobin("coverages", mixed) == tobin("coverages", csv)
    turned = text_of(["tiv", "spare", "coverage_id"], [(b, f"{a}e0", a) for a, b in values], end)
    assert tobin("coverages", turned) == tobin("coverages", csv)


def test_cr_at_every_edge_of_what_is_read():
    plain = struct.pack("<2f", 5, 6)
    for end in ENDS:
        for blanks in range(8100, 8200):
            csv = f"coverage_id,tiv{end}1,5,{' ' * blanks}{end}2,6{end}"
            assert tobin("coverages", csv) == plain


def test_quoted_numbers():
    assert tobin("items", ITEMS.replace("101", '"101"').replace("7,", ' "7" ,')) == tobin("items", ITEMS)
    for wrong in ('"101', '101"', '""', '"1""01"', '"1,01"'):
        assert "line 2" in refused("items", ITEMS.replace("101", wrong))


@pytest.mark.parametrize(
    "row, pieces",
    [
        ("1,1,2023,2,29", ["line 2: '1,1,2023,2,29': not a date: month 2 of 2023 has 28 days"]),
        ("1,1,2023,4,31", ["not a date: month 4 of 2023 has 30 days"]),
        ("1,1,1900,2,29", ["has 28 days"]),
        ("1,1,2023,4,32", ["not a date", "a day of 1 to 31"]),
        ("1,1,2023,13,1", ["not a date"]),
        ("1,1,2023,1,0", ["not a date"]),
    ],
)
def test_dates_that_there_are_not(row, pieces):
    for table, more in (("occurrence_dates", ""), ("occurrence_granular", ",0,0")):
        message = refused(table, f"x\n{row}{more}\n").replace(",0,0'", "'")
        assert all(piece in message for piece in pieces), message
    with pytest.raises(DataError, match="line 2.*not a date"):
        ktc.read_csv("occurrence_dates", f"x\n{row}\n".encode())


def test_days_of_every_month():
    days = numpy.arange("1896-01-01", "2004-01-01", dtype="datetime64[D]").astype(object)
    rows = [(1, 1, day.year, day.month, day.day) for day in days]
    numbers = numpy.frombuffer(tobin("occurrence_dates", text_of(["x"] * 5, rows))[8:], "<i4")[2::3]
    assert (numpy.diff(numbers) == 1).all() and len(numbers) == len(days)
    following = {(day.year, day.month): day.day for day in days}
    for (year, month), last in list(following.items())[::7]:
        assert "not a date" in refused(
            "occurrence_dates", text_of(["x"] * 5, [(1, 1, year, month, last + 1)])
        )


def test_tiv_below_zero():
    message = refused("coverages", "coverage_id,tiv\n1,0\n2,-0.01\n")
    assert message.endswith("line 3: '2,-0.01': tiv is -0.00999999978, expected at least 0")
    assert tobin("coverages", "coverage_id,tiv\n1,-0\n2,0\n") == struct.pack("<2f", -0.0, 0)


@pytest.mark.parametrize(
    "table, csv", [("items", ITEMS.replace("101", "4294967296")), ("footprint", "x\n1,4294967296,1,1\n")]
)
def test_wide_areaperils(table, csv):
    message = refused(table, csv)
    assert (
        "--areaperil-bytes 8" in message and "KTC_AREAPERIL_BYTES=8" in message and "'4294967296'" in message
    )
    assert tobin(table, csv, areaperil_bytes=8)
    assert "areaperil-bytes" not in refused(table, csv.replace("4294967296", "a"))
    assert "areaperil-bytes" not in refused(
        table, csv.replace("4294967296", "18446744073709551616"), areaperil_bytes=8
    )


# --- validation


def test_what_is_passed_over_is_a_note_of_validation_only(tmp_path, run, tool):
    (tmp_path / "input").mkdir()
    csv = "note,tiv,coverage_id\nx,5,1\n"
    (tmp_path / "input" / "coverages.csv").write_text(csv)
    verdict = validate_run(tmp_path)
    path = str(tmp_path / "input" / "coverages.csv")
    assert f"{path}: note: not a column of coverages, passed over" in verdict.warnings
    assert not verdict.files[0].faults
    assert run([tool("coveragetobin")], csv.encode()) == (0, struct.pack("<f", 5), "")


def test_validation_of_a_run_by_name(tmp_path):
    (tmp_path / "input").mkdir()
    (tmp_path / "input" / "occurrence.csv").write_bytes(
        b"Occ_Year,occ_month,occ_day,period_no,event_id\r2023,2,29,1,1\r2024,2,29,1,2\r"
    )
    (tmp_path / "input" / "coverages.csv").write_text("period_no,weighting\n1,1\n")
    faults = validate_run(tmp_path).faults
    assert any("occurrence.csv: line 2: " in fault and "not a date" in fault for fault in faults)
    assert not any("occurrence.csv: line 3" in fault for fault in faults)
    assert sum("coverages.csv" in fault and "columns of periods" in fault for fault in faults) == 1


def test_validators_by_name(tmp_path):
    for name, rows in (
        ("damage_bin_dict", SAMPLES["damage_bin_dict"]),
        ("footprint", SAMPLES["footprint"]),
        ("vulnerability", SAMPLES["vulnerability"]),
    ):
        names = columns(name)
        plain, turned = (
            text_of(names, rows).encode(),
            text_of(names[::-1], [row[::-1] for row in rows], "\r").encode(),
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert tables.validate(name, turned) == tables.validate(name, plain)
        (tmp_path / f"{name}.csv").write_bytes(turned)
    crossvalidation(
        damage_bins=tmp_path / "damage_bin_dict.csv",
        footprint=tmp_path / "footprint.csv",
        vulnerability=tmp_path / "vulnerability.csv",
    )


# --- csv where binary is wanted


@pytest.mark.parametrize("table", [t for t in SAMPLES if TABLES[t].tool and t not in ("footprint", "random")])
def test_csv_to_the_reader_of_binary(table):
    csv = text_of(columns(table), SAMPLES[table]).encode()
    with pytest.raises(DataError, match=f"csv.*which {TABLES[table].tool}tobin"):
        ktc.tocsv(table, csv, io.BytesIO())
    with pytest.raises(DataError, match="csv.*tobin"):
        ktc.read_table(table, csv)


def test_text_without_a_header_to_the_reader_of_binary():
    with pytest.raises(
        DataError, match="memory: byte 12: .* this looks like csv, of which itemtobin makes binary"
    ):
        ktc.tocsv("items", b"1,1,7,101,1\n", io.BytesIO())


@pytest.mark.parametrize(
    "name, call, text, converter",
    [
        (
            "gul",
            lambda source: stages.gultocsv(source, io.BytesIO()),
            "event_id,item_id,sidx,loss\n1,1,1,5\n",
            "gultobin",
        ),
        ("numbers", lambda source: stages.gultocsv(source, io.BytesIO()), "1,1,1,5\n", "gultobin"),
        (
            "summary",
            lambda source: stages.eltcalc(source, io.BytesIO()),
            "event_id,exposure_value,summary_id,sidx,loss\n1,1,1,1,5\n",
            "summarycalctobin",
        ),
        (
            "cdf",
            lambda source: stages.cdftocsv(source, io.BytesIO()),
            "event_id,areaperil_id,vulnerability_id,bin_index,prob_to,bin_mean\n1,1,1,1,1,1\n",
            "a cdf stream, of which nothing",
        ),
    ],
)
def test_csv_to_the_reader_of_a_stream(name, call, text, converter):
    with pytest.raises(DataError, match=f"byte 0: .*this looks like csv.*{converter}"):
        call(text.encode())


def test_csv_in_the_place_of_a_table(tmp_path, run, tool):
    ktc.write_example(tmp_path / "run", events=3, locations=2, grid=2)
    items = tmp_path / "run" / "input" / "items.bin"
    for text, expected in (
        (ITEMS, "input/items.bin: byte 0: expected binary records, found csv of items, of which itemtobin"),
        ("1,1,7,101,1\n", "this looks like csv, of which itemtobin makes binary"),
    ):
        items.write_text(text)
        status, _, err = run([tool("getmodel")], struct.pack("<i", 1), cwd=tmp_path / "run")
        assert status == 1 and expected in err and err.count("\n") == 1
    status, _, err = run([tool("getmodel")], b"event_id\n1\n2\n", cwd=tmp_path / "run")
    assert status == 1 and "byte 0" in err


def test_binary_that_is_printable_is_read():
    data = b"item 1 of 20 bytes.\nitem_id,coverage_id\n"
    assert len(ktc.read_table("items", data)) == 2
    out = io.BytesIO()
    ktc.tocsv("items", data, out)
    assert out.getvalue().count(b"\n") == 3
    floats = numpy.frombuffer(b"tiv,coverage,id\n", "<f4")
    assert ktc.read_table("coverages", floats.tobytes())["tiv"].tolist() == floats.tolist()


# --- generated


@st.composite
def spelt(draw, name):
    """A column's name as somebody may write it."""
    name = draw(
        st.sampled_from([name, name.upper(), name.title(), name.replace("_", " "), name.replace("_", "")])
    )
    return draw(st.sampled_from([name, f'"{name}"', f" {name}", f"{name}\t", f' "{name} "']))


@pytest.mark.slow
@settings(deadline=None, max_examples=int(os.environ.get("KTC_CSV_EXAMPLES", 150)))
@given(st.data())
def test_generated_headers(data):
    """The bytes of the plain file, or one line that says why not."""
    table = data.draw(st.sampled_from(sorted(SAMPLES)))
    names, rows = columns(table), SAMPLES[table]
    order = data.draw(st.permutations(range(len(names))))
    dropped = data.draw(
        st.sets(st.sampled_from(order), max_size=2) if data.draw(st.booleans()) else st.just(set())
    )
    parts = [(names[i], [row[i] for row in rows]) for i in order if i not in dropped]
    twice = bool(parts) and data.draw(st.booleans()) and data.draw(st.booleans())
    if twice:
        parts.insert(data.draw(st.integers(0, len(parts))), data.draw(st.sampled_from(parts)))
    for _ in range(data.draw(st.integers(0, 2))):
        extra = data.draw(st.sampled_from([["", ""], ["1", "2.5"], ["text", "'"], ['"a, b"', '"c ""d"""']]))
        parts.insert(
            data.draw(st.integers(0, len(parts))),
            (
                data.draw(st.sampled_from(["note", "", "zone 7", '"x, y"'])),
                [extra[i % 2] for i in range(len(rows))],
            ),
        )
    quote = data.draw(st.sampled_from(["{}", "{}", " {}", '"{}"', '" {}" ']))
    titles = [data.draw(spelt(name)) if name in names else name for name, _ in parts]
    lines = [
        ",".join(titles),
        *(
            ",".join(quote.format(values[i]) if name in names else values[i] for name, values in parts)
            for i in range(len(rows))
        ),
    ]
    ends = data.draw(st.sampled_from([*([end] * len(lines) for end in ENDS), ["\r", "\n", "\r\n", "\r"] * 3]))
    csv = "".join(line + end for line, end in zip(lines, ends))
    csv = data.draw(st.sampled_from(["", "\ufeff"])) + (
        csv if data.draw(st.booleans()) else csv.rstrip("\r\n")
    )
    needed = len(names) - (TABLES[table].optional if len(names) == len(TABLES[table].csv_columns()) else 0)
    if not twice and not dropped:
        assert tobin(table, csv) == tobin(table, text_of(names, rows))
    elif twice:
        assert "line 1: " in refused(table, csv)
    elif any(i < needed for i in dropped) and any(name in names for name, _ in parts):
        message = refused(table, csv)
        assert "line 1: " in message and (
            all(names[i] in message for i in dropped if i < needed) or "these are the columns of" in message
        ), message
