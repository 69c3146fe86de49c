# SPDX-License-Identifier: Apache-2.0
"""Stages that trade MACs for memory: halo groups, column strips, patches.

Such a stage is worth building only when it needs less than `limit` bytes, the least peak
that is reachable without computing anything twice; so the estimate of its peak comes
first and its MACs, which take longer, second.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from tflm_converters.emit.program_format import GROUP_STATE, MAX_GROUP_OPS
from tflm_converters.schedule.boxes import row_needs
from tflm_converters.schedule.candidates import Candidate, Options, segments
from tflm_converters.schedule.cost import stage_macs
from tflm_converters.schedule.grouping import Halo, patch_stage, stream_stage
from tflm_converters.schedule.layers import Reach
from tflm_converters.schedule.network import Network
from tflm_converters.schedule.segment import Segment, Tables
from tflm_converters.schedule.types import Group, Mode, Stage

HALO_TILES = (Halo(1, 8), Halo(2, 8), Halo(4, 16))
"""Tiles tried for halo groups: more rows recompute less and hold more."""

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
    halos = [_halo_groups(tables, tile) for tile in HALO_TILES]
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


@dataclasses.dataclass(frozen=True)
class _HaloGroup:
    """A halo group that could be formed, and what it costs.

    `expanded` is the tensor recomputed instead of being kept in a line buffer, `source`
    what it is computed from, of which `source_bytes` must be kept.
    """

    layer: int
    tile: Halo
    expanded: int
    source: int
    source_bytes: int
    scratch: int
    extra_macs: int

    def saved_in(self, segment: Segment) -> int:
        """Bytes of line buffers saved in a segment; not positive if it cannot be formed."""
        ring = segment.rings.get(self.expanded, 0)
        if self.source in segment.inputs:
            return ring
        return ring - max(self.source_bytes - segment.rings.get(self.source, 0), 0)


def _halo_groups(tables: Tables, tile: Halo) -> list[_HaloGroup]:
    """All halo groups of a network with one tile size, cheapest bytes first."""
    network = tables.network
    found = [
        _halo_group(tables, layer, tile)
        for layer in range(1, len(network.layers))
        if _has_expansion(network, layer)
    ]
    return sorted(found, key=lambda group: group.layer)


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
    return _HaloGroup(
        layer,
        tile,
        expansion.output,
        source.tensor,
        in_rows * source.extent.row_bytes,
        in_rows * in_cols * expansion.extent.channels,
        max(extra, 0),
    )


def _halo_candidates(
    segment: Segment, groups: list[list[_HaloGroup]], limit: int
) -> Iterator[Candidate]:
    """Recomputes the expansions that save most bytes per extra MAC, one more each time."""
    base = segment.tables.stream_peak(segment)
    if base - segment.ring_bytes() >= limit:
        return
    for per_tile in groups:
        inside = [g for g in per_tile if segment.first < g.layer < segment.last]
        trades = [(g, saved) for g in inside if (saved := g.saved_in(segment)) > 0]
        trades.sort(key=lambda trade: trade[0].extra_macs / trade[1])
        peak, extra, scratch = base, 0, 0
        for count, (group, saved) in enumerate(trades, start=1):
            peak, extra = peak - saved, extra + group.extra_macs
            scratch = max(scratch, group.scratch)
            if _is_too_much(segment, extra):
                break
            if peak + scratch < limit:
                halos = tuple((g.layer, g.tile) for g, _ in trades[:count])
                yield Candidate(
                    Mode.STREAM, segment.first, segment.last, peak + scratch, extra, halos=halos
                )


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
