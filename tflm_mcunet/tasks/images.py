# SPDX-License-Identifier: Apache-2.0
"""Image folders, one sub-folder per class."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from tflm_converters.errors import DataError
from tflm_mcunet.tasks import cache, files, splits
from tflm_mcunet.tasks.cache import Decoder
from tflm_mcunet.tasks.dataset import Dataset, Label, assemble
from tflm_mcunet.tasks.optional import require

ENDINGS = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".ppm")

EXPECTED = (
    "a folder with one sub-folder of images per class (photos/person/1.jpg), or with folders "
    "train, val and test of such folders"
)


@dataclasses.dataclass(frozen=True)
class ImageFormat:
    """What images are made into: uint8 (height, width, channels), of RGB or grey."""

    height: int = 96
    width: int = 96
    channels: int = 3

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise DataError(f"expected images of 1 or 3 channels, got {self.channels}")

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.height, self.width, self.channels

    @property
    def mode(self) -> str:
        """What Pillow calls it."""
        return "RGB" if self.channels == 3 else "L"


def image_decoder(made: ImageFormat) -> Decoder:
    """Whole images, stretched to one size: a crop might lose what the label is about."""
    pillow = require("PIL.Image", extra="search")
    orientation = require("PIL.ImageOps", extra="search")

    def decode(content: bytes) -> np.ndarray:
        with pillow.open(io.BytesIO(content)) as image:
            image.draft(
                made.mode, (2 * made.width, 2 * made.height)
            )  # large JPEG files: by parts of 8
            return resized(orientation.exif_transpose(image), made)

    key = "image-" + "x".join(map(str, made.shape))
    return Decoder(key, made.shape, "uint8", decode)


def resized(image: Any, made: ImageFormat) -> np.ndarray:
    """A Pillow image as an array, averaged where it shrinks."""
    resampling = require("PIL.Image", extra="search").Resampling.BILINEAR
    small = image.convert(made.mode).resize((made.width, made.height), resampling)
    return np.asarray(small).reshape(made.shape)


def load_folder(root: Path, made: ImageFormat, *, cache_folder: Path | None = None) -> Dataset:
    """Images of any size. Without folders train, val and test, a hash of the name splits them.

    Raises:
        DataError: the folder is not as `EXPECTED`, or no image can be read.
    """
    names = files.below(root, ENDINGS)
    classes = sorted({class_of(name) for name in names} - {""})
    if len(classes) < 2:
        raise DataError(
            f"'{root}': expected {EXPECTED}; found {len(names)} images"
            + (f" of one class, '{classes[0]}'" if classes else " in sub-folders of classes")
        )
    names = [name for name in names if class_of(name)]
    decoded = cache.decoded(files.Folder(root), names, image_decoder(made), folder=cache_folder)
    labels = [_label(names[position], classes) for position in decoded.kept]
    return assemble(classes, decoded.data, labels, skipped=decoded.skipped)


def class_of(name: str) -> str:
    """The class of a file: its folder, or the one inside train, val or test; '' without one."""
    folders = PurePosixPath(name).parts[:-1]
    if folders and splits.of_folder(folders[0]):
        folders = folders[1:]
    return folders[0] if folders else ""


def split_of(name: str, *, group: str) -> str:
    """The folder's split, or that of the hash of its group."""
    return splits.of_folder(PurePosixPath(name).parts[0]) or splits.of_group(group)


def _label(name: str, classes: list[str]) -> Label:
    group = PurePosixPath(name).name
    return Label(classes.index(class_of(name)), split_of(name, group=group), "folder", group)
