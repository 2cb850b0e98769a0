"""Pages of the documentation that the package itself writes: formats, tools and the API, as Markdown.

conf.py puts them where a page says `<!-- generated: NAME -->`. What they tell stands in the registry
(ktc.schemas), in the tools' parsers and in docstrings, and nowhere else.
"""

import re
from importlib import import_module

import numpy

import ktc
from ktc import headers, schemas
from ktc.schemas import model, streams, tables
from ktc.schemas.tables import OTHER_NAMES
from ktc.usage import parser_of

MODULES = (
    "ktc",
    "ktc.analysis",
    "ktc.planning",
    "ktc.chain",
    "ktc.tables",
    "ktc.footprintparquet",
    "ktc.streams",
    "ktc.results",
    "ktc.curves",
    "ktc.averages",
    "ktc.financial",
    "ktc.validation",
    "ktc.inspect",
    "ktc.compare",
    "ktc.errors",
    "ktc.schemas",
)


def cell(text):
    """Text as a table's cell."""
    return re.sub(r"([|\\*<>\[\]`]|(?<!\w)_|_(?!\w))", r"\\\1", str(text))


def code(text):
    return f"`{text}`"


def grid(head, rows):
    """A Markdown table; the cells are Markdown already."""
    return "".join(
        f"| {' | '.join(each)} |\n".replace("|  |", "| |") for each in (head, ["---"] * len(head), *rows)
    )


def titled(level, target, title, *parts):
    """A heading that `target` leads to, and what stands below it."""
    return "\n\n".join([f"({target})=\n{'#' * level} {title}", *(part for part in parts if part)]) + "\n\n"


def slug(name):
    return re.sub(r"[ _]", "-", name)


# --- formats


def type_text(field):
    """The NumPy name of a field's type."""
    names = [numpy.dtype(model.TYPES[field.resolved(width)][1]).name for width in (4, 8)]
    return code(names[0]) + (f" or {code(names[1])}" if names[0] != names[1] else "")


def field_row(field, *more):
    return [code(field.name), *more, cell(field.unit), cell(field.doc)]


def fields_text(label, fields):
    rows = [field_row(f, type_text(f)) for f in fields]
    return f"{label}:\n\n{grid(['field', 'type', 'unit', 'meaning'], rows)}" if fields else ""


def size_text(fields, noun):
    narrow, wide = (sum(f.width(width) for f in fields) for width in (4, 8))
    return f"{narrow} bytes {noun}" + (f" ({wide} with 8-byte areaperil ids)" if wide != narrow else "")


def rule_text(rule, table):
    """A Rule in words."""
    names = [f.name for f, _ in table.csv_columns()]
    field, first = code(rule.field), ", ".join(code(name) for name in names[: rule.within])
    text = {
        "numbered": f"{field} counts 1, 2, 3, ...",
        "consecutive": f"{field} stays or goes up by one from row to row",
        "ascending": f"rows come in ascending order of {first}",
        "descending": f"{field} descends from row to row",
        "distinct": f"no {field} comes twice",
        "sums to one": f"{field} sums to 1, to four decimals",
        "range": f"{field} is "
        + " and ".join(
            f"at {word} {limit}"
            for word, limit in (("least", rule.low), ("most", rule.high))
            if limit is not None
        ),
        "at most": f"{field} is at most the header's {code(rule.limit)}",
        "between": f"{field} lies between {code(rule.low)} and {code(rule.high)}",
        "centre": f"{field} is the middle of {code(rule.low)} and {code(rule.high)}, to four decimals",
        "first": f"{field} of the first row is {rule.low}",
        "last": f"{field} of the last row is {rule.low}",
        "date": f"{', '.join(code(name) for name in names[names.index(rule.field) :])} are a date that there "
        f"is",
        "complete": f"each {code(names[0])} comes with every {field} that there is",
    }[rule.kind]
    if rule.within and rule.kind != "ascending":
        text = f"within the rows of one {first}, {text}"
    sound = rule in table.sound
    return text + (
        "; breaking it is worth a warning"
        if rule.warning
        else "; so runs want it"
        if sound
        else ""
        if rule.always
        else "; left out without validation"
    )


def ref_text(ref):
    """A Ref in words."""
    names = lambda columns: " and ".join(map(code, columns))
    places = [
        f"{names(keys)} in [{table}](#table-{slug(table)})"
        for table, keys in ((ref.table, ref.keys), *ref.also)
    ]
    rows = ""
    if ref.when:
        column, low, high = ref.when
        end = "" if high == low else " or more" if high is None else f" to {high}"
        rows = f" of rows with {code(column)} {low}{end}"
    return (
        f"{names(ref.columns)}{rows} {'are' if len(ref.columns) > 1 else 'is'} {' or '.join(places)}"
        + (", of the level below" if ref.less else "")
        + (", all of which come up here" if ref.complete else "")
        + ("; a warning if none is" if ref.one_is_enough else "; else a warning" if ref.warning else "")
    )


def other_names(table, shown):
    """What else a csv may call the columns, but for the header line that is shown."""
    theirs = headers.titles(table.csv_header)
    for _i, f in enumerate(shown):
        names = [
            name
            for place in (f.name, f"{table.name}.{f.name}")
            for name in OTHER_NAMES.get(place, "").split()
            if name not in theirs
        ]
        if names:
            yield f"{code(f.name)} may be called {' or '.join(map(code, names))} in a csv"


def table_text(table):
    stored = {f.name for f in table.fields}
    shown, optional = [f for f, _ in table.csv_columns()], table.optional
    fields = [*(f for f in shown if f.name not in stored), *table.fields]
    rows = [
        field_row(
            f, type_text(f) if f.name in stored else "csv only", code(f.csv) if f in shown else "binary only"
        )
        for f in fields
    ]
    where = f"{code(table.path)}: {size_text(table.fields, 'a record')}"
    if table.header:
        where += f", after {size_text(table.header, 'of header')}"
    tool = table.tool
    notes = [
        f"no two rows have the same {' and '.join(code(name) for name in table.key)}" if table.key else "",
        *map(ref_text, table.refs),
        *(rule_text(rule, table) for rule in (*table.rules, *table.sound)),
        f"a csv may leave out {' and '.join(code(f.name) for f in shown[-optional:])}" if optional else "",
        *other_names(table, shown),
        "" if table.empty else "a csv without rows is an error",
        "infinite values are allowed" if table.infinite else "",
    ]
    return titled(
        3,
        f"table-{slug(table.name)}",
        table.name,
        cell(table.doc),
        where
        + (
            f". Converters: [{tool}tobin](#tool-{tool}tobin), [{tool}tocsv](#tool-{tool}tocsv)."
            if tool
            else "."
        ),
        fields_text("Header", table.header),
        fields_text("Head of each packet", table.packet),
        "Records and csv columns:\n\n" + grid(["field", "type", "csv", "unit", "meaning"], rows),
        f"Csv header:\n\n```text\n{table.csv_header}\n```",
        "\n".join(f"- {note}" for note in notes if note),
    )


def stream_text(stream):
    return titled(
        3,
        f"stream-{slug(stream.name)}",
        stream.name,
        cell(stream.doc),
        f"First word: {code(f'0x{stream.kind:08x}')}.",
        fields_text("Header after it", stream.header),
        fields_text("Head of each packet", stream.packet),
        fields_text("Records of a packet", stream.record),
        f"Csv header:\n\n```text\n{stream.csv_header}\n```",
    )


def report_text(report):
    return titled(
        3,
        f"report-{slug(report.name)}",
        report.name,
        cell(report.doc),
        grid(
            ["column", "type", "csv", "unit", "meaning"],
            [field_row(f, type_text(f), code(f.csv)) for f in report.fields],
        ),
    )


def formats():
    """Every table, stream and report."""
    every = [*schemas.TABLES.values(), *tables.CSV_ONLY]
    return "".join(
        [
            titled(2, "tables", "Tables", "Files of fixed records, little-endian and packed."),
            *map(table_text, every),
            titled(
                2,
                "streams",
                "Streams",
                "What flows between stages, little-endian and packed; `sidx` 0 ends a packet of losses.",
            ),
            *map(stream_text, schemas.STREAMS.values()),
            titled(
                3,
                "special-samples",
                "Special samples",
                grid(
                    ["sidx", "meaning"], [[code(sidx), cell(text)] for sidx, text in streams.SPECIAL.items()]
                ),
            ),
            titled(
                2,
                "reports",
                "Reports",
                "Tables that end a pipeline. In parquet, whole numbers are int32 and all others float32.",
            ),
            *map(report_text, schemas.REPORTS.values()),
        ]
    )


# --- tools

# What a script prints, Python gives as values, or as errors and warnings.
SAME = {
    "groundup:run_gulcalc": "groundup:gulcalc",
    "fullmontecarlo:run_gulmc": "fullmontecarlo:gulmc",
    "csvchecks:report_validation": "csvchecks:validate",
    "converting:tobin": "tables:tobin",
    "converting:tocsv": "tables:tocsv",
    "validation:report_run": "validation:validate_run",
    "demo:report": "demo:demo",
    "inspect:report_info": "inspect:info",
    "inspect:report_head": "inspect:head",
    "compare:report_diff": "compare:diff",
}


def public(function):
    """The name by which Python has a Tool's function ("module:name"): in the first of MODULES that has it."""
    module, name = SAME.get(function, function).split(":")
    for each in MODULES:
        if name in getattr(import_module(each), "__all__", ()):
            return f"{each}.{name}"
    return f"ktc.{module}.{name}"


def tool_text(tool, prefix=""):
    parser = parser_of(tool)
    parser.prog = f"{prefix}{tool.name}"
    name = public(tool.function)
    fixed = "".join(f", {key}={value!r}" for key, value in tool.fixed.items())
    link = f"In Python: [`{name}`](#{name})" + (f" with {code(fixed[2:])}" if fixed else "") + "."
    return titled(
        3,
        f"{'command' if prefix else 'tool'}-{slug(tool.name)}",
        parser.prog,
        f"```text\n{parser.format_help()}```",
        link if name in documented() else "",
    )


def tools():
    """Every console script, by group, and the commands of the script ktc."""
    groups = {}
    for tool in schemas.TOOLS.values():
        groups.setdefault(tool.group, []).append(tool)
    parts = [
        part
        for group, members in groups.items()
        for part in (titled(2, f"group-{slug(group)}", group.capitalize()), *map(tool_text, members))
    ]
    commands = getattr(schemas, "COMMANDS", {})
    if commands:
        parts += [
            titled(2, "commands", "The script ktc"),
            *(tool_text(tool, "ktc ") for tool in commands.values()),
        ]
    return "".join(parts)


# --- the API


def home(name):
    """The module that a name of ktc comes from."""
    return f"ktc.{ktc._MODULE_OF.get(name)}"


def names_of(module):
    """The public names of a module, those of its __all__, but for what stands
    under ktc already."""
    if module == "ktc":
        return [name for name in ktc.__all__ if name != "__version__"]
    found = import_module(module)
    names = getattr(found, "__all__", [name for name in vars(found) if name[0].isupper()])
    return [name for name in names if getattr(found, name).__doc__ and home(name) != module]


def documented():
    """The full names that the API reference has."""
    return {f"{module}.{name}" for module in MODULES for name in names_of(module)}


def api():
    """Each public module: its docstring and its names."""
    parts = []
    for module in MODULES:
        found, lines = import_module(module), [f".. automodule:: {module}", "   :no-members:", ""]
        for name in names_of(module):
            value = getattr(found, name)
            kind = (
                "exception"
                if isinstance(value, type) and issubclass(value, BaseException)
                else ("class" if isinstance(value, type) else "function" if callable(value) else None)
            )
            if kind:
                lines += [
                    f".. auto{kind}:: {module}.{name}",
                    *(["   :members:"] if kind != "function" else []),
                    "",
                ]
        shared = [f"[`{name}`](#ktc.{name})" for name in ktc.__all__ if home(name) == module]
        parts.append(
            titled(
                2,
                f"module-{module}",
                f"`{module}`",
                f"In `ktc` too: {', '.join(shared)}." if shared else "",
                "\n".join(["```{eval-rst}", *lines, "```"]),
            )
        )
    return "".join(parts)


PAGES = {"formats": formats, "tools": tools, "api": api}
