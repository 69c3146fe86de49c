# SPDX-License-Identifier: Apache-2.0
"""Log-mel features: the integers of the definition, close to real numbers, in any pieces."""

from __future__ import annotations

import ctypes
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.tflm_mcunet.audio import reference
from tflm_converters.errors import SettingsError
from tflm_mcunet.audio import LogMel, LogMelConfig, native

CONFIGS = (
    LogMelConfig(),
    LogMelConfig(high_hz=8000.0, bins=10, window=640, hop=320),
    LogMelConfig(window=512, hop=512, bins=32, low_hz=125.0, high_hz=7500.0),
    LogMelConfig(rate=8000, window=200, hop=80, bins=20, low_hz=0.0, scale=0.1, zero_point=-7),
    LogMelConfig(window=1024, hop=512, bins=128, low_hz=0.0, high_hz=8000.0),
    LogMelConfig(rate=100, window=10, hop=3, bins=2, low_hz=0.0, high_hz=50.0),
)
LOUD, QUIET = 32767.0, 80.0  # about 0 and -52 dBFS


def signals(samples: int = 4000) -> dict[str, np.ndarray]:
    """int16: noises, tones, and what could overflow."""
    rng = np.random.default_rng(0)
    time = np.arange(samples)
    square = np.where(np.sin(2 * np.pi * 0.0625 * time) >= 0, 32767, -32768)
    real = {
        "noise": rng.normal(0, 3000, samples),
        "quiet": rng.normal(0, QUIET, samples),
        "last bit": rng.integers(-1, 2, samples),
        "tone": LOUD * np.sin(2 * np.pi * 0.0625 * time),
        "quiet tone": QUIET * np.sin(2 * np.pi * 0.03 * time),
        "square": square,
        "extremes": rng.choice([-32768, 32767], samples),
        "least": np.full(samples, -32768),
        "silence": np.zeros(samples),
    }
    return {name: np.clip(x, -32768, 32767).astype(np.int16) for name, x in real.items()}


@pytest.fixture(params=CONFIGS, ids=lambda config: f"{config.window}/{config.bins}")
def front_end(
    request: pytest.FixtureRequest, front_ends: ctypes.CDLL, monkeypatch: pytest.MonkeyPatch
) -> LogMel:
    """A front end that calls the compiled variant."""
    monkeypatch.setattr(native, "library", lambda: front_ends)
    return LogMel(request.param)


def test_no_value_differs_from_the_definition(front_end: LogMel) -> None:
    for name, pcm in signals().items():
        expected = reference.log_mel(front_end.tables, pcm)
        got = front_end.features(pcm)
        assert got.shape == (front_end.config.frames(pcm.size), front_end.config.bins)
        assert np.count_nonzero(got != expected) == 0, name


def test_recordings_may_arrive_in_any_pieces(front_end: LogMel) -> None:
    pcm, rng = signals()["noise"], np.random.default_rng(1)
    stream = front_end.stream()
    pieces = np.split(pcm, np.sort(rng.integers(0, pcm.size, 50)))
    rows = np.concatenate([stream.push(piece) for piece in pieces])
    assert np.array_equal(rows, front_end.features(pcm))


def test_features_are_those_of_real_arithmetic_rounded() -> None:
    front_end = LogMel()
    for name in ("noise", "quiet", "quiet tone"):
        pcm = signals(16000)[name]
        exact = np.clip(reference.float_log_mel(front_end.config, pcm), -128, 127)
        error = np.abs(front_end.features(pcm) - exact)
        # Half a step is the rounding to int8 itself.
        assert error.max() < 0.53, name
        assert error.mean() < 0.26, name


def test_real_recordings_have_no_differing_value(shared_data: Path) -> None:
    soundfile = pytest.importorskip("soundfile")
    front_end = LogMel()
    with zipfile.ZipFile(shared_data / "kws" / "en.zip") as archive:
        for name in archive.namelist()[:40]:
            pcm, rate = soundfile.read(io.BytesIO(archive.read(name)), dtype="int16")
            assert rate == front_end.config.rate
            expected = reference.log_mel(front_end.tables, pcm)
            assert np.count_nonzero(front_end.features(pcm) != expected) == 0
            exact = np.clip(reference.float_log_mel(front_end.config, pcm), -128, 127)
            assert np.abs(front_end.features(pcm) - exact).mean() < 0.26


def test_a_full_scale_sine_is_at_0_db() -> None:
    config = LogMelConfig(window=512, hop=512, floor_db=-40.0, ceiling_db=40.0)
    pcm = np.rint(LOUD * np.sin(2 * np.pi * 32 / 512 * np.arange(512))).astype(np.int16)
    loudest = LogMel(config).features(pcm).max()
    # Its energy spreads over three bins, which the filter weighs.
    assert 0 <= loudest * 40 / 128 < 2


def test_features_follow_the_input_quantization_of_the_model() -> None:
    pcm = signals()["noise"]
    plain, fitted = LogMel(), LogMel(LogMelConfig().for_input(scale=0.02, zero_point=5))
    real = np.clip(np.rint(plain.config.real(plain.features(pcm)) / 0.02) + 5, -128, 127)
    assert np.abs(real - fitted.features(pcm)).max() <= 1
    assert fitted.config.real(np.array([5], np.int8)) == 0.0


def test_short_recordings_have_no_frames() -> None:
    assert LogMel().features(np.zeros(479, np.int16)).shape == (0, 40)
    assert LogMel().features(np.zeros(0, np.int16)).shape == (0, 40)


@pytest.mark.parametrize("pcm", [np.zeros(500), np.zeros((500, 2), np.int16)])
def test_other_samples_are_refused(pcm: np.ndarray) -> None:
    with pytest.raises(SettingsError, match="expected 16-bit samples of one channel, got"):
        LogMel().features(pcm)


def test_too_many_filters_are_refused() -> None:
    with pytest.raises(SettingsError, match="take fewer bins or a longer window"):
        LogMel(LogMelConfig(bins=100))
