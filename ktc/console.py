"""What ktc says to people on standard output."""


def say(text):
    """Write text to standard output. Raises OutputError if it cannot be written, ReaderGone if nobody reads
    it."""
    from ._core.io import Outputs, write_all

    with Outputs() as outputs:
        write_all(outputs.open(), text.encode())
