# SPDX-License-Identifier: Apache-2.0
"""An architecture as the converter's int8 graph: what its Keras model becomes by quantization.

Weights and scales are arbitrary (but fixed), since memory, flash and work depend on neither: so
a network is judged by the converter's own scheduler and planner before it exists in Keras.
"""

from __future__ import annotations

import math

import numpy as np

from tflm_converters.geometry import output_shape, with_same_padding
from tflm_converters.graph import (
    Activation,
    Attributes,
    ConvAttributes,
    ElementwiseAttributes,
    FullyConnectedAttributes,
    Graph,
    Kind,
    MeanAttributes,
    Op,
    Quantization,
    Tensor,
    Window,
)
from tflm_mcunet.search.architecture import Architecture, Block, Size

_SCALE = 0.02
_WEIGHT_SCALE = 0.005


def build_graph(architecture: Architecture) -> Graph:
    """The graph of a network: no two tensors of it are quantized alike, as in real models."""
    builder = _Builder()
    x = builder.input(architecture.input_shape)
    stem = architecture.stem
    x = builder.conv(x, stem.channels, stem.kernel, stem.stride, same=stem.same)
    for block in architecture.blocks:
        x = builder.block(x, block)
    if architecture.head_channels:
        x = builder.conv(x, architecture.head_channels)
    x = builder.classifier(x, architecture.classes)
    return Graph(tuple(builder.tensors), tuple(builder.ops), (0,), (x,), name=str(architecture))


class _Builder:
    """Methods append an operator and return the index of the tensor that it writes."""

    def __init__(self) -> None:
        self.tensors: list[Tensor] = []
        self.ops: list[Op] = []
        self._rng = np.random.default_rng(0)

    def input(self, shape: tuple[int, int, int]) -> int:
        return self._activation("input", (1, *shape))

    def block(self, x: int, block: Block) -> int:
        channels = self.tensors[x].shape[3]
        y = x if block.expansion == 1 else self.conv(x, channels * block.expansion)
        y = self._depthwise(y, block.kernel, block.stride)
        y = self.conv(y, block.channels, activation=Activation.NONE)
        if not block.has_residual(channels):
            return y
        return self._op(Kind.ADD, ElementwiseAttributes(), (x, y))

    def conv(
        self,
        x: int,
        channels: int,
        kernel: Size = (1, 1),
        stride: Size = (1, 1),
        *,
        same: bool = True,
        activation: Activation = Activation.RELU6,
    ) -> int:
        weights = self._weights((channels, *kernel, self.tensors[x].shape[3]), axis=0)
        attributes = ConvAttributes(self._window(x, kernel, stride, same), activation)
        return self._op(Kind.CONV, attributes, (x, weights, self._bias(channels)))

    def _depthwise(self, x: int, kernel: Size, stride: Size) -> int:
        channels = self.tensors[x].shape[3]
        weights = self._weights((1, *kernel, channels), axis=3)
        attributes = ConvAttributes(self._window(x, kernel, stride, True), Activation.RELU6)
        return self._op(Kind.DEPTHWISE_CONV, attributes, (x, weights, self._bias(channels)))

    def classifier(self, x: int, classes: int) -> int:
        x = self._op(Kind.MEAN, MeanAttributes((1, 2), keep_dims=False), (x,))
        weights = self._weights((classes, self.tensors[x].shape[1]), axis=0)
        inputs = (x, weights, self._bias(classes))
        return self._op(Kind.FULLY_CONNECTED, FullyConnectedAttributes(), inputs)

    def _window(self, x: int, kernel: Size, stride: Size, same: bool) -> Window:
        _, height, width, _ = self.tensors[x].shape
        window = Window(*stride)
        return with_same_padding(window, (height, width), kernel) if same else window

    def _op(self, kind: Kind, attributes: Attributes, inputs: tuple[int, ...]) -> int:
        shape = output_shape(Op(kind, inputs, (), attributes), self.tensors)
        if shape is None:  # FULLY_CONNECTED
            shape = (1, self.tensors[inputs[1]].shape[0])
        output = self._activation(f"{kind.value.lower()}_{len(self.ops)}", shape)
        self.ops.append(Op(kind, inputs, (output,), attributes))
        return output

    def _activation(self, name: str, shape: tuple[int, ...]) -> int:
        return self._tensor(Tensor(name, shape, "int8", self._quantization(_SCALE, 1, 0)))

    def _weights(self, shape: tuple[int, ...], *, axis: int) -> int:
        data = np.frombuffer(self._rng.bytes(math.prod(shape)), np.int8).reshape(shape)
        quantization = self._quantization(_WEIGHT_SCALE, shape[axis], axis)
        return self._tensor(Tensor(self._name("weights"), shape, "int8", quantization, data))

    def _bias(self, channels: int) -> int:
        data = self._rng.integers(-(2**12), 2**12, channels, dtype=np.int32)
        quantization = self._quantization(_SCALE * _WEIGHT_SCALE, channels, 0)
        return self._tensor(Tensor(self._name("bias"), (channels,), "int32", quantization, data))

    def _quantization(self, scale: float, count: int, axis: int) -> Quantization:
        spread = 1 + 0.01 * (len(self.tensors) + np.arange(count) / count)
        return Quantization((scale * spread).astype(np.float32), np.zeros(count, np.int32), axis)

    def _name(self, what: str) -> str:
        return f"{what}_{len(self.ops)}"

    def _tensor(self, tensor: Tensor) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1
