# SPDX-License-Identifier: Apache-2.0
"""The random networks: reproducible, varied, and using the range of int8."""

from __future__ import annotations

import numpy as np
import pytest

from tests.networks import NetworkBuilder, random_inputs, random_network
from tflm_converters import reference, writer
from tflm_converters.graph import Activation, Kind

SEEDS = range(150)


def test_a_seed_gives_the_same_bytes() -> None:
    assert writer.write(random_network(7)) == writer.write(random_network(7))
    assert writer.write(random_network(7)) != writer.write(random_network(8))


@pytest.mark.parametrize("max_ops", [1, 2, 5, 12, 30])
def test_operator_limit(max_ops: int) -> None:
    counts = [len(random_network(seed, max_ops=max_ops).ops) for seed in range(20)]
    assert 1 <= min(counts) and max(counts) <= max_ops
    assert max(counts) >= max_ops - 1


def test_variety() -> None:
    graphs = [random_network(seed) for seed in SEEDS]
    kinds = {op.kind for graph in graphs for op in graph.ops}
    assert kinds == set(Kind) - {Kind.DEQUANTIZE, Kind.PROGRAM, Kind.PASS_THROUGH}
    windows = [
        op.attributes.window
        for graph in graphs
        for op in graph.ops
        if op.kind in (Kind.CONV, Kind.DEPTHWISE_CONV)
    ]
    assert {window.stride_h for window in windows} == {1, 2, 3}
    assert any(window.stride_h != window.stride_w for window in windows)
    assert any(window.dilation_h > 1 for window in windows)
    assert {len(graph.outputs) for graph in graphs} == {1, 2, 3}
    assert {len(graph.inputs) for graph in graphs} == {1, 2}
    channels = {graph.tensors[op.output].shape[-1] for graph in graphs for op in graph.ops}
    assert {channel % 4 for channel in channels} == {0, 1, 2, 3}


def test_some_channels_are_dead() -> None:
    graph = NetworkBuilder(3, dead=0.5)
    graph.conv(graph.input(6, 6, 3), 16, kernel=3)
    weights = graph.tensors[graph.ops[0].inputs[1]].data
    dead = (weights.reshape(16, -1) == 0).all(axis=1)
    assert 0 < dead.sum() < 16


def test_outputs_use_the_range_of_int8() -> None:
    builder = NetworkBuilder(5)
    x = builder.input(16, 16, 3)
    x = builder.conv(x, 8, kernel=3, stride=2, activation=Activation.RELU6)
    x = builder.inverted_residual(x, 8, expansion=4, squeeze=2)
    graph = builder.build()
    values = reference.execute(graph, random_inputs(graph, 0))
    for op in graph.ops:
        if graph.tensors[op.output].byte_count > 100:
            assert np.ptp(values[op.output].astype(int)) > 64, op.kind
