# SPDX-License-Identifier: Apache-2.0
"""How often a model is right, what it confuses, and for whom it fails."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from tflm_mcunet.zoo.entry import ZooError
from tflm_mcunet.zoo.inputs import Source
from tflm_mcunet.zoo.outputs import Prediction


@dataclasses.dataclass(frozen=True, eq=False)
class LabelledSample:
    """What a model is given, the index of the right label, and which groups it belongs to.

    `groups` names each by its kind: {"speaker": "17", "source": "coco"}.
    """

    source: Source
    label: int
    groups: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class GroupErrors:
    """Samples of a group, and how many of them were answered wrong."""

    samples: int
    errors: int


@dataclasses.dataclass(frozen=True, eq=False)
class Evaluation:
    """What a model answered.

    `confusion` is int64 (labels, labels): rows are the right answers, columns the model's.
    `auc` is the area under the ROC curve, of the second label's score, where there are two
    labels and samples of both; otherwise None. `groups` is by kind, then by name.
    """

    labels: tuple[str, ...]
    confusion: np.ndarray
    auc: float | None
    groups: dict[str, dict[str, GroupErrors]]

    @property
    def samples(self) -> int:
        return int(self.confusion.sum())

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return float(np.trace(self.confusion) / self.samples)

    def to_json(self) -> dict[str, Any]:
        """The object that `tflm-mcunet zoo eval --json` prints, and that results hold."""
        return {
            "samples": self.samples,
            "accuracy": self.accuracy,
            "auc": self.auc,
            "labels": list(self.labels),
            "confusion": self.confusion.tolist(),
            "groups": {
                kind: {name: dataclasses.asdict(count) for name, count in sorted(of_kind.items())}
                for kind, of_kind in self.groups.items()
            },
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Evaluation:
        """What `to_json` has given."""
        groups = {
            kind: {name: GroupErrors(**count) for name, count in of_kind.items()}
            for kind, of_kind in content["groups"].items()
        }
        confusion = np.array(content["confusion"], np.int64)
        return cls(tuple(content["labels"]), confusion, content["auc"], groups)


def evaluate(
    predict: Callable[[Source], Prediction],
    labels: Sequence[str],
    samples: Iterable[LabelledSample],
) -> Evaluation:
    """Asks a model about samples.

    Args:
        predict: such as `ZooModel.predict`.
        labels: all answers that it can give.
        samples: at least one; each is asked about once, in order.

    Raises:
        ZooError: there are no samples.
        ConversionError: as `predict` does.
    """
    answers: list[tuple[int, int]] = []
    scores: list[float] = []
    groups: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for sample in samples:
        prediction = predict(sample.source)
        answers.append((sample.label, labels.index(prediction.label)))
        scores.append(prediction.scores[labels[1]] if len(labels) == 2 else 0.0)
        for kind, name in sample.groups.items():
            groups[kind][name].append(answers[-1][0] != answers[-1][1])
    if not answers:
        raise ZooError("there are no samples to evaluate on")
    confusion = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(confusion, tuple(np.array(answers).T), 1)
    right = np.array([answer for answer, _ in answers])
    auc = area_under_curve(np.array(scores), right == 1) if len(labels) == 2 else None
    return Evaluation(tuple(labels), confusion, auc, _counted(groups))


def area_under_curve(scores: np.ndarray, positive: np.ndarray) -> float | None:
    """The chance that a positive sample scores above a negative one, ties counted half.

    Args:
        scores: (n,)
        positive: bool (n,)

    Returns:
        None if all samples are on one side.
    """
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        return None
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]  # equal scores share their mean rank
    least = positives * (positives + 1) / 2
    return float((ranks[positive].sum() - least) / (positives * negatives))


def _counted(groups: dict[str, dict[str, list[bool]]]) -> dict[str, dict[str, GroupErrors]]:
    return {
        kind: {name: GroupErrors(len(wrong), sum(wrong)) for name, wrong in of_kind.items()}
        for kind, of_kind in groups.items()
    }
