# SPDX-License-Identifier: Apache-2.0
"""Take channels out of a graph: slice tensors, weights and biases, fold constants."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from tflm_converters import arithmetic
from tflm_converters.graph import (
    ConcatenationAttributes,
    Graph,
    Kind,
    Op,
    PadAttributes,
    Quantization,
    Tensor,
)
from tflm_converters.passes.dead_channels.folding import folded_bias
from tflm_converters.passes.dead_channels.ranges import Ranges
from tflm_converters.passes.dead_channels.sums import bias_values, has_bias
from tflm_converters.passes.rewriter import Rewriter

Masks = Mapping[int, np.ndarray]
"""bool[channels] by tensor index; a tensor without a mask keeps all channels."""


def prune(graph: Graph, ranges: Ranges, kept: Masks) -> Graph:
    """The graph with only the kept channels; `kept` must come from `kept_channels`."""
    rewriter = Rewriter(graph)
    for tensor, mask in kept.items():
        if not mask.all():
            shape = (*graph.tensors[tensor].shape[:-1], int(mask.sum()))
            rewriter.tensors[tensor] = dataclasses.replace(graph.tensors[tensor], shape=shape)
    for index, op in enumerate(graph.ops):
        rule = _RULES.get(op.kind)
        touched = any(not kept[t].all() for t in (*op.inputs, *op.outputs) if t in kept)
        if rule is not None and touched:
            rewriter.replace_op(index, rule(rewriter, op, ranges, kept))
    return rewriter.build()


def _prune_conv(rewriter: Rewriter, op: Op, ranges: Ranges, kept: Masks) -> Op:
    rows, columns = kept[op.output], kept[op.inputs[0]]
    weights = _sliced(_sliced(rewriter.graph.tensors[op.inputs[1]], 0, rows), 3, columns)
    bias = folded_bias(rewriter.graph, op, ranges[op.inputs[0]], ~columns)
    return _with_parameters(rewriter, op, weights, bias, rows)


def _prune_fully_connected(rewriter: Rewriter, op: Op, ranges: Ranges, kept: Masks) -> Op:
    rows, columns = kept[op.output], kept[op.inputs[0]]
    weights = _sliced(rewriter.graph.tensors[op.inputs[1]], 0, rows)
    positions = weights.shape[1] // columns.size
    weights = _sliced(weights, 1, np.tile(columns, positions))
    bias = folded_bias(rewriter.graph, op, ranges[op.inputs[0]], ~columns)
    return _with_parameters(rewriter, op, weights, bias, rows)


def _prune_depthwise(rewriter: Rewriter, op: Op, ranges: Ranges, kept: Masks) -> Op:
    channels = kept[op.output]
    weights = _sliced(rewriter.graph.tensors[op.inputs[1]], 3, channels)
    return _with_parameters(rewriter, op, weights, bias_values(rewriter.graph, op), channels)


def _with_parameters(
    rewriter: Rewriter, op: Op, weights: Tensor, bias: np.ndarray, rows: np.ndarray
) -> Op:
    """The operator with these weights, already sliced, and a bias, int64[O], still to slice."""
    inputs = [op.inputs[0], rewriter.add_tensor(weights)]
    old = rewriter.graph.tensors[op.inputs[2]] if has_bias(op) else None
    if old is not None or bias.any():
        template = old if old is not None else _zero_bias(rewriter.graph, op)
        whole = dataclasses.replace(template, data=bias.astype(np.int32))
        inputs.append(rewriter.add_tensor(_sliced(whole, 0, rows)))
    return dataclasses.replace(op, inputs=tuple(inputs))


def _zero_bias(graph: Graph, op: Op) -> Tensor:
    """A bias for an operator without one, quantized as TensorFlow Lite does."""
    weights = graph.tensors[op.inputs[1]]
    input_scale = arithmetic.quantization_of(graph, op.inputs[0]).scale
    scales = arithmetic.quantization_of(graph, op.inputs[1]).scales * np.float32(input_scale)
    quantization = Quantization(scales.astype(np.float32), np.zeros(scales.size, np.int32))
    shape = (weights.shape[0],)
    data = np.zeros(shape, np.int32)
    return Tensor(f"{weights.name}/bias", shape, "int32", quantization, data)


def _prune_elementwise(rewriter: Rewriter, op: Op, ranges: Ranges, kept: Masks) -> Op:
    """A constant operand loses the channels that the output loses."""
    mask = kept[op.output]
    inputs = tuple(_pruned_constant(rewriter, tensor, mask) for tensor in op.inputs)
    return dataclasses.replace(op, inputs=inputs)


def _pruned_constant(rewriter: Rewriter, tensor: int, mask: np.ndarray) -> int:
    """The tensor itself unless it is a constant with one entry for every channel."""
    constant = rewriter.graph.tensors[tensor]
    if not constant.is_constant or not constant.shape or constant.shape[-1] != mask.size:
        return tensor
    return rewriter.add_tensor(_sliced(constant, len(constant.shape) - 1, mask))


def _prune_concatenation(rewriter: Rewriter, op: Op, ranges: Ranges, kept: Masks) -> Op:
    """Constant parts lose channels too; one that loses all of them is left out."""
    assert isinstance(op.attributes, ConcatenationAttributes)
    mask = kept[op.output]
    if op.attributes.axis != len(rewriter.graph.tensors[op.output].shape) - 1:
        return _prune_elementwise(rewriter, op, ranges, kept)
    inputs = []
    first = 0
    for tensor in op.inputs:
        size = rewriter.graph.tensors[tensor].shape[-1]
        part = mask[first : first + size]
        if part.any():
            inputs.append(_pruned_constant(rewriter, tensor, part))
        first += size
    return dataclasses.replace(op, inputs=tuple(inputs))


def _prune_pad(rewriter: Rewriter, op: Op, ranges: Ranges, kept: Masks) -> Op:
    """Channels that PAD adds go one by one, wherever they are."""
    assert isinstance(op.attributes, PadAttributes)
    *others, (before, after) = op.attributes.pads
    mask = kept[op.output]
    last = int(mask[:before].sum()), int(mask[mask.size - after :].sum())
    attributes = dataclasses.replace(op.attributes, pads=(*others, last))
    return dataclasses.replace(op, attributes=attributes)


def _sliced(tensor: Tensor, axis: int, mask: np.ndarray) -> Tensor:
    """A constant with only these entries along an axis, and with their scales."""
    assert tensor.data is not None
    data = np.compress(mask, tensor.data, axis=axis)
    quantization = tensor.quantization
    if quantization is not None and quantization.axis == axis:
        quantization = dataclasses.replace(
            quantization,
            scales=_entries(quantization.scales, mask),
            zero_points=_entries(quantization.zero_points, mask),
        )
    return dataclasses.replace(tensor, data=data, shape=data.shape, quantization=quantization)


def _entries(per_channel: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The entries of the kept channels; a single one holds for all."""
    return per_channel[mask] if per_channel.size == mask.size else per_channel


_RULES: dict[Kind, Callable[[Rewriter, Op, Ranges, Masks], Op]] = {
    Kind.CONV: _prune_conv,
    Kind.FULLY_CONNECTED: _prune_fully_connected,
    Kind.DEPTHWISE_CONV: _prune_depthwise,
    Kind.ADD: _prune_elementwise,
    Kind.MUL: _prune_elementwise,
    Kind.CONCATENATION: _prune_concatenation,
    Kind.PAD: _prune_pad,
}
