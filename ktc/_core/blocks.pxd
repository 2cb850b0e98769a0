# What passes between stages: blocks of part of one event, and the two sides that exchange them.
#
# A block is bounded in size, holds rows of one event only, and belongs to its producer: a consumer that wants
# to keep something copies it before it returns. An event's last block carries end_of_event; two events that
# follow each other have different ids (a producer that meets the same id again goes on with the same event),
# and an event without rows sends no block. Every value in a block has been checked: a consumer may index with
# sidx after begin() has given it the sample size.
#
# Call order on a consumer: begin once, accept any number of times, finish once. After an error nothing more
# is called.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t


# Cumulative damage distributions. Row i is the pair (areaperil_id[i], vulnerability_id[i]) with bins start[i]
# <= k < start[i + 1]: prob_to[k] is the cumulative probability, bin_mean[k] the damage ratio that bin stands
# for.
cdef struct CdfBlock:
    int32_t event_id
    bint end_of_event
    Py_ssize_t n
    const uint64_t *areaperil_id
    const int32_t *vulnerability_id
    const int64_t *start
    const float *prob_to
    const float *bin_mean


# The header of a loss stream. kind is the first word on the wire (see ktc.schemas.streams). sample_size is -1
# where gulcalc was run without -S: no samples, and the header passes on as it is.
cdef struct LossHeader:
    uint32_t kind
    int32_t sample_size
    int32_t summary_set             # summary streams only


# Losses of items, coverages, financial-module outputs or summaries. Row i is id[i] with records start[i] <= k
# < start[i + 1]: loss[k] belongs to sample sidx[k]. sidx is -5..-1 (special) or 1..sample_size. dense[i]: the
# row's last sample_size records are sidx 1, 2, ... sample_size, and what precedes them is special. exposure
# is NULL unless the rows are summaries. offset[i]: the byte of the stream at which the row's packet begins;
# NULL unless a stream of summaries is read.
cdef struct LossBlock:
    int32_t event_id
    bint end_of_event
    Py_ssize_t n
    const int32_t *id
    const float *exposure
    const int64_t *start
    const int32_t *sidx
    const float *loss
    const uint8_t *dense
    const int64_t *offset


# The sidx that a row needs next to be dense: `following` (1 in an empty row) moved on by a record with this
# sidx; 0 when it no longer can be. A row of sample_size + 1 is dense.
cdef inline int32_t next_of_dense(int32_t following, int32_t sidx) noexcept nogil:
    if sidx > 0:
        return sidx + 1 if sidx == following else 0
    return 1 if following == 1 else 0


cdef class EventConsumer:
    cdef int begin(self) except -1 nogil
    cdef int accept(self, const int32_t *event_id, Py_ssize_t n) except -1 nogil
    cdef int finish(self) except -1 nogil


cdef class CdfConsumer:
    cdef int begin(self) except -1 nogil
    cdef int accept(self, const CdfBlock *block) except -1 nogil
    cdef int finish(self) except -1 nogil


cdef class LossConsumer:
    cdef int begin(self, const LossHeader *header) except -1 nogil
    cdef int accept(self, const LossBlock *block) except -1 nogil
    cdef int finish(self) except -1 nogil


# Where a producer of cdfs builds the next block. Add a row with room() bins at prob_to[used], bin_mean[used],
# then close_row; full() says that emit is due; `emitted` counts the blocks. Memory is kept from block to
# block.
cdef class CdfRows:
    cdef CdfBlock block
    cdef Py_ssize_t n, row_room
    cdef int64_t used, bin_room, emitted
    cdef uint64_t *areaperil_id
    cdef int32_t *vulnerability_id
    cdef int64_t *start
    cdef float *prob_to
    cdef float *bin_mean
    cdef int64_t limit

    # Room for one more row of up to `bins` bins from index self.used on.
    cdef inline int room(self, int64_t bins) except -1 nogil:
        if self.n + 1 >= self.row_room or self.used + bins > self.bin_room:
            self.grow(1, bins)
        return 0

    # The row is complete: its bins are those from the last row's end to `used`.
    cdef inline void close_row(self, uint64_t areaperil_id, int32_t vulnerability_id,
                               int64_t used) noexcept nogil:
        self.areaperil_id[self.n] = areaperil_id
        self.vulnerability_id[self.n] = vulnerability_id
        self.n += 1
        self.start[self.n] = used
        self.used = used

    cdef inline bint full(self) noexcept nogil:
        return self.used >= self.limit or self.n >= self.limit

    # Room for `rows` more rows and, from self.used on, `bins` more bins.
    cdef int grow(self, Py_ssize_t rows, int64_t bins) except -1 nogil
    # Hold the rows of `block` and no others. A block that goes into LossRows with exposure has one itself.
    cdef int copy_from(self, const CdfBlock *block) except -1 nogil
    # Exchange memory with another builder: what was emitted last lives on in the other one.
    cdef void swap(self, CdfRows other) noexcept nogil
    # Send the rows collected so far (if any) and start anew.
    cdef int emit(self, CdfConsumer to, int32_t event_id, bint end_of_event) except -1 nogil


# The same for losses: room(records), fill sidx[used...] and loss[used...], close_row.
cdef class LossRows:
    cdef LossBlock block
    cdef Py_ssize_t n, row_room
    cdef int64_t used, record_room, emitted
    cdef int32_t *id
    cdef float *exposure
    cdef int64_t *start
    cdef int32_t *sidx
    cdef float *loss
    cdef uint8_t *dense
    cdef int64_t limit
    cdef bint with_exposure

    cdef inline int room(self, int64_t records) except -1 nogil:
        if self.n + 1 >= self.row_room or self.used + records > self.record_room:
            self.grow(1, records)
        return 0

    cdef inline void close_row(self, int32_t id, int64_t used, bint dense) noexcept nogil:
        self.id[self.n] = id
        self.dense[self.n] = dense
        self.n += 1
        self.start[self.n] = used
        self.used = used

    cdef inline bint full(self) noexcept nogil:
        return self.used >= self.limit or self.n >= self.limit

    cdef int grow(self, Py_ssize_t rows, int64_t records) except -1 nogil
    cdef int copy_from(self, const LossBlock *block) except -1 nogil
    cdef void swap(self, LossRows other) noexcept nogil
    cdef int emit(self, LossConsumer to, int32_t event_id, bint end_of_event) except -1 nogil
