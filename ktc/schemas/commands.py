"""The commands of the script ktc, its front door, in the words in which the console scripts are stated."""
from .model import AREAPERIL, Option, Tool

COMMAND = "commands of ktc"


def count(flag, dest, help):
    return Option(flag, dest, help, int, "N")


COMMANDS = {c.name: c for c in (
    Tool("demo", COMMAND, "make an example model, and run the ground-up pipeline on it", "demo:report", (
        count("--events", "events", "events of the model (300)"),
        count("--locations", "locations", "insured locations (100)"),
        count("--samples", "samples", "samples of each item (100)"),
        count("--seed", "seed", "another seed, another model (1)"),
        Option("--force", "force", "write into a folder that is not empty and not a demo's"),
    ), operands=(("folder", str, "?", "where to put it (default ktc-demo)"),),
        writes="FOLDER/input and FOLDER/static, a portfolio and a model in ktools' files; FOLDER/results, losses and tables",
        example="ktc demo --events 100 small-demo"),
    Tool("validate", COMMAND, "check all files of a run, alone and with each other", "validation:report_run",
         (Option("--areaperil-bytes", AREAPERIL, "bytes of an areaperil id (default 4)", int, "{4,8}", choices=(4, 8)),),
         operands=(("folder", str, "?", "the folder that holds input/ and static/ (default the working directory)"),),
         reads="every table below FOLDER/input and FOLDER/static, or its csv; programmes in FOLDER/RI_1, FOLDER/input/RI_1, ...",
         writes="what was found, and a summary, on standard output; the exit status is 1 where there are faults",
         example="ktc validate ."),
    Tool("completion", COMMAND, "completion of flags and commands, for a shell to load", "completion:completion",
         operands=(("shell", ("bash", "zsh", "fish"), None, "bash, zsh or fish"),),
         writes="the shell's own code, on standard output", example='eval "$(ktc completion bash)"'),
)}
