"""The console scripts: arguments -> the function that the registry names -> an exit status. No logic of its
own.

Every script is this main(); the name it was started under says which tool it is. Flags are ktools', -h and -v
included, which speak on stderr and exit 1; --help and --version speak on stdout and exit 0. The script ktc is
the front door: `ktc TOOL ...` is that tool, and it has commands of its own (ktc.schemas.COMMANDS).

A script of the Oasis platform starts some fifty programs, so what all of them import is kept small
(tests/test_startup.py holds them to it): a command line that is right is read here, and argparse comes in
with ktc.usage, for help and for what is wrong. `_signal` is the C module below `signal`, which would import
enum.
"""

from __future__ import annotations

import gc
import os
import sys

from . import errors
from .errors import DataError, KtcError, ReaderGone, UsageError, printable
from .schemas import TOOLS
from .schemas.model import EXACT, WIDTH, value_of
from .schemas.tools import IN_RUNS

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, NoReturn, TypeAlias

    from .schemas import Option, Tool

    Pairs: TypeAlias = list[tuple[str, str | None]]  # flags and values
    Given: TypeAlias = list[tuple[list[str], Pairs]]
else:
    import _signal

AREAPERIL_VARIABLE = "KTC_AREAPERIL_BYTES"
EXACT_VARIABLE = "KTC_EXACT"
TRACEBACK_VARIABLE = "KTC_TRACEBACK"
SIGPIPE = getattr(_signal, "SIGPIPE", 13)  # Windows has none


def flags_in(word: str, options: Mapping[str, Option]) -> Pairs:
    """The flags in a word of a command line, as pairs of a flag and what the word has for its value, or None:
    -a2, -zi, --flag=2.

    options: {flag: Option}.
    """
    if word.startswith("--"):
        flag, equals, text = word.partition("=")
        return [(flag, text if equals else None)]
    found: Pairs = []
    for end, letter in enumerate(word[1:], 2):
        option = options.get(f"-{letter}")
        if option is not None and option.type is not None and word[end:]:
            return found + [(option.flag, word[end:])]
        found.append((f"-{letter}", None))
    return found


def split(tool: Tool, argv: Sequence[str]) -> tuple[Given, list[str]]:
    """The options of a command line and its operands, told apart as GNU getopt does: options may follow
    operands, and -- ends them. Each of the options is the words that it has there, and its pairs of flag and
    value, or None.

    Where a tool takes operands, a number below 0 is one of them, unless there is such a flag.
    """
    options = {option.flag: option for option in tool.options}
    given: Given = []
    operands: list[str] = []
    words = list(argv)[::-1]
    while words:
        word = words.pop()
        if word == "--":
            operands += words[::-1]
            break
        if (
            word[:1] != "-"
            or word == "-"
            or (tool.operands and word[1:].isdigit() and word[:2] not in options)
        ):
            operands.append(word)
        else:
            pairs, taken = flags_in(word, options), [word]
            flag, text = pairs[-1]
            if text is None and flag in options and options[flag].many:
                while words and words[-1][:1] != "-":
                    taken.append(words.pop())
                pairs[-1:] = [(flag, value) for value in taken[1:]]
            elif text is None and flag in options and options[flag].type is not None:
                taken += [words.pop()] if words else []
                pairs[-1] = flag, taken[-1] if taken[1:] else None
            given.append((taken, pairs))
    return given, operands


def plain(tool: Tool, given: Given, operands: list[str]) -> dict[str, Any]:
    """The keywords that a command line, split, asks for. Raises KeyError or ValueError where it is not
    plainly right: then it is for ktc.usage to say what it means, or what is wrong with it.
    """
    options = {option.flag: option for option in tool.options}
    keywords: dict[str, Any] = {}
    for words, pairs in given:
        if (words[1:] and words[1][:1] == "-" and words[1] != "-") or (
            words[0][1] != "-" and "=" in words[0]
        ):
            raise ValueError(words)  # a flag in place of a value; perhaps argparse's way to give one
        if not pairs:  # a flag that takes many values, and has none
            keywords.setdefault(str(options[words[0]].dest), [])
        for flag, text in pairs:
            option = options[flag]
            if (text is None) != (option.type is None):
                raise ValueError(words)
            value = option.const
            if text is not None and option.type is not None:
                value = value_of(option.type, option.choices, text)
            if option.dest is None:
                continue
            if option.type is not None and option.const is not True:
                keywords.setdefault(option.dest, []).append((option.const, value))
            elif option.several or option.many:
                keywords.setdefault(option.dest, []).append(value)
            else:
                keywords[option.dest] = value
    for name, type, count, _ in tool.operands:
        choices, type = (type, str) if isinstance(type, tuple) else (None, type)
        taken = len(operands) if count == "*" else 1
        values, operands = [value_of(type, choices, text) for text in operands[:taken]], operands[taken:]
        if values:
            keywords[name] = values if count == "*" else values[0]
        elif count is None:
            raise ValueError(name)
    if operands:
        raise ValueError(operands)
    return keywords


def without_ignored(tool: Tool, operands: list[str]) -> tuple[list[str], list[str]]:
    """The operands that a tool reads, and those that it ignores as ktools does."""
    if not tool.ignores_operands or any(count == "*" for _, _, count, _ in tool.operands):
        return operands, []
    return operands[: len(tool.operands)], operands[len(tool.operands) :]


def reads_standard_input(tool: Tool, keywords: Mapping[str, Any]) -> bool:
    """Whether a tool that is called so reads standard input."""
    unless = tool.standard_input
    return unless if isinstance(unless, bool) else not any(name in keywords for name in unless)


def arguments(tool: Tool, argv: Sequence[str]) -> dict[str, Any]:
    """The keywords of tool's function that argv asks for."""
    given, operands = split(tool, argv)
    operands, ignored = without_ignored(tool, operands)
    try:
        keywords = plain(tool, given, operands)
    except (KeyError, ValueError):
        from .usage import parsed

        keywords = parsed(tool, [word for words, _ in given for word in words], operands)
    ignored = [word for word in ignored if word != "-"]
    if ignored and reads_standard_input(tool, keywords) and os.isatty(0):
        raise UsageError(
            f"{ignored[0]!r} would not be read: the input is standard input, as in {tool.name} < {ignored[0]}"
        )
    keywords = {**tool.fixed, **keywords}
    if tool.standard_output:
        keywords.setdefault("target", "-")
    if any(option.dest == WIDTH for option in tool.options) and WIDTH not in keywords:
        width = os.environ.get(AREAPERIL_VARIABLE)
        if width is not None:
            if width not in ("4", "8"):
                raise UsageError(f"{AREAPERIL_VARIABLE} is {width!r}, expected 4 or 8")
            keywords[WIDTH] = int(width)
    if any(option.dest == EXACT for option in tool.options) and EXACT not in keywords:
        exact = os.environ.get(EXACT_VARIABLE, "0")
        if exact not in ("0", "1"):
            raise UsageError(f"{EXACT_VARIABLE} is {exact!r}, expected 0 or 1")
        keywords[EXACT] = exact == "1"
    return keywords


def function_of(tool: Tool) -> Callable[..., Any]:
    """The function that does a Tool's work; its module is imported now."""
    module, name = tool.function.split(":")
    function: Callable[..., Any] = getattr(__import__(f"ktc.{module}", fromlist=[name]), name)
    return function


class Log:
    """log/<tool>_<pid>.log, where a folder log/ is: scripts of the Oasis platform count its `finish`
    lines."""

    def __init__(self, tool: Tool) -> None:
        self.name = tool.name
        self.path = (
            os.path.join("log", f"{tool.name}_{os.getpid()}.log")
            if tool.logs and os.path.isdir("log")
            else None
        )

    def line(self, text: str, level: str = "INFO") -> None:
        if self.path:
            try:
                with open(self.path, "a") as file:
                    file.write(f"{level}:{self.name}:{os.getpid()}:{text}\n")
            except OSError:  # it is all that could be said of it
                self.path = None


class Terminated(BaseException):
    """SIGTERM has come. Unlike the signal itself, an exception lets go of unfinished output files."""


def on_terminate(number: int, frame: object) -> NoReturn:
    raise Terminated


def leave_as(number: int) -> int:
    """End this process as the signal would have; where processes do not end by signals, the status that
    shells give for it."""
    if os.name == "posix":
        _signal.signal(number, _signal.SIG_DFL)
        os.kill(os.getpid(), number)
    return 128 + number


def direct_warnings(tool: Tool, log: Log) -> None:
    """Where warnings go: those of stages and output calculations into the log, as the Oasis platform ends a
    run as soon as anything stands in its file of standard error; those of the other scripts to standard
    error.
    """
    if tool.group not in IN_RUNS:
        errors.warn_with = lambda message: print(f"{tool.name}: warning: {message}", file=sys.stderr)
        return
    errors.warn_with = lambda message: log.line(message, "WARNING")
    # those of others, unless the user asks for them
    if "warnings" in sys.modules:
        sys.modules["warnings"].simplefilter("ignore", append=True)
    elif not sys.warnoptions:
        sys.warnoptions.append("ignore")


def run(tool: Tool, argv: Sequence[str]) -> int | None:
    """Run one tool, logging its start and its success; the exit status, which only a command's function
    gives."""
    keywords = arguments(tool, argv)
    log = Log(tool)
    direct_warnings(tool, log)
    function = function_of(tool)
    log.line("starting process..")
    gc.enable()  # a launcher has put it off
    try:
        result: int | None = function(**keywords)
    finally:
        errors.warn_with = None
    log.line("finishing process..")
    return 0 if tool.name in TOOLS else result


def front_door(argv: Sequence[str]) -> int | None:
    """The script ktc itself: a command, or a tool."""
    from .console import say
    from .schemas import COMMANDS

    name = argv[0] if argv else None
    if name in TOOLS:
        return guarded(name, lambda: run(TOOLS[name], argv[1:]))
    if name in COMMANDS:
        return guarded(f"ktc {name}", lambda: run(COMMANDS[name], argv[1:]))
    if name in ("-v", "--version", "-h", "--help"):
        from .usage import overview, version

        say(version() if "-v" in name else overview())
        return None
    if name is None:
        raise UsageError("name a command or a tool; see ktc --help")
    from difflib import get_close_matches

    near = get_close_matches(name, [*COMMANDS, *TOOLS], 3)
    raise UsageError(
        f"there is no command or tool {name!r}{', but ' + ' and '.join(near) if near else ''}; see ktc --help"
    )


def guarded(name: str, work: Callable[[], int | None]) -> int:
    """Call work(); what ktc raises becomes a line on stderr and an exit status, a reader that left ends us as
    it should."""
    try:
        _signal.signal(_signal.SIGTERM, on_terminate)
        return work() or 0
    except ReaderGone:
        return leave_as(SIGPIPE)
    except KeyboardInterrupt:
        return leave_as(_signal.SIGINT)
    except Terminated:
        return leave_as(_signal.SIGTERM)
    except DataError as error:
        print(f"{name}: error: {error}", file=sys.stderr)  # several lines where a table has several faults
        return error.status
    except KtcError as error:
        message, status = str(error), error.status
    except MemoryError as error:
        message, status = f"out of memory{f': {error}' if str(error) else ''}", 1
    except Exception as error:
        if os.environ.get(TRACEBACK_VARIABLE):
            raise
        message, status = (
            f"this is a fault of ktc: {type(error).__name__}: {error} ({TRACEBACK_VARIABLE}=1 shows where)",
            1,
        )
    print(f"{name}: error: {printable(message)}", file=sys.stderr)
    return status


def main() -> int:
    """The entry point of every script."""
    name = os.path.normcase(os.path.basename(sys.argv[0]))
    for ending in (".exe", "-script.py"):  # of console scripts on Windows
        name = name.removesuffix(ending)
    argv = sys.argv[1:]
    if name in TOOLS:
        return guarded(name, lambda: run(TOOLS[name], argv))
    return guarded("ktc", lambda: front_door(argv))
