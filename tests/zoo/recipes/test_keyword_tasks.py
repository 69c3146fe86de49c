# SPDX-License-Identifier: Apache-2.0
"""Which words networks learn as unknown, and which judge them."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tflm_mcunet.audio import LogMelConfig
from tflm_mcunet.tasks.keywords import UNKNOWN
from zoo.recipes.keyword_tasks import WORDS, Speech


@pytest.mark.parametrize(
    ("table", "name", "source"), [("ar", "kws-ar", "asc"), ("en", "kws-en", "gsc")]
)
def test_speech_is_all_words_of_a_set_or_those_of_a_role(
    table: str, name: str, source: str, shared_data: Path
) -> None:
    with (shared_data / "kws" / f"{table}.csv").open(encoding="utf-8") as file:
        roles = Counter(row["role"] for row in csv.DictReader(file) if row["split"] != "train")
    found = {
        is_keyword: Speech(
            title="", set=name, splits=("val", "test"), is_keyword=is_keyword
        ).examples(shared_data / "kws")
        for is_keyword in (None, True, False)
    }
    assert len(found[True]) == roles["keyword"]
    assert len(found[False]) == roles["unknown"]
    assert len(found[None]) == roles.total()
    assert all(one.startswith(source) for one in found[None].source)


def test_wake_words_are_told_from_words_made_of_them(shared_data: Path) -> None:
    words = WORDS["kws-wake"]
    own, more = words.load(shared_data / "kws"), words.with_negatives(shared_data / "kws")
    assert more.classes == own.classes
    assert [len(more.val), len(more.test)] == [len(own.val), len(own.test)]
    further = more.train.take(np.arange(len(own.train), len(more.train)))
    assert {more.classes[y] for y in further.y} == {UNKNOWN}
    assert set(further.source) == {"asc", "reversed", "spliced", "adjoining"}


def test_unknown_words_are_drawn_more_often(shared_data: Path) -> None:
    front_end = LogMelConfig()
    made = WORDS["kws-wake"].material(shared_data / "kws", front_end)
    batches = iter(made.train(0, (front_end.frames(front_end.rate), front_end.bins)))
    labels = np.concatenate([next(batches)[1].numpy() for _ in range(5)])
    shares = np.bincount(labels, minlength=len(made.classes)) / len(labels)
    unknown = made.classes.index(UNKNOWN)
    assert shares[unknown] > 0.25 > np.delete(shares, unknown).max()
