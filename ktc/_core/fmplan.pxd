# A programme compiled for fmcalc: read-only once it is built, and shared by every thread (see fmplan.pyx).
from libc.stdint cimport int32_t, int64_t, uint8_t

from ktc._core.fmrules cimport Terms
from ktc._core.io cimport Mapped


# Terms of one profile_id: terms[start] ... terms[start + steps - 1]. idle: they change nothing. zero: no loss
# is left.
cdef struct Profile:
    int32_t id
    int32_t steps
    int64_t start
    bint idle
    bint zero


# One level. Level 0 is the items. Aggregate a of it, 1 <= a <= last, is part of aggregate parent[a] of the
# level above (0: it is not in the programme) and has layers 1 .. layer_count[a]. The profile of its layer j
# is number profile[(j - 1) * (last + 1) + a], from 1; 0: a layer without terms of its own, where losses pass
# as they are.
cdef struct Level:
    int32_t last
    int32_t layers                  # most layers of an aggregate
    int32_t *parent                 # NULL at the last level
    int32_t *layer_count            # NULL at level 0
    int32_t *profile                # NULL at level 0
    float *tiv                      # by aggregate; NULL when there are no coverages


# The output ids of one layer: id[a] for what the file calls agg_id, 0 <= a <= last; 0: none.
cdef struct OutputIds:
    int32_t last
    int32_t *id


cdef class Plan:
    cdef Level *level               # 0 .. last_level
    cdef int32_t last_level
    cdef readonly int32_t layers    # most layers on any level
    cdef readonly bint stepped
    cdef readonly bint exposed      # the TIVs are known
    cdef OutputIds *outputs         # by layer, from 1; NULL: every output has the id of its item or aggregate
    cdef Terms *terms
    cdef Profile *profile           # by number, from 1
    cdef int32_t n_profiles
    cdef bint carried               # some terms read what deductibles and limits below handed on
    cdef readonly str programme     # the file's name, for messages
    # what is defined and perhaps not meant: a line each, the first ones of each kind
    cdef readonly list doubts

    cdef int load_programme(self, Mapped programme, int32_t max_level) except -1
    cdef dict load_profiles(self, Mapped profiles)
    cdef int load_policies(self, Mapped programme, Mapped policytc, Mapped profiles, dict records_of,
                           int32_t max_level) except -1
    cdef int check_policies(self, Mapped programme, Mapped policytc, int32_t highest,
                            int32_t last_agg) except -1
    cdef int doubt(self, Mapped file, int64_t offset, str message) except -1
    cdef int load_exposure(self, Mapped programme, Mapped coverages, Mapped items, int areaperil,
                           double tolerance) except -1
    cdef int load_outputs(self, Mapped xref) except -1
    cdef object layer_of(self, int32_t level, int32_t agg, int32_t layer)
    cdef dict terms_of(self, Terms terms)

    # The output id of an item or aggregate in a layer; 0: its losses do not go out.
    cdef inline int32_t output_id(self, int32_t id, int32_t layer) noexcept nogil:
        if self.outputs == NULL:
            return id
        return self.outputs[layer].id[id] if id <= self.outputs[layer].last else 0
