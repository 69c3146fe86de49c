# SPDX-License-Identifier: Apache-2.0
"""What a network costs on a board, as the converter's own scheduler and planner will have it.

Two figures for SRAM, since they differ a thousandfold in the time that they take. The *estimate*
is the peak by which the converter's solver chooses the schedule; it comes out for all networks
of a batch at once. The *exact* figure is the memory plan of that schedule. Whether networks fit
a limit is answered exactly: only those close to it are planned.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from tflm_converters.emit.program import pack_program
from tflm_converters.optimize import Goal, optimize
from tflm_converters.schedule.evaluate import evaluate
from tflm_converters.schedule.network import build_network
from tflm_mcunet import boards
from tflm_mcunet.search.architecture import Architecture
from tflm_mcunet.search.cost import Cost, Costs
from tflm_mcunet.search.flash import parameter_bytes, program_bytes
from tflm_mcunet.search.graph import build_graph
from tflm_mcunet.search.latency import DEFAULT_CLOCK_HZ, latency_ms
from tflm_mcunet.search.layers import Layers, encode
from tflm_mcunet.search.limits import Limits
from tflm_mcunet.search.paths import Paths, find_paths

BATCH = 500
"""Networks whose stages are costed at once: enough to be fast, few enough for the cache."""

CLOSE = {"layer": (0.8, 1.1), "stream": (0.84, 1.1), "auto": (0.84, 1.1)}
"""Estimates relative to a limit between which networks are planned.

No bound, but chosen by what was seen: how often networks that had no part in the choice are
further off, benchmarks/search_cost.py counts. The planner may find less than the estimate, where
several stages share memory better than the solver thinks; or, rarely, more, where residuals of
many small stages are in each other's way.
"""

CLOSE_IN_ONE_DIMENSION = (0.55, 1.2)
"""The same where rows are one pixel wide: few bytes in all, of which scratch is a large part."""


@dataclasses.dataclass(frozen=True, eq=False)
class Screened:
    """`fits`, bool (networks,): which keep to all limits. `costs`: with estimates of SRAM."""

    fits: np.ndarray
    costs: Costs


@dataclasses.dataclass(frozen=True)
class CostModel:
    """Costs of networks under one way of scheduling.

    `mode`: "layer", "stream" or "auto" (as the converter's: nothing is computed twice), or
    "patch", for which every figure needs the whole optimizer: seconds for each network.
    `row_fed`: the input arrives row by row. `clock_hz` is the board's.
    """

    mode: str = "auto"
    row_fed: bool = False
    clock_hz: int = DEFAULT_CLOCK_HZ

    @classmethod
    def for_board(cls, board: str | None, *, mode: str, row_fed: bool) -> CostModel:
        """With the clock of a board, if one is given."""
        clock_hz = DEFAULT_CLOCK_HZ if board is None else boards.get(board).clock_hz
        return cls(mode, row_fed, clock_hz)

    def estimate(self, architectures: Sequence[Architecture]) -> Costs:
        """Costs of networks, SRAM as the solver estimates it; the rest is exact."""
        if any(map(self._needs_optimizer, architectures)):
            return Costs.of(self.exact(architectures))
        order = _by_length(architectures)
        ordered = [architectures[index] for index in order]
        parts = [self._costs(layers, paths) for _, layers, paths in self._batches(ordered)]
        return Costs.join(parts).at(_inverse(order))

    def exact(self, architectures: Sequence[Architecture]) -> list[Cost]:
        """Costs of networks, SRAM from the memory plan: some hundredths of a second each."""
        if any(map(self._needs_optimizer, architectures)):
            return [self._optimized(architecture) for architecture in architectures]
        order = _by_length(architectures)
        ordered = [architectures[index] for index in order]
        found = []
        for batch, layers, paths in self._batches(ordered):
            costs = self._costs(layers, paths)
            for index, architecture in enumerate(batch):
                peak = _planned(architecture, paths, index, limit=None)
                found.append(dataclasses.replace(costs.one(index), sram_bytes=peak))
        return [found[index] for index in _inverse(order)]

    def screen(self, architectures: Sequence[Architecture], limits: Limits) -> Screened:
        """Which networks keep to all limits, by the exact figures."""
        if any(map(self._needs_optimizer, architectures)):
            costs = self.estimate(architectures)
            return Screened(limits.kept(costs), costs)
        order = _by_length(architectures)
        ordered = [architectures[index] for index in order]
        parts = [self._screen(*batch, limits) for batch in self._batches(ordered)]
        fits, costs = np.concatenate([p.fits for p in parts]), Costs.join([p.costs for p in parts])
        back = _inverse(order)
        return Screened(fits[back], costs.at(back))

    def require_feasible(self, smallest: Sequence[Architecture], limits: Limits) -> None:
        """Makes sure that the smallest network of at least one space keeps to all limits.

        Raises:
            InfeasibleError: none does; says which limits bind, and which network is nearest.
        """
        screened = self.screen(smallest, limits)
        if not screened.fits.any():
            nearest = smallest[int(limits.excess(screened.costs).argmin())]
            raise limits.infeasible(nearest, self.exact([nearest])[0])

    def _screen(
        self, batch: Sequence[Architecture], layers: Layers, paths: Paths, limits: Limits
    ) -> Screened:
        costs = self._costs(layers, paths)
        fits = limits.kept(costs, but="sram_bytes")
        sram = limits.sram_bytes
        if sram is None:
            return Screened(fits, costs)
        low, high = margins(layers, self.mode)
        close = fits & (paths.peaks > low * sram) & (paths.peaks <= high * sram)
        fits &= paths.peaks <= sram
        for index in map(int, np.flatnonzero(close)):
            fits[index] = _planned(batch[index], paths, index, limit=sram) <= sram
        return Screened(fits, costs)

    def _batches(
        self, architectures: Sequence[Architecture]
    ) -> Iterator[tuple[Sequence[Architecture], Layers, Paths]]:
        for begin in range(0, len(architectures), BATCH):
            batch = architectures[begin : begin + BATCH]
            layers = encode(batch)
            yield batch, layers, find_paths(layers, mode=self.mode, row_fed=self.row_fed)

    def _costs(self, layers: Layers, paths: Paths) -> Costs:
        return Costs(
            paths.peaks,
            parameter_bytes(layers) + program_bytes(layers, paths),
            layers.macs.sum(axis=1),
            latency_ms(layers, self.clock_hz),
        )

    def _needs_optimizer(self, architecture: Architecture) -> bool:
        """Patches, and windows of one pixel, as after redistribution, are not for the batch."""
        windows = ((*block.kernel, *block.stride) for block in architecture.blocks)
        return self.mode == "patch" or (1, 1, 1, 1) in windows

    def _optimized(self, architecture: Architecture) -> Cost:
        graph = build_graph(architecture)
        best = optimize(graph, Goal(mode=self.mode, row_fed=self.row_fed)).best
        stages = range(len(best.schedule.stages))
        program = pack_program(best.network, best.schedule, best.layout, best.plan, stages)
        layers = encode([architecture])
        ratio = best.macs / int(layers.macs.sum())
        return Cost(
            best.peak,
            len(program.options) + len(program.parameters),
            best.macs,
            float(latency_ms(layers, self.clock_hz)[0]) * ratio,
        )


def margins(layers: Layers, mode: str) -> tuple[np.ndarray, np.ndarray]:
    """Least and largest estimate of each network, relative to a limit, that needs a plan."""
    narrow = layers.width[:, 0] == 1
    pairs = zip(CLOSE_IN_ONE_DIMENSION, CLOSE[mode], strict=True)
    low, high = (np.where(narrow, one, two) for one, two in pairs)
    return low, high


def _by_length(architectures: Sequence[Architecture]) -> list[int]:
    """An order in which a batch is of networks of like length, so that few layers fill it up."""
    return sorted(range(len(architectures)), key=lambda i: len(architectures[i].blocks))


def _inverse(order: Sequence[int]) -> np.ndarray:
    """Where each network has gone."""
    return np.argsort(np.array(order, dtype=np.int64))


def _planned(architecture: Architecture, paths: Paths, index: int, *, limit: int | None) -> int:
    """Bytes of the memory plan of one network's path.

    With a `limit`, any figure on the right side of it is good enough, and found sooner.
    """
    network = build_network(build_graph(architecture))
    schedule = paths.schedule(index, network)
    if limit is not None:
        planned = evaluate(network, schedule, steps=0)
        if planned.peak <= limit or planned.lower_bound > limit:
            return planned.peak
    return evaluate(network, schedule).peak
