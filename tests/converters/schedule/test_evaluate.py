# SPDX-License-Identifier: Apache-2.0
"""Exact figures of schedules, and tiles that grow into memory that is there anyway."""

from __future__ import annotations

import pytest

from tests.arduino.runtime import Runtime
from tests.converters.emit.execution import Execution, mismatches
from tests.converters.schedule.blocks import residual
from tests.network_builder import NetworkBuilder
from tests.networks import random_inputs, random_network
from tests.schedules import random_schedule
from tflm_converters import reference
from tflm_converters.schedule.cost import schedule_macs
from tflm_converters.schedule.evaluate import Planned, evaluate, widen_tiles
from tflm_converters.schedule.grouping import Halo, layer_stage, stream_stage
from tflm_converters.schedule.network import Network, build_network
from tflm_converters.schedule.types import Schedule, Stage

SEARCH_STEPS = 100


def plan_stages(network: Network, *stages: Stage) -> Planned:
    return evaluate(network, Schedule(stages))


def test_a_streamed_block() -> None:
    """Ends share 128 bytes; three expanded rows of 48; tiles of 6, aligned, and 2; the state."""
    network, _ = residual()
    planned = plan_stages(network, stream_stage(network, 0, 4))
    assert planned.peak == planned.lower_bound == 128 + 3 * 48 + 10 + 16
    assert planned.macs == 64 * (2 * 6 + 9 * 6 + 6 * 2)


def test_peaks_of_stages() -> None:
    """Each layer: what waits, what it reads and writes, the state of 8 bytes.

    The window writes over its input, one row, one pixel and its own ahead (60 bytes), the
    projection over its input, and the addition over both of its.
    """
    network, _ = residual()
    planned = plan_stages(network, *(layer_stage(network, i) for i in range(4)))
    assert planned.stage_peaks[0] == 128 + 384 + 8
    assert planned.peak == planned.lower_bound == 128 + 384 + 60 + 8
    # A row that is overwritten in the tick that reads it last does not count.
    assert planned.stage_peaks[3] == 128 + 128 + 8 - 16


def test_variables_count_though_they_are_not_planned() -> None:
    network, _ = residual()
    planned = plan_stages(network, stream_stage(network, 0, 4))
    assert planned.peak == planned.plan.peak + network.variable_bytes


# ---- Wider tiles ----


def test_tiles_grow_where_memory_is_to_spare() -> None:
    """The first stage makes the peak; the second has room for a whole row."""
    builder = NetworkBuilder(0)
    x = builder.conv(builder.input(16, 16, 4), 16, kernel=3)
    x = builder.max_pool(x, kernel=4, stride=4)
    builder.conv(builder.depthwise(x), 8)
    network = build_network(builder.build())
    stages = (layer_stage(network, 0), layer_stage(network, 1), stream_stage(network, 2, 4))
    planned = plan_stages(network, *stages)
    wider = widen_tiles(planned)
    assert wider.peak == planned.peak
    assert [stage.groups[0].tile_cols for stage in planned.schedule.stages] == [1, 1, 1]
    assert wider.schedule.stages[2].groups[0].tile_cols == 4


def test_slack_makes_streams_taller() -> None:
    builder = NetworkBuilder(0)
    x = builder.depthwise(builder.conv(builder.input(8, 8, 4), 8))
    builder.depthwise(builder.conv(x, 8))
    network = build_network(builder.build())
    planned = plan_stages(network, stream_stage(network, 0, 4))
    taller = widen_tiles(planned, ceiling=planned.peak + 1024)
    assert planned.peak < taller.peak <= planned.peak + 1024
    assert max(group.tile_rows for group in taller.schedule.stages[0].groups) > 1


def test_halo_groups_keep_their_tiles() -> None:
    network, _ = residual()
    stage = stream_stage(network, 0, 4, halos={1: Halo(2, 4)})
    planned = plan_stages(network, stage)
    assert widen_tiles(planned).schedule.stages == (stage,)


@pytest.mark.parametrize("seed", range(30))
def test_wider_tiles_cost_nothing_and_compute_the_same(runtime: Runtime, seed: int) -> None:
    network = build_network(random_network(seed))
    schedule = random_schedule(network, seed)
    assert schedule is not None
    planned = evaluate(network, schedule, steps=SEARCH_STEPS)
    wider = widen_tiles(planned)
    assert wider.peak <= planned.peak
    assert wider.macs == schedule_macs(network, wider.schedule) <= planned.macs
    assert wider.plan.live_bytes.max() <= wider.plan.lower_bound <= wider.plan.peak
    inputs = random_inputs(network.graph, seed)
    expected = reference.execute(network.graph, inputs)
    assert not mismatches(Execution(runtime, wider, seed), inputs, expected)
    for old, new in zip(schedule.stages, wider.schedule.stages, strict=True):
        for before, after in zip(old.groups, new.groups, strict=True):
            assert after.tile_cols >= before.tile_cols
