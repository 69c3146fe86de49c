# SPDX-License-Identifier: Apache-2.0
"""A run of `benchmarks.search_quality` on the supernet that the zoo's person networks come from."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.search_quality_run import Run
from benchmarks.search_quality_task import Setting, Task
from zoo.recipes import person_networks
from zoo.recipes.person_networks import TEACHER

if TYPE_CHECKING:
    from benchmarks.search_quality_training import Epochs
    from tflm_mcunet.search.evaluator import Evaluator


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

        return Epochs(self.zoo.taught(), self.setting.size, keeps=True)
