# Ids numbered 0, 1, 2, ... in the order in which they are first added: open addressing, no more than half
# full. The numbers do not depend on the hash.
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memset

cdef enum:
    FIRST_BITS = 6


cdef struct Numbers:
    int32_t *slot                   # number + 1, or 0
    uint64_t *id                    # by number
    int64_t n
    int bits                        # there are 2^bits slots


# The number of an id, or -1.
cdef inline int32_t find_number(const Numbers *numbers, uint64_t id) noexcept nogil:
    cdef uint64_t mask = (<uint64_t>1 << numbers.bits) - 1
    cdef uint64_t at = (id * <uint64_t>0x9E3779B97F4A7C15ULL) >> (64 - numbers.bits)
    while numbers.slot[at]:
        if numbers.id[numbers.slot[at] - 1] == id:
            return numbers.slot[at] - 1
        at = (at + 1) & mask
    return -1


# Put a number into the first free slot from its id's own on.
cdef inline void settle_number(Numbers *numbers, int64_t number) noexcept nogil:
    cdef uint64_t mask = (<uint64_t>1 << numbers.bits) - 1
    cdef uint64_t at = (numbers.id[number] * <uint64_t>0x9E3779B97F4A7C15ULL) >> (64 - numbers.bits)
    while numbers.slot[at]:
        at = (at + 1) & mask
    numbers.slot[at] = <int32_t>(number + 1)


# Room for 2^bits slots, more than there are.
cdef inline int grow_numbers(Numbers *numbers, int bits) except -1 nogil:
    cdef int64_t k, slots = <int64_t>1 << bits
    cdef int32_t *slot = <int32_t *>calloc(slots, sizeof(int32_t))
    cdef uint64_t *id = <uint64_t *>realloc(numbers.id, (slots // 2 + 1) * sizeof(uint64_t))
    if id != NULL:
        numbers.id = id
    if slot == NULL or id == NULL or bits > 31:
        free(slot)
        with gil:
            raise MemoryError(f"no memory for {slots // 2} ids")
    free(numbers.slot)
    numbers.slot, numbers.bits = slot, bits
    for k in range(numbers.n):
        settle_number(numbers, k)
    return 0


# Make zeroed Numbers ready for use.
cdef inline int start_numbers(Numbers *numbers) except -1 nogil:
    return grow_numbers(numbers, FIRST_BITS)


cdef inline void free_numbers(Numbers *numbers) noexcept nogil:
    free(numbers.slot)
    free(numbers.id)


# No id has a number any more; what memory there is stays.
cdef inline void clear_numbers(Numbers *numbers) noexcept nogil:
    numbers.n = 0
    memset(numbers.slot, 0, sizeof(int32_t) << numbers.bits)


# The number of an id, which may be a new one.
cdef inline int32_t add_number(Numbers *numbers, uint64_t id) except -1 nogil:
    cdef int32_t number = find_number(numbers, id)
    if number >= 0:
        return number
    if 2 * numbers.n >= <int64_t>1 << numbers.bits:
        grow_numbers(numbers, numbers.bits + 1)
    numbers.id[numbers.n] = id
    settle_number(numbers, numbers.n)
    numbers.n += 1
    return <int32_t>(numbers.n - 1)
