"""`ktc run`: what it takes from a command line, and what it shows of a run to people and to programs."""

from __future__ import annotations

import os
import sys
import time

from .analysis import Analysis, Progress, run
from .console import clock, no_idle_threads, say, size
from .errors import UsageError
from .planning import Plan, plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._types import PathLike

UNITS = {"": 1.0, "K": 2.0**-10, "M": 1.0, "G": 2.0**10, "T": 2.0**20}  # MiB
LINES = 5.0  # seconds between lines of progress where there is no bar
RETURN_PERIODS = (100, 250)


def mebibytes(text: str) -> float:
    """4G, 512M or a number of MiB."""
    unit = text[-1:].upper() if text[-1:].isalpha() else ""
    try:
        value = float(text[: len(text) - len(unit)]) * UNITS[unit]
    except (KeyError, ValueError):
        raise UsageError(
            f"the memory is {text!r}, expected a number of MiB, or one with K, M, G or T"
        ) from None
    if not value > 0:
        raise UsageError(f"the memory is {text!r}, expected more than 0")
    return value


def words(text: str | None) -> list[str] | None:
    """A list that has commas between its words."""
    return None if text is None else [word.strip() for word in text.split(",") if word.strip()]


def report(
    folder: PathLike = ".",
    *,
    settings: str | None = None,
    output: str = "output",
    threads: int | None = None,
    memory: str | None = None,
    reports: str | None = None,
    perspectives: str | None = None,
    dry_run: bool = False,
    init: bool = False,
    resume: bool = False,
    progress: str | None = None,
    block_events: int | None = None,
    **options: Any,
) -> int:
    """`ktc run`. Options are those of ktc.run, memory, reports and perspectives as text. The exit status."""
    no_idle_threads()
    if init:
        return write_settings(folder, settings)
    options.update(settings=settings, reports=words(reports), perspectives=words(perspectives))
    limit = None if memory is None else mebibytes(memory)
    if dry_run:
        say(plan_text(plan(folder, **options), output, threads, limit))
        return 0
    show = display(progress)
    began = time.perf_counter()
    try:
        analysis = run(
            folder,
            outputs=output,
            threads=threads,
            memory=limit,
            progress=show,
            resume=resume,
            block_events=block_events,
            **options,
        )
    except BaseException as error:
        show.close()
        if not isinstance(error, Exception):  # Ctrl-C and SIGTERM, which end a script without a word
            print("ktc run: broken off; ktc run --resume goes on with it", file=sys.stderr)
        raise
    finally:
        show.close()
    if progress != "jsonl":
        say(closing_text(analysis, time.perf_counter() - began))
    return 0


def write_settings(folder: PathLike, path: str | None) -> int:
    """A settings file with every key."""
    from .settings import initial

    place = os.path.join(folder, "analysis_settings.json") if path is None else path
    if os.path.exists(place):
        raise UsageError(f"{place}: is there already; name another with --settings")
    from ._core.io import Outputs, write_all

    with Outputs() as outputs:
        write_all(outputs.open(place), initial().encode())
    say(f"{place}: every key that ktc run knows, with its default\n")
    return 0


# --- progress


class Display:
    """Shows nothing."""

    def __call__(self, state: Progress) -> None:
        pass

    def close(self) -> None:
        """Nothing more will come."""


class Lines(Display):
    """A line on standard error now and then."""

    def __init__(self) -> None:
        self.last = time.monotonic()
        self.stage = ""

    def __call__(self, state: Progress) -> None:
        now = time.monotonic()
        if now - self.last < LINES:
            return
        self.last = now
        left = "" if state.left is None else f", {clock(state.left)} left"
        print(
            f"ktc run: {state.stage}: {state.done:,} of {state.total:,} events, {clock(state.seconds)}{left}",
            file=sys.stderr,
            flush=True,
        )


class JsonLines(Display):
    """An object a line on standard output, at each look."""

    def __init__(self) -> None:
        self.last = ("", -1)

    def __call__(self, state: Progress) -> None:
        import json

        if (state.stage, state.done) == self.last:
            return
        self.last = (state.stage, state.done)
        left = None if state.left is None else round(state.left, 3)
        print(
            json.dumps(
                {
                    "stage": state.stage,
                    "events": state.done,
                    "of": state.total,
                    "losses": state.losses,
                    "seconds": round(state.seconds, 3),
                    "left": left,
                }
            ),
            flush=True,
        )


class Bar(Display):
    """A bar on a terminal."""

    def __init__(self, tqdm: Any) -> None:
        self.tqdm, self.bar = tqdm, None

    def __call__(self, state: Progress) -> None:
        if self.bar is None and state.total:
            self.bar = self.tqdm(
                total=state.total, initial=state.done, unit=" events", leave=False, file=sys.stderr
            )
        if self.bar is not None:
            self.bar.set_description(state.stage, refresh=False)
            self.bar.update(state.done - self.bar.n)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None


def display(kind: str | None) -> Display:
    """How progress is shown: bar, lines, jsonl, none; by default a bar on a terminal, if tqdm is installed,
    and lines elsewhere."""
    if kind == "none":
        return Display()
    if kind == "jsonl":
        return JsonLines()
    if kind == "bar" or (kind is None and sys.stderr.isatty()):
        try:
            from tqdm import tqdm
        except ImportError:
            if kind == "bar":
                raise UsageError(
                    "a bar needs tqdm, which is not installed: pip install 'ktc[progress]'"
                ) from None
        else:
            return Bar(tqdm)
    return Lines()


# --- a plan and a result as text


def plan_text(made: Plan, output: str, threads: int | None, memory: float | None) -> str:
    """What --dry-run shows."""
    from .analysis import processors
    from .estimate import estimate
    from .perspectives import Shared
    from .settings import stages

    losses = made.losses
    Shared(made.folder, made.losses)  # so that every file has been read
    found = estimate(made, threads or processors())
    lines = [f"Run directory: {made.folder.root or '.'}", ""]
    lines += [f"  {note}" for note in made.notes] + ([""] if made.notes else [])
    lines += ["Files that are read:"]
    lines += [f"  {path:58}{size(os.path.getsize(path)):>12}" for path in found.files]
    lines += ["", "What is computed:"]
    inner = sorted({file.priority for file in made.files if file.perspective == "ri" and file.priority})
    settings = made.settings._replace(
        alloc_gul=losses.alloc_gul, alloc_il=losses.alloc_il, alloc_ri=losses.alloc_ri, samples=losses.samples
    )
    lines += [
        f"  {line}" for line in stages(settings, len(losses.layers), losses.stepped, inner, losses.montecarlo)
    ]
    lines += ["", f"Reports in {os.path.join(made.folder.root, output)}:"]
    for file in made.files:
        first, *others = file.setting.split(", ")
        lines.append(f"  {file.path:44}{first}{f' and {len(others)} more' if others else ''}")
    lines += ["", *found.lines(memory)]
    return "\n".join([*lines, ""])


def closing_text(analysis: Analysis, seconds: float) -> str:
    """What is shown when a run is done."""
    manifest, made = analysis.manifest, analysis.plan
    losses = made.losses
    lines = [
        f"{manifest['events']:,} events, {losses.samples:,} samples, {len(analysis):,} reports in "
        f"{analysis.output}: {seconds:.2f} s",
        "",
    ]
    if made.notes:
        lines[1:1] = ["", *(f"  {note}" for note in made.notes)]
    figures = key_figures(analysis)
    if figures:
        head = "".join(f"{f'{years}-year loss':>20}" for years in RETURN_PERIODS)
        lines.append(f"{'':24}{'average annual loss':>20}{head}")
        for name, values in figures:
            lines.append(f"{name:24}" + "".join(f"{'-' if v is None else f'{v:,.0f}':>20}" for v in values))
        lines.append("")
    spent = ", ".join(f"{name} {value:.2f} s" for name, value in manifest["seconds"].items())
    lines.append(f"{spent}; {manifest['threads']} threads; peak memory {size(peak_memory())}")
    return "\n".join([*lines, ""])


def peak_memory() -> int:
    """Bytes that this process had at most."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


SMALL = 4 << 20  # bytes of a report that is read again for the closing figures


def key_figures(analysis: Analysis) -> list[tuple[str, list[float | None]]]:
    """Average annual loss and OEP losses of each perspective, of the samples, as far as reports have them; of
    the first summary set that is small enough. Curves are of one summary."""
    found: dict[str, list[float | None]] = {}
    paths = {
        (file.path.rsplit("_S", 1)[0], file.what, file.summary_set): file for file in analysis.plan.files
    }
    for (name, what, _), file in paths.items():
        values = found.setdefault(name, [None] * (1 + len(RETURN_PERIODS)))
        path = os.path.join(analysis.output or "", file.path)
        if what not in ("palt", "ept") or os.path.getsize(path) > SMALL:
            continue
        key = (name, file.summary_set, what)
        if what == "palt" and values[0] is None:
            rows = analysis[key].numpy()
            rows = rows[rows["SampleType"] == (2 if analysis.plan.losses.samples else 1)]
            values[0] = float(rows["MeanLoss"].sum())
        elif what == "ept" and values[1] is None:
            rows = analysis[key].numpy()
            rows = rows[
                (rows["EPCalc"] == (2 if analysis.plan.losses.samples else 1)) & (rows["EPType"] == 1)
            ]
            if len(rows) and rows["SummaryId"].min() == rows["SummaryId"].max():
                for i, years in enumerate(RETURN_PERIODS):
                    values[1 + i] = loss_at(rows, years)
    return list(found.items())


def loss_at(rows: Any, years: float) -> float | None:
    """The loss of a curve at a return period: of the point that has it or the next longer one."""
    reached = rows[rows["ReturnPeriod"] >= years]
    return float(reached["Loss"].min()) if len(reached) else None
