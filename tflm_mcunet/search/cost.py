# SPDX-License-Identifier: Apache-2.0
"""What networks cost: memory, work and time."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np


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
    def of(cls, costs: Sequence[Cost]) -> Costs:
        """Costs that were found one by one."""
        names = [field.name for field in dataclasses.fields(cls)]
        return cls(*(np.array([getattr(cost, name) for cost in costs]) for name in names))

    def one(self, index: int) -> Cost:
        """The costs of one network."""
        return Cost(
            int(self.sram_bytes[index]),
            int(self.flash_bytes[index]),
            int(self.macs[index]),
            float(self.latency_ms[index]),
        )

    def at(self, indices: np.ndarray) -> Costs:
        """The costs of some networks, in this order."""
        names = [field.name for field in dataclasses.fields(self)]
        return Costs(*(getattr(self, name)[indices] for name in names))

    @classmethod
    def join(cls, parts: Sequence[Costs]) -> Costs:
        """All of them in one."""
        names = [field.name for field in dataclasses.fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
