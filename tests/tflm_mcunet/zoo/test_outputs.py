# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from tflm_mcunet.zoo.entry import ZooError
from tflm_mcunet.zoo.outputs import Classes, Prediction, Reconstruction, Values, make_output

NOTHING = Values(np.zeros(1))
GIVEN, GOT = Values(np.array([[1.0, 2.0]])), Values(np.array([[2.0, 4.0]]))


def test_the_largest_probability_wins_and_the_first_of_equals() -> None:
    output = Classes(("a", "b", "c"))
    assert output.prediction(NOTHING, Values(np.array([[0.25, 0.5, 0.25]]))) == Prediction(
        "b", {"a": 0.25, "b": 0.5, "c": 0.25}
    )
    assert output.prediction(NOTHING, Values(np.array([[0.5, 0.5, 0.0]]))).label == "a"


@pytest.mark.parametrize(("threshold", "label"), [(2.4, "anomaly"), (2.5, "normal")])
def test_what_is_not_reproduced_is_an_anomaly(threshold: float, label: str) -> None:
    """(1² + 2²) / 2 = 2.5"""
    output = Reconstruction(threshold)
    prediction = output.prediction(GIVEN, GOT)
    assert prediction == Prediction(label, {"anomaly": 2.5})
    assert output.labels == ("normal", "anomaly")


def test_differences_count_with_their_weights() -> None:
    """(3·1² + 1·2²) / 4 = 1.75"""
    output = Reconstruction(1.0, weights=(3, 1))
    assert output.prediction(GIVEN, GOT) == Prediction("anomaly", {"anomaly": 1.75})


def test_int8_networks_are_judged_as_on_the_device() -> None:
    given = Values(np.array([[2, 4]], np.int8), (0.5, 0))
    got = Values(np.array([[9, 17]], np.int8), (0.25, 1))
    for weights, score in ((None, 2.5), ((3, 1), 1.75)):
        prediction = Reconstruction(1.8, weights).prediction(given, got)
        assert prediction == Prediction("anomaly" if score > 1.8 else "normal", {"anomaly": score})


def test_there_are_as_many_outputs_as_inputs() -> None:
    with pytest.raises(ZooError, match="expected as many outputs as inputs, 2, got 1"):
        Reconstruction(1.0).prediction(GIVEN, NOTHING)


def test_descriptions_come_from_json() -> None:
    assert make_output({"kind": "classes", "labels": ["a", "b"]}) == Classes(("a", "b"))
    with pytest.raises(ZooError, match="unknown kind of output 'None'"):
        make_output({})
    with pytest.raises(ZooError, match="kind 'reconstruction' cannot be made"):
        make_output({"kind": "reconstruction", "limit": 3})
    with pytest.raises(ZooError, match="expected weights from 0 to 255"):
        make_output({"kind": "reconstruction", "threshold": 1.0, "weights": [1, 300]})
