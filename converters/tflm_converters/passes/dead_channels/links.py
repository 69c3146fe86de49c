# SPDX-License-Identifier: Apache-2.0
"""Which channels can only be removed together.

CONV_2D and FULLY_CONNECTED mix channels: their inputs and outputs lose channels
independently. All other operators tie each output channel to the input channels it is
computed from.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np

from tflm_converters.graph import (
    ConcatenationAttributes,
    ConvAttributes,
    Graph,
    Kind,
    MeanAttributes,
    Op,
    PadAttributes,
    TransposeAttributes,
)
from tflm_converters.passes.dead_channels.interval import has_channels
from tflm_converters.passes.rewriter import present_inputs

MIXERS = frozenset({Kind.CONV, Kind.FULLY_CONNECTED})


@dataclasses.dataclass(frozen=True, eq=False)
class Link:
    """`channels[i]` of `tensor` and `output_channels[i]` of the output stay or go together."""

    tensor: int
    channels: np.ndarray
    output: int
    output_channels: np.ndarray


def links_of(graph: Graph, op: Op) -> list[Link] | None:
    """What the operator ties; None if all channels of all its tensors must stay."""
    operands = [tensor for tensor in present_inputs(op) if not graph.tensors[tensor].is_constant]
    if not all(has_channels(graph, tensor) for tensor in (*operands, *op.outputs)):
        return None
    if op.kind not in _MAY_READ_CONSTANTS and op.inputs[0] not in operands:
        return None
    if op.kind in MIXERS:
        return []
    rule = _RULES.get(op.kind)
    return None if rule is None else rule(graph, op, operands)


def pinned_tensors(graph: Graph) -> Iterator[int]:
    """Tensors that keep all channels: the interface, variables, and what is not understood."""
    yield from (*graph.inputs, *graph.outputs)
    yield from (t for t, tensor in enumerate(graph.tensors) if tensor.is_variable)
    for op in graph.ops:
        if links_of(graph, op) is None:
            yield from (*present_inputs(op), *op.outputs)


def _channels(graph: Graph, tensor: int) -> int:
    return graph.tensors[tensor].shape[-1]


def _one_to_one(graph: Graph, op: Op, operands: list[int]) -> list[Link] | None:
    every = np.arange(_channels(graph, op.output))
    if any(_channels(graph, tensor) != every.size for tensor in operands):
        return None
    return [Link(tensor, every, op.output, every) for tensor in operands]


def _depthwise(graph: Graph, op: Op, operands: list[int]) -> list[Link]:
    assert isinstance(op.attributes, ConvAttributes)
    every = np.arange(_channels(graph, op.output))
    return [Link(op.inputs[0], every // op.attributes.depth_multiplier, op.output, every)]


def _mean(graph: Graph, op: Op, operands: list[int]) -> list[Link] | None:
    assert isinstance(op.attributes, MeanAttributes)
    last_axis = len(graph.tensors[op.inputs[0]].shape) - 1
    return None if last_axis in op.attributes.axes else _one_to_one(graph, op, operands)


def _transpose(graph: Graph, op: Op, operands: list[int]) -> list[Link] | None:
    assert isinstance(op.attributes, TransposeAttributes)
    permutation = op.attributes.permutation
    stays_last = permutation[-1] == len(permutation) - 1
    return _one_to_one(graph, op, operands) if stays_last else None


def _pad(graph: Graph, op: Op, operands: list[int]) -> list[Link]:
    assert isinstance(op.attributes, PadAttributes)
    every = np.arange(_channels(graph, op.inputs[0]))
    return [Link(op.inputs[0], every, op.output, every + op.attributes.pads[-1][0])]


def _concatenation(graph: Graph, op: Op, operands: list[int]) -> list[Link] | None:
    assert isinstance(op.attributes, ConcatenationAttributes)
    if op.attributes.axis != len(graph.tensors[op.output].shape) - 1:
        return _one_to_one(graph, op, operands)
    links = []
    first = 0
    for tensor in op.inputs:
        every = np.arange(_channels(graph, tensor))
        if tensor in operands:
            links.append(Link(tensor, every, op.output, first + every))
        first += every.size
    return links


def _reshape(graph: Graph, op: Op, operands: list[int]) -> list[Link] | None:
    before, after = _channels(graph, op.inputs[0]), _channels(graph, op.output)
    if before % after and after % before:
        return None
    every = np.arange(max(before, after))
    return [Link(op.inputs[0], every % before, op.output, every % after)]


_MAY_READ_CONSTANTS = {Kind.ADD, Kind.MUL, Kind.CONCATENATION}
_RULES: dict[Kind, Callable[[Graph, Op, list[int]], list[Link] | None]] = {
    Kind.DEPTHWISE_CONV: _depthwise,
    Kind.ADD: _one_to_one,
    Kind.MUL: _one_to_one,
    Kind.AVERAGE_POOL: _one_to_one,
    Kind.MAX_POOL: _one_to_one,
    Kind.MEAN: _mean,
    Kind.PAD: _pad,
    Kind.RESHAPE: _reshape,
    Kind.CONCATENATION: _concatenation,
    Kind.RESIZE_NEAREST: _one_to_one,
    Kind.LOGISTIC: _one_to_one,
    Kind.HARD_SWISH: _one_to_one,
    Kind.RELU: _one_to_one,
    Kind.RELU6: _one_to_one,
    Kind.TRANSPOSE: _transpose,
    Kind.QUANTIZE: _one_to_one,
}
