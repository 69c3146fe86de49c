# SPDX-License-Identifier: Apache-2.0
"""The official accuracy sets of MLPerf Tiny, as its int8 reference models take them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tflm_mcunet import tasks


@dataclasses.dataclass(frozen=True)
class LabelledSet:
    """`inputs` int8 (n, height, width, channels), `answers` (n,) as indices of `classes`."""

    inputs: np.ndarray
    answers: np.ndarray
    classes: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Task:
    """A reference model, by its path below the data folder, and the set that judges it.

    `quantize` makes what the model takes of what the set holds.
    """

    title: str
    model: str
    set_name: str
    quantize: Callable[[np.ndarray], np.ndarray]

    def load(self, folder: Path) -> LabelledSet:
        """The set in a folder; raises DataError if it is not there."""
        dataset = tasks.load(folder, self.set_name)
        return LabelledSet(self.quantize(dataset.test.x), dataset.test.y, tuple(dataset.classes))


def _centred(pixels: np.ndarray) -> np.ndarray:
    """The model's input scale is 1/255 and its zero point -128, so q is pixel - 128."""
    return (pixels.astype(np.int16) - 128).astype(np.int8)


def _as_stored(features: np.ndarray) -> np.ndarray:
    """MFCC that are quantized already, with the model's input scale."""
    return features


TASKS = {
    "vww": Task(
        "Visual wake words (MobileNetV1 0.25)",
        "mlperf_tiny/models/vww_96_int8.tflite",
        "vww01",
        _centred,
    ),
    "kws": Task(
        "Keyword spotting (DS-CNN)",
        "mlperf_tiny/models/kws_ref_model_int8.tflite",
        "kws01",
        _as_stored,
    ),
}
