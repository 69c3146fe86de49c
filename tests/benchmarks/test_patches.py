# SPDX-License-Identifier: Apache-2.0
"""The paper's arithmetic on a network small enough to count by hand."""

from __future__ import annotations

import pytest

from benchmarks.patches import analytic, end_of_blocks, full_tile
from tests.network_builder import NetworkBuilder
from tflm_converters.schedule.network import Network, build_network


@pytest.fixture(scope="module")
def small_mobilenet() -> Network:
    """Five blocks: a convolution, and four inverted residuals of which two have an ADD."""
    builder = NetworkBuilder(0)
    x = builder.conv(builder.input(32, 32, 3), 4, kernel=3, stride=2)
    for channels, stride in ((4, 1), (6, 2), (6, 1), (8, 2), (8, 1)):
        x = builder.inverted_residual(x, channels, expansion=2, stride=stride)
    return build_network(builder.build(x))


def test_blocks_end_behind_their_add(small_mobilenet: Network) -> None:
    convolution, residual, plain = 1, 4, 3
    assert end_of_blocks(small_mobilenet, 2) == convolution + residual
    assert end_of_blocks(small_mobilenet, 3) == convolution + residual + plain
    assert end_of_blocks(small_mobilenet, 5) == convolution + 2 * residual + 2 * plain


def test_sides_grow_with_every_window(small_mobilenet: Network) -> None:
    last = end_of_blocks(small_mobilenet, 3)
    tile = full_tile(small_mobilenet, last, patches=4)
    # 2 rows of the output; stride 2 makes 5 of them, a window of 3 makes 7, stride 2 makes 15.
    sides = [tile.sides[small_mobilenet.layers[i].output] for i in (last - 1, last - 3, 0)]
    assert sides == [2, 5, 7]
    assert tile.sides[small_mobilenet.inputs[0]] == 15


def test_work_of_a_full_tile(small_mobilenet: Network) -> None:
    tile = full_tile(small_mobilenet, 1, patches=4)
    assert tile.macs == 4 * 4 * 4 * 3 * 3 * 3
    assert tile.bytes == 4 * 4 * 4  # the image is not counted


def test_halos_clipped_at_the_border_cost_less(small_mobilenet: Network) -> None:
    figures = analytic(small_mobilenet, 2)
    assert figures["stage_macs"] < figures["stage_macs_clipped"] < figures["stage_macs_full"]
    assert figures["behind_bytes"] <= figures["per_layer_bytes"]
