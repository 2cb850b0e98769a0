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

    from .perspectives import Group
    from .planning import Plan

NANOSECONDS = 18.0  # of a processor for a record of a stage: measured on a whole run of 340 million
BASE = 120 << 20  # bytes of a process that has loaded Python, NumPy and ktc
VECTORS = 64 << 20  # bytes of random numbers that a gulcalc keeps at most
SPECIAL = 5
LINE = 60  # bytes of a line of csv, roughly: keys and six decimals
LOSS = 8  # bytes of a loss in a spool
CURVES = 8  # of an EPT: four calculations, for largest losses and sums, with as many tails
QUANTILES = 6


class Estimate:
    """files: paths that are read. records: of losses, over all stages, at most. parts: bytes at most, of what
    memory goes to. shares: by name of a group, how its accumulators' memory compares with that of others.
    least: bytes without which the run cannot be done. disk: bytes of reports, and of spools until they are
    whole."""

    def __init__(
        self,
        files: list[str],
        records: int,
        parts: dict[str, int],
        shares: dict[str, int],
        least: int,
        threads: int,
        disk: int,
    ) -> None:
        self.files, self.records, self.parts, self.shares = files, records, parts, shares
        self.least, self.threads, self.disk = least, threads, disk

    @property
    def memory(self) -> int:
        """Bytes at most."""
        return sum(self.parts.values())

    def lines(self, limit: float | None) -> list[str]:
        """For people. limit: MiB."""
        seconds = self.records * NANOSECONDS * 1e-9 / self.threads
        parts = ", ".join(f"{name} {size(count)}" for name, count in self.parts.items())
        held = "" if limit is None else f"; --memory holds it to {size(limit * (1 << 20))}"
        return [
            f"Estimate, if every event touched the whole portfolio: {self.records:,} records of losses,",
            f"  {clock(seconds)} on {self.threads} threads,"
            f" memory up to {size(self.memory)} ({parts}){held},",
            f"  disk up to {size(self.disk)}, reports and what is kept until they are whole",
        ]


def estimate(made: Plan, threads: int) -> Estimate:
    """The Estimate of a plan."""
    folder, losses = made.folder, made.losses
    events = made.events()
    width = losses.samples + SPECIAL
    items = len(folder.table("items")) // schemas.TABLES["items"].dtype(folder.areaperil_bytes).itemsize
    stages = 1 + losses.insured + len(losses.layers)
    records = len(events) * items * width * stages * (1 + losses.correlated)
    workers = threads * (items * width * 8 * stages + VECTORS)
    parts: dict[str, int] = {"base": BASE, f"{threads} workers": workers}
    shares: dict[str, int] = {}
    least, disk = BASE + threads * VECTORS // 4, 0
    for group in losses.groups:
        summaries = summaries_of(made, group)
        disk += summaries * disk_of(made, group, len(events))
        if group.accumulates:
            one = bytes_of(group, folder.occurrences().number_of_periods, losses.samples)
            shares[group.name] = summaries * one
            least += one
    if shares:
        parts["curves and averages"] = sum(shares.values())
    return Estimate(sorted(folder.used), records, parts, shares, least, threads, disk)


def disk_of(made: Plan, group: Group, events: int) -> int:
    """Bytes of the reports of one summary of a set, and of its spools, if every event has a loss of it."""
    samples = made.losses.samples
    rows = {"selt": samples + 1, "summarycalc": samples + 1, "qelt": QUANTILES, "melt": 2, "eltcalc": 2}
    dated = {"splt": samples + 1, "qplt": QUANTILES, "mplt": 2, "pltcalc": 2}
    total = sum(count * events for what, count in rows.items() if what in group.files)
    if any(what in group.files for what in dated):
        periods = made.folder.occurrences().number_of_periods
        total += sum(count * periods for what, count in dated.items() if what in group.files)
    if group.accumulates:
        periods, chosen = made.folder.occurrences().number_of_periods, made.chosen(group)
        years = len(made.folder.table("returnperiods")) // 4 if chosen.return_period_file else periods
        total += years * CURVES * ("ept" in group.files) + years * CURVES * samples * ("psept" in group.files)
        total += periods * sum(what.startswith("leccalc") for what in group.files)
        total += events * (samples + 2) * LOSS // LINE
    return total * LINE


def bytes_of(group: Group, periods: int, samples: int) -> int:
    """Bytes of the accumulators of one summary of a set, if it has losses in every period."""
    return kernels_of(group) * periods * (8 * (samples + 1) + 50)


def kernels_of(group: Group) -> int:
    """How many accumulators of a set keep losses by period."""
    curves = any(what in group.files for what in ("ept", "psept"))
    legacy = any(what.startswith("leccalc") for what in group.files)
    averages = sum(what in group.files for what in ("palt", "aalcalc"))
    return curves + legacy + averages


def summaries_of(made: Plan, group: Group) -> int:
    """How many summaries a set has."""
    name = "gulsummaryxref" if group.perspective == "gul" else "fmsummaryxref"
    path: Any = None
    if group.perspective in ("ri", "rl"):
        numbers = {layer.number: layer.path for layer in made.losses.layers}
        path = numbers[group.priority] if group.priority is not None else made.losses.layers[-1].path
    records = made.folder.records(name, path)
    return int(records["summary_id"][records["summaryset_id"] == group.summary_set].max(initial=0))
