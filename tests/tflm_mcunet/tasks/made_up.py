# SPDX-License-Identifier: Apache-2.0
"""Small data sets on disk."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from tflm_mcunet.tasks.dataset import Examples

RATE = 16000


Colour = str | tuple[int, int, int]


def save_image(path: Path, *, size: tuple[int, int] = (40, 30), colour: Colour = "red") -> None:
    """An image of one colour; the ending says the format."""
    pillow = pytest.importorskip("PIL.Image")
    path.parent.mkdir(parents=True, exist_ok=True)
    pillow.new("RGB", size, colour).save(path)


def photos(root: Path, *, per_class: int = 40) -> Path:
    """Red cats and blue dogs."""
    for word, colour in (("cat", "red"), ("dog", "blue")):
        for i in range(per_class):
            ending = ("png", "jpg", "bmp")[i % 3]
            save_image(root / word / f"{i:03}.{ending}", size=(20 + i, 60 - i), colour=colour)
    return root


def tone(hertz: float, *, seconds: float = 1.0, rate: int = RATE) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return np.rint(8000 * np.sin(2 * np.pi * hertz * time)).astype(np.int16)


def save_clip(path: Path, pcm: np.ndarray, *, rate: int = RATE) -> None:
    soundfile = pytest.importorskip("soundfile")
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, pcm, rate, subtype="PCM_16")


def words(root: Path, names: Iterable[str] = ("no", "yes"), *, speakers: int = 30) -> Path:
    """Tones of another pitch for each word, two takes of each speaker, and noise."""
    for pitch, word in enumerate(names):
        for speaker in range(speakers):
            for take in range(2):
                name = f"s{speaker:02}_nohash_{take}.{'wav' if take else 'flac'}"
                save_clip(root / word / name, tone(300 * (pitch + 1)))
    noise = np.random.default_rng(0).normal(0, 500, 12 * RATE).astype(np.int16)
    save_clip(root / "_background_noise_" / "fan.wav", noise)
    return root


def examples(data: np.ndarray, y: Iterable[int], source: Iterable[str] | None = None) -> Examples:
    labels = np.array(list(y), np.int32)
    names = np.array(list(source) if source else ["a"] * labels.size)
    return Examples(data, np.arange(len(data)), labels, names, names)
