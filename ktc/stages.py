"""The stages as functions: each is a chain (ktc.chain) of one stage between a stream and its outputs.

Sources may be None or "-" (standard input), a path, a descriptor, a file object, or anything with a buffer
(bytes, mmap, NumPy array); targets "-" (standard output), a path, a descriptor or a file object. Without a
target a function whose output is csv writes to standard output, and one whose output is a stream gives an
iterable of its blocks (ktc.Cdfs, ktc.Losses), eve an array of ids. `root` is the folder that holds input/ and
static/. Outputs that are regular files appear complete or not at all.

A stage that gives out while an event is still coming in is fed whole events, so that no part of an unfinished
one goes downstream. Raises DataError (input that is wrong, with its place), UsageError, InputError (a file
that is missing) and OutputError.
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
    """Deal out the events of a run to processes.

    Reads input/events.bin. Events are dealt out one by one as they stand in the file, unless one of the three
    switches says otherwise; the first of them that is set counts. An event that comes twice counts once.

    Parameters
    ----------
    process : int
        The number of this process, from 1.
    total : int
        The number of processes.
    target : path, file object, descriptor or None, optional
        Where the ids go, int32 each; "-" is standard output.
    in_order : bool, default False
        Consecutive events of the file.
    fisher_yates : bool, default False
        Shuffled, then dealt out.
    legacy_shuffle : bool, default False
        Shuffled as std::shuffle does it, then consecutive events.
    text : bool, default False
        Ids as text, one a line.
    root : path, default "."
        The folder that holds input/ and static/.

    Returns
    -------
    numpy.ndarray or None
        (n,) int32, the ids, without a target and without text; else None.

    Raises
    ------
    UsageError
        For a process outside 1 .. total.
    DataError
        For input that is not as it should be, with its place.
    InputError
        For a file that is missing.

    Examples
    --------
    >>> import ktc
    >>> len(ktc.eve(1, 2)) + len(ktc.eve(2, 2)) == len(ktc.eve(1, 1))
    True
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

    Reads input/items.bin and, of static/, the damage bins, the footprint and the vulnerabilities, each plain,
    indexed or compressed as it is there. An event that is not in the footprint has no distributions.

    Parameters
    ----------
    source : path, file object, descriptor, bytes-like or None, optional
        Event ids, int32 each; None or "-" is standard input.
    target : path, file object, descriptor or None, optional
        Where the cdf stream goes; "-" is standard output.
    root : path, default "."
        The folder that holds input/ and static/.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id in the model's files.

    Returns
    -------
    Chain or None
        Without a target an iterable of blocks (Cdfs); else None.

    Raises
    ------
    DataError
        For input that is not as it should be, with its place.
    InputError
        For a file that is missing.

    Examples
    --------
    >>> import ktc
    >>> block = next(iter(ktc.getmodel(ktc.eve(1, 1))))
    >>> bool((block.prob_to[block.start[1:] - 1] > 0.999).all())
    True
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
    """Sample ground-up losses from damage distributions.

    Reads input/items.bin, input/coverages.bin, static/damage_bin_dict.bin and, with ``random="file"``,
    static/random.bin.

    Parameters
    ----------
    source : path, file object, descriptor, bytes-like or None, optional
        A cdf stream; None or "-" is standard input.
    item : path, file object, descriptor or None, optional
        Where losses by item go. Without an output there is a UsageError.
    coverage : path, file object, descriptor or None, optional
        Where losses by coverage go; with allocation rules 1 to 3 they are left out with a warning.
    correlated : path, file object, descriptor or None, optional
        Where losses by item go that come of one random number for all items of an event; "-" is a file of
        that name. Coverage losses beside it have no samples, as in ktools.
    sample_size : int, default -1
        Samples of each item; -1 for none, and a header that says so.
    alloc_rule : int, default -1
        How the items of a coverage share its loss: 1 to 3 as in ktc._core.gulcalc.GulCalc, 0 not at all;
        below 0 not at all, in the old item form.
    loss_threshold : float, default 0.000001
        Samples below it are left out, in currency.
    random : {"hashed", "cached", "file"}, default "hashed"
        Random numbers of a generator that is seeded by group, event and seed; of one generator, kept in a
        vector; or of static/random.bin.
    vector_size : int, default 1000000
        Numbers in that vector.
    seed : int, default 0
        The seed; for "cached" 0 is the clock.
    debug : bool, default False
        Random numbers in place of losses.
    root : path, default "."
        The folder that holds input/ and static/.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id in the model's files.

    Raises
    ------
    DataError
        For input that is not as it should be, with its place.
    InputError
        For a file that is missing.
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
    event and amplification; a pair without one has the factor 1. The mean, the TIV and the other records with
    a sidx below 0 are multiplied like the samples.

    Parameters
    ----------
    source : path, file object, descriptor, bytes-like or None, optional
        A loss or item stream; with absolute_factor one of coverages too; None or "-" is standard input.
    target : path, file object, descriptor or None, optional
        Where the same stream goes, with other losses; "-" is standard output.
    relative_factor : float, default 1
        How much of a factor counts, 0 to 1: 1 + relative_factor * (factor - 1).
    absolute_factor : float, default 0
        Unless 0, the factor of all losses; neither table is read, and relative_factor is ignored with a
        warning.
    root : path, default "."
        The folder that holds input/ and static/.

    Returns
    -------
    Chain or None
        Without a target an iterable of blocks (Losses); else None.

    Raises
    ------
    DataError
        For input that is not as it should be, with its place.
    InputError
        For a file that is missing.
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
    """Apply the terms of an insurance or reinsurance programme to losses.

    Reads input/fm_programme.bin, fm_policytc.bin, fm_profile.bin (fm_profile_step.bin if stepped),
    fm_xref.bin and, where there is a coverages.bin, that and items.bin for the TIVs.

    Parameters
    ----------
    source : path, file object, descriptor, bytes-like or None, optional
        A loss stream by item, or the losses that another programme pays; None or "-" is standard input.
    target : path, file object, descriptor or None, optional
        Where losses by output id go; "-" is standard output.
    alloc_rule : {0, 1, 2, 3}, default 0
        0: losses of the last level's aggregates; 1: shared out among items in proportion to the ground-up
        loss; 2 and 3: in proportion to the losses from level to level.
    net : bool, default False
        What is left in place of what is paid.
    net_to : path, file object, descriptor or None, optional
        Where what is left goes, beside what is paid; the two add up to what came in.
    debug : bool, default False
        Samples without loss too.
    full_shares : bool, default False
        With rule 2, shares of nodes without loss in every sample.
    stepped : bool, default False
        Stepped policies.
    max_level : int or None, optional
        The level at which to stop.
    input_path : path or None, optional
        The folder that stands for input/.
    root : path, default "."
        The folder that holds input/ and static/.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id in the model's files.
    exact : bool, default False
        Double arithmetic in every digit (see the rule for numbers).

    Returns
    -------
    Chain or None
        Without a target an iterable of blocks (Losses); else None.

    Raises
    ------
    DataError
        For input that is not as it should be, with its place.
    InputError
        For a file that is missing.
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
    """Write losses of the financial module as csv.

    Columns: event_id, output_id, sidx, loss.

    Parameters
    ----------
    source : path, file object, descriptor, bytes-like or None, optional
        A loss stream; None or "-" is standard input.
    target : path, file object, descriptor or None, optional
        Where the csv goes; None and "-" are standard output.
    skip_header : bool, default False
        Leave out the line of names.
    full_precision : bool, default False
        Six decimals in place of two.

    Raises
    ------
    DataError
        For input that is not as it should be, with its place.
    InputError
        For a file that is missing.
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
    """Sum losses by summary, for up to ten summary sets at once.

    Exactly one of item, fm, coverage and legacy_item names the input.

    Parameters
    ----------
    source : path, file object, descriptor, bytes-like or None, optional
        A loss stream; None or "-" is standard input.
    outputs : dict or list of pairs
        Where the summary stream of each set goes: {set number: path, file object or descriptor}; they are
        opened in this order.
    item : bool, default False
        The input is by item; input/gulsummaryxref.bin groups it.
    fm : bool, default False
        The input is of the financial module; input/fmsummaryxref.bin groups it.
    coverage : bool, default False
        The input is by coverage; gulsummaryxref.bin groups it, and coverages.bin has the TIVs.
    legacy_item : bool, default False
        The input is an item stream, summed by coverage with items.bin.
    zeros : bool, default False
        Write summaries without exposure, and losses of 0, too.
    index : bool, default False
        Beside each output that is a path, a file ``<path without .bin>.idx`` of lines "summary_id,offset".
    input_path : path or None, optional
        The folder that stands for input/.
    root : path, default "."
        The folder that holds input/ and static/.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id in the model's files.
    exact : bool, default False
        Double arithmetic in every digit (see the rule for numbers).

    Raises
    ------
    UsageError
        Without a kind of input or an output, or with several.
    DataError
        For input that is not as it should be, with its place.
    InputError
        For a file that is missing.
    """
    streams = [
        name
        for name, given in (("item", item), ("fm", fm), ("coverage", coverage), ("legacy item", legacy_item))
        if given
    ]
    if len(streams) != 1:
        raise UsageError("name one kind of input, and no more: -i, -f, -c or -g")
    pairs: list[Any] = list(getattr(outputs, "items", lambda: outputs or ())())
    if not pairs:
        raise UsageError("no output: name at least one summary set and where it goes, as in -1 -")
    if len(dict(pairs)) < len(pairs):
        raise UsageError("a summary set is asked for twice")
    stage = chain.SummaryCalc(
        pairs,
        stream=streams[0],  # type: ignore[arg-type]
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
    """Make event loss tables of losses by summary.

    A few rows for each summary of an event that has an exposed value or a loss. MELT reads
    input/event_rates.csv (lines of event_id and rate after a header), or without that file
    input/occurrence.bin; QELT reads input/quantile.bin.

    Parameters
    ----------
    source : path, file object, descriptor, bytes-like or None, optional
        A summary stream; None or "-" is standard input.
    target : path, file object (csv), ktc.Parquet, ktc.ResultTable or list of these, optional
        The legacy table, event_loss_table; None is standard output, or nowhere if there are others.
    moment, quantile : path, file object (csv), ktc.Parquet, ktc.ResultTable or list of these, optional
        MELT, moments and the event's rate (moment_event_loss_table); QELT, quantiles of the losses
        (quantile_event_loss_table).
    moment_parquet, quantile_parquet : path, optional
        The same as parquet.
    process : int, default 0
        Unless 0, leave an empty file work/sema_elt/<process>.id at the start, as ktools does.
    skip_header : bool, default False
        Leave out the line of names.
    exact : bool, default False
        Double arithmetic in every digit (see the rule for numbers).
    root : path, default "."
        The folder that holds input/ and static/.

    Raises
    ------
    DataError
        For input that is not as it should be, with its place.
    InputError
        For a file that is missing.
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
    """Make period loss tables of losses by summary.

    The losses of each summary in every period in which its event occurs. Reads input/occurrence.bin, for all
    but the legacy table input/periods.bin where it is there, and for QPLT input/quantile.bin.

    Parameters
    ----------
    source : path, file object, descriptor, bytes-like or None, optional
        A summary stream; None or "-" is standard input.
    target : path, file object (csv), ktc.Parquet, ktc.ResultTable or list of these, optional
        The legacy table, period_loss_table, or period_loss_table_dates where the occurrence table has dates;
        None is standard output, or nowhere if there are others.
    moment, quantile, sample : path, file object (csv), ktc.Parquet, ktc.ResultTable or list of these,
    optional
        MPLT, moments (moment_period_loss_table); QPLT, quantiles (quantile_period_loss_table); SPLT, the
        losses of all samples (sample_period_loss_table).
    moment_parquet, quantile_parquet, sample_parquet : path, optional
        The same as parquet.
    skip_header : bool, default False
        Leave out the line of names.
    exact : bool, default False
        Double arithmetic in every digit (see the rule for numbers).
    root : path, default "."
        The folder that holds input/ and static/.

    Raises
    ------
    DataError
        For input that is not as it should be, with its place.
    InputError
        For a file that is missing.
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
    """Write a cdf stream as csv.

    Columns: event_id, areaperil_id, vulnerability_id, bin_index, prob_to, bin_mean.

    Parameters
    ----------
    source : path, file object, descriptor, bytes-like or None, optional
        A cdf stream; None or "-" is standard input.
    target : path, file object, descriptor or None, optional
        Where the csv goes; None and "-" are standard output.
    skip_header : bool, default False
        Leave out the line of names.
    areaperil_bytes : {4, 8}, default 4
        Bytes of an areaperil id in the model's files.

    Raises
    ------
    DataError
        For input that is not as it should be, with its place.
    InputError
        For a file that is missing.
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
    """Write ground-up losses as csv.

    Columns: event_id, item_id (or coverage_id), sidx, loss.

    Parameters
    ----------
    source : path, file object, descriptor, bytes-like or None, optional
        A loss, item or coverage stream; None or "-" is standard input.
    target : path, file object, descriptor or None, optional
        Where the csv goes; None and "-" are standard output.
    skip_header : bool, default False
        Leave out the line of names.
    full_precision : bool, default False
        Six decimals in place of two.

    Raises
    ------
    DataError
        For input that is not as it should be, with its place.
    InputError
        For a file that is missing.
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
    """Make a loss stream of csv.

    The csv has a header line and the columns event_id, item_id, sidx, loss, in any order. Rows of one event
    and item that follow each other are a packet. As gulcalc's, the stream ends without the last packet's
    terminator.

    Parameters
    ----------
    source : path, file object, descriptor, bytes-like or None, optional
        The csv; None or "-" is standard input.
    target : path, file object, descriptor or None, optional
        Where the stream goes; "-" is standard output.
    sample_size : int
        Of the stream; rows of samples above it are left out.
    stream_type : {1, 2}, default 2
        2: a loss stream; 1: an item stream.

    Returns
    -------
    Chain or None
        Without a target an iterable of blocks (Losses); else None.

    Raises
    ------
    DataError
        For input that is not as it should be, with its place.
    InputError
        For a file that is missing.

    Examples
    --------
    >>> import ktc
    >>> csv = b"event_id,item_id,sidx,loss\\n1,7,1,5\\n1,7,2,2.5\\n"
    >>> [block.dense(2).tolist() for block in ktc.gultobin(csv, sample_size=2)]
    [[[5.0, 2.5]]]
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
    """Make a summary stream, of set 1, of csv.

    The csv has a header line and the columns that summarycalctocsv writes with exposed values: event_id,
    exposure_value, summary_id, sidx, loss, in any order. Rows of one event, summary and exposed value that
    follow each other are a packet.

    Parameters
    ----------
    source : path, file object, descriptor, bytes-like or None, optional
        The csv; None or "-" is standard input.
    target : path, file object, descriptor or None, optional
        Where the stream goes; "-" is standard output.
    sample_size : int
        Of the stream; a row of a sample above it is an error.

    Returns
    -------
    Chain or None
        Without a target an iterable of blocks (Losses); else None.

    Raises
    ------
    DataError
        For input that is not as it should be, with its place.
    InputError
        For a file that is missing.
    """
    return from_csv(source, target, sample_size, kinds.SUMMARY)


def from_csv(
    source: SourceLike, target: TargetLike, sample_size: int | None, kind: int
) -> Chain[Losses] | None:
    """Losses of csv to a target, or without one their blocks."""
    losses = LossCsv(source, sample_size=sample_size, kind=kind)  # type: ignore[arg-type]  # None is refused there
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
    """Write losses by summary as csv, or as the sample event loss table.

    Columns: event_id, summary_id, sidx, loss. The records are shown as they are: several of a sample stay
    several.

    Parameters
    ----------
    source : path, file object, descriptor, bytes-like or None, optional
        A summary stream; None or "-" is standard input.
    target : path, file object (csv), ktc.Parquet, ktc.ResultTable or list of these, optional
        Where it goes; None and "-" are standard output. The last three with ord only.
    skip_header : bool, default False
        Leave out the line of names.
    full_precision : bool, default False
        Six decimals in place of two.
    exposure : bool, default False
        With the column exposure_value; without effect on SELT.
    max_loss : bool, default False
        The records of sidx -5 too.
    drop_unexposed : bool, default False
        No lines for summaries whose exposed value is 0.
    ord : bool, default False
        SELT, the sample event loss table of Open Results Data (sample_event_loss_table).
    parquet : path, optional
        SELT to this file; without ord it is all that is written.

    Raises
    ------
    DataError
        For input that is not as it should be, with its place.
    InputError
        For a file that is missing.
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
