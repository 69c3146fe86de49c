# SPDX-License-Identifier: Apache-2.0
"""The program format of the C runtime as NumPy dtypes: the mirror of tmc_program.h.

The comments that say what each field means are in the C header; a test compiles the header
and compares every size and offset with the ones here.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import TypeVar

import numpy as np

MAGIC = 0x314D4354
VERSION = 2
NONE = -1
"""No such tensor or group."""
NO_PARAMETER = 0xFFFFFFFF
"""No such entry in the parameters."""
MAX_GROUP_OPS = 32
MAX_INPUTS = 2


class Storage(enum.IntEnum):
    """How a tensor is held: `enum tmc_storage`."""

    WHOLE = 0
    RING = 1
    TILE = 2


class OpKind(enum.IntEnum):
    """What an operator computes: `enum tmc_op_kind`."""

    CONV = 1
    DEPTHWISE = 2
    ADD = 3
    MUL = 4
    AVERAGE_POOL = 5
    MAX_POOL = 6
    MEAN = 7
    LOOKUP = 8
    SOFTMAX = 9
    PAD = 10
    COPY = 11
    RESIZE_NEAREST = 12
    TRANSPOSE = 13
    RESHAPE = 14


class OpFlag(enum.IntFlag):
    """Variants of an operator: `enum tmc_op_flags`."""

    ACCUMULATE = 1
    IN_PLACE = 2
    PER_TENSOR = 4


HEADER = np.dtype(
    [
        ("magic", "<u4"),
        ("version", "<u2"),
        ("header_bytes", "<u2"),
        ("program_bytes", "<u4"),
        ("parameter_bytes", "<u4"),
        ("arena_bytes", "<u4"),
        ("tensor_count", "<u2"),
        ("op_count", "<u2"),
        ("group_count", "<u2"),
        ("stage_count", "<u2"),
        ("input_count", "<u2"),
        ("output_count", "<u2"),
        ("row_fed_tensor", "<i2"),
        ("reserved", "<u2"),
        ("fed_state_offset", "<u4"),
    ],
    align=True,
)

TENSOR = np.dtype(
    [
        ("offset", "<u4"),
        ("pitch", "<u4"),
        ("bytes", "<u4"),
        ("height", "<u2"),
        ("width", "<u2"),
        ("channels", "<u2"),
        ("slots", "<u2"),
        ("producer", "<i2"),
        ("storage", "u1"),
        ("element_size", "u1"),
    ],
    align=True,
)

OP = np.dtype(
    [
        ("kind", "u1"),
        ("flags", "u1"),
        ("output", "<i2"),
        ("inputs", "<i2", (MAX_INPUTS,)),
        ("auxiliary", "<i2"),
        ("kernel_h", "<u2"),
        ("kernel_w", "<u2"),
        ("stride_h", "<u2"),
        ("stride_w", "<u2"),
        ("dilation_h", "<u2"),
        ("dilation_w", "<u2"),
        ("pad_top", "<i2"),
        ("pad_left", "<i2"),
        ("depth_multiplier", "<u2"),
        ("channel_offset", "<u2"),
        ("input_offset", "<i2"),
        ("input2_offset", "<i2"),
        ("output_offset", "<i2"),
        ("act_min", "i1"),
        ("act_max", "i1"),
        ("weights", "<u4"),
        ("bias", "<u4"),
        ("requantization", "<u4"),
    ],
    align=True,
)

GROUP = np.dtype(
    [
        ("first_op", "<u2"),
        ("op_count", "<u2"),
        ("tile_rows", "<u2"),
        ("tile_cols", "<u2"),
        ("rows", "<u2"),
        ("cols", "<u2"),
        ("wake", "<i2"),
        ("reserved", "<u2"),
    ],
    align=True,
)

STAGE = np.dtype(
    [
        ("first_group", "<u2"),
        ("group_count", "<u2"),
        ("strips", "<u2"),
        ("reserved", "<u2"),
        ("state_offset", "<u4"),
    ],
    align=True,
)

GROUP_STATE = np.dtype(
    [("next_row", "<i2"), ("x_begin", "<i2"), ("x_end", "<i2"), ("reserved", "<i2")], align=True
)

ADD_REQUANTIZATION = np.dtype(
    [
        ("left_shift", "<i4"),
        ("input1_multiplier", "<i4"),
        ("input1_shift", "<i4"),
        ("input2_multiplier", "<i4"),
        ("input2_shift", "<i4"),
        ("output_multiplier", "<i4"),
        ("output_shift", "<i4"),
    ],
    align=True,
)

MUL_REQUANTIZATION = np.dtype([("output_multiplier", "<i4"), ("output_shift", "<i4")], align=True)

MEAN_REQUANTIZATION = np.dtype([("multiplier", "<i4"), ("shift", "<i4")], align=True)

SOFTMAX_REQUANTIZATION = np.dtype(
    [("input_multiplier", "<i4"), ("input_left_shift", "<i4"), ("diff_min", "<i4")], align=True
)

_Arrays = TypeVar("_Arrays", bound="ProgramArrays")


@dataclasses.dataclass(frozen=True, eq=False)
class ProgramArrays:
    """The arrays of a packed program."""

    header: np.void
    tensors: np.ndarray
    ops: np.ndarray
    groups: np.ndarray
    stages: np.ndarray

    @classmethod
    def parse(cls: type[_Arrays], program: bytes) -> _Arrays:
        """Views of the program's bytes."""
        header = np.frombuffer(program, HEADER, 1)[0]
        arrays, offset = [], HEADER.itemsize
        for name, dtype in (
            ("tensor_count", TENSOR),
            ("op_count", OP),
            ("group_count", GROUP),
            ("stage_count", STAGE),
        ):
            arrays.append(np.frombuffer(program, dtype, int(header[name]), offset))
            offset += arrays[-1].nbytes
        return cls(header, *arrays)

    @property
    def arena_bytes(self) -> int:
        return int(self.header["arena_bytes"])

    @property
    def fed(self) -> int | None:
        """The input that arrives row by row."""
        index = int(self.header["row_fed_tensor"])
        return None if index == NONE else index

    def shape(self, index: int) -> tuple[int, int, int]:
        """Height, width and channels of a tensor."""
        tensor = self.tensors[index]
        return int(tensor["height"]), int(tensor["width"]), int(tensor["channels"])
