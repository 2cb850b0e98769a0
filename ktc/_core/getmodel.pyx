"""getmodel: event ids -> cumulative damage distributions of the portfolio's areaperils and vulnerabilities.

Reads, below a root folder (records in ktc/schemas/tables.py):

    input/items.bin             { item_id coverage_id areaperil_id vulnerability_id group_id } ...
    static/damage_bin_dict.bin  { bin_index bin_from bin_to interpolation interval_type } ...
    static/footprint.bin        max_intensity_bin flags { areaperil_id intensity_bin_id probability } ...
    static/footprint.idx        { event_id offset size } ...
    static/vulnerability.bin    max_damage_bin { vulnerability_id intensity_bin_id damage_bin_id probability }
                                ...

or, where they exist, footprint.bin.z + footprint.idx.z (each event deflated; the index has an original_size
as well when bit 1 of flags is set), vulnerability.idx (rows in vulnerability.bin without their id) and
vulnerability.bin.z + vulnerability.idx.z (the same, each vulnerability deflated).

An event's rows of one areaperil that follow each other are its distribution of intensity. The probability of
a damage bin is the sum over intensity bins, ascending, of P(damage | intensity) P(intensity): products in
single precision, sums in double. With certain intensity (bit 0 of flags clear) each row is an areaperil of
its own, its probability is not looked at, and the cdf is a running sum in single precision. Then it depends
on vulnerability and intensity bin alone, and is made once.
"""
import os

from libc.float cimport FLT_MAX
from libc.stdint cimport uint32_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memmove

from ktc._core cimport records as rec
from ktc._core.footprint cimport EventRows, inflate
from ktc._core.hashing cimport add_number, find_number, free_numbers, start_numbers
from ktc._core.memory cimport allot, resize

from ktc.errors import DataError, UsageError
from ktc.schemas import TABLES

# A cdf ends where it passes this, the single precision value next to 1.
cdef double ALL = 0.999999940

ctypedef fused ItemRecord:
    rec.items_u4
    rec.items_u8

ctypedef fused FootprintRecord:
    rec.footprint_u4
    rec.footprint_u8


cdef int extend(void **array, int64_t *room, size_t size) except -1 nogil:
    """Twice as much room, keeping what is there."""
    room[0] = max(2 * room[0], <int64_t>1024)
    return resize(array, room[0], size)


cdef class Portfolio:
    """The areaperils of the items, and the vulnerabilities that each of them needs."""

    def __cinit__(self, Mapped items not None, int areaperil=4):
        self.items = items
        start_numbers(&self.areaperils)
        start_numbers(&self.vulnerabilities)
        if areaperil == 4:
            load_items(self, <const rec.items_u4 *>items.data, items.records(sizeof(rec.items_u4), "an item"))
        else:
            load_items(self, <const rec.items_u8 *>items.data, items.records(sizeof(rec.items_u8), "an item"))

    def __dealloc__(self):
        free_numbers(&self.areaperils)
        free_numbers(&self.vulnerabilities)
        free(self.start)
        free(self.vulnerability)

    def vulnerability_id(self, int64_t number):
        """The id of a vulnerability by its number."""
        return <int32_t>self.vulnerabilities.id[number]


cdef int load_items(Portfolio self, const ItemRecord *item, int64_t n) except -1:
    # Sorted by vulnerability id, then stably by areaperil, each time by counting: linear in the items however
    # they lie.
    cdef int32_t *areaperil = NULL
    cdef int32_t *vulnerability = NULL
    cdef int64_t *order = NULL
    cdef int64_t *place = NULL
    cdef int64_t k, a, used, first, last
    cdef int32_t v
    try:
        areaperil = <int32_t *>allot(n, sizeof(int32_t))
        vulnerability = <int32_t *>allot(n, sizeof(int32_t))
        order = <int64_t *>allot(n, sizeof(int64_t))
        with nogil:
            for k in range(n):
                areaperil[k] = add_number(&self.areaperils, item[k].areaperil_id)
                vulnerability[k] = add_number(&self.vulnerabilities, <uint32_t>item[k].vulnerability_id)
        place = <int64_t *>allot(self.vulnerabilities.n + 1, sizeof(int64_t))
        with nogil:
            for k in range(n):
                place[vulnerability[k]] += 1
        first = 0
        for v in sorted(range(self.vulnerabilities.n), key=self.vulnerability_id):
            last = first + place[v]
            place[v] = first
            first = last
        with nogil:
            for k in range(n):
                order[place[vulnerability[k]]] = k
                place[vulnerability[k]] += 1
        free(place)
        place = NULL
        place = <int64_t *>allot(self.areaperils.n + 1, sizeof(int64_t))
        self.start = <int64_t *>allot(self.areaperils.n + 1, sizeof(int64_t))
        self.vulnerability = <int32_t *>allot(n, sizeof(int32_t))
        with nogil:
            for k in range(n):
                place[areaperil[k] + 1] += 1
            for a in range(self.areaperils.n):
                place[a + 1] += place[a]
            for k in range(n):
                a = areaperil[order[k]]
                self.vulnerability[place[a]] = vulnerability[order[k]]
                place[a] += 1
            # place[a] is now where a's vulnerabilities end; each is kept once
            used = first = 0
            for a in range(self.areaperils.n):
                self.start[a] = used
                for k in range(first, place[a]):
                    if k == first or self.vulnerability[k] != self.vulnerability[used - 1]:
                        self.vulnerability[used] = self.vulnerability[k]
                        used += 1
                first = place[a]
            self.start[self.areaperils.n] = used
    finally:
        free(areaperil)
        free(vulnerability)
        free(order)
        free(place)
    return 0


cdef class Vulnerabilities:
    """The vulnerability functions that a portfolio needs.

    index: the index file, or None for rows that carry their vulnerability's id. cdfs: turn the probabilities
    of each intensity bin into their running sums, for certain intensities.
    """

    def __cinit__(self, Portfolio portfolio not None, Mapped file not None, Mapped index, bint compressed,
                  Mapped bins not None, int32_t n_intensity, bint cdfs):
        cdef rec.vulnerability_header header
        self.portfolio, self.file, self.n_intensity = portfolio, file, n_intensity
        self.matrix = <float **>allot(portfolio.vulnerabilities.n, sizeof(float *))
        self.curve = <Curve **>allot(portfolio.vulnerabilities.n, sizeof(Curve *))
        file.records(1, None, sizeof(header))
        memcpy(&header, file.data, sizeof(header))
        self.n_damage = header.max_damage_bin
        if self.n_damage < 1:
            file.fail(0, f"the largest damage bin is {self.n_damage}, expected 1 or more")
        self.load_means(bins)
        if index is None:
            self.load_plain()
        else:
            self.load_indexed(index, compressed)
        if cdfs:
            with nogil:
                self.accumulate()

    def __dealloc__(self):
        cdef int64_t v
        if self.matrix != NULL and self.curve != NULL:
            for v in range(self.portfolio.vulnerabilities.n):
                free(self.matrix[v])
                free(self.curve[v])
        free(self.matrix)
        free(self.curve)
        free(self.mean)

    cdef int load_means(self, Mapped bins) except -1:
        cdef int64_t k, n = bins.records(sizeof(rec.damage_bin_dict), "a damage bin")
        cdef const rec.damage_bin_dict *bin = <const rec.damage_bin_dict *>bins.data
        cdef float mean
        if n < self.n_damage:
            raise DataError(f"{bins.name}: {n} damage bins, expected {self.n_damage}, the largest damage bin "
                            f"of "
                            f"{self.file.name}")
        self.mean = <float *>allot(self.n_damage, sizeof(float))
        for k in range(self.n_damage):
            mean = bin[k].interpolation
            if not -FLT_MAX <= mean <= FLT_MAX:
                bins.fail(k * sizeof(rec.damage_bin_dict),
                          f"damage bin {k + 1}: interpolation is {mean}, expected a number")
            self.mean[k] = mean
        return 0

    cdef int load_plain(self) except -1:
        cdef int64_t header = sizeof(rec.vulnerability_header)
        cdef int64_t k, n = self.file.records(sizeof(rec.vulnerability), "a row", header)
        cdef const rec.vulnerability *row = <const rec.vulnerability *>(self.file.data + header)
        cdef int32_t number = -1
        for k in range(n):
            if k == 0 or row[k].vulnerability_id != row[k - 1].vulnerability_id:
                number = find_number(&self.portfolio.vulnerabilities, <uint32_t>row[k].vulnerability_id)
            if number >= 0:
                self.assign(number, row[k].intensity_bin_id, row[k].damage_bin_id, row[k].probability,
                            header + k * sizeof(rec.vulnerability), -1)
        return 0

    cdef int load_indexed(self, Mapped index, bint compressed) except -1:
        cdef int64_t k, n = index.records(sizeof(rec.vulnerability_index), "an entry")
        cdef int64_t header = sizeof(rec.vulnerability_header), end = self.file.size
        cdef const rec.vulnerability_index *entry = <const rec.vulnerability_index *>index.data
        cdef int64_t offset, size, original_size
        cdef int32_t id
        cdef bytes data
        for k in range(n):
            id, offset, size, original_size = (entry[k].vulnerability_id, entry[k].offset, entry[k].size,
                                               entry[k].original_size)
            if find_number(&self.portfolio.vulnerabilities, <uint32_t>id) < 0:
                continue
            if offset < header or size < 0 or offset > end or size > end - offset:
                index.fail(k * sizeof(rec.vulnerability_index),
                           f"vulnerability {id}: {size} bytes at {offset}, "
                           f"expected a place in the {end} bytes of {self.file.name}")
            if not compressed:
                self.load_rows(id, self.file.data + offset, size, offset, False)
                continue
            try:
                data = inflate(self.file.data + offset, size, original_size)
            except ValueError as error:
                self.file.fail(offset, f"vulnerability {id}: {error}")
            self.load_rows(id, data, len(data), offset, True)
        return 0

    cdef int load_rows(self, int32_t id, const char *rows, int64_t size, int64_t offset,
                       bint compressed) except -1:
        """The rows of one vulnerability, which lie at offset in the file."""
        cdef const rec.vulnerability_rows *row = <const rec.vulnerability_rows *>rows
        cdef int32_t number = find_number(&self.portfolio.vulnerabilities, <uint32_t>id)
        cdef int64_t k
        if size % sizeof(rec.vulnerability_rows):
            self.file.fail(offset, f"vulnerability {id}: {size} bytes, expected a multiple of "
                           f"{sizeof(rec.vulnerability_rows)}")
        for k in range(size // <int64_t>sizeof(rec.vulnerability_rows)):
            self.assign(number, row[k].intensity_bin_id, row[k].damage_bin_id, row[k].probability,
                        offset if compressed else offset + k * sizeof(rec.vulnerability_rows),
                        k if compressed else -1)
        return 0

    cdef int assign(self, int32_t number, int32_t intensity, int32_t damage, float probability,
                    int64_t offset,
                    int64_t row) except -1:
        """One probability, read at offset in the file (row >= 0: in that row of what is compressed there)."""
        cdef Curve *curve
        if intensity > self.n_intensity:        # a model may describe more intensities than its footprint has
            return 0
        if intensity < 1 or damage < 1 or damage > self.n_damage or not 0 <= probability <= FLT_MAX:
            where = f"vulnerability {self.portfolio.vulnerability_id(number)}"
            if row >= 0:
                where += f", row {row + 1}"
            if intensity < 1:
                self.file.fail(offset, f"{where}: intensity bin {intensity}, expected 1 or more")
            if damage < 1 or damage > self.n_damage:
                self.file.fail(offset, f"{where}: damage bin {damage}, expected 1 to {self.n_damage}")
            self.file.fail(offset, f"{where}: probability {probability}, expected 0 to 1")
        if self.matrix[number] == NULL:
            self.curve[number] = <Curve *>allot(self.n_intensity, sizeof(Curve))
            self.matrix[number] = <float *>allot(<int64_t>self.n_intensity * self.n_damage, sizeof(float))
        self.matrix[number][<int64_t>(intensity - 1) * self.n_damage + damage - 1] = probability
        curve = &self.curve[number][intensity - 1]
        if curve.end == 0 or damage - 1 < curve.first:
            curve.first = damage - 1
        if damage > curve.end:
            curve.end = damage
        return 0

    cdef void accumulate(self) noexcept nogil:
        """Turn every probability into the sum up to it, in single precision, up to the bin where nothing is
        left."""
        cdef int64_t v
        cdef int32_t i, d
        cdef float *row
        cdef float sum
        for v in range(self.portfolio.vulnerabilities.n):
            if self.matrix[v] == NULL:
                continue
            for i in range(self.n_intensity):
                self.curve[v][i].n = self.n_damage
                if self.curve[v][i].end == 0:
                    continue
                row = self.matrix[v] + <int64_t>i * self.n_damage
                sum = 0
                for d in range(self.curve[v][i].first, self.n_damage):
                    sum = sum + row[d]
                    row[d] = sum
                    if sum > ALL:
                        self.curve[v][i].n = d + 1
                        break


cdef class Model:
    """The model and portfolio files below root, loaded for getmodel: read-only, shared by any number of
    stages.

    areaperil: bytes of an areaperil id, 4 or 8. find: where a table lies, or its records, by its name and the
    ending of a compressed file, instead of the place that it has below root. InputError for a missing file,
    DataError for one that is wrong.
    """

    def __cinit__(self, root=".", int areaperil=4, find=None):
        cdef int64_t a, k
        cdef Portfolio portfolio

        def path(table, suffix=""):
            if find is not None:
                return find(table, suffix)
            return os.path.join(root, TABLES[table].path) + suffix

        if areaperil not in (4, 8):
            raise UsageError(f"an areaperil id of {areaperil} bytes, expected 4 or 8")
        self.areaperil = areaperil
        suffix = ".z" if os.path.exists(path("footprint", ".z")) else ""
        self.footprint = Footprint(
            Mapped(path("footprint", suffix)), Mapped(path("footprint_index", suffix)), bool(suffix))
        portfolio = self.portfolio = Portfolio(Mapped(path("items")), areaperil)
        suffix = ".z" if os.path.exists(path("vulnerability_index", ".z")) else ""
        index = path("vulnerability_index", suffix)
        self.vulnerabilities = Vulnerabilities(
            portfolio, Mapped(path("vulnerability", suffix)),
                                               Mapped(index) if os.path.exists(index) else None,
            bool(suffix), Mapped(path("damage_bin_dict")), self.footprint.n_intensity,
                                               not self.footprint.uncertain)
        self.incomplete = <uint8_t *>allot(portfolio.areaperils.n, 1)
        with nogil:
            for a in range(portfolio.areaperils.n):
                for k in range(portfolio.start[a], portfolio.start[a + 1]):
                    if self.vulnerabilities.matrix[portfolio.vulnerability[k]] == NULL:
                        self.incomplete[a] = True

    def __dealloc__(self):
        free(self.incomplete)


cdef int64_t collect(GetModel stage, int32_t event_id, const FootprintRecord *row, int64_t n) except -1 nogil:
    """Note which of an event's rows the portfolio feels; the whole event is checked before anything of it
    goes on."""
    cdef int32_t n_intensity = stage.footprint.n_intensity
    cdef bint uncertain = stage.footprint.uncertain
    cdef int32_t areaperil = -1
    cdef int64_t k
    cdef float probability
    stage.n_hit = stage.n_share = 0
    for k in range(n):
        if k == 0 or row[k].areaperil_id != row[k - 1].areaperil_id:
            areaperil = find_number(&stage.portfolio.areaperils, row[k].areaperil_id)
            if areaperil >= 0 and uncertain:
                stage.add_hit(event_id, areaperil, 0)
        if areaperil < 0:
            continue
        probability = row[k].probability if uncertain else 1
        if not 0 <= probability <= FLT_MAX:
            with gil:
                stage.event_rows.fail_row(event_id, row[k].areaperil_id, k,
                                          f"probability {probability}, expected 0 to 1")
        if probability == 0:
            continue
        if row[k].intensity_bin_id < 1 or row[k].intensity_bin_id > n_intensity:
            with gil:
                stage.event_rows.fail_row(
                    event_id, row[k].areaperil_id, k,
                    f"intensity bin {row[k].intensity_bin_id}, expected 1 to {n_intensity}")
        if uncertain:
            stage.add_share(row[k].intensity_bin_id, probability)
        else:
            stage.add_hit(event_id, areaperil, row[k].intensity_bin_id)
    return 0


cdef int32_t damage_cdf(const float *matrix, const Curve *curve, int32_t n_damage, const Share *share,
                        int32_t n_share,
                        double *sum, float *prob_to) noexcept nogil:
    """The cdf of damage under a distribution of intensity; gives the number of its bins."""
    cdef int32_t first = n_damage
    cdef int32_t end = 0
    cdef int32_t k, d, e
    cdef const float *row
    cdef const float *next
    cdef float weight, next_weight
    cdef double total = 0
    cdef float reached
    for k in range(n_share):
        d = share[k].intensity - 1
        if curve[d].end:
            first, end = min(first, curve[d].first), max(end, curve[d].end)
    # Outside a curve's first ... end every product is zero and changes no sum. Two intensities at a time, in
    # ascending order of intensity for every bin: half of the loads and stores.
    if end:
        row, weight = matrix + <int64_t>(share[0].intensity - 1) * n_damage, share[0].probability
        for d in range(first, end):
            sum[d] = <double>(row[d] * weight)
    k = 1
    while k < n_share:
        d, e = share[k].intensity - 1, share[min(k + 1, n_share - 1)].intensity - 1
        row, weight = matrix + <int64_t>d * n_damage, share[k].probability
        if k + 1 < n_share:
            next, next_weight = matrix + <int64_t>e * n_damage, share[k + 1].probability
            for d in range(min(curve[d].first, curve[e].first), max(curve[d].end, curve[e].end)):
                sum[d] = sum[d] + <double>(row[d] * weight) + <double>(next[d] * next_weight)
        else:
            for d in range(curve[e].first, curve[e].end):
                sum[d] += <double>(row[d] * weight)
        k += 2
    for d in range(first):
        prob_to[d] = 0
    for d in range(first, end):
        total += sum[d]
        prob_to[d] = <float>total
        if total > ALL:
            return d + 1
    reached = <float>total
    for d in range(max(first, end), n_damage):
        prob_to[d] = reached
    return n_damage


cdef class GetModel(EventStage):
    """The stage: event ids in, cdfs to `out`, in the order of the footprint's rows and of the
    vulnerabilities' ids."""

    def __cinit__(self, Model model not None):
        self.model = model
        self.portfolio, self.footprint = model.portfolio, model.footprint
        self.vulnerabilities = model.vulnerabilities
        self.event_rows = EventRows(model.footprint, model.areaperil)
        self.rows, self.out = CdfRows(), CdfConsumer()
        self.sum = <double *>allot(model.vulnerabilities.n_damage, sizeof(double))

    def __dealloc__(self):
        free(self.hit)
        free(self.share)
        free(self.sum)

    cdef int begin(self) except -1 nogil:
        if self.out is None:
            with gil:
                raise UsageError("the distributions have nowhere to go: out is None")
        return self.out.begin()

    cdef int finish(self) except -1 nogil:
        self.close_event()
        return self.out.finish()

    cdef int emit(self, bint end_of_event) except -1 nogil:
        return self.rows.emit(self.out, self.event_id, end_of_event)

    cdef int event_of(self, int32_t event_id) except -1 nogil:
        if not self.event_rows.find(event_id):
            return 0
        if self.event_rows.areaperil == 4:
            collect(self, event_id, <const rec.footprint_u4 *>self.event_rows.data, self.event_rows.n)
        else:
            collect(self, event_id, <const rec.footprint_u8 *>self.event_rows.data, self.event_rows.n)
        if self.n_hit == 0:
            return 0
        self.begin_event(event_id)
        return self.produce()

    cdef int add_hit(self, int32_t event_id, int32_t areaperil, int32_t value) except -1 nogil:
        if self.model.incomplete[areaperil]:
            with gil:
                self.fail_missing(event_id, areaperil)
        if self.n_hit == self.hit_room:
            extend(<void **>&self.hit, &self.hit_room, sizeof(Hit))
        self.hit[self.n_hit].areaperil, self.hit[self.n_hit].value = areaperil, value
        self.n_hit += 1
        return 0

    cdef int add_share(self, int32_t intensity, float probability) except -1 nogil:
        """One intensity of the latest hit: in ascending order, the last probability of a bin given twice."""
        cdef Hit *hit = &self.hit[self.n_hit - 1]
        cdef int64_t first = self.n_share - hit.value
        cdef int64_t low = first, high = self.n_share, middle
        if hit.value and intensity <= self.share[self.n_share - 1].intensity:
            while low < high:
                middle = (low + high) // 2
                if self.share[middle].intensity < intensity:
                    low = middle + 1
                else:
                    high = middle
            if self.share[low].intensity == intensity:
                self.share[low].probability = probability
                return 0
        else:
            low = self.n_share
        if self.n_share == self.share_room:
            extend(<void **>&self.share, &self.share_room, sizeof(Share))
        memmove(&self.share[low + 1], &self.share[low], (self.n_share - low) * sizeof(Share))
        self.share[low].intensity, self.share[low].probability = intensity, probability
        self.n_share += 1
        self.hit[self.n_hit - 1].value += 1
        return 0

    cdef int produce(self) except -1 nogil:
        """The cdfs of every hit."""
        cdef const int64_t *start = self.portfolio.start
        cdef float **matrix = self.vulnerabilities.matrix
        cdef Curve **curve = self.vulnerabilities.curve
        cdef int32_t n_damage = self.vulnerabilities.n_damage
        cdef bint uncertain = self.footprint.uncertain
        cdef const Share *share = self.share
        cdef int64_t h, k, used
        cdef int32_t a, v, i, n
        for h in range(self.n_hit):
            a, i = self.hit[h].areaperil, self.hit[h].value
            for k in range(start[a], start[a + 1]):
                v = self.portfolio.vulnerability[k]
                if self.rows.full():    # before the row, so that an event's last block has rows
                    self.send(False)
                self.rows.room(n_damage)
                used = self.rows.used
                if uncertain:
                    n = damage_cdf(matrix[v], curve[v], n_damage, share, i, self.sum,
                                   self.rows.prob_to + used)
                else:
                    n = curve[v][i - 1].n
                    memcpy(self.rows.prob_to + used, matrix[v] + <int64_t>(i - 1) * n_damage,
                           n * sizeof(float))
                memcpy(self.rows.bin_mean + used, self.vulnerabilities.mean, n * sizeof(float))
                self.rows.close_row(self.portfolio.areaperils.id[a],
                                    <int32_t>self.portfolio.vulnerabilities.id[v], used + n)
            if uncertain:
                share += i
        return 0

    cdef int fail_missing(self, int32_t event_id, int32_t areaperil) except -1:
        cdef Portfolio portfolio = self.portfolio
        cdef int64_t k = portfolio.start[areaperil]
        while self.vulnerabilities.matrix[portfolio.vulnerability[k]] != NULL:
            k += 1
        raise DataError(f"{portfolio.items.name}: event {event_id}: areaperil "
                        f"{portfolio.areaperils.id[areaperil]} has "
                        f"vulnerability {portfolio.vulnerability_id(portfolio.vulnerability[k])}, of which "
                        f"{self.vulnerabilities.file.name} has no rows with intensity bins 1 to "
                        f"{self.footprint.n_intensity}")
