"""The words in which the registry is written.

Plain classes without dependencies: importing the registry costs a few milliseconds and never NumPy.
Everything else that ktc knows of a format (NumPy dtypes, packed C structs, converters, console scripts, the
format reference) is derived from these.
"""

from __future__ import annotations

from ..errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any, ClassVar, TypeAlias

    import numpy

    from .tables import Rule

    # (name, type or a choice of words, nargs, help)
    Operand: TypeAlias = tuple[str, type | tuple[str, ...], str | int | None, str]

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

    __slots__: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{s}={getattr(self, s)!r}' for s in self.__slots__)})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and all(
            getattr(self, s) == getattr(other, s) for s in self.__slots__
        )

    __hash__ = object.__hash__


class Field(Entry):
    """One column.

    Parameters
    ----------
    name : str
        Its name in csv and dtype.
    type : str
        A key of TYPES, or AREAPERIL, whose width is a run's choice.
    doc : str
        What it means.
    csv : str, optional
        The printf conversion of ktools' csv form, e.g. "%d", "%.6f", "%g". Default "%f" of real numbers, "%d"
        of whole ones.
    unit : str, default ""
        "currency", "damage ratio", "probability", ...
    """

    __slots__ = ("csv", "doc", "name", "type", "unit")

    def __init__(self, name: str, type: str, doc: str, csv: str | None = None, unit: str = "") -> None:
        self.name, self.type, self.doc, self.unit = name, type, doc, unit
        self.csv = csv or ("%f" if type[0] == "f" else "%d")

    def width(self, areaperil_bytes: int = 4) -> int:
        """Bytes of a value."""
        return areaperil_bytes if self.type == AREAPERIL else TYPES[self.type][3]

    def resolved(self, areaperil_bytes: int = 4) -> str:
        """The type name with the areaperil width chosen."""
        return ("u4" if areaperil_bytes == 4 else "u8") if self.type == AREAPERIL else self.type


def packed(fields: Iterable[Field], areaperil_bytes: int = 4) -> numpy.dtype[numpy.void]:
    """Fields, one after the other, as a NumPy dtype."""
    import numpy

    return numpy.dtype([(f.name, TYPES[f.resolved(areaperil_bytes)][1]) for f in fields])


class Ref(Entry):
    """Ids of a table that must be known to another one.

    Parameters
    ----------
    columns : str
        Of this table, one or a pair, separated by a blank.
    table : str
        The table that has these ids.
    keys : str, optional
        Its columns; called the same unless given.
    also : sequence of (str, str), optional
        Tables and their keys that may have the ids instead.
    when : (str, int, int or None), optional
        Column, low, high: only rows whose value there lies between (high None: no end).
    of : (str, int, int or None), optional
        The same for the other table's rows.
    less : int, default 0
        Subtracted from the first column, when it is a level whose ids are those of the level below.
    complete : bool, default False
        Every id of the other table must come up in this one.
    warning : bool, default False
        An unknown id is a warning, not a fault.
    one_is_enough : bool, default False
        The warning is for a table none of whose ids is known.
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
        columns: str,
        table: str,
        keys: str | None = None,
        also: Iterable[tuple[str, str]] = (),
        when: tuple[str, int, int | None] | None = None,
        of: tuple[str, int, int | None] | None = None,
        less: int = 0,
        complete: bool = False,
        warning: bool = False,
        one_is_enough: bool = False,
    ) -> None:
        def names(text: str) -> tuple[str, ...]:
            return tuple(text.split())

        self.columns, self.table, self.keys = names(columns), table, names(keys or columns)
        self.also = tuple((other, names(own)) for other, own in also)
        self.when, self.of, self.less, self.complete, self.warning = when, of, less, complete, warning
        self.one_is_enough = one_is_enough


class Table(Entry):
    """A file of fixed records, how its csv form is written, and what makes it valid.

    Parameters
    ----------
    name : str
        Its name in the registry.
    path : str
        Where a run keeps it, e.g. "input/items.bin".
    fields : sequence of Field
        Each record.
    doc : str
        One sentence.
    header : sequence of Field, optional
        What stands once at the start of the file.
    key : sequence of str, optional
        Names of the columns that no two rows share.
    refs : sequence of Ref, optional
        Ids that other tables must have.
    csv_header : str, optional
        The csv's first line. Default the names of the fields.
    needed : str, optional
        The losses that a run cannot calculate without it, e.g. "ground-up losses"; "" if there are none.
    rules : sequence of Rule, optional
        What ktools demands of the rows.
    sound : sequence of Rule, optional
        Rules beyond those of ktools' converters, which the stages of a run demand.
    tool : str, optional
        ktools' name of its converters: <tool>tobin and <tool>tocsv. A table without one is part of another.
    columns : sequence of (Field or str), optional
        The csv columns, where they are not the record's fields in their order. A column that is not a field
        of the record is csv only: the number of the record (coverages), or what an index or a packet's head
        holds.
    separator : str, default ", "
        Between the values of a csv line that tocsv writes.
    prefix : str, default ""
        Before the first of them.
    optional : int, default 0
        How many of the last columns a csv may leave out; they are 0 then.
    infinite : bool, default False
        An infinite value makes sense here (everywhere else it is an error, as is one that is not a number).
    empty : bool, default True
        Whether a csv may have no rows.
    padded : bool, default False
        Records of zeros are passed over: padding.
    last_counts : bool, default False
        Of two rows with the same key the last one counts: not a fault, but worth a warning.
    counts_once : sequence of str, optional
        Columns; rows that share them count once: not a fault, but worth a warning.
    packet : sequence of Field, optional
        The head of each packet of records (lossfactors).
    form : str, optional
        Where a table has several csv forms, which follow each other: the converter's flag for this one, or
        "".
    terms : dict, optional
        Of an old form of policy terms: {calculation rule: {term of fm_profile: where it was}}.
    """

    __slots__ = (
        "columns",
        "counts_once",
        "csv_header",
        "doc",
        "empty",
        "fields",
        "form",
        "header",
        "infinite",
        "key",
        "last_counts",
        "name",
        "needed",
        "optional",
        "packet",
        "padded",
        "path",
        "prefix",
        "refs",
        "rules",
        "separator",
        "sound",
        "terms",
        "tool",
    )

    def __init__(
        self,
        name: str,
        path: str,
        fields: Iterable[Field],
        doc: str,
        header: Iterable[Field] = (),
        key: Iterable[str] = (),
        refs: Iterable[Ref] = (),
        csv_header: str | None = None,
        *,
        needed: str = "",
        rules: Iterable[Rule] = (),
        sound: Iterable[Rule] = (),
        tool: str | None = None,
        columns: Iterable[Field | str] | None = None,
        separator: str = ", ",
        prefix: str = "",
        optional: int = 0,
        infinite: bool = False,
        empty: bool = True,
        padded: bool = False,
        last_counts: bool = False,
        counts_once: Iterable[str] = (),
        packet: Iterable[Field] = (),
        form: str | None = None,
        terms: Mapping[int, Mapping[str, str]] | None = None,
    ) -> None:
        self.name, self.path, self.fields, self.doc = name, path, tuple(fields), doc
        self.header, self.key, self.refs = tuple(header), tuple(key), tuple(refs)
        self.csv_header = csv_header or ",".join(f.name for f in self.fields)
        self.needed, self.rules, self.sound = needed, tuple(rules), tuple(sound)
        self.tool, self.form, self.packet = tool, form, tuple(packet)
        self.columns = None if columns is None else tuple(columns)
        self.separator, self.prefix, self.optional = separator, prefix, optional
        self.infinite, self.empty, self.padded = infinite, empty, padded
        self.last_counts, self.counts_once = last_counts, tuple(counts_once)
        self.terms = dict(terms or {})

    def csv_columns(self) -> list[tuple[Field, bool]]:
        """The csv columns: (Field, whether the record has it)."""
        if self.columns is None:
            return [(f, True) for f in self.fields]
        fields = {f.name: f for f in self.fields}
        return [(fields[c], True) if isinstance(c, str) else (c, False) for c in self.columns]

    def size(self, areaperil_bytes: int = 4) -> int:
        """Bytes of one record."""
        return sum(f.width(areaperil_bytes) for f in self.fields)

    def header_size(self, areaperil_bytes: int = 4) -> int:
        """Bytes of the header, 0 without one."""
        return sum(f.width(areaperil_bytes) for f in self.header)

    def dtype(self, areaperil_bytes: int = 4) -> numpy.dtype[numpy.void]:
        """The record as a packed NumPy dtype."""
        return packed(self.fields, areaperil_bytes)


class Stream(Entry):
    """A kind of stream.

    Parameters
    ----------
    name : str
        Its name in the registry.
    kind : int
        The first word on the wire.
    header : sequence of Field
        What follows that word.
    packet, record : sequence of Field
        The head of each packet, and the records after it.
    doc : str
        One sentence.
    csv_header : str
        The first line of its csv.
    """

    __slots__ = ("csv_header", "doc", "header", "kind", "name", "packet", "record")

    def __init__(
        self,
        name: str,
        kind: int,
        header: Iterable[Field],
        packet: Iterable[Field],
        record: Iterable[Field],
        doc: str,
        csv_header: str,
    ) -> None:
        self.name, self.kind, self.header = name, kind, tuple(header)
        self.packet, self.record, self.doc, self.csv_header = tuple(packet), tuple(record), doc, csv_header


class Report(Entry):
    """A table that ends a pipeline.

    Parameters
    ----------
    name : str
        Its name in the registry.
    fields : sequence of Field
        The columns, with their csv number formats.
    doc : str
        One sentence.
    lead : int, default 0
        How many of the first columns are often the same in rows that are written together (a matter of speed
        only).
    """

    __slots__ = ("doc", "fields", "lead", "name")

    def __init__(self, name: str, fields: Iterable[Field], doc: str, lead: int = 0) -> None:
        self.name, self.fields, self.doc, self.lead = name, tuple(fields), doc, lead

    @property
    def csv_header(self) -> str:
        """The first line of its csv."""
        return ",".join(f.name for f in self.fields)

    @property
    def size(self) -> int:
        """Bytes of one row."""
        return sum(f.width() for f in self.fields)

    def dtype(self) -> numpy.dtype[numpy.void]:
        """A row as a packed NumPy dtype."""
        return packed(self.fields)


def int32_argument(text: str) -> int:
    """A whole number of 32 bits, signed or not, as ktools' flags take them."""
    number = int(text)
    if not -1 << 31 <= number < 1 << 32:
        raise UsageError(f"expected a whole number of 32 bits, found {text[:20]}{'...' if text[20:] else ''}")
    return number


def value_of(type: Any, choices: Sequence[Any] | None, text: str) -> Any:
    """A value of the registry's type out of text. Raises ValueError if it is not one."""
    value = int32_argument(text) if type is int else type(text)
    if choices is not None and value not in choices:
        raise ValueError(text)
    return value


class Option(Entry):
    """One flag of a console script.

    Parameters
    ----------
    flag : str
        "-S".
    dest : str or None
        The keyword of the function that it becomes, whose default is the function's own; None: accepted
        without effect.
    help : str
        For the usage text, as are metavar and choices.
    type : {int, float, str}, optional
        None for a switch, which passes const.
    metavar : str, optional
        The name of its value.
    const : object, default True
        What a switch passes. With a type, a const other than True makes a list of (const, value) pairs of all
        flags with this dest.
    choices : sequence, optional
        The values that are allowed.
    several : bool, default False
        A switch's const joins a list of those of all flags with this dest.
    many : bool, default False
        Values follow each other up to the next flag; they make a list.
    """

    __slots__ = ("choices", "const", "dest", "flag", "help", "many", "metavar", "several", "type")

    def __init__(
        self,
        flag: str,
        dest: str | None,
        help: str,
        type: type[int] | type[float] | type[str] | None = None,
        metavar: str | None = None,
        const: Any = True,
        choices: Sequence[Any] | None = None,
        several: bool = False,
        many: bool = False,
    ) -> None:
        self.flag, self.dest, self.help, self.type, self.many = flag, dest, help, type, many
        self.metavar, self.const, self.choices, self.several = metavar, const, choices, several


class Tool(Entry):
    """A console script and the function that does its work.

    Parameters
    ----------
    name, group, help : str
        Its ktools name, the heading that it stands under in `ktc --help`, and one line.
    function : str
        "module:name" below ktc. The options' dests and the operands' names are its keywords; defaults are its
        own.
    options : sequence of Option
    operands : sequence of (name, type, nargs, help)
        As argparse takes them; a tuple as type is a choice of words.
    fixed : dict, optional
        Keywords that the script always passes (a converter's table).
    logs : bool, default False
        Whether it keeps a log/<tool>_<pid>.log as the Oasis platform's scripts expect.
    reads, writes : str
        What goes in and comes out, for help.
    example : str
        A command line that works where a run's input/ and static/ lie.
    table : str, optional
        The table that it converts or checks; in reads, writes and example, {path}, {name} and {columns} are
        its.
    standard_input : bool or tuple of str, default True
        Whether it reads standard input, or the keywords with any of which it does not.
    standard_output : bool, default False
        Whether its binary goes there unless a flag names a file, which no function does unasked.
    ignores_operands : bool, default False
        Whether operands beyond these are ignored.
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
        name: str,
        group: str,
        help: str,
        function: str,
        options: Iterable[Option] = (),
        operands: Iterable[Operand] = (),
        fixed: Mapping[str, Any] | None = None,
        logs: bool = False,
        reads: str = "",
        writes: str = "",
        example: str = "",
        table: str | None = None,
        standard_input: bool | tuple[str, ...] = True,
        standard_output: bool = False,
        ignores_operands: bool = False,
    ) -> None:
        self.name, self.group, self.help, self.function = name, group, help, function
        self.options, self.operands, self.fixed = tuple(options), tuple(operands), dict(fixed or {})
        self.logs, self.reads, self.writes, self.example, self.table = logs, reads, writes, example, table
        self.standard_input, self.standard_output = standard_input, standard_output
        self.ignores_operands = ignores_operands

    def told(self) -> dict[str, str]:
        """{"reads": text, "writes": text, "example": command line}, without what is empty."""
        words: dict[str, str] = {}
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
