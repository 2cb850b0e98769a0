"""ktc/__init__.pyi from the names in ktc/__init__.py, which type checkers cannot follow: `python .ci/stub.py`
writes it anew, `python .ci/stub.py --check` fails where it is out of date. Needs no build.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
STUB = ROOT / "ktc" / "__init__.pyi"


def text():
    """The stub: every module and every name, imported under its own name, which makes it public."""
    import ktc

    lines = ["# Written by `python .ci/stub.py`"]
    lines += [f"from . import {name} as {name}" for name in sorted({*ktc._HOME, "schemas"} - {"_version"})]
    for module, names in sorted(ktc._HOME.items()):
        lines += [f"from .{module} import {name} as {name}" for name in sorted(names)]
    listed = "".join(f'    "{name}",\n' for name in ktc.__all__)
    return "\n".join(lines) + f"\n\n__all__ = [\n{listed}]\n"


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    if sys.argv[1:] != ["--check"]:
        STUB.write_text(text())
    elif STUB.read_text() != text():
        sys.exit(f"{STUB.relative_to(ROOT)} is not what ktc/__init__.py says: run python .ci/stub.py")
