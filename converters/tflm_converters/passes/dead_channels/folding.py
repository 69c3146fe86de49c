# SPDX-License-Identifier: Apache-2.0
"""Constant input channels of a convolution or fully connected layer, as part of its bias.

A channel that always holds v adds (v - zero point) times the sum of its weights to every
output pixel whose taps all lie inside the input. In the padding it adds nothing, so there
it can be folded only if v is the zero point.
"""

from __future__ import annotations

import numpy as np

from tflm_converters import arithmetic
from tflm_converters.graph import FullyConnectedAttributes, Graph, Op
from tflm_converters.passes.dead_channels.interval import Interval
from tflm_converters.passes.dead_channels.sums import bias_values, tap_sets, weight_values

_INT32 = np.iinfo(np.int32)


def weights_by_channel(graph: Graph, op: Op) -> np.ndarray:
    """Weights of CONV_2D or FULLY_CONNECTED less their zero point, float64 (O, taps, C).

    C is the length of the input's last axis: a flattened input has as many taps as pixels.
    """
    values = weight_values(graph, op)
    channels = graph.tensors[op.inputs[0]].shape[-1]
    return values.reshape(values.shape[0], -1, channels)


def foldable_channels(graph: Graph, op: Op, x: Interval) -> np.ndarray:
    """bool[C]: input channels whose contribution is the same at every output pixel."""
    offset = _offset(graph, op, x)
    never_adds = x.is_constant & (offset == 0)
    if _has_padded_taps(graph, op):
        return never_adds
    foldable = x.is_constant
    magnitude = np.abs(weights_by_channel(graph, op)).sum(axis=1) @ np.abs(offset * foldable)
    fits = np.abs(bias_values(graph, op)) + magnitude <= _INT32.max
    return foldable if fits.all() else never_adds


def folded_bias(graph: Graph, op: Op, x: Interval, folded: np.ndarray) -> np.ndarray:
    """The bias, int64[O], with the contribution of these input channels, bool[C]."""
    weights = weights_by_channel(graph, op).sum(axis=1)
    contribution = weights @ (_offset(graph, op, x) * folded)
    return bias_values(graph, op) + contribution.astype(np.int64)


def _offset(graph: Graph, op: Op, x: Interval) -> np.ndarray:
    return x.least - arithmetic.quantization_of(graph, op.inputs[0]).zero_point


def _has_padded_taps(graph: Graph, op: Op) -> bool:
    if isinstance(op.attributes, FullyConnectedAttributes):
        return False
    rows, columns = tap_sets(graph, op)
    return not (rows.all() and columns.all())
