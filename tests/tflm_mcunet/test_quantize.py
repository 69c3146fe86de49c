# SPDX-License-Identifier: Apache-2.0
"""Keras models become int8 files, with and without training; what cannot be is said plainly."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tflm_converters import reader
from tflm_mcunet.quantization_report import Comparison, compare, predict
from tflm_mcunet.quantize import QuantizationError, keras2, quantize
from tflm_mcunet.search.architecture import Architecture, Block
from tflm_mcunet.search.architecture import Convolution as Stem
from tflm_mcunet.search.keras_model import build

CLASSES = 3


def bars(count: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise with a bright row of pixels, whose place is the class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, count)
    images = rng.normal(0.0, 0.3, (count, 12, 12, 1)).astype(np.float32)
    for image, label in zip(images, labels, strict=True):
        image[:, 2 + 4 * label] += 2.0
    return images, labels


@pytest.fixture(scope="module")
def model() -> tf_keras.Model:
    """Trained; a spread of scales in one layer makes quantization hard."""
    stage = (Block(8, (3, 3), (2, 2), 2), Block(8, expansion=2))
    tf_keras.utils.set_random_seed(0)
    network = build(Architecture((12, 12, 1), Stem(8), (stage,), 0, CLASSES))
    loss = tf_keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(tf_keras.optimizers.Adam(0.02), loss)
    images, labels = bars(256, seed=0)
    network.fit(images, labels, batch_size=32, epochs=12, verbose=0)
    return network


@pytest.fixture(scope="module")
def after_training(model: tf_keras.Model) -> bytes:
    return quantize(model, [bars(32, seed=1)[0]])


@pytest.fixture(scope="module")
def aware(model: tf_keras.Model) -> bytes:
    data = tf.data.Dataset.from_tensor_slices(bars(64, seed=0)).batch(32)
    before = [array.copy() for array in model.get_weights()]
    content = quantize(model, [bars(32, seed=1)[0]], qat=data, epochs=1, progress=False)
    for old, new in zip(before, model.get_weights(), strict=True):
        assert np.array_equal(old, new)  # the caller's model is left alone
    return content


@pytest.mark.parametrize("kind", ["after_training", "aware"])
def test_all_of_the_file_is_int8(kind: str, request: pytest.FixtureRequest) -> None:
    graph = reader.read_bytes(request.getfixturevalue(kind), name=kind)
    assert {tensor.dtype for tensor in graph.tensors} <= {"int8", "int32"}
    assert graph.tensors[graph.inputs[0]].dtype == "int8"
    assert graph.tensors[graph.outputs[0]].dtype == "int8"


@pytest.mark.parametrize("kind", ["after_training", "aware"])
def test_int8_answers_as_float_does(
    kind: str, request: pytest.FixtureRequest, model: tf_keras.Model
) -> None:
    images, _ = bars(50, seed=2)
    got = predict(request.getfixturevalue(kind), images)
    expected = model.predict(images, verbose=0)
    assert (got.argmax(1) == expected.argmax(1)).mean() > 0.9


def test_accuracies_side_by_side(
    model: tf_keras.Model, after_training: bytes, aware: bytes
) -> None:
    comparison = compare(model, after_training, [bars(70, seed=2)], qat=aware)
    images, labels = bars(70, seed=2)
    expected = (model.predict(images, verbose=0).argmax(1) == labels).mean()
    assert comparison.float32 == pytest.approx(expected)
    assert comparison.float32 > 0.8
    assert comparison.qat is not None
    assert min(comparison.ptq, comparison.qat) > comparison.float32 - 0.1


def test_the_worst_layer_is_named(model: tf_keras.Model) -> None:
    damaged = tf_keras.models.clone_model(model)
    damaged.set_weights(model.get_weights())
    # One channel a thousand times wider takes all of the range that int8 has for the layer.
    kernel = damaged.get_layer("stage1_block1_project")
    weights = kernel.get_weights()[0]
    weights[:, :, :, 0] *= 1000
    kernel.set_weights([weights])
    comparison = compare(damaged, quantize(damaged, [bars(16, seed=1)[0]]), [bars(8, seed=2)])
    assert isinstance(comparison, Comparison)
    assert comparison.worst.name.startswith("stage1_block2_")
    sqnr = {error.name: error.sqnr_db for error in comparison.layers}
    assert sqnr["stem_relu"] > comparison.worst.sqnr_db == min(sqnr.values())


def keras3_model() -> keras.Model:
    images = keras.Input((12, 12, 1))
    x = keras.layers.Conv2D(4, 3, 2, "same", activation="relu")(images)
    y = keras.layers.BatchNormalization()(keras.layers.DepthwiseConv2D(3, padding="same")(x))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Add()([x, y]))
    return keras.Model(images, keras.layers.Dense(CLASSES)(x), name="three")


def test_keras_3_is_rebuilt() -> None:
    model = keras3_model()
    images, _ = bars(4, seed=0)
    rebuilt = keras2(model)
    assert isinstance(rebuilt, tf_keras.Model)
    np.testing.assert_allclose(rebuilt(images), model(images), atol=1e-6)


def test_keras_3_sequential_is_rebuilt() -> None:
    layers = keras.layers
    model = keras.Sequential([keras.Input((4, 4, 1)), layers.Flatten(), layers.Dense(2)])
    images = np.ones((1, 4, 4, 1), np.float32)
    np.testing.assert_allclose(keras2(model)(images), model(images), atol=1e-6)


class Subclass(tf_keras.Model):
    def call(self, x: Any) -> Any:
        return x


class Scaled(keras.layers.Layer):
    def call(self, x: Any) -> Any:
        return 2 * x


class Subclass3(keras.Model):
    def call(self, x: Any) -> Any:
        return x


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Subclass(name="mine"), r"'mine' is a subclass \(Subclass\).* functional API"),
        (lambda: Subclass3(name="mine"), "'mine' is of Keras 3 and cannot be rebuilt"),
        (
            lambda: keras.Sequential([keras.Input((2,)), Scaled()], name="custom"),
            "'custom' is of Keras 3 .*: tf_keras has no layer Scaled; build it with tf_keras",
        ),
        (lambda: 3, "expected a Keras model, got int"),
    ],
)
def test_refuses_with_our_own_words(make: Any, message: str) -> None:
    with pytest.raises(QuantizationError, match=message) as error:
        quantize(make(), [])
    assert "\n" not in str(error.value)


def test_other_models_than_classifiers_are_trained_by_their_own_loss() -> None:
    """One that is wrong by a factor learns it while it is quantized."""
    inputs = np.linspace(-1, 1, 64, dtype=np.float32)[:, None]
    source = tf_keras.Input((1,))
    model = tf_keras.Model(source, tf_keras.layers.Dense(1)(source))
    model.layers[-1].set_weights([np.ones((1, 1)), np.zeros(1)])
    data = tf.data.Dataset.from_tensor_slices((inputs, inputs / 2)).batch(8)
    options = {"qat": data, "loss": "mse", "epochs": 30, "learning_rate": 0.02}
    trained = quantize(model, [inputs], **options, progress=False)
    assert np.abs(predict(trained, inputs) - inputs / 2).max() < 0.05
    assert np.abs(predict(quantize(model, [inputs]), inputs) - inputs).max() < 0.05


def test_refuses_a_layer_that_cannot_be_trained_aware() -> None:
    images = tf_keras.Input((4, 4, 1))
    x = tf_keras.layers.Lambda(lambda x: x * 2)(images)
    model = tf_keras.Model(images, tf_keras.layers.Dense(2)(tf_keras.layers.Flatten()(x)))
    data = tf.data.Dataset.from_tensors((np.ones((1, 4, 4, 1)), np.zeros(1)))
    with pytest.raises(QuantizationError, match="aware of quantization: .*lambda"):
        quantize(model, [np.ones((1, 4, 4, 1))], qat=data)
