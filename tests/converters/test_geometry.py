# SPDX-License-Identifier: Apache-2.0
"""Padding and output shapes against their definitions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.networks import NetworkBuilder, random_network
from tflm_converters import geometry
from tflm_converters.graph import Kind, Window

sizes, kernels, strides = st.integers(1, 64), st.integers(1, 9), st.integers(1, 4)


@given(sizes, kernels, strides, st.integers(1, 3))
def test_same_padding_gives_one_output_per_stride(
    size: int, kernel: int, stride: int, dilation: int
) -> None:
    before, after = geometry.same_padding(size, kernel, stride, dilation)
    outputs = geometry.output_extent(size, kernel, stride, dilation, (before, after))
    assert outputs == -(-size // stride)
    assert after - before in (0, 1)


@given(sizes, kernels, strides, st.integers(1, 3))
def test_output_extent_counts_the_windows_that_fit(
    size: int, kernel: int, stride: int, dilation: int
) -> None:
    last_tap = (kernel - 1) * dilation
    fitting = [start for start in range(0, size, stride) if start + last_tap < size]
    assert max(geometry.output_extent(size, kernel, stride, dilation), 0) == len(fitting)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "expected"),
    [
        (224, 3, 2, (0, 1)),
        (5, 3, 2, (1, 1)),
        (10, 7, 1, (3, 3)),
        (49, 10, 2, (4, 5)),
        (8, 2, 4, (0, 0)),
    ],
)
def test_odd_padding_goes_after(
    size: int, kernel: int, stride: int, expected: tuple[int, int]
) -> None:
    assert geometry.same_padding(size, kernel, stride) == expected


def test_same_resolves_height_and_width_apart() -> None:
    window = geometry.with_same_padding(Window(2, 1, 1, 2), (9, 8), (4, 3))
    pad = window.padding
    assert (pad.top, pad.bottom, pad.left, pad.right) == (1, 2, 2, 2)


@pytest.mark.parametrize("seed", range(30))
def test_output_shapes_of_networks(seed: int) -> None:
    graph = random_network(seed)
    for op in graph.ops:
        expected = geometry.output_shape(op, graph.tensors)
        is_free = op.kind in (Kind.FULLY_CONNECTED, Kind.RESHAPE)
        assert expected == (None if is_free else graph.tensors[op.output].shape)


def test_joining_unlike_shapes_is_an_error() -> None:
    builder = NetworkBuilder()
    joined = builder.concatenate(builder.input(4, 4, 2), builder.input(4, 4, 3), axis=3)
    op = builder.ops[-1]
    tensors = list(builder.tensors)
    tensors[op.inputs[1]] = builder.tensors[builder.input(5, 4, 3)]
    assert builder.shape(joined) == (1, 4, 4, 5)
    with pytest.raises(ValueError, match="cannot be joined along axis 3"):
        geometry.output_shape(op, tensors)
