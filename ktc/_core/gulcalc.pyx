"""gulcalc: ground-up losses, by sampling the damage of every item from its event's cumulative distributions.

    cdf -> sampling: damage ratios -> losses of items -> allocation: cut down by coverage -> loss stream

The loss is the damage ratio of the item's TIV.

Items whose areaperil and vulnerability are the same share a distribution; items of a group share their random
numbers within an event, and therefore, where both are the same, their damage ratios.

Two ways of giving losses out, as ktools has them:

    mode 0 (no back-allocation)   each item when its distribution comes by
    mode 1 (allocation rule > 0)  at the end of the event, coverage by coverage: the losses of a coverage's
                                  items are cut down together, since a coverage cannot lose more than its TIV
"""
cimport cython
from libc.math cimport INFINITY, NAN, isfinite
from libc.stdint cimport INT32_MAX
from libc.stdlib cimport qsort
from libc.string cimport memcpy, memset

from ktc._core.allocation cimport COLUMN_DEVIATION, COLUMN_TIV, SPECIAL, allocate, put_kept
from ktc._core.blocks cimport LossHeader
from ktc._core.compilers cimport lowest_bit
from ktc._core.io cimport Mapped
from ktc._core.arena cimport Memory
from ktc._core.memory cimport outgrown
from ktc._core.records cimport COVERAGE, ITEM, LOSS, MAX_LOSS, MEAN, MOST_SAMPLES, STANDARD_DEVIATION, TIV

from ktc.errors import DataError, UsageError


cdef enum:
    CHUNK = 1024                        # items that wait for their random numbers together, at most
    AT_ONCE = 256                       # random numbers of several items that are placed together, at most
    HASH_GROUP = 1543270363
    HASH_EVENT = 1943272559

cdef int64_t VECTORS = 1 << 23          # bytes of random numbers kept within an event
cdef int32_t[SPECIAL] SPECIAL_SIDX = [MAX_LOSS, TIV, STANDARD_DEVIATION, MEAN]
cdef int64_t ROW_OF_KEY = 0xffffffff         # the low half of a cell_key


cdef int ascending(const void *a, const void *b) noexcept nogil:
    cdef int64_t x = (<const int64_t *>a)[0], y = (<const int64_t *>b)[0]
    return (x > y) - (x < y)


@cython.final
cdef class GulCalc(CdfConsumer):
    """The kernel. Set item, coverage and correlated to the consumers of what is wanted, then send it cdfs.

    items, coverages, damage_bin_dict: records of those tables. sample_size: samples of each item; -1 for
    none, with a header that says so. alloc_rule: how the items of a coverage share its loss. Below 0 each has
    its own, in the old item form; 0 the same in the loss form; 1 they are cut down in proportion when their
    sum exceeds the TIV; 2 the largest is the coverage's loss; 3 their damage is taken as independent.
    Coverage losses need 0 or less. loss_threshold: samples below it are left out. debug: the random numbers
    instead of the losses. random: where random numbers come from: "hashed" (a generator seeded for each group
    and event), "file" (random_file: records of the random table) or "cached" (one generator and a vector of
    vector_size numbers). seed: added to the hash; or, if above 0, the generator's (otherwise `clock` is).
    correlated gives each item's losses again, with the same random numbers for all items of an event. like: a
    kernel of the same portfolio, which is not read again.

    UsageError for options out of range, DataError for tables that cannot be used.
    """

    def __cinit__(self, Mapped items not None, Mapped coverages not None, Mapped damage_bin_dict not None, *,
                  sample_size=-1, alloc_rule=-1, double loss_threshold=0.000001, bint debug=False,
                  str random="hashed",
                  Mapped random_file=None, vector_size=1000000, seed=0, uint32_t clock=0, int areaperil=4,
                  GulCalc like=None):
        cdef int64_t i, vectors
        for name, value, low, high in (("sample size", sample_size, -1, MOST_SAMPLES),
                                       ("allocation rule", alloc_rule, -INT32_MAX, 3),
                                       ("random seed", seed, -INT32_MAX - 1, INT32_MAX)):
            if not low <= value <= high:
                raise UsageError(f"the {name} is {value}, expected {low} to {high}")
        if loss_threshold != loss_threshold:
            raise UsageError("the loss threshold is not a number")
        self.sample_size, self.alloc_rule, self.seed = sample_size, alloc_rule, seed
        self.memory = Memory()
        self.samples = max(self.sample_size, 0)
        self.columns = SPECIAL + self.samples
        self.loss_threshold, self.debug = loss_threshold, debug
        self.index = ItemIndex(items, coverages, areaperil) if like is None else like.index
        self.distribution = Distribution(damage_bin_dict)
        self.chunk_room, self.chunk = CHUNK, 1
        if random == "hashed":
            vectors = 8 * CHUNK
            while vectors > 64 and vectors * self.samples * 4 > VECTORS:
                vectors //= 2
            self.places, self.chunk_room = <int32_t>vectors, min(vectors // 4, <int64_t>CHUNK)
            self.place = <Place *>self.memory.allot(vectors, sizeof(Place))
            self.place_of = <int32_t *>self.memory.allot(self.index.groups.n, sizeof(int32_t))
            self.mersenne = Mersenne()
            self.pending_seed = <uint32_t *>self.memory.allot(self.chunk_room + 1 + LANES, sizeof(uint32_t))
            self.pending_vector = <float **>self.memory.allot(self.chunk_room + 1 + LANES, sizeof(float *))
            self.unused = <float *>self.memory.allot(self.samples, sizeof(float))
        elif random == "cached":
            vectors = 64
            self.chunk_room = vectors
            self.cached = CachedVector(vector_size, seed if seed > 0 else clock)
            self.cached_common = CachedVector(vector_size, seed if seed > 0 else clock)
        elif random == "file":
            vectors = 0
            self.random_file = RandomFile(random_file, self.samples)
        else:
            raise UsageError(f"unknown source of random numbers {random!r}")
        self.vectors = <float *>self.memory.allot(vectors * self.samples, sizeof(float))
        self.common = <float *>self.memory.allot(self.samples, sizeof(float))
        self.chunk_item = <const Item **>self.memory.allot(self.chunk_room, sizeof(Item *))
        self.chunk_row = <int64_t *>self.memory.allot(self.chunk_room, sizeof(int64_t))
        self.chunk_vector = <const float **>self.memory.allot(self.chunk_room, sizeof(float *))
        self.ratios = <double *>self.memory.allot(max(self.samples, <int64_t>AT_ONCE), sizeof(double))
        self.gathered = <float *>self.memory.allot(AT_ONCE, sizeof(float))
        self.common_ratio = <double *>self.memory.allot(self.samples, sizeof(double))
        self.total = <float *>self.memory.allot(self.columns, sizeof(float))
        self.best = <float *>self.memory.allot(self.columns, sizeof(float))
        self.share = <double *>self.memory.allot(self.columns, sizeof(double))
        self.row_sidx = <int32_t *>self.memory.allot(self.columns, sizeof(int32_t))
        self.sample_number = self.row_sidx + SPECIAL
        memcpy(self.row_sidx, SPECIAL_SIDX, SPECIAL * sizeof(int32_t))
        for i in range(self.samples):
            self.sample_number[i] = <int32_t>(i + 1)
        self.item_rows, self.coverage_rows, self.correlated_rows = LossRows(), LossRows(), LossRows()

    cdef int begin(self) except -1 nogil:
        cdef LossHeader header
        header.sample_size, header.summary_set = self.sample_size, 0
        with gil:
            if self.coverage is not None and self.alloc_rule > 0:
                raise UsageError(f"allocation rule {self.alloc_rule} gives no coverage losses")
            if self.coverage is not None or self.alloc_rule > 0:
                self.coverage_number = <int32_t *>self.memory.allot(self.index.n_coverages + 1,
                                                                    sizeof(int32_t))
                memset(self.coverage_number, 0xff, (self.index.n_coverages + 1) * sizeof(int32_t))
                self.touched = <uint64_t *>self.memory.allot(self.index.n_coverages // 64 + 1,
                                                             sizeof(uint64_t))
        if self.item is not None:
            header.kind = ITEM if self.alloc_rule < 0 else LOSS
            self.item.begin(&header)
        if self.coverage is not None:
            header.kind = COVERAGE
            self.coverage.begin(&header)
        if self.correlated is not None:
            header.kind = LOSS
            self.correlated.begin(&header)
        return 0

    cdef int finish(self) except -1 nogil:
        if self.item is not None:
            self.item.finish()
        if self.coverage is not None:
            self.coverage.finish()
        if self.correlated is not None:
            self.correlated.finish()
        return 0

    cdef int accept(self, const CdfBlock *block) except -1 nogil:
        cdef Py_ssize_t i
        cdef int64_t k, key, n_bins
        cdef bint wrong
        for i in range(block.n):
            n_bins = block.start[i + 1] - block.start[i]
            if n_bins < 1 or n_bins > self.distribution.n_dictionary:
                with gil:
                    raise DataError(f"event {block.event_id}, areaperil {block.areaperil_id[i]}, "
                                    f"vulnerability {block.vulnerability_id[i]}: the cdf has {n_bins} damage "
                                    f"bins, expected 1 to {self.distribution.n_dictionary} (the damage bin "
                                    "dictionary)")
            wrong = False
            for k in range(block.start[i], block.start[i + 1]):     # what is not finite less itself is not 0
                wrong |= ((block.prob_to[k] - block.prob_to[k] != 0)
                          | (block.bin_mean[k] - block.bin_mean[k] != 0))
            if wrong:
                with gil:
                    self.refuse(block, i)
        if not self.in_event:
            self.start_event(block.event_id)
        self.start, self.prob_to, self.bin_mean = block.start, block.prob_to, block.bin_mean
        for i in range(block.n):
            key = self.index.find(block.areaperil_id[i], block.vulnerability_id[i])
            if key < 0:
                continue
            if self.alloc_rule > 0:
                self.keep(block, i, key)
            else:
                for k in range(self.index.key[key].first, self.index.key[key + 1].first):
                    self.add(self.index.item + k, i)
        if self.alloc_rule <= 0:
            self.run_chunk()
            self.built_row = -1
        if block.end_of_event:
            self.end_event()
        return 0

    cdef int refuse(self, const CdfBlock *block, Py_ssize_t i) except -1:
        """A cdf of which a value is not finite."""
        cdef int64_t k = block.start[i]
        while isfinite(block.prob_to[k]) and isfinite(block.bin_mean[k]):
            k += 1
        raise DataError(f"event {block.event_id}, areaperil {block.areaperil_id[i]}, vulnerability "
                        f"{block.vulnerability_id[i]}: damage bin {k - block.start[i] + 1} has the "
                        f"probability {block.prob_to[k]} and the mean {block.bin_mean[k]}, expected numbers")

    cdef int start_event(self, int32_t event_id) except -1 nogil:
        self.in_event, self.event_id, self.built_row = True, event_id, -1
        self.event += 1
        self.has_items = False
        if self.cached is not None:
            self.cached.clear()
        if self.correlated is not None and self.samples:
            self.common_vector = self.common
            if self.cached is not None:
                self.cached_common.look_up(<uint32_t>self.samples, self.samples, self.common)
            elif self.random_file is not None:
                self.common_vector = self.random_file.vector(event_id, 1)
            else:
                self.pending_seed[0] = seed_of(0, event_id, self.seed)
                self.pending_vector[0] = self.common
                self.n_pending = 1
        return 0

    cdef int end_event(self) except -1 nogil:
        cdef int64_t c, k
        if self.alloc_rule > 0:
            self.start, self.prob_to, self.bin_mean = self.kept_start, self.kept_prob_to, self.kept_bin_mean
            for c in range(self.n_hit_coverages):
                k = self.hit_coverage[c].first
                while k >= 0:
                    self.add(self.hit[k].item, self.hit[k].row)
                    k = self.hit[k].next
            self.run_chunk()
            for c in range(self.n_hit_coverages):
                self.coverage_number[self.hit[self.hit_coverage[c].first].item.coverage_id] = -1
            self.n_hit_coverages = self.n_hits = self.n_rows = 0
        if self.has_items:                      # an event without rows sends no block
            if self.item is not None:
                self.item_rows.emit(self.item, self.event_id, True)
            if self.correlated is not None:
                self.correlated_rows.emit(self.correlated, self.event_id, True)
            if self.coverage is not None:
                self.emit_coverages(self.coverage_rows)
        self.n_pending = 0
        self.in_event = False
        return 0

    # Mode 1: the event's cdfs and items wait for its end.

    cdef int keep(self, const CdfBlock *block, int64_t row, int64_t key) except -1 nogil:
        cdef int64_t n = block.start[row + 1] - block.start[row]
        cdef int64_t k, used
        cdef int32_t c
        cdef const Item *item
        cdef Hit *hit
        if outgrown(&self.kept_row_room, self.n_rows + 2, 1024):
            self.memory.resize(<void **>&self.kept_start, self.kept_row_room, sizeof(int64_t))
            self.kept_start[0] = 0
        used = self.kept_start[self.n_rows]
        if outgrown(&self.kept_bin_room, used + n, 4096):
            self.memory.resize(<void **>&self.kept_prob_to, self.kept_bin_room, sizeof(float))
            self.memory.resize(<void **>&self.kept_bin_mean, self.kept_bin_room, sizeof(float))
        memcpy(self.kept_prob_to + used, block.prob_to + block.start[row], n * sizeof(float))
        memcpy(self.kept_bin_mean + used, block.bin_mean + block.start[row], n * sizeof(float))
        self.kept_start[self.n_rows + 1] = used + n
        for k in range(self.index.key[key].first, self.index.key[key + 1].first):
            item = self.index.item + k
            if outgrown(&self.hit_room, self.n_hits + 1, 1024):
                self.memory.resize(<void **>&self.hit, self.hit_room, sizeof(Hit))
            hit = self.hit + self.n_hits
            hit.item, hit.row, hit.next = item, self.n_rows, -1
            c = self.coverage_number[item.coverage_id]
            if c < 0:
                if outgrown(&self.hit_coverage_room, self.n_hit_coverages + 1, 1024):
                    self.memory.resize(<void **>&self.hit_coverage, self.hit_coverage_room,
                                       sizeof(HitCoverage))
                c = <int32_t>self.n_hit_coverages
                self.n_hit_coverages += 1
                self.coverage_number[item.coverage_id] = c
                self.hit_coverage[c].first, self.hit_coverage[c].count = self.n_hits, 0
            else:
                self.hit[self.hit_coverage[c].last].next = self.n_hits
            self.hit_coverage[c].last = self.n_hits
            self.hit_coverage[c].count += 1
            self.n_hits += 1
        self.n_rows += 1
        return 0

    # Random numbers: items wait in a chunk, so that many generators are seeded side by side.

    cdef int add(self, const Item *item, int64_t row) except -1 nogil:
        cdef const float *vector = NULL
        self.has_items = True
        if self.n_chunk == self.chunk_room:
            self.run_chunk()
        if self.samples:
            if self.random_file is not None:
                vector = self.random_file.vector(self.event_id, self.index.group_id(item))
            elif self.cached is not None:
                vector = self.vectors + self.n_chunk * self.samples
                self.cached.look_up(<uint32_t>self.index.group_id(item) * <uint32_t>self.samples,
                                    self.samples, <float *>vector)
            else:
                vector = self.vector_of(item)
                if vector == NULL:
                    self.run_chunk()
                    vector = self.vector_of(item)
        self.chunk_item[self.n_chunk] = item
        self.chunk_row[self.n_chunk] = row
        self.chunk_vector[self.n_chunk] = vector
        self.n_chunk += 1
        return 0

    cdef float *vector_of(self, const Item *item) noexcept nogil:
        """The place of the random numbers of the item's group, asked for if they are not there; NULL: the
        chunk is in the way."""
        cdef uint64_t key = (<uint64_t>self.event << 32) | <uint32_t>item.group
        cdef int32_t at
        if key == self.latest_key:
            return self.latest_vector
        at = self.place_of[item.group]
        if self.place[at].key != key:
            at = self.next_place
            if self.place[at].chunk == self.chunk:
                return NULL
            self.place_of[item.group], self.place[at].key = at, key
            self.next_place = at + 1 if at + 1 < self.places else 0
            self.pending_seed[self.n_pending] = seed_of(self.index.group_id(item), self.event_id, self.seed)
            self.pending_vector[self.n_pending] = self.vectors + at * self.samples
            self.n_pending += 1
        self.place[at].chunk = self.chunk
        self.latest_key, self.latest_vector = key, self.vectors + at * self.samples
        return self.latest_vector

    cdef void draw(self) noexcept nogil:
        """Fill the vectors that are asked for."""
        cdef int64_t k
        for k in range(LANES):                  # lanes of the last round without a use
            self.pending_seed[self.n_pending + k] = 0
            self.pending_vector[self.n_pending + k] = self.unused
        k = 0
        while k < self.n_pending:
            self.mersenne.seed(self.pending_seed + k)
            self.mersenne.uniform(self.pending_vector + k, self.samples)
            k += LANES
        self.n_pending = 0

    cdef int run_chunk(self) except -1 nogil:
        """Do the items that wait."""
        cdef int64_t k = 0
        cdef int64_t end
        if self.n_chunk == 0:
            return 0
        if self.n_pending:
            self.draw()
        while k < self.n_chunk:
            end = self.prepare(k)
            self.ratio = self.ratios
            while True:
                if self.alloc_rule > 0:
                    self.fill_cell(self.chunk_item[k])
                else:
                    self.emit_item(self.chunk_item[k])
                k += 1
                if k == end:
                    break
                if self.chunk_vector[k] != self.chunk_vector[k - 1]:
                    self.ratio += self.samples
        self.n_chunk = 0
        self.chunk += 1
        self.latest_key = 0
        return 0

    cdef int64_t prepare(self, int64_t first) noexcept nogil:
        """Damage ratios of waiting items from the first one on that share a distribution: a row for each,
        but one for items that follow each other and share their random numbers, too. Gives where they end.
        """
        cdef int64_t row = self.chunk_row[first]
        cdef int64_t end = first + 1
        cdef int64_t n = self.samples
        cdef const float *random = self.chunk_vector[first]
        if row != self.built_row:
            self.distribution.build(self.prob_to + self.start[row], self.bin_mean + self.start[row],
                                    self.start[row + 1] - self.start[row])
            self.built_row, self.common_ready = row, False
        while end < self.n_chunk and self.chunk_row[end] == row:
            if self.chunk_vector[end] != self.chunk_vector[end - 1]:
                if n + self.samples > AT_ONCE:
                    break
                if random != self.gathered:
                    memcpy(self.gathered, random, n * sizeof(float))
                    random = self.gathered
                memcpy(self.gathered + n, self.chunk_vector[end], self.samples * sizeof(float))
                n += self.samples
            end += 1
        self.distribution.ratios(random, n, self.debug, self.ratios)
        if self.correlated is not None and not self.common_ready:
            self.distribution.ratios(self.common_vector, self.samples, self.debug, self.common_ratio)
            self.common_ready = True
        return end

    cdef void losses(self, const double *ratio, float tiv, float *loss) noexcept nogil:
        cdef int64_t i
        cdef double value = 1 if self.debug else tiv
        for i in range(self.samples):
            loss[i] = <float>(ratio[i] * value)

    # Mode 0.

    cdef int emit_item(self, const Item *item) except -1 nogil:
        cdef float[SPECIAL] special
        special[0], special[COLUMN_TIV] = item.tiv * self.distribution.max_ratio, item.tiv
        self.distribution.moments(item.tiv, &special[3], &special[COLUMN_DEVIATION])
        if self.item is not None:
            self.put_item(self.item_rows, item, special, self.ratio)
            if self.item_rows.full():
                self.item_rows.emit(self.item, self.event_id, False)
        if self.correlated is not None:
            self.put_item(self.correlated_rows, item, special, self.common_ratio)
            if self.correlated_rows.full():
                self.correlated_rows.emit(self.correlated, self.event_id, False)
        if self.coverage is not None:
            self.add_to_coverage(item, special[3], self.ratio)
        return 0

    cdef int put_item(self, LossRows rows, const Item *item, const float *special,
                      const double *ratio) except -1 nogil:
        cdef bint over
        cdef int64_t kept = self.fill_row(rows, item, special, ratio, &over)
        rows.close_row(item.item_id, rows.used + SPECIAL + kept, kept == self.sample_size)
        return 0

    cdef int64_t fill_row(self, LossRows rows, const Item *item, const float *special, const double *ratio,
                          bint *over) except -1 nogil:
        """The next row, which stays open; gives how many samples reach the threshold. over: whether a loss is
        above the TIV."""
        cdef int64_t i, kept = 0
        cdef double value = 1 if self.debug else item.tiv
        cdef double threshold = self.loss_threshold
        cdef float tiv = item.tiv
        cdef int32_t above = 0
        cdef int32_t reached = 0
        cdef float *loss
        rows.room(self.columns)
        loss = rows.loss + rows.used
        memcpy(loss, special, SPECIAL * sizeof(float))
        memcpy(rows.sidx + rows.used, self.row_sidx, self.columns * sizeof(int32_t))
        for i in range(SPECIAL):
            above |= loss[i] > tiv
        loss += SPECIAL
        for i in range(self.samples):
            loss[i] = <float>(ratio[i] * value)
        for i in range(self.samples):
            above |= loss[i] > tiv
            reached += <double>loss[i] >= threshold
        kept = reached
        if kept < self.samples:
            put_kept(loss, self.samples, threshold, self.sample_number, loss, rows.sidx + rows.used + SPECIAL)
        over[0] = above
        return kept

    cdef int add_to_coverage(self, const Item *item, float mean, const double *ratio) except -1 nogil:
        cdef int64_t i
        cdef int64_t width = self.samples + 1
        cdef int32_t c = self.coverage_number[item.coverage_id]
        cdef float *sum
        cdef float *loss = self.total
        if c < 0:
            c = <int32_t>self.n_hit_coverages
            if outgrown(&self.hit_coverage_room, self.n_hit_coverages + 1, 256):
                self.memory.resize(<void **>&self.sums, self.hit_coverage_room * width, sizeof(float))
            if self.n_hit_coverages == 0:
                self.first_touched = self.last_touched = item.coverage_id
            self.n_hit_coverages += 1
            self.coverage_number[item.coverage_id] = c
            self.touched[item.coverage_id >> 6] |= <uint64_t>1 << (item.coverage_id & 63)
            self.first_touched = min(self.first_touched, <int64_t>item.coverage_id)
            self.last_touched = max(self.last_touched, <int64_t>item.coverage_id)
            memset(self.sums + c * width, 0, width * sizeof(float))
        sum = self.sums + c * width
        sum[0] += mean
        # ktools gives a coverage no samples while it writes the correlated output
        if self.correlated is None:
            self.losses(ratio, item.tiv, loss)
            for i in range(self.samples):
                sum[i + 1] += loss[i] if <double>loss[i] >= self.loss_threshold else 0
        return 0

    cdef int emit_coverages(self, LossRows rows) except -1 nogil:
        """The event's coverages in the order of their ids: always the mean, and samples from the threshold
        on."""
        cdef int64_t w, i, kept, coverage_id
        cdef int32_t c
        cdef uint64_t bits
        cdef float tiv
        cdef float *sum
        for w in range(self.first_touched >> 6, (self.last_touched >> 6) + 1):
            bits = self.touched[w]
            self.touched[w] = 0
            while bits:
                coverage_id = 64 * w + lowest_bit(bits)
                bits &= bits - 1
                c = self.coverage_number[coverage_id]
                self.coverage_number[coverage_id] = -1
                sum, tiv = self.sums + c * (self.samples + 1), self.index.tiv[coverage_id - 1]
                for i in range(self.samples + 1):
                    sum[i] = tiv if sum[i] > tiv else sum[i]
                if rows.full():
                    rows.emit(self.coverage, self.event_id, False)
                rows.room(self.samples + 1)
                rows.sidx[rows.used], rows.loss[rows.used] = MEAN, sum[0]
                kept = put_kept(sum + 1, self.samples, self.loss_threshold, self.sample_number,
                                rows.loss + rows.used + 1, rows.sidx + rows.used + 1)
                rows.close_row(<int32_t>coverage_id, rows.used + 1 + kept, kept == self.sample_size)
        rows.emit(self.coverage, self.event_id, True)
        self.n_hit_coverages = 0
        return 0

    # Mode 1, at the end of the event.

    cdef int fill_cell(self, const Item *item) except -1 nogil:
        """Losses of one more item of the coverage; after its last item, allocate and give out."""
        cdef HitCoverage *coverage = self.hit_coverage + self.coverage_number[item.coverage_id]
        cdef int64_t row = self.n_cells
        cdef float *cell
        cdef float *common
        cdef int64_t i
        if coverage.count == 1 and self.alloc_rule == 1 and self.correlated is None:
            if self.item is None or self.put_alone(self.item_rows, item):
                return 0
        if outgrown(&self.cell_room, row + 1, 16):
            self.memory.resize(<void **>&self.cell, self.cell_room * self.columns, sizeof(float))
            self.memory.resize(<void **>&self.cell_key, self.cell_room, sizeof(int64_t))
            if self.correlated is not None:
                self.memory.resize(<void **>&self.common_cell, self.cell_room * self.columns, sizeof(float))
        cell = self.cell + row * self.columns
        self.cell_key[row] = <int64_t>item.item_id * (<int64_t>1 << 32) | row
        cell[0], cell[COLUMN_TIV] = item.tiv * self.distribution.max_ratio, item.tiv / <float>coverage.count
        self.distribution.moments(item.tiv, cell + 3, cell + COLUMN_DEVIATION)
        if self.correlated is not None:
            common = self.common_cell + row * self.columns
            memcpy(common, cell, SPECIAL * sizeof(float))
            self.losses(self.common_ratio, item.tiv, common + SPECIAL)
            for i in range(SPECIAL, self.columns):
                common[i] = common[i] if <double>common[i] >= self.loss_threshold else <float>NAN
        self.losses(self.ratio, item.tiv, cell + SPECIAL)
        for i in range(SPECIAL, self.columns):
            cell[i] = cell[i] if <double>cell[i] >= self.loss_threshold else <float>NAN
        self.n_cells += 1
        if self.n_cells == coverage.count:
            # given out in the order of item ids; of one id's, in the order of arrival
            for i in range(1, self.n_cells):
                if self.cell_key[i] < self.cell_key[i - 1]:
                    qsort(self.cell_key, self.n_cells, sizeof(int64_t), &ascending)
                    break
            if self.item is not None:
                self.emit_coverage_items(self.item_rows, self.item, self.cell, item.tiv)
            if self.correlated is not None:
                self.emit_coverage_items(self.correlated_rows, self.correlated, self.common_cell, item.tiv)
            self.n_cells = 0
        return 0

    cdef bint put_alone(self, LossRows rows, const Item *item) except -1 nogil:
        """Give out the only item of a coverage, unless it has a loss that is to be cut down; whether it
        went."""
        cdef float[SPECIAL] special
        cdef float tiv = item.tiv
        cdef int64_t kept
        cdef bint over
        special[0], special[COLUMN_TIV] = tiv * self.distribution.max_ratio, tiv
        self.distribution.moments(tiv, &special[3], &special[COLUMN_DEVIATION])
        kept = self.fill_row(rows, item, special, self.ratio, &over)
        if over and tiv > 0:
            return False
        rows.close_row(item.item_id, rows.used + SPECIAL + kept, kept == self.sample_size)
        if rows.full():
            rows.emit(self.item, self.event_id, False)
        return True

    cdef int emit_coverage_items(self, LossRows rows, LossConsumer to, float *cell,
                                 float tiv) except -1 nogil:
        cdef int64_t i = 0
        cdef int64_t n
        allocate(self.alloc_rule, cell, self.n_cells, self.columns, tiv, self.total, self.best, self.share)
        while i < self.n_cells:
            n = 1
            while i + n < self.n_cells and self.cell_key[i + n] >> 32 == self.cell_key[i] >> 32:
                n += 1
            self.put_cells(rows, cell, i, n)
            i += n
            if rows.full():
                rows.emit(to, self.event_id, False)
        return 0

    cdef int put_cells(self, LossRows rows, const float *cell, int64_t first, int64_t n) except -1 nogil:
        """A row of n cell rows that are of the same item: one, unless the portfolio has the item more than
        once."""
        cdef int64_t i, k, used, kept
        cdef const float *value = cell + (self.cell_key[first] & ROW_OF_KEY) * self.columns
        cdef int32_t item_id = <int32_t>(self.cell_key[first] >> 32)
        rows.room(n * self.columns)
        used = rows.used
        if n == 1:
            memcpy(rows.loss + used, value, SPECIAL * sizeof(float))
            memcpy(rows.sidx + used, SPECIAL_SIDX, SPECIAL * sizeof(int32_t))
            used += SPECIAL
            kept = put_kept(value + SPECIAL, self.samples, -INFINITY, self.sample_number, rows.loss + used,
                            rows.sidx + used)
            rows.close_row(item_id, used + kept, kept == self.sample_size)
            return 0
        for i in range(self.columns):
            for k in range(first, first + n):
                value = cell + (self.cell_key[k] & ROW_OF_KEY) * self.columns + i
                if i < SPECIAL or value[0] == value[0]:
                    rows.loss[used] = value[0]
                    rows.sidx[used] = SPECIAL_SIDX[i] if i < SPECIAL else self.sample_number[i - SPECIAL]
                    used += 1
        rows.close_row(item_id, used, False)
        return 0

cdef inline uint32_t seed_of(int64_t group_id, int64_t event_id, int64_t seed) noexcept nogil:
    """The generator's seed for a group of an event: their hash, 31 bits."""
    return <uint32_t>(group_id * HASH_GROUP + event_id * HASH_EVENT + seed) & 0x7fffffff
