"""Sphinx: `sphinx-build -W -b html docs docs/_build` makes the documentation of the ktc that is installed.

Pages are Markdown. reference.py writes those parts of them that the package itself knows best.
"""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import reference
from pygments.lexers.special import TextLexer

import ktc

project, author, copyright = "ktc", "the ktc authors", "the ktc authors"
version = release = ktc.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
napoleon_google_docstring, napoleon_use_rtype = False, False
exclude_patterns = ["_build"]
html_theme, html_title = "furo", f"ktc {release}"
html_copy_source = html_show_copyright = False
myst_heading_anchors = 4
smartquotes = False  # -- begins a flag
nitpicky = True
nitpick_ignore = [("py:class", name) for name in ("Exception", "ValueError", "OSError", "EOFError", "object")]
autodoc_member_order = "bysource"
autodoc_typehints = "none"
add_module_names = False
OUTSIDE = {
    "../benchmarks/memory.md": "benchmarks.md"
}  # where pages of the repository are in the documentation
MARK = re.compile(r"<!-- generated: (\w+) -->")


def generate(app, page, source):
    """Put the generated parts where a page asks for them, and lead links out of docs/ to pages of the
    documentation."""
    source[0] = MARK.sub(lambda mark: reference.PAGES[mark[1]](), source[0])
    for path, inside in OUTSIDE.items():
        source[0] = source[0].replace(f"]({path})", f"]({inside})")


def outdated(app, env, added, changed, removed):
    """Generated pages are read anew by each build, since what they are made of is not in them."""
    return [page for page in env.found_docs if MARK.search(Path(env.doc2path(page)).read_text())]


def escaped(row):
    """A line of a docstring as reST: what stands in backticks is code, and nothing else has a meaning."""
    return "".join(
        f"``{part[1:-1]}``" if part[0] == "`" else re.sub(r"([\\*`_|:])", r"\\\1", part)
        for part in re.split(r"(`[^`]+`(?!\w))", row)
        if part
    )


def as_plain_text(app, what, name, value, options, lines):
    """Docstrings without the sections of NumPy's style are plain text: paragraphs, and whatever is indented,
    as it stands."""
    if any(re.fullmatch("-{4,}", line.strip()) for line in lines):
        return
    paragraphs = re.split(r"\n\s*\n", "\n".join(lines).strip("\n"))
    lines[:] = []
    for text in paragraphs:
        rows = text.split("\n")
        if any(row.startswith("  ") for row in rows):
            lines += ["::", "", *(f"    {row}" for row in rows), ""]
        else:
            lines += [*map(escaped, rows), ""]


def setup(app):
    app.add_lexer("csv", TextLexer)
    app.connect("source-read", generate)
    app.connect("env-get-outdated", outdated)
    app.connect("autodoc-process-docstring", as_plain_text)
