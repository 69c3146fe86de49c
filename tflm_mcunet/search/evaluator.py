# SPDX-License-Identifier: Apache-2.0
"""The accuracy of candidates with the weights of a trained supernet, in any process."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tflm_mcunet.files import staged
from tflm_mcunet.search import extraction
from tflm_mcunet.search.architecture import Architecture
from tflm_mcunet.search.material import Batches
from tflm_mcunet.search.space import SearchSpace
from tflm_mcunet.search.supernet import Supernet

_WEIGHTS, _BATCHES, _SPACE = "weights", "batches.npz", "space.txt"
_PARTS = ("calibration", "validation")


@dataclasses.dataclass(frozen=True)
class Evaluator:
    """Called with an architecture, returns its accuracy on the validation data, 0 to 1.

    It can be pickled: where it is called, it reads weights and data from `folder`, which all
    workers must see; `save` writes them.
    """

    space: SearchSpace
    folder: Path

    @classmethod
    def save(
        cls, supernet: Supernet, calibration: Batches, validation: Batches, folder: Path
    ) -> Evaluator:
        """Writes all that is needed to evaluate sub-networks.

        Raises:
            OutputError: `folder` cannot be written.
        """
        arrays: dict[str, Any] = {}
        for name, batches in zip(_PARTS, (calibration, validation), strict=True):
            for index, (images, labels) in enumerate(batches):
                arrays[f"{name}_{index}_images"] = images
                arrays[f"{name}_{index}_labels"] = labels
        with staged(folder) as stage:
            np.savez(stage / _BATCHES, **arrays)
            (stage / _SPACE).write_text(repr(supernet.space), encoding="utf-8")
            tf.train.Checkpoint(supernet=supernet).write(str(stage / _WEIGHTS))
        return cls(supernet.space, folder)

    @property
    def is_saved(self) -> bool:
        """Whether everything is there; the index of the weights is written last."""
        return (self.folder / f"{_WEIGHTS}.index").is_file()

    @property
    def space_of_weights(self) -> str:
        """The space whose weights are there, as text."""
        return (self.folder / _SPACE).read_text(encoding="utf-8")

    def __call__(self, architecture: Architecture) -> float:
        supernet, calibration, validation = self.load()
        return extraction.evaluate(supernet, architecture, calibration, validation)

    def load(self) -> tuple[Supernet, Batches, Batches]:
        """Supernet, calibration and validation batches; once in each process."""
        return _load(self)

    def batches(self) -> tuple[Batches, Batches]:
        """Calibration and validation batches, without the supernet."""
        with np.load(self.folder / _BATCHES) as arrays:
            calibration, validation = (_batches(arrays, name) for name in _PARTS)
        return calibration, validation


@functools.lru_cache(maxsize=1)
def _load(evaluator: Evaluator) -> tuple[Supernet, Batches, Batches]:
    supernet = Supernet(evaluator.space)
    checkpoint = tf.train.Checkpoint(supernet=supernet)
    checkpoint.read(str(evaluator.folder / _WEIGHTS)).assert_existing_objects_matched()
    return (supernet, *evaluator.batches())


def _batches(arrays: np.lib.npyio.NpzFile, name: str) -> Batches:
    count = sum(key.startswith(f"{name}_") for key in arrays.files) // 2
    return [
        (arrays[f"{name}_{index}_images"], arrays[f"{name}_{index}_labels"])
        for index in range(count)
    ]
