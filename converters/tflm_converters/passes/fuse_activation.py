# SPDX-License-Identifier: Apache-2.0
"""Fuse a standalone RELU or RELU6 into the operator before it.

Exact only where both tensors have the same scale and zero point: then TFLM's RELU rescales
by one, which changes nothing, RELU6 does not rescale at all, and both clamp to the same
bounds as the fused activation.
"""

from __future__ import annotations

import dataclasses

from tflm_converters.graph import (
    Activation,
    ConvAttributes,
    ElementwiseAttributes,
    FullyConnectedAttributes,
    Graph,
    Kind,
    Op,
    PoolAttributes,
)
from tflm_converters.passes.rewriter import Readers, Rewriter, same_quantization

NAME = "fuse_activation"

_STANDALONE = {Kind.RELU: Activation.RELU, Kind.RELU6: Activation.RELU6}
_FUSING = (ConvAttributes, FullyConnectedAttributes, ElementwiseAttributes, PoolAttributes)
_BOTH = {
    (Activation.NONE, Activation.RELU): Activation.RELU,
    (Activation.NONE, Activation.RELU6): Activation.RELU6,
    (Activation.RELU, Activation.RELU): Activation.RELU,
    (Activation.RELU, Activation.RELU6): Activation.RELU6,
    (Activation.RELU6, Activation.RELU): Activation.RELU6,
    (Activation.RELU6, Activation.RELU6): Activation.RELU6,
}
"""What one activation after another amounts to."""


def run(graph: Graph) -> Graph:
    """The graph with activations fused into the operators that feed them."""
    rewriter = Rewriter(graph)
    readers = Readers(graph)
    producers = graph.producer_of()
    for index, op in enumerate(graph.ops):
        if not _is_fusible(graph, readers, index) or op.inputs[0] not in producers:
            continue
        producer = producers[op.inputs[0]]
        fused = _fused(rewriter.op(producer), op)
        if fused is not None:
            rewriter.replace_op(producer, fused)
            rewriter.replace_op(index)
            producers[op.output] = producer
    return rewriter.build()


def _is_fusible(graph: Graph, readers: Readers, index: int) -> bool:
    """Whether this activation does no more than clamp a tensor that only it reads."""
    op = graph.ops[index]
    return (
        op.kind in _STANDALONE
        and readers.only_op(op.inputs[0]) == index
        and same_quantization(graph.tensors[op.inputs[0]], graph.tensors[op.output])
    )


def _fused(producer: Op, standalone: Op) -> Op | None:
    """The producer with the activation, writing its output; None if it cannot have it."""
    attributes = producer.attributes
    if not isinstance(attributes, _FUSING):
        return None
    activation = _BOTH.get((attributes.activation, _STANDALONE[standalone.kind]))
    if activation is None:
        return None
    attributes = dataclasses.replace(attributes, activation=activation)
    return dataclasses.replace(producer, attributes=attributes, outputs=standalone.outputs)
