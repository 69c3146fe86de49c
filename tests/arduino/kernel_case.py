# SPDX-License-Identifier: Apache-2.0
"""Random operators as the runtime's kernels are called for them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.random import Generator

from tests.converters import single_op
from tests.network_builder import NetworkBuilder
from tflm_converters import arithmetic, geometry, reference
from tflm_converters.emit import program_format
from tflm_converters.emit.c_tables import depthwise_kernel
from tflm_converters.emit.parameters import Parameters, add_constants
from tflm_converters.emit.program_format import OpFlag, OpKind
from tflm_converters.graph import (
    Activation,
    Attributes,
    ConcatenationAttributes,
    ConvAttributes,
    Graph,
    Kind,
    MeanAttributes,
    Op,
    PadAttributes,
    Padding,
    PoolAttributes,
    ResizeAttributes,
    TransposeAttributes,
    Window,
)

Shape = tuple[int, ...]
Oracle = Callable[[Graph, Sequence[np.ndarray]], np.ndarray]

KERNELS = {
    Kind.CONV: ("tmc_conv_s8", OpKind.CONV),
    Kind.FULLY_CONNECTED: ("tmc_conv_s8", OpKind.CONV),
    Kind.DEPTHWISE_CONV: ("tmc_depthwise_conv_s8", OpKind.DEPTHWISE),
    Kind.ADD: ("tmc_add_s8", OpKind.ADD),
    Kind.MUL: ("tmc_mul_s8", OpKind.MUL),
    Kind.AVERAGE_POOL: ("tmc_average_pool_s8", OpKind.AVERAGE_POOL),
    Kind.MAX_POOL: ("tmc_max_pool_s8", OpKind.MAX_POOL),
    Kind.MEAN: ("tmc_mean_s8", OpKind.MEAN),
    Kind.LOGISTIC: ("tmc_lookup_s8", OpKind.LOOKUP),
    Kind.SOFTMAX: ("tmc_softmax_s8", OpKind.SOFTMAX),
    Kind.PAD: ("tmc_pad_s8", OpKind.PAD),
    Kind.CONCATENATION: ("tmc_copy_s8", OpKind.COPY),
    Kind.RESIZE_NEAREST: ("tmc_resize_nearest_s8", OpKind.RESIZE_NEAREST),
    Kind.TRANSPOSE: ("tmc_transpose_s8", OpKind.TRANSPOSE),
    Kind.RESHAPE: ("tmc_reshape_s8", OpKind.RESHAPE),
}


@dataclasses.dataclass(frozen=True, eq=False)
class Case:
    """One call of a kernel; images are int8[height, width, channels].

    `fields` are those of `tmc_op` that are not zero. Where a kernel writes only some of the
    output's channels, these are `channels`.
    """

    kernel: str
    fields: dict[str, Any]
    parameters: bytes
    images: list[np.ndarray]
    expected: np.ndarray
    channels: slice | None = None

    @property
    def record(self) -> np.ndarray:
        """The operator as `tmc_op`."""
        record = np.zeros(1, program_format.OP)
        for name, value in self.fields.items():
            record[name] = value
        return record


def random_graph(kind: Kind, rng: Generator) -> Graph:
    """A graph of one operator, with shapes and attributes that the runtime executes."""
    graph = _draw(kind, rng)
    is_resized = isinstance(graph.ops[0].attributes, ResizeAttributes)
    return _with_integer_factors(graph, rng) if is_resized else graph


def random_case(kind: Kind, rng: Generator) -> Case:
    """An operator of a kind; its padding may be any."""
    graph = random_graph(kind, rng)
    has_window = isinstance(graph.ops[0].attributes, ConvAttributes | PoolAttributes)
    if has_window and rng.random() < 1 / 2:
        graph = _with_random_padding(graph, rng)
    return case_of(graph, rng)


def depthwise_in_place(rng: Generator) -> Case:
    """A depthwise convolution whose output has the extents of its input."""
    graph = _draw(Kind.DEPTHWISE_CONV, rng, accept=lambda a: a.depth_multiplier == 1)
    kernel = geometry.kernel_of(graph.ops[0], graph.tensors)
    window = Window(1, 1, *(int(n) for n in rng.integers(1, 3, 2)))
    window = geometry.with_same_padding(window, graph.tensors[0].shape[1:3], kernel)
    case = case_of(_with_attributes(graph, window=window), rng)
    fields = case.fields | {"flags": case.fields["flags"] | OpFlag.IN_PLACE}
    case = dataclasses.replace(case, fields=fields)
    return dataclasses.replace(case, kernel=_depthwise_kernel(case))


def depthwise_of_size(size: int, rng: Generator) -> Case:
    """A depthwise convolution with square windows, which may be larger than the image."""
    height, width, channels = (int(n) for n in rng.integers(1, (14, 60, 11)))
    builder = NetworkBuilder(int(rng.integers(1 << 30)))
    image = builder.input(height, width, channels)
    stride = tuple(int(n) for n in rng.integers(1, 3, 2))
    activation = Activation.RELU6 if rng.random() < 1 / 2 else Activation.NONE
    builder.depthwise(image, kernel=size, stride=stride, activation=activation)
    graph = builder.build()
    return case_of(_with_random_padding(graph, rng) if rng.random() < 1 / 2 else graph, rng)


def depthwise_of_size_in_place(size: int, rng: Generator) -> Case:
    """The same, with an output of the extents of its input that takes its place."""
    builder = NetworkBuilder(int(rng.integers(1 << 30)))
    image = builder.input(*(int(n) for n in rng.integers(1, (14, 60, 7))))
    builder.depthwise(image, kernel=size)
    case = case_of(builder.build(), rng)
    case = dataclasses.replace(
        case, fields=case.fields | {"flags": case.fields["flags"] | OpFlag.IN_PLACE}
    )
    return dataclasses.replace(case, kernel=_depthwise_kernel(case))


def _depthwise_kernel(case: Case) -> str:
    """The kernel that a program would call."""
    (kernel,) = depthwise_kernel(case.record[0], case.expected.shape[2]).values()
    return kernel


def mean_over_all_rows(rng: Generator) -> Case:
    """A MEAN whose windows are as high as the input."""
    return case_of(_draw(Kind.MEAN, rng, accept=lambda a: 1 in a.axes), rng)


def average_over_all_rows(rng: Generator) -> Case:
    """An AVERAGE_POOL whose windows are as high as the input, and overlap in its width."""
    graph = random_graph(Kind.AVERAGE_POOL, rng)
    height, width = graph.tensors[0].shape[1:3]
    filter_w = int(rng.integers(1, width + 1))
    left, right = (int(n) for n in rng.integers(0, filter_w, 2))
    window = Window(1, int(rng.integers(1, 4)), padding=Padding(0, 0, left, right))
    graph = _with_attributes(graph, window=window, filter_h=height, filter_w=filter_w)
    return case_of(graph, rng)


def _draw(
    kind: Kind, rng: Generator, *, accept: Callable[[Any], bool] = lambda attributes: True
) -> Graph:
    """A random graph of one operator that the runtime has, with acceptable attributes."""
    while True:
        graph = single_op.random_graph(kind, rng)
        attributes = graph.ops[0].attributes
        if len(graph.ops) == 1 and _is_executed(attributes) and accept(attributes):
            return graph


def _is_executed(attributes: Attributes) -> bool:
    """Whether the runtime has the variant: axes are those of an image, and not the batch."""
    if isinstance(attributes, MeanAttributes):
        return 3 not in attributes.axes
    if isinstance(attributes, ConcatenationAttributes):
        return attributes.axis == 3
    if isinstance(attributes, TransposeAttributes):
        return attributes.permutation[0] == 0
    return True


def _with_attributes(graph: Graph, **changes: Any) -> Graph:
    """The graph of one operator with other attributes, and the output shape they lead to."""
    (op,) = graph.ops
    op = dataclasses.replace(op, attributes=dataclasses.replace(op.attributes, **changes))
    shape = geometry.output_shape(op, graph.tensors)
    assert shape is not None
    return _with_output(graph, op, shape)


def _with_output(graph: Graph, op: Op, shape: Shape) -> Graph:
    output = dataclasses.replace(graph.tensors[op.output], shape=shape)
    return graph.replace(tensors=(*graph.tensors[:-1], output), ops=(op,))


def _with_random_padding(graph: Graph, rng: Generator) -> Graph:
    """Padding on all sides that the builtins VALID and SAME cannot express."""
    (op,) = graph.ops
    window: Window = op.attributes.window  # type: ignore[union-attr]
    padding = []
    for size, taps, dilation in zip(
        graph.tensors[0].shape[1:3],
        geometry.kernel_of(op, graph.tensors),
        (window.dilation_h, window.dilation_w),
        strict=True,
    ):
        covered = geometry.dilated(taps, dilation)
        before = int(rng.integers(0, covered))
        padding += [before, max(int(rng.integers(0, covered)), covered - size - before)]
    return _with_attributes(graph, window=dataclasses.replace(window, padding=Padding(*padding)))


def _with_integer_factors(graph: Graph, rng: Generator) -> Graph:
    _, height, width, channels = graph.tensors[0].shape
    factors = rng.integers(1, 4, 2)
    op = dataclasses.replace(graph.ops[0], attributes=ResizeAttributes())
    return _with_output(graph, op, (1, height * int(factors[0]), width * int(factors[1]), channels))


def reference_output(graph: Graph, inputs: Sequence[np.ndarray]) -> np.ndarray:
    """What the operator computes by its definition in NumPy."""
    return reference.execute(graph, inputs)[graph.outputs[0]]


def case_of(
    graph: Graph,
    rng: Generator,
    *,
    inputs: Sequence[np.ndarray] | None = None,
    oracle: Oracle = reference_output,
) -> Case:
    """Draws the inputs if need be, computes the expected output, and packs the operator."""
    (op,) = graph.ops
    if inputs is None:
        inputs = [_random_int8(rng, graph.tensors[t].shape) for t in graph.inputs]
    output = oracle(graph, inputs)
    values = dict(zip(graph.inputs, inputs, strict=True))
    images = [_as_image(op.kind, values[t], rng) for t in _operands(graph)]
    expected = output.reshape(_output_extent(op, images[0].shape, output.shape, rng))
    kernel, kind = KERNELS[op.kind]
    parameters = Parameters()
    fields = {"kind": kind} | _constants(parameters, graph) | _quantization(graph)
    fields |= _geometry(graph, images[0].shape, expected.shape, parameters)
    case = Case(kernel, fields, parameters.to_bytes(), images, expected)
    if kind == OpKind.DEPTHWISE:
        case = dataclasses.replace(case, kernel=_depthwise_kernel(case))
    return _copy_of_one_part(case, rng) if op.kind is Kind.CONCATENATION else case


def _operands(graph: Graph) -> list[int]:
    """The inputs of the operator that are no constants, in its order."""
    return [t for t in graph.ops[0].inputs if t in graph.inputs]


def _random_int8(rng: Generator, shape: Shape) -> np.ndarray:
    """Every third array has only the extremes, which strain the accumulators."""
    if rng.random() < 1 / 3:
        return rng.choice(np.array([-128, 127], np.int8), shape)
    return rng.integers(-128, 128, shape, dtype=np.int8)


def _as_image(kind: Kind, values: np.ndarray, rng: Generator) -> np.ndarray:
    """A tensor as (height, width, channels); a vector may have been any image."""
    if kind is Kind.FULLY_CONNECTED:
        return values.reshape(_random_factors(values.size, rng))
    return values.reshape((1, 1, *values.shape[1:])[-3:])


def _random_factors(size: int, rng: Generator) -> Shape:
    """An image's extents with `size` elements."""
    height = int(rng.choice([n for n in range(1, size + 1) if size % n == 0]))
    width = int(rng.choice([n for n in range(1, size // height + 1) if size // height % n == 0]))
    return height, width, size // height // width


def _output_extent(op: Op, image: Shape, shape: Shape, rng: Generator) -> Shape:
    if isinstance(op.attributes, MeanAttributes):
        kept = [1 if axis + 1 in op.attributes.axes else n for axis, n in enumerate(image)]
        return tuple(kept)
    if op.kind is Kind.RESHAPE:
        return _random_factors(math.prod(shape), rng)
    return (1, 1, *shape[1:])[-3:]


def _constants(parameters: Parameters, graph: Graph) -> dict[str, int]:
    constants = add_constants(parameters, graph, graph.ops[0])
    return {
        "flags": OpFlag.PER_TENSOR if constants.per_tensor else 0,
        "weights": constants.weights,
        "bias": constants.bias,
        "requantization": constants.requantization,
    }


def _quantization(graph: Graph) -> dict[str, int]:
    (op,) = graph.ops
    inputs = [arithmetic.quantization_of(graph, t).zero_point for t in _operands(graph)]
    output = arithmetic.quantization_of(graph, op.output)
    activation = getattr(op.attributes, "activation", Activation.NONE)
    least, greatest = arithmetic.activation_range(activation, output)
    return {
        "input_offset": -inputs[0],
        "input2_offset": -inputs[1] if len(inputs) > 1 else 0,
        "output_offset": output.zero_point,
        "act_min": least,
        "act_max": greatest,
    }


def _geometry(graph: Graph, image: Shape, output: Shape, parameters: Parameters) -> dict[str, int]:
    (op,) = graph.ops
    match op.attributes:
        case ConvAttributes(window=window, depth_multiplier=multiplier):
            kernel = geometry.kernel_of(op, graph.tensors)
            return _window(window, *kernel) | {"depth_multiplier": multiplier}
        case PoolAttributes(window=window, filter_h=filter_h, filter_w=filter_w):
            return _window(window, filter_h, filter_w)
        case ResizeAttributes():
            return {"stride_h": output[0] // image[0], "stride_w": output[1] // image[1]}
        case PadAttributes(pads=(_, (top, _), (left, _), (channels, _)), value=value):
            fields = {"pad_top": top, "pad_left": left, "channel_offset": channels}
            return fields | {"output_offset": value}
        case TransposeAttributes(permutation=permutation):
            axes = [axis - 1 for axis in permutation[1:]]
            return {"weights": parameters.add_array(axes, "<i4")}
    if op.kind in (Kind.FULLY_CONNECTED, Kind.MEAN):  # the window covers what is summed up
        return _window(Window(), image[0] - output[0] + 1, image[1] - output[1] + 1)
    return {}


def _window(window: Window, kernel_h: int, kernel_w: int) -> dict[str, int]:
    return {
        "kernel_h": kernel_h,
        "kernel_w": kernel_w,
        "stride_h": window.stride_h,
        "stride_w": window.stride_w,
        "dilation_h": window.dilation_h,
        "dilation_w": window.dilation_w,
        "pad_top": window.padding.top,
        "pad_left": window.padding.left,
    }


def _copy_of_one_part(case: Case, rng: Generator) -> Case:
    """A concatenation is one copy for each input; the other inputs' channels stay."""
    part = int(rng.integers(len(case.images)))
    begin = sum(image.shape[2] for image in case.images[:part])
    channels = slice(begin, begin + case.images[part].shape[2])
    fields = case.fields | {"channel_offset": begin}
    return dataclasses.replace(case, fields=fields, images=[case.images[part]], channels=channels)
