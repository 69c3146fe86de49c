# SPDX-License-Identifier: Apache-2.0
"""An architecture as a plain functional Keras model, ready to train, quantize and convert."""

from __future__ import annotations

from typing import Any

import tf_keras

from tflm_mcunet.search.architecture import Architecture, ArchitectureError, Block, Size

BATCH_NORM_EPSILON = 1e-3

_layers = tf_keras.layers


def build(architecture: Architecture, *, name: str = "network") -> tf_keras.Model:
    """The network in float32, with random weights.

    Only layers that TensorFlow Lite and quantization-aware training know: Conv2D or
    DepthwiseConv2D without bias, BatchNormalization and ReLU6; Add; GlobalAveragePooling2D;
    Dense. Each has a name that says where it stands: `stage2_block1_depthwise`, and with
    `_bn` and `_relu` behind it what follows.

    Args:
        architecture: the network.
        name: of the model.

    Returns:
        A model from float32 images, (batch, rows, columns, channels), to float32 logits,
        (batch, classes).

    Raises:
        ArchitectureError: TensorFlow has no depthwise convolution with these strides.
    """
    stem = architecture.stem
    images = _layers.Input(architecture.input_shape, name="images")
    padding = "same" if stem.same else "valid"
    x = _layers.Conv2D(
        stem.channels, stem.kernel, stem.stride, padding, use_bias=False, name="stem"
    )(images)
    x = _normalized(x, "stem", relu=True)
    for name_of_block, block in named_blocks(architecture):
        x = _inverted_residual(x, block, name_of_block)
    if architecture.head_channels:
        x = _pointwise(x, architecture.head_channels, "head", relu=True)
    x = _layers.GlobalAveragePooling2D(name="pool")(x)
    logits = _layers.Dense(architecture.classes, name="logits")(x)
    return tf_keras.Model(images, logits, name=name)


def named_blocks(architecture: Architecture) -> list[tuple[str, Block]]:
    """The blocks with the names that their layers begin with."""
    return [
        (block_name(stage, index), block)
        for stage, blocks in enumerate(architecture.stages)
        for index, block in enumerate(blocks)
    ]


def block_name(stage: int, index: int) -> str:
    """Of a block, by its position from 0."""
    return f"stage{stage + 1}_block{index + 1}"


def equal_strides(stride: Size, columns: int, *, where: str) -> int:
    """The one stride of a depthwise convolution, in place of two that need not be equal.

    TensorFlow's depthwise convolution knows but one for rows and columns. Over an image one
    pixel wide the stride along columns is of no effect.

    Raises:
        ArchitectureError: the strides differ, and the image is wider.
    """
    rows, across = stride
    if columns > 1 and rows != across:
        raise ArchitectureError(
            f"{where}: TensorFlow's depthwise convolution needs equal strides, got {rows} and "
            f"{across} over {columns} columns; use ({rows}, {rows})"
        )
    return rows


def _inverted_residual(x: Any, block: Block, name: str) -> Any:
    inputs, channels = x, x.shape[-1]
    if block.expansion > 1:
        x = _pointwise(x, channels * block.expansion, f"{name}_expand", relu=True)
    stride = equal_strides(block.stride, x.shape[2], where=name)
    x = _layers.DepthwiseConv2D(
        block.kernel, stride, "same", use_bias=False, name=f"{name}_depthwise"
    )(x)
    x = _normalized(x, f"{name}_depthwise", relu=True)
    x = _pointwise(x, block.channels, f"{name}_project", relu=False)
    return _layers.Add(name=f"{name}_add")([inputs, x]) if block.has_residual(channels) else x


def _pointwise(x: Any, channels: int, name: str, *, relu: bool) -> Any:
    x = _layers.Conv2D(channels, 1, use_bias=False, name=name)(x)
    return _normalized(x, name, relu=relu)


def _normalized(x: Any, name: str, *, relu: bool) -> Any:
    x = _layers.BatchNormalization(epsilon=BATCH_NORM_EPSILON, name=f"{name}_bn")(x)
    return _layers.ReLU(6.0, name=f"{name}_relu")(x) if relu else x
