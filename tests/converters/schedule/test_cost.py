# SPDX-License-Identifier: Apache-2.0
"""MACs of stages: by hand, and by counting the pixels of every box."""

from __future__ import annotations

import itertools

import pytest

from tests.converters.schedule.taps import hull, is_dilated, random_stages, traced
from tests.network_builder import NetworkBuilder
from tests.networks import random_network
from tflm_converters.cost import total_macs
from tflm_converters.schedule.cost import layer_macs, schedule_macs, stage_macs
from tflm_converters.schedule.grouping import (
    Halo,
    in_place_stage,
    layer_stage,
    patch_stage,
    stream_stage,
)
from tflm_converters.schedule.network import Network, build_network
from tflm_converters.schedule.strips import column_ranges
from tflm_converters.schedule.types import Group, Mode, Schedule, Stage

EXPANSION, WINDOW = 2 * 6, 9 * 6
"""MACs per pixel of a pointwise layer from 2 to 6 channels, of a 3 x 3 depthwise layer."""


@pytest.fixture(scope="module")
def block() -> Network:
    """Expansion from 2 to 6 channels, 3 x 3 depthwise, projection, on 8 x 8."""
    builder = NetworkBuilder(0)
    x = builder.conv(builder.input(8, 8, 2), 6)
    builder.conv(builder.depthwise(x), 2)
    return build_network(builder.build())


def extra(network: Network, stage: Stage) -> int:
    macs = layer_macs(network)
    return stage_macs(network, stage, macs) - sum(macs[stage.first : stage.last])


def test_layers(block: Network) -> None:
    assert layer_macs(block) == [64 * EXPANSION, 64 * WINDOW, 64 * EXPANSION]


def test_streaming_computes_nothing_twice(block: Network) -> None:
    assert extra(block, stream_stage(block, 0, 3)) == 0
    assert extra(block, layer_stage(block, 1)) == extra(block, in_place_stage(block, 1)) == 0


def test_patches_recompute_halos(block: Network) -> None:
    """Four patches of 4 x 4 with one row and column of halo on two sides: 4 x 5 x 5 = 100."""
    assert extra(block, patch_stage(block, 0, 3, (2, 2))) == (100 - 64) * EXPANSION
    assert extra(block, patch_stage(block, 0, 3, (1, 1))) == 0


def test_halo_groups_recompute_rows_and_columns(block: Network) -> None:
    """Bands of 2 rows need 3 + 4 + 4 + 3 expanded rows, tiles of 4 columns 5 + 5."""
    stage = stream_stage(block, 0, 3, halos={1: Halo(2, 4)})
    assert extra(block, stage) == (14 * 10 - 64) * EXPANSION


def test_strips_recompute_columns(block: Network) -> None:
    """Two strips need 5 columns each, so two columns are expanded twice."""
    assert extra(block, stream_stage(block, 0, 3, strips=2)) == 2 * 8 * EXPANSION


def test_a_schedule_is_the_sum_of_its_stages(block: Network) -> None:
    stages = (patch_stage(block, 0, 2, (2, 2)), layer_stage(block, 2))
    expected = total_macs(block.graph) + 36 * EXPANSION
    assert schedule_macs(block, Schedule(stages)) == expected


def test_stock_operators_are_counted_once() -> None:
    builder = NetworkBuilder(0)
    x = builder.conv(builder.input(4, 4, 2), 3)
    builder.mul(x, builder.constant([1.0, 2.0, 3.0]))
    network = build_network(builder.build())
    assert stage_macs(network, Stage(Mode.STOCK, (Group(1, 2, 1, 1),)), [96, 7]) == 7


@pytest.mark.parametrize("seed", range(40))
def test_macs_are_the_pixels_of_all_boxes(seed: int) -> None:
    for network, stage in random_stages(seed):
        if not any(is_dilated(network, x) for x in network.layers[stage.first : stage.last]):
            macs = layer_macs(network)
            assert stage_macs(network, stage, macs) == counted(network, stage, macs)


@pytest.mark.parametrize("seed", range(20))
def test_layer_by_layer_costs_what_the_graph_does(seed: int) -> None:
    network = build_network(random_network(seed))
    stages = tuple(layer_stage(network, i) for i in range(len(network.layers)))
    assert schedule_macs(network, Schedule(stages)) == total_macs(network.graph)


def counted(network: Network, stage: Stage, macs: list[int]) -> int:
    """Tile by tile and layer by layer, boxes traced from the definitions."""
    total = 0
    for strip in column_ranges(network, stage):
        for group, columns in zip(stage.groups, strip, strict=True):
            total += group_macs(network, group, columns, macs)
    return total


def group_macs(network: Network, group: Group, columns: tuple[int, int], macs: list[int]) -> int:
    last = network.layers[group.last - 1]
    height = (last.accesses[0].extent if group.accumulate else last.extent).height
    rows = [sizes(network, group, 0, t) for t in tiles(0, height, group.tile_rows)]
    cols = [sizes(network, group, 1, t) for t in tiles(*columns, group.tile_cols)]
    total = 0
    for position in range(group.first, group.last):
        layer = network.layers[position]
        per_pixel = macs[position] // (layer.extent.height * layer.extent.width)
        pixels = sum(r[layer.output] * c[layer.output] for r, c in itertools.product(rows, cols))
        total += per_pixel * pixels
    return total


def tiles(begin: int, end: int, step: int) -> list[range]:
    return [range(b, min(b + step, end)) for b in range(begin, end, step)]


def sizes(network: Network, group: Group, axis: int, tile: range) -> dict[int, int]:
    """How many rows or columns of each tensor a tile computes."""
    boxes = traced(network, group, set(tile), axis=axis).items()
    return {t: len(range(*hull(positions))) for t, positions in boxes}
