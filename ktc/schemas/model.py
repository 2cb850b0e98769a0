"""The words in which the registry is written.

Plain classes without dependencies: importing the registry costs a few milliseconds and never NumPy.
Everything else that ktc knows of a format (NumPy dtypes, packed C structs, converters, console scripts, the
format reference) is derived from these.
"""

from ..errors import UsageError

# type name -> (struct code, NumPy type, C type, bytes). Everything on disk and on the wire is little-endian
# and packed.
TYPES = {
    "i4": ("i", "<i4", "int32_t", 4),
    "u4": ("I", "<u4", "uint32_t", 4),
    "i8": ("q", "<i8", "int64_t", 8),
    "u8": ("Q", "<u8", "uint64_t", 8),
    "f4": ("f", "<f4", "float", 4),
    "f8": ("d", "<f8", "double", 8),
}

# An areaperil id has 4 bytes in most models and 8 in large ones; nothing in the files says which, so it is a
# run's choice.
AREAPERIL = "areaperil"
# Keywords of functions that options of many tools become: the width of these ids, and results of double
# arithmetic.
WIDTH, EXACT = "areaperil_bytes", "exact"


class Entry:
    """A value whose fields are its __slots__; equal and shown by them."""

    __slots__ = ()

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{s}={getattr(self, s)!r}' for s in self.__slots__)})"

    def __eq__(self, other):
        return type(self) is type(other) and all(
            getattr(self, s) == getattr(other, s) for s in self.__slots__
        )

    __hash__ = object.__hash__


class Field(Entry):
    """One column: its name in csv and dtype, its type, the csv number format, and what it means.

    csv: the printf conversion of ktools' csv form, e.g. "%d", "%.6f", "%g".
    unit: "TIV currency", "damage ratio", "probability", ... or "".
    """

    __slots__ = ("csv", "doc", "name", "type", "unit")

    def __init__(self, name, type, doc, csv=None, unit=""):
        self.name, self.type, self.doc, self.unit = name, type, doc, unit
        self.csv = csv or ("%f" if type[0] == "f" else "%d")

    def width(self, areaperil_bytes=4):
        return areaperil_bytes if self.type == AREAPERIL else TYPES[self.type][3]

    def resolved(self, areaperil_bytes=4):
        """The type name with the areaperil width chosen."""
        return ("u4" if areaperil_bytes == 4 else "u8") if self.type == AREAPERIL else self.type


def packed(fields, areaperil_bytes=4):
    """Fields, one behind the other, as a NumPy dtype."""
    import numpy

    return numpy.dtype([(f.name, TYPES[f.resolved(areaperil_bytes)][1]) for f in fields])


class Ref(Entry):
    """Ids of a table that must be known to another one.

    columns: of this table, one or a pair. table: the one that has them as its columns `keys` (called the same
    unless given). also: a (table, keys) that may have them instead. when: (column, low, high), only rows
    whose value there lies between (high None: no end). of: the same for the other table's rows. less: taken
    off the first column, when it is a level whose ids are those of the level below. complete: every id there
    must come up here. warning: an id that is not known is worth a warning and no more. one_is_enough: the
    warning is for a table none of whose ids is known.
    """

    __slots__ = (
        "also",
        "columns",
        "complete",
        "keys",
        "less",
        "of",
        "one_is_enough",
        "table",
        "warning",
        "when",
    )

    def __init__(
        self,
        columns,
        table,
        keys=None,
        also=None,
        when=None,
        of=None,
        less=0,
        complete=False,
        warning=False,
        one_is_enough=False,
    ):
        names = lambda text: tuple(text.split())
        self.columns, self.table, self.keys = names(columns), table, names(keys or columns)
        self.also = (also[0], names(also[1])) if also else None
        self.when, self.of, self.less, self.complete, self.warning = when, of, less, complete, warning
        self.one_is_enough = one_is_enough


class Table(Entry):
    """A file of fixed records.

    path: where a run keeps it, e.g. "input/items.bin". header: fields once at the start of the file. fields:
    each record. doc: one sentence. key: names of the columns that no two rows share. refs: ids that other
    tables must have, as Ref entries. csv_header: the csv's first line. extra: what only converters and
    validators ask for (see ktc/schemas/tables.py).
    """

    __slots__ = ("csv_header", "doc", "extra", "fields", "header", "key", "name", "path", "refs")

    def __init__(self, name, path, fields, doc, header=(), key=(), refs=(), csv_header=None, **extra):
        self.name, self.path, self.fields, self.doc = name, path, tuple(fields), doc
        self.header, self.key, self.refs = tuple(header), tuple(key), tuple(refs)
        self.csv_header = csv_header or ",".join(f.name for f in self.fields)
        self.extra = extra

    def size(self, areaperil_bytes=4):
        """Bytes of one record."""
        return sum(f.width(areaperil_bytes) for f in self.fields)

    def header_size(self, areaperil_bytes=4):
        return sum(f.width(areaperil_bytes) for f in self.header)

    def dtype(self, areaperil_bytes=4):
        """The record as a packed NumPy dtype."""
        return packed(self.fields, areaperil_bytes)


class Stream(Entry):
    """A kind of stream: its name, the first word on the wire, the header behind it, its packets and records,
    and its csv."""

    __slots__ = ("csv_header", "doc", "header", "kind", "name", "packet", "record")

    def __init__(self, name, kind, header, packet, record, doc, csv_header):
        self.name, self.kind, self.header = name, kind, tuple(header)
        self.packet, self.record, self.doc, self.csv_header = tuple(packet), tuple(record), doc, csv_header


class Report(Entry):
    """A table that ends a pipeline: its name, columns (their csv number formats with them) and meaning.

    lead: how many of the first columns are often the same in rows that are written together (a matter of
    speed only).
    """

    __slots__ = ("doc", "fields", "lead", "name")

    def __init__(self, name, fields, doc, lead=0):
        self.name, self.fields, self.doc, self.lead = name, tuple(fields), doc, lead

    @property
    def csv_header(self):
        return ",".join(f.name for f in self.fields)

    @property
    def size(self):
        """Bytes of one row."""
        return sum(f.width() for f in self.fields)

    def dtype(self):
        """A row as a packed NumPy dtype."""
        return packed(self.fields)


def int32_argument(text):
    """A whole number of 32 bits, signed or not, as ktools' flags take them."""
    number = int(text)
    if not -1 << 31 <= number < 1 << 32:
        raise UsageError(f"expected a whole number of 32 bits, found {text[:20]}{'...' if text[20:] else ''}")
    return number


def value_of(type, choices, text):
    """A value of the registry's type out of text. Raises ValueError if it is none."""
    value = int32_argument(text) if type is int else type(text)
    if choices is not None and value not in choices:
        raise ValueError(text)
    return value


class Option(Entry):
    """One flag of a console script.

    flag: "-S". dest: the keyword of the function that it becomes, whose default is the function's own; None:
    accepted without effect. type: None for a switch, which passes const, else int, float or str. With a type,
    a const other than True makes a list of (const, value) pairs of all flags with this dest. several: a
    switch's const joins a list of those of all flags with this dest. metavar, choices and help: for the usage
    text.
    """

    __slots__ = ("choices", "const", "dest", "flag", "help", "metavar", "several", "type")

    def __init__(self, flag, dest, help, type=None, metavar=None, const=True, choices=None, several=False):
        self.flag, self.dest, self.help, self.type = flag, dest, help, type
        self.metavar, self.const, self.choices, self.several = metavar, const, choices, several


class Tool(Entry):
    """A console script: its ktools name, its group, one line of help, its options, and the function that does
    the work.

    function: "module:name" below ktc. The options' dests and the operands' names are its keywords; defaults
    are its own. fixed: keywords that the script always passes (a converter's table). operands: (name, type,
    nargs, help) as argparse takes them; a tuple as type is a choice of words. ignores_operands: whether those
    beyond are ignored. standard_input: whether it reads standard input, or the keywords with any of which it
    does not. standard_output: whether its binary goes there unless a flag names a file, which no function
    does unasked. logs: whether it keeps a log/<tool>_<pid>.log as the Oasis platform's scripts expect. reads,
    writes: what goes in and comes out, for help. example: a command line that works where a run's input/ and
    static/ lie. table: the table that it converts or checks; in reads, writes and example, {path}, {name} and
    {columns} are its.
    """

    __slots__ = (
        "example",
        "fixed",
        "function",
        "group",
        "help",
        "ignores_operands",
        "logs",
        "name",
        "operands",
        "options",
        "reads",
        "standard_input",
        "standard_output",
        "table",
        "writes",
    )

    def __init__(
        self,
        name,
        group,
        help,
        function,
        options=(),
        operands=(),
        fixed=None,
        logs=False,
        reads="",
        writes="",
        example="",
        table=None,
        standard_input=True,
        standard_output=False,
        ignores_operands=False,
    ):
        self.name, self.group, self.help, self.function = name, group, help, function
        self.options, self.operands, self.fixed = tuple(options), tuple(operands), dict(fixed or {})
        self.logs, self.reads, self.writes, self.example, self.table = logs, reads, writes, example, table
        self.standard_input, self.standard_output = standard_input, standard_output
        self.ignores_operands = ignores_operands

    def told(self):
        """{"reads": text, "writes": text, "example": command line}, without what is empty."""
        words = {}
        if self.table is not None:
            from .tables import TABLES

            table = TABLES[self.table]
            words = dict(
                name=table.name, path=table.path, columns=table.csv_header.replace('"', "").replace(" ", "")
            )
        return {
            name: getattr(self, name).format(**words)
            for name in ("reads", "writes", "example")
            if getattr(self, name)
        }
