# SPDX-License-Identifier: Apache-2.0
"""results/search_quality_<task>.png: ranks, and curves of evolution and random search."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes

from benchmarks import search_quality_figures as figures
from benchmarks.results import Json
from tflm_mcunet.report import style

_COLOURS = {"random search": style.VERMILLION, "evolution": style.BLUE}
_OTHER = style.GREEN


def draw(ranking: Json, methods: Json) -> bytes:
    """Both panels as a PNG file; ranks alone where no searches were compared."""
    canvas = style.figure(5.2)
    panels = canvas.subplots(1, 2 if methods else 1, squeeze=False)[0]
    _ranks(panels[0], ranking)
    if methods:
        _curves(panels[1], methods)
    return style.png(canvas)


def _ranks(axes: Axes, ranking: Json) -> None:
    inherited, alone = figures.accuracies(ranking)
    macs = np.log([network["macs"] for network in ranking["networks"]])
    sizes = 25 + 100 * (macs - macs.min()) / np.ptp(macs)
    explanation = "A point for each network, the larger the more MACs"
    if len(alone) > 1:
        explanation += "; grey: single seeds"
        for points in alone:
            axes.scatter(100 * inherited, 100 * points, s=12, color=style.GREY, zorder=2)
    axes.scatter(100 * inherited, 100 * alone.mean(axis=0), s=sizes, color=style.BLUE, zorder=3)
    axes.set_xlabel("accuracy with the supernet's weights, %")
    axes.set_ylabel("accuracy trained by itself, %")
    style.tidy(axes, grid="both")
    style.title(axes, f"Kendall's tau {figures.tau(ranking):.2f}", f"{explanation}.")


def _curves(axes: Axes, methods: Json) -> None:
    for name, runs in methods.items():
        curves = figures.best_so_far(runs)
        x = np.arange(1, curves.shape[1] + 1)
        colour = _COLOURS.get(name, _OTHER)
        axes.plot(x, 100 * curves.T, color=colour, linewidth=0.8, alpha=0.4)
        axes.plot(x, 100 * curves.mean(axis=0), color=colour, linewidth=2, label=name)
    axes.set_xlabel("networks evaluated")
    axes.set_ylabel("best so far, with the supernet's weights, %")
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    style.tidy(axes, grid="both")
    style.title(axes, "The best network that keeps to the limits", "Thin: single seeds.")
