# SPDX-License-Identifier: Apache-2.0
"""Another order each epoch, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from tflm_converters.errors import DataError
from tflm_mcunet.search.batches import of_epoch, shuffled

IMAGES, LABELS = np.arange(10, dtype=np.uint8).reshape(10, 1, 1, 1), np.arange(10)


def order(seed: int, epoch: int) -> list[int]:
    dataset = of_epoch(shuffled(IMAGES, LABELS, batch_size=4, seed=seed), epoch)
    batches = list(dataset.as_numpy_iterator())
    assert len(batches) == int(dataset.cardinality()) == 2
    for images, labels in batches:
        assert images.dtype == np.float32
        assert np.array_equal(images.ravel(), labels)
    return [int(label) for _, labels in batches for label in labels]


def test_epoch_and_seed_decide_the_order() -> None:
    assert order(0, 0) == order(0, 0)
    assert order(0, 0) != order(0, 1)
    assert order(0, 0) != order(1, 0)
    assert len(set(order(0, 0))) == 8


def test_a_dataset_serves_all_epochs() -> None:
    dataset = tf.data.Dataset.from_tensor_slices((IMAGES, LABELS)).batch(5)
    assert of_epoch(dataset, 7) is dataset


@pytest.mark.parametrize(
    ("dataset", "replicas", "message"),
    [
        (tf.data.Dataset.range(8).batch(2).repeat(), 1, "got an infinite one"),
        (tf.data.Dataset.range(8).filter(lambda i: i > 2), 1, "got one of unknown length"),
        (tf.data.Dataset.range(0), 1, "got an empty one"),
        (tf.data.Dataset.range(8).batch(3), 2, "2 replicas cannot share batches of varying"),
        (tf.data.Dataset.range(9).batch(3, True), 2, "2 replicas cannot share batches of 3"),
    ],
)
def test_refuses_batches_that_cannot_be_counted(
    dataset: tf.data.Dataset, replicas: int, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        of_epoch(dataset, 0, replicas=replicas)


def test_refuses_fewer_images_than_a_batch() -> None:
    with pytest.raises(DataError, match="at least 16 images, .*; got 10 images and 10 labels"):
        shuffled(IMAGES, LABELS, batch_size=16)
