"""Tables as structured arrays of NumPy: read_table, write_table and read_csv."""

from __future__ import annotations

import os

from ._core.checks import Checks
from ._core.csvrows import CsvRows
from ._core.io import Outputs, Sink, Source, write_all
from ._core.tables import TableWriter
from .converting import DAYS, MINUTES, header_of, packed_layout, table_of, tell
from .errors import DataError, InputError, TruncatedError, UsageError
from .schemas import TABLES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

    from ._types import AreaperilBytes, BufferLike, PathLike, SourceLike, SupportsRead, TargetLike
    from .schemas.model import Table


__all__ = ["read_csv", "read_table", "write_table"]


def read_table(
    name: str, source: PathLike | BufferLike | SupportsRead, areaperil_bytes: AreaperilBytes = 4
) -> NDArray[Any]:
    """The records of a binary table as a structured array.

    Parameters
    ----------
    name : str
        The table's name in ktc.schemas.TABLES.
    source : str or path, file object or bytes-like
        The table. A path is mapped, without a copy.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.

    Returns
    -------
    numpy.ndarray
        Of TABLES[name].dtype(areaperil_bytes); an occurrence table has the dtype that its header asks for,
        and lossfactors come with their event_id.

    Raises
    ------
    TruncatedError
        The size is not a whole number of records.

    Examples
    --------
    >>> import ktc
    >>> ktc.read_table("events", "input/events.bin")["event_id"][:3].tolist()
    [1, 2, 3]
    """
    import numpy

    from .headers import csv_of

    table = table_of(name)
    if isinstance(source, (str, os.PathLike)):
        place = os.fspath(source)
        try:
            data = (
                numpy.memmap(place, numpy.uint8, "r")
                if os.path.getsize(place)
                else numpy.empty(0, numpy.uint8)
            )
        except OSError as error:
            raise InputError(f"{place}: cannot read: {error.strerror}") from None
    else:
        place = str(getattr(source, "name", "memory"))
        given: Any = source
        data = numpy.frombuffer(given.read() if hasattr(given, "read") else given, numpy.uint8)
    wrong = csv_of(data[:512].tobytes())
    if wrong:
        raise DataError(f"{place}: byte 0: {wrong}")
    start = table.header_size(areaperil_bytes)
    if len(data) < start:
        raise TruncatedError(f"{place}: byte {len(data)}: the input ends inside the header of {start} bytes")
    if name == "occurrence":
        options = int(data[:4].view("<i4")[0])
        if options not in (0, DAYS, MINUTES):
            raise DataError(f"{place}: byte 0: date_options is {options}, expected 0, 1 or 3")
        table = TABLES["occurrence_granular"] if options == MINUTES else table
    if table.packet:
        return read_packets(table, data, start, place)
    dtype = table.dtype(areaperil_bytes)
    rest = (len(data) - start) % dtype.itemsize
    if rest:
        raise TruncatedError(
            f"{place}: byte {len(data)}: the input ends inside a record: expected {dtype.itemsize} "
            f"bytes from byte {len(data) - rest}, found {rest}"
        )
    return data[start:].view(dtype)


def read_packets(table: Table, data: NDArray[Any], at: int, place: str) -> NDArray[Any]:
    """The records of a table of packets, each with its packet's key."""
    import numpy

    dtype, parts = table.dtype(), []
    packet_key = table.packet[0].name
    full = numpy.dtype([(packet_key, "<i4")] + dtype.descr)
    while at < len(data):
        count = -1
        if len(data) - at >= 8:
            key, count = (int(word) for word in data[at : at + 8].view("<i4"))
            if count < 0:
                raise DataError(f"{place}: byte {at + 4}: count is {count}, expected 0 or more")
        if count < 0 or len(data) - at - 8 < count * dtype.itemsize:
            raise TruncatedError(
                f"{place}: byte {len(data)}: the input ends inside the packet from byte {at}"
            )
        records = data[at + 8 : at + 8 + count * dtype.itemsize].view(dtype)
        part = numpy.empty(count, full)
        part[packet_key] = key
        for field in table.fields:
            part[field.name] = records[field.name]
        parts.append(part)
        at += 8 + count * dtype.itemsize
    return numpy.concatenate(parts) if parts else numpy.empty(0, full)


def write_table(
    name: str, array: ArrayLike, target: TargetLike, areaperil_bytes: AreaperilBytes = 4, **header: int
) -> None:
    """Write a structured array as a binary table.

    Parameters
    ----------
    name : str
        The table's name in ktc.schemas.TABLES. Tables that lie in packets or beside an index are written by
        tobin.
    array : array-like
        Its fields are taken by name.
    target : target
        Where the table goes; standard output for None.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.
    **header : int
        Values of the table's header fields, 0 when not given.

    Raises
    ------
    DataError
        A value does not fit its field.
    UsageError
        There is no such table or header field, or a field is missing from the array.

    Examples
    --------
    >>> import ktc
    >>> items = ktc.read_table("items", "input/items.bin")
    >>> ktc.write_table("items", items[:10], "ten.bin")
    >>> len(ktc.read_table("items", "ten.bin"))
    10
    """
    import numpy

    table = table_of(name)
    if table.packet or name == "footprint":
        raise UsageError(f"{name} does not lie record by record; write it with tobin")
    unknown = set(header) - {f.name for f in table.header}
    if unknown:
        raise UsageError(f"{name} has no header field {', '.join(sorted(unknown))}")
    dtype = table.dtype(areaperil_bytes)
    array = numpy.asarray(array)
    names = [f.name for f in table.fields]
    missing = [n for n in names if array.dtype.names is None or n not in array.dtype.names]
    if missing:
        raise UsageError(f"{name}: the array has no field {', '.join(missing)}")
    records = numpy.empty(len(array), dtype)
    for field in names:
        with numpy.errstate(over="ignore", invalid="ignore"):
            records[field] = array[field]
        kept = (
            numpy.isfinite(records[field]) == numpy.isfinite(array[field])
            if dtype[field].kind == "f"
            else (records[field] == array[field])
        )
        if not numpy.all(kept):
            raise DataError(f"{name}: a value of {field} does not fit {dtype[field]}")
    with Outputs() as outputs:
        sink = outputs.open(target)
        write_all(sink, header_of(table, header))
        write_all(sink, records.tobytes())


def read_csv(
    name: str, source: SourceLike, areaperil_bytes: AreaperilBytes = 4, no_header: bool = False
) -> NDArray[Any]:
    """The rows of a table's csv as a structured array with a field for each csv column.

    The csv is checked as tobin checks it, but for rules that need a number from outside (the largest bin, the
    number of periods).

    Parameters
    ----------
    name : str
        The table's name in ktc.schemas.TABLES.
    source : source
        Csv.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.
    no_header : bool, default False
        The csv has no header line.

    Returns
    -------
    numpy.ndarray
        One record for each row.

    Examples
    --------
    >>> import ktc
    >>> ktc.read_csv("returnperiods", b"return_period\\n100\\n10\\n")["return_period"].tolist()
    [100, 10]
    """
    return csv_rows(table_of(name), source, areaperil_bytes, no_header)


def csv_rows(
    table: Table,
    source: SourceLike,
    areaperil_bytes: AreaperilBytes = 4,
    no_header: bool = False,
    validate: bool = True,
) -> NDArray[Any]:
    """The rows of a csv, of a table that may not be the registry's. validate: False leaves out the rules that
    may be switched off."""
    import numpy

    layout, fields = packed_layout(table, areaperil_bytes)
    memory = Sink.memory()
    rules = [r for r in table.rules if r.limit is None]
    rows = CsvRows(Source(source), layout, not no_header)
    checks = Checks(rows, rules, {}, validate=validate, empty=table.empty)
    TableWriter(rows, checks, memory).run()
    tell(checks.warnings)
    return numpy.frombuffer(memory.getvalue(), numpy.dtype(fields))
