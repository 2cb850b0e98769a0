"""Blocks as Python sees them, and the consumers that hand them over.

A Cdfs or Losses object owns its memory: its arrays are NumPy views of it (zero copy, read-only) and stay
valid for as long as one of them is kept. A reader takes over the memory that its decoder filled; after a
chain of stages a block is copied once.
"""
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND, PyBUF_STRIDES, PyBUF_WRITABLE

from ktc._core.blocks cimport (CdfBlock, CdfConsumer, CdfRows, LossBlock, LossConsumer, LossHeader,
                               LossRows)
from ktc._core.codec cimport CdfDecoder, LossDecoder

from ktc.errors import DataError


cdef class Array:
    """A read-only buffer over memory that `owner` keeps alive."""
    cdef const void *data
    cdef Py_ssize_t count, itemsize
    cdef bytes format
    cdef object owner

    def __getbuffer__(self, Py_buffer *view, int flags):
        if flags & PyBUF_WRITABLE:
            raise BufferError("blocks are read-only")
        view.obj = self
        view.buf = <void *>self.data
        view.len, view.itemsize = self.count * self.itemsize, self.itemsize
        view.readonly, view.ndim = True, 1
        view.format = <char *>self.format if flags & PyBUF_FORMAT else NULL
        view.shape = &self.count if flags & PyBUF_ND else NULL
        view.strides = &self.itemsize if (flags & PyBUF_STRIDES) == PyBUF_STRIDES else NULL
        view.suboffsets = NULL
        view.internal = NULL


cdef object array(object owner, const void *data, Py_ssize_t count, Py_ssize_t itemsize, bytes format):
    """count values at data as a NumPy array that keeps owner alive."""
    import numpy

    cdef Array a = Array.__new__(Array)
    a.data, a.count, a.itemsize, a.format, a.owner = data, count, itemsize, format, owner
    return numpy.asarray(a)


cdef class Cdfs:
    """Cumulative damage distributions of one event, or of a part of it.

    A stream or a chain gives them. len() is the number of rows, n. Row i is the distribution of
    areaperil_id[i] and vulnerability_id[i]: its bins are prob_to[start[i]:start[i + 1]] and as much of
    bin_mean. Arrays are read-only and stay valid as long as they are kept.

    Attributes
    ----------
    event_id : int
        The event.
    end_of_event : bool
        Whether this is the event's last block.
    areaperil_id : numpy.ndarray
        (n,) uint64.
    vulnerability_id : numpy.ndarray
        (n,) int32.
    start : numpy.ndarray
        (n + 1,) int64: where the rows' bins begin, and where the last row's end.
    prob_to : numpy.ndarray
        (start[n],) float32: the probability of this bin's damage or less.
    bin_mean : numpy.ndarray
        (start[n],) float32: the damage ratio that stands for the bin.

    Raises
    ------
    TypeError
        When called: blocks are not made by hand.

    Examples
    --------
    >>> import ktc
    >>> cdfs = next(iter(ktc.getmodel(ktc.eve(1, 100))))
    >>> cdfs
    <Cdfs: event 1, 42 rows, end of event>
    >>> cdfs.areaperil_id[:3].tolist(), cdfs.start[:3].tolist()
    ([6, 6, 8], [0, 22, 44])
    >>> round(float(cdfs.prob_to[cdfs.start[1] - 1]), 4)
    1.0
    """
    cdef CdfRows rows
    cdef readonly int event_id
    cdef readonly bint end_of_event
    cdef Py_ssize_t n

    def __init__(self):
        raise TypeError("blocks come from a stream or a chain")

    def __len__(self):
        return self.n

    @property
    def areaperil_id(self):
        return array(self.rows, self.rows.areaperil_id, self.n, 8, b"Q")

    @property
    def vulnerability_id(self):
        return array(self.rows, self.rows.vulnerability_id, self.n, 4, b"i")

    @property
    def start(self):
        return array(self.rows, self.rows.start, self.n + 1, 8, b"q")

    @property
    def prob_to(self):
        return array(self.rows, self.rows.prob_to, self.rows.start[self.n], 4, b"f")

    @property
    def bin_mean(self):
        return array(self.rows, self.rows.bin_mean, self.rows.start[self.n], 4, b"f")

    def __repr__(self):
        return f"<Cdfs: event {self.event_id}, {self.n} rows{', end of event' if self.end_of_event else ''}>"


cdef class Losses:
    """Losses of one event, or of a part of it.

    A stream or a chain gives them. len() is the number of rows, n. Row i holds the losses of id[i]: its
    records are sidx[start[i]:start[i + 1]] and as much of loss. Arrays are read-only and stay valid as long
    as they are kept.

    Attributes
    ----------
    event_id : int
        The event.
    end_of_event : bool
        Whether this is the event's last block.
    id : numpy.ndarray
        (n,) int32: items, coverages, outputs of the financial module, or summaries.
    start : numpy.ndarray
        (n + 1,) int64: where the rows' records begin, and where the last row's end.
    sidx : numpy.ndarray
        (start[n],) int32: a sample from 1 to the sample size, or a special one (-1 mean, -2 standard
        deviation, -3 TIV, -4 affected risks, -5 maximum loss).
    loss : numpy.ndarray
        (start[n],) float32, in currency.
    exposure : numpy.ndarray or None
        (n,) float32, in currency: the exposed value of a summary; None in other streams.

    Raises
    ------
    TypeError
        When called: blocks are not made by hand.

    Examples
    --------
    >>> import ktc
    >>> csv = b"event_id,item_id,sidx,loss\\n1,7,-1,5\\n1,7,1,5\\n1,8,2,1\\n"
    >>> (losses,) = ktc.gultobin(csv, sample_size=2)
    >>> losses
    <Losses: event 1, 2 rows, end of event>
    >>> losses.id.tolist(), losses.start.tolist()
    ([7, 8], [0, 2, 3])
    >>> losses.sidx.tolist(), losses.loss.tolist()
    ([-1, 1, 2], [5.0, 5.0, 1.0])
    """
    cdef LossRows rows
    cdef readonly int event_id
    cdef readonly bint end_of_event
    cdef Py_ssize_t n

    def __init__(self):
        raise TypeError("blocks come from a stream or a chain")

    def __len__(self):
        return self.n

    @property
    def id(self):
        return array(self.rows, self.rows.id, self.n, 4, b"i")

    @property
    def start(self):
        return array(self.rows, self.rows.start, self.n + 1, 8, b"q")

    @property
    def sidx(self):
        return array(self.rows, self.rows.sidx, self.rows.start[self.n], 4, b"i")

    @property
    def loss(self):
        return array(self.rows, self.rows.loss, self.rows.start[self.n], 4, b"f")

    @property
    def exposure(self):
        return array(self.rows, self.rows.exposure, self.n, 4, b"f") if self.rows.with_exposure else None

    def dense(self, sample_size=None):
        """The samples as a matrix.

        Parameters
        ----------
        sample_size : int, optional
            The number of columns; the largest sidx of the block unless given.

        Returns
        -------
        numpy.ndarray
            (n, sample_size) float32, losses in currency: column s - 1 is sample s, 0 where a row has none.
            Several records of a sample add up; the special ones (sidx below 0) are left out.

        Raises
        ------
        ValueError
            For a sample above sample_size.

        Examples
        --------
        >>> import ktc
        >>> stream = ktc.gultobin(b"event_id,item_id,sidx,loss\\n1,7,1,5\\n1,7,3,2.5\\n", sample_size=3)
        >>> [block.dense(3).tolist() for block in stream]
        [[[5.0, 0.0, 2.5]]]
        """
        import numpy

        sidx = self.sidx
        largest = int(sidx.max(initial=0))
        if sample_size is None:
            sample_size = largest
        if largest > sample_size:
            raise ValueError(f"sample {largest} in a block of {sample_size} samples")
        matrix = numpy.zeros((self.n, sample_size), numpy.float32)
        chosen = numpy.flatnonzero(sidx > 0)
        row = numpy.repeat(numpy.arange(self.n), numpy.diff(self.start))
        numpy.add.at(matrix, (row[chosen], sidx[chosen] - 1), self.loss[chosen])
        return matrix

    def __repr__(self):
        end = ", end of event" if self.end_of_event else ""
        return f"<Losses: event {self.event_id}, {self.n} rows{end}>"


cdef class CdfCatcher(CdfConsumer):
    """Keeps the blocks that arrive, as Python objects in `caught`."""
    cdef readonly list caught
    cdef CdfDecoder decoder         # whose memory is taken over; None: blocks are copied

    def __cinit__(self):
        self.caught = []

    cdef int accept(self, const CdfBlock *block) except -1 nogil:
        with gil:
            self.catch_block(block)
        return 0

    cdef int catch_block(self, const CdfBlock *block) except -1:
        cdef Cdfs caught = Cdfs.__new__(Cdfs)
        cdef CdfRows rows = CdfRows()
        caught.rows, caught.event_id = rows, block.event_id
        caught.end_of_event, caught.n = block.end_of_event, block.n
        if self.decoder is not None:
            self.decoder.take_memory(rows)
        else:
            rows.copy_from(block)
        self.caught.append(caught)
        return 0


cdef class LossCatcher(LossConsumer):
    """Keeps the blocks that arrive, as Python objects in `caught`."""
    cdef readonly list caught
    cdef LossDecoder decoder
    cdef LossHeader header

    def __cinit__(self):
        self.caught = []

    @property
    def sample_size(self):
        return self.header.sample_size

    @property
    def kind(self):
        return self.header.kind

    cdef int begin(self, const LossHeader *header) except -1 nogil:
        self.header = header[0]
        return 0

    cdef int accept(self, const LossBlock *block) except -1 nogil:
        with gil:
            self.catch_block(block)
        return 0

    cdef int catch_block(self, const LossBlock *block) except -1:
        cdef Losses caught = Losses.__new__(Losses)
        cdef LossRows rows = LossRows(with_exposure=block.exposure != NULL)
        caught.rows, caught.event_id = rows, block.event_id
        caught.end_of_event, caught.n = block.end_of_event, block.n
        if self.decoder is not None:
            self.decoder.take_memory(rows)
        else:
            rows.copy_from(block)
        self.caught.append(caught)
        return 0


def complete(first):
    """Bad input: what the kernel `first` still holds of events that are whole goes out before the error does.
    """
    if hasattr(first, "complete"):
        first.complete()


def each_block(decoder, first, catcher):
    """Iterate over what a catcher catches while decoder feeds `first`, the first of the kernels in front of
    it; on bad input over what is due before the error, which comes then."""
    more = True
    while more:
        try:
            more = decoder.advance(first)
        except DataError:
            complete(first)
            yield from catcher.caught
            raise
        yield from catcher.caught
        catcher.caught.clear()


def read_cdfs(CdfDecoder decoder not None):
    """Iterate over the blocks (Cdfs) of a CdfDecoder."""
    cdef CdfCatcher catcher = CdfCatcher()
    catcher.decoder = decoder
    return each_block(decoder, catcher, catcher)


def read_losses(LossDecoder decoder not None):
    """Iterate over the blocks (Losses) of a LossDecoder."""
    cdef LossCatcher catcher = LossCatcher()
    catcher.decoder = decoder
    return each_block(decoder, catcher, catcher)


cdef class LossTee(LossConsumer):
    """Hands every block to two consumers, in order."""
    cdef LossConsumer first, second

    def __cinit__(self, LossConsumer first not None, LossConsumer second not None):
        self.first, self.second = first, second

    cdef int begin(self, const LossHeader *header) except -1 nogil:
        self.first.begin(header)
        return self.second.begin(header)

    cdef int accept(self, const LossBlock *block) except -1 nogil:
        self.first.accept(block)
        return self.second.accept(block)

    cdef int finish(self) except -1 nogil:
        self.first.finish()
        return self.second.finish()


cdef class CdfTee(CdfConsumer):
    """Hands every block to two consumers, in order."""
    cdef CdfConsumer first, second

    def __cinit__(self, CdfConsumer first not None, CdfConsumer second not None):
        self.first, self.second = first, second

    cdef int begin(self) except -1 nogil:
        self.first.begin()
        return self.second.begin()

    cdef int accept(self, const CdfBlock *block) except -1 nogil:
        self.first.accept(block)
        return self.second.accept(block)

    cdef int finish(self) except -1 nogil:
        self.first.finish()
        return self.second.finish()
