# SPDX-License-Identifier: Apache-2.0
"""How badly an auto-encoder reproduces its input, by the code that runs on the device."""

from __future__ import annotations

import ctypes
import dataclasses
import math
from typing import Any

import numpy as np

from tflm_converters.errors import SettingsError
from tflm_mcunet.audio import native

Quantization = tuple[float, int]
"""Scale and zero point of a tensor."""

_STEPS = 1 << 10  # in a step of the coarser tensor
_MAX_LENGTH = (1 << 16) - 1
_MAX_WEIGHT = 255


@dataclasses.dataclass(frozen=True, kw_only=True)
class AnomalyConfig:
    """When an input is an anomaly.

    The score is the weighted mean of the squared differences of output and input, as real
    numbers. Weights that fall with the variance of normal data make it the distance of Mahalanobis
    for features that are independent.

    Attributes:
        weights: of each value, from 0 to 255.
        threshold: a score above it is an anomaly.
    """

    weights: tuple[int, ...]
    threshold: float

    def __post_init__(self) -> None:
        if not 1 <= len(self.weights) <= _MAX_LENGTH:
            raise SettingsError(
                f"AnomalyConfig: expected 1 to {_MAX_LENGTH} weights, got {len(self.weights)}"
            )
        in_range = all(0 <= weight <= _MAX_WEIGHT for weight in self.weights)
        if not (in_range and any(self.weights)):
            raise SettingsError(
                f"AnomalyConfig: expected weights from 0 to {_MAX_WEIGHT}, not all 0, got "
                f"{min(self.weights)} to {max(self.weights)}"
            )
        if not (math.isfinite(self.threshold) and self.threshold >= 0):
            raise SettingsError(f"AnomalyConfig: expected a threshold from 0, got {self.threshold}")

    def to_json(self) -> dict[str, Any]:
        """Fields by name; `from_json` takes them back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> AnomalyConfig:
        """The config with these fields."""
        return cls(**{**fields, "weights": tuple(fields["weights"])})


@dataclasses.dataclass(frozen=True, eq=False)
class AnomalySettings:
    """`tmc_anomaly_settings`; `unit` is what a difference of 1 is as a real number."""

    input_step: int
    output_step: int
    offset: int
    weights: np.ndarray
    threshold: int
    unit: float

    def real(self, score: int) -> float:
        """The score as a real number: the weighted mean of squared differences."""
        return score * self.unit**2 / int(self.weights.sum(dtype=np.int64))


def anomaly_settings(
    config: AnomalyConfig, *, given: Quantization, got: Quantization
) -> AnomalySettings:
    """Integers for a network whose input and output are quantized so.

    Args:
        config: weights and threshold.
        given: scale and zero point of the network's input.
        got: those of its output.
    """
    unit = max(given[0], got[0]) / _STEPS
    input_step, output_step = round(given[0] / unit), round(got[0] / unit)
    total = sum(config.weights)
    return AnomalySettings(
        input_step,
        output_step,
        given[1] * input_step - got[1] * output_step,
        np.array(config.weights, np.uint8),
        min(int(config.threshold * total / unit**2), (1 << 64) - 1),
        unit,
    )


class AnomalyScorer:
    """Scores what an int8 auto-encoder makes of its input.

    Example:
        >>> scorer = AnomalyScorer(config, given=(1 / 128, 0), got=(1 / 150, -3))
        >>> scorer.is_anomaly(scorer.score(features, reconstruction))
    """

    def __init__(self, config: AnomalyConfig, *, given: Quantization, got: Quantization) -> None:
        self.settings = anomaly_settings(config, given=given, got=got)
        self._settings = native.CAnomalySettings.of(self.settings)

    def score(self, given: np.ndarray, got: np.ndarray) -> int:
        """The sum of weighted squares, an integer as on the device.

        Args:
            given: the network's input, int8, of any shape.
            got: its output, int8, with as many values.

        Raises:
            SettingsError: they have another dtype, or not a value for each weight.
        """
        length = self.settings.weights.size
        for what, values in (("input", given), ("output", got)):
            if values.dtype != np.int8 or values.size != length:
                raise SettingsError(
                    f"expected an int8 {what} of {length} values, one for each weight, got "
                    f"{values.dtype} with {values.size}"
                )
        arrays = np.ascontiguousarray(given), np.ascontiguousarray(got)
        score = native.library().tmc_anomaly_score(
            ctypes.addressof(self._settings), *map(native.address, arrays)
        )
        return int(score)

    def is_anomaly(self, score: int) -> bool:
        """Whether it is above the threshold."""
        return score > self.settings.threshold
