# SPDX-License-Identifier: Apache-2.0
"""Front ends as C: their tables are those that Python uses."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from tests import c_programs
from tests.arduino import native as c_compiler
from tests.tflm_mcunet.audio.conftest import SOURCES
from tests.tflm_mcunet.audio.test_log_mel import signals
from tflm_mcunet import runtime_sources
from tflm_mcunet.audio import (
    AnomalyConfig,
    AnomalyScorer,
    DetectorConfig,
    LogMel,
    LogMelConfig,
    LogSpectrum,
    LogSpectrumConfig,
    c_source,
    native,
)


def built(folder: Path, files: Mapping[str, str]) -> ctypes.CDLL:
    """The generated sources with the runtime, which C++ can include, too."""
    c_programs.write(folder, files)
    (header,) = folder.glob("*.h")
    caller = folder / "caller.cpp"
    caller.write_text(f'#include "{header.name}"\n')
    for path in c_compiler.RUNTIME.glob("tmc_*.h"):
        (folder / path.name).write_bytes(path.read_bytes())
    c_programs.compile_cpp(caller, folder / "caller.o")
    return native.declared(c_compiler.compile_library(folder, [*SOURCES, *folder.glob("*.c")]))


def test_log_mel_tables_give_the_same_features(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, pcm = LogMelConfig(bins=20, scale=0.05, zero_point=3), signals()["noise"]
    expected = LogMel(config).features(pcm)
    library = built(tmp_path, c_source.c_log_mel(config, name="kws", title="a test"))
    monkeypatch.setattr(native, "library", lambda: library)
    tables = native.CLogMelTables.in_dll(library, "kws_log_mel")
    monkeypatch.setattr(native.CLogMelTables, "of", lambda _: tables)
    assert np.array_equal(LogMel(config).features(pcm), expected)


def test_log_spectrum_tables_give_the_same_features(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = LogSpectrumConfig(bands=20)
    block = np.random.default_rng(0).normal(0, 99, (200, 3)).astype(np.int16)
    expected = LogSpectrum(config).features(block)
    library = built(tmp_path, c_source.c_log_spectrum(config, name="fan", title="a test"))
    monkeypatch.setattr(native, "library", lambda: library)
    tables = native.CLogSpectrumTables.in_dll(library, "fan_log_spectrum")
    monkeypatch.setattr(native.CLogSpectrumTables, "of", lambda _: tables)
    assert np.array_equal(LogSpectrum(config).features(block), expected)


def test_detector_settings_are_the_same(tmp_path: Path) -> None:
    config = DetectorConfig(thresholds=(3, -100, 127), window=5, refractory=7)
    library = built(tmp_path, c_source.c_detector(config, name="kws", title="a test"))
    settings = native.CDetectorSettings.in_dll(library, "kws_detector")
    assert (settings.channels, settings.window, settings.refractory) == (3, 5, 7)
    thresholds = ctypes.cast(settings.thresholds, ctypes.POINTER(ctypes.c_int8))
    assert tuple(thresholds[:3]) == config.thresholds


def test_anomaly_settings_give_the_same_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = AnomalyConfig(weights=(255, 0, 3, 40), threshold=900.0)
    scorer = AnomalyScorer(config, given=(0.5, 3), got=(0.4, -7))
    given, got = np.array([[1, 2, -3, 127], [-128, 100, -4, -5]], np.int8)
    expected = scorer.score(given, got)
    assert expected > 1 << 32
    sources = c_source.c_anomaly(scorer.settings, name="fan", title="a test")
    library = built(tmp_path, sources)
    settings = native.CAnomalySettings.in_dll(library, "fan_anomaly")
    assert settings.threshold == scorer.settings.threshold > 1 << 32
    monkeypatch.setattr(native, "library", lambda: library)
    monkeypatch.setattr(scorer, "_settings", settings)
    assert scorer.score(given, got) == expected


def test_functions_name_the_files_of_the_runtime() -> None:
    functions = (
        c_source.LOG_MEL_FUNCTIONS
        | c_source.LOG_SPECTRUM_FUNCTIONS
        | c_source.DETECTOR_FUNCTIONS
        | c_source.ANOMALY_FUNCTIONS
    )
    found = {path.name for path in runtime_sources.needed(functions) if path.suffix == ".c"}
    assert found == {path.name for path in SOURCES}
