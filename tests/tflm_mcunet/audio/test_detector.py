# SPDX-License-Identifier: Apache-2.0
"""Detections: averages, thresholds, and silence after each."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from tflm_converters.errors import SettingsError
from tflm_mcunet.audio import Detector, DetectorConfig, Listening, native


def detections(config: DetectorConfig, posteriors: np.ndarray) -> list[int | None]:
    detector = Detector(config)
    return [detector.push(row) for row in posteriors]


def defined(config: DetectorConfig, posteriors: np.ndarray) -> list[int | None]:
    """The same from whole arrays."""
    before = np.full((config.window, len(config.thresholds)), -128)
    all_rows = np.concatenate([before, posteriors.astype(int)])
    found: list[int | None] = []
    last = -config.refractory - 1
    for time in range(len(posteriors)):
        average = all_rows[time + 1 : time + 1 + config.window].mean(0)
        exceeds = np.where(average > np.array(config.thresholds), average, -np.inf)
        is_found = time - last > config.refractory and np.isfinite(exceeds).any()
        found.append(int(exceeds.argmax()) if is_found else None)
        last = time if is_found else last
    return found


@pytest.mark.parametrize("window", [1, 3, 8])
@pytest.mark.parametrize("refractory", [0, 5])
def test_detections_are_those_of_the_definition(
    window: int,
    refractory: int,
    front_ends: ctypes.CDLL,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(native, "library", lambda: front_ends)
    rng = np.random.default_rng(window + refractory)
    smooth = np.cumsum(rng.integers(-60, 61, (500, 4)), 0)
    posteriors = np.clip(smooth % 300 - 150, -128, 127).astype(np.int8)
    config = DetectorConfig(thresholds=(60, 20, 127, -20), window=window, refractory=refractory)
    expected = defined(config, posteriors)
    assert {0, 1, 3, None} == set(expected)
    assert detections(config, posteriors) == expected


def test_a_channel_may_never_be_detected() -> None:
    config = DetectorConfig(thresholds=(127, 127), window=1)
    assert detections(config, np.full((5, 2), 127, np.int8)) == [None] * 5


def test_json_gives_the_same_config() -> None:
    config = DetectorConfig(thresholds=(1, 127), window=2)
    assert DetectorConfig.from_json(config.to_json()) == config


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(SettingsError, match="expected thresholds from -128 to 127, got"):
        DetectorConfig(thresholds=(128,))
    with pytest.raises(SettingsError, match="expected window from 1 to 1024"):
        DetectorConfig(thresholds=(1,), window=0)


def test_other_posteriors_are_refused() -> None:
    with pytest.raises(SettingsError, match="expected int8 posteriors of 2 channels"):
        Detector(DetectorConfig(thresholds=(1, 1))).push(np.zeros(3, np.int8))


def test_listening_is_kept_as_json() -> None:
    listening = Listening(new_rows=8, detector=DetectorConfig(thresholds=(3, 127), window=2))
    assert Listening.from_json(listening.to_json()) == listening
    with pytest.raises(SettingsError, match="expected new_rows, thresholds, window and refractory"):
        Listening.from_json({"new_rows": 8, "limits": [1]})
    with pytest.raises(SettingsError, match="expected new_rows from 1 to 32768, got 0"):
        Listening(new_rows=0, detector=listening.detector)
