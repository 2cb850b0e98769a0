"""The commands of the script ktc, its front door, in the words in which the console scripts are stated."""

from .model import Option, Tool
from .tools import AREAPERIL_BYTES, EXACT

COMMAND = "commands of ktc"
KIND = Option("--as", "kind", "take the input for this table or stream, whatever its name", str, "KIND")


def count(flag: str, dest: str, help: str) -> Option:
    return Option(flag, dest, help, int, "N")


COMMANDS = {
    c.name: c
    for c in (
        Tool(
            "demo",
            COMMAND,
            "make an example model, and run a whole analysis of it",
            "demo:report",
            (
                count("--events", "events", "number of events of the model (default 300)"),
                count("--locations", "locations", "number of insured locations (default 100)"),
                count("--samples", "samples", "number of samples of each item (default 100)"),
                count("--seed", "seed", "seed of the model and portfolio (default 1)"),
                Option("--force", "force", "write into a folder even if it is not empty and not a demo"),
            ),
            operands=(("folder", str, "?", "where to put it (default ktc-demo)"),),
            writes="FOLDER/input and FOLDER/static, a portfolio and a model in ktools' files; "
            "FOLDER/output, the reports",
            example="ktc demo --events 100 small-demo",
        ),
        Tool(
            "run",
            COMMAND,
            "run a whole analysis: a run directory to all reports that its settings ask for",
            "runcommand:report",
            (
                Option("--settings", "settings", "another file than DIR/analysis_settings.json", str, "FILE"),
                Option("--output", "output", "the folder of the reports (default DIR/output)", str, "DIR"),
                Option("--inputs", "input", "another folder than DIR/input", str, "DIR"),
                Option("--model", "static", "another folder than DIR/static", str, "DIR"),
                count("--threads", "threads", "number of threads (default: all processors)"),
                Option("--memory", "memory", "memory that the run may take, as 512M or 4G", str, "SIZE"),
                count("--samples", "samples", "number of samples, instead of the settings'"),
                Option("--perspectives", "perspectives", "of gul, il, ri and rl, with commas", str, "LIST"),
                Option(
                    "--reports", "reports", "of ept, psept, alt, melt and so on, with commas", str, "LIST"
                ),
                count("--alloc-gul", "alloc_gul", "allocation rule of ground-up losses (default 0)"),
                count("--alloc-il", "alloc_il", "allocation rule of insured losses (default 2)"),
                count("--alloc-ri", "alloc_ri", "allocation rule of reinsured losses (default 3)"),
                Option(
                    "--kernel",
                    "kernel",
                    "full Monte Carlo, or getmodel and gulcalc (default: what the settings or the platform's "
                    "script say)",
                    str,
                    choices=("gulmc", "ktools"),
                ),
                Option("--ri-zeros", "ri_zeros", "report reinsured losses of 0, too (summarycalc -z)"),
                Option("--dry-run", "dry_run", "show what would be done, and do nothing"),
                Option("--init", "init", "write a settings file that has every key"),
                Option("--resume", "resume", "go on with a run that was broken off"),
                Option("--skip-missing", "skip_missing", "go on without perspectives whose tables lack"),
                Option(
                    "--skip-unsupported", "skip_unsupported", "go on without settings that ktc does not do"
                ),
                Option(
                    "--progress",
                    "progress",
                    "how progress is shown",
                    str,
                    choices=("bar", "lines", "jsonl", "none"),
                ),
                count("--block-events", "block_events", "events that a thread takes at once"),
                AREAPERIL_BYTES,
                EXACT,
            ),
            operands=(("folder", str, "?", "the run directory (default the working directory)"),),
            reads="DIR/analysis_settings.json, DIR/input/, DIR/static/; without settings, what makes sense",
            writes="the reports under the platform's names, and manifest.json, in DIR/output; key figures on "
            "standard output",
            example="ktc run . --samples 10 --reports alt,ept",
        ),
        Tool(
            "validate",
            COMMAND,
            "check all files of a run, alone and with each other",
            "validation:report_run",
            (AREAPERIL_BYTES,),
            operands=(
                (
                    "folder",
                    str,
                    "?",
                    "the folder that holds input/ and static/ (default the working directory)",
                ),
            ),
            reads="every table below FOLDER/input and FOLDER/static, or its csv; programmes in FOLDER/RI_1, "
            "FOLDER/input/RI_1, ...",
            writes="what was found, and a summary, on standard output; the exit status is 1 where there are "
            "faults",
            example="ktc validate .",
        ),
        Tool(
            "info",
            COMMAND,
            "what files and streams are, and what is in them",
            "inspect:report_info",
            (KIND, Option("--json", "json", "one array of objects, for programs"), AREAPERIL_BYTES),
            operands=(("files", str, "*", "files; none, or -: standard input"),),
            reads="all records of tables and streams; csv and parquet are identified, not read",
            writes="kind, header, number and range of records, and whether they are whole, on standard "
            "output; the exit status is 1 "
            "where a file is cut",
            example="ktc info input/items.bin gul.bin",
        ),
        Tool(
            "head",
            COMMAND,
            "the first records of a table or stream",
            "inspect:report_head",
            (
                count("-n", "n", "number of records (default 10)"),
                count("--skip", "skip", "skip the first N records"),
                KIND,
                Option("--csv", "csv", "csv, as the converters write it"),
                AREAPERIL_BYTES,
            ),
            operands=(("file", str, "?", "a file; none, or -: standard input"),),
            reads="as much of a binary table or stream as is needed",
            writes="one line for each record, on standard output",
            example="ktc head -n 5 gul.bin",
        ),
        Tool(
            "diff",
            COMMAND,
            "what differs between two tables or streams",
            "compare:report_diff",
            (
                Option(
                    "--abs",
                    "absolute",
                    "real numbers are equal if they differ by at most MOST (default 0)",
                    float,
                    "MOST",
                ),
                Option(
                    "--rel", "relative", "or by at most SHARE of the larger one (default 0)", float, "SHARE"
                ),
                count("--limit", "limit", "number of differing records to show (default 10)"),
                KIND,
                AREAPERIL_BYTES,
            ),
            operands=(
                ("a", str, None, "a file, or -: standard input"),
                ("b", str, None, "a file to compare it with"),
            ),
            reads="two binary tables or streams of one kind, or two reports as csv",
            writes="what differs, on standard output; the exit status is 1 where anything does",
            example="ktc diff --rel 1e-6 gul.bin gul.bin",
        ),
        Tool(
            "completion",
            COMMAND,
            "completion of flags and commands, for a shell to load",
            "completion:completion",
            operands=(("shell", ("bash", "zsh", "fish"), None, "bash, zsh or fish"),),
            writes="the shell's own code, on standard output",
            example='eval "$(ktc completion bash)"',
        ),
    )
}
