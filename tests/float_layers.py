# SPDX-License-Identifier: Apache-2.0
"""Layers in float32, to see which range of values a random layer writes.

Images are (height, width, channels) without batch; weights as in TensorFlow Lite.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tflm_converters.geometry import dilated
from tflm_converters.graph import Activation, Window

BOUNDS = {
    Activation.NONE: (-np.inf, np.inf),
    Activation.RELU: (0.0, np.inf),
    Activation.RELU6: (0.0, 6.0),
    Activation.RELU_N1_TO_1: (-1.0, 1.0),
}


def activate(values: np.ndarray, activation: Activation) -> np.ndarray:
    return np.clip(values, *BOUNDS[activation])


def patches(
    image: np.ndarray, window: Window, kernel: tuple[int, int], *, fill: float = 0.0
) -> np.ndarray:
    """What each output pixel sees: (out height, out width, channels, kernel h, kernel w)."""
    pad = window.padding
    borders = ((pad.top, pad.bottom), (pad.left, pad.right), (0, 0))
    padded = np.pad(image, borders, constant_values=fill)
    covered = dilated(kernel[0], window.dilation_h), dilated(kernel[1], window.dilation_w)
    views = sliding_window_view(padded, covered, (0, 1))
    return views[
        :: window.stride_h, :: window.stride_w, :, :: window.dilation_h, :: window.dilation_w
    ]


def conv(image: np.ndarray, weights: np.ndarray, window: Window) -> np.ndarray:
    seen = patches(image, window, weights.shape[1:3])
    return np.tensordot(seen, weights, axes=((2, 3, 4), (3, 1, 2)))


def depthwise_conv(
    image: np.ndarray, weights: np.ndarray, window: Window, multiplier: int
) -> np.ndarray:
    seen = np.repeat(patches(image, window, weights.shape[1:3]), multiplier, axis=2)
    return np.einsum("yxchw,hwc->yxc", seen, weights[0])


def average_pool(image: np.ndarray, window: Window, kernel: tuple[int, int]) -> np.ndarray:
    inside = patches(np.ones_like(image), window, kernel).sum(axis=(3, 4))
    return patches(image, window, kernel).sum(axis=(3, 4)) / np.maximum(inside, 1)


def max_pool(image: np.ndarray, window: Window, kernel: tuple[int, int]) -> np.ndarray:
    return patches(image, window, kernel, fill=-np.inf).max(axis=(3, 4))


def softmax(values: np.ndarray, beta: float) -> np.ndarray:
    exponentials = np.exp(beta * (values - values.max(axis=-1, keepdims=True)))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def hard_swish(values: np.ndarray) -> np.ndarray:
    return values * np.clip(values + 3, 0, 6) / 6


def logistic(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))
