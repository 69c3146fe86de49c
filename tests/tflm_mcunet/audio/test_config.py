# SPDX-License-Identifier: Apache-2.0
"""Configs of front ends: JSON and back, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tflm_converters.errors import SettingsError
from tflm_mcunet.audio import LogMelConfig, LogSpectrumConfig


@pytest.mark.parametrize("config", [LogMelConfig(bins=10, scale=0.3), LogSpectrumConfig(axes=1)])
def test_json_gives_the_same_config(config: Any) -> None:
    assert type(config).from_json(json.loads(config.dumps())) == config


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"window": 481}, "expected window an even number from 8 to 4096, got 481"),
        ({"hop": 481}, "expected hop from 1 to the window 480, got 481"),
        ({"high_hz": 8001}, "expected high_hz at most half the rate, 8000.0, got 8001"),
        ({"low_hz": 4000}, "expected low_hz from 0 to 4000.0, got 4000"),
        ({"floor_db": 0}, "expected ceiling_db above 0 dB, got -10.0"),
        ({"scale": 0}, "expected scale positive, got 0"),
        ({"bands": 3}, "expected fields among bins, .* got bands"),
    ],
)
def test_impossible_settings_are_refused(fields: dict[str, Any], expected: str) -> None:
    with pytest.raises(SettingsError, match=expected):
        LogMelConfig.from_json(fields)
