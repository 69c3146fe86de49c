# SPDX-License-Identifier: Apache-2.0
"""The kernels' assembly, which exists on the emulated core alone, computes what is defined."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.arduino.program_builder import build_program, per_layer
from tests.network_builder import NetworkBuilder
from tests.networks import random_inputs
from tflm_converters import reference
from tflm_mcunet.emulator.measurement import measure
from tflm_mcunet.emulator.toolchain import Build

Append = Callable[[NetworkBuilder], object]


def conv(height: int, width: int, depth: int, channels: int, kernel: int = 1) -> Append:
    return lambda b: b.conv(b.input(height, width, depth), channels, kernel=kernel)


def depthwise(height: int, width: int, channels: int, kernel: int, stride: int) -> Append:
    return lambda b: b.depthwise(b.input(height, width, channels), kernel=kernel, stride=stride)


LAYERS: dict[str, Append] = {
    "quads, even and odd in number": conv(2, 6, 20, 5),
    "no whole quad": conv(3, 3, 3, 4),
    "filters with zeros behind them": conv(3, 5, 27, 6),
    "windows in parts": conv(4, 4, 301, 19),
    "one pixel": conv(1, 1, 83, 7),
    "one pixel in parts": conv(1, 1, 700, 35),
    "windows of three channels": conv(9, 10, 3, 8, kernel=3),
    "windows of eight channels": conv(5, 7, 8, 5, kernel=3),
    "one output channel": conv(3, 3, 8, 1),
    **{
        f"depthwise {kernel} by {stride}, {width} wide": depthwise(11, width, 9, kernel, stride)
        for kernel in (3, 5, 7)
        for stride in (1, 2)
        for width in (2, 13, 40)
    },
    "sums": lambda b: b.add(x := b.input(5, 7, 6), b.conv(x, 6)),
    "products": lambda b: b.mul(x := b.input(5, 7, 6), b.conv(x, 6)),
    "means": lambda b: b.mean(b.input(20, 15, 11)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_equal_their_definition(name: str) -> None:
    builder = NetworkBuilder(len(name))
    LAYERS[name](builder)
    graph = builder.build()
    program = build_program(graph, per_layer(graph))
    inputs = random_inputs(graph, 0)
    expected = reference.execute(graph, inputs)[graph.outputs[0]]
    measured = measure(program.options, program.parameters, [inputs], build=Build("-Os"))
    (output,) = measured.runs[0].outputs
    np.testing.assert_array_equal(output.ravel(), expected.ravel())
    assert measured.spoiled_bytes == 0
