# SPDX-License-Identifier: Apache-2.0
"""From a float Keras model to an int8 .tflite file: after training, or aware of it in training."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from tflm_converters.errors import ConversionError
from tflm_mcunet import keras3
from tflm_mcunet.search.batches import Data


class QuantizationError(ConversionError):
    """A model cannot be quantized."""


def quantize(
    model: Any,
    representative: Iterable[Any],
    *,
    qat: Data | None = None,
    loss: Any = None,
    epochs: int = 10,
    learning_rate: float = 1e-3,
    progress: bool = True,
) -> bytes:
    """Makes an int8 model, inputs and outputs included.

    Args:
        model: a functional or sequential Keras model with one input and one output. Those of
            Keras 3 are rebuilt in tf_keras, if both know all layers.
        representative: batches of float32 inputs, from which the ranges of values are taken.
        qat: batches for quantization-aware training of a model that gives logits or, with a
            softmax as its last layer, probabilities: a dataset, or a function from an epoch's
            number to one, of inputs and either integer labels or probabilities of all classes.
            Without them, the model is quantized as it is.
        loss: of quantization-aware training, as `tf_keras.Model.compile` takes it, for models
            that are no classifiers, such as `"mse"`; batches of `qat` hold what it compares
            outputs with then, in place of labels.
        epochs: of quantization-aware training; MCUNetV2 (arXiv 2110.15352) takes 10.
        learning_rate: of quantization-aware training, from which it falls as a cosine.
        progress: whether to show a bar on stderr.

    Returns:
        The content of a `.tflite` file.

    Raises:
        QuantizationError: the model is no functional Keras model, or has a layer that cannot
            be quantized.
        DataError: nobody knows how many batches an epoch of `qat` has, or its labels are not those
            of the model's classes.
    """
    model = keras2(model)
    if qat is not None:
        representative = list(representative)  # for ranges, twice
        model = _trained(
            model,
            representative,
            qat,
            loss=loss,
            epochs=epochs,
            learning_rate=learning_rate,
            progress=progress,
        )
    return _int8_file(model, representative)


def keras2(model: Any) -> tf_keras.Model:
    """The model in tf_keras, the Keras that quantization-aware training and this package use.

    Raises:
        QuantizationError: it cannot be, and why.
    """
    name = getattr(model, "name", type(model).__name__)
    if not isinstance(model, tf_keras.Model):
        model = _from_keras3(model, name)
    if not model._is_graph_network:  # tf_keras has no public name for it
        raise QuantizationError(
            f"model '{name}' is a subclass ({type(model).__name__}), whose layers cannot be told "
            "apart; build it with the functional API: tf_keras.Model(inputs, outputs)"
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise QuantizationError(
            f"model '{name}': expected one input and one output, got {len(model.inputs)} and "
            f"{len(model.outputs)}; quantize its parts one by one"
        )
    return model


def _from_keras3(model: Any, name: str) -> tf_keras.Model:
    origin = {base.__module__.split(".")[0] for base in type(model).__mro__}
    if "keras" not in origin:
        raise QuantizationError(
            f"expected a Keras model, got {type(model).__name__}; build one with tf_keras"
        )
    try:
        return keras3.rebuilt(model)
    except (AttributeError, KeyError, NotImplementedError, TypeError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise QuantizationError(
            f"model '{name}' is of Keras 3 and cannot be rebuilt in tf_keras: {reason}; build it "
            "with tf_keras instead of keras, of standard layers and with the functional API"
        ) from None


def _trained(
    model: tf_keras.Model, representative: list[Any], data: Data, **options: Any
) -> tf_keras.Model:
    """The model with the rounding of int8 in its forward pass, trained; `options` of `train`."""
    from tflm_mcunet import quantization_aware  # tfmot takes seconds

    try:
        made = quantization_aware.aware(model, representative)
    except (AssertionError, RuntimeError, TypeError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise QuantizationError(
            f"model '{model.name}' cannot be trained aware of quantization: {reason}; replace "
            "that layer, or quantize without qat"
        ) from None
    quantization_aware.train(made, data, **options)
    return made


def _int8_file(model: tf_keras.Model, representative: Iterable[Any]) -> bytes:
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: _one_by_one(representative)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")  # that statistics are expected, which are given
        try:
            content: bytes = converter.convert()
        except (RuntimeError, ValueError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise QuantizationError(
                f"model '{model.name}' cannot become int8: {reason}; give at least one batch of "
                "representative inputs, and use layers that TensorFlow Lite has in int8"
            ) from None
    return content


def _one_by_one(batches: Iterable[Any]) -> Iterator[list[np.ndarray]]:
    for batch in batches:
        for sample in np.asarray(batch, np.float32):
            yield [sample[None]]
