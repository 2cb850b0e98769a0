"""MT19937 of Matsumoto and Nishimura (1998), LANES generators side by side, giving what C++'s
std::uniform_real_distribution<double>(0, 1) of GNU's library gives, rounded to float.

A draw takes two outputs a, b of 32 bits: (a + b * 2^32) / 2^64, rounded to double and then to float. It can
be 1.0.
"""
from libc.stdint cimport int32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from ktc.errors import UsageError

cdef enum:
    N = 624                         # words of state
    M = 397                         # how far ahead a word looks when it is twisted
    DRAWS = 1024                    # that a Sequence gives at once
    AHEAD = 256                     # draws that a cached vector makes at once

cdef extern from *:
    """
    /* Words first .. end - 1 of every generator's state, each from the word before it. The words wait on each
       other, so they are kept in registers from one to the next. With AVX2 gcc does so with vectors, but not
       with an array. */
    #define KTC_NEXT_WORD(word, k) (1812433253u * ((word) ^ (word) >> 30) + (uint32_t)(k))
    #define KTC_LANES 32

    #if defined(__AVX2__) && defined(__GNUC__)
    typedef uint32_t ktc_eight __attribute__((vector_size(32), aligned(4), may_alias));

    static void ktc_seed_words(uint32_t *state, int64_t first, int64_t end) {
        ktc_eight *word = (ktc_eight *)(state + (first - 1) * KTC_LANES);
        ktc_eight a = word[0], b = word[1], c = word[2], d = word[3];
        int64_t k;
        for (k = first; k < end; k++) {
            word += 4;
            word[0] = a = KTC_NEXT_WORD(a, k);
            word[1] = b = KTC_NEXT_WORD(b, k);
            word[2] = c = KTC_NEXT_WORD(c, k);
            word[3] = d = KTC_NEXT_WORD(d, k);
        }
    }
    #else
    static void ktc_seed_words(uint32_t *state, int64_t first, int64_t end) {
        uint32_t word[KTC_LANES];
        int64_t k;
        int l;
        memcpy(word, state + (first - 1) * KTC_LANES, sizeof word);
        for (k = first; k < end; k++) {
            for (l = 0; l < KTC_LANES; l++)
                word[l] = KTC_NEXT_WORD(word[l], k);
            memcpy(state + k * KTC_LANES, word, sizeof word);
        }
    }
    #endif
    """
    void seed_words "ktc_seed_words"(uint32_t *state, int64_t first, int64_t end) noexcept nogil

cdef uint32_t UPPER = 0x80000000, LOWER = 0x7fffffff, TWIST = 0x9908b0df
cdef uint32_t TEMPER_B = 0x9d2c5680, TEMPER_C = 0xefc60000
cdef double TWO_31 = 2147483648.0, TWO_32 = 4294967296.0, TWO_M64 = 1.0 / 18446744073709551616.0


cdef class Mersenne:
    """LANES generators; see mersenne.pxd."""

    def __cinit__(self):
        self.state = <uint32_t *>malloc(N * LANES * sizeof(uint32_t))
        if self.state == NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.state)

    cdef void seed(self, const uint32_t *seed) noexcept nogil:
        memcpy(self.state, seed, LANES * sizeof(uint32_t))
        self.seeded, self.position = 1, 0

    cdef void uniform(self, float **out, int64_t n) noexcept nogil:
        # Local arrays, which nothing else can point to, so that each loop over the lanes becomes vector
        # instructions.
        cdef uint32_t low[LANES]
        cdef uint32_t high[LANES]
        cdef float value[LANES]
        cdef uint32_t *state = self.state
        cdef int64_t j, k, l
        make_words(self, 2 * n)
        k = self.position
        for j in range(n):
            twist(state, k, low)
            k = k + 1 if k + 1 < N else 0
            twist(state, k, high)
            k = k + 1 if k + 1 < N else 0
            for l in range(LANES):
                # 32-bit integers become doubles as signed ones, which the instruction set has
                value[l] = <float>(((<double><int32_t>(low[l] ^ UPPER) + TWO_31)
                                    + (<double><int32_t>(high[l] ^ UPPER) + TWO_31) * TWO_32) * TWO_M64)
            for l in range(LANES):
                out[l][j] = value[l]
        self.position = k

    cdef void outputs(self, uint32_t *out, int64_t n) noexcept nogil:
        cdef int64_t j, k = self.position
        make_words(self, n)
        for j in range(n):
            twist(self.state, k, out + j * LANES)
            k = k + 1 if k + 1 < N else 0
        self.position = k


cdef inline void make_words(Mersenne self, int64_t n) noexcept nogil:
    """Seed the words of the state that the next n outputs look at and that are not there yet."""
    cdef int64_t needed = min(self.position + n + M, <int64_t>N)
    if self.seeded < needed:
        seed_words(self.state, self.seeded, needed)
        self.seeded = needed


cdef inline void twist(uint32_t *state, int64_t k, uint32_t *output) noexcept nogil:
    """Twist word k of every lane where it lies, and temper it into output."""
    cdef uint32_t word[LANES]
    cdef uint32_t *this = state + k * LANES
    cdef uint32_t *following = state + (k + 1 if k + 1 < N else 0) * LANES
    cdef uint32_t *ahead = state + (k + M if k + M < N else k + M - N) * LANES
    cdef uint32_t y
    cdef int64_t l
    for l in range(LANES):
        y = (this[l] & UPPER) | (following[l] & LOWER)
        word[l] = ahead[l] ^ (y >> 1) ^ ((0 - (y & 1)) & TWIST)
    memcpy(this, word, sizeof(word))
    for l in range(LANES):
        y = word[l]
        y ^= y >> 11
        y ^= (y << 7) & TEMPER_B
        y ^= (y << 15) & TEMPER_C
        output[l] = y ^ (y >> 18)


cdef class CachedVector:
    """Numbers drawn on demand from a generator seeded with `seed`; see mersenne.pxd."""

    def __cinit__(self, size, uint32_t seed):
        cdef uint32_t seeds[LANES]
        cdef int64_t l
        if not 1 <= size <= 2147483647:
            raise UsageError(f"the vector of random numbers has {size} numbers, expected 1 to 2147483647")
        self.size = size
        self.value = <float *>malloc(self.size * sizeof(float))
        self.drawn = <float *>malloc(2 * AHEAD * sizeof(float))
        if self.value == NULL or self.drawn == NULL:
            raise MemoryError(f"no memory for {size} random numbers")
        self.unused = self.drawn + AHEAD
        for l in range(LANES):
            seeds[l] = seed
        self.generator = Mersenne()
        self.generator.seed(seeds)
        self.next = AHEAD
        self.clear()

    def __dealloc__(self):
        free(self.value)
        free(self.drawn)

    cdef void clear(self) noexcept nogil:
        cdef int64_t k
        for k in range(self.size):
            self.value[k] = -1

    cdef void look_up(self, uint32_t first, int64_t n, float *out) noexcept nogil:
        cdef float *lane[LANES]
        cdef int64_t i, l
        cdef uint32_t index
        for i in range(n):
            index = (first + <uint32_t>i) % <uint32_t>self.size
            if self.value[index] < 0:
                if self.next == AHEAD:
                    lane[0] = self.drawn
                    for l in range(1, LANES):
                        lane[l] = self.unused
                    self.generator.uniform(lane, AHEAD)
                    self.next = 0
                self.value[index] = self.drawn[self.next]
                self.next += 1
            out[i] = self.value[index]


cdef class Sequence:
    """The random numbers of a seed, from Python."""

    cdef Mersenne generator

    def __init__(self, uint32_t seed):
        cdef uint32_t seeds[LANES]
        cdef int lane
        for lane in range(LANES):
            seeds[lane] = seed
        self.generator = Mersenne()
        self.generator.seed(seeds)

    def take(self, int64_t n):
        """The next n numbers, DRAWS at most, as the bytes of floats."""
        cdef float number[DRAWS]
        cdef float other[DRAWS]                 # of the lanes that nobody needs here
        cdef float *out[LANES]
        cdef int lane
        n = max(<int64_t>0, min(n, <int64_t>DRAWS))
        for lane in range(LANES):
            out[lane] = other
        out[0] = number
        self.generator.uniform(out, n)
        return (<char *>number)[:n * sizeof(float)]
