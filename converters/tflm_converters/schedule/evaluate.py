# SPDX-License-Identifier: Apache-2.0
"""Exact figures of a schedule, and tiles as wide as its peak allows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from tflm_converters.memory.layout import Layout, lay_out, pack_tiles
from tflm_converters.memory.overlap import overlaps
from tflm_converters.memory.planner import plan_buffers
from tflm_converters.memory.types import MemoryPlan
from tflm_converters.schedule.boxes import group_extent
from tflm_converters.schedule.cost import schedule_macs
from tflm_converters.schedule.network import Network
from tflm_converters.schedule.strips import column_ranges
from tflm_converters.schedule.types import Group, Mode, Schedule, Stage


@dataclasses.dataclass(frozen=True, eq=False)
class Planned:
    """A schedule with its memory plan; all figures exact, in bytes and MACs."""

    network: Network
    schedule: Schedule
    layout: Layout
    plan: MemoryPlan
    macs: int

    @property
    def peak(self) -> int:
        return self.plan.peak


def evaluate(network: Network, schedule: Schedule) -> Planned:
    """Plans the memory of a schedule and counts its MACs."""
    layout = lay_out(network, schedule)
    plan = plan_buffers(layout.buffers, layout.overlaps)
    return Planned(network, schedule, layout, plan, schedule_macs(network, schedule))


def widen_tiles(planned: Planned) -> Planned:
    """The same schedule with wider tiles, at the same peak.

    One-pixel tiles need least scratch but call a kernel for every pixel; where a stage
    has memory to spare below the peak, its tiles grow into it.
    """
    slack = _slack(planned)
    for share, columns in _attempts():
        stages = tuple(
            _widen_stage(planned.network, stage, int(room * share), columns)
            for stage, room in zip(planned.schedule.stages, slack, strict=True)
        )
        if stages == planned.schedule.stages:
            break
        wider = evaluate(planned.network, dataclasses.replace(planned.schedule, stages=stages))
        if wider.peak <= planned.peak:
            return wider
    return planned


def _attempts() -> Iterator[tuple[float, int]]:
    """(share of the slack for tile scratch, columns of tiles that overwrite their input)."""
    for share in (1.0, 0.6, 0.3, 0.1):
        for columns in (1 << 16, 8, 4, 1):
            yield share, columns


def _slack(planned: Planned) -> list[int]:
    """Bytes that each stage could still use below the peak."""
    ticks, live = planned.plan.ticks, planned.plan.live_bytes
    starts = planned.layout.starts
    room = []
    for begin, end in zip(starts[:-1], starts[1:], strict=True):
        low = max(int(np.searchsorted(ticks, begin, side="right")) - 1, 0)
        high = int(np.searchsorted(ticks, end, side="left"))
        room.append(planned.peak - int(live[low : max(high, low + 1)].max()))
    return room


def _widen_stage(network: Network, stage: Stage, room: int, columns: int) -> Stage:
    if stage.mode not in (Mode.STREAM, Mode.LAYER) or stage.in_place:
        return stage
    ranges = column_ranges(network, stage)
    spans = [[r[g] for r in ranges] for g in range(len(stage.groups))]
    scratch = max(
        pack_tiles(network, group, span).size
        for group, span in zip(stage.groups, spans, strict=True)
    )
    groups = tuple(
        _widen_group(network, group, span, scratch + max(room, 0), columns)
        for group, span in zip(stage.groups, spans, strict=True)
    )
    return dataclasses.replace(stage, groups=groups)


def _widen_group(
    network: Network, group: Group, spans: list[tuple[int, int]], scratch: int, columns: int
) -> Group:
    width = group_extent(network, group).width
    if group.tile_cols > 1 or width == 1:
        return group  # halo groups: their width is part of their cost in MACs
    limit = columns if not group.accumulate and overlaps(network, group) else width
    for cols in (width, 64, 32, 16, 8, 4, 2):
        if cols > min(width, limit):
            continue
        wider = dataclasses.replace(group, tile_cols=cols)
        if pack_tiles(network, wider, spans).size <= scratch:
            return wider
    return group
