# SPDX-License-Identifier: Apache-2.0
"""Log-mel features of audio, by the code that runs on the device."""

from __future__ import annotations

import ctypes

import numpy as np

from tflm_converters.errors import SettingsError
from tflm_mcunet.audio import native
from tflm_mcunet.audio.config import LogMelConfig
from tflm_mcunet.audio.tables import log_mel_tables


class LogMel:
    """The front end of a keyword model.

    Example:
        >>> front_end = LogMel()
        >>> front_end.features(pcm).shape  # a second of 16 kHz int16
        (49, 40)
    """

    def __init__(self, config: LogMelConfig = LogMelConfig()) -> None:  # noqa: B008 - immutable
        self.config = config
        self.tables = log_mel_tables(config)
        self._c_tables = native.CLogMelTables.of(self.tables)

    def features(self, pcm: np.ndarray) -> np.ndarray:
        """The features of a recording.

        Args:
            pcm: int16, (samples,), at the config's rate.

        Returns:
            int8, (frames, bins); no frames if it is shorter than a window.

        Raises:
            SettingsError: `pcm` has another shape or dtype.
        """
        if pcm.dtype != np.int16 or pcm.ndim != 1:
            raise SettingsError(
                f"expected 16-bit samples of one channel, got {pcm.dtype} {pcm.shape}"
            )
        return self.stream().push(pcm)

    def stream(self) -> LogMelStream:
        """A recording that arrives in pieces."""
        return LogMelStream(self.config, self._c_tables, self)


class LogMelStream:
    """Samples that arrive in pieces of any length; made by `LogMel.stream`."""

    def __init__(self, config: LogMelConfig, tables: native.CLogMelTables, owner: LogMel) -> None:
        self._config = config
        self._owner = owner  # of what the tables point to
        self._tables = ctypes.addressof(tables)
        self._samples = np.zeros(config.window, np.int16)
        self._scratch = np.zeros(config.fft_size, np.int32)
        self._stream = native.CLogMel(native.address(self._samples), 0)

    def push(self, pcm: np.ndarray) -> np.ndarray:
        """Takes int16 samples; returns the rows that they complete, int8 (rows, bins)."""
        pcm = np.ascontiguousarray(pcm, np.int16)
        runtime, stream = native.library(), ctypes.addressof(self._stream)
        total = self._stream.filled + pcm.size
        rows = np.empty((self._config.frames(total), self._config.bins), np.int8)
        begin, end = native.address(pcm), native.address(pcm) + pcm.nbytes
        row, row_bytes = native.address(rows), self._config.bins
        scratch = native.address(self._scratch)
        while begin < end:
            count = (end - begin) // pcm.itemsize
            begin += runtime.tmc_log_mel_push(stream, self._tables, begin, count) * pcm.itemsize
            row += row_bytes * runtime.tmc_log_mel_row(stream, self._tables, scratch, row)
        return rows
