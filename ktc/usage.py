"""Command lines for people: help, versions, and what is wrong with a command line. Made of the registry's
entries by argparse.

A script whose command line is right never imports this module (see ktc.cli.plain).
"""

from __future__ import annotations

import argparse
import sys

from ._version import __version__
from .errors import UsageError
from .schemas import COMMANDS, TOOLS
from .schemas.model import int32_argument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn

    from .schemas import Tool

KTOOLS_VERSION = "3.12.4"


class Layout(argparse.HelpFormatter):
    """Help of one width everywhere."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28, width=100)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        """What stands in lines of its own (everything but the sentence below the usage) stays as it is."""
        return text if "\n" in text else super()._fill_text(text, width, indent)


class Parser(argparse.ArgumentParser):
    """argparse that raises instead of leaving. tool: the Tool whose help it gives, or None."""

    tool: Tool | None = None

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see {self.prog} --help")

    def format_help(self) -> str:
        if self.tool is not None:
            self.epilog = "\n".join(f"{head}:\n  {text}" for head, text in self.tool.told().items()) + "\n"
        return super().format_help()


def type_of(type: Callable[[str], Any]) -> Callable[[str], Any]:
    """What argparse is to make a value of the registry's type with."""

    def number(text: str) -> int:
        try:
            return int32_argument(text)
        except UsageError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    number.__name__ = int.__name__  # in its messages: "invalid int value"
    return number if type is int else type


class Pair(argparse.Action):
    """Collects (const, value) pairs of several flags under one name, in the order of the command line."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        value: Any,
        flag: str | None = None,
    ) -> None:
        pairs = getattr(namespace, self.dest, None) or []
        setattr(namespace, self.dest, pairs + [(self.const, value)])


class Speak(argparse.Action):
    """Prints the help or the version and leaves, the way ktools' short flags or everybody's long ones do."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        value: Any,
        flag: str | None = None,
    ) -> NoReturn:
        assert flag is not None
        file, status = (sys.stdout, 0) if flag.startswith("--") else (sys.stderr, 1)
        if self.dest == "help":
            parser.print_help(file)
        else:
            print(f"{sys.argv[0]} : version: {KTOOLS_VERSION} - ktc {__version__}", file=file)
        raise SystemExit(status)


def parser_of(tool: Tool) -> Parser:
    """The argparse parser of a Tool of the registry's TOOLS or COMMANDS."""
    parser = Parser(
        prog=tool.name if tool.name in TOOLS else f"ktc {tool.name}",
        description=f"{tool.help[0].upper()}{tool.help[1:]}.",
        add_help=False,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
        formatter_class=Layout,
    )
    parser.tool = tool
    for option in tool.options:
        if option.type is None:
            parser.add_argument(
                option.flag,
                dest=option.dest,
                help=option.help,
                const=option.const,
                action="append_const" if option.several else "store_const",
            )
        elif option.const is not True:
            parser.add_argument(
                option.flag,
                dest=option.dest,
                help=option.help,
                metavar=option.metavar,
                action=Pair,
                const=option.const,
                type=type_of(option.type),
            )
        else:
            parser.add_argument(
                option.flag,
                dest=option.dest,
                help=option.help,
                metavar=option.metavar,
                type=type_of(option.type),
                choices=option.choices,
                nargs="*" if option.many else None,
                action="extend" if option.many else "store",
            )
    for name, type, nargs, help in tool.operands:
        choices, type = (type, str) if isinstance(type, tuple) else (None, type)
        parser.add_argument(
            name, type=type_of(type), nargs=nargs, help=help, metavar=name.upper(), choices=choices
        )
    parser.add_argument("-h", "--help", action=Speak, nargs=0, dest="help", help="show this help")
    parser.add_argument("-v", "--version", action=Speak, nargs=0, dest="version", help="show the version")
    return parser


def parsed(tool: Tool, words: Sequence[str], operands: Sequence[str]) -> dict[str, Any]:
    """What ktc.cli.plain gives, by argparse: the keywords of a command line, or what is wrong with it, or
    help.

    words: those of its options, with their values.
    """
    end = ["--"] if any(word[:1] == "-" and word != "-" for word in operands) else []
    keywords = vars(parser_of(tool).parse_args([*words, *end, *operands]))
    for option in tool.options:
        if option.dest is None:  # argparse has named it after its flag
            keywords.pop(option.flag.lstrip("-").replace("-", "_"), None)
    return keywords


def overview() -> str:
    """The text of `ktc --help`: every command and every tool by group, one line each."""
    groups: dict[str, list[str]] = {}
    for tool in (*COMMANDS.values(), *TOOLS.values()):
        groups.setdefault(tool.group, []).append(f"  {tool.name:30}{tool.help}")
    return "\n".join(
        [
            "usage: ktc COMMAND ...",
            "       ktc TOOL ...            the same as TOOL ...",
            "       ktc [COMMAND | TOOL] --help",
            "       ktc --version",
            "",
            "ktc: the catastrophe-loss kernel. Its tools have the names, flags and files of ktools.",
        ]
        + ["\n".join(["", f"{group}:", *lines]) for group, lines in groups.items()]
        + [
            "",
            "pipeline:",
            "  eve 1 1 | getmodel | gulcalc -S100 -a1 -i - | fmcalc -a2 | summarycalc -f -1 - | eltcalc > "
            "elt.csv",
            "",
        ]
    )


def version() -> str:
    """The text of `ktc --version`: the version, the build, the instruction set in use."""
    from ._core import INSTRUCTION_SET, VARIABLE, machine

    return (
        f"ktc {__version__} (ktools {KTOOLS_VERSION})\n"
        f"built for {machine.INTERPRETER} by {machine.COMPILER}: {machine.FLAGS}\n"
        f"instruction set {INSTRUCTION_SET} of {', '.join(machine.INSTRUCTION_SETS)} ({VARIABLE} chooses)\n"
    )
