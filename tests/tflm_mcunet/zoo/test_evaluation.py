# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json

import numpy as np
import pytest

from tflm_mcunet.zoo.entry import ZooError
from tflm_mcunet.zoo.evaluation import (
    Evaluation,
    GroupErrors,
    LabelledSample,
    area_under_curve,
    evaluate,
)
from tflm_mcunet.zoo.outputs import Prediction

LABELS = ("no", "yes")


def predict(source: object) -> Prediction:
    """Says yes to positive numbers."""
    (value,) = np.asarray(source)
    return Prediction(LABELS[int(value > 0)], {"yes": float(value)})


def sample(value: float, label: int, speaker: str) -> LabelledSample:
    return LabelledSample(np.array([value]), label, {"speaker": speaker})


SAMPLES = [sample(1, 1, "a"), sample(-1, 0, "a"), sample(2, 0, "b"), sample(3, 1, "b")]


def test_answers_are_counted() -> None:
    result = evaluate(predict, LABELS, SAMPLES)
    np.testing.assert_array_equal(result.confusion, [[1, 1], [0, 2]])
    assert (result.samples, result.accuracy) == (4, 0.75)
    assert result.auc == 0.75  # of the four pairs, only 1 and 2 are in the wrong order
    assert result.groups == {"speaker": {"a": GroupErrors(2, 0), "b": GroupErrors(2, 1)}}


def test_json_holds_everything() -> None:
    result = evaluate(predict, LABELS, SAMPLES)
    again = Evaluation.from_json(json.loads(json.dumps(result.to_json())))
    assert again.to_json() == result.to_json()


def test_three_labels_have_no_curve() -> None:
    assert evaluate(predict, ("no", "yes", "maybe"), SAMPLES).auc is None


def test_no_samples_is_an_error() -> None:
    with pytest.raises(ZooError, match="no samples"):
        evaluate(predict, LABELS, [])


def test_area_is_the_share_of_pairs_in_order() -> None:
    """Against the definition, with ties."""
    rng = np.random.default_rng(5)
    scores, positive = rng.integers(0, 9, 60), rng.random(60) < 0.4
    pairs = scores[positive][:, None] - scores[~positive][None, :]
    assert area_under_curve(scores, positive) == pytest.approx(
        np.mean((pairs > 0) + 0.5 * (pairs == 0))
    )
    assert area_under_curve(scores, np.ones(60, bool)) is None
