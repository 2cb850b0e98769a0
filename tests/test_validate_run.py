"""A run's files held against the registry's rules and against each other: every reference broken once, every
file cut once."""

import itertools
import os
import random
import re
import shutil

import numpy
import pytest
from support.rows import ROWS, TOBIN

import ktc
import ktc.footprintparquet
from ktc.errors import DataError, InputError, UsageError
from ktc.schemas import TABLES
from ktc.validation import crossvalidation, validate_csv, validate_run, validateoasisfiles

UNKNOWN = 7_654_321


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """An example model with the tables that it usually does without, and a programme of reinsurance."""
    folder = tmp_path_factory.mktemp("model") / "run"
    made = ktc.write_example(folder, events=20, locations=8, grid=4, weighted_periods=True)
    items = range(1, made.items + 1)
    one, two = numpy.unique(
        ktc.read_table("vulnerability", folder / "static" / "vulnerability.bin")["vulnerability_id"]
    )[:2]
    for name, rows in {
        **ROWS,
        "amplifications": [(item, 1) for item in items],
        "lossfactors": [(1, 1, 1.25), (2, 1, 1.5)],
        "aggregate_vulnerability": [(100001, one), (100001, two)],
        "weights": [(1, one, 0.5), (1, two, 0.5)],
        "correlations": [(item, 1, 0.5, 1, 0.25) for item in items],
    }.items():
        text = "\n".join([TABLES[name].csv_header, *(",".join(map(str, row)) for row in rows), ""])
        ktc.tobin(name, text.encode(), folder / TABLES[name].path, **TOBIN.get(name, {}))
    (folder / "input" / "RI_1").mkdir()
    for name in ("fm_programme", "fm_policytc", "fm_profile", "fm_xref"):
        shutil.copy(folder / "input" / f"{name}.bin", folder / "input" / "RI_1")
    return folder


@pytest.fixture
def run_of(model, tmp_path):
    """A copy of the model to break."""
    return shutil.copytree(model, tmp_path / "run")


def change(folder, table, row, **values):
    """Set fields of one record of a binary table; the record's number. Packets: of the first one."""
    entry = TABLES[table]
    path = folder / entry.path
    data = bytearray(path.read_bytes())
    at = entry.header_size() + (8 if entry.packet else 0)
    records = numpy.frombuffer(data, entry.dtype(), offset=at, count=(len(data) - at) // entry.size())
    number = range(len(records))[row]
    for field, value in values.items():
        records[field][number] = value
    path.write_bytes(data)
    return number + 1


def test_a_sound_run(model, run, tool):
    verdict = validate_run(model)
    assert verdict.sound and verdict.faults == verdict.missing == []
    found = {file.table: file.rows for file in verdict.files if "RI_1" not in file.path}
    assert set(found) == {name for name in TABLES if TABLES[name].tool}
    for name, rows in found.items():
        if name not in ("footprint", "coverages"):
            assert rows == len(ktc.read_table(name, model / TABLES[name].path)), name
    assert sum("RI_1" in file.path for file in verdict.files) == 4
    assert str(verdict).endswith(": sound") and "faults:" not in str(verdict)
    status, out, err = run([tool("ktc"), "validate"], cwd=model)
    assert (status, err) == (0, "") and out.endswith(b": sound\n")
    assert out.decode().split() == str(verdict).replace(f"{model}/", "").split()


@pytest.mark.parametrize("options", [dict(compress=True), dict(areaperil_bytes=8), dict(uncertainty=False)])
def test_other_forms_of_a_model(tmp_path, options):
    ktc.write_example(tmp_path, events=10, locations=5, grid=4, **options)
    areaperil_bytes = options.get("areaperil_bytes", 4)
    for flags in (dict(indexed=True), dict(compress=True)):
        csv = tmp_path / "vulnerability.csv"
        ktc.tocsv("vulnerability", tmp_path / "static" / "vulnerability.bin", csv)
        ending = ".z" if "compress" in flags else ""
        ktc.tobin(
            "vulnerability",
            csv,
            tmp_path / "static" / f"vulnerability.bin{ending}" if ending else tmp_path / "v.bin",
            index=tmp_path / "static" / f"vulnerability.idx{ending}",
            max_damage_bin=22,
            **flags,
        )
        if not ending:
            plain = ktc.read_table("vulnerability", tmp_path / "static" / "vulnerability.bin")
            os.replace(tmp_path / "v.bin", tmp_path / "static" / "vulnerability.bin")
        verdict = validate_run(tmp_path, areaperil_bytes=areaperil_bytes)
        assert verdict.sound, str(verdict)
        rows = {file.table: file.rows for file in verdict.files}
        assert rows["vulnerability"] == len(plain)
        if not ending:
            ktc.tobin(
                "vulnerability",
                csv.read_bytes(),
                tmp_path / "static" / "vulnerability.bin",
                max_damage_bin=22,
            )
            os.remove(tmp_path / "static" / "vulnerability.idx")


REFS = [(table, ref) for table in TABLES for ref in TABLES[table].refs if TABLES[table].tool]


@pytest.mark.parametrize(
    "table, ref", REFS, ids=[f"{table}-{'-'.join(ref.columns)}-{ref.table}" for table, ref in REFS]
)
def test_every_reference_of_the_registry(run_of, table, ref):
    """An id that nothing knows is named, with its file and record."""
    field = ref.columns[-1]
    if table == "footprint":
        data = bytearray((run_of / "static" / "footprint.bin").read_bytes())
        records = numpy.frombuffer(data, TABLES[table].dtype(), offset=8)
        records[field][5] = 15
        vulnerability = ktc.read_table("vulnerability", run_of / "static" / "vulnerability.bin").copy()
        ktc.write_table(
            "vulnerability",
            vulnerability[vulnerability["intensity_bin_id"] != 15],
            run_of / "static" / "vulnerability.bin",
            max_damage_bin=22,
        )
        (run_of / "static" / "footprint.bin").write_bytes(data)
        number, value = r"\d+", 15
    else:
        rows = ktc.read_table(table, run_of / TABLES[table].path).copy()
        if ref.one_is_enough:
            rows[field] += UNKNOWN
            ktc.write_table(table, rows, run_of / TABLES[table].path)
        chosen = len(rows) - 1
        if ref.when:
            (chosen,) = (
                numpy.flatnonzero(rows[ref.when[0]] >= ref.when[1])[:1]
                if ref.when[2] is None
                else numpy.flatnonzero(rows[ref.when[0]] == ref.when[1])[:1]
            )
        number, value = change(run_of, table, chosen, **{field: UNKNOWN}), UNKNOWN
        if TABLES[table].packet:
            number = 1
    if ref.warning:  # only the first of such rows is shown
        number, value = r"\d+", r"\d+"
    verdict = validate_run(run_of)
    found = [
        line
        for line in (verdict.warnings if ref.warning else verdict.faults)
        if re.search(
            rf"{re.escape(TABLES[table].path)}: record {number}\b.*{field} {value} is not in {ref.table}",
            line,
        )
    ]
    assert found, (str(verdict), number)
    assert verdict.sound == ref.warning or table in ("amplifications", "correlations", "items")


def test_ids_that_should_come_up(run_of):
    change(run_of, "fm_programme", 2, from_agg_id=1)
    change(run_of, "amplifications", -1, item_id=1)
    faults = validate_run(run_of).faults
    last = len(ktc.read_table("items", run_of / "input" / "items.bin"))
    folder = re.escape(str(run_of / "input"))
    assert any(
        re.fullmatch(
            f"{folder}/items.bin: item_id 3: expected in {folder}/fm_programme.bin too, as from_agg_id with "
            "level_id 1",
            line,
        )
        for line in faults
    )
    assert any(
        re.fullmatch(
            f"{folder}/items.bin: item_id {last}: expected in {folder}/amplifications.bin too, as item_id",
            line,
        )
        for line in faults
    )
    assert any(
        "record 3" in line and "level_id 1, from_agg_id 1 comes a second time" in line for line in faults
    )


def sourced(folder, source, **values):
    """Give the correlations source items, and more; the number of items."""
    path = folder / TABLES["correlations"].path
    items = ktc.read_table("items", folder / TABLES["items"].path)
    rows = numpy.zeros(len(items), TABLES["correlations_sourced"].dtype())
    rows["item_id"], rows["source_item_id"] = range(1, len(rows) + 1), source
    for field, value in values.items():
        rows[field] = value
    ktc.write_table("correlations_sourced", rows, path)
    return len(rows)


@pytest.mark.parametrize("form", ["binary", "csv"])
def test_correlations_with_source_items(run_of, form):
    def verdict():
        if form == "csv":
            ktc.tocsv("correlations", path, csv)
            path.rename(run_of / "correlations.away")
        found = validate_run(run_of)
        if form == "csv":
            (run_of / "correlations.away").rename(path)
        return found

    path, csv = run_of / "input" / "correlations.bin", run_of / "input" / "correlations.csv"
    items = sourced(run_of, 0)
    (file,) = (file for file in verdict().files if file.table.startswith("correlations"))
    assert (file.table, file.rows, file.faults) == ("correlations_sourced", items, [])
    sourced(run_of, [items + 1] + [0] * (items - 1), damage_correlation_value=0.5)
    assert any(f"source_item_id {items + 1} is not in items" in line for line in verdict().faults)
    sourced(run_of, 0, damage_correlation_value=[1.5] + [0.5] * (items - 1))
    assert any("damage_correlation_value is 1.5, expected at most 1" in line for line in verdict().faults)
    sourced(run_of, 0, hazard_correlation_value=-0.5)
    assert verdict().sound
    assert any("hazard_correlation_value is -0.5, expected at least 0" in line for line in verdict().warnings)


# --- what gulmc demands of tables together


def gulmc_run(folder, functions, items=6):
    """Six items of three coverages at two areas, with these functions: 9 for a conditional one."""
    model = ktc.read_table("items", folder / TABLES["items"].path)[:items].copy()
    model["coverage_id"], model["areaperil_id"] = [1, 1, 2, 2, 3, 3][:items], [1, 2] * (items // 2)
    plain = ktc.read_table("vulnerability", folder / TABLES["vulnerability"].path)["vulnerability_id"][0]
    model["vulnerability_id"] = [{1: plain, 9: 900001}.get(each, each) for each in functions]
    ktc.write_table("items", model, folder / TABLES["items"].path)
    for name in ("amplifications", "fm_programme", "gulsummaryxref"):
        (folder / TABLES[name].path).unlink()


def said(folder, table, lines):
    verdict = validate_run(folder)
    path = folder / TABLES[table].path
    return [
        line.removeprefix(f"{path}: ") for line in getattr(verdict, lines) if line.startswith(f"{path}: ")
    ]


CHAIN = "it has a source item, but its vulnerability_id is not in conditional_vulnerability"


@pytest.mark.parametrize(
    "functions, sources, faults",
    [
        ([1, 1, 9, 9, 9, 9], [0, 0, 1, 2, 3, 4], []),
        (
            [1, 1, 9, 9, 1, 1],
            [0, 0, 2, 1, 0, 0],
            ["item_id 3, 4: the source item has another areaperil_id, expected the same"],
        ),
        (
            [1, 9, 9, 9, 9, 9],
            [0, 6, 1, 2, 1, 4],
            [
                "coverage_id 1: its items depend on themselves, in a circle of source items",
                "item_id 6: its coverage_id 3 has source items of several coverages, expected one",
            ],
        ),
        ([9, 1, 1, 1, 1, 1], [3, 0, 0, 0, 0, 0], []),
        (
            [9, 1, 1, 1, 1, 1],
            [1, 0, 0, 0, 0, 0],
            ["coverage_id 1: its items depend on themselves, in a circle of source items"],
        ),
        ([1, 1, 9, 1, 1, 1], [0, 0, 1, 2, 0, 0], [f"item_id 4: {CHAIN}"]),
        (
            [1, 1, 9, 1, 1, 1],
            [0] * 6,
            ["item_id 3: its vulnerability_id is in conditional_vulnerability, but it has no source item"],
        ),
        (
            [1, 1, 100001, 1, 1, 1],
            [0, 0, 1, 0, 0, 0],
            [
                "item_id 3: it has a source item and an aggregate vulnerability, expected one of "
                "conditional_vulnerability"
            ],
        ),
    ],
)
def test_items_that_depend_on_others(run_of, functions, sources, faults):
    gulmc_run(run_of, functions)
    sourced(run_of, sources)
    assert sorted(said(run_of, "correlations", "faults")) == sorted(faults)
    assert said(run_of, "items", "faults") == []


def test_a_bin_of_the_source_item_without_rows(run_of):
    gulmc_run(run_of, [1, 1, 9, 9, 1, 1])
    sourced(run_of, [0, 0, 1, 2, 0, 0])
    assert said(run_of, "conditional_vulnerability", "faults") == []
    change(run_of, "damage_bin_dict", 0, bin_to=0.01)
    (line,) = said(run_of, "conditional_vulnerability", "faults")
    assert line.startswith("vulnerability_id 900001 has no rows for source_damage_bin 2, 4, 5, 6, 7, 8, ")


def test_items_without_correlations(run_of):
    rows = ktc.read_table("correlations", run_of / TABLES["correlations"].path)
    ktc.write_table("correlations", rows[2:], run_of / TABLES["correlations"].path)
    expected = ["no rows for item_id 1, 2: they are not correlated"]
    assert said(run_of, "correlations", "warnings") == expected


def test_weights_where_items_have_a_combined_function(run_of):
    gulmc_run(run_of, [100001] * 6)
    ktc.write_table(
        "correlations",
        ktc.read_table("correlations", run_of / "input/correlations.bin")[:6],
        run_of / "input/correlations.bin",
    )
    expected = (
        "no weights for aggregate_vulnerability_id 100001 at areaperil_id 2, where items have it: all its "
        "functions count alike"
    )
    assert said(run_of, "weights", "warnings") == [expected]
    assert said(run_of, "weights", "faults") == []
    for row in (0, 1):
        change(run_of, "weights", row, weight=0)
    (line,) = said(run_of, "weights", "warnings")
    assert line == expected.replace("at areaperil_id 2", "at areaperil_id 1") + " (2 pairs are so)"
    (run_of / "static" / "weights.bin").unlink()
    line = "static/weights.bin: missing; gulmc needs it for items with an aggregate_vulnerability_id"
    assert line in validate_run(run_of).missing


def test_bins_that_only_one_of_footprint_and_vulnerability_has(run_of):
    path = run_of / "static" / "footprint.bin"
    data = bytearray(path.read_bytes())
    most = int.from_bytes(data[:4], "little")
    data[:4] = (most - 1).to_bytes(4, "little")
    path.write_bytes(data)
    rows = [line for line in validate_run(run_of).warnings if "vulnerability.bin: record" in line]
    words = f"intensity_bin_id is {most}, more than the maximum given, {most - 1}"
    assert len(rows) == 1 and words in rows[0]


def test_a_footprint_in_parquet(run_of):
    pytest.importorskip("pyarrow")
    line = "static/footprint.bin: missing; a run of ground-up losses needs it"
    ktc.footprintparquet.footprint_bin_to_parquet(run_of / "static")
    for name in ("bin", "idx"):
        (run_of / "static" / f"footprint.{name}").unlink()
    assert validate_run(run_of).missing == []
    shutil.rmtree(run_of / "static" / "footprint.parquet")
    assert validate_run(run_of).missing == [line]


SOUND = {  # a rule of the registry broken: the table, the row, the values, and what names it
    "events": (3, dict(event_id=0), "event_id is 0, expected at least 1"),
    "items": (4, dict(item_id=9), "item_id is 9, expected 5"),
    "coverages": (1, dict(tiv=-1), "tiv is -1, expected at least 0"),
    "gulsummaryxref": (0, dict(summaryset_id=10), "summaryset_id is 10, expected at least 0 and at most 9"),
    "fmsummaryxref": (0, dict(summary_id=-1), "summary_id is -1, expected at least 0"),
    "vulnerability": (7, dict(probability=-0.5), "probability is -0.5, expected at least 0"),
    "damage_bin_dict": (2, dict(bin_index=9), "bin_index is 9, expected 3"),
    "random": (6, dict(random_no=1.5), "random_no is 1.5, expected at least 0 and at most 1"),
    "fm_policytc": (0, dict(layer_id=0), "layer_id is 0, expected at least 1"),
    "fm_xref": (0, dict(output_id=-5), "output_id is -5, expected at least 1"),
    "occurrence": (1, dict(period_no=1001), "period_no is 1001, more than the maximum given, 1000"),
    "returnperiods": (2, dict(return_period=-1), "return_period is -1, expected at least 0"),
    "periods": (2, dict(weighting=-1), "weighting is -1, expected at least 0"),
    "quantile": (2, dict(quantile=1.25), "quantile is 1.25, expected at least 0 and at most 1"),
    "lossfactors": (0, dict(factor=-2), "factor is -2, expected at least 0"),
    "weights": (0, dict(weight=-1), "weight is -1, expected at least 0"),
    "ensemble": (0, dict(sidx=0), "sidx is 0, expected at least 1"),
    "fm_profile": (0, dict(limit=float("nan")), "limit is nan, expected a finite number"),
}


@pytest.mark.parametrize("table", SOUND)
def test_rules(run_of, table):
    row, values, words = SOUND[table]
    number = change(run_of, table, row, **values)
    (file,) = (f for f in validate_run(run_of).files if f.path.endswith(f"run/{TABLES[table].path}"))
    assert any(re.search(rf"record {number}\b", line) for line in file.faults if words in line), file.faults


@pytest.mark.parametrize(
    "table, row, values, words",
    [
        ("events", 2, dict(event_id=1), "event_id 1 comes a second time"),
        (
            "returnperiods",
            2,
            dict(return_period=9999),
            "return_period is 9999, expected less than the 500 before it",
        ),
        ("returnperiods", -1, dict(return_period=0), "return_period is 0, expected at least 1"),
        ("periods", 2, dict(period_no=1001), "period_no is 1001, more than the maximum given, 1000"),
        ("periods", 2, dict(period_no=1), "period_no 1 comes a second time"),
        ("periods", 2, dict(period_no=0), "period_no is 0, expected at least 1"),
        ("occurrence", 2, dict(event_id=0, period_no=0, occ_date_id=0), "1 records of zeros are passed over"),
    ],
)
def test_doubts(run_of, table, row, values, words):
    """What the stages take as ktools does is a warning, and the run is sound."""
    change(run_of, table, row, **values)
    verdict = validate_run(run_of)
    assert verdict.sound and any(TABLES[table].path in line and words in line for line in verdict.warnings), (
        str(verdict)
    )


@pytest.mark.parametrize("table", [t for t in TABLES if TABLES[t].tool and t != "footprint"])
def test_cut_files_and_none(run_of, table):
    path = run_of / TABLES[table].path
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    faults = [line for line in validate_run(run_of).faults if str(path) in line and "ends inside" in line]
    assert len(faults) == 1 and "byte" in faults[0]
    path.unlink()
    verdict = validate_run(run_of)
    needed = TABLES[table].needed
    line = f"{TABLES[table].path}: missing; a run of {needed} needs it"
    assert (line in verdict.missing) == (needed in ("ground-up losses", "insured losses"))
    assert (line in verdict.warnings) == (needed == "insured summaries") and verdict.sound == (
        line not in verdict.missing
    )


def test_a_cut_footprint_and_its_index(run_of):
    data, index = run_of / "static" / "footprint.bin", run_of / "static" / "footprint.idx"
    whole = data.read_bytes()
    data.write_bytes(whole[:-1])
    assert any(
        re.search(r"footprint.idx: byte \d+: event_id \d+: \d+ bytes from byte \d+ on are not in", line)
        for line in validate_run(run_of).faults
    )
    data.write_bytes(whole)
    index.write_bytes(index.read_bytes()[:-3])
    assert any(
        "footprint.idx" in line and "ends inside a record" in line for line in validate_run(run_of).faults
    )
    index.unlink()
    assert any("footprint.idx: cannot read" in line for line in validate_run(run_of).faults)


def test_no_more_than_twenty_faults_of_a_file(run_of):
    ktc.write_table("coverages", numpy.full(50, -1.0, [("tiv", "<f4")]), run_of / "input" / "coverages.bin")
    (file,) = (f for f in validate_run(run_of).files if f.table == "coverages")
    assert len(file.faults) == 21 and file.faults[-1] == "and more"
    assert (
        file.faults[19]
        == f"{run_of}/input/coverages.bin: record 20 (byte 76): '20, -1': tiv is -1, expected at least 0"
    )


def test_what_only_a_compiled_programme_shows(run_of, run, tool):
    """Aggregates that are part of none: the references are fine."""
    path = run_of / "input" / "RI_1" / "fm_programme.bin"
    rows = ktc.read_table("fm_programme", path).copy()
    ktc.write_table("fm_programme", rows[~((rows["level_id"] == 2) & (rows["from_agg_id"] == 1))], path)
    status, out, err = run([tool("ktc"), "validate", run_of])
    assert (status, err) == (1, "") and b"1 fault, " in out and out.endswith(b": not sound\n")
    assert re.search(rb"\nfaults:\n  .*RI_1/fm_programme.bin.*\n", out)
    assert validate_run(run_of).sound is False


def test_csv_in_place_of_binaries(run_of):
    (run_of / "input" / "occurrence.bin").unlink()
    for table in ("items", "fm_programme", "coverages"):
        ktc.tocsv(table, run_of / TABLES[table].path, run_of / f"{table}.csv")
        (run_of / TABLES[table].path).unlink()
    (run_of / "input" / "occurrence.csv").write_text(
        "event_id,period_no,occ_year,occ_month,occ_day\n1,1,2000,1,31\n"
    )
    verdict = validate_run(run_of)
    assert verdict.sound and {os.path.basename(f.path) for f in verdict.files if f.path.endswith(".csv")} == {
        "items.csv",
        "fm_programme.csv",
        "coverages.csv",
        "occurrence.csv",
    }
    lines = (run_of / "items.csv").read_text().split("\n")
    lines[3] = lines[3].replace("3,", "4,", 1)
    (run_of / "items.csv").write_text("\n".join(lines))
    assert any(
        line.startswith(f"{run_of}/items.csv: line 4: ") and "expected 3" in line
        for line in validate_run(run_of).faults
    )


def test_no_run_at_all(tmp_path, run, tool):
    status, out, err = run([tool("ktc"), "validate", tmp_path / "nowhere"])
    assert (status, out, err) == (3, b"", f"ktc validate: error: {tmp_path}/nowhere: no such folder\n")
    with pytest.raises(InputError, match="none of a run's files is there, such as input/items.bin"):
        validate_run(tmp_path)


# --- ktools' two programs for csv

PORTFOLIO = {
    "coverages": ["1,100", "2,200", "3,300"],
    "items": ["1,1,11,1,1", "2,2,12,1,2", "3,3,13,2,3", "4,1,14,2,4"],
    "fm_programme": ["1,1,1", "2,1,2", "3,1,3", "4,1,1", "1,2,1", "2,2,1", "3,2,1"],
    "fm_profile": ["1,1,10,0,0,0,100,0,0,0", "2,1,0,0,0,0,0,0,0,0"],
    "fm_policytc": ["1,1,1,1", "1,1,2,2", "1,1,3,1", "1,2,1,2"],
}
MODEL = {
    "damage_bin_dict": ["1,0,0,0", "2,0,0.5,0.25", "3,0.5,1,0.75"],
    "vulnerability": ["1,1,1,1", "1,2,1,0.5", "1,2,2,0.5", "2,1,3,1", "2,2,3,1"],
    "footprint": ["1,11,1,1", "1,12,2,1", "2,11,1,0.5", "2,11,2,0.5"],
}
# The ids that these programs judge; every other column may hold anything.
IDS = {
    "coverages": (),
    "items": (1,),
    "fm_programme": (0,),
    "fm_profile": (),
    "fm_policytc": (1, 2, 3),
    "damage_bin_dict": (),
    "vulnerability": (2,),
    "footprint": (2,),
}


def write(folder, files):
    for name, rows in files.items():
        (folder / f"{name}.csv").write_text("\n".join([TABLES[name].csv_header, *rows, ""]))
    return {name: str(folder / f"{name}.csv") for name in files}


def arguments(files, flags=()):
    if "items" in files:
        return ["validateoasisfiles", "-d", ".", *flags]
    return ["crossvalidation", "-d", "damage_bin_dict.csv", "-f", "footprint.csv", "-s", "vulnerability.csv"]


@pytest.mark.parametrize("files", [PORTFOLIO, MODEL], ids=["portfolio", "model"])
def test_verdicts_are_those_of_ktools(files, oracle, tmp_path, run, tool):
    """ktools tells of its verdict in words only; its exit status is 0 throughout."""
    from ktc.cli import arguments as keywords_of
    from ktc.schemas import TOOLS

    rng = random.Random(3)
    cases = [files] + [
        {
            **files,
            name: [
                ",".join(
                    str(rng.choice([0, 1, 2, 3, 4, 5, 99])) if (r, column) == (row, c) else value
                    for c, value in enumerate(text.split(","))
                )
                for r, text in enumerate(files[name])
            ],
        }
        for name in files
        for column in IDS[name]
        for row in range(len(files[name]))
        for _ in range(2)
    ]
    verdicts = []
    os.chdir(tmp_path)
    for case in cases:
        write(tmp_path, case)
        for flags in ((), ("-g",)) if files is PORTFOLIO else ((),):
            name, *argv = arguments(case, flags)
            _, _, err = run([oracle(name), *argv], cwd=tmp_path)
            theirs = "All checks pass." in err or "Cross checks pass." in err
            function = {"validateoasisfiles": validateoasisfiles, "crossvalidation": crossvalidation}[name]
            try:
                function(**keywords_of(TOOLS[name], argv))
                ours, twice = True, False
            except DataError as error:
                ours, twice = False, all("comes a second time" in line for line in str(error).split("\n"))
            assert ours == theirs or twice, (
                case,
                flags,
                err,
            )  # an aggregate that is part of two passes ktools
            verdicts.append(ours)
    assert set(verdicts) == {True, False} and verdicts[0]


def test_words_and_statuses(tmp_path, run, tool):
    write(tmp_path, PORTFOLIO)
    write(tmp_path, MODEL)
    call = lambda *args: run([tool(args[0]), *args[1:]], cwd=tmp_path)
    assert call(*arguments(PORTFOLIO)) == (0, b"", "All checks pass.\n")
    assert call(*arguments(MODEL)) == (0, b"", "Cross checks pass.\n")
    assert call("validateoasisfiles") == (
        2,
        b"",
        "validateoasisfiles: error: the folder of the files (-d) is missing\n",
    )
    assert call("crossvalidation", "-d", "x")[::2] == (
        2,
        "crossvalidation: error: name the damage bins (-d), the vulnerability (-s) and the footprint (-f); "
        "missing: -s, -f\n",
    )
    write(tmp_path, {"items": ["1,1,11,1,1", "2,9,12,1,2", "3,8,1,1,x"]})
    assert call("validateoasisfiles", "-g", "-d", ".") == (
        1,
        b"",
        "validateoasisfiles: error: "
        "./items.csv: line 3: '2,9,12,1,2': coverage_id 9 is not in coverages.csv (coverage_id)\n"
        "./items.csv: line 4: '3,8,1,1,x': column 5 (group_id): expected a whole number of 32 bits, found "
        "'x'\n",
    )
    (tmp_path / "fm_programme.csv").unlink()
    status, _, err = call("validateoasisfiles", "-d", ".")
    assert status == 1 and err.startswith(
        "validateoasisfiles: warning: ./fm_programme.csv: there is none: checking only coverages"
    )
    (tmp_path / "coverages.csv").unlink()
    status, _, err = call("validateoasisfiles", "-d", ".", "-g")
    assert status == 3 and "./coverages.csv: cannot read" in err


def test_rows_that_cannot_be_read_are_not_held_against_others(tmp_path):
    paths = write(tmp_path, {**PORTFOLIO, "coverages": ["1,100", "2,x", "3,300"]})
    verdict = validate_csv(paths)
    assert len(verdict.faults) == 1 and "coverages.csv: line 3" in verdict.faults[0]
    with pytest.raises(UsageError, match="no table is called 'coverage'"):
        validate_csv({"coverage": paths["coverages"]})


def test_every_pair_of_faults_is_told(tmp_path):
    """Faults of all files at once, whichever they are."""
    broken = {
        "items": (1, "2,9,12,1,2", "line 3: '2,9,12,1,2': coverage_id 9"),
        "fm_programme": (6, "3,2,1", None),
        "fm_policytc": (3, "1,2,1,7", "line 5: '1,2,1,7': profile_id 7"),
        "fm_profile": (1, "2,1,0,0,0,0,0,0,0", "line 3: '2,1,0,0,0,0,0,0,0': expected 10 columns"),
    }
    for names in itertools.combinations(broken, 2):
        files = {name: list(rows) for name, rows in PORTFOLIO.items()}
        for name in names:
            files[name][broken[name][0]] = broken[name][1]
        faults = "\n".join(validate_csv(write(tmp_path, files)).faults)
        for name in names:
            words = broken[name][2]
            if words and not (
                name == "fm_policytc" and "fm_profile" in names
            ):  # its rows are not all known then
                assert words in faults, (names, faults)


def test_doubts_about_a_programme_are_warnings(run_of):
    """What fmcalc calculates is no fault, though it may not be what was meant."""
    path = run_of / "input" / "fm_policytc.bin"
    rows = numpy.frombuffer(path.read_bytes(), "<i4").reshape(-1, 4)
    twice = rows[:1].copy()
    twice[0, 3] = next(profile for profile in rows[:, 3] if profile != rows[0, 3])
    path.write_bytes(rows.tobytes() + twice.tobytes())
    verdict = validate_run(run_of)
    assert verdict.sound and [
        line
        for line in verdict.warnings
        if f"record {len(rows) + 1}: " in line
        and f"has profile {twice[0, 3]}, and profile {rows[0, 3]} in a record before" in line
    ]
