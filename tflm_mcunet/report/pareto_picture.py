# SPDX-License-Identifier: Apache-2.0
"""What memory costs in work: the schedules that no other schedule beats in both."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from tflm_mcunet.boards import Board
from tflm_mcunet.report import style

Point = tuple[int, int]
"""Peak SRAM in bytes, multiply-accumulates."""


def draw(
    front: Sequence[Point], chosen: Point, original: Point, *, name: str, board: Board | None
) -> bytes:
    """Peak SRAM over multiply-accumulates, as a PNG file.

    Args:
        front: the Pareto front, in any order.
        chosen: the schedule that was written.
        original: the model before conversion.
        name: the model's name.
        board: a board whose SRAM is marked.
    """
    canvas = style.figure(5.5)
    axes = canvas.subplots()
    macs = original[1]
    ordered = sorted(front, key=lambda point: point[1])
    x = [count / macs for _, count in ordered]
    y = [peak / style.KIB for peak, _ in ordered]
    axes.step(x, y, where="post", color=style.BLUE, linewidth=1.6)
    axes.scatter(x, y, s=34, color=style.BLUE, zorder=3)
    _mark(axes, original, macs, style.FADED_INK, "s", "original")
    _mark(axes, chosen, macs, style.VERMILLION, "D", "chosen")
    axes.set_yscale("log", base=2)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    if board is not None:
        limit = board.sram_bytes / style.KIB
        style.limit_line(axes, limit, f"SRAM of {board.title}", style.INK, dashed=True)
    axes.set_xlabel("multiply-accumulates, relative to the original")
    axes.set_ylabel("peak SRAM, KiB (logarithmic)")
    axes.margins(x=0.14, y=0.12)
    style.tidy(axes, grid="both")
    least = min(front)
    style.title(
        axes,
        f"{name}: {least[0]:,} bytes of SRAM suffice, at {least[1] / macs:.2f} times the MACs",
        f"Points on the line ({len(front)}) are schedules that no other one beats in both.",
    )
    return style.png(canvas)


def _mark(axes: Axes, point: Point, macs: int, color: str, marker: str, label: str) -> None:
    x, y = point[1] / macs, point[0] / style.KIB
    axes.scatter([x], [y], s=80, color=color, marker=marker, zorder=4)
    axes.annotate(
        f"{label}\n{point[0]:,} B, {x:.3f}×",
        (x, y),
        xytext=(9, 0),
        textcoords="offset points",
        va="center",
        fontsize=9,
        color=color,
    )
