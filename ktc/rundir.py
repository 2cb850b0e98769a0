"""A run directory as the Oasis platform prepares it: where each table of a run lies, and what is chosen of
several.

    DIR/input/            items, coverages, programme, summaries, events, occurrence: .bin, or .csv
    DIR/input/RI_1 ...    reinsurance programmes in the order in which they inure, or DIR/RI_1 ...
    DIR/input/ri_layers.json   their number, and the inuring priority of each
    DIR/static/           the model; settings may choose one of several sets, as footprint_<set>.bin

What input/ has is used as it is. What it lacks is chosen by the settings; nothing is written into either
folder.
"""

from __future__ import annotations

import json
import os

from . import schemas
from ._core.io import Mapped
from .building import Folder
from .errors import DataError, InputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray

    from ._types import AreaperilBytes, PathLike


__all__ = ["Layer", "RunFolder", "bytes_of_ids"]

# Of the platform, where neither settings nor input/ nor static/ say anything
QUANTILES = (0.0, 0.2, 0.4, 0.5, 0.75, 1.0)


class Layer:
    """One reinsurance programme (RI_n): its number, where it lies, and its inuring priority."""

    def __init__(self, number: int, path: str, priority: int) -> None:
        self.number, self.path, self.priority = number, path, priority


def bytes_of_ids(ids: Sequence[int]) -> bytes:
    """Whole numbers as records of four bytes."""
    import array

    return array.array("i", ids).tobytes()


def stem_of(path: str, suffix: str) -> str:
    """static/footprint.bin and "_set" -> static/footprint_set.bin."""
    stem, ending = os.path.splitext(path)
    return stem + suffix + ending


class RunFolder(Folder):
    """The tables of a run directory.

    Parameters
    ----------
    root : str or path
        The run directory.
    input, static : str or path, optional
        Other folders in place of root/input and root/static.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.
    """

    def __init__(
        self,
        root: PathLike = ".",
        *,
        input: PathLike | None = None,
        static: PathLike | None = None,
        areaperil_bytes: AreaperilBytes = 4,
    ) -> None:
        super().__init__(root)
        join = os.path.join
        self.folders = {
            "input": join(self.root, "input") if input is None else os.fspath(input),
            "static": join(self.root, "static") if static is None else os.fspath(static),
        }
        self.areaperil_bytes = areaperil_bytes
        self.chosen: dict[str, tuple[str, bytes | str]] = {}  # by table: why, and its bytes or path
        self.sets: dict[str, str] = {}  # of the model, by table: the suffix of its file
        self.used: dict[str, os.stat_result] = {}  # files that were read

    def path(self, name: str, input_path: PathLike | None = None) -> str:
        """Where a table lies, or would lie."""
        place, file = os.path.split(schemas.TABLES[name].path)
        if input_path is not None:
            return os.path.join(input_path, file)
        chosen = self.chosen[name][1] if name in self.chosen else None
        if isinstance(chosen, str):
            return chosen
        path = os.path.join(self.folders[place], file)
        return stem_of(path, self.sets[name]) if name in self.sets else path

    def csv(self, name: str, input_path: PathLike | None = None) -> str | None:
        """The csv that stands for a table which is not there in binary, if there is one. Profiles with steps
        are in the file of those without."""
        path = self.path(name, input_path)
        if not path.endswith(".bin") or name in ("footprint", "vulnerability") or os.path.exists(path):
            return None
        places = [csv_of(path)]
        if name == "fm_profile_step":
            places.append(os.path.join(os.path.dirname(path), "fm_profile.csv"))
        return next((place for place in places if os.path.exists(place)), None)

    def choose(self, name: str, why: str, content: bytes | str) -> None:
        """Use these bytes, or the file of this path, where input/ has no such table."""
        if not self.there(name):
            self.chosen[name] = why, content

    def choose_set(self, name: str, tables: Sequence[str], value: str, setting: str) -> None:
        """Use static/<table>_<value> of each of these tables. A blank in the value may be an underscore in
        the name."""
        for table in tables:
            file = f"{table}.csv" if table == "event_rates" else os.path.basename(schemas.TABLES[table].path)
            path = os.path.join(self.folders["static"], file)
            found = [
                suffix
                for suffix in suffixes(value)
                if os.path.exists(stem_of(path, suffix)) or os.path.exists(stem_of(path, suffix) + ".z")
            ]
            if found:
                self.sets[table] = found[0]
            elif table == tables[0]:
                raise InputError(
                    f"{stem_of(path, suffixes(value)[0])}: not there, though {setting} asks for set {value!r}"
                )

    def there(self, name: str, input_path: PathLike | None = None) -> bool:
        """Whether a table is there, in binary or as csv."""
        path = self.path(name, input_path)
        return (
            (name in self.chosen and input_path is None)
            or os.path.exists(path)
            or self.csv(name, input_path) is not None
        )

    def table(self, name: str, input_path: PathLike | None = None) -> Mapped:
        """A table, mapped; of a csv its records, made in memory."""
        if input_path is None and name in self.chosen and isinstance(self.chosen[name][1], bytes):
            why, content = self.chosen[name]
            return Mapped(content, why)
        path = self.path(name, input_path)
        csv = self.csv(name, input_path)
        if csv is not None:
            return Mapped(self.converted(name, csv), csv)
        mapped = Mapped(path)
        self.note(path)
        return mapped

    def records(self, name: str, input_path: PathLike | None = None) -> NDArray[Any]:
        """The records of a table, copied."""
        import numpy

        content = self.table(name, input_path).tobytes()
        return numpy.frombuffer(content, schemas.TABLES[name].dtype(self.areaperil_bytes))

    def optional(self, name: str, input_path: PathLike | None = None) -> Mapped | None:
        return self.table(name, input_path) if self.there(name, input_path) else None

    def note(self, path: str) -> None:
        """Remember a file that is read, to see whether it changes."""
        if path not in self.used:
            self.used[path] = os.stat(path)

    def changed(self) -> list[str]:
        """The files that were read and are others now, or gone."""
        found = []
        for path, then in self.used.items():
            try:
                now = os.stat(path)
            except OSError:
                found.append(path)
                continue
            if (now.st_size, now.st_mtime_ns, now.st_ino) != (then.st_size, then.st_mtime_ns, then.st_ino):
                found.append(path)
        return found

    def converted(self, name: str, path: str) -> bytes:
        """The records of a csv."""
        import io

        from .tables import tobin

        self.note(path)
        memory = io.BytesIO()
        options: dict[str, Any] = {}
        if any(field.type == "areaperil" for field in schemas.TABLES[name].fields):
            options["areaperil_bytes"] = self.areaperil_bytes
        tobin(name, path, memory, **options)
        return memory.getvalue()

    def event_rates(self) -> str:
        from .schemas.tables import EVENT_RATES

        name = os.path.basename(EVENT_RATES.path)
        path = os.path.join(self.folders["input"], name)
        if not os.path.exists(path) and "event_rates" in self.sets:
            path = stem_of(os.path.join(self.folders["static"], name), self.sets["event_rates"])
        if os.path.exists(path):
            self.note(path)
        return path

    def model_file(self, name: str, suffix: str = "") -> str | bytes:
        """For getmodel: where a table lies, or its records."""
        path = self.path(name)
        csv = None if suffix else self.csv(name)
        if csv is not None:
            return self.converted(name, csv)
        if os.path.exists(path + suffix):
            self.note(path + suffix)
        return path + suffix

    def model_place(self, place: str) -> str:
        """For gulmc: where a file like "static/footprint.parquet" lies."""
        folder, _, file = place.partition("/")
        stem, dot, ending = file.partition(".")
        path = os.path.join(self.folders[folder], f"{stem}{self.sets.get(stem, '')}{dot}{ending}")
        if os.path.isfile(path):
            self.note(path)
        return path

    def layers(self) -> list[Layer]:
        """The reinsurance programmes, in the order in which they inure."""
        path = os.path.join(self.folders["input"], "ri_layers.json")
        priorities: dict[int, int] = {}
        if os.path.exists(path):
            self.note(path)
            priorities = read_layers(path)
        else:
            number = 1
            while self.layer_path(number) is not None:
                priorities[number] = number
                number += 1
        found = []
        for number in sorted(priorities):
            place = self.layer_path(number)
            if place is None:
                place = os.path.join(self.folders["input"], f"RI_{number}")
                raise InputError(f"{place}: not there, though {path} names it")
            found.append(Layer(number, place, priorities[number]))
        return found

    def layer_path(self, number: int) -> str | None:
        """The folder RI_<number>, if there is one."""
        for folder in (self.folders["input"], self.root):
            path = os.path.join(folder, f"RI_{number}")
            if os.path.isdir(path):
                return path
        return None

    def stepped(self) -> bool:
        """Whether the insured programme has step policies."""
        if os.path.exists(self.path("fm_profile_step")):
            return True
        path = self.csv("fm_profile")
        if path is None:
            return False
        with open(path) as file:
            return "step_id" in [column.strip().strip('"') for column in file.readline().split(",")]


def suffixes(value: str) -> list[str]:
    """How a file may say that it is of a set."""
    return list(dict.fromkeys((f"_{value}", f"_{value.lower().replace(' ', '_')}")))


def csv_of(path: str) -> str:
    return os.path.splitext(path)[0] + ".csv"


def read_layers(path: str) -> dict[int, int]:
    """{number of a reinsurance programme: its inuring priority} of ri_layers.json."""
    try:
        with open(path) as file:
            layers = json.load(file)
        found = {int(number): int(layer.get("inuring_priority", number)) for number, layer in layers.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise DataError(
            f"{path}: not a list of reinsurance programmes: {error}; expected "
            '{"1": {"inuring_priority": 1, ...}, ...}'
        ) from None
    if sorted(found) != list(range(1, len(found) + 1)):
        raise DataError(f"{path}: programmes {sorted(found)}, expected 1, 2, 3, ... without a gap")
    return found


def chosen_file(folder: RunFolder, name: str, value: str | None, setting: str) -> None:
    """Of a table that input/ lacks, static/<table>_<value>, or static/<table> where nothing is asked for."""
    if folder.there(name):
        return
    table = os.path.basename(schemas.TABLES[name].path)
    for suffix in suffixes(value) if value else [""]:
        path = stem_of(os.path.join(folder.folders["static"], table), suffix)
        if os.path.exists(path):
            folder.choose(name, path, path)
            return
    if value:
        raise InputError(f"{path}: not there, though {setting} asks for {value!r}, and input/ has no {table}")
