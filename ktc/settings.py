"""What an analysis is asked for: analysis_settings.json, read, checked, and made into a list of reports.

The keys are in ktc.schemas.settings. A file has them at its top or below the key analysis_settings. Where
there is a model_settings.json, its defaults of the keys that ktc knows come first and the analysis settings
win.
"""

from __future__ import annotations

import json
import math
import os
from typing import NamedTuple

from .errors import DataError, InputError, UsageError
from .schemas.settings import (
    COMPUTATION,
    DONE,
    KEYS,
    LARGEST,
    LEC,
    MODEL,
    MONTE_CARLO,
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
    from .perspectives import MonteCarlo


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
    gulmc: bool | None
    random_generator: int
    effective_damageability: bool
    dynamic_footprint: bool
    peril_filter: tuple[str, ...]
    vulnerability_adjustments: Mapping[str, Any]
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
        problems: list[Problem] = [*at.unknown(), *model.unknown(), *computation.unknown()]
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
        samples, generator = at.count("number_of_samples"), computation.count("gul_random_generator")
        return cls(
            samples=at.count("model_default_samples") if samples is None else samples,
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
            gulmc=None if computation.raw("gulmc") is None else computation.flag("gulmc"),
            random_generator=2 if generator is None else generator,
            effective_damageability=computation.flag("gulmc_effective_damageability"),
            dynamic_footprint=computation.flag("dynamic_footprint"),
            peril_filter=tuple(
                name.upper() for name in at.texts("peril_filter") or computation.texts("peril_filter")
            ),
            vulnerability_adjustments=at.object("vulnerability_adjustments"),
            model_name=at.name("model_name_id", "model_version_id"),
            supplier=at.name("model_supplier_id", "module_supplier_id"),
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
        if number is None or not self.within(name, number, 0):
            raise self.wrong(name, "a whole number" + self.limits(name, 0))
        return number

    def number(self, name: str) -> float:
        number = real(self.raw(name))
        if number is None or not self.within(name, number):
            raise self.wrong(name, "a number" + self.limits(name))
        return number

    def numbers(self, name: str, type: type) -> tuple[Any, ...]:
        value, read = self.raw(name), whole if type is int else real
        values = [read(each) for each in value] if isinstance(value, list) else [None]
        found = [each for each in values if each is not None and self.within(name, each)]
        if len(found) < len(values):
            kind = "a list of whole numbers" if type is int else "a list of numbers"
            raise self.wrong(name, kind + self.limits(name))
        return tuple(found)

    def within(self, name: str, number: float, low: float | None = None) -> bool:
        """Whether a number is one of the key's. low: where the key has no least one."""
        key = self.keys[name]
        low = low if key.low is None else key.low
        return (low is None or number >= low) and (key.high is None or number <= key.high)

    def limits(self, name: str, low: float | None = None) -> str:
        """The same in words."""
        key = self.keys[name]
        low = low if key.low is None else key.low
        if key.high is None or key.high == LARGEST:
            return "" if low is None else f" from {shown(low)} on"
        return f" from {shown(low or 0)} to {shown(key.high)}"

    def text(self, name: str) -> str | None:
        """Text, or a number as text; None where it is empty or 0, as the platform has it."""
        value = self.content.get(name)
        if isinstance(value, bool) or not isinstance(value, (str, int, type(None))):
            raise self.wrong(name, "text")
        return str(value) if value else None

    def name(self, *names: str) -> str:
        """What the first of these keys that is there says, whatever its type."""
        found = (self.content.get(name) for name in names)
        return next((str(value) for value in found if value is not None), "")

    def texts(self, name: str) -> tuple[str, ...]:
        """Text, or a list of it."""
        value = self.content.get(name) or ()
        if isinstance(value, str):
            return (value,)
        if not isinstance(value, (list, tuple)) or not all(isinstance(each, str) for each in value):
            raise self.wrong(name, "text, or a list of it")
        return tuple(value)

    def unknown(self) -> Iterable[Problem]:
        """Keys that ktc does not do, if their values have an effect, and those that it does not know."""
        for name, value in self.content.items():
            key = self.keys.get(name)
            if key is None:
                if self.place in (TOP, SET, ORD, LEC) and name != "outputs":
                    yield Problem(self.prefix + name, "ktc does not know this key", "unknown")
            elif key.does == REFUSED and value:
                yield Problem(self.prefix + name, f"ktc does not do this: {key.doc}", "unsupported")
            elif key.does == MONTE_CARLO and value and value != key.default:
                yield Problem(self.prefix + name, f"ktools' kernel does not do this: {key.doc}", MONTE_CARLO)


def whole(value: Any) -> int | None:
    """A whole number, also one that is written as text or with a point; None if it is not one."""
    try:
        if isinstance(value, bool) or float(value) != int(float(value)):
            return None
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None


def real(value: Any) -> float | None:
    """A number, also one that is written as text; None if it is not one."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def shown(number: float) -> str:
    """A number as one writes it: 100, not 100.0 or 1e+06."""
    return str(int(number)) if number == int(number) else repr(number)


def event_ids(at: Values) -> tuple[int, ...] | None:
    """The events of event_ids and event_ranges together, in ascending order; None where neither says
    anything."""
    found = set(at.numbers("event_ids", int))
    ranges = at.text("event_ranges") or ""
    for part in filter(None, (each.strip() for each in ranges.split(","))):
        first, _, last = part.partition("-")
        low, high = whole(first), whole(last or first)
        if low is None or high is None or not 1 <= low <= high <= LARGEST:
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
        if any(made.id == other.id for other in found):
            raise UsageError(f"{here}.id is {made.id}, as of a summary set before it")
        found.append(made)
    return tuple(found)


def summary_set(content: Mapping[str, Any], here: str, problems: list[Problem]) -> SummarySet:
    """A summary set. problems: what its keys have of them is added."""
    at = Values(content, SET, f"{here}.")
    ord = Values(at.object("ord_output"), ORD, f"{here}.ord_output.")
    lec = Values(at.object("leccalc"), LEC, f"{here}.leccalc.")
    # Of the old form the curves beside `outputs` do not count.
    curves = (
        lec
        if lec.content.get("outputs") is None
        else Values(lec.object("outputs"), LEC, f"{here}.leccalc.outputs.")
    )

    def curve(name: str) -> bool:
        return at.flag("lec_output") and curves.flag(name.removeprefix("leccalc_"))

    of = {ORD: ord.flag, SET: at.flag, LEC: curve}
    options = {option.name for option in OPTIONS if of[option.place](option.name)}
    if "alt_period" not in options:
        options.discard("alct_convergence")
    for each in {id(values): values for values in (at, ord, lec, curves)}.values():
        problems.extend(each.unknown())
    return SummarySet(
        id=at.count("id") or 0,
        fields=at.texts("oed_fields"),
        options=frozenset(options),
        parquet=ord.flag("parquet_format"),
        return_period_file=ord.flag("return_period_file"),
        lec_return_period_file=lec.flag("return_period_file"),
        # 0 is the platform's way of saying nothing.
        confidence=ord.number("alct_confidence") or ord.keys["alct_confidence"].default,
        place=here,
    )


def read_settings(path: PathLike, model: PathLike | None = None) -> dict[str, Any]:
    """The settings of a file.

    Parameters
    ----------
    path : str or path
        analysis_settings.json, with or without that key at its top.
    model : str or path, optional
        model_settings.json, whose defaults come first: of the keys that ktc knows, at its top and in its
        model_settings and computation_settings. Its choices, and restrictions by role, are not looked at.

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
        defaults = read_object(model)
        merged = {**defaults_of(defaults, TOP), **content}
        for place in (MODEL, COMPUTATION):
            below, own = defaults.get(place), content.get(place)
            if isinstance(below, dict) and isinstance(own, (dict, type(None))):
                merged[place] = {**defaults_of(below, place), **(own or {})}
        content = merged
    return content


def defaults_of(content: Mapping[str, Any], place: str) -> dict[str, Any]:
    """What a model's settings say of the keys that ktc does: values, objects with a default, or in a list of
    such objects with names."""
    known = {key.name for key in KEYS if key.place == place and key.does == DONE}
    found: dict[str, Any] = {}
    for name, value in content.items():
        if name.endswith("_parameters") and isinstance(value, list):
            found |= {
                each["name"]: each["default"]
                for each in value
                if isinstance(each, dict) and each.get("name") in known and "default" in each
            }
        elif name in known:
            found[name] = value["default"] if isinstance(value, dict) and "default" in value else value
    return found


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
        kind = "a list" if isinstance(content, list) else json.dumps(content)[:60]
        raise DataError(f"{os.fspath(path)}: holds {kind}, expected an object of settings")
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
            setting=", ".join([place_of(each, names[0]), *names[1:]]),
        )


def place_of(each: SummarySet, name: str) -> str:
    """The setting that asks for an option."""
    place = OPTION[name].place
    if place == ORD:
        return f"{each.place}.ord_output.{name}"
    return f"{each.place}.leccalc.{name.removeprefix('leccalc_')}" if place == LEC else f"{each.place}.{name}"


def stages(
    settings: Settings,
    layers: int,
    stepped: bool = False,
    priorities: Sequence[int] = (),
    montecarlo: MonteCarlo | None = None,
) -> list[str]:
    """The stages of an analysis, as commands of ktools.

    Parameters
    ----------
    settings : Settings
        What is asked for; allocation rules that are None are the platform's.
    layers : int
        How many reinsurance programmes there are.
    stepped : bool, default False
        Whether the insured programme has step policies.
    priorities : sequence of int, optional
        The programmes after which net losses are reported, but for the last one.
    montecarlo : MonteCarlo, optional
        Ground-up losses come of gulmc.
    """
    rules = [
        default if rule is None else rule
        for rule, default in ((settings.alloc_gul, 0), (settings.alloc_il, 2), (settings.alloc_ri, 3))
    ]
    wanted = settings.perspectives

    def summary(name: str, options: str, of: str = "") -> str:
        sets = " ".join(f"-{each.id}" for each in wanted[name])
        return f"summarycalc -m {options} {sets} ({name}{of})"

    found = []
    if settings.pla:
        if settings.pla_uniform_factor > 0:
            found.append(f"placalc -F {shown(settings.pla_uniform_factor)}")
        elif settings.pla_secondary_factor != 1:
            found.append(f"placalc -f {shown(settings.pla_secondary_factor)}")
        else:
            found.append("placalc")
    if "gul" in wanted:
        found.append(summary("gul", "-i"))
    if {"il", "ri", "rl"} & wanted.keys():
        found.append(f"fmcalc -a{rules[1]}{' -S' if stepped else ''}")
    if "il" in wanted:
        found.append(summary("il", "-f"))
    if {"ri", "rl"} & wanted.keys():
        for layer in range(1, layers + 1):
            net = " -n" if layer < layers or "ri" in wanted else ""
            found.append(f"fmcalc -a{rules[2]} -p input/RI_{layer}{net}")
            place = f"-f -p input/RI_{layer}"
            if "rl" in wanted:
                found.append(summary("rl", place, f" IP{layer}"))
            if "ri" in wanted and (layer in priorities or layer == layers):
                found.append(summary("ri", place, f" IP{layer}" if layer < layers else ""))
    gulcalc = (
        f"gulcalc -S{settings.samples or 0} -L{shown(settings.threshold)}"
        + (" -r" if settings.random_file else "")
        + f" -a{rules[0]} -i -"
        + (" -j full_correlation" if settings.full_correlation else "")
    )
    if montecarlo is not None:
        sampled = f"gulmc -S{settings.samples or 0} -L{shown(settings.threshold)} -a{rules[0]}"
        return ["eve 1 1", f"{sampled}{montecarlo.flags()}", *found]
    again = [f"full_correlation: {line}" for line in found] if settings.full_correlation else []
    return ["eve 1 1", "getmodel", gulcalc, *found, *again]


def initial() -> str:
    """Text of a settings file that has every key: ground-up and insured losses, average losses, curves and
    event losses of summary set 1, everything else at its default."""

    def keys(place: str) -> dict[str, Any]:
        of_others = ("model_default_samples", "outputs")  # of a model's settings, and of old ones
        return {
            key.name: key.default
            for key in KEYS
            if key.place == place and key.does == DONE and key.name not in of_others
        }

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
    content["model_settings"] = keys(MODEL)
    content["computation_settings"] = keys(COMPUTATION)
    return json.dumps(content, indent=2) + "\n"
