from libc.stdint cimport int64_t, uint32_t, uint64_t
cdef int64_t damage_seed(int64_t g, int64_t e) noexcept nogil:
    return ((g * <int64_t>1543270363) % <int64_t>2147483648 + (e * <int64_t>1943272559) % <int64_t>2147483648) % <int64_t>2147483648
cdef int64_t hazard_seed(int64_t g, int64_t e) noexcept nogil:
    return ((g * <int64_t>1143271949) % <int64_t>1957483729 + (e * <int64_t>1243274353) % <int64_t>1957483729) % <int64_t>1957483729
cdef int64_t correlated_seed(int64_t g, int64_t e) noexcept nogil:
    return ((g * <int64_t>1836311903) % <int64_t>2147483648 + (e * <int64_t>1943272559) % <int64_t>2147483648) % <int64_t>2147483648
cdef void philox(uint32_t *c, uint32_t k0, uint32_t k1) noexcept nogil:
    cdef int r
    cdef uint64_t p0, p1
    for r in range(7):
        p0 = <uint64_t>3528531795 * c[0]
        p1 = <uint64_t>3449720151 * c[2]
        c[0] = <uint32_t>(p1 >> 32) ^ c[1] ^ k0
        c[1] = <uint32_t>p1
        c[2] = <uint32_t>(p0 >> 32) ^ c[3] ^ k1
        c[3] = <uint32_t>p0
        k0 += <uint32_t>2654435769
        k1 += <uint32_t>3144134277
cdef class Uniforms:
    def __cinit__(self, int generator, int64_t n):
        self.n = n
    cdef void rows(self, const int64_t *seed, int64_t count, double **row) noexcept nogil:
        cdef int64_t k, i, j, q, n = self.n
        cdef uint32_t[4] w
        cdef double t
        cdef double *p
        for k in range(count):
            p = row[k]
            for i in range(n):
                p[i] = i + 1.0
            i = n - 1
            q = 0
            while i >= 1:
                if q % 4 == 0:
                    w[0], w[1], w[2], w[3] = <uint32_t>(q // 4), 1, 0, 0
                    philox(w, <uint32_t>seed[k], <uint32_t>(seed[k] >> 32))
                j = <int64_t>(w[q % 4] * 2.0 ** -32 * (i + 1))
                t = p[i]
                p[i] = p[j]
                p[j] = t
                i -= 1
                q += 1
            for i in range(n):
                if i % 4 == 0:
                    w[0], w[1], w[2], w[3] = <uint32_t>(i // 4), 0, 0, 0
                    philox(w, <uint32_t>seed[k], <uint32_t>(seed[k] >> 32))
                p[i] = (p[i] - w[i % 4] * 2.0 ** -32) * (1.0 / n)
cdef class Copula:
    cdef void scores(self, const double *uniform, int64_t n, double *score) noexcept nogil:
        pass
    cdef void combine(self, const double *common, const double *own, int64_t n, float correlation, double *out) noexcept nogil:
        pass
