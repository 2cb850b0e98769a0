"""The flags of code objects that Cython's modules ask `inspect` for where they are built for the stable ABI
(see setup.py). They are part of CPython's interface (Include/cpython/code.h); a test holds them against
inspect."""

CO_OPTIMIZED = 0x1
CO_NEWLOCALS = 0x2
CO_VARARGS = 0x4
CO_VARKEYWORDS = 0x8
CO_GENERATOR = 0x20
CO_COROUTINE = 0x80
CO_ASYNC_GENERATOR = 0x200
