"""The stages up to ground-up losses, as classes for a chain and as functions: eve, getmodel, gulcalc and
placalc."""

from __future__ import annotations

import os

from ._core.codec import CdfEncoder, LossEncoder
from .building import Producer, Run, Stage
from .errors import UsageError, warn
from .schemas import streams as kinds
from .sources import CdfStream, Chain, Events, LossStream, done

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    import numpy as np
    from numpy.typing import NDArray

    from ._core.frames import Cdfs, Losses
    from ._core.io import Sink
    from ._types import AreaperilBytes, Destination, PathLike, SourceLike, TargetLike


__all__ = ["GetModel", "GulCalc", "PlaCalc", "eve", "getmodel", "gulcalc", "placalc"]

NO_OUTPUT = "no output option selected: give an item output, a coverage output or both"


def eve(
    process: int,
    total: int,
    target: TargetLike = None,
    *,
    in_order: bool = False,
    fisher_yates: bool = False,
    legacy_shuffle: bool = False,
    text: bool = False,
    root: PathLike = ".",
) -> NDArray[np.int32] | None:
    """The share of one process in the events of input/events.bin.

    Events are dealt out one by one as they stand in the file, unless one of in_order, fisher_yates and
    legacy_shuffle is set; the first that is set counts.

    Parameters
    ----------
    process : int
        The process, counted from 1.
    total : int
        How many processes share the events.
    target : target, optional
        Where the ids go. Without it they are returned, or with text go to standard output.
    in_order : bool, default False
        Consecutive events.
    fisher_yates : bool, default False
        Events are shuffled, then dealt out.
    legacy_shuffle : bool, default False
        Events are shuffled as std::shuffle does it; consecutive ones of these.
    text : bool, default False
        Ids as text, one a line.
    root : str or path, default "."
        The folder that holds input/.

    Returns
    -------
    numpy.ndarray of int32 or None
        The event ids, if they go nowhere else.

    Raises
    ------
    DataError
        input/events.bin is not a list of event ids.
    UsageError
        The process is outside 1 to total.
    InputError
        input/events.bin is missing or cannot be read.
    OutputError
        The target cannot be written.

    Examples
    --------
    >>> import ktc
    >>> ktc.eve(1, 100).tolist()
    [1, 101, 201]
    """
    events = Events(
        process, total, in_order=in_order, fisher_yates=fisher_yates, legacy_shuffle=legacy_shuffle
    )
    if target is None and not text:
        return events.array(root)
    if not text:
        Chain(events, target, root=root).run()
        return None
    from .streamcsv import EventsToText

    Chain(events, EventsToText(target), root=root).run()
    return None


class GetModel(Stage["Cdfs"]):
    """The stage getmodel: events in, cumulative damage distributions out.

    See ktc.getmodel, whose options it takes.

    Parameters
    ----------
    out : destination, optional
        Where the cdf stream goes, if no stage follows.
    """

    takes, gives = "events", "cdfs"

    def __init__(self, out: Destination = None, *, areaperil_bytes: AreaperilBytes = 4) -> None:
        self.out, self.areaperil_bytes = out, areaperil_bytes

    def encoder(self, sink: Sink) -> Any:
        return CdfEncoder(sink, self.areaperil_bytes)

    def build(self, run: Run, out: Any = None) -> Any:
        from ._core.getmodel import GetModel as Kernel
        from ._core.getmodel import Model

        following = run.consumer(self.out if out is None else out, self)
        stage = Kernel(Model(run.folder.root, self.areaperil_bytes))
        stage.out = following
        return stage


def getmodel(
    source: SourceLike = None,
    target: TargetLike = None,
    *,
    root: PathLike = ".",
    areaperil_bytes: AreaperilBytes = 4,
) -> Chain[Cdfs] | None:
    """Make the cumulative damage distributions of the portfolio in each event.

    Reads input/items.bin and, of static/, the damage bins, the footprint and the vulnerabilities (each as it
    is, indexed or compressed). An event that is not in the footprint has no distributions.

    Parameters
    ----------
    source : array of int32 or source, optional
        Event ids.
    target : target, optional
        Where the stream goes; blocks are returned without it.
    root : str or path, default "."
        The folder that holds input/ and static/.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.

    Returns
    -------
    Chain or None
        Without a target an iterable of Cdfs, else None.

    Examples
    --------
    >>> import ktc
    >>> for cdfs in ktc.getmodel(ktc.eve(1, 100)):
    ...     print(cdfs.event_id, len(cdfs) > 0)
    1 True
    101 True
    201 True
    """
    events = Events(ids=source if source is not None else "-")
    return done(Chain(events, GetModel(target, areaperil_bytes=areaperil_bytes), root=root), target)


class GulCalc(Stage["Losses"]):
    """The stage gulcalc: distributions in, ground-up losses out.

    See ktc.gulcalc, whose options it takes. item, coverage and correlated are destinations, and where a stage
    follows, item is not needed.
    """

    takes, gives = "cdfs", "losses"

    def __init__(
        self,
        item: Destination = None,
        *,
        coverage: Destination = None,
        correlated: Destination = None,
        sample_size: int = -1,
        alloc_rule: int = -1,
        loss_threshold: float = 0.000001,
        random: Literal["hashed", "cached", "file"] = "hashed",
        vector_size: int = 1000000,
        seed: int = 0,
        debug: bool = False,
        areaperil_bytes: AreaperilBytes = 4,
    ) -> None:
        self.item, self.coverage, self.correlated = item, coverage, correlated
        self.random = random
        self.options: dict[str, Any] = dict(
            sample_size=sample_size,
            alloc_rule=alloc_rule,
            loss_threshold=loss_threshold,
            random=random,
            vector_size=vector_size,
            seed=seed,
            debug=debug,
            areaperil=areaperil_bytes,
        )

    def encoder(self, sink: Sink) -> Any:
        return LossEncoder(sink, merge=True)

    def build(self, run: Run, out: Any = None) -> Any:
        import time

        from ._core.gulcalc import GulCalc as Kernel

        destinations = {
            "item": self.item if out is None else out,
            "coverage": self.coverage,
            "correlated": self.correlated,
        }
        following = {name: run.consumer(to, self) for name, to in destinations.items() if to is not None}
        tables = [run.folder.table(name) for name in ("items", "coverages", "damage_bin_dict")]
        stage = Kernel(
            *tables,
            random_file=run.folder.table("random") if self.random == "file" else None,
            clock=int(time.time()) & 0x7FFFFFFF,
            **self.options,
        )
        for name, consumer in following.items():
            setattr(stage, name, consumer)
        return stage


def gulcalc(
    source: SourceLike = None,
    *,
    item: TargetLike = None,
    coverage: TargetLike = None,
    correlated: TargetLike = None,
    sample_size: int = -1,
    alloc_rule: int = -1,
    loss_threshold: float = 0.000001,
    random: Literal["hashed", "cached", "file"] = "hashed",
    vector_size: int = 1000000,
    seed: int = 0,
    debug: bool = False,
    root: PathLike = ".",
    areaperil_bytes: AreaperilBytes = 4,
) -> Chain[Losses] | None:
    """Ground-up losses: a cdf stream in, loss streams out.

    Losses are written to whichever of item, coverage and correlated are given, of item and coverage at least
    one. Without any of the three, blocks of the losses by item are returned. Reads input/items.bin,
    input/coverages.bin, static/damage_bin_dict.bin and, with random="file", static/random.bin.

    Parameters
    ----------
    source : source, optional
        A cdf stream.
    item : target, optional
        Where losses by item go.
    coverage : target, optional
        Where losses by coverage go; left out with a warning where alloc_rule is 1 to 3.
    correlated : target, optional
        Where the items' losses go when all items of an event share their random numbers ("-" is a file of
        that name). Coverage losses beside it have no samples, as in ktools.
    sample_size : int, default -1
        Samples of each item; -1 for none, and a header that says so.
    alloc_rule : {-1, 0, 1, 2, 3}, default -1
        How items share their coverage's loss, 1 to 3 (see ktc._core.gulcalc.GulCalc); 0: not at all; below 0:
        not at all, in the old item form.
    loss_threshold : float, default 0.000001
        Samples below it, in currency, are left out.
    random : {"hashed", "cached", "file"}, default "hashed"
        The random numbers: a generator seeded by the group, the event and seed; one generator, seeded with
        seed if that is above 0 and else by the clock, and vector_size numbers; or those of static/random.bin.
    vector_size : int, default 1000000
        How many random numbers "cached" has.
    seed : int, default 0
        The seed.
    debug : bool, default False
        Random numbers instead of losses.
    root : str or path, default "."
        The folder that holds input/ and static/.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.

    Returns
    -------
    Chain or None
        Without an output an iterable of Losses, else None.

    Examples
    --------
    >>> import io, ktc
    >>> ktc.getmodel(ktc.eve(1, 100), "cdfs.bin")
    >>> losses = io.BytesIO()
    >>> ktc.gulcalc("cdfs.bin", item=losses, sample_size=10, alloc_rule=1)
    >>> ktc.read_stream(losses.getvalue()).sample_size
    10

    Without an output, block by block:

    >>> for block in ktc.gulcalc("cdfs.bin", sample_size=10, alloc_rule=1):
    ...     print(block.event_id, block.dense(10).shape[1])
    1 10
    101 10
    201 10
    """
    blocks = item is None and coverage is None and correlated is None
    if coverage is not None and alloc_rule > 0:
        warn(f"allocation rule {alloc_rule} gives no coverage losses: ignoring the coverage output")
        coverage = None
    if item is None and coverage is None and not blocks:
        raise UsageError(NO_OUTPUT)
    if correlated == "-":  # a file of that name, as in ktools
        correlated = os.path.join(".", "-")
    stage = GulCalc(
        item,
        coverage=coverage,
        correlated=correlated,
        sample_size=sample_size,
        alloc_rule=alloc_rule,
        loss_threshold=loss_threshold,
        random=random,
        vector_size=vector_size,
        seed=seed,
        debug=debug,
        areaperil_bytes=areaperil_bytes,
    )
    stream = CdfStream(source, areaperil_bytes=areaperil_bytes, whole_events=alloc_rule <= 0)
    whole = Chain(stream, stage, root=root)
    if blocks:
        return whole
    whole.run()
    return None


def run_gulcalc(*, item: TargetLike = None, coverage: TargetLike = None, **options: Any) -> None:
    """gulcalc as the script has it: blocks would go nowhere."""
    if item is None and coverage is None:
        raise UsageError(NO_OUTPUT)
    gulcalc(item=item, coverage=coverage, **options)


class LossCopy(Producer):
    """Losses of a LossStream, written with a last terminator if that has one."""

    gives = "losses"

    def encoder(self, sink: Sink) -> Any:
        from ._core.placalc import OpenEndEncoder

        return OpenEndEncoder(sink)


class PlaCalc(Stage["Losses"]):
    """The stage placalc: losses by item in, the same times post-loss amplification factors out.

    They are written as what feeds the stage would write them. See ktc.placalc, whose options it takes.

    Parameters
    ----------
    out : destination, optional
        Where the losses go, if no stage follows.
    """

    takes, gives = "losses", "losses"

    def __init__(
        self, out: Destination = None, *, relative_factor: float = 1.0, absolute_factor: float = 0.0
    ) -> None:
        self.out = out
        self.factors: dict[str, float] = dict(relative=relative_factor, absolute=absolute_factor)

    def build(self, run: Run, out: Any = None) -> Any:
        from ._core.placalc import PlaCalc as Kernel

        producer: Any = run.producer
        if isinstance(producer, LossStream):
            run.open_end, producer = True, LossCopy()
        following = run.consumer(self.out if out is None else out, producer)
        table = run.folder.table
        tables = () if self.factors["absolute"] else (table("amplifications"), table("lossfactors"))
        stage: Any = Kernel(*tables, **self.factors)  # type: ignore[arg-type]
        stage.out = following
        return stage


def placalc(
    source: SourceLike = None,
    target: TargetLike = None,
    *,
    relative_factor: float = 1.0,
    absolute_factor: float = 0.0,
    root: PathLike = ".",
) -> Chain[Losses] | None:
    """Multiply losses by the factors of post-loss amplification.

    Reads input/amplifications.bin, the amplification of each item, and static/lossfactors.bin, the factors by
    event and amplification; a pair without one has the factor 1.

    Parameters
    ----------
    source : source, optional
        A stream of losses by item.
    target : target, optional
        Where they go; blocks are returned without it.
    relative_factor : float, default 1.0
        How much of a factor counts, 0 to 1, which makes it 1 + relative_factor * (factor - 1).
    absolute_factor : float, default 0.0
        Unless 0, the factor of all losses, whatever their ids are (those of coverages too); lossfactors.bin
        is not read, and relative_factor is ignored with a warning.
    root : str or path, default "."
        The folder that holds input/ and static/.

    Returns
    -------
    Chain or None
        Without a target an iterable of Losses, else None.

    Notes
    -----
    The mean, the TIV and the other records with a sidx below 0 are multiplied like the samples.
    """
    if relative_factor < 1 and absolute_factor > 0:
        warn("relative and absolute factors exclude each other: ignoring the relative one")
        relative_factor = 1.0
    accepted = [kinds.LOSS, kinds.ITEM] + ([kinds.COVERAGE, kinds.COVERAGE_LOSS] if absolute_factor else [])
    stage = PlaCalc(target, relative_factor=relative_factor, absolute_factor=absolute_factor)
    return done(Chain(LossStream(source, kinds=accepted), stage, root=root), target)
