# SPDX-License-Identifier: Apache-2.0
"""The sets that judge models, by the names that entries give them.

None of their samples is ever trained on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from benchmarks import mlperf_sets
from tflm_converters.errors import ConversionError
from tflm_mcunet.zoo.evaluation import LabelledSample
from tflm_mcunet.zoo.inputs import Input


@dataclasses.dataclass(frozen=True, eq=False)
class TestSet:
    """Samples, whose labels are indices of `classes`."""

    __test__ = False  # pytest: this is no test

    classes: tuple[str, ...]
    samples: Sequence[LabelledSample]

    def labelled_for(self, labels: Sequence[str]) -> Iterable[LabelledSample]:
        """The samples with labels that are indices of a model's.

        Raises:
            ConversionError: the model cannot answer with one of the classes.
        """
        missing = set(self.classes) - set(labels)
        if missing:
            raise ConversionError(
                f"the test set has classes that the model has not: {', '.join(sorted(missing))}; "
                f"the model's are {', '.join(labels)}"
            )
        for sample in self.samples:
            yield dataclasses.replace(sample, label=labels.index(self.classes[sample.label]))


Loader = Callable[[Path, Input], TestSet]
"""From the data folder, for models with this input."""


def _vww01(data: Path, model_input: Input) -> TestSet:
    pixels, answers = mlperf_sets.vww01_photos(data / "mlperf_tiny")
    samples = [LabelledSample(*pair) for pair in zip(pixels, answers.tolist(), strict=True)]
    return TestSet(mlperf_sets.VWW_CLASSES, samples)


LOADERS: dict[str, Loader] = {"MLPerf Tiny vww01": _vww01}
"""To add a test set, add a row."""


def load(name: str, data: Path, model_input: Input) -> TestSet:
    """The test set of that name.

    Raises:
        ConversionError: there is none.
    """
    if name not in LOADERS:
        raise ConversionError(f"unknown test set '{name}'; the sets are {', '.join(LOADERS)}")
    return LOADERS[name](data, model_input)
