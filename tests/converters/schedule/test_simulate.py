# SPDX-License-Identifier: Apache-2.0
"""The firing rule: order and lifetimes by hand, rings replayed row by row."""

from __future__ import annotations

import numpy as np
import pytest

from tests.converters.schedule.taps import random_stages
from tests.network_builder import NetworkBuilder
from tests.networks import random_network
from tests.schedules import random_schedule
from tflm_converters.schedule.boxes import touched
from tflm_converters.schedule.grouping import layer_stage, patch_stage, stream_stage
from tflm_converters.schedule.network import Network, build_network
from tflm_converters.schedule.simulate import Rows, Timeline, simulate
from tflm_converters.schedule.types import Stage


def firings(timeline: Timeline) -> list[list[int]]:
    return [ticks.tolist() for ticks in timeline.firings]


def chain(*, stride: int = 1, rows: int = 4) -> tuple[Network, list[int]]:
    """Two depthwise layers, 3 x 3; `stride` of the second."""
    builder = NetworkBuilder(0)
    x = builder.input(rows, 5, 2)
    middle = builder.depthwise(x)
    result = builder.depthwise(middle, stride=stride)
    return build_network(builder.build()), [x, middle, result]


def test_the_deepest_group_fires_first() -> None:
    network, _ = chain()
    timeline = simulate(network, stream_stage(network, 0, 2))
    assert timeline.ticks == 8
    assert firings(timeline) == [[0, 1, 3, 5], [2, 4, 6, 7]]
    assert timeline.wake == (1, 1)


def test_lifetimes_of_rows() -> None:
    network, (x, middle, result) = chain()
    rows = simulate(network, stream_stage(network, 0, 2)).rows
    assert rows[x].written.tolist() == [-1, -1, -1, -1]
    assert rows[x].read.tolist() == [1, 3, 5, 5]
    assert rows[middle].written.tolist() == [0, 1, 3, 5]
    assert rows[middle].read.tolist() == [4, 6, 7, 7]
    assert rows[result].written.tolist() == rows[result].read.tolist() == [2, 4, 6, 7]


@pytest.mark.parametrize(("stride", "slots"), [(1, 3), (2, 3)])
def test_a_line_buffer_holds_the_rows_of_the_kernel(stride: int, slots: int) -> None:
    network, (_, middle, _) = chain(stride=stride, rows=12)
    assert simulate(network, stream_stage(network, 0, 2)).rows[middle].slots == slots


@pytest.mark.parametrize(("windows", "slots"), [(1, 2), (2, 3), (3, 4)])
def test_a_skip_connection_waits_for_the_windows_in_between(windows: int, slots: int) -> None:
    builder = NetworkBuilder(0)
    skipped = x = builder.conv(builder.input(16, 4, 2), 2, kernel=3)
    for _ in range(windows):
        x = builder.depthwise(x)
    builder.add(x, skipped)
    network = build_network(builder.build())
    timeline = simulate(network, stream_stage(network, 0, len(network.layers)))
    # One window in between joins the addition: rows y - 1 to y + 1, all of three.
    assert timeline.rows[skipped].slots == max(slots, 3)


def test_one_tile_is_one_tick() -> None:
    network, (x, _, result) = chain()
    timeline = simulate(network, patch_stage(network, 0, 2, (1, 1)))
    assert timeline.ticks == 1
    assert set(timeline.rows) == {x, result}
    assert timeline.rows[x].read.tolist() == [0] * 4


def test_bands_of_several_rows() -> None:
    network, (x, _, result) = chain()
    rows = simulate(network, patch_stage(network, 0, 2, (2, 1))).rows
    assert rows[result].written.tolist() == [0, 0, 1, 1]
    assert rows[x].read.tolist() == [1, 1, 1, 1]


def test_fed_rows_arrive_when_nobody_else_can_fire() -> None:
    network, (x, middle, _) = chain()
    timeline = simulate(network, stream_stage(network, 0, 2), fed=x)
    assert timeline.rows[x].written.tolist() == [0, 1, 3, 6]
    assert firings(timeline) == [[2, 4, 7, 9], [5, 8, 10, 11]]
    assert timeline.rows[x].slots == timeline.rows[middle].slots == 3


def test_rows_that_nobody_reads_are_fed_and_dropped() -> None:
    builder = NetworkBuilder(0)
    x = builder.input(9, 4, 2)
    builder.conv(x, 3, stride=(3, 1), padding="VALID")
    network = build_network(builder.build())
    rows = simulate(network, layer_stage(network, 0), fed=x).rows[x]
    assert rows.written.tolist() == [0, 2, 3, 4, 6, 7, 8, 10, 11]
    assert rows.read.tolist() == [1, 2, 3, 5, 6, 7, 9, 10, 11]
    assert rows.slots == 1


def test_rows_that_a_stride_skips_are_never_read() -> None:
    builder = NetworkBuilder(0)
    x = builder.input(7, 4, 2)
    builder.conv(x, 3, stride=(3, 1), padding="VALID")
    network = build_network(builder.build())
    rows = simulate(network, layer_stage(network, 0)).rows[x]
    assert rows.read.tolist() == [0, -1, -1, 1, -1, -1, 2]


def test_an_accumulated_row_is_there_when_all_input_is() -> None:
    builder = NetworkBuilder(0)
    x = builder.depthwise(builder.input(5, 4, 2))
    pooled = builder.mean(x)
    result = builder.mul(x, pooled)
    network = build_network(builder.build())
    timeline = simulate(network, stream_stage(network, 0, 3))
    assert firings(timeline) == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]
    assert timeline.rows[pooled].written.tolist() == [4]
    assert timeline.rows[pooled].read.tolist() == [9]
    assert timeline.rows[x].slots == 5
    assert timeline.rows[result].written.tolist() == [5, 6, 7, 8, 9]


def test_with_given_factors_nobody_waits_for_them() -> None:
    """Two passes over c: one into the mean, one, which waits for it, into the product."""
    builder = NetworkBuilder(0)
    c = builder.conv(builder.input(9, 4, 2), 2, kernel=3)
    pooled = builder.mean(builder.depthwise(c))
    builder.mul(builder.depthwise(c), pooled)
    network = build_network(builder.build())
    stage = stream_stage(network, 0, len(network.layers))
    assert simulate(network, stage).rows[c].slots == 9
    assert simulate(network, stage, factors_given=True).rows[c].slots == 3


def test_slots_count_rows_written_before_the_last_read() -> None:
    rows = Rows(written=np.array([0, 1, 2, 3]), read=np.array([2, 2, 2, 5]))
    assert rows.slots == 3


# ---- Replayed ----


@pytest.mark.parametrize("seed", range(30))
def test_no_row_is_overwritten_before_its_last_read(seed: int) -> None:
    for network, stage in random_stages(seed):
        check(network, stage, None)


@pytest.mark.parametrize("seed", range(30))
def test_nor_when_rows_are_fed(seed: int) -> None:
    network = build_network(random_network(seed))
    schedule = random_schedule(network, seed, row_fed=True)
    if schedule is not None:
        check(network, schedule.stages[0], network.inputs[0])


def check(network: Network, stage: Stage, fed: int | None) -> None:
    """Replays the stage with rings of `slots` rows, and shows that one row less is not enough."""
    timeline = simulate(network, stage, fed=fed)
    for tensor, rows in timeline.rows.items():
        is_ring = tensor == fed or (rows.written >= 0).all()
        if is_ring and (rows.read > rows.written).any():
            assert survives(network, stage, timeline, tensor, rows.slots)
            if rows.slots > 1:
                assert not survives(network, stage, timeline, tensor, rows.slots - 1)


def survives(network: Network, stage: Stage, timeline: Timeline, tensor: int, slots: int) -> bool:
    """Whether every row that a firing reads is still in its slot."""
    stored = [-1] * slots
    for tick in range(timeline.ticks):
        reads, writes = rows_at(network, stage, timeline, tensor, tick)
        for y in writes:  # a firing may read a row that another of its layers made
            stored[y % slots] = y
        if any(stored[y % slots] != y for y in reads):
            return False
    return True


def rows_at(
    network: Network, stage: Stage, timeline: Timeline, tensor: int, tick: int
) -> tuple[range, list[int]]:
    """Rows of a tensor that the firing at a tick reads and writes."""
    written = np.flatnonzero(timeline.rows[tensor].written == tick).tolist()
    for group, needs, fired in zip(stage.groups, timeline.needs, timeline.firings, strict=True):
        (band,) = np.nonzero(fired == tick)
        if len(band) and tensor in touched(network, group)[0]:
            box = needs[tensor]
            return range(int(box.begin[band[0]]), int(box.end[band[0]])), written
    return range(0), written
