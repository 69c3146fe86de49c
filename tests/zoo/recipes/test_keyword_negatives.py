# SPDX-License-Identifier: Apache-2.0
"""Unknown words that are made of keywords: never the keyword itself, and of its own recordings."""

from __future__ import annotations

import numpy as np
import pytest

from tests.tflm_mcunet.tasks.made_up import examples
from tflm_mcunet.tasks.dataset import Dataset
from zoo.recipes import keyword_negatives
from zoo.recipes.keyword_negatives import ADJOINING, REVERSED, SPLICED, joined, made_of, shifted

RATE, SAMPLES = 1000, 400
UNKNOWN, SILENCE = 2, 3
LEVELS = {0: 1000, 1: -2000, UNKNOWN: -4000, SILENCE: 0}
"""Each class sounds at a level of its own, so that samples tell where they are from."""

CLASSES = [0, 0, 1, UNKNOWN, UNKNOWN, SILENCE]
TRAIN = examples(
    np.array([[LEVELS[y] + i for i in range(SAMPLES)] for y in CLASSES], np.int16),
    CLASSES,
    [f"source{y}" for y in CLASSES],
)
NONE = TRAIN.take(np.array([], int))
LOADED = Dataset(("yes", "no", "unknown", "silence"), TRAIN, NONE, NONE, rate=RATE)
MADE = made_of(LOADED, TRAIN)


def of(source: str) -> np.ndarray:
    return MADE.x[MADE.source == source]


def test_all_are_unknown_and_of_each_kind_there_are_as_many_as_keywords() -> None:
    assert set(MADE.y) == {UNKNOWN}
    assert [len(of(source)) for source in (REVERSED, SPLICED, ADJOINING)] == [3, 3, 3]
    assert MADE.x.dtype == np.int16 and MADE.x.shape == (9, SAMPLES)


def test_keywords_are_played_backwards() -> None:
    np.testing.assert_array_equal(of(REVERSED), TRAIN.x[:3, ::-1])


def test_halves_are_of_two_words() -> None:
    """Of the first class, whose samples alone are positive, one half or the other is left."""
    for made in of(SPLICED)[:2]:
        is_own = made > 0
        assert 0.3 < is_own.mean() < 0.7
        assert is_own[:100].all() != is_own[-100:].all()
        assert np.count_nonzero(np.diff(is_own)) == 1


def test_words_without_a_pause_meet_in_the_middle() -> None:
    for made in of(ADJOINING):
        end = int(np.argmin(np.diff(made.astype(int))))  # the next word begins at its lowest
        assert SAMPLES / 4 - 10 <= end <= 3 * SAMPLES / 4 + 10
        assert made[0] > LEVELS[UNKNOWN] and made[-1] < LEVELS[UNKNOWN] + SAMPLES
        np.testing.assert_array_equal(np.diff(made[: end - 10]), 1)
        np.testing.assert_array_equal(np.diff(made[end + 20 :]), 1)


def test_the_seed_decides() -> None:
    again, other = (made_of(LOADED, TRAIN, seed=seed) for seed in (0, 1))
    np.testing.assert_array_equal(MADE.x, again.x)
    assert (MADE.x != other.x).any()


@pytest.mark.parametrize(("by", "expected"), [(0, [1, 2, 3]), (1, [2, 1, 2]), (-2, [3, 2, 1])])
def test_clips_are_mirrored_at_the_ends(by: int, expected: list[int]) -> None:
    assert shifted(np.array([1, 2, 3], np.int16), by).tolist() == expected


def test_examples_of_two_sets_are_joined() -> None:
    both = joined(TRAIN, MADE)
    assert len(both) == len(TRAIN) + len(MADE)
    np.testing.assert_array_equal(both.x, np.concatenate([TRAIN.x, MADE.x]))
    assert both.source.tolist() == [*TRAIN.source, *MADE.source]
    assert keyword_negatives.REVERSED in both.group
