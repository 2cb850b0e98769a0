"""gulmc: ground-up losses by full Monte Carlo.

    event -> areaperils hit: cdf of intensity -> items hit, by coverage
          -> in chunks of items: distributions, random numbers -> damage -> losses -> allocation

For every sample the intensity at an areaperil is drawn from the footprint's distribution, then the damage
from the vulnerability at that intensity. With *effective damageability* the damage is drawn from the mixture
of these distributions instead, and so it is where there is one intensity.

Damage of the items of a group, and intensity of those of a hazard group, come of the same random numbers;
these may be correlated within a peril correlation group, by a normal copula.

The mean, its deviation and the largest loss are those of the mixture.

Coverages are given out in the order in which the footprint's rows first hit them, and so are the items of a
coverage; where coverages depend on others, each before those that follow it.
"""
from libc.float cimport FLT_MAX
from libc.math cimport fma, sqrt
from libc.stdint cimport INT32_MAX, uint32_t
from libc.string cimport memcpy, memset

from ktc._core cimport records as rec
from ktc._core.allocation cimport allocate_full, put_kept
from ktc._core.blocks cimport LossHeader
from ktc._core.damage cimport damages, fill_row, find_bins
from ktc._core.footprint cimport Footprint
from ktc._core.hashing cimport find_number
from ktc._core.io cimport Mapped
from ktc._core.memory cimport outgrown
from ktc._core.montecarlo cimport Draw, Kind, Matrix, cumulate, cumulate_sums
from ktc._core.records cimport AFFECTED_RISKS, LOSS, MAX_LOSS, MEAN, MOST_SAMPLES, STANDARD_DEVIATION, TIV
from ktc._core.uniforms cimport correlated_seed, damage_seed, hazard_seed

from ktc.errors import DataError, UsageError


cdef enum:
    CHUNK = 1024                        # items of a chunk, at most, but for a coverage that has more
    NUMBERS = 1 << 14                   # samples of a chunk
    ROW_VALUES = 1 << 21                # probabilities of a chunk's distributions

# An item's losses: those that allocation leaves alone come first
cdef enum:
    AT_CHANCE, AT_DEVIATION, AT_MAX, AT_TIV, AT_MEAN, SPECIALS

cdef enum:
    NO_DEBUG, INTENSITY_NUMBERS, DAMAGE_NUMBERS

# Damage types of a bin; 0 is one of the first two
cdef enum:
    ANY, RELATIVE, ABSOLUTE, DURATION


# the chance of a loss has the place that ktools keeps for affected risks
cdef int32_t[SPECIALS] SIDX = [MAX_LOSS, AFFECTED_RISKS, TIV, STANDARD_DEVIATION, MEAN]
cdef int32_t[SPECIALS] AT = [AT_MAX, AT_CHANCE, AT_TIV, AT_DEVIATION, AT_MEAN]


# A row of a footprint that is not in a binary form.
cdef packed struct FootprintRow:
    uint64_t areaperil_id
    int32_t intensity_bin_id
    float probability
    int32_t intensity, return_period

ctypedef fused AnyRow:
    rec.footprint_u4
    rec.footprint_u8
    FootprintRow


cdef int collect(GulMC self, int32_t event_id, const AnyRow *row, int64_t n) except -1 nogil:
    """Note the areaperils of an event's rows that have items: all of the event is checked before anything of
    it goes on."""
    cdef int64_t k, first
    cdef int32_t areaperil, return_period, bin
    cdef float probability
    cdef int64_t at = 0
    while at < n:
        first = at
        while at < n and row[at].areaperil_id == row[first].areaperil_id:
            at += 1
        areaperil = find_number(&self.model.areaperils, row[first].areaperil_id)
        if areaperil < 0:
            continue
        return_period = 0
        if AnyRow is FootprintRow:
            return_period = row[first].return_period
        for k in range(first, at):
            probability, bin = row[k].probability, row[k].intensity_bin_id
            if not 0 <= probability <= FLT_MAX:
                with gil:
                    self.refuse(event_id, row[k].areaperil_id, k,
                                f"probability {probability}, expected 0 to 1")
            if AnyRow is FootprintRow:
                if self.model.dynamic:
                    self.add_intensity(row[k].intensity, probability)
                    continue
            if not 1 <= bin <= self.model.n_intensity:
                with gil:
                    self.refuse(event_id, row[k].areaperil_id, k,
                                f"intensity bin {bin}, expected 1 to {self.model.n_intensity}")
            self.add_intensity(bin, probability)
        self.add_hazard(event_id, areaperil, self.n_intensities - (at - first), at - first, return_period)
    return 0


cdef class GulMC(EventStage):
    """The kernel: set `out` to the consumer of losses, then send it event ids.

    model: shared by any number of kernels. footprint: a Footprint, or an object with rows(event_id), which
    gives an array of FootprintRow or None. areaperil: bytes of an areaperil id in a Footprint. sample_size:
    samples of each item. alloc_rule: how the items of a coverage share its loss. 0: not at all; 1: in
    proportion when their sum exceeds the TIV; 2: the largest is the coverage's loss; 3: their damage is
    taken as independent. loss_threshold: samples below it are left out. generator: of random numbers, see
    ktc._core.uniforms. effective: draw from the effective damage distribution. debug: 1, the random numbers
    of the intensity instead of losses; 2, those of the damage.

    UsageError for options out of range; DataError, later, for a footprint that is wrong.
    """

    def __cinit__(self, FullModel model not None, footprint, *, int areaperil=4, sample_size=0, alloc_rule=0,
                  double loss_threshold=0.000001, int generator=2, bint effective=False, debug=0):
        cdef int64_t k
        for name, value, high in (("sample size", sample_size, MOST_SAMPLES),
                                  ("allocation rule", alloc_rule, 3),
                                  ("random number generator", generator, 2), ("debug level", debug, 2)):
            if not 0 <= value <= high:
                raise UsageError(f"the {name} is {value}, expected 0 to {high}")
        if loss_threshold != loss_threshold:
            raise UsageError("the loss threshold is not a number")
        if debug and alloc_rule:
            raise UsageError(f"random numbers (debug level {debug}) go with allocation rule 0, "
                             f"not {alloc_rule}")
        self.model, self.memory = model, Memory()
        if isinstance(footprint, Footprint):
            self.event_rows = EventRows(footprint, areaperil)
        else:
            self.source = footprint
        self.sample_size, self.alloc_rule, self.debug = sample_size, alloc_rule, debug
        self.loss_threshold, self.effective = <float>loss_threshold, effective
        self.samples, self.columns = self.sample_size, SPECIALS + self.sample_size
        self.rows = LossRows()
        self.uniforms = Uniforms(generator, self.samples)
        for k in range(model.n_draws):
            if model.draw[k].correlation > 0 and self.copula is None:
                self.copula = Copula()
        self.sample_number = <int32_t *>self.memory.allot(self.samples, sizeof(int32_t))
        for k in range(self.samples):
            self.sample_number[k] = <int32_t>(k + 1)
        self.coverage_number = <int32_t *>self.memory.allot(model.n_coverages + 1, sizeof(int32_t))
        memset(self.coverage_number, 0xff, (model.n_coverages + 1) * sizeof(int32_t))
        self.distribution_of = <int32_t *>self.memory.allot(model.n_kinds, sizeof(int32_t))
        self.kind_chunk = <int64_t *>self.memory.allot(model.n_kinds, sizeof(int64_t))
        self.drawn = <Drawn *>self.memory.allot(model.n_draws, sizeof(Drawn))
        self.common = <double *>self.memory.allot(model.n_peril_groups * self.samples, sizeof(double))
        self.common_event = <int64_t *>self.memory.allot(model.n_peril_groups, sizeof(int64_t))
        self.total = <float *>self.memory.allot(self.columns, sizeof(float))
        self.share = <double *>self.memory.allot(self.columns, sizeof(double))
        self.sum = <double *>self.memory.allot(model.n_damage, sizeof(double))
        self.column = <float *>self.memory.allot(2 * model.n_damage, sizeof(float))
        self.damage_rows.stride = model.stride
        if model.dependent:
            self.item_place = <int32_t *>self.memory.allot(model.n_items, sizeof(int32_t))
            self.item_event = <int64_t *>self.memory.allot(model.n_items, sizeof(int64_t))
            self.source_probability = <float *>self.memory.allot(model.most_columns, sizeof(float))
        self.chunk_items = min(<int64_t>CHUNK, max(<int64_t>1, NUMBERS // max(self.samples, <int64_t>1)))
        self.chunk = self.round = 1

    cdef int begin(self) except -1 nogil:
        cdef LossHeader header
        header.kind, header.sample_size, header.summary_set = LOSS, self.sample_size, 0
        if self.out is None:
            with gil:
                raise UsageError("the losses have nowhere to go: out is None")
        return self.out.begin(&header)

    cdef int finish(self) except -1 nogil:
        self.close_event()
        return self.out.finish()

    cdef int emit(self, bint end_of_event) except -1 nogil:
        return self.rows.emit(self.out, self.event_id, end_of_event)

    # The event: what it hits.

    cdef int event_of(self, int32_t event_id) except -1 nogil:
        self.n_hazards = self.n_intensities = self.n_hits = self.n_coverages = 0
        if self.event_rows is None:
            with gil:
                self.find_source(event_id)
        elif self.event_rows.find(event_id):
            if self.event_rows.areaperil == 4:
                collect(self, event_id, <const rec.footprint_u4 *>self.event_rows.data, self.event_rows.n)
            else:
                collect(self, event_id, <const rec.footprint_u8 *>self.event_rows.data, self.event_rows.n)
        if self.n_coverages == 0:
            return 0
        self.begin_event(event_id)
        self.event += 1
        self.round += 1
        self.n_numbers = 0
        return self.give_out()

    cdef int find_source(self, int32_t event_id) except -1:
        cdef Mapped rows
        found = self.source.rows(event_id)
        if found is not None and len(found):
            rows = Mapped(found, self.source.name)
            collect(self, event_id, <const FootprintRow *>rows.data,
                    <int64_t>(rows.size // sizeof(FootprintRow)))
        return 0

    cdef int refuse(self, int32_t event_id, uint64_t areaperil_id, int64_t row, str message) except -1:
        if self.event_rows is not None:
            self.event_rows.fail_row(event_id, areaperil_id, row, message)
        raise DataError(f"{self.source.name}: event {event_id}: areaperil {areaperil_id}: {message}")

    cdef int add_intensity(self, int32_t intensity, float probability) except -1 nogil:
        if outgrown(&self.intensity_room, self.n_intensities + 1, 1024):
            self.memory.resize(<void **>&self.intensity, self.intensity_room, sizeof(int32_t))
            self.memory.resize(<void **>&self.probability, self.intensity_room, sizeof(float))
            self.memory.resize(<void **>&self.hazard_cdf, self.intensity_room, sizeof(float))
        self.intensity[self.n_intensities], self.probability[self.n_intensities] = intensity, probability
        self.n_intensities += 1
        return 0

    cdef int add_hazard(self, int32_t event_id, int32_t areaperil, int64_t first, int64_t n,
                        int32_t return_period) except -1 nogil:
        """An areaperil is hit by the n intensities from `first` on, and so are its items."""
        cdef Hazard *hazard
        cdef int64_t k
        if outgrown(&self.hazard_room, self.n_hazards + 1, 256):
            self.memory.resize(<void **>&self.hazard, self.hazard_room, sizeof(Hazard))
        hazard = self.hazard + self.n_hazards
        hazard.first, hazard.n, hazard.return_period = first, <int32_t>n, return_period
        hazard.kept = cumulate(self.probability + first, <int32_t>n, self.hazard_cdf + first)
        self.n_hazards += 1
        for k in range(self.model.start[areaperil], self.model.start[areaperil + 1]):
            self.add_hit(<int32_t>k)
        return 0

    cdef int add_hit(self, int32_t item) except -1 nogil:
        cdef int32_t coverage_id = self.model.item[item].coverage_id
        cdef int32_t c = self.coverage_number[coverage_id]
        cdef Hit *hit
        if outgrown(&self.hit_room, self.n_hits + 1, 1024):
            self.memory.resize(<void **>&self.hit, self.hit_room, sizeof(Hit))
        hit = self.hit + self.n_hits
        hit.item, hit.hazard, hit.next = item, <int32_t>(self.n_hazards - 1), -1
        if c < 0:
            if outgrown(&self.coverage_room, self.n_coverages + 1, 1024):
                self.memory.resize(<void **>&self.coverage, self.coverage_room, sizeof(HitCoverage))
            c = <int32_t>self.n_coverages
            self.n_coverages += 1
            self.coverage_number[coverage_id] = c
            self.coverage[c].first, self.coverage[c].count = self.n_hits, 0
            self.coverage[c].coverage_id, self.coverage[c].depth = coverage_id, 0
        else:
            self.hit[self.coverage[c].last].next = self.n_hits
        self.coverage[c].last = self.n_hits
        self.coverage[c].count += 1
        self.n_hits += 1
        return 0

    # Its coverages, in their order, in chunks.

    cdef int give_out(self) except -1 nogil:
        cdef int64_t k
        cdef int32_t c
        cdef const HitCoverage *coverage
        if self.model.dependent:
            self.put_in_order()
        for k in range(self.n_coverages):
            c = self.order[k] if self.model.dependent else <int32_t>k
            coverage = self.coverage + c
            if (coverage.depth == 0 and self.n_places
                    and (self.n_places + coverage.count > self.chunk_items or self.row_values > ROW_VALUES)):
                self.run_chunk()
            self.add_coverage(coverage)
        self.run_chunk()
        for k in range(self.n_coverages):
            self.coverage_number[self.coverage[k].coverage_id] = -1
        return 0

    cdef int put_in_order(self) except -1 nogil:
        """Coverages that depend on others come after these: from a coverage that depends on none, first the
        last that was hit of those that follow it."""
        cdef int64_t k, used = 0, waiting
        cdef int32_t c, f, follower, source
        if outgrown(&self.order_room, self.n_coverages, 1024):
            self.memory.resize(<void **>&self.order, self.order_room, sizeof(int32_t))
            self.memory.resize(<void **>&self.stack, self.order_room, sizeof(int32_t))
        for k in range(self.n_coverages):
            source = self.model.source_coverage[self.coverage[k].coverage_id]
            if source and self.coverage_number[source] >= 0:
                continue
            self.stack[0], waiting = <int32_t>k, 1
            while waiting:
                waiting -= 1
                c = self.stack[waiting]
                self.order[used] = c
                used += 1
                source = self.coverage[c].coverage_id
                for f in range(<int32_t>self.model.follower_start[source],
                               <int32_t>self.model.follower_start[source + 1]):
                    follower = self.coverage_number[self.model.follower[f]]
                    if follower >= 0:
                        self.coverage[follower].depth = self.coverage[c].depth + 1
                        self.stack[waiting] = follower
                        waiting += 1
        return 0

    cdef int add_coverage(self, const HitCoverage *coverage) except -1 nogil:
        cdef int64_t h = coverage.first
        cdef Place *place
        cdef const Item *item
        cdef const Hazard *hazard
        if outgrown(&self.place_room, self.n_places + coverage.count, 256):
            self.memory.resize(<void **>&self.place, self.place_room, sizeof(Place))
            self.memory.resize(<void **>&self.cell, self.place_room * self.columns, sizeof(float))
        if outgrown(&self.chunk_coverage_room, self.n_chunk_coverages + 1, 256):
            self.memory.resize(<void **>&self.chunk_coverage, self.chunk_coverage_room, sizeof(int64_t))
        while h >= 0:
            item, hazard = self.model.item + self.hit[h].item, self.hazard + self.hit[h].hazard
            place = self.place + self.n_places
            place.item, place.hazard = item, self.hit[h].hazard
            place.unhurt = item.return_period > 0 and hazard.return_period < item.return_period
            place.tiv, place.count = self.model.tiv[item.coverage_id - 1], coverage.count
            place.source = -1
            if item.source >= 0 and self.item_place != NULL:
                if self.item_event[item.source] == self.event:
                    place.source = self.item_place[item.source]
            if self.item_place != NULL:
                self.item_place[self.hit[h].item] = <int32_t>self.n_places
                self.item_event[self.hit[h].item] = self.event
            self.row_values += <int64_t>(1 if self.effective else hazard.kept) * self.model.stride
            self.n_places += 1
            h = self.hit[h].next
        self.chunk_coverage[self.n_chunk_coverages] = self.n_places
        self.n_chunk_coverages += 1
        return 0

    cdef int run_chunk(self) except -1 nogil:
        """Work out the losses of the items that wait, and give them out."""
        cdef int64_t k, first = 0
        cdef int32_t most = 1
        cdef Place *place
        if self.n_places == 0:
            return 0
        self.make_room()
        for k in range(self.n_places):
            most = max(most, self.hazard[self.place[k].hazard].kept)
        self.hazard_rows.stride = 4
        while self.hazard_rows.stride < most + 2:
            self.hazard_rows.stride *= 2
        self.n_distributions = self.n_rows = self.n_hazard_rows = self.n_pending = 0
        self.last_hazard = -1
        for k in range(self.n_places):
            place = self.place + k
            place.distribution = self.distribution_for(place)
            self.ask_for_numbers(place)
        if self.n_pending:
            self.draw_numbers()
        if self.model.dependent:                    # a coverage's damage before that of those that follow it
            for k in range(self.n_chunk_coverages):
                self.sample(first, self.chunk_coverage[k])
                first = self.chunk_coverage[k]
        else:
            self.sample(0, self.n_places)
        self.put()
        self.n_places = self.n_chunk_coverages = self.row_values = 0
        self.chunk += 1
        return 0

    cdef int make_room(self) except -1 nogil:
        if outgrown(&self.number_room, self.n_places * self.samples + 1, 0):
            self.memory.resize(<void **>&self.number, self.number_room, sizeof(double))
            self.memory.resize(<void **>&self.damage, self.number_room, sizeof(double))
            self.memory.resize(<void **>&self.row_of, self.number_room, sizeof(int32_t))
            self.memory.resize(<void **>&self.bin, self.number_room, sizeof(int32_t))
        if outgrown(&self.distribution_room, self.n_places, 0):
            self.memory.resize(<void **>&self.distribution, self.distribution_room, sizeof(Distribution))
        if outgrown(&self.pending_room, 2 * self.n_places, 0):
            self.memory.resize(<void **>&self.pending_seed, self.pending_room, sizeof(int64_t))
            self.memory.resize(<void **>&self.pending_row, self.pending_room, sizeof(double *))
            self.memory.resize(<void **>&self.pending_draw, self.pending_room, sizeof(int32_t))
            self.memory.resize(<void **>&self.pending_common, self.pending_room, sizeof(double *))
            self.memory.resize(<void **>&self.pending_correlation, self.pending_room, sizeof(float))
        if self.number_rows - self.n_numbers < 2 * self.n_places:
            self.round += 1
            self.n_numbers = 0
            if outgrown(&self.number_rows, 2 * self.n_places, 6 * self.n_places):
                self.memory.resize(<void **>&self.numbers, self.number_rows * self.samples, sizeof(double))
        return 0

    # Distributions of damage.

    cdef int32_t distribution_for(self, const Place *place) except -1 nogil:
        """The number of an item's distribution in the chunk, which may be a new one."""
        cdef int32_t kind = place.item.distribution
        cdef bint own = place.source >= 0 or place.unhurt
        if not own and self.kind_chunk[kind] == self.chunk:
            return self.distribution_of[kind]
        self.fill(place, self.distribution + self.n_distributions)
        if not own:
            self.kind_chunk[kind], self.distribution_of[kind] = self.chunk, <int32_t>self.n_distributions
        self.n_distributions += 1
        return <int32_t>(self.n_distributions - 1)

    cdef int32_t column_of(self, const Place *place, int64_t k) noexcept nogil:
        """The column of the vulnerability matrix at intensity k of the event."""
        cdef const Kind *kind = self.model.kind + place.item.distribution
        cdef int64_t intensity = self.intensity[k]
        if not self.model.dynamic:
            return <int32_t>(intensity - 1)
        intensity -= kind.adjustment
        if intensity < 0 or intensity >= self.model.n_intensities:
            intensity = 0
        return self.model.intensity_bin[<int64_t>kind.peril * self.model.n_intensities + intensity] - 1

    cdef int refuse_intensity(self, const Place *place, int32_t column) except -1 nogil:
        with gil:
            raise DataError(f"event {self.event_id}: item {place.item.item_id}: intensity_bin_dict.csv gives "
                            f"the intensity bin {column + 1}, expected 1 to {self.model.n_intensity}")

    cdef int fill(self, const Place *place, Distribution *to) except -1 nogil:
        cdef const Hazard *hazard = self.hazard + place.hazard
        cdef const Kind *kind = self.model.kind + place.item.distribution
        cdef const Matrix *matrix = NULL
        cdef const float *probability = self.probability + hazard.first
        cdef const float *column
        cdef float *cdf = self.column + self.model.n_damage
        cdef int32_t n = hazard.kept
        cdef int32_t h, c, d, n_cdf, first, end
        cdef int32_t last = 0
        cdef float weight
        if kind.vulnerability >= 0:
            matrix = self.model.matrix + kind.vulnerability
        if place.source >= 0:
            n = self.follow(place, matrix)
            probability = self.source_probability
        to.n_rows = 1 if self.effective else n
        self.add_rows(to.n_rows)
        to.row, to.hazard_row = <int32_t>self.n_rows, -1
        if n == 1 and matrix != NULL and probability[0] == 1 and place.source < 0:
            c = self.column_of(place, hazard.first)
            if not 0 <= c < self.model.n_intensity:
                self.refuse_intensity(place, c)
            to.summary = matrix.summary[c]
            self.put_row(matrix.cdf + <int64_t>c * self.model.n_damage, to.summary.n)
            return self.remember(to, matrix.cdf + <int64_t>c * self.model.n_damage)
        memset(self.sum, 0, self.model.n_damage * sizeof(double))
        for h in range(n):
            c = h if place.source >= 0 else self.column_of(place, hazard.first + h)
            if place.source < 0 and not 0 <= c < self.model.n_intensity:
                self.refuse_intensity(place, c)
            if matrix != NULL:
                column, first, end = (matrix.probability + <int64_t>c * self.model.n_damage, matrix.first[c],
                                      matrix.end[c])
                if not self.effective:
                    self.put_row(matrix.cdf + <int64_t>c * self.model.n_damage, matrix.summary[c].n)
            else:
                self.model.combine(kind, c, self.column)
                column, first, end = self.column, 0, self.model.n_damage
                if not self.effective:
                    n_cdf = cumulate(column, end, cdf)
                    self.put_row(cdf, n_cdf)
            weight = probability[h]
            for d in range(first, end):
                self.sum[d] += <double>(column[d] * weight)
            last = max(last, end)
        n_cdf = cumulate_sums(self.sum, last, cdf)
        self.model.summarise(cdf, n_cdf, &to.summary)
        if self.effective:
            self.put_row(cdf, n_cdf)
        elif n > 1 and place.source < 0:
            to.hazard_row = self.add_hazard_row(place.hazard)
        return self.remember(to, cdf)

    cdef int add_rows(self, int64_t n) except -1 nogil:
        cdef int64_t stride = self.model.stride
        if (self.n_rows + n) * stride > INT32_MAX:
            with gil:
                raise DataError(f"event {self.event_id}: a coverage whose items have {self.n_rows + n} "
                                f"distributions of {self.model.n_damage} damage bins, more than can be held")
        if outgrown(&self.row_room, self.n_rows + n, 64):
            self.memory.resize(<void **>&self.damage_rows.row, self.row_room * stride, sizeof(float))
            self.memory.resize(<void **>&self.damage_rows.last, self.row_room, sizeof(int32_t))
        return 0

    cdef void put_row(self, const float *cdf, int32_t n) noexcept nogil:
        fill_row(self.damage_rows.row + self.n_rows * self.model.stride, cdf, n, self.model.stride)
        self.damage_rows.last[self.n_rows] = n - 1
        self.n_rows += 1

    cdef int64_t add_hazard_row(self, int32_t number) except -1 nogil:
        """The row of a hazard's cdf, which distributions of the same areaperil share."""
        cdef const Hazard *hazard = self.hazard + number
        cdef int64_t stride = self.hazard_rows.stride
        if number == self.last_hazard:
            return self.n_hazard_rows - 1
        if outgrown(&self.hazard_row_room, (self.n_hazard_rows + 1) * stride, 1024):
            self.memory.resize(<void **>&self.hazard_rows.row, self.hazard_row_room, sizeof(float))
            self.memory.resize(<void **>&self.hazard_rows.last, self.hazard_row_room, sizeof(int32_t))
        fill_row(self.hazard_rows.row + self.n_hazard_rows * stride, self.hazard_cdf + hazard.first,
                 hazard.kept, stride)
        self.hazard_rows.last[self.n_hazard_rows] = hazard.kept - 1
        self.last_hazard = number
        self.n_hazard_rows += 1
        return self.n_hazard_rows - 1

    # Items whose damage follows that of others.

    cdef int remember(self, Distribution *to, const float *cdf) except -1 nogil:
        """Keep an effective cdf for those that follow."""
        cdef int64_t n = self.model.n_damage
        if not self.model.dependent:
            return 0
        if outgrown(&self.effective_room, (self.n_distributions + 1) * n, 1024):
            self.memory.resize(<void **>&self.effective_cdfs, self.effective_room, sizeof(float))
        memcpy(self.effective_cdfs + self.n_distributions * n, cdf, to.summary.n * sizeof(float))
        return 0

    cdef int32_t follow(self, const Place *place, const Matrix *matrix) noexcept nogil:
        """The source's damage stands for the intensity: the probabilities of its bins."""
        cdef const Place *source = self.place + place.source
        cdef const Distribution *its = self.distribution + source.distribution
        cdef const float *cdf = self.effective_cdfs + <int64_t>source.distribution * self.model.n_damage
        cdef int32_t d
        for d in range(matrix.n_columns):
            self.source_probability[d] = 0
            if source.unhurt:
                self.source_probability[d] = 1 if d == 0 else 0
            elif d < its.summary.n:
                self.source_probability[d] = <float>(<double>cdf[d] - (<double>cdf[d - 1] if d else 0.))
        return matrix.n_columns

    # Random numbers.

    cdef int ask_for_numbers(self, Place *place) except -1 nogil:
        cdef const Distribution *distribution = self.distribution + place.distribution
        place.damage = place.intensity = NULL
        if self.samples == 0 or place.unhurt:
            return 0
        if self.debug != INTENSITY_NUMBERS:
            place.damage = self.numbers_of(place.item.damage_draw, False)
        if (distribution.hazard_row >= 0 or self.debug == INTENSITY_NUMBERS) and not self.effective:
            if self.hazard[place.hazard].n > 1:
                place.intensity = self.numbers_of(place.item.hazard_draw, True)
        return 0

    cdef const double *numbers_of(self, int32_t draw, bint hazard) noexcept nogil:
        cdef double *row
        cdef int64_t group_id
        cdef Drawn *drawn = self.drawn + draw
        if drawn.round == self.round:
            return self.numbers + drawn.row * self.samples
        row = self.numbers + self.n_numbers * self.samples
        drawn.round, drawn.row = self.round, <int32_t>self.n_numbers
        self.n_numbers += 1
        group_id = self.model.draw[draw].group_id
        self.pending_seed[self.n_pending] = (hazard_seed(group_id, self.event_id) if hazard
                                             else damage_seed(<uint32_t>group_id, self.event_id))
        self.pending_row[self.n_pending], self.pending_draw[self.n_pending] = row, draw
        self.n_pending += 1
        return row

    cdef int draw_numbers(self) except -1 nogil:
        """Fill the rows that are asked for, which follow each other."""
        cdef int64_t k, first, n = self.samples
        cdef const Draw *draw
        self.uniforms.rows(self.pending_seed, self.n_pending, self.pending_row)
        k = 0
        while k < self.n_pending:               # stretches of rows that are correlated
            first = k
            while k < self.n_pending and self.model.draw[self.pending_draw[k]].correlation > 0:
                draw = self.model.draw + self.pending_draw[k]
                self.pending_common[k] = self.common_scores(draw.peril_group)
                self.pending_correlation[k] = draw.correlation
                k += 1
            if k > first:
                self.copula.scores(self.pending_row[first], (k - first) * n, self.pending_row[first])
                self.copula.combine_rows(self.pending_common + first, self.pending_correlation + first,
                                         self.pending_row[first], n, k - first)
            k += 1
        return 0

    cdef const double *common_scores(self, int32_t group) noexcept nogil:
        """The scores of the numbers that a peril correlation group has in common in the event."""
        cdef double *row = self.common + group * self.samples
        cdef int64_t seed
        if self.common_event[group] != self.event:
            self.common_event[group] = self.event
            seed = correlated_seed(self.model.peril_group[group], self.event_id)
            self.uniforms.rows(&seed, 1, &row)
            self.copula.scores(row, self.samples, row)
        return row

    # Losses.

    cdef int sample(self, int64_t first, int64_t last) except -1 nogil:
        """The losses of the items from `first` to `last` - 1 of the chunk."""
        cdef int64_t k, s, at, n = self.samples
        cdef const Place *place
        cdef const Distribution *distribution
        cdef double scale
        cdef double factor
        cdef float *loss
        for k in range(first, last):
            place, at = self.place + k, k * n
            distribution = self.distribution + place.distribution
            if place.damage != NULL:
                factor = place.item.factor
                for s in range(n):
                    self.number[at + s] = place.damage[s] * factor
            else:
                memset(self.number + at, 0, n * sizeof(double))
            for s in range(n):
                self.row_of[at + s] = distribution.row
            if place.source >= 0 and not self.effective:
                for s in range(n):
                    self.row_of[at + s] += self.bin[place.source * n + s]
            elif distribution.hazard_row >= 0 and place.intensity != NULL:
                for s in range(n):
                    self.row_of[at + s] = <int32_t>distribution.hazard_row
                find_bins(&self.hazard_rows, place.intensity, self.row_of + at, n, self.bin + at)
                for s in range(n):
                    self.row_of[at + s] = distribution.row + self.bin[at + s]
        at = first * n
        find_bins(&self.damage_rows, self.number + at, self.row_of + at, (last - first) * n, self.bin + at)
        damages(&self.damage_rows, &self.model.bins, self.number + at, self.row_of + at, self.bin + at,
                (last - first) * n, self.damage + at)
        for k in range(first, last):
            place, at = self.place + k, k * n
            loss = self.cell + k * self.columns
            if place.unhurt:
                memset(loss, 0, self.columns * sizeof(float))
                memset(self.bin + at, 0, n * sizeof(int32_t))
                continue
            scale = self.scale_of(place)
            self.specials(place, scale, loss)
            loss += SPECIALS
            if self.debug:
                self.random_numbers(place, loss)
                continue
            for s in range(n):
                loss[s] = <float>(scale * self.damage[at + s])
        return 0

    cdef void random_numbers(self, const Place *place, float *loss) noexcept nogil:
        cdef const double *number = place.intensity if self.debug == INTENSITY_NUMBERS else place.damage
        cdef double factor = place.item.factor if self.debug == DAMAGE_NUMBERS else 1.
        cdef int64_t s
        for s in range(self.samples):
            loss[s] = <float>(number[s] * factor) if number != NULL else 0

    cdef double scale_of(self, const Place *place) noexcept nogil:
        """What damage is multiplied by, which the last bin of the effective distribution decides."""
        cdef int32_t last = self.distribution[place.distribution].summary.n - 1
        cdef int32_t type = self.model.bins.damage_type[last]
        cdef double tiv = place.tiv
        if not tiv > 0:
            return 0
        if type == RELATIVE:
            return tiv
        if type == ABSOLUTE:
            return 1
        if type == DURATION:
            return tiv * (1. / 365)                     # as compiled there
        return tiv if self.model.bins.bin_to[last] <= 1 else 1.

    cdef void specials(self, const Place *place, double scale, float *cell) noexcept nogil:
        cdef const Summary *summary = &self.distribution[place.distribution].summary
        cdef double mean = summary.mean * scale
        cdef double variance = fma(summary.second, scale * scale, -(mean * mean))     # as the reference's
        cell[AT_MAX] = <float>(self.model.bins.bin_to[summary.n - 1] * scale)
        cell[AT_CHANCE] = <float>(1. - <double>summary.first) if self.model.bins.mean[0] <= 0 else 1
        cell[AT_TIV] = <float>(<double>place.tiv / <double>place.count)
        cell[AT_DEVIATION] = <float>sqrt(variance if variance > 0 else 0.)
        cell[AT_MEAN] = <float>mean

    cdef int put(self) except -1 nogil:
        """Allocate the losses of each coverage of the chunk, and give them out."""
        cdef int64_t c, i, k, used, kept
        cdef int64_t first = 0
        cdef float *cell
        for c in range(self.n_chunk_coverages):
            if self.alloc_rule:
                allocate_full(self.alloc_rule, self.cell + first * self.columns,
                              self.chunk_coverage[c] - first, AT_MAX, self.columns, self.place[first].tiv,
                              self.total, self.share)
            for k in range(first, self.chunk_coverage[c]):
                cell = self.cell + k * self.columns
                if self.rows.full():            # before the row, so that an event's last block has rows
                    self.send(False)
                self.rows.room(self.columns)
                used = self.rows.used
                for i in range(SPECIALS):
                    self.rows.sidx[used + i], self.rows.loss[used + i] = SIDX[i], cell[AT[i]]
                used += SPECIALS
                kept = put_kept(cell + SPECIALS, self.samples, self.loss_threshold, self.sample_number,
                                self.rows.loss + used, self.rows.sidx + used)
                self.rows.close_row(self.place[k].item.item_id, used + kept, kept == self.sample_size)
            first = self.chunk_coverage[c]
        return 0
