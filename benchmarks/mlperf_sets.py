# SPDX-License-Identifier: Apache-2.0
"""The official accuracy sets of MLPerf Tiny, as its int8 reference models take them."""

from __future__ import annotations

import csv
import dataclasses
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

VWW_CLASSES = ("no person", "person")


@dataclasses.dataclass(frozen=True)
class LabelledSet:
    """`inputs` int8 (n, height, width, channels), `answers` (n,) as indices of `classes`."""

    inputs: np.ndarray
    answers: np.ndarray
    classes: tuple[str, ...]


def visual_wake_words(folder: Path) -> LabelledSet:
    """Photos of vww01; the model's input scale is 1/255, so q is pixel - 128."""
    pixels, answers = vww01_photos(folder)
    return LabelledSet((pixels.astype(np.int16) - 128).astype(np.int8), answers, VWW_CLASSES)


def vww01_photos(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pixels uint8 (n, 96, 96, 3), and answers (n,) as indices of `VWW_CLASSES`."""
    with (folder / "vww01_labels.csv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    with zipfile.ZipFile(folder / "vww01.zip") as archive:
        pixels = np.stack([_pixels(archive.read(row["file"])) for row in rows])
    return pixels, np.array([int(row["label"]) for row in rows])


def keywords(folder: Path) -> LabelledSet:
    """MFCC of kws01, quantized already with the reference model's input scale."""
    with np.load(folder / "kws01.npz", allow_pickle=False) as stored:
        classes = tuple(str(name) for name in stored["classes"])
        return LabelledSet(stored["x"], stored["y"].astype(np.int64), classes)


def _pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


@dataclasses.dataclass(frozen=True)
class Task:
    """A reference model, by its path below the data folder, and the set that judges it."""

    title: str
    model: str
    set_name: str
    load: Callable[[Path], LabelledSet]


TASKS = {
    "vww": Task(
        "Visual wake words (MobileNetV1 0.25)",
        "mlperf_tiny/models/vww_96_int8.tflite",
        "vww01",
        visual_wake_words,
    ),
    "kws": Task(
        "Keyword spotting (DS-CNN)",
        "mlperf_tiny/models/kws_ref_model_int8.tflite",
        "kws01",
        keywords,
    ),
}
