"""What a run will do: its settings held against the files that there are, made into a Plan.

Nothing is worked out here. What `input/` lacks is chosen by the settings, what is asked for and cannot be
done is refused, and what a reader should know is noted.
"""

from __future__ import annotations

import os
import re

from .errors import InputError, UsageError
from .rundir import QUANTILES, RunFolder, bytes_of_ids, chosen_file
from .schemas.settings import MONTE_CARLO, OPTIONS, ORD, PERSPECTIVES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Literal

    import numpy as np
    from numpy.typing import NDArray

    from ._types import AreaperilBytes, PathLike
    from .perspectives import Group, Losses, MonteCarlo
    from .rundir import Layer
    from .settings import OutputFile, Settings


__all__ = ["Plan", "choice_of", "plan"]

MISSING = "missing"


class Plan:
    """What a run will do: made by plan(), carried out by run().

    Attributes
    ----------
    folder : RunFolder
        The run directory.
    settings : Settings
        What is asked for.
    files : list of OutputFile
        The reports, with the settings that ask for them.
    losses : Losses
        What is worked out.
    notes : list of str
        What a reader should know: defaults that were taken, what is left out.
    """

    def __init__(
        self, folder: RunFolder, settings: Settings, files: list[OutputFile], losses: Losses, notes: list[str]
    ) -> None:
        self.folder, self.settings, self.files, self.losses, self.notes = (
            folder,
            settings,
            files,
            losses,
            notes,
        )

    def chosen(self, group: Group) -> Any:
        """The summary set of a group, as the settings have it."""
        for each in self.settings.perspectives[group.perspective]:
            if each.id == group.summary_set:
                return each
        raise KeyError(group)

    def events(self) -> NDArray[np.int32]:
        """The events in their order."""
        import numpy

        from ._core.eve import Eve

        return numpy.frombuffer(Eve(self.folder.table("events"), 1, 1, "none").ids(), numpy.int32)


def plan(
    folder: PathLike = ".",
    *,
    settings: Mapping[str, Any] | PathLike | None = None,
    samples: int | None = None,
    reports: Sequence[str] | None = None,
    perspectives: Sequence[str] | None = None,
    alloc_gul: int | None = None,
    alloc_il: int | None = None,
    alloc_ri: int | None = None,
    ri_zeros: bool = False,
    skip_missing: bool = False,
    skip_unsupported: bool = False,
    kernel: Literal["gulmc", "ktools"] | None = None,
    input: PathLike | None = None,
    static: PathLike | None = None,
    areaperil_bytes: AreaperilBytes = 4,
    exact: bool = False,
    rows: bool = False,
) -> Plan:
    """What ktc.run would do, by its settings and the files that there are. Nothing is worked out.

    Parameters
    ----------
    folder : str or path, default "."
        The run directory.
    settings : mapping, str or path, optional
        Settings, or a file of them, instead of analysis_settings.json in `folder` or its input/.
    samples : int, optional
        Samples of each item, instead of the settings'.
    reports : sequence of str, optional
        Reports of every summary set, instead of the settings': "ept", "alt", "melt" and so on.
    perspectives : sequence of {"gul", "il", "ri", "rl"}, optional
        Instead of the settings'.
    alloc_gul, alloc_il, alloc_ri : {0, 1, 2, 3}, optional
        Allocation rules; by default those of the settings, or 0, 2 and 3.
    ri_zeros : bool, default False
        Report reinsured losses of 0, too.
    skip_missing : bool, default False
        Leave out perspectives whose tables or reports are missing, instead of an error.
    skip_unsupported : bool, default False
        Leave out what is asked for and not done, instead of an error.
    kernel : {"gulmc", "ktools"}, optional
        How ground-up losses are drawn: by full Monte Carlo (gulmc), or from effective damage (getmodel and
        gulcalc). By default what the settings say, or what the platform's own script in `folder` calls, or
        "ktools".
    input, static : str or path, optional
        Other folders than folder/input and folder/static.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.
    exact : bool, default False
        Double arithmetic, in every digit.
    rows : bool, default False
        Reports by event as tables in memory, as for ktc.run without outputs.

    Returns
    -------
    Plan
        The reports and what they need.

    Raises
    ------
    UsageError
        Settings or arguments that cannot be done.
    InputError
        A file is missing or cannot be read.
    DataError
        A file is wrong.

    Examples
    --------
    >>> import ktc.planning
    >>> made = ktc.planning.plan(".", reports=["alt"], perspectives=["gul"])
    >>> [file.path for file in made.files][:2]
    ['gul_S1_palt.csv', 'gul_S2_palt.csv']
    """
    from .perspectives import Group, Losses
    from .settings import Settings, outputs

    found = RunFolder(folder, input=input, static=static, areaperil_bytes=areaperil_bytes)
    if not os.path.isdir(found.folders["input"]):
        raise InputError(
            f"{found.folders['input']}: not a folder; expected a run directory, which has input/ and static/"
        )
    notes: list[str] = []
    asked = asked_for(found, settings, samples, reports, perspectives, notes)
    wanted = Settings.of(asked)
    montecarlo = montecarlo_of(found, wanted, kernel, notes)
    refuse(wanted, montecarlo is not None, skip_missing, skip_unsupported, notes)
    if montecarlo is not None and wanted.full_correlation:
        notes.append("left out: full_correlation, which is of ktools' kernel")
        wanted = wanted._replace(full_correlation=False)
    layers = layers_of(found, wanted)
    wanted = without_missing(found, wanted, layers, skip_missing, notes)
    choose_tables(found, wanted, notes)
    inner = inner_priorities(found, wanted, layers, notes)
    files = outputs(wanted, inner, len(layers))
    if not files:
        raise UsageError("the settings ask for no report of any perspective")
    groups: dict[tuple[Any, ...], Group] = {}
    for file in files:
        key = file.correlated, file.perspective, file.priority, file.summary_set
        groups.setdefault(key, Group(*key, {})).files[file.what] = file
    reinsured = {"ri", "rl"} & set(wanted.perspectives)
    for name, rule in (("gul", alloc_gul), ("il", alloc_il), ("ri", alloc_ri)):
        if rule is not None and not 0 <= rule <= 3:
            raise UsageError(f"the allocation rule of {name} is {rule}, expected 0 to 3")
    losses = Losses(
        groups=tuple(groups.values()),
        layers=tuple(layers) if reinsured else (),
        insured=bool(reinsured or "il" in wanted.perspectives),
        samples=wanted.samples if wanted.samples is not None else 0,
        threshold=wanted.threshold,
        alloc_gul=first_of(alloc_gul, wanted.alloc_gul, 0),
        alloc_il=first_of(alloc_il, wanted.alloc_il, 2),
        alloc_ri=first_of(alloc_ri, wanted.alloc_ri, 3),
        random_file=wanted.random_file,
        correlated=wanted.full_correlation,
        amplified=amplified(wanted),
        stepped=found.stepped(),
        zeros=ri_zeros,
        rows=rows,
        exact=exact,
        montecarlo=montecarlo,
    )
    return Plan(found, wanted, files, losses, notes)


def first_of(*values: int | None) -> int:
    """The first that is given."""
    return next(value for value in values if value is not None)


def amplified(settings: Settings) -> tuple[float, float] | None:
    """The relative and the absolute factor of post-loss amplification, if it is asked for."""
    if not settings.pla:
        return None
    if settings.pla_uniform_factor > 0:
        return 1.0, settings.pla_uniform_factor
    return settings.pla_secondary_factor, 0.0


def asked_for(
    folder: RunFolder,
    settings: Mapping[str, Any] | PathLike | None,
    samples: int | None,
    reports: Sequence[str] | None,
    perspectives: Sequence[str] | None,
    notes: list[str],
) -> dict[str, Any]:
    """The settings as they stand in a file, with what arguments say instead."""
    from .settings import read_settings

    asked: dict[str, Any]
    path: PathLike | None = None
    if settings is None:
        for place in (folder.root, folder.folders["input"]):
            if os.path.exists(os.path.join(place, "analysis_settings.json")):
                path = os.path.join(place, "analysis_settings.json")
                break
    elif isinstance(settings, (str, os.PathLike)):
        path = settings
    if path is not None:
        model = os.path.join(folder.folders["static"], "model_settings.json")
        asked = dict(read_settings(path, model if os.path.exists(model) else None))
    elif settings is not None:
        asked = dict(settings)  # type: ignore[arg-type]
        asked = asked.get("analysis_settings", asked)
    else:
        asked = {}
    if not asked or (reports is None) is False or perspectives is not None:
        asked = with_choice(folder, asked, reports, perspectives, notes)
    if samples is not None:
        asked["number_of_samples"] = samples
    elif asked.get("number_of_samples") is None:
        asked["number_of_samples"] = 10
        notes.append("no number of samples is given: 10")
    return asked


# What reports are called on the command line: as their files, but for alt; alct comes beside it
REPORTS = (
    *("ept", "psept", "alt", "alct", "altmeanonly", "melt", "qelt", "selt", "mplt", "qplt", "splt"),
    *("eltcalc", "pltcalc", "summarycalc", "aalcalc", "aalcalcmeanonly"),
)
FILES_OF = {"alt": ("palt",), "alct": ("palt", "alct")}
DEFAULT_REPORTS = ("alt", "ept", "melt")


def with_choice(
    folder: RunFolder,
    asked: dict[str, Any],
    reports: Sequence[str] | None,
    perspectives: Sequence[str] | None,
    notes: list[str],
) -> dict[str, Any]:
    """Settings with the perspectives and reports of the command line, or, of a folder without settings, with
    what makes sense there."""
    known = tuple(PERSPECTIVES)
    for each in perspectives or ():
        if each not in known:
            raise UsageError(f"the perspective is {each!r}, expected one of {', '.join(known)}")
    if perspectives is None:
        perspectives = [name for name in known if asked.get(f"{name}_output")]
    if not perspectives:
        perspectives = ["gul"]
        if folder.there("fm_programme") and folder.there("fmsummaryxref"):
            perspectives.append("il")
            if os.path.exists(os.path.join(folder.folders["input"], "RI_1")) or folder.layer_path(1):
                perspectives.append("ri")
    if reports is None and not asked:
        reports = DEFAULT_REPORTS
    asked = dict(asked)
    sets: dict[str, list[Any]] = {}
    if not asked or reports is not None:
        sets = {name: summary_sets(folder, name) for name in perspectives}
    years = folder.there("returnperiods")
    for name in known:
        asked[f"{name}_output"] = name in perspectives
        if name in perspectives and reports is not None:
            ids = [each.get("id") for each in asked.get(f"{name}_summaries") or ()] or sets[name]
            asked[f"{name}_summaries"] = [{"id": id, **choice_of(reports, years)} for id in ids]
    notes.append(
        f"{', '.join(perspectives)}"
        + (f": {', '.join(reports)} of every summary set" if reports is not None else "")
    )
    return asked


def choice_of(reports: Sequence[str], years: bool) -> dict[str, Any]:
    """The options of a summary set that ask for these reports.

    Parameters
    ----------
    reports : sequence of str
        "ept", "alt", "melt" and so on.
    years : bool
        Whether curves are read off at return periods.

    Returns
    -------
    dict
        Keys of a summary set, as in analysis_settings.json.
    """
    chosen: dict[str, Any] = {"ord_output": {"return_period_file": years}}
    for each in reports:
        if each not in REPORTS:
            raise UsageError(f"there is no report {each!r}, expected of {', '.join(REPORTS)}")
        for option in OPTIONS:
            if option.what in FILES_OF.get(each, (each,)):
                (chosen["ord_output"] if option.place == ORD else chosen)[option.name] = True
    return chosen


def summary_sets(folder: RunFolder, perspective: str) -> list[int]:
    """The summary sets that the tables of a perspective know."""
    name = "gulsummaryxref" if perspective == "gul" else "fmsummaryxref"
    path: str | None = None
    if perspective in ("ri", "rl"):
        paths = [layer.path for layer in folder.layers() if folder.there(name, layer.path)]
        path = paths[-1] if paths else ""
    if not folder.there(name, path):
        return []
    return sorted(set(folder.records(name, path)["summaryset_id"].tolist()))


def montecarlo_of(
    folder: RunFolder, settings: Settings, kernel: str | None, notes: list[str]
) -> MonteCarlo | None:
    """How gulmc draws ground-up losses, or None for ktools' kernel; what decides is noted."""
    from .perspectives import MonteCarlo

    asked = settings.gulmc
    if kernel is not None:
        if kernel not in ("gulmc", "ktools"):
            raise UsageError(f"the kernel is {kernel!r}, expected gulmc or ktools")
        full, why = kernel == "gulmc", "asked for"
    elif asked is not None:
        full, why = asked, "computation_settings.gulmc"
    else:
        full, why = script_of(folder.root)
    if full or why:
        notes.append(f"ground-up losses by {'gulmc' if full else 'getmodel and gulcalc'}: {why}")
    if not full:
        return None
    return MonteCarlo(
        settings.random_generator,
        settings.effective_damageability,
        settings.dynamic_footprint,
        settings.peril_filter,
        settings.vulnerability_adjustments,
    )


def script_of(root: PathLike) -> tuple[bool, str]:
    """Whether the platform's own script in a run directory calls gulmc, and which script that is: "" for
    none."""
    for name in ("run_kernel.sh", "run_ktools.sh"):
        try:
            with open(os.path.join(root, name), encoding="utf-8", errors="replace") as file:
                words = file.read()
        except OSError:
            continue
        if "gulmc" in words or "gulcalc" in words:
            full = re.search(r"(?m)^[^#\n]*\bgulmc\b(?!_)", without_lists(words)) is not None
            return full, name
    return False, ""


def without_lists(script: str) -> str:
    """A script without its lists of programs, which name all that there are."""
    return "\n".join(line for line in script.splitlines() if "proc_list" not in line)


def refuse(
    settings: Settings, full: bool, skip_missing: bool, skip_unsupported: bool, notes: list[str]
) -> None:
    """Errors for what is asked for and not done here, unless it is to be skipped. full: gulmc's kernel."""
    for problem in settings.problems:
        text = f"{problem.key}: {problem.why}"
        if problem.kind == MONTE_CARLO and full:
            continue
        if problem.kind in ("unsupported", MONTE_CARLO) and not skip_unsupported:
            raise UsageError(f"{text}; --skip-unsupported goes on without it")
        if problem.kind == MISSING and not skip_missing:
            raise UsageError(f"{text}; --skip-missing goes on without it")
        if problem.kind != "unknown":
            notes.append(f"left out: {text}")
        else:
            notes.append(f"not known: {text}")
    if folder_program := custom_program(settings):
        raise UsageError(
            f"{folder_program} is on PATH, which the platform would run instead of getmodel and gulcalc; "
            "ktc run cannot: pipe its losses through ktc's scripts"
        )


def custom_program(settings: Settings) -> str | None:
    """A supplier's own gulcalc, if there is one."""
    import shutil

    if not settings.supplier or not settings.model_name:
        return None
    name = f"{settings.supplier}_{settings.model_name}_gulcalc"
    return name if shutil.which(name) else None


def layers_of(folder: RunFolder, settings: Settings) -> list[Layer]:
    """The reinsurance programmes, where losses of them are asked for."""
    if not {"ri", "rl"} & set(settings.perspectives):
        return []
    return folder.layers()


def without_missing(
    folder: RunFolder, settings: Settings, layers: list[Layer], skip: bool, notes: list[str]
) -> Settings:
    """The settings without the perspectives whose tables are not there: an error unless they are to be
    skipped."""
    programme = [name for name in ("fm_programme", "fm_policytc") if not folder.there(name)]
    if not any(folder.there(name) for name in ("fm_profile", "fm_profile_step")):
        programme.append("fm_profile")
    kept = dict(settings.perspectives)
    for name in list(kept):
        lacks: list[str] = []
        if name != "gul":
            lacks += [os.path.basename(folder.path(table)) for table in programme]
        if name in ("ri", "rl") and not layers:
            lacks.append("RI_1")
        xref = "gulsummaryxref" if name == "gul" else "fmsummaryxref"
        if name in ("gul", "il") and not folder.there(xref):
            lacks.append(f"{xref}.bin")
        if not lacks:
            continue
        text = f"{name}_output is asked for, but there is no {', '.join(lacks)} in {folder.folders['input']}"
        if not skip:
            raise InputError(f"{text}; --skip-missing goes on without it")
        notes.append(f"left out: {text}")
        del kept[name]
    if not kept:
        raise UsageError(
            "no perspective is left: expected gul_output, il_output, ri_output or rl_output with summaries"
        )
    return settings._replace(perspectives=kept)


def inner_priorities(
    folder: RunFolder, settings: Settings, layers: list[Layer], notes: list[str]
) -> list[int]:
    """After which reinsurance programmes (RI_n) net losses are reported, too."""
    import json

    if "ri" not in settings.perspectives or not settings.inuring_priorities:
        return []
    path = os.path.join(folder.folders["input"], "ri_inuring_priority_output_levels.json")
    numbers = {layer.number for layer in layers}
    levels: dict[int, int] = {}
    if os.path.exists(path):
        with open(path) as file:
            levels = {int(key): int(value) for key, value in json.load(file).items()}
    found: list[int] = []
    for priority in settings.inuring_priorities:
        number = levels.get(priority) if levels else priority
        if number is None or number not in numbers:
            known = sorted(levels or numbers)
            raise UsageError(
                f"ri_inuring_priorities has {priority}, expected of {', '.join(map(str, known))}"
            )
        if levels:
            notes.append(f"inuring priority {priority} ends with RI_{number}")
        if number < len(layers):
            found.append(number)
    return sorted(set(found))


def choose_tables(folder: RunFolder, settings: Settings, notes: list[str]) -> None:
    """Choose what input/ lacks, by the settings."""
    for asked, table, keys in (
        (settings.event_ids or settings.event_set, "events", "event_ids, event_ranges and event_set"),
        (settings.return_periods, "returnperiods", "return_periods"),
        (settings.quantiles, "quantile", "quantiles"),
    ):
        if asked and folder.there(table):
            notes.append(f"{folder.path(table)} is used as it is, not {keys}")
    if settings.event_ids is not None:
        folder.choose("events", "event_ids and event_ranges", bytes_of_ids(settings.event_ids))
    chosen_file(folder, "events", settings.event_set, "model_settings.event_set")
    chosen_file(folder, "occurrence", settings.occurrence_id, "model_settings.event_occurrence_id")
    chosen_file(folder, "periods", None, "")
    if settings.return_periods:
        content = bytes_of_ids(sorted(settings.return_periods, reverse=True))
        folder.choose("returnperiods", "return_periods", content)
    chosen_file(folder, "returnperiods", None, "")
    import array

    if settings.quantiles:
        folder.choose("quantile", "quantiles", array.array("f", sorted(settings.quantiles)).tobytes())
    chosen_file(folder, "quantile", None, "")
    folder.choose("quantile", "default quantiles", array.array("f", QUANTILES).tobytes())
    model = "model_settings."
    if settings.event_rates_set and not os.path.exists(folder.event_rates()):
        folder.choose_set(
            "event_rates", ("event_rates",), settings.event_rates_set, model + "event_rates_set"
        )
    if settings.footprint_set:
        folder.choose_set(
            "footprint", ("footprint", "footprint_index"), settings.footprint_set, model + "footprint_set"
        )
    if settings.vulnerability_set:
        folder.choose_set(
            "vulnerability",
            ("vulnerability", "vulnerability_index"),
            settings.vulnerability_set,
            model + "vulnerability_set",
        )
    if settings.loss_factors_set:
        folder.choose_set(
            "lossfactors", ("lossfactors",), settings.loss_factors_set, model + "pla_loss_factors_set"
        )
