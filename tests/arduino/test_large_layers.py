# SPDX-License-Identifier: Apache-2.0
"""Kernels that take their work in parts compute layers that need several of them."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from tests.arduino import kernel_case, memory
from tests.arduino.kernel_call import run
from tests.network_builder import NetworkBuilder
from tflm_converters.graph import Activation, Graph


def pointwise(height: int, width: int, depth: int, channels: int) -> Graph:
    builder = NetworkBuilder(depth)
    builder.conv(builder.input(height, width, depth), channels, activation=Activation.RELU6)
    return builder.build()


def convolution(height: int, width: int, depth: int, channels: int, kernel: int) -> Graph:
    builder = NetworkBuilder(kernel)
    builder.conv(builder.input(height, width, depth), channels, kernel=kernel)
    return builder.build()


def depthwise(height: int, width: int, channels: int, kernel: int, stride: int) -> Graph:
    builder = NetworkBuilder(channels)
    builder.depthwise(builder.input(height, width, channels), kernel=kernel, stride=stride)
    return builder.build()


LAYERS = {
    "windows of one value": pointwise(3, 7, 1, 5),
    "windows in one part": pointwise(4, 13, 127, 9),
    "windows in three parts": pointwise(3, 3, 261, 7),
    "more blocks than sums are kept for": pointwise(2, 2, 130, 139),
    "single pixels of many channels": pointwise(1, 1, 640, 261),
    "single pixels in three parts": pointwise(1, 1, 1000, 67),
    "rows of a window across parts": convolution(5, 6, 17, 35, 3),
    "large windows": convolution(7, 9, 40, 21, 5),
    "large windows of odd pixels, one at a time": convolution(1, 1, 11, 5, 7),
    "narrow rows": depthwise(6, 2, 19, 3, 1),
    "rows in segments": depthwise(4, 61, 9, 3, 1),
    "rows in segments, strided": depthwise(9, 40, 7, 5, 2),
    "weights that fill most of the buffer": depthwise(8, 23, 5, 7, 1),
    "weights beyond the buffer": depthwise(12, 14, 6, 11, 1),
}


@pytest.mark.parametrize("name", LAYERS)
def test_large_layers_equal_their_definition(kernels: ctypes.CDLL, name: str) -> None:
    rng = np.random.default_rng(len(name))
    case = kernel_case.case_of(LAYERS[name], rng)
    (image,) = case.images
    source = memory.place_whole(rng, image.shape)
    source.write(source.memory.bytes, image, memory.whole(image.shape))
    output = memory.place_whole(rng, case.expected.shape)
    run(kernels, case.kernel, case, [source], output, memory.whole(case.expected.shape))
    np.testing.assert_array_equal(output.memory.bytes.view(np.int8), case.expected.ravel())
