"""The registry: what every file, stream and console script is, stated once. Nothing here imports NumPy."""
from .model import AREAPERIL, Field, Option, Report, Stream, Table, Tool
from .reports import REPORTS
from .streams import STREAMS
from .tables import TABLES
from .tools import TOOLS

__all__ = ["AREAPERIL", "Field", "Option", "Report", "Stream", "Table", "Tool", "REPORTS", "STREAMS", "TABLES", "TOOLS"]
