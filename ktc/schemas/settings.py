"""The settings of an analysis: the keys of analysis_settings.json, and the reports that they ask for."""

from __future__ import annotations

from .model import Entry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# What ktc does with a key
DONE, INFORMATION, REFUSED, MONTE_CARLO = "done", "information", "not done", "full Monte Carlo"
# Where a key stands
TOP, MODEL, SET, ORD, LEC, COMPUTATION = (
    "top level",
    "model_settings",
    "summary set",
    "ord_output",
    "leccalc",
    "computation_settings",
)
LARGEST = 2**31 - 1  # of an id


class Key(Entry):
    """A key of the settings.

    Parameters
    ----------
    name : str
        The key.
    place : str
        What it stands in: TOP and so on.
    type : str
        "flag", "number", "count", "text", "list of counts", "list of numbers", "object" or "any".
    default : object
        What counts where it is missing.
    doc : str
        What it does.
    does : str
        DONE, INFORMATION (read by nobody here), REFUSED (an error unless its value is without effect) or
        MONTE_CARLO (done by gulmc, REFUSED with ktools' kernel).
    low, high : number, optional
        The least and the greatest value of a number, or of each in a list.
    """

    __slots__ = ("default", "doc", "does", "high", "low", "name", "place", "type")

    def __init__(
        self,
        name: str,
        place: str,
        type: str,
        default: Any,
        doc: str,
        does: str = DONE,
        low: float | None = None,
        high: float | None = None,
    ) -> None:
        self.name, self.place, self.type, self.default = name, place, type, default
        self.doc, self.does, self.low, self.high = doc, does, low, high


class Option(Entry):
    """A flag of a summary set that asks for a report.

    Parameters
    ----------
    name : str
        The key; of leccalc's with leccalc_ before it.
    place : str
        SET, ORD or LEC.
    what : str
        The report, as its file is named: ept in gul_S1_ept.csv.
    command : str
        The program of ktools that makes it.
    doc : str
        What it is.
    """

    __slots__ = ("command", "doc", "name", "place", "what")

    def __init__(self, name: str, place: str, what: str, command: str, doc: str) -> None:
        self.name, self.place, self.what, self.command, self.doc = name, place, what, command, doc


PERSPECTIVES = {
    "gul": "ground-up losses",
    "il": "insured losses",
    "ri": "losses net of reinsurance",
    "rl": "what each reinsurance programme pays",
}

CURVES = ("full_uncertainty", "wheatsheaf", "sample_mean", "wheatsheaf_mean")
OPTIONS = (
    Option("elt_sample", ORD, "selt", "summarycalctocsv", "sample event loss table"),
    Option("elt_quantile", ORD, "qelt", "eltcalc", "quantile event loss table"),
    Option("elt_moment", ORD, "melt", "eltcalc", "moment event loss table"),
    Option("plt_sample", ORD, "splt", "pltcalc", "sample period loss table"),
    Option("plt_quantile", ORD, "qplt", "pltcalc", "quantile period loss table"),
    Option("plt_moment", ORD, "mplt", "pltcalc", "moment period loss table"),
    Option("alt_period", ORD, "palt", "aalcalc", "average loss table"),
    Option("alct_convergence", ORD, "alct", "aalcalc", "average loss convergence table, beside alt_period"),
    Option("alt_meanonly", ORD, "altmeanonly", "aalcalcmeanonly", "average loss table without deviations"),
    *(
        Option(
            f"ept_{kind}_{type}",
            ORD,
            "ept",
            "ordleccalc",
            f"exceedance probability table, {type.upper()}: {doc}",
        )
        for kind, doc in (
            ("full_uncertainty", "all samples"),
            ("mean_sample", "means of the samples"),
            ("per_sample_mean", "the mean of the samples' curves"),
        )
        for type in ("aep", "oep")
    ),
    *(
        Option(f"psept_{type}", ORD, "psept", "ordleccalc", f"a curve for each sample, {type.upper()}")
        for type in ("aep", "oep")
    ),
    Option("eltcalc", SET, "eltcalc", "eltcalc", "event loss table, legacy"),
    Option("pltcalc", SET, "pltcalc", "pltcalc", "period loss table, legacy"),
    Option("summarycalc", SET, "summarycalc", "summarycalctocsv", "losses by summary and sample, legacy"),
    Option("aalcalc", SET, "aalcalc", "aalcalc", "average annual loss, legacy"),
    Option(
        "aalcalcmeanonly", SET, "aalcalcmeanonly", "aalcalcmeanonly", "the same without deviations, legacy"
    ),
    *(
        Option(
            f"leccalc_{kind}_{type}",
            LEC,
            f"leccalc_{kind}_{type}",
            "leccalc",
            f"{type.upper()} curve, legacy: {kind.replace('_', ' ')}",
        )
        for kind in CURVES
        for type in ("aep", "oep")
    ),
)
OPTION = {option.name: option for option in OPTIONS}


def outputs_keys() -> list[Key]:
    """The keys of each perspective."""
    keys = []
    for name, doc in PERSPECTIVES.items():
        keys.append(Key(f"{name}_output", TOP, "flag", False, f"report {doc}"))
        keys.append(Key(f"{name}_summaries", TOP, "list of objects", [], f"summary sets of {name}"))
    return keys


KEYS = (
    Key(
        "model_supplier_id",
        TOP,
        "text",
        "",
        "who made the model: a gulcalc of theirs is not run, and an error",
    ),
    Key("model_name_id", TOP, "text", "", "the model, likewise"),
    Key("number_of_samples", TOP, "count", None, "samples of each item; 0 is the analytical mean alone"),
    Key(
        "model_default_samples",
        TOP,
        "count",
        None,
        "of the model's settings: the number of samples where number_of_samples is missing",
    ),
    Key("gul_threshold", TOP, "number", 0, "losses of a sample below it are left out, in currency", low=0),
    *outputs_keys(),
    Key(
        "return_periods",
        TOP,
        "list of counts",
        [],
        "return periods of curves, where input/returnperiods.bin is missing",
        low=1,
        high=LARGEST,
    ),
    Key(
        "quantiles",
        TOP,
        "list of numbers",
        [],
        "quantiles to report, where input/quantile.bin is missing",
        low=0,
        high=1,
    ),
    Key(
        "event_ids",
        TOP,
        "list of counts",
        [],
        "events to run, where input/events.bin is missing",
        low=1,
        high=LARGEST,
    ),
    Key("event_ranges", TOP, "text", "", "the same as ranges: 1-5,10"),
    Key(
        "full_correlation",
        TOP,
        "flag",
        False,
        "all reports again with full correlation, in full_correlation/",
    ),
    Key("pla", TOP, "flag", False, "post-loss amplification"),
    Key(
        "pla_secondary_factor",
        TOP,
        "number",
        1,
        "the part of each amplification factor that counts",
        low=0,
        high=1,
    ),
    Key("pla_uniform_factor", TOP, "number", 0, "if above 0, the amplification factor of all losses", low=0),
    Key(
        "ri_inuring_priorities",
        TOP,
        "list of counts",
        [],
        "net losses after these inuring priorities, too",
        low=1,
        high=LARGEST,
    ),
    Key(
        "rl_inuring_priorities",
        TOP,
        "any",
        [],
        "rl is reported of every reinsurance programme, as by the platform",
        INFORMATION,
    ),
    Key("model_settings", TOP, "object", {}, "keys of the model"),
    Key("computation_settings", TOP, "object", {}, "keys of the computation"),
    Key("event_set", MODEL, "text", "", "static/events_<set>.bin, where input/events.bin is missing"),
    Key(
        "event_occurrence_id",
        MODEL,
        "text",
        "",
        "static/occurrence_<id>.bin, where input/occurrence.bin is missing",
    ),
    Key(
        "event_rates_set",
        MODEL,
        "text",
        "",
        "static/event_rates_<set>.csv, where input/event_rates.csv is missing",
    ),
    Key("footprint_set", MODEL, "text", "", "static/footprint_<set>.bin instead of footprint.bin"),
    Key(
        "vulnerability_set", MODEL, "text", "", "static/vulnerability_<set>.bin instead of vulnerability.bin"
    ),
    Key("pla_loss_factors_set", MODEL, "text", "", "static/lossfactors_<set>.bin instead of lossfactors.bin"),
    Key("use_random_number_file", MODEL, "flag", False, "random numbers of static/random.bin"),
    Key("hazard_case_set", MODEL, "text", None, "hazard cases of dynamic footprints", REFUSED),
    Key("correlation_settings", MODEL, "any", [], "correlations by peril group", MONTE_CARLO),
    Key("id", SET, "count", None, "number of the summary set", low=1, high=LARGEST),
    Key("oed_fields", SET, "text, or a list of it", [], "what the summary set was grouped by", INFORMATION),
    Key("ord_output", SET, "object", {}, "reports of Open Results Data"),
    Key("leccalc", SET, "object", {}, "legacy exceedance curves: see above"),
    Key("lec_output", SET, "flag", False, "whether leccalc's curves are reported"),
    Key("outputs", LEC, "object", None, "an older place of the curves: those beside it do not count"),
    Key("return_period_file", ORD, "flag", False, "curves at the return periods instead of at every loss"),
    Key("return_period_file", LEC, "flag", False, "curves at the return periods, likewise"),
    Key("parquet_format", ORD, "flag", False, "reports of Open Results Data as parquet"),
    Key("alct_confidence", ORD, "number", 0.95, "confidence level of the convergence table", low=0, high=1),
    *(
        Key(
            f"kernel_alloc_rule_{name}",
            COMPUTATION,
            "count",
            default,
            f"allocation rule of {PERSPECTIVES[name]}",
            high=3,
        )
        for name, default in (("gul", 0), ("il", 2), ("ri", 3))
    ),
    Key(
        "gulmc",
        COMPUTATION,
        "flag",
        None,
        "full Monte Carlo, or else getmodel and gulcalc; --kernel counts more",
    ),
    Key(
        "gul_random_generator",
        COMPUTATION,
        "count",
        2,
        "full Monte Carlo's random numbers: see gulmc",
        MONTE_CARLO,
        high=2,
    ),
    Key(
        "gulmc_effective_damageability",
        COMPUTATION,
        "flag",
        False,
        "samples of the effective damage",
        MONTE_CARLO,
    ),
    Key("gulmc_vuln_cache_size", COMPUTATION, "any", None, "memory of the platform's own gulmc", INFORMATION),
    Key("dynamic_footprint", COMPUTATION, "flag", False, "the footprint is a dynamic one", MONTE_CARLO),
    Key("peril_filter", TOP, "text, or a list of it", [], "only losses of these perils", MONTE_CARLO),
    Key(
        "peril_filter",
        COMPUTATION,
        "text, or a list of it",
        [],
        "the same, where the one above is missing",
        MONTE_CARLO,
    ),
    Key("vulnerability_adjustments", TOP, "object", {}, "other vulnerability functions", MONTE_CARLO),
    Key("correlation_settings", TOP, "any", [], "correlations by peril group", MONTE_CARLO),
    Key("model_custom_gulcalc", TOP, "text", None, "a program in place of getmodel and gulcalc", REFUSED),
    Key("do_disaggregation", TOP, "any", None, "a matter of the platform's preparation", INFORMATION),
    Key("join_summary_info", TOP, "flag", False, "reports joined with what their summaries are", REFUSED),
    *(
        Key(name, TOP, "any", None, doc, INFORMATION)
        for name, doc in (
            ("version", "of the settings' form"),
            ("oed_version", "of the exposure data's form"),
            ("prog_id", "a number, in old settings"),
            ("analysis_tag", "a name"),
            ("source_tag", "a name"),
            ("analysis_name", "a name"),
            ("analysis_id", "a number"),
            ("module_supplier_id", "who made the model, in old settings"),
            ("model_version_id", "the model, in old settings"),
            ("model_custom_gulcalc_log_start", "what such a program writes"),
            ("model_custom_gulcalc_log_finish", "what such a program writes"),
            ("user_role", "who may set what"),
            ("exposure_location", "where a portfolio lies"),
        )
    ),
)
