# SPDX-License-Identifier: Apache-2.0
"""Long recordings to listen to: speech and noise without keywords, and keywords in noise.

Put together from clips that a model was not trained with; what chooses thresholds and what judges
them shares no recording. Other speech is one word after the other without a pause, which is more
than anybody says in an hour.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tflm_mcunet.tasks import Dataset, Examples
from tflm_mcunet.tasks.audio import saturated
from tflm_mcunet.tasks.keywords import SILENCE, UNKNOWN, random_cut
from zoo.recipes.keyword_negatives import SPLICED, made_of
from zoo.recipes.keyword_tasks import WORDS

PAUSE_SECONDS = (1.5, 2.5)
"""Of noise before each keyword."""

SNR_DB = (10.0, 30.0)
"""Power of a keyword over that of the noise around it."""


@dataclasses.dataclass(frozen=True)
class Word:
    """A keyword in a stream: its class, and where it begins and ends, in samples."""

    label: int
    begin: int
    end: int


@dataclasses.dataclass(frozen=True, eq=False)
class Stream:
    """A recording, int16 (samples,), and the keywords in it."""

    pcm: np.ndarray
    rate: int
    words: tuple[Word, ...] = ()

    @property
    def hours(self) -> float:
        return len(self.pcm) / self.rate / 3600


def without_keywords(task: str, clips: Path, split: str) -> dict[str, Stream]:
    """By what is heard: noise, unknown words of the set itself, and other sets.

    A set whose networks learn words made of its clips has such to choose thresholds by: they are
    hard, and a few minutes of them stand for hours of speech. Halves of keywords are left out,
    for one that is heard in half may well be detected.

    Args:
        task: of `WORDS`.
        clips: their folder, in which other sets lie, too.
        split: "val" to choose thresholds, "test" to judge them.
    """
    words = WORDS[task]
    own = words.load(clips)
    unknown = _of_class(own, own.splits[split], UNKNOWN)
    streams = {
        "noise": _joined(own.noise[split], own.rate),
        "unknown words": _joined(unknown.x, own.rate),
    }
    for speech in words.others.get(split, ()):
        streams[speech.title] = _joined(speech.examples(clips).x, own.rate)
    if split == "val" and words.negatives is not None and words.negatives.are_made:
        made = made_of(own, own.splits[split])
        streams["words made of clips"] = _joined(made.take(made.source != SPLICED).x, own.rate)
    return streams


def with_keywords(task: str, clips: Path, split: str, *, seed: int = 0) -> Stream:
    """All keywords of a split in noise of that split, in random order, with pauses."""
    return embedded(WORDS[task].load(clips), split, np.random.default_rng(seed))


def embedded(loaded: Dataset, split: str, rng: np.random.Generator) -> Stream:
    """As `with_keywords`, of a set that is loaded."""
    keywords = _keywords(loaded, loaded.splits[split])
    noise = [part for part in loaded.noise[split] if len(part)]
    pieces: list[np.ndarray] = []
    words: list[Word] = []
    at = 0
    for index in rng.permutation(len(keywords)):
        clip = keywords.data[keywords.rows[index]].astype(np.float64)
        pause = round(loaded.rate * rng.uniform(*PAUSE_SECONDS))
        piece = _noise(noise, pause + len(clip), rng)
        piece *= _factor(clip, piece, rng.uniform(*SNR_DB))
        piece[pause:] += clip
        pieces.append(saturated(piece))
        words.append(Word(int(keywords.y[index]), at + pause, at + len(piece)))
        at += len(piece)
    return Stream(np.concatenate(pieces), loaded.rate, tuple(words))


def _keywords(loaded: Dataset, examples: Examples) -> Examples:
    others = [loaded.classes.index(name) for name in (UNKNOWN, SILENCE) if name in loaded.classes]
    return examples.take(~np.isin(examples.y, others))


def _of_class(loaded: Dataset, examples: Examples, name: str) -> Examples:
    return examples.take(examples.y == loaded.classes.index(name))


def _joined(clips: Sequence[np.ndarray] | np.ndarray, rate: int) -> Stream:
    return Stream(np.concatenate(list(clips)), rate)


def _noise(recordings: Sequence[np.ndarray], length: int, rng: np.random.Generator) -> np.ndarray:
    long_enough = [recording for recording in recordings if len(recording) >= length]
    return random_cut(long_enough, length, rng).astype(np.float64)


def _factor(clip: np.ndarray, noise: np.ndarray, snr_db: float) -> float:
    """On noise, so that the clip is so much above it."""
    power = max(float(np.mean(noise**2)), 1e-9)
    return float(10 ** (-snr_db / 20) * np.sqrt(np.mean(clip**2) / power))
