# SPDX-License-Identifier: Apache-2.0
"""Input arrays that exercise a network: the edges of the range, noise, and smooth fields."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tflm_converters.graph import Tensor

_COARSE = 4  # control points per axis of a smooth field


def sample(tensors: Sequence[Tensor], index: int, *, seed: int = 0) -> tuple[np.ndarray, ...]:
    """One array for each tensor, the same whenever `index` and `seed` are.

    Samples 0, 1 and 2 hold the least value, the greatest value and the zero point
    everywhere. Then uniform noise, which reaches all values but averages out in deep
    layers, takes turns with smooth fields, which drive activations as images do.

    Args:
        tensors: shape, dtype and quantization of the arrays wanted.
        index: which sample, from 0.
        seed: chooses another series.
    """
    generator = np.random.default_rng([seed, index])
    return tuple(_values(tensor, index, generator) for tensor in tensors)


def _values(tensor: Tensor, index: int, generator: np.random.Generator) -> np.ndarray:
    dtype = np.dtype(tensor.dtype)
    if dtype.kind == "f":
        return generator.standard_normal(tensor.shape).astype(dtype)
    if tensor.quantization is None or dtype.kind not in "iu":
        # An index, a flag or a size: only 0 and 1 are within any range.
        return generator.integers(0, 2, tensor.shape).astype(dtype)
    limits = np.iinfo(dtype)
    edges = (limits.min, limits.max, tensor.quantization.zero_point)
    if index < len(edges):
        return np.full(tensor.shape, edges[index], dtype)
    if index % 2:
        return generator.integers(limits.min, limits.max, tensor.shape, dtype, endpoint=True)
    return _smooth(tensor.shape, limits, generator).astype(dtype)


def _smooth(shape: tuple[int, ...], limits: np.iinfo, generator: np.random.Generator) -> np.ndarray:
    """A piecewise linear random field of random contrast and brightness."""
    field = generator.uniform(-1, 1, [min(n, _COARSE) for n in shape])
    for axis, n in enumerate(shape):
        field = np.moveaxis(_stretch(np.moveaxis(field, axis, 0), n), 0, axis)
    half_range = (limits.max - limits.min + 1) / 2
    brightness, contrast = generator.uniform(-0.5, 0.5), generator.uniform(0.1, 1.5)
    values = limits.min + half_range * (1 + brightness + contrast * field)
    return np.clip(np.rint(values), limits.min, limits.max)


def _stretch(field: np.ndarray, size: int) -> np.ndarray:
    """Linear interpolation along the first axis."""
    position = np.linspace(0, len(field) - 1, size)
    below = np.minimum(position.astype(int), max(len(field) - 2, 0))
    above = np.minimum(below + 1, len(field) - 1)
    weight = (position - below).reshape(-1, *[1] * (field.ndim - 1))
    return (1 - weight) * field[below] + weight * field[above]
