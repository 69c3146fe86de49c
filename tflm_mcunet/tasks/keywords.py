# SPDX-License-Identifier: Apache-2.0
"""The classes of a keyword model: words, and what is none of them."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tflm_mcunet.tasks.dataset import SPLITS, Dataset, Label, assemble

UNKNOWN, SILENCE = "unknown", "silence"
UNKNOWN_FOLDERS = frozenset({"unknown", "_unknown_", "other", "silence", "_silence_"})
"""Names of folders that hold no keyword."""


@dataclasses.dataclass(frozen=True, eq=False)
class Clips:
    """Clips of spoken words: int16 (n, samples), and a word, split, source and group for each."""

    data: np.ndarray
    words: tuple[str, ...]
    splits: tuple[str, ...]
    sources: tuple[str, ...]
    groups: tuple[str, ...]


def assemble_keywords(
    clips: Clips,
    keywords: Sequence[str],
    noise: Mapping[str, Sequence[np.ndarray]],
    *,
    rate: int,
    seed: int,
    **others: Any,
) -> Dataset:
    """Classes: the keywords in order, unknown if there are other words, silence if there is noise.

    Of silence there are as many clips as of a keyword on average, cut from the noise of the
    split at random places.
    """
    length = clips.data.shape[1]
    silence = _silence(clips, keywords, noise, length, np.random.default_rng(seed))
    names = [_class_name(word, keywords) for word in clips.words]
    classes = [*keywords, *([UNKNOWN] if UNKNOWN in names else [])]
    if SILENCE in names or any(len(part) for part in silence.values()):
        classes.append(SILENCE)
    facts = zip(names, clips.splits, clips.sources, clips.groups, strict=True)
    labels = [Label(classes.index(name), *fact) for name, *fact in facts]
    for split, cut in silence.items():
        labels += [Label(len(classes) - 1, split, "noise", SILENCE)] * len(cut)
    cuts = [cut for part in silence.values() for cut in part]
    data = np.concatenate([clips.data, np.stack(cuts)]) if cuts else clips.data
    return assemble(classes, data, labels, noise=noise, rate=rate, **others)


def _class_name(word: str, keywords: Sequence[str]) -> str:
    if word in keywords:
        return word
    return SILENCE if word.strip("_") == SILENCE else UNKNOWN


def _silence(
    clips: Clips,
    keywords: Sequence[str],
    noise: Mapping[str, Sequence[np.ndarray]],
    length: int,
    rng: np.random.Generator,
) -> dict[str, list[np.ndarray]]:
    """Cuts from the noise, by split."""
    facts = zip(clips.words, clips.splits, strict=True)
    counts = Counter(split for word, split in facts if word in keywords)
    cuts: dict[str, list[np.ndarray]] = {}
    for split in SPLITS:
        recordings = [part for part in noise.get(split, ()) if len(part) >= length]
        wanted = -(-counts[split] // len(keywords)) if recordings else 0
        cuts[split] = [random_cut(recordings, length, rng) for _ in range(wanted)]
    return cuts


def random_cut(
    recordings: Sequence[np.ndarray], length: int, rng: np.random.Generator
) -> np.ndarray:
    """`length` samples, all places equally likely; recordings are at least that long."""
    places = np.array([len(recording) - length + 1 for recording in recordings])
    place = int(rng.integers(places.sum()))
    index = int(np.searchsorted(np.cumsum(places), place, "right"))
    begin = place - int(places[:index].sum())
    return recordings[index][begin : begin + length]
