# SPDX-License-Identifier: Apache-2.0
"""A whole search, small enough for a test: `python -m tests.tflm_mcunet.search.tiny_run OUT`.

Data are noise with a pattern for each class; the space is the tiny one.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from tests.tflm_mcunet.search.spaces import tiny_image_space
from tflm_mcunet import search
from tflm_mcunet.search import batches, pipeline
from tflm_mcunet.search.effort import Effort
from tflm_mcunet.search.material import Batches, Material
from tflm_mcunet.search.result import Result
from tflm_mcunet.search.space import SearchSpace

SPACE = tiny_image_space()
EFFORT = Effort(epochs=3, warm_up=1, population=6, generations=3, fine_tuning=10)
FLASH = 12_000  # about half of the networks have more weights


def material(seed: int = 3) -> Material:
    """Learned in a moment: one channel is brighter."""
    rng = np.random.default_rng(seed)
    labels = np.arange(96, dtype=np.int32) % 3
    images = rng.normal(size=(96, *SPACE.input_shapes[-1])).astype(np.float32) / 8
    images[np.arange(96), :, :, labels] += 0.6
    images = images.clip(-1, 127 / 128)
    order = batches.shuffled(images[:64], labels[:64], batch_size=32)
    parts = {"calibration": slice(0, 64), "val": slice(64, 80), "test": slice(80, 96)}

    def evaluation(split: str, size: tuple[int, int]) -> Batches:
        chosen = images[parts[split]]
        return [(chosen[:, : size[0], : size[1]], labels[parts[split]])]

    return Material(
        ("red", "green", "blue"),
        lambda epoch, size: order(epoch).map(lambda x, y: (x[:, : size[0], : size[1]], y)),
        evaluation,
        {"train": 64, "val": 16, "test": 16},
    )


def run(
    out: Path, *, made: Material | None = None, space: SearchSpace = SPACE, **options: Any
) -> Result:
    """Runs or resumes it."""
    made = made or material()
    with (
        mock.patch.object(pipeline, "_choose_space", lambda request: {}),
        mock.patch.object(pipeline, "_material_and_space", lambda *_: (made, space)),
    ):
        wanted = {"task": "vww", "data": ".", "flash": FLASH, "effort": EFFORT, **options}
        return search.run(out=out, progress=False, **wanted)


if __name__ == "__main__":
    run(Path(sys.argv[1]))
