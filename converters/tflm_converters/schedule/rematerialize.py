# SPDX-License-Identifier: Apache-2.0
"""Computes a tensor twice instead of holding it: squeeze-and-excite in two passes.

A squeeze-and-excite block multiplies a tensor x by a vector that depends on the mean of
all of x. Computed once, x must be held whole: a bound that no schedule escapes. Computed
twice, x never exists: the first pass streams into the mean, the second into the product.
The variants returned here are ordinary graphs in which the layers that make x stand
twice; what they cost and save is for the scheduler to find out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from tflm_converters.graph import ABSENT, Graph, Kind, Op

LONGEST_CHAIN = 4
"""Layers that are computed again, at most: an inverted residual has two before its squeeze."""


@dataclasses.dataclass(frozen=True)
class _Block:
    """A product whose factor depends on the mean of its other operand."""

    product: int  # index of the MUL
    held: int  # the tensor that must be whole
    chain: tuple[int, ...]  # operators to compute again, in order


def variants(graph: Graph) -> Iterator[tuple[int, Graph]]:
    """Graphs that compute ever more held tensors twice, the largest first.

    Each comes with the bytes of the smallest tensor that it no longer holds.
    """
    blocks = list(_blocks(graph))
    sizes = sorted({graph.tensors[b.held].byte_count for b in blocks}, reverse=True)
    for least in sizes:
        chosen = [b for b in blocks if graph.tensors[b.held].byte_count >= least]
        yield least, _with_second_pass(graph, chosen)


def _blocks(graph: Graph) -> Iterator[_Block]:
    producers, consumers = graph.producer_of(), graph.consumers_of()
    for index, op in enumerate(graph.ops):
        if op.kind is not Kind.MUL or len(op.inputs) != 2:
            continue
        held, factor = sorted(op.inputs, key=lambda t: -graph.tensors[t].byte_count)
        if graph.tensors[factor].is_constant or held == factor or held in graph.outputs:
            continue
        readers = [graph.ops[i] for i in consumers[held]]
        squeezed = [r for r in readers if r.kind in (Kind.MEAN, Kind.AVERAGE_POOL)]
        if len(readers) != 2 or len(squeezed) != 1:
            continue
        chain = _chain(graph, producers, held)
        if chain:
            yield _Block(index, held, chain)


def _chain(graph: Graph, producers: dict[int, int], held: int) -> tuple[int, ...]:
    """The layers from a tensor of at most half the size to the held one."""
    chain: list[int] = []
    tensor = held
    while len(chain) < LONGEST_CHAIN:
        index = producers.get(tensor)
        if index is None or graph.ops[index].kind is Kind.PASS_THROUGH:
            return ()
        chain.append(index)
        op = graph.ops[index]
        sources = [t for t in op.inputs if t != ABSENT and not graph.tensors[t].is_constant]
        if len(sources) != 1:
            return ()
        tensor = sources[0]
        if 2 * graph.tensors[tensor].byte_count <= graph.tensors[held].byte_count:
            return tuple(reversed(chain))
    return ()


def _with_second_pass(graph: Graph, blocks: list[_Block]) -> Graph:
    by_product = {block.product: block for block in blocks}
    tensors, ops = list(graph.tensors), []
    for index, op in enumerate(graph.ops):
        block = by_product.get(index)
        if block is None:
            ops.append(op)
            continue
        again: dict[int, int] = {}
        for position in block.chain:
            source = graph.ops[position]
            again[source.output] = len(tensors)
            original = graph.tensors[source.output]
            tensors.append(dataclasses.replace(original, name=f"{original.name}/second_pass"))
            ops.append(_redirected(source, again, again[source.output]))
        ops.append(_redirected(op, again, op.output))
    return graph.replace(tensors=tuple(tensors), ops=tuple(ops))


def _redirected(op: Op, again: dict[int, int], output: int) -> Op:
    inputs = tuple(again.get(t, t) for t in op.inputs)
    return dataclasses.replace(op, inputs=inputs, outputs=(output,))
