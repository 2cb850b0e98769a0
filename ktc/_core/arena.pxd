# What owns the arrays of a kernel, or of a function, and frees them with itself; a kernel has plain pointers
# to them. Apart from memory.pxd, whose functions need no module when a program starts.
cimport cython
from libc.stdint cimport int64_t


# Before the first value of an array of a Memory.
cdef struct Link:
    Link *next
    Link *previous


@cython.final
cdef class Memory:
    cdef Link arrays                # a ring, through here

    # Zeroed memory for count values of size bytes.
    cdef void *allot(self, int64_t count, size_t size) except NULL nogil
    cdef void take_in(self, Link *link) noexcept nogil
    # Give *array, NULL or one of this Memory, room for count values of size bytes, keeping what it holds.
    cdef int resize(self, void **array, int64_t count, size_t size) except -1 nogil
