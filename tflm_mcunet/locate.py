# SPDX-License-Identifier: Apache-2.0
"""Traces a difference between a model and its conversion to the layer it comes from.

Two questions are asked, both by converting parts of the original. Which layers differ when
converted alone? That is a kernel at fault. And which is the first layer at which the
network up to there differs, converted as a whole? If no layer is at fault alone, its
schedule or memory plan is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from tflm_converters import writer
from tflm_converters.graph import ABSENT, Graph, Kind
from tflm_mcunet.comparison import Comparison, Model, Parity
from tflm_mcunet.host_process import HostProcess

Convert = Callable[[bytes], bytes]
"""Converts the content of a `.tflite` file."""


@dataclasses.dataclass(frozen=True)
class LayerParity:
    """A layer that differs although it is converted alone."""

    layer: str
    differing_bytes: int


@dataclasses.dataclass(frozen=True)
class Location:
    """Where a difference comes from.

    `alone`: the layers whose own conversion differs. `first`: the layer at which the
    converted network first differs; None if no part of it does, only the whole.
    """

    alone: tuple[LayerParity, ...]
    first: str | None


def locate(
    original: Model, convert: Convert, *, sample: int, seed: int, host: HostProcess
) -> Location:
    """Finds where a conversion goes wrong.

    Args:
        original: the model before conversion.
        convert: converts it or a part of it, the way that gave the difference.
        sample: the sample that differed, and `seed` its series; parts are given inputs of
            their own from the same series.
        host: the process to run in.
    """
    graph = original.graph

    def compare(first: int, last: int) -> Parity:
        part = writer.write(cut(graph, first, last))
        name = f"{original.name}, {graph.describe(last - 1)}"
        before = Model.parse(part, name=name)
        after = Model.parse(convert(part), name=f"{name}, converted")
        comparison = Comparison(before, after, host)
        return comparison.run([sample], seed=seed, progress=lambda done: None)

    alone = tuple(
        LayerParity(graph.describe(i), parity.differing_bytes)
        for i in range(len(graph.ops))
        if _is_ours(graph, i) and not (parity := compare(i, i + 1)).identical
    )
    return Location(alone, _first_prefix(graph, lambda last: compare(0, last).identical))


def cut(graph: Graph, first: int, last: int) -> Graph:
    """Operators [first, last) as a graph of its own.

    Its outputs are the tensors that the rest of the network, or its user, reads.
    """
    inside, after = graph.ops[first:last], graph.ops[last:]
    written = {tensor for op in inside for tensor in op.outputs}
    read_later = {tensor for op in after for tensor in op.inputs} | set(graph.outputs)
    inputs = dict.fromkeys(
        tensor
        for op in inside
        for tensor in op.inputs
        if tensor != ABSENT and tensor not in written and not _is_stored(graph, tensor)
    )
    outputs = dict.fromkeys(t for op in inside for t in op.outputs if t in read_later)
    return graph.replace(ops=inside, inputs=tuple(inputs), outputs=tuple(outputs), rest={})


def _first_prefix(graph: Graph, identical: Callable[[int], bool]) -> str | None:
    """The layer that turns an identical network into a differing one, by bisection."""
    low, high = 0, len(graph.ops)
    if identical(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if identical(middle) else (low, middle)
    return graph.describe(high - 1)


def _is_ours(graph: Graph, index: int) -> bool:
    op = graph.ops[index]
    stock = (Kind.PASS_THROUGH, Kind.QUANTIZE, Kind.DEQUANTIZE)
    return op.kind not in stock


def _is_stored(graph: Graph, tensor: int) -> bool:
    return graph.tensors[tensor].is_constant or graph.tensors[tensor].is_variable
