# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from tests.tflm_mcunet.search.random_networks import small_space
from tflm_mcunet.report import selection_picture
from tflm_mcunet.report.selection import text
from tflm_mcunet.search.limits import Limits
from tflm_mcunet.search.selection import GridPoint, Selection, SpaceReport

_MACS = {0.2: [1, 2, 3, 4], 0.4: [5, 6, 7, 9], 0.6: [9], 0.8: [], 1.0: [2, 3, 4, 5]}
_SELECTION = Selection(
    tuple(GridPoint(48, width, small_space(width=width)) for width in _MACS),
    tuple(
        SpaceReport(48, width, 20, np.array(macs, dtype=np.int64) * 1_000_000)
        for width, macs in _MACS.items()
    ),
)
_LIMITS = Limits(65536, 262144)


def test_one_line_for_each_space_with_networks_that_fit() -> None:
    axes = Figure().subplots()
    selection_picture.draw_on(axes, _SELECTION)
    lines = {line.get_label(): line for line in axes.get_lines()}
    assert len(lines) == 3  # one of 20 is too few, none is none
    assert lines["48, W = 0.4"].get_xdata().tolist() == [5, 6, 7, 9]
    assert lines["48, W = 0.4"].get_ydata().tolist() == [0.25, 0.5, 0.75, 1]
    legend = axes.get_legend()
    assert legend is not None
    shown = [entry.get_text() for entry in legend.get_texts()]
    assert shown == ["48, W = 0.4", "48, W = 1", "48, W = 0.2"]


def test_drawn_the_same_every_time() -> None:
    picture = selection_picture.draw(_SELECTION, _LIMITS)
    assert picture.startswith(b"\x89PNG")
    assert picture == selection_picture.draw(_SELECTION, _LIMITS)


def test_text() -> None:
    lines = text(_SELECTION, _LIMITS).splitlines()
    assert lines[2].split() == ["48", "0.4", "4", "of", "20", "6.8", "7.8"]
    assert lines[-1].startswith("Of 5 spaces: input size 48, width multiplier 0.4, whose")
