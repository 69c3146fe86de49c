# SPDX-License-Identifier: Apache-2.0
"""Make RESHAPEs static whose target shape is computed from shapes.

Exporters leave SHAPE, STRIDED_SLICE, PACK and the like behind to compute the batch size.
Exact: all tensors have static shapes here, so the computed operand can only be the shape
that the output tensor is declared with.
"""

from __future__ import annotations

from tflm_converters.graph import (
    Graph,
    Kind,
    NoAttributes,
    Op,
    PassThroughAttributes,
)
from tflm_converters.passes.drop_unread import without_unread_ops
from tflm_converters.passes.rewriter import Rewriter, present_inputs, same_quantization

NAME = "freeze_shapes"

SHAPE_ARITHMETIC = frozenset(
    """
    ADD CAST CONCATENATION DIV EXPAND_DIMS FILL FLOOR_DIV GATHER MAXIMUM MINIMUM MUL PACK
    REDUCE_PROD RESHAPE SHAPE SLICE SQUEEZE STRIDED_SLICE SUB
    """.split()
)
"""Builtin operators without state or side effects that shape computations consist of."""


def run(graph: Graph) -> Graph:
    """The graph with static RESHAPEs, and without what only computed their operands."""
    rewriter = Rewriter(graph)
    producers = graph.producer_of()
    changed = False
    for index, op in enumerate(graph.ops):
        if _is_computed_reshape(graph, op) and _comes_from_shapes(graph, producers, op.inputs[1]):
            rewriter.replace_op(index, Op(Kind.RESHAPE, op.inputs[:1], op.outputs, NoAttributes()))
            changed = True
    return without_unread_ops(rewriter.build()) if changed else graph


def _is_computed_reshape(graph: Graph, op: Op) -> bool:
    """Whether this is an int8 RESHAPE that the reader could not resolve."""
    if _builtin_name(op) != "RESHAPE" or len(op.inputs) != 2:
        return False
    source, target = graph.tensors[op.inputs[0]], graph.tensors[op.output]
    return (
        source.dtype == "int8"
        and source.quantization is not None
        and same_quantization(source, target)
        and source.byte_count == target.byte_count
    )


def _comes_from_shapes(graph: Graph, producers: dict[int, int], tensor: int) -> bool:
    """Whether only constants and shapes of tensors decide the value."""
    pending = [tensor]
    seen = set(pending)
    while pending:
        current = pending.pop()
        if graph.tensors[current].is_constant:
            continue
        if current not in producers:
            return False
        producer = graph.ops[producers[current]]
        if _builtin_name(producer) not in SHAPE_ARITHMETIC:
            return False
        if _builtin_name(producer) != "SHAPE":
            new = set(present_inputs(producer)) - seen
            seen |= new
            pending.extend(new)
    return True


def _builtin_name(op: Op) -> str:
    if isinstance(op.attributes, PassThroughAttributes):
        return "" if op.attributes.is_custom else op.attributes.operator_name
    return op.kind.value
