# SPDX-License-Identifier: Apache-2.0
"""What a network costs on a board, as the converter's own scheduler and planner will have it.

Two figures for SRAM, since they differ a thousandfold in the time that they take. The *estimate*
is the peak by which the converter's solver chooses the schedule; it comes out for all networks
of a batch at once. The *exact* figure is the memory plan of that schedule. Whether networks fit
a limit is answered exactly: only those close to it are planned.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from importlib import resources

import numpy as np

from tflm_converters.optimize import Goal, optimize
from tflm_converters.schedule.evaluate import evaluate
from tflm_converters.schedule.network import build_network
from tflm_mcunet.search.architecture import Architecture
from tflm_mcunet.search.flash import parameter_bytes, program_bytes
from tflm_mcunet.search.graph import build_graph
from tflm_mcunet.search.layers import LayerKind, Layers, encode
from tflm_mcunet.search.paths import Paths, find_paths

BATCH = 250
"""Networks whose stages are costed at once: enough to be fast, few enough for the cache."""

SURELY_MORE = 1.15
SURELY_LESS = {"layer": 0.75, "stream": 0.95, "auto": 0.95}
"""Estimates relative to a limit beyond which no plan is made; see benchmarks/search_cost.py.

The planner may find less than the estimate, where several stages share memory better than the
solver thinks; or, rarely, more, where residuals of many small stages are in each other's way.
"""

DEFAULT_CLOCK_HZ = 64_000_000


@dataclasses.dataclass(frozen=True)
class Cost:
    """What one network costs.

    `sram_bytes`: activations, line buffers and scratch at the peak, input and output included.
    `flash_bytes`: weights and tables, without the code of the runtime. `macs`: those computed
    by the schedule. `latency_ms` is an estimate from instruction counts, one instruction per
    cycle of the clock; a core with slow flash takes longer.
    """

    sram_bytes: int
    flash_bytes: int
    macs: int
    latency_ms: float


@dataclasses.dataclass(frozen=True, eq=False)
class Costs:
    """Costs of many networks; arrays (networks,). `sram_bytes` are estimates."""

    sram_bytes: np.ndarray
    flash_bytes: np.ndarray
    macs: np.ndarray
    latency_ms: np.ndarray

    @classmethod
    def join(cls, parts: Sequence[Costs]) -> Costs:
        """All of them in one."""
        names = [field.name for field in dataclasses.fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


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

    def estimate(self, architectures: Sequence[Architecture]) -> Costs:
        """Costs of networks, SRAM as the solver estimates it; the rest is exact."""
        return Costs.join(
            [self._costs(layers, paths) for _, layers, paths in self._batches(architectures)]
        )

    def exact(self, architectures: Sequence[Architecture]) -> list[Cost]:
        """Costs of networks, SRAM from the memory plan: some hundredths of a second each."""
        if self.mode == "patch":
            return [self._patched(architecture) for architecture in architectures]
        found = []
        for batch, layers, paths in self._batches(architectures):
            costs = self._costs(layers, paths)
            for index, architecture in enumerate(batch):
                found.append(
                    Cost(
                        _planned(architecture, paths, index, limit=None),
                        int(costs.flash_bytes[index]),
                        int(costs.macs[index]),
                        float(costs.latency_ms[index]),
                    )
                )
        return found

    def fits(self, architectures: Sequence[Architecture], sram: int) -> np.ndarray:
        """Whether each network's exact peak is within `sram` bytes, bool (networks,)."""
        if self.mode == "patch":
            return np.array([cost.sram_bytes <= sram for cost in self.exact(architectures)])
        parts = [np.zeros(0, dtype=bool)]
        for batch, _, paths in self._batches(architectures):
            fits = paths.peaks <= sram
            low, high = SURELY_LESS[self.mode] * sram, SURELY_MORE * sram
            for index in np.flatnonzero((paths.peaks > low) & (paths.peaks <= high)):
                peak = _planned(batch[index], paths, int(index), limit=sram)
                fits[index] = peak <= sram
            parts.append(fits)
        return np.concatenate(parts)

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
            instructions(layers) / self.clock_hz * 1000,
        )

    def _patched(self, architecture: Architecture) -> Cost:
        graph = build_graph(architecture)
        best = optimize(graph, Goal(mode="patch", row_fed=self.row_fed)).best
        layers = encode([architecture])
        paths = find_paths(layers, mode="layer", row_fed=False)
        rest = self._costs(layers, paths)
        more = best.macs / int(rest.macs[0])
        return Cost(
            best.peak, int(rest.flash_bytes[0]), best.macs, float(rest.latency_ms[0]) * more
        )


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


def instructions(layers: Layers) -> np.ndarray:
    """Instructions of an inference on a Cortex-M4, an estimate, float64 (networks,)."""
    total = np.zeros(len(layers.kind))
    for kind, factors in _instruction_factors().items():
        chosen = layers.is_any(LayerKind[kind.upper()])
        work = factors["per_mac"] * layers.macs + factors["per_output"] * layers.bytes
        total += np.where(chosen, work, 0).sum(axis=1)
    return total


@lru_cache(maxsize=1)
def _instruction_factors() -> dict[str, dict[str, float]]:
    """What benchmarks/instruction_model.py has found for each kind of layer."""
    text = (resources.files(__package__) / "instructions.json").read_text(encoding="utf-8")
    kinds: dict[str, dict[str, float]] = json.loads(text)["kinds"]
    return kinds
