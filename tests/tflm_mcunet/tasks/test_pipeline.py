# SPDX-License-Identifier: Apache-2.0
"""Batches for TensorFlow: values, labels, repeatable augmentation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.tflm_mcunet.tasks.made_up import RATE, examples, tone
from tflm_mcunet import tasks
from tflm_mcunet.audio import LogMel, LogMelConfig
from tflm_mcunet.tasks import AudioAugmentation, ImageAugmentation, Sampling

pytest.importorskip("tensorflow")

IN_ORDER = Sampling(shuffle=False, batch_size=4)
STILL = ImageAugmentation(
    area=(1, 1), aspect=1, flip=False, brightness=0, contrast=0, saturation=0, cutout=0
)


def photos(count: int = 10, side: int = 16) -> tasks.Examples:
    rng = np.random.default_rng(0)
    return examples(rng.integers(0, 256, (count, side, side, 3), np.uint8), range(count))


def arrays(dataset: Any) -> tuple[np.ndarray, np.ndarray]:
    x, y = zip(*((x.numpy(), y.numpy()) for x, y in dataset), strict=True)
    return np.concatenate(x), np.concatenate(y)


def test_images_are_as_the_device_sees_them() -> None:
    every = photos()
    dataset = tasks.image_dataset(every, size=(16, 16), sampling=IN_ORDER)
    assert dataset.cardinality() == 3
    x, y = arrays(dataset)
    assert x.dtype == np.float32 and y.tolist() == list(range(10))
    assert np.array_equal(x * 128, every.x.astype(np.float32) - 128)


def test_images_of_another_size_are_resized() -> None:
    x, _ = arrays(tasks.image_dataset(photos(), size=(8, 12), sampling=IN_ORDER))
    assert x.shape == (10, 8, 12, 3)
    assert np.array_equal(x * 128, np.rint(x * 128))


def test_augmentation_without_ranges_changes_nothing() -> None:
    every = photos()
    x, _ = arrays(tasks.image_dataset(every, size=(16, 16), sampling=IN_ORDER, augmentation=STILL))
    assert np.allclose(x * 128 + 128, every.x, atol=1e-3)


def test_augmentation_follows_from_the_seed() -> None:
    def epochs(seed: int, first: int = 0) -> list[np.ndarray]:
        sampling = Sampling(batch_size=4, seed=seed, first_epoch=first)
        augmentation = ImageAugmentation()
        dataset = tasks.image_dataset(
            photos(), size=(12, 12), sampling=sampling, augmentation=augmentation
        )
        return [arrays(dataset)[0] for _ in range(2)]

    one, again, later, other = epochs(1), epochs(1), epochs(1, first=1), epochs(2)
    assert np.array_equal(one, again)
    assert np.array_equal(one[1], later[0])
    assert not np.array_equal(one[0], one[1]) and not np.array_equal(one[0], other[0])
    assert one[0].min() >= -1 and one[0].max() <= 127 / 128 + 1e-6


def changed(**how: Any) -> np.ndarray:
    """A ramp from left to right, many times, with one thing changed; 0 to 255."""
    ramp = np.tile(np.linspace(0, 255, 16).astype(np.uint8)[:, None], (64, 16, 1, 3))
    augmentation = ImageAugmentation(**{**vars(STILL), **how})
    every = examples(ramp, [0] * 64)
    sampling = Sampling(batch_size=64, seed=3)
    x, _ = arrays(
        tasks.image_dataset(every, size=(16, 16), sampling=sampling, augmentation=augmentation)
    )
    return x * 128 + 128


def test_half_of_the_images_are_flipped() -> None:
    falls = changed(flip=True)[:, 0, 0, 0] > 128
    assert 20 < falls.sum() < 44


def test_crops_show_a_part() -> None:
    x = changed(area=(0.25, 0.25))
    seen = x[:, 8, -1, 0] - x[:, 8, 0, 0]
    assert np.allclose(seen, 127, atol=12)
    assert np.ptp(x[:, 8, 0, 0]) > 60


def test_colours_are_jittered() -> None:
    assert np.ptp(changed(brightness=0.2).mean((1, 2, 3))) > 30
    assert np.ptp(changed(contrast=0.5).std((1, 2, 3))) > 15
    assert np.ptp(changed(saturation=0.5)[:, 8, 8]) < 1  # grey stays grey


def test_a_square_is_cut_out() -> None:
    x = changed(cutout=0.5, cutout_probability=1.0)
    hidden = (x == 128.0).all(-1)
    assert hidden.any((1, 2)).all()
    assert hidden.sum((1, 2)).max() <= 64


def clips() -> tasks.Examples:
    return examples(np.stack([tone(300 + 100 * i) for i in range(6)]), range(6))


def test_clips_become_features() -> None:
    front_end = LogMel(LogMelConfig(bins=20, scale=1 / 64, zero_point=-3))
    x, y = arrays(tasks.keyword_dataset(clips(), front_end=front_end, sampling=IN_ORDER))
    assert x.shape == (6, 49, 20, 1) and y.tolist() == list(range(6))
    expected = [front_end.config.real(front_end.features(pcm)) for pcm in clips().x]
    assert np.array_equal(x[..., 0], expected)
    mapped = clips().map(front_end.features)
    stored, _ = arrays(
        tasks.feature_dataset(mapped, scale=1 / 64, zero_point=-3, sampling=IN_ORDER)
    )
    assert np.array_equal(stored, expected)


def test_augmented_clips_follow_from_the_seed() -> None:
    noise = [np.random.default_rng(0).normal(0, 900, 2 * RATE).astype(np.int16)]

    def epoch(seed: int) -> np.ndarray:
        dataset = tasks.keyword_dataset(
            clips(),
            front_end=LogMel(),
            sampling=Sampling(batch_size=4, seed=seed),
            augmentation=AudioAugmentation(),
            noise=[*noise, np.zeros(5, np.int16)],
        )
        return arrays(dataset)[0]

    assert np.array_equal(epoch(1), epoch(1))
    assert not np.array_equal(epoch(1), epoch(2))
