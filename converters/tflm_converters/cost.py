# SPDX-License-Identifier: Apache-2.0
"""What an operator costs: multiply-accumulates and bytes of weights."""

from __future__ import annotations

import math

from tflm_converters.graph import ABSENT, Graph, Kind


def macs(graph: Graph, op_index: int) -> int:
    """Multiply-accumulates of one operator.

    Output elements x kernel taps x input channels for convolutions, where padded taps
    count and a depthwise convolution sees one input channel; outputs x inputs for a fully
    connected layer. All other kinds count as 0.
    """
    op = graph.ops[op_index]
    outputs = math.prod(graph.tensors[op.output].shape)
    match op.kind:
        case Kind.CONV | Kind.FULLY_CONNECTED:
            return outputs * math.prod(graph.tensors[op.inputs[1]].shape[1:])
        case Kind.DEPTHWISE_CONV:
            return outputs * math.prod(graph.tensors[op.inputs[1]].shape[1:3])
    return 0


def total_macs(graph: Graph) -> int:
    """Multiply-accumulates of one inference."""
    return sum(macs(graph, index) for index in range(len(graph.ops)))


def weight_bytes(graph: Graph, op_index: int) -> int:
    """Bytes of the constants that one operator reads: weights, bias, constant operands."""
    constants = (graph.tensors[t] for t in graph.ops[op_index].inputs if t != ABSENT)
    return sum(tensor.byte_count for tensor in constants if tensor.is_constant)
