# SPDX-License-Identifier: Apache-2.0
"""The figures of a model, as its zoo's evaluation script has measured them."""

from __future__ import annotations

import dataclasses

from tflm_mcunet.zoo.entry import RESULTS, Entry, Json, ZooError, read_json
from tflm_mcunet.zoo.evaluation import Evaluation
from tflm_mcunet.zoo.listening import Heard

WHOLE, ROW_FED = "whole input", "row-fed"


@dataclasses.dataclass(frozen=True)
class OriginalCost:
    """The model before conversion, layer by layer: bytes, and multiply-accumulates."""

    peak_bytes: int
    tflm_arena_bytes: int
    file_bytes: int
    weight_bytes: int
    macs: int


@dataclasses.dataclass(frozen=True)
class Cost:
    """The converted model, fed whole or row by row.

    `peak_bytes` and `lower_bound_bytes` are of activations; `tflm_arena_bytes` the smallest
    arena of TensorFlow Lite Micro on a 64-bit host. The others are measured on an emulated
    Cortex-M4, in C without an interpreter: `sram_bytes` its arena and variables, `row_bytes` the
    row that the caller holds beside, `flash_bytes` code and model. `differing_bytes` of the
    outputs, on `samples` inputs, are against the original in TensorFlow Lite Micro;
    `spoiled_bytes` were written though they belong to nobody.
    """

    peak_bytes: int
    lower_bound_bytes: int
    tflm_arena_bytes: int
    file_bytes: int
    macs: int
    sram_bytes: int
    row_bytes: int
    stack_bytes: int
    flash_bytes: int
    code_bytes: int
    instructions: int
    samples: int
    differing_bytes: int
    spoiled_bytes: int


@dataclasses.dataclass(frozen=True, eq=False)
class Results:
    """All figures of a model.

    `made` says how they were made. `sets` holds, by test set and then by variant (the
    quantization of the entry, "fp32" and others), what was answered; `variants` the files of
    other variants than the entry's, and at which `commit` they were asked. `costs` is by way of
    feeding, `refused` says why a way is not there. `listening`, for a model with a detector, is
    by what it heard.
    """

    made: Json
    sets: dict[str, dict[str, Evaluation]]
    variants: dict[str, Json]
    original: OriginalCost
    costs: dict[str, Cost]
    refused: dict[str, str]
    listening: dict[str, Heard] = dataclasses.field(default_factory=dict)

    def shipped(self, entry: Entry) -> Cost:
        """The cost of `converted.tflite`."""
        return self.costs[shipped_way(entry)]

    def main_set(self, entry: Entry) -> Evaluation:
        """What the model answered on its first test set."""
        return self.sets[entry.test_sets[0]][entry.quantization]

    def to_json(self, entry: Entry) -> Json:
        """What `results.json` of an entry holds."""
        return {
            "made": self.made,
            "sha256": entry.sha256,
            "sets": {
                name: {variant: of_one.to_json() for variant, of_one in of_set.items()}
                for name, of_set in self.sets.items()
            },
            "variants": self.variants,
            "original": dataclasses.asdict(self.original),
            "costs": {way: dataclasses.asdict(cost) for way, cost in self.costs.items()},
            "refused": self.refused,
            "listening": {
                what: dataclasses.asdict(heard) for what, heard in self.listening.items()
            },
        }

    @classmethod
    def read(cls, entry: Entry) -> Results | None:
        """The figures of an entry; None if it has not been evaluated yet.

        Raises:
            ZooError: they are damaged, or belong to other files than the entry's.
        """
        path = entry.folder / RESULTS
        if not path.is_file():
            return None
        content = read_json(path)
        if content.get("sha256") != entry.sha256:
            raise ZooError(
                f"'{path}' belongs to other files than this entry's; evaluate the model again, "
                "or reinstall the zoo"
            )
        try:
            return cls._from_json(content)
        except (KeyError, TypeError, AttributeError) as error:
            raise ZooError(f"'{path}' is damaged ({error!r}); reinstall the zoo") from None

    @classmethod
    def _from_json(cls, content: Json) -> Results:
        return cls(
            content["made"],
            {
                name: {variant: Evaluation.from_json(of_one) for variant, of_one in of_set.items()}
                for name, of_set in content["sets"].items()
            },
            content["variants"],
            OriginalCost(**content["original"]),
            {way: Cost(**cost) for way, cost in content["costs"].items()},
            content["refused"],
            {what: Heard(**heard) for what, heard in content.get("listening", {}).items()},
        )


def shipped_way(entry: Entry) -> str:
    """How `converted.tflite` is fed."""
    return ROW_FED if entry.conversion.get("row_fed") else WHOLE
