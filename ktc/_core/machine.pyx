"""How this build was made, and which instruction sets it and the processor have.

build.h, written by setup.py, has the flags of the build, and the sets that some modules were built for once
more.
"""
cdef extern from *:
    """
    #include "build.h"
    #define KTC_TEXT(x) KTC_WORD(x)
    #define KTC_WORD(x) #x
    #if defined(__clang__)
      #define KTC_COMPILER "clang " __clang_version__
    #elif defined(__GNUC__)
      #define KTC_COMPILER "gcc " __VERSION__
    #elif defined(_MSC_VER)
      #define KTC_COMPILER "MSVC " KTC_TEXT(_MSC_VER)
    #else
      #define KTC_COMPILER "an unknown compiler"
    #endif
    #if defined(Py_LIMITED_API)
      #define KTC_INTERPRETER "CPython 3." KTC_TEXT(KTC_ABI3_MINOR) " and later"
    #elif defined(Py_GIL_DISABLED)
      #define KTC_VERSION KTC_TEXT(PY_MAJOR_VERSION) "." KTC_TEXT(PY_MINOR_VERSION)
      #define KTC_INTERPRETER "CPython " KTC_VERSION ", free-threaded"
    #else
      #define KTC_INTERPRETER "CPython " KTC_TEXT(PY_MAJOR_VERSION) "." KTC_TEXT(PY_MINOR_VERSION)
    #endif

    #if defined(__x86_64__) || defined(_M_X64)
      #define KTC_BASE "x86-64"
    #elif defined(__aarch64__) || defined(_M_ARM64)
      #define KTC_BASE "aarch64"
    #else
      #define KTC_BASE "the compiler's"
    #endif

    /* x86-64-v3 and v4 as the psABI has them; every processor with these has the rest. */
    #if defined(__x86_64__) && defined(__GNUC__)
    static int ktc_has_v3(void) {
        __builtin_cpu_init();
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
            && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
    }

    static int ktc_has_v4(void) {
        return ktc_has_v3() && __builtin_cpu_supports("avx512f")
            && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd")
            && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    }
    #else
    static int ktc_has_v3(void) { return 0; }
    static int ktc_has_v4(void) { return 0; }
    #endif
    """
    const char *KTC_FLAGS
    const char *KTC_NEWER
    const char *KTC_COMPILER
    const char *KTC_INTERPRETER
    const char *KTC_BASE
    bint ktc_has_v3() nogil
    bint ktc_has_v4() nogil

FLAGS, COMPILER, INTERPRETER = KTC_FLAGS.decode(), KTC_COMPILER.decode().strip(), KTC_INTERPRETER.decode()
# The newest first; the last is what all modules are built for.
_HAS = {"x86-64-v3": ktc_has_v3(), "x86-64-v4": ktc_has_v4()}
INSTRUCTION_SETS = tuple(name for name in KTC_NEWER.decode().split() if _HAS[name]) + (KTC_BASE.decode(),)
