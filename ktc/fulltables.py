"""Tables that gulmc reads: of several formats the binary one, and csv whose columns are text."""

from __future__ import annotations

import os

import numpy

from .arrays import csv_rows, read_table
from .errors import DataError, InputError
from .hazard import Files
from .schemas import TABLES
from .schemas.model import Table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from ._types import AreaperilBytes


def table_rows(
    files: Files, table: Table, areaperil_bytes: AreaperilBytes = 4
) -> tuple[NDArray[Any], str] | None:
    """The records of a table, of its binary file or of its csv, and the path; None where there is neither."""
    path = files.there(table.path)
    if path is not None:
        return read_table(table.name, path, areaperil_bytes), path
    path = files.there(csv_of(table.path))
    return None if path is None else (csv_rows(table, path, areaperil_bytes, validate=False), path)


def needed(files: Files, name: str, areaperil_bytes: AreaperilBytes = 4) -> tuple[NDArray[Any], str]:
    """The same of one that must be there."""
    found = table_rows(files, TABLES[name], areaperil_bytes)
    if found is None:
        raise InputError(f"{files.path(TABLES[name].path)}: not there, nor a csv of the same name")
    return found


def csv_of(path: str) -> str:
    return os.path.splitext(path)[0] + ".csv"


def has_header(path: str) -> bool:
    """Whether a csv of numbers begins with names."""
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        first = file.readline().split(",")[0].strip().strip('"')
    try:
        float(first)
    except ValueError:
        return True
    return False


def named_columns(path: str, columns: Mapping[str, str]) -> NDArray[Any]:
    """Columns of a csv, found by their names; {name: NumPy type}. For those that are not numbers only."""
    try:
        with open(path, encoding="utf-8-sig", errors="replace", newline="") as file:
            lines = file.read().splitlines()
    except OSError as error:
        raise InputError(f"{path}: cannot read: {error.strerror}") from None
    titles = [title.strip().strip('"') for title in (lines[0] if lines else "").split(",")]
    lacking = [name for name in columns if name not in titles]
    if lacking:
        raise DataError(f"{path}: line 1: no column {', '.join(lacking)}, expected {', '.join(columns)}")
    dtype = numpy.dtype(list(columns.items()))
    at = [titles.index(name) for name in columns]

    def rows(lines: Sequence[str]) -> NDArray[Any]:
        return numpy.loadtxt(lines, dtype, delimiter=",", usecols=at, quotechar='"', ndmin=1, comments=None)

    if not any(line.strip() for line in lines[1:]):
        return numpy.empty(0, dtype)
    try:
        return rows(lines[1:])
    except ValueError:
        for number, line in enumerate(lines[1:], 2):
            try:
                if line.strip():
                    rows([line])
            except ValueError:
                raise DataError(
                    f"{path}: line {number}: {line[:120]!r}: expected {', '.join(columns)} as columns "
                    f"{', '.join(str(k + 1) for k in at)}"
                ) from None
        raise


def twice(ids: NDArray[Any]) -> int | None:
    """An id that comes up more than once."""
    ids = numpy.sort(ids, kind="stable")  # at once where they are in order, as they mostly are
    again = ids[1:][ids[1:] == ids[:-1]]
    return int(again[0]) if len(again) else None


def some(ids: NDArray[Any]) -> str:
    """Ids for a message."""
    shown = [str(each) for each in numpy.unique(ids)[:10].tolist()]
    return ", ".join(shown) + (", ..." if len(numpy.unique(ids)) > 10 else "")
