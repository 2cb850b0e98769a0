"""Reports as tables: in memory (NumPy, Arrow, pandas), and as parquet.

A report's destination is a path, descriptor or file object, where it is written as csv; Parquet(path); or a
ResultTable, which keeps its rows. Arrow and parquet need pyarrow, an extra: pip install 'ktc[parquet]'. It is
imported when it is asked for.
"""

from __future__ import annotations

import io

from . import schemas
from ._core.io import write_all
from ._core.rows import RowGroups, RowMemory
from .errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    import numpy as np

    from ._core.io import Outputs, Sink
    from ._types import TargetLike
    from .schemas.model import Report


__all__ = ["Parquet", "ResultTable"]


def arrow() -> Any:
    """The library pyarrow, or a UsageError that says how to get it."""
    try:
        import pyarrow
    except ImportError:
        raise UsageError(
            "parquet and Arrow need pyarrow, which is not installed: pip install 'ktc[parquet]'"
        ) from None
    return pyarrow


def arrow_schema(report: Report) -> Any:
    """The columns of a report in Arrow and parquet: int32 and float32, never null, as in ktools."""
    pa = arrow()
    return pa.schema(
        [
            pa.field(f.name, pa.int32() if f.type[0] == "i" else pa.float32(), nullable=False)
            for f in report.fields
        ]
    )


def record_batch(report: Report, rows: Any) -> Any:
    """A buffer of a report's rows as an Arrow record batch, copied."""
    import numpy

    pa = arrow()
    array = numpy.frombuffer(rows, report.dtype())
    with numpy.errstate(over="ignore"):  # what a float32 cannot hold is infinite, as in ktools
        columns = [pa.array(array[f.name].astype("i4" if f.type[0] == "i" else "f4")) for f in report.fields]
    return pa.RecordBatch.from_arrays(columns, schema=arrow_schema(report))


class SinkFile(io.RawIOBase):
    """A Sink as the file object that parquet is written to: it can be written, and asked for its position."""

    def __init__(self, sink: Sink) -> None:
        self.sink, self.at = sink, 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        write_all(self.sink, bytes(data))
        size = len(data)
        self.at += size
        return size

    def tell(self) -> int:
        return self.at

    def close(self) -> None:
        """The sink stays its owner's to close."""


class ParquetWriter:
    """Record batches of a report into a parquet file on a Sink. close() writes its end; without that there is
    no file."""

    def __init__(self, report: Report, sink: Sink) -> None:
        pa = arrow()
        import pyarrow.parquet  # noqa: F401

        keys = [field.name for field in report.fields if field.type[0] == "i"]
        # Not compressed, because ktools' own reader knows no compression; losses hardly ever repeat, keys do.
        self.file = pa.parquet.ParquetWriter(
            SinkFile(sink), arrow_schema(report), compression="none", use_dictionary=keys
        )

    def write(self, batch: Any) -> None:
        """One row group."""
        self.file.write_batch(batch)

    def close(self) -> None:
        """The end of the file."""
        self.file.close()


class Parquet:
    """A destination: the report as a parquet file. Needs pyarrow.

    Parameters
    ----------
    target : str or path, int or file object
        Where the file goes.

    Examples
    --------
    >>> import ktc
    >>> both = [ktc.Parquet("elt.parquet"), "elt.csv"]
    >>> summaries = ktc.SummaryCalc({1: ktc.EltCalc(both)})
    >>> ktc.Chain(ktc.Events(), ktc.GetModel(), ktc.GulCalc(sample_size=10, alloc_rule=1), summaries).run()
    """

    def __init__(self, target: TargetLike) -> None:
        self.target = target

    def consumer(self, report: Report, outputs: Outputs) -> Any:
        """The kernel that takes the rows."""
        arrow()  # before anything is opened
        writer = ParquetWriter(report, outputs.open(self.target))
        return RowGroups(report, lambda rows: writer.write(record_batch(report, rows)), writer.close)


class ResultTable:
    """Rows of one report in memory: a destination, and what an accumulator gives.

    Parameters
    ----------
    report : str or Report
        The report's name in ktc.schemas.REPORTS, or its entry.

    Notes
    -----
    A table that has been a destination several times has the rows of all runs.

    Examples
    --------
    >>> import ktc
    >>> table = ktc.ResultTable("event_loss_table")
    >>> summaries = ktc.SummaryCalc({1: ktc.EltCalc(table)})
    >>> ktc.Chain(ktc.Events(), ktc.GetModel(), ktc.GulCalc(sample_size=10, alloc_rule=1), summaries).run()
    >>> len(table) == len(table.numpy()) > 0
    True
    """

    def __init__(self, report: str | Report) -> None:
        self.report: Report = schemas.REPORTS[report] if isinstance(report, str) else report
        self.rows = RowMemory(self.report)

    def __len__(self) -> int:
        count: int = len(self.rows)
        return count

    def __repr__(self) -> str:
        return f"<ktc.ResultTable: {len(self)} rows of {self.report.name}>"

    def consumer(self, report: Report, outputs: Outputs) -> Any:
        """The kernel that takes the rows."""
        if report is not self.report:
            raise UsageError(f"rows of {report.name} cannot go to a table of {self.report.name}")
        return self.rows

    def merge(self, other: ResultTable) -> ResultTable:
        """Add the rows of another table of the same report after this one's.

        Parameters
        ----------
        other : ResultTable
            The other table; it keeps its rows.

        Returns
        -------
        ResultTable
            This one.
        """
        self.rows.extend(other.rows)
        return self

    def numpy(self) -> np.ndarray[Any, np.dtype[np.void]]:
        """A structured array over the rows, read-only.

        While it is in use nothing can be added to the table.

        Returns
        -------
        numpy.ndarray
            Of the report's dtype, one record for each row.
        """
        import numpy

        dtype: Any = self.report.dtype()
        rows: np.ndarray[Any, np.dtype[np.void]] = numpy.frombuffer(self.rows, dtype)
        return rows

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The rows for polars, duckdb and others that read Arrow's C stream."""
        stream: object = self.arrow().__arrow_c_stream__(requested_schema)
        return stream

    def arrow(self) -> Any:
        """The rows as Arrow has them, copied. Needs pyarrow.

        Returns
        -------
        pyarrow.Table
            Whole numbers are int32, all else is float32.

        Raises
        ------
        UsageError
            pyarrow is not installed.
        """
        return arrow().Table.from_batches([record_batch(self.report, self.rows)])

    def pandas(self) -> Any:
        """The rows as a data frame, copied. Needs pandas.

        Returns
        -------
        pandas.DataFrame
            With the columns' own types.
        """
        import pandas

        return pandas.DataFrame({f.name: self.numpy()[f.name].copy() for f in self.report.fields})
