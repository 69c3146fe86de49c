# SPDX-License-Identifier: Apache-2.0
"""From a model file to one that needs less SRAM, with the proof that it computes the same."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, Literal

from tflm_converters import optimize, passes, reader
from tflm_converters.emit.tflite import emit_tflite
from tflm_converters.graph import Graph
from tflm_converters.optimize import Goal, Solution
from tflm_converters.passes import PassResult, PassStep
from tflm_converters.schedule.evaluate import Planned
from tflm_mcunet import boards
from tflm_mcunet.arena import ArenaUse, arena_use
from tflm_mcunet.boards import Board
from tflm_mcunet.files import read_file
from tflm_mcunet.host_process import HostProcess
from tflm_mcunet.profiling import Profile, profile_graph
from tflm_mcunet.verify import Verdict, verify

Progress = Callable[[str, float], None]
"""Called with what is being done and the share of it that is done, 0 to 1."""

_LEAST_SRAM = Goal()


@dataclasses.dataclass(frozen=True, eq=False)
class Conversion:
    """A converted model and everything that is known about it.

    `model` is the content of the `.tflite` file. `arena_before`, `arena` and `parity` are None
    if the models were not run (`samples=0`).
    """

    before: Profile
    passes: tuple[PassStep, ...]
    solution: Solution
    model: bytes
    arena_before: ArenaUse | None
    arena: ArenaUse | None
    parity: Verdict | None

    @property
    def planned(self) -> Planned:
        """The schedule that was written, with its memory plan."""
        return self.solution.best

    @property
    def front(self) -> tuple[Planned, ...]:
        """The schedules that no other beats in both SRAM and work, least work first."""
        return self.solution.front

    @property
    def board(self) -> Board | None:
        return self.before.board

    @property
    def macs_ratio(self) -> float:
        """Multiply-accumulates relative to the original."""
        return self.before.macs_ratio(self.planned.macs)

    def to_json(self) -> dict[str, Any]:
        """The object that `tflm-mcunet convert --json` prints."""
        best, before = self.planned, self.before
        return {
            "model": before.name,
            "original": {
                "peak_sram_bytes": before.peak_bytes,
                "macs": before.macs,
                "file_bytes": before.file_bytes,
                "tflm_arena_bytes": self.arena_before and self.arena_before.total,
            },
            "peak_sram_bytes": best.peak,
            "lower_bound_bytes": best.lower_bound,
            "macs": best.macs,
            "macs_ratio": self.macs_ratio,
            "file_bytes": len(self.model),
            "tflm_arena_bytes": self.arena and self.arena.total,
            "samples": self.parity.samples if self.parity else 0,
            "differing_bytes": self.parity and self.parity.differing_bytes,
            "pareto": [{"peak_sram_bytes": p.peak, "macs": p.macs} for p in self.front],
            "passes": [dataclasses.asdict(step) for step in self.passes],
            "board": None if self.board is None else dataclasses.asdict(self.board),
        }


def convert(
    model: str | Path,
    *,
    board: str | Board | None = None,
    sram: int | None = None,
    objective: Literal["sram", "macs"] = "sram",
    max_macs_ratio: float | None = None,
    mode: Literal["auto", "layer", "patch", "stream"] = "auto",
    patches: tuple[int, int] | None = None,
    row_fed: bool = False,
    tile_slack: int = 0,
    float_io: bool = False,
    disabled_passes: Collection[str] = (),
    samples: int = 10,
    progress: Progress = lambda what, share: None,
) -> Conversion:
    """Rewrites an int8 model so that it needs less SRAM, and compares its outputs.

    Args:
        model: path of a `.tflite` file.
        board: name of a board, or one of your own, whose SRAM is the budget.
        sram: budget for activations in bytes, instead of the board's.
        objective: "sram", least peak within `max_macs_ratio`, or "macs", least
            multiply-accumulates within the budget.
        max_macs_ratio: multiply-accumulates allowed, relative to those of the layers; by
            default 1.0, and any number in mode "patch".
        mode: how layers may run, see `tflm_converters.schedule.types.Mode`.
        patches: rows and columns of the grid of patch-based stages.
        row_fed: the input arrives row by row and is never held whole.
        tile_slack: bytes above the least peak for wider tiles: a few hundred often save a
            quarter of the instructions.
        float_io: keep float32 inputs and outputs.
        disabled_passes: names of passes to leave out, see `tflm_converters.passes.NAMES`.
        samples: inputs on which outputs are compared; 0 runs nothing.
        progress: called as work is done.

    Raises:
        ConversionError: the model cannot be converted, or not within the budget.

    Example:
        >>> conversion = convert("model.tflite", board="nano33ble")
        >>> Path("smaller.tflite").write_bytes(conversion.model)
    """
    target = None if board is None else boards.get(board)
    budget = target.sram_bytes if sram is None and target is not None else sram
    goal = Goal(objective, budget, max_macs_ratio, mode, patches, row_fed, tile_slack)
    rewrite = functools.partial(_rewrite, disabled_passes=disabled_passes, float_io=float_io)

    content, name = read_file(Path(model)), Path(model).name
    graph = reader.read_bytes(content, name=name)
    before = profile_graph(graph, name=name, file_bytes=len(content), board=target)
    cleaned, solution, converted = rewrite(graph, goal=goal, progress=progress)
    arena_before = arena = parity = None
    if samples:
        with HostProcess() as host:
            progress("measuring arenas", 0.0)
            arena_before = arena_use(content, name=name, host=host)
            progress("measuring arenas", 0.5)
            arena = arena_use(converted, name=f"{name}, converted", host=host)
            parity = verify(
                content,
                converted,
                samples=samples,
                progress=lambda done, wanted: progress("comparing outputs", done / wanted),
                convert=lambda part: rewrite(
                    reader.read_bytes(part, name=name), goal=Goal(mode=mode, patches=patches)
                )[2],
                names=(name, f"{name}, converted"),
                host=host,
            )
    return Conversion(before, cleaned.steps, solution, converted, arena_before, arena, parity)


def rewrite_bytes(content: bytes) -> bytes:
    """A model's file, converted in the default way and not compared."""
    return _rewrite(reader.read_bytes(content, name="model"))[2]


def _rewrite(
    graph: Graph,
    *,
    goal: Goal = _LEAST_SRAM,
    disabled_passes: Collection[str] = (),
    float_io: bool = False,
    progress: Progress = lambda what, share: None,
) -> tuple[PassResult, Solution, bytes]:
    """The cleaned graph, its schedules, and the file made from the chosen one."""
    cleaned = passes.run(graph, disabled=disabled_passes, float_io=float_io)
    solution = optimize.optimize(cleaned.graph, goal, progress=progress)
    best = solution.best
    model = emit_tflite(best.network, best.schedule, best.layout, best.plan)
    return cleaned, solution, model
