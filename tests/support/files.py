"""Small streams and tables of every kind, by hand."""

import struct

import numpy as np

from ktc.schemas import TABLES, streams
from ktc.schemas.model import TYPES

PLAIN = [name for name, table in TABLES.items() if not table.packet]
# event 7 comes back; its first packet has all special samples but -4; sample 3 is nowhere
PACKETS = [
    (7, 2, [(-5, 9.0), (-3, 8.0), (-2, 1.5), (-1, 2.5), (1, 1.0), (2, 4.0)]),
    (7, 5, [(-1, 0.5)]),
    (9, 1, [(2, 0.25)]),
    (7, 1, [(-1, 1.0), (1, 3.0)]),
]


def losses(kind=streams.LOSS, packets=PACKETS, sample_size=3):
    """A stream of losses, by hand."""
    return struct.pack("<Ii", kind, sample_size) + b"".join(
        struct.pack("<ii", event, id)
        + b"".join(struct.pack("<if", *record) for record in [*records, (0, 0.0)])
        for event, id, records in packets
    )


def cdfs(
    areaperil_bytes="I",
    packets=((3, 10, 4, [(0.25, 0.0), (1.0, 0.5)]), (3, 11, 4, [(1.0, 1.0)]), (5, 10, 1, [(1.0, 0.25)])),
):
    return struct.pack("<I", streams.CDF) + b"".join(
        struct.pack(f"<i{areaperil_bytes}ii", event, area, function, len(bins))
        + b"".join(struct.pack("<ff", *each) for each in bins)
        for event, area, function, bins in packets
    )


def made(name, rows=5, areaperil_bytes=4):
    """A table's bytes, and its records: small numbers, all of them different within a column."""
    table = TABLES[name]
    array = np.zeros(rows, table.dtype(areaperil_bytes))
    for i, field in enumerate(array.dtype.names):
        array[field] = np.arange(1, rows + 1) / (1 if array.dtype[field].kind in "iu" else 8) + i
    header = (
        [3 if name == "occurrence_granular" else 1] + [9] * (len(table.header) - 1) if table.header else []
    )
    return struct.pack(
        "<" + "".join(TYPES[f.type][0] for f in table.header), *header
    ) + array.tobytes(), array
