"""The errors that ktc raises, each with the exit status that its console scripts return.

0 is success; 1 is bad data; 2 bad usage; 3 a missing or unreadable file; 4 output that could not be written.
A reader that goes away ends a script as SIGPIPE does, without a message.
"""


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


def printable(text):
    """Text in which what is not printable, as it may stand in an argument or a file's name, shows as its
    escape."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


warn_with = None  # in a console script: what takes the text of a warning, instead of Python's own way


def warn(message, depth=1):
    """Tell of what is no fault but might not be meant. depth: the functions above that do not count as its
    place."""
    if warn_with is not None:
        return warn_with(message)
    import warnings

    warnings.warn(message, stacklevel=depth + 2)


def binary(target):
    """A target of binary: standard output is one only where it is asked for, not of itself in a terminal or
    notebook."""
    if target is None:
        raise UsageError('binary output without a target: name one, "-" for standard output')
    return target
