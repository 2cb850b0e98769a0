"""Write the packed C structs of the registry's records: records.h, with their sizes asserted, and records.pxd
over it.

Run by setup.py before anything is compiled; neither file is kept in version control. A table's record is
`struct <table>`; one with an areaperil id comes twice, as `<table>_u4` and `<table>_u8`. A stream's packet
header and record are `<stream>_packet` and `<stream>_record`; records collected with their packets are
`loss_row` and `cdf_row`. A report's row is `struct <report>`. The constants of streams have their names there
too.
"""

from __future__ import annotations

from .schemas import AREAPERIL, REPORTS, STREAMS, TABLES, streams
from .schemas.model import TYPES
from .schemas.streams import CDF_ROW, LOSS_ROW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

CONSTANTS = [
    "CDF",
    "ITEM",
    "COVERAGE",
    "LOSS",
    "COVERAGE_LOSS",
    "SUMMARY",
    "MEAN",
    "STANDARD_DEVIATION",
    "TIV",
    "AFFECTED_RISKS",
    "MAX_LOSS",
    "SPECIAL_SAMPLES",
    "MOST_SAMPLES",
]


def structs() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield (struct name, [(field name, type name)]) of every record in the registry."""
    parts = [(t.name, t.fields) for t in TABLES.values()]
    parts += [(f"{t.name}_header", t.header) for t in TABLES.values() if t.header]
    for stream in STREAMS.values():
        name = stream.name.replace(" ", "_")
        parts += [(f"{name}_packet", stream.packet), (f"{name}_record", stream.record)]
    parts += [("loss_row", LOSS_ROW), ("cdf_row", CDF_ROW)]
    parts += [(r.name, r.fields) for r in REPORTS.values()]
    for name, fields in parts:
        if any(f.type == AREAPERIL for f in fields):
            yield f"{name}_u4", [(f.name, f.resolved(4)) for f in fields]
            yield f"{name}_u8", [(f.name, f.resolved(8)) for f in fields]
        else:
            yield name, [(f.name, f.type) for f in fields]


def write(folder: Path) -> None:
    """Write records.h and records.pxd into folder."""
    h = [
        "/* Generated from ktc/schemas by ktc/_records.py. */",
        "#ifndef KTC_RECORDS_H",
        "#define KTC_RECORDS_H",
        "#include <assert.h>",
        "#include <stdint.h>",
        "#pragma pack(push, 1)",
    ]
    pxd = [
        "# Generated from ktc/schemas by ktc/_records.py.",
        "from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t",
        "",
        'cdef extern from "records.h":',
    ]
    for name, fields in structs():
        members = [f"{TYPES[type][2]} {field};" for field, type in fields]
        size = sum(TYPES[type][3] for _, type in fields)
        h.append(f"typedef struct {{ {' '.join(members)} }} ktc_{name};")
        h.append(f'static_assert(sizeof(ktc_{name}) == {size}, "{name}");')
        pxd.append(f'    ctypedef struct {name} "ktc_{name}":')
        pxd += [f"        {member[:-1]}" for member in members]
    h.append("#pragma pack(pop)")
    pxd.append("    enum:")
    for name in CONSTANTS:
        h.append(f"enum {{ KTC_{name} = {getattr(streams, name)} }};")
        pxd.append(f'        {name} "KTC_{name}"')
    h.append("#endif")
    write_changed(folder / "records.h", h)
    write_changed(folder / "records.pxd", pxd)


def write_changed(path: Path, lines: Sequence[str]) -> None:
    """Write a text file, but leave it alone if it is right already, so that nothing is compiled anew."""
    text = "\n".join(lines) + "\n"
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
