/* What C compilers spell in their own ways: inlining, aliasing, bits of a word, vectors of sixteen bytes, 128-bit integers.
   gcc and clang are one case, MSVC is the other; every other header and module is plain C11. */
#ifndef KTC_COMPILERS_H
#define KTC_COMPILERS_H
#include <stdint.h>

#if defined(_MSC_VER)
#include <intrin.h>
#define KTC_ALWAYS_INLINE __forceinline
#define KTC_PREFETCH(p) ((void)(p))
typedef int __unaligned ktc_word;               /* it has no strict aliasing */

static inline int ktc_lowest_bit(uint64_t value) {
    unsigned long place;
    _BitScanForward64(&place, value);
    return (int)place;
}

static inline int ktc_count_bits(uint64_t value) {         /* __popcnt64 is an instruction that not every x86-64 has */
    value -= (value >> 1) & 0x5555555555555555ull;
    value = (value & 0x3333333333333333ull) + ((value >> 2) & 0x3333333333333333ull);
    return (int)((((value + (value >> 4)) & 0x0f0f0f0f0f0f0f0full) * 0x0101010101010101ull) >> 56);
}
#else
#if defined(CYTHON_TRACE_NOGIL)
#define KTC_ALWAYS_INLINE inline                /* a debug build would take minutes for its traps in every copy */
#else
#define KTC_ALWAYS_INLINE inline __attribute__((always_inline))
#endif
#define KTC_PREFETCH(p) __builtin_prefetch(p)
typedef int ktc_word __attribute__((may_alias, aligned(1)));
#define ktc_lowest_bit(value) __builtin_ctzll(value)
#define ktc_count_bits(value) __builtin_popcountll(value)
#endif

#if defined(__SSE2__) || defined(_M_X64)
#define KTC_SSE2
#include <emmintrin.h>
#endif

#if defined(__AVX2__)
#include <immintrin.h>
#endif

static inline void ktc_pick_eight(ktc_word *to, const ktc_word *words, const uint8_t *places) {
#if defined(__AVX2__)
    __m256i order = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)places));
    _mm256_storeu_si256((__m256i *)to,
                        _mm256_permutevar8x32_epi32(_mm256_loadu_si256((const __m256i *)words), order));
#else
    int i;
    for (i = 0; i < 8; i++)
        to[i] = words[places[i]];
#endif
}

static inline int ktc_four_above(const float *numbers) {
#ifdef KTC_SSE2
    return _mm_movemask_ps(_mm_cmpgt_ps(_mm_loadu_ps(numbers), _mm_setzero_ps()));
#else
    return (numbers[0] > 0) | (numbers[1] > 0) << 1 | (numbers[2] > 0) << 2 | (numbers[3] > 0) << 3;
#endif
}

/* How many of the sixteen ascending floats at row, but the first, are below v. */
static inline int ktc_count_below(const float *row, float v) {
#if defined(KTC_SSE2)
    __m128 limit = _mm_set1_ps(v);
    __m128i a = _mm_castps_si128(_mm_cmplt_ps(_mm_loadu_ps(row), limit));
    __m128i b = _mm_castps_si128(_mm_cmplt_ps(_mm_loadu_ps(row + 4), limit));
    __m128i c = _mm_castps_si128(_mm_cmplt_ps(_mm_loadu_ps(row + 8), limit));
    __m128i d = _mm_castps_si128(_mm_cmplt_ps(_mm_loadu_ps(row + 12), limit));
    int below = _mm_movemask_epi8(_mm_packs_epi16(_mm_packs_epi32(a, b), _mm_packs_epi32(c, d)));
    return ktc_lowest_bit(~(unsigned)below >> 1);
#else
    int below = 0, j;
    for (j = 1; j < 16; j++)
        below += row[j] < v;
    return below;
#endif
}

/* Unsigned integers of 128 bits. Shifts are by 0 .. 127; a divisor is below 2**127, and its quotient below 2**64. */
#if defined(__SIZEOF_INT128__) && !defined(_MSC_VER) && !defined(KTC_NO_INT128)
typedef unsigned __int128 ktc_u128;

static inline ktc_u128 ktc_times(uint64_t a, uint64_t b) { return (ktc_u128)a * b; }
static inline ktc_u128 ktc_left(ktc_u128 x, int n) { return x << n; }
static inline ktc_u128 ktc_right(ktc_u128 x, int n) { return x >> n; }
static inline ktc_u128 ktc_minus(ktc_u128 a, ktc_u128 b) { return a - b; }
static inline int ktc_compare(ktc_u128 a, ktc_u128 b) { return (a > b) - (a < b); }
static inline uint64_t ktc_low(ktc_u128 x) { return (uint64_t)x; }
static inline uint64_t ktc_quotient(ktc_u128 a, ktc_u128 b, ktc_u128 *rest) {
    *rest = a % b;
    return (uint64_t)(a / b);
}
#else
typedef struct { uint64_t high, low; } ktc_u128;

static inline ktc_u128 ktc_times(uint64_t a, uint64_t b) {           /* in columns of 32 bits, as on paper */
    uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t middle = a1 * b0 + (a0 * b0 >> 32);
    ktc_u128 x = {a1 * b1 + (middle >> 32) + ((a0 * b1 + (uint32_t)middle) >> 32), a * b};
    return x;
}

static inline ktc_u128 ktc_left(ktc_u128 x, int n) {
    if (n >= 64) {
        x.high = x.low << (n - 64);
        x.low = 0;
    } else if (n) {
        x.high = x.high << n | x.low >> (64 - n);
        x.low <<= n;
    }
    return x;
}

static inline ktc_u128 ktc_right(ktc_u128 x, int n) {
    if (n >= 64) {
        x.low = x.high >> (n - 64);
        x.high = 0;
    } else if (n) {
        x.low = x.low >> n | x.high << (64 - n);
        x.high >>= n;
    }
    return x;
}

static inline ktc_u128 ktc_minus(ktc_u128 a, ktc_u128 b) {
    ktc_u128 x = {a.high - b.high - (a.low < b.low), a.low - b.low};
    return x;
}

static inline int ktc_compare(ktc_u128 a, ktc_u128 b) {
    return a.high != b.high ? (a.high > b.high) - (a.high < b.high) : (a.low > b.low) - (a.low < b.low);
}

static inline uint64_t ktc_low(ktc_u128 x) { return x.low; }

static inline uint64_t ktc_quotient(ktc_u128 a, ktc_u128 b, ktc_u128 *rest) {      /* bit by bit */
    uint64_t quotient = 0;
    ktc_u128 left = {0, 0};
    int n;
    for (n = 127; n >= 0; n--) {
        left = ktc_left(left, 1);
        left.low |= ktc_right(a, n).low & 1;
        quotient <<= 1;
        if (ktc_compare(left, b) >= 0) {
            left = ktc_minus(left, b);
            quotient |= 1;
        }
    }
    *rest = left;
    return quotient;
}
#endif
#endif
