# SPDX-License-Identifier: Apache-2.0
"""Log spectra of a sensor's blocks, by the code that runs on the device."""

from __future__ import annotations

import ctypes

import numpy as np

from tflm_converters.errors import SettingsError
from tflm_mcunet.audio import native
from tflm_mcunet.audio.config import LogSpectrumConfig
from tflm_mcunet.audio.tables import log_spectrum_tables


class LogSpectrum:
    """The front end of a vibration model.

    Example:
        >>> LogSpectrum().features(block).shape  # a second of int16 (200, 3)
        (3, 96)
    """

    def __init__(self, config: LogSpectrumConfig = LogSpectrumConfig()) -> None:  # noqa: B008
        self.config = config
        self.tables = log_spectrum_tables(config)
        self._c_tables = native.CLogSpectrumTables.of(self.tables)

    def features(self, block: np.ndarray) -> np.ndarray:
        """The features of a block.

        Args:
            block: int16, (window, axes).

        Returns:
            int8, (axes, bands).

        Raises:
            SettingsError: `block` has another shape or dtype.
        """
        shape = (self.config.window, self.config.axes)
        if block.dtype != np.int16 or block.shape != shape:
            raise SettingsError(f"expected int16 {shape}, got {block.dtype} {block.shape}")
        block = np.ascontiguousarray(block)
        scratch = np.empty(self.config.fft_size, np.int32)
        features = np.empty((self.config.axes, self.config.bands), np.int8)
        arrays = map(native.address, (block, scratch, features))
        native.library().tmc_log_spectrum(ctypes.addressof(self._c_tables), *arrays)
        return features
