"""Stages joined in memory: events -> getmodel -> gulcalc -> summarycalc -> outputs.

All run in one process, with no pipe in between.
A chain starts with a source (Events, CdfStream, LossStream, LossCsv) and goes on through stages. Nothing is
opened before run(), output files appear complete or not at all, and the GIL is released for the whole run.
The console scripts are chains of one stage (ktc.stages), and a class has the options of its function.

Wherever a stream can go there stands a *destination*:

- a stage;
- a list of destinations, each of which gets everything;
- a tuple of stages, one after the other;
- a path, descriptor or file object, where the stream is written as the console script writes it.

A chain that ends in a stage without a destination can be iterated: it gives blocks (ktc.Cdfs, ktc.Losses) as
the events come.

Examples
--------
>>> from ktc.chain import Chain, EltCalc, Events, GetModel, GulCalc, SummaryCalc
>>> stages = GetModel(), GulCalc(sample_size=100, alloc_rule=1), SummaryCalc({1: EltCalc("elt.csv")})
>>> Chain(Events(), *stages).run()
"""

from .building import Last, Stage
from .fullmontecarlo import GulMC
from .groundup import GetModel, GulCalc, PlaCalc
from .insured import FmCalc
from .losstables import EltCalc, LossTables, PltCalc
from .sources import CdfStream, Chain, Events, LossStream
from .streamcsv import CdfToCsv, EventsToText, FmToCsv, GulToCsv, LossCsv, LossToCsv, SummaryToCsv, Writer
from .summaries import SummaryCalc

__all__ = [
    "CdfStream",
    "CdfToCsv",
    "Chain",
    "EltCalc",
    "Events",
    "EventsToText",
    "FmCalc",
    "FmToCsv",
    "GetModel",
    "GulCalc",
    "GulMC",
    "GulToCsv",
    "Last",
    "LossCsv",
    "LossStream",
    "LossTables",
    "LossToCsv",
    "PlaCalc",
    "PltCalc",
    "Stage",
    "SummaryCalc",
    "SummaryToCsv",
    "Writer",
]
