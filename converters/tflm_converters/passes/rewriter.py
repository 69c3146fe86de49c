# SPDX-License-Identifier: Apache-2.0
"""How passes edit a graph: changes are collected, then one new `Graph` is built.

Every pass returns a graph without operators that it made useless; tensors that nothing
refers to any more stay until `drop_unread` renumbers them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from tflm_converters.graph import ABSENT, Graph, Op, Tensor


class Rewriter:
    """Collects changes to one graph; `build` applies them."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.tensors: list[Tensor] = list(graph.tensors)
        self.inputs: list[int] = list(graph.inputs)
        self.outputs: list[int] = list(graph.outputs)
        self._replacements: dict[int, tuple[Op, ...]] = {}
        self._redirections: dict[int, int] = {}

    def add_tensor(self, tensor: Tensor) -> int:
        """Index of a new tensor."""
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def op(self, index: int) -> Op:
        """The operator as it is after the changes so far; it must not have been removed."""
        return self._replacements.get(index, (self.graph.ops[index],))[0]

    def replace_op(self, index: int, *ops: Op) -> None:
        """Put `ops` where the operator was; none removes it."""
        self._replacements[index] = ops

    def read_instead(self, index: int, tensor: int, to: int) -> None:
        """Let one operator read `to` where it reads `tensor`."""
        op = self.op(index)
        inputs = tuple(to if read == tensor else read for read in op.inputs)
        self.replace_op(index, dataclasses.replace(op, inputs=inputs))

    def write_instead(self, index: int, tensor: int, to: int) -> None:
        """Let one operator write `to` where it writes `tensor`."""
        op = self.op(index)
        outputs = tuple(to if written == tensor else written for written in op.outputs)
        self.replace_op(index, dataclasses.replace(op, outputs=outputs))

    def redirect(self, tensor: int, to: int) -> None:
        """Let every operator that reads `tensor` read `to` instead."""
        self._redirections[tensor] = to

    def resolve(self, tensor: int) -> int:
        """The tensor that a reader of `tensor` reads after the redirections so far."""
        while tensor in self._redirections:
            tensor = self._redirections[tensor]
        return tensor

    def build(self) -> Graph:
        """The changed graph."""
        ops: list[Op] = []
        for index, op in enumerate(self.graph.ops):
            ops.extend(self._replacements.get(index, (op,)))
        return self.graph.replace(
            tensors=tuple(self.tensors),
            ops=tuple(self._with_resolved_inputs(op) for op in ops),
            inputs=tuple(self.inputs),
            outputs=tuple(self.outputs),
        )

    def _with_resolved_inputs(self, op: Op) -> Op:
        inputs = tuple(self.resolve(tensor) for tensor in op.inputs)
        return op if inputs == op.inputs else dataclasses.replace(op, inputs=inputs)


class Readers:
    """Who reads each tensor of a graph: operators, and the graph's own outputs."""

    def __init__(self, graph: Graph) -> None:
        self._consumers = graph.consumers_of()
        self._outputs = frozenset(graph.outputs)

    def ops(self, tensor: int) -> Sequence[int]:
        """Indices of the operators that read the tensor."""
        return self._consumers.get(tensor, [])

    def is_output(self, tensor: int) -> bool:
        """Whether the tensor leaves the graph."""
        return tensor in self._outputs

    def only_op(self, tensor: int) -> int | None:
        """The operator that is the tensor's one and only reader, or None."""
        ops = self.ops(tensor)
        return ops[0] if len(ops) == 1 and not self.is_output(tensor) else None


def until_stable(step: Callable[[Graph], Graph], graph: Graph) -> Graph:
    """Repeat a step that returns its very argument once it finds nothing to change."""
    while True:
        changed = step(graph)
        if changed is graph:
            return graph
        graph = changed


def same_quantization(first: Tensor, second: Tensor) -> bool:
    """Whether equal bytes mean equal numbers: same type, scales and zero points."""
    if first.dtype != second.dtype:
        return False
    if first.quantization is None or second.quantization is None:
        return first.quantization is second.quantization
    return np.array_equal(first.quantization.scales, second.quantization.scales) and np.array_equal(
        first.quantization.zero_points, second.quantization.zero_points
    )


def present_inputs(op: Op) -> tuple[int, ...]:
    """The operator's inputs without the absent optional ones."""
    return tuple(tensor for tensor in op.inputs if tensor != ABSENT)
