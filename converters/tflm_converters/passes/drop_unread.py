# SPDX-License-Identifier: Apache-2.0
"""Remove operators and tensors that no output depends on, and renumber the rest.

Exact: what is removed is never read. Operators with side effects stay: those that write
nothing, touch variable tensors or resources, or call other subgraphs.
"""

from __future__ import annotations

import dataclasses

from tflm_converters.graph import ABSENT, Graph, Kind, Op, PassThroughAttributes
from tflm_converters.passes.rewriter import present_inputs

NAME = "drop_unread"

_STATEFUL = frozenset({"ASSIGN_VARIABLE", "CALL_ONCE", "IF", "READ_VARIABLE", "WHILE"})


def run(graph: Graph) -> Graph:
    """The graph with only the operators and tensors that it needs, in the same order."""
    graph = without_unread_ops(graph)
    used = {*graph.inputs, *graph.outputs}
    for op in graph.ops:
        used.update(present_inputs(op), op.outputs)
    kept = sorted(used)
    return _renumbered(graph, {old: new for new, old in enumerate(kept)})


def without_unread_ops(graph: Graph) -> Graph:
    """The graph without operators that no output and no side effect depends on."""
    needed = set(graph.outputs)
    kept: list[Op] = []
    for op in reversed(graph.ops):
        if needed.intersection(op.outputs) or _has_side_effects(graph, op):
            needed.update(op.inputs)
            kept.append(op)
    return graph if len(kept) == len(graph.ops) else graph.replace(ops=tuple(reversed(kept)))


def _has_side_effects(graph: Graph, op: Op) -> bool:
    if not op.outputs or op.kind is Kind.PROGRAM:
        return True
    if isinstance(op.attributes, PassThroughAttributes) and (
        op.attributes.is_custom or op.attributes.operator_name in _STATEFUL
    ):
        return True
    return any(graph.tensors[tensor].is_variable for tensor in present_inputs(op))


def _renumbered(graph: Graph, numbers: dict[int, int]) -> Graph:
    def renumber(tensors: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(ABSENT if tensor == ABSENT else numbers[tensor] for tensor in tensors)

    return graph.replace(
        tensors=tuple(graph.tensors[tensor] for tensor in numbers),
        ops=tuple(
            dataclasses.replace(op, inputs=renumber(op.inputs), outputs=renumber(op.outputs))
            for op in graph.ops
        ),
        inputs=renumber(graph.inputs),
        outputs=renumber(graph.outputs),
    )
