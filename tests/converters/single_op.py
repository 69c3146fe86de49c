# SPDX-License-Identifier: Apache-2.0
"""Graphs of a single operator: by hand, or random ones of every kind that is interpreted."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from tests.network_builder import NetworkBuilder, Pair, per_tensor
from tflm_converters.graph import Activation, Attributes, Graph, Kind, Op, Quantization, Tensor

LARGEST_KERNEL = 9
"""Pixels that the largest random kernel covers, dilation included."""


def quantization(scale: float, zero_point: int = 0) -> Quantization:
    return per_tensor(scale, zero_point)


def activation(
    name: str, shape: tuple[int, ...], of: Quantization | None, dtype: str = "int8"
) -> Tensor:
    return Tensor(name, shape, dtype, of)


def single_op(kind: Kind, attributes: Attributes, operands: list[Tensor], output: Tensor) -> Graph:
    """A graph of one operator; operands without data are its inputs."""
    return Graph(
        tensors=(*operands, output),
        ops=(Op(kind, tuple(range(len(operands))), (len(operands),), attributes),),
        inputs=tuple(i for i, tensor in enumerate(operands) if not tensor.is_constant),
        outputs=(len(operands),),
    )


def random_graph(kind: Kind, rng: Generator) -> Graph:
    """A graph of one operator with random shapes, attributes, weights and quantizations.

    A CONCATENATION's inputs may be requantized before.
    """
    builder = NetworkBuilder(int(rng.integers(2**31)), per_channel=bool(rng.random() < 0.7))
    height, width = (int(size) for size in rng.integers(1, 14, 2))
    from_float = kind is Kind.QUANTIZE and rng.random() < 0.5
    dtype = "float32" if from_float else "int8"
    x = builder.input(height, width, _channels(rng), dtype=dtype)
    _LAYERS[kind](builder, x, rng)
    return _with_random_quantization(builder.build(), rng)


def random_inputs(graph: Graph, rng: Generator) -> list[np.ndarray]:
    """Values for each input: int8 between random bounds, float32 also beyond what int8 holds."""
    values = []
    for tensor in (graph.tensors[index] for index in graph.inputs):
        if tensor.dtype == "float32":
            values.append(rng.normal(0, 4, tensor.shape).astype(np.float32))
        else:
            least, greatest = np.sort(rng.integers(-128, 128, 2))
            values.append(rng.integers(least, greatest, tensor.shape, np.int8, endpoint=True))
    return values


def _with_random_quantization(graph: Graph, rng: Generator) -> Graph:
    """Moves zero points, and scales but the inputs'; tensors that shared both still do.

    An input's scale is part of a bias's, and what LOGISTIC and SOFTMAX write is prescribed.
    """
    moved: dict[int, Quantization] = {}
    tensors = []
    for index, tensor in enumerate(graph.tensors):
        of = tensor.quantization
        is_free = tensor.dtype == "int8" and not tensor.is_constant and of.scale != 1 / 256
        if is_free and id(of) not in moved:
            zero_point = int(rng.choice([of.zero_point, -128, rng.integers(-128, 128)]))
            factor = 1 if index in graph.inputs else 10 ** rng.uniform(-0.5, 1)
            moved[id(of)] = per_tensor(of.scale * factor, zero_point)
        tensors.append(dataclasses.replace(tensor, quantization=moved.get(id(of), of)))
    return graph.replace(tensors=tuple(tensors))


def _channels(rng: Generator) -> int:
    """Mostly few, now and then more than a kernel sums up at a time."""
    return int(rng.integers(1, 9) if rng.random() < 0.8 else rng.integers(30, 80))


def _pair(rng: Generator, least: int, greatest: int) -> Pair:
    return int(rng.integers(least, greatest + 1)), int(rng.integers(least, greatest + 1))


def _activation(rng: Generator) -> Activation:
    return Activation.NONE if rng.random() < 0.5 else list(Activation)[rng.integers(4)]


def _padding(builder: NetworkBuilder, x: int, rng: Generator) -> str:
    is_large = min(builder.shape(x)[1:3]) >= LARGEST_KERNEL
    return "VALID" if is_large and rng.random() < 0.7 else "SAME"


def _conv(builder: NetworkBuilder, x: int, rng: Generator) -> None:
    builder.conv(
        x,
        _channels(rng),
        kernel=_pair(rng, 1, 5),
        stride=_pair(rng, 1, 3),
        dilation=_pair(rng, 1, 2),
        padding=_padding(builder, x, rng),
        activation=_activation(rng),
        bias=bool(rng.random() < 0.7),
    )


def _depthwise(builder: NetworkBuilder, x: int, rng: Generator) -> None:
    """With a bias: TFLite-Micro aborts without."""
    builder.depthwise(
        x,
        kernel=_pair(rng, 1, 5),
        stride=_pair(rng, 1, 3),
        dilation=_pair(rng, 1, 2),
        padding=_padding(builder, x, rng),
        multiplier=int(rng.integers(1, 4)),
        activation=_activation(rng),
    )


def _fully_connected(builder: NetworkBuilder, x: int, rng: Generator) -> None:
    builder.fully_connected(
        x,
        int(rng.integers(1, 40)),
        activation=_activation(rng),
        bias=bool(rng.random() < 0.7),
    )


def _elementwise(method: Callable[..., int]) -> Callable[..., None]:
    def build(builder: NetworkBuilder, x: int, rng: Generator) -> None:
        """One of both operands may be broadcast along some axes."""
        shape = (size if rng.random() < 0.7 else 1 for size in builder.shape(x)[1:])
        operands = rng.permutation([x, builder.input(*shape)])
        method(builder, *(int(operand) for operand in operands), activation=_activation(rng))

    return build


def _pool(method: Callable[..., int]) -> Callable[..., None]:
    def build(builder: NetworkBuilder, x: int, rng: Generator) -> None:
        method(
            builder,
            x,
            kernel=_pair(rng, 1, 5),
            stride=_pair(rng, 1, 3),
            padding=_padding(builder, x, rng),
            activation=_activation(rng),
        )

    return build


def _mean(builder: NetworkBuilder, x: int, rng: Generator) -> None:
    axes = [(1, 2), (1,), (2,), (3,), (1, 2, 3)][rng.integers(5)]
    builder.mean(x, axes, keep_dims=bool(rng.random() < 0.5))


def _pad(builder: NetworkBuilder, x: int, rng: Generator) -> None:
    value = None if rng.random() < 0.5 else int(rng.integers(-128, 128))
    builder.pad(x, _pair(rng, 0, 3), _pair(rng, 0, 3), channels=_pair(rng, 0, 3), value=value)


def _concatenation(builder: NetworkBuilder, x: int, rng: Generator) -> None:
    axis = int(rng.integers(1, 4))
    shape = list(builder.shape(x))
    parts = [x]
    for _ in range(rng.integers(0, 4)):
        shape[axis] = int(rng.integers(1, 6))
        parts.append(builder.input(*shape[1:]))
    builder.concatenate(*parts, axis=axis)


_LAYERS: dict[Kind, Callable[..., object]] = {
    Kind.CONV: _conv,
    Kind.DEPTHWISE_CONV: _depthwise,
    Kind.FULLY_CONNECTED: _fully_connected,
    Kind.ADD: _elementwise(NetworkBuilder.add),
    Kind.MUL: _elementwise(NetworkBuilder.mul),
    Kind.AVERAGE_POOL: _pool(NetworkBuilder.average_pool),
    Kind.MAX_POOL: _pool(NetworkBuilder.max_pool),
    Kind.MEAN: _mean,
    Kind.PAD: _pad,
    Kind.RESHAPE: lambda builder, x, rng: builder.reshape(x, 1, int(np.prod(builder.shape(x)))),
    Kind.SOFTMAX: lambda builder, x, rng: builder.softmax(x, beta=float(rng.uniform(0.1, 4))),
    Kind.CONCATENATION: _concatenation,
    Kind.RESIZE_NEAREST: lambda builder, x, rng: builder.resize_nearest(x, _pair(rng, 1, 3)),
    Kind.LOGISTIC: lambda builder, x, rng: builder.logistic(x),
    Kind.HARD_SWISH: lambda builder, x, rng: builder.hard_swish(x),
    Kind.RELU: lambda builder, x, rng: builder.relu(x),
    Kind.RELU6: lambda builder, x, rng: builder.relu6(x),
    Kind.TRANSPOSE: lambda builder, x, rng: builder.transpose(x, *map(int, rng.permutation(4))),
    Kind.QUANTIZE: lambda builder, x, rng: builder.quantize(x),
    Kind.DEQUANTIZE: lambda builder, x, rng: builder.dequantize(x),
}

KINDS = tuple(_LAYERS)
