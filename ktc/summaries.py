"""The stage summarycalc, as a class for a chain and as a function: losses by summary."""

from __future__ import annotations

import os

from ._core.codec import LossEncoder
from .building import KERNELS, Run, Stage
from .errors import UsageError
from .schemas import streams as kinds
from .sources import Chain, LossStream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Literal, Never  # noqa: F401

    from ._core.io import Mapped
    from ._types import AreaperilBytes, Destination, PathLike, SourceLike, TargetLike


__all__ = ["SummaryCalc", "summarycalc"]


class SummaryCalc(Stage["Never"]):
    """The stage summarycalc: losses in, losses by summary out, for up to ten summary sets.

    See ktc.summarycalc, whose other options it takes.

    Parameters
    ----------
    outputs : mapping or sequence of pairs
        The destination of each summary set, by its number.
    stream : {"item", "coverage", "fm", "legacy item"}, default "item"
        What the losses are of.
    """

    takes, gives = "losses", "losses"
    any_set = False  # numbers of sets beyond 9, too

    def __init__(
        self,
        outputs: Mapping[int, Destination] | Sequence[tuple[int, Destination]],
        *,
        stream: Literal["item", "coverage", "fm", "legacy item"] = "item",
        zeros: bool = False,
        index: bool = False,
        input_path: PathLike | None = None,
        areaperil_bytes: AreaperilBytes = 4,
        exact: bool = False,
    ) -> None:
        if stream not in ("item", "coverage", "fm", "legacy item"):
            raise UsageError(f"the kind of losses is {stream!r}, expected item, coverage, fm or legacy item")
        self.outputs: dict[int, Any] = dict(outputs)
        self.stream, self.zeros, self.index = stream, zeros, index
        self.input_path, self.areaperil_bytes, self.exact = input_path, areaperil_bytes, exact

    def build(self, run: Run, out: Any = None) -> Any:
        from ._core.summarycalc import SummaryCalc as Kernel

        if out is not None:
            raise UsageError(
                "what follows SummaryCalc is given for each summary set, as in SummaryCalc({1: ...})"
            )
        # All outputs before any index, in the order asked for: that is the order in which named pipes meet
        # their readers.
        sinks: dict[int, Any] = {
            number: run.outputs.open(to) if self.is_target(to) else None
            for number, to in self.outputs.items()
        }
        following = {
            number: run.consumer(to, self)
            if sinks[number] is None
            else LossEncoder(
                sinks[number], run.outputs.open(self.index_name(to)) if self.has_index(to) else None
            )
            for number, to in self.outputs.items()
        }
        by_coverage, legacy = self.stream == "coverage", self.stream == "legacy item"

        def table(name: str) -> Mapped:
            return run.folder.table(name, self.input_path)

        return Kernel(
            table("fmsummaryxref" if self.stream == "fm" else "gulsummaryxref"),
            following,
            self.zeros,
            table("coverages") if by_coverage or legacy else None,
            table("items") if legacy else None,
            self.areaperil_bytes,
            self.exact,
            self.any_set,
        )

    @staticmethod
    def is_target(destination: Any) -> bool:
        """Whether a stream is written here, and not handed on."""
        return not isinstance(destination, (Stage, list, tuple, *KERNELS))

    def has_index(self, target: Any) -> bool:
        """Whether an index is written beside this target."""
        return self.index and isinstance(target, (str, os.PathLike)) and os.fspath(target) != "-"

    @staticmethod
    def index_name(target: PathLike) -> str:
        """<path without .bin>.idx, as ktools names it."""
        name = os.fspath(target)
        return (name[:-4] if name[4:] and name.endswith(".bin") else name) + ".idx"


def summarycalc(
    source: SourceLike = None,
    outputs: Mapping[int, TargetLike] | Sequence[tuple[int, TargetLike]] | None = None,
    *,
    item: bool = False,
    fm: bool = False,
    coverage: bool = False,
    legacy_item: bool = False,
    zeros: bool = False,
    index: bool = False,
    input_path: PathLike | None = None,
    root: PathLike = ".",
    areaperil_bytes: AreaperilBytes = 4,
    exact: bool = False,
) -> None:
    """Losses summed by summary, for up to ten summary sets at once: a loss stream in, summary streams out.

    Exactly one of item, fm, coverage and legacy_item names the input.

    Parameters
    ----------
    source : source, optional
        A stream of losses.
    outputs : mapping or sequence of pairs
        The target of each summary set, by its number; targets are opened in this order.
    item : bool, default False
        A loss stream, grouped by input/gulsummaryxref.bin.
    fm : bool, default False
        A loss stream of the financial module, grouped by input/fmsummaryxref.bin.
    coverage : bool, default False
        A coverage stream, grouped by gulsummaryxref.bin; reads coverages.bin.
    legacy_item : bool, default False
        An item stream, summed by coverage and grouped by gulsummaryxref.bin; reads coverages.bin and
        items.bin.
    zeros : bool, default False
        Summaries without exposure and losses of 0 too.
    index : bool, default False
        Beside each output that is a path, a file `<path without .bin>.idx` with a line "summary_id,offset"
        for each packet.
    input_path, root, areaperil_bytes, exact
        As fmcalc has them.

    Examples
    --------
    >>> import ktc
    >>> ktc.getmodel(ktc.eve(1, 1), "cdfs.bin")
    >>> ktc.gulcalc("cdfs.bin", item="losses.bin", sample_size=10, alloc_rule=1)
    >>> ktc.summarycalc("losses.bin", {1: "portfolio.bin", 2: "lines.bin"}, item=True)
    >>> ktc.read_stream("lines.bin").summary_set
    2
    """
    streams: list[Any] = [
        name
        for name, given in (("item", item), ("fm", fm), ("coverage", coverage), ("legacy item", legacy_item))
        if given
    ]
    if len(streams) != 1:
        raise UsageError("name one kind of input, and no more: -i, -f, -c or -g")
    given = outputs or ()
    pairs = list(given.items() if hasattr(given, "items") else given)
    if not pairs:
        raise UsageError("no output: name at least one summary set and where it goes, as in -1 -")
    if len(dict(pairs)) < len(pairs):
        raise UsageError("a summary set is asked for twice")
    stage = SummaryCalc(
        pairs,
        stream=streams[0],
        zeros=zeros,
        index=index,
        input_path=input_path,
        areaperil_bytes=areaperil_bytes,
        exact=exact,
    )
    kind = kinds.COVERAGE if coverage else kinds.ITEM if legacy_item else kinds.LOSS
    Chain(LossStream(source, kinds=[kind], whole_events=False), stage, root=root).run()
