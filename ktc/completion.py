"""Completion for shells: the flags of every tool and command, from the registry."""

from __future__ import annotations

from .console import say
from .schemas import COMMANDS, TOOLS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from .schemas import Tool

NO_FLAGS_OF_ITS_OWN = ("-h", "--help", "-v", "--version")  # every tool has these


def completion(shell: Literal["bash", "zsh", "fish"]) -> None:
    """Print what a shell needs to complete ktc and the scripts: shell is "bash", "zsh" or "fish".

    bash: eval "$(ktc completion bash)"; zsh: the same after compinit; fish: ktc completion fish | source.
    """
    say({"bash": bash, "zsh": zsh, "fish": fish}[shell]())


def flags(tool: Tool) -> list[str]:
    return [*dict.fromkeys(option.flag for option in tool.options), *NO_FLAGS_OF_ITS_OWN]


def bash() -> str:
    """Words of `complete -W` for each script; after ktc, those of the tool or command that stands there."""
    lines = ["_ktc_flags() {", '    case "$1" in']
    lines += [
        f'    {tool.name}) printf %s "{" ".join(flags(tool))}" ;;'
        for tool in (*COMMANDS.values(), *TOOLS.values())
    ]
    lines += [
        "    esac",
        "}",
        "_ktc() {",
        '    local word="${COMP_WORDS[COMP_CWORD]}" tool="${COMP_WORDS[0]##*/}" words=""',
        '    if [ "$tool" = ktc ]; then',
        '        tool="${COMP_WORDS[1]}"',
        f'        [ "$COMP_CWORD" -gt 1 ] || words="{" ".join([*COMMANDS, *TOOLS])} --help --version"',
        "    fi",
        '    [ -n "$words" ] || case "$word" in -*) words="$(_ktc_flags "$tool")" ;; esac',
        '    COMPREPLY=($(compgen -W "$words" -- "$word"))',
        "}",
        f"complete -o default -F _ktc ktc {' '.join(TOOLS)}",
        "",
    ]
    return "\n".join(lines)


def zsh() -> str:
    return "autoload -U +X bashcompinit && bashcompinit\n" + bash()


def fish() -> str:
    """A line for each flag, with its help."""

    def quoted(text: str) -> str:
        return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"

    lines = []
    for tool in (*COMMANDS.values(), *TOOLS.values()):
        lines.append(f"complete -c ktc -n __fish_use_subcommand -a {tool.name} -d {quoted(tool.help)}")
        heads = [f"complete -c ktc -n '__fish_seen_subcommand_from {tool.name}'"]
        heads += [f"complete -c {tool.name}"] if tool.name in TOOLS else []
        for option in tool.options:
            name = f"-l {option.flag[2:]}" if option.flag.startswith("--") else f"-s {option.flag[1:]}"
            rest = (
                f" -r -a '{' '.join(map(str, option.choices))}'"
                if option.choices
                else " -r"
                if option.type
                else ""
            )
            lines += [f"{head} {name}{rest} -d {quoted(option.help)}" for head in heads]
    return "\n".join([*lines, ""])
