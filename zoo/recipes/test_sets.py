# SPDX-License-Identifier: Apache-2.0
"""The sets that judge models, by the names that entries give them.

None of their samples is ever trained on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tflm_converters.errors import ConversionError
from tflm_mcunet import tasks
from tflm_mcunet.tasks import Examples
from tflm_mcunet.zoo.evaluation import LabelledSample
from tflm_mcunet.zoo.inputs import ImageInput, Input, LogMelInput


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


@dataclasses.dataclass(frozen=True)
class _Kind:
    """A folder below the data folder, and what the sources and groups of its examples are.

    `name`: what `tasks.load` calls it, if not as here; `keywords`: as there.
    """

    folder: str
    source: str | None = None
    group: str | None = None
    name: str | None = None
    keywords: tuple[str, ...] | None = None


SPEECH_COMMANDS = "kws-commands"
COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
"""The ten words of the benchmark in Speech Commands (arXiv 1804.03209)."""

_KINDS = {
    "vww": _Kind("vww", source="source"),
    "vww01": _Kind("mlperf_tiny"),
    "kws-ar": _Kind("kws", group="speaker"),
    "kws-en": _Kind("kws", group="speaker"),
    "kws-wake": _Kind("kws", source="source"),
    SPEECH_COMMANDS: _Kind("speech_commands", group="speaker", name="kws", keywords=COMMANDS),
    "anomaly": _Kind("anomaly", source="speed", group="recording"),
}
"""By the names that `tasks.load` gives them, but for the public set."""


def load(name: str, data: Path, model_input: Input) -> TestSet:
    """The test split of a data set, or another split of it, as in "anomaly/test_session".

    Args:
        name: of a data set and, after a slash, of a split; default: test.
        data: the folder of all data sets.
        model_input: what the model takes; photos are loaded in its size.

    Raises:
        ConversionError: there is no such data set or split.
    """
    kind, _, split = name.partition("/")
    if kind not in _KINDS:
        raise ConversionError(f"unknown test set '{name}'; the sets are {', '.join(_KINDS)}")
    of_kind = _KINDS[kind]
    dataset = tasks.load(
        data / of_kind.folder,
        of_kind.name or kind,
        keywords=of_kind.keywords,
        **_options(model_input),
    )
    parts = {part: examples for part, examples in dataset.splits.items() if part != "train"}
    if (split or "test") not in parts:
        raise ConversionError(f"'{kind}' has no split '{split}'; it has {', '.join(parts)}")
    return TestSet(tuple(dataset.classes), list(_samples(parts[split or "test"], _KINDS[kind])))


def _options(model_input: Input) -> dict[str, Any]:
    if isinstance(model_input, ImageInput):
        size = model_input.height, model_input.width
        return {"resolution": size, "channels": model_input.channels}
    if isinstance(model_input, LogMelInput):
        return {"rate": model_input.rate, "seconds": model_input.seconds}
    return {}


def _samples(examples: Examples, kind: _Kind) -> Iterator[LabelledSample]:
    rows = zip(examples.rows, examples.y, examples.source, examples.group, strict=True)
    for row, y, source, group in rows:
        named = ((kind.source, source), (kind.group, group))
        groups = {what: str(name) for what, name in named if what is not None}
        yield LabelledSample(examples.data[row], int(y), groups)
