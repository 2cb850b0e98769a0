"""fmcalc beside ktools on generated programmes, and what must hold of any insured losses.

ktools writes losses below 0, above all net losses where rounding takes more off than there is; ktc writes 0
there. That is the one thing that a comparison here passes over, and only there.
"""

import subprocess
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from support import programmes
from support.beside import same_bytes
from support.fmcases import (
    LIMIT_SHARES,
    MIXED,
    REVIVING,
    STEADY,
    arguments,
    by_output,
    calculate,
    cases,
    floored,
)
from support.programmes import (
    BACK_ALLOCATED,
    ITEM_STREAM,
    MEAN,
    RULES,
    STEPPED,
    TIV,
    Programme,
    decode,
    encode,
    make,
    stream,
)

from ktc.errors import DataError, TruncatedError, UsageError


@pytest.fixture
def beside(oracle, tmp_path):
    """A callable: calculate cases with ktools and with ktc, expect the same bytes; gives what ktc wrote for
    each.

    crashes: that many cases may crash ktools, and are then only checked for losses below 0.
    """

    def call(cases, crashes=0):
        written = {}
        for case in cases:
            if id(case.programme) not in written:
                written[id(case.programme)] = programmes.write(case.programme, tmp_path / str(len(written)))
        folders = [written[id(case.programme)] for case in cases]

        def ktools(folder, case):
            return subprocess.run(
                [oracle("fmcalc"), "-p", folder, *arguments(case.options)],
                input=case.losses,
                capture_output=True,
                timeout=60,
            )

        with ThreadPoolExecutor(3) as pool:
            expected = list(pool.map(ktools, folders, cases))
        out, crashed = [], []
        for folder, case, done in zip(folders, cases, expected):
            out.append(calculate(folder, case.losses, **case.options))
            if done.returncode:
                crashed.append(case)
                continue
            assert not done.stderr, (folder, case)
            if out[-1] != done.stdout:
                same_bytes(
                    out[-1],
                    floored(done.stdout),
                    command=["fmcalc", "-p", folder, *arguments(case.options)],
                    stdin=case.losses,
                    folder=folder,
                    note=str(case),
                )
        assert len(crashed) <= crashes, crashed
        for data in out:
            losses = decode(data)[2]["loss"]
            assert np.all(losses >= 0) and not np.signbit(losses).any()
        return out

    return call


ALLOCATIONS = [{"alloc_rule": rule} for rule in range(4)]
NET = [{"alloc_rule": rule, "net": True} for rule in range(4)]
SWITCHED = [{"alloc_rule": rule, name: True} for rule in range(4) for name in ("debug", "full_shares")]


# Rules


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_alone(beside, rule):
    beside(
        cases(range(4), ALLOCATIONS[:2] + NET[:2], levels=1, rules=[[rule]], shape=["each", "some", "all"])
    )


@pytest.mark.parametrize("upper", RULES)
def test_each_rule_after_every_other(beside, upper):
    lower_rules = [rule for rule in RULES if rule not in LIMIT_SHARES or upper not in REVIVING]
    beside(
        [
            case
            for lower in lower_rules
            for case in cases(
                [100 * upper + lower],
                [ALLOCATIONS[2]],
                levels=2,
                rules=[[[lower], [upper]]],
                shape=["some", "random"],
            )
        ]
    )


@pytest.mark.parametrize("levels", [2, 3, 4, 5])
def test_rules_over_several_levels(beside, levels):
    beside(cases(range(40), ALLOCATIONS + NET, levels=levels, layers=[1, 2], rules=[MIXED, STEADY]))


@pytest.mark.parametrize("rule", STEPPED)
def test_each_stepped_rule_alone(beside, rule):
    beside(
        cases(range(8), ALLOCATIONS[:2] + NET[:2], levels=1, stepped=True, rules=[[rule]], n_steps=[1, 2, 5])
    )


def test_stepped_rules_over_several_levels(beside):
    beside(cases(range(60), ALLOCATIONS + NET, levels=[1, 2, 3], layers=[1, 2], stepped=True))


# Layers and allocation


@pytest.mark.parametrize("layers", [1, 2, 4])
@pytest.mark.parametrize(
    "options", [*ALLOCATIONS, *NET, *SWITCHED], ids=lambda options: "".join(arguments(options))
)
def test_layers(beside, layers, options):
    beside(
        cases(
            range(14),
            [options],
            levels=[1, 2, 3],
            layers=layers,
            ragged=[False, True],
            shape=["random", "each", "all", "some"],
            order=["items", "layers", "shuffled"],
            merged=[0, 0, 0.4],
            missing=[0, 0, 0.3],
        )
    )


@pytest.mark.parametrize("options", [*ALLOCATIONS, *NET], ids=lambda options: "".join(arguments(options)))
def test_layers_that_fm_xref_does_not_name(beside, options):
    """They are calculated and not written, at any level; programmes of reinsurance name the highest one
    only."""
    beside(
        cases(
            range(40),
            [options],
            levels=[1, 2, 3],
            layers=[2, 3, 4],
            unnamed=[1.0, 0.5],
            ragged=[False, True],
            lower_layers=[1, 1, 2],
            shape=["random", "each", "all", "some"],
            merged=[0, 0.4],
            missing=[0, 0.3],
        ),
        crashes=10 if options["alloc_rule"] > 1 else 0,
    )


@pytest.mark.parametrize("options", [*ALLOCATIONS, *NET], ids=lambda options: "".join(arguments(options)))
def test_aggregates_of_the_last_level_without_terms(beside, options):
    """Their losses pass, as long as a higher aggregate has terms."""
    beside(
        cases(range(20), [options], levels=[1, 2, 3], layers=[1, 2], bare=[0.5, 1.0], shape=["each", "some"])
    )


@pytest.mark.parametrize("options", [*ALLOCATIONS, *NET], ids=lambda options: "".join(arguments(options)))
def test_layers_below_the_last_level(beside, options):
    """ktools crashes where it looks for shares that it has not worked out, or that are fewer than the
    items."""
    by_shares = options["alloc_rule"] > 1
    beside(
        cases(range(40), [options], levels=[2, 3, 4], layers=[2, 3], lower_layers=[2, 3], merged=[0, 0.3]),
        crashes=20 if by_shares else 0,
    )


@pytest.mark.parametrize("n_items", [3, 13, 14, 40, 70, 300])
def test_layers_of_many_aggregates_add_up_in_the_order_of_a_hash_table(beside, n_items):
    beside(
        cases(
            range(4),
            ALLOCATIONS[2:] + NET[2:],
            n_items=n_items,
            levels=3,
            layers=2,
            lower_layers=2,
            rules=[(100, 14, 25)],
            shape=["all", "some"],
            streams={"samples": 5, "absent": 0.1, "zeros": 0},
        ),
        crashes=8,
    )


def test_max_level(beside):
    stop = [{"alloc_rule": rule, "max_level": level} for rule in range(4) for level in (1, 2, 3, 9)]
    beside(cases(range(12), stop, levels=4, layers=[1, 2], ragged=[False, True]))


def test_layers_of_the_level_where_the_calculation_stops(beside):
    beside(
        cases(
            range(20),
            [{"alloc_rule": rule, "max_level": 1} for rule in range(4)],
            levels=2,
            layers=3,
            lower_layers=[1, 2, 3],
        )
    )


def test_a_large_portfolio(beside):
    beside(
        cases(
            range(3),
            ALLOCATIONS + NET[2:3],
            n_items=300,
            levels=4,
            layers=2,
            shape="some",
            items_per_coverage=3,
            streams={"samples": 100, "events": 2},
        )
    )


@pytest.mark.parametrize("options", [*ALLOCATIONS[1:], *NET[1:]], ids=lambda o: "".join(arguments(o)))
def test_a_treaty_that_most_items_pass_by(beside, options):
    """Most aggregates pay nothing (rule 14 with a limit of 0), and items come in order: all of them in every
    event, or some."""
    treaties = []
    for absent, n_items in ((0, 12), (0.3, 12), (0, 60), (0.3, 60)):
        treaties += cases(
            range(5),
            [options],
            n_items=n_items,
            levels=[2, 3, 4],
            layers=[1, 2],
            order=["items", "layers"],
            shape=["some", "random"],
            streams={"absent": absent, "shuffled": False},
        )
    for seed, programme in enumerate({id(case.programme): case.programme for case in treaties}.values()):
        rng = np.random.default_rng([seed, 4])
        nothing = max(row[0] for row in programme.profiles) + 1
        programme.profiles.append((nothing, 14, *[0.0] * (len(programme.profiles[0]) - 2)))
        programme.policytc = [
            (*row[:3], nothing) if row[0] == 1 and rng.random() < 0.8 else row for row in programme.policytc
        ]
    beside(treaties)


# Streams


@pytest.mark.parametrize("coverages", [True, False])
def test_loss_streams_with_and_without_exposure(beside, coverages):
    beside(
        cases(
            range(40),
            ALLOCATIONS,
            levels=[1, 2],
            coverages=coverages,
            items_per_coverage=[1, 3],
            zero_tiv=[0, 0.3, 1],
        )
    )


@pytest.mark.parametrize("specials", [(TIV, MEAN), (-5, TIV, -2, MEAN), (-5, -4, TIV, -2, MEAN), (MEAN,)])
def test_item_streams_take_the_exposure_from_coverages(beside, specials):
    beside(
        cases(
            range(30),
            ALLOCATIONS,
            levels=[1, 2],
            items_per_coverage=[1, 3],
            streams={"kind": ITEM_STREAM, "specials": specials},
        )
    )


@pytest.mark.parametrize("specials", [(TIV, MEAN), (-5, -4, TIV, -2, MEAN), (TIV,)])
def test_special_samples(beside, specials):
    beside(
        cases(range(20), ALLOCATIONS, levels=[1, 2], streams={"specials": specials, "last_terminator": True})
    )


@pytest.mark.parametrize("samples", [0, 1, 10, 100])
def test_sample_sizes(beside, samples):
    beside(cases(range(10), ALLOCATIONS + NET, levels=2, streams={"samples": samples, "zero_samples": 0.3}))


def test_items_with_tiny_and_huge_losses(beside):
    beside(cases(range(20), ALLOCATIONS + NET, levels=[1, 2], streams={"extremes": 0.6}))


def test_an_item_twice_in_an_event(beside):
    event = encode(
        [(9, 1, [(TIV, 500.0), (MEAN, 50.0), (1, 300.0)]), (9, 1, [(TIV, 700.0), (MEAN, 60.0), (2, 10.0)])], 3
    )
    twice = cases(
        range(10), ALLOCATIONS + NET, levels=[1, 2], streams={"samples": 3, "last_terminator": True}
    )
    for case in twice:
        case.losses += event[8:]
    beside(twice)


def test_an_event_that_comes_again_is_calculated_again(beside):
    (case,) = cases([1], ALLOCATIONS[:1], levels=1, streams={"samples": 3, "last_terminator": True})
    case.losses += case.losses[8:]
    beside([case])


def test_no_events(beside):
    (case,) = cases([1], ALLOCATIONS[:1], levels=1)
    case.losses = case.losses[:8]
    assert beside([case]) == [case.losses]


@pytest.mark.parametrize("size", [1, 7, 4097])
def test_the_size_of_writes_does_not_matter(tool, tmp_path, size):
    (case,) = cases([size], ALLOCATIONS[2:3], levels=2, layers=2, streams={"samples": 10})
    folder = programmes.write(case.programme, tmp_path)
    command = [tool("fmcalc"), "-a2", "-p", folder]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        for at in range(0, len(case.losses), size):
            process.stdin.write(case.losses[at : at + size])
            process.stdin.flush()
        process.stdin.close()
        assert process.stdout.read() == calculate(folder, case.losses, **case.options)


# The program


def test_program_reads_input_or_the_folder_given(oracle, tool, run, tmp_path):
    (case,) = cases([3], ALLOCATIONS[2:3], levels=2, layers=2)
    folder = programmes.write(case.programme, tmp_path / "input")
    expected = run([oracle("fmcalc"), "-a2"], case.losses, cwd=tmp_path)
    assert expected[0] == 0 and len(decode(expected[1])[2])
    assert run([tool("fmcalc"), "-a2"], case.losses, cwd=tmp_path) == expected
    assert run([tool("fmcalc"), "-a", "2", "-p", folder], case.losses) == expected
    assert run([tool("fmcalc"), "-p", f"{folder}/", "-oOa2"], case.losses)[0] == 0
    for program in (oracle("fmcalc"), tool("fmcalc")):
        assert run([program, "-p", "", "-a2", "-M", "-1"], case.losses, cwd=tmp_path) == expected


def test_outputs_of_aggregates_may_have_a_table_of_their_own(beside, oracle, tmp_path):
    by_item, by_aggregate = cases([5], ALLOCATIONS[1:2] + ALLOCATIONS[:1], levels=2, layers=2)
    folder = programmes.write(by_item.programme, tmp_path / "both")
    (folder / "fm_xref_a0.bin").write_bytes(programmes.pack_rows("<iii", by_aggregate.programme.xref))
    assert [calculate(folder, by_item.losses, alloc_rule=rule) for rule in (1, 0)] == beside(
        [by_item, by_aggregate]
    )


def inuring(seed, n_items, n_programmes):
    """Programmes of which each one takes the output of the one before, and the losses the first one takes."""
    chain = [
        make(10 * seed + k, n_items, levels=1 + (seed + k) % 3, rules=BACK_ALLOCATED, coverages=k == 0)
        for k in range(n_programmes)
    ]
    return chain, stream(seed, chain[0], samples=10)


@pytest.mark.posix
@pytest.mark.parametrize("seed", range(3))
def test_inuring_programmes_in_a_pipe(oracle, tool, tmp_path, seed):
    chain, losses = inuring(seed, 12, 3)
    for k, programme in enumerate(chain):
        programmes.write(programme, tmp_path / str(k))

    def piped(program):
        steps = [["-a2"], ["-a2", "-n"], ["-a2", "-n"] if seed else ["-a0"]]
        line = " | ".join(" ".join([program, *step, "-p", str(k)]) for k, step in enumerate(steps))
        return subprocess.run(
            ["bash", "-o", "pipefail", "-c", line],
            cwd=tmp_path,
            input=losses,
            capture_output=True,
            timeout=60,
            check=True,
        ).stdout

    expected = piped(oracle("fmcalc"))
    assert len(decode(expected)[2])
    assert piped(tool("fmcalc")) == floored(expected)


# Invariants


def summed(data, key):
    """The losses of a stream summed over its outputs with the same key(output)."""
    out = {}
    for (event, output, sidx), loss in by_output(data).items():
        at = event, key(output), sidx
        out[at] = out.get(at, 0.0) + float(loss)
    return out


def assert_close(left, right):
    for key in left.keys() | right.keys():
        assert left.get(key, 0) == pytest.approx(right.get(key, 0), rel=1e-4, abs=1e-2), key


def both_ways(seed, folder, **knobs):
    """A programme of 12 items with outputs by item and by aggregate, and its losses, as (calculate by
    options, {output: (item, layer)}, {output: (aggregate, layer)}, aggregate of the last level by item)."""
    by_item, by_aggregate = (make(seed, 12, xref=xref, **knobs) for xref in ("items", "aggregates"))
    folders = [programmes.write(p, folder / f"{seed} {k}") for k, p in enumerate((by_item, by_aggregate))]

    def losses(**options):
        return calculate(folders[options["alloc_rule"] == 0], losses.stream, **options)

    losses.stream = stream(seed, by_item, samples=10, extremes=0)
    outputs = [{row[0]: row[1:] for row in p.xref} for p in (by_item, by_aggregate)]
    return losses, *outputs, by_item.last_aggregates()


@pytest.mark.parametrize("seed", range(12))
def test_ground_up_shares_add_up_to_the_loss_of_the_layer(tmp_path, seed):
    losses, item, aggregate, parent = both_ways(seed, tmp_path, levels=1 + seed % 3, layers=1 + seed % 2)
    allocated = summed(losses(alloc_rule=1), lambda output: (parent[item[output][0]], item[output][1]))
    assert_close(allocated, summed(losses(alloc_rule=0), aggregate.get))


@pytest.mark.parametrize("rule", [2, 3])
def test_shares_of_the_levels_add_up_to_the_loss_of_the_layer(tmp_path, rule):
    """Left out: rules by which an aggregate pays out of nothing (its items have no shares of their own to go
    by), and layers of aggregates whose first layer pays nothing (rule 2 takes the shares from there)."""
    for seed in range(20):
        knobs = dict(levels=1 + seed % 3, layers=1 + seed % 2, rules=STEADY)
        losses, item, aggregate, parent = both_ways(seed, tmp_path, **knobs)
        allocated = summed(losses(alloc_rule=rule), lambda output: (parent[item[output][0]], item[output][1]))
        paid = summed(losses(alloc_rule=0), aggregate.get)
        for key in [key for key in paid if paid.get((key[0], (key[1][0], 1), key[2]), 0) == 0]:
            paid.pop(key)
            allocated.pop(key, None)
        assert_close(allocated, paid)


@pytest.mark.parametrize("rule", [0, 1, 2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_what_is_paid_and_what_is_left_make_the_whole(tmp_path, seed, rule):
    losses, item, aggregate, parent = both_ways(seed, tmp_path, levels=1 + seed % 3, rules=BACK_ALLOCATED)

    def last_aggregate(output):
        return parent[item[output][0]] if rule else aggregate[output][0]

    paid, left = (summed(losses(alloc_rule=rule, net=net), last_aggregate) for net in (False, True))
    whole = {
        key: loss
        for key, loss in summed(losses.stream, parent.__getitem__).items()
        if key[2] in (TIV, MEAN) or key[2] > 0
    }
    assert_close({key: paid.get(key, 0) + left.get(key, 0) for key in paid.keys() | left.keys()}, whole)


# Worked examples

FIVE_OFF = (1, 12, 5.0, *[0.0] * 7)  # a profile: a deductible of 5
LOSSES = [(1, item, [(TIV, 500.0), (MEAN, 20.0), (1, 30.0)]) for item in (1, 2, 3)]


def three_items():
    """Items 1, 2 and 3; 1 and 2 are part of aggregate 1 of level 1, 3 of aggregate 2, and all of level 2."""
    return Programme(
        programme=[(1, 1, 1), (2, 1, 1), (3, 1, 2), (1, 2, 1), (2, 2, 1)],
        profiles=[FIVE_OFF],
        policytc=[(1, 1, 1, 1), (1, 2, 1, 1), (2, 1, 1, 1)],
        xref=[(item, item, 1) for item in (1, 2, 3)],
    )


def test_a_worked_example(tmp_path):
    folder = programmes.write(three_items(), tmp_path)
    assert by_output(calculate(folder, encode(LOSSES, 1), alloc_rule=1)) == {
        (1, 1, TIV): pytest.approx(495),
        (1, 2, TIV): pytest.approx(495),
        (1, 3, TIV): pytest.approx(495),
        (1, 1, MEAN): pytest.approx(15),
        (1, 2, MEAN): pytest.approx(15),
        (1, 3, MEAN): pytest.approx(15),
        (1, 1, 1): pytest.approx(25),
        (1, 2, 1): pytest.approx(25),
        (1, 3, 1): pytest.approx(25),
    }


def test_net_losses_are_never_below_zero(tmp_path):
    """Shares of a loss can be a little more than the whole: 242.29 and 1500 of 1742.29 leave -0.000015 in
    ktools."""
    programme = three_items()
    programme.profiles = [(1, 100, *[0.0] * 8)]
    folder = programmes.write(programme, tmp_path)
    losses = encode([(1, item, [(TIV, 0.0), (MEAN, loss)]) for item, loss in ((1, 242.29), (2, 1500.0))], 0)
    for options in ({"alloc_rule": 1, "max_level": 1}, {"alloc_rule": 2}):
        assert set(by_output(calculate(folder, losses, net=True, **options)).values()) == {0}


def test_losses_of_a_level_are_never_below_zero(tmp_path):
    """Of 100, a limit of 40 % leaves 40, a deductible nothing, and a maximum deductible of 10 would give back
    -39.6."""
    folder = programmes.write(
        Programme(
            programme=[(1, level, 1) for level in (1, 2, 3)],
            policytc=[(level, 1, 1, level) for level in (1, 2, 3)],
            profiles=[
                (1, 15, 0, 0, 0, 0, 0.4, 0, 0, 0),
                (2, 2, 1000, 0, 0, 0, 1000, 1, 0, 0),
                (3, 13, 0, 0, 10, 0, 0, 0, 0, 0),
            ],
            xref=[(1, 1, 1)],
        ),
        tmp_path,
    )
    losses = encode([(1, 1, [(TIV, 100.0), (MEAN, 100.0), (1, 100.0)])], 1)
    for rule in range(4):
        assert set(by_output(calculate(folder, losses, alloc_rule=rule)).values()) == {0}


@pytest.mark.parametrize("rule", [1, 2, 3])
def test_a_later_layer_has_shares_of_its_own_where_the_first_pays_nothing(tmp_path, rule):
    """Where the level below has that layer too. ktools' -a2 crashes here."""
    whole, none = (1, 100, *[0.0] * 8), (2, 12, programmes.NONE, *[0.0] * 7)
    layers = [(1, 1, layer, 1) for layer in (1, 2)] + [(2, 1, 1, 2), (2, 1, 2, 1)]
    folder = programmes.write(
        Programme(
            [(1, 1, 1), (2, 1, 1), (1, 2, 1)],
            layers,
            [whole, none],
            [(1, 1, 1), (2, 2, 1), (3, 1, 2), (4, 2, 2)],
        ),
        tmp_path,
    )
    losses = encode(
        [(1, item, [(TIV, 0.0), (MEAN, loss), (1, loss)]) for item, loss in ((1, 10.0), (2, 30.0))], 1
    )
    paid = by_output(calculate(folder, losses, alloc_rule=rule))
    assert [paid.get((1, output, 1), 0) for output in (1, 2, 3, 4)] == [0, 0, 10, 30]


# Errors


@pytest.mark.parametrize(
    "table, at, row, message",
    [
        ("policytc", 0, (1, 1, 1, 9), "fm_policytc.bin: byte 0: record 1: profile 9 .* is not in"),
        ("policytc", 0, (1, 1, 1, 2), "profile 2 .* is not in"),  # ktools' own profile without terms
        ("policytc", 0, (1, 1, 1, 0), "profile 0 .* is not in"),
        ("policytc", 0, None, "aggregate 1 of level 1 has no terms"),
        ("policytc", 1, None, "aggregate 2 of level 1 has no terms"),
        ("policytc", 2, None, "aggregate 1 of level 2 has no terms"),
        (
            "profiles",
            0,
            (1, 50, *FIVE_OFF[2:]),
            "fm_profile.bin: byte 0: record 1: profile 1 has calculation rule 50",
        ),
        ("profiles", 0, (1, 27, *FIVE_OFF[2:]), "profile 1 has calculation rule 27"),
        (
            "programme",
            4,
            None,
            "fm_programme.bin: byte 24: record 3: aggregate 2 of level 1 is part of no aggregate",
        ),
        ("programme", 4, (2, 3, 1), "record"),
        ("xref", slice(None), [], "no output ids of a layer"),
    ],
)
def test_tables_that_do_not_fit(tmp_path, table, at, row, message):
    programme = three_items()
    rows = getattr(programme, table)
    if row is None:
        del rows[at]
    else:
        rows[at] = row
    folder = programmes.write(programme, tmp_path)
    with pytest.raises(DataError, match=message):
        calculate(folder, encode(LOSSES, 1), alloc_rule=1)


@pytest.mark.parametrize(
    "losses, message",
    [
        (encode([(1, 9, LOSSES[0][2])], 1), "event 1: item 9 is not in"),
        (encode([(1, 0, LOSSES[0][2])], 1), "event 1: item 0 is not in"),
        (encode([(1, 1, [(TIV, 500.0), (MEAN, 20.0), (2, 30.0)])], 1), "sidx 2, expected -5 to 1"),
        (encode(LOSSES, 1)[:-20], "the input ends inside a record"),
        (encode(LOSSES, 1)[:4], "the input ends inside the stream header"),
        (b"", "the input ends inside the stream header"),
        (encode(LOSSES, 1, ITEM_STREAM), "an item stream has no TIVs: expected coverages.bin"),
        (encode(LOSSES, 1, 0x01000002), "this is a coverage stream, expected a loss stream"),
    ],
)
def test_streams_that_do_not_fit(tmp_path, losses, message):
    folder = programmes.write(three_items(), tmp_path)
    with pytest.raises((DataError, TruncatedError), match=message):
        calculate(folder, losses, alloc_rule=1)


@pytest.mark.parametrize("options", [{"alloc_rule": 4}, {"alloc_rule": -1}, {"max_level": 0}])
def test_options_that_do_not_fit(tmp_path, options):
    folder = programmes.write(three_items(), tmp_path)
    with pytest.raises(UsageError):
        calculate(folder, encode(LOSSES, 1), **options)
