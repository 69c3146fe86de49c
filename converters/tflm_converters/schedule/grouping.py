# SPDX-License-Identifier: Apache-2.0
"""Cuts a run of layers into groups, for each way of running a stage.

Streaming puts a line buffer in front of every windowed layer (depthwise, k x k
convolution, pooling); the pointwise layers that follow join its group, so that their
tensors exist for one tile only. A *halo group* also takes in the pointwise expansion in
front of a windowed layer: the expanded rows are recomputed for each band instead of being
kept in a line buffer six times wider than its ends.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from tflm_converters.schedule.boxes import group_extent
from tflm_converters.schedule.network import Network
from tflm_converters.schedule.types import Group, Mode, Stage

FINE = 1
"""Tiles of one pixel: least scratch. The solver widens them where memory allows."""


@dataclasses.dataclass(frozen=True)
class Halo:
    """Tile of a halo group, in output rows and columns."""

    rows: int
    cols: int


def layer_stage(network: Network, layer: int) -> Stage:
    """One layer by itself, row by row so that its output may overwrite its input."""
    if network.layers[layer].stock:
        return Stage(Mode.STOCK, (Group(layer, layer + 1, 1, 1),))
    return Stage(Mode.LAYER, (_close(network, layer, layer + 1, None),))


def in_place_stage(network: Network, layer: int) -> Stage:
    """A depthwise layer whose output overwrites its input, one channel at a time."""
    extent = network.layers[layer].extent
    group = Group(layer, layer + 1, extent.height, extent.width)
    return Stage(Mode.LAYER, (group,), in_place=True)


def patch_stage(network: Network, first: int, last: int, patches: tuple[int, int]) -> Stage:
    """Patch-based inference (MCUNetV2): rows x columns patches, halos recomputed."""
    extent = network.layers[last - 1].extent
    rows, cols = math.ceil(extent.height / patches[0]), math.ceil(extent.width / patches[1])
    return Stage(Mode.PATCH, (Group(first, last, rows, cols),))


def stream_stage(
    network: Network,
    first: int,
    last: int,
    *,
    halos: Mapping[int, Halo] | None = None,
    strips: int = 1,
) -> Stage:
    """Layers [first, last) as a stream of rows.

    `halos` maps a windowed layer to the tile of the halo group that it forms with the
    expansion before it.
    """
    halos = halos or {}
    starts = _group_starts(network, first, last, halos)
    groups = tuple(
        _close(network, begin, end, halos.get(begin + 1))
        for begin, end in zip(starts, [*starts[1:], last], strict=True)
    )
    return Stage(Mode.STREAM, groups, strips=strips)


def _group_starts(network: Network, first: int, last: int, halos: Mapping[int, Halo]) -> list[int]:
    starts = [first]
    for layer in range(first + 1, last):
        opens_halo = layer + 1 < last and layer + 1 in halos
        closes_halo = layer in halos and starts[-1] == layer - 1
        if opens_halo or not (closes_halo or joins(network, starts[-1], layer)):
            starts.append(layer)
    return starts


def joins(network: Network, group_first: int, layer: int) -> bool:
    """Whether a layer may be computed in the tiles of the group that begins at `group_first`."""
    candidate, before = network.layers[layer], network.layers[layer - 1]
    if before.global_pool or candidate.stock or before.stock:
        return False
    if not (candidate.is_pointwise or candidate.global_pool):
        return False
    made_here = [a for a in candidate.accesses if network.producer.get(a.tensor, -1) >= group_first]
    broadcast = any(a.extent[:2] != before.extent[:2] for a in made_here)
    extent = candidate.accesses[0].extent if candidate.global_pool else candidate.extent
    return bool(made_here) and not broadcast and extent[:2] == before.extent[:2]


def _close(network: Network, first: int, last: int, halo: Halo | None) -> Group:
    final = network.layers[last - 1]
    group = Group(first, last, 1, FINE, accumulate=final.global_pool)
    extent = group_extent(network, group)
    if halo is None:
        return group
    return dataclasses.replace(
        group, tile_rows=min(halo.rows, extent.height), tile_cols=min(halo.cols, extent.width)
    )
