"""Whole runs with gulmc's kernel: the bytes are those of the programs in pipes, whatever the threads, the
blocks and what was resumed; settings, the platform's script and flags choose the kernel."""

import json
import os
import shutil
import subprocess

import numpy
import pytest
from support.wholeruns import cancelled_after

import ktc
from ktc import execution
from ktc.errors import Cancelled, UsageError
from ktc.planning import plan

EVENTS = 40
ORD = dict.fromkeys(
    ["elt_sample", "elt_moment", "plt_moment", "alt_period", "ept_full_uncertainty_aep"], True
)
SETTINGS = {
    "number_of_samples": 8,
    **{f"{name}_output": True for name in ("gul", "il", "ri")},
    **{f"{name}_summaries": [{"id": 1, "ord_output": ORD}] for name in ("gul", "il", "ri")},
}
STREAMS = {
    "gul": "eve -n 1 1 | gulmc -S8 -L0 -a1",
    "il": "cat gul.stream | fmcalc -a2",
    "ri": "cat il.stream | fmcalc -a3 -p input/RI_1 -n | fmcalc -a3 -p input/RI_2 -n",
}
SUMMARIES = {"gul": "-i", "il": "-f", "ri": "-f -p input/RI_2"}
REPORTS = {
    "melt": "eltcalc -M {to} < {s}",
    "mplt": "pltcalc -M {to} < {s}",
    "selt": "summarycalctocsv -o < {s} > {to}",
    "palt": "aalcalc -K{k} -o > {to}",
    "ept": "ordleccalc -K{k} -F -O {to}",
}


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """A run directory with correlated items; nobody writes into it but into folders of its own."""
    folder = tmp_path_factory.mktemp("run")
    ktc.write_example(folder, events=EVENTS, locations=12, reinsurance=True)
    items = ktc.read_table("items", folder / "input/items.bin")
    with open(folder / "input/correlations.csv", "w") as file:
        file.write(ktc.schemas.TABLES["correlations"].csv_header + "\n")
        for k, item in enumerate(items["item_id"].tolist()):
            file.write(f"{item},{k % 2 + 1},{(k % 3) * 0.4},{k // 2 + 1},{(k % 4) * 0.3}\n")
    (folder / "analysis_settings.json").write_text(json.dumps(SETTINGS))
    return folder


@pytest.fixture(scope="module")
def reports(example):
    """What one thread makes of it, in one block: {name: bytes}."""
    ktc.run(example, outputs="plain", threads=1, block_events=EVENTS, kernel="gulmc", alloc_gul=1)
    return contents(example / "plain")


@pytest.fixture
def own(example, tmp_path):
    """A copy of the run directory, to be written into."""
    shutil.copytree(example, tmp_path / "own", ignore=shutil.ignore_patterns("plain"))
    return tmp_path / "own"


def contents(folder):
    """{name: bytes} of the reports in a folder."""
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.csv"))}


@pytest.mark.posix
def test_same_bytes_as_the_programs_in_pipes(own, reports, tool):
    environment = {**os.environ, "PATH": f"{os.path.dirname(tool('eve'))}:{os.environ['PATH']}"}

    def shell(command):
        subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=own, check=True, env=environment)

    (own / "by").mkdir()
    for name, command in STREAMS.items():
        (own / f"work/{name}").mkdir(parents=True)
        stream = f"work/{name}/P1.bin"
        shell(f"{command} > {name}.stream && summarycalc -m {SUMMARIES[name]} -1 {stream} < {name}.stream")
        for what, report in REPORTS.items():
            shell(report.format(s=stream, k=name, to=f"by/{name}_S1_{what}.csv"))
    expected = contents(own / "by")
    assert expected.keys() == reports.keys() and len(reports) == 15
    for name in reports:
        assert reports[name] == expected[name], name


@pytest.mark.parametrize("threads, block", [(1, 1), (2, None), (2, 1), (3, 7)])
def test_threads_and_blocks_change_nothing(example, reports, tmp_path, threads, block):
    out = tmp_path / "out"
    run = ktc.run(example, outputs=out, threads=threads, block_events=block, kernel="gulmc", alloc_gul=1)
    assert contents(out) == reports
    assert run.manifest["kernel"] == "gulmc, fmcalc"
    assert run.manifest["random numbers"] == "Latin hypercube on Philox4x32-7, by event and group"


@pytest.mark.parametrize("form", ["csv", "by event", "chunks"])
def test_footprints_of_other_formats(own, reports, tmp_path, form):
    """Events that different threads ask for may lie in different files."""
    if form == "csv":
        with open(own / "static/footprint.csv", "wb") as file:
            ktc.tocsv("footprint", own / "static/footprint.bin", file, index=own / "static/footprint.idx")
    else:
        pytest.importorskip("pyarrow")
        from ktc.footprintparquet import footprint_bin_to_parquet

        footprint_bin_to_parquet(own / "static", chunk=form == "chunks", chunk_size=20_000)
    for name in ("footprint.bin", "footprint.idx"):
        (own / "static" / name).unlink()
    ktc.run(own, outputs=tmp_path / "out", threads=3, block_events=1, kernel="gulmc", alloc_gul=1)
    assert contents(tmp_path / "out") == reports


def test_a_run_that_was_cancelled_goes_on(example, reports, tmp_path, monkeypatch):
    monkeypatch.setattr(execution, "CHECKPOINT", 0)
    cancel, progress = cancelled_after(20, monkeypatch)
    options = dict(outputs=tmp_path / "out", threads=2, block_events=1, kernel="gulmc", alloc_gul=1)
    with pytest.raises(Cancelled):
        ktc.run(example, progress=progress, cancel=cancel, **options)
    with pytest.raises(UsageError, match="is of another kernel: start anew, without --resume"):
        ktc.run(example, resume=True, **{**options, "kernel": "ktools"})
    run = ktc.run(example, resume=True, **options)
    assert contents(tmp_path / "out") == reports and run.manifest["resumed after events"] >= 20


def kernel_of(made):
    return "ktools" if made.losses.montecarlo is None else "gulmc"


def test_what_decides_the_kernel(own):
    """A flag, else the settings, else the script that the platform made."""
    assert kernel_of(plan(own)) == "ktools"
    (own / "run_ktools.sh").write_text(
        'proc_list="eve getmodel gulcalc gulmc"\neve 1 1 | getmodel | gulcalc -S1\n'
    )
    assert kernel_of(plan(own)) == "ktools"
    (own / "run_kernel.sh").write_text('proc_list="gulpy gulmc"\n( evepy 1 2 | gulmc -S8 -a1 | fmpy ) &\n')
    made = plan(own)
    assert kernel_of(made) == "gulmc"
    assert "ground-up losses by gulmc: run_kernel.sh" in made.notes
    settings = {**SETTINGS, "computation_settings": {"gulmc": False}}
    assert kernel_of(plan(own, settings=settings)) == "ktools"
    assert kernel_of(plan(own, settings=settings, kernel="gulmc")) == "gulmc"
    with pytest.raises(UsageError, match="the kernel is 'gulpy', expected gulmc or ktools"):
        plan(own, kernel="gulpy")


def test_settings_of_the_kernel(own):
    settings = {
        **SETTINGS,
        "peril_filter": ["aaa"],
        "full_correlation": True,
        "computation_settings": {
            "gulmc": True,
            "gul_random_generator": 0,
            "gulmc_effective_damageability": True,
            "gulmc_vuln_cache_size": 100,
        },
        "model_settings": {"correlation_settings": [{"peril_correlation_group": 1}]},
    }
    made = plan(own, settings=settings)
    assert made.losses.montecarlo[:4] == (0, True, False, ("AAA",)) and not made.losses.correlated
    assert "left out: full_correlation, which is of ktools' kernel" in made.notes
    with pytest.raises(UsageError, match="ktools' kernel does not do this: .*--skip-unsupported"):
        plan(own, settings=settings, kernel="ktools")


def test_vulnerability_adjustments(own):
    """A factor on the random numbers of one function: other samples of its items, the same means."""
    options = dict(outputs=None, perspectives=["gul"], kernel="gulmc")
    plain = ktc.run(own, **options)["gul", 1, "selt"].numpy()
    ids = numpy.unique(ktc.read_table("items", own / "input/items.bin")["vulnerability_id"])
    adjusted = {"adjustments": {str(id): 0.5 for id in ids.tolist()}}
    settings = {**SETTINGS, "vulnerability_adjustments": adjusted}
    halved = ktc.run(own, settings=settings, **options)["gul", 1, "selt"].numpy()
    mean, samples = plain["SampleId"] == -1, plain["SampleId"] > 0
    assert halved["Loss"][halved["SampleId"] == -1].tolist() == plain["Loss"][mean].tolist()
    assert 0 < halved["Loss"][halved["SampleId"] > 0].sum() < plain["Loss"][samples].sum()


@pytest.mark.parametrize("generator", [0, 1, 2])
def test_the_means_of_both_kernels_agree(own, generator):
    """The analytical ones, and those of 300 samples within their error."""
    options = dict(outputs=None, perspectives=["gul"], samples=300, alloc_gul=0)
    settings = {**SETTINGS, "computation_settings": {"gul_random_generator": generator}}
    full = ktc.run(own, kernel="gulmc", settings=settings, **options)["gul", 1, "palt"].numpy()
    effective = ktc.run(own, kernel="ktools", **options)["gul", 1, "palt"].numpy()
    for type in (1, 2):
        ours = full["MeanLoss"][full["SampleType"] == type].sum()
        assert ours == pytest.approx(
            effective["MeanLoss"][effective["SampleType"] == type].sum(), rel=1e-4 if type == 1 else 0.05
        )
