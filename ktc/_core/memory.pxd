# The two ways in which kernels get memory: zeroed once, and grown from event to event. It is freed with
# free(), or by an arena's Memory, which owns arrays of both kinds.
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


# Whether `needed` values are more than there is room for; if so, there is to be room for twice as many as
# before, and for `spare` more than are needed at least.
cdef inline bint outgrown(int64_t *room, int64_t needed, int64_t spare) noexcept nogil:
    if needed <= room[0]:
        return False
    room[0] = max(2 * room[0], needed + spare)
    return True
