# SPDX-License-Identifier: Apache-2.0
"""Stages that trade MACs for memory: what they cost, exactly, and where they may stand."""

from __future__ import annotations

import pytest

from tests.converters.schedule.blocks import residual
from tests.network_builder import NetworkBuilder
from tests.networks import random_network
from tflm_converters.schedule.candidates import Candidate, Options
from tflm_converters.schedule.cost import layer_macs, stage_macs
from tflm_converters.schedule.grouping import Halo
from tflm_converters.schedule.network import Network, build_network
from tflm_converters.schedule.recompute import recompute_candidates
from tflm_converters.schedule.segment import Tables
from tflm_converters.schedule.types import Mode

UNLIMITED = 1 << 40
AUTO = Options()


def candidates(
    network: Network, options: Options = AUTO, limit: int = UNLIMITED
) -> list[Candidate]:
    tables = Tables(network, row_fed=options.row_fed)
    return list(recompute_candidates(tables, options, limit))


def ways(found: list[Candidate]) -> set[str]:
    return {
        "patches" if c.mode is Mode.PATCH else "strips" if c.strips > 1 else "halos" for c in found
    }


def wide_block() -> Network:
    """An inverted residual on 16 x 32 x 4 whose line buffers outweigh its ends."""
    builder = NetworkBuilder(0)
    builder.inverted_residual(builder.input(16, 32, 4), 4, expansion=6)
    return build_network(builder.build())


@pytest.mark.parametrize("seed", range(40))
def test_extra_macs_are_exact(seed: int) -> None:
    network = build_network(random_network(seed))
    macs = layer_macs(network)
    for candidate in candidates(network):
        stage = candidate.build(network)
        own = sum(macs[candidate.first : candidate.last])
        assert candidate.extra_macs == stage_macs(network, stage, macs) - own
        assert candidate.extra_macs <= own  # no more than twice the work


def test_pixels_that_nobody_reads_are_not_computed() -> None:
    """A stride greater than the window skips two expanded rows and columns of three."""
    builder = NetworkBuilder(0)
    builder.max_pool(builder.conv(builder.input(12, 12, 2), 6), kernel=1, stride=3)
    found = candidates(build_network(builder.build()))
    tiles = {halo: c.extra_macs for c in found for _, halo in c.halos}
    assert tiles[Halo(1, 1)] == (16 - 144) * 2 * 6


def test_all_ways_are_tried() -> None:
    assert ways(candidates(wide_block())) == {"patches", "strips", "halos"}


def test_modes_limit_what_is_tried() -> None:
    network = wide_block()
    streams = Options(modes=frozenset({Mode.STREAM}))
    patches = Options(modes=frozenset({Mode.PATCH}))
    assert ways(candidates(network, streams)) == {"strips", "halos"}
    assert ways(candidates(network, patches)) == {"patches"}
    assert candidates(network, Options(modes=frozenset({Mode.LAYER}))) == []


def test_peaks_are_below_the_limit() -> None:
    network = wide_block()
    found = candidates(network)
    limit = sorted(c.peak for c in found)[len(found) // 2]
    below = candidates(network, limit=limit)
    assert below and all(c.peak < limit for c in below)


def test_a_grid_that_is_asked_for_is_the_only_one() -> None:
    found = candidates(wide_block(), Options(patches=(1, 3)))
    assert {c.patches for c in found if c.mode is Mode.PATCH} == {(1, 3)}


def test_patches_are_not_smaller_than_a_pixel() -> None:
    builder = NetworkBuilder(0)
    builder.conv(builder.conv(builder.input(9, 3, 2), 4, kernel=3, stride=2), 4)  # 5 x 2
    network = build_network(builder.build())
    grids = {c.patches for c in candidates(network) if c.mode is Mode.PATCH}
    assert grids == {(2, 2)}


def test_a_patch_holds_all_inner_tensors_of_one_tile() -> None:
    """2 x 2 patches of 4 x 4: 5 x 5 x 6 expanded beside 4 x 4 x 6, whole ends and the state."""
    network, _ = residual()
    options = Options(patches=(2, 2))
    (candidate,) = (
        c
        for c in candidates(network, options)
        if c.mode is Mode.PATCH and (c.first, c.last) == (0, 4)
    )
    assert candidate.peak == 128 + 128 + (150 + 96) + 8


def test_halos_save_the_line_buffer() -> None:
    """One row of tiles as wide as the image: 3 x 8 x 6 expanded, nothing kept."""
    network, _ = residual()
    streams = Options(modes=frozenset({Mode.STREAM}))
    found = [c for c in candidates(network, streams) if c.halos and (c.first, c.last) == (0, 4)]
    assert {layer for c in found for layer, _ in c.halos} == {1}
    extra = {(halo.rows, halo.cols): c.extra_macs for c in found for _, halo in c.halos}
    # Bands of 2 rows need 3 + 4 + 4 + 3 expanded rows, of 4 rows 5 + 5; 12 MACs a pixel.
    assert extra[2, 8] == (14 * 8 - 64) * 12
    assert extra[4, 8] == (10 * 8 - 64) * 12


@pytest.mark.parametrize(
    "build",
    [
        lambda b, x: b.fully_connected(b.relu(x), 3),
        lambda b, x: b.mean(b.relu(x)),
        lambda b, x: b.transpose(b.relu(x), 0, 2, 1, 3),
    ],
)
def test_whole_readers_and_pools_are_not_cut(build) -> None:
    builder = NetworkBuilder(0)
    build(builder, builder.input(16, 16, 4))
    assert candidates(build_network(builder.build())) == []


def test_fed_stages_are_neither_cut_into_strips_nor_into_patches() -> None:
    network = wide_block()
    found = candidates(network, Options(row_fed=True))
    assert ways([c for c in found if c.first == 0]) == {"halos"}


def test_inner_outputs_are_not_cut() -> None:
    """A tensor that leaves the stage would be written by several tiles."""
    network = wide_block()
    graph = network.graph
    inner = graph.ops[2].output
    leaving = build_network(graph.replace(outputs=(*graph.outputs, inner)))
    whole = [c for c in candidates(leaving) if (c.first, c.last) == (0, 4)]
    assert ways(whole) == {"halos"}
