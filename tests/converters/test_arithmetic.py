# SPDX-License-Identifier: Apache-2.0
"""Requantization constants against their definition, and tables against TFLite-Micro."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import tflm
from tests.converters.single_op import activation, quantization, single_op
from tflm_converters import arithmetic, writer
from tflm_converters.errors import UnsupportedModelError
from tflm_converters.graph import (
    Activation,
    ConvAttributes,
    ElementwiseAttributes,
    FullyConnectedAttributes,
    Graph,
    Kind,
    MeanAttributes,
    NoAttributes,
    Quantization,
    SoftmaxAttributes,
    Tensor,
    Window,
)

TABLE_KINDS = [Kind.LOGISTIC, Kind.HARD_SWISH, Kind.RELU, Kind.RELU6, Kind.QUANTIZE]
EVERY_INT8 = np.arange(-128, 128).astype(np.int8).reshape(1, 16, 16, 1)


@pytest.mark.parametrize(
    ("real", "expected"),
    [
        (0.0, (0, 0)),
        (0.5, (2**30, 0)),
        (1.0, (2**30, 1)),
        (3.0, (3 * 2**29, 2)),
        (1 - 2.0**-40, (2**30, 1)),  # the fraction rounds up to 1
        (2.0**-32, (2**30, -31)),  # the least that is not flushed to zero
        (2.0**-32 * (1 - 2.0**-20), (0, 0)),
        (2.0**-32 * (1 - 2.0**-40), (2**30, -31)),  # rounds up to the least
        (2.0**-60, (0, 0)),
    ],
)
def test_quantize_multiplier(real: float, expected: tuple[int, int]) -> None:
    assert arithmetic.quantize_multiplier(real) == expected


@given(st.floats(2.0**-32, 2.0**30))
def test_quantize_multiplier_is_the_nearest(real: float) -> None:
    multiplier, shift = arithmetic.quantize_multiplier(real)
    assert 2**30 <= multiplier < 2**31
    error = Fraction(multiplier) * Fraction(2) ** (shift - 31) - Fraction(real)
    assert abs(error) <= Fraction(2) ** (shift - 32)


@pytest.mark.parametrize(
    ("fused", "scale", "zero_point", "expected"),
    [
        (Activation.NONE, 0.1, 5, (-128, 127)),
        (Activation.RELU, 0.1, 5, (5, 127)),
        (Activation.RELU6, 0.1, -10, (-10, 50)),
        (Activation.RELU6, 0.01, -10, (-10, 127)),
        (Activation.RELU6, 4.0, 0, (0, 2)),  # 6 / 4 is a tie
        (Activation.RELU_N1_TO_1, 2.0, 3, (2, 4)),  # -1 / 2 is one too, away from zero
        (Activation.RELU_N1_TO_1, 0.001, 0, (-128, 127)),
    ],
)
def test_activation_range(
    fused: Activation, scale: float, zero_point: int, expected: tuple[int, int]
) -> None:
    assert arithmetic.activation_range(fused, quantization(scale, zero_point)) == expected


def weighted(kind: Kind, scales: list[float]) -> Graph:
    """A convolution or fully connected layer from 3 to 2 channels; weights of these scales."""
    is_conv = kind is Kind.CONV
    shape = (2, 1, 1, 3) if is_conv else (2, 3)
    weight_scales = Quantization(np.array(scales, np.float32), np.zeros(len(scales), np.int32))
    image = (1, 1, 1) if is_conv else (1,)
    return single_op(
        kind,
        ConvAttributes(Window()) if is_conv else FullyConnectedAttributes(),
        [
            activation("input", (*image, 3), quantization(0.1)),
            Tensor("weights", shape, "int8", weight_scales, np.ones(shape, np.int8)),
        ],
        activation("output", (*image, 2), quantization(0.1)),
    )


def test_conv_has_one_multiplier_for_each_channel() -> None:
    graph = weighted(Kind.CONV, [0.5, 0.125])
    multipliers, shifts = arithmetic.conv_requantization(graph, graph.ops[0])
    assert multipliers.dtype == shifts.dtype == np.int32
    assert multipliers.tolist() == [2**30, 2**30]
    assert shifts.tolist() == [0, -2]


def test_conv_repeats_a_single_scale_for_all_channels() -> None:
    graph = weighted(Kind.CONV, [0.5])
    multipliers, shifts = arithmetic.conv_requantization(graph, graph.ops[0])
    assert multipliers.tolist() == [2**30, 2**30]
    assert shifts.tolist() == [0, 0]


def test_fully_connected_rounds_the_product_of_scales_to_float32() -> None:
    """Hence its multiplier differs from that of a convolution of the same scales."""
    product = np.float32(0.1) * np.float32(0.3)
    expected = arithmetic.quantize_multiplier(float(product) / float(np.float32(0.1)))
    layer, conv = weighted(Kind.FULLY_CONNECTED, [0.3]), weighted(Kind.CONV, [0.3])
    multipliers, shifts = arithmetic.fully_connected_requantization(layer, layer.ops[0])
    assert [(int(m), int(s)) for m, s in zip(multipliers, shifts, strict=True)] == [expected] * 2
    assert multipliers[0] != arithmetic.conv_requantization(conv, conv.ops[0])[0][0]


def test_fully_connected_by_channel_does_not() -> None:
    layer, conv = weighted(Kind.FULLY_CONNECTED, [0.3, 0.2]), weighted(Kind.CONV, [0.3, 0.2])
    of_layer = arithmetic.fully_connected_requantization(layer, layer.ops[0])
    of_conv = arithmetic.conv_requantization(conv, conv.ops[0])
    np.testing.assert_array_equal(of_layer, of_conv)


def test_fully_connected_refuses_weights_with_a_zero_point() -> None:
    layer = weighted(Kind.FULLY_CONNECTED, [0.3])
    weights = dataclasses.replace(layer.tensors[1], quantization=quantization(0.3, 7))
    layer = layer.replace(tensors=(layer.tensors[0], weights, layer.tensors[2]))
    with pytest.raises(UnsupportedModelError, match=r"FULLY_CONNECTED .*'output'.*got \[7\]"):
        arithmetic.fully_connected_requantization(layer, layer.ops[0])


def binary(kind: Kind) -> Graph:
    return single_op(
        kind,
        ElementwiseAttributes(),
        [activation("a", (1, 4), quantization(0.5)), activation("b", (1, 4), quantization(0.125))],
        activation("output", (1, 4), quantization(0.25)),
    )


def test_add_scales_by_twice_the_larger_input_scale() -> None:
    graph = binary(Kind.ADD)
    assert arithmetic.add_requantization(graph, graph.ops[0]) == arithmetic.AddRequantization(
        left_shift=20,
        input1_multiplier=2**30,
        input1_shift=0,
        input2_multiplier=2**30,
        input2_shift=-2,
        output_multiplier=2**30,
        output_shift=-17,
    )


def test_mul_scales_the_product() -> None:
    graph = binary(Kind.MUL)
    expected = arithmetic.MulRequantization(output_multiplier=2**30, output_shift=-1)
    assert arithmetic.mul_requantization(graph, graph.ops[0]) == expected


def test_mean_divides_its_multiplier_by_the_count() -> None:
    graph = single_op(
        Kind.MEAN,
        MeanAttributes((1, 2), True),
        [activation("input", (1, 3, 2, 4), quantization(0.5))],
        activation("output", (1, 1, 1, 4), quantization(0.5)),
    )
    requantization = arithmetic.mean_requantization(graph, graph.ops[0])
    assert requantization == arithmetic.MeanRequantization(2**30 * 4 // 6, 1 - 2)


def softmax(scale: float, beta: float = 1.0) -> Graph:
    return single_op(
        Kind.SOFTMAX,
        SoftmaxAttributes(beta),
        [activation("input", (1, 8), quantization(scale))],
        activation("output", (1, 8), quantization(1 / 256, -128)),
    )


def test_softmax_turns_differences_into_5_integer_bits() -> None:
    graph = softmax(0.25, beta=2.0)
    requantization = arithmetic.softmax_requantization(graph, graph.ops[0])
    assert requantization == arithmetic.SoftmaxRequantization(
        input_multiplier=2**30, input_left_shift=26, diff_min=-31
    )


def test_softmax_multiplier_saturates() -> None:
    graph = softmax(1000.0)
    requantization = arithmetic.softmax_requantization(graph, graph.ops[0])
    assert requantization == arithmetic.SoftmaxRequantization(2**31 - 1, 31, 0)


def test_softmax_refuses_a_vanishing_scale() -> None:
    graph = softmax(1e-9)
    with pytest.raises(UnsupportedModelError, match=r"SOFTMAX .*'output'.*got 1e-09"):
        arithmetic.softmax_requantization(graph, graph.ops[0])


def elementwise(kind: Kind, source: Quantization | None, target: Quantization | None) -> Graph:
    """An operator without attributes, from int8 to int8, on as many values as int8 has."""
    return single_op(
        kind,
        NoAttributes(),
        [activation("input", EVERY_INT8.shape, source)],
        activation("output", EVERY_INT8.shape, target),
    )


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", TABLE_KINDS)
def test_lookup_table_equals_tflm_for_every_input(kind: Kind, seed: int) -> None:
    rng = np.random.default_rng(seed)
    source = quantization(10 ** rng.uniform(-3, 0), int(rng.integers(-128, 128)))
    target = quantization(source.scale * 10 ** rng.uniform(-1, 1), int(rng.integers(-128, 128)))
    if kind is Kind.LOGISTIC:
        target = quantization(1 / 256, -128)
    graph = elementwise(kind, source, target)
    table = arithmetic.lookup_table(graph, graph.ops[0])
    (expected,) = tflm.infer(writer.write(graph), [EVERY_INT8])
    assert table.dtype == np.int8
    np.testing.assert_array_equal(table, expected.ravel())


@pytest.mark.parametrize(
    ("kind", "source_scale", "target_scale"),
    [
        (Kind.LOGISTIC, 20.0, 1 / 256),  # all inputs but the zero point saturate
        (Kind.LOGISTIC, 1e-5, 1 / 256),
        (Kind.HARD_SWISH, 1e-4, 1e-4),  # the factor is shifted right
        (Kind.HARD_SWISH, 5.0, 2.0),  # and far to the left
        (Kind.HARD_SWISH, 1e-4, 1.0),  # a shift beyond 16 bits
        (Kind.RELU, 1.0, 0.01),
        (Kind.QUANTIZE, 1.0, 0.001),
        (Kind.QUANTIZE, 0.1, 0.1),
    ],
)
def test_lookup_table_equals_tflm_at_extreme_scales(
    kind: Kind, source_scale: float, target_scale: float
) -> None:
    source, target = quantization(source_scale, -3), quantization(target_scale, -128)
    graph = elementwise(kind, source, target)
    (expected,) = tflm.infer(writer.write(graph), [EVERY_INT8])
    np.testing.assert_array_equal(arithmetic.lookup_table(graph, graph.ops[0]), expected.ravel())


@pytest.mark.parametrize(
    ("kind", "source", "target", "message"),
    [
        (Kind.LOGISTIC, quantization(0.1), quantization(1 / 256, 0), "zero point of -128, got 0"),
        (Kind.LOGISTIC, quantization(1e-10), quantization(1 / 256, -128), "got 1e-10"),
        (Kind.HARD_SWISH, quantization(1.0), quantization(0.005), "128 output scales, got 200"),
        (Kind.RELU, quantization(0.0), quantization(0.1), "'input'.*got scale 0"),
        (Kind.RELU, None, quantization(0.1), "'input'.*got none"),
    ],
)
def test_refused_quantizations_are_named(
    kind: Kind, source: Quantization, target: Quantization, message: str
) -> None:
    graph = elementwise(kind, source, target)
    with pytest.raises(UnsupportedModelError, match=message):
        arithmetic.lookup_table(graph, graph.ops[0])


def test_lookup_table_needs_int8() -> None:
    graph = single_op(
        Kind.QUANTIZE,
        NoAttributes(),
        [activation("input", (1, 8), None, "float32")],
        activation("output", (1, 8), quantization(0.1)),
    )
    with pytest.raises(UnsupportedModelError, match="QUANTIZE from float32 to int8"):
        arithmetic.lookup_table(graph, graph.ops[0])
