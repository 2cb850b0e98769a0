# Orders of losses, of places by their ids, and of hash tables.
from libc.stdint cimport int32_t, int64_t


# A loss with the weight of its period.
cdef struct Weighted:
    float loss
    double weight


# Sort n losses, the largest first. spare: room for as many.
cdef void sort_descending(float *loss, int64_t n, float *spare) noexcept nogil

# Sort by loss, the smallest first, ties in the order that libstdc++'s std::sort gives them.
cdef void sort_weighted(Weighted *a, int64_t n) noexcept nogil


# A hash table at work, of keys 0 .. keys - 1. make_table: room for that many, also when it is used anew.
cdef struct HashTable:
    int32_t *following              # by key: the next one of the list, or -1; at `keys`, the first one
    int32_t *before
    int32_t keys

cdef int make_table(HashTable *table, int32_t keys) except -1 nogil
cdef void free_table(HashTable *table) noexcept nogil

# n keys in the order in which libstdc++'s std::unordered_set<int> has them, when they are put into it one by
# one.
cdef void hash_order(HashTable *table, const int32_t *key, int64_t n, int32_t *hashed) noexcept nogil


# Sort n places in order by their keys, equal ones as they stand. spare: room for as many.
cdef void sort_by(const int32_t *key, int64_t n, int64_t *order, int64_t *spare) noexcept nogil

# All the places of n keys in ascending order, into order.
cdef void order_by(const int32_t *key, int64_t n, int64_t *order, int64_t *spare) noexcept nogil


# The place of an id among n ascending ones, or -1.
cdef inline Py_ssize_t find_sorted(const int32_t *ids, Py_ssize_t n, int32_t id) noexcept nogil:
    cdef Py_ssize_t low = 0, high = n, middle
    while low < high:
        middle = (low + high) // 2
        if ids[middle] < id:
            low = middle + 1
        else:
            high = middle
    return low if low < n and ids[low] == id else -1
