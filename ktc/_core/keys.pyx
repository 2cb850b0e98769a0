"""Sets of ids, or of pairs of ids of 32 bits (first << 32 | second): which ids a table has, and which of them
others use.

9 to 24 bytes for an id, whatever the ids are.
"""
cimport cython
from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport calloc, free


cdef int allocate(KeySet *set, uint64_t room) except -1 nogil:
    set.slot = <uint64_t *>calloc(room, sizeof(uint64_t))
    set.state = <uint8_t *>calloc(room, 1)
    set.room, set.used = room, 0
    if set.slot == NULL or set.state == NULL:
        with gil:
            raise MemoryError(f"no memory for {room} ids")
    return 0


cdef int grow(KeySet *set) except -1 nogil:
    cdef KeySet old = set[0]
    cdef uint64_t i, at
    set.slot, set.state = NULL, NULL
    try:
        allocate(set, 2 * old.room)
        for i in range(old.room):
            if old.state[i] != EMPTY:
                at = place_of(set, old.slot[i])
                set.slot[at], set.state[at] = old.slot[i], old.state[i]
        set.used = old.used
    finally:
        free(old.slot)
        free(old.state)
    return 0


cdef int add_key(KeySet *set, uint64_t key) except -1 nogil:
    cdef uint64_t i = place_of(set, key)
    if set.state[i] != EMPTY:
        return False
    if 4 * (set.used + 1) > 3 * set.room:
        grow(set)
        i = place_of(set, key)
    set.slot[i], set.state[i] = key, THERE
    set.used += 1
    return True


@cython.final
cdef class Keys:
    """A set of ids."""

    def __cinit__(self):
        allocate(&self.set, 1 << 10)

    def __dealloc__(self):
        free(self.set.slot)
        free(self.set.state)

    def __len__(self):
        return self.set.used

    def update(self, Keys other not None):
        """Add the ids of other."""
        cdef uint64_t i
        with nogil:
            for i in range(other.set.room):
                if other.set.state[i] != EMPTY:
                    add_key(&self.set, other.set.slot[i])

    def unused(self, Py_ssize_t most):
        """(how many ids nobody asked for, the `most` smallest of them)."""
        from heapq import nsmallest

        cdef uint64_t i
        cdef Py_ssize_t n = 0
        for i in range(self.set.room):
            n += self.set.state[i] == THERE
        return n, nsmallest(most, self)

    def __iter__(self):
        """The ids that nobody asked for, in no order."""
        cdef uint64_t i
        for i in range(self.set.room):
            if self.set.state[i] == THERE:
                yield self.set.slot[i]
