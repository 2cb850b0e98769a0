"""From a cumulative distribution to damage ratios: a portfolio's items, random numbers from a file, and the
bins of a cdf that random numbers fall into.

A random number r falls into the first bin whose prob_to lies above it. Where the bin is a point, the damage
ratio is that point; where its mean lies in the middle, r is placed along a straight line; elsewhere along the
parabola whose density has the bin's mean.

Tables, each a file of such records:

    items            { item_id coverage_id areaperil_id vulnerability_id group_id }
    coverages        { tiv }
    damage_bin_dict  { bin_index bin_from bin_to interpolation interval_type }
    random           { random_no }
"""
from libc.math cimport INFINITY, NAN, isfinite, round, sqrt
from libc.stdint cimport INT32_MAX
from libc.string cimport memcpy, memset

from ktc._core cimport records as rec
from ktc._core.arena cimport Memory
from ktc._core.hashing cimport add_number, free_numbers, start_numbers

cdef enum:
    AT_ONCE = 256                       # random numbers placed at once
    COUNTED = 24                        # bins at most that are counted for a number, not searched

# How far below the end of a cdf a random number is put that lies at or beyond it.
cdef double BELOW_TOP = 0.00000003


cdef bint is_prime(int64_t n) noexcept nogil:
    cdef int64_t d = 2
    while d * d <= n:
        if n % d == 0:
            return False
        d += 1
    return n > 1


cdef int64_t prime_after(int64_t n) noexcept nogil:
    n += 1
    while not is_prime(n):
        n += 1
    return n


cdef class ItemIndex:
    """A portfolio's items by areaperil and vulnerability, with their TIV.

    items, coverages: records of those tables. DataError names the file and the record for a file that is not
    whole records, a coverage id that coverages has no record of, and a TIV that is not a finite number.
    """

    def __cinit__(self, Mapped items not None, Mapped coverages not None, int areaperil=4):
        cdef size_t size = sizeof(rec.items_u8) if areaperil == 8 else sizeof(rec.items_u4)
        cdef int64_t i, h, place, capacity
        cdef int32_t k
        cdef rec.items_u8 record
        cdef rec.items_u4 narrow
        cdef int32_t *number
        cdef Memory spares = Memory()
        cdef Item *item
        self.coverages, self.memory = coverages, Memory()
        self.n_items = items.records(size, None, 0, f" (areaperil ids of {areaperil} bytes)")
        self.n_coverages = coverages.records(sizeof(rec.coverages))
        self.tiv = <const float *>coverages.data
        if self.n_items > INT32_MAX // 2:
            items.fail(0, f"{self.n_items} items, expected at most {INT32_MAX // 2}")
        for i in range(self.n_coverages):
            if not isfinite(self.tiv[i]):
                coverages.fail(i * sizeof(rec.coverages),
                               f"record {i + 1}: the TIV is {self.tiv[i]}, expected a number")

        capacity = 16
        while capacity < 2 * self.n_items:
            capacity *= 2
        self.mask = capacity - 1
        self.table = <int32_t *>self.memory.allot(capacity, sizeof(int32_t))
        memset(self.table, 0xff, capacity * sizeof(int32_t))
        self.key = <Key *>self.memory.allot(self.n_items + 1, sizeof(Key))
        self.item = <Item *>self.memory.allot(self.n_items, sizeof(Item))
        number = <int32_t *>spares.allot(self.n_items, sizeof(int32_t))
        # key.first counts the items of the key, then becomes where the next of them goes
        for i in range(self.n_items):
            if areaperil == 8:
                memcpy(&record, items.data + i * sizeof(record), sizeof(record))
            else:
                memcpy(&narrow, items.data + i * sizeof(narrow), sizeof(narrow))
                record.areaperil_id = narrow.areaperil_id
                record.vulnerability_id = narrow.vulnerability_id
                record.coverage_id = narrow.coverage_id
            if record.coverage_id < 1 or record.coverage_id > self.n_coverages:
                items.fail(i * size, f"record {i + 1}: coverage_id is {record.coverage_id}, "
                           f"expected 1 to {self.n_coverages} ({coverages.name})")
            k = self.find(record.areaperil_id, record.vulnerability_id)
            if k < 0:
                k = self.n_keys
                self.n_keys += 1
                self.key[k].areaperil_id = record.areaperil_id
                self.key[k].vulnerability_id = record.vulnerability_id
                self.enter(k)
            number[i] = k
            self.key[k].first += 1
        place = 0
        for i in range(self.n_keys):
            h = self.key[i].first
            self.key[i].first = place
            place += h
        for i in range(self.n_items):
            if areaperil == 8:
                memcpy(&record, items.data + i * sizeof(record), sizeof(record))
            else:
                memcpy(&narrow, items.data + i * sizeof(narrow), sizeof(narrow))
                record.item_id, record.coverage_id = narrow.item_id, narrow.coverage_id
                record.group_id = narrow.group_id
            item = self.item + self.key[number[i]].first
            self.key[number[i]].first += 1
            item.item_id, item.coverage_id = record.item_id, record.coverage_id
            item.group = record.group_id            # its number comes below
            item.tiv = self.tiv[record.coverage_id - 1]
        for i in range(self.n_keys, 0, -1):
            self.key[i].first = self.key[i - 1].first
        self.key[0].first = 0
        # Items of a key mostly come together, and so do the numbers of their groups.
        start_numbers(&self.groups)
        for i in range(self.n_items):
            item = self.item + i
            item.group = add_number(&self.groups, <uint32_t>item.group)

    def __dealloc__(self):
        free_numbers(&self.groups)

    def __len__(self):
        return self.n_items

    cdef void enter(self, int32_t k) noexcept nogil:
        """Make key k, which find does not know yet, known to it."""
        cdef uint64_t h = place_of(self.key[k].areaperil_id, self.key[k].vulnerability_id, self.mask)
        while self.table[h] >= 0:
            h = (h + 1) & self.mask
        self.table[h] = k


cdef class RandomFile:
    """Random numbers from a file: every group of every event looks at sample_size of them in a row, from a
    place that depends on both. Beyond the end the numbers go on from the start.
    """

    def __cinit__(self, Mapped file not None, int64_t sample_size):
        cdef int64_t i, p
        self.file, self.sample_size, self.memory = file, max(sample_size, 0), Memory()
        self.number, self.count = <const float *>file.data, file.size // sizeof(float)
        if self.count == 0 or file.size % sizeof(float):
            file.fail(self.count * sizeof(float),
                      f"expected numbers of {sizeof(float)} bytes each, at least one; "
                      f"found {file.size} bytes")
        p = prime_after(self.count // 2)
        self.group_step = <uint64_t>p * <uint64_t>prime_after(self.sample_size)
        self.event_step = prime_after(p)
        self.seam_from = max(self.count - self.sample_size, 0)
        self.seam = <float *>self.memory.allot(self.count - self.seam_from + self.sample_size, sizeof(float))
        for i in range(self.count - self.seam_from + self.sample_size):
            self.seam[i] = self.number[(self.seam_from + i) % self.count]

    cdef const float *vector(self, int64_t event_id, int64_t group_id) noexcept nogil:
        cdef int64_t place = <int64_t>(<uint64_t>group_id * self.group_step
                                       + <uint64_t>event_id * self.event_step)
        place = place % self.count
        if place < 0:
            place += self.count
        return self.number + place if place < self.seam_from else self.seam + (place - self.seam_from)


cdef class Distribution:
    """One cdf over the damage bins of a dictionary."""

    def __cinit__(self, Mapped dictionary not None):
        cdef const rec.damage_bin_dict *record = <const rec.damage_bin_dict *>dictionary.data
        cdef int64_t i
        self.memory = Memory()
        self.n_dictionary = dictionary.records(sizeof(rec.damage_bin_dict))
        self.bin = <DamageBin *>self.memory.allot(self.n_dictionary, sizeof(DamageBin))
        self.prob_to = <float *>self.memory.allot(2 * self.n_dictionary + 2, sizeof(float))
        self.curve = <Curve *>self.memory.allot(self.n_dictionary + 1, sizeof(Curve))
        self.mass = <float *>self.memory.allot(self.n_dictionary + 1, sizeof(float))
        self.mass_squared = <float *>self.memory.allot(self.n_dictionary + 1, sizeof(float))
        for i in range(self.n_dictionary):
            if not isfinite(record[i].bin_from) or not isfinite(record[i].bin_to):
                dictionary.fail(i * sizeof(rec.damage_bin_dict), f"record {i + 1}: the damage bin goes from "
                                f"{record[i].bin_from} to {record[i].bin_to}, expected numbers")
            self.bin[i].bin_from, self.bin[i].bin_to = record[i].bin_from, record[i].bin_to
            self.bin[i].width = self.bin[i].bin_to - self.bin[i].bin_from
            self.bin[i].width_squared = <double>self.bin[i].width * <double>self.bin[i].width
            self.bin[i].point = self.bin[i].bin_from == self.bin[i].bin_to
            self.bin[i].mean = NAN

    cdef void build(self, const float *prob_to, const float *bin_mean, int64_t n_bins) noexcept nogil:
        """Make ready for the cdf of n_bins bins, at least one and at most those of the dictionary."""
        cdef DamageBin *bin
        cdef Curve *curve
        cdef int64_t k
        cdef int64_t n = 0
        cdef int64_t n_mass = 0
        cdef float to, mean, mass
        cdef float before = 0
        cdef float highest = 0
        cdef double x, height
        cdef bint straight = True
        for k in range(n_bins):
            to, mean = prob_to[k], bin_mean[k]
            mass = (to - before) * mean
            self.mass[n_mass] = mass
            self.mass_squared[n_mass] = mass * mean
            n_mass += mass != 0                 # adding nothing changes no sum
            # A bin that ends no higher than one before it takes no number.
            if n == 0 or to > highest:
                highest = to
                self.prob_to[n] = to
                curve, bin = self.curve + n, self.bin + k
                n += 1
                curve.prob_from = before
                curve.b_squared = curve.four_a = curve.b = curve.minus = 0
                curve.divisor = curve.scale = 1
                if bin.point:
                    curve.base = bin.bin_to
                else:
                    if mean != bin.mean:
                        bin.mean = mean
                        x = (mean - bin.bin_from) / bin.width
                        bin.straight = round(x * 100000) == 50000
                        bin.two_x_1 = 2 * x - 1
                        bin.two_3x = 2 - 3 * x
                    curve.base = bin.bin_from
                    height = to - before
                    if bin.straight:
                        curve.minus, curve.divisor, curve.scale = 1, height, bin.width
                    else:
                        straight = False
                        x = (3 * height / bin.width_squared) * bin.two_x_1
                        curve.four_a = 4 * x
                        curve.divisor = 2 * x
                        curve.b = (2 * height / bin.width) * bin.two_3x
                        curve.b_squared = curve.b * curve.b
            before = to
        curve = self.curve + n
        curve.prob_from = curve.b_squared = curve.four_a = curve.b = curve.minus = 0
        curve.divisor = curve.scale = 1
        curve.base = NAN
        for k in range(n, 2 * n + 2):       # beyond them the search finds that every number lies below
            self.prob_to[k] = INFINITY
        self.n, self.n_mass, self.straight = n, n_mass, straight
        self.first_is_point = self.bin[0].point
        self.top = before
        self.below_top = <float>(before - BELOW_TOP)
        self.max_ratio = self.bin[n_bins - 1].bin_to

    cdef void moments(self, float tiv, float *mean, float *deviation) noexcept nogil:
        """Mean and standard deviation of the loss, by the bins' means, summed in single precision as ktools
        does."""
        cdef float sum = 0
        cdef float squares = 0
        cdef int64_t k
        for k in range(self.n_mass):
            sum = sum + self.mass[k] * tiv
            squares = squares + self.mass_squared[k] * tiv * tiv
        squares = squares - sum * sum
        mean[0] = sum
        deviation[0] = <float>sqrt(squares) if not squares < 0 else 0

    cdef void ratios(self, const float *random, int64_t n, bint debug, double *ratio) noexcept nogil:
        """The damage ratio at each of n random numbers, NaN where no bin takes it; debug: the number itself.
        """
        cdef int64_t i, k, m, some
        cdef float r
        cdef double t
        cdef const Curve *curve
        # Most of what falls into a first bin that is a point is no damage at all: it is told apart
        # beforehand.
        cdef float above = self.prob_to[0] if self.first_is_point and not debug else -INFINITY
        cdef float top = self.top
        cdef float below_top = self.below_top
        cdef double point = self.curve[0].base
        cdef float[AT_ONCE] clipped
        cdef float[AT_ONCE] value
        cdef int32_t[AT_ONCE] place
        cdef int32_t[AT_ONCE] bin
        while n > 0:
            some = min(n, <int64_t>AT_ONCE)
            for i in range(some):
                r = random[i]
                clipped[i] = below_top if r >= top else r
                ratio[i] = point
            m = 0
            for i in range(some):
                r = clipped[i]
                value[m], place[m] = r, <int32_t>i
                m += not r < above
            self.find_bins(value, m, bin)
            if debug:
                for k in range(m):
                    ratio[place[k]] = value[k] if bin[k] < self.n else NAN
            elif self.straight:
                # the same without the root, which is of 0; 0 * t keeps NaN for a t that is not finite
                for k in range(m):
                    curve = self.curve + bin[k]
                    t = curve.prob_from - value[k]
                    ratio[place[k]] = (curve.base + (0 - (curve.minus * t + 0 * t)) / curve.divisor
                                       * curve.scale)
            else:
                for k in range(m):
                    curve = self.curve + bin[k]
                    t = curve.prob_from - value[k]
                    ratio[place[k]] = curve.base + (sqrt(curve.b_squared - curve.four_a * t) - curve.b
                                                    - curve.minus * t) / curve.divisor * curve.scale
            random += AT_ONCE
            ratio += AT_ONCE
            n -= AT_ONCE

    cdef void find_bins(self, const float *value, int64_t n, int32_t *bin) noexcept nogil:
        """The bin that takes each of n numbers: as many bins end below it or at it."""
        cdef int64_t k, b, low, half
        cdef int64_t first_half = 1
        cdef float r, end, end_1, end_2, end_3
        if self.n <= COUNTED:
            # few: counted, for several numbers at once
            for k in range(n):
                bin[k] = 0
            for b in range(0, self.n, 4):
                end, end_1, end_2, end_3 = (self.prob_to[b], self.prob_to[b + 1], self.prob_to[b + 2],
                                            self.prob_to[b + 3])
                for k in range(n):
                    r = value[k]
                    bin[k] += (end <= r) + (end_1 <= r) + (end_2 <= r) + (end_3 <= r)
            return
        # as many bins as a power of two less one: the missing ones lie above every number
        while 2 * first_half <= self.n:
            first_half *= 2
        for k in range(n):
            r = value[k]
            low, half = 0, first_half
            while half:
                low += half if self.prob_to[low + half - 1] <= r else 0
                half >>= 1
            bin[k] = <int32_t>low
