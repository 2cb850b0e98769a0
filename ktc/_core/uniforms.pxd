from libc.stdint cimport int64_t
cdef int64_t damage_seed(int64_t group_id, int64_t event_id) noexcept nogil
cdef int64_t hazard_seed(int64_t hazard_group_id, int64_t event_id) noexcept nogil
cdef int64_t correlated_seed(int64_t peril_correlation_group, int64_t event_id) noexcept nogil
cdef class Uniforms:
    cdef int64_t n
    cdef void rows(self, const int64_t *seed, int64_t count, double **row) noexcept nogil
cdef class Copula:
    cdef void scores(self, const double *uniform, int64_t n, double *score) noexcept nogil
    cdef void combine(self, const double *common, const double *own, int64_t n, float correlation, double *out) noexcept nogil
