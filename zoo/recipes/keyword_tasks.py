# SPDX-License-Identifier: Apache-2.0
"""The sets of words that there are keyword models for, and where their clips lie."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from tflm_mcunet import tasks
from tflm_mcunet.audio import LogMelConfig
from tflm_mcunet.search import material
from tflm_mcunet.search.effort import Effort
from tflm_mcunet.search.material import Material
from tflm_mcunet.search.request import Request
from tflm_mcunet.tasks import Dataset
from zoo.recipes.test_sets import COMMANDS, SPEECH_COMMANDS


@dataclasses.dataclass(frozen=True, kw_only=True)
class Words:
    """A set of words.

    `kind`: what `tasks.load` calls its clips. `folder`: of them, in that of all data. `keywords`:
    those to tell apart, where the clips have more words; default: what the set says. `effort`: of
    the search. `others`: sets of other words, of which nothing is used in training, but heard to
    count false alarms.
    """

    kind: str
    folder: str = "kws"
    keywords: tuple[str, ...] | None = None
    effort: Effort
    others: tuple[str, ...] = ()

    def load(self, clips: Path) -> Dataset:
        """The clips.

        Raises:
            DataError: they are not there.
        """
        return tasks.load(clips, self.kind, keywords=self.keywords)

    def material(self, clips: Path, front_end: LogMelConfig) -> Material:
        """What the search trains and judges networks with."""
        request = Request(task=self.kind, data=str(clips), keywords=self.keywords)
        return material.keywords(
            clips,
            self.kind,
            front_end=front_end,
            batch_size=request.batch_size,
            seed=request.seed,
            words=self.keywords,
        )


WORDS = {
    "kws-ar": Words(
        kind="kws-ar",
        effort=Effort(epochs=50, warm_up=12, population=30, generations=10, fine_tuning=40),
        others=("kws-en", "kws-wake"),
    ),
    "kws-wake": Words(
        kind="kws-wake",
        effort=Effort(epochs=20, warm_up=5, population=30, generations=10, fine_tuning=25),
        others=("kws-ar",),
    ),
    SPEECH_COMMANDS: Words(
        kind="kws",
        folder="speech_commands",
        keywords=COMMANDS,
        effort=Effort(epochs=20, warm_up=5, population=100, generations=30, fine_tuning=20),
    ),
}
"""Wake words are more easily told apart than commands, and an epoch has more of them."""

SHARED = ("kws-ar", "kws-wake")
"""Those whose clips come with this project; the others' are the user's."""
