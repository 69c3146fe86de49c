# SPDX-License-Identifier: Apache-2.0
"""How far an output must run ahead of an input that it overwrites, in closed form.

The same figures as `tflm_converters.memory.overlap` (within a group, tile by tile) and
`Segment` of the converter's scheduler (across groups, row by row), for many networks at once.
What must be maximized is linear between few breakpoints, so that it is enough to look there.
"""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Any

import numpy as np

NEVER = -(2**30)
"""A lead that matters less than any other."""


@dataclasses.dataclass(frozen=True, eq=False)
class Reading:
    """How a layer reads a tensor; arrays (networks, stages).

    Extents of the tensor, stride and padding of the layer, the layer's position and the height
    of its own output, of which `output.scale` / `scale` rows are needed per row of an output
    further on, and (`output.offset` - `offset`) / `scale` more.
    """

    position: np.ndarray
    height: np.ndarray
    row_bytes: np.ndarray
    channels: np.ndarray
    stride_rows: np.ndarray
    stride_cols: np.ndarray
    pad_top: np.ndarray
    pad_left: np.ndarray
    reader_height: np.ndarray
    scale: np.ndarray
    offset: np.ndarray

    def at(self, index: Any) -> Reading:
        """Some of the stages, as NumPy indexes them."""
        return Reading(**{f.name: getattr(self, f.name)[index] for f in dataclasses.fields(self)})


@dataclasses.dataclass(frozen=True, eq=False)
class Output:
    """The tensor that the layer at `position` writes; arrays (networks, 1).

    `scale` and `offset` say how many rows the stages before it make: see `Reading`.
    """

    height: np.ndarray
    width: np.ndarray
    channels: np.ndarray
    scale: np.ndarray
    offset: np.ndarray
    position: int

    @cached_property
    def row_bytes(self) -> np.ndarray:
        """Bytes of a row."""
        return np.asarray(self.width * self.channels)

    @cached_property
    def bytes(self) -> np.ndarray:
        """Bytes of the whole tensor."""
        return np.asarray(self.height * self.row_bytes)

    def of(self, networks: np.ndarray) -> Output:
        """The tensor in a list of networks, which may repeat; arrays (networks,)."""
        arrays = {
            f.name: getattr(self, f.name)[networks, 0]
            for f in dataclasses.fields(self)
            if f.name != "position"
        }
        return Output(**arrays, position=self.position)


def lead_in_writer(reading: Reading, output: Output) -> np.ndarray:
    """The lead in bytes when the layer that reads the input writes the output, pixel by pixel."""
    rows = (output.row_bytes, reading.row_bytes, reading.stride_rows, reading.pad_top)
    cols = (output.channels, reading.channels, reading.stride_cols, reading.pad_left)
    most = _most(*rows, 0, output.height - 1) + _most(*cols, 0, output.width - 1)
    return np.asarray(most + output.channels)


def lead_before_writer(reading: Reading, output: Output) -> np.ndarray:
    """The lead when a later layer of the group writes: its pixel has been read by then."""
    rows = (output.row_bytes, reading.row_bytes, reading.stride_rows, reading.pad_top)
    cols = (output.channels, reading.channels, reading.stride_cols, reading.pad_left)
    within = _most(*rows, 0, output.height - 1) + _most(*cols, 1, output.width - 1)
    end_of_row = _most(*rows, 1, output.height - 1)
    end = output.bytes - reading.height * reading.row_bytes
    return np.maximum(end, np.maximum(within, end_of_row))


def lead_across_groups(reading: Reading, output: Output) -> np.ndarray:
    """The lead in bytes when line buffers stand between, and rows are what counts."""
    # Where the reader stands behind the output, the input does not die: any figure will do.
    scale = np.maximum(output.scale // reading.scale, 1)
    offset = (output.offset - reading.offset) // reading.scale
    stride, pad = reading.stride_rows, reading.pad_top
    idle = (pad // stride - offset) // scale  # rows that free nothing yet
    busy = -((offset - reading.reader_height) // scale) - 1  # rows until all is free
    best = np.minimum(np.minimum(idle, busy), output.height) * output.row_bytes
    best = np.maximum(best, output.bytes - reading.height * reading.row_bytes)
    for rows in (idle + 1, busy):
        rows = np.minimum(np.maximum(rows, 1), output.height)
        made = scale * rows + offset
        dead = np.minimum(np.maximum(made * stride - pad, 0), reading.height)
        dead = np.where(made >= reading.reader_height, reading.height, dead)
        best = np.maximum(best, rows * output.row_bytes - dead * reading.row_bytes)
    return np.maximum(best, 0)


def _most(
    step: np.ndarray,
    freed: np.ndarray,
    stride: np.ndarray,
    pad: np.ndarray,
    first: int,
    last: np.ndarray,
) -> np.ndarray:
    """Most of i * step - max(i * stride - pad, 0) * freed for i from `first` to `last`.

    NEVER if there is no such i.
    """
    knee = pad // stride
    best = last * step - np.maximum(last * stride - pad, 0) * freed
    for i in (knee, knee + 1):
        i = np.minimum(np.maximum(i, first), last)
        best = np.maximum(best, i * step - np.maximum(i * stride - pad, 0) * freed)
    return np.where(last >= first, best, NEVER)
