# SPDX-License-Identifier: Apache-2.0
"""Bounds of sums of products: CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED.

All arithmetic is in float64, which is exact for integers below 2^53.
"""

from __future__ import annotations

import numpy as np

from tflm_converters import arithmetic
from tflm_converters.graph import (
    ABSENT,
    ConvAttributes,
    FullyConnectedAttributes,
    Graph,
    Kind,
    Op,
)
from tflm_converters.passes.dead_channels.interval import Interval, less_zero_point, requantized


def conv_range(graph: Graph, op: Op, x: Interval) -> Interval:
    """Bounds of the output of CONV_2D."""
    weights = weight_values(graph, op)
    x = less_zero_point(graph, op.inputs[0], x)
    middle = weights @ (x.least + x.greatest)
    radius = np.abs(weights) @ (x.greatest - x.least)
    return _convolution_range(graph, op, middle, radius)


def depthwise_range(graph: Graph, op: Op, x: Interval) -> Interval:
    """Bounds of the output of DEPTHWISE_CONV_2D."""
    assert isinstance(op.attributes, ConvAttributes)
    multiplier = op.attributes.depth_multiplier
    weights = weight_values(graph, op)
    x = less_zero_point(graph, op.inputs[0], x).map(lambda bound: bound.repeat(multiplier))
    middle = weights * (x.least + x.greatest)[:, None, None]
    radius = np.abs(weights) * (x.greatest - x.least)[:, None, None]
    return _convolution_range(graph, op, middle, radius)


def fully_connected_range(graph: Graph, op: Op, x: Interval) -> Interval:
    """Bounds of the output of FULLY_CONNECTED."""
    assert isinstance(op.attributes, FullyConnectedAttributes)
    weights = weight_values(graph, op)
    positions = weights.shape[1] // x.least.size
    x = less_zero_point(graph, op.inputs[0], x).map(lambda bound: np.tile(bound, positions))
    middle = weights @ (x.least + x.greatest)
    radius = np.abs(weights) @ (x.greatest - x.least)
    sums = _with_bias(graph, op, (middle - radius) / 2, (middle + radius) / 2)
    constants = arithmetic.fully_connected_requantization(graph, op)
    return requantized(graph, op.output, sums, *constants, op.attributes.activation)


def weight_values(graph: Graph, op: Op) -> np.ndarray:
    """Weights less their zero point, float64: (O, H, W, I), depthwise (O, H, W), or (O, I)."""
    weights = graph.tensors[op.inputs[1]]
    assert weights.data is not None
    values = weights.data.astype(np.float64)
    if isinstance(op.attributes, FullyConnectedAttributes):
        quantization = arithmetic.quantization_of(graph, op.inputs[1])
        return values - (quantization.zero_point if quantization.scales.size == 1 else 0)
    return values[0].transpose(2, 0, 1) if op.kind is Kind.DEPTHWISE_CONV else values


def has_bias(op: Op) -> bool:
    """Whether the optional third input is there."""
    return len(op.inputs) > 2 and op.inputs[2] != ABSENT


def bias_values(graph: Graph, op: Op) -> np.ndarray:
    """The bias, int64[O]; zeros if it is absent."""
    if has_bias(op):
        data = graph.tensors[op.inputs[2]].data
        assert data is not None
        return data.astype(np.int64)
    return np.zeros(graph.tensors[op.output].shape[-1], np.int64)


def tap_sets(graph: Graph, op: Op) -> tuple[np.ndarray, np.ndarray]:
    """Which kernel rows, and which kernel columns, meet the input at some output pixel.

    Returns:
        bool[n, H] and bool[m, W], without repetitions: any row of the first goes together
        with any row of the second. Taps left out lie in the padding.
    """
    assert isinstance(op.attributes, ConvAttributes)
    window = op.attributes.window
    _, height, width, _ = graph.tensors[op.inputs[0]].shape
    _, out_height, out_width, _ = graph.tensors[op.output].shape
    _, kernel_h, kernel_w, _ = graph.tensors[op.inputs[1]].shape
    first_rows = np.arange(out_height) * window.stride_h - window.padding.top
    first_columns = np.arange(out_width) * window.stride_w - window.padding.left
    return (
        _taps_inside(first_rows, height, kernel_h, window.dilation_h),
        _taps_inside(first_columns, width, kernel_w, window.dilation_w),
    )


def _taps_inside(first: np.ndarray, size: int, kernel: int, dilation: int) -> np.ndarray:
    positions = first[:, None] + np.arange(kernel) * dilation
    return np.unique((positions >= 0) & (positions < size), axis=0)


def _convolution_range(graph: Graph, op: Op, middle: np.ndarray, radius: np.ndarray) -> Interval:
    """Bounds from those of each tap, given as (O, H, W): twice the middle, twice the radius."""
    assert isinstance(op.attributes, ConvAttributes)
    rows, columns = (taps.astype(np.float64) for taps in tap_sets(graph, op))

    def sums(taps: np.ndarray) -> np.ndarray:
        return rows @ (taps / 2) @ columns.T

    least = sums(middle - radius).min(axis=(1, 2))
    greatest = sums(middle + radius).max(axis=(1, 2))
    constants = arithmetic.conv_requantization(graph, op)
    accumulators = _with_bias(graph, op, least, greatest)
    return requantized(graph, op.output, accumulators, *constants, op.attributes.activation)


def _with_bias(graph: Graph, op: Op, least: np.ndarray, greatest: np.ndarray) -> Interval:
    bias = bias_values(graph, op)
    return Interval(least.astype(np.int64) + bias, greatest.astype(np.int64) + bias)
