# SPDX-License-Identifier: Apache-2.0
"""How much work the networks of each space have that fit (MCUNet, figure 3)."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from tflm_mcunet.report import style
from tflm_mcunet.search.limits import Limits
from tflm_mcunet.search.selection import LEAST_SHARE, Selection, SpaceReport

_MILLION = 1e6
_RUNNERS_UP = (style.SKY, style.GREEN, style.ORANGE)


def draw(selection: Selection, limits: Limits) -> bytes:
    """Cumulative distributions of multiply-accumulates, as a PNG file."""
    canvas = style.figure(5.5)
    axes = canvas.subplots()
    draw_on(axes, selection)
    chosen = selection.report
    style.title(
        axes,
        f"Input size {chosen.resolution}, width multiplier {chosen.width:g}: "
        f"{chosen.mean_macs / _MILLION:.1f} million MACs on average",
        f"Share of the networks that fit {limits} with less work than that; one line for each "
        "space. Further right is better.",
    )
    return style.png(canvas)


def draw_on(axes: Axes, selection: Selection) -> None:
    """The distributions, the chosen one and the next best in colour."""
    ranked = [selection.reports[index] for index in selection.ranked]
    shown = [report for report in ranked if report.share >= LEAST_SHARE] or ranked[:1]
    for report in shown[len(_RUNNERS_UP) + 1 :]:
        _line(axes, report, style.FAINT, 1.0)
    for report, color in reversed(list(zip(shown[1:], _RUNNERS_UP, strict=False))):
        _line(axes, report, color, 1.4, label=True)
    _line(axes, shown[0], style.BLUE, 2.4, label=True)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], frameon=False, fontsize=9, loc="lower right")
    axes.set_xlabel("million multiply-accumulates")
    axes.set_ylabel("share of networks")
    axes.set_ylim(0, 1)
    axes.set_xlim(left=0)
    style.tidy(axes, grid="both")


def _line(
    axes: Axes, report: SpaceReport, color: str, width: float, *, label: bool = False
) -> None:
    shares = np.arange(1, len(report.macs) + 1) / len(report.macs)
    text = f"{report.resolution}, W = {report.width:g}" if label else None
    axes.step(report.macs / _MILLION, shares, where="post", color=color, lw=width, label=text)
