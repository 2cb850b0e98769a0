# Sets of ids, or of pairs of ids, of any size.
from libc.stdint cimport uint8_t, uint64_t


# Open addressing: a key lies at the first free place from its own on. Three quarters are in use at most.
cdef struct KeySet:
    uint64_t *slot
    uint8_t *state                  # of each place: EMPTY, THERE, FOUND
    uint64_t room                   # places: a power of two
    uint64_t used


cdef enum:
    EMPTY, THERE, FOUND             # FOUND: somebody asked for it


# Where a key lies, or would.
cdef inline uint64_t place_of(const KeySet *set, uint64_t key) noexcept nogil:
    cdef uint64_t mask = set.room - 1
    cdef uint64_t i = key * <uint64_t>0x9E3779B97F4A7C15
    i = (i ^ i >> 32) & mask
    while set.state[i] != EMPTY and set.slot[i] != key:
        i = (i + 1) & mask
    return i


# Whether the key is there; if so, it counts as found from now on.
cdef inline bint find_key(KeySet *set, uint64_t key) noexcept nogil:
    cdef uint64_t i = place_of(set, key)
    if set.state[i] == EMPTY:
        return False
    set.state[i] = FOUND
    return True


# Whether the key is new.
cdef int add_key(KeySet *set, uint64_t key) except -1 nogil


cdef class Keys:
    cdef KeySet set
