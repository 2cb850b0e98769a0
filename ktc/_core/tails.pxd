# Tail values at risk: running means of the losses of curves, some curves side by side.
#
# The mean of the first i losses of a curve is mean - (mean - loss) / i, in float32: each step waits for the
# division of the step before, some 17 cycles. Steps of different curves wait for nothing, so CURVES of them
# take about as long as one:
#
#     loss[0] --> 9 7 3 1          x[i]: the i-th losses of all curves, 0 where one has come to its end
#     loss[1] --> 8 2       --->   9 8 4 .. | 7 2 4 .. | 3 0 4 .. | 1 0 1 ..
#     loss[2] --> 4 4 4 1
#
# Past the end of all of them the losses are 0 and nothing is read.
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

cdef enum:
    CURVES = 16
    PART = 64                       # ranks whose losses are laid side by side at a time
    SETTLED = 1 << 25               # from this rank on a float is the same without its share of a rank


# A curve where it is read off, at a rank.
cdef struct Point:
    float before, at                # the losses of the rank before and of this one; 0 past the curve's end
    float mean                      # of the losses before this rank: ktools' running mean
    double losses                   # their sum


# The means of CURVES curves before the rank `next`.
cdef struct Means:
    float[CURVES] mean
    double[CURVES] losses
    int64_t next


cdef inline void add_losses(Means *means, const float *x, int64_t n) noexcept nogil:
    """n ranks of losses that lie side by side."""
    cdef float[CURVES] mean
    cdef double[CURVES] losses
    cdef float rank
    cdef int64_t i
    cdef int c
    memcpy(mean, means.mean, sizeof(mean))
    memcpy(losses, means.losses, sizeof(losses))
    for i in range(means.next, means.next + n):
        rank = <float>i
        for c in range(CURVES):
            mean[c] = mean[c] - (mean[c] - x[c]) / rank
        for c in range(CURVES):
            losses[c] += x[c]
        x += CURVES
    memcpy(means.mean, mean, sizeof(mean))
    memcpy(means.losses, losses, sizeof(losses))
    means.next += n


cdef inline void add_zeros(Means *means, int64_t stop) noexcept nogil:
    """Ranks without a loss, up to `stop`."""
    cdef float[CURVES] mean
    cdef float rank
    cdef int64_t i
    cdef int c
    memcpy(mean, means.mean, sizeof(mean))
    for i in range(means.next, min(stop, <int64_t>SETTLED)):
        rank = <float>i
        for c in range(CURVES):
            mean[c] = mean[c] - mean[c] / rank
    memcpy(means.mean, mean, sizeof(mean))
    means.next = stop


cdef inline void advance(Means *means, const float **loss, const int64_t *n, int curves, int64_t longest,
                         int64_t stop) noexcept nogil:
    """The means before rank `stop`. longest: of n."""
    cdef float[PART * CURVES] x
    cdef const float *of
    cdef int64_t some, have, i, end = min(stop, longest + 1)
    cdef int c
    memset(x, 0, sizeof(x))
    while means.next < end:
        some = min(end - means.next, <int64_t>PART)
        for c in range(curves):
            of = loss[c] + means.next - 1
            have = min(max(n[c] - (means.next - 1), <int64_t>0), some)
            for i in range(have):
                x[i * CURVES + c] = of[i]
            for i in range(have, some):
                x[i * CURVES + c] = 0
        add_losses(means, x, some)
    if means.next < stop:
        add_zeros(means, stop)


cdef inline void read_off(const float **loss, const int64_t *n, int curves, const int64_t *rank,
                          int64_t n_ranks, bint tails, Point *point) noexcept nogil:
    """Read curves off at ascending ranks, from 1 on: point[c * n_ranks + k]. loss[c]: n[c] losses, the
    largest first. tails: whether mean and losses are wanted."""
    cdef Means means
    cdef Point *to
    cdef int64_t k, longest = 0
    cdef int c
    memset(&means, 0, sizeof(means))
    means.next = 1
    for c in range(curves):
        longest = max(longest, n[c])
    for k in range(n_ranks):
        if tails:
            advance(&means, loss, n, curves, longest, rank[k])
        for c in range(curves):
            to = &point[c * n_ranks + k]
            to.before = loss[c][rank[k] - 2] if 2 <= rank[k] <= n[c] + 1 else 0
            to.at = loss[c][rank[k] - 1] if rank[k] <= n[c] else 0
            to.mean, to.losses = means.mean[c], means.losses[c]
