# SPDX-License-Identifier: Apache-2.0
"""MLPerf Tiny's reference architectures, for models of the zoo to be compared with.

Banbury et al., "MLPerf Tiny Benchmark", 2021 (arXiv 2106.07597). Layer for layer those of
mlcommons/tiny, for other inputs and classes; a test compares them with the published models.
Functional tf_keras models, ready for quantization-aware training.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tf_keras
from tf_keras import layers, regularizers

RATE = 1e-2
"""Of learning, where they are trained from random weights beside models of the zoo."""

_DECAY = 1e-4
"""L2 penalty on the kernels of convolutions, as in the reference training."""


def ds_cnn(
    shape: tuple[int, int], classes: int, *, filters: int = 64, logits: bool = False
) -> tf_keras.Model:
    """The depthwise separable network for keywords, "Hello Edge" (arXiv 1711.07128), size S.

    Args:
        shape: frames and features of the input, such as (49, 10) or (49, 40).
        classes: how many answers.
        filters: channels of every layer.
        logits: whether the softmax at the end is left out.

    Returns:
        float32 (batch, *shape, 1) to probabilities, or logits, (batch, classes).
    """
    source = layers.Input((*shape, 1))
    x = _convolution(source, filters, kernel=(10, 4), strides=2)
    x = layers.Dropout(0.2)(x)
    for _ in range(4):
        x = _depthwise(x)
        x = _convolution(x, filters)
    x = layers.Dropout(0.4)(x)
    return _classifier(source, x, classes, "ds_cnn", logits=logits)


def mobilenet_v1(side: int = 96, classes: int = 2, *, alpha: float = 0.25) -> tf_keras.Model:
    """MobileNetV1 (arXiv 1704.04861) for visual wake words.

    Args:
        side: height and width of the input.
        classes: how many answers.
        alpha: width multiplier.

    Returns:
        float32 (batch, side, side, 3) to probabilities (batch, classes).
    """
    source = layers.Input((side, side, 3))
    x = _convolution(source, round(32 * alpha), kernel=3, strides=2, initializer="he_normal")
    for channels, strides in _mobilenet_blocks():
        x = _depthwise(x, strides=strides)
        x = _convolution(x, round(channels * alpha), initializer="he_normal")
    return _classifier(source, x, classes, "mobilenet_v1")


def _mobilenet_blocks() -> Iterator[tuple[int, int]]:
    """Channels and stride of each depthwise separable convolution."""
    yield from ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2))
    yield from [(512, 1)] * 5
    yield from ((1024, 2), (1024, 1))


def dense_autoencoder(length: int = 640) -> tf_keras.Model:
    """The auto-encoder for anomalies of the DCASE 2020 baseline: 128 four times, 8, and back.

    Args:
        length: values of the input.

    Returns:
        float32 (batch, length) to their reconstruction (batch, length).
    """
    source = layers.Input((length,))
    x = source
    for units in (*[128] * 4, 8, *[128] * 4):
        x = layers.Dense(units)(x)
        x = layers.BatchNormalization()(x)
        x = layers.Activation("relu")(x)
    return tf_keras.Model(source, layers.Dense(length)(x), name="dense_autoencoder")


def _convolution(
    x: Any, channels: int, *, kernel: Any = 1, strides: int = 1, initializer: str = "glorot_uniform"
) -> Any:
    x = layers.Conv2D(
        channels,
        kernel,
        strides=strides,
        padding="same",
        kernel_initializer=initializer,
        kernel_regularizer=regularizers.l2(_DECAY),
    )(x)
    return _activated(x)


def _depthwise(x: Any, *, strides: int = 1) -> Any:
    return _activated(layers.DepthwiseConv2D(3, strides=strides, padding="same")(x))


def _activated(x: Any) -> Any:
    return layers.Activation("relu")(layers.BatchNormalization()(x))


def _classifier(
    source: Any, x: Any, classes: int, name: str, *, logits: bool = False
) -> tf_keras.Model:
    x = layers.AveragePooling2D(x.shape[1:3])(x)
    x = layers.Flatten()(x)
    x = layers.Dense(classes, activation=None if logits else "softmax")(x)
    return tf_keras.Model(source, x, name=name)
