# SPDX-License-Identifier: Apache-2.0
"""Data sets of the tensorflow-datasets package, by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tflm_converters.errors import DataError
from tflm_mcunet.tasks import keywords, splits
from tflm_mcunet.tasks.audio import ClipFormat, fitted, saturated
from tflm_mcunet.tasks.dataset import Dataset, Label, assemble
from tflm_mcunet.tasks.images import ImageFormat, resized
from tflm_mcunet.tasks.keywords import Clips
from tflm_mcunet.tasks.optional import require


def load_catalogued(
    name: str,
    image: ImageFormat,
    clip: ClipFormat,
    *,
    keyword_names: Sequence[str] | None = None,
) -> Dataset:
    """Images or clips with one label each, downloaded by tensorflow-datasets; held in memory.

    Args:
        name: such as "speech_commands" or "beans".
        image: what images are made into.
        clip: what clips are made into; the rate must be the set's.
        keyword_names: the words to tell apart; default: all.

    Raises:
        DataError: there is no such set, or it is of another kind.
    """
    catalogue = require("tensorflow_datasets", extra="datasets")
    try:
        builder = catalogue.builder(name)
    except Exception as error:  # of many kinds
        raise DataError(f"tensorflow-datasets: cannot load '{name}': {error}") from None
    builder.download_and_prepare()
    if builder.info.supervised_keys is None:
        raise DataError(f"tensorflow-datasets: '{name}' has no single label for each example")
    classes = list(builder.info.features[builder.info.supervised_keys[1]].names)
    examples = list(_examples(catalogue, builder, image, clip))
    if not examples:
        raise DataError(f"tensorflow-datasets: '{name}' holds no examples")
    data = np.stack([x for x, _ in examples])
    labels = [label for _, label in examples]
    if data.ndim == 4:
        return assemble(classes, data, labels)
    words = tuple(classes[label.y] for label in labels)
    chosen = keyword_names or [c for c in classes if c not in keywords.UNKNOWN_FOLDERS]
    facts = zip(*((label.split, label.source, label.group) for label in labels), strict=True)
    return keywords.assemble_keywords(
        Clips(data, words, *facts), chosen, {}, rate=clip.rate, seed=0
    )


def _examples(
    catalogue: Any, builder: Any, image: ImageFormat, clip: ClipFormat
) -> Iterator[tuple[np.ndarray, Label]]:
    for part in builder.info.splits:
        split = splits.of_folder(part)
        stored = builder.as_dataset(split=part, as_supervised=True)
        for number, (x, y) in enumerate(catalogue.as_numpy(stored)):
            group = f"{part}/{number}"
            label = Label(int(y), _split(split, group, builder), builder.name, group)
            yield _fitted(x, image, clip), label


def _split(split: str | None, group: str, builder: Any) -> str:
    """The set's own; of a set without validation, a part of what it has for training."""
    own = {splits.of_folder(part) for part in builder.info.splits}
    if split in ("val", "test"):
        return split
    hashed = splits.of_group(group)
    return "train" if hashed in own else hashed


def _fitted(x: np.ndarray, image: ImageFormat, clip: ClipFormat) -> np.ndarray:
    if x.ndim == 1:
        return fitted(saturated(x), clip.samples)
    pillow = require("PIL.Image", extra="search")
    picture = pillow.fromarray(x.squeeze(-1) if x.shape[-1] == 1 else x)
    return resized(picture, image)
