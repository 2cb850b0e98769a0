"""The kernels. Some modules exist several times, built for newer instruction sets as well: one folder
each, such as x86_64_v4/, which stands before this one where the processor has that set.

KTC_INSTRUCTION_SET in the environment asks for another one; results are the same with all.
"""

from __future__ import annotations

import os

from ..errors import UsageError
from . import machine

VARIABLE = "KTC_INSTRUCTION_SET"


def choose(wanted: str | None = None) -> tuple[str, str | None]:
    """The instruction set to be used, of those that this build and the processor have, and the folder of its
    own modules, or None.

    wanted: its name, instead of the newest one. Raises UsageError if this build or processor lacks it.
    """
    name = machine.INSTRUCTION_SETS[0] if wanted is None else wanted
    if name not in machine.INSTRUCTION_SETS:
        raise UsageError(
            f"{VARIABLE} is {name!r}, expected one that this build and this machine have: "
            f"{', '.join(machine.INSTRUCTION_SETS)}"
        )
    if name == machine.INSTRUCTION_SETS[-1]:
        return name, None
    return name, os.path.join(os.path.dirname(__file__), name.replace("-", "_"))


INSTRUCTION_SET, _folder = choose(os.environ.get(VARIABLE))
if _folder is not None:
    __path__.insert(0, _folder)
