# SPDX-License-Identifier: Apache-2.0
"""Unknown words made of the clips of a set: close to its keywords, and in the same voices.

Keywords and unknown words come from different recordings. A network may tell microphones apart
then, and whatever was recorded like the keywords wakes it; these are recorded like the keywords,
and only what is said tells them apart.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tflm_mcunet.tasks.audio import saturated
from tflm_mcunet.tasks.dataset import Dataset, Examples
from tflm_mcunet.tasks.keywords import SILENCE, UNKNOWN

REVERSED, SPLICED, ADJOINING = "reversed", "spliced", "adjoining"
"""Sources of what is made."""

FADE_SECONDS = 0.02
"""Where two clips meet, one fades into the other."""


def made_of(loaded: Dataset, examples: Examples, *, seed: int = 0) -> Examples:
    """As many of each kind as there are keywords.

    Keywords backwards; one half of a keyword with the other half of another word; and what a
    window hears between two unknown words, of which one follows the other.

    Args:
        loaded: the set, with a class for unknown words and one for silence.
        examples: clips of a split, int16 (n, samples), labelled as in the set.
        seed: of which clips meet.

    Returns:
        Examples of the class of unknown words.
    """
    unknown, silence = (loaded.classes.index(name) for name in (UNKNOWN, SILENCE))
    rng = np.random.default_rng(seed)
    keywords = examples.take((examples.y != unknown) & (examples.y != silence))
    words, others = (
        examples.take(chosen) for chosen in (examples.y != silence, examples.y == unknown)
    )
    fade = round(FADE_SECONDS * loaded.rate)
    data = [
        *(clip[::-1] for clip in keywords.x),
        *(_spliced(keywords, number, words, fade, rng) for number in range(len(keywords))),
        *(_adjoining(others, fade, rng) for _ in range(len(keywords))),
    ]
    sources = np.repeat((REVERSED, SPLICED, ADJOINING), len(keywords))
    return Examples(
        data=np.stack(data),
        rows=np.arange(len(data)),
        y=np.full(len(data), unknown, np.int32),
        source=sources,
        group=sources,
    )


def joined(one: Examples, other: Examples) -> Examples:
    """All examples of both."""
    data = np.concatenate([one.x, other.x])
    pairs = {
        field.name: np.concatenate([getattr(one, field.name), getattr(other, field.name)])
        for field in dataclasses.fields(Examples)
        if field.name not in ("data", "rows")
    }
    return Examples(data=data, rows=np.arange(len(data)), **pairs)


def _spliced(
    keywords: Examples, number: int, words: Examples, fade: int, rng: np.random.Generator
) -> np.ndarray:
    """The beginning of a keyword and the end of another word, or the other way round."""
    keyword = keywords.data[keywords.rows[number]]
    different = np.flatnonzero(words.y != keywords.y[number])
    other = words.data[words.rows[rng.choice(different)]]
    first, second = (keyword, other) if rng.random() < 0.5 else (other, keyword)
    middle = _middle(first)
    return _crossfaded(
        first, _as_loud_as(first, shifted(second, middle - _middle(second))), middle, fade
    )


def _adjoining(others: Examples, fade: int, rng: np.random.Generator) -> np.ndarray:
    """The end of one word and the beginning of the next."""
    first, second = others.data[others.rows[rng.integers(0, len(others), 2)]]
    end = int(rng.integers(len(first) // 4, 3 * len(first) // 4))
    return _crossfaded(shifted(first, end - len(first)), shifted(second, end), end, fade)


def shifted(clip: np.ndarray, by: int) -> np.ndarray:
    """Later by some samples, or earlier, if negative; mirrored at the ends."""
    most = len(clip) - 1
    by = min(max(by, -most), most)
    return np.pad(clip, most, "reflect")[most - by : most - by + len(clip)]


def _middle(clip: np.ndarray) -> int:
    """Where a clip has had half of its energy."""
    energy = np.cumsum(np.square(clip, dtype=np.float64))
    return int(np.searchsorted(energy, energy[-1] / 2))


def _as_loud_as(wanted: np.ndarray, clip: np.ndarray) -> np.ndarray:
    """The clip with the power of another; float64."""
    powers = (np.mean(np.square(one, dtype=np.float64)) for one in (wanted, clip))
    power, own = powers
    return clip * np.sqrt(power / own) if own else clip


def _crossfaded(first: np.ndarray, second: np.ndarray, at: int, fade: int) -> np.ndarray:
    """One clip before a sample, another from there on; int16."""
    share = np.clip((np.arange(len(first)) - at) / fade + 0.5, 0.0, 1.0)
    return saturated(first * (1 - share) + second * share)
