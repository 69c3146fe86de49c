# SPDX-License-Identifier: Apache-2.0
"""What a front end computes: small values that are stored beside a model, as JSON."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, TypeVar

import numpy as np

from tflm_converters.errors import SettingsError

_MAX_WINDOW = 4096
_MAX_BINS = 256

_Config = TypeVar("_Config", bound="FrontEndConfig")


@dataclasses.dataclass(frozen=True, kw_only=True)
class FrontEndConfig:
    """What all front ends have in common: frames of a signal, and how levels become features.

    A level of `floor_db` is the real value -1, one of `ceiling_db` is 1, and a feature is
    `real / scale + zero_point`, rounded and saturated: with a model's input quantization, the
    features are its input. 0 dB is a full-scale sine.

    Attributes:
        rate: samples per second.
        window: samples of a frame, even; Hann-shaped, zero-padded to a power of two.
    """

    rate: int
    window: int
    floor_db: float
    ceiling_db: float
    scale: float = 1 / 128
    zero_point: int = 0

    def __post_init__(self) -> None:
        self._require(self.rate > 0, "rate", "positive")
        in_range = 8 <= self.window <= _MAX_WINDOW and self.window % 2 == 0
        self._require(in_range, "window", f"an even number from 8 to {_MAX_WINDOW}")
        self._require(self.ceiling_db > self.floor_db, "ceiling_db", f"above {self.floor_db} dB")
        self._require(self.scale > 0, "scale", "positive")
        self._require(-128 <= self.zero_point <= 127, "zero_point", "from -128 to 127")

    @property
    def fft_size(self) -> int:
        """Points of the transform: the next power of two."""
        return int(1 << (self.window - 1).bit_length())

    def for_input(self: _Config, *, scale: float, zero_point: int) -> _Config:
        """The same front end for a model whose input is quantized so."""
        return dataclasses.replace(self, scale=scale, zero_point=zero_point)

    def real(self, features: np.ndarray) -> np.ndarray:
        """The real values of int8 features, float32; a model is trained on these."""
        steps = features.astype(np.float32) - np.float32(self.zero_point)
        return steps * np.float32(self.scale)

    def to_json(self) -> dict[str, Any]:
        """Fields by name; `from_json` takes them back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls: type[_Config], fields: dict[str, Any]) -> _Config:
        """The config with these fields; those left out have their defaults.

        Raises:
            SettingsError: unknown fields, or values that no front end has.
        """
        known = {field.name for field in dataclasses.fields(cls)}
        if unknown := sorted(set(fields) - known):
            raise SettingsError(
                f"{cls.__name__}: expected fields among {', '.join(sorted(known))}; "
                f"got {', '.join(unknown)}"
            )
        return cls(**fields)

    def dumps(self) -> str:
        """As text, one line."""
        return json.dumps(self.to_json())

    def _require(self, is_right: bool, name: str, expected: str) -> None:
        if not is_right:
            raise SettingsError(
                f"{type(self).__name__}: expected {name} {expected}, got {getattr(self, name)}"
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class LogMelConfig(FrontEndConfig):
    """Log-mel features of 16-bit audio: a row of `bins` for each hop.

    Attributes:
        hop: samples from the beginning of a frame to that of the next.
        bins: triangular filters, equally spaced on the mel scale.
        low_hz: where the first filter begins.
        high_hz: where the last filter ends.
    """

    rate: int = 16000
    window: int = 480
    hop: int = 320
    bins: int = 40
    low_hz: float = 20.0
    high_hz: float = 4000.0
    floor_db: float = -90.0
    ceiling_db: float = -10.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require(1 <= self.hop <= self.window, "hop", f"from 1 to the window {self.window}")
        self._require(1 <= self.bins <= _MAX_BINS, "bins", f"from 1 to {_MAX_BINS}")
        self._require(0 <= self.low_hz < self.high_hz, "low_hz", f"from 0 to {self.high_hz}")
        half = self.rate / 2
        self._require(self.high_hz <= half, "high_hz", f"at most half the rate, {half}")

    def frames(self, samples: int) -> int:
        """How many rows a recording of this length gives."""
        return max(0, (samples - self.window) // self.hop + 1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class LogSpectrumConfig(FrontEndConfig):
    """Log spectra of a block of a sensor's samples, less their mean, for each axis.

    The defaults are for a second of 3-axis acceleration in 1/2048 g.

    Attributes:
        axes: how many values a sample has.
        bands: equally wide bands from `low_hz` to half the rate.
        low_hz: where the first band begins.
    """

    rate: int = 200
    window: int = 200
    axes: int = 3
    bands: int = 96
    low_hz: float = 1.0
    floor_db: float = -105.0
    ceiling_db: float = -45.0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._require(1 <= self.axes <= 16, "axes", "from 1 to 16")
        self._require(0 <= self.low_hz < self.rate / 2, "low_hz", f"from 0 to {self.rate / 2}")
        self._require(1 <= self.bands <= _MAX_BINS, "bands", f"from 1 to {_MAX_BINS}")
