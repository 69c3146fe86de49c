# SPDX-License-Identifier: Apache-2.0
"""Which stages are offered to the solver, with peaks counted by hand."""

from __future__ import annotations

import pytest

from tests.converters.schedule.blocks import residual
from tests.network_builder import NetworkBuilder
from tests.networks import random_network
from tflm_converters.schedule.candidates import Candidate, Options, plain_candidates, segments
from tflm_converters.schedule.grouping import (
    Halo,
    in_place_stage,
    layer_stage,
    patch_stage,
    stream_stage,
)
from tflm_converters.schedule.network import Network, build_network
from tflm_converters.schedule.recompute import recompute_candidates
from tflm_converters.schedule.segment import Tables
from tflm_converters.schedule.types import Mode

UNLIMITED = 1 << 40
AUTO = Options()
LAYER_ONLY, STREAM_ONLY = frozenset({Mode.LAYER}), frozenset({Mode.STREAM})


def plain(network: Network, options: Options = AUTO, limit: int = UNLIMITED) -> list[Candidate]:
    return list(plain_candidates(Tables(network, row_fed=options.row_fed), options, limit))


def spans(found: list[Candidate], mode: Mode) -> set[tuple[int, int]]:
    return {(c.first, c.last) for c in found if c.mode is mode}


def test_every_run_of_layers_may_stream() -> None:
    network, _ = residual()
    found = plain(network)
    assert spans(found, Mode.STREAM) == {(0, 2), (1, 3), (2, 4), (0, 3), (1, 4), (0, 4)}
    assert spans(found, Mode.LAYER) == {(0, 1), (1, 2), (2, 3), (3, 4)}
    assert all(c.extra_macs == 0 for c in found)


def test_a_depthwise_layer_may_run_in_place() -> None:
    """Next to its tensor: the waiting input, one plane of 8 x 8 and the state."""
    network, _ = residual()
    (candidate,) = (c for c in plain(network) if c.in_place)
    assert (candidate.first, candidate.last, candidate.peak) == (1, 2, 384 + 128 + 64 + 8)


@pytest.mark.parametrize(
    "build",
    [
        lambda b, x: b.depthwise(x, stride=2),
        lambda b, x: b.depthwise(x, multiplier=2),
        lambda b, x: b.depthwise(x, padding="VALID"),
        lambda b, x: b.conv(x, 2, kernel=3),
        lambda b, x: b.add(b.depthwise(x), x),
    ],
)
def test_what_may_not_run_in_place(build) -> None:
    builder = NetworkBuilder(0)
    build(builder, builder.conv(builder.input(8, 8, 2), 2))
    assert not any(c.in_place for c in plain(build_network(builder.build())))


def test_graph_outputs_are_not_overwritten_in_place() -> None:
    builder = NetworkBuilder(0)
    x = builder.conv(builder.input(8, 8, 2), 2)
    y = builder.depthwise(x)
    assert any(c.in_place for c in plain(build_network(builder.build(y))))
    assert not any(c.in_place for c in plain(build_network(builder.build(y, x))))


def test_modes_limit_what_is_offered() -> None:
    network, _ = residual()
    assert {c.mode for c in plain(network, Options(modes=LAYER_ONLY))} == {Mode.LAYER}
    streams = plain(network, Options(modes=STREAM_ONLY))
    assert {c.mode for c in streams} == {Mode.STREAM}


def test_streams_of_too_many_line_buffers_are_left_out() -> None:
    network, _ = residual()  # three rows of the expanded tensor: 144 bytes
    assert spans(plain(network, limit=143), Mode.STREAM) == {(1, 3), (2, 4), (1, 4)}
    assert (0, 4) in spans(plain(network, limit=144), Mode.STREAM)


def test_stock_operators_stand_alone() -> None:
    builder = NetworkBuilder(0)
    x = builder.conv(builder.input(4, 4, 2), 4)
    x = builder.mul(x, builder.constant([1.0, 2.0, 3.0, 4.0]))
    builder.relu(builder.conv(x, 3))
    found = plain(build_network(builder.build()))
    assert spans(found, Mode.STREAM) == {(2, 4)}
    (stock,) = (c for c in found if c.mode is Mode.STOCK)
    assert (stock.first, stock.last, stock.peak) == (1, 2, 64 + 64)


def test_fed_rows_go_to_the_first_stage_which_takes_all_readers() -> None:
    network, _ = residual()  # the addition at the end reads the input again
    found = plain(network, Options(row_fed=True))
    assert {(c.first, c.last) for c in found if c.first == 0} == {(0, 4)}
    assert not any(c.last == 4 for c in found if c.first > 0)


def test_a_fed_layer_is_offered_even_if_only_streams_are_asked_for() -> None:
    builder = NetworkBuilder(0)
    builder.depthwise(builder.conv(builder.input(8, 8, 2), 6))
    network = build_network(builder.build())
    found = plain(network, Options(modes=STREAM_ONLY, row_fed=True))
    assert spans(found, Mode.LAYER) == {(0, 1)}


@pytest.mark.parametrize("seed", range(15))
def test_segments_are_runs_without_stock_operators(seed: int) -> None:
    network = build_network(random_network(seed))
    stock = {i for i, layer in enumerate(network.layers) if layer.stock}
    found = {
        (s.first, s.last) for s in segments(Tables(network, row_fed=False), most_rings=UNLIMITED)
    }
    count = len(network.layers)
    assert found == {
        (first, last)
        for first in range(count)
        for last in range(first + 1, count + 1)
        if not stock & set(range(first, last))
    }


def test_a_candidate_builds_its_stage() -> None:
    network, _ = residual()
    expected = {
        Candidate(Mode.LAYER, 2, 3, 0): layer_stage(network, 2),
        Candidate(Mode.LAYER, 1, 2, 0, in_place=True): in_place_stage(network, 1),
        Candidate(Mode.PATCH, 0, 3, 0, patches=(2, 3)): patch_stage(network, 0, 3, (2, 3)),
        Candidate(Mode.STREAM, 0, 4, 0, strips=2): stream_stage(network, 0, 4, strips=2),
        Candidate(Mode.STREAM, 0, 4, 0, halos=((1, Halo(2, 4)),)): stream_stage(
            network, 0, 4, halos={1: Halo(2, 4)}
        ),
    }
    for candidate, stage in expected.items():
        assert candidate.build(network) == stage


@pytest.mark.parametrize("seed", range(15))
def test_stages_cover_the_layers_of_their_candidate(seed: int) -> None:
    network = build_network(random_network(seed))
    tables = Tables(network, row_fed=False)
    found = [*plain(network), *recompute_candidates(tables, Options(), UNLIMITED)]
    for candidate in found:
        groups = candidate.build(network).groups
        assert groups[0].first == candidate.first and groups[-1].last == candidate.last
        assert [g.first for g in groups[1:]] == [g.last for g in groups[:-1]]
