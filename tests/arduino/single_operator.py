# SPDX-License-Identifier: Apache-2.0
"""Random graphs of one operator, each with the record that the runtime executes for it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tflm_converters import arithmetic, geometry, reference
from tflm_converters.emit import program_format
from tflm_converters.emit.parameters import Parameters, add_constants
from tflm_converters.emit.program_format import OpFlag, OpKind
from tflm_converters.graph import (
    Activation,
    Attributes,
    ConcatenationAttributes,
    ConvAttributes,
    ElementwiseAttributes,
    FullyConnectedAttributes,
    Graph,
    Kind,
    MeanAttributes,
    NoAttributes,
    Op,
    PadAttributes,
    Padding,
    PoolAttributes,
    Quantization,
    ResizeAttributes,
    SoftmaxAttributes,
    Tensor,
    TransposeAttributes,
    Window,
)

Shape = tuple[int, ...]


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """One operator, ready to be called: images are int8[height, width, channels]."""

    kernel: str
    graph: Graph
    fields: dict[str, Any]
    parameters: bytes
    images: list[np.ndarray]
    expected: np.ndarray
    channels: slice | None = None  # output channels that the kernel writes; None: all

    @property
    def record(self) -> np.ndarray:
        """The operator as `tmc_op`."""
        record = np.zeros(1, program_format.OP)
        for name, value in self.fields.items():
            record[name] = value
        return record


def random_image(rng: np.random.Generator) -> Shape:
    channels = rng.choice([1, 2, 3, 5, 8, 16, 31, 32, 33, 70])
    return 1, int(rng.integers(1, 12)), int(rng.integers(1, 12)), int(channels)


def random_scale(rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(-6, 0)))


def activation(
    rng: np.random.Generator, shape: Shape, *, scale: float | None = None, zero: int | None = None
) -> Tensor:
    scale = random_scale(rng) if scale is None else scale
    zero = int(rng.choice([-128, 127, 0, rng.integers(-128, 128)])) if zero is None else zero
    quantization = Quantization(np.array([scale], np.float32), np.array([zero], np.int32))
    return Tensor("activation", shape, "int8", quantization)


def random_int8(rng: np.random.Generator, shape: Shape) -> np.ndarray:
    """Every third array has only the extremes, which strain the accumulators."""
    if rng.random() < 1 / 3:
        return rng.choice(np.array([-128, 127], np.int8), shape)
    return rng.integers(-128, 128, shape, dtype=np.int8)


def random_fused_activation(rng: np.random.Generator) -> Activation:
    return Activation(int(rng.integers(0, 4)))


def random_window(
    rng: np.random.Generator, image: Shape, kernel: tuple[int, int], *, max_dilation: int = 3
) -> Window:
    """A window of at least one output pixel; its padding may exceed what SAME would give."""
    strides = [int(n) for n in rng.integers(1, 4, 2)]
    dilations = [int(n) for n in rng.integers(1, max_dilation + 1, 2)]
    padding = []
    for size, taps, dilation in zip(image[1:3], kernel, dilations, strict=True):
        covered = geometry.dilated(taps, dilation)
        before = int(rng.integers(0, covered))
        padding += [before, max(int(rng.integers(0, covered)), covered - size - before)]
    return Window(*strides, *dilations, Padding(*padding))


def window_fields(window: Window, kernel: tuple[int, int]) -> dict[str, int]:
    return {
        "kernel_h": kernel[0],
        "kernel_w": kernel[1],
        "stride_h": window.stride_h,
        "stride_w": window.stride_w,
        "dilation_h": window.dilation_h,
        "dilation_w": window.dilation_w,
        "pad_top": window.padding.top,
        "pad_left": window.padding.left,
    }


def quantization_fields(graph: Graph, fused: Activation = Activation.NONE) -> dict[str, int]:
    op = graph.ops[0]
    quantizations = [arithmetic.quantization_of(graph, t) for t in (*graph.inputs, op.output)]
    least, greatest = arithmetic.activation_range(fused, quantizations[-1])
    offsets = {
        "input_offset": -quantizations[0].zero_point,
        "output_offset": quantizations[-1].zero_point,
    }
    if len(quantizations) == 3:
        offsets["input2_offset"] = -quantizations[1].zero_point
    return {**offsets, "act_min": least, "act_max": greatest}


def constant_fields(parameters: Parameters, graph: Graph) -> dict[str, int]:
    constants = add_constants(parameters, graph, graph.ops[0])
    return {
        "flags": OpFlag.PER_TENSOR if constants.per_tensor else 0,
        "weights": constants.weights,
        "bias": constants.bias,
        "requantization": constants.requantization,
    }


def graph_of(kind: Kind, attributes: Attributes, *tensors: Tensor) -> Graph:
    """A graph of one operator; the last tensor is its output, constants are no graph inputs."""
    last = len(tensors) - 1
    inputs = tuple(i for i, tensor in enumerate(tensors[:-1]) if not tensor.is_constant)
    op = Op(kind, tuple(range(last)), (last,), attributes)
    return Graph(tensors, (op,), inputs, (last,))


def as_image(values: np.ndarray, extent: Shape) -> np.ndarray:
    return values.reshape(extent[-3:])


def make_case(
    rng: np.random.Generator,
    kernel: str,
    kind: OpKind,
    graph: Graph,
    fields: dict[str, Any],
    *,
    parameters: Parameters | None = None,
    extents: tuple[Shape, ...] | None = None,
) -> Case:
    """Draws the inputs and computes the expected output.

    `parameters` has what `fields` already refers to. `extents` are the inputs' and the
    output's shapes as images, where they differ from the shapes in the graph.
    """
    shapes = tuple(graph.tensors[t].shape for t in (*graph.inputs, *graph.outputs))
    extents = shapes if extents is None else extents
    inputs = [random_int8(rng, graph.tensors[t].shape) for t in graph.inputs]
    output = reference.execute(graph, inputs)[graph.outputs[0]]
    images = [as_image(x, extent) for x, extent in zip(inputs, extents[:-1], strict=True)]
    parameters = Parameters() if parameters is None else parameters
    constants = constant_fields(parameters, graph)
    fields = {"kind": kind, **constants, **fields}
    return Case(kernel, graph, fields, parameters.to_bytes(), images, as_image(output, extents[-1]))


def weights_tensor(rng: np.random.Generator, shape: Shape, *, channel_axis: int) -> Tensor:
    """Weights with one scale, or one per channel."""
    count = 1 if rng.random() < 1 / 3 else shape[channel_axis]
    scales = np.exp(rng.uniform(-7, -4, count)).astype(np.float32)
    quantization = Quantization(scales, np.zeros(count, np.int32), channel_axis)
    data = np.maximum(random_int8(rng, shape), -127)
    return Tensor("weights", shape, "int8", quantization, data)


def sums_output(
    rng: np.random.Generator, image: Tensor, weights: Tensor, shape: Shape, terms: int
) -> Tensor:
    """An output whose scale suits sums of `terms` products; now and then it is far too small."""
    assert image.quantization is not None and weights.quantization is not None
    typical = image.quantization.scale * float(weights.quantization.scales.mean())
    spread = float(rng.choice([1, 1, 1, 1e-5])) * rng.uniform(20, 200)
    return activation(rng, shape, scale=typical * math.sqrt(terms) * spread)


def random_bias(rng: np.random.Generator, count: int) -> list[Tensor]:
    if rng.random() < 1 / 4:
        return []
    data = rng.integers(-20000, 20000, count, dtype=np.int32)
    return [Tensor("bias", (count,), "int32", data=data)]


def conv(rng: np.random.Generator) -> Case:
    image = activation(rng, random_image(rng))
    kernel = int(rng.integers(1, 5)), int(rng.integers(1, 5))
    outputs = int(rng.choice([1, 4, 16, 33, 64]))
    weights = weights_tensor(rng, (outputs, *kernel, image.shape[3]), channel_axis=0)
    return convolution(rng, Kind.CONV, image, weights, random_window(rng, image.shape, kernel))


def depthwise(rng: np.random.Generator) -> Case:
    image = activation(rng, random_image(rng))
    kernel = int(rng.integers(1, 6)), int(rng.integers(1, 6))
    window = random_window(rng, image.shape, kernel)
    multiplier = int(rng.choice([1, 1, 2, 3, 8]))
    return depthwise_case(rng, image, kernel, window, multiplier)


def depthwise_in_place(rng: np.random.Generator) -> Case:
    image = activation(rng, random_image(rng))
    kernel = int(rng.choice([1, 3, 5, 7])), int(rng.choice([1, 3, 5]))
    dilation_h, dilation_w = (int(n) for n in rng.integers(1, 3, 2))
    window = geometry.with_same_padding(
        Window(1, 1, dilation_h, dilation_w), image.shape[1:3], kernel
    )
    case = depthwise_case(rng, image, kernel, window, 1)
    flags = OpFlag(case.fields["flags"]) | OpFlag.IN_PLACE
    return dataclasses.replace(
        case, kernel="tmc_depthwise_conv_in_place_s8", fields={**case.fields, "flags": flags}
    )


def depthwise_case(
    rng: np.random.Generator,
    image: Tensor,
    kernel: tuple[int, int],
    window: Window,
    multiplier: int,
) -> Case:
    weights = weights_tensor(rng, (1, *kernel, image.shape[3] * multiplier), channel_axis=3)
    return convolution(
        rng, Kind.DEPTHWISE_CONV, image, weights, window, depth_multiplier=multiplier
    )


def convolution(
    rng: np.random.Generator,
    kind: Kind,
    image: Tensor,
    weights: Tensor,
    window: Window,
    *,
    depth_multiplier: int = 1,
) -> Case:
    kernel = weights.shape[1], weights.shape[2]
    depthwise = kind is Kind.DEPTHWISE_CONV
    channels = weights.shape[3] if depthwise else weights.shape[0]
    terms = math.prod(kernel) * (1 if depthwise else image.shape[3])
    shape = (1, *geometry.window_output(window, image.shape[1:3], kernel), channels)
    attributes = ConvAttributes(window, random_fused_activation(rng), depth_multiplier)
    output = sums_output(rng, image, weights, shape, terms)
    graph = graph_of(kind, attributes, image, weights, *random_bias(rng, channels), output)
    fields = window_fields(window, kernel) | quantization_fields(graph, attributes.activation)
    fields["depth_multiplier"] = depth_multiplier
    if depthwise:
        return make_case(rng, "tmc_depthwise_conv_s8", OpKind.DEPTHWISE, graph, fields)
    return make_case(rng, "tmc_conv_s8", OpKind.CONV, graph, fields)


def fully_connected(rng: np.random.Generator) -> Case:
    """Runs as a convolution whose kernel covers the input."""
    extent = random_image(rng)
    image = activation(rng, (1, math.prod(extent)))
    outputs = int(rng.integers(1, 40))
    weights = weights_tensor(rng, (outputs, image.shape[1]), channel_axis=0)
    attributes = FullyConnectedAttributes(random_fused_activation(rng))
    output = sums_output(rng, image, weights, (1, outputs), image.shape[1])
    graph = graph_of(
        Kind.FULLY_CONNECTED, attributes, image, weights, *random_bias(rng, outputs), output
    )
    fields = window_fields(Window(), (extent[1], extent[2]))
    fields |= quantization_fields(graph, attributes.activation)
    extents = (extent, (1, 1, 1, outputs))
    return make_case(rng, "tmc_conv_s8", OpKind.CONV, graph, fields, extents=extents)


def broadcast(rng: np.random.Generator, shape: Shape) -> Shape:
    """An operand's shape: that of the output, or with extent 1 x 1 and/or one channel."""
    _, height, width, channels = shape
    if rng.random() < 1 / 3:
        height = width = 1
    return 1, height, width, 1 if rng.random() < 1 / 4 else channels


def elementwise(rng: np.random.Generator, kind: Kind) -> Case:
    shape = random_image(rng)
    shapes = [shape, broadcast(rng, shape)]
    first, second = (activation(rng, shapes[i]) for i in rng.permutation(2))
    assert first.quantization is not None and second.quantization is not None
    scales = first.quantization.scale, second.quantization.scale
    typical = max(scales) if kind is Kind.ADD else math.prod(scales) * 60
    output = activation(rng, shape, scale=typical * rng.uniform(0.3, 3))
    attributes = ElementwiseAttributes(random_fused_activation(rng))
    graph = graph_of(kind, attributes, first, second, output)
    fields = quantization_fields(graph, attributes.activation)
    if kind is Kind.ADD:
        return make_case(rng, "tmc_add_s8", OpKind.ADD, graph, fields)
    return make_case(rng, "tmc_mul_s8", OpKind.MUL, graph, fields)


def add(rng: np.random.Generator) -> Case:
    return elementwise(rng, Kind.ADD)


def mul(rng: np.random.Generator) -> Case:
    return elementwise(rng, Kind.MUL)


def lookup(rng: np.random.Generator) -> Case:
    image = activation(rng, random_image(rng))
    output = activation(rng, image.shape, scale=1 / 256, zero=-128)
    graph = graph_of(Kind.LOGISTIC, NoAttributes(), image, output)
    return make_case(rng, "tmc_lookup_s8", OpKind.LOOKUP, graph, {})


def pool(rng: np.random.Generator, kind: Kind) -> Case:
    image = activation(rng, random_image(rng))
    kernel = int(rng.integers(1, 5)), int(rng.integers(1, 5))
    window = random_window(rng, image.shape, kernel, max_dilation=1)
    return pool_case(rng, kind, image, window, kernel)


def pool_case(
    rng: np.random.Generator, kind: Kind, image: Tensor, window: Window, kernel: tuple[int, int]
) -> Case:
    shape = (1, *geometry.window_output(window, image.shape[1:3], kernel), image.shape[3])
    attributes = PoolAttributes(window, *kernel, random_fused_activation(rng))
    graph = graph_of(kind, attributes, image, dataclasses.replace(image, shape=shape))
    fields = window_fields(window, kernel) | quantization_fields(graph, attributes.activation)
    if kind is Kind.MAX_POOL:
        return make_case(rng, "tmc_max_pool_s8", OpKind.MAX_POOL, graph, fields)
    return make_case(rng, "tmc_average_pool_s8", OpKind.AVERAGE_POOL, graph, fields)


def max_pool(rng: np.random.Generator) -> Case:
    return pool(rng, Kind.MAX_POOL)


def average_pool(rng: np.random.Generator) -> Case:
    return pool(rng, Kind.AVERAGE_POOL)


def mean(rng: np.random.Generator) -> Case:
    return mean_case(rng, [(1,), (2,), (1, 2)][rng.integers(3)])


def mean_case(rng: np.random.Generator, axes: tuple[int, ...]) -> Case:
    image = activation(rng, random_image(rng))
    assert image.quantization is not None
    kept = geometry.output_shape(Op(Kind.MEAN, (0,), (1,), MeanAttributes(axes, True)), [image])
    assert kept is not None
    attributes = MeanAttributes(axes, keep_dims=bool(rng.integers(2)))
    shape = geometry.output_shape(Op(Kind.MEAN, (0,), (1,), attributes), [image])
    assert shape is not None
    scale = image.quantization.scale * rng.choice([0.01, 0.3, 1.0, 2.0])
    graph = graph_of(Kind.MEAN, attributes, image, activation(rng, shape, scale=scale))
    kernel_h, kernel_w = (image.shape[i] if i in axes else 1 for i in (1, 2))
    fields = window_fields(Window(), (kernel_h, kernel_w)) | quantization_fields(graph)
    return make_case(rng, "tmc_mean_s8", OpKind.MEAN, graph, fields, extents=(image.shape, kept))


def softmax(rng: np.random.Generator) -> Case:
    image = activation(rng, random_image(rng))
    output = activation(rng, image.shape, scale=1 / 256, zero=-128)
    attributes = SoftmaxAttributes(float(rng.choice([1.0, 0.5, 3.0])))
    graph = graph_of(Kind.SOFTMAX, attributes, image, output)
    return make_case(rng, "tmc_softmax_s8", OpKind.SOFTMAX, graph, {})


def pad(rng: np.random.Generator) -> Case:
    image = activation(rng, random_image(rng))
    pads = ((0, 0), *((int(a), int(b)) for a, b in rng.integers(0, 4, (3, 2))))
    value = int(rng.integers(-128, 128))
    shape = tuple(size + sum(around) for size, around in zip(image.shape, pads, strict=True))
    output = dataclasses.replace(image, shape=shape)
    graph = graph_of(Kind.PAD, PadAttributes(pads, value), image, output)
    fields = {
        "pad_top": pads[1][0],
        "pad_left": pads[2][0],
        "channel_offset": pads[3][0],
        "output_offset": value,
    }
    return make_case(rng, "tmc_pad_s8", OpKind.PAD, graph, fields)


def copy(rng: np.random.Generator) -> Case:
    """One part of a concatenation of two; the other part's channels are not touched."""
    first = activation(rng, random_image(rng))
    second = dataclasses.replace(first, shape=(*first.shape[:3], int(rng.integers(1, 9))))
    total = first.shape[3] + second.shape[3]
    output = dataclasses.replace(first, shape=(*first.shape[:3], total))
    graph = graph_of(Kind.CONCATENATION, ConcatenationAttributes(3), first, second, output)
    case = make_case(rng, "tmc_copy_s8", OpKind.COPY, graph, {})
    part = int(rng.integers(2))
    channels = [slice(0, first.shape[3]), slice(first.shape[3], total)][part]
    return dataclasses.replace(
        case,
        images=[case.images[part]],
        fields={**case.fields, "channel_offset": channels.start},
        channels=channels,
    )


def resize_nearest(rng: np.random.Generator) -> Case:
    image = activation(rng, random_image(rng))
    stride_h, stride_w = (int(n) for n in rng.integers(1, 4, 2))
    shape = (1, image.shape[1] * stride_h, image.shape[2] * stride_w, image.shape[3])
    output = dataclasses.replace(image, shape=shape)
    graph = graph_of(Kind.RESIZE_NEAREST, ResizeAttributes(), image, output)
    fields = {"stride_h": stride_h, "stride_w": stride_w}
    return make_case(rng, "tmc_resize_nearest_s8", OpKind.RESIZE_NEAREST, graph, fields)


def transpose(rng: np.random.Generator) -> Case:
    image = activation(rng, random_image(rng))
    axes = tuple(int(axis) for axis in rng.permutation(3))
    permutation = (0, *(axis + 1 for axis in axes))
    output = dataclasses.replace(image, shape=tuple(image.shape[axis] for axis in permutation))
    graph = graph_of(Kind.TRANSPOSE, TransposeAttributes(permutation), image, output)
    parameters = Parameters()
    fields = {"weights": parameters.add_array(list(axes), "<i4")}
    return make_case(
        rng, "tmc_transpose_s8", OpKind.TRANSPOSE, graph, fields, parameters=parameters
    )


def reshape(rng: np.random.Generator) -> Case:
    image = activation(rng, random_image(rng))
    size = math.prod(image.shape)
    height = int(rng.choice([n for n in range(1, size + 1) if size % n == 0]))
    width = int(rng.choice([n for n in range(1, size // height + 1) if size // height % n == 0]))
    output = dataclasses.replace(image, shape=(1, height, width, size // height // width))
    graph = graph_of(Kind.RESHAPE, NoAttributes(), image, output)
    return make_case(rng, "tmc_reshape_s8", OpKind.RESHAPE, graph, {})


CASES: dict[str, Callable[[np.random.Generator], Case]] = {
    function.__name__: function
    for function in (
        conv,
        depthwise,
        fully_connected,
        add,
        mul,
        lookup,
        max_pool,
        average_pool,
        mean,
        softmax,
        pad,
        copy,
        resize_nearest,
        transpose,
        reshape,
    )
}
"""Kernels that compute any box of their output."""
