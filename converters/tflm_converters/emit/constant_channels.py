# SPDX-License-Identifier: Apache-2.0
"""Channels whose output is the same whatever their input is, with constants of usual size.

Training leaves channels with weights near zero. Their scales are so small that the kernels for
the DSP extension have no fast way for them, and outputs depend on the bias alone.
"""

from __future__ import annotations

import numpy as np

from tflm_converters.fixed_point import multiply_by_quantized_multiplier

_MAX_FAST_SHIFT = 21  # TMC_MAX_FAST_SHIFT
_HALF = 1 << 30
_LARGEST_OUTPUT = 255  # beyond the zero point: what is more saturates, too


def with_usual_scales(
    multipliers: np.ndarray, shifts: np.ndarray, biases: np.ndarray, spread: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Replaces the constants of channels that have unusual ones and a constant output.

    A channel's output c becomes the bias c * 2^22, which is divided by 2^22, rounded.

    Args:
        multipliers, shifts: of each channel, as in TensorFlow Lite.
        biases: int64 (channels,).
        spread: how far each channel's sum is from its bias at most, int64 (channels,).
    """
    least, greatest = (
        multiply_by_quantized_multiplier(sums, multipliers, shifts)
        for sums in (biases - spread, biases + spread)
    )
    is_fast = (shifts <= -1) & (shifts >= -_MAX_FAST_SHIFT)
    unit = 2 << _MAX_FAST_SHIFT
    is_bounded = (spread < unit // 2) & (np.abs(biases) + spread < 2**31)
    is_constant = (shifts <= 0) & (least == greatest) & is_bounded & ~is_fast
    outputs = np.clip(least, -_LARGEST_OUTPUT, _LARGEST_OUTPUT)
    return (
        np.where(is_constant, _HALF, multipliers),
        np.where(is_constant, -_MAX_FAST_SHIFT, shifts),
        np.where(is_constant, outputs * unit, biases),
    )
