"""Stages joined in memory give what the scripts give through pipes."""

import io
import os
import shutil
import struct
import subprocess
import sys
import threading

import numpy
import pytest
from support import programmes, summaries

import ktc
from ktc.chain import (
    CdfStream,
    CdfToCsv,
    Chain,
    EltCalc,
    Events,
    FmCalc,
    FmToCsv,
    GetModel,
    GulCalc,
    GulToCsv,
    LossStream,
    PltCalc,
    SummaryCalc,
    SummaryToCsv,
)
from ktc.errors import DataError, InputError, TruncatedError, UsageError


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    made = ktc.write_example(folder, events=30, locations=12, grid=6)
    # each reinsures what the one before leaves; the insurance has two layers of each item
    for seed, name, options in ((1, "RI_1", dict(levels=2)), (2, "RI_2", dict(levels=1, shape="some"))):
        programmes.write(
            programmes.make(
                seed,
                2 * made.items,
                rules=programmes.BACK_ALLOCATED,
                coverages=False,
                scale=100_000.0,
                order="items",
                **options,
            ),
            folder / name,
        )
    return folder


@pytest.fixture(scope="module")
def shell(model, tool):
    """What a command line of the scripts, run in the model's folder, writes to standard output."""
    path = f"{os.path.dirname(tool('gulcalc'))}{os.pathsep}{os.environ['PATH']}"
    return lambda command: (
        subprocess.run(
            ["bash", "-o", "pipefail", "-c", command],
            cwd=model,
            check=True,
            capture_output=True,
            env={**os.environ, "PATH": path},
        ).stdout
    )


@pytest.fixture(scope="module")
def piped(shell):
    """What the scripts give in pipes, by name."""
    gul = "eve 1 1 | getmodel | gulcalc -S20 -a1 -i -"
    fm = f"{gul} | fmcalc -a2"
    ri = f"{fm} | fmcalc -a2 -n -p RI_1 | fmcalc -a2 -p RI_2"
    return {
        "fm": shell(fm),
        "fm.csv": shell(f"{fm} | fmtocsv"),
        "fm1": shell(f"{fm} | summarycalc -f -1 -"),
        "fm3": shell(f"{fm} | summarycalc -f -3 -"),
        "fm.elt": shell(f"{fm} | summarycalc -f -1 - | eltcalc"),
        "net": shell(f"{gul} | fmcalc -a2 -n"),
        "ri": shell(ri),
        "ri.elt": shell(f"{ri} | summarycalc -f -3 - | eltcalc"),
        "cdf": shell("eve 1 1 | getmodel"),
        "gul": shell(gul),
        "coverage": shell("eve 1 1 | getmodel | gulcalc -S20 -c -"),
        "summary1": shell(f"{gul} | summarycalc -i -1 -"),
        "summary2": shell(f"{gul} | summarycalc -i -2 -"),
        "elt": shell(f"{gul} | summarycalc -i -1 - | eltcalc"),
        "gul.csv": shell(f"{gul} | gultocsv"),
        "summary.csv": shell(f"{gul} | summarycalc -i -2 - | summarycalctocsv"),
        "cdf.csv": shell("eve 1 1 | getmodel | cdftocsv"),
    }


GUL = dict(sample_size=20, alloc_rule=1)


@pytest.mark.posix
def test_everything_at_once(model, piped, tmp_path):
    at = lambda name: tmp_path / name
    seen = []
    Chain(
        Events(),
        GetModel([at("cdf"), CdfToCsv(at("cdf.csv")), (GulCalc(sample_size=20, coverage=at("coverage")),)]),
        root=model,
    ).run()
    Chain(
        Events(),
        GetModel(),
        GulCalc(**GUL),
        [
            at("gul"),
            GulToCsv(at("gul.csv")),
            FmCalc(at("net"), alloc_rule=2, net=True),
            (
                FmCalc(alloc_rule=2),
                [
                    at("fm"),
                    FmToCsv(at("fm.csv")),
                    SummaryCalc({1: [at("fm1"), EltCalc(at("fm.elt"))], 3: at("fm3")}, stream="fm"),
                    (
                        FmCalc(alloc_rule=2, net=True, input_path="RI_1"),
                        FmCalc(alloc_rule=2, input_path="RI_2"),
                        [at("ri"), SummaryCalc({3: EltCalc(at("ri.elt"))}, stream="fm")],
                    ),
                ],
            ),
            SummaryCalc(
                {
                    1: [at("summary1"), EltCalc(at("elt"))],
                    2: [at("summary2"), SummaryToCsv(at("summary.csv"))],
                }
            ),
        ],
        root=model,
    ).run(progress=lambda done, total: seen.append((done, total)))
    for name, expected in piped.items():
        assert at(name).read_bytes() == expected, name
    assert sorted(os.listdir(tmp_path)) == sorted(piped)
    assert seen[-1] == (30, 30) and seen == sorted(seen)


@pytest.mark.posix
def test_from_the_middle(model, piped, tmp_path):
    Chain(CdfStream(piped["cdf"]), GulCalc(**GUL), tmp_path / "gul", root=model).run()
    assert (tmp_path / "gul").read_bytes() == piped["gul"]
    Chain(LossStream(tmp_path / "gul"), SummaryCalc({1: tmp_path / "summary1"}), root=model).run()
    assert (tmp_path / "summary1").read_bytes() == piped["summary1"]
    Chain(LossStream(piped["gul"]), FmCalc(tmp_path / "fm", alloc_rule=2), root=model).run()
    assert (tmp_path / "fm").read_bytes() == piped["fm"]


@pytest.mark.posix
def test_inuring_programmes(model, piped, tmp_path):
    """Reinsurance upon reinsurance in one process; programmes compiled once do as well as folders."""
    Chain(
        LossStream(piped["gul"]),
        FmCalc(alloc_rule=2),
        FmCalc(alloc_rule=2, net=True, input_path="RI_1"),
        FmCalc(alloc_rule=2, input_path="RI_2"),
        tmp_path / "ri",
        root=model,
    ).run()
    assert (tmp_path / "ri").read_bytes() == piped["ri"] and len(piped["ri"]) > 10_000
    plans = [ktc.read_plan(model / name) for name in ("input", "RI_1", "RI_2")]
    for name in ("again", "and again"):
        Chain(
            LossStream(piped["gul"]),
            FmCalc(plan=plans[0], alloc_rule=2),
            FmCalc(plan=plans[1], alloc_rule=2, net=True),
            FmCalc(tmp_path / name, plan=plans[2], alloc_rule=2),
        ).run()
        assert (tmp_path / name).read_bytes() == piped["ri"]


@pytest.mark.posix
def test_partitions_add_up(model, piped):
    """The events of three processes are those of one."""

    def losses(*share):
        return {
            (b.event_id, i): b.loss[b.start[k] : b.start[k + 1]].tolist()
            for b in Chain(Events(*share), GetModel(), GulCalc(**GUL), root=model)
            for k, i in enumerate(b.id.tolist())
        }

    parts = [losses(process, 3) for process in (1, 2, 3)]
    assert sum(map(len, parts)) == len({k for part in parts for k in part})
    assert {k: v for part in parts for k, v in part.items()} == losses()


@pytest.mark.posix
@pytest.mark.parametrize(
    "stages, name",
    [
        ((GetModel(),), "cdf"),
        ((GetModel(), GulCalc(**GUL)), "gul"),
        ((GetModel(), GulCalc(**GUL), FmCalc(alloc_rule=2)), "fm"),
        (
            (
                GetModel(),
                GulCalc(**GUL),
                FmCalc(alloc_rule=2),
                FmCalc(alloc_rule=2, net=True, input_path="RI_1"),
                FmCalc(alloc_rule=2, input_path="RI_2"),
            ),
            "ri",
        ),
    ],
    ids=["cdfs", "losses", "insured losses", "reinsured losses"],
)
def test_iterated(model, piped, stages, name):
    expected = list(ktc.read_stream(piped[name]))
    blocks = list(Chain(Events(), *stages, root=model))
    ids = [
        [b.vulnerability_id if hasattr(b, "vulnerability_id") else b.id for b in some]
        for some in (blocks, expected)
    ]
    assert numpy.array_equal(*map(numpy.concatenate, ids))
    values = [[b.prob_to if hasattr(b, "prob_to") else b.loss for b in some] for some in (blocks, expected)]
    assert numpy.array_equal(*map(numpy.concatenate, values))
    assert [b.event_id for b in blocks if b.end_of_event] == [b.event_id for b in expected if b.end_of_event]


@pytest.mark.posix
def test_iterated_up_to_a_fault(model, piped):
    """Whole events come out before the error does, those too that a stage still holds."""

    def until_fault(*chain):
        found = []
        with pytest.raises(TruncatedError):
            for block in Chain(*chain, root=model):
                found.append(block)
        return [(b.event_id, len(b)) for b in found]

    ids = (model / "input" / "events.bin").read_bytes()
    whole = [(b.event_id, len(b)) for b in ktc.read_stream(piped["cdf"], whole_events=True)]
    assert until_fault(Events(ids=ids + b"x"), GetModel()) == [
        (b.event_id, len(b)) for b in Chain(Events(ids=ids), GetModel(), root=model)
    ]
    assert [event for event, _ in until_fault(CdfStream(piped["cdf"][:-3]), GulCalc(**GUL))] == [
        e for e, _ in whole[:-1]
    ]


@pytest.mark.posix
def test_events_from_an_array(model, piped):
    ids = numpy.frombuffer((model / "input" / "events.bin").read_bytes(), "<i4")
    some = list(Chain(Events(ids=ids[:3].copy()), GetModel(), root=model))
    assert {b.event_id for b in some} <= set(ids[:3].tolist())
    # the same event twice running is one event, as it is in a stream
    twice = list(Chain(Events(ids=numpy.repeat(ids[:1], 2)), GetModel(), root=model))
    assert sum(b.end_of_event for b in twice) == 1 and sum(map(len, twice)) == 2 * len(some[0])


def test_chains_that_make_no_sense(model, tmp_path):
    with pytest.raises(UsageError, match="GulCalc takes cdfs, but Events gives events"):
        Chain(Events(), GulCalc(), root=model).run()
    with pytest.raises(UsageError, match="FmCalc takes losses, but GetModel gives cdfs"):
        Chain(Events(), GetModel(), FmCalc(tmp_path / "a"), root=model).run()
    with pytest.raises(UsageError, match="nothing can follow FmToCsv"):
        Chain(LossStream(b""), FmToCsv(tmp_path / "a"), FmCalc(tmp_path / "b"), root=model).run()
    with pytest.raises(UsageError, match="allocation rule 4: expected 0, 1, 2 or 3"):
        Chain(LossStream(b""), FmCalc(tmp_path / "a", alloc_rule=4), root=model).run()
    with pytest.raises(UsageError, match="nothing can follow EltCalc"):
        Chain(LossStream(b""), EltCalc(tmp_path / "a"), EltCalc(tmp_path / "b"), root=model).run()
    with pytest.raises(UsageError, match="summary set"):
        Chain(LossStream(b""), SummaryCalc({1: tmp_path / "a"}), tmp_path / "b", root=model).run()
    with pytest.raises(UsageError, match="gives no blocks"):
        list(Chain(LossStream(b""), EltCalc(tmp_path / "a"), root=model))
    assert os.listdir(tmp_path) == []


@pytest.mark.posix
def test_a_fault_leaves_no_file(model, piped, tmp_path):
    with pytest.raises(DataError, match="memory: byte"):
        Chain(CdfStream(piped["cdf"][:-1]), GulCalc(**GUL), tmp_path / "gul", root=model).run()
    with pytest.raises(DataError, match="memory: byte"):
        Chain(
            LossStream(piped["gul"][:-1]),
            FmCalc(alloc_rule=2),
            FmCalc(alloc_rule=2, net=True, input_path="RI_1"),
            [tmp_path / "fm", FmToCsv(tmp_path / "csv")],
            root=model,
        ).run()
    with pytest.raises(InputError, match="fm_programme.bin: cannot read: No such file"):
        Chain(LossStream(piped["gul"]), FmCalc(tmp_path / "fm", alloc_rule=2), root=tmp_path).run()
    with pytest.raises(InputError, match="footprint.bin: cannot read: No such file"):
        Chain(Events(), GetModel(), tmp_path / "cdf", root=tmp_path).run()
    assert os.listdir(tmp_path) == []


def test_events_of_many_blocks(tmp_path):
    """An event that passes in several blocks is what it is in one piece: through a pipe gulcalc gets whole
    events."""
    ktc.write_example(tmp_path, events=3, locations=6000, grid=60, damage_bins=60)
    Chain(
        Events(),
        GetModel(),
        [
            tmp_path / "cdf",
            (GulCalc(tmp_path / "gul", coverage=tmp_path / "coverage", sample_size=5, alloc_rule=0),),
        ],
        root=tmp_path,
    ).run()
    blocks = list(ktc.read_stream(tmp_path / "cdf"))
    assert len(blocks) > sum(block.end_of_event for block in blocks) == 3
    ktc.gulcalc(
        tmp_path / "cdf",
        item=tmp_path / "gul2",
        coverage=tmp_path / "coverage2",
        sample_size=5,
        alloc_rule=0,
        root=tmp_path,
    )
    assert (tmp_path / "gul").read_bytes() == (tmp_path / "gul2").read_bytes()
    assert (tmp_path / "coverage").read_bytes() == (tmp_path / "coverage2").read_bytes()


# What comes after summarycalc


def as_csv(table):
    """The lines of a ResultTable as csv has them."""
    form = ",".join(field.csv or "%d" for field in table.report.fields) + "\n"
    return (table.report.csv_header + "\n" + "".join(form % row for row in table.numpy().tolist())).encode()


@pytest.fixture(scope="module")
def reports(model, shell, piped):
    """What the scripts make of the summaries by line of business: the tables of one stream, the reports of a
    folder."""
    (model / "work" / "run").mkdir(parents=True)
    (model / "work" / "run" / "P1.bin").write_bytes(piped["summary2"])
    tables = {
        "elt": "eltcalc",
        "melt": "eltcalc -M -",
        "qelt": "eltcalc -Q -",
        "plt": "pltcalc",
        "mplt": "pltcalc -M -",
        "qplt": "pltcalc -Q -",
        "splt": "pltcalc -S -",
        "selt": "summarycalctocsv -o",
    }
    whole = {
        "ept": "ordleccalc -K run -F -f -S -s -M -m -O -",
        "psept": "ordleccalc -K run -W -w -o -",
        "ept-r": "ordleccalc -K run -r -F -f -S -s -M -m -O -",
        "lec": "leccalc -K run -F -",
        "wheatsheaf": "leccalc -K run -w -",
        "aal": "aalcalc -K run",
        "alt": "aalcalc -K run -o",
        "alct": "aalcalc -K run -o -l 0.9 -c alct.csv > /dev/null && cat alct.csv",
        "mean": "aalcalcmeanonly -K run",
        "mean-ord": "aalcalcmeanonly -K run -o",
    }
    return (
        {name: shell(f"{command} < work/run/P1.bin") for name, command in tables.items()},
        {name: shell(command) for name, command in whole.items()},
    )


def whole_reports(curves, at_periods, averages, means):
    """The reports of accumulators, under the names of those of the fixture."""
    return {
        "ept": curves.table(),
        "psept": curves.samples(),
        "ept-r": at_periods.table(),
        "lec": curves.legacy("aep_full_uncertainty"),
        "wheatsheaf": curves.legacy("oep_wheatsheaf"),
        "aal": averages.legacy(),
        "alt": averages.table(),
        "alct": averages.convergence(0.9),
        "mean": means.legacy(),
        "mean-ord": means.table(),
    }


def accumulators(root):
    return (
        ktc.ExceedanceCurves(root=root),
        ktc.ExceedanceCurves(return_periods=True, root=root),
        ktc.AverageLoss(root),
        ktc.AverageLossMeanOnly(root),
    )


@pytest.mark.posix
def test_every_report_at_once(model, reports, tmp_path):
    """One process, one summary stream, sixteen reports: each what its script gives."""
    tables, whole = reports
    at, sums = {name: tmp_path / name for name in tables}, accumulators(model)
    melt = ktc.ResultTable("moment_event_loss_table")
    Chain(
        Events(),
        GetModel(),
        GulCalc(**GUL),
        SummaryCalc(
            {
                2: [
                    EltCalc(at["elt"], moment=[at["melt"], melt], quantile=at["qelt"]),
                    PltCalc(at["plt"], moment=at["mplt"], quantile=at["qplt"], sample=at["splt"]),
                    SummaryToCsv(at["selt"], ord=True),
                    *sums,
                ]
            }
        ),
        root=model,
    ).run()
    for name, expected in tables.items():
        assert at[name].read_bytes() == expected and expected.count(b"\n") > 20, name
    assert as_csv(melt) == tables["melt"]
    found = whole_reports(*sums)
    assert {name: as_csv(table) for name, table in found.items()} == whole
    assert len(found["ept"]) > 1000 and len(found["ept-r"]) > 100 and len(found["alct"]) > 5
    # asked for again, and fed once more with what they hold
    assert {name: as_csv(table) for name, table in whole_reports(*sums).items()} == whole


@pytest.mark.posix
def test_accumulators_are_fed_with_files(model, reports):
    """A path, bytes, and a summary stream that a chain begins with."""
    _, whole = reports
    for source in (model / "work" / "run" / "P1.bin", (model / "work" / "run" / "P1.bin").read_bytes()):
        sums = accumulators(model)
        for each in sums:
            assert each.feed(source) is each
        assert {name: as_csv(table) for name, table in whole_reports(*sums).items()} == whole
    sums = accumulators(model)
    Chain(LossStream(model / "work" / "run" / "P1.bin"), list(sums), root=model).run()
    assert {name: as_csv(table) for name, table in whole_reports(*sums).items()} == whole


def in_two_threads(model, root, shares):
    """Accumulators of two chains in threads, merged, and those of one chain over everything."""

    def run(events, sums):
        Chain(Events(ids=events), GetModel(), GulCalc(**GUL), SummaryCalc({2: list(sums)}), root=model).run()

    whole, merged = accumulators(root), accumulators(root)
    others = [each.another() for each in merged]
    run(numpy.sort(numpy.concatenate(shares)), whole)
    threads = [threading.Thread(target=run, args=each) for each in zip(shares, (merged, others))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each, other in zip(merged, others):
        assert each.merge(other) is each
    return whole_reports(*merged), whole_reports(*whole)


@pytest.mark.posix
def test_two_threads(model):
    """Largest losses are the same; sums of which two threads have parts, but for rounding."""
    ids = numpy.arange(1, 31, dtype="i4")
    occurrences = ktc.read_table("occurrence", model / "input" / "occurrence.bin")
    odd = {
        period
        for event, period in zip(*(occurrences[name].tolist() for name in occurrences.dtype.names[:2]))
        if event % 2
    }
    assert odd & set(
        occurrences[occurrences[occurrences.dtype.names[0]] % 2 == 0][occurrences.dtype.names[1]].tolist()
    )
    merged, whole = in_two_threads(model, model, (ids[::2].copy(), ids[1::2].copy()))
    for name in whole:
        got, expected = merged[name].numpy(), whole[name].numpy()
        assert len(got) == len(expected) > 0
        if name.startswith("ept") or name == "psept":
            largest = expected["EPType"] <= 2
            assert numpy.array_equal(got["EPType"], expected["EPType"])
            # the mean over samples of a period is a sum of both threads' too
            largest &= expected["EPCalc"] != 4 if "EPCalc" in expected.dtype.names else True
            assert largest.any() and got[largest].tobytes() == expected[largest].tobytes(), name
        if name == "wheatsheaf":
            assert got.tobytes() == expected.tobytes()
        for column in got.dtype.names:
            assert numpy.allclose(got[column], expected[column], rtol=2e-6, atol=1e-6), (name, column)


@pytest.mark.posix
def test_two_threads_with_periods_of_their_own(model, tmp_path):
    """Where no period has events of both, nothing depends on who has added them up."""
    rng = numpy.random.default_rng(4)
    shares = [numpy.arange(1, 16, dtype="i4"), numpy.arange(16, 31, dtype="i4")]
    occurrences = [
        (int(event), int(period) + 500 * k, 1)
        for k, share in enumerate(shares)
        for event, period in zip(rng.choice(share, 400), rng.integers(1, 501, 400))
    ]
    summaries.write_tables(
        tmp_path, occurrences=occurrences, periods=1000, return_periods=[1000, 200, 50, 10, 5, 2]
    )
    shutil.copytree(
        model / "input",
        tmp_path / "input",
        dirs_exist_ok=True,
        ignore=lambda *_: ["occurrence.bin", "returnperiods.bin"],
    )
    merged, whole = in_two_threads(model, tmp_path, shares)
    for name in whole:
        assert len(whole[name]) > 0 and merged[name].numpy().tobytes() == whole[name].numpy().tobytes(), name


@pytest.mark.posix
def test_reports_import_no_numpy(model, reports, tmp_path):
    """Not the modules, nor a chain that ends in csv, nor the functions behind the scripts."""
    code = f"""
import sys
import ktc, ktc.averages, ktc.concat, ktc.curves, ktc.results, ktc.accumulators
from ktc.chain import Chain, EltCalc, LossStream, PltCalc, SummaryToCsv
root, out = {str(model)!r}, {str(tmp_path)!r}
curves, averages = ktc.ExceedanceCurves(root=root), ktc.AverageLoss(root)
Chain(LossStream(root + "/work/run/P1.bin"), [EltCalc(moment=out + "/melt", quantile=out + "/qelt"),
      PltCalc(moment=out + "/mplt", sample=out + "/splt"), SummaryToCsv(out + "/selt", ord=True), curves,
      averages],
      root=root).run()
tables = [len(curves.table()), len(averages.table())]
ktc.ordleccalc(curves=["aep_full_uncertainty"], ept=out + "/ept", folder="run", root=root)
ktc.leccalc(outputs={{"aep_full_uncertainty": out + "/lec"}}, folder="run", root=root)
ktc.aalcalc("run", out + "/aal", root=root)
ktc.aalcalcmeanonly("run", out + "/mean", root=root)
ktc.kat([out + "/melt"], out + "/kat")
print("numpy" in sys.modules, "pyarrow" in sys.modules, min(tables) > 0)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout == "False False True\n", done.stderr
    assert (tmp_path / "kat").read_bytes() == (tmp_path / "melt").read_bytes() == reports[0]["melt"]


# What functions give without a target


def test_blocks_without_a_target(tmp_path):
    """Nothing goes to standard output unasked; the blocks are those that a target would have taken."""
    ktc.write_example(tmp_path, events=6, locations=5, grid=3)
    ids = ktc.eve(1, 1, root=tmp_path)
    assert ids.dtype == numpy.int32 and sorted(ids.tolist()) == [1, 2, 3, 4, 5, 6]
    cdfs = io.BytesIO()
    ktc.getmodel(ids, cdfs, root=tmp_path)
    for block, same in zip(
        ktc.getmodel(ids, root=tmp_path), ktc.read_stream(cdfs.getvalue(), whole_events=True)
    ):
        assert block.event_id == same.event_id and numpy.array_equal(block.prob_to, same.prob_to)
    gul, insured = io.BytesIO(), io.BytesIO()
    ktc.gulcalc(cdfs.getvalue(), item=gul, sample_size=4, alloc_rule=1, root=tmp_path)
    assert losses_of(ktc.gulcalc(cdfs.getvalue(), sample_size=4, alloc_rule=1, root=tmp_path)) == losses_of(
        ktc.read_stream(gul.getvalue())
    )
    ktc.fmcalc(gul.getvalue(), insured, alloc_rule=2, root=tmp_path)
    found = list(ktc.fmcalc(gul.getvalue(), alloc_rule=2, root=tmp_path))
    assert sum(block.loss.sum(dtype=float) for block in found) == sum(
        block.loss.sum(dtype=float) for block in ktc.read_stream(insured.getvalue())
    )
    for call in (
        lambda: ktc.tobin("items", b"item_id\n"),
        lambda: Chain(Events(), GetModel(), root=tmp_path).run(),
        lambda: ktc.fmprofilebinconv(b""),
    ):
        with pytest.raises(UsageError, match="binary output without a target"):
            call()


def losses_of(blocks):
    """[(event, id, sidx, loss)] of blocks."""
    return [
        (block.event_id, int(id), int(sidx), float(loss))
        for block in blocks
        for id, first, end in zip(block.id, block.start, block.start[1:])
        for sidx, loss in zip(block.sidx[first:end], block.loss[first:end])
    ]


@pytest.mark.parametrize("rule", [-1, 0, 1, 2, 3])
def test_gulcalc_s_blocks_are_its_losses_by_item(rule, tmp_path):
    """Of every allocation rule, in the old item form too; only the script insists on an output."""
    ktc.write_example(tmp_path, events=6, locations=5, grid=3)
    cdfs, written = io.BytesIO(), io.BytesIO()
    ktc.getmodel(ktc.eve(1, 1, root=tmp_path), cdfs, root=tmp_path)
    options = dict(sample_size=4, alloc_rule=rule, root=tmp_path)
    ktc.gulcalc(cdfs.getvalue(), item=written, **options)
    chain = ktc.gulcalc(cdfs.getvalue(), **options)
    found = losses_of(chain)
    assert len({event for event, *_ in found}) == 4
    assert found == losses_of(ktc.read_stream(written.getvalue()))
    assert losses_of(chain) == found  # a chain can be gone through again
    assert ktc.gulcalc(cdfs.getvalue(), item=io.BytesIO(), **options) is None


def test_dense():
    """Samples by column, doubles added up, special ones left out."""
    csv = b"event_id,item_id,sidx,loss\n1,7,-1,9\n1,7,1,5\n1,7,3,2.5\n1,8,2,4\n1,8,2,1\n"
    (block,) = ktc.gultobin(csv, sample_size=4)
    assert block.id.tolist() == [7, 8] and block.start.tolist() == [0, 3, 5]
    assert block.dense(4).tolist() == [[5.0, 0.0, 2.5, 0.0], [0.0, 5.0, 0.0, 0.0]]
    assert block.dense().shape == (2, 3) and block.dense().dtype == numpy.float32
    with pytest.raises(ValueError, match="sample 3 in a block of 2 samples"):
        block.dense(2)


def test_arrow_s_stream():
    pyarrow = pytest.importorskip("pyarrow")
    table = ktc.ResultTable("event_loss_table")
    ktc.eltcalc(struct.pack("<3i2ififif", 0x03000001, 1, 1, 5, 7, 100.0, 1, 8.0, 0, 0.0), table)
    assert pyarrow.table(table).equals(table.arrow()) and len(table) == 2
