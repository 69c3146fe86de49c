# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses

import pytest

from benchmarks.mobilenet_v2 import mobilenet_v2
from benchmarks.patches import full_tile
from benchmarks.redistribution import BLOCKS, measure
from tflm_converters.cost import total_macs
from tflm_converters.schedule.network import build_network
from tflm_mcunet.redistribute import (
    RedistributionError,
    patch_overhead,
    receptive_field,
    redistribute,
)
from tflm_mcunet.search.architecture import Architecture, Block, Convolution
from tflm_mcunet.search.graph import build_graph


def test_the_papers_figures_for_mobilenet_v2() -> None:
    plain = mobilenet_v2((224, 224, 3), 1000)
    changed = redistribute(plain, blocks=BLOCKS)
    before, after = measure(plain, BLOCKS), measure(changed.architecture, changed.blocks)
    assert (before["patch_side"], after["patch_side"]) == (75, 63)
    assert before["patch_macs"] == pytest.approx(130e6, rel=0.01)
    assert after["patch_macs"] == pytest.approx(73e6, rel=0.02)
    assert before["overhead_of_stage"] == pytest.approx(0.42, abs=0.005)
    assert after["overhead_of_stage"] == pytest.approx(0.18, abs=0.005)
    assert before["overhead_clipped"] == pytest.approx(0.10, abs=0.01)
    assert after["overhead_clipped"] == pytest.approx(0.03, abs=0.005)
    assert after["receptive_field"] >= before["receptive_field"]


def test_work_is_that_of_the_benchmark_and_of_the_converter() -> None:
    network = mobilenet_v2((64, 64, 3), 1000)
    overhead = patch_overhead(network, blocks=2, patches=2)
    graph = build_graph(network)
    last = 7  # a convolution, two layers without an expansion, three with one
    tile = full_tile(build_network(graph), last - 1, 2)
    assert overhead.patch_side == max(tile.sides.values())
    assert overhead.patch_macs == pytest.approx(tile.macs * 4, abs=100)
    assert overhead.macs == total_macs(graph)


def test_blocks_and_kernels_move_behind() -> None:
    plain = mobilenet_v2((64, 64, 3), 1000)
    changed = redistribute(plain, blocks=4)
    assert changed.blocks == 3  # the one residual among them has left
    front = changed.architecture.blocks[:3]
    assert [block.kernel for block in front] == [(1, 1), (3, 3), (3, 3)]
    assert [block.channels for block in front] == [16, 24, 32]
    assert [len(stage) for stage in changed.architecture.stages] == [1, 1, 4, 4, 3, 3, 1]
    assert receptive_field(changed.architecture) >= receptive_field(plain)


def test_kernels_grow_where_blocks_are_not_enough() -> None:
    blocks = (Block(8, (9, 9), expansion=2), Block(16, (3, 3), (2, 2)), Block(16), Block(16))
    plain = Architecture((32, 32, 3), Convolution(16), (blocks,), 0, 2)
    changed = redistribute(plain, blocks=1).architecture
    assert [block.kernel[0] for block in changed.blocks] == [1, 3, 7, 3]
    assert receptive_field(changed) >= receptive_field(plain)


def test_receptive_field() -> None:
    blocks = (Block(8, (3, 3), (2, 2)), Block(8, (5, 5)))
    network = Architecture((32, 32, 3), Convolution(8), (blocks,), 0, 2)
    assert receptive_field(network) == 2 * (2 * (5 - 1) + 3 - 1) + 3


def test_what_cannot_be_done_is_refused() -> None:
    network = mobilenet_v2((64, 64, 3), 1000)
    with pytest.raises(RedistributionError, match="got none"):
        redistribute(network, blocks=len(network.blocks))
    with pytest.raises(RedistributionError, match="divides 8 rows"):
        patch_overhead(network, blocks=4, patches=3)
    wide = dataclasses.replace(network, input_shape=(64, 32, 3))
    with pytest.raises(RedistributionError, match="square"):
        patch_overhead(wide, blocks=4, patches=2)
