"""The hazard in ktools' binary forms: footprint.bin + footprint.idx, or footprint.bin.z + footprint.idx.z,
where each event is deflated and the index has an original_size as well when bit 1 of flags is set.
"""
from cpython.memoryview cimport PyMemoryView_FromMemory
from libc.stdint cimport INT32_MAX, uint32_t
from libc.stdlib cimport free
from libc.string cimport memcpy

from ktc._core cimport records as rec
from ktc._core.hashing cimport add_number, find_number, free_numbers, start_numbers
from ktc._core.memory cimport allot

cdef extern from "Python.h":
    int PyBUF_READ

# A header that promises more intensity bins is no header: memory for the vulnerabilities depends on it.
cdef int32_t MAX_INTENSITY = 1 << 20
# No deflated stream expands further.
cdef int64_t MAX_EXPANSION = 1032


cdef bytes inflate(const char *data, int64_t size, int64_t original_size):
    """What was deflated into size bytes; original_size is what that must have been, or -1 when nobody knows.
    """
    cdef int64_t hint = min(max(20 * size, 1024), INT32_MAX)
    if original_size >= 0:
        if original_size > MAX_EXPANSION * size:
            raise ValueError(f"{original_size} bytes when decompressed, by the index: more than {size} bytes "
                             f"can hold")
        hint = max(original_size, 1)
    import zlib                         # of all forms of these tables one needs it

    try:
        whole = zlib.decompress(PyMemoryView_FromMemory(<char *>data, size, PyBUF_READ), bufsize=hint)
    except zlib.error as error:
        raise ValueError(f"cannot decompress {size} bytes: {error}") from None
    if original_size >= 0 and len(whole) != original_size:
        raise ValueError(f"{len(whole)} bytes when decompressed, expected {original_size}")
    return whole


cdef class Footprint:
    """The hazard: where each event's rows lie. Nothing of the rows themselves is read before an event asks
    for them."""

    def __cinit__(self, Mapped file not None, Mapped index not None, bint compressed):
        cdef rec.footprint_header header
        cdef const rec.footprint_index *entry
        cdef const rec.footprint_index_sized *sized
        cdef int64_t k, n
        self.file, self.compressed = file, compressed
        start_numbers(&self.events)
        file.records(1, None, sizeof(header))
        memcpy(&header, file.data, sizeof(header))
        self.n_intensity = header.max_intensity_bin
        if self.n_intensity < 1 or self.n_intensity > MAX_INTENSITY:
            file.fail(0, f"the largest intensity bin is {self.n_intensity}, expected 1 to {MAX_INTENSITY}")
        if header.flags < 0 or header.flags > 3:
            file.fail(sizeof(int32_t), f"the flags are {header.flags}, expected 0 to 3")
        # without compression ktools takes any flag for uncertainty of intensity
        self.uncertain = header.flags & 1 if compressed else header.flags != 0
        self.sized = compressed and header.flags & 2
        record = sizeof(rec.footprint_index_sized) if self.sized else sizeof(rec.footprint_index)
        n = index.records(record, "an entry")
        self.place = <Place *>allot(n, sizeof(Place))
        entry, sized = <const rec.footprint_index *>index.data, <const rec.footprint_index_sized *>index.data
        with nogil:
            for k in range(n):          # an event listed twice is what its last entry says
                if self.sized:
                    self.set_place(sized[k].event_id, sized[k].offset, sized[k].size, sized[k].original_size)
                else:
                    self.set_place(entry[k].event_id, entry[k].offset, entry[k].size, -1)

    def __dealloc__(self):
        free_numbers(&self.events)
        free(self.place)

    cdef int set_place(self, int32_t event_id, int64_t offset, int64_t size,
                       int64_t original_size) except -1 nogil:
        cdef Place *place = &self.place[add_number(&self.events, <uint32_t>event_id)]
        place.offset, place.size, place.original_size = offset, size, original_size
        return 0


cdef class EventRows:
    """The rows of one event after the other, for one stage."""

    def __cinit__(self, Footprint footprint not None, int areaperil=4):
        self.footprint, self.areaperil = footprint, areaperil
        self.record = sizeof(rec.footprint_u4) if areaperil == 4 else sizeof(rec.footprint_u8)

    cdef bint find(self, int32_t event_id) except -1 nogil:
        cdef int32_t number = find_number(&self.footprint.events, <uint32_t>event_id)
        cdef const Place *place
        cdef int64_t end = self.footprint.file.size
        cdef int64_t size
        if number < 0:
            return False
        place = &self.footprint.place[number]
        if (place.offset < <int64_t>sizeof(rec.footprint_header) or place.size < 0 or place.offset > end
                or place.size > end - place.offset):
            with gil:
                self.fail(event_id, place.offset,
                          f"the index gives it {place.size} bytes at {place.offset}, expected a place in "
                          f"the {end} bytes of the file")
        self.data, size = self.footprint.file.data + place.offset, place.size
        if self.footprint.compressed:
            with gil:
                self.inflate(event_id, place)
                self.data, size = self.inflated, len(self.inflated)
        if size % self.record:
            with gil:
                self.fail(event_id, place.offset,
                          f"{size} bytes of rows, expected a multiple of {self.record}")
        self.n = size // self.record
        return True

    cdef int inflate(self, int32_t event_id, const Place *place) except -1:
        """The rows of a compressed footprint's event. Apart from find(), which would else ask for the
        interpreter at its end, for the sake of the error's name, for every event."""
        try:
            self.inflated = inflate(self.footprint.file.data + place.offset, place.size, place.original_size)
        except ValueError as error:
            self.fail(event_id, place.offset, str(error))
        return 0

    cdef int fail(self, int32_t event_id, int64_t offset, str message) except -1:
        self.footprint.file.fail(offset, f"event {event_id}: {message}")

    cdef int fail_row(self, int32_t event_id, uint64_t areaperil_id, int64_t row, str message) except -1:
        cdef Footprint footprint = self.footprint
        cdef int64_t offset = footprint.place[find_number(&footprint.events, <uint32_t>event_id)].offset
        message = f"areaperil {areaperil_id}: {message}"
        if footprint.compressed:
            self.fail(event_id, offset, f"row {row + 1}: {message}")
        self.fail(event_id, offset + row * self.record, message)


cdef class EventStage(EventConsumer):
    """A stage that takes event ids: the event whose last rows wait is over when another one has rows."""

    cdef int accept(self, const int32_t *event_id, Py_ssize_t n) except -1 nogil:
        cdef Py_ssize_t k
        for k in range(n):
            self.event_of(event_id[k])
        return 0

    cdef int event_of(self, int32_t event_id) except -1 nogil:
        with gil:
            raise NotImplementedError

    cdef int emit(self, bint end_of_event) except -1 nogil:
        with gil:
            raise NotImplementedError

    cdef int begin_event(self, int32_t event_id) except -1 nogil:
        if event_id != self.event_id:
            self.close_event()
        self.event_id, self.pending = event_id, True
        return 0

    cdef int close_event(self) except -1 nogil:
        if self.pending:
            self.pending = False
            self.send(True)
        return 0

    cdef int send(self, bint end_of_event) except -1 nogil:
        self.sending = True
        self.emit(end_of_event)
        self.sending = False
        return 0

    def complete(self):
        """After an error in the events or the model: send on the rest of the event before it, unless `out`
        has failed."""
        if not self.sending:
            self.close_event()
