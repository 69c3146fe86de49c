# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.tflm_mcunet.tasks.made_up import photos, save_image, words
from tflm_converters.errors import DataError
from tflm_mcunet.audio import LogMelConfig
from tflm_mcunet.search import material

pytest.importorskip("tensorflow")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_images(tmp_path: Path) -> None:
    made = material.images(photos(tmp_path / "pets"), resolution=32, batch_size=16, seed=0)
    assert made.classes == ("cat", "dog")
    first, again, second = (list(made.train(epoch, (24, 24))) for epoch in (0, 0, 1))
    for (images, labels), (same, _), (other, _) in zip(first, again, second, strict=True):
        assert images.shape == (16, 24, 24, 3) and labels.shape == (16,)
        np.testing.assert_array_equal(images, same)
        assert not np.array_equal(images, other)
    ((images, labels),) = made.evaluation("val", (32, 32))
    assert len(labels) == made.splits["val"] > 0
    assert -1 <= images.min() < images.max() < 1
    assert sum(len(labels) for _, labels in made.evaluation("calibration", (32, 32))) <= 80


def test_keywords(tmp_path: Path) -> None:
    config = LogMelConfig()
    made = material.keywords(
        words(tmp_path / "clips"), "kws", front_end=config, batch_size=16, seed=0
    )
    assert set(made.classes) >= {"no", "yes"}
    inputs, labels = next(iter(made.train(0, (49, 40))))
    assert inputs.shape == (16, 49, 40, 1)
    assert labels.shape == (16,)
    assert made.evaluation("val", (49, 40))[0][0].shape[1:] == (49, 40, 1)


def test_chosen_keywords(tmp_path: Path) -> None:
    clips = words(tmp_path / "clips", ("no", "yes", "up"))
    made = material.keywords(
        clips, "kws", front_end=LogMelConfig(), batch_size=16, seed=0, words=("yes", "no")
    )
    assert made.classes == ("yes", "no", "unknown", "silence")


def test_classes_are_counted_before_the_resolution_is_chosen(tmp_path: Path) -> None:
    assert material.count_classes(photos(tmp_path / "pets"), "vww", None) == 2
    clips = words(tmp_path / "clips", ("no", "yes", "up"))
    made = material.keywords(clips, "kws", front_end=LogMelConfig(), batch_size=16, seed=0)
    assert material.count_classes(clips, "kws", None) == len(made.classes)
    assert material.count_classes(clips, "kws", ("up",)) == 3  # unknown, silence


def test_too_few_examples_are_refused(tmp_path: Path) -> None:
    save_image(tmp_path / "pets" / "train" / "cat" / "a.png")
    save_image(tmp_path / "pets" / "train" / "dog" / "b.png", colour="blue")
    with pytest.raises(DataError, match="no examples in its split 'val'"):
        material.images(tmp_path / "pets", resolution=32, batch_size=4, seed=0)
