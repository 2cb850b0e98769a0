"""What owns the arrays of a kernel, or of a function; see arena.pxd."""
cimport cython
from libc.stddef cimport size_t
from libc.stdint cimport SIZE_MAX
from libc.stdlib cimport calloc, free, realloc


# The bytes of an array and its link; SIZE_MAX when they are more than there can be.
cdef inline size_t bytes_of(int64_t count, size_t size) noexcept nogil:
    cdef size_t most = (SIZE_MAX // 2 - sizeof(Link)) // size
    return sizeof(Link) + <size_t>count * size if <size_t>count <= most else SIZE_MAX


@cython.final
cdef class Memory:
    """Arrays that are freed when this is."""

    def __cinit__(self):
        self.arrays.next = self.arrays.previous = &self.arrays

    def __dealloc__(self):
        cdef Link *link = self.arrays.next
        cdef Link *next
        while link != &self.arrays:
            next = link.next
            free(link)
            link = next

    cdef void *allot(self, int64_t count, size_t size) except NULL nogil:
        cdef Link *link = <Link *>calloc(1, bytes_of(count, size))
        if link == NULL:
            with gil:
                raise MemoryError(f"no memory for {count} values of {size} bytes")
        self.take_in(link)
        return link + 1

    cdef int resize(self, void **array, int64_t count, size_t size) except -1 nogil:
        cdef Link *link = NULL if array[0] == NULL else <Link *>array[0] - 1
        cdef Link *moved = <Link *>realloc(link, bytes_of(count, size))
        if moved == NULL:
            with gil:
                raise MemoryError(f"no memory for {count} values of an event")
        if link == NULL:
            self.take_in(moved)
        else:                                       # its neighbours lead to where it was
            moved.next.previous = moved.previous.next = moved
        array[0] = moved + 1
        return 0

    cdef void take_in(self, Link *link) noexcept nogil:
        link.next, link.previous = self.arrays.next, &self.arrays
        link.next.previous = self.arrays.next = link
