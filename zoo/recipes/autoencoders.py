# SPDX-License-Identifier: Apache-2.0
"""Auto-encoders for anomalies: small architectures, and how they are trained and quantized.

Trained on normal data alone. Besides the reconstruction, the variance of its error is learned for
each feature: the loss is the likelihood of normal distributions. In the score, a difference counts
the more, the less it varies in normal data.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from tf_keras import layers
from tqdm import tqdm

from tflm_mcunet.quantize import quantize
from tflm_mcunet.trainable import trainable

AWARE_EPOCHS, AWARE_RATE = 20, 3e-4
"""Of training aware of quantization."""

_FIRST_LOG_VARIANCE = -2.0
_GREATEST_WEIGHT = 255


@dataclasses.dataclass(frozen=True, kw_only=True)
class Training:
    """How an auto-encoder is trained.

    Attributes:
        epochs: passes over the data.
        batch: examples of a step.
        learning_rate: of Adam, from which it falls as a cosine.
        noise: added to inputs, not to targets (denoising auto-encoder), in standard deviations of
            the reconstruction's error.
        learns_variances: False for the mean squared error, where all features count alike.
        seed: of weights, order and noise.
    """

    epochs: int = 200
    batch: int = 64
    learning_rate: float = 2e-3
    noise: float = 0.0
    learns_variances: bool = True
    seed: int = 1


def dense(length: int, *, hidden: int = 64, code: int = 8) -> tf_keras.Model:
    """length, hidden, code, hidden, length.

    Returns:
        float32 (batch, length) to its reconstruction (batch, length).
    """
    source = layers.Input((length,))
    x = source
    for units in (hidden, code, hidden):
        x = layers.Dense(units, activation="relu")(x)
    return tf_keras.Model(source, layers.Dense(length)(x), name="dense")


def convolutional(
    axes: int, bands: int, *, width: int = 8, channels: int = 16, hidden: int = 64, code: int = 8
) -> tf_keras.Model:
    """Convolutions over axes and groups of `width` neighbouring bands, then as `dense`.

    Returns:
        float32 (batch, axes * bands) to its reconstruction of the same shape.
    """
    source = layers.Input((axes * bands,))
    x = layers.Reshape((axes, bands // width, width))(source)
    for strides in ((1, 1), (1, 2)):
        x = layers.Conv2D(channels, 3, strides=strides, padding="same", activation="relu")(x)
    x = layers.Flatten()(x)
    for units in (code, hidden):
        x = layers.Dense(units, activation="relu")(x)
    return tf_keras.Model(source, layers.Dense(axes * bands)(x), name="convolutional")


def train(
    make: Callable[[], tf_keras.Model], features: np.ndarray, how: Training
) -> tuple[tf_keras.Model, np.ndarray]:
    """Trains a new network; with the same seed, the same numbers each time.

    Args:
        make: such as `dense`; the network takes and returns float32 (batch, length).
        features: of normal data, float32 (n, length).
        how: settings.

    Returns:
        The network, and the variance of each feature's error, float32 (length,).
    """
    tf.config.experimental.enable_op_determinism()
    tf_keras.backend.clear_session()  # names count up in a session, and are in the file
    tf_keras.utils.set_random_seed(how.seed)
    network = make()
    likelihood = _Likelihood(network, how)
    steps = how.epochs * -(-len(features) // how.batch)
    rate = tf_keras.optimizers.schedules.CosineDecay(how.learning_rate, steps)
    likelihood.compile(tf_keras.optimizers.Adam(rate))
    with tqdm(total=how.epochs, desc=f"training {network.name}", unit="epoch") as bar:
        after = tf_keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: bar.update())
        likelihood.fit(
            features, batch_size=how.batch, epochs=how.epochs, callbacks=[after], verbose=0
        )
    return network, np.exp(likelihood.log_variance.numpy())


def score_weights(variances: np.ndarray) -> tuple[int, ...]:
    """Weights of a score that are inverse to variances, from 0 to 255."""
    weights = _GREATEST_WEIGHT * variances.min() / variances
    return tuple(np.rint(weights).astype(int).tolist())


def aware(
    ptq: bytes, features: np.ndarray, variances: np.ndarray, samples: np.ndarray, how: Training
) -> bytes:
    """An auto-encoder in int8, trained on aware of quantization, by the loss that `train` has.

    Args:
        ptq: content of the `.tflite` file, quantized after training.
        features: of normal data, float32 (n, length).
        variances: of the errors, which were learned and stay.
        samples: features for the ranges of tensors.
        how: settings; epochs and learning rate are `AWARE_EPOCHS` and `AWARE_RATE`.
    """
    tf_keras.utils.set_random_seed(how.seed)

    def epoch(number: int) -> tf.data.Dataset:
        rng = np.random.default_rng([how.seed, number])
        wanted = rng.permutation(features)
        noise = how.noise * np.sqrt(variances) * rng.standard_normal(wanted.shape)
        # Within the ends of the input's range, which training would move.
        noisy = np.clip(wanted + noise, samples.min(), samples.max()).astype(np.float32)
        return tf.data.Dataset.from_tensor_slices((noisy, wanted)).batch(how.batch)

    def weighted(wanted: Any, got: Any) -> Any:
        return tf.reduce_mean(tf.square(got - wanted) / variances, axis=-1)

    return quantize(
        trainable(ptq),
        [samples],
        qat=epoch,
        loss=weighted,
        epochs=AWARE_EPOCHS,
        learning_rate=AWARE_RATE,
    )


class _Likelihood(tf_keras.Model):  # type: ignore[misc]  # tf_keras has no types
    """A network and the variances of its errors."""

    def __init__(self, network: tf_keras.Model, how: Training) -> None:
        super().__init__()
        self.network = network
        self.how = how
        self.log_variance = self.add_weight(
            "log_variance",
            network.output_shape[1:],
            initializer=tf_keras.initializers.Constant(_FIRST_LOG_VARIANCE),
            trainable=how.learns_variances,
        )

    def train_step(self, data: Any) -> dict[str, Any]:
        deviation = tf.exp(self.log_variance / 2)
        noisy = data + self.how.noise * deviation * tf.random.normal(tf.shape(data))
        with tf.GradientTape() as tape:
            error = tf.square(self.network(noisy, training=True) - data)
            loss = tf.reduce_mean(error * tf.exp(-self.log_variance) + self.log_variance)
        variables = self.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return {"loss": loss}
