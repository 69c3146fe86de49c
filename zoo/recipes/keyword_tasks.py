# SPDX-License-Identifier: Apache-2.0
"""The sets of words that there are keyword models for, and where their clips lie."""

from __future__ import annotations

import dataclasses
import functools
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
from zoo.recipes import keyword_negatives
from zoo.recipes.test_sets import COMMANDS, SPEECH_COMMANDS

_ONE_A_MINUTE = 60.0
"""For commands, which are waited for; nobody waits for a wake word."""

_SOURCES = {"kws-en": "gsc", "kws-wake": "picovoice", "kws-ar": "asc"}
"""How the sources of a set's own clips begin: `kws-wake` has those of `kws-en` as unknown words."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Speech:
    """Words of another set.

    `title`: what they are called on pages. `set`: its name. `splits`: of those that are heard.
    `is_keyword`: only those that the set calls its keywords, or only the others; default: all.
    """

    title: str
    set: str
    splits: tuple[str, ...]
    is_keyword: bool | None = None

    def examples(self, clips: Path) -> Examples:
        """The set's own clips: no silence, none of another set; labelled as in that set.

        Raises:
            DataError: they are not there.
        """
        loaded = tasks.load(clips, self.set)
        parts = [loaded.splits[split] for split in self.splits]
        every = functools.reduce(keyword_negatives.joined, parts)
        is_word = every.y != loaded.classes.index(SILENCE)
        if self.is_keyword is not None:
            is_word &= (every.y != loaded.classes.index(UNKNOWN)) == self.is_keyword
        return every.take(is_word & np.char.startswith(every.source, _SOURCES[self.set]))


@dataclasses.dataclass(frozen=True, kw_only=True)
class Negatives:
    """Unknown words beside a set's own, which the network that was found learns.

    `speech`: words of another set. `are_made`: whether there are those of `keyword_negatives`,
    too. `unknown_share`: how likely unknown words are drawn, one keyword being 1. `epochs`,
    `learning_rate`: of learning them.
    """

    speech: Speech
    are_made: bool = False
    unknown_share: float = 1.0
    epochs: int = 12
    learning_rate: float = 5e-4


@dataclasses.dataclass(frozen=True, kw_only=True)
class Words:
    """A set of words.

    `kind`: what `tasks.load` calls its clips. `folder`: of them, in that of all data. `keywords`:
    those to tell apart, where the clips have more words; default: what the set says. `effort`: of
    the search. `negatives`: further unknown words to train with. `others`: speech without
    keywords to count false alarms in, by "val", for choosing, and "test", for judging.
    `most_per_hour`: false alarms that a detector may raise in an hour of other words without a
    pause.
    """

    kind: str
    folder: str = "kws"
    keywords: tuple[str, ...] | None = None
    effort: Effort
    negatives: Negatives | None = None
    others: dict[str, tuple[Speech, ...]] = dataclasses.field(default_factory=dict)
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
        further = self.negatives.speech.examples(clips)
        unknown = np.full_like(further.y, loaded.classes.index(UNKNOWN))
        further = dataclasses.replace(further, y=unknown)
        train = keyword_negatives.joined(loaded.train, further)
        if self.negatives.are_made:
            train = keyword_negatives.joined(train, keyword_negatives.made_of(loaded, train))
        return dataclasses.replace(loaded, train=train)

    def material(self, clips: Path, front_end: LogMelConfig, *, negatives: bool = True) -> Material:
        """What networks learn from, with or without `negatives`, and what they are judged by."""
        request = Request(task=self.kind, data=str(clips), keywords=self.keywords)
        loaded = self.with_negatives(clips) if negatives else self.load(clips)
        return material.of_clips(
            loaded,
            front_end=front_end,
            batch_size=request.batch_size,
            seed=request.seed,
            class_shares=self._class_shares(loaded.classes) if negatives else None,
        )

    def _class_shares(self, classes: tuple[str, ...]) -> tuple[float, ...] | None:
        if self.negatives is None:
            return None
        share = self.negatives.unknown_share
        return tuple(share if name == UNKNOWN else 1.0 for name in classes)


_ENGLISH = {
    split: Speech(title="words of kws-en", set="kws-en", splits=(split,))
    for split in ("train", "val", "test")
}

_WAKE_WORDS = {
    "val": Speech(title="words of kws-wake", set="kws-wake", splits=("val", "test")),
    "test": Speech(title="words of kws-wake", set="kws-wake", splits=("train",)),
}
"""Of a set that is not trained with, the larger part judges."""

_COMMANDS = {
    split: Speech(title="commands of kws-ar", set="kws-ar", splits=(split,), is_keyword=True)
    for split in ("train", "val", "test")
}
_NEVER_LEARNED = Speech(
    title="other words of kws-ar",
    set="kws-ar",
    splits=("train", "val", "test"),
    is_keyword=False,
)
"""Thirty words that are neither trained with nor listened to for a choice judge how others are
taken."""

WORDS = {
    "kws-ar": Words(
        kind="kws-ar",
        effort=Effort(epochs=50, warm_up=12, population=30, generations=10, fine_tuning=40),
        negatives=Negatives(speech=_ENGLISH["train"]),
        others={split: (_ENGLISH[split], _WAKE_WORDS[split]) for split in ("val", "test")},
    ),
    "kws-wake": Words(
        kind="kws-wake",
        effort=Effort(epochs=12, warm_up=4, population=20, generations=5, fine_tuning=4),
        negatives=Negatives(
            speech=_COMMANDS["train"],
            are_made=True,
            unknown_share=4.0,
            epochs=16,
            learning_rate=1e-3,
        ),
        others={"val": (_COMMANDS["val"],), "test": (_COMMANDS["test"], _NEVER_LEARNED)},
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
