# SPDX-License-Identifier: Apache-2.0
"""Where groups begin and end, for each way of running a stage."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.network_builder import NetworkBuilder
from tflm_converters.schedule.grouping import (
    Halo,
    in_place_stage,
    joins,
    layer_stage,
    patch_stage,
    stream_stage,
)
from tflm_converters.schedule.network import Network, build_network
from tflm_converters.schedule.types import Group, Mode, Stage

Build = Callable[[NetworkBuilder, int], int]


def network(build: Build) -> Network:
    """What `build` appends to an input of 9 x 7 x 4."""
    builder = NetworkBuilder(0)
    build(builder, builder.input(9, 7, 4))
    return build_network(builder.build())


RESIDUAL = network(lambda b, x: b.inverted_residual(x, 4, expansion=3))
SQUEEZE = network(lambda b, x: b.squeeze_excite(b.depthwise(x), 2))
CLASSIFIER = network(lambda b, x: b.softmax(b.fully_connected(b.mean(b.conv(x, 6)), 3)))
TURNED = network(lambda b, x: b.relu(b.transpose(b.relu(x), 0, 2, 1, 3)))


def spans(stage: Stage) -> list[tuple[int, int]]:
    return [(group.first, group.last) for group in stage.groups]


def test_a_window_opens_a_group_and_pointwise_layers_join() -> None:
    assert spans(stream_stage(RESIDUAL, 0, 4)) == [(0, 1), (1, 4)]


def test_streams_go_pixel_by_pixel() -> None:
    assert {(g.tile_rows, g.tile_cols) for g in stream_stage(RESIDUAL, 0, 4).groups} == {(1, 1)}


def test_a_halo_group_takes_in_the_expansion() -> None:
    stage = stream_stage(RESIDUAL, 0, 4, halos={1: Halo(2, 5)})
    assert stage.groups == (Group(0, 4, tile_rows=2, tile_cols=5),)


def test_halo_tiles_are_not_larger_than_the_image() -> None:
    (group,) = stream_stage(RESIDUAL, 0, 4, halos={1: Halo(16, 16)}).groups
    assert (group.tile_rows, group.tile_cols) == (9, 7)


def test_a_pool_closes_its_group_and_sums_tile_by_tile() -> None:
    """Depthwise; mean; two layers on one pixel and the gate; the product reads all of x."""
    stage = stream_stage(SQUEEZE, 0, len(SQUEEZE.layers))
    assert spans(stage) == [(0, 2), (2, 5), (5, 6)]
    assert [group.accumulate for group in stage.groups] == [True, False, False]


def test_a_classifier_streams() -> None:
    stage = stream_stage(CLASSIFIER, 0, 4)
    assert spans(stage) == [(0, 2), (2, 4)]
    assert stage.groups[0].accumulate


def test_a_rearrangement_opens_a_group() -> None:
    assert spans(stream_stage(TURNED, 0, 3)) == [(0, 1), (1, 3)]


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda b, x: b.relu(b.depthwise(x)), True),
        (lambda b, x: b.mean(b.depthwise(x)), True),
        (lambda b, x: b.depthwise(b.depthwise(x)), False),
        (lambda b, x: b.relu(b.mean(x)), False),
        (lambda b, x: b.add(b.relu(x), x), True),
        (lambda b, x: b.concatenate(b.relu(x), x), True),
        (lambda b, x: b.mul(x, b.mean(x)), False),
        (lambda b, x: b.reshape(b.relu(x), 1, 7, 9, 4), False),
        (lambda b, x: b.mul(b.relu(x), b.constant([1.0, 2.0, 3.0, 4.0])), False),
    ],
)
def test_joins(build: Build, expected: bool) -> None:
    built = network(build)
    last = len(built.layers) - 1
    assert joins(built, last - 1, last) is expected


def test_layers_that_read_nothing_made_in_the_group_do_not_join() -> None:
    built = network(lambda b, x: b.add(b.relu(x), b.relu6(x)))
    assert not joins(built, 0, 1)
    assert joins(built, 1, 2)


def test_a_layer_by_itself() -> None:
    assert layer_stage(RESIDUAL, 1) == Stage(Mode.LAYER, (Group(1, 2, 1, 1),))
    assert layer_stage(CLASSIFIER, 1).groups == (Group(1, 2, 1, 1, accumulate=True),)
    stock = network(lambda b, x: b.dequantize(x))
    assert layer_stage(stock, 0).mode is Mode.STOCK


def test_in_place_goes_over_the_whole_tensor() -> None:
    stage = in_place_stage(RESIDUAL, 1)
    assert stage == Stage(Mode.LAYER, (Group(1, 2, 9, 7),), in_place=True)


@pytest.mark.parametrize(
    ("patches", "tile"), [((1, 1), (9, 7)), ((2, 2), (5, 4)), ((3, 4), (3, 2)), ((9, 7), (1, 1))]
)
def test_patches_are_as_even_as_they_can_be(
    patches: tuple[int, int], tile: tuple[int, int]
) -> None:
    stage = patch_stage(RESIDUAL, 0, 4, patches)
    assert stage == Stage(Mode.PATCH, (Group(0, 4, *tile),))
    assert (stage.first, stage.last) == (0, 4)
