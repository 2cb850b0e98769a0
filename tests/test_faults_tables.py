"""Folders of summary streams, and tables in files: all of them, or none.

The rules that every script is held to stand in support/faults.py.
"""

import os
import shutil
import struct

import pytest
from support.faults import (  # noqa: F401
    SAMPLES,
    SCRIPTS,
    WITH_ARROW,
    command_of,
    folder,
    message_of,
    model,
    needs_arrow,
    packets,
)

import ktc
from ktc import stages
from ktc.errors import TruncatedError
from ktc.schemas.tools import CURVES


def tables_in(out, **names):
    """Keywords of files in a folder: {keyword: name}; those of parquet where there is pyarrow."""
    return {keyword: out / name for keyword, name in names.items() if WITH_ARROW or "parquet" not in keyword}


LETTERS = [name for _, name, _ in CURVES]
# Every table that a function can write, to files of the folder `out`
TABLES = {
    "eltcalc": lambda s, out, root: stages.eltcalc(
        s,
        out / "legacy",
        root=root,
        **tables_in(
            out,
            moment="melt",
            quantile="qelt",
            moment_parquet="melt.parquet",
            quantile_parquet="qelt.parquet",
        ),
    ),
    "pltcalc": lambda s, out, root: stages.pltcalc(
        s,
        out / "legacy",
        root=root,
        **tables_in(out, moment="mplt", quantile="qplt", sample="splt", sample_parquet="splt.parquet"),
    ),
    "summarycalctocsv": lambda s, out, root: stages.summarycalctocsv(
        s, out / "selt", ord=True, **tables_in(out, parquet="selt.parquet")
    ),
}
FOLDER_TABLES = {
    "leccalc": lambda root, out: ktc.leccalc(
        outputs={name: out / name for name in LETTERS}, folder="run", return_periods=True, root=root
    ),
    "ordleccalc": lambda root, out: ktc.ordleccalc(
        curves=LETTERS,
        folder="run",
        root=root,
        **tables_in(out, ept="ept", psept="psept", ept_parquet="ept.parquet", psept_parquet="psept.parquet"),
    ),
    "aalcalc": lambda root, out: ktc.aalcalc(
        "run",
        out / "alt",
        ord=True,
        convergence=out / "alct",
        root=root,
        **tables_in(out, parquet="alt.parquet"),
    ),
    "aalcalcmeanonly": lambda root, out: ktc.aalcalcmeanonly(
        "run", out / "alt", ord=True, root=root, **tables_in(out, parquet="alt.parquet")
    ),
    "summaryindex": lambda root, out: ktc.summaryindex("run", root=root),
}


def hidden_in(data):
    """Where a summary stream can be cut unseen."""
    return {12, *(end for _, _, end, _ in packets("summary", data))}


@pytest.mark.parametrize("name", TABLES)
def test_no_table_of_a_cut_stream(name, model, tmp_path):
    """Several tables at once in files, csv and parquet: all of them, or none."""
    data, hidden = model.parts[1], hidden_in(model.parts[1])
    for cut in range(len(data)):
        if cut not in hidden:
            with pytest.raises(TruncatedError, match=f"byte {cut}: the input ends inside"):
                TABLES[name](data[:cut], tmp_path, model.root)
            assert os.listdir(tmp_path) == []
    TABLES[name](data, tmp_path, model.root)
    sizes = [os.path.getsize(tmp_path / file) for file in os.listdir(tmp_path)]
    assert (
        len(sizes)
        == {"eltcalc": 3, "pltcalc": 4, "summarycalctocsv": 1}[name]
        + ({"eltcalc": 2}.get(name, 1) if WITH_ARROW else 0)
        and min(sizes) > 50
    )


@pytest.mark.filterwarnings("ignore:periods have weights")
@pytest.mark.parametrize("name", FOLDER_TABLES)
def test_no_table_of_a_folder_with_a_cut_stream(name, folder):
    path, out = folder / "work" / "run" / "summary_P2.bin", folder / "out"
    data, before = path.read_bytes(), sorted(os.listdir(path.parent))
    out.mkdir()
    for cut in range(len(data)):
        if cut not in hidden_in(data):
            path.write_bytes(data[:cut])
            with pytest.raises(
                TruncatedError, match=rf"^\S*/summary_P2\.bin: byte {cut}: the input ends inside"
            ):
                FOLDER_TABLES[name](folder, out)
            assert os.listdir(out) == [] and sorted(os.listdir(path.parent)) == before
    path.write_bytes(data)
    FOLDER_TABLES[name](folder, out)
    csv = {"leccalc": 8, "ordleccalc": 2, "aalcalc": 2, "aalcalcmeanonly": 1, "summaryindex": 0}[name]
    assert len(os.listdir(out)) == csv * (1 + (WITH_ARROW and name != "leccalc"))
    assert ("summaries.idx" in os.listdir(path.parent)) == (name == "summaryindex")


FOLDER_SCRIPTS = ["aalcalc", "aalcalcmeanonly", "leccalc -K", "ordleccalc -K", "summaryindex"]


@pytest.mark.parametrize("name", FOLDER_SCRIPTS)
def test_script_on_a_folder(name, folder, model, tool, run):
    """What may be wrong in work/run/: a file cut, empty, of another stream or sample size; no file, no
    folder."""
    command = [tool(name.split()[0]), *SCRIPTS.get(name, (["-K", "run"],))[0]]
    place = folder / "work" / "run"
    path = place / "summary_P2.bin"
    data = path.read_bytes()
    listing = sorted(os.listdir(place))
    other = bytearray(data)
    struct.pack_into("<i", other, 4, SAMPLES + 1)
    for wrong, told in (
        (data[:-3], f"byte {len(data) - 3}: the input ends inside"),
        (b"", "byte 0: the input ends inside the stream header"),
        (model.data["loss"], "byte 0: this is a loss stream"),
        (b"event_id,loss\n", "byte 0: this is not a "),
        (bytes(other), " samples, those before it "),
    ):
        if wrong == other and name in ("aalcalcmeanonly", "summaryindex"):
            continue
        path.write_bytes(wrong)
        status, out, err = run(command, cwd=folder)
        assert (status, out) == (1, b"") and told in message_of(err, name)
        assert "work/run/summary_P2.bin: " in err or (wrong == other and "work/run/summary_P" in err)
        assert sorted(os.listdir(place)) == listing
    path.unlink()
    path.mkdir()
    status, out, err = run(command, cwd=folder)
    assert (status, out) == (3, b"") and "work/run/summary_P2.bin" in message_of(err, name)
    for step in (lambda: (path.rmdir(), (place / "summary_P1.bin").unlink()), place.rmdir):
        step()
        status, out, err = run(command, cwd=folder)
        assert (status, out) == (3, b"") and "work/run" in message_of(err, name)


@pytest.mark.parametrize(
    "name, to, from_",
    [
        ("eltcalc -M", "occurrence", "periods"),
        ("pltcalc", "occurrence", "returnperiods"),
        ("leccalc", "occurrence", "quantile"),
        ("aalcalc", "occurrence", "events"),
        ("pltcalc -M", "periods", "occurrence"),
        ("aalcalc", "periods", "quantile"),
        ("pltcalc -Q", "quantile", "coverages"),
    ],
)
def test_another_table(name, to, from_, folder, model, tool, run):
    """Return periods are not among them: numbers from 0 on in any order are good ones, and `ktc validate`
    doubts them."""
    shutil.copy(folder / "input" / f"{from_}.bin", folder / "input" / f"{to}.bin")
    status, out, err = run(command_of(tool, name), model.input_of(name), cwd=folder)
    assert (status, out) == (1, b"") and f"input/{to}.bin: byte " in message_of(err, name)


FOLDER_PATHS = [
    ("aalcalc", ["-K", "run", "-p"]),
    ("aalcalcmeanonly", ["-K", "run", "-p"]),
    ("leccalc", ["-K", "run", "-w"]),
    ("ordleccalc", ["-K", "run", "-W", "-p"]),
    ("katparquet", ["-m", "tables/melt_P1.parquet", "tables/melt_P2.parquet", "-o"]),
]


@pytest.mark.posix
@needs_arrow
@pytest.mark.parametrize("name, flags", FOLDER_PATHS)
def test_output_of_a_folder(name, flags, folder, tool, run):
    """Complete, or an error that names the path."""
    for path, reason in (("nowhere/out", "No such file"), ("/dev/full", os.strerror(28))):
        status, out, err = run([tool(name), *flags, path], cwd=folder)
        assert (status, out) == (4, b"") and path in message_of(err, name) and reason in err
    assert run([tool(name), *flags, "out"], cwd=folder) == (0, b"", "")
    assert (folder / "out").read_bytes()[:4] == (b"summ" if name == "leccalc" else b"PAR1")


@pytest.mark.slow
@needs_arrow
def test_katparquet_on_damaged_files(folder, tool, run):
    command = [tool("katparquet"), "-m", "-o", "out", "tables/melt_P1.parquet", "tables/melt_P2.parquet"]
    path = folder / "tables" / "melt_P2.parquet"
    data = path.read_bytes()
    for wrong in (data[:-1], data[: len(data) // 2], b"", (folder / "tables" / "elt_P1.csv").read_bytes()):
        path.write_bytes(wrong)
        status, out, err = run(command, cwd=folder)
        assert (status, out) == (
            1,
            b"",
        ) and "tables/melt_P2.parquet: not a parquet file, or a damaged" in message_of(err, "katparquet")
    path.unlink()
    status, _, err = run(command, cwd=folder)
    assert status == 3 and "tables/melt_P2.parquet" in message_of(err, "katparquet")
    assert not (folder / "out").exists()
