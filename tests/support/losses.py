"""Streams of losses and summaries as lists, and the tables that summarycalc reads."""

import struct

from ktc.schemas.streams import LOSS, SUMMARY


def loss_stream(packets, sample_size, kind=LOSS):
    """The bytes of [(event, id, [(sidx, loss), ...]), ...]."""
    out = [struct.pack("<Ii", kind, sample_size)]
    for event, id, records in packets:
        out.append(struct.pack("<2i", event, id))
        out += [struct.pack("<if", *record) for record in records]
        out.append(struct.pack("<if", 0, 0))
    return b"".join(out)


def parse(data):
    """(sample size, set, [(event, summary, exposure, [(sidx, loss), ...]), ...]) of a summary stream."""
    kind, sample_size, number = struct.unpack_from("<Iii", data)
    assert kind == SUMMARY
    at, packets = 12, []
    while at < len(data):
        head = struct.unpack_from("<iif", data, at)
        at, records = at + 12, []
        while True:
            record = struct.unpack_from("<if", data, at)
            at += 8
            if record[0] == 0:
                break
            records.append(record)
        packets.append((*head, records))
    return sample_size, number, packets


def write_model(root, xref=(), tivs=(), items=()):
    """input/ with (id, summary, set) entries, the TIVs of coverages and the coverages of items."""
    folder = root / "input"
    folder.mkdir(parents=True, exist_ok=True)
    entries = b"".join(struct.pack("<3i", *entry) for entry in xref)
    (folder / "gulsummaryxref.bin").write_bytes(entries)
    (folder / "fmsummaryxref.bin").write_bytes(entries)
    (folder / "coverages.bin").write_bytes(struct.pack(f"<{len(tivs)}f", *tivs))
    (folder / "items.bin").write_bytes(
        b"".join(struct.pack("<5i", n, c, 1, 1, 1) for n, c in enumerate(items, 1))
    )
    return root
