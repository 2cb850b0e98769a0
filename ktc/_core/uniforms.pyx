"""The random numbers of gulmc, as OasisLMF's pytools draws them.

A group of items has a seed in each event, a hash of both ids, and a row of numbers from it:

    0  uniform          MT19937; two outputs a, b give ((a >> 5) * 2^26 + (b >> 6)) / 2^53
    1  Latin hypercube  n such numbers u, then 1 .. n in random order p, by outputs of the same generator
    2  Latin hypercube  Philox4x32-7: words of its stream 0 are u, those of stream 1 put 1 .. n in order

A Latin hypercube has one number in each n-th of 0 .. 1: (p[k] - u[k]) * (1 / n). The order is Fisher and
Yates': from the last place down, each place is exchanged with one at or below it.

The Gaussian copula turns a row that a peril's groups have in common and a group's own into normal scores x, y
and gives the probability of sqrt(rho) * x + sqrt(1 - rho) * y. Both functions are tables of ENTRIES values:

    inverse   ndtri at ENTRIES points from 1e-16 to 1 - 1e-16
    normal    ndtr at ENTRIES points from -20 to 20

Scores are those of the point at or before a number, but on straight lines between points where the number is
below TAIL or above 1 - TAIL; probabilities are on straight lines everywhere.
"""
from _thread import allocate_lock
from libc.math cimport exp, fabs, log, sqrt, sqrtf
from libc.stdint cimport INT32_MAX, uint64_t
from libc.string cimport memcpy

from ktc._core.compilers cimport prefetch
from ktc._core.mersenne cimport LANES

from ktc.errors import UsageError

cdef extern from *:
    """
    #if defined(__linux__)
    #include <sys/mman.h>
    #endif
    #if defined(MADV_HUGEPAGE)
    #define KTC_HUGE_PAGES(start, size) ((void)madvise(start, size, MADV_HUGEPAGE))
    #else
    #define KTC_HUGE_PAGES(start, size) ((void)(start), (void)(size))
    #endif
    """
    # Ask for large pages, for memory that is not used yet and looked up all over.
    void ask_for_huge_pages "KTC_HUGE_PAGES"(void *start, size_t size) nogil

cdef enum:
    HUGE_PAGE = 1 << 21             # bytes
    DRAWS = 32                      # numbers of each Mersenne twister at once
    BLOCKS = 16                     # blocks of Philox side by side
    SCRATCH = 4096                  # numbers of the rows that Philox makes at once, about
    MOST_ROWS = 256
    ENTRIES = 1000000
    TILE = 64                       # look-ups at once

cdef int64_t MODULUS = 2147483648, HAZARD_MODULUS = 1957483729
cdef uint32_t SIGN = 0x80000000
cdef double TWO_26 = 67108864.0, TWO_31 = 2147483648.0
cdef double TWO_M32 = 1.0 / 4294967296.0, TWO_M53 = 1.0 / 9007199254740992.0

cdef double LOWEST = 1e-16, HIGHEST = 1.0 - 1e-16, LEFT = -20.0, RIGHT = 20.0
cdef double TAIL = 0.025
cdef double INVERSE_FACTOR = (ENTRIES - 1) / (HIGHEST - LOWEST)
cdef double NORMAL_FACTOR = (ENTRIES - 1) / (RIGHT - LEFT)


# ---- seeds

cdef inline int64_t hashed(int64_t value, int64_t factor, int64_t modulus) noexcept nogil:
    """value * factor, and what is left of it on division by the modulus, 0 or above."""
    cdef int64_t rest = <int64_t>(<uint64_t>value * <uint64_t>factor) % modulus
    return rest + modulus if rest < 0 else rest


cdef int64_t damage_seed(int64_t group_id, int64_t event_id) noexcept nogil:
    return (hashed(group_id, 1543270363, MODULUS) + hashed(event_id, 1943272559, MODULUS)) % MODULUS


cdef int64_t hazard_seed(int64_t hazard_group_id, int64_t event_id) noexcept nogil:
    return (hashed(hazard_group_id, 1143271949, HAZARD_MODULUS)
            + hashed(event_id, 1243274353, HAZARD_MODULUS)) % HAZARD_MODULUS


cdef int64_t correlated_seed(int64_t peril_correlation_group, int64_t event_id) noexcept nogil:
    return (hashed(peril_correlation_group, 1836311903, MODULUS)
            + hashed(event_id, 1943272559, MODULUS)) % MODULUS


# ---- rows

cdef class Uniforms:
    """Rows of n numbers from a generator, 0 to 2; see uniforms.pxd."""

    def __cinit__(self, int generator, int64_t n):
        cdef int64_t words
        if generator not in (TWISTER, HYPERCUBE, PHILOX):
            raise UsageError(f"the random number generator is {generator}, expected 0, 1 or 2")
        if not 0 <= n < INT32_MAX:
            raise UsageError(f"the number of samples is {n}, expected 0 to {INT32_MAX - 1}")
        self.generator, self.n = generator, n
        self.memory = Memory()
        if generator != PHILOX:
            self.twister = Mersenne()
            self.at_once = LANES
        else:
            self.at_once = max(<int64_t>1, min(SCRATCH // (n + 1), <int64_t>MOST_ROWS))
            words = (self.at_once * blocks_of(n) + BLOCKS) * 4
            self.shuffle = <uint32_t *>self.memory.allot(words, sizeof(uint32_t))
            self.jitter = <uint32_t *>self.memory.allot(words, sizeof(uint32_t))
        if generator == HYPERCUBE:
            self.order = <int32_t *>self.memory.allot(LANES * n, sizeof(int32_t))
        elif generator == PHILOX:
            self.order = <int32_t *>self.memory.allot(n, sizeof(int32_t))

    cdef void rows(self, const int64_t *seed, int64_t count, double **row) noexcept nogil:
        cdef int64_t first = 0, some
        if self.n == 0:
            return
        while first < count:
            some = min(self.at_once, count - first)
            if self.generator == PHILOX:
                philox_rows(self, seed + first, some, row + first)
            else:
                twister_rows(self, seed + first, some, row + first)
            first += some


cdef void twister_rows(Uniforms self, const int64_t *seed, int64_t count, double **row) noexcept nogil:
    """The rows of at most LANES seeds. Lanes without a seed work along with the first."""
    cdef uint32_t word[2 * DRAWS * LANES]
    cdef uint32_t start[LANES]
    cdef double value[LANES]
    cdef const uint32_t *low
    cdef const uint32_t *high
    cdef const int32_t *order
    cdef double *numbers
    cdef double width = 1.0 / <double>self.n
    cdef int64_t first = 0, some, k, l
    for l in range(LANES):
        start[l] = <uint32_t>seed[l if l < count else 0]
    self.twister.seed(start)
    while first < self.n:
        some = min(<int64_t>DRAWS, self.n - first)
        self.twister.outputs(word, 2 * some)
        for k in range(some):
            low, high = word + 2 * k * LANES, word + (2 * k + 1) * LANES
            for l in range(LANES):
                value[l] = (<double><int32_t>(low[l] >> 5) * TWO_26
                            + <double><int32_t>(high[l] >> 6)) * TWO_M53
            for l in range(count):
                row[l][first + k] = value[l]
        first += some
    if self.generator == HYPERCUBE:
        shuffle_by_rejection(self, count)
        for l in range(count):
            order, numbers = self.order + l * self.n, row[l]
            for k in range(self.n):
                numbers[k] = in_stratum(order[k], numbers[k], width)


cdef void shuffle_by_rejection(Uniforms self, int64_t count) noexcept nogil:
    """1 .. n in the random orders of the first count lanes.

    A place is the lowest bits of an output, as many as the last place has, if that is not beyond it; else the
    next output is tried. The lanes take their outputs in step, each at its own place, without a branch: a
    lane that must try again exchanges a value with itself.
    """
    cdef uint32_t word[2 * DRAWS * LANES]
    cdef int32_t place[LANES]       # to be exchanged next
    cdef int32_t mask[LANES]        # 2^k - 1, the smallest at or above it
    cdef int32_t this[LANES]
    cdef int32_t other[LANES]
    cdef int32_t drawn, kept, open_places
    cdef int32_t *order
    cdef int32_t n = <int32_t>self.n, all_ones = 0
    cdef int64_t some, k, l
    while all_ones < n - 1:
        all_ones = 2 * all_ones + 1
    for l in range(LANES):
        place[l], mask[l] = n - 1, all_ones
    for l in range(count):
        ascending(self.order + l * self.n, n)
    open_places = n - 1
    while open_places > 0:
        # about two outputs of three are places
        some = min(<int64_t>2 * DRAWS, <int64_t>open_places + open_places // 2 + 1)
        self.twister.outputs(word, some)
        for k in range(some):
            for l in range(LANES):
                drawn = <int32_t>(word[k * LANES + l] & <uint32_t>mask[l])
                kept = drawn <= place[l]
                this[l] = place[l]
                other[l] = drawn if kept else place[l]
                place[l] -= kept & (place[l] > 0)
                mask[l] = mask[l] >> 1 if place[l] <= mask[l] >> 1 else mask[l]
            order = self.order
            for l in range(count):
                exchange(order, this[l], other[l])
                order += n
        open_places = 0
        for l in range(count):
            open_places = max(open_places, place[l])


cdef inline int64_t blocks_of(int64_t n) noexcept nogil:
    """Blocks of four words with n words."""
    return (n + 3) // 4


cdef void philox_rows(Uniforms self, const int64_t *seed, int64_t count, double **row) noexcept nogil:
    """The rows of at most at_once seeds."""
    cdef int64_t n = self.n, blocks = blocks_of(n), k, l
    cdef double width = 1.0 / <double>n
    cdef uint32_t *word
    cdef int32_t *order = self.order
    cdef double *numbers
    philox(seed, count, blocks, 1, self.shuffle)
    philox(seed, count, blocks, 0, self.jitter)
    for l in range(count):
        word = self.shuffle + l * 4 * blocks
        places(word, n)
        ascending(order, n)
        for k in range(n - 1):
            exchange(order, n - 1 - k, word[k])
        word, numbers = self.jitter + l * 4 * blocks, row[l]
        for k in range(n):
            numbers[k] = in_stratum(order[k], as_double(word[k]) * TWO_M32, width)


cdef void philox(const int64_t *seed, int64_t count, int64_t blocks, uint32_t stream,
                 uint32_t *out) noexcept nogil:
    """Blocks 0 .. blocks - 1 of a stream of every seed to out, four words each, one seed after the other, and
    at most BLOCKS of no meaning after them."""
    cdef uint32_t number[BLOCKS]
    cdef uint32_t low[BLOCKS]
    cdef uint32_t high[BLOCKS]
    cdef uint32_t word[4 * BLOCKS]
    cdef uint32_t a, b, c, d, key, other
    cdef int64_t s = 0, q = 0, l
    cdef int64_t done = 0
    while done < count * blocks:
        if q + BLOCKS <= blocks:
            for l in range(BLOCKS):
                number[l] = <uint32_t>q + <uint32_t>l
                low[l], high[l] = <uint32_t>seed[s], <uint32_t>(<uint64_t>seed[s] >> 32)
            q += BLOCKS
            if q == blocks:
                q, s = 0, s + 1
        else:
            for l in range(BLOCKS):
                number[l] = <uint32_t>q
                low[l], high[l] = <uint32_t>seed[s], <uint32_t>(<uint64_t>seed[s] >> 32)
                q += 1
                if q == blocks:
                    q, s = 0, s + 1 if s + 1 < count else s
        # one loop with every round in it: the compiler works at several blocks at once, in registers
        for l in range(BLOCKS):
            a, b, c, d, key, other = number[l], stream, 0, 0, low[l], high[l]
            philox_round(&a, &b, &c, &d, &key, &other)
            philox_round(&a, &b, &c, &d, &key, &other)
            philox_round(&a, &b, &c, &d, &key, &other)
            philox_round(&a, &b, &c, &d, &key, &other)
            philox_round(&a, &b, &c, &d, &key, &other)
            philox_round(&a, &b, &c, &d, &key, &other)
            philox_round(&a, &b, &c, &d, &key, &other)
            word[4 * l], word[4 * l + 1], word[4 * l + 2], word[4 * l + 3] = a, b, c, d
        memcpy(out + 4 * done, word, sizeof(word))
        done += BLOCKS


cdef inline void philox_round(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d, uint32_t *key,
                              uint32_t *other) noexcept nogil:
    """A round of Philox4x32 (Salmon and others, 2011) and the keys of the next."""
    cdef uint64_t p = <uint64_t>0xD2511F53 * a[0], q = <uint64_t>0xCD9E8D57 * c[0]
    a[0] = <uint32_t>(q >> 32) ^ b[0] ^ key[0]
    b[0] = <uint32_t>q
    c[0] = <uint32_t>(p >> 32) ^ d[0] ^ other[0]
    d[0] = <uint32_t>p
    key[0] += <uint32_t>0x9E3779B9
    other[0] += <uint32_t>0xBB67AE85


cdef void places(uint32_t *word, int64_t n) noexcept nogil:
    """Make of each word, where it lies, the place that n - 1, n - 2 .. 1 is exchanged with, in this order."""
    cdef int32_t k
    for k in range(<int32_t>n - 1):
        word[k] = <uint32_t><int32_t>(as_double(word[k]) * TWO_M32 * <double>(<int32_t>n - k))


cdef inline double as_double(uint32_t word) noexcept nogil:
    """32-bit integers become doubles as signed ones, which the instruction set has."""
    return <double><int32_t>(word ^ SIGN) + TWO_31


cdef inline void ascending(int32_t *order, int64_t n) noexcept nogil:
    cdef int32_t k
    for k in range(<int32_t>n):
        order[k] = k + 1


cdef inline void exchange(int32_t *order, int64_t a, int64_t b) noexcept nogil:
    cdef int32_t value = order[a]
    order[a] = order[b]
    order[b] = value


cdef inline double in_stratum(int32_t number, double u, double width) noexcept nogil:
    """What u of 0 .. 1 is in stratum `number`, from 1 on, all of one width."""
    return (<double>number - u) * width


# ---- the normal distribution, from the formulas of Cephes (Moshier, 1984 to 2000), whose order of operations
# is part of the tables

cdef inline double polynomial(double x, double first, const double *coefficient, int n) noexcept nogil:
    """first * x^n + coefficient[0] * x^(n - 1) + .. + coefficient[n - 1]."""
    cdef double y = first
    cdef int k
    for k in range(n):
        y = y * x + coefficient[k]
    return y


# Of ndtri: numerators after their first coefficient, and denominators, whose first is 1.
cdef double[4] P0 = [9.80010754185999661536e1, -5.66762857469070293439e1, 1.39312609387279679503e1,
                     -1.23916583867381258016e0]
cdef double[8] Q0 = [1.95448858338141759834e0, 4.67627912898881538453e0, 8.63602421390890590575e1,
                     -2.25462687854119370527e2, 2.00260212380060660359e2, -8.20372256168333339912e1,
                     1.59056225126211695515e1, -1.18331621121330003142e0]
cdef double[8] P1 = [3.15251094599893866154e1, 5.71628192246421288162e1, 4.40805073893200834700e1,
                     1.46849561928858024014e1, 2.18663306850790267539e0, -1.40256079171354495875e-1,
                     -3.50424626827848203418e-2, -8.57456785154685413611e-4]
cdef double[8] Q1 = [1.57799883256466749731e1, 4.53907635128879210584e1, 4.13172038254672030440e1,
                     1.50425385692907503408e1, 2.50464946208309415979e0, -1.42182922854787788574e-1,
                     -3.80806407691578277194e-2, -9.33259480895457427372e-4]
cdef double[8] P2 = [6.91522889068984211695e0, 3.93881025292474443415e0, 1.33303460815807542389e0,
                     2.01485389549179081538e-1, 1.23716634817820021358e-2, 3.01581553508235416007e-4,
                     2.65806974686737550832e-6, 6.23974539184983293730e-9]
cdef double[8] Q2 = [6.02427039364742014255e0, 3.67983563856160859403e0, 1.37702099489081330271e0,
                     2.16236993594496635890e-1, 1.34204006088543189037e-2, 3.28014464682127739104e-4,
                     2.89247864745380683936e-6, 6.79019408009981274425e-9]
# Of erfc, below 8 and above, and of erf.
cdef double[8] P = [5.64189564831068821977e-1, 7.46321056442269912687e0, 4.86371970985681366614e1,
                    1.96520832956077098242e2, 5.26445194995477358631e2, 9.34528527171957607540e2,
                    1.02755188689515710272e3, 5.57535335369399327526e2]
cdef double[8] Q = [1.32281951154744992508e1, 8.67072140885989742329e1, 3.54937778887819891062e2,
                    9.75708501743205489753e2, 1.82390916687909736289e3, 2.24633760818710981792e3,
                    1.65666309194161350182e3, 5.57535340817727675546e2]
cdef double[5] R = [1.27536670759978104416e0, 5.01905042251180477414e0, 6.16021097993053585195e0,
                    7.40974269950448939160e0, 2.97886665372100240670e0]
cdef double[6] S = [2.26052863220117276590e0, 9.39603524938001434673e0, 1.20489539808096656605e1,
                    1.70814450747565897222e1, 9.60896809063285878198e0, 3.36907645100081516050e0]
cdef double[4] T = [9.00260197203842689217e1, 2.23200534594684319226e3, 7.00332514112805075473e3,
                    5.55923013010394962768e4]
cdef double[5] U = [3.35617141647503099647e1, 5.21357949780152679795e2, 4.59432382970980127987e3,
                    2.26290000613890934246e4, 4.92673942608635921086e4]
cdef double SQRT_2PI = 2.50662827463100050242, EXP_M2 = 0.13533528323661269189
cdef double SQRT_HALF = 0.70710678118654752440


cdef double ndtri(double y) noexcept nogil:
    """The number that a normal variable is below with probability y, 0 < y < 1."""
    cdef bint upper = y > 1.0 - EXP_M2
    cdef double x, z, square
    if upper:
        y = 1.0 - y
    if y > EXP_M2:
        y -= 0.5
        square = y * y
        x = y + y * (square * polynomial(square, -5.99633501014107895267e1, P0, 4)
                     / polynomial(square, 1.0, Q0, 8))
        return x * SQRT_2PI
    x = sqrt(-2.0 * log(y))
    z = 1.0 / x
    if x < 8.0:
        z = z * polynomial(z, 4.05544892305962419923e0, P1, 8) / polynomial(z, 1.0, Q1, 8)
    else:
        z = z * polynomial(z, 3.23774891776946035970e0, P2, 8) / polynomial(z, 1.0, Q2, 8)
    x = x - log(x) / x - z
    return x if upper else -x


cdef double ndtr(double a) noexcept nogil:
    """The probability that a normal variable is below a, for a of -37 .. 37."""
    cdef double x = a * SQRT_HALF, z = fabs(x), y, square
    if z < 1.0:
        square = x * x
        return 0.5 + 0.5 * (x * polynomial(square, 9.60497373987051638749e0, T, 4)
                            / polynomial(square, 1.0, U, 5))
    y = exp(-z * z)
    if z < 8.0:
        y = y * polynomial(z, 2.46196981473530512524e-10, P, 8) / polynomial(z, 1.0, Q, 8)
    else:
        y = y * polynomial(z, 5.64189583547755073984e-1, R, 5) / polynomial(z, 1.0, S, 6)
    y = 0.5 * y
    return 1.0 - y if x > 0 else y


# ---- the copula

cdef Copula shared = None
lock = allocate_lock()


cdef class Copula:
    """The tables of the copula; see uniforms.pxd. The first Copula of the process makes them."""

    def __cinit__(self):
        global shared
        with lock:
            if shared is None:
                self.memory = Memory()
                make_tables(self)
                shared = self
            else:
                self.memory = shared.memory
                self.inverse, self.normal = shared.inverse, shared.normal

    cdef void scores(self, const double *uniform, int64_t n, double *score) noexcept nogil:
        cdef double share[TILE]
        cdef int32_t index[TILE]
        cdef int64_t first = 0, k, some
        cdef double v
        while first < n:
            some = min(<int64_t>TILE, n - first)
            find(uniform + first, some, LOWEST, INVERSE_FACTOR, index, share)
            for k in range(some):
                v = uniform[first + k]
                share[k] = share[k] if (v < TAIL) | (v > 1.0 - TAIL) else 0.0
            look_up(self.inverse, index, share, some, score + first)
            first += some

    cdef void combine(self, const double *common, const double *own, int64_t n, float correlation,
                      double *out) noexcept nogil:
        # the root of the correlation is a float, that of the rest a double
        cdef double of_common = sqrtf(correlation), of_own = sqrt(1.0 - correlation)
        cdef double z[TILE]
        cdef double share[TILE]
        cdef int32_t index[TILE]
        cdef int64_t first = 0, k, some
        while first < n:
            some = min(<int64_t>TILE, n - first)
            for k in range(some):
                z[k] = of_common * common[first + k] + of_own * own[first + k]
            find(z, some, LEFT, NORMAL_FACTOR, index, share)
            look_up(self.normal, index, share, some, out + first)
            first += some

    cdef void combine_rows(self, const double **common, const float *correlation, double *own, int64_t n,
                           int64_t count) noexcept nogil:
        cdef double of_common = 0
        cdef double of_own = 0
        cdef float last = -1
        cdef double share[TILE]
        cdef int32_t index[TILE]
        cdef int64_t r, first = 0, k, some, at_once = max(TILE // max(n, <int64_t>1), <int64_t>1)
        cdef double *row
        if n > TILE:
            for r in range(count):
                self.combine(common[r], own + r * n, n, correlation[r], own + r * n)
            return
        while first < count:
            some = min(at_once, count - first)
            for r in range(first, first + some):
                if correlation[r] != last:
                    last = correlation[r]
                    of_common, of_own = sqrtf(last), sqrt(1.0 - last)
                row = own + r * n
                for k in range(n):
                    row[k] = of_common * common[r][k] + of_own * row[k]
            row = own + first * n
            find(row, some * n, LEFT, NORMAL_FACTOR, index, share)
            look_up(self.normal, index, share, some * n, row)
            first += some


cdef inline void find(const double *value, int64_t n, double start, double factor, int32_t *index,
                      double *share) noexcept nogil:
    """The points of a table at or before some values, and how far on the values are to the next one: at most
    TILE. Points stop one before the last, but not what a value beyond it has as its share."""
    cdef double position, whole, below
    cdef double last = ENTRIES, last_but_one = ENTRIES - 2
    cdef int64_t k
    # all in doubles, so that the loop becomes vector instructions
    for k in range(n):
        position = (value[k] - start) * factor
        # what is no number, or far beyond the table, has no integer
        whole = position if position > -2.0 else -2.0
        whole = whole if whole < last else last
        below = <double><int32_t>whole
        below = below - 1.0 if below > whole else below
        share[k] = position - below
        below = below if below > 0.0 else 0.0
        below = below if below < last_but_one else last_but_one
        index[k] = <int32_t>below


cdef inline void look_up(const double *table, const int32_t *index, const double *share, int64_t n,
                         double *out) noexcept nogil:
    cdef const double *at
    cdef int64_t k
    for k in range(n):
        prefetch(<const char *>(table + index[k]))
    for k in range(n):
        at = table + index[k]
        out[k] = at[0] + share[k] * (at[1] - at[0])


cdef int make_tables(Copula self) except -1:
    """Fill the two tables: ENTRIES points, the last exactly at the end. They lie one after the other from a
    boundary of huge pages on: look-ups all over ordinary ones wait longer for addresses than for data."""
    cdef size_t size = 2 * ENTRIES * sizeof(double)
    cdef char *memory = <char *>self.memory.allot(size + HUGE_PAGE, 1)
    cdef double *inverse = <double *>(memory + (HUGE_PAGE - <size_t>memory % HUGE_PAGE) % HUGE_PAGE)
    cdef double *normal = inverse + ENTRIES
    cdef double step = (HIGHEST - LOWEST) / (ENTRIES - 1), stride = (RIGHT - LEFT) / (ENTRIES - 1)
    cdef int32_t k
    ask_for_huge_pages(inverse, size)
    with nogil:
        for k in range(ENTRIES - 1):
            inverse[k] = ndtri(<double>k * step + LOWEST)
            normal[k] = ndtr(<double>k * stride + LEFT)
        inverse[ENTRIES - 1], normal[ENTRIES - 1] = ndtri(HIGHEST), ndtr(RIGHT)
    self.inverse, self.normal = inverse, normal
    return 0


# ---- from Python

def seeds(str kind, ids, int64_t event_id):
    """The seeds of groups in an event, as a list. kind: damage, hazard or correlated."""
    of = {"damage": 0, "hazard": 1, "correlated": 2}[kind]
    return [
        damage_seed(each, event_id) if of == 0
        else hazard_seed(each, event_id) if of == 1
        else correlated_seed(each, event_id)
        for each in ids
    ]


def uniform_rows(int generator, seeds, int64_t n):
    """The rows of some seeds, as an array of (seeds, n) doubles."""
    import numpy as np

    cdef Uniforms uniforms = Uniforms(generator, n)
    cdef Memory memory = Memory()
    cdef int64_t count = len(seeds), k
    cdef bytes wanted = np.ascontiguousarray(seeds, np.int64).tobytes()
    cdef bytearray numbers = bytearray(count * n * sizeof(double))
    cdef const int64_t *seed = <const int64_t *><const char *>wanted
    cdef double *number = <double *><char *>numbers
    cdef double **row = <double **>memory.allot(count, sizeof(double *))
    for k in range(count):
        row[k] = number + k * n
    with nogil:
        uniforms.rows(seed, count, row)
    return np.frombuffer(numbers).reshape(count, n)


def correlated(common, own, float correlation):
    """The correlated uniform numbers of two rows of them, as an array of doubles."""
    import numpy as np

    cdef Copula copula = Copula()
    cdef Memory memory = Memory()
    cdef bytes x = np.ascontiguousarray(common, np.float64).tobytes()
    cdef bytes y = np.ascontiguousarray(own, np.float64).tobytes()
    cdef int64_t n = len(x) // sizeof(double)
    if len(x) != len(y):
        raise ValueError(f"rows of {n} and {len(y) // sizeof(double)} numbers, expected two of one length")
    cdef bytearray numbers = bytearray(len(x))
    cdef double *score = <double *>memory.allot(2 * n, sizeof(double))
    cdef const double *first = <const double *><const char *>x
    cdef const double *second = <const double *><const char *>y
    cdef double *out = <double *><char *>numbers
    with nogil:
        copula.scores(first, n, score)
        copula.scores(second, n, score + n)
        copula.combine(score, score + n, n, correlation, out)
    return np.frombuffer(numbers)


def tables():
    """Both tables of the copula, as arrays of doubles: the inverse of the normal distribution, and itself."""
    import numpy as np

    cdef Copula copula = Copula()
    cdef int64_t size = ENTRIES * sizeof(double)
    return (np.frombuffer((<const char *>copula.inverse)[:size]),
            np.frombuffer((<const char *>copula.normal)[:size]))
