"""The calculation rules of the financial module: a worked example of each, the corners, and what holds for
all of them.

Unless an example says otherwise, a loss of 1,000 comes with a retained loss of 10, an effective deductible of
20, an over-limit of 30 and an under-limit of 40, and the node's TIV is 2,000. All the numbers are exact in
float32.
"""

import random
import re
from pathlib import Path

import numpy as np
import pytest

from ktc._core.fmrules import CARRIED, PLAIN, RULES, STEPPED, apply_rule
from ktc.errors import UsageError
from ktc.financial import RuleResult

ROOT = Path(__file__).resolve().parents[1]
BELOW = {"retained": 10, "deductible": 20, "over_limit": 30, "under_limit": 40}
TIV = 2000
INF = float("inf")


def after(rule, terms, loss=1000, **amounts):
    return tuple(apply_rule(rule, terms, loss, **{"tiv": TIV, **BELOW, **amounts}))


def terms_of(deductible1=0, deductible2=0, deductible3=0, **more):
    return {"deductible1": deductible1, "deductible2": deductible2, "deductible3": deductible3, **more}


# rule, terms, (loss, retained loss, effective deductible, over-limit, under-limit)
EXAMPLES = [
    # 1000 - 100 = 900, of which the limit takes 400; 120 in deductibles, but no room below the limit
    (1, dict(deductible1=100, limit=500), (500, 10, 120, 400, 0)),
    (1, dict(deductible1=100, limit=950), (900, 10, 120, 30, 50)),
    (1, dict(deductible1=1000, limit=500), (0, 10, 1020, 30, 500)),
    (1, dict(deductible1=2000, limit=5000), (0, 10, 1020, 30, 1020)),
    # 900 is above 200 + 500; half of 500
    (2, dict(deductible1=100, attachment=200, limit=500, share1=0.5), (250, 760, 120, 30, 40)),
    (2, dict(deductible1=100, attachment=200, limit=700, share1=0.5), (350, 660, 120, 30, 40)),
    (2, dict(deductible1=100, attachment=950, limit=500, share1=0.5), (0, 1010, 120, 30, 40)),
    # a loss that equals the franchise is paid in full
    (3, dict(deductible1=1000, limit=600), (600, 410, 20, 400, 0)),
    (3, dict(deductible1=1001, limit=600), (0, 1010, 1020, 30, 600)),
    (4, dict(deductible1=0.25, limit=300), (300, 10, 520, 200, 0)),
    # the limit is half of 1000; under-limit is the ratio less the loss: 0.5 - 500
    (5, dict(deductible1=0.25, limit=0.5), (500, 10, 270, 250, -499.5)),
    (6, dict(deductible1=0.25), (500, 10, 520, 30, 520)),
    (7, terms_of(100, 50, 150, limit=800), (800, 10, 120, 100, 120)),
    (7, terms_of(100, 50, 50, limit=2000), (970, 10, 50, 30, 70)),
    (7, terms_of(100, 50, 50, limit=900), (900, 10, 50, 70, 70)),
    (8, dict(deductible1=100, deductible2=500, limit=2000), (550, 10, 500, 0, 390)),
    (8, dict(deductible1=100, deductible2=500, limit=500), (500, 10, 500, 50, 390)),
    (8, dict(deductible1=100, deductible2=120, limit=500), (500, 10, 120, 400, 120)),
    # a quarter of 800 is deducted
    (9, dict(deductible1=0.25, limit=800), (800, 10, 220, 30, 0)),
    (10, dict(deductible1=100, deductible3=500), (900, 10, 120, 30, 120)),
    (10, dict(deductible1=100, deductible3=120), (900, 10, 120, 30, 120)),
    (11, dict(deductible1=100, deductible2=120), (900, 10, 120, 30, 120)),
    (11, dict(deductible1=0, deductible2=620), (430, 10, 620, 0, 610)),
    (12, dict(deductible1=100), (900, 110, 120, 30, 140)),
    (12, dict(deductible1=1000), (0, 1010, 1020, 30, 1040)),
    (13, terms_of(100, 200, 600), (850, 10, 200, 0, 90)),
    (14, dict(limit=600), (600, 410, 20, 400, 0)),
    (14, dict(limit=1000), (1000, 10, 20, 30, 0)),
    (14, dict(limit=1010), (1000, 10, 20, 30, 10)),
    (14, dict(limit=0), (0, 1010, 20, 1000, 0)),
    (14, dict(limit=-1), (0, 1010, 20, 1000, 0)),
    (14, dict(limit=INF), (1000, 10, 20, 30, 40)),
    # 900, cut to half of 1000; what was deducted counts as over-limit, not as deductible
    (15, dict(deductible1=100, limit=0.5), (500, 10, 20, 500, -499.5)),
    (15, dict(deductible1=0, limit=1), (1000, 10, 20, 30, -999)),
    (16, dict(deductible1=0.25), (750, 10, 270, 30, 270)),
    (17, dict(deductible1=0.25, attachment=250, limit=400, share1=0.5), (200, 10, 270, 30, 40)),
    (18, dict(deductible1=0.25, attachment=250, limit=400, share1=0.5), (125, 10, 520, 30, 40)),
    (19, terms_of(0.25, 0, 0), (750, 10, 270, 30, 270)),
    # the 30 that are missing to the minimum were over a limit below; ktools takes nothing off the loss then
    (19, terms_of(0.25, 300, 0), (1000, 10, 300, 0, 40)),
    (19, terms_of(0.25, 400, 0), (650, 10, 400, 0, 140)),
    (20, dict(deductible1=1000), (1000, 10, 20, 30, 40)),
    (20, dict(deductible1=999), (0, 1010, 20, 30, 40)),
    (21, terms_of(0.25, 100, 600), (500, 10, 520, 30, 520)),
    # half of 2000 is more than the loss
    (21, terms_of(1, 100, 2000), (0, 10, 1020, 30, 1020)),
    (22, dict(share1=0.5, limit=400, share2=0.5, share3=0.25), (50, 960, 20, 30, 40)),
    (22, dict(share1=0.25, limit=400, share2=0.5, share3=1), (125, 885, 20, 30, 40)),
    (23, dict(limit=400, share2=0.5, share3=0.5), (100, 910, 20, 30, 40)),
    (24, dict(share1=0.5, attachment=100, limit=300, share2=0.5, share3=0.5), (75, 935, 20, 30, 40)),
    (24, dict(share1=0.5, attachment=600, limit=300, share2=0.5, share3=0.5), (0, 1010, 20, 30, 40)),
    (25, dict(share1=0.5, share2=0.5, share3=0.5), (125, 885, 20, 30, 40)),
    (26, terms_of(0.25, 0, 0, limit=700), (700, 10, 270, 50, 270)),
    # the maximum binds, and the limit is not applied
    (26, terms_of(0.25, 0, 10, limit=700), (1010, 10, 10, 30, 30)),
    (33, dict(deductible1=0.25, limit=700), (700, 10, 270, 50, 0)),
    (34, dict(deductible1=100, attachment=300, share1=0.5), (300, 710, 120, 30, 40)),
    (34, dict(deductible1=100, attachment=900, share1=0.5), (0, 1010, 120, 30, 40)),
    (35, terms_of(0.25, 0, 0, limit=0.5), (500, 10, 270, 250, 270)),
    (35, terms_of(0.25, 0, 10, limit=0.5), (1010, 10, 10, 30, 30)),
    (36, terms_of(100, 0, 0, limit=0.5), (500, 10, 120, 400, 120)),
    (36, terms_of(100, 0, 10, limit=0.5), (1010, 10, 10, 30, 30)),
    # a loss that equals this franchise is not paid
    (39, dict(deductible1=1000), (0, 1010, 1020, 30, 1040)),
    (39, dict(deductible1=999), (1000, 10, 20, 30, 40)),
    # a waiting period is no deductible, as far as a minimum or maximum is concerned
    (40, dict(deductible1=100, limit=500), (500, 510, 20, 30, 40)),
    (40, dict(deductible1=100, limit=950), (900, 110, 20, 30, 40)),
    (40, dict(deductible1=1000, limit=500), (0, 1010, 20, 30, 40)),
    (41, dict(limit=600), (600, 410, 20, 30, 40)),
    (41, dict(limit=1000), (1000, 10, 20, 30, 40)),
    (100, {}, (1000, 10, 20, 30, 40)),
    # 900, cut to 500, and half of that; what is over the limit is added to what was below
    (101, dict(deductible1=100, limit=500, share1=0.5), (250, 760, 120, 430, 0)),
    (101, dict(deductible1=100, limit=950, share1=0.5), (450, 560, 120, 30, 50)),
    # as by rule 39, a loss that equals the franchise is not paid
    (103, dict(deductible1=1000, limit=600, share1=0.5), (0, 1010, 1020, 30, 600)),
    (103, dict(deductible1=999, limit=600, share1=0.5), (300, 710, 20, 430, 0)),
    # the under-limit is the limit of this loss, 500, less the loss
    (105, dict(deductible1=0.25, limit=0.5, share1=0.5), (250, 760, 270, 280, 0)),
    (105, dict(deductible1=0.25, limit=0.875, share1=0.5), (375, 635, 270, 30, 125)),
    (107, terms_of(100, 50, 150, limit=800, share1=0.5), (400, 610, 120, 130, 0)),
    (108, dict(deductible1=100, deductible2=500, limit=500, share1=0.5), (250, 760, 500, 50, 0)),
    (110, dict(deductible1=100, deductible3=500, share1=0.5), (450, 560, 120, 30, 140)),
    (111, dict(deductible1=0, deductible2=620, share1=0.5), (215, 795, 620, 0, 610)),
    (112, dict(deductible1=100, share1=0.5), (450, 560, 120, 30, 140)),
    (113, terms_of(100, 200, 600, share1=0.5), (425, 585, 200, 0, 90)),
    (114, dict(limit=600, share1=0.5), (300, 710, 20, 430, 0)),
    # what is deducted counts as deductible, unlike rule 15's
    (115, dict(deductible1=100, limit=0.5, share1=0.5), (250, 760, 120, 430, 0)),
    (115, dict(deductible1=100, limit=0.9375, share1=0.5), (450, 560, 120, 30, 37.5)),
    (116, dict(deductible1=0.25, share1=0.5), (375, 635, 270, 30, 290)),
    (119, terms_of(0.25, 400, 0, share1=0.5), (325, 685, 400, 0, 140)),
    (120, dict(deductible1=1000, share1=0.5), (500, 510, 20, 30, 40)),
    (120, dict(deductible1=999, share1=0.5), (0, 1010, 20, 30, 40)),
    (126, terms_of(0.25, 0, 0, limit=700, share1=0.5), (350, 660, 270, 80, 0)),
    # the maximum binds, and the limit is applied, unlike rule 26's
    (126, terms_of(0.25, 0, 10, limit=700, share1=0.5), (350, 660, 10, 340, 0)),
    (133, dict(deductible1=0.25, limit=700, share1=0.5), (350, 660, 270, 80, 0)),
    (135, terms_of(0.25, 0, 10, limit=0.5, share1=0.5), (250, 760, 10, 540, 0)),
    (136, terms_of(100, 0, 10, limit=0.5, share1=0.5), (250, 760, 10, 540, 0)),
    (200, dict(share1=0.25), (250, 760, 20, 30, 40)),
]


@pytest.mark.parametrize("rule,terms,expected", EXAMPLES)
def test_example(rule, terms, expected):
    assert after(rule, terms) == expected


def test_every_rule_has_an_example():
    assert {rule for rule, _, _ in EXAMPLES} == set(PLAIN)
    assert {rule for rule, _, _ in STEPS} | set(PLAIN) == set(STEPPED)
    assert RULES == {**STEPPED, **PLAIN}


# A step that pays in the middle of the range, with half on top, a quarter more, and that at most 150.
STEP = dict(
    trigger_start=0.25,
    trigger_end=0.75,
    payout_start=0.5,
    deductible1=100,
    scale1=0.5,
    scale2=0.25,
    limit2=150,
)
STEPS = [
    # half of the TIV less 100 is cut to 800; 150 more; 950 * 1.5
    (27, dict(STEP, limit1=800), 1425),
    # half of the loss less 100 is 400, 100 more, 500 * 1.5
    (28, STEP, 750),
    (29, STEP, 1575),
    (30, dict(STEP, limit1=800), 562.5),
    (31, dict(STEP, payout_start=600), 937.5),
    (32, dict(STEP, trigger_start=1000, limit1=400), 750),
    (32, dict(STEP, trigger_start=1001, limit1=400), 0),
    (37, dict(STEP, limit1=300), 562.5),
    # nothing was paid before, so there is nothing to pay on top of
    (38, STEP, 0),
]


@pytest.mark.parametrize("rule,terms,loss", STEPS)
def test_step(rule, terms, loss):
    assert after(rule, [terms], stepped=True) == (loss, 10, 20, 30, 40)


def test_payouts_on_top_of_earlier_steps():
    # 750 from the step before: half of it, 250 at most, then a quarter of both
    second = dict(STEP, calcrule_id=38, scale2=0.5, limit2=250, scale1=0.25)
    assert after(28, [STEP, second], stepped=True)[0] == 750 + 250 + 250


@pytest.mark.parametrize("rule,terms", [(rule, terms) for rule, terms, _ in EXAMPLES if rule != 12])
def test_rules_that_are_the_same_with_and_without_steps(rule, terms):
    step = {{"limit": "limit1"}.get(name, name): value for name, value in terms.items()}
    assert after(rule, [step], stepped=True) == after(rule, terms)


def test_deductible_only():
    # Without steps the deductible is added to the under-limit; with steps that is at least the effective
    # deductible.
    assert after(12, dict(deductible1=100)) == (900, 110, 120, 30, 140)
    assert after(12, [dict(deductible1=100)], stepped=True) == (900, 110, 120, 30, 120)
    # No deductible (-1) leaves all as it is; one of 0 is deducted: in float32, 0.1 + 1e6 - 1e6 is 0.125.
    small = dict(loss=1e6, under_limit=0.1)
    assert after(12, dict(deductible1=-1), **small)[4] == np.float32(0.1)
    assert after(12, dict(deductible1=0), **small)[4] == 0.125
    assert after(12, [dict(deductible1=-1)], stepped=True, under_limit=5)[4] == 5
    assert after(12, [dict(deductible1=0)], stepped=True, under_limit=5)[4] == 20
    # It needs a loss.
    assert after(12, dict(deductible1=100), loss=0) == (0, 10, 20, 30, 40)


MAXIMUM = [
    # the loss may grow by 40 of the 200 above the maximum, the rest is over-limit
    (dict(deductible=500), 1000, terms_of(0, 0, 300), (1040, 10, 300, 190, 0)),
    (dict(deductible=500, under_limit=400), 1000, terms_of(0, 0, 300), (1200, 10, 300, 30, 200)),
    (dict(deductible=500, under_limit=200), 1000, terms_of(0, 0, 300), (1200, 10, 300, 30, 0)),
    # what comes from below (20) is under the maximum, and so the loss shrinks by the 380 between
    (dict(), 1000, terms_of(500, 0, 400), (620, 10, 400, 30, 420)),
    (dict(), 380, terms_of(500, 0, 400), (0, 10, 400, 30, 420)),
    (dict(), 100, terms_of(500, 0, 400), (0, 10, 120, 30, 140)),
    # just at the maximum it does not bind
    (dict(), 1000, terms_of(380, 0, 400), (620, 10, 400, 30, 400)),
]
MINIMUM = [
    # 380 are missing, all of them over a limit below: the loss stays what it is
    (dict(over_limit=400), 1000, terms_of(100, 500, 1e9), (1000, 10, 500, 20, 40)),
    (dict(over_limit=380), 1000, terms_of(100, 500, 1e9), (1000, 10, 500, 0, 40)),
    # the loss is not above the deductible, but is together with what is left of the over-limit
    (dict(over_limit=400), 90, terms_of(100, 500, 1e9), (0, 10, 500, 120, 130)),
    (dict(over_limit=400), 80, terms_of(100, 500, 1e9), (0, 10, 500, 0, 120)),
    # 350 of the 380 are not
    (dict(), 1000, terms_of(100, 500, 1e9), (550, 10, 500, 0, 390)),
    (dict(), 451, terms_of(100, 500, 1e9), (1, 10, 500, 0, 390)),
    (dict(), 450, terms_of(100, 500, 1e9), (0, 10, 500, 0, 490)),
    (dict(), 100, terms_of(100, 500, 1e9), (0, 10, 150, 0, 140)),
    # just at the minimum
    (dict(), 1000, terms_of(480, 500, 1e9), (520, 10, 500, 30, 500)),
]


@pytest.mark.parametrize("amounts,loss,terms,expected", MAXIMUM + MINIMUM)
def test_minimum_and_maximum(amounts, loss, terms, expected):
    assert after(13, terms, loss, **amounts) == expected
    assert after(7, dict(terms, limit=1e9), loss, **amounts) == expected
    assert after(36, dict(terms, limit=1e6), loss, **amounts) == expected


@pytest.mark.parametrize("amounts,loss,terms,expected", MAXIMUM)
def test_maximum_only(amounts, loss, terms, expected):
    terms = {name: terms[name] for name in ("deductible1", "deductible3")}
    assert after(10, terms, loss, **amounts) == expected


@pytest.mark.parametrize("amounts,loss,terms,expected", MINIMUM)
def test_minimum_only(amounts, loss, terms, expected):
    terms = {name: terms[name] for name in ("deductible1", "deductible2")}
    assert after(11, terms, loss, **amounts) == expected
    assert after(8, dict(terms, limit=1e9), loss, **amounts) == expected


def test_minimum_and_a_share():
    # 380 are missing, and 400 were over a limit: the deductible of 100 comes off those too
    amounts, terms = dict(over_limit=400), dict(deductible1=100, deductible2=500, share1=0.5)
    assert after(111, terms, 90, **amounts) == (0, 100, 500, -80, 130)
    assert after(108, dict(terms, limit=50), 90, **amounts) == (0, 100, 500, -80, 50)
    # 20 are left of it
    assert after(111, terms, 1000, **amounts) == (500, 510, 500, 20, 40)
    assert after(111, terms, 80, **amounts) == (0, 90, 500, 0, 120)


@pytest.mark.parametrize("rule", [7, 10, 13, 21])
def test_a_maximum_of_zero_gives_all_deductibles_back(rule):
    assert after(rule, dict(terms_of(0, 0, 0), limit=1e9)) == (1020, 10, 0, 30, 20)


@pytest.mark.parametrize("rule", [19, 26, 35, 36])
def test_a_maximum_of_zero_is_none(rule):
    assert after(rule, dict(terms_of(0, 0, 0), limit=1e9)) == (1000, 10, 20, 30, 40)


def test_what_can_go_below_zero_ends_at_zero():
    # Rule 5 leaves an under-limit below 0, rule 2 halves the loss, and then a maximum deductible adds that
    # under-limit.
    one = apply_rule(5, dict(deductible1=0.25, limit=0.25), 1000)
    assert tuple(one) == (250, 0, 250, 500, -249.75)
    two = apply_rule(
        2, dict(deductible1=0, limit=1000, share1=0.5), one.loss, **dict(list(one._asdict().items())[1:])
    )
    assert tuple(two) == (125, 125, 250, 500, -249.75)
    three = apply_rule(
        10, dict(deductible1=0, deductible3=100), two.loss, **dict(list(two._asdict().items())[1:])
    )
    assert tuple(three) == (0, 125, 100, 899.75, 0)  # ktools: -124.75


@pytest.mark.parametrize("rule,terms", [(rule, terms) for rule, terms, _ in EXAMPLES])
def test_layers(rule, terms):
    first, later = after(rule, terms), after(rule, terms, previous_retained=1500)
    assert later[:1] + later[2:] == first[:1] + first[2:]
    if rule in {2, 3, 14, 20, 22, 23, 24, 25, 34} or (rule >= 39 and rule != 100):
        assert first[1] == 10 + (1000 - first[0])
        assert later[1] == 1500 - first[0]
    elif rule == 12:
        assert later[1] == first[1] == 10 + (1000 - first[0])
    else:
        assert later[1] == first[1] == 10


# Triggers
# -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", [27, 28, 29, 30, 31, 37])
@pytest.mark.parametrize(
    "loss,start,end,pays",
    [
        (1000, 0.5, 0.75, True),
        (1000, 0.25, 0.5, False),
        (1000, 0.51, 0.75, False),
        (1000, 0, 0.75, True),
        (2000, 0.5, 1, True),
        (3000, 0.5, 1, True),
        (3000, 0.5, 2, True),
        (4000, 0.5, 2, False),
        (1000, 0.75, 1, False),
        (1000, 0.75, 0.25, False),
    ],
)
def test_trigger(rule, loss, start, end, pays):
    terms = dict(trigger_start=start, trigger_end=end, payout_start=1, limit1=1e9)
    paid = {27: TIV, 28: loss, 29: TIV, 30: 1e9, 31: 1, 37: loss}[rule]
    assert after(rule, [terms], loss, stepped=True) == (paid if pays else 0, 10, 20, 30, 40)


@pytest.mark.parametrize("loss,end,paid", [(1000, 1, 500), (1000, 0.9, 0), (0, 1, 0), (0, 0.9, 0)])
def test_tiv_of_zero(loss, end, paid):
    terms = dict(trigger_start=0.5, trigger_end=end, payout_start=500)
    assert after(31, [terms], loss, tiv=0, stepped=True) == (paid, 10, 20, 30, 40)
    more = [dict(terms, trigger_start=0, trigger_end=1), dict(terms, calcrule_id=38, scale1=1)]
    assert after(31, more, loss, tiv=0, stepped=True)[0] == 2 * paid + (500 if loss and not paid else 0)


# Steps
# ----------------------------------------------------------------------------------------------------

PAY = dict(trigger_end=1, payout_start=0.5)  # half of the loss
OTHER = dict(trigger_end=1, payout_start=0.25)


@pytest.mark.parametrize(
    "steps,loss",
    [
        ([PAY], 500),
        ([PAY, OTHER], 750),
        # the first step of the list need not be step 1, and step 1 starts anew
        ([dict(PAY, step_id=2), OTHER], 750),
        ([PAY, dict(OTHER, step_id=1)], 250),
        ([dict(PAY, step_id=3), dict(OTHER, step_id=-1)], 750),
        # only a step rule at the end sets the loss
        ([PAY, dict(calcrule_id=100)], 1000),
        ([PAY, dict(calcrule_id=14, limit1=600)], 600),
        ([PAY, dict(calcrule_id=12, deductible1=-1)], 1000),
        # the others change the loss at once
        ([dict(calcrule_id=14, limit1=600), PAY], 300),
        ([PAY, dict(calcrule_id=12, deductible1=200), PAY], 900),
        ([dict(calcrule_id=100), dict(PAY, step_id=1)], 500),
        ([dict(calcrule_id=12, deductible1=1000), PAY], 0),
        ([PAY] * 40, 20000),
    ],
)
def test_steps(steps, loss):
    assert after(28, steps, stepped=True)[0] == loss


def test_who_is_active_is_settled_before_the_first_step():
    # The loss is 0 after the first step, yet the second pays.
    steps = [dict(deductible1=1000), dict(calcrule_id=31, trigger_end=1, payout_start=70)]
    assert after(12, steps, 1000, retained=0, stepped=True)[0] == 70
    assert after(12, steps, 0, retained=0, stepped=True)[0] == 0


# All rules
# ----------------------------------------------------------------------------------------------------------


def some_terms(draw, columns):
    ratios = ("share", "scale", "trigger", "payout")
    return {
        name: draw.choice([0, 0.25, 0.5, 1, 300, draw.random()])
        if name.startswith(ratios)
        else draw.choice([-1, 0, 0.25, 0.5, 100, 300, 500, 1000 * draw.random()])
        for name in columns
    }


def some_amounts(draw, n):
    return {
        name: [draw.choice([0, 100, 300, 1000 * draw.random()]) for _ in range(n)]
        for name in ("loss", "retained", "deductible", "over_limit", "under_limit", "previous_retained")
    }


EVERY = [(rule, False) for rule in PLAIN] + [(rule, True) for rule in STEPPED]
COLUMNS = {
    False: ("deductible1", "deductible2", "deductible3", "attachment", "limit", "share1", "share2", "share3"),
    True: (
        "deductible1",
        "deductible2",
        "deductible3",
        "attachment",
        "limit1",
        "share1",
        "share2",
        "share3",
        "trigger_start",
        "trigger_end",
        "payout_start",
        "payout_end",
        "limit2",
        "scale1",
        "scale2",
    ),
}


def profile(draw, rule, stepped):
    if not stepped:
        return some_terms(draw, COLUMNS[False])
    return [
        dict(some_terms(draw, COLUMNS[True]), calcrule_id=28, trigger_start=0, trigger_end=1),
        dict(some_terms(draw, COLUMNS[True]), calcrule_id=rule, step_id=2),
    ]


@pytest.mark.parametrize("rule,stepped", EVERY)
@pytest.mark.parametrize("layer", [1, 2])
def test_samples_do_not_touch_each_other(rule, stepped, layer):
    draw = random.Random(rule)
    for _ in range(5):
        terms, amounts = profile(draw, rule, stepped), some_amounts(draw, 37)
        if layer == 1:
            amounts["previous_retained"] = None
        together = apply_rule(rule, terms, tiv=1000, stepped=stepped, **amounts)
        for i in range(37):
            one = {name: values and values[i] for name, values in amounts.items()}
            assert tuple(apply_rule(rule, terms, tiv=1000, stepped=stepped, **one)) == tuple(
                v[i] for v in together
            )


@pytest.mark.parametrize("rule,stepped", EVERY)
def test_samples_without_loss_or_retained_loss_stay(rule, stepped):
    draw = random.Random(rule)
    for _ in range(5):
        terms, amounts = profile(draw, rule, stepped), some_amounts(draw, 64)
        amounts["loss"][::2] = amounts["retained"][::2] = [0] * 32
        result = apply_rule(rule, terms, tiv=1000, stepped=stepped, **amounts)
        for name, values in result._asdict().items():
            assert values[::2] == [np.float32(value) for value in amounts[name][::2]]
        assert min(result.loss) >= 0


@pytest.mark.parametrize("rule,stepped", EVERY)
def test_each_rule_reads_the_terms_that_the_table_says(rule, stepped):
    draw, seen = random.Random(rule), set()
    for _ in range(60):
        terms, amounts = profile(draw, rule, stepped), some_amounts(draw, 16)
        result = apply_rule(rule, terms, tiv=1000, stepped=stepped, **amounts)
        for name in COLUMNS[stepped] + (("step_id",) if stepped else ()):
            other = [dict(step) for step in terms] if stepped else dict(terms)
            step = other[1] if stepped else other
            if name == "step_id":
                step["step_id"] = 1
            else:
                step[name] = draw.choice(
                    [some_terms(draw, [name])[name], 1.0 if name == "trigger_end" else 0.125]
                )
            changed = apply_rule(rule, other, tiv=1000, stepped=stepped, **amounts)
            if changed != result:
                seen.add(name)
    assert seen == set((STEPPED if stepped else PLAIN)[rule])


@pytest.mark.parametrize("rule,stepped", [(rule, stepped) for rule, stepped in EVERY if rule != 12])
def test_terms_of_minus_one_or_less_are_zero(rule, stepped):
    columns = (STEPPED if stepped else PLAIN)[rule]
    amounts = some_amounts(random.Random(rule), 16)
    results = [
        apply_rule(rule, [terms] if stepped else terms, tiv=1000, stepped=stepped, **amounts)
        for terms in ({name: value for name in columns if name != "step_id"} for value in (0, -1, -2.5))
    ]
    assert results[0] == results[1] == results[2]


def test_arguments():
    for rule in (*range(-1, 302), 2**31 - 1):
        for stepped in (False, True):
            if rule in (STEPPED if stepped else PLAIN):
                apply_rule(rule, [{}] if stepped else {}, 1, stepped=stepped)
            else:
                with pytest.raises(UsageError, match=f"calculation rule {rule}, expected one of "):
                    apply_rule(rule, [{}] if stepped else {}, 1, stepped=stepped)
    with pytest.raises(UsageError, match="no column of fm_profile: limit1, scale1"):
        apply_rule(1, dict(limit1=1, scale1=2, deductible1=3), 1)
    with pytest.raises(UsageError, match="no column of fm_profile_step: limit"):
        apply_rule(28, [dict(limit=1)], 1, stepped=True)
    with pytest.raises(UsageError, match="no steps"):
        apply_rule(28, [], 1, stepped=True)
    with pytest.raises(UsageError, match="2 amounts for 3 losses"):
        apply_rule(14, dict(limit=1), [1, 2, 3], retained=[1, 2])
    assert apply_rule(14, dict(limit=5), [1, 7]) == RuleResult([1, 5], [0, 2], [0, 0], [0, 2], [0, 0])
    assert apply_rule(14, dict(limit=5), np.array([7.0])) == RuleResult([5], [2], [0], [2], [0])


def test_the_page_has_every_rule_as_its_docstring_says():
    source = (ROOT / "ktc" / "_core" / "fmrules.pyx").read_text()
    found = re.findall(r'void rule_(\w+)\([^:]*:\n    """(.*?)"""', source, re.DOTALL)
    formulas = {name: " ".join(text.split()) for name, text in found}
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (ROOT / "docs" / "financial-module.md").read_text().splitlines()
        if re.match(r"\| \d", line)
    ]
    assert {row[0].replace(" ", "_"): row[2].strip("`") for row in rows} == formulas
    assert {int(name.split("_")[0]) for name in formulas} == set(RULES)
    for number, terms, _, note in rows:
        rule, *stepped = number.split()
        assert terms == (", ".join((STEPPED if stepped else RULES)[int(rule)]) or "none") and note


@pytest.mark.parametrize("stepped", [False, True], ids=["plain", "stepped"])
def test_which_rules_depend_on_what_the_levels_below_carried(stepped):
    """Of all others, only loss and retained loss are kept from level to level."""
    draw = random.Random(1)
    dependent = set()
    for rule, names in (STEPPED if stepped else PLAIN).items():
        for _ in range(200):
            terms = {
                name: draw.choice(
                    (0, 0.25, 0.5, 1)
                    if name.startswith(("share", "scale", "trigger", "payout"))
                    else (0, 0.5, 1, 100, 500, 1000)
                )
                for name in names
                if name != "step_id"
            }
            carried = [
                {
                    name: draw.choice((0, 50, 400, 1500))
                    for name in ("deductible", "over_limit", "under_limit")
                }
                for _ in range(2)
            ]
            one, other = (
                apply_rule(rule, [terms] if stepped else terms, draw_loss, tiv=TIV, stepped=stepped, **each)
                for draw_loss in [draw.choice((0, 50, 400, 1500))]
                for each in carried
            )
            if one[:2] != other[:2]:
                dependent.add(rule)
    assert dependent == CARRIED
