# SPDX-License-Identifier: Apache-2.0
"""The architectures are those of the published models: layer for layer, weight for weight."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tflm_converters import reader
from tflm_mcunet.profiling import Profile, profile, profile_graph
from zoo.recipes import baselines

PUBLISHED = {
    "kws_ref_model_int8": lambda: baselines.ds_cnn((49, 10), 12),
    "vww_96_int8": lambda: baselines.mobilenet_v1(96, 2),
    "ad01_int8": lambda: baselines.dense_autoencoder(640),
}


def quantized(model: tf_keras.Model) -> Profile:
    """The profile of an int8 `.tflite` file of the model with random weights."""
    rng = np.random.default_rng(1)
    for weight in model.trainable_weights:  # biases of zero would be left out of the file
        weight.assign(rng.normal(scale=0.1, size=weight.shape))
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: noise(model.input_shape[1:])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    content = converter.convert()
    graph = reader.read_bytes(content, name=model.name)
    return profile_graph(graph, name=model.name, file_bytes=len(content))


def noise(shape: tuple[int, ...]) -> Iterator[list[np.ndarray]]:
    rng = np.random.default_rng(0)
    for _ in range(3):
        yield [rng.normal(size=(1, *shape)).astype(np.float32)]


def layers_of(model: Profile) -> list[Any]:
    """Operators, shapes, work, weights; how a reshape is written says nothing of the network."""
    return [
        (layer.operator, layer.input_shapes, layer.output_shape, layer.macs, layer.weight_bytes)
        for layer in model.layers
        if layer.operator != "RESHAPE"
    ]


@pytest.mark.parametrize("name", PUBLISHED)
def test_layers_are_those_of_the_published_model(name: str, shared_data: Path) -> None:
    published = profile(shared_data / "mlperf_tiny" / "models" / f"{name}.tflite")
    ours = quantized(PUBLISHED[name]())
    assert layers_of(ours) == layers_of(published)
    assert ours.macs == published.macs


def test_other_inputs_and_classes() -> None:
    assert baselines.ds_cnn((49, 40), 8).output_shape == (None, 8)
    assert baselines.mobilenet_v1(64, 3).output_shape == (None, 3)
    assert baselines.dense_autoencoder(96).output_shape == (None, 96)
