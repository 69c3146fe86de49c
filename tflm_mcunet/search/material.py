# SPDX-License-Identifier: Apache-2.0
"""What a search trains and judges networks with, made of a data set."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tflm_converters.errors import DataError
from tflm_mcunet import tasks
from tflm_mcunet.audio import LogMel, LogMelConfig
from tflm_mcunet.search.architecture import Size

CALIBRATION_IMAGES = 512
"""Of the training data, for the batch normalizations of each candidate."""

_CROP_MARGIN = 1.15
"""Images are kept larger than networks see them, for crops."""

_EVALUATION_BATCH = 128

Batches = list[tuple[np.ndarray, np.ndarray]]
"""Float32 inputs and int32 labels, batch by batch."""


@dataclasses.dataclass(frozen=True, eq=False)
class Material:
    """Batches of one task.

    `train` takes the number of the epoch and the size (rows, columns) of the input and returns
    augmented batches as a tf.data.Dataset; `evaluation` takes the name of a split and a size.
    Both depend on their arguments and the seed alone.
    """

    classes: tuple[str, ...]
    train: Callable[[int, Size], Any]
    evaluation: Callable[[str, Size], Batches]
    splits: dict[str, int]


def count_classes(data: str | Path, name: str, words: Sequence[str] | None) -> int:
    """How many classes the data of a task have; arguments and errors as for `keywords`.

    Of images only thumbnails are made: stage one chooses the resolution, and needs this number.
    """
    return len(tasks.load(data, name, resolution=1, keywords=words).classes)


def images(
    data: str | Path,
    *,
    resolution: int,
    batch_size: int,
    seed: int,
    augmentation: tasks.ImageAugmentation = tasks.ImageAugmentation(),  # noqa: B008 - immutable
    excluded: Collection[int] = (),
) -> Material:
    """Images in folders, or a set with tables; see `tasks.load`.

    Args:
        data: the folder.
        resolution: the largest side of a network's input.
        batch_size: of training.
        seed: of order and augmentation.
        augmentation: of training images.
        excluded: as `tasks.load` has it.

    Raises:
        DataError: the folder holds no images to train and to validate with.
    """
    loaded = tasks.load(data, "vww", resolution=round(resolution * _CROP_MARGIN), excluded=excluded)
    _require_splits(loaded, data)

    def train(epoch: int, size: Size) -> Any:
        return tasks.image_dataset(
            loaded.train,
            size=size,
            sampling=_sampling(epoch, batch_size, seed, loaded.train),
            augmentation=augmentation,
        )

    def evaluation(split: str, size: Size) -> Batches:
        chosen = _chosen(loaded, split, seed)
        return _read(tasks.image_dataset(chosen, size=size, sampling=_IN_ORDER))

    return Material(loaded.classes, train, evaluation, _sizes(loaded))


def keywords(
    data: str | Path,
    name: str,
    *,
    front_end: LogMelConfig,
    batch_size: int,
    seed: int,
    words: Sequence[str] | None = None,
) -> Material:
    """Clips of words in folders, or a set with tables; see `tasks.load`.

    Arguments and errors as for `images`; `name` is that of the task, `front_end` makes features
    of clips, and of a folder of clips `words` are to be told apart, by default all.
    """
    loaded = tasks.load(data, name, rate=front_end.rate, keywords=words)
    _require_splits(loaded, data)
    return of_clips(loaded, front_end=front_end, batch_size=batch_size, seed=seed)


def of_clips(
    loaded: tasks.Dataset,
    *,
    front_end: LogMelConfig,
    batch_size: int,
    seed: int,
    class_shares: tuple[float, ...] | None = None,
) -> Material:
    """As `keywords`, of clips that are loaded; `class_shares` as `tasks.Sampling` has them."""
    features = LogMel(front_end)

    def train(epoch: int, size: Size) -> Any:
        return tasks.keyword_dataset(
            loaded.train,
            front_end=features,
            sampling=dataclasses.replace(
                _sampling(epoch, batch_size, seed, loaded.train), class_shares=class_shares
            ),
            augmentation=tasks.AudioAugmentation(),
            noise=loaded.noise.get("train", ()),
        )

    def evaluation(split: str, size: Size) -> Batches:
        chosen = _chosen(loaded, split, seed)
        return _read(tasks.keyword_dataset(chosen, front_end=features, sampling=_IN_ORDER))

    return Material(loaded.classes, train, evaluation, _sizes(loaded))


_IN_ORDER = tasks.Sampling(batch_size=_EVALUATION_BATCH, shuffle=False)


def _sampling(epoch: int, batch_size: int, seed: int, examples: tasks.Examples) -> tasks.Sampling:
    return tasks.Sampling(
        batch_size=min(batch_size, len(examples)),
        # Evenly by class, and gently by source: a model must not learn to tell sources apart.
        source_power=0.5,
        drop_remainder=True,
        seed=seed,
        first_epoch=epoch,
    )


def _chosen(loaded: tasks.Dataset, split: str, seed: int) -> tasks.Examples:
    if split != "calibration":
        return loaded.splits[split]
    order = np.random.default_rng(seed).permutation(len(loaded.train))
    return loaded.train.take(order[:CALIBRATION_IMAGES])


def _read(dataset: Any) -> Batches:
    return [(inputs.numpy(), labels.numpy()) for inputs, labels in dataset]


def _sizes(loaded: tasks.Dataset) -> dict[str, int]:
    return {name: len(examples) for name, examples in loaded.splits.items()}


def _require_splits(loaded: tasks.Dataset, data: str | Path) -> None:
    for name in ("train", "val"):
        if not len(loaded.splits[name]):
            raise DataError(
                f"'{data}' has no examples in its split '{name}': a search trains on one part and "
                "compares networks on another; more examples of each class are needed"
            )
