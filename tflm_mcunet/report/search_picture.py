# SPDX-License-Identifier: Apache-2.0
"""What accuracy costs in memory: all networks that a search has evaluated."""

from __future__ import annotations

from collections.abc import Sequence

from tflm_mcunet.report import style
from tflm_mcunet.search.evolution import Record
from tflm_mcunet.search.limits import Limits


def draw(records: Sequence[Record], pareto: Sequence[Record], limits: Limits) -> bytes:
    """Accuracy over SRAM, as a PNG file.

    Args:
        records: all networks.
        pareto: those that no other beats in both, the smallest first.
        limits: whose SRAM is marked.
    """
    canvas = style.figure(5.5)
    axes = canvas.subplots()
    axes.scatter(*_points(records), s=12, color=style.GREY, label="evaluated", zorder=2)
    x, y = _points(pareto)
    axes.step(x, y, where="post", color=style.BLUE, linewidth=1.6)
    axes.scatter(x, y, s=34, color=style.BLUE, label="no other is better in both", zorder=3)
    best = pareto[-1]
    if limits.sram_bytes is not None:
        right = limits.sram_bytes / style.KIB
        if right < 2 * max(_points(records)[0]):
            axes.axvline(right, color=style.INK, linewidth=1.2, linestyle=(0, (5, 3)))
            axes.annotate(
                "limit",
                (right, 0),
                xytext=(4, 4),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
                fontsize=9,
            )
    axes.set_xlabel("peak SRAM, KiB")
    axes.set_ylabel("accuracy with the supernet's weights, %")
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    style.tidy(axes, grid="both")
    style.title(
        axes,
        f"{100 * best.accuracy:.1f} % at {best.cost.sram_bytes:,} bytes of SRAM, the best of "
        f"{len(records):,} networks",
        "On the line: the networks that no other one beats in both.",
    )
    return style.png(canvas)


def _points(records: Sequence[Record]) -> tuple[list[float], list[float]]:
    x = [record.cost.sram_bytes / style.KIB for record in records]
    return x, [100 * record.accuracy for record in records]
