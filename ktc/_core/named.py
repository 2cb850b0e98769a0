"""Named tuples that kernels of the financial module give to Python. They stand apart because no script needs
them, and importing collections takes longer than importing the kernels."""

from collections import namedtuple

Node = namedtuple("Node", "level agg_id parent children tiv layers")
Node.__doc__ = """An aggregate of a level, or an item (level 0).

parent: the aggregate of the level above, None on the last. children: aggregates (or items) of the level
below, in the order of fm_programme. tiv: total insured value, None if not known. layers: a tuple of Layer,
empty at level 0."""
Layer = namedtuple("Layer", "layer_id profile_id terms")
Layer.__doc__ = """One layer of an aggregate. terms: a dict for each step (one unless stepped) of calcrule_id
and the terms that this rule reads. profile_id None and no terms: losses pass as they are."""
RuleResult = namedtuple("RuleResult", "loss retained deductible over_limit under_limit")
RuleResult.__doc__ = (
    "What a node has come to: apply_rule's result, each a float, or a list of one for each loss."
)
