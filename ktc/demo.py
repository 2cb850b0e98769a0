"""Make a small catastrophe model with a portfolio in DIR and run a whole analysis of it: ground-up losses,
insured losses, and what is left of them net of two reinsurance programmes.

The model and the portfolio go to DIR/input and DIR/static, in ktools' files; what to report to
DIR/analysis_settings.json; the reports to DIR/output. DIR/README.txt says what is what, and that the folder
is the demo's to overwrite.
"""

from __future__ import annotations

from pathlib import Path

from .errors import KtcError, OutputError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._types import PathLike
    from .analysis import Analysis, Progress
    from .example import Example

MARK = "This folder was made by `ktc demo`; run again, it overwrites its files."
README = f"""{MARK}

input/    the portfolio: {{items}} items on {{coverages}} coverages at {{locations}} locations, its policies,
          two reinsurance programmes, and the groups to report by
static/   the model: {{events}} events on a grid of cells, vulnerability functions, damage bins
output/   the reports, of ground-up losses (gul), insured losses (il) and losses net of reinsurance (ri), of
          the portfolio (S1) and by line of business (S2):
            palt   average annual losses
            ept    exceedance curves, of the portfolio
            melt   mean and standard deviation of each event's loss
          manifest.json says what was read and written
analysis_settings.json   which reports

The places and names of the files are those of the Oasis platform and of ktools. In this folder, the same
again:

    {{run}}

and the ground-up event losses by ktools' programs, or those of ktc, which have the same names:

    {{pipe}}
"""
LARGEST = 5
RUN = "ktc run --alloc-gul 1"
PERSPECTIVES = {"gul": "ground-up", "il": "insured", "ri": "net of reinsurance"}


def settings_of(samples: int) -> dict[str, Any]:
    """What the demo's analysis_settings.json holds."""
    from .planning import choice_of

    sets = [
        {"id": 1, **choice_of(["alt", "ept", "melt"], years=True)},
        {"id": 2, **choice_of(["alt", "melt"], years=True)},
    ]
    settings: dict[str, Any] = {"number_of_samples": samples}
    for name in PERSPECTIVES:
        settings.update({f"{name}_output": True, f"{name}_summaries": sets})
    return settings


def pipe(samples: int) -> str:
    """The shell's command that makes output/gul_S1_melt.csv again."""
    return f"eve 1 1 | getmodel | gulcalc -S{samples} -a1 -i - | summarycalc -i -1 - | eltcalc -M melt.csv"


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
    progress: Callable[[Progress], object] | None = None,
    force: bool = False,
    **options: Any,
) -> tuple[Example, Analysis]:
    """Write the example model into folder and run its analysis.

    Parameters
    ----------
    folder : str or path, default "ktc-demo"
        Where to put it.
    samples : int, default 100
        Of each item.
    progress : callable, optional
        As of ktc.run.
    force : bool, default False
        Write into a folder that is neither empty nor a demo's.
    **options
        As of ktc.write_example.

    Returns
    -------
    tuple of Example and Analysis
        The model, and the run with its tables.

    Raises
    ------
    UsageError
        The folder is not ours to overwrite, or an option is out of range.
    OutputError
        Something cannot be written.
    """
    import json

    from .analysis import run
    from .example import write_example

    if samples < 1:
        raise UsageError(f"samples is {samples}, expected at least 1")
    folder = Path(folder)
    try:
        claim(folder, force)
        example = write_example(folder, **{"reinsurance": True, **options})
        (folder / "analysis_settings.json").write_text(json.dumps(settings_of(samples), indent=1) + "\n")
        (folder / "README.txt").write_text(README.format(run=RUN, pipe=pipe(samples), **vars(example)))
    except OSError as error:
        if isinstance(error, KtcError):
            raise
        raise OutputError(f"{error.filename or folder}: cannot write: {error.strerror}") from None
    return example, run(folder, alloc_gul=1, progress=progress)


def largest_events(analysis: Analysis, count: int = LARGEST) -> list[tuple[int, list[float]]]:
    """The events with the largest mean ground-up losses to the portfolio: (event, mean loss by
    perspective), of the samples."""
    means: dict[str, dict[int, float]] = {}
    for name in PERSPECTIVES:
        rows = analysis[name, 1, "melt"].numpy()
        rows = rows[rows["SampleType"] == 2]
        means[name] = dict(zip(rows["EventId"].tolist(), rows["MeanLoss"].tolist()))
    largest = sorted(means["gul"], key=lambda event: (-means["gul"][event], event))[:count]
    return [(event, [means[name].get(event, 0.0) for name in PERSPECTIVES]) for event in largest]


def thousands(losses: list[float | None], width: int) -> str:
    """Cells of a table."""
    return "".join(f"{'-' if loss is None else f'{loss / 1000:,.0f}':>{width}}" for loss in losses)


def report(folder: PathLike = "ktc-demo", *, samples: int = 100, force: bool = False, **options: Any) -> None:
    """`ktc demo`: demo(), with progress while it runs, and what came of it on standard output. Raises what
    demo() does."""
    import shlex
    import time

    from .console import say, size
    from .runcommand import RETURN_PERIODS, display, key_figures

    show = display(None)
    began = time.perf_counter()
    try:
        example, analysis = demo(folder, samples=samples, force=force, progress=show, **options)
    finally:
        show.close()
    took = time.perf_counter() - began
    heads = ["average annual loss", *(f"{years}-year loss" for years in RETURN_PERIODS)]
    text = [
        f"A made-up country of {example.areaperils:,} areaperils, with a portfolio of {example.locations:,} "
        f"locations,",
        f"{example.items:,} items and {example.tiv / 1e6:,.0f} million insured, was struck by",
        f"{example.events:,} events, {samples:,} samples each: {took:.2f} s.",
        "",
        "Losses to the portfolio, in thousands:",
        "",
        f"{'':20}" + "".join(f"{head:>21}" for head in heads),
    ]
    for name, losses in key_figures(analysis):
        text.append(f"{PERSPECTIVES[name]:20}" + thousands(losses, 21))
    text += ["", "The largest events, mean losses in thousands:", ""]
    text.append(f"{'event':20}" + "".join(f"{name:>21}" for name in PERSPECTIVES.values()))
    for event, means in largest_events(analysis):
        text.append(f"{event:<20}" + thousands([*means], 21))
    text += ["", f"Files in {example.folder}:", ""]
    for place, what in (("input", "portfolio"), ("static", "model")):
        paths = [example.folder / name for name in example.files if name.startswith(f"{place}/")]
        total = size(sum(path.stat().st_size for path in paths))
        text.append(f"  {place + '/':28}{total:>12}  {what}, {len(paths)} files")
    names = [f"output/{name}" for name in (*(file.path for file in analysis.plan.files), "manifest.json")]
    for name in ("analysis_settings.json", "README.txt", *names):
        text.append(f"  {name:28}{size((example.folder / name).stat().st_size):>12}")
    text += ["", f"The same again: cd {shlex.quote(str(example.folder))}; {RUN}"]
    text += ["The ground-up event losses again, with a pipe between the programs:", "", f"  {pipe(samples)}"]
    say("\n".join([*text, ""]))
