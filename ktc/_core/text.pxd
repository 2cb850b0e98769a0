# Numbers as text and back, exactly as printf and strtod of the C locale have them, without calling them.
#
# put_*: write at p, return the pointer behind the last character. The caller has room: 12 bytes for 32-bit integers, 21 for
# 64-bit ones, FIXED_MAX for put_fixed of a float (sign, 39 digits, point, decimals).
# get_*: read at p, stop at end, return the pointer behind the number or NULL when there is none or it does not fit the type.
# Leading blanks are skipped as scanf does.
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

cdef enum:
    FIXED_MAX = 400

cdef char *put_i32(char *p, int32_t value) noexcept nogil
cdef char *put_u32(char *p, uint32_t value) noexcept nogil
cdef char *put_i64(char *p, int64_t value) noexcept nogil
cdef char *put_u64(char *p, uint64_t value) noexcept nogil
# printf("%.<decimals>f", value), 0 <= decimals <= 15; nan, inf and every magnitude included.
cdef char *put_fixed(char *p, double value, int decimals) noexcept nogil
# printf("%g") / ("%.<digits>g", value).
cdef char *put_general(char *p, double value, int digits) noexcept nogil

cdef const char *get_i32(const char *p, const char *end, int32_t *value) noexcept nogil
cdef const char *get_u32(const char *p, const char *end, uint32_t *value) noexcept nogil
cdef const char *get_i64(const char *p, const char *end, int64_t *value) noexcept nogil
cdef const char *get_u64(const char *p, const char *end, uint64_t *value) noexcept nogil
# The nearest float / double, as strtof / strtod round.
cdef const char *get_f32(const char *p, const char *end, float *value) noexcept nogil
cdef const char *get_f64(const char *p, const char *end, double *value) noexcept nogil
