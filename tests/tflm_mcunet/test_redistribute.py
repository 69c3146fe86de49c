# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses

import pytest

from benchmarks.patches import full_tile
from benchmarks.redistribution import BLOCKS, PATCHES, mobilenet_v2
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
    plain = mobilenet_v2()
    before = patch_overhead(plain, blocks=BLOCKS, patches=PATCHES)
    after = patch_overhead(redistribute(plain, blocks=BLOCKS), blocks=BLOCKS, patches=PATCHES)
    assert (before.patch_side, after.patch_side) == (75, 63)
    assert (round(before.of_stage, 2), round(before.overall, 2)) == (0.42, 0.10)
    assert (round(after.of_stage, 2), round(after.overall, 2)) == (0.18, 0.03)
    assert receptive_field(redistribute(plain, blocks=BLOCKS)) >= receptive_field(plain)


def test_work_is_that_of_the_benchmark_and_of_the_converter() -> None:
    network = mobilenet_v2(64)
    overhead = patch_overhead(network, blocks=2, patches=2)
    graph = build_graph(network)
    last = 7  # a convolution, two layers without an expansion, three with one
    tile = full_tile(build_network(graph), last - 1, 2)
    assert overhead.patch_side == max(tile.sides.values())
    assert overhead.patch_macs == pytest.approx(tile.macs * 4, abs=100)
    assert overhead.macs == total_macs(graph)


def test_only_kernels_change() -> None:
    plain = mobilenet_v2(64)
    changed = redistribute(plain, blocks=3)
    for index, (old, new) in enumerate(zip(plain.blocks, changed.blocks, strict=True)):
        assert dataclasses.replace(new, kernel=old.kernel) == old
        if index < 3:
            assert new.kernel == ((1, 1) if old.stride == (1, 1) else old.kernel)
        else:
            assert new.kernel >= old.kernel
    assert [len(stage) for stage in changed.stages] == [len(stage) for stage in plain.stages]


def test_receptive_field() -> None:
    blocks = (Block(8, (3, 3), (2, 2)), Block(8, (5, 5)))
    network = Architecture((32, 32, 3), Convolution(8), (blocks,), 0, 2)
    assert receptive_field(network) == 2 * (2 * (5 - 1) + 3 - 1) + 3


def test_what_cannot_be_done_is_refused() -> None:
    network = mobilenet_v2(64)
    with pytest.raises(RedistributionError, match="got none"):
        redistribute(network, blocks=len(network.blocks))
    with pytest.raises(RedistributionError, match="divides 8 rows"):
        patch_overhead(network, blocks=4, patches=3)
    wide = dataclasses.replace(network, input_shape=(64, 32, 3))
    with pytest.raises(RedistributionError, match="square"):
        patch_overhead(wide, blocks=4, patches=2)
