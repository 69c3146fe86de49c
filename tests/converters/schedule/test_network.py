# SPDX-License-Identifier: Apache-2.0
"""Layers in order, and who reads which tensor."""

from __future__ import annotations

import dataclasses

import pytest

from tests.network_builder import NetworkBuilder
from tests.networks import random_network
from tflm_converters.graph import ABSENT, Kind
from tflm_converters.schedule.layers import Extent
from tflm_converters.schedule.network import Network, build_network


@pytest.fixture
def residual() -> tuple[Network, list[int]]:
    """x -> a -> b, a + b -> c; outputs c and a."""
    builder = NetworkBuilder(0)
    x = builder.input(4, 5, 3)
    a = builder.conv(x, 6)
    b = builder.depthwise(a)
    c = builder.add(a, b)
    return build_network(builder.build(c, a)), [x, a, b, c]


def test_who_makes_and_who_reads(residual: tuple[Network, list[int]]) -> None:
    network, (x, a, b, c) = residual
    assert network.producer == {a: 0, b: 1, c: 2}
    assert network.consumers == {x: (0,), a: (1, 2), b: (2,), c: ()}


def test_last_use_of_outputs_is_after_all_layers(residual: tuple[Network, list[int]]) -> None:
    network, (x, a, b, c) = residual
    assert network.last_use == {x: 0, a: 3, b: 2, c: 3}
    assert network.outputs == (c, a)


def test_bytes_and_names(residual: tuple[Network, list[int]]) -> None:
    network, (x, a, _, _) = residual
    assert (network.bytes_of(x), network.bytes_of(a)) == (60, 120)
    assert network.name_of(x) == "input"
    assert network.extents[a] == Extent(4, 5, 6)


def test_a_tensor_that_nobody_reads_lives_until_it_is_made() -> None:
    builder = NetworkBuilder(0)
    x = builder.input(4, 4, 2)
    unread = builder.relu(x)
    network = build_network(builder.build(builder.conv(x, 3)))
    assert network.consumers[unread] == ()
    assert network.last_use[unread] == 0


def test_a_renaming_reshape_is_no_layer() -> None:
    builder = NetworkBuilder(0)
    pooled = builder.mean(builder.input(4, 4, 6))
    flat = builder.reshape(pooled, 1, 6)
    result = builder.fully_connected(flat, 3)
    network = build_network(builder.build(result))
    assert [network.graph.ops[layer.op].kind for layer in network.layers] == [
        Kind.MEAN,
        Kind.FULLY_CONNECTED,
    ]
    assert network.alias == {flat: pooled}
    assert network.layers[1].accesses[0].tensor == pooled == network.resolve(flat)


def test_renamed_outputs_resolve_to_the_tensor_that_holds_them() -> None:
    builder = NetworkBuilder(0)
    pooled = builder.mean(builder.input(4, 4, 6))
    once = builder.reshape(pooled, 1, 1, 6)
    twice = builder.reshape(once, 1, 6)
    network = build_network(builder.build(twice, pooled))
    assert network.alias == {once: pooled, twice: pooled}
    assert network.outputs == (pooled,)


def test_a_reshape_that_moves_pixels_is_a_layer() -> None:
    builder = NetworkBuilder(0)
    builder.reshape(builder.input(4, 5, 6), 1, 5, 4, 6)
    network = build_network(builder.build())
    assert len(network.layers) == 1 and not network.alias


def test_variables_have_an_extent_but_no_producer() -> None:
    builder = NetworkBuilder(0)
    x = builder.input(4, 4, 2)
    builder.relu(x)
    graph = builder.build()
    state = dataclasses.replace(graph.tensors[x], name="state", is_variable=True)
    network = build_network(graph.replace(tensors=(*graph.tensors, state)))
    assert network.extents[len(graph.tensors)] == Extent(4, 4, 2)
    assert len(graph.tensors) not in network.producer


@pytest.mark.parametrize("seed", range(15))
def test_every_value_is_made_before_it_is_read(seed: int) -> None:
    network = build_network(random_network(seed))
    known = set(network.inputs)
    for layer in network.layers:
        assert {access.tensor for access in layer.accesses} <= known
        known |= set(layer.outputs)
    assert set(network.outputs) <= known
    ops = [network.graph.ops[layer.op] for layer in network.layers]
    read = {t for op in ops for t in op.inputs if t != ABSENT}
    assert all(network.resolve(t) in network.extents for t in read if t in network.alias)
