"""Orders: losses by merging or radix where only the values count, places by ids, and the orders that
libstdc++ leaves where these show.

An exceedance curve with weights adds up the weights of equal losses in the order in which the sort has left
them, and std::sort is not stable: its steps (median of three, Hoare's partition down to 16 elements, heap
sort when the recursion gets too deep, one insertion sort at the end) are therefore part of the format. So is
the order of a std::unordered_set in which fmcalc's layers add up.
"""
from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset

from ktc._core.memory cimport resize

cdef enum:
    RADIX = 600                     # this many are sorted by radix, fewer by merging
    NETWORK = 8                     # that merging starts with
    DIGITS = 1 << 11
    RUN = 16                        # what the partitions leave to the insertion sort


# --- values alone

cdef inline uint32_t key_of(uint32_t bits) noexcept nogil:
    """Ascending as the floats descend; its own inverse."""
    return bits if bits >> 31 else ~bits & 0x7fffffffu


cdef inline void exchange_keys(int32_t *a, int i, int k) noexcept nogil:
    """The larger one to i. No branch, here and below: what the losses are cannot be foreseen."""
    cdef int32_t first = a[i], second = a[k]
    a[i] = first if first > second else second
    a[k] = second if first > second else first


cdef inline void sort_network(int32_t *key) noexcept nogil:
    """Sort eight keys by exchanges that do not depend on what the others have led to."""
    cdef int32_t a[NETWORK]
    memcpy(a, key, sizeof(a))
    exchange_keys(a, 0, 2)
    exchange_keys(a, 1, 3)
    exchange_keys(a, 4, 6)
    exchange_keys(a, 5, 7)
    exchange_keys(a, 0, 4)
    exchange_keys(a, 1, 5)
    exchange_keys(a, 2, 6)
    exchange_keys(a, 3, 7)
    exchange_keys(a, 0, 1)
    exchange_keys(a, 2, 3)
    exchange_keys(a, 4, 5)
    exchange_keys(a, 6, 7)
    exchange_keys(a, 2, 4)
    exchange_keys(a, 3, 5)
    exchange_keys(a, 1, 4)
    exchange_keys(a, 3, 6)
    exchange_keys(a, 1, 2)
    exchange_keys(a, 3, 4)
    exchange_keys(a, 5, 6)
    memcpy(key, a, sizeof(a))


cdef inline void merge_keys(const int32_t *a, int64_t n, int64_t m, int32_t *to) noexcept nogil:
    """Two sorted runs, of n keys and of the m after them, n at most, as one. Runs of one length are merged
    from both ends."""
    cdef const int32_t *first = a
    cdef const int32_t *second = a + n
    cdef const int32_t *last_first = second - 1
    cdef const int32_t *last_second = second + m - 1
    cdef int32_t *last = to + n + m - 1
    cdef int32_t x, y
    cdef int64_t i
    cdef bint later
    if n == m:
        for i in range(n):
            x, y = first[0], second[0]
            later = x < y
            to[i] = y if later else x
            second += later
            first += not later
            x, y = last_first[0], last_second[0]
            later = x < y
            last[-i] = x if later else y
            last_first -= later
            last_second -= not later
        return
    while first < a + n and second < a + n + m:
        x, y = first[0], second[0]
        later = x < y
        to[0] = y if later else x
        to += 1
        second += later
        first += not later
    memcpy(to, first, (a + n - first) * sizeof(int32_t))
    memcpy(to + (a + n - first), second, (a + n + m - second) * sizeof(int32_t))


cdef void merge_sort(int32_t *key, int64_t n, int32_t *spare) noexcept nogil:
    """Sort floats, the largest first, as the whole numbers with their order."""
    cdef int32_t *a = key
    cdef int32_t *b = spare
    cdef int64_t i, k, run = NETWORK
    cdef int32_t value
    for i in range(n):
        key[i] ^= key[i] >> 31 & 0x7fffffff
    for i in range(n // NETWORK):
        sort_network(key + NETWORK * i)
    for i in range(n - n % NETWORK + 1, n):
        value, k = key[i], i
        while k > n - n % NETWORK and key[k - 1] < value:
            key[k] = key[k - 1]
            k -= 1
        key[k] = value
    while run < n:
        i = 0
        while i + run < n:
            merge_keys(a + i, run, min(run, n - i - run), b + i)
            i += 2 * run
        if i < n:
            memcpy(b + i, a + i, (n - i) * sizeof(int32_t))
        a, b = b, a
        run *= 2
    for i in range(n):
        key[i] = a[i] ^ (a[i] >> 31 & 0x7fffffff)


cdef void radix_sort(uint32_t *key, int64_t n, uint32_t *spare) noexcept nogil:
    """Sort floats, the largest first, by three digits of their bits."""
    cdef uint32_t *of = key
    cdef uint32_t *to = spare
    cdef int64_t count[3][DIGITS]
    cdef int64_t i, k, total, some
    cdef int digit, shift
    memset(count, 0, sizeof(count))
    for i in range(n):
        key[i] = key_of(key[i])
        count[0][key[i] & (DIGITS - 1)] += 1
        count[1][key[i] >> 11 & (DIGITS - 1)] += 1
        count[2][key[i] >> 22] += 1
    for digit in range(3):
        shift = 11 * digit
        if count[digit][of[0] >> shift & (DIGITS - 1)] == n:
            continue                                # all alike
        total = 0
        for k in range(DIGITS):
            some = count[digit][k]
            count[digit][k] = total
            total += some
        for i in range(n):
            k = of[i] >> shift & (DIGITS - 1)
            to[count[digit][k]] = of[i]
            count[digit][k] += 1
        of, to = to, of
    for i in range(n):
        key[i] = key_of(of[i])


cdef void sort_descending(float *loss, int64_t n, float *spare) noexcept nogil:
    cdef int64_t i
    for i in range(1, n):
        if loss[i] > loss[i - 1]:
            break
    else:
        return
    if n < RADIX:
        merge_sort(<int32_t *>loss, n, <int32_t *>spare)
    else:
        radix_sort(<uint32_t *>loss, n, <uint32_t *>spare)


# --- values with weights

cdef inline void exchange(Weighted *a, int64_t i, int64_t k) noexcept nogil:
    cdef Weighted held = a[i]
    a[i] = a[k]
    a[k] = held


cdef void sift(Weighted *a, int64_t hole, int64_t n, Weighted value) noexcept nogil:
    """Close a hole of the heap with its larger children down to a leaf, then let value rise from there."""
    cdef int64_t top = hole, child = hole
    while child < (n - 1) // 2:
        child = 2 * (child + 1)
        if a[child].loss < a[child - 1].loss:
            child -= 1
        a[hole] = a[child]
        hole = child
    if n % 2 == 0 and child == (n - 2) // 2:
        child = 2 * child + 1
        a[hole] = a[child]
        hole = child
    while hole > top and a[(hole - 1) // 2].loss < value.loss:
        a[hole] = a[(hole - 1) // 2]
        hole = (hole - 1) // 2
    a[hole] = value


cdef void heap_sort(Weighted *a, int64_t n) noexcept nogil:
    cdef int64_t i
    cdef Weighted value
    for i in range((n - 2) // 2, -1, -1):
        sift(a, i, n, a[i])
    for i in range(n - 1, 0, -1):
        value = a[i]
        a[i] = a[0]
        sift(a, 0, i, value)


cdef void rise(Weighted *a, int64_t i) noexcept nogil:
    """Insert a[i] among the sorted ones before it, of which one is not larger."""
    cdef Weighted value = a[i]
    while value.loss < a[i - 1].loss:
        a[i] = a[i - 1]
        i -= 1
    a[i] = value


cdef void partitions(Weighted *a, int64_t n, int depth) noexcept nogil:
    cdef int64_t i, k, middle
    cdef float first, second, third
    while n > RUN:
        if depth == 0:
            heap_sort(a, n)
            return
        depth -= 1
        middle = n // 2
        first, second, third = a[1].loss, a[middle].loss, a[n - 1].loss
        if first < second:
            k = middle if second < third else n - 1 if first < third else 1
        else:
            k = 1 if first < third else n - 1 if second < third else middle
        exchange(a, 0, k)
        i, k = 1, n
        while True:
            while a[i].loss < a[0].loss:
                i += 1
            k -= 1
            while a[0].loss < a[k].loss:
                k -= 1
            if i >= k:
                break
            exchange(a, i, k)
            i += 1
        partitions(a + i, n - i, depth)
        n = i


cdef void sort_weighted(Weighted *a, int64_t n) noexcept nogil:
    cdef int64_t i, k, part = n
    cdef int depth = 0
    cdef Weighted value
    if n < 2:
        return
    while part > 1:
        part //= 2
        depth += 2
    partitions(a, n, depth)
    for i in range(1, min(n, <int64_t>RUN)):
        if a[i].loss < a[0].loss:
            value, k = a[i], i
            while k > 0:
                a[k] = a[k - 1]
                k -= 1
            a[0] = value
        else:
            rise(a, i)
    for i in range(RUN, n):
        rise(a, i)


# --- the order of a hash table

# Its sizes, when it grows from nothing.
cdef enum:
    N_BUCKETS = 26
cdef int32_t[N_BUCKETS] BUCKETS = [
    13, 29, 59, 127, 257, 541, 1109, 2357, 5087, 10273, 20753, 42043, 85229, 172933, 351061, 712697, 1447153,
    2938679, 5967347, 12117689, 24607243, 49969847, 101473717, 206062531, 418442303, 849718709]


cdef inline void put_into_bucket(int32_t *following, int32_t *before, int32_t begin, int32_t key,
                                 int32_t size) noexcept nogil:
    cdef int32_t bucket = key % size
    cdef int32_t at = before[bucket] - 1 if before[bucket] else begin
    following[key] = following[at]
    following[at] = key
    if at == begin and before[bucket] == 0 and following[key] >= 0:
        before[following[key] % size] = key + 1
    if before[bucket] == 0:
        before[bucket] = begin + 1


cdef int make_table(HashTable *table, int32_t keys) except -1 nogil:
    cdef int size
    for size in range(N_BUCKETS):
        if BUCKETS[size] >= keys:
            break
    resize(<void **>&table.following, <int64_t>keys + 1, sizeof(int32_t))
    resize(<void **>&table.before, BUCKETS[size], sizeof(int32_t))
    table.keys = keys
    return 0


cdef void free_table(HashTable *table) noexcept nogil:
    free(table.following)
    free(table.before)


cdef void hash_order(HashTable *table, const int32_t *key, int64_t n, int32_t *hashed) noexcept nogil:
    """The table is one list. A new key goes before the others of its bucket, or, where that is empty, before
    all. Whenever the table is full, it grows to one of the sizes in BUCKETS, and its keys are put into a new
    list one by one.
    """
    cdef int32_t *following = table.following
    cdef int32_t *before = table.before             # by bucket: 1 + the key before its first one, or 0
    cdef int32_t at, rest, begin = table.keys
    cdef int size = -1
    cdef int64_t m
    following[begin] = -1
    for m in range(n):
        if size < 0 or m == BUCKETS[size]:
            size += 1
            memset(before, 0, BUCKETS[size] * sizeof(int32_t))
            rest, following[begin] = following[begin], -1
            while rest >= 0:
                at, rest = rest, following[rest]
                put_into_bucket(following, before, begin, at, BUCKETS[size])
        put_into_bucket(following, before, begin, key[m], BUCKETS[size])
    at = following[begin]
    for m in range(n):
        hashed[m] = at
        at = following[at]


# --- places by ids

cdef void sort_by(const int32_t *key, int64_t n, int64_t *order, int64_t *spare) noexcept nogil:
    """By digits of the keys, from the lowest; those that all keys have in common are passed over."""
    cdef int64_t count[DIGITS]
    cdef int64_t *source = order
    cdef int64_t *target = spare
    cdef int64_t i, total, some
    cdef uint32_t digit, differing = 0
    cdef int shift
    cdef bint ascending = True
    for i in range(1, n):
        ascending &= key[order[i - 1]] <= key[order[i]]
        differing |= <uint32_t>key[order[i]] ^ <uint32_t>key[order[0]]
    if ascending:
        return
    for shift in range(0, 33, 11):
        if differing >> shift & (DIGITS - 1) == 0:
            continue
        memset(count, 0, sizeof(count))
        for i in range(n):
            count[(<uint32_t>key[source[i]] ^ 0x80000000u) >> shift & (DIGITS - 1)] += 1
        total = 0
        for i in range(DIGITS):
            some, count[i] = count[i], total
            total += some
        for i in range(n):
            digit = (<uint32_t>key[source[i]] ^ 0x80000000u) >> shift & (DIGITS - 1)
            target[count[digit]] = source[i]
            count[digit] += 1
        source, target = target, source
    if source != order:
        memcpy(order, source, n * sizeof(int64_t))


cdef void order_by(const int32_t *key, int64_t n, int64_t *order, int64_t *spare) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        order[i] = i
    sort_by(key, n, order, spare)
