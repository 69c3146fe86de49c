# SPDX-License-Identifier: Apache-2.0
"""Random changes of clips and of their features that leave the word as it is; in NumPy."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from tflm_mcunet.tasks.audio import saturated
from tflm_mcunet.tasks.keywords import random_cut


@dataclasses.dataclass(frozen=True, kw_only=True)
class AudioAugmentation:
    """Ranges from which every clip gets its own values, uniformly.

    Attributes:
        shift_seconds: earlier or later by up to this; mirrored at the ends.
        gain_db: louder or softer; what exceeds 16 bits is clipped.
        noise_probability: share of the clips to which noise is added.
        snr_db: power of the clip over that of the noise.
        time_masks: spans of frames that are hidden (SpecAugment, arXiv 1904.08779).
        time_mask_share: most frames of one, as a share of all.
        frequency_masks: likewise, spans of bins.
        frequency_mask_share: most bins of one.
    """

    shift_seconds: float = 0.1
    gain_db: tuple[float, float] = (-12.0, 6.0)
    noise_probability: float = 0.6
    snr_db: tuple[float, float] = (5.0, 30.0)
    time_masks: int = 1
    time_mask_share: float = 0.1
    frequency_masks: int = 1
    frequency_mask_share: float = 0.1


def augmented_clip(
    pcm: np.ndarray,
    noise: Sequence[np.ndarray],
    how: AudioAugmentation,
    rng: np.random.Generator,
    *,
    rate: int,
) -> np.ndarray:
    """The clip, int16 (samples,), shifted, with noise, and with another gain."""
    most = min(round(how.shift_seconds * rate), len(pcm) - 1)
    shift = int(rng.integers(-most, most + 1))
    mirrored = np.pad(pcm, most, "reflect") if most else pcm
    clip = mirrored[most + shift : most + shift + len(pcm)].astype(np.float64)
    if noise and rng.random() < how.noise_probability:
        added = random_cut(noise, len(pcm), rng).astype(np.float64)
        clip = clip + added * _ratio(clip, added, rng.uniform(*how.snr_db))
    return saturated(clip * _amplitude(rng.uniform(*how.gain_db)))


def _ratio(clip: np.ndarray, noise: np.ndarray, snr_db: float) -> float:
    """The factor on noise that gives the ratio; 0 if either is silent."""
    power = float(np.mean(noise**2))
    return _amplitude(-snr_db) * float(np.sqrt(np.mean(clip**2) / power)) if power else 0.0


def _amplitude(decibels: float) -> float:
    return float(10 ** (decibels / 20))


def masked(features: np.ndarray, how: AudioAugmentation, rng: np.random.Generator) -> np.ndarray:
    """The features, int8 (frames, bins), some of them at their mean."""
    features = features.copy()
    mean = np.int8(round(float(features.mean())))
    for _ in range(how.time_masks):
        features[_span(features.shape[0], how.time_mask_share, rng)] = mean
    for _ in range(how.frequency_masks):
        features[:, _span(features.shape[1], how.frequency_mask_share, rng)] = mean
    return features


def _span(length: int, share: float, rng: np.random.Generator) -> slice:
    width = int(rng.integers(0, round(length * share) + 1))
    begin = int(rng.integers(0, length - width + 1))
    return slice(begin, begin + width)
