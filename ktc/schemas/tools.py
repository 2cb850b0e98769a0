"""The console scripts: ktools' names and flags, and the function of ktc that each one is."""
from __future__ import annotations

from .model import EXACT as EXACT_KEYWORD
from .model import WIDTH, Option, Tool

# The width of areaperil ids, in every tool that meets them. ktools fixes it when it is built;
# KTC_AREAPERIL_BYTES in the environment sets it for a whole pipeline.
AREAPERIL_BYTES = Option("--areaperil-bytes", WIDTH, "bytes of an areaperil id (default 4)", type=int,
                         metavar="{4,8}",
                         choices=(4, 8))

# Double results in every digit, where ktools' floats are right to 1 in 10,000 too. KTC_EXACT=1 sets it for a
# whole pipeline.
EXACT = Option("--exact", EXACT_KEYWORD,
               "results of double arithmetic, also where ktools' own are near enough")

SKIP_HEADER = Option("-s", "skip_header", "leave the header line out")
FOLDER = Option("-K", "folder", "the folder below work/ that holds the summary streams", str, "DIR")
FULL_PRECISION = Option("-f", "full_precision", "six decimals instead of two")
UNUSED = "accepted without effect"

STAGE, STREAM_TEXT, OUTPUT, CONVERTER, VALIDATION = ("stages", "streams as text", "output calculations",
                                                     "converters",
                                                     "validation")

# The groups whose scripts run in a pipeline of the Oasis platform, which ends it once one of them writes to
# standard error.
IN_RUNS = (STAGE, STREAM_TEXT, OUTPUT)
# Scripts that are not programs of ktools.
OWN = ("correlationtobin", "correlationtocsv", "conditionalvulnerabilitytobin",
       "conditionalvulnerabilitytocsv", "footprint_bin_to_parquet", "footprint_parquet_to_bin", "gulmc")

NO_HEADER = Option("-n", "no_header", "the csv has no header line")
NO_CHECKS = Option("-N", "validate", "no validation checks", const=False)


CSV_IN, CSV_OUT = "csv on standard input: {columns}", "csv on standard output"


def converters(tool: str, table: str, to_binary: tuple[Option, ...] = (), to_csv: tuple[Option, ...] = (),
               function: str | None = None, writes: str = "{path}, on standard output",
               reads: str = "{path}, on standard input",
               examples: tuple[str, str] = ("{} < {name}.csv > {path}", "{} < {path} > {name}.csv"),
               standard_input: bool | tuple[str, ...] = True) -> tuple[Tool, Tool]:
    """The Tools <tool>tobin and <tool>tocsv of a table. function: module and stem of their own functions,
    where they have some. standard_input: that of <tool>tocsv."""
    stem, fixed = (f"{function}_", {}) if function else ("converting:", {"table": table})
    tobin, tocsv = f"{tool}tobin", f"{tool}tocsv"
    return (Tool(tobin, CONVERTER, f"{table} from csv to binary", f"{stem}tobin", to_binary,
                 fixed=fixed, table=table, standard_output=table != "footprint",
                 reads=CSV_IN, writes=writes, example=examples[0].replace("{}", tobin)),
            Tool(tocsv, CONVERTER, f"{table} from binary to csv", f"{stem}tocsv", to_csv, fixed=fixed,
                 table=table,
                 standard_input=standard_input, reads=reads, writes=CSV_OUT,
                 example=examples[1].replace("{}", tocsv)))


FIELDS = Option("--fields", "fields",
                "of a record: 6 with source_item_id, 5 without (default: as the input has)", int, "{5,6}",
                choices=(5, 6))
STATIC_PATH = tuple(Option(flag, "static_path", "folder of the footprint (default .)", str, "DIR")
                    for flag in ("-p", "--static-path"))
STEP = Option("-S", "table", "stepped policies (fm_profile_step)", const="fm_profile_step")
CONVERTERS = (
    *converters("eve", "events", (NO_HEADER,), (SKIP_HEADER,)),
    *converters("item", "items", (AREAPERIL_BYTES,), (SKIP_HEADER, AREAPERIL_BYTES)),
    *converters("coverage", "coverages", (), (SKIP_HEADER,)),
    *converters("damagebin", "damage_bin_dict", (NO_CHECKS,), (
        Option("-i", "interval_type", "include the deprecated column interval_type"),),
                function="converters:damage_bin_dict"),
    *converters("footprint", "footprint", (
        Option("-i", "max_intensity_bin", "largest intensity bin", int, "BIN"),
        Option("-n", "no_uncertainty", "intensity is certain"),
        Option("-b", "target", "binary file (default footprint.bin)", str, "FILE"),
        Option("-x", "index", "index file (default footprint.idx)", str, "FILE"),
        Option("-z", "compress", "compress each event's rows; the names end in .z"),
        Option("-u", "sized", "with -z: the index has uncompressed sizes"),
        NO_CHECKS, AREAPERIL_BYTES), (
        SKIP_HEADER,
        Option("-z", "compressed", "read footprint.bin.z and footprint.idx.z"),
        Option("-e", "events", "only these event ids, both included", str, "FROM[-TO]"),
        Option("-b", "source", "binary file (default footprint.bin)", str, "FILE"),
        Option("-x", "index", "index file (default footprint.idx)", str, "FILE"),
        AREAPERIL_BYTES), function="indexed:footprint",
                writes="footprint.bin and footprint.idx, or the files of -b and -x",
        reads="footprint.bin and footprint.idx, or the files of -b and -x",
        examples=("{} -i 20 -b {path} -x static/footprint.idx < {name}.csv",
                  "{} -b {path} -x static/footprint.idx > {name}.csv"), standard_input=False),
    *converters("vulnerability", "vulnerability", (
        Option("-d", "max_damage_bin", "largest damage bin", int, "BIN"),
        Option("-i", "indexed", "write vulnerability.bin and vulnerability.idx"),
        Option("-z", "compress",
               "compress each function's rows: vulnerability.bin.z and vulnerability.idx.z"),
        NO_CHECKS,
        Option("-S", "any_intensity_bins",
               "no warning when functions lack intensity bins (models of several perils)")), (
        SKIP_HEADER,
        Option("-i", "indexed", "read vulnerability.bin and vulnerability.idx"),
        Option("-z", "compressed", "read vulnerability.bin.z and vulnerability.idx.z")),
                function="indexed:vulnerability",
        writes="{path}, on standard output; with -i and -z, two files of the working directory",
        reads="{path}, on standard input; with -i and -z, two files of the working directory",
        examples=("{} -d 22 < {name}.csv > {path}", "{} < {path} > {name}.csv"),
                standard_input=("indexed", "compressed")),
    Tool("randtobin", CONVERTER, "random from csv to binary", "converting:tobin", fixed={"table": "random"},
         table="random", standard_output=True,
         reads=CSV_IN, writes="{path}, on standard output", example="randtobin < {name}.csv > {path}"),
    Tool("randtocsv", CONVERTER, "random from binary to csv, or new random numbers",
         "converters:random_tocsv", (
        SKIP_HEADER,
        Option("-r", "convert", "convert random.bin (overrides -g)"),
        Option("-g", "generate", "generate N random numbers", int, "N"),
        Option("-S", "seed", "their seed (default 0: a different one each time)", int,
               "SEED")), table="random",
         standard_input=("generate",), reads="{path}, on standard input, unless it generates", writes=CSV_OUT,
         example="randtocsv -g 1000 -S 7 > {name}.csv"),
    *converters("gulsummaryxref", "gulsummaryxref", (), (SKIP_HEADER,)),
    *converters("fmsummaryxref", "fmsummaryxref", (), (SKIP_HEADER,)),
    *converters("fmprogramme", "fm_programme", (), (SKIP_HEADER,)),
    *converters("fmpolicytc", "fm_policytc", (), (SKIP_HEADER,)),
    *converters("fmprofile", "fm_profile", (STEP,), (SKIP_HEADER, STEP, Option("-o", None, UNUSED))),
    *converters("fmxref", "fm_xref", (), (SKIP_HEADER,)),
    *converters("occurrence", "occurrence", (
        Option("-P", "periods", "number of periods", int, "N"),
        Option("-D", "date_id", "the csv has occ_date_id instead of a date"),
        Option("-H", "granular", "use occ_hour and occ_minute (0 if the csv does not have them)")),
                (SKIP_HEADER,), function="converters:occurrence",
        examples=("{} -P 1000 < {name}.csv > {path}", "{} < {path} > {name}.csv")),
    Tool("returnperiodtobin", CONVERTER, "returnperiods from csv to binary", "converters:returnperiods_tobin",
         table="returnperiods", standard_output=True, reads=CSV_IN, writes="{path}, on standard output",
         example="returnperiodtobin < {name}.csv > {path}"),
    converters("returnperiod", "returnperiods", (), (SKIP_HEADER,))[1],
    *converters("periods", "periods"),
    *converters("quantile", "quantile", (NO_HEADER,), (SKIP_HEADER,)),
    *converters("amplifications", "amplifications"),
    *converters("lossfactors", "lossfactors"),
    *converters("aggregatevulnerability", "aggregate_vulnerability", (), (SKIP_HEADER,)),
    *converters("weights", "weights", (), (SKIP_HEADER,)),
    *converters("ensemble", "ensemble"),
    *converters("correlation", "correlations", (
        Option("-i", "source", "csv file (default standard input)", str, "FILE"),
        Option("-o", "target", "binary file (default standard output)", str, "FILE"),
        FIELDS), (
        Option("-i", "source", "binary file (default standard input)", str, "FILE"),
        Option("-o", "target", "csv file (default standard output)", str, "FILE"),
        FIELDS), function="converters:correlations"),
    converters("conditionalvulnerability", "conditional_vulnerability", (
        Option("-d", "max_damage_bin", "largest damage bin", int, "BIN"), NO_CHECKS),
               function="converters:conditional_vulnerability",
               examples=("{} -d 22 < {name}.csv > {path}", ""))[0],
    converters("conditionalvulnerability", "conditional_vulnerability", (), (SKIP_HEADER,))[1],
    Tool("fmprofilebinconv", CONVERTER, "policy terms in their old binary form to fm_profile",
         "converters:fmprofilebinconv",
         standard_output=True, reads="the records of fm_profile as they once were, on standard input",
         writes="input/fm_profile.bin, on standard output",
         example="fmprofilebinconv < fm_profile_old.bin > fm_profile.bin"),
    Tool("footprintconv", CONVERTER,
         "footprint.bin and footprint.idx to footprint.bin.z and footprint.idx.z, compressed",
         "indexed:footprintconv", (AREAPERIL_BYTES,), standard_input=False,
         reads="footprint.bin and footprint.idx of the working directory",
         writes="footprint.bin.z and footprint.idx.z there", example="cd static && footprintconv"),
    Tool("footprint_bin_to_parquet", CONVERTER,
         "footprint.bin and footprint.idx, or those that end in .z, to parquet, which gulmc reads, too",
         "footprintparquet:footprint_bin_to_parquet", (
             *STATIC_PATH,
             Option("--chunk", "chunk", "files of many events instead of one for each event"),
             Option("--chunk-size", "chunk_size", "bytes of rows after which a chunk ends (default 8388608)",
                    int, "BYTES"),
             AREAPERIL_BYTES), standard_input=False,
         reads="footprint.bin and footprint.idx, or those that end in .z, in the folder of -p",
         writes="footprint.parquet/ or, with --chunk, footprint_chunk/ and footprint_lookup.parquet; "
                "footprint_parquet_meta.json",
         example="footprint_bin_to_parquet -p static"),
    Tool("footprint_parquet_to_bin", CONVERTER,
         "a footprint in parquet to footprint.bin and footprint.idx",
         "footprintparquet:footprint_parquet_to_bin", (
             *STATIC_PATH,
             Option("-z", "compress", "compress each event's rows; the names end in .z"),
             Option("-u", "sized", "with -z: the index has uncompressed sizes"),
             AREAPERIL_BYTES), standard_input=False,
         reads="footprint_chunk/ and footprint_lookup.parquet, or else footprint.parquet/; "
               "footprint_parquet_meta.json; all in the folder of -p",
         writes="footprint.bin and footprint.idx there", example="footprint_parquet_to_bin -p static"),
)

FAULTS = "what is wrong, and the verdict, on standard error"
VALIDATORS = (*(
    Tool(f"validate{tool}", VALIDATION, f"checks of the {table} csv, which write nothing",
         "csvchecks:report_validation", options,
         fixed={"table": table}, table=table, reads=CSV_IN, writes=FAULTS,
         example=f"validate{tool} < {{name}}.csv")
    for tool, table, options in (
        ("damagebin", "damage_bin_dict", ()), ("footprint", "footprint", (AREAPERIL_BYTES,)),
                                 ("vulnerability", "vulnerability", (
            Option("-S", "any_intensity_bins",
                   "no warning when functions lack intensity bins (models of several perils)"),)))),
    Tool("crossvalidation", VALIDATION,
         "checks of a model's csv files with each other: are the bins that they refer to known",
         "validation:crossvalidation", (
             Option("-d", "damage_bins", "the damage bins", str, "FILE"),
             Option("-s", "vulnerability", "the vulnerability", str, "FILE"),
             Option("-f", "footprint", "the footprint", str, "FILE"), AREAPERIL_BYTES),
         standard_input=False, reads="the three csv files", writes=FAULTS,
         example="crossvalidation -d damage_bin_dict.csv -s vulnerability.csv -f footprint.csv"),
    Tool("validateoasisfiles", VALIDATION,
         "checks of a portfolio's csv files with each other: are the ids that they refer to known",
         "validation:validateoasisfiles", (
             Option("-d", "folder", "the folder of the files", str, "DIR"),
             Option("-g", "ground_up", "only coverages and items, no financial terms"), AREAPERIL_BYTES),
         standard_input=False,
         reads="DIR/coverages.csv, items.csv, fm_programme.csv, fm_profile.csv and fm_policytc.csv",
         writes=FAULTS,
         example="validateoasisfiles -d ."),
)

# Exceedance curves: ktools' letters, capitals for the sum of a period's losses (AEP), small ones for the
# largest (OEP).
CURVES = tuple((letter, f"{type}_{kind}", f"{type.upper()}, {text}") for type,
               letters in (("aep", "FWSM"), ("oep", "fwsm"))
               for letter, (kind, text) in zip(letters, (
                   ("full_uncertainty", "one curve of all samples (full uncertainty)"),
                   ("wheatsheaf", "a curve for each sample (wheatsheaf)"),
                   ("sample_mean", "one curve of the means over the samples"),
                   ("wheatsheaf_mean", "the mean of the samples' curves"))))
SUMMARIES = "work/DIR/*.bin, summary streams; input/occurrence.bin; input/periods.bin if it is there"
WORK_FOLDER = Option("-K", "folder", "read the summary streams work/DIR/*.bin instead of standard input", str,
                     "DIR")
MEMORY = Option("--memory", "memory", "MiB for losses by period (default 2048 with -K, else no limit)", float,
                "MIB")
CURVE_OPTIONS = (WORK_FOLDER, Option("-r", "return_periods",
                                     "read the curves off at the periods of input/returnperiods.bin"),
                 Option("-H", "skip_header", "leave the header line out"), EXACT, MEMORY)

TOOLS = {t.name: t for t in (
    Tool("eve", STAGE, "the events of a run, dealt out to processes", "groundup:eve", (
        Option("-n", "in_order", "no shuffle: consecutive events (overrides -r and -R)"),
        Option("-r", "fisher_yates", "shuffle (Fisher-Yates), then deal (overrides -R)"),
        Option("-R", "legacy_shuffle", "shuffle as std::shuffle does, consecutive events"),
        Option("-t", "text", "text, one event id per line"),
    ), operands=(("process", int, None, "number of this process, from 1"),
                 ("total", int, None, "number of processes")),
        logs=True, standard_input=False, standard_output=True, reads="input/events.bin",
         writes="event ids, on standard output",
         example="eve 1 4 > events_1_of_4.bin"),
    Tool("getmodel", STAGE, "damage distributions of the portfolio in each event", "groundup:getmodel",
         (AREAPERIL_BYTES,),
         logs=True,
         standard_output=True, reads="event ids, on standard input; input/items.bin, static/footprint, "
                                     "static/vulnerability, "
         "static/damage_bin_dict.bin", writes="a cdf stream, on standard output",
         example="eve 1 1 | getmodel > cdf.bin"),
    Tool("gulcalc", STAGE, "ground-up losses by sampling cdfs", "groundup:run_gulcalc", (
        Option("-S", "sample_size", "number of samples", int, "N"),
        Option("-i", "item", "item losses to this file, or - for standard output", str, "FILE"),
        Option("-c", "coverage", "coverage losses to this file, or - (without allocation only)", str, "FILE"),
        Option("-j", "correlated", "item losses with all items fully correlated, to this file", str, "FILE"),
        Option("-a", "alloc_rule",
               "how a coverage's items share its loss: 0 not; 1 in proportion; 2 the largest; 3 as "
               "if independent; without -a: not, in the old item form", int, "RULE"),
        Option("-L", "loss_threshold", "leave out samples below this loss (default 0.000001)", float, "LOSS"),
        Option("-A", "random", "random numbers seeded by group and event (default)", const="hashed"),
        Option("-r", "random", "random numbers from static/random.bin", const="file"),
        Option("-l", "random", "random numbers from one generator, kept in a vector (legacy)",
               const="cached"),
        Option("-R", "vector_size", "numbers in that vector (default 1000000)", int, "N"),
        Option("-s", "seed", "seed of the random numbers", int, "SEED"),
        Option("-d", "debug", "write random numbers instead of losses"),
        Option("-b", None, UNUSED),
        AREAPERIL_BYTES,
    ), logs=True,
         reads="a cdf stream, on standard input; input/items.bin, input/coverages.bin, "
               "static/damage_bin_dict.bin",
        writes="loss streams, to where the flags say",
         example="eve 1 1 | getmodel | gulcalc -S100 -a1 -i - > gul.bin"),
    Tool("gulmc", STAGE, "ground-up losses by full Monte Carlo, as the Oasis platform draws them",
         "fullmontecarlo:run_gulmc", (
        Option("-S", "sample_size", "number of samples (default 0)", int, "N"),
        Option("-a", "alloc_rule", "how a coverage's items share its loss: 0 not (default); 1 in proportion; "
               "2 the largest; 3 as if independent", int, "RULE"),
        Option("-L", "loss_threshold", "leave out samples below this loss (default 0.000001)", float, "LOSS"),
        Option("-d", "debug", "random numbers instead of losses: 1 of the intensity, 2 of the damage", int,
               "LEVEL"),
        Option("-i", "source", "event ids from this file (default standard input)", str, "FILE"),
        Option("--file-in", "source", "the same", str, "FILE"),
        Option("-o", "target", "losses to this file (default standard output)", str, "FILE"),
        Option("--file-out", "target", "the same", str, "FILE"),
        Option("--effective-damageability", "effective_damageability",
               "sample the damage from its effective distribution"),
        Option("--ignore-correlation", "ignore_correlation", "no correlation of damage"),
        Option("--ignore-haz-correlation", "ignore_haz_correlation", "no correlation of intensity"),
        Option("--random-generator", "random_generator", "0 Mersenne Twister; 1 a Latin hypercube on it; 2 a "
               "Latin hypercube on Philox (default)", int, "N"),
        Option("--peril-filter", "peril_filter", "only areaperils that have one of these perils in "
               "input/keys.csv", str, "PERIL", many=True),
        Option("--ignore-file-type", "ignore_file_type", "endings of model files to pass over", str, "ENDING",
               many=True),
        Option("--dynamic-footprint", "dynamic_footprint", "the footprint is a dynamic one, unless this is "
               "False", str, "TRUE"),
        Option("--run-dir", "root", "the folder that holds input/ and static/ (default .)", str, "DIR"),
        Option("--vuln-cache-size", None, UNUSED, int, "MB"),
        Option("--data-server", None, UNUSED),
        Option("--model-df-engine", None, UNUSED, str, "CLASS"),
        Option("--socket-server", None, UNUSED, str, "PORT"),
        Option("--analysis-pk", None, UNUSED, str, "ID"),
        Option("--logging-level", None, UNUSED, int, "LEVEL"),
        Option("--create-structures", "create_structures", "do nothing: there are no structures to be made"),
        AREAPERIL_BYTES,
    ), logs=True, standard_output=True, standard_input=("source", "create_structures"),
         reads="event ids, on standard input; input/items, coverages, correlations, keys; "
               "static/damage_bin_dict, footprint, vulnerability, aggregate_vulnerability, weights, in any "
               "of the platform's formats",
         writes="a loss stream, on standard output", example="eve 1 1 | gulmc -S100 -a1 > gul.bin"),
    Tool("placalc", STAGE, "losses times the factors of post-loss amplification", "groundup:placalc", (
        Option("-f", "relative_factor", "how much of each factor counts, 0 to 1 (default 1)", float, "SHARE"),
        Option("-F", "absolute_factor", "one factor for all losses, instead of static/lossfactors.bin", float,
               "FACTOR"),
    ), logs=True,
         standard_output=True, reads="a loss or item stream, on standard input; input/amplifications.bin, "
                                     "static/lossfactors.bin",
        writes="the same stream, on standard output", example="placalc -f 0.5 < gul.bin > amplified.bin"),
    Tool("fmcalc", STAGE, "losses that an insurance or reinsurance programme pays", "insured:fmcalc", (
        Option("-a", "alloc_rule",
               "how losses are shared out among items: 0 not (default); 1 by ground-up loss; 2 and 3 "
               "by the losses from level to level", int, "RULE"),
        Option("-n", "net", "what is left (net loss) instead of what is paid"),
        Option("--net-to", "net_to", "what is left to this file or named pipe, besides what is paid", str,
               "FILE"),
        Option("-p", "input_path", "the folder that stands for input/", str, "DIR"),
        Option("-M", "max_level", "stop at this level", int, "LEVEL"),
        Option("-S", "stepped", "stepped policies (fm_profile_step)"),
        Option("-d", "debug", "write samples without loss too"),
        Option("-o", "full_shares", "with -a 2, share out nodes without loss in every sample"),
        Option("-O", None, UNUSED),
        EXACT, AREAPERIL_BYTES,
    ), logs=True,
         standard_output=True, reads="a loss stream, on standard input; the programme: "
                                     "input/fm_programme.bin, fm_policytc.bin, "
        "fm_profile.bin, fm_xref.bin; input/coverages.bin and items.bin for insured values",
        writes="a loss stream, on standard output", example="fmcalc -a2 < gul.bin > insured.bin"),
    Tool("summarycalc", STAGE, "losses by summary, for up to ten summary sets at once",
         "summaries:summarycalc", (
        Option("-i", "item", "input is a loss stream by item"),
        Option("-f", "fm", "input is a loss stream of the financial module"),
        Option("-c", "coverage", "input is a loss stream by coverage"),
        Option("-g", "coverage", "the same as -c"),
        Option("-x", "legacy_item", "input is an item stream (gulcalc -i without -a), summed by coverage"),
        Option("-z", "zeros", "write summaries without exposure and losses of 0 too"),
        Option("-m", "index", "beside each output file an index file, <name without .bin>.idx"),
        Option("-p", "input_path", "the folder that stands for input/", str, "DIR"),
    ) + tuple(Option(f"-{n}", "outputs",
                     f"where summary set {n} goes: a file, a named pipe, or - for standard output", str,
                     "FILE",
                     const=n) for n in range(10)) + (EXACT, AREAPERIL_BYTES),
        logs=True,
         reads="a loss stream, on standard input; input/gulsummaryxref.bin or, with -f, "
               "input/fmsummaryxref.bin",
        writes="a summary stream for each summary set",
         example="summarycalc -i -1 summary.bin -2 by_line.bin < gul.bin"),
    Tool("cdftocsv", STREAM_TEXT, "cdf stream to csv", "streamcsv:cdftocsv", (SKIP_HEADER, AREAPERIL_BYTES),
         reads="a cdf stream, on standard input", writes=CSV_OUT, example="cdftocsv < cdf.bin > cdf.csv"),
    Tool("gultocsv", STREAM_TEXT, "ground-up losses to csv", "streamcsv:gultocsv",
         (SKIP_HEADER, FULL_PRECISION),
         reads="an item, coverage or loss stream, on standard input", writes=CSV_OUT,
         example="gultocsv < gul.bin > gul.csv"),
    Tool("fmtocsv", STREAM_TEXT, "losses of the financial module to csv", "streamcsv:fmtocsv", (
        SKIP_HEADER, FULL_PRECISION, Option("-I", None, UNUSED, str, "FILE"), Option("-O", None, UNUSED, str,
                                                                                     "FILE")),
         reads="a loss stream of the financial module, on standard input", writes=CSV_OUT,
         example="fmtocsv < insured.bin > insured.csv"),
    Tool("summarycalctocsv", STREAM_TEXT, "losses by summary to csv", "streamcsv:summarycalctocsv", (
        SKIP_HEADER, FULL_PRECISION,
        Option("-e", "exposure", "show the exposed value of each summary"),
        Option("-a", "max_loss", "include the maximum losses (sidx -5)"),
        Option("-z", "drop_unexposed", "leave out summaries without exposure"),
        Option("-o", "ord", "Open Results Data: the sample event loss table (SELT)"),
        Option("-p", "parquet", "SELT as parquet to this file; without -o, no csv", str, "FILE"),
    ), reads="a summary stream, on standard input", writes="csv on standard output, parquet",
        example="summarycalctocsv -o < summary.bin > selt.csv"),
    Tool("gultobin", STREAM_TEXT, "ground-up losses from csv", "streamcsv:gultobin", (
        Option("-S", "sample_size", "number of samples; those above it are left out", int, "N"),
        Option("-t", "stream_type", "1: an item stream (deprecated); 2: a loss stream (default)", int,
               "TYPE"),
    ), standard_output=True, reads="csv on standard input: event_id,item_id,sidx,loss",
         writes="a loss or item stream, on standard output",
        example="gultobin -S100 < gul.csv > gul_again.bin"),
    Tool("summarycalctobin", STREAM_TEXT, "losses by summary from csv with exposed values",
         "streamcsv:summarycalctobin", (
        Option("-S", "sample_size", "number of samples", int, "N"),),
         standard_output=True, reads="csv on standard input: event_id,exposure_value,summary_id,sidx,loss",
         writes="a summary stream of set 1, on "
         "standard output",
         example="summarycalctocsv -e < summary.bin | summarycalctobin -S100 > summary_again.bin"),
    Tool("eltcalc", OUTPUT,
         "event loss tables; without -M, -m, -Q and -q: mean and standard deviation by event and summary",
         "losstables:eltcalc", (
             Option("-M", "moment", "moment event loss table (MELT) to this file, or - for standard output",
                    str, "FILE"),
             Option("-m", "moment_parquet", "MELT as parquet to this file", str, "FILE"),
             Option("-Q", "quantile", "quantile event loss table (QELT) to this file, or -", str, "FILE"),
             Option("-q", "quantile_parquet", "QELT as parquet to this file", str, "FILE"),
             Option("-P", "process", "leave an empty file work/sema_elt/N.id at the start (0: none)", int,
                    "N"),
             SKIP_HEADER, EXACT,
         ), logs=True,
         reads="a summary stream, on standard input; for MELT input/occurrence.bin or input/event_rates.csv, "
               "for QELT "
         "input/quantile.bin", writes="csv on standard output, csv and parquet files",
         example="eltcalc -M melt.csv < summary.bin"),
    Tool("pltcalc", OUTPUT,
         "period loss tables; without other flags than -H: mean and standard deviation by occurrence",
         "losstables:pltcalc", (
             Option("-M", "moment", "moment period loss table (MPLT) to this file, or - for standard output",
                    str, "FILE"),
             Option("-m", "moment_parquet", "MPLT as parquet to this file", str, "FILE"),
             Option("-Q", "quantile", "quantile period loss table (QPLT) to this file, or -", str, "FILE"),
             Option("-q", "quantile_parquet", "QPLT as parquet to this file", str, "FILE"),
             Option("-S", "sample", "sample period loss table (SPLT) to this file, or -", str, "FILE"),
             Option("-s", "sample_parquet", "SPLT as parquet to this file", str, "FILE"),
             Option("-H", "skip_header", "leave the header line out"), EXACT,
         ), reads="a summary stream, on standard input; input/occurrence.bin; input/periods.bin if it is "
                  "there; for QPLT "
         "input/quantile.bin", writes="csv on standard output, csv and parquet files",
         example="pltcalc -M mplt.csv -S splt.csv < summary.bin"),
    Tool("kat", OUTPUT, "tables in csv from several files to one, merged by event, or by period and event",
         "concat:kat", (
        Option("-d", "folder", "read the files of this folder, in the order of their names, and then FILES",
               str, "DIR"),
        Option("-u", "unsorted", "one file after the other, as they are"),
        Option("-P", "process_id", UNUSED, int, "N"),
    ), operands=(("files", str, "*", "files or named pipes"),), standard_input=False,
         reads="the csv files named, or those of a folder", writes=CSV_OUT,
        example="kat melt_P1.csv melt_P2.csv > melt.csv"),
    Tool("katparquet", OUTPUT, "parquet tables to one, merged by event, or by period and event",
         "concat:katparquet", (
        Option("-d", "folder", "read the files of this folder, in the order of their names, and then FILES",
               str, "DIR"),
        Option("-o", "target", "the parquet file to write", str, "FILE"),
        Option("-M", "mplt", "the files are moment period loss tables (MPLT)"),
        Option("-Q", "qplt", "the files are quantile period loss tables (QPLT)"),
        Option("-S", "splt", "the files are sample period loss tables (SPLT)"),
        Option("-m", "melt", "the files are moment event loss tables (MELT)"),
        Option("-q", "qelt", "the files are quantile event loss tables (QELT)"),
        Option("-s", "selt", "the files are sample event loss tables (SELT)"),
    ), operands=(("files", str, "*", "parquet files"),), standard_input=False,
         reads="the parquet files named, or those of a folder",
        writes="the parquet file of -o",
         example="katparquet -m -o melt.parquet melt_P1.parquet melt_P2.parquet"),
    Tool("leccalc", OUTPUT, "exceedance curves", "curves:leccalc", tuple(
        Option(f"-{letter}", "outputs", text, str, "FILE", const=name) for letter, name, text in CURVES)
         + CURVE_OPTIONS,
         logs=True, standard_input=("folder",),
         reads="a summary stream, on standard input, or work/DIR/*.bin (-K); input/occurrence.bin; "
               "input/periods.bin and "
         "input/ensemble.bin if they are there; with -r input/returnperiods.bin", writes="csv files",
         example="leccalc -r -F aep.csv -f oep.csv < summary.bin"),
    Tool("ordleccalc", OUTPUT, "exceedance probability tables of Open Results Data: EPT and PSEPT",
         "curves:ordleccalc", tuple(
        Option(f"-{letter}", "curves", f"{text}: {'PSEPT' if name.endswith('wheatsheaf') else 'EPT'}",
               const=name, several=True)
        for letter, name, text in CURVES) + (
        Option("-O", "ept", "the exceedance probability table (EPT) as csv to this file, or -", str, "FILE"),
        Option("-o", "psept", "the table by sample (PSEPT) as csv to this file, or -", str, "FILE"),
        Option("-P", "ept_parquet", "the EPT as parquet", str, "FILE"),
        Option("-p", "psept_parquet", "the PSEPT as parquet", str, "FILE"), *CURVE_OPTIONS),
        logs=True, standard_input=("folder",),
         reads="a summary stream, on standard input, or work/DIR/*.bin (-K); input/occurrence.bin; "
               "input/periods.bin if "
        "it is there; with -r input/returnperiods.bin", writes="csv and parquet files",
        example="ordleccalc -r -F -f -W -w -O ept.csv -o psept.csv < summary.bin"),
    Tool("aalcalc", OUTPUT, "average annual loss by summary: mean and standard deviation", "averages:aalcalc",
         (
        FOLDER,
        Option("-o", "ord", "Open Results Data: the average loss table (ALT)"),
        Option("-p", "parquet", "the ALT as parquet to this file; without -o, no csv", str, "FILE"),
        Option("-c", "convergence", "the average loss convergence table (ALCT) to this file", str, "FILE"),
        Option("-l", "confidence", "confidence level of its intervals, 0 to 1 (default 0.95)", float,
               "LEVEL"),
        SKIP_HEADER, EXACT, MEMORY,
    ), logs=True, standard_input=False, reads=SUMMARIES + "; input/ensemble.bin if it is there",
        writes="csv on standard output, csv and parquet files",
        example="aalcalc -K gul -o > alt.csv"),
    Tool("aalcalcmeanonly", OUTPUT, "average annual loss by summary: the mean alone",
         "averages:aalcalcmeanonly", (
        FOLDER,
        Option("-o", "ord", "Open Results Data: the average loss table (ALT), without deviations"),
        Option("-p", "parquet", "the same as parquet to this file; without -o, no csv", str, "FILE"),
        SKIP_HEADER,
    ), logs=True, standard_input=False, reads=SUMMARIES, writes="csv on standard output, a parquet file",
         example="aalcalcmeanonly -K gul -o > alt.csv"),
    Tool("summaryindex", OUTPUT, "index of the summary streams of a run", "averages:summaryindex", (FOLDER,),
         standard_input=False, reads="work/DIR/*.bin, summary streams",
         writes="filelist.idx, summaries.idx and max_summary_id.idx beside them",
         example="summaryindex -K gul"),
    *CONVERTERS,
    *VALIDATORS,
)}
# ktools' programs take their flags with getopt and never look at the words that are left over (footprintconv
# at none at all), but for the two of eve and the files of kat and katparquet; scripts rely on it, such as the
# platform's `fmcalc -a3 -n -`.
for _tool in TOOLS.values():
    _tool.ignores_operands = _tool.name not in OWN
