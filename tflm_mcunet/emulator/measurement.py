# SPDX-License-Identifier: Apache-2.0
"""Runs a program on the emulated core, and says what it needed and what it computed."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from tflm_converters.emit.c_tables import kernel_table
from tflm_converters.emit.program_format import OpKind
from tflm_converters.errors import ConversionError
from tflm_mcunet.emulator import toolchain
from tflm_mcunet.emulator.images import Arrays, ProgramView
from tflm_mcunet.emulator.toolchain import GUARD_BYTES, Build, Firmware

INSTRUCTIONS_PER_TICK = 40
"""One instruction takes 1 ns of virtual time, and the timer runs at 25 MHz."""

_RESULT = np.dtype([("status", "<i4"), ("ticks", "<u4"), ("stack_bytes", "<u4")])
_OPERATOR = np.dtype([("ticks", "<u4"), ("calls", "<u4")])
_MULTIPLY_ACCUMULATES = (OpKind.CONV, OpKind.DEPTHWISE)


@dataclasses.dataclass(frozen=True)
class OperatorCost:
    """One operator of the program: its kernel's instructions over all of its calls."""

    index: int
    operator: str
    kernel: tuple[int, int]
    stride: tuple[int, int]
    output_shape: tuple[int, int, int]
    macs: int
    calls: int
    instructions: int


@dataclasses.dataclass(frozen=True, eq=False)
class Run:
    """One inference.

    `spoiled_bytes` counts bytes that changed though nothing may write to them: the guards
    around the arena and the gaps inside it.
    """

    instructions: int
    stack_bytes: int
    outputs: Arrays
    spoiled_bytes: int
    operators: tuple[OperatorCost, ...] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class Measurement:
    """What a program needs on a Cortex-M4, and its runs.

    `code_bytes` is .text and .rodata of the runtime and of what it uses of the C library;
    `model_bytes` the program and its parameters. `sram_bytes` is .data and .bss: the arena,
    and nothing else unless the runtime has variables. Not in them: the harness, which reads
    samples and paints the stack. `stack_bytes` is the most that a run used, main included.
    """

    code_bytes: int
    model_bytes: int
    sram_bytes: int
    runs: tuple[Run, ...]

    @property
    def flash_bytes(self) -> int:
        return self.code_bytes + self.model_bytes

    @property
    def instructions(self) -> int:
        """Of one inference, to within 40; the most of any run."""
        return max(run.instructions for run in self.runs)

    @property
    def stack_bytes(self) -> int:
        return max(run.stack_bytes for run in self.runs)

    @property
    def spoiled_bytes(self) -> int:
        return sum(run.spoiled_bytes for run in self.runs)

    @property
    def operators(self) -> tuple[OperatorCost, ...]:
        """Costs of the first run; empty unless built with `profile`."""
        return self.runs[0].operators


def measure(
    program: bytes,
    parameters: bytes,
    inputs: Iterable[Sequence[np.ndarray]],
    *,
    build: Build = Build(),  # noqa: B008 - immutable
    seed: int = 0,
) -> Measurement:
    """Runs a packed program on samples, one after the other.

    The arena is full of random bytes before each run. Nothing validates the program.

    Args:
        program: what `tflm_converters.emit.program.pack_program` calls `options`.
        parameters: the program's parameters.
        inputs: for each sample, the int8 arrays of the program's inputs; a row-fed input
            takes all of its rows.
        build: how the runtime is compiled; its sources, too.
        seed: chooses other random bytes.

    Raises:
        EmulatorMissingError: cross compiler or emulator are not installed.
        ConversionError: the runtime does not compile, the model does not fit the emulated
            board, or the firmware faults.

    Example:
        >>> packed = pack_program(network, schedule, layout, plan, range(1))
        >>> fast = Build(optimization="-O3", defines=("MY_KERNELS=1",), profile=True)
        >>> result = measure(packed.options, packed.parameters, [[image]], build=fast)
        >>> result.instructions, result.operators[0].instructions, result.runs[0].outputs[0]
    """
    view = ProgramView.parse(program)
    garbage = np.random.default_rng(seed)
    images = [_image(view, tuple(arrays), garbage) for arrays in inputs]
    with tempfile.TemporaryDirectory(prefix="tflm-mcunet-") as name:
        folder = Path(name)
        (folder / toolchain.PROGRAM).write_bytes(program)
        (folder / toolchain.PARAMETERS).write_bytes(parameters)
        (folder / toolchain.KERNELS).write_text(kernel_table(view), encoding="utf-8")
        (folder / toolchain.INPUT).write_bytes(b"".join(image.content for image in images))
        firmware = toolchain.link(
            build, folder, arena_bytes=view.arena_bytes, row_fed=view.fed is not None
        )
        output = toolchain.run(firmware)
    runs = tuple(_runs(output, view, images, profiled=build.profile))
    return Measurement(*_sizes(firmware), runs)


@dataclasses.dataclass(frozen=True, eq=False)
class _Image:
    """Arena and guards before a run, and the rows that are fed."""

    memory: np.ndarray
    rows: bytes

    @property
    def content(self) -> bytes:
        return self.memory.tobytes() + self.rows


def _image(view: ProgramView, inputs: Arrays, garbage: np.random.Generator) -> _Image:
    memory = garbage.integers(0, 256, view.arena_bytes + 2 * GUARD_BYTES, np.uint8)
    inside = slice(GUARD_BYTES, GUARD_BYTES + view.arena_bytes)
    memory[inside] = view.arena(inputs, memory[inside])
    return _Image(memory, b"" if view.fed is None else inputs[view.fed].tobytes())


def _runs(
    output: bytes, view: ProgramView, images: list[_Image], *, profiled: bool
) -> Iterator[Run]:
    """Takes apart what the firmware wrote: for each sample a result, memory, and a profile."""
    offset = 0
    for image in images:
        result = np.frombuffer(output, _RESULT, 1, offset)[0]
        if result["status"]:
            raise ConversionError(f"the program ended with status {result['status']}")
        offset += _RESULT.itemsize
        memory = np.frombuffer(output, np.uint8, image.memory.size, offset)
        offset += memory.nbytes
        operators: tuple[OperatorCost, ...] = ()
        if profiled:
            costs = np.frombuffer(output, _OPERATOR, len(view.ops), offset)
            offset += costs.nbytes
            operators = tuple(_operator_costs(view, costs))
        yield Run(
            int(result["ticks"]) * INSTRUCTIONS_PER_TICK,
            int(result["stack_bytes"]),
            view.outputs(memory[GUARD_BYTES:-GUARD_BYTES]),
            _spoiled_bytes(view, image.memory, memory),
            operators,
        )


def _spoiled_bytes(view: ProgramView, before: np.ndarray, after: np.ndarray) -> int:
    kept = np.ones(before.size, bool)
    kept[GUARD_BYTES:-GUARD_BYTES] = view.unowned()
    return int(np.count_nonzero(before[kept] != after[kept]))


def _operator_costs(view: ProgramView, costs: np.ndarray) -> Iterator[OperatorCost]:
    for index, (op, cost) in enumerate(zip(view.ops, costs, strict=True)):
        yield OperatorCost(
            index,
            OpKind(int(op["kind"])).name,
            (int(op["kernel_h"]), int(op["kernel_w"])),
            (int(op["stride_h"]), int(op["stride_w"])),
            view.shape(int(op["output"])),
            _macs(view, op),
            int(cost["calls"]),
            int(cost["ticks"]) * INSTRUCTIONS_PER_TICK,
        )


def _macs(view: ProgramView, op: np.void) -> int:
    """Multiply-accumulates of one computation of the whole output, padded taps included."""
    if OpKind(int(op["kind"])) not in _MULTIPLY_ACCUMULATES:
        return 0
    taps = int(op["kernel_h"]) * int(op["kernel_w"])
    channels = view.shape(int(op["inputs"][0]))[2] if op["kind"] == OpKind.CONV else 1
    return int(np.prod(view.shape(int(op["output"])))) * taps * channels


def _sizes(firmware: Firmware) -> tuple[int, int, int]:
    sizes = firmware.sections

    def total(*names: str) -> int:
        return sum(sizes.get(name, 0) for name in names)

    code = total(".text", ".rodata", ".ARM.exidx", ".data")
    return code, total(".program", ".parameters"), total(".data", ".bss", ".arena")
