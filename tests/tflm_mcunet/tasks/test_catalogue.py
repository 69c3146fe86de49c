# SPDX-License-Identifier: Apache-2.0
"""Sets of tensorflow-datasets, with a stand-in for the package."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tflm_converters.errors import DataError
from tflm_mcunet import tasks

COUNTS = {"train": 60, "test": 5}


class Builder:
    """The part of a builder that is used."""

    def __init__(self, name: str) -> None:
        if name not in ("photos", "speech", "boxes", "empty"):
            raise ValueError(f"no dataset {name}")
        self.name = name
        names = ["b", "a"] if name == "photos" else ["yes", "no", "_silence_", "_unknown_"]
        label = types.SimpleNamespace(names=names)
        keys = None if name == "boxes" else ("x", "label")
        self.info = types.SimpleNamespace(
            splits={} if name == "empty" else COUNTS,
            supervised_keys=keys,
            features={"label": label},
        )
        self.prepared = False

    def download_and_prepare(self) -> None:
        self.prepared = True

    def as_dataset(self, *, split: str, as_supervised: bool) -> Iterator[tuple[Any, int]]:
        assert self.prepared and as_supervised
        for i in range(COUNTS[split]):
            if self.name == "photos":
                yield np.full((20 + i, 30, 3), 100, np.uint8), i % 2
            else:
                yield np.full(15000, 40, np.int64), i % 4


@pytest.fixture(autouse=True)
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    made = types.ModuleType("tensorflow_datasets")
    made.builder = Builder  # type: ignore[attr-defined]
    made.as_numpy = lambda stored: stored  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", made)


def test_images_are_resized_and_split() -> None:
    dataset = tasks.load("tfds:photos", resolution=16)
    assert dataset.classes == ("b", "a") and dataset.example_shape == (16, 16, 3)
    assert len(dataset.test) == 5
    # Without validation of its own, a part of what is for training.
    assert len(dataset.train) + len(dataset.val) == 60 and 0 < len(dataset.val) < 20
    assert set(dataset.train.x.ravel()) == {100}


def test_clips_are_keywords() -> None:
    dataset = tasks.load("tfds:speech")
    assert dataset.classes == ("yes", "no", "unknown", "silence")
    assert dataset.example_shape == (16000,)
    assert dataset.test.y.tolist() == [0, 1, 3, 2, 0]


def test_what_cannot_be_loaded_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match="cannot load 'nothing': no dataset nothing"):
        tasks.load("tfds:nothing")
    with pytest.raises(DataError, match="'boxes' has no single label"):
        tasks.load("tfds:boxes")
    with pytest.raises(DataError, match="'empty' holds no examples"):
        tasks.load("tfds:empty")
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(DataError, match=r"pip install 'tflm-mcunet\[datasets\]'"):
        tasks.load("tfds:photos")
