# SPDX-License-Identifier: Apache-2.0
"""The accuracy sets of MLPerf Tiny, and how predictions on them are counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import mlperf_accuracy, mlperf_page, results
from benchmarks.mlperf_sets import TASKS, LabelledSet
from tflm_mcunet.conversion import convert
from tflm_mcunet.host_process import HostProcess

SAMPLES = 3


@pytest.mark.parametrize("key", TASKS)
def test_sets_are_what_the_models_take(key: str, shared_data: Path) -> None:
    task = TASKS[key]
    labelled = task.load(shared_data / "mlperf_tiny")
    before = convert(shared_data / task.model, samples=0).before
    assert labelled.inputs.dtype == np.int8
    assert (1, *labelled.inputs.shape[1:]) == before.layers[0].input_shapes[0]
    assert len(labelled.answers) == len(labelled.inputs) == 900
    assert set(labelled.answers.tolist()) == set(range(len(labelled.classes)))


def test_converted_keyword_model_predicts_the_same(shared_data: Path) -> None:
    task = TASKS["kws"]
    labelled = task.load(shared_data / "mlperf_tiny")
    few = LabelledSet(labelled.inputs[:SAMPLES], labelled.answers[:SAMPLES], labelled.classes)
    path = shared_data / task.model
    models = {
        mlperf_accuracy.ORIGINAL: path.read_bytes(),
        "row-fed": convert(path, samples=0, row_fed=True).model,
    }
    with HostProcess() as host:
        counts = mlperf_accuracy.compare(models, few, 0, host)
    assert counts["row-fed"] == counts[mlperf_accuracy.ORIGINAL]
    assert counts["row-fed"]["compared_bytes"] == SAMPLES * len(labelled.classes)
    assert np.sum(counts["row-fed"]["confusion"]) == SAMPLES


def test_differences_are_counted_and_reported() -> None:
    expected = np.array([[5, 1], [1, 5]], np.int8)
    got = np.array([[1, 5], [1, 4]], np.int8)
    counts = mlperf_accuracy._counts(expected, got, np.array([0, 1]))
    assert counts == {
        "confusion": [[0, 1], [0, 1]],
        "differing_predictions": 1,
        "compared_bytes": 4,
        "differing_bytes": 3,
    }
    figures = results.read("mlperf_accuracy")
    figures["tasks"]["vww"]["variants"]["row-fed"] |= counts
    (failure,) = mlperf_page.failures(figures)
    assert "vww_96_int8.tflite, row-fed: 1 predictions and 3 bytes differ" in failure
    assert failure in mlperf_page.page(figures)


def test_no_prediction_differs() -> None:
    figures = results.read("mlperf_accuracy")
    assert mlperf_page.failures(figures) == []
    for task in figures["tasks"].values():
        assert task["samples"] == 900
        assert set(task["variants"]) == {mlperf_accuracy.ORIGINAL, *mlperf_accuracy.VARIANTS}
