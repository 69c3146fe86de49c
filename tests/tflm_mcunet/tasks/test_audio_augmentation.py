# SPDX-License-Identifier: Apache-2.0
"""Shift, noise, gain and masks do what they say."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tflm_mcunet.tasks.made_up import RATE, tone
from tflm_mcunet.tasks.audio_augmentation import AudioAugmentation, augmented_clip, masked

NOTHING = AudioAugmentation(
    shift_seconds=0, gain_db=(0, 0), noise_probability=0, time_masks=0, frequency_masks=0
)


def changed(pcm: np.ndarray, seed: int = 0, noise: list[np.ndarray] | None = None, **how: object):  # type: ignore[no-untyped-def]
    settings = AudioAugmentation(**{**vars(NOTHING), **how})
    rng = np.random.default_rng(seed)
    return augmented_clip(pcm, noise or [], settings, rng, rate=RATE)


def test_nothing_changes_nothing() -> None:
    pcm = tone(440)
    assert np.array_equal(changed(pcm), pcm)
    features = np.ones((49, 40), np.int8)
    assert np.array_equal(masked(features, NOTHING, np.random.default_rng(0)), features)


def test_clips_are_shifted_by_at_most_what_is_allowed() -> None:
    pcm = np.zeros(RATE, np.int16)
    pcm[8000] = 100
    places = {int(changed(pcm, seed, shift_seconds=0.01).argmax()) for seed in range(50)}
    assert min(places) >= 7840 and max(places) <= 8160 and len(places) > 30


def test_gain_is_in_decibels_and_saturates() -> None:
    pcm = tone(440)
    quiet = changed(pcm, gain_db=(-20, -20))
    assert np.abs(quiet - pcm / 10).max() <= 0.5
    assert changed(pcm, gain_db=(20, 20)).max() == 32767


@pytest.mark.parametrize("snr_db", [0.0, 10.0])
def test_noise_is_added_at_its_ratio(snr_db: float) -> None:
    noise = np.random.default_rng(0).normal(0, 1000, 3 * RATE).astype(np.int16)
    pcm = tone(440)
    mixed = changed(pcm, noise=[noise], noise_probability=1, snr_db=(snr_db, snr_db))
    added = mixed.astype(float) - pcm
    ratio = 10 * np.log10((pcm.astype(float) ** 2).mean() / (added**2).mean())
    assert ratio == pytest.approx(snr_db, abs=0.2)


def test_silence_stays_silent() -> None:
    silence = np.zeros(RATE, np.int16)
    assert not changed(silence, noise=[silence], noise_probability=1).any()


def test_masks_hide_spans_of_time_and_frequency() -> None:
    features = np.arange(49 * 40).reshape(49, 40) % 100
    features = features.astype(np.int8)
    how = AudioAugmentation(time_mask_share=0.2, frequency_mask_share=0.2)
    hidden = [masked(features, how, np.random.default_rng(seed)) != features for seed in range(40)]
    assert all(mask.all(1).sum() <= 10 and mask.all(0).sum() <= 8 for mask in hidden)
    assert any(mask.mean(1).max() > 0.9 for mask in hidden)
    assert any(mask.mean(0).max() > 0.9 for mask in hidden)
    assert not np.shares_memory(masked(features, how, np.random.default_rng(0)), features)
