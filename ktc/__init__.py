"""ktc: the catastrophe-loss kernel.

Stages as functions: eve, getmodel, gulcalc, gulmc, placalc, fmcalc, summarycalc, eltcalc, pltcalc, cdftocsv,
gultocsv, fmtocsv, summarycalctocsv, gultobin, summarycalctobin. Exceedance curves: leccalc, ordleccalc, and
ExceedanceCurves, which sums up. Reports as tables: ResultTable, Parquet. Tables: tobin, tocsv, read_table,
write_table, read_csv, fmprofilebinconv, footprintconv; a whole run's: validate_run. What a file is, and what
differs between two: ktc.inspect, ktc.compare. Streams: read_stream. The financial module's programmes and
rules: read_plan, apply_rule. Stages joined in memory: ktc.chain. Errors: ktc.errors.

What is said often in the descriptions has a name:

- a *source* is a path, a descriptor, a file object, or anything with a buffer (bytes, mmap, NumPy array);
  None or "-" is standard input;
- a *target* is a path, a descriptor or a file object; "-" is standard output;
- a *destination of rows* is a target (of csv), Parquet, ResultTable, or a list of these;
- `root` is the folder that holds input/ and static/ (and work/);
- `areaperil_bytes` is how many bytes an areaperil id has.

What goes wrong is raised as an error of ktc.errors: DataError for wrong input, with a message that says
where; UsageError for arguments that do not make sense, alone or together; InputError and OutputError for what
cannot be read or written. A description says only what is special.

A name is imported when it is first asked for: `import ktc` costs next to nothing.
"""

_HOME = {
    "_version": ("__version__",),
    "stages": (
        "eve",
        "getmodel",
        "gulcalc",
        "gulmc",
        "placalc",
        "fmcalc",
        "summarycalc",
        "eltcalc",
        "pltcalc",
        "cdftocsv",
        "gultocsv",
        "fmtocsv",
        "summarycalctocsv",
        "gultobin",
        "summarycalctobin",
    ),
    "curves": ("leccalc", "ordleccalc", "ExceedanceCurves"),
    "averages": ("aalcalc", "aalcalcmeanonly", "summaryindex", "AverageLoss", "AverageLossMeanOnly"),
    "concat": ("kat", "katparquet"),
    "results": ("Parquet", "ResultTable"),
    "tables": (
        "tobin",
        "tocsv",
        "read_table",
        "write_table",
        "read_csv",
        "fmprofilebinconv",
        "footprintconv",
    ),
    "validation": ("validate_run",),
    "inspect": (),
    "compare": (),
    "streams": ("read_stream", "StreamReader", "Cdfs", "Losses"),
    "financial": ("Plan", "read_plan", "apply_rule"),
    "chain": (
        "Chain",
        "Events",
        "CdfStream",
        "LossStream",
        "LossCsv",
        "GetModel",
        "GulCalc",
        "GulMC",
        "PlaCalc",
        "FmCalc",
        "SummaryCalc",
        "EltCalc",
        "PltCalc",
        "EventsToText",
        "CdfToCsv",
        "GulToCsv",
        "FmToCsv",
        "SummaryToCsv",
    ),
    "analysis": ("run", "Analysis"),
    "example": ("write_example",),
    "errors": (
        "KtcError",
        "DataError",
        "TruncatedError",
        "UsageError",
        "InputError",
        "OutputError",
        "ReaderGone",
        "Cancelled",
    ),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}
__all__ = [*_MODULE_OF]


def __getattr__(name: str) -> object:
    if name in _MODULE_OF:
        value = getattr(__import__(f"{__name__}.{_MODULE_OF[name]}", fromlist=[name]), name)
    elif name in _HOME or name == "schemas":
        value = __import__(f"{__name__}.{name}", fromlist=["*"])
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME, *__all__})
