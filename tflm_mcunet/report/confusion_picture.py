# SPDX-License-Identifier: Apache-2.0
"""What a model confuses: a square for each pair of classes."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap

from tflm_mcunet.report import style
from tflm_mcunet.zoo.evaluation import Evaluation

_SHARES = LinearSegmentedColormap.from_list("shares", ["#FFFFFF", style.BLUE])
_DARK = 0.55  # shares from here on have light figures
_INCHES_PER_CLASS = 0.42


def draw(evaluation: Evaluation, *, name: str) -> bytes:
    """The confusion matrix, as a PNG file; `name` is the model's."""
    count = len(evaluation.labels)
    canvas = style.figure(max(4.0, 1.8 + _INCHES_PER_CLASS * count))
    axes = canvas.subplots()
    confusion = evaluation.confusion
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap=_SHARES, vmin=0, vmax=1, aspect="auto")
    _figures(axes, confusion, shares)
    style.tidy(axes)
    axes.grid(visible=False)
    axes.set_xticks(range(count), evaluation.labels, rotation=30 if count > 4 else 0)
    axes.set_yticks(range(count), evaluation.labels)
    axes.set_xlabel("answer of the model")
    axes.set_ylabel("right answer")
    style.title(
        axes,
        f"{name}: {evaluation.accuracy:.1%} of {evaluation.samples:,} answers are right",
        "Samples of each class and what the model took them for; colour: share of the class.",
    )
    return style.png(canvas)


def _figures(axes: Axes, confusion: np.ndarray, shares: np.ndarray) -> None:
    for (row, column), samples in np.ndenumerate(confusion):
        if samples:
            color = "white" if shares[row, column] >= _DARK else style.INK
            axes.text(
                column, row, f"{samples:,}", ha="center", va="center", fontsize=9, color=color
            )
