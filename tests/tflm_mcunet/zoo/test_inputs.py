# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tflm_mcunet.zoo.entry import ZooError
from tflm_mcunet.zoo.inputs import ArrayInput, ImageInput, InputError, make_input

SIDE = 4


def test_pixels_are_scaled_and_shifted() -> None:
    photo = np.arange(SIDE * SIDE * 3, dtype=np.uint8).reshape(SIDE, SIDE, 3)
    got = ImageInput(SIDE, SIDE, 3, scale=0.5, offset=-1.0).array(photo)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, photo[np.newaxis] * 0.5 - 1.0)


def test_photos_are_cut_in_the_middle_or_distorted() -> None:
    """Black at the sides of a wide photo, white in its middle."""
    photo = np.zeros((SIDE, 3 * SIDE, 3), np.uint8)
    photo[:, SIDE : 2 * SIDE] = 255
    cut = ImageInput(SIDE, SIDE, 3, scale=1.0, fit="crop").array(photo)
    assert (cut == 255).all()
    distorted = ImageInput(SIDE, SIDE, 3, scale=1.0).array(photo)
    assert distorted[0, :, 0].max() < 128 < distorted[0, :, 1:3].min()


def test_photos_are_turned_as_the_camera_was_held(tmp_path: Path) -> None:
    photo = np.zeros((SIDE, SIDE, 3), np.uint8)
    photo[0] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: the first row is the right side
    Image.fromarray(photo).save(tmp_path / "turned.png", exif=exif)
    got = ImageInput(SIDE, SIDE, 3, scale=1.0).array(tmp_path / "turned.png")
    assert (got[0, :, -1] == 255).all() and (got[0, :, :-1] == 0).all()


def test_grey_photos_have_one_channel() -> None:
    photo = np.full((SIDE, SIDE, 3), (255, 0, 0), np.uint8)
    got = ImageInput(SIDE, SIDE, 1, scale=1.0).array(photo)
    assert got.shape == (1, SIDE, SIDE, 1)
    assert np.unique(got) == 76  # the luma of red, ITU-R BT.601


@pytest.mark.parametrize("photo", [np.zeros((4, 4, 3)), np.zeros((4, 4, 2), np.uint8)])
def test_other_arrays_are_no_photos(photo: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"expected the pixels of a photo, uint8 \(height"):
        ImageInput(SIDE, SIDE, 3, scale=1.0).array(photo)


def test_files_that_are_no_photos(tmp_path: Path) -> None:
    text = tmp_path / "photo.png"
    text.write_text("not a photo")
    for path in (text, tmp_path / "missing.png"):
        with pytest.raises(InputError, match=f"cannot read the photo '{path}'"):
            ImageInput(SIDE, SIDE, 3, scale=1.0).array(path)


def test_arrays_come_from_files_too(tmp_path: Path) -> None:
    values = np.arange(6, dtype=np.int16).reshape(2, 3)
    np.save(tmp_path / "x.npy", values)
    made = ArrayInput((2, 3)).array(tmp_path / "x.npy")
    np.testing.assert_array_equal(made, values[np.newaxis].astype(np.float32))


def test_other_files_are_no_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "archive.npz", a=np.zeros(3))
    (tmp_path / "text.npy").write_text("text")
    for name, message in (
        ("archive.npz", "expected one array"),
        ("text.npy", "it is not a .npy file of numbers"),
        ("missing.npy", "No such file"),
    ):
        with pytest.raises(InputError, match=message):
            ArrayInput((3,)).array(tmp_path / name)
    with pytest.raises(InputError, match=r"expected numbers \[3\], got float64 \[4\]"):
        ArrayInput((3,)).array(np.zeros(4))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"kind": "smell"}, "unknown kind of input 'smell', expected one of image"),
        ({"kind": "image", "height": 4}, "kind 'image' cannot be made"),
        (
            {"kind": "image", "height": 4, "width": 4, "channels": 2, "scale": 1.0},
            "expected 1 or 3 channels, got 2",
        ),
        (
            {"kind": "image", "height": 4, "width": 4, "channels": 3, "scale": 1.0, "fit": "x"},
            "expected the fit crop or stretch",
        ),
    ],
)
def test_wrong_descriptions_are_refused(content: dict[str, Any], message: str) -> None:
    with pytest.raises(ZooError, match=message):
        make_input(content)


def test_descriptions_come_from_json() -> None:
    made = make_input({"kind": "array", "dimensions": [2, 3]})
    assert (made, made.title) == (ArrayInput((2, 3)), "array 2×3")
