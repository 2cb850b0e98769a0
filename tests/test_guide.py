"""docs/guide.md and docs/run.md do what they say: the blocks of each run in their order, in one shell, and
print the text that stands below them.

A block behind the line <!-- not run --> is left out.
"""

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from support.installed import SCRIPTS

from ktc.schemas import COMMANDS
from ktc.schemas.settings import KEYS, LEC, OPTIONS, ORD, REFUSED

pytestmark = [pytest.mark.posix, pytest.mark.slow]
DOCS = Path(__file__).parent.parent / "docs"
PAGES = ("guide", "run")
BLOCK = re.compile(
    r"^(<!-- not run -->\n)?```(\w+)\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL
)
MARK = "--- end of block {}"


def blocks(page):
    """[(language, code, what it prints or None)] of a page; what is not run is left out."""
    found = BLOCK.findall((DOCS / f"{page}.md").read_text())
    assert {language for _, language, _, _ in found} == {"sh", "python"}
    return [(language, code, text if text else None) for skip, language, code, text in found if not skip]


def script(blocks):
    """All blocks as one bash script, with a mark behind each. Python blocks share what is imported, as in one
    session."""
    parts, imports = ["set -e"], ""
    for number, (language, code, _) in enumerate(blocks):
        if language == "python":
            parts.append(f"{sys.executable} - <<'END OF PYTHON'\n{imports}{code}END OF PYTHON")
            imports += "".join(
                f"{line}\n" for line in code.splitlines() if line.startswith(("import", "from"))
            )
        else:
            parts.append(code)
        parts.append(f"echo '{MARK.format(number)}'")
    return "\n".join(parts)


@pytest.fixture(scope="module")
def printed(tmp_path_factory):
    """What each block of a page printed."""
    return cache(lambda page: outcome(page, tmp_path_factory.mktemp(page)))


def outcome(page, folder):
    """What each block of a page prints, in this folder."""
    found = blocks(page)
    done = subprocess.run(
        ["bash", "-c", script(found)],
        cwd=folder,
        text=True,
        timeout=120,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"},
    )
    texts = re.split(
        "|".join(re.escape(MARK.format(number)) + "\n" for number in range(len(found) - 1, -1, -1)),
        done.stdout,
    )
    assert done.returncode == 0, f"block {len(texts) - 1}: {found[len(texts) - 1][1]}\n{texts[-1]}"
    return texts[:-1]


@pytest.mark.parametrize(
    "page, number", [(page, n) for page in PAGES for n, block in enumerate(blocks(page)) if block[2]]
)
def test_prints_what_the_page_shows(page, number, printed):
    assert printed(page)[number] == blocks(page)[number][2]


@pytest.mark.parametrize("page", PAGES)
def test_what_shows_nothing_prints_nothing(page, printed):
    """All parts are there, and what blocks do not show is quiet but for the demo."""
    found = printed(page)
    assert len(found) == len(blocks(page))
    for number, (_, code, text) in enumerate(blocks(page)):
        assert text or not found[number] or "ktc demo" in code, found[number]


def test_the_page_of_ktc_run_has_every_flag_and_every_report():
    text = (DOCS / "run.md").read_text()
    for option in COMMANDS["run"].options:
        assert option.flag in text, option.flag
    words = set(re.findall(r"[\w.<>]+", text))
    for option in OPTIONS:
        if option.place == LEC:
            assert "leccalc_<curve>" in words
            continue
        setting = re.sub(r"^ept_.*_[ao]ep$", "ept_<kind>_aep", option.name)
        place = "ord_output." if option.place == ORD and setting != "psept_oep" else ""
        assert {place + setting, option.what} <= words, option.name
    for key in KEYS:
        if key.does == REFUSED:
            assert key.name in text, key.name
