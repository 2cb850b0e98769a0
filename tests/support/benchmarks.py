"""The modules of benchmarks/ that tests use."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import startup  # noqa: F401
