# SPDX-License-Identifier: Apache-2.0
"""What a model costs on a microcontroller, measured where it runs."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Literal

import numpy as np

from tflm_converters.errors import UnsupportedModelError
from tflm_mcunet import boards, inference
from tflm_mcunet.arena import arena_use
from tflm_mcunet.boards import Board
from tflm_mcunet.comparison import Comparison, Model
from tflm_mcunet.conversion import Conversion, Progress, convert
from tflm_mcunet.emulator import Build, OperatorCost, toolchain
from tflm_mcunet.emulator.deployment import Deployment, is_converted
from tflm_mcunet.emulator.images import ProgramView
from tflm_mcunet.files import read_file
from tflm_mcunet.host_process import HostProcess
from tflm_mcunet.inference import Arrays
from tflm_mcunet.interpreter import Interpreter

CYCLES_PER_INSTRUCTION = 1.6
"""An estimate, for there is no cycle model: kernels of this kind take about 1.2 cycles per
instruction with an ideal memory, and published results of others on an STM32L4R5 are about
1.3 times such counts (flash wait states, bus contention)."""

_CORE = "Cortex-M4F"

Runtime = Literal["c", "tflm-host"]


@dataclasses.dataclass(frozen=True, eq=False)
class Benchmark:
    """Costs of one inference; None where a runtime cannot tell.

    `runtime` "c": on the emulated Cortex-M4, without an interpreter. `flash_bytes` is code
    and model; `sram_bytes` .data and .bss, which is the arena; `row_bytes` the row that the
    caller of a row-fed model holds beside it. "tflm-host": inside TensorFlow Lite Micro on
    this machine. `flash_bytes` is the model's file, `sram_bytes` the smallest arena.

    `differing_bytes` are those of the outputs, against TensorFlow Lite Micro's reference
    kernels; `spoiled_bytes` those which were overwritten though they belong to nobody.
    """

    name: str
    runtime: Runtime
    board: Board
    samples: int
    differing_bytes: int
    sram_bytes: int
    flash_bytes: int
    instructions: int | None = None
    layers: tuple[OperatorCost, ...] = ()
    code_bytes: int | None = None
    stack_bytes: int | None = None
    row_bytes: int | None = None
    spoiled_bytes: int | None = None
    host_ms: float | None = None

    @property
    def estimated_ms(self) -> float | None:
        """Milliseconds on the board; an estimate."""
        return None if self.instructions is None else estimated_ms(self.instructions, self.board)

    def to_json(self) -> dict[str, Any]:
        """The object that `tflm-mcunet bench --json` prints."""
        return {
            **dataclasses.asdict(self),
            "estimated_ms": self.estimated_ms,
            "cycles_per_instruction": CYCLES_PER_INSTRUCTION,
        }


def estimated_ms(instructions: int, board: Board) -> float:
    """Milliseconds that instructions of a Cortex-M4F take, see CYCLES_PER_INSTRUCTION."""
    return instructions * CYCLES_PER_INSTRUCTION / board.clock_hz * 1000


def has_emulated_core(board: Board) -> bool:
    """Whether the instructions that are counted here are the board's, too."""
    return board.core == _CORE


def bench(
    model: str | Path,
    *,
    runtime: Runtime = "c",
    mode: Literal["auto", "layer", "patch", "stream"] = "auto",
    row_fed: bool = False,
    tile_slack: int = 0,
    board: str | Board = "nano33ble",
    disabled_passes: Collection[str] = (),
    build: Build = Build(),  # noqa: B008 - immutable
    samples: int = 3,
    progress: Progress = lambda what, share: None,
) -> Benchmark:
    """Measures a model, which is converted in memory if it is not converted yet.

    Args:
        model: path of a `.tflite` file, converted or not.
        runtime: what runs it, see `Benchmark`.
        mode: how layers may run, as for `convert`.
        row_fed: the input arrives row by row, as for `convert`.
        tile_slack: bytes above the least peak for wider tiles, as for `convert`.
        board: whose clock the estimate is for; its core must be a Cortex-M4F.
        disabled_passes: names of passes to leave out, as for `convert`.
        build: how the runtime is compiled for the emulated core.
        samples: inputs to run, at least 1.
        progress: called as work is done.

    Raises:
        EmulatorMissingError: cross compiler or emulator are not installed.
        ConversionError: the model cannot be converted, or not run by this runtime.

    Example:
        >>> bench("model.tflite", row_fed=True).instructions
    """
    target = boards.get(board)
    if not has_emulated_core(target):
        raise UnsupportedModelError(
            f"the emulated core is a {_CORE}, but {target.name} has a {target.core}; choose "
            f"one of {', '.join(b for b in boards.names() if has_emulated_core(boards.get(b)))}"
        )
    if runtime == "c":
        toolchain.require()
    rewrite = functools.partial(
        convert,
        mode=mode,
        row_fed=row_fed,
        tile_slack=tile_slack,
        disabled_passes=disabled_passes,
        samples=0,
        progress=progress,
    )
    pair = _load(Path(model), rewrite)
    with HostProcess() as host:
        session = _Session(pair, target, host, samples, progress)
        return session.on_host() if runtime == "tflm-host" else session.emulated(build)


def _load(path: Path, rewrite: Callable[[Path], Conversion]) -> tuple[Model, Model]:
    """The original and the converted model: one and the same if there is no original."""
    original = Model.parse(read_file(path), name=path.name)
    if is_converted(original.graph):
        return original, original
    return original, Model.parse(rewrite(path).model, name=f"{path.name}, converted")


class _Session:
    """One pair of models on one board."""

    def __init__(
        self,
        pair: tuple[Model, Model],
        board: Board,
        host: HostProcess,
        samples: int,
        progress: Progress,
    ) -> None:
        self.original, self.converted = pair
        self.board, self.host, self.progress = board, host, progress
        self.comparison = Comparison(*pair, host)
        self.inputs = [self.comparison.inputs(index, seed=0) for index in range(samples)]
        progress("running TensorFlow Lite Micro", 0.0)
        self.results = list(self.comparison.outputs(self.inputs))

    def emulated(self, build: Build) -> Benchmark:
        deployment = Deployment.of(self.converted.graph, name=self.converted.name)
        self.progress("running the emulated core", 0.3)
        measured = deployment.measure(self.inputs, build=dataclasses.replace(build, profile=False))
        self.progress("running it layer by layer", 0.7)
        layered = deployment.measure(
            self.inputs[:1], build=dataclasses.replace(build, profile=True)
        )
        got = [deployment.outputs(run.outputs) for run in measured.runs]
        view = ProgramView.parse(deployment.program)
        return Benchmark(
            name=self.original.name,
            runtime="c",
            board=self.board,
            samples=len(self.inputs),
            differing_bytes=sum(map(_differing, (golden for golden, _ in self.results), got)),
            sram_bytes=measured.sram_bytes,
            flash_bytes=measured.flash_bytes,
            instructions=measured.instructions,
            layers=layered.operators,
            code_bytes=measured.code_bytes,
            stack_bytes=measured.stack_bytes,
            row_bytes=view.row_bytes,
            spoiled_bytes=measured.spoiled_bytes,
        )

    def on_host(self) -> Benchmark:
        model = self.converted
        self.progress("measuring the arena", 0.5)
        arena = arena_use(model.content, name=model.name, host=self.host)
        fastest = self.host.call(_timed, model.content, self.inputs, subject=model.name)
        return Benchmark(
            name=self.original.name,
            runtime="tflm-host",
            board=self.board,
            samples=len(self.inputs),
            differing_bytes=sum(_differing(golden, got) for golden, got in self.results),
            sram_bytes=arena.total,
            flash_bytes=len(model.content),
            host_ms=fastest,
        )


def _timed(model: bytes, samples: list[Arrays]) -> float:
    """Milliseconds of the fastest inference."""
    interpreter = Interpreter.from_bytes(model)
    return 1000 * min(_seconds(interpreter, sample) for sample in samples)


def _seconds(interpreter: Interpreter, sample: Arrays) -> float:
    begin = time.perf_counter()
    inference.infer(interpreter, sample)
    return time.perf_counter() - begin


def _differing(golden: Arrays, got: Arrays) -> int:
    pairs = zip(golden, got, strict=True)
    return sum(int(np.count_nonzero(_bytes(one) != _bytes(other))) for one, other in pairs)


def _bytes(array: np.ndarray) -> np.ndarray:
    return np.frombuffer(array.tobytes(), np.uint8)
