# Buffered descriptors: the only code of ktc that reads and writes.
#
# A Source hands out bytes in place:
#
#     buf                pos              end            buf + size
#      |--- consumed -----|--- unread -----|--- unfilled ---|
#
# offset of the byte at pos in the whole input = base + (pos - buf). A Source over memory (bytes, an array, a
# mapped file) is the same picture with everything unread and no room to fill.
#
# A Sink collects bytes in place:
#
#     buf                pos              end
#      |--- pending ------|--- room -------|
#
# offset of the next byte in the whole output = base + (pos - buf).
#
# The last byte of what a full buffer gives out stays behind, as the first one pending, until more follows or
# the output is finished. So what a process that is killed has written ends inside a record, and its reader
# sees that it is cut.
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy


cdef class Source:
    cdef readonly str name          # what messages call it: a path, or "standard input"
    cdef const char *pos
    cdef const char *end
    cdef char *buf
    cdef size_t size                # bytes allocated at buf; 0 when the memory is not ours
    cdef int64_t base               # offset of buf[0] in the whole input
    cdef int fd                     # -1 when there is none
    cdef bint owns_fd
    cdef bint drained               # nothing will come after end
    cdef object file                # a Python object with readinto or read, or None
    cdef object exporter            # what keeps borrowed memory alive, or None
    cdef public str converter       # the tool that makes such an input of csv, or None
    cdef bytes head                 # how the input begins, where that has left the buffer

    # Offset of the next unread byte.
    cdef inline int64_t offset(self) noexcept nogil:
        return self.base + (self.pos - self.buf)

    # The next n bytes, contiguous, consumed. Fewer than n left: TruncatedError naming the offset and `what`.
    cdef inline const char *take(self, size_t n, const char *what) except NULL nogil:
        cdef const char *p
        if <size_t>(self.end - self.pos) < n:
            self.need(n, what)
        p = self.pos
        self.pos += n
        return p

    # How many bytes lie ready at pos, after reading when fewer than `least` do; less than `least` only at the
    # end of input.
    cdef inline size_t ready(self, size_t least) except? 0 nogil:
        if <size_t>(self.end - self.pos) < least and not self.drained:
            self.fill(least)
        return self.end - self.pos

    # Raise TruncatedError unless n bytes lie ready at pos.
    cdef int need(self, size_t n, const char *what) except -1 nogil
    # Read until `least` bytes lie ready at pos or the input ends.
    cdef int fill(self, size_t least) except -1 nogil
    # Raise DataError: "<name>: byte <offset>: <message>".
    cdef int fail(self, int64_t offset, str message) except -1
    cdef Py_ssize_t _read_file(self, size_t room) except -2


cdef class Sink:
    cdef readonly str name
    cdef char *pos
    cdef char *end
    cdef char *buf
    cdef int64_t base               # bytes already handed to the descriptor
    cdef int fd
    cdef bint owns_fd
    cdef bint done                  # closed or aborted
    cdef object file                # a Python object with write, or None
    cdef bint grows                 # a Sink in memory: it is never flushed, getvalue() has it all
    cdef str path                   # where a regular file appears at close, or None
    cdef str partial                # its temporary name until then

    cdef inline int64_t offset(self) noexcept nogil:
        return self.base + (self.pos - self.buf)

    # Room for n bytes at the returned pointer. The caller fills some of it and adds what it used to self.pos.
    cdef inline char *reserve(self, size_t n) except NULL nogil:
        if <size_t>(self.end - self.pos) < n:
            self.make_room(n)
        return self.pos

    cdef inline int write(self, const void *data, size_t n) except -1 nogil:
        if <size_t>(self.end - self.pos) < n:
            return self.write_large(<const char *>data, n)
        memcpy(self.pos, data, n)
        self.pos += n
        return 0

    cdef int make_room(self, size_t n) except -1 nogil
    cdef int write_large(self, const char *data, size_t n) except -1 nogil
    # Write what is pending; unless it is the whole that there is to come, without its last byte.
    cdef int flush(self, bint whole) except -1 nogil
    cdef int put(self, char *p, char *end) except -1 nogil
    cdef Py_ssize_t _write_file(self, char *data, size_t n) except -2
    cdef int _fail(self, number) except -1


# Whether a record is nothing but zeros: padding, where 0 is not an id.
cdef inline bint is_zero(const char *record, int64_t size) noexcept nogil:
    cdef int64_t k
    for k in range(size):
        if record[k]:
            return False
    return True


# A whole file or buffer of fixed records, read-only, shared by every thread that wants it.
cdef class Mapped:
    cdef readonly str name
    cdef const char *data
    cdef size_t size                # bytes
    cdef object exporter
    # Raise `error`: "<name>: byte <offset>: <message>".
    cdef int fail(self, int64_t offset, str message, type error=*) except -1
    # DataError unless the id of record i of n (of size bytes) can be a place in a table that is made for it.
    cdef int check_id(self, int64_t i, size_t size, int64_t n, int32_t id) except -1
    # How many records of size bytes lie after the header; TruncatedError unless they are whole. what: a
    # record, in messages.
    cdef int64_t records(self, size_t size, str what=*, int64_t header=*, str note=*) except -1
    # The same without the padding at the end.
    cdef int64_t records_before_padding(self, size_t size) except -1


# The highest id of n records where memory or output follows it: beyond 2^24 there must be a record for
# every 64 ids.
cdef inline int64_t most_id(int64_t n) noexcept nogil:
    return max(<int64_t>1 << 24, 64 * n)
