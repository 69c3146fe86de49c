# SPDX-License-Identifier: Apache-2.0
"""The sets of words that there are keyword models for, and where their clips lie."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from tflm_mcunet import tasks
from tflm_mcunet.audio import LogMelConfig
from tflm_mcunet.search import material
from tflm_mcunet.search.effort import Effort
from tflm_mcunet.search.material import Material
from tflm_mcunet.search.request import Request
from tflm_mcunet.tasks import Dataset, Examples
from tflm_mcunet.tasks.keywords import SILENCE, UNKNOWN
from zoo.recipes.test_sets import COMMANDS, SPEECH_COMMANDS

Splits = dict[str, tuple[str, ...]]
"""By "val", for choosing, and "test", for judging: which splits of a set are heard."""


_ONE_A_MINUTE = 60.0
"""For commands, which are waited for; nobody waits for a wake word."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Words:
    """A set of words.

    `kind`: what `tasks.load` calls its clips. `folder`: of them, in that of all data. `keywords`:
    those to tell apart, where the clips have more words; default: what the set says. `effort`: of
    the search. `negatives`: another set, whose training split the network that was found learns
    as unknown words. `others`: sets of other words, heard to count false alarms. `most_per_hour`:
    false alarms that a detector may raise in an hour of other words without a pause.
    """

    kind: str
    folder: str = "kws"
    keywords: tuple[str, ...] | None = None
    effort: Effort
    negatives: str | None = None
    others: dict[str, Splits] = dataclasses.field(default_factory=dict)
    most_per_hour: float = _ONE_A_MINUTE

    def load(self, clips: Path) -> Dataset:
        """The clips.

        Raises:
            DataError: they are not there.
        """
        return tasks.load(clips, self.kind, keywords=self.keywords)

    def with_negatives(self, clips: Path) -> Dataset:
        """The same, with further unknown words to train with."""
        loaded = self.load(clips)
        if self.negatives is None:
            return loaded
        further = spoken(tasks.load(clips, self.negatives), "train", self.negatives)
        unknown = np.full(len(further), loaded.classes.index(UNKNOWN), np.int32)
        further = dataclasses.replace(further, y=unknown)
        return dataclasses.replace(loaded, train=_joined(loaded.train, further))

    def material(self, clips: Path, front_end: LogMelConfig, *, negatives: bool = True) -> Material:
        """What networks learn from, with or without `negatives`, and what they are judged by."""
        request = Request(task=self.kind, data=str(clips), keywords=self.keywords)
        return material.of_clips(
            self.with_negatives(clips) if negatives else self.load(clips),
            front_end=front_end,
            batch_size=request.batch_size,
            seed=request.seed,
        )


_SOURCES = {"kws-en": "gsc", "kws-wake": "picovoice", "kws-ar": "asc"}
"""How the sources of a set's own clips begin: `kws-wake` has those of `kws-en` as unknown words."""


def spoken(loaded: Dataset, split: str, name: str) -> Examples:
    """The words of a set's own clips: no silence, none of another set."""
    examples = loaded.splits[split]
    is_own = np.char.startswith(examples.source, _SOURCES[name])
    return examples.take(is_own & (examples.y != loaded.classes.index(SILENCE)))


def _joined(one: Examples, other: Examples) -> Examples:
    pairs = {
        field: np.concatenate([getattr(one, field), getattr(other, field)])
        for field in ("y", "source", "group")
    }
    data = np.concatenate([one.x, other.x])
    return Examples(data=data, rows=np.arange(len(data)), **pairs)


_UNSEEN: Splits = {"val": ("val", "test"), "test": ("train",)}
"""Of a set that is not trained with, the larger part judges."""

_SEEN: Splits = {"val": ("val",), "test": ("test",)}

WORDS = {
    "kws-ar": Words(
        kind="kws-ar",
        effort=Effort(epochs=50, warm_up=12, population=30, generations=10, fine_tuning=40),
        negatives="kws-en",
        others={"kws-en": _SEEN, "kws-wake": _UNSEEN},
    ),
    "kws-wake": Words(
        kind="kws-wake",
        effort=Effort(epochs=12, warm_up=4, population=20, generations=8, fine_tuning=20),
        others={"kws-ar": _UNSEEN},
        most_per_hour=1.0,
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
