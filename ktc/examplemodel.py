"""The model of the example (ktc.example): damage bins, vulnerability functions, events and their footprints,
and the random numbers that everything is drawn from."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    import numpy
    from numpy.typing import NDArray

    from .example import _Writer

    Array: TypeAlias = NDArray[Any]


__all__ = ["CONSTRUCTIONS", "COVERAGES", "PERILS", "areaperil_id", "vulnerability_id"]

PERILS: tuple[str, ...] = ("wind", "flood", "earthquake", "fire", "hail")
# What may come with an event of each peril.
COMPANIONS: dict[str, tuple[str, ...]] = {
    "wind": ("flood", "hail"),
    "flood": ("wind",),
    "earthquake": ("fire",),
    "fire": (),
    "hail": ("wind",),
}
# Of eight events: how many have each peril as their main one.
SHARES = {"wind": 3, "flood": 2, "earthquake": 1, "fire": 1, "hail": 1}
CONSTRUCTIONS = ("timber", "masonry", "concrete")
COVERAGES = ("building", "contents", "business interruption")
LINES = ("residential", "commercial")

# Intensity (on a scale of 0 to STRONGEST) at which half of the largest damage is reached, by construction;
# the factor of each peril and of each coverage on it; the largest mean damage ratio by coverage.
HALF_DAMAGE = (0.50, 0.68, 0.86)
PERIL_FACTOR = {"wind": 1.0, "flood": 0.85, "earthquake": 1.1, "fire": 0.7, "hail": 1.35}
COVERAGE_FACTOR = (1.0, 0.9, 0.8)
LARGEST_DAMAGE = (0.92, 0.85, 0.97)
STRONGEST = 1.2
WEAKEST = 0.12  # a footprint leaves out what is weaker
SHAPE = 24  # concentration of the damage distributions: the higher the narrower


class _Draws:
    """Uniform numbers in [0, 1) from a stream of their own: one option does not reshuffle what another
    governs."""

    def __init__(self, seed: int, stream: int) -> None:
        import numpy

        self.bits = numpy.random.PCG64(numpy.random.SeedSequence([seed, stream]))

    def __call__(self, *shape: int) -> NDArray[numpy.float64]:
        import numpy

        count = 1
        for n in shape:
            count *= n
        raw = numpy.atleast_1d(self.bits.random_raw(count)) if count else numpy.zeros(0, numpy.uint64)
        return ((raw >> numpy.uint64(11)).astype(float) * 2.0**-53).reshape(shape)

    def normal(self, count: int) -> Array:
        """Nearly normal: twelve uniform numbers, less six."""
        u = self(12, count)
        total: Array = u[0]
        for row in u[1:]:
            total = total + row
        return total - 6.0


def _rounded(values: Array, unit: float) -> Array:
    """Values to the nearest multiple of unit, halves upwards."""
    import numpy

    rounded: Array = numpy.floor(values / unit + 0.5) * unit
    return rounded


def _units(weights: Array, total: int | Array) -> Array:
    """Share out total whole units over the columns of each row in proportion to weights; the largest gets the
    rest."""
    import numpy

    whole = numpy.cumsum(weights, axis=1)[:, -1:]
    units: Array = numpy.floor(weights / whole * total + 0.5).astype(int)
    largest = units.argmax(axis=1)
    units[numpy.arange(len(units)), largest] += numpy.ravel(total) - units.sum(axis=1)
    return units


# ------------------------------------------------------------------------------------------------------------
# the model


def _damage_bins(count: int) -> tuple[list[Array], Array]:
    """Columns of damage_bin_dict, and the middles of the bins between its ends.

    Points at 0 and 1, growing widths between; in one bin of three the mean is the midpoint (losses are
    interpolated linearly there), in the others it lies below (quadratically).
    """
    import numpy

    inner = count - 2
    t = numpy.arange(inner + 1) / inner
    edges = numpy.floor((0.4 * t + 0.6 * t * t) * 5000 + 0.5) / 5000
    low, high = edges[:-1], edges[1:]
    part = numpy.where(numpy.arange(inner) % 3 == 1, 0.5, 0.46)
    mean = numpy.floor((low + (high - low) * part) * 1e6 + 0.5) / 1e6
    middles = (low + high) / 2

    def whole(first: float, between: Array, last: float) -> Array:
        return numpy.concatenate([[first], between, [last]])

    return [numpy.arange(1, count + 1), whole(0, low, 1), whole(0, high, 1), whole(0, mean, 1)], middles


def _bell(middles: Array) -> Array:
    """Row a: the share of each inner bin in the distribution with density t**a (1-t)**(SHAPE-a) on 0..1.

    Its mean is (a + 1) / (SHAPE + 2).
    """
    import numpy

    up, down = [numpy.ones(len(middles))], [numpy.ones(len(middles))]
    for _ in range(SHAPE):
        up.append(up[-1] * middles)
        down.append(down[-1] * (1 - middles))
    edges = numpy.concatenate([[0.0], (middles[:-1] + middles[1:]) / 2, [1.0]])
    rows = numpy.array([up[a] * down[SHAPE - a] for a in range(SHAPE + 1)]) * (edges[1:] - edges[:-1])
    shares: Array = rows / numpy.cumsum(rows, axis=1)[:, -1:]
    return shares


def vulnerability_id(peril: Any, construction: Any, coverage: Any) -> Any:
    """The vulnerability function of a peril, a construction and a kind of coverage, all counted from 0."""
    return (peril * len(CONSTRUCTIONS) + construction) * len(COVERAGES) + coverage + 1


def _vulnerabilities(perils: int, intensity_bins: int, middles: Array) -> list[Array]:
    """Columns of vulnerability.bin. Probabilities are whole millionths, which six decimals hold, and sum to
    1."""
    import numpy

    bell = _bell(middles)
    intensity = (numpy.arange(intensity_bins) + 0.5) / intensity_bins * STRONGEST
    columns = []
    for peril in range(perils):
        for construction, half in enumerate(HALF_DAMAGE):
            for coverage in range(len(COVERAGES)):
                y = intensity / (half * PERIL_FACTOR[PERILS[peril]] * COVERAGE_FACTOR[coverage])
                y = y * y * y
                damage = LARGEST_DAMAGE[coverage] * y / (1 + y)
                spared = (1 - damage) * (1 - damage)
                none = _rounded(0.9 * spared * spared, 1e-6)
                total = _rounded(0.5 * (damage * damage) * (damage * damage), 1e-6)
                # the mean of what is neither spared nor lost, as a mixture of two neighbouring bells
                a = numpy.clip((damage - total) / (1 - none - total) * (SHAPE + 2) - 1, 0, SHAPE - 1e-9)
                lower = a.astype(int)
                part = (a - lower)[:, None]
                density = (1 - part) * bell[lower] + part * bell[lower + 1]
                ends = numpy.floor(numpy.array([none, total]).T * 1e6 + 0.5).astype(int)
                inner = _units(density, 1_000_000 - ends[:, :1] - ends[:, 1:])
                units = numpy.concatenate([ends[:, :1], inner, ends[:, 1:]], axis=1)
                # from the first damage bin that can happen to the last: ktools wants no gaps between
                reached = numpy.cumsum(units, axis=1)
                row, bin_ = ((reached > 0) & (reached - units < 1_000_000)).nonzero()
                which = vulnerability_id(peril, construction, coverage)
                columns.append((numpy.full(len(row), which), row + 1, bin_ + 1, units[row, bin_] / 1e6))
    return [numpy.concatenate(c) for c in zip(*columns)]


def areaperil_id(peril: Any, cell: Any, grid: int) -> Any:
    """The areaperil of a peril in a cell, both counted from 0."""
    return peril * grid * grid + cell + 1


def _footprint(
    out: _Writer,
    seed: int,
    events: int,
    perils: int,
    grid: int,
    intensity_bins: int,
    uncertainty: bool,
    compress: bool,
) -> tuple[int, Array]:
    """Write footprint and index; returns the number of rows and each event's strength, 0.3 to 1.2."""
    import zlib

    import numpy

    draw = _Draws(seed, 1)
    ground = 0.85 + 0.3 * _Draws(seed, 2)(perils, grid * grid)
    names = PERILS[:perils]
    shares = [n for i, name in enumerate(names) for n in [i] * SHARES[name]]
    along, across = numpy.arange(grid * grid) % grid + 0.5, numpy.arange(grid * grid) // grid + 0.5
    reach = int(1 + intensity_bins * 0.05)
    strengths = numpy.zeros(events)
    dtype = out.dtype("footprint")
    rows, offset = 0, 8
    index: list[tuple[int, int, int, int]] = []
    with out.open("footprint", ".z" if compress else "") as file:
        file.write(
            numpy.array([intensity_bins, (1 if uncertainty else 0) | (2 if compress else 0)], "<i4").tobytes()
        )
        for event in range(events):
            u = draw(16)
            main = shares[int(u[0] * len(shares))]
            strength = strengths[event] = 0.3 + 0.9 * u[1] * u[1] * u[1]
            struck = [(main, strength, u[2] * grid, u[3] * grid)]
            for i, name in enumerate(COMPANIONS[names[main]]):
                if name in names and u[4 + i] < 0.6:
                    struck.append(
                        (
                            names.index(name),
                            strength * (0.5 + 0.45 * u[6 + i]),
                            (u[2] + 0.2 * (u[8] - 0.5)) * grid,
                            (u[3] + 0.2 * (u[9] - 0.5)) * grid,
                        )
                    )
            # size of an ellipse whose axis points anywhere: (1 - t*t, 2t) / (1 + t*t) is a unit vector for
            # any t
            radius, t = grid * (0.06 + 0.14 * u[10]), 2 * u[11] - 1
            c, s = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
            longer = 1 + 1.5 * u[12]
            parts = []
            for peril, peak, x, y in sorted(struck):
                p = ((along - x) * c + (across - y) * s) / (radius * longer)
                q = ((across - y) * c - (along - x) * s) / radius
                intensity = peak * ground[peril] / (1 + (p * p + q * q))
                if not (intensity >= WEAKEST).any():
                    intensity[int(intensity.argmax())] = WEAKEST
                cell = (intensity >= WEAKEST).nonzero()[0]
                place = intensity[cell] / STRONGEST * intensity_bins
                middle = numpy.clip(place.astype(int), 0, intensity_bins - 1)
                if uncertainty:
                    near = middle[:, None] + numpy.arange(-reach, reach + 1)
                    far = near + 0.5 - place[:, None]
                    weight = numpy.maximum(0.0, 1.0 - numpy.maximum(far, -far) / (reach + 0.25))
                    weight[(near < 0) | (near >= intensity_bins)] = 0.0
                    weight[:, reach] = numpy.maximum(weight[:, reach], 0.05)
                    units = _units(weight, 1000)
                    row, column = units.nonzero()
                    part = numpy.empty(len(row), dtype)
                    part["areaperil_id"] = areaperil_id(peril, cell[row], grid)
                    part["intensity_bin_id"] = near[row, column] + 1
                    part["probability"] = units[row, column] / 1000
                else:
                    part = numpy.empty(len(cell), dtype)
                    part["areaperil_id"] = areaperil_id(peril, cell, grid)
                    part["intensity_bin_id"] = middle + 1
                    part["probability"] = 1
                parts.append(part)
            records = numpy.concatenate(parts)
            data = records.tobytes()
            packed = zlib.compress(data) if compress else data
            file.write(packed)
            index.append((event + 1, offset, len(packed), len(data)))
            offset += len(packed)
            rows += len(records)
    out.table("footprint_index_sized" if compress else "footprint_index", list(zip(*index)))
    return rows, strengths
