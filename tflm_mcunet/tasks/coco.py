# SPDX-License-Identifier: Apache-2.0
"""COCO as Visual Wake Words (arXiv 1906.05721): is there a person in the photo?

As the paper has it: yes, if the box of one covers more than half a percent of the photo. Its
split is that of the annotation files `instances_maxitrain.json` and `instances_minival.json`,
which the authors' pyvww makes; without them, COCO's own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from tflm_converters.errors import DataError
from tflm_mcunet.tasks import cache, files, splits
from tflm_mcunet.tasks.dataset import Dataset, Label, assemble
from tflm_mcunet.tasks.images import ENDINGS, ImageFormat, image_decoder
from tflm_mcunet.tasks.shared import VWW_CLASSES

ANNOTATIONS = "annotations"
PERSON = "person"
LEAST_SHARE = 0.005
"""Of the photo that a person's box must exceed."""

EXPECTED = (
    f"COCO's photos, and in {ANNOTATIONS} instances_maxitrain.json and instances_minival.json, or "
    "instances_train*.json and instances_val*.json"
)
_TABLES = (("instances_maxitrain", "instances_minival"), ("instances_train*", "instances_val*"))
"""Patterns of the names of annotations for training and test; the first that are there count."""


def load_coco(
    root: Path,
    made: ImageFormat,
    *,
    excluded: Collection[int] = (),
    cache_folder: Path | None = None,
) -> Dataset:
    """COCO's photos, in folders of any name, with its annotations.

    A tenth of the photos for training, chosen by a hash, are for validation.

    Args:
        root: the folder.
        made: what photos are made into.
        excluded: numbers of photos that are left out, such as those of an accuracy set.
        cache_folder: where decoded photos are kept.

    Raises:
        DataError: the folder is not as `EXPECTED`, or no photo can be read.
    """
    training, test = _annotations(root)
    found = _labels(training, excluded, is_test=False) | _labels(test, excluded, is_test=True)
    places = {PurePosixPath(path).name: path for path in files.below(root, ENDINGS)}
    names = sorted(found.keys() & places.keys())
    if not names:
        raise DataError(
            f"'{root}' holds none of the {len(found):,} photos of its annotations; expected "
            f"{EXPECTED}"
        )
    paths = [places[name] for name in names]
    source = _Folder(root)
    decoded = cache.decoded(source, paths, image_decoder(made), folder=cache_folder)
    labels = [found[names[position]] for position in decoded.kept]
    return assemble(VWW_CLASSES, decoded.data, labels, skipped=decoded.skipped)


class _Folder(files.Folder):
    """120,000 photos are told from others by names and sizes: reading 20 GB takes minutes."""

    def digest(self, names: Iterable[str]) -> str:
        digest = hashlib.blake2b(digest_size=16)
        for name in names:
            digest.update(f"{name}\0{(self._root / name).stat().st_size}\0".encode())
        return digest.hexdigest()


def _annotations(root: Path) -> tuple[Path, Path]:
    """The files for training and for test."""
    for patterns in _TABLES:
        found = [sorted((root / ANNOTATIONS).glob(f"{pattern}.json")) for pattern in patterns]
        if max(map(len, found)) > 1:
            names = ", ".join(path.name for paths in found for path in paths)
            raise DataError(f"'{root}': expected the annotations of one year, got {names}")
        if all(found):
            return found[0][0], found[1][0]
    raise DataError(f"'{root}': expected {EXPECTED}")


def _labels(path: Path, excluded: Collection[int], *, is_test: bool) -> dict[str, Label]:
    """By the photos' names."""
    content = _read(path)
    try:
        with_person = _with_person(content)
        return {
            image["file_name"]: Label(
                int(image["id"] in with_person),
                _split(image["file_name"], is_test=is_test),
                "coco",
                image["file_name"],
            )
            for image in content["images"]
            if image["id"] not in excluded
        }
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"'{path}' holds no COCO instances: {error!r}") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read '{path}': {error}") from None
    return content


def _with_person(content: dict[str, Any]) -> set[int]:
    """Numbers of the photos that show a person large enough."""
    persons = {each["id"] for each in content["categories"] if each["name"] == PERSON}
    areas = {image["id"]: image["width"] * image["height"] for image in content["images"]}
    boxes = (
        (each["image_id"], each["bbox"])
        for each in content["annotations"]
        if each["category_id"] in persons
    )
    return {
        image
        for image, (_, _, width, height) in boxes
        if width * height > LEAST_SHARE * areas[image]
    }


def _split(name: str, *, is_test: bool) -> str:
    if is_test:
        return "test"
    return "val" if splits.of_group(name) == "val" else "train"
