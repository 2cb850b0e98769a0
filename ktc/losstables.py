"""Event and period loss tables of losses by summary, as classes for a chain and as functions: eltcalc and
pltcalc."""

from __future__ import annotations

import os

from ._core.io import Outputs, Source
from .building import Last, Run, with_parquet
from .schemas import streams as kinds
from .sources import Chain, LossStream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ._types import PathLike, RowTarget, SourceLike, TargetLike


__all__ = ["EltCalc", "LossTables", "PltCalc", "eltcalc", "pltcalc"]


class LossTables(Last):
    """Base of the stages that end in tables of reports: losses by summary in, tables out.

    Parameters
    ----------
    target : destination of rows or None
        Where the legacy table goes; None is standard output if no other table is wanted, and else nowhere.
    **tables : destination of rows or None
        Where the tables of Open Results Data go, by name.
    """

    takes = "losses"

    def __init__(self, target: RowTarget, skip_header: bool, exact: bool, **tables: RowTarget) -> None:
        self.tables: dict[str, Any] = {name: to for name, to in tables.items() if to is not None and to != []}
        if target is not None or not self.tables:
            self.tables["legacy"] = target
        self.skip_header, self.exact = skip_header, exact

    def rows(self, run: Run, reports: Mapping[str, str]) -> dict[str, Any]:
        """Where the rows of each table that is wanted go. reports: {table: report}, in the order of
        opening."""
        return {
            name: run.rows(report, self.tables[name], not self.skip_header)
            for name, report in reports.items()
            if name in self.tables
        }

    def quantiles(self, run: Run) -> Any:
        """The quantiles, if there is a table of them."""
        from ._core.samples import Quantiles

        return Quantiles(run.folder.table("quantile"), self.exact) if "quantile" in self.tables else None


class EltCalc(LossTables):
    """The stage eltcalc: losses by summary in, event loss tables out.

    See ktc.eltcalc, whose options it takes but for those of parquet: a destination may be ktc.Parquet."""

    def __init__(
        self,
        target: RowTarget = None,
        *,
        moment: RowTarget = None,
        quantile: RowTarget = None,
        skip_header: bool = False,
        exact: bool = False,
    ) -> None:
        super().__init__(target, skip_header, exact, moment=moment, quantile=quantile)

    def end(self, run: Run) -> Any:
        from ._core.eltcalc import EltCalc as Kernel

        rows = self.rows(
            run,
            {
                "legacy": "event_loss_table",
                "moment": "moment_event_loss_table",
                "quantile": "quantile_event_loss_table",
            },
        )
        return Kernel(
            rates=self.event_rates(run) if "moment" in rows else None,
            quantiles=self.quantiles(run),
            exact=self.exact,
            **rows,
        )

    @staticmethod
    def event_rates(run: Run) -> Any:
        """The rates of input/event_rates.csv if there is one, else those of the occurrence table."""
        from ._core.eltcalc import EventRates
        from .schemas.tables import EVENT_RATES

        path = run.folder.event_rates()
        if not os.path.exists(path):
            return EventRates(occurrences=run.folder.occurrences())
        from ._core.csvrows import CsvRows
        from .converting import layout_of

        return EventRates(CsvRows(Source(path), layout_of(EVENT_RATES)))


def eltcalc(
    source: SourceLike = None,
    target: RowTarget = None,
    *,
    moment: RowTarget = None,
    moment_parquet: TargetLike = None,
    quantile: RowTarget = None,
    quantile_parquet: TargetLike = None,
    process: int = 0,
    skip_header: bool = False,
    exact: bool = False,
    root: PathLike = ".",
) -> None:
    """Event loss tables of a summary stream: a few rows for each summary of an event.

    Only summaries with an exposed value have rows. MELT reads input/event_rates.csv (lines of event_id and
    rate below a header), or without that file input/occurrence.bin; QELT reads input/quantile.bin.

    Parameters
    ----------
    source : source, optional
        A stream of losses by summary.
    target : destination of rows, optional
        Where the legacy table goes, mean and standard deviation (event_loss_table). By default standard
        output, or nowhere if there are other tables.
    moment : destination of rows, optional
        Where MELT goes, moments and the event's rate (moment_event_loss_table).
    moment_parquet : target, optional
        Where MELT goes as parquet.
    quantile : destination of rows, optional
        Where QELT goes, quantiles of the losses (quantile_event_loss_table).
    quantile_parquet : target, optional
        Where QELT goes as parquet.
    process : int, default 0
        Unless 0, leave an empty file work/sema_elt/<process>.id at the start, as ktools does.
    skip_header : bool, default False
        Write csv without the line of column names.
    exact : bool, default False
        Double arithmetic, in every digit.
    root : str or path, default "."
        The folder that holds input/ and work/.
    """
    stage = EltCalc(
        target,
        moment=with_parquet(moment, moment_parquet),
        quantile=with_parquet(quantile, quantile_parquet),
        skip_header=skip_header,
        exact=exact,
    )
    if process:
        with Outputs() as outputs:
            outputs.open(os.path.join(root, "work", "sema_elt", f"{process}.id"))
    Chain(LossStream(source, kinds=[kinds.SUMMARY]), stage, root=root).run()


class PltCalc(LossTables):
    """The stage pltcalc: losses by summary in, period loss tables out.

    See ktc.pltcalc, whose options it takes but for those of parquet."""

    def __init__(
        self,
        target: RowTarget = None,
        *,
        moment: RowTarget = None,
        quantile: RowTarget = None,
        sample: RowTarget = None,
        skip_header: bool = False,
        exact: bool = False,
    ) -> None:
        super().__init__(target, skip_header, exact, moment=moment, quantile=quantile, sample=sample)

    def end(self, run: Run) -> Any:
        from ._core.pltcalc import PltCalc as Kernel

        reports = {
            "moment": "moment_period_loss_table",
            "quantile": "quantile_period_loss_table",
            "sample": "sample_period_loss_table",
        }
        occurrences = run.folder.occurrences()
        if "legacy" in self.tables:  # the occurrence table says whether it has dates
            reports = {"legacy": f"period_loss_table{'_dates' if occurrences.dated else ''}", **reports}
        rows = self.rows(run, reports)
        weights = None
        if rows.keys() - {"legacy"} and run.folder.optional("periods") is not None:
            weights = run.folder.period_weights()
        return Kernel(occurrences, weights=weights, quantiles=self.quantiles(run), exact=self.exact, **rows)


def pltcalc(
    source: SourceLike = None,
    target: RowTarget = None,
    *,
    moment: RowTarget = None,
    moment_parquet: TargetLike = None,
    quantile: RowTarget = None,
    quantile_parquet: TargetLike = None,
    sample: RowTarget = None,
    sample_parquet: TargetLike = None,
    skip_header: bool = False,
    exact: bool = False,
    root: PathLike = ".",
) -> None:
    """Period loss tables of a summary stream: the losses of each summary in every period of its event.

    Reads input/occurrence.bin, for all but the legacy table input/periods.bin where it is there, and for QPLT
    input/quantile.bin.

    Parameters
    ----------
    source : source, optional
        A stream of losses by summary.
    target : destination of rows, optional
        Where the legacy table goes, mean and standard deviation: period_loss_table, or with dates in the
        occurrence table period_loss_table_dates. By default standard output, or nowhere if there are other
        tables.
    moment : destination of rows, optional
        Where MPLT goes, moments (moment_period_loss_table).
    moment_parquet : target, optional
        Where MPLT goes as parquet.
    quantile : destination of rows, optional
        Where QPLT goes, quantiles of the losses (quantile_period_loss_table).
    quantile_parquet : target, optional
        Where QPLT goes as parquet.
    sample : destination of rows, optional
        Where SPLT goes, the losses of all samples (sample_period_loss_table).
    sample_parquet : target, optional
        Where SPLT goes as parquet.
    skip_header : bool, default False
        Write csv without the line of column names.
    exact : bool, default False
        Double arithmetic, in every digit.
    root : str or path, default "."
        The folder that holds input/.
    """
    stage = PltCalc(
        target,
        moment=with_parquet(moment, moment_parquet),
        quantile=with_parquet(quantile, quantile_parquet),
        sample=with_parquet(sample, sample_parquet),
        skip_header=skip_header,
        exact=exact,
    )
    Chain(LossStream(source, kinds=[kinds.SUMMARY]), stage, root=root).run()
