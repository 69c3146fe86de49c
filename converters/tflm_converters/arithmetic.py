# SPDX-License-Identifier: Apache-2.0
"""The integer constants and tables that TFLite-Micro derives from a model's scales.

Every function computes what TFLite-Micro's reference int8 kernel computes when it is
prepared, float32 and double roundings included, so that results are bit-identical. A
multiplier is Q0.31; a positive shift is to the left, a negative one to the right. The
scheme is that of Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", 2018, section 2.2.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np

from tflm_converters import fixed_point
from tflm_converters.errors import UnsupportedModelError
from tflm_converters.graph import (
    Activation,
    Graph,
    Kind,
    MeanAttributes,
    Op,
    Quantization,
    SoftmaxAttributes,
)

INT8_MIN = -128
INT8_MAX = 127
ADD_LEFT_SHIFT = 20
SOFTMAX_INTEGER_BITS = 5
LOGISTIC_INTEGER_BITS = 4


@dataclasses.dataclass(frozen=True)
class AddRequantization:
    """ADD: both inputs are shifted left, brought to one scale, added, and rescaled."""

    left_shift: int
    input1_multiplier: int
    input1_shift: int
    input2_multiplier: int
    input2_shift: int
    output_multiplier: int
    output_shift: int


@dataclasses.dataclass(frozen=True)
class MulRequantization:
    """MUL: the product of both inputs is rescaled."""

    output_multiplier: int
    output_shift: int


@dataclasses.dataclass(frozen=True)
class MeanRequantization:
    """MEAN: the sum of the elements, less their zero points, is rescaled.

    The division by the number of elements is part of the multiplier and the shift.
    """

    multiplier: int
    shift: int


@dataclasses.dataclass(frozen=True)
class SoftmaxRequantization:
    """SOFTMAX: differences to the maximum become Q5.26; those below `diff_min` count as zero."""

    input_multiplier: int
    input_left_shift: int
    diff_min: int


def quantization_of(graph: Graph, tensor: int) -> Quantization:
    """The quantization of a tensor.

    Raises:
        UnsupportedModelError: it has none, or a scale that is not a positive number.
    """
    quantization = graph.tensors[tensor].quantization
    scales = np.zeros(1) if quantization is None else quantization.scales
    if quantization is None or not (np.isfinite(scales) & (scales > 0)).all():
        got = "none" if quantization is None else f"scale {scales.min():g}"
        raise UnsupportedModelError(
            f"tensor '{graph.tensors[tensor].name}': expected quantization by a positive scale, "
            f"got {got}; quantize the model to int8 first"
        )
    return quantization


def round_half_away(value: float) -> int:
    """Rounds to the nearest integer, ties away from zero, as C's round()."""
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


def quantize_multiplier(real: float) -> tuple[int, int]:
    """The (multiplier, shift) with `real` nearest to multiplier * 2^(shift - 31).

    The multiplier lies in [2^30, 2^31); magnitudes below 2^-32 are flushed to zero.
    """
    fraction, shift = math.frexp(real)
    multiplier = round_half_away(fraction * 2**31)
    if multiplier == 2**31:
        multiplier, shift = 2**30, shift + 1
    return (0, 0) if multiplier == 0 or shift < -31 else (multiplier, shift)


def quantize_multipliers(reals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`quantize_multiplier` of each element of float64[n]: (int32[n], int32[n])."""
    multipliers, shifts = zip(*(quantize_multiplier(float(real)) for real in reals), strict=True)
    return np.array(multipliers, np.int32), np.array(shifts, np.int32)


def activation_range(activation: Activation, quantization: Quantization) -> tuple[int, int]:
    """The least and greatest int8 output that a fused activation lets through."""

    def quantize(real: float) -> int:
        quotient = np.float32(real) / np.float32(quantization.scale)
        return quantization.zero_point + round_half_away(float(quotient))

    match activation:
        case Activation.RELU:
            return max(INT8_MIN, quantize(0.0)), INT8_MAX
        case Activation.RELU6:
            return max(INT8_MIN, quantize(0.0)), min(INT8_MAX, quantize(6.0))
        case Activation.RELU_N1_TO_1:
            return max(INT8_MIN, quantize(-1.0)), min(INT8_MAX, quantize(1.0))
    return INT8_MIN, INT8_MAX


def conv_requantization(graph: Graph, op: Op) -> tuple[np.ndarray, np.ndarray]:
    """(int32[C] multipliers, int32[C] shifts) of CONV_2D and DEPTHWISE_CONV_2D.

    C is the number of output channels, also where the weights have a single scale.
    """
    channels = graph.tensors[op.output].shape[-1]
    input_scale = quantization_of(graph, op.inputs[0]).scale
    weight_scales = quantization_of(graph, op.inputs[1]).scales.astype(np.float64)
    output_scale = quantization_of(graph, op.output).scale
    return quantize_multipliers(
        np.broadcast_to(input_scale * weight_scales / output_scale, (channels,))
    )


def fully_connected_requantization(graph: Graph, op: Op) -> tuple[np.ndarray, np.ndarray]:
    """(int32[C] multipliers, int32[C] shifts) of FULLY_CONNECTED, C output channels.

    Unlike a convolution's, the product of a single weight scale and the input scale is
    rounded to float32.

    Raises:
        UnsupportedModelError: the weights have a zero point.
    """
    weights = quantization_of(graph, op.inputs[1])
    if weights.zero_points.any():
        raise _unsupported(graph, op, "weights without a zero point", f"{weights.zero_points}")
    if weights.scales.size > 1:
        return conv_requantization(graph, op)
    product = np.float32(quantization_of(graph, op.inputs[0]).scale) * np.float32(weights.scale)
    real = float(product) / quantization_of(graph, op.output).scale
    return quantize_multipliers(np.full(graph.tensors[op.output].shape[-1], real))


def add_requantization(graph: Graph, op: Op) -> AddRequantization:
    """Constants of ADD; the common scale is twice the larger input scale."""
    scale1, scale2 = (quantization_of(graph, tensor).scale for tensor in op.inputs)
    common = 2 * max(scale1, scale2)
    output_scale = quantization_of(graph, op.output).scale
    return AddRequantization(
        ADD_LEFT_SHIFT,
        *quantize_multiplier(scale1 / common),
        *quantize_multiplier(scale2 / common),
        *quantize_multiplier(common / (2**ADD_LEFT_SHIFT * output_scale)),
    )


def mul_requantization(graph: Graph, op: Op) -> MulRequantization:
    """Constants of MUL."""
    scale1, scale2 = (quantization_of(graph, tensor).scale for tensor in op.inputs)
    output_scale = quantization_of(graph, op.output).scale
    return MulRequantization(*quantize_multiplier(scale1 * scale2 / output_scale))


def mean_requantization(graph: Graph, op: Op) -> MeanRequantization:
    """Constants of MEAN; the division of the multiplier by the element count truncates."""
    assert isinstance(op.attributes, MeanAttributes)
    shape = graph.tensors[op.inputs[0]].shape
    count = math.prod(shape[axis] for axis in op.attributes.axes)
    multiplier, shift = _rescaling(graph, op)
    headroom = min(count.bit_length() - 1, 32, 31 + shift)
    return MeanRequantization((multiplier << headroom) // count, shift - headroom)


def softmax_requantization(graph: Graph, op: Op) -> SoftmaxRequantization:
    """Constants of SOFTMAX over int8.

    Raises:
        UnsupportedModelError: the input scale is too small for TFLite-Micro.
    """
    assert isinstance(op.attributes, SoftmaxAttributes)
    real = float(np.float32(op.attributes.beta)) * quantization_of(graph, op.inputs[0]).scale
    fractional_bits = 31 - SOFTMAX_INTEGER_BITS
    multiplier, shift = quantize_multiplier(min(real * 2**fractional_bits, 2.0**31 - 1))
    radius = _input_radius(graph, op, SOFTMAX_INTEGER_BITS, shift)
    return SoftmaxRequantization(multiplier, shift, -radius)


def lookup_table(graph: Graph, op: Op) -> np.ndarray:
    """int8[256]: the output of an elementwise int8 operator for every input, from -128 up.

    Raises:
        UnsupportedModelError: the operator is not elementwise on int8, or TFLite-Micro
            refuses its quantization.
    """
    function = _TABLES.get(op.kind)
    dtypes = graph.tensors[op.inputs[0]].dtype, graph.tensors[op.output].dtype
    if function is None or dtypes != ("int8", "int8"):
        raise UnsupportedModelError(
            f"{graph.describe(graph.ops.index(op))}: expected an elementwise operator from int8 "
            f"to int8, got {op.kind.value} from {dtypes[0]} to {dtypes[1]}"
        )
    table = function(np.arange(INT8_MIN, INT8_MAX + 1, dtype=np.int64), graph, op)
    return np.clip(table, INT8_MIN, INT8_MAX).astype(np.int8)


def _rescaling(graph: Graph, op: Op) -> tuple[int, int]:
    """The (multiplier, shift) from the scale of the first input to that of the output."""
    input_scale = quantization_of(graph, op.inputs[0]).scale
    return quantize_multiplier(input_scale / quantization_of(graph, op.output).scale)


def _input_radius(graph: Graph, op: Op, integer_bits: int, left_shift: int) -> int:
    """Magnitude from which an input, shifted left, would leave its fixed-point range."""
    if left_shift < 1:
        scale = quantization_of(graph, op.inputs[0]).scale
        raise _unsupported(graph, op, f"an input scale above {2.0**-26:g}", f"{scale:g}")
    return math.floor(math.ldexp((1 << integer_bits) - 1, 31 - integer_bits - left_shift))


def _unsupported(graph: Graph, op: Op, expected: str, got: str) -> UnsupportedModelError:
    """What TFLite-Micro's kernel refuses, or computes by undefined behaviour."""
    return UnsupportedModelError(
        f"{graph.describe(graph.ops.index(op))}: TFLite-Micro needs {expected}, got {got}; "
        "calibrate and convert the model again"
    )


def _relu_table(inputs: np.ndarray, graph: Graph, op: Op) -> np.ndarray:
    """RELU rescales; the ratio of the scales is rounded to float32."""
    source, target = quantization_of(graph, op.inputs[0]), quantization_of(graph, op.output)
    multiplier, shift = quantize_multiplier(
        float(np.float32(source.scale) / np.float32(target.scale))
    )
    rescaled = fixed_point.multiply_by_quantized_multiplier(
        inputs - source.zero_point, multiplier, shift
    )
    least, greatest = activation_range(Activation.RELU, target)
    return np.clip(rescaled + target.zero_point, least, greatest)


def _relu6_table(inputs: np.ndarray, graph: Graph, op: Op) -> np.ndarray:
    """RELU6 clamps in the input's quantization and does not rescale."""
    source = quantization_of(graph, op.inputs[0])
    _, six = activation_range(Activation.RELU6, source)
    return np.clip(inputs, source.zero_point, six)


def _quantize_table(inputs: np.ndarray, graph: Graph, op: Op) -> np.ndarray:
    """QUANTIZE rescales."""
    source, target = quantization_of(graph, op.inputs[0]), quantization_of(graph, op.output)
    return target.zero_point + fixed_point.multiply_by_quantized_multiplier(
        inputs - source.zero_point, *_rescaling(graph, op)
    )


def _logistic_table(inputs: np.ndarray, graph: Graph, op: Op) -> np.ndarray:
    """LOGISTIC: Q4.27 input, Q0.31 result, of which the upper 8 bits are the output."""
    source, target = quantization_of(graph, op.inputs[0]), quantization_of(graph, op.output)
    if target.zero_point != INT8_MIN:
        raise _unsupported(graph, op, f"an output zero point of {INT8_MIN}", f"{target.zero_point}")
    multiplier, shift = quantize_multiplier(source.scale * 2 ** (31 - LOGISTIC_INTEGER_BITS))
    radius = _input_radius(graph, op, LOGISTIC_INTEGER_BITS, shift)
    offset = inputs - source.zero_point
    fixed = fixed_point.multiply_by_quantized_multiplier(
        np.clip(offset, -radius, radius), multiplier, shift
    )
    result = fixed_point.logistic(fixed, integer_bits=LOGISTIC_INTEGER_BITS)
    result = INT8_MIN + fixed_point.rounding_shift_right(result, 31 - 8)
    return np.select([offset <= -radius, offset >= radius], [INT8_MIN, INT8_MAX], result)


def _hard_swish_table(inputs: np.ndarray, graph: Graph, op: Op) -> np.ndarray:
    """HARD_SWISH in 16-bit arithmetic: x * relu6(x + 3) / 6, the factor as Q0.15."""
    source, target = quantization_of(graph, op.inputs[0]), quantization_of(graph, op.output)
    fine_scale = np.float32(1 / 128) * np.float32(source.scale)
    multiplier, shift = quantize_multiplier(float(fine_scale / np.float32(target.scale)))
    if shift > 0:
        ratio = source.scale / target.scale
        raise _unsupported(graph, op, "an input scale below 128 output scales", f"{ratio:g}")
    fine = (inputs - source.zero_point) << 7
    unshifted = fixed_point.doubling_high_multiply(fine, _narrow(multiplier), bits=16)
    product = _hard_sigmoid(fine, fine_scale) * unshifted
    product = np.sign(product) * (np.abs(product) >> 15)
    return fixed_point.rounding_shift_right(product, -shift, bits=16) + target.zero_point


def _hard_sigmoid(fine: np.ndarray, fine_scale: np.float32) -> np.ndarray:
    """relu6(x + 3) / 6 as Q0.15, where -3 and 3 are -2^15 and 2^15 before the last step."""
    multiplier, shift = quantize_multiplier(float(fine_scale / np.float32(3 / 32768)))
    value = fine
    if shift > 0:
        value = _saturate_to_int16(value << (shift - 1))
    value = fixed_point.doubling_high_multiply(value, _narrow(multiplier), bits=16)
    if shift > 0:
        value = _saturate_to_int16(value << 1)
    elif shift < 0:
        value = fixed_point.rounding_shift_right(value, -shift, bits=16)
    return (value + 2**15) >> 1


def _narrow(multiplier: int) -> int:
    """A Q0.31 multiplier as Q0.15, rounded and saturated."""
    return min((multiplier + 2**15) >> 16, 2**15 - 1)


def _saturate_to_int16(values: np.ndarray) -> np.ndarray:
    return np.clip(values, -(2**15), 2**15 - 1)


_TABLES: dict[Kind, Callable[[np.ndarray, Graph, Op], np.ndarray]] = {
    Kind.RELU: _relu_table,
    Kind.RELU6: _relu6_table,
    Kind.QUANTIZE: _quantize_table,
    Kind.LOGISTIC: _logistic_table,
    Kind.HARD_SWISH: _hard_swish_table,
}
