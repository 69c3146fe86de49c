# SPDX-License-Identifier: Apache-2.0
"""Tiles: the inner tensors of a group, which live only while it computes one tile."""

from __future__ import annotations

import dataclasses
from functools import lru_cache

from tflm_converters.memory.bands import one_band
from tflm_converters.memory.planner import plan_buffers
from tflm_converters.memory.types import WORD, Buffer, Role
from tflm_converters.schedule.boxes import Needs, col_needs, escaping, row_needs, touched
from tflm_converters.schedule.layers import Extent
from tflm_converters.schedule.network import Network
from tflm_converters.schedule.types import Group

SEARCH_STEPS = 60
"""A group has few inner tensors: a short search finds what there is to find."""


@dataclasses.dataclass(frozen=True)
class Tiles:
    """The inner tensors of a group: offset and extent of the largest box of each."""

    size: int
    tensors: dict[int, tuple[int, Extent]]


@lru_cache(maxsize=4096)
def pack_tiles(network: Network, group: Group, ranges: tuple[tuple[int, int], ...]) -> Tiles:
    """Packs the inner tensors of a group; each lives from its layer to its last reader.

    `ranges`: columns of the output that the group computes at a time.
    """
    outside = set(escaping(network, group))
    inner = [t for t in touched(network, group)[1] if t not in outside]
    if group.accumulate:
        inner = [t for t in inner if t != network.layers[group.last - 1].output]
    if not inner:
        return Tiles(0, {})
    rows = row_needs(network, group)
    cols = [col_needs(network, group, begin, end) for begin, end in ranges]
    extents = [_tile_extent(network, t, rows, cols) for t in inner]
    buffers = []
    for tensor, extent in zip(inner, extents, strict=True):
        bands = one_band(extent.bytes, network.producer[tensor], network.last_use[tensor])
        buffers.append(Buffer(network.name_of(tensor), Role.TILE, extent.bytes, bands, WORD))
    plan = plan_buffers(buffers, {}, steps=SEARCH_STEPS)
    placed = zip(plan.offsets, extents, strict=True)
    return Tiles(plan.peak, dict(zip(inner, placed, strict=True)))


def _tile_extent(network: Network, tensor: int, rows: Needs, cols: list[Needs]) -> Extent:
    return Extent(
        max(rows[tensor].longest, 1),
        max(1, *(needs[tensor].longest for needs in cols)),
        network.extents[tensor].channels,
    )
