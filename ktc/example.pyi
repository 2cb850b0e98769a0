from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ._core.io import _AreaperilBytes, _Path

PERILS: tuple[str, ...]

@dataclass(frozen=True)
class Example:
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
    folder: _Path,
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
    areaperil: _AreaperilBytes = 4,
    periods: int = 1000,
    weighted_periods: bool = False,
    random_numbers: int = 50_000,
    summaries: Literal["item", "coverage"] = "item",
) -> Example: ...
