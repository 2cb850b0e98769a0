"""Losses from csv: the rows that gultocsv writes, or those of summarycalctocsv -e, as blocks of a stream.

    event_id                 id  sidx  loss
    event_id exposure_value  id  sidx  loss

Rows that follow each other with the same event, id and exposed value are a packet. Only the row behind
a packet shows that it has ended, so the decoder stays one row ahead.
"""
cimport cython
from libc.stdint cimport int32_t, int64_t

from ktc._core.blocks cimport LossConsumer, LossHeader, LossRows, next_of_dense
from ktc._core.csvrows cimport Cell, CsvRows, Layout
from ktc._core.io cimport Source
from ktc._core.records cimport MOST_SAMPLES, SPECIAL_SAMPLES

from ktc.errors import UsageError

cdef enum:
    COLUMNS = 5                         # with exposure_value


@cython.final
cdef class LossCsvDecoder:
    """Losses from csv. layout: its columns, as above. kind: the first word of the stream that it becomes
    (summaries are of set 1). sample_size: of the stream; a row of a sample above it is left out, or with
    strict an error. whole_events: pass an event on only when its last row has been read and checked. Raises
    DataError with the line.
    """
    cdef CsvRows csv
    cdef LossRows rows
    cdef LossHeader header
    cdef Cell cell[COLUMNS]             # the row ahead
    cdef int exposure, id, sidx, loss   # columns; exposure: -1 where there is none
    cdef bint strict, begun, more, in_event
    cdef int32_t event_id

    def __cinit__(self, Source source not None, Layout layout not None, kind, sample_size, *,
                  bint strict=False,
                  bint whole_events=False):
        if sample_size is None or not 0 <= sample_size <= MOST_SAMPLES:
            raise UsageError(f"the sample size (-S) is {'missing' if sample_size is None else sample_size}, "
                             f"expected 0 to "
                             f"{MOST_SAMPLES}")
        self.header.kind, self.header.sample_size, self.header.summary_set = kind, sample_size, 1
        self.csv, self.strict = CsvRows(source, layout), strict
        self.exposure = 1 if layout.n == COLUMNS else -1
        self.id, self.sidx, self.loss = layout.n - 3, layout.n - 2, layout.n - 1
        self.rows = LossRows(whole_events, with_exposure=self.exposure > 0)

    cdef bint step(self, LossConsumer to) except -1 nogil:
        """Read one packet; False at the end of the csv."""
        if not self.begun:
            self.csv.start()
            self.begun = True
            to.begin(&self.header)
            self.more = self.read_row()
        if not self.more:
            if self.in_event:
                self.rows.emit(to, self.event_id, True)
            to.finish()
            return False
        self.read_packet(to)
        return True

    # The next row into cell; False at the end of the csv.
    cdef inline bint read_row(self) except -1 nogil:
        cdef int64_t sidx
        while self.csv.next(self.cell):
            sidx = self.cell[self.sidx].i
            if -SPECIAL_SAMPLES <= sidx <= self.header.sample_size and sidx:
                return True
            if self.strict or sidx <= 0:
                with gil:
                    self.csv.fault(f"sidx is {sidx}, expected {-SPECIAL_SAMPLES} to -1 or 1 to "
                                   f"{self.header.sample_size}, the sample size")
        return False

    cdef int read_packet(self, LossConsumer to) except -1 nogil:
        cdef int64_t event_id = self.cell[0].i, id = self.cell[self.id].i, used
        cdef int32_t sidx, following = 1
        cdef float exposure = 0
        if self.exposure > 0:
            exposure = self.cell[self.exposure].f
        if self.in_event and event_id != self.event_id:
            self.rows.emit(to, self.event_id, True)
        elif self.rows.full():
            self.rows.emit(to, self.event_id, False)
        self.event_id, self.in_event = <int32_t>event_id, True
        used = self.rows.used
        while True:
            if used == self.rows.record_room or self.rows.n + 1 >= self.rows.row_room:
                self.rows.used = used                   # room() counts from here
                self.rows.room(1)
            sidx = <int32_t>self.cell[self.sidx].i
            following = next_of_dense(following, sidx)
            self.rows.sidx[used], self.rows.loss[used] = sidx, self.cell[self.loss].f
            used += 1
            self.more = self.read_row()
            if not self.more or self.cell[self.id].i != id or self.cell[0].i != event_id:
                break
            if self.exposure > 0 and self.cell[self.exposure].f != exposure:
                break
        self.rows.used = self.rows.start[self.rows.n]
        if self.exposure > 0:
            self.rows.exposure[self.rows.n] = exposure
        self.rows.close_row(<int32_t>id, used, following == self.header.sample_size + 1)
        return 0

    def run(self, LossConsumer to not None):
        """Send everything to `to`, without the GIL."""
        with nogil:
            while self.step(to):
                pass

    def advance(self, LossConsumer to not None):
        """Send the next part on, without the GIL; False when that was all."""
        cdef bint more
        with nogil:
            more = self.step(to)
        return more
