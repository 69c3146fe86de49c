# SPDX-License-Identifier: Apache-2.0
"""From posteriors to detections, by the code that runs on the device."""

from __future__ import annotations

import ctypes
import dataclasses
from typing import Any

import numpy as np

from tflm_converters.errors import SettingsError
from tflm_mcunet.audio import native

_MOST_ROWS = 1 << 15

NEVER = 127
"""The threshold of a channel that is never detected, such as silence."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class DetectorConfig:
    """When a moving average of posteriors counts as a detection.

    Attributes:
        thresholds: per channel, as the model's int8 outputs; the average must exceed it.
        window: posteriors in an average.
        refractory: inferences after a detection in which there is no other.
    """

    thresholds: tuple[int, ...]
    window: int = 4
    refractory: int = 12

    def __post_init__(self) -> None:
        if not self.thresholds or not all(-128 <= t <= NEVER for t in self.thresholds):
            raise SettingsError(
                f"DetectorConfig: expected thresholds from -128 to {NEVER}, got {self.thresholds}"
            )
        if not (1 <= self.window <= 1024 and 0 <= self.refractory < 1 << 16):
            raise SettingsError(
                "DetectorConfig: expected window from 1 to 1024 and refractory from 0 to 65535, "
                f"got {self.window} and {self.refractory}"
            )

    def to_json(self) -> dict[str, Any]:
        """Fields by name; `from_json` takes them back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> DetectorConfig:
        """The config with these fields."""
        return cls(**{**fields, "thresholds": tuple(fields["thresholds"])})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Listening:
    """How a model listens to a stream of sound: how often, and what counts as a detection.

    Attributes:
        new_rows: of features, from one inference to the next.
        detector: of its posteriors.
    """

    new_rows: int
    detector: DetectorConfig

    def __post_init__(self) -> None:
        if not 1 <= self.new_rows <= _MOST_ROWS:
            raise SettingsError(
                f"Listening: expected new_rows from 1 to {_MOST_ROWS}, got {self.new_rows}"
            )

    def to_json(self) -> dict[str, Any]:
        """Fields by name, those of the detector among them; `from_json` takes them back."""
        return {"new_rows": self.new_rows, **self.detector.to_json()}

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Listening:
        """With these fields.

        Raises:
            SettingsError: one is missing, unknown, or has a value that is not possible.
        """
        rest = dict(fields)
        try:
            return cls(new_rows=rest.pop("new_rows"), detector=DetectorConfig.from_json(rest))
        except (KeyError, TypeError) as error:
            raise SettingsError(
                f"expected new_rows, thresholds, window and refractory, got {', '.join(fields)} "
                f"({error})"
            ) from None


class Detector:
    """Smooths posteriors and says which channel is detected, and when."""

    def __init__(self, config: DetectorConfig) -> None:
        self.config = config
        channels = len(config.thresholds)
        self._thresholds = np.array(config.thresholds, np.int8)
        self._history = np.empty((config.window, channels), np.int8)
        self._sums = np.empty(channels, np.int32)
        self._settings = native.CDetectorSettings(
            channels, config.window, config.refractory, native.address(self._thresholds)
        )
        self._detector = native.library().tmc_detector_begin(
            ctypes.addressof(self._settings),
            native.address(self._history),
            native.address(self._sums),
        )

    def push(self, posteriors: np.ndarray) -> int | None:
        """Takes the posteriors of an inference, int8 (channels,); the channel detected, if any.

        Raises:
            SettingsError: they have another shape or dtype.
        """
        if posteriors.dtype != np.int8 or posteriors.shape != self._sums.shape:
            raise SettingsError(
                f"expected int8 posteriors of {self._sums.size} channels, "
                f"got {posteriors.dtype} {posteriors.shape}"
            )
        detected = native.library().tmc_detector_push(
            ctypes.addressof(self._detector),
            ctypes.addressof(self._settings),
            native.address(np.ascontiguousarray(posteriors)),
        )
        return None if detected < 0 else int(detected)
