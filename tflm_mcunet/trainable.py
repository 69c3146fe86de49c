# SPDX-License-Identifier: Apache-2.0
"""From an int8 .tflite file back to a float Keras model: to train on, with data of one's own.

Weights are what the int8 ones stand for, so the model answers as the file does, but for rounding.
Batch normalizations were folded into convolutions when the file was made, and stay there.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tf_keras

from tflm_converters import reader
from tflm_converters.errors import UnsupportedModelError
from tflm_converters.graph import (
    ABSENT,
    Activation,
    ConvAttributes,
    Graph,
    Kind,
    MeanAttributes,
    Op,
    PadAttributes,
    Padding,
    PoolAttributes,
    Window,
)
from tflm_converters.passes import freeze_shapes

_layers = tf_keras.layers

_SPATIAL = (1, 2)
"""Axes of rows and columns."""


def trainable(model: str | Path | bytes) -> tf_keras.Model:
    """The float32 network of an int8 model; all of its weights can be trained.

    Args:
        model: path or content of a `.tflite` file that is not converted yet, with one input and
            one output, of layers that `tflm_mcunet.quantize` makes of classifiers.

    Returns:
        A functional model from float32 inputs to float32 outputs, real numbers in the file's
        shapes. `tflm_mcunet.quantize.quantize` makes an int8 file of it again.

    Raises:
        ModelFileError: it is no such file.
        UnsupportedModelError: it has an operator that is not rebuilt, which is named.

    Example:
        >>> network = trainable(zoo.load("vww-xs").path)
        >>> network.output_shape
        (None, 2)
    """
    graph = (
        reader.read_bytes(model, name="model") if isinstance(model, bytes) else reader.read(model)
    )
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise UnsupportedModelError(
            f"expected one input and one output, got {len(graph.inputs)} and {len(graph.outputs)}"
        )
    graph = freeze_shapes.run(graph)
    inputs = _layers.Input(graph.tensors[graph.inputs[0]].shape[1:], name="input")
    values = {graph.inputs[0]: inputs}
    for index, op in enumerate(graph.ops):
        operands = [values[tensor] for tensor in op.inputs if tensor in values]
        values[op.output] = _rebuilt(graph, index, operands)
    return tf_keras.Model(inputs, values[graph.outputs[0]], name="trainable")


def _rebuilt(graph: Graph, index: int, operands: list[Any]) -> Any:
    """The output of an operator's layers."""
    op = graph.ops[index]
    rebuild = _OPERATORS.get(op.kind)
    activation = getattr(op.attributes, "activation", Activation.NONE)
    name = f"{op.kind.value.lower()}_{index}"
    made = None
    if rebuild and activation in _RELUS and len(operands) == (2 if op.kind is Kind.ADD else 1):
        made = rebuild(graph, op, name, *operands)
    if made is None:
        raise UnsupportedModelError(
            f"{graph.describe(index)} cannot be trained on: Keras has no such layer, or this "
            f"package does not rebuild it; expected {', '.join(k.value for k in _OPERATORS)}"
        )
    if activation is Activation.NONE:
        return made
    return _layers.ReLU(_RELUS[activation], name=f"{name}_relu")(made)


_RELUS = {Activation.NONE: None, Activation.RELU: None, Activation.RELU6: 6.0}
"""Greatest outputs."""


def _conv(graph: Graph, op: Op, name: str, x: Any) -> Any:
    attributes = op.attributes
    assert isinstance(attributes, ConvAttributes)
    weights = _real(graph, op.inputs[1]).transpose(1, 2, 3, 0)
    if weights.shape[2] != x.shape[-1]:
        return None  # channels in groups
    layer = _layers.Conv2D(
        weights.shape[-1],
        weights.shape[:2],
        **_walk(attributes.window, name),
    )
    return _weighted(layer, x, weights, _bias(graph, op))


def _depthwise_conv(graph: Graph, op: Op, name: str, x: Any) -> Any:
    attributes = op.attributes
    assert isinstance(attributes, ConvAttributes)
    multiplier = attributes.depth_multiplier
    (weights,) = _real(graph, op.inputs[1])
    layer = _layers.DepthwiseConv2D(
        weights.shape[:2],
        depth_multiplier=multiplier,
        **_walk(attributes.window, name),
    )
    weights = weights.reshape(*weights.shape[:2], -1, multiplier)
    return _weighted(layer, x, weights, _bias(graph, op))


def _fully_connected(graph: Graph, op: Op, name: str, x: Any) -> Any:
    weights = _real(graph, op.inputs[1]).T
    if math.prod(x.shape[1:]) != weights.shape[0] or len(graph.tensors[op.output].shape) != 2:
        return None  # several vectors at a time
    if len(x.shape) != 2:
        x = _layers.Reshape((weights.shape[0],), name=f"{name}_flat")(x)
    return _weighted(_layers.Dense(weights.shape[1], name=name), x, weights, _bias(graph, op))


def _weighted(layer: Any, x: Any, weights: np.ndarray, bias: np.ndarray | None) -> Any:
    """The layer's output; the layer has these weights, and no bias if there is none."""
    layer.use_bias = bias is not None
    y = layer(x)
    layer.set_weights([weights] if bias is None else [weights, bias])
    return y


def _walk(window: Window, name: str) -> dict[str, Any]:
    """How a kernel walks over its input, as a layer of this name has it."""
    return {
        "strides": (window.stride_h, window.stride_w),
        "padding": _padding(window),
        "dilation_rate": (window.dilation_h, window.dilation_w),
        "name": name,
    }


def _padding(window: Window) -> str:
    """Keras's word for it; builtin operators know no other."""
    return "valid" if window.padding == Padding() else "same"


def _add(graph: Graph, op: Op, name: str, x: Any, y: Any) -> Any:
    return _layers.Add(name=name)([x, y]) if x.shape == y.shape else None


def _pool(graph: Graph, op: Op, name: str, x: Any) -> Any:
    attributes = op.attributes
    assert isinstance(attributes, PoolAttributes)
    size, window = (attributes.filter_h, attributes.filter_w), attributes.window
    is_average = op.kind is Kind.AVERAGE_POOL
    if is_average and size == tuple(x.shape[1:3]) and window.padding == Padding():
        return _layers.GlobalAveragePooling2D(keepdims=True, name=name)(x)
    kind = _layers.AveragePooling2D if is_average else _layers.MaxPooling2D
    return kind(size, (window.stride_h, window.stride_w), _padding(window), name=name)(x)


def _mean(graph: Graph, op: Op, name: str, x: Any) -> Any:
    attributes = op.attributes
    assert isinstance(attributes, MeanAttributes)
    if attributes.axes != _SPATIAL or len(x.shape) != 4:
        return None
    return _layers.GlobalAveragePooling2D(keepdims=attributes.keep_dims, name=name)(x)


def _pad(graph: Graph, op: Op, name: str, x: Any) -> Any:
    attributes = op.attributes
    assert isinstance(attributes, PadAttributes)
    zero, pads = graph.tensors[op.inputs[0]].quantization, attributes.pads
    if zero is None or attributes.value != zero.zero_point or len(pads) != 4:
        return None
    batch, rows, columns, channels = pads
    return None if any(batch + channels) else _layers.ZeroPadding2D((rows, columns), name=name)(x)


def _reshape(graph: Graph, op: Op, name: str, x: Any) -> Any:
    return _layers.Reshape(graph.tensors[op.output].shape[1:], name=name)(x)


def _softmax(graph: Graph, op: Op, name: str, x: Any) -> Any:
    return _layers.Softmax(name=name)(x)


def _unchanged(graph: Graph, op: Op, name: str, x: Any) -> Any:
    """Real numbers do not change their scale."""
    return x


_OPERATORS: dict[Kind, Callable[..., Any]] = {
    Kind.CONV: _conv,
    Kind.DEPTHWISE_CONV: _depthwise_conv,
    Kind.FULLY_CONNECTED: _fully_connected,
    Kind.ADD: _add,
    Kind.AVERAGE_POOL: _pool,
    Kind.MAX_POOL: _pool,
    Kind.MEAN: _mean,
    Kind.PAD: _pad,
    Kind.RESHAPE: _reshape,
    Kind.SOFTMAX: _softmax,
    Kind.QUANTIZE: _unchanged,
    Kind.DEQUANTIZE: _unchanged,
}
"""From a graph, an operator, a name and its variable inputs to a layer's output; None if there is
no such layer."""


def _bias(graph: Graph, op: Op) -> np.ndarray | None:
    has_bias = len(op.inputs) > 2 and op.inputs[2] != ABSENT
    return _real(graph, op.inputs[2]) if has_bias else None


def _real(graph: Graph, index: int) -> np.ndarray:
    """A constant as float32."""
    tensor = graph.tensors[index]
    assert tensor.data is not None
    if (quantization := tensor.quantization) is None:
        return tensor.data.astype(np.float32)
    along = [1] * tensor.data.ndim
    along[quantization.axis] = -1
    zero, scale = quantization.zero_points.reshape(along), quantization.scales.reshape(along)
    return ((tensor.data.astype(np.int64) - zero) * scale.astype(np.float64)).astype(np.float32)
