"""Summary streams, work folders and tables for the tests of everything behind summarycalc.

Plain data: a packet is (event_id, summary_id, exposure, [(sidx, loss), ...]), an occurrence is (event_id,
period_no, occ_date_id). What is random comes from the numpy generator that the caller passes, so that a seed
gives a case.
"""

import struct
from pathlib import Path

import numpy as np

from ktc.schemas import streams

# Written by hand, not from the schemas: these files are what the schemas are tested against.
STREAM_HEADER = struct.Struct("<Iii")  # stream id, sample size, summary set
PACKET_HEADER = struct.Struct("<iif")  # event, summary, exposure
RECORD = struct.Struct("<if")  # sidx, loss; (0, 0.0) ends a packet
MAX_LOSS, AFFECTED_RISKS, TIV, DEVIATION, MEAN = -5, -4, -3, -2, -1


def packet_bytes(packet):
    event, summary, exposure, records = packet
    return (
        PACKET_HEADER.pack(event, summary, exposure)
        + b"".join(RECORD.pack(sidx, loss) for sidx, loss in records)
        + RECORD.pack(0, 0.0)
    )


def stream(sample_size, packets, summary_set=1):
    """A summary stream as summarycalc writes it."""
    return STREAM_HEADER.pack(streams.SUMMARY, sample_size, summary_set) + b"".join(
        map(packet_bytes, packets)
    )


def split(data):
    """(sample size, summary set, packets) of a whole stream: the reverse of `stream`."""
    _, sample_size, summary_set = STREAM_HEADER.unpack_from(data)
    offset, packets = STREAM_HEADER.size, []
    while offset < len(data):
        event, summary, exposure = PACKET_HEADER.unpack_from(data, offset)
        offset += PACKET_HEADER.size
        records = []
        while True:
            sidx, loss = RECORD.unpack_from(data, offset)
            offset += RECORD.size
            if sidx == 0:
                break
            records.append((sidx, loss))
        packets.append((event, summary, exposure, records))
    return sample_size, summary_set, packets


def index_of(data):
    """The index that `summarycalc -m` writes beside a stream: a line of summary id and offset for each
    packet."""
    lines, offset = [], STREAM_HEADER.size
    for packet in split(data)[2]:
        lines.append(b"%d,%d\n" % (packet[1], offset))
        offset += PACKET_HEADER.size + (len(packet[3]) + 1) * RECORD.size
    return b"".join(lines)


def random_packets(
    rng,
    *,
    events,
    summaries,
    sample_size,
    missing=0.3,
    zeros=0.1,
    ties=False,
    max_loss=True,
    mean=True,
    scale=1000.0,
    special=False,
):
    """Packets of `events` (a number, or their ids) for `summaries` (the same), by event and ascending
    summary.

    missing   chance that a summary is not there for an event (half of it), and that one of its samples is not
    zeros     chance that a sample is there with a loss of 0 (as `summarycalc -z` writes them)
    ties      losses are one of six values
    max_loss  a record -5 first, as fmcalc and gulcalc streams with one lead to
    mean      a record -1 before the samples, as summarycalc always writes; it writes no -2, -3 and -4
    scale     median of the lognormal losses, which are float32
    special   records -4, -3 and -2 too, which no summarycalc writes
    """
    ids = [range(1, n + 1) if isinstance(n, int) else n for n in (events, summaries)]
    values = np.round(rng.lognormal(np.log(scale), 1, 6)).astype("f4")
    packets = []
    for event in ids[0]:
        for summary in sorted(ids[1]):
            if rng.random() < missing / 2:
                continue
            size = max(sample_size, 0)
            sigma = rng.uniform(0.1, 2.0)
            losses = (
                rng.choice(values, size) if ties else rng.lognormal(np.log(scale), sigma, size).astype("f4")
            )
            losses = np.where(rng.random(size) < zeros, np.float32(0), losses).astype("f4")
            kept = rng.random(size) >= missing
            records = []
            if max_loss:
                records.append((MAX_LOSS, float(np.float32(3 * scale))))
            if special:
                records += [
                    (AFFECTED_RISKS, float(rng.integers(1, 5))),
                    (TIV, float(np.float32(5 * scale))),
                    (DEVIATION, float(np.float32(scale / 7))),
                ]
            if mean:
                loss = rng.choice(values) if ties else scale * rng.lognormal(0, 0.5)
                records.append((MEAN, 0.0 if rng.random() < zeros / 2 else float(np.float32(loss))))
            records += [(sidx, float(losses[sidx - 1])) for sidx in range(1, size + 1) if kept[sidx - 1]]
            packets.append((int(event), int(summary), float(np.float32(rng.uniform(1, 20) * scale)), records))
    return packets


def random_occurrences(rng, *, events, periods, per_event=2.0, unknown=True):
    """Occurrences of `events` (a number, or their ids) in periods 1 to `periods`, in random order.

    Each event occurs `per_event` times on average, some of them twice in one period. unknown: one in ten
    events never occurs, and some events occur that are not among `events`.
    """
    ids = list(range(1, events + 1) if isinstance(events, int) else events)
    rows = []
    for event in ids:
        if unknown and rng.random() < 0.1:
            continue
        for _ in range(max(1, rng.poisson(per_event))):
            rows.append((event, int(rng.integers(1, periods + 1)), int(rng.integers(1, 3000))))
            if rng.random() < 0.1:
                rows.append((event, rows[-1][1], int(rng.integers(1, 3000))))
    if unknown:
        rows += [(max(ids, default=0) + n, int(rng.integers(1, periods + 1)), 1) for n in (1, 2, 7)]
    return [rows[i] for i in rng.permutation(len(rows))]


def occurrence_table(occurrences, periods, date_options=0):
    """occurrence.bin; date_options 0: numbers of the model's own; 1: days; 3: minutes, in 8 bytes."""
    row = struct.Struct("<iiq" if date_options & 2 else "<iii")
    return struct.pack("<ii", date_options, periods) + b"".join(row.pack(*o) for o in occurrences)


def write_tables(
    folder,
    *,
    occurrences,
    periods,
    date_options=0,
    weights=None,
    return_periods=None,
    quantiles=None,
    ensemble=None,
    event_rates=None,
):
    """`folder`/input with occurrence.bin and those of the other tables that are given, in the order given.

    weights: {period: weight} or pairs; return_periods, quantiles: numbers; ensemble: [(sidx, ensemble_id)];
    event_rates: {event: rate}.
    """
    target = Path(folder) / "input"
    target.mkdir(parents=True, exist_ok=True)
    (target / "occurrence.bin").write_bytes(occurrence_table(occurrences, periods, date_options))
    if weights is not None:
        pairs = weights.items() if isinstance(weights, dict) else weights
        (target / "periods.bin").write_bytes(b"".join(struct.pack("<id", *pair) for pair in pairs))
    if return_periods is not None:
        (target / "returnperiods.bin").write_bytes(struct.pack(f"<{len(return_periods)}i", *return_periods))
    if quantiles is not None:
        (target / "quantile.bin").write_bytes(struct.pack(f"<{len(quantiles)}f", *quantiles))
    if ensemble is not None:
        (target / "ensemble.bin").write_bytes(b"".join(struct.pack("<ii", *pair) for pair in ensemble))
    if event_rates is not None:
        lines = ["event_id,rate\n", *(f"{event},{rate!r}\n" for event, rate in event_rates.items())]
        (target / "event_rates.csv").write_text("".join(lines))


def write_work(folder, streams, index=False, name="run"):
    """`folder`/work/`name`/summary_P1.bin, summary_P2.bin, ...: the streams (bytes), in their order.

    index: True, or for each stream whether a .idx file lies beside it, as `summarycalc -m` writes it. Gives
    the folder.
    """
    target = Path(folder) / "work" / name
    target.mkdir(parents=True, exist_ok=True)
    wanted = [index] * len(streams) if isinstance(index, bool) else index
    for number, (data, indexed) in enumerate(zip(streams, wanted, strict=True), 1):
        (target / f"summary_P{number}.bin").write_bytes(data)
        if indexed:
            (target / f"summary_P{number}.idx").write_bytes(index_of(data))
    return target
