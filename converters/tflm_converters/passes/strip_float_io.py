# SPDX-License-Identifier: Apache-2.0
"""Drop the float border: a microcontroller feeds int8 and reads int8.

QUANTIZE (float32 to int8) at an input and DEQUANTIZE (int8 to float32) at an output go, and
the int8 tensors take their places in the interface, with their scales and zero points.
Exact behind the same quantization: nothing between the two borders changes.
"""

from __future__ import annotations

from collections.abc import Collection

from tflm_converters.graph import Graph, Kind, Op
from tflm_converters.passes.rewriter import Readers, Rewriter

NAME = "strip_float_io"


def run(graph: Graph) -> Graph:
    """The graph with int8 instead of float32 inputs and outputs."""
    rewriter = Rewriter(graph)
    readers = Readers(graph)
    producers = graph.producer_of()
    for position, tensor in enumerate(graph.inputs):
        reader = readers.only_op(tensor)
        if reader is not None and _quantizes_input(graph, graph.ops[reader]):
            rewriter.inputs[position] = graph.ops[reader].output
            rewriter.replace_op(reader)
    for position, tensor in enumerate(graph.outputs):
        producer = producers.get(tensor)
        if producer is not None and _dequantizes_output(graph, readers, graph.ops[producer]):
            source = graph.ops[producer].inputs[0]
            if _may_leave(graph, source, rewriter.outputs, producers):
                rewriter.outputs[position] = source
                rewriter.replace_op(producer)
    return rewriter.build()


def _quantizes_input(graph: Graph, op: Op) -> bool:
    """Whether the operator turns a float32 input into an int8 tensor that stays inside."""
    return (
        op.kind is Kind.QUANTIZE
        and graph.tensors[op.inputs[0]].dtype == "float32"
        and graph.tensors[op.output].dtype == "int8"
        and op.output not in graph.outputs
    )


def _dequantizes_output(graph: Graph, readers: Readers, op: Op) -> bool:
    """Whether the operator makes a float32 output, once, that nobody inside reads."""
    return (
        op.kind is Kind.DEQUANTIZE
        and graph.tensors[op.inputs[0]].dtype == "int8"
        and not readers.ops(op.output)
        and graph.outputs.count(op.output) == 1
    )


def _may_leave(
    graph: Graph, tensor: int, outputs: Collection[int], producers: Collection[int]
) -> bool:
    """Whether a computed tensor can become an output: it is neither one yet nor an input."""
    return tensor in producers and tensor not in outputs and tensor not in graph.inputs
