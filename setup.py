"""Build: Cython modules with flags that keep results exact, and the console scripts that the registry names.

KTC_DEBUG=1 builds with line tracing, Cython's bounds checks, and traps for what C leaves undefined (overflow of signed integers,
shifts, conversions that do not fit, misuse of buffers whose size the compiler knows): such a step ends the process with
SIGILL. KTC_ONLY=a,b builds only those modules of ktc/_core.
"""
import os
import sys
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from ktc import _records  # noqa: E402
from ktc.schemas import TOOLS  # noqa: E402

DEBUG = os.environ.get("KTC_DEBUG") == "1"
ONLY = {name for name in os.environ.get("KTC_ONLY", "").split(",") if name}

# Results are ktools' bytes: no contraction into fused operations, nothing that reorders or relaxes floating point. (That
# no operation traps changes no value, and lets the compiler work out both sides of a condition for several lanes.)
FLAGS = ["/O2", "/fp:precise"]
if os.name == "posix":
    FLAGS = ["-ffp-contract=off", "-fno-math-errno"]
    # -O1: without optimisation the compiler does not know the sizes that it is to guard
    FLAGS += ["-O1", "-g", "-fno-wrapv", "-fsanitize=undefined,float-cast-overflow", "-fsanitize-undefined-trap-on-error",
              "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2"] if DEBUG else ["-O3", "-g0", "-fno-trapping-math"]
# Loops over the lanes of a block become vector instructions; left alone, gcc unrolls them first and then cannot.
LANES = {"fmcalc": ["--param=max-completely-peel-times=8"]} if os.name == "posix" else {}
MACROS = [("CYTHON_TRACE_NOGIL", "1")] if DEBUG else []
JOBS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()

os.chdir(HERE)
_records.write(HERE / "ktc" / "_core")
extensions = [
    Extension(f"ktc._core.{path.stem}", [f"ktc/_core/{path.name}"], extra_compile_args=FLAGS + LANES.get(path.stem, []),
              define_macros=MACROS,
              include_dirs=["ktc/_core"], depends=["ktc/_core/records.h"])
    for path in sorted(Path("ktc/_core").glob("*.pyx")) if not ONLY or path.stem in ONLY
]

setup(
    ext_modules=cythonize(extensions, build_dir="build", nthreads=JOBS, compiler_directives={
        "language_level": 3, "boundscheck": DEBUG, "wraparound": False, "initializedcheck": DEBUG, "cdivision": True,
        "linetrace": DEBUG, "embedsignature": True, "freethreading_compatible": True}),
    entry_points={"console_scripts": ["ktc = ktc.cli:main"] + [f"{name} = ktc.cli:main" for name in sorted(TOOLS)]},
    options={"build_ext": {"parallel": JOBS}},
    zip_safe=False,
)
