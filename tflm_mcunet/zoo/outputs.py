# SPDX-License-Identifier: Apache-2.0
"""From the real-valued output of a model to what it means."""

from __future__ import annotations

import dataclasses
from typing import Any, Protocol

import numpy as np

from tflm_mcunet.zoo.entry import ZooError, build


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

    def prediction(self, given: np.ndarray, got: np.ndarray) -> Prediction:
        """The answer, from input and output of the network as real numbers."""
        ...


@dataclasses.dataclass(frozen=True)
class Classes:
    """One probability for each label; the largest wins, and the first of equals."""

    labels: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "labels", tuple(map(str, self.labels)))  # a list in JSON

    def prediction(self, given: np.ndarray, got: np.ndarray) -> Prediction:
        if got.size != len(self.labels):
            raise ZooError(
                f"expected an output for each of {len(self.labels)} labels, got {got.size}"
            )
        scores = got.ravel()
        pairs = zip(self.labels, scores.tolist(), strict=True)
        return Prediction(self.labels[int(scores.argmax())], dict(pairs))


@dataclasses.dataclass(frozen=True)
class Reconstruction:
    """An auto-encoder: what it cannot reproduce is an anomaly.

    The score is the mean squared difference of output and input; an anomaly lies above the
    threshold.
    """

    threshold: float

    @property
    def labels(self) -> tuple[str, ...]:
        return "normal", "anomaly"

    def prediction(self, given: np.ndarray, got: np.ndarray) -> Prediction:
        if given.size != got.size:
            raise ZooError(f"expected as many outputs as inputs, {given.size}, got {got.size}")
        error = float(np.mean((given.ravel() - got.ravel()) ** 2, dtype=np.float64))
        return Prediction(self.labels[int(error > self.threshold)], {self.labels[1]: error})


KINDS: dict[str, type[Any]] = {"classes": Classes, "reconstruction": Reconstruction}


def make_output(content: dict[str, Any]) -> Output:
    """The output that `entry.json` describes.

    Raises:
        ZooError: it is of an unknown kind, or its fields are not those of its kind.
    """
    made: Output = build(content, KINDS, "output")
    return made
