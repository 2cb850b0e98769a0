"""What a run will take: files that are read, memory at most, disk, and time by measured rates.

Memory is an upper bound of what grows with the run:

- a worker: for each item of an event that touches all of the portfolio, its samples at every stage;
- exceedance curves: 4 bytes for each summary, period with losses, and sample, for OEP and for AEP, and 50
  more for each summary and period; averages: 8 bytes instead of 4.
"""

from __future__ import annotations

from . import schemas
from .console import clock, size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .analysis import Plan
    from .perspectives import Group

NANOSECONDS = 18.0  # of a processor for a record of a stage: measured on a whole run of 340 million
BASE = 120 << 20  # bytes of a process that has loaded Python, NumPy and ktc
VECTORS = 64 << 20  # bytes of random numbers that a gulcalc keeps at most
SPECIAL = 5


class Estimate:
    """files: paths that are read. records: of losses, over all stages, at most. memory: bytes, at most."""

    def __init__(self, files: list[str], records: int, parts: dict[str, int], threads: int) -> None:
        self.files, self.records, self.parts, self.threads = files, records, parts, threads

    @property
    def memory(self) -> int:
        return sum(self.parts.values())

    def lines(self, limit: float | None) -> list[str]:
        """For people."""
        seconds = self.records * NANOSECONDS * 1e-9 / self.threads
        parts = ", ".join(f"{name} {size(count)}" for name, count in self.parts.items())
        held = "" if limit is None else f"; --memory holds it to {size(limit * (1 << 20))}"
        return [
            f"Estimate, if every event touched the whole portfolio: {self.records:,} records of losses,",
            f"  {clock(seconds)} on {self.threads} threads, memory up to {size(self.memory)} ({parts}){held}",
        ]


def estimate(made: Plan, threads: int) -> Estimate:
    """The Estimate of a plan."""
    from .perspectives import Shared

    folder, losses = made.folder, made.losses
    Shared(folder, losses)  # so that every file has been looked at
    events = made.events()
    width = losses.samples + SPECIAL
    items = len(folder.table("items")) // schemas.TABLES["items"].dtype(folder.areaperil_bytes).itemsize
    stages = 1 + losses.insured + len(losses.layers)
    records = len(events) * items * width * stages * (1 + losses.correlated)
    worker = items * width * 8 * stages + VECTORS
    parts: dict[str, int] = {"base": BASE, f"{threads} workers": threads * worker}
    accumulating = [group for group in losses.groups if group.accumulates]
    if accumulating:
        periods = folder.occurrences().number_of_periods
        adding = sum(
            bytes_of(group, summaries_of(made, group), periods, losses.samples) for group in accumulating
        )
        parts["curves and averages"] = adding
    files = sorted({*folder.used})
    return Estimate(files, records, parts, threads)


def bytes_of(group: Group, summaries: int, periods: int, samples: int) -> int:
    """Bytes of the accumulators of a summary set."""
    cells = summaries * periods * (samples + 1)
    rows = summaries * periods * 50
    total = 0
    if any(what in group.files for what in ("ept", "psept")):
        total += 8 * cells + rows
    if any(what.startswith("leccalc") for what in group.files):
        total += 8 * cells + rows
    for whats in (("palt", "alct"), ("aalcalc",)):
        if any(what in group.files for what in whats):
            total += 8 * cells + rows
    return total


def summaries_of(made: Plan, group: Group) -> int:
    """How many summaries a set has."""
    import numpy

    folder = made.folder
    name = "gulsummaryxref" if group.perspective == "gul" else "fmsummaryxref"
    path: Any = None
    if group.perspective in ("ri", "rl"):
        numbers = {layer.number: layer.path for layer in made.losses.layers}
        path = numbers[group.priority] if group.priority is not None else made.losses.layers[-1].path
    records = numpy.frombuffer(folder.table(name, path).tobytes(), schemas.TABLES[name].dtype())
    return int(records["summary_id"][records["summaryset_id"] == group.summary_set].max(initial=0))
