# SPDX-License-Identifier: Apache-2.0
"""The interface becomes int8; the network between the borders stays as it is."""

from __future__ import annotations

import numpy as np

from tests.converters.passes.comparison import kinds
from tests.networks import NetworkBuilder, random_inputs
from tflm_converters import graph_check, reference
from tflm_converters.graph import Graph, Kind
from tflm_converters.passes import strip_float_io


def float_network(*, int8_output_too: bool = False) -> Graph:
    """QUANTIZE, CONV_2D, DEQUANTIZE; perhaps with the int8 result as an output as well."""
    builder = NetworkBuilder()
    x = builder.quantize(builder.input(4, 4, 2, dtype="float32"))
    y = builder.conv(x, 3)
    z = builder.dequantize(y)
    return builder.build(z, y) if int8_output_too else builder.build(z)


def test_borders_become_int8() -> None:
    before = float_network()
    after = strip_float_io.run(before)
    graph_check.check(after)
    assert kinds(after) == [Kind.CONV]
    source, target = after.tensors[after.inputs[0]], after.tensors[after.outputs[0]]
    assert (source.dtype, target.dtype) == ("int8", "int8")
    assert source.quantization is before.tensors[before.ops[0].output].quantization
    assert target.quantization is before.tensors[before.ops[1].output].quantization


def test_same_numbers_behind_the_same_quantization() -> None:
    before = float_network()
    after = strip_float_io.run(before)
    expected = reference.execute(before, random_inputs(before, 1))
    got = reference.execute(after, [expected[before.ops[0].output]])[after.outputs[0]]
    assert (got == expected[before.ops[1].output]).all()
    quantization = after.tensors[after.outputs[0]].quantization
    assert quantization is not None
    real = quantization.scale * (got.astype(np.float64) - quantization.zero_point)
    assert (real.astype(np.float32) == expected[before.outputs[0]]).all()


def test_keeps_a_float_input_that_has_other_readers() -> None:
    builder = NetworkBuilder()
    x = builder.input(2, 2, 1, dtype="float32")
    before = builder.build(builder.quantize(x), builder.quantize(x))
    assert kinds(strip_float_io.run(before)) == [Kind.QUANTIZE] * 2


def test_keeps_an_output_that_would_appear_twice() -> None:
    after = strip_float_io.run(float_network(int8_output_too=True))
    assert kinds(after) == [Kind.CONV, Kind.DEQUANTIZE]


def test_keeps_conversions_from_input_to_output() -> None:
    """An input cannot be an output as well, and a float32 output may not lose its meaning."""
    builder = NetworkBuilder()
    builder.dequantize(builder.input(2, 2, 1))
    assert kinds(strip_float_io.run(builder.build())) == [Kind.DEQUANTIZE]
    builder = NetworkBuilder()
    builder.quantize(builder.input(2, 2, 1, dtype="float32"))
    assert kinds(strip_float_io.run(builder.build())) == [Kind.QUANTIZE]
