# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from benchmarks import search_quality_picture
from tflm_mcunet.report import style

RIGHT = ("001", "011", "111")
"""For each network, in how many of one view each of three examples is answered rightly."""


@pytest.mark.parametrize(("seeds", "drawn"), [(1, 1), (2, 3)])
def test_single_seeds_are_shown_where_there_are_several(
    seeds: int, drawn: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr(style, "png", lambda figure: figures.append(figure) or b"")
    networks = [
        {"macs": 100 * (i + 1), "inherited": right, "alone": [right] * seeds}
        for i, right in enumerate(RIGHT)
    ]
    search_quality_picture.draw({"views": 1, "networks": networks}, {})
    (axes,) = figures[0].axes
    assert len(axes.collections) == drawn
    assert ("single seeds" in axes.texts[1].get_text()) == (seeds > 1)
