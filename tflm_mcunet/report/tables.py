# SPDX-License-Identifier: Apache-2.0
"""The tables of a profile and of a conversion; terminal and page show the same ones."""

from __future__ import annotations

from collections.abc import Sequence

from tflm_converters.memory.types import MemoryPlan
from tflm_converters.passes import PassStep
from tflm_converters.schedule.evaluate import Planned
from tflm_converters.schedule.types import Mode, Stage
from tflm_mcunet.boards import Board
from tflm_mcunet.profiling import LayerProfile, Profile
from tflm_mcunet.report.point import Point
from tflm_mcunet.report.text import Table, shape_text, short_name

_BAR_WIDTH = 24


def layers_table(profile: Profile) -> Table:
    """One row per layer of a model, with a bar as long as what is in SRAM."""
    headers = ("#", "<operator", "<output", "<shape", "MACs", "flash, B", "SRAM, B", "<")
    rows = [_layer_row(layer, profile.peak_bytes) for layer in profile.layers]
    totals = ("", "total", "", "", f"{profile.macs:,}", f"{profile.weight_bytes:,}", "", "")
    return Table(headers, (*rows, totals))


def _layer_row(layer: LayerProfile, peak: int) -> tuple[str, ...]:
    bar = "█" * max(1, round(_BAR_WIDTH * layer.live_bytes / max(peak, 1)))
    return (
        str(layer.index),
        layer.operator,
        short_name(layer.output_name),
        shape_text(layer.output_shape),
        f"{layer.macs:,}",
        f"{layer.weight_bytes:,}",
        f"{layer.live_bytes:,}",
        bar + (" ◀ peak" if layer.live_bytes == peak else ""),
    )


def passes_table(steps: Sequence[PassStep]) -> Table:
    """What the passes changed; those that found nothing to do are left out."""
    rows = (
        (
            step.name,
            f"{step.ops_before} → {step.ops_after}",
            f"{step.macs_before:,} → {step.macs_after:,}",
        )
        for step in steps
        if (step.ops_before, step.macs_before) != (step.ops_after, step.macs_after)
    )
    return Table(("<pass", "operators", "MACs"), tuple(rows))


def stages_table(planned: Planned) -> Table:
    """How the converted model runs."""
    stages = zip(planned.schedule.stages, planned.stage_peaks, strict=True)
    rows = (
        (str(i), stage.mode.value, _layers(planned, stage), _tiles(stage), f"{peak:,}")
        for i, (stage, peak) in enumerate(stages)
    )
    return Table(("#", "<mode", "<layers", "<cut into", "SRAM, B"), tuple(rows))


def _layers(planned: Planned, stage: Stage) -> str:
    """The first and the last layer of a stage."""
    graph, layers = planned.network.graph, planned.network.layers
    first, last = (graph.ops[layers[i].op].kind.value for i in (stage.first, stage.last - 1))
    if stage.last == stage.first + 1:
        return f"{stage.first} {first}"
    return f"{stage.first} {first} … {stage.last - 1} {last}"


def _tiles(stage: Stage) -> str:
    group = stage.groups[0]
    if stage.in_place:
        return "channels, in place"
    if stage.mode is Mode.PATCH:
        return f"patches of {group.tile_rows}×{group.tile_cols}"
    if stage.mode is Mode.STREAM:
        strips = f", {stage.strips} column strips" if stage.strips > 1 else ""
        return f"rows, {len(stage.groups)} groups{strips}"
    return "rows" if stage.mode is Mode.LAYER else ""


def pareto_table(
    front: Sequence[Point], chosen: Point, original: Point, board: Board | None
) -> Table:
    """The schedules that no other one beats in both SRAM and work, and the original."""
    points = [(point, _remark(point, chosen, board)) for point in sorted(front)]
    rows = (
        (f"{point.peak:,}", f"{point.macs:,}", f"{point.ratio:.3f}×", remark)
        for point, remark in [*points, (original, "original")]
    )
    return Table(("SRAM, B", "MACs", "of original", "<"), tuple(rows))


def _remark(point: Point, chosen: Point, board: Board | None) -> str:
    if point == chosen:
        return "◀ chosen"
    return f"exceeds {board.name}" if board and point.peak > board.sram_bytes else ""


def buffers_table(plan: MemoryPlan) -> Table:
    """Where every buffer lies, and from which step of the schedule to which."""
    placed = sorted(
        zip(plan.buffers, plan.offsets, strict=True), key=lambda item: item[0].first_tick
    )
    rows = (
        (
            short_name(buffer.name),
            buffer.role.value,
            f"{offset:,}",
            f"{buffer.size:,}",
            f"{buffer.first_tick}–{buffer.last_tick}",
        )
        for buffer, offset in placed
    )
    return Table(("<buffer", "<role", "offset, B", "size, B", "steps"), tuple(rows))
