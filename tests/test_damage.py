"""The bins that random numbers fall into, in rows of every length."""

import numpy as np
import pytest

from ktc._core.damage import bins_of


@pytest.mark.parametrize("stride", (4, 8, 16, 32, 64))
def test_bins_of_numbers_at_and_beside_the_values_of_a_cdf(stride):
    rng = np.random.default_rng(stride)
    rows = np.full((50, stride), np.inf, np.float32)
    last = rng.integers(0, stride - 2, 50, endpoint=True)
    for row, end in zip(rows, last, strict=True):
        row[: end + 2] = np.concatenate([[0], np.sort(rng.integers(0, 9, end + 1) / np.float32(9))])
        if rng.integers(2):
            row[1 : end + 2] = np.sort(rng.random(end + 1, np.float32))
    near = rows[np.isfinite(rows)].astype(np.float64)
    near = np.concatenate([near, np.nextafter(near, -1), np.nextafter(near, 2), rng.random(500)])
    odd = [0.0, -0.0, -1.0, 5e-324, 1e-50, -1e-50, 2.0, 1e300, -1e300, np.inf, np.nan]
    near = np.concatenate([near, odd])
    numbers, places = np.tile(near, 50), np.repeat(np.arange(50), len(near))
    below = (rows[places, 1:].astype(np.float64) < numbers[:, None]).sum(axis=1)
    assert np.array_equal(bins_of(rows, last, numbers, places), np.minimum(below, last[places]))
