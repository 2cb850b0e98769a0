"""The kernels. Some modules are there several times, built for newer instruction sets as well: one folder each, such as
x86_64_v4/, which stands before this one where the processor has that set.

KTC_INSTRUCTION_SET in the environment asks for another one; results are the same with all.
"""
import os

from ..errors import UsageError
from . import machine

VARIABLE = "KTC_INSTRUCTION_SET"


def choose(wanted=None):
    """The instruction set to be used, of those that the processor has, and the folder of its own modules, if there are any.

    wanted: its name, instead of the newest one. Raises UsageError if the processor does not have it.
    """
    if wanted is not None and wanted not in machine.INSTRUCTION_SETS:
        raise UsageError(f"{VARIABLE} is {wanted!r}, expected one of this machine's: {', '.join(machine.INSTRUCTION_SETS)}")
    for name in machine.INSTRUCTION_SETS if wanted is None else (wanted,):
        folder = os.path.join(os.path.dirname(__file__), name.replace("-", "_"))
        if os.path.isdir(folder):
            return name, folder
    return name, None


INSTRUCTION_SET, _folder = choose(os.environ.get(VARIABLE))
if _folder is not None:
    __path__.insert(0, _folder)
