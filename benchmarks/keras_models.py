# SPDX-License-Identifier: Apache-2.0
"""MobileNetV2 from Keras with seeded random weights, quantized after training to int8.

Memory and work do not depend on what a network has learned, so nothing is trained or
downloaded. Batch normalization has random statistics, so that no two channels are alike, and
the classifier's weights are wide, so that its softmax is not flat.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.models import KerasSource

CACHE = Path(__file__).parent / ".cache"
"""Files made here once and used again; git ignores them."""

SEED = 0
CALIBRATION_IMAGES = 8
_WIDE = 4.0  # classifier weights, relative to those that keep the variance


def cached(key: str, source: KerasSource) -> Path:
    """The model as a `.tflite` file, built if it is not there yet."""
    path = CACHE / f"{key}.tflite"
    if not path.is_file():
        CACHE.mkdir(exist_ok=True)
        path.write_bytes(build(source))
    return path


def build(source: KerasSource) -> bytes:
    """The content of the `.tflite` file; the same bytes each time with the same TensorFlow."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras
    import tensorflow as tf

    rng = np.random.default_rng(SEED)
    shape = (source.side, source.side, 3)
    keras.utils.clear_session()  # names count up in a session, and are in the file
    model = keras.applications.MobileNetV2(input_shape=shape, alpha=source.alpha, weights=None)
    for layer in model.layers:
        layer.set_weights([_random(w.path, tuple(w.shape), rng) for w in layer.weights])
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: _images(shape)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    with contextlib.redirect_stdout(sys.stderr):  # Keras prints what it exports
        content: bytes = converter.convert()
    return content


def _random(path: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Values of one weight, chosen by the last part of its path."""
    name = path.split("/")[-1]
    if name in ("gamma", "moving_variance"):
        return rng.uniform(0.5, 1.5, shape)
    if len(shape) == 1:  # beta, moving_mean, bias
        return rng.normal(0.0, 0.2, shape)
    is_depthwise = "depthwise" in path
    fan_in = np.prod(shape[:2]) if is_depthwise else np.prod(shape[:-1])
    gain = _WIDE if len(shape) == 2 else 1.0
    return rng.normal(0.0, gain * np.sqrt(2 / fan_in), shape)


def _images(shape: tuple[int, ...]) -> Iterator[list[Any]]:
    rng = np.random.default_rng(SEED)
    for _ in range(CALIBRATION_IMAGES):
        yield [rng.uniform(-1, 1, (1, *shape)).astype(np.float32)]
