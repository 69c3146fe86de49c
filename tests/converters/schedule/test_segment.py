# SPDX-License-Identifier: Apache-2.0
"""Bytes of runs of layers, counted by hand."""

from __future__ import annotations

import pytest

from tests.converters.schedule.blocks import residual, squeezed
from tests.network_builder import NetworkBuilder
from tests.networks import random_network
from tflm_converters.cost import total_macs
from tflm_converters.schedule.network import Network, build_network
from tflm_converters.schedule.segment import Segment, Tables


def segment(tables: Tables, first: int, last: int) -> Segment:
    grown = Segment(tables, last)
    while grown.first > first:
        grown.extend()
    return grown


def test_bytes_alive_before_each_layer() -> None:
    """The input (128) waits for the addition; the expanded tensors take 384 each."""
    network, _ = residual()
    assert Tables(network, row_fed=False).alive == [128, 512, 512, 256, 128]
    assert Tables(network, row_fed=True).alive == [0, 384, 384, 128, 128]


def test_limit_that_suffices_for_single_layers() -> None:
    network, _ = residual()
    assert Tables(network, row_fed=False).generous_limit() == 128 + 384 + 384


def test_a_fed_input_may_have_to_be_whole() -> None:
    builder = NetworkBuilder(0)
    builder.fully_connected(builder.input(8, 8, 2), 3)
    network = build_network(builder.build())
    assert Tables(network, row_fed=True).generous_limit() == 128 + 3


@pytest.mark.parametrize("seed", range(20))
def test_alive_is_every_tensor_made_and_not_yet_dead(seed: int) -> None:
    network = build_network(random_network(seed))
    alive = Tables(network, row_fed=False).alive
    for layer in range(len(network.layers) + 1):
        made = {*network.inputs, *(t for x in network.layers[:layer] for t in x.outputs)}
        later = {a.tensor for x in network.layers[layer:] for a in x.accesses}
        needed = made & (later | set(network.outputs))
        assert alive[layer] == sum(network.bytes_of(t) for t in needed)


def test_groups_and_their_state() -> None:
    """The window opens a second group; each has 8 bytes of state."""
    network, _ = residual()
    tables = Tables(network, row_fed=False)
    assert tables.group_begin == [0, 1, 1, 1]
    assert [tables.overhead(first, 4) for first in range(4)] == [16, 8, 8, 8]
    assert tables.is_one_group(1, 4) and not tables.is_one_group(0, 2)


def test_pools_have_accumulators_of_words() -> None:
    network, _ = squeezed()
    tables = Tables(network, row_fed=False)
    # Groups: expansion; window and mean; the factor; product, projection and addition.
    assert tables.overhead(0, len(network.layers)) == 4 * 8 + 6 * 4


def test_a_streamed_block() -> None:
    """Input and output share their rows; three expanded rows; a pixel of 6 and one of 2."""
    network, (x, expanded, *_) = residual()
    block = segment(Tables(network, row_fed=False), 0, 4)
    assert block.inputs == {x}
    assert block.rings == {expanded: 3 * 48}
    assert (block.whole_bytes(), block.ring_bytes(), block.tile_bytes()) == (256, 144, 8)
    assert block.stream_peak() == 256 + 144 + 8 + 16 - 128
    assert block.macs == total_macs(network.graph)


def test_a_fed_block_holds_two_rows_of_its_input() -> None:
    network, (_, expanded, *_) = residual()
    block = segment(Tables(network, row_fed=True), 0, 4)
    assert block.is_fed
    assert (block.whole_bytes(), block.ring_bytes()) == (128, 144 + 32)
    assert block.stream_peak() == 128 + 144 + 32 + 8 + 16


def test_a_layer_by_itself_overwrites_its_input() -> None:
    """3 x 3: the output runs one row, one pixel and the pixel it writes ahead (48 + 6 + 6)."""
    network, _ = residual()
    window = segment(Tables(network, row_fed=False), 1, 2)
    assert window.stream_peak() == (512 + 384) + 8 - (384 - 60)


def test_an_input_that_others_read_later_cannot_be_overwritten() -> None:
    network, _ = residual()
    expansion = segment(Tables(network, row_fed=False), 0, 1)
    assert expansion.stream_peak() == 128 + 384 + 8


def test_inner_tensors_that_leave_are_whole() -> None:
    network, (_, _, filtered, *_) = residual()
    network = build_network(network.graph.replace(outputs=(*network.graph.outputs, filtered)))
    block = segment(Tables(network, row_fed=False), 0, 4)
    assert block.other_outputs == 384
    assert block.tile_bytes() == 2


def test_a_product_waits_for_its_factor_only_behind_the_pool() -> None:
    network, (_, expanded, filtered, *_) = squeezed()
    tables = Tables(network, row_fed=False)
    whole = segment(tables, 0, len(network.layers))
    assert whole.rings[filtered] == 8 * 48
    assert whole.rings[expanded] == 3 * 48
    behind = segment(tables, 3, len(network.layers))  # begins at the squeezing layer
    assert filtered in behind.inputs and filtered not in behind.rings


@pytest.mark.parametrize("row_fed", [False, True])
def test_peaks_are_remembered_by_run(row_fed: bool) -> None:
    network, _ = residual()
    tables = Tables(network, row_fed=row_fed)
    grown = segment(tables, 2, 4)
    known = tables.stream_peak(grown)
    grown.extend()
    assert tables.stream_peak(grown) == grown.stream_peak()
    assert tables.stream_peak(segment(tables, 2, 4)) == known


def chains() -> list[Network]:
    """Random networks that run in our runtime from end to end."""
    found = [build_network(random_network(seed)) for seed in range(60)]
    return [n for n in found if not any(layer.stock for layer in n.layers)]


def test_macs_of_runs_are_those_of_their_layers() -> None:
    for network in chains():
        tables = Tables(network, row_fed=False)
        grown = Segment(tables, len(network.layers))
        while grown.first > 0:
            grown.extend()
            assert grown.macs == sum(tables.macs[grown.first :])
