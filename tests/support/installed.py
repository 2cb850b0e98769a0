"""Where the programs lie that the tests run: ktc's scripts, and ktools 3.12.4's where they are installed."""

import os
import sys
from pathlib import Path

SCRIPTS = Path(sys.executable).parent


def oracle_folder():
    """The folder of the oracle's programs: KTC_ORACLE, else none."""
    folder = os.environ.get("KTC_ORACLE")
    return Path(folder) if folder and (Path(folder) / "gulcalc").exists() else None
