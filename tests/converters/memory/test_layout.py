# SPDX-License-Identifier: Apache-2.0
"""The buffers of a schedule and their lifetimes, by hand on MobileNetV2's block."""

from __future__ import annotations

import pytest

from tests.network_builder import NetworkBuilder
from tests.networks import random_network
from tests.schedules import random_schedule
from tflm_converters.emit.program_format import GROUP_STATE, Storage
from tflm_converters.memory.layout import Layout, Placement, lay_out
from tflm_converters.memory.overlap import Overlap
from tflm_converters.memory.types import Buffer, Role
from tflm_converters.schedule.grouping import in_place_stage, layer_stage, patch_stage, stream_stage
from tflm_converters.schedule.network import Network, build_network
from tflm_converters.schedule.types import Mode, Schedule, Stage

ROW = 8 * 2
"""Bytes of a row of the block's ends."""


def residual() -> tuple[Network, list[int]]:
    """Input 6 x 8 x 2, expanded to 6 channels, filtered 3 x 3, projected, added."""
    builder = NetworkBuilder(0)
    x = builder.input(6, 8, 2)
    builder.inverted_residual(x, 2, expansion=3)
    graph = builder.build()
    return build_network(graph), [x, *(op.output for op in graph.ops)]


def of_role(layout: Layout, role: Role) -> list[Buffer]:
    return [buffer for buffer in layout.buffers if buffer.role is role]


def lay_out_stages(network: Network, *stages: Stage, row_fed: bool = False) -> Layout:
    return lay_out(network, Schedule(stages, row_fed=row_fed))


# ---- Streaming ----


def test_rows_of_whole_tensors_live_one_by_one() -> None:
    """Expanded rows at ticks 1, 2, 4, 6, 8, 10; the block's at 3, 5, 7, 9, 11, 12."""
    network, (x, *_, result) = residual()
    layout = lay_out_stages(network, stream_stage(network, 0, 4))
    assert layout.starts == [1, 13]
    fired = [3, 5, 7, 9, 11, 12]
    source, made = (layout.buffers[layout.whole[t]] for t in (x, result))
    begins = [row * ROW for row in range(6)]
    assert source.bands.tolist() == [[b, b + ROW, 0, t] for b, t in zip(begins, fired, strict=True)]
    assert made.bands.tolist() == [[b, b + ROW, t, 13] for b, t in zip(begins, fired, strict=True)]


def test_a_line_buffer_of_three_rows() -> None:
    network, (_, expanded, *_) = residual()
    layout = lay_out_stages(network, stream_stage(network, 0, 4))
    (ring,) = of_role(layout, Role.LINE_BUFFER)
    assert (ring.size, ring.alignment) == (3 * 8 * 6, 4)
    assert ring.bands.tolist() == [[0, 48, 1, 11], [48, 96, 2, 12], [96, 144, 4, 12]]
    placement = layout.placements[0, expanded]
    assert placement == Placement(placement.buffer, 0, 48, 3, 144, Storage.RING)
    assert layout.buffers[placement.buffer] is ring


def test_tiles_and_state_live_as_long_as_the_stage() -> None:
    network, (_, _, filtered, projected, _) = residual()
    layout = lay_out_stages(network, stream_stage(network, 0, 4))
    (tiles,), (state,) = of_role(layout, Role.TILE), of_role(layout, Role.STATE)
    assert tiles.bands.tolist() == [[0, 10, 1, 12]]  # 6 channels, aligned, and 2
    assert state.bands.tolist() == [[0, 2 * GROUP_STATE.itemsize, 1, 12]]
    assert layout.buffers[layout.state[0]] is state
    assert layout.placements[0, filtered].storage is Storage.TILE
    assert layout.placements[0, projected].buffer == layout.placements[0, filtered].buffer


def test_strips_narrow_the_line_buffer_and_hold_it_throughout() -> None:
    """Two strips of 4 columns need 5 expanded ones."""
    network, (x, expanded, *_, result) = residual()
    layout = lay_out_stages(network, stream_stage(network, 0, 4, strips=2))
    assert layout.starts == [1, 25]
    (ring,) = of_role(layout, Role.LINE_BUFFER)
    assert ring.bands.tolist() == [[0, 3 * 5 * 6, 1, 24]]
    assert layout.placements[0, expanded].pitch == 5 * 6
    source, made = (layout.buffers[layout.whole[t]] for t in (x, result))
    assert source.bands[0].tolist() == [0, ROW, 0, 3 + 12]  # read again by the second strip
    assert made.bands[0].tolist() == [0, ROW, 3, 25]
    assert layout.overlaps == {}


def test_a_fed_input_is_a_line_buffer_beside_a_counter() -> None:
    network, (x, *_) = residual()
    layout = lay_out_stages(network, stream_stage(network, 0, 4), row_fed=True)
    assert x not in layout.whole
    ring = layout.buffers[layout.placements[0, x].buffer]
    assert (ring.role, ring.size) == (Role.LINE_BUFFER, 2 * ROW)
    assert layout.fed_state is not None
    counter = layout.buffers[layout.fed_state]
    assert counter.bands.tolist() == [[0, 4, 0, layout.starts[-1]]]


def test_a_line_buffer_of_all_rows_is_whole() -> None:
    builder = NetworkBuilder(0)
    x = builder.depthwise(builder.input(5, 4, 2))
    builder.mul(x, builder.mean(x))
    network = build_network(builder.build())
    layout = lay_out_stages(network, stream_stage(network, 0, 3))
    assert layout.placements[0, x].slots == 5
    assert layout.placements[0, x].storage is Storage.WHOLE


def test_pools_accumulate_in_words() -> None:
    builder = NetworkBuilder(0)
    x = builder.input(5, 4, 3)
    builder.mean(x)
    network = build_network(builder.build())
    layout = lay_out_stages(network, layer_stage(network, 0))
    (sums,) = of_role(layout, Role.ACCUMULATOR)
    assert sums.bands.tolist() == [[0, 3 * 4, 1, 5]]
    placement = layout.auxiliary[0, 0]
    assert (placement.pitch, placement.slots, placement.bytes) == (12, 1, 12)


# ---- Layer by layer, in place, in patches ----


def test_in_place_layers_share_a_buffer_and_hold_one_plane() -> None:
    network, (_, expanded, filtered, *_) = residual()
    stages = [layer_stage(network, i) for i in range(4)]
    stages[1] = in_place_stage(network, 1)
    layout = lay_out_stages(network, *stages)
    assert layout.starts == [1, 7, 8, 14, 20]
    assert layout.whole[expanded] == layout.whole[filtered]
    shared = layout.buffers[layout.whole[expanded]]
    # Rows live from the expansion, ticks 1 to 6, to the projection, ticks 8 to 13.
    assert shared.bands.tolist() == [[y * 48, (y + 1) * 48, 1 + y, 8 + y] for y in range(6)]
    (plane,) = of_role(layout, Role.ACCUMULATOR)
    assert plane.bands.tolist() == [[0, 6 * 8, 7, 7]]


def test_layers_in_place_one_after_the_other_share_one_buffer() -> None:
    builder = NetworkBuilder(0)
    x = builder.conv(builder.input(6, 8, 2), 4)
    builder.conv(builder.depthwise(builder.depthwise(x)), 2)
    network = build_network(builder.build())
    stages = [layer_stage(network, 0), in_place_stage(network, 1), in_place_stage(network, 2)]
    layout = lay_out_stages(network, *stages, layer_stage(network, 3))
    shared = layout.buffers[layout.whole[x]]
    assert [layout.whole[network.layers[i].output] for i in (1, 2)] == 2 * [layout.whole[x]]
    assert shared.bands.tolist() == [[y * 32, (y + 1) * 32, 1 + y, 9 + y] for y in range(6)]


def test_overlaps_name_whole_inputs_and_outputs() -> None:
    network, (x, expanded, filtered, projected, result) = residual()
    layout = lay_out_stages(network, *(layer_stage(network, i) for i in range(4)))
    whole = layout.whole
    assert layout.overlaps[whole[projected], whole[result]] == Overlap(0)
    assert layout.overlaps[whole[x], whole[expanded]] == Overlap(48 * 6 - 47 * 2)
    assert (whole[expanded], whole[result]) not in layout.overlaps
    assert len(layout.overlaps) == 5


def test_patches_hold_their_input_and_output() -> None:
    network, (x, *_, result) = residual()
    layout = lay_out_stages(network, patch_stage(network, 0, 4, (2, 2)))
    assert set(layout.whole) == {x, result}
    assert layout.starts == [1, 3]
    assert layout.buffers[layout.whole[x]].bands.tolist() == [[0, 32, 0, 1], [32, 96, 0, 2]]


def test_graph_outputs_live_to_the_end() -> None:
    network, (x, expanded, filtered, *_) = residual()
    network = build_network(network.graph.replace(outputs=(*network.graph.outputs, filtered)))
    layout = lay_out_stages(network, *(layer_stage(network, i) for i in range(4)))
    assert layout.buffers[layout.whole[filtered]].last_tick == layout.starts[-1]


def test_stock_operators_read_and_write_in_one_tick() -> None:
    builder = NetworkBuilder(0)
    x = builder.input(4, 4, 2)
    builder.dequantize(builder.conv(x, 3))
    network = build_network(builder.build())
    layout = lay_out_stages(network, layer_stage(network, 0), layer_stage(network, 1))
    assert layout.starts == [1, 5, 6]
    produced = layout.buffers[layout.whole[network.outputs[0]]]
    assert (produced.size, produced.first_tick) == (4 * 4 * 3 * 4, 5)
    assert 1 not in layout.state


# ---- Any schedule ----


@pytest.mark.parametrize("seed", range(30))
def test_every_operand_has_a_place_as_large_as_it_needs(seed: int) -> None:
    network = build_network(random_network(seed))
    schedule = random_schedule(network, seed)
    assert schedule is not None
    layout = lay_out(network, schedule)
    for index, stage in enumerate(schedule.stages):
        if stage.mode is Mode.STOCK:
            continue
        for layer in network.layers[stage.first : stage.last]:
            for tensor in (layer.output, *(a.tensor for a in layer.accesses)):
                placement = layout.placements[index, tensor]
                buffer = layout.buffers[placement.buffer]
                assert placement.offset + placement.slots * placement.pitch <= buffer.size
                begin, end = layout.starts[index], layout.starts[index + 1]
                assert buffer.first_tick < end and begin <= buffer.last_tick


@pytest.mark.parametrize("seed", range(30))
def test_scratch_lives_only_in_its_stage(seed: int) -> None:
    network = build_network(random_network(seed))
    schedule = random_schedule(network, seed)
    assert schedule is not None
    layout = lay_out(network, schedule)
    owners = [layout.scratch_of(index) for index in range(len(schedule.stages))]
    assert sum(map(len, owners)) == len(set().union(*owners))
    for index, owned in enumerate(owners):
        for buffer in (layout.buffers[i] for i in owned):
            assert layout.starts[index] <= buffer.first_tick
            assert buffer.last_tick < layout.starts[index + 1]
