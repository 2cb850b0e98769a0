# What C compilers spell in their own ways; the header has the reasons.
from libc.stdint cimport uint8_t, uint64_t

cdef extern from "compilers.h" nogil:
    # Four bytes of a record, whatever and wherever they are: loops over these become vector loads.
    ctypedef int word "ktc_word"

    # The place of the lowest bit that is set, 0 .. 63; value is not 0. How many bits are set.
    int lowest_bit "ktc_lowest_bit"(uint64_t value) noexcept
    int count_bits "ktc_count_bits"(uint64_t value) noexcept
    # Which of four numbers are above 0: bit 0 stands for the first.
    int four_above "ktc_four_above"(const float *numbers) noexcept
    # The eight words at these places, 0 .. 7, of eight.
    void pick_eight "ktc_pick_eight"(word *to, const word *words, const uint8_t *places) noexcept
    # Ask for memory that is to be used soon.
    void prefetch "KTC_PREFETCH"(const char *p) noexcept
    # How many of the sixteen ascending floats at row, but the first, are below v.
    int count_below "ktc_count_below"(const float *row, float v) noexcept

    # Unsigned integers of 128 bits, or a pair of 64.
    ctypedef struct u128 "ktc_u128":
        pass
    u128 times "ktc_times"(uint64_t a, uint64_t b) noexcept
    u128 left "ktc_left"(u128 x, int n) noexcept
    u128 right "ktc_right"(u128 x, int n) noexcept
    u128 minus "ktc_minus"(u128 a, u128 b) noexcept
    int compare "ktc_compare"(u128 a, u128 b) noexcept                          # below, at or above 0
    uint64_t low "ktc_low"(u128 x) noexcept
    uint64_t quotient "ktc_quotient"(u128 a, u128 b, u128 *rest) noexcept       # 64 bits must hold it
