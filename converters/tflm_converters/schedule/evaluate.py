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

REPLAN_STEPS = 600
"""Search steps for a plan with one stage's tiles exchanged."""

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
    available = ceiling - planned.network.variable_bytes
    if ceiling > planned.peak:
        planned = _widen_within(planned, available)
    else:
        planned = _widen_below_peak(planned)
    planned = _heighten(planned, available)
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
            wider = _with_stage(planned, index, stage, planned.plan.peak)
            if wider is not None:
                planned = wider
                break
    return planned


def _heighten(planned: Planned, ceiling: int) -> Planned:
    """Tiles of as many rows as find room: those of a whole stage, else of groups one by one.

    Only streams as a whole are planned anew, which takes its time.
    """
    ceiling = max(ceiling, planned.plan.peak)
    for index, stage in enumerate(planned.schedule.stages):
        groups = range(len(stage.groups))
        heightened = _heighten_groups(planned, index, groups, ceiling)
        if heightened is planned:
            for group in groups:
                heightened = _heighten_groups(heightened, index, range(group, group + 1), ceiling)
        planned = heightened
    return planned


def _heighten_groups(planned: Planned, index: int, chosen: range, ceiling: int) -> Planned:
    """The plan with higher tiles of the chosen groups of a stage, if they fit."""
    tried = [planned.schedule.stages[index]]
    for rows in TILE_ROWS:
        taller = _heighten_stage(planned.network, tried[0], chosen, rows)
        if taller in tried:
            continue  # no more rows than these
        tried.append(taller)
        heightened = _with_stage(planned, index, taller, ceiling)
        is_whole_stream = taller.mode is Mode.STREAM and len(chosen) == len(taller.groups)
        if heightened is None and is_whole_stream:
            heightened = _planned_anew(planned, index, taller, ceiling)
        if heightened is not None:
            return heightened
    return planned


def _exchanged(schedule: Schedule, index: int, stage: Stage) -> Schedule:
    stages = list(schedule.stages)
    stages[index] = stage
    return dataclasses.replace(schedule, stages=tuple(stages))


def _planned_anew(planned: Planned, index: int, stage: Stage, ceiling: int) -> Planned | None:
    """A plan with one stage exchanged, if a short search finds one that fits."""
    schedule = _exchanged(planned.schedule, index, stage)
    layout = lay_out(planned.network, schedule)
    bound = lower_bound(
        layout.buffers, layout.overlaps, *live_bytes(layout.buffers, layout.overlaps)
    )
    if bound > ceiling:
        return None  # known much sooner than a plan
    plan = plan_buffers(layout.buffers, layout.overlaps, steps=REPLAN_STEPS, enough=ceiling)
    if plan.peak > ceiling:
        return None
    return dataclasses.replace(planned, schedule=schedule, layout=layout, plan=plan)


def _heighten_stage(network: Network, stage: Stage, chosen: range, rows: int) -> Stage:
    """Tiles of up to `rows` rows, of the chosen groups whose tiles are wider than a pixel."""
    if stage.mode not in (Mode.STREAM, Mode.LAYER) or stage.in_place:
        return stage
    groups = list(stage.groups)
    for i in chosen:
        extent = group_extent(network, groups[i])
        if groups[i].tile_rows == 1 and (groups[i].tile_cols > 1 or extent.width == 1):
            groups[i] = dataclasses.replace(groups[i], tile_rows=min(rows, extent.height))
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


def _with_stage(planned: Planned, index: int, stage: Stage, ceiling: int) -> Planned | None:
    """The plan with one stage exchanged, other stages' buffers staying in place, if it fits."""
    schedule = _exchanged(planned.schedule, index, stage)
    layout = lay_out(planned.network, schedule)
    movable = layout.scratch_of(index)
    offsets = refit(layout.buffers, layout.overlaps, planned.plan.offsets, movable, ceiling)
    if offsets is None:
        return None
    ticks, live = live_bytes(layout.buffers, layout.overlaps)
    ends = (o + b.size for o, b in zip(offsets, layout.buffers, strict=True))
    peak = max(planned.plan.peak, *ends)
    if lower_bound(layout.buffers, layout.overlaps, ticks, live) > peak:
        return None
    plan = MemoryPlan(tuple(layout.buffers), offsets, peak, planned.plan.lower_bound, ticks, live)
    return dataclasses.replace(planned, schedule=schedule, layout=layout, plan=plan)


def _slack(planned: Planned) -> list[int]:
    """Bytes that each stage could still use below the peak."""
    return [planned.plan.peak - peak for peak in planned.stage_peaks]


def _widen_stage(network: Network, stage: Stage, room: int) -> Stage:
    if stage.mode not in (Mode.STREAM, Mode.LAYER) or stage.in_place:
        return stage
    ranges = column_ranges(network, stage)
    spans = [tuple(r[g] for r in ranges) for g in range(len(stage.groups))]
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
    spans: tuple[tuple[int, int], ...],
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
