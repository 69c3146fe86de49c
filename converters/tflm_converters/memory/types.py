# SPDX-License-Identifier: Apache-2.0
"""What a memory plan is: an offset for every buffer, and how good it is."""

from __future__ import annotations

import dataclasses
import enum

import numpy as np

WORD = 4
"""Alignment of buffers in bytes: kernels load four int8 values at a time."""


class Role(enum.Enum):
    """What a buffer is for; reports colour the arena map by it."""

    TENSOR = "tensor"
    LINE_BUFFER = "line buffer"
    TILE = "tile scratch"
    ACCUMULATOR = "accumulator"
    STATE = "scheduler state"


@dataclasses.dataclass(frozen=True, eq=False)
class Buffer:
    """A piece of memory whose parts live at different times.

    `bands` is an int64 array (n, 4): bytes [begin, end) of the buffer are live from tick
    `first` to tick `last`, both inclusive. A tensor that is consumed row by row has a
    band per row, so that what is written later may take the place of rows already read.
    """

    name: str
    role: Role
    size: int
    bands: np.ndarray
    alignment: int = 1

    @property
    def first_tick(self) -> int:
        return int(self.bands[:, 2].min())

    @property
    def last_tick(self) -> int:
        return int(self.bands[:, 3].max())


@dataclasses.dataclass(frozen=True, eq=False)
class MemoryPlan:
    """Offsets in bytes from the start of the arena, one per buffer.

    `lower_bound` is the largest number of bytes alive at once: no plan of this schedule
    can be smaller. `live_bytes` gives the bytes alive at each of `ticks`.
    """

    buffers: tuple[Buffer, ...]
    offsets: tuple[int, ...]
    peak: int
    lower_bound: int
    ticks: np.ndarray
    live_bytes: np.ndarray
