"""Small reinsurance programmes for tests, several inuring priorities of them, as the Oasis platform lays them
out.

    portfolio = make(seed, locations=12)
    portfolio.direct                    # a Programme of insurance: items of locations, in accounts of one or
                                        more layers
    portfolio.treaties                  # Programmes of reinsurance, each on the net losses of the one before
    losses = programmes.stream(seed, portfolio.direct)

The outputs of the direct programme are items of the treaties, which keep their ids. Each treaty has three
levels:

    outputs -> by location: in scope (terms that do nothing) or not (a limit of 0) -> the contract's risks ->
    the whole programme

Net losses go out with the highest layer, so fm_xref names that one only (named="highest"), or all of them
(named="all").
"""

from dataclasses import dataclass

import numpy as np

from support.programmes import Programme

IN_SCOPE, OUT_OF_SCOPE, PASSES = 2, 1, 3  # profile ids that every treaty has
UNLIMITED = 1e13


@dataclass
class Portfolio:
    direct: Programme
    treaties: list
    location_of: dict  # by output
    account_of: dict  # by output


def terms(rule, limit=0.0, attachment=0.0, share=1.0, ceded=1.0, placed=1.0):
    """A profile without its id: the calculation rules of reinsurance are 22 to 25."""
    return rule, 0.0, 0.0, 0.0, attachment, limit, share, ceded, placed


def insurance(rng, locations, accounts, layers):
    """Items in locations in accounts, one level of terms by account; outputs of all layers, item by item."""
    location_of = {}
    for location in range(1, locations + 1):
        for _ in range(int(rng.integers(1, 4))):
            location_of[len(location_of) + 1] = location
    account = {location: int(rng.integers(1, accounts + 1)) for location in range(1, locations + 1)}
    used = sorted(set(account.values()))
    account = {location: used.index(of) + 1 for location, of in account.items()}
    height = float(rng.integers(20, 200)) * 100
    profiles = [
        (layer, 2, 0.0, 0.0, 0.0, height * (layer - 1), height, 0.3 + 0.1 * layer, 0.0, 0.0)
        for layer in range(1, layers + 1)
    ]
    n = len(location_of)
    xref = [
        (layers * (item - 1) + layer, item, layer)
        for item in range(1, n + 1)
        for layer in range(1, layers + 1)
    ]
    direct = Programme(
        [(item, 1, account[location]) for item, location in location_of.items()],
        [(1, of, layer, layer) for of in range(1, len(used) + 1) for layer in range(1, layers + 1)],
        profiles,
        xref,
        [float(rng.integers(1, 50)) * 1000 for _ in range(n)],
        list(range(1, n + 1)),
    )
    places = {output: location_of[item] for output, item, _ in xref}
    return direct, places, {output: account[location] for output, location in places.items()}


def treaty(rng, kind, location_of, account_of, layers, named):
    """A Programme of reinsurance on outputs; kinds are in KINDS."""
    places = sorted(set(location_of.values()))
    account = {location_of[output]: of for output, of in account_of.items()}
    scope = (
        {place for place in places if rng.random() < 0.7}
        if kind in ("facultative", "surplus share", "by account")
        else (set() if kind == "empty scope" else set(places))
    )
    by_risk = kind in ("facultative", "surplus share")
    group = {
        place: k if by_risk else account[place] if kind == "by account" else 1
        for k, place in enumerate(places, 1)
    }
    profiles = {OUT_OF_SCOPE: terms(14), IN_SCOPE: (12, *[0.0] * 8), PASSES: (100, *[0.0] * 8)}

    def profile(*values):
        found = [number for number, held in profiles.items() if held == values]
        number = found[0] if found else len(profiles) + 1
        profiles[number] = values
        return number

    programme = (
        [(output, 1, place) for output, place in location_of.items()]
        + [(place, 2, group[place]) for place in places]
        + [(of, 3, 1) for of in sorted(set(group.values()))]
    )
    policytc = []
    for layer in range(1, layers + 1):
        policytc += [(1, place, layer, IN_SCOPE if place in scope else OUT_OF_SCOPE) for place in places]
        for of in sorted(set(group.values())):
            if kind == "facultative":
                risk = terms(
                    24, float(rng.integers(1, 30)) * 500, float(rng.integers(0, 10)) * 200, 1.0, 1.0, 1.0
                )
            elif kind == "surplus share":
                risk = terms(24, UNLIMITED, 0.0, round(float(rng.integers(1, 6)) / 10, 1))
            elif kind == "by account" and layer > 1 + of % layers:
                continue  # layers that differ by aggregate
            elif kind == "by account":
                risk = terms(24, 4000.0 * layer, 1500.0 * layer, 1.0, 0.5, 1.0)
            else:
                risk = (12, *[0.0] * 8)
            policytc.append((2, of, layer, profile(*risk)))
        if kind == "quota share":
            whole = terms(24, UNLIMITED, 0.0, 0.4, 1.0, 0.9)
        elif kind in ("catastrophe", "empty scope"):
            whole = terms(
                24, 3000.0 * layer, 1000.0 + 3000.0 * (layer - 1) * layer / 2, 1.0, 1.0 - 0.1 * layer, 1.0
            )
        else:
            whole = terms(23, UNLIMITED)
        policytc.append((3, 1, layer, profile(*whole)))
    outputs = [
        (output, output, layer)
        for output in sorted(location_of)
        for layer in range(1, layers + 1)
        if named == "all" or layer == layers
    ]
    if named == "all" and layers > 1:  # each layer its own id
        outputs = [(len(location_of) * (layer - 1) + output, output, layer) for _, output, layer in outputs]
    return Programme(
        programme,
        [policytc[k] for k in rng.permutation(len(policytc))],
        [(number, *values) for number, values in profiles.items()],
        outputs,
    )


KINDS = ("facultative", "surplus share", "quota share", "catastrophe", "by account", "empty scope")


def make(seed, kinds=None, *, locations=10, accounts=3, direct_layers=None, layers=None, named="highest"):
    """A Portfolio. kinds: of the treaties in their order, by default three drawn from KINDS. layers: of each
    treaty."""
    rng = np.random.default_rng([seed, 4])
    kinds = [KINDS[k] for k in rng.integers(len(KINDS), size=3)] if kinds is None else kinds
    direct, location_of, account_of = insurance(
        rng, locations, accounts, direct_layers or int(rng.integers(1, 4))
    )
    treaties = [
        treaty(rng, kind, location_of, account_of, layers or int(rng.integers(1, 4)), named) for kind in kinds
    ]
    return Portfolio(direct, treaties, location_of, account_of)
