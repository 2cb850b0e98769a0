"""A programme as a value: what a Plan says of itself, what it refuses and where, and that many runs may share
one."""

import io
import itertools
import re
import struct
import threading

import numpy as np
import pytest
from support import programmes
from support.programmes import BACK_ALLOCATED, MEAN, NONE, TIV, Programme, encode, make, pack_rows, stream

import ktc
from ktc.chain import Chain, FmCalc, LossStream
from ktc.errors import DataError, InputError, UsageError
from ktc.financial import Layer, Node, Plan, read_plan

FM_FILES = {
    "fm_programme": 12,
    "fm_policytc": 16,
    "fm_profile": 40,
    "fm_xref": 12,
    "items": 20,
    "coverages": 4,
}


def small():
    """Items 1 and 2 are part of aggregate 1 of level 1, items 3 and 4 of aggregate 2; level 2 is both, in two
    layers. Items 1 and 3 are of one coverage."""
    return Programme(
        programme=[(1, 1, 1), (2, 1, 1), (3, 1, 2), (4, 1, 2), (1, 2, 1), (2, 2, 1)],
        policytc=[(1, 1, 1, 1), (1, 2, 1, 7), (2, 1, 1, 3), (2, 1, 2, 4)],
        profiles=[
            (1, 1, 10, 0, 0, 0, 100, 0, 0, 0),
            (7, 12, 5, *[0] * 7),
            (3, 2, 0, 0, 0, 20, 50, 0.5, 0, 0),
            (4, 100, *[0] * 8),
        ],
        xref=[(10 * item + layer, item, layer) for item in range(1, 5) for layer in (1, 2)],
        tiv=[100, 30, 7],
        coverage=[1, 2, 1, 3],
    )


def stepped():
    """Item 1 in one aggregate, with two steps."""
    return Programme(
        programme=[(1, 1, 1)],
        policytc=[(1, 1, 1, 5)],
        xref=[(1, 1, 1)],
        stepped=True,
        profiles=[
            (5, 27, 10, 0, 0, 0, 99, 0, 0, 0, 1, 0.25, 0.5, 0.1, 0.2, 50, 0.3, 0.4),
            (5, 28, 20, 0, 0, 0, 0, 0, 0, 0, 2, 0.5, 1, 0.75, 0, 0, 0, 0.5),
        ],
    )


def three_items_of(rule, *terms):
    """Three items in one aggregate with one profile."""
    return Programme(
        programme=[(item, 1, 1) for item in (1, 2, 3)],
        policytc=[(1, 1, 1, 1)],
        profiles=[(1, rule, *terms)],
        xref=[(item, item, 1) for item in (1, 2, 3)],
    )


@pytest.fixture
def plan_of(tmp_path):
    """A callable: the Plan of a Programme, by way of a folder."""

    def call(programme, **options):
        folder = programmes.write(programme, tmp_path / "input")
        return read_plan(str(folder), stepped=programme.stepped, **options)

    return call


def calculate(source, plan, **options):
    out = io.BytesIO()
    Chain(LossStream(source), FmCalc(out, plan=plan, **options)).run()
    return out.getvalue()


# Looking at a plan


def test_items_and_aggregates(plan_of):
    plan = plan_of(small())
    assert (plan.n_levels, plan.layers, plan.stepped, plan.exposed) == (2, 2, False, True)
    assert plan.nodes(0) == [
        Node(0, 1, 1, (), 100, ()),
        Node(0, 2, 1, (), 30, ()),
        Node(0, 3, 2, (), 100, ()),
        Node(0, 4, 2, (), 7, ()),
    ]
    limited = Layer(1, 1, ({"calcrule_id": 1, "deductible1": 10, "limit": 100},))
    assert plan.nodes(1) == [
        Node(1, 1, 1, (1, 2), 130, (limited,)),
        Node(1, 2, 1, (3, 4), 107, (Layer(1, 7, ({"calcrule_id": 12, "deductible1": 5},)),)),
    ]
    # coverage 1 counts once although items of both aggregates belong to it
    [top] = plan.nodes(2)
    assert top == Node(
        2,
        1,
        None,
        (1, 2),
        137,
        (
            Layer(
                1, 3, ({"calcrule_id": 2, "deductible1": 0, "attachment": 20, "limit": 50, "share1": 0.5},)
            ),
            Layer(2, 4, ({"calcrule_id": 100},)),
        ),
    )
    assert [[plan.output(item, layer) for layer in (1, 2)] for item in range(1, 5)] == [
        [11, 12],
        [21, 22],
        [31, 32],
        [41, 42],
    ]
    assert plan.output(3) == 31
    for item, layer in ((0, 1), (-1, 1), (5, 1), (1, 0), (1, 3), (2**31 - 1, 2)):
        assert plan.output(item, layer) is None
    for level in (-1, 3):
        with pytest.raises(UsageError, match=f"level {level}: expected 0 .* to 2"):
            plan.nodes(level)
    assert "2 levels, 4 items, 2 layers, 4 profiles" in repr(plan) and repr(plan).startswith("<Plan")


def test_a_plan_of_the_example_model(tmp_path):
    """Everything that the tables say, and nothing else."""
    ktc.write_example(tmp_path, seed=3, locations=25)

    def table(name, form):
        return np.frombuffer((tmp_path / "input" / f"{name}.bin").read_bytes(), form).tolist()

    programme = table("fm_programme", "i4,i4,i4")
    coverage_of = {item: coverage for item, coverage, *_ in table("items", "i4,i4,u4,i4,i4")}
    tiv = np.frombuffer((tmp_path / "input" / "coverages.bin").read_bytes(), "<f4")
    profiles = {row[0]: row[1:] for row in table("fm_profile", "i4,i4,f4,f4,f4,f4,f4,f4,f4,f4")}
    terms = {
        1: ("deductible1", "limit"),
        2: ("deductible1", "attachment", "limit", "share1"),
        6: ("deductible1",),
    }

    def said(profile_id):
        rule, *values = profiles[profile_id]
        return {"calcrule_id": rule, **{name: values[programmes.TERMS.index(name)] for name in terms[rule]}}

    layers, plan = {}, read_plan(tmp_path / "input")
    for level, agg, layer, profile in table("fm_policytc", "i4,i4,i4,i4"):
        layers.setdefault((level, agg), []).append(Layer(layer, profile, (said(profile),)))
    coverages = {(0, item): {coverage} for item, coverage in coverage_of.items()}
    for level in (1, 2, 3):
        of_level = [row for row in programme if row[1] == level]
        expected = []
        for agg in sorted({row[2] for row in of_level}):
            children = tuple(sorted(row[0] for row in of_level if row[2] == agg))
            coverages[level, agg] = set().union(*(coverages[level - 1, child] for child in children))
            total = np.float32(0)
            for coverage in sorted(coverages[level, agg]):
                total += tiv[coverage - 1]
            [parent] = {row[2] for row in programme if row[:2] == (agg, level + 1)} or {None}
            expected.append(Node(level, agg, parent, children, total, tuple(layers[level, agg])))
        assert plan.nodes(level) == expected
    assert [node[:3] for node in plan.nodes(0)] == [(0, row[0], row[2]) for row in programme if row[1] == 1]
    assert (plan.n_levels, plan.layers) == (3, 2)
    assert all(plan.output(agg, layer) == output for output, agg, layer in table("fm_xref", "i4,i4,i4"))


@pytest.mark.parametrize("seed", range(10))
def test_exposure_of_generated_programmes(plan_of, seed):
    """Up the tree: the coverages of an aggregate are those of its children; its TIV is their sum."""
    programme = make(seed, 20, levels=3, items_per_coverage=1 + seed % 4)
    plan = plan_of(programme)
    coverages = {item: {programme.coverage[item - 1]} for item in range(1, 21)}
    assert [node.tiv for node in plan.nodes(0)] == [
        programme.tiv[programme.coverage[k] - 1] for k in range(20)
    ]
    for level in (1, 2, 3):
        nodes = plan.nodes(level)
        coverages = {
            node.agg_id: set().union(*(coverages[child] for child in node.children)) for node in nodes
        }
        for node in nodes:
            total = np.float32(0)
            for coverage in sorted(coverages[node.agg_id]):
                total += np.float32(programme.tiv[coverage - 1])
            assert node.tiv == total


def test_without_coverages_there_is_no_exposure(plan_of):
    programme = small()
    programme.tiv = None
    plan = plan_of(programme)
    assert not plan.exposed and {node.tiv for level in (0, 1, 2) for node in plan.nodes(level)} == {None}


def test_wide_areaperils(plan_of, tmp_path):
    plan_of(small())
    narrow = (tmp_path / "input" / "items.bin").read_bytes()
    rows = [struct.unpack_from("<iiIii", narrow, at) for at in range(0, len(narrow), 20)]
    (tmp_path / "input" / "items.bin").write_bytes(pack_rows("<iiQii", rows))
    assert [node.tiv for node in read_plan(tmp_path / "input", areaperil_bytes=8).nodes(2)] == [137]
    with pytest.raises(DataError, match="items.bin: byte"):
        read_plan(tmp_path / "input")


def test_layers_of_the_last_level_are_as_many_for_all(plan_of):
    """Those that an aggregate lacks there have no terms; below, an aggregate has those that the table gives
    it."""
    programme = small()
    programme.programme = programme.programme[:4] + [(1, 2, 1), (2, 2, 2)]
    programme.policytc = [(1, 1, 1, 1), (1, 1, 3, 7), (1, 2, 1, 1), (2, 1, 1, 3), (2, 2, 2, 4)]
    programme.xref += [(100 + item, item, 3) for item in range(1, 5)]
    plan = plan_of(programme)
    assert plan.layers == 3

    def profiles(level):
        return [[(layer.layer_id, layer.profile_id) for layer in node.layers] for node in plan.nodes(level)]

    assert profiles(1) == [[(1, 1), (2, None), (3, 7)], [(1, 1)]]
    assert profiles(2) == [[(1, 3), (2, None)], [(1, None), (2, 4)]]
    assert plan.nodes(2)[0].layers[1] == Layer(2, None, ())


def test_doubts(plan_of):
    """What is defined and perhaps not meant is told, and is no error."""
    programme = small()
    assert plan_of(programme).doubts == []
    programme.programme = programme.programme[:4] + [(1, 2, 1), (2, 2, 2)]
    programme.policytc += [(1, 2, 1, 1), (2, 2, 1, 3)]
    plan = plan_of(programme)
    for words, line in zip(
        (
            r"fm_policytc.bin: byte 64: record 5: layer 1 of aggregate 2 of level 1 has profile 1, and "
            r"profile 7 ",
            r"fm_programme.bin: byte 60: record 6: aggregate 2 of level 2 has terms for 1 of 2 layers in ",
        ),
        plan.doubts,
        strict=True,
    ):
        assert re.search(words, line)
    assert plan.nodes(1)[1].layers[0].profile_id == 1 and plan.nodes(2)[1].layers[1].profile_id is None


def test_max_level(plan_of):
    plan = plan_of(small(), max_level=1)
    assert (plan.n_levels, plan.layers) == (1, 1)
    assert [node[2:5] for node in plan.nodes(1)] == [(None, (1, 2), 130), (None, (3, 4), 107)]
    assert plan.output(2) == 21 and plan.output(2, 2) is None
    assert [plan_of(small(), max_level=level).n_levels for level in (2, 3, 2**31 - 1)] == [2, 2, 2]
    for level in (0, -1, 2**31):
        with pytest.raises(UsageError, match=f"level to calculate is {level}"):
            plan_of(small(), max_level=level)


def test_steps(plan_of):
    plan = plan_of(stepped())
    [node] = plan.nodes(1)
    assert plan.stepped and "stepped" in repr(plan)
    [layer] = node.layers
    ratios = {
        name: pytest.approx(value)
        for name, value in (("payout_start", 0.1), ("scale1", 0.3), ("scale2", 0.4))
    }
    assert (layer.layer_id, layer.profile_id) == (1, 5) and layer.terms == (
        {
            "calcrule_id": 27,
            "step_id": 1,
            "trigger_start": 0.25,
            "trigger_end": 0.5,
            "deductible1": 10,
            "limit1": 99,
            "limit2": 50,
            **ratios,
        },
        {
            "calcrule_id": 28,
            "step_id": 2,
            "trigger_start": 0.5,
            "trigger_end": 1,
            "deductible1": 20,
            "limit2": 0,
            "payout_start": 0.75,
            "scale1": 0,
            "scale2": 0.5,
        },
    )


def test_terms_that_are_not_set_count_as_zero_and_the_last_record_of_a_profile_counts(plan_of):
    programme = small()
    programme.profiles += [(1, 1, -1, 0, 0, 0, -7.5, 0, 0, 0)]
    [first, _] = plan_of(programme).nodes(1)
    assert first.layers == (Layer(1, 1, ({"calcrule_id": 1, "deductible1": 0, "limit": 0},)),)


def test_outputs_of_aggregates(plan_of, tmp_path):
    """fm_xref_a0 where there is one, else fm_xref."""
    programme = small()
    assert plan_of(programme, by_aggregate=True).output(1, 2) == 12
    (tmp_path / "input" / "fm_xref_a0.bin").write_bytes(pack_rows("<iii", [(501, 1, 1), (502, 1, 2)]))
    plans = [read_plan(tmp_path / "input", by_aggregate=by_aggregate) for by_aggregate in (True, False)]
    assert [[plan.output(1, layer) for layer in (1, 2)] for plan in plans] == [[501, 502], [11, 12]]
    assert [plan.output(2) for plan in plans] == [None, 21]


def test_an_output_that_is_named_twice_has_the_last_name(plan_of):
    programme = small()
    programme.xref += [(77, 3, 1)]
    assert plan_of(programme).output(3) == 77


def test_without_fm_xref_outputs_are_numbered_as_what_they_are(plan_of, tmp_path):
    programme = small()
    programmes.write(programme, tmp_path / "input")
    (tmp_path / "input" / "fm_xref.bin").unlink()
    with pytest.raises(DataError, match="fm_policytc.bin: the programme has 2 layers: fm_xref must number"):
        read_plan(tmp_path / "input")
    plan = read_plan(tmp_path / "input", max_level=1)
    assert [plan.output(item) for item in (1, 4)] == [1, 4] and plan.output(1, 2) is None
    losses = encode([(1, item, [(TIV, 0.0), (MEAN, 60.0)]) for item in (1, 2, 3, 4)], 0)
    assert [row[1:] for row in programmes.decode(calculate(losses, plan))[2].tolist() if row[2] == MEAN] == [
        (1, MEAN, 100),
        (2, MEAN, 115),
    ]
    assert [
        row[1]
        for row in programmes.decode(calculate(losses, plan, alloc_rule=1))[2].tolist()
        if row[2] == MEAN
    ] == [1, 2, 3, 4]


def test_tables_from_memory():
    programme = small()
    parts = [
        pack_rows("<iii", programme.programme),
        pack_rows("<iiii", programme.policytc),
        pack_rows(programmes.PROFILE, programme.profiles),
        pack_rows("<iii", programme.xref),
    ]
    plan = Plan(*map(ktc._core.io.Mapped, parts))
    assert not plan.exposed and plan.output(4, 2) == 42
    with pytest.raises(DataError, match="memory: byte 0: the file ends inside a record"):
        Plan(*map(ktc._core.io.Mapped, [parts[0][:5], *parts[1:]]))


# What a plan refuses


def changed(table, at, row):
    """small() with a row in the place of another (None: taken out)."""
    programme = small()
    rows = getattr(programme, table)
    if row is None:
        del rows[at]
    elif at is None:
        rows.append(row)
    else:
        rows[at] = row
    return programme


FAULTS = [
    *(
        (changed("programme", 1, row), r"fm_programme.bin: byte 12: record 2: .*expected ids of 1 or more")
        for row in ((0, 1, 1), (-2, 1, 1), (2, 0, 1), (2, -1, 1), (2, 1, 0), (2, 1, -(2**31)))
    ),
    (changed("programme", slice(None), []), "fm_programme.bin: no levels: expected records of level 1"),
    (
        changed("programme", slice(4), []),
        "fm_programme.bin: no records of level 1: expected every level from 1 to 2",
    ),
    (
        changed("programme", slice(4, 6), [(1, 3, 1), (2, 3, 1)]),
        "fm_programme.bin: no records of level 2: .* 1 to 3",
    ),
    (
        changed("programme", slice(4, 6), [(1, 4, 1), (2, 4, 1)]),
        "fm_programme.bin: no records of level 2: .* 1 to 4",
    ),
    (changed("programme", None, (1, 2**31 - 1, 1)), "fm_programme.bin: level 2147483647 in 7 records"),
    *(
        (
            changed("programme", None, row),
            "fm_programme.bin: byte 72: record 7: an id of 2147483647 in 7 records, expected ids up "
            "to 16777216",
        )
        for row in ((2**31 - 1, 1, 1), (1, 1, 2**31 - 1))
    ),
    (
        changed("xref", None, (9, 2**31 - 1, 1)),
        "fm_xref.bin: .*: an id of 2147483647 in . records, expected ids up to 16777216",
    ),
    (
        changed("programme", 5, None),
        "byte 24: record 3: aggregate 2 of level 1 is part of no aggregate: .* level 2",
    ),
    (
        changed("programme", None, (4, 1, 1)),
        "byte 72: record 7: item 4 is part of aggregate 1 of .* 1, but of aggregate 2 ",
    ),
    (
        changed("programme", None, (2, 2, 2)),
        "byte 72: record 7: aggregate 2 of level 1 is part of aggregate 2 of .* 2, but",
    ),
    (
        changed("programme", None, (9, 1, 2)),
        "byte 72: record 7: item 9 is not in .*items.bin: expected 1 to 4",
    ),
    *(
        (changed("policytc", 1, row), r"fm_policytc.bin: byte 16: record 2: .*expected ids of 1 or more")
        for row in (
            (0, 2, 1, 7),
            (-1, 2, 1, 7),
            (1, 0, 1, 7),
            (1, -1, 1, 7),
            (1, 2, 0, 7),
            (1, 2, -3, 7),
            (1, 2, 32768, 7),
        )
    ),
    *(
        (
            changed("policytc", 1, (1, 2, 1, profile)),
            f"fm_policytc.bin: byte 16: record 2: profile {profile} of aggregate 2 "
            "of level 1, layer 1, is not in .*fm_profile.bin",
        )
        for profile in (0, -1, 2, 2**31 - 1)
    ),
    (
        changed("policytc", 1, None),
        "byte 24: record 3: aggregate 2 of level 1 has no terms in .*fm_policytc.bin",
    ),
    (
        changed("policytc", 1, (1, 2, 2, 7)),
        "byte 24: record 3: aggregate 2 of level 1 has no terms .* of its layer 1",
    ),
    (
        changed("policytc", slice(2, 4), []),
        "fm_programme.bin: byte 48: record 5: aggregate 1 of level 2 has no terms",
    ),
    (
        changed("xref", slice(None), [(output, 1, 3) for output in (1, 2)]),
        "fm_xref.bin: no output ids of a layer of the "
        r"programme \(1 to 2\)",
    ),
    *(
        (
            changed("profiles", 1, (7, rule, *[0] * 8)),
            f"fm_profile.bin: byte 40: record 2: profile 7 has calculation rule "
            f"{rule}, expected one of 1, 2, 3, .*100, .*200",
        )
        for rule in (0, -1, 27, 37, 102, 281, 2**31 - 1)
    ),
    *(
        (
            changed("profiles", 1, (7, 12, *[0] * at, float("nan"), *[0] * (7 - at))),
            "fm_profile.bin: byte 40: record 2: a term of profile 7 is not a number",
        )
        for at in range(8)
    ),
    *(
        (changed("xref", 1, row), r"fm_xref.bin: byte 12: record 2: .*expected ids of 1 or more")
        for row in ((0, 1, 2), (-1, 1, 2), (12, 0, 2), (12, -1, 2), (12, 1, 0), (12, 1, -1))
    ),
    *(
        (
            changed("coverage", 1, coverage),
            f"items.bin: byte 20: record 2: item 2 is part of coverage {coverage}, expected 1 to 3",
        )
        for coverage in (0, -1, 4, 2**31 - 1)
    ),
    *(
        (changed("tiv", 1, tiv), f"coverages.bin: byte 4: record 2: a TIV of {tiv}, expected 0 or more")
        for tiv in (float("nan"), float("inf"), -1.0)
    ),
    (changed("coverage", slice(None), []), "byte 0: record 1: item 1 is not in .*items.bin: expected 1 to 0"),
    (
        changed("tiv", slice(None), []),
        "items.bin: byte 0: record 1: item 1 is part of coverage 1, expected 1 to 0",
    ),
]


@pytest.mark.parametrize("programme, message", FAULTS, ids=[message[:60] for _, message in FAULTS])
def test_faults_are_named_with_their_place(plan_of, programme, message):
    with pytest.raises(DataError, match=message):
        plan_of(programme)


def test_items_with_a_gap(plan_of, tmp_path):
    plan_of(small())
    rows = [(item, 1, 1, 1, 1) for item in (1, 2, 4, 5)]
    (tmp_path / "input" / "items.bin").write_bytes(pack_rows("<iiIii", rows))
    with pytest.raises(
        DataError, match="items.bin: byte 40: record 3: item 4, expected 3: items run from 1 "
    ):
        read_plan(tmp_path / "input")


@pytest.mark.parametrize("rule", [-1, 0, 42, 27 + 100, 281])
def test_rules_that_no_stepped_profile_has(plan_of, rule):
    programme = stepped()
    programme.profiles[1] = (5, rule, *programme.profiles[1][2:])
    with pytest.raises(
        DataError,
        match=f"fm_profile_step.bin: byte 72: record 2: profile 5 has calculation rule {rule}, "
        "expected one of 1, 2, 3, .*, 200$",
    ):
        plan_of(programme)


def test_what_no_aggregate_uses_is_not_looked_at(plan_of):
    """Tables may hold more than a programme needs: profiles with rules of another kind, terms and outputs of
    others."""
    programme = small()
    programme.profiles += [(900, 27, *[0] * 8)]
    programme.policytc += [(1, 9, 1, 900), (3, 1, 1, 999)]
    programme.xref += [(1, 99, 1), (1, 1, 9)]
    programme.programme += [(5, 2, 1)]  # of which nothing is part
    plan = plan_of(programme)
    assert plan.nodes(2)[0].children == (1, 2)
    assert [len(node.layers) for level in (1, 2) for node in plan.nodes(level)] == [1, 1, 2]


@pytest.mark.parametrize("name", FM_FILES)
def test_files_that_are_cut(plan_of, tmp_path, name):
    plan_of(small())
    path, size = tmp_path / "input" / f"{name}.bin", FM_FILES[name]
    data = path.read_bytes()
    for cut in range(1, size):
        path.write_bytes(data[: size + cut])
        with pytest.raises(DataError, match=f"{name}.bin: byte {size}: the file ends inside a record"):
            read_plan(tmp_path / "input")


def test_stepped_profiles_that_are_cut(plan_of, tmp_path):
    plan_of(stepped())
    path = tmp_path / "input" / "fm_profile_step.bin"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match="fm_profile_step.bin: byte 72: the file ends inside a record"):
        read_plan(tmp_path / "input", stepped=True)


EMPTY = {
    "fm_programme": "no levels",
    "fm_policytc": "has no terms",
    "fm_profile": "is not in",
    "fm_xref": "no output ids",
    "items": "expected 1 to 0",
    "coverages": "expected 1 to 0",
}


@pytest.mark.parametrize("name", FM_FILES)
def test_files_that_are_empty_or_missing(plan_of, tmp_path, name):
    plan_of(small())
    path = tmp_path / "input" / f"{name}.bin"
    path.write_bytes(b"")
    with pytest.raises(DataError, match=EMPTY[name]):
        read_plan(tmp_path / "input")
    path.unlink()
    if name == "coverages":
        assert not read_plan(tmp_path / "input").exposed
    elif name != "fm_xref":
        with pytest.raises(InputError, match=f"{name}.bin: cannot read: No such file"):
            read_plan(tmp_path / "input")


@pytest.mark.parametrize("one, other", list(itertools.combinations(FM_FILES, 2)))
def test_files_that_are_swapped(plan_of, tmp_path, one, other):
    plan_of(small())
    paths = [tmp_path / "input" / f"{name}.bin" for name in (one, other)]
    data = [path.read_bytes() for path in paths]
    for path, content in zip(paths, data[::-1]):
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"\.bin: "):
        read_plan(tmp_path / "input")


# The program

LOSSES = encode([(1, item, [(TIV, 0.0), (MEAN, 60.0)]) for item in (1, 2, 3, 4)], 0)


@pytest.mark.parametrize("programme, message", [FAULTS[k] for k in (0, 9, 19, 25, 36, -2)])
def test_program_says_what_is_wrong(tool, run, tmp_path, programme, message):
    programmes.write(programme, tmp_path / "input")
    status, out, err = run([tool("fmcalc"), "-a2"], LOSSES, cwd=tmp_path)
    assert (status, out, err.count("\n")) == (1, b"", 1) and err.startswith("fmcalc: error: input/")


@pytest.mark.parametrize("name", ["fm_programme", "fm_policytc", "fm_profile", "fm_profile_step", "items"])
def test_program_on_missing_files(tool, run, tmp_path, name):
    programmes.write(small(), tmp_path / "input")
    (tmp_path / "input" / f"{name}.bin").unlink(missing_ok=True)
    flags = ["-S"] if name == "fm_profile_step" else []
    status, out, err = run([tool("fmcalc"), *flags], LOSSES, cwd=tmp_path)
    assert (status, out) == (3, b"")
    assert err == f"fmcalc: error: input/{name}.bin: cannot read: No such file or directory\n"


@pytest.mark.parametrize(
    "flags",
    [
        ["-a4"],
        ["-a", "-1"],
        ["-a"],
        ["-ax"],
        ["-M0"],
        ["-M", "x"],
        ["-M-2"],
        ["-p"],
        ["-q"],
        ["-i"],
        ["operand", "-q"],
    ],
)
def test_program_on_flags_that_it_does_not_have(tool, run, tmp_path, flags):
    programmes.write(small(), tmp_path / "input")
    status, out, err = run([tool("fmcalc"), *flags], LOSSES, cwd=tmp_path)
    assert (status, out, err.count("\n")) == (2, b"", 1) and err.startswith("fmcalc: error: ")


# Plans in use


def events(data, n):
    """A stream of losses in n parts, each with some of its events."""
    kind, samples, rows = programmes.decode(data)
    ids = list(dict.fromkeys(rows["event"].tolist()))
    packets = {event: [] for event in ids}
    for event, item, sidx, loss in rows.tolist():
        if not packets[event] or packets[event][-1][1] != item:
            packets[event].append((event, item, []))
        packets[event][-1][2].append((sidx, loss))
    return [
        encode([packet for event in ids[k::n] for packet in packets[event]], samples, kind) for k in range(n)
    ]


def test_threads_share_a_plan(plan_of):
    programme = make(4, 40, levels=3, layers=2, rules=BACK_ALLOCATED)
    plan, losses = plan_of(programme), [stream(seed, programme, events=20, samples=50) for seed in (1, 2)]
    jobs = 2 * [
        (data, dict(alloc_rule=rule, net=net))
        for data in losses
        for rule in (1, 2, 3)
        for net in (False, True)
    ]
    expected = [calculate(data, plan, **options) for data, options in jobs]
    assert len(set(expected)) >= 8 and all(len(data) > 1000 for data in expected)
    got, together = [None] * len(jobs), threading.Barrier(len(jobs))

    def work(k):
        together.wait(20)
        got[k] = calculate(jobs[k][0], plan, **jobs[k][1])

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert got == expected


@pytest.mark.parametrize("rule", range(4))
@pytest.mark.parametrize("seed", range(4))
def test_events_do_not_touch_each_other(plan_of, seed, rule):
    """What comes of events does not depend on those before, nor on how they are spread over streams."""
    programme = make(
        seed, 15, levels=1 + seed % 3, layers=1 + seed % 2, xref="items" if rule else "aggregates"
    )
    plan, losses = plan_of(programme), stream(seed, programme, events=7)
    [whole] = events(losses, 1)
    for options in ({}, {"net": True}, {"debug": True}):
        together = calculate(whole, plan, alloc_rule=rule, **options)
        assert together == calculate(losses, plan, alloc_rule=rule, **options)
        parts = [calculate(part, plan, alloc_rule=rule, **options) for part in events(losses, 7)]
        assert (
            together == parts[0] + b"".join(part[8:] for part in parts[1:])
            and len({p[8:12] for p in parts}) == 7
        )


def test_an_event_without_records_gives_nothing(plan_of):
    plan = plan_of(small())
    losses = [(event, 2, [(TIV, 0.0), (MEAN, 60.0), (1, 70.0)]) for event in (1, 3)]
    for rule in range(4):
        assert calculate(
            encode([losses[0], (2, 1, []), losses[1], (4, 1, [])], 1), plan, alloc_rule=rule
        ) == calculate(encode(losses, 1), plan, alloc_rule=rule)


def test_infinite_terms_are_no_terms_and_infinite_losses_an_error(plan_of):
    programme = three_items_of(14, 0, 0, 0, 0, float("inf"), 0, 0, 0)
    losses = encode([(3, item, [(TIV, 1.0), (MEAN, 60.0), (1, 5.0)]) for item in (1, 2, 3)], 1)
    for rule in (1, 2, 3):
        assert calculate(losses, plan_of(programme), alloc_rule=rule) == losses
    plan = plan_of(three_items_of(2, 0, 0, 0, 0, 10, 3e38, 0, 0))
    for rule in range(4):
        with pytest.raises(DataError, match="event 3, output 1: a loss is beyond the range of float32"):
            calculate(losses, plan, alloc_rule=rule)


@pytest.mark.parametrize("rule", [1, 2, 3])
def test_an_event_of_many_blocks(rule):
    """More items than a block of rows holds: without terms each gets its loss back."""
    n = 30_000
    tables = [
        np.array(columns, "<i4").T
        for columns in (
            [range(1, n + 1), [1] * n, range(n, 0, -1)],
            [[1] * n, range(1, n + 1), [1] * n, [1] * n],
        )
    ]
    plan = Plan(
        *(ktc._core.io.Mapped(np.ascontiguousarray(table)) for table in tables),
        ktc._core.io.Mapped(struct.pack(programmes.PROFILE, 1, 14, 0, 0, 0, 0, NONE, 0, 0, 0)),
    )
    losses = encode(
        [(1, item, [(TIV, 8.0), (MEAN, float(item)), (1, 1.0), (2, 2.0)]) for item in range(1, n + 1)], 2
    )
    assert calculate(losses, plan, alloc_rule=rule) == losses
