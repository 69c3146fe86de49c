# SPDX-License-Identifier: Apache-2.0
"""What a board allows, which networks keep to it, and what to say if none can."""

from __future__ import annotations

import dataclasses

import numpy as np

from tflm_converters.errors import BudgetError, SettingsError
from tflm_mcunet import boards
from tflm_mcunet.arduino import RUNTIME_CODE_BYTES
from tflm_mcunet.search.architecture import Architecture
from tflm_mcunet.search.cost import Cost, Costs

_TEXTS = {
    "sram_bytes": ("SRAM", "{:,.0f} B"),
    "flash_bytes": ("flash", "{:,.0f} B"),
    "macs": ("MACs", "{:,.0f}"),
    "latency_ms": ("latency", "{:,.1f} ms"),
}


class InfeasibleError(BudgetError):
    """No network of the space keeps to all limits; `nearest` is the one closest to them."""

    def __init__(self, message: str, nearest: Architecture, cost: Cost) -> None:
        super().__init__(message)
        self.nearest = nearest
        self.cost = cost


@dataclasses.dataclass(frozen=True)
class Limits:
    """Most of each cost that a network may have; None where anything goes. See `Cost`."""

    sram_bytes: int | None = None
    flash_bytes: int | None = None
    macs: int | None = None
    latency_ms: float | None = None

    def __str__(self) -> str:
        """Such as "SRAM 196,608 B and flash 819,200 B"."""
        parts = [
            f"{_TEXTS[name][0]} {_TEXTS[name][1].format(limit)}"
            for name, limit in dataclasses.asdict(self).items()
            if limit is not None
        ]
        return " and ".join(parts) or "no limits"

    @classmethod
    def of_board(cls, board: str | boards.Board) -> Limits:
        """SRAM and flash that a board leaves to a network beside its own software and our code."""
        board = boards.get(board)
        core = board.arduino or boards.ArduinoCore(0, 0)
        flash = board.flash_bytes - core.flash_bytes - RUNTIME_CODE_BYTES
        return cls(board.sram_bytes - core.sram_bytes, flash)

    @classmethod
    def given(
        cls,
        *,
        board: str | None = None,
        sram: int | None = None,
        flash: int | None = None,
        macs: int | None = None,
        latency_ms: float | None = None,
    ) -> Limits:
        """The limits given; for SRAM and flash, if they are not, those of the board.

        Raises:
            SettingsError: there are none.
            UnknownBoardError: no board has this name.
        """
        left = cls() if board is None else cls.of_board(board)
        limits = cls(sram or left.sram_bytes, flash or left.flash_bytes, macs, latency_ms)
        if limits == cls():
            raise SettingsError(
                "a search needs something to keep to: a board, or a limit on sram, flash, macs or "
                "latency_ms"
            )
        return limits

    def excess(self, costs: Cost | Costs) -> np.ndarray:
        """Costs over limits, the largest ratio of each network: at most 1 where all are kept."""
        ratios = [
            np.asarray(getattr(costs, name)) / limit
            for name, limit in dataclasses.asdict(self).items()
            if limit is not None
        ]
        return np.asarray(np.maximum.reduce([np.zeros(np.shape(costs.macs)), *ratios]))

    def kept(self, costs: Cost | Costs, *, but: str = "") -> np.ndarray:
        """Which networks keep to all limits (`but` one), by these costs."""
        limits = dataclasses.replace(self, **{but: None}) if but else self
        return np.asarray(limits.excess(costs) <= 1)

    def violations(self, cost: Cost) -> list[str]:
        """What binds, such as "SRAM: 9,812 B, but the limit is 8,192 B"; the worst first."""
        found = []
        for name, limit in dataclasses.asdict(self).items():
            needed = getattr(cost, name)
            if limit is not None and needed > limit:
                title, form = _TEXTS[name]
                text = f"{title}: {form.format(needed)}, but the limit is {form.format(limit)}"
                found.append((needed / limit, text))
        return [text for _, text in sorted(found, reverse=True)]

    def infeasible(self, nearest: Architecture, cost: Cost) -> InfeasibleError:
        """What to raise where not even the smallest network keeps to the limits."""
        return InfeasibleError(
            f"no network fits. Of all, {nearest} comes nearest, and it exceeds "
            f"{'; '.join(self.violations(cost))}. Ways out: a larger limit, a smaller input, or, "
            "for SRAM, an input fed row by row (--row-fed)",
            nearest,
            cost,
        )
