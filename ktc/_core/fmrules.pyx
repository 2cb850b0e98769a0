"""The calculation rules of the financial module.

A rule changes what a node of an insurance programme (an aggregate of one level, in one layer) has come to in
a sample. Each rule is a function below, named by its calcrule_id, whose docstring is its formula. In the
formulas

    loss                what the level below handed on, or what the rule has made of it so far; loss_in is the
                        former
    retained            retained loss: what this programme has not paid so far
    effective           effective deductible: what deductibles, of this level and those below, took off
    over, under         over-limit, by how much losses exceed limits; under-limit, by how much the loss may
                        still grow before a limit below binds
    tiv                 total insured value of the node
    step_loss           what the steps of a stepped profile have paid so far

and every other name is a column of fm_profile (where limit1 is called limit) or fm_profile_step. "where c:"
is about all that follows, "x where c" about x. What several rules do alike has a name and is described once:

    deduct(d)           after = max(loss - d, 0); effective = effective + (loss - after); loss = after
    cut(l)              where loss > l: over = loss - l; loss = l
    within(l)           under = min(max(under, effective), l - loss)
    cap(l)              cut(l); within(l)
    unlimited           under = max(under, effective)
    retain              retained = retained + (loss_in - loss) in layer 1, else the previous layer's retained
                        - loss
    excess              loss = max(limit1 where loss > attachment + limit1, else loss - attachment, 0) *
                        share1
    lower(d)            after = max(loss - d, 0); effective = effective + (loss - after); under = under +
                        (loss - after); loss = after
    bound(l)            where loss > l: over = over + (loss - l); under = 0; loss = l; else under = min(under,
                        l - loss)
    share               loss = loss * share1; retain
    min_max(d, a, b)    where effective + d > b: the effective deductible is lowered to b (over_maximum); else
                        where effective + d < a: it is raised to a (under_minimum); else deduct(d); unlimited
    between(d, a, b)    min_max(d, a, b), with lower(d) instead of deduct(d); unlimited, and d taken off the
                        over-limit where the minimum leaves no loss but some of that
    triggered           trigger_start <= loss / tiv < trigger_end; where trigger_end is 1 there is no upper
                        end
    gross(p)            (p + min(p * scale2, limit2)) * (1 + scale1)
    pay(p)              step_loss = p in step 1, else step_loss + p; in the last step loss = step_loss

Every amount is float32, and the order of operations is ktools'. Rules 39 to 41, 101 to 136 and 200 are not
ktools', but those of the platform's program that came after it. So is what they carry from level to level:
they add what they take off to the under-limit, of which a limit that binds leaves nothing. 100 + r is rule r
and a share of it. To add a rule: its function, its line in
one_step, its row in PLAIN or _STEPS (and in CARRIED with min_max), its row in docs/financial-module.md, its
example in the tests.
"""

from libc.math cimport INFINITY, NAN
from libc.string cimport memcpy

from ktc.errors import UsageError
from ktc.schemas import TABLES

assert sizeof(Amounts) == FIELDS * LANES * sizeof(float)

# calcrule_id: the columns that the rule reads, of fm_profile ...
_DEDUCTIBLES = ("deductible1", "deductible2", "deductible3")
PLAIN = {
    1: ("deductible1", "limit"),
    2: ("deductible1", "attachment", "limit", "share1"),
    3: ("deductible1", "limit"),
    4: ("deductible1", "limit"),
    5: ("deductible1", "limit"),
    6: ("deductible1",),
    7: (*_DEDUCTIBLES, "limit"),
    8: ("deductible1", "deductible2", "limit"),
    9: ("deductible1", "limit"),
    10: ("deductible1", "deductible3"),
    11: ("deductible1", "deductible2"),
    12: ("deductible1",),
    13: _DEDUCTIBLES,
    14: ("limit",),
    15: ("deductible1", "limit"),
    16: ("deductible1",),
    17: ("deductible1", "attachment", "limit", "share1"),
    18: ("deductible1", "attachment", "limit", "share1"),
    19: _DEDUCTIBLES,
    20: ("deductible1",),
    21: _DEDUCTIBLES,
    22: ("limit", "share1", "share2", "share3"),
    23: ("limit", "share2", "share3"),
    24: ("attachment", "limit", "share1", "share2", "share3"),
    25: ("share1", "share2", "share3"),
    26: (*_DEDUCTIBLES, "limit"),
    33: ("deductible1", "limit"),
    34: ("deductible1", "attachment", "share1"),
    35: (*_DEDUCTIBLES, "limit"),
    36: (*_DEDUCTIBLES, "limit"),
    39: ("deductible1",),
    40: ("deductible1", "limit"),
    41: ("limit",),
    100: (),
    200: ("share1",),
}
# 100 + r: what rule r reads, and the share
_SHARED = (1, 3, 5, 7, 8, 10, 11, 12, 13, 14, 15, 16, 19, 20, 26, 33, 35, 36)
PLAIN.update({100 + rule: (*PLAIN[rule], "share1") for rule in _SHARED})
# ... and of fm_profile_step: those that only a step can have, and all of the others.
_TRIGGER = ("step_id", "trigger_start", "trigger_end", "payout_start")
_EXTRAS = ("limit2", "scale1", "scale2")
_STEPS = {
    27: ("deductible1", "limit1", *_TRIGGER, *_EXTRAS),
    28: ("deductible1", *_TRIGGER, *_EXTRAS),
    29: ("deductible1", *_TRIGGER, *_EXTRAS),
    30: ("deductible1", "limit1", *_TRIGGER, *_EXTRAS),
    31: ("deductible1", *_TRIGGER, *_EXTRAS),
    32: ("limit1", "step_id", "trigger_start", "payout_start", *_EXTRAS),
    37: ("deductible1", "limit1", *_TRIGGER, *_EXTRAS),
    38: ("step_id", "trigger_start", "trigger_end", *_EXTRAS),
}
STEPPED = _STEPS | {
    rule: tuple("limit1" if name == "limit" else name for name in names) for rule, names in PLAIN.items()
}
# All of them, in fm_profile's words where a rule is in both.
RULES = {**STEPPED, **PLAIN}
# Those whose loss depends on the effective deductible and the over- and under-limit of the levels below:
# min_max.
CARRIED = frozenset((7, 8, 10, 11, 13, 19, 21, 26, 35, 36,
                     107, 108, 110, 111, 113, 119, 126, 135, 136))

cdef enum:
    NOTHING = 100                   # the rule that changes nothing
    HIGHEST = 200

cdef bint[2][HIGHEST + 1] _known
for _number in range(HIGHEST + 1):
    _known[0][_number], _known[1][_number] = _number in PLAIN, _number in STEPPED

# ktools' 9999999999, as a float: no maximum where rules 19, 26, 35 and 36 are given 0
cdef float NO_MAXIMUM = 1e10


cdef bint known(int32_t rule, bint stepped) noexcept nogil:
    return 0 <= rule <= HIGHEST and _known[stepped][rule]


cdef inline float given(float term) noexcept nogil:
    return term if term > -1 else 0


cdef void clean(Terms *t) noexcept nogil:
    # With nothing to deduct rule 12 does nothing, which is not the same as deducting 0: that rounds the
    # under-limit.
    if t.rule == 12 and not t.deductible1 > -1:
        t.rule = NOTHING
    t.deductible1, t.deductible2 = given(t.deductible1), given(t.deductible2)
    t.deductible3 = given(t.deductible3)
    t.attachment, t.limit1, t.limit2 = given(t.attachment), given(t.limit1), given(t.limit2)
    t.share1, t.share2, t.share3 = given(t.share1), given(t.share2), given(t.share3)
    t.trigger_start, t.trigger_end = given(t.trigger_start), given(t.trigger_end)
    t.payout_start, t.payout_end = given(t.payout_start), given(t.payout_end)
    t.scale1, t.scale2 = given(t.scale1), given(t.scale2)


# What a rule sees and changes: one lane of Amounts, and what it cannot change.
cdef struct Sample:
    float loss
    float retained
    float deductible                # effective deductible
    float over_limit
    float under_limit
    float paid                      # step_loss
    float loss_in
    float previous_retained         # retained loss of the previous layer
    float tiv
    bint first_layer
    bint last                       # the profile's last step

ctypedef void (*Rule)(const Terms *t, Sample *x) noexcept nogil


# What rules have in common
# ------------------------------------------------------------------------------------------

cdef inline float positive(float amount) noexcept nogil:
    return 0 if amount < 0 else amount


cdef inline void deduct(Sample *x, float deductible) noexcept nogil:
    cdef float after = positive(x.loss - deductible)
    x.deductible = x.deductible + (x.loss - after)
    x.loss = after


cdef inline void cut(Sample *x, float limit) noexcept nogil:
    if x.loss > limit:
        x.over_limit = x.loss - limit
        x.loss = limit


cdef inline void unlimited(Sample *x) noexcept nogil:
    if x.deductible > x.under_limit:
        x.under_limit = x.deductible


cdef inline void within(Sample *x, float limit) noexcept nogil:
    unlimited(x)
    if limit - x.loss < x.under_limit:
        x.under_limit = limit - x.loss


cdef inline void cap(Sample *x, float limit) noexcept nogil:
    cut(x, limit)
    within(x, limit)


cdef inline void retain(Sample *x) noexcept nogil:
    x.retained = x.retained + (x.loss_in - x.loss) if x.first_layer else x.previous_retained - x.loss


cdef inline void lower(Sample *x, float deductible) noexcept nogil:
    cdef float before = x.loss
    deduct(x, deductible)
    x.under_limit = x.under_limit + (before - x.loss)


cdef inline void bound(Sample *x, float limit) noexcept nogil:
    cdef float room = limit - x.loss
    if x.loss > limit:
        x.over_limit = x.over_limit + (x.loss - limit)
        x.under_limit = 0
        x.loss = limit
    elif room < x.under_limit:
        x.under_limit = room


cdef inline void share(const Terms *t, Sample *x) noexcept nogil:
    x.loss = x.loss * t.share1
    retain(x)


cdef inline void excess(const Terms *t, Sample *x) noexcept nogil:
    x.loss = positive(t.limit1 if x.loss > t.attachment + t.limit1 else x.loss - t.attachment) * t.share1


cdef inline void over_maximum(Sample *x, float maximum) noexcept nogil:
    """Lower the effective deductible to a maximum: the loss grows, by the under-limit at most, else the
    over-limit."""
    cdef float delta = x.deductible - maximum
    cdef float growth = min(delta, x.under_limit)
    if (delta > x.under_limit) | (x.loss >= -delta):
        x.over_limit = x.over_limit + (delta - growth)
        x.under_limit = x.under_limit - growth
        x.deductible = maximum
        x.loss = x.loss + growth
    else:
        x.under_limit = x.under_limit + x.loss
        x.deductible = x.deductible + x.loss
        x.loss = 0


cdef inline void under_minimum(Sample *x, float minimum, float deductible, bint adds) noexcept nogil:
    """Raise the effective deductible to a minimum: that eats up the over-limit first, then the loss. adds: as
    `between` has it."""
    cdef float delta = minimum - deductible - x.deductible
    cdef float eaten = delta - x.over_limit
    cdef bint enough = delta <= x.over_limit
    if enough and x.loss > deductible:
        x.over_limit = x.over_limit - delta
        x.deductible = minimum
    elif enough and x.over_limit - delta + x.loss > deductible:
        if adds:
            x.over_limit = x.over_limit - (delta + deductible)
        else:
            x.over_limit = x.over_limit - delta + deductible
        x.under_limit = x.under_limit + x.loss
        x.deductible = minimum
        x.loss = 0
    elif not enough and x.loss > eaten + deductible:
        x.over_limit = 0
        x.under_limit = x.under_limit + eaten
        x.deductible = minimum
        x.loss = x.loss - eaten - deductible
    else:
        x.under_limit = x.under_limit + x.loss
        x.deductible = x.deductible + x.loss + x.over_limit
        x.over_limit = 0
        x.loss = 0


cdef inline bint one_of_three(Sample *x, float deductible, float minimum, float maximum,
                              bint adds) noexcept nogil:
    """min_max, or between if adds; true where the maximum binds."""
    # All three worked out, then one taken: what the compiler makes of one branch in another is not a vector
    # instruction.
    cdef float total = x.deductible + deductible
    cdef Sample lowered = x[0], raised = x[0]
    over_maximum(&lowered, maximum)
    under_minimum(&raised, minimum, deductible, adds)
    if adds:
        lower(x, deductible)
    else:
        deduct(x, deductible)
        unlimited(x)
    if total < minimum:
        x[0] = raised
    if total > maximum:
        x[0] = lowered
    return total > maximum


cdef inline bint min_max(Sample *x, float deductible, float minimum, float maximum) noexcept nogil:
    """True where the maximum binds."""
    return one_of_three(x, deductible, minimum, maximum, False)


cdef inline void between(Sample *x, float deductible, float minimum, float maximum) noexcept nogil:
    one_of_three(x, deductible, minimum, maximum, True)


cdef inline float maximum_of(const Terms *t) noexcept nogil:
    return NO_MAXIMUM if t.deductible3 == 0 else t.deductible3


cdef inline bint triggered(const Terms *t, const Sample *x) noexcept nogil:
    # NAN is an end that no ratio reaches, not even that of a tiv of 0: loss / 0 pays, 0 / 0 does not
    cdef float ratio = x.loss / x.tiv, end = NAN if t.trigger_end == 1 else t.trigger_end
    return ratio >= t.trigger_start and not ratio >= end


cdef inline float extra(const Terms *t, float payout) noexcept nogil:
    return min(payout * t.scale2, t.limit2)


cdef inline float gross(const Terms *t, float payout) noexcept nogil:
    cdef float uplift = 1 + t.scale1
    return (payout + extra(t, payout)) * uplift


cdef inline void pay(const Terms *t, Sample *x, float amount) noexcept nogil:
    x.paid = amount if t.step == 1 else x.paid + amount
    if x.last:
        x.loss = x.paid


cdef inline void pay_step(const Terms *t, Sample *x, float payout, float limit) noexcept nogil:
    cdef float amount = gross(t, min(positive(payout - t.deductible1), limit))
    pay(t, x, amount if triggered(t, x) else 0)


# The rules
# ----------------------------------------------------------------------------------------------------------

cdef inline void rule_1(const Terms *t, Sample *x) noexcept nogil:
    """deduct(deductible1); cap(limit1)"""
    deduct(x, t.deductible1)
    cap(x, t.limit1)


cdef inline void rule_2(const Terms *t, Sample *x) noexcept nogil:
    """deduct(deductible1); excess; retain"""
    deduct(x, t.deductible1)
    excess(t, x)
    retain(x)


cdef inline void rule_3(const Terms *t, Sample *x) noexcept nogil:
    """deduct(loss) where loss < deductible1; cap(limit1); retain"""
    if x.loss < t.deductible1:
        deduct(x, x.loss)
    cap(x, t.limit1)
    retain(x)


cdef inline void rule_4(const Terms *t, Sample *x) noexcept nogil:
    """deduct(deductible1 * tiv); cap(limit1)"""
    deduct(x, t.deductible1 * x.tiv)
    cap(x, t.limit1)


cdef inline void rule_5(const Terms *t, Sample *x) noexcept nogil:
    """deduct(deductible1 * loss); cut(limit1 * loss_in); within(limit1)"""
    deduct(x, t.deductible1 * x.loss)
    cut(x, t.limit1 * x.loss_in)
    within(x, t.limit1)


cdef inline void rule_6(const Terms *t, Sample *x) noexcept nogil:
    """deduct(deductible1 * tiv); unlimited"""
    deduct(x, t.deductible1 * x.tiv)
    unlimited(x)


cdef inline void rule_7(const Terms *t, Sample *x) noexcept nogil:
    """min_max(deductible1, deductible2, deductible3); cut(limit1)"""
    min_max(x, t.deductible1, t.deductible2, t.deductible3)
    cut(x, t.limit1)


cdef inline void rule_8(const Terms *t, Sample *x) noexcept nogil:
    """min_max(deductible1, deductible2, none); cut(limit1)"""
    min_max(x, t.deductible1, t.deductible2, INFINITY)
    cut(x, t.limit1)


cdef inline void rule_9(const Terms *t, Sample *x) noexcept nogil:
    """deduct(deductible1 * limit1); cap(limit1)"""
    deduct(x, t.deductible1 * t.limit1)
    cap(x, t.limit1)


cdef inline void rule_10(const Terms *t, Sample *x) noexcept nogil:
    """min_max(deductible1, none, deductible3)"""
    min_max(x, t.deductible1, -INFINITY, t.deductible3)


cdef inline void rule_11(const Terms *t, Sample *x) noexcept nogil:
    """min_max(deductible1, deductible2, none)"""
    min_max(x, t.deductible1, t.deductible2, INFINITY)


cdef inline void rule_12(const Terms *t, Sample *x) noexcept nogil:
    """where loss > 0: deduct(deductible1); retained = retained + (loss_in - loss); under = under + loss_in -
    loss"""
    if x.loss > 0:
        deduct(x, t.deductible1)
        x.retained = x.retained + (x.loss_in - x.loss)
        x.under_limit = x.under_limit + x.loss_in - x.loss


cdef inline void rule_12_stepped(const Terms *t, Sample *x) noexcept nogil:
    """where loss > 0: deduct(deductible1); unlimited; retained = retained + (loss_in - loss)"""
    if x.loss > 0:
        deduct(x, t.deductible1)
        unlimited(x)
        x.retained = x.retained + (x.loss_in - x.loss)


cdef inline void rule_13(const Terms *t, Sample *x) noexcept nogil:
    """min_max(deductible1, deductible2, deductible3)"""
    min_max(x, t.deductible1, t.deductible2, t.deductible3)


cdef inline void rule_14(const Terms *t, Sample *x) noexcept nogil:
    """cap(limit1); retain"""
    cap(x, t.limit1)
    retain(x)


cdef inline void rule_15(const Terms *t, Sample *x) noexcept nogil:
    """loss = min(max(loss - deductible1, 0), limit1 * loss); over = loss_in - loss unless 0; within(limit1)
    """
    x.loss = min(positive(x.loss - t.deductible1), t.limit1 * x.loss)
    if x.loss < x.loss_in:
        x.over_limit = x.loss_in - x.loss
    within(x, t.limit1)


cdef inline void rule_16(const Terms *t, Sample *x) noexcept nogil:
    """deduct(deductible1 * loss); unlimited"""
    deduct(x, t.deductible1 * x.loss)
    unlimited(x)


cdef inline void rule_17(const Terms *t, Sample *x) noexcept nogil:
    """deduct(deductible1 * loss); excess"""
    deduct(x, t.deductible1 * x.loss)
    excess(t, x)


cdef inline void rule_18(const Terms *t, Sample *x) noexcept nogil:
    """deduct(deductible1 * tiv); excess"""
    deduct(x, t.deductible1 * x.tiv)
    excess(t, x)


cdef inline void rule_19(const Terms *t, Sample *x) noexcept nogil:
    """min_max(deductible1 * loss, deductible2, deductible3 or none)"""
    min_max(x, t.deductible1 * x.loss, t.deductible2, maximum_of(t))


cdef inline void rule_20(const Terms *t, Sample *x) noexcept nogil:
    """loss = 0 where loss > deductible1; retain"""
    if x.loss > t.deductible1:
        x.loss = 0
    retain(x)


cdef inline void rule_21(const Terms *t, Sample *x) noexcept nogil:
    """min_max(min(deductible1 * tiv, loss), deductible2, deductible3)"""
    min_max(x, min(t.deductible1 * x.tiv, x.loss), t.deductible2, t.deductible3)


cdef inline void rule_22(const Terms *t, Sample *x) noexcept nogil:
    """loss = max(min(loss * share1, limit1) * share2 * share3, 0); retain"""
    x.loss = positive(min(x.loss * t.share1, t.limit1) * t.share2 * t.share3)
    retain(x)


cdef inline void rule_23(const Terms *t, Sample *x) noexcept nogil:
    """loss = max(min(loss, limit1) * share2 * share3, 0); retain"""
    x.loss = positive(min(x.loss, t.limit1) * t.share2 * t.share3)
    retain(x)


cdef inline void rule_24(const Terms *t, Sample *x) noexcept nogil:
    """loss = min(max(loss * share1 - attachment, 0), limit1) * share2 * share3; retain"""
    x.loss = min(positive(x.loss * t.share1 - t.attachment), t.limit1) * t.share2 * t.share3
    retain(x)


cdef inline void rule_25(const Terms *t, Sample *x) noexcept nogil:
    """loss = loss * share1 * share2 * share3; retain"""
    x.loss = x.loss * t.share1 * t.share2 * t.share3
    retain(x)


cdef inline void rule_26(const Terms *t, Sample *x) noexcept nogil:
    """min_max(deductible1 * loss, deductible2, deductible3 or none); cut(limit1) unless the maximum binds"""
    if not min_max(x, t.deductible1 * x.loss, t.deductible2, maximum_of(t)):
        cut(x, t.limit1)


cdef inline void rule_27(const Terms *t, Sample *x) noexcept nogil:
    """pay(gross(min(max(payout_start * tiv - deductible1, 0), limit1)) if triggered else 0)"""
    pay_step(t, x, t.payout_start * x.tiv, t.limit1)


cdef inline void rule_28(const Terms *t, Sample *x) noexcept nogil:
    """pay(gross(max(payout_start * loss - deductible1, 0)) if triggered else 0)"""
    pay_step(t, x, t.payout_start * x.loss, INFINITY)


cdef inline void rule_29(const Terms *t, Sample *x) noexcept nogil:
    """pay(gross(max(payout_start * tiv - deductible1, 0)) if triggered else 0)"""
    pay_step(t, x, t.payout_start * x.tiv, INFINITY)


cdef inline void rule_30(const Terms *t, Sample *x) noexcept nogil:
    """pay(gross(max(payout_start * limit1 - deductible1, 0)) if triggered else 0)"""
    pay_step(t, x, t.payout_start * t.limit1, INFINITY)


cdef inline void rule_31(const Terms *t, Sample *x) noexcept nogil:
    """pay(gross(max(payout_start - deductible1, 0)) if triggered else 0)"""
    pay_step(t, x, t.payout_start, INFINITY)


cdef inline void rule_32(const Terms *t, Sample *x) noexcept nogil:
    """pay(gross(min(payout_start * loss, limit1)) if loss >= trigger_start else 0)"""
    cdef float amount = gross(t, min(t.payout_start * x.loss, t.limit1))
    pay(t, x, amount if x.loss >= t.trigger_start else 0)


cdef inline void rule_33(const Terms *t, Sample *x) noexcept nogil:
    """deduct(deductible1 * loss); cap(limit1)"""
    deduct(x, t.deductible1 * x.loss)
    cap(x, t.limit1)


cdef inline void rule_34(const Terms *t, Sample *x) noexcept nogil:
    """deduct(deductible1); loss = max(loss - attachment, 0) * share1; retain"""
    deduct(x, t.deductible1)
    x.loss = positive(x.loss - t.attachment) * t.share1
    retain(x)


cdef inline void rule_35(const Terms *t, Sample *x) noexcept nogil:
    """min_max(deductible1 * loss, deductible2, deductible3 or none); cut(limit1 * loss_in) unless the maximum
    binds"""
    if not min_max(x, t.deductible1 * x.loss, t.deductible2, maximum_of(t)):
        cut(x, t.limit1 * x.loss_in)


cdef inline void rule_36(const Terms *t, Sample *x) noexcept nogil:
    """min_max(deductible1, deductible2, deductible3 or none); cut(limit1 * loss_in) unless the maximum binds
    """
    if not min_max(x, t.deductible1, t.deductible2, maximum_of(t)):
        cut(x, t.limit1 * x.loss_in)


cdef inline void rule_37(const Terms *t, Sample *x) noexcept nogil:
    """pay(gross(min(max(payout_start * loss - deductible1, 0), limit1)) if triggered else 0)"""
    pay_step(t, x, t.payout_start * x.loss, t.limit1)


cdef inline void rule_38(const Terms *t, Sample *x) noexcept nogil:
    """e = min(step_loss * scale2, limit2); pay(e + (step_loss + e) * scale1 if triggered else 0)"""
    cdef float e = extra(t, x.paid)
    pay(t, x, e + (x.paid + e) * t.scale1 if triggered(t, x) else 0)


cdef inline void rule_39(const Terms *t, Sample *x) noexcept nogil:
    """lower(loss) where loss <= deductible1; retain"""
    if x.loss <= t.deductible1:
        lower(x, x.loss)
    retain(x)


cdef inline void rule_40(const Terms *t, Sample *x) noexcept nogil:
    """loss = min(max(loss - deductible1, 0), limit1); retain"""
    x.loss = min(positive(x.loss - t.deductible1), t.limit1)
    retain(x)


cdef inline void rule_41(const Terms *t, Sample *x) noexcept nogil:
    """loss = min(loss, limit1); retain"""
    x.loss = min(x.loss, t.limit1)
    retain(x)


cdef inline void rule_100(const Terms *t, Sample *x) noexcept nogil:
    """nothing"""
    pass


cdef inline void rule_101(const Terms *t, Sample *x) noexcept nogil:
    """lower(deductible1); bound(limit1); share"""
    lower(x, t.deductible1)
    bound(x, t.limit1)
    share(t, x)


cdef inline void rule_103(const Terms *t, Sample *x) noexcept nogil:
    """lower(loss) where loss <= deductible1; bound(limit1); share"""
    if x.loss <= t.deductible1:
        lower(x, x.loss)
    bound(x, t.limit1)
    share(t, x)


cdef inline void rule_105(const Terms *t, Sample *x) noexcept nogil:
    """lower(deductible1 * loss); bound(limit1 * loss_in); share"""
    lower(x, t.deductible1 * x.loss)
    bound(x, t.limit1 * x.loss_in)
    share(t, x)


cdef inline void rule_107(const Terms *t, Sample *x) noexcept nogil:
    """between(deductible1, deductible2, deductible3); bound(limit1); share"""
    between(x, t.deductible1, t.deductible2, t.deductible3)
    bound(x, t.limit1)
    share(t, x)


cdef inline void rule_108(const Terms *t, Sample *x) noexcept nogil:
    """between(deductible1, deductible2, none); bound(limit1); share"""
    between(x, t.deductible1, t.deductible2, INFINITY)
    bound(x, t.limit1)
    share(t, x)


cdef inline void rule_110(const Terms *t, Sample *x) noexcept nogil:
    """between(deductible1, none, deductible3); share"""
    between(x, t.deductible1, -INFINITY, t.deductible3)
    share(t, x)


cdef inline void rule_111(const Terms *t, Sample *x) noexcept nogil:
    """between(deductible1, deductible2, none); share"""
    between(x, t.deductible1, t.deductible2, INFINITY)
    share(t, x)


cdef inline void rule_112(const Terms *t, Sample *x) noexcept nogil:
    """lower(deductible1); share"""
    lower(x, t.deductible1)
    share(t, x)


cdef inline void rule_113(const Terms *t, Sample *x) noexcept nogil:
    """between(deductible1, deductible2, deductible3); share"""
    between(x, t.deductible1, t.deductible2, t.deductible3)
    share(t, x)


cdef inline void rule_114(const Terms *t, Sample *x) noexcept nogil:
    """bound(limit1); share"""
    bound(x, t.limit1)
    share(t, x)


cdef inline void rule_115(const Terms *t, Sample *x) noexcept nogil:
    """lower(deductible1); bound(limit1 * loss_in); share"""
    lower(x, t.deductible1)
    bound(x, t.limit1 * x.loss_in)
    share(t, x)


cdef inline void rule_116(const Terms *t, Sample *x) noexcept nogil:
    """lower(deductible1 * loss); share"""
    lower(x, t.deductible1 * x.loss)
    share(t, x)


cdef inline void rule_119(const Terms *t, Sample *x) noexcept nogil:
    """between(deductible1 * loss, deductible2, deductible3 or none); share"""
    between(x, t.deductible1 * x.loss, t.deductible2, maximum_of(t))
    share(t, x)


cdef inline void rule_120(const Terms *t, Sample *x) noexcept nogil:
    """loss = 0 where loss > deductible1; share"""
    if x.loss > t.deductible1:
        x.loss = 0
    share(t, x)


cdef inline void rule_126(const Terms *t, Sample *x) noexcept nogil:
    """between(deductible1 * loss, deductible2, deductible3 or none); bound(limit1); share"""
    between(x, t.deductible1 * x.loss, t.deductible2, maximum_of(t))
    bound(x, t.limit1)
    share(t, x)


cdef inline void rule_133(const Terms *t, Sample *x) noexcept nogil:
    """lower(deductible1 * loss); bound(limit1); share"""
    lower(x, t.deductible1 * x.loss)
    bound(x, t.limit1)
    share(t, x)


cdef inline void rule_135(const Terms *t, Sample *x) noexcept nogil:
    """between(deductible1 * loss, deductible2, deductible3 or none); bound(limit1 * loss_in); share"""
    between(x, t.deductible1 * x.loss, t.deductible2, maximum_of(t))
    bound(x, t.limit1 * x.loss_in)
    share(t, x)


cdef inline void rule_136(const Terms *t, Sample *x) noexcept nogil:
    """between(deductible1, deductible2, deductible3 or none); bound(limit1 * loss_in); share"""
    between(x, t.deductible1, t.deductible2, maximum_of(t))
    bound(x, t.limit1 * x.loss_in)
    share(t, x)


cdef inline void rule_200(const Terms *t, Sample *x) noexcept nogil:
    """share"""
    share(t, x)


# Over the lanes
# -----------------------------------------------------------------------------------------------------

# What stays beside the amounts while the steps of a profile are applied.
cdef struct Lanes:
    int32_t active[LANES]
    float paid[LANES]
    float previous_retained[LANES]
    float tiv
    float least                     # below which no loss is left
    bint first_layer
    bint last


cdef inline void each_lane(Rule rule, bint carried, const Terms *terms, Amounts *node,
                           Lanes *lanes) noexcept nogil:
    # Inlined with one rule each, so that the compiler sees through the call and does several lanes with one
    # instruction. Every lane is worked out and written; one that is not active is written as it was.
    cdef Terms t = terms[0]
    cdef Sample x, before
    cdef Py_ssize_t l
    for l in range(LANES):
        x.loss = x.loss_in = node.loss[l]
        x.retained = node.retained[l]
        x.deductible = node.deductible[l] if carried else 0
        x.over_limit = node.over_limit[l] if carried else 0
        x.under_limit = node.under_limit[l] if carried else 0
        x.paid = lanes.paid[l]
        x.previous_retained, x.tiv = lanes.previous_retained[l], lanes.tiv
        x.first_layer, x.last = lanes.first_layer, lanes.last
        before = x
        rule(&t, &x)
        x.loss = max(x.loss, lanes.least)
        if not lanes.active[l]:
            x = before
        lanes.paid[l] = x.paid
        node.loss[l] = x.loss
        node.retained[l] = x.retained
        if carried:
            node.deductible[l] = x.deductible
            node.over_limit[l], node.under_limit[l] = x.over_limit, x.under_limit


cdef inline void one_step(const Terms *t, bint stepped, bint carried, Amounts *node,
                          Lanes *lanes) noexcept nogil:
    if t.rule == 1: each_lane(rule_1, carried, t, node, lanes)
    elif t.rule == 2: each_lane(rule_2, carried, t, node, lanes)
    elif t.rule == 3: each_lane(rule_3, carried, t, node, lanes)
    elif t.rule == 4: each_lane(rule_4, carried, t, node, lanes)
    elif t.rule == 5: each_lane(rule_5, carried, t, node, lanes)
    elif t.rule == 6: each_lane(rule_6, carried, t, node, lanes)
    elif t.rule == 7: each_lane(rule_7, carried, t, node, lanes)
    elif t.rule == 8: each_lane(rule_8, carried, t, node, lanes)
    elif t.rule == 9: each_lane(rule_9, carried, t, node, lanes)
    elif t.rule == 10: each_lane(rule_10, carried, t, node, lanes)
    elif t.rule == 11: each_lane(rule_11, carried, t, node, lanes)
    elif t.rule == 12:
        if stepped: each_lane(rule_12_stepped, carried, t, node, lanes)
        else: each_lane(rule_12, carried, t, node, lanes)
    elif t.rule == 13: each_lane(rule_13, carried, t, node, lanes)
    elif t.rule == 14: each_lane(rule_14, carried, t, node, lanes)
    elif t.rule == 15: each_lane(rule_15, carried, t, node, lanes)
    elif t.rule == 16: each_lane(rule_16, carried, t, node, lanes)
    elif t.rule == 17: each_lane(rule_17, carried, t, node, lanes)
    elif t.rule == 18: each_lane(rule_18, carried, t, node, lanes)
    elif t.rule == 19: each_lane(rule_19, carried, t, node, lanes)
    elif t.rule == 20: each_lane(rule_20, carried, t, node, lanes)
    elif t.rule == 21: each_lane(rule_21, carried, t, node, lanes)
    elif t.rule == 22: each_lane(rule_22, carried, t, node, lanes)
    elif t.rule == 23: each_lane(rule_23, carried, t, node, lanes)
    elif t.rule == 24: each_lane(rule_24, carried, t, node, lanes)
    elif t.rule == 25: each_lane(rule_25, carried, t, node, lanes)
    elif t.rule == 26: each_lane(rule_26, carried, t, node, lanes)
    elif t.rule == 27: each_lane(rule_27, carried, t, node, lanes)
    elif t.rule == 28: each_lane(rule_28, carried, t, node, lanes)
    elif t.rule == 29: each_lane(rule_29, carried, t, node, lanes)
    elif t.rule == 30: each_lane(rule_30, carried, t, node, lanes)
    elif t.rule == 31: each_lane(rule_31, carried, t, node, lanes)
    elif t.rule == 32: each_lane(rule_32, carried, t, node, lanes)
    elif t.rule == 33: each_lane(rule_33, carried, t, node, lanes)
    elif t.rule == 34: each_lane(rule_34, carried, t, node, lanes)
    elif t.rule == 35: each_lane(rule_35, carried, t, node, lanes)
    elif t.rule == 36: each_lane(rule_36, carried, t, node, lanes)
    elif t.rule == 37: each_lane(rule_37, carried, t, node, lanes)
    elif t.rule == 38: each_lane(rule_38, carried, t, node, lanes)
    elif t.rule == 39: each_lane(rule_39, carried, t, node, lanes)
    elif t.rule == 40: each_lane(rule_40, carried, t, node, lanes)
    elif t.rule == 41: each_lane(rule_41, carried, t, node, lanes)
    elif t.rule == 101: each_lane(rule_101, carried, t, node, lanes)
    elif t.rule == 103: each_lane(rule_103, carried, t, node, lanes)
    elif t.rule == 105: each_lane(rule_105, carried, t, node, lanes)
    elif t.rule == 107: each_lane(rule_107, carried, t, node, lanes)
    elif t.rule == 108: each_lane(rule_108, carried, t, node, lanes)
    elif t.rule == 110: each_lane(rule_110, carried, t, node, lanes)
    elif t.rule == 111: each_lane(rule_111, carried, t, node, lanes)
    elif t.rule == 112: each_lane(rule_112, carried, t, node, lanes)
    elif t.rule == 113: each_lane(rule_113, carried, t, node, lanes)
    elif t.rule == 114: each_lane(rule_114, carried, t, node, lanes)
    elif t.rule == 115: each_lane(rule_115, carried, t, node, lanes)
    elif t.rule == 116: each_lane(rule_116, carried, t, node, lanes)
    elif t.rule == 119: each_lane(rule_119, carried, t, node, lanes)
    elif t.rule == 120: each_lane(rule_120, carried, t, node, lanes)
    elif t.rule == 126: each_lane(rule_126, carried, t, node, lanes)
    elif t.rule == 133: each_lane(rule_133, carried, t, node, lanes)
    elif t.rule == 135: each_lane(rule_135, carried, t, node, lanes)
    elif t.rule == 136: each_lane(rule_136, carried, t, node, lanes)
    elif t.rule == 200: each_lane(rule_200, carried, t, node, lanes)
    elif t.rule == NOTHING: each_lane(rule_100, carried, t, node, lanes)


cdef void apply(const Terms *terms, Py_ssize_t steps, bint stepped, bint carried, Amounts *node,
                const float *previous_retained, float tiv) noexcept nogil:
    cdef Lanes lanes
    cdef Py_ssize_t l, s
    cdef float loss, retained
    if not stepped and terms.rule == NOTHING:
        return
    for l in range(LANES):
        loss, retained = node.loss[l], node.retained[l]
        lanes.active[l] = (loss > 0) | (retained > 0)
        lanes.paid[l] = 0
    lanes.tiv = tiv
    lanes.first_layer = previous_retained == NULL
    if lanes.first_layer:
        previous_retained = node.retained           # not used
    memcpy(lanes.previous_retained, previous_retained, sizeof(lanes.previous_retained))
    for s in range(steps):
        lanes.last = s == steps - 1
        lanes.least = 0 if lanes.last else -INFINITY
        if carried:
            one_step(terms + s, stepped, True, node, &lanes)
        else:
            one_step(terms + s, stepped, False, node, &lanes)


# From Python
# --------------------------------------------------------------------------------------------------------

_COLUMNS = tuple({field.name for field in TABLES[name].fields if field.name != "profile_id"}
                 for name in ("fm_profile", "fm_profile_step"))


cdef Terms _terms(int32_t rule, object terms, int32_t step, bint stepped) except *:
    cdef Terms t
    unknown = sorted(set(terms) - _COLUMNS[stepped])
    if unknown:
        raise UsageError(f"no column of {'fm_profile_step' if stepped else 'fm_profile'}: "
                         f"{', '.join(unknown)}")
    t.rule, t.step = terms.get("calcrule_id", rule), terms.get("step_id", step)
    if not known(t.rule, stepped):
        expected = ", ".join(str(number) for number in (STEPPED if stepped else PLAIN))
        raise UsageError(f"calculation rule {t.rule}, expected one of {expected}")
    t.deductible1 = terms.get("deductible1", 0)
    t.deductible2 = terms.get("deductible2", 0)
    t.deductible3 = terms.get("deductible3", 0)
    t.attachment = terms.get("attachment", 0)
    t.limit1 = terms.get("limit1" if stepped else "limit", 0)
    t.share1, t.share2, t.share3 = terms.get("share1", 0), terms.get("share2", 0), terms.get("share3", 0)
    t.trigger_start, t.trigger_end = terms.get("trigger_start", 0), terms.get("trigger_end", 0)
    t.payout_start, t.payout_end = terms.get("payout_start", 0), terms.get("payout_end", 0)
    t.limit2, t.scale1, t.scale2 = terms.get("limit2", 0), terms.get("scale1", 0), terms.get("scale2", 0)
    clean(&t)
    return t


def apply_rule(rule, terms, loss, *, tiv=0.0, retained=0.0, deductible=0.0, over_limit=0.0, under_limit=0.0,
               previous_retained=None, stepped=False):
    """Apply one calculation rule of the financial module.

    Parameters
    ----------
    rule : int
        The calcrule_id.
    terms : mapping, or sequence of mappings
        Columns of fm_profile and their values; those not given are 0. For a stepped profile a mapping for
        each step, of columns of fm_profile_step: step_id counts from 1 unless given, and a step's calcrule_id
        stands instead of `rule`.
    loss : float or sequence of float
        The loss from the level below, or one for each sample.
    tiv : float, default 0
        Total insured value of the node.
    retained, deductible, over_limit, under_limit : float or sequence of float, default 0
        Retained loss, effective deductible, over-limit and under-limit from the level below.
    previous_retained : float or sequence of float, optional
        The retained loss of the layer before; None in the first layer.
    stepped : bool, default False
        The profile has steps.

    Returns
    -------
    RuleResult
        Floats, or lists of one for each loss.

    Raises
    ------
    UsageError
        There is no such rule or column, there are no steps, or the amounts have different lengths.

    Notes
    -----
    Amounts are in currency and calculated as float32. A sequence of amounts is as long as that of the losses,
    and a single one stands for all of them. A sample whose loss and retained loss are both 0 is left as it
    is.

    Examples
    --------
    >>> import ktc
    >>> ktc.apply_rule(1, {"deductible1": 100, "limit": 500}, 250).loss
    150.0
    >>> result = ktc.apply_rule(1, {"deductible1": 100, "limit": 500}, [50, 250, 700])
    >>> result.loss, result.deductible
    ([0.0, 150.0, 500.0], [50.0, 100.0, 100.0])
    >>> step = {"trigger_end": 1, "payout_start": 1, "limit1": 100}
    >>> ktc.apply_rule(27, [step], 250, tiv=1000, stepped=True).loss
    100.0
    """
    cdef Amounts node
    cdef float previous[LANES]
    cdef Py_ssize_t first, l, n
    several = list(terms) if stepped else [terms]
    if not several:
        raise UsageError("no steps, expected at least one")
    memory = bytearray(len(several) * sizeof(Terms))
    cdef Terms *steps = <Terms *><char *>memory
    for l in range(len(several)):
        steps[l] = _terms(rule, several[l], l + 1, stepped)

    single = not hasattr(loss, "__len__")
    n = 1 if single else len(loss)
    amounts = []
    for amount in (loss, retained, deductible, over_limit, under_limit,
                   0 if previous_retained is None else previous_retained):
        values = [float(value) for value in amount] if hasattr(amount, "__len__") else [float(amount)] * n
        if len(values) != n:
            raise UsageError(f"{len(values)} amounts for {n} losses")
        amounts.append(values)
    from ktc._core.named import RuleResult

    result = RuleResult([], [], [], [], [])
    for first in range(0, n, LANES):
        for l in range(LANES):
            lane = [values[first + l] for values in amounts] if first + l < n else [0] * 6
            node.loss[l], node.retained[l], node.deductible[l] = lane[:3]
            node.over_limit[l], node.under_limit[l], previous[l] = lane[3:]
        apply(steps, len(several), stepped, True, &node, NULL if previous_retained is None else previous, tiv)
        for l in range(min(LANES, n - first)):
            result.loss.append(node.loss[l])
            result.retained.append(node.retained[l])
            result.deductible.append(node.deductible[l])
            result.over_limit.append(node.over_limit[l])
            result.under_limit.append(node.under_limit[l])
    return RuleResult(*(values[0] for values in result)) if single else result
