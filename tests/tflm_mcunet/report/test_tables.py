# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from tflm_converters.passes import PassStep
from tflm_mcunet.boards import get
from tflm_mcunet.conversion import Conversion, convert
from tflm_mcunet.report import conversion as report
from tflm_mcunet.report import tables
from tflm_mcunet.report.plan_file import plan_json
from tflm_mcunet.report.point import Point


@pytest.fixture(scope="module")
def converted(repository: Path) -> Conversion:
    model = repository / "examples" / "mcunet_vww1.tflite"
    return convert(model, board="nano33ble", samples=0)


def test_layers_end_with_totals(converted: Conversion) -> None:
    table = tables.layers_table(converted.before)
    assert len(table.rows) == 63 + 1
    macs = [int(row[4].replace(",", "")) for row in table.rows]
    assert sum(macs[:-1]) == macs[-1] == 11_578_816
    assert [row[0] for row in table.rows if row[-1].endswith("◀ peak")] == ["6"]


def test_passes_without_effect_are_left_out() -> None:
    steps = (PassStep("idle", 9, 9, 5, 5), PassStep("busy", 9, 8, 5, 4))
    assert tables.passes_table(steps).rows == (("busy", "5 → 4", "9 → 8"),)


def test_stages_cover_all_layers_in_order(converted: Conversion) -> None:
    layers = [row[2] for row in tables.stages_table(converted.planned).rows]
    ends = [[int(word) for word in text.split() if word.isdecimal()] for text in layers]
    assert ends[0][0] == 0
    assert ends[-1][-1] == len(converted.planned.network.layers) - 1
    assert all(one[-1] + 1 == other[0] for one, other in zip(ends, ends[1:], strict=False))


def test_front_marks_the_chosen_one_and_what_the_board_cannot_hold() -> None:
    front = [Point(40_000, 100, 1.0), Point(20_000, 120, 1.2)]
    table = tables.pareto_table(front, front[1], Point(90_000, 100, 1.0), get("uno-r4"))
    assert table.rows == (
        ("20,000", "120", "1.200×", "◀ chosen"),
        ("40,000", "100", "1.000×", "exceeds uno-r4"),
        ("90,000", "100", "1.000×", "original"),
    )


def test_buffers_stay_inside_the_arena(converted: Conversion) -> None:
    plan = converted.planned.plan
    rows = tables.buffers_table(plan).rows
    assert len(rows) == len(plan.buffers)
    ends = [int(row[2].replace(",", "")) + int(row[3].replace(",", "")) for row in rows]
    assert max(ends) == plan.peak


def test_plan_file_places_every_buffer(converted: Conversion) -> None:
    plan = plan_json(converted.planned)
    assert [b["offset"] for b in plan["buffers"]] == list(converted.planned.plan.offsets)
    assert [stage["mode"] for stage in plan["stages"]] == [
        stage.mode.value for stage in converted.planned.schedule.stages
    ]


def test_text_and_page_say_when_nothing_was_compared(converted: Conversion) -> None:
    text = report.text(converted)
    assert "The outputs were not compared" in text
    assert "smallest arena" not in text
    assert f"SRAM fits: {converted.planned.peak:,} of 262,144 bytes" in text
    page = report.page(converted, report.pictures(converted))
    assert "The outputs were not compared" in page
    assert f"161,472 → {converted.planned.peak:,}" in page
