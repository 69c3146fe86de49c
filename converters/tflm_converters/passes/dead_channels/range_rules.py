# SPDX-License-Identifier: Apache-2.0
"""How each operator changes the bounds of its channels; sums of products are in `sums`."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np

from tflm_converters import arithmetic, fixed_point
from tflm_converters.arithmetic import INT8_MAX, INT8_MIN
from tflm_converters.graph import (
    ConcatenationAttributes,
    ElementwiseAttributes,
    Graph,
    Kind,
    MeanAttributes,
    Op,
    PadAttributes,
    PoolAttributes,
    TransposeAttributes,
)
from tflm_converters.passes.dead_channels.interval import Interval, less_zero_point, requantized
from tflm_converters.passes.dead_channels.sums import (
    conv_range,
    depthwise_range,
    fully_connected_range,
)


def _same(graph: Graph, op: Op, x: Interval) -> Interval:
    return x


def _pool_range(graph: Graph, op: Op, x: Interval) -> Interval:
    """A maximum and a rounded mean lie between the least and the greatest of their inputs."""
    assert isinstance(op.attributes, PoolAttributes)
    quantization = arithmetic.quantization_of(graph, op.output)
    return x.clip(*arithmetic.activation_range(op.attributes.activation, quantization))


def _lookup_range(graph: Graph, op: Op, x: Interval) -> Interval | None:
    """The least and the greatest table entry between the bounds: HARD_SWISH has a dip."""
    if graph.tensors[op.inputs[0]].dtype != "int8":
        return None
    table = arithmetic.lookup_table(graph, op).astype(np.int64)
    index = np.arange(256) + INT8_MIN
    reached = (index >= x.least[:, None]) & (index <= x.greatest[:, None])
    return Interval(
        np.where(reached, table, INT8_MAX).min(axis=1),
        np.where(reached, table, INT8_MIN).max(axis=1),
    )


def _add_range(graph: Graph, op: Op, first: Interval, second: Interval) -> Interval:
    assert isinstance(op.attributes, ElementwiseAttributes)
    constants = arithmetic.add_requantization(graph, op)

    def rescaled(tensor: int, operand: Interval, multiplier: int, shift: int) -> Interval:
        return less_zero_point(graph, tensor, operand).map(
            lambda bound: fixed_point.multiply_by_quantized_multiplier(
                bound << constants.left_shift, multiplier, shift
            )
        )

    x = rescaled(op.inputs[0], first, constants.input1_multiplier, constants.input1_shift)
    y = rescaled(op.inputs[1], second, constants.input2_multiplier, constants.input2_shift)
    sums = Interval(x.least + y.least, x.greatest + y.greatest)
    output = constants.output_multiplier, constants.output_shift
    return requantized(graph, op.output, sums, *output, op.attributes.activation)


def _mul_range(graph: Graph, op: Op, first: Interval, second: Interval) -> Interval:
    """A product of intervals is bounded by the products of their ends."""
    assert isinstance(op.attributes, ElementwiseAttributes)
    x = less_zero_point(graph, op.inputs[0], first)
    y = less_zero_point(graph, op.inputs[1], second)
    corners = [a * b for a in (x.least, x.greatest) for b in (y.least, y.greatest)]
    products = Interval(np.minimum.reduce(corners), np.maximum.reduce(corners))
    constants = arithmetic.mul_requantization(graph, op)
    output = constants.output_multiplier, constants.output_shift
    return requantized(graph, op.output, products, *output, op.attributes.activation)


def _mean_range(graph: Graph, op: Op, x: Interval) -> Interval | None:
    assert isinstance(op.attributes, MeanAttributes)
    shape = graph.tensors[op.inputs[0]].shape
    if len(shape) - 1 in op.attributes.axes:
        return None
    count = math.prod(shape[axis] for axis in op.attributes.axes)
    constants = arithmetic.mean_requantization(graph, op)
    sums = less_zero_point(graph, op.inputs[0], x).map(lambda bound: bound * count)
    return requantized(graph, op.output, sums, constants.multiplier, constants.shift)


def _pad_range(graph: Graph, op: Op, x: Interval) -> Interval:
    assert isinstance(op.attributes, PadAttributes)
    *others, (before, after) = op.attributes.pads
    value = op.attributes.value
    x = x.map(lambda bound: np.pad(bound, (before, after), constant_values=value))
    if any(sum(pad) for pad in others):
        x = x.hull(Interval.full(x.least.size, value, value))
    return x


def _concatenation_range(graph: Graph, op: Op, *parts: Interval) -> Interval:
    assert isinstance(op.attributes, ConcatenationAttributes)
    if op.attributes.axis == len(graph.tensors[op.output].shape) - 1:
        return Interval(
            np.concatenate([part.least for part in parts]),
            np.concatenate([part.greatest for part in parts]),
        )
    return functools.reduce(Interval.hull, parts)


def _reshape_range(graph: Graph, op: Op, x: Interval) -> Interval | None:
    """Channels repeat or merge if one last axis is a multiple of the other."""
    before, after = x.least.size, graph.tensors[op.output].shape[-1]
    if after % before == 0:
        return x.map(lambda bound: np.tile(bound, after // before))
    if before % after == 0:
        return Interval(
            x.least.reshape(-1, after).min(axis=0), x.greatest.reshape(-1, after).max(axis=0)
        )
    return None


def _transpose_range(graph: Graph, op: Op, x: Interval) -> Interval:
    """Bounds stay with their channels; where these move away, the widest hold for all."""
    assert isinstance(op.attributes, TransposeAttributes)
    permutation = op.attributes.permutation
    if permutation[-1] == len(permutation) - 1:
        return x
    channels = graph.tensors[op.output].shape[-1]
    return Interval.full(channels, int(x.least.min()), int(x.greatest.max()))


SEVERAL_OPERANDS = {Kind.ADD, Kind.MUL, Kind.CONCATENATION}
"""Kinds whose rule takes the bounds of all inputs; the others take that of the first."""

RULES: dict[Kind, Callable[..., Interval | None]] = {
    Kind.CONV: conv_range,
    Kind.DEPTHWISE_CONV: depthwise_range,
    Kind.FULLY_CONNECTED: fully_connected_range,
    Kind.ADD: _add_range,
    Kind.MUL: _mul_range,
    Kind.AVERAGE_POOL: _pool_range,
    Kind.MAX_POOL: _pool_range,
    Kind.MEAN: _mean_range,
    Kind.PAD: _pad_range,
    Kind.RESHAPE: _reshape_range,
    Kind.CONCATENATION: _concatenation_range,
    Kind.RESIZE_NEAREST: _same,
    Kind.LOGISTIC: _lookup_range,
    Kind.HARD_SWISH: _lookup_range,
    Kind.RELU: _lookup_range,
    Kind.RELU6: _lookup_range,
    Kind.TRANSPOSE: _transpose_range,
    Kind.QUANTIZE: _lookup_range,
}
"""By kind: bounds of the output from those of the operands, or None where there are none."""
