"""What reports should say, worked out in double from what goes into them: the other side of the rule for
numbers.

ktc gives ktools' number where that is within TOLERANCE of the right one, else the right one.
"""

import numpy as np

TOLERANCE = 1e-4
OF_FEW_SAMPLES = 2e-3  # of the deviation of up to 100 samples
OF_TAILS = 1.25e-4  # of tail values at risk
PRINTED = 1e-6  # of a number in a csv of six decimals


def by_rule(theirs, right, tolerance=TOLERANCE):
    """What ktc gives where ktools gives `theirs`; as text, where that is text of six decimals."""
    if not isinstance(theirs, str):
        return theirs if abs(float(theirs) - right) <= tolerance * abs(right) else np.float32(right)
    near = abs(float(theirs) - right) <= tolerance * abs(right) + PRINTED
    return theirs if near else f"{np.float32(right):.6f}"


def moments(losses, sample_size):
    """Mean and standard deviation of samples, those that are missing being 0. A record more than samples
    counts as ktools has it."""
    x = np.asarray(losses, "f8")
    mean = x.sum() / sample_size
    if sample_size < 2:
        return mean, 0.0
    squares = ((x - mean) ** 2).sum() + (sample_size - len(x)) * mean**2
    return mean, max(squares, 0.0) ** 0.5 / (sample_size - 1) ** 0.5


def weighted_tails(points):
    """The tail values at risk of a curve's points (return period, loss), whose weights are what 1 / return
    period grows by."""
    total = before = 0.0
    for period, loss in points:
        total += loss * (1 / period - before)
        before = 1 / period
        yield period, total * period


def weighted_tails_at(points, read_off):
    """The same of a curve that is read off: [(return period, loss)]. What is read off before the next point
    has that point's weight. Ends where the points do."""
    due = list(read_off)
    total = weight = 0.0
    for period, loss in points:
        own = 1 / period - weight
        more = more_weight = 0.0
        while due and due[0][0] >= period * (1 - 1e-9):
            more, more_weight = more + due[0][1] * own, more_weight + own
            yield due.pop(0)[0], (total + more) / (weight + more_weight)
        total, weight = total + loss * own, 1 / period
