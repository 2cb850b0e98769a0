"""The stages as functions: each is a chain (ktc.chain) of one stage between a stream and its outputs.

Sources may be None or "-" (standard input), a path, a descriptor, a file object, or anything with a buffer
(bytes, mmap, NumPy array); targets "-" (standard output), a path, a descriptor or a file object. Without a
target a function whose output is csv writes to standard output, and one whose output is a stream gives an
iterable of its blocks (ktc.Cdfs, ktc.Losses), eve an array of ids. `root` is the folder that holds input/ and
static/. Outputs that are regular files appear complete or not at all.

A stage that gives out while an event is still coming in is fed whole events, so that no part of an unfinished
one goes downstream.
"""

from __future__ import annotations

import os

from . import chain
from ._core.io import Outputs
from .building import Block, with_parquet
from .chain import CdfStream, Chain, Events, LossCsv, LossStream
from .errors import UsageError, warn
from .schemas import streams as kinds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Literal

    import numpy as np
    from numpy.typing import NDArray

    from ._core.frames import Cdfs, Losses
    from ._types import AreaperilBytes, PathLike, RowTarget, SourceLike, TargetLike


__all__ = [
    "cdftocsv",
    "eltcalc",
    "eve",
    "fmcalc",
    "fmtocsv",
    "getmodel",
    "gulcalc",
    "gultobin",
    "gultocsv",
    "placalc",
    "pltcalc",
    "summarycalc",
    "summarycalctobin",
    "summarycalctocsv",
]


def done(whole: Chain[Block], target: object) -> Chain[Block] | None:
    """A chain that has a target, run; one that has none is for its user to iterate."""
    if target is None:
        return whole
    whole.run()
    return None


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
    target : str or path, int or file object, optional
        Where the ids go; "-" is standard output. Without a target they are returned, or with text go to
        standard output.
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
    Chain(events, chain.EventsToText(target) if text else target, root=root).run()
    return None


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
    source : array of int32, str or path, int, file object or bytes-like, optional
        Event ids; None or "-" is standard input.
    target : str or path, int or file object, optional
        Where the stream goes; "-" is standard output. Without a target blocks are returned.
    root : str or path, default "."
        The folder that holds input/ and static/.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.

    Returns
    -------
    Chain or None
        Without a target an iterable of Cdfs, else None.

    Raises
    ------
    DataError
        Wrong input; the message says where.
    UsageError
        Arguments that do not make sense, alone or together.
    InputError
        A file is missing or cannot be read.
    OutputError
        An output cannot be written.

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
    return done(Chain(events, chain.GetModel(target, areaperil_bytes=areaperil_bytes), root=root), target)


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
) -> None:
    """Ground-up losses: a cdf stream in, loss streams out.

    Losses are written to whichever of item, coverage and correlated are given, of item and coverage at least
    one. Reads input/items.bin, input/coverages.bin, static/damage_bin_dict.bin and, with random="file",
    static/random.bin.

    Parameters
    ----------
    source : str or path, int, file object or bytes-like, optional
        Where the stream comes from; None or "-" is standard input.
    item : str or path, int or file object, optional
        Where losses by item go; "-" is standard output.
    coverage : str or path, int or file object, optional
        Where losses by coverage go; left out with a warning where alloc_rule is 1 to 3.
    correlated : str or path, int or file object, optional
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

    Raises
    ------
    DataError
        Wrong input; the message says where.
    UsageError
        Arguments that do not make sense, alone or together.
    InputError
        A file is missing or cannot be read.
    OutputError
        An output cannot be written.

    Examples
    --------
    >>> import io, ktc
    >>> ktc.getmodel(ktc.eve(1, 1), "cdfs.bin")
    >>> losses = io.BytesIO()
    >>> ktc.gulcalc("cdfs.bin", item=losses, sample_size=10, alloc_rule=1)
    >>> ktc.read_stream(losses.getvalue()).sample_size
    10
    """
    if coverage is not None and alloc_rule > 0:
        warn(f"allocation rule {alloc_rule} gives no coverage losses: ignoring the coverage output")
        coverage = None
    if item is None and coverage is None:
        raise UsageError("no output option selected: give an item output, a coverage output or both")
    if correlated == "-":  # a file of that name, as in ktools
        correlated = os.path.join(".", "-")
    stage = chain.GulCalc(
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
    Chain(
        CdfStream(source, areaperil_bytes=areaperil_bytes, whole_events=alloc_rule <= 0), stage, root=root
    ).run()


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
    source : str or path, int, file object or bytes-like, optional
        Where the stream comes from; None or "-" is standard input.
    target : str or path, int or file object, optional
        Where the stream goes; "-" is standard output. Without a target blocks are returned.
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

    Raises
    ------
    DataError
        Wrong input; the message says where.
    UsageError
        Arguments that do not make sense, alone or together.
    InputError
        A file is missing or cannot be read.
    OutputError
        An output cannot be written.

    Notes
    -----
    The mean, the TIV and the other records with a sidx below 0 are multiplied like the samples.
    """
    if relative_factor < 1 and absolute_factor > 0:
        warn("relative and absolute factors exclude each other: ignoring the relative one")
        relative_factor = 1.0
    accepted = [kinds.LOSS, kinds.ITEM] + ([kinds.COVERAGE, kinds.COVERAGE_LOSS] if absolute_factor else [])
    stage = chain.PlaCalc(target, relative_factor=relative_factor, absolute_factor=absolute_factor)
    return done(Chain(LossStream(source, kinds=accepted), stage, root=root), target)


def fmcalc(
    source: SourceLike = None,
    target: TargetLike = None,
    *,
    alloc_rule: int = 0,
    net: bool = False,
    net_to: TargetLike = None,
    debug: bool = False,
    full_shares: bool = False,
    stepped: bool = False,
    max_level: int | None = None,
    input_path: PathLike | None = None,
    root: PathLike = ".",
    areaperil_bytes: AreaperilBytes = 4,
    exact: bool = False,
) -> Chain[Losses] | None:
    """Insured losses from ground-up losses, or reinsured ones from those: loss streams in and out.

    Reads input/fm_programme.bin, fm_policytc.bin, fm_profile.bin (fm_profile_step.bin if stepped),
    fm_xref.bin and, where there is a coverages.bin, that and items.bin for the TIVs. The ids that come out
    are output ids.

    Parameters
    ----------
    source : str or path, int, file object or bytes-like, optional
        Where the stream comes from; None or "-" is standard input.
    target : str or path, int or file object, optional
        Where the stream goes; "-" is standard output. Without a target blocks are returned.
    alloc_rule : {0, 1, 2, 3}, default 0
        0: losses of the last level's aggregates; 1: shared out among the items in proportion to the ground-up
        loss; 2 and 3: in proportion to the losses from level to level (see ktc._core.fmcalc).
    net : bool, default False
        What is left instead of what is paid.
    net_to : str or path, int or file object, optional
        Where what is left goes, beside what is paid; the two add up to what came in.
    debug : bool, default False
        Samples without loss too.
    full_shares : bool, default False
        Shares of nodes without loss in every sample (rule 2).
    stepped : bool, default False
        Profiles with steps: read fm_profile_step.bin.
    max_level : int, optional
        Stop at this level; None or -1 is the last.
    input_path : str or path, optional
        The folder that stands for input/.
    root : str or path, default "."
        The folder that holds input/ and static/.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.
    exact : bool, default False
        Sums in double, in every digit.

    Returns
    -------
    Chain or None
        Without a target an iterable of Losses, else None.

    Raises
    ------
    DataError
        Wrong input; the message says where.
    UsageError
        Arguments that do not make sense, alone or together.
    InputError
        A file is missing or cannot be read.
    OutputError
        An output cannot be written.
    """
    if net and net_to is not None:
        raise UsageError("net losses (-n) instead of gross ones, or beside them (--net-to): choose one")
    stage = chain.FmCalc(
        target,
        alloc_rule=alloc_rule,
        net=net if net_to is None else net_to,
        debug=debug,
        full_shares=full_shares,
        stepped=stepped,
        max_level=None if max_level == -1 else max_level,  # ktools' own way to say all of them
        input_path=input_path or None,
        areaperil_bytes=areaperil_bytes,
        exact=exact,
    )
    stream = LossStream(source, kinds=[kinds.LOSS, kinds.COVERAGE_LOSS, kinds.ITEM], whole_events=False)
    return done(Chain(stream, stage, root=root), target)


def fmtocsv(
    source: SourceLike = None,
    target: TargetLike = None,
    *,
    skip_header: bool = False,
    full_precision: bool = False,
) -> None:
    """Losses of the financial module as csv: event_id,output_id,sidx,loss.

    Parameters
    ----------
    source : str or path, int, file object or bytes-like, optional
        Where the stream comes from; None or "-" is standard input.
    target : str or path, int or file object, optional
        Where the text goes; None or "-" is standard output.
    skip_header : bool, default False
        Write csv without the line of column names.
    full_precision : bool, default False
        Six decimals of a loss instead of two.

    Raises
    ------
    DataError
        Not such a stream, or a damaged one; the message says where.
    InputError
        The source cannot be read.
    OutputError
        The target cannot be written.
    """
    Chain(
        LossStream(source, kinds=[kinds.LOSS]),
        chain.FmToCsv(target, skip_header=skip_header, full_precision=full_precision),
    ).run()


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
    source : str or path, int, file object or bytes-like, optional
        Where the stream comes from; None or "-" is standard input.
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
    input_path : str or path, optional
        The folder that stands for input/.
    root : str or path, default "."
        The folder that holds input/ and static/.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.
    exact : bool, default False
        Sums in double, in every digit.

    Raises
    ------
    DataError
        Wrong input; the message says where.
    UsageError
        Arguments that do not make sense, alone or together.
    InputError
        A file is missing or cannot be read.
    OutputError
        An output cannot be written.

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
    stage = chain.SummaryCalc(
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
    source : str or path, int, file object or bytes-like, optional
        Where the stream comes from; None or "-" is standard input.
    target : destination of rows, optional
        Where the legacy table goes, mean and standard deviation (event_loss_table); None is standard output,
        or nowhere if there are others. A destination is a path, descriptor or file object (csv), ktc.Parquet,
        ktc.ResultTable or a list of these.
    moment : destination of rows, optional
        Where MELT goes, moments and the event's rate (moment_event_loss_table).
    moment_parquet : str or path, int or file object, optional
        Where MELT goes as parquet.
    quantile : destination of rows, optional
        Where QELT goes, quantiles of the losses (quantile_event_loss_table).
    quantile_parquet : str or path, int or file object, optional
        Where QELT goes as parquet.
    process : int, default 0
        Unless 0, leave an empty file work/sema_elt/<process>.id at the start, as ktools does.
    skip_header : bool, default False
        Write csv without the line of column names.
    exact : bool, default False
        Double arithmetic, in every digit.
    root : str or path, default "."
        The folder that holds input/ and work/.

    Raises
    ------
    DataError
        Wrong input; the message says where.
    UsageError
        Arguments that do not make sense, alone or together.
    InputError
        A file is missing or cannot be read.
    OutputError
        An output cannot be written.
    """
    stage = chain.EltCalc(
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
    source : str or path, int, file object or bytes-like, optional
        Where the stream comes from; None or "-" is standard input.
    target : destination of rows, optional
        Where the legacy table goes, mean and standard deviation (period_loss_table, or
        period_loss_table_dates if the occurrence table has dates); None is standard output, or nowhere if
        there are others. Destinations are as for eltcalc.
    moment : destination of rows, optional
        Where MPLT goes, moments (moment_period_loss_table).
    moment_parquet : str or path, int or file object, optional
        Where MPLT goes as parquet.
    quantile : destination of rows, optional
        Where QPLT goes, quantiles of the losses (quantile_period_loss_table).
    quantile_parquet : str or path, int or file object, optional
        Where QPLT goes as parquet.
    sample : destination of rows, optional
        Where SPLT goes, the losses of all samples (sample_period_loss_table).
    sample_parquet : str or path, int or file object, optional
        Where SPLT goes as parquet.
    skip_header : bool, default False
        Write csv without the line of column names.
    exact : bool, default False
        Double arithmetic, in every digit.
    root : str or path, default "."
        The folder that holds input/.

    Raises
    ------
    DataError
        Wrong input; the message says where.
    UsageError
        Arguments that do not make sense, alone or together.
    InputError
        A file is missing or cannot be read.
    OutputError
        An output cannot be written.
    """
    stage = chain.PltCalc(
        target,
        moment=with_parquet(moment, moment_parquet),
        quantile=with_parquet(quantile, quantile_parquet),
        sample=with_parquet(sample, sample_parquet),
        skip_header=skip_header,
        exact=exact,
    )
    Chain(LossStream(source, kinds=[kinds.SUMMARY]), stage, root=root).run()


def cdftocsv(
    source: SourceLike = None,
    target: TargetLike = None,
    *,
    skip_header: bool = False,
    areaperil_bytes: AreaperilBytes = 4,
) -> None:
    """A cdf stream as csv: event_id,areaperil_id,vulnerability_id,bin_index,prob_to,bin_mean.

    Parameters
    ----------
    source : str or path, int, file object or bytes-like, optional
        Where the stream comes from; None or "-" is standard input.
    target : str or path, int or file object, optional
        Where the text goes; None or "-" is standard output.
    skip_header : bool, default False
        Write csv without the line of column names.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id.

    Raises
    ------
    DataError
        Not such a stream, or a damaged one; the message says where.
    InputError
        The source cannot be read.
    OutputError
        The target cannot be written.
    """
    Chain(
        CdfStream(source, areaperil_bytes=areaperil_bytes), chain.CdfToCsv(target, skip_header=skip_header)
    ).run()


def gultocsv(
    source: SourceLike = None,
    target: TargetLike = None,
    *,
    skip_header: bool = False,
    full_precision: bool = False,
) -> None:
    """Ground-up losses as csv: event_id,item_id (or coverage_id),sidx,loss.

    Parameters
    ----------
    source : str or path, int, file object or bytes-like, optional
        Where the stream comes from; None or "-" is standard input.
    target : str or path, int or file object, optional
        Where the text goes; None or "-" is standard output.
    skip_header : bool, default False
        Write csv without the line of column names.
    full_precision : bool, default False
        Six decimals of a loss instead of two.

    Raises
    ------
    DataError
        Not such a stream, or a damaged one; the message says where.
    InputError
        The source cannot be read.
    OutputError
        The target cannot be written.
    """
    Chain(
        LossStream(source, kinds=[kinds.ITEM, kinds.COVERAGE, kinds.LOSS, kinds.COVERAGE_LOSS]),
        chain.GulToCsv(target, skip_header=skip_header, full_precision=full_precision),
    ).run()


def gultobin(
    source: SourceLike = None,
    target: TargetLike = None,
    *,
    sample_size: int | None = None,
    stream_type: Literal[1, 2] = 2,
) -> Chain[Losses] | None:
    """Ground-up losses from csv: event_id,item_id,sidx,loss in, a loss or item stream out.

    Rows of one event and item that follow each other are a packet. As gulcalc's, the stream ends without the
    last packet's terminator.

    Parameters
    ----------
    source : str or path, int, file object or bytes-like, optional
        Csv with a header line; None or "-" is standard input.
    target : str or path, int or file object, optional
        Where the stream goes; "-" is standard output. Without a target blocks are returned.
    sample_size : int
        The number of samples of the stream; rows of samples above it are left out.
    stream_type : {1, 2}, default 2
        1: an item stream; 2: a loss stream.

    Returns
    -------
    Chain or None
        Without a target an iterable of Losses, else None.

    Raises
    ------
    DataError
        Wrong input; the message says where.
    UsageError
        Arguments that do not make sense, alone or together.
    InputError
        A file is missing or cannot be read.
    OutputError
        An output cannot be written.
    """
    if stream_type not in (1, 2):
        raise UsageError(
            f"the stream type (-t) is {stream_type}, expected 1 (item stream) or 2 (loss stream)"
        )
    kind = kinds.ITEM if stream_type == 1 else kinds.LOSS
    return from_csv(source, target, sample_size, kind)


def summarycalctobin(
    source: SourceLike = None, target: TargetLike = None, *, sample_size: int | None = None
) -> Chain[Losses] | None:
    """Losses by summary from csv: a stream of summary set 1.

    The csv is as summarycalctocsv writes it with exposed values:
    event_id,exposure_value,summary_id,sidx,loss. Rows of one event, summary and exposed value that follow
    each other are a packet.

    Parameters
    ----------
    source : str or path, int, file object or bytes-like, optional
        Csv with a header line; None or "-" is standard input.
    target : str or path, int or file object, optional
        Where the stream goes; "-" is standard output. Without a target blocks are returned.
    sample_size : int
        The number of samples of the stream; a row of a sample above it is an error.

    Returns
    -------
    Chain or None
        Without a target an iterable of Losses, else None.

    Raises
    ------
    DataError
        Wrong input; the message says where.
    UsageError
        Arguments that do not make sense, alone or together.
    InputError
        A file is missing or cannot be read.
    OutputError
        An output cannot be written.
    """
    return from_csv(source, target, sample_size, kinds.SUMMARY)


def from_csv(
    source: SourceLike, target: TargetLike, sample_size: int | None, kind: int
) -> Chain[Losses] | None:
    """Losses of csv to a target, or without one their blocks."""
    losses = LossCsv(source, sample_size=sample_size, kind=kind)
    return done(Chain(losses, *([] if target is None else [target])), target)


def summarycalctocsv(
    source: SourceLike = None,
    target: RowTarget = None,
    *,
    skip_header: bool = False,
    full_precision: bool = False,
    exposure: bool = False,
    max_loss: bool = False,
    drop_unexposed: bool = False,
    ord: bool = False,
    parquet: TargetLike = None,
) -> None:
    """Losses by summary as csv: event_id,summary_id,sidx,loss.

    Parameters
    ----------
    source : str or path, int, file object or bytes-like, optional
        Where the stream comes from; None or "-" is standard input.
    target : str or path, int or file object, optional
        Where the text goes; None or "-" is standard output, or nowhere if parquet alone is asked for. With
        ord it may be ktc.Parquet, ktc.ResultTable or a list of destinations too.
    skip_header : bool, default False
        Write csv without the line of column names.
    full_precision : bool, default False
        Six decimals of a loss instead of two.
    exposure : bool, default False
        With the column exposure_value; without effect on SELT.
    max_loss : bool, default False
        The records of sidx -5 too.
    drop_unexposed : bool, default False
        No lines for summaries whose exposed value is 0.
    ord : bool, default False
        SELT, the sample event loss table of Open Results Data (sample_event_loss_table).
    parquet : str or path, int or file object, optional
        Where SELT goes as parquet; without ord, it is all that is written.

    Raises
    ------
    DataError
        Not such a stream, or a damaged one; the message says where.
    InputError
        The source cannot be read.
    OutputError
        The target cannot be written.
    """
    if parquet is not None:
        target = (
            with_parquet("-" if target is None else target, parquet) if ord else with_parquet(None, parquet)
        )
        ord = True
    Chain(
        LossStream(source, kinds=[kinds.SUMMARY], as_written=True),
        chain.SummaryToCsv(
            target,
            skip_header=skip_header,
            full_precision=full_precision,
            exposure=exposure,
            max_loss=max_loss,
            drop_unexposed=drop_unexposed,
            ord=ord,
        ),
    ).run()
