# SPDX-License-Identifier: Apache-2.0
"""Replace operators that read only constants by their result.

Exact: the result is computed by the NumPy executor, which is bit-identical to TFLM.
Operators that it does not execute, and those that write a graph output, are left alone.
"""

from __future__ import annotations

import dataclasses

from tflm_converters import reference
from tflm_converters.errors import UnsupportedModelError
from tflm_converters.graph import Graph, Kind, Op
from tflm_converters.passes.rewriter import Rewriter, present_inputs

NAME = "fold_constants"


def run(graph: Graph) -> Graph:
    """The graph without operators whose inputs are all constant."""
    rewriter = Rewriter(graph)
    for index, op in enumerate(graph.ops):
        if not _reads_only_constants(rewriter, op) or set(op.outputs) & set(graph.outputs):
            continue
        try:
            values = reference.execute(_alone(rewriter, op), [])
        except UnsupportedModelError:
            continue
        for tensor in op.outputs:
            rewriter.tensors[tensor] = dataclasses.replace(
                rewriter.tensors[tensor], data=values[tensor]
            )
        rewriter.replace_op(index)
    return rewriter.build()


def _reads_only_constants(rewriter: Rewriter, op: Op) -> bool:
    inputs = present_inputs(op)
    return (
        op.kind not in (Kind.PASS_THROUGH, Kind.PROGRAM)
        and bool(inputs)
        and all(rewriter.tensors[tensor].is_constant for tensor in inputs)
    )


def _alone(rewriter: Rewriter, op: Op) -> Graph:
    """A graph of this one operator."""
    return rewriter.graph.replace(
        tensors=tuple(rewriter.tensors), ops=(op,), inputs=(), outputs=op.outputs
    )
