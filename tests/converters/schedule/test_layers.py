# SPDX-License-Identifier: Apache-2.0
"""What each operator reads, against the definitions; and what is left to TFLite-Micro."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from tests.converters.schedule.taps import hull, is_dilated, taps
from tests.network_builder import NetworkBuilder, per_tensor
from tests.networks import random_network
from tflm_converters.graph import Graph, Kind, MeanAttributes, Padding, ResizeAttributes
from tflm_converters.schedule.layers import Access, Axis, Extent, Layer, Reach, extent_of_shape
from tflm_converters.schedule.network import build_network

Build = Callable[[NetworkBuilder, int], int]


def last_layer(build: Build, *shape: int) -> Layer:
    """The layer that `build` appends to an input of `shape`."""
    builder = NetworkBuilder(0)
    build(builder, builder.input(*(shape or (8, 6, 4))))
    return build_network(builder.build()).layers[-1]


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((7,), (1, 1, 7)),
        ((1, 7), (1, 1, 7)),
        ((1, 5, 7), (5, 1, 7)),
        ((1, 5, 3, 7), (5, 3, 7)),
        ((2, 7), None),
        ((2, 5, 3, 7), None),
        ((1, 2, 3, 4, 5), None),
        ((), None),
    ],
)
def test_extent_of_shape(shape: tuple[int, ...], expected: tuple[int, ...] | None) -> None:
    assert extent_of_shape(shape) == expected


def test_extent_counts_bytes() -> None:
    assert (Extent(5, 3, 7).row_bytes, Extent(5, 3, 7).bytes) == (21, 105)


@pytest.mark.parametrize(
    ("build", "rows", "cols"),
    [
        (lambda b, x: b.conv(x, 5), Axis(), Axis()),
        (lambda b, x: b.conv(x, 5, kernel=3), Axis(3, 1, 1), Axis(3, 1, 1)),
        (
            lambda b, x: b.depthwise(x, kernel=(5, 3), stride=2, dilation=(1, 2)),
            Axis(5, 2, 1),
            Axis(5, 2, 1),
        ),
        (
            lambda b, x: b.max_pool(x, kernel=2, stride=(2, 1), padding=Padding(top=1)),
            Axis(2, 2, 1),
            Axis(2, 1, 0),
        ),
        (lambda b, x: b.mean(x, (1,)), Axis(8), Axis()),
        (lambda b, x: b.mean(x, (2,)), Axis(), Axis(6)),
        (lambda b, x: b.fully_connected(x, 3), Axis(8), Axis(6)),
        (lambda b, x: b.pad(x, (2, 0), (1, 3)), Axis(pad=2), Axis(pad=1)),
        (lambda b, x: b.resize_nearest(x, (2, 3)), Axis(repeat=2), Axis(repeat=3)),
        (lambda b, x: b.softmax(x), Axis(), Axis()),
        (lambda b, x: b.hard_swish(x), Axis(), Axis()),
        (lambda b, x: b.add(x, b.constant(0.5)), Axis(), Axis()),
        (lambda b, x: b.concatenate(x, x), Axis(), Axis()),
    ],
)
def test_axes(build: Build, rows: Axis, cols: Axis) -> None:
    access = last_layer(build).accesses[0]
    assert (access.rows, access.cols, access.reach) == (rows, cols, Reach.WINDOW)


@pytest.mark.parametrize(
    "build",
    [lambda b, x: b.transpose(x, 0, 2, 1, 3), lambda b, x: b.reshape(x, 1, 6, 8, 4)],
)
def test_rearrangements_need_the_whole_input(build: Build) -> None:
    assert [access.reach for access in last_layer(build).accesses] == [Reach.WHOLE]


@pytest.mark.parametrize(
    "factor",
    [lambda b, x: b.mean(x), lambda b, x: b.mean(b.conv(x, 1)), lambda b, x: b.input(1, 1, 4)],
)
def test_a_factor_of_one_pixel_is_broadcast(factor: Build) -> None:
    layer = last_layer(lambda b, x: b.mul(x, factor(b, x)))
    assert [access.reach for access in layer.accesses] == [Reach.WINDOW, Reach.BROADCAST]
    assert layer.elementwise and layer.is_pointwise


def test_only_elementwise_layers_may_overwrite_the_pixel_they_read() -> None:
    assert last_layer(lambda b, x: b.relu(x)).elementwise
    assert not last_layer(lambda b, x: b.conv(x, 4)).elementwise
    assert not last_layer(lambda b, x: b.softmax(x)).elementwise
    assert not last_layer(lambda b, x: b.concatenate(x, x)).elementwise


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda b, x: b.mean(x), True),
        (lambda b, x: b.mean(x, (1,)), True),
        (lambda b, x: b.mean(x, (2,)), False),
        (lambda b, x: b.average_pool(x, kernel=(8, 6)), True),
        (lambda b, x: b.average_pool(x, kernel=(8, 1)), False),
        (lambda b, x: b.max_pool(x, kernel=(8, 6)), False),
        (lambda b, x: b.average_pool(x, kernel=(8, 6), padding=Padding(1, 1)), False),
        (lambda b, x: b.average_pool(x, kernel=(8, 6), padding=Padding(bottom=1)), False),
        (lambda b, x: b.average_pool(x, kernel=(8, 6), padding=Padding(right=1)), False),
    ],
)
def test_pools_that_sum_all_rows_accumulate(build: Build, expected: bool) -> None:
    assert last_layer(build).global_pool is expected


# ---- What is left to TFLite-Micro ----


def grouped_convolution() -> Graph:
    builder = NetworkBuilder(0)
    builder.conv(builder.input(6, 6, 4), 4, kernel=3)
    graph = builder.build()
    weights = graph.ops[0].inputs[1]
    return with_tensor(graph, weights, shape=(4, 3, 3, 2), data=np.zeros((4, 3, 3, 2), np.int8))


def with_tensor(graph: Graph, tensor: int, **changes: object) -> Graph:
    tensors = list(graph.tensors)
    tensors[tensor] = dataclasses.replace(tensors[tensor], **changes)
    return graph.replace(tensors=tuple(tensors))


def built(build: Build) -> Graph:
    builder = NetworkBuilder(0)
    build(builder, builder.input(8, 6, 4))
    return builder.build()


def with_attributes(graph: Graph, attributes: object) -> Graph:
    return graph.replace(ops=(dataclasses.replace(graph.ops[0], attributes=attributes),))


STOCK = {
    "grouped convolution": grouped_convolution(),
    "computed weights": with_tensor(built(lambda b, x: b.fully_connected(x, 3)), 1, data=None),
    "per-channel constant": built(lambda b, x: b.mul(x, b.constant([1.0, 2.0, 3.0, 4.0]))),
    "row broadcast": built(lambda b, x: b.add(x, b.input(1, 6, 4))),
    "concatenation of rows": built(lambda b, x: b.concatenate(x, x, axis=1)),
    "half pixel centers": built(lambda b, x: b.resize_nearest(x, 2, half_pixel_centers=True)),
    "aligned corners": with_attributes(
        built(lambda b, x: b.resize_nearest(x, 2)), ResizeAttributes(align_corners=True)
    ),
    "mean over channels": with_attributes(
        built(lambda b, x: b.mean(x, (1, 2))), MeanAttributes((1, 3), True)
    ),
    "int16 output": with_tensor(built(lambda b, x: b.relu(x)), 1, dtype="int16"),
    "no quantization": with_tensor(built(lambda b, x: b.relu(x)), 1, quantization=None),
    "float output": built(lambda b, x: b.dequantize(x)),
}


@pytest.mark.parametrize("name", STOCK)
def test_stock(name: str) -> None:
    (layer,) = build_network(STOCK[name]).layers
    assert layer.stock
    assert all(access.reach is Reach.WHOLE for access in layer.accesses)


def test_stock_layers_hold_bytes_of_any_type() -> None:
    network = build_network(STOCK["float output"])
    (layer,) = network.layers
    assert layer.extent == Extent(1, 1, 8 * 6 * 4 * 4)
    assert network.bytes_of(layer.output) == layer.extent.bytes


def test_a_mean_after_a_mean_without_kept_dimensions() -> None:
    """NHWC to NWC to NC, as exporters write global pooling in two steps."""
    builder = NetworkBuilder(0)
    narrow = builder.mean(builder.input(8, 6, 4), (1,), keep_dims=False)
    builder.mean(narrow, (1,), keep_dims=False)
    first, second = build_network(builder.build()).layers
    assert first.extent == second.accesses[0].extent == Extent(1, 6, 4)
    assert second.accesses[0].cols == Axis(6)
    assert second.extent == Extent(1, 1, 4)


# ---- Against the definitions ----


@pytest.mark.parametrize("seed", range(25))
def test_accesses_are_the_definitions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = build_network(random_network(seed))
    for layer in network.layers:
        for access in layer.accesses:
            if not layer.stock:
                check_axis(network, layer, access, 0, rng)
                check_axis(network, layer, access, 1, rng)


def check_axis(network, layer: Layer, access: Access, axis: int, rng: np.random.Generator) -> None:
    begin = int(rng.integers(layer.extent[axis]))
    end = int(rng.integers(begin, layer.extent[axis])) + 1
    needs = access.cols_for if axis else access.rows_for
    low, high = (int(a[0]) for a in needs(np.array([begin]), np.array([end])))
    read = {t for p in range(begin, end) for t in taps(network, layer, access, p, axis=axis)}
    if is_dilated(network, layer):
        assert read <= set(range(low, high))
    elif read:
        assert (low, high) == hull(read)
    else:
        assert low >= high


def test_quantization_per_channel_is_left_to_tflm() -> None:
    graph = built(lambda b, x: b.relu(x))
    scales = np.full(4, 0.1, np.float32)
    per_channel = dataclasses.replace(per_tensor(0.1, 0), scales=scales)
    (layer,) = build_network(with_tensor(graph, 1, quantization=per_channel)).layers
    assert layer.stock


def test_kinds_of_stock_layers_keep_their_operator() -> None:
    graph = STOCK["float output"]
    (layer,) = build_network(graph).layers
    assert graph.ops[layer.op].kind is Kind.DEQUANTIZE
