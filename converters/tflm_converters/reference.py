# SPDX-License-Identifier: Apache-2.0
"""Executes a graph in NumPy, written as the operators are defined: the oracle of the tests.

Results are those of TFLite-Micro's reference kernels, bit for bit. Each operator is
computed whole, in the graph's order, with nothing shared with the runtime's kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from tflm_converters import arithmetic, fixed_point, geometry
from tflm_converters.errors import UnsupportedModelError
from tflm_converters.graph import (
    ABSENT,
    Activation,
    ConcatenationAttributes,
    ConvAttributes,
    ElementwiseAttributes,
    FullyConnectedAttributes,
    Graph,
    Kind,
    MeanAttributes,
    Op,
    PadAttributes,
    PoolAttributes,
    ResizeAttributes,
    TransposeAttributes,
    Window,
)


def execute(graph: Graph, inputs: Sequence[np.ndarray]) -> dict[int, np.ndarray]:
    """Runs one inference.

    Args:
        graph: the model; CONV_2D and the like may have any explicit padding.
        inputs: one array for each of `graph.inputs`, of its shape and dtype.

    Returns:
        The value of every graph input and of every tensor that an operator writes, by
        tensor index.

    Raises:
        UnsupportedModelError: the graph has an operator that is not interpreted
            (PASS_THROUGH, PROGRAM), or one on a type that it is not defined for here.
        ValueError: the inputs are not those the graph expects.
    """
    values = dict(zip(graph.inputs, _checked(graph, inputs), strict=True))
    for index, op in enumerate(graph.ops):
        operator = _operator(graph, index)
        operands = [_value(graph, values, tensor) for tensor in op.inputs]
        values[op.output] = operator(graph, op, *operands)
    return values


Operator = Callable[..., np.ndarray]
"""An operator's definition, called with the graph, the op and the values of its inputs."""


def _checked(graph: Graph, inputs: Sequence[np.ndarray]) -> Sequence[np.ndarray]:
    expected = [(graph.tensors[t].shape, graph.tensors[t].dtype) for t in graph.inputs]
    got = [(value.shape, value.dtype.name) for value in inputs]
    if got != expected:
        raise ValueError(f"expected inputs of (shape, dtype) {expected}, got {got}")
    return inputs


def _operator(graph: Graph, index: int) -> Operator:
    """The definition of the operator at an index, or UnsupportedModelError."""
    op = graph.ops[index]
    definition = _ANY_TYPE.get(op.kind) or _INT8.get(op.kind)
    if definition is None:
        raise UnsupportedModelError(
            f"{graph.describe(index)}: the reference executor does not interpret this operator; "
            "run the model in TFLite-Micro instead"
        )
    dtype = graph.tensors[op.inputs[0]].dtype
    if op.kind in _INT8 and dtype != "int8":
        raise UnsupportedModelError(
            f"{graph.describe(index)}: expected an int8 input, got {dtype}; quantize the model to "
            "int8 first"
        )
    return definition


def _value(graph: Graph, values: dict[int, np.ndarray], tensor: int) -> np.ndarray | None:
    if tensor == ABSENT:
        return None
    constant = graph.tensors[tensor].data
    return values[tensor] if constant is None else constant


def _less_zero_point(graph: Graph, tensor: int, values: np.ndarray) -> np.ndarray:
    """Quantized values relative to the zero point, int64."""
    return values.astype(np.int64) - arithmetic.quantization_of(graph, tensor).zero_point


def _to_output(graph: Graph, op: Op, values: np.ndarray, activation: Activation) -> np.ndarray:
    """Values on the output's scale become int8: zero point added, activation applied."""
    quantization = arithmetic.quantization_of(graph, op.output)
    least, greatest = arithmetic.activation_range(activation, quantization)
    return np.clip(values + quantization.zero_point, least, greatest).astype(np.int8)


def _taps(
    image: np.ndarray, window: Window, kernel: tuple[int, int], output: tuple[int, ...]
) -> Iterator[tuple[int, int, np.ndarray]]:
    """For each tap (y, x) of a kernel, the input pixels that it meets, as an output-sized image.

    `image` is NHWC and has its border; `output` is the output's shape.
    """
    _, height, width, _ = output
    for y in range(kernel[0]):
        top = y * window.dilation_h
        rows = slice(top, top + (height - 1) * window.stride_h + 1, window.stride_h)
        for x in range(kernel[1]):
            left = x * window.dilation_w
            columns = slice(left, left + (width - 1) * window.stride_w + 1, window.stride_w)
            yield y, x, image[:, rows, columns]


def _padded(image: np.ndarray, window: Window, value: int = 0) -> np.ndarray:
    """An NHWC image with its border."""
    pad = window.padding
    around = ((0, 0), (pad.top, pad.bottom), (pad.left, pad.right), (0, 0))
    return np.pad(image, around, constant_values=value)


def _finish_sums(
    graph: Graph,
    op: Op,
    sums: np.ndarray,
    bias: np.ndarray | None,
    requantization: tuple[np.ndarray, np.ndarray],
    activation: Activation,
) -> np.ndarray:
    """Sums of products over the last axis's channels become int8 outputs."""
    accumulators = sums.astype(np.int64) + (0 if bias is None else bias)
    scaled = fixed_point.multiply_by_quantized_multiplier(accumulators, *requantization)
    return _to_output(graph, op, scaled, activation)


def _convolve(
    graph: Graph,
    op: Op,
    values: np.ndarray,
    bias: np.ndarray | None,
    product: Callable[[np.ndarray, int, int], np.ndarray],
) -> np.ndarray:
    """Adds up product(pixels, y, x) over all taps.

    Sums are kept in float64, which is exact for them (below 2^53) and fast to multiply.
    """
    attributes = op.attributes
    assert isinstance(attributes, ConvAttributes)
    image = _less_zero_point(graph, op.inputs[0], values).astype(np.float64)
    image = _padded(image, attributes.window)
    shape = graph.tensors[op.output].shape
    kernel = geometry.kernel_of(op, graph.tensors)
    sums = np.zeros(shape)
    for y, x, pixels in _taps(image, attributes.window, kernel, shape):
        sums += product(pixels, y, x)
    requantization = arithmetic.conv_requantization(graph, op)
    return _finish_sums(graph, op, sums, bias, requantization, attributes.activation)


def _conv(
    graph: Graph, op: Op, values: np.ndarray, weights: np.ndarray, bias: np.ndarray | None = None
) -> np.ndarray:
    matrices = weights.astype(np.float64).transpose(1, 2, 3, 0)
    return _convolve(graph, op, values, bias, lambda pixels, y, x: pixels @ matrices[y, x])


def _depthwise_conv(
    graph: Graph, op: Op, values: np.ndarray, weights: np.ndarray, bias: np.ndarray | None = None
) -> np.ndarray:
    assert isinstance(op.attributes, ConvAttributes)
    factors = weights[0].astype(np.float64)
    repeated = np.repeat(values, op.attributes.depth_multiplier, axis=-1)
    return _convolve(graph, op, repeated, bias, lambda pixels, y, x: pixels * factors[y, x])


def _fully_connected(
    graph: Graph, op: Op, values: np.ndarray, weights: np.ndarray, bias: np.ndarray | None = None
) -> np.ndarray:
    assert isinstance(op.attributes, FullyConnectedAttributes)
    vectors = _less_zero_point(graph, op.inputs[0], values).reshape(-1, weights.shape[1])
    sums = vectors.astype(np.float64) @ weights.T.astype(np.float64)
    requantization = arithmetic.fully_connected_requantization(graph, op)
    result = _finish_sums(graph, op, sums, bias, requantization, op.attributes.activation)
    return result.reshape(graph.tensors[op.output].shape)


def _add(graph: Graph, op: Op, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    assert isinstance(op.attributes, ElementwiseAttributes)
    constants = arithmetic.add_requantization(graph, op)
    total = fixed_point.multiply_by_quantized_multiplier(
        _less_zero_point(graph, op.inputs[0], first) << constants.left_shift,
        constants.input1_multiplier,
        constants.input1_shift,
    ) + fixed_point.multiply_by_quantized_multiplier(
        _less_zero_point(graph, op.inputs[1], second) << constants.left_shift,
        constants.input2_multiplier,
        constants.input2_shift,
    )
    scaled = fixed_point.multiply_by_quantized_multiplier(
        total, constants.output_multiplier, constants.output_shift
    )
    return _to_output(graph, op, scaled, op.attributes.activation)


def _mul(graph: Graph, op: Op, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    assert isinstance(op.attributes, ElementwiseAttributes)
    constants = arithmetic.mul_requantization(graph, op)
    scaled = fixed_point.multiply_by_quantized_multiplier(
        _less_zero_point(graph, op.inputs[0], first)
        * _less_zero_point(graph, op.inputs[1], second),
        constants.output_multiplier,
        constants.output_shift,
    )
    return _to_output(graph, op, scaled, op.attributes.activation)


def _average_pool(graph: Graph, op: Op, values: np.ndarray) -> np.ndarray:
    """The mean of the taps inside the image, rounded to nearest, ties away from zero."""
    assert isinstance(op.attributes, PoolAttributes)
    window, kernel = op.attributes.window, geometry.kernel_of(op, graph.tensors)
    shape = graph.tensors[op.output].shape
    image = _padded(values.astype(np.int64), window)
    inside = _padded(np.ones((1, *values.shape[1:3], 1), np.int64), window)
    total = sum(pixels for _, _, pixels in _taps(image, window, kernel, shape))
    count = sum(pixels for _, _, pixels in _taps(inside, window, kernel, shape))
    mean = np.sign(total) * ((np.abs(total) + count // 2) // count)
    return _clamp(graph, op, mean)


def _max_pool(graph: Graph, op: Op, values: np.ndarray) -> np.ndarray:
    assert isinstance(op.attributes, PoolAttributes)
    window, kernel = op.attributes.window, geometry.kernel_of(op, graph.tensors)
    image = _padded(values, window, arithmetic.INT8_MIN)
    greatest = np.full(graph.tensors[op.output].shape, arithmetic.INT8_MIN, np.int8)
    for _, _, pixels in _taps(image, window, kernel, greatest.shape):
        greatest = np.maximum(greatest, pixels)
    return _clamp(graph, op, greatest)


def _clamp(graph: Graph, op: Op, pooled: np.ndarray) -> np.ndarray:
    """Pooling does not rescale, it only applies the activation."""
    assert isinstance(op.attributes, PoolAttributes)
    quantization = arithmetic.quantization_of(graph, op.output)
    least, greatest = arithmetic.activation_range(op.attributes.activation, quantization)
    return np.clip(pooled, least, greatest).astype(np.int8)


def _mean(graph: Graph, op: Op, values: np.ndarray) -> np.ndarray:
    assert isinstance(op.attributes, MeanAttributes)
    constants = arithmetic.mean_requantization(graph, op)
    total = _less_zero_point(graph, op.inputs[0], values).sum(axis=op.attributes.axes)
    scaled = fixed_point.multiply_by_quantized_multiplier(
        total, constants.multiplier, constants.shift
    )
    result = _to_output(graph, op, scaled, Activation.NONE)
    return result.reshape(graph.tensors[op.output].shape)


def _softmax(graph: Graph, op: Op, values: np.ndarray) -> np.ndarray:
    """exp(x - max) / sum(exp(x - max)) along the last axis; the sum is Q12.19."""
    constants = arithmetic.softmax_requantization(graph, op)
    difference = values.astype(np.int64) - values.max(axis=-1, keepdims=True)
    counts = difference >= constants.diff_min
    scaled = fixed_point.doubling_high_multiply(
        np.where(counts, difference, 0) << constants.input_left_shift, constants.input_multiplier
    )
    exponentials = fixed_point.exp_on_negative_values(
        scaled, integer_bits=arithmetic.SOFTMAX_INTEGER_BITS
    )
    exponentials = np.where(counts, exponentials, 0)
    total = fixed_point.rounding_shift_right(exponentials, 12).sum(axis=-1, keepdims=True)
    significant_bits = np.frexp(total.astype(np.float64))[1].astype(np.int64)
    mantissa = (total << (32 - significant_bits)) - 2**31
    quotient = fixed_point.doubling_high_multiply(
        fixed_point.one_over_one_plus(mantissa), exponentials
    )
    output = fixed_point.rounding_shift_right(quotient, 31 - 8 + significant_bits - 20)
    output = np.clip(output + arithmetic.INT8_MIN, arithmetic.INT8_MIN, arithmetic.INT8_MAX)
    return output.astype(np.int8)


def _lookup(graph: Graph, op: Op, values: np.ndarray) -> np.ndarray:
    table = arithmetic.lookup_table(graph, op)
    return np.take(table, values.astype(np.int64) - arithmetic.INT8_MIN)


def _quantize(graph: Graph, op: Op, values: np.ndarray) -> np.ndarray:
    """From float32, divided in float32 and rounded to nearest, or from another int8 scale."""
    if values.dtype != np.float32:
        return _lookup(graph, op, values)
    scale = np.float32(arithmetic.quantization_of(graph, op.output).scale)
    quotient = (values / scale).astype(np.float64)
    rounded = np.copysign(np.floor(np.abs(quotient) + 0.5), quotient).astype(np.int64)
    return _to_output(graph, op, rounded, Activation.NONE)


def _dequantize(graph: Graph, op: Op, values: np.ndarray) -> np.ndarray:
    """The product is rounded once, from double to float32."""
    scale = arithmetic.quantization_of(graph, op.inputs[0]).scale
    return (scale * _less_zero_point(graph, op.inputs[0], values)).astype(np.float32)


def _pad(graph: Graph, op: Op, values: np.ndarray) -> np.ndarray:
    assert isinstance(op.attributes, PadAttributes)
    return np.pad(values, op.attributes.pads, constant_values=op.attributes.value)


def _reshape(graph: Graph, op: Op, values: np.ndarray) -> np.ndarray:
    return values.reshape(graph.tensors[op.output].shape)


def _concatenation(graph: Graph, op: Op, *parts: np.ndarray) -> np.ndarray:
    assert isinstance(op.attributes, ConcatenationAttributes)
    return np.concatenate(parts, axis=op.attributes.axis)


def _transpose(graph: Graph, op: Op, values: np.ndarray) -> np.ndarray:
    assert isinstance(op.attributes, TransposeAttributes)
    return values.transpose(op.attributes.permutation)


def _resize_nearest(graph: Graph, op: Op, values: np.ndarray) -> np.ndarray:
    assert isinstance(op.attributes, ResizeAttributes)
    _, height, width, _ = graph.tensors[op.output].shape
    rows = _nearest(values.shape[1], height, op.attributes)
    columns = _nearest(values.shape[2], width, op.attributes)
    return values[:, rows[:, None], columns]


def _nearest(size: int, resized: int, attributes: ResizeAttributes) -> np.ndarray:
    """The source row (or column) of each of `resized` ones, in float32 arithmetic.

    The pinned TFLite-Micro does not look at `half_pixel_centers`.
    """
    corner = 1 if attributes.align_corners and resized > 1 else 0
    scale = np.float32(size - corner) / np.float32(resized - corner)
    position = np.arange(resized, dtype=np.float32) * scale
    half = 0.5 if attributes.align_corners else 0.0
    nearest = np.floor(position.astype(np.float64) + half).astype(np.int64)
    return np.clip(nearest, 0, size - 1)


_INT8: dict[Kind, Operator] = {
    Kind.CONV: _conv,
    Kind.DEPTHWISE_CONV: _depthwise_conv,
    Kind.FULLY_CONNECTED: _fully_connected,
    Kind.ADD: _add,
    Kind.MUL: _mul,
    Kind.AVERAGE_POOL: _average_pool,
    Kind.MAX_POOL: _max_pool,
    Kind.MEAN: _mean,
    Kind.SOFTMAX: _softmax,
    Kind.LOGISTIC: _lookup,
    Kind.HARD_SWISH: _lookup,
    Kind.RELU: _lookup,
    Kind.RELU6: _lookup,
}

_ANY_TYPE: dict[Kind, Operator] = {
    Kind.QUANTIZE: _quantize,
    Kind.DEQUANTIZE: _dequantize,
    Kind.PAD: _pad,
    Kind.RESHAPE: _reshape,
    Kind.CONCATENATION: _concatenation,
    Kind.TRANSPOSE: _transpose,
    Kind.RESIZE_NEAREST: _resize_nearest,
}
