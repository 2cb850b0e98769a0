# Sorting losses.
from libc.stdint cimport int64_t


# A loss with the weight of its period.
cdef struct Weighted:
    float loss
    double weight


# Sort n losses, the largest first. spare: room for as many.
cdef void sort_descending(float *loss, int64_t n, float *spare) noexcept nogil

# Sort by loss, the smallest first, ties in the order that libstdc++'s std::sort gives them.
cdef void sort_weighted(Weighted *a, int64_t n) noexcept nogil
