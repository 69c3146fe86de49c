# SPDX-License-Identifier: Apache-2.0
"""Seeded random int8 networks, small enough that thousands of them run quickly."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from tests.network_builder import NetworkBuilder, Pair
from tflm_converters.geometry import dilated
from tflm_converters.graph import Activation, Graph

__all__ = ["NetworkBuilder", "random_inputs", "random_network"]

MAX_EXTENT = 24
MAX_CHANNELS = 16
_LARGEST_KERNEL = 7
_HEAD_OPS = 4

_ACTIVATIONS = (Activation.NONE, Activation.RELU, Activation.RELU6, Activation.RELU_N1_TO_1)
_ACTIVATION_ODDS = (0.35, 0.3, 0.3, 0.05)


def random_network(seed: int, *, max_ops: int = 12) -> Graph:
    """An int8 network of 1 to `max_ops` operators that depends only on `seed`.

    It has one or two inputs of at most 24 x 24 x 8, up to three outputs, and any mixture of
    the layers and blocks that real networks are made of.
    """
    rng = np.random.default_rng([seed, max_ops])
    builder = NetworkBuilder(
        seed, dead=float(rng.choice([0.0, 0.0, 0.3])), per_channel=bool(rng.random() < 0.8)
    )
    network = _Growth(builder, rng, max_ops)
    network.grow()
    return builder.build(*network.outputs())


def random_inputs(graph: Graph, seed: int) -> list[np.ndarray]:
    """One value for each input of the graph: any integer, or normally distributed float32."""
    rng = np.random.default_rng(seed)
    values = []
    for tensor in (graph.tensors[index] for index in graph.inputs):
        if tensor.dtype == "float32":
            values.append(rng.normal(0, 1, tensor.shape).astype(np.float32))
        else:
            limits = np.iinfo(tensor.dtype)
            shape, dtype = tensor.shape, np.dtype(tensor.dtype).type
            values.append(rng.integers(limits.min, limits.max, shape, dtype, endpoint=True))
    return values


@dataclasses.dataclass(frozen=True)
class _Block:
    """A way to extend a network by at most `most_ops` operators."""

    extend: Callable[[_Growth], None]
    most_ops: int
    odds: float = 1.0


class _Growth:
    """A network while it grows; `x` is the image that the next block reads."""

    def __init__(self, builder: NetworkBuilder, rng: np.random.Generator, max_ops: int) -> None:
        self.builder = builder
        self.rng = rng
        self.max_ops = max_ops
        shape = (self.upto(MAX_EXTENT, least=5), self.upto(MAX_EXTENT, least=5), self.upto(8))
        self.x = builder.input(*shape)
        self.images = [self.x]
        if max_ops > 1 and self.chance(0.1):
            self.extend(builder.add(self.x, builder.input(*shape)))

    def grow(self) -> None:
        head_ops = min(_HEAD_OPS, self.max_ops - 1)
        while self.max_ops - head_ops > len(self.builder.ops) and not (
            self.builder.ops and self.chance(0.05)
        ):
            self.pick(_BLOCKS, self.max_ops - head_ops).extend(self)
        if self.builder.ops and self.chance(0.8):
            heads = [head for head in _HEADS if self._fits(head, self.max_ops)]
            if heads:
                self.pick(tuple(heads), self.max_ops).extend(self)

    def outputs(self) -> tuple[int, ...]:
        """The last tensor, and sometimes up to two that other layers read, too."""
        last = self.builder.ops[-1].output
        written = [op.output for op in self.builder.ops[:-1]]
        if not written or not self.chance(0.3):
            return (last,)
        count = min(self.upto(2), len(written))
        others = self.rng.choice(written, count, replace=False)
        return (last, *(int(tensor) for tensor in others))

    def pick(self, blocks: tuple[_Block, ...], max_ops: int) -> _Block:
        fitting = [block for block in blocks if self._fits(block, max_ops)]
        odds = np.array([block.odds for block in fitting])
        return fitting[self.rng.choice(len(fitting), p=odds / odds.sum())]

    def _fits(self, block: _Block, max_ops: int) -> bool:
        return len(self.builder.ops) + block.most_ops <= max_ops

    def extend(self, image: int) -> None:
        self.x = image
        self.images.append(image)

    # Random parameters

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def upto(self, most: int, *, least: int = 1) -> int:
        return int(self.rng.integers(least, most + 1))

    def activation(self) -> Activation:
        return _ACTIVATIONS[self.rng.choice(len(_ACTIVATIONS), p=_ACTIVATION_ODDS)]

    def extents(self) -> Pair:
        _, height, width, _ = self.builder.shape(self.x)
        return height, width

    def kernel(self) -> Pair:
        """Odd squares most often; sometimes anything up to 7 x 7."""
        if self.chance(0.6):
            size = int(self.rng.choice([1, 3, 3, 5, 7]))
            return size, size
        return self.upto(_LARGEST_KERNEL), self.upto(_LARGEST_KERNEL)

    def stride(self) -> Pair:
        if self.chance(0.6):
            return 1, 1
        stride = self.upto(3)
        return stride, stride if self.chance(0.7) else self.upto(3)

    def dilation(self) -> Pair:
        return (self.upto(3), self.upto(3)) if self.chance(0.15) else (1, 1)

    def padding(self, kernel: Pair, dilation: Pair, extents: Pair | None = None) -> str:
        """VALID only where the image is larger than the kernel."""
        covered = [dilated(*size) for size in zip(kernel, dilation, strict=True)]
        height, width = extents or self.extents()
        is_large = height >= covered[0] and width >= covered[1]
        return "VALID" if is_large and self.chance(0.4) else "SAME"


# Blocks


def _conv(growth: _Growth) -> None:
    kernel, dilation = growth.kernel(), growth.dilation()
    growth.extend(
        growth.builder.conv(
            growth.x,
            growth.upto(MAX_CHANNELS),
            kernel=kernel,
            stride=growth.stride(),
            dilation=dilation,
            padding=growth.padding(kernel, dilation),
            activation=growth.activation(),
            bias=growth.chance(0.9),
        )
    )


def _depthwise(growth: _Growth) -> None:
    """Always with a bias: TFLM's reference kernel aborts without."""
    kernel, dilation = growth.kernel(), growth.dilation()
    most = MAX_CHANNELS // growth.builder.channels(growth.x)
    growth.extend(
        growth.builder.depthwise(
            growth.x,
            kernel=kernel,
            stride=growth.stride(),
            dilation=dilation,
            padding=growth.padding(kernel, dilation),
            multiplier=growth.upto(min(most, 3)) if growth.chance(0.3) else 1,
            activation=growth.activation(),
        )
    )


def _padded(growth: _Growth) -> None:
    """An explicit PAD, symmetric or not, before a VALID layer, as PyTorch's exporters write."""
    kernel = growth.kernel()
    around = kernel[0] // 2, kernel[1] // 2
    rows, columns = ((around[0],) * 2, (around[1],) * 2)
    if growth.chance(0.4):
        rows, columns = [(growth.upto(3, least=0), growth.upto(3, least=0)) for _ in range(2)]
    height, width = growth.extents()
    if height + sum(rows) < kernel[0] or width + sum(columns) < kernel[1]:
        rows = columns = (3, 3)
    value = growth.upto(127, least=-128) if growth.chance(0.1) else None
    padded = growth.builder.pad(growth.x, rows, columns, value=value)
    layer = growth.upto(3)
    kernel = min(kernel[0], height + sum(rows)), min(kernel[1], width + sum(columns))
    options = {"kernel": kernel, "stride": growth.stride(), "padding": "VALID"}
    if layer == 1:
        growth.extend(growth.builder.conv(padded, growth.upto(MAX_CHANNELS), **options))
    elif layer == 2:
        growth.extend(growth.builder.depthwise(padded, activation=growth.activation(), **options))
    else:
        growth.extend(growth.builder.max_pool(padded, **options))


def _inverted_residual(growth: _Growth) -> None:
    channels = growth.builder.channels(growth.x)
    is_residual = growth.chance(0.6)
    growth.extend(
        growth.builder.inverted_residual(
            growth.x,
            channels if is_residual else growth.upto(MAX_CHANNELS),
            expansion=growth.upto(4),
            kernel=growth.kernel(),
            stride=1 if is_residual else growth.stride(),
            activation=growth.activation(),
        )
    )


def _squeezed_residual(growth: _Growth) -> None:
    channels = growth.builder.channels(growth.x)
    growth.extend(
        growth.builder.inverted_residual(
            growth.x, channels, expansion=growth.upto(3), squeeze=growth.upto(4)
        )
    )


def _squeeze_excite(growth: _Growth) -> None:
    growth.extend(
        growth.builder.squeeze_excite(
            growth.x, growth.upto(4), hard=growth.chance(0.5), in_two_steps=growth.chance(0.5)
        )
    )


def _residual(growth: _Growth) -> None:
    y = growth.builder.conv(
        growth.x,
        growth.builder.channels(growth.x),
        kernel=growth.kernel(),
        activation=growth.activation(),
    )
    growth.extend(growth.builder.add(y, growth.x, activation=growth.activation()))


def _long_skip(growth: _Growth) -> None:
    """Adds an earlier image of the same shape; without one, the image itself."""
    shape = growth.builder.shape(growth.x)
    alike = [image for image in growth.images if growth.builder.shape(image) == shape]
    other = int(growth.rng.choice(alike))
    growth.extend(growth.builder.add(growth.x, other, activation=growth.activation()))


def _branches(growth: _Growth) -> None:
    most = MAX_CHANNELS // 2
    stride = growth.stride()
    parts = [
        growth.builder.conv(
            growth.x, growth.upto(most), kernel=growth.kernel(), stride=stride,
            activation=growth.activation(),
        )
        for _ in range(2)
    ]  # fmt: skip
    growth.extend(growth.builder.concatenate(*parts))


def _rescaled(growth: _Growth) -> None:
    """ADD or MUL with a constant, one number or one per channel."""
    shape = 1 if growth.chance(0.5) else growth.builder.channels(growth.x)
    constant = growth.builder.constant(growth.rng.normal(0, 1, shape))
    combine = growth.builder.add if growth.chance(0.5) else growth.builder.mul
    growth.extend(combine(growth.x, constant, activation=growth.activation()))


def _elementwise(growth: _Growth) -> None:
    builder = growth.builder
    layers = (builder.relu, builder.relu6, builder.hard_swish, builder.logistic, builder.quantize)
    growth.extend(layers[growth.upto(len(layers)) - 1](growth.x))


def _pool(growth: _Growth) -> None:
    kernel = growth.kernel()
    kernel = min(kernel[0], growth.extents()[0]), min(kernel[1], growth.extents()[1])
    pool = growth.builder.average_pool if growth.chance(0.5) else growth.builder.max_pool
    growth.extend(
        pool(
            growth.x,
            kernel=kernel,
            stride=growth.stride(),
            padding=growth.padding(kernel, (1, 1)),
            activation=growth.activation(),
        )
    )


def _resize(growth: _Growth) -> None:
    height, width = growth.extents()
    factor = min(3, MAX_EXTENT // height), min(3, MAX_EXTENT // width)
    rows, columns = (growth.upto(max(most, 1)) for most in factor)
    growth.extend(growth.builder.resize_nearest(growth.x, (rows, columns)))


def _rearrange(growth: _Growth) -> None:
    """RESHAPE to swapped extents, or TRANSPOSE of rows and columns."""
    _, height, width, channels = growth.builder.shape(growth.x)
    if growth.chance(0.5):
        growth.extend(growth.builder.reshape(growth.x, 1, width, height, channels))
    else:
        growth.extend(growth.builder.transpose(growth.x, 0, 2, 1, 3))


_BLOCKS = (
    _Block(_conv, 1, 3.0),
    _Block(_depthwise, 1, 3.0),
    _Block(_padded, 2, 2.0),
    _Block(_inverted_residual, 4, 4.0),
    _Block(_squeezed_residual, 8, 1.0),
    _Block(_squeeze_excite, 7, 1.0),
    _Block(_residual, 2, 2.0),
    _Block(_long_skip, 1, 1.0),
    _Block(_branches, 4, 1.5),
    _Block(_rescaled, 1, 0.5),
    _Block(_elementwise, 1, 1.0),
    _Block(_pool, 1, 1.5),
    _Block(_resize, 1, 0.5),
    _Block(_rearrange, 1, 0.2),
)


# Heads


def _mean_head(growth: _Growth) -> None:
    pooled = growth.builder.mean(growth.x, keep_dims=growth.chance(0.5))
    growth.builder.softmax(growth.builder.fully_connected(pooled, growth.upto(12)))


def _transposed_head(growth: _Growth) -> None:
    """What PyTorch exporters make of global pooling: NCHW, then one MEAN for each axis."""
    builder = growth.builder
    turned = builder.transpose(growth.x, 0, 3, 1, 2)
    pooled = builder.mean(builder.mean(turned, (3,), keep_dims=False), (2,), keep_dims=False)
    builder.fully_connected(pooled, growth.upto(12))


def _pooled_head(growth: _Growth) -> None:
    builder = growth.builder
    pooled = builder.average_pool(growth.x, kernel=growth.extents(), stride=growth.extents())
    flat = builder.reshape(pooled, 1, builder.channels(pooled))
    builder.softmax(builder.fully_connected(flat, growth.upto(12)))


def _flat_head(growth: _Growth) -> None:
    builder = growth.builder
    flat = builder.reshape(growth.x, 1, int(np.prod(builder.shape(growth.x))))
    logits = builder.fully_connected(flat, growth.upto(12), activation=growth.activation())
    if growth.chance(0.3):
        builder.logistic(logits)


_HEADS = (
    _Block(_mean_head, 3, 2.0),
    _Block(_transposed_head, 4, 1.0),
    _Block(_pooled_head, 4, 1.0),
    _Block(_flat_head, 3, 1.0),
)
