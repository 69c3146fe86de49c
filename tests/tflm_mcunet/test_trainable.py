# SPDX-License-Identifier: Apache-2.0
"""Int8 files become the float networks that they stand for, and these can be trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tests.network_builder import NetworkBuilder
from tflm_converters import reader, writer
from tflm_converters.errors import ModelFileError, UnsupportedModelError
from tflm_converters.graph import Activation, Kind
from tflm_mcunet.quantization_report import predict
from tflm_mcunet.quantize import quantize
from tflm_mcunet.trainable import trainable


def convolutions(builder: NetworkBuilder, x: int) -> int:
    """Both ways to pad, with strides, dilation, activations, and without a bias."""
    x = builder.conv(x, 6, kernel=3, stride=2, activation=Activation.RELU6)
    x = builder.conv(x, 5, kernel=(3, 1), padding="VALID", activation=Activation.RELU, bias=False)
    return builder.conv(x, 4, kernel=3, dilation=2)


def depthwise(builder: NetworkBuilder, x: int) -> int:
    x = builder.depthwise(x, kernel=5, stride=2, activation=Activation.RELU6)
    return builder.depthwise(x, kernel=3, multiplier=2)


def residual(builder: NetworkBuilder, x: int) -> int:
    y = builder.inverted_residual(x, builder.channels(x), expansion=2)
    return builder.add(y, x, activation=Activation.RELU)


def pools(builder: NetworkBuilder, x: int) -> int:
    x = builder.average_pool(x, kernel=2, stride=2)
    return builder.max_pool(x, kernel=3, stride=1, padding="SAME")


def classifier(builder: NetworkBuilder, x: int) -> int:
    """As Keras writes it: global average, flattened."""
    x = builder.mean(builder.pad(x, (1, 1), (0, 1)), keep_dims=False)
    return builder.softmax(builder.fully_connected(x, 4))


def flattened(builder: NetworkBuilder, x: int) -> int:
    """As MLPerf Tiny's networks end."""
    height, width = builder.shape(x)[1:3]
    x = builder.average_pool(x, kernel=(height, width))
    x = builder.reshape(x, 1, builder.channels(x))
    return builder.fully_connected(x, 3, activation=Activation.RELU)


@pytest.mark.parametrize("build", [convolutions, depthwise, residual, pools, classifier, flattened])
def test_the_float_network_is_the_one_that_was_quantized(
    build: Callable[[NetworkBuilder, int], int],
) -> None:
    builder = NetworkBuilder(seed=1)
    x = builder.input(13, 11, 3)
    y = build(builder, x)
    model = trainable(writer.write(builder.build(y)))
    np.testing.assert_allclose(model(builder.sample(x)), builder.sample(y), rtol=1e-4, atol=1e-4)
    assert len(model.trainable_weights) == len(model.weights)


def test_shapes_that_the_file_computes_are_those_of_the_network() -> None:
    """As the converter of Keras writes a `Reshape`: with the size of the batch."""
    source = tf_keras.layers.Input((12,))
    x = tf_keras.layers.Reshape((2, 3, 2))(source)
    x = tf_keras.layers.Conv2D(2, 2, padding="same", activation="relu")(x)
    network = tf_keras.Model(source, tf_keras.layers.Flatten()(x))
    samples = np.random.default_rng(0).uniform(-1, 1, (50, 12)).astype(np.float32)
    content = quantize(network, [samples])
    kinds = {op.kind for op in reader.read_bytes(content, name="model").ops}
    assert Kind.PASS_THROUGH in kinds  # of shapes
    np.testing.assert_allclose(trainable(content)(samples), network(samples), atol=0.05)


def test_training_goes_on_and_ends_in_int8(tmp_path: Path) -> None:
    """A network of random weights learns which half of an image is bright."""
    builder = NetworkBuilder(seed=3)
    x = builder.conv(builder.input(8, 8, 1), 8, kernel=3, stride=2, activation=Activation.RELU6)
    x = builder.depthwise(x, kernel=3, activation=Activation.RELU6)
    x = builder.mean(builder.conv(x, 8, kernel=3, activation=Activation.RELU6), keep_dims=False)
    path = tmp_path / "random.tflite"
    path.write_bytes(writer.write(builder.build(builder.softmax(builder.fully_connected(x, 2)))))

    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 128)
    images = rng.normal(0, 0.1, (128, 8, 8, 1)).astype(np.float32)
    images[labels == 1, :, :4] += 1
    images[labels == 0, :, 4:] += 1
    data = tf.data.Dataset.from_tensor_slices((images, labels)).batch(16)
    tf_keras.utils.set_random_seed(0)
    aware = quantize(
        trainable(path), [images], qat=data, epochs=20, learning_rate=0.02, progress=False
    )
    assert (predict(path.read_bytes(), images).argmax(1) == labels).mean() < 0.8
    assert (predict(aware, images).argmax(1) == labels).mean() > 0.95


def test_what_cannot_be_rebuilt_is_named() -> None:
    builder = NetworkBuilder()
    builder.hard_swish(builder.conv(builder.input(4, 4, 2), 2))
    with pytest.raises(UnsupportedModelError, match="operator 1 HARD_SWISH .* cannot be trained"):
        trainable(writer.write(builder.build()))


def test_an_activation_that_keras_has_not_is_refused() -> None:
    builder = NetworkBuilder()
    builder.conv(builder.input(4, 4, 2), 2, activation=Activation.RELU_N1_TO_1)
    with pytest.raises(UnsupportedModelError, match="operator 0 CONV_2D .* cannot be trained"):
        trainable(writer.write(builder.build()))


def test_padding_that_is_not_zero_is_refused() -> None:
    builder = NetworkBuilder()
    builder.pad(builder.input(4, 4, 2), (1, 1), (1, 1), value=-128)
    with pytest.raises(UnsupportedModelError, match="operator 0 PAD"):
        trainable(writer.write(builder.build()))


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError):
        trainable(b"no model")
    with pytest.raises(ModelFileError):
        trainable(tmp_path / "missing.tflite")
