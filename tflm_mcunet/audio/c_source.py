# SPDX-License-Identifier: Apache-2.0
"""Front ends and detectors as C: constant tables for the fixed code of the runtime."""

from __future__ import annotations

from pathlib import Path
from string import Template

import numpy as np

from tflm_converters.emit.c_tables import integers
from tflm_mcunet.audio.anomaly import AnomalySettings
from tflm_mcunet.audio.config import LogMelConfig, LogSpectrumConfig
from tflm_mcunet.audio.detector import DetectorConfig
from tflm_mcunet.audio.tables import (
    Level,
    SpectrumTables,
    log_mel_tables,
    log_spectrum_tables,
)

_TEMPLATES = Path(__file__).parent / "c"

LOG_MEL_FUNCTIONS = frozenset({"tmc_log_mel_push", "tmc_log_mel_row"})
LOG_SPECTRUM_FUNCTIONS = frozenset({"tmc_log_spectrum"})
DETECTOR_FUNCTIONS = frozenset({"tmc_detector_begin", "tmc_detector_push"})
ANOMALY_FUNCTIONS = frozenset({"tmc_anomaly_score"})
"""What the tables are for; `runtime_sources.needed` finds their files."""


def c_log_mel(config: LogMelConfig, *, name: str, title: str) -> dict[str, str]:
    """`<name>_log_mel.h` and `.c`, which define `const tmc_log_mel_tables <name>_log_mel`.

    Args:
        config: the front end.
        name: a C identifier, as of `tflm_converters.emit.c_source.identifier`.
        title: what it belongs to, for the comments.
    """
    tables = log_mel_tables(config)
    return _sources(
        "log_mel",
        name=name,
        title=title,
        rate=config.rate,
        window=config.window,
        hop=tables.hop,
        bins=tables.bins,
        edges=integers(tables.edges),
        falling=integers(tables.falling),
        **_common(tables.spectrum, tables.level),
    )


def c_log_spectrum(config: LogSpectrumConfig, *, name: str, title: str) -> dict[str, str]:
    """`<name>_log_spectrum.h` and `.c`, which define its `tmc_log_spectrum_tables`."""
    tables = log_spectrum_tables(config)
    return _sources(
        "log_spectrum",
        name=name,
        title=title,
        rate=config.rate,
        window=config.window,
        axes=tables.axes,
        bands=tables.bands,
        edges=integers(tables.edges),
        **_common(tables.spectrum, tables.level),
    )


def c_detector(config: DetectorConfig, *, name: str, title: str) -> dict[str, str]:
    """`<name>_detector.h` and `.c`, which define `const tmc_detector_settings <name>_detector`."""
    channels = len(config.thresholds)
    return _sources(
        "detector",
        name=name,
        title=title,
        channels=channels,
        window=config.window,
        refractory=config.refractory,
        history=channels * config.window,
        thresholds=integers(np.array(config.thresholds)),
    )


def c_anomaly(settings: AnomalySettings, *, name: str, title: str) -> dict[str, str]:
    """`<name>_anomaly.h` and `.c`, which define `const tmc_anomaly_settings <name>_anomaly`."""
    return _sources(
        "anomaly",
        name=name,
        title=title,
        length=settings.weights.size,
        input_step=settings.input_step,
        output_step=settings.output_step,
        offset=settings.offset,
        weights=integers(settings.weights),
        threshold=settings.threshold,
    )


def _common(spectrum: SpectrumTables, level: Level) -> dict[str, object]:
    window, sine = integers(spectrum.window), integers(spectrum.sine)
    return {
        "length": spectrum.length,
        "size": spectrum.size,
        "spectrum": _fill("spectrum.c", window=window, sine=sine),
        "offset": level.offset,
        "slope": level.slope,
    }


def _sources(kind: str, *, name: str, **values: object) -> dict[str, str]:
    names = {"name": name, "NAME": name.upper()}
    return {
        f"{name}_{kind}.{ending}": _fill(f"{kind}.{ending}", **names, **values) for ending in "hc"
    }


def _fill(template: str, **values: object) -> str:
    text = (_TEMPLATES / f"{template}.in").read_text(encoding="utf-8")
    return Template(text).substitute(values)
