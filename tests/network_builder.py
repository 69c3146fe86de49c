# SPDX-License-Identifier: Apache-2.0
"""Builds int8 networks layer by layer, one method each, as a calibrating exporter would.

A float sample runs through the network while it is built; each layer's output scale and zero
point are chosen from the range of values that the sample gives it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from tests import float_layers
from tflm_converters import geometry
from tflm_converters.graph import (
    ABSENT,
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

Pair = tuple[int, int]
PaddingChoice = str | Padding  # "SAME", "VALID" or explicit

_PROBABILITY = Quantization(np.array([1 / 256], np.float32), np.array([-128], np.int32))
_TIGHTEST_RANGE = 1e-3  # of activations; a sample may be constant
_CLIPPED, _SPARE = 0.8, 1.3  # calibration: how far the range may miss the sample's


def per_tensor(scale: float, zero_point: int) -> Quantization:
    """Quantization of an activation."""
    return Quantization(np.array([scale], np.float32), np.array([zero_point], np.int32))


def pair(value: int | Pair) -> Pair:
    """(height, width) of a value given once or twice."""
    return (value, value) if isinstance(value, int) else value


class NetworkBuilder:
    """Methods append a layer and return the index of the tensor that it writes.

    Images are 1 x height x width x channels; weights, biases and scales are random but
    depend only on `seed`. `dead` is the probability that an output channel of a
    convolution has no weight other than zero.
    """

    def __init__(self, seed: int = 0, *, dead: float = 0.0, per_channel: bool = True) -> None:
        self.rng = np.random.default_rng(seed)
        self.dead = dead
        self.per_channel = per_channel
        self.tensors: list[Tensor] = []
        self.ops: list[Op] = []
        self.inputs: list[int] = []
        self._samples: dict[int, np.ndarray] = {}  # float values, with the batch dimension

    def build(self, *outputs: int) -> Graph:
        """The network with these outputs; the last layer's without any."""
        return Graph(
            tensors=tuple(self.tensors),
            ops=tuple(self.ops),
            inputs=tuple(self.inputs),
            outputs=outputs or (self.ops[-1].output,),
        )

    def shape(self, tensor: int) -> tuple[int, ...]:
        return self.tensors[tensor].shape

    def channels(self, tensor: int) -> int:
        return self.shape(tensor)[-1]

    def sample(self, tensor: int) -> np.ndarray:
        """The tensor in float32, by which scales were chosen; that of an input is random."""
        return self._samples[tensor]

    # Inputs and constants

    def input(self, *shape: int, dtype: str = "int8") -> int:
        """A graph input, e.g. input(96, 96, 3); the batch dimension is added."""
        sample = self.rng.normal(0, 1, (1, *shape)).astype(np.float32)
        quantization = self._calibrated(sample) if dtype == "int8" else None
        tensor = self._append(Tensor("input", sample.shape, dtype, quantization), sample)
        self.inputs.append(tensor)
        return tensor

    def constant(self, values: np.ndarray | float) -> int:
        """An int8 constant that holds these real values as closely as one scale allows."""
        values = np.asarray(values, np.float32)
        scale = max(float(np.abs(values).max()) / 127, _TIGHTEST_RANGE / 255)
        data = np.rint(values / np.float32(scale)).astype(np.int8)
        name = f"constant_{len(self.tensors)}"
        tensor = Tensor(name, data.shape, "int8", per_tensor(scale, 0), data)
        return self._append(tensor, data * np.float32(scale))

    # Layers with weights

    def conv(
        self,
        x: int,
        channels: int,
        *,
        kernel: int | Pair = 1,
        stride: int | Pair = 1,
        dilation: int | Pair = 1,
        padding: PaddingChoice = "SAME",
        activation: Activation = Activation.NONE,
        bias: bool = True,
    ) -> int:
        kernel = pair(kernel)
        window = self._window(x, kernel, stride, dilation, padding)
        weights = self._weights((channels, *kernel, self.channels(x)), axis=0)
        result = float_layers.conv(self._samples[x][0], self._samples[weights], window)
        attributes = ConvAttributes(window, activation)
        return self._weighted(Kind.CONV, attributes, x, weights, result[np.newaxis], bias)

    def depthwise(
        self,
        x: int,
        *,
        kernel: int | Pair = 3,
        stride: int | Pair = 1,
        dilation: int | Pair = 1,
        padding: PaddingChoice = "SAME",
        multiplier: int = 1,
        activation: Activation = Activation.NONE,
        bias: bool = True,
    ) -> int:
        kernel = pair(kernel)
        window = self._window(x, kernel, stride, dilation, padding)
        weights = self._weights((1, *kernel, self.channels(x) * multiplier), axis=3)
        result = float_layers.depthwise_conv(
            self._samples[x][0], self._samples[weights], window, multiplier
        )
        attributes = ConvAttributes(window, activation, multiplier)
        return self._weighted(Kind.DEPTHWISE_CONV, attributes, x, weights, result[np.newaxis], bias)

    def fully_connected(
        self,
        x: int,
        units: int,
        *,
        activation: Activation = Activation.NONE,
        keep_num_dims: bool = False,
        bias: bool = True,
    ) -> int:
        flat = self._samples[x].reshape(1, -1)
        weights = self._weights((units, flat.shape[1]), axis=0, per_channel=False)
        result = flat @ self._samples[weights].T
        if keep_num_dims:
            result = result.reshape(*self.shape(x)[:-1], units)
        attributes = FullyConnectedAttributes(activation, keep_num_dims)
        return self._weighted(Kind.FULLY_CONNECTED, attributes, x, weights, result, bias)

    # Elementwise layers

    def add(self, a: int, b: int, *, activation: Activation = Activation.NONE) -> int:
        result = float_layers.activate(self._samples[a] + self._samples[b], activation)
        return self._calibrate(Kind.ADD, ElementwiseAttributes(activation), (a, b), result)

    def mul(self, a: int, b: int, *, activation: Activation = Activation.NONE) -> int:
        result = float_layers.activate(self._samples[a] * self._samples[b], activation)
        return self._calibrate(Kind.MUL, ElementwiseAttributes(activation), (a, b), result)

    def relu(self, x: int) -> int:
        return self._unary(Kind.RELU, x, np.maximum(self._samples[x], 0))

    def relu6(self, x: int) -> int:
        return self._unary(Kind.RELU6, x, np.clip(self._samples[x], 0, 6))

    def hard_swish(self, x: int) -> int:
        return self._unary(Kind.HARD_SWISH, x, float_layers.hard_swish(self._samples[x]))

    def logistic(self, x: int) -> int:
        result = float_layers.logistic(self._samples[x])
        return self._layer(Kind.LOGISTIC, NoAttributes(), (x,), result, _PROBABILITY)

    def softmax(self, x: int, *, beta: float = 1.0) -> int:
        result = float_layers.softmax(self._samples[x], beta)
        return self._layer(Kind.SOFTMAX, SoftmaxAttributes(beta), (x,), result, _PROBABILITY)

    def quantize(self, x: int, to: Quantization | None = None) -> int:
        """int8 to int8 with another scale, or float32 to int8."""
        quantization = to or self._calibrated(self._samples[x])
        return self._layer(Kind.QUANTIZE, NoAttributes(), (x,), self._samples[x], quantization)

    def dequantize(self, x: int) -> int:
        tensor = Tensor(f"dequantize_{len(self.tensors)}", self.shape(x), "float32")
        output = self._append(tensor, self._samples[x])
        self.ops.append(Op(Kind.DEQUANTIZE, (x,), (output,)))
        return output

    # Pooling

    def average_pool(
        self,
        x: int,
        *,
        kernel: int | Pair,
        stride: int | Pair = 1,
        padding: PaddingChoice = "VALID",
        activation: Activation = Activation.NONE,
    ) -> int:
        window = self._window(x, pair(kernel), stride, 1, padding)
        result = float_layers.average_pool(self._samples[x][0], window, pair(kernel))
        attributes = PoolAttributes(window, *pair(kernel), activation)
        return self._keep(Kind.AVERAGE_POOL, attributes, x, result[np.newaxis])

    def max_pool(
        self,
        x: int,
        *,
        kernel: int | Pair,
        stride: int | Pair = 1,
        padding: PaddingChoice = "VALID",
        activation: Activation = Activation.NONE,
    ) -> int:
        window = self._window(x, pair(kernel), stride, 1, padding)
        result = float_layers.max_pool(self._samples[x][0], window, pair(kernel))
        attributes = PoolAttributes(window, *pair(kernel), activation)
        return self._keep(Kind.MAX_POOL, attributes, x, result[np.newaxis])

    def mean(self, x: int, axes: Sequence[int] = (1, 2), *, keep_dims: bool = True) -> int:
        result = self._samples[x].mean(axis=tuple(axes), keepdims=keep_dims)
        attributes = MeanAttributes(tuple(sorted(axes)), keep_dims)
        return self._calibrate(Kind.MEAN, attributes, (x,), result)

    # Layout

    def pad(
        self,
        x: int,
        rows: Pair,
        columns: Pair,
        *,
        channels: Pair = (0, 0),
        value: int | None = None,
    ) -> int:
        """Explicit PAD; `value` is the quantized value written, the zero point if None."""
        quantization = self._quantization(x)
        value = quantization.zero_point if value is None else value
        pads = ((0, 0), rows, columns, channels)
        real = quantization.scale * (value - quantization.zero_point)
        result = np.pad(self._samples[x], pads, constant_values=real)
        return self._keep(Kind.PAD, PadAttributes(pads, value), x, result)

    def reshape(self, x: int, *shape: int) -> int:
        """The same elements in another shape, batch dimension included."""
        return self._keep(Kind.RESHAPE, NoAttributes(), x, self._samples[x].reshape(shape))

    def transpose(self, x: int, *permutation: int) -> int:
        result = self._samples[x].transpose(permutation)
        return self._keep(Kind.TRANSPOSE, TransposeAttributes(permutation), x, result)

    def resize_nearest(
        self, x: int, factor: int | Pair, *, half_pixel_centers: bool = False
    ) -> int:
        rows, columns = pair(factor)
        result = self._samples[x].repeat(rows, axis=1).repeat(columns, axis=2)
        attributes = ResizeAttributes(half_pixel_centers=half_pixel_centers)
        return self._keep(Kind.RESIZE_NEAREST, attributes, x, result)

    def concatenate(self, *parts: int, axis: int = -1) -> int:
        """Joins tensors; those quantized unlike the first are requantized before."""
        target = self._quantization(parts[0])
        inputs = tuple(
            x if _equal(self._quantization(x), target) else self.quantize(x, target) for x in parts
        )
        result = np.concatenate([self._samples[x] for x in parts], axis)
        attributes = ConcatenationAttributes(axis % result.ndim)
        return self._layer(Kind.CONCATENATION, attributes, inputs, result, target)

    # Blocks of several layers

    def inverted_residual(
        self,
        x: int,
        channels: int,
        *,
        expansion: int = 6,
        kernel: int | Pair = 3,
        stride: int | Pair = 1,
        squeeze: int = 0,
        activation: Activation = Activation.RELU6,
    ) -> int:
        """MobileNetV2's block; with `squeeze` channels of squeeze-and-excite if not zero."""
        y = self.conv(x, self.channels(x) * expansion, activation=activation)
        y = self.depthwise(y, kernel=kernel, stride=stride, activation=activation)
        if squeeze:
            y = self.squeeze_excite(y, squeeze)
        y = self.conv(y, channels)
        return self.add(x, y) if self.shape(x) == self.shape(y) else y

    def squeeze_excite(
        self, x: int, channels: int, *, hard: bool = False, in_two_steps: bool = False
    ) -> int:
        """Scales each channel by a gate; `hard` makes it of ADD and MUL, as PyTorch does."""
        y = self.mean(self.mean(x, (2,)), (1,)) if in_two_steps else self.mean(x)
        y = self.conv(y, channels, activation=Activation.RELU)
        y = self.conv(y, self.channels(x))
        gate = self.hard_sigmoid(y) if hard else self.logistic(y)
        return self.mul(x, gate)

    def hard_sigmoid(self, x: int) -> int:
        """relu6(x + 3) / 6 as ADD and MUL with constants."""
        y = self.add(x, self.constant([3.0]), activation=Activation.RELU6)
        return self.mul(y, self.constant([1 / 6]))

    # Machinery

    def _append(self, tensor: Tensor, sample: np.ndarray) -> int:
        self.tensors.append(tensor)
        self._samples[len(self.tensors) - 1] = sample
        return len(self.tensors) - 1

    def _quantization(self, tensor: int) -> Quantization:
        quantization = self.tensors[tensor].quantization
        assert quantization is not None, f"tensor {tensor} is not quantized"
        return quantization

    def _calibrated(self, sample: np.ndarray) -> Quantization:
        """Scale and zero point of an activation; not exactly the sample's range, as in life."""
        margin = self.rng.uniform(_CLIPPED, _SPARE)
        low, high = min(float(sample.min()), 0.0) * margin, max(float(sample.max()), 0.0) * margin
        scale = max(high - low, _TIGHTEST_RANGE) / 255
        return per_tensor(scale, int(np.clip(round(-128 - low / scale), -128, 127)))

    def _layer(
        self,
        kind: Kind,
        attributes: Attributes,
        inputs: tuple[int, ...],
        sample: np.ndarray,
        quantization: Quantization,
    ) -> int:
        name = f"{kind.value.lower()}_{len(self.tensors)}"
        output = self._append(Tensor(name, sample.shape, "int8", quantization), sample)
        self.ops.append(Op(kind, inputs, (output,), attributes))
        return output

    def _calibrate(
        self, kind: Kind, attributes: Attributes, inputs: tuple[int, ...], sample: np.ndarray
    ) -> int:
        """A layer whose output has a scale of its own."""
        return self._layer(kind, attributes, inputs, sample, self._calibrated(sample))

    def _keep(self, kind: Kind, attributes: Attributes, x: int, sample: np.ndarray) -> int:
        """A layer whose output is quantized like its input."""
        return self._layer(kind, attributes, (x,), sample, self._quantization(x))

    def _unary(self, kind: Kind, x: int, sample: np.ndarray) -> int:
        return self._calibrate(kind, NoAttributes(), (x,), sample)

    def _window(
        self,
        x: int,
        kernel: Pair,
        stride: int | Pair,
        dilation: int | Pair,
        padding: PaddingChoice,
    ) -> Window:
        window = Window(*pair(stride), *pair(dilation))
        if isinstance(padding, Padding):
            return dataclasses.replace(window, padding=padding)
        if padding == "VALID":
            return window
        _, height, width, _ = self.shape(x)
        return geometry.with_same_padding(window, (height, width), kernel)

    def _weights(
        self, shape: tuple[int, ...], *, axis: int, per_channel: bool | None = None
    ) -> int:
        """Random weights that keep the variance of their input, some channels dead."""
        fan_in = np.prod(shape) / shape[axis]
        values = self.rng.normal(0, 1 / np.sqrt(fan_in), shape).astype(np.float32)
        channel_shape = [-1 if i == axis else 1 for i in range(len(shape))]
        gains = self.rng.uniform(0.3, 2.0, shape[axis])
        gains[self.rng.random(shape[axis]) < self.dead] = 0
        values *= gains.reshape(channel_shape).astype(np.float32)
        others = tuple(i for i in range(len(shape)) if i != axis)
        ranges = np.abs(values).max(axis=others)
        if not (self.per_channel if per_channel is None else per_channel):
            ranges = ranges.max(keepdims=True)
        scales = (np.maximum(ranges, _TIGHTEST_RANGE) / 127).astype(np.float32)
        steps = scales.reshape(channel_shape)
        data = np.rint(values / steps).clip(-127, 127).astype(np.int8)
        quantization = Quantization(scales, np.zeros(len(scales), np.int32), axis)
        tensor = Tensor(f"weights_{len(self.tensors)}", shape, "int8", quantization, data)
        return self._append(tensor, data * steps)

    def _bias(self, x: int, weights: int, sample: np.ndarray) -> int:
        """Random bias of about the spread of the layer's outputs, at its accumulators' scale."""
        scales = self._quantization(weights).scales * self._quantization(x).scale
        spread = max(float(sample.std()), _TIGHTEST_RANGE)
        values = self.rng.normal(0, 0.5 * spread, sample.shape[-1])
        data = np.rint(values / scales).clip(-(2**28), 2**28).astype(np.int32)
        quantization = Quantization(scales.astype(np.float32), np.zeros(len(scales), np.int32))
        tensor = Tensor(f"bias_{len(self.tensors)}", data.shape, "int32", quantization, data)
        return self._append(tensor, (data * scales).astype(np.float32))

    def _weighted(
        self,
        kind: Kind,
        attributes: ConvAttributes | FullyConnectedAttributes,
        x: int,
        weights: int,
        sample: np.ndarray,
        has_bias: bool,
    ) -> int:
        bias = self._bias(x, weights, sample) if has_bias else ABSENT
        if has_bias:
            sample = sample + self._samples[bias]
        activated = float_layers.activate(sample, attributes.activation)
        return self._calibrate(kind, attributes, (x, weights, bias), activated)


def _equal(first: Quantization, second: Quantization) -> bool:
    return first.scale == second.scale and first.zero_point == second.zero_point
