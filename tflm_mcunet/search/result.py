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

    from tflm_mcunet.quantization_report import Comparison


@dataclasses.dataclass(frozen=True, eq=False)
class Found:
    """A network with weights of its own.

    `model` is a plain functional Keras 2 model with float32 logits, whose inputs are
    (pixel - 128) / 128 for images and features as real values for keywords. `int8`: the content of
    the `.tflite` file quantized from it. `validation`, `test`: accuracies of both, by which the
    network was chosen and on data never used; `test` is None if there are none.
    """

    architecture: Architecture
    model: tf_keras.Model
    int8: bytes
    cost: Cost
    validation: Comparison
    test: Comparison | None

    @property
    def accuracy(self) -> float:
        """Of the float model on the validation data, 0 to 1."""
        return self.validation.float32


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
            "validation": best.validation.to_json(),
            "test": best.test and best.test.to_json(),
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
