# SPDX-License-Identifier: Apache-2.0
"""How all pictures look: colours that colour-blind readers can tell apart, sizes, titles."""

from __future__ import annotations

import io
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

# The palette of Okabe and Ito, "Color Universal Design", 2008.
BLUE = "#0072B2"
SKY = "#56B4E9"
GREEN = "#009E73"
ORANGE = "#E69F00"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"

GREY = "#B4BAC1"
INK = "#22272E"
FADED_INK = "#59626D"
FAINT = "#E3E6EA"

KIB = 1024

_WIDTH_INCHES = 10.0
_TITLE_INCHES = 0.62
_DOTS_PER_INCH = 150


def figure(height_inches: float) -> Figure:
    """An empty figure with room for a title; it belongs to no window and no global state."""
    below_title = (0, 0, 1, 1 - _TITLE_INCHES / height_inches)
    return Figure(
        figsize=(_WIDTH_INCHES, height_inches),
        dpi=_DOTS_PER_INCH,
        layout=ConstrainedLayoutEngine(rect=below_title),
    )


def title(axes: Axes, finding: str, reading: str) -> None:
    """What the picture shows, in one sentence; below it, how to read it."""
    for text, height, size, weight, color in (
        (finding, 26, 13, "bold", INK),
        (reading, 10, 9.5, "normal", FADED_INK),
    ):
        axes.annotate(
            text,
            (0, 1),
            xytext=(0, height),
            xycoords="axes fraction",
            textcoords="offset points",
            fontsize=size,
            fontweight=weight,
            color=color,
        ).set_in_layout(False)


def limit_line(axes: Axes, height: float, label: str, color: str, *, dashed: bool = False) -> None:
    """A horizontal line across the picture with its meaning at its right end."""
    axes.axhline(height, color=color, linewidth=1.2, linestyle=(0, (5, 3)) if dashed else "-")
    axes.annotate(
        label,
        (1, height),
        xytext=(0, 3),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
        fontsize=9,
        color=color,
    )


def tidy(axes: Axes, *, grid: Literal["both", "x", "y"] = "y") -> None:
    """Only the lines that carry information."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GREY)
    axes.tick_params(colors=FADED_INK, labelsize=9)
    axes.grid(axis=grid, color=FAINT, linewidth=0.8)
    axes.set_axisbelow(True)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set(color=INK, fontsize=10)


def png(canvas: Figure) -> bytes:
    """The picture as a PNG file; equal pictures give equal bytes."""
    buffer = io.BytesIO()
    canvas.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
