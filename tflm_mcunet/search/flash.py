# SPDX-License-Identifier: Apache-2.0
"""Bytes of flash for the tables of many networks: program and parameters, as C export counts them.

The code of the runtime comes on top; it is the same for all networks of a space.
"""

from __future__ import annotations

import numpy as np

from tflm_converters.emit import program_format as fmt
from tflm_converters.emit.parameters import ALIGNMENT
from tflm_mcunet.search.layers import LayerKind, Layers
from tflm_mcunet.search.paths import Paths

_CHANNEL_BYTES = 5  # requantization: int32 multiplier, int8 shift
_BIAS_BYTES = 4


def parameter_bytes(layers: Layers) -> np.ndarray:
    """Weights, biases and requantization of each network, int64 (networks,)."""
    has_weights = layers.weights > 0
    channels = layers.channels.astype(np.int64)
    # The filters of convolutions, fully connected layers among them, begin at words.
    filters = np.where(layers.is_any(LayerKind.DEPTHWISE), 1, np.maximum(channels, 1))
    weighted = (
        filters * _aligned(layers.weights // filters)
        + _BIAS_BYTES * channels
        + _aligned(_CHANNEL_BYTES * channels)
    )
    sums = layers.is_any(LayerKind.ADD) * fmt.ADD_REQUANTIZATION.itemsize
    means = layers.is_any(LayerKind.MEAN) * fmt.MEAN_REQUANTIZATION.itemsize
    return np.asarray((np.where(has_weights, weighted, 0) + sums + means).sum(axis=1))


def program_bytes(layers: Layers, paths: Paths) -> np.ndarray:
    """The tables that say what is computed when, and where it lies, int64 (networks,)."""
    starts = paths.starts()
    is_layer = layers.kind != LayerKind.NONE
    joined = layers.is_any(LayerKind.POINTWISE, LayerKind.ADD, LayerKind.MEAN)
    groups = is_layer & (~joined | starts)
    alone = starts & np.pad(starts[:, 1:], ((0, 0), (0, 1)))
    in_place = paths.in_place & alone & is_layer
    # Each layer's output, as its stage sees it; the model's input and output; accumulators and
    # spare planes; and whatever one stage leaves to another.
    tensors = is_layer.sum(axis=1) + 2 + layers.is_any(LayerKind.MEAN).sum(axis=1)
    tensors = tensors + in_place.sum(axis=1) + _crossing(layers, starts)
    sizes = (
        fmt.TENSOR.itemsize * tensors,
        fmt.OP.itemsize * is_layer.sum(axis=1),
        fmt.GROUP.itemsize * groups.sum(axis=1),
        fmt.STAGE.itemsize * (starts & is_layer).sum(axis=1),
    )
    return np.asarray(fmt.HEADER.itemsize + sum(sizes))


def _crossing(layers: Layers, starts: np.ndarray) -> np.ndarray:
    """How many tensors one stage writes and another reads."""
    is_layer = layers.kind != LayerKind.NONE
    left = np.pad(starts[:, 1:] & is_layer[:, 1:], ((0, 0), (0, 1)))
    networks, adds = np.nonzero(layers.is_any(LayerKind.ADD))
    makers = adds - layers.skipped[networks, adds]
    stage = np.cumsum(starts, axis=1)
    apart = stage[networks, adds] > stage[networks, makers]
    left[networks[apart], makers[apart]] = True
    return np.asarray(left.sum(axis=1))


def _aligned(sizes: np.ndarray) -> np.ndarray:
    return np.asarray(-(-sizes // ALIGNMENT) * ALIGNMENT)
