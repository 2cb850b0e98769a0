"""Settings in few words, and what the platform's scripts do of them.

A case is a block of lines. First what is asked for:

    samples 100, threshold 100, random, layers 1        at the top of the settings; layers: of reinsurance
    gul 1: eltcalc lec=rFf alt_period ord=rFW parquet   summary set 1 of the ground-up losses
    gul off 1: ...                                      the same without gul_output

lec=: curves of leccalc with lec_output, nolec=: without; ord=: those of ept and psept. Their letters are the
flags of leccalc and ordleccalc, r is return_period_file. Then, each with an arrow, what the script does of
it: its stages, and the reports of each perspective and set, =r where curves are at return periods. The
scripts have allocation rules 1, 2 and 3.

The first cases are settings of the Oasis platform's own tests (OasisLMF 2.4.13, tests/model_execution), told
anew, with what is in the scripts that lie beside them there. The others are our own, with what is in the
script that this version makes of them.
"""

from dataclasses import dataclass

CURVES = {
    "F": "full_uncertainty_aep",
    "f": "full_uncertainty_oep",
    "W": "wheatsheaf_aep",
    "w": "wheatsheaf_oep",
    "S": "sample_mean_aep",
    "s": "sample_mean_oep",
    "M": "wheatsheaf_mean_aep",
    "m": "wheatsheaf_mean_oep",
}
ORD_CURVES = {
    "F": "ept_full_uncertainty_aep",
    "f": "ept_full_uncertainty_oep",
    "W": "psept_aep",
    "w": "psept_oep",
    "S": "ept_mean_sample_aep",
    "s": "ept_mean_sample_oep",
    "M": "ept_per_sample_mean_aep",
    "m": "ept_per_sample_mean_oep",
}
# What makes each report in the scripts
PROGRAMS = {
    "selt": "summarycalctocsv",
    "qelt": "eltcalc",
    "melt": "eltcalc",
    "splt": "pltcalc",
    "qplt": "pltcalc",
    "mplt": "pltcalc",
    "palt": "aalcalc",
    "alct": "aalcalc",
    "altmeanonly": "aalcalcmeanonly",
    "ept": "ordleccalc",
    "psept": "ordleccalc",
    "leccalc": "leccalc",
    "eltcalc": "eltcalc",
    "pltcalc": "pltcalc",
    "summarycalc": "summarycalctocsv",
    "aalcalc": "aalcalc",
    "aalcalcmeanonly": "aalcalcmeanonly",
}


@dataclass
class Case:
    """settings: as in a file. stages: of the script. reports: {path: (program, is it at return periods)}."""

    text: str
    settings: dict
    layers: int
    stages: list
    reports: dict


def case(text):
    """A block as a case."""
    found = Case(text, {"model_settings": {}}, 0, [], {})
    for line in text.splitlines():
        arrow, _, told = line.partition("-> ")
        head, colon, words = (told or arrow).partition(": ")
        if told and colon:
            reports(found.reports, head, words.split())
        elif told:
            found.stages.append(told)
        elif colon or line.endswith(":"):
            ask(found.settings, head.rstrip(":"), words.split())
        else:
            top(found, line)
    return found


def top(found, line):
    """The keys at the top."""
    numbers = {"samples": "number_of_samples", "threshold": "gul_threshold"}
    for word in line.split(", "):
        name, _, value = word.partition(" ")
        if name == "layers":
            found.layers = int(value)
        elif name == "inner":
            found.settings["ri_inuring_priorities"] = [int(each) for each in value.split()]
        elif name == "random":
            found.settings["model_settings"]["use_random_number_file"] = True
        else:
            found.settings[numbers.get(name, name)] = number(value) if value else True


def number(text):
    return float(text) if "." in text else int(text)


def ask(settings, head, words):
    """A summary set, or more of the one before."""
    perspective, *off, id = head.split()
    settings[f"{perspective}_output"] = not off
    sets = settings.setdefault(f"{perspective}_summaries", [])
    if not sets or sets[-1]["id"] != int(id):
        sets.append({"id": int(id), "ord_output": {}, "lec_output": False, "leccalc": {}})
    one = sets[-1]
    for word in words:
        name, equals, value = word.partition("=")
        if name in ("lec", "nolec"):
            one["lec_output"] = name == "lec"
            one["leccalc"] |= {CURVES.get(each, "return_period_file"): True for each in value}
        elif name == "ord":
            one["ord_output"] |= {ORD_CURVES.get(each, "return_period_file"): True for each in value}
        elif name == "parquet":
            one["ord_output"]["parquet_format"] = True
        elif name.startswith(("elt_", "plt_", "alt_", "alct_")):
            one["ord_output"][name] = number(value) if equals else True
        else:
            one[name] = True


def reports(found, stem, words):
    """The files of a summary set."""
    for word in words:
        file, _, how = word.partition("=")
        what, _, ending = file.partition(".")
        names = [f"leccalc_{CURVES[each]}" for each in how if each != "r"] if what == "leccalc" else [what]
        for name in names:
            found[f"{stem}_{name}.{ending or 'csv'}"] = PROGRAMS[what], "r" in how


FROM_ITS_TESTS = """
samples 100, threshold 100, random
gul 1: eltcalc pltcalc summarycalc aalcalc lec=rFfWwSsMm
il 1: eltcalc pltcalc summarycalc aalcalc lec=rFfWwSsMm
-> gulcalc -S100 -L100 -r -a1 -i -
-> fmcalc -a2
-> summarycalc -m -i -1 (gul)
-> summarycalc -m -f -1 (il)
-> gul_S1: aalcalc eltcalc pltcalc summarycalc leccalc=rFfWwSsMm
-> il_S1: aalcalc eltcalc pltcalc summarycalc leccalc=rFfWwSsMm

samples 50, threshold 100
gul 1: eltcalc pltcalc summarycalc aalcalc
-> gulcalc -S50 -L100 -a1 -i -
-> summarycalc -m -i -1 (gul)
-> gul_S1: aalcalc eltcalc pltcalc summarycalc

samples 0, threshold 0, random
gul 1: eltcalc pltcalc summarycalc aalcalc
-> gulcalc -S0 -L0 -r -a1 -i -
-> summarycalc -m -i -1 (gul)
-> gul_S1: aalcalc eltcalc pltcalc summarycalc

samples 0, threshold 0, random, layers 1
gul 1: eltcalc pltcalc summarycalc aalcalc
il 1: eltcalc pltcalc summarycalc aalcalc
ri 1: eltcalc pltcalc summarycalc aalcalc
-> gulcalc -S0 -L0 -r -a1 -i -
-> fmcalc -a2
-> fmcalc -a3 -p input/RI_1 -n
-> summarycalc -m -i -1 (gul)
-> summarycalc -m -f -1 (il)
-> summarycalc -m -f -p input/RI_1 -1 (ri)
-> gul_S1: aalcalc eltcalc pltcalc summarycalc
-> il_S1: aalcalc eltcalc pltcalc summarycalc
-> ri_S1: aalcalc eltcalc pltcalc summarycalc

samples 0, threshold 0, random, layers 1
gul 1: eltcalc pltcalc summarycalc aalcalc
il 1: eltcalc pltcalc summarycalc aalcalc
ri 1: eltcalc pltcalc summarycalc aalcalc lec=rFfWwSsMm
-> gulcalc -S0 -L0 -r -a1 -i -
-> fmcalc -a2
-> fmcalc -a3 -p input/RI_1 -n
-> summarycalc -m -i -1 (gul)
-> summarycalc -m -f -1 (il)
-> summarycalc -m -f -p input/RI_1 -1 (ri)
-> gul_S1: aalcalc eltcalc pltcalc summarycalc
-> il_S1: aalcalc eltcalc pltcalc summarycalc
-> ri_S1: aalcalc eltcalc pltcalc summarycalc leccalc=rFfWwSsMm

samples 0, threshold 0, random, layers 1
gul 1: eltcalc pltcalc summarycalc aalcalc
il 1: ord=FSsMm
ri 1: ord=rFfWwSsMm
-> gulcalc -S0 -L0 -r -a1 -i -
-> fmcalc -a2
-> fmcalc -a3 -p input/RI_1 -n
-> summarycalc -m -i -1 (gul)
-> summarycalc -m -f -1 (il)
-> summarycalc -m -f -p input/RI_1 -1 (ri)
-> gul_S1: aalcalc eltcalc pltcalc summarycalc
-> il_S1: ept
-> ri_S1: ept=r psept=r

samples 100, threshold 100, random
gul 1: aalcalc
-> gulcalc -S100 -L100 -r -a1 -i -
-> summarycalc -m -i -1 (gul)
-> gul_S1: aalcalc

samples 100, threshold 100, random
gul 1: lec=rF
-> gulcalc -S100 -L100 -r -a1 -i -
-> summarycalc -m -i -1 (gul)
-> gul_S1: leccalc=rF

samples 100, threshold 100, random
gul 1: lec=rW
-> gulcalc -S100 -L100 -r -a1 -i -
-> summarycalc -m -i -1 (gul)
-> gul_S1: leccalc=rW

samples 100, threshold 100, random
gul 1: lec=rM
-> gulcalc -S100 -L100 -r -a1 -i -
-> summarycalc -m -i -1 (gul)
-> gul_S1: leccalc=rM

samples 100, threshold 100, random
gul 1: eltcalc
-> gulcalc -S100 -L100 -r -a1 -i -
-> summarycalc -m -i -1 (gul)
-> gul_S1: eltcalc

samples 0, threshold 0, random
gul 1: eltcalc pltcalc summarycalc aalcalc lec=rFfWwSsMm
il 1: eltcalc pltcalc summarycalc aalcalc lec=rFfWwSsMm
-> gulcalc -S0 -L0 -r -a1 -i -
-> fmcalc -a2
-> summarycalc -m -i -1 (gul)
-> summarycalc -m -f -1 (il)
-> gul_S1: aalcalc eltcalc pltcalc summarycalc leccalc=rFfWwSsMm
-> il_S1: aalcalc eltcalc pltcalc summarycalc leccalc=rFfWwSsMm

samples 0, threshold 0, random
gul 1: eltcalc pltcalc summarycalc aalcalc lec=rFfWwSsMm
gul 2: eltcalc pltcalc summarycalc aalcalc lec=rFfWwSsMm
il 1: eltcalc pltcalc summarycalc aalcalc lec=rFfWwSsMm
il 2: eltcalc pltcalc summarycalc aalcalc lec=rFfWwSsMm
-> gulcalc -S0 -L0 -r -a1 -i -
-> fmcalc -a2
-> summarycalc -m -i -1 -2 (gul)
-> summarycalc -m -f -1 -2 (il)
-> gul_S1: aalcalc eltcalc pltcalc summarycalc leccalc=rFfWwSsMm
-> gul_S2: aalcalc eltcalc pltcalc summarycalc leccalc=rFfWwSsMm
-> il_S1: aalcalc eltcalc pltcalc summarycalc leccalc=rFfWwSsMm
-> il_S2: aalcalc eltcalc pltcalc summarycalc leccalc=rFfWwSsMm

samples 0, threshold 0, random
gul 1: eltcalc pltcalc summarycalc aalcalc
il 1: eltcalc pltcalc summarycalc aalcalc
-> gulcalc -S0 -L0 -r -a1 -i -
-> fmcalc -a2
-> summarycalc -m -i -1 (gul)
-> summarycalc -m -f -1 (il)
-> gul_S1: aalcalc eltcalc pltcalc summarycalc
-> il_S1: aalcalc eltcalc pltcalc summarycalc

samples 0, threshold 0, random
gul 1: eltcalc pltcalc summarycalc aalcalc
gul 2: eltcalc pltcalc summarycalc aalcalc
il 1: eltcalc pltcalc summarycalc aalcalc
il 2: eltcalc pltcalc summarycalc aalcalc
-> gulcalc -S0 -L0 -r -a1 -i -
-> fmcalc -a2
-> summarycalc -m -i -1 -2 (gul)
-> summarycalc -m -f -1 -2 (il)
-> gul_S1: aalcalc eltcalc pltcalc summarycalc
-> gul_S2: aalcalc eltcalc pltcalc summarycalc
-> il_S1: aalcalc eltcalc pltcalc summarycalc
-> il_S2: aalcalc eltcalc pltcalc summarycalc

samples 0, threshold 0, random
gul 1: eltcalc pltcalc summarycalc aalcalc ord=rFWwSsMm
gul 2: eltcalc pltcalc summarycalc aalcalc ord=rFWwSsMm
il 1: eltcalc pltcalc summarycalc aalcalc ord=rFWwSsMm
il 2: eltcalc pltcalc summarycalc aalcalc ord=rFWwSsMm
-> gulcalc -S0 -L0 -r -a1 -i -
-> fmcalc -a2
-> summarycalc -m -i -1 -2 (gul)
-> summarycalc -m -f -1 -2 (il)
-> gul_S1: aalcalc eltcalc ept=r pltcalc psept=r summarycalc
-> gul_S2: aalcalc eltcalc ept=r pltcalc psept=r summarycalc
-> il_S1: aalcalc eltcalc ept=r pltcalc psept=r summarycalc
-> il_S2: aalcalc eltcalc ept=r pltcalc psept=r summarycalc

samples 0, threshold 0, random
gul 1: eltcalc pltcalc summarycalc aalcalc alt_period ord=rFWwSsMm
gul 2: eltcalc pltcalc summarycalc aalcalc alt_period ord=rFWwSsMm
il 1: eltcalc pltcalc summarycalc aalcalc ord=rFWwSsMm
il 2: eltcalc pltcalc summarycalc aalcalc alt_period ord=rFWwSsMm
-> gulcalc -S0 -L0 -r -a1 -i -
-> fmcalc -a2
-> summarycalc -m -i -1 -2 (gul)
-> summarycalc -m -f -1 -2 (il)
-> gul_S1: aalcalc eltcalc ept=r palt pltcalc psept=r summarycalc
-> gul_S2: aalcalc eltcalc ept=r palt pltcalc psept=r summarycalc
-> il_S1: aalcalc eltcalc ept=r pltcalc psept=r summarycalc
-> il_S2: aalcalc eltcalc ept=r palt pltcalc psept=r summarycalc

samples 0, threshold 0, random
gul 1: eltcalc pltcalc summarycalc aalcalc ord=Ww lec=rFfWwSsMm
il 1: eltcalc pltcalc summarycalc aalcalc ord=rWw lec=rFfWwSsMm
-> gulcalc -S0 -L0 -r -a1 -i -
-> fmcalc -a2
-> summarycalc -m -i -1 (gul)
-> summarycalc -m -f -1 (il)
-> gul_S1: aalcalc eltcalc pltcalc psept summarycalc leccalc=rFfWwSsMm
-> il_S1: aalcalc eltcalc pltcalc psept=r summarycalc leccalc=rFfWwSsMm

samples 0, threshold 0, random
gul 1: eltcalc pltcalc summarycalc aalcalc lec=rFfWwSsMm
-> gulcalc -S0 -L0 -r -a1 -i -
-> summarycalc -m -i -1 (gul)
-> gul_S1: aalcalc eltcalc pltcalc summarycalc leccalc=rFfWwSsMm

samples 0, threshold 0, random
gul 1: eltcalc pltcalc summarycalc aalcalc lec=rFfWwSsMm
gul 2: eltcalc pltcalc summarycalc aalcalc lec=rFfWwSsMm
-> gulcalc -S0 -L0 -r -a1 -i -
-> summarycalc -m -i -1 -2 (gul)
-> gul_S1: aalcalc eltcalc pltcalc summarycalc leccalc=rFfWwSsMm
-> gul_S2: aalcalc eltcalc pltcalc summarycalc leccalc=rFfWwSsMm

samples 0, threshold 0, random
gul 1: eltcalc pltcalc summarycalc aalcalc
gul 2: eltcalc pltcalc summarycalc aalcalc
-> gulcalc -S0 -L0 -r -a1 -i -
-> summarycalc -m -i -1 -2 (gul)
-> gul_S1: aalcalc eltcalc pltcalc summarycalc
-> gul_S2: aalcalc eltcalc pltcalc summarycalc

samples 100, threshold 100, random
gul 1: lec=rf
-> gulcalc -S100 -L100 -r -a1 -i -
-> summarycalc -m -i -1 (gul)
-> gul_S1: leccalc=rf

samples 100, threshold 100, random
gul 1: lec=rw
-> gulcalc -S100 -L100 -r -a1 -i -
-> summarycalc -m -i -1 (gul)
-> gul_S1: leccalc=rw

samples 100, threshold 100, random
gul 1: lec=rm
-> gulcalc -S100 -L100 -r -a1 -i -
-> summarycalc -m -i -1 (gul)
-> gul_S1: leccalc=rm

samples 0, threshold 0, random
gul 1: ord=rFfSsMm
-> gulcalc -S0 -L0 -r -a1 -i -
-> summarycalc -m -i -1 (gul)
-> gul_S1: ept=r

samples 0, threshold 0, random
gul 1: eltcalc pltcalc summarycalc aalcalc ord=rFWwSsMm lec=rFfWwSsMm
gul 2: eltcalc pltcalc summarycalc aalcalc ord=rFWwSsMm lec=rFfWwSsMm
-> gulcalc -S0 -L0 -r -a1 -i -
-> summarycalc -m -i -1 -2 (gul)
-> gul_S1: aalcalc eltcalc ept=r pltcalc psept=r summarycalc leccalc=rFfWwSsMm
-> gul_S2: aalcalc eltcalc ept=r pltcalc psept=r summarycalc leccalc=rFfWwSsMm

samples 0, threshold 0, random
gul 1: alt_period
gul 2: alt_period
-> gulcalc -S0 -L0 -r -a1 -i -
-> summarycalc -m -i -1 -2 (gul)
-> gul_S1: palt
-> gul_S2: palt

samples 0, threshold 0, random
gul 1: ord=Ww
gul 2: ord=rWw
-> gulcalc -S0 -L0 -r -a1 -i -
-> summarycalc -m -i -1 -2 (gul)
-> gul_S1: psept
-> gul_S2: psept=r

samples 100, threshold 100, random
gul 1: pltcalc
-> gulcalc -S100 -L100 -r -a1 -i -
-> summarycalc -m -i -1 (gul)
-> gul_S1: pltcalc

samples 100, threshold 100, random
gul 1: summarycalc
-> gulcalc -S100 -L100 -r -a1 -i -
-> summarycalc -m -i -1 (gul)
-> gul_S1: summarycalc

samples 100, threshold 100, random
gul off 1: lec=
il 1: aalcalc
-> gulcalc -S100 -L100 -r -a1 -i -
-> fmcalc -a2
-> summarycalc -m -f -1 (il)
-> il_S1: aalcalc

samples 100, threshold 100, random
gul off 1: lec=
il 1: lec=rF
-> gulcalc -S100 -L100 -r -a1 -i -
-> fmcalc -a2
-> summarycalc -m -f -1 (il)
-> il_S1: leccalc=rF

samples 100, threshold 100, random
gul off 1: lec=
il 1: lec=rS
-> gulcalc -S100 -L100 -r -a1 -i -
-> fmcalc -a2
-> summarycalc -m -f -1 (il)
-> il_S1: leccalc=rS

samples 100, threshold 100, random
gul off 1: lec=
il 1: lec=rW
-> gulcalc -S100 -L100 -r -a1 -i -
-> fmcalc -a2
-> summarycalc -m -f -1 (il)
-> il_S1: leccalc=rW

samples 100, threshold 100, random
gul off 1: lec=
il 1: lec=rM
-> gulcalc -S100 -L100 -r -a1 -i -
-> fmcalc -a2
-> summarycalc -m -f -1 (il)
-> il_S1: leccalc=rM

samples 100, threshold 100, random
gul off 1: lec=
il 1: eltcalc
-> gulcalc -S100 -L100 -r -a1 -i -
-> fmcalc -a2
-> summarycalc -m -f -1 (il)
-> il_S1: eltcalc

samples 0, threshold 0, random
il 1: eltcalc pltcalc summarycalc aalcalc lec=rFfWwSsMm
-> gulcalc -S0 -L0 -r -a1 -i -
-> fmcalc -a2
-> summarycalc -m -f -1 (il)
-> il_S1: aalcalc eltcalc pltcalc summarycalc leccalc=rFfWwSsMm

samples 0, threshold 0, random
il 1: eltcalc pltcalc summarycalc aalcalc lec=rFfWwSsMm
il 2: eltcalc pltcalc summarycalc aalcalc lec=rFfWwSsMm
-> gulcalc -S0 -L0 -r -a1 -i -
-> fmcalc -a2
-> summarycalc -m -f -1 -2 (il)
-> il_S1: aalcalc eltcalc pltcalc summarycalc leccalc=rFfWwSsMm
-> il_S2: aalcalc eltcalc pltcalc summarycalc leccalc=rFfWwSsMm

samples 0, threshold 0, random
il 1: eltcalc pltcalc summarycalc aalcalc
-> gulcalc -S0 -L0 -r -a1 -i -
-> fmcalc -a2
-> summarycalc -m -f -1 (il)
-> il_S1: aalcalc eltcalc pltcalc summarycalc

samples 0, threshold 0, random
il 1: eltcalc pltcalc summarycalc aalcalc
il 2: eltcalc pltcalc summarycalc aalcalc
-> gulcalc -S0 -L0 -r -a1 -i -
-> fmcalc -a2
-> summarycalc -m -f -1 -2 (il)
-> il_S1: aalcalc eltcalc pltcalc summarycalc
-> il_S2: aalcalc eltcalc pltcalc summarycalc

samples 100, threshold 100, random
gul off 1: lec=
il 1: lec=rf
-> gulcalc -S100 -L100 -r -a1 -i -
-> fmcalc -a2
-> summarycalc -m -f -1 (il)
-> il_S1: leccalc=rf

samples 100, threshold 100, random
gul off 1: lec=
il 1: lec=rs
-> gulcalc -S100 -L100 -r -a1 -i -
-> fmcalc -a2
-> summarycalc -m -f -1 (il)
-> il_S1: leccalc=rs

samples 100, threshold 100, random
gul off 1: lec=
il 1: lec=rw
-> gulcalc -S100 -L100 -r -a1 -i -
-> fmcalc -a2
-> summarycalc -m -f -1 (il)
-> il_S1: leccalc=rw

samples 100, threshold 100, random
gul off 1: lec=
il 1: lec=rm
-> gulcalc -S100 -L100 -r -a1 -i -
-> fmcalc -a2
-> summarycalc -m -f -1 (il)
-> il_S1: leccalc=rm

samples 100, threshold 100, random
gul off 1: lec=
il 1: pltcalc
-> gulcalc -S100 -L100 -r -a1 -i -
-> fmcalc -a2
-> summarycalc -m -f -1 (il)
-> il_S1: pltcalc

samples 100, threshold 100, random
gul off 1: lec=
il 1: summarycalc
-> gulcalc -S100 -L100 -r -a1 -i -
-> fmcalc -a2
-> summarycalc -m -f -1 (il)
-> il_S1: summarycalc
"""

FROM_OURS = """
samples 10
gul 1: elt_sample elt_quantile elt_moment plt_sample plt_quantile plt_moment
gul 3: elt_quantile plt_moment
-> gulcalc -S10 -L0 -a1 -i -
-> summarycalc -m -i -1 -3 (gul)
-> gul_S1: melt mplt qelt qplt selt splt
-> gul_S3: mplt qelt

samples 10, threshold 0.5
gul 2: eltcalc aalcalc elt_sample plt_quantile alt_period alct_convergence alt_meanonly parquet
gul 2: alct_confidence=0.9 ord=FfwSsMm
-> gulcalc -S10 -L0.5 -a1 -i -
-> summarycalc -m -i -2 (gul)
-> gul_S2: aalcalc alct.parquet altmeanonly.parquet eltcalc ept.parquet palt.parquet psept.parquet
-> gul_S2: qplt.parquet selt.parquet

samples 10
il 1: aalcalcmeanonly alct_convergence elt_moment
il 2: alt_period alct_convergence
il 3: alt_meanonly nolec=rFw
-> gulcalc -S10 -L0 -a1 -i -
-> fmcalc -a2
-> summarycalc -m -f -1 -2 -3 (il)
-> il_S1: aalcalcmeanonly melt
-> il_S2: alct palt
-> il_S3: altmeanonly

samples 25, threshold 1000000, layers 3, inner 1 2
il 1: elt_moment
ri 1: elt_moment ord=rf
ri 4: eltcalc
-> gulcalc -S25 -L1000000 -a1 -i -
-> fmcalc -a2
-> fmcalc -a3 -p input/RI_1 -n
-> fmcalc -a3 -p input/RI_2 -n
-> fmcalc -a3 -p input/RI_3 -n
-> summarycalc -m -f -1 (il)
-> summarycalc -m -f -p input/RI_3 -1 -4 (ri)
-> summarycalc -m -f -p input/RI_1 -1 -4 (ri IP1)
-> summarycalc -m -f -p input/RI_2 -1 -4 (ri IP2)
-> il_S1: melt
-> ri_IP1_S1: ept=r melt
-> ri_IP1_S4: eltcalc
-> ri_IP2_S1: ept=r melt
-> ri_IP2_S4: eltcalc
-> ri_S1: ept=r melt
-> ri_S4: eltcalc

samples 25, layers 2, inner 2 5
ri 1: alt_period
-> gulcalc -S25 -L0 -a1 -i -
-> fmcalc -a2
-> fmcalc -a3 -p input/RI_1 -n
-> fmcalc -a3 -p input/RI_2 -n
-> summarycalc -m -f -p input/RI_2 -1 (ri)
-> ri_S1: palt

samples 25, layers 2
rl 1: alt_period elt_sample parquet
rl 2: lec=m
-> gulcalc -S25 -L0 -a1 -i -
-> fmcalc -a2
-> fmcalc -a3 -p input/RI_1 -n
-> fmcalc -a3 -p input/RI_2
-> summarycalc -m -f -p input/RI_1 -1 -2 (rl IP1)
-> summarycalc -m -f -p input/RI_2 -1 -2 (rl IP2)
-> rl_IP1_S1: palt.parquet selt.parquet
-> rl_IP1_S2: leccalc=m
-> rl_IP2_S1: palt.parquet selt.parquet
-> rl_IP2_S2: leccalc=m

samples 25, layers 2, inner 1
gul 1: summarycalc
ri 1: ord=W
rl 1: pltcalc
-> gulcalc -S25 -L0 -a1 -i -
-> fmcalc -a2
-> fmcalc -a3 -p input/RI_1 -n
-> fmcalc -a3 -p input/RI_2 -n
-> summarycalc -m -i -1 (gul)
-> summarycalc -m -f -p input/RI_1 -1 (rl IP1)
-> summarycalc -m -f -p input/RI_2 -1 (rl IP2)
-> summarycalc -m -f -p input/RI_2 -1 (ri)
-> summarycalc -m -f -p input/RI_1 -1 (ri IP1)
-> gul_S1: summarycalc
-> ri_IP1_S1: psept
-> ri_S1: psept
-> rl_IP1_S1: pltcalc
-> rl_IP2_S1: pltcalc

samples 5, pla
gul 1: eltcalc
-> gulcalc -S5 -L0 -a1 -i -
-> placalc
-> summarycalc -m -i -1 (gul)
-> gul_S1: eltcalc

samples 5, pla_secondary_factor 0.5, pla
il 1: eltcalc
-> gulcalc -S5 -L0 -a1 -i -
-> placalc -f 0.5
-> fmcalc -a2
-> summarycalc -m -f -1 (il)
-> il_S1: eltcalc

samples 5, pla_secondary_factor 0.5, pla_uniform_factor 0.8, pla
gul 1: eltcalc
-> gulcalc -S5 -L0 -a1 -i -
-> placalc -F 0.8
-> summarycalc -m -i -1 (gul)
-> gul_S1: eltcalc

samples 5, pla_uniform_factor 0.8
gul 9: eltcalc
-> gulcalc -S5 -L0 -a1 -i -
-> summarycalc -m -i -9 (gul)
-> gul_S9: eltcalc

layers 1
il 1: eltcalc
rl off 1: eltcalc
-> gulcalc -S0 -L0 -a1 -i -
-> fmcalc -a2
-> summarycalc -m -f -1 (il)
-> il_S1: eltcalc
"""

PLATFORM = [case(block) for block in FROM_ITS_TESTS.strip().split("\n\n")]
OWN = [case(block) for block in FROM_OURS.strip().split("\n\n")]
