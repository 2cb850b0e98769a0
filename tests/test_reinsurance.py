"""Reinsurance as people have it, beside ktools: several inuring priorities, layers that fm_xref does not
name, facultative and surplus share by location, gross and net. And both of these from one pass: they add up
to what came in."""

import io
import os
import struct
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from support import programmes, reinsurance
from support.fmcases import arguments, by_output, calculate, cases, floored
from support.programmes import MEAN, TIV, Programme, decode, encode, stream
from support.reinsurance import KINDS, terms

import ktc
from ktc.chain import Chain, FmCalc, LossStream
from ktc.errors import UsageError


def write(portfolio, folder):
    """input/, and RI_1/, RI_2/, ... beside it."""
    programmes.write(portfolio.direct, folder / "input")
    for k, treaty in enumerate(portfolio.treaties, 1):
        programmes.write(treaty, folder / f"RI_{k}")
    return folder


def both(folder, losses, **options):
    """(gross, net) of one pass."""
    gross, net = io.BytesIO(), io.BytesIO()
    ktc.fmcalc(losses, gross, net_to=net, input_path=str(folder), **options)
    return gross.getvalue(), net.getvalue()


def events_of(losses, k, n):
    """A stream of every n-th event of a stream, from the k-th."""
    kind, samples, rows = decode(losses)
    ids = list(dict.fromkeys(rows["event"].tolist()))
    packets = []
    for event, item, sidx, loss in rows.tolist():
        if event in ids[k::n]:
            if not packets or packets[-1][:2] != (event, item):
                packets.append((event, item, []))
            packets[-1][2].append((sidx, loss))
    return encode(packets, samples, kind)


# Beside ktools

# With fewer layers of some aggregates below the last level ktools leaves terms out (docs/differences.md).
EVEN = [kind for kind in KINDS if kind != "by account"]


def ktools(oracle, losses, folder, flags):
    """What its fmcalc writes, with no loss below 0; None where it crashes: -a2 and -a3, where layers have
    shares of their own and the first one pays nothing."""
    done = subprocess.run(
        [oracle("fmcalc"), *flags, "-p", folder], input=losses, capture_output=True, timeout=60
    )
    assert (done.returncode == 0 and not done.stderr) or set(flags) & {"-a2", "-a3"}
    return floored(done.stdout) if done.returncode == 0 else None


@pytest.mark.parametrize("rule", [1, 2, 3])
@pytest.mark.parametrize("seed", range(8))
def test_inuring_priorities(oracle, tmp_path, seed, rule):
    """Each treaty's gross and net losses, of the net losses of the one before; whole, and by two
    processes."""
    rng = np.random.default_rng(seed)
    portfolio = reinsurance.make(
        seed,
        [EVEN[k] for k in rng.integers(len(EVEN), size=3)],
        direct_layers=1 + seed % 3,
        layers=1 + (seed // 2) % 3,
    )
    folder = write(portfolio, tmp_path)
    losses = stream(seed, portfolio.direct, events=5, samples=8, extremes=0)
    compared = 0
    for part in (losses, events_of(losses, 0, 2), events_of(losses, 1, 2)):
        came = calculate(folder / "input", part, alloc_rule=2)
        assert came == ktools(oracle, part, folder / "input", ["-a2"]) and len(decode(came)[2])
        for k in range(1, len(portfolio.treaties) + 1):
            for net in (False, True):
                ours = calculate(folder / f"RI_{k}", came, alloc_rule=rule, net=net)
                theirs = ktools(oracle, came, folder / f"RI_{k}", arguments({"alloc_rule": rule, "net": net}))
                compared += theirs is not None
                assert theirs in (ours, None), (seed, rule, k, net)
            came = ours
    assert compared >= 6


@pytest.mark.parametrize("named", ["highest", "all"])
@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_treaty(oracle, tmp_path, kind, named):
    compared = 0
    for seed in range(6):
        portfolio = reinsurance.make(seed, [kind], layers=1 + seed % 4 if kind in EVEN else 1, named=named)
        folder = write(portfolio, tmp_path / str(seed))
        came = calculate(
            folder / "input", stream(seed, portfolio.direct, events=3, samples=5, extremes=0), alloc_rule=2
        )
        for rule, net in ((0, False), *((rule, net) for rule in (1, 2, 3) for net in (False, True))):
            theirs = ktools(oracle, came, folder / "RI_1", arguments({"alloc_rule": rule, "net": net}))
            compared += theirs is not None
            assert theirs in (calculate(folder / "RI_1", came, alloc_rule=rule, net=net), None), (
                seed,
                rule,
                net,
            )
    assert compared >= 32


@pytest.mark.posix
def test_a_script_with_pipes_and_operands(oracle, tool, run, tmp_path):
    """The commands that the platform generates: what is left goes from treaty to treaty, and a lone - is
    passed over."""
    portfolio = reinsurance.make(
        3, ["surplus share", "quota share", "catastrophe"], direct_layers=2, layers=2
    )
    folder = write(portfolio, tmp_path)
    line = (
        "fmcalc -a2 | tee il | fmcalc -a3 -p RI_1 -n - | tee 1 | fmcalc -a3 -p RI_2 -n - | tee 2"
        " | fmcalc -a3 -p RI_3 -n - > net"
    )
    losses, kept = stream(3, portfolio.direct, events=5, samples=8, extremes=0), []
    for programs in (Path(oracle("fmcalc")).parent, Path(tool("fmcalc")).parent):
        status, out, err = run(
            ["bash", "-o", "pipefail", "-c", line],
            losses,
            cwd=folder,
            env={"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
        )
        assert (status, out, err) == (0, b"", "")
        kept.append([floored((folder / name).read_bytes()) for name in ("il", "1", "2", "net")])
    assert kept[0] == kept[1] and len(decode(kept[0][3])[2])


# Gross and net of one pass


def sums(*streams):
    """{(event, output, sidx): loss in double}."""
    out = {}
    for data in streams:
        for key, loss in by_output(data).items():
            out[key] = out.get(key, 0.0) + float(loss)
    return out


def assert_whole(came, gross, net, layers, item_of=None):
    """Gross and net add up to what came in: each layer takes its loss off with one rounding, and is added
    with another."""
    item_of = item_of or {}
    totals = sums(came)
    together, paid = {}, {}
    for data, to in ((gross, paid), (net, {})):
        for (event, output, sidx), loss in by_output(data).items():
            key = event, item_of.get(output, output), sidx
            to[key] = to.get(key, 0.0) + float(loss)
        for key, loss in to.items():
            together[key] = together.get(key, 0.0) + loss
    wanted = {key: loss for key, loss in totals.items() if key[2] in (TIV, MEAN) or key[2] > 0}
    for key in together.keys() | wanted.keys():
        whole = max(
            wanted.get(key, 0.0), paid.get(key, 0.0)
        )  # a programme may pay more than came in: 0 is left
        assert abs(together.get(key, 0.0) - whole) <= 2 * layers * 2.0**-24 * whole, key


@pytest.mark.parametrize("rule", [1, 2, 3])
@pytest.mark.parametrize("seed", range(12))
def test_ceded_and_net_are_what_came_in(tmp_path, seed, rule):
    portfolio = reinsurance.make(seed)
    folder = write(portfolio, tmp_path)
    came = calculate(
        folder / "input", stream(seed, portfolio.direct, events=4, samples=10, extremes=0), alloc_rule=2
    )
    for k, treaty in enumerate(portfolio.treaties, 1):
        gross, net = both(folder / f"RI_{k}", came, alloc_rule=rule)
        assert_whole(came, gross, net, treaty.layers)
        if rule > 1:
            assert net == calculate(folder / f"RI_{k}", came, alloc_rule=rule, net=True)
        if treaty.layers == 1:
            assert gross == calculate(folder / f"RI_{k}", came, alloc_rule=rule)
        came = net


@pytest.mark.parametrize("rule", [1, 2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_gross_losses_are_those_of_all_layers(tmp_path, seed, rule):
    """Layers that fm_xref does not name pay with the one that it names; named, each goes out under its own
    id, as without net."""
    came = stream(seed, reinsurance.make(seed).direct, events=3, samples=6, extremes=0)
    streams = {}
    for named in ("highest", "all"):
        portfolio = reinsurance.make(seed, layers=3, named=named)
        folder = write(portfolio, tmp_path / named)
        came = calculate(
            folder / "input", stream(seed, portfolio.direct, events=3, samples=6, extremes=0), alloc_rule=2
        )
        streams[named] = both(folder / "RI_1", came, alloc_rule=rule)
    assert streams["all"][0] == calculate(folder / "RI_1", came, alloc_rule=rule)
    n = len(portfolio.location_of)
    by_item = {}
    for (event, output, sidx), loss in by_output(streams["all"][0]).items():
        key = event, (output - 1) % n + 1, sidx
        by_item[key] = np.float32(by_item.get(key, np.float32(0)) + loss)
    assert {key: loss for key, loss in by_item.items() if loss or key[2] < 0} == by_output(
        streams["highest"][0]
    )
    by_item = {
        (event, (output - 1) % n + 1, sidx): loss
        for (event, output, sidx), loss in by_output(streams["all"][1]).items()
    }
    assert by_item == by_output(streams["highest"][1])


@pytest.mark.slow
@pytest.mark.parametrize("rule", range(4))
@pytest.mark.parametrize("seed", range(20))
def test_any_programme_adds_up(tmp_path, seed, rule):
    """Direct ones, too, with terms of every kind, ragged layers and layers below the last level."""
    (case,) = cases(
        [seed],
        [{"alloc_rule": rule}],
        levels=[1, 2, 3],
        layers=[1, 2, 3],
        unnamed=[0, 1.0],
        ragged=[False, True],
        lower_layers=[1, 1, 2],
        streams={"extremes": 0},
    )
    folder = programmes.write(case.programme, tmp_path)
    gross, net = both(folder, case.losses, alloc_rule=rule)
    item_of = {row[0]: row[1] for row in case.programme.xref}
    if rule:
        assert_whole(case.losses, gross, net, case.programme.layers, item_of)
        return
    of = case.programme.last_aggregates()
    rows = decode(case.losses)[2]
    for event, sidx in {(event, sidx) for event, _, sidx in by_output(gross)}:
        for aggregate in set(of[1:].tolist()):
            there = rows[(rows["event"] == event) & (rows["sidx"] == sidx) & (of[rows["id"]] == aggregate)][
                "loss"
            ]
            paid, left = (
                sum(
                    float(loss)
                    for (e, output, s), loss in by_output(data).items()
                    if (e, item_of[output], s) == (event, aggregate, sidx)
                )
                for data in (gross, net)
            )
            whole = max(there.sum(dtype=float), paid)
            assert paid + left == pytest.approx(whole, rel=1e-6, abs=1e-9)


def two_layers(**tables):
    """Items 1 and 2 in one treaty of two layers: 90 % of 500 above 200, and 300 above 700. fm_xref names the
    second."""
    made = Programme(
        [(1, 1, 1), (2, 1, 1)],
        [(1, 1, 1, 1), (1, 1, 2, 2)],
        [(1, *terms(24, 500.0, 200.0, 1.0, 0.9, 1.0)), (2, *terms(24, 300.0, 700.0, 1.0, 1.0, 1.0))],
        [(1, 1, 2), (2, 2, 2)],
    )
    for name, rows in tables.items():
        setattr(made, name, rows)
    return made


@pytest.mark.parametrize("rule", [1, 2, 3])
def test_a_treaty_of_two_layers_by_hand(tmp_path, rule):
    """Of 400 and 600, layer 1 pays 0.9 * 500 = 450, and layer 2 pays 300: 40 % and 60 % of 750, and of the
    250 that are left. Of 40 and 60 nothing is paid; of 250 and 250, layer 1 pays 270."""
    folder = programmes.write(two_layers(), tmp_path)
    losses = encode(
        [
            (1, item, [(TIV, 0.0), (MEAN, mean), (1, one), (2, 250.0)])
            for item, mean, one in ((1, 400.0, 40.0), (2, 600.0, 60.0))
        ],
        2,
    )
    gross, net = map(by_output, both(folder, losses, alloc_rule=rule))
    assert gross == pytest.approx(
        {(1, 1, TIV): 0, (1, 2, TIV): 0, (1, 1, MEAN): 300, (1, 2, MEAN): 450, (1, 1, 2): 135, (1, 2, 2): 135}
    )
    assert net == pytest.approx(
        {
            (1, 1, TIV): 0,
            (1, 2, TIV): 0,
            (1, 1, MEAN): 100,
            (1, 2, MEAN): 150,
            (1, 1, 1): 40,
            (1, 2, 1): 60,
            (1, 1, 2): 115,
            (1, 2, 2): 115,
        }
    )
    folder = programmes.write(two_layers(xref=[(7, 1, 2)]), tmp_path / "by_aggregate")
    gross, net = map(by_output, both(folder, losses, alloc_rule=0))
    assert gross == pytest.approx({(1, 7, TIV): 0, (1, 7, MEAN): 750, (1, 7, 2): 270})
    assert net == pytest.approx({(1, 7, TIV): 0, (1, 7, MEAN): 250, (1, 7, 1): 100, (1, 7, 2): 230})


def test_a_layer_that_is_not_named_is_not_written(tmp_path):
    folder = programmes.write(two_layers(), tmp_path)
    losses = encode([(1, 1, [(TIV, 0.0), (MEAN, 1000.0)])], 0)
    assert by_output(calculate(folder, losses, alloc_rule=1)) == {(1, 1, TIV): 0, (1, 1, MEAN): 300}
    assert by_output(calculate(folder, losses, alloc_rule=1, net=True)) == {(1, 1, TIV): 0, (1, 1, MEAN): 250}


# In a chain


def test_gross_beside_net_in_a_chain(tmp_path):
    """Three treaties in one process: what each pays is kept, what it leaves goes on."""
    portfolio = reinsurance.make(
        5, ["surplus share", "quota share", "catastrophe"], direct_layers=2, layers=2
    )
    folder = write(portfolio, tmp_path)
    losses = stream(5, portfolio.direct, events=4, samples=10, extremes=0)
    steps = [
        FmCalc(alloc_rule=3, input_path=f"RI_{k}", gross=folder / f"gross_{k}", net=True) for k in (1, 2, 3)
    ]
    Chain(LossStream(losses), FmCalc(alloc_rule=2), *steps, folder / "net", root=folder).run()
    came = insured = calculate(folder / "input", losses, alloc_rule=2)
    ceded = []
    for k in (1, 2, 3):
        gross, came = both(folder / f"RI_{k}", came, alloc_rule=3)
        assert (folder / f"gross_{k}").read_bytes() == gross
        ceded.append(gross)
    assert (folder / "net").read_bytes() == came
    total, whole = sums(*ceded, came), sums(insured)
    for key, loss in total.items():
        assert loss == pytest.approx(whole[key], rel=1e-6)


def test_destinations_of_gross_and_net(tmp_path):
    folder = programmes.write(two_layers(), tmp_path / "treaty")
    losses = encode([(1, item, [(TIV, 0.0), (MEAN, 500.0)]) for item in (1, 2)], 0)
    gross, net = both(folder, losses, alloc_rule=2)

    def run(**options):
        Chain(LossStream(losses), FmCalc(alloc_rule=2, input_path=folder, **options)).run()

    run(gross=tmp_path / "gross", net=tmp_path / "net")
    run(out=tmp_path / "out", net=tmp_path / "beside")
    run(gross=tmp_path / "paid", net=True, out=tmp_path / "left")
    assert [(tmp_path / name).read_bytes() for name in ("gross", "out", "paid")] == [gross] * 3
    assert [(tmp_path / name).read_bytes() for name in ("net", "beside", "left")] == [net] * 3
    run(gross=tmp_path / "alone")
    assert (tmp_path / "alone").read_bytes() == calculate(folder, losses, alloc_rule=2)
    for wrong in (
        dict(out=tmp_path / "a", gross=tmp_path / "b"),
        dict(out=tmp_path / "a", gross=tmp_path / "b", net=tmp_path / "c"),
    ):
        with pytest.raises(UsageError, match="two destinations"):
            run(**wrong)
    blocks = Chain(
        LossStream(losses), FmCalc(alloc_rule=2, input_path=folder, gross=tmp_path / "paid", net=True)
    )
    assert [block.loss.tolist() for block in blocks] == [[loss for _, _, _, loss in decode(net)[2].tolist()]]


def test_events_in_any_split_and_threads(tmp_path):
    portfolio = reinsurance.make(8, ["catastrophe"], layers=2)
    folder = write(portfolio, tmp_path)
    losses = stream(8, portfolio.direct, events=9, samples=20, extremes=0)
    losses = events_of(losses, 0, 1)
    whole = both(folder / "RI_1", calculate(folder / "input", losses, alloc_rule=2), alloc_rule=3)
    with ThreadPoolExecutor(3) as pool:
        parts = list(
            pool.map(
                lambda k: both(
                    folder / "RI_1",
                    calculate(folder / "input", events_of(losses, k, 9), alloc_rule=2),
                    alloc_rule=3,
                ),
                range(9),
            )
        )
    for k in range(2):
        assert whole[k] == parts[0][k] + b"".join(part[k][8:] for part in parts[1:])


# The program


@pytest.mark.posix
def test_program_writes_net_losses_to_a_file_or_pipe(tool, run, tmp_path):
    folder = programmes.write(two_layers(), tmp_path / "input")
    losses = encode([(event, item, [(TIV, 0.0), (MEAN, 500.0)]) for event in (1, 2) for item in (1, 2)], 0)
    gross, net = both(folder, losses, alloc_rule=3)
    assert run([tool("fmcalc"), "-a3", "--net-to", "net.bin"], losses, cwd=tmp_path) == (0, gross, "")
    assert (tmp_path / "net.bin").read_bytes() == net
    os.mkfifo(tmp_path / "fifo")
    read = []
    reader = threading.Thread(target=lambda: read.append((tmp_path / "fifo").read_bytes()))
    reader.start()
    assert run([tool("fmcalc"), "-a3", "--net-to=fifo"], losses, cwd=tmp_path) == (0, gross, "")
    reader.join(20)
    assert read == [net]


@pytest.mark.posix
@pytest.mark.parametrize(
    "flags, status, message",
    [
        (["-n", "--net-to", "net.bin"], 2, "choose one"),
        (["--net-to", "-"], 2, "standard output"),
        (["--net-to"], 2, "expected one argument"),
        (["--net-to", "missing/net.bin"], 4, "missing/net.bin"),
        (["--net-to", "/dev/full"], 4, "/dev/full"),
    ],
)
def test_program_on_net_losses_that_have_no_place(tool, run, tmp_path, flags, status, message):
    programmes.write(two_layers(), tmp_path / "input")
    losses = encode([(1, item, [(TIV, 0.0), (MEAN, 500.0)]) for item in (1, 2)], 0)
    done, _out, err = run([tool("fmcalc"), "-a3", *flags], losses, cwd=tmp_path)
    assert done == status and err.count("\n") == 1 and err.startswith("fmcalc: error: ") and message in err
    assert not (tmp_path / "net.bin").exists()


def test_program_withdraws_net_losses_of_a_stream_that_is_cut(tool, run, tmp_path):
    programmes.write(two_layers(), tmp_path / "input")
    losses = encode([(event, item, [(TIV, 0.0), (MEAN, 500.0)]) for event in (1, 2) for item in (1, 2)], 0)
    status, out, err = run([tool("fmcalc"), "-a3", "--net-to", "net.bin"], losses[:-11], cwd=tmp_path)
    assert status == 1 and "the input ends inside" in err and not (tmp_path / "net.bin").exists()
    assert {event for event, _, _ in by_output(out)} == {1}


# Doubtful tables that are defined


def one_aggregate(**tables):
    made = Programme(
        [(item, 1, 1) for item in (1, 2)],
        [(1, 1, 1, 1)],
        [(1, 12, 5.0, *[0.0] * 7), (2, 12, 20.0, *[0.0] * 7)],
        [(1, 1, 1), (2, 2, 1)],
    )
    for name, rows in tables.items():
        setattr(made, name, rows)
    return made


@pytest.mark.parametrize(
    "made, paid",
    [
        (one_aggregate(policytc=[(1, 1, 1, 1), (1, 1, 1, 2)]), 40.0),  # the last of two profiles counts
        (one_aggregate(policytc=[(1, 1, 1, 2), (1, 1, 1, 1)]), 55.0),
        (one_aggregate(policytc=[(1, 1, 1, 1), (0, 0, 0, 0), (0, 0, 0, 0)]), 55.0),  # padding
        (one_aggregate(xref=[(1, 1, 1), (2, 2, 1), (0, 0, 0)]), 55.0),
        (one_aggregate(policytc=[(1, 2, 1, 1)], programme=[(1, 1, 1), (2, 1, 2)]), 30.0 + 25.0),  # 1 passes
    ],
)
def test_tables_that_are_doubtful_but_defined(oracle, tmp_path, made, paid):
    folder = programmes.write(made, tmp_path)
    losses = encode([(1, item, [(TIV, 0.0), (MEAN, 30.0), (1, 30.0)]) for item in (1, 2)], 1)
    theirs = subprocess.run(
        [oracle("fmcalc"), "-a1", "-p", folder], input=losses, capture_output=True, check=True, timeout=60
    )
    ours = calculate(folder, losses, alloc_rule=1)
    assert (ours, b"") == (theirs.stdout, theirs.stderr)
    assert sum(float(loss) for key, loss in by_output(ours).items() if key[2] == 1) == pytest.approx(paid)


def test_padding_inside_a_table_is_none(tmp_path):
    folder = programmes.write(one_aggregate(policytc=[(0, 0, 0, 0), (1, 1, 1, 1)]), tmp_path)
    with pytest.raises(ktc.DataError, match="fm_policytc.bin: byte 0: record 1: layer 0 of aggregate 0"):
        calculate(folder, encode([(1, 1, [(MEAN, 1.0)])], 0))
    (folder / "fm_policytc.bin").write_bytes(struct.pack("<4i", 1, 1, 1, 1) + bytes(15))
    with pytest.raises(ktc.DataError, match="byte 16: the file ends inside a record"):
        calculate(folder, encode([(1, 1, [(MEAN, 1.0)])], 0))
