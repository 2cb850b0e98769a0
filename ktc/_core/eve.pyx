"""eve: the events of a run, dealt out to processes.

Reads input/events.bin, { event_id } x n. Each of `total` processes gets a share; the shares together are the
whole:

    no shuffle      consecutive events; the first n mod total processes have one more
    dealt           event k goes to process k mod total, as cards are dealt (the default)
    Fisher-Yates    shuffled, then dealt
    legacy shuffle  shuffled as std::shuffle of GNU's C++ library does it, then consecutive events

An event that comes twice in the file counts once, where it comes first.

Both shuffles draw from the minimal standard generator of Park and Miller (x <- 16807 x mod 2^31 - 1, started
at 1234), so that every process shuffles alike without having spoken with the others.
"""
from libc.stdint cimport INT32_MAX, int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from ktc._core cimport records as rec
from ktc._core.blocks cimport EventConsumer
from ktc._core.io cimport Mapped, Sink
from ktc._core.keys cimport Keys, add_key
from ktc._core.memory cimport allot
from ktc._core.puttext cimport put_i32

from ktc.errors import UsageError

cdef enum:
    SEED = 1234
    MULTIPLIER = 16807
    MODULUS = 2147483647                # 2^31 - 1; draws are 1 .. MODULUS - 1


cdef inline uint64_t draw(uint64_t *state, uint64_t ceiling) noexcept nogil:
    """A number of 0 .. ceiling, each equally likely: the generator's range in equal parts, its rest drawn
    anew."""
    cdef uint64_t parts = ceiling + 1
    cdef uint64_t part = (MODULUS - 2) // parts
    cdef uint64_t value
    while True:
        state[0] = state[0] * MULTIPLIER % MODULUS
        value = state[0] - 1
        if value < part * parts:
            return value // part


cdef inline void swap(int32_t *id, int64_t i, int64_t j) noexcept nogil:
    id[i], id[j] = id[j], id[i]


cdef void fisher_yates(int32_t *id, int64_t n) noexcept nogil:
    cdef uint64_t state = SEED
    cdef int64_t i
    for i in range(n):
        swap(id, i, i + <int64_t>draw(&state, n - 1 - i))


cdef void legacy_shuffle(int32_t *id, int64_t n) noexcept nogil:
    """Each element goes to a place at or before its own; while the generator's range allows, one draw serves
    two."""
    cdef uint64_t state = SEED
    cdef uint64_t pair
    cdef int64_t i = 1
    if n < 2:
        return
    if (MODULUS - 2) // n >= n:
        if n % 2 == 0:
            swap(id, 1, draw(&state, 1))
            i = 2
        while i < n:
            pair = draw(&state, (i + 1) * (i + 2) - 1)
            swap(id, i, pair // (i + 2))
            swap(id, i + 1, pair % (i + 2))
            i += 2
    else:
        while i < n:
            swap(id, i, draw(&state, i))
            i += 1


cdef int64_t distinct(int32_t *id, int64_t n) except -1:
    """Leave an id out that came before: its losses would count twice, or its rows be lost where tables are
    merged by event."""
    cdef Keys met
    cdef int64_t i, kept = 1
    for i in range(1, n):                           # ids that ascend, as they mostly do, are distinct
        if id[i] <= id[i - 1]:
            break
    else:
        return n
    met, kept = Keys(), 0
    for i in range(n):
        id[kept] = id[i]
        kept += add_key(&met.set, <uint32_t>id[i])
    return kept


cdef class Eve:
    """The share of one process in the events of a run, each of which counts once.

    events: records of the events table. process: 1 .. total. mode: "none", "deal", "fisher-yates" or
    "legacy". UsageError for a process outside 1 .. total, DataError for events that are not whole records.
    """
    cdef int32_t *id
    cdef int64_t n

    def __cinit__(self, Mapped events not None, process, total, str mode="deal"):
        cdef int64_t start, k, p, t
        cdef int64_t count
        if not 1 <= total <= INT32_MAX:
            raise UsageError(f"total processes is {total}, expected 1 to {INT32_MAX}")
        if not 1 <= process <= total:
            raise UsageError(f"process number is {process}, expected 1 to {total}, the number of processes")
        if mode not in ("none", "deal", "fisher-yates", "legacy"):
            raise UsageError(f"unknown shuffle {mode!r}")
        count = events.records(sizeof(rec.events), "an event id")
        p, t = process - 1, total
        self.id = <int32_t *>allot(count, sizeof(int32_t))
        memcpy(self.id, events.data, events.size)
        count = distinct(self.id, count)
        if mode == "fisher-yates":
            fisher_yates(self.id, count)
        elif mode == "legacy":
            legacy_shuffle(self.id, count)
        if mode == "none" or mode == "legacy":
            start = p * (count // t) + min(p, count % t)
            self.n = count // t + (p < count % t)
            for k in range(self.n):
                self.id[k] = self.id[start + k]
        else:
            self.n = (count - p + t - 1) // t if count > p else 0
            for k in range(self.n):
                self.id[k] = self.id[p + k * t]

    def __dealloc__(self):
        free(self.id)

    def __len__(self):
        return self.n

    def ids(self):
        """The ids of the share, as bytes of int32."""
        return (<char *>self.id)[:self.n * sizeof(int32_t)]


cdef class EventText(EventConsumer):
    """Event ids as text, one a line, to a Sink."""
    cdef Sink sink

    def __cinit__(self, Sink sink not None):
        self.sink = sink

    cdef int accept(self, const int32_t *event_id, Py_ssize_t n) except -1 nogil:
        cdef Py_ssize_t k
        cdef char *p
        for k in range(n):
            p = put_i32(self.sink.reserve(20), event_id[k])
            p[0] = c'\n'
            self.sink.pos = p + 1
        return 0
