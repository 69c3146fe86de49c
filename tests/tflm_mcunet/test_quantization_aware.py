# SPDX-License-Identifier: Apache-2.0
"""A network rounds in training what its int8 file rounds; labels of all kinds are learned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tflm_converters import reader
from tflm_converters.errors import DataError
from tflm_converters.graph import Activation
from tflm_mcunet.quantization_aware import aware, train
from tflm_mcunet.quantize import quantize

CLASSES = 3


def network(*, softmax: bool = False) -> tf_keras.Model:
    """Without batch normalizations, as where they are folded."""
    tf_keras.utils.set_random_seed(0)
    layers = tf_keras.layers
    source = layers.Input((8, 8, 1))
    x = layers.ReLU(6.0, name="first_relu")(layers.Conv2D(8, 3, name="first")(source))
    x = layers.ReLU(6.0, name="middle_relu")(layers.DepthwiseConv2D(3, name="middle")(x))
    x = layers.Conv2D(8, 1, name="last")(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.ReLU(name="hidden_relu")(layers.Dense(16, name="hidden")(x))
    x = layers.Dense(CLASSES, "softmax" if softmax else None, name="answer")(x)
    return tf_keras.Model(source, x)


def examples(count: int = 64) -> tuple[np.ndarray, np.ndarray]:
    """Images as bright as their class."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, count)
    images = rng.normal(0, 0.2, (count, 8, 8, 1)) + labels[:, None, None, None]
    return images.astype(np.float32), labels


def variables(layer: Any) -> dict[str, np.ndarray]:
    return {v.name.split("/")[-1].split(":")[0]: v.numpy() for v in layer.weights}


def test_weights_before_a_relu_are_rounded() -> None:
    """For each channel of a convolution; of a depthwise one tfmot knows no channels."""
    made = aware(network(), [examples()[0]])
    scales = {
        name: variables(made.get_layer(f"quant_{name}")).get("kernel_max", np.zeros(0)).size
        for name in ("first", "middle", "last", "hidden", "answer")
    }
    assert scales == {"first": 8, "middle": 0, "last": 8, "hidden": 1, "answer": 1}


def test_they_are_rounded_to_the_steps_of_each_channel() -> None:
    model, images = network(), examples()[0]
    weights, bias = model.get_layer("first").get_weights()
    step = np.abs(weights).max(axis=(0, 1, 2)) / 127
    got = aware(model, [images]).get_layer("quant_first")(images, training=True)
    assert np.abs(got - model.get_layer("first")(images)).max() > 1e-4
    model.get_layer("first").set_weights([np.rint(weights / step) * step, bias])
    np.testing.assert_allclose(got, model.get_layer("first")(images), atol=1e-5)


def test_ranges_begin_at_what_is_observed() -> None:
    model, images = network(), examples()[0]
    observed = tf_keras.Model(model.inputs, model.get_layer("last").output)(images).numpy()
    made = aware(model, [images[:32], images[32:]])
    last = variables(made.get_layer("quant_last"))
    np.testing.assert_allclose(last["post_activation_min"], observed.min(), rtol=1e-5)
    np.testing.assert_allclose(last["post_activation_max"], observed.max(), rtol=1e-5)
    assert variables(made.get_layer("quant_first_relu"))["output_min"] == 0


def test_a_relu_uses_all_of_int8_after_a_short_training() -> None:
    """With tfmot's ranges a fourth of it would stand for numbers below zero."""
    images, labels = examples()
    data = tf.data.Dataset.from_tensor_slices((images, labels)).batch(32)
    graph = reader.read_bytes(
        quantize(network(), [images], qat=data, epochs=2, progress=False), name="aware"
    )
    relus = [
        graph.tensors[op.output].quantization
        for op in graph.ops
        if getattr(op.attributes, "activation", Activation.NONE) is not Activation.NONE
    ]
    assert [relu.zero_point for relu in relus if relu] == [-128] * 3


@pytest.mark.parametrize("softmax", [False, True])
@pytest.mark.parametrize("kind", ["numbers", "probabilities", "of an epoch"])
def test_labels_of_all_kinds_are_learned(kind: str, softmax: bool) -> None:
    images, labels = examples()
    learned = np.eye(CLASSES, dtype=np.float32)[labels] if kind == "probabilities" else labels
    data = tf.data.Dataset.from_tensor_slices((images, learned)).batch(16)
    asked: list[int] = []

    def of_epoch(number: int) -> tf.data.Dataset:
        asked.append(number)
        return data

    model = network(softmax=softmax)
    loss = tf_keras.losses.CategoricalCrossentropy(from_logits=not softmax, label_smoothing=0.3)
    model.compile(tf_keras.optimizers.Adam(0.01), loss)
    wrong = np.eye(CLASSES)[(labels + 1) % CLASSES]
    model.fit(images, wrong, batch_size=16, epochs=15, verbose=0)
    made = aware(model, [images])
    assert right(model, images, labels) < 0.1
    given = of_epoch if kind == "of an epoch" else data
    train(made, given, epochs=40, learning_rate=0.01, progress=False)
    assert right(made, images, labels) > 0.9
    assert not asked or asked == [0, *range(40)]


def right(model: tf_keras.Model, images: np.ndarray, labels: np.ndarray) -> float:
    return float((model(images).numpy().argmax(axis=1) == labels).mean())


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((16, 1), np.int64), r"got int64 \(None, 1\)"),
        (np.zeros(16, np.float32), r"probabilities \(batch, 3\), got float32 \(None,\)"),
        (np.zeros((16, 2), np.float32), r"got float32 \(None, 2\)"),
    ],
)
def test_other_labels_are_refused(labels: np.ndarray, message: str) -> None:
    data = tf.data.Dataset.from_tensor_slices((examples(16)[0], labels)).batch(8)
    with pytest.raises(DataError, match=message):
        train(network(), data, epochs=1, learning_rate=0.1, progress=False)


def test_data_without_an_end_are_refused() -> None:
    data = tf.data.Dataset.from_tensor_slices(examples(16)).batch(8).repeat()
    with pytest.raises(DataError, match="got an infinite one"):
        train(network(), data, epochs=1, learning_rate=0.1, progress=False)
