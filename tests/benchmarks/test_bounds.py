# SPDX-License-Identifier: Apache-2.0
"""Bounds on memory without recomputation: squeeze-and-excite, classifiers, plain chains."""

from __future__ import annotations

import pytest

from benchmarks.bounds import bound_without_recomputation
from tests.network_builder import NetworkBuilder
from tests.networks import random_network
from tflm_converters import passes
from tflm_converters.optimize import Goal, optimize
from tflm_converters.schedule.network import Network, build_network

SIDE, CHANNELS, EXPANSION = 8, 4, 6


def network(builder: NetworkBuilder, *outputs: int) -> Network:
    return build_network(builder.build(*outputs))


@pytest.mark.parametrize("row_fed", [False, True])
def test_squeeze_and_excite_holds_its_operand_and_the_residual(row_fed: bool) -> None:
    builder = NetworkBuilder(0)
    x = builder.conv(builder.input(SIDE, SIDE, 3), CHANNELS, kernel=3)
    y = builder.inverted_residual(x, CHANNELS, expansion=EXPANSION, squeeze=2)
    bound = bound_without_recomputation(network(builder, y), row_fed=row_fed)
    image = SIDE * SIDE * CHANNELS
    assert sorted(size for _, size in bound.tensors) == [image, image * EXPANSION]
    assert bound.bytes == image * (1 + EXPANSION)


def test_pixels_that_a_stride_skips_need_not_be_there() -> None:
    builder = NetworkBuilder(0)
    x = builder.conv(builder.input(SIDE, SIDE, 3), CHANNELS, kernel=3)
    sparse = builder.conv(x, CHANNELS, kernel=1, stride=2)
    gate = builder.logistic(builder.conv(builder.mean(sparse), CHANNELS))
    bound = bound_without_recomputation(network(builder, builder.mul(x, gate)), row_fed=True)
    assert bound.tensors == ()


def test_chain_is_bounded_by_its_input_alone() -> None:
    builder = NetworkBuilder(0)
    x = builder.conv(builder.input(SIDE, SIDE, 3), CHANNELS, kernel=3)
    builder.fully_connected(builder.mean(x), 10)
    chain = network(builder)
    assert bound_without_recomputation(chain, row_fed=False).bytes == SIDE * SIDE * 3
    assert bound_without_recomputation(chain, row_fed=True).bytes == 0


@pytest.mark.parametrize("seed", range(0, 60, 3))
def test_no_schedule_is_below_the_bound(seed: int) -> None:
    graph = passes.run(random_network(seed)).graph
    bound = bound_without_recomputation(build_network(graph), row_fed=False)
    best = optimize(graph, Goal(mode="stream")).best
    assert best.peak >= bound.bytes
