"""Tables in csv for tests of converters."""

# Rows of every table that a converter makes
SAMPLES = {
    "events": [(1,), (7,)],
    "items": [(1, 1, 101, 7, 1), (2, 1, 102, 8, 3)],
    "coverages": [(1, 1000), (2, 2000.5)],
    "damage_bin_dict": [(1, 0, 0, 0), (2, 0, 1, 0.5)],
    "gulsummaryxref": [(1, 2, 3), (4, 5, 6)],
    "fmsummaryxref": [(1, 2, 3), (4, 5, 6)],
    "footprint": [(1, 5, 1, 0.25), (1, 5, 2, 0.75), (3, 4, 2, 1)],
    "vulnerability": [(1, 1, 1, 0.5), (1, 1, 2, 0.5), (1, 2, 1, 1)],
    "random": [(0.5,), (0.25,)],
    "fm_programme": [(1, 2, 3), (2, 3, 4)],
    "fm_policytc": [(1, 2, 3, 4), (5, 6, 7, 8)],
    "fm_profile": [(1, 2, *range(3, 11)), (2, 3, *range(4, 12))],
    "fm_profile_step": [(1, 2, *range(3, 19)), (2, 3, *range(4, 20))],
    "fm_xref": [(1, 2, 3), (4, 5, 6)],
    "occurrence": [(1, 2, 3), (4, 5, 6)],
    "occurrence_dates": [(1, 2, 2024, 2, 29), (4, 5, 1900, 12, 31)],
    "occurrence_granular": [(1, 2, 2024, 2, 29, 23, 59), (4, 5, 1900, 12, 31, 0, 0)],
    "returnperiods": [(500,), (10,)],
    "periods": [(1, 0.25), (2, 0.75)],
    "quantile": [(0.5,), (0.75,)],
    "amplifications": [(1, 1), (2, 1), (3, 2)],
    "lossfactors": [(1, 1, 1.25), (1, 2, 1.5), (2, 1, 1.5)],
    "aggregate_vulnerability": [(7, 1), (7, 2)],
    "weights": [(1, 1, 0.5), (1, 2, 0.5)],
    "correlations": [(1, 1, 0.5, 1, 0.25), (2, 1, 0.5, 1, 0.25)],
    "correlations_sourced": [(1, 1, 0.5, 1, 0.25, 0), (2, 1, 0.5, 1, 0.25, 1)],
    "conditional_vulnerability": [(900001, 1, 1, 1), (900001, 3, 1, 0.25), (900001, 3, 4, 0.75)],
    "ensemble": [(1, 1), (2, 1), (3, 2)],
}
# Of the tables that a run does not have
ROWS = {
    name: SAMPLES[name]
    for name in (
        "amplifications",
        "lossfactors",
        "aggregate_vulnerability",
        "weights",
        "correlations",
        "conditional_vulnerability",
        "ensemble",
    )
}
# What converters are to be told
TOBIN = {
    "occurrence": {"periods": 5},
    "footprint": {"max_intensity_bin": 6},
    "vulnerability": {"max_damage_bin": 4},
    "conditional_vulnerability": {"max_damage_bin": 4},
}
