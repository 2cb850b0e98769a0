"""Buffered descriptors: the only code of ktc that reads and writes. The picture of both buffers is in io.pxd.

Interrupted calls are resumed after Python has seen the signal, short reads and writes go on, an error keeps
its errno. A regular output file is written under a temporary name beside its place and renamed when
everything has succeeded, so that it appears complete or not at all; pipes and devices are written where they
are.
"""
import errno
import os
import stat

from cpython.buffer cimport (PyBUF_SIMPLE, PyBuffer_Release, PyObject_CheckBuffer,
                             PyObject_GetBuffer)
from cpython.exc cimport PyErr_CheckSignals
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.errno cimport EINTR
from libc.errno cimport errno as c_errno
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memmove

from ktc.errors import DataError, InputError, OutputError, ReaderGone, TruncatedError, UsageError, printable

cdef extern from "Python.h":
    int PyBUF_READ
    int PyBUF_WRITE

cdef extern from "descriptors.h" nogil:
    void set_binary "ktc_binary"(int fd)
    Py_ssize_t c_read "ktc_read"(int fd, void *data, size_t n)
    Py_ssize_t c_write "ktc_write"(int fd, const void *data, size_t n)
    void c_close "ktc_close"(int fd)

cdef size_t BUFFER = 1 << 18
cdef size_t START = 512                 # bytes of an input that tell whether it is text
# bytes that a pipe of Linux has room for, so that it takes a small output as a whole
cdef ptrdiff_t AT_ONCE = 1 << 16
STDIN, STDOUT = "standard input", "standard output"


def _is_path(obj):
    return isinstance(obj, (str, os.PathLike))


# Text where binary is wanted. ktc.headers is loaded when there may be some.

cdef bint may_be_text(bytes start) except? 0:
    return len(start) == 8 and all([byte >= 32 or byte in b"\t\r\n" for byte in start])


def refuse_csv(name, start):
    from ktc.headers import csv_of

    wrong = csv_of(start)
    if wrong:
        raise DataError(f"{name}: byte 0: {wrong}")


cdef str told_csv(bytes start, str converter, str name):
    from ktc.headers import told_csv as told

    return told(start, converter, name)


cdef class Borrowed:
    """Keeps an object's buffer exported for as long as this lives."""
    cdef Py_buffer view
    cdef bint held

    def __cinit__(self, obj):
        PyObject_GetBuffer(obj, &self.view, PyBUF_SIMPLE)
        self.held = True

    def __dealloc__(self):
        if self.held:
            PyBuffer_Release(&self.view)


cdef class Source:
    """Bytes to be read: standard input (None or "-"), a descriptor, a path, a file object, or anything with a
    buffer.

    A path is opened, and InputError raised if it cannot be. Memory is used where it lies.
    """

    def __cinit__(self, obj=None, str name=None):
        cdef Borrowed borrowed
        self.fd = -1
        if obj is None or (isinstance(obj, str) and obj == "-"):
            self.fd, self.name = 0, STDIN
        elif isinstance(obj, int):
            self.fd, self.name = obj, f"descriptor {obj}"
        elif _is_path(obj):
            path, self.name = os.fspath(obj), printable(os.fspath(obj))
            try:
                self.fd = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
            except OSError as error:
                raise InputError(f"{self.name}: cannot open: {error.strerror}") from None
            self.owns_fd = True
        elif PyObject_CheckBuffer(obj):
            borrowed = Borrowed(obj)
            self.exporter, self.name = borrowed, "memory"
            self.buf = <char *>borrowed.view.buf
            self.pos, self.end, self.drained = self.buf, self.buf + borrowed.view.len, True
        elif hasattr(obj, "read"):
            self.file, self.name = obj, str(getattr(obj, "name", "input"))
        else:
            raise TypeError(f"cannot read from {type(obj).__name__}; expected a path, a descriptor, a file "
                            f"or a buffer")
        if name is not None:
            self.name = name
        if self.fd >= 0:
            set_binary(self.fd)
        if self.exporter is None:
            self.size = BUFFER
            self.buf = <char *>malloc(self.size)
            if self.buf == NULL:
                raise MemoryError
            self.pos = self.end = self.buf

    def __dealloc__(self):
        if self.size:
            free(self.buf)
        if self.owns_fd and self.fd >= 0:
            c_close(self.fd)

    def close(self):
        """Release the descriptor now. What has been read stays readable."""
        self.drained = True
        if self.owns_fd and self.fd >= 0:
            fd, self.fd = self.fd, -1
            os.close(fd)

    def peek(self, size_t n):
        """The next n bytes, or what there is of them, without taking them."""
        cdef size_t have
        with nogil:
            have = self.ready(n)
        return self.pos[:min(n, have)]

    cdef int need(self, size_t n, const char *what) except -1 nogil:
        cdef size_t have = self.ready(n)
        if have < n:
            with gil:
                raise TruncatedError(
                    f"{self.name}: byte {self.offset() + have}: the input ends inside {what.decode()}: "
                    f"expected {n} bytes from "
                    f"byte {self.offset()}, found {have}{told_csv(self.start(), self.converter, self.name)}")
        return 0

    def start(self):
        """The first bytes of the input, of those that have been read."""
        return self.buf[:min(<Py_ssize_t>START, self.end - self.buf)] if self.head is None else self.head

    def refuse_csv(self, converter=None):
        """DataError if the input begins as a csv does that the registry has, as far as it has come. The
        Source.

        converter: the tool that makes such an input of csv, which the message of a later error names, too.
        """
        self.converter = converter
        with nogil:
            self.ready(1)
        start = self.start()
        if may_be_text(start[:8]):
            refuse_csv(self.name, start)
        return self

    cdef int fill(self, size_t least) except -1 nogil:
        cdef size_t unread = self.end - self.pos
        cdef char *moved
        cdef Py_ssize_t got
        if self.pos != self.buf:
            if self.head is None:
                with gil:
                    self.head = self.start()
            memmove(self.buf, self.pos, unread)
            self.base += self.pos - self.buf
            self.pos, self.end = self.buf, self.buf + unread
        if least > self.size:
            moved = <char *>realloc(self.buf, least)
            if moved == NULL:
                with gil:
                    raise MemoryError(f"{self.name}: byte {self.offset()}: no memory for {least} bytes")
            self.buf, self.size = moved, least
            self.pos, self.end = moved, moved + unread
        while unread < least and not self.drained:
            if self.file is not None:
                with gil:
                    got = self._read_file(self.size - unread)
            else:
                got = c_read(self.fd, self.buf + unread, self.size - unread)
            if got < 0:
                if c_errno == EINTR:
                    with gil:
                        PyErr_CheckSignals()
                    continue
                with gil:
                    raise InputError(f"{self.name}: byte {self.base + <int64_t>unread}: cannot read: "
                                     f"{os.strerror(c_errno)}")
            if got == 0:
                self.drained = True
            unread += got
            self.end = self.buf + unread
        with gil:                       # once per refill: Ctrl-C ends a long run
            PyErr_CheckSignals()
        return 0

    cdef Py_ssize_t _read_file(self, size_t room) except -2:
        cdef size_t unread = self.end - self.pos
        cdef bytes data
        if hasattr(self.file, "readinto"):
            got = self.file.readinto(PyMemoryView_FromMemory(self.buf + unread, room, PyBUF_WRITE))
            if got is None:
                raise InputError(f"{self.name}: a non-blocking file cannot be read here")
            return got
        chunk = self.file.read(room)
        if not isinstance(chunk, bytes):
            raise InputError(f"{self.name}: read() gave {type(chunk).__name__}, expected bytes: open it in "
                             f"binary mode")
        data = chunk
        if <size_t>len(data) > room:
            raise InputError(f"{self.name}: read({room}) gave {len(data)} bytes")
        memcpy(self.buf + unread, <const char *>data, len(data))
        return len(data)

    cdef int fail(self, int64_t offset, str message) except -1:
        likely = told_csv(self.start(), self.converter, self.name)
        raise DataError(f"{self.name}: byte {offset}: {message}{likely}")


cdef class Sink:
    """Bytes to be written: standard output (None or "-"), a descriptor, a path, or a file object. Use through
    Outputs.

    close() must be called, or nothing is promised to have been written; abort() leaves no file.
    """

    def __cinit__(self, obj=None, *, bint memory=False):
        self.fd = -1
        self.buf = <char *>malloc(BUFFER)
        if self.buf == NULL:
            raise MemoryError
        self.pos, self.end = self.buf, self.buf + BUFFER
        if memory:
            self.grows, self.name = True, "memory"
        elif obj is None or (isinstance(obj, str) and obj == "-"):
            self.fd, self.name = 1, STDOUT
        elif isinstance(obj, int):
            self.fd, self.name = obj, f"descriptor {obj}"
        elif _is_path(obj):
            self.name = printable(os.fspath(obj))
            if self.name == "/dev/stdout":
                self.fd, self.name = 1, STDOUT
            else:
                self._open(os.fspath(obj))
        elif hasattr(obj, "write"):
            self.file, self.name = obj, str(getattr(obj, "name", "output"))
        else:
            raise TypeError(f"cannot write to {type(obj).__name__}; expected a path, a descriptor or a file")
        if self.fd >= 0:
            set_binary(self.fd)

    @staticmethod
    def memory():
        """A sink that keeps everything; getvalue() has it."""
        return Sink(memory=True)

    def _open(self, name):
        flags = os.O_WRONLY | getattr(os, "O_CLOEXEC", 0)
        if not name:
            raise OutputError("an empty path cannot be written to")
        if name.startswith("/dev/fd/") and name[8:].isdigit():
            # a file that somebody else has open: its own place and mode count, so it is not opened anew
            self.fd = int(name[8:])
            return
        try:
            try:
                special = not stat.S_ISREG(os.stat(name).st_mode)
            except FileNotFoundError:
                special = False
            if special:
                self.fd = os.open(name, flags)
            else:
                path = os.path.realpath(name)
                folder, base = os.path.split(path)
                attempt = 0
                while self.fd < 0:
                    partial = os.path.join(folder, f".{base}.{os.getpid()}.{attempt}.partial")
                    try:
                        self.fd = os.open(partial, flags | os.O_CREAT | os.O_EXCL, 0o666)
                    except FileExistsError:
                        attempt += 1
                self.path, self.partial = path, partial
        except OSError as error:
            raise OutputError(f"{self.name}: cannot create: {error.strerror}") from None
        self.owns_fd = True

    def __dealloc__(self):
        free(self.buf)

    def __del__(self):
        if self.owns_fd and not self.done:
            self.abort()

    @property
    def place(self):
        """What only one stream may be written to: a regular file's path, standard output; None for anything
        else."""
        return STDOUT if self.fd == 1 else self.path

    @property
    def streams(self):
        """Whether bytes are gone for good once they are written: not a regular file that can still be
        withdrawn."""
        return self.partial is None

    def getvalue(self):
        """All bytes of a sink in memory."""
        if not self.grows:
            raise ValueError(f"{self.name} is not a sink in memory")
        return self.buf[:self.pos - self.buf]

    def take(self):
        """All bytes that a sink in memory has got since it was made or asked last."""
        taken = self.getvalue()
        self.pos = self.buf
        return taken

    cdef int make_room(self, size_t n) except -1 nogil:
        cdef size_t pending, size
        cdef char *moved
        if not self.grows:
            self.flush(False)
        if <size_t>(self.end - self.pos) < n:
            pending = self.pos - self.buf
            size = max(2 * <size_t>(self.end - self.buf) if self.grows else 0, pending + n)
            moved = <char *>realloc(self.buf, size)
            if moved == NULL:
                with gil:
                    raise MemoryError(f"{self.name}: no memory for {size} bytes")
            self.buf, self.pos, self.end = moved, moved + pending, moved + size
        return 0

    cdef int write_large(self, const char *data, size_t n) except -1 nogil:
        cdef size_t some
        while n:
            some = min(n, BUFFER)
            if <size_t>(self.end - self.pos) < some:
                # before, so that it is a byte of the records before that is kept
                self.make_room(some)
            memcpy(self.pos, data, some)
            self.pos += some
            data += some
            n -= some
        return 0

    cdef int flush(self, bint whole) except -1 nogil:
        cdef char *first = self.buf
        cdef char *last = self.pos - 1
        if self.grows or first > last:
            return 0
        if whole and self.pos - first <= AT_ONCE:
            self.put(first, self.pos)
        else:
            # A write that waits for room in a pipe is cut after one of the pipe's pages if the process is
            # killed. The words of a stream have 4 bytes: one by itself at either end, and no page ends with a
            # word.
            if self.base == 0 and first < last:
                first += 1
                self.put(self.buf, first)
            self.put(first, last)
            if whole:
                self.put(last, self.pos)
        self.pos = self.buf
        if not whole:
            self.pos[0] = last[0]
            self.pos += 1
        with gil:                       # once per flush: Ctrl-C ends a long run
            PyErr_CheckSignals()
        return 0

    cdef int put(self, char *p, char *end) except -1 nogil:
        cdef Py_ssize_t wrote
        while p < end:
            if self.file is not None:
                with gil:
                    wrote = self._write_file(p, end - p)
            else:
                wrote = c_write(self.fd, p, end - p)
            if wrote < 0:
                if c_errno == EINTR:
                    with gil:
                        PyErr_CheckSignals()
                    continue
                with gil:
                    self._fail(c_errno)
            p += wrote
            self.base += wrote
        return 0

    cdef Py_ssize_t _write_file(self, char *data, size_t n) except -2:
        try:
            wrote = self.file.write(PyMemoryView_FromMemory(data, n, PyBUF_READ))
        except OSError as error:
            self._fail(error.errno)
        return n if wrote is None else wrote

    cdef int _fail(self, number) except -1:
        self.pos = self.buf                         # what could not be written is not tried again
        if number == errno.EPIPE:
            raise ReaderGone(f"{self.name}: the reader has gone")
        raise OutputError(f"{self.name}: byte {self.base}: cannot write: {os.strerror(number or 0)}")

    def finish(self):
        """Hand everything to the descriptor."""
        with nogil:
            self.flush(True)

    def close(self):
        """Write what is pending, close, and let a regular file appear under its name. Errors raise
        OutputError."""
        if self.done:
            return
        try:
            self.finish()
            if self.fd >= 0:
                # Some file systems tell of a failed write only at close; standard output stays open for its
                # owner.
                fd, self.fd = (self.fd, -1) if self.owns_fd else (os.dup(self.fd), self.fd)
                os.close(fd)
            if self.partial is not None:
                os.replace(self.partial, self.path)
        except OutputError:
            self.abort()
            raise
        except OSError as error:
            self.abort()
            raise OutputError(f"{self.name}: cannot close: {error.strerror}") from None
        self.done = True

    def abort(self):
        """Give up: close, and remove what a regular file had so far."""
        if self.done:
            return
        self.done = True
        self.pos = self.buf
        if self.owns_fd and self.fd >= 0:
            fd, self.fd = self.fd, -1
            try:
                os.close(fd)
            except OSError:
                pass
        if self.partial is not None:
            try:
                os.unlink(self.partial)
            except OSError:
                pass


class Outputs:
    """The outputs of one run, as a context: all of them complete and in place at its end, or none if it
    fails.

    When the input was bad, what a pipe or a device was already due goes out: the events before the fault,
    which are whole.
    """

    def __init__(self):
        self._sinks, self._places = [], set()

    def open(self, target=None):
        """A Sink on target; a Sink given is used as it is and stays its owner's to close."""
        if isinstance(target, Sink):
            return target
        sink = Sink(target)
        self._sinks.append(sink)
        if sink.place in self._places:
            raise UsageError(f"{sink.place}: asked for as an output twice")
        if sink.place is not None:
            self._places.add(sink.place)
        return sink

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        try:
            if kind is None:
                for sink in self._sinks:
                    sink.finish()
                for sink in self._sinks:
                    sink.close()
            elif issubclass(kind, DataError):
                for sink in self._sinks:
                    if sink.streams:
                        try:
                            sink.finish()
                        except OutputError:
                            pass
        finally:
            for sink in self._sinks:
                sink.abort()
        return False


cdef class Mapped:
    """A whole file, mapped read-only, or a buffer: `data` and `size` for the kernels, shared by every thread.
    """

    def __cinit__(self, obj, str name=None):
        cdef Borrowed borrowed
        if _is_path(obj):
            self.name = printable(os.fspath(obj))
            obj = self._map(os.fspath(obj))
        elif PyObject_CheckBuffer(obj):
            self.name = "memory"
        else:
            raise TypeError(f"cannot map {type(obj).__name__}; expected a path or a buffer")
        if name is not None:
            self.name = name
        borrowed = Borrowed(obj)
        self.exporter = borrowed
        self.data, self.size = <const char *>borrowed.view.buf, borrowed.view.len
        if may_be_text(self.data[:min(self.size, <size_t>8)]):
            refuse_csv(self.name, self.data[:min(self.size, START)])

    def _map(self, path):
        import mmap

        try:
            fd = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
            try:
                if stat.S_ISREG(os.fstat(fd).st_mode):
                    # a mapping cannot be empty
                    return mmap.mmap(fd, 0, access=mmap.ACCESS_READ) if os.fstat(fd).st_size else b""
                with open(fd, "rb", closefd=False) as file:         # a pipe: there is nothing to map
                    return file.read()
            finally:
                os.close(fd)
        except OSError as error:
            raise InputError(f"{self.name}: cannot read: {error.strerror}") from None

    def __len__(self):
        return self.size

    def tobytes(self):
        """A copy of all of it."""
        return self.data[:self.size]

    cdef int fail(self, int64_t offset, str message, type error=DataError) except -1:
        likely = told_csv(self.data[:min(self.size, START)], None, self.name)
        raise error(f"{self.name}: byte {offset}: {message}{likely}")

    cdef int check_id(self, int64_t i, size_t size, int64_t n, int32_t id) except -1:
        cdef int64_t most = most_id(n)
        if id > most:
            self.fail(i * size,
                      f"record {i + 1}: an id of {id} in {n} records, expected ids up to {most}: from 1 on, "
                      "without large gaps")
        return 0

    cdef int64_t records(self, size_t size, str what=None, int64_t header=0, str note="") except -1:
        cdef int64_t rest = <int64_t>self.size - header
        cdef int64_t n = rest // <int64_t>size
        if rest < 0:
            self.fail(0, f"the file ends inside its header: expected {header} bytes, found {self.size}",
                      TruncatedError)
        if rest != n * <int64_t>size:
            self.fail(header + n * <int64_t>size,
                      f"the file ends inside {what or f'record {n + 1}'}: expected {size} "
                      f"bytes{note}, found {rest - n * <int64_t>size}", TruncatedError)
        return n

    cdef int64_t records_before_padding(self, size_t size) except -1:
        cdef int64_t n = self.records(size, "a record")
        while n and is_zero(self.data + (n - 1) * <int64_t>size, size):
            n -= 1
        return n


def write_all(Sink sink, bytes data):
    """Bytes to a sink as they are."""
    sink.write(<const char *>data, len(data))
