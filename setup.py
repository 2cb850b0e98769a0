"""Build: Cython modules with flags that keep results exact, and the scripts of the tools that the registry
names.

KTC_DEBUG=1 builds with line tracing, Cython's bounds checks, and traps for what C leaves undefined (overflow
of signed integers, shifts, conversions that do not fit, misuse of buffers whose size the compiler knows):
such a step ends the process with SIGILL. KTC_ONLY=a,b builds only those modules of ktc/_core. KTC_ABI3=1
builds for CPython 3.12 and every later version at once, where this is such a one (and has a GIL;
free-threaded builds have no stable ABI before 3.15).
"""

import os
import sys
import sysconfig

# isort: skip  (setuptools' own, which has none but this)
from distutils.command.build_scripts import build_scripts
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from ktc import _records  # noqa: E402
from ktc.schemas import TOOLS  # noqa: E402

DEBUG = os.environ.get("KTC_DEBUG") == "1"
ABI3_MINOR = 12
ABI3 = (
    os.environ.get("KTC_ABI3") == "1"
    and not DEBUG
    and sys.version_info >= (3, ABI3_MINOR)
    and not sysconfig.get_config_var("Py_GIL_DISABLED")
)
ONLY = {name for name in os.environ.get("KTC_ONLY", "").split(",") if name}

# Results are ktools' bytes: no contraction into fused operations, nothing that reorders or relaxes floating
# point. (That no operation traps changes no value, and lets the compiler work out both sides of a condition
# for several lanes.)
FLAGS = ["/O2", "/fp:precise", "/std:c11"]
if os.name == "posix":
    FLAGS = ["-ffp-contract=off", "-fno-math-errno"]
    # -O1: without optimisation the compiler does not know the sizes that it is to guard; -g1: lines, which
    # are what a trap needs
    FLAGS += (
        [
            "-O1",
            "-g1",
            "-fno-wrapv",
            "-fsanitize=undefined,float-cast-overflow",
            "-fsanitize-undefined-trap-on-error",
            "-U_FORTIFY_SOURCE",
            "-D_FORTIFY_SOURCE=2",
        ]
        if DEBUG
        else ["-O3", "-g0", "-fno-trapping-math"]
    )
# Loops over the lanes of a block become vector instructions; left alone, gcc unrolls them first and then
# cannot.
PEEL = ["--param=max-completely-peel-times=8"]
LANES = {"fmcalc": PEEL, "fmevent": PEEL} if sys.platform == "linux" else {}
# Modules that are also built for a newer instruction set, which ktc._core chooses at run time: those that
# gained by it.
NEWER = {
    "x86-64-v4": ("allocation", "damage", "fmcalc", "fmevent", "fmrules", "gulcalc", "mersenne", "sampling"),
    "x86-64-v3": ("damage", "fmevent", "mersenne"),
}
MODULES = {path.stem for path in (HERE / "ktc" / "_core").glob("*.pyx")}
assert {*LANES, *sum(NEWER.values(), ())} <= MODULES, "LANES or NEWER names a module that is not there"
NEWER = NEWER if sysconfig.get_platform() == "linux-x86_64" and not DEBUG else {}
MACROS = [("CYTHON_TRACE_NOGIL", "1")] if DEBUG else []
if ABI3:
    MACROS += [("Py_LIMITED_API", f"0x03{ABI3_MINOR:02x}0000")]
JOBS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def extension(name, source, flags):
    """The module ktc._core.<name> of one .pyx or .c file."""
    return Extension(
        f"ktc._core.{name}",
        [str(source)],
        extra_compile_args=FLAGS + LANES.get(Path(source).stem, []) + flags,
        define_macros=MACROS,
        include_dirs=["ktc/_core"],
        py_limited_api=ABI3,
        depends=[f"ktc/_core/{name}.h" for name in ("records", "build", "compilers", "descriptors")],
    )


os.chdir(HERE)
_records.write(HERE / "ktc" / "_core")
_records.write_changed(
    HERE / "ktc" / "_core" / "build.h",
    (
        f'#define KTC_FLAGS "{" ".join(FLAGS)}"',
        f'#define KTC_NEWER "{" ".join(NEWER)}"',
        f"#define KTC_ABI3_MINOR {ABI3_MINOR}",
    ),
)
extensions = cythonize(
    [
        extension(path.stem, path, [])
        for path in sorted(Path("ktc/_core").glob("*.pyx"))
        if not ONLY or path.stem in ONLY
    ],
    build_dir="build",
    nthreads=JOBS,
    compiler_directives={
        "language_level": 3,
        "boundscheck": DEBUG,
        "wraparound": False,
        "initializedcheck": DEBUG,
        "cdivision": True,
        "linetrace": DEBUG,
        "embedsignature": True,
        "freethreading_compatible": True,
    },
)
if ABI3:
    # A module for the stable ABI asks `inspect` for the flags of code objects, when it is loaded; importing
    # that takes longer than all that a stage does before it works, so it asks a module of ours that has them.
    for each in extensions:
        source = Path(each.sources[0])
        code = source.read_text()
        ours = code.replace(
            'PyImport_ImportModule("inspect")', 'PyImport_ImportModule("ktc._core.codeflags")'
        )
        if ours != code:
            source.write_text(ours)
# The same C once more, into a folder that an editable installation wants to find. It is a file of its own, as
# compilers of both run side by side and an object lies where its source does.
for name, modules in NEWER.items():
    folder = name.replace("-", "_")
    Path("ktc", "_core", folder).mkdir(exist_ok=True)
    Path("build", folder).mkdir(parents=True, exist_ok=True)
    for each in [
        each for each in extensions if Path(each.sources[0]).stem in modules and "." not in each.name[10:]
    ]:
        source = Path(each.sources[0])
        again = Path("build", folder, source.name)
        if not again.exists() or again.read_bytes() != source.read_bytes():
            again.write_bytes(source.read_bytes())
        extensions.append(extension(f"{folder}.{source.stem}", again, [f"-march={name}"]))

# On Linux, where pipelines start some fifty programs, the tools' scripts are files of the wheel: those that
# an installer writes for entry points import `re`, which takes as long as all that a stage needs. An
# installer puts the path of its interpreter in place of "python"; that fails where it has blanks, which entry
# points have a way round. Garbage is not looked for before the work begins (ktc.cli.run), nor when it is
# done.
LAUNCHER = """#!python
import gc
import sys

gc.disable()
from ktc.cli import main

status = main()
gc.freeze()
sys.exit(status)
"""
SCRIPTS = sorted(TOOLS) if sys.platform == "linux" else []
ENTRY_POINTS = ["ktc = ktc.cli:main"] + [
    f"{name} = ktc.cli:main" for name in sorted(TOOLS) if name not in SCRIPTS
]


class Launchers(build_scripts):
    """Writes the scripts of the tools; there are no files that they would be copied from."""

    def get_source_files(self):
        return []

    def copy_scripts(self):
        folder = Path(self.build_dir)
        folder.mkdir(parents=True, exist_ok=True)
        for name in self.scripts:
            (folder / name).write_text(LAUNCHER)
            (folder / name).chmod(0o755)
        return [str(folder / name) for name in self.scripts], []


setup(
    ext_modules=extensions,
    scripts=SCRIPTS,
    cmdclass={"build_scripts": Launchers},
    entry_points={"console_scripts": ENTRY_POINTS},
    options={
        "build_ext": {"parallel": JOBS},
        "bdist_wheel": {"py_limited_api": f"cp3{ABI3_MINOR}"} if ABI3 else {},
    },
    zip_safe=False,
)
