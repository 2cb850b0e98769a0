# getmodel: event ids -> cumulative damage distributions. The tables are loaded once and shared read-only; a
# GetModel stage holds what one thread needs.
from libc.stdint cimport int32_t, int64_t, uint8_t

from ktc._core.blocks cimport CdfConsumer, CdfRows
from ktc._core.footprint cimport EventRows, EventStage, Footprint
from ktc._core.hashing cimport Numbers
from ktc._core.io cimport Mapped


# What the portfolio needs of a model. Areaperil a (a number) is insured against damage by the vulnerabilities
# vulnerability[start[a]] ... vulnerability[start[a + 1] - 1] (numbers), in ascending order of their ids.
cdef class Portfolio:
    cdef Mapped items
    cdef Numbers areaperils, vulnerabilities
    cdef int64_t *start
    cdef int32_t *vulnerability


# Damage at one intensity of one vulnerability: probabilities are zero outside first <= damage bin < end (from
# 0). n is the length of the cdf, where cdfs have been made of the probabilities.
cdef struct Curve:
    int32_t first, end, n


# By vulnerability number: matrix[v] has a row of n_damage probabilities for each intensity bin and curve[v]
# says where they lie; NULL for a vulnerability that the model does not have.
cdef class Vulnerabilities:
    cdef Mapped file
    cdef Portfolio portfolio
    cdef int32_t n_intensity, n_damage
    cdef float **matrix
    cdef Curve **curve
    cdef float *mean                # damage ratio of each damage bin
    cdef int load_plain(self) except -1
    cdef int load_indexed(self, Mapped index, bint compressed) except -1
    cdef int load_rows(self, int32_t id, const char *rows, int64_t size, int64_t offset,
                       bint compressed) except -1
    cdef int assign(self, int32_t number, int32_t intensity, int32_t damage, float probability,
                    int64_t offset,
                    int64_t row) except -1
    cdef int load_means(self, Mapped bins) except -1
    cdef void accumulate(self) noexcept nogil


cdef class Model:
    cdef readonly int areaperil     # bytes of an areaperil id
    cdef Portfolio portfolio
    cdef Footprint footprint
    cdef Vulnerabilities vulnerabilities
    cdef uint8_t *incomplete        # by areaperil number: the model lacks one of its vulnerabilities


# A row of the footprint that the portfolio feels: value is its intensity bin, or the number of Shares that
# follow.
cdef struct Hit:
    int32_t areaperil, value


cdef struct Share:
    int32_t intensity
    float probability


cdef class GetModel(EventStage):
    cdef public CdfConsumer out
    cdef readonly Model model
    cdef Portfolio portfolio        # the model's parts, at hand
    cdef Footprint footprint
    cdef Vulnerabilities vulnerabilities
    cdef EventRows event_rows
    cdef CdfRows rows
    cdef Hit *hit
    cdef Share *share
    cdef int64_t n_hit, hit_room, n_share, share_room
    cdef double *sum                # by damage bin
    cdef int add_hit(self, int32_t event_id, int32_t areaperil, int32_t value) except -1 nogil
    cdef int add_share(self, int32_t intensity, float probability) except -1 nogil
    cdef int produce(self) except -1 nogil
    cdef int fail_missing(self, int32_t event_id, int32_t areaperil) except -1
