# SPDX-License-Identifier: Apache-2.0
"""Keras networks as `.tflite` files, float32 and int8."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import tf_keras


def float_file(network: tf_keras.Model) -> bytes:
    """The network as it was trained."""
    return _converted(_converter(network))


def int8_file(network: tf_keras.Model, samples: np.ndarray) -> bytes:
    """The network in int8, input and output included.

    Args:
        network: with one input and one output.
        samples: of its input, float32 (n, ...), from which the ranges of all tensors are taken.
    """
    import tensorflow as tf

    def representative() -> Iterator[list[np.ndarray]]:
        for sample in samples:
            yield [sample[np.newaxis]]

    converter = _converter(network)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return _converted(converter)


def _converter(network: tf_keras.Model) -> Any:
    import tensorflow as tf

    return tf.lite.TFLiteConverter.from_keras_model(network)


def _converted(converter: Any) -> bytes:
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")  # that statistics are expected, which are given
        content: bytes = converter.convert()
    return content
