# SPDX-License-Identifier: Apache-2.0
"""Classes of keyword sets."""

from __future__ import annotations

import numpy as np

from tflm_mcunet.tasks.keywords import Clips, assemble_keywords, random_cut

LENGTH = 4


def clips(words: list[str], split: str = "train") -> Clips:
    data = np.arange(len(words) * LENGTH, dtype=np.int16).reshape(-1, LENGTH)
    many = (split,) * len(words)
    return Clips(data, tuple(words), many, ("made up",) * len(words), tuple(words))


def test_classes_without_material_are_left_out() -> None:
    dataset = assemble_keywords(clips(["a", "b"]), ["a", "b"], {}, rate=8, seed=0)
    assert dataset.classes == ("a", "b")


def test_folders_of_silence_are_silence() -> None:
    words = ["a", "_silence_", "silence", "other", "c"]
    dataset = assemble_keywords(clips(words), ["a"], {}, rate=8, seed=0)
    assert dataset.classes == ("a", "unknown", "silence")
    assert dataset.train.y.tolist() == [0, 2, 2, 1, 1]


def test_silence_is_as_frequent_as_a_keyword() -> None:
    noise = {"train": [np.full(10, 7, np.int16), np.full(2, 9, np.int16)], "val": []}
    words = ["a"] * 4 + ["b"] * 2
    dataset = assemble_keywords(clips(words), ["a", "b"], noise, rate=8, seed=0)
    silent = dataset.train.take(dataset.train.y == 2)
    assert silent.x.tolist() == [[7] * LENGTH] * 3  # no cut from what is too short
    assert set(silent.source) == {"noise"}
    assert len(dataset.val) == 0


def test_cuts_are_from_any_place() -> None:
    recordings = [np.array([0, 1, 2], np.int16), np.array([10, 11], np.int16)]
    rng = np.random.default_rng(0)
    cuts = [tuple(random_cut(recordings, 2, rng)) for _ in range(300)]
    assert set(cuts) == {(0, 1), (1, 2), (10, 11)}
    assert min(cuts.count(cut) for cut in set(cuts)) > 70
