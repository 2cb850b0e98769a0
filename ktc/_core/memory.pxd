# The two ways in which kernels get memory: zeroed once, and grown from event to event. Both are freed with
# free().
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, realloc


# Zeroed memory for count values of size bytes, at least one; the system provides its pages when they are
# touched.
cdef inline void *allot(int64_t count, size_t size) except NULL:
    cdef void *p = calloc(max(count, <int64_t>1), size)
    if p == NULL:
        raise MemoryError(f"no memory for {count} values of {size} bytes")
    return p


# Give *array room for count values of size bytes, keeping what it holds.
cdef inline int resize(void **array, int64_t count, size_t size) except -1 nogil:
    cdef void *moved = realloc(array[0], count * size)
    if moved == NULL:
        with gil:
            raise MemoryError(f"no memory for {count} values of an event")
    array[0] = moved
    return 0
