# SPDX-License-Identifier: Apache-2.0
"""Drop RESHAPEs that nobody needs.

Exact, because RESHAPE moves no byte: one to the same shape does nothing, the last of a
chain decides, and FULLY_CONNECTED reads its input as one flat row whatever its shape.
"""

from __future__ import annotations

from tflm_converters.graph import FullyConnectedAttributes, Graph, Kind, Op
from tflm_converters.passes.drop_unread import without_unread_ops
from tflm_converters.passes.rewriter import Readers, Rewriter, same_quantization

NAME = "fold_reshape"


def run(graph: Graph) -> Graph:
    """The graph without idle RESHAPEs."""
    rewriter = Rewriter(graph)
    readers = Readers(graph)
    for index, op in enumerate(graph.ops):
        if op.kind is not Kind.RESHAPE or not _keeps_meaning(graph, op):
            continue
        source = rewriter.resolve(rewriter.op(index).inputs[0])
        for reader in readers.ops(op.output):
            if _ignores_shape(graph.ops[reader], op.output):
                rewriter.read_instead(reader, op.output, source)
        if graph.tensors[source].shape == graph.tensors[op.output].shape:
            _bypass(rewriter, readers, index, source)
    return without_unread_ops(rewriter.build())


def _keeps_meaning(graph: Graph, op: Op) -> bool:
    return same_quantization(graph.tensors[op.inputs[0]], graph.tensors[op.output])


def _ignores_shape(op: Op, tensor: int) -> bool:
    """Whether the operator would compute the same from any shape of the tensor."""
    if isinstance(op.attributes, FullyConnectedAttributes):
        return op.inputs[0] == tensor and not op.attributes.keep_num_dims
    return op.kind is Kind.RESHAPE


def _bypass(rewriter: Rewriter, readers: Readers, index: int, source: int) -> None:
    """Remove a RESHAPE that does nothing; a graph output is written by the producer instead."""
    target = rewriter.graph.ops[index].output
    if not readers.is_output(target):
        rewriter.redirect(target, source)
        return
    producer = rewriter.graph.producer_of().get(source)
    if producer is not None and readers.only_op(source) == index:
        rewriter.write_instead(producer, source, target)
        rewriter.replace_op(index)
