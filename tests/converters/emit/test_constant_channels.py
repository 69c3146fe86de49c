# SPDX-License-Identifier: Apache-2.0
"""Channels with constant outputs keep them, all others keep their constants."""

from __future__ import annotations

import numpy as np

from tflm_converters.emit.constant_channels import with_usual_scales
from tflm_converters.fixed_point import multiply_by_quantized_multiplier


def outputs(multipliers: np.ndarray, shifts: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """What is added to the zero point, as far as it does not saturate in any case."""
    return np.clip(multiply_by_quantized_multiplier(sums, multipliers, shifts), -255, 255)


def test_outputs_of_any_sum_are_kept() -> None:
    rng = np.random.default_rng(0)
    channels = 2000
    multipliers = np.where(rng.random(channels) < 0.1, 0, rng.integers(2**30, 2**31, channels))
    shifts = rng.integers(-31, 3, channels)
    biases = rng.integers(-(2**31), 2**31, channels) >> rng.integers(0, 32, channels)
    spread = rng.integers(0, 2**22, channels) >> rng.integers(0, 20, channels)
    changed = with_usual_scales(multipliers, shifts, biases, spread)
    is_changed = changed[1] != shifts
    assert is_changed.any()
    assert np.isin(shifts[is_changed], [-31, -30, -29, -28, -27, -26, -25, -24, -23, -22, 0]).all()
    for share in (-1.0, -0.3, 0.0, 0.7, 1.0):
        sums = (share * spread).astype(np.int64)
        np.testing.assert_array_equal(
            outputs(*changed[:2], changed[2] + sums)[is_changed],
            outputs(multipliers, shifts, biases + sums)[is_changed],
        )
    for before, after in zip((multipliers, shifts, biases), changed, strict=True):
        np.testing.assert_array_equal(before[~is_changed], after[~is_changed])


def test_what_varies_stays() -> None:
    multipliers, shifts = np.array([2**30, 2**30]), np.array([-24, -5])
    biases, spread = np.array([2**26, 0]), np.array([0, 100])
    _, changed, new_biases = with_usual_scales(multipliers, shifts, biases, spread)
    assert changed.tolist() == [-21, -5]
    assert new_biases.tolist() == [2 * 2**22, 0]
    _, changed, _ = with_usual_scales(multipliers, shifts, biases, np.array([2**25, 100]))
    assert changed.tolist() == [-24, -5]
