"""docs/guide.md does what it says: its blocks run in their order, in one shell, and print the text that
stands below them.

A block behind the line <!-- not run --> is left out.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.installed import SCRIPTS

pytestmark = [pytest.mark.posix, pytest.mark.slow]
PAGE = Path(__file__).parent.parent / "docs" / "guide.md"
BLOCK = re.compile(
    r"^(<!-- not run -->\n)?```(\w+)\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL
)
MARK = "--- end of block {}"


def blocks():
    """[(language, code, what it prints or None)] of the page; what is not run is left out."""
    found = BLOCK.findall(PAGE.read_text())
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
    """What each block printed."""
    found = blocks()
    done = subprocess.run(
        ["bash", "-c", script(found)],
        cwd=tmp_path_factory.mktemp("guide"),
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


@pytest.mark.parametrize("number", [number for number, block in enumerate(blocks()) if block[2]])
def test_prints_what_the_page_shows(number, printed):
    assert printed[number] == blocks()[number][2]


def test_all_parts_of_a_run_are_there(printed):
    """The page shows each stage of a run at work, and what its blocks do not show is quiet but for the
    demo."""
    assert len(printed) == len(blocks())
    for number, (_, code, text) in enumerate(blocks()):
        assert text or not printed[number] or "ktc demo" in code, printed[number]
