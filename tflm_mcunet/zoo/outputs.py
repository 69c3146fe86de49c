# SPDX-License-Identifier: Apache-2.0
"""From the output of a model to what it means."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, Protocol

import numpy as np

from tflm_mcunet.audio import AnomalyConfig, AnomalyScorer, Listening
from tflm_mcunet.audio.anomaly import Quantization
from tflm_mcunet.zoo.entry import ZooError, build


@dataclasses.dataclass(frozen=True, eq=False)
class Values:
    """A tensor as the network stores it: int8 with scale and zero point, or real numbers."""

    stored: np.ndarray
    quantization: Quantization | None = None

    @property
    def real(self) -> np.ndarray:
        """float32, of the same shape."""
        if self.quantization is None:
            return self.stored
        scale, zero_point = self.quantization
        return (self.stored.astype(np.float32) - zero_point) * np.float32(scale)


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The most likely label, and the score of each label that has one."""

    label: str
    scores: dict[str, float]


class Output(Protocol):
    """What the output of a network means."""

    @property
    def labels(self) -> tuple[str, ...]:
        """All answers; where there are two, the second is the one to detect."""
        ...

    def prediction(self, given: Values, got: Values) -> Prediction:
        """The answer, from input and output of the network."""
        ...


@dataclasses.dataclass(frozen=True)
class Classes:
    """One probability for each label; the largest wins, and the first of equals.

    `listening`: for models that hear a stream, the fields of `tflm_mcunet.audio.Listening`.
    """

    labels: tuple[str, ...]
    listening: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(map(str, self.labels)))  # a list in JSON
        if self.listening is not None:
            detector = Listening.from_json(self.listening).detector
            if len(detector.thresholds) != len(self.labels):
                raise ValueError(f"{len(detector.thresholds)} thresholds, a label has one each")

    def prediction(self, given: Values, got: Values) -> Prediction:
        scores = got.real.ravel()
        if scores.size != len(self.labels):
            raise ZooError(
                f"expected an output for each of {len(self.labels)} labels, got {scores.size}"
            )
        pairs = zip(self.labels, scores.tolist(), strict=True)
        return Prediction(self.labels[int(scores.argmax())], dict(pairs))


@dataclasses.dataclass(frozen=True)
class Reconstruction:
    """An auto-encoder: what it cannot reproduce is an anomaly.

    The score is the mean squared difference of output and input, weighted if there are weights;
    an anomaly lies above the threshold. That of int8 models is computed as on the device.
    """

    threshold: float
    weights: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.weights is not None:
            object.__setattr__(self, "weights", tuple(self.weights))  # a list in JSON
        self.config(length=1)  # wrong fields are found now

    @property
    def labels(self) -> tuple[str, ...]:
        return "normal", "anomaly"

    def config(self, *, length: int) -> AnomalyConfig:
        """Weights and threshold for a network whose input has so many values."""
        return AnomalyConfig(weights=self.weights or (1,) * length, threshold=self.threshold)

    def prediction(self, given: Values, got: Values) -> Prediction:
        if given.stored.size != got.stored.size:
            raise ZooError(
                f"expected as many outputs as inputs, {given.stored.size}, got {got.stored.size}"
            )
        if given.quantization is None or got.quantization is None:
            difference = got.real.ravel().astype(np.float64) - given.real.ravel()
            error = float(np.average(difference**2, weights=self.weights))
            is_anomaly = error > self.threshold
        else:
            config = self.config(length=given.stored.size)
            scorer = _scorer(config, given.quantization, got.quantization)
            score = scorer.score(given.stored, got.stored)
            error, is_anomaly = scorer.settings.real(score), scorer.is_anomaly(score)
        return Prediction(self.labels[int(is_anomaly)], {self.labels[1]: error})


@functools.lru_cache(maxsize=8)
def _scorer(config: AnomalyConfig, given: Quantization, got: Quantization) -> AnomalyScorer:
    return AnomalyScorer(config, given=given, got=got)


KINDS: dict[str, type[Any]] = {"classes": Classes, "reconstruction": Reconstruction}


def make_output(content: dict[str, Any]) -> Output:
    """The output that `entry.json` describes.

    Raises:
        ZooError: it is of an unknown kind, or its fields are not those of its kind.
    """
    made: Output = build(content, KINDS, "output")
    return made
