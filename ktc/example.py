"""A small, plausible catastrophe model with a portfolio, made from a seed: the input of `ktc demo`, of the
golden tests and, with larger numbers, of the benchmarks.

    input/   events items coverages gulsummaryxref fmsummaryxref fm_programme fm_policytc fm_profile fm_xref
             occurrence returnperiods quantile [periods]
    static/  footprint.bin footprint.idx (or footprint.bin.z footprint.idx.z) vulnerability damage_bin_dict
             random

The country is a square grid of cells. An event has a centre, a size and a strength, and perhaps an
accompanying peril (a windstorm brings flood, an earthquake brings fire); its intensity falls with the
distance from the centre and varies with the ground of each cell. Locations crowd around cities; each has a
construction, a line of business and two or three coverages, and each coverage one item for every peril that
it is insured against.

The same seed and options give the same bytes on every machine and with every release of NumPy: random bits
come straight from the bit generator, whose output is fixed, and everything computed from them uses only + - *
/ on doubles, which IEEE 754 fixes too (no exp, log or pow, and no sums of floats in an order that a library
may choose). What zlib makes of a compressed footprint is the exception.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .errors import UsageError
from .examplemodel import (
    CONSTRUCTIONS,
    COVERAGES,
    PERILS,
    _damage_bins,
    _Draws,
    _footprint,
    _rounded,
    _vulnerabilities,
    areaperil_id,
    vulnerability_id,
)
from .schemas import TABLES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from io import BufferedWriter
    from typing import Any, Literal, TypeAlias

    import numpy
    from numpy.typing import NDArray

    from ._types import AreaperilBytes, PathLike

    Array: TypeAlias = NDArray[Any]


__all__ = ["Example", "write_example"]

MEDIAN_TIV = (300e3, 2.4e6)  # building, by line of business
SITES_PER_POLICY = 10
RETURN_PERIODS = (5000, 1000, 500, 250, 200, 150, 100, 75, 50, 30, 25, 20, 10, 5, 2)
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)


@dataclass(frozen=True)
class Example:
    """What write_example() made.

    Attributes
    ----------
    folder : pathlib.Path
        Where it is.
    events, locations, coverages, items, areaperils, vulnerabilities : int
        Number of each.
    footprint_rows : int
        Number of rows of the footprint.
    policies : int
        Number of policies.
    periods : int
        Number of periods.
    tiv : float
        Total insured value of the portfolio (currency).
    files : tuple of str
        Paths below the folder, in the order written.
    """

    folder: Path
    events: int
    locations: int
    coverages: int
    items: int
    areaperils: int
    vulnerabilities: int
    footprint_rows: int
    policies: int
    periods: int
    tiv: float
    files: tuple[str, ...]


def write_example(
    folder: PathLike,
    *,
    seed: int = 1,
    events: int = 300,
    locations: int = 100,
    perils: int = 3,
    items_per_coverage: int | None = None,
    grid: int = 16,
    damage_bins: int = 22,
    intensity_bins: int = 20,
    uncertainty: bool = True,
    compress: bool = False,
    areaperil_bytes: AreaperilBytes = 4,
    periods: int = 1000,
    weighted_periods: bool = False,
    random_numbers: int = 50_000,
    summaries: Literal["item", "coverage"] = "item",
    reinsurance: bool = False,
) -> Example:
    """Write an example model into folder/input and folder/static.

    The same seed and options give the same bytes on every machine.

    Parameters
    ----------
    folder : str or path
        Where to write; made if it is missing.
    seed : int, default 1
        0 or more.
    events : int, default 300
        Number of events.
    locations : int, default 100
        Number of locations.
    perils : int, default 3
        The first N of PERILS, 1 to 5.
    items_per_coverage : int, optional
        1 to perils. Default perils.
    grid : int, default 16
        Cells on a side, 2 to 10,000; there are grid * grid * perils areaperils.
    damage_bins : int, default 22
        3 to 200; the first is at damage ratio 0 and the last at 1.
    intensity_bins : int, default 20
        2 to 1000.
    uncertainty : bool, default True
        Several intensity bins per areaperil and event, with probabilities, or one.
    compress : bool, default False
        Write footprint.bin.z and footprint.idx.z, with the uncompressed sizes.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.
    periods : int, default 1000
        Number of periods.
    weighted_periods : bool, default False
        Write input/periods.bin, all weights equal.
    random_numbers : int, default 50,000
        Length of static/random.bin.
    summaries : {"item", "coverage"}, default "item"
        The ids of gulsummaryxref, for `summarycalc -i` or `summarycalc -c`.
    reinsurance : bool, default False
        Write two reinsurance programmes, input/RI_1 and input/RI_2, and input/ri_layers.json.

    Returns
    -------
    Example
        The folder, its sizes and its files.

    Raises
    ------
    UsageError
        An option is out of range.
    OSError
        A file cannot be written (or OutputError, which is one).

    Notes
    -----
    Summary set 1 is the whole portfolio, set 2 the lines of business, set 3 the locations.

    Examples
    --------
    >>> import ktc
    >>> example = ktc.write_example("small", events=10, locations=5)
    >>> example.events, example.locations
    (10, 5)
    """
    if items_per_coverage is None:
        items_per_coverage = perils
    _check(
        seed=(seed, 0, None),
        events=(events, 1, None),
        locations=(locations, 1, None),
        perils=(perils, 1, len(PERILS)),
        items_per_coverage=(items_per_coverage, 1, perils),
        grid=(grid, 2, 10_000),
        damage_bins=(damage_bins, 3, 200),
        intensity_bins=(intensity_bins, 2, 1000),
        periods=(periods, 1, None),
        random_numbers=(random_numbers, 1, None),
    )
    if areaperil_bytes not in (4, 8) or summaries not in ("item", "coverage"):
        raise UsageError("areaperil_bytes must be 4 or 8, and summaries 'item' or 'coverage'")
    out = _Writer(folder, areaperil_bytes)
    bins, middles = _damage_bins(damage_bins)
    out.table("damage_bin_dict", bins)
    out.table("vulnerability", _vulnerabilities(perils, intensity_bins, middles), max_damage_bin=damage_bins)
    rows, strengths = _footprint(out, seed, events, perils, grid, intensity_bins, uncertainty, compress)
    # whole multiples of 2**-24: single precision has them all, and none becomes 1
    out.table("random", [(_Draws(seed, 5)(random_numbers) * 2.0**24).astype(int) * 2.0**-24])

    sites = _sites(seed, locations, grid)
    coverages = _coverages(seed, sites)
    items = _items(sites, coverages, items_per_coverage, grid)
    out.table("events", [range(1, events + 1)])
    out.table("coverages", [coverages["tiv"]])
    out.table("items", items)
    _summaries(out, sites, coverages, items, summaries)
    policies = _terms(out, sites, coverages, items)
    if reinsurance:
        site_of_item = coverages["site"][items[1] - 1]
        tiv = float(coverages["tiv"].sum())
        _reinsurance(out, sites, site_of_item.repeat(LAYERS), tiv)
    _occurrences(out, seed, strengths, periods)
    out.table("returnperiods", [[n for n in RETURN_PERIODS if n <= periods] or [periods]])
    out.table("quantile", [QUANTILES])
    if weighted_periods:
        out.table("periods", [range(1, periods + 1), [1 / periods] * periods])
    return Example(
        folder=out.folder,
        events=events,
        locations=locations,
        coverages=len(coverages["tiv"]),
        items=len(items[0]),
        areaperils=grid * grid * perils,
        vulnerabilities=perils * len(CONSTRUCTIONS) * len(COVERAGES),
        footprint_rows=rows,
        policies=policies,
        periods=periods,
        tiv=float(sum(coverages["tiv"].tolist())),
        files=tuple(out.files),
    )


def _check(**limits: tuple[int, int, int | None]) -> None:
    for name, (value, low, high) in limits.items():
        if value < low or (high is not None and value > high):
            raise UsageError(
                f"{name} is {value}, expected {f'{low} to {high}' if high else f'at least {low}'}"
            )


def _sites(seed: int, count: int, grid: int) -> dict[str, Array]:
    """Each location's cell, construction, line of business (counted from 0)."""
    import numpy

    draw = _Draws(seed, 3)
    cities = 0.1 + 0.8 * draw(5, 2)
    u = draw(8, count)
    city = (u[0] * 5).astype(int)
    inside = u[1] < 0.75
    cells = []
    for axis in (0, 1):
        near = cities[city, axis] + 0.2 * (u[2 + axis] + u[4 + axis] - 1)
        where = numpy.clip(numpy.where(inside, near, u[2 + axis]), 0, 0.999999)
        cells.append((where * grid).astype(int))
    line = (u[6] >= 0.7).astype(int)
    # timber houses, concrete shops
    construction = numpy.minimum((u[7] * 3 + line * 0.8).astype(int), 2)
    return {"cell": cells[1] * grid + cells[0], "construction": construction, "line": line}


def _coverages(seed: int, sites: Mapping[str, Array]) -> dict[str, Array]:
    """Each coverage's location, kind and TIV: building and contents, and of a business also interruption."""
    import numpy

    count = len(sites["line"])
    draw = _Draws(seed, 4)
    # exp(0.7 z) as (1 + 0.7 z / 16)**16
    spread = 1 + 0.7 * draw.normal(count) / 16
    for _ in range(4):
        spread = spread * spread
    u = draw(2, count)
    building = numpy.array(MEDIAN_TIV)[sites["line"]] * spread
    tiv = _rounded(
        numpy.array([building, building * (0.2 + 0.4 * u[0]), building * (0.1 + 0.3 * u[1])]).T, 100.0
    )
    present = numpy.ones((count, 3), bool)
    present[:, 2] = sites["line"] == 1
    site, kind = present.nonzero()
    return {"site": site, "kind": kind, "tiv": numpy.maximum(tiv[site, kind], 1000.0)}


def _items(
    sites: Mapping[str, Array], coverages: Mapping[str, Array], per_coverage: int, grid: int
) -> list[Array]:
    """Columns of items.bin: for each coverage one item per insured peril. The items of a location are one
    group."""
    import numpy

    count = len(coverages["tiv"])
    coverage = numpy.repeat(numpy.arange(count), per_coverage)
    peril = numpy.tile(numpy.arange(per_coverage), count)
    site = coverages["site"][coverage]
    return [
        numpy.arange(1, len(coverage) + 1),
        coverage + 1,
        areaperil_id(peril, sites["cell"][site], grid),
        vulnerability_id(peril, sites["construction"][site], coverages["kind"][coverage]),
        site + 1,
    ]


LAYERS = 2


def _summaries(
    out: _Writer, sites: Mapping[str, Array], coverages: Mapping[str, Array], items: Sequence[Array], by: str
) -> None:
    """gulsummaryxref and fmsummaryxref: set 1 the portfolio, set 2 the lines of business, set 3 the
    locations."""
    import numpy

    site_of_item = coverages["site"][items[1] - 1]
    out.table("gulsummaryxref", _xref(sites, site_of_item if by == "item" else coverages["site"]))
    out.table("fmsummaryxref", _xref(sites, numpy.repeat(site_of_item, LAYERS)))


def _xref(sites: Mapping[str, Array], site: Array) -> list[Array]:
    """The summaries of ids 1, 2, ..., which are of these locations."""
    import numpy

    count = len(site)
    ids = numpy.arange(1, count + 1)
    groups = (numpy.ones(count), _ranks(sites["line"][site]), site + 1)
    return [
        numpy.concatenate(c) for c in zip(*((ids, g, numpy.full(count, n)) for n, g in enumerate(groups, 1)))
    ]


def _reinsurance(out: _Writer, sites: Mapping[str, Array], site_of_output: Array, tiv: float) -> None:
    """Two reinsurance programmes, of inuring priorities 1 and 2, on the outputs of the insured one.

    RI_1, a quota share: 40 % of each line of business, up to a limit of an event (rule 22). RI_2, two layers
    of catastrophe excess of loss on what is left, by event (rule 24), one upon the other.
    """
    import json

    import numpy

    count = len(site_of_output)
    outputs = numpy.arange(1, count + 1)
    line = _ranks(sites["line"][site_of_output])
    lines = int(line.max())
    unit = _rounded(numpy.array([tiv * 0.02]), 1000.0)[0]
    quota = [(1, 22, 0, 0, 0, 0, 2 * unit, 0.4, 1.0, 1.0)]
    excess = [(n, 24, 0, 0, 0, n * unit, n * unit, 1.0, 1.0, 1.0) for n in (1, 2)]
    one = numpy.ones(count)
    for number, group, groups, profiles in ((1, line, lines, quota), (2, one, 1, excess)):
        place = f"RI_{number}"
        layers = len(profiles)
        agg = numpy.repeat(numpy.arange(1, groups + 1), layers)
        layer = numpy.tile(numpy.arange(1, layers + 1), groups)
        out.table("fm_programme", [outputs, one, group], place=place)
        out.table("fm_policytc", [numpy.ones(len(agg)), agg, layer, layer], place=place)
        out.table("fm_profile", list(numpy.array(profiles).T), place=place)
        # as the platform writes it: under the number of the highest layer all of them pay
        out.table("fm_xref", [outputs, outputs, numpy.full(count, layers)], place=place)
        out.table("fmsummaryxref", _xref(sites, site_of_output), place=place)
    levels = {
        str(number): {"inuring_priority": number, "risk_level": "SEL", "directory": f"input/RI_{number}"}
        for number in (1, 2)
    }
    out.files.append("input/ri_layers.json")
    (out.folder / out.files[-1]).write_text(json.dumps(levels, indent=1) + "\n")


def _ranks(values: Array) -> Array:
    """Values renumbered 1, 2, ... without a gap, smallest first."""
    import numpy

    return numpy.unique(values, return_inverse=True)[1].reshape(-1) + 1


def _terms(
    out: _Writer, sites: Mapping[str, Array], coverages: Mapping[str, Array], items: Sequence[Array]
) -> int:
    """The financial structure; returns the number of policies.

    Level 1, coverages: a deductible in percent of TIV (rule 6). Level 2, sites: a deductible and a limit
    (rule 1). Level 3, policies of ten sites each: two layers with attachment, limit and share (rule 2).
    Outputs are items by layer, for the allocation rules 1 and 2 of the financial module.
    """
    import numpy

    covers, count = len(coverages["tiv"]), len(sites["line"])
    policy_of_site = numpy.arange(count) // SITES_PER_POLICY
    policies = int(policy_of_site[-1]) + 1
    line_of_cover = sites["line"][coverages["site"]]
    programme = [
        (items[0], 1, items[1]),
        (numpy.arange(1, covers + 1), 2, coverages["site"] + 1),
        (numpy.arange(1, count + 1), 3, policy_of_site + 1),
    ]
    out.table(
        "fm_programme",
        [
            numpy.concatenate(c)
            for c in zip(*((a, numpy.full(len(a), level), b) for a, level, b in programme))
        ],
    )

    profile: list[tuple[float, ...]] = [
        (1, 6, 0.01, 0, 0, 0, 0),
        (2, 6, 0.02, 0, 0, 0, 0),
        (3, 1, 2_500, 0, 0, 0, 1e6),
        (4, 1, 10_000, 0, 0, 0, 8e6),
    ]
    # of whole hundreds: the sums are exact
    value = numpy.bincount(policy_of_site[coverages["site"]], coverages["tiv"], policies)
    first = _rounded(value * 0.05, 1000.0)
    second = _rounded(value * 0.35, 1000.0)
    for n in range(policies):
        profile.append((5 + 2 * n, 2, 0, 0, 0, 0, first[n], 1.0))
        profile.append((6 + 2 * n, 2, 0, 0, 0, first[n], second[n], 0.6))
    table = numpy.zeros((10, len(profile)))
    for n, row in enumerate(profile):
        table[: len(row), n] = row
    out.table("fm_profile", list(table))

    agg = numpy.arange(1, policies + 1)
    policytc = [
        (1, numpy.arange(1, covers + 1), 1, 1 + line_of_cover),
        (2, numpy.arange(1, count + 1), 1, 3 + sites["line"]),
        (3, agg, 1, 3 + 2 * agg),
        (3, agg, 2, 4 + 2 * agg),
    ]
    out.table(
        "fm_policytc",
        [
            numpy.concatenate(c)
            for c in zip(
                *(
                    (numpy.full(len(a), level), a, numpy.full(len(a), layer), p)
                    for level, a, layer, p in policytc
                )
            )
        ],
    )

    outputs = numpy.arange(len(items[0]) * LAYERS)
    out.table("fm_xref", [outputs + 1, outputs // LAYERS + 1, outputs % LAYERS + 1])
    return policies


def _occurrences(out: _Writer, seed: int, strengths: Array, periods: int) -> None:
    """When the events happen: one in two periods on average, the strong ones seldom."""
    import numpy

    draw = _Draws(seed, 6)
    count = max(1, periods // 2)
    rate = numpy.cumsum(1.25 - strengths)
    u = draw(3, count)
    event = numpy.minimum(numpy.searchsorted(rate, u[0] * rate[-1], side="right"), len(rate) - 1)
    period = (u[1] * periods).astype(int)
    day = (u[2] * 365).astype(int)
    order = numpy.lexsort((event, day, period))
    event, period, day = event[order], period[order], day[order]
    # days since 1 March of year 0, as the occurrence file counts them; a period is the year of its number
    y = period + 1 - (day < 59)
    date = 365 * y + y // 4 - y // 100 + y // 400 + numpy.where(day < 59, day + 306, day - 59)
    out.table("occurrence", [event + 1, period + 1, date], date_options=1, number_of_periods=periods)


# ------------------------------------------------------------------------------------------------------------
# the files


class _Writer:
    """Puts tables where a run looks for them."""

    def __init__(self, folder: PathLike, areaperil_bytes: AreaperilBytes) -> None:
        self.folder = Path(folder)
        self.areaperil_bytes: AreaperilBytes = areaperil_bytes
        self.files: list[str] = []
        for name in ("input", "static"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)

    def dtype(self, name: str) -> numpy.dtype[numpy.void]:
        return TABLES[name].dtype(self.areaperil_bytes)

    def open(self, name: str, suffix: str = "") -> BufferedWriter:
        path = TABLES[name].path + suffix
        self.files.append(path)
        return open(self.folder / path, "wb")

    def table(self, name: str, columns: Sequence[Any], *, place: str | None = None, **header: int) -> None:
        """Write a table from its columns, which stand for the first fields of its records; the other fields
        are 0. place: a folder in input/."""
        import numpy

        from .arrays import write_table

        dtype = self.dtype(name)
        rows = numpy.zeros(len(columns[0]), dtype)
        for field, column in zip(dtype.names or (), columns):
            rows[field] = column
        path = TABLES[name].path
        if place is not None:
            path = f"input/{place}/{Path(path).name}"
            (self.folder / path).parent.mkdir(exist_ok=True)
        self.files.append(path)
        write_table(name, rows, self.folder / self.files[-1], self.areaperil_bytes, **header)
