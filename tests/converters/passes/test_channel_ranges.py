# SPDX-License-Identifier: Apache-2.0
"""No input may ever leave the bounds that are computed without any."""

from __future__ import annotations

import numpy as np
import pytest

from tests.converters import single_op
from tests.networks import NetworkBuilder, random_inputs, random_network
from tflm_converters import reference
from tflm_converters.graph import Graph, Kind
from tflm_converters.passes.dead_channels.interval import Interval, requantized
from tflm_converters.passes.dead_channels.ranges import channel_ranges


def assert_inside(graph: Graph, inputs: list[np.ndarray]) -> None:
    ranges = channel_ranges(graph)
    for tensor, values in reference.execute(graph, inputs).items():
        if tensor in ranges:
            assert (values >= ranges[tensor].least).all()
            assert (values <= ranges[tensor].greatest).all()


@pytest.mark.parametrize("kind", single_op.KINDS)
def test_every_kind(kind: Kind) -> None:
    """Random inputs, and the extreme ones that attain most bounds."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        graph = single_op.random_graph(kind, rng)
        assert_inside(graph, single_op.random_inputs(graph, rng))
        for value in (-128, 127):
            tensors = [graph.tensors[t] for t in graph.inputs]
            assert_inside(graph, [np.full(t.shape, value, t.dtype) for t in tensors])


@pytest.mark.parametrize("seed", range(40))
def test_networks(seed: int) -> None:
    graph = random_network(seed, max_ops=16)
    assert_inside(graph, random_inputs(graph, seed))


def test_bounds_of_a_sum_are_attained() -> None:
    """The worst input for each output is known from the signs of its weights."""
    builder = NetworkBuilder()
    builder.fully_connected(builder.input(20), 8)
    graph = builder.build()
    op, ranges = graph.ops[0], channel_ranges(graph)
    weights = graph.tensors[op.inputs[1]].data
    assert weights is not None
    for channel, row in enumerate(weights):
        greatest = np.where(row > 0, 127, -128).astype(np.int8)
        least = np.where(row > 0, -128, 127).astype(np.int8)
        values = [reference.execute(graph, [x[None]])[op.output][0] for x in (least, greatest)]
        assert values[0][channel] == ranges[op.output].least[channel]
        assert values[1][channel] == ranges[op.output].greatest[channel]


def test_sums_that_leave_int32_are_not_trusted() -> None:
    """Requantization wraps around there, and does not keep the order."""
    graph = single_op.random_graph(Kind.LOGISTIC, np.random.default_rng(0))
    sums = Interval(np.array([10, 10]), np.array([20, 2**29]))
    bounds = requantized(graph, graph.ops[0].output, sums, 2**30, 4)  # times 8, less 128
    assert bounds.least.tolist() == [-48, -128]
    assert bounds.greatest.tolist() == [32, 127]
