# SPDX-License-Identifier: Apache-2.0
"""What memory costs in work: the schedules that no other schedule beats in both."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from tflm_mcunet.boards import Board
from tflm_mcunet.report import style
from tflm_mcunet.report.point import Point


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
    ordered = sorted(front, key=lambda point: point.macs)
    x = [point.ratio for point in ordered]
    y = [point.peak / style.KIB for point in ordered]
    axes.step(x, y, where="post", color=style.BLUE, linewidth=1.6)
    axes.scatter(x, y, s=34, color=style.BLUE, zorder=3)
    # No point lies to the lower left of one on the front: there is always room.
    _mark(axes, original, ("original", "s", style.FADED_INK, 1))
    _mark(axes, chosen, ("chosen", "D", style.VERMILLION, -1))
    axes.set_yscale("log", base=2)
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    if board is not None:
        limit = board.sram_bytes / style.KIB
        style.limit_line(axes, limit, f"SRAM of {board.title}", style.INK, dashed=True)
    axes.set_xlabel("multiply-accumulates, relative to the original")
    axes.set_ylabel("peak SRAM, KiB (logarithmic)")
    spread = max(*x, 1.0) - min(*x, 1.0)
    axes.set_xlim(min(*x, 1.0) - 0.15 * spread - 0.02, max(*x, 1.0) + 0.15 * spread + 0.02)
    axes.margins(y=0.16)
    style.tidy(axes, grid="both")
    least = min(front)
    style.title(
        axes,
        f"{name}: {least.peak:,} bytes of SRAM suffice, at {least.ratio:.2f} times the MACs",
        "On the line: the schedules that no other one beats in both.",
    )
    return style.png(canvas)


def _mark(axes: Axes, point: Point, look: tuple[str, str, str, int]) -> None:
    """A labelled point; the label is above and to the right for side 1, the reverse for -1."""
    label, marker, color, side = look
    x, y = point.ratio, point.peak / style.KIB
    axes.scatter([x], [y], s=80, color=color, marker=marker, zorder=4)
    axes.annotate(
        f"{label}\n{point.peak:,} B, {x:.3f}×",
        (x, y),
        xytext=(9 * side, 5 * side),
        textcoords="offset points",
        ha="left" if side > 0 else "right",
        va="bottom" if side > 0 else "top",
        fontsize=9,
        color=color,
    )
