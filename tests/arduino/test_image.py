# SPDX-License-Identifier: Apache-2.0
"""Rows of a model's input from a camera's frame."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from tests.arduino import native

GRAY, RGB565 = 0, 1
VALUES = (np.arange(256) - 128).astype(np.int8)


class CImage(ctypes.Structure):
    """`tmc_image`."""

    _fields_ = [
        ("format", ctypes.c_int),
        *((f"{what}_{side}", ctypes.c_int32) for what in ("frame", "model") for side in "hw"),
        ("channels", ctypes.c_int32),
        ("values", ctypes.c_void_p),
    ]


@pytest.fixture(scope="module")
def runtime(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return native.compile_library(
        tmp_path_factory.mktemp("image"), [native.RUNTIME / "tmc_image.c"]
    )


def picture(
    runtime: ctypes.CDLL, frame: np.ndarray, form: int, shape: tuple[int, int, int]
) -> np.ndarray:
    """Levels, (height, width, channels), of a frame (rows, columns, bytes of a pixel)."""
    height, width, channels = shape
    image = CImage(form, *frame.shape[:2], height, width, channels, VALUES.ctypes.data)
    rows = np.full((height, width * channels + 1), 99, np.int8)  # a guard behind each row
    for y in range(height):
        row = rows[y].ctypes.data_as(ctypes.c_void_p)
        runtime.tmc_image_row(ctypes.byref(image), frame.ctypes.data_as(ctypes.c_void_p), y, row)
    assert (rows[:, -1] == 99).all()
    return rows[:, :-1].reshape(shape).astype(int) + 128


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (12, 20, 1), np.uint8)


def test_a_frame_of_the_right_size_is_kept(runtime: ctypes.CDLL, noise: np.ndarray) -> None:
    np.testing.assert_array_equal(picture(runtime, noise, GRAY, (12, 20, 1)), noise)


def test_the_middle_is_taken(runtime: ctypes.CDLL, noise: np.ndarray) -> None:
    np.testing.assert_array_equal(picture(runtime, noise, GRAY, (12, 12, 1)), noise[:, 4:16])
    tall = picture(runtime, noise, GRAY, (6, 20, 1))
    np.testing.assert_array_equal(tall, noise[3:9])


def test_pixels_are_means(runtime: ctypes.CDLL, noise: np.ndarray) -> None:
    blocks = noise.astype(float).reshape(6, 2, 10, 2, 1).mean((1, 3))
    np.testing.assert_array_equal(picture(runtime, noise, GRAY, (6, 10, 1)), np.floor(blocks + 0.5))


def test_a_small_frame_is_enlarged(runtime: ctypes.CDLL, noise: np.ndarray) -> None:
    larger = picture(runtime, noise, GRAY, (24, 40, 1))
    np.testing.assert_array_equal(larger, noise.repeat(2, 0).repeat(2, 1))


def test_gray_fills_all_channels(runtime: ctypes.CDLL, noise: np.ndarray) -> None:
    np.testing.assert_array_equal(
        picture(runtime, noise, GRAY, (12, 20, 3)), noise.repeat(3, axis=2)
    )


@pytest.mark.parametrize(
    ("sent", "levels"),
    [
        (0x0000, (0, 0, 0)),
        (0xFFFF, (255, 255, 255)),
        (0xF800, (255, 0, 0)),
        (0x07E0, (0, 255, 0)),
        (0x001F, (0, 0, 255)),
        (0x8410, (132, 130, 132)),
    ],
)
def test_colours(runtime: ctypes.CDLL, sent: int, levels: tuple[int, int, int]) -> None:
    frame = np.full((1, 1, 2), (sent >> 8, sent & 0xFF), np.uint8)
    assert tuple(picture(runtime, frame, RGB565, (1, 1, 3)).ravel()) == levels
