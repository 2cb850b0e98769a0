"""The tables of settings.md: `python docs/settingspage.py` writes them anew from ktc.schemas.settings;
tests/test_settings.py holds the page to them.
"""

import json
import re
from pathlib import Path

from reference import cell, code, grid

from ktc.schemas.settings import (
    COMPUTATION,
    INFORMATION,
    KEYS,
    LARGEST,
    LEC,
    MODEL,
    MONTE_CARLO,
    OPTIONS,
    ORD,
    REFUSED,
    SET,
    TOP,
)

PAGE = Path(__file__).parent / "settings.md"
PLACES = {
    TOP: "At the top",
    MODEL: "In `model_settings`",
    SET: "In a summary set",
    ORD: "In `ord_output` of a summary set",
    LEC: "In `leccalc` of a summary set",
    COMPUTATION: "In `computation_settings`",
}
BLOCK = re.compile(r"(<!-- (keys|reports): python docs/settingspage.py -->\n).*?(<!-- end of \2 -->)", re.S)


def kind(key):
    """The type of a key's value, and its limits."""
    if key.low is None and key.high is None:
        return key.type
    low = 0 if key.low is None else key.low
    return f"{key.type}, from {low}" if key.high in (None, LARGEST) else f"{key.type}, {low} to {key.high}"


def done(key):
    """What ktc does with it."""
    return {REFUSED: "**Not done**: ", INFORMATION: "Not looked at: ", MONTE_CARLO: "With gulmc only: "}.get(
        key.does, ""
    ) + cell(key.doc)


def key_row(key):
    """A key's line of its table."""
    default = "" if key.default is None else code(json.dumps(key.default))
    return code(key.name), kind(key), default, done(key)


def keys():
    """A table of keys for each place in which they stand."""
    parts = []
    for place, title in PLACES.items():
        rows = [key_row(key) for key in KEYS if key.place == place]
        parts.append(f"### {title}\n\n" + grid(["Key", "Value", "Default", "What it does"], rows))
    return "\n".join(parts)


def report_row(option):
    """An option's line of the table."""
    name = option.name.removeprefix("leccalc_") if option.place == LEC else option.name
    place = option.place if option.place == SET else code(option.place)
    return code(name), place, code(option.what), code(option.command), cell(option.doc)


def reports():
    """A table of the options that ask for reports."""
    return grid(["Option", "Stands in", "Report", "ktools' program", "What it is"], map(report_row, OPTIONS))


def page(text):
    """settings.md with the tables as they are now."""
    tables = {"keys": keys, "reports": reports}
    return BLOCK.sub(lambda found: f"{found[1]}\n{tables[found[2]]()}\n{found[3]}", text)


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text()))
