# SPDX-License-Identifier: Apache-2.0
"""Examples are views; sets are assembled by split."""

from __future__ import annotations

import numpy as np

from tflm_mcunet.tasks.dataset import Label, assemble

DATA = np.arange(12, dtype=np.int16).reshape(6, 2)
LABELS = [
    Label(i % 2, split, source=f"s{i}")
    for i, split in enumerate(["train", "test", "train", "val", "later", "train"])
]


def test_examples_go_to_their_split() -> None:
    dataset = assemble(["a", "b"], DATA, LABELS)
    assert dataset.train.x.tolist() == DATA[[0, 2, 5]].tolist()
    assert dataset.train.y.tolist() == [0, 0, 1]
    assert dataset.others["later"].source.tolist() == ["s4"]
    assert dataset.summary() == {
        "classes": ["a", "b"],
        "examples": {"train": 3, "val": 1, "test": 1, "later": 1},
        "per_class": {"train": [2, 1], "val": [0, 1], "test": [0, 1], "later": [1, 0]},
        "skipped": 0,
    }


def test_taking_examples_copies_nothing() -> None:
    train = assemble(["a", "b"], DATA, LABELS).train
    taken = train.take(train.y == 0)
    assert taken.data is DATA
    assert taken.source.tolist() == ["s0", "s2"]


def test_mapping_changes_every_split() -> None:
    mapped = assemble(["a", "b"], DATA, LABELS).map(lambda x: np.array([x.sum()]))
    assert mapped.train.x.tolist() == [[1], [9], [21]]
    assert mapped.others["later"].x.tolist() == [[17]]
    assert mapped.train.y.tolist() == [0, 0, 1]


def test_an_empty_split_can_be_mapped() -> None:
    mapped = assemble(["a"], DATA[:1], [Label(0, "test")]).map(lambda x: x)
    assert len(mapped.train) == 0 and len(mapped.test) == 1
