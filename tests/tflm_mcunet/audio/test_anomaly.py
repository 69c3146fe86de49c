# SPDX-License-Identifier: Apache-2.0
"""Scores of auto-encoders: the integers of the definition, close to real arithmetic."""

from __future__ import annotations

import ctypes
import dataclasses

import numpy as np
import pytest

from tflm_converters.errors import SettingsError
from tflm_mcunet.audio import AnomalyConfig, AnomalyScorer, native
from tflm_mcunet.audio.anomaly import AnomalySettings, anomaly_settings

INPUT, OUTPUT = (1 / 128, 0), (1 / 191, -9)


def defined(settings: AnomalySettings, given: np.ndarray, got: np.ndarray) -> int:
    """The score in Python's integers, which never overflow."""
    difference = (
        got.astype(object) * settings.output_step
        - given.astype(object) * settings.input_step
        + settings.offset
    )
    return int((difference**2 * settings.weights.astype(object)).sum())


def tensors(length: int, *, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    given, got = rng.integers(-128, 128, (2, length), np.int8)
    return given, got


@pytest.mark.parametrize("length", [1, 7, 288, 65535])
@pytest.mark.parametrize(
    ("given", "got"), [(INPUT, OUTPUT), (OUTPUT, INPUT), ((3.0, 5), (1e-4, 9))]
)
def test_scores_are_those_of_the_definition(
    length: int,
    given: tuple[float, int],
    got: tuple[float, int],
    front_ends: ctypes.CDLL,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(native, "library", lambda: front_ends)
    weights = tuple(np.random.default_rng(length).integers(1, 256, length).tolist())
    scorer = AnomalyScorer(AnomalyConfig(weights=weights, threshold=1.0), given=given, got=got)
    values = tensors(length, seed=length)
    assert scorer.score(*values) == defined(scorer.settings, *values) > 0


def test_the_greatest_score_does_not_overflow(
    front_ends: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "library", lambda: front_ends)
    config = AnomalyConfig(weights=(255,) * 65535, threshold=1.0)
    scorer = AnomalyScorer(config, given=(1.0, 127), got=(1.0, -128))
    given, got = np.full(65535, -128, np.int8), np.full(65535, 127, np.int8)
    assert scorer.score(given, got) == defined(scorer.settings, given, got) > 1 << 61


def test_scores_are_close_to_real_arithmetic() -> None:
    weights = np.random.default_rng(1).integers(0, 256, 288)
    config = AnomalyConfig(weights=tuple(weights.tolist()), threshold=0.3)
    scorer = AnomalyScorer(config, given=INPUT, got=OUTPUT)
    given, got = tensors(288, seed=2)
    real_input, real_output = (
        (values.astype(float) - zero_point) * scale
        for values, (scale, zero_point) in ((given, INPUT), (got, OUTPUT))
    )
    expected = np.average((real_output - real_input) ** 2, weights=weights)
    assert scorer.settings.real(scorer.score(given, got)) == pytest.approx(expected, rel=2e-3)


def test_a_score_above_the_threshold_is_an_anomaly() -> None:
    """Differences of 1 and 2, weights 3 and 1: (3 + 4) / 4 = 1.75."""
    given, got = np.array([1, 2], np.int8), np.array([2, 4], np.int8)
    for threshold, is_anomaly in ((1.74, True), (1.75, False)):
        config = AnomalyConfig(weights=(3, 1), threshold=threshold)
        scorer = AnomalyScorer(config, given=(1.0, 0), got=(1.0, 0))
        score = scorer.score(given, got)
        assert scorer.settings.real(score) == 1.75
        assert scorer.is_anomaly(score) is is_anomaly


def test_a_threshold_that_no_score_exceeds_fits() -> None:
    config = AnomalyConfig(weights=(1,), threshold=1e30)
    assert anomaly_settings(config, given=INPUT, got=OUTPUT).threshold == (1 << 64) - 1


def test_json_gives_the_same_config() -> None:
    config = AnomalyConfig(weights=(1, 255), threshold=0.5)
    assert AnomalyConfig.from_json(config.to_json()) == config


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"weights": ()}, "expected 1 to 65535 weights, got 0"),
        ({"weights": (1, 256)}, "expected weights from 0 to 255, not all 0, got 1 to 256"),
        ({"weights": (0, 0)}, "expected weights from 0 to 255, not all 0"),
        ({"threshold": -1.0}, "expected a threshold from 0, got -1.0"),
        ({"threshold": float("nan")}, "expected a threshold from 0, got nan"),
    ],
)
def test_impossible_settings_are_refused(fields: dict[str, object], expected: str) -> None:
    with pytest.raises(SettingsError, match=expected):
        dataclasses.replace(AnomalyConfig(weights=(1,), threshold=1.0), **fields)


def test_other_tensors_are_refused() -> None:
    config = AnomalyConfig(weights=(1, 1), threshold=1.0)
    scorer = AnomalyScorer(config, given=INPUT, got=OUTPUT)
    with pytest.raises(SettingsError, match="expected an int8 output of 2 values.* int8 with 3"):
        scorer.score(np.zeros(2, np.int8), np.zeros(3, np.int8))
    with pytest.raises(SettingsError, match="expected an int8 input of 2 values.* float32 with 2"):
        scorer.score(np.zeros(2, np.float32), np.zeros(2, np.int8))
