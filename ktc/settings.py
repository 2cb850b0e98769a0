"""What an analysis is asked for: analysis_settings.json, read, checked, and made into a list of reports.

The keys are in ktc.schemas.settings. A file has them at its top or below the key analysis_settings. Where
there is a model_settings.json, its keys of the same names come first and the analysis settings win.
"""

from __future__ import annotations

import json
import os
from typing import NamedTuple

from .errors import DataError, InputError, UsageError
from .schemas.settings import (
    COMPUTATION,
    DONE,
    KEYS,
    LEC,
    MODEL,
    OPTION,
    OPTIONS,
    ORD,
    PERSPECTIVES,
    REFUSED,
    SET,
    TOP,
    Key,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from ._types import PathLike


__all__ = ["OutputFile", "Problem", "Settings", "SummarySet", "initial", "outputs", "read_settings", "stages"]

WRAPPER = "analysis_settings"
TRUE, FALSE = ("true", "1"), ("false", "0", "")


class Problem(NamedTuple):
    """Something that is asked for and cannot be done. kind: "missing", "unsupported" or "unknown"."""

    key: str
    why: str
    kind: str


class SummarySet(NamedTuple):
    """A summary set and what is asked of it. options: names of ktc.schemas.settings.OPTIONS."""

    id: int
    fields: tuple[str, ...]
    options: frozenset[str]
    parquet: bool
    return_period_file: bool
    lec_return_period_file: bool
    confidence: float
    place: str


class OutputFile(NamedTuple):
    """A report: its path below the output folder, what it is of, the program of ktools that makes it, and the
    settings that ask for it."""

    path: str
    perspective: str
    priority: int | None
    correlated: bool
    summary_set: int
    what: str
    command: str
    options: tuple[str, ...]
    setting: str


class Settings(NamedTuple):
    """Settings of an analysis. perspectives: of gul, il, ri and rl those that are asked for, each with its
    summary sets."""

    samples: int | None
    threshold: float
    perspectives: dict[str, tuple[SummarySet, ...]]
    return_periods: tuple[int, ...]
    quantiles: tuple[float, ...]
    event_ids: tuple[int, ...] | None
    event_set: str | None
    occurrence_id: str | None
    event_rates_set: str | None
    footprint_set: str | None
    vulnerability_set: str | None
    loss_factors_set: str | None
    random_file: bool
    full_correlation: bool
    pla: bool
    pla_secondary_factor: float
    pla_uniform_factor: float
    inuring_priorities: tuple[int, ...]
    alloc_gul: int | None
    alloc_il: int | None
    alloc_ri: int | None
    model_name: str
    supplier: str
    problems: tuple[Problem, ...]

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Settings:
        """Settings out of what a file holds.

        Raises
        ------
        UsageError
            A value is not of its key's type, or a summary set stands twice.
        """
        content = content.get(WRAPPER, content)
        at = Values(content, TOP, "")
        model = Values(at.object("model_settings"), MODEL, "model_settings.")
        computation = Values(at.object("computation_settings"), COMPUTATION, "computation_settings.")
        problems: list[Problem] = [*at.unknown(), *model.unknown()]
        perspectives: dict[str, tuple[SummarySet, ...]] = {}
        for name in PERSPECTIVES:
            if not at.flag(f"{name}_output"):
                continue
            sets = summary_sets(content.get(f"{name}_summaries"), f"{name}_summaries", problems)
            if any(each.options for each in sets):
                perspectives[name] = sets
            else:
                problems.append(
                    Problem(f"{name}_output", f"there are no reports in {name}_summaries", "missing")
                )
        samples = at.count("number_of_samples")
        return cls(
            samples=model.count("model_default_samples") if samples is None else samples,
            threshold=at.number("gul_threshold"),
            perspectives=perspectives,
            return_periods=at.numbers("return_periods", int),
            quantiles=at.numbers("quantiles", float),
            event_ids=event_ids(at),
            event_set=model.text("event_set"),
            occurrence_id=model.text("event_occurrence_id"),
            event_rates_set=model.text("event_rates_set"),
            footprint_set=model.text("footprint_set"),
            vulnerability_set=model.text("vulnerability_set"),
            loss_factors_set=model.text("pla_loss_factors_set"),
            random_file=model.flag("use_random_number_file"),
            full_correlation=at.flag("full_correlation"),
            pla=at.flag("pla"),
            pla_secondary_factor=at.number("pla_secondary_factor"),
            pla_uniform_factor=at.number("pla_uniform_factor"),
            inuring_priorities=at.numbers("ri_inuring_priorities", int),
            alloc_gul=computation.count("kernel_alloc_rule_gul"),
            alloc_il=computation.count("kernel_alloc_rule_il"),
            alloc_ri=computation.count("kernel_alloc_rule_ri"),
            model_name=str(content.get("model_name_id", "")),
            supplier=str(content.get("model_supplier_id", content.get("module_supplier_id", ""))),
            problems=tuple(problems),
        )


class Values:
    """An object of the settings, whose values are read as their keys' types. prefix: of its keys, in
    messages."""

    def __init__(self, content: Mapping[str, Any], place: str, prefix: str) -> None:
        self.content, self.prefix = content, prefix
        self.keys = {key.name: key for key in KEYS if key.place == place}
        for option in OPTIONS:
            if option.place == place:
                name = option.name.removeprefix("leccalc_")
                self.keys[name] = Key(name, place, "flag", False, option.doc)
        self.place = place

    def wrong(self, name: str, expected: str) -> UsageError:
        value = json.dumps(self.content.get(name), default=str)
        return UsageError(f"{self.prefix}{name} is {value[:60]}, expected {expected}")

    def raw(self, name: str) -> Any:
        """A value, or the key's default where it is missing or null."""
        value = self.content.get(name)
        return self.keys[name].default if value is None else value

    def object(self, name: str) -> Mapping[str, Any]:
        value = self.content.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            raise self.wrong(name, "an object")
        return value

    def flag(self, name: str) -> bool:
        value = self.content.get(name, False)
        if isinstance(value, str) and value.lower() in TRUE + FALSE:
            return value.lower() in TRUE
        if value is None or value in (0, 1):
            return bool(value)
        raise self.wrong(name, "true or false")

    def count(self, name: str) -> int | None:
        value = self.content.get(name)
        if value is None:
            return None
        number = whole(value)
        if number is None or number < 0:
            raise self.wrong(name, "a whole number from 0 on")
        return number

    def number(self, name: str) -> float:
        value = self.raw(name)
        try:
            if isinstance(value, bool):
                raise ValueError
            return float(value)
        except (TypeError, ValueError):
            raise self.wrong(name, "a number") from None

    def numbers(self, name: str, type: type) -> tuple[Any, ...]:
        value = self.raw(name)
        values = (
            [whole(each) if type is int else each for each in value] if isinstance(value, list) else [None]
        )
        if any(isinstance(each, bool) or not isinstance(each, (int, float)) for each in values):
            raise self.wrong(name, "a list of whole numbers" if type is int else "a list of numbers")
        return tuple(type(each) for each in values)

    def text(self, name: str) -> str | None:
        value = self.content.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, (str, int)):
            raise self.wrong(name, "text")
        return str(value)

    def unknown(self) -> Iterable[Problem]:
        """Keys that ktc does not do, if their values have an effect, and those that it does not know."""
        for name, value in self.content.items():
            key = self.keys.get(name)
            if key is None:
                if self.place in (TOP, SET, ORD, LEC):
                    yield Problem(self.prefix + name, "ktc does not know this key", "unknown")
            elif key.does == REFUSED and value:
                yield Problem(self.prefix + name, f"ktc does not do this: {key.doc}", "unsupported")


def whole(value: Any) -> int | None:
    """A whole number, also one that is written as text or with a point; None if it is not one."""
    try:
        if isinstance(value, bool) or float(value) != int(float(value)):
            return None
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def event_ids(at: Values) -> tuple[int, ...] | None:
    """The events of event_ids and event_ranges together, in ascending order; None where neither says
    anything."""
    found = set(at.numbers("event_ids", int))
    ranges = at.text("event_ranges") or ""
    for part in filter(None, (each.strip() for each in ranges.split(","))):
        first, _, last = part.partition("-")
        low, high = whole(first), whole(last or first)
        if low is None or high is None or high < low:
            raise at.wrong("event_ranges", "ranges of events, as 1-5,10")
        found |= set(range(low, high + 1))
    return tuple(sorted(found)) or None


def summary_sets(content: Any, place: str, problems: list[Problem]) -> tuple[SummarySet, ...]:
    """The summary sets of a perspective. One without an id is ignored, as by the platform."""
    if content is None:
        return ()
    if not isinstance(content, list):
        raise UsageError(f"{place} is {json.dumps(content)[:60]}, expected a list of summary sets")
    found: list[SummarySet] = []
    for i, each in enumerate(content):
        here = f"{place}[{i}]"
        if not isinstance(each, dict):
            raise UsageError(f"{here} is {json.dumps(each)[:60]}, expected an object")
        if each.get("id") is None:
            problems.append(Problem(here, "a summary set without an id is ignored", "unknown"))
            continue
        made = summary_set(each, here, problems)
        if made.id < 1:
            raise UsageError(f"{here}.id is {made.id}, expected 1 or more")
        if any(made.id == other.id for other in found):
            raise UsageError(f"{here}.id is {made.id}, as of a summary set before it")
        found.append(made)
    return tuple(found)


def summary_set(content: Mapping[str, Any], here: str, problems: list[Problem]) -> SummarySet:
    """A summary set. problems: what its keys have of them is added."""
    at = Values(content, SET, f"{here}.")
    ord = Values(at.object("ord_output"), ORD, f"{here}.ord_output.")
    lec = at.object("leccalc")
    nested = lec.get("outputs")
    inside = {**lec, **(nested if isinstance(nested, dict) else {})}
    inside.pop("outputs", None)
    curves = Values(inside, LEC, f"{here}.leccalc.")

    def curve(name: str) -> bool:
        return at.flag("lec_output") and curves.flag(name.removeprefix("leccalc_"))

    of = {ORD: ord.flag, SET: at.flag, LEC: curve}
    options = {option.name for option in OPTIONS if of[option.place](option.name)}
    if "alt_period" not in options:
        options.discard("alct_convergence")
    for each in (at, ord, curves):
        problems.extend(each.unknown())
    fields = content.get("oed_fields") or ()
    confidence = ord.number("alct_confidence")
    if not 0 <= confidence <= 1:
        raise ord.wrong("alct_confidence", "a level from 0 to 1")
    return SummarySet(
        id=at.count("id") or 0,
        fields=(fields,) if isinstance(fields, str) else tuple(map(str, fields)),
        options=frozenset(options),
        parquet=ord.flag("parquet_format"),
        return_period_file=ord.flag("return_period_file"),
        lec_return_period_file=curves.flag("return_period_file"),
        confidence=confidence,
        place=here,
    )


def read_settings(path: PathLike, model: PathLike | None = None) -> dict[str, Any]:
    """The settings of a file.

    Parameters
    ----------
    path : str or path
        analysis_settings.json, with or without that key at its top.
    model : str or path, optional
        model_settings.json, whose keys of the same names come first. Restrictions by role are not looked at.

    Returns
    -------
    dict
        By key.

    Raises
    ------
    InputError
        A file cannot be read.
    DataError
        A file is not JSON, or not an object.
    """
    content = read_object(path)
    if model is not None:
        known = {key.name for key in KEYS if key.place == TOP and key.does == DONE}
        defaults = read_object(model)
        samples = defaults.get("model_default_samples")
        content = {**{key: value for key, value in defaults.items() if key in known}, **content}
        if content.get("number_of_samples") is None and samples is not None:
            content["number_of_samples"] = samples
    return content


def read_object(path: PathLike) -> dict[str, Any]:
    """The object that a JSON file holds, without its wrapper."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            content = json.load(file)
    except OSError as error:
        raise InputError(f"{os.fspath(path)}: cannot read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataError(f"{os.fspath(path)}: not text, expected JSON") from None
    except json.JSONDecodeError as error:
        raise DataError(
            f"{os.fspath(path)}: line {error.lineno}, column {error.colno}: {error.msg}; expected JSON"
        ) from None
    if isinstance(content, dict) and isinstance(content.get(WRAPPER), dict):
        content = content[WRAPPER]
    if not isinstance(content, dict):
        raise DataError(f"{os.fspath(path)}: a {type(content).__name__}, expected an object of settings")
    return content


def outputs(settings: Settings, priorities: Sequence[int], layers: int) -> list[OutputFile]:
    """All reports that are asked for.

    Parameters
    ----------
    settings : Settings
        What is asked for.
    priorities : sequence of int
        The reinsurance programmes (n of RI_n) after which net losses are reported, but for the last one.
    layers : int
        How many programmes there are.

    Returns
    -------
    list of OutputFile
        By perspective, programme, summary set and report.
    """
    of: dict[str, Sequence[int | None]] = {
        "gul": [None],
        "il": [None],
        "ri": [*priorities, None],
        "rl": range(1, layers + 1),
    }
    return [
        file
        for correlated in (False, True)[: 1 + settings.full_correlation]
        for perspective, sets in settings.perspectives.items()
        for priority in of[perspective]
        for each in sets
        for file in files_of(each, perspective, priority, correlated)
    ]


def files_of(
    each: SummarySet, perspective: str, priority: int | None, correlated: bool
) -> Iterable[OutputFile]:
    """The reports of a summary set."""
    asked: dict[str, list[str]] = {}
    for option in OPTIONS:
        if option.name in each.options:
            asked.setdefault(option.what, []).append(option.name)
    for what, names in asked.items():
        option = OPTION[names[0]]
        ending = "parquet" if option.place == ORD and each.parquet else "csv"
        inner = "" if priority is None else f"IP{priority}_"
        folder = "full_correlation/" if correlated else ""
        yield OutputFile(
            path=f"{folder}{perspective}_{inner}S{each.id}_{what}.{ending}",
            perspective=perspective,
            priority=priority,
            correlated=correlated,
            summary_set=each.id,
            what=what,
            command=option.command,
            options=tuple(names),
            setting=", ".join(place_of(each, name) for name in names),
        )


def place_of(each: SummarySet, name: str) -> str:
    """The setting that asks for an option."""
    place = OPTION[name].place
    if place == ORD:
        return f"{each.place}.ord_output.{name}"
    return f"{each.place}.leccalc.{name.removeprefix('leccalc_')}" if place == LEC else f"{each.place}.{name}"


def stages(settings: Settings, layers: int, stepped: bool = False) -> list[str]:
    """The stages of an analysis, as commands of ktools.

    Parameters
    ----------
    settings : Settings
        What is asked for; allocation rules that are None are the platform's.
    layers : int
        How many reinsurance programmes there are.
    stepped : bool, default False
        Whether the insured programme has step policies.
    """
    rules = [
        default if rule is None else rule
        for rule, default in ((settings.alloc_gul, 0), (settings.alloc_il, 2), (settings.alloc_ri, 3))
    ]
    threshold = f"{settings.threshold:g}"
    found = [
        "eve 1 1",
        "getmodel",
        f"gulcalc -S{settings.samples or 0} -L{threshold}"
        + (" -r" if settings.random_file else "")
        + f" -a{rules[0]} -i -"
        + (" -j full_correlation" if settings.full_correlation else ""),
    ]
    if settings.pla:
        uniform, secondary = settings.pla_uniform_factor, settings.pla_secondary_factor
        found.append(
            "placalc"
            + (f" -F {uniform:g}" if uniform > 0 else f" -f {secondary:g}" if secondary != 1 else "")
        )
    wanted = settings.perspectives

    def summary(name: str, options: str) -> str:
        sets = " ".join(f"-{each.id}" for each in wanted[name])
        return f"summarycalc -m {options} {sets}"

    if "gul" in wanted:
        found.append(f"{summary('gul', '-i')} (gul)")
    if {"il", "ri", "rl"} & wanted.keys():
        found.append(f"fmcalc -a{rules[1]}{' -S' if stepped else ''}")
    if "il" in wanted:
        found.append(f"{summary('il', '-f')} (il)")
    if {"ri", "rl"} & wanted.keys():
        for layer in range(1, layers + 1):
            net = " -n" if layer < layers or "ri" in wanted else ""
            found.append(f"fmcalc -a{rules[2]} -p input/RI_{layer}{net}")
            if "rl" in wanted:
                found.append(f"{summary('rl', f'-f -p input/RI_{layer}')} (rl IP{layer})")
    if "ri" in wanted:
        found.append(f"{summary('ri', f'-f -p input/RI_{layers}')} (ri)")
    return found


def initial() -> str:
    """Text of a settings file that has every key: ground-up and insured losses, average losses, curves and
    event losses of summary set 1, everything else at its default."""

    def keys(place: str) -> dict[str, Any]:
        return {key.name: key.default for key in KEYS if key.place == place and key.does == DONE}

    chosen = {"alt_period", "elt_moment", *(option.name for option in OPTIONS if option.what == "ept")}
    options = {place: {o.name: o.name in chosen for o in OPTIONS if o.place == place} for place in (ORD, SET)}
    curves = {o.name.removeprefix("leccalc_"): False for o in OPTIONS if o.place == LEC}
    one = {
        "id": 1,
        "oed_fields": [],
        "ord_output": {**options[ORD], **keys(ORD)},
        **options[SET],
        "lec_output": False,
        "leccalc": {**keys(LEC), **curves},
    }
    content = keys(TOP)
    for name in PERSPECTIVES:
        content[f"{name}_output"] = name in ("gul", "il")
        content[f"{name}_summaries"] = [one] if name in ("gul", "il") else []
    content["number_of_samples"] = 10
    content["model_settings"] = {**keys(MODEL)}
    content["model_settings"].pop("model_default_samples")
    content["computation_settings"] = keys(COMPUTATION)
    return json.dumps(content, indent=2) + "\n"
