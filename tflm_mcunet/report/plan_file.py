# SPDX-License-Identifier: Apache-2.0
"""The schedule and the memory plan for programs to read: plan.json."""

from __future__ import annotations

import dataclasses
from typing import Any

from tflm_converters.schedule.evaluate import Planned
from tflm_converters.schedule.types import Stage


def plan_json(planned: Planned) -> dict[str, Any]:
    """Stages in execution order, and where every buffer lies from which step to which."""
    plan, schedule = planned.plan, planned.schedule
    stages = zip(schedule.stages, planned.stage_peaks, planned.layout.starts[:-1], strict=True)
    placed = zip(plan.buffers, plan.offsets, strict=True)
    return {
        "peak_sram_bytes": planned.peak,
        "lower_bound_bytes": planned.lower_bound,
        "row_fed": schedule.row_fed,
        "layers": [planned.network.graph.describe(layer.op) for layer in planned.network.layers],
        "stages": [_stage_json(*stage) for stage in stages],
        "buffers": [
            {
                "name": buffer.name,
                "role": buffer.role.value,
                "offset": offset,
                "bytes": buffer.size,
                "first_step": buffer.first_tick,
                "last_step": buffer.last_tick,
            }
            for buffer, offset in placed
        ],
    }


def _stage_json(stage: Stage, peak: int, start: int) -> dict[str, Any]:
    return {
        "mode": stage.mode.value,
        "first_step": start,
        "peak_sram_bytes": peak,
        "strips": stage.strips,
        "in_place": stage.in_place,
        "groups": [dataclasses.asdict(group) for group in stage.groups],
    }
