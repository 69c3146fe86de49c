# SPDX-License-Identifier: Apache-2.0
"""How far an output must run ahead of its input: tiles replayed byte by byte."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from tests.network_builder import NetworkBuilder
from tests.networks import random_network
from tests.schedules import random_schedule
from tflm_converters.graph import Padding
from tflm_converters.memory.layout import stage_escapes
from tflm_converters.memory.overlap import overlaps
from tflm_converters.schedule.boxes import (
    Intervals,
    col_needs,
    escaping,
    group_extent,
    row_needs,
)
from tflm_converters.schedule.grouping import stream_stage
from tflm_converters.schedule.layers import Access, Layer, Reach
from tflm_converters.schedule.network import Network, build_network
from tflm_converters.schedule.types import Group, Mode

Build = Callable[[NetworkBuilder, int], int]


def lead(build: Build, tile_rows: int = 1, tile_cols: int = 1) -> int:
    """Of one group of all layers that `build` appends to an input of 4 x 5 x 2."""
    builder = NetworkBuilder(0)
    x = builder.input(4, 5, 2)
    result = build(builder, x)
    network = build_network(builder.build())
    group = Group(0, len(network.layers), tile_rows, tile_cols)
    return overlaps(network, group)[x, result].lead


# ---- By hand ----


@pytest.mark.parametrize(
    ("build", "tile", "expected"),
    [
        # Elementwise: the pixel itself is overwritten.
        (lambda b, x: b.relu(x), (1, 1), 0),
        (lambda b, x: b.relu(x), (4, 5), 0),
        # Tiles of several rows leave alive what is above and right of the pixel they write.
        (lambda b, x: b.relu(x), (2, 2), 14),
        # Pointwise: a pixel of 2 channels is written before the pixel read is dead.
        (lambda b, x: b.conv(x, 2), (1, 1), 2),
        (lambda b, x: b.conv(x, 2), (1, 5), 10),
        (lambda b, x: b.conv(x, 2), (4, 5), 40),
        # As many more channels as are written by the last pixel.
        (lambda b, x: b.conv(x, 6), (1, 1), 20 * 6 - 19 * 2),
        (lambda b, x: b.conv(x, 1), (1, 1), 1),
        # The layer in front of it has read the pixel: an output of its size may take its place.
        (lambda b, x: b.conv(b.conv(x, 8), 2), (1, 1), 0),
        (lambda b, x: b.conv(b.conv(x, 8), 2), (1, 5), 0),
        # 3 x 3: rows y - 1 on stay alive while row y is written, all but what is left of it.
        (lambda b, x: b.depthwise(x), (1, 5), 20),
        # Stride 2 halves what is written, but what is read last was read long before.
        (lambda b, x: b.max_pool(x, kernel=2, stride=2), (1, 2), 4),
        # No padding: row y needs y to y + 2, so that y is dead when it has been written.
        (lambda b, x: b.depthwise(x, padding=Padding(left=1, right=1)), (1, 5), 10),
        (lambda b, x: b.transpose(x, 0, 2, 1, 3), (1, 4), 40),
    ],
)
def test_leads(build: Build, tile: tuple[int, int], expected: int) -> None:
    assert lead(build, *tile) == expected


def test_accumulating_groups_write_after_all_reads() -> None:
    builder = NetworkBuilder(0)
    builder.mean(builder.input(4, 5, 2))
    network = build_network(builder.build())
    assert overlaps(network, Group(0, 1, 1, 1, accumulate=True)) == {}


def test_every_input_and_output_is_a_pair() -> None:
    builder = NetworkBuilder(0)
    first, second = builder.input(4, 5, 2), builder.input(4, 5, 2)
    total = builder.add(first, second)
    result = builder.conv(total, 3)
    network = build_network(builder.build(result, total))
    assert set(overlaps(network, Group(0, 2, 1, 1))) == {
        (source, target) for source in (first, second) for target in (total, result)
    }


# ---- Replayed ----


def groups(seed: int) -> Iterator[tuple[Network, Group]]:
    """Groups whose overlaps a plan may use: layers, patches and streams without strips."""
    network = build_network(random_network(seed))
    schedule = random_schedule(network, seed)
    assert schedule is not None
    for stage in schedule.stages:
        if stage.mode is not Mode.STOCK and stage.strips == 1 and not stage.in_place:
            for group in stage.groups:
                if any(stage_escapes(network, stage, t) for t in escaping(network, group)):
                    yield network, group


@pytest.mark.parametrize("seed", range(40))
def test_a_lead_is_enough(seed: int) -> None:
    """And so is a greater one, up to where output and input are apart."""
    for network, group in groups(seed):
        for (source, target), overlap in overlaps(network, group).items():
            row, size = network.extents[source].row_bytes, network.extents[target].bytes
            for more in (0, 1, row, size // 2):
                assert survives(network, group, source, target, overlap.lead + more)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("tile_cols", [1, 2, 100])
def test_one_byte_less_is_not(seed: int, tile_cols: int) -> None:
    """For windows and pointwise layers by themselves, without dilation: the lead is exact."""
    rng = np.random.default_rng(seed)
    kernel, stride = int(rng.integers(1, 5)), int(rng.integers(1, 3))
    builder = NetworkBuilder(seed)
    x = builder.input(int(rng.integers(4, 9)), int(rng.integers(4, 9)), int(rng.integers(1, 4)))
    result = builder.conv(x, int(rng.integers(1, 6)), kernel=kernel, stride=stride)
    network = build_network(builder.build())
    group = Group(0, 1, 1, tile_cols)
    exact = overlaps(network, group)[x, result].lead
    assert survives(network, group, x, result, exact)
    assert not survives(network, group, x, result, exact - 1)


def test_streams_of_one_pixel_need_less_than_rows() -> None:
    builder = NetworkBuilder(0)
    x = builder.input(8, 8, 4)
    result = builder.inverted_residual(x, 4)
    network = build_network(builder.build())
    (_, fine) = stream_stage(network, 0, 4).groups
    ring = network.layers[0].output
    assert overlaps(network, fine)[x, result].lead == 0
    assert overlaps(network, fine)[ring, result].lead > 0


def survives(network: Network, group: Group, source: int, target: int, lead: int) -> bool:
    """Replays the tiles of a group with the output `lead` bytes below the input.

    What the output overwrites is poisoned; false if a layer reads it. A kernel may write any
    pixel of a tile before it reads the last, but elementwise ones read each pixel first.
    """
    width = group_extent(network, group).width
    rows, cols = row_needs(network, group), col_needs(network, group, 0, width)
    layers = network.layers[group.first : group.last]
    poisoned = np.zeros(network.extents[source], bool)
    bands, tiles = (len(needs[layers[-1].output].begin) for needs in (rows, cols))
    for band, tile in itertools.product(range(bands), range(tiles)):
        for layer in layers:
            ys, xs = part(rows[layer.output], band), part(cols[layer.output], tile)
            reads = [a for a in layer.accesses if a.tensor == source]
            early = [a for a in reads if layer.elementwise and a.reach is Reach.WINDOW]
            if layer.output != target:
                early = reads
            late = [a for a in reads if a not in early]
            if any(reads_poison(access, ys, xs, poisoned) for access in early):
                return False
            if layer.output == target:
                poison(poisoned, layer, ys, xs, lead)
            if any(reads_poison(access, ys, xs, poisoned) for access in late):
                return False
    return True


def poison(poisoned: np.ndarray, layer: Layer, ys: Intervals, xs: Intervals, lead: int) -> None:
    """Marks the bytes of the input that lie where a layer writes a box of its output."""
    written = np.zeros(layer.extent, bool)
    written[slices(ys, xs)] = True
    hit = np.flatnonzero(written) - lead
    poisoned.reshape(-1)[hit[(hit >= 0) & (hit < poisoned.size)]] = True


def reads_poison(access: Access, ys: Intervals, xs: Intervals, poisoned: np.ndarray) -> bool:
    rows = Intervals(*access.rows_for(ys.begin, ys.end))
    cols = Intervals(*access.cols_for(xs.begin, xs.end))
    return bool(poisoned[slices(rows, cols)].any())


def slices(ys: Intervals, xs: Intervals) -> tuple[slice, slice]:
    return slice(int(ys.begin[0]), int(ys.end[0])), slice(int(xs.begin[0]), int(xs.end[0]))


def part(intervals: Intervals, index: int) -> Intervals:
    return Intervals(intervals.begin[[index]], intervals.end[[index]])
