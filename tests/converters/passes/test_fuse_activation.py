# SPDX-License-Identifier: Apache-2.0
"""Standalone activations become fused ones where they only clamp."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.converters.passes.comparison import differing_bytes, kinds, with_tensor
from tests.networks import NetworkBuilder
from tflm_converters.graph import Activation, Graph, Kind
from tflm_converters.passes import fuse_activation

PRODUCERS: dict[Kind, Callable[[NetworkBuilder, int], int]] = {
    Kind.CONV: lambda builder, x: builder.conv(x, 3),
    Kind.DEPTHWISE_CONV: lambda builder, x: builder.depthwise(x),
    Kind.FULLY_CONNECTED: lambda builder, x: builder.fully_connected(x, 8),
    Kind.ADD: lambda builder, x: builder.add(x, x),
    Kind.MUL: lambda builder, x: builder.mul(x, x),
    Kind.AVERAGE_POOL: lambda builder, x: builder.average_pool(x, kernel=2),
    Kind.MAX_POOL: lambda builder, x: builder.max_pool(x, kernel=2),
}


def same_scale(builder: NetworkBuilder, first: int, *rest: int) -> Graph:
    """What was built, with the quantization of the first tensor for the rest as well."""
    graph = builder.build()
    for tensor in rest:
        graph = with_tensor(graph, tensor, quantization=graph.tensors[first].quantization)
    return graph


@pytest.mark.parametrize("kind", PRODUCERS)
@pytest.mark.parametrize("activation", [Activation.RELU, Activation.RELU6])
def test_fuses(kind: Kind, activation: Activation) -> None:
    builder = NetworkBuilder()
    x = PRODUCERS[kind](builder, builder.input(4, 4, 2))
    y = builder.relu(x) if activation is Activation.RELU else builder.relu6(x)
    before = same_scale(builder, x, y)
    after = fuse_activation.run(before)
    assert kinds(after) == [kind]
    assert after.ops[0].attributes.activation is activation  # type: ignore[union-attr]
    assert differing_bytes(before, after) == 0


def test_fuses_one_after_another() -> None:
    builder = NetworkBuilder()
    x = builder.conv(builder.input(4, 4, 2), 3)
    y = builder.relu(x)
    before = same_scale(builder, x, y, builder.relu6(y))
    after = fuse_activation.run(before)
    assert kinds(after) == [Kind.CONV]
    assert after.ops[0].attributes.activation is Activation.RELU6  # type: ignore[union-attr]
    assert differing_bytes(before, after) == 0


def test_refuses_another_scale() -> None:
    builder = NetworkBuilder()
    builder.relu(builder.conv(builder.input(4, 4, 2), 3))
    assert kinds(fuse_activation.run(builder.build())) == [Kind.CONV, Kind.RELU]


def test_refuses_a_second_reader() -> None:
    builder = NetworkBuilder()
    x = builder.conv(builder.input(4, 4, 2), 3)
    y = builder.relu(x)
    before = same_scale(builder, x, y).replace(outputs=(x, y))
    assert kinds(fuse_activation.run(before)) == [Kind.CONV, Kind.RELU]


def test_refuses_activations_that_do_not_compose() -> None:
    builder = NetworkBuilder()
    x = builder.conv(builder.input(4, 4, 2), 3, activation=Activation.RELU_N1_TO_1)
    before = same_scale(builder, x, builder.relu(x))
    assert kinds(fuse_activation.run(before)) == [Kind.CONV, Kind.RELU]


def test_refuses_producers_that_cannot_clamp() -> None:
    builder = NetworkBuilder()
    x = builder.logistic(builder.input(4, 4, 2))
    before = same_scale(builder, x, builder.relu(x))
    assert kinds(fuse_activation.run(before)) == [Kind.LOGISTIC, Kind.RELU]
