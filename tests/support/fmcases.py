"""Cases for fmcalc: a programme, a stream of losses, options."""

import io
from dataclasses import dataclass

import numpy as np

from ktc import stages
from support.programmes import RULES, Programme, decode, make, stream

SAMPLES = (0, 1, 10, 13, 14, 15, 47)  # around the width in which the kernel takes samples
FLAGS = {
    "net": "-n",
    "debug": "-d",
    "full_shares": "-o",
    "stepped": "-S",
    "alloc_rule": "-a",
    "max_level": "-M",
}
# Rules with a maximum deductible can pay where the level below paid nothing.
REVIVING = (7, 10, 13, 19, 21, 26, 35, 36)
STEADY = [rule for rule in RULES if rule not in REVIVING]
# Rules 5 and 15 limit to a share of the loss. Above them, a maximum deductible can make losses below 0 in
# ktools, and other aggregates' shares suffer from these; ktc makes them 0 where they arise.
LIMIT_SHARES = (5, 15)
MIXED = [rule for rule in RULES if rule not in LIMIT_SHARES]


@dataclass
class Case:
    programme: Programme
    losses: bytes
    options: dict

    def __repr__(self):
        p = self.programme
        return f"{p.n_items} items, {p.levels} levels, {p.layers} layers, {arguments(self.options)}"


def arguments(options):
    """The options of stages.fmcalc as those of the program."""
    return [
        f"{FLAGS[name]}{value}" if name in ("alloc_rule", "max_level") else FLAGS[name]
        for name, value in options.items()
        if value is not False
    ]


def calculate(folder, losses, **options):
    out = io.BytesIO()
    stages.fmcalc(losses, out, input_path=str(folder), **options)
    return out.getvalue()


def floored(data):
    """The same stream with losses of 0 in place of those below."""
    pairs = np.frombuffer(data, "<i4", offset=8).reshape(-1, 2).copy()
    header = np.concatenate([[True], pairs[:-1, 0] == 0])[: len(pairs)]
    loss = pairs[:, 1].view("f4")
    loss[~header & (loss <= 0)] = 0
    return data[:8] + pairs.tobytes()


def cases(seeds, options, *, streams=None, **knobs):
    """A case for each seed and each set of options. Knobs that are lists are drawn from."""
    out = []
    for seed in seeds:
        rng = np.random.default_rng([seed, 2])
        drawn = {
            name: value[int(rng.integers(len(value)))] if type(value) is list else value
            for name, value in knobs.items()
        }
        drawn = {
            "n_items": int(rng.integers(1, 16)),
            "rules": None if drawn.get("stepped") else MIXED,
        } | drawn
        of_stream = {"samples": int(rng.choice(SAMPLES)), "last_terminator": bool(rng.random() < 0.8)} | (
            streams or {}
        )
        by_item, by_aggregate = (make(seed, xref=xref, **drawn) for xref in ("items", "aggregates"))
        losses = stream(seed, by_item, **of_stream)
        stepped = {"stepped": True} if drawn.get("stepped") else {}
        out += [Case(by_item if o["alloc_rule"] else by_aggregate, losses, {**o, **stepped}) for o in options]
    return out


def by_output(data):
    """{(event, output, sidx): loss} of a stream."""
    return {tuple(row.tolist()[:3]): row["loss"] for row in decode(data)[2]}
