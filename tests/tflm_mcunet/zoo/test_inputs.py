# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tflm_converters.errors import ConversionError
from tflm_mcunet.audio import LogMel, LogMelConfig, LogSpectrum, LogSpectrumConfig
from tflm_mcunet.zoo.entry import ZooError
from tflm_mcunet.zoo.inputs import (
    ArrayInput,
    ImageInput,
    InputError,
    LogMelInput,
    LogSpectrumInput,
    make_input,
)

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
        with pytest.raises(ConversionError, match=message):
            ArrayInput((3,)).array(tmp_path / name)
    with pytest.raises(InputError, match=r"expected numbers \[3\], got float64 \[4\]"):
        ArrayInput((3,)).array(np.zeros(4))


def test_sound_becomes_the_features_of_the_device(tmp_path: Path) -> None:
    config = LogMelConfig(bins=20, scale=1 / 64, zero_point=-3)
    pcm = np.random.default_rng(2).integers(-9000, 9000, 8000).astype(np.int16)
    sound = LogMelInput(config.to_json(), seconds=0.5)
    assert sound.title == "sound 0.5 s"
    assert sound.shape == (config.frames(8000), 20, 1)
    expected = LogMel(config).features(pcm)
    got = sound.array(pcm)
    assert got.dtype == np.float32 and got.shape == (1, *sound.shape)
    np.testing.assert_array_equal(np.rint(got[0, :, :, 0] * 64) - 3, expected)
    with wave.open(str(tmp_path / "clip.wav"), "wb") as file:
        file.setparams((1, 2, config.rate, len(pcm), "NONE", ""))
        file.writeframes(pcm.tobytes())
    np.testing.assert_array_equal(sound.array(tmp_path / "clip.wav"), got)


def test_of_long_recordings_the_loudest_part_is_taken() -> None:
    sound = LogMelInput({}, seconds=0.5)
    loud = np.random.default_rng(2).integers(-9000, 9000, 8000).astype(np.int16)
    recording = np.concatenate([np.zeros(5000, np.int16), loud, np.zeros(3000, np.int16)])
    np.testing.assert_array_equal(sound.array(recording), sound.array(loud))


def test_other_arrays_and_files_are_no_sound(tmp_path: Path) -> None:
    sound = LogMelInput({})
    for pcm in (np.zeros(16000), np.zeros((16000, 2), np.int16), np.zeros(0, np.int16)):
        with pytest.raises(InputError, match="expected 16-bit samples of one channel at 16000 Hz"):
            sound.array(pcm)
    (tmp_path / "text.wav").write_text("text")
    for name in ("text.wav", "missing.wav"):
        with pytest.raises(InputError, match=f"cannot read the recording '.*{name}'"):
            sound.array(tmp_path / name)


def test_vibration_becomes_the_spectra_of_the_device(tmp_path: Path) -> None:
    config = LogSpectrumConfig(bands=8)
    block = np.random.default_rng(2).integers(-900, 900, (200, 3)).astype(np.int16)
    vibration = LogSpectrumInput(config.to_json())
    assert (vibration.title, vibration.shape) == ("vibration 1 s, 3 axes", (3, 8, 1))
    got = vibration.array(block)
    np.testing.assert_array_equal(got[0, :, :, 0] * 128, LogSpectrum(config).features(block))
    np.save(tmp_path / "block.npy", block)
    np.testing.assert_array_equal(vibration.array(tmp_path / "block.npy"), got)
    with pytest.raises(ConversionError, match=r"expected int16 \(200, 3\)"):
        vibration.array(block.astype(np.float32))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"kind": "log-mel", "config": {"bones": 4}}, "expected fields among bins"),
        ({"kind": "log-mel", "config": {}, "seconds": 0.01}, "0.01 s are shorter than a window"),
        ({"kind": "log-spectrum", "config": {"axes": 0}}, "expected axes from 1 to 16"),
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
