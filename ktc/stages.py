"""The stages as functions: each is a chain (ktc.chain) of one stage between a stream and its outputs.

Without a target a function whose output is csv writes to standard output, and one whose output is a stream
gives an iterable of its blocks (ktc.Cdfs, ktc.Losses), eve an array of ids. Outputs that are regular files
appear complete or not at all.

A stage that gives out while an event is still coming in is fed whole events, so that no part of an unfinished
one goes downstream.
"""

from .fullmontecarlo import gulmc
from .groundup import eve, getmodel, gulcalc, placalc
from .insured import fmcalc
from .losstables import eltcalc, pltcalc
from .streamcsv import cdftocsv, fmtocsv, gultobin, gultocsv, summarycalctobin, summarycalctocsv
from .summaries import summarycalc

__all__ = [
    "cdftocsv",
    "eltcalc",
    "eve",
    "fmcalc",
    "fmtocsv",
    "getmodel",
    "gulcalc",
    "gulmc",
    "gultobin",
    "gultocsv",
    "placalc",
    "pltcalc",
    "summarycalc",
    "summarycalctobin",
    "summarycalctocsv",
]
