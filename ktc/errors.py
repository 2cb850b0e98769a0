"""The errors that ktc raises, each with the exit status that its console scripts return.

0 is success; 1 is bad data; 2 bad usage; 3 a missing or unreadable file; 4 output that could not be written.
A reader that goes away ends a script as SIGPIPE does, without a message.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class KtcError(Exception):
    """Base of every error that ktc raises on purpose."""

    status = 1


class DataError(KtcError, ValueError):
    """A file or stream holds something that it must not. The message says where, what, and what was
    expected."""

    status = 1


class TruncatedError(DataError, EOFError):
    """The input ended inside a record, inside a packet, or before its header."""


class UsageError(KtcError, ValueError):
    """Arguments that do not make sense, alone or together."""

    status = 2


class InputError(KtcError, OSError):
    """A file that is missing or cannot be read."""

    status = 3


class OutputError(KtcError, OSError):
    """Output that could not be created, written or closed."""

    status = 4


class ReaderGone(OutputError):
    """The reader of a pipe closed it: nobody wants the rest."""


class Cancelled(KtcError):
    """A run was cancelled from without."""

    status = 130


def printable(text: str) -> str:
    """Text in which what is not printable, as it may stand in an argument or a file's name, shows as its
    escape."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


# In a console script: what takes the text of a warning, instead of Python's own way.
warn_with: Callable[[str], None] | None = None


def warn(message: str, depth: int = 1) -> None:
    """Warn of what is not a fault but may not be meant. depth: the functions above that do not count as its
    place."""
    if warn_with is not None:
        warn_with(message)
        return
    import warnings

    warnings.warn(message, stacklevel=depth + 2)


def binary(target: Any) -> Any:
    """A target of binary: standard output is one only where it is asked for, not of itself in a terminal or
    notebook."""
    if target is None:
        raise UsageError('binary output without a target: name one, "-" for standard output')
    return target
