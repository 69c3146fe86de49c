# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tflm_converters.errors import ConversionError
from tflm_mcunet.zoo.evaluation import LabelledSample
from tflm_mcunet.zoo.inputs import ArrayInput, ImageInput, LogSpectrumInput
from zoo.recipes import test_sets
from zoo.recipes.test_sets import TestSet


def test_labels_become_those_of_the_model() -> None:
    samples = [LabelledSample(np.zeros(1), 0), LabelledSample(np.zeros(1), 1)]
    found = TestSet(("yes", "no"), samples).labelled_for(("silence", "no", "yes"))
    assert [sample.label for sample in found] == [2, 1]


def test_models_must_know_all_classes() -> None:
    with pytest.raises(ConversionError, match="classes that the model has not: no"):
        list(TestSet(("yes", "no"), []).labelled_for(("yes", "maybe")))


def test_unknown_sets_and_splits(shared_data: Path) -> None:
    with pytest.raises(ConversionError, match="unknown test set 'smells'; the sets are vww"):
        test_sets.load("smells", shared_data, ArrayInput((1,)))
    with pytest.raises(ConversionError, match="'anomaly' has no split 'train'; it has val, test"):
        test_sets.load("anomaly/train", shared_data, LogSpectrumInput({}))


def test_vibration_is_grouped_by_speed_and_recording(shared_data: Path) -> None:
    test = test_sets.load("anomaly", shared_data, LogSpectrumInput({}))
    assert test.classes == ("normal", "anomaly")
    assert len(test.samples) == 449 + 1154
    assert {sample.groups["speed"] for sample in test.samples} == {"off", "low", "med", "high"}
    remounted = test_sets.load("anomaly/test_session", shared_data, LogSpectrumInput({}))
    assert [sample.label for sample in remounted.samples] == [0] * 178


def test_photos_come_in_the_size_of_the_model(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    test = test_sets.load("vww01", shared_data, ImageInput(32, 48, 3, scale=1 / 128, offset=-1.0))
    assert len(test.samples) == 900
    assert np.asarray(test.samples[0].source).shape == (32, 48, 3)
    assert test.samples[0].groups == {}
