# SPDX-License-Identifier: Apache-2.0
"""Remove channels that carry no information, and the multiply-accumulates they cost.

Forward: a channel that holds one and the same value for every input (see `ranges`) is
folded into the biases of the convolutions that read it, where padding allows (`folding`).
Backward: channels that then nobody needs go (`links`, `liveness`, `pruning`). Exact: int32
accumulators keep their values, and nothing that the graph's border shows changes.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tflm_converters.graph import Graph, Kind, Op, Tensor
from tflm_converters.passes.dead_channels.interval import Interval
from tflm_converters.passes.dead_channels.liveness import kept_channels
from tflm_converters.passes.dead_channels.pruning import prune
from tflm_converters.passes.dead_channels.ranges import Ranges, channel_ranges
from tflm_converters.passes.drop_unread import without_unread_ops
from tflm_converters.passes.rewriter import Rewriter

NAME = "dead_channels"


def run(graph: Graph) -> Graph:
    """The graph with only the channels that its outputs depend on."""
    ranges = channel_ranges(graph)
    graph = without_unread_ops(_with_constant_operands(graph, ranges))
    return prune(graph, ranges, kept_channels(graph, ranges))


def _with_constant_operands(graph: Graph, ranges: Ranges) -> Graph:
    """Let ADD and MUL read a constant where one operand only ever holds one number.

    Whatever computed that operand, a residual branch that training has switched off say,
    is then unread, and the operator has become a function of the other operand alone.
    """
    rewriter = Rewriter(graph)
    for index, op in enumerate(graph.ops):
        if op.kind not in (Kind.ADD, Kind.MUL):
            continue
        for tensor, other in (op.inputs, op.inputs[::-1]):
            is_alone = tensor != other and _sets_shape(graph, op, other)
            if is_alone and _is_one_number(ranges, tensor):
                constant = _number_like(graph.tensors[tensor], ranges[tensor])
                rewriter.read_instead(index, tensor, rewriter.add_tensor(constant))
                break
    return rewriter.build()


def _is_one_number(ranges: Ranges, tensor: int) -> bool:
    return tensor in ranges and ranges[tensor].least.min() == ranges[tensor].greatest.max()


def _sets_shape(graph: Graph, op: Op, operand: int) -> bool:
    """Whether the output has this operand's shape, so that the other may be broadcast."""
    return (
        not graph.tensors[operand].is_constant
        and graph.tensors[operand].shape == graph.tensors[op.output].shape
    )


def _number_like(tensor: Tensor, value: Interval) -> Tensor:
    """A constant with one element, of the tensor's rank and quantization."""
    shape = (1,) * len(tensor.shape)
    return dataclasses.replace(tensor, shape=shape, data=np.full(shape, value.least[0], np.int8))
