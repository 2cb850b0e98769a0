# Mersenne twisters (MT19937) side by side, the random numbers that gulcalc draws from them, and the vectors
# that it fills with those.
from libc.stdint cimport int64_t, uint32_t

cdef enum:
    # generators side by side: seeding is serial, so its steps wait on each other
    LANES = 32


# LANES independent generators. Word k of lane l lies at state[k * LANES + l]; the words are seeded and
# twisted as draws ask for them, so a short run of draws touches only the start of the state.
cdef class Mersenne:
    cdef uint32_t *state
    cdef int64_t seeded             # words of the state that are there
    cdef int64_t position           # next word to twist, 0 .. 623

    cdef void seed(self, const uint32_t *seed) noexcept nogil
    # The next n draws of each lane, as floats of 0 .. 1, to out[lane].
    cdef void uniform(self, float **out, int64_t n) noexcept nogil
    # The next n outputs of each lane, whole: output k of lane l to out[k * LANES + l].
    cdef void outputs(self, uint32_t *out, int64_t n) noexcept nogil


# Numbers drawn from one generator when they are first looked at, and kept until clear(): number i is looked
# up modulo size.
cdef class CachedVector:
    cdef Mersenne generator
    cdef float *value               # below 0: not drawn yet
    cdef float *drawn               # numbers drawn ahead, those from `next` on still to be given out
    cdef float *unused
    cdef int64_t size, next

    cdef void clear(self) noexcept nogil
    cdef void look_up(self, uint32_t first, int64_t n, float *out) noexcept nogil
