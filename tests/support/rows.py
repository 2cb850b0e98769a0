"""Tables in csv for tests of converters."""

# Rows of the tables that a run does not have, and what converters are to be told
ROWS = {
    "amplifications": [(1, 1), (2, 1), (3, 2)],
    "lossfactors": [(1, 1, 1.25), (1, 2, 1.5), (2, 1, 1.5)],
    "aggregate_vulnerability": [(7, 1), (7, 2)],
    "weights": [(1, 1, 0.5), (1, 2, 0.5)],
    "correlations": [(1, 1, 0.5, 1, 0.25), (2, 1, 0.5, 1, 0.25)],
    "ensemble": [(1, 1), (2, 1), (3, 2)],
}
TOBIN = {
    "occurrence": {"periods": 5},
    "footprint": {"max_intensity_bin": 6},
    "vulnerability": {"max_damage_bin": 4},
}
