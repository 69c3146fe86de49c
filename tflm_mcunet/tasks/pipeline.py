# SPDX-License-Identifier: Apache-2.0
"""Batches for training as `tf.data` datasets: float32 in [-1, 1) and int32 labels.

Each pass over a dataset is the next epoch. All of it follows from the seed: epoch, order and
augmentation are the same however many threads there are.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tflm_mcunet.audio import LogMel
from tflm_mcunet.tasks.audio_augmentation import AudioAugmentation, augmented_clip, masked
from tflm_mcunet.tasks.dataset import Examples
from tflm_mcunet.tasks.image_augmentation import ImageAugmentation, augmented
from tflm_mcunet.tasks.sampling import Sampling

_LEVELS = 128.0
Batch = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def image_dataset(
    examples: Examples,
    *,
    size: tuple[int, int],
    sampling: Sampling = Sampling(),  # noqa: B008 - immutable
    augmentation: ImageAugmentation | None = None,
) -> Any:
    """Images as (pixel - 128) / 128: float32 (batch, *size, channels).

    Args:
        examples: uint8 (n, height, width, channels).
        size: height and width for the model.
        sampling: how epochs are made.
        augmentation: none for evaluation, where images of another size are resized.
    """
    import tensorflow as tf

    def finished(images: Any, labels: Any, seed: Any) -> tuple[Any, Any]:
        if augmentation is not None:
            return augmented(images, seed, size, augmentation), labels
        if tuple(examples.data.shape[1:3]) != size:
            images = tf.round(tf.image.resize(images, size, antialias=True))
        return tf.cast(images, tf.float32) / _LEVELS - 1.0, labels

    shape, dtype = examples.data.shape[1:], examples.data.dtype
    batches = _dataset(tf, examples, sampling, _as_they_are(examples), shape, dtype)
    return batches.map(finished, tf.data.AUTOTUNE).prefetch(2)


def keyword_dataset(
    examples: Examples,
    *,
    front_end: LogMel,
    sampling: Sampling = Sampling(),  # noqa: B008 - immutable
    augmentation: AudioAugmentation | None = None,
    noise: Sequence[np.ndarray] = (),
) -> Any:
    """Features of clips as real values: float32 (batch, frames, bins, 1).

    Without augmentation `feature_dataset` of mapped examples saves computing them again.

    Args:
        examples: int16 (n, samples).
        front_end: makes the features.
        sampling: how epochs are made.
        augmentation: none for evaluation.
        noise: int16 recordings for the augmentation, such as a data set's noise["train"].
    """
    import tensorflow as tf

    config, samples = front_end.config, examples.data.shape[1]
    long_enough = [recording for recording in noise if len(recording) >= samples]

    def features(position: int, rng: np.random.Generator) -> np.ndarray:
        pcm = examples.data[examples.rows[position]]
        if augmentation is None:
            return front_end.features(pcm)
        clip = augmented_clip(pcm, long_enough, augmentation, rng, rate=config.rate)
        return masked(front_end.features(clip), augmentation, rng)

    def batch(positions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return np.stack([features(int(position), rng) for position in positions])[..., None]

    shape = (config.frames(samples), config.bins, 1)
    batches = _dataset(tf, examples, sampling, batch, shape, np.dtype(np.int8))
    return batches.map(_real(tf, config.scale, config.zero_point)).prefetch(2)


def feature_dataset(
    examples: Examples,
    *,
    scale: float = 1 / 128,
    zero_point: int = 0,
    sampling: Sampling = Sampling(),  # noqa: B008 - immutable
) -> Any:
    """Features that are there already, int8 (n, ...), as real values: float32 (batch, ...)."""
    import tensorflow as tf

    shape, dtype = examples.data.shape[1:], examples.data.dtype
    batches = _dataset(tf, examples, sampling, _as_they_are(examples), shape, dtype)
    return batches.map(_real(tf, scale, zero_point)).prefetch(2)


def _as_they_are(examples: Examples) -> Batch:
    return lambda positions, _: np.asarray(examples.data[examples.rows[positions]])


def _real(tf: Any, scale: float, zero_point: int) -> Callable[..., tuple[Any, Any]]:
    def real(features: Any, labels: Any, _: Any) -> tuple[Any, Any]:
        return (tf.cast(features, tf.float32) - float(zero_point)) * scale, labels

    return real


def _dataset(
    tf: Any,
    examples: Examples,
    sampling: Sampling,
    batch: Batch,
    shape: tuple[int, ...],
    dtype: np.dtype,
) -> Any:
    """Batches of arrays, labels, and a seed for what is random in TensorFlow."""
    epochs = itertools.count(sampling.first_epoch)

    def epoch() -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        number = next(epochs)
        for index, positions in enumerate(sampling.epoch(examples, number)):
            rng = np.random.default_rng((sampling.seed, number, index))
            seed = rng.integers(0, 2**31, 2, np.int32)
            yield batch(positions, rng), examples.y[positions], seed

    signature = (
        tf.TensorSpec((None, *shape), dtype),
        tf.TensorSpec((None,), tf.int32),
        tf.TensorSpec((2,), tf.int32),
    )
    made = tf.data.Dataset.from_generator(epoch, output_signature=signature)
    return made.apply(tf.data.experimental.assert_cardinality(sampling.batches(len(examples))))
