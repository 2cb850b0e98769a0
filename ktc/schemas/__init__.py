"""The registry: what every file, stream, report and console script is, stated once. Nothing here imports
NumPy.

STREAMS, TABLES, REPORTS, TOOLS and COMMANDS are dictionaries by name; each is loaded when it is first asked
for, since a script that reads one stream and writes another needs none of the tables.
"""

from __future__ import annotations

from .model import AREAPERIL, Field, Option, Ref, Report, Stream, Table, Tool

__all__ = [
    "AREAPERIL",
    "COMMANDS",
    "REPORTS",
    "STREAMS",
    "TABLES",
    "TOOLS",
    "Field",
    "Option",
    "Ref",
    "Report",
    "Stream",
    "Table",
    "Tool",
]


TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .commands import COMMANDS
    from .reports import REPORTS
    from .streams import STREAMS
    from .tables import TABLES
    from .tools import TOOLS


def __getattr__(name: str) -> Any:
    if name not in ("COMMANDS", "REPORTS", "STREAMS", "TABLES", "TOOLS"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(__import__(f"{__name__}.{name.lower()}", fromlist=[name]), name)
    return value
