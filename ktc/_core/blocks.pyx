"""Blocks and the two sides that exchange them; the contract is in blocks.pxd."""
from libc.stdint cimport INT64_MAX
from libc.stdlib cimport free
from libc.string cimport memcpy

from ktc._core.memory cimport resize

# Values in a block: 32 Ki of them are 256 KiB of records, which stay in the second-level cache from stage to
# stage.
cdef int64_t BLOCK_VALUES = 1 << 15


cdef class EventConsumer:
    """Takes event ids."""

    cdef int begin(self) except -1 nogil:
        return 0

    cdef int accept(self, const int32_t *event_id, Py_ssize_t n) except -1 nogil:
        with gil:
            raise NotImplementedError

    cdef int finish(self) except -1 nogil:
        return 0


cdef class CdfConsumer:
    """Takes cumulative damage distributions."""

    cdef int begin(self) except -1 nogil:
        return 0

    cdef int accept(self, const CdfBlock *block) except -1 nogil:
        with gil:
            raise NotImplementedError

    cdef int finish(self) except -1 nogil:
        return 0


cdef class LossConsumer:
    """Takes losses of items, coverages, financial-module outputs or summaries."""

    cdef int begin(self, const LossHeader *header) except -1 nogil:
        return 0

    cdef int accept(self, const LossBlock *block) except -1 nogil:
        with gil:
            raise NotImplementedError

    cdef int finish(self) except -1 nogil:
        return 0


cdef class CdfRows:
    """Builds CdfBlocks. whole_events: hold an event together in one block, however large."""

    def __cinit__(self, bint whole_events=False):
        self.limit = INT64_MAX if whole_events else BLOCK_VALUES
        self.grow(1, 1)
        self.start[0] = 0

    def __dealloc__(self):
        free(self.areaperil_id)
        free(self.vulnerability_id)
        free(self.start)
        free(self.prob_to)
        free(self.bin_mean)

    cdef int grow(self, Py_ssize_t rows, int64_t bins) except -1 nogil:
        if self.n + rows >= self.row_room:
            self.row_room = max(2 * self.row_room, max(self.n + rows + 1, 1024))
            resize(<void **>&self.areaperil_id, self.row_room, sizeof(uint64_t))
            resize(<void **>&self.vulnerability_id, self.row_room, sizeof(int32_t))
            resize(<void **>&self.start, self.row_room + 1, sizeof(int64_t))
        if self.used + bins > self.bin_room:
            self.bin_room = max(2 * self.bin_room, max(self.used + bins, BLOCK_VALUES))
            resize(<void **>&self.prob_to, self.bin_room, sizeof(float))
            resize(<void **>&self.bin_mean, self.bin_room, sizeof(float))
        return 0

    cdef int copy_from(self, const CdfBlock *block) except -1 nogil:
        cdef int64_t bins = block.start[block.n] if block.n else 0
        self.n, self.used = 0, 0
        self.grow(block.n, bins)
        memcpy(self.areaperil_id, block.areaperil_id, block.n * sizeof(uint64_t))
        memcpy(self.vulnerability_id, block.vulnerability_id, block.n * sizeof(int32_t))
        memcpy(self.start, block.start, (block.n + 1) * sizeof(int64_t))
        memcpy(self.prob_to, block.prob_to, bins * sizeof(float))
        memcpy(self.bin_mean, block.bin_mean, bins * sizeof(float))
        self.n, self.used = block.n, bins
        return 0

    cdef void swap(self, CdfRows other) noexcept nogil:
        self.row_room, other.row_room = other.row_room, self.row_room
        self.bin_room, other.bin_room = other.bin_room, self.bin_room
        self.areaperil_id, other.areaperil_id = other.areaperil_id, self.areaperil_id
        self.vulnerability_id, other.vulnerability_id = other.vulnerability_id, self.vulnerability_id
        self.start, other.start = other.start, self.start
        self.prob_to, other.prob_to = other.prob_to, self.prob_to
        self.bin_mean, other.bin_mean = other.bin_mean, self.bin_mean

    cdef int emit(self, CdfConsumer to, int32_t event_id, bint end_of_event) except -1 nogil:
        if self.n or end_of_event:
            self.block.event_id, self.block.end_of_event, self.block.n = event_id, end_of_event, self.n
            self.block.areaperil_id, self.block.vulnerability_id = self.areaperil_id, self.vulnerability_id
            self.block.start, self.block.prob_to = self.start, self.prob_to
            self.block.bin_mean = self.bin_mean
            to.accept(&self.block)
            self.n, self.used = 0, 0
            self.emitted += 1
        return 0


cdef class LossRows:
    """Builds LossBlocks. whole_events: hold an event together in one block; with_exposure: the rows are
    summaries."""

    def __cinit__(self, bint whole_events=False, bint with_exposure=False):
        self.limit = INT64_MAX if whole_events else BLOCK_VALUES
        self.with_exposure = with_exposure
        self.grow(1, 1)
        self.start[0] = 0

    def __dealloc__(self):
        free(self.id)
        free(self.exposure)
        free(self.start)
        free(self.sidx)
        free(self.loss)
        free(self.dense)

    cdef int grow(self, Py_ssize_t rows, int64_t records) except -1 nogil:
        if self.n + rows >= self.row_room:
            self.row_room = max(2 * self.row_room, max(self.n + rows + 1, 1024))
            resize(<void **>&self.id, self.row_room, sizeof(int32_t))
            if self.with_exposure:
                resize(<void **>&self.exposure, self.row_room, sizeof(float))
            resize(<void **>&self.start, self.row_room + 1, sizeof(int64_t))
            resize(<void **>&self.dense, self.row_room, sizeof(uint8_t))
        if self.used + records > self.record_room:
            self.record_room = max(2 * self.record_room, max(self.used + records, BLOCK_VALUES))
            resize(<void **>&self.sidx, self.record_room, sizeof(int32_t))
            resize(<void **>&self.loss, self.record_room, sizeof(float))
        return 0

    cdef int copy_from(self, const LossBlock *block) except -1 nogil:
        cdef int64_t records = block.start[block.n] if block.n else 0
        self.n, self.used = 0, 0
        self.grow(block.n, records)
        memcpy(self.id, block.id, block.n * sizeof(int32_t))
        if self.with_exposure:
            memcpy(self.exposure, block.exposure, block.n * sizeof(float))
        memcpy(self.start, block.start, (block.n + 1) * sizeof(int64_t))
        memcpy(self.sidx, block.sidx, records * sizeof(int32_t))
        memcpy(self.loss, block.loss, records * sizeof(float))
        memcpy(self.dense, block.dense, block.n * sizeof(uint8_t))
        self.n, self.used = block.n, records
        return 0

    cdef void swap(self, LossRows other) noexcept nogil:
        self.row_room, other.row_room = other.row_room, self.row_room
        self.record_room, other.record_room = other.record_room, self.record_room
        self.with_exposure, other.with_exposure = other.with_exposure, self.with_exposure
        self.id, other.id = other.id, self.id
        self.exposure, other.exposure = other.exposure, self.exposure
        self.start, other.start = other.start, self.start
        self.sidx, other.sidx = other.sidx, self.sidx
        self.loss, other.loss = other.loss, self.loss
        self.dense, other.dense = other.dense, self.dense

    cdef int emit(self, LossConsumer to, int32_t event_id, bint end_of_event) except -1 nogil:
        if self.n or end_of_event:
            self.block.event_id, self.block.end_of_event, self.block.n = event_id, end_of_event, self.n
            self.block.id, self.block.start = self.id, self.start
            self.block.exposure = self.exposure if self.with_exposure else NULL
            self.block.sidx, self.block.loss, self.block.dense = self.sidx, self.loss, self.dense
            to.accept(&self.block)
            self.n, self.used = 0, 0
            self.emitted += 1
        return 0
