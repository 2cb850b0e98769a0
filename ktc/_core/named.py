"""Named tuples that kernels of the financial module give to Python. They stand apart because no script needs
them, and importing collections takes longer than importing the kernels."""

from collections import namedtuple

Node = namedtuple("Node", "level agg_id parent children tiv layers")
Node.__doc__ = """An aggregate of a level of a programme, or an item (level 0).

Attributes
----------
level : int
    The level; 0: an item.
agg_id : int
    The aggregate, or the item.
parent : int or None
    The aggregate of the level above that it is part of; None on the last level.
children : tuple of int
    The aggregates (or items) of the level below, in ascending order.
tiv : float or None
    Total insured value, in currency; None if not known.
layers : tuple of Layer
    Its layers, from 1; empty at level 0.

Examples
--------
>>> import ktc
>>> node = ktc.read_plan("input").nodes(1)[0]
>>> node.agg_id, node.parent, node.children, node.tiv
(1, 1, (1, 2, 3), 9604400.0)
"""
Layer = namedtuple("Layer", "layer_id profile_id terms")
Layer.__doc__ = """One layer of an aggregate.

Attributes
----------
layer_id : int
    Counts from 1.
profile_id : int or None
    Its profile; None: losses pass as they are.
terms : tuple of dict
    For each step (one unless stepped) calcrule_id and the terms that this rule reads, by column; empty
    without a profile.

Examples
--------
>>> import ktc
>>> layer = ktc.read_plan("input").nodes(2)[0].layers[0]
>>> layer.profile_id, layer.terms
(4, ({'calcrule_id': 1, 'deductible1': 10000.0, 'limit': 8000000.0},))
"""
RuleResult = namedtuple("RuleResult", "loss retained deductible over_limit under_limit")
RuleResult.__doc__ = """What a node has come to: the result of ktc.apply_rule.

Attributes
----------
loss : float or list of float
    What goes on to the level above, in currency; a list has one for each loss that was given.
retained : float or list of float
    Retained loss: what has not been paid so far.
deductible : float or list of float
    Effective deductible: what deductibles took off.
over_limit : float or list of float
    By how much losses exceed limits.
under_limit : float or list of float
    By how much the loss may still grow before a limit below binds.

Examples
--------
>>> import ktc
>>> ktc.apply_rule(1, {"deductible1": 100, "limit": 500}, 700)
RuleResult(loss=500.0, retained=0.0, deductible=100.0, over_limit=100.0, under_limit=0.0)
"""
