"""What ktc says to people on standard output."""

from __future__ import annotations


def say(text: str) -> None:
    """Write text to standard output. Raises OutputError if it cannot be written, ReaderGone if nobody reads
    it."""
    from ._core.io import Outputs, write_all

    with Outputs() as outputs:
        write_all(outputs.open(), text.encode())
