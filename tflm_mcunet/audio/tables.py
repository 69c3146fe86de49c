# SPDX-License-Identifier: Apache-2.0
"""The constants of a front end, as the C code reads them: tmc_spectrum.h, tmc_log_mel.h."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from tflm_converters.errors import SettingsError
from tflm_mcunet.audio.config import FrontEndConfig, LogMelConfig, LogSpectrumConfig

_ENERGY_BITS = 60  # of a bin, behind the point
_FILTER_BITS = _ENERGY_BITS - 12 + 15  # of a filter: some are dropped, those of weights come on
_DECIBELS_PER_OCTAVE = 10 * math.log10(2)
_ONE = 1 << 15


@dataclasses.dataclass(frozen=True, eq=False)
class SpectrumTables:
    """`tmc_spectrum_tables`: half a Hann window, int16 Q0.15; a quarter sine, int32 Q0.31."""

    length: int
    size: int
    window: np.ndarray
    sine: np.ndarray


@dataclasses.dataclass(frozen=True)
class Level:
    """`tmc_level`: from the logarithm of an energy to a feature."""

    offset: int
    slope: int


@dataclasses.dataclass(frozen=True, eq=False)
class LogMelTables:
    """`tmc_log_mel_tables`: edges uint16 (bins + 2,), falling uint16, a weight per FFT bin."""

    spectrum: SpectrumTables
    level: Level
    hop: int
    bins: int
    edges: np.ndarray
    falling: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class LogSpectrumTables:
    """`tmc_log_spectrum_tables`: edges uint16 (bands + 1,)."""

    spectrum: SpectrumTables
    level: Level
    axes: int
    bands: int
    edges: np.ndarray


def log_mel_tables(config: LogMelConfig) -> LogMelTables:
    """Filters equally spaced on the mel scale of HTK, of height 1, linear in mel.

    Raises:
        SettingsError: a filter is so narrow that no FFT bin lies in it.
    """
    points = np.linspace(_mel(config.low_hz), _mel(config.high_hz), config.bins + 2)
    bins = _mel(np.arange(1, config.fft_size // 2) * config.rate / config.fft_size)
    edges = np.searchsorted(bins, points) + 1
    band = np.repeat(np.arange(config.bins + 1), np.diff(edges))
    inside = bins[edges[0] - 1 : edges[-1] - 1]
    falling = (points[band + 1] - inside) / np.diff(points)[band]
    empty = np.flatnonzero(edges[2:] == edges[:-2])
    if empty.size:
        raise SettingsError(
            f"LogMelConfig: filter {empty[0]} of {config.bins} lies between two bins of the FFT, "
            f"{config.rate / config.fft_size:g} Hz apart: take fewer bins or a longer window"
        )
    return LogMelTables(
        _spectrum_tables(config),
        _level(config, _FILTER_BITS),
        config.hop,
        config.bins,
        edges.astype(np.uint16),
        np.rint(falling * _ONE).astype(np.uint16),
    )


def log_spectrum_tables(config: LogSpectrumConfig) -> LogSpectrumTables:
    """Bands of equal width.

    Raises:
        SettingsError: there are more bands than FFT bins.
    """
    first = max(1, math.ceil(config.low_hz * config.fft_size / config.rate))
    last = config.fft_size // 2
    if config.bands > last - first:
        raise SettingsError(
            f"LogSpectrumConfig: expected at most {last - first} bands, one per bin of the FFT, "
            f"got {config.bands}"
        )
    edges = np.rint(np.linspace(first, last, config.bands + 1)).astype(np.uint16)
    level = _level(config, _ENERGY_BITS)
    return LogSpectrumTables(_spectrum_tables(config), level, config.axes, config.bands, edges)


def _spectrum_tables(config: FrontEndConfig) -> SpectrumTables:
    half = np.arange(config.window // 2)
    window = np.sin(np.pi * (half + 0.5) / config.window) ** 2
    sine = np.sin(2 * np.pi * np.arange(config.fft_size // 4 + 1) / config.fft_size)
    return SpectrumTables(
        config.window, config.fft_size, _fixed(window, np.int16), _fixed(sine, np.int32)
    )


def _fixed(values: np.ndarray, dtype: type[np.signedinteger]) -> np.ndarray:
    """Numbers in [-1, 1] with all bits but the sign behind the point; 1 saturates."""
    greatest = np.iinfo(dtype).max
    return np.minimum(np.rint(values * (greatest + 1.0)), greatest).astype(dtype)


def _level(config: FrontEndConfig, fraction_bits: int) -> Level:
    """Features from log2 of energies that have `fraction_bits` behind the point."""
    sine = _full_scale_sine(config)
    middle, half = (config.ceiling_db + config.floor_db) / 2, _half_range(config)
    steps_per_db = 1 / (half * config.scale)
    zero_level = -_DECIBELS_PER_OCTAVE * (fraction_bits + math.log2(sine))
    offset = (zero_level - middle) * steps_per_db + config.zero_point
    return Level(round(offset * 2**32), round(_DECIBELS_PER_OCTAVE * steps_per_db * 2**16))


def _half_range(config: FrontEndConfig) -> float:
    return (config.ceiling_db - config.floor_db) / 2


def _full_scale_sine(config: FrontEndConfig) -> float:
    """The energy of a sine of amplitude 1 at its bin: half the window's sum, over the size."""
    window_sum = config.window / 2  # of a Hann window
    return (window_sum / 2 / config.fft_size) ** 2


def _mel(hertz: np.ndarray | float) -> np.ndarray:
    return 2595 * np.log10(1 + np.asarray(hertz) / 700)
