# SPDX-License-Identifier: Apache-2.0
"""What a search has found."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from tflm_mcunet.search.architecture import Architecture
from tflm_mcunet.search.cost import Cost
from tflm_mcunet.search.evolution import Record
from tflm_mcunet.search.limits import Limits

if TYPE_CHECKING:
    import tf_keras


@dataclasses.dataclass(frozen=True, eq=False)
class Found:
    """A network with weights of its own.

    `accuracy`: on the validation data, by which it was chosen; `test_accuracy`: on the test data,
    None if there are none. `model` is a plain functional Keras 2 model with float32 logits, whose
    inputs are (pixel - 128) / 128 for images and features as real values for keywords.
    """

    architecture: Architecture
    model: tf_keras.Model
    cost: Cost
    accuracy: float
    test_accuracy: float | None


@dataclasses.dataclass(frozen=True, eq=False)
class Result:
    """What `search.run` returns.

    `pareto`: networks that no other beats in both accuracy and SRAM, the smallest first, with
    accuracies by the supernet's weights. `evaluated`: how many networks were compared.
    """

    best: Found
    pareto: tuple[Record, ...]
    records: tuple[Record, ...]
    limits: Limits
    classes: tuple[str, ...]

    @property
    def evaluated(self) -> int:
        return len(self.records)

    def plot(self) -> bytes:
        """Accuracy over SRAM of all networks that were evaluated, as a PNG file."""
        from tflm_mcunet.report import search_picture

        return search_picture.draw(self.records, self.pareto, self.limits)

    def to_json(self) -> dict[str, Any]:
        """What `tflm-mcunet search --json` prints."""
        best = self.best
        return {
            "architecture": dataclasses.asdict(best.architecture),
            "description": str(best.architecture),
            "accuracy": best.accuracy,
            "test_accuracy": best.test_accuracy,
            "cost": dataclasses.asdict(best.cost),
            "limits": dataclasses.asdict(self.limits),
            "classes": list(self.classes),
            "evaluated": self.evaluated,
            "pareto": [
                {
                    "description": str(record.architecture),
                    "accuracy": record.accuracy,
                    **dataclasses.asdict(record.cost),
                }
                for record in self.pareto
            ],
        }
