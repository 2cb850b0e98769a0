/* Descriptors of POSIX and of Windows, whose C library takes and gives ints. */
#ifndef KTC_DESCRIPTORS_H
#define KTC_DESCRIPTORS_H
#include <errno.h>
#include <stddef.h>
#include <stdint.h>

/* As many bytes as one call is asked for: macOS refuses 2**31 and more, and so cannot Windows' int say them. */
static inline size_t ktc_at_once(size_t n) { return n < (size_t)1 << 30 ? n : (size_t)1 << 30; }

#if defined(_WIN32)
#include <fcntl.h>
#include <io.h>
#include <stdlib.h>

/* A descriptor that is not open is an error to be told, not the end of the process as the C library has it. */
static inline void ktc_go_on(const wchar_t *what, const wchar_t *function, const wchar_t *file, unsigned line, uintptr_t unused) {
    (void)what, (void)function, (void)file, (void)line, (void)unused;
}

#define KTC_GOING_ON(call) do { \
        _invalid_parameter_handler before = _set_thread_local_invalid_parameter_handler(ktc_go_on); \
        call; \
        _set_thread_local_invalid_parameter_handler(before); \
    } while (0)

/* Text mode, which descriptors may be in, changes line ends and stops at a Ctrl-Z. */
static inline void ktc_binary(int fd) { KTC_GOING_ON(_setmode(fd, _O_BINARY)); }

static inline ptrdiff_t ktc_read(int fd, void *data, size_t n) {
    int got;
    KTC_GOING_ON(got = _read(fd, data, (unsigned)ktc_at_once(n)));
    return got;
}

static inline ptrdiff_t ktc_write(int fd, const void *data, size_t n) {
    int wrote;
    KTC_GOING_ON(wrote = _write(fd, data, (unsigned)ktc_at_once(n)));
    if (wrote < 0 && _doserrno == 232)          /* ERROR_NO_DATA, a pipe whose reader has gone, comes as EINVAL */
        errno = EPIPE;
    return wrote;
}

static inline void ktc_close(int fd) { KTC_GOING_ON(_close(fd)); }
#else
#include <unistd.h>

static inline void ktc_binary(int fd) { (void)fd; }
static inline ptrdiff_t ktc_read(int fd, void *data, size_t n) { return read(fd, data, ktc_at_once(n)); }
static inline ptrdiff_t ktc_write(int fd, const void *data, size_t n) { return write(fd, data, ktc_at_once(n)); }
static inline void ktc_close(int fd) { close(fd); }
#endif
#endif
