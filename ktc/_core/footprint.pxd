# Where an event's rows lie in the hazard's binary forms. A Footprint is loaded once and shared read-only;
# EventRows is what one thread finds rows with.
from libc.stdint cimport int32_t, int64_t, uint64_t

from ktc._core.blocks cimport EventConsumer
from ktc._core.hashing cimport Numbers
from ktc._core.io cimport Mapped


# An event's place in the footprint file.
cdef struct Place:
    int64_t offset, size, original_size


cdef class Footprint:
    cdef Mapped file
    cdef int32_t n_intensity
    cdef bint uncertain             # an areaperil has a distribution of intensity bins, not one bin
    cdef bint compressed
    cdef bint sized                 # the index tells how large an event is when decompressed
    cdef Numbers events
    cdef Place *place               # by event number
    cdef int set_place(self, int32_t event_id, int64_t offset, int64_t size,
                       int64_t original_size) except -1 nogil


cdef class EventRows:
    cdef Footprint footprint
    cdef readonly int areaperil     # bytes of an areaperil id
    cdef int record                 # of a row
    cdef bytes inflated             # a decompressed event
    # the event that was found: its rows, and how many they are
    cdef const char *data
    cdef int64_t n
    # Whether there is such an event; where its rows lie is checked, what is in them is not.
    cdef bint find(self, int32_t event_id) except -1 nogil
    cdef int inflate(self, int32_t event_id, const Place *place) except -1
    cdef int fail(self, int32_t event_id, int64_t offset, str message) except -1
    # Row `row` of the event has something wrong.
    cdef int fail_row(self, int32_t event_id, uint64_t areaperil_id, int64_t row, str message) except -1


cdef class EventStage(EventConsumer):
    cdef int32_t event_id
    cdef bint pending               # event_id's last rows wait for what comes behind them
    cdef bint sending               # out is at work; still set behind an error of its own
    # For the subclass: work an event out; hand what waits to `out`.
    cdef int event_of(self, int32_t event_id) except -1 nogil
    cdef int emit(self, bint end_of_event) except -1 nogil
    # An event has rows. The event before is over only now: until then its own id may come again.
    cdef int begin_event(self, int32_t event_id) except -1 nogil
    cdef int close_event(self) except -1 nogil
    cdef int send(self, bint end_of_event) except -1 nogil


# What was deflated into size bytes; original_size is what that must have been, or -1 when nobody knows.
cdef bytes inflate(const char *data, int64_t size, int64_t original_size)
