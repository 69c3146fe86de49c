# SPDX-License-Identifier: Apache-2.0
"""Log spectra of blocks: the integers of the definition, and no trace of the mean."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest

from tests.tflm_mcunet.audio import reference
from tflm_converters.errors import SettingsError
from tflm_mcunet.audio import LogSpectrum, LogSpectrumConfig, native

CONFIGS = (
    LogSpectrumConfig(),
    LogSpectrumConfig(window=128, axes=1, bands=30, low_hz=0.0),
    LogSpectrumConfig(rate=12000, window=1024, axes=2, bands=100),
)


@pytest.fixture(params=CONFIGS, ids=lambda config: f"{config.window}/{config.bands}")
def front_end(
    request: pytest.FixtureRequest, front_ends: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch
) -> LogSpectrum:
    """A front end that calls the compiled variant."""
    monkeypatch.setattr(native, "library", lambda: front_ends)
    return LogSpectrum(request.param)


def test_no_value_differs_from_the_definition(front_end: LogSpectrum) -> None:
    rng = np.random.default_rng(0)
    shape = (front_end.config.window, front_end.config.axes)
    extremes = rng.choice([-32768, 32767], shape, p=[0.1, 0.9])
    for block in (rng.normal(500, 90, shape), extremes, np.full(shape, -32768)):
        block = block.astype(np.int16)
        expected = reference.log_spectrum(front_end.tables, block)
        assert np.count_nonzero(front_end.features(block) != expected) == 0


def test_features_are_those_of_real_arithmetic_rounded() -> None:
    front_end = LogSpectrum()
    config, edges = front_end.config, front_end.tables.edges
    block = np.random.default_rng(0).normal(700, 90, (200, 3)).astype(np.int16)
    centred = (block - np.floor(block.mean(0) + 0.5)).T / 32768
    power = reference.power(config, centred)
    bands = [power[:, a:b].sum(-1) for a, b in zip(edges, edges[1:], strict=False)]
    exact = reference.scaled(config, np.stack(bands, -1))
    assert np.abs(front_end.features(block) - np.clip(exact, -128, 127)).max() < 0.53


def test_mounting_leaves_no_trace(shared_data: Path) -> None:
    front_end = LogSpectrum()
    with np.load(shared_data / "anomaly" / "fan.npz") as fan:
        blocks = fan["x"][:20]
    for block in blocks:
        expected = reference.log_spectrum(front_end.tables, block)
        assert np.count_nonzero(front_end.features(block) != expected) == 0
        tilted = (block + np.array([300, -200, 77])).astype(np.int16)
        assert np.count_nonzero(front_end.features(tilted) != expected) == 0


def test_other_blocks_are_refused() -> None:
    with pytest.raises(SettingsError, match=r"expected int16 \(200, 3\), got int16 \(199, 3\)"):
        LogSpectrum().features(np.zeros((199, 3), np.int16))
    with pytest.raises(SettingsError, match="expected at most 126 bands"):
        LogSpectrum(LogSpectrumConfig(bands=127))
