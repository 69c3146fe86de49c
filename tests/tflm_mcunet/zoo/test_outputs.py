# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from tflm_mcunet.zoo.entry import ZooError
from tflm_mcunet.zoo.outputs import Classes, Prediction, Reconstruction, make_output

NOTHING = np.zeros(1)


def test_the_largest_probability_wins_and_the_first_of_equals() -> None:
    output = Classes(("a", "b", "c"))
    assert output.prediction(NOTHING, np.array([[0.25, 0.5, 0.25]])) == Prediction(
        "b", {"a": 0.25, "b": 0.5, "c": 0.25}
    )
    assert output.prediction(NOTHING, np.array([[0.5, 0.5, 0.0]])).label == "a"


@pytest.mark.parametrize(("threshold", "label"), [(2.4, "anomaly"), (2.5, "normal")])
def test_what_is_not_reproduced_is_an_anomaly(threshold: float, label: str) -> None:
    """(1² + 2²) / 2 = 2.5"""
    output = Reconstruction(threshold)
    prediction = output.prediction(np.array([[1.0, 2.0]]), np.array([[2.0, 4.0]]))
    assert prediction == Prediction(label, {"anomaly": 2.5})
    assert output.labels == ("normal", "anomaly")


def test_descriptions_come_from_json() -> None:
    assert make_output({"kind": "classes", "labels": ["a", "b"]}) == Classes(("a", "b"))
    with pytest.raises(ZooError, match="unknown kind of output 'None'"):
        make_output({})
    with pytest.raises(ZooError, match="kind 'reconstruction' cannot be made"):
        make_output({"kind": "reconstruction", "limit": 3})
