"""The console scripts: arguments -> the function that the registry names -> an exit status. No logic of its own.

Every script is this main(); the name it was started under says which tool it is. Flags are ktools', -h and -v included, which
speak on stderr and exit 1; --help and --version speak on stdout and exit 0. The script ktc is the front door: `ktc TOOL ...` is
that tool, and it has commands of its own (ktc.schemas.COMMANDS).
"""
import argparse
import os
import signal
import sys
import warnings

from ._version import __version__
from .errors import DataError, KtcError, ReaderGone, UsageError, printable
from .schemas import TOOLS
from .schemas.model import AREAPERIL, EXACT

KTOOLS_VERSION = "3.12.4"
AREAPERIL_VARIABLE = "KTC_AREAPERIL_BYTES"
EXACT_VARIABLE = "KTC_EXACT"
TRACEBACK_VARIABLE = "KTC_TRACEBACK"
SIGPIPE = getattr(signal, "SIGPIPE", 13)            # Windows has none


class Layout(argparse.HelpFormatter):
    """Help of one width everywhere; argparse would import shutil to ask the terminal, at every start."""

    def __init__(self, prog):
        super().__init__(prog, max_help_position=28, width=100)

    def _fill_text(self, text, width, indent):
        """What stands in lines of its own (everything but the sentence below the usage) stays as it is."""
        return text if "\n" in text else super()._fill_text(text, width, indent)


class Parser(argparse.ArgumentParser):
    """argparse that raises instead of leaving. tool: the Tool whose help it gives, or None."""

    tool = None

    def error(self, message):
        raise UsageError(f"{message}; see {self.prog} --help")

    def format_help(self):
        if self.tool is not None:
            self.epilog = "\n".join(f"{head}:\n  {text}" for head, text in self.tool.told().items()) + "\n"
        return super().format_help()


def whole(text):
    """A whole number of 32 bits, signed or not, as ktools' flags take them."""
    number = int(text)
    if not -1 << 31 <= number < 1 << 32:
        raise argparse.ArgumentTypeError(f"expected a whole number of 32 bits, found {text[:20]}{'...' if text[20:] else ''}")
    return number


whole.__name__ = int.__name__            # what argparse calls it: "invalid int value"


def type_of(type):
    """What makes a value of the registry's type out of text."""
    return whole if type is int else type


class Pair(argparse.Action):
    """Collects (const, value) pairs of several flags under one name, in the order of the command line."""

    def __call__(self, parser, namespace, value, flag=None):
        pairs = getattr(namespace, self.dest, None) or []
        setattr(namespace, self.dest, pairs + [(self.const, value)])


class Speak(argparse.Action):
    """Prints the help or the version and leaves, the way ktools' short flags or everybody's long ones do."""

    def __call__(self, parser, namespace, value, flag=None):
        file, status = (sys.stdout, 0) if flag.startswith("--") else (sys.stderr, 1)
        if self.dest == "help":
            parser.print_help(file)
        else:
            print(f"{sys.argv[0]} : version: {KTOOLS_VERSION} - ktc {__version__}", file=file)
        raise SystemExit(status)


def parser_of(tool):
    """The argparse parser of a Tool of the registry's TOOLS or COMMANDS."""
    parser = Parser(prog=tool.name if tool.name in TOOLS else f"ktc {tool.name}",
                    description=f"{tool.help[0].upper()}{tool.help[1:]}.", add_help=False, allow_abbrev=False,
                    argument_default=argparse.SUPPRESS, formatter_class=Layout)
    parser.tool = tool
    for option in tool.options:
        if option.type is None:
            parser.add_argument(option.flag, dest=option.dest, help=option.help, const=option.const,
                                action="append_const" if option.several else "store_const")
        elif option.const is not True:
            parser.add_argument(option.flag, dest=option.dest, help=option.help, metavar=option.metavar, action=Pair,
                                const=option.const, type=type_of(option.type))
        else:
            parser.add_argument(option.flag, dest=option.dest, help=option.help, metavar=option.metavar,
                                type=type_of(option.type), choices=option.choices)
    for name, type, nargs, help in tool.operands:
        choices, type = (type, str) if isinstance(type, tuple) else (None, type)
        parser.add_argument(name, type=type_of(type), nargs=nargs, help=help, metavar=name.upper(), choices=choices)
    parser.add_argument("-h", "--help", action=Speak, nargs=0, dest="help", help="show this help")
    parser.add_argument("-v", "--version", action=Speak, nargs=0, dest="version", help="show the version")
    return parser


def arguments(tool, argv):
    """The keywords of tool's function that argv asks for."""
    keywords = {**tool.fixed, **vars(parser_of(tool).parse_args(argv))}
    for option in tool.options:
        if option.dest is None:                     # argparse has named it after its flag
            keywords.pop(option.flag.lstrip("-"), None)
    if any(option.dest == AREAPERIL for option in tool.options) and AREAPERIL not in keywords:
        width = os.environ.get(AREAPERIL_VARIABLE)
        if width is not None:
            if width not in ("4", "8"):
                raise UsageError(f"{AREAPERIL_VARIABLE} is {width!r}, expected 4 or 8")
            keywords[AREAPERIL] = int(width)
    if any(option.dest == EXACT for option in tool.options) and EXACT not in keywords:
        exact = os.environ.get(EXACT_VARIABLE, "0")
        if exact not in ("0", "1"):
            raise UsageError(f"{EXACT_VARIABLE} is {exact!r}, expected 0 or 1")
        keywords[EXACT] = exact == "1"
    return keywords


def function_of(tool):
    """The function that does a Tool's work; its module is imported now."""
    from importlib import import_module

    module, name = tool.function.split(":")
    return getattr(import_module(f"ktc.{module}"), name)


class Log:
    """log/<tool>_<pid>.log, where a folder log/ is: scripts of the Oasis platform count its `finish` lines."""

    def __init__(self, tool):
        self.name = tool.name
        self.path = os.path.join("log", f"{tool.name}_{os.getpid()}.log") if tool.logs and os.path.isdir("log") else None

    def line(self, text, level="INFO"):
        if self.path:
            try:
                with open(self.path, "a") as file:
                    file.write(f"{level}:{self.name}:{os.getpid()}:{text}\n")
            except OSError as error:
                print(f"{self.name}: warning: {self.path}: {error.strerror}", file=sys.stderr)


class Terminated(BaseException):
    """SIGTERM has come. Unlike the signal itself, an exception lets go of unfinished output files."""


def on_terminate(number, frame):
    raise Terminated


def leave_as(number):
    """End this process as the signal would have; where processes do not end by signals, the status that shells give for it."""
    if os.name == "posix":
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    return 128 + number


def run(tool, argv):
    """Run one tool, logging its start and its success; the exit status, which only a command's function gives."""
    keywords = arguments(tool, argv)
    function = function_of(tool)
    warnings.simplefilter("always")
    warnings.showwarning = lambda message, *place: print(f"{tool.name}: warning: {message}", file=sys.stderr)
    log = Log(tool)
    log.line("starting process..")
    result = function(**keywords)
    log.line("finishing process..")
    return 0 if tool.name in TOOLS else result


def overview():
    """The text of `ktc --help`: every command and every tool by group, with a line each."""
    from .schemas import COMMANDS

    groups = {}
    for tool in (*COMMANDS.values(), *TOOLS.values()):
        groups.setdefault(tool.group, []).append(f"  {tool.name:28}{tool.help}")
    return "\n".join([
        "usage: ktc COMMAND ...", "       ktc TOOL ...            the same as TOOL ...",
        "       ktc [COMMAND | TOOL] --help", "       ktc --version", "",
        "ktc: the catastrophe-loss kernel. Its tools have the names, flags and files of ktools."]
        + ["\n".join(["", f"{group}:", *lines]) for group, lines in groups.items()] + [
        "", "pipeline:", "  eve 1 1 | getmodel | gulcalc -S100 -a1 -i - | fmcalc -a2 | summarycalc -f -1 - | eltcalc > elt.csv", ""])


def version():
    """The text of `ktc --version`: the version, the build, the instruction set in use."""
    from ._core import INSTRUCTION_SET, VARIABLE, machine

    return (f"ktc {__version__} (ktools {KTOOLS_VERSION})\n"
            f"built for {machine.INTERPRETER} by {machine.COMPILER}: {machine.FLAGS}\n"
            f"instruction set {INSTRUCTION_SET} of {', '.join(machine.INSTRUCTION_SETS)} ({VARIABLE} chooses)\n")


def front_door(argv):
    """The script ktc itself: a command, or a tool."""
    from .console import say
    from .schemas import COMMANDS

    name = argv[0] if argv else None
    if name in TOOLS:
        return guarded(name, lambda: run(TOOLS[name], argv[1:]))
    if name in COMMANDS:
        return guarded(f"ktc {name}", lambda: run(COMMANDS[name], argv[1:]))
    if name in ("-v", "--version"):
        return say(version())
    if name in ("-h", "--help"):
        return say(overview())
    if name is None:
        raise UsageError("name a command or a tool; see ktc --help")
    from difflib import get_close_matches

    near = get_close_matches(name, [*COMMANDS, *TOOLS], 3)
    raise UsageError(f"there is no command or tool {name!r}{', but ' + ' and '.join(near) if near else ''}; see ktc --help")


def guarded(name, work):
    """Call work(); what ktc raises becomes a line on stderr and an exit status, a reader that left ends us as it should."""
    try:
        signal.signal(signal.SIGTERM, on_terminate)
        return work() or 0
    except ReaderGone:
        return leave_as(SIGPIPE)
    except KeyboardInterrupt:
        return leave_as(signal.SIGINT)
    except Terminated:
        return leave_as(signal.SIGTERM)
    except DataError as error:
        print(f"{name}: error: {error}", file=sys.stderr)       # several lines where a table has several faults
        return error.status
    except KtcError as error:
        message, status = str(error), error.status
    except MemoryError as error:
        message, status = f"out of memory{f': {error}' if str(error) else ''}", 1
    except Exception as error:
        if os.environ.get(TRACEBACK_VARIABLE):
            raise
        message, status = f"this is a fault of ktc: {type(error).__name__}: {error} ({TRACEBACK_VARIABLE}=1 shows where)", 1
    print(f"{name}: error: {printable(message)}", file=sys.stderr)
    return status


def main():
    """The entry point of every console script."""
    name = os.path.normcase(os.path.basename(sys.argv[0]))
    for ending in (".exe", "-script.py"):           # of console scripts on Windows
        name = name.removesuffix(ending)
    argv = sys.argv[1:]
    if name in TOOLS:
        return guarded(name, lambda: run(TOOLS[name], argv))
    return guarded("ktc", lambda: front_door(argv))
