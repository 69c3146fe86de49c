# SPDX-License-Identifier: Apache-2.0
"""Stages that trade MACs for memory: halo groups, column strips, patches.

Such a stage is worth building only when it needs less than `limit` bytes, the least peak
that is reachable without computing anything twice; so the estimate of its peak comes
first and its MACs, which take longer, second.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator

from tflm_converters.emit.program_format import GROUP_STATE, MAX_GROUP_OPS
from tflm_converters.schedule.boxes import row_needs
from tflm_converters.schedule.candidates import Candidate, Options, segments
from tflm_converters.schedule.cost import stage_macs
from tflm_converters.schedule.grouping import Halo, patch_stage, stream_stage
from tflm_converters.schedule.layers import Reach
from tflm_converters.schedule.network import Network
from tflm_converters.schedule.segment import Segment, Tables
from tflm_converters.schedule.types import Group, Mode, Stage

HALO_ROWS = (1, 2, 3, 4)
"""Heights of the tiles of halo groups: higher tiles recompute less and hold more."""

HALO_COLS = 8
"""Width of their narrow tiles; the wide ones are a quarter of the row."""

STRIPS = (2, 3, 4, 6, 8)
"""Numbers of column strips tried for a streamed stage."""

PATCHES = (2, 3, 4)
"""Grids p x p tried for patch-based stages (MCUNetV2, appendix B)."""

RING_FACTOR = 4
"""Line buffers may exceed the limit by this factor: strips and halo groups shrink them."""

MOST_OVERHEAD = 1.0
"""Stages that compute more than twice their layers' MACs are not worth looking at."""


def recompute_candidates(tables: Tables, options: Options, limit: int) -> Iterator[Candidate]:
    """Stages that compute some pixels again and need less than `limit` bytes."""
    halos = _halo_groups(tables)
    for segment in segments(tables, most_rings=RING_FACTOR * limit):
        if segment.last - segment.first < 2:
            continue
        if Mode.STREAM in options.modes:
            yield from _halo_candidates(segment, halos, limit)
            yield from _strip_candidates(segment, limit)
        if Mode.PATCH in options.modes and not segment.is_fed:
            grids = [options.patches] if options.patches else [(p, p) for p in PATCHES]
            yield from _patch_candidates(segment, grids, limit)


def _is_too_much(segment: Segment, extra_macs: int) -> bool:
    return extra_macs > MOST_OVERHEAD * segment.macs


# ---- Halo groups -----------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, eq=False)
class _HaloGroup:
    """A halo group that could be formed, and what it costs; there is one object of each.

    `expanded` is the tensor recomputed instead of being kept in a line buffer, `source`
    what it is computed from, of which `source_bytes` must be kept; `written` are the
    tensors that the group may write, each with the bytes of a row.
    """

    layer: int
    tile: Halo
    expanded: int
    source: int
    source_bytes: int
    scratch: int
    extra_macs: int
    written: tuple[tuple[int, int], ...]

    def saved_in(self, segment: Segment) -> int:
        """Bytes of line buffers saved in a segment; not positive if it cannot be formed."""
        saved = segment.rings.get(self.expanded, 0)
        if self.source not in segment.inputs:
            saved -= max(self.source_bytes - segment.rings.get(self.source, 0), 0)
        return saved

    def more_slots(self, rings: Collection[int]) -> int:
        """Bytes added to the rings behind, whose rows arrive several at a time."""
        more = sum(row_bytes for tensor, row_bytes in self.written if tensor in rings)
        return (self.tile.rows - 1) * more


def _halo_groups(tables: Tables) -> list[_HaloGroup]:
    """All halo groups of a network, with every size of tile."""
    return [
        _halo_group(tables, layer, Halo(rows, cols))
        for layer in range(1, len(tables.network.layers))
        if _has_expansion(tables.network, layer)
        for rows in HALO_ROWS
        for cols in sorted({HALO_COLS, -(-tables.network.layers[layer].extent.width // 4)})
    ]


def _has_expansion(network: Network, layer: int) -> bool:
    """Whether a windowed layer is the only reader of the pointwise layer before it."""
    expansion, windowed = network.layers[layer - 1], network.layers[layer]
    if expansion.stock or windowed.stock or windowed.is_pointwise or not expansion.is_pointwise:
        return False
    is_window = all(a.reach is Reach.WINDOW for a in windowed.accesses)
    alone = network.consumers[expansion.output] == (layer,) and len(expansion.accesses) == 1
    return is_window and alone and not windowed.global_pool


def _halo_group(tables: Tables, layer: int, tile: Halo) -> _HaloGroup:
    network, macs = tables.network, tables.macs
    expansion, windowed = network.layers[layer - 1], network.layers[layer]
    rows, cols, extent = windowed.accesses[0].rows, windowed.accesses[0].cols, windowed.extent
    tile = Halo(min(tile.rows, extent.height), min(tile.cols, extent.width))
    in_rows = (tile.rows - 1) * rows.stride + rows.span
    in_cols = (tile.cols - 1) * cols.stride + cols.span
    stage = Stage(Mode.STREAM, (Group(layer - 1, layer + 1, tile.rows, tile.cols),))
    extra = stage_macs(network, stage, macs) - macs[layer - 1] - macs[layer]
    source = expansion.accesses[0]
    tail = [
        x for x, begin in zip(network.layers, tables.group_begin, strict=True) if begin == layer
    ]
    return _HaloGroup(
        layer,
        tile,
        expansion.output,
        source.tensor,
        in_rows * source.extent.row_bytes,
        in_rows * in_cols * expansion.extent.channels,
        extra,
        tuple((x.output, x.extent.row_bytes) for x in tail),
    )


def _halo_candidates(segment: Segment, groups: list[_HaloGroup], limit: int) -> Iterator[Candidate]:
    """Recomputes ever more: each step buys the most bytes per MAC (multiple-choice knapsack)."""
    base = segment.tables.stream_peak(segment)
    if base - segment.ring_bytes() >= limit:
        return
    inside = [g for g in groups if segment.first < g.layer < segment.last]
    saved = {g: saving for g in inside if (saving := g.saved_in(segment)) > 0}
    if base - _most_saved(saved) >= limit:
        return
    chosen: dict[int, _HaloGroup] = {}
    for step in _upgrades(saved):
        chosen[step.layer] = step
        if _is_too_much(segment, sum(g.extra_macs for g in chosen.values())):
            return
        others = [g for g in chosen.values() if g is not step]
        rings = segment.rings.keys() - {g.expanded for g in chosen.values()}
        others_peak = base - sum(saved[g] - g.more_slots(rings) for g in others)
        others_scratch = max((g.scratch for g in others), default=0)
        others_extra = sum(g.extra_macs for g in others)
        # Tiles off the hull matter too: the scratch of one group hides behind another's.
        for group in [g for g in saved if g.layer == step.layer]:
            peak = others_peak - saved[group] + group.more_slots(rings)
            peak += max(others_scratch, group.scratch)
            extra = others_extra + group.extra_macs
            if peak < limit and not _is_too_much(segment, extra):
                halos = tuple((g.layer, g.tile) for g in (*others, group))
                yield Candidate(Mode.STREAM, segment.first, segment.last, peak, extra, halos=halos)


def _most_saved(saved: dict[_HaloGroup, int]) -> int:
    """More than any choice of a tile for each layer saves."""
    most: dict[int, int] = {}
    for group, saving in saved.items():
        most[group.layer] = max(saving, most.get(group.layer, 0))
    return sum(most.values()) - min((g.scratch for g in saved), default=0)


def _upgrades(saved: dict[_HaloGroup, int]) -> list[_HaloGroup]:
    """Halo groups in the order in which greed takes them; later ones replace earlier ones.

    For each layer only the tiles on the convex hull of bytes saved over MACs count.
    """
    per_layer: dict[int, list[_HaloGroup]] = {}
    for group in sorted(saved, key=lambda g: (g.extra_macs, -saved[g])):
        per_layer.setdefault(group.layer, []).append(group)
    steps = [step for options in per_layer.values() for step in _hull(options, saved)]
    steps.sort(key=lambda step: step[0])
    return [group for _, group in steps]


def _hull(
    options: list[_HaloGroup], saved: dict[_HaloGroup, int]
) -> Iterator[tuple[float, _HaloGroup]]:
    """Tiles of one layer, each with the MACs per byte that it costs over the one before."""
    gain, macs = 0, 0
    while True:
        options = [g for g in options if _gain(g, saved) > gain]
        if not options:
            return
        prices = [(g.extra_macs - macs) / (_gain(g, saved) - gain) for g in options]
        best = options[prices.index(min(prices))]
        yield min(prices), best
        gain, macs = _gain(best, saved), best.extra_macs


def _gain(group: _HaloGroup, saved: dict[_HaloGroup, int]) -> int:
    """Bytes saved if this group's tile is the largest."""
    return saved[group] - group.scratch


# ---- Column strips ---------------------------------------------------------------------------


def _strip_candidates(segment: Segment, limit: int) -> Iterator[Candidate]:
    if segment.is_fed or segment.other_outputs or not segment.rings:
        return
    fixed = segment.whole_bytes() + segment.tile_bytes()
    fixed += segment.tables.overhead(segment.first, segment.last)
    rings = segment.ring_bytes()
    if fixed + rings // STRIPS[-1] >= limit or not _can_be_cut_in_columns(segment):
        return
    for strips in STRIPS:
        if segment.final.extent.width < 2 * strips:
            return
        if fixed + rings // strips >= limit:
            continue
        stage = stream_stage(segment.network, segment.first, segment.last, strips=strips)
        extra = stage_macs(segment.network, stage, segment.tables.macs) - segment.macs
        if _is_too_much(segment, extra):
            return
        peak = fixed + int(rings * (1 + extra / max(segment.macs, 1)) / strips)
        if peak < limit:
            yield Candidate(Mode.STREAM, segment.first, segment.last, peak, extra, strips=strips)


def _can_be_cut_in_columns(segment: Segment) -> bool:
    if any(layer.global_pool or layer.extent.width < 2 for layer in segment.layers):
        return False
    return all(a.reach is not Reach.WHOLE for layer in segment.layers for a in layer.accesses)


# ---- Patches -----------------------------------------------------------------------------------


def _patch_candidates(
    segment: Segment, grids: list[tuple[int, int]], limit: int
) -> Iterator[Candidate]:
    fixed = segment.whole_bytes() + GROUP_STATE.itemsize
    if fixed >= limit or segment.other_outputs or not _can_be_cut_in_patches(segment):
        return
    for grid in grids:
        extent = segment.final.extent
        if extent.height < grid[0] or extent.width < grid[1]:
            continue
        stage = patch_stage(segment.network, segment.first, segment.last, grid)
        peak = fixed + _patch_bytes(segment.network, stage.groups[0])
        if peak >= limit:
            continue
        extra = stage_macs(segment.network, stage, segment.tables.macs) - segment.macs
        if not _is_too_much(segment, extra):
            yield Candidate(Mode.PATCH, segment.first, segment.last, peak, extra, patches=grid)


def _can_be_cut_in_patches(segment: Segment) -> bool:
    if len(segment.layers) > MAX_GROUP_OPS or any(x.global_pool for x in segment.layers):
        return False
    return all(a.reach is Reach.WINDOW for layer in segment.layers for a in layer.accesses)


def _patch_bytes(network: Network, group: Group) -> int:
    """Largest sum of inner tiles alive at once while one patch is computed."""
    rows = row_needs(network, group)
    live = [0] * (group.last - group.first)
    for layer in network.layers[group.first : group.last - 1]:
        extent, height = layer.extent, rows[layer.output].longest
        width = min(extent.width, -(-height * extent.width // extent.height))
        begin, end = network.producer[layer.output], network.last_use[layer.output]
        for position in range(begin, min(end, group.last - 1) + 1):
            live[position - group.first] += height * width * extent.channels
    return max(live)
