# SPDX-License-Identifier: Apache-2.0
"""Calls the kernels of the runtime on placed tensors."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.arduino import native
from tests.arduino.kernel_case import Case
from tests.arduino.memory import Extent, Memory, Placement

SOURCES = [
    native.RUNTIME / f"tmc_{name}.c"
    for name in (
        "channels",
        "conv",
        "conv_input",
        "conv_simd",
        "depthwise",
        "depthwise_3x3",
        "depthwise_pixels",
        "depthwise_planes",
        "elementwise",
        "pool",
        "softmax",
        "layout",
    )
]

SCRATCH = 1
"""Where the views of a call have that of an auxiliary tensor: `TMC_SCRATCH`."""

PORTABLE, SIMD = "TMC_PORTABLE", "TMC_SIMD_IN_C"
"""The portable kernels, and those for the DSP extension, whose instructions are C here."""


def compile_kernels(folder: Path, variant: str) -> ctypes.CDLL:
    """The kernels alone, without the runtime that calls them."""
    return native.compile_library(folder, SOURCES, defines=[variant])


def run(
    kernels: ctypes.CDLL,
    name: str,
    case: Case,
    inputs: Sequence[Placement],
    output: Placement,
    box: Extent,
    auxiliary: Placement | None = None,
) -> None:
    """Calls the kernel `name`."""
    record = Memory(np.frombuffer(case.record.tobytes(), np.uint8))
    parameters = Memory(np.frombuffer(case.parameters, np.uint8))
    call = native.Call(record.address, parameters.address, output=output.view, box=box.box)
    for i, placed in enumerate(inputs):
        call.inputs[i] = placed.view
    if auxiliary is not None:
        call.inputs[SCRATCH] = auxiliary.view
    getattr(kernels, name)(ctypes.byref(call))
