"""The tables: files of fixed records that describe a model or a portfolio, in binary and as csv."""
from __future__ import annotations

from .model import AREAPERIL, Entry, Field, Ref, Table


class Rule(Entry):
    """Something that must hold for the rows of a table, in the order of the file.

    kind            what must hold, of `field` (the csv column's name):
      "numbered"      1, 2, 3, ... within the group
      "consecutive"   within the group each value equals the one before or is one more
      "ascending"     the first `within` columns never descend, the first of them weighing most
      "descending"    each value is less than the one before
      "distinct"      no value twice in the group
      "sums to one"   the group's float32 sum, rounded to four decimals, is 1
      "range"         low <= value <= high, either may be None
      "at most"       value <= the table's header field `limit`, or another's as "table.field"
      "between"       the columns `low` <= value <= `high`
      "centre"        to four decimals, the middle of the columns `low` and `high`
      "first"/"last"  the first / last row's value is `low`
      "date"          this column and those after it are a year, month and day, perhaps hour and minute, that
                      there are
      "complete"      each value of the first column comes with every value that `field` has anywhere
    within          the group: rows that share the values of the first `within` csv columns with the row
                    before
    always          checked by every conversion; the others are left out when validation is switched off
    warning         breaking it is worth a warning and no more
    """

    __slots__ = ("always", "field", "high", "kind", "limit", "low", "warning", "within")

    def __init__(self, kind: str, field: str, within: int = 0, low: float | str | None = None,
                 high: float | str | None = None, limit: str | None = None, always: bool = False,
                 warning: bool = False) -> None:
        self.kind, self.field, self.within, self.low, self.high = kind, field, within, low, high
        self.limit, self.always, self.warning = limit, always, warning


AREAPERIL_ID = Field("areaperil_id", AREAPERIL, "area and peril, the key of the hazard", "%u")
EVENT_ID = Field("event_id", "i4", "the event")
COVERAGE_ID = Field("coverage_id", "i4", "the coverage")
VULNERABILITY_ID = Field("vulnerability_id", "i4", "the vulnerability function")
INTENSITY_BIN_ID = Field("intensity_bin_id", "i4", "hazard intensity bin, from 1")
DAMAGE_BIN_ID = Field("damage_bin_id", "i4", "damage bin, from 1")
PROBABILITY = Field("probability", "f4", "probability of the bin", "%.10e", unit="probability")
ITEM_ID = Field("item_id", "i4", "the item; ids run from 1 without a gap")
PERIOD_NO = Field("period_no", "i4", "the period, from 1")
OFFSET = Field("offset", "i8", "first byte in the data file", unit="bytes")
SIZE = Field("size", "i8", "length in the data file", unit="bytes")
ORIGINAL_SIZE = Field("original_size", "i8", "length before compression", unit="bytes")
FLAGS = Field("flags", "i4", "reserved, 0")

TERMS = tuple(Field(name, "f4", doc, unit=unit) for name, doc, unit in (
    ("deductible1", "deductible", "currency or ratio, by the calculation rule"),
    ("deductible2", "minimum deductible", "currency"),
    ("deductible3", "maximum deductible", "currency"),
    ("attachment", "where the layer begins", "currency"),
    ("limit", "most that is paid", "currency or ratio, by the calculation rule"),
    ("share1", "proportion ceded", "ratio"),
    ("share2", "proportion placed", "ratio"),
    ("share3", "proportion of that", "ratio")))
PROFILE = (Field("profile_id", "i4", "the set of policy terms"),
           Field("calcrule_id", "i4", "the calculation rule"))
FM_XREF = (
    Field("output_id", "i4", "id of the output losses"),
    Field("agg_id", "i4", "group of the last level, or item"),
    Field("layer_id", "i4", "layer, from 1"))
PROFILE_HEADER = ("profile_id,calcrule_id,deductible1,deductible2,deductible3,attachment1,limit1,"
                  "share1,share2,share3")

CORRELATIONS = (
    ITEM_ID,
    Field("peril_correlation_group", "i4", "perils that are correlated share one"),
    Field("damage_correlation_value", "f4", "correlation of damage", "%r", unit="ratio"),
    Field("hazard_group_id", "i4", "items of a group share their hazard random numbers"),
    Field("hazard_correlation_value", "f4", "correlation of hazard", "%r", unit="ratio"))

OCC_YEAR, OCC_MONTH, OCC_DAY, OCC_HOUR, OCC_MINUTE = (
    Field("occ_year", "i4", "year of the occurrence"), Field("occ_month", "i4", "month, 1 to 12"),
    Field("occ_day", "i4", "day, 1 to 31"), Field("occ_hour", "i4", "hour, 0 to 23"),
    Field("occ_minute", "i4", "minute, 0 to 59"))
OCCURRENCE_HEADER = (
    Field("date_options", "i4", "0: dates are numbers of the model's own; 1: days; 3: minutes"),
    Field("number_of_periods", "i4", "how many periods there are"))
PERIODS_RULE = Rule("at most", "period_no", limit="number_of_periods", always=True)
DATE_RULE = Rule("date", "occ_year", always=True)


def from_one(*fields: str) -> tuple[Rule, ...]:
    """Ids that count from 1."""
    return tuple(Rule("range", field, low=1) for field in fields)


def not_negative(*fields: str) -> tuple[Rule, ...]:
    return tuple(Rule("range", field, low=0) for field in fields)


# A correlation above 1 makes losses that are not numbers; one below 0 counts as 0.
CORRELATED = tuple(rule for field in ("damage_correlation_value", "hazard_correlation_value") for rule in (
    Rule("range", field, high=1), Rule("range", field, low=0, warning=True)))
GROUPS = not_negative("summary_id") + (Rule("range", "summaryset_id", low=0, high=9),)

# What else a csv may call a column: names that older versions of ktools and the Oasis platform write.
# "table.column" is of one table only; tables of ktc.schemas.streams and reports are among them where a csv
# becomes a stream.
OTHER_NAMES = {
    "event_id": "event_ids eve_id",
    "output_id": "output",
    "profile_id": "policytc_id",
    "attachment": "attachment1",
    "limit": "limit1",
    "interval_type": "damage_type",
    "rate": "event_rate event_rates",
    "sidx": "sample_id",
    "exposure_value": "impacted_exposure",
    "gulsummaryxref.coverage_id": "item_id",
    "item.item_id": "coverage_id output_id",
    "coverage.coverage_id": "item_id output_id",
    "loss.output_id": "item_id coverage_id",
}

TABLES = {t.name: t for t in (
    Table("events", "input/events.bin", (EVENT_ID,), "Events to run, in their order.",
          refs=(Ref("event_id", "footprint", warning=True, one_is_enough=True),
                Ref("event_id", "occurrence", warning=True, one_is_enough=True)),
          tool="eve", counts_once=("event_id",), rules=(Rule("range", "event_id", low=1, always=True),),
          needed="ground-up losses"),
    Table("items", "input/items.bin", (
        ITEM_ID,
        Field("coverage_id", "i4", "the coverage that it is part of"),
        AREAPERIL_ID,
        Field("vulnerability_id", "i4", "its vulnerability function"),
        Field("group_id", "i4", "items of a group share their random numbers")),
        "What is insured: one peril on one coverage.",
        refs=(Ref("coverage_id", "coverages"), Ref("areaperil_id", "footprint", warning=True),
              Ref("vulnerability_id", "vulnerability", also=(
                  ("aggregate_vulnerability", "aggregate_vulnerability_id"),
                  ("conditional_vulnerability", "vulnerability_id")))),
        tool="item", rules=(Rule("numbered", "item_id", always=True),), needed="ground-up losses"),
    Table("coverages", "input/coverages.bin", (Field("tiv", "f4", "total insured value", unit="currency"),),
          "Total insured value of each coverage; record n is coverage n.", csv_header="coverage_id,tiv",
          tool="coverage", columns=(COVERAGE_ID, "tiv"), rules=(
              Rule("numbered", "coverage_id", always=True), Rule("range", "tiv", low=0, always=True)),
          needed="ground-up losses"),
    Table("damage_bin_dict", "static/damage_bin_dict.bin", (
        Field("bin_index", "i4", "damage bin, from 1 without a gap"),
        Field("bin_from", "f4", "lower end", unit="damage ratio"),
        Field("bin_to", "f4", "upper end", unit="damage ratio"),
        Field("interpolation", "f4", "mean damage ratio of the bin", unit="damage ratio"),
        Field("interval_type", "i4", "deprecated in ktools; the damage_type of gulmc: 0 relative if the "
              "bin's bin_to is 1 or less, else absolute; 1 relative; 2 absolute; 3 a duration in days")),
        "The damage bins.", needed="ground-up losses",
        csv_header='"bin_index", "bin_from", "bin_to", "interpolation", "interval_type"',
        tool="damagebin", optional=1, empty=False, rules=(
            Rule("numbered", "bin_index"), Rule("between", "interpolation", low="bin_from", high="bin_to"),
            Rule("centre", "interpolation", low="bin_from", high="bin_to", warning=True),
            Rule("first", "bin_from", low=0, warning=True), Rule("last", "bin_to", low=1, warning=True))),
    Table("gulsummaryxref", "input/gulsummaryxref.bin", (
        Field("coverage_id", "i4", "coverage (or item) id"),
        Field("summary_id", "i4", "the group it belongs to"),
        Field("summaryset_id", "i4", "in this grouping, 0 to 9")),
        "How ground-up losses are grouped.", csv_header='"coverage_id", "summary_id", "summaryset_id"',
        refs=(Ref("coverage_id", "items", "item_id", also=(("coverages", "coverage_id"),), warning=True),),
        tool="gulsummaryxref", sound=GROUPS, needed="ground-up losses"),
    Table("fmsummaryxref", "input/fmsummaryxref.bin", (
        Field("output_id", "i4", "output id of the financial module"),
        Field("summary_id", "i4", "the group it belongs to"),
        Field("summaryset_id", "i4", "in this grouping, 0 to 9")),
        "How insured losses are grouped.", refs=(Ref("output_id", "fm_xref", warning=True),),
          tool="fmsummaryxref",
        sound=GROUPS, needed="insured summaries"),
    Table("footprint", "static/footprint.bin", (AREAPERIL_ID, INTENSITY_BIN_ID, PROBABILITY),
          "The hazard: each event's intensity distributions. An event's rows lie where footprint_index says.",
          header=(Field("max_intensity_bin", "i4", "largest intensity bin"),
                  Field("flags", "i4", "bit 0: intensity is uncertain; bit 1: the index has original sizes")),
          csv_header="event_id, areaperil_id, intensity_bin_id, probability",
          refs=(Ref("intensity_bin_id", "vulnerability"),),
          needed="ground-up losses", sound=not_negative("probability"),
          tool="footprint", columns=(EVENT_ID, "areaperil_id", "intensity_bin_id", "probability"),
          empty=False, rules=(
              Rule("range", "event_id", low=1, always=True), Rule("range", "areaperil_id", low=1),
              Rule("at most", "intensity_bin_id", limit="max_intensity_bin", always=True),
              Rule("ascending", "areaperil_id", within=2), Rule("distinct", "intensity_bin_id", within=2),
              Rule("sums to one", "probability", within=2))),
    Table("footprint_index", "static/footprint.idx", (EVENT_ID, OFFSET, SIZE),
          "Where each event's rows lie in footprint.bin (or .bin.z)."),
    Table("footprint_index_sized", "static/footprint.idx.z", (EVENT_ID, OFFSET, SIZE, ORIGINAL_SIZE),
          "The index of a compressed footprint whose flags have bit 1."),
    Table("vulnerability", "static/vulnerability.bin",
          (VULNERABILITY_ID, INTENSITY_BIN_ID, DAMAGE_BIN_ID, PROBABILITY),
          "Damage distributions: by vulnerability function and intensity bin, the probability of each damage "
          "bin.",
          header=(Field("max_damage_bin", "i4", "largest damage bin"),),
          refs=(Ref("damage_bin_id", "damage_bin_dict", "bin_index"),), needed="ground-up losses",
          sound=(*not_negative("probability"), Rule(
              "at most", "intensity_bin_id", limit="footprint.max_intensity_bin", warning=True)),
          tool="vulnerability", empty=False, rules=(
              Rule("range", "vulnerability_id", low=1, always=True),
              Rule("at most", "damage_bin_id", limit="max_damage_bin", always=True),
              Rule("ascending", "vulnerability_id", within=1), Rule("consecutive", "intensity_bin_id",
                                                                    within=1),
              Rule("numbered", "damage_bin_id", within=2), Rule("sums to one", "probability", within=2),
              Rule("complete", "intensity_bin_id", warning=True))),
    Table("vulnerability_rows", "static/vulnerability.bin", (INTENSITY_BIN_ID, DAMAGE_BIN_ID, PROBABILITY),
          "The records of vulnerability.bin (or .bin.z) when vulnerability_index says whose they are.",
          header=(Field("max_damage_bin", "i4", "largest damage bin"),),
          csv_header="vulnerability_id,intensity_bin_id,damage_bin_id,probability",
          columns=(VULNERABILITY_ID, "intensity_bin_id", "damage_bin_id", "probability")),
    Table("vulnerability_index", "static/vulnerability.idx", (VULNERABILITY_ID, OFFSET, SIZE, ORIGINAL_SIZE),
          "Where each vulnerability function's rows lie; original_size is 0 unless they are compressed."),
    Table("random", "static/random.bin", (Field("random_no", "f4", "uniform in [0, 1)"),),
          "Random numbers to sample with instead of generated ones.", tool="rand",
          sound=(Rule("range", "random_no", low=0, high=1),)),
    Table("fm_programme", "input/fm_programme.bin", (
        Field("from_agg_id", "i4", "group of the level below"),
        Field("level_id", "i4", "level of the programme, from 1"),
        Field("to_agg_id", "i4", "group of this level that it is part of")),
        "How losses are grouped from level to level of an insurance programme.",
          key=("level_id", "from_agg_id"),
        refs=(Ref("from_agg_id", "items", "item_id", when=("level_id", 1, 1), complete=True),
              Ref("level_id from_agg_id", "fm_programme", "level_id to_agg_id", when=("level_id", 2, None),
                  less=1)),
        tool="fmprogramme", sound=from_one("from_agg_id", "level_id", "to_agg_id"), needed="insured losses"),
    Table("fm_policytc", "input/fm_policytc.bin", (
        Field("level_id", "i4", "level of the programme, from 1"),
        Field("agg_id", "i4", "group of that level"),
        Field("layer_id", "i4", "layer, from 1"),
        Field("profile_id", "i4", "its policy terms")),
        "Which terms apply to each group and layer of each level.", needed="insured losses",
        refs=(Ref("level_id agg_id", "fm_programme", "level_id to_agg_id"),
              Ref("profile_id", "fm_profile", also=(("fm_profile_step", "profile_id"),))),
        sound=from_one("layer_id", "level_id", "agg_id", "profile_id"),
        csv_header="layer_id,level_id,agg_id,profile_id", padded=True,
        tool="fmpolicytc", columns=("layer_id", "level_id", "agg_id", "profile_id"), prefix=" "),
    Table("fm_profile", "input/fm_profile.bin", PROFILE + TERMS, "Policy terms.", csv_header=PROFILE_HEADER,
          tool="fmprofile", infinite=True, needed="insured losses"),
    Table("fm_profile_step", "input/fm_profile_step.bin", PROFILE + tuple(
        Field("limit1", "f4", f.doc, unit=f.unit) if f.name == "limit" else f for f in TERMS) + (
        Field("step_id", "i4", "step of a stepped policy, from 1"),
        Field("trigger_start", "f4", "the step applies from this loss", unit="ratio"),
        Field("trigger_end", "f4", "the step applies up to this loss", unit="ratio"),
        Field("payout_start", "f4", "payout at the start", unit="ratio"),
        Field("payout_end", "f4", "payout at the end", unit="ratio"),
        Field("limit2", "f4", "most that the step pays", unit="currency"),
        Field("scale1", "f4", "first scaling factor", unit="ratio"),
        Field("scale2", "f4", "second scaling factor", unit="ratio")),
        "Policy terms with steps.",
        # ktools names calcrule_id twice in this line; there is one such column.
        csv_header=PROFILE_HEADER
          + ",step_id,calcrule_id,trigger_start,trigger_end,payout_start,payout_end,limit2,"
                                    "scale1,scale2",
        separator=",", infinite=True, form="-S"),
    Table("fm_profile_old", "input/fm_profile_old.bin", (
        Field("policytc_id", "i4", "the set of policy terms"),
                                                         Field("calcrule_id", "i4", "the calculation rule"),
        Field("allocrule_id", "i4", "no longer needed"), Field("ccy_id", "i4", "no longer needed"),
        Field("deductible", "f4", "deductible", unit="currency"),
        Field("limits", "f4", "most that is paid", unit="currency"),
        Field("share_prop_of_lim", "f4", "proportion ceded", unit="ratio"),
        Field("deductible_prop_of_loss", "f4", "deductible by loss", unit="ratio"),
        Field("limit_prop_of_loss", "f4", "limit by loss", unit="ratio"),
        Field("deductible_prop_of_tiv", "f4", "deductible by TIV; no rule has it", unit="ratio"),
        Field("limit_prop_of_tiv", "f4", "limit by TIV; no rule has it", unit="ratio"),
        Field("deductible_prop_of_limit", "f4", "deductible by limit", unit="ratio")),
        "Policy terms in the form that was before fm_profile.", infinite=True, terms={
            1: {"deductible1": "deductible", "limit": "limits"},
            2: {"deductible1": "deductible", "limit": "limits", "share1": "share_prop_of_lim"},
            3: {"deductible1": "deductible", "limit": "limits"},
            5: {"deductible1": "deductible_prop_of_loss", "limit": "limit_prop_of_loss"},
            9: {"deductible1": "deductible_prop_of_limit", "limit": "limits"},
            10: {"deductible3": "deductible"},
            11: {"deductible2": "deductible"},
            12: {"deductible1": "deductible"},
            14: {"limit": "limits"},
            15: {"limit": "limit_prop_of_loss"},
            16: {"deductible1": "deductible_prop_of_loss"}}),
    Table("fm_xref", "input/fm_xref.bin", FM_XREF, "How the financial module's outputs are numbered.",
          tool="fmxref", padded=True,
          sound=from_one("output_id", "agg_id", "layer_id"), needed="insured losses"),
    Table("fm_xref_a0", "input/fm_xref_a0.bin", FM_XREF,
          "The same for outputs that are groups of the last level, where fm_xref numbers items."),
    Table("occurrence", "input/occurrence.bin",
          (EVENT_ID, PERIOD_NO, Field("occ_date_id", "i4", "date: days, or a number of the model's own")),
          "When events happen: the simulated periods.", header=OCCURRENCE_HEADER,
          tool="occurrence", form="-D", rules=(PERIODS_RULE,), sound=from_one("period_no"), padded=True),
    Table("occurrence_dates", "input/occurrence.bin",
          (EVENT_ID, PERIOD_NO, Field("occ_date_id", "i4", "days on the proleptic Gregorian calendar",
                                      unit="days")),
          "The same with dates of years, months and days.", header=OCCURRENCE_HEADER,
          csv_header="event_id,period_no,occ_year,occ_month,occ_day", separator=",", form="",
          rules=(PERIODS_RULE, DATE_RULE),
          columns=("event_id", "period_no", OCC_YEAR, OCC_MONTH, OCC_DAY)),
    Table("occurrence_granular", "input/occurrence.bin",
          (EVENT_ID, PERIOD_NO, Field("occ_date_id", "i8", "minutes, 1440 to the day", unit="minutes")),
          "The same with dates down to the minute.", header=OCCURRENCE_HEADER,
          csv_header="event_id,period_no,occ_year,occ_month,occ_day,occ_hour,occ_minute", separator=",",
          rules=(PERIODS_RULE, DATE_RULE), optional=2, form="-H",
          columns=("event_id", "period_no", OCC_YEAR, OCC_MONTH, OCC_DAY, OCC_HOUR, OCC_MINUTE)),
    Table("returnperiods", "input/returnperiods.bin", (Field("return_period", "i4", "return period",
                                                             unit="periods"),),
          "Return periods to report, in descending order, none twice.", tool="returnperiod",
          sound=(*not_negative("return_period"), Rule("range", "return_period", low=1, warning=True),
                 Rule("descending", "return_period", warning=True))),
    Table("periods", "input/periods.bin", (
        PERIOD_NO, Field("weighting", "f8", "weight of the period", "%.9f", unit="probability")),
        "Weights of the periods.", key=("period_no",), last_counts=True,
          csv_header='"period_no", "weighting"', tool="periods",
        sound=(*not_negative("period_no", "weighting"), Rule("range", "period_no", low=1, warning=True),
               Rule("at most", "period_no", limit="occurrence.number_of_periods", warning=True))),
    Table("quantile", "input/quantile.bin", (Field("quantile", "f4", "quantile, 0 to 1",
                                                   unit="probability"),),
          "Quantiles to report.", tool="quantile", rules=(Rule("range", "quantile", low=0, high=1,
                                                               always=True),)),
    Table("amplifications", "input/amplifications.bin", (
        ITEM_ID, Field("amplification_id", "i4", "which factor amplifies its losses")),
        "Which post-loss amplification applies to each item.", header=(FLAGS,),
        refs=(Ref("item_id", "items", complete=True, warning=True),
              Ref("amplification_id", "lossfactors", warning=True)),
        tool="amplifications", separator=",", rules=(Rule("numbered", "item_id", always=True),)),
    Table("lossfactors", "static/lossfactors.bin", (
        Field("amplification_id", "i4", "the amplification"),
                                                    Field("factor", "f4", "loss factor", unit="ratio")),
        "Post-loss amplification factors by event: packets of a head and count records.", header=(FLAGS,),
        csv_header="event_id,amplification_id,factor", sound=not_negative("factor"),
        tool="lossfactors", separator=",", columns=(EVENT_ID, "amplification_id", "factor"),
        packet=(EVENT_ID, Field("count", "i4", "records in the packet"))),
    Table("aggregate_vulnerability", "static/aggregate_vulnerability.bin", (
        Field("aggregate_vulnerability_id", "i4", "a vulnerability function made of several"),
        Field("vulnerability_id", "i4", "one of them")),
        "Which vulnerability functions are combined.", key=("aggregate_vulnerability_id", "vulnerability_id"),
        refs=(Ref("vulnerability_id", "vulnerability"),), tool="aggregatevulnerability", separator=","),
    Table("weights", "static/weights.bin", (
        # Four bytes whatever the width of areaperil ids is elsewhere, and shown as a signed number in csv.
        Field("areaperil_id", "u4", "area and peril", "%d"),
        Field("vulnerability_id", "i4", "a vulnerability function of an aggregate one"),
        Field("weight", "f4", "its weight there", unit="ratio")),
        "Weights of combined vulnerability functions.",
          refs=(Ref("vulnerability_id", "vulnerability", warning=True),),
        tool="weights", separator=",", sound=not_negative("weight")),
    Table("ensemble", "input/ensemble.bin", (
        Field("sidx", "i4", "sample index, from 1"), Field("ensemble_id", "i4",
                                                           "the ensemble it belongs to")),
        "Which samples make up an ensemble.", csv_header="sidx, ensemble_id", tool="ensemble",
          sound=from_one("sidx")),
    Table("correlations", "input/correlations.bin", CORRELATIONS,
          "Correlations between items, of the Oasis platform's full Monte Carlo.", key=("item_id",),
          refs=(Ref("item_id", "items"),), sound=CORRELATED, tool="correlation", separator=","),
    Table("correlations_sourced", "input/correlations.bin", (
        *CORRELATIONS,
        Field("source_item_id", "i4", "the item on whose damage that of this one depends; 0: on the hazard")),
        "The same with the items that others depend on, as the Oasis platform has it from 2.5.8.",
          key=("item_id",),
          refs=(Ref("item_id", "items"),
                Ref("source_item_id", "items", "item_id", when=("source_item_id", 1, None))),
          sound=CORRELATED, form="", separator=","),
    Table("conditional_vulnerability", "static/conditional_vulnerability.bin", (
        VULNERABILITY_ID,
        Field("source_damage_bin", "i4", "damage bin of the item that it depends on, from 1"),
        Field("damage_bin", "i4", "damage bin, from 1"),
        PROBABILITY),
        "Damage distributions of items that depend on another item's damage: by vulnerability function and "
        "damage bin of that item, the probability of each damage bin.",
        header=(Field("max_damage_bin", "i4", "largest damage bin"),),
        refs=(Ref("source_damage_bin", "damage_bin_dict", "bin_index"),
              Ref("damage_bin", "damage_bin_dict", "bin_index")),
        sound=(*not_negative("probability"), *from_one("source_damage_bin", "damage_bin")),
        tool="conditionalvulnerability", separator=",", empty=False, rules=(
            Rule("range", "vulnerability_id", low=1, always=True),
            Rule("at most", "damage_bin", limit="max_damage_bin", always=True),
            Rule("ascending", "source_damage_bin", within=2), Rule("distinct", "damage_bin", within=2),
            Rule("sums to one", "probability", within=2))),
)}

# Tables that are csv only. eltcalc takes the first instead of rates that it would have to count in the
# occurrence table.
EVENT_RATES = Table("event_rates", "input/event_rates.csv", (
    Field("event_id", "i4", "the event"), Field("rate", "f8", "occurrences per period", unit="1 / period")),
    "How often events happen.", key=("event_id",))
ITEM_ADJUSTMENTS = Table("item_adjustments", "input/item_adjustments.csv", (
    ITEM_ID,
    Field("intensity_adjustment", "i4", "taken off the hazard intensity"),
    Field("return_period", "i4", "events of shorter return periods do no damage; 0: all do", unit="years")),
    "How items differ from their areas in gulmc's dynamic footprints.", key=("item_id",),
    refs=(Ref("item_id", "items"),), separator=",")
CSV_ONLY = (EVENT_RATES, ITEM_ADJUSTMENTS)
