# SPDX-License-Identifier: Apache-2.0
"""Bounds of every channel of every tensor, whatever the input.

Interval arithmetic on TFLM's own integers. It is sound because every step is monotone:
sums of products are bounded term by term; requantization by a positive multiplier, pooling
and clamping keep the order. Where the bounds meet, the channel is a constant: its weights
are zero, its scale is too small to show, or its activation always clamps.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tflm_converters.graph import Graph, Op
from tflm_converters.passes.dead_channels.interval import Interval, has_channels
from tflm_converters.passes.dead_channels.range_rules import RULES, SEVERAL_OPERANDS

Ranges = Mapping[int, Interval]
"""Bounds by tensor index, for every tensor that `has_channels`."""


def channel_ranges(graph: Graph) -> dict[int, Interval]:
    """Bounds of every int8 activation."""
    ranges: dict[int, Interval] = {}
    for tensor in graph.inputs:
        if has_channels(graph, tensor):
            ranges[tensor] = Interval.full(graph.tensors[tensor].shape[-1])
    for op in graph.ops:
        for tensor in op.outputs:
            if has_channels(graph, tensor):
                ranges[tensor] = _output_range(graph, op, tensor, ranges)
    return ranges


def _output_range(graph: Graph, op: Op, tensor: int, ranges: Ranges) -> Interval:
    """The rule's answer, or all of int8 where there is no rule or it does not apply."""
    rule = RULES.get(op.kind)
    if rule is not None:
        sources = op.inputs if op.kind in SEVERAL_OPERANDS else op.inputs[:1]
        operands = [_operand(graph, ranges, source) for source in sources]
        known = [operand for operand in operands if operand is not None]
        result = rule(graph, op, *known) if len(known) == len(operands) else None
        if result is not None:
            return result
    return Interval.full(graph.tensors[tensor].shape[-1])


def _operand(graph: Graph, ranges: Ranges, tensor: int) -> Interval | None:
    """Bounds of an operand; those of an int8 constant are its own, per channel."""
    data = graph.tensors[tensor].data
    if data is None:
        return ranges.get(tensor)
    if data.dtype != np.int8 or data.ndim == 0:
        return None
    rows = data.reshape(-1, data.shape[-1]).astype(np.int64)
    return Interval(rows.min(axis=0), rows.max(axis=0))
