"""Modules stand on shelves: an import goes down or along a shelf, never up, and never in a circle."""

import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
sys.path.insert(0, str(DOCS))
import layers  # noqa: E402


@pytest.mark.parametrize("side", layers.SIDES)
def test_every_module_stands_on_one_shelf(side):
    names = [name for shelf in layers.SIDES[side].values() for name in shelf.split()]
    assert len(names) == len(set(names))
    assert set(layers.modules(side)) <= set(names), "a new module: put it on a shelf in docs/layers.py"
    assert set(names) <= set(layers.modules(side)), "a module that is gone stands in docs/layers.py"


@pytest.mark.parametrize("side", layers.SIDES)
def test_no_import_goes_up(side):
    shelf = layers.shelf_of(side)
    up = [
        f"{name} (shelf {shelf[name]}) imports {other} (shelf {shelf[other]})"
        for name, others in layers.imports(side).items()
        for other in others
        if shelf[other] > shelf[name]
    ]
    assert not up, up


@pytest.mark.parametrize("side", layers.SIDES)
def test_no_import_goes_in_a_circle(side):
    uses, done = layers.imports(side), set()

    def visit(name, path):
        assert name not in path, " -> ".join([*path[path.index(name) :], name])
        if name not in done:
            for other in uses.get(name, ()):
                visit(other, [*path, name])
            done.add(name)

    for name in uses:
        visit(name, [])


def test_the_drawing_is_made_from_the_imports():
    text = (DOCS / "architecture.md").read_text()
    assert layers.page(text) == text, "run python docs/layers.py"
