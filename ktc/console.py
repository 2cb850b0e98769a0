"""What ktc says to people on standard output."""

from __future__ import annotations


def say(text: str) -> None:
    """Write text to standard output. Raises OutputError if it cannot be written, ReaderGone if nobody reads
    it."""
    from ._core.io import Outputs, write_all

    with Outputs() as outputs:
        write_all(outputs.open(), text.encode())


def no_idle_threads() -> None:
    """Before NumPy is loaded: nothing here needs its linear algebra, whose threads wait for work by
    spinning."""
    import os

    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def clock(seconds: float) -> str:
    """1:02:03, 4:05, or 6 s."""
    whole = int(seconds + 0.5)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size(count: float) -> str:
    """Bytes for people."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:,.0f} {unit}" if unit in ("B", "KiB") else f"{count:,.1f} {unit}"
        count /= 1024
    return ""
