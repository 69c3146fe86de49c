# SPDX-License-Identifier: Apache-2.0
"""What `benchmarks.search_quality` measures on: data, budgets, and the space that was searched."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tflm_mcunet import tasks
from tflm_mcunet.audio import LogMel, LogMelConfig
from tflm_mcunet.search import material
from tflm_mcunet.search.architecture import Size
from tflm_mcunet.search.effort import Effort
from tflm_mcunet.search.limits import Limits
from tflm_mcunet.search.material import Batches, Material
from tflm_mcunet.search.request import IMAGE_TASKS
from tflm_mcunet.search.space import RESOLUTIONS, SearchSpace, audio_space, image_space

BATCH = 64
SHIFTS_MS = (-100, -50, 0, 50, 100)
"""Validation clips are heard this much earlier or later; training shifts them by up to 100 ms."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Task:
    """One set of figures.

    `data_set`: as `tasks.load` names it. `folder`: below that of all data sets. `effort`: of the
    search, which trains the one supernet; the network found is trained here, like the others; None
    where the supernet is the zoo's. `ranked`: networks whose ranks are compared, `ranked_epochs` of
    each by itself. `sample`: which networks these are, so that figures of others are not taken for
    theirs. `evaluations`: population and generations of the searches that are compared.
    `epochs`: of the networks that are compared with the one found, and of that one by itself.
    `rate`: of learning, of all networks that are trained here.
    """

    name: str
    data_set: str
    folder: str
    sram: int
    flash: int | None = None
    macs: int | None = None
    effort: Effort | None = None
    max_resolution: int | None = None
    ranked: int = 14
    ranked_epochs: int = 30
    ranked_seeds: int = 1
    sample: str = "all sizes"
    evaluations: tuple[int, int] = (20, 8)
    method_seeds: int = 2
    epochs: int = 40
    seeds: int = 1
    rate: float = 1e-2

    @property
    def limits(self) -> Limits:
        return Limits(self.sram, self.flash, self.macs)

    def options(self, data: Path) -> dict[str, Any]:
        """Of `search.run`."""
        return {
            "task": self.data_set,
            "data": data / self.folder,
            "sram": self.sram,
            "flash": self.flash,
            "row_fed": True,
            "max_resolution": self.max_resolution,
            "effort": self.effort,
            "batch_size": BATCH,
        }


ZOO = "vww-zoo"
"""The person networks of the zoo, whose recipe has a space, a teacher and a supernet of its own."""

_KEYWORDS = Task(
    name="kws-ar",
    data_set="kws-ar",
    folder="kws",
    sram=8 * 1024,
    flash=160 * 1024,
    effort=Effort(epochs=50, warm_up=12, population=30, generations=10, fine_tuning=1),
)

TASKS = {
    "kws-ar": _KEYWORDS,
    "kws-ar-16k": dataclasses.replace(
        _KEYWORDS,
        name="kws-ar-16k",
        flash=16 * 1024,
        effort=Effort(epochs=60, warm_up=10, population=30, generations=10, fine_tuning=1),
        ranked_epochs=60,
    ),
    "kws-ar-32k": dataclasses.replace(
        _KEYWORDS,
        name="kws-ar-32k",
        flash=32 * 1024,
        effort=Effort(epochs=100, warm_up=20, population=30, generations=10, fine_tuning=1),
        ranked_epochs=60,
    ),
    "vww": Task(
        name="vww",
        data_set="vww",
        folder="vww",
        sram=16 * 1024,
        flash=256 * 1024,
        max_resolution=64,
        effort=Effort(epochs=20, warm_up=5, population=30, generations=10, fine_tuning=1),
        ranked_epochs=10,
        epochs=20,
    ),
    ZOO: Task(
        name=ZOO,
        data_set="vww",
        folder="vww",
        sram=64 * 1024,
        macs=3_000_000,
        ranked_epochs=10,
    ),
}


def quick(task: Task) -> Task:
    """As little as shows that everything runs."""
    return dataclasses.replace(
        task,
        effort=task.effort
        and Effort(epochs=1, warm_up=0, population=4, generations=2, fine_tuning=1),
        ranked=2,
        ranked_epochs=1,
        evaluations=(3, 2),
        method_seeds=1,
        epochs=1,
        seeds=1,
    )


@dataclasses.dataclass(frozen=True, eq=False)
class Setting:
    """A task's data as networks see them.

    `views`: the validation data, seen in a few ways that training knows, too: batches of each.
    """

    space: SearchSpace
    made: Material
    views: tuple[Batches, ...]

    @property
    def size(self) -> Size:
        """Of the largest input."""
        return self.space.input_shapes[-1][:2]


def prepare(task: Task, data: Path, *, resolution: int, width: float) -> Setting:
    """The setting for the space that stage one of the search has chosen."""
    make = _images if task.data_set in IMAGE_TASKS else _keywords
    return make(task, data / task.folder, resolution, width)


def _keywords(task: Task, data: Path, resolution: int, width: float) -> Setting:
    config = LogMelConfig()
    made = material.keywords(data, task.data_set, front_end=config, batch_size=BATCH, seed=0)
    space = audio_space(
        classes=len(made.classes), frames=(resolution,), bins=config.bins, width_multiplier=width
    )
    clips = tasks.load(data, task.data_set, rate=config.rate).val
    in_order = tasks.Sampling(batch_size=128, shuffle=False)
    views = []
    for shift in SHIFTS_MS:
        shifted = clips.map(_shifted_by(shift * config.rate // 1000))
        batches = tasks.keyword_dataset(shifted, front_end=LogMel(config), sampling=in_order)
        views.append([(inputs.numpy(), labels.numpy()) for inputs, labels in batches])
    return Setting(space, made, tuple(views))


def _shifted_by(samples: int) -> Callable[[np.ndarray], np.ndarray]:
    """Later by some samples, mirrored at the end, as the augmentation does it."""

    def shifted(pcm: np.ndarray) -> np.ndarray:
        most = abs(samples)
        begin = most - samples
        return np.pad(pcm, most, "reflect")[begin : begin + len(pcm)]

    return shifted


def _images(task: Task, data: Path, resolution: int, width: float) -> Setting:
    made = material.images(data, resolution=resolution, batch_size=BATCH, seed=0)
    sizes = sorted({max(resolution - step, RESOLUTIONS[0]) for step in (32, 16, 0)})
    space = image_space(classes=len(made.classes), resolutions=sizes, width_multiplier=width)
    seen = made.evaluation("val", (resolution, resolution))
    mirrored = [(images[:, :, ::-1], labels) for images, labels in seen]
    return Setting(space, made, (seen, mirrored))


@dataclasses.dataclass(frozen=True, eq=False)
class OwnInput:
    """Data as an architecture of MLPerf Tiny takes them in the benchmark."""

    input_shape: tuple[int, int, int]
    made: Material


def reference_material(task: Task, data: Path) -> OwnInput | None:
    """Features of the size of MLPerf Tiny's, 49 x 10, made by our front end; none for images."""
    if task.data_set in IMAGE_TASKS:
        return None
    config = LogMelConfig(bins=10)
    made = material.keywords(
        data / task.folder, task.data_set, front_end=config, batch_size=BATCH, seed=0
    )
    return OwnInput((config.frames(config.rate), config.bins, 1), made)
