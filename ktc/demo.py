"""Make a small catastrophe model with a portfolio in DIR and run its ground-up losses, all in one process.

The model and the portfolio go to DIR/input and DIR/static, in ktools' files; the losses and event loss tables
to DIR/results. DIR/README.txt says what is what, and that the folder is the demo's to overwrite.
"""

from __future__ import annotations

import sys
from pathlib import Path

from .errors import KtcError, OutputError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TextIO

    from ._types import PathLike
    from .example import Example

MARK = "This folder was made by `ktc demo`; run again, it overwrites its files."
README = f"""{MARK}

input/    the portfolio: {{items}} items on {{coverages}} coverages at {{locations}} locations, and what
          to report
static/   the model: {{events}} events on a grid of cells, vulnerability functions, damage bins
results/  portfolio.bin   a summary stream: every sample of every event's loss to the whole portfolio
          elt.csv         its event loss table: mean and standard deviation by event
          elt_lines.csv   the same by line of business

The places and names of the files are those of ktools, and so are the programs. In this folder:

{{lines}}
"""
LARGEST = 10


def shell_lines(samples: int) -> list[str]:
    """Commands to try in the demo's folder; the first one makes results/elt.csv again."""
    return [
        f"eve -n 1 1 | getmodel | gulcalc -S{samples} -a1 -i - | summarycalc -i -1 - | eltcalc > elt.csv",
        f"eve -n 1 1 | getmodel | gulcalc -S{samples} -a1 -i - | gultocsv | head",
        "itemtocsv < input/items.bin | head",
    ]


class Progress:
    """A bar on a terminal, nothing elsewhere."""

    def __init__(self, file: TextIO | None = None) -> None:
        self.file: TextIO = sys.stderr if file is None else file
        self.on = self.file.isatty()

    def __call__(self, done: int, total: int) -> None:
        if self.on:
            part = done / total if total else 1.0
            self.file.write(f"\r  [{'#' * int(30 * part):30}] {done:,} of {total:,} events")
            self.file.flush()

    def clear(self) -> None:
        if self.on:
            self.file.write("\r\033[K")
            self.file.flush()


def claim(folder: Path, force: bool) -> None:
    """Make sure that folder is ours to write into, if it is there."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: there is a file of this name; name a folder")
    if folder.is_dir() and any(folder.iterdir()) and not force:
        try:
            ours = (folder / "README.txt").read_text(errors="replace").startswith(MARK)
        except OSError:
            ours = False
        if not ours:
            raise UsageError(
                f"{folder}: not empty, and not made by `ktc demo`; name another, or --force to write here"
            )


def demo(
    folder: PathLike = "ktc-demo",
    *,
    samples: int = 100,
    progress: Callable[[int, int], object] | None = None,
    force: bool = False,
    **options: Any,
) -> tuple[Example, list[Path]]:
    """Write the example model into folder and run its ground-up losses; returns (Example, paths of the
    results).

    samples: of each item. progress: called with the number of events done and of all. force: write into a
    folder that is neither empty nor a demo's. options: of ktc.example.write_example. Raises UsageError for a
    folder that is not ours to overwrite or an option out of range, OutputError when something cannot be
    written.
    """
    from .chain import Chain, EltCalc, Events, GetModel, GulCalc, SummaryCalc
    from .example import write_example

    if samples < 1:
        raise UsageError(f"samples is {samples}, expected at least 1")
    folder = Path(folder)
    results = [folder / "results" / name for name in ("portfolio.bin", "elt.csv", "elt_lines.csv")]
    try:
        claim(folder, force)
        example = write_example(folder, **options)
        (folder / "results").mkdir(exist_ok=True)
        lines = "\n".join(f"    {line}" for line in shell_lines(samples))
        (folder / "README.txt").write_text(README.format(lines=lines, **vars(example)))
    except OSError as error:
        if isinstance(error, KtcError):
            raise
        raise OutputError(f"{error.filename or folder}: cannot write: {error.strerror}") from None
    Chain(
        Events(in_order=True),
        GetModel(),
        GulCalc(sample_size=samples, alloc_rule=1),
        SummaryCalc({1: [results[0], EltCalc(results[1])], 2: EltCalc(results[2])}),
        root=str(folder),
    ).run(progress)
    return example, results


def largest_events(
    portfolio: PathLike, elt: PathLike, count: int = LARGEST
) -> list[tuple[int, float, float, float]]:
    """The events with the largest mean losses: (event, mean, standard deviation, largest sample), of the
    samples.

    portfolio: a summary stream of one summary. elt: its event loss table.
    """
    from ._core.codec import LossDecoder
    from ._core.frames import read_losses
    from ._core.io import Source
    from .schemas.streams import SUMMARY

    largest: dict[int, float] = {}
    for block in read_losses(LossDecoder(Source(portfolio), (SUMMARY,))):
        samples = block.loss[block.sidx > 0]
        largest[block.event_id] = max(
            largest.get(block.event_id, 0.0), float(samples.max()) if len(samples) else 0.0
        )
    rows = []
    with open(elt) as file:
        for line in file.readlines()[1:]:
            _, type, event, mean, deviation, _ = line.split(",")
            if type == "2":
                rows.append((int(event), float(mean), float(deviation), largest[int(event)]))
    return sorted(rows, key=lambda row: (-row[1], row[0]))[:count]


def size_text(size: int) -> str:
    """Bytes for people."""
    return f"{size:,} B" if size < 10_000 else f"{size / 1024:,.0f} KiB"


def report(folder: PathLike = "ktc-demo", *, samples: int = 100, force: bool = False, **options: Any) -> None:
    """`ktc demo`: demo(), with a bar while it runs, and what it made on standard output. Raises what demo()
    does."""
    import shlex
    import time

    from .console import say

    progress = Progress()
    began = time.perf_counter()
    try:
        example, results = demo(folder, samples=samples, force=force, progress=progress, **options)
    finally:
        progress.clear()
    took = time.perf_counter() - began
    text = [
        f"A made-up country of {example.areaperils:,} areaperils, with a portfolio of {example.locations:,} "
        f"locations,",
        f"{example.items:,} items and {example.tiv / 1e6:,.0f} million insured, was struck by",
        f"{example.events:,} events, {samples:,} samples each: {took:.2f} s.",
        "",
        "Largest events, ground-up loss in thousands:",
        "",
        f"{'event':>8}{'mean':>12}{'std dev':>12}{'largest sample':>17}",
    ]
    for event, *losses in largest_events(results[0], results[1]):
        mean, deviation, most = (f"{loss / 1000:,.0f}" for loss in losses)
        text.append(f"{event:>8}{mean:>12}{deviation:>12}{most:>17}")
    text += ["", f"Files in {example.folder}:", ""]
    for name in (*example.files, *(str(path.relative_to(example.folder)) for path in results), "README.txt"):
        text.append(f"  {name:28}{size_text((example.folder / name).stat().st_size):>12}")
    text += ["", "The same in the shell, with a pipe between the programs:", ""]
    text += [f"  {line}" for line in [f"cd {shlex.quote(str(example.folder))}", *shell_lines(samples)]]
    say("\n".join([*text, ""]))
