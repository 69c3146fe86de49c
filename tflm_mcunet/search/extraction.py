# SPDX-License-Identifier: Apache-2.0
"""Sub-networks of a trained supernet: their statistics, accuracy, and Keras models of their own."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
import tf_keras

from tflm_mcunet.search import keras_model
from tflm_mcunet.search.architecture import Architecture, ArchitectureError
from tflm_mcunet.search.elastic import BatchNorm, Convolution, Depthwise
from tflm_mcunet.search.supernet import ElasticBlock, Supernet

CALIBRATION_BATCHES = 20
"""As in MCUNetV2 (arXiv 2110.15352, appendix B), whose batches have 64 images."""

Batches = Iterable[tuple[Any, Any]]
"""Float32 images and integer labels, batch by batch, such as a tf.data.Dataset."""


def calibrate(
    supernet: Supernet,
    architecture: Architecture,
    calibration: Batches,
    *,
    batches: int = CALIBRATION_BATCHES,
) -> np.ndarray:
    """Means and variances of a sub-network's batch normalizations.

    The statistics that training has seen are those of many networks; each has its own.

    Args:
        supernet: whose weights the network uses.
        architecture: the network.
        calibration: of which the images are used. Any number of batches.
        batches: how many to use at most.

    Returns:
        The mean over the batches, float32, (2, supernet.statistics_size).

    Raises:
        ArchitectureError: the network is not in the supernet's space, or there are no batches.
    """
    choices = supernet.choices(architecture)
    seen = [
        supernet.observe(images, choices).numpy()
        for images, _ in itertools.islice(calibration, batches)
    ]
    if not seen:
        raise ArchitectureError("calibration needs at least one batch of images, got none")
    return np.mean(seen, axis=0)


def accuracy(
    supernet: Supernet, architecture: Architecture, statistics: np.ndarray, validation: Batches
) -> float:
    """The share of images whose greatest logit is their label's, 0 to 1.

    Raises:
        ArchitectureError: the network is not in the supernet's space, or there are no images.
    """
    choices = supernet.choices(architecture)
    right = [
        supernet.predict(images, choices, statistics).numpy().argmax(axis=1) == np.asarray(labels)
        for images, labels in validation
    ]
    if not right:
        raise ArchitectureError("validation needs at least one batch of images, got none")
    return float(np.concatenate(right).mean())


def evaluate(
    supernet: Supernet,
    architecture: Architecture,
    calibration: Batches,
    validation: Batches,
    *,
    batches: int = CALIBRATION_BATCHES,
) -> float:
    """The accuracy of a sub-network with statistics of its own.

    Arguments and errors are those of `calibrate` and `accuracy`. Data that serves many networks
    is best read once, such as with `list(dataset)`.
    """
    statistics = calibrate(supernet, architecture, calibration, batches=batches)
    return accuracy(supernet, architecture, statistics, validation)


def extract(
    supernet: Supernet, architecture: Architecture, statistics: np.ndarray
) -> tf_keras.Model:
    """A sub-network as a Keras model of its own, with a copy of its weights.

    Args:
        supernet: whose weights are copied.
        architecture: the network.
        statistics: from `calibrate`.

    Returns:
        A model as `keras_model.build` makes it, with the outputs of the sub-network.

    Raises:
        ArchitectureError: the network is not in the supernet's space.
    """
    _, rows = supernet.choices(architecture)
    model = keras_model.build(architecture)
    copy = _Copy(model, statistics)
    copy.convolution(supernet.stem, "stem")
    present = [pair for pair in zip(supernet.blocks, rows, strict=True) if pair[1][0]]
    named = keras_model.named_blocks(architecture)
    for (name, _), (block, (_, kernel, _, _)) in zip(named, present, strict=True):
        copy.block(block, int(kernel), name)
    if supernet.head is not None:
        copy.convolution(supernet.head, "head")
    dense = model.get_layer("logits")
    dense.set_weights([supernet.kernel.numpy()[: dense.kernel.shape[0]], supernet.bias.numpy()])
    return model


class _Copy:
    """Copies slices of a supernet's weights into the layers of a Keras model."""

    def __init__(self, model: tf_keras.Model, statistics: np.ndarray) -> None:
        self._model = model
        self._statistics = statistics

    def block(self, block: ElasticBlock, kernel: int, name: str) -> None:
        if block.expand is not None:
            self.convolution(block.expand, f"{name}_expand")
        self.depthwise(block.depthwise, kernel, f"{name}_depthwise")
        self.convolution(block.project, f"{name}_project")

    def convolution(self, source: Convolution, name: str) -> None:
        layer = self._model.get_layer(name)
        inputs, outputs = layer.kernel.shape[2:]
        layer.set_weights([source.kernel_of(inputs, outputs).numpy()])
        self._norm(source.norm, name)

    def depthwise(self, source: Depthwise, kernel: int, name: str) -> None:
        layer = self._model.get_layer(name)
        channels = layer.depthwise_kernel.shape[2]
        layer.set_weights([source.kernel_of(kernel, channels).numpy()])
        self._norm(source.norm, name)

    def _norm(self, source: BatchNorm, name: str) -> None:
        layer = self._model.get_layer(f"{name}_bn")
        (channels,) = layer.gamma.shape
        mean, variance = self._statistics[:, source.span][:, :channels]
        gamma, beta = source.gamma.numpy()[:channels], source.beta.numpy()[:channels]
        layer.set_weights([gamma, beta, mean, variance])
