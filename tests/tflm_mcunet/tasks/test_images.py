# SPDX-License-Identifier: Apache-2.0
"""Image folders: any sizes and formats, splits, broken files, clear errors."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from tests.tflm_mcunet.tasks.made_up import photos, save_image
from tflm_converters.errors import DataError
from tflm_mcunet.tasks import images
from tflm_mcunet.tasks.images import ImageFormat

SMALL = ImageFormat(12, 16)


def test_a_folder_of_classes(tmp_path: Path) -> None:
    dataset = images.load_folder(photos(tmp_path / "p"), SMALL, cache_folder=tmp_path / "c")
    assert dataset.classes == ("cat", "dog")
    sizes = [len(part) for part in (dataset.train, dataset.val, dataset.test)]
    assert sum(sizes) == 80 and min(sizes) > 0 and sizes[0] > 50
    for part in (dataset.train, dataset.val, dataset.test):
        assert part.x.shape[1:] == (12, 16, 3) and part.x.dtype == np.uint8
        redder = part.x[..., 0].mean((1, 2)) > part.x[..., 2].mean((1, 2))
        assert np.array_equal(redder, part.y == 0)


def test_folders_may_name_the_splits(tmp_path: Path) -> None:
    for split in ("train", "validation", "test"):
        photos(tmp_path / "p" / split, per_class=3)
    dataset = images.load_folder(tmp_path / "p", SMALL, cache_folder=tmp_path / "c")
    assert dataset.classes == ("cat", "dog")
    assert [len(part) for part in (dataset.train, dataset.val, dataset.test)] == [6, 6, 6]


def test_grey_images(tmp_path: Path) -> None:
    grey = ImageFormat(8, 8, 1)
    dataset = images.load_folder(
        photos(tmp_path / "p", per_class=3), grey, cache_folder=tmp_path / "c"
    )
    assert dataset.example_shape == (8, 8, 1)
    with pytest.raises(DataError, match="expected images of 1 or 3 channels, got 2"):
        ImageFormat(8, 8, 2)


def test_broken_images_are_skipped(tmp_path: Path) -> None:
    root = photos(tmp_path / "p", per_class=3)
    (root / "cat" / "broken.jpg").write_bytes(b"not an image")
    cut = (root / "dog" / "000.png").read_bytes()[:60]
    (root / "dog" / "cut.png").write_bytes(cut)
    dataset = images.load_folder(root, SMALL, cache_folder=tmp_path / "c")
    assert sorted(each.name for each in dataset.skipped) == ["cat/broken.jpg", "dog/cut.png"]
    assert all(each.reason for each in dataset.skipped)
    assert sum(len(part) for part in dataset.splits.values()) == 6


def test_cameras_turn_images(tmp_path: Path) -> None:
    pillow = pytest.importorskip("PIL.Image")
    image = pillow.new("RGB", (8, 4), "black")
    image.paste("white", (0, 0, 4, 4))  # the left half, which is to be on top
    exif = pillow.Exif()
    exif[0x0112] = 6  # rotate by 90 degrees, clockwise
    buffer = io.BytesIO()
    image.save(buffer, "PNG", exif=exif)
    decoded = images.image_decoder(ImageFormat(8, 4)).decode(buffer.getvalue())
    assert decoded[:3].min() > 200 and decoded[-3:].max() < 50


def test_wrong_folders_are_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="expected a folder with one sub-folder of images per"):
        images.load_folder(tmp_path, SMALL)
    save_image(tmp_path / "cat" / "1.png")
    with pytest.raises(DataError, match="found 1 images of one class, 'cat'"):
        images.load_folder(tmp_path, SMALL)
