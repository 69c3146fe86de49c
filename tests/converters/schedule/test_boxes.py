# SPDX-License-Identifier: Apache-2.0
"""Receptive fields of tiles: by hand, and against sets of positions traced one by one."""

from __future__ import annotations

import numpy as np
import pytest

from tests.converters.schedule.taps import hull, is_dilated, random_groups, traced
from tests.network_builder import NetworkBuilder
from tflm_converters.schedule.boxes import (
    Intervals,
    Needs,
    band_count,
    col_needs,
    escaping,
    group_extent,
    row_needs,
    span_of_columns,
    touched,
)
from tflm_converters.schedule.layers import Extent
from tflm_converters.schedule.network import Network, build_network
from tflm_converters.schedule.types import Group


@pytest.fixture
def residual() -> tuple[Network, list[int]]:
    """MobileNetV2's block on 6 x 8 x 2: expansion, depthwise 3 x 3, projection, addition."""
    builder = NetworkBuilder(0)
    x = builder.input(6, 8, 2)
    builder.inverted_residual(x, 2, expansion=3)
    graph = builder.build()
    return build_network(graph), [x, *(op.output for op in graph.ops)]


def pairs(intervals: Intervals) -> list[tuple[int, int]]:
    return list(zip(intervals.begin.tolist(), intervals.end.tolist(), strict=True))


def test_halos_of_a_residual_block(residual: tuple[Network, list[int]]) -> None:
    network, (x, expanded, filtered, projected, result) = residual
    group = Group(0, 4, tile_rows=2, tile_cols=4)
    rows, cols = row_needs(network, group), col_needs(network, group, 0, 8)
    bands = [(0, 2), (2, 4), (4, 6)]
    for tensor in (filtered, projected, result):
        assert pairs(rows[tensor]) == bands
        assert pairs(cols[tensor]) == [(0, 4), (4, 8)]
    assert pairs(rows[expanded]) == pairs(rows[x]) == [(0, 3), (1, 5), (3, 6)]
    assert pairs(cols[expanded]) == pairs(cols[x]) == [(0, 5), (3, 8)]
    assert (rows[x].longest, rows[x].total) == (4, 10)


def test_strides_and_the_last_band(residual: tuple[Network, list[int]]) -> None:
    builder = NetworkBuilder(0)
    x = builder.input(9, 9, 1)
    middle = builder.conv(x, 2, kernel=3, stride=2)  # 5 x 5
    builder.max_pool(middle, kernel=2)  # 4 x 4
    network = build_network(builder.build())
    rows = row_needs(network, Group(0, 2, tile_rows=3, tile_cols=4))
    assert pairs(rows[middle]) == [(0, 4), (3, 5)]
    assert pairs(rows[x]) == [(0, 8), (5, 9)]
    assert band_count(network, Group(0, 2, 3, 4)) == 2


def test_columns_of_a_strip(residual: tuple[Network, list[int]]) -> None:
    network, (x, *_, result) = residual
    cols = col_needs(network, Group(0, 4, 1, 3), 2, 7)
    assert pairs(cols[result]) == [(2, 5), (5, 7)]
    assert pairs(cols[x]) == [(1, 6), (4, 8)]
    assert pairs(span_of_columns(network, Group(0, 4, 1, 3), 2, 7)[x]) == [(1, 8)]


def test_windows_in_the_padding_are_empty() -> None:
    builder = NetworkBuilder(0)
    x = builder.input(4, 4, 1)
    builder.pad(x, (2, 1), (0, 0))
    network = build_network(builder.build())
    rows = row_needs(network, Group(0, 1, 1, 4))
    assert pairs(rows[x]) == [(0, 0), (0, 0), (0, 1), (1, 2), (2, 3), (3, 4), (4, 4)]
    assert (rows[x].longest, rows[x].total) == (1, 4)


def test_accumulating_groups_walk_over_their_input() -> None:
    builder = NetworkBuilder(0)
    x = builder.conv(builder.input(6, 5, 2), 3)
    pooled = builder.mean(x)
    network = build_network(builder.build())
    group = Group(1, 2, 2, 5, accumulate=True)
    assert group_extent(network, group) == Extent(6, 5, 3)
    assert pairs(row_needs(network, group)[x]) == [(0, 2), (2, 4), (4, 6)]
    whole = Group(1, 2, 1, 1)
    assert group_extent(network, whole) == network.extents[pooled] == Extent(1, 1, 3)
    assert pairs(row_needs(network, whole)[x]) == [(0, 6)]


def test_two_readers_need_the_union() -> None:
    builder = NetworkBuilder(0)
    x = builder.conv(builder.input(8, 8, 2), 2)
    builder.add(builder.depthwise(x, kernel=5), x)
    network = build_network(builder.build())
    rows = row_needs(network, Group(1, 3, 1, 8))
    assert pairs(rows[x])[3] == (1, 6)


def test_touched_and_escaping(residual: tuple[Network, list[int]]) -> None:
    network, (x, expanded, filtered, projected, result) = residual
    assert touched(network, Group(1, 4, 1, 1)) == ((expanded, x), (filtered, projected, result))
    assert escaping(network, Group(1, 4, 1, 1)) == (result,)
    assert escaping(network, Group(0, 2, 1, 1)) == (filtered,)


# ---- Against positions traced one by one ----


@pytest.mark.parametrize("seed", range(30))
def test_boxes_are_the_traced_positions(seed: int) -> None:
    for network, group in random_groups(seed):
        extent = group_extent(network, group)
        check(network, group, row_needs(network, group), 0, extent.height, group.tile_rows)
        cols = col_needs(network, group, 0, extent.width)
        check(network, group, cols, 1, extent.width, group.tile_cols)


def check(network: Network, group: Group, needs: Needs, axis: int, size: int, step: int) -> None:
    """Every position that is needed is in the box; nothing else is, but around dilations."""
    layers = network.layers[group.first : group.last]
    dilated = any(is_dilated(network, layer) for layer in layers)
    for number, begin in enumerate(range(0, size, step)):
        tile = set(range(begin, min(begin + step, size)))
        for tensor, positions in traced(network, group, tile, axis=axis).items():
            box = pairs(needs[tensor])[number]
            if dilated:
                assert positions <= set(range(*box))
            elif positions:
                assert box == hull(positions)


def test_intervals_of_nothing() -> None:
    nothing = Intervals(np.zeros(0, int), np.zeros(0, int))
    assert (nothing.longest, nothing.total) == (0, 0)
