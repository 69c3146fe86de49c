# SPDX-License-Identifier: Apache-2.0
"""The arena as a map: which bytes hold what, from the first step of an inference to the last."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.patches import Patch

from tflm_converters.memory.types import Buffer, MemoryPlan, Role
from tflm_mcunet.report import style
from tflm_mcunet.report.text import short_name

# Two shades each: neighbours of the same role stay apart.
_SHADES = {
    Role.TENSOR: (style.BLUE, "#2E8FC7"),
    Role.LINE_BUFFER: (style.ORANGE, "#F2BE4A"),
    Role.TILE: (style.GREEN, "#3DB892"),
    Role.ACCUMULATOR: (style.PURPLE, "#DDA3C2"),
    Role.STATE: (style.INK, style.INK),
}
# What a label takes of the picture, with the figure's size and the label's type.
_LETTER_WIDTH = 0.0066
_LABEL_HEIGHT = 0.06


def draw(plan: MemoryPlan, stage_starts: Sequence[int], *, name: str) -> bytes:
    """Offset over time, as a PNG file.

    Args:
        plan: the memory plan of the converted model.
        stage_starts: the tick at which each stage begins, and the tick after the last one.
        name: the model's name.
    """
    canvas = style.figure(6.0)
    axes = canvas.subplots()
    end = stage_starts[-1] + 1
    axes.set_xlim(0, end)
    axes.set_ylim(0, plan.peak / style.KIB * 1.04)
    count = dict.fromkeys(Role, 0)
    for buffer, offset in zip(plan.buffers, plan.offsets, strict=True):
        color = _SHADES[buffer.role][count[buffer.role] % 2]
        count[buffer.role] += 1
        axes.add_collection(
            PolyCollection(list(_corners(buffer, offset)), facecolors=color, zorder=2)
        )
        _label(axes, buffer, offset, color)
    _mark_stages(axes, stage_starts)
    axes.axhline(plan.peak / style.KIB, color=style.VERMILLION, linewidth=1.4, zorder=5)
    axes.set_xlabel("time, in steps of the schedule; lines: a stage begins")
    axes.set_ylabel("offset in the arena, KiB")
    style.tidy(axes)
    _legend(axes, plan)
    gap = plan.peak - plan.lower_bound
    bound = "which no plan can beat" if gap == 0 else f"{gap:,} above the lower bound"
    style.title(
        axes,
        f"{name}: the inference takes {plan.peak:,} bytes of SRAM, {bound}",
        "Every buffer where it lies and while it is needed. "
        "Staircases are tensors written or read row by row.",
    )
    return style.png(canvas)


def _corners(buffer: Buffer, offset: int) -> np.ndarray:
    """Corners of the rectangles of a buffer's bands, of shape (bands, 4, 2)."""
    low, high = (buffer.bands[:, :2].T + offset) / style.KIB
    first, last = buffer.bands[:, 2], buffer.bands[:, 3] + 1
    x = np.stack([first, last, last, first], axis=1)
    y = np.stack([low, low, high, high], axis=1)
    return np.stack([x, y], axis=2)


def _label(axes: Axes, buffer: Buffer, offset: int, background: str) -> None:
    """The buffer's name at its centre of gravity, if there is room."""
    name = short_name(buffer.name)
    begin, end, first, last = buffer.bands.T
    life = last + 1 - first
    width = np.average(life, weights=end - begin) / axes.get_xlim()[1]
    height = buffer.size / style.KIB / axes.get_ylim()[1]
    if width < _LETTER_WIDTH * len(name) or height < _LABEL_HEIGHT:
        return
    weights = (end - begin) * life
    x = np.average((first + last + 1) / 2, weights=weights)
    y = np.average((begin + end) / 2 + offset, weights=weights) / style.KIB
    axes.annotate(
        f"{name}\n{buffer.size:,} B",
        (x, y),
        ha="center",
        va="center",
        fontsize=8,
        color="white" if buffer.role is Role.TENSOR else style.INK,
        bbox={"facecolor": background, "edgecolor": "none", "pad": 1.0},
        zorder=6,
    )


def _mark_stages(axes: Axes, starts: Sequence[int]) -> None:
    for start in starts[:-1]:
        axes.axvline(start, color="white", linewidth=0.6, alpha=0.7, zorder=4)


def _legend(axes: Axes, plan: MemoryPlan) -> None:
    used = [role for role in Role if any(buffer.role is role for buffer in plan.buffers)]
    handles = [Patch(color=_SHADES[role][0], label=role.value) for role in used]
    axes.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.11),
        ncols=len(used),
        frameon=False,
        fontsize=9.5,
    )
