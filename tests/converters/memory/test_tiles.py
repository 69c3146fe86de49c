# SPDX-License-Identifier: Apache-2.0
"""Tiles inside a group: extents of the largest box, shared by lifetimes."""

from __future__ import annotations

import pytest

from tests.network_builder import NetworkBuilder
from tflm_converters.memory.tiles import Tiles, pack_tiles
from tflm_converters.schedule.layers import Extent
from tflm_converters.schedule.network import Network, build_network
from tflm_converters.schedule.types import Group


@pytest.fixture(scope="module")
def block() -> tuple[Network, list[int]]:
    """Expansion to 12 channels, 3 x 3, projection and addition on 8 x 8 x 4."""
    builder = NetworkBuilder(0)
    builder.inverted_residual(builder.input(8, 8, 4), 4, expansion=3)
    graph = builder.build()
    return build_network(graph), [op.output for op in graph.ops]


def test_a_patch_holds_halos(block: tuple[Network, list[int]]) -> None:
    """Patches of 4 x 4 need 5 x 5 expanded pixels, the halo being on two sides only."""
    network, (expanded, filtered, projected, _) = block
    tiles = pack_tiles(network, Group(0, 4, 4, 4), ((0, 8),))
    assert {t: extent for t, (_, extent) in tiles.tensors.items()} == {
        expanded: Extent(5, 5, 12),
        filtered: Extent(4, 4, 12),
        projected: Extent(4, 4, 4),
    }
    # The projection takes the place of the expansion, which is dead by then.
    assert tiles.size == 300 + 192
    assert tiles.tensors[projected][0] in (0, 192)


def test_strips_need_their_widest_tile(block: tuple[Network, list[int]]) -> None:
    network, (expanded, *_) = block
    tiles = pack_tiles(network, Group(0, 4, 1, 2), ((0, 3), (3, 8)))
    assert tiles.tensors[expanded][1] == Extent(3, 4, 12)


def test_what_leaves_the_group_is_no_tile(block: tuple[Network, list[int]]) -> None:
    network, (_, filtered, *_) = block
    assert pack_tiles(network, Group(1, 2, 1, 1), ((0, 8),)) == Tiles(0, {})
    assert set(pack_tiles(network, Group(1, 3, 1, 1), ((0, 8),)).tensors) == {filtered}


def test_accumulators_are_no_tiles() -> None:
    builder = NetworkBuilder(0)
    filtered = builder.depthwise(builder.input(6, 5, 4))
    builder.fully_connected(builder.mean(filtered), 3)
    network = build_network(builder.build())
    tiles = pack_tiles(network, Group(0, 2, 1, 1, accumulate=True), ((0, 5),))
    assert tiles == Tiles(4, {filtered: (0, Extent(1, 1, 4))})


def test_tiles_are_aligned(block: tuple[Network, list[int]]) -> None:
    builder = NetworkBuilder(0)
    x = builder.conv(builder.input(4, 4, 3), 5)
    builder.add(builder.conv(x, 3), builder.conv(x, 3))
    network = build_network(builder.build())
    tiles = pack_tiles(network, Group(0, 4, 1, 1), ((0, 4),))
    assert all(offset % 4 == 0 for offset, _ in tiles.tensors.values())
    assert tiles.size == 4 + 4 + 5  # what needs no padding behind it comes last
