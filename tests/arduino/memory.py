# SPDX-License-Identifier: Apache-2.0
"""Places images in memory as tensors of a program: whole, as rings of rows, or as tiles.

Buffers are exactly as large as they must be and hold random bytes wherever the tensor has
no pixel, so that a kernel that reads or writes elsewhere gives itself away.
"""

from __future__ import annotations

import ctypes
import dataclasses

import numpy as np

from tests.arduino.native import Box, View


@dataclasses.dataclass(frozen=True)
class Extent:
    """Rows [y_begin, y_end) and columns [x_begin, x_end)."""

    y_begin: int
    y_end: int
    x_begin: int
    x_end: int

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(self.y_begin, self.y_end), slice(self.x_begin, self.x_end)

    @property
    def box(self) -> Box:
        return Box(self.y_begin, self.y_end, self.x_begin, self.x_end)


def whole(shape: tuple[int, ...]) -> Extent:
    return Extent(0, shape[0], 0, shape[1])


def random_extent(rng: np.random.Generator, shape: tuple[int, ...]) -> Extent:
    """A non-empty box inside an image of `shape`."""
    y_begin, x_begin = (int(rng.integers(0, size)) for size in shape[:2])
    y_end = int(rng.integers(y_begin, shape[0])) + 1
    x_end = int(rng.integers(x_begin, shape[1])) + 1
    return Extent(y_begin, y_end, x_begin, x_end)


class Memory:
    """Bytes outside of NumPy's caches, where a sanitizer sees both of their ends."""

    def __init__(self, content: np.ndarray) -> None:
        self._storage = (ctypes.c_uint8 * content.size)()
        self.bytes = np.frombuffer(self._storage, np.uint8)
        self.bytes[:] = content

    @property
    def address(self) -> int:
        return ctypes.addressof(self._storage)


def random_bytes(rng: np.random.Generator, count: int) -> Memory:
    return Memory(rng.integers(0, 256, count, dtype=np.uint8))


@dataclasses.dataclass(frozen=True, eq=False)
class Placement:
    """An image of `shape` (height, width, channels) of which a part has a place in memory."""

    shape: tuple[int, ...]
    memory: Memory
    pitch: int
    slots: int
    x_begin: int
    offset: int = 0

    @property
    def view(self) -> View:
        return View(
            self.memory.address + self.offset, self.pitch, self.slots, self.x_begin, *self.shape
        )

    def write(self, content: np.ndarray, image: np.ndarray, part: Extent) -> None:
        """Writes a part of an image into `content`, the bytes of the memory or a copy of them."""
        channels = self.shape[2]
        for y in range(part.y_begin, part.y_end):
            start = self.offset + (y % self.slots) * self.pitch
            start += (part.x_begin - self.x_begin) * channels
            row = image[y, part.x_begin : part.x_end].view(np.uint8).ravel()
            content[start : start + row.size] = row


def place_whole(rng: np.random.Generator, shape: tuple[int, ...]) -> Placement:
    """All rows, one after the other, without gaps."""
    pitch = shape[1] * shape[2]
    return Placement(shape, random_bytes(rng, shape[0] * pitch), pitch, shape[0], 0)


def place_part(rng: np.random.Generator, shape: tuple[int, ...], part: Extent) -> Placement:
    """A ring or a tile with room for `part`, and at random for somewhat more."""
    rows = max(part.y_end - part.y_begin, 1)
    slots = int(rng.integers(rows, max(shape[0], rows) + 1))
    x_begin = int(rng.integers(0, part.x_begin + 1))
    x_end = int(rng.integers(part.x_end, max(shape[1], part.x_end) + 1))
    pitch = max(x_end - x_begin, 1) * shape[2] + int(rng.integers(0, 3))
    return Placement(shape, random_bytes(rng, slots * pitch), pitch, slots, x_begin)
