# SPDX-License-Identifier: Apache-2.0
"""Cancel TRANSPOSEs, or fold them into the weights behind them.

Exact, because TRANSPOSE only moves bytes: two in a row are one, also across elementwise
operators; one that moves nothing but axes of length one is a RESHAPE; and FULLY_CONNECTED
adds its products in any order, so that its weights can be permuted instead of its input.
A TRANSPOSE of the input image that meets no counterpart stays.
"""

from __future__ import annotations

import dataclasses

from tflm_converters.graph import (
    FullyConnectedAttributes,
    Graph,
    Kind,
    Op,
    Tensor,
    TransposeAttributes,
)
from tflm_converters.passes.drop_unread import without_unread_ops
from tflm_converters.passes.rewriter import Readers, Rewriter, until_stable

NAME = "fold_transpose"

_ELEMENTWISE = {Kind.LOGISTIC, Kind.HARD_SWISH, Kind.RELU, Kind.RELU6, Kind.QUANTIZE}


def run(graph: Graph) -> Graph:
    """The graph with as few TRANSPOSEs as this pass can reach."""
    return until_stable(_fold_one, graph)


def _fold_one(graph: Graph) -> Graph:
    """The graph with one TRANSPOSE less or simpler; the same graph if there is none."""
    rewriter = Rewriter(graph)
    readers = Readers(graph)
    for index, op in enumerate(graph.ops):
        if op.kind is Kind.TRANSPOSE and (
            _reshape_instead(rewriter, index)
            or _merge_with_next(rewriter, readers, index)
            or _permute_weights(rewriter, readers, index)
        ):
            return without_unread_ops(rewriter.build())
    return graph


def _permutation(op: Op) -> tuple[int, ...]:
    assert isinstance(op.attributes, TransposeAttributes)
    return op.attributes.permutation


def _reshape_instead(rewriter: Rewriter, index: int) -> bool:
    """Turn the TRANSPOSE into a RESHAPE if the long axes keep their order."""
    op = rewriter.graph.ops[index]
    shape = rewriter.tensors[op.inputs[0]].shape
    long_axes = [axis for axis in _permutation(op) if shape[axis] != 1]
    if long_axes != sorted(long_axes):
        return False
    rewriter.replace_op(index, Op(Kind.RESHAPE, op.inputs, op.outputs))
    return True


def _merge_with_next(rewriter: Rewriter, readers: Readers, index: int) -> bool:
    """Let a later TRANSPOSE, reached through elementwise operators only, do both moves."""
    graph = rewriter.graph
    op = graph.ops[index]
    between: list[int] = []
    reader = readers.only_op(op.output)
    while reader is not None and graph.ops[reader].kind in _ELEMENTWISE:
        between.append(reader)
        reader = readers.only_op(graph.ops[reader].output)
    if reader is None or graph.ops[reader].kind is not Kind.TRANSPOSE:
        return False
    first, second = _permutation(op), _permutation(graph.ops[reader])
    both = tuple(first[axis] for axis in second)
    shape = graph.tensors[op.inputs[0]].shape
    for inner in between:
        output = graph.ops[inner].output
        rewriter.tensors[output] = dataclasses.replace(graph.tensors[output], shape=shape)
    rewriter.redirect(op.output, op.inputs[0])
    merged = dataclasses.replace(graph.ops[reader], attributes=TransposeAttributes(both))
    rewriter.replace_op(reader, merged)
    rewriter.replace_op(index)
    return True


def _permute_weights(rewriter: Rewriter, readers: Readers, index: int) -> bool:
    """Give a FULLY_CONNECTED that reads only this tensor, flat, its weights permuted."""
    graph = rewriter.graph
    op = graph.ops[index]
    reader = readers.only_op(op.output)
    while reader is not None and graph.ops[reader].kind is Kind.RESHAPE:
        reader = readers.only_op(graph.ops[reader].output)
    if reader is None or not _reads_flat_row(graph, graph.ops[reader]):
        return False
    consumer = graph.ops[reader]
    weights = _permuted(graph.tensors[consumer.inputs[1]], graph.tensors[op.output], op)
    inputs = (op.inputs[0], rewriter.add_tensor(weights), *consumer.inputs[2:])
    rewriter.replace_op(reader, dataclasses.replace(consumer, inputs=inputs))
    return True


def _reads_flat_row(graph: Graph, op: Op) -> bool:
    return (
        isinstance(op.attributes, FullyConnectedAttributes)
        and not op.attributes.keep_num_dims
        and graph.tensors[op.inputs[1]].is_constant
    )


def _permuted(weights: Tensor, transposed: Tensor, op: Op) -> Tensor:
    """Weights (O, I) whose columns follow the order of the TRANSPOSE's input."""
    assert weights.data is not None
    permutation = _permutation(op)
    inverse = [permutation.index(axis) for axis in range(len(permutation))]
    rows = weights.data.reshape(weights.shape[0], *transposed.shape)
    columns_last = rows.transpose(0, *(axis + 1 for axis in inverse))
    return dataclasses.replace(weights, data=columns_last.reshape(weights.shape).copy())
