"""The documentation: it builds without a warning, and everything of the registry and of the public API has
its place in it."""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import ktc
from ktc import schemas

pytest.importorskip("sphinx")
pytestmark = pytest.mark.slow
DOCS = Path(__file__).parent.parent / "docs"
sys.path.insert(0, str(DOCS))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """{page: its html} of the site as its one command builds it; warnings are errors, broken links are
    warnings."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "sphinx",
            "-W",
            "--keep-going",
            "-b",
            "html",
            "-d",
            folder / "read",
            DOCS,
            folder / "html",
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return {path.stem: path.read_text() for path in (folder / "html").glob("*.html")}


@cache
def targets(html):
    return set(re.findall(r'\bid="([^"]+)"', html))


def test_every_page_of_docs_is_there(site):
    assert {path.stem for path in DOCS.glob("*.md")} <= set(site)


def test_no_link_leads_nowhere(site):
    for page, html in site.items():
        for link in re.findall(r'href="([^":?]+)"', html):
            name, _, target = link.partition("#")
            if name.startswith("_") or name == "objects.inv":
                continue
            name = name.removesuffix(".html") or page
            assert name in site and (not target or target in targets(site[name])), f"{page}: {link}"


def test_every_entry_of_the_registry_has_its_place(site):
    import reference

    formats, tools = targets(site["formats"]), targets(site["tools"])
    for kind, entries in (
        ("table", schemas.TABLES),
        ("stream", schemas.STREAMS),
        ("report", schemas.REPORTS),
    ):
        assert {f"{kind}-{reference.slug(name)}" for name in entries} <= formats
    assert {f"tool-{reference.slug(name)}" for name in schemas.TOOLS} <= tools
    assert {f"command-{name}" for name in getattr(schemas, "COMMANDS", {})} <= tools


def test_a_table_tells_all_that_its_entry_does(site):
    page = re.sub(
        r"<[^>]+>", "", re.search(r'id="table-items".*?id="table-coverages"', site["formats"], re.DOTALL)[0]
    )
    table = schemas.TABLES["items"]
    for text in (
        table.doc,
        table.path,
        "20 bytes a record (24 with 8-byte areaperil ids)",
        table.csv_header,
        "itemtobin",
        "uint32 or uint64",
        *(field.doc for field in table.fields),
        "coverage_id is coverage_id in coverages",
    ):
        assert text in page


def test_every_rule_has_words(site):
    import reference

    texts = {reference.rule_text(rule, table) for table in schemas.TABLES.values() for rule in table.rules}
    assert {
        "`item_id` counts 1, 2, 3, ...",
        "`event_id` is at least 1",
        "`quantile` is at least 0 and at most 1",
        "within the rows of one `vulnerability_id`, `intensity_bin_id`, `probability` sums to 1, to four "
        "decimals; left out "
        "without validation",
        "rows come in ascending order of `event_id`, `areaperil_id`; left out without validation",
    } <= texts


def test_every_public_name_has_its_place(site):
    names = targets(site["api"])
    assert {f"ktc.{name}" for name in ktc.__all__ if name != "__version__"} <= names
    assert {"ktc.GulCalc", "ktc.tables.validate", "ktc.Plan.nodes", "ktc.schemas.Table"} <= names
