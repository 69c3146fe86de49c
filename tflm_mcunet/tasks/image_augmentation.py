# SPDX-License-Identifier: Apache-2.0
"""Random changes of images that leave their label as it is; on batches, in TensorFlow."""

from __future__ import annotations

import dataclasses
import math
from typing import Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class ImageAugmentation:
    """Ranges from which every image gets its own values, uniformly.

    Attributes:
        area: share of the image's area that a crop shows.
        aspect: a crop is up to this factor wider or higher than the image.
        flip: left and right are exchanged for half of the images.
        brightness: added, in shares of the range of pixels.
        contrast: factor up to 1 + this or down to 1 - this, around half the range.
        saturation: likewise, of the distance from the mean of a pixel's channels.
        cutout: side of a grey square that hides a part (arXiv 1708.04552), as a share of the
            image's.
        cutout_probability: share of the images that have one.
    """

    area: tuple[float, float] = (0.6, 1.0)
    aspect: float = 1.25
    flip: bool = True
    brightness: float = 0.15
    contrast: float = 0.3
    saturation: float = 0.3
    cutout: float = 0.3
    cutout_probability: float = 0.5


def augmented(images: Any, seed: Any, size: tuple[int, int], how: ImageAugmentation) -> Any:
    """A batch of crops.

    Args:
        images: tensor uint8 (batch, height, width, channels).
        seed: tensor int32 (2,); the same gives the same.
        size: height and width of the crops.
        how: the ranges.

    Returns:
        float32 (batch, *size, channels), (pixel - 128) / 128.
    """
    import tensorflow as tf

    draw = _Draws(tf, seed, tf.shape(images)[0])
    images = tf.cast(images, tf.float32)
    cropped = tf.image.crop_and_resize(images, _boxes(tf, draw, how), draw.numbers, size)
    jittered = _jittered(tf, draw, cropped, how)
    return jittered * _uncovered(tf, draw, size, how)


class _Draws:
    """Random numbers for each image of a batch; every draw has a seed of its own."""

    def __init__(self, tf: Any, seed: Any, count: Any) -> None:
        self._tf, self._seed, self._count = tf, seed, count
        self._drawn = 0
        self.numbers = tf.range(count)

    def __call__(self, low: float, high: float) -> Any:
        """float32 (batch,)."""
        self._drawn += 1
        seed = self._tf.random.experimental.stateless_fold_in(self._seed, self._drawn)
        return self._tf.random.stateless_uniform([self._count], seed, low, high)


def _boxes(tf: Any, draw: _Draws, how: ImageAugmentation) -> Any:
    """Corners of the crops as shares of the image: (batch, 4); flipped ones have them swapped."""
    area, stretch = draw(*how.area), math.log(how.aspect) / 2
    ratio = tf.exp(draw(-stretch, stretch)) if stretch else 1.0
    height = tf.minimum(tf.sqrt(area) / ratio, 1.0)
    width = tf.minimum(tf.sqrt(area) * ratio, 1.0)
    top, left = draw(0, 1) * (1 - height), draw(0, 1) * (1 - width)
    is_flipped = draw(0, 1) < (0.5 if how.flip else 0.0)
    right = left + width
    begin, end = tf.where(is_flipped, right, left), tf.where(is_flipped, left, right)
    return tf.stack([top, begin, top + height, end], axis=1)


def _jittered(tf: Any, draw: _Draws, images: Any, how: ImageAugmentation) -> Any:
    """Colours changed and scaled from 0..255 to -1..1 in one go: every pass over them counts."""

    def factor(strength: float) -> Any:
        return draw(1 - strength, 1 + strength)[:, None, None, None]

    saturation, contrast = factor(how.saturation), factor(how.contrast)
    offset = 2 * (factor(how.brightness) - 1) - contrast
    channels = images.shape[3]
    grey = tf.nn.conv2d(images, tf.ones((1, 1, channels, 1)) / channels, 1, "VALID")
    shade = grey * (contrast * (1 - saturation) / 128) + offset
    return tf.clip_by_value(images * (contrast * saturation / 128) + shade, -1.0, 127 / 128)


def _uncovered(tf: Any, draw: _Draws, size: tuple[int, int], how: ImageAugmentation) -> Any:
    """0 where the square is, which makes it grey, else 1: float32 (batch, *size, 1)."""
    is_cut = draw(0, 1) < how.cutout_probability
    rows = _is_near(tf, draw, size[0], how.cutout)[:, :, None]
    columns = _is_near(tf, draw, size[1], how.cutout)[:, None, :]
    covered = rows & columns & is_cut[:, None, None]
    return 1.0 - tf.cast(covered, tf.float32)[..., None]


def _is_near(tf: Any, draw: _Draws, length: int, share: float) -> Any:
    """Which places are in a span around a random centre: bool (batch, length)."""
    places = (tf.range(length, dtype=tf.float32) + 0.5) / length
    return tf.abs(places[None, :] - draw(0, 1)[:, None]) < share / 2
