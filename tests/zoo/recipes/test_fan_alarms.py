# SPDX-License-Identifier: Apache-2.0
"""Alarms over several windows, and thresholds chosen again."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import results
from tflm_mcunet.zoo.entry import CONVERTED, Entry
from zoo.recipes import fan_alarms
from zoo.recipes.fan_alarms import Scores


def scores(values: list[float], y: list[int], recording: str) -> Scores:
    return Scores(np.array(values), np.array(y), np.array(list(recording)))


def test_means_stay_within_a_recording() -> None:
    found = scores([1, 3, 5, 10, 20], [0, 0, 0, 1, 1], "aaabb").averaged(2)
    assert found.values.tolist() == [2, 4, 15]
    assert (found.y.tolist(), found.recording.tolist()) == ([0, 0, 1], ["a", "a", "b"])
    assert (found.normal.tolist(), found.faulty.tolist()) == ([2, 4], [15])


@pytest.mark.parametrize("windows", [1, 3])
def test_a_moved_sensor_needs_its_own_threshold(windows: int) -> None:
    """All scores rise by 5; faults lie 10 higher."""
    rng = np.random.default_rng(0)
    noise = rng.uniform(0, 1, (4, 300))
    healthy, both = np.zeros(300, int), np.repeat([0, 1], 300)
    val = Scores(noise[0], healthy, np.full(300, "a"))
    test = Scores(np.concatenate([noise[1], noise[2] + 10]), both, np.repeat(["a", "b"], 300))
    moved = Scores(noise[3] + 5, healthy, np.full(300, "c"))
    found = fan_alarms.alarms({"val": val, "test": test, "test_session": moved}, windows)
    assert found["auc"] == 1.0
    assert found["threshold"]["moved"] == found["threshold"]["faulty"] == 1.0
    assert found["threshold"]["normal"] < 0.05
    assert found["anew"]["faulty"] == 1.0 and found["anew"]["normal"] == 0.0
    assert found["anew"]["moved"] < 0.1


def test_the_page_is_made_from_the_figures_of_the_model_in_the_zoo() -> None:
    figures = results.read("fan_alarms")
    written = (results.RESULTS / "fan_alarms.md").read_text(encoding="utf-8")
    assert written == fan_alarms.page(figures)
    assert figures["sha256"] == Entry.read(fan_alarms.MODELS / "anomaly-fan").sha256[CONVERTED]
