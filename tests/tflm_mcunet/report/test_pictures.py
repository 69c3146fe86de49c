# SPDX-License-Identifier: Apache-2.0
"""Pictures are drawn whole, the same every time, and say what they should."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure

from tflm_converters import passes, reader
from tflm_converters.memory.types import Buffer, MemoryPlan, Role
from tflm_converters.schedule.evaluate import Planned, evaluate
from tflm_converters.schedule.grouping import layer_stage, stream_stage
from tflm_converters.schedule.network import build_network
from tflm_converters.schedule.types import Schedule
from tflm_mcunet import boards
from tflm_mcunet.profiling import Profile, profile
from tflm_mcunet.report import (
    arena_picture,
    memory_picture,
    pareto_picture,
    profile_picture,
    style,
)
from tflm_mcunet.report.point import Point


@pytest.fixture(scope="module")
def before(repository: Path) -> Profile:
    return profile(repository / "examples" / "vww_96_int8.tflite", board="uno-r4")


@pytest.fixture(scope="module")
def after(repository: Path) -> Planned:
    graph = passes.run(reader.read(repository / "examples" / "vww_96_int8.tflite")).graph
    network = build_network(graph)
    rest = [layer_stage(network, layer) for layer in range(10, len(network.layers))]
    return evaluate(network, Schedule((stream_stage(network, 0, 10), *rest)))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that were made into PNG files."""
    figures: list[Figure] = []
    original = style.png

    def keep(canvas: Figure) -> bytes:
        figures.append(canvas)
        return original(canvas)

    monkeypatch.setattr(style, "png", keep)
    return figures


def texts(axes: Axes) -> str:
    return "\n".join(text.get_text() for text in axes.texts)


def size_of(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n") and png.endswith(b"IEND\xaeB`\x82")
    width, height = struct.unpack(">II", png[16:24])
    return width, height


def test_profile(before: Profile, drawn: list[Figure]) -> None:
    png = profile_picture.draw(before)
    assert size_of(png) == (1500, 1125)
    assert png == profile_picture.draw(before)
    memory, work, weights = drawn[0].axes
    assert [bar.get_height() * 1024 for bar in memory.patches[:31]] == [
        layer.live_bytes for layer in before.layers
    ]
    assert "layer 2 needs most SRAM, 55,296 bytes" in texts(memory)
    assert "36,864 B  1×48×48×16" in texts(memory)
    assert "SRAM of Arduino UNO R4: 32 KiB" in texts(memory)
    assert work.get_ylabel() == "MACs, million" and weights.get_ylabel() == "flash, KiB"


def test_memory_before_and_after(before: Profile, after: Planned, drawn: list[Figure]) -> None:
    assert size_of(memory_picture.draw(before, after)) == (1500, 975)
    original, converted = drawn[0].axes
    assert original.get_ylim() == converted.get_ylim()
    assert [round(bar.get_height() * 1024) for bar in converted.patches] == after.stage_peaks
    assert sum(round(bar.get_width() + 0.14) for bar in converted.patches) == len(
        after.network.layers
    )
    assert f"{after.peak:,} after" in texts(original)


def test_arena_covers_what_is_alive(after: Planned, drawn: list[Figure]) -> None:
    arena_picture.draw(after.plan, after.layout.starts, name="vww")
    (axes,) = drawn[0].axes
    area = 0.0
    for collection in axes.collections:
        assert isinstance(collection, PolyCollection)
        for path in collection.get_paths():
            width, height = np.ptp(path.vertices, axis=0)
            area += width * height * 1024
    alive = sum(
        int(((b.bands[:, 1] - b.bands[:, 0]) * (b.bands[:, 3] + 1 - b.bands[:, 2])).sum())
        for b in after.plan.buffers
    )
    assert area == pytest.approx(alive)
    assert f"{after.peak:,} bytes of SRAM" in texts(axes)


@pytest.mark.parametrize(("bound", "says"), [(100, "no plan can beat"), (90, "10 above")])
def test_arena_tells_the_gap(bound: int, says: str, drawn: list[Figure]) -> None:
    buffer = Buffer("b", Role.LINE_BUFFER, 100, np.array([[0, 100, 0, 5]]))
    plan = MemoryPlan((buffer,), (0,), 100, bound, np.arange(2), np.array([100, 0]))
    arena_picture.draw(plan, [0, 5], name="m")
    assert says in texts(drawn[0].axes[0])


def test_pareto(drawn: list[Figure]) -> None:
    board = boards.get("uno-r4")
    front = [Point(20_000, 1_100_000, 1.1), Point(40_000, 1_000_000, 1.0)]
    original = Point(80_000, 1_000_000, 1.0)
    png = pareto_picture.draw(front, front[1], original, name="m", board=board)
    assert size_of(png) == (1500, 825)
    shown = texts(drawn[0].axes[0])
    assert "20,000 bytes of SRAM suffice, at 1.10 times the MACs" in shown
    assert "chosen\n40,000 B, 1.000×" in shown
    assert "original\n80,000 B, 1.000×" in shown
    assert "SRAM of Arduino UNO R4" in shown
