# SPDX-License-Identifier: Apache-2.0
"""Opens and runs programs in the C runtime, compiled for this machine."""

from __future__ import annotations

import ctypes
import enum
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.arduino import native
from tests.arduino.memory import Memory
from tests.arduino.program_builder import Program
from tflm_converters.emit.program_format import NONE

SOURCES = sorted(native.RUNTIME.glob("tmc_*.c"))


class Status(enum.IntEnum):
    """`tmc_status`."""

    OK = 0
    NEED_ROWS = 1
    FORMAT = -1
    RANGE = -2
    ARENA = -3
    OPERATOR = -4
    SCHEDULE = -5
    INPUT = -6


class ProgramPointers(ctypes.Structure):
    """`tmc_program`."""

    _fields_ = [
        (name, ctypes.c_void_p)
        for name in ("header", "tensors", "ops", "groups", "stages", "parameters", "kernels")
    ]


class Runtime:
    """The functions of tmc_runtime.h."""

    def __init__(self, folder: Path) -> None:
        self.library = native.compile_library(folder, SOURCES)
        self.library.tmc_program_open.argtypes = [
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.c_void_p,
            ctypes.c_size_t,
        ]
        for name in ("tmc_program_run", "tmc_program_begin"):
            function = getattr(self.library, name)
            function.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
        self.library.tmc_program_push_row.argtypes = [ctypes.c_void_p] * 3
        self.library.tmc_program_finish.argtypes = [ctypes.c_void_p] * 2

    def status_of(self, options: bytes, parameters: bytes) -> Status:
        """What opening these bytes returns."""
        return OpenProgram(self, options, parameters).status


class OpenProgram:
    """A program after tmc_program_open, which may have refused it; with an arena of its own."""

    def __init__(self, runtime: Runtime, options: bytes, parameters: bytes) -> None:
        self._library = runtime.library
        self._options = Memory(np.frombuffer(options, np.uint8))
        self._parameters = Memory(np.frombuffer(parameters, np.uint8))
        self._pointers = ProgramPointers()
        status = self._library.tmc_program_open(
            ctypes.addressof(self._pointers),
            self._options.address,
            len(options),
            self._parameters.address,
            len(parameters),
        )
        self.status = Status(status)

    def run(self, arena: Memory, arena_bytes: int | None = None) -> Status:
        size = arena.bytes.size if arena_bytes is None else arena_bytes
        pointer = ctypes.addressof(self._pointers)
        return Status(self._library.tmc_program_run(pointer, arena.address, size))

    def begin(self, arena: Memory) -> Status:
        pointer = ctypes.addressof(self._pointers)
        return Status(self._library.tmc_program_begin(pointer, arena.address, arena.bytes.size))

    def push_row(self, arena: Memory, row: np.ndarray) -> Status:
        memory = Memory(row.view(np.uint8).ravel())
        pointer = ctypes.addressof(self._pointers)
        return Status(self._library.tmc_program_push_row(pointer, arena.address, memory.address))

    def finish(self, arena: Memory) -> Status:
        pointer = ctypes.addressof(self._pointers)
        return Status(self._library.tmc_program_finish(pointer, arena.address))


def open_program(runtime: Runtime, program: Program) -> OpenProgram:
    """Opens a program that must be valid."""
    opened = OpenProgram(runtime, program.options, program.parameters)
    assert opened.status is Status.OK, opened.status
    return opened


def random_arena(program: Program, rng: np.random.Generator) -> Memory:
    """An arena of exactly the size that the program asks for, full of garbage."""
    return Memory(rng.integers(0, 256, int(program.header["arena_bytes"][0]), dtype=np.uint8))


def location(program: Program, tensor: int) -> slice:
    """Where a whole tensor of the graph lies in the arena."""
    record = program.tensor(tensor)
    return slice(int(record["offset"]), int(record["offset"]) + int(record["bytes"]))


def write_inputs(program: Program, arena: Memory, inputs: Sequence[np.ndarray]) -> None:
    for tensor, value in zip(program.graph.inputs, inputs, strict=True):
        arena.bytes[location(program, tensor)] = value.view(np.uint8).ravel()


def read_outputs(program: Program, arena: Memory) -> list[np.ndarray]:
    tensors = program.graph.outputs
    shapes = [program.graph.tensors[t].shape for t in tensors]
    parts = [arena.bytes[location(program, t)].view(np.int8) for t in tensors]
    return [part.reshape(shape).copy() for part, shape in zip(parts, shapes, strict=True)]


def unowned_bytes(program: Program) -> np.ndarray:
    """Which bytes of the arena belong to no tensor and to no state: bool (arena bytes,)."""
    free = np.ones(int(program.header["arena_bytes"][0]), bool)
    for tensor in program.tensors:
        free[tensor["offset"] : tensor["offset"] + tensor["bytes"]] = False
    for stage in program.stages:
        free[stage["state_offset"] : stage["state_offset"] + 8 * stage["group_count"]] = False
    if program.header["row_fed_tensor"][0] != NONE:
        counter = program.header["fed_state_offset"][0]
        free[counter : counter + 2] = False
    return free
