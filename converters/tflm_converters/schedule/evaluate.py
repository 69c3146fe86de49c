# SPDX-License-Identifier: Apache-2.0
"""Exact figures of a schedule, and tiles as wide as its peak allows."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from tflm_converters.memory.bounds import live_bytes, lower_bound
from tflm_converters.memory.layout import Layout, lay_out, stage_escapes
from tflm_converters.memory.overlap import overlaps
from tflm_converters.memory.planner import SEARCH_STEPS, plan_buffers, refit
from tflm_converters.memory.tiles import pack_tiles
from tflm_converters.memory.types import MemoryPlan
from tflm_converters.schedule.boxes import group_extent
from tflm_converters.schedule.cost import schedule_macs
from tflm_converters.schedule.network import Network
from tflm_converters.schedule.strips import column_ranges
from tflm_converters.schedule.types import Group, Mode, Schedule, Stage

TILE_COLUMNS = (64, 32, 16, 8, 4, 2)
"""Widths of tiles that are tried, besides the whole row; powers of two suit the kernels."""

ALL_ROWS = 1 << 15
TILE_ROWS = (ALL_ROWS, 8, 4, 2)
"""Heights of tiles that are tried."""

SHARES = (1.0, 0.6, 0.3, 0.1)
"""Shares of a stage's spare memory that its wider tiles may take, tried in turn."""


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
        """SRAM of an inference: the planned memory, and variables, which TFLM places."""
        return self.plan.peak + self.network.variable_bytes

    @property
    def lower_bound(self) -> int:
        """What no memory plan of this schedule can go below."""
        return self.plan.lower_bound + self.network.variable_bytes

    @property
    def stage_peaks(self) -> list[int]:
        """The most bytes alive at once during each stage."""
        ticks, live = self.plan.ticks, self.plan.live_bytes
        peaks = []
        for begin, end in itertools.pairwise(self.layout.starts):
            low = max(int(np.searchsorted(ticks, begin, side="right")) - 1, 0)
            high = int(np.searchsorted(ticks, end, side="left"))
            peaks.append(int(live[low : max(high, low + 1)].max()))
        return peaks


def evaluate(network: Network, schedule: Schedule, *, steps: int = SEARCH_STEPS) -> Planned:
    """Plans the memory of a schedule and counts its MACs."""
    layout = lay_out(network, schedule)
    plan = plan_buffers(layout.buffers, layout.overlaps, steps=steps)
    return Planned(network, schedule, layout, plan, schedule_macs(network, schedule))


def widen_tiles(planned: Planned, *, ceiling: int = 0) -> Planned:
    """The same schedule with larger tiles, at the same peak or within `ceiling` bytes.

    One-pixel tiles need least scratch but call a kernel for every pixel; where a stage
    has memory to spare below the peak, its tiles grow into it, first in width. Kernels
    read what the windows of several rows share only once.
    """
    if ceiling > planned.peak:
        planned = _widen_within(planned, ceiling - planned.network.variable_bytes)
    else:
        planned = _widen_below_peak(planned)
    planned = _heighten_below_peak(planned)
    plan = planned.plan
    bound = lower_bound(plan.buffers, planned.layout.overlaps, plan.ticks, plan.live_bytes)
    return dataclasses.replace(
        planned,
        plan=dataclasses.replace(plan, lower_bound=bound),
        macs=schedule_macs(planned.network, planned.schedule),
    )


def _widen_below_peak(planned: Planned) -> Planned:
    for index, room in enumerate(_slack(planned)):
        for share in SHARES:
            stage = _widen_stage(planned.network, planned.schedule.stages[index], int(room * share))
            wider = _with_stage(planned, index, stage)
            if wider is not None:
                planned = wider
                break
    return planned


def _heighten_below_peak(planned: Planned) -> Planned:
    for index, stage in enumerate(planned.schedule.stages):
        for rows in TILE_ROWS:
            taller = _heighten_stage(planned.network, stage, rows)
            heightened = _with_stage(planned, index, taller) if taller != stage else None
            if heightened is not None:
                planned = heightened
                break
    return planned


def _heighten_stage(network: Network, stage: Stage, rows: int) -> Stage:
    """Tiles of up to `rows` rows, of the groups whose tiles are wider than a pixel."""
    if stage.mode not in (Mode.STREAM, Mode.LAYER) or stage.in_place:
        return stage
    groups = []
    for group in stage.groups:
        extent = group_extent(network, group)
        is_wide = group.tile_rows == 1 and (group.tile_cols > 1 or extent.width == 1)
        taller = dataclasses.replace(group, tile_rows=min(rows, extent.height))
        groups.append(taller if is_wide else group)
    return dataclasses.replace(stage, groups=tuple(groups))


def _widen_within(planned: Planned, ceiling: int) -> Planned:
    """All stages widened at once and planned anew, within a ceiling above the peak."""
    for share in SHARES:
        stages = tuple(
            _widen_stage(planned.network, stage, int((ceiling - peak) * share))
            for stage, peak in zip(planned.schedule.stages, planned.stage_peaks, strict=True)
        )
        schedule = dataclasses.replace(planned.schedule, stages=stages)
        wider = evaluate(planned.network, schedule)
        if wider.plan.peak <= ceiling:
            return wider
    return _widen_below_peak(planned)


def _with_stage(planned: Planned, index: int, stage: Stage) -> Planned | None:
    """The plan with one stage exchanged, other stages' buffers staying in place, if it fits."""
    stages = list(planned.schedule.stages)
    stages[index] = stage
    schedule = dataclasses.replace(planned.schedule, stages=tuple(stages))
    layout = lay_out(planned.network, schedule)
    offsets = refit(
        layout.buffers,
        layout.overlaps,
        planned.plan.offsets,
        layout.scratch_of(index),
        planned.plan.peak,
    )
    if offsets is None:
        return None
    ticks, live = live_bytes(layout.buffers, layout.overlaps)
    if lower_bound(layout.buffers, layout.overlaps, ticks, live) > planned.plan.peak:
        return None
    plan = dataclasses.replace(
        planned.plan, buffers=tuple(layout.buffers), offsets=offsets, ticks=ticks, live_bytes=live
    )
    return dataclasses.replace(planned, schedule=schedule, layout=layout, plan=plan)


def _slack(planned: Planned) -> list[int]:
    """Bytes that each stage could still use below the peak."""
    return [planned.plan.peak - peak for peak in planned.stage_peaks]


def _widen_stage(network: Network, stage: Stage, room: int) -> Stage:
    if stage.mode not in (Mode.STREAM, Mode.LAYER) or stage.in_place:
        return stage
    ranges = column_ranges(network, stage)
    spans = [[r[g] for r in ranges] for g in range(len(stage.groups))]
    scratch = max(
        pack_tiles(network, group, span).size
        for group, span in zip(stage.groups, spans, strict=True)
    )
    groups = tuple(
        _widen_group(network, stage, group, span, scratch, room)
        for group, span in zip(stage.groups, spans, strict=True)
    )
    return dataclasses.replace(stage, groups=groups)


def _widen_group(
    network: Network,
    stage: Stage,
    group: Group,
    spans: list[tuple[int, int]],
    scratch: int,
    room: int,
) -> Group:
    """The widest tiles whose scratch, and whose lead over an overwritten input, find room."""
    width = group_extent(network, group).width
    if group.tile_cols > 1 or width == 1:
        return group  # halo groups: their width is part of their cost in MACs
    lead = _largest_lead(network, stage, group)
    for cols in (width, *(c for c in TILE_COLUMNS if c < width)):
        wider = dataclasses.replace(group, tile_cols=cols)
        more_scratch = max(pack_tiles(network, wider, spans).size - scratch, 0)
        more_lead = max(_largest_lead(network, stage, wider) - lead, 0)
        if more_scratch + more_lead <= room:
            return wider
    return group


def _largest_lead(network: Network, stage: Stage, group: Group) -> int:
    """By how much an output of the stage must run ahead of an input that it overwrites."""
    leads = overlaps(network, group).items()
    return max((o.lead for (_, t), o in leads if stage_escapes(network, stage, t)), default=0)
