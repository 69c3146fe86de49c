# SPDX-License-Identifier: Apache-2.0
"""Training data, epoch by epoch, in an order that a resumed run repeats."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from tflm_converters.errors import DataError

Data = Any
"""Batches of an epoch: a tf.data.Dataset, or a function from the epoch's number to one."""

_PREFETCHED = 2


def shuffled(
    images: np.ndarray, labels: np.ndarray, *, batch_size: int, seed: int = 0
) -> Callable[[int], tf.data.Dataset]:
    """Arrays in memory, in another order each epoch.

    Args:
        images: (samples, rows, columns, channels); batches are float32.
        labels: integers, (samples,).
        batch_size: of all batches; what remains of an epoch is left out.
        seed: with the epoch's number, decides the order.

    Raises:
        DataError: there is not one whole batch, or a label for each image.
    """
    if not len(images) == len(labels) >= batch_size:
        raise DataError(
            f"expected at least {batch_size} images, a batch, and a label for each; got "
            f"{len(images)} images and {len(labels)} labels"
        )
    steps = len(images) // batch_size
    signature = (
        tf.TensorSpec((batch_size, *images.shape[1:]), tf.float32),
        tf.TensorSpec((batch_size,), tf.int32),
    )

    def batches(epoch: int) -> tf.data.Dataset:
        def generate() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            order = np.random.default_rng([seed, epoch]).permutation(len(images))
            for chosen in order[: steps * batch_size].reshape(steps, batch_size):
                yield images[chosen].astype(np.float32), labels[chosen].astype(np.int32)

        dataset = tf.data.Dataset.from_generator(generate, output_signature=signature)
        return dataset.apply(tf.data.experimental.assert_cardinality(steps)).prefetch(_PREFETCHED)

    return batches


def targets(labels: Any, classes: int, *, smoothing: float) -> Any:
    """What a batch is to be answered with.

    Args:
        labels: integers, (batch,), or probabilities of all classes, (batch, classes), which stay
            as they are.
        classes: how many there are.
        smoothing: share of each integer label that is spread over all classes.

    Returns:
        float32 (batch, classes).
    """
    if labels.dtype.is_floating:
        return tf.ensure_shape(labels, [None, classes])
    spread = smoothing / classes
    return tf.one_hot(labels, classes, 1.0 - smoothing + spread, spread)


def of_epoch(data: Data, epoch: int, *, replicas: int = 1) -> tf.data.Dataset:
    """The batches of an epoch.

    Raises:
        DataError: nobody knows how many there are, or `replicas` cannot share a batch.
    """
    dataset = data(epoch) if callable(data) else data
    steps = int(dataset.cardinality())
    if steps < 1:
        raise DataError(
            "expected a dataset of a known, finite number of batches, got "
            f"{_CARDINALITIES.get(steps, 'an empty one')}; dataset.take(n) ends it, "
            "tf.data.experimental.assert_cardinality(n) states the number"
        )
    size = tf.nest.flatten(dataset.element_spec)[0].shape[0]
    if replicas > 1 and (size is None or size % replicas):
        raise DataError(
            f"{replicas} replicas cannot share batches of {size or 'varying'} images evenly; "
            f"make it a multiple of {replicas}, with batch(..., drop_remainder=True)"
        )
    return dataset


_CARDINALITIES = {
    int(tf.data.INFINITE_CARDINALITY): "an infinite one",
    int(tf.data.UNKNOWN_CARDINALITY): "one of unknown length",
}
