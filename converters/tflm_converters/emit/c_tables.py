# SPDX-License-Identifier: Apache-2.0
"""C initializers: numbers, strings, and the records of a program with their field names."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

import numpy as np

from tflm_converters.emit.program_format import (
    NO_PARAMETER,
    OpFlag,
    OpKind,
    ProgramArrays,
    Storage,
)

_LINE = 100
_EQUALS = "\0=\0"  # between which no line is broken
_ENUMS = {"kind": OpKind, "storage": Storage}
_KERNELS = {
    OpKind.CONV: "tmc_conv_s8",
    OpKind.ADD: "tmc_add_s8",
    OpKind.MUL: "tmc_mul_s8",
    OpKind.AVERAGE_POOL: "tmc_average_pool_s8",
    OpKind.MAX_POOL: "tmc_max_pool_s8",
    OpKind.MEAN: "tmc_mean_s8",
    OpKind.LOOKUP: "tmc_lookup_s8",
    OpKind.SOFTMAX: "tmc_softmax_s8",
    OpKind.PAD: "tmc_pad_s8",
    OpKind.COPY: "tmc_copy_s8",
    OpKind.RESIZE_NEAREST: "tmc_resize_nearest_s8",
    OpKind.TRANSPOSE: "tmc_transpose_s8",
    OpKind.RESHAPE: "tmc_reshape_s8",
}
_ACCUMULATE = {
    "accumulate_begin": "tmc_accumulate_begin",
    "accumulate": "tmc_accumulate_s8",
    "accumulate_end": "tmc_accumulate_end_s8",
}
_WINDOWS = (3, 5, 7)
_CHANNELS_AT_ONCE = 4


def integers(values: np.ndarray) -> str:
    """The elements of an array, wrapped into lines."""
    return "\n".join(_wrap(", ".join(map(str, values.tolist())))) + ","


def strings(values: Iterable[str]) -> str:
    """String literals, one per line."""
    return "\n".join(f'      "{_escaped(value)}",' for value in values)


def real(value: float) -> str:
    """The shortest literal that is this float."""
    return f"{np.format_float_scientific(np.float32(value), trim='0')}f"


def records(array: np.ndarray) -> str:
    """The elements of a structured array, one per line or more."""
    return "\n".join(f"{record(element)}," for element in array)


def record(element: np.void) -> str:
    """A designated initializer; what is reserved is left out."""
    names = [name for name in element.dtype.names or () if name != "reserved"]
    fields = ", ".join(f".{name}{_EQUALS}{_field(name, element[name])}" for name in names)
    return "\n ".join(_wrap(f"{{{fields}}}")).replace(_EQUALS, " = ")


def kernels(arrays: ProgramArrays) -> set[str]:
    """The functions that execute a program's operators."""
    return set(_kernel_fields(arrays).values())


def kernel_table(arrays: ProgramArrays) -> str:
    """The fields of a tmc_kernel_table that lists these functions."""
    return "\n".join(f"    .{name} = {kernel}," for name, kernel in _kernel_fields(arrays).items())


def depthwise_kernel(op: np.void, channels: int) -> dict[str, str]:
    """The kernel of a DEPTHWISE, by its field of a tmc_kernel_table: tmc_window_case_of."""
    table = "depthwise_in_place" if int(op["flags"]) & OpFlag.IN_PLACE else "depthwise"
    size = int(op["kernel_h"])
    if _has_own_kernel(op, channels):
        return {f"{table}[TMC_WINDOW_{size}X{size}]": f"tmc_{table}_{size}x{size}_s8"}
    kernel = "tmc_depthwise_conv_s8" if table == "depthwise" else f"tmc_{table}_s8"
    return {f"{table}[TMC_WINDOW_ANY]": kernel}


def _has_own_kernel(op: np.void, channels: int) -> bool:
    is_plain = op["dilation_h"] == op["dilation_w"] == op["depth_multiplier"] == 1
    is_square = op["kernel_h"] == op["kernel_w"] and op["kernel_h"] in _WINDOWS
    strides = max(op["stride_h"], op["stride_w"])
    return bool(is_plain and is_square and strides <= 2 and channels >= _CHANNELS_AT_ONCE)


def _kernel_fields(arrays: ProgramArrays) -> dict[str, str]:
    fields: dict[str, str] = {}
    for op in arrays.ops:
        kind = OpKind(int(op["kind"]))
        if int(op["flags"]) & OpFlag.ACCUMULATE:
            fields |= _ACCUMULATE
        elif kind is OpKind.DEPTHWISE:
            fields |= depthwise_kernel(op, arrays.shape(int(op["output"]))[2])
        else:
            fields[f"of_kind[TMC_{kind.name}]"] = _KERNELS[kind]
    return fields


def _wrap(text: str) -> list[str]:
    return textwrap.wrap(text, _LINE - 1, break_on_hyphens=False)


def _field(name: str, value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{{{', '.join(map(str, value.tolist()))}}}"
    if name in _ENUMS:
        return f"TMC_{_ENUMS[name](int(value)).name}"
    return "TMC_NO_PARAMETER" if int(value) == NO_PARAMETER else str(int(value))


def _escaped(text: str) -> str:
    """Octal escapes for all but plain characters; a question mark could begin a trigraph."""
    return "".join(
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
        for byte in text.encode("utf-8")
    )
