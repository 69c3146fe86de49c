# SPDX-License-Identifier: Apache-2.0
"""A run of `benchmarks.search_quality` on the supernet that the zoo's person networks come from."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.search_quality_run import Run
from benchmarks.search_quality_task import Setting, Task
from tflm_mcunet.search.teacher import Teacher, taught
from zoo.recipes import person_networks
from zoo.recipes.visual_wake_words import TEACHER

if TYPE_CHECKING:
    from benchmarks.search_quality_training import Epochs
    from tflm_mcunet.search.evaluator import Evaluator
    from tflm_mcunet.search.material import Material


class ZooRun(Run):
    """Networks learn by themselves what their supernet learned: the same crops, from a teacher."""

    def __init__(
        self, task: Task, data: Path, folder: Path, *, recipe: Path, only_done: bool = False
    ) -> None:
        """`recipe`: what `zoo.recipes.visual_wake_words` has as --build."""
        super().__init__(task, data, folder, only_done=only_done)
        self._recipe = recipe

    @functools.cached_property
    def zoo(self) -> person_networks.Run:
        """The recipe's own run."""
        return person_networks.open_run(
            self._recipe, self.data / self.task.folder, self.data / TEACHER
        )

    @property
    def trained_in(self) -> Path:
        return self._recipe

    @functools.cached_property
    def evaluator(self) -> Evaluator:
        return self.zoo.evaluator()

    @functools.cached_property
    def setting(self) -> Setting:
        space = self.evaluator.space
        seen = self.zoo.made.evaluation("val", space.input_shapes[-1][:2])
        mirrored = [(images[:, :, ::-1], labels) for images, labels in seen]
        return Setting(space, self.zoo.made, (seen, mirrored))

    @functools.cached_property
    def epochs(self) -> Epochs:
        from benchmarks.search_quality_training import Epochs

        made = _taught(self.zoo.made, self.zoo.teacher)
        return Epochs(made, self.setting.size, keeps=True)


def _taught(made: Material, teacher: Teacher) -> Material:
    """With what the teacher says in place of labels to train with."""

    def train(epoch: int, size: tuple[int, int]) -> Any:
        seen = taught(
            lambda number: made.train(number, teacher.size),
            teacher,
            size=size,
            classes=len(made.classes),
        )
        return seen(epoch)

    return dataclasses.replace(made, train=train)
