# SPDX-License-Identifier: Apache-2.0
"""Small networks, and programs that run them in each of the ways that the runtime knows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tests.arduino.program_builder import (
    Buffer,
    Group,
    Program,
    Stage,
    build_program,
    per_layer,
)
from tests.network_builder import NetworkBuilder
from tflm_converters.emit.program_format import OpFlag, Storage
from tflm_converters.graph import Graph, Padding

RING, TILE = Storage.RING, Storage.TILE
SYMMETRIC = Padding(1, 1, 1, 1)


def every_operator() -> Graph:
    b = NetworkBuilder()
    x = b.input(7, 6, 3)
    padded = b.pad(x, (1, 2), (0, 1), channels=(1, 0), value=-7)
    y = b.conv(padded, 8, kernel=3, stride=2, padding=SYMMETRIC)
    z = b.add(b.depthwise(y), y)
    pooled = b.average_pool(z, kernel=3, stride=(2, 1), padding=Padding(1, 0, 1, 1))
    larger = b.resize_nearest(b.max_pool(pooled, kernel=2), (3, 2))
    joined = b.concatenate(larger, b.logistic(larger))
    gate = b.mean(joined)
    turned = b.transpose(b.mul(joined, gate), 0, 2, 3, 1)
    flat = b.reshape(turned, 1, int(np.prod(b.shape(turned))))
    return b.build(b.softmax(b.fully_connected(flat, 5)), larger)


def inverted_residual() -> tuple[Graph, list[int]]:
    """Expand 1x1, depthwise 3x3, project 1x1, add; and the tensors in this order."""
    b = NetworkBuilder()
    x = b.input(9, 11, 4)
    expanded = b.conv(x, 16)
    filtered = b.depthwise(expanded)
    projected = b.conv(filtered, 4)
    total = b.add(projected, x)
    return b.build(total), [x, expanded, filtered, projected, total]


def streamed(
    tensors: Sequence[int], slots: int, columns: int, tile: tuple[int, int]
) -> tuple[list[Stage], dict[int, Buffer]]:
    """An inverted residual as two groups with a line buffer between them."""
    _, expanded, filtered, projected, _ = tensors
    buffers = {
        expanded: Buffer(RING, slots, columns),
        filtered: Buffer(TILE, *tile),
        projected: Buffer(TILE, *tile),
    }
    return [Stage([Group([0], (1, 4)), Group([1, 2, 3], tile)])], buffers


def squeeze_and_excite(tile: tuple[int, int]) -> tuple[Graph, list[Stage], dict[int, Buffer]]:
    """Channels scaled by a gate made of their means: one stage, but a whole tensor inside."""
    b = NetworkBuilder()
    y = b.depthwise(b.input(8, 9, 6))
    gate = b.logistic(b.conv(b.conv(b.mean(y), 3), 6))
    graph = b.build(b.conv(b.mul(y, gate), 4))
    pooled, reduced, expanded, gate, scaled = (op.output for op in graph.ops[1:6])
    buffers = {t: Buffer(RING, 1, 1) for t in (pooled, gate)}
    buffers |= {t: Buffer(TILE, 1, 1) for t in (reduced, expanded)}
    buffers |= {scaled: Buffer(TILE, *tile)}
    groups = [Group([0, 1], tile, OpFlag.ACCUMULATE), Group([2, 3, 4]), Group([5, 6], tile)]
    return graph, [Stage(groups)], buffers


def row_fed() -> Program:
    """A stride, a line buffer and an accumulating mean behind rows that arrive one by one."""
    b = NetworkBuilder()
    x = b.input(12, 10, 3)
    stem = b.conv(x, 8, kernel=3, stride=2, padding=SYMMETRIC)
    filtered = b.depthwise(stem)
    graph = b.build(b.fully_connected(b.mean(filtered), 4))
    stages = [
        Stage([Group([0], (1, 5)), Group([1, 2], (1, 2), OpFlag.ACCUMULATE)]),
        Stage([Group([3])]),
    ]
    buffers = {x: Buffer(RING, 3, 10), stem: Buffer(RING, 3, 5), filtered: Buffer(TILE, 1, 2)}
    return build_program(graph, stages, buffers, fed=x)


def layer_by_layer() -> Program:
    """Every operator that the runtime has."""
    graph = every_operator()
    return build_program(graph, per_layer(graph))


def in_patches() -> Program:
    """An inverted residual in patches of 3 x 4, halos recomputed."""
    graph, (_, expanded, filtered, projected, _) = inverted_residual()
    buffers = {
        expanded: Buffer(TILE, 5, 6),
        filtered: Buffer(TILE, 3, 4),
        projected: Buffer(TILE, 3, 4),
    }
    return build_program(graph, [Stage([Group(range(4), (3, 4))])], buffers)


def in_strips() -> Program:
    """An inverted residual as a stream, in two strips of columns."""
    graph, tensors = inverted_residual()
    (stage,), buffers = streamed(tensors, 3, 7, (1, 3))
    return build_program(graph, [Stage(stage.groups, 2)], buffers)


def with_gate() -> Program:
    """Squeeze and excite in one stage."""
    return build_program(*squeeze_and_excite((3, 4)))


def in_place() -> Program:
    """A depthwise convolution that overwrites its input."""
    b = NetworkBuilder()
    first = b.conv(b.input(5, 6, 3), 7)
    graph = b.build(b.conv(b.depthwise(first, kernel=(3, 5)), 2))
    stages = per_layer(graph)
    stages[1] = Stage([Group([1], flags=OpFlag.IN_PLACE)])
    program = build_program(graph, stages)
    program.tensor(graph.ops[1].output)["offset"] = program.tensor(first)["offset"]
    return program


def flattened() -> Program:
    """A transpose and a reshape between the tiles of one group."""
    b = NetworkBuilder()
    turned = b.transpose(b.conv(b.input(4, 5, 3), 2), 0, 2, 3, 1)
    flat = b.reshape(turned, 1, 40)
    graph = b.build(b.fully_connected(flat, 3))
    buffers = {
        graph.ops[0].output: Buffer(TILE, 4, 5),
        turned: Buffer(TILE, 5, 2),
        flat: Buffer(TILE, 1, 1),
    }
    return build_program(graph, [Stage([Group(range(4))])], buffers)


EXAMPLES = {
    function.__name__: function
    for function in (layer_by_layer, in_patches, in_strips, with_gate, in_place, flattened, row_fed)
}
