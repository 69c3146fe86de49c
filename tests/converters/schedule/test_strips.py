# SPDX-License-Identifier: Apache-2.0
"""Column strips cover every column, with exactly the halos that later groups need."""

from __future__ import annotations

import pytest

from tests.converters.schedule.taps import random_stages, traced
from tests.network_builder import NetworkBuilder
from tflm_converters.schedule.boxes import escaping, touched
from tflm_converters.schedule.grouping import stream_stage
from tflm_converters.schedule.network import Network, build_network
from tflm_converters.schedule.strips import column_ranges, group_cols
from tflm_converters.schedule.types import Group, Stage


@pytest.fixture(scope="module")
def chain() -> Network:
    """Pointwise, 3 x 3, 5 x 5 with stride 2: 20 columns become 10."""
    builder = NetworkBuilder(0)
    x = builder.conv(builder.input(12, 20, 2), 3)
    builder.depthwise(builder.depthwise(x), kernel=5, stride=2)
    return build_network(builder.build())


def test_one_strip_is_everything(chain: Network) -> None:
    assert column_ranges(chain, stream_stage(chain, 0, 3)) == [[(0, 20), (0, 20), (0, 10)]]


def test_halos_grow_towards_the_input(chain: Network) -> None:
    """Output columns 0 to 4 need columns -1 to 9 of their input, those -2 to 10 of theirs."""
    stage = stream_stage(chain, 0, 3, strips=2)
    assert column_ranges(chain, stage) == [
        [(0, 13), (0, 12), (0, 5)],
        [(8, 20), (9, 20), (5, 10)],
    ]


def test_uneven_strips(chain: Network) -> None:
    stage = stream_stage(chain, 2, 3, strips=3)
    assert [r for (r,) in column_ranges(chain, stage)] == [(0, 3), (3, 6), (6, 10)]


def test_a_skip_connection_needs_the_widest_reader() -> None:
    builder = NetworkBuilder(0)
    x = builder.depthwise(builder.input(8, 8, 2))
    builder.add(builder.depthwise(builder.depthwise(x)), x)
    network = build_network(builder.build())
    stage = stream_stage(network, 0, 4, strips=2)
    first, second = column_ranges(network, stage)
    assert first[0] == (0, 6) and second[0] == (2, 8)


def test_two_branches_need_the_wider_one() -> None:
    """3 x 3 and then 5 x 5 read the same rows; the 5 x 5 group comes later."""
    builder = NetworkBuilder(0)
    x = builder.depthwise(builder.input(8, 8, 2))
    builder.add(builder.depthwise(x), builder.depthwise(x, kernel=5))
    network = build_network(builder.build())
    stage = stream_stage(network, 0, 4, strips=2)
    assert [(g.first, g.last) for g in stage.groups] == [(0, 1), (1, 2), (2, 4)]
    assert [ranges[0] for ranges in column_ranges(network, stage)] == [(0, 6), (2, 8)]


def test_accumulating_groups_have_the_columns_of_their_input() -> None:
    builder = NetworkBuilder(0)
    builder.mean(builder.input(4, 7, 2))
    network = build_network(builder.build())
    assert group_cols(network, Group(0, 1, 1, 1, accumulate=True)) == 7
    assert group_cols(network, Group(0, 1, 1, 1)) == 1


@pytest.mark.parametrize("seed", range(40))
def test_strips_provide_what_later_groups_read(seed: int) -> None:
    for network, stage in random_stages(seed):
        if stage.strips > 1:
            check(network, stage)


def check(network: Network, stage: Stage) -> None:
    covered: dict[int, set[int]] = {}
    for ranges in column_ranges(network, stage):
        made: dict[int, set[int]] = {}
        for group, (begin, end) in zip(stage.groups, ranges, strict=True):
            needed = traced(network, group, set(range(begin, end)), axis=1)
            for tensor in touched(network, group)[0]:
                assert tensor not in made or needed[tensor] <= made[tensor]
            for tensor in escaping(network, group):
                made[tensor] = set(range(begin, end))
                covered[tensor] = covered.get(tensor, set()) | made[tensor]
    result = network.layers[stage.last - 1]
    assert covered[result.output] == set(range(result.extent.width))
