# SPDX-License-Identifier: Apache-2.0
"""The front ends once more, in NumPy: with the same integers, and with floats."""

from __future__ import annotations

import numpy as np

from tflm_mcunet.audio.config import FrontEndConfig, LogMelConfig
from tflm_mcunet.audio.tables import Level, LogMelTables, LogSpectrumTables, SpectrumTables


def log_mel(tables: LogMelTables, pcm: np.ndarray) -> np.ndarray:
    """int8 (frames, bins)."""
    frames = np.lib.stride_tricks.sliding_window_view(pcm, tables.spectrum.length)[:: tables.hop]
    energy = energies(tables.spectrum, frames) >> np.uint64(12)
    band = np.searchsorted(tables.edges, np.arange(tables.edges[0], tables.edges[-1]), "right")
    filters = np.zeros((energy.shape[-1], tables.bins + 2), np.uint64)
    inside = np.arange(tables.edges[0], tables.edges[-1])
    filters[inside, band - 1] = tables.falling
    filters[inside, band] = (1 << 15) - tables.falling.astype(np.uint64)
    return levels(tables.level, energy @ filters[:, 1:-1])


def log_spectrum(tables: LogSpectrumTables, block: np.ndarray) -> np.ndarray:
    """int8 (axes, bands)."""
    mean = np.floor(block.astype(np.int64).sum(0) / len(block) + 0.5).astype(np.int64)
    centred = np.clip(block - mean, -(1 << 15), (1 << 15) - 1)
    energy = energies(tables.spectrum, centred.T)
    bands = [energy[:, a:b].sum(-1) for a, b in zip(tables.edges, tables.edges[1:], strict=False)]
    return levels(tables.level, np.stack(bands, -1))


def energies(tables: SpectrumTables, frames: np.ndarray) -> np.ndarray:
    """uint64 (frames, size / 2) of bins 0, which is wrong, to size / 2 - 1."""
    window = np.concatenate([tables.window, tables.window[::-1]]).astype(np.int64)
    padded = np.zeros((*frames.shape[:-1], tables.size), np.int64)
    padded[..., : tables.length] = frames * window
    pairs = fft(tables, padded[..., ::2], padded[..., 1::2])
    real, imaginary = (part >> 1 for part in pairs)
    below, mirrored = np.arange(tables.size // 4 + 1), -np.arange(tables.size // 4 + 1)
    even = (
        (real[..., below] + real[..., mirrored]) >> 1,
        (imaginary[..., below] - imaginary[..., mirrored]) >> 1,
    )
    odd = (
        imaginary[..., below] + imaginary[..., mirrored],
        real[..., mirrored] - real[..., below],
    )
    turned = half_product(rotation(tables, below), odd)
    lower = (even[0] + turned[0]) ** 2 + (even[1] + turned[1]) ** 2
    upper = (even[0] - turned[0]) ** 2 + (even[1] - turned[1]) ** 2
    # Bins above the middle are made together with those below; the middle one is of either kind.
    return np.concatenate([lower[..., :-1], upper[..., :0:-1]], -1).astype(np.uint64)


def fft(
    tables: SpectrumTables, real: np.ndarray, imaginary: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """A complex transform by recursion, halved at each level; int64 (..., points)."""
    count = real.shape[-1]
    if count == 1:
        return real, imaginary
    even = fft(tables, real[..., ::2], imaginary[..., ::2])
    odd = half_turned(tables, *fft(tables, real[..., 1::2], imaginary[..., 1::2]))
    sums = [(a >> 1) + b for a, b in zip(even, odd, strict=True)]
    differences = [(a >> 1) - b for a, b in zip(even, odd, strict=True)]
    first, second = (np.concatenate(parts, -1) for parts in zip(sums, differences, strict=True))
    return first, second


def half_turned(
    tables: SpectrumTables, real: np.ndarray, imaginary: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Point k turned by k half circles over the count, and halved: by a quarter exactly."""
    count = real.shape[-1]
    if count <= 2:
        turned = [part[..., :1] >> 1 for part in (real, imaginary)]
        quarter = [imaginary[..., 1:] >> 1, -real[..., 1:] >> 1]
    else:
        angles = np.arange(count // 2) * (tables.size // 2 // count)
        parts = [np.split(part, 2, -1) for part in (real, imaginary)]
        turned, last = (
            half_product(rotation(tables, angles), (parts[0][i], parts[1][i])) for i in range(2)
        )
        quarter = [last[1], -last[0]]
    first, second = (np.concatenate(pair, -1) for pair in zip(turned, quarter, strict=True))
    return first, second


def rotation(tables: SpectrumTables, angle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """cos and -sin of whole circles in `size` steps, from the table of a quarter."""
    quarter = tables.size // 4
    sine = tables.sine.astype(np.int64)
    half_circle = np.concatenate([sine, sine[-2::-1]])
    circle = np.concatenate([half_circle, -half_circle[1:-1]])
    return circle[(angle + quarter) % tables.size], -circle[angle % tables.size]


def half_product(
    a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    real = _high(a[0], b[0]) - _high(a[1], b[1])
    return real, _high(a[0], b[1]) + _high(a[1], b[0])


def _high(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b + (1 << 31)) >> 32


def levels(level: Level, energy: np.ndarray) -> np.ndarray:
    exact = log2(energy) * level.slope + level.offset
    return np.clip((exact + (1 << 31)) >> 32, -128, 127).astype(np.int8)


def log2(energy: np.ndarray) -> np.ndarray:
    """Q.16, by the same polynomial."""
    values = [int(value) for value in energy.ravel()]
    exponents = np.array([max(value.bit_length() - 1, 0) for value in values])
    x = np.array([(v << 63 >> v.bit_length() - 1 >> 47) & 0xFFFF if v else 0 for v in values])
    polynomial = 28752 + ((x * (-15667 + ((x * 5382) >> 16))) >> 16)
    fraction = x + (((x * (65536 - x)) >> 16) * polynomial >> 16)
    return (exponents * 65536 + fraction).reshape(energy.shape)


def float_log_mel(config: LogMelConfig, pcm: np.ndarray) -> np.ndarray:
    """Features before rounding and saturation, in double precision, from the definition alone."""
    frames = np.lib.stride_tricks.sliding_window_view(pcm / 32768, config.window)[:: config.hop]
    points = np.linspace(mel(config.low_hz), mel(config.high_hz), config.bins + 2)
    at = mel(np.arange(config.fft_size // 2 + 1) * config.rate / config.fft_size)[:, None]
    rising = (at - points[:-2]) / np.diff(points)[:-1]
    falling = (points[2:] - at) / np.diff(points)[1:]
    filters = np.maximum(0, np.minimum(rising, falling))
    filters[0] = 0  # the offset of the microphone
    return scaled(config, power(config, frames) @ filters)


def power(config: FrontEndConfig, frames: np.ndarray) -> np.ndarray:
    """Of frames in [-1, 1): 1 at the bin of a full-scale sine."""
    window = np.sin(np.pi * (np.arange(config.window) + 0.5) / config.window) ** 2
    spectrum = np.fft.rfft(frames * window, config.fft_size)
    return np.asarray(np.abs(spectrum / (window.sum() / 2)) ** 2)


def scaled(config: FrontEndConfig, energy: np.ndarray) -> np.ndarray:
    decibels = 10 * np.log10(np.maximum(energy, 1e-30))
    middle = (config.ceiling_db + config.floor_db) / 2
    real = (decibels - middle) / ((config.ceiling_db - config.floor_db) / 2)
    return np.asarray(real / config.scale + config.zero_point)


def mel(hertz: np.ndarray | float) -> np.ndarray:
    return 2595 * np.log10(1 + np.asarray(hertz) / 700)
