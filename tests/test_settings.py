"""The settings of a run: what they ask for, beside the platform's scripts, and what is wrong with them."""

import json
import re
from pathlib import Path

import pytest
from support import settings_cases
from support.settings_cases import OWN, PLATFORM

from ktc.errors import DataError, InputError, UsageError
from ktc.schemas.settings import (
    COMPUTATION,
    DONE,
    INFORMATION,
    KEYS,
    LEC,
    MODEL,
    OPTIONS,
    ORD,
    PERSPECTIVES,
    REFUSED,
    SET,
    TOP,
)
from ktc.settings import Problem, Settings, initial, outputs, read_settings, stages

RULES = {f"kernel_alloc_rule_{name}": rule for name, rule in (("gul", 1), ("il", 2), ("ri", 3))}
FLAGS = {place: [option.name for option in OPTIONS if option.place == place] for place in (SET, ORD, LEC)}


# --- beside the platform's scripts


def in_full(content):
    """The same settings with every flag that is not set given as false."""
    content = json.loads(json.dumps(content))
    for name in PERSPECTIVES:
        content.setdefault(f"{name}_output", False)
        for one in content.setdefault(f"{name}_summaries", []):
            curves = [option.removeprefix("leccalc_") for option in FLAGS[LEC]]
            one.update({**dict.fromkeys(FLAGS[SET], False), **one})
            one["ord_output"] = {**dict.fromkeys(FLAGS[ORD], False), **one["ord_output"]}
            one["leccalc"] = {**dict.fromkeys(curves, False), **one["leccalc"]}
    return {**dict.fromkeys(("pla", "full_correlation"), False), **content}


def as_in_old_files(content):
    """The same settings with leccalc's curves in their older place."""
    content = json.loads(json.dumps(content))
    for name in PERSPECTIVES:
        for one in content.get(f"{name}_summaries", []):
            curves = {key: one["leccalc"].pop(key) for key in list(one["leccalc"]) if key[:3] != "ret"}
            one["leccalc"]["outputs"] = curves
    return content


def planned(case, content):
    """(stages, {path: (program, is it at return periods)}) that ktc makes of settings."""
    settings = Settings.of({"analysis_settings": {**content, "computation_settings": RULES}})
    inner = [number for number in settings.inuring_priorities if number < case.layers]
    found = {}
    for file in outputs(settings, inner, case.layers):
        (chosen,) = (each for each in settings.perspectives[file.perspective] if each.id == file.summary_set)
        periods = {"leccalc": chosen.lec_return_period_file, "ordleccalc": chosen.return_period_file}
        found[file.path] = file.command, periods.get(file.command, False)
    return stages(settings, case.layers, priorities=inner), found


@pytest.mark.parametrize("form", [lambda content: content, in_full, as_in_old_files])
@pytest.mark.parametrize("case", PLATFORM + OWN, ids=lambda case: case.text.replace("\n", "; ")[:60])
def test_settings_ask_for_what_the_platforms_scripts_do(case, form):
    plan, files = planned(case, form(case.settings))
    assert files == case.reports
    assert sorted(plan[2:]) == sorted(case.stages) and plan[:2] == ["eve 1 1", "getmodel"]
    # what is after what
    chain = [stage for stage in plan if not stage.startswith("summarycalc")]
    assert chain[2:] == [stage for stage in case.stages if not stage.startswith("summarycalc")]


@pytest.mark.parametrize("case", PLATFORM, ids=lambda case: case.text.replace("\n", "; ")[:60])
def test_with_full_correlation_their_scripts_do_everything_twice(case):
    plan, files = planned(case, {**case.settings, "full_correlation": True})
    assert files == case.reports | {f"full_correlation/{path}": what for path, what in case.reports.items()}
    once = [stage for stage in case.stages if not stage.startswith("gulcalc")]
    gulcalc = [f"{stage} -j full_correlation" for stage in case.stages if stage.startswith("gulcalc")]
    assert sorted(plan[2:]) == sorted([*once, *gulcalc, *(f"full_correlation: {stage}" for stage in once)])


def test_the_cases_are_many_and_different():
    assert len({case.text for case in PLATFORM}) == len(PLATFORM) == 46
    assert {file.partition("_")[0] for case in PLATFORM + OWN for file in case.reports} == set(PERSPECTIVES)
    programs = {each[0] for case in PLATFORM + OWN for each in case.reports.values()}
    assert programs == set(settings_cases.PROGRAMS.values())
    assert {option.what.partition("_")[0] for option in OPTIONS} == set(settings_cases.PROGRAMS)


# --- values


def asked(**keys):
    return Settings.of(keys)


def with_set(**keys):
    """The only summary set of settings that have one."""
    settings = asked(gul_output=True, gul_summaries=[{"id": 1, "eltcalc": True, **keys}])
    return settings.perspectives["gul"][0]


def test_nothing_asks_for_nothing():
    settings = asked()
    assert settings == Settings(
        samples=None,
        threshold=0,
        perspectives={},
        return_periods=(),
        quantiles=(),
        event_ids=None,
        event_set=None,
        occurrence_id=None,
        event_rates_set=None,
        footprint_set=None,
        vulnerability_set=None,
        loss_factors_set=None,
        random_file=False,
        full_correlation=False,
        gulmc=None,
        random_generator=2,
        effective_damageability=False,
        dynamic_footprint=False,
        peril_filter=(),
        vulnerability_adjustments={},
        pla=False,
        pla_secondary_factor=1,
        pla_uniform_factor=0,
        inuring_priorities=(),
        alloc_gul=None,
        alloc_il=None,
        alloc_ri=None,
        model_name="",
        supplier="",
        problems=(),
    )
    assert outputs(settings, [], 0) == []


def test_values_of_the_model_and_the_computation():
    settings = asked(
        number_of_samples=0,
        gul_threshold=0.5,
        return_periods=[10, 5, 100],
        quantiles=[0.5, 0, 1],
        model_supplier_id="OasisLMF",
        model_name_id="PiWind",
        model_settings={
            "event_set": "p",
            "event_occurrence_id": 2,
            "event_rates_set": "r",
            "footprint_set": "f",
            "vulnerability_set": "v",
            "pla_loss_factors_set": "l",
            "use_random_number_file": True,
            "own": "of the model",
        },
        computation_settings={"kernel_alloc_rule_il": 1, "kernel_num_processes": 4},
    )
    assert (settings.samples, settings.threshold) == (0, 0.5)
    assert (settings.return_periods, settings.quantiles) == ((10, 5, 100), (0.5, 0, 1))
    assert (settings.event_set, settings.occurrence_id, settings.event_rates_set) == ("p", "2", "r")
    assert (settings.footprint_set, settings.vulnerability_set, settings.loss_factors_set) == ("f", "v", "l")
    assert settings.random_file and settings.problems == ()
    assert (settings.alloc_gul, settings.alloc_il, settings.alloc_ri) == (None, 1, None)
    assert (settings.supplier, settings.model_name) == ("OasisLMF", "PiWind")


@pytest.mark.parametrize(
    ("keys", "name", "value"),
    [
        ({"number_of_samples": "10"}, "samples", 10),
        ({"number_of_samples": 10.0}, "samples", 10),
        ({"number_of_samples": None, "model_default_samples": 5}, "samples", 5),
        ({"number_of_samples": 0, "model_default_samples": 5}, "samples", 0),
        ({"gul_threshold": "12.5"}, "threshold", 12.5),
        ({"gul_threshold": None}, "threshold", 0),
        ({"full_correlation": "true"}, "full_correlation", True),
        ({"full_correlation": "False"}, "full_correlation", False),
        ({"full_correlation": 1}, "full_correlation", True),
        ({"full_correlation": None}, "full_correlation", False),
        ({"event_ids": [5, 1, 3]}, "event_ids", (1, 3, 5)),
        ({"event_ranges": "1-3, 10,2"}, "event_ids", (1, 2, 3, 10)),
        ({"event_ids": [9, 2], "event_ranges": "1-3"}, "event_ids", (1, 2, 3, 9)),
        ({"event_ids": [], "event_ranges": ""}, "event_ids", None),
        ({"model_settings": {"event_set": ""}}, "event_set", None),
        ({"model_settings": {"event_set": 0}}, "event_set", None),
        ({"model_settings": {"event_set": 1}}, "event_set", "1"),
        ({"module_supplier_id": "A", "model_version_id": 1}, "supplier", "A"),
        ({"module_supplier_id": "A", "model_version_id": 1}, "model_name", "1"),
        ({"model_version_id": "0.1", "model_name_id": "B"}, "model_name", "B"),
        ({"ri_inuring_priorities": [2, 1]}, "inuring_priorities", (2, 1)),
    ],
)
def test_what_old_files_write_otherwise(keys, name, value):
    assert getattr(asked(**keys), name) == value


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"number_of_samples": True}, "number_of_samples is true, expected a whole number from 0 on"),
        ({"number_of_samples": -1}, "number_of_samples is -1, expected a whole number from 0 on"),
        ({"number_of_samples": 1.5}, "number_of_samples is 1.5, expected a whole number from 0 on"),
        ({"number_of_samples": [1]}, "number_of_samples is [1], expected a whole number from 0 on"),
        ({"gul_threshold": "much"}, 'gul_threshold is "much", expected a number from 0 on'),
        ({"gul_threshold": -1}, "gul_threshold is -1, expected a number from 0 on"),
        ({"gul_threshold": float("nan")}, "gul_threshold is NaN, expected a number from 0 on"),
        ({"gul_output": "maybe"}, 'gul_output is "maybe", expected true or false'),
        ({"gul_output": 2}, "gul_output is 2, expected true or false"),
        ({"gul_output": []}, "gul_output is [], expected true or false"),
        ({"quantiles": [0.5, 1.5]}, "quantiles is [0.5, 1.5], expected a list of numbers from 0 to 1"),
        ({"quantiles": 0.5}, "quantiles is 0.5, expected a list of numbers from 0 to 1"),
        ({"return_periods": [0]}, "return_periods is [0], expected a list of whole numbers from 1 on"),
        ({"event_ids": [1, "x"]}, 'event_ids is [1, "x"], expected a list of whole numbers from 1 on'),
        ({"event_ids": [2**31]}, "event_ids is [2147483648], expected a list of whole numbers from 1 on"),
        ({"event_ranges": "5-1"}, 'event_ranges is "5-1", expected ranges of events, as 1-5,10'),
        ({"event_ranges": "a"}, 'event_ranges is "a", expected ranges of events, as 1-5,10'),
        ({"pla_secondary_factor": 2}, "pla_secondary_factor is 2, expected a number from 0 to 1"),
        ({"pla_uniform_factor": -1}, "pla_uniform_factor is -1, expected a number from 0 on"),
        ({"model_settings": []}, "model_settings is [], expected an object"),
        ({"model_settings": {"event_set": ["p"]}}, 'model_settings.event_set is ["p"], expected text'),
        (
            {"computation_settings": {"kernel_alloc_rule_il": 4}},
            "computation_settings.kernel_alloc_rule_il is 4, expected a whole number from 0 to 3",
        ),
        (
            {"gul_output": True, "gul_summaries": {"id": 1}},
            'gul_summaries is {"id": 1}, expected a list of summary sets',
        ),
        ({"gul_output": True, "gul_summaries": [1]}, "gul_summaries[0] is 1, expected an object"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(keys, message):
    with pytest.raises(UsageError) as error:
        asked(**keys)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"id": 0}, ".id is 0, expected a whole number from 1 on"),
        ({"id": "one"}, '.id is "one", expected a whole number from 1 on'),
        ({"id": True}, ".id is true, expected a whole number from 1 on"),
        ({"eltcalc": 3}, ".eltcalc is 3, expected true or false"),
        ({"ord_output": True}, ".ord_output is true, expected an object"),
        ({"ord_output": {"elt_moment": "x"}}, '.ord_output.elt_moment is "x", expected true or false'),
        (
            {"ord_output": {"alct_confidence": 1.1}},
            ".ord_output.alct_confidence is 1.1, expected a number from 0 to 1",
        ),
        ({"leccalc": [], "lec_output": True}, ".leccalc is [], expected an object"),
        ({"leccalc": {"outputs": True}}, ".leccalc.outputs is true, expected an object"),
        ({"oed_fields": 5}, ".oed_fields is 5, expected text, or a list of it"),
    ],
)
def test_a_wrong_value_of_a_summary_set(keys, message):
    with pytest.raises(UsageError) as error:
        with_set(**keys)
    assert str(error.value) == "gul_summaries[0]" + message


# --- summary sets and reports


def test_a_summary_set():
    found = with_set(
        id="12",
        oed_fields="LocNumber",
        lec_output=True,
        leccalc={"wheatsheaf_oep": True, "return_period_file": True},
        ord_output={"psept_oep": True, "parquet_format": True, "alct_confidence": 0.5},
    )
    assert (found.id, found.fields, found.place) == (12, ("LocNumber",), "gul_summaries[0]")
    assert found.options == {"eltcalc", "leccalc_wheatsheaf_oep", "psept_oep"}
    assert (found.parquet, found.confidence) == (True, 0.5)
    assert (found.return_period_file, found.lec_return_period_file) == (False, True)
    assert with_set(oed_fields=["AccNumber", "LocNumber"]).fields == ("AccNumber", "LocNumber")
    assert with_set(ord_output={"alct_confidence": 0}).confidence == 0.95


def test_of_the_old_form_of_leccalc_only_the_curves_in_outputs_count():
    beside = {"full_uncertainty_aep": True, "return_period_file": True}
    found = with_set(lec_output=True, leccalc={**beside, "outputs": {"sample_mean_oep": True}})
    assert found.options == {"eltcalc", "leccalc_sample_mean_oep"} and found.lec_return_period_file
    found = with_set(lec_output=True, leccalc={"outputs": {**beside, "return_period_file": True}})
    assert found.options == {"eltcalc", "leccalc_full_uncertainty_aep"} and not found.lec_return_period_file


def test_a_set_without_an_id_is_left_out_and_one_that_stands_twice_is_an_error():
    settings = asked(gul_output=True, gul_summaries=[{"eltcalc": True}, {"id": 3, "eltcalc": True}])
    assert [each.id for each in settings.perspectives["gul"]] == [3]
    assert settings.perspectives["gul"][0].place == "gul_summaries[1]"
    assert settings.problems == (
        Problem("gul_summaries[0]", "a summary set without an id is ignored", "unknown"),
    )
    with pytest.raises(UsageError, match=r"il_summaries\[1\]\.id is 3, as of a summary set before it"):
        asked(il_output=True, il_summaries=[{"id": 3}, {"id": "3"}])


@pytest.mark.parametrize("sets", [None, [], [{"id": 1}], [{"eltcalc": True}]])
def test_a_perspective_without_reports_is_missing(sets):
    settings = asked(il_output=True, il_summaries=sets)
    assert "il" not in settings.perspectives
    assert settings.problems[-1] == Problem("il_output", "there are no reports in il_summaries", "missing")


def test_a_perspective_that_is_not_asked_for_is_not_looked_at():
    assert asked(il_output=False, il_summaries=[{"id": "wrong"}]).problems == ()


def test_reports_are_in_the_order_of_perspective_programme_and_set():
    one = [{"id": 2, "aalcalc": True, "ord_output": {"elt_moment": True}}, {"id": 1, "eltcalc": True}]
    settings = asked(**{f"{name}_{key}": value for name in ("rl", "ri", "gul") for key, value in (
        ("output", True), ("summaries", one))})  # fmt: skip
    files = outputs(settings, [1], 2)
    assert [file.path for file in files] == [
        f"{stem}_S{end}"
        for stem in ("gul", "ri_IP1", "ri", "rl_IP1", "rl_IP2")
        for end in ("2_melt.csv", "2_aalcalc.csv", "1_eltcalc.csv")
    ]
    assert [file.priority for file in files[::3]] == [None, 1, None, 1, 2]
    assert files[3]._asdict() == {
        "path": "ri_IP1_S2_melt.csv",
        "perspective": "ri",
        "priority": 1,
        "correlated": False,
        "summary_set": 2,
        "what": "melt",
        "command": "eltcalc",
        "options": ("elt_moment",),
        "setting": "ri_summaries[0].ord_output.elt_moment",
    }


def test_a_report_of_several_settings_names_them_all():
    (file,) = outputs(
        asked(ri_output=True, ri_summaries=[{"id": 4, "ord_output": {"psept_aep": True, "psept_oep": True}}]),
        [],
        1,
    )
    assert (file.path, file.options) == ("ri_S4_psept.csv", ("psept_aep", "psept_oep"))
    assert file.setting == "ri_summaries[0].ord_output.psept_aep, psept_oep"


def test_stages_have_the_platforms_rules_and_step_policies():
    settings = asked(number_of_samples=3, il_output=True, il_summaries=[{"id": 1, "eltcalc": True}])
    assert stages(settings, 0, stepped=True) == [
        "eve 1 1",
        "getmodel",
        "gulcalc -S3 -L0 -a0 -i -",
        "fmcalc -a2 -S",
        "summarycalc -m -f -1 (il)",
    ]
    ri = asked(ri_output=True, ri_summaries=[{"id": 1, "eltcalc": True}])
    assert stages(ri, 1, stepped=True)[3:5] == ["fmcalc -a2 -S", "fmcalc -a3 -p input/RI_1 -n"]


# --- what ktc does not do, and does not know


@pytest.mark.parametrize("value", [None, False, 0, "", [], {}])
@pytest.mark.parametrize("key", [key for key in KEYS if key.does == REFUSED], ids=lambda key: key.name)
def test_a_key_that_is_not_done_matters_only_with_an_effect(key, value):
    def problems(value):
        keys = {key.name: value}
        if key.place != TOP:
            keys = {{MODEL: "model_settings", COMPUTATION: "computation_settings"}[key.place]: keys}
        return asked(**keys).problems

    assert problems(value) == ()
    (problem,) = problems(["WTC"])
    place = "" if key.place == TOP else f"{key.place}."
    assert problem == Problem(place + key.name, f"ktc does not do this: {key.doc}", "unsupported")


@pytest.mark.parametrize("key", [key for key in KEYS if key.does == INFORMATION and key.place == TOP])
def test_information_is_read_by_nobody(key):
    assert asked(**{key.name: "anything"}).problems == ()


def test_unknown_keys_are_listed():
    settings = asked(gul_outputs=True, source_tag="x", model_settings={"own": 1})
    assert settings.problems == (Problem("gul_outputs", "ktc does not know this key", "unknown"),)


# --- files


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_file_with_and_without_the_wrapper(tmp_path):
    bare = write(tmp_path / "bare.json", {"number_of_samples": 7})
    wrapped = write(tmp_path / "wrapped.json", {"analysis_settings": {"number_of_samples": 7}})
    assert read_settings(bare) == read_settings(wrapped) == {"number_of_samples": 7}
    marked = tmp_path / "marked.json"
    marked.write_bytes(b"\xef\xbb\xbf" + bare.read_bytes())
    assert read_settings(marked) == {"number_of_samples": 7}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"a": 1,\n "b" 2}', r"a\.json: line 2, column 6: Expecting ':' delimiter; expected JSON"),
        ("", r"a\.json: line 1, column 1: Expecting value; expected JSON"),
        ("[]", r"a\.json: holds a list, expected an object of settings"),
        ("5", r"a\.json: holds 5, expected an object of settings"),
    ],
)
def test_a_file_that_is_not_settings(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        read_settings(write(tmp_path / "a.json", content))


def test_a_file_that_is_not_text_or_not_there(tmp_path):
    (tmp_path / "a.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"a\.json: not text, expected JSON"):
        read_settings(tmp_path / "a.json")
    with pytest.raises(InputError, match=r"b\.json: cannot read: No such file"):
        read_settings(tmp_path / "b.json")


def test_a_models_defaults_come_first(tmp_path):
    model = write(
        tmp_path / "model_settings.json",
        {
            "version": "1",
            "model_default_samples": 10,
            "gul_threshold": {"default": 5, "restricted": ["admin"]},
            "lookup_settings": {"supported_perils": []},
            "correlation_settings": [{"peril_correlation_group": 1}],
            "model_settings": {
                "event_set": {"name": "Event Set", "default": "p", "options": [{"id": "p"}, {"id": "h"}]},
                "event_occurrence_id": {"name": "Occurrence", "default": "lt", "options": [{"id": "lt"}]},
                "string_parameters": [
                    {"name": "footprint_set", "desc": "a set", "default": "f"},
                    {"name": "own", "default": "x"},
                ],
            },
            "computation_settings": {"kernel_alloc_rule_gul": 1},
        },
    )
    path = write(tmp_path / "a.json", {"model_settings": {"event_set": "h"}})
    found = read_settings(path, model)
    assert found == {
        "model_default_samples": 10,
        "gul_threshold": 5,
        "model_settings": {"event_set": "h", "event_occurrence_id": "lt", "footprint_set": "f"},
        "computation_settings": {"kernel_alloc_rule_gul": 1},
    }
    settings = Settings.of(found)
    assert (settings.samples, settings.event_set, settings.occurrence_id) == (10, "h", "lt")
    assert settings.alloc_gul == 1 and settings.problems == ()
    write(path, {"number_of_samples": 0, "gul_threshold": 1})
    settings = Settings.of(read_settings(path, model))
    assert (settings.samples, settings.threshold, settings.event_set) == (0, 1, "p")


def test_the_initial_file_has_every_key_that_ktc_does(tmp_path):
    path = write(tmp_path / "analysis_settings.json", initial())
    content = read_settings(path)
    settings = Settings.of(content)
    assert settings.problems == () and list(settings.perspectives) == ["gul", "il"]
    whats = ("melt", "palt", "ept")
    assert [file.path for file in outputs(settings, [], 0)] == [
        f"{name}_S1_{what}.csv" for name in ("gul", "il") for what in whats
    ]
    (one,) = content["gul_summaries"]
    places = {
        TOP: content,
        MODEL: content["model_settings"],
        COMPUTATION: content["computation_settings"],
        SET: one,
        ORD: one["ord_output"],
        LEC: one["leccalc"],
    }
    of_others = {"model_default_samples", "outputs"}
    for key in KEYS:
        wanted = key.does == DONE and key.name not in of_others
        assert (key.name in places[key.place]) == wanted or key.name == "oed_fields", key
    for option in OPTIONS:
        assert option.name.removeprefix("leccalc_") in places[option.place]


# --- documentation


def test_the_page_of_settings_has_every_key(monkeypatch):
    docs = Path(__file__).parent.parent / "docs"
    monkeypatch.syspath_prepend(str(docs))
    settingspage = pytest.importorskip("settingspage")
    text = settingspage.PAGE.read_text()
    assert settingspage.page(text) == text, "run python docs/settingspage.py"
    assert all(f"| `{key.name}` |" in text for key in KEYS)
    assert all(f"| `{option.name.removeprefix('leccalc_')}` |" in text for option in OPTIONS)


def test_the_pages_example_is_good():
    text = (Path(__file__).parent.parent / "docs" / "settings.md").read_text()
    (example,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    settings = Settings.of(json.loads(example))
    assert settings.problems == ()
    assert [file.path for file in outputs(settings, [], 0)] == [
        "gul_S1_palt.csv",
        "gul_S1_ept.csv",
        "il_S1_eltcalc.csv",
        "il_S2_leccalc_wheatsheaf_aep.csv",
    ]
