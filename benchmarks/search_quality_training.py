# SPDX-License-Identifier: Apache-2.0
"""Networks trained by themselves, all with the same data, epochs and augmentation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from benchmarks import search_quality_networks as networks
from benchmarks.results import Json
from tflm_mcunet import quantization_report
from tflm_mcunet.quantize import quantize
from tflm_mcunet.search import tuning
from tflm_mcunet.search.architecture import Size
from tflm_mcunet.search.material import Batches, Material

Predict = Callable[[np.ndarray], np.ndarray]
"""Logits of a batch of inputs."""

_STEP = 7
"""Epochs between the first ones of two seeds."""


class Epochs:
    """Augmented epochs, which all networks see: made once, where they fit into memory.

    To make the features of clips takes as long as to train a small network with them.
    """

    def __init__(self, made: Material, size: Size, *, keeps: bool) -> None:
        self.made, self._size, self._keeps = made, size, keeps
        self._known: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def of_seed(self, seed: int, epochs: int) -> Callable[[int], tf.data.Dataset]:
        """The first `epochs` ones, in an order that begins elsewhere for each seed."""
        return lambda epoch: self._epoch((epoch + _STEP * seed) % epochs)

    def _epoch(self, number: int) -> tf.data.Dataset:
        dataset = self.made.train(number, self._size)
        if not self._keeps:
            return dataset
        if number not in self._known:
            batches = [(inputs.numpy(), labels.numpy()) for inputs, labels in dataset]
            inputs, labels = (np.stack(part) for part in zip(*batches, strict=True))
            self._known[number] = inputs.astype(np.float16), labels  # int8 / 128: exact
        kept = tf.data.Dataset.from_tensor_slices(self._known[number])
        return kept.map(lambda inputs, labels: (tf.cast(inputs, tf.float32), labels))


def trained(
    build: Callable[[], tf_keras.Model],
    epochs: Epochs,
    *,
    count: int,
    seed: int,
    folder: Path,
    learning_rate: float,
) -> tf_keras.Model:
    """A network after `count` epochs; goes on from its last whole one."""
    tf_keras.utils.set_random_seed(seed)
    model = build()
    size, seen = model.input_shape[1:3], epochs.of_seed(seed, count)

    def data(epoch: int) -> tf.data.Dataset:
        return seen(epoch).map(lambda inputs, labels: (_shrunk(inputs, size), labels))

    tuning.fine_tune(model, data, epochs=count, learning_rate=learning_rate, directory=folder)
    return model


def judged(model: tf_keras.Model, made: Material, size: Size) -> Json:
    """Which validation and test examples are answered rightly, in int8, too, and the cost."""
    predict = predictor(model)
    calibration = [inputs for inputs, _ in made.evaluation("calibration", size)]
    int8 = quantize(model, calibration, progress=False)
    test = made.evaluation("test", size)
    found = networks.cost(int8)
    return {
        "val": digits([made.evaluation("val", size)], predict),
        "test": digits([test], predict),
        "test_int8": digits([test], lambda inputs: quantization_report.predict(int8, inputs)),
        "sram_bytes": found.sram_bytes,
        "flash_bytes": found.flash_bytes,
        "macs": found.macs,
        "parameters": model.count_params(),
    }


def predictor(model: tf_keras.Model) -> Predict:
    """The model's logits."""
    size = model.input_shape[1:3]
    return lambda inputs: np.asarray(model(_shrunk(inputs, size), training=False))


def _shrunk(inputs: Any, size: Size) -> Any:
    """To a network's own resolution, as a supernet does it."""
    return inputs if tuple(inputs.shape[1:3]) == size else tf.image.resize(inputs, size)


def digits(views: list[Batches] | tuple[Batches, ...], predict: Predict) -> str:
    """For each example a digit: in how many of the views it is answered rightly."""
    right: Any = 0
    for view in views:
        answers = [predict(inputs).argmax(axis=1) == labels for inputs, labels in view]
        right = right + np.concatenate(answers).astype(int)
    return "".join(map(str, right.tolist()))
