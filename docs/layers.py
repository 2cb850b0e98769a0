"""The shelves on which modules stand, and the drawing of them in architecture.md: `python docs/layers.py`
writes it anew from the imports. A module imports from its own shelf and from those below, never from above
and never in a circle; tests/test_layers.py holds it to that.
"""

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
PACKAGE = HERE.parent / "ktc"
BEGIN, END = "<!-- shelves: python docs/layers.py -->", "<!-- end of shelves -->"

# From the ground up. What is behind ktc/_core, then what is behind ktc.
KERNELS = {
    "ground": "io compilers records memory arena machine keys hashing sorting dates mersenne numbers "
    "text puttext gettext codeflags named",
    "wire": "blocks codec",
    "tables": "csvrows checks tables oldforms",
    "model": "items occurrence samples sampling fmrules fmplan lanes footprint uniforms montecarlo damage",
    "forms": "losscsv csvforms frames batches",
    "stages": "eve getmodel gulcalc gulmc allocation placalc fmevent fmcalc summarycalc",
    "reports": "rows periodlosses eltcalc pltcalc tails curvelosses curves averages summaryindex kat",
}
PYTHON = {
    "ground": "errors schemas _core _version _records console",
    "formats": "headers streams converting converters indexed csvchecks arrays tables",
    "building": "building sources financial results hazard fulltables fulldamage fullmodel _types",
    "accumulating": "accumulators curves averages concat",
    "stages": "fullkernel fullmontecarlo groundup insured summaries losstables streamcsv chain stages",
    "runs": "settings rundir perspectives engine planning estimate reporting journal execution analysis",
    "tools": "places files footprintparquet checker dependencies validation inspect compare examplemodel "
    "example demo completion runcommand",
    "front door": "usage cli __main__",
}
SIDES = {"ktc/_core": KERNELS, "ktc": PYTHON}


def modules(side):
    """{name: path of what says what it imports} of the modules of ktc/_core or ktc."""
    folder = HERE.parent / side
    if side == "ktc":
        found = {path.stem: [path] for path in folder.glob("*.py") if path.stem != "__init__"}
        return {**found, "schemas": [*(folder / "schemas").glob("*.py")], "_core": []}
    found = {}
    for path in sorted(folder.glob("*.p*")):
        if path.suffix in (".pyx", ".pxd", ".py") and path.stem != "__init__":
            found.setdefault(path.stem, []).append(path)
    return {**found, "records": []}  # generated when ktc is built


def kernels_in(text):
    """The modules of ktc._core that Cython source cimports or imports when it is loaded."""
    names = set(re.findall(r"(?m)^(?:from|c?import) ktc\._core\.(\w+)", text))
    for names_of in re.findall(r"(?m)^from ktc\._core c?import \(?([\w ,]+)", text):
        names |= {part.split(" as ")[0].strip() for part in names_of.split(",")}
    return names


def python_in(text):
    """The modules of ktc that Python source imports, wherever in it, but not what only annotations need."""
    names = set()

    def visit(node):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.ImportFrom) and node.level == 1:
            names.update([node.module.split(".")[0]] if node.module else [each.name for each in node.names])
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(text))
    return names


def imports(side):
    """{module: the modules of the same side that it imports}."""
    found = modules(side)
    read = python_in if side == "ktc" else kernels_in
    return {
        name: {
            other
            for path in paths
            for other in (kernels_in if path.suffix != ".py" else read)(path.read_text())
            if other in found and other != name
        }
        for name, paths in found.items()
        if not (side == "ktc" and name == "schemas")
    }


def shelf_of(side):
    """{module: number of its shelf}, from 1 at the ground."""
    return {name: n for n, names in enumerate(SIDES[side].values(), 1) for name in names.split()}


def drawing():
    """Every shelf, the highest first, with the modules of the shelves below that it stands on."""
    lines = []
    for side, shelves in SIDES.items():
        uses, there = imports(side), modules(side)
        lines.append(side)
        for n, (title, names) in reversed(list(enumerate(shelves.items(), 1))):
            own = [name for name in names.split() if name in there]
            lines += wrapped(f"  {n} {title:<13}", own)
            for k, below in reversed(list(enumerate(shelves, 1))[: n - 1]):
                used = sorted(set().union(*(uses.get(name, ()) for name in own)) & set(own_of(side, k)))
                if used:
                    lines += wrapped(f"      -> {below:<12} ", used)
        lines.append("")
    return "\n".join(lines[:-1])


def own_of(side, k):
    """The names on a shelf."""
    return [*SIDES[side].values()][k - 1].split()


def wrapped(head, words):
    """Lines of words, of 100 columns at most, under a head."""
    lines = [head]
    for word in words:
        if len(lines[-1]) + 1 + len(word) > 100:
            lines.append(" " * len(head))
        lines[-1] += f" {word}"
    return lines


def page(text):
    """architecture.md with the drawing as it is now."""
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n```text\n{drawing()}\n```\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    path = HERE / "architecture.md"
    path.write_text(page(path.read_text()))
