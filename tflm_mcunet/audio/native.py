# SPDX-License-Identifier: Apache-2.0
"""The C runtime's front ends, as ctypes calls them."""

from __future__ import annotations

import ctypes
import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from tflm_converters.errors import RuntimeMismatchError
from tflm_mcunet import _native
from tflm_mcunet.audio.tables import Level, LogMelTables, LogSpectrumTables, SpectrumTables

if TYPE_CHECKING:
    from tflm_mcunet.audio.anomaly import AnomalySettings

_POINTER = ctypes.c_void_p


class CSpectrum(ctypes.Structure):
    """`tmc_spectrum_tables`."""

    _fields_ = [
        ("length", ctypes.c_uint16),
        ("size", ctypes.c_uint16),
        ("window", _POINTER),
        ("sine", _POINTER),
    ]

    @classmethod
    def of(cls, tables: SpectrumTables) -> CSpectrum:
        return cls(tables.length, tables.size, address(tables.window), address(tables.sine))


class CLevel(ctypes.Structure):
    """`tmc_level`."""

    _fields_ = [("offset", ctypes.c_int64), ("slope", ctypes.c_int32)]

    @classmethod
    def of(cls, level: Level) -> CLevel:
        return cls(level.offset, level.slope)


class CLogMelTables(ctypes.Structure):
    """`tmc_log_mel_tables`."""

    _fields_ = [
        ("spectrum", CSpectrum),
        ("level", CLevel),
        ("hop", ctypes.c_uint16),
        ("bins", ctypes.c_uint16),
        ("edges", _POINTER),
        ("falling", _POINTER),
    ]

    @classmethod
    def of(cls, tables: LogMelTables) -> CLogMelTables:
        """Points into `tables`, which must live as long."""
        spectrum, level = CSpectrum.of(tables.spectrum), CLevel.of(tables.level)
        arrays = address(tables.edges), address(tables.falling)
        return cls(spectrum, level, tables.hop, tables.bins, *arrays)


class CLogMel(ctypes.Structure):
    """`tmc_log_mel`: a stream."""

    _fields_ = [("samples", _POINTER), ("filled", ctypes.c_uint32)]


class CLogSpectrumTables(ctypes.Structure):
    """`tmc_log_spectrum_tables`."""

    _fields_ = [
        ("spectrum", CSpectrum),
        ("level", CLevel),
        ("axes", ctypes.c_uint16),
        ("bands", ctypes.c_uint16),
        ("edges", _POINTER),
    ]

    @classmethod
    def of(cls, tables: LogSpectrumTables) -> CLogSpectrumTables:
        """Points into `tables`, which must live as long."""
        spectrum, level = CSpectrum.of(tables.spectrum), CLevel.of(tables.level)
        return cls(spectrum, level, tables.axes, tables.bands, address(tables.edges))


class CDetectorSettings(ctypes.Structure):
    """`tmc_detector_settings`."""

    _fields_ = [
        ("channels", ctypes.c_uint16),
        ("window", ctypes.c_uint16),
        ("refractory", ctypes.c_uint16),
        ("thresholds", _POINTER),
    ]


class CDetector(ctypes.Structure):
    """`tmc_detector`."""

    _fields_ = [
        ("history", _POINTER),
        ("sums", _POINTER),
        ("next", ctypes.c_uint16),
        ("silent", ctypes.c_uint16),
    ]


class CAnomalySettings(ctypes.Structure):
    """`tmc_anomaly_settings`."""

    _fields_ = [
        ("length", ctypes.c_uint16),
        ("input_step", ctypes.c_int16),
        ("output_step", ctypes.c_int16),
        ("offset", ctypes.c_int32),
        ("weights", _POINTER),
        ("threshold", ctypes.c_uint64),
    ]

    @classmethod
    def of(cls, settings: AnomalySettings) -> CAnomalySettings:
        """Points into `settings`, which must live as long."""
        steps = settings.input_step, settings.output_step, settings.offset
        weights = settings.weights
        return cls(weights.size, *steps, address(weights), settings.threshold)


_FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {
    "tmc_log_mel_push": (ctypes.c_uint32, [*[_POINTER] * 3, ctypes.c_uint32]),
    "tmc_log_mel_row": (ctypes.c_bool, [_POINTER] * 4),
    "tmc_log_spectrum": (None, [_POINTER] * 4),
    "tmc_detector_begin": (CDetector, [_POINTER] * 3),
    "tmc_detector_push": (ctypes.c_int32, [_POINTER] * 3),
    "tmc_anomaly_score": (ctypes.c_uint64, [_POINTER] * 3),
}


@functools.cache
def library() -> ctypes.CDLL:
    """The runtime, its functions declared.

    Raises:
        RuntimeMismatchError: it is not built, or is one of another version.
    """
    try:
        return declared(ctypes.CDLL(str(_native.LIBRARY)))
    except (OSError, AttributeError) as error:
        raise RuntimeMismatchError(
            f"the C runtime cannot be used ({error}); build it: pip install, or "
            "python setup.py build_ext --inplace in a checkout"
        ) from None


def declared(runtime: ctypes.CDLL) -> ctypes.CDLL:
    """The same library; its front ends know their arguments."""
    for name, (result, arguments) in _FUNCTIONS.items():
        function = getattr(runtime, name)
        function.restype, function.argtypes = result, arguments
    return runtime


def address(array: np.ndarray) -> int:
    """Where a contiguous array lies; it must live as long as the address is used."""
    assert array.flags.c_contiguous
    return int(array.ctypes.data)
