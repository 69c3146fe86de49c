# SPDX-License-Identifier: Apache-2.0
"""From a graph to the schedule that meets a goal, with the Pareto front behind it."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Callable

from tflm_converters.cost import total_macs
from tflm_converters.errors import BudgetError, UnsupportedModelError
from tflm_converters.graph import Graph
from tflm_converters.memory.types import MemoryPlan
from tflm_converters.schedule import rematerialize
from tflm_converters.schedule.candidates import Candidate, Options, plain_candidates
from tflm_converters.schedule.cost import layer_macs
from tflm_converters.schedule.evaluate import Planned, evaluate, widen_tiles
from tflm_converters.schedule.network import Network, build_network
from tflm_converters.schedule.recompute import recompute_candidates
from tflm_converters.schedule.segment import Tables
from tflm_converters.schedule.solver import Path, Solver
from tflm_converters.schedule.types import Mode, Schedule

MODES: dict[str, frozenset[Mode]] = {
    "layer": frozenset({Mode.LAYER}),
    "patch": frozenset({Mode.LAYER, Mode.PATCH}),
    "stream": frozenset({Mode.LAYER, Mode.STREAM}),
    "auto": frozenset({Mode.LAYER, Mode.PATCH, Mode.STREAM}),
}

FRONT_POINTS = 24
"""Most points of the front that are planned exactly; the rest is thinned out evenly."""

WORTH_HOLDING = 3
"""Tensors smaller than this fraction of the peak are held rather than computed twice."""

VARIANTS_IN_VAIN = 2
"""After as many variants without a lower peak, no more tensors are computed twice."""

UNLIMITED = sys.maxsize

FRONT_STEPS = 6000
"""Search steps of the memory planner for each point of the front; the chosen one gets all."""

Progress = Callable[[str, float], None]
"""Called with what is being done and the share done, 0 to 1."""


@dataclasses.dataclass(frozen=True)
class Goal:
    """What the schedule is for.

    `objective` "sram": least peak whose MACs stay within `max_macs_ratio` of the layers'
    own; "macs": least MACs whose peak is within `sram` bytes, and tiles as wide as the
    budget allows, for speed. A budget in `sram` must be met in either case. `tile_slack`
    bytes above the least peak may go into wider tiles, which call fewer kernels.
    """

    objective: str = "sram"
    sram: int | None = None
    max_macs_ratio: float | None = None
    mode: str = "auto"
    patches: tuple[int, int] | None = None
    row_fed: bool = False
    tile_slack: int = 0

    def tile_ceiling(self, peak: int) -> int:
        """Bytes that wider tiles may raise the peak to."""
        if self.objective == "macs" and self.sram is not None:
            return self.sram
        return min(peak + self.tile_slack, self.sram or sys.maxsize)

    @property
    def macs_limit(self) -> float:
        """MACs allowed, relative to the layers' own; patches always recompute halos."""
        if self.max_macs_ratio is not None:
            return max(self.max_macs_ratio, 1.0)
        return math.inf if self.mode == "patch" else 1.0


@dataclasses.dataclass(frozen=True, eq=False)
class Solution:
    """The chosen schedule, and the front it was chosen from: least MACs first."""

    best: Planned
    front: tuple[Planned, ...]
    layer_macs: int


def optimize(
    graph: Graph, goal: Goal, *, progress: Progress = lambda what, share: None
) -> Solution:
    """Schedules a graph.

    Raises:
      BudgetError: nothing meets the goal; names the least reachable bytes.
      UnsupportedModelError: row-fed execution of a model that cannot be fed by rows.
    """
    progress("finding stages", 0.0)
    network = build_network(graph)
    if goal.row_fed:
        _check_row_fed(network)
    options = Options(MODES[goal.mode], goal.patches, goal.row_fed)
    choices = _paths(network, options)
    if not choices:
        raise UnsupportedModelError(
            "no schedule feeds this model row by row: a later layer reads the input again. "
            "Convert it without --row-fed."
        )
    if goal.mode in ("auto", "stream"):
        choices = _with_second_passes(graph, options, choices)
    front = pareto_front(_plan_all(_thin(_undominated(choices)), goal, progress))
    own = total_macs(graph)
    chosen = choose(front, goal, own)
    exact = evaluate(chosen.network, chosen.schedule)
    best = widen_tiles(exact, ceiling=goal.tile_ceiling(exact.peak))
    progress("done", 1.0)
    return Solution(best, pareto_front([*front, best]), own)


@dataclasses.dataclass(frozen=True, eq=False)
class _Choice:
    """A path through one variant of the network."""

    network: Network
    path: Path
    macs: int


def _paths(network: Network, options: Options, limit: int = UNLIMITED) -> list[_Choice]:
    """The front of one network; schedules of more than `limit` bytes may be missing."""
    base = sum(layer_macs(network))
    solver = Solver(len(network.layers), _candidates(network, options, limit))
    return [_Choice(network, path, base + path.extra_macs) for path in solver.pareto()]


def _with_second_passes(graph: Graph, options: Options, choices: list[_Choice]) -> list[_Choice]:
    """Adds the fronts of variants that compute ever more tensors twice, while that gains."""
    least, in_vain = _least_peak(choices), 0
    for held, variant in rematerialize.variants(graph):
        if held * WORTH_HOLDING < least or in_vain == VARIANTS_IN_VAIN:
            break
        choices = [*choices, *_paths(build_network(variant), options, least)]
        in_vain = 0 if _least_peak(choices) < least else in_vain + 1
        least = _least_peak(choices)
    return choices


def _least_peak(choices: list[_Choice]) -> int:
    return min(choice.path.peak for choice in choices)


def _undominated(choices: list[_Choice]) -> list[_Choice]:
    kept: list[_Choice] = []
    for choice in sorted(choices, key=lambda c: (c.macs, c.path.peak)):
        if not kept or choice.path.peak < kept[-1].path.peak:
            kept.append(choice)
    return kept


def _plan_all(choices: list[_Choice], goal: Goal, progress: Progress) -> list[Planned]:
    planned = []
    for i, choice in enumerate(choices):
        progress("planning memory", i / len(choices))
        stages = tuple(c.build(choice.network) for c in choice.path.candidates)
        schedule = Schedule(stages, row_fed=goal.row_fed)
        planned.append(evaluate(choice.network, schedule, steps=FRONT_STEPS))
    return planned


def _candidates(network: Network, options: Options, limit: int) -> list[Candidate]:
    """Stages that compute nothing twice, and those that beat their least peak by doing so."""
    tables = Tables(network, row_fed=options.row_fed)
    plain = list(plain_candidates(tables, options, min(limit, tables.generous_limit())))
    least = next(Solver(len(network.layers), plain).pareto(), None)
    reachable = limit if least is None else min(least.peak, limit)
    if reachable == UNLIMITED:
        return plain
    return [*plain, *recompute_candidates(tables, options, reachable)]


def _thin(choices: list[_Choice]) -> list[_Choice]:
    if len(choices) <= FRONT_POINTS:
        return choices
    step = (len(choices) - 1) / (FRONT_POINTS - 1)
    return [choices[round(i * step)] for i in range(FRONT_POINTS)]


def pareto_front(planned: list[Planned]) -> tuple[Planned, ...]:
    """Those that no other beats in both MACs and peak, least MACs first."""
    front: list[Planned] = []
    for point in sorted(planned, key=lambda p: (p.macs, p.peak)):
        if not front or point.peak < front[-1].peak:
            front.append(point)
    return tuple(front)


def choose(front: tuple[Planned, ...], goal: Goal, own_macs: int) -> Planned:
    """The point of the front that meets the goal best."""
    allowed = [p for p in front if p.macs <= own_macs * goal.macs_limit] or [front[0]]
    if goal.objective == "macs":
        fitting = [p for p in front if p.peak <= (goal.sram or math.inf)]
        if not fitting:
            raise _over_budget(min(front, key=lambda p: p.peak), goal)
        return fitting[0]
    best = min(allowed, key=lambda p: p.peak)
    if goal.sram is not None and best.peak > goal.sram:
        raise _over_budget(best, goal)
    return best


def _over_budget(best: Planned, goal: Goal) -> BudgetError:
    holders = ", ".join(f"'{name}' {size:,} B" for name, size in peak_holders(best.plan)[:4])
    hints = [] if goal.row_fed else ["feed the input row by row (--row-fed)"]
    if goal.objective == "sram":
        hints.append("allow more MACs (--objective macs, or --max-macs)")
    if goal.mode != "auto":
        hints.append("let the solver choose the mode (--mode auto)")
    hints.append("choose a smaller network or input")
    return BudgetError(
        f"a peak of {goal.sram:,} bytes cannot be met: the least reachable is {best.peak:,} bytes, "
        f"held by {holders}. Ways out: {'; '.join(hints)}."
    )


def peak_holders(plan: MemoryPlan) -> list[tuple[str, int]]:
    """Name and live bytes of every buffer alive at the fullest tick, largest first."""
    tick = int(plan.ticks[plan.live_bytes.argmax()])
    holders = []
    for buffer in plan.buffers:
        bands = buffer.bands
        alive = (bands[:, 2] <= tick) & (tick <= bands[:, 3])
        size = int((bands[alive, 1] - bands[alive, 0]).sum())
        if size:
            holders.append((buffer.name, size))
    return sorted(holders, key=lambda h: -h[1])


def _check_row_fed(network: Network) -> None:
    if len(network.inputs) != 1:
        raise UnsupportedModelError(
            f"row-fed execution needs exactly one input, got {len(network.inputs)}"
        )
    stock = [layer for layer in network.layers if layer.stock]
    if stock:
        raise UnsupportedModelError(
            "row-fed execution needs every layer in our runtime, but "
            f"{network.graph.describe(stock[0].op)} is left to TFLite-Micro"
        )
