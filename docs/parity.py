"""Write docs/parity.md: every program and flag of ktools 3.12.4, and where ktc has it.

    python docs/parity.py

What ktc has is read off the registry. What ktools has beyond that stands here; tests/test_parity.py holds all
of it against ktools' own programs.
"""

import json
import re
from pathlib import Path

from reference import cell, code, grid, public

from ktc import schemas
from ktc.schemas.tools import OWN

HERE = Path(__file__).parent
TOOLS, COMMANDS = schemas.TOOLS, getattr(schemas, "COMMANDS", {})

HEAD = """# Parity with ktools 3.12.4

Every program of ktools and every flag that it takes, with what it means and where ktc has it: as a script of
the same name, and as a function or keyword of Python (`...` stands for the other arguments, such as source
and target). `-h` and `-v`, which all programs have but footprintconv, are the same in ktc: help or version on
standard error, exit status 1. Where there is no remark, there is nothing to say but that it is the same. Made
by `python docs/parity.py`.
"""
PEERS_HEAD = """## The other programs of the Oasis platform's wheel

These lie beside ktools' programs where `oasislmf` is installed. They are no part of ktools; several do the
same work in Python.
"""

# Flags that ktools' programs take although their help does not name them.
SILENT = {
    ("eltcalc", "-P"),
    ("fmcalc", "-S"),
    ("summarycalc", "-x"),
    ("fmtocsv", "-I"),
    ("fmtocsv", "-O"),
    ("fmprofiletocsv", "-o"),
    ("fmprofiletobin", "-o"),
    ("aalcalc", "-d"),
}
# Flags of ktools that ktc lacks: (meaning, remark).
LACKING = {
    ("aalcalc", "-d"): ("show each period's losses", "ktools 3.12.4 prints the first of them without end"),
    ("fmprofiletobin", "-o"): ("none", "ktools prints its help and exits 1, as for an unknown flag"),
}
# Flags that ktools' help names but the program refuses.
REFUSED = {("occurrencetocsv", "-s"), ("gulsummaryxreftocsv", "-s")}
# Scripts of ktc that are no programs of ktools.
OURS = OWN

# The other programs that come with ktools' in the wheel of the Oasis platform: what each is, and whether ktc
# has its job.
PEERS = {
    "modelpy": ("getmodel in Python", "`getmodel`"),
    "gulpy": (
        "gulcalc in Python, with generators and correlations of its own",
        "`gulcalc`, with ktools' numbers; no correlations",
    ),
    "gulmc": (
        "full Monte Carlo: samples hazard and damage, with correlations and aggregate vulnerability",
        "`gulmc`",
    ),
    "plapy": ("placalc in Python", "`placalc`"),
    "fmpy": ("fmcalc in Python", "`fmcalc`"),
    "summarypy": ("summarycalc in Python", "`summarycalc`"),
    "eltpy": ("ELT, SELT, MELT and QELT in Python", "`eltcalc`, `summarycalctocsv -o`"),
    "pltpy": ("SPLT, MPLT and QPLT in Python", "`pltcalc`"),
    "lecpy": ("EPT and PSEPT in Python", "`ordleccalc`, `leccalc`"),
    "aalpy": ("ALT and ALCT in Python", "`aalcalc`, `aalcalcmeanonly`"),
    "katpy": ("kat in Python", "`kat`, `katparquet`"),
    "correlationtobin": ("correlations from csv to binary", "`correlationtobin`"),
    "correlationtocsv": ("correlations from binary to csv", "`correlationtocsv`"),
    "complex_itemtobin": ("items with data of a complex model from csv to binary", "no"),
    "complex_itemtocsv": ("the same from binary to csv", "no"),
    "footprint_compress": ("a footprint to its compressed form", "`footprintconv`, `footprinttobin -z`"),
    "footprint_bin_to_parquet": (
        "a footprint to parquet, for gulmc and modelpy",
        "`footprint_bin_to_parquet`; without footprint_lookup.bin, a pickle of Python, and .csv",
    ),
    "vulnerability_to_parquet": ("vulnerability functions to parquet, for gulmc and modelpy", "no"),
    "vulntoparquet": ("the same under another name", "no"),
    "servedata": (
        "a server that hands footprints to several processes",
        "no: tables are mapped, so that processes share one copy of them",
    ),
    "load_balancer": (
        "hands the events of several streams out to several others",
        "no: `eve` deals events out beforehand",
    ),
    "dfcompare": ("compares two csv files within tolerances", "`ktc diff`"),
    "join-summary-info": ("joins the names of summaries to a report", "no"),
    "oasislmf": (
        "the Oasis platform's own command: from exposure data to a whole run",
        "no: it calls the scripts",
    ),
    "completer_oasislmf": ("completion of that command in the shell", "`ktc completion`, for ktc's scripts"),
    "ktools_monitor.sh": ("kills a run once its error file holds anything", "no: exit statuses tell"),
}


def quoted(value):
    return json.dumps(value) if isinstance(value, str) else repr(value)


def keyword(option):
    """What a flag is in a call; nothing, if it has no effect."""
    if option.dest is None:
        return ""
    const = quoted(option.const)
    if option.type is None:
        return code(f"{option.dest}={f'[{const}, ...]' if option.several else const}")
    return code(
        f"{option.dest}={option.metavar if option.const is True else f'{{{const}: {option.metavar}, ...}}'}"
    )


def call(tool):
    """A tool in Python."""
    return code(
        f"{public(tool.function)}({''.join(f'{quoted(value)}, ' for value in tool.fixed.values())}...)"
    )


def sections():
    """{tool or group of tools: the link to its differences}."""
    found = {}
    for title in re.findall(r"^## (.*)", (HERE / "differences.md").read_text(), re.MULTILINE):
        link = f"[differences](differences.md#{re.sub(r'[^a-z0-9 -]', '', title.lower()).replace(' ', '-')})"
        found |= dict.fromkeys(re.findall(r"\w+", title.lower()), link)
        if "csv forms of streams" in title:
            found["streams as text"] = link
    return found


def is_ours(option):
    """Long flags are ktc's own, ktools has none."""
    return option.flag.startswith("--")


def rows_of(tool, links):
    """A tool's row, and one for each of its flags that ktools has."""
    link = links.get(tool.name, links.get(tool.group, ""))
    yield [code(tool.name), "", cell(tool.help), f"{code(tool.name)}, {call(tool)}", link]
    for option in tool.options:
        if not is_ours(option):
            key = tool.name, option.flag
            remark = (
                "not in ktools' help" if key in SILENT else "ktools prints its help" if key in REFUSED else ""
            )
            place = ", ".join(filter(None, (code(option.flag), keyword(option))))
            yield [code(tool.name), code(option.flag), cell(option.help), place, remark]
    for (name, flag), (meaning, remark) in LACKING.items():
        if name == tool.name:
            yield [code(name), code(flag), meaning, "no", remark]


def own_rows():
    """What ktc's scripts have and ktools' do not."""
    options = {}
    for tool in TOOLS.values():
        for option in filter(is_ours, tool.options):
            options.setdefault((code(option.flag), cell(option.help), keyword(option)), []).append(
                code(tool.name)
            )
    yield from ([flag, help, python, ", ".join(tools)] for (flag, help, python), tools in options.items())
    yield from ([code(name), cell(TOOLS[name].help), call(TOOLS[name]), "a script"] for name in OURS)
    yield from (
        [code(f"ktc {name}"), cell(command.help), "", "a command of the script `ktc`"]
        for name, command in COMMANDS.items()
    )


def parity():
    """The page's text."""
    groups, links = {}, sections()
    for tool in TOOLS.values():
        if tool.name not in OURS:
            groups.setdefault(tool.group, []).extend(rows_of(tool, links))
    parts = [HEAD]
    for group, rows in groups.items():
        parts += [
            f"## {group.capitalize()}\n",
            grid(["program", "flag", "meaning", "in ktc", "remark"], rows),
        ]
    parts += [
        "## Only in ktc\n",
        grid(["flag or script", "meaning", "in Python", "where"], own_rows()),
        PEERS_HEAD,
        grid(["program", "what it is", "in ktc"], ([code(name), *cells] for name, cells in PEERS.items())),
    ]
    return "\n".join(parts)


if __name__ == "__main__":
    (HERE / "parity.md").write_text(parity())
