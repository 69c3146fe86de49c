# SPDX-License-Identifier: Apache-2.0
"""What a search has found, for a terminal."""

from __future__ import annotations

from pathlib import Path

from tflm_mcunet.report.text import Table
from tflm_mcunet.search.result import Result

_ROWS = 12


def text(result: Result, out: Path) -> str:
    """The best network, and those that no other beats in both accuracy and SRAM."""
    best = result.best
    accuracies = [f"  validation data: {best.validation}"]
    if best.test is not None:
        accuracies.append(f"  test data: {best.test}")
    cost = best.cost
    return "\n".join(
        [
            f"Best of {result.evaluated:,} networks within {result.limits}:",
            f"  {best.architecture}",
            *accuracies,
            f"  {cost.sram_bytes:,} B of SRAM, {cost.flash_bytes:,} B of flash, "
            f"{cost.macs:,} MACs, about {cost.latency_ms:.0f} ms (an estimate)",
            "",
            "Accuracy against SRAM, with the supernet's weights: none better in both",
            "",
            str(_table(result)),
            "",
            f"Written to '{out}': model.keras, model.tflite (int8), result.json and search.png",
        ]
    )


def _table(result: Result) -> Table:
    rows = tuple(
        (
            f"{record.cost.sram_bytes:,}",
            f"{record.cost.flash_bytes:,}",
            f"{record.cost.macs:,}",
            f"{100 * record.accuracy:.1f}",
        )
        for record in result.pareto[-_ROWS:]
    )
    return Table(("SRAM, B", "flash, B", "MACs", "accuracy, %"), rows)
